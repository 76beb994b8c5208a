//! The workers: they claim due jobs, keep their leases alive, and see to it that a failure is retried or seen.

use std::pin::Pin;
use std::time::Duration;

use domain::backoff::Backoff;
use domain::ids::{Id, JobId, RequestId, TenantId};
use domain::time::Timestamp;
use store::{Job, JobKinds, JobLease, NewJob};
use tokio::sync::Notify;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;
use tracing::Instrument;

use crate::caller::{Actor, Caller, Role};
use crate::clock::random_bytes;
use crate::context::App;
use crate::error::{Error, Result};
use crate::{approve_program, generate_program, pay, refresh_templates, regenerate_programs, schedule};

/// Jobs in hand at once, and as many long ones beside them. They mostly wait for others (a bank, a model, a sheet); drawing
/// runs on the blocking threads.
const CONCURRENCY: usize = 4;
/// They wait for a model, read a whole sheet, or ask a bank about a day: whoever has pressed "pay" doesn't wait behind them.
const LONG: &[&str] = &[
    generate_program::JOB,
    regenerate_programs::JOB,
    refresh_templates::JOB,
    pay::reconcile::JOB,
    schedule::PURGE_JOB,
];
/// How long others wait for a worker that died without a successor in its slot. A living one extends it in time.
const LEASE_MS: i64 = 20_000;
const HEARTBEAT: Duration = Duration::from_secs(5);
/// The net below the wake-up signals: jobs of other replicas, leases that ran out.
const LOOK_AGAIN: Duration = Duration::from_secs(2);
const DRAIN: Duration = Duration::from_secs(10);
const RETRY: Backoff = Backoff {
    first_ms: 2_000,
    max_ms: 15 * 60_000,
};
/// Of a job whose answer somebody waits for: whatever was in its way, it is tried within a minute after that is gone.
const RETRY_AWAITED: Backoff = Backoff {
    max_ms: 60_000,
    ..RETRY
};
/// With the usual backoff, the last try of a job comes after about an hour.
pub const DEFAULT_ATTEMPTS: u32 = 10;
/// A job whose workers die in the middle is begun so often beyond its tries: a machine that restarts every few seconds must
/// not use up what a failing provider is allowed.
pub const MORE_AFTER_DEATHS: u32 = 10;

/// What a handler gets.
#[derive(Debug, Clone)]
pub struct Task {
    pub lease: JobLease,
    pub tenant: TenantId,
    pub payload: String,
    pub request_id: RequestId,
    /// No try will follow: a failure now has to be told to people.
    pub is_last_attempt: bool,
}

impl Task {
    pub fn caller(&self) -> Caller {
        Caller {
            tenant: self.tenant.clone(),
            actor: Actor::System,
            role: Role::Admin,
            request_id: self.request_id.clone(),
        }
    }

    /// Errors: [`Error::Internal`] when the payload has another shape.
    pub fn payload<T: serde::de::DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.payload)
            .map_err(|error| Error::internal(format!("job {} has an unreadable payload: {error}", self.lease.job)))
    }

    /// Ends the job in a transaction of its own: what it did is committed.
    pub async fn finish(&self, app: &App) -> Result<()> {
        let mut tx = app.tenant(&self.tenant).write().await?;
        tx.finish_job(&self.lease, app.now()).await?;
        tx.commit().await?;
        Ok(())
    }
}

/// A job to queue, with the usual number of tries, due at once.
pub fn job(
    app: &App,
    kind: &'static str,
    unique_key: Option<String>,
    payload: &impl serde::Serialize,
    request_id: &RequestId,
) -> Result<NewJob> {
    let now = app.now();
    Ok(NewJob {
        id: app.new_id(),
        kind,
        unique_key,
        payload: serde_json::to_string(payload)
            .map_err(|error| Error::internal(format!("a job's payload can't be written: {error}")))?,
        due_at: now,
        max_attempts: DEFAULT_ATTEMPTS,
        request_id: request_id.clone(),
        now,
    })
}

/// A process that nobody can mistake for another.
pub(crate) fn random_run() -> String {
    JobId::from_parts(0, random_bytes()).to_string()
}

/// Takes a slot, a place that only one living process can have: from whoever was there before and is dead, everything is
/// taken back at once. Call it before anything is leased.
///
/// Errors: this process has a name already; the database.
pub async fn take_slot(app: &App, slot: &str) -> Result<()> {
    let name = format!("{slot}#{}", random_run());
    if !app.set_instance(name.clone()) {
        return Err(Error::internal("a process takes its slot before it works"));
    }
    let mut tx = app.store().system().await?;
    let jobs = tx.release_jobs_of_predecessors(&name).await?;
    let requests = tx.release_keys_of_predecessors(&name).await?;
    tx.commit().await?;
    if jobs + requests > 0 {
        tracing::info!(jobs, requests, "work of the process that was here before is taken over");
    }
    Ok(())
}

