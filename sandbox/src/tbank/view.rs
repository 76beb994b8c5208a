//! T-Bank as pages and tests see it, and the notifications somebody else might send in its name.

use serde_json::{Value, json};

use super::{Payment, Refund, Status, letter, notification_body, token};
use crate::{
    banks::{
        Bank, courier,
        switches::Forgery,
        view::{MoneyState, PaymentView, RefundView},
    },
    world::World,
};

/// An address nobody publishes (RFC 5737).
const STRANGER: &str = "203.0.113.66";
const OTHER_PASSWORD: &str = "somebody-elses-password";

fn state(payment: &Payment) -> MoneyState {
    match payment.status {
        Status::New | Status::FormShowed | Status::ThreeDsChecking => MoneyState::Pending,
        Status::Authorized | Status::PartialReversed => MoneyState::Held,
        Status::Confirmed => MoneyState::Paid,
        Status::AsyncRefunding if payment.refunded == 0 => MoneyState::Paid,
        Status::PartialRefunded | Status::AsyncRefunding => MoneyState::PartiallyRefunded,
        Status::Refunded => MoneyState::Refunded,
        Status::DeadlineExpired => MoneyState::Expired,
        Status::Canceled | Status::Rejected | Status::Reversed => MoneyState::Canceled,
    }
}

pub fn payment(payment: &Payment) -> PaymentView {
    PaymentView {
        bank: Bank::TBank,
        id: payment.id.to_string(),
        account: payment.terminal.clone(),
        order_id: Some(payment.order_id.clone()),
        state: state(payment),
        status: payment.status.name().to_owned(),
        reason: (payment.error_code != "0").then(|| payment.error_code.clone()),
        amount_minor: payment.amount,
        paid_minor: payment.captured,
        refunded_minor: payment.refunded,
        currency: "RUB".to_owned(),
        description: payment.description.clone(),
        metadata: json!(payment.data),
        created_at_ms: payment.created_at_ms,
        expires_at_ms: if payment.status.awaits_payer() {
            Some(payment.expires_at_ms)
        } else {
            payment.hold_until_ms
        },
        pay_path: payment.pay_path.clone(),
        saved_method: payment.rebill_id.map(|rebill_id| rebill_id.to_string()),
        customer: payment.customer_key.clone(),
    }
}

pub fn refund(refund: &Refund) -> RefundView {
    RefundView {
        bank: Bank::TBank,
        id: refund.id.clone(),
        payment_id: refund.payment_id.to_string(),
        status: refund.status.name().to_owned(),
        reason: None,
        amount_minor: refund.amount,
        created_at_ms: refund.created_at_ms,
    }
}

/// Oldest first.
pub fn payments(world: &World) -> Vec<PaymentView> {
    world.banks.tbank.payments.values().map(payment).collect()
}

pub fn refunds(world: &World) -> Vec<RefundView> {
    world.banks.tbank.refunds.iter().map(refund).collect()
}

/// Sends the state a payment is in once more.
pub fn notify_again(world: &mut World, id: u64) -> bool {
    let Some(status) = world.banks.tbank.payments.get(&id).map(|payment| payment.status) else {
        return false;
    };
    if status.awaits_payer() || status == Status::AsyncRefunding {
        return false;
    }
    super::notify(world, id, status, None);
    true
}

pub fn forge_by_chance(world: &mut World, id: u64) {
    if world.faults.tbank.fires(|all| &mut all.forge) {
        forge(world, id, world.faults.tbank.forge_as);
    }
}

/// A notification of the right shape that isn't true. `Sender` alone carries a right token over true words; `Unknown`
/// carries a right token too, since a shop's two systems may share a terminal.
pub fn forge(world: &mut World, id: u64, kind: Forgery) -> Option<u64> {
    let payment = world.banks.tbank.payments.get(&id)?;
    let password = super::password(world, &payment.terminal);
    let claimed = if kind == Forgery::Sender && !payment.status.awaits_payer() {
        payment.status
    } else {
        Status::Confirmed
    };
    // What the bank itself would have signed.
    let mut body = notification_body(world, payment, payment.status, None);
    if kind == Forgery::Sender {
        body = notification_body(world, payment, claimed, None);
    }
    let resign = |body: &mut serde_json::Map<String, Value>, password: &str| {
        let signed = token::sign(body, password);
        body.insert("Token".into(), json!(signed));
    };
    match kind {
        Forgery::Sender => {}
        Forgery::State => {
            // The token of other words.
            body.insert("Status".into(), json!("CONFIRMED"));
            body.insert("Success".into(), json!(true));
            if payment.status == Status::Confirmed {
                body.insert("Status".into(), json!("REFUNDED"));
            }
        }
        Forgery::Amount => {
            body.insert("Status".into(), json!("CONFIRMED"));
            resign(&mut body, &password);
            body.insert("Amount".into(), json!(payment.amount.saturating_mul(100)));
        }
        Forgery::Token => {
            body.insert("Status".into(), json!("CONFIRMED"));
            body.insert("Success".into(), json!(true));
            resign(&mut body, OTHER_PASSWORD);
        }
        Forgery::Shop => {
            body.insert("Status".into(), json!("CONFIRMED"));
            body.insert("TerminalKey".into(), json!("1700000000001DEMO"));
            resign(&mut body, OTHER_PASSWORD);
        }
        Forgery::Unknown => {
            body.insert("Status".into(), json!("CONFIRMED"));
            body.insert(
                "PaymentId".into(),
                json!(9_000_000_000_000_u64 + payment.id % 1_000_000),
            );
            body.insert("OrderId".into(), json!("nobody-knows-this"));
            resign(&mut body, &password);
        }
    }
    let sender = if matches!(kind, Forgery::Sender | Forgery::Token) {
        STRANGER
    } else {
        Bank::TBank.sender()
    };
    let event = body
        .get("Status")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    let letter = letter(world, payment, &event, &body);
    let what = json!(kind).as_str().unwrap_or_default().to_owned();
    Some(courier::forge(world, &letter, &what, sender, None))
}
