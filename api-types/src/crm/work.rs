//! Background work that needs a person's eye.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Job {
    #[schema(example = "jb_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    #[schema(example = "generate_program")]
    pub kind: String,
    pub state: JobState,
    /// Tries begun.
    pub attempts: u32,
    pub max_attempts: u32,
    pub last_error: Option<String>,
    /// The request that ordered it, as the logs know it.
    pub request_id: String,
    pub created_at: DateTime<Utc>,
    pub due_at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum JobState {
    Queued,
    Running,
    Done,
    /// Tried as often as allowed, or refused for good: waits for a person.
    Dead,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct JobQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    pub state: Option<JobState>,
}

/// A message that did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StuckDelivery {
    #[schema(example = "ob_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub channel: String,
    pub client_id: Option<String>,
    /// What it is: `reply`, `program`, `notice`, …
    pub kind: String,
    /// `rejected`, `unreachable`, or `queued` and `sending` when it was tried too often.
    pub state: String,
    pub attempts: i64,
    pub last_error: Option<String>,
    pub created_at: DateTime<Utc>,
}
