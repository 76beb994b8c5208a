//! Receipt data: what the service checks, and the receipts that come of it.

use serde_json::{Map, Value, json};

use super::{Made, RefundStatus, Status, error::ApiError, payments::amount};
use crate::{
    banks::{
        Bank,
        fiscal::{Receipt, ReceiptKind, ReceiptStatus},
        instant, money, put, random_hex, tell, text,
    },
    world::World,
};

/// "Чеки от ЮKassa"; a register of one's own takes 100.
const MAX_ITEMS: usize = 80;
const MAX_ITEM_DESCRIPTION: usize = 128;
const MAX_QUANTITY: i64 = 99_999_999;
const MAX_RECEIPTS: usize = 50;
const MODES: [&str; 7] = [
    "full_prepayment",
    "partial_prepayment",
    "advance",
    "full_payment",
    "partial_payment",
    "credit",
    "credit_payment",
];
const SUBJECTS: [&str; 33] = [
    "commodity",
    "excise",
    "job",
    "service",
    "gambling_bet",
    "gambling_prize",
    "lottery",
    "lottery_prize",
    "intellectual_activity",
    "payment",
    "agent_commission",
    "property_right",
    "non_operating_gain",
    "insurance_premium",
    "sales_tax",
    "resort_fee",
    "composite",
    "another",
    "fine",
    "tax",
    "lien",
    "cost",
    "pension_insurance_without_payouts",
    "pension_insurance_with_payouts",
    "health_insurance_without_payouts",
    "health_insurance_with_payouts",
    "health_insurance",
    "casino",
    "agent_withdrawals",
    "non_marked_excise",
    "marked_excise",
    "marked",
    "non_marked",
];
const MEASURES: [&str; 24] = [
    "piece",
    "gram",
    "kilogram",
    "ton",
    "centimeter",
    "decimeter",
    "meter",
    "square_centimeter",
    "square_decimeter",
    "square_meter",
    "milliliter",
    "liter",
    "cubic_meter",
    "kilowatt_hour",
    "gigacalorie",
    "day",
    "hour",
    "minute",
    "second",
    "kilobyte",
    "megabyte",
    "gigabyte",
    "terabyte",
    "another",
];
const SETTLEMENTS: [&str; 4] = ["cashless", "prepayment", "postpayment", "consideration"];

/// A number, or its digits in quotes: the reference's own examples print both.
fn integer(value: &Value) -> Option<i64> {
    value.as_i64().or_else(|| value.as_str()?.parse().ok())
}

fn quantity(value: &Value) -> Option<i64> {
    let spelled = match value {
        Value::Number(number) => number.to_string(),
        Value::String(text) => text.clone(),
        _ => return None,
    };
    money::thousandths(&spelled).filter(|quantity| (1..=MAX_QUANTITY).contains(quantity))
}

fn is_email(email: &str) -> bool {
    email
        .split_once('@')
        .is_some_and(|(name, host)| !name.is_empty() && host.contains('.') && !email.contains(char::is_whitespace))
}

/// E.164 without the plus: `79000000000`.
fn is_phone(phone: &str) -> bool {
    (11..=15).contains(&phone.len()) && phone.bytes().all(|byte| byte.is_ascii_digit())
}

fn check_customer(receipt: &Value) -> Result<(), ApiError> {
    // Older requests carry the contact in the receipt itself.
    let customer = receipt.get("customer").unwrap_or(receipt);
    let (email, phone) = (text(customer, "email"), text(customer, "phone"));
    if email.is_some_and(|email| !is_email(email)) {
        return Err(ApiError::at("receipt.customer.email", "Invalid email"));
    }
    if phone.is_some_and(|phone| !is_phone(phone)) {
        return Err(ApiError::at("receipt.customer.phone", "Invalid phone"));
    }
    if email.is_none() && phone.is_none() {
        return Err(ApiError::at(
            "receipt.customer",
            "Receipt customer must have an email or a phone",
        ));
    }
    Ok(())
}

/// One line's total in kopecks.
fn check_item(item: &Value, at: &str, currency: &str) -> Result<i64, ApiError> {
    let wrong = |name: &str| ApiError::at(&format!("{at}.{name}"), format!("Invalid value of {name}"));
    let length = text(item, "description").unwrap_or_default().chars().count();
    if !(1..=MAX_ITEM_DESCRIPTION).contains(&length) {
        return Err(wrong("description"));
    }
    let quantity = item
        .get("quantity")
        .and_then(quantity)
        .ok_or_else(|| wrong("quantity"))?;
    let (price, of) = amount(item, &format!("{at}.amount"))?;
    if of != currency {
        return Err(ApiError::at(
            &format!("{at}.amount.currency"),
            "Currencies do not match",
        ));
    }
    let vat = item.get("vat_code").and_then(integer);
    if !vat.is_some_and(|code| (1..=12).contains(&code)) {
        return Err(wrong("vat_code"));
    }
    for (name, known) in [
        ("payment_mode", MODES.as_slice()),
        ("payment_subject", &SUBJECTS),
        ("measure", &MEASURES),
    ] {
        if item.get(name).is_some() && !text(item, name).is_some_and(|value| known.contains(&value)) {
            return Err(wrong(name));
        }
    }
    money::line_total(price, quantity).ok_or_else(|| wrong("quantity"))
}

