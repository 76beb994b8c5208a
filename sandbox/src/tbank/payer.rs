//! The hosted form: what the payer sees and does.

use serde_json::{Value, json};

use super::{
    Payment, SavedCard, Status,
    error::{self, DECLINES},
    payments,
};
use crate::{
    banks::{
        cards::{Card, TypedCard, digits},
        view::{Act, ActError},
    },
    world::World,
};

const SUCCESS_CARD: &str = "2200770239097761";
const THREE_DS_CARD: &str = "2201382000000047";
/// The static code of the test card that asks for one.
const CODE: &str = "1qwezxc";

fn outcomes() -> Vec<Value> {
    let mut all = vec![
        json!({"key": "success", "ru": "Оплата пройдёт", "en": "The payment succeeds", "card": SUCCESS_CARD}),
        json!({"key": "three_ds", "ru": "Банк спросит код (3-D Secure)", "en": "The bank asks for a code (3-D Secure)", "card": THREE_DS_CARD}),
    ];
    all.extend(
        DECLINES
            .iter()
            .map(|decline| json!({"key": decline.code, "ru": decline.ru, "en": decline.en, "card": decline.card})),
    );
    all
}

fn saved_of<'a>(world: &'a World, payment: &'a Payment) -> impl Iterator<Item = &'a SavedCard> {
    world.banks.tbank.cards.values().filter(move |saved| {
        !saved.removed
            && saved.terminal == payment.terminal
            && Some(&saved.customer_key) == payment.customer_key.as_ref()
    })
}

/// The address to go back to, with the templates filled in.
fn return_url(world: &World, payment: &Payment) -> Option<String> {
    let failed = matches!(
        payment.status,
        Status::Rejected | Status::DeadlineExpired | Status::Canceled
    );
    let terminal = world.banks.tbank.terminals.get(&payment.terminal);
    let own = |url: &String| (!url.is_empty()).then(|| url.clone());
    let url = if failed {
        let fallback = terminal.and_then(|terminal| own(&terminal.fail_url));
        payment
            .fail_url
            .clone()
            .or(fallback)
            .or_else(|| payment.success_url.clone())
    } else {
        payment
            .success_url
            .clone()
            .or_else(|| terminal.and_then(|terminal| own(&terminal.success_url)))
    };
    let message = if failed {
        error::decline_message(&payment.error_code)
    } else {
        "OK"
    };
    let filled = [
        ("${Success}", (!failed).to_string()),
        ("${ErrorCode}", payment.error_code.clone()),
        ("${OrderId}", payment.order_id.clone()),
        ("${Message}", message.to_owned()),
        ("${Details}", message.to_owned()),
    ];
    url.map(|url| {
        filled.iter().fold(url, |url, (template, value)| {
            let encoded: String = url::form_urlencoded::byte_serialize(value.as_bytes()).collect();
            url.replace(template, &encoded)
        })
    })
}

/// What `GET /sandbox/pay/tbank/{id}` answers.
pub fn page(world: &World, id: &str) -> Option<Value> {
    let payment = world.banks.tbank.payments.get(&id.parse().ok()?)?;
    let terminal = world.banks.tbank.terminals.get(&payment.terminal);
    let state = match payment.status {
        Status::ThreeDsChecking => "three_ds",
        Status::New | Status::FormShowed => "form",
        Status::DeadlineExpired => "expired",
        Status::Rejected | Status::Canceled => "failed",
        _ => "succeeded",
    };
    let known = error::find(&payment.error_code);
    let words = known.map(|decline| json!({"ru": decline.ru, "en": decline.en}));
    let saved: Vec<Value> = saved_of(world, payment)
        .map(|saved| json!({"id": saved.rebill_id.to_string(), "title": saved.card.title()}))
        .collect();
    let tries = terminal.map_or(3, |terminal| terminal.tries);
    Some(json!({
        "bank": "tbank", "id": payment.id.to_string(), "shop": terminal.map(|terminal| terminal.name.clone()), "test": true,
        "amount_minor": payment.amount, "currency": "RUB", "description": payment.description, "state": state,
        "held": payment.status == Status::Authorized,
        "reason": (payment.error_code != "0").then(|| payment.error_code.clone()), "words": words,
        "tries_left": tries.saturating_sub(payment.failed_tries),
        "method": "bank_card", "saved": saved, "can_save": false, "will_save": payment.recurrent,
        "outcomes": outcomes(), "return_url": return_url(world, payment), "language": payment.language,
        "created_at_ms": payment.created_at_ms, "expires_at_ms": payment.expires_at_ms, "now_ms": world.clock.now_ms(),
        "code_hint": CODE, "redirects": true,
    }))
}