/// Works until `shutdown`; then takes nothing new and lets what is in hand end, for ten seconds at most.
/// What is cut off is due again when its lease ends.
pub async fn run(app: App, shutdown: CancellationToken) {
    tokio::join!(
        lane(&app, JobKinds::Except(LONG), app.jobs_signal(), &shutdown),
        lane(&app, JobKinds::Only(LONG), app.long_jobs_signal(), &shutdown),
    );
}

async fn lane(app: &App, kinds: JobKinds, signal: &Notify, shutdown: &CancellationToken) {
    let owner = app.instance().to_owned();
    let mut tasks = JoinSet::new();
    loop {
        while tasks.try_join_next().is_some() {}
        if shutdown.is_cancelled() {
            break;
        }
        let free = CONCURRENCY.saturating_sub(tasks.len());
        let claimed = if free == 0 {
            Vec::new()
        } else {
            claim(app, kinds, &owner, free).await
        };
        let is_idle = claimed.is_empty();
        for job in claimed {
            let (app, owner) = (app.clone(), owner.clone());
            tasks.spawn(async move { perform(&app, &owner, job).await });
        }
        if is_idle {
            tokio::select! {
                () = signal.notified() => {}
                () = app.clock().moved() => {}
                () = shutdown.cancelled() => {}
                Some(_) = tasks.join_next(), if !tasks.is_empty() => {}
                () = tokio::time::sleep(LOOK_AGAIN) => {}
            }
        }
    }
    let drained = async { while tasks.join_next().await.is_some() {} };
    if tokio::time::timeout(DRAIN, drained).await.is_err() {
        tracing::warn!("some jobs did not end in time; they are due again when their leases end");
    }
}

/// Does everything that is due now and returns how many jobs were tried: for tests and commands.
pub async fn run_due_jobs(app: &App) -> usize {
    let owner = random_run();
    let mut done = 0;
    loop {
        let jobs = claim(app, JobKinds::All, &owner, CONCURRENCY).await;
        if jobs.is_empty() {
            return done;
        }
        for job in jobs {
            perform(app, &owner, job).await;
            done += 1;
        }
    }
}

async fn claim(app: &App, kinds: JobKinds, owner: &str, limit: usize) -> Vec<Job> {
    let attempt = async {
        let (now, process_now) = (app.now(), app.process_now());
        // Asked without the writer's lock first: an idle system must not disturb those who write.
        let mut tx = app.store().system_read().await?;
        if !tx.has_due_job_of(kinds, now, process_now).await? {
            return Ok(Vec::new());
        }
        drop(tx);
        let mut tx = app.store().system().await?;
        let jobs = tx
            .claim_jobs_of(
                kinds,
                owner,
                u32::try_from(limit).unwrap_or(1),
                now,
                process_now,
                process_now.plus_millis(LEASE_MS),
            )
            .await?;
        tx.commit().await?;
        Ok::<_, store::Error>(jobs)
    };
    attempt.await.unwrap_or_else(|error| {
        tracing::error!(error = &error as &dyn std::error::Error, "jobs could not be claimed");
        Vec::new()
    })
}

async fn perform(app: &App, owner: &str, job: Job) {
    let lease = JobLease {
        job: job.id.clone(),
        owner: owner.to_owned(),
        attempt: job.attempts,
    };
    let span = tracing::info_span!("job", job.id = %job.id, job.kind = job.kind, job.attempt = job.attempts, request_id = job.request_id);
    let task = Task {
        lease: lease.clone(),
        tenant: job.tenant.clone(),
        payload: job.payload.clone(),
        request_id: RequestId::parse(&job.request_id).unwrap_or_else(|| app.new_id()),
        is_last_attempt: job.attempts >= job.max_attempts,
    };
    let most = job.max_attempts.saturating_add(MORE_AFTER_DEATHS);
    if job.attempts > most {
        // Its workers died in the middle, every time: whatever kills them must not be tried for ever.
        let error = Error::internal(format!("{most} tries ended without a word"));
        abandon(app, &lease, &job, &task, &error).instrument(span).await;
        pay::buried(app, &task, &job.kind, &error).await;
        return;
    }
    // The heartbeat runs beside the work, never in its place: a transaction of the work that holds what the heartbeat waits
    // for must go on.
    let heartbeat = async {
        loop {
            tokio::time::sleep(HEARTBEAT).await;
            extend(app, &lease).await;
        }
    };
    let outcome = tokio::select! {
        outcome = dispatch(app, &job.kind, &task).instrument(span.clone()) => outcome,
        () = heartbeat => Err(Error::internal("a heartbeat ended")),
    };
    let _entered = span.enter();
    metrics::counter!("voronka_jobs_total", "kind" => job.kind.clone(), "outcome" => if outcome.is_ok() { "done" } else { "failed" })
        .increment(1);
    let error = match outcome {
        Ok(()) => {
            tracing::info!("the job is done");
            return;
        }
        Err(Error::Store(store::Error::LeaseLost { .. })) => {
            tracing::warn!("the job was taken over by somebody else; nothing was written here");
            return;
        }
        Err(error) => error,
    };
    drop(_entered);
    fail(app, &lease, &job, &error).instrument(span).await;
    if task.is_last_attempt || !error.is_transient() {
        pay::buried(app, &task, &job.kind, &error).await;
    }
}

