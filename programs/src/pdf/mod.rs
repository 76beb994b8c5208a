//! The document a client keeps: A4, selectable text, bookmarks, links, embedded subset fonts.
//!
//! [`render`] is pure and thread-safe; fonts are parsed once per process. It is CPU work of a few milliseconds: call it off
//! the async threads.

mod canvas;
mod color;
mod contact;
mod fonts;
mod item;
mod logo;
mod phone;
mod plate;
pub mod preview;
mod sections;
mod words;

use chrono::{Datelike, NaiveDate};
use domain::language::Language;
use domain::profile::Profile;
use krilla::metadata::{DateTime, Metadata};
use serde::{Deserialize, Serialize};

use crate::programme::{Programme, Scope};
use crate::wording::Wording;

pub use color::Rgb;
pub use contact::Contact;
pub use logo::{Logo, LogoError, LogoFormat};

/// Everything that is on paper. `wording` must have been made for `programme`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// The document's title: on the cover and in the file's properties.
    pub title: String,
    pub language: Language,
    /// As the client gave it; may be empty, long, or hold letters no font has (those are left out).
    pub client_name: String,
    pub profile: Profile,
    pub programme: Programme,
    pub wording: Wording,
    pub brand: Brand,
    pub generated_on: NaiveDate,
    pub next_step: Option<NextStep>,
    pub scope: Scope,
    /// The trainer's own words to this client; shown near the start.
    #[serde(default)]
    pub trainer_note: Option<String>,
}

impl Document {
    /// The usual title in `language`.
    pub const fn default_title(language: Language) -> &'static str {
        match language {
            Language::Ru => "Персональная программа тренировок",
            Language::En => "Your personal training programme",
        }
    }
}

/// Whose document it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Brand {
    pub name: String,
    pub accent: Rgb,
    pub contacts: Vec<Contact>,
    /// The owner's own closing words, after those of the wording.
    pub closing: Option<String>,
    /// In JSON: a PNG or JPEG in base64.
    #[serde(default)]
    pub logo: Option<Logo>,
}

/// What the client is invited to do next.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NextStep {
    pub title: String,
    pub text: String,
    /// Shown as a button and, if it is short enough, as a QR code for those who read on paper.
    pub url: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub bytes: Vec<u8>,
    pub page_count: usize,
}

#[derive(Debug, thiserror::Error)]
pub enum PdfError {
    #[error("an embedded font could not be read")]
    Font,
    #[error("the PDF could not be written: {0}")]
    Write(String),
}

/// Draws the document for print and desk: A4.
pub fn render(document: &Document) -> Result<Rendered, PdfError> {
    let fonts = fonts::fonts().ok_or(PdfError::Font)?;
    let mut canvas = canvas::Canvas::new(fonts, document.language, canvas::A4);
    sections::draw(&mut canvas, document);
    canvas.finish(metadata(document))
}

/// Draws the short version for a phone: pages as narrow as its screen, one workout a page.
pub fn render_phone(document: &Document) -> Result<Rendered, PdfError> {
    let fonts = fonts::fonts().ok_or(PdfError::Font)?;
    let mut canvas = canvas::Canvas::new(fonts, document.language, phone::SCREEN);
    phone::draw(&mut canvas, document);
    canvas.finish(metadata(document))
}

fn metadata(document: &Document) -> Metadata {
    let generated = DateTime::new(document.generated_on.year().try_into().unwrap_or(0))
        .month(document.generated_on.month().try_into().unwrap_or(1))
        .day(document.generated_on.day().try_into().unwrap_or(1))
        .hour(0)
        .minute(0)
        .second(0)
        .utc_offset_hour(0);
    Metadata::new()
        .title(document.title.clone())
        .language(document.language.code().to_owned())
        .authors(vec![document.brand.name.clone()])
        .creator("Voronka".to_owned())
        .creation_date(generated)
}
