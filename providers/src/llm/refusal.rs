//! What an answer that is no success means: one reading for the shapes seen in the wild.
//!
//! Sources: the OpenAI API reference, "Error codes" (2026-08): `{"error": {message, type, param, code}}`;
//! proxyapi.ru/docs/errors: `{"detail": …}` for its own, OpenAI's for the upstream's; yandex-cloud/cloudapi: `{"error":
//! {grpcCode, httpCode, message}}` or `{code, message, details}`.

use std::time::Duration;

use http::HeaderMap;
use serde_json::Value;

use super::error::by_status;
use super::{Error, Failure};

/// The same 429 means "too fast" and "no money"; only the code tells.
const NO_MONEY: [&str; 4] = [
    "insufficient_quota",
    "credit_balance_exhausted",
    "billing_hard_limit_reached",
    "billing_not_active",
];
/// A parameter's name in a record is a name, not a page.
const MAX_PARAMETER_CHARS: usize = 60;

/// A status that is not success, with what came with it.
#[derive(Debug)]
pub(super) struct Refusal {
    pub(super) status: u16,
    pub(super) headers: HeaderMap,
    pub(super) body: Vec<u8>,
}

impl std::fmt::Display for Refusal {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "HTTP {}", self.status)
    }
}

impl std::error::Error for Refusal {}

impl Refusal {
    pub(super) fn failure(&self) -> Failure {
        let body: Value = serde_json::from_slice(&self.body).unwrap_or_default();
        let error = self.error(&body);
        let is_about_form = match &error {
            // "response_format", "json_schema", or nothing that could be named.
            Error::BadRequest { parameter, .. } => {
                parameter == "?" || parameter.starts_with("response_format") || parameter.contains("json")
            }
            _ => false,
        };
        Failure {
            retry_after: matches!(error, Error::Busy { .. })
                .then(|| retry_after(&self.headers))
                .flatten(),
            error,
            is_about_form,
        }
    }

    fn error(&self, body: &Value) -> Error {
        let error = body.get("error").unwrap_or(body);
        let field = |name: &str| error.get(name).and_then(Value::as_str).unwrap_or_default();
        let (code, kind) = (field("code"), field("type"));
        if [code, kind].iter().any(|said| NO_MONEY.contains(said)) {
            return Error::NoMoney;
        }
        let message = match body.get("detail") {
            Some(Value::String(detail)) => detail.to_lowercase(),
            _ => field("message").to_lowercase(),
        };
        // Yandex says PERMISSION_DENIED for a key without a role and for an account without money alike.
        let is_permission =
            self.status == 403 || error.get("grpcCode").or_else(|| error.get("code")) == Some(&7.into());
        if is_permission && message.contains("billing") {
            return Error::NoMoney;
        }
        match code {
            "context_length_exceeded" | "string_above_max_length" => return Error::TooLong,
            "content_filter" | "content_policy_violation" => return Error::Filtered,
            "model_not_found" => return Error::NoModel,
            _ => {}
        }
        match by_status(self.status) {
            Error::BadRequest { status, .. } => Error::BadRequest {
                status,
                parameter: parameter(field("param"), &message),
            },
            other => other,
        }
    }
}

/// The name of the field a server did not like: what it says, or what its sentence is about.
fn parameter(said: &str, message: &str) -> String {
    const KNOWN: [&str; 5] = [
        "max_completion_tokens",
        "max_tokens",
        "temperature",
        "response_format",
        "json_schema",
    ];
    let is_name = |text: &str| {
        text.bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'.' | b'[' | b']'))
    };
    if !said.is_empty() && is_name(said) {
        return said.chars().take(MAX_PARAMETER_CHARS).collect();
    }
    // "'max_tokens' is not supported, use 'max_completion_tokens'": the first one named is the wrong one.
    KNOWN
        .iter()
        .filter_map(|name| message.find(name).map(|at| (at, *name)))
        .min_by_key(|(at, name)| (*at, std::cmp::Reverse(name.len())))
        .map_or("?", |(_, name)| name)
        .to_owned()
}

/// `Retry-After` in seconds, else the later of OpenAI's two resets.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok()).map(str::trim);
    if let Some(millis) = text("retry-after-ms").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_millis(millis));
    }
    if let Some(seconds) = text("retry-after").and_then(|text| text.parse().ok()) {
        return Some(Duration::from_secs(seconds));
    }
    ["x-ratelimit-reset-requests", "x-ratelimit-reset-tokens"]
        .iter()
        .filter_map(|name| reset(text(name)?))
        .max()
}

