//! The way to the provider's page, and the answer to "I have paid", for a conversation: both need the network, so both are
//! jobs that answer with a message.

use domain::content::Content;
use domain::dialogue::{Facts, purchase};
use domain::ids::{OrderId, RequestId};
use domain::language::Language;
use domain::order::OrderStatus;
use domain::payment::{DeclineAdvice, PaymentStatus};
use serde::{Deserialize, Serialize};
use store::{Conversation, Order, PageRequest, Payment, PaymentFilter, Tx};

use super::{follow, keys, messages, open, telegram};
use crate::caller::{Actor, Caller};
use crate::context::App;
use crate::converse::called;
use crate::deliver::{Letter, address_of, queue};
use crate::error::{Error, Result};
use crate::settings::payments::PaymentSettings;
use crate::settings::{self, Guide};
use crate::work::{self, Task};

pub const JOB: &str = "checkout_link";
pub const CHECK_JOB: &str = "check_payment";

/// A bank that is away is asked for a quarter of an hour, at last every minute.
const ATTEMPTS: u32 = 20;
/// Presses on the same button within this time are one wish.
const ONE_WISH_MS: i64 = 10_000;
const NEWEST: PageRequest = PageRequest { limit: 1, after: None };

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    order_id: OrderId,
    /// `None`: as the last time.
    #[serde(default)]
    provider: Option<String>,
    /// Names this wish in what is sent for it, so that it is sent once.
    wish: String,
}

/// Opens the order's payment at a provider and sends the pay button. `pressed`: the message whose button asked for it.
pub(crate) async fn enqueue(
    app: &App,
    tx: &mut Tx,
    order: &OrderId,
    provider: &str,
    pressed: Option<&str>,
    request_id: &RequestId,
) -> Result<()> {
    let time = app.now().millis() / ONE_WISH_MS;
    let payload = Payload {
        order_id: order.clone(),
        provider: Some(provider.to_owned()),
        wish: format!("{provider}:{}:{time}", pressed.unwrap_or_default()),
    };
    let key = format!("{JOB}:{order}:{}", payload.wish);
    let mut job = work::job(app, JOB, Some(key), &payload, request_id)?;
    job.max_attempts = ATTEMPTS;
    tx.enqueue_job(&job).await?;
    Ok(())
}

/// Asks the provider how the order's payment stands, and tells the client.
pub(crate) async fn enqueue_check(app: &App, tx: &mut Tx, order: &OrderId, request_id: &RequestId) -> Result<()> {
    let payload = Payload {
        order_id: order.clone(),
        provider: None,
        wish: format!("check:{}", app.now().millis() / ONE_WISH_MS),
    };
    let key = format!("{CHECK_JOB}:{order}:{}", payload.wish);
    tx.enqueue_job(&work::job(app, CHECK_JOB, Some(key), &payload, request_id)?)
        .await?;
    Ok(())
}

/// Whom a job answers, and about what.
struct Desk {
    guide: std::sync::Arc<Guide>,
    order: Order,
    client: store::Client,
    conversation: Option<Conversation>,
    /// Whether the client may choose between providers.
    has_other_way: bool,
    first_way: Option<&'static str>,
    /// The newest payment of the order.
    payment: Option<Payment>,
}

impl Desk {
    async fn load(app: &App, task: &Task, order: &OrderId) -> Result<Self> {
        let guide = settings::guide(app, &task.tenant).await?;
        let mut tx = app.tenant(&task.tenant).read().await?;
        let order = tx.find_order(order).await?.ok_or(Error::NotFound { what: "order" })?;
        let client = tx
            .find_client(&order.client)
            .await?
            .ok_or(Error::NotFound { what: "client" })?;
        let conversation = address_of(&mut tx, &client.id).await?;
        let settings = PaymentSettings::load(&mut tx).await?;
        let providers = keys::providers_in(app, &mut tx).await?;
        let offered = providers.offered(&settings);
        let texts = guide.texts(order.language);
        let ways = telegram::ways(&guide.telegram_payments, order.total, texts, order.language);
        let filter = PaymentFilter {
            order: Some(order.id.clone()),
            ..PaymentFilter::default()
        };
        let payment = tx.list_payments(&filter, &NEWEST).await?.items.into_iter().next();
        Ok(Self {
            guide,
            order,
            client,
            conversation,
            has_other_way: offered.len() + ways.len() > 1,
            first_way: offered.first().map(|provider| provider.code()),
            payment,
        })
    }

    fn language(&self) -> Language {
        self.conversation
            .as_ref()
            .map_or(self.order.language, |conversation| conversation.language)
    }

