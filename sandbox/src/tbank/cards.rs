//! Customers and their cards.

use serde_json::{Value, json};

use super::{SavedCard, error::Refusal, http::Request};
use crate::world::World;

/// After a payment with `Recurrent` the card may be charged again.
pub fn keep(world: &mut World, payment_id: u64) {
    let bank = &mut world.banks.tbank;
    let card_id = bank.next_id();
    let rebill_id = bank.next_id();
    let Some(payment) = bank.payments.get_mut(&payment_id) else {
        return;
    };
    let Some(card) = payment.card.clone().filter(|_| payment.card_id.is_none()) else {
        return;
    };
    let customer = payment.customer_key.clone();
    let known = bank.cards.values().find(|saved| {
        saved.card == card && Some(&saved.customer_key) == customer.as_ref() && saved.terminal == payment.terminal
    });
    let known_id = known.filter(|saved| !saved.removed).map(|saved| saved.id);
    payment.card_id = Some(known_id.unwrap_or(card_id));
    let (true, Some(customer_key)) = (payment.recurrent, customer) else {
        return;
    };
    payment.rebill_id = Some(rebill_id);
    let saved = SavedCard {
        id: known_id.unwrap_or(card_id),
        terminal: payment.terminal.clone(),
        customer_key,
        card,
        rebill_id,
        removed: false,
        declines: None,
    };
    // Each parent payment gives a RebillId of its own, so the row is keyed by that.
    bank.cards.insert(rebill_id, saved);
}

fn customer(request: &Request) -> Result<String, Refusal> {
    request.required("CustomerKey")
}

fn row(saved: &SavedCard) -> Value {
    json!({
        "CardId": saved.id.to_string(), "Pan": saved.card.mask(), "Status": if saved.removed { "D" } else { "A" },
        "RebillId": saved.rebill_id.to_string(), "CardType": 0, "ExpDate": saved.card.short_expiry(),
    })
}

pub fn list(world: &World, request: &Request) -> Result<Value, Refusal> {
    let customer = customer(request)?;
    let bank = &world.banks.tbank;
    let rows: Vec<Value> = bank
        .cards
        .values()
        .filter(|saved| saved.terminal == request.terminal && saved.customer_key == customer)
        .map(row)
        .collect();
    let known = bank.customers.contains_key(&format!("{}:{customer}", request.terminal));
    if rows.is_empty() && !known {
        return Err(Refusal::new("7", "Покупатель не найден."));
    }
    Ok(Value::Array(rows))
}

pub fn remove(world: &mut World, request: &Request) -> Result<Value, Refusal> {
    let customer = customer(request)?;
    let card_id: u64 = request
        .required("CardId")?
        .parse()
        .map_err(|_| Refusal::format("CardId"))?;
    let mut found = false;
    for saved in world.banks.tbank.cards.values_mut() {
        if saved.terminal == request.terminal && saved.customer_key == customer && saved.id == card_id {
            saved.removed = true;
            found = true;
        }
    }
    if !found {
        return Err(Refusal::new("107", "Неверный CardId."));
    }
    Ok(json!({
        "TerminalKey": request.terminal, "CustomerKey": customer, "CardId": card_id.to_string(), "CardType": 0,
        "Status": "D", "Success": true, "ErrorCode": "0",
    }))
}

pub fn add_customer(world: &mut World, request: &Request) -> Result<Value, Refusal> {
    let customer = customer(request)?;
    let about = json!({"Email": request.text("Email"), "Phone": request.text("Phone")});
    world
        .banks
        .tbank
        .customers
        .insert(format!("{}:{customer}", request.terminal), about);
    Ok(json!({"TerminalKey": request.terminal, "CustomerKey": customer, "Success": true, "ErrorCode": "0"}))
}

pub fn get_customer(world: &World, request: &Request) -> Result<Value, Refusal> {
    let customer = customer(request)?;
    let about = world
        .banks
        .tbank
        .customers
        .get(&format!("{}:{customer}", request.terminal));
    let about = about.ok_or_else(|| Refusal::new("7", "Покупатель не найден."))?;
    Ok(json!({
        "TerminalKey": request.terminal, "CustomerKey": customer, "Success": true, "ErrorCode": "0",
        "Email": about.get("Email"), "Phone": about.get("Phone"),
    }))
}

pub fn remove_customer(world: &mut World, request: &Request) -> Result<Value, Refusal> {
    let customer = customer(request)?;
    let removed = world
        .banks
        .tbank
        .customers
        .remove(&format!("{}:{customer}", request.terminal));
    removed.ok_or_else(|| Refusal::new("7", "Покупатель не найден."))?;
    Ok(json!({"TerminalKey": request.terminal, "CustomerKey": customer, "Success": true, "ErrorCode": "0"}))
}
