//! Who sells: the setting every message and document draws on, and the logo.

use bytes::Bytes;
use domain::ids::FileId;
use programs::pdf::{Logo, LogoError, LogoFormat};
use serde_json::json;
use sha2::{Digest as _, Sha256};
use store::{NewFile, StoredFile};

use super::contact::{self, Checks};
use crate::settings::edit::Edit;
use crate::settings::{self, BRAND, BRAND_LOGO, Brand, BrandLogo};
use crate::{App, Caller, Error, Result};

const MAX_CONTACTS_CHARS: usize = 1_000;
const MAX_URL_CHARS: usize = 500;
/// A few sentences at the end of a page.
const MAX_CLOSING_CHARS: usize = 600;
/// Two lines on the cover.
const MAX_DOCUMENT_TITLE_CHARS: usize = 80;
/// What an uploaded logo may weigh.
pub const MAX_LOGO_BYTES: usize = Logo::MAX_BYTES;
/// A week: nobody waits longer and calls it an answer.
const MAX_REPLY_HOURS: u32 = 168;

/// The brand and its version; 0 as long as nothing was saved.
pub async fn find(app: &App, caller: &Caller) -> Result<(Brand, i64)> {
    let (saved, version) = settings::find(app, caller, BRAND).await?;
    Ok((saved.unwrap_or_default(), version))
}

/// Saves the brand, if `version` is still current. Answers its new version.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(app: &App, caller: &Caller, version: i64, brand: Brand) -> Result<(Brand, i64)> {
    let brand = checked(brand)?;
    let mut edit = Edit::open(app, caller, BRAND, version, "brand").await?;
    edit.save(&brand, json!({})).await?;
    Ok((brand, edit.commit().await?))
}

/// The logo and the version of that setting; 0 as long as there never was one.
pub async fn logo(app: &App, caller: &Caller) -> Result<(Option<StoredFile>, i64)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let (logo, version) = settings::read_versioned::<BrandLogo>(&mut tx, BRAND_LOGO).await?;
    let file = match logo.and_then(|logo| logo.file) {
        Some(file) => tx.find_file(&file).await?,
        None => None,
    };
    Ok((file, version))
}

/// Takes an uploaded PNG or JPEG, fitted to the page, if `version` is still current. The next document shows it.
///
/// Errors: `VersionConflict`; `Invalid` says why the picture can't be a logo; `Unavailable` while the file store is away.
pub async fn save_logo(app: &App, caller: &Caller, version: i64, bytes: Vec<u8>) -> Result<(Option<StoredFile>, i64)> {
    let logo = tokio::task::spawn_blocking(move || Logo::parse(&bytes))
        .await
        .map_err(|_| Error::internal("reading the logo broke off"))?
        .map_err(|error| Error::invalid("logo", logo_code(error), error.to_string()))?;
    let id: FileId = app.new_id();
    let (mime_type, ending) = match logo.format() {
        LogoFormat::Png => ("image/png", "png"),
        LogoFormat::Jpeg => ("image/jpeg", "jpg"),
    };
    let kept = logo.file().to_vec();
    let file = NewFile {
        name: format!("logo.{ending}"),
        mime_type: mime_type.into(),
        size: i64::try_from(kept.len()).unwrap_or(i64::MAX),
        sha256: data_encoding::HEXLOWER.encode(&Sha256::digest(&kept)),
        storage_key: format!("brand/{id}.{ending}"),
        now: app.now(),
        id,
    };
    // Bytes first, row later: bytes nobody points at are harmless, a row without bytes is not.
    app.files()
        .put(&file.storage_key, Bytes::from(kept))
        .await
        .map_err(|source| Error::Unavailable {
            what: "the file store",
            source: Box::new(source),
        })?;
    set_logo(app, caller, version, Some(file)).await
}

/// Takes the logo away, if `version` is still current. Documents that were made keep it.
///
/// Errors: `VersionConflict`.
pub async fn remove_logo(app: &App, caller: &Caller, version: i64) -> Result<()> {
    set_logo(app, caller, version, None).await?;
    Ok(())
}

