//! Conversations: where somebody is reached and where their dialogue stands.

use domain::ids::{ClientId, Id};
use domain::language::Language;
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows, scalar};
use crate::{Error, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewConversation {
    pub channel: String,
    pub address: String,
    pub client: Option<ClientId>,
    pub is_trainer: bool,
    pub language: Language,
    /// Name and username as the messenger tells them, in one text.
    pub known_as: String,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Conversation {
    pub channel: String,
    pub address: String,
    /// `None` for the trainer's own chat.
    pub client: Option<ClientId>,
    pub is_trainer: bool,
    pub language: Language,
    /// The scene as JSON; its shape is the dialogue's business.
    pub scene: String,
    pub known_as: String,
    /// The message whose buttons are the current step, in the messenger's own naming.
    pub step_ref: Option<String>,
    /// Until then a person talks and the bot keeps its remarks to itself.
    pub quiet_until: Timestamp,
    pub blocked_at: Option<Timestamp>,
}

/// What a turn changes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ConversationUpdate {
    pub language: Language,
    pub scene: String,
    pub known_as: String,
    pub quiet_until: Timestamp,
}

#[derive(sqlx::FromRow)]
struct ConversationRow {
    channel: String,
    address: String,
    client_id: Option<String>,
    is_trainer: i64,
    language: String,
    scene_sealed: Option<Vec<u8>>,
    known_as: String,
    step_ref: Option<String>,
    quiet_until_ms: i64,
    blocked_at_ms: Option<i64>,
}

const SELECT: &str = "SELECT channel, address, client_id, is_trainer, language, scene_sealed, known_as, step_ref, quiet_until_ms, blocked_at_ms \
     FROM conversations WHERE tenant_id = $1";

const SCENE: &str = "conversations.scene";

impl Tx {
    fn conversation(&self, row: ConversationRow) -> Result<Conversation> {
        let scene = match &row.scene_sealed {
            Some(sealed) => self.open_text(SCENE, &row.address, sealed)?,
            None => String::new(),
        };
        Ok(Conversation {
            client: row.client_id.as_deref().and_then(ClientId::parse),
            is_trainer: row.is_trainer != 0,
            language: Language::parse(&row.language)
                .ok_or_else(|| Error::corrupt("conversations.language", &row.address))?,
            scene,
            known_as: row.known_as,
            step_ref: row.step_ref,
            quiet_until: Timestamp::from_millis(row.quiet_until_ms),
            blocked_at: row.blocked_at_ms.map(Timestamp::from_millis),
            channel: row.channel,
            address: row.address,
        })
    }

    /// Loads a conversation and keeps everybody else out of it until the transaction ends.
    pub async fn lock_conversation(&mut self, channel: &str, address: &str) -> Result<Option<Conversation>> {
        let lock = self.link.choose("", " FOR UPDATE");
        let sql = format!("{SELECT} AND channel = $2 AND address = $3{lock}");
        row!(
            self,
            ConversationRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            channel,
            address
        )?
        .map(|row| self.conversation(row))
        .transpose()
    }

    /// Begins a conversation. Returns false when somebody else just did.
    pub async fn insert_conversation(&mut self, new: &NewConversation) -> Result<bool> {
        const SQL: &str = "INSERT INTO conversations (tenant_id, channel, address, client_id, is_trainer, language, known_as, \
             quiet_until_ms, created_at_ms, updated_at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8, $8) \
             ON CONFLICT (tenant_id, channel, address) DO NOTHING";
        let inserted = execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            &new.channel,
            &new.address,
            new.client.as_ref().map(ClientId::as_str),
            i64::from(new.is_trainer),
            new.language.code(),
            &new.known_as,
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    pub async fn update_conversation(
        &mut self,
        channel: &str,
        address: &str,
        update: &ConversationUpdate,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "UPDATE conversations SET language = $1, scene_sealed = $2, quiet_until_ms = $3, updated_at_ms = $4, \
             known_as = $5 WHERE tenant_id = $6 AND channel = $7 AND address = $8";
        let scene = self.seal(SCENE, address, update.scene.as_bytes())?;
        execute!(
            self,
            SQL,
            update.language.code(),
            scene,
            update.quiet_until.millis(),
            now.millis(),
            &update.known_as,
            self.tenant.as_ref(),
            channel,
            address
        )?;
        Ok(())
    }

    /// Makes a chat the trainer's from now on.
    pub async fn make_trainer(&mut self, channel: &str, address: &str, now: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE conversations SET is_trainer = 1, scene_sealed = NULL, updated_at_ms = $1 \
             WHERE tenant_id = $2 AND channel = $3 AND address = $4";
        execute!(self, SQL, now.millis(), self.tenant.as_ref(), channel, address)?;
        Ok(())
    }

    /// Blocked the bot (`Some`) or can be reached again (`None`).
    pub async fn set_blocked(&mut self, channel: &str, address: &str, blocked_at: Option<Timestamp>) -> Result<()> {
        const SQL: &str =
            "UPDATE conversations SET blocked_at_ms = $1 WHERE tenant_id = $2 AND channel = $3 AND address = $4";
        execute!(
            self,
            SQL,
            blocked_at.map(Timestamp::millis),
            self.tenant.as_ref(),
            channel,
            address
        )?;
        Ok(())
    }

    /// The message that carries the current step's buttons.
    pub async fn set_step_ref(&mut self, channel: &str, address: &str, step_ref: Option<&str>) -> Result<()> {
        const SQL: &str =
            "UPDATE conversations SET step_ref = $1 WHERE tenant_id = $2 AND channel = $3 AND address = $4";
        execute!(self, SQL, step_ref, self.tenant.as_ref(), channel, address)?;
        Ok(())
    }

    /// Where a client can be reached, the most recently used first.
    pub async fn conversations_of(&mut self, client: &ClientId) -> Result<Vec<Conversation>> {
        let sql = format!("{SELECT} AND client_id = $2 ORDER BY updated_at_ms DESC, channel, address");
        rows!(
            self,
            ConversationRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            client.as_str()
        )?
        .into_iter()
        .map(|row| self.conversation(row))
        .collect()
    }

    /// The trainers' chats.
    pub async fn trainer_conversations(&mut self) -> Result<Vec<Conversation>> {
        let sql = format!("{SELECT} AND is_trainer = 1 ORDER BY channel, address");
        rows!(self, ConversationRow, AssertSqlSafe(sql.as_str()), self.tenant.as_ref())?
            .into_iter()
            .map(|row| self.conversation(row))
            .collect()
    }

    /// Whether anybody is there to be told.
    pub async fn has_trainer(&mut self, channel: &str) -> Result<bool> {
        const SQL: &str = "SELECT CAST(1 AS BIGINT) FROM conversations WHERE tenant_id = $1 AND channel = $2 AND is_trainer = 1 LIMIT 1";
        Ok(scalar!(self, i64, SQL, self.tenant.as_ref(), channel)?.is_some())
    }

    /// The bot stays quiet in a client's chats while a person talks there.
    pub async fn quiet_conversations(&mut self, client: &ClientId, until: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE conversations SET quiet_until_ms = $1 WHERE tenant_id = $2 AND client_id = $3";
        execute!(self, SQL, until.millis(), self.tenant.as_ref(), client.as_str())?;
        Ok(())
    }
}
