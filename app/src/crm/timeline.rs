//! Everything that happened with a client, as one list, and the conversation alone.

use domain::ids::{ActionId, ClientId, ConsentId, Id, MessageId, MoveId, TouchId};
use domain::time::Timestamp;
use store::{Action, Consent, Cursor, Message, Move, PageOf, PageRequest, Touch, Tx};

use super::{check_cursor, wrong_cursor};
use crate::{App, Caller, Error, Result};

/// One thing that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Entry {
    Action(Action),
    Move(Move),
    Message(Message),
    Consent(Consent),
    Touch(Touch),
}

impl Entry {
    pub fn id(&self) -> &str {
        match self {
            Self::Action(action) => action.id.as_str(),
            Self::Move(step) => step.id.as_str(),
            Self::Message(message) => message.id.as_str(),
            Self::Consent(consent) => consent.id.as_str(),
            Self::Touch(touch) => touch.id.as_str(),
        }
    }

    pub const fn at(&self) -> Timestamp {
        match self {
            Self::Action(action) => action.at,
            Self::Move(step) => step.at,
            Self::Message(message) => message.at,
            Self::Consent(consent) => consent.at,
            Self::Touch(touch) => touch.at,
        }
    }

    /// The id without its prefix: it orders things of all kinds by time.
    fn ulid(&self) -> &str {
        self.id().split_once('_').map_or("", |(_, ulid)| ulid)
    }
}

/// Newest first. Ids of every kind begin with their time, so one cursor, the last id without its prefix, serves all of
/// the tables: each gives at most a page of what is older, and the newest of these make the page.
///
/// Errors: `NotFound`; `Invalid` names `cursor`.
pub async fn list(app: &App, caller: &Caller, client: &ClientId, page: &PageRequest) -> Result<PageOf<Entry>> {
    let before = page.after.as_ref().map(|cursor| cursor.0.as_str());
    if before.is_some_and(|ulid| ActionId::parse(&after::<ActionId>(ulid)).is_none()) {
        return Err(wrong_cursor());
    }
    let mut tx = app.tenant(&caller.tenant).read().await?;
    ensure_client(&mut tx, client).await?;
    let limit = page.limit;
    let mut entries: Vec<Entry> = Vec::new();
    entries.extend(
        tx.list_actions(client, &older::<ActionId>(before, limit))
            .await?
            .items
            .into_iter()
            .map(Entry::Action),
    );
    entries.extend(
        tx.list_moves(client, &older::<MoveId>(before, limit))
            .await?
            .items
            .into_iter()
            .map(Entry::Move),
    );
    entries.extend(
        tx.list_messages(client, &older::<MessageId>(before, limit))
            .await?
            .items
            .into_iter()
            .map(Entry::Message),
    );
    entries.extend(
        tx.list_consents(client, &older::<ConsentId>(before, limit))
            .await?
            .items
            .into_iter()
            .map(Entry::Consent),
    );
    entries.extend(
        tx.list_touches(client, &older::<TouchId>(before, limit))
            .await?
            .items
            .into_iter()
            .map(Entry::Touch),
    );
    entries.sort_by(|one, other| other.ulid().cmp(one.ulid()));
    let rows = limit as usize;
    let is_more = entries.len() > rows;
    entries.truncate(rows);
    let next = entries
        .last()
        .filter(|_| is_more)
        .map(|entry| Cursor(entry.ulid().to_owned()));
    Ok(PageOf { items: entries, next })
}

fn after<T: Id>(ulid: &str) -> String {
    format!("{}_{ulid}", T::PREFIX)
}

/// One row more than a page, so that a single table can tell that there is more.
fn older<T: Id>(before: Option<&str>, limit: u32) -> PageRequest {
    PageRequest {
        limit: limit.saturating_add(1),
        after: before.map(|ulid| Cursor(after::<T>(ulid))),
    }
}

/// The conversation, newest first.
///
/// Errors: `NotFound`; `Invalid` names `cursor`.
pub async fn messages(app: &App, caller: &Caller, client: &ClientId, page: &PageRequest) -> Result<PageOf<Message>> {
    check_cursor::<MessageId>(page)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    ensure_client(&mut tx, client).await?;
    Ok(tx.list_messages(client, page).await?)
}

async fn ensure_client(tx: &mut Tx, client: &ClientId) -> Result<()> {
    tx.find_client(client)
        .await?
        .map(|_| ())
        .ok_or(Error::NotFound { what: "client" })
}
