//! Money goes back: the sum is reserved, the provider asked, then books, receipt, order and people follow at once.

use domain::ids::{Id, OrderId, PaymentId, ProductId, RefundId, RequestId, TenantId};
use domain::ledger;
use domain::money::{BasisPoints, Money};
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;
use domain::refund::{RefundBy, RefundOrigin, RefundRefusal, RefundStatus, Refundable, check, propose};
use providers::payments::{Error as ProviderError, RefundIntent, RefundSeen, RefundState};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{NewRefund, NewTransfer, Order, OrderLine, Payment, Refund, RefundFilter, Tx};

use super::ask::{self, About, Matter};
use super::{MANUAL, funds, keys, provider_error, receipts, telegram, tell};
use crate::access::audit;
use crate::caller::{Actor, Caller};
use crate::context::App;
use crate::error::{Error, Result};
use crate::mail::letters;
use crate::settings::payments::PaymentSettings;
use crate::settings::{self, Guide};
use crate::work::{self, Task};

pub const JOB: &str = "refund_payment";

const MAX_REASON_CHARS: usize = 500;
/// An order has few refunds; more than this is an attack or a mistake.
const MOST_REFUNDS: u32 = 100;
/// With the growing pauses below, about half an hour of a provider that is away.
const PATIENT_LOOKS: u32 = 6;
const FIRST_LOOK_MS: i64 = 30_000;
const LONGEST_LOOK_MS: i64 = 60 * 60_000;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    refund_id: RefundId,
    #[serde(default)]
    looks: u32,
}

/// What an administrator is shown before they decide.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    pub left: Money,
    pub proposed: Money,
}

/// What is left, and what would be fair: without the part that was delivered and without costs.
///
/// Errors: `NotFound` payment.
pub async fn proposal(
    app: &App,
    caller: &Caller,
    payment: &PaymentId,
    delivered: BasisPoints,
    costs: Option<Money>,
) -> Result<Proposal> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let payment = tx
        .find_payment(payment)
        .await?
        .ok_or(Error::NotFound { what: "payment" })?;
    let refundable = refundable(&payment);
    let costs = costs.unwrap_or(Money::zero(payment.amount.currency));
    let currency = |_| Error::invalid("costs", "currency", "in the payment's currency");
    Ok(Proposal {
        left: refundable.left().map_err(currency)?,
        proposed: if payment.provider == telegram::STARS {
            refundable.left().map_err(currency)?
        } else {
            propose(&refundable, delivered, costs).map_err(currency)?
        },
    })
}

/// Asks for money back: all that is left, or `amount` of it.
///
/// A client may do so within the window of the settings, an administrator at any time with a reason.
/// Errors: `NotFound` payment; `Invalid` names `reason` or `amount`; conflicts `refund_…` with the reason.
pub async fn request(
    app: &App,
    caller: &Caller,
    payment: &PaymentId,
    amount: Option<Money>,
    reason: &str,
) -> Result<Refund> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let refund = request_in(app, &mut tx, caller, payment, amount, reason).await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(refund)
}

