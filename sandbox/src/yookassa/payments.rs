//! Payments: create, capture, cancel, and how one looks on the wire.

use serde_json::{Map, Value, json};

use super::{
    Cancellation, HOLD_MS, Made, PAY_WITHIN_MS, Payment, Status, YooKassa, error::ApiError, methods, notify_payment,
    reasons, receipts,
};
use crate::{
    banks::{Bank, instant, money, put, random_hex, tell, text},
    world::World,
};

const MAX_DESCRIPTION: usize = 128;
const MAX_METADATA_KEYS: usize = 16;
const MAX_METADATA_KEY: usize = 32;
const MAX_METADATA_VALUE: usize = 512;
const MAX_RETURN_URL: usize = 2_048;
const MAX_CUSTOMER: usize = 200;
const CURRENCIES: [&str; 12] = [
    "RUB", "EUR", "USD", "KZT", "BYN", "UAH", "UZS", "TRY", "INR", "MDL", "AZN", "AMD",
];
const METHOD_TYPES: [&str; 12] = [
    "bank_card",
    "cash",
    "sberbank",
    "tinkoff_bank",
    "yoo_money",
    "mobile_balance",
    "b2b_sberbank",
    "sbp",
    "sber_loan",
    "electronic_certificate",
    "sber_bnpl",
    "alfa_pay",
];
/// A test shop takes these two.
const TEST_METHOD_TYPES: [&str; 2] = ["bank_card", "yoo_money"];

/// `{"value": "100.00", "currency": "RUB"}` → kopecks and currency.
pub fn amount(body: &Value, parameter: &str) -> Result<(i64, String), ApiError> {
    let amount = body
        .get("amount")
        .filter(|amount| amount.is_object())
        .ok_or_else(|| ApiError::at(parameter, "Amount is missing"))?;
    let value = text(amount, "value")
        .and_then(money::from_decimal)
        .filter(|kopecks| *kopecks > 0)
        .ok_or_else(|| ApiError::at(&format!("{parameter}.value"), "Invalid amount value"))?;
    let currency = text(amount, "currency")
        .filter(|currency| CURRENCIES.contains(currency))
        .ok_or_else(|| ApiError::at(&format!("{parameter}.currency"), "Invalid currency"))?;
    Ok((value, currency.to_owned()))
}

/// An optional text of at most `max` characters.
pub fn optional_text(body: &Value, name: &str, max: usize) -> Result<Option<String>, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(None),
        Some(Value::String(value)) if value.chars().count() <= max => Ok(Some(value.clone())),
        Some(Value::String(_)) if name == "description" => Err(ApiError::at(
            name,
            format!("Description is too long. Max. length is {max}"),
        )),
        Some(_) => Err(ApiError::at(name, format!("Invalid value of {name}"))),
    }
}

pub fn metadata(body: &Value) -> Result<Option<Value>, ApiError> {
    let Some(given) = body.get("metadata").filter(|given| !given.is_null()) else {
        return Ok(None);
    };
    let fields = given
        .as_object()
        .ok_or_else(|| ApiError::at("metadata", "Metadata must be an object"))?;
    if fields.len() > MAX_METADATA_KEYS {
        return Err(ApiError::at(
            "metadata",
            format!("Metadata object is limited to {MAX_METADATA_KEYS} keys"),
        ));
    }
    for (key, value) in fields {
        let fits = value
            .as_str()
            .is_some_and(|value| value.chars().count() <= MAX_METADATA_VALUE);
        if key.chars().count() > MAX_METADATA_KEY || !fits {
            return Err(ApiError::at(
                &format!("metadata.{key}"),
                "Metadata keys are limited to 32 characters, values are strings of at most 512",
            ));
        }
    }
    Ok(Some(given.clone()))
}

fn boolean(body: &Value, name: &str) -> Result<bool, ApiError> {
    match body.get(name) {
        None | Some(Value::Null) => Ok(false),
        Some(Value::Bool(value)) => Ok(*value),
        Some(_) => Err(ApiError::at(name, format!("Invalid value of {name}"))),
    }
}

