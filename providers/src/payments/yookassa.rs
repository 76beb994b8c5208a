//! YooKassa, API v3 (yookassa.ru/developers/api, read 2026-09-20).
//!
//! Notifications carry no signature: the sender's address is checked against the published networks, and whatever one says
//! is asked for before it is believed. A declined charge is HTTP 200 with `canceled`; HTTP 500 and 202 mean that nobody
//! knows yet. Keys are good for a day: what is older is looked up by the ids we put into `metadata`.

mod bot;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use domain::language::Language;
use domain::money::{Currency, Money};
use domain::payment::Observation;
use domain::time::Timestamp;
use reqwest::Method;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use url::Url;

pub use self::bot::bot_receipt;
use self::wire::{ErrorObject, ListObject, NotificationObject, PaymentObject, ReceiptObject, RefundObject};
use super::{
    About, Acknowledgement, Capabilities, Error, Intent, ListedRefund, Listing, PaymentProvider, RawNotification,
    Receipt, ReceiptOf, ReceiptState, RefundIntent, RefundListing, RefundSeen, Rejected, Seen, Verified,
};
use crate::networks::Networks;

pub const CODE: &str = "yookassa";
/// Where the API is unless the owner says otherwise.
pub const API_URL: &str = "https://api.yookassa.ru/v3";
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

/// The service itself gives up after 30 s and answers 500.
const DEADLINE: Duration = Duration::from_secs(35);
/// Keys are kept for 24 hours from the first request.
const KEY_LIFETIME: Duration = Duration::from_secs(24 * 60 * 60);
/// Our clock and the provider's may differ by so much when a payment is searched by its time.
const CLOCK_MARGIN_MS: i64 = 60 * 60_000;
const PAGE: &str = "100";
/// Ten thousand payments between an intent and the search for it are more than a shop of this size makes in days.
const MOST_PAGES: usize = 100;
/// The code under which a key with another body comes back; the description alone tells it apart.
const DUPLICATE_KEY: &str = "duplicate_key";

/// What a payer is shown.
pub const fn title(language: Language) -> &'static str {
    match language {
        Language::Ru => "ЮKassa",
        Language::En => "YooKassa",
    }
}

#[derive(Clone)]
pub struct Config {
    pub shop_id: String,
    pub secret_key: String,
    /// With the version: [`API_URL`].
    pub api_url: Url,
    /// Who may send notifications; [`NETWORKS`] unless the owner knows better.
    pub networks: Networks,
}

pub struct YooKassa {
    client: reqwest::Client,
    config: Config,
    deadline: Duration,
}

impl std::fmt::Debug for YooKassa {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("YooKassa")
            .field("shop_id", &self.config.shop_id)
            .finish_non_exhaustive()
    }
}

/// A call as it will be made.
struct Call<'a> {
    method: Method,
    path: &'a [&'a str],
    query: &'a [(&'a str, &'a str)],
    key: Option<&'a str>,
    body: Option<&'a Value>,
}

impl YooKassa {
    pub const fn new(client: reqwest::Client, config: Config) -> Self {
        Self {
            client,
            config,
            deadline: DEADLINE,
        }
    }

    /// With another patience for a whole call.
    #[must_use]
    pub const fn with_deadline(mut self, deadline: Duration) -> Self {
        self.deadline = deadline;
        self
    }

    async fn get<T: DeserializeOwned>(&self, path: &[&str], query: &[(&str, &str)]) -> Result<T, Error> {
        self.call(Call {
            method: Method::GET,
            path,
            query,
            key: None,
            body: None,
        })
        .await
    }

    async fn post<T: DeserializeOwned>(&self, path: &[&str], key: &str, body: &Value) -> Result<T, Error> {
        self.call(Call {
            method: Method::POST,
            path,
            query: &[],
            key: Some(key),
            body: Some(body),
        })
        .await
    }