/// As [`request`], in the transaction of its cause; who commits it wakes the workers.
pub(crate) async fn request_in(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    payment: &PaymentId,
    amount: Option<Money>,
    reason: &str,
) -> Result<Refund> {
    let is_client = caller.actor == Actor::Client;
    let reason = checked_reason(reason, !is_client)?;
    let now = app.now();
    let settings = PaymentSettings::load(tx).await?;
    let missing = || Error::NotFound { what: "payment" };
    let found = tx.find_payment(payment).await?.ok_or_else(missing)?;
    let order = tx
        .lock_order(&found.order)
        .await?
        .ok_or(Error::NotFound { what: "order" })?;
    let payment = tx.lock_payment(&found.id).await?.ok_or_else(missing)?;
    let by = if is_client {
        RefundBy::Client {
            window_ms: settings.refund_window_ms(),
        }
    } else {
        RefundBy::Administrator
    };
    if is_client && payment.provider == MANUAL {
        return Err(Error::conflict(
            "refund_by_hand",
            "money given in cash is given back by a person",
        ));
    }
    let amount = check(&refundable(&payment), amount, by, now).map_err(|refusal| refused(&refusal))?;
    // One at a time: some providers tell only what was given back in all, and two under way could be taken for each other.
    if payment.reserved.is_positive() {
        return Err(under_way());
    }
    // Stars go back all at once or not at all.
    if payment.provider == telegram::STARS && amount != payment.amount {
        return Err(Error::conflict(
            "refund_whole_only",
            "a payment in Stars can only be given back as a whole",
        ));
    }
    let wish = Wish {
        amount,
        reason,
        actor: caller.actor.to_string(),
        origin: RefundOrigin::Here,
    };
    let refund = promise(app, tx, &order, &payment, wish)
        .await?
        .ok_or_else(|| refused(&RefundRefusal::NothingLeft))?;
    let id = &refund.id;
    let details = json!({ "refund_id": id, "payment_id": payment.id, "amount": amount });
    tell::note(
        app,
        tx,
        &payment.client,
        "refund.requested",
        &caller.actor.to_string(),
        details.clone(),
    )
    .await?;
    if matches!(caller.actor, Actor::User(_) | Actor::Key(_)) {
        tx.record_audit(&audit(app, caller, "refund.requested", id.as_ref(), details))
            .await?;
    }
    enqueue(app, tx, id, 0, &caller.request_id).await?;
    Ok(refund)
}

/// A refund to be made, or one that was made elsewhere.
pub(super) struct Wish<'a> {
    pub amount: Money,
    pub reason: &'a str,
    pub actor: String,
    pub origin: RefundOrigin,
}

/// Promises the sum to a refund, together with what each line gives up for it. Order and payment are locked by the caller.
///
/// `None`: less than that is left.
pub(super) async fn promise(
    app: &App,
    tx: &mut Tx,
    order: &Order,
    payment: &Payment,
    wish: Wish<'_>,
) -> Result<Option<Refund>> {
    let lines = tx.order_lines(order).await?;
    let new = NewRefund {
        id: app.new_id(),
        payment: payment.id.clone(),
        order: order.id.clone(),
        client: payment.client.clone(),
        amount: wish.amount,
        parts: funds::parts(tx, order, payment, &lines, wish.amount).await?,
        reason: wish.reason.to_owned(),
        actor: wish.actor,
        origin: wish.origin,
        now: app.now(),
    };
    if !tx.insert_refund(&new).await? {
        return Ok(None);
    }
    let refund = tx.find_refund(&new.id).await?;
    refund.map(Some).ok_or(Error::NotFound { what: "refund" })
}

/// Errors: `Invalid` names `reason`.
pub(super) fn checked_reason(reason: &str, is_needed: bool) -> Result<&str> {
    let reason = reason.trim();
    if (reason.is_empty() && is_needed) || reason.chars().count() > MAX_REASON_CHARS {
        let sentence = format!("1 to {MAX_REASON_CHARS} characters");
        return Err(Error::invalid("reason", "length", sentence));
    }
    Ok(reason)
}

pub(super) fn under_way() -> Error {
    Error::conflict(
        "refund_under_way",
        "another refund of this payment is under way; ask again when it has ended",
    )
}

pub(super) fn refundable(payment: &Payment) -> Refundable {
    Refundable {
        status: payment.status,
        amount: payment.amount,
        refunded: payment.refunded,
        reserved: payment.reserved,
        paid_at: payment.paid_at,
    }
}

pub(super) fn refused(refusal: &RefundRefusal) -> Error {
    Error::conflict(refusal.code(), refusal.to_string())
}

async fn enqueue(app: &App, tx: &mut Tx, id: &RefundId, looks: u32, request_id: &RequestId) -> Result<()> {
    let payload = Payload {
        refund_id: id.clone(),
        looks,
    };
    let mut job = work::job(app, JOB, Some(format!("{JOB}:{id}:{looks}")), &payload, request_id)?;
    if looks > 0 {
        let wait = FIRST_LOOK_MS.saturating_mul(1 << looks.min(10)).min(LONGEST_LOOK_MS);
        job.due_at = app.now().plus_millis(wait);
    }
    tx.enqueue_job(&job).await?;
    Ok(())
}

