//! The job behind a call: whoever wants something of a provider asks it at once, and a job does it if they die before.

use domain::ids::{PaymentId, RequestId, TenantId};
use serde::{Deserialize, Serialize};
use store::{Payment, Tx};

use crate::context::App;
use crate::error::{Error, Result};
use crate::work;

/// The caller is done by now, or dead.
const BEHIND_MS: i64 = 20_000;

/// The payload of a job about one payment.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct PaymentJob {
    pub payment_id: PaymentId,
}

/// Enqueues the job of this kind behind a call about a payment, once.
pub(super) async fn enqueue(
    app: &App,
    tx: &mut Tx,
    kind: &'static str,
    payment: &PaymentId,
    request_id: &RequestId,
) -> Result<()> {
    let payload = PaymentJob {
        payment_id: payment.clone(),
    };
    let mut job = work::job(app, kind, Some(format!("{kind}:{payment}")), &payload, request_id)?;
    job.due_at = app.now().plus_millis(BEHIND_MS);
    tx.enqueue_job(&job).await?;
    Ok(())
}

/// What the call left of a payment. A provider that is away is no error: the payment stays as it is, and the job goes on.
pub(super) async fn outcome(app: &App, tenant: &TenantId, id: &PaymentId, called: Result<()>) -> Result<Payment> {
    match called {
        Ok(()) | Err(Error::Unavailable { .. }) => find(app, tenant, id).await,
        Err(error) => Err(error),
    }
}

/// Errors: `NotFound`.
pub(super) async fn find(app: &App, tenant: &TenantId, id: &PaymentId) -> Result<Payment> {
    let mut tx = app.tenant(tenant).read().await?;
    tx.find_payment(id).await?.ok_or(Error::NotFound { what: "payment" })
}
