//! Extractors whose refusals are problems: JSON bodies, ids in paths, query parameters, versions of edits.

use std::collections::BTreeMap;

use axum::body::Body;
use axum::extract::{FromRequest, FromRequestParts, Path as AxumPath, Request};
use axum::http::header::{CONTENT_ENCODING, CONTENT_TYPE, ETAG, IF_MATCH};
use axum::http::request::Parts;
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::{Bytes, BytesMut};
use domain::ids::Id;
use http_body_util::BodyExt as _;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use serde_path_to_error::Segment;
use utoipa::openapi::path::{Parameter, ParameterBuilder, ParameterIn};
use utoipa::openapi::{RefOr, Required, Response as Described};
use utoipa::{IntoParams, IntoResponses, PartialSchema as _};

use crate::problem::ApiError;
use crate::refusals;

/// No request of this API needs more; files come from a storage, not through it.
pub const BODY_LIMIT: usize = 1024 * 1024;
/// Three tables of training plans, and what a form wraps around them.
pub const UPLOAD_LIMIT: usize = 3 * app::crm::templates::MAX_TABLE_BYTES + 64 * 1024;
const UPLOAD_PATH: &str = "/api/templates/upload";
/// A sender who is cut off in the middle never reads why, so a body that is too large is heard out, up to here.
const DRAIN_LIMIT: usize = 16 * 1024 * 1024;

/// A JSON body in, a JSON body out. OpenAPI infers the schema from the type.
#[derive(Debug)]
pub struct Json<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _state: &S) -> Result<Self, ApiError> {
        check_media_type(request.headers())?;
        let bytes = read_body(request.into_body()).await?;
        parse_json(&bytes).map(Self)
    }
}

impl<T: Serialize> IntoResponse for Json<T> {
    fn into_response(self) -> Response {
        axum::Json(self.0).into_response()
    }
}

/// What a body under this path may weigh, in bytes.
pub fn body_limit(path: &str) -> usize {
    if path == UPLOAD_PATH { UPLOAD_LIMIT } else { BODY_LIMIT }
}

/// Reads a whole body of at most [`BODY_LIMIT`] bytes.
pub async fn read_body(body: Body) -> Result<Bytes, ApiError> {
    read_body_of(body, BODY_LIMIT).await
}

/// Reads a whole body of at most `limit` bytes.
pub async fn read_body_of(mut body: Body, limit: usize) -> Result<Bytes, ApiError> {
    let mut collected = BytesMut::new();
    let mut seen = 0_usize;
    while let Some(frame) = body.frame().await {
        let Ok(data) = frame
            .map_err(|_| ApiError::malformed("the body ended early"))?
            .into_data()
        else {
            continue;
        };
        seen = seen.saturating_add(data.len());
        if seen <= limit {
            collected.extend_from_slice(&data);
        } else if seen > limit.saturating_add(DRAIN_LIMIT) {
            break;
        }
    }
    if seen > limit {
        Err(ApiError::payload_too_large(limit))
    } else {
        Ok(collected.freeze())
    }
}

fn check_media_type(headers: &HeaderMap) -> Result<(), ApiError> {
    let content_type = headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .ok_or_else(|| ApiError::unsupported_media_type("send the header Content-Type: application/json"))?;
    let mut parts = content_type.split(';').map(str::trim);
    if !parts
        .next()
        .is_some_and(|media_type| media_type.eq_ignore_ascii_case("application/json"))
    {
        return Err(ApiError::unsupported_media_type(
            "the Content-Type must be application/json",
        ));
    }
    let is_utf8 = parts
        .filter_map(|parameter| parameter.split_once('='))
        .filter(|(name, _)| name.eq_ignore_ascii_case("charset"))
        .all(|(_, charset)| charset.trim_matches('"').eq_ignore_ascii_case("utf-8"));
    if !is_utf8 {
        return Err(ApiError::unsupported_media_type("JSON is sent in UTF-8"));
    }
    let is_plain = headers
        .get(CONTENT_ENCODING)
        .is_none_or(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if !is_plain {
        return Err(ApiError::unsupported_media_type("the body must not be compressed"));
    }
    Ok(())
}

/// Two steps, so that what no field of ours may hold (NUL, which PostgreSQL can't store, and numbers past i64) is
/// refused in one place, with its path.
fn parse_json<T: DeserializeOwned>(bytes: &[u8]) -> Result<T, ApiError> {
    if bytes.is_empty() {
        return Err(ApiError::malformed("the body is empty"));
    }
    let value: Value = serde_json::from_slice(bytes).map_err(|error| {
        ApiError::malformed(format!(
            "not valid JSON at line {}, column {}",
            error.line(),
            error.column()
        ))
    })?;
    check_value(&value, &mut String::new())?;
    serde_path_to_error::deserialize(value).map_err(|error| {
        let pointer = pointer(error.path());
        ApiError::invalid(pointer, "invalid", error.inner().to_string())
    })
}

/// Recursion is bounded: `serde_json` refuses more than 128 levels.
fn check_value(value: &Value, path: &mut String) -> Result<(), ApiError> {
    match value {
        Value::String(text) if text.contains('\0') => Err(ApiError::invalid(
            path.clone(),
            "invalid_character",
            "must not contain the character NUL",
        )),
        Value::Number(number) if number.is_u64() && number.as_i64().is_none() => Err(ApiError::invalid(
            path.clone(),
            "out_of_range",
            "the number is too large",
        )),
        Value::Array(items) => items
            .iter()
            .enumerate()
            .try_for_each(|(index, item)| within(path, &index.to_string(), |path| check_value(item, path))),
        Value::Object(fields) => fields.iter().try_for_each(|(name, field)| {
            if name.contains('\0') {
                return Err(ApiError::invalid(
                    path.clone(),
                    "invalid_character",
                    "a name must not contain the character NUL",
                ));
            }
            within(path, name, |path| check_value(field, path))
        }),
        _ => Ok(()),
    }
}

fn within<R>(path: &mut String, segment: &str, step: impl FnOnce(&mut String) -> R) -> R {
    let length = path.len();
    push_segment(path, segment);
    let result = step(path);
    path.truncate(length);
    result
}

/// RFC 6901.
fn push_segment(path: &mut String, segment: &str) {
    path.push('/');
    path.push_str(&segment.replace('~', "~0").replace('/', "~1"));
}

fn pointer(path: &serde_path_to_error::Path) -> String {
    let mut text = String::new();
    for segment in path.iter() {
        match segment {
            Segment::Seq { index } => push_segment(&mut text, &index.to_string()),
            Segment::Map { key } => push_segment(&mut text, key),
            // The variant of a tagged union is no place in the document.
            Segment::Enum { .. } | Segment::Unknown => {}
        }
    }
    text
}

/// The one id in a path, `/api/clients/{id}`. A text that is no such id names nothing: 404.
#[derive(Debug)]
pub struct PathId<T>(pub T);

impl<S: Send + Sync, T: Id + Send> FromRequestParts<S> for PathId<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let AxumPath(text) = AxumPath::<String>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::not_found())?;
        T::parse(&text).map(Self).ok_or_else(ApiError::not_found)
    }
}

