//! Who words programmes, what was said and what it cost.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Localized, ProgramScope, present};
use crate::conversation::Language;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum WordingProvider {
    /// Our plain wording serves.
    Off,
    /// OpenAI and all that speak like it.
    Openai,
    Proxyapi,
    /// YandexGPT's own API.
    Yandex,
    /// Yandex AI Studio, OpenAI-compatible.
    YandexOpenai,
}

/// What the field that bounds an answer is called: reasoning models of OpenAI know only the newer one.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum TokenLimitField {
    #[default]
    MaxTokens,
    MaxCompletionTokens,
}

/// What a thousand tokens cost, in millionths of the currency's unit: 0.15 ₽ are 150000.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordingPrice {
    #[schema(example = "RUB")]
    pub currency: String,
    #[schema(minimum = 0, example = 150_000)]
    pub prompt_micros_per_1000: i64,
    #[schema(minimum = 0, example = 600_000)]
    pub answer_micros_per_1000: i64,
}

/// The whole setting; what may be absent is the provider's usual then.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordingSettings {
    pub provider: WordingProvider,
    /// With `/v1` for those that speak like OpenAI.
    #[serde(default)]
    #[schema(example = "https://api.proxyapi.ru/openai/v1")]
    pub base_url: Option<String>,
    #[serde(default)]
    #[schema(example = "gpt-4o-mini")]
    pub model: Option<String>,
    /// Write-only. Absent: stays; `null`: is taken away. Needed again when the address changes: a key goes only where it
    /// was meant to go.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, write_only)]
    pub api_key: Option<Option<String>>,
    /// Yandex only.
    #[serde(default)]
    pub folder_id: String,
    /// Thousandths; `null`: the model's own.
    #[serde(default)]
    #[schema(minimum = 0, maximum = 2000, example = 300)]
    pub temperature_millis: Option<u16>,
    /// Your wishes, after our own rules, which they can't switch off.
    #[serde(default)]
    #[schema(max_length = 1500)]
    pub extra_prompt: String,
    /// After that the plain wording goes out.
    #[schema(minimum = 5, maximum = 180, example = 60)]
    pub deadline_seconds: u16,
    #[serde(default)]
    pub token_limit_field: TokenLimitField,
    /// The longest answer; a programme that needs more is worded in parts.
    #[schema(minimum = 500, maximum = 64_000, example = 8000)]
    pub answer_tokens: u32,
    pub price: WordingPrice,
}

/// The setting as it is shown: never with the key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShownWordingSettings {
    /// The same number as in `ETag`; 0 as long as nothing was saved.
    pub version: i64,
    pub provider: WordingProvider,
    pub base_url: Option<String>,
    pub model: Option<String>,
    /// What is asked when nothing is said: the address in force.
    pub address: String,
    pub model_in_force: String,
    pub has_api_key: bool,
    /// Enough to tell two keys apart.
    pub api_key_last4: Option<String>,
    pub folder_id: String,
    pub temperature_millis: Option<u16>,
    pub extra_prompt: String,
    pub deadline_seconds: u16,
    pub token_limit_field: TokenLimitField,
    pub answer_tokens: u32,
    pub price: WordingPrice,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WordingTrialRequest {
    /// Absent: what is saved.
    #[serde(default)]
    pub settings: Option<WordingSettings>,
    #[serde(default)]
    pub language: Option<Language>,
    /// Two weeks when absent.
    #[serde(default)]
    pub scope: Option<ProgramScope>,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WordingTrial {
    #[serde(flatten)]
    pub record: WordingRecord,
    /// What a client would read.
    #[schema(value_type = Object)]
    pub wording: Value,
}

/// How the words of a programme came about.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WordingRecord {
    /// `accepted`, `partly_replaced`, `rejected` or `plain`.
    pub verdict: String,
    /// Whom we asked; `null`: nobody.
    #[schema(example = "proxyapi/gpt-4o-mini")]
    pub model: Option<String>,
    /// The model as the server names it.
    pub answered_by: Option<String>,
    /// A long programme is asked for in parts.
    pub parts: Vec<WordingPart>,
    /// Every text that is not the model's, and why.
    pub replaced: Vec<ReplacedText>,
    /// Why there is no answer, or none to a part.
    pub error: Option<WordingError>,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
    /// Millionths of the currency's unit.
    pub cost_micros: i64,
    pub currency: String,
    pub duration_ms: u64,
    /// Requests made, retries included.
    pub requests: u64,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct WordingPart {
    pub weeks: Vec<u8>,
    /// The rules as they were said.
    pub system: String,
    /// Everything that left about the programme and the client.
    #[schema(value_type = Object)]
    pub request: Value,
    /// Raw, also where it could not be used.
    pub answer: Option<String>,
    pub error: Option<WordingError>,
    pub attempts: Vec<WordingAttempt>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WordingAttempt {
    /// `first`, `other_form`, `retry` or `repair`.
    pub reason: String,
    /// `json_schema`, `json_schema_bare`, `json_object` or `text`.
    pub form: String,
    /// A stable code.
    pub error: Option<String>,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
    pub duration_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WordingError {
    #[schema(example = "no_money")]
    pub code: String,
    pub message: Localized,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReplacedText {
    /// `intro`, `focus`, `title`, `cue`, `closing`, `line` (an exercise whose numbers differ), or `none`.
    pub place: String,
    pub week: Option<u8>,
    pub day: Option<u8>,
    /// The row of the plan.
    pub row_id: Option<String>,
    /// `null`: it said nothing there.
    pub model_text: Option<String>,
    /// `null`: nothing of it is shown.
    pub shown_text: Option<String>,
    pub reason: Localized,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct WordingCostQuery {
    /// Calendar months, this one included, 1 to 36; 12 when absent.
    #[param(minimum = 1, maximum = 36)]
    pub months: Option<u32>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WordingCosts {
    pub as_of: DateTime<Utc>,
    /// Newest first; a month has a row for each currency, months without a question have none.
    pub months: Vec<WordingMonth>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WordingMonth {
    #[schema(example = "2026-11")]
    pub month: String,
    pub currency: String,
    /// Wordings asked for: programmes, previews and trials.
    pub count: i64,
    pub prompt_tokens: i64,
    pub answer_tokens: i64,
    /// Millionths of the currency's unit.
    pub cost_micros: i64,
    pub accepted: i64,
    pub partly_replaced: i64,
    pub rejected: i64,
    /// No answer: our plain words went out.
    pub plain: i64,
    /// Shares of `count` in hundredths of a percent, in the same order; they add up to 10000.
    pub share_basis_points: WordingShares,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WordingShares {
    pub accepted: i64,
    pub partly_replaced: i64,
    pub rejected: i64,
    pub plain: i64,
}
