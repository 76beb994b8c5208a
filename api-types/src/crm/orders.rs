//! Orders: what was agreed, at the price as it was agreed.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Grant, Localized, Money, Payment, Receipt, Refund, TaxTreatment};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Order {
    #[schema(example = "or_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub client_id: String,
    pub status: OrderStatus,
    /// `telegram`, `site` or `admin`.
    #[schema(example = "telegram")]
    pub channel: String,
    /// `ru` or `en`: what the client is spoken to in.
    #[schema(example = "ru")]
    pub language: String,
    pub total: Money,
    pub promo_code_id: Option<String>,
    /// Where the receipt goes: an e-mail address or a phone number.
    pub contact: Option<String>,
    pub offer_accepted_at: Option<DateTime<Utc>>,
    pub created_at: DateTime<Utc>,
    /// Unpaid, it ends then, and its promo code is free again.
    pub expires_at: DateTime<Utc>,
    pub paid_at: Option<DateTime<Utc>>,
    pub fulfilled_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    /// Where the client pays and follows the payment.
    pub checkout_url: String,
    /// The same number as in `ETag`.
    pub version: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum OrderStatus {
    AwaitingPayment,
    Paid,
    /// Everything that was bought is given.
    Fulfilled,
    /// Everything was given back.
    Refunded,
    Canceled,
    /// Nobody paid in time.
    Expired,
}

/// An order with everything around it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderDetails {
    #[serde(flatten)]
    pub order: Order,
    pub lines: Vec<OrderLine>,
    pub breakdown: Breakdown,
    /// Newest first.
    pub payments: Vec<Payment>,
    /// Newest first.
    pub refunds: Vec<Refund>,
    /// Newest first.
    pub receipts: Vec<Receipt>,
    /// Why the promo code was not taken, in the answer to the request that named it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo_refusal: Option<PromoRefusal>,
}

/// A line as it was sold; later edits of the product don't reach it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderLine {
    pub product_id: String,
    pub title: Localized,
    pub delivery: Localized,
    pub grants: Vec<Grant>,
    /// Months for what is sold by the month, else pieces.
    pub quantity: u32,
    pub is_monthly: bool,
    pub unit_price: Money,
    pub list: Money,
    pub discount: Money,
    pub total: Money,
    /// Given back so far.
    pub refunded: Money,
    pub tax: TaxTreatment,
}

/// The price, explained.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Breakdown {
    pub list_total: Money,
    pub discount_total: Money,
    pub total: Money,
    /// Every discount that was looked at, in the order of preference: months, personal, loyalty, promo.
    pub candidates: Vec<DiscountCandidate>,
    /// What the price was before it was raised to the provider's minimum.
    pub raised_from: Option<Money>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DiscountCandidate {
    pub kind: DiscountKind,
    /// For people: «Промокод», "Promo code".
    pub title: Localized,
    /// What it takes off, or would have taken off alone.
    pub amount: Money,
    pub outcome: DiscountOutcome,
    /// The one that is better, or as good and preferred.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost_to: Option<DiscountKind>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refusal: Option<PromoRefusal>,
    /// Hundredths of a percent, where there is one share for the whole order.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub basis_points: Option<u16>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub promo_code_id: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiscountKind {
    /// For several months at once.
    Months,
    /// The client's own.
    Personal,
    Loyalty,
    Promo,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DiscountOutcome {
    Applied,
    Lost,
    Refused,
}

/// Why a promo code is not taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PromoRefusal {
    /// Stable: `promo_unknown`, `promo_other_client`, `promo_deactivated`, `promo_not_yet_valid`, `promo_expired`, `promo_used_up`,
    /// `promo_used_by_client`, `promo_first_order_only`, `promo_other_product`, `promo_below_minimum`, `promo_other_currency`.
    #[schema(example = "promo_expired")]
    pub code: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starts_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ended_at: Option<DateTime<Utc>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub minimum: Option<Money>,
}

/// What somebody wants to buy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Basket {
    #[schema(example = "cl_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub client_id: String,
    #[schema(min_items = 1, max_items = 20)]
    pub items: Vec<BasketItem>,
    /// As it was typed.
    #[serde(default)]
    pub promo_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BasketItem {
    #[schema(example = "pr_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub product_id: String,
    /// Months for what is sold by the month, else pieces.
    #[serde(default = "one")]
    #[schema(minimum = 1, maximum = 120, default = 1)]
    pub quantity: u32,
}

const fn one() -> u32 {
    1
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrder {
    #[schema(example = "cl_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub client_id: String,
    #[schema(min_items = 1, max_items = 20)]
    pub items: Vec<BasketItem>,
    /// As it was typed. A code that can't be used is refused by name, and the order placed without it.
    #[serde(default)]
    pub promo_code: Option<String>,
    /// Where the receipt goes: an e-mail address or a phone number. Absent: the client's own, if the receipt needs one.
    #[serde(default)]
    pub contact: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct OrderPatch {
    /// Where the receipt goes: an e-mail address or a phone number.
    #[schema(example = "anna@example.com")]
    pub contact: String,
}

/// What a basket would cost now. Nothing is written or reserved.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Quote {
    pub lines: Vec<OrderLine>,
    pub breakdown: Breakdown,
    pub promo_refusal: Option<PromoRefusal>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// A client's id.
    pub client: Option<String>,
    pub status: Option<OrderStatus>,
}
