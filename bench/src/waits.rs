//! What PostgreSQL's sessions wait for, looked at a few times a second from beside the product: when everybody stands still,
//! this says at what.

use std::collections::BTreeMap;
use std::time::{Duration, Instant};

use sqlx::PgConnection;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use crate::place::{Bare, Place};

const LOOK_EVERY: Duration = Duration::from_millis(250);
/// The sessions of the product that are in the middle of something. `ClientRead` is a transaction whose next word is awaited.
const ACTIVE: &str = "SELECT COALESCE(wait_event_type || ' ' || wait_event, 'works') || ': ' || left(regexp_replace(query, '\\s+', ' ', 'g'), 70) \
     FROM pg_stat_activity WHERE datname = current_database() AND pid <> pg_backend_pid() \
     AND backend_type = 'client backend' AND state <> 'idle'";

type Look = (Instant, Vec<String>);

#[derive(Debug)]
pub struct Watch {
    stop: oneshot::Sender<()>,
    looks: JoinHandle<Vec<Look>>,
}

impl Watch {
    /// `None` beside SQLite, whose only writer waits for nobody else.
    pub async fn start(place: &Place) -> anyhow::Result<Option<Self>> {
        let Bare::Postgres(connection) = place.bare().await? else {
            return Ok(None);
        };
        let (stop, stopped) = oneshot::channel();
        Ok(Some(Self {
            stop,
            looks: tokio::spawn(look(connection, stopped)),
        }))
    }

    /// What was waited for from `since` for as long as `took`, the most frequent first.
    pub async fn told(self, since: Instant, took: Duration) -> anyhow::Result<String> {
        self.stop.send(()).ok();
        let looks = self.looks.await?;
        let within: Vec<_> = looks
            .into_iter()
            .filter(|(at, _)| (since..since + took).contains(at))
            .collect();
        let mut counts: BTreeMap<&str, usize> = BTreeMap::new();
        for waits in within.iter().flat_map(|(_, waits)| waits) {
            *counts.entry(waits).or_default() += 1;
        }
        let mut counts: Vec<_> = counts.into_iter().collect();
        counts.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        let lines: Vec<String> = counts
            .iter()
            .take(12)
            .map(|(what, count)| format!("{:>6.1}  {what}", *count as f64 / within.len().max(1) as f64))
            .collect();
        Ok(lines.join("\n"))
    }
}

async fn look(mut connection: PgConnection, mut stopped: oneshot::Receiver<()>) -> Vec<Look> {
    let mut looks = Vec::new();
    loop {
        let at = Instant::now();
        let waits = sqlx::query_scalar::<_, String>(ACTIVE).fetch_all(&mut connection).await;
        looks.push((
            at,
            waits.unwrap_or_else(|error| vec![format!("can't be asked: {error}")]),
        ));
        tokio::select! {
            () = tokio::time::sleep(LOOK_EVERY) => {}
            _ = &mut stopped => return looks,
        }
    }
}
