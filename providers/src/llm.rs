//! Language models: OpenAI-compatible back ends (OpenAI, ProxyAPI, Yandex in compatibility mode) and YandexGPT's own API.
//!
//! A call is not idempotent and costs money: it is made once, with a deadline; whoever calls has a plain wording behind it.

mod openai;
mod yandex;

use std::time::Duration;

use thiserror::Error;

/// Longer answers than any programme needs; also bounds the cost of a model that rambles.
pub const MAX_ANSWER_TOKENS: u32 = 12_000;

#[derive(Clone)]
pub struct LlmConfig {
    pub dialect: Dialect,
    pub model: String,
    /// Thousandths: 300 is 0.3.
    pub temperature_millis: u16,
    /// The whole call.
    pub deadline: Duration,
    pub http: reqwest::Client,
}

#[derive(Clone)]
pub enum Dialect {
    /// `base_url` includes `/v1`.
    OpenAi { base_url: String, api_key: String },
    Yandex {
        base_url: String,
        api_key: String,
        folder_id: String,
    },
}

impl std::fmt::Debug for LlmConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LlmConfig")
            .field("provider", &self.dialect.name())
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl Dialect {
    const fn name(&self) -> &'static str {
        match self {
            Self::OpenAi { .. } => "openai",
            Self::Yandex { .. } => "yandex",
        }
    }
}

/// What to say to the model.
#[derive(Debug, Clone)]
pub struct Prompt<'a> {
    pub system: &'a str,
    pub user: &'a str,
    /// JSON Schema of the answer, in the strict subset.
    pub schema: serde_json::Value,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Meant to be JSON by the schema; nothing is taken on trust.
    pub text: String,
    pub model: String,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
}

/// Texts carry no key and nothing of the prompt.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Error {
    #[error("the model did not answer in time")]
    Timeout,
    #[error("the model could not be reached")]
    Unreachable,
    #[error("the model is busy (HTTP {status})")]
    Busy { status: u16 },
    /// No money left: retrying won't help, the owner has to pay.
    #[error("the account of the model has no money left")]
    NoMoney,
    #[error("the key of the model is not accepted (HTTP {status})")]
    Denied { status: u16 },
    #[error("the model refused to answer")]
    Refused,
    #[error("the answer was cut off")]
    CutOff,
    #[error("the model answered with something unexpected (HTTP {status})")]
    Unexpected { status: u16 },
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Llm {
    config: LlmConfig,
}

impl Llm {
    pub const fn new(config: LlmConfig) -> Self {
        Self { config }
    }

    /// `openai` or `yandex`, and the model: for the record of what was asked.
    pub fn name(&self) -> String {
        format!("{}/{}", self.config.dialect.name(), self.config.model)
    }

    /// One answer or the reason there is none, within the deadline.
    pub async fn complete(&self, prompt: &Prompt<'_>) -> Result<Answer, Error> {
        let call = async {
            match &self.config.dialect {
                Dialect::OpenAi { base_url, api_key } => {
                    openai::complete(&self.config, base_url, api_key, prompt).await
                }
                Dialect::Yandex {
                    base_url,
                    api_key,
                    folder_id,
                } => yandex::complete(&self.config, base_url, api_key, folder_id, prompt).await,
            }
        };
        tokio::time::timeout(self.config.deadline, call)
            .await
            .unwrap_or(Err(Error::Timeout))
    }
}

/// The meaning of a status that is not success, when the body says nothing better.
fn by_status(status: u16) -> Error {
    match status {
        402 => Error::NoMoney,
        401 | 403 => Error::Denied { status },
        408 | 409 | 429 | 500..=599 => Error::Busy { status },
        _ => Error::Unexpected { status },
    }
}
