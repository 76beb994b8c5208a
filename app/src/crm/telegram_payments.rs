//! Whether money is taken inside Telegram.

use domain::money::{Currency, Money};
use serde_json::json;

use super::contact::Checks;
use crate::settings;
use crate::settings::edit::Edit;
use crate::settings::telegram::{Bank, TELEGRAM_PAYMENTS, TelegramPayments};
use crate::settings::wording::ApiKey;
use crate::{App, Caller, Result};

const MAX_TOKEN_CHARS: usize = 200;
/// A hundred Stars never brought less than a unit nor more than a hundred thousand of them.
const HUNDRED_STARS: std::ops::RangeInclusive<i64> = 100..=10_000_000;
const TAX_SYSTEMS: std::ops::RangeInclusive<u8> = 1..=6;

/// What an owner may say.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    pub stars: bool,
    pub hundred_stars: Money,
    pub cards: bool,
    /// `None` stays, `Some(None)` is taken away.
    pub provider_token: Option<Option<String>>,
    pub bank: Bank,
    pub tax_system: Option<u8>,
}

/// The setting and its version; 0 as long as nothing was saved.
pub async fn find(app: &App, caller: &Caller) -> Result<(TelegramPayments, i64)> {
    let (saved, version) = settings::find(app, caller, TELEGRAM_PAYMENTS).await?;
    Ok((saved.unwrap_or_default(), version))
}

/// Saves it, if `version` is still current. Bills that are out keep their price; what is switched off is refused before
/// anything is charged.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(app: &App, caller: &Caller, version: i64, wanted: Wanted) -> Result<(TelegramPayments, i64)> {
    let mut edit = Edit::open(app, caller, TELEGRAM_PAYMENTS, version, "telegram payments").await?;
    let known = TelegramPayments::load(&mut edit.tx).await?;
    let token_changes = wanted.provider_token.is_some();
    let saved = checked(&known, wanted)?;
    let details = json!({
        "stars": saved.stars,
        "hundred_stars": saved.hundred_stars,
        "cards": saved.cards,
        "bank": saved.bank,
        "tax_system": saved.tax_system,
        "token_changed": token_changes,
    });
    edit.save(&saved, details).await?;
    Ok((saved, edit.commit().await?))
}

fn checked(known: &TelegramPayments, wanted: Wanted) -> Result<TelegramPayments> {
    let mut checks = Checks::default();
    if wanted.hundred_stars.currency == Currency::Xtr {
        checks.add(
            "hundred_stars",
            "currency",
            "what a hundred Stars bring in the prices' currency",
        );
    } else if !HUNDRED_STARS.contains(&wanted.hundred_stars.minor) {
        checks.add(
            "hundred_stars",
            "out_of_range",
            "what a hundred Stars bring, in minor units",
        );
    }
    let token = match wanted.provider_token {
        None => known.provider_token.clone(),
        Some(None) => ApiKey::default(),
        Some(Some(text)) => {
            let text = text.trim();
            if !is_token(text) {
                let sentence = "as BotFather shows it: 401643678:TEST:… or 390540012:LIVE:…";
                checks.add("provider_token", "invalid", sentence);
            }
            ApiKey::new(text)
        }
    };
    if wanted.cards && !token.is_set() {
        checks.add(
            "provider_token",
            "required",
            "cards inside Telegram need the bank's token from BotFather",
        );
    }
    if wanted.tax_system.is_some_and(|code| !TAX_SYSTEMS.contains(&code)) {
        checks.add("tax_system", "out_of_range", "1 to 6, as the tax office numbers them");
    }
    checks.done()?;
    Ok(TelegramPayments {
        stars: wanted.stars,
        hundred_stars: wanted.hundred_stars,
        cards: wanted.cards,
        provider_token: token,
        bank: wanted.bank,
        tax_system: wanted.tax_system,
    })
}

/// Digits, `TEST` or `LIVE`, and the rest.
fn is_token(text: &str) -> bool {
    let mut parts = text.split(':');
    let is_numbered = parts
        .next()
        .is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()));
    let is_known = matches!(parts.next(), Some("TEST" | "LIVE"));
    let has_rest = parts.next().is_some_and(|rest| !rest.is_empty());
    is_numbered
        && is_known
        && has_rest
        && text.len() <= MAX_TOKEN_CHARS
        && text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_looks_as_botfather_shows_it() {
        assert!(is_token("401643678:TEST:a1b2-c3"));
        assert!(is_token("390540012:LIVE:12345"));
        for wrong in ["", "401643678", "401643678:TEST:", "x:TEST:1", "1:PROD:1", "1:TEST:про"] {
            assert!(!is_token(wrong), "{wrong}");
        }
    }
}
