//! The languages people are spoken to in.

use serde::{Deserialize, Serialize};

/// A language of the product. Russian is the default everywhere.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Ru,
    En,
}

impl Language {
    pub const ALL: [Self; 2] = [Self::Ru, Self::En];

    pub const fn code(self) -> &'static str {
        match self {
            Self::Ru => "ru",
            Self::En => "en",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|language| language.code() == code)
    }

    /// The language to greet somebody in, from an IETF tag such as Telegram's `language_code`.
    /// Languages whose speakers mostly read Russian get Russian; everybody else gets English.
    pub fn from_ietf(tag: &str) -> Self {
        let primary = tag.split(['-', '_']).next().unwrap_or_default().to_ascii_lowercase();
        match primary.as_str() {
            "" | "ru" | "be" | "uk" | "kk" | "ky" | "tg" | "uz" | "tt" | "ba" | "hy" | "az" => Self::Ru,
            _ => Self::En,
        }
    }
}

/// A text that exists in every language of the product.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Localized {
    pub ru: String,
    pub en: String,
}

impl Localized {
    pub fn new(ru: impl Into<String>, en: impl Into<String>) -> Self {
        Self {
            ru: ru.into(),
            en: en.into(),
        }
    }

    /// The text in `language`; a text missing there falls back to the other language.
    pub fn get(&self, language: Language) -> &str {
        let (wanted, other) = match language {
            Language::Ru => (&self.ru, &self.en),
            Language::En => (&self.en, &self.ru),
        };
        if wanted.is_empty() { other } else { wanted }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_missing_translation_falls_back_to_the_other_language() {
        let text = Localized::new("Привет", "");
        assert_eq!(text.get(Language::En), "Привет");
    }

    #[test]
    fn telegram_language_tags_choose_the_greeting() {
        assert_eq!(Language::from_ietf("ru-RU"), Language::Ru);
        assert_eq!(Language::from_ietf("kk"), Language::Ru);
        assert_eq!(Language::from_ietf("en_GB"), Language::En);
        assert_eq!(Language::from_ietf("de"), Language::En);
        assert_eq!(Language::from_ietf(""), Language::Ru);
    }
}
