//! Refunds, full and partial.

use serde_json::{Map, Value, json};

use super::{
    Cancellation, Made, Refund, RefundStatus, Status, YooKassa,
    error::ApiError,
    letter,
    payments::{amount, amount_to_wire, metadata, optional_text},
    receipts,
};
use crate::{
    banks::{Bank, courier, instant, put, tell, text},
    world::World,
};

const MAX_DESCRIPTION: usize = 250;
const MONTH_MS: i64 = 30 * super::DAY_MS;
/// Refunds to cards older than this are canceled.
const CARD_REFUND_MS: i64 = 15 * MONTH_MS;
const REFUND_MS: i64 = 36 * MONTH_MS;

/// What is promised back already: succeeded refunds and those under way.
fn promised(bank: &YooKassa, payment_id: &str) -> i64 {
    let mine = bank.refunds.values().filter(|refund| refund.payment_id == payment_id);
    mine.filter(|refund| refund.status == RefundStatus::Pending)
        .map(|refund| refund.amount)
        .sum()
}

/// `POST /refunds`.
pub fn create(world: &mut World, shop: &str, body: &Value) -> Result<Made, ApiError> {
    let now_ms = world.clock.now_ms();
    let payment_id = text(body, "payment_id").ok_or_else(|| ApiError::at("payment_id", "Payment id is missing"))?;
    let (value, currency) = amount(body, "amount")?;
    let description = optional_text(body, "description", MAX_DESCRIPTION)?;
    let metadata = metadata(body)?;
    let bank = &world.banks.yookassa;
    let payment = bank
        .payments
        .get(payment_id)
        .filter(|payment| payment.shop == shop)
        .ok_or_else(|| ApiError::not_found("Payment"))?;
    if payment.status != Status::Succeeded {
        return Err(ApiError::invalid("Payment can not be refunded in current status."));
    }
    if payment.currency != currency {
        return Err(ApiError::at("amount.currency", "Currencies do not match"));
    }
    if now_ms.saturating_sub(payment.created_at_ms) > REFUND_MS {
        return Err(ApiError::invalid("Payment is too old to be refunded"));
    }
    let left = payment.refundable() - promised(bank, payment_id);
    if left <= 0 {
        return Err(ApiError::invalid("Payment is already completely refunded"));
    }
    if value > left {
        return Err(ApiError::at("amount.value", "Refund sum exceeded"));
    }
    let is_full = value == payment.amount;
    let receipt = match body.get("receipt").filter(|receipt| !receipt.is_null()) {
        Some(receipt) => {
            receipts::check(receipt, value, &currency)?;
            Some(receipt.clone())
        }
        // A full refund copies the receipt of the payment; a partial one must list what came back.
        None if is_full => payment.receipt.clone(),
        None if payment.receipt.is_some() => {
            return Err(ApiError::at("receipt", "Receipt is missing or illegal"));
        }
        None => None,
    };
    let too_old = payment.method_type == "bank_card" && now_ms.saturating_sub(payment.created_at_ms) > CARD_REFUND_MS;
    let id = book(world, shop, payment_id, value, description, metadata, receipt, too_old);
    Ok(Made::Refund(id))
}

#[expect(clippy::too_many_arguments, reason = "the fields of one new row")]
fn book(
    world: &mut World,
    shop: &str,
    payment_id: &str,
    amount: i64,
    description: Option<String>,
    metadata: Option<Value>,
    receipt: Option<Value>,
    too_old: bool,
) -> String {
    let now_ms = world.clock.now_ms();
    let fails = world.faults.yookassa.fires(|all| &mut all.fail_refund);
    let waits = world.faults.yookassa.fires(|all| &mut all.pending_refund);
    let bank = &mut world.banks.yookassa;
    let currency = bank.payments.get(payment_id).map(|payment| payment.currency.clone());
    let id = YooKassa::new_id(now_ms, "0015");
    let refund = Refund {
        id: id.clone(),
        shop: shop.to_owned(),
        seq: bank.next_seq(),
        payment_id: payment_id.to_owned(),
        status: RefundStatus::Pending,
        amount,
        currency: currency.unwrap_or_else(|| "RUB".to_owned()),
        description,
        metadata,
        created_at_ms: now_ms,
        cancellation: None,
        receipt_registration: receipt.is_some().then(|| "pending".to_owned()),
        receipt,
    };
    bank.refunds.insert(id.clone(), refund);
    if too_old {
        fail(world, &id, "payment_expired");
    } else if fails {
        fail(world, &id, "insufficient_funds");
    } else if !waits {
        succeed(world, &id);
    }
    tell(world, Bank::YooKassa, "refund", &id);
    id
}

