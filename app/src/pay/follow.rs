//! Payments that nobody told us about: asked about again and again until they end, and held money that is let go.

use domain::ids::{PaymentId, RequestId, TenantId};
use domain::payment::{Decline, Observation, PaymentStatus, next_poll};
use providers::payments::{Error as ProviderError, Seen};
use store::{Payment, Tx};

use super::behind::{PaymentJob, find};
use super::observe::{self, Source};
use super::{MANUAL, keys, provider_error};
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::work::{self, Task};

pub const POLL_JOB: &str = "poll_payment";
pub const RELEASE_JOB: &str = "release_payment";

/// How many a tick takes; the next tick takes the next ones.
const BITE: u32 = 200;
/// A payment closed by us is looked at once more when its link has certainly died: a success then is real money.
const LAST_LOOK_MS: i64 = 65 * 60_000;

/// Finds live payments that are due and enqueues a poll for each, whoever ticks.
pub async fn tick(app: &App) -> Result<usize> {
    let now = app.now();
    let due = app.store().system_read().await?.payments_to_poll(now, BITE).await?;
    for (tenant, payment) in &due {
        let request_id: RequestId = app.new_id();
        let mut tx = app.tenant(tenant).write().await?;
        // Every replica ticks: the time that is due names the poll.
        let Some(found) = tx.lock_payment(payment).await? else {
            continue;
        };
        if found.next_poll_at.is_none_or(|at| at > now) {
            continue;
        }
        let job = work::job(
            app,
            POLL_JOB,
            Some(format!("{POLL_JOB}:{payment}:{}", found.polls)),
            &PaymentJob {
                payment_id: payment.clone(),
            },
            &request_id,
        )?;
        tx.enqueue_job(&job).await?;
        let polls = found.polls.saturating_add(1);
        tx.schedule_poll(payment, polls, next_poll(now, polls)).await?;
        tx.commit().await?;
    }
    if !due.is_empty() {
        app.wake_workers();
    }
    Ok(due.len())
}

/// The job.
pub async fn poll(app: &App, task: &Task) -> Result<()> {
    let PaymentJob { payment_id } = task.payload()?;
    look(app, &task.tenant, &payment_id, &task.request_id).await?;
    task.finish(app).await
}

/// Asks the provider now: "I have paid", an administrator's question, a poll, a notification.
///
/// Errors: `NotFound`; `Unavailable` when the provider is away.
pub async fn ask_now(app: &App, caller: &Caller, payment: &PaymentId) -> Result<PaymentStatus> {
    look(app, &caller.tenant, payment, &caller.request_id).await
}

async fn look(app: &App, tenant: &TenantId, id: &PaymentId, request_id: &RequestId) -> Result<PaymentStatus> {
    let payment = find(app, tenant, id).await?;
    if payment.provider == MANUAL {
        return Ok(payment.status);
    }
    match seen_of(app, tenant, &payment).await? {
        Some(seen) => observe::apply(app, tenant, id, &seen, Source::Poll, request_id).await,
        None => Ok(payment.status),
    }
}

/// A payment as its provider sees it; `None` when the provider never heard of it.
pub(super) async fn seen_of(app: &App, tenant: &TenantId, payment: &Payment) -> Result<Option<Seen>> {
    // Telegram tells by itself, and there is nobody to ask.
    if super::telegram::is_native(&payment.provider) {
        return Ok(None);
    }
    let provider = keys::provider(app, tenant, &payment.provider).await?;
    let asked = match &payment.provider_payment {
        Some(known) => provider.status(known).await.map(Some),
        None => {
            let mut tx = app.tenant(tenant).read().await?;
            let order = tx
                .find_order(&payment.order)
                .await?
                .ok_or(Error::NotFound { what: "order" })?;
            let lines = tx.order_lines(&order).await?;
            let settings = crate::settings::payments::PaymentSettings::load(&mut tx).await?;
            drop(tx);
            provider
                .find(&super::intent(app, &settings, &order, &lines, payment)?)
                .await
        }
    };
    match asked {
        Ok(seen) => Ok(seen),
        Err(ProviderError::NotFound { .. }) => Ok(None),
        Err(error) => Err(provider_error(error)),
    }
}

/// A payment as its provider knows it by our own id, whichever of the provider's ids it has there.
pub(super) async fn find_at(app: &App, tenant: &TenantId, payment: &Payment) -> Result<Option<Seen>> {
    let unnamed = Payment {
        provider_payment: None,
        ..payment.clone()
    };
    seen_of(app, tenant, &unnamed).await
}

/// Closes a payment for a reason of ours, and ends it at its provider too.
pub(super) async fn call_off(
    app: &App,
    tx: &mut Tx,
    payment: &PaymentId,
    code: &str,
    request_id: &RequestId,
) -> Result<()> {
    let decline = Decline::called_off(code);
    tx.close_payment(payment, PaymentStatus::Canceled, Some(&decline), app.now())
        .await?;
    enqueue_release(app, tx, payment, request_id).await
}

/// A payment we closed may still be open at its provider, or hold money: both are ended there, and looked at once more.
pub(super) async fn enqueue_release(app: &App, tx: &mut Tx, payment: &PaymentId, request_id: &RequestId) -> Result<()> {
    let payload = PaymentJob {
        payment_id: payment.clone(),
    };
    let job = work::job(
        app,
        RELEASE_JOB,
        Some(format!("{RELEASE_JOB}:{payment}:{request_id}")),
        &payload,
        request_id,
    )?;
    tx.enqueue_job(&job).await?;
    let mut last = work::job(
        app,
        POLL_JOB,
        Some(format!("{POLL_JOB}:{payment}:last:{request_id}")),
        &payload,
        request_id,
    )?;
    last.due_at = app.now().plus_millis(LAST_LOOK_MS);
    tx.enqueue_job(&last).await?;
    Ok(())
}

/// The job.
pub async fn release(app: &App, task: &Task) -> Result<()> {
    let PaymentJob { payment_id } = task.payload()?;
    let_go(app, &task.tenant, &payment_id, &task.request_id).await?;
    task.finish(app).await
}

/// Ends a payment at its provider, if it can still be ended there. Safe to repeat.
pub(super) async fn let_go(app: &App, tenant: &TenantId, payment_id: &PaymentId, request_id: &RequestId) -> Result<()> {
    let payment = find(app, tenant, payment_id).await?;
    if let Some(seen) = seen_of(app, tenant, &payment).await? {
        let provider = keys::provider(app, tenant, &payment.provider).await?;
        let can_cancel = match seen.observation {
            Observation::Held { .. } => true,
            Observation::Pending => provider.capabilities().cancels_pending,
            _ => false,
        };
        let seen = if can_cancel {
            match provider.cancel(&seen.id, &format!("{payment_id}:cancel")).await {
                Ok(after) => after,
                // It went on in the meantime: what it is now counts.
                Err(ProviderError::Refused { .. }) => provider.status(&seen.id).await.map_err(provider_error)?,
                Err(error) => return Err(provider_error(error)),
            }
        } else {
            seen
        };
        observe::apply(app, tenant, payment_id, &seen, Source::Poll, request_id).await?;
    }
    Ok(())
}
