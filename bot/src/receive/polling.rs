//! Long polling that confirms an update only after the CRM has taken it: a crash in between makes Telegram deliver it
//! again, and the CRM's key makes that harmless.

use std::{collections::BTreeMap, time::Duration};

use futures::{StreamExt, stream::FuturesUnordered};
use serde::Deserialize;
use serde_json::value::RawValue;
use teloxide::{
    payloads::{DeleteWebhook, GetUpdates},
    types::Update,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tracing::{debug, error, info, warn};

use super::{ALLOWED_UPDATES, Intake, Taken};
use crate::{
    backoff::Backoff,
    telegram::{Telegram, TelegramError},
};

/// Telegram caps the wait at 50 s; shorter ones survive more proxies.
const POLL_SECONDS: u32 = 30;
const BATCH: u8 = 100;
/// While some updates are still being posted, new ones are looked for after this; twice as long each time while
/// nothing new comes.
const BESIDE_PENDING: Duration = Duration::from_millis(30);
const BESIDE_PENDING_MOST: Duration = Duration::from_millis(500);
/// After a full batch there is more: it is fetched while the last of the batch are still being posted.
const LAST_OF_BATCH: usize = 25;

/// Two replicas in polling mode throw each other out. Whoever was thrown out stands by for a while, longer each time,
/// so that one of them works in peace; it takes over within this.
const STAND_BY: Duration = Duration::from_secs(3);
const STAND_BY_MOST: Duration = Duration::from_secs(12);
/// After so long without a conflict the other one is gone.
const PEACE: Duration = Duration::from_secs(120);

/// Updates that Telegram has given and that are not confirmed yet.
#[derive(Debug, Default)]
struct Window {
    settled: BTreeMap<u32, bool>,
    /// The next `offset`: everything below is confirmed by it.
    offset: Option<i32>,
}

impl Window {
    /// False if it is known already.
    fn open(&mut self, id: u32) -> bool {
        let is_new = !self.settled.contains_key(&id);
        if is_new {
            self.settled.insert(id, false);
        }
        is_new
    }

    fn settle(&mut self, id: u32) {
        self.settled.insert(id, true);
        while let Some(first) = self.settled.first_entry().filter(|first| *first.get()) {
            self.offset = i32::try_from(*first.key()).ok().and_then(|id| id.checked_add(1));
            first.remove();
        }
    }

    fn forget(&mut self, id: u32) {
        self.settled.remove(&id);
    }
}

pub async fn run(telegram: &Telegram, intake: &Intake, stop: &CancellationToken) {
    if !leave_webhook(telegram, stop).await {
        return;
    }
    let mut window = Window::default();
    let mut pending = FuturesUnordered::new();
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));
    let mut conflicts = Conflicts::default();
    let mut beside = BESIDE_PENDING;
    loop {
        let wait = if window.settled.is_empty() { POLL_SECONDS } else { 0 };
        let answer = tokio::select! {
            answer = poll(telegram, window.offset, wait) => answer,
            () = stop.cancelled() => break,
        };
        let mut news = 0;
        match answer {
            Ok(updates) => {
                backoff.reset();
                conflicts.forget_old();
                if updates.is_empty() && window.settled.is_empty() {
                    // All below is confirmed by the call just made. Ids may start anew, lower, after a quiet week:
                    // an old offset would hide those updates.
                    window.offset = None;
                }
                for raw in updates {
                    let Some((id, update)) = read(&raw) else { continue };
                    if !window.open(id) {
                        continue;
                    }
                    news += 1;
                    match update {
                        Some(update) => {
                            let done = intake.accept(&update, None);
                            pending.push(async move { (id, done.await) });
                        }
                        None => window.settle(id),
                    }
                }
            }
            Err(error) => {
                let wait = conflicts.pause(&error).unwrap_or_else(|| {
                    say(&error);
                    pause(&error, &mut backoff)
                });
                tokio::select! {
                    () = tokio::time::sleep(wait) => {}
                    () = stop.cancelled() => break,
                }
            }
        }
        beside = if news > 0 {
            BESIDE_PENDING
        } else {
            (beside * 2).min(BESIDE_PENDING_MOST)
        };
        let wait_for = if news > usize::from(BATCH) / 2 {
            LAST_OF_BATCH
        } else {
            0
        };
        let enough = tokio::time::sleep(beside);
        tokio::pin!(enough);
        while pending.len() > wait_for {
            tokio::select! {
                Some((id, taken)) = pending.next() => match taken {
                    Ok(Taken::Yes) => window.settle(id),
                    // Unsettled: Telegram gives it again with the next poll.
                    Ok(Taken::NotYet) | Err(_) => window.forget(id),
                },
                () = &mut enough => break,
                () = stop.cancelled() => break,
            }
        }
    }
    confirm(telegram, &mut window, pending).await;
}

