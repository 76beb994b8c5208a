//! Refunds made in a provider's own cabinet: booked here as they are there, with everything that follows from a refund.
//!
//! Where a provider tells each refund by its id, that id is what is booked once. Where it tells only sums, what goes
//! beyond ours is booked, and only while none of ours is under way: the two could be taken for each other.

use domain::ids::{Id, PaymentId, RefundId, RequestId, TenantId};
use domain::money::Money;
use domain::payment::Observation;
use domain::refund::{RefundOrigin, RefundStatus};
use providers::payments::{ListedRefund, RefundSeen, RefundState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{NewRefund, Order, Payment, Refund, Tx};

use super::ask::{self, About, Matter};
use super::{MANUAL, funds, keys, provider_error, refund, telegram, tell};
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::payments::PaymentSettings;
use crate::settings::{self, Guide};
use crate::work::{self, Task};

pub const JOB: &str = "look_at_refunds";

const ACTOR: &str = "provider";

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    payment_id: PaymentId,
}

/// What a look at one refund of a provider led to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Looked {
    Known,
    /// Written down just now.
    Booked(RefundId),
    /// It is under way there, or stands in the way of one of ours: another look will tell.
    Later,
    /// Ours had succeeded, theirs did not.
    NotThere(Box<Refund>),
}

/// The provider says that more went back than we know of: a job asks for the refunds, one by one.
pub(super) async fn notice(
    app: &App,
    tx: &mut Tx,
    payment: &Payment,
    theirs: Option<Money>,
    request_id: &RequestId,
) -> Result<()> {
    let known = payment.refunded.minor.saturating_add(payment.reserved.minor);
    let Some(theirs) = theirs.filter(|theirs| {
        theirs.minor.min(payment.amount.minor) > known
            && payment.provider != MANUAL
            && !telegram::is_native(&payment.provider)
    }) else {
        return Ok(());
    };
    let payload = Payload {
        payment_id: payment.id.clone(),
    };
    let key = format!("{JOB}:{}:{}:{known}", payment.id, theirs.minor);
    tx.enqueue_job(&work::job(app, JOB, Some(key), &payload, request_id)?)
        .await?;
    Ok(())
}

/// The job.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { payment_id } = task.payload()?;
    look(app, &task.tenant, &payment_id, &task.request_id).await?;
    task.finish(app).await
}

/// Asks the provider for the refunds of a payment and writes down what is new.
///
/// Errors: `NotFound` payment; `Unavailable` when the provider is away.
pub(super) async fn look(app: &App, tenant: &TenantId, payment: &PaymentId, request_id: &RequestId) -> Result<()> {
    let mut tx = app.tenant(tenant).read().await?;
    let found = tx
        .find_payment(payment)
        .await?
        .ok_or(Error::NotFound { what: "payment" })?;
    drop(tx);
    let Some(known) = found.provider_payment.filter(|_| found.paid_at.is_some()) else {
        return Ok(());
    };
    let provider = keys::provider(app, tenant, &found.provider).await?;
    let listed = provider.refunds_of(&known).await.map_err(provider_error)?;
    let seen = match &listed {
        Some(_) => None,
        None => Some(provider.status(&known).await.map_err(provider_error)?),
    };
    let guide = settings::guide(app, tenant).await?;
    let mut tx = app.tenant(tenant).write().await?;
    for listed in listed.iter().flatten() {
        book(app, &mut tx, &guide, payment, listed, request_id).await?;
    }
    if let Some(seen) = &seen {
        let is_paid = matches!(seen.observation, Observation::Succeeded { .. });
        match seen.refunded {
            Some(sum) => {
                book_sum(app, &mut tx, &guide, payment, sum, request_id).await?;
            }
            None if is_paid && provider.hides_parts() => {
                unclear(app, &mut tx, &guide, payment, request_id).await?;
            }
            None => {}
        }
    }
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(())
}

/// A part went back there, nobody says how much, and nothing of ours can be it: a person looks into the cabinet.
///
/// Returns whether that is so.
pub(super) async fn unclear(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payment: &PaymentId,
    request_id: &RequestId,
) -> Result<bool> {
    let (order, payment) = locked(tx, payment).await?;
    if !payment.status.is_paid() || payment.refunded.is_positive() || payment.reserved.is_positive() {
        return Ok(false);
    }
    let about = About {
        order: Some(&order),
        payment: Some(&payment),
        refund: None,
    };
    let facts =
        json!({ "gap": "refund_missing_here", "provider_payment": payment.provider_payment, "amount": payment.amount });
    let key = format!("{}:refunded_in_part", payment.id);
    ask::person(app, tx, guide, Matter::Difference, &key, about, &facts, request_id).await?;
    Ok(true)
}

