//! T-Bank internet acquiring, EACQ v2 (developer.tbank.ru/eacq, OpenAPI v1.80 and pages read 2026-09-20).
//!
//! Every request and notification carries a `Token`: a SHA-256 over the root scalars and the terminal's password. There are
//! no idempotency keys but a refund's: an order id that was used stands for "done before", and what became of it is looked up.

mod notification;
mod wire;

use std::time::Duration;

use async_trait::async_trait;
use domain::language::Language;
use domain::money::{Currency, Money};
use domain::payment::Observation;
use domain::time::Timestamp;
use serde_json::{Map, Value, json};
use url::Url;

use self::wire::{
    Answer, OrderAnswer, due_date, failure, is_on_its_way_back, is_open, kopecks, object, shortened, token, weight,
};
use super::{
    Acknowledgement, Capabilities, Capture, Error, Intent, Listing, PaymentProvider, RawNotification, Receipt,
    RefundIntent, RefundSeen, RefundState, Rejected, Seen, Verified,
};

pub const CODE: &str = "tbank";
/// Where the API is unless the owner says otherwise.
pub const API_URL: &str = "https://securepay.tinkoff.ru";
/// What a cash register may be told of the seller's taxes.
pub const TAXATIONS: [&str; 5] = ["osn", "usn_income", "usn_income_outcome", "esn", "patent"];

/// A charge waits for the payer's bank.
const DEADLINE: Duration = Duration::from_secs(40);
/// Opening waits for nobody, and must be over before the job behind it takes its turn.
const INIT_DEADLINE: Duration = Duration::from_secs(15);
const MAX_DESCRIPTION: usize = 140;
/// Ours is 29 characters long, 31 when the link had to be made anew.
const MAX_ORDER_ID: usize = 36;
const MAX_CUSTOMER: usize = 36;
/// Links an order may have had, the lost ones included.
const MOST_LINKS: u8 = 9;

/// What a payer is shown.
pub const fn title(language: Language) -> &'static str {
    match language {
        Language::Ru => "Т-Банк",
        Language::En => "T-Bank",
    }
}

#[derive(Clone)]
pub struct Config {
    pub terminal_key: String,
    pub password: String,
    /// Without the version: [`API_URL`].
    pub api_url: Url,
    /// What the cash register calls the seller's tax system, one of [`TAXATIONS`].
    pub taxation: String,
}

pub struct TBank {
    client: reqwest::Client,
    config: Config,
    deadline: Duration,
}

impl std::fmt::Debug for TBank {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("TBank")
            .field("terminal_key", &self.config.terminal_key)
            .finish_non_exhaustive()
    }
}

/// Methods of which a repetition changes nothing.
const fn is_read(method: &str) -> bool {
    matches!(method.as_bytes(), b"GetState" | b"CheckOrder")
}

/// The order id of the first, second, … link of a payment.
fn order_id(payment: &str, link: u8) -> Result<String, Error> {
    let id = if link <= 1 {
        payment.to_owned()
    } else {
        format!("{payment}-{link}")
    };
    // Cut short, two payments could become one.
    if id.len() <= MAX_ORDER_ID {
        Ok(id)
    } else {
        Err(refused("order_id"))
    }
}

/// Our payment's id in an order id.
fn payment_of(order_id: &str) -> &str {
    match order_id.rsplit_once('-') {
        Some((payment, link)) if link.bytes().all(|byte| byte.is_ascii_digit()) => payment,
        _ => order_id,
    }
}

fn refused(code: &str) -> Error {
    Error::Refused {
        provider: CODE,
        code: code.to_owned(),
    }
}

/// The id of a refund that waits: with it goes what was left of the payment before.
fn waiting_id(intent: &RefundIntent, left: Option<i64>) -> String {
    match left {
        Some(left) => format!("{}:{left}", intent.refund),
        None => format!("{}:", intent.refund),
    }
}

/// The state of the payment doesn't allow this: mostly because it was done before.
fn is_of_state(error: &Error) -> bool {
    matches!(error, Error::Refused { code, .. } if matches!(code.as_str(), "4" | "8" | "3037"))
}

