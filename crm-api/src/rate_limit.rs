//! How many requests one principal or address may make.

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use crate::problem::{ApiError, ApiResult};

/// Generous for a person with a panel open, tight for a script that guesses.
pub const DEFAULT_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(600) {
    Some(limit) => limit,
    None => NonZeroU32::MIN,
};
/// Idle keys are swept after so many checks, so that memory follows who is active.
const SWEEP_EVERY: u32 = 4096;

/// Who is counted.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(crate) enum Counted {
    Principal(String),
    Address(IpAddr),
}

pub(crate) struct RateLimit {
    limiter: DefaultKeyedRateLimiter<Counted>,
    clock: DefaultClock,
    checks: AtomicU32,
}

impl RateLimit {
    pub(crate) fn per_minute(limit: NonZeroU32) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::per_minute(limit)),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
        }
    }

    /// One request each `period`.
    pub(crate) fn one_each(period: Duration) -> Self {
        Self {
            limiter: RateLimiter::keyed(Quota::with_period(period).unwrap_or(Quota::per_second(NonZeroU32::MIN))),
            clock: DefaultClock::default(),
            checks: AtomicU32::new(0),
        }
    }

    /// Errors: 429 with the time after which one more request fits.
    pub(crate) fn check(&self, who: &Counted) -> ApiResult<()> {
        if self.checks.fetch_add(1, Ordering::Relaxed) % SWEEP_EVERY == SWEEP_EVERY - 1 {
            self.limiter.retain_recent();
        }
        self.limiter.check_key(who).map_err(|not_until| {
            let wait = not_until.wait_time_from(self.clock.now());
            ApiError::rate_limited(wait.as_secs() + 1)
        })
    }
}
