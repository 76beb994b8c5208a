//! The door of `/yookassa/v3`: credentials, idempotence keys, and the faults in the doorway.

use axum::{
    Json, Router,
    body::Body,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, Method, StatusCode, header},
    response::{IntoResponse, Response},
    routing::any,
};
use bytes::Bytes;
use data_encoding::BASE64;
use serde_json::{Value, json};

use super::{KEY_LIFE_MS, Made, Remembered, error::ApiError, lists, methods, payments, receipts, refunds};
use crate::{
    banks::{
        self, Bank,
        journal::{Exchange, hang_up},
        switches::Mishap,
    },
    world::{Shared, World},
};

const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_KEY: usize = 64;

/// One call as it came in.
struct Call<'a> {
    name: &'static str,
    shop: String,
    path: &'a str,
    base_url: String,
    key: Option<String>,
    body: Value,
    query: Vec<(String, String)>,
}

/// The shop a request comes from; the secret is compared with what the cabinet shows.
fn shop_of(world: &World, headers: &HeaderMap) -> Option<String> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    let encoded = given.strip_prefix("Basic ")?;
    let pair = String::from_utf8(BASE64.decode(encoded.trim().as_bytes()).ok()?).ok()?;
    let (shop, secret) = pair.split_once(':')?;
    let known = world.banks.yookassa.shops.get(shop)?;
    (known.secret == secret).then(|| shop.to_owned())
}

fn header_text(headers: &HeaderMap, name: &str) -> Option<String> {
    headers.get(name)?.to_str().ok().map(str::to_owned)
}

fn idempotence_key(headers: &HeaderMap) -> Result<String, ApiError> {
    let key = header_text(headers, "idempotence-key").unwrap_or_default();
    if key.is_empty() {
        return Err(ApiError::at("Idempotence-Key", "Idempotence key is empty"));
    }
    // The published pattern is `[0-9a-zA-Z+-_.]{1,64}`, in which `+-_` is a range.
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || (b'+'..=b'_').contains(&byte);
    if key.len() > MAX_KEY || !key.bytes().all(allowed) {
        return Err(ApiError::at("Idempotence-Key", "Idempotence key is invalid"));
    }
    Ok(key)
}

/// The name of a call for journal and switches; `Err` is the status of a path or method there isn't.
fn name_of(method: &Method, segments: &[&str]) -> Result<&'static str, StatusCode> {
    let get = method == Method::GET;
    let post = method == Method::POST;
    let known = match segments {
        ["payments"] if post => "create_payment",
        ["payments"] if get => "list_payments",
        ["payments", _] if get => "get_payment",
        ["payments", _, "capture"] if post => "capture",
        ["payments", _, "cancel"] if post => "cancel",
        ["refunds"] if post => "create_refund",
        ["refunds"] if get => "list_refunds",
        ["refunds", _] if get => "get_refund",
        ["receipts"] if post => "create_receipt",
        ["receipts"] if get => "list_receipts",
        ["receipts", _] if get => "get_receipt",
        ["payment_methods"] if post => "create_payment_method",
        ["payment_methods", _] if get => "get_payment_method",
        ["me"] if get => "me",
        ["webhooks"] | ["webhooks", _] => "webhooks",
        ["payments" | "refunds" | "receipts" | "payment_methods" | "me", ..] if segments.len() <= 3 => {
            return Err(StatusCode::METHOD_NOT_ALLOWED);
        }
        _ => return Err(StatusCode::NOT_FOUND),
    };
    Ok(known)
}

fn read(world: &World, call: &Call<'_>, segments: &[&str]) -> Result<Value, ApiError> {
    match (call.name, segments) {
        ("list_payments", _) => lists::payments(world, &call.shop, &call.query),
        ("list_refunds", _) => lists::refunds(world, &call.shop, &call.query),
        ("list_receipts", _) => lists::receipts(world, &call.shop, &call.query),
        ("get_payment", [_, id]) => payments::read(world, &call.shop, id),
        ("get_refund", [_, id]) => refunds::read(world, &call.shop, id),
        ("get_receipt", [_, id]) => receipts::read(world, &call.shop, id),
        ("get_payment_method", [_, id]) => methods::read(world, &call.shop, id),
        ("me", _) => Ok(methods::me(world, &call.shop)),
        _ => Err(ApiError::forbidden(
            "This method is available only with an OAuth token of a partner",
        )),
    }
}

fn write(world: &mut World, call: &Call<'_>, segments: &[&str]) -> Result<Made, ApiError> {
    let (shop, body) = (call.shop.as_str(), &call.body);
    match (call.name, segments) {
        ("create_payment", _) => payments::create(world, shop, &call.base_url, body),
        ("capture", [_, id, _]) => payments::capture(world, shop, id, body),
        ("cancel", [_, id, _]) => payments::cancel(world, shop, id),
        ("create_refund", _) => refunds::create(world, shop, body),
        ("create_receipt", _) => receipts::create(world, shop, body),
        ("create_payment_method", _) => methods::create(world, shop, &call.base_url, body),
        _ => Err(ApiError::not_found("Resource")),
    }
}

fn show(world: &World, made: &Made) -> Result<Value, ApiError> {
    match made {
        Made::Payment(id) => payments::show(world, id),
        Made::Refund(id) => refunds::show(world, id),
        Made::Receipt(id) => receipts::show(world, id),
        Made::Method(id) => methods::show(world, id),
    }
    .ok_or_else(|| ApiError::not_found("Object"))
}