/// How the payer confirms.
#[derive(Default)]
struct Confirmation {
    /// As it goes out.
    wire: Option<Value>,
    return_url: Option<String>,
    locale: Option<String>,
}

fn confirmation(asked: Option<&Value>, id: &str, base_url: &str) -> Result<Confirmation, ApiError> {
    let Some(asked) = asked else {
        return Ok(Confirmation::default());
    };
    let kind = text(asked, "type").unwrap_or_default();
    let return_url = optional_text(asked, "return_url", MAX_RETURN_URL)
        .map_err(|_| ApiError::at("confirmation.return_url", "Return url is too long. Max. length is 2048"))?
        .filter(|url| !url.is_empty());
    let locale = text(asked, "locale").map(str::to_owned);
    if locale
        .as_deref()
        .is_some_and(|locale| !matches!(locale, "ru_RU" | "en_US"))
    {
        return Err(ApiError::at("confirmation.locale", "Invalid locale"));
    }
    let url = format!("{base_url}/yookassa/checkout?orderId={id}");
    let mut fields = Map::from_iter([("type".to_owned(), json!(kind))]);
    match kind {
        "redirect" | "mobile_application" => {
            let target = return_url
                .clone()
                .ok_or_else(|| ApiError::at("confirmation.return_url", "Return url is missing"))?;
            if url::Url::parse(&target).is_err() {
                return Err(ApiError::at("confirmation.return_url", "Invalid return url"));
            }
            fields.insert("return_url".into(), json!(target));
            put(&mut fields, "enforce", asked.get("enforce").cloned());
            fields.insert("confirmation_url".into(), json!(url));
        }
        "embedded" => {
            fields.insert("confirmation_token".into(), json!(format!("ct-{id}")));
        }
        "qr" => {
            fields.insert("confirmation_data".into(), json!(url));
        }
        "external" => {}
        _ => return Err(ApiError::at("confirmation.type", "Invalid confirmation type")),
    }
    Ok(Confirmation {
        wire: Some(Value::Object(fields)),
        return_url,
        locale,
    })
}

fn method_type(world: &World, shop: &str, data: Option<&Value>) -> Result<String, ApiError> {
    let Some(data) = data else {
        return Ok("bank_card".to_owned());
    };
    let kind = text(data, "type")
        .filter(|kind| METHOD_TYPES.contains(kind))
        .ok_or_else(|| ApiError::at("payment_method_data.type", "Invalid payment method type"))?;
    if data.get("card").is_some() {
        return Err(ApiError::forbidden("Forbidden to pass card data"));
    }
    let is_test = world.banks.yookassa.shops.get(shop).is_some_and(|shop| shop.test);
    if is_test && !TEST_METHOD_TYPES.contains(&kind) {
        return Err(ApiError::at(
            "payment_method_data.type",
            "Payment method is not available",
        ));
    }
    Ok(kind.to_owned())
}

