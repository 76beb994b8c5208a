//! Telegram's list of Stars beside the books. The bot reads it to us, a page a delivery: a payment and its refund are lines
//! of their own with the same charge, oldest first, and nobody can be asked about one of them alone.

use std::collections::BTreeMap;

use domain::ids::{Id, PaymentId, ReconciliationId, RequestId};
use domain::money::{Currency, Money};
use domain::payment::Observation;
use domain::reconciliation::{Gap, Outcome, Stage};
use domain::refund::RefundStatus;
use domain::time::Timestamp;
use providers::payments::{ListedRefund, RefundState, Seen};
use serde::{Deserialize, Serialize};
use store::{PageRequest, Payment, Refund, RefundFilter, Tx};

use super::super::observe::Source;
use super::super::telegram::{self, Direction, Heard, PaidBill, STARS, StarTransaction};
use super::compare::Desk;
use super::{Done, JOB, Payload};
use crate::context::App;
use crate::error::{Error, Result};
use crate::work;

/// Payments of ours that are looked through in one step; nobody outside is asked.
const BITE: u32 = 100;
/// An order has few refunds.
const FEW: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

/// What the bot has told of a page.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(in crate::pay) enum Told {
    Listed(Vec<StarTransaction>),
    Refused(String),
}

/// The bot's word goes on as the step that waits for it.
pub(in crate::pay) async fn told(
    app: &App,
    tx: &mut Tx,
    run: &ReconciliationId,
    step: u32,
    told: Told,
    request_id: &RequestId,
) -> Result<()> {
    let payload = Payload {
        provider: STARS.to_owned(),
        reconciliation_id: Some(run.clone()),
        step,
        told: Some(told),
    };
    let key = format!("{JOB}:{run}:{step}");
    tx.enqueue_job(&work::job(app, JOB, Some(key), &payload, request_id)?)
        .await?;
    Ok(())
}

/// Where the list was read to.
pub(super) fn offset(place: Option<&str>) -> u32 {
    place.and_then(|place| place.parse().ok()).unwrap_or(0)
}

/// One page of the list.
pub(super) async fn listed(desk: &Desk<'_>, told: Option<Told>) -> Result<Done> {
    let lines = match told {
        Some(Told::Listed(lines)) => lines,
        Some(Told::Refused(reason)) => {
            return Err(Error::Conflict {
                code: "stars_not_listed",
                detail: reason,
            });
        }
        None => return Err(Error::internal("a page of Stars without the bot's word")),
    };
    let mut counted = BTreeMap::new();
    for line in &lines {
        match (&line.payer, line.direction) {
            (Some(payer), Direction::In) => paid(desk, line, payer).await?,
            (Some(_), Direction::Out) => gave_back(desk, line).await?,
            (None, Direction::In) if line.at >= desk.run.since => {
                let day: &mut (u64, u64) = counted.entry(desk.day(Some(line.at))).or_default();
                day.1 += 1;
            }
            (None, _) => {}
        }
    }
    // A page may be short; an empty one is the end.
    let next = if lines.is_empty() {
        (Stage::Ours, None)
    } else {
        let read = u32::try_from(lines.len()).unwrap_or(u32::MAX);
        let offset = offset(desk.run.place.as_deref()).saturating_add(read);
        (Stage::Payments, Some(offset.to_string()))
    };
    Ok(Done {
        counted,
        next: Some(next),
        rests: false,
    })
}

fn amount(line: &StarTransaction) -> Money {
    Money::new(line.amount, Currency::Xtr)
}

/// A line as the word of any provider.
fn seen(line: &StarTransaction, refunded: Option<Money>) -> Seen {
    Seen {
        id: line.charge.clone(),
        observation: Observation::Succeeded {
            amount: amount(line),
            fee: None,
        },
        pay_url: None,
        reference: line.payload.clone(),
        amount: amount(line),
        refunded,
        is_test: false,
        saved_method: None,
    }
}

async fn known(tx: &mut Tx, line: &StarTransaction) -> Result<Option<Payment>> {
    match tx.payment_of_provider(STARS, &line.charge).await? {
        Some(id) => Ok(tx.find_payment(&id).await?),
        None => Ok(None),
    }
}

async fn paid(desk: &Desk<'_>, line: &StarTransaction, payer: &str) -> Result<()> {
    let mut tx = desk.app.tenant(desk.tenant).read().await?;
    let ours = known(&mut tx, line).await?;
    drop(tx);
    let since = desk.run.since;
    match ours {
        Some(ours) => {
            let is_of_now = line.at >= since || ours.paid_at.is_some_and(|at| at >= since);
            // What went back is compared with the line of its refund.
            if is_of_now && ours.refunded.is_zero() {
                desk.compare(&ours.id, &seen(line, None), desk.day(Some(line.at)))
                    .await?;
            }
            Ok(())
        }
        // What came after the beginning is the next comparison's: its own word may be on the way.
        None if line.at >= since && line.at <= desk.run.created_at => missing(desk, line, payer).await,
        None => Ok(()),
    }
}

