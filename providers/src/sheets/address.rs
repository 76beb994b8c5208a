//! Addresses of Google Sheets as people paste them: understood, or refused in words that help.

use domain::language::Language;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use url::Url;

/// Ids have 44 characters in practice; the shortest ever seen has more than this.
const MIN_ID_LENGTH: usize = 20;
/// Longer than any address of a sheet.
const MAX_ADDRESS_BYTES: usize = 2_000;

/// A document of Google Sheets. "Shared" and "published" are independent of each other: each way has its own id.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Document {
    /// Open to everybody who has the link.
    Shared(String),
    /// By "File → Share → Publish to web"; Google serves it some minutes late.
    Published(String),
}

/// A document and one of its tabs, by number.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SheetAddress {
    pub document: Document,
    pub gid: u64,
}

/// What somebody pasted: a document, and a tab if the address names one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pasted {
    pub document: Document,
    pub gid: Option<u64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    #[error("the address is empty")]
    Empty,
    #[error("this is not an address of Google Sheets")]
    NotSheets,
    #[error("this is a file on Google Drive, not a Google spreadsheet")]
    DriveFile,
    #[error("this is another kind of Google document")]
    OtherDocument,
    #[error("the address is cut off: the document's id is missing")]
    NoId,
    #[error("the tab's number is not a number")]
    BadTab,
    #[error("the address names a tab by its title")]
    TabByName,
    #[error("a tab's number needs the document's address")]
    TabWithoutDocument,
}

impl AddressError {
    /// Stable, for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Empty => "required",
            Self::NotSheets => "not_google_sheets",
            Self::DriveFile => "drive_file",
            Self::OtherDocument => "other_document",
            Self::NoId => "no_document_id",
            Self::BadTab => "bad_tab",
            Self::TabByName => "tab_by_name",
            Self::TabWithoutDocument => "tab_without_document",
        }
    }

    /// What to do about it.
    pub const fn message(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Empty, Language::Ru) => {
                "Вставьте ссылку на Google Таблицу: откройте её и скопируйте адрес из строки браузера."
            }
            (Self::Empty, Language::En) => {
                "Paste the link of the Google spreadsheet: open it and copy the address from the browser."
            }
            (Self::NotSheets, Language::Ru) => {
                "Это не похоже на ссылку на Google Таблицу. Она выглядит так: https://docs.google.com/spreadsheets/d/…"
            }
            (Self::NotSheets, Language::En) => {
                "This doesn't look like a link to a Google spreadsheet. It looks like https://docs.google.com/spreadsheets/d/…"
            }
            (Self::DriveFile, Language::Ru) => {
                "Это файл на Google Диске. Откройте его в Google Таблицах (Файл → Сохранить как таблицу Google) и вставьте новый адрес."
            }
            (Self::DriveFile, Language::En) => {
                "This is a file on Google Drive. Open it in Google Sheets (File → Save as Google Sheets) and paste the new address."
            }
            (Self::OtherDocument, Language::Ru) => {
                "Это другой документ Google: форма, текст или папка. Нужна ссылка на таблицу."
            }
            (Self::OtherDocument, Language::En) => {
                "This is another Google document: a form, a text or a folder. A spreadsheet's link is needed."
            }
            (Self::NoId, Language::Ru) => "Ссылка обрезана: скопируйте адрес таблицы целиком.",
            (Self::NoId, Language::En) => "The link is cut off: copy the spreadsheet's whole address.",
            (Self::BadTab, Language::Ru) => {
                "Не получилось понять лист: откройте его в таблице и скопируйте адрес, в нём будет gid= и число."
            }
            (Self::BadTab, Language::En) => {
                "The tab is not understood: open it in the spreadsheet and copy the address, it has gid= and a number."
            }
            (Self::TabByName, Language::Ru) => {
                "По названию Google может отдать не тот лист. Откройте лист и скопируйте его адрес: в нём есть gid= и число."
            }
            (Self::TabByName, Language::En) => {
                "By a title Google may give the wrong tab. Open the tab and copy its address: it has gid= and a number."
            }
            (Self::TabWithoutDocument, Language::Ru) => "Чтобы указать лист числом, вставьте сначала адрес таблицы.",
            (Self::TabWithoutDocument, Language::En) => {
                "To name a tab by its number, paste the spreadsheet's address first."
            }
        }
    }
}

