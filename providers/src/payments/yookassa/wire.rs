//! What goes over the wire to YooKassa and back, and what it means in our words.

use chrono::{DateTime, Utc};
use domain::fiscal::FiscalNumbers;
use domain::money::{Currency, Money};
use domain::order::Vat;
use domain::payment::{Decline, DeclineAdvice, Observation};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use url::Url;

use super::CODE;
use crate::payments::{
    Capture, Contact, Error, Intent, Listed, ListedRefund, Receipt, ReceiptState, RefundIntent, RefundSeen,
    RefundState, SavedMethod, Seen,
};

const MAX_DESCRIPTION: usize = 128;
const MAX_REFUND_DESCRIPTION: usize = 250;
const MAX_ITEM: usize = 128;
/// Under these names our own ids travel in `metadata`.
const PAYMENT_ID: &str = "payment_id";
const ORDER_ID: &str = "order_id";
const REFUND_ID: &str = "refund_id";

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Amount {
    pub value: String,
    pub currency: String,
}

/// A payment; absent fields are left out, not null (OpenAPI `Payment`, 2026-07-01).
#[derive(Debug, Deserialize)]
pub(super) struct PaymentObject {
    pub id: String,
    pub status: String,
    pub amount: Amount,
    #[serde(default)]
    pub income_amount: Option<Amount>,
    #[serde(default)]
    pub refunded_amount: Option<Amount>,
    #[serde(default)]
    pub confirmation: Option<Confirmation>,
    #[serde(default)]
    pub metadata: Map<String, Value>,
    #[serde(default)]
    pub cancellation_details: Option<Cancellation>,
    #[serde(default)]
    pub payment_method: Option<MethodObject>,
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub test: bool,
}

#[derive(Debug, Deserialize)]
pub(super) struct Confirmation {
    #[serde(default)]
    pub confirmation_url: Option<Url>,
}

#[derive(Debug, Deserialize)]
pub(super) struct Cancellation {
    pub reason: String,
}

#[derive(Debug, Deserialize)]
pub(super) struct MethodObject {
    pub id: String,
    #[serde(default)]
    pub saved: bool,
    #[serde(default)]
    pub title: Option<String>,
}

/// OpenAPI `Refund`.
#[derive(Debug, Deserialize)]
pub(super) struct RefundObject {
    pub id: String,
    pub status: String,
    #[serde(default)]
    pub payment_id: String,
    #[serde(default)]
    pub amount: Option<Amount>,
    #[serde(default)]
    pub created_at: Option<DateTime<Utc>>,
    #[serde(default)]
    pub metadata: Map<String, Value>,
    #[serde(default)]
    pub cancellation_details: Option<Cancellation>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ListObject<T> {
    pub items: Vec<T>,
    #[serde(default)]
    pub next_cursor: Option<String>,
}

/// OpenAPI `Receipt`.
#[derive(Debug, Deserialize)]
pub(super) struct ReceiptObject {
    pub id: String,
    #[serde(default)]
    pub status: Option<String>,
    #[serde(default)]
    pub items: Vec<ItemObject>,
    #[serde(default)]
    pub settlements: Vec<Settlement>,
    /// Told once it is registered, like the two below.
    #[serde(default)]
    pub fiscal_storage_number: Option<String>,
    #[serde(default)]
    pub fiscal_document_number: Option<String>,
    #[serde(default)]
    pub fiscal_attribute: Option<String>,
}

#[derive(Debug, Deserialize)]
pub(super) struct ItemObject {
    #[serde(default)]
    pub description: String,
    pub amount: Amount,
}

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Settlement {
    #[serde(rename = "type")]
    pub kind: String,
    pub amount: Amount,
}

/// Every refusal, and the 202 of old (`type: processing`).
#[derive(Debug, Default, Deserialize)]
pub(super) struct ErrorObject {
    #[serde(default)]
    pub code: Option<String>,
    #[serde(default)]
    pub description: Option<String>,
    #[serde(default)]
    pub parameter: Option<String>,
    /// Milliseconds.
    #[serde(default)]
    pub retry_after: Option<u64>,
}

#[derive(Debug, Deserialize)]
pub(super) struct NotificationObject {
    #[serde(rename = "type")]
    pub kind: String,
    pub event: String,
    pub object: NotifiedObject,
}

#[derive(Debug, Deserialize)]
pub(super) struct NotifiedObject {
    pub id: String,
    #[serde(default)]
    pub payment_id: Option<String>,
}

impl PaymentObject {
    /// Our payment's id, as we gave it.
    pub fn reference(&self) -> Option<&str> {
        self.metadata.get(PAYMENT_ID).and_then(Value::as_str)
    }

    /// Errors: as [`Self::seen`].
    pub fn listed(self) -> Result<Listed, Error> {
        Ok(Listed {
            order: self.metadata.get(ORDER_ID).and_then(Value::as_str).map(str::to_owned),
            created_at: self.created_at.map(Timestamp::from_utc),
            seen: self.seen()?,
        })
    }

