//! Everything the sandbox knows, behind one lock that is never held across an await.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_json::{Map, Value};
use tokio_util::sync::CancellationToken;

use crate::{
    banks::Banks,
    clock::Clock,
    events::{EventKind, Events},
    faults::Faults,
    llm::LlmJournal,
    mail::Mailbox,
    sheets::Sheets,
    telegram::Telegram,
};

#[derive(Debug, Default)]
pub struct World {
    pub clock: Clock,
    pub faults: Faults,
    pub events: Events,
    pub telegram: Telegram,
    pub sheets: Sheets,
    pub llm: LlmJournal,
    pub banks: Banks,
    pub mail: Mailbox,
    /// Addresses of the product under test, for the index page.
    pub links: Vec<Value>,
}

impl World {
    /// Tells the pages and the waiting tests; `chat_id` 0 is for what concerns no single chat.
    pub fn emit(&mut self, chat_id: i64, kind: EventKind, payload: Map<String, Value>) {
        let seq = self.events.emit(chat_id, kind, payload);
        self.telegram.touch(chat_id, seq);
    }
}

/// The running sandbox as its handlers see it.
#[derive(Debug)]
pub struct Sandbox {
    world: Mutex<World>,
    pub bot_token: Option<String>,
    pub stop: CancellationToken,
    /// Posts webhook updates.
    pub http: reqwest::Client,
}

pub type Shared = Arc<Sandbox>;

impl Sandbox {
    pub fn new(world: World, bot_token: Option<String>, stop: CancellationToken, http: reqwest::Client) -> Self {
        Self {
            world: Mutex::new(world),
            bot_token,
            stop,
            http,
        }
    }

    /// A handler that died while holding the lock spoils at most its own change, so the world goes on.
    pub fn world(&self) -> MutexGuard<'_, World> {
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
