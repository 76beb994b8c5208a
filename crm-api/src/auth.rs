//! Who asks: a session cookie with a CSRF token for people, a bearer token for programs.

use app::access::Authenticated;
use app::{Caller, Role};
use axum::extract::{FromRequestParts, Request, State};
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use axum_extra::extract::CookieJar;
use subtle::ConstantTimeEq;

use crate::client_address::ClientAddress;
use crate::problem::{ApiError, ApiResult};
use crate::rate_limit::Counted;
use crate::request_id;
use crate::state::ApiState;

pub const SESSION_COOKIE: &str = "voronka_session";
pub const CSRF_HEADER: HeaderName = HeaderName::from_static("x-csrf-token");

/// A signed-in administrator (a person or an admin's API key).
#[derive(Debug, Clone)]
pub struct Admin(pub Caller);

/// The bot's service token.
#[derive(Debug, Clone)]
pub struct Bot(pub Caller);

/// Anybody who is signed in, whatever the role.
#[derive(Debug, Clone)]
pub struct Anyone(pub Authenticated);

impl<S: Send + Sync> FromRequestParts<S> for Admin {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        of_role(parts, Role::Admin).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Bot {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        of_role(parts, Role::Bot).map(Self)
    }
}

impl<S: Send + Sync> FromRequestParts<S> for Anyone {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> ApiResult<Self> {
        parts
            .extensions
            .get::<Authenticated>()
            .cloned()
            .map(Self)
            .ok_or_else(ApiError::unauthenticated)
    }
}

fn of_role(parts: &Parts, role: Role) -> ApiResult<Caller> {
    let who = parts
        .extensions
        .get::<Authenticated>()
        .ok_or_else(ApiError::unauthenticated)?;
    if who.caller.role == role {
        Ok(who.caller.clone())
    } else {
        Err(ApiError::forbidden())
    }
}

/// The middleware in front of the administrators' routes.
pub(crate) async fn only_admin(state: State<ApiState>, request: Request, next: Next) -> Response {
    guard(state, &[Role::Admin], request, next).await
}

/// The middleware in front of the bot's routes.
pub(crate) async fn only_bot(state: State<ApiState>, request: Request, next: Next) -> Response {
    guard(state, &[Role::Bot], request, next).await
}

/// The middleware in front of what both of them may reach.
pub(crate) async fn admin_or_bot(state: State<ApiState>, request: Request, next: Next) -> Response {
    guard(state, &[Role::Admin, Role::Bot], request, next).await
}

/// The middleware in front of what needs no sign-in: limited by address.
pub(crate) async fn anybody(State(state): State<ApiState>, request: Request, next: Next) -> Response {
    let (parts, body) = request.into_parts();
    match limit_address(&state, &parts) {
        Ok(()) => next.run(Request::from_parts(parts, body)).await,
        Err(problem) => problem.into_response(),
    }
}

async fn guard(State(state): State<ApiState>, allowed: &[Role], request: Request, next: Next) -> Response {
    let (mut parts, body) = request.into_parts();
    match admit(&state, allowed, &parts).await {
        Ok(who) => {
            tracing::Span::current().record("principal", tracing::field::display(&who.caller.actor));
            parts.extensions.insert(who);
            next.run(Request::from_parts(parts, body)).await
        }
        Err(problem) => problem.into_response(),
    }
}

async fn admit(state: &ApiState, allowed: &[Role], request: &Parts) -> ApiResult<Authenticated> {
    let who = match authenticate(state, request).await {
        Ok(who) => who,
        Err(problem) => {
            // Whoever tries tokens is counted by where they come from.
            limit_address(state, request)?;
            return Err(problem);
        }
    };
    // The bot speaks for everybody in Telegram at once; its own rate limit protects what is behind it.
    if who.caller.role != Role::Bot {
        state
            .http
            .rate_limit
            .check(&Counted::Principal(who.caller.actor.to_string()))?;
    }
    if !allowed.contains(&who.caller.role) {
        return Err(ApiError::forbidden());
    }
    check_csrf(&who, request)?;
    Ok(who)
}

async fn authenticate(state: &ApiState, request: &Parts) -> ApiResult<Authenticated> {
    let request_id = request_id::current().unwrap_or_else(|| state.app.new_id());
    let headers = &request.headers;
    if headers.contains_key(AUTHORIZATION) {
        let token = bearer(headers).ok_or_else(ApiError::unauthenticated)?;
        return Ok(app::access::authenticate_token(&state.app, token, request_id).await?);
    }
    let jar = CookieJar::from_headers(headers);
    let cookie = jar.get(SESSION_COOKIE).ok_or_else(ApiError::unauthenticated)?;
    Ok(app::access::authenticate_session(&state.app, cookie.value(), request_id).await?)
}

fn bearer(headers: &HeaderMap) -> Option<&str> {
    let (scheme, token) = headers.get(AUTHORIZATION)?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim())
}

/// A browser sends the cookie by itself, also for a page of somebody else; only our own page knows the token.
fn check_csrf(who: &Authenticated, request: &Parts) -> ApiResult<()> {
    let Some(session) = &who.session else { return Ok(()) };
    if matches!(request.method, Method::GET | Method::HEAD | Method::OPTIONS) {
        return Ok(());
    }
    let sent = request
        .headers
        .get(CSRF_HEADER)
        .map(|value| value.as_bytes())
        .unwrap_or_default();
    if sent.ct_eq(session.csrf_token.as_bytes()).into() {
        return Ok(());
    }
    Err(ApiError::new(
        StatusCode::FORBIDDEN,
        "csrf_token_missing",
        "The CSRF token is missing or wrong",
    )
    .with_detail("send the header X-CSRF-Token with csrf_token of GET /api/auth/me"))
}

fn limit_address(state: &ApiState, request: &Parts) -> ApiResult<()> {
    let address = request
        .extensions
        .get::<ClientAddress>()
        .copied()
        .unwrap_or(ClientAddress::NOWHERE);
    state.http.rate_limit.check(&Counted::Address(address.bucket()))
}

/// The value of a `Set-Cookie` header; an empty token takes the cookie away.
///
/// The cookie lives as long as the session can; the server ends it earlier.
pub(crate) fn session_cookie(state: &ApiState, token: &str, max_age_s: i64) -> ApiResult<HeaderValue> {
    let secure = if state.http.is_secure { "; Secure" } else { "" };
    let text = format!("{SESSION_COOKIE}={token}; Path=/; HttpOnly; SameSite=Lax; Max-Age={max_age_s}{secure}");
    HeaderValue::try_from(text).map_err(|error| ApiError::internal().with_cause(error))
}