    async fn call<T: DeserializeOwned>(&self, call: Call<'_>) -> Result<T, Error> {
        let mut url = self.config.api_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(call.path);
        }
        if !call.query.is_empty() {
            url.query_pairs_mut().extend_pairs(call.query);
        }
        let mut request = self
            .client
            .request(call.method, url)
            .basic_auth(&self.config.shop_id, Some(&self.config.secret_key))
            .timeout(self.deadline);
        if let Some(key) = call.key {
            request = request.header("Idempotence-Key", key);
        }
        if let Some(body) = call.body {
            request = request.json(body);
        }
        let changes = call.key.is_some();
        let response = match request.send().await {
            Ok(response) => response,
            // Nothing was sent when no connection came about.
            Err(error) if error.is_connect() => return Err(unsure(false, None)),
            Err(_) => return Err(unsure(changes, None)),
        };
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|_| unsure(changes, None))?;
        if status == 200 {
            return serde_json::from_slice(&bytes).map_err(|_| unsure(changes, None));
        }
        Err(failure(
            status,
            serde_json::from_slice(&bytes).unwrap_or_default(),
            changes,
        ))
    }

    /// A payment whose answer was lost is looked up, never made again.
    async fn made(&self, intent: &Intent, body: &Value) -> Result<Seen, Error> {
        let made: Result<PaymentObject, Error> = self.post(&["payments"], &intent.payment, body).await;
        match made {
            Ok(object) => object.seen(),
            // The key has been used, with other words: settings were changed between two tries.
            Err(Error::Refused { code, .. }) if code == DUPLICATE_KEY => {
                self.find(intent).await?.ok_or(Error::Unknown { provider: CODE })
            }
            Err(error) => Err(error),
        }
    }

    /// What a call that came too late, or a second time, has led to.
    async fn after(&self, payment: &str, refused: Error, is_done: fn(&Observation) -> bool) -> Result<Seen, Error> {
        let seen = self.status(payment).await?;
        if is_done(&seen.observation) {
            Ok(seen)
        } else {
            Err(refused)
        }
    }

    /// A refund by our own id: it was put into its metadata, and a payment has few of them.
    async fn refund_of(&self, intent: &RefundIntent) -> Result<Option<RefundObject>, Error> {
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("payment_id", intent.payment.as_str()), ("limit", PAGE)];
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let page: ListObject<RefundObject> = self.get(&["refunds"], &query).await?;
            let found = page.items.into_iter().find(|refund| refund.is_of(&intent.refund));
            match (found, page.next_cursor) {
                (Some(found), _) => return Ok(Some(found)),
                (None, Some(next)) => cursor = Some(next),
                (None, None) => return Ok(None),
            }
        }
        Err(Error::Unknown { provider: CODE })
    }

    async fn page<T: DeserializeOwned>(
        &self,
        what: &str,
        since: Timestamp,
        cursor: Option<&str>,
    ) -> Result<ListObject<T>, Error> {
        let since = since.to_rfc3339();
        let mut query = vec![("limit", PAGE), ("created_at.gte", since.as_str())];
        if let Some(cursor) = cursor {
            query.push(("cursor", cursor));
        }
        self.get(&[what], &query).await
    }
}

/// A call that may have done something is unknown; one that only reads can be made again.
const fn unsure(changes: bool, retry_after: Option<Duration>) -> Error {
    if changes {
        Error::Unknown { provider: CODE }
    } else {
        Error::Transient {
            provider: CODE,
            retry_after,
        }
    }
}

/// A refund in words we know; others are another system's.
fn readable(object: RefundObject) -> Option<ListedRefund> {
    let (id, status) = (object.id.clone(), object.status.clone());
    let listed = object.listed();
    if listed.is_none() {
        tracing::warn!(refund.provider_id = %id, %status, "a listed refund can't be read");
    }
    listed
}

fn failure(status: u16, told: ErrorObject, changes: bool) -> Error {
    let retry_after = told.retry_after.map(Duration::from_millis);
    let is_duplicate = told
        .description
        .as_deref()
        .is_some_and(|text| text.eq_ignore_ascii_case("Duplicate idempotence key"));
    let code = match (told.code, told.parameter) {
        (Some(_), _) if is_duplicate => DUPLICATE_KEY.to_owned(),
        (Some(code), Some(parameter)) => format!("{code}:{parameter}"),
        (Some(code), None) => code,
        _ => status.to_string(),
    };
    match status {
        429 => Error::Transient {
            provider: CODE,
            retry_after,
        },
        // The address of the API answers with a page of its own, or sends us elsewhere.
        401 | 403 | 405 | 415 | 300..=399 => Error::Misconfigured { provider: CODE, code },
        404 => Error::NotFound { provider: CODE },
        400..=499 => Error::Refused { provider: CODE, code },
        _ => unsure(changes, retry_after),
    }
}

