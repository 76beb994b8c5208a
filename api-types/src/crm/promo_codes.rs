//! Promo codes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Money;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromoCode {
    #[schema(example = "pc_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    /// As you wrote it; spaces, case and look-alike Cyrillic letters don't matter when it is typed.
    #[schema(example = "SPRING20")]
    pub code: String,
    /// The name of the bulk generation it belongs to.
    pub batch: Option<String>,
    pub terms: PromoTerms,
    pub is_active: bool,
    /// Reserved by orders that wait for their payment, and used by paid ones.
    pub uses: u32,
    pub created_at: DateTime<Utc>,
    /// The same number as in `ETag`.
    pub version: i64,
}

/// What a code takes off, for whom and when.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoTerms {
    pub discount: PromoDiscount,
    #[serde(default)]
    pub starts_at: Option<DateTime<Utc>>,
    /// Up to, but not including, this instant.
    #[serde(default)]
    pub ends_at: Option<DateTime<Utc>>,
    /// Uses in all; absent: no limit.
    #[serde(default)]
    #[schema(minimum = 1)]
    pub total_limit: Option<u32>,
    #[serde(default)]
    #[schema(minimum = 1)]
    pub per_client_limit: Option<u32>,
    #[serde(default)]
    pub is_first_order_only: bool,
    /// Ids of products; empty: for everything.
    #[serde(default)]
    pub products: Vec<String>,
    /// Ids of clients; empty: for everybody.
    #[serde(default)]
    pub clients: Vec<String>,
    /// The least sum, before discounts, of what the code applies to.
    #[serde(default)]
    pub minimum: Option<Money>,
    /// For yourself.
    #[serde(default)]
    pub note: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
#[schema(example = json!({ "type": "percent", "basis_points": 2000 }))]
pub enum PromoDiscount {
    /// Hundredths of a percent: 2000 is 20 %.
    Percent {
        basis_points: u16,
    },
    Sum {
        amount: Money,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromoCode {
    /// 1 to 64 letters, digits, `_` and `-`.
    #[schema(example = "SPRING20")]
    pub code: String,
    pub terms: PromoTerms,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PromoEdit {
    pub is_active: bool,
    pub terms: PromoTerms,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPromoBatch {
    /// The name of this generation; each has its own.
    #[schema(example = "Выставка, осень 2026")]
    pub batch: String,
    #[schema(minimum = 1, maximum = 1000, example = 50)]
    pub count: u32,
    /// What every code begins with; up to 16 letters, digits, `_` and `-`.
    #[serde(default)]
    #[schema(example = "FIT-")]
    pub prefix: String,
    /// Random characters after the prefix, from an alphabet without 0, O, 1, I and L.
    #[schema(minimum = 4, maximum = 16, example = 8)]
    pub length: u32,
    pub terms: PromoTerms,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromoBatch {
    pub batch: String,
    pub codes: Vec<String>,
    /// All of them with their uses, as a table.
    #[schema(example = "/api/promocodes/export.csv?batch=...")]
    pub csv_url: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromoReport {
    /// By orders that wait for their payment.
    pub reserved: u32,
    /// By paid orders.
    pub used: u32,
    /// By orders that nobody paid; these uses are free again.
    pub released: u32,
    /// Of paid orders, for each currency.
    pub sums: Vec<PromoSum>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromoSum {
    /// What was taken off.
    pub discount: Money,
    /// What those orders brought in.
    pub revenue: Money,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PromoQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// The name of a bulk generation.
    pub batch: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PromoExportQuery {
    /// The name of a bulk generation; absent: every code.
    pub batch: Option<String>,
}
