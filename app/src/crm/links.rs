//! Deep links into the bot.

use std::collections::BTreeMap;

use domain::time::Timestamp;
use serde_json::json;
use store::{DeepLink, PageOf, PageRequest};

use super::contact::{self, Checks};
use super::wrong_cursor;
use crate::access::audit;
use crate::clock::random_bytes;
use crate::{App, Caller, Error, Result, settings};

pub const TRAINER: &str = "trainer";
pub const SOURCE: &str = "source";
/// A trainer's link is a key to every client's messages: it must not lie around.
const TRAINER_LINK_MS: i64 = 24 * 60 * 60 * 1000;
/// 71 bits: nobody guesses a trainer's link within its day.
const TOKEN_CHARS: usize = 12;
/// What Telegram takes in a start parameter.
const MAX_TOKEN_CHARS: usize = 64;
const MAX_MARKS: usize = 20;
const MAX_MARK_CHARS: usize = 200;
const MAX_REFERRER_CHARS: usize = 500;
const BASE62: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

/// A link with its whole address, as far as the bot's username is known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LinkView {
    pub link: DeepLink,
    pub url: Option<String>,
}

#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub is_trainer: bool,
    pub token: Option<String>,
    pub source: Option<String>,
    pub campaign: Option<String>,
    pub utm: BTreeMap<String, String>,
    pub referrer: Option<String>,
    pub expires_at: Option<Timestamp>,
}

/// Newest first.
///
/// Errors: `Invalid` names `cursor`.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<PageOf<LinkView>> {
    if page.after.as_ref().is_some_and(|cursor| !is_token(&cursor.0)) {
        return Err(wrong_cursor());
    }
    let bot = bot_username(app, caller).await?;
    let found = app.tenant(&caller.tenant).read().await?.list_links(page).await?;
    let items = found.items.into_iter().map(|link| view(link, bot.as_deref())).collect();
    Ok(PageOf {
        items,
        next: found.next,
    })
}

/// Makes a link. A trainer's gets a fresh token, works once and for a day.
///
/// Errors: `Invalid` with every wrong field; `Conflict` `token_taken`.
pub async fn create(app: &App, caller: &Caller, draft: &Draft) -> Result<LinkView> {
    let now = app.now();
    let link = if draft.is_trainer {
        trainer_link(draft, now)?
    } else {
        source_link(draft, now)?
    };
    let bot = bot_username(app, caller).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.insert_link(&link).await.map_err(|error| {
        if error.is_unique_violation() {
            Error::conflict("token_taken", "another link has this token already")
        } else {
            error.into()
        }
    })?;
    // A trainer's token is a secret until it is used: the audit log outlives it.
    let object = if draft.is_trainer { TRAINER } else { link.token.as_str() };
    let details = json!({ "purpose": link.purpose, "source": link.source });
    tx.record_audit(&audit(app, caller, "link.created", object, details))
        .await?;
    tx.commit().await?;
    Ok(view(link, bot.as_deref()))
}

fn trainer_link(draft: &Draft, now: Timestamp) -> Result<DeepLink> {
    let mut checks = Checks::default();
    for (field, is_given) in [
        ("token", draft.token.is_some()),
        ("source", draft.source.is_some()),
        ("campaign", draft.campaign.is_some()),
        ("utm", !draft.utm.is_empty()),
        ("referrer", draft.referrer.is_some()),
        ("expires_at", draft.expires_at.is_some()),
    ] {
        if is_given {
            checks.add(
                field,
                "not_allowed",
                "a trainer's link has none: it is made up and works once, for a day",
            );
        }
    }
    checks.done()?;
    Ok(DeepLink {
        token: fresh_token(),
        purpose: TRAINER.to_owned(),
        source: TRAINER.to_owned(),
        campaign: None,
        utm: "{}".to_owned(),
        referrer: None,
        created_at: now,
        expires_at: Some(now.plus_millis(TRAINER_LINK_MS)),
        used_at: None,
    })
}

fn source_link(draft: &Draft, now: Timestamp) -> Result<DeepLink> {
    let mut checks = Checks::default();
    let source = checks.take("source", contact::source(draft.source.as_deref().unwrap_or_default()));
    let campaign = checks.take_some("campaign", draft.campaign.as_deref(), contact::source);
    if draft.token.as_deref().is_some_and(|token| !is_token(token)) {
        checks.add(
            "token",
            "invalid",
            format!("a token has 1 to {MAX_TOKEN_CHARS} of A-Z, a-z, 0-9, _ and -"),
        );
    }
    if draft.utm.len() > MAX_MARKS {
        checks.add("utm", "length", format!("{MAX_MARKS} marks at most"));
    }
    for (name, value) in &draft.utm {
        if !is_token(name) || value.chars().count() > MAX_MARK_CHARS || value.chars().any(char::is_control) {
            checks.add(
                &format!("utm/{name}"),
                "invalid",
                format!("a mark is one line of {MAX_MARK_CHARS} characters at most"),
            );
        }
    }
    if draft
        .referrer
        .as_deref()
        .is_some_and(|text| text.chars().count() > MAX_REFERRER_CHARS || text.chars().any(char::is_control))
    {
        checks.add(
            "referrer",
            "length",
            format!("a referrer is one line of {MAX_REFERRER_CHARS} characters at most"),
        );
    }
    if draft.expires_at.is_some_and(|at| at <= now) {
        checks.add("expires_at", "past", "this moment is over");
    }
    checks.done()?;
    Ok(DeepLink {
        token: draft.token.clone().unwrap_or_else(fresh_token),
        purpose: SOURCE.to_owned(),
        source,
        campaign,
        utm: json!(draft.utm).to_string(),
        referrer: draft.referrer.clone(),
        created_at: now,
        expires_at: draft.expires_at,
        used_at: None,
    })
}

fn is_token(text: &str) -> bool {
    (1..=MAX_TOKEN_CHARS).contains(&text.len())
        && text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
}

/// Every character is equally likely: bytes that would favour some are thrown away.
fn fresh_token() -> String {
    let mut token = String::with_capacity(TOKEN_CHARS);
    while token.len() < TOKEN_CHARS {
        for byte in random_bytes::<16>() {
            if let Some(character) = BASE62.get(usize::from(byte & 63)).filter(|_| token.len() < TOKEN_CHARS) {
                token.push(char::from(*character));
            }
        }
    }
    token
}

async fn bot_username(app: &App, caller: &Caller) -> Result<Option<String>> {
    Ok(settings::guide(app, &caller.tenant)
        .await?
        .brand
        .telegram_bot_username
        .clone())
}

fn view(link: DeepLink, bot: Option<&str>) -> LinkView {
    let url = bot.map(|bot| format!("https://t.me/{}?start={}", bot.trim_start_matches('@'), link.token));
    LinkView { link, url }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fresh_token_fits_a_start_parameter() {
        let (one, other) = (fresh_token(), fresh_token());
        assert!(is_token(&one) && one.len() == TOKEN_CHARS);
        assert_ne!(one, other);
    }
}
