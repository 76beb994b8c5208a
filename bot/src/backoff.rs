//! Waiting before another try: longer each time, never the same for two, so that a herd doesn't come back at once.

use std::{
    hash::{BuildHasher, RandomState},
    time::Duration,
};

/// Doubles from `first` to `most`; each wait is between half and the whole of that.
#[derive(Debug, Clone)]
pub struct Backoff {
    first: Duration,
    most: Duration,
    tries: u32,
}

impl Backoff {
    pub const fn new(first: Duration, most: Duration) -> Self {
        Self { first, most, tries: 0 }
    }

    /// Starts at the wait that follows `tries` failures.
    pub const fn after(first: Duration, most: Duration, tries: u32) -> Self {
        Self { first, most, tries }
    }

    pub const fn tries(&self) -> u32 {
        self.tries
    }

    pub fn reset(&mut self) {
        self.tries = 0;
    }

    pub fn next_wait(&mut self) -> Duration {
        let full = self
            .first
            .saturating_mul(2u32.saturating_pow(self.tries.min(20)))
            .min(self.most);
        self.tries = self.tries.saturating_add(1);
        full.mul_f64(0.5 + 0.5 * fraction())
    }
}

/// A number from 0 to 1; good for jitter, for nothing secret.
fn fraction() -> f64 {
    let random = RandomState::new().hash_one(0u8);
    f64::from((random >> 32) as u32) / f64::from(u32::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn grows_to_its_bound_and_starts_over() {
        let mut backoff = Backoff::new(Duration::from_millis(100), Duration::from_secs(1));
        for full in [100, 200, 400, 800, 1000, 1000] {
            let wait = backoff.next_wait();
            assert!(
                wait >= Duration::from_millis(full / 2) && wait <= Duration::from_millis(full),
                "{wait:?}"
            );
        }
        backoff.reset();
        assert!(backoff.next_wait() <= Duration::from_millis(100));
    }
}