impl TBank {
    pub fn new(client: reqwest::Client, mut config: Config) -> Self {
        // The version belongs to the methods: closing receipts have a path without it.
        if let Some(base) = config.api_url.path().trim_end_matches('/').strip_suffix("/v2") {
            let base = base.to_owned();
            config.api_url.set_path(&base);
        }
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

    /// Terminals for trying end in `DEMO`; the test host takes live keys.
    fn is_test(&self) -> bool {
        self.config.terminal_key.ends_with("DEMO") || self.config.api_url.host_str() == Some("rest-api-test.tinkoff.ru")
    }

    async fn call<T: serde::de::DeserializeOwned>(
        &self,
        method: &str,
        mut body: Map<String, Value>,
    ) -> Result<T, Error> {
        body.insert("TerminalKey".into(), json!(self.config.terminal_key));
        let signature = token(&body, &self.config.password);
        body.insert("Token".into(), json!(signature));
        let mut url = self.config.api_url.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            let room = if method == "SendClosingReceipt" {
                "cashbox"
            } else {
                "v2"
            };
            segments.pop_if_empty().extend([room, method]);
        }
        let away = Error::Transient {
            provider: CODE,
            retry_after: None,
        };
        let unsure = || {
            if is_read(method) {
                away.clone()
            } else {
                Error::Unknown { provider: CODE }
            }
        };
        let deadline = if method == "Init" {
            self.deadline.min(INIT_DEADLINE)
        } else {
            self.deadline
        };
        let response = match self.client.post(url).json(&body).timeout(deadline).send().await {
            Ok(response) => response,
            // Nothing was sent when no connection came about.
            Err(error) if error.is_connect() => return Err(away),
            Err(_) => return Err(unsure()),
        };
        let status = response.status().as_u16();
        let bytes = response.bytes().await.map_err(|_| unsure())?;
        match status {
            200 => serde_json::from_slice(&bytes).map_err(|_| unsure()),
            429 => Err(away),
            // The test host knows only listed addresses; another address answers with a page of its own.
            401 | 403 | 404 | 405 | 415 | 300..=399 => Err(Error::Misconfigured {
                provider: CODE,
                code: status.to_string(),
            }),
            400..=499 => Err(refused(&status.to_string())),
            _ => Err(unsure()),
        }
    }

    async fn ask(&self, method: &str, body: Map<String, Value>) -> Result<Answer, Error> {
        let answer: Answer = self.call(method, body).await?;
        if !answer.has_failed() {
            return Ok(answer);
        }
        if answer.error_code.is_empty() {
            // JSON of somebody else's.
            return Err(Error::Unknown { provider: CODE });
        }
        Err(failure(&answer.error_code))
    }

