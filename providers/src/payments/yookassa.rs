//! YooKassa, API v3 (yookassa.ru/developers/api, read 2026-09-20).
//!
//! Notifications carry no signature: the sender's address is checked against the published networks, and whatever one says
//! is asked for before it is believed. A declined charge is HTTP 200 with `canceled`; HTTP 500 and 202 mean that nobody
//! knows yet.

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use domain::language::Language;
use domain::money::{Currency, Money};
use domain::order::{PaymentMode, PaymentSubject, Vat};
use domain::payment::{Decline, DeclineAdvice, Observation};
use domain::time::Timestamp;
use reqwest::{Method, StatusCode};
use serde::{Deserialize, Serialize};
use serde_json::json;
use url::Url;

use super::{
    About, Acknowledgement, Capabilities, Capture, Contact, Error, Intent, Listing, PaymentProvider, RawNotification,
    Receipt, RefundIntent, RefundSeen, RefundState, Rejected, SavedMethod, Seen, Verified,
};
use crate::networks::Networks;

const CODE: &str = "yookassa";
/// The service itself gives up after 30 s and answers 500.
const DEADLINE: Duration = Duration::from_secs(35);
/// Keys are kept for 24 hours from the first request.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
const MAX_DESCRIPTION: usize = 128;
const MAX_REFUND_DESCRIPTION: usize = 250;
const MAX_ITEM: usize = 128;
/// What the provider publishes as its notifications' senders.
pub const NETWORKS: [&str; 7] = [
    "185.71.76.0/27",
    "185.71.77.0/27",
    "77.75.153.0/25",
    "77.75.156.11",
    "77.75.156.35",
    "77.75.154.128/25",
    "2a02:5180::/32",
];

#[derive(Clone)]
pub struct Config {
    pub shop_id: String,
    pub secret_key: String,
    /// With the version: `https://api.yookassa.ru/v3`.
    pub api_url: Url,
    /// Who may send notifications; [`NETWORKS`] unless the owner knows better.
    pub networks: Networks,
}

pub struct YooKassa {
    client: reqwest::Client,
    config: Config,
}

impl std::fmt::Debug for YooKassa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("YooKassa")
            .field("shop_id", &self.config.shop_id)
            .finish_non_exhaustive()
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct Amount {
    value: String,
    currency: String,
}

/// A payment; absent fields are left out, not null.
#[derive(Debug, Deserialize)]
struct PaymentObject {
    id: String,
    status: String,
    amount: Amount,
    #[serde(default)]
    income_amount: Option<Amount>,
    #[serde(default)]
    refunded_amount: Option<Amount>,
    #[serde(default)]
    confirmation: Option<Confirmation>,
    #[serde(default)]
    metadata: Option<Metadata>,
    #[serde(default)]
    cancellation_details: Option<Cancellation>,
    #[serde(default)]
    payment_method: Option<MethodObject>,
    #[serde(default)]
    test: bool,
}

#[derive(Debug, Deserialize)]
struct Confirmation {
    #[serde(default)]
    confirmation_url: Option<Url>,
}

