//! What every page here is made of.

use axum::http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, LOCATION};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use data_encoding::BASE64;
use domain::language::Language;
use sha2::{Digest, Sha256};

use crate::problem::ApiError;

pub(crate) const PAGE_STYLE: &str = include_str!("../../assets/page.css");
pub(super) const STYLE: &str = include_str!("../../assets/admin.css");

pub(crate) fn see_other(address: &str) -> Response {
    match HeaderValue::try_from(address) {
        Ok(location) => (
            StatusCode::SEE_OTHER,
            [
                (LOCATION, location),
                (CACHE_CONTROL, HeaderValue::from_static("no-store")),
            ],
        )
            .into_response(),
        Err(error) => ApiError::internal().with_cause(error).into_response(),
    }
}

pub(super) fn plain_page(title: &str, body: &str, language: Language) -> String {
    format!(
        "<!doctype html>\n<html lang=\"{}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n\
         <title>{}</title>\n<style>\n{PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n{body}\n</body>\n</html>\n",
        language.code(),
        escape(title)
    )
}

/// A page whose only styles are the ones drawn into it; nothing else is loaded or run.
pub(super) fn html(status: StatusCode, page: &str) -> Response {
    html_with(status, page, "'self'", &[])
}

/// As [`html`]; `form_action`: where its forms may lead, redirects included; `scripts`: what may run in it, word for word,
/// and ask this server again.
pub(crate) fn html_with(status: StatusCode, page: &str, form_action: &str, scripts: &[&str]) -> Response {
    let digest = |text: &str| format!(" 'sha256-{}'", BASE64.encode(&Sha256::digest(text.as_bytes())));
    let mut policy = String::from("default-src 'none'; style-src");
    for style in page
        .split("<style>")
        .skip(1)
        .filter_map(|rest| rest.split("</style>").next())
    {
        policy.push_str(&digest(style));
    }
    if !scripts.is_empty() {
        policy.push_str("; connect-src 'self'; script-src");
        scripts.iter().for_each(|script| policy.push_str(&digest(script)));
    }
    policy.push_str(&format!(
        "; base-uri 'none'; form-action {form_action}; frame-ancestors 'none'"
    ));
    let mut response = (
        status,
        [
            (CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8")),
            (CACHE_CONTROL, HeaderValue::from_static("no-store")),
        ],
        page.to_owned(),
    )
        .into_response();
    if let Ok(policy) = HeaderValue::try_from(policy) {
        response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
    }
    response
}

pub(crate) fn escape(text: &str) -> String {
    text.replace('&', "&amp;")
        .replace('<', "&lt;")
        .replace('>', "&gt;")
        .replace('"', "&quot;")
        .replace('\'', "&#39;")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_somebody_typed_never_becomes_a_page() {
        assert_eq!(escape("<a href=\"'&"), "&lt;a href=&quot;&#39;&amp;");
    }
}
