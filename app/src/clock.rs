//! The only room that reads the clock and the random source.

use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::Id;
use domain::time::Timestamp;
use serde::Deserialize;
use tokio::sync::Notify;
use url::Url;

/// How long one question to a followed clock may hang.
const FOLLOW_TIMEOUT_S: u64 = 25;
/// A start does not wait longer for a followed clock.
const FIRST_READING: Duration = Duration::from_secs(2);

/// Tells the time. The system's clock, a clock moved by hand in tests, or one that follows a sandbox's.
///
/// It has two hands. [`Clock::now`] is the product's time: what happened when, what is due when. [`Clock::process_now`] is
/// the machine's, for what concerns processes: leases and who is alive. A sandbox's clock moves the first alone, so that
/// stopping it stops no work; a test moves both.
#[derive(Debug, Clone, Default)]
pub struct Clock(Arc<State>);

#[derive(Debug, Default)]
struct State {
    /// Added to the system's clock.
    offset_ms: AtomicI64,
    is_frozen: AtomicBool,
    frozen_at_ms: AtomicI64,
    /// A test's clock: the machine's time stands with the product's.
    is_by_hand: AtomicBool,
    /// What a test added to the machine's time.
    by_hand_ms: AtomicI64,
    /// The millisecond of the last id and its random part: ids of one process keep the order they were made in, also
    /// within a millisecond, so that lists sorted by id tell things as they happened.
    last_id: Mutex<(u64, u128)>,
    /// Told when the clock jumps, so that whoever sleeps until an instant looks again.
    moved: Notify,
}

/// What a followed clock answers.
#[derive(Debug, Deserialize)]
struct Reading {
    now_ms: i64,
    offset_ms: i64,
    frozen: bool,
    version: u64,
}

impl Clock {
    pub fn system() -> Self {
        Self::default()
    }

    /// A clock that stands at `now` until it is moved.
    pub fn frozen_at(now: Timestamp) -> Self {
        let clock = Self::default();
        clock.0.frozen_at_ms.store(now.millis(), Ordering::SeqCst);
        clock.0.is_frozen.store(true, Ordering::SeqCst);
        clock.0.is_by_hand.store(true, Ordering::SeqCst);
        clock
    }

    pub fn now(&self) -> Timestamp {
        if self.0.is_frozen.load(Ordering::SeqCst) {
            return Timestamp::from_millis(self.0.frozen_at_ms.load(Ordering::SeqCst));
        }
        Timestamp::from_millis(system_millis().saturating_add(self.0.offset_ms.load(Ordering::SeqCst)))
    }

    /// The machine's time.
    pub fn process_now(&self) -> Timestamp {
        if self.0.is_by_hand.load(Ordering::SeqCst) {
            return Timestamp::from_millis(self.0.frozen_at_ms.load(Ordering::SeqCst));
        }
        Timestamp::from_millis(system_millis().saturating_add(self.0.by_hand_ms.load(Ordering::SeqCst)))
    }

    /// Moves the clock by hand, both of its hands; negative moves it back.
    pub fn advance_ms(&self, millis: i64) {
        self.0.by_hand_ms.fetch_add(millis, Ordering::SeqCst);
        self.0.offset_ms.fetch_add(millis, Ordering::SeqCst);
        self.0.frozen_at_ms.fetch_add(millis, Ordering::SeqCst);
        self.0.moved.notify_waiters();
    }

    /// Resolves when the clock has jumped.
    pub async fn moved(&self) {
        self.0.moved.notified().await;
    }

    /// Takes one reading of the clock at `url`, so that nothing is written at the wrong time before [`Clock::follow`] has
    /// its first. Returns whether it answered.
    pub async fn read_once(&self, url: &Url, http: &reqwest::Client) -> bool {
        let answer = http.get(url.clone()).timeout(FIRST_READING).send().await;
        let Ok(response) = answer else { return false };
        match response.json::<Reading>().await {
            Ok(reading) => {
                self.adopt(&reading);
                true
            }
            Err(_) => false,
        }
    }

