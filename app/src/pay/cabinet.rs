//! Refunds made in a provider's own cabinet: booked here as they are there, with everything that follows from a refund.
//!
//! Where a provider tells each refund by its id, that id is what is booked once. Where it tells only sums, what goes
//! beyond ours is booked, and only while none of ours is under way: the two could be taken for each other. Where it tells
//! of a part without its sum, a person enters that.

use domain::ids::{Id, PaymentId, RefundId, RequestId, TenantId};
use domain::money::Money;
use domain::payment::Observation;
use domain::refund::{GoneBack, RefundBy, RefundOrigin, RefundStatus, check, check_recorded};
use providers::payments::{ListedRefund, RefundSeen, RefundState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Order, Payment, Refund, Tx};

use super::ask::{self, About, Matter};
use super::refund::{self, Wish};
use super::{MANUAL, follow, keys, provider_error, telegram, tell};
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::payments::PaymentSettings;
use crate::settings::{self, Guide};
use crate::work::{self, Task};

pub const JOB: &str = "look_at_refunds";

const ACTOR: &str = "provider";
/// Looks for a part whose sum nobody tells are one within this time.
const ONE_LOOK_MS: i64 = 10 * 60_000;

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
    if !has_cabinet(payment) {
        return Ok(());
    }
    let known = payment.refunded.minor.saturating_add(payment.reserved.minor);
    let told = match theirs {
        Some(theirs) if theirs.minor.min(payment.amount.minor) > known => theirs.minor.to_string(),
        // Asked about now and then: what is on its way back arrives some day.
        None if known == 0 && hides_parts(app, tx, payment).await => {
            format!("part:{}", app.now().millis() / ONE_LOOK_MS)
        }
        _ => return Ok(()),
    };
    let payload = Payload {
        payment_id: payment.id.clone(),
    };
    let key = format!("{JOB}:{}:{told}:{known}", payment.id);
    tx.enqueue_job(&work::job(app, JOB, Some(key), &payload, request_id)?)
        .await?;
    Ok(())
}

/// Whether its provider has a cabinet in which money can be given back beside us.
fn has_cabinet(payment: &Payment) -> bool {
    payment.provider != MANUAL && !telegram::is_native(&payment.provider)
}

