//! The way of a buyer of the site into the bot: a link whose token is bound to their order. It works once and for a month;
//! then it goes on working for the chat that used it, and for nobody else.
//!
//! The token is an HMAC over the order and the link's number under the master key. The database holds only its hash, the
//! order's page and letters show the same one again.

use data_encoding::HEXLOWER;
use domain::ids::{Id, OrderId, TenantId};
use domain::order::OrderStatus;
use sha2::{Digest, Sha256};
use store::{BotLink, Order, Tx};

use crate::context::App;
use crate::deliver::TELEGRAM;
use crate::error::Result;
use crate::settings::Brand;

const PLACE: &str = "bot.order";
/// Tells them from the links of sources, whose tokens an administrator may choose.
const PREFIX: &str = "o_";
/// An HMAC-SHA256 in base64url. Telegram takes 64 characters.
const TOKEN_CHARS: usize = PREFIX.len() + 43;
const DAY_MS: i64 = 24 * 60 * 60_000;
const LIFE_MS: i64 = 30 * DAY_MS;
/// What is shown is good for at least so long.
const LEFT_MS: i64 = 7 * DAY_MS;

/// Whether a payload of `/start` may be one of these, right or wrong.
pub(crate) fn is_token(text: &str) -> bool {
    text.len() == TOKEN_CHARS && text.starts_with(PREFIX)
}

pub(crate) fn hash(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}

fn token(app: &App, tenant: &TenantId, order: &OrderId, number: i64) -> String {
    let signature = app
        .tenant(tenant)
        .sign_link(PLACE, &format!("{}:{number}", order.as_str()));
    format!("{PREFIX}{signature}")
}

/// The address of the bot for an order's buyer: with a token while nobody in Telegram is known to be them. `None` while the
/// bot's name is not known.
pub async fn bot_address(app: &App, tenant: &TenantId, order: &Order, brand: &Brand) -> Result<Option<String>> {
    let Some(bot) = &brand.telegram_bot_username else {
        return Ok(None);
    };
    let plain = format!("https://t.me/{}", bot.trim_start_matches('@'));
    if !matches!(order.status, OrderStatus::Paid | OrderStatus::Fulfilled) {
        return Ok(Some(plain));
    }
    let mut tx = app.tenant(tenant).read().await?;
    if is_in_telegram(&mut tx, order).await? {
        return Ok(Some(plain));
    }
    let newest = tx.newest_bot_link(&order.id).await?;
    drop(tx);
    let token = match newest.as_ref().and_then(|link| usable(app, tenant, link)) {
        Some(token) => token,
        None => make(app, tenant, &order.id, newest.map_or(1, |link| link.number + 1)).await?,
    };
    Ok(Some(format!("{plain}?start={token}")))
}

/// Whether the client of an order, or whom they turned out to be, has a chat.
pub(super) async fn is_in_telegram(tx: &mut Tx, order: &Order) -> Result<bool> {
    let owner = tx.merged_into(&order.client).await?;
    let chats = tx.conversations_of(owner.as_ref().unwrap_or(&order.client)).await?;
    Ok(chats.iter().any(|chat| chat.channel == TELEGRAM && !chat.is_trainer))
}

/// The token of a link, if it may still be shown: unused, good for a while, made under the master key of today.
fn usable(app: &App, tenant: &TenantId, link: &BotLink) -> Option<String> {
    let is_fresh = link.used_at.is_none() && app.now().plus_millis(LEFT_MS) < link.expires_at;
    let token = token(app, tenant, &link.order, link.number);
    (is_fresh && hash(&token) == link.token_hash).then_some(token)
}

async fn make(app: &App, tenant: &TenantId, order: &OrderId, number: i64) -> Result<String> {
    let now = app.now();
    let token = token(app, tenant, order, number);
    let link = BotLink {
        order: order.clone(),
        number,
        token_hash: hash(&token),
        created_at: now,
        expires_at: now.plus_millis(LIFE_MS),
        used_at: None,
        used_by: None,
    };
    let mut tx = app.tenant(tenant).write().await?;
    // Whoever was faster has made the same token.
    tx.insert_bot_link(&link).await?;
    tx.commit().await?;
    Ok(token)
}
