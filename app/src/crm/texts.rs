//! The words the product says: what is shipped, and the owner's own in their place.

use domain::language::{Language, Localized};
use domain::texts::Texts;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::Tx;

use crate::access::audit;
use crate::{App, Caller, Error, FieldProblem, Result, settings};

/// With room for what is put in, a messenger still takes it as one message (4,096 characters).
const MAX_TEXT_CHARS: usize = 3_000;
/// A button wider than this is cut by the messenger.
const MAX_BUTTON_CHARS: usize = 40;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TextView {
    pub key: &'static str,
    pub shipped: Localized,
    /// The owner's own, where there is one.
    pub own_ru: Option<String>,
    pub own_en: Option<String>,
}

impl TextView {
    /// Changes with the owner's words; texts keep no counter of their own.
    pub fn version(&self) -> i64 {
        let words = json!([self.own_ru, self.own_en]).to_string();
        let hash = Sha256::digest(words.as_bytes());
        // Six bytes stay exact in every JSON reader.
        hash.iter()
            .take(6)
            .fold(0_i64, |sum, byte| (sum << 8) | i64::from(*byte))
    }
}

/// What to change in one language: `None` stays, `Some(None)` brings the shipped text back.
pub type Change = Option<Option<String>>;

/// Every text, in the catalogue's order.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<TextView>> {
    views(&mut app.tenant(&caller.tenant).read().await?).await
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, key: &str) -> Result<TextView> {
    one(&mut app.tenant(&caller.tenant).read().await?, key).await
}

async fn one(tx: &mut Tx, key: &str) -> Result<TextView> {
    views(tx)
        .await?
        .into_iter()
        .find(|text| text.key == key)
        .ok_or(Error::NotFound { what: "text" })
}

async fn views(tx: &mut Tx) -> Result<Vec<TextView>> {
    let (ru, en) = (
        settings::shipped_texts(Language::Ru)?,
        settings::shipped_texts(Language::En)?,
    );
    let own = tx.text_overrides().await?;
    let own_in = |key: &str, language: Language| {
        own.iter()
            .find(|(name, of, _)| name == key && *of == language)
            .map(|(_, _, body)| body.clone())
    };
    Ok(Texts::KEYS
        .iter()
        .map(|key| TextView {
            key,
            shipped: Localized::new(ru.get(key).unwrap_or_default(), en.get(key).unwrap_or_default()),
            own_ru: own_in(key, Language::Ru),
            own_en: own_in(key, Language::En),
        })
        .collect())
}

/// Replaces a text by the owner's own, if `version` is still current.
///
/// Errors: `NotFound`; `VersionConflict`; `Invalid` names `ru` or `en`: an empty or overlong text, or a placeholder the
/// shipped text does not have.
pub async fn save(app: &App, caller: &Caller, key: &str, version: i64, ru: Change, en: Change) -> Result<TextView> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let before = one(&mut tx, key).await?;
    if before.version() != version {
        return Err(Error::VersionConflict { what: "text" });
    }
    let mut wrong = Vec::new();
    for (change, shipped, language) in [
        (&ru, &before.shipped.ru, Language::Ru),
        (&en, &before.shipped.en, Language::En),
    ] {
        if let Some(Some(text)) = change
            && let Err((code, message)) = check(before.key, shipped, text)
        {
            wrong.push(FieldProblem::new(language.code(), code, message));
        }
    }
    if !wrong.is_empty() {
        return Err(Error::Invalid(wrong));
    }
    let mut changed = Vec::new();
    for (change, language) in [(ru, Language::Ru), (en, Language::En)] {
        match change {
            None => continue,
            Some(Some(text)) => tx.save_text(before.key, language, text.trim(), app.now()).await?,
            Some(None) => tx.forget_text(before.key, language).await?,
        }
        changed.push(language.code());
    }
    tx.record_audit(&audit(
        app,
        caller,
        "text.saved",
        before.key,
        json!({ "languages": changed }),
    ))
    .await?;
    let after = one(&mut tx, key).await?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok(after)
}

fn check(key: &str, shipped: &str, text: &str) -> std::result::Result<(), (&'static str, String)> {
    let limit = if key.starts_with("button_") {
        MAX_BUTTON_CHARS
    } else {
        MAX_TEXT_CHARS
    };
    let length = text.trim().chars().count();
    if length == 0 || length > limit {
        return Err((
            "length",
            format!("needs 1 to {limit} characters; null brings the shipped text back"),
        ));
    }
    if text
        .chars()
        .any(|character| character.is_control() && character != '\n')
    {
        return Err((
            "invalid_character",
            "must have no control characters but line ends".into(),
        ));
    }
    let known = placeholders(shipped);
    match placeholders(text).into_iter().find(|name| !known.contains(name)) {
        Some(unknown) => Err((
            "unknown_placeholder",
            if known.is_empty() {
                format!("{{{unknown}}} means nothing here: this text has no placeholders")
            } else {
                format!(
                    "{{{unknown}}} means nothing here; this text knows {{{}}}",
                    known.join("}, {")
                )
            },
        )),
        None => Ok(()),
    }
}

/// The names in braces.
fn placeholders(text: &str) -> Vec<&str> {
    text.split('{')
        .skip(1)
        .filter_map(|rest| rest.split_once('}').map(|(name, _)| name))
        .filter(|name| !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_may_use_the_placeholders_the_shipped_one_has() {
        let shipped = "Здравствуйте, {name}! Я {brand}.";
        assert!(check("greeting", shipped, "Привет, {name}!").is_ok());
        assert_eq!(
            check("greeting", shipped, "Привет, {nmae}!").unwrap_err().0,
            "unknown_placeholder"
        );
        assert_eq!(check("greeting", shipped, "  ").unwrap_err().0, "length");
        assert_eq!(check("button_free", "Да", &"я".repeat(41)).unwrap_err().0, "length");
    }
}