    /// Errors: [`Error::Unknown`] for a status or a currency we have never heard of.
    pub fn seen(self) -> Result<Seen, Error> {
        let amount = money(&self.amount)?;
        let reference = self.reference().map(str::to_owned);
        let observation = match self.status.as_str() {
            "pending" => Observation::Pending,
            "waiting_for_capture" => Observation::Held { amount },
            "succeeded" => {
                let income = self.income_amount.as_ref().map(money).transpose()?;
                Observation::Succeeded {
                    amount,
                    fee: income.and_then(|income| amount.checked_sub(income).ok()),
                }
            }
            "canceled" => canceled(self.cancellation_details),
            _ => return Err(Error::Unknown { provider: CODE }),
        };
        let is_open = observation == Observation::Pending;
        Ok(Seen {
            observation,
            pay_url: self
                .confirmation
                .and_then(|confirmation| confirmation.confirmation_url)
                .filter(|_| is_open),
            reference,
            amount,
            refunded: self.refunded_amount.as_ref().map(money).transpose()?,
            is_test: self.test,
            saved_method: self
                .payment_method
                .filter(|method| method.saved)
                .map(|method| SavedMethod {
                    title: method.title.unwrap_or_default(),
                    token: method.id,
                }),
            id: self.id,
        })
    }
}

fn canceled(details: Option<Cancellation>) -> Observation {
    let code = details.map(|details| details.reason).unwrap_or_default();
    if code == "expired_on_confirmation" {
        return Observation::Expired;
    }
    Observation::Canceled {
        decline: Decline {
            advice: advice(&code),
            code,
        },
    }
}

impl RefundObject {
    pub fn is_of(&self, refund: &str) -> bool {
        self.metadata.get(REFUND_ID).and_then(Value::as_str) == Some(refund)
    }

    /// `None` for a status or a sum that can't be read.
    pub fn listed(self) -> Option<ListedRefund> {
        let amount = money(self.amount.as_ref()?).ok()?;
        let payment = self.payment_id.clone();
        let created_at = self.created_at.map(Timestamp::from_utc);
        let reference = self.metadata.get(REFUND_ID).and_then(Value::as_str).map(str::to_owned);
        let id = self.id.clone();
        Some(ListedRefund {
            id,
            payment,
            reference,
            amount,
            state: self.seen().ok()?.state,
            created_at,
        })
    }

    /// Errors: [`Error::Unknown`] for a status we have never heard of.
    pub fn seen(self) -> Result<RefundSeen, Error> {
        let state = match self.status.as_str() {
            "pending" => RefundState::Pending,
            "succeeded" => RefundState::Succeeded,
            "canceled" => RefundState::Failed {
                code: self
                    .cancellation_details
                    .map(|details| details.reason)
                    .unwrap_or_default(),
            },
            _ => return Err(Error::Unknown { provider: CODE }),
        };
        Ok(RefundSeen {
            id: Some(self.id),
            state,
        })
    }
}

impl ReceiptObject {
    /// Whether it closes a prepayment.
    pub fn is_closing(&self) -> bool {
        self.settlements
            .iter()
            .any(|settlement| settlement.kind == "prepayment")
    }

    pub fn state(self) -> ReceiptState {
        match self.status.as_deref() {
            Some("succeeded") => ReceiptState::Registered {
                numbers: FiscalNumbers::new(
                    self.fiscal_storage_number.as_deref().unwrap_or_default(),
                    self.fiscal_document_number.as_deref().unwrap_or_default(),
                    self.fiscal_attribute.as_deref().unwrap_or_default(),
                ),
                receipt: Some(self.id),
            },
            Some("canceled") => ReceiptState::Failed {
                code: "canceled".into(),
            },
            _ => ReceiptState::Pending,
        }
    }