#[async_trait]
impl PaymentProvider for YooKassa {
    fn code(&self) -> &'static str {
        CODE
    }

    fn title(&self, language: Language) -> &'static str {
        title(language)
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
        let locale = match intent.language {
            Language::Ru => "ru_RU",
            Language::En => "en_US",
        };
        self.made(intent, &wire::payment(intent, locale)).await
    }

    /// There is no look-up by our own id: the payments since the intent are walked through.
    async fn find(&self, intent: &Intent) -> Result<Option<Seen>, Error> {
        let since = intent.created_at.plus_millis(-CLOCK_MARGIN_MS);
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let page: ListObject<PaymentObject> = self.page("payments", since, cursor.as_deref()).await?;
            let found = page
                .items
                .into_iter()
                .find(|object| object.reference() == Some(&intent.payment));
            match (found, page.next_cursor) {
                (Some(found), _) => return found.seen().map(Some),
                (None, Some(next)) => cursor = Some(next),
                (None, None) => return Ok(None),
            }
        }
        Err(Error::Unknown { provider: CODE })
    }

    async fn status(&self, provider_payment: &str) -> Result<Seen, Error> {
        let object: PaymentObject = self.get(&["payments", provider_payment], &[]).await?;
        object.seen()
    }

    async fn capture(
        &self,
        provider_payment: &str,
        amount: Money,
        key: &str,
        receipt: Option<&Receipt>,
    ) -> Result<Seen, Error> {
        let path = ["payments", provider_payment, "capture"];
        match self
            .post::<PaymentObject>(&path, key, &wire::capture(amount, receipt))
            .await
        {
            Ok(object) => object.seen(),
            Err(refused @ Error::Refused { .. }) => {
                let is_taken = |seen: &Observation| matches!(seen, Observation::Succeeded { .. });
                self.after(provider_payment, refused, is_taken).await
            }
            Err(error) => Err(error),
        }
    }

    async fn cancel(&self, provider_payment: &str, key: &str) -> Result<Seen, Error> {
        let path = ["payments", provider_payment, "cancel"];
        match self.post::<PaymentObject>(&path, key, &json!({})).await {
            Ok(object) => object.seen(),
            Err(refused @ Error::Refused { .. }) => {
                let is_over = |seen: &Observation| matches!(seen, Observation::Canceled { .. } | Observation::Expired);
                self.after(provider_payment, refused, is_over).await
            }
            Err(error) => Err(error),
        }
    }

    /// Looked up first: a refund may wait for days, and its key is forgotten after one.
    async fn refund(&self, intent: &RefundIntent) -> Result<RefundSeen, Error> {
        if let Some(known) = self.refund_of(intent).await? {
            return known.seen();
        }
        let made: Result<RefundObject, Error> = self.post(&["refunds"], &intent.refund, &wire::refund(intent)).await;
        match made {
            Ok(object) => object.seen(),
            Err(Error::Refused { code, .. }) if code == DUPLICATE_KEY => match self.refund_of(intent).await? {
                Some(known) => known.seen(),
                None => Err(Error::Unknown { provider: CODE }),
            },
            Err(error) => Err(error),
        }
    }

    async fn refund_status(&self, intent: &RefundIntent, provider_refund: Option<&str>) -> Result<RefundSeen, Error> {
        match provider_refund {
            Some(id) => self.get::<RefundObject>(&["refunds", id], &[]).await?.seen(),
            None => self
                .refund_of(intent)
                .await?
                .ok_or(Error::NotFound { provider: CODE })?
                .seen(),
        }
    }

    async fn charge_saved(&self, intent: &Intent, token: &str) -> Result<Seen, Error> {
        self.made(intent, &wire::charge(intent, token)).await
    }

    /// Looked up first, as refunds are.
    async fn close_receipt(
        &self,
        provider_payment: &str,
        receipt: &Receipt,
        key: &str,
    ) -> Result<Option<String>, Error> {
        let query = [("payment_id", provider_payment), ("limit", PAGE)];
        let given: ListObject<ReceiptObject> = self.get(&["receipts"], &query).await?;
        if let Some(known) = given.items.into_iter().find(|known| known.closes(receipt)) {
            return Ok(Some(known.id));
        }
        let currency = receipt.lines.first().map_or(Currency::Rub, |line| line.amount.currency);
        let sum = Money::sum(currency, receipt.lines.iter().map(|line| line.amount)).map_err(|_| Error::Refused {
            provider: CODE,
            code: "amount".into(),
        })?;
        let body = wire::closing_receipt(provider_payment, receipt, sum);
        let object: ReceiptObject = self.post(&["receipts"], key, &body).await?;
        Ok(Some(object.id))
    }

    fn remembers_closing_receipts(&self) -> bool {
        true
    }

    async fn receipt_state(&self, of: ReceiptOf<'_>) -> Result<Option<ReceiptState>, Error> {
        let found = match of {
            ReceiptOf::Closing {
                receipt: Some(receipt), ..
            } => match self.get::<ReceiptObject>(&["receipts", receipt], &[]).await {
                Ok(found) => Some(found),
                Err(Error::NotFound { .. }) => None,
                Err(error) => return Err(error),
            },
            ReceiptOf::Closing { payment, .. } => {
                let query = [("payment_id", payment), ("limit", PAGE)];
                let given: ListObject<ReceiptObject> = self.get(&["receipts"], &query).await?;
                given.items.into_iter().find(ReceiptObject::is_closing)
            }
            ReceiptOf::Payment { payment } => {
                let query = [("payment_id", payment), ("limit", PAGE)];
                let given: ListObject<ReceiptObject> = self.get(&["receipts"], &query).await?;
                given.items.into_iter().find(|known| !known.is_closing())
            }
            ReceiptOf::Refund { refund, .. } => {
                let query = [("refund_id", refund), ("limit", PAGE)];
                let given: ListObject<ReceiptObject> = self.get(&["receipts"], &query).await?;
                given.items.into_iter().next()
            }
        };
        Ok(Some(found.map_or(ReceiptState::Pending, ReceiptObject::state)))
    }

    async fn probe(&self) -> Result<(), Error> {
        self.get::<Value>(&["me"], &[]).await.map(|_| ())
    }

    /// Rows in words we don't know are left out: they are another system's, of the same shop.
    async fn list(&self, since: Timestamp, cursor: Option<&str>) -> Result<Listing, Error> {
        let page: ListObject<PaymentObject> = self.page("payments", since, cursor).await?;
        let payments = page
            .items
            .into_iter()
            .filter_map(|object| {
                let (id, status) = (object.id.clone(), object.status.clone());
                let listed = object.listed();
                if listed.is_err() {
                    tracing::warn!(payment.provider_id = %id, %status, "a listed payment can't be read");
                }
                listed.ok()
            })
            .collect();
        Ok(Listing {
            payments,
            next: page.next_cursor,
        })
    }

    async fn list_refunds(&self, since: Timestamp, cursor: Option<&str>) -> Result<Option<RefundListing>, Error> {
        let page: ListObject<RefundObject> = self.page("refunds", since, cursor).await?;
        Ok(Some(RefundListing {
            refunds: page.items.into_iter().filter_map(readable).collect(),
            next: page.next_cursor,
        }))
    }

    async fn refunds_of(&self, provider_payment: &str) -> Result<Option<Vec<ListedRefund>>, Error> {
        let mut refunds = Vec::new();
        let mut cursor: Option<String> = None;
        for _ in 0..MOST_PAGES {
            let mut query = vec![("payment_id", provider_payment), ("limit", PAGE)];
            if let Some(cursor) = &cursor {
                query.push(("cursor", cursor));
            }
            let page: ListObject<RefundObject> = self.get(&["refunds"], &query).await?;
            refunds.extend(page.items.into_iter().filter_map(readable));
            match page.next_cursor {
                Some(next) => cursor = Some(next),
                None => return Ok(Some(refunds)),
            }
        }
        Err(Error::Transient {
            provider: CODE,
            retry_after: None,
        })
    }

    /// Another shop's payment passes here and is unknown to our API when it is asked.
    fn verify(&self, raw: RawNotification<'_>) -> Result<Verified, Rejected> {
        if !self.config.networks.contain(raw.peer) {
            return Err(Rejected::ForeignAddress);
        }
        let told: NotificationObject = serde_json::from_slice(raw.body).map_err(|_| Rejected::Unreadable)?;
        let (event, id, payment_id) = (told.event, told.object.id, told.object.payment_id);
        let is_plain = |text: &str| {
            let of_name = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_' | b'.');
            !text.is_empty() && text.len() <= 64 && text.bytes().all(of_name)
        };
        let are_plain = is_plain(&event) && is_plain(&id) && payment_id.as_deref().is_none_or(is_plain);
        if told.kind != "notification" || !are_plain {
            return Err(Rejected::Unreadable);
        }
        let about = match (event.split('.').next(), payment_id) {
            (Some("payment"), _) => About::Payment {
                provider_payment: id.clone(),
            },
            (Some("refund"), Some(payment)) => About::Refund {
                provider_payment: payment,
                provider_refund: Some(id.clone()),
            },
            _ => About::Nothing,
        };
        // Each kind of event happens once to a thing; there is no delivery id.
        Ok(Verified {
            dedupe_key: format!("{event}:{id}"),
            about,
        })
    }

    /// Status 200 is what counts; the body is ignored.
    fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement {
            content_type: "text/plain",
            body: "",
        }
    }
}
