//! The Receipt object, the receipts that come of it, and the one that closes a prepayment.

use serde_json::{Map, Value, json};

use super::{error::Refusal, http::Request, payments, token};
use crate::{
    banks::{
        Bank, courier,
        courier::Letter,
        fiscal::{Receipt, ReceiptKind, ReceiptStatus},
        money, tell, text,
    },
    world::World,
};

/// The pages name no code of a register that fails; this one stands for it in their table of errors.
const REFUSED: &str = "311";
const MAX_ITEMS: usize = 100;
const MAX_NAME: usize = 128;
const MAX_EMAIL: usize = 64;
const MAX_QUANTITY: i64 = 99_999_999;
const TAXATIONS: [&str; 5] = ["osn", "usn_income", "usn_income_outcome", "esn", "patent"];
/// `vat20` and `vat120` of v1.80 beside `vat22` and `vat122` of the year 2026.
const TAXES: [&str; 12] = [
    "none", "vat0", "vat5", "vat7", "vat10", "vat20", "vat22", "vat105", "vat107", "vat110", "vat120", "vat122",
];
const METHODS: [&str; 7] = [
    "full_prepayment",
    "prepayment",
    "advance",
    "full_payment",
    "partial_payment",
    "credit",
    "credit_payment",
];
const OBJECTS: [&str; 13] = [
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
    "composite",
    "another",
];

fn known(item: &Value, name: &str, values: &[&str]) -> Result<(), Refusal> {
    match item.get(name) {
        None => Ok(()),
        Some(value) if value.as_str().is_some_and(|value| values.contains(&value)) => Ok(()),
        Some(_) => Err(Refusal::new(
            "211",
            format!("Неверное значение поля Receipt.Items.{name}."),
        )),
    }
}

fn check_item(item: &Value, is_newer: bool) -> Result<i64, Refusal> {
    let name = text(item, "Name").unwrap_or_default().chars().count();
    if !(1..=MAX_NAME).contains(&name) {
        return Err(Refusal::new("211", "Поле Receipt.Items.Name: от 1 до 128 символов."));
    }
    let kopecks = |name: &str| {
        let value = item.get(name).and_then(Value::as_i64).filter(|value| *value >= 0);
        value.ok_or_else(|| Refusal::new("211", format!("Неверный формат поля Receipt.Items.{name}.")))
    };
    let (price, amount) = (kopecks("Price")?, kopecks("Amount")?);
    let quantity = match item.get("Quantity") {
        Some(Value::Number(number)) => money::thousandths(&number.to_string()),
        Some(Value::String(text)) => money::thousandths(text),
        _ => None,
    };
    let quantity = quantity
        .filter(|quantity| (1..=MAX_QUANTITY).contains(quantity))
        .ok_or_else(|| Refusal::new("310", "Неверный формат поля Receipt.Items.Quantity."))?;
    if money::line_total(price, quantity) != Some(amount) {
        return Err(Refusal::new(
            "308",
            "Сумма позиции не равна произведению цены и количества.",
        ));
    }
    if item.get("Tax").is_none() {
        return Err(Refusal::empty("Receipt.Items.Tax"));
    }
    known(item, "Tax", &TAXES)?;
    known(item, "PaymentMethod", &METHODS)?;
    if is_newer {
        for name in ["PaymentMethod", "PaymentObject", "MeasurementUnit"] {
            if text(item, name).is_none_or(str::is_empty) {
                return Err(Refusal::empty(&format!("Receipt.Items.{name}")));
            }
        }
    } else {
        known(item, "PaymentObject", &OBJECTS)?;
    }
    Ok(amount)
}

