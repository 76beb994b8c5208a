//! T-Bank internet acquiring, EACQ v2 (developer.tbank.ru/eacq, OpenAPI v1.80 and pages read 2026-09-20).
//!
//! Every request and notification carries a `Token`: a SHA-256 over the root scalars and the terminal's password. Calls
//! are not idempotent: after an unknown outcome the order is looked up by its id before anything is tried again.

use std::collections::BTreeMap;
use std::time::Duration;

use async_trait::async_trait;
use domain::language::Language;
use domain::money::{Currency, Money};
use domain::order::{PaymentMode, Vat};
use domain::payment::{Decline, DeclineAdvice, Observation};
use domain::time::Timestamp;
use serde::Deserialize;
use serde_json::{Map, Value, json};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use url::Url;

use super::{
    About, Acknowledgement, Capabilities, Capture, Contact, Error, Intent, Listing, PaymentProvider, RawNotification,
    Receipt, RefundIntent, RefundSeen, RefundState, Rejected, SavedMethod, Seen, Verified,
};

const CODE: &str = "tbank";
const DEADLINE: Duration = Duration::from_secs(40);
const MAX_DESCRIPTION: usize = 140;
const MAX_ITEM: usize = 128;
/// An order id is 36 characters at most; ours with its prefix is 29.
const MAX_ORDER_ID: usize = 36;
const MAX_CUSTOMER: usize = 36;

#[derive(Clone)]
pub struct Config {
    pub terminal_key: String,
    pub password: String,
    /// With the version: `https://securepay.tinkoff.ru/v2`.
    pub api_url: Url,
    /// What the cash register calls the seller's tax system: `usn_income`, `osn`, …
    pub taxation: String,
}

pub struct TBank {
    client: reqwest::Client,
    config: Config,
}

impl std::fmt::Debug for TBank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TBank")
            .field("terminal_key", &self.config.terminal_key)
            .finish_non_exhaustive()
    }
}

/// Ids are strings in answers and numbers in notifications; both are read.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Answer {
    #[serde(default, deserialize_with = "loose_bool")]
    success: bool,
    #[serde(default, deserialize_with = "loose_text")]
    error_code: String,
    #[serde(default)]
    status: Option<String>,
    #[serde(default, deserialize_with = "loose_text")]
    payment_id: String,
    #[serde(default, deserialize_with = "loose_text")]
    order_id: String,
    #[serde(default)]
    amount: Option<i64>,
    #[serde(default)]
    new_amount: Option<i64>,
    #[serde(default, rename = "PaymentURL")]
    payment_url: Option<Url>,
    #[serde(default, deserialize_with = "loose_text")]
    rebill_id: String,
    #[serde(default)]
    pan: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct OrderAnswer {
    #[serde(default, deserialize_with = "loose_bool")]
    success: bool,
    #[serde(default, deserialize_with = "loose_text")]
    error_code: String,
    #[serde(default)]
    payments: Vec<Answer>,
}

fn loose_text<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::String(text) => text,
        Value::Number(number) => number.to_string(),
        _ => String::new(),
    })
}

fn loose_bool<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<bool, D::Error> {
    Ok(match Value::deserialize(deserializer)? {
        Value::Bool(value) => value,
        Value::String(text) => text.eq_ignore_ascii_case("true"),
        _ => false,
    })
}

/// The signature of a request or a notification: values of the root scalars and the password, sorted by key in code-unit
/// order, joined and hashed. `Token`, objects, arrays and nulls don't count.
fn token(root: &Map<String, Value>, password: &str) -> String {
    let mut values: BTreeMap<&str, String> = root
        .iter()
        .filter(|(key, _)| key.as_str() != "Token")
        .filter_map(|(key, value)| {
            let text = match value {
                Value::String(text) => text.clone(),
                Value::Number(number) => number.to_string(),
                Value::Bool(value) => value.to_string(),
                Value::Null | Value::Array(_) | Value::Object(_) => return None,
            };
            Some((key.as_str(), text))
        })
        .collect();
    values.insert("Password", password.to_owned());
    let joined: String = values.into_values().collect();
    data_encoding::HEXLOWER.encode(&Sha256::digest(joined.as_bytes()))
}

