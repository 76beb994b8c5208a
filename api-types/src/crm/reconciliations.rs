//! The books beside the providers'.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

/// A comparison of our payments and refunds with one provider's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Reconciliation {
    #[schema(example = "rn_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    #[schema(example = "yookassa")]
    pub provider: String,
    pub status: ReconciliationStatus,
    /// Who asked for it: a user's or key's id; `system` for the one of the night.
    pub actor: String,
    /// What was begun, paid or given back from then on is compared.
    pub since: DateTime<Utc>,
    /// Why it could not be done to the end.
    pub failure: Option<String>,
    /// Oldest first, in your time zone.
    pub days: Vec<ReconciledDay>,
    /// Newest first, the last two hundred.
    pub differences: Vec<Difference>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReconciliationStatus {
    Running,
    Done,
    /// The provider could not be asked to the end; the next one makes up for it.
    Failed,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReconciledDay {
    #[schema(example = "2026-11-21")]
    pub day: String,
    /// Payments and refunds that were compared.
    pub checked: u64,
    /// Payments of other systems of the same shop: left alone.
    pub others: u64,
    /// Differences that were mended.
    pub mended: u64,
    /// Differences that became tasks.
    pub tasks: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Difference {
    pub id: String,
    #[schema(example = "2026-11-21")]
    pub day: String,
    pub kind: DifferenceKind,
    pub outcome: DifferenceOutcome,
    pub payment_id: Option<String>,
    pub provider_payment_id: Option<String>,
    /// What both sides said.
    #[schema(value_type = Object)]
    pub facts: Value,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceKind {
    /// The provider was further than we.
    BehindHere,
    /// A payment in the name of an order of ours that was unknown here.
    MissingHere,
    /// A second payment for an order that is paid: its money is in the client's wallet.
    PaidTwice,
    /// Money is held for something that does not wait for it.
    HeldThere,
    NotPaidThere,
    OtherAmount,
    /// Given back in the provider's own cabinet.
    RefundMissingHere,
    RefundMissingThere,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DifferenceOutcome {
    Mended,
    Task,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReconciliationQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// A provider's code.
    pub provider: Option<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewReconciliation {
    /// Absent: every provider.
    #[serde(default)]
    #[schema(example = "yookassa")]
    pub provider: Option<String>,
    /// How many days back; absent: as every night.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 31)]
    pub days: Option<u32>,
}

/// What was begun; look at each of them for its end.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReconciliationList {
    pub items: Vec<Reconciliation>,
}
