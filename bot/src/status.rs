//! What the bot counts and whether it can serve.

use std::{
    fmt::Write as _,
    sync::atomic::{AtomicBool, AtomicU64, Ordering},
};

#[derive(Debug, Default)]
pub struct Counter(AtomicU64);

impl Counter {
    pub fn add(&self) {
        self.0.fetch_add(1, Ordering::Relaxed);
    }

    pub fn get(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }
}

#[derive(Debug, Default)]
pub struct Status {
    pub updates: Counter,
    pub ignored: Counter,
    pub events: Counter,
    pub dropped: Counter,
    pub callbacks: Counter,
    pub sent: Counter,
    pub unreachable: Counter,
    pub rejected: Counter,
    pub retried: Counter,
    pub floods: Counter,
    telegram_knows_us: AtomicBool,
}

impl Status {
    /// `getMe` succeeded: address and token are right.
    pub fn telegram_knows_us(&self) -> bool {
        self.telegram_knows_us.load(Ordering::Relaxed)
    }

    pub fn set_telegram_knows_us(&self) {
        self.telegram_knows_us.store(true, Ordering::Relaxed);
    }

    /// Prometheus text format.
    pub fn metrics(&self, waiting: usize) -> String {
        let counters = [
            ("bot_updates_total", "Updates taken from Telegram.", &self.updates),
            (
                "bot_updates_ignored_total",
                "Updates that are nobody's business.",
                &self.ignored,
            ),
            ("bot_events_total", "Events the CRM API took.", &self.events),
            (
                "bot_events_dropped_total",
                "Events the CRM API refused for good.",
                &self.dropped,
            ),
            (
                "bot_callbacks_answered_total",
                "Pressed buttons answered.",
                &self.callbacks,
            ),
            (
                "bot_deliveries_sent_total",
                "Deliveries sent or changed in place.",
                &self.sent,
            ),
            (
                "bot_deliveries_unreachable_total",
                "Deliveries to people who can't be reached.",
                &self.unreachable,
            ),
            (
                "bot_deliveries_rejected_total",
                "Deliveries that can't be shown.",
                &self.rejected,
            ),
            ("bot_deliveries_retried_total", "Deliveries put off.", &self.retried),
            ("bot_telegram_floods_total", "Answers 429 of Telegram.", &self.floods),
        ];
        let mut text = String::new();
        for (name, help, counter) in counters {
            let value = counter.get();
            // Writing into a String can't fail.
            write!(text, "# HELP {name} {help}\n# TYPE {name} counter\n{name} {value}\n").ok();
        }
        let name = "bot_deliveries_waiting";
        write!(
            text,
            "# HELP {name} Deliveries in hand, not yet sent.\n# TYPE {name} gauge\n{name} {waiting}\n"
        )
        .ok();
        text
    }
}
