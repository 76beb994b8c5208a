//! Taking money: an order is placed, a payment opened, followed and settled, given back if it must be.
//!
//! [`observe::apply`] is the only place where what a provider says becomes state: whoever hears something (the answer to
//! a call, a notification, a poll) hands it there. Before any call that moves money an intent is committed; an unknown
//! outcome is looked up, never guessed, and never sent to a second provider.

pub mod ask;
mod behind;
pub mod cabinet;
pub mod checkout;
pub mod costs;
pub mod expire;
mod fiscal;
pub mod follow;
pub mod funds;
pub mod give;
pub mod hold;
pub mod incomes;
pub(crate) mod intake;
pub mod keys;
pub(crate) mod link;
pub(crate) mod messages;
pub mod notify;
pub mod observe;
pub mod open;
pub mod place;
pub mod receipts;
pub mod reconcile;
pub mod refund;
pub mod saved;
pub mod site_link;
pub mod telegram;
mod tell;

pub(crate) use tell::titles;

use std::sync::Arc;

use domain::language::Language;
use domain::money::Money;
use providers::payments::{Contact, Error as ProviderError, Intent, PaymentProvider, Receipt, ReceiptLine};
use store::{Order, OrderLine, Payment};
use url::Url;

use crate::context::App;
use crate::error::{Error, Result};
use crate::mail::letters;
use crate::settings::payments::PaymentSettings;
use crate::work::Task;

/// Cash and transfers that a person enters.
pub const MANUAL: &str = "manual";

/// A call that opens a payment is over by now, whatever became of it.
const LOST_AFTER_MS: i64 = 30_000;

/// The providers of this installation, in the order in which they are offered.
#[derive(Clone, Default)]
pub struct Providers {
    all: Vec<Arc<dyn PaymentProvider>>,
    makers: Vec<Arc<dyn keys::Maker>>,
    webhook_secret: Option<String>,
}

impl std::fmt::Debug for Providers {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Providers")
            .field("all", &self.all)
            .finish_non_exhaustive()
    }
}

impl Providers {
    pub const fn new(all: Vec<Arc<dyn PaymentProvider>>) -> Self {
        Self {
            all,
            makers: Vec::new(),
            webhook_secret: None,
        }
    }

    /// An unguessable part of every notification address: only addresses that end in it answer then.
    #[must_use]
    pub fn with_webhook_secret(mut self, secret: Option<String>) -> Self {
        self.webhook_secret = secret;
        self
    }

    pub fn webhook_secret(&self) -> Option<&str> {
        self.webhook_secret.as_deref()
    }

    pub fn find(&self, code: &str) -> Option<&Arc<dyn PaymentProvider>> {
        self.all.iter().find(|provider| provider.code() == code)
    }

    /// Those the owner offers, in their order.
    pub fn offered(&self, settings: &PaymentSettings) -> Vec<&Arc<dyn PaymentProvider>> {
        if settings.providers.is_empty() {
            return self.all.iter().collect();
        }
        settings.providers.iter().filter_map(|code| self.find(code)).collect()
    }

    pub fn all(&self) -> &[Arc<dyn PaymentProvider>] {
        &self.all
    }
}

/// A job with money failed for good: a person hears of it. Nothing else may be lost by that, so an error only goes to the
/// log.
pub(crate) async fn buried(app: &App, task: &Task, kind: &str, error: &Error) {
    let kinds = [
        open::JOB,
        follow::POLL_JOB,
        follow::RELEASE_JOB,
        notify::JOB,
        give::JOB,
        expire::JOB,
        receipts::CLOSE_JOB,
        receipts::CHECK_JOB,
        cabinet::JOB,
        saved::CHARGE_JOB,
        telegram::JOB,
    ];
    if [link::JOB, link::CHECK_JOB].contains(&kind)
        && let Err(error) = link::gave_up(app, task, kind).await
    {
        tracing::error!(
            error = &error as &dyn std::error::Error,
            "a client could not be told that no link comes"
        );
    }
    if !kinds.contains(&kind) {
        return;
    }
    let told = async {
        let guide = crate::settings::guide(app, &task.tenant).await?;
        let mut tx = app.tenant(&task.tenant).write().await?;
        let facts = serde_json::json!({ "job": task.lease.job, "kind": kind, "error": error.to_string() });
        let key = task.lease.job.to_string();
        let about = ask::About::default();
        ask::person(
            app,
            &mut tx,
            &guide,
            ask::Matter::Stuck,
            &key,
            about,
            &facts,
            &task.request_id,
        )
        .await?;
        // Whoever has paid and gets nothing by itself hears of it before they ask.
        if let Some(order) = give::order_of(task).filter(|_| kind == give::JOB) {
            letters::by_hand(app, &mut tx, &order, &task.request_id).await?;
        }
        tx.commit().await?;
        Ok::<_, Error>(())
    };
    match told.await {
        Ok(()) => app.wake_deliveries(),
        Err(error) => tracing::error!(
            error = &error as &dyn std::error::Error,
            "a task about a dead job could not be written"
        ),
    }
}