async fn abandon(app: &App, lease: &JobLease, job: &Job, task: &Task, error: &Error) {
    let told = match job.kind.as_str() {
        generate_program::JOB => generate_program::abandon(app, task, error).await,
        _ => Err(Error::internal(error.to_string())),
    };
    if let Err(error) = told {
        fail(app, lease, job, &error).await;
    }
}

async fn fail(app: &App, lease: &JobLease, job: &Job, error: &Error) {
    let now = app.now();
    let is_final = !error.is_transient() || job.attempts >= job.max_attempts;
    let backoff = if job.kind == pay::link::JOB {
        &RETRY_AWAITED
    } else {
        &RETRY
    };
    let delay = backoff.delay_ms(job.attempts, u64::from_be_bytes(random_bytes()));
    let retry_at = (!is_final).then(|| now.plus_millis(i64::try_from(delay).unwrap_or(i64::MAX)));
    if is_final {
        tracing::error!(error = error as &dyn std::error::Error, "the job failed for good");
    } else {
        tracing::warn!(
            error = error as &dyn std::error::Error,
            retry_in_ms = delay,
            "the job failed and will be tried again"
        );
    }
    let attempt = async {
        let mut tx = app.store().system().await?;
        tx.fail_job(lease, &error.to_string(), retry_at, now).await?;
        tx.commit().await
    };
    if let Err(error) = attempt.await {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a job's failure could not be written; its lease will end"
        );
    }
}

async fn extend(app: &App, lease: &JobLease) {
    let until: Timestamp = app.process_now().plus_millis(LEASE_MS);
    let attempt = async {
        let mut tx = app.store().system().await?;
        let kept = tx.extend_lease(lease, until).await?;
        tx.commit().await?;
        Ok::<_, store::Error>(kept)
    };
    match attempt.await {
        Ok(true) => {}
        Ok(false) => tracing::warn!(job.id = %lease.job, "the lease of a long job is gone"),
        Err(error) => tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a lease could not be extended"
        ),
    }
}

/// A job under way.
type Doing<'a> = Pin<Box<dyn Future<Output = Result<()>> + Send + 'a>>;

/// Not `async`, and boxed: a worker's stack must not hold room for every kind of job at once.
fn dispatch<'a>(app: &'a App, kind: &str, task: &'a Task) -> Doing<'a> {
    match kind {
        generate_program::JOB => Box::pin(generate_program::run(app, task)),
        approve_program::RELEASE_JOB => Box::pin(approve_program::release(app, task)),
        regenerate_programs::JOB => Box::pin(regenerate_programs::run(app, task)),
        refresh_templates::JOB => Box::pin(refresh_templates::run(app, task)),
        pay::open::JOB => Box::pin(pay::open::run(app, task)),
        pay::follow::POLL_JOB => Box::pin(pay::follow::poll(app, task)),
        pay::follow::RELEASE_JOB => Box::pin(pay::follow::release(app, task)),
        pay::hold::CAPTURE_JOB => Box::pin(pay::hold::run(app, task)),
        pay::notify::JOB => Box::pin(pay::notify::run(app, task)),
        pay::give::JOB => Box::pin(pay::give::run(app, task)),
        pay::link::JOB => Box::pin(pay::link::run(app, task)),
        pay::link::CHECK_JOB => Box::pin(pay::link::check(app, task)),
        pay::messages::JOB => Box::pin(pay::messages::run(app, task)),
        pay::refund::JOB => Box::pin(pay::refund::run(app, task)),
        pay::expire::JOB => Box::pin(pay::expire::run(app, task)),
        pay::cabinet::JOB => Box::pin(pay::cabinet::run(app, task)),
        pay::reconcile::JOB => Box::pin(pay::reconcile::run(app, task)),
        pay::receipts::CLOSE_JOB => Box::pin(pay::receipts::close(app, task)),
        pay::receipts::CHECK_JOB => Box::pin(pay::receipts::check(app, task)),
        pay::saved::CHARGE_JOB => Box::pin(pay::saved::run(app, task)),
        pay::incomes::REMIND_JOB => Box::pin(pay::incomes::remind(app, task)),
        pay::telegram::JOB => Box::pin(pay::telegram::run(app, task)),
        schedule::PURGE_JOB => Box::pin(schedule::purge(app, task)),
        other => {
            let error = Error::internal(format!("nobody knows how to do a job of kind {other}"));
            Box::pin(std::future::ready(Err(error)))
        }
    }
}
