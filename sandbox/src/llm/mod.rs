//! Two LLM back ends that word a programme deterministically, honestly or not.

pub mod openai;
pub mod words;
pub mod yandex;

use std::{
    collections::{BTreeMap, VecDeque},
    time::Duration,
};

use axum::{
    Json, Router,
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
    routing::post,
};
use serde::Serialize;
use serde_json::Value;

use crate::{
    faults::{LlmFaults, LlmMode},
    world::{Sandbox, Shared},
};

const KEPT_REQUESTS: usize = 50;

#[derive(Debug, Clone, Serialize)]
pub struct LlmExchange {
    pub at_ms: i64,
    pub dialect: &'static str,
    pub path: String,
    pub request_body: Value,
    pub response_body: Value,
    /// 0 when no answer was given at all.
    pub status: u16,
    pub mode: LlmMode,
    /// What was said beside the body; never a key.
    pub headers: BTreeMap<String, String>,
}

#[derive(Debug, Default)]
pub struct LlmJournal {
    pub exchanges: VecDeque<LlmExchange>,
}

impl LlmJournal {
    fn note(&mut self, exchange: LlmExchange) {
        self.exchanges.push_back(exchange);
        if self.exchanges.len() > KEPT_REQUESTS {
            self.exchanges.pop_front();
        }
    }
}

/// An answer before it is put on the wire.
pub struct Reply {
    pub status: StatusCode,
    pub body: Value,
    pub retry_after_s: Option<u64>,
}

impl Reply {
    pub fn ok(body: Value) -> Self {
        Self {
            status: StatusCode::OK,
            body,
            retry_after_s: None,
        }
    }

    pub fn error(status: StatusCode, body: Value) -> Self {
        Self {
            status,
            body,
            retry_after_s: None,
        }
    }

    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(header::RETRY_AFTER, seconds.into());
        }
        response
    }
}

/// The pause and the stall that both dialects share; the answer itself is up to `answer`.
async fn exchange(
    sandbox: &Sandbox,
    dialect: &'static str,
    path: &str,
    headers: &HeaderMap,
    body: &[u8],
    answer: impl FnOnce(&Value, &LlmFaults) -> Reply,
) -> Response {
    let faults = {
        let mut world = sandbox.world();
        let faults = world.faults.llm.clone();
        if faults.mode != LlmMode::Ok && faults.mode_next > 0 {
            world.faults.llm.mode_next -= 1;
            if world.faults.llm.mode_next == 0 {
                world.faults.llm.mode = LlmMode::Ok;
            }
        }
        faults
    };
    let request: Value = serde_json::from_slice(body).unwrap_or(Value::Null);
    let note = |status: u16, request_body: Value, response_body: Value| {
        let mut world = sandbox.world();
        let at_ms = world.clock.now_ms();
        world.llm.note(LlmExchange {
            at_ms,
            dialect,
            path: path.to_owned(),
            request_body,
            response_body,
            status,
            mode: faults.mode,
            headers: said(headers),
        });
    };
    if faults.slow_ms > 0 {
        tokio::time::sleep(Duration::from_millis(faults.slow_ms)).await;
    }
    if faults.mode == LlmMode::Stall {
        note(0, request, Value::Null);
        sandbox.stop.cancelled().await;
        return StatusCode::SERVICE_UNAVAILABLE.into_response();
    }
    if faults.mode == LlmMode::Html {
        note(200, request, Value::Null);
        return axum::response::Html("<html><body>Проводятся работы</body></html>").into_response();
    }
    let reply = answer(&request, &faults);
    note(reply.status.as_u16(), request, reply.body.clone());
    reply.into_response()
}

/// What a test may want to know of the headers.
fn said(headers: &HeaderMap) -> BTreeMap<String, String> {
    ["x-data-logging-enabled", "x-folder-id", "openai-project"]
        .into_iter()
        .filter_map(|name| Some((name.to_owned(), headers.get(name)?.to_str().ok()?.to_owned())))
        .collect()
}

/// Both back ends want a key; which one doesn't matter here.
fn has_key(headers: &HeaderMap, schemes: &[&str]) -> bool {
    headers
        .get(header::AUTHORIZATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split_once(' '))
        .is_some_and(|(scheme, key)| {
            !key.trim().is_empty() && schemes.iter().any(|known| known.eq_ignore_ascii_case(scheme))
        })
}

/// Whether a server that understands `structured` takes this question's form. `schema` is what was sent in its place, with
/// or without its envelope; `is_object` whether any JSON was asked for.
fn takes_form(faults: &LlmFaults, schema: Option<&Value>, is_object: bool) -> bool {
    let has_envelope = schema.is_some_and(|schema| schema.get("schema").is_some());
    match faults.structured.as_str() {
        "full" => schema.is_none() || has_envelope,
        "bare" => schema.is_none() || !has_envelope,
        "json_object" => schema.is_none(),
        _ => schema.is_none() && !is_object,
    }
}

/// Roughly what tokenisers make of Russian text; only the counters need it.
fn tokens(text: &str) -> usize {
    text.chars().count().div_ceil(3).max(1)
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/openai/v1/chat/completions", post(openai::completions))
        .route("/proxyapi/openai/v1/chat/completions", post(openai::completions))
        .route("/yandex/v1/chat/completions", post(openai::completions))
        .route("/yandex/foundationModels/v1/completion", post(yandex::completion))
}
