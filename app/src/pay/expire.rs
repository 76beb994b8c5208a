//! Orders nobody paid in time end, and their promo codes are free again. The provider is asked before.

use domain::ids::{OrderId, RequestId};
use domain::order::OrderStatus;
use domain::payment::{Observation, PaymentStatus};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Payment, Tx};

use super::observe::{self, Source};
use super::{follow, funds, keys, messages, tell};
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings;
use crate::work::{self, Task};

pub const JOB: &str = "expire_order";

const BITE: u32 = 200;
const TRY_AGAIN_MS: i64 = 2 * 60 * 60_000;
/// Somebody is paying: their bank has answered by then, or is looked at again.
const ONCE_MORE_MS: i64 = 10 * 60_000;
/// No payment takes longer to be paid, holds included.
const MOST_PATIENCE_MS: i64 = 40 * 24 * 60 * 60_000;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    order_id: OrderId,
}

/// Finds orders whose time is over and enqueues their end, whoever ticks.
pub async fn tick(app: &App) -> Result<usize> {
    let due = app.store().system_read().await?.expired_orders(app.now(), BITE).await?;
    // A try that failed for good is not the last one.
    let slot = app.now().millis() / TRY_AGAIN_MS;
    for (tenant, order) in &due {
        let request_id: RequestId = app.new_id();
        let payload = Payload {
            order_id: order.clone(),
        };
        let job = work::job(app, JOB, Some(format!("{JOB}:{order}:{slot}")), &payload, &request_id)?;
        let mut tx = app.tenant(tenant).write().await?;
        tx.enqueue_job(&job).await?;
        tx.commit().await?;
    }
    if !due.is_empty() {
        app.wake_workers();
    }
    Ok(due.len())
}

/// The job.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { order_id } = task.payload()?;
    let mut tx = app.tenant(&task.tenant).read().await?;
    let live = tx.live_payment_of(&order_id).await?;
    drop(tx);
    // Paid at the last moment is paid.
    let mut is_under_way = false;
    if let Some(live) = &live
        && let Some(seen) = follow::seen_of(app, &task.tenant, live).await?
    {
        observe::apply(app, &task.tenant, &live.id, &seen, Source::Poll, &task.request_id).await?;
        is_under_way = match seen.observation {
            Observation::Pending => is_being_paid(app, task, live).await,
            Observation::Held { .. } => true,
            _ => false,
        };
    }
    let guide = settings::guide(app, &task.tenant).await?;
    let now = app.now();
    let mut tx = app.tenant(&task.tenant).write().await?;
    let order = tx
        .lock_order(&order_id)
        .await?
        .ok_or(Error::NotFound { what: "order" })?;
    // What is paid for right now, or held, is waited for: whoever pays in time keeps what they pay for.
    let is_patient = now.millis_since(order.created_at) < MOST_PATIENCE_MS;
    if order.expires_at <= now && is_under_way && is_patient {
        tx.postpone_order(&order_id, now.plus_millis(ONCE_MORE_MS)).await?;
    } else if order.expires_at <= now && tx.close_order(&order_id, OrderStatus::Expired, now).await? {
        if let Some(live) = tx.live_payment_of(&order_id).await? {
            tx.close_payment(&live.id, PaymentStatus::Expired, None, now).await?;
            follow::enqueue_release(app, &mut tx, &live.id, &task.request_id).await?;
        }
        tx.release_promo(&order_id, now).await?;
        let details = json!({ "order_id": order_id });
        tell::note(app, &mut tx, &order.client, "order.expired", "system", details).await?;
        funds::ended(app, &mut tx, &guide, &order, &task.request_id).await?;
        messages::refresh(app, &mut tx, &guide, &order, None, &task.request_id).await?;
    }
    tx.finish_job(&task.lease, now).await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(())
}

/// Whether somebody is paying at this moment: the provider can't call the payment off any more. When nobody can tell, it
/// is ended here, and what comes late is real money all the same.
async fn is_being_paid(app: &App, task: &Task, live: &Payment) -> bool {
    let can_cancel = match keys::provider(app, &task.tenant, &live.provider).await {
        Ok(provider) => provider.capabilities().cancels_pending,
        Err(_) => return false,
    };
    if can_cancel
        && follow::let_go(app, &task.tenant, &live.id, &task.request_id)
            .await
            .is_err()
    {
        return false;
    }
    match follow::seen_of(app, &task.tenant, live).await {
        Ok(Some(seen)) => matches!(seen.observation, Observation::Pending | Observation::Held { .. }),
        _ => false,
    }
}

/// An order nobody wants any more: called off by the client or an administrator.
///
/// Errors: `NotFound`; a conflict `order_not_payable` for one that is paid or closed.
pub async fn cancel(app: &App, caller: &Caller, order: &OrderId) -> Result<()> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    cancel_in(app, &mut tx, caller, order, None).await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(())
}

/// As [`cancel`], in the transaction of its cause; who commits it wakes workers and deliveries. `answered`: the message
/// whose button called it off, which the turn itself writes over.
pub(crate) async fn cancel_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    order: &OrderId,
    answered: Option<&str>,
) -> Result<()> {
    let now = app.now();
    let found = tx.lock_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
    if !tx.close_order(order, OrderStatus::Canceled, now).await? {
        return Err(Error::conflict("order_not_payable", "this order is paid or closed"));
    }
    if let Some(live) = tx.live_payment_of(order).await? {
        tx.close_payment(&live.id, PaymentStatus::Canceled, None, now).await?;
        follow::enqueue_release(app, tx, &live.id, &caller.request_id).await?;
    }
    tx.release_promo(order, now).await?;
    let guide = settings::guide_in(app, tx).await?;
    funds::ended(app, tx, &guide, &found, &caller.request_id).await?;
    messages::refresh(app, tx, &guide, &found, answered, &caller.request_id).await?;
    let details = json!({ "order_id": order });
    tell::note(
        app,
        tx,
        &found.client,
        "order.canceled",
        &caller.actor.to_string(),
        details.clone(),
    )
    .await?;
    tx.record_audit(&audit(app, caller, "order.canceled", order.as_ref(), details))
        .await?;
    Ok(())
}