/// What a job makes of a provider's refusal: transient ones are tried again.
pub(crate) fn provider_error(error: ProviderError) -> Error {
    match error {
        ProviderError::Transient { .. } | ProviderError::Unknown { .. } => Error::Unavailable {
            what: "the payment provider",
            source: Box::new(error),
        },
        ProviderError::Misconfigured { .. } | ProviderError::Refused { .. } | ProviderError::NotFound { .. } => {
            Error::conflict("provider_refused", error.to_string())
        }
    }
}

/// The page that follows an order's payment.
pub fn order_url(app: &App, order: &domain::ids::OrderId) -> Result<Url> {
    app.public_url()
        .join(&format!("checkout/{order}"))
        .map_err(|_| Error::internal("PUBLIC_URL takes no path"))
}

/// What the provider is asked for, made from what is committed: the same each time.
pub(crate) fn intent(
    app: &App,
    settings: &PaymentSettings,
    order: &Order,
    lines: &[OrderLine],
    payment: &Payment,
) -> Result<Intent> {
    let titles: Vec<&str> = lines.iter().map(|line| line.title.get(order.language)).collect();
    let secret = app
        .payment_providers()
        .webhook_secret()
        .map(|secret| format!("/{secret}"));
    let notification_url = app
        .public_url()
        .join(&format!(
            "api/payments/webhook/{}{}",
            notify::path_of(&payment.provider),
            secret.unwrap_or_default()
        ))
        .ok();
    Ok(Intent {
        payment: payment.id.to_string(),
        order: order.id.to_string(),
        created_at: payment.created_at,
        amount: payment.amount,
        description: titles.join(", "),
        language: order.language,
        return_url: order_url(app, &order.id)?,
        notification_url,
        expires_at: Some(order.expires_at),
        capture: settings.capture,
        save_method: false,
        is_lost: app.now().millis_since(payment.created_at) > LOST_AFTER_MS,
        customer: order.client.to_string(),
        receipt: receipt(settings, order, lines, payment.amount, |line| line.total),
    })
}

/// The receipt over a sum, if the settings want one and there is somebody to send it to. Lines that cost nothing are left
/// out; the rest adds up to `amount`.
pub(crate) fn receipt(
    settings: &PaymentSettings,
    order: &Order,
    lines: &[OrderLine],
    amount: Money,
    part: impl Fn(&OrderLine) -> Money,
) -> Option<Receipt> {
    if !settings.needs_contact() {
        return None;
    }
    let contact = contact_of(order)?;
    let mut parts: Vec<Money> = lines.iter().map(part).collect();
    // A part of the price: each line has its share of it.
    if Money::sum(amount.currency, parts.iter().copied()).ok()? != amount {
        parts = funds::shares(lines, amount)?;
    }
    let lines: Vec<ReceiptLine> = lines
        .iter()
        .zip(parts)
        .map(|(line, amount)| ReceiptLine {
            title: line.title.get(Language::Ru).to_owned(),
            amount,
            tax: line.tax,
        })
        .filter(|line| line.amount.is_positive())
        .collect();
    let sum = Money::sum(amount.currency, lines.iter().map(|line| line.amount)).ok()?;
    (sum == amount).then_some(Receipt { contact, lines })
}

pub(crate) fn contact_of(order: &Order) -> Option<Contact> {
    order.contact.as_deref().map(|contact| {
        if contact.contains('@') {
            Contact::Email(contact.to_owned())
        } else {
            Contact::Phone(contact.to_owned())
        }
    })
}
