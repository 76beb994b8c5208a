//! Whose money is whose: what came for an order, what it still needs, and what is left over in the client's wallet.
//!
//! A payment belongs to one order. What an order's payments brought and its lines don't use lies in the wallet: it came
//! twice, it was too much, or it waits for the rest. That part goes back first, and only that may serve another order.

use domain::ids::{OrderId, PaymentId, RequestId};
use domain::ledger::parts_of_refund;
use domain::money::Money;
use domain::payment::Concern;
use domain::refund::RefundStatus;
use serde_json::json;
use store::{NewTransfer, Order, OrderLine, Payment, RefundFilter, RefundPart, Tx};

use super::ask::{self, About, Matter};
use super::{follow, give, tell};
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings::{self, Guide};

/// An order has few refunds; more than this is an attack or a mistake.
const MOST_REFUNDS: u32 = 100;

/// What must still be paid: the price without what came for it.
pub(crate) async fn due(tx: &mut Tx, order: &Order) -> Result<Money> {
    let came = tx.money_of_order(&order.id, order.total.currency).await?;
    Ok(Money::new(
        order.total.minor.saturating_sub(came.minor.max(0)).max(0),
        order.total.currency,
    ))
}

/// What each line still has, with refunds under way taken off. Nothing before it was charged.
async fn left_of_lines(tx: &mut Tx, order: &Order, lines: &[OrderLine]) -> Result<Vec<Money>> {
    if order.paid_at.is_none() || order.total.is_zero() {
        return Ok(lines.iter().map(|line| Money::zero(line.total.currency)).collect());
    }
    let mut left: Vec<i64> = lines
        .iter()
        .map(|line| line.total.minor.saturating_sub(line.refunded.minor))
        .collect();
    let page = store::PageRequest {
        limit: MOST_REFUNDS,
        after: None,
    };
    for status in [RefundStatus::Requested, RefundStatus::Pending] {
        let filter = RefundFilter {
            order: Some(order.id.clone()),
            status: Some(status),
        };
        let live = tx.list_refunds(&filter, &page).await?.items;
        for part in live.iter().flat_map(|refund| &refund.parts) {
            for (line, left) in lines.iter().zip(&mut left) {
                if line.position == part.position {
                    *left = left.saturating_sub(part.amount_minor);
                }
            }
        }
    }
    Ok(left
        .into_iter()
        .zip(lines)
        .map(|(minor, line)| Money::new(minor, line.total.currency))
        .collect())
}

/// What of an order's money its lines don't use.
async fn spare(tx: &mut Tx, order: &Order, left: &[Money]) -> Result<i64> {
    let came = tx.money_of_order(&order.id, order.total.currency).await?;
    // What was paid in another currency serves the lines alone.
    let used: i64 = if tx.has_foreign_money(&order.id, order.total.currency).await? {
        0
    } else {
        left.iter().map(|money| money.minor).sum()
    };
    Ok(came.minor.saturating_sub(used).max(0))
}

/// What each line gives up for a refund of `amount`. What is spare goes back first and costs no line anything.
pub(super) async fn parts(
    tx: &mut Tx,
    order: &Order,
    payment: &Payment,
    lines: &[OrderLine],
    amount: Money,
) -> Result<Vec<RefundPart>> {
    let left = left_of_lines(tx, order, lines).await?;
    // Paid in another currency than the order's: it goes back as a whole, so each line gives up all it has left.
    if amount.currency != order.total.currency {
        let is_spare = payment.concern == Some(Concern::OrderNotWaiting);
        return Ok(lines
            .iter()
            .zip(&left)
            .map(|(line, left)| RefundPart {
                position: line.position,
                amount_minor: left.minor,
            })
            .filter(|part| part.amount_minor > 0 && !is_spare)
            .collect());
    }
    let spare = spare(tx, order, &left).await?;
    let all: i64 = left.iter().map(|money| money.minor).sum();
    let from_lines = amount.minor.saturating_sub(spare).min(all);
    if from_lines <= 0 {
        return Ok(Vec::new());
    }
    let earned: Vec<_> = lines
        .iter()
        .zip(&left)
        .map(|(line, left)| (line.product.clone(), *left, Money::zero(left.currency)))
        .collect();
    let parts = parts_of_refund(&earned, Money::new(from_lines, amount.currency))
        .map_err(|error| Error::internal(error.to_string()))?;
    Ok(lines
        .iter()
        .zip(parts)
        .map(|(line, (_, money))| RefundPart {
            position: line.position,
            amount_minor: money.minor,
        })
        .filter(|part| part.amount_minor > 0)
        .collect())
}

/// The share of each line in `amount`, for what is written about a part. `None`: it is more than all of them.
pub(super) fn shares(lines: &[OrderLine], amount: Money) -> Option<Vec<Money>> {
    let sum = Money::sum(amount.currency, lines.iter().map(|line| line.total)).ok()?;
    (amount.minor <= sum.minor)
        .then(|| amount.split(&weights(lines)).ok())
        .flatten()
}

/// What each line weighs when a sum is split over them: what it costs.
pub(super) fn weights(lines: &[OrderLine]) -> Vec<u64> {
    lines
        .iter()
        .map(|line| line.total.minor.max(0).unsigned_abs())
        .collect()
}

