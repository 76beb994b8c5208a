//! The hosted page: what the payer sees and does.

use serde_json::{Value, json};

use super::{
    Challenge, Method, Payment, Status, methods, payments,
    reasons::{self, REASONS},
};
use crate::{
    banks::{
        cards::{Card, TypedCard, digits},
        view::{Act, ActError},
    },
    world::World,
};

const SUCCESS_CARD: &str = "4111111111111111";
const THREE_DS_CARD: &str = "4793128161644804";

fn saved_of<'a>(world: &'a World, payment: &'a Payment) -> impl Iterator<Item = &'a Method> {
    let all = world.banks.yookassa.methods.values();
    all.filter(move |method| {
        method.saved && method.shop == payment.shop && method.customer.is_some() && method.customer == payment.customer
    })
}

fn outcomes() -> Vec<Value> {
    let mut all = vec![
        json!({"key": "success", "ru": "Оплата пройдёт", "en": "The payment succeeds", "card": SUCCESS_CARD}),
        json!({"key": "three_ds", "ru": "Банк спросит код (3-D Secure)", "en": "The bank asks for a code (3-D Secure)", "card": THREE_DS_CARD}),
    ];
    let offered = REASONS.iter().filter(|reason| !reason.name.starts_with("expired_"));
    all.extend(
        offered
            .filter(|reason| reason.party != "merchant")
            .map(|reason| json!({"key": reason.name, "ru": reason.ru, "en": reason.en, "card": reason.card})),
    );
    all
}

fn reason_words(reason: Option<&str>) -> Value {
    reason
        .and_then(reasons::find)
        .map_or(Value::Null, |known| json!({"ru": known.ru, "en": known.en}))
}

/// What `GET /sandbox/pay/yookassa/{id}` answers.
pub fn page(world: &World, id: &str) -> Option<Value> {
    if let Some(method) = world
        .banks
        .yookassa
        .methods
        .get(id)
        .filter(|method| method.return_url.is_some())
    {
        return Some(binding_page(world, method));
    }
    let payment = world.banks.yookassa.payments.get(id)?;
    let shop = world.banks.yookassa.shops.get(&payment.shop);
    let reason = payment
        .cancellation
        .as_ref()
        .map(|cancellation| cancellation.reason.clone());
    let state = match (payment.status, reason.as_deref(), &payment.challenged) {
        (Status::Pending, _, Some(_)) => "three_ds",
        (Status::Pending, ..) => "form",
        (Status::WaitingForCapture | Status::Succeeded, ..) => "succeeded",
        (Status::Canceled, Some("expired_on_confirmation"), _) => "expired",
        (Status::Canceled, ..) => "failed",
    };
    let saved: Vec<Value> = saved_of(world, payment)
        .map(|method| json!({"id": method.id, "title": method.card.as_ref().map_or(method.kind.clone(), Card::title)}))
        .collect();
    Some(json!({
        "bank": "yookassa", "id": payment.id, "shop": shop.map(|shop| shop.name.clone()),
        "test": shop.is_some_and(|shop| shop.test),
        "amount_minor": payment.amount, "currency": payment.currency, "description": payment.description,
        "state": state, "held": payment.status == Status::WaitingForCapture,
        "reason": reason, "words": reason_words(reason.as_deref()),
        "method": payment.method_type, "saved": saved,
        "can_save": shop.is_some_and(|shop| shop.save_methods), "will_save": payment.save_method,
        "outcomes": outcomes(), "return_url": payment.return_url,
        "language": payment.locale.as_deref().map(|locale| if locale == "en_US" { "en" } else { "ru" }),
        "created_at_ms": payment.created_at_ms, "expires_at_ms": payment.pay_until_ms, "now_ms": world.clock.now_ms(),
        "code_hint": null, "redirects": false,
    }))
}

fn binding_page(world: &World, method: &Method) -> Value {
    let shop = world.banks.yookassa.shops.get(&method.shop);
    let state = if method.status == "pending" {
        "form"
    } else {
        "succeeded"
    };
    json!({
        "bank": "yookassa", "id": method.id, "shop": shop.map(|shop| shop.name.clone()),
        "test": shop.is_some_and(|shop| shop.test),
        "amount_minor": 0, "currency": "RUB", "description": null, "state": state, "held": false, "reason": null,
        "words": null, "method": "bank_card", "saved": [], "can_save": false, "will_save": true, "binding": true,
        "outcomes": outcomes(), "return_url": method.return_url, "language": null,
        "created_at_ms": method.created_at_ms, "expires_at_ms": null, "now_ms": world.clock.now_ms(),
        "code_hint": null, "redirects": false,
    })
}

