//! What is sold, and what a client gets off.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Localized, Money};

/// A product as it is sold. Orders keep what was agreed: a change reaches new ones only.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Product {
    #[schema(example = "pr_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    #[serde(flatten)]
    pub content: ProductContent,
    pub archived_at: Option<DateTime<Utc>>,
    /// Whether it can be bought now.
    pub is_on_sale: bool,
    /// The same number as in `ETag`.
    pub version: i64,
}

/// What an owner writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductContent {
    /// Your own name for it, for good: 1 to 64 of `a-z 0-9 _ -`.
    #[schema(example = "coaching")]
    pub code: String,
    pub title: Localized,
    #[serde(default)]
    pub description: Localized,
    /// What exactly is given, and when: the offer and the receipt rest on it.
    pub delivery: Localized,
    /// What happens by itself when it is paid.
    #[schema(min_items = 1, example = json!(["full_program"]))]
    pub grants: Vec<Grant>,
    /// For one piece, or for one month.
    pub price: Money,
    /// Also offered as an addition, once, to an order of anything that is no addition itself and has the same currency.
    /// That is beside its own card: everything on sale is sold on its own, additions too. Not for what is sold by the
    /// month.
    #[serde(default)]
    pub is_addon: bool,
    /// Sold by the month: an order's quantity counts months.
    #[serde(default)]
    pub is_monthly: bool,
    /// Months at once and their discount; for what is sold by the month.
    #[serde(default)]
    pub packages: Vec<Package>,
    #[serde(default)]
    pub tax: TaxTreatment,
    #[serde(default)]
    pub active_from: Option<DateTime<Utc>>,
    /// Up to, but not including, this instant.
    #[serde(default)]
    pub active_to: Option<DateTime<Utc>>,
    /// Smaller ones are offered first.
    #[serde(default)]
    pub position: i64,
}

/// A discount for so many months or more, up to the next package.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Package {
    #[schema(minimum = 2, maximum = 120, example = 3)]
    pub months: u32,
    /// Hundredths of a percent: 1000 is 10 %.
    #[schema(minimum = 0, maximum = 10_000, example = 1000)]
    pub basis_points: u16,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Grant {
    /// The programme of all twelve weeks, made and sent by itself.
    FullProgram,
    /// The trainer gets a task and leads.
    Coaching,
    /// The trainer gets a task.
    NutritionPlan,
    /// The trainer gets a task.
    ByHand,
}

/// What the tax receipt says (54-FZ).
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TaxTreatment {
    #[serde(default)]
    pub vat: Vat,
    #[serde(default)]
    pub subject: PaymentSubject,
    #[serde(default)]
    pub mode: PaymentMode,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub enum Vat {
    #[default]
    #[serde(rename = "none")]
    None,
    #[serde(rename = "0")]
    Zero,
    #[serde(rename = "5")]
    Five,
    #[serde(rename = "7")]
    Seven,
    #[serde(rename = "10")]
    Ten,
    #[serde(rename = "20")]
    Twenty,
    #[serde(rename = "22")]
    TwentyTwo,
    #[serde(rename = "5/105")]
    FiveOf105,
    #[serde(rename = "7/107")]
    SevenOf107,
    #[serde(rename = "10/110")]
    TenOf110,
    #[serde(rename = "20/120")]
    TwentyOf120,
    #[serde(rename = "22/122")]
    TwentyTwoOf122,
}

/// Tag 1212.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentSubject {
    #[default]
    Service,
    Commodity,
    IntellectualActivity,
    Payment,
    Another,
}

/// Tag 1214.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentMode {
    #[default]
    FullPayment,
    /// Given later: a closing receipt follows.
    FullPrepayment,
}

/// What one client always gets off.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientDiscount {
    /// Hundredths of a percent; `null`: there is none.
    #[schema(maximum = 10_000, example = 1500)]
    pub basis_points: Option<u16>,
    pub note: Option<String>,
    /// Up to, but not including, this instant.
    pub ends_at: Option<DateTime<Utc>>,
    /// The same number as in `ETag`; 0 as long as there is none.
    pub version: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClientDiscount {
    #[schema(minimum = 1, maximum = 10_000, example = 1500)]
    pub basis_points: u16,
    /// For yourself; the client does not see it.
    #[serde(default)]
    pub note: Option<String>,
    #[serde(default)]
    pub ends_at: Option<DateTime<Utc>>,
}