async fn set_logo(
    app: &App,
    caller: &Caller,
    version: i64,
    file: Option<NewFile>,
) -> Result<(Option<StoredFile>, i64)> {
    let mut edit = Edit::open(app, caller, BRAND_LOGO, version, "logo").await?;
    if let Some(file) = &file {
        edit.tx.insert_file(file).await?;
    }
    let logo = BrandLogo {
        file: file.map(|file| file.id),
    };
    edit.save(&logo, json!({ "file_id": logo.file })).await?;
    let kept = match &logo.file {
        Some(file) => edit.tx.find_file(file).await?,
        None => None,
    };
    Ok((kept, edit.commit().await?))
}

const fn logo_code(error: LogoError) -> &'static str {
    match error {
        LogoError::Empty => "required",
        LogoError::TooHeavy => "too_heavy",
        LogoError::UnknownFormat => "unknown_format",
        LogoError::TooLarge { .. } => "too_large",
        LogoError::TooSmall { .. } => "too_small",
        LogoError::TooLong => "too_long",
        LogoError::Invisible => "invisible",
        LogoError::Broken => "broken",
    }
}

fn checked(mut brand: Brand) -> Result<Brand> {
    let mut checks = Checks::default();
    for (field, text, max_chars, has_lines) in [
        ("closing/ru", &mut brand.closing.ru, MAX_CLOSING_CHARS, true),
        ("closing/en", &mut brand.closing.en, MAX_CLOSING_CHARS, true),
        (
            "document_title/ru",
            &mut brand.document_title.ru,
            MAX_DOCUMENT_TITLE_CHARS,
            false,
        ),
        (
            "document_title/en",
            &mut brand.document_title.en,
            MAX_DOCUMENT_TITLE_CHARS,
            false,
        ),
    ] {
        *text = text.trim().to_owned();
        if text.chars().count() > max_chars {
            checks.add(field, "length", format!("{max_chars} characters at most"));
        } else if text
            .chars()
            .any(|letter| letter.is_control() && !(has_lines && letter == '\n'))
        {
            checks.add(field, "invalid_character", "must have no control characters");
        }
    }
    brand.name = checks.take("name", contact::title(&brand.name));
    brand.trainer = checks.take("trainer", contact::title(&brand.trainer));
    brand.telegram_bot_username = checks.take_some(
        "telegram_bot_username",
        brand.telegram_bot_username.as_deref(),
        contact::username,
    );
    if brand.contacts.ru.trim().is_empty() {
        checks.add("contacts/ru", "required", "clients need a way to reach you");
    }
    for (field, text) in [("contacts/ru", &brand.contacts.ru), ("contacts/en", &brand.contacts.en)] {
        if text.chars().count() > MAX_CONTACTS_CHARS {
            checks.add(field, "length", format!("{MAX_CONTACTS_CHARS} characters at most"));
        }
    }
    for (field, address) in [("privacy_url", &brand.privacy_url), ("terms_url", &brand.terms_url)] {
        let is_web = url::Url::parse(address).is_ok_and(|url| matches!(url.scheme(), "http" | "https"));
        // A bracket would end the link in the text it is put into.
        if !is_web || address.len() > MAX_URL_CHARS || address.contains([')', ' ']) {
            checks.add(
                field,
                "invalid",
                "not a web address, such as https://example.com/privacy",
            );
        }
    }
    if !(1..=MAX_REPLY_HOURS).contains(&brand.reply_hours) {
        checks.add("reply_hours", "out_of_range", format!("1 to {MAX_REPLY_HOURS} hours"));
    }
    let is_colour = brand
        .accent
        .strip_prefix('#')
        .is_some_and(|digits| digits.len() == 6 && digits.bytes().all(|digit| digit.is_ascii_hexdigit()));
    if !is_colour {
        checks.add("accent", "invalid", "a colour looks like #1f7a5c");
    }
    checks.done()?;
    Ok(brand)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_brand_is_sound_and_a_wrong_one_names_its_fields() {
        assert!(checked(Brand::default()).is_ok());
        let wrong = Brand {
            accent: "green".into(),
            privacy_url: "javascript:alert(1)".into(),
            reply_hours: 0,
            ..Brand::default()
        };
        let Err(Error::Invalid(fields)) = checked(wrong) else {
            panic!("three fields are wrong")
        };
        assert_eq!(
            fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(),
            ["privacy_url", "reply_hours", "accent"]
        );
    }
}