    fn facts(&self) -> Facts<'_> {
        let guide = &self.guide;
        Facts {
            language: self.language(),
            texts: guide.texts(self.language()),
            form: &guide.form,
            run: None,
            fresh_tag: "",
            name: called(&self.client.display_name),
            is_new: false,
            has_consent: true,
            marketing: None,
            has_program: false,
            has_trainer: true,
            is_quiet: false,
            tariffs: &guide.tariffs,
            sells: true,
            faq: &guide.faq,
            brand: &guide.facts,
        }
    }

    /// Sends an answer once for its key; `task`: and ends the job with it.
    async fn say(&self, app: &App, task: &Task, key: &str, content: Option<Content>, is_end: bool) -> Result<()> {
        let mut tx = app.tenant(&task.tenant).write().await?;
        if let (Some(conversation), Some(content)) = (&self.conversation, content) {
            let mut letter = Letter::new(
                &conversation.address,
                Some(self.client.id.clone()),
                messages::KIND,
                content,
            );
            letter.dedupe_key = Some(messages::key(&self.order.id, key));
            queue(app, &mut tx, letter, &task.request_id).await?;
        }
        if is_end {
            tx.finish_job(&task.lease, app.now()).await?;
        }
        tx.commit().await?;
        app.wake_deliveries();
        Ok(())
    }

    fn word(&self, pick: impl Fn(&domain::texts::Texts) -> &String, is_payable: bool) -> Content {
        let facts = self.facts();
        purchase::about_order(&facts, pick(facts.texts), &self.order.id, is_payable)
    }

    /// Opens the payment (or finds the one that is open) and sends its link.
    async fn send_link(&self, app: &App, task: &Task, provider: &str, wish: &str) -> Result<()> {
        let caller = Caller {
            actor: Actor::Client,
            ..task.caller()
        };
        let payment = match Box::pin(open::start(app, &caller, &self.order.id, provider)).await {
            Ok(payment) => payment,
            // Paid or closed at this very moment.
            Err(Error::Conflict {
                code: "order_not_payable",
                ..
            }) => {
                let now = Self::load(app, task, &self.order.id).await?;
                return now.closed(app, task, wish).await;
            }
            Err(Error::Conflict { code, detail }) => {
                tracing::warn!(code, detail, order.id = %self.order.id, "a payment could not be opened");
                return self.failed(app, task, wish, true).await;
            }
            Err(error) => return Err(error),
        };
        match (&payment.pay_url, payment.status) {
            (Some(url), PaymentStatus::Pending) => {
                let facts = self.facts();
                let content = purchase::link(&facts, &self.order.id, payment.amount, url, self.has_other_way);
                let key = messages::link_key(&payment.id, wish);
                self.say(app, task, &key, Some(content), true).await
            }
            (_, PaymentStatus::Creating) if task.is_last_attempt => self.failed(app, task, wish, true).await,
            // The bank is slow: the client hears it once, the job goes on.
            (_, PaymentStatus::Creating) => {
                let slow = Content::text(domain::content::rich(&self.facts().texts.link_slow, &[]));
                self.say(app, task, &format!("slow:{}", payment.id), Some(slow), false)
                    .await?;
                Err(not_open_yet())
            }
            _ => self.ended(app, task, &payment, wish).await,
        }
    }

    /// The payment ended while it was opened. What is said where it ends is not said twice; whoever was promised a link
    /// and hears nothing there hears it here.
    async fn ended(&self, app: &App, task: &Task, payment: &Payment, wish: &str) -> Result<()> {
        let now = Self::load(app, task, &self.order.id).await?;
        if !now.order.status.is_payable() || now.order.expires_at <= app.now() {
            return now.closed(app, task, wish).await;
        }
        let decline = payment.decline.as_ref();
        let is_declined = decline.is_some_and(|decline| decline.advice != DeclineAdvice::CalledOff);
        let newest = now.payment.as_ref();
        let is_replaced = newest.is_some_and(|newest| newest.id != payment.id && newest.status.is_live());
        match payment.status {
            PaymentStatus::WaitingForCapture => {
                let pending = now.word(|texts| &texts.check_pending, true);
                now.say(app, task, &format!("pending:{wish}"), Some(pending), true)
                    .await
            }
            // The money, the reason and the other link have messages of their own.
            status if status.is_paid() || is_declined || is_replaced => now.say(app, task, wish, None, true).await,
            _ if task.is_last_attempt => now.failed(app, task, wish, true).await,
            _ => Err(not_open_yet()),
        }
    }

    /// There is nothing to pay any more. Of money that came in the message about it tells.
    async fn closed(&self, app: &App, task: &Task, wish: &str) -> Result<()> {
        let is_paid = matches!(self.order.status, OrderStatus::Paid | OrderStatus::Fulfilled);
        let closed = (!is_paid).then(|| self.word(|texts| &texts.order_closed, false));
        self.say(app, task, &format!("closed:{wish}"), closed, true).await
    }

    async fn failed(&self, app: &App, task: &Task, wish: &str, is_end: bool) -> Result<()> {
        let failed = self.word(|texts| &texts.link_failed, true);
        self.say(app, task, &format!("failed:{wish}"), Some(failed), is_end)
            .await
    }
}

