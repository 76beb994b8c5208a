//! Init, GetState, CheckOrder, Confirm and Charge.

use serde_json::{Map, Value, json};

use super::{
    HOLD_MS, MINUTE_MS, Payment, Status, cards,
    error::{Refusal, decline_message},
    http::Request,
    notify, receipts,
};
use crate::{
    banks::{Bank, parse_instant, tell},
    world::World,
};

const MIN_AMOUNT: i64 = 100;
/// Newer pages say 50; 36 is what every page agrees on.
const MAX_ORDER_ID: usize = 36;
const MAX_DESCRIPTION: usize = 250;
const MAX_CUSTOMER_KEY: usize = 36;
const MAX_LINK_MINUTES: i64 = 90 * 24 * 60;
const MAX_DATA_PAIRS: usize = 20;
const MAX_DATA_KEY: usize = 20;
const MAX_DATA_VALUE: usize = 100;

fn too_long(code: &'static str, field: &str, max: usize) -> Refusal {
    Refusal::new(code, format!("Длина поля {field} больше {max}."))
}

fn limited(request: &Request, name: &str, max: usize, code: &'static str) -> Result<Option<String>, Refusal> {
    let text = request.text(name);
    if text.as_ref().is_some_and(|text| text.chars().count() > max) {
        return Err(too_long(code, name, max));
    }
    Ok(text)
}

fn address(request: &Request, name: &str) -> Result<Option<String>, Refusal> {
    let Some(text) = request.text(name) else {
        return Ok(None);
    };
    // Templates such as `${OrderId}` are no valid characters of an address until they are filled in.
    let filled = text.replace("${", "").replace('}', "");
    match url::Url::parse(&filled) {
        Ok(url) if matches!(url.scheme(), "http" | "https") => Ok(Some(text)),
        _ => Err(Refusal::format(name)),
    }
}

fn data(request: &Request) -> Result<Map<String, Value>, Refusal> {
    let Some(data) = request.object("DATA")?.and_then(Value::as_object) else {
        return Ok(Map::new());
    };
    if data.len() > MAX_DATA_PAIRS {
        return Err(Refusal::new("207", "Параметр DATA содержит больше 20 пар."));
    }
    for (key, value) in data {
        // The reserved name is longer than the limit its own page states.
        if key.chars().count() > MAX_DATA_KEY && key != "OperationInitiatorType" {
            return Err(Refusal::new("208", "Ключ в параметре DATA длиннее 20 символов."));
        }
        if value
            .as_str()
            .is_none_or(|value| value.chars().count() > MAX_DATA_VALUE)
        {
            return Err(Refusal::new(
                "209",
                "Значение в параметре DATA не является строкой до 100 символов.",
            ));
        }
    }
    Ok(data.clone())
}

fn check_initiator(data: &Map<String, Value>, recurrent: bool) -> Result<(), Refusal> {
    match data.get("OperationInitiatorType").and_then(Value::as_str) {
        None => Ok(()),
        Some("1") if recurrent => Ok(()),
        Some("0" | "2" | "R" | "I") if !recurrent => Ok(()),
        Some("0" | "1" | "2" | "R" | "I") => Err(Refusal::new(
            "1126",
            "Значение OperationInitiatorType не соответствует Recurrent и RebillId.",
        )),
        Some(_) => Err(Refusal::new("1125", "Неизвестное значение OperationInitiatorType.")),
    }
}

fn due_date(world: &World, request: &Request, link_minutes: i64) -> Result<i64, Refusal> {
    let now_ms = world.clock.now_ms();
    let Some(text) = request.text("RedirectDueDate") else {
        return Ok(now_ms.saturating_add(link_minutes * MINUTE_MS));
    };
    // `2026-11-30T23:59:00+03:00`: no fraction, a numeric offset.
    let plain = text.len() == 25 && !text.contains('.');
    let at_ms = parse_instant(&text)
        .filter(|_| plain)
        .ok_or_else(|| Refusal::new("12", "Неверный формат RedirectDueDate."))?;
    let left = at_ms.saturating_sub(now_ms);
    if !(MINUTE_MS..=MAX_LINK_MINUTES * MINUTE_MS).contains(&left) {
        return Err(Refusal::new("3017", "RedirectDueDate вне допустимого диапазона."));
    }
    Ok(at_ms)
}

