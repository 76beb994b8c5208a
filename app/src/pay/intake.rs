//! Notifications that arrive together are kept in one transaction: a commit costs the disk as much for thirty as for one.
//! Nobody waits for company; who comes while a commit is under way shares the next one.

use std::mem;
use std::sync::{Mutex, MutexGuard, PoisonError};

use domain::ids::TenantId;
use futures::future::join_all;
use providers::payments::About as Notified;
use store::{NewInboxEvent, NewJob, Recorded, Tx};
use tokio::sync::oneshot;

use super::notify::{JOB, Payload};
use crate::context::App;
use crate::error::{Error, Result};
use crate::work;

/// So many share a commit at most: the first of them waits for the last.
const MOST: usize = 64;
/// Repetitions of a notification within this time are one.
const ONE_TELLING_MS: i64 = 10_000;

/// A genuine notification that is not safe yet.
#[derive(Debug)]
pub(super) struct Arrival {
    pub tenant: TenantId,
    pub provider: String,
    pub event: NewInboxEvent,
    pub about: Notified,
}

#[derive(Debug, Default)]
pub(crate) struct Intake(Mutex<Waiting>);

#[derive(Debug, Default)]
struct Waiting {
    arrivals: Vec<(Arrival, oneshot::Sender<Result<()>>)>,
    is_served: bool,
}

impl Intake {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Keeps it, and the job that treats it.
///
/// Errors: the database; then nothing of it is kept.
pub(super) async fn keep(app: &App, arrival: Arrival) -> Result<()> {
    let (done, kept) = oneshot::channel();
    let comes_first = {
        let mut waiting = app.intake().waiting();
        waiting.arrivals.push((arrival, done));
        !mem::replace(&mut waiting.is_served, true)
    };
    if comes_first {
        // A task of its own: the others must not lose their answers when the first caller hangs up.
        let serving = Serving(app.clone());
        tokio::spawn(async move { serving.all().await });
    }
    kept.await.unwrap_or_else(|_| {
        Err(Error::internal(
            "a notification was dropped while it waited for its commit",
        ))
    })
}

struct Serving(App);

impl Drop for Serving {
    /// A panic must not leave the others waiting for somebody who never comes.
    fn drop(&mut self) {
        if std::thread::panicking() {
            self.0.intake().waiting().is_served = false;
        }
    }
}

impl Serving {
    async fn all(&self) {
        loop {
            let together = {
                let mut waiting = self.0.intake().waiting();
                if waiting.arrivals.is_empty() {
                    waiting.is_served = false;
                    return;
                }
                let count = waiting.arrivals.len().min(MOST);
                waiting.arrivals.drain(..count).collect::<Vec<_>>()
            };
            let (arrivals, callers): (Vec<_>, Vec<_>) = together.into_iter().unzip();
            for (caller, outcome) in callers.into_iter().zip(serve(&self.0, &arrivals).await) {
                // Who hung up comes again and is told that it is safe.
                let _ = caller.send(outcome);
            }
            self.0.wake_workers();
        }
    }
}

/// The outcome of each, in their order.
async fn serve(app: &App, arrivals: &[Arrival]) -> Vec<Result<()>> {
    let mut outcomes = Vec::with_capacity(arrivals.len());
    for of_one_tenant in arrivals.chunk_by(|one, next| one.tenant == next.tenant) {
        match commit(app, of_one_tenant).await {
            Ok(()) => outcomes.extend(of_one_tenant.iter().map(|_| Ok(()))),
            Err(error) if of_one_tenant.len() == 1 => outcomes.push(Err(error)),
            // Another process that was told the same in another order may stand in the way; one that can't be kept must not be
            // the others' fate.
            Err(_) => outcomes.extend(join_all(of_one_tenant.chunks(1).map(|one| commit(app, one))).await),
        }
    }
    outcomes
}

async fn commit(app: &App, arrivals: &[Arrival]) -> Result<()> {
    let Some(first) = arrivals.first() else {
        return Ok(());
    };
    let mut tx = app.tenant(&first.tenant).write().await?;
    let events: Vec<NewInboxEvent> = arrivals.iter().map(|arrival| arrival.event.clone()).collect();
    let recorded = tx.record_all(&events).await?;
    let mut jobs: Vec<NewJob> = Vec::with_capacity(arrivals.len());
    for (arrival, recorded) in arrivals.iter().zip(recorded) {
        jobs.extend(job(app, &mut tx, arrival, recorded).await?);
    }
    tx.enqueue_jobs(&jobs).await?;
    tx.commit().await?;
    Ok(())
}

/// The job that asks the provider, if there is something to ask.
async fn job(app: &App, tx: &mut Tx, arrival: &Arrival, recorded: Recorded) -> Result<Option<NewJob>> {
    let Arrival {
        provider, event, about, ..
    } = arrival;
    let mut key = format!("{JOB}:{}:{}", event.source, event.dedupe_key);
    if recorded == Recorded::Duplicate {
        // What was told before may have been told too early, or by somebody who lied: as long as it is not true here the
        // provider is asked again, now and then.
        if !is_still_open(tx, provider, about).await? {
            return Ok(None);
        }
        key = format!("{key}:{}", event.now.millis() / ONE_TELLING_MS);
    }
    if *about == Notified::Nothing {
        return Ok(None);
    }
    let payload = Payload {
        provider: provider.clone(),
        about: about.clone(),
    };
    work::job(app, JOB, Some(key), &payload, &event.request_id).map(Some)
}

async fn is_still_open(tx: &mut Tx, provider: &str, about: &Notified) -> Result<bool> {
    let Notified::Payment { provider_payment } = about else {
        return Ok(false);
    };
    let Some(payment) = tx.payment_of_provider(provider, provider_payment).await? else {
        return Ok(false);
    };
    let payment = tx.find_payment(&payment).await?;
    Ok(payment.is_some_and(|payment| !payment.status.is_paid()))
}
