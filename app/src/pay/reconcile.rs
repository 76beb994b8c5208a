//! Our books beside each provider's: every night, and when an administrator asks. One page a job, so that a kill goes on
//! where it stopped; what a rule is sure of is mended by the same verbs that treat notifications, the rest becomes a task.

mod compare;
mod side;
mod standing;
mod stars;

pub use standing::{OVERDUE_MS, Standing, standing};
pub(super) use stars::{Told, told};

use std::collections::BTreeMap;

use domain::ids::{Id, ReconciliationId, RequestId};
use domain::reconciliation::{Gap, Outcome, RunStatus, Stage};
use domain::time::{Timestamp, local_date};
use providers::payments::PaymentProvider;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Difference, NewReconciliation, PageOf, PageRequest, ReconciledDay, Reconciliation, Tx};

use self::compare::Desk;
use self::side::{Side, sides};
use super::ask::{self, About, Matter};
use super::telegram::{self, STARS};
use super::{keys, provider_error};
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings;
use crate::settings::payments::PaymentSettings;
use crate::work::{self, Task};

pub const JOB: &str = "reconcile_payments";

const SYSTEM: &str = "system";
/// The day of the books begins when the night is nearly over.
const NIGHT_MINUTES: i64 = 4 * 60;
const DAY_MS: i64 = 24 * 60 * 60_000;
/// After an outage the time since the last comparison is made up for, up to this.
const MOST_DAYS: u32 = 31;
/// A comparison that has not ended by then never will: its jobs are dead.
const GIVEN_UP_AFTER_MS: i64 = 6 * 60 * 60_000;
/// Payments that are asked for one by one, and the rest before the next ones: fifteen calls a second at most.
const BITE: u32 = 10;
const REST_MS: i64 = 2_000;
/// Differences shown with a report; more are in the pages of their own list.
const SHOWN: PageRequest = PageRequest {
    limit: 200,
    after: None,
};

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    provider: String,
    /// `None`: it is to be begun.
    #[serde(default)]
    reconciliation_id: Option<ReconciliationId>,
    #[serde(default)]
    step: u32,
    /// What was read for this step by whoever could; nobody else has to be asked then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    told: Option<Told>,
}

/// A comparison with its days and what it found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Report {
    pub run: Reconciliation,
    pub days: Vec<ReconciledDay>,
    pub differences: Vec<Difference>,
}

/// Enqueues the comparison of the night for each tenant and provider, whoever ticks.
pub async fn tick(app: &App) -> Result<()> {
    let tenants = app.store().system_read().await?.tenants().await?;
    for tenant in tenants {
        let sides = sides(app, &tenant).await?;
        let zone = zone_of(&mut app.tenant(&tenant).read().await?).await?;
        let day = local_date(app.now().plus_minutes(-NIGHT_MINUTES), zone);
        let mut tx = app.tenant(&tenant).write().await?;
        for side in &sides {
            let request_id: RequestId = app.new_id();
            let payload = Payload {
                provider: side.code().to_owned(),
                reconciliation_id: None,
                step: 0,
                told: None,
            };
            let key = format!("{JOB}:{}:{day}", side.code());
            tx.enqueue_job(&work::job(app, JOB, Some(key), &payload, &request_id)?)
                .await?;
        }
        tx.commit().await?;
    }
    app.wake_workers();
    Ok(())
}

/// Begins a comparison now, with one provider or with all, of the days of the settings or of `days`.
///
/// Errors: `Invalid` names `provider` or `days`; a conflict `reconciliation_under_way` when nothing could be begun.
pub async fn start(
    app: &App,
    caller: &Caller,
    provider: Option<&str>,
    days: Option<u32>,
) -> Result<Vec<Reconciliation>> {
    let mut wanted = sides(app, &caller.tenant).await?;
    wanted.retain(|side| provider.is_none_or(|code| side.code() == code));
    if wanted.is_empty() {
        let sentence = "no keys are configured for such a provider, and Telegram Stars were never taken";
        return Err(Error::invalid("provider", "not_found", sentence));
    }
    if days.is_some_and(|days| days == 0 || days > MOST_DAYS) {
        return Err(Error::invalid("days", "out_of_range", format!("1 to {MOST_DAYS}")));
    }
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let mut begun = Vec::new();
    for side in &wanted {
        let actor = caller.actor.to_string();
        let run = begin(app, &mut tx, side, days, &actor, &caller.request_id).await?;
        if let Some(run) = run {
            let details = json!({ "provider": run.provider, "since": run.since.to_rfc3339() });
            let entry = audit(app, caller, "payments.reconciled", run.id.as_ref(), details);
            tx.record_audit(&entry).await?;
            begun.push(run);
        }
    }
    if begun.is_empty() {
        return Err(Error::conflict(
            "reconciliation_under_way",
            "a comparison with this provider is under way",
        ));
    }
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(begun)
}

