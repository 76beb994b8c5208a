//! Refusals of API v3: a status, a code and a sentence in the service's own words.

use axum::{
    Json,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::banks::random_uuid;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[error("{status} {code}: {description}")]
pub struct ApiError {
    pub status: u16,
    pub code: String,
    pub description: String,
    pub parameter: Option<String>,
    /// Milliseconds.
    pub retry_after: Option<u64>,
    /// The same error told again keeps its id.
    pub id: String,
}

impl ApiError {
    pub fn new(status: u16, code: &str, description: impl Into<String>) -> Self {
        Self {
            status,
            code: code.to_owned(),
            description: description.into(),
            parameter: None,
            retry_after: None,
            id: random_uuid(),
        }
    }

    pub fn invalid(description: impl Into<String>) -> Self {
        Self::new(400, "invalid_request", description)
    }

    pub fn at(parameter: &str, description: impl Into<String>) -> Self {
        Self {
            parameter: Some(parameter.to_owned()),
            ..Self::invalid(description)
        }
    }

    pub fn forbidden(description: &str) -> Self {
        Self::new(403, "forbidden", description)
    }

    pub fn not_found(what: &str) -> Self {
        Self::new(404, "not_found", format!("{what} doesn't exist or access denied"))
    }

    pub fn credentials() -> Self {
        Self::new(
            401,
            "invalid_credentials",
            "Basic authentication failed. Probably you enter wrong shopId or secret key",
        )
    }

    pub fn too_many_requests() -> Self {
        Self {
            retry_after: Some(1_800),
            ..Self::new(429, "too_many_requests", "Too many requests")
        }
    }

    pub fn server_error() -> Self {
        Self::new(500, "internal_server_error", "Internal server error")
    }

    pub fn body(&self) -> Value {
        let mut body = json!({"type": "error", "id": self.id, "code": self.code, "description": self.description});
        if let Some(fields) = body.as_object_mut() {
            if let Some(parameter) = &self.parameter {
                fields.insert("parameter".into(), json!(parameter));
            }
            if let Some(retry_after) = self.retry_after {
                fields.insert("retry_after".into(), json!(retry_after));
            }
        }
        body
    }
}

impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.status).unwrap_or(StatusCode::BAD_REQUEST);
        let mut response = (status, Json(self.body())).into_response();
        if status == StatusCode::UNAUTHORIZED {
            response.headers_mut().insert(
                header::WWW_AUTHENTICATE,
                HeaderValue::from_static("Basic realm=\"api\""),
            );
        }
        response
    }
}
