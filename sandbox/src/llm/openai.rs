//! OpenAI-compatible Chat Completions; under `/proxyapi/` the reseller's own errors come in its own shape.

use axum::{
    extract::State,
    http::{HeaderMap, StatusCode, Uri},
    response::Response,
};
use bytes::Bytes;
use serde_json::{Value, json};

use super::{Reply, exchange, has_key, takes_form, tokens, words};
use crate::{
    clock::real_ms,
    faults::{LlmFaults, LlmMode},
    world::Shared,
};

fn error(status: StatusCode, kind: &str, code: Option<&str>, message: &str) -> Reply {
    Reply::error(
        status,
        json!({"error": {"message": message, "type": kind, "param": null, "code": code}}),
    )
}

/// `content` is a string or a list of parts.
fn content(message: &Value) -> String {
    match message.get("content") {
        Some(Value::String(text)) => text.clone(),
        Some(Value::Array(parts)) => parts
            .iter()
            .filter_map(|part| part.get("text").and_then(Value::as_str))
            .collect(),
        _ => String::new(),
    }
}

fn is_reseller(path: &str) -> bool {
    path.starts_with("/proxyapi/")
}

fn mishap(path: &str, faults: &LlmFaults) -> Option<Reply> {
    match faults.mode {
        LlmMode::Error => Some(error(
            StatusCode::INTERNAL_SERVER_ERROR,
            "server_error",
            None,
            "The server had an error while processing your request. Sorry about that!",
        )),
        LlmMode::RateLimited => {
            let mut reply = if is_reseller(path) {
                Reply::error(StatusCode::TOO_MANY_REQUESTS, json!({"detail": "Too many requests"}))
            } else {
                error(
                    StatusCode::TOO_MANY_REQUESTS,
                    "requests",
                    Some("rate_limit_exceeded"),
                    "Rate limit reached for requests. Please try again in 2s.",
                )
            };
            reply.retry_after_s = Some(faults.retry_after_s);
            Some(reply)
        }
        LlmMode::BadKey if is_reseller(path) => Some(Reply::error(
            StatusCode::UNAUTHORIZED,
            json!({"detail": "Invalid API key"}),
        )),
        LlmMode::BadKey => Some(error(
            StatusCode::UNAUTHORIZED,
            "invalid_request_error",
            Some("invalid_api_key"),
            "Incorrect API key provided.",
        )),
        LlmMode::NoModel => Some(error(
            StatusCode::NOT_FOUND,
            "invalid_request_error",
            Some("model_not_found"),
            "The model does not exist or you do not have access to it.",
        )),
        LlmMode::NoMoney if is_reseller(path) => Some(Reply::error(
            StatusCode::PAYMENT_REQUIRED,
            json!({"detail": "Insufficient balance to run this request"}),
        )),
        LlmMode::NoMoney => Some(error(
            StatusCode::TOO_MANY_REQUESTS,
            "insufficient_quota",
            Some("insufficient_quota"),
            "You exceeded your current quota, please check your plan and billing details.",
        )),
        _ => None,
    }
}

/// What this server does not understand.
fn wrong_field(request: &Value, faults: &LlmFaults) -> Option<Reply> {
    let refuse = |field: &str| {
        let mut reply = error(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            Some("unsupported_parameter"),
            &format!("Unsupported parameter: '{field}'."),
        );
        if let Some(param) = reply.body.pointer_mut("/error/param") {
            *param = json!(field);
        }
        Some(reply)
    };
    let limits = ["max_tokens", "max_completion_tokens"];
    let wanted = faults.token_limit_field.as_str();
    if let Some(wrong) = limits
        .iter()
        .find(|limit| !wanted.is_empty() && **limit != wanted && request.get(**limit).is_some())
    {
        return refuse(wrong);
    }
    let format = request.get("response_format");
    let kind = format.and_then(|format| format.get("type")).and_then(Value::as_str);
    let schema = format.and_then(|format| format.get("json_schema"));
    if takes_form(faults, schema, kind == Some("json_object")) {
        None
    } else {
        refuse("response_format")
    }
}

fn answer(path: &str, headers: &HeaderMap, request: &Value, faults: &LlmFaults) -> Reply {
    if !has_key(headers, &["Bearer", "Api-Key"]) {
        return if is_reseller(path) {
            Reply::error(StatusCode::UNAUTHORIZED, json!({"detail": "API key is missing"}))
        } else {
            error(
                StatusCode::UNAUTHORIZED,
                "invalid_request_error",
                Some("invalid_api_key"),
                "You didn't provide an API key.",
            )
        };
    }
    if let Some(reply) = mishap(path, faults) {
        return reply;
    }
    let model = request.get("model").and_then(Value::as_str).unwrap_or_default();
    let messages = request.get("messages").and_then(Value::as_array);
    let Some(messages) = messages.filter(|messages| !messages.is_empty() && !model.is_empty()) else {
        return error(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            None,
            "you must provide a model parameter and a non-empty messages array",
        );
    };
    if request.get("stream").and_then(Value::as_bool) == Some(true) {
        return error(
            StatusCode::BAD_REQUEST,
            "invalid_request_error",
            Some("unsupported_value"),
            "the sandbox doesn't play streamed answers",
        );
    }
    if let Some(reply) = wrong_field(request, faults) {
        return reply;
    }
    let prompt = messages
        .iter()
        .rev()
        .find(|message| message.get("role").and_then(Value::as_str) == Some("user"))
        .map(content)
        .unwrap_or_default();
    let prompt_tokens: usize = messages.iter().map(|message| tokens(&content(message))).sum();
    let finish_reason = match faults.mode {
        LlmMode::CutOff => "length",
        LlmMode::Filter => "content_filter",
        _ => "stop",
    };
    let (message, text) = if faults.mode == LlmMode::Refuse {
        let refusal = words::refusal(&prompt);
        (
            json!({"role": "assistant", "content": null, "refusal": refusal}),
            refusal,
        )
    } else {
        let text = words::answer(&prompt, faults.mode);
        (json!({"role": "assistant", "content": text, "refusal": null}), text)
    };
    let completion_tokens = tokens(&text);
    Reply::ok(json!({
        "id": format!("chatcmpl-{:016x}", words::fingerprint(&[&prompt])),
        "object": "chat.completion",
        "created": real_ms().div_euclid(1000),
        "model": model,
        "choices": [{"index": 0, "message": message, "logprobs": null, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": prompt_tokens,
            "completion_tokens": completion_tokens,
            "total_tokens": prompt_tokens + completion_tokens,
        },
    }))
}

pub async fn completions(State(sandbox): State<Shared>, uri: Uri, headers: HeaderMap, body: Bytes) -> Response {
    let path = uri.path();
    exchange(&sandbox, "openai", path, &headers, &body, |request, faults| {
        answer(path, &headers, request, faults)
    })
    .await
}
