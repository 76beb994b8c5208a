//! Whether money is taken inside Telegram.

use api_types::crm::{ShownTelegramPaymentSettings, TelegramBank, TelegramPaymentSettings};
use app::crm::telegram_payments::{self, Wanted};
use app::settings::telegram::{Bank, TelegramPayments};
use axum::extract::State;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_text;
use super::money::{read_money, show_money};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, Versioned};
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(find, save))
}

/// Get whether money is taken inside Telegram
///
/// The bank's token is never shown, only whether there is one and its last four characters.
#[utoipa::path(
    get,
    path = "/api/settings/telegram-payments",
    tag = "settings",
    responses((status = 200, body = ShownTelegramPaymentSettings, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
) -> ApiResult<Versioned<ShownTelegramPaymentSettings>> {
    let (found, version) = telegram_payments::find(&state.app, &caller).await?;
    Ok(show(&found, version))
}

/// Choose whether money is taken inside Telegram
///
/// Bills that are out keep their price; what is switched off is refused before anything is charged.
#[utoipa::path(
    put,
    path = "/api/settings/telegram-payments",
    tag = "settings",
    params(IfMatch),
    request_body = TelegramPaymentSettings,
    responses(
        (status = 200, body = ShownTelegramPaymentSettings),
        Invalid,
        IfMatch
    )
)]
async fn save(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    Json(wanted): Json<TelegramPaymentSettings>,
) -> ApiResult<Versioned<ShownTelegramPaymentSettings>> {
    let wanted = Wanted {
        stars: wanted.stars,
        hundred_stars: read_money(wanted.hundred_stars),
        cards: wanted.cards,
        provider_token: wanted.provider_token,
        bank: match wanted.bank {
            TelegramBank::Yookassa => Bank::Yookassa,
            TelegramBank::Other => Bank::Other,
        },
        tax_system: wanted.tax_system,
    };
    let (saved, version) = telegram_payments::save(&state.app, &caller, version, wanted).await?;
    Ok(show(&saved, version))
}

fn show(setting: &TelegramPayments, version: i64) -> Versioned<ShownTelegramPaymentSettings> {
    Versioned {
        version,
        body: ShownTelegramPaymentSettings {
            version,
            stars: setting.stars,
            hundred_stars: show_money(setting.hundred_stars),
            cards: setting.cards,
            has_provider_token: setting.provider_token.is_set(),
            provider_token_last4: setting.provider_token.last_four(),
            is_test: setting.is_test(),
            bank: match setting.bank {
                Bank::Yookassa => TelegramBank::Yookassa,
                Bank::Other => TelegramBank::Other,
            },
            tax_system: setting.tax_system,
            notice: show_text(TelegramPayments::notice()),
        },
    }
}