/// `POST /payments`.
pub fn create(world: &mut World, shop: &str, base_url: &str, body: &Value) -> Result<Made, ApiError> {
    let now_ms = world.clock.now_ms();
    let given = |name: &str| body.get(name).filter(|value| !value.is_null());
    let (value, currency) = amount(body, "amount")?;
    let description = optional_text(body, "description", MAX_DESCRIPTION)?;
    let metadata = metadata(body)?;
    let customer = optional_text(body, "merchant_customer_id", MAX_CUSTOMER)?;
    let ways = ["payment_method_data", "payment_method_id", "payment_token"];
    if ways.iter().filter(|name| given(name).is_some()).count() > 1 {
        return Err(ApiError::invalid(
            "Request should contain only one of: payment_method_data, payment_method_id, payment_token",
        ));
    }
    if given("payment_token").is_some() {
        return Err(ApiError::at("payment_token", "Payment token is invalid"));
    }
    let saved = match given("payment_method_id") {
        Some(_) if given("confirmation").is_some() => {
            return Err(ApiError::at(
                "confirmation",
                "Confirmation must be null when using payment_method_id",
            ));
        }
        Some(id) => Some(methods::chargeable(world, shop, id.as_str().unwrap_or_default())?),
        None => None,
    };
    let id = YooKassa::new_id(now_ms, "000f");
    let confirmation = confirmation(given("confirmation"), &id, base_url)?;
    let kind = match &saved {
        Some(method) => method.kind.clone(),
        None => method_type(world, shop, given("payment_method_data"))?,
    };
    let capture = boolean(body, "capture")?;
    if kind == "sbp" && !capture {
        return Err(ApiError::at(
            "capture",
            "Two-stage payments are not available for this method",
        ));
    }
    let save_method = boolean(body, "save_payment_method")?;
    let settings = world.banks.yookassa.shops.get(shop).cloned().unwrap_or_default();
    if save_method && !settings.save_methods {
        return Err(ApiError::forbidden("Forbidden to save payment method"));
    }
    let receipt = given("receipt").cloned();
    match &receipt {
        Some(receipt) => receipts::check(receipt, value, &currency)?,
        None if settings.fiscalization => {
            return Err(ApiError::at("receipt", "Receipt is missing or illegal"));
        }
        None => {}
    }
    let expired = saved.is_none() && world.faults.yookassa.fires(|all| &mut all.expire_link);
    let bank = &mut world.banks.yookassa;
    let payment = Payment {
        id: id.clone(),
        shop: shop.to_owned(),
        seq: bank.next_seq(),
        status: Status::Pending,
        amount: value,
        currency,
        refunded: 0,
        description,
        metadata,
        capture,
        created_at_ms: now_ms,
        captured_at_ms: None,
        pay_until_ms: if expired {
            now_ms
        } else {
            now_ms.saturating_add(PAY_WITHIN_MS)
        },
        hold_until_ms: None,
        confirmation: confirmation.wire,
        return_url: confirmation.return_url,
        locale: confirmation.locale,
        save_method,
        customer,
        method_type: kind,
        method_id: saved.as_ref().map(|method| method.id.clone()),
        card: saved.as_ref().and_then(|method| method.card.clone()),
        challenged: None,
        three_ds_applied: false,
        cancellation: None,
        receipt_registration: receipt.is_some().then(|| "pending".to_owned()),
        receipt,
    };
    bank.deadlines.insert((payment.pay_until_ms, id.clone()));
    bank.payments.insert(id.clone(), payment);
    world.banks.post.wake();
    tell(world, Bank::YooKassa, "payment", &id);
    if let Some(method) = saved {
        charge(world, &id, method.declines.as_deref());
    } else {
        super::view::forge_by_chance(world, &id);
    }
    Ok(Made::Payment(id))
}

/// A charge of a saved method ends at once: paid, held or canceled, all with status 200.
fn charge(world: &mut World, id: &str, declines: Option<&str>) {
    let switch = world.faults.yookassa.fires(|all| &mut all.decline_charge);
    let reason = match (switch, declines) {
        (true, _) if !world.faults.yookassa.decline_reason.is_empty() => {
            Some(world.faults.yookassa.decline_reason.clone())
        }
        (true, _) => Some("insufficient_funds".to_owned()),
        (false, own) => own.map(str::to_owned),
    };
    match reason {
        Some(reason) => cancel_with(world, id, &reason),
        None => succeed(world, id, false),
    }
}

/// The payer has paid: the money is taken, or held when the shop wants to capture it itself.
pub fn succeed(world: &mut World, id: &str, save: bool) {
    let now_ms = world.clock.now_ms();
    let bank = &mut world.banks.yookassa;
    let Some(payment) = bank
        .payments
        .get_mut(id)
        .filter(|payment| payment.status == Status::Pending)
    else {
        return;
    };
    payment.challenged = None;
    if payment.capture {
        payment.status = Status::Succeeded;
        payment.captured_at_ms = Some(now_ms);
    } else {
        payment.status = Status::WaitingForCapture;
        let until_ms = now_ms.saturating_add(HOLD_MS);
        payment.hold_until_ms = Some(until_ms);
        bank.deadlines.insert((until_ms, id.to_owned()));
    }
    methods::keep(world, id, save);
    if world
        .banks
        .yookassa
        .payments
        .get(id)
        .is_some_and(|payment| payment.captured_at_ms.is_some())
    {
        receipts::register_payment(world, id);
    }
    tell(world, Bank::YooKassa, "payment", id);
    notify_payment(world, id);
}

