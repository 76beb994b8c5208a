//! Where payment providers tell us. No sign-in: each provider's own check decides what is believed.

use app::pay::keys;
use app::pay::notify::{self, Received};
use axum::body::Body;
use axum::extract::{Extension, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use subtle::ConstantTimeEq as _;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::client_address::ClientAddress;
use crate::extract::{PathParts, read_body};
use crate::problem::{ApiError, ApiResult};
use crate::rate_limit::Counted;
use crate::request_id;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(plain)).routes(routes!(secret))
}

/// A payment provider's notification
///
/// `yookassa` or `tinkoff`. It is kept raw and acknowledged as the provider wants it; the provider is asked before anything
/// is believed. With `WEBHOOK_SECRET` set only the address that ends in it answers.
#[utoipa::path(
    post,
    path = "/api/payments/webhook/{provider}",
    tag = "payments",
    params(("provider" = String, Path, description = "Who tells", example = "yookassa")),
    request_body(content = String, description = "As the provider sends it, 1 MiB at most", content_type = "application/octet-stream"),
    responses((status = 200, description = "Kept; the provider need not come again", content_type = "text/plain"))
)]
async fn plain(
    State(state): State<ApiState>,
    Extension(address): Extension<ClientAddress>,
    PathParts(provider): PathParts<String>,
    body: Body,
) -> ApiResult<Response> {
    if state.app.payment_providers().webhook_secret().is_some() {
        return Err(ApiError::not_found());
    }
    receive(&state, address, &provider, body).await
}

/// A payment provider's notification, at an address nobody guesses
///
/// Answers only when `WEBHOOK_SECRET` is set and is the last part of the address.
#[utoipa::path(
    post,
    path = "/api/payments/webhook/{provider}/{secret}",
    tag = "payments",
    params(("provider" = String, Path, description = "Who tells", example = "yookassa"), ("secret" = String, Path, description = "`WEBHOOK_SECRET`")),
    request_body(content = String, description = "As the provider sends it, 1 MiB at most", content_type = "application/octet-stream"),
    responses((status = 200, description = "Kept; the provider need not come again", content_type = "text/plain"))
)]
async fn secret(
    State(state): State<ApiState>,
    Extension(address): Extension<ClientAddress>,
    PathParts((provider, secret)): PathParts<(String, String)>,
    body: Body,
) -> ApiResult<Response> {
    let is_ours = state
        .app
        .payment_providers()
        .webhook_secret()
        .is_some_and(|ours| ours.as_bytes().ct_eq(secret.as_bytes()).into());
    if !is_ours {
        return Err(ApiError::not_found());
    }
    receive(&state, address, &provider, body).await
}

async fn receive(state: &ApiState, address: ClientAddress, provider: &str, body: Body) -> ApiResult<Response> {
    state.http.notifications.check(&Counted::Address(address.bucket()))?;
    let provider = notify::provider_at(provider);
    let tenant = state.seller().await?;
    if keys::providers(&state.app, &tenant).await?.find(provider).is_none() {
        return Err(ApiError::not_found());
    }
    let body = read_body(body).await?;
    let request_id = request_id::current().unwrap_or_else(|| state.app.new_id());
    match notify::receive(&state.app, &tenant, provider, &body, address.0, &request_id).await? {
        Received::Kept(acknowledgement) => {
            let content_type = HeaderValue::from_static(acknowledgement.content_type);
            Ok(([(CONTENT_TYPE, content_type)], acknowledgement.body).into_response())
        }
        // One answer whatever was wrong: a forger learns nothing from it.
        Received::Rejected => Err(ApiError::new(
            StatusCode::FORBIDDEN,
            "notification_rejected",
            "This notification is not believed",
        )),
        Received::Unknown => Err(ApiError::not_found()),
    }
}
