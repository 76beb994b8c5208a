//! Messages as they stand in chats, found again to be changed there.

use domain::work::DeliveryState;
use sqlx::AssertSqlSafe;

use crate::dialect::{row, rows};
use crate::{Error, Result, Tx};

/// No subject has more messages in its chats; whatever is older stays as it is.
const MOST: u32 = 200;
/// As outbox.rs seals it.
const CONTENT: &str = "outbox.content";
const COLUMNS: &str = "seq, id, dedupe_key, address, state, edit_ref, external_ref, content_sealed";

/// A message, or a change of one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChatMessage {
    /// Later ones have greater numbers.
    pub seq: i64,
    /// Under which it was queued; most have none.
    pub key: Option<String>,
    pub address: String,
    pub state: DeliveryState,
    /// Under which the messenger knows it; of a change that is under way, the message it changes. `None`: it was not sent.
    pub message_ref: Option<String>,
    /// Content as JSON.
    pub content: String,
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    seq: i64,
    id: String,
    dedupe_key: Option<String>,
    address: String,
    state: String,
    edit_ref: Option<String>,
    external_ref: Option<String>,
    content_sealed: Vec<u8>,
}

impl Tx {
    /// `None` for a row nobody can read: it must not stop what it tells of.
    fn chat_message(&self, row: MessageRow) -> Result<Option<ChatMessage>> {
        let content = match self.open_text(CONTENT, &row.id, &row.content_sealed) {
            Ok(content) => content,
            Err(error @ (Error::Sealed { .. } | Error::Corrupt { .. })) => {
                tracing::error!(delivery.id = row.id, %error, "a message can't be read and stays as it is");
                return Ok(None);
            }
            Err(error) => return Err(error),
        };
        Ok(Some(ChatMessage {
            content,
            state: DeliveryState::parse(&row.state).ok_or_else(|| Error::corrupt("outbox.state", &row.id))?,
            seq: row.seq,
            key: row.dedupe_key,
            address: row.address,
            message_ref: row.external_ref.or(row.edit_ref),
        }))
    }

    /// What was queued for a channel under keys that begin with `prefix`, oldest first.
    pub async fn messages_keyed(&mut self, channel: &str, prefix: &str) -> Result<Vec<ChatMessage>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM outbox WHERE tenant_id = $1 AND channel = $2 AND dedupe_key >= $3 AND dedupe_key < $4 \
             ORDER BY seq DESC LIMIT {MOST}"
        );
        // Keys sort by their bytes, and no character comes after this one.
        let end = format!("{prefix}{}", char::MAX);
        let found = rows!(
            self,
            MessageRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            channel,
            prefix,
            end.as_str()
        )?;
        let mut messages = Vec::with_capacity(found.len());
        for row in found.into_iter().rev() {
            messages.extend(self.chat_message(row)?);
        }
        Ok(messages)
    }

    /// What stands in a message, or is about to: the last that was sent as it, written over it, or waits to be.
    pub async fn newest_of_message(
        &mut self,
        channel: &str,
        address: &str,
        message_ref: &str,
    ) -> Result<Option<ChatMessage>> {
        // Two lists become one: each has an index of its own.
        let of_chat = "tenant_id = $1 AND channel = $2 AND address = $3";
        let sql = format!(
            "SELECT * FROM (SELECT {COLUMNS} FROM outbox WHERE {of_chat} AND external_ref = $4 \
                 ORDER BY seq DESC LIMIT 1) AS shown \
             UNION ALL SELECT * FROM (SELECT {COLUMNS} FROM outbox WHERE {of_chat} AND state IN ('queued', 'sending') \
                 AND edit_ref = $4 ORDER BY seq DESC LIMIT 1) AS waiting \
             ORDER BY seq DESC LIMIT 1"
        );
        let found = row!(
            self,
            MessageRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            channel,
            address,
            message_ref
        )?;
        Ok(match found {
            Some(row) => self.chat_message(row)?,
            None => None,
        })
    }
}