fn check_order_id(world: &World, terminal: &str, order_id: &str, repeats: bool) -> Result<(), Refusal> {
    let mut same = world
        .banks
        .tbank
        .payments
        .values()
        .filter(|payment| payment.terminal == terminal && payment.order_id == order_id)
        .peekable();
    if same.peek().is_some() && !repeats {
        return Err(Refusal::new("20", "Повторный order id."));
    }
    if same.any(|payment| payment.captured > 0 || payment.held > 0) {
        return Err(Refusal::new("623", "Заказ уже оплачен."));
    }
    Ok(())
}

pub fn init(world: &mut World, request: &Request) -> Result<Value, Refusal> {
    let settings = world
        .banks
        .tbank
        .terminals
        .get(&request.terminal)
        .cloned()
        .unwrap_or_default();
    let amount = request.kopecks("Amount")?.ok_or_else(|| Refusal::empty("Amount"))?;
    if amount < MIN_AMOUNT {
        return Err(Refusal::new(
            "251",
            "Неверная сумма. Сумма должна быть больше или равна 100 копеек.",
        ));
    }
    let order_id = request.required("OrderId")?;
    if order_id.chars().count() > MAX_ORDER_ID {
        return Err(too_long("212", "OrderId", MAX_ORDER_ID));
    }
    let description = limited(request, "Description", MAX_DESCRIPTION, "213")?;
    let customer_key = limited(request, "CustomerKey", MAX_CUSTOMER_KEY, "216")?;
    let recurrent = match request.text("Recurrent").as_deref() {
        None => false,
        Some("Y") => true,
        Some(_) => return Err(Refusal::format("Recurrent")),
    };
    if recurrent && customer_key.is_none() {
        return Err(Refusal::empty("CustomerKey"));
    }
    let two_stage = match request.text("PayType").as_deref() {
        None => settings.two_stage,
        Some("O") => false,
        Some("T") => true,
        Some(_) => return Err(Refusal::format("PayType")),
    };
    let language = request.text("Language").unwrap_or_else(|| "ru".to_owned());
    if !matches!(language.as_str(), "ru" | "en") {
        return Err(Refusal::format("Language"));
    }
    let notification_url = address(request, "NotificationURL")?;
    let success_url = address(request, "SuccessURL")?;
    let fail_url = address(request, "FailURL")?;
    let data = data(request)?;
    check_initiator(&data, recurrent)?;
    let receipt = request.object("Receipt")?.cloned();
    match &receipt {
        Some(receipt) => receipts::check(receipt, amount)?,
        None if settings.cash_register => return Err(Refusal::new("309", "Отсутствует обязательный объект Receipt.")),
        None => {}
    }
    let expires_at_ms = due_date(world, request, settings.link_minutes)?;
    check_order_id(world, &request.terminal, &order_id, settings.repeat_orders)?;

    let now_ms = world.clock.now_ms();
    let expired = world.faults.tbank.fires(|all| &mut all.expire_link);
    let bank = &mut world.banks.tbank;
    let id = bank.next_id();
    let pay_path = format!("/tbank/new/{id}");
    let payment = Payment {
        id,
        terminal: request.terminal.clone(),
        order_id: order_id.clone(),
        status: Status::New,
        amount,
        held: 0,
        captured: 0,
        refunded: 0,
        description,
        customer_key,
        recurrent,
        two_stage,
        language,
        notification_url,
        success_url,
        fail_url,
        data,
        receipt,
        created_at_ms: now_ms,
        expires_at_ms: if expired { now_ms } else { expires_at_ms },
        hold_until_ms: None,
        failed_tries: 0,
        error_code: "0".to_owned(),
        card: None,
        card_id: None,
        rebill_id: None,
        pay_path: pay_path.clone(),
    };
    bank.deadlines.insert((payment.expires_at_ms, id));
    bank.payments.insert(id, payment);
    world.banks.post.wake();
    super::view::forge_by_chance(world, id);
    tell(world, Bank::TBank, "payment", &id.to_string());
    Ok(json!({
        "TerminalKey": request.terminal, "Amount": amount, "OrderId": order_id, "Success": true, "Status": "NEW",
        "PaymentId": id.to_string(), "ErrorCode": "0", "PaymentURL": format!("{}{pay_path}", request.base_url),
    }))
}

/// The terminal's own payment a request names.
pub fn own<'a>(world: &'a World, request: &Request) -> Result<&'a Payment, Refusal> {
    let id = request.required("PaymentId")?;
    if id.len() > 20 {
        return Err(too_long("217", "PaymentId", 20));
    }
    let id: u64 = id.parse().map_err(|_| Refusal::format("PaymentId"))?;
    world
        .banks
        .tbank
        .payments
        .get(&id)
        .filter(|payment| payment.terminal == request.terminal)
        .ok_or_else(Refusal::no_payment)
}

