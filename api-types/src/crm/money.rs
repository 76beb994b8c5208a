//! Amounts on the wire: integers in minor units, with their currency beside them.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `{"amount_minor": 499000, "currency": "RUB"}` is 4 990 roubles.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Money {
    /// In the currency's minor unit: kopecks, cents; yen and Stars have none.
    #[schema(example = 499_000)]
    pub amount_minor: i64,
    pub currency: Currency,
}

/// ISO 4217; `XTR` is Telegram Stars.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Currency {
    Rub,
    Usd,
    Eur,
    Kzt,
    Jpy,
    Kwd,
    Xtr,
}