/// `6m0s`, `1s`, `500ms`.
fn reset(text: &str) -> Option<Duration> {
    let (mut millis, mut number) = (0_u64, String::new());
    let mut letters = text.chars().peekable();
    while let Some(letter) = letters.next() {
        if letter.is_ascii_digit() {
            number.push(letter);
            continue;
        }
        let factor = match letter {
            'h' => 3_600_000,
            'm' if letters.peek() == Some(&'s') => {
                letters.next();
                1
            }
            'm' => 60_000,
            's' => 1_000,
            // Parts of a second don't matter here.
            '.' => {
                while letters.peek().is_some_and(char::is_ascii_digit) {
                    letters.next();
                }
                continue;
            }
            _ => return None,
        };
        millis = millis.saturating_add(number.parse::<u64>().ok()?.saturating_mul(factor));
        number.clear();
    }
    (number.is_empty() && !text.is_empty()).then(|| Duration::from_millis(millis))
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn failure(status: u16, body: &str, headers: &[(&'static str, &'static str)]) -> Failure {
        let headers = headers
            .iter()
            .map(|(name, value)| ((*name).parse().unwrap(), HeaderValue::from_static(value)))
            .collect();
        Refusal {
            status,
            headers,
            body: body.as_bytes().to_vec(),
        }
        .failure()
    }

    #[test]
    fn every_shape_of_an_error_is_understood() {
        let bad = |parameter: &str| Error::BadRequest {
            status: 400,
            parameter: parameter.into(),
        };
        let cases: [(u16, &str, Error); 17] = [
            (
                429,
                r#"{"error":{"message":"x","type":"requests","code":"rate_limit_exceeded"}}"#,
                Error::Busy { status: 429 },
            ),
            (
                429,
                r#"{"error":{"message":"x","type":"insufficient_quota","code":"insufficient_quota"}}"#,
                Error::NoMoney,
            ),
            (
                429,
                r#"{"error":{"message":"x","code":"credit_balance_exhausted"}}"#,
                Error::NoMoney,
            ),
            (
                401,
                r#"{"error":{"message":"Incorrect API key: sk-1","code":"invalid_api_key"}}"#,
                Error::Denied { status: 401 },
            ),
            (
                402,
                r#"{"detail":"Insufficient balance to run this request"}"#,
                Error::NoMoney,
            ),
            (429, r#"{"detail":"Too many requests"}"#, Error::Busy { status: 429 }),
            (
                403,
                r#"{"detail":"The model is not allowed for this key"}"#,
                Error::Denied { status: 403 },
            ),
            (404, r#"{"detail":"Not found"}"#, Error::NoModel),
            (
                422,
                r#"{"detail":[{"loc":["body"],"msg":"x"}]}"#,
                Error::BadRequest {
                    status: 422,
                    parameter: "?".into(),
                },
            ),
            (
                403,
                r#"{"error":{"grpcCode":7,"httpCode":403,"message":"billing account is not active"}}"#,
                Error::NoMoney,
            ),
            (
                403,
                r#"{"code":7,"message":"Permission denied","details":[]}"#,
                Error::Denied { status: 403 },
            ),
            (
                400,
                r#"{"code":3,"message":"json_schema is not supported by the model","details":[]}"#,
                bad("json_schema"),
            ),
            (
                400,
                r#"{"error":{"message":"Unsupported parameter: 'max_tokens' … Use 'max_completion_tokens' instead.","param":"max_tokens"}}"#,
                bad("max_tokens"),
            ),
            (
                400,
                r#"{"error":{"message":"x","param":"messages","code":"context_length_exceeded"}}"#,
                Error::TooLong,
            ),
            (
                400,
                r#"{"error":{"message":"x","code":"content_filter"}}"#,
                Error::Filtered,
            ),
            (502, "<html>Bad gateway</html>", Error::Busy { status: 502 }),
            (302, "", Error::Unexpected { status: 302 }),
        ];
        for (status, body, expected) in cases {
            assert_eq!(failure(status, body, &[]).error, expected, "{status} {body}");
        }
    }

    #[test]
    fn only_a_400_about_the_form_is_asked_in_another_form() {
        assert!(failure(400, r#"{"error":{"message":"x","param":"response_format"}}"#, &[]).is_about_form);
        assert!(failure(400, "{}", &[]).is_about_form);
        assert!(!failure(400, r#"{"error":{"message":"x","param":"temperature"}}"#, &[]).is_about_form);
        assert!(!failure(401, "{}", &[]).is_about_form);
    }

    #[test]
    fn waits_are_read_where_they_are_said() {
        let wait = |headers: &[(&'static str, &'static str)]| failure(429, "{}", headers).retry_after;
        assert_eq!(wait(&[("retry-after", "7")]), Some(Duration::from_secs(7)));
        let resets = [
            ("x-ratelimit-reset-requests", "1s"),
            ("x-ratelimit-reset-tokens", "1m0.5s"),
        ];
        assert_eq!(wait(&resets), Some(Duration::from_secs(60)));
        assert_eq!(
            wait(&[("x-ratelimit-reset-requests", "250ms")]),
            Some(Duration::from_millis(250))
        );
        assert_eq!(wait(&[("retry-after", "soon")]), None);
        assert_eq!(failure(402, "{}", &[("retry-after", "7")]).retry_after, None);
    }
}
