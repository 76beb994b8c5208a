//! Language models: OpenAI-compatible back ends (OpenAI, ProxyAPI, Yandex in compatibility mode) and YandexGPT's own API.
//!
//! A call is not idempotent and costs money, so there is one policy for all of them ([`Llm::complete`]): one answer, at
//! most one second try (a repair of an answer that is no JSON, or a wait the server asked for), all within a deadline.
//! Whoever calls has a plain wording behind it.

mod error;
mod openai;
mod policy;
mod refusal;
mod yandex;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

pub use error::Error;
pub use policy::{Attempt, Completion, Reason};

/// An answer to a programme of twelve weeks in parts stays far below; a server that sends more is broken.
const MAX_BODY_BYTES: usize = 4 * 1024 * 1024;

/// Whose words are used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dialect {
    /// OpenAI and all that speak like it.
    OpenAi,
    /// The reseller: OpenAI's requests, errors of its own.
    ProxyApi,
    /// YandexGPT's own completion API.
    Yandex,
    /// Yandex AI Studio in OpenAI's clothes.
    YandexOpenAi,
}

impl Dialect {
    pub const ALL: [Self; 4] = [Self::OpenAi, Self::ProxyApi, Self::Yandex, Self::YandexOpenAi];

    pub const fn code(self) -> &'static str {
        match self {
            Self::OpenAi => "openai",
            Self::ProxyApi => "proxyapi",
            Self::Yandex => "yandex",
            Self::YandexOpenAi => "yandex_openai",
        }
    }

    /// Where it is found when nobody says otherwise.
    pub const fn usual_base_url(self) -> &'static str {
        match self {
            Self::OpenAi => "https://api.openai.com/v1",
            Self::ProxyApi => "https://api.proxyapi.ru/openai/v1",
            Self::Yandex => "https://llm.api.cloud.yandex.net",
            Self::YandexOpenAi => "https://llm.api.cloud.yandex.net/v1",
        }
    }

    pub const fn usual_model(self) -> &'static str {
        match self {
            Self::OpenAi | Self::ProxyApi => "gpt-4o-mini",
            Self::Yandex | Self::YandexOpenAi => "yandexgpt",
        }
    }

    pub const fn needs_folder(self) -> bool {
        matches!(self, Self::Yandex | Self::YandexOpenAi)
    }
}

/// What the field that bounds the answer is called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TokenLimitField {
    /// The older name: resellers, Yandex and compatible servers know only this one.
    MaxTokens,
    /// OpenAI's reasoning models refuse the older one.
    MaxCompletionTokens,
}

/// Whom to ask, and how. It may change from one call to the next.
#[derive(Clone)]
pub struct LlmConfig {
    pub dialect: Dialect,
    /// For the OpenAI-compatible ones with `/v1`.
    pub base_url: String,
    pub api_key: String,
    /// Yandex only.
    pub folder_id: String,
    pub model: String,
    /// Thousandths: 300 is 0.3. `None`: the model's own; some take no other.
    pub temperature_millis: Option<u16>,
    pub token_limit_field: TokenLimitField,
    pub max_answer_tokens: u32,
}

impl std::fmt::Debug for LlmConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("LlmConfig")
            .field("dialect", &self.dialect)
            .field("base_url", &self.base_url)
            .field("model", &self.model)
            .finish_non_exhaustive()
    }
}

impl LlmConfig {
    /// The provider and the model: for the record of what was asked.
    pub fn name(&self) -> String {
        format!("{}/{}", self.dialect.code(), self.model)
    }

    fn temperature(&self) -> Option<f64> {
        self.temperature_millis.map(|millis| f64::from(millis) / 1000.0)
    }

    /// `gpt://<folder>/<model>/<branch>`; a whole address is taken as it is.
    fn yandex_model(&self) -> String {
        if self.model.starts_with("gpt://") {
            return self.model.clone();
        }
        let branch = if self.model.contains('/') { "" } else { "/latest" };
        format!("gpt://{}/{}{branch}", self.folder_id, self.model)
    }
}