/// The same key with the same request shows the same thing again, errors too; with another request it is refused.
fn write_once(world: &mut World, call: &Call<'_>, segments: &[&str]) -> Result<Value, ApiError> {
    let now_ms = world.clock.now_ms();
    let key = format!("{}:{}", call.shop, call.key.as_deref().unwrap_or_default());
    let known = world.banks.yookassa.keys.get(&key);
    if let Some(known) = known.filter(|known| now_ms.saturating_sub(known.at_ms) < KEY_LIFE_MS) {
        if known.path != call.path || known.body != call.body {
            return Err(ApiError::at("Idempotence-Key", "Duplicate idempotence key"));
        }
        return match &known.outcome {
            Ok(made) => show(world, made),
            Err(error) => Err(error.clone()),
        };
    }
    let outcome = write(world, call, segments);
    world.banks.yookassa.keys.insert(
        key,
        Remembered {
            at_ms: now_ms,
            path: call.path.to_owned(),
            body: call.body.clone(),
            outcome: outcome.clone(),
        },
    );
    show(world, &outcome?)
}

fn answer(result: &Result<Value, ApiError>) -> (u16, Value) {
    match result {
        Ok(value) => (200, value.clone()),
        Err(error) => (error.status, error.body()),
    }
}

fn processing() -> (u16, Value) {
    let body = json!({"type": "processing", "description": "Request is being processed", "retry_after": 1_800});
    (202, body)
}

fn note(world: &mut World, call: &Call<'_>, told: Option<&(u16, Value)>, fault: Option<Mishap>) {
    let at_ms = world.clock.now_ms();
    world.banks.calls.note(Exchange {
        at_ms,
        bank: Bank::YooKassa,
        call: call.name.to_owned(),
        path: call.path.to_owned(),
        key: call.key.clone(),
        request: call.body.clone(),
        status: told.map(|(status, _)| *status),
        answer: told.map(|(_, body)| body.clone()).unwrap_or_default(),
        fault: fault.map(Mishap::name),
    });
}

fn respond((status, body): (u16, Value)) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    (status, Json(body)).into_response()
}

fn is_json(headers: &HeaderMap) -> bool {
    header_text(headers, "content-type").is_some_and(|kind| kind.to_ascii_lowercase().starts_with("application/json"))
}

/// An empty body stands for an empty object where nothing is required.
fn parse(body: &Bytes) -> Result<Value, ApiError> {
    if body.is_empty() {
        return Ok(json!({}));
    }
    serde_json::from_slice(body)
        .ok()
        .filter(Value::is_object)
        .ok_or_else(|| ApiError::invalid("Failed to parse request body"))
}

async fn call(
    State(sandbox): State<Shared>,
    Path(path): Path<String>,
    Query(query): Query<Vec<(String, String)>>,
    method: Method,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let Some(shop) = shop_of(&sandbox.world(), &headers) else {
        return ApiError::credentials().into_response();
    };
    let segments: Vec<&str> = path.split('/').filter(|segment| !segment.is_empty()).collect();
    let name = match name_of(&method, &segments) {
        Ok(name) => name,
        Err(StatusCode::NOT_FOUND) => return ApiError::not_found("Resource").into_response(),
        Err(status) => return (status, Body::empty()).into_response(),
    };
    let writes = method == Method::POST && name != "webhooks";
    if writes && !body.is_empty() && !is_json(&headers) {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, Body::empty()).into_response();
    }
    let base_url = banks::hosted::base_url(&sandbox, &headers);
    let (key, body) = match (writes, idempotence_key(&headers), parse(&body)) {
        (false, ..) => (None, Value::Null),
        (true, Ok(key), Ok(body)) => (Some(key), body),
        (true, Err(error), _) | (true, _, Err(error)) => return error.into_response(),
    };
    let call = Call {
        name,
        shop,
        path: &path,
        base_url,
        key,
        body,
        query,
    };
    act(&sandbox, &call, &segments, writes).await
}

async fn act(sandbox: &Shared, call: &Call<'_>, segments: &[&str], writes: bool) -> Response {
    let (pause, mishap) = sandbox.world().faults.yookassa.meet(call.name, writes);
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let refusal = match mishap {
        Some(Mishap::Refuse) => Some(ApiError::credentials()),
        Some(Mishap::TooManyRequests) => Some(ApiError::too_many_requests()),
        Some(Mishap::ServerError) => Some(ApiError::server_error()),
        _ => None,
    };
    let told = {
        let mut world = sandbox.world();
        let told = match (mishap, refusal) {
            (Some(Mishap::DropRequest), _) => None,
            (_, Some(refusal)) => Some(answer(&Err(refusal))),
            _ => {
                banks::tick(&mut world);
                let done = if writes {
                    write_once(&mut world, call, segments)
                } else {
                    read(&world, call, segments)
                };
                match mishap {
                    Some(Mishap::Processing) => Some(processing()),
                    Some(Mishap::ErrorAfterEffect) => Some(answer(&Err(ApiError::server_error()))),
                    Some(Mishap::DropResponse | Mishap::Hang(_)) => None,
                    _ => Some(answer(&done)),
                }
            }
        };
        note(&mut world, call, told.as_ref(), mishap);
        told
    };
    if let Some(Mishap::Hang(length)) = mishap {
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            () = sandbox.stop.cancelled() => {}
        }
    }
    told.map_or_else(hang_up, respond)
}

pub fn routes() -> Router<Shared> {
    Router::new().route(
        "/yookassa/v3/{*path}",
        any(call).layer(DefaultBodyLimit::max(MAX_BODY_BYTES)),
    )
}
