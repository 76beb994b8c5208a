//! A trainer's decisions about programmes, and the rule they follow.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Localized, ProgramScope};

/// How programmes reach clients.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ProgramSettings {
    pub delivery: ProgramDelivery,
    /// Which programmes the rule is for; others go at once.
    pub scopes: Vec<ProgramScope>,
    /// After so many minutes a programme goes out by itself, so that nobody waits.
    #[schema(minimum = 1, maximum = 1440, example = 120)]
    pub wait_minutes: u32,
    pub phone: ProgramPhoneVersion,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgramDelivery {
    AtOnce,
    /// The trainer looks first.
    AfterApproval,
}

/// What is done with the version drawn for a phone's screen, one day a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ProgramPhoneVersion {
    /// It is not made.
    Off,
    /// A button under the document brings it.
    Button,
    /// Both files are sent.
    Sent,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionedProgramSettings {
    /// The same number as in `ETag`; 0 as long as nothing was saved.
    pub version: i64,
    #[serde(flatten)]
    pub settings: ProgramSettings,
}

/// What could stand in a row's place, best first.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AlternativeList {
    pub items: Vec<Alternative>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alternative {
    pub exercise_id: String,
    pub name: Localized,
    pub relation: AlternativeRelation,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AlternativeRelation {
    Equivalent,
    Easier,
    Harder,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct AlternativeQuery {
    /// A row of the programme, such as `Men_12w_2:57`.
    pub row_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SwapRequest {
    /// A row of the programme; the exercise is swapped in all weeks of its workout.
    #[schema(example = "Women_12w_2:57")]
    pub row_id: String,
    pub exercise_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NoteRequest {
    /// The trainer's words: in the document and in its message.
    #[schema(min_length = 1, max_length = 500)]
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegenerateRequest {
    /// Whoever has this exercise gets another version.
    pub exercise_id: String,
    /// Only tell who that would be.
    #[serde(default)]
    pub dry_run: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Regeneration {
    /// For `GET /api/programs/regenerations/{id}`; absent for a dry run, and when there is nobody.
    #[schema(example = "pb_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: Option<String>,
    /// Clients.
    pub count: i64,
    /// The first hundred of them.
    pub items: Vec<AffectedProgram>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct AffectedProgram {
    pub client_id: String,
    pub client_name: String,
    /// The version that has the exercise.
    pub program_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RegenerationProgress {
    pub id: String,
    pub exercise_id: String,
    /// Clients found when it began.
    pub total: i64,
    /// Versions that are still to be made.
    pub queued: i64,
    pub awaiting_approval: i64,
    pub ready: i64,
    pub failed: i64,
    /// Replaced by another version before anybody saw them.
    pub superseded: i64,
    pub started_by: String,
    pub created_at: DateTime<Utc>,
    /// When the last version was ordered; absent while that goes on.
    pub ordered_at: Option<DateTime<Utc>>,
}
