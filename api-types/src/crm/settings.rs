//! Who sells, and the words the product says.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::{Localized, present};

/// Every text of the product.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct TextList {
    pub items: Vec<ShownText>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ShownText {
    #[schema(example = "greeting")]
    pub key: String,
    /// The same number as in `ETag`; it changes with the owner's words.
    pub version: i64,
    /// What is shipped.
    pub default: Localized,
    /// The owner's own words, by language; absent where the shipped ones are used.
    pub own: TextOverride,
}

/// The owner's words: a language that is absent stays, `null` brings the shipped text back.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextOverride {
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub ru: Option<Option<String>>,
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub en: Option<Option<String>>,
}

/// Who sells: shown in messages and documents.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    pub name: String,
    /// How the trainer is called in messages.
    #[schema(example = "Ольга")]
    pub trainer: String,
    pub contacts: Localized,
    pub privacy_url: String,
    pub terms_url: String,
    /// How soon the trainer usually answers, in hours.
    #[schema(minimum = 1, maximum = 168)]
    pub reply_hours: u32,
    /// For documents.
    #[schema(example = "#1f7a5c")]
    pub accent: String,
    /// Without `@`; makes links to the bot whole.
    #[serde(default)]
    pub telegram_bot_username: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionedBrand {
    /// The same number as in `ETag`; 0 as long as nothing was saved.
    pub version: i64,
    #[serde(flatten)]
    pub brand: Brand,
}
