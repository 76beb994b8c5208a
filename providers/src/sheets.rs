//! Google Sheets as public CSV (`export?format=csv&gid=`), with the traps of that way: HTML with status 200, redirects,
//! login pages. Source: observed behaviour, see docs/providers.md.

mod address;

use std::time::Duration;

use bytes::{Bytes, BytesMut};
use domain::language::Language;
use thiserror::Error;
use url::Url;

pub use address::{AddressError, Document, Pasted, SheetAddress};

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

impl Error {
    /// Whether it may pass by itself within minutes.
    pub const fn is_transient(&self) -> bool {
        matches!(self, Self::Timeout | Self::Unreachable(_) | Self::Busy(_))
    }

    /// Stable, for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Timeout => "timeout",
            Self::Unreachable(_) => "unreachable",
            Self::NotPublic => "not_public",
            Self::NotFound(_) => "not_found",
            Self::Busy(_) => "busy",
            Self::NotCsv => "not_a_table",
            Self::TooLarge => "too_large",
            Self::ForeignRedirect(_) => "foreign_redirect",
        }
    }

    /// What happened and what to do, for the sheet's owner.
    pub const fn message(&self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Timeout, Language::Ru) => "Google Таблицы не ответили вовремя. Обычно это проходит само.",
            (Self::Timeout, Language::En) => "Google Sheets did not answer in time. This usually passes by itself.",
            (Self::Unreachable(_), Language::Ru) => {
                "До Google Таблиц не получилось достучаться: нет связи или её обрывают по дороге."
            }
            (Self::Unreachable(_), Language::En) => {
                "Google Sheets could not be reached: there is no connection, or it is cut off on the way."
            }
            (Self::NotPublic, Language::Ru) => {
                "Таблица закрыта: вместо неё приходит страница входа. Откройте доступ: «Настройки доступа» → «Все, у кого есть ссылка» → «Читатель»."
            }
            (Self::NotPublic, Language::En) => {
                "The sheet is closed: a sign-in page comes instead. Open it: Share → Anyone with the link → Viewer."
            }
            (Self::NotFound(_), Language::Ru) => {
                "Такой таблицы или такого листа нет: возможно, их удалили. Проверьте адрес и номера листов (gid)."
            }
            (Self::NotFound(_), Language::En) => {
                "There is no such spreadsheet or tab: perhaps it was deleted. Check the address and the tabs' numbers (gid)."
            }
            (Self::Busy(_), Language::Ru) => {
                "У Google Таблиц неполадки или слишком много запросов. Обычно это проходит само."
            }
            (Self::Busy(_), Language::En) => "Google Sheets is in trouble or too busy. This usually passes by itself.",
            (Self::NotCsv, Language::Ru) => {
                "Google прислал не таблицу, а что-то другое. Проверьте, что ссылка ведёт на Google Таблицу."
            }
            (Self::NotCsv, Language::En) => {
                "Google sent something that is not a table. Check that the link leads to a Google spreadsheet."
            }
            (Self::TooLarge, Language::Ru) => {
                "Лист слишком большой: больше 16 МБ. Проверьте, что выбран лист с программами, и уберите лишнее."
            }
            (Self::TooLarge, Language::En) => {
                "The tab is too large: over 16 MB. Check that it is the one with the programmes, and remove what is not needed."
            }
            (Self::ForeignRedirect(_), Language::Ru) => {
                "Ссылка уводит с Google на чужой адрес, поэтому таблица не прочитана. Скопируйте адрес из самой таблицы."
            }
            (Self::ForeignRedirect(_), Language::En) => {
                "The link leads away from Google, so the sheet was not read. Copy the address from the spreadsheet itself."
            }
        }
    }
}

impl Sheets {
    pub const fn new(config: SheetsConfig) -> Self {
        Self { config }
    }

    /// Where the sheets are asked for.
    pub const fn base_url(&self) -> &Url {
        &self.config.base_url
    }

    /// The bytes of one tab as CSV. Everything that is not surely a table is an error, never an empty table.
    pub async fn fetch(&self, address: &SheetAddress) -> Result<Bytes, Error> {
        tokio::time::timeout(self.config.deadline, self.follow(address))
            .await
            .unwrap_or(Err(Error::Timeout))
    }

    async fn follow(&self, address: &SheetAddress) -> Result<Bytes, Error> {
        let start = address.csv_address(&self.config.base_url);
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
    let kind = response
        .headers()
        .get("content-type")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_ascii_lowercase();
    if kind.starts_with("text/html") {
        // A page with status 200 is the sign-in page.
        return Err(Error::NotPublic);
    }
    if !kind.starts_with("text/csv") {
        return Err(Error::NotCsv);
    }
    if response
        .content_length()
        .is_some_and(|length| length > MAX_BYTES as u64)
    {
        return Err(Error::TooLarge);
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