/// What to say to the model.
#[derive(Clone, Copy)]
pub struct Prompt<'a> {
    pub system: &'a str,
    pub user: &'a str,
    /// JSON Schema of the answer, in the strict subset.
    pub schema: &'a serde_json::Value,
    /// Whether an answer can be read; one that can't is asked for once more, with `repair` said.
    pub is_readable: &'a (dyn Fn(&str) -> bool + Send + Sync),
    pub repair: &'a str,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// Meant to be JSON by the schema; nothing is taken on trust.
    pub text: String,
    /// As the server names it.
    pub model: String,
}

/// What is paid for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Tokens {
    pub prompt: u64,
    pub answer: u64,
}

impl std::ops::AddAssign for Tokens {
    fn add_assign(&mut self, other: Self) {
        self.prompt = self.prompt.saturating_add(other.prompt);
        self.answer = self.answer.saturating_add(other.answer);
    }
}

/// In what form an answer is asked for, from the best guaranteed to the least.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Form {
    Schema,
    /// Yandex's compatibility page passes the schema without its envelope.
    BareSchema,
    JsonObject,
    /// The prompt alone asks for JSON.
    Free,
}

impl Form {
    const fn code(self) -> &'static str {
        match self {
            Self::Schema => "json_schema",
            Self::BareSchema => "json_schema_bare",
            Self::JsonObject => "json_object",
            Self::Free => "text",
        }
    }

    /// What to try where a server does not take this one.
    const fn simpler(self, dialect: Dialect) -> Option<Self> {
        match (self, dialect) {
            (Self::Schema, Dialect::YandexOpenAi) => Some(Self::BareSchema),
            (Self::Schema | Self::BareSchema, _) => Some(Self::JsonObject),
            (Self::JsonObject, _) => Some(Self::Free),
            (Self::Free, _) => None,
        }
    }
}

/// The way out to all models. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Llm {
    http: reqwest::Client,
    /// The form a server took, so that the next call begins with it.
    forms: Arc<Mutex<HashMap<(String, String), Form>>>,
}

impl Llm {
    pub fn new(http: reqwest::Client) -> Self {
        Self {
            http,
            forms: Arc::default(),
        }
    }

    fn form_of(&self, config: &LlmConfig) -> Form {
        let forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        forms
            .get(&(config.base_url.clone(), config.model.clone()))
            .copied()
            .unwrap_or(Form::Schema)
    }

    fn remember_form(&self, config: &LlmConfig, form: Form) {
        let mut forms = self.forms.lock().unwrap_or_else(PoisonError::into_inner);
        forms.insert((config.base_url.clone(), config.model.clone()), form);
    }
}

/// What came back over the wire, before anybody judges it.
struct Reply {
    text: String,
    model: String,
    tokens: Tokens,
    end: End,
}

/// How a generation ended.
enum End {
    Whole,
    /// The limit of tokens was reached.
    CutOff,
    /// A filter of the provider stepped in.
    Filtered,
    /// The model declined.
    Refused,
}

/// Why there is no reply.
#[derive(Debug)]
struct Failure {
    error: Error,
    /// How long the server asks to wait.
    retry_after: Option<Duration>,
    /// A simpler form of the question may be taken.
    is_about_form: bool,
}

impl From<Error> for Failure {
    fn from(error: Error) -> Self {
        Self {
            error,
            retry_after: None,
            is_about_form: false,
        }
    }
}

/// Errors: unreachable, or more than any answer needs.
async fn read_bounded(mut response: reqwest::Response) -> Result<Vec<u8>, Failure> {
    let mut body = Vec::new();
    while let Some(chunk) = response.chunk().await.map_err(|_| Error::Unreachable)? {
        body.extend_from_slice(&chunk);
        if body.len() > MAX_BODY_BYTES {
            return Err(Error::Unexpected { status: 200 }.into());
        }
    }
    Ok(body)
}