/// The job: asks for the refund, or how it stands. Its key is the refund's id, however often it is tried.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { refund_id, looks } = task.payload()?;
    let looked = look(app, &task.tenant, &refund_id, &task.request_id).await;
    // A promise to give money back never dies: whatever went wrong is looked at again, and a person told when waiting
    // alone won't help.
    let (is_live, trouble) = match looked {
        Ok(status) => (status.is_live(), None),
        Err(error) if error.is_transient() && looks < PATIENT_LOOKS => (true, None),
        Err(error) => (true, Some(error)),
    };
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    if let Some(error) = &trouble {
        stuck(app, &mut tx, &guide, &refund_id, error, &task.request_id).await?;
    }
    if is_live {
        enqueue(app, &mut tx, &refund_id, looks.saturating_add(1), &task.request_id).await?;
    }
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    Ok(())
}

/// Tells a person once that a refund does not get on.
async fn stuck(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    id: &RefundId,
    error: &Error,
    request_id: &RequestId,
) -> Result<()> {
    tracing::warn!(refund.id = %id, error = error as &dyn std::error::Error, "a refund does not get on");
    let missing = || Error::NotFound { what: "refund" };
    let refund = tx.find_refund(id).await?.ok_or_else(missing)?;
    let payment = tx.find_payment(&refund.payment).await?;
    let order = tx.find_order(&refund.order).await?;
    let about = About {
        order: order.as_ref(),
        payment: payment.as_ref(),
        refund: Some(&refund),
    };
    let facts = json!({ "amount": refund.amount, "error": error.to_string() });
    let key = format!("{id}:{}", ask::fingerprint(&facts));
    ask::person(app, tx, guide, Matter::Stuck, &key, about, &facts, request_id).await?;
    Ok(())
}

/// The refunds of a payment that are under way.
pub(super) async fn live_of(app: &App, tenant: &TenantId, payment: &PaymentId) -> Result<Vec<RefundId>> {
    let mut tx = app.tenant(tenant).read().await?;
    let Some(payment) = tx.find_payment(payment).await? else {
        return Ok(Vec::new());
    };
    let filter = RefundFilter {
        order: Some(payment.order.clone()),
        status: None,
    };
    let page = store::PageRequest {
        limit: MOST_REFUNDS,
        after: None,
    };
    let refunds = tx.list_refunds(&filter, &page).await?.items;
    Ok(refunds
        .into_iter()
        .filter(|refund| refund.payment == payment.id && refund.status.is_live())
        .map(|refund| refund.id)
        .collect())
}

/// Asks the provider about a refund and writes down what it says.
pub(super) async fn look(app: &App, tenant: &TenantId, id: &RefundId, request_id: &RequestId) -> Result<RefundStatus> {
    let mut tx = app.tenant(tenant).read().await?;
    let missing = || Error::NotFound { what: "refund" };
    let refund = tx.find_refund(id).await?.ok_or_else(missing)?;
    if !refund.status.is_live() {
        return Ok(refund.status);
    }
    let payment = tx.find_payment(&refund.payment).await?.ok_or_else(missing)?;
    let order = tx.find_order(&refund.order).await?.ok_or_else(missing)?;
    let lines = tx.order_lines(&order).await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    let body = receipts::of_refund(&mut tx, &settings, &order, &lines, &refund).await?;
    drop(tx);
    let answer = if payment.provider == MANUAL {
        Ok(RefundSeen {
            id: None,
            state: RefundState::Succeeded,
        })
    } else if telegram::is_native(&payment.provider) {
        Ok(telegram::request(app, tenant, &refund, &payment, &order, request_id).await?)
    } else {
        let provider = keys::provider(app, tenant, &payment.provider).await?;
        let intent = RefundIntent {
            refund: refund.id.to_string(),
            payment: payment.provider_payment.clone().unwrap_or_default(),
            amount: refund.amount,
            is_whole: refund.amount == payment.amount,
            reason: refund.reason.clone(),
            receipt: body,
        };
        match (refund.status, refund.provider_refund.as_deref()) {
            (RefundStatus::Pending, known) => provider.refund_status(&intent, known).await,
            _ => provider.refund(&intent).await,
        }
    };
    match answer {
        Ok(seen) => write(app, tenant, id, &seen, &settings, request_id).await,
        Err(ProviderError::Refused { code, .. }) => {
            let seen = RefundSeen {
                id: None,
                state: RefundState::Failed { code },
            };
            write(app, tenant, id, &seen, &settings, request_id).await
        }
        Err(error) => Err(provider_error(error)),
    }
}

