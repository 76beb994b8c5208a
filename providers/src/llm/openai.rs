//! OpenAI-compatible Chat Completions, through async-openai.
//! Source: the OpenAI API reference, "Create chat completion" (2026-08), and proxyapi.ru/docs/errors.

use async_openai::Client;
use async_openai::config::OpenAIConfig;
use async_openai::error::OpenAIError;
use async_openai::types::chat::{
    ChatCompletionRequestSystemMessage, ChatCompletionRequestUserMessage, CreateChatCompletionRequest, FinishReason,
    ResponseFormat, ResponseFormatJsonSchema,
};

use super::{Answer, Error, LlmConfig, MAX_ANSWER_TOKENS, Prompt, by_status};

pub(super) async fn complete(
    config: &LlmConfig,
    base_url: &str,
    api_key: &str,
    prompt: &Prompt<'_>,
) -> Result<Answer, Error> {
    let api = OpenAIConfig::new()
        .with_api_base(base_url.trim_end_matches('/'))
        .with_api_key(api_key);
    let client = Client::build(config.http.clone(), api);
    let request = CreateChatCompletionRequest {
        model: config.model.clone(),
        messages: vec![
            ChatCompletionRequestSystemMessage::from(prompt.system).into(),
            ChatCompletionRequestUserMessage::from(prompt.user).into(),
        ],
        temperature: Some(f32::from(config.temperature_millis) / 1000.0),
        // The older name: compatible servers know it, and OpenAI still takes it for models that do not reason.
        #[expect(deprecated, reason = "resellers and Yandex understand only this name")]
        max_tokens: Some(MAX_ANSWER_TOKENS),
        response_format: Some(ResponseFormat::JsonSchema {
            json_schema: ResponseFormatJsonSchema {
                description: None,
                name: "worded_programme".into(),
                schema: prompt.schema.clone(),
                strict: Some(true),
            },
        }),
        ..CreateChatCompletionRequest::default()
    };
    let response = client.chat().create(request).await.map_err(understand)?;
    let usage = response.usage.as_ref();
    let (prompt_tokens, answer_tokens) = usage.map_or((0, 0), |usage| {
        (u64::from(usage.prompt_tokens), u64::from(usage.completion_tokens))
    });
    let choice = response
        .choices
        .into_iter()
        .next()
        .ok_or(Error::Unexpected { status: 200 })?;
    match choice.finish_reason {
        Some(FinishReason::Length) => return Err(Error::CutOff),
        Some(FinishReason::ContentFilter) => return Err(Error::Refused),
        _ => {}
    }
    let text = choice
        .message
        .content
        .filter(|_| choice.message.refusal.is_none())
        .ok_or(Error::Refused)?;
    Ok(Answer {
        text,
        model: response.model,
        prompt_tokens,
        answer_tokens,
    })
}

fn understand(error: OpenAIError) -> Error {
    match error {
        OpenAIError::ApiError(response) => {
            let status = response.status_code.as_u16();
            // The same 429 means "too fast" and "no money"; only the code tells.
            match response.api_error.code.as_deref() {
                Some("insufficient_quota" | "credit_balance_exhausted") => Error::NoMoney,
                _ => by_status(status),
            }
        }
        OpenAIError::Reqwest(error) => match error.status() {
            Some(status) => by_status(status.as_u16()),
            None if error.is_timeout() => Error::Timeout,
            None => Error::Unreachable,
        },
        // ProxyAPI's own errors have another shape (`{"detail": …}`), and the status is lost on the way here.
        OpenAIError::JSONDeserialize(_, body) if body.contains("\"detail\"") => {
            if body.contains("402") || body.to_lowercase().contains("balance") {
                Error::NoMoney
            } else {
                Error::Busy { status: 503 }
            }
        }
        _ => Error::Unexpected { status: 200 },
    }
}
