//! Refusals of the Bot API: a code, a description in the server's own words, and sometimes a pause.

use serde_json::{Value, json};

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{code} {description}")]
pub struct ApiError {
    pub code: u16,
    pub description: String,
    /// Seconds, for 429.
    pub retry_after: Option<u64>,
}

impl ApiError {
    pub fn new(code: u16, description: impl Into<String>) -> Self {
        Self {
            code,
            description: description.into(),
            retry_after: None,
        }
    }

    /// `detail` follows `Bad Request: `.
    pub fn bad_request(detail: impl AsRef<str>) -> Self {
        Self::new(400, format!("Bad Request: {}", detail.as_ref()))
    }

    pub fn forbidden(detail: &str) -> Self {
        Self::new(403, format!("Forbidden: {detail}"))
    }

    pub fn conflict(detail: &str) -> Self {
        Self::new(409, format!("Conflict: {detail}"))
    }

    pub fn too_many_requests(retry_after_s: u64) -> Self {
        Self {
            code: 429,
            description: format!("Too Many Requests: retry after {retry_after_s}"),
            retry_after: Some(retry_after_s),
        }
    }

    pub fn server_error() -> Self {
        Self::new(500, "Internal Server Error")
    }

    pub fn body(&self) -> Value {
        let mut body = json!({
            "ok": false, "error_code": self.code, "description": self.description,
        });
        if let (Some(seconds), Some(fields)) = (self.retry_after, body.as_object_mut()) {
            fields.insert("parameters".into(), json!({"retry_after": seconds}));
        }
        body
    }
}