fn items_total(receipt: &Value, currency: &str) -> Result<i64, ApiError> {
    let items = receipt
        .get("items")
        .and_then(Value::as_array)
        .filter(|items| (1..=MAX_ITEMS).contains(&items.len()))
        .ok_or_else(|| ApiError::at("receipt.items", "Receipt must have from 1 to 80 items"))?;
    let mut total: i64 = 0;
    for (at, item) in items.iter().enumerate() {
        let line = check_item(item, &format!("receipt.items[{at}]"), currency)?;
        total = total.saturating_add(line);
    }
    let system = receipt.get("tax_system_code").filter(|code| !code.is_null());
    if system.is_some_and(|code| !integer(code).is_some_and(|code| (1..=6).contains(&code))) {
        return Err(ApiError::at("receipt.tax_system_code", "Invalid tax system code"));
    }
    Ok(total)
}

/// The receipt inside a payment, capture or refund of `amount`.
pub fn check(receipt: &Value, amount: i64, currency: &str) -> Result<(), ApiError> {
    check_customer(receipt)?;
    if items_total(receipt, currency)? != amount {
        return Err(ApiError::at(
            "receipt.items",
            "Receipt amount doesn't match the payment amount",
        ));
    }
    Ok(())
}

/// Adds a receipt and says whether the register took it.
fn register(world: &mut World, receipt: Receipt) -> &'static str {
    let status = receipt.status.name();
    let id = receipt.id.clone();
    world.banks.yookassa.receipts.push(receipt);
    tell(world, Bank::YooKassa, "receipt", &id);
    status
}

fn new_receipt(world: &mut World, shop: &str, kind: ReceiptKind, payment_id: &str, data: Value, total: i64) -> Receipt {
    let failed = world.faults.yookassa.fires(|all| &mut all.fail_receipt);
    Receipt {
        id: format!("rt-{}-{}", random_hex(4), random_hex(12)),
        account: shop.to_owned(),
        kind,
        payment_id: payment_id.to_owned(),
        refund_id: None,
        closing: false,
        status: if failed {
            ReceiptStatus::Canceled
        } else {
            ReceiptStatus::Succeeded
        },
        total,
        data,
        created_at_ms: world.clock.now_ms(),
        document: u64::try_from(world.banks.yookassa.receipts.len()).unwrap_or_default() + 3_986,
    }
}

/// The receipt that came with a payment, once the money is taken.
pub fn register_payment(world: &mut World, id: &str) {
    let Some(payment) = world.banks.yookassa.payments.get(id) else {
        return;
    };
    let Some(data) = payment.receipt.clone() else {
        return;
    };
    let (shop, total) = (payment.shop.clone(), payment.amount);
    let receipt = new_receipt(world, &shop, ReceiptKind::Payment, id, data, total);
    let status = register(world, receipt);
    if let Some(payment) = world.banks.yookassa.payments.get_mut(id) {
        payment.receipt_registration = Some(status.to_owned());
    }
}

/// The receipt of a refund that has succeeded.
pub fn register_refund(world: &mut World, id: &str) {
    let Some(refund) = world.banks.yookassa.refunds.get(id) else {
        return;
    };
    let Some(data) = refund.receipt.clone() else {
        return;
    };
    let (shop, payment_id, total) = (refund.shop.clone(), refund.payment_id.clone(), refund.amount);
    let receipt = Receipt {
        refund_id: Some(id.to_owned()),
        ..new_receipt(world, &shop, ReceiptKind::Refund, &payment_id, data, total)
    };
    let status = register(world, receipt);
    if let Some(refund) = world.banks.yookassa.refunds.get_mut(id) {
        refund.receipt_registration = Some(status.to_owned());
    }
}