/// What most methods answer.
pub fn summary(payment: &Payment) -> Map<String, Value> {
    Map::from_iter([
        ("TerminalKey".to_owned(), json!(payment.terminal)),
        ("OrderId".to_owned(), json!(payment.order_id)),
        ("Success".to_owned(), json!(true)),
        ("Status".to_owned(), json!(payment.status.name())),
        ("PaymentId".to_owned(), json!(payment.id.to_string())),
        ("Amount".to_owned(), json!(payment.amount)),
        ("ErrorCode".to_owned(), json!("0")),
    ])
}

pub fn get_state(world: &World, request: &Request) -> Result<Value, Refusal> {
    let payment = own(world, request)?;
    let mut answer = summary(payment);
    answer.insert("Message".into(), json!("OK"));
    let mut params = vec![
        json!({"Key": "Route", "Value": "ACQ"}),
        json!({"Key": "Source", "Value": "cards"}),
    ];
    if let Some(rebill_id) = payment.rebill_id {
        params.push(json!({"Key": "RebillId", "Value": rebill_id.to_string()}));
    }
    answer.insert("Params".into(), json!(params));
    Ok(Value::Object(answer))
}

/// Inside the list the code is a number and success a text, as at the real one.
pub fn check_order(world: &World, request: &Request) -> Result<Value, Refusal> {
    let order_id = request.required("OrderId")?;
    let mine = world.banks.tbank.payments.values();
    let payments: Vec<Value> = mine
        .filter(|payment| payment.terminal == request.terminal && payment.order_id == order_id)
        .map(|payment| {
            let code: i64 = payment.error_code.parse().unwrap_or_default();
            let failed = payment.status == Status::Rejected;
            let mut row = json!({
                "PaymentId": payment.id.to_string(), "Amount": payment.amount, "Status": payment.status.name(),
                "Success": if failed { "false" } else { "true" }, "ErrorCode": if failed { code } else { 0 },
                "Message": if failed { decline_message(&payment.error_code) } else { "OK" },
            });
            if let (true, Some(fields)) = (payment.captured > 0 || payment.held > 0, row.as_object_mut()) {
                fields.insert("RRN".into(), json!(format!("{:012}", payment.id % 1_000_000_000_000)));
            }
            row
        })
        .collect();
    if payments.is_empty() {
        return Err(Refusal::new("255", "Заказ не найден."));
    }
    Ok(json!({
        "TerminalKey": request.terminal, "OrderId": order_id, "Success": true, "ErrorCode": "0", "Message": "OK",
        "Payments": payments,
    }))
}

pub fn confirm(world: &mut World, request: &Request) -> Result<Value, Refusal> {
    let payment = own(world, request)?;
    if !matches!(payment.status, Status::Authorized | Status::PartialReversed) {
        return Err(Refusal::state());
    }
    let (id, held) = (payment.id, payment.held);
    let amount = request.kopecks("Amount")?.unwrap_or(held);
    if amount > held {
        return Err(Refusal::new("330", "Сумма подтверждения больше авторизованной."));
    }
    if amount == 0 {
        return Err(Refusal::new("251", "Неверная сумма."));
    }
    let receipt = request.object("Receipt")?.cloned();
    let register = world
        .banks
        .tbank
        .terminals
        .get(&request.terminal)
        .is_some_and(|terminal| terminal.cash_register);
    match &receipt {
        Some(receipt) => receipts::check(receipt, amount)?,
        None if register && amount != payment.amount => {
            return Err(Refusal::new("309", "Отсутствует обязательный объект Receipt."));
        }
        None => {}
    }
    if let (Some(receipt), Some(payment)) = (receipt, world.banks.tbank.payments.get_mut(&id)) {
        payment.receipt = Some(receipt);
    }
    capture(world, id, amount);
    let payment = own(world, request)?;
    Ok(Value::Object(summary(payment)))
}

/// Takes `amount` of what is held and releases the rest.
fn capture(world: &mut World, id: u64, amount: i64) {
    if let Some(payment) = world.banks.tbank.payments.get_mut(&id) {
        payment.held = 0;
        payment.captured = amount;
        payment.hold_until_ms = None;
        payment.status = Status::Confirmed;
    }
    receipts::register_payment(world, id);
    notify(world, id, Status::Confirmed, Some(amount));
}

