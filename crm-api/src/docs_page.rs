//! A page that shows the API's description. Everything on it comes from here: no foreign hosts.

use axum::Router;
use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use axum::routing::get;

use crate::state::ApiState;

pub(crate) fn router() -> Router<ApiState> {
    Router::new()
        .route(
            "/api/docs",
            get(|| asset("text/html; charset=utf-8", include_str!("../assets/docs.html"))),
        )
        .route(
            "/api/docs/docs.css",
            get(|| asset("text/css; charset=utf-8", include_str!("../assets/docs.css"))),
        )
        .route(
            "/api/docs/docs.js",
            get(|| asset("text/javascript; charset=utf-8", include_str!("../assets/docs.js"))),
        )
        .route("/api/openapi.json", get(document))
}

async fn asset(media_type: &'static str, text: &'static str) -> Response {
    ([(CONTENT_TYPE, media_type), (CACHE_CONTROL, "no-cache")], text).into_response()
}

async fn document(State(state): State<ApiState>) -> Response {
    (
        [(CONTENT_TYPE, "application/json"), (CACHE_CONTROL, "no-cache")],
        state.http.openapi.clone(),
    )
        .into_response()
}