/// A refund made in the cabinet, of which the product hears by notification or by reconciling.
pub fn create_by_hand(world: &mut World, payment_id: &str, amount: Option<i64>) -> Result<String, ApiError> {
    let bank = &world.banks.yookassa;
    let payment = bank
        .payments
        .get(payment_id)
        .ok_or_else(|| ApiError::not_found("Payment"))?;
    let left = payment.refundable() - promised(bank, payment_id);
    let amount = amount.unwrap_or(left);
    if amount <= 0 || amount > left {
        return Err(ApiError::at("amount.value", "Refund sum exceeded"));
    }
    let shop = payment.shop.clone();
    Ok(book(world, &shop, payment_id, amount, None, None, None, false))
}

/// The money is back at the payer.
pub fn succeed(world: &mut World, id: &str) {
    let bank = &mut world.banks.yookassa;
    let pending = |refund: &&mut Refund| refund.status == RefundStatus::Pending;
    let Some(refund) = bank.refunds.get_mut(id).filter(pending) else {
        return;
    };
    refund.status = RefundStatus::Succeeded;
    if let Some(payment) = bank.payments.get_mut(&refund.payment_id) {
        payment.refunded = payment.refunded.saturating_add(refund.amount);
    }
    receipts::register_refund(world, id);
    let Some(refund) = world.banks.yookassa.refunds.get(id) else {
        return;
    };
    let (shop, payment_id, object) = (refund.shop.clone(), refund.payment_id.clone(), to_wire(refund));
    let letter = letter(world, &shop, "refund.succeeded", &payment_id, &object);
    tell(world, Bank::YooKassa, "refund", id);
    courier::announce(world, &letter);
}

/// There is no event for a refund that failed: whoever waits must ask.
pub fn fail(world: &mut World, id: &str, reason: &str) {
    let pending = |refund: &&mut Refund| refund.status == RefundStatus::Pending;
    let Some(refund) = world.banks.yookassa.refunds.get_mut(id).filter(pending) else {
        return;
    };
    refund.status = RefundStatus::Canceled;
    refund.receipt_registration = refund.receipt_registration.take().map(|_| "canceled".to_owned());
    let party = if matches!(reason, "rejected_by_payee" | "general_decline" | "payment_expired") {
        "refund_network"
    } else {
        "yoo_money"
    };
    refund.cancellation = Some(Cancellation {
        party: party.to_owned(),
        reason: reason.to_owned(),
    });
    tell(world, Bank::YooKassa, "refund", id);
}

pub fn read(world: &World, shop: &str, id: &str) -> Result<Value, ApiError> {
    let found = world.banks.yookassa.refunds.get(id);
    found
        .filter(|refund| refund.shop == shop)
        .map(to_wire)
        .ok_or_else(|| ApiError::not_found("Refund"))
}

pub fn show(world: &World, id: &str) -> Option<Value> {
    Some(to_wire(world.banks.yookassa.refunds.get(id)?))
}

pub fn to_wire(refund: &Refund) -> Value {
    let mut wire = Map::from_iter([
        ("id".to_owned(), json!(refund.id)),
        ("payment_id".to_owned(), json!(refund.payment_id)),
        ("status".to_owned(), json!(refund.status.name())),
        ("amount".to_owned(), amount_to_wire(refund.amount, &refund.currency)),
        ("created_at".to_owned(), json!(instant(refund.created_at_ms))),
    ]);
    put(&mut wire, "description", refund.description.clone());
    put(&mut wire, "metadata", refund.metadata.clone());
    put(&mut wire, "receipt_registration", refund.receipt_registration.clone());
    if let Some(cancellation) = &refund.cancellation {
        wire.insert("cancellation_details".into(), json!(cancellation));
    }
    Value::Object(wire)
}
