//! Which deliveries are in this process's hands, so that none is sent twice while the CRM can't know better.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::{sync::Notify, time::Instant};

/// How long after a delivery was handed out its sending may begin. With the longest call on top this stays inside the
/// CRM's lease of 20 s; past that, another replica may own the delivery. Counted from its arrival and not from
/// `lease_until`, because that is by the CRM's clock, which need not be ours.
pub const HOLD: Duration = Duration::from_secs(10);
/// Half-sent deliveries to remember.
const MAX_HALF_SENT: usize = 1000;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Stage {
    Waiting {
        until: Instant,
    },
    /// Its fate is sealed and on its way to the CRM: a second lease of it must not send it again.
    Reporting,
}

/// What has already gone out of a delivery of several messages.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HalfSent {
    pub parts: usize,
    pub message_ref: String,
    pub external_file_id: Option<String>,
    /// Of the pictures that were uploaded or were known, in their order.
    pub album_file_ids: Vec<String>,
}

#[derive(Debug, Default)]
struct State {
    stages: HashMap<String, Stage>,
    waiting: usize,
    half_sent: HashMap<String, HalfSent>,
}

#[derive(Debug, Default)]
pub struct Ledger {
    state: Mutex<State>,
    fewer: Notify,
}

impl Ledger {
    /// False if the delivery is here already; a new lease then only prolongs it.
    pub fn take_in(&self, id: &str) -> bool {
        let until = Instant::now() + HOLD;
        let mut state = self.lock();
        if let Some(stage) = state.stages.get_mut(id) {
            if let Stage::Waiting { until: held } = stage {
                *held = until;
            }
            return false;
        }
        state.stages.insert(id.to_owned(), Stage::Waiting { until });
        state.waiting += 1;
        true
    }

    /// Until when this delivery is ours to send.
    pub fn held_until(&self, id: &str) -> Option<Instant> {
        match self.lock().stages.get(id) {
            Some(Stage::Waiting { until }) => Some(*until),
            _ => None,
        }
    }

    /// Sent or refused for good.
    pub fn seal(&self, id: &str) {
        let mut state = self.lock();
        state.half_sent.remove(id);
        if matches!(
            state.stages.insert(id.to_owned(), Stage::Reporting),
            Some(Stage::Waiting { .. })
        ) {
            state.waiting = state.waiting.saturating_sub(1);
            self.fewer.notify_waiters();
        }
    }

    /// The CRM knows its fate.
    pub fn reported(&self, id: &str) {
        let mut state = self.lock();
        if state.stages.get(id) == Some(&Stage::Reporting) {
            state.stages.remove(id);
        }
    }

    /// Not ours any more; whoever leases it next sends it.
    pub fn give_back(&self, id: &str) {
        let mut state = self.lock();
        if matches!(state.stages.remove(id), Some(Stage::Waiting { .. })) {
            state.waiting = state.waiting.saturating_sub(1);
            self.fewer.notify_waiters();
        }
    }

    pub fn half_sent(&self, id: &str) -> HalfSent {
        self.lock().half_sent.get(id).cloned().unwrap_or_default()
    }

    pub fn remember_half_sent(&self, id: &str, half: HalfSent) {
        let mut state = self.lock();
        if state.half_sent.len() >= MAX_HALF_SENT {
            state.half_sent.clear();
        }
        state.half_sent.insert(id.to_owned(), half);
    }

    pub fn waiting(&self) -> usize {
        self.lock().waiting
    }

    /// Returns when fewer than `limit` deliveries wait to be sent.
    pub async fn below(&self, limit: usize) {
        loop {
            let fewer = self.fewer.notified();
            if self.waiting() < limit {
                return;
            }
            fewer.await;
        }
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_delivery_leased_again_is_not_sent_again() {
        let ledger = Ledger::default();
        assert!(ledger.take_in("d"));
        assert!(!ledger.take_in("d"), "still waiting here");
        ledger.seal("d");
        assert!(!ledger.take_in("d"), "sent, but the CRM doesn't know yet");
        assert_eq!(ledger.waiting(), 0);
        ledger.reported("d");
        assert!(ledger.take_in("d"), "the CRM knows and asks anew");
        ledger.give_back("d");
        assert!(ledger.take_in("d"));
        assert_eq!(ledger.waiting(), 1);
    }
}
