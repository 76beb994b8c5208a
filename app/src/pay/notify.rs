//! A provider's notification: checked, kept raw under its own key, acknowledged; a job asks the provider and believes that.

use bytes::Bytes;
use domain::ids::{RequestId, TenantId};
use providers::payments::{About as Notified, Acknowledgement, Error as ProviderError, RawNotification};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{NewInboxEvent, Recorded};

use super::ask::{self, About, Matter};
use super::observe::{self, Source};
use super::{provider_error, provider_of, refund};
use crate::context::App;
use crate::error::Result;
use crate::settings;
use crate::work::{self, Task};

pub const JOB: &str = "treat_notification";

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    provider: String,
    about: Notified,
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
    let Some(provider) = app.payment_providers().find(provider) else {
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
    let source = format!("payments.{}", provider.code());
    let event = NewInboxEvent {
        source: source.clone(),
        dedupe_key: verified.dedupe_key.clone(),
        body: body.to_vec(),
        request_id: request_id.clone(),
        now: app.now(),
    };
    let mut tx = app.tenant(tenant).write().await?;
    if tx.record(&event).await? == Recorded::New {
        if verified.about != Notified::Nothing {
            let payload = Payload {
                provider: provider.code().to_owned(),
                about: verified.about,
            };
            let key = format!("{JOB}:{source}:{}", verified.dedupe_key);
            let job = work::job(app, JOB, Some(key), &payload, request_id)?;
            tx.enqueue_job(&job).await?;
        }
        tx.commit().await?;
        app.wake_workers();
    }
    metrics::counter!("voronka_notifications_total", "provider" => provider.code()).increment(1);
    Ok(Received::Kept(provider.acknowledgement()))
}

/// The job: the provider is asked, its answer is what counts.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { provider: code, about } = task.payload()?;
    let provider = provider_of(app, &code)?;
    let provider_payment = match &about {
        Notified::Payment { provider_payment } | Notified::Refund { provider_payment, .. } => provider_payment,
        Notified::Nothing => return finish(app, task).await,
    };
    let seen = match provider.status(provider_payment).await {
        Ok(seen) => seen,
        Err(ProviderError::NotFound { .. }) => {
            tracing::warn!(
                provider = code,
                "a notification speaks of a payment its provider does not know"
            );
            return finish(app, task).await;
        }
        Err(error) => return Err(provider_error(error)),
    };
    let mut tx = app.tenant(&task.tenant).read().await?;
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
    drop(tx);
    let Some(payment) = known else {
        return unknown(app, task, &code, provider_payment).await;
    };
    observe::apply(
        app,
        &task.tenant,
        &payment,
        &seen,
        Source::Notification,
        &task.request_id,
    )
    .await?;
    if matches!(about, Notified::Refund { .. }) {
        let refunds = refund::live_of(app, &task.tenant, &payment).await?;
        for id in refunds {
            // Which of them it speaks of is not asked of the notification: each refund's own key tells.
            refund::look(app, &task.tenant, &id, &task.request_id).await?;
        }
    }
    finish(app, task).await
}

/// Nobody here started it: kept, visible, and nothing changes.
async fn unknown(app: &App, task: &Task, provider: &str, provider_payment: &str) -> Result<()> {
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    let facts = json!({ "provider": provider, "provider_payment": provider_payment });
    ask::person(
        app,
        &mut tx,
        &guide,
        Matter::UnknownPayment,
        &format!("{provider}:{provider_payment}"),
        About::default(),
        &facts,
        &task.request_id,
    )
    .await?;
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

async fn finish(app: &App, task: &Task) -> Result<()> {
    let mut tx = app.tenant(&task.tenant).write().await?;
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    Ok(())
}