/// A card that brings `outcome` about, for those who type none.
fn card_for(outcome: &str) -> TypedCard {
    let number = match outcome {
        "three_ds" => THREE_DS_CARD,
        other => reasons::find(other)
            .and_then(|reason| reason.card)
            .unwrap_or(SUCCESS_CARD),
    };
    TypedCard {
        number: number.to_owned(),
        expiry: "12/30".to_owned(),
        csc: "123".to_owned(),
    }
}

pub fn act(world: &mut World, id: &str, act: &Act) -> Result<(), ActError> {
    if world
        .banks
        .yookassa
        .methods
        .get(id)
        .is_some_and(|method| method.return_url.is_some())
    {
        return act_on_binding(world, id, act);
    }
    let payment = world.banks.yookassa.payments.get(id).ok_or(ActError::NotFound)?;
    if matches!(act, Act::Open) {
        return Ok(());
    }
    if payment.status != Status::Pending {
        return Err(ActError::Closed);
    }
    match act {
        Act::Open => {}
        Act::Pay {
            card,
            outcome,
            save,
            method,
        } => {
            pay(world, id, card, outcome.as_deref(), *save, method.as_deref())?;
        }
        Act::Confirm { code } => {
            let challenge = payment.challenged.clone().ok_or(ActError::Closed)?;
            if code.trim().is_empty() {
                return Err(ActError::Code);
            }
            if let Some(payment) = world.banks.yookassa.payments.get_mut(id) {
                payment.card = Some(challenge.card);
                payment.three_ds_applied = true;
            }
            payments::succeed(world, id, challenge.save);
        }
        Act::FailConfirm => payments::cancel_with(world, id, "3d_secure_failed"),
        Act::Expire => payments::cancel_with(world, id, "expired_on_confirmation"),
    }
    Ok(())
}

fn pay(
    world: &mut World,
    id: &str,
    typed: &TypedCard,
    outcome: Option<&str>,
    save: bool,
    method: Option<&str>,
) -> Result<(), ActError> {
    let payment = world.banks.yookassa.payments.get(id).ok_or(ActError::NotFound)?;
    if let Some(method) = method {
        let method = saved_of(world, payment).find(|one| one.id == method).cloned();
        let method = method.ok_or(ActError::NoMethod)?;
        let outcome = outcome
            .map(str::to_owned)
            .or(method.declines)
            .unwrap_or_else(|| "success".to_owned());
        if let Some(payment) = world.banks.yookassa.payments.get_mut(id) {
            payment.method_id = Some(method.id);
            payment.card.clone_from(&method.card);
        }
        finish(world, id, &outcome, false, method.card);
        return Ok(());
    }
    if payment.method_type != "bank_card" {
        finish(world, id, outcome.unwrap_or("success"), save, None);
        return Ok(());
    }
    let typed = match outcome {
        Some(outcome) if typed.number.is_empty() => &card_for(outcome),
        _ => typed,
    };
    let card = typed.check()?;
    let outcome = outcome.unwrap_or_else(|| reasons::outcome_of(&digits(&typed.number)));
    finish(world, id, outcome, save, Some(card));
    Ok(())
}

fn finish(world: &mut World, id: &str, outcome: &str, save: bool, card: Option<Card>) {
    if let Some(payment) = world.banks.yookassa.payments.get_mut(id) {
        payment.card.clone_from(&card);
        if let ("three_ds", Some(card)) = (outcome, card) {
            payment.challenged = Some(Challenge { card, save });
            return;
        }
    }
    match outcome {
        "success" | "three_ds" => payments::succeed(world, id, save),
        reason => payments::cancel_with(world, id, reason),
    }
}

fn act_on_binding(world: &mut World, id: &str, act: &Act) -> Result<(), ActError> {
    match act {
        Act::Pay { card, outcome, .. } => {
            let typed = match outcome {
                Some(outcome) if card.number.is_empty() => &card_for(outcome),
                _ => card,
            };
            let card = typed.check()?;
            let outcome = outcome
                .as_deref()
                .unwrap_or_else(|| reasons::outcome_of(&digits(&typed.number)));
            match outcome {
                "success" | "three_ds" => methods::bind(world, id, Some(card)),
                reason => return Err(ActError::Refused(reason.to_owned())),
            }
        }
        Act::Open => {}
        _ => return Err(ActError::Closed),
    }
    Ok(())
}
