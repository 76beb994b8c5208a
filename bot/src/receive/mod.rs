//! From updates to events: parsed, posted to the CRM in the order of each chat, answered with deliveries.

pub mod polling;
mod pre_checkout;
pub mod webhook;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use api_types::conversation::{Activity, Event, EventReply};
use futures::FutureExt;
use teloxide::{
    payloads::{AnswerCallbackQuery, setters::*},
    types::{AllowedUpdate, CallbackQueryId, Update, UpdateKind},
};
use tokio::{sync::oneshot, time::Instant};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, info, warn};

use crate::{
    backoff::Backoff,
    crm::{Crm, CrmError},
    lanes::Lanes,
    parse::{Ignored, parse},
    send::{Sender, Urgency},
    status::Status,
    telegram::{Telegram, TelegramError},
};

/// What the bot asks Telegram for. Always said in full: left out, Telegram keeps whatever was set before.
pub const ALLOWED_UPDATES: [AllowedUpdate; 5] = [
    AllowedUpdate::Message,
    AllowedUpdate::EditedMessage,
    AllowedUpdate::CallbackQuery,
    AllowedUpdate::MyChatMember,
    // Without it every payment inside Telegram would time out.
    AllowedUpdate::PreCheckoutQuery,
];

/// A pressed button stops spinning after this, with or without the CRM's word.
const TOAST_PATIENCE: Duration = Duration::from_millis(800);
/// Telegram's limit for the notice over a button.
const MAX_TOAST: usize = 200;
/// An event that alone makes the CRM fail is given up after this many tries (a minute or more), if so many others were
/// taken meanwhile: it would hold its chat, and in polling everybody, for ever. If none passes, the CRM itself is ill,
/// and nothing is given up.
const MAX_FAILURES: u32 = 25;
const OTHERS_TAKEN: u64 = 20;

/// Whether an update is settled and may be confirmed to Telegram.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Taken {
    Yes,
    /// Not within the patience given, or the bot is shutting down: Telegram should deliver it again.
    NotYet,
}

#[derive(Debug, Clone)]
pub struct Intake {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    telegram: Telegram,
    crm: Crm,
    sender: Sender,
    lanes: Lanes<Job>,
    bot_id: u64,
    replica: String,
    status: Arc<Status>,
    tracker: TaskTracker,
    stop: CancellationToken,
}

#[derive(Debug)]
struct Job {
    event: Event,
    until: Option<Instant>,
    done: oneshot::Sender<Taken>,
    toast: Option<oneshot::Sender<Option<String>>>,
}

pub struct Parts {
    pub telegram: Telegram,
    pub crm: Crm,
    pub sender: Sender,
    pub bot_id: u64,
    pub replica: String,
    pub status: Arc<Status>,
    pub tracker: TaskTracker,
    pub stop: CancellationToken,
}

impl Intake {
    pub fn new(parts: Parts) -> Self {
        Self {
            inner: Arc::new(Inner {
                telegram: parts.telegram,
                crm: parts.crm,
                sender: parts.sender,
                lanes: Lanes::default(),
                bot_id: parts.bot_id,
                replica: parts.replica,
                status: parts.status,
                tracker: parts.tracker,
                stop: parts.stop,
            }),
        }
    }

    /// Takes an update; those of one chat are treated one after another. `patience`: how long the CRM may be away
    /// before the update is handed back; `None` waits until the bot stops.
    pub fn accept(&self, update: &Update, patience: Option<Duration>) -> oneshot::Receiver<Taken> {
        let inner = &self.inner;
        inner.status.updates.add();
        let (done, is_done) = oneshot::channel();
        if let UpdateKind::PreCheckoutQuery(query) = &update.kind {
            // Beside every queue: the answer has seconds, whatever else this chat or this bot has to do.
            let (inner, query) = (Arc::clone(inner), query.clone());
            self.inner.tracker.spawn(async move {
                inner.answer_pre_checkout(query).await;
                done.send(Taken::Yes).ok();
            });
            return is_done;
        }
        let parsed = parse(update, inner.bot_id, &inner.replica);
        let toast = parsed.callback.map(|query| inner.answer(query));
        match parsed.content {
            Ok(event) => {
                let address = event.address.clone();
                let job = Job {
                    event,
                    until: patience.map(|patience| Instant::now() + patience),
                    done,
                    toast,
                };
                if inner.lanes.push(&address, job) {
                    let inner = Arc::clone(inner);
                    self.inner.tracker.spawn(async move { inner.drain(&address).await });
                }
            }
            Err(why) => {
                inner.status.ignored.add();
                if why == Ignored::Unreadable {
                    warn!(
                        update = update.id.0,
                        "an update of a shape that is new to the bot is skipped"
                    );
                } else {
                    debug!(update = update.id.0, ?why, "ignored");
                }
                done.send(Taken::Yes).ok();
            }
        }
        is_done
    }
}

