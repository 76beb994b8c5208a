//! How money is taken.

use api_types::crm::{ConfiguredProvider, PaymentSettings, VersionedPaymentSettings};
use api_types::problem::Problem;
use app::App;
use app::crm::payment_settings;
use app::settings::payments::PaymentSettings as Setting;
use axum::extract::State;
use domain::language::{Language, Localized};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_text;
use super::money::{read_capture, read_receipt_mode, read_stacking, show_capture, show_receipt_mode, show_stacking};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, Versioned};
use crate::problem::ApiResult;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(find, save))
}

/// Get how money is taken
#[utoipa::path(
    get,
    path = "/api/settings/payments",
    tag = "settings",
    responses((status = 200, body = VersionedPaymentSettings, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Versioned<VersionedPaymentSettings>> {
    let (found, version) = payment_settings::find(&state.app, &caller).await?;
    Ok(show(&state.app, found, version))
}

/// Save how money is taken
///
/// Orders that were placed keep their price and their time.
#[utoipa::path(
    put,
    path = "/api/settings/payments",
    tag = "settings",
    params(("If-Match" = String, Header, description = "The `ETag` you have seen")),
    request_body = PaymentSettings,
    responses(
        (status = 200, body = VersionedPaymentSettings),
        (status = 412, description = "Somebody else was faster: `version_conflict`", body = Problem, content_type = "application/problem+json"),
        (status = 422, body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json")
    )
)]
async fn save(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    Json(wanted): Json<PaymentSettings>,
) -> ApiResult<Versioned<VersionedPaymentSettings>> {
    let wanted = Setting {
        order_minutes: wanted.order_minutes,
        refund_window_minutes: wanted.refund_window_minutes,
        capture: read_capture(wanted.capture),
        stacking: read_stacking(wanted.stacking),
        receipts: read_receipt_mode(wanted.receipts),
        providers: wanted.providers,
    };
    let (saved, version) = payment_settings::save(&state.app, &caller, version, wanted).await?;
    Ok(show(&state.app, saved, version))
}

fn show(app: &App, setting: Setting, version: i64) -> Versioned<VersionedPaymentSettings> {
    let configured_providers = app
        .payment_providers()
        .all()
        .iter()
        .map(|provider| ConfiguredProvider {
            code: provider.code().to_owned(),
            title: show_text(Localized::new(
                provider.title(Language::Ru),
                provider.title(Language::En),
            )),
            can_hold: provider.capabilities().holds,
        })
        .collect();
    Versioned {
        version,
        body: VersionedPaymentSettings {
            version,
            settings: PaymentSettings {
                order_minutes: setting.order_minutes,
                refund_window_minutes: setting.refund_window_minutes,
                capture: show_capture(setting.capture),
                stacking: show_stacking(setting.stacking),
                receipts: show_receipt_mode(setting.receipts),
                providers: setting.providers,
            },
            configured_providers,
        },
    }
}
