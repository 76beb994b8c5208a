//! Cancel: giving up, releasing a hold, and refunds.

use serde_json::{Value, json};

use super::{Refund, RefundStatus, Status, error::Refusal, http::Request, notify, payments, receipts};
use crate::{
    banks::{Bank, tell},
    world::World,
};

const MAX_EXTERNAL_ID: usize = 256;

/// What can still be given back.
fn left(world: &World, id: u64) -> i64 {
    let bank = &world.banks.tbank;
    let pending: i64 = bank
        .refunds
        .iter()
        .filter(|refund| refund.payment_id == id && refund.status == RefundStatus::Pending)
        .map(|refund| refund.amount)
        .sum();
    bank.payments
        .get(&id)
        .map_or(0, |payment| payment.captured - payment.refunded - pending)
}

pub fn cancel(world: &mut World, request: &Request) -> Result<Value, Refusal> {
    let payment = payments::own(world, request)?;
    let (id, status, order_id) = (payment.id, payment.status, payment.order_id.clone());
    let external = request.text("ExternalRequestId");
    if external
        .as_ref()
        .is_some_and(|external| external.chars().count() > MAX_EXTERNAL_ID)
    {
        return Err(Refusal::format("ExternalRequestId"));
    }
    let memory = external.as_ref().map(|external| format!("{id}:{external}"));
    if let Some(answer) = memory.as_ref().and_then(|key| world.banks.tbank.cancels.get(key)) {
        return Ok(answer.clone());
    }
    let asked = request.kopecks("Amount")?;
    let receipt = request.object("Receipt")?.cloned();
    let (original, new) = match status {
        Status::New | Status::FormShowed => give_up(world, id),
        Status::Authorized | Status::PartialReversed => release(world, id, asked)?,
        Status::Confirmed | Status::PartialRefunded | Status::AsyncRefunding => {
            refund(world, request, id, asked, receipt)?
        }
        _ => return Err(Refusal::state()),
    };
    let status = world
        .banks
        .tbank
        .payments
        .get(&id)
        .map_or(status, |payment| payment.status);
    let mut answer = json!({
        "TerminalKey": request.terminal, "OrderId": order_id, "Success": true, "Status": status.name(),
        "PaymentId": id.to_string(), "ErrorCode": "0", "OriginalAmount": original, "NewAmount": new,
    });
    if let (Some(external), Some(fields)) = (external, answer.as_object_mut()) {
        fields.insert("ExternalRequestId".into(), json!(external));
    }
    if let Some(key) = memory {
        world.banks.tbank.cancels.insert(key, answer.clone());
    }
    Ok(answer)
}

/// Nothing was paid yet; the sum is not looked at.
fn give_up(world: &mut World, id: u64) -> (i64, i64) {
    let mut original = 0;
    if let Some(payment) = world.banks.tbank.payments.get_mut(&id) {
        payment.status = Status::Canceled;
        original = payment.amount;
    }
    notify(world, id, Status::Canceled, None);
    (original, 0)
}

fn release(world: &mut World, id: u64, asked: Option<i64>) -> Result<(i64, i64), Refusal> {
    let payment = world
        .banks
        .tbank
        .payments
        .get_mut(&id)
        .ok_or_else(Refusal::no_payment)?;
    let held = payment.held;
    let amount = asked.unwrap_or(held);
    if amount > held {
        return Err(Refusal::new("330", "Сумма отмены больше исходной."));
    }
    if amount == 0 {
        return Err(Refusal::new("251", "Неверная сумма."));
    }
    payment.held = held - amount;
    payment.status = if payment.held == 0 {
        Status::Reversed
    } else {
        Status::PartialReversed
    };
    let (status, new) = (payment.status, payment.held);
    notify(world, id, status, Some(amount));
    Ok((held, new))
}

