//! Signing in and out.

use api_types::problem::Problem;
use app::access::{self, SignedIn};
use axum::Extension;
use axum::extract::State;
use axum::http::header::SET_COOKIE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{AppendHeaders, IntoResponse, Response};
use domain::ids::RequestId;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::{Anyone, session_cookie};
use crate::client_address::ClientAddress;
use crate::extract::Json;
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(sign_out))
        .routes(routes!(me))
        .routes(routes!(change_password))
}

pub fn public_router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(sign_in))
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct SignInRequest {
    email: String,
    #[schema(format = Password)]
    password: String,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct PasswordRequest {
    #[schema(format = Password)]
    current_password: String,
    /// At least 10 characters.
    #[schema(format = Password)]
    new_password: String,
}

/// Who is signed in.
#[derive(Serialize, ToSchema)]
struct Me {
    /// Absent for an API key.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<UserView>,
    role: String,
    /// Send it as `X-CSRF-Token` with everything that is not a GET. Absent for an API key, which needs none.
    #[serde(skip_serializing_if = "Option::is_none")]
    csrf_token: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct UserView {
    id: String,
    name: String,
    email: String,
}

/// Sign in
///
/// Sets the session cookie. Wrong guesses are slowed down: after five of them by 1, 2, 4, … seconds, 15 minutes at most.
#[utoipa::path(
    post,
    path = "/api/auth/sign-in",
    tag = "auth",
    request_body = SignInRequest,
    responses((status = 200, body = Me), (status = 401, body = Problem, content_type = "application/problem+json"))
)]
async fn sign_in(
    State(state): State<ApiState>,
    Extension(request_id): Extension<RequestId>,
    Extension(peer): Extension<ClientAddress>,
    Json(request): Json<SignInRequest>,
) -> ApiResult<Response> {
    let signed_in = access::sign_in(&state.app, &request.email, &request.password, peer.bucket(), request_id).await?;
    answer(&state, signed_in)
}

/// Sign out
#[utoipa::path(post, path = "/api/auth/sign-out", tag = "auth", responses((status = 204)))]
async fn sign_out(State(state): State<ApiState>, Anyone(who): Anyone) -> ApiResult<Response> {
    access::sign_out(&state.app, &who).await?;
    let mut headers = HeaderMap::new();
    headers.insert(SET_COOKIE, session_cookie(&state, "", 0)?);
    Ok((StatusCode::NO_CONTENT, headers).into_response())
}

/// Who am I
#[utoipa::path(get, path = "/api/auth/me", tag = "auth", responses((status = 200, body = Me)))]
async fn me(State(state): State<ApiState>, Anyone(who): Anyone) -> ApiResult<Json<Me>> {
    let user = access::who_is(&state.app, &who).await?.map(show_user);
    let role = who.caller.role.code().to_owned();
    Ok(Json(Me {
        user,
        role,
        csrf_token: who.session.map(|session| session.csrf_token),
    }))
}

/// Change the password
///
/// Ends all sessions of the user and opens a fresh one.
#[utoipa::path(
    post,
    path = "/api/auth/password",
    tag = "auth",
    request_body = PasswordRequest,
    responses((status = 200, body = Me), Invalid)
)]
async fn change_password(
    State(state): State<ApiState>,
    Anyone(who): Anyone,
    Json(request): Json<PasswordRequest>,
) -> ApiResult<Response> {
    let signed_in = access::change_password(&state.app, &who, &request.current_password, &request.new_password).await?;
    answer(&state, signed_in)
}

fn answer(state: &ApiState, signed_in: SignedIn) -> ApiResult<Response> {
    let max_age_s = signed_in.ends_at.millis_since(state.app.now()) / 1000;
    let cookie = session_cookie(state, &signed_in.token, max_age_s)?;
    let role = signed_in.user.role.clone();
    let me = Me {
        role,
        user: Some(show_user(signed_in.user)),
        csrf_token: Some(signed_in.csrf_token),
    };
    Ok((AppendHeaders([(SET_COOKIE, cookie)]), Json(me)).into_response())
}

fn show_user(user: store::User) -> UserView {
    UserView {
        id: user.id.to_string(),
        name: user.name,
        email: user.email,
    }
}
