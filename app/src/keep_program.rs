//! A version's files: the document, its phone version, pictures of its pages.

use bytes::Bytes;
use domain::ids::FileId;
use domain::language::Language;
use programs::pdf::{self, Document};
use sha2::{Digest, Sha256};
use store::{NewFile, Program};

use crate::context::App;
use crate::draw_program::file_name;
use crate::error::{Error, Result};

/// An album holds ten pictures; the first ten pages show what there is to decide.
const MAX_PAGES: usize = 10;
/// Readable on a phone that is turned and zoomed, about 150 KB a page.
const PAGE_WIDTH_PX: u32 = 1_000;
/// All pictures together; pages beyond are left out.
const MAX_PAGES_BYTES: usize = 8 * 1024 * 1024;

/// Bytes that are not stored yet.
pub(crate) struct Drawn {
    document: Vec<u8>,
    phone: Option<Vec<u8>>,
    pages: Vec<Vec<u8>>,
}

/// Stored bytes whose rows are still to be written.
#[derive(Debug)]
pub(crate) struct Kept {
    pub file: NewFile,
    pub phone: Option<NewFile>,
    pub pages: Vec<NewFile>,
}

impl Kept {
    pub fn files(&self) -> impl Iterator<Item = &NewFile> {
        std::iter::once(&self.file).chain(&self.phone).chain(&self.pages)
    }
}

/// Draws off the async threads. A picture or a phone version that fails is left out: the document is what was promised.
pub(crate) async fn draw(document: Document, with_phone: bool, with_pages: bool) -> Result<Drawn> {
    tokio::task::spawn_blocking(move || {
        let bytes = pdf::render(&document)
            .map_err(|error| Error::internal(format!("the PDF could not be drawn: {error}")))?
            .bytes;
        let phone = with_phone.then(|| pdf::render_phone(&document)).and_then(|drawn| {
            drawn
                .inspect_err(|error| tracing::error!(%error, "the phone version could not be drawn"))
                .ok()
        });
        let mut pages = Vec::new();
        if with_pages {
            pages = pdf::preview::pages(&bytes, MAX_PAGES, PAGE_WIDTH_PX).unwrap_or_else(|error| {
                tracing::error!(%error, "the pages could not be drawn; the trainer gets the document itself");
                Vec::new()
            });
            let mut left = MAX_PAGES_BYTES;
            let fitting = pages
                .iter()
                .take_while(|page| {
                    let fits = page.len() <= left;
                    left = left.saturating_sub(page.len());
                    fits
                })
                .count();
            pages.truncate(fitting);
        }
        Ok(Drawn {
            document: bytes,
            phone: phone.map(|drawn| drawn.bytes),
            pages,
        })
    })
    .await
    .map_err(|_| Error::internal("drawing the PDF broke off"))?
}

/// Bytes first, rows later: bytes nobody points at are harmless, a row without bytes is not. Each try has keys of its own,
/// so that a worker that lost its lease can't change what another one committed.
pub(crate) async fn keep_all(app: &App, brand: &str, program: &Program, drawn: Drawn) -> Result<Kept> {
    let weeks = if program.scope == "full" { 12 } else { 2 };
    let name = file_name(brand, program.language, weeks);
    let phone_name = match program.language {
        Language::Ru => name.replacen(".pdf", " (для телефона).pdf", 1),
        Language::En => name.replacen(".pdf", " (for a phone).pdf", 1),
    };
    let file = keep(app, program, name, "application/pdf", "pdf", drawn.document).await?;
    let phone = match drawn.phone {
        Some(bytes) => Some(keep(app, program, phone_name, "application/pdf", "pdf", bytes).await?),
        None => None,
    };
    let mut pages = Vec::with_capacity(drawn.pages.len());
    for (at, bytes) in drawn.pages.into_iter().enumerate() {
        let name = format!("page-{}.png", at + 1);
        pages.push(keep(app, program, name, "image/png", "png", bytes).await?);
    }
    Ok(Kept { file, phone, pages })
}

async fn keep(
    app: &App,
    program: &Program,
    name: String,
    mime_type: &str,
    extension: &str,
    bytes: Vec<u8>,
) -> Result<NewFile> {
    let id: FileId = app.new_id();
    let storage_key = format!("programs/{}/{id}.{extension}", program.id);
    let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    app.files()
        .put(&storage_key, Bytes::from(bytes))
        .await
        .map_err(|source| Error::Unavailable {
            what: "the file store",
            source: Box::new(source),
        })?;
    Ok(NewFile {
        id,
        name,
        mime_type: mime_type.into(),
        size,
        sha256,
        storage_key,
        now: app.now(),
    })
}
