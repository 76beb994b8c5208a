//! Ticks. They only find what is due and enqueue it; the unique key of a slot makes it harmless that every replica ticks.

use domain::ids::RequestId;
use store::Old;
use tokio_cron_scheduler::{Job, JobScheduler, JobSchedulerError};
use tokio_util::sync::CancellationToken;

use crate::context::App;
use crate::error::Result;
use crate::work::{self, Task};
use crate::{access, pay, refresh_templates};

pub const PURGE_JOB: &str = "purge";

/// An unpaid payment is asked about within half a minute at first; looking whether one is due costs one index.
const MONEY: &str = "*/10 * * * * *";
/// Once a day something is said; this is how late in the hour it may come.
const REMINDERS: &str = "30 */10 * * * *";
/// The comparison of the night is enqueued once for its day; after an outage it comes within the hour.
const BOOKS: &str = "20 7 * * * *";
const MINUTE_MS: i64 = 60_000;
/// Google asks for no more than one look a minute; two leave room for several tables.
const REFRESH_EVERY_MS: i64 = 2 * MINUTE_MS;
const PURGE_EVERY_MS: i64 = 60 * MINUTE_MS;
/// Telegram repeats an update for a day at most.
const INBOX_KEPT_MS: i64 = 30 * 24 * 60 * MINUTE_MS;
const SENT_KEPT_MS: i64 = 90 * 24 * 60 * MINUTE_MS;
/// What did not arrive is worth a look for half a year.
const REFUSED_KEPT_MS: i64 = 180 * 24 * 60 * MINUTE_MS;
/// A few milliseconds of the database's writer.
const BITE: u32 = 500;
const DONE_KEPT_MS: i64 = 14 * 24 * 60 * MINUTE_MS;

/// Ticks until `shutdown`. Errors: when the scheduler can't be started.
pub async fn run(app: App, shutdown: CancellationToken) -> Result<(), JobSchedulerError> {
    let scheduler = JobScheduler::new().await?;
    for (expression, kind, every_ms) in [
        ("15 * * * * *", refresh_templates::JOB, REFRESH_EVERY_MS),
        ("45 * * * * *", PURGE_JOB, PURGE_EVERY_MS),
    ] {
        let app = app.clone();
        let tick = Job::new_async(expression, move |_, _| {
            let app = app.clone();
            Box::pin(async move {
                if let Err(error) = enqueue(&app, kind, every_ms).await {
                    tracing::error!(
                        error = &error as &dyn std::error::Error,
                        kind,
                        "a tick could not enqueue its jobs"
                    );
                }
            })
        })?;
        scheduler.add(tick).await?;
    }
    let money = app.clone();
    let tick = Job::new_async(MONEY, move |_, _| {
        let app = money.clone();
        Box::pin(async move {
            if let Err(error) = look_after_money(&app).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "payments and orders that are due could not be looked for"
                );
            }
        })
    })?;
    scheduler.add(tick).await?;
    let reminded = app.clone();
    let tick = Job::new_async(REMINDERS, move |_, _| {
        let app = reminded.clone();
        Box::pin(async move {
            if let Err(error) = pay::incomes::tick(&app).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "incomes that wait could not be looked for"
                );
            }
        })
    })?;
    scheduler.add(tick).await?;
    let books = app.clone();
    let tick = Job::new_async(BOOKS, move |_, _| {
        let app = books.clone();
        Box::pin(async move {
            if let Err(error) = pay::reconcile::tick(&app).await {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "the comparison of the books could not be enqueued"
                );
            }
        })
    })?;
    scheduler.add(tick).await?;
    scheduler.start().await?;
    // The first look at the sheet comes with the start, not minutes after it.
    if let Err(error) = enqueue(&app, refresh_templates::JOB, REFRESH_EVERY_MS).await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "the first refresh could not be enqueued"
        );
    }
    shutdown.cancelled().await;
    let mut scheduler = scheduler;
    scheduler.shutdown().await
}

/// Payments that nobody told us about, orders whose time is over.
async fn look_after_money(app: &App) -> Result<()> {
    pay::follow::tick(app).await?;
    pay::expire::tick(app).await?;
    Ok(())
}

/// One job a tenant and slot of time, whoever ticks.
pub async fn enqueue(app: &App, kind: &'static str, every_ms: i64) -> Result<()> {
    let tenants = app.store().system_read().await?.tenants().await?;
    let slot = app.now().millis() / every_ms;
    for tenant in tenants {
        let request_id: RequestId = app.new_id();
        let job = work::job(
            app,
            kind,
            Some(format!("{kind}:{slot}")),
            &serde_json::json!({}),
            &request_id,
        )?;
        let mut tx = app.tenant(&tenant).write().await?;
        tx.enqueue_job(&job).await?;
        tx.commit().await?;
    }
    app.wake_workers();
    Ok(())
}

/// Forgets what is older than `kept_ms`, bite by bite: whoever writes meanwhile waits for one bite only.
pub(crate) async fn forget(app: &App, what: Old, kept_ms: i64) -> Result<u64> {
    let before = app.now().plus_millis(-kept_ms);
    let mut gone = 0;
    loop {
        let mut tx = app.store().system().await?;
        let bite = tx.purge(what, before, BITE).await?;
        tx.commit().await?;
        gone += bite;
        if bite < u64::from(BITE) {
            return Ok(gone);
        }
    }
}

/// Forgets what nobody will ask for again.
pub async fn purge(app: &App, task: &Task) -> Result<()> {
    let now = app.now();
    let inbox = forget(app, Old::Inbox, INBOX_KEPT_MS).await?;
    let sent = forget(app, Old::SentDeliveries, SENT_KEPT_MS).await?;
    let refused = forget(app, Old::RefusedDeliveries, REFUSED_KEPT_MS).await?;
    let jobs = forget(app, Old::DoneJobs, DONE_KEPT_MS).await?;
    let mut tx = app.store().system().await?;
    tx.purge_held_notices(now.plus_millis(-crate::held_notices::KEPT_MS))
        .await?;
    tx.commit().await?;
    access::purge(app).await?;
    refresh_templates::purge(app, &task.tenant).await?;
    tracing::info!(inbox, sent, refused, jobs, "old rows are gone");
    let mut tx = app.tenant(&task.tenant).write().await?;
    tx.finish_job(&task.lease, now).await?;
    tx.commit().await?;
    Ok(())
}