impl Inner {
    async fn drain(&self, address: &str) {
        while let Some(job) = self.lanes.next(address) {
            if AssertUnwindSafe(self.treat(job)).catch_unwind().await.is_err() {
                error!("treating an event panicked; Telegram will deliver it again");
            }
        }
    }

    async fn treat(&self, job: Job) {
        let taken = match self.post(&job).await {
            Posted::Taken(reply) => {
                self.status.events.add();
                debug!(
                    event = job.event.key,
                    duplicate = reply.duplicate,
                    deliveries = reply.deliveries.len(),
                    "taken"
                );
                if let Some(toast) = job.toast {
                    toast.send(reply.toast).ok();
                }
                self.sender.accept(reply.deliveries, Urgency::Conversation);
                Taken::Yes
            }
            Posted::Dropped => {
                self.status.dropped.add();
                Taken::Yes
            }
            Posted::NotYet => Taken::NotYet,
        };
        job.done.send(taken).ok();
    }

    /// Tries until the CRM has taken or refused the event.
    async fn post(&self, job: &Job) -> Posted {
        let (event, key) = (&job.event, &job.event.key);
        // Somebody waits for an answer, so the longest wait is short.
        let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(4));
        let taken_before = self.crm.events_taken();
        loop {
            if self.stop.is_cancelled() {
                return Posted::NotYet;
            }
            match self.crm.post_event(event).await {
                Ok(reply) => {
                    if backoff.tries() > 0 {
                        info!(event = key, tries = backoff.tries() + 1, "taken at last");
                        self.sender.stop_activity(&event.address);
                    }
                    return Posted::Taken(reply);
                }
                Err(CrmError::Refused { status, code }) => {
                    error!(event = key, status, code, "the CRM refuses this event; it is dropped");
                    return Posted::Dropped;
                }
                Err(CrmError::Failed(why))
                    if backoff.tries() >= MAX_FAILURES && self.crm.events_taken() >= taken_before + OTHERS_TAKEN =>
                {
                    error!(
                        event = key,
                        why, "the CRM fails on this event alone, again and again; it is dropped"
                    );
                    return Posted::Dropped;
                }
                Err(error) => {
                    if backoff.tries().is_multiple_of(10) {
                        warn!(event = key, tries = backoff.tries() + 1, %error, "kept and tried again");
                    }
                }
            }
            if backoff.tries() == 0 {
                // The person sees that they were heard.
                self.sender.show_activity(&event.address, Activity::Typing);
            }
            let wait = backoff.next_wait();
            if job.until.is_some_and(|until| Instant::now() + wait > until) {
                return Posted::NotYet;
            }
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => return Posted::NotYet,
            }
        }
    }

    /// Answers a pressed button exactly once, with the CRM's notice if that comes in time.
    fn answer(self: &Arc<Self>, query: CallbackQueryId) -> oneshot::Sender<Option<String>> {
        let (toast, has_toast) = oneshot::channel();
        let inner = Arc::clone(self);
        self.tracker.spawn(async move {
            let toast: Option<String> = match tokio::time::timeout(TOAST_PATIENCE, has_toast).await {
                Ok(Ok(toast)) => toast,
                _ => None,
            };
            let mut payload = AnswerCallbackQuery::new(query);
            if let Some(text) = toast.filter(|text| !text.is_empty()) {
                payload = payload.text(text.chars().take(MAX_TOAST).collect::<String>());
            }
            let mut result = inner.telegram.call::<_, bool>(&payload).await;
            if matches!(result, Err(TelegramError::NotReachable(_))) {
                tokio::time::sleep(Duration::from_millis(300)).await;
                result = inner.telegram.call(&payload).await;
            }
            match result {
                Ok(_) => inner.status.callbacks.add(),
                // A redelivered or very late one: the client has stopped waiting.
                Err(TelegramError::Refused { code: 400, .. }) => debug!("a button's answer came too late"),
                Err(error) => warn!(%error, "a button couldn't be answered"),
            }
        });
        toast
    }
}

enum Posted {
    Taken(EventReply),
    Dropped,
    NotYet,
}