/// What somebody tells of a refund who was not asked: the bot, a person.
pub(super) async fn told(
    app: &App,
    tenant: &TenantId,
    id: &RefundId,
    seen: &RefundSeen,
    request_id: &RequestId,
) -> Result<RefundStatus> {
    let guide = settings::guide(app, tenant).await?;
    let mut tx = app.tenant(tenant).write().await?;
    let settings = PaymentSettings::load(&mut tx).await?;
    let status = write_in(app, &mut tx, &guide, id, seen, &settings, request_id).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(status)
}

/// A person has given the money back in the bank's own account, in the transaction that notes it.
pub(crate) async fn given_by_hand_in(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    id: &RefundId,
    request_id: &RequestId,
) -> Result<()> {
    let settings = PaymentSettings::load(tx).await?;
    let seen = RefundSeen {
        id: None,
        state: RefundState::Succeeded,
    };
    write_in(app, tx, guide, id, &seen, &settings, request_id).await?;
    Ok(())
}

async fn write(
    app: &App,
    tenant: &TenantId,
    id: &RefundId,
    seen: &RefundSeen,
    settings: &PaymentSettings,
    request_id: &RequestId,
) -> Result<RefundStatus> {
    let guide = settings::guide(app, tenant).await?;
    let mut tx = app.tenant(tenant).write().await?;
    let status = write_in(app, &mut tx, &guide, id, seen, settings, request_id).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(status)
}

/// One transaction: refund, payment, lines, books, order, receipt, messages.
pub(super) async fn write_in(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    id: &RefundId,
    seen: &RefundSeen,
    settings: &PaymentSettings,
    request_id: &RequestId,
) -> Result<RefundStatus> {
    let now = app.now();
    let missing = || Error::NotFound { what: "refund" };
    let found = tx.find_refund(id).await?.ok_or_else(missing)?;
    let order = tx.lock_order(&found.order).await?.ok_or_else(missing)?;
    let payment = tx.lock_payment(&found.payment).await?.ok_or_else(missing)?;
    let refund = tx.find_refund(id).await?.ok_or_else(missing)?;
    match &seen.state {
        RefundState::Pending => {
            if let Some(known) = &seen.id {
                tx.open_refund(id, known).await?;
            }
        }
        RefundState::Failed { code } => {
            if tx.fail_refund(&refund, code, now).await? {
                let about = About {
                    order: Some(&order),
                    payment: Some(&payment),
                    refund: Some(&refund),
                };
                let facts = json!({ "amount": refund.amount, "code": code });
                ask::person(
                    app,
                    tx,
                    guide,
                    Matter::RefundFailed,
                    id.as_str(),
                    about,
                    &facts,
                    request_id,
                )
                .await?;
            }
        }
        RefundState::Succeeded => {
            if tx.succeed_refund(&refund, seen.id.as_deref(), now).await? {
                succeeded(app, tx, guide, settings, &order, &payment, &refund, request_id).await?;
            }
        }
    }
    Ok(tx.find_refund(id).await?.ok_or_else(missing)?.status)
}

