//! Telegram: the Bot API at the root of the server, and the people on the other side of it.
//!
//! `methods` names every method; one more method is a line there and a function in `send`, `edit` or `account`.
//! What people do is in `people`; how updates reach the bot in `updates` (polling) and `webhook`.

pub mod account;
pub mod chat;
pub mod edit;
pub mod entities;
pub mod error;
pub mod files;
pub mod html;
pub mod http;
pub mod keyboard;
pub mod limits;
pub mod markdown;
pub mod methods;
pub mod params;
pub mod payments;
pub mod people;
pub mod picture;
pub mod render;
pub mod send;
pub mod updates;
pub mod webhook;

use std::collections::{BTreeMap, HashMap, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use account::{Command, PendingCallback, Scope};
use chat::{Chat, Role, User};
use files::{Files, FilesSnapshot};
use limits::Bucket;
use payments::Payments;
use updates::{QueueSnapshot, UpdateQueue};
use webhook::Webhook;

const KEPT_CALLS: usize = 1_000;
const KEPT_CALLBACKS: usize = 10_000;
const FIRST_CLIENT_ID: i64 = 100_001;

/// One call of the Bot API, for tests and for the faults page.
#[derive(Debug, Clone, Serialize)]
pub struct Call {
    pub at_ms: i64,
    pub method: String,
    pub chat_id: Option<i64>,
    pub params: Map<String, Value>,
    pub status: u16,
    pub error: Option<String>,
}

#[derive(Debug)]
pub struct Telegram {
    pub chats: BTreeMap<i64, Chat>,
    pub files: Files,
    pub updates: UpdateQueue,
    pub webhook: Webhook,
    /// Few lists, so a plain search will do.
    pub commands: Vec<((Scope, String), Vec<Command>)>,
    pub menu_button: Option<Value>,
    pub callbacks: HashMap<String, PendingCallback>,
    callback_order: VecDeque<String>,
    pub payments: Payments,
    pub overall: Option<Bucket>,
    pub calls: VecDeque<Call>,
    next_user_id: i64,
    next_message_id: i64,
    next_callback_id: u64,
    next_media_group_id: u64,
}

fn seeded_chats() -> BTreeMap<i64, Chat> {
    let person = |id, first_name: &str, username: &str, language_code: &str, role| User {
        id,
        first_name: first_name.to_owned(),
        last_name: String::new(),
        username: Some(username.to_owned()),
        language_code: language_code.to_owned(),
        role,
    };
    [
        person(700_000_001, "Тренер Ольга", "olga_coach", "ru", Role::Trainer),
        person(FIRST_CLIENT_ID, "Анна", "anna", "ru", Role::Client),
        person(FIRST_CLIENT_ID + 1, "John", "john", "en", Role::Client),
    ]
    .into_iter()
    .map(|user| (user.id, Chat::new(user)))
    .collect()
}

impl Default for Telegram {
    fn default() -> Self {
        Self {
            chats: seeded_chats(),
            files: Files::default(),
            updates: UpdateQueue::default(),
            webhook: Webhook::default(),
            commands: Vec::new(),
            menu_button: None,
            callbacks: HashMap::new(),
            callback_order: VecDeque::new(),
            payments: Payments::default(),
            overall: None,
            calls: VecDeque::new(),
            next_user_id: FIRST_CLIENT_ID + 2,
            next_message_id: 1,
            next_callback_id: 0,
            next_media_group_id: 0,
        }
    }
}

/// What survives a restart of the sandbox.
#[derive(Debug, Serialize, Deserialize)]
pub struct TelegramSnapshot {
    chats: Vec<Chat>,
    pub files: FilesSnapshot,
    updates: QueueSnapshot,
    webhook: Option<webhook::Target>,
    commands: Vec<((Scope, String), Vec<Command>)>,
    menu_button: Option<Value>,
    #[serde(default)]
    payments: Payments,
    next_user_id: i64,
    next_message_id: i64,
    next_callback_id: u64,
    next_media_group_id: u64,
}

/// The snapshot as it is written; borrowing spares a copy of every chat.
#[derive(Serialize)]
struct TelegramSnapshotRef<'a> {
    chats: Vec<&'a Chat>,
    files: FilesSnapshot,
    updates: QueueSnapshot,
    webhook: Option<&'a webhook::Target>,
    commands: &'a [((Scope, String), Vec<Command>)],
    menu_button: &'a Option<Value>,
    payments: &'a Payments,
    next_user_id: i64,
    next_message_id: i64,
    next_callback_id: u64,
    next_media_group_id: u64,
}