/// `POST /receipts`: a receipt of its own, such as the one that closes a prepayment.
pub fn create(world: &mut World, shop: &str, body: &Value) -> Result<Made, ApiError> {
    let (kind, payment_id, refund_id, currency) = subject(world, shop, body)?;
    if !body.get("customer").is_some_and(Value::is_object) {
        return Err(ApiError::at("customer", "Customer is missing"));
    }
    check_customer(body)?;
    let total = items_total(body, &currency)?;
    let settlements = body
        .get("settlements")
        .and_then(Value::as_array)
        .filter(|all| !all.is_empty());
    let mut settled: i64 = 0;
    for (at, settlement) in settlements
        .ok_or_else(|| ApiError::at("settlements", "Settlements are missing"))?
        .iter()
        .enumerate()
    {
        let at = format!("settlements[{at}]");
        if !text(settlement, "type").is_some_and(|kind| SETTLEMENTS.contains(&kind)) {
            return Err(ApiError::at(&format!("{at}.type"), "Invalid settlement type"));
        }
        settled = settled.saturating_add(amount(settlement, &format!("{at}.amount"))?.0);
    }
    if settled != total {
        return Err(ApiError::at(
            "settlements",
            "Sum of settlements doesn't match the sum of items",
        ));
    }
    if body.get("send").and_then(Value::as_bool) != Some(true) {
        return Err(ApiError::at("send", "Invalid value of send"));
    }
    let already = world.banks.yookassa.receipts.iter();
    if already.filter(|one| one.payment_id == payment_id).count() >= MAX_RECEIPTS {
        return Err(ApiError::invalid("Too many receipts for the payment"));
    }
    let receipt = Receipt {
        refund_id,
        closing: true,
        ..new_receipt(world, shop, kind, &payment_id, body.clone(), total)
    };
    let id = receipt.id.clone();
    register(world, receipt);
    Ok(Made::Receipt(id))
}

/// What a receipt of its own is about: kind, payment, refund and currency.
fn subject(world: &World, shop: &str, body: &Value) -> Result<(ReceiptKind, String, Option<String>, String), ApiError> {
    let bank = &world.banks.yookassa;
    match text(body, "type") {
        Some("payment") => {
            let payment = text(body, "payment_id")
                .and_then(|id| bank.payments.get(id))
                .filter(|payment| payment.shop == shop && payment.status == Status::Succeeded)
                .ok_or_else(|| ApiError::at("payment_id", "Payment is not found or is not succeeded"))?;
            Ok((ReceiptKind::Payment, payment.id.clone(), None, payment.currency.clone()))
        }
        Some("refund") => {
            let refund = text(body, "refund_id")
                .and_then(|id| bank.refunds.get(id))
                .filter(|refund| refund.shop == shop && refund.status == RefundStatus::Succeeded)
                .ok_or_else(|| ApiError::at("refund_id", "Refund is not found or is not succeeded"))?;
            let currency = refund.currency.clone();
            Ok((
                ReceiptKind::Refund,
                refund.payment_id.clone(),
                Some(refund.id.clone()),
                currency,
            ))
        }
        _ => Err(ApiError::at("type", "Invalid receipt type")),
    }
}

pub fn read(world: &World, shop: &str, id: &str) -> Result<Value, ApiError> {
    let mut all = world.banks.yookassa.receipts.iter();
    all.find(|receipt| receipt.id == id && receipt.account == shop)
        .map(to_wire)
        .ok_or_else(|| ApiError::not_found("Receipt"))
}

pub fn show(world: &World, id: &str) -> Option<Value> {
    let mut all = world.banks.yookassa.receipts.iter();
    all.find(|receipt| receipt.id == id).map(to_wire)
}

pub fn to_wire(receipt: &Receipt) -> Value {
    let kind = match receipt.kind {
        ReceiptKind::Payment => "payment",
        ReceiptKind::Refund => "refund",
    };
    let mut wire = Map::from_iter([
        ("id".to_owned(), json!(receipt.id)),
        ("type".to_owned(), json!(kind)),
        ("status".to_owned(), json!(receipt.status.name())),
    ]);
    match &receipt.refund_id {
        Some(refund_id) => wire.insert("refund_id".into(), json!(refund_id)),
        None => wire.insert("payment_id".into(), json!(receipt.payment_id)),
    };
    for name in ["items", "settlements", "tax_system_code"] {
        put(&mut wire, name, receipt.data.get(name).cloned());
    }
    if receipt.status == ReceiptStatus::Succeeded {
        wire.insert("fiscal_document_number".into(), json!(receipt.document.to_string()));
        wire.insert("fiscal_storage_number".into(), json!(receipt.storage_number()));
        wire.insert("fiscal_attribute".into(), json!(receipt.attribute().to_string()));
        wire.insert("registered_at".into(), json!(instant(receipt.created_at_ms)));
        wire.insert("fiscal_provider_id".into(), json!("9288000100115785"));
    }
    Value::Object(wire)
}