/// The bank of the payer has agreed.
pub fn authorize(world: &mut World, id: u64) {
    let now_ms = world.clock.now_ms();
    let bank = &mut world.banks.tbank;
    let Some(payment) = bank
        .payments
        .get_mut(&id)
        .filter(|payment| payment.status.awaits_payer())
    else {
        return;
    };
    payment.status = Status::Authorized;
    payment.held = payment.amount;
    payment.error_code = "0".to_owned();
    let until_ms = now_ms.saturating_add(HOLD_MS);
    payment.hold_until_ms = Some(until_ms);
    let (amount, two_stage) = (payment.amount, payment.two_stage);
    bank.deadlines.insert((until_ms, id));
    cards::keep(world, id);
    // One-stage payments tell both practically at once, and the post may overtake itself.
    notify(world, id, Status::Authorized, None);
    if !two_stage {
        capture(world, id, amount);
    }
}

/// A try that failed. Only the last one ends the payment.
pub fn fail_try(world: &mut World, id: u64, code: &str, is_last: bool) {
    let bank = &mut world.banks.tbank;
    let Some(payment) = bank
        .payments
        .get_mut(&id)
        .filter(|payment| payment.status.awaits_payer())
    else {
        return;
    };
    let terminal = bank.terminals.get(&payment.terminal);
    let tries = terminal.map_or(3, |terminal| terminal.tries);
    let notify_each = terminal.is_some_and(|terminal| terminal.notify_failed_tries);
    payment.failed_tries += 1;
    payment.error_code = code.to_owned();
    let is_over = is_last || payment.failed_tries >= tries;
    payment.status = if is_over { Status::Rejected } else { Status::FormShowed };
    if is_over || notify_each {
        notify(world, id, Status::Rejected, None);
    } else {
        tell(world, Bank::TBank, "payment", &id.to_string());
    }
}

pub fn expire(world: &mut World, id: u64) {
    let bank = &mut world.banks.tbank;
    let Some(payment) = bank
        .payments
        .get_mut(&id)
        .filter(|payment| payment.status.awaits_payer())
    else {
        return;
    };
    payment.status = Status::DeadlineExpired;
    let told = bank
        .terminals
        .get(&payment.terminal)
        .is_some_and(|terminal| terminal.notify_expired);
    if told {
        notify(world, id, Status::DeadlineExpired, None);
    } else {
        tell(world, Bank::TBank, "payment", &id.to_string());
    }
}

pub fn charge(world: &mut World, request: &Request) -> Result<Value, Refusal> {
    let enabled = world
        .banks
        .tbank
        .terminals
        .get(&request.terminal)
        .is_some_and(|terminal| terminal.charge_enabled);
    if !enabled {
        return Err(Refusal::new("10", "Метод Charge заблокирован для данного терминала."));
    }
    let payment = own(world, request)?;
    let rebill_id = request.required("RebillId")?;
    let rebill_id: u64 = rebill_id.parse().map_err(|_| Refusal::format("RebillId"))?;
    if payment.status != Status::New {
        return Err(Refusal::state());
    }
    let initiator = payment.data.get("OperationInitiatorType").and_then(Value::as_str);
    if payment.recurrent || matches!(initiator, Some("0" | "1")) {
        return Err(Refusal::new(
            "1126",
            "Значение OperationInitiatorType не соответствует Recurrent и RebillId.",
        ));
    }
    let id = payment.id;
    let saved = world.banks.tbank.cards.get(&rebill_id);
    let saved = saved.filter(|card| card.terminal == request.terminal).cloned();
    let switch = world.faults.tbank.fires(|all| &mut all.decline_charge);
    let reason = world.faults.tbank.decline_reason.clone();
    let decline = match &saved {
        None => Some("104".to_owned()),
        Some(card) if card.removed => Some("104".to_owned()),
        Some(_) if switch && !reason.is_empty() => Some(reason),
        Some(_) if switch => Some("1051".to_owned()),
        Some(card) => card.declines.clone(),
    };
    if let (Some(saved), Some(payment)) = (saved, world.banks.tbank.payments.get_mut(&id)) {
        payment.card = Some(saved.card);
        payment.card_id = Some(saved.id);
        payment.rebill_id = Some(saved.rebill_id);
    }
    match decline {
        None => authorize(world, id),
        Some(code) => fail_try(world, id, &code, true),
    }
    let payment = own(world, request)?;
    let mut answer = summary(payment);
    if payment.status == Status::Rejected {
        answer.insert("Success".into(), json!(false));
        answer.insert("ErrorCode".into(), json!(payment.error_code));
        answer.insert("Message".into(), json!(decline_message(&payment.error_code)));
        answer.insert("Details".into(), json!(decline_message(&payment.error_code)));
    }
    Ok(Value::Object(answer))
}