fn refund(
    world: &mut World,
    request: &Request,
    id: u64,
    asked: Option<i64>,
    receipt: Option<Value>,
) -> Result<(i64, i64), Refusal> {
    let before = left(world, id);
    let amount = asked.unwrap_or(before);
    if before == 0 {
        return Err(Refusal::state());
    }
    if amount > before {
        return Err(Refusal::new("330", "Сумма возврата больше исходной."));
    }
    if amount == 0 {
        return Err(Refusal::new("251", "Неверная сумма."));
    }
    let bank = &world.banks.tbank;
    let register = bank
        .terminals
        .get(&request.terminal)
        .is_some_and(|terminal| terminal.cash_register);
    let captured = bank.payments.get(&id).map_or(0, |payment| payment.captured);
    match &receipt {
        Some(receipt) => receipts::check(receipt, amount)?,
        None if register && amount != captured => {
            return Err(Refusal::new("309", "Отсутствует обязательный объект Receipt."));
        }
        None => {}
    }
    if world.faults.tbank.fires(|all| &mut all.fail_refund) {
        return Err(Refusal::new(
            "3002",
            "Недостаточно средств на счёте магазина для возврата.",
        ));
    }
    book(world, id, amount, receipt);
    Ok((before, before - amount))
}

fn book(world: &mut World, id: u64, amount: i64, receipt: Option<Value>) -> String {
    let now_ms = world.clock.now_ms();
    let waits = world.faults.tbank.fires(|all| &mut all.pending_refund);
    let bank = &mut world.banks.tbank;
    let refund_id = format!("rf-{}", bank.next_id());
    let (terminal, own_receipt, captured) = bank.payments.get(&id).map_or_else(Default::default, |payment| {
        (payment.terminal.clone(), payment.receipt.clone(), payment.captured)
    });
    bank.refunds.push(Refund {
        id: refund_id.clone(),
        terminal,
        payment_id: id,
        amount,
        status: RefundStatus::Pending,
        receipt: receipt.or(own_receipt.filter(|_| amount == captured)),
        created_at_ms: now_ms,
    });
    if waits {
        if let Some(payment) = bank.payments.get_mut(&id) {
            payment.status = Status::AsyncRefunding;
        }
        tell(world, Bank::TBank, "refund", &refund_id);
    } else {
        succeed(world, &refund_id);
    }
    refund_id
}

/// A refund made in the cabinet.
pub fn create_by_hand(world: &mut World, id: u64, amount: Option<i64>) -> Option<String> {
    let before = left(world, id);
    let amount = amount.unwrap_or(before);
    (amount > 0 && amount <= before).then(|| book(world, id, amount, None))
}

/// The status the money itself speaks of.
fn rest_status(captured: i64, refunded: i64) -> Status {
    match refunded {
        0 => Status::Confirmed,
        refunded if refunded < captured => Status::PartialRefunded,
        _ => Status::Refunded,
    }
}

pub fn succeed(world: &mut World, refund_id: &str) {
    let Some((id, amount)) = finish(world, refund_id, RefundStatus::Succeeded) else {
        return;
    };
    let Some(payment) = world.banks.tbank.payments.get_mut(&id) else {
        return;
    };
    payment.refunded += amount;
    payment.status = rest_status(payment.captured, payment.refunded);
    let status = payment.status;
    receipts::register_refund(world, refund_id);
    notify(world, id, status, Some(amount));
    tell(world, Bank::TBank, "refund", refund_id);
}

pub fn fail(world: &mut World, refund_id: &str) {
    let Some((id, _)) = finish(world, refund_id, RefundStatus::Canceled) else {
        return;
    };
    if let Some(payment) = world.banks.tbank.payments.get_mut(&id) {
        payment.status = rest_status(payment.captured, payment.refunded);
    }
    tell(world, Bank::TBank, "refund", refund_id);
}

fn finish(world: &mut World, refund_id: &str, status: RefundStatus) -> Option<(u64, i64)> {
    let mut all = world.banks.tbank.refunds.iter_mut();
    let refund = all.find(|refund| refund.id == refund_id && refund.status == RefundStatus::Pending)?;
    refund.status = status;
    Some((refund.payment_id, refund.amount))
}
