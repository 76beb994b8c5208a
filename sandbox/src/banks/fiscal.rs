//! Receipts of 54-FZ as the cash register behind a bank keeps them.

use serde::{Deserialize, Serialize};
use serde_json::Value;

/// What a receipt is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptKind {
    Payment,
    Refund,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    Succeeded,
    Canceled,
}

impl ReceiptStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Receipt {
    pub id: String,
    /// Shop or terminal.
    pub account: String,
    pub kind: ReceiptKind,
    pub payment_id: String,
    pub refund_id: Option<String>,
    /// A second receipt, which settles a prepayment.
    pub closing: bool,
    pub status: ReceiptStatus,
    pub total: i64,
    /// The data as the shop sent them.
    pub data: Value,
    pub created_at_ms: i64,
    /// Number of the fiscal document; also makes the fiscal attribute.
    pub document: u64,
}

impl Receipt {
    pub fn storage_number(&self) -> &'static str {
        "9288000100115785"
    }

    pub fn attribute(&self) -> u64 {
        2_617_603_921_u64.wrapping_add(self.document.wrapping_mul(7_919)) % 4_294_967_295
    }
}