async fn locked(tx: &mut Tx, payment: &PaymentId) -> Result<(Order, Payment)> {
    let missing = || Error::NotFound { what: "payment" };
    let found = tx.find_payment(payment).await?.ok_or_else(missing)?;
    let order = tx.lock_order(&found.order).await?.ok_or_else(missing)?;
    let payment = tx.lock_payment(payment).await?.ok_or_else(missing)?;
    Ok((order, payment))
}

/// Writes down what a provider says of one refund.
pub(super) async fn book(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payment: &PaymentId,
    listed: &ListedRefund,
    request_id: &RequestId,
) -> Result<Looked> {
    let (order, payment) = locked(tx, payment).await?;
    let mut known = tx.refund_of_provider(&payment.id, &listed.id).await?;
    if let (None, Some(reference)) = (&known, listed.reference.as_deref().and_then(RefundId::parse)) {
        known = tx
            .find_refund(&reference)
            .await?
            .filter(|refund| refund.payment == payment.id);
    }
    match (known, &listed.state) {
        (Some(refund), state) if refund.status.is_live() => {
            let seen = RefundSeen {
                id: Some(listed.id.clone()),
                state: state.clone(),
            };
            let settings = PaymentSettings::load(tx).await?;
            let status = refund::write_in(app, tx, guide, &refund.id, &seen, &settings, request_id).await?;
            Ok(if status.is_live() {
                Looked::Later
            } else {
                Looked::Booked(refund.id)
            })
        }
        (Some(refund), RefundState::Failed { .. }) if refund.status == RefundStatus::Succeeded => {
            Ok(Looked::NotThere(Box::new(refund)))
        }
        // One of ours that had failed, too: the money is gone all the same.
        (known, RefundState::Succeeded)
            if known
                .as_ref()
                .is_none_or(|refund| refund.status == RefundStatus::Failed) =>
        {
            given_back(
                app,
                tx,
                guide,
                (&order, &payment),
                listed.amount,
                Some(&listed.id),
                request_id,
            )
            .await
        }
        (None, RefundState::Pending) => Ok(Looked::Later),
        _ => Ok(Looked::Known),
    }
}

/// Writes down that `sum` went back in all, by a provider that tells no more than that.
pub(super) async fn book_sum(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    payment: &PaymentId,
    sum: Money,
    request_id: &RequestId,
) -> Result<Looked> {
    let (order, payment) = locked(tx, payment).await?;
    if payment.reserved.is_positive() {
        return Ok(Looked::Later);
    }
    // Of a hold that was taken in part the whole is told.
    let more = sum
        .minor
        .min(payment.amount.minor)
        .saturating_sub(payment.refunded.minor);
    if more <= 0 || sum.currency != payment.amount.currency {
        return Ok(Looked::Known);
    }
    let amount = Money::new(more, sum.currency);
    given_back(app, tx, guide, (&order, &payment), amount, None, request_id).await
}

async fn given_back(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    (order, payment): (&Order, &Payment),
    amount: Money,
    provider_refund: Option<&str>,
    request_id: &RequestId,
) -> Result<Looked> {
    let lines = tx.order_lines(order).await?;
    let id: RefundId = app.new_id();
    let new = NewRefund {
        id: id.clone(),
        payment: payment.id.clone(),
        order: order.id.clone(),
        client: payment.client.clone(),
        amount,
        parts: funds::parts(tx, order, payment, &lines, amount).await?,
        reason: String::new(),
        actor: ACTOR.to_owned(),
        origin: RefundOrigin::Provider,
        now: app.now(),
    };
    // One of ours has promised the same money; the provider will refuse that one.
    if !tx.insert_refund(&new).await? {
        return Ok(Looked::Later);
    }
    let missing = || Error::NotFound { what: "refund" };
    let refund = tx.find_refund(&id).await?.ok_or_else(missing)?;
    tx.succeed_refund(&refund, provider_refund, app.now()).await?;
    let settings = PaymentSettings::load(tx).await?;
    refund::succeeded(app, tx, guide, &settings, order, payment, &refund, request_id).await?;
    tx.question_receipt(&id).await?;
    let details = json!({ "refund_id": id, "payment_id": payment.id, "amount": amount });
    tell::note(app, tx, &payment.client, "refund.at_provider", ACTOR, details).await?;
    tracing::warn!(refund.id = %id, payment.id = %payment.id, "a refund made at the provider was booked");
    Ok(Looked::Booked(id))
}