fn shortened(text: &str, most: usize) -> String {
    text.chars().take(most).collect()
}

fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub)
}

/// Kopecks. Errors: it takes roubles only.
fn kopecks(money: Money) -> Result<i64, Error> {
    if money.currency == Currency::Rub {
        Ok(money.minor)
    } else {
        Err(Error::Refused {
            provider: CODE,
            code: "currency".into(),
        })
    }
}

/// What a code means for a call that failed. By the number only: the same one carries different messages.
fn failure(code: &str) -> Error {
    match code {
        "99" | "120" | "123" | "125" | "402" | "1030" | "1034" | "1089" | "1091" | "1096" | "3040" | "7999"
        | "9001" | "9999" | "119" | "603" | "1075" | "3029" | "3030" => Error::Transient {
            provider: CODE,
            retry_after: None,
        },
        "10" | "53" | "191" | "202" | "204" | "205" | "648" | "311" | "312" | "313" | "314" | "1099" | "3001"
        | "3002" | "3019" | "501" => Error::Misconfigured {
            provider: CODE,
            code: code.to_owned(),
        },
        "255" => Error::NotFound { provider: CODE },
        _ => Error::Refused {
            provider: CODE,
            code: code.to_owned(),
        },
    }
}

fn advice(code: &str) -> DeclineAdvice {
    match code {
        "103" | "116" | "1051" | "403" | "404" | "405" | "1061" | "1065" => DeclineAdvice::TryLater,
        "101" | "106" | "511" | "252" | "508" | "642" | "1014" | "1015" | "1033" | "1054" | "1082" | "107" => {
            DeclineAdvice::CheckCard
        }
        "99" | "1030" | "1034" | "1089" | "1091" | "1096" | "9999" => DeclineAdvice::TryAgain,
        _ => DeclineAdvice::OtherMethod,
    }
}

impl Answer {
    fn observation(&self, amount: Money) -> Option<Observation> {
        let declined = |code: &str| Observation::Canceled {
            decline: Decline {
                advice: advice(code),
                code: code.to_owned(),
            },
        };
        Some(match self.status.as_deref()? {
            "NEW" | "FORM_SHOWED" | "AUTHORIZING" | "3DS_CHECKING" | "3DS_CHECKED" | "PREAUTHORIZING"
            | "PAY_CHECKING" | "AUTH_FAIL" | "CONFIRMING" | "CONFIRM_CHECKING" | "REVERSING" => Observation::Pending,
            "AUTHORIZED" => Observation::Held { amount },
            "CONFIRMED" | "REFUNDING" | "ASYNC_REFUNDING" | "PARTIAL_REFUNDED" | "REFUNDED" => {
                Observation::Succeeded { amount, fee: None }
            }
            "DEADLINE_EXPIRED" | "ATTEMPTS_EXPIRED" => Observation::Expired,
            "CANCELED" | "REVERSED" | "PARTIAL_REVERSED" => Observation::Canceled {
                decline: Decline {
                    code: "canceled".into(),
                    advice: DeclineAdvice::CalledOff,
                },
            },
            "REJECTED" => declined(&self.error_code),
            _ => return None,
        })
    }

    fn seen(self, agreed: Option<Money>) -> Result<Seen, Error> {
        let amount = agreed
            .or(self.amount.map(rub))
            .ok_or(Error::Unknown { provider: CODE })?;
        let observation = self.observation(amount).ok_or(Error::Unknown { provider: CODE })?;
        let is_open = observation == Observation::Pending;
        Ok(Seen {
            observation,
            pay_url: self.payment_url.filter(|_| is_open),
            reference: Some(self.order_id).filter(|id| !id.is_empty()),
            amount,
            refunded: None,
            is_test: false,
            saved_method: Some(self.rebill_id)
                .filter(|id| !id.is_empty())
                .map(|token| SavedMethod {
                    token,
                    title: self.pan.unwrap_or_default(),
                }),
            id: self.payment_id,
        })
    }
}

