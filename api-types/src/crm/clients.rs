//! Clients.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::{IntoParams, ToSchema};

use super::{Localized, StageKind, present};
use crate::conversation::Language;

/// Somebody who wrote to the bot, left a request or was entered by hand.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Client {
    #[schema(example = "cl_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    #[schema(example = "Анна Петрова")]
    pub name: String,
    /// In the messenger, without `@`.
    #[schema(example = "anna_petrova")]
    pub username: Option<String>,
    #[schema(example = "+7 912 345-67-89")]
    pub phone: Option<String>,
    #[schema(example = "anna@example.ru")]
    pub email: Option<String>,
    /// The trainer's own notes; the client never sees them.
    pub notes: Option<String>,
    pub language: Language,
    /// The user who looks after the client.
    pub owner: Option<String>,
    pub stage: StageRef,
    pub tags: Vec<String>,
    /// Where the client first came from; never changed afterwards.
    #[schema(example = "instagram")]
    pub source: String,
    pub campaign: Option<String>,
    /// UTM marks of the first touch, by name.
    pub utm: BTreeMap<String, String>,
    pub referrer: Option<String>,
    /// The payload of the deep link the client first came by.
    pub start_payload: Option<String>,
    /// The trainer should look before the client trains.
    pub needs_trainer: bool,
    /// False while the client has blocked the bot.
    pub is_reachable: bool,
    pub created_at: DateTime<Utc>,
    pub updated_at: DateTime<Utc>,
    /// The same number as in `ETag`: send it as `If-Match: "3"` with an edit.
    pub version: i64,
}

/// The stage a client stands in.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StageRef {
    #[schema(example = "st_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub kind: StageKind,
    pub title: Localized,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ClientQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// Words (or parts of words) of the name or username, all of which must occur; letters of any case, ё is е. At least
    /// one of them has three letters; shorter ones are left out.
    #[param(example = "петрова анна")]
    pub q: Option<String>,
    /// The whole phone in any spelling.
    #[param(example = "8 912 345 67 89")]
    pub phone: Option<String>,
    /// The whole e-mail address.
    pub email: Option<String>,
    /// A stage's id.
    pub stage: Option<String>,
    #[param(example = "instagram")]
    pub source: Option<String>,
    pub tag: Option<String>,
    /// Clients created then or later.
    pub created_from: Option<DateTime<Utc>>,
    /// Clients created before.
    pub created_before: Option<DateTime<Utc>>,
}

/// A client entered by hand.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewClient {
    #[schema(example = "Анна Петрова", max_length = 300)]
    pub name: String,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    #[schema(example = "+7 912 345-67-89")]
    pub phone: Option<String>,
    #[serde(default)]
    pub email: Option<String>,
    #[serde(default)]
    pub notes: Option<String>,
    /// Russian when absent.
    #[serde(default)]
    pub language: Option<Language>,
    /// Where the client came from; `manual` when absent.
    #[serde(default)]
    #[schema(example = "friend")]
    pub source: Option<String>,
    /// The stage to begin in; the first of kind `first_contact` when absent.
    #[serde(default)]
    pub stage_id: Option<String>,
}

/// What to change: a field that is absent stays, `null` clears.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ClientPatch {
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = String, required = false, max_length = 300)]
    pub name: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub username: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, example = "+7 912 345-67-89")]
    pub phone: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub email: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>, max_length = 10000)]
    pub notes: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Language, required = false)]
    pub language: Option<Option<Language>>,
    /// A user's id.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub owner: Option<Option<String>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveRequest {
    #[schema(example = "st_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub stage_id: String,
    /// Kept in the history, 500 characters at most.
    #[serde(default)]
    #[schema(example = "Попросила перезвонить после отпуска")]
    pub reason: Option<String>,
}
