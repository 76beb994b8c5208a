//! YooKassa as pages and tests see it, and the notifications somebody else might send in its name.

use serde_json::{Value, json};

use super::{DEMO_SHOP, Payment, Refund, Status, letter, payments};
use crate::{
    banks::{
        Bank, courier, random_hex, random_uuid,
        switches::Forgery,
        view::{MoneyState, PaymentView, RefundView},
    },
    world::World,
};

/// An address nobody publishes (RFC 5737).
const STRANGER: &str = "203.0.113.66";

fn state(payment: &Payment) -> MoneyState {
    match payment.status {
        Status::Pending => MoneyState::Pending,
        Status::WaitingForCapture => MoneyState::Held,
        Status::Succeeded if payment.refunded == 0 => MoneyState::Paid,
        Status::Succeeded if payment.refunded < payment.amount => MoneyState::PartiallyRefunded,
        Status::Succeeded => MoneyState::Refunded,
        Status::Canceled => match &payment.cancellation {
            Some(why) if why.reason.starts_with("expired_on") => MoneyState::Expired,
            _ => MoneyState::Canceled,
        },
    }
}

pub fn payment(world: &World, payment: &Payment) -> PaymentView {
    let metadata = payment.metadata.clone().unwrap_or_default();
    let method = payment
        .method_id
        .as_ref()
        .and_then(|id| world.banks.yookassa.methods.get(id));
    PaymentView {
        bank: Bank::YooKassa,
        id: payment.id.clone(),
        account: payment.shop.clone(),
        order_id: metadata.get("order_id").and_then(Value::as_str).map(str::to_owned),
        state: state(payment),
        status: payment.status.name().to_owned(),
        reason: payment.cancellation.as_ref().map(|why| why.reason.clone()),
        amount_minor: payment.amount,
        paid_minor: if payment.status == Status::Succeeded {
            payment.amount
        } else {
            0
        },
        refunded_minor: payment.refunded,
        currency: payment.currency.clone(),
        description: payment.description.clone(),
        metadata,
        created_at_ms: payment.created_at_ms,
        expires_at_ms: match payment.status {
            Status::Pending => Some(payment.pay_until_ms),
            Status::WaitingForCapture => payment.hold_until_ms,
            _ => None,
        },
        pay_path: format!("/yookassa/checkout?orderId={}", payment.id),
        saved_method: method.filter(|method| method.saved).map(|method| method.id.clone()),
        customer: payment.customer.clone(),
    }
}

pub fn refund(refund: &Refund) -> RefundView {
    RefundView {
        bank: Bank::YooKassa,
        id: refund.id.clone(),
        payment_id: refund.payment_id.clone(),
        status: refund.status.name().to_owned(),
        reason: refund.cancellation.as_ref().map(|why| why.reason.clone()),
        amount_minor: refund.amount,
        created_at_ms: refund.created_at_ms,
    }
}

/// Oldest first.
pub fn payments(world: &World) -> Vec<PaymentView> {
    let mut all: Vec<&Payment> = world.banks.yookassa.payments.values().collect();
    all.sort_by_key(|payment| payment.seq);
    all.into_iter().map(|one| payment(world, one)).collect()
}

pub fn refunds(world: &World) -> Vec<RefundView> {
    let mut all: Vec<&Refund> = world.banks.yookassa.refunds.values().collect();
    all.sort_by_key(|refund| refund.seq);
    all.into_iter().map(refund).collect()
}

/// Sends the state a payment is in once more.
pub fn notify_again(world: &mut World, id: &str) -> bool {
    let known = world.banks.yookassa.payments.get(id);
    if known.is_none_or(|payment| payment.status == Status::Pending) {
        return false;
    }
    super::notify_payment(world, id);
    true
}

pub fn forge_by_chance(world: &mut World, id: &str) {
    if world.faults.yookassa.fires(|all| &mut all.forge) {
        forge(world, id, world.faults.yookassa.forge_as);
    }
}

/// A notification of the right shape that isn't true. Only `Sender` and `Token` come from a stranger: the others show
/// what happens to those who believe an address.
pub fn forge(world: &mut World, id: &str, kind: Forgery) -> Option<u64> {
    let payment = world.banks.yookassa.payments.get(id)?;
    let shop = payment.shop.clone();
    let mut object = payments::to_wire(world, payment);
    let fields = object.as_object_mut()?;
    let mut event = format!("payment.{}", payment.status.name());
    if payment.status == Status::Pending || kind == Forgery::State {
        event = "payment.succeeded".to_owned();
    }
    if kind != Forgery::Sender {
        event = "payment.succeeded".to_owned();
        fields.insert("status".into(), json!("succeeded"));
        fields.insert("paid".into(), json!(true));
        fields.insert("refundable".into(), json!(true));
        fields.remove("confirmation");
        fields.remove("cancellation_details");
    }
    match kind {
        Forgery::Amount => {
            let sum = payments::amount_to_wire(payment.amount.saturating_mul(100), &payment.currency);
            fields.insert("amount".into(), sum);
        }
        Forgery::Shop => {
            let other = json!({"account_id": format!("{DEMO_SHOP}9"), "gateway_id": "1"});
            fields.insert("recipient".into(), other);
            fields.insert("id".into(), json!(random_uuid()));
        }
        Forgery::Unknown => {
            fields.insert("id".into(), json!(random_uuid()));
        }
        Forgery::Sender | Forgery::Token | Forgery::State => {}
    }
    let sender = if matches!(kind, Forgery::Sender | Forgery::Token) {
        STRANGER
    } else {
        Bank::YooKassa.sender()
    };
    let signature = (kind == Forgery::Token).then(|| ("signature".to_owned(), format!("v1 {}", random_hex(32))));
    let letter = letter(world, &shop, &event, id, &object);
    let what = json!(kind).as_str().unwrap_or_default().to_owned();
    Some(courier::forge(world, &letter, &what, sender, signature))
}