/// Several parts of a path, by order or name. What does not parse names nothing: 404.
#[derive(Debug)]
pub struct PathParts<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned + Send> FromRequestParts<S> for PathParts<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        let AxumPath(value) = AxumPath::<T>::from_request_parts(parts, state)
            .await
            .map_err(|_| ApiError::not_found())?;
        Ok(Self(value))
    }
}

/// Query parameters; a wrong one is named. OpenAPI infers them from `T: IntoParams`.
#[derive(Debug)]
pub struct Query<T>(pub T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let query = parts.uri.query().unwrap_or_default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            if name.contains('\0') || value.contains('\0') {
                return Err(ApiError::invalid(
                    name.replace('\0', ""),
                    "invalid_character",
                    "must not contain the character NUL",
                ));
            }
        }
        let pairs = serde_urlencoded::Deserializer::new(url::form_urlencoded::parse(query.as_bytes()));
        serde_path_to_error::deserialize(pairs)
            .map(Self)
            .map_err(|error| ApiError::invalid(error.path().to_string(), "invalid", error.inner().to_string()))
    }
}

/// The version an edit is based on, from `If-Match: "7"`. An edit without one is refused with 428, so that nobody
/// overwrites what they have not seen. It describes itself: `params(IfMatch)` and `responses(…, IfMatch)`.
#[derive(Debug, Clone, Copy)]
pub struct IfMatch(pub i64);

impl<S: Send + Sync> FromRequestParts<S> for IfMatch {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, ApiError> {
        let value = parts.headers.get(IF_MATCH).ok_or_else(|| {
            ApiError::new(
                StatusCode::PRECONDITION_REQUIRED,
                "version_required",
                "Say which version you edit",
            )
            .with_detail("send the header If-Match with the ETag of the version you have seen")
        })?;
        value
            .to_str()
            .ok()
            .map(|text| text.trim().trim_start_matches("W/"))
            .and_then(|text| text.strip_prefix('"')?.strip_suffix('"')?.parse().ok())
            .map(Self)
            .ok_or_else(|| ApiError::malformed("If-Match must hold one ETag of this API, such as \"7\""))
    }
}

impl IntoParams for IfMatch {
    fn into_params(_: impl Fn() -> Option<ParameterIn>) -> Vec<Parameter> {
        vec![needed_header("If-Match", "The `ETag` you have seen")]
    }
}

impl IntoResponses for IfMatch {
    fn responses() -> BTreeMap<String, RefOr<Described>> {
        let conflict = refusals::problem("Somebody else was faster: `version_conflict`");
        let missing = refusals::problem("`If-Match` is missing");
        BTreeMap::from([("412".to_owned(), conflict), ("428".to_owned(), missing)])
    }
}

/// A header without which a request is refused, for the description of the API.
pub fn needed_header(name: &str, description: &str) -> Parameter {
    ParameterBuilder::new()
        .name(name)
        .parameter_in(ParameterIn::Header)
        .required(Required::True)
        .description(Some(description))
        .schema(Some(String::schema()))
        .build()
}

/// A body with its version as `ETag`, for what can be edited with [`IfMatch`].
#[derive(Debug)]
pub struct Versioned<T> {
    pub version: i64,
    pub body: T,
}

impl<T: Serialize> IntoResponse for Versioned<T> {
    fn into_response(self) -> Response {
        let mut response = axum::Json(self.body).into_response();
        if let Ok(tag) = HeaderValue::try_from(format!("\"{}\"", self.version)) {
            response.headers_mut().insert(ETAG, tag);
        }
        response
    }
}