/// Newest first.
///
/// Errors: `Invalid` names `cursor`.
pub async fn list(app: &App, caller: &Caller, provider: Option<&str>, page: &PageRequest) -> Result<PageOf<Report>> {
    crate::crm::check_cursor::<ReconciliationId>(page)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let found = tx.list_reconciliations(provider, page).await?;
    let mut items = Vec::with_capacity(found.items.len());
    for run in found.items {
        items.push(report(&mut tx, run).await?);
    }
    Ok(PageOf {
        items,
        next: found.next,
    })
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &ReconciliationId) -> Result<Report> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let run = tx
        .find_reconciliation(id)
        .await?
        .ok_or(Error::NotFound { what: "reconciliation" })?;
    report(&mut tx, run).await
}

async fn report(tx: &mut Tx, run: Reconciliation) -> Result<Report> {
    Ok(Report {
        days: tx.reconciled_days(&run.id).await?,
        differences: tx.differences(&run.id, &SHOWN).await?.items,
        run,
    })
}

async fn zone_of(tx: &mut Tx) -> Result<chrono_tz::Tz> {
    Ok(tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow))
}

/// Writes the comparison down with the job of its first step. `None`: another one is under way.
async fn begin(
    app: &App,
    tx: &mut Tx,
    side: &Side,
    days: Option<u32>,
    actor: &str,
    request_id: &RequestId,
) -> Result<Option<Reconciliation>> {
    let now = app.now();
    let code = side.code();
    if let Some(running) = tx.latest_reconciliation(code, RunStatus::Running).await? {
        if now.millis_since(running.created_at) < GIVEN_UP_AFTER_MS {
            return Ok(None);
        }
        tx.finish_reconciliation(&running.id, Some("it stopped"), now).await?;
    }
    let since = match days {
        Some(days) => now.plus_millis(-DAY_MS.saturating_mul(i64::from(days))),
        None => {
            let settings = PaymentSettings::load(tx).await?;
            let window = now.plus_millis(-DAY_MS.saturating_mul(i64::from(settings.reconcile_days)));
            let oldest = now.plus_millis(-DAY_MS.saturating_mul(i64::from(MOST_DAYS)));
            let last = tx.latest_reconciliation(code, RunStatus::Done).await?;
            let failed = tx.latest_reconciliation(code, RunStatus::Failed).await?;
            // One that failed hands its time on, also where none was ever done.
            let made_up = match (owed(tx, code).await?, last, failed) {
                // Somebody may have compared the last days by hand meanwhile; those before are owed all the same.
                (Some((_, since)), _, _) => Some(since),
                (None, Some(last), _) => Some(last.created_at),
                (None, None, Some(failed)) => Some(failed.since),
                (None, None, None) => None,
            };
            made_up.map_or(window, |since| since.clamp(oldest, window))
        }
    };
    let new = NewReconciliation {
        id: app.new_id(),
        provider: code.to_owned(),
        actor: actor.to_owned(),
        since,
        stage: if side.lists() { Stage::Payments } else { Stage::Ours },
        now,
    };
    if !tx.insert_reconciliation(&new).await? {
        return Ok(None);
    }
    let begun = tx.find_reconciliation(&new.id).await?;
    if let Some(run) = &begun {
        enqueue(app, tx, run, now, request_id).await?;
    }
    Ok(begun)
}

/// The step at which a comparison stands: a job, or a question to the bot whose answer is one.
async fn enqueue(
    app: &App,
    tx: &mut Tx,
    run: &Reconciliation,
    due_at: Timestamp,
    request_id: &RequestId,
) -> Result<()> {
    if run.provider == STARS && run.stage != Stage::Ours {
        let offset = stars::offset(run.place.as_deref());
        return telegram::ask_for_stars(app, tx, &run.id, run.step, offset, request_id).await;
    }
    let payload = Payload {
        provider: run.provider.clone(),
        reconciliation_id: Some(run.id.clone()),
        step: run.step,
        told: None,
    };
    let key = format!("{JOB}:{}:{}", run.id, run.step);
    let mut job = work::job(app, JOB, Some(key), &payload, request_id)?;
    job.due_at = due_at;
    tx.enqueue_job(&job).await?;
    Ok(())
}

