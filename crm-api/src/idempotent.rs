//! `Idempotency-Key`: a repeated POST gets the first one's answer and does nothing.

use axum::body::{Body, Bytes};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::{CONTENT_TYPE, ETAG, LOCATION};
use axum::http::request::Parts;
use axum::http::{HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use http_body_util::BodyExt;
use sha2::{Digest, Sha256};
use store::{IdempotencyClaim, KeyLease, StoredResponse};
use tracing::Instrument;
use utoipa::IntoParams;
use utoipa::openapi::path::{Parameter, ParameterIn};

use crate::extract::{body_limit, needed_header, read_body_of};
use crate::problem::{ApiError, ApiResult};
use crate::request_id;
use crate::state::ApiState;

pub const HEADER: HeaderName = HeaderName::from_static("idempotency-key");
/// Tells a repeated answer from a first one.
pub const REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
/// Twice the deadline of a handler: while it works, nobody takes its key over.
const LEASE_MS: i64 = 60_000;
const MAX_KEY_LENGTH: usize = 255;
/// The headers that belong to an answer; everything else is made anew.
const KEPT_HEADERS: [HeaderName; 3] = [CONTENT_TYPE, ETAG, LOCATION];

/// A request that can move money says under which key: without one a repetition could not be told from a second wish.
#[derive(Debug)]
pub(crate) struct Keyed;

impl<S: Send + Sync> FromRequestParts<S> for Keyed {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        if parts.headers.contains_key(HEADER) {
            return Ok(Self);
        }
        Err(ApiError::new(
            StatusCode::BAD_REQUEST,
            "idempotency_key_required",
            "Say under which key",
        )
        .with_detail("send the header Idempotency-Key with a fresh random text, the same one when you try again"))
    }
}

impl IntoParams for Keyed {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![needed_header("Idempotency-Key", "Needed")]
    }
}

/// Who claims which key for what.
#[derive(Clone)]
struct Ticket {
    state: ApiState,
    tenant: domain::ids::TenantId,
    principal: String,
    key: String,
}

/// Stands behind authentication and before the handler.
pub(crate) async fn idempotent(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    if request.method() != Method::POST || !request.headers().contains_key(HEADER) {
        return next.run(request).await;
    }
    match run_once(state, request, next).await {
        Ok(response) => response,
        Err(problem) => problem.into_response(),
    }
}

async fn run_once(state: ApiState, request: Request, next: Next) -> ApiResult<Response> {
    let key = key_of(&request)?;
    let who = request
        .extensions()
        .get::<app::access::Authenticated>()
        .ok_or_else(ApiError::unauthenticated)?;
    let ticket = Ticket {
        tenant: who.caller.tenant.clone(),
        principal: who.caller.actor.to_string(),
        key,
        state,
    };
    let id = who.caller.request_id.clone();
    let (parts, body) = request.into_parts();
    let body = read_body_of(body, body_limit(parts.uri.path())).await?;
    let target = parts
        .uri
        .path_and_query()
        .map_or_else(|| parts.uri.path(), |target| target.as_str());
    match ticket.claim(&request_hash(target, &body)).await? {
        IdempotencyClaim::Claimed => {}
        IdempotencyClaim::Answered(stored) => return replay(stored),
        IdempotencyClaim::InProgress { lease_ms } => {
            let after_s = lease_ms.unsigned_abs().div_ceil(1000).clamp(1, 5);
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "request_in_progress",
                "The same request is being worked on",
            )
            .with_retry_after(after_s));
        }
        IdempotencyClaim::Mismatch => {
            let code = "idempotency_key_reused";
            return Err(ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                code,
                "This key belongs to another request",
            )
            .with_detail("an Idempotency-Key stands for one request: one route and one body; take a new key"));
        }
        IdempotencyClaim::AnswerLost => {
            return Err(ApiError::new(
                StatusCode::CONFLICT,
                "answer_lost",
                "It was done, but the answer is lost",
            )
            .with_detail("an earlier try of this request took effect before it was cut off; look at the result"));
        }
    }
    let request = Request::from_parts(parts, Body::from(body));
    // In a task of its own: whoever hangs up in the middle finds the answer at the next try.
    let task = tokio::spawn(request_id::within(id, ticket.finish(request, next)).in_current_span());
    task.await.map_err(|error| ApiError::internal().with_cause(error))
}