impl TBank {
    pub const fn new(client: reqwest::Client, config: Config) -> Self {
        Self { client, config }
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        mut body: Map<String, Value>,
        is_read: bool,
    ) -> Result<T, Error> {
        body.insert("TerminalKey".into(), json!(self.config.terminal_key));
        let signature = token(&body, &self.config.password);
        body.insert("Token".into(), json!(signature));
        let url = format!("{}/{method}", self.config.api_url.as_str().trim_end_matches('/'));
        let away = Error::Transient {
            provider: CODE,
            retry_after: None,
        };
        let unsure = || {
            if is_read {
                away.clone()
            } else {
                Error::Unknown { provider: CODE }
            }
        };
        let response = match self.client.post(url).json(&body).timeout(DEADLINE).send().await {
            Ok(response) => response,
            Err(error) if error.is_connect() => return Err(away),
            Err(_) => return Err(unsure()),
        };
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|_| unsure())?;
        match status {
            200 => serde_json::from_slice(&bytes).map_err(|_| unsure()),
            429 => Err(away),
            401 | 403 => Err(Error::Misconfigured {
                provider: CODE,
                code: status.to_string(),
            }),
            400..=499 => Err(Error::Refused {
                provider: CODE,
                code: status.to_string(),
            }),
            _ => Err(unsure()),
        }
    }

    async fn ask(&self, method: &str, body: Map<String, Value>, is_read: bool) -> Result<Answer, Error> {
        let answer: Answer = self.call(method, body, is_read).await?;
        if answer.success || answer.error_code == "0" {
            return Ok(answer);
        }
        Err(failure(&answer.error_code))
    }

    async fn init(&self, intent: &Intent, is_charge: bool) -> Result<Answer, Error> {
        let mut body = object(json!({
            "Amount": kopecks(intent.amount)?,
            "OrderId": shortened(&intent.payment, MAX_ORDER_ID),
            "Description": shortened(&intent.description, MAX_DESCRIPTION),
            "CustomerKey": shortened(&intent.customer, MAX_CUSTOMER),
            "PayType": if intent.capture == Capture::AtOnce { "O" } else { "T" },
            "Language": intent.language.code(),
        }));
        if let Some(url) = &intent.notification_url {
            body.insert("NotificationURL".into(), json!(url));
        }
        let mut initiator = "0";
        if is_charge {
            initiator = "R";
        } else {
            body.insert("SuccessURL".into(), json!(intent.return_url));
            body.insert("FailURL".into(), json!(intent.return_url));
            if let Some(due) = intent.expires_at {
                body.insert("RedirectDueDate".into(), json!(due_date(due)));
            }
            if intent.save_method {
                initiator = "1";
                body.insert("Recurrent".into(), json!("Y"));
            }
        }
        body.insert("DATA".into(), json!({ "OperationInitiatorType": initiator }));
        if let Some(receipt) = &intent.receipt {
            body.insert("Receipt".into(), self.receipt(receipt)?);
        }
        self.ask("Init", body, false).await
    }

    fn receipt(&self, receipt: &Receipt) -> Result<Value, Error> {
        let items = receipt
            .lines
            .iter()
            .map(|line| {
                let amount = kopecks(line.amount)?;
                Ok(json!({
                    "Name": shortened(&line.title, MAX_ITEM),
                    "Price": amount,
                    "Quantity": 1,
                    "Amount": amount,
                    "Tax": tax(line.tax.vat),
                    "PaymentMethod": mode(line.tax.mode),
                    "PaymentObject": line.tax.subject.code(),
                }))
            })
            .collect::<Result<Vec<_>, Error>>()?;
        let mut body = object(json!({ "Taxation": self.config.taxation, "Items": items }));
        match &receipt.contact {
            Contact::Email(email) => body.insert("Email".into(), json!(email)),
            Contact::Phone(phone) => body.insert("Phone".into(), json!(phone)),
        };
        Ok(Value::Object(body))
    }

    async fn state(&self, provider_payment: &str) -> Result<Answer, Error> {
        let body = object(json!({ "PaymentId": provider_payment }));
        self.ask("GetState", body, true).await
    }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(map) => map,
        _ => Map::new(),
    }
}