/// Ends a payment with a reason of the reference; an unknown one is told as it is.
pub fn cancel_with(world: &mut World, id: &str, reason: &str) {
    let bank = &mut world.banks.yookassa;
    let open = |payment: &&mut Payment| matches!(payment.status, Status::Pending | Status::WaitingForCapture);
    let Some(payment) = bank.payments.get_mut(id).filter(open) else {
        return;
    };
    payment.status = Status::Canceled;
    payment.challenged = None;
    payment.receipt_registration = payment.receipt_registration.take().map(|_| "canceled".to_owned());
    payment.cancellation = Some(Cancellation {
        party: reasons::find(reason)
            .map_or("yoo_money", |known| known.party)
            .to_owned(),
        reason: reason.split('.').next().unwrap_or(reason).to_owned(),
    });
    tell(world, Bank::YooKassa, "payment", id);
    notify_payment(world, id);
}

fn own<'a>(world: &'a World, shop: &str, id: &str) -> Result<&'a Payment, ApiError> {
    world
        .banks
        .yookassa
        .payments
        .get(id)
        .filter(|payment| payment.shop == shop)
        .ok_or_else(|| ApiError::not_found("Payment"))
}

/// `POST /payments/{id}/capture`.
pub fn capture(world: &mut World, shop: &str, id: &str, body: &Value) -> Result<Made, ApiError> {
    let payment = own(world, shop, id)?;
    if payment.capture {
        return Err(ApiError::invalid("You can not capture payment with autocapture"));
    }
    if payment.status != Status::WaitingForCapture {
        return Err(ApiError::invalid("Payment can not be captured in current status."));
    }
    let (held, currency) = (payment.amount, payment.currency.clone());
    let wanted = match body.get("amount").filter(|amount| !amount.is_null()) {
        None => held,
        Some(_) => {
            let (wanted, given) = amount(body, "amount")?;
            if given != currency {
                return Err(ApiError::at("amount.currency", "Currencies do not match"));
            }
            if wanted > held {
                return Err(ApiError::at("amount.value", "Illegal amount for capture"));
            }
            wanted
        }
    };
    let receipt = body.get("receipt").filter(|receipt| !receipt.is_null()).cloned();
    match &receipt {
        Some(receipt) => receipts::check(receipt, wanted, &currency)?,
        // The receipt of the creation no longer fits a smaller sum.
        None if payment.receipt.is_some() && wanted != held => {
            return Err(ApiError::at("receipt", "Receipt is missing or illegal"));
        }
        None => {}
    }
    let now_ms = world.clock.now_ms();
    if let Some(payment) = world.banks.yookassa.payments.get_mut(id) {
        payment.amount = wanted;
        payment.status = Status::Succeeded;
        payment.captured_at_ms = Some(now_ms);
        if receipt.is_some() {
            payment.receipt = receipt;
            payment.receipt_registration = Some("pending".to_owned());
        }
    }
    receipts::register_payment(world, id);
    tell(world, Bank::YooKassa, "payment", id);
    notify_payment(world, id);
    Ok(Made::Payment(id.to_owned()))
}

/// `POST /payments/{id}/cancel`.
pub fn cancel(world: &mut World, shop: &str, id: &str) -> Result<Made, ApiError> {
    let payment = own(world, shop, id)?;
    if payment.status != Status::WaitingForCapture {
        return Err(ApiError::invalid("Payment can not be canceled in current status"));
    }
    cancel_with(world, id, "canceled_by_merchant");
    Ok(Made::Payment(id.to_owned()))
}

pub fn read(world: &World, shop: &str, id: &str) -> Result<Value, ApiError> {
    Ok(to_wire(world, own(world, shop, id)?))
}

pub fn show(world: &World, id: &str) -> Option<Value> {
    Some(to_wire(world, world.banks.yookassa.payments.get(id)?))
}

pub fn amount_to_wire(kopecks: i64, currency: &str) -> Value {
    json!({"value": money::to_decimal(kopecks), "currency": currency})
}