impl Ticket {
    async fn claim(&self, request_hash: &str) -> ApiResult<IdempotencyClaim> {
        let app = &self.state.app;
        let process_now = app.process_now();
        let lease = KeyLease {
            owner: app.instance(),
            now: process_now,
            until: process_now.plus_millis(LEASE_MS),
        };
        let mut tx = app.tenant(&self.tenant).write().await.map_err(app::Error::from)?;
        let claim = tx
            .claim_idempotency_key(&self.principal, &self.key, request_hash, app.now(), &lease)
            .await
            .map_err(app::Error::from)?;
        tx.commit().await.map_err(app::Error::from)?;
        Ok(claim)
    }

    async fn finish(self, request: Request, next: Next) -> Response {
        let response = store::holding_key(&self.principal, &self.key, next.run(request)).await;
        let (parts, body) = response.into_parts();
        let body = match body.collect().await {
            Ok(collected) => collected.to_bytes(),
            Err(error) => return ApiError::internal().with_cause(error).into_response(),
        };
        let is_final = !parts.status.is_server_error() && parts.status != StatusCode::TOO_MANY_REQUESTS;
        let outcome = if is_final {
            self.store(parts.status, &parts.headers, &body).await
        } else {
            self.release().await
        };
        if let Err(error) = outcome {
            tracing::error!(%error, "the answer under an idempotency key could not be kept");
        }
        Response::from_parts(parts, Body::from(body))
    }

    async fn store(&self, status: StatusCode, headers: &axum::http::HeaderMap, body: &Bytes) -> store::Result<()> {
        let kept = KEPT_HEADERS
            .iter()
            .filter_map(|name| Some((name.as_str().to_owned(), headers.get(name)?.to_str().ok()?.to_owned())))
            .collect();
        let response = StoredResponse {
            status: status.as_u16(),
            headers: kept,
            body: body.to_vec(),
        };
        let mut tx = self.state.app.tenant(&self.tenant).write().await?;
        tx.store_idempotent_response(&self.principal, &self.key, &response)
            .await?;
        tx.commit().await
    }

    async fn release(&self) -> store::Result<()> {
        let mut tx = self.state.app.tenant(&self.tenant).write().await?;
        tx.release_idempotency_key(&self.principal, &self.key).await?;
        tx.commit().await
    }
}

fn key_of(request: &Request) -> ApiResult<String> {
    let mut values = request.headers().get_all(HEADER).iter();
    let key = values
        .next()
        .filter(|_| values.next().is_none())
        .map(HeaderValue::as_bytes)
        .unwrap_or_default();
    let is_sane = (1..=MAX_KEY_LENGTH).contains(&key.len()) && key.iter().all(u8::is_ascii_graphic);
    match std::str::from_utf8(key) {
        Ok(key) if is_sane => Ok(key.to_owned()),
        _ => Err(ApiError::malformed(format!(
            "an Idempotency-Key has 1 to {MAX_KEY_LENGTH} visible ASCII characters"
        ))),
    }
}

fn request_hash(target: &str, body: &[u8]) -> String {
    let mut hash = Sha256::new();
    hash.update(target.as_bytes());
    // A path has no line feed, so the two parts can't be shifted against each other.
    hash.update(b"\n");
    hash.update(body);
    data_encoding::HEXLOWER.encode(&hash.finalize())
}

fn replay(stored: StoredResponse) -> ApiResult<Response> {
    let status = StatusCode::from_u16(stored.status).map_err(|error| ApiError::internal().with_cause(error))?;
    let mut response = (status, stored.body).into_response();
    response.headers_mut().remove(CONTENT_TYPE);
    for (name, value) in stored.headers {
        if let (Ok(name), Ok(value)) = (HeaderName::try_from(name), HeaderValue::try_from(value)) {
            response.headers_mut().insert(name, value);
        }
    }
    response
        .headers_mut()
        .insert(REPLAYED, HeaderValue::from_static("true"));
    Ok(response)
}