#[derive(Debug, Deserialize)]
struct Metadata {
    #[serde(default)]
    payment_id: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Cancellation {
    reason: String,
}

#[derive(Debug, Deserialize)]
struct MethodObject {
    id: String,
    #[serde(default)]
    saved: bool,
    #[serde(default)]
    title: Option<String>,
}

#[derive(Debug, Deserialize)]
struct RefundObject {
    id: String,
    status: String,
    #[serde(default)]
    cancellation_details: Option<Cancellation>,
}

#[derive(Debug, Deserialize)]
struct ListObject<T> {
    items: Vec<T>,
    #[serde(default)]
    next_cursor: Option<String>,
}

#[derive(Debug, Deserialize)]
struct ReceiptObject {
    id: String,
}

#[derive(Debug, Deserialize)]
struct ErrorObject {
    #[serde(default)]
    code: Option<String>,
    #[serde(default)]
    parameter: Option<String>,
    #[serde(default)]
    retry_after: Option<u64>,
}

#[derive(Debug, Deserialize)]
struct NotificationObject {
    event: String,
    object: NotifiedObject,
}

#[derive(Debug, Deserialize)]
struct NotifiedObject {
    id: String,
    #[serde(default)]
    payment_id: Option<String>,
}

impl YooKassa {
    pub const fn new(client: reqwest::Client, config: Config) -> Self {
        Self { client, config }
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&serde_json::Value>,
    ) -> Result<T, Error> {
        let url = format!("{}/{path}", self.config.api_url.as_str().trim_end_matches('/'));
        let mut request = self
            .client
            .request(method.clone(), url)
            .basic_auth(&self.config.shop_id, Some(&self.config.secret_key))
            .timeout(DEADLINE);
        if let Some(key) = key {
            request = request.header("Idempotence-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let is_read = method == Method::GET;
        let unsure = || {
            if is_read {
                Error::Transient {
                    provider: CODE,
                    retry_after: None,
                }
            } else {
                Error::Unknown { provider: CODE }
            }
        };
        let response = match request.send().await {
            Ok(response) => response,
            // Nothing was sent when no connection came about.
            Err(error) if error.is_connect() => {
                return Err(Error::Transient {
                    provider: CODE,
                    retry_after: None,
                });
            }
            Err(_) => return Err(unsure()),
        };
        let status = response.status();
        let bytes = response.bytes().await.map_err(|_| unsure())?;
        if status == StatusCode::OK {
            return serde_json::from_slice(&bytes).map_err(|_| unsure());
        }
        let told: ErrorObject = serde_json::from_slice(&bytes).unwrap_or(ErrorObject {
            code: None,
            parameter: None,
            retry_after: None,
        });
        let retry_after = told.retry_after.map(Duration::from_millis);
        let code = match (&told.code, &told.parameter) {
            (Some(code), Some(parameter)) => format!("{code}:{parameter}"),
            (Some(code), None) => code.clone(),
            _ => status.as_u16().to_string(),
        };
        Err(match status.as_u16() {
            429 => Error::Transient {
                provider: CODE,
                retry_after,
            },
            202 => unsure(),
            401 | 403 => Error::Misconfigured { provider: CODE, code },
            404 => Error::NotFound { provider: CODE },
            400..=499 => Error::Refused { provider: CODE, code },
            _ => unsure(),
        })
    }

    async fn payment(
        &self,
        method: Method,
        path: &str,
        key: Option<&str>,
        body: Option<&serde_json::Value>,
    ) -> Result<Seen, Error> {
        let object: PaymentObject = self.call(method, path, key, body).await?;
        seen(object)
    }

    fn body(intent: &Intent) -> serde_json::Value {
        let mut body = json!({
            "amount": amount(intent.amount),
            "capture": intent.capture == Capture::AtOnce,
            "description": shortened(&intent.description, MAX_DESCRIPTION),
            "metadata": { "payment_id": intent.payment, "order_id": intent.order },
            "merchant_customer_id": intent.customer,
        });
        if let (Some(body), Some(receipt)) = (body.as_object_mut(), &intent.receipt) {
            body.insert("receipt".into(), self::receipt(receipt));
        }
        body
    }
}

fn amount(money: Money) -> Amount {
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

fn shortened(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

fn seen(object: PaymentObject) -> Result<Seen, Error> {
    let amount = money(&object.amount)?;
    let observation = match object.status.as_str() {
        "pending" => Observation::Pending,
        "waiting_for_capture" => Observation::Held { amount },
        "succeeded" => {
            let income = object.income_amount.as_ref().map(money).transpose()?;
            Observation::Succeeded {
                amount,
                fee: income.and_then(|income| amount.checked_sub(income).ok()),
            }
        }
        "canceled" => {
            let reason = object
                .cancellation_details
                .map(|details| details.reason)
                .unwrap_or_default();
            if reason == "expired_on_confirmation" {
                Observation::Expired
            } else {
                Observation::Canceled {
                    decline: Decline {
                        advice: advice(&reason),
                        code: reason,
                    },
                }
            }
        }
        _ => return Err(Error::Unknown { provider: CODE }),
    };
    let is_open = observation == Observation::Pending;
    Ok(Seen {
        observation,
        pay_url: object
            .confirmation
            .and_then(|confirmation| confirmation.confirmation_url)
            .filter(|_| is_open),
        reference: object.metadata.and_then(|metadata| metadata.payment_id),
        amount,
        refunded: object.refunded_amount.as_ref().map(money).transpose()?,
        is_test: object.test,
        saved_method: object
            .payment_method
            .filter(|method| method.saved)
            .map(|method| SavedMethod {
                title: method.title.unwrap_or_default(),
                token: method.id,
            }),
        id: object.id,
    })
}

/// What helps against a reason; unknown ones are soft.
fn advice(reason: &str) -> DeclineAdvice {
    match reason {
        "insufficient_funds" | "payment_method_limit_exceeded" => DeclineAdvice::TryLater,
        "3d_secure_failed" | "invalid_csc" | "invalid_card_number" | "card_expired" => DeclineAdvice::CheckCard,
        "issuer_unavailable" | "internal_timeout" | "expired_on_capture" => DeclineAdvice::TryAgain,
        "canceled_by_merchant" | "deal_expired" => DeclineAdvice::CalledOff,
        _ => DeclineAdvice::OtherMethod,
    }
}

fn receipt(receipt: &Receipt) -> serde_json::Value {
    json!({ "customer": customer(&receipt.contact), "items": items(receipt), "internet": true })
}

fn customer(contact: &Contact) -> serde_json::Value {
    match contact {
        Contact::Email(email) => json!({ "email": email }),
        Contact::Phone(phone) => json!({ "phone": phone.trim_start_matches('+') }),
    }
}

fn items(receipt: &Receipt) -> Vec<serde_json::Value> {
    receipt
        .lines
        .iter()
        .map(|line| {
            json!({
                "description": shortened(&line.title, MAX_ITEM),
                "quantity": 1,
                "amount": amount(line.amount),
                "vat_code": vat_code(line.tax.vat),
                "payment_subject": subject(line.tax.subject),
                "payment_mode": mode(line.tax.mode),
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

const fn subject(subject: PaymentSubject) -> &'static str {
    subject.code()
}

const fn mode(mode: PaymentMode) -> &'static str {
    mode.code()
}

#[async_trait]
impl PaymentProvider for YooKassa {
    fn code(&self) -> &'static str {
        CODE
    }

    fn title(&self, language: Language) -> &'static str {
        match language {
            Language::Ru => "ЮKassa",
            Language::En => "YooKassa",
        }
    }

    fn capabilities(&self) -> Capabilities {
        Capabilities {
            holds: true,
            saves_methods: true,
            cancels_pending: false,
            lists: true,
            key_lifetime: Some(KEY_LIFETIME),
        }
    }

    fn minimum(&self, currency: Currency) -> Option<Money> {
        (currency == Currency::Rub).then_some(Money::new(100, currency))
    }

    async fn create(&self, intent: &Intent) -> Result<Seen, Error> {
        let mut body = Self::body(intent);
        if let Some(body) = body.as_object_mut() {
            let locale = match intent.language {
                Language::Ru => "ru_RU",
                Language::En => "en_US",
            };
            body.insert(
                "confirmation".into(),
                json!({ "type": "redirect", "return_url": intent.return_url, "locale": locale }),
            );
            if intent.save_method {
                body.insert("save_payment_method".into(), json!(true));
            }
        }
        self.payment(Method::POST, "payments", Some(&intent.payment), Some(&body))
            .await
    }

    /// There is no look-up by our own id: the newest payments are walked back to before the intent.
    async fn find(&self, intent: &Intent) -> Result<Option<Seen>, Error> {
        let mut cursor = None;
        for _ in 0..20 {
            let listing = self.list(Timestamp::from_millis(0), cursor.as_deref()).await?;
            let found = listing
                .payments
                .into_iter()
                .find(|seen| seen.reference.as_deref() == Some(intent.payment.as_str()));
            if found.is_some() {
                return Ok(found);
            }
            match listing.next {
                Some(next) => cursor = Some(next),
                None => return Ok(None),
            }
        }
        Err(Error::Unknown { provider: CODE })
    }

    async fn status(&self, provider_payment: &str) -> Result<Seen, Error> {
        self.payment(Method::GET, &format!("payments/{provider_payment}"), None, None)
            .await
    }

    async fn capture(
        &self,
        provider_payment: &str,
        amount: Money,
        key: &str,
        receipt: Option<&Receipt>,
    ) -> Result<Seen, Error> {
        let taken = self::amount(amount);
        let mut body = json!({ "amount": taken });
        if let (Some(body), Some(receipt)) = (body.as_object_mut(), receipt) {
            body.insert("receipt".into(), self::receipt(receipt));
        }
        let path = format!("payments/{provider_payment}/capture");
        self.payment(Method::POST, &path, Some(key), Some(&body)).await
    }

    async fn cancel(&self, provider_payment: &str, key: &str) -> Result<Seen, Error> {
        let path = format!("payments/{provider_payment}/cancel");
        self.payment(Method::POST, &path, Some(key), Some(&json!({}))).await
    }

    async fn refund(&self, intent: &RefundIntent) -> Result<RefundSeen, Error> {
        let mut body = json!({
            "payment_id": intent.payment,
            "amount": amount(intent.amount),
            "description": shortened(&intent.reason, MAX_REFUND_DESCRIPTION),
        });
        if let (Some(body), Some(receipt)) = (body.as_object_mut(), &intent.receipt) {
            body.insert("receipt".into(), self::receipt(receipt));
        }
        let object: RefundObject = self
            .call(Method::POST, "refunds", Some(&intent.refund), Some(&body))
            .await?;
        refund_seen(object)
    }

    async fn refund_status(&self, intent: &RefundIntent, provider_refund: Option<&str>) -> Result<RefundSeen, Error> {
        match provider_refund {
            Some(id) => refund_seen(self.call(Method::GET, &format!("refunds/{id}"), None, None).await?),
            // The same key gives the same refund as it stands now.
            None => self.refund(intent).await,
        }
    }

    async fn charge_saved(&self, intent: &Intent, token: &str) -> Result<Seen, Error> {
        let mut body = Self::body(intent);
        if let Some(body) = body.as_object_mut() {
            body.insert("payment_method_id".into(), json!(token));
        }
        self.payment(Method::POST, "payments", Some(&intent.payment), Some(&body))
            .await
    }

    async fn close_receipt(
        &self,
        provider_payment: &str,
        receipt: &Receipt,
        key: &str,
    ) -> Result<Option<String>, Error> {
        let currency = receipt.lines.first().map_or(Currency::Rub, |line| line.amount.currency);
        let sum = Money::sum(currency, receipt.lines.iter().map(|line| line.amount)).map_err(|_| Error::Refused {
            provider: CODE,
            code: "amount".into(),
        })?;
        let body = json!({
            "type": "payment",
            "payment_id": provider_payment,
            "customer": customer(&receipt.contact),
            "items": items(receipt),
            "settlements": [{ "type": "prepayment", "amount": amount(sum) }],
            "send": true,
        });
        let object: ReceiptObject = self.call(Method::POST, "receipts", Some(key), Some(&body)).await?;
        Ok(Some(object.id))
    }

    async fn list(&self, since: Timestamp, cursor: Option<&str>) -> Result<Listing, Error> {
        let mut path = format!("payments?limit=100&created_at.gte={}", since.to_rfc3339());
        if let Some(cursor) = cursor {
            path.push_str("&cursor=");
            path.push_str(cursor);
        }
        let found: ListObject<PaymentObject> = self.call(Method::GET, &path, None, None).await?;
        Ok(Listing {
            payments: found.items.into_iter().map(seen).collect::<Result<_, _>>()?,
            next: found.next_cursor,
        })
    }

    fn verify(&self, raw: RawNotification<'_>) -> Result<Verified, Rejected> {
        if !self.config.networks.contain(canonical(raw.peer)) {
            return Err(Rejected::ForeignAddress);
        }
        let told: NotificationObject = serde_json::from_slice(raw.body).map_err(|_| Rejected::Unreadable)?;
        let NotifiedObject { id, payment_id } = told.object;
        let is_plain =
            |id: &str| !id.is_empty() && id.len() <= 64 && id.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        if !is_plain(&id) || payment_id.as_deref().is_some_and(|id| !is_plain(id)) {
            return Err(Rejected::Unreadable);
        }
        let about = match (told.event.split('.').next(), payment_id) {
            (Some("payment"), _) => About::Payment {
                provider_payment: id.clone(),
            },
            (Some("refund"), Some(payment)) => About::Refund {
                provider_payment: payment,
                provider_refund: Some(id.clone()),
            },
            _ => About::Nothing,
        };
        Ok(Verified {
            dedupe_key: format!("{}:{id}", shortened(&told.event, 64)),
            about,
        })
    }

    fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement {
            content_type: "text/plain",
            body: "",
        }
    }
}

/// `::ffff:185.71.76.1` is 185.71.76.1.
fn canonical(peer: IpAddr) -> IpAddr {
    peer.to_canonical()
}

fn refund_seen(object: RefundObject) -> Result<RefundSeen, Error> {
    let state = match object.status.as_str() {
        "pending" => RefundState::Pending,
        "succeeded" => RefundState::Succeeded,
        "canceled" => RefundState::Failed {
            code: object
                .cancellation_details
                .map(|details| details.reason)
                .unwrap_or_default(),
        },
        _ => return Err(Error::Unknown { provider: CODE }),
    };
    Ok(RefundSeen {
        id: Some(object.id),
        state,
    })
}