#[expect(clippy::too_many_arguments, reason = "everything a refund touches, each once")]
pub(super) async fn succeeded(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    settings: &PaymentSettings,
    order: &Order,
    payment: &Payment,
    refund: &Refund,
    request_id: &RequestId,
) -> Result<()> {
    let now = app.now();
    let lines = tx.order_lines(order).await?;
    let parts = given_up(order, &lines, refund)?;
    let transfer = ledger::refund_succeeded(&refund.id, &payment.provider, &payment.client, refund.amount, &parts)
        .map_err(|error| Error::internal(format!("refund {} can't be booked: {error}", refund.id)))?;
    tx.post(&[NewTransfer {
        id: app.new_id(),
        transfer,
        client: payment.client.clone(),
        request_id: request_id.clone(),
        now,
    }])
    .await?;
    let is_all_back = lines.iter().all(|line| line.refunded == line.total);
    let after = tx.find_payment(&payment.id).await?;
    let left = after.as_ref().map_or(Ok(Money::zero(refund.amount.currency)), |after| {
        after.amount.checked_sub(after.refunded)
    });
    let left = left.map_err(|error| Error::internal(error.to_string()))?;
    if is_all_back && after.is_some_and(|payment| payment.status == PaymentStatus::Refunded) {
        tx.close_order(&order.id, OrderStatus::Refunded, now).await?;
        // What was not given yet is not given any more.
        tx.withdraw_programs_of_order(&order.id).await?;
        tx.finish_tasks_of_order(&order.id, Matter::GiveByHand.code(), "refunded", now)
            .await?;
    }
    let sale = receipts::Sale {
        app,
        guide,
        settings,
        order,
        lines: &lines,
        payment,
        request_id,
    };
    sale.went_back(tx, refund, left).await?;
    let details = json!({ "refund_id": refund.id, "amount": refund.amount });
    tell::note(app, tx, &payment.client, "refund.succeeded", "system", details).await?;
    if let Some(client) = tx.find_client(&payment.client).await? {
        tell::refunded(app, tx, guide, &lines, &refund.id, refund.amount, &client, request_id).await?;
    }
    letters::refunded(app, tx, order, &refund.id, request_id).await?;
    Ok(())
}

/// What each product gives up of a refund, in the refund's currency. The parts of one in another currency than the order's
/// are shares.
fn given_up(order: &Order, lines: &[OrderLine], refund: &Refund) -> Result<Vec<(ProductId, Money)>> {
    let products: Vec<(ProductId, i64)> = refund
        .parts
        .iter()
        .filter_map(|part| {
            let line = lines.iter().find(|line| line.position == part.position)?;
            Some((line.product.clone(), part.amount_minor))
        })
        .collect();
    if refund.amount.currency == order.total.currency || products.is_empty() {
        let money = |(product, minor)| (product, Money::new(minor, refund.amount.currency));
        return Ok(products.into_iter().map(money).collect());
    }
    let weights: Vec<u64> = products.iter().map(|(_, minor)| minor.max(&0).unsigned_abs()).collect();
    let shares = refund
        .amount
        .split(&weights)
        .map_err(|error| Error::internal(format!("refund {} can't be booked: {error}", refund.id)))?;
    Ok(products.into_iter().map(|(product, _)| product).zip(shares).collect())
}

/// The orders' payments a client may still take back by themselves, newest first.
pub async fn refundable_by_client(app: &App, tenant: &TenantId, order: &OrderId) -> Result<Option<PaymentId>> {
    refundable_by_client_in(app, &mut app.tenant(tenant).read().await?, order).await
}

pub(crate) async fn refundable_by_client_in(app: &App, tx: &mut Tx, order: &OrderId) -> Result<Option<PaymentId>> {
    let now = app.now();
    let settings = PaymentSettings::load(tx).await?;
    let filter = store::PaymentFilter {
        order: Some(order.clone()),
        ..store::PaymentFilter::default()
    };
    let page = store::PageRequest { limit: 20, after: None };
    let by = RefundBy::Client {
        window_ms: settings.refund_window_ms(),
    };
    let payments = tx.list_payments(&filter, &page).await?.items;
    Ok(payments
        .into_iter()
        .filter(|payment| payment.provider != MANUAL && payment.reserved.is_zero())
        .find(|payment| check(&refundable(payment), None, by, now).is_ok())
        .map(|payment| payment.id))
}
