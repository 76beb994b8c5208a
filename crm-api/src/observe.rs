//! What surrounds every request: its id, its span, one line in the access log, figures, a deadline, safe headers.

use std::any::Any;
use std::time::{Duration, Instant};

use axum::extract::{MatchedPath, Request, State};
use axum::http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS};
use axum::http::{HeaderName, HeaderValue, Method};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use tracing::Instrument;

use crate::client_address::ClientAddress;
use crate::problem::ApiError;
use crate::state::ApiState;
use crate::{metrics, request_id};

/// Longer than anything here should take; whoever waits has given up by then.
const DEADLINE: Duration = Duration::from_secs(30);
/// A bot may wait 30 s for something to send.
const LONG_POLL_DEADLINE: Duration = Duration::from_secs(60);
const LONG_POLL_PATH: &str = "/api/bot/deliveries/claim";

/// The outermost layer.
pub(crate) async fn observe(State(state): State<ApiState>, mut request: Request, next: Next) -> Response {
    let started = Instant::now();
    let id = request_id::of(request.headers(), state.app.clock());
    let method = method_label(request.method());
    let route = request
        .extensions()
        .get::<MatchedPath>()
        .map_or("unmatched", MatchedPath::as_str)
        .to_owned();
    let address = ClientAddress::of(&request, &state.http.proxies);
    request.extensions_mut().insert(address);
    request.extensions_mut().insert(id.clone());
    let span = tracing::info_span!("request", request.id = %id, principal = tracing::field::Empty);
    let header = HeaderValue::from_str(id.as_ref()).ok();
    let work = async {
        let response = next.run(request).await;
        let (status, took) = (response.status().as_u16(), started.elapsed());
        metrics::count_request(method, &route, status, took);
        let duration_ms = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
        if is_probe(&route) {
            tracing::debug!(method, route, status, duration_ms, "a request was served");
        } else {
            tracing::info!(method, route, status, duration_ms, "a request was served");
        }
        response
    };
    let mut response = request_id::within(id, work.instrument(span)).await;
    if let Some(header) = header {
        response.headers_mut().insert(request_id::HEADER, header);
    }
    response
}

/// Health checks and scrapes would drown the rest of the log.
fn is_probe(route: &str) -> bool {
    matches!(route, "/healthz" | "/readyz" | "/metrics")
}

/// Methods are anybody's text: only known ones become labels.
fn method_label(method: &Method) -> &'static str {
    match *method {
        Method::GET => "GET",
        Method::POST => "POST",
        Method::PUT => "PUT",
        Method::PATCH => "PATCH",
        Method::DELETE => "DELETE",
        Method::HEAD => "HEAD",
        Method::OPTIONS => "OPTIONS",
        _ => "other",
    }
}

/// Ends a handler that takes too long; its transaction is rolled back.
pub(crate) async fn deadline(request: Request, next: Next) -> Response {
    let deadline = if request.uri().path() == LONG_POLL_PATH {
        LONG_POLL_DEADLINE
    } else {
        DEADLINE
    };
    match tokio::time::timeout(deadline, next.run(request)).await {
        Ok(response) => response,
        Err(_) => ApiError::timeout().into_response(),
    }
}

/// Nothing here is framed, sniffed, or fetched from elsewhere; answers of the API are nobody's to keep.
pub(crate) async fn safe_headers(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let is_api = request.uri().path().starts_with("/api/");
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    let policy = "default-src 'self'; object-src 'none'; base-uri 'none'; form-action 'self'; frame-ancestors 'none'";
    headers
        .entry(CONTENT_SECURITY_POLICY)
        .or_insert(HeaderValue::from_static(policy));
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(X_FRAME_OPTIONS, HeaderValue::from_static("DENY"));
    headers
        .entry(REFERRER_POLICY)
        .or_insert(HeaderValue::from_static("same-origin"));
    let opener = HeaderName::from_static("cross-origin-opener-policy");
    headers.insert(opener, HeaderValue::from_static("same-origin"));
    if is_api {
        headers
            .entry(axum::http::header::CACHE_CONTROL)
            .or_insert(HeaderValue::from_static("no-store"));
    }
    if state.http.is_secure {
        let strict = HeaderValue::from_static("max-age=31536000");
        headers.insert(axum::http::header::STRICT_TRANSPORT_SECURITY, strict);
    }
    response
}

/// A panic is a bug: it is logged and answered, and the process goes on.
#[expect(clippy::needless_pass_by_value, reason = "the layer hands the panic over")]
pub(crate) fn on_panic(panic: Box<dyn Any + Send + 'static>) -> Response {
    let text = panic
        .downcast_ref::<String>()
        .map(String::as_str)
        .or_else(|| panic.downcast_ref::<&str>().copied())
        .unwrap_or("without a message");
    ApiError::internal()
        .with_cause(format!("a handler panicked: {text}"))
        .into_response()
}
