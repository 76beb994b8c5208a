//! How long to wait before trying again.

/// Exponential growth between bounds, with jitter so that many failures don't return in step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Backoff {
    pub first_ms: u64,
    pub max_ms: u64,
}

impl Backoff {
    /// The wait after `attempt` failures (from 1): doubling from `first_ms` up to `max_ms`, of which the upper half is
    /// scattered by `noise`.
    pub fn delay_ms(self, attempt: u32, noise: u64) -> u64 {
        let doubled = self.first_ms.saturating_mul(1_u64 << attempt.saturating_sub(1).min(32));
        let ceiling = doubled.clamp(1, self.max_ms.max(1));
        let half = ceiling / 2;
        (ceiling - half) + if half == 0 { 0 } else { noise % (half + 1) }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn a_delay_stays_within_its_bounds(first in 1u64..10_000, max in 1u64..10_000_000, attempt in 0u32..100, noise: u64) {
            let delay = Backoff { first_ms: first, max_ms: max }.delay_ms(attempt, noise);
            prop_assert!(delay >= 1 && delay <= max.max(1));
        }
    }

    #[test]
    fn delays_double() {
        let backoff = Backoff {
            first_ms: 1_000,
            max_ms: 60_000,
        };
        assert_eq!(backoff.delay_ms(1, 500), 1_000);
        assert_eq!(backoff.delay_ms(3, 2_000), 4_000);
        assert_eq!(backoff.delay_ms(30, 0), 30_000);
    }
}