async fn hides_parts(app: &App, tx: &mut Tx, payment: &Payment) -> bool {
    let provider = keys::provider_in(app, tx, &payment.provider).await;
    provider.is_ok_and(|provider| provider.hides_parts())
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
    let is_unclear = match &seen {
        Some(seen) if seen.refunded.is_none() && provider.hides_parts() => {
            matches!(seen.observation, Observation::Succeeded { .. })
                && !provider.is_giving_back(&known).await.map_err(provider_error)?
        }
        _ => false,
    };
    let guide = settings::guide(app, tenant).await?;
    let mut tx = app.tenant(tenant).write().await?;
    for listed in listed.iter().flatten() {
        book(app, &mut tx, &guide, payment, listed, request_id).await?;
    }
    if let Some(sum) = seen.and_then(|seen| seen.refunded) {
        book_sum(app, &mut tx, &guide, payment, sum, request_id).await?;
    }
    if is_unclear {
        unclear(app, &mut tx, &guide, payment, request_id).await?;
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
    let key = part_of(&payment.id);
    ask::person(app, tx, guide, Matter::Difference, &key, about, &facts, request_id).await?;
    Ok(true)
}

/// What the task about a part of a payment is known by.
fn part_of(payment: &PaymentId) -> String {
    format!("{payment}:refunded_in_part")
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
            let made = Made {
                amount: listed.amount,
                id: Some(&listed.id),
                by: None,
            };
            given_back(app, tx, guide, (&order, &payment), made, request_id).await
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
    let made = Made {
        amount: Money::new(more, sum.currency),
        id: None,
        by: None,
    };
    given_back(app, tx, guide, (&order, &payment), made, request_id).await
}

/// Writes down a refund that an administrator has made in the cabinet of a provider that doesn't say how much it was.
///
/// Errors: `NotFound` payment; `Invalid` names `reason`; conflicts `refund_no_cabinet`, `refund_told_by_provider`,
/// `refund_under_way`, and those of [`check_recorded`] when the provider says otherwise; `Unavailable` when it is away.
pub async fn record(app: &App, caller: &Caller, payment: &PaymentId, amount: Money, reason: &str) -> Result<Refund> {
    let reason = refund::checked_reason(reason, true)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let found = tx
        .find_payment(payment)
        .await?
        .ok_or(Error::NotFound { what: "payment" })?;
    drop(tx);
    // What is wrong by itself is said before anybody else is asked.
    let refundable = refund::refundable(&found);
    check(&refundable, Some(amount), RefundBy::Administrator, app.now())
        .map_err(|refusal| refund::refused(&refusal))?;
    let there = gone_back(app, &caller.tenant, &found).await?;
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let (order, payment) = locked(&mut tx, payment).await?;
    if payment.reserved.is_positive() {
        return Err(refund::under_way());
    }
    let amount = check_recorded(&refund::refundable(&payment), amount, there, app.now())
        .map_err(|refusal| refund::refused(&refusal))?;
    let made = Made {
        amount,
        id: None,
        by: Some((caller, reason)),
    };
    let places = (&order, &payment);
    let Looked::Booked(id) = given_back(app, &mut tx, &guide, places, made, &caller.request_id).await? else {
        return Err(refund::under_way());
    };
    let details = json!({ "refund_id": id, "payment_id": payment.id, "amount": amount });
    tx.record_audit(&audit(app, caller, "refund.recorded", id.as_ref(), details))
        .await?;
    let refund = tx.find_refund(&id).await?.ok_or(Error::NotFound { what: "refund" })?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(refund)
}

/// What a provider that hides parts says now.
async fn gone_back(app: &App, tenant: &TenantId, payment: &Payment) -> Result<GoneBack> {
    if !has_cabinet(payment) {
        let detail = "this payment has no provider's cabinet: give it back with POST /api/payments/{id}/refund";
        return Err(Error::conflict("refund_no_cabinet", detail));
    }
    let provider = keys::provider(app, tenant, &payment.provider).await?;
    if !provider.hides_parts() {
        let detail = "this provider tells each refund with its sum: ask it with POST /api/payments/{id}/check";
        return Err(Error::conflict("refund_told_by_provider", detail));
    }
    let nothing = GoneBack::Sum(Money::zero(payment.amount.currency));
    let (Some(seen), Some(known)) = (follow::seen_of(app, tenant, payment).await?, &payment.provider_payment) else {
        return Ok(nothing);
    };
    Ok(match (seen.observation, seen.refunded) {
        (Observation::Succeeded { .. }, Some(sum)) => GoneBack::Sum(sum),
        (Observation::Succeeded { .. }, None) => {
            if provider.is_giving_back(known).await.map_err(provider_error)? {
                GoneBack::UnderWay
            } else {
                GoneBack::Part
            }
        }
        _ => nothing,
    })
}

/// A refund that was made in the cabinet.
struct Made<'a> {
    amount: Money,
    /// The provider's own, where it tells one.
    id: Option<&'a str>,
    /// Who has entered it, and why; the provider told it otherwise.
    by: Option<(&'a Caller, &'a str)>,
}

async fn given_back(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    (order, payment): (&Order, &Payment),
    made: Made<'_>,
    request_id: &RequestId,
) -> Result<Looked> {
    let person = made.by.map(|(caller, _)| caller.actor.to_string());
    let actor = person.clone().unwrap_or_else(|| ACTOR.to_owned());
    let wish = Wish {
        amount: made.amount,
        reason: made.by.map_or("", |(_, reason)| reason),
        actor: actor.clone(),
        origin: RefundOrigin::Provider,
    };
    // One of ours has promised the same money; the provider will refuse that one.
    let Some(refund) = refund::promise(app, tx, order, payment, wish).await? else {
        return Ok(Looked::Later);
    };
    let now = app.now();
    tx.succeed_refund(&refund, made.id, now).await?;
    let settings = PaymentSettings::load(tx).await?;
    refund::succeeded(app, tx, guide, &settings, order, payment, &refund, request_id).await?;
    tx.question_receipt(&refund.id).await?;
    // Whoever was asked to look how much it was need not look any more.
    if let Some(task) = ask::open_task(tx, Matter::Difference, &part_of(&payment.id)).await? {
        match &person {
            Some(person) => {
                tx.finish_task(&task.id, person, now).await?;
            }
            None => {
                let reason = json!({ "refund_id": refund.id });
                ask::settled(tx, &task, Matter::Difference, &reason, now).await?;
            }
        }
    }
    let details = json!({ "refund_id": refund.id, "payment_id": payment.id, "amount": made.amount });
    tell::note(app, tx, &payment.client, "refund.at_provider", &actor, details).await?;
    tracing::warn!(refund.id = %refund.id, payment.id = %payment.id, "a refund made at the provider was booked");
    Ok(Looked::Booked(refund.id))
}
