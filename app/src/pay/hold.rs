//! Money that is held on a card: taken, or let go. The intent is committed first, a job stands behind the call.

use domain::ids::{PaymentId, RequestId, TenantId};
use domain::money::Money;
use domain::payment::{Observation, PaymentStatus};
use providers::payments::Error as ProviderError;
use serde_json::json;
use store::Payment;

use super::behind::{self, PaymentJob};
use super::observe::{self, Source};
use super::{follow, keys, provider_error, receipt};
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::payments::PaymentSettings;
use crate::work::Task;

pub const CAPTURE_JOB: &str = "capture_payment";

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
        return Err(Error::conflict(
            "capture_under_way",
            "another sum of this hold is being taken",
        ));
    }
    behind::enqueue(app, &mut tx, CAPTURE_JOB, id, &caller.request_id).await?;
    let details = json!({ "order_id": payment.order, "held": payment.amount, "amount": wanted });
    tx.record_audit(&audit(app, caller, "payment.capture_requested", id.as_ref(), details))
        .await?;
    tx.commit().await?;
    app.wake_workers();
    let taken = take(app, &caller.tenant, id, &caller.request_id).await;
    behind::outcome(app, &caller.tenant, id, taken).await
}

/// The job behind [`capture`].
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let PaymentJob { payment_id } = task.payload()?;
    take(app, &task.tenant, &payment_id, &task.request_id).await?;
    task.finish(app).await
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
    let released = follow::let_go(app, &caller.tenant, id, &caller.request_id).await;
    behind::outcome(app, &caller.tenant, id, released).await
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
        Err(Error::conflict(
            "payment_not_held",
            "there is no held money for this payment",
        ))
    }
}
