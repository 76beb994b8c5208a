//! What happened with a client: actions, messages, consents.

use domain::dialogue::ConsentKind;
use domain::ids::{ActionId, ClientId, ConsentId, Id, MessageId, OutboxId};
use domain::time::Timestamp;

use crate::dialect::{execute, rows, scalar};
use crate::{Error, PageOf, PageRequest, Result, Tx};

/// One line of the timeline.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Action {
    pub id: ActionId,
    /// Stable name: `lead.created`, `questionnaire.completed`, `program.ready`, …
    pub kind: String,
    pub actor: String,
    /// JSON object, depending on the kind.
    pub details: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMessage {
    pub id: MessageId,
    pub client: ClientId,
    pub channel: String,
    /// `in` or `out`.
    pub direction: &'static str,
    /// `client`, `bot` or `trainer`.
    pub author: &'static str,
    pub text: String,
    pub outbox: Option<OutboxId>,
    pub external_ref: Option<String>,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Message {
    pub id: MessageId,
    pub channel: String,
    pub direction: String,
    pub author: String,
    pub text: String,
    pub at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Consent {
    pub id: ConsentId,
    pub client: ClientId,
    pub kind: ConsentKind,
    pub is_granted: bool,
    /// SHA-256 of the text that was shown, in hex.
    pub text_hash: String,
    pub text_language: String,
    pub channel: String,
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct ActionRow {
    id: String,
    kind: String,
    actor: String,
    details_sealed: Vec<u8>,
    at_ms: i64,
}

#[derive(sqlx::FromRow)]
struct MessageRow {
    id: String,
    channel: String,
    direction: String,
    author: String,
    body_sealed: Vec<u8>,
    at_ms: i64,
}

#[derive(sqlx::FromRow)]
struct ConsentRow {
    id: String,
    kind: String,
    is_granted: i64,
    text_hash: String,
    text_language: String,
    channel: String,
    at_ms: i64,
}

impl ConsentRow {
    fn of(self, client: &ClientId) -> Result<Consent> {
        let corrupt = |place| Error::corrupt(place, &self.id);
        Ok(Consent {
            id: ConsentId::parse(&self.id).ok_or_else(|| corrupt("consents.id"))?,
            client: client.clone(),
            kind: ConsentKind::parse(&self.kind).ok_or_else(|| corrupt("consents.kind"))?,
            is_granted: self.is_granted != 0,
            text_hash: self.text_hash,
            text_language: self.text_language,
            channel: self.channel,
            at: Timestamp::from_millis(self.at_ms),
        })
    }
}

impl Tx {
    pub async fn insert_action(&mut self, client: &ClientId, action: &Action) -> Result<()> {
        const SQL: &str = "INSERT INTO client_actions (id, tenant_id, client_id, kind, actor, details_sealed, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7)";
        let details = self.seal("client_actions.details", action.id.as_str(), action.details.as_bytes())?;
        execute!(
            self,
            SQL,
            action.id.as_str(),
            self.tenant.as_ref(),
            client.as_str(),
            &action.kind,
            &action.actor,
            details,
            action.at.millis()
        )?;
        Ok(())
    }

    /// Newest first.
    pub async fn list_actions(&mut self, client: &ClientId, page: &PageRequest) -> Result<PageOf<Action>> {
        const SQL: &str = "SELECT id, kind, actor, details_sealed, at_ms FROM client_actions WHERE tenant_id = $1";
        let of_client = [("client_id", client.to_string())];
        let found: Vec<ActionRow> = self.newest(SQL, &of_client, "id", page).await?;
        let actions = found
            .into_iter()
            .map(|row| {
                Ok(Action {
                    details: self.open_text("client_actions.details", &row.id, &row.details_sealed)?,
                    id: ActionId::parse(&row.id).ok_or_else(|| Error::corrupt("client_actions.id", &row.id))?,
                    kind: row.kind,
                    actor: row.actor,
                    at: Timestamp::from_millis(row.at_ms),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(actions, page, |action| action.id.to_string()))
    }

    pub async fn insert_message(&mut self, new: &NewMessage) -> Result<()> {
        const SQL: &str = "INSERT INTO messages (id, tenant_id, client_id, channel, direction, author, body_sealed, outbox_id, external_ref, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)";
        let body = self.seal("messages.body", new.id.as_str(), new.text.as_bytes())?;
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.client.as_str(),
            &new.channel,
            new.direction,
            new.author,
            body,
            new.outbox.as_ref().map(OutboxId::as_str),
            new.external_ref.as_deref(),
            new.now.millis()
        )?;
        Ok(())
    }

    /// Newest first.
    pub async fn list_messages(&mut self, client: &ClientId, page: &PageRequest) -> Result<PageOf<Message>> {
        const SQL: &str =
            "SELECT id, channel, direction, author, body_sealed, at_ms FROM messages WHERE tenant_id = $1";
        let of_client = [("client_id", client.to_string())];
        let found: Vec<MessageRow> = self.newest(SQL, &of_client, "id", page).await?;
        let messages = found
            .into_iter()
            .map(|row| {
                Ok(Message {
                    text: self.open_text("messages.body", &row.id, &row.body_sealed)?,
                    id: MessageId::parse(&row.id).ok_or_else(|| Error::corrupt("messages.id", &row.id))?,
                    channel: row.channel,
                    direction: row.direction,
                    author: row.author,
                    at: Timestamp::from_millis(row.at_ms),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(messages, page, |message| message.id.to_string()))
    }

    pub async fn insert_consent(&mut self, consent: &Consent) -> Result<()> {
        const SQL: &str = "INSERT INTO consents (id, tenant_id, client_id, kind, is_granted, text_hash, text_language, channel, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)";
        execute!(
            self,
            SQL,
            consent.id.as_str(),
            self.tenant.as_ref(),
            consent.client.as_str(),
            consent.kind.code(),
            i64::from(consent.is_granted),
            &consent.text_hash,
            &consent.text_language,
            &consent.channel,
            consent.at.millis()
        )?;
        Ok(())
    }

    /// What a client said last about a kind of consent; `None` if never asked.
    pub async fn current_consent(&mut self, client: &ClientId, kind: ConsentKind) -> Result<Option<bool>> {
        const SQL: &str = "SELECT is_granted FROM consents WHERE tenant_id = $1 AND client_id = $2 AND kind = $3 \
             ORDER BY seq DESC LIMIT 1";
        Ok(scalar!(self, i64, SQL, self.tenant.as_ref(), client.as_str(), kind.code())?.map(|granted| granted != 0))
    }

    /// Newest first, at most 200.
    pub async fn consents_of(&mut self, client: &ClientId) -> Result<Vec<Consent>> {
        const SQL: &str = "SELECT id, kind, is_granted, text_hash, text_language, channel, at_ms FROM consents \
             WHERE tenant_id = $1 AND client_id = $2 ORDER BY id DESC LIMIT 200";
        rows!(self, ConsentRow, SQL, self.tenant.as_ref(), client.as_str())?
            .into_iter()
            .map(|row| row.of(client))
            .collect()
    }

    /// Newest first.
    pub async fn list_consents(&mut self, client: &ClientId, page: &PageRequest) -> Result<PageOf<Consent>> {
        const SQL: &str =
            "SELECT id, kind, is_granted, text_hash, text_language, channel, at_ms FROM consents WHERE tenant_id = $1";
        let of_client = [("client_id", client.to_string())];
        let found: Vec<ConsentRow> = self.newest(SQL, &of_client, "id", page).await?;
        let consents = found
            .into_iter()
            .map(|row| row.of(client))
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(consents, page, |consent| consent.id.to_string()))
    }
}