pub fn to_wire(world: &World, payment: &Payment) -> Value {
    let settings = world
        .banks
        .yookassa
        .shops
        .get(&payment.shop)
        .cloned()
        .unwrap_or_default();
    let paid = matches!(payment.status, Status::WaitingForCapture | Status::Succeeded);
    let mut wire = Map::from_iter([
        ("id".to_owned(), json!(payment.id)),
        ("status".to_owned(), json!(payment.status.name())),
        ("paid".to_owned(), json!(paid)),
        ("amount".to_owned(), amount_to_wire(payment.amount, &payment.currency)),
        ("created_at".to_owned(), json!(instant(payment.created_at_ms))),
        ("test".to_owned(), json!(settings.test)),
        ("refundable".to_owned(), json!(payment.refundable() > 0)),
        (
            "recipient".to_owned(),
            json!({"account_id": payment.shop, "gateway_id": format!("{}7", payment.shop)}),
        ),
    ]);
    put(&mut wire, "description", payment.description.clone());
    put(&mut wire, "metadata", payment.metadata.clone());
    put(&mut wire, "merchant_customer_id", payment.customer.clone());
    put(&mut wire, "receipt_registration", payment.receipt_registration.clone());
    put(&mut wire, "captured_at", payment.captured_at_ms.map(instant));
    match payment.status {
        Status::Pending => put(&mut wire, "confirmation", payment.confirmation.clone()),
        Status::WaitingForCapture => put(&mut wire, "expires_at", payment.hold_until_ms.map(instant)),
        Status::Succeeded => {
            let income = payment.amount - money::share(payment.amount, settings.fee_basis_points);
            wire.insert("income_amount".into(), amount_to_wire(income, &payment.currency));
            wire.insert(
                "refunded_amount".into(),
                amount_to_wire(payment.refunded, &payment.currency),
            );
        }
        Status::Canceled => {}
    }
    if let Some(method) = payment
        .method_id
        .as_ref()
        .and_then(|id| world.banks.yookassa.methods.get(id))
    {
        wire.insert("payment_method".into(), methods::to_wire(method, false));
    }
    if let Some(cancellation) = &payment.cancellation {
        wire.insert("cancellation_details".into(), json!(cancellation));
    }
    if paid && payment.method_type == "bank_card" {
        let digits = payment.id.get(..8).unwrap_or_default();
        wire.insert(
            "authorization_details".into(),
            json!({
                "rrn": format!("{:012}", u64::from_str_radix(digits, 16).unwrap_or_default()),
                "auth_code": format!("{:06}", payment.seq % 1_000_000),
                "three_d_secure": {"applied": payment.three_ds_applied},
            }),
        );
    }
    Value::Object(wire)
}

/// A payment nobody asked the API for, as one made by hand in the cabinet.
pub fn create_by_hand(
    world: &mut World,
    shop: &str,
    amount: i64,
    description: Option<String>,
    metadata: Option<Value>,
) -> String {
    let now_ms = world.clock.now_ms();
    let bank = &mut world.banks.yookassa;
    let id = YooKassa::new_id(now_ms, "000f");
    let payment = Payment {
        id: id.clone(),
        shop: shop.to_owned(),
        seq: bank.next_seq(),
        status: Status::Pending,
        amount,
        currency: "RUB".to_owned(),
        refunded: 0,
        description,
        metadata,
        capture: true,
        created_at_ms: now_ms,
        captured_at_ms: None,
        pay_until_ms: now_ms.saturating_add(PAY_WITHIN_MS),
        hold_until_ms: None,
        confirmation: None,
        return_url: None,
        locale: None,
        save_method: false,
        customer: Some(format!("by-hand-{}", random_hex(2))),
        method_type: "bank_card".to_owned(),
        method_id: None,
        card: None,
        challenged: None,
        three_ds_applied: false,
        cancellation: None,
        receipt: None,
        receipt_registration: None,
    };
    bank.deadlines.insert((payment.pay_until_ms, id.clone()));
    bank.payments.insert(id.clone(), payment);
    world.banks.post.wake();
    tell(world, Bank::YooKassa, "payment", &id);
    id
}
