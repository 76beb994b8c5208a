//! The flood limits of the real server, as far as they are known.

use std::time::Instant;

use super::error::ApiError;

/// "No more than one message per second in one chat; short bursts pass."
const CHAT_BURST: u64 = 20;
const CHAT_PER_SECOND: u64 = 1;
/// "About 30 messages per second over all chats."
const OVERALL_BURST: u64 = 30;
const OVERALL_PER_SECOND: u64 = 30;

/// A token bucket in thousandths of a message, so that it needs no floats.
#[derive(Debug, Clone)]
pub struct Bucket {
    level: u64,
    capacity: u64,
    /// Messages a second, which is also thousandths of a message a millisecond.
    rate: u64,
    filled_at: Instant,
}

impl Bucket {
    fn new(burst: u64, rate: u64, now: Instant) -> Self {
        Self {
            level: burst * 1000,
            capacity: burst * 1000,
            rate,
            filled_at: now,
        }
    }

    pub fn chat(now: Instant) -> Self {
        Self::new(CHAT_BURST, CHAT_PER_SECOND, now)
    }

    pub fn overall(now: Instant) -> Self {
        Self::new(OVERALL_BURST, OVERALL_PER_SECOND, now)
    }

    fn fill(&mut self, now: Instant) {
        let passed = now.saturating_duration_since(self.filled_at).as_millis();
        let passed = u64::try_from(passed).unwrap_or(u64::MAX);
        // A part of a millisecond is not lost: the bucket is only filled when at least one has passed.
        if passed > 0 {
            self.level = self
                .level
                .saturating_add(passed.saturating_mul(self.rate))
                .min(self.capacity);
            self.filled_at = now;
        }
    }

    /// Whole seconds until `messages` would fit, or nothing when they fit now. Takes nothing.
    fn wait_s(&mut self, messages: u64, now: Instant) -> Option<u64> {
        self.fill(now);
        // More than a whole bucket could never pass; it passes when the bucket is full.
        let wanted = (messages * 1000).min(self.capacity);
        let missing = wanted.checked_sub(self.level).filter(|missing| *missing > 0)?;
        Some(missing.div_ceil(self.rate * 1000).max(1))
    }

    fn take(&mut self, messages: u64) {
        self.level = self.level.saturating_sub(messages * 1000);
    }
}

/// Both buckets must have room; a refused message costs nothing in either.
pub fn take(chat: &mut Bucket, overall: &mut Bucket, messages: u64, now: Instant) -> Result<(), ApiError> {
    let waits = [chat.wait_s(messages, now), overall.wait_s(messages, now)];
    if let Some(seconds) = waits.into_iter().flatten().max() {
        return Err(ApiError::too_many_requests(seconds));
    }
    chat.take(messages);
    overall.take(messages);
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn a_burst_passes_then_one_a_second() {
        let start = Instant::now();
        let mut chat = Bucket::chat(start);
        let mut overall = Bucket::overall(start);
        for _ in 0..CHAT_BURST {
            take(&mut chat, &mut overall, 1, start).unwrap();
        }
        let refused = take(&mut chat, &mut overall, 1, start).unwrap_err();
        assert_eq!(refused.retry_after, Some(1));
        let later = start + Duration::from_secs(1);
        take(&mut chat, &mut overall, 1, later).unwrap();
        take(&mut chat, &mut overall, 1, later).unwrap_err();
    }

    #[test]
    fn many_chats_share_the_overall_limit() {
        let start = Instant::now();
        let mut overall = Bucket::overall(start);
        let passed = (0..100)
            .filter(|_| take(&mut Bucket::chat(start), &mut overall, 1, start).is_ok())
            .count();
        assert_eq!(passed, 30);
    }
}
