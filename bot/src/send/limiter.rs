//! The one rate limit of this process: how fast Telegram lets a bot write.
//!
//! Telegram's FAQ: about one message a second into one chat, short bursts pass; about 30 a second over all chats. A 429
//! says more than any guess of ours, so its pause always holds, even with the limits switched off.

use std::{
    collections::HashMap,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::time::{Instant, sleep_until};

const CHAT_INTERVAL: Duration = Duration::from_secs(1);
/// Messages that one chat may get at once after a quiet time: somebody who taps through a questionnaire must not wait.
/// Telegram doesn't say how long a "short burst" may be; about twenty pass.
const CHAT_BURST: u32 = 16;
/// Two chats flooded within this time mean that the whole bot is too fast.
const GLOBAL_FLOOD_WINDOW: Duration = Duration::from_secs(2);
/// Above this many remembered chats the quiet ones are forgotten.
const MAX_CHATS: usize = 20_000;

/// Who goes first when the overall limit is short.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Urgency {
    /// Somebody has just pressed a button and waits.
    Conversation,
    /// Reminders, digests, campaigns: they leave some room for conversations.
    Queue,
}

/// A bucket that refills steadily (GCRA): `free_at` is when it would be full again.
#[derive(Debug, Clone, Copy)]
struct Bucket {
    free_at: Instant,
}

impl Bucket {
    /// When the next message may go if `burst` may go at once.
    fn opens(self, interval: Duration, burst: u32) -> Instant {
        let ahead = interval * burst.saturating_sub(1);
        self.free_at.checked_sub(ahead).unwrap_or(self.free_at)
    }

    fn take(&mut self, now: Instant, interval: Duration) {
        self.free_at = self.free_at.max(now) + interval;
    }
}

#[derive(Debug)]
struct Chat {
    bucket: Bucket,
    paused_until: Instant,
}

#[derive(Debug)]
struct State {
    chats: HashMap<i64, Chat>,
    all: Bucket,
    paused_until: Instant,
    last_flood: Option<(i64, Instant)>,
    /// Bots that send under the same limit, this one included.
    replicas: u32,
}

#[derive(Debug)]
pub struct Limiter {
    /// `None`: no limits of our own.
    overall: Option<Overall>,
    state: Mutex<State>,
}

#[derive(Debug, Clone, Copy)]
struct Overall {
    interval: Duration,
    burst: u32,
}

impl Limiter {
    /// Units: messages a second; 0 switches the limits off, not the pauses.
    pub fn new(rate_per_second: u32) -> Self {
        let now = Instant::now();
        // Burst and refill together stay within `rate` in any one second.
        let burst = rate_per_second.div_ceil(6);
        let steady = rate_per_second.saturating_sub(burst).max(1);
        Self {
            overall: (rate_per_second > 0).then(|| Overall {
                interval: Duration::from_secs(1) / steady,
                burst,
            }),
            state: Mutex::new(State {
                chats: HashMap::new(),
                all: Bucket { free_at: now },
                paused_until: now,
                last_flood: None,
                replicas: 1,
            }),
        }
    }

    /// Each of `replicas` bots takes its share of the overall rate.
    pub fn share(&self, replicas: u32) {
        self.lock().replicas = replicas.max(1);
    }

    /// Waits for this chat's turn and takes it. Errors: the wait would outlast `deadline`; nothing is taken.
    pub async fn acquire(&self, chat: i64, urgency: Urgency, deadline: Instant) -> Result<(), Instant> {
        self.acquire_many(chat, 1, urgency, deadline).await
    }

    /// The same for a call that counts as `messages` of them, such as an album: it begins as one would, and whatever comes
    /// after it waits until all of them are paid for.
    pub async fn acquire_many(
        &self,
        chat: i64,
        messages: u32,
        urgency: Urgency,
        deadline: Instant,
    ) -> Result<(), Instant> {
        loop {
            let opens = match self.try_take(chat, messages, urgency) {
                Ok(()) => return Ok(()),
                Err(opens) => opens,
            };
            if opens > deadline {
                return Err(opens);
            }
            sleep_until(opens).await;
        }
    }

    /// Telegram answered 429 in this chat.
    pub fn flooded(&self, chat: i64, retry_after: Duration) {
        let now = Instant::now();
        let until = now + retry_after;
        let mut state = self.lock();
        entry(&mut state, chat, now).paused_until = until;
        match state.last_flood {
            Some((other, at)) if other != chat && now.duration_since(at) < GLOBAL_FLOOD_WINDOW => {
                state.paused_until = state.paused_until.max(until);
            }
            _ => {}
        }
        state.last_flood = Some((chat, now));
    }