/// What a step has done, and where the next one goes on.
struct Done {
    /// Checked and others' by day, as far as they are not counted yet.
    counted: BTreeMap<String, (u64, u64)>,
    /// `None`: everything was compared.
    next: Option<(Stage, Option<String>)>,
    rests: bool,
}

/// The job: begins a comparison, or does its next step.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let payload: Payload = task.payload()?;
    let side = match payload.provider.as_str() {
        STARS => Side::Stars,
        code => Side::Bank(keys::provider(app, &task.tenant, code).await?),
    };
    let Some(id) = payload.reconciliation_id else {
        let mut tx = app.tenant(&task.tenant).write().await?;
        begin(app, &mut tx, &side, None, SYSTEM, &task.request_id).await?;
        tx.finish_job(&task.lease, app.now()).await?;
        tx.commit().await?;
        app.wake_workers();
        app.wake_deliveries();
        return Ok(());
    };
    let mut tx = app.tenant(&task.tenant).read().await?;
    let zone = zone_of(&mut tx).await?;
    let found = tx.find_reconciliation(&id).await?;
    drop(tx);
    let is_current = |run: &Reconciliation| run.finished_at.is_none() && run.step == payload.step;
    let Some(run) = found.filter(is_current) else {
        let mut tx = app.tenant(&task.tenant).write().await?;
        tx.finish_job(&task.lease, app.now()).await?;
        tx.commit().await?;
        return Ok(());
    };
    let desk = Desk {
        app,
        tenant: &task.tenant,
        guide: settings::guide(app, &task.tenant).await?,
        provider: match &side {
            Side::Bank(provider) => Some(provider.as_ref()),
            Side::Stars => None,
        },
        run: &run,
        zone,
        request_id: &task.request_id,
    };
    let done = match (&side, run.stage) {
        (Side::Bank(provider), Stage::Payments) => payments(&desk, provider.as_ref()).await,
        (Side::Bank(provider), Stage::Refunds) => refunds(&desk, provider.as_ref()).await,
        (Side::Bank(provider), Stage::Ours) => ours(&desk, provider.as_ref()).await,
        (Side::Stars, Stage::Payments | Stage::Refunds) => stars::listed(&desk, payload.told).await,
        (Side::Stars, Stage::Ours) => stars::ours(&desk).await,
    };
    match done {
        Ok(done) => write(app, task, &run, done).await,
        Err(error) if error.is_transient() && !task.is_last_attempt => Err(error),
        Err(error) => give_up(app, task, &run, &error).await,
    }
}

async fn write(app: &App, task: &Task, run: &Reconciliation, done: Done) -> Result<()> {
    let now = app.now();
    let mut tx = app.tenant(&task.tenant).write().await?;
    for (day, (checked, others)) in &done.counted {
        tx.count_reconciled(&run.id, day, *checked, *others).await?;
    }
    match &done.next {
        Some((stage, place)) => {
            if tx
                .advance_reconciliation(&run.id, run.step, *stage, place.as_deref())
                .await?
            {
                let due_at = if done.rests { now.plus_millis(REST_MS) } else { now };
                let after = Reconciliation {
                    stage: *stage,
                    place: place.clone(),
                    step: run.step.saturating_add(1),
                    ..run.clone()
                };
                enqueue(app, &mut tx, &after, due_at, &task.request_id).await?;
            }
        }
        None => {
            if tx.finish_reconciliation(&run.id, None, now).await? {
                made_up(&mut tx, run, now).await?;
            }
            tracing::info!(reconciliation.id = %run.id, provider = run.provider, "the books were compared");
        }
    }
    tx.finish_job(&task.lease, now).await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(())
}

/// What [`Matter::Unreconciled`] tasks are told apart by.
fn cause(provider: &str) -> String {
    format!("reconciliation:{provider}")
}

/// Since when the books were not compared with a provider, as an open task tells: since the last comparison that was done
/// before the first one that failed, or as far back as that one was to go.
async fn owed(tx: &mut Tx, provider: &str) -> Result<Option<(store::Task, Timestamp)>> {
    let Some(task) = ask::open_task(tx, Matter::Unreconciled, &cause(provider)).await? else {
        return Ok(None);
    };
    let facts: serde_json::Value = serde_json::from_str(&task.facts).unwrap_or_default();
    let failed = facts
        .get("reconciliation_id")
        .and_then(serde_json::Value::as_str)
        .and_then(ReconciliationId::parse);
    let Some(failed) = failed else {
        return Ok(None);
    };
    let Some(failed) = tx.find_reconciliation(&failed).await? else {
        return Ok(None);
    };
    let done = tx.reconciliation_done_before(provider, &failed.id).await?;
    let since = done.map_or(failed.since, |done| done.created_at);
    Ok(Some((task, since)))
}

