//! The clock of the sandboxed world: real time by default, and movable for tests and demos.

use std::time::{SystemTime, UNIX_EPOCH};

use serde::{Deserialize, Serialize};
use tokio::sync::watch;

/// Milliseconds since the Unix epoch by the machine's own clock.
#[expect(clippy::disallowed_methods, reason = "the movable clock is made of this one")]
pub fn real_ms() -> i64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .ok()
        .and_then(|since| i64::try_from(since.as_millis()).ok())
        .unwrap_or_default()
}

/// Sandbox time = real time + offset, or one fixed instant while frozen.
#[derive(Debug, Default)]
pub struct Clock {
    offset_ms: i64,
    frozen_at_ms: Option<i64>,
    version: watch::Sender<u64>,
}

/// What `GET /sandbox/clock` answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockState {
    pub now_ms: i64,
    pub real_ms: i64,
    pub offset_ms: i64,
    pub frozen: bool,
    pub version: u64,
}

/// What `POST /sandbox/clock` asks for.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum ClockAction {
    Freeze,
    Resume,
    Advance { ms: i64 },
    Set { now_ms: i64 },
    Reset,
}

impl Clock {
    pub fn now_ms(&self) -> i64 {
        self.frozen_at_ms
            .unwrap_or_else(|| real_ms().saturating_add(self.offset_ms))
    }

    pub fn state(&self) -> ClockState {
        let real = real_ms();
        let now = self.frozen_at_ms.unwrap_or_else(|| real.saturating_add(self.offset_ms));
        ClockState {
            now_ms: now,
            real_ms: real,
            offset_ms: now.saturating_sub(real),
            frozen: self.frozen_at_ms.is_some(),
            version: *self.version.borrow(),
        }
    }

    /// Wakes when the version changes; the clock itself ticking is not a change.
    pub fn changes(&self) -> watch::Receiver<u64> {
        self.version.subscribe()
    }

    pub fn apply(&mut self, action: &ClockAction) {
        let now = self.now_ms();
        match action {
            ClockAction::Freeze => self.frozen_at_ms = Some(now),
            // Going on from where the hands stood keeps time monotonic for those who watch it.
            ClockAction::Resume => {
                if let Some(stood_at) = self.frozen_at_ms.take() {
                    self.offset_ms = stood_at.saturating_sub(real_ms());
                }
            }
            ClockAction::Advance { ms } => self.move_to(now.saturating_add(*ms)),
            ClockAction::Set { now_ms } => self.move_to(*now_ms),
            ClockAction::Reset => {
                self.offset_ms = 0;
                self.frozen_at_ms = None;
            }
        }
        self.version.send_modify(|version| *version += 1);
    }

    fn move_to(&mut self, now_ms: i64) {
        if self.frozen_at_ms.is_some() {
            self.frozen_at_ms = Some(now_ms);
        } else {
            self.offset_ms = now_ms.saturating_sub(real_ms());
        }
    }
}
