//! Deep links into the bot.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// A link that tells where its visitors come from, or makes a chat the trainer's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeepLink {
    /// The payload of `/start`.
    #[schema(example = "vesna2026")]
    pub token: String,
    pub purpose: LinkPurpose,
    #[schema(example = "instagram")]
    pub source: String,
    pub campaign: Option<String>,
    pub utm: BTreeMap<String, String>,
    pub referrer: Option<String>,
    /// The whole link; absent as long as the bot's username is not known: send `/start <token>` to the bot then.
    #[schema(example = "https://t.me/coach_bot?start=vesna2026")]
    pub url: Option<String>,
    pub created_at: DateTime<Utc>,
    pub expires_at: Option<DateTime<Utc>>,
    /// When a one-time link was used.
    pub used_at: Option<DateTime<Utc>>,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// Marks where visitors come from.
    #[default]
    Source,
    /// Makes the chat that opens it the trainer's: works once, within 24 hours.
    Trainer,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewLink {
    #[serde(default)]
    pub purpose: LinkPurpose,
    /// 1 to 64 of `A-Z a-z 0-9 _ -`; made up when absent. A trainer's link always gets a made up one.
    #[serde(default)]
    #[schema(example = "vesna2026")]
    pub token: Option<String>,
    /// Needed for purpose `source`.
    #[serde(default)]
    #[schema(example = "instagram")]
    pub source: Option<String>,
    #[serde(default)]
    pub campaign: Option<String>,
    /// UTM marks by name: `{"utm_medium": "story"}`. 20 at most.
    #[serde(default)]
    pub utm: BTreeMap<String, String>,
    #[serde(default)]
    pub referrer: Option<String>,
    #[serde(default)]
    pub expires_at: Option<DateTime<Utc>>,
}