    /// Whether this is the receipt that closes a prepayment with the same lines.
    pub fn closes(&self, receipt: &Receipt) -> bool {
        let is_closing = self.is_closing();
        let lines = receipt
            .lines
            .iter()
            .map(|line| (shortened(&line.title, MAX_ITEM), money_out(line.amount)));
        let items = self
            .items
            .iter()
            .map(|item| (item.description.clone(), item.amount.clone()));
        is_closing && self.status.as_deref() != Some("canceled") && items.eq(lines)
    }
}

pub(super) fn money_out(money: Money) -> Amount {
    Amount {
        value: money.to_decimal(),
        currency: money.currency.code().to_owned(),
    }
}

fn money(amount: &Amount) -> Result<Money, Error> {
    let unreadable = || Error::Unknown { provider: CODE };
    let currency = Currency::parse(&amount.currency).ok_or_else(unreadable)?;
    Money::from_decimal(&amount.value, currency).map_err(|_| unreadable())
}

pub(super) fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

/// What helps against a reason of `cancellation_details`; unknown ones ask for another way.
fn advice(reason: &str) -> DeclineAdvice {
    match reason {
        "insufficient_funds" | "payment_method_limit_exceeded" => DeclineAdvice::TryLater,
        "3d_secure_failed" | "invalid_csc" | "invalid_card_number" | "card_expired" => DeclineAdvice::CheckCard,
        "issuer_unavailable" | "internal_timeout" | "expired_on_capture" => DeclineAdvice::TryAgain,
        "canceled_by_merchant" | "deal_expired" => DeclineAdvice::CalledOff,
        _ => DeclineAdvice::OtherMethod,
    }
}

/// What a payment with the payer and a charge without them have in common.
fn common(intent: &Intent) -> Map<String, Value> {
    let mut body = Map::from_iter([
        ("amount".to_owned(), json!(money_out(intent.amount))),
        ("capture".to_owned(), json!(intent.capture == Capture::AtOnce)),
        (
            "metadata".to_owned(),
            json!({ PAYMENT_ID: intent.payment, ORDER_ID: intent.order }),
        ),
        ("merchant_customer_id".to_owned(), json!(intent.customer)),
    ]);
    if !intent.description.is_empty() {
        body.insert(
            "description".into(),
            json!(shortened(&intent.description, MAX_DESCRIPTION)),
        );
    }
    if let Some(receipt) = &intent.receipt {
        body.insert("receipt".into(), receipt_of(receipt));
    }
    body
}

/// `POST /payments` of a payer who is sent to the provider's page.
pub(super) fn payment(intent: &Intent, locale: &str) -> Value {
    let mut body = common(intent);
    body.insert(
        "confirmation".into(),
        json!({ "type": "redirect", "return_url": intent.return_url, "locale": locale }),
    );
    if intent.save_method {
        body.insert("save_payment_method".into(), json!(true));
    }
    Value::Object(body)
}

/// `POST /payments` with a saved method: a `confirmation` would be refused.
pub(super) fn charge(intent: &Intent, token: &str) -> Value {
    let mut body = common(intent);
    body.insert("payment_method_id".into(), json!(token));
    Value::Object(body)
}

pub(super) fn capture(amount: Money, receipt: Option<&Receipt>) -> Value {
    let mut body = Map::from_iter([("amount".to_owned(), json!(money_out(amount)))]);
    if let Some(receipt) = receipt {
        body.insert("receipt".into(), receipt_of(receipt));
    }
    Value::Object(body)
}

pub(super) fn refund(intent: &RefundIntent) -> Value {
    let mut body = Map::from_iter([
        ("payment_id".to_owned(), json!(intent.payment)),
        ("amount".to_owned(), json!(money_out(intent.amount))),
        ("metadata".to_owned(), json!({ REFUND_ID: intent.refund })),
    ]);
    if !intent.reason.is_empty() {
        body.insert(
            "description".into(),
            json!(shortened(&intent.reason, MAX_REFUND_DESCRIPTION)),
        );
    }
    if let Some(receipt) = &intent.receipt {
        body.insert("receipt".into(), receipt_of(receipt));
    }
    Value::Object(body)
}

/// `POST /receipts`: the second receipt of what was paid before it was given.
pub(super) fn closing_receipt(payment: &str, receipt: &Receipt, sum: Money) -> Value {
    json!({
        "type": "payment",
        "payment_id": payment,
        "customer": customer(&receipt.contact),
        "items": items(receipt),
        "settlements": [Settlement { kind: "prepayment".into(), amount: money_out(sum) }],
        "send": true,
    })
}

pub(super) fn receipt_of(receipt: &Receipt) -> Value {
    json!({ "customer": customer(&receipt.contact), "items": items(receipt), "internet": true })
}

fn customer(contact: &Contact) -> Value {
    match contact {
        Contact::Email(email) => json!({ "email": email }),
        Contact::Phone(phone) => json!({ "phone": phone.trim_start_matches('+') }),
    }
}

/// An item's `amount` is the price of one; with a quantity of one no rounding comes between.
fn items(receipt: &Receipt) -> Vec<Value> {
    receipt
        .lines
        .iter()
        .map(|line| {
            json!({
                "description": shortened(&line.title, MAX_ITEM),
                "quantity": 1,
                "amount": money_out(line.amount),
                "vat_code": vat_code(line.tax.vat),
                "payment_subject": line.tax.subject.code(),
                "payment_mode": line.tax.mode.code(),
                "measure": "piece",
            })
        })
        .collect()
}

/// 11 and 12 are the rates of 2026.
const fn vat_code(vat: Vat) -> u8 {
    match vat {
        Vat::None => 1,
        Vat::Zero => 2,
        Vat::Ten => 3,
        Vat::Twenty => 4,
        Vat::TenOf110 => 5,
        Vat::TwentyOf120 => 6,
        Vat::Five => 7,
        Vat::Seven => 8,
        Vat::FiveOf105 => 9,
        Vat::SevenOf107 => 10,
        Vat::TwentyTwo => 11,
        Vat::TwentyTwoOf122 => 12,
    }
}