    async fn init(&self, intent: &Intent, link: u8, is_charge: bool) -> Result<Seen, Error> {
        let mut body = object(json!({
            "Amount": kopecks(intent.amount)?,
            "OrderId": order_id(&intent.payment, link)?,
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
            // Repeated by us, on no schedule the payer knows.
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
            body.insert("Receipt".into(), wire::receipt(receipt, &self.config.taxation)?);
        }
        let answer = match self.ask("Init", body).await {
            // Its deadline is too near or too far for a link: the next try names another one.
            Err(Error::Refused { code, .. }) if code == "3017" => {
                return Err(Error::Transient {
                    provider: CODE,
                    retry_after: None,
                });
            }
            answer => answer?,
        };
        self.seen(answer, Some(intent.amount))
    }

    fn seen(&self, answer: Answer, agreed: Option<Money>) -> Result<Seen, Error> {
        let mut seen = answer.seen(agreed, self.is_test())?;
        if let Some(reference) = &mut seen.reference {
            payment_of(reference).to_owned().clone_into(reference);
        }
        Ok(seen)
    }

    async fn state(&self, payment: &str) -> Result<Answer, Error> {
        let body = object(json!({ "PaymentId": payment }));
        let mut answer: Answer = self.call("GetState", body).await?;
        // A rejected payment may be told as a failed call.
        if answer.status.is_none() && answer.has_failed() {
            return Err(failure(&answer.error_code));
        }
        if answer.payment_id.is_empty() {
            payment.clone_into(&mut answer.payment_id);
        }
        // Why it was rejected stands in the order's list.
        if answer.status.as_deref() == Some("REJECTED") && matches!(answer.error_code.as_str(), "" | "0") {
            let payments = self.payments_of(&answer.order_id).await?;
            if let Some(told) = payments.into_iter().find(|told| told.payment_id == payment) {
                answer.error_code = told.error_code;
            }
        }
        Ok(answer)
    }

    /// Payments of one order id, oldest first; none when the bank has never heard of it.
    async fn payments_of(&self, order_id: &str) -> Result<Vec<Answer>, Error> {
        let answer: OrderAnswer = self.call("CheckOrder", object(json!({ "OrderId": order_id }))).await?;
        if answer.success || answer.error_code == "0" {
            return Ok(answer.payments);
        }
        match failure(&answer.error_code) {
            Error::NotFound { .. } => Ok(Vec::new()),
            error => Err(error),
        }
    }

    /// The payment of an intent that counts, and how many order ids it has used: money before a link, the newest of equals.
    async fn known(&self, intent: &Intent) -> Result<(Option<Answer>, u8), Error> {
        let mut best: Option<(u8, Answer)> = None;
        for link in 1..=MOST_LINKS {
            let payments = self.payments_of(&order_id(&intent.payment, link)?).await?;
            if payments.is_empty() {
                return Ok((best.map(|(_, answer)| answer), link - 1));
            }
            for answer in payments {
                let counts = weight(answer.status.as_deref().unwrap_or_default());
                if best.as_ref().is_none_or(|(most, _)| counts >= *most) {
                    best = Some((counts, answer));
                }
            }
        }
        Ok((best.map(|(_, answer)| answer), MOST_LINKS))
    }

    /// An `Init` whose answer was lost: its link is told to nobody, so it is called off before there is another one.
    async fn relink(&self, intent: &Intent) -> Result<Seen, Error> {
        let (known, links) = self.known(intent).await?;
        let Some(known) = known else {
            return Err(Error::Unknown { provider: CODE });
        };
        let mut state = self.state(&known.payment_id).await?;
        if state.status.as_deref().is_some_and(is_open) {
            if !intent.is_lost {
                return Err(Error::Unknown { provider: CODE });
            }
            let body = object(json!({ "PaymentId": known.payment_id }));
            match self.ask("Cancel", body).await {
                Ok(_) | Err(Error::Refused { .. } | Error::Unknown { .. }) => {}
                Err(error) => return Err(error),
            }
            state = self.state(&known.payment_id).await?;
            return match state.status.as_deref() {
                Some("CANCELED") if links < MOST_LINKS => self.next_link(intent, links + 1).await,
                Some(status) if is_open(status) => Err(Error::Unknown { provider: CODE }),
                _ => self.seen(state, None),
            };
        }
        // A link that was called off here, by a try that died before it had made the next one.
        if intent.is_lost && state.status.as_deref() == Some("CANCELED") && links < MOST_LINKS {
            return self.next_link(intent, links + 1).await;
        }
        self.seen(state, None)
    }

    /// A call of a worker that was killed may arrive between the look-up and this one: what it has made is found next time.
    async fn next_link(&self, intent: &Intent, link: u8) -> Result<Seen, Error> {
        match self.init(intent, link, false).await {
            Err(Error::Refused { code, .. }) if matches!(code.as_str(), "20" | "623") => {
                Err(Error::Unknown { provider: CODE })
            }
            other => other,
        }
    }
}

#[async_trait]
impl PaymentProvider for TBank {
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
            cancels_pending: true,
            lists: false,
            // Order ids are remembered for ever, and `create` looks up what a used one stands for.
            key_lifetime: Some(Duration::MAX),
        }
    }