    fn try_take(&self, chat: i64, messages: u32, urgency: Urgency) -> Result<(), Instant> {
        let now = Instant::now();
        let mut state = self.lock();
        let mut opens = state.paused_until;
        let known = entry(&mut state, chat, now);
        opens = opens.max(known.paused_until);
        if let Some(overall) = self.overall {
            opens = opens.max(known.bucket.opens(CHAT_INTERVAL, CHAT_BURST));
            let room = match urgency {
                Urgency::Conversation => overall.burst,
                Urgency::Queue => overall.burst.div_ceil(2),
            };
            opens = opens.max(
                state
                    .all
                    .opens(overall.interval * state.replicas, room.div_ceil(state.replicas)),
            );
        }
        if opens > now {
            return Err(opens);
        }
        if let Some(overall) = self.overall {
            let interval = overall.interval * state.replicas;
            state.all.take(now, interval * messages);
            entry(&mut state, chat, now).bucket.take(now, CHAT_INTERVAL * messages);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn entry(state: &mut State, chat: i64, now: Instant) -> &mut Chat {
    if state.chats.len() >= MAX_CHATS && !state.chats.contains_key(&chat) {
        state
            .chats
            .retain(|_, chat| chat.bucket.free_at > now || chat.paused_until > now);
    }
    state.chats.entry(chat).or_insert(Chat {
        bucket: Bucket { free_at: now },
        paused_until: now,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn far() -> Instant {
        Instant::now() + Duration::from_secs(3600)
    }

    #[tokio::test(start_paused = true)]
    async fn one_chat_gets_a_burst_and_then_one_a_second() {
        let limiter = Limiter::new(30);
        let start = Instant::now();
        for _ in 0..CHAT_BURST + 6 {
            limiter.acquire(1, Urgency::Conversation, far().await).await.unwrap();
        }
        let took = start.elapsed();
        assert!(
            took >= Duration::from_secs(5) && took < Duration::from_secs(7),
            "{took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn an_album_counts_as_its_pictures() {
        let limiter = Limiter::new(30);
        let start = Instant::now();
        for _ in 0..3 {
            limiter
                .acquire_many(1, 10, Urgency::Conversation, far().await)
                .await
                .unwrap();
        }
        let took = start.elapsed();
        assert!(
            took >= Duration::from_secs(4) && took < Duration::from_secs(7),
            "{took:?}"
        );
        limiter.acquire(1, Urgency::Conversation, far().await).await.unwrap();
        let took = start.elapsed();
        assert!(
            took >= Duration::from_secs(14),
            "thirty pictures are paid for: {took:?}"
        );
    }

    #[tokio::test(start_paused = true)]
    async fn two_replicas_share_the_rate() {
        let alone = Limiter::new(30);
        let shared = Limiter::new(30);
        shared.share(2);
        let time = async |limiter: &Limiter| {
            let start = Instant::now();
            for chat in 0..120 {
                limiter.acquire(chat, Urgency::Queue, far().await).await.unwrap();
            }
            start.elapsed()
        };
        let (alone, shared) = (time(&alone).await, time(&shared).await);
        assert!(shared > alone * 19 / 10, "{alone:?} {shared:?}");
    }

    #[tokio::test(start_paused = true)]
    async fn all_chats_together_stay_under_the_rate() {
        let limiter = Limiter::new(30);
        let mut sent = Vec::new();
        for chat in 0..200 {
            limiter.acquire(chat, Urgency::Queue, far().await).await.unwrap();
            sent.push(Instant::now());
        }
        for (at, first) in sent.iter().enumerate() {
            let within = sent[at..]
                .iter()
                .take_while(|t| t.duration_since(*first) < Duration::from_secs(1))
                .count();
            assert!(within <= 30, "{within} in one second");
        }
        assert!(sent[199].duration_since(sent[0]) < Duration::from_secs(10));
    }

    #[tokio::test(start_paused = true)]
    async fn a_pause_holds_one_chat_and_a_second_flood_holds_all() {
        let limiter = Limiter::new(0);
        let start = Instant::now();
        limiter.flooded(1, Duration::from_secs(10));
        limiter.acquire(2, Urgency::Conversation, far().await).await.unwrap();
        assert_eq!(start.elapsed(), Duration::ZERO, "another chat goes on");
        assert!(
            limiter
                .acquire(1, Urgency::Conversation, start + Duration::from_secs(5))
                .await
                .is_err()
        );
        limiter.flooded(2, Duration::from_secs(3));
        limiter.acquire(3, Urgency::Conversation, far().await).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 3);
        limiter.acquire(1, Urgency::Conversation, far().await).await.unwrap();
        assert_eq!(start.elapsed().as_secs(), 10);
    }

    #[tokio::test(start_paused = true)]
    async fn zero_means_no_limit() {
        let limiter = Limiter::new(0);
        let start = Instant::now();
        for _ in 0..1000 {
            limiter.acquire(1, Urgency::Conversation, far().await).await.unwrap();
        }
        assert_eq!(start.elapsed(), Duration::ZERO);
    }
}