/// The receipt of an operation of `amount` kopecks.
pub fn check(receipt: &Value, amount: i64) -> Result<(), Refusal> {
    let email = text(receipt, "Email").unwrap_or_default();
    let phone = text(receipt, "Phone").unwrap_or_default();
    if email.is_empty() && phone.is_empty() {
        return Err(Refusal::new("329", "Укажите Email или Phone покупателя."));
    }
    let bad_email = !email.is_empty() && (email.len() > MAX_EMAIL || !email.contains('@'));
    let digits = phone.strip_prefix('+').unwrap_or_default();
    let bad_phone = !phone.is_empty() && (digits.is_empty() || !digits.bytes().all(|byte| byte.is_ascii_digit()));
    if bad_email || bad_phone {
        return Err(Refusal::format("Receipt.Email или Receipt.Phone"));
    }
    if !text(receipt, "Taxation").is_some_and(|taxation| TAXATIONS.contains(&taxation)) {
        return Err(Refusal::new("211", "Неверное значение поля Receipt.Taxation."));
    }
    let is_newer = match text(receipt, "FfdVersion") {
        None | Some("1.05") => false,
        Some("1.2") => true,
        Some(_) => return Err(Refusal::format("Receipt.FfdVersion")),
    };
    let items = receipt.get("Items").and_then(Value::as_array);
    let items = items.filter(|items| (1..=MAX_ITEMS).contains(&items.len()));
    let mut total: i64 = 0;
    for item in items.ok_or_else(|| Refusal::new("211", "Receipt.Items: от 1 до 100 позиций."))? {
        total = total.saturating_add(check_item(item, is_newer)?);
    }
    if total != amount {
        return Err(Refusal::new("334", "Сумма чека не равна сумме операции."));
    }
    if let Some(payments) = receipt.get("Payments").and_then(Value::as_object) {
        let paid: i64 = payments.values().filter_map(Value::as_i64).sum();
        if paid != total {
            return Err(Refusal::new("308", "Сумма видов оплаты не равна сумме позиций."));
        }
    }
    Ok(())
}

fn register(world: &mut World, payment_id: u64, refund_id: Option<&str>, closing: bool, data: Value, total: i64) {
    let failed = world.faults.tbank.fires(|all| &mut all.fail_receipt);
    let now_ms = world.clock.now_ms();
    let bank = &mut world.banks.tbank;
    let Some(payment) = bank.payments.get(&payment_id) else {
        return;
    };
    let id = format!("tr-{}", bank.receipts.len() + 1);
    let receipt = Receipt {
        id: id.clone(),
        account: payment.terminal.clone(),
        kind: if refund_id.is_some() {
            ReceiptKind::Refund
        } else {
            ReceiptKind::Payment
        },
        payment_id: payment_id.to_string(),
        refund_id: refund_id.map(str::to_owned),
        closing,
        status: if failed {
            ReceiptStatus::Canceled
        } else {
            ReceiptStatus::Succeeded
        },
        total,
        data,
        created_at_ms: now_ms,
        document: u64::try_from(bank.receipts.len()).unwrap_or_default() + 8_571,
    };
    let told = bank
        .terminals
        .get(&payment.terminal)
        .is_some_and(|terminal| terminal.notify_receipts);
    bank.receipts.push(receipt.clone());
    tell(world, Bank::TBank, "receipt", &id);
    if told {
        announce(world, payment_id, &receipt);
    }
}

/// Moscow's time without a fraction: `2018-06-18T12:27:00+03:00`.
fn moscow_time(at_ms: i64) -> String {
    const OFFSET_S: i32 = 3 * 3_600;
    let moment = chrono::DateTime::from_timestamp_millis(at_ms).unwrap_or_default();
    let zone = chrono::FixedOffset::east_opt(OFFSET_S);
    zone.map(|zone| moment.with_timezone(&zone).format("%Y-%m-%dT%H:%M:%S%:z").to_string())
        .unwrap_or_default()
}