/// A card that brings `outcome` about, for those who type none.
fn card_for(outcome: &str) -> TypedCard {
    let number = match outcome {
        "three_ds" => THREE_DS_CARD,
        other => error::find(other)
            .and_then(|decline| decline.card)
            .unwrap_or(SUCCESS_CARD),
    };
    TypedCard {
        number: number.to_owned(),
        expiry: "12/30".to_owned(),
        csc: "123".to_owned(),
    }
}

pub fn act(world: &mut World, id: &str, act: &Act) -> Result<(), ActError> {
    let id: u64 = id.parse().map_err(|_| ActError::NotFound)?;
    let payment = world.banks.tbank.payments.get_mut(&id).ok_or(ActError::NotFound)?;
    if matches!(act, Act::Open) {
        if payment.status == Status::New {
            payment.status = Status::FormShowed;
        }
        return Ok(());
    }
    if !payment.status.awaits_payer() {
        return Err(ActError::Closed);
    }
    let checking = payment.status == Status::ThreeDsChecking;
    match act {
        Act::Open => {}
        Act::Pay {
            card, outcome, method, ..
        } if !checking => {
            pay(world, id, card, outcome.as_deref(), method.as_deref())?;
        }
        Act::Confirm { code } if checking => match code.trim() {
            "" => return Err(ActError::Code),
            CODE => payments::authorize(world, id),
            _ => payments::fail_try(world, id, "101", false),
        },
        Act::FailConfirm if checking => payments::fail_try(world, id, "101", false),
        Act::Expire => payments::expire(world, id),
        _ => return Err(ActError::Closed),
    }
    Ok(())
}

fn pay(
    world: &mut World,
    id: u64,
    typed: &TypedCard,
    outcome: Option<&str>,
    method: Option<&str>,
) -> Result<(), ActError> {
    let payment = world.banks.tbank.payments.get(&id).ok_or(ActError::NotFound)?;
    if let Some(rebill_id) = method {
        let saved = saved_of(world, payment)
            .find(|saved| saved.rebill_id.to_string() == rebill_id)
            .cloned();
        let saved = saved.ok_or(ActError::NoMethod)?;
        let outcome = outcome
            .map(str::to_owned)
            .or(saved.declines)
            .unwrap_or_else(|| "success".to_owned());
        finish(world, id, &outcome, saved.card, Some(saved.id));
        return Ok(());
    }
    let typed = match outcome {
        Some(outcome) if typed.number.is_empty() => &card_for(outcome),
        _ => typed,
    };
    let card = typed.check()?;
    let outcome = outcome.unwrap_or_else(|| error::outcome_of(&digits(&typed.number)));
    finish(world, id, outcome, card, None);
    Ok(())
}

fn finish(world: &mut World, id: u64, outcome: &str, card: Card, card_id: Option<u64>) {
    if let Some(payment) = world.banks.tbank.payments.get_mut(&id) {
        payment.card = Some(card);
        payment.card_id = card_id;
        if outcome == "three_ds" {
            payment.status = Status::ThreeDsChecking;
            return;
        }
    }
    match outcome {
        "success" => payments::authorize(world, id),
        code => payments::fail_try(world, id, code, false),
    }
}
