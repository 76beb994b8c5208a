//! Notifications: each one on its way to the product, with its attempts, on the bank's own schedule and the sandbox's clock.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::json;
use tokio::{sync::watch, task::JoinSet};

use super::{Bank, tell};
use crate::world::{Sandbox, Shared, World};

/// Finished notifications beyond this many are forgotten, oldest first.
const KEPT_NOTIFICATIONS: usize = 5_000;
/// T-Bank waits this long for its `OK`; for YooKassa nothing is published.
const ANSWER_DEADLINE: Duration = Duration::from_secs(10);
const MAX_IN_FLIGHT: usize = 64;
/// How much of an answer is kept for the page.
const KEPT_ANSWER: usize = 300;
/// The clock is looked at again at least so often.
const LONGEST_SLEEP: Duration = Duration::from_secs(3600);

const SECOND_MS: i64 = 1_000;
const HOUR_MS: i64 = 3_600 * SECOND_MS;
const DAY_MS: i64 = 24 * HOUR_MS;
/// An older official note's pauses; the current page promises only "24 hours", so nothing goes out later than that.
const YOOKASSA_PAUSES_S: [i64; 7] = [10, 42, 84, 168, 672, 5_376, 86_016];
const TBANK_HOURLY: usize = 24;
const TBANK_DAILY: usize = 30;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Fate {
    /// Goes out when its time comes.
    Waiting,
    InFlight,
    Delivered,
    /// The last try of the schedule has failed.
    GivenUp,
    /// A switch lost it.
    Lost,
    /// The account has no address for notifications.
    NoAddress,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Attempt {
    pub at_ms: i64,
    /// `None` when there was no answer.
    pub status: Option<u16>,
    /// The beginning of the answer, or why there was none.
    pub answer: String,
    pub took_ms: u64,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Notification {
    pub id: u64,
    pub bank: Bank,
    /// `payment.succeeded` and the like; at T-Bank the status.
    pub event: String,
    pub payment_id: String,
    pub url: Option<String>,
    /// What stands in `X-Forwarded-For`: the address a proxy in front of the product would have seen.
    pub sender: String,
    /// A header beside the usual ones, for forgeries.
    pub extra_header: Option<(String, String)>,
    pub body: String,
    /// What is wrong with it, when it is a forgery.
    pub forged: Option<String>,
    pub made_at_ms: i64,
    pub due_at_ms: i64,
    pub fate: Fate,
    pub attempts: Vec<Attempt>,
    /// Waits for a later one to be tried first.
    pub held: bool,
}

/// A notification as the bank writes it, before the switches and the post.
#[derive(Debug, Clone)]
pub struct Letter {
    pub bank: Bank,
    pub event: String,
    pub payment_id: String,
    pub url: Option<String>,
    pub body: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct Post {
    all: BTreeMap<u64, Notification>,
    due: BTreeSet<(i64, u64)>,
    last_id: u64,
    #[serde(skip)]
    changed: watch::Sender<u64>,
}

impl Default for Post {
    fn default() -> Self {
        Self {
            all: BTreeMap::new(),
            due: BTreeSet::new(),
            last_id: 0,
            changed: watch::Sender::new(0),
        }
    }
}

impl Post {
    pub fn reset(&mut self) {
        self.all.clear();
        self.due.clear();
        self.wake();
    }

    /// What was on its way when the sandbox stopped sets out again.
    pub fn recover(&mut self) {
        for notification in self.all.values_mut() {
            if notification.fate == Fate::InFlight {
                notification.fate = Fate::Waiting;
                self.due.insert((notification.due_at_ms, notification.id));
            }
        }
    }

    pub fn wake(&self) {
        self.changed.send_modify(|version| *version += 1);
    }

    pub fn changes(&self) -> watch::Receiver<u64> {
        self.changed.subscribe()
    }

    pub fn next_due_ms(&self) -> Option<i64> {
        self.due.first().map(|(at_ms, _)| *at_ms)
    }

    pub fn get(&self, id: u64) -> Option<&Notification> {
        self.all.get(&id)
    }

    /// Oldest first.
    pub fn all(&self) -> impl DoubleEndedIterator<Item = &Notification> {
        self.all.values()
    }

    /// Whether nothing is under way or due by `now_ms`.
    pub fn is_quiet(&self, now_ms: i64) -> bool {
        self.next_due_ms().is_none_or(|due_ms| due_ms > now_ms)
            && self.all.values().rev().all(|one| one.fate != Fate::InFlight)
    }

    /// Whether each notification about `payment_id` that is meant to go out now has been tried.
    fn has_been_tried(&self, bank: Bank, payment_id: &str, now_ms: i64) -> bool {
        self.all
            .values()
            .rev()
            .filter(|one| one.bank == bank && one.payment_id == payment_id && one.attempts.is_empty())
            .all(|one| match one.fate {
                Fate::InFlight => false,
                Fate::Waiting => one.due_at_ms > now_ms,
                _ => true,
            })
    }

    fn add(&mut self, mut notification: Notification) -> u64 {
        self.last_id += 1;
        notification.id = self.last_id;
        if notification.fate == Fate::Waiting {
            self.due.insert((notification.due_at_ms, notification.id));
        }
        self.all.insert(notification.id, notification);
        if self.all.len() > KEPT_NOTIFICATIONS {
            let finished = self
                .all
                .values()
                .find(|one| !matches!(one.fate, Fate::Waiting | Fate::InFlight))
                .map(|one| one.id);
            if let Some(id) = finished {
                self.all.remove(&id);
            }
        }
        self.wake();
        self.last_id
    }

    /// Sends one once more, whatever became of it.
    pub fn repeat(&mut self, id: u64, now_ms: i64) -> Option<u64> {
        let original = self.all.get(&id)?;
        let again = Notification {
            made_at_ms: now_ms,
            due_at_ms: now_ms,
            fate: if original.url.is_some() {
                Fate::Waiting
            } else {
                Fate::NoAddress
            },
            attempts: Vec::new(),
            held: false,
            ..original.clone()
        };
        Some(self.add(again))
    }

    fn claim(&mut self, now_ms: i64, room: usize) -> Vec<Notification> {
        let mut claimed = Vec::new();
        while claimed.len() < room {
            let Some((due_ms, id)) = self.due.first().copied().filter(|(due_ms, _)| *due_ms <= now_ms) else {
                break;
            };
            self.due.remove(&(due_ms, id));
            if let Some(notification) = self.all.get_mut(&id) {
                notification.fate = Fate::InFlight;
                notification.held = false;
                claimed.push(notification.clone());
            }
        }
        claimed
    }

    /// Those that waited for another one to go first may go now.
    fn release(&mut self, bank: Bank, now_ms: i64) {
        let held = self.all.values_mut().filter(|one| one.held && one.bank == bank);
        for notification in held {
            notification.held = false;
            self.due.remove(&(notification.due_at_ms, notification.id));
            notification.due_at_ms = now_ms;
            self.due.insert((now_ms, notification.id));
        }
    }

    fn settle(&mut self, id: u64, attempt: Attempt, accepted: bool, now_ms: i64) {
        let Some(notification) = self.all.get_mut(&id) else {
            return;
        };
        notification.attempts.push(attempt);
        let bank = notification.bank;
        if accepted {
            notification.fate = Fate::Delivered;
        } else if let Some(next_ms) = next_try_ms(bank, notification.made_at_ms, notification.attempts.len(), now_ms)
            && notification.forged.is_none()
        {
            notification.fate = Fate::Waiting;
            notification.due_at_ms = next_ms;
            self.due.insert((next_ms, id));
        } else {
            notification.fate = Fate::GivenUp;
        }
        self.release(bank, now_ms);
        self.wake();
    }
}

/// When a notification that has failed `failures` times goes out again; `None` when the bank gives up.
fn next_try_ms(bank: Bank, made_at_ms: i64, failures: usize, now_ms: i64) -> Option<i64> {
    match bank {
        Bank::YooKassa => {
            let last_ms = made_at_ms.saturating_add(DAY_MS);
            let pause_s = YOOKASSA_PAUSES_S.get(failures.checked_sub(1)?)?;
            (now_ms < last_ms).then(|| now_ms.saturating_add(pause_s * SECOND_MS).min(last_ms))
        }
        Bank::TBank if failures <= TBANK_HOURLY => Some(now_ms.saturating_add(HOUR_MS)),
        Bank::TBank if failures <= TBANK_HOURLY + TBANK_DAILY => Some(now_ms.saturating_add(DAY_MS)),
        Bank::TBank => None,
    }
}

/// Puts a true notification into the post, past the switches.
pub fn announce(world: &mut World, letter: &Letter) {
    let now_ms = world.clock.now_ms();
    let (lost, doubled, held, late, hold_ms, delay_ms) = {
        let faults = world.faults.bank(letter.bank);
        (
            faults.fires(|all| &mut all.lose),
            faults.fires(|all| &mut all.duplicate),
            faults.fires(|all| &mut all.reorder),
            faults.fires(|all| &mut all.delay),
            faults.hold_ms,
            faults.delay_ms,
        )
    };
    let mut due_at_ms = now_ms;
    if held {
        due_at_ms = due_at_ms.saturating_add(hold_ms);
    }
    if late {
        due_at_ms = due_at_ms.saturating_add(delay_ms);
    }
    let notification = Notification {
        id: 0,
        bank: letter.bank,
        event: letter.event.clone(),
        payment_id: letter.payment_id.clone(),
        url: letter.url.clone(),
        sender: letter.bank.sender().to_owned(),
        extra_header: None,
        body: letter.body.clone(),
        forged: None,
        made_at_ms: now_ms,
        due_at_ms,
        fate: match (&letter.url, lost) {
            (None, _) => Fate::NoAddress,
            (_, true) => Fate::Lost,
            _ => Fate::Waiting,
        },
        attempts: Vec::new(),
        held: held && !late,
    };
    if doubled && !lost {
        world.banks.post.add(notification.clone());
    }
    let id = world.banks.post.add(notification);
    tell(world, letter.bank, "notification", &id.to_string());
}

/// Puts a forgery into the post. It is sent once: whoever forges doesn't wait a day for an answer.
pub fn forge(
    world: &mut World,
    letter: &Letter,
    what: &str,
    sender: &str,
    extra_header: Option<(String, String)>,
) -> u64 {
    let now_ms = world.clock.now_ms();
    let id = world.banks.post.add(Notification {
        id: 0,
        bank: letter.bank,
        event: letter.event.clone(),
        payment_id: letter.payment_id.clone(),
        url: letter.url.clone(),
        sender: sender.to_owned(),
        extra_header,
        body: letter.body.clone(),
        forged: Some(what.to_owned()),
        made_at_ms: now_ms,
        due_at_ms: now_ms,
        fate: if letter.url.is_some() {
            Fate::Waiting
        } else {
            Fate::NoAddress
        },
        attempts: Vec::new(),
        held: false,
    });
    tell(world, letter.bank, "notification", &id.to_string());
    id
}

/// YooKassa wants status 200 and reads nothing else; T-Bank wants the two letters.
fn is_accepted(bank: Bank, status: u16, answer: &str) -> bool {
    match bank {
        Bank::YooKassa => status == 200,
        Bank::TBank => status == 200 && answer == "OK",
    }
}

async fn post(http: &reqwest::Client, notification: &Notification) -> Result<(u16, String), String> {
    let Some(url) = &notification.url else {
        return Err("no address".to_owned());
    };
    let mut request = http
        .post(url)
        .timeout(ANSWER_DEADLINE)
        .header("content-type", "application/json")
        .header("x-forwarded-for", &notification.sender)
        .body(notification.body.clone());
    if let Some((name, value)) = &notification.extra_header {
        request = request.header(name, value);
    }
    let told = |error: &reqwest::Error| {
        if error.is_timeout() {
            "no answer in time".to_owned()
        } else if error.is_connect() {
            "connection refused".to_owned()
        } else {
            error.to_string()
        }
    };
    let answer = request.send().await.map_err(|error| told(&error))?;
    let status = answer.status().as_u16();
    let text = answer.text().await.map_err(|error| told(&error))?;
    Ok((status, text))
}

async fn deliver(sandbox: Shared, notification: Notification) {
    let began = Instant::now();
    let outcome = post(&sandbox.http, &notification).await;
    let mut world = sandbox.world();
    let now_ms = world.clock.now_ms();
    let took_ms = u64::try_from(began.elapsed().as_millis()).unwrap_or(u64::MAX);
    let (accepted, status, answer) = match outcome {
        Ok((status, text)) => (is_accepted(notification.bank, status, &text), Some(status), text),
        Err(why) => (false, None, why),
    };
    let attempt = Attempt {
        at_ms: now_ms,
        status,
        answer: answer.chars().take(KEPT_ANSWER).collect(),
        took_ms,
    };
    world.banks.post.settle(notification.id, attempt, accepted, now_ms);
    tell(
        &mut world,
        notification.bank,
        "notification",
        &notification.id.to_string(),
    );
}

/// Runs until the sandbox stops: lets deadlines pass and carries the post.
pub async fn run(sandbox: Shared) {
    let (mut post_changes, mut clock_changes) = {
        let world = sandbox.world();
        (world.banks.post.changes(), world.clock.changes())
    };
    let mut under_way = JoinSet::new();
    loop {
        post_changes.borrow_and_update();
        clock_changes.borrow_and_update();
        let (claimed, pause) = {
            let mut world = sandbox.world();
            super::tick(&mut world);
            let now_ms = world.clock.now_ms();
            let room = MAX_IN_FLIGHT.saturating_sub(under_way.len());
            let claimed = world.banks.post.claim(now_ms, room);
            (claimed, sleep_until_next(&world, now_ms, under_way.len()))
        };
        for notification in claimed {
            under_way.spawn(deliver(Shared::clone(&sandbox), notification));
        }
        tokio::select! {
            Ok(()) = post_changes.changed() => {}
            Ok(()) = clock_changes.changed() => {}
            Some(_) = under_way.join_next(), if !under_way.is_empty() => {}
            () = tokio::time::sleep(pause) => {}
            () = sandbox.stop.cancelled() => return,
        }
    }
}

/// While the clock stands still nothing becomes due by itself.
fn sleep_until_next(world: &World, now_ms: i64, under_way: usize) -> Duration {
    if world.clock.state().frozen || under_way >= MAX_IN_FLIGHT {
        return LONGEST_SLEEP;
    }
    world.banks.next_deadline_ms().map_or(LONGEST_SLEEP, |at_ms| {
        let left = u64::try_from(at_ms.saturating_sub(now_ms)).unwrap_or(0);
        Duration::from_millis(left.max(1)).min(LONGEST_SLEEP)
    })
}

/// Waits until what is to be said about a payment has been said once, as T-Bank's form does before it sends the payer back.
pub async fn wait_for_first_tries(sandbox: &Sandbox, bank: Bank, payment_id: &str) {
    let mut changes = sandbox.world().banks.post.changes();
    let tried = async {
        loop {
            changes.borrow_and_update();
            {
                let world = sandbox.world();
                let now_ms = world.clock.now_ms();
                if world.banks.post.has_been_tried(bank, payment_id, now_ms) {
                    return;
                }
            }
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    if tokio::time::timeout(ANSWER_DEADLINE, tried).await.is_err() {
        tracing::debug!(
            payment_id,
            "the product is slow to take a notification; the payer goes back without it"
        );
    }
}

/// As the pages and the driver see it.
pub fn to_page(notification: &Notification) -> serde_json::Value {
    let body = serde_json::from_str(&notification.body).unwrap_or_else(|_| json!(notification.body));
    let mut page = json!(notification);
    if let Some(fields) = page.as_object_mut() {
        fields.insert("body".into(), body);
    }
    page
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tries(bank: Bank, failures: usize) -> Vec<i64> {
        let mut now_ms = 0;
        let mut moments = Vec::new();
        for failed in 1..=failures {
            match next_try_ms(bank, 0, failed, now_ms) {
                Some(at_ms) => {
                    now_ms = at_ms;
                    moments.push(at_ms / SECOND_MS);
                }
                None => break,
            }
        }
        moments
    }

    #[test]
    fn yookassa_tries_for_a_day() {
        assert_eq!(tries(Bank::YooKassa, 20), [10, 52, 136, 304, 976, 6_352, 86_400]);
    }

    #[test]
    fn tbank_tries_hourly_for_a_day_and_daily_for_a_month() {
        let moments = tries(Bank::TBank, 100);
        assert_eq!(moments.len(), 54);
        assert_eq!(moments[..2], [3_600, 7_200]);
        assert_eq!(moments[23], 86_400);
        assert_eq!(moments[24], 2 * 86_400);
        assert_eq!(moments[53], 31 * 86_400);
    }
}
