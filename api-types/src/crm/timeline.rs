//! What happened with a client.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// One thing that happened, newest first in a list.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
pub struct TimelineEntry {
    /// The id of what happened: an action, a move, a message, a consent or a touch.
    #[schema(example = "ac_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub at: DateTime<Utc>,
    #[serde(flatten)]
    pub event: TimelineEvent,
}

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TimelineEvent {
    Action {
        /// Stable name: `lead.created`, `client.updated`, `questionnaire.completed`, …
        kind: String,
        /// A user's or key's id, or `system`, `client`, `trainer`.
        actor: String,
        #[schema(value_type = Object)]
        details: Value,
    },
    /// Into another stage.
    Move {
        /// Absent for the first stage.
        from_stage_id: Option<String>,
        to_stage_id: String,
        actor: String,
        reason: String,
    },
    Message {
        channel: String,
        direction: MessageDirection,
        author: MessageAuthor,
        text: String,
    },
    Consent {
        /// `personal_data` or `marketing`.
        kind: String,
        is_granted: bool,
        channel: String,
        /// SHA-256 of the text that was shown, in hex.
        text_hash: String,
        text_language: String,
    },
    /// The client came by a link.
    Touch {
        channel: String,
        source: String,
        campaign: Option<String>,
        utm: BTreeMap<String, String>,
        referrer: Option<String>,
        payload: Option<String>,
    },
}

/// One message of the conversation.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClientMessage {
    #[schema(example = "ms_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    /// `telegram`.
    pub channel: String,
    pub direction: MessageDirection,
    pub author: MessageAuthor,
    pub text: String,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageDirection {
    /// From the client.
    In,
    /// To the client.
    Out,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum MessageAuthor {
    Client,
    Bot,
    Trainer,
}

/// A message to the client, in the trainer's name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewMessage {
    /// 1 to 4000 characters.
    #[schema(example = "Анна, добрый день! Посмотрел ваши ответы.", max_length = 4000)]
    pub text: String,
}
