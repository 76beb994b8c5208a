//! YandexGPT's own completion API.
//! Source: yandex-cloud/cloudapi, `text_generation_service.proto` (00e9ff0), and the structured output guide.

use serde::{Deserialize, Deserializer, Serialize};

use super::refusal::Refusal;
use super::{End, Error, Failure, Form, LlmConfig, Prompt, Reply, Tokens, read_bounded};

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Request<'a> {
    model_uri: String,
    completion_options: Options,
    messages: [Message<'a>; 2],
    #[serde(skip_serializing_if = "Option::is_none")]
    json_schema: Option<JsonSchema<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    json_object: Option<bool>,
}

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
struct Options {
    stream: bool,
    /// 0 to 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    temperature: Option<f64>,
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

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Usage {
    #[serde(default, deserialize_with = "count")]
    input_text_tokens: u64,
    #[serde(default, deserialize_with = "count")]
    completion_tokens: u64,
}

/// Counters are strings; a server that sends numbers is understood as well.
fn count<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u64, D::Error> {
    Ok(match serde_json::Value::deserialize(deserializer)? {
        serde_json::Value::String(text) => text.parse().unwrap_or_default(),
        other => other.as_u64().unwrap_or_default(),
    })
}

pub(super) async fn ask(
    http: &reqwest::Client,
    config: &LlmConfig,
    system: &str,
    prompt: &Prompt<'_>,
    form: Form,
) -> Result<Reply, Failure> {
    let request = Request {
        model_uri: config.yandex_model(),
        completion_options: Options {
            stream: false,
            temperature: config.temperature().map(|temperature| temperature.clamp(0.0, 1.0)),
            max_tokens: config.max_answer_tokens.to_string(),
        },
        messages: [
            Message {
                role: "system",
                text: system,
            },
            Message {
                role: "user",
                text: prompt.user,
            },
        ],
        json_schema: matches!(form, Form::Schema | Form::BareSchema).then_some(JsonSchema { schema: prompt.schema }),
        json_object: (form == Form::JsonObject).then_some(true),
    };
    let url = format!(
        "{}/foundationModels/v1/completion",
        config.base_url.trim_end_matches('/')
    );
    let response = http
        .post(url)
        .header("Authorization", format!("Api-Key {}", config.api_key))
        .header("x-folder-id", &config.folder_id)
        // What people answered must not stay in somebody's logs.
        .header("x-data-logging-enabled", "false")
        .json(&request)
        .send()
        .await
        .map_err(|_| Error::Unreachable)?;
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    let body = read_bounded(response).await?;
    if status != 200 {
        return Err(Refusal { status, headers, body }.failure());
    }
    let body: Response = serde_json::from_slice(&body).map_err(|_| Error::Unexpected { status })?;
    let tokens = body.result.usage.as_ref().map_or_else(Tokens::default, |usage| Tokens {
        prompt: usage.input_text_tokens,
        answer: usage.completion_tokens,
    });
    let alternative = body
        .result
        .alternatives
        .into_iter()
        .next()
        .ok_or(Error::Unexpected { status })?;
    let end = match alternative.status.as_str() {
        "ALTERNATIVE_STATUS_FINAL" => End::Whole,
        "ALTERNATIVE_STATUS_TRUNCATED_FINAL" => End::CutOff,
        // A refusal comes with HTTP 200.
        "ALTERNATIVE_STATUS_CONTENT_FILTER" => End::Filtered,
        _ => return Err(Error::Unexpected { status }.into()),
    };
    Ok(Reply {
        text: alternative.message.text,
        model: body.result.model_version,
        tokens,
        end,
    })
}