impl Document {
    /// Where a person sees it.
    pub fn web_address(&self, base: &Url) -> String {
        let base = base.as_str().trim_end_matches('/');
        match self {
            Self::Shared(id) => format!("{base}/spreadsheets/d/{id}/edit"),
            Self::Published(id) => format!("{base}/spreadsheets/d/e/{id}/pubhtml"),
        }
    }
}

impl SheetAddress {
    /// One of the three tables: a tab's number within `document`, or a link of its own. A link without `gid` is the first
    /// tab, as in the browser.
    pub fn of_table(text: &str, document: Option<&Document>, home: &Url) -> Result<Self, AddressError> {
        let text = text.trim();
        if !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit()) {
            let document = document.ok_or(AddressError::TabWithoutDocument)?;
            let gid = tab(text)?;
            return Ok(Self {
                document: document.clone(),
                gid,
            });
        }
        let pasted = Pasted::parse(text, home)?;
        Ok(Self {
            document: pasted.document,
            gid: pasted.gid.unwrap_or_default(),
        })
    }

    /// Where a person sees it.
    pub fn web_address(&self, base: &Url) -> String {
        let document = self.document.web_address(base);
        match self.document {
            Document::Shared(_) => format!("{document}?gid={0}#gid={0}", self.gid),
            Document::Published(_) => format!("{document}?gid={}&single=true", self.gid),
        }
    }

    /// Where its bytes are.
    pub(super) fn csv_address(&self, base: &Url) -> String {
        let base = base.as_str().trim_end_matches('/');
        let gid = self.gid;
        match &self.document {
            Document::Shared(id) => format!("{base}/spreadsheets/d/{id}/export?format=csv&gid={gid}"),
            Document::Published(id) => {
                format!("{base}/spreadsheets/d/e/{id}/pub?gid={gid}&single=true&output=csv")
            }
        }
    }
}

impl Pasted {
    /// Understands a bare id and any address from a browser, a share dialogue, a publish dialogue or an old e-mail.
    /// `home` is where the sheets are asked for: its host counts as Google's.
    pub fn parse(text: &str, home: &Url) -> Result<Self, AddressError> {
        let text = text.trim().trim_matches(['<', '>', '"', '«', '»']);
        if text.is_empty() {
            return Err(AddressError::Empty);
        }
        if text.len() > MAX_ADDRESS_BYTES {
            return Err(AddressError::NotSheets);
        }
        if is_id(text) {
            return Ok(Self {
                document: document_of(text),
                gid: None,
            });
        }
        let whole = if text.contains("://") {
            text.to_owned()
        } else {
            format!("https://{text}")
        };
        let url = Url::parse(&whole).map_err(|_| AddressError::NotSheets)?;
        Self::of_url(&url, home)
    }

