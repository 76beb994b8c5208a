//! Who words programmes, for how much; the setting `wording`.

use std::fmt;
use std::time::Duration;

use providers::llm::{Dialect, LlmConfig, TokenLimitField, Tokens};
use serde::{Deserialize, Serialize};

/// A model that words a whole programme takes its time; behind it waits the plain wording.
pub const USUAL_DEADLINE_SECONDS: u16 = 60;
pub const USUAL_ANSWER_TOKENS: u32 = 8_000;
pub const USUAL_TEMPERATURE_MILLIS: u16 = 300;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Provider {
    /// The plain wording serves.
    #[default]
    Off,
    Openai,
    Proxyapi,
    Yandex,
    YandexOpenai,
}

impl Provider {
    pub const fn dialect(self) -> Option<Dialect> {
        match self {
            Self::Off => None,
            Self::Openai => Some(Dialect::OpenAi),
            Self::Proxyapi => Some(Dialect::ProxyApi),
            Self::Yandex => Some(Dialect::Yandex),
            Self::YandexOpenai => Some(Dialect::YandexOpenAi),
        }
    }
}

/// Written, never shown.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ApiKey(String);

impl ApiKey {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn is_set(&self) -> bool {
        !self.0.is_empty()
    }

    /// Enough to tell two keys apart; a short key would be half given away.
    pub fn last_four(&self) -> Option<String> {
        let letters: Vec<char> = self.0.chars().collect();
        (letters.len() >= 12).then(|| letters.iter().skip(letters.len() - 4).collect())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for ApiKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "***" } else { "none" })
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LimitField {
    #[default]
    MaxTokens,
    MaxCompletionTokens,
}

/// What a thousand tokens cost, in millionths of the currency's unit: 0.15 ₽ are 150000.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Price {
    pub currency: String,
    pub prompt_micros_per_1000: i64,
    pub answer_micros_per_1000: i64,
}

impl Default for Price {
    fn default() -> Self {
        Self {
            currency: "RUB".into(),
            prompt_micros_per_1000: 0,
            answer_micros_per_1000: 0,
        }
    }
}

impl Price {
    /// Millionths of the unit; half a millionth rounds up.
    pub fn cost_micros(&self, tokens: Tokens) -> i64 {
        let of = |count: u64, price: i64| i128::from(count) * i128::from(price);
        let thousandths =
            of(tokens.prompt, self.prompt_micros_per_1000) + of(tokens.answer, self.answer_micros_per_1000);
        i64::try_from((thousandths + 500) / 1000).unwrap_or(i64::MAX)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WordingSetting {
    pub provider: Provider,
    /// `None`: the provider's usual address.
    #[serde(default)]
    pub base_url: Option<String>,
    /// `None`: the provider's usual model.
    #[serde(default)]
    pub model: Option<String>,
    #[serde(default)]
    pub api_key: ApiKey,
    /// For whom the key was given; `None`: for the address it stands beside.
    #[serde(default)]
    pub key_origin: Option<String>,
    #[serde(default)]
    pub folder_id: String,
    /// Thousandths; `None`: the model's own.
    pub temperature_millis: Option<u16>,
    /// The owner's wishes, after our own rules.
    #[serde(default)]
    pub extra_prompt: String,
    pub deadline_seconds: u16,
    #[serde(default)]
    pub token_limit_field: LimitField,
    pub answer_tokens: u32,
    #[serde(default)]
    pub price: Price,
}

impl Default for WordingSetting {
    fn default() -> Self {
        Self {
            provider: Provider::Off,
            base_url: None,
            model: None,
            api_key: ApiKey::default(),
            key_origin: None,
            folder_id: String::new(),
            temperature_millis: Some(USUAL_TEMPERATURE_MILLIS),
            extra_prompt: String::new(),
            deadline_seconds: USUAL_DEADLINE_SECONDS,
            token_limit_field: LimitField::MaxTokens,
            answer_tokens: USUAL_ANSWER_TOKENS,
            price: Price::default(),
        }
    }
}

impl WordingSetting {
    /// The address in force; empty when nobody is asked.
    pub fn address(&self) -> &str {
        match (&self.base_url, self.provider.dialect()) {
            (Some(url), _) => url,
            (None, Some(dialect)) => dialect.usual_base_url(),
            (None, None) => "",
        }
    }

    /// Scheme, host and port of the address in force; `None` when nobody is asked.
    pub fn origin(&self) -> Option<String> {
        url::Url::parse(self.address())
            .ok()
            .map(|url| url.origin().ascii_serialization())
    }

    /// Whom the key was given for; `None` without a key.
    pub fn key_origin(&self) -> Option<String> {
        self.key_origin
            .clone()
            .or_else(|| self.origin())
            .filter(|_| self.api_key.is_set())
    }

    pub fn model_name(&self) -> &str {
        match (&self.model, self.provider.dialect()) {
            (Some(model), _) => model,
            (None, Some(dialect)) => dialect.usual_model(),
            (None, None) => "",
        }
    }

    /// `None`: nobody is asked.
    pub fn config(&self) -> Option<LlmConfig> {
        Some(LlmConfig {
            dialect: self.provider.dialect()?,
            base_url: self.address().to_owned(),
            api_key: self.api_key.reveal().to_owned(),
            folder_id: self.folder_id.clone(),
            model: self.model_name().to_owned(),
            temperature_millis: self.temperature_millis,
            token_limit_field: match self.token_limit_field {
                LimitField::MaxTokens => TokenLimitField::MaxTokens,
                LimitField::MaxCompletionTokens => TokenLimitField::MaxCompletionTokens,
            },
            max_answer_tokens: self.answer_tokens,
        })
    }

    pub fn deadline(&self) -> Duration {
        Duration::from_secs(self.deadline_seconds.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_price_loses_nothing_that_can_be_paid() {
        let price = Price {
            currency: "RUB".into(),
            prompt_micros_per_1000: 150_000,
            answer_micros_per_1000: 600_001,
        };
        let tokens = |prompt, answer| Tokens { prompt, answer };
        assert_eq!(price.cost_micros(tokens(1000, 0)), 150_000);
        assert_eq!(price.cost_micros(tokens(0, 1)), 600);
        assert_eq!(price.cost_micros(tokens(12_345, 6_789)), 1_851_750 + 4_073_407);
        assert_eq!(price.cost_micros(tokens(u64::MAX, u64::MAX)), i64::MAX);
    }

    #[test]
    fn a_key_never_shows() {
        let setting = WordingSetting {
            api_key: ApiKey::new("sk-very-secret-1234"),
            ..WordingSetting::default()
        };
        assert!(!format!("{setting:?}").contains("secret"));
        assert_eq!(setting.api_key.last_four().as_deref(), Some("1234"));
        assert_eq!(ApiKey::new("short").last_four(), None);
    }
}
