//! What was spent on an order, and what would be fair to give back of it.
//!
//! A client may leave at any time and pays only for what was delivered and what was really spent (law on consumer
//! protection, article 32): an administrator logs costs as they come, and sees how the proposed sum came about.

use domain::ids::{OrderCostId, OrderId, PaymentId};
use domain::language::Localized;
use domain::money::{BasisPoints, Money};
use domain::order::{Grant, OrderStatus};
use domain::payment::Concern;
use domain::refund::propose;
use domain::time::Timestamp;
use serde_json::json;
use store::{Order, OrderCost, OrderLine, PageRequest, PaymentFilter};

use super::ask::Matter;
use super::refund::refundable;
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};

const MAX_NOTE_CHARS: usize = 500;
/// An order has few payments.
const FEW: PageRequest = PageRequest { limit: 20, after: None };
/// What is sold by the month is delivered by the day.
const MONTH_MS: i64 = 30 * 24 * 60 * 60_000;

/// Where a sum of the explanation comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Because {
    Paid,
    Delivered,
    Cost,
    Refunded,
}

/// One step from what was paid to what is proposed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    pub because: Because,
    pub title: Localized,
    /// Negative takes away.
    pub amount: Money,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fair {
    pub payment: PaymentId,
    pub left: Money,
    pub proposed: Money,
    pub steps: Vec<Step>,
}

/// Notes what was spent. Errors: `NotFound` order; `Invalid` names `amount` or `note`.
pub async fn log(app: &App, caller: &Caller, order: &OrderId, amount: Money, note: &str) -> Result<OrderCost> {
    let note = note.trim();
    let is_odd = |letter: char| letter.is_control() && letter != '\n';
    if note.is_empty() || note.chars().count() > MAX_NOTE_CHARS || note.chars().any(is_odd) {
        let sentence = format!("1 to {MAX_NOTE_CHARS} characters: what was it spent on?");
        return Err(Error::invalid("note", "length", sentence));
    }
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let order = tx.lock_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
    if !amount.is_positive() || amount.currency != order.total.currency {
        let sentence = "a sum above zero in the order's currency";
        return Err(Error::invalid("amount", "invalid", sentence));
    }
    let cost = OrderCost {
        id: app.new_id(),
        order: order.id.clone(),
        amount,
        note: note.to_owned(),
        actor: caller.actor.to_string(),
        created_at: app.now(),
    };
    tx.insert_order_cost(&cost).await?;
    let details = json!({ "order_id": order.id, "amount": amount });
    tx.record_audit(&audit(app, caller, "order.cost_logged", cost.id.as_ref(), details))
        .await?;
    tx.commit().await?;
    Ok(cost)
}

/// Oldest first. Errors: `NotFound` order.
pub async fn list(app: &App, caller: &Caller, order: &OrderId) -> Result<Vec<OrderCost>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    tx.find_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
    Ok(tx.order_costs(order).await?)
}

/// Takes back a cost that was noted by mistake. Errors: `NotFound`.
pub async fn remove(app: &App, caller: &Caller, id: &OrderCostId) -> Result<()> {
    let missing = || Error::NotFound { what: "cost" };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let cost = tx.find_order_cost(id).await?.ok_or_else(missing)?;
    if !tx.delete_order_cost(id).await? {
        return Err(missing());
    }
    let details = json!({ "order_id": cost.order, "amount": cost.amount });
    tx.record_audit(&audit(app, caller, "order.cost_removed", id.as_ref(), details))
        .await?;
    tx.commit().await?;
    Ok(())
}

/// What would be fair to give back of an order. `delivered`: the share of it, if somebody knows better than its lines.
///
/// Errors: `NotFound` order; a conflict `refund_not_paid`.
pub async fn fair(app: &App, caller: &Caller, order: &OrderId, delivered: Option<BasisPoints>) -> Result<Fair> {
    let now = app.now();
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let order = tx.find_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
    let filter = PaymentFilter {
        order: Some(order.id.clone()),
        ..PaymentFilter::default()
    };
    let payments = tx.list_payments(&filter, &FEW).await?.items;
    let payment = payments
        .into_iter()
        .find(|payment| payment.status.is_paid() && payment.concern != Some(Concern::OrderNotWaiting))
        .ok_or_else(|| Error::conflict("refund_not_paid", "nothing was paid for this order"))?;
    let is_handed_over = !tx.has_open_task_of_order(&order.id, Matter::GiveByHand.code()).await?;
    let lines = tx.order_lines(&order).await?;
    let costs = tx.order_costs(&order.id).await?;
    drop(tx);
    let uncountable =
        |error: domain::money::MoneyError| Error::internal(format!("a refund can't be proposed: {error}"));
    let zero = Money::zero(payment.amount.currency);
    let mut steps = vec![Step {
        because: Because::Paid,
        title: Localized::new("Оплачено", "Paid"),
        amount: payment.amount,
    }];
    match delivered {
        Some(share) => steps.push(Step {
            because: Because::Delivered,
            title: Localized::new(
                format!("Выдано {}", share.format(domain::language::Language::Ru)),
                format!("{} delivered", share.format(domain::language::Language::En)),
            ),
            amount: payment.amount.percent(share),
        }),
        None => {
            for line in &lines {
                let amount = delivered_of(&order, line, is_handed_over, now);
                steps.push(Step {
                    because: Because::Delivered,
                    title: line.title.clone(),
                    amount,
                });
            }
        }
    }
    steps.extend(costs.into_iter().map(|cost| Step {
        because: Because::Cost,
        title: Localized::new(cost.note.clone(), cost.note),
        amount: cost.amount,
    }));
    let back = payment.refunded.checked_add(payment.reserved).map_err(uncountable)?;
    let kept =
        Money::sum(payment.amount.currency, steps.iter().skip(1).map(|step| step.amount)).map_err(uncountable)?;
    steps.push(Step {
        because: Because::Refunded,
        title: Localized::new("Уже возвращено", "Given back already"),
        amount: back,
    });
    // Everything but what was paid takes away; what takes nothing away explains nothing.
    for step in steps.iter_mut().skip(1) {
        step.amount = zero.checked_sub(step.amount).map_err(uncountable)?;
    }
    steps.retain(|step| !step.amount.is_zero());
    let refundable = refundable(&payment);
    let nothing = BasisPoints::new(0).ok_or_else(|| Error::internal("zero is a share"))?;
    Ok(Fair {
        left: refundable.left().map_err(uncountable)?,
        proposed: propose(&refundable, nothing, kept).map_err(uncountable)?,
        payment: payment.id,
        steps,
    })
}

/// How much of a line the client has: a programme is delivered when it is sent, a month's work by the day, everything else
/// when the person who gives it says so.
fn delivered_of(order: &Order, line: &OrderLine, is_handed_over: bool, now: Timestamp) -> Money {
    let zero = Money::zero(line.total.currency);
    let Some(since) = order.fulfilled_at.filter(|_| order.status == OrderStatus::Fulfilled) else {
        return zero;
    };
    let is_by_hand = line.grants.iter().any(|grant| *grant != Grant::FullProgram);
    if line.is_monthly && is_by_hand {
        let whole = MONTH_MS.saturating_mul(i64::from(line.quantity)).max(1);
        let passed = now.millis_since(since).clamp(0, whole);
        let share = u16::try_from(passed.saturating_mul(10_000) / whole).unwrap_or(10_000);
        return BasisPoints::new(share).map_or(line.total, |share| line.total.percent(share));
    }
    if is_by_hand && !is_handed_over {
        return zero;
    }
    line.total
}