impl Telegram {
    pub fn snapshot(&self) -> Result<Vec<u8>, serde_json::Error> {
        serde_json::to_vec(&TelegramSnapshotRef {
            chats: self.chats.values().collect(),
            files: self.files.snapshot(),
            updates: self.updates.snapshot(),
            webhook: self.webhook.target(),
            commands: &self.commands,
            menu_button: &self.menu_button,
            payments: &self.payments,
            next_user_id: self.next_user_id,
            next_message_id: self.next_message_id,
            next_callback_id: self.next_callback_id,
            next_media_group_id: self.next_media_group_id,
        })
    }

    /// `bytes` are the contents of files by their ids.
    pub fn restore(snapshot: TelegramSnapshot, bytes: HashMap<String, Bytes>) -> Self {
        Self {
            chats: snapshot.chats.into_iter().map(|chat| (chat.user.id, chat)).collect(),
            files: Files::restore(snapshot.files, bytes),
            updates: UpdateQueue::restore(snapshot.updates),
            webhook: Webhook::restore(snapshot.webhook),
            commands: snapshot.commands,
            menu_button: snapshot.menu_button,
            payments: snapshot.payments,
            next_user_id: snapshot.next_user_id,
            next_message_id: snapshot.next_message_id,
            next_callback_id: snapshot.next_callback_id,
            next_media_group_id: snapshot.next_media_group_id,
            ..Self::default()
        }
    }

    pub fn touch(&mut self, chat_id: i64, seq: u64) {
        if let Some(chat) = self.chats.get_mut(&chat_id) {
            chat.last_seq = seq;
            chat.signal.send_replace(seq);
        }
    }

    pub fn new_user_id(&mut self) -> i64 {
        while self.chats.contains_key(&self.next_user_id) {
            self.next_user_id += 1;
        }
        self.next_user_id
    }

    pub fn new_message_id(&mut self) -> i64 {
        let id = self.next_message_id;
        self.next_message_id += 1;
        id
    }

    pub fn new_callback_id(&mut self) -> String {
        self.next_callback_id += 1;
        format!("43{:017}", self.next_callback_id)
    }

    pub fn new_media_group_id(&mut self) -> String {
        self.next_media_group_id += 1;
        format!("139{:014}", self.next_media_group_id)
    }

    pub fn remember_callback(&mut self, id: &str, callback: PendingCallback) {
        self.callbacks.insert(id.to_owned(), callback);
        self.callback_order.push_back(id.to_owned());
        while self.callback_order.len() > KEPT_CALLBACKS {
            if let Some(oldest) = self.callback_order.pop_front() {
                self.callbacks.remove(&oldest);
            }
        }
    }

    pub fn note_call(&mut self, call: Call) {
        self.calls.push_back(call);
        if self.calls.len() > KEPT_CALLS {
            self.calls.pop_front();
        }
    }

    pub fn commands_of(&self, key: &(Scope, String)) -> Option<Vec<Command>> {
        self.commands
            .iter()
            .find(|(known, _)| known == key)
            .map(|(_, commands)| commands.clone())
    }

    /// The list a person sees in a private chat: the narrowest scope, own language before none.
    pub fn commands_for(&self, user: &User) -> Vec<Command> {
        let language: String = user.language_code.chars().take(2).collect();
        [Scope::Chat(user.id), Scope::AllPrivateChats, Scope::Default]
            .into_iter()
            .flat_map(|scope| [(scope.clone(), language.clone()), (scope, String::new())])
            .find_map(|key| self.commands_of(&key))
            .unwrap_or_default()
    }

    pub fn connected(&self) -> &'static str {
        if self.webhook.is_set() {
            "webhook"
        } else if self.updates.is_polled() {
            "polling"
        } else {
            "none"
        }
    }

    /// Empties the chats; people, files already handed out, webhook and menus stay.
    pub fn reset_chats(&mut self) {
        for chat in self.chats.values_mut() {
            chat.clear();
        }
        self.updates.clear();
        self.callbacks.clear();
        self.callback_order.clear();
        self.payments = Payments::default();
        self.calls.clear();
        self.overall = None;
    }
}
