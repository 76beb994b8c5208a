//! What was spent on an order, and the refund that would be fair.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Localized, Money};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderCost {
    #[schema(example = "oc_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub order_id: String,
    pub amount: Money,
    /// What for.
    #[schema(example = "Аренда зала на первую встречу")]
    pub note: String,
    pub actor: String,
    pub created_at: DateTime<Utc>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderCostList {
    /// Oldest first.
    pub items: Vec<OrderCost>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewOrderCost {
    /// In the order's currency.
    pub amount: Money,
    /// What it was spent on, 1 to 500 characters.
    #[schema(example = "Аренда зала на первую встречу")]
    pub note: String,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct OrderRefundQuery {
    /// How much of the order was delivered, in hundredths of a percent; counted by line when absent.
    #[param(minimum = 0, maximum = 10_000)]
    pub delivered_basis_points: Option<u16>,
}

/// The sum that would be fair to give back, and how it came about.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct OrderRefundProposal {
    /// The payment to give it back from.
    pub payment_id: String,
    /// What can be given back at most.
    pub left: Money,
    pub proposed: Money,
    /// From what was paid down to what is proposed.
    pub lines: Vec<ProposalLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ProposalLine {
    pub kind: ProposalLineKind,
    pub title: Localized,
    /// What it adds; negative takes away.
    pub amount: Money,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProposalLineKind {
    Paid,
    Delivered,
    Cost,
    /// Given back, or on its way.
    Refunded,
}