/// The fiscal notification. It goes to the terminal's own address, whatever a payment's `Init` has named.
fn announce(world: &mut World, payment_id: u64, receipt: &Receipt) {
    let Some(payment) = world.banks.tbank.payments.get(&payment_id) else {
        return;
    };
    let kind = match receipt.kind {
        ReceiptKind::Payment => "Income",
        ReceiptKind::Refund => "IncomeReturn",
    };
    let is_registered = receipt.status == ReceiptStatus::Succeeded;
    let mut fields = Map::from_iter([
        ("TerminalKey".to_owned(), json!(payment.terminal)),
        ("OrderId".to_owned(), json!(payment.order_id)),
        ("Success".to_owned(), json!(is_registered)),
        ("Status".to_owned(), json!("RECEIPT")),
        ("PaymentId".to_owned(), json!(payment.id)),
        ("ErrorCode".to_owned(), json!(if is_registered { "0" } else { REFUSED })),
        ("Amount".to_owned(), json!(receipt.total)),
        ("Receipt".to_owned(), receipt.data.clone()),
        ("Type".to_owned(), json!(kind)),
    ]);
    if is_registered {
        let (storage, document, sign) = (receipt.storage_number(), receipt.document, receipt.attribute());
        let check = format!("https://check.example/{storage}/{document}/{sign}");
        fields.extend([
            ("FiscalNumber".to_owned(), json!(document % 1_000)),
            ("ShiftNumber".to_owned(), json!(1)),
            ("ReceiptDatetime".to_owned(), json!(moscow_time(receipt.created_at_ms))),
            ("FnNumber".to_owned(), json!(storage)),
            ("EcrRegNumber".to_owned(), json!("0001234567012345")),
            ("FiscalDocumentNumber".to_owned(), json!(document)),
            ("FiscalDocumentAttribute".to_owned(), json!(sign)),
            ("Ofd".to_owned(), json!("Первый ОФД")),
            ("Url".to_owned(), json!(check)),
            ("QrCodeUrl".to_owned(), json!(format!("{check}.png"))),
            ("CalculationPlace".to_owned(), json!("school.example")),
            ("CashierName".to_owned(), json!("Кассир")),
            ("SettlePlace".to_owned(), json!("Москва")),
        ]);
    } else {
        let why = "Касса не зарегистрировала чек.";
        fields.insert("ErrorMessage".into(), json!(why));
    }
    let password = super::password(world, &payment.terminal);
    let signed = token::sign(&fields, &password);
    fields.insert("Token".into(), json!(signed));
    let own = world.banks.tbank.terminals.get(&payment.terminal);
    let letter = Letter {
        bank: Bank::TBank,
        event: "RECEIPT".to_owned(),
        payment_id: payment.id.to_string(),
        url: world
            .banks
            .notification_url(Bank::TBank, own.map(|terminal| &terminal.notification_url)),
        body: json!(fields).to_string(),
    };
    courier::announce(world, &letter);
}

pub fn register_payment(world: &mut World, payment_id: u64) {
    let Some(payment) = world.banks.tbank.payments.get(&payment_id) else {
        return;
    };
    if let Some(data) = payment.receipt.clone() {
        let total = payment.captured;
        register(world, payment_id, None, false, data, total);
    }
}

pub fn register_refund(world: &mut World, refund_id: &str) {
    let mut all = world.banks.tbank.refunds.iter();
    let Some(refund) = all.find(|refund| refund.id == refund_id) else {
        return;
    };
    if let Some(data) = refund.receipt.clone() {
        let (payment_id, total) = (refund.payment_id, refund.amount);
        register(world, payment_id, Some(refund_id), false, data, total);
    }
}

/// `SendClosingReceipt`.
pub fn close(world: &mut World, request: &Request) -> Result<Value, Refusal> {
    let payment = payments::own(world, request)?;
    let (id, paid) = (payment.id, payment.captured);
    if paid == 0 {
        return Err(Refusal::state());
    }
    let receipt = request.object("Receipt")?.cloned();
    let receipt = receipt.ok_or_else(|| Refusal::new("309", "Отсутствует обязательный объект Receipt."))?;
    let items = receipt.get("Items").and_then(Value::as_array);
    let total: i64 = items
        .into_iter()
        .flatten()
        .filter_map(|item| item.get("Amount")?.as_i64())
        .sum();
    check(&receipt, total)?;
    if total > paid {
        return Err(Refusal::new("334", "Сумма чека больше суммы платежа."));
    }
    register(world, id, None, true, receipt, total);
    Ok(json!({"Success": true, "ErrorCode": "0", "Message": null}))
}