/// `2026-11-30T23:59:00+03:00`: no fraction, a numeric offset.
fn due_date(at: Timestamp) -> String {
    at.to_utc().format("%Y-%m-%dT%H:%M:%S+00:00").to_string()
}

const fn tax(vat: Vat) -> &'static str {
    match vat {
        Vat::None => "none",
        Vat::Zero => "vat0",
        Vat::Five => "vat5",
        Vat::Seven => "vat7",
        Vat::Ten => "vat10",
        Vat::Twenty => "vat20",
        Vat::TwentyTwo => "vat22",
        Vat::FiveOf105 => "vat105",
        Vat::SevenOf107 => "vat107",
        Vat::TenOf110 => "vat110",
        Vat::TwentyOf120 => "vat120",
        Vat::TwentyTwoOf122 => "vat122",
    }
}

const fn mode(mode: PaymentMode) -> &'static str {
    mode.code()
}

#[async_trait]
impl PaymentProvider for TBank {
    fn code(&self) -> &'static str {
        CODE
    }

    fn title(&self, language: Language) -> &'static str {
        match language {
            Language::Ru => "Т-Банк",
            Language::En => "T-Bank",
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            holds: true,
            saves_methods: true,
            cancels_pending: true,
            lists: false,
            key_lifetime: None,
        }
    }

    fn minimum(&self, currency: Currency) -> Option<Money> {
        (currency == Currency::Rub).then_some(Money::new(100, currency))
    }

    async fn create(&self, intent: &Intent) -> Result<Seen, Error> {
        match self.init(intent, false).await {
            Ok(answer) => answer.seen(Some(intent.amount)),
            // The order id was used before: by this very intent.
            Err(Error::Refused { code, .. }) if code == "20" => {
                self.find(intent).await?.ok_or(Error::Unknown { provider: CODE })
            }
            Err(error) => Err(error),
        }
    }

    async fn find(&self, intent: &Intent) -> Result<Option<Seen>, Error> {
        let body = object(json!({ "OrderId": shortened(&intent.payment, MAX_ORDER_ID) }));
        let answer: OrderAnswer = self.call("CheckOrder", body, true).await?;
        if !answer.success && answer.error_code != "0" {
            return match failure(&answer.error_code) {
                Error::NotFound { .. } => Ok(None),
                error => Err(error),
            };
        }
        let Some(found) = answer.payments.into_iter().next_back() else {
            return Ok(None);
        };
        // The list tells little of a payment, and its link not at all.
        let mut seen = self.status(&found.payment_id).await?;
        seen.reference = Some(intent.payment.clone());
        Ok(Some(seen))
    }

    async fn status(&self, provider_payment: &str) -> Result<Seen, Error> {
        let mut seen = self.state(provider_payment).await?.seen(None)?;
        if seen.id.is_empty() {
            provider_payment.clone_into(&mut seen.id);
        }
        Ok(seen)
    }

    async fn capture(
        &self,
        provider_payment: &str,
        amount: Money,
        _key: &str,
        receipt: Option<&Receipt>,
    ) -> Result<Seen, Error> {
        let mut body = object(json!({ "PaymentId": provider_payment, "Amount": kopecks(amount)? }));
        if let Some(receipt) = receipt {
            body.insert("Receipt".into(), self.receipt(receipt)?);
        }
        match self.ask("Confirm", body, false).await {
            Ok(_) | Err(Error::Unknown { .. }) => self.status(provider_payment).await,
            Err(error) => Err(error),
        }
    }

    async fn cancel(&self, provider_payment: &str, _key: &str) -> Result<Seen, Error> {
        let body = object(json!({ "PaymentId": provider_payment }));
        match self.ask("Cancel", body, false).await {
            Ok(_) | Err(Error::Unknown { .. }) => self.status(provider_payment).await,
            Err(error) => Err(error),
        }
    }

    /// `ExternalRequestId` is the refund's key: without it two equal refunds would be two refunds.
    async fn refund(&self, intent: &RefundIntent) -> Result<RefundSeen, Error> {
        let mut body = object(json!({
            "PaymentId": intent.payment,
            "Amount": kopecks(intent.amount)?,
            "ExternalRequestId": intent.refund,
        }));
        if let Some(receipt) = intent.receipt.as_ref().filter(|_| !intent.is_whole) {
            body.insert("Receipt".into(), self.receipt(receipt)?);
        }
        let answer = self.ask("Cancel", body, false).await?;
        let state = match answer.status.as_deref() {
            Some("REFUNDED" | "PARTIAL_REFUNDED" | "REVERSED" | "PARTIAL_REVERSED" | "CANCELED") => {
                RefundState::Succeeded
            }
            Some("REFUNDING" | "ASYNC_REFUNDING" | "REVERSING") => RefundState::Pending,
            _ => return Err(Error::Unknown { provider: CODE }),
        };
        let _ = answer.new_amount;
        Ok(RefundSeen { id: None, state })
    }

    /// A refund has no id of its own here: the same key asked once more gives the same refund.
    async fn refund_status(&self, intent: &RefundIntent, _provider_refund: Option<&str>) -> Result<RefundSeen, Error> {
        self.refund(intent).await
    }

    async fn charge_saved(&self, intent: &Intent, token: &str) -> Result<Seen, Error> {
        let opened = match self.find(intent).await? {
            Some(seen) if seen.observation != Observation::Pending => return Ok(seen),
            Some(seen) => seen,
            None => self.init(intent, true).await?.seen(Some(intent.amount))?,
        };
        let body = object(json!({ "PaymentId": opened.id, "RebillId": token }));
        match self.call::<Answer>("Charge", body, false).await {
            Ok(answer) if answer.status.is_some() => answer.seen(Some(intent.amount)),
            Ok(answer) => Err(failure(&answer.error_code)),
            Err(Error::Unknown { .. }) => self.status(&opened.id).await,
            Err(error) => Err(error),
        }
    }

    async fn close_receipt(
        &self,
        provider_payment: &str,
        receipt: &Receipt,
        _key: &str,
    ) -> Result<Option<String>, Error> {
        let body = object(json!({ "PaymentId": provider_payment, "Receipt": self.receipt(receipt)? }));
        self.ask("SendClosingReceipt", body, false).await?;
        Ok(None)
    }

    async fn list(&self, _since: Timestamp, _cursor: Option<&str>) -> Result<Listing, Error> {
        Ok(Listing {
            payments: Vec::new(),
            next: None,
        })
    }

    fn verify(&self, raw: RawNotification<'_>) -> Result<Verified, Rejected> {
        let Ok(Value::Object(root)) = serde_json::from_slice::<Value>(raw.body) else {
            return Err(Rejected::Unreadable);
        };
        let text = |key: &str| match root.get(key) {
            Some(Value::String(text)) => text.clone(),
            Some(Value::Number(number)) => number.to_string(),
            _ => String::new(),
        };
        let expected = token(&root, &self.config.password);
        if !bool::from(text("Token").to_lowercase().as_bytes().ct_eq(expected.as_bytes())) {
            return Err(Rejected::BadSignature);
        }
        if text("TerminalKey") != self.config.terminal_key {
            return Err(Rejected::OtherShop);
        }
        let (payment, status) = (text("PaymentId"), text("Status"));
        if payment.is_empty() || payment.len() > 64 {
            return Err(Rejected::Unreadable);
        }
        let about = match status.as_str() {
            "RECEIPT" | "" => About::Nothing,
            "REFUNDED" | "PARTIAL_REFUNDED" | "REVERSED" | "PARTIAL_REVERSED" => About::Refund {
                provider_payment: payment.clone(),
                provider_refund: None,
            },
            _ => About::Payment {
                provider_payment: payment.clone(),
            },
        };
        // Two equal partial refunds have equal bodies: what is left, if it is told, and the body tell them apart as far as
        // anything can. A repetition that slips through does no harm, one that is swallowed is found by the refund's job.
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(raw.body));
        Ok(Verified {
            dedupe_key: format!("{payment}:{}:{}", shortened(&status, 32), shortened(&digest, 16)),
            about,
        })
    }

    fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement {
            content_type: "text/plain",
            body: "OK",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn signed(root: Value, password: &str) -> String {
        token(&object(root), password)
    }

    /// Vectors of the bank's documentation, and our own computed apart from this code.
    #[test]
    fn tokens_are_the_banks() {
        let published = json!({ "TerminalKey": "MerchantTerminalKey", "Amount": 19200, "OrderId": "21090",
            "Description": "Подарочная карта на 1000 рублей", "DATA": { "Phone": "+71234567890" }, "Receipt": {} });
        assert_eq!(
            signed(published, "usaf8fw8fsw21g"),
            "0024a00af7c350a3a67ca168ce06502aa72772456662e38696d48b56ee9c97d9"
        );
        let notification = json!({ "TerminalKey": "1321054611234DEMO", "OrderId": "201709", "Success": true,
            "Status": "AUTHORIZED", "PaymentId": 8_742_591, "ErrorCode": "0", "Amount": 9855, "CardId": 322_264,
            "Pan": "430000******0777", "ExpDate": "1122", "RebillId": 101_709, "Token": "not counted" });
        assert_eq!(
            signed(notification, "Dfsfh56dgKl"),
            "b906d28e76c6428e37b25fcf86c0adc52c63d503013fdd632e300593d165766b"
        );
        let charge = json!({ "TerminalKey": "1699999999999DEMO", "PaymentId": "4455667799", "RebillId": "1720000001",
            "IP": "203.0.113.7", "SendEmail": true, "InfoEmail": "student@example.ru" });
        assert_eq!(
            signed(charge, "TestPassw0rd_1"),
            "73f4146d0f90215d3c6bf4994d718e67a97bf7d50ca69ac6260d10ba13289da1"
        );
        let rejected = json!({ "TerminalKey": "1699999999999DEMO", "OrderId": "inv_000042", "Success": false,
            "Status": "REJECTED", "PaymentId": 4_455_667_788_i64, "ErrorCode": "1051", "Amount": 499_000, "CardId": 900_001,
            "Pan": "220138******0831", "ExpDate": "1230", "Data": { "Source": "cards" } });
        assert_eq!(
            signed(rejected, "TestPassw0rd_1"),
            "3d54f1a912b9d7d8a5f166dd3dd393e8c3cdcaa6b99345e6ebf6a8aecde976cf"
        );
        let cancel = json!({ "TerminalKey": "1699999999999DEMO", "PaymentId": "4455667788", "Amount": 100_000,
            "ExternalRequestId": "rf_7" });
        assert_eq!(
            signed(cancel, "TestPassw0rd_1"),
            "5c2d0f5fa2b767666689448c31f60e75106b58d6d480274afb6b6ced83ec1871"
        );
    }

    #[test]
    fn a_due_date_has_no_fraction_and_a_numeric_offset() {
        assert_eq!(
            due_date(Timestamp::from_millis(1_795_000_000_123)),
            "2026-11-18T11:06:40+00:00"
        );
    }
}
