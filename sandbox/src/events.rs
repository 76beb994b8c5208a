//! The stream of what happens, for the pages and for tests that wait instead of sleeping.

use std::collections::VecDeque;

use serde_json::{Map, Value, json};
use tokio::sync::watch;

/// How far back `?after=` can look; older events are found in the chats themselves.
const KEPT_EVENTS: usize = 2_000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EventKind {
    Message,
    Edited,
    Deleted,
    Typing,
    CallbackAnswer,
    Keyboard,
    User,
    Clock,
    Faults,
    Commands,
    Bank,
    Mail,
}

impl EventKind {
    pub fn name(self) -> &'static str {
        match self {
            Self::Message => "message",
            Self::Edited => "edited",
            Self::Deleted => "deleted",
            Self::Typing => "typing",
            Self::CallbackAnswer => "callback_answer",
            Self::Keyboard => "keyboard",
            Self::User => "user",
            Self::Clock => "clock",
            Self::Faults => "faults",
            Self::Commands => "commands",
            Self::Bank => "bank",
            Self::Mail => "mail",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Event {
    pub seq: u64,
    /// The whole JSON text of the event, made once for all listeners.
    pub body: String,
}

#[derive(Debug, Default)]
pub struct Events {
    recent: VecDeque<Event>,
    latest: watch::Sender<u64>,
}

impl Events {
    pub fn latest_seq(&self) -> u64 {
        *self.latest.borrow()
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.latest.subscribe()
    }

    /// `chat_id` is 0 for what concerns no chat (clock, faults, commands for everybody).
    pub fn emit(&mut self, chat_id: i64, kind: EventKind, payload: Map<String, Value>) -> u64 {
        let seq = self.latest_seq() + 1;
        let mut body = payload;
        body.insert("seq".into(), json!(seq));
        body.insert("chat_id".into(), json!(chat_id));
        body.insert("kind".into(), json!(kind.name()));
        self.recent.push_back(Event {
            seq,
            body: Value::Object(body).to_string(),
        });
        if self.recent.len() > KEPT_EVENTS {
            self.recent.pop_front();
        }
        self.latest.send_replace(seq);
        seq
    }

    pub fn after(&self, seq: u64) -> Vec<Event> {
        let skip = self.recent.partition_point(|event| event.seq <= seq);
        self.recent.iter().skip(skip).cloned().collect()
    }
}
