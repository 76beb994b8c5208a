//! The door: `/bot<TOKEN>/<method>` and `/file/bot<TOKEN>/<path>`, with the faults in the doorway.

use std::time::Duration;

use axum::{
    Json,
    body::Body,
    extract::{Path, Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use bytes::Bytes;
use serde::Serialize;
use serde_json::{Map, Value, json};

use super::{Call, error::ApiError, methods, params::Params, updates};
use crate::world::{Sandbox, Shared, World};

/// A token that is none answers 404, a wrong one 401, as the real server does.
fn check_token(sandbox: &Sandbox, segment: &str) -> Result<(), ApiError> {
    let not_found = || ApiError::new(404, "Not Found");
    let token = segment.strip_prefix("bot").ok_or_else(not_found)?;
    let (id, secret) = token.split_once(':').ok_or_else(not_found)?;
    let digits = !id.is_empty() && id.chars().all(|digit| digit.is_ascii_digit());
    if !digits || secret.is_empty() {
        return Err(not_found());
    }
    match &sandbox.bot_token {
        Some(expected) if expected != token => Err(ApiError::new(401, "Unauthorized")),
        _ => Ok(()),
    }
}

#[derive(Serialize)]
struct Success {
    ok: bool,
    result: Value,
}

fn answer(result: Result<Value, ApiError>) -> Response {
    match result {
        Ok(result) => Json(Success { ok: true, result }).into_response(),
        Err(error) => {
            let status = StatusCode::from_u16(error.code).unwrap_or(StatusCode::BAD_REQUEST);
            let mut response = (status, Json(error.body())).into_response();
            if let Some(seconds) = error.retry_after {
                response
                    .headers_mut()
                    .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
            }
            response
        }
    }
}

/// What the switches ask of one call; counters are spent when this is made.
#[derive(Debug, Default)]
struct Mishap {
    pause: Duration,
    refusal: Option<ApiError>,
    error_after_effect: bool,
    drop_response: bool,
}

fn mishap(world: &mut World, method: &str) -> Mishap {
    let faults = &mut world.faults.telegram;
    let mut mishap = Mishap {
        pause: Duration::from_millis(faults.slow_ms),
        ..Mishap::default()
    };
    let counted = if faults.only_methods.is_empty() {
        methods::writes(method)
    } else {
        faults
            .only_methods
            .iter()
            .any(|wanted| wanted.eq_ignore_ascii_case(method))
    };
    if !counted {
        return mishap;
    }
    let spend = |counter: &mut u32| {
        let due = *counter > 0;
        *counter = counter.saturating_sub(1);
        due
    };
    if spend(&mut faults.too_many_requests_next) {
        mishap.refusal = Some(ApiError::too_many_requests(faults.retry_after_s));
    } else if spend(&mut faults.server_error_next) {
        mishap.refusal = Some(ApiError::server_error());
    } else if spend(&mut faults.error_after_effect_next) {
        mishap.error_after_effect = true;
    } else if spend(&mut faults.drop_response_next) {
        mishap.drop_response = true;
    }
    mishap
}

/// Uploads by name, as the journal keeps them; the files themselves go into the chat.
fn uploads(params: &Params) -> Map<String, Value> {
    params
        .uploads
        .iter()
        .map(|(name, upload)| {
            let about = json!({"file_name": upload.file_name, "file_size": upload.bytes.len()});
            (name.clone(), about)
        })
        .collect()
}

fn note(
    world: &mut World,
    method: &str,
    params: Params,
    uploads: Map<String, Value>,
    outcome: Result<&Value, &ApiError>,
) {
    let mut fields = params.fields;
    fields.extend(uploads);
    let at_ms = world.clock.now_ms();
    let chat_id = fields.get("chat_id").and_then(|id| match id {
        Value::String(text) => text.parse().ok(),
        other => other.as_i64(),
    });
    world.telegram.note_call(Call {
        at_ms,
        method: method.to_owned(),
        chat_id,
        params: fields,
        status: outcome.err().map_or(200, |error| error.code),
        error: outcome.err().map(|error| error.description.clone()),
    });
}

pub async fn call(
    State(sandbox): State<Shared>,
    Path((token, method)): Path<(String, String)>,
    request: Request,
) -> Response {
    if let Err(error) = check_token(&sandbox, &token) {
        return answer(Err(error));
    }
    let mut params = match Params::read(request).await {
        Ok(params) => params,
        Err(error) => return answer(Err(error)),
    };
    let name = method.to_ascii_lowercase();
    if name == "getupdates" {
        let result = updates::get_updates(&sandbox, &params).await;
        // Polls that bring nothing would push everything else out of the journal.
        let quiet = result
            .as_ref()
            .is_ok_and(|updates| updates.as_array().is_some_and(Vec::is_empty));
        if !quiet {
            note(&mut sandbox.world(), &method, params, Map::new(), result.as_ref());
        }
        return answer(result);
    }

    let mishap = mishap(&mut sandbox.world(), &name);
    if !mishap.pause.is_zero() {
        tokio::time::sleep(mishap.pause).await;
    }
    let uploads = uploads(&params);
    let result = {
        let mut world = sandbox.world();
        let effect = match mishap.refusal {
            Some(refusal) => Err(refusal),
            None => methods::execute(&mut world, &name, &mut params),
        };
        let told = if mishap.error_after_effect && effect.is_ok() {
            Err(ApiError::server_error())
        } else {
            effect
        };
        note(&mut world, &method, params, uploads, told.as_ref());
        told
    };
    if mishap.drop_response {
        return hang_up();
    }
    answer(result)
}

/// A body that fails before its first byte makes the server close the connection with the answer unsent.
fn hang_up() -> Response {
    let broken =
        futures::stream::once(async { Err::<Bytes, _>(std::io::Error::other("the answer is dropped on purpose")) });
    let mut response = Response::new(Body::from_stream(broken));
    response
        .headers_mut()
        .insert(header::CONTENT_LENGTH, HeaderValue::from_static("1"));
    response
}

/// teloxide encodes the slash inside `file_path`; the router has decoded it already.
pub async fn download(State(sandbox): State<Shared>, Path((token, path)): Path<(String, String)>) -> Response {
    if let Err(error) = check_token(&sandbox, &token) {
        return answer(Err(error));
    }
    let bytes = sandbox
        .world()
        .telegram
        .files
        .at_path(&path)
        .map(|file| file.bytes.clone());
    match bytes {
        Some(bytes) => ([(header::CONTENT_TYPE, "application/octet-stream")], bytes).into_response(),
        None => answer(Err(ApiError::new(404, "Not Found"))),
    }
}
