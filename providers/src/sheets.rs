//! Google Sheets as public CSV (`export?format=csv&gid=`), with the traps of that way: HTML with status 200, redirects,
//! login pages. Source: observed behaviour, see docs/providers.md.

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use thiserror::Error;
use url::Url;

/// A table of 20,000 rows is about 2 MB.
const MAX_BYTES: usize = 16 * 1024 * 1024;
const MAX_REDIRECTS: u32 = 5;

#[derive(Debug, Clone)]
pub struct SheetsConfig {
    /// `https://docs.google.com`, or where a sandbox plays it.
    pub base_url: Url,
    /// Of one table.
    pub deadline: Duration,
    /// Follows no redirects by itself.
    pub http: reqwest::Client,
}

/// A document and its tabs, by number.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SheetAddress {
    pub spreadsheet_id: String,
    pub gid: u64,
}

#[derive(Debug, Error)]
pub enum Error {
    #[error("the sheet did not answer in time")]
    Timeout,
    #[error("the sheet could not be reached")]
    Unreachable(#[source] reqwest::Error),
    #[error("the sheet is not public: share it with everybody who has the link")]
    NotPublic,
    #[error("there is no such sheet or tab (HTTP {0})")]
    NotFound(u16),
    #[error("Google Sheets is busy (HTTP {0})")]
    Busy(u16),
    #[error("the sheet sent something that is not a CSV table")]
    NotCsv,
    #[error("the sheet is larger than {MAX_BYTES} bytes")]
    TooLarge,
    #[error("the sheet redirects to {0}, which is not Google")]
    ForeignRedirect(String),
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct Sheets {
    config: SheetsConfig,
}

impl SheetAddress {
    /// Understands a bare id or any address somebody pasted from the browser.
    pub fn parse(text: &str) -> Option<Self> {
        let text = text.trim();
        let is_id = |id: &str| {
            id.len() >= 20
                && id
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
        };
        if is_id(text) {
            return Some(Self {
                spreadsheet_id: text.to_owned(),
                gid: 0,
            });
        }
        let after = text.split_once("/d/")?.1;
        let id = after.split(['/', '?', '#']).next().filter(|id| is_id(id))?;
        let gid = text
            .split(['?', '#', '&'])
            .find_map(|part| part.strip_prefix("gid="))
            .and_then(|gid| gid.parse().ok())
            .unwrap_or_default();
        Some(Self {
            spreadsheet_id: id.to_owned(),
            gid,
        })
    }
}

impl Sheets {
    pub const fn new(config: SheetsConfig) -> Self {
        Self { config }
    }

    /// The bytes of one tab as CSV. Everything that is not surely a table is an error, never an empty table.
    pub async fn fetch(&self, address: &SheetAddress) -> Result<Bytes, Error> {
        tokio::time::timeout(self.config.deadline, self.follow(address))
            .await
            .unwrap_or(Err(Error::Timeout))
    }

    async fn follow(&self, address: &SheetAddress) -> Result<Bytes, Error> {
        let base = self.config.base_url.as_str().trim_end_matches('/');
        let start = format!(
            "{base}/spreadsheets/d/{}/export?format=csv&gid={}",
            address.spreadsheet_id, address.gid
        );
        let mut url = Url::parse(&start).map_err(|_| Error::NotFound(0))?;
        for _ in 0..=MAX_REDIRECTS {
            let response = self
                .config
                .http
                .get(url.clone())
                .send()
                .await
                .map_err(|error| Error::Unreachable(error.without_url()))?;
            let status = response.status();
            if status.is_redirection() {
                let location = response.headers().get("location").and_then(|value| value.to_str().ok());
                let next = location
                    .and_then(|location| url.join(location).ok())
                    .ok_or(Error::NotCsv)?;
                self.check_redirect(&next)?;
                url = next;
                continue;
            }
            return match status.as_u16() {
                200 => read_csv(response).await,
                401 | 403 => Err(Error::NotPublic),
                status @ (400 | 404 | 410) => Err(Error::NotFound(status)),
                status => Err(Error::Busy(status)),
            };
        }
        Err(Error::NotCsv)
    }

    /// Only to Google itself (or within the sandbox), and never to a login page.
    fn check_redirect(&self, next: &Url) -> Result<(), Error> {
        let host = next.host_str().unwrap_or_default();
        if host == "accounts.google.com" || next.path().contains("ServiceLogin") {
            return Err(Error::NotPublic);
        }
        let is_google =
            next.scheme() == "https" && (host.ends_with(".google.com") || host.ends_with(".googleusercontent.com"));
        let is_home = next.origin() == self.config.base_url.origin();
        if is_google || is_home {
            Ok(())
        } else {
            Err(Error::ForeignRedirect(host.to_owned()))
        }
    }
}

async fn read_csv(mut response: reqwest::Response) -> Result<Bytes, Error> {
    let is_csv = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .is_some_and(|kind| kind.to_ascii_lowercase().starts_with("text/csv"));
    if !is_csv {
        return Err(Error::NotPublic);
    }
    let mut body = BytesMut::new();
    while let Some(chunk) = response
        .chunk()
        .await
        .map_err(|error| Error::Unreachable(error.without_url()))?
    {
        if body.len() + chunk.len() > MAX_BYTES {
            return Err(Error::TooLarge);
        }
        body.extend_from_slice(&chunk);
    }
    let start: String = String::from_utf8_lossy(body.get(..64.min(body.len())).unwrap_or_default())
        .trim_start_matches('\u{feff}')
        .trim_start()
        .to_ascii_lowercase();
    if start.starts_with("<!doctype") || start.starts_with("<html") {
        return Err(Error::NotPublic);
    }
    Ok(body.freeze())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_pasted_address_is_understood() {
        let id = "1VoronkaTemplatesDemo0000000001";
        for (text, gid) in [
            (id.to_owned(), 0),
            (
                format!("https://docs.google.com/spreadsheets/d/{id}/edit?gid=5#gid=5"),
                5,
            ),
            (format!("https://docs.google.com/spreadsheets/d/{id}/edit#gid=7"), 7),
            (format!("  https://docs.google.com/spreadsheets/d/{id}  "), 0),
        ] {
            assert_eq!(
                SheetAddress::parse(&text),
                Some(SheetAddress {
                    spreadsheet_id: id.into(),
                    gid
                }),
                "{text}"
            );
        }
        assert_eq!(SheetAddress::parse("https://example.com/"), None);
    }
}
