//! From deliveries to messages: one after another in a chat, many chats at once, under one rate limit, each fate
//! reported before the next message of that chat goes out.

mod activity;
mod album;
mod ledger;
mod limiter;
mod money;
mod outcome;
mod report;
mod stars;
mod write;

use std::{panic::AssertUnwindSafe, sync::Arc, time::Duration};

use api_types::conversation::{Activity, Delivery, Outcome};
use futures::FutureExt;
use tokio::{
    sync::{Semaphore, oneshot},
    time::Instant,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{debug, error, info, warn};

pub use ledger::HOLD;
pub use limiter::Urgency;

use crate::{crm::Crm, lanes::Lanes, status::Status, telegram::Telegram};
use activity::Activities;
use ledger::Ledger;
use limiter::Limiter;
use report::Reporter;

/// The next message of a chat waits this long for the report of the one before; then the report goes on alone.
const REPORT_PATIENCE: Duration = Duration::from_secs(3);
/// Calls that write into chats, in flight at once.
const MAX_IN_FLIGHT: usize = 64;

#[derive(Debug, Clone)]
pub struct Sender {
    inner: Arc<Inner>,
}

#[derive(Debug)]
struct Inner {
    telegram: Telegram,
    crm: Crm,
    limiter: Limiter,
    in_flight: Semaphore,
    activities: Activities,
    reporter: Reporter,
    ledger: Arc<Ledger>,
    lanes: Lanes<InHand>,
    status: Arc<Status>,
    tracker: TaskTracker,
    /// Once cancelled, nothing new is sent: what waits is given back.
    give_back: CancellationToken,
}

#[derive(Debug)]
struct InHand {
    delivery: Delivery,
    urgency: Urgency,
}

pub struct Parts {
    pub telegram: Telegram,
    pub crm: Crm,
    pub replica: String,
    pub rate_per_second: u32,
    pub status: Arc<Status>,
    pub tracker: TaskTracker,
    pub give_back: CancellationToken,
}

impl Sender {
    pub fn new(parts: Parts) -> Self {
        let ledger = Arc::new(Ledger::default());
        let reporter = Reporter::start(
            parts.crm.clone(),
            parts.replica,
            Arc::clone(&ledger),
            parts.tracker.clone(),
        );
        Self {
            inner: Arc::new(Inner {
                activities: Activities::new(parts.telegram.clone()),
                telegram: parts.telegram,
                crm: parts.crm,
                limiter: Limiter::new(parts.rate_per_second),
                in_flight: Semaphore::new(MAX_IN_FLIGHT),
                reporter,
                ledger,
                lanes: Lanes::default(),
                status: parts.status,
                tracker: parts.tracker,
                give_back: parts.give_back,
            }),
        }
    }

    /// Takes deliveries in their order; those already in hand are skipped. Returns at once.
    pub fn accept(&self, deliveries: Vec<Delivery>, urgency: Urgency) {
        for delivery in deliveries {
            if !self.inner.ledger.take_in(&delivery.id) {
                debug!(delivery = delivery.id, "in hand already");
                continue;
            }
            let address = delivery.address.clone();
            if self.inner.lanes.push(&address, InHand { delivery, urgency }) {
                let inner = Arc::clone(&self.inner);
                self.inner.tracker.spawn(async move { inner.drain(&address).await });
            }
        }
    }

    /// So many bots are at work, this one included: together they keep one rate limit.
    pub fn share_rate(&self, replicas: u32) {
        self.inner.limiter.share(replicas);
    }

    /// Shows that something is going on in this chat.
    pub fn show_activity(&self, address: &str, activity: Activity) {
        if let Ok(chat) = address.parse() {
            self.inner.activities.start(chat, activity);
        }
    }

    pub fn stop_activity(&self, address: &str) {
        if let Ok(chat) = address.parse() {
            self.inner.activities.stop(chat);
        }
    }

    pub fn waiting(&self) -> usize {
        self.inner.ledger.waiting()
    }

    /// Returns when fewer than `limit` deliveries wait to be sent.
    pub async fn below(&self, limit: usize) {
        self.inner.ledger.below(limit).await;
    }
}

impl Inner {
    async fn drain(self: &Arc<Self>, address: &str) {
        while let Some(item) = self.lanes.next(address) {
            let id = item.delivery.id.clone();
            // A bug in treating one message must not silence its chat for good.
            if AssertUnwindSafe(self.treat(address, item))
                .catch_unwind()
                .await
                .is_err()
            {
                error!(delivery = id, "treating a delivery panicked; its lease will end");
                self.ledger.give_back(&id);
            }
        }
    }

    async fn treat(self: &Arc<Self>, address: &str, item: InHand) {
        let InHand { delivery, urgency } = item;
        let Some(until) = self.ledger.held_until(&delivery.id) else {
            return;
        };
        let outcome = if self.give_back.is_cancelled() {
            outcome::retry_after(Duration::ZERO, "the bot is shutting down")
        } else if until < Instant::now() {
            outcome::retry_after(Duration::ZERO, "waited too long for its turn")
        } else {
            self.deliver(&delivery, urgency, until).await
        };
        self.count(&delivery, &outcome);

        // Whatever waits behind a failed message shares its fate: order matters more than speed.
        let behind = match &outcome {
            Outcome::RetryLater { after_ms, .. } => Some(Outcome::RetryLater {
                after_ms: *after_ms,
                reason: "waits behind an earlier message".to_owned(),
            }),
            Outcome::Unreachable { .. } => Some(outcome.clone()),
            Outcome::Sent { .. } | Outcome::StarsListed { .. } | Outcome::Rejected { .. } => None,
        };
        let known = self.finish(delivery.id, outcome);
        if let Some(outcome) = behind {
            for item in self.lanes.take_waiting(address) {
                drop(self.finish(item.delivery.id, outcome.clone()));
            }
        }
        tokio::time::timeout(REPORT_PATIENCE, known).await.ok();
    }

    fn finish(&self, id: String, outcome: Outcome) -> oneshot::Receiver<()> {
        match outcome {
            Outcome::RetryLater { .. } => self.ledger.give_back(&id),
            _ => self.ledger.seal(&id),
        }
        self.reporter.send(id, outcome)
    }

    fn count(&self, delivery: &Delivery, outcome: &Outcome) {
        let (id, attempt) = (&delivery.id, delivery.attempt);
        match outcome {
            Outcome::Sent { .. } => {
                self.status.sent.add();
                debug!(delivery = id, attempt, "sent");
            }
            Outcome::StarsListed { transactions } => {
                debug!(
                    delivery = id,
                    attempt,
                    lines = transactions.len(),
                    "a page of Stars was read"
                );
            }
            Outcome::Unreachable { reason } => {
                self.status.unreachable.add();
                info!(delivery = id, attempt, reason, "the person can't be reached");
            }
            Outcome::Rejected { reason } => {
                self.status.rejected.add();
                error!(delivery = id, attempt, reason, "a delivery can't be shown");
            }
            Outcome::RetryLater { after_ms, reason } => {
                self.status.retried.add();
                warn!(delivery = id, attempt, after_ms, reason, "a delivery is put off");
            }
        }
    }
}
