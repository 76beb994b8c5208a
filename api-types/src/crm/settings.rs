//! The words the product says.

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
