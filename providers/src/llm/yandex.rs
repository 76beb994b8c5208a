//! YandexGPT's own completion API.
//! Source: yandex-cloud/cloudapi, `text_generation_service.proto` (00e9ff0), and the structured output guide.

use serde::{Deserialize, Serialize};

use super::{Answer, Error, LlmConfig, MAX_ANSWER_TOKENS, Prompt, by_status};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    model_uri: String,
    completion_options: Options,
    messages: [Message<'a>; 2],
    json_schema: JsonSchema<'a>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    stream: bool,
    /// 0 to 1.
    temperature: f32,
    /// An int64 is a string in the JSON mapping of protobuf.
    max_tokens: String,
}

#[derive(Serialize)]
struct Message<'a> {
    role: &'static str,
    text: &'a str,
}

#[derive(Serialize)]
struct JsonSchema<'a> {
    schema: &'a serde_json::Value,
}

#[derive(Deserialize)]
struct Response {
    result: ResultBody,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct ResultBody {
    #[serde(default)]
    alternatives: Vec<Alternative>,
    usage: Option<Usage>,
    #[serde(default)]
    model_version: String,
}

#[derive(Deserialize)]
struct Alternative {
    message: AnswerMessage,
    status: String,
}

#[derive(Deserialize)]
struct AnswerMessage {
    #[serde(default)]
    text: String,
}

/// Counters are strings.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    #[serde(default)]
    input_text_tokens: String,
    #[serde(default)]
    completion_tokens: String,
}

pub(super) async fn complete(
    config: &LlmConfig,
    base_url: &str,
    api_key: &str,
    folder_id: &str,
    prompt: &Prompt<'_>,
) -> Result<Answer, Error> {
    let request = Request {
        model_uri: format!("gpt://{folder_id}/{}", config.model),
        completion_options: Options {
            stream: false,
            temperature: (f32::from(config.temperature_millis) / 1000.0).clamp(0.0, 1.0),
            max_tokens: MAX_ANSWER_TOKENS.to_string(),
        },
        messages: [
            Message {
                role: "system",
                text: prompt.system,
            },
            Message {
                role: "user",
                text: prompt.user,
            },
        ],
        json_schema: JsonSchema { schema: &prompt.schema },
    };
    let url = format!("{}/foundationModels/v1/completion", base_url.trim_end_matches('/'));
    let response = config
        .http
        .post(url)
        .header("Authorization", format!("Api-Key {api_key}"))
        // What people answered must not stay in somebody's logs.
        .header("x-data-logging-enabled", "false")
        .json(&request)
        .send()
        .await
        .map_err(|error| {
            if error.is_timeout() {
                Error::Timeout
            } else {
                Error::Unreachable
            }
        })?;
    let status = response.status().as_u16();
    if status != 200 {
        return Err(by_status(status));
    }
    let body: Response = response.json().await.map_err(|_| Error::Unexpected { status })?;
    let usage = body.result.usage.as_ref();
    let count = |text: Option<&String>| text.and_then(|text| text.parse().ok()).unwrap_or_default();
    let (prompt_tokens, answer_tokens) = (
        count(usage.map(|usage| &usage.input_text_tokens)),
        count(usage.map(|usage| &usage.completion_tokens)),
    );
    let alternative = body
        .result
        .alternatives
        .into_iter()
        .next()
        .ok_or(Error::Unexpected { status })?;
    match alternative.status.as_str() {
        "ALTERNATIVE_STATUS_FINAL" => {}
        "ALTERNATIVE_STATUS_TRUNCATED_FINAL" => return Err(Error::CutOff),
        // A refusal comes with HTTP 200.
        "ALTERNATIVE_STATUS_CONTENT_FILTER" => return Err(Error::Refused),
        _ => return Err(Error::Unexpected { status }),
    }
    Ok(Answer {
        text: alternative.message.text,
        model: body.result.model_version,
        prompt_tokens,
        answer_tokens,
    })
}