/// Telegram took Stars and its word of it never came: they are settled as if it came now.
async fn missing(desk: &Desk<'_>, line: &StarTransaction, payer: &str) -> Result<()> {
    let paid = PaidBill {
        currency: Currency::Xtr.code().to_owned(),
        amount_minor: line.amount,
        payload: line.payload.clone().unwrap_or_default(),
        charge: line.charge.clone(),
        provider_charge: String::new(),
    };
    let day = desk.day(Some(line.at));
    let source = Source::Reconciliation;
    let mut tx = desk.write().await?;
    let heard = telegram::settle(desk.app, &mut tx, &desk.guide, payer, &paid, source, desk.request_id).await?;
    let (found, id) = match heard {
        Heard::Known(_) => return Ok(()),
        Heard::Settled(id) => ((Gap::BehindHere, Outcome::Mended), Some(id)),
        Heard::Second(id) => ((Gap::PaidTwice, Outcome::Task), Some(id)),
        Heard::Unknown => ((Gap::MissingHere, Outcome::Task), None),
    };
    let ours = match &id {
        Some(id) => tx.find_payment(id).await?,
        None => None,
    };
    let seen = seen(line, None);
    desk.note(&mut tx, found, &line.charge, ours.as_ref(), Some(&seen), day.clone())
        .await?;
    if let Some(id) = &id {
        desk.count(&mut tx, id, &day).await?;
    }
    tx.commit().await?;
    Ok(())
}

async fn gave_back(desk: &Desk<'_>, line: &StarTransaction) -> Result<()> {
    let mut tx = desk.app.tenant(desk.tenant).read().await?;
    let Some(ours) = known(&mut tx, line).await? else {
        return Ok(());
    };
    let booked = tx.refund_of_provider(&ours.id, &line.charge).await?;
    drop(tx);
    let since = desk.run.since;
    let is_of_now = line.at >= since || booked.is_some_and(|refund| refund.finished_at.is_some_and(|at| at >= since));
    let is_on_its_way = ours.refunded.is_zero() && line.at > desk.run.created_at;
    if !is_of_now || is_on_its_way {
        return Ok(());
    }
    let refund = ListedRefund {
        id: line.charge.clone(),
        payment: line.charge.clone(),
        reference: None,
        amount: amount(line),
        state: RefundState::Succeeded,
        created_at: Some(line.at),
    };
    desk.refund(&refund).await?;
    let day = desk.day(Some(line.at));
    desk.compare(&ours.id, &seen(line, Some(amount(line))), day).await
}

/// Our payments that the list has not shown.
pub(super) async fn ours(desk: &Desk<'_>) -> Result<Done> {
    let run = desk.run;
    let mut tx = desk.app.tenant(desk.tenant).read().await?;
    let payments = tx
        .payments_to_reconcile(&run.provider, run.since, run.created_at, run.place.as_deref(), BITE)
        .await?;
    drop(tx);
    for payment in &payments {
        unlisted(desk, payment).await?;
    }
    let is_full = u32::try_from(payments.len()).unwrap_or(BITE) >= BITE;
    let next = payments
        .last()
        .filter(|_| is_full)
        .map(|last| (Stage::Ours, Some(last.to_string())));
    Ok(Done {
        counted: BTreeMap::new(),
        next,
        rests: false,
    })
}

async fn unlisted(desk: &Desk<'_>, id: &PaymentId) -> Result<()> {
    let mut tx = desk.app.tenant(desk.tenant).read().await?;
    let Some(ours) = tx.find_payment(id).await? else {
        return Ok(());
    };
    let refund = if ours.refunded.is_positive() {
        refund_of(&mut tx, &ours).await?
    } else {
        None
    };
    drop(tx);
    // What happened while the list was read need not be on it.
    let was_before = |at: Option<Timestamp>| at.is_some_and(|at| at <= desk.run.created_at);
    let day = desk.day(Some(ours.created_at));
    match refund {
        Some(refund) if was_before(refund.finished_at) => {
            let gap = Gap::RefundMissingThere;
            let mut tx = desk.write().await?;
            desk.count(&mut tx, id, &day).await?;
            let key = format!("{id}:{gap}:{}", refund.id);
            desk.ask_about(&mut tx, gap, &key, &ours, None).await?;
            desk.note(&mut tx, (gap, Outcome::Task), id.as_str(), Some(&ours), None, day)
                .await?;
            tx.commit().await?;
            Ok(())
        }
        None if !ours.status.is_paid() || was_before(ours.paid_at) => desk.unseen(&ours, day).await,
        Some(_) | None => Ok(()),
    }
}

/// The refund of a payment that can only go back as a whole.
async fn refund_of(tx: &mut Tx, payment: &Payment) -> Result<Option<Refund>> {
    let filter = RefundFilter {
        order: Some(payment.order.clone()),
        status: Some(RefundStatus::Succeeded),
    };
    let refunds = tx.list_refunds(&filter, &FEW).await?.items;
    Ok(refunds.into_iter().find(|refund| refund.payment == payment.id))
}
