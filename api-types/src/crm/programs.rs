//! Training programmes.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::Localized;
use crate::conversation::Language;

/// One version of a client's programme.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Program {
    #[schema(example = "pg_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub client_id: String,
    pub questionnaire_id: String,
    /// From 1 for each client.
    pub version: i64,
    pub scope: ProgramScope,
    pub status: ProgramStatus,
    pub language: Language,
    /// Why this version was made: `questionnaire`, `trainer`, `regenerated`, `swap`, `variant`, `note`, `withdrawn`.
    pub reason: String,
    /// How the words came about: `llm`, `llm_corrected` (the checker put something right) or `plain`.
    pub wording: Option<String>,
    /// The templates it was made from.
    pub template_hash: Option<String>,
    /// Why it failed.
    pub error: Option<String>,
    /// Whether `GET /api/programs/{id}/file` has a document.
    pub has_file: bool,
    pub created_at: DateTime<Utc>,
    pub ready_at: Option<DateTime<Utc>>,
    pub delivered_at: Option<DateTime<Utc>>,
    /// The version it comes from.
    pub parent_id: Option<String>,
    /// The version that takes or took this one's place while it waited.
    pub successor_id: Option<String>,
    /// When it goes out without a decision.
    pub approve_by: Option<DateTime<Utc>>,
    /// Who let it go or ordered another: a name, or `clock`.
    pub decided_by: Option<String>,
    pub decided_at: Option<DateTime<Utc>>,
    /// Whether it was drawn for a phone, too.
    pub has_phone_version: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgramScope {
    /// The first weeks, as a gift.
    Free,
    /// All weeks.
    Full,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgramStatus {
    Queued,
    /// The trainer looks at it first.
    AwaitingApproval,
    Ready,
    Failed,
    /// Another version took its place before anybody saw it.
    Superseded,
}

/// A version with everything that is known about how it came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct ProgramDetails {
    #[serde(flatten)]
    pub program: Program,
    /// The matched rows and their words.
    #[schema(value_type = Option<Object>)]
    pub content: Option<Value>,
    /// How it came about: what was relaxed in matching, what the checker changed.
    #[schema(value_type = Option<Object>)]
    pub report: Option<Value>,
    /// What differs from the version it comes from.
    pub changes: Vec<Localized>,
    /// The trainer's words in it.
    pub note: Option<String>,
    /// The client's versions, newest first, 100 at most.
    pub versions: Vec<Program>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ProgramQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// A client's id.
    pub client: Option<String>,
    pub status: Option<ProgramStatus>,
}
