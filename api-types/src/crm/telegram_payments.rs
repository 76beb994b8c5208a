//! Whether money is taken inside Telegram.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Localized, Money, present};

/// The bank that was connected in BotFather.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TelegramBank {
    /// Its tax receipts go along with the bill.
    #[default]
    Yookassa,
    Other,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TelegramPaymentSettings {
    /// Telegram Stars are taken. Off as long as nobody switches it on.
    pub stars: bool,
    /// What a hundred Stars bring you. The price in Stars follows from it, rounded up to a whole Star.
    pub hundred_stars: Money,
    /// Cards are taken through the bank connected in BotFather. Off as long as nobody switches it on.
    pub cards: bool,
    /// As BotFather shows it. It is kept sealed and never shown again; left out it stays, `null` takes it away.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "401643678:TEST:00000000-0000-0000-0000-000000000000")]
    pub provider_token: Option<Option<String>>,
    #[serde(default)]
    pub bank: TelegramBank,
    /// For receipts, as the tax office numbers it.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 6)]
    pub tax_system: Option<u8>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShownTelegramPaymentSettings {
    /// The same number as in `ETag`; 0 as long as nothing was saved.
    pub version: i64,
    pub stars: bool,
    pub hundred_stars: Money,
    pub cards: bool,
    pub has_provider_token: bool,
    pub provider_token_last4: Option<String>,
    /// No real money moves.
    pub is_test: bool,
    pub bank: TelegramBank,
    pub tax_system: Option<u8>,
    /// What you have to know before you switch something on: Telegram's rules for digital goods, rounding, refunds.
    pub notice: Localized,
}
