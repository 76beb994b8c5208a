//! How money is taken.

use std::collections::BTreeMap;

use api_types::crm::{ConfiguredProvider, KeyField, KeySource, PaymentSettings, VersionedPaymentSettings};
use app::crm::payment_settings::{self, Source};
use app::settings::payments::PaymentSettings as Setting;
use app::{App, Caller};
use axum::extract::State;
use domain::language::{Language, Localized};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_text;
use super::money::{read_capture, read_receipt_mode, read_stacking, show_capture, show_receipt_mode, show_stacking};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, Versioned};
use crate::problem::ApiResult;
use crate::refusals::Invalid;
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
    show(&state.app, &caller, found, version).await
}

/// Save how money is taken
///
/// Orders that were placed keep their price and their time. New keys are tried at their provider first (`422` with
/// `not_accepted` when it does not take them, `503` when it is away) and are in force within seconds, without a restart. Money
/// that is still on its way through another shop's keys can't be followed any more: change them when nothing is open.
#[utoipa::path(
    put,
    path = "/api/settings/payments",
    tag = "settings",
    params(IfMatch),
    request_body = PaymentSettings,
    responses(
        (status = 200, body = VersionedPaymentSettings),
        Invalid,
        IfMatch
    )
)]
async fn save(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    Json(wanted): Json<PaymentSettings>,
) -> ApiResult<Versioned<VersionedPaymentSettings>> {
    let settings = Setting {
        order_minutes: wanted.order_minutes,
        refund_window_minutes: wanted.refund_window_minutes,
        capture: read_capture(wanted.capture),
        stacking: read_stacking(wanted.stacking),
        receipts: read_receipt_mode(wanted.receipts),
        providers: wanted.providers,
        save_methods: wanted.save_methods,
        reconcile_days: wanted.reconcile_days,
    };
    let (saved, version) = payment_settings::save(&state.app, &caller, version, settings, &wanted.keys).await?;
    show(&state.app, &caller, saved, version).await
}

async fn show(
    app: &App,
    caller: &Caller,
    setting: Setting,
    version: i64,
) -> ApiResult<Versioned<VersionedPaymentSettings>> {
    let keys = payment_settings::shown_keys(app, caller).await?;
    let ready = app::pay::keys::providers(app, &caller.tenant).await?;
    let makers = app.payment_providers().makers();
    let configured_providers = keys
        .into_iter()
        .map(|(code, keys)| {
            let provider = ready.find(code);
            let title = |language| match provider {
                Some(provider) => provider.title(language),
                None => makers
                    .iter()
                    .find(|maker| maker.code() == code)
                    .map_or(code, |maker| maker.title(language)),
            };
            ConfiguredProvider {
                code: code.to_owned(),
                title: show_text(Localized::new(title(Language::Ru), title(Language::En))),
                is_ready: provider.is_some(),
                can_hold: provider.is_some_and(|provider| provider.capabilities().holds),
                can_save_methods: provider.is_some_and(|provider| provider.capabilities().saves_methods),
                keys_from: match keys.source {
                    Source::None => KeySource::None,
                    Source::Environment => KeySource::Environment,
                    Source::Settings => KeySource::Settings,
                },
                key_fields: keys
                    .fields
                    .into_iter()
                    .map(|field| KeyField {
                        name: field.field.name.to_owned(),
                        is_secret: field.field.is_secret,
                        is_required: field.field.is_required,
                        shown: field.shown,
                    })
                    .collect(),
            }
        })
        .collect();
    Ok(Versioned {
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
                save_methods: setting.save_methods,
                reconcile_days: setting.reconcile_days,
                keys: BTreeMap::new(),
            },
            configured_providers,
        },
    })
}
