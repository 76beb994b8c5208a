//! The books.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Currency, Money};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct LedgerAccount {
    #[schema(example = "revenue:pr_01KB3SK7ZQ4T9XW2M5N8R6V0YD:RUB")]
    pub id: String,
    pub kind: AccountKind,
    /// A provider's code, a client's id, a product's id.
    pub owner: String,
    /// Debits minus credits: what a provider owes us is positive, what we owe a client is negative.
    pub balance: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AccountKind {
    /// What a provider has taken in for us; also cash and transfers taken by hand.
    ProviderClearing,
    /// What we owe a client: paid, and not yet used for an order.
    Wallet,
    Revenue,
    Fees,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AccountQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Absent: `provider_clearing`.
    pub kind: Option<AccountKind>,
}

/// One page of an account's statement, newest first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Statement {
    pub account_id: String,
    /// What the account holds now.
    pub balance: Money,
    pub items: Vec<StatementEntry>,
    /// Pass it back as `cursor` to get the next page; absent on the last one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next_cursor: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StatementEntry {
    pub transfer_id: String,
    pub kind: TransferKind,
    /// What it stands for: the id of a payment, an order or a refund.
    #[schema(example = "py_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub cause: String,
    /// The account on the other side.
    pub counterpart: String,
    /// In a ledger account's statement positive for a debit; in a client's statement positive for money that came in.
    pub amount: Money,
    /// After this entry.
    pub balance: Money,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TransferKind {
    PaymentSucceeded,
    OrderCharged,
    RefundSucceeded,
    ProviderFee,
    /// Two clients turned out to be one: what was left in the wallet went along.
    WalletMoved,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct StatementQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Absent: `RUB`.
    pub currency: Option<Currency>,
}

/// What each kind of account holds. Every currency adds up to zero.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialBalance {
    pub items: Vec<TrialBalanceRow>,
    /// The sum of all accounts for each currency: zero, or the books are broken.
    pub totals: Vec<Money>,
    pub is_balanced: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TrialBalanceRow {
    pub kind: AccountKind,
    pub balance: Money,
}
