//! Parameters of a call, whichever of the four ways they came: query, form, JSON or multipart.

use std::collections::HashMap;

use axum::{
    body::to_bytes,
    extract::{FromRequest, Multipart, Request},
    http::header::CONTENT_TYPE,
};
use serde_json::{Map, Value};

use super::{
    error::ApiError,
    files::{MAX_UPLOAD_BYTES, Upload},
};

/// The rest of a multipart body around the largest file.
pub const MAX_BODY_BYTES: usize = MAX_UPLOAD_BYTES + 1024 * 1024;

#[derive(Debug, Default)]
pub struct Params {
    pub fields: Map<String, Value>,
    pub uploads: HashMap<String, Upload>,
}

fn too_large() -> ApiError {
    ApiError::new(413, "Request Entity Too Large")
}

impl Params {
    pub async fn read(request: Request) -> Result<Self, ApiError> {
        let mut params = Self::default();
        if let Some(query) = request.uri().query() {
            params.add_form(query.as_bytes());
        }
        let content_type = request
            .headers()
            .get(CONTENT_TYPE)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
            .to_ascii_lowercase();
        if content_type.starts_with("multipart/form-data") {
            params.add_multipart(request).await?;
            return Ok(params);
        }
        let body = to_bytes(request.into_body(), MAX_BODY_BYTES)
            .await
            .map_err(|_| too_large())?;
        if body.is_empty() {
            return Ok(params);
        }
        if content_type.starts_with("application/json") {
            match serde_json::from_slice(&body) {
                Ok(Value::Object(fields)) => params.fields.extend(fields),
                Ok(Value::Null) => {}
                _ => return Err(ApiError::bad_request("can't parse JSON object")),
            }
        } else if content_type.starts_with("application/x-www-form-urlencoded") {
            params.add_form(&body);
        }
        Ok(params)
    }

    fn add_form(&mut self, encoded: &[u8]) {
        for (name, value) in url::form_urlencoded::parse(encoded) {
            self.fields.insert(name.into_owned(), Value::String(value.into_owned()));
        }
    }

    async fn add_multipart(&mut self, request: Request) -> Result<(), ApiError> {
        let mut parts = Multipart::from_request(request, &())
            .await
            .map_err(|error| ApiError::bad_request(error.body_text()))?;
        let mut read = 0;
        while let Some(part) = parts
            .next_field()
            .await
            .map_err(|error| ApiError::bad_request(error.body_text()))?
        {
            let name = part.name().unwrap_or_default().to_owned();
            let file_name = part.file_name().map(str::to_owned);
            let mime_type = part.content_type().map(str::to_owned);
            let bytes = part.bytes().await.map_err(|error| {
                if error.status().as_u16() == 413 {
                    too_large()
                } else {
                    ApiError::bad_request(error.body_text())
                }
            })?;
            read += bytes.len();
            if read > MAX_BODY_BYTES {
                return Err(too_large());
            }
            // teloxide sends files made from memory without a name; only text parts have neither name nor type.
            if file_name.is_some() || mime_type.is_some() {
                if bytes.len() > MAX_UPLOAD_BYTES {
                    return Err(too_large());
                }
                self.uploads.insert(
                    name,
                    Upload {
                        file_name,
                        mime_type,
                        bytes,
                    },
                );
            } else {
                let text = String::from_utf8_lossy(&bytes).into_owned();
                self.fields.insert(name, Value::String(text));
            }
        }
        Ok(())
    }

    pub fn str(&self, name: &str) -> Option<&str> {
        self.fields.get(name).and_then(Value::as_str)
    }

    pub fn i64(&self, name: &str) -> Option<i64> {
        match self.fields.get(name)? {
            Value::String(text) => text.trim().parse().ok(),
            value => value.as_i64(),
        }
    }

    pub fn bool(&self, name: &str) -> bool {
        match self.fields.get(name) {
            Some(Value::Bool(value)) => *value,
            Some(Value::String(text)) => matches!(text.to_ascii_lowercase().as_str(), "true" | "1" | "yes"),
            Some(Value::Number(number)) => number.as_i64() != Some(0),
            _ => false,
        }
    }

    /// A nested object: plain in a JSON body, JSON text elsewhere. `Null` when absent.
    pub fn json(&self, name: &str) -> Result<Value, ApiError> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(Value::Null),
            Some(Value::String(text)) if text.trim().is_empty() => Ok(Value::Null),
            Some(Value::String(text)) => {
                serde_json::from_str(text).map_err(|_| ApiError::bad_request(format!("can't parse {name} JSON object")))
            }
            Some(value) => Ok(value.clone()),
        }
    }

    /// A file that came along: as the part of that name, or through `attach://part`.
    pub fn take_upload(&mut self, reference: &str) -> Option<Upload> {
        match reference.strip_prefix("attach://") {
            Some(part) => self.uploads.remove(part),
            None => self.uploads.remove(reference),
        }
    }
}
