//! Files: finished programmes and whatever else was stored.

use axum::extract::State;
use axum::http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE, ETAG, IF_NONE_MATCH};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::FileId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Anyone;
use crate::extract::PathId;
use crate::problem::{ApiError, ApiResult};
use crate::refusals::NotFound;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(download))
}

/// Download a file
///
/// The `ETag` is the SHA-256 of its bytes.
#[utoipa::path(
    get,
    path = "/api/files/{id}",
    tag = "files",
    params(("id" = String, Path, description = "The file")),
    responses(
        (status = 200, description = "The bytes", content_type = "application/octet-stream"),
        (status = 304, description = "You have it already (`If-None-Match`)"),
        NotFound
    )
)]
async fn download(
    State(state): State<ApiState>,
    Anyone(who): Anyone,
    PathId(id): PathId<FileId>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let (file, bytes) = app::operate::read_file(&state.app, &who.caller, &id).await?;
    let tag = header(format!("\"{}\"", file.sha256))?;
    let mut answer = HeaderMap::new();
    answer.insert(ETAG, tag.clone());
    // Bytes under an id never change, but they are personal.
    answer.insert(CACHE_CONTROL, HeaderValue::from_static("private, max-age=3600"));
    if headers.get(IF_NONE_MATCH) == Some(&tag) {
        return Ok((StatusCode::NOT_MODIFIED, answer).into_response());
    }
    answer.insert(CONTENT_TYPE, header(file.mime_type)?);
    if let Some(name) = crate::disposition::attachment(&file.name) {
        answer.insert(CONTENT_DISPOSITION, name);
    }
    Ok((answer, bytes).into_response())
}

fn header(text: String) -> ApiResult<HeaderValue> {
    HeaderValue::try_from(text).map_err(|error| ApiError::internal().with_cause(error))
}
