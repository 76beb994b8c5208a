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
    /// Your words at the end of every document; empty: none.
    #[serde(default)]
    pub closing: Localized,
    /// The title on the cover; empty: the usual one.
    #[serde(default)]
    pub document_title: Localized,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionedBrand {
    /// The same number as in `ETag`; 0 as long as nothing was saved.
    pub version: i64,
    #[serde(flatten)]
    pub brand: Brand,
}

/// The owner's logo, as documents show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BrandLogo {
    /// The same number as in `ETag`; 0 as long as there never was a logo. It is not the brand's.
    pub version: i64,
    /// `null`: there is none.
    pub file_id: Option<String>,
    /// Where the picture is.
    #[schema(example = "/api/files/fl_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub url: Option<String>,
    pub mime_type: Option<String>,
    /// Bytes.
    pub size: Option<i64>,
}

/// A question people ask before they start; a button in the bot.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FaqItem {
    pub question: Localized,
    pub answer: Localized,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FaqList {
    #[schema(max_items = 20)]
    pub items: Vec<FaqItem>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionedFaq {
    /// The same number as in `ETag`; 0 while the shipped questions serve.
    pub version: i64,
    pub items: Vec<FaqItem>,
}
