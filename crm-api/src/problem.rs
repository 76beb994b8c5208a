//! Errors as RFC 9457 `application/problem+json`: a stable code and a sentence outside, the cause in the log only.

use std::error::Error as StdError;

use api_types::problem::{FieldError, Problem};
use app::FieldProblem;
use axum::http::header::{CONTENT_TYPE, RETRY_AFTER, WWW_AUTHENTICATE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};

use crate::request_id;

pub const CONTENT_TYPE_PROBLEM: HeaderValue = HeaderValue::from_static("application/problem+json");
/// A busy database or provider is worth a second look after this time.
const RETRY_TRANSIENT_S: u64 = 1;

/// What a handler answers when it can't do what was asked. Verbs' errors become one by `?`.
#[derive(Debug)]
pub struct ApiError {
    status: StatusCode,
    code: &'static str,
    title: &'static str,
    detail: Option<String>,
    errors: Vec<FieldProblem>,
    retry_after_s: Option<u64>,
    /// For the log, never for the answer.
    cause: Option<Box<dyn StdError + Send + Sync>>,
}

pub type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub const fn new(status: StatusCode, code: &'static str, title: &'static str) -> Self {
        Self {
            status,
            code,
            title,
            detail: None,
            errors: Vec::new(),
            retry_after_s: None,
            cause: None,
        }
    }

    #[must_use]
    pub fn with_detail(mut self, detail: impl Into<String>) -> Self {
        self.detail = Some(detail.into());
        self
    }

    #[must_use]
    pub fn with_field(mut self, field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        self.errors.push(FieldProblem::new(field, code, message));
        self
    }

    #[must_use]
    pub const fn with_retry_after(mut self, seconds: u64) -> Self {
        self.retry_after_s = Some(seconds);
        self
    }

    #[must_use]
    pub fn with_cause(mut self, cause: impl Into<Box<dyn StdError + Send + Sync>>) -> Self {
        self.cause = Some(cause.into());
        self
    }

    pub const fn not_found() -> Self {
        Self::new(StatusCode::NOT_FOUND, "not_found", "There is nothing here")
    }

    pub const fn unauthenticated() -> Self {
        Self::new(StatusCode::UNAUTHORIZED, "unauthenticated", "Sign in first")
    }

    pub const fn forbidden() -> Self {
        Self::new(StatusCode::FORBIDDEN, "forbidden", "Not allowed")
    }

    /// The request can't be read at all.
    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::BAD_REQUEST,
            "malformed_request",
            "The request can't be read",
        )
        .with_detail(detail)
    }

    /// The request reads well, but a field is wrong.
    pub fn invalid(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "validation_failed",
            "Some fields are wrong",
        )
        .with_field(field, code, message)
    }

    pub fn payload_too_large(limit: usize) -> Self {
        Self::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "payload_too_large",
            "The body is too large",
        )
        .with_detail(format!("a body may have {limit} bytes at most"))
    }

    pub fn unsupported_media_type(detail: impl Into<String>) -> Self {
        Self::new(
            StatusCode::UNSUPPORTED_MEDIA_TYPE,
            "unsupported_media_type",
            "The body must be JSON",
        )
        .with_detail(detail)
    }

    pub const fn rate_limited(after_s: u64) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, "rate_limited", "Too many requests").with_retry_after(after_s)
    }

    pub const fn timeout() -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, "timeout", "It took too long").with_retry_after(RETRY_TRANSIENT_S)
    }

    pub const fn internal() -> Self {
        Self::new(
            StatusCode::INTERNAL_SERVER_ERROR,
            "internal_error",
            "Something broke on our side",
        )
    }
}

impl From<app::Error> for ApiError {
    fn from(error: app::Error) -> Self {
        use app::Error;
        match error {
            Error::NotFound { what } => Self::not_found().with_detail(format!("{what} not found")),
            Error::Invalid(fields) => Self {
                errors: fields,
                ..Self::new(
                    StatusCode::UNPROCESSABLE_ENTITY,
                    "validation_failed",
                    "Some fields are wrong",
                )
            },
            Error::Conflict { code, detail } => {
                Self::new(StatusCode::CONFLICT, code, "The state of things does not allow it").with_detail(detail)
            }
            Error::VersionConflict { what } => Self::new(
                StatusCode::PRECONDITION_FAILED,
                "version_conflict",
                "Somebody else was faster",
            )
            .with_detail(format!(
                "{what} was changed by somebody else: load it again and repeat the change"
            )),
            Error::Unauthenticated => Self::unauthenticated(),
            Error::Forbidden => Self::forbidden(),
            Error::TooManyAttempts { after_s } => {
                Self::new(StatusCode::TOO_MANY_REQUESTS, "too_many_attempts", "Too many attempts")
                    .with_retry_after(after_s)
            }
            Error::Store(error) if error.is_transient() => {
                Self::new(StatusCode::SERVICE_UNAVAILABLE, "database_busy", "The database is busy")
                    .with_retry_after(RETRY_TRANSIENT_S)
                    .with_cause(error)
            }
            Error::Store(error) if error.is_unique_violation() => {
                Self::new(StatusCode::CONFLICT, "already_exists", "It exists already").with_cause(error)
            }
            Error::Unavailable { what, source } => Self::new(
                StatusCode::SERVICE_UNAVAILABLE,
                "unavailable",
                "A part is away for the moment",
            )
            .with_detail(format!("{what} is not available, try again later"))
            .with_retry_after(RETRY_TRANSIENT_S)
            .with_cause(source),
            Error::Store(error) => Self::internal().with_cause(error),
            error @ Error::Internal { .. } => Self::internal().with_cause(error),
        }
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        if self.status.is_server_error() {
            log_failure(&self);
        }
        let problem = Problem {
            kind: format!("/problems/{}", self.code),
            title: self.title.to_owned(),
            status: self.status.as_u16(),
            code: self.code.to_owned(),
            detail: self.detail,
            request_id: request_id::current().map(|id| id.to_string()),
            errors: self
                .errors
                .into_iter()
                .map(|error| FieldError {
                    field: error.field,
                    code: error.code.to_owned(),
                    message: error.message,
                })
                .collect(),
        };
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let mut response = (self.status, [(CONTENT_TYPE, CONTENT_TYPE_PROBLEM)], body).into_response();
        if let Some(seconds) = self.retry_after_s {
            response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
        }
        if self.status == StatusCode::UNAUTHORIZED {
            response
                .headers_mut()
                .insert(WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        }
        response
    }
}

/// Runs inside the request's span, so the line carries the request id.
fn log_failure(error: &ApiError) {
    let mut causes = Vec::new();
    let mut next: Option<&(dyn StdError + 'static)> =
        error.cause.as_deref().map(|cause| cause as &(dyn StdError + 'static));
    while let Some(cause) = next {
        causes.push(cause.to_string());
        next = cause.source();
    }
    let cause = causes.join(": ");
    if error.status == StatusCode::INTERNAL_SERVER_ERROR {
        tracing::error!(code = error.code, cause, "a request failed");
    } else {
        tracing::warn!(code = error.code, cause, "a request could not be served now");
    }
}
