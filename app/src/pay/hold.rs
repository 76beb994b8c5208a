//! Money that is held on a card: taken, or let go. The intent is committed first, a job stands behind the call.

use domain::ids::{PaymentId, RequestId, TenantId};
use domain::money::Money;
use domain::payment::{Observation, PaymentStatus};
use providers::payments::Error as ProviderError;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::Payment;

use super::observe::{self, Source};
use super::{follow, keys, provider_error, receipt};
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::payments::PaymentSettings;
use crate::work::{self, Task};

pub const CAPTURE_JOB: &str = "capture_payment";

/// The caller does it itself; the job is for the case that it dies before.
const BEHIND_MS: i64 = 20_000;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    payment_id: PaymentId,
}

/// Takes held money: all of it, or `amount`; the rest goes back to the client, and the order costs that much less. When the
/// provider is away the payment stays as it is, and a job goes on.
///
/// Errors: `NotFound`; `Invalid` names `amount`; conflicts `payment_not_held`, `capture_under_way` when another sum was
/// decided before, or `provider_refused` with the provider's code.
pub async fn capture(app: &App, caller: &Caller, id: &PaymentId, amount: Option<Money>) -> Result<Payment> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let payment = held(&mut tx, id).await?;
    let wanted = amount.or(payment.capture).unwrap_or(payment.amount);
    let is_of_hold = wanted.currency == payment.amount.currency && wanted.minor <= payment.amount.minor;
    if !wanted.is_positive() || !is_of_hold {
        return Err(Error::invalid(
            "amount",
            "out_of_range",
            "above zero and no more than is held",
        ));
    }
    let is_part = wanted != payment.amount;
    let is_decided = payment.capture.is_none_or(|before| before == wanted);
    if !is_decided || (is_part && !tx.decide_capture(id, wanted).await?) {
        return Err(Error::Conflict {
            code: "capture_under_way",
            detail: "another sum of this hold is being taken".into(),
        });
    }
    let payload = Payload { payment_id: id.clone() };
    let mut job = work::job(
        app,
        CAPTURE_JOB,
        Some(format!("{CAPTURE_JOB}:{id}")),
        &payload,
        &caller.request_id,
    )?;
    job.due_at = app.now().plus_millis(BEHIND_MS);
    tx.enqueue_job(&job).await?;
    let details = json!({ "order_id": payment.order, "held": payment.amount, "amount": wanted });
    tx.record_audit(&audit(app, caller, "payment.capture_requested", id.as_ref(), details))
        .await?;
    tx.commit().await?;
    app.wake_workers();
    match take(app, &caller.tenant, id, &caller.request_id).await {
        Ok(()) | Err(Error::Unavailable { .. }) => {}
        Err(error) => return Err(error),
    }
    found(app, &caller.tenant, id).await
}

/// The job behind [`capture`].
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { payment_id } = task.payload()?;
    take(app, &task.tenant, &payment_id, &task.request_id).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Safe to repeat: the key is the payment's, and what is not held any more is left alone.
async fn take(app: &App, tenant: &TenantId, id: &PaymentId, request_id: &RequestId) -> Result<()> {
    let mut tx = app.tenant(tenant).read().await?;
    let missing = |what| Error::NotFound { what };
    let payment = tx.find_payment(id).await?.ok_or_else(|| missing("payment"))?;
    let (PaymentStatus::WaitingForCapture, Some(known)) = (payment.status, &payment.provider_payment) else {
        return Ok(());
    };
    let order = tx.find_order(&payment.order).await?.ok_or_else(|| missing("order"))?;
    let lines = tx.order_lines(&order).await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    drop(tx);
    let provider = keys::provider(app, tenant, &payment.provider).await?;
    let amount = payment.capture.unwrap_or(payment.amount);
    let receipt = receipt(&settings, &order, &lines, amount, |line| line.total);
    let answer = provider
        .capture(known, amount, &format!("{id}:capture"), receipt.as_ref())
        .await;
    let seen = match answer {
        Ok(seen) => seen,
        // It went on in the meantime: what it is now counts.
        Err(error @ ProviderError::Refused { .. }) => {
            let seen = provider.status(known).await.map_err(provider_error)?;
            if matches!(seen.observation, Observation::Held { .. }) {
                return Err(provider_error(error));
            }
            seen
        }
        Err(error) => return Err(provider_error(error)),
    };
    observe::apply(app, tenant, id, &seen, Source::Administrator, request_id).await?;
    Ok(())
}

/// Lets held money go: the client has it back at once. When the provider is away a job goes on.
///
/// Errors: `NotFound`; a conflict `payment_not_held`.
pub async fn release(app: &App, caller: &Caller, id: &PaymentId) -> Result<Payment> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let payment = held(&mut tx, id).await?;
    follow::enqueue_release(app, &mut tx, id, &caller.request_id).await?;
    let details = json!({ "order_id": payment.order, "amount": payment.amount });
    tx.record_audit(&audit(app, caller, "payment.release_requested", id.as_ref(), details))
        .await?;
    tx.commit().await?;
    app.wake_workers();
    match follow::let_go(app, &caller.tenant, id, &caller.request_id).await {
        Ok(()) | Err(Error::Unavailable { .. }) => {}
        Err(error) => return Err(error),
    }
    found(app, &caller.tenant, id).await
}

/// The order is locked before its payments, always.
async fn held(tx: &mut store::Tx, id: &PaymentId) -> Result<Payment> {
    let missing = || Error::NotFound { what: "payment" };
    let payment = tx.find_payment(id).await?.ok_or_else(missing)?;
    tx.lock_order(&payment.order).await?;
    let payment = tx.lock_payment(id).await?.ok_or_else(missing)?;
    if payment.status == PaymentStatus::WaitingForCapture {
        Ok(payment)
    } else {
        Err(Error::Conflict {
            code: "payment_not_held",
            detail: "there is no held money for this payment".into(),
        })
    }
}

async fn found(app: &App, tenant: &TenantId, id: &PaymentId) -> Result<Payment> {
    let mut tx = app.tenant(tenant).read().await?;
    tx.find_payment(id).await?.ok_or(Error::NotFound { what: "payment" })
}
