//! Saved payment methods, binding one without charging, and `/me`.

use serde_json::{Map, Value, json};

use super::{Made, Method, YooKassa, error::ApiError, letter};
use crate::{
    banks::{Bank, cards::Card, courier, put, tell, text},
    world::World,
};

fn own<'a>(world: &'a World, shop: &str, id: &str) -> Option<&'a Method> {
    world
        .banks
        .yookassa
        .methods
        .get(id)
        .filter(|method| method.shop == shop)
}

/// The method a charge without the payer may use.
pub fn chargeable(world: &World, shop: &str, id: &str) -> Result<Method, ApiError> {
    let allowed = world
        .banks
        .yookassa
        .shops
        .get(shop)
        .is_some_and(|shop| shop.save_methods);
    if !allowed {
        return Err(ApiError::forbidden("Forbidden to use saved payment method"));
    }
    let method =
        own(world, shop, id).ok_or_else(|| ApiError::at("payment_method_id", "Payment method is not found"))?;
    if !method.saved {
        return Err(ApiError::at("payment_method_id", "Payment method is not saved"));
    }
    Ok(method.clone())
}

/// Remembers what a payment was paid with; `save` is the payer's own wish beside the shop's.
pub fn keep(world: &mut World, payment_id: &str, save: bool) {
    let now_ms = world.clock.now_ms();
    let bank = &mut world.banks.yookassa;
    let Some(payment) = bank.payments.get_mut(payment_id) else {
        return;
    };
    // Paid with a method that is there already.
    if payment.method_id.is_some() {
        return;
    }
    payment.method_id = Some(payment.id.clone());
    let allowed = bank.shops.get(&payment.shop).is_some_and(|shop| shop.save_methods);
    let method = Method {
        id: payment.id.clone(),
        shop: payment.shop.clone(),
        kind: payment.method_type.clone(),
        saved: (payment.save_method || save) && allowed,
        status: "active".to_owned(),
        card: payment.card.clone(),
        customer: payment.customer.clone(),
        return_url: None,
        confirmation_url: None,
        declines: None,
        created_at_ms: now_ms,
    };
    bank.methods.insert(method.id.clone(), method);
}

/// `POST /payment_methods`.
pub fn create(world: &mut World, shop: &str, base_url: &str, body: &Value) -> Result<Made, ApiError> {
    if text(body, "type") != Some("bank_card") {
        return Err(ApiError::at("type", "Invalid payment method type"));
    }
    let confirmation = body.get("confirmation").unwrap_or(&Value::Null);
    if text(confirmation, "type") != Some("redirect") {
        return Err(ApiError::at("confirmation.type", "Invalid confirmation type"));
    }
    let return_url = text(confirmation, "return_url")
        .filter(|url| url::Url::parse(url).is_ok())
        .ok_or_else(|| ApiError::at("confirmation.return_url", "Return url is missing"))?
        .to_owned();
    let now_ms = world.clock.now_ms();
    let id = YooKassa::new_id(now_ms, "0001");
    let method = Method {
        id: id.clone(),
        shop: shop.to_owned(),
        kind: "bank_card".to_owned(),
        saved: false,
        status: "pending".to_owned(),
        card: None,
        customer: text(body, "merchant_customer_id").map(str::to_owned),
        return_url: Some(return_url),
        confirmation_url: Some(format!("{base_url}/yookassa/checkout?orderId={id}")),
        declines: None,
        created_at_ms: now_ms,
    };
    world.banks.yookassa.methods.insert(id.clone(), method);
    Ok(Made::Method(id))
}

/// The payer has confirmed the binding.
pub fn bind(world: &mut World, id: &str, card: Option<Card>) {
    let Some(method) = world.banks.yookassa.methods.get_mut(id) else {
        return;
    };
    if method.status != "pending" {
        return;
    }
    method.status = "active".to_owned();
    method.saved = true;
    method.card = card;
    let (shop, object) = (method.shop.clone(), to_wire(method, true));
    let letter = letter(world, &shop, "payment_method.active", id, &object);
    tell(world, Bank::YooKassa, "method", id);
    courier::announce(world, &letter);
}

pub fn read(world: &World, shop: &str, id: &str) -> Result<Value, ApiError> {
    own(world, shop, id)
        .map(|method| to_wire(method, true))
        .ok_or_else(|| ApiError::not_found("Payment method"))
}

pub fn show(world: &World, id: &str) -> Option<Value> {
    Some(to_wire(world.banks.yookassa.methods.get(id)?, true))
}

/// `whole` adds what stands in the object itself but not inside a payment.
pub fn to_wire(method: &Method, whole: bool) -> Value {
    let mut wire = Map::from_iter([
        ("type".to_owned(), json!(method.kind)),
        ("id".to_owned(), json!(method.id)),
        ("saved".to_owned(), json!(method.saved)),
        ("status".to_owned(), json!(method.status)),
    ]);
    match (&method.card, method.kind.as_str()) {
        (Some(card), _) => {
            wire.insert("title".into(), json!(format!("Bank card *{}", card.last4)));
            wire.insert(
                "card".into(),
                json!({
                    "first6": card.first6, "last4": card.last4, "expiry_year": card.expiry_year,
                    "expiry_month": card.expiry_month, "card_type": card.brand,
                    "issuer_country": "RU", "issuer_name": "Sandbox Bank",
                }),
            );
        }
        (None, "yoo_money") => {
            wire.insert("title".into(), json!("YooMoney wallet 410011758831136"));
            wire.insert("account_number".into(), json!("410011758831136"));
        }
        (None, "sbp") => {
            wire.insert("title".into(), json!("SBP"));
        }
        _ => {}
    }
    if whole {
        wire.insert(
            "holder".into(),
            json!({"account_id": method.shop, "gateway_id": format!("{}7", method.shop)}),
        );
        if method.status == "pending" {
            let confirmation = json!({
                "type": "redirect", "return_url": method.return_url, "confirmation_url": method.confirmation_url,
            });
            put(&mut wire, "confirmation", Some(confirmation));
        }
    }
    Value::Object(wire)
}

pub fn me(world: &World, shop: &str) -> Value {
    let settings = world.banks.yookassa.shops.get(shop).cloned().unwrap_or_default();
    let methods = if settings.test {
        json!(["bank_card", "yoo_money"])
    } else {
        json!(["bank_card", "yoo_money", "sbp", "sberbank", "tinkoff_bank"])
    };
    let mut fiscalization = json!({"enabled": settings.fiscalization});
    if let (true, Some(fields)) = (settings.fiscalization, fiscalization.as_object_mut()) {
        fields.insert("provider".into(), json!("avanpost"));
    }
    json!({
        "account_id": shop, "status": "enabled", "test": settings.test, "fiscalization": fiscalization,
        "fiscalization_enabled": settings.fiscalization, "payment_methods": methods, "itn": settings.itn,
    })
}
