//! The way of a buyer of the site into the bot, and the letters of an order.

use domain::ids::{Id, OrderId};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows};
use crate::{Error, Result, Tx};

/// A link into the bot that is bound to an order. Its token is nowhere written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotLink {
    pub order: OrderId,
    /// Counts the links of the order, from 1.
    pub number: i64,
    pub token_hash: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub used_at: Option<Timestamp>,
    /// The chat that used it.
    pub used_by: Option<String>,
}

/// A letter on its way or sent, as far as it concerns whoever wants another one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LetterTrace {
    pub kind: String,
    /// As in the outbox: `queued`, `sending`, `sent`, `rejected`, …
    pub state: String,
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct LinkRow {
    order_id: String,
    number: i64,
    token_hash: String,
    created_at_ms: i64,
    expires_at_ms: i64,
    used_at_ms: Option<i64>,
    used_by: Option<String>,
}

const SELECT: &str = "SELECT order_id, number, token_hash, created_at_ms, expires_at_ms, used_at_ms, used_by \
     FROM bot_links WHERE tenant_id = $1";

impl TryFrom<LinkRow> for BotLink {
    type Error = Error;

    fn try_from(row: LinkRow) -> Result<Self> {
        Ok(Self {
            order: OrderId::parse(&row.order_id).ok_or_else(|| Error::corrupt("bot_links.order_id", &row.order_id))?,
            number: row.number,
            token_hash: row.token_hash,
            created_at: Timestamp::from_millis(row.created_at_ms),
            expires_at: Timestamp::from_millis(row.expires_at_ms),
            used_at: row.used_at_ms.map(Timestamp::from_millis),
            used_by: row.used_by,
        })
    }
}

impl Tx {
    /// Returns false when the order has a link of this number already.
    pub async fn insert_bot_link(&mut self, link: &BotLink) -> Result<bool> {
        const SQL: &str = "INSERT INTO bot_links (tenant_id, order_id, number, token_hash, created_at_ms, expires_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, order_id, number) DO NOTHING";
        let inserted = execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            link.order.as_str(),
            link.number,
            &link.token_hash,
            link.created_at.millis(),
            link.expires_at.millis()
        )?;
        Ok(inserted == 1)
    }

    /// The link of an order that was made last.
    pub async fn newest_bot_link(&mut self, order: &OrderId) -> Result<Option<BotLink>> {
        let sql = format!("{SELECT} AND order_id = $2 ORDER BY number DESC LIMIT 1");
        row!(
            self,
            LinkRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            order.as_str()
        )?
        .map(BotLink::try_from)
        .transpose()
    }

    /// Loads a link by its token's hash and keeps everybody else out of it until the transaction ends.
    pub async fn lock_bot_link(&mut self, token_hash: &str) -> Result<Option<BotLink>> {
        let lock = self.link.choose("", " FOR UPDATE");
        let sql = format!("{SELECT} AND token_hash = $2{lock}");
        row!(
            self,
            LinkRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            token_hash
        )?
        .map(BotLink::try_from)
        .transpose()
    }

    /// Binds a link to the chat that used it. Returns false when it was used before.
    pub async fn use_bot_link(&mut self, link: &BotLink, by: &str, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE bot_links SET used_at_ms = $1, used_by = $2 \
             WHERE tenant_id = $3 AND order_id = $4 AND number = $5 AND used_at_ms IS NULL";
        let used = execute!(
            self,
            SQL,
            now.millis(),
            by,
            self.tenant.as_ref(),
            link.order.as_str(),
            link.number
        )?;
        Ok(used == 1)
    }

    /// The letters of an order, newest first, `limit` at most.
    pub async fn letters_of(&mut self, order: &OrderId, limit: u32) -> Result<Vec<LetterTrace>> {
        const SQL: &str = "SELECT kind, state, created_at_ms FROM outbox \
             WHERE tenant_id = $1 AND address = $2 AND channel = 'email' ORDER BY seq DESC LIMIT $3";
        let found = rows!(
            self,
            (String, String, i64),
            SQL,
            self.tenant.as_ref(),
            order.as_str(),
            i64::from(limit)
        )?;
        Ok(found
            .into_iter()
            .map(|(kind, state, created_at)| LetterTrace {
                kind,
                state,
                created_at: Timestamp::from_millis(created_at),
            })
            .collect())
    }
}
