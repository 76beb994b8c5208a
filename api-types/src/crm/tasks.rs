//! What a person has to do.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Localized;

/// Something that can't be done by itself, with the facts on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Task {
    #[schema(example = "tk_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    /// Stable: `paid_twice`, `held`, `refund_failed`, …
    #[schema(example = "paid_twice")]
    pub kind: String,
    /// What happened and what to do.
    pub words: Localized,
    pub status: TaskStatus,
    pub client_id: Option<String>,
    pub order_id: Option<String>,
    pub payment_id: Option<String>,
    pub refund_id: Option<String>,
    #[schema(value_type = Object)]
    pub facts: Value,
    pub created_at: DateTime<Utc>,
    pub done_at: Option<DateTime<Utc>>,
    /// A user's or key's id.
    pub done_by: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TaskStatus {
    Open,
    Done,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TaskQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    pub status: Option<TaskStatus>,
}
