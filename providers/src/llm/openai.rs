//! OpenAI-compatible Chat Completions, through async-openai.
//!
//! The library's own way of sending tries again by itself, loses the status of errors in other shapes and writes bodies to
//! the log, so requests go out through a service of ours ([`Once`]); its types and its client are used as they are.
//! Sources: the OpenAI API reference, "Create chat completion" (2026-08); proxyapi.ru/docs/openai-text-generation;
//! yandex-cloud/docs, "OpenAI compatibility" (0423c80).

use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::middleware::HttpRequestFactory;
use async_openai::types::chat::{ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage};
use http::header::HeaderValue;
use serde::Deserialize;
use serde_json::{Value, json};

use super::refusal::Refusal;
use super::{Dialect, End, Error, Failure, Form, LlmConfig, Prompt, Reply, TokenLimitField, Tokens, read_bounded};

const SCHEMA_NAME: &str = "worded_programme";

/// Lenient: compatible servers leave out what OpenAI always sends.
#[derive(Deserialize)]
struct Response {
    #[serde(default)]
    choices: Vec<Choice>,
    #[serde(default)]
    model: String,
    usage: Option<Usage>,
}

#[derive(Deserialize)]
struct Choice {
    message: Message,
    finish_reason: Option<String>,
}

#[derive(Deserialize)]
struct Message {
    content: Option<String>,
    refusal: Option<String>,
}

#[derive(Deserialize)]
struct Usage {
    #[serde(default)]
    prompt_tokens: u64,
    #[serde(default)]
    completion_tokens: u64,
}

/// Sends once. What is no success, and what is no JSON, comes back as a [`Refusal`] with status and headers.
#[derive(Clone)]
struct Once(reqwest::Client);

impl tower::Service<HttpRequestFactory> for Once {
    type Response = reqwest::Response;
    type Error = OpenAIError;
    type Future = Pin<Box<dyn Future<Output = Result<reqwest::Response, OpenAIError>> + Send>>;

    fn poll_ready(&mut self, _cx: &mut Context<'_>) -> Poll<Result<(), OpenAIError>> {
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: HttpRequestFactory) -> Self::Future {
        let http = self.0.clone();
        Box::pin(async move {
            let response = http.execute(request.build().await?).await?;
            let (status, headers) = (response.status(), response.headers().clone());
            let body = read_bounded(response)
                .await
                .map_err(|failure| OpenAIError::Boxed(Box::new(failure.error)))?;
            let is_json = serde_json::from_slice::<Response>(&body).is_ok();
            if status.is_success() && is_json {
                return Ok(http::Response::new(body).into());
            }
            Err(OpenAIError::Boxed(Box::new(Refusal {
                status: status.as_u16(),
                headers,
                body,
            })))
        })
    }
}

pub(super) async fn ask(
    http: &reqwest::Client,
    config: &LlmConfig,
    system: &str,
    prompt: &Prompt<'_>,
    form: Form,
) -> Result<Reply, Failure> {
    // The library panics on a key that can't be a header.
    HeaderValue::try_from(&config.api_key).map_err(|_| Error::Denied { status: 0 })?;
    let mut address = OpenAIConfig::new()
        .with_api_base(config.base_url.trim_end_matches('/'))
        .with_api_key(&config.api_key)
        // The library would read these from the environment.
        .with_org_id("")
        .with_project_id("");
    if config.dialect == Dialect::YandexOpenAi {
        for (name, value) in [
            ("openai-project", config.folder_id.as_str()),
            ("x-folder-id", &config.folder_id),
            // What people answered must not stay in somebody's logs.
            ("x-data-logging-enabled", "false"),
        ] {
            address = address
                .with_header(name, value)
                .map_err(|_| Error::Denied { status: 0 })?;
        }
    }
    let client = Client::build(http.clone(), address).with_http_service(Once(http.clone()));
    let request = request(config, system, prompt, form);
    let response: Response = client.chat().create_byot(request).await.map_err(understand)?;
    let tokens = response.usage.map_or_else(Tokens::default, |usage| Tokens {
        prompt: usage.prompt_tokens,
        answer: usage.completion_tokens,
    });
    let choice = response
        .choices
        .into_iter()
        .next()
        .ok_or(Error::Unexpected { status: 200 })?;
    let refusal = choice.message.refusal.filter(|text| !text.is_empty());
    let end = match choice.finish_reason.as_deref() {
        Some("length") => End::CutOff,
        Some("content_filter") => End::Filtered,
        _ if refusal.is_some() || choice.message.content.is_none() => End::Refused,
        _ => End::Whole,
    };
    Ok(Reply {
        text: refusal.or(choice.message.content).unwrap_or_default(),
        model: response.model,
        tokens,
        end,
    })
}

fn request(config: &LlmConfig, system: &str, prompt: &Prompt<'_>, form: Form) -> Value {
    let is_yandex = config.dialect == Dialect::YandexOpenAi;
    let messages: [async_openai::types::chat::ChatCompletionRequestMessage; 2] = [
        ChatCompletionRequestSystemMessage::from(system).into(),
        ChatCompletionRequestUserMessage::from(prompt.user).into(),
    ];
    let mut request = json!({
        "model": if is_yandex { config.yandex_model() } else { config.model.clone() },
        "messages": messages,
    });
    let limit = match config.token_limit_field {
        // Compatibility mode honours only the older name.
        TokenLimitField::MaxCompletionTokens if !is_yandex => "max_completion_tokens",
        _ => "max_tokens",
    };
    let format = match form {
        Form::Schema => json!({ "type": "json_schema", "json_schema": {
            "name": SCHEMA_NAME, "schema": prompt.schema, "strict": true,
        } }),
        Form::BareSchema => json!({ "type": "json_schema", "json_schema": prompt.schema }),
        Form::JsonObject => json!({ "type": "json_object" }),
        Form::Free => Value::Null,
    };
    if let Some(fields) = request.as_object_mut() {
        fields.insert(limit.to_owned(), config.max_answer_tokens.into());
        if !format.is_null() {
            fields.insert("response_format".to_owned(), format);
        }
        if let Some(temperature) = config.temperature() {
            fields.insert("temperature".to_owned(), temperature.into());
        }
    }
    request
}

fn understand(error: OpenAIError) -> Failure {
    match error {
        OpenAIError::Boxed(inner) => match inner.downcast::<Refusal>() {
            Ok(refusal) if refusal.status == 200 => Error::Unexpected { status: 200 }.into(),
            Ok(refusal) => refusal.failure(),
            Err(inner) => inner
                .downcast::<Error>()
                .map_or(Error::Unexpected { status: 0 }.into(), |error| Failure::from(*error)),
        },
        OpenAIError::Reqwest(_) => Error::Unreachable.into(),
        OpenAIError::ApiError(response) => super::error::by_status(response.status_code.as_u16()).into(),
        _ => Error::Unexpected { status: 200 }.into(),
    }
}
