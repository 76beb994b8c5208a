//! Whether this process lives, can work, and what it measured.

use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::problem::ApiError;
use crate::state::ApiState;

/// The process answers.
pub(crate) async fn healthz() -> &'static str {
    "ok"
}

/// The database answers (its schema was brought up to date before the process began to listen) and the workers turn.
pub(crate) async fn readyz(State(state): State<ApiState>) -> Response {
    let database = state.app.store().ping().await;
    if let Err(error) = &database {
        tracing::warn!(%error, "not ready: the database does not answer");
    }
    let are_workers_alive = state.are_workers_alive();
    let say = |is_well: bool| if is_well { "ok" } else { "not ready" };
    let status = if database.is_ok() && are_workers_alive {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let body = json!({ "database": say(database.is_ok()), "workers": say(are_workers_alive) });
    (status, axum::Json(body)).into_response()
}

pub(crate) async fn metrics(State(state): State<ApiState>) -> Response {
    match state.app.store().system_read().await {
        Ok(mut tx) => match tx.job_totals().await {
            Ok(totals) => crate::metrics::set_job_totals(&totals),
            Err(error) => return ApiError::from(app::Error::from(error)).into_response(),
        },
        Err(error) => return ApiError::from(app::Error::from(error)).into_response(),
    }
    (
        [(CONTENT_TYPE, "text/plain; version=0.0.4; charset=utf-8")],
        state.http.recorder.render(),
    )
        .into_response()
}
