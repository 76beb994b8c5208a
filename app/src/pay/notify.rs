//! A provider's notification: checked, kept raw under its own key, acknowledged; a job asks the provider and believes that.

use bytes::Bytes;
use domain::ids::{RequestId, TenantId};
use providers::payments::{About as Notified, Acknowledgement, Error as ProviderError, RawNotification};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{NewInboxEvent, Tx};

use super::ask::{self, About, Matter};
use super::intake::{self, Arrival};
use super::observe::{self, Source};
use super::{cabinet, fiscal, keys, provider_error, refund};
use crate::context::App;
use crate::error::Result;
use crate::settings::{self, Guide};
use crate::work::Task;

pub const JOB: &str = "treat_notification";

const DAY_MS: i64 = 24 * 60 * 60_000;

#[derive(Debug, Serialize, Deserialize)]
pub(super) struct Payload {
    pub provider: String,
    pub about: Notified,
}

/// What became of a request that claims to be a notification.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Received {
    /// It is safe: the provider need not come again.
    Kept(Acknowledgement),
    Rejected,
    /// No such provider here.
    Unknown,
}

/// The last part of a provider's webhook address: T-Bank keeps the name its users know.
pub fn path_of(provider: &str) -> &str {
    if provider == "tbank" { "tinkoff" } else { provider }
}

/// The provider behind such an address.
pub fn provider_at(path: &str) -> &str {
    if path == "tinkoff" { "tbank" } else { path }
}

/// Keeps a genuine notification and the job that treats it, in one transaction. A repetition is answered as the first.
///
/// Errors: the database; then the provider must come again.
pub async fn receive(
    app: &App,
    tenant: &TenantId,
    provider: &str,
    body: &Bytes,
    peer: std::net::IpAddr,
    request_id: &RequestId,
) -> Result<Received> {
    let providers = keys::providers(app, tenant).await?;
    let Some(provider) = providers.find(provider) else {
        return Ok(Received::Unknown);
    };
    let verified = match provider.verify(RawNotification { body, peer }) {
        Ok(verified) => verified,
        Err(why) => {
            metrics::counter!("voronka_notifications_rejected_total", "provider" => provider.code()).increment(1);
            tracing::warn!(provider = provider.code(), reason = %why, "a notification was not believed");
            return Ok(Received::Rejected);
        }
    };
    let event = NewInboxEvent {
        source: format!("payments.{}", provider.code()),
        dedupe_key: verified.dedupe_key,
        body: body.to_vec(),
        request_id: request_id.clone(),
        now: app.now(),
    };
    let arrival = Arrival {
        tenant: tenant.clone(),
        provider: provider.code().to_owned(),
        event,
        about: verified.about,
    };
    intake::keep(app, arrival).await?;
    metrics::counter!("voronka_notifications_total", "provider" => provider.code()).increment(1);
    Ok(Received::Kept(provider.acknowledgement()))
}

/// The job: the provider is asked, its answer is what counts.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { provider: code, about } = task.payload()?;
    let provider = keys::provider(app, &task.tenant, &code).await?;
    let provider_payment = match &about {
        Notified::Payment { provider_payment }
        | Notified::Refund { provider_payment, .. }
        | Notified::Receipt { provider_payment, .. } => provider_payment,
        Notified::Nothing => return finish(app, task).await,
    };
    let is_receipt = matches!(about, Notified::Receipt { .. });
    let seen = match provider.status(provider_payment).await {
        Ok(seen) => seen,
        Err(ProviderError::NotFound { .. }) => {
            tracing::warn!(
                provider = code,
                "a notification speaks of a payment its provider does not know"
            );
            if is_receipt {
                return finish(app, task).await;
            }
            // Another shop's, or nobody's. Whoever sends many of them makes one task a day.
            let guide = settings::guide(app, &task.tenant).await?;
            let mut tx = app.tenant(&task.tenant).write().await?;
            let key = format!("{code}:nobodys:{}", app.now().millis() / DAY_MS);
            unknown(app, &mut tx, &guide, task, &code, provider_payment, &key).await?;
            return finish_in(app, tx, task).await;
        }
        Err(error) => return Err(provider_error(error)),
    };
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    let mut known = tx.payment_of_provider(&code, provider_payment).await?;
    // It may be faster than the answer to our own call.
    if known.is_none()
        && let Some(reference) = seen.reference.as_deref().and_then(domain::ids::Id::parse)
    {
        known = tx
            .find_payment(&reference)
            .await?
            .filter(|payment| payment.provider == code)
            .map(|payment| payment.id);
    }
    let Some(payment) = known else {
        // A terminal may serve another system too, whose receipts are none of ours.
        if is_receipt {
            tracing::warn!(provider = code, "a receipt was told of a payment that is unknown here");
            return finish_in(app, tx, task).await;
        }
        let key = format!("{code}:{provider_payment}");
        unknown(app, &mut tx, &guide, task, &code, provider_payment, &key).await?;
        return finish_in(app, tx, task).await;
    };
    let (source, request_id) = (Source::Notification, &task.request_id);
    observe::apply_in(app, &mut tx, &guide, &payment, &seen, source, request_id).await?;
    let went_back = match &about {
        Notified::Refund { .. } => true,
        Notified::Receipt { told, .. } => told.is_refund,
        Notified::Payment { .. } | Notified::Nothing => false,
    };
    if !went_back {
        if let Notified::Receipt { told, .. } = &about {
            fiscal::told(app, &mut tx, &guide, &payment, told, request_id).await?;
        }
        return finish_in(app, tx, task).await;
    }
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    for id in refund::live_of(app, &task.tenant, &payment).await? {
        // Which of them it speaks of is not asked of the notification: each refund's own key tells.
        refund::look(app, &task.tenant, &id, &task.request_id).await?;
    }
    // One that was made in the provider's own cabinet is known to nobody here.
    cabinet::look(app, &task.tenant, &payment, &task.request_id).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    if let Notified::Receipt { told, .. } = &about {
        fiscal::told(app, &mut tx, &guide, &payment, told, request_id).await?;
    }
    finish_in(app, tx, task).await
}

/// Nobody here started it: kept, visible, and nothing changes.
async fn unknown(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    task: &Task,
    provider: &str,
    provider_payment: &str,
    key: &str,
) -> Result<()> {
    let facts = json!({ "provider": provider, "provider_payment": provider_payment });
    ask::person(
        app,
        tx,
        guide,
        Matter::UnknownPayment,
        key,
        About::default(),
        &facts,
        &task.request_id,
    )
    .await?;
    Ok(())
}

async fn finish(app: &App, task: &Task) -> Result<()> {
    let tx = app.tenant(&task.tenant).write().await?;
    finish_in(app, tx, task).await
}

/// The job ends with what it did.
async fn finish_in(app: &App, mut tx: Tx, task: &Task) -> Result<()> {
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(())
}