    fn of_url(url: &Url, home: &Url) -> Result<Self, AddressError> {
        let host = url.host_str().unwrap_or_default();
        let parameter = |name: &str| {
            url.query_pairs()
                .find(|(key, _)| key == name)
                .map(|(_, value)| value.into_owned())
        };
        // Mail programs wrap links.
        if matches!(host, "www.google.com" | "google.com") && url.path() == "/url" {
            let inner = parameter("q").or_else(|| parameter("url")).unwrap_or_default();
            let inner = Url::parse(&inner).map_err(|_| AddressError::NotSheets)?;
            let is_wrapped_again = inner.path() == "/url";
            return if is_wrapped_again {
                Err(AddressError::NotSheets)
            } else {
                Self::of_url(&inner, home)
            };
        }
        let is_home = home.host_str() == Some(host);
        match host {
            "drive.google.com" => {
                return match parameter("id").filter(|id| url.path() == "/open" && is_id(id)) {
                    Some(id) => Ok(Self {
                        document: Document::Shared(id),
                        gid: gid_of(url)?,
                    }),
                    None if url.path().starts_with("/file/") => Err(AddressError::DriveFile),
                    None => Err(AddressError::OtherDocument),
                };
            }
            "docs.google.com" | "sheets.google.com" => {}
            _ if is_home => {}
            _ => return Err(AddressError::NotSheets),
        }
        let parts: Vec<&str> = url.path().split('/').filter(|part| !part.is_empty()).collect();
        let Some(at) = parts.iter().position(|part| *part == "spreadsheets") else {
            let is_document = ["document", "forms", "presentation", "drive", "drawings"]
                .iter()
                .any(|kind| parts.contains(kind));
            return Err(if is_document {
                AddressError::OtherDocument
            } else {
                AddressError::NotSheets
            });
        };
        let mut rest = parts.iter().skip(at + 1).skip_while(|part| **part != "d").skip(1);
        let first = *rest.next().ok_or(AddressError::NoId)?;
        let document = if first == "e" {
            let id = *rest.next().ok_or(AddressError::NoId)?;
            is_id(id)
                .then(|| Document::Published(id.to_owned()))
                .ok_or(AddressError::NoId)?
        } else {
            is_id(first)
                .then(|| Document::Shared(first.to_owned()))
                .ok_or(AddressError::NoId)?
        };
        let gid = gid_of(url)?;
        if gid.is_none() && parameter("sheet").is_some() {
            return Err(AddressError::TabByName);
        }
        Ok(Self { document, gid })
    }
}

/// The fragment is what the browser shows now; the query may be older.
fn gid_of(url: &Url) -> Result<Option<u64>, AddressError> {
    let in_fragment = url
        .fragment()
        .and_then(|fragment| fragment.split('&').find_map(|part| part.strip_prefix("gid=")))
        .map(str::to_owned);
    let in_query = || {
        url.query_pairs()
            .find(|(key, _)| key == "gid")
            .map(|(_, value)| value.into_owned())
    };
    in_fragment.or_else(in_query).map(|text| tab(&text)).transpose()
}

fn tab(text: &str) -> Result<u64, AddressError> {
    // Google's tab numbers have 31 bits.
    text.trim()
        .parse::<u32>()
        .map(u64::from)
        .map_err(|_| AddressError::BadTab)
}

fn is_id(text: &str) -> bool {
    (MIN_ID_LENGTH..=200).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
}

