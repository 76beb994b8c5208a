//! Who sells: the setting every message and document draws on.

use serde_json::json;

use super::contact::{self, Checks};
use crate::access::audit;
use crate::settings::{self, BRAND, Brand};
use crate::{App, Caller, Error, Result};

const MAX_CONTACTS_CHARS: usize = 1_000;
const MAX_URL_CHARS: usize = 500;
/// A week: nobody waits longer and calls it an answer.
const MAX_REPLY_HOURS: u32 = 168;

/// The brand and its version; 0 as long as nothing was saved.
pub async fn find(app: &App, caller: &Caller) -> Result<(Brand, i64)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let version = tx.find_setting(BRAND).await?.map_or(0, |setting| setting.version);
    Ok((settings::read(&mut tx, BRAND).await?.unwrap_or_default(), version))
}

/// Saves the brand, if `version` is still current. Answers its new version.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(app: &App, caller: &Caller, version: i64, brand: Brand) -> Result<(Brand, i64)> {
    let brand = checked(brand)?;
    let value =
        serde_json::to_string(&brand).map_err(|error| Error::internal(format!("a brand can't be written: {error}")))?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let before = tx.find_setting(BRAND).await?.map_or(0, |setting| setting.version);
    if before != version {
        return Err(Error::VersionConflict { what: "brand" });
    }
    tx.save_setting(BRAND, &value, version, app.now()).await?;
    tx.record_audit(&audit(
        app,
        caller,
        "settings.saved",
        BRAND,
        json!({ "version": version + 1 }),
    ))
    .await?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok((brand, version + 1))
}

fn checked(mut brand: Brand) -> Result<Brand> {
    let mut checks = Checks::default();
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
