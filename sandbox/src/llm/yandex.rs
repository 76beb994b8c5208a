//! Yandex AI Studio's native text generation: `text` instead of `content`, counters as strings.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Reply, exchange, has_key, takes_form, tokens, words};
use crate::{
    faults::{LlmFaults, LlmMode},
    world::Shared,
};

fn error(status: StatusCode, grpc_code: u8, message: &str) -> Reply {
    Reply::error(
        status,
        json!({"error": {
            "grpcCode": grpc_code, "httpCode": status.as_u16(), "message": message,
            "httpStatus": status.canonical_reason().unwrap_or_default(), "details": [],
        }}),
    )
}

fn mishap(faults: &LlmFaults) -> Option<Reply> {
    match faults.mode {
        LlmMode::Error => Some(error(StatusCode::INTERNAL_SERVER_ERROR, 13, "internal error")),
        LlmMode::RateLimited => {
            let mut reply = error(
                StatusCode::TOO_MANY_REQUESTS,
                8,
                "ai.textGenerationCompletionSessionsCount.count gauge quota limit exceed",
            );
            reply.retry_after_s = Some(faults.retry_after_s);
            Some(reply)
        }
        LlmMode::BadKey => Some(error(StatusCode::UNAUTHORIZED, 16, "Unknown api key")),
        LlmMode::NoModel => Some(error(StatusCode::NOT_FOUND, 5, "Failed to get model")),
        LlmMode::NoMoney => Some(error(
            StatusCode::FORBIDDEN,
            7,
            "Permission denied: billing account is not active",
        )),
        _ => None,
    }
}

fn text(message: &Value) -> &str {
    message.get("text").and_then(Value::as_str).unwrap_or_default()
}

fn answer(headers: &HeaderMap, request: &Value, faults: &LlmFaults) -> Reply {
    if !has_key(headers, &["Api-Key", "Bearer"]) {
        return error(StatusCode::UNAUTHORIZED, 16, "The token is missing or invalid");
    }
    if let Some(reply) = mishap(faults) {
        return reply;
    }
    let model = request.get("modelUri").and_then(Value::as_str).unwrap_or_default();
    if !model.starts_with("gpt://") {
        return error(StatusCode::BAD_REQUEST, 3, "Invalid model_uri");
    }
    let messages = request.get("messages").and_then(Value::as_array);
    let Some(messages) = messages.filter(|messages| !messages.is_empty()) else {
        return error(StatusCode::BAD_REQUEST, 3, "Empty message list");
    };
    let streamed = request
        .get("completionOptions")
        .and_then(|options| options.get("stream"))
        .and_then(Value::as_bool);
    if streamed == Some(true) {
        return error(StatusCode::BAD_REQUEST, 3, "the sandbox doesn't play streamed answers");
    }
    let is_object = request.get("jsonObject").and_then(Value::as_bool) == Some(true);
    if !takes_form(faults, request.get("jsonSchema"), is_object) {
        // The other of the two envelopes in the wild.
        return Reply::error(
            StatusCode::BAD_REQUEST,
            json!({"code": 3, "message": "json_schema is not supported by the model", "details": []}),
        );
    }
    let prompt = messages
        .iter()
        .rev()
        .find(|message| message.get("role").and_then(Value::as_str) == Some("user"))
        .map(text)
        .unwrap_or_default();
    let (reply, status) = match faults.mode {
        LlmMode::Refuse | LlmMode::Filter => (words::refusal(prompt), "ALTERNATIVE_STATUS_CONTENT_FILTER"),
        LlmMode::CutOff => (words::answer(prompt, faults.mode), "ALTERNATIVE_STATUS_TRUNCATED_FINAL"),
        _ => (words::answer(prompt, faults.mode), "ALTERNATIVE_STATUS_FINAL"),
    };
    let input: usize = messages.iter().map(|message| tokens(text(message))).sum();
    let output = tokens(&reply);
    Reply::ok(json!({"result": {
        "alternatives": [{"message": {"role": "assistant", "text": reply}, "status": status}],
        "usage": {
            "inputTextTokens": input.to_string(),
            "completionTokens": output.to_string(),
            "totalTokens": (input + output).to_string(),
            "completionTokensDetails": {"reasoningTokens": "0"},
        },
        "modelVersion": "23.10.2025",
    }}))
}

pub async fn completion(State(sandbox): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    exchange(&sandbox, "yandex", uri.path(), &headers, &body, |request, faults| {
        answer(&headers, request, faults)
    })
    .await
}