    fn minimum(&self, currency: Currency) -> Option<Money> {
        (currency == Currency::Rub).then_some(Money::new(100, currency))
    }

    async fn create(&self, intent: &Intent) -> Result<Seen, Error> {
        match self.init(intent, 1, false).await {
            // The order id was used before, by this very intent.
            Err(Error::Refused { code, .. }) if matches!(code.as_str(), "20" | "623") => self.relink(intent).await,
            other => other,
        }
    }

    /// The list tells little of a payment, and nobody tells its link again: [`PaymentProvider::create`] makes a new one.
    async fn find(&self, intent: &Intent) -> Result<Option<Seen>, Error> {
        match self.known(intent).await?.0 {
            Some(known) => self.status(&known.payment_id).await.map(Some),
            None => Ok(None),
        }
    }

    async fn status(&self, provider_payment: &str) -> Result<Seen, Error> {
        let state = self.state(provider_payment).await?;
        self.seen(state, None)
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
            body.insert("Receipt".into(), wire::receipt(receipt, &self.config.taxation)?);
        }
        match self.ask("Confirm", body).await {
            Ok(mut answer) if answer.status.as_deref() == Some("CONFIRMED") => {
                if answer.payment_id.is_empty() {
                    provider_payment.clone_into(&mut answer.payment_id);
                }
                self.seen(answer, Some(amount))
            }
            Ok(_) => self.status(provider_payment).await,
            Err(error) if is_of_state(&error) => {
                let state = self.state(provider_payment).await?;
                // The state doesn't say how much of a hold was taken: what this very call has asked for before.
                let seen = self.seen(state, Some(amount))?;
                match seen.observation {
                    Observation::Succeeded { .. } => Ok(seen),
                    _ => Err(error),
                }
            }
            Err(error) => Err(error),
        }
    }

    /// `Cancel` of a payment that was paid a moment ago would be a refund nobody has asked for. A sum above the payment's
    /// prevents that: it is ignored while nothing is paid and refused (330) afterwards.
    async fn cancel(&self, provider_payment: &str, _key: &str) -> Result<Seen, Error> {
        let state = self.state(provider_payment).await?;
        let mut body = object(json!({ "PaymentId": provider_payment }));
        match state.status.as_deref() {
            Some(status) if is_open(status) => {
                let more = state.amount.unwrap_or_default().saturating_add(1);
                body.insert("Amount".into(), json!(more));
            }
            Some("AUTHORIZED" | "PARTIAL_REVERSED") => {}
            Some("CANCELED" | "REVERSED" | "REJECTED" | "DEADLINE_EXPIRED" | "ATTEMPTS_EXPIRED") => {
                return self.seen(state, None);
            }
            _ => return Err(refused("4")),
        }
        self.ask("Cancel", body).await?;
        self.status(provider_payment).await
    }

    /// `ExternalRequestId` is the refund's key: without it two equal refunds would be two refunds.
    async fn refund(&self, intent: &RefundIntent) -> Result<RefundSeen, Error> {
        let mut body = object(json!({
            "PaymentId": intent.payment,
            "Amount": kopecks(intent.amount)?,
            "ExternalRequestId": intent.refund,
        }));
        // A whole refund may go without one, but then it repeats the payment's, which may have been closed meanwhile.
        if let Some(receipt) = &intent.receipt {
            body.insert("Receipt".into(), wire::receipt(receipt, &self.config.taxation)?);
        }
        let seen = |state| RefundSeen {
            id: Some(intent.refund.clone()),
            state,
        };
        let answer = match self.ask("Cancel", body).await {
            Ok(answer) => answer,
            // The shop's account is too low: nothing is under way, a person has to see to it.
            Err(Error::Misconfigured { code, .. }) if code == "3002" => {
                return Ok(seen(RefundState::Failed { code }));
            }
            // A whole refund that went through before needs no second one.
            Err(error) if is_of_state(&error) && intent.is_whole => {
                let state = self.state(&intent.payment).await?;
                if state.status.as_deref() != Some("REFUNDED") {
                    return Err(error);
                }
                state
            }
            Err(error) => return Err(error),
        };
        match answer.status.as_deref() {
            Some("REFUNDED" | "PARTIAL_REFUNDED" | "REVERSED" | "PARTIAL_REVERSED") => Ok(seen(RefundState::Succeeded)),
            Some(status) if is_on_its_way_back(status) => Ok(RefundSeen {
                id: Some(waiting_id(intent, answer.original_amount)),
                state: RefundState::Pending,
            }),
            _ => Err(Error::Unknown { provider: CODE }),
        }
    }

    /// A refund has no state of its own here: the payment's tells how the last one has ended, as far as it can.
    async fn refund_status(&self, intent: &RefundIntent, provider_refund: Option<&str>) -> Result<RefundSeen, Error> {
        let Some(id) = provider_refund else {
            return self.refund(intent).await;
        };
        let payment = self.state(&intent.payment).await?;
        let state = match payment.status.as_deref() {
            Some("REFUNDED" | "REVERSED") => RefundState::Succeeded,
            Some(status) if is_on_its_way_back(status) => RefundState::Pending,
            Some("CONFIRMED") => RefundState::Failed {
                code: "not_refunded".into(),
            },
            // Ours, if nothing had gone back before it; otherwise it could be the one before.
            Some("PARTIAL_REFUNDED" | "PARTIAL_REVERSED") if id == intent.refund => RefundState::Succeeded,
            Some("PARTIAL_REFUNDED" | "PARTIAL_REVERSED") if id == waiting_id(intent, payment.amount) => {
                RefundState::Succeeded
            }
            _ => return Err(Error::Unknown { provider: CODE }),
        };
        Ok(RefundSeen {
            id: Some(id.to_owned()),
            state,
        })
    }

    async fn charge_saved(&self, intent: &Intent, token: &str) -> Result<Seen, Error> {
        let opened = match self.find(intent).await? {
            Some(seen) => seen,
            None => match self.init(intent, 1, true).await {
                // Another try of this charge was faster.
                Err(Error::Refused { code, .. }) if code == "20" => return Err(Error::Unknown { provider: CODE }),
                opened => opened?,
            },
        };
        if opened.observation != Observation::Pending {
            return Ok(opened);
        }
        let body = object(json!({ "PaymentId": opened.id, "RebillId": token }));
        let mut answer: Answer = self.call("Charge", body).await?;
        if answer.status.is_some() {
            if answer.payment_id.is_empty() {
                opened.id.clone_into(&mut answer.payment_id);
            }
            return self.seen(answer, Some(intent.amount));
        }
        match failure(&answer.error_code) {
            error if is_of_state(&error) => self.status(&opened.id).await,
            error => Err(error),
        }
    }

    /// Errors: as everywhere; after [`Error::Unknown`] nobody can tell whether the receipt was given.
    async fn close_receipt(
        &self,
        provider_payment: &str,
        receipt: &Receipt,
        _key: &str,
    ) -> Result<Option<String>, Error> {
        let receipt = wire::receipt(receipt, &self.config.taxation)?;
        let body = object(json!({ "PaymentId": provider_payment, "Receipt": receipt }));
        self.ask("SendClosingReceipt", body).await?;
        Ok(None)
    }

    async fn list(&self, _since: Timestamp, _cursor: Option<&str>) -> Result<Listing, Error> {
        Ok(Listing {
            payments: Vec::new(),
            next: None,
        })
    }

    /// `GetState` tells the sum that was agreed, whatever was taken or given back of it.
    fn hides_parts(&self) -> bool {
        true
    }

    async fn is_giving_back(&self, provider_payment: &str) -> Result<bool, Error> {
        let state = self.state(provider_payment).await?;
        Ok(state.status.as_deref().is_some_and(is_on_its_way_back))
    }

    fn verify(&self, raw: RawNotification<'_>) -> Result<Verified, Rejected> {
        notification::verify(raw, &self.config)
    }

    fn acknowledgement(&self) -> Acknowledgement {
        Acknowledgement {
            content_type: "text/plain",
            body: "OK",
        }
    }
}
