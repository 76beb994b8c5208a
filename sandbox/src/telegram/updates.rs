//! The queue of updates and `getUpdates`: confirmation by offset, long polling, one poller at a time.

use std::{
    collections::VecDeque,
    sync::Arc,
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{error::ApiError, params::Params};
use crate::world::{Sandbox, World};

/// The server keeps updates no longer than this (sandbox time).
const KEPT_MS: i64 = 24 * 60 * 60 * 1000;
const MAX_POLL_SECONDS: i64 = 50;
const MAX_POLL_UPDATES: i64 = 100;
const KEPT_DELIVERED: usize = 100;
/// A bot between two polls still counts as connected.
const POLL_PAUSE: Duration = Duration::from_secs(5);
/// Not sent unless asked for by name.
const ONLY_ON_REQUEST: [&str; 3] = ["chat_member", "message_reaction", "message_reaction_count"];

/// Updates of one lane are delivered to a webhook one after another, as the real server does.
pub type Lane = (i64, bool);

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Update {
    /// Unique even when the same update is queued twice.
    pub key: u64,
    pub update_id: i64,
    pub at_ms: i64,
    pub lane: Lane,
    pub body: Arc<Value>,
    #[serde(skip)]
    pub in_flight: bool,
}

#[derive(Debug)]
pub struct UpdateQueue {
    next_id: i64,
    next_key: u64,
    pub pending: VecDeque<Update>,
    /// Deliveries repeated on request; offsets don't confirm them, being handed out does.
    replays: VecDeque<Update>,
    delivered: VecDeque<Update>,
    last_delivered_key: u64,
    /// `None`: never set, which means the same as an empty list.
    pub allowed: Option<Vec<String>>,
    poll_generation: u64,
    aborted_by: &'static str,
    polling_now: bool,
    last_poll: Option<Instant>,
    changes: watch::Sender<u64>,
}

impl Default for UpdateQueue {
    fn default() -> Self {
        Self {
            next_id: 400_000_001,
            next_key: 1,
            pending: VecDeque::new(),
            replays: VecDeque::new(),
            delivered: VecDeque::new(),
            last_delivered_key: 0,
            allowed: None,
            poll_generation: 0,
            aborted_by: "",
            polling_now: false,
            last_poll: None,
            changes: watch::Sender::default(),
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct QueueSnapshot {
    next_id: i64,
    next_key: u64,
    pending: VecDeque<Update>,
    allowed: Option<Vec<String>>,
}

impl UpdateQueue {
    pub fn snapshot(&self) -> QueueSnapshot {
        QueueSnapshot {
            next_id: self.next_id,
            next_key: self.next_key,
            pending: self.pending.clone(),
            allowed: self.allowed.clone(),
        }
    }

    pub fn restore(snapshot: QueueSnapshot) -> Self {
        Self {
            next_id: snapshot.next_id,
            next_key: snapshot.next_key,
            pending: snapshot.pending,
            allowed: snapshot.allowed,
            ..Self::default()
        }
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changes.subscribe()
    }

    pub fn wake(&self) {
        self.changes.send_modify(|version| *version += 1);
    }

    fn wants(&self, kind: &str) -> bool {
        match self.allowed.as_deref() {
            None | Some([]) => !ONLY_ON_REQUEST.contains(&kind),
            Some(list) => list.iter().any(|allowed| allowed == kind),
        }
    }

    /// Queues an update if the bot wants its kind; `copies` is 2 while duplicates are switched on.
    pub fn enqueue(&mut self, kind: &str, payload: Value, lane: Lane, at_ms: i64, copies: u32) {
        if !self.wants(kind) {
            return;
        }
        let update_id = self.next_id;
        self.next_id += 1;
        let body = Arc::new(Value::Object(Map::from_iter([
            ("update_id".to_owned(), json!(update_id)),
            (kind.to_owned(), payload),
        ])));
        for _ in 0..copies {
            let key = self.new_key();
            self.pending.push_back(Update {
                key,
                update_id,
                at_ms,
                lane,
                body: Arc::clone(&body),
                in_flight: false,
            });
        }
        self.wake();
    }

    fn new_key(&mut self) -> u64 {
        let key = self.next_key;
        self.next_key += 1;
        key
    }

    pub fn drop_expired(&mut self, now_ms: i64) {
        while self
            .pending
            .front()
            .is_some_and(|update| !update.in_flight && now_ms.saturating_sub(update.at_ms) > KEPT_MS)
        {
            self.pending.pop_front();
        }
    }

    pub fn clear(&mut self) {
        self.pending.clear();
        self.replays.clear();
    }

    /// Remembers a delivery for `repeat`; handing out the same thing again doesn't count.
    pub fn note_delivered(&mut self, update: &Update) {
        if update.key <= self.last_delivered_key {
            return;
        }
        self.last_delivered_key = update.key;
        self.delivered.push_back(update.clone());
        if self.delivered.len() > KEPT_DELIVERED {
            self.delivered.pop_front();
        }
    }

    /// Delivers the last `count` delivered updates once more. Returns how many there were.
    pub fn repeat(&mut self, count: usize, to_webhook: bool) -> usize {
        let from = self.delivered.len().saturating_sub(count);
        let again: Vec<Update> = self.delivered.iter().skip(from).cloned().collect();
        let repeated = again.len();
        for mut update in again {
            update.in_flight = false;
            if to_webhook {
                update.key = self.new_key();
                self.pending.push_back(update);
            } else {
                self.replays.push_back(update);
            }
        }
        self.wake();
        repeated
    }

    fn confirm(&mut self, offset: i64) {
        if offset > 0 {
            while self.pending.front().is_some_and(|update| update.update_id < offset) {
                self.pending.pop_front();
            }
        } else if offset < 0 {
            let keep = usize::try_from(offset.unsigned_abs()).unwrap_or(usize::MAX);
            while self.pending.len() > keep {
                self.pending.pop_front();
            }
        }
    }

    fn batch(&mut self, limit: usize) -> Vec<Arc<Value>> {
        let mut batch: Vec<Update> = Vec::new();
        while batch.len() < limit {
            let Some(replay) = self.replays.pop_front() else {
                break;
            };
            batch.push(replay);
        }
        let room = limit.saturating_sub(batch.len());
        batch.extend(self.pending.iter().take(room).cloned());
        for update in &batch {
            self.note_delivered(update);
        }
        batch.into_iter().map(|update| update.body).collect()
    }

    /// A newer call ends the waiting one; the older then answers 409.
    pub fn abort_poll(&mut self, by: &'static str) {
        self.poll_generation += 1;
        self.aborted_by = by;
        self.wake();
    }

    pub fn is_polled(&self) -> bool {
        self.polling_now || self.last_poll.is_some_and(|last| last.elapsed() < POLL_PAUSE)
    }
}

pub const TERMINATED: &str = "terminated by other getUpdates request; make sure that only one bot instance is running";
pub const TERMINATED_BY_WEBHOOK: &str = "terminated by setWebhook request";

/// Marks the poll as gone also when the bot hangs up in the middle of it.
struct PollGuard<'a> {
    sandbox: &'a Sandbox,
    generation: u64,
}

impl Drop for PollGuard<'_> {
    fn drop(&mut self) {
        let mut world = self.sandbox.world();
        let updates = &mut world.telegram.updates;
        if updates.poll_generation == self.generation {
            updates.polling_now = false;
            updates.last_poll = Some(Instant::now());
        }
    }
}

fn allowed_updates(params: &Params) -> Result<Option<Vec<String>>, ApiError> {
    let value = params.json("allowed_updates")?;
    Ok(value
        .as_array()
        .map(|kinds| kinds.iter().filter_map(Value::as_str).map(str::to_owned).collect()))
}

/// Omitting the list keeps the previous setting, here and in `setWebhook`.
pub fn remember_allowed(world: &mut World, params: &Params) -> Result<(), ApiError> {
    if let Some(kinds) = allowed_updates(params)? {
        world.telegram.updates.allowed = Some(kinds);
    }
    Ok(())
}

pub async fn get_updates(sandbox: &Sandbox, params: &Params) -> Result<Value, ApiError> {
    let offset = params.i64("offset").unwrap_or(0);
    let limit = params
        .i64("limit")
        .filter(|limit| (1..=MAX_POLL_UPDATES).contains(limit))
        .unwrap_or(MAX_POLL_UPDATES);
    let limit = usize::try_from(limit).unwrap_or(100);
    let timeout = params.i64("timeout").unwrap_or(0).clamp(0, MAX_POLL_SECONDS);
    let deadline = tokio::time::Instant::now() + Duration::from_secs(timeout.unsigned_abs());

    let (generation, mut changes) = {
        let mut world = sandbox.world();
        if world.telegram.webhook.is_set() {
            return Err(ApiError::conflict(
                "can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
            ));
        }
        remember_allowed(&mut world, params)?;
        let updates = &mut world.telegram.updates;
        updates.abort_poll(TERMINATED);
        updates.polling_now = true;
        updates.confirm(offset);
        (updates.poll_generation, updates.changes())
    };
    let _guard = PollGuard { sandbox, generation };
    loop {
        changes.borrow_and_update();
        {
            let mut world = sandbox.world();
            let now_ms = world.clock.now_ms();
            let updates = &mut world.telegram.updates;
            if updates.poll_generation != generation {
                return Err(ApiError::conflict(updates.aborted_by));
            }
            updates.drop_expired(now_ms);
            let batch = updates.batch(limit);
            if !batch.is_empty() || tokio::time::Instant::now() >= deadline {
                return Ok(batch.iter().map(|body| body.as_ref().clone()).collect());
            }
        }
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return Ok(json!([]));
                }
            }
            () = tokio::time::sleep_until(deadline) => {}
            () = sandbox.stop.cancelled() => return Ok(json!([])),
        }
    }
}