/// An order that is about to be paid. `price`: what it costs in the currency it is paid in.
pub(super) struct Sale<'a> {
    pub guide: &'a Guide,
    pub order: &'a Order,
    pub lines: &'a [OrderLine],
    pub price: Money,
    pub request_id: &'a RequestId,
}

impl Sale<'_> {
    /// An order has what it costs: it is charged, given, and no other link takes its money again. `booked` is what is booked
    /// together with it.
    pub(super) async fn complete(&self, app: &App, tx: &mut Tx, mut booked: Vec<NewTransfer>) -> Result<()> {
        let order = self.order;
        let missing = || Error::NotFound { what: "client" };
        let client = tx.find_client(&order.client).await?.ok_or_else(missing)?;
        booked.extend(give::charge(app, order, self.lines, self.price, self.request_id)?);
        tx.post(&booked).await?;
        give::paid(app, tx, self.guide, order, &client, self.price, self.request_id).await?;
        let now = app.now();
        // What was short is there now, what was held is taken.
        for matter in [Matter::OtherAmount, Matter::Held] {
            tx.finish_tasks_of_order(&order.id, matter.code(), "system", now)
                .await?;
        }
        if let Some(live) = tx.live_payment_of(&order.id).await? {
            follow::call_off(app, tx, &live.id, "order_paid", self.request_id).await?;
        }
        Ok(())
    }
}

/// An order ends unpaid although money came for it: a person decides what becomes of that.
pub(super) async fn ended(app: &App, tx: &mut Tx, guide: &Guide, order: &Order, request_id: &RequestId) -> Result<()> {
    let came = tx.money_of_order(&order.id, order.total.currency).await?;
    if !came.is_positive() {
        return Ok(());
    }
    let about = About {
        order: Some(order),
        ..About::default()
    };
    let facts = json!({ "agreed": order.total, "came": came, "order": "closed" });
    let key = format!("{}:closed:{}", order.id, came.minor);
    ask::person(app, tx, guide, Matter::OtherAmount, &key, about, &facts, request_id).await?;
    Ok(())
}

/// Lets the money of a payment that its own order does not use serve another order of the same client. An order that has
/// what it costs with it is paid at once.
///
/// Errors: `NotFound` payment; `Invalid` names `order_id`; conflicts `payment_in_use`, `order_not_payable`,
/// `refund_under_way`.
pub async fn reuse(app: &App, caller: &Caller, payment: &PaymentId, order: &OrderId) -> Result<Payment> {
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let missing = || Error::NotFound { what: "payment" };
    let found = tx.find_payment(payment).await?.ok_or_else(missing)?;
    let unknown = || Error::invalid("order_id", "not_found", "there is no such order of this client");
    // Two orders at once are locked in the order of their ids.
    let (first, second) = if found.order < *order {
        (&found.order, order)
    } else {
        (order, &found.order)
    };
    tx.lock_order(first).await?.ok_or_else(unknown)?;
    tx.lock_order(second).await?.ok_or_else(unknown)?;
    let own = tx.find_order(&found.order).await?.ok_or_else(missing)?;
    let other = tx
        .find_order(order)
        .await?
        .filter(|other| other.client == found.client && other.id != found.order)
        .ok_or_else(unknown)?;
    let payment = tx.lock_payment(&found.id).await?.ok_or_else(missing)?;
    if payment.reserved.is_positive() {
        return Err(Error::conflict(
            "refund_under_way",
            "a refund of this payment is under way; try again when it has ended",
        ));
    }
    if !other.status.is_payable() || other.total.currency != payment.amount.currency {
        return Err(Error::conflict(
            "order_not_payable",
            "this order does not wait for such a payment",
        ));
    }
    let rest = payment.amount.minor.saturating_sub(payment.refunded.minor);
    let lines = tx.order_lines(&own).await?;
    let left = left_of_lines(&mut tx, &own, &lines).await?;
    if rest <= 0 || payment.paid_at.is_none() || spare(&mut tx, &own, &left).await? < rest {
        return Err(Error::conflict(
            "payment_in_use",
            "the money of this payment is used by its own order: give back what is spare instead",
        ));
    }
    if !tx.move_payment(&payment.id, &other.id).await? {
        return Err(Error::conflict(
            "payment_in_use",
            "this payment changed meanwhile; try again",
        ));
    }
    let details = json!({ "payment_id": payment.id, "from": own.id, "to": other.id, "amount_minor": rest });
    let actor = caller.actor.to_string();
    tell::note(app, &mut tx, &payment.client, "payment.moved", &actor, details.clone()).await?;
    tx.record_audit(&audit(app, caller, "payment.moved", payment.id.as_ref(), details))
        .await?;
    if due(&mut tx, &other).await?.is_zero() {
        let lines = tx.order_lines(&other).await?;
        let sale = Sale {
            guide: &guide,
            order: &other,
            lines: &lines,
            price: other.total,
            request_id: &caller.request_id,
        };
        sale.complete(app, &mut tx, Vec::new()).await?;
    }
    for kind in [Matter::PaidTwice, Matter::OtherAmount] {
        tx.finish_tasks_of_order(&own.id, kind.code(), &actor, app.now())
            .await?;
    }
    let payment = tx.find_payment(&payment.id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(payment)
}
