//! What a bank knows, in one shape for both: for the pages, the driver and whoever compares books.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::{Bank, cards::CardError, cards::TypedCard};

/// Where the money is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MoneyState {
    Pending,
    Held,
    Paid,
    PartiallyRefunded,
    Refunded,
    Canceled,
    Expired,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct PaymentView {
    pub bank: Bank,
    pub id: String,
    /// Shop or terminal.
    pub account: String,
    /// T-Bank's `OrderId`; YooKassa's `metadata.order_id`.
    pub order_id: Option<String>,
    pub state: MoneyState,
    /// The bank's own word.
    pub status: String,
    /// Why it is canceled: a reason or a code.
    pub reason: Option<String>,
    pub amount_minor: i64,
    /// What was taken in all, refunds not subtracted.
    pub paid_minor: i64,
    pub refunded_minor: i64,
    pub currency: String,
    pub description: Option<String>,
    /// YooKassa's `metadata`, T-Bank's `DATA`.
    pub metadata: Value,
    pub created_at_ms: i64,
    pub expires_at_ms: Option<i64>,
    /// Path of the hosted page on this sandbox.
    pub pay_path: String,
    /// What a later charge names: `payment_method_id` or `RebillId`.
    pub saved_method: Option<String>,
    pub customer: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct RefundView {
    pub bank: Bank,
    pub id: String,
    pub payment_id: String,
    /// `pending`, `succeeded` or `canceled`.
    pub status: String,
    pub reason: Option<String>,
    pub amount_minor: i64,
    pub created_at_ms: i64,
}

/// The sums of one bank over all its payments, for a comparison of books.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub payments: u64,
    pub paid: u64,
    pub paid_minor: i64,
    pub refunded_minor: i64,
    pub held_minor: i64,
}

/// What the payer does on the hosted page, or a test in their stead.
#[derive(Debug, Clone, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Act {
    /// The page was opened.
    Open,
    Pay {
        /// Without a number, and with an outcome: a card that fits it.
        #[serde(default)]
        card: TypedCard,
        /// `success`, `three_ds`, or a reason or code to decline with; absent: what the card's number says.
        #[serde(default)]
        outcome: Option<String>,
        #[serde(default)]
        save: bool,
        /// A saved method instead of a card.
        #[serde(default)]
        method: Option<String>,
    },
    /// The code of the 3-D Secure page.
    Confirm {
        #[serde(default)]
        code: String,
    },
    /// The payer fails the 3-D Secure check.
    FailConfirm,
    /// The time to pay is over at once.
    Expire,
}

#[derive(Debug, thiserror::Error)]
pub enum ActError {
    #[error("there is no such payment")]
    NotFound,
    #[error("the payment is past that")]
    Closed,
    #[error("there is no such saved method")]
    NoMethod,
    /// The name of the field of the form.
    #[error("{0}")]
    Field(#[from] CardError),
    #[error("code")]
    Code,
    #[error("{0}")]
    Refused(String),
}