    fn adopt(&self, reading: &Reading) {
        self.0.offset_ms.store(reading.offset_ms, Ordering::SeqCst);
        self.0.frozen_at_ms.store(reading.now_ms, Ordering::SeqCst);
        self.0.is_frozen.store(reading.frozen, Ordering::SeqCst);
    }

    /// Follows the clock at `url` for as long as the returned future is polled. While it can't be asked, time goes on
    /// as it last did.
    pub async fn follow(self, url: Url, http: reqwest::Client) {
        let mut version = 0_u64;
        loop {
            let mut address = url.clone();
            address
                .query_pairs_mut()
                .append_pair("after", &version.to_string())
                .append_pair("timeout_s", &FOLLOW_TIMEOUT_S.to_string());
            let answer = http
                .get(address)
                .timeout(Duration::from_secs(FOLLOW_TIMEOUT_S + 10))
                .send()
                .await;
            let reading = match answer {
                Ok(response) => response.json::<Reading>().await,
                Err(error) => Err(error),
            };
            match reading {
                Ok(reading) => {
                    let is_new = reading.version != version;
                    version = reading.version;
                    self.adopt(&reading);
                    if is_new {
                        self.0.moved.notify_waiters();
                    }
                }
                Err(error) => {
                    tracing::debug!(error = %error.without_url(), "the followed clock does not answer");
                    tokio::time::sleep(Duration::from_secs(2)).await;
                }
            }
        }
    }

    /// A fresh id at this clock's time.
    pub fn new_id<T: Id>(&self) -> T {
        let millis = u64::try_from(self.now().millis()).unwrap_or_default();
        let mut last = self.0.last_id.lock().unwrap_or_else(PoisonError::into_inner);
        let random = if last.0 == millis {
            last.1.wrapping_add(1)
        } else {
            let [a, b, c, d, e, f, g, h, i, j] = random_bytes::<10>();
            let wide = [0, 0, 0, 0, 0, 0, a, b, c, d, e, f, g, h, i, j];
            // The highest bit stays free, so that counting up within a millisecond can't overflow.
            u128::from_be_bytes(wide) >> 1
        };
        *last = (millis, random);
        let [_, _, _, _, _, _, tail @ ..] = random.to_be_bytes();
        T::from_parts(millis, tail)
    }
}

#[expect(
    clippy::disallowed_methods,
    reason = "this is the room that may read the system's clock"
)]
fn system_millis() -> i64 {
    chrono::Utc::now().timestamp_millis()
}

/// Bytes from the system's random source.
pub fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0_u8; N];
    if let Err(error) = getrandom::fill(&mut bytes) {
        // Without randomness ids and tokens would collide or be guessable: nothing may go on.
        tracing::error!(%error, "the system has no random numbers");
        std::process::abort();
    }
    bytes
}

#[cfg(test)]
mod tests {
    use domain::ids::ClientId;

    use super::*;

    #[test]
    fn a_followed_clock_that_stands_still_stops_no_process() {
        let clock = Clock::system();
        let day_ms = 24 * 60 * 60_000;
        clock.adopt(&Reading {
            now_ms: 1_000,
            offset_ms: day_ms,
            frozen: true,
            version: 1,
        });
        assert_eq!(clock.now(), Timestamp::from_millis(1_000));
        let before = clock.process_now();
        assert!(
            before.millis() > 1_700_000_000_000,
            "{before:?} is not the machine's time"
        );
        clock.advance_ms(60_000);
        assert!(
            clock.process_now().millis() >= before.millis() + 60_000,
            "a test moves it"
        );
        let by_hand = Clock::frozen_at(Timestamp::from_millis(5));
        by_hand.advance_ms(7);
        assert_eq!(
            (by_hand.now(), by_hand.process_now()),
            (Timestamp::from_millis(12), Timestamp::from_millis(12))
        );
    }

    #[test]
    fn ids_made_within_a_millisecond_keep_their_order() {
        let clock = Clock::frozen_at(Timestamp::from_millis(1_795_000_000_000));
        let made: Vec<ClientId> = (0..1_000).map(|_| clock.new_id()).collect();
        assert!(made.is_sorted() && made.windows(2).all(|pair| pair[0] != pair[1]));
    }
}