fn document_of(id: &str) -> Document {
    if id.starts_with("2PACX-") {
        Document::Published(id.to_owned())
    } else {
        Document::Shared(id.to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ID: &str = "1VoronkaTemplatesDemo0000000001";
    const PUBLISHED: &str = "2PACX-1vVoronkaTemplatesDemo0000000001";

    fn parse(text: &str) -> Result<Pasted, AddressError> {
        Pasted::parse(text, &Url::parse("http://127.0.0.1:8090/google").unwrap())
    }

    #[test]
    fn any_pasted_address_is_understood() {
        for (text, gid) in [
            (ID.to_owned(), None),
            (
                format!("https://docs.google.com/spreadsheets/d/{ID}/edit?gid=5#gid=5"),
                Some(5),
            ),
            (
                format!("https://docs.google.com/spreadsheets/d/{ID}/edit#gid=7"),
                Some(7),
            ),
            (
                format!("https://docs.google.com/spreadsheets/d/{ID}/edit?gid=1#gid=2"),
                Some(2),
            ),
            (
                format!("https://docs.google.com/spreadsheets/d/{ID}/edit?usp=sharing"),
                None,
            ),
            (
                format!("https://docs.google.com/spreadsheets/u/1/d/{ID}/edit?gid=3"),
                Some(3),
            ),
            (format!("docs.google.com/spreadsheets/d/{ID}"), None),
            (
                format!("https://docs.google.com/spreadsheets/d/{ID}/export?format=csv&gid=4"),
                Some(4),
            ),
            (
                format!("https://docs.google.com/spreadsheets/d/{ID}/gviz/tq?tqx=out:csv&gid=6"),
                Some(6),
            ),
            (format!("https://drive.google.com/open?id={ID}"), None),
            (
                format!("https://www.google.com/url?q=https://docs.google.com/spreadsheets/d/{ID}/edit%23gid%3D8&sa=D"),
                Some(8),
            ),
            (format!("  <https://docs.google.com/spreadsheets/d/{ID}>  "), None),
            (
                format!("http://127.0.0.1:8090/google/spreadsheets/d/{ID}/edit#gid=9"),
                Some(9),
            ),
        ] {
            let document = Document::Shared(ID.to_owned());
            assert_eq!(parse(&text), Ok(Pasted { document, gid }), "{text}");
        }
        for (text, gid) in [
            (PUBLISHED.to_owned(), None),
            (
                format!("https://docs.google.com/spreadsheets/d/e/{PUBLISHED}/pubhtml?gid=2&single=true"),
                Some(2),
            ),
            (
                format!("https://docs.google.com/spreadsheets/d/e/{PUBLISHED}/pub?output=csv"),
                None,
            ),
        ] {
            let document = Document::Published(PUBLISHED.to_owned());
            assert_eq!(parse(&text), Ok(Pasted { document, gid }), "{text}");
        }
    }

    #[test]
    fn what_is_no_sheet_is_refused_with_its_own_words() {
        for (text, error) in [
            (" ".to_owned(), AddressError::Empty),
            ("https://example.com/".to_owned(), AddressError::NotSheets),
            ("моя таблица".to_owned(), AddressError::NotSheets),
            (
                format!("https://docs.google.com.evil.example/spreadsheets/d/{ID}"),
                AddressError::NotSheets,
            ),
            (
                format!("https://docs.google.com/document/d/{ID}/edit"),
                AddressError::OtherDocument,
            ),
            (
                format!("https://docs.google.com/forms/d/{ID}/edit"),
                AddressError::OtherDocument,
            ),
            (
                format!("https://drive.google.com/drive/folders/{ID}"),
                AddressError::OtherDocument,
            ),
            (
                format!("https://drive.google.com/file/d/{ID}/view"),
                AddressError::DriveFile,
            ),
            (
                "https://docs.google.com/spreadsheets/d/1Voro".to_owned(),
                AddressError::NoId,
            ),
            (
                "https://docs.google.com/spreadsheets/u/0/".to_owned(),
                AddressError::NoId,
            ),
            (
                format!("https://docs.google.com/spreadsheets/d/{ID}/edit#gid=first"),
                AddressError::BadTab,
            ),
            (
                format!("https://docs.google.com/spreadsheets/d/{ID}/gviz/tq?tqx=out:csv&sheet=Men"),
                AddressError::TabByName,
            ),
            (
                format!("https://www.google.com/url?q=https://www.google.com/url?q={ID}"),
                AddressError::NotSheets,
            ),
        ] {
            assert_eq!(parse(&text), Err(error), "{text}");
            for language in Language::ALL {
                assert!(!error.message(language).is_empty());
            }
        }
    }

    #[test]
    fn a_table_is_a_tab_of_the_document_or_a_link_of_its_own() {
        let home = Url::parse("https://docs.google.com").unwrap();
        let document = Document::Shared(ID.to_owned());
        let of = |text: &str, document| SheetAddress::of_table(text, document, &home);
        assert_eq!(of(" 17 ", Some(&document)).unwrap().gid, 17);
        assert_eq!(of("17", None), Err(AddressError::TabWithoutDocument));
        assert_eq!(of("99999999999", Some(&document)), Err(AddressError::BadTab));
        let link = format!("https://docs.google.com/spreadsheets/d/e/{PUBLISHED}/pub?gid=3");
        let own = of(&link, Some(&document)).unwrap();
        assert_eq!(own.document, Document::Published(PUBLISHED.to_owned()));
        assert_eq!(
            own.csv_address(&home),
            format!("https://docs.google.com/spreadsheets/d/e/{PUBLISHED}/pub?gid=3&single=true&output=csv")
        );
        let again = Pasted::parse(&own.web_address(&home), &home).unwrap();
        assert_eq!((again.document, again.gid), (own.document, Some(3)));
    }
}