/// The job is tried again.
fn not_open_yet() -> Error {
    Error::Unavailable {
        what: "the payment provider",
        source: "the payment is not open yet".into(),
    }
}

/// The job came to nothing for good: nobody is left waiting for a link, or for an answer to "I have paid".
pub(super) async fn gave_up(app: &App, task: &Task, kind: &str) -> Result<()> {
    let Payload { order_id, wish, .. } = task.payload()?;
    let desk = Desk::load(app, task, &order_id).await?;
    if kind == CHECK_JOB {
        let away = desk.word(|texts| &texts.check_away, true);
        return desk.say(app, task, &format!("away:{wish}"), Some(away), false).await;
    }
    desk.failed(app, task, &wish, false).await
}

/// The job behind "pay".
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload {
        order_id,
        provider,
        wish,
    } = task.payload()?;
    let desk = Desk::load(app, task, &order_id).await?;
    if matches!(desk.order.status, OrderStatus::Paid | OrderStatus::Fulfilled) {
        let paid = desk.word(|texts| &texts.check_paid, false);
        return desk.say(app, task, &format!("paid:{wish}"), Some(paid), true).await;
    }
    if !desk.order.status.is_payable() || desk.order.expires_at <= app.now() {
        let closed = desk.word(|texts| &texts.order_closed, false);
        return desk.say(app, task, &format!("closed:{wish}"), Some(closed), true).await;
    }
    let provider = provider
        .or_else(|| desk.payment.as_ref().map(|payment| payment.provider.clone()))
        .or_else(|| desk.first_way.map(str::to_owned))
        .unwrap_or_default();
    desk.send_link(app, task, &provider, &wish).await
}

/// The job behind "I have paid".
pub async fn check(app: &App, task: &Task) -> Result<()> {
    let Payload { order_id, wish, .. } = task.payload()?;
    let desk = Desk::load(app, task, &order_id).await?;
    if matches!(desk.order.status, OrderStatus::Paid | OrderStatus::Fulfilled) {
        let paid = desk.word(|texts| &texts.check_paid, false);
        return desk.say(app, task, &format!("paid:{wish}"), Some(paid), true).await;
    }
    let caller = Caller {
        actor: Actor::Client,
        ..task.caller()
    };
    let status = match &desk.payment {
        Some(payment) => match Box::pin(follow::ask_now(app, &caller, &payment.id)).await {
            Ok(status) => Some(status),
            Err(Error::Unavailable { .. }) => {
                let away = desk.word(|texts| &texts.check_away, true);
                return desk.say(app, task, &format!("away:{wish}"), Some(away), true).await;
            }
            Err(error) => return Err(error),
        },
        None => None,
    };
    // What was just found out has changed the order.
    let desk = Desk::load(app, task, &order_id).await?;
    match status {
        // The message about the money has gone out with it.
        Some(PaymentStatus::Completed) => desk.say(app, task, &wish, None, true).await,
        Some(status) if status.is_live() => {
            let pending = desk.word(|texts| &texts.check_pending, true);
            desk.say(app, task, &format!("pending:{wish}"), Some(pending), true)
                .await
        }
        _ if !desk.order.status.is_payable() || desk.order.expires_at <= app.now() => {
            let closed = desk.word(|texts| &texts.order_closed, false);
            desk.say(app, task, &format!("closed:{wish}"), Some(closed), true).await
        }
        // Declined: the reason and the way to try again have gone out with it. Run out: the link is made anew.
        _ => {
            let decline = desk.payment.as_ref().and_then(|payment| payment.decline.as_ref());
            if decline.is_some_and(|decline| decline.advice != DeclineAdvice::CalledOff) {
                return desk.say(app, task, &wish, None, true).await;
            }
            let provider = desk
                .payment
                .as_ref()
                .filter(|payment| !telegram::is_native(&payment.provider))
                .map(|payment| payment.provider.clone())
                .or_else(|| desk.first_way.map(str::to_owned))
                .unwrap_or_default();
            desk.send_link(app, task, &provider, &wish).await
        }
    }
}