/// Before leaving: what was taken meanwhile is confirmed, so that the next start doesn't see it again.
async fn confirm(
    telegram: &Telegram,
    window: &mut Window,
    mut pending: FuturesUnordered<impl Future<Output = (u32, Result<Taken, tokio::sync::oneshot::error::RecvError>)>>,
) {
    let finish = async {
        while let Some((id, taken)) = pending.next().await {
            if taken == Ok(Taken::Yes) {
                window.settle(id);
            }
        }
    };
    tokio::time::timeout(Duration::from_secs(3), finish).await.ok();
    if window.offset.is_some() {
        let payload = get_updates(window.offset, 1, 0);
        let call = telegram.call::<_, Vec<Box<RawValue>>>(&payload);
        if !matches!(tokio::time::timeout(Duration::from_secs(3), call).await, Ok(Ok(_))) {
            debug!("the last updates stay unconfirmed; they will come again and be recognised");
        }
    }
}

async fn poll(
    telegram: &Telegram,
    offset: Option<i32>,
    wait_seconds: u32,
) -> Result<Vec<Box<RawValue>>, TelegramError> {
    telegram.call(&get_updates(offset, BATCH, wait_seconds)).await
}

fn get_updates(offset: Option<i32>, limit: u8, timeout: u32) -> GetUpdates {
    GetUpdates {
        offset,
        limit: Some(limit),
        timeout: Some(timeout),
        allowed_updates: Some(ALLOWED_UPDATES.to_vec()),
    }
}

/// Each update is read on its own, so that one of an unknown shape can't hold up the others; and from its text, because
/// teloxide can't read one out of a `Value`.
fn read(raw: &RawValue) -> Option<(u32, Option<Update>)> {
    #[derive(Deserialize)]
    struct Id {
        update_id: u32,
    }
    let Id { update_id } = serde_json::from_str(raw.get()).ok()?;
    let update = serde_json::from_str(raw.get());
    if update.is_err() {
        warn!(update = update_id, "an update that can't be read is skipped");
    }
    Some((update_id, update.ok()))
}

/// Other pollers of the same bot.
#[derive(Debug)]
struct Conflicts {
    stand_by: Backoff,
    last: Option<Instant>,
}

impl Default for Conflicts {
    fn default() -> Self {
        Self {
            stand_by: Backoff::new(STAND_BY, STAND_BY_MOST),
            last: None,
        }
    }
}

impl Conflicts {
    /// How long to stand by; `None` if this is no conflict.
    fn pause(&mut self, error: &TelegramError) -> Option<Duration> {
        let TelegramError::Refused { code: 409, .. } = error else {
            return None;
        };
        if self.last.replace(Instant::now()).is_none() {
            warn!(
                "another process receives this bot's updates; this replica stands by and takes over when it is gone \
                 (to share the work, run the bots in webhook mode)"
            );
        }
        Some(self.stand_by.next_wait())
    }

    fn forget_old(&mut self) {
        if self.last.is_some_and(|last| last.elapsed() > PEACE) {
            info!("this replica alone receives the updates");
            *self = Self::default();
        }
    }
}

/// Says in a sentence what a person should know.
fn say(error: &TelegramError) {
    if let TelegramError::Refused { code: 401 | 404, .. } = error {
        error!("Telegram doesn't know this bot: check TELEGRAM_BOT_TOKEN and TELEGRAM_API_URL");
    } else {
        warn!(%error, "no updates from Telegram");
    }
}

fn pause(error: &TelegramError, backoff: &mut Backoff) -> Duration {
    match error {
        TelegramError::TooMany { retry_after } => *retry_after,
        _ => backoff.next_wait(),
    }
}

/// A webhook left from another life makes polling impossible. Pending updates are kept. False: told to stop.
async fn leave_webhook(telegram: &Telegram, stop: &CancellationToken) -> bool {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(15));
    let payload = DeleteWebhook::new();
    loop {
        match telegram.call::<_, bool>(&payload).await {
            Ok(_) => return true,
            Err(error) => warn!(%error, "the webhook can't be taken off yet"),
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next_wait()) => {}
            () = stop.cancelled() => return false,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_offset_moves_over_a_gapless_beginning_only() {
        let mut window = Window::default();
        for id in [7, 8, 9] {
            assert!(window.open(id));
        }
        assert!(!window.open(8));
        window.settle(8);
        assert_eq!(window.offset, None, "7 is not settled yet");
        window.settle(7);
        assert_eq!(window.offset, Some(9));
        window.forget(9);
        assert!(window.open(9), "it comes again");
        window.settle(9);
        assert_eq!(window.offset, Some(10));
    }
}
