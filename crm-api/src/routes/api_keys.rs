//! Keys for programs.

use api_types::page::{Page, PageQuery};
use app::{Role, access};
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::ids::ApiKeyId;
use serde::{Deserialize, Serialize};
use store::ApiKey;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Admin;
use crate::extract::{Json, PathId, Query};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
}

#[derive(Serialize, ToSchema)]
struct ApiKeyView {
    id: String,
    name: String,
    role: KeyRole,
    created_at: DateTime<Utc>,
    #[serde(skip_serializing_if = "Option::is_none")]
    revoked_at: Option<DateTime<Utc>>,
}

/// The only answer that holds the token.
#[derive(Serialize, ToSchema)]
struct CreatedApiKey {
    #[serde(flatten)]
    key: ApiKeyView,
    /// Keep it now: only its hash is stored.
    token: String,
}

#[derive(Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum KeyRole {
    /// Everything an administrator can do.
    Admin,
    /// The conversation of a bot and its files.
    Bot,
}

#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewApiKeyRequest {
    /// 1 to 100 characters.
    name: String,
    role: KeyRole,
}

/// List API keys
///
/// Newest first, revoked ones included.
#[utoipa::path(get, path = "/api/api-keys", tag = "api keys", responses((status = 200, body = Page<ApiKeyView>)))]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<ApiKeyView>>> {
    let keys = access::list_api_keys(&state.app, &caller, &paging::request(&query)?).await?;
    Ok(Json(paging::page(keys, show)))
}

/// Make an API key
#[utoipa::path(
    post,
    path = "/api/api-keys",
    tag = "api keys",
    request_body = NewApiKeyRequest,
    responses((status = 201, body = CreatedApiKey), Invalid)
)]
async fn create(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(request): Json<NewApiKeyRequest>,
) -> ApiResult<(StatusCode, Json<CreatedApiKey>)> {
    let role = match request.role {
        KeyRole::Admin => Role::Admin,
        KeyRole::Bot => Role::Bot,
    };
    let (key, token) = access::create_api_key(&state.app, &caller, &request.name, role).await?;
    Ok((
        StatusCode::CREATED,
        Json(CreatedApiKey {
            key: show(key),
            token: token.to_string(),
        }),
    ))
}

/// Revoke an API key
///
/// It is refused from the next request on.
#[utoipa::path(
    delete,
    path = "/api/api-keys/{id}",
    tag = "api keys",
    params(("id" = String, Path, description = "The key")),
    responses((status = 204), NotFound)
)]
async fn revoke(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ApiKeyId>,
) -> ApiResult<StatusCode> {
    access::revoke_api_key(&state.app, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show(key: ApiKey) -> ApiKeyView {
    ApiKeyView {
        id: key.id.to_string(),
        name: key.name,
        role: if key.role == Role::Bot.code() {
            KeyRole::Bot
        } else {
            KeyRole::Admin
        },
        created_at: key.created_at.to_utc(),
        revoked_at: key.revoked_at.map(domain::time::Timestamp::to_utc),
    }
}
