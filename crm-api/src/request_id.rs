//! The request id: it is answered in `X-Request-Id`, stands in every log line and problem, and travels into jobs.

use axum::http::{HeaderMap, HeaderName};
use domain::ids::{Id, RequestId};

pub const HEADER: HeaderName = HeaderName::from_static("x-request-id");

tokio::task_local! {
    static CURRENT: RequestId;
}

/// The id of the request this task serves.
pub fn current() -> Option<RequestId> {
    CURRENT.try_with(Clone::clone).ok()
}

/// Runs `work` as part of the request `id`.
pub async fn within<F: Future>(id: RequestId, work: F) -> F::Output {
    CURRENT.scope(id, work).await
}

/// The caller's own id when it has our form (the bot passes one on), a fresh one otherwise.
pub fn of(headers: &HeaderMap, clock: &app::Clock) -> RequestId {
    headers
        .get(HEADER)
        .and_then(|value| value.to_str().ok())
        .and_then(RequestId::parse)
        .unwrap_or_else(|| clock.new_id())
}
