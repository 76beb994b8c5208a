//! The bot's own small server: health, metrics and, in webhook mode, the route that Telegram calls.

use std::sync::Arc;

use axum::{
    Json, Router,
    extract::State,
    http::{StatusCode, header},
    response::IntoResponse,
    routing::get,
};
use serde_json::json;

use crate::{crm::Crm, send::Sender, status::Status};

#[derive(Debug, Clone)]
pub struct Health {
    pub status: Arc<Status>,
    pub crm: Crm,
    pub sender: Sender,
}

pub fn router(health: Health) -> Router {
    Router::new()
        .route("/healthz", get(|| async { Json(json!({"status": "ok"})) }))
        .route("/readyz", get(readyz))
        .route("/metrics", get(metrics))
        .with_state(health)
}

async fn readyz(State(health): State<Health>) -> impl IntoResponse {
    let (telegram, crm) = (health.status.telegram_knows_us(), health.crm.answers());
    let ready = telegram && crm;
    let code = if ready {
        StatusCode::OK
    } else {
        StatusCode::SERVICE_UNAVAILABLE
    };
    let word = |is_good| if is_good { "ok" } else { "no answer yet" };
    let body = json!({
        "status": if ready { "ready" } else { "not ready" }, "telegram": word(telegram), "crm_api": word(crm),
    });
    (code, Json(body))
}

async fn metrics(State(health): State<Health>) -> impl IntoResponse {
    let kind = "text/plain; version=0.0.4; charset=utf-8";
    (
        [(header::CONTENT_TYPE, kind)],
        health.status.metrics(health.sender.waiting()),
    )
}
