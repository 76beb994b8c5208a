//! A programme on paper: what the document says besides the programme itself.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use domain::ids::FileId;
use domain::language::Language;
use domain::profile::Profile;
use domain::time::local_date;
use programs::pdf::{self, Contact, Document, Logo, NextStep, Rgb};
use programs::programme::{Programme, Scope};
use programs::wording::Wording;
use store::{Client, Program};

use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::{Brand, Guide};

/// A brand's name in the name of a file; the rest is cut off there, never in the document.
const MAX_BRAND_CHARS: usize = 40;
/// Logos are small and few; more tenants than that read theirs again.
const KEPT_LOGOS: usize = 64;

/// Logos by the file they are kept in; a file never changes.
#[derive(Debug, Default)]
pub(crate) struct Logos(Mutex<HashMap<FileId, Logo>>);

/// Everything that is on paper but the brand.
#[derive(Debug)]
pub(crate) struct Sheet {
    pub(crate) language: Language,
    pub(crate) client_name: String,
    pub(crate) profile: Profile,
    pub(crate) programme: Programme,
    pub(crate) words: Wording,
    pub(crate) scope: Scope,
    pub(crate) zone: chrono_tz::Tz,
}

/// Errors: `Unavailable` while the file store that keeps the logo is away.
#[expect(clippy::too_many_arguments, reason = "everything that is on paper, each once")]
pub(crate) async fn document(
    app: &App,
    guide: &Guide,
    client: &Client,
    program: &Program,
    profile: &Profile,
    programme: Programme,
    words: Wording,
    scope: Scope,
    zone: chrono_tz::Tz,
) -> Result<Document> {
    let sheet = Sheet {
        language: program.language,
        client_name: client.display_name.clone(),
        profile: profile.clone(),
        programme,
        words,
        scope,
        zone,
    };
    branded(app, guide, sheet).await
}

/// Errors: as [`document`].
pub(crate) async fn branded(app: &App, guide: &Guide, sheet: Sheet) -> Result<Document> {
    let language = sheet.language;
    let texts = guide.texts(language);
    let brand = &guide.brand;
    let own = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
    Ok(Document {
        title: own(brand.document_title.get(language)).unwrap_or_else(|| texts.pdf_title.clone()),
        language,
        client_name: sheet.client_name,
        profile: sheet.profile,
        programme: sheet.programme,
        wording: sheet.words,
        brand: pdf::Brand {
            name: brand.name.clone(),
            accent: Rgb::parse(&brand.accent).unwrap_or(Rgb(31, 122, 92)),
            contacts: contacts(brand, language),
            closing: own(brand.closing.get(language)),
            logo: logo(app, guide).await?,
        },
        generated_on: local_date(app.now(), sheet.zone),
        next_step: Some(NextStep {
            title: texts.pdf_next_title.clone(),
            text: texts.pdf_next_text.clone(),
            url: match &brand.telegram_bot_username {
                Some(username) => format!("https://t.me/{username}"),
                None => app.public_url().to_string(),
            },
        }),
        scope: sheet.scope,
        trainer_note: None,
    })
}

/// One contact a line; what can be followed becomes a link.
pub(crate) fn contacts(brand: &Brand, language: Language) -> Vec<Contact> {
    brand
        .contacts
        .get(language)
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .map(Contact::parse)
        .collect()
}

/// `None`: the owner has none, or its bytes are lost, which must not keep a client from a programme.
async fn logo(app: &App, guide: &Guide) -> Result<Option<Logo>> {
    let Some(file) = &guide.logo else {
        return Ok(None);
    };
    let kept = app
        .logos()
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&file.id)
        .cloned();
    if kept.is_some() {
        return Ok(kept);
    }
    let bytes = app
        .files()
        .get(&file.storage_key)
        .await
        .map_err(|source| Error::Unavailable {
            what: "the file store",
            source: Box::new(source),
        })?;
    let Some(bytes) = bytes else {
        tracing::error!(file.id = %file.id, "the logo's bytes are gone; documents go without it");
        return Ok(None);
    };
    let logo = tokio::task::spawn_blocking(move || Logo::parse(&bytes))
        .await
        .map_err(|_| Error::internal("reading the logo broke off"))?;
    match logo {
        Ok(logo) => {
            let mut logos = app.logos().0.lock().unwrap_or_else(PoisonError::into_inner);
            if logos.len() >= KEPT_LOGOS {
                logos.clear();
            }
            logos.insert(file.id.clone(), logo.clone());
            Ok(Some(logo))
        }
        Err(error) => {
            tracing::error!(%error, file.id = %file.id, "the kept logo can't be read; documents go without it");
            Ok(None)
        }
    }
}

/// What a file is called in a chat and on a disk: whose it is, what it is, how long. No name of the client: names of files
/// are not sealed. Letters, digits and a few signs only, so that every system takes it.
pub(crate) fn file_name(brand: &str, language: Language, weeks: usize) -> String {
    let what = match language {
        Language::Ru => format!("Программа тренировок, {weeks} {}", weeks_ru(weeks)),
        Language::En if weeks == 1 => "Training programme, 1 week".to_owned(),
        Language::En => format!("Training programme, {weeks} weeks"),
    };
    let brand = plain(brand, MAX_BRAND_CHARS);
    if brand.is_empty() {
        format!("{what}.pdf")
    } else {
        format!("{brand} - {what}.pdf")
    }
}

/// What a name may have in every file system; runs of anything else become one space.
pub(crate) fn plain(text: &str, max_chars: usize) -> String {
    let letters: String = text
        .chars()
        .map(|letter| {
            if letter.is_alphanumeric() || letter == '-' {
                letter
            } else {
                ' '
            }
        })
        .collect();
    let words = letters.split_whitespace().collect::<Vec<_>>().join(" ");
    words.chars().take(max_chars).collect::<String>().trim_end().to_owned()
}

const fn weeks_ru(count: usize) -> &'static str {
    match (count % 10, count % 100) {
        (_, 11..=14) => "недель",
        (1, _) => "неделя",
        (2..=4, _) => "недели",
        _ => "недель",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_says_what_it_is_on_every_system() {
        assert_eq!(
            file_name("Фит\"Студия\"/Ольги", Language::Ru, 2),
            "Фит Студия Ольги - Программа тренировок, 2 недели.pdf"
        );
        assert_eq!(file_name("", Language::Ru, 12), "Программа тренировок, 12 недель.pdf");
        assert_eq!(file_name("💪", Language::En, 1), "Training programme, 1 week.pdf");
        assert!(file_name(&"я".repeat(300), Language::En, 12).chars().count() < 80);
    }

    #[test]
    fn contacts_of_the_shipped_brand_can_be_followed() {
        let links: Vec<_> = contacts(&Brand::default(), Language::Ru)
            .into_iter()
            .map(|contact| contact.url.unwrap_or_default())
            .collect();
        assert_eq!(links, ["tel:+79000000000", "mailto:hello@example.com"]);
    }
}
