//! The owner's logo.

use api_types::crm::BrandLogo;
use api_types::problem::Problem;
use app::crm::brand;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::http::header::CONTENT_TYPE;
use store::StoredFile;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Admin;
use crate::extract::{IfMatch, Versioned, read_body_of};
use crate::problem::{ApiError, ApiResult};
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(find, save, remove))
}

/// Get the logo
#[utoipa::path(
    get,
    path = "/api/settings/brand/logo",
    tag = "settings",
    responses((status = 200, body = BrandLogo, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Versioned<BrandLogo>> {
    let (file, version) = brand::logo(&state.app, &caller).await?;
    Ok(show(file, version))
}

/// Upload the logo
///
/// A PNG or JPEG of 4 MB at most. It is turned upright and fitted to the page; the next document shows it.
#[utoipa::path(
    put,
    path = "/api/settings/brand/logo",
    tag = "settings",
    params(IfMatch),
    request_body(content((Vec<u8> = "image/png"), (Vec<u8> = "image/jpeg"))),
    responses(
        (status = 200, body = BrandLogo),
        (status = 415, description = "The body is neither PNG nor JPEG by its type", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The picture can't be a logo; `errors` says why", body = Problem, content_type = "application/problem+json"),
        IfMatch
    )
)]
async fn save(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    request: Request,
) -> ApiResult<Versioned<BrandLogo>> {
    let bytes = picture(request).await?;
    let (file, version) = brand::save_logo(&state.app, &caller, version, bytes.to_vec()).await?;
    Ok(show(file, version))
}

/// Take the logo away
#[utoipa::path(
    delete,
    path = "/api/settings/brand/logo",
    tag = "settings",
    params(IfMatch),
    responses(
        (status = 204, description = "Documents go without it from now on"),
        IfMatch
    )
)]
async fn remove(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
) -> ApiResult<StatusCode> {
    brand::remove_logo(&state.app, &caller, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

async fn picture(request: Request) -> ApiResult<Bytes> {
    let is_picture = request
        .headers()
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .and_then(|value| value.split(';').next())
        .is_some_and(|kind| matches!(kind.trim().to_ascii_lowercase().as_str(), "image/png" | "image/jpeg"));
    if !is_picture {
        return Err(ApiError::unsupported_media_type(
            "send the header Content-Type: image/png or image/jpeg",
        ));
    }
    read_body_of(request.into_body(), brand::MAX_LOGO_BYTES).await
}

fn show(file: Option<StoredFile>, version: i64) -> Versioned<BrandLogo> {
    Versioned {
        version,
        body: BrandLogo {
            version,
            url: file.as_ref().map(|file| format!("/api/files/{}", file.id)),
            mime_type: file.as_ref().map(|file| file.mime_type.clone()),
            size: file.as_ref().map(|file| file.size),
            file_id: file.map(|file| file.id.to_string()),
        },
    }
}
