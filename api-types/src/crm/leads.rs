//! Leads.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

/// A client's interest that somebody works with. A client has one open lead at most.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Lead {
    #[schema(example = "ld_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub client_id: String,
    #[schema(example = "Анна Петрова")]
    pub client_name: String,
    pub status: LeadStatus,
    #[schema(example = "instagram")]
    pub source: String,
    /// Who works with it: a user's or key's id, or `trainer` when taken in the messenger.
    pub taken_by: Option<String>,
    pub created_at: DateTime<Utc>,
    pub qualified_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    /// The same number as in `ETag`.
    pub version: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LeadStatus {
    New,
    InProgress,
    /// The questionnaire is finished.
    Qualified,
    /// Closed without a sale.
    Lost,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct LeadQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    pub status: Option<LeadStatus>,
    /// A client's id.
    pub client: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LeadPatch {
    pub status: LeadStatus,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct TakeQuery {
    /// Take it over from whoever works with it.
    #[serde(default)]
    pub force: bool,
}