/// A comparison was done to the end: if it leaves no gap to the last one before an outage, the task about that is settled.
async fn made_up(tx: &mut Tx, run: &Reconciliation, now: Timestamp) -> Result<()> {
    let Some((task, since)) = owed(tx, &run.provider).await? else {
        return Ok(());
    };
    if run.since > since {
        return Ok(());
    }
    let reason = json!({ "reconciliation_id": run.id, "since": run.since.to_rfc3339() });
    ask::settled(tx, &task, Matter::Unreconciled, &reason, now).await
}

/// The provider could not be asked to the end: a person hears of it, and the next night goes back as far.
async fn give_up(app: &App, task: &Task, run: &Reconciliation, error: &Error) -> Result<()> {
    tracing::error!(reconciliation.id = %run.id, error = error as &dyn std::error::Error, "a comparison was given up");
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    tx.finish_reconciliation(&run.id, Some(&error.to_string()), app.now())
        .await?;
    let facts = json!({ "reconciliation_id": run.id, "provider": run.provider, "error": error.to_string() });
    let key = cause(&run.provider);
    let about = About::default();
    ask::person(
        app,
        &mut tx,
        &guide,
        Matter::Unreconciled,
        &key,
        about,
        &facts,
        &task.request_id,
    )
    .await?;
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// One page of the provider's list of payments.
async fn payments(desk: &Desk<'_>, provider: &dyn PaymentProvider) -> Result<Done> {
    let page = provider
        .list(desk.run.since, desk.run.place.as_deref())
        .await
        .map_err(provider_error)?;
    let mut counted = BTreeMap::new();
    for listed in &page.payments {
        if desk.listed(listed).await? {
            let day: &mut (u64, u64) = counted.entry(desk.day(listed.created_at)).or_default();
            day.1 += 1;
        }
    }
    let next = match page.next {
        Some(cursor) => (Stage::Payments, Some(cursor)),
        None => (Stage::Refunds, None),
    };
    Ok(Done {
        counted,
        next: Some(next),
        rests: false,
    })
}

/// One page of the provider's list of refunds.
async fn refunds(desk: &Desk<'_>, provider: &dyn PaymentProvider) -> Result<Done> {
    let page = provider
        .list_refunds(desk.run.since, desk.run.place.as_deref())
        .await
        .map_err(provider_error)?;
    let mut counted = BTreeMap::new();
    let mut next = (Stage::Ours, None);
    if let Some(page) = page {
        for listed in &page.refunds {
            if desk.refund(listed).await? {
                let day: &mut (u64, u64) = counted.entry(desk.day(listed.created_at)).or_default();
                day.0 += 1;
            }
        }
        if let Some(cursor) = page.next {
            next = (Stage::Refunds, Some(cursor));
        }
    }
    Ok(Done {
        counted,
        next: Some(next),
        rests: false,
    })
}

/// Some of our payments that no list has shown.
async fn ours(desk: &Desk<'_>, provider: &dyn PaymentProvider) -> Result<Done> {
    let run = desk.run;
    let after = run.place.as_deref();
    let mut tx = desk.app.tenant(desk.tenant).read().await?;
    let payments = tx
        .payments_to_reconcile(&run.provider, run.since, run.created_at, after, BITE)
        .await?;
    drop(tx);
    for payment in &payments {
        desk.ours(provider, payment).await?;
    }
    let is_full = u32::try_from(payments.len()).unwrap_or(BITE) >= BITE;
    let next = payments
        .last()
        .filter(|_| is_full)
        .map(|last| (Stage::Ours, Some(last.to_string())));
    Ok(Done {
        counted: BTreeMap::new(),
        next,
        rests: true,
    })
}

/// A difference as it is kept.
fn difference(desk: &Desk<'_>, gap: Gap, outcome: Outcome, day: String, facts: &serde_json::Value) -> Difference {
    Difference {
        id: desk.app.new_id(),
        day,
        gap,
        outcome,
        payment: None,
        provider_payment: None,
        facts: facts.to_string(),
        at: desk.app.now(),
    }
}
