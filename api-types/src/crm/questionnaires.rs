//! Questionnaires: runs, the form, where people drop off.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::Localized;

/// One client's way through the form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Questionnaire {
    #[schema(example = "qn_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub client_id: String,
    pub status: QuestionnaireStatus,
    /// The version of the form when it began.
    pub form_version: i64,
    /// The trainer should look before the client trains.
    pub needs_trainer: bool,
    pub started_at: DateTime<Utc>,
    pub completed_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum QuestionnaireStatus {
    InProgress,
    Completed,
    /// The client began another one.
    Abandoned,
}

/// A run with its answers in the form's order; questions that were removed since come last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionnaireDetails {
    #[serde(flatten)]
    pub questionnaire: Questionnaire,
    pub questions: Vec<Answered>,
}

/// A question that was asked, or is part of the form, and its answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Answered {
    #[schema(example = "weight")]
    pub id: String,
    pub text: Localized,
    pub label: Localized,
    /// The form of today does not have it any more.
    pub is_removed: bool,
    /// As a person would say it: "72,5 кг". Absent without an answer.
    pub answer: Option<Localized>,
    /// Option ids, or tenths of the unit.
    pub raw: Option<RawAnswer>,
    /// When it was last asked; absent if never.
    pub asked_at: Option<DateTime<Utc>>,
    pub answered_at: Option<DateTime<Utc>>,
    /// Milliseconds between being asked and answering, over all times it was asked.
    pub spent_ms: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum RawAnswer {
    /// Option ids.
    Chosen(Vec<String>),
    /// Tenths of the question's unit.
    Tenths(i64),
    Skipped,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct QuestionnaireQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// A client's id.
    pub client: Option<String>,
    pub status: Option<QuestionnaireStatus>,
}

/// The questions in the order they are asked. Saving one makes a new version; people in the middle go on with it and keep
/// their answers.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Form {
    /// 1 to 50.
    pub questions: Vec<FormQuestion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionedForm {
    /// The same number as in `ETag`.
    pub version: i64,
    /// Who saved it.
    pub author: String,
    pub created_at: DateTime<Utc>,
    pub questions: Vec<FormQuestion>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormQuestion {
    /// Stable key of the answer: 1 to 20 of `a-z 0-9 _`.
    #[schema(example = "goal")]
    pub id: String,
    pub kind: QuestionKind,
    pub text: Localized,
    /// A word or two for the summary: "Вес".
    pub label: Localized,
    /// Shown on "why do you ask?".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Localized>,
    #[serde(default)]
    pub is_optional: bool,
    /// Asked only when another answer says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum QuestionKind {
    /// One of several.
    Choice { options: Vec<FormChoice> },
    /// Any number of several.
    Choices { options: Vec<FormChoice> },
    /// A number with one digit after the point at most; the range in tenths of the unit, both ends included.
    Number {
        unit: NumberUnit,
        min_tenths: i64,
        max_tenths: i64,
        allows_fraction: bool,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FormChoice {
    #[schema(example = "muscle")]
    pub id: String,
    pub label: Localized,
    /// Choosing it involves the trainer before training.
    #[serde(default)]
    pub is_red_flag: bool,
    /// "None of these": excludes the others.
    #[serde(default)]
    pub is_none: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum NumberUnit {
    Years,
    Centimetres,
    Kilograms,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Condition {
    /// An earlier question with options.
    pub question: String,
    pub any_of: Vec<String>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct DropOffQuery {
    /// Runs that began then or later; the last 30 days when absent.
    pub since: Option<DateTime<Utc>>,
}

/// Where people stop, question by question in the form's order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DropOffReport {
    pub since: DateTime<Utc>,
    pub questions: Vec<QuestionDropOff>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct QuestionDropOff {
    pub id: String,
    pub label: Localized,
    pub asked: i64,
    pub answered: i64,
    /// Runs that stand at this question and were never finished.
    pub dropped: i64,
    pub average_ms: i64,
}
