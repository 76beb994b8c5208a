//! Letters: the outbox's second channel, delivered by this process itself.
//!
//! A letter is queued with its cause and written when it is sent, from facts of that moment: no link and no word of it lies
//! in the database. Its row is addressed by the order; the buyer's address stays sealed with the order.
//!
//! It may arrive twice (a server takes it and the answer gets lost, a process dies in between), then both have the same
//! `Message-ID`.

mod compose;
pub(crate) mod letters;
mod render;

use std::time::Duration;

use domain::backoff::Backoff;
use domain::ids::{Id, OrderId, OutboxId, RequestId, TenantId};
use providers::mail::{Letter, MailError, Mailer};
use serde_json::json;
use store::{ClaimedDelivery, Report};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use self::compose::Composed;
use crate::caller::{Actor, Caller, Role};
use crate::clock::random_bytes;
use crate::context::App;
use crate::error::Result;
use crate::pay::{ask, give};
use crate::settings;

pub use letters::{Again, again};

/// The channel's name in the outbox.
pub const EMAIL: &str = "email";

/// Longer than a try takes: connecting, signing in and handing over have half a minute each.
const LEASE_MS: i64 = 180_000;
/// Letters on their way at the same time: a slow server must not hold everything up.
const BATCH: u32 = 4;
/// Others' commits and pauses that end are seen after this long at the latest.
const LOOK_AGAIN: Duration = Duration::from_secs(5);
const RETRY: Backoff = Backoff {
    first_ms: 30_000,
    max_ms: 60 * 60_000,
};
/// With the pauses above the last try comes after about a day; then a person has to look.
const MAX_ATTEMPTS: i64 = 30;
/// A server that does not accept us this often in a row is no accident.
const PATIENT_ATTEMPTS: i64 = 3;
const DAY_MS: i64 = 24 * 60 * 60_000;

/// What became of a try.
enum Outcome {
    Sent(String),
    Later {
        reason: String,
        is_our_fault: bool,
    },
    Refused(String),
    /// What it tells is not true any more.
    Outdated(&'static str),
}

/// Sends letters until `shutdown`. Ends at once when no mail server is configured.
pub async fn run(app: App, shutdown: CancellationToken) {
    if app.mailer().is_none() {
        return;
    }
    if let Err(error) = succeed(&app).await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "letters of the process before this one wait for their leases"
        );
    }
    while !shutdown.is_cancelled() {
        let signal = app.deliveries_signal().notified();
        tokio::pin!(signal);
        signal.as_mut().enable();
        if send_due(&app).await > 0 {
            continue;
        }
        tokio::select! {
            () = &mut signal => {}
            () = app.clock().moved() => {}
            () = shutdown.cancelled() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
        }
    }
}

/// Tries every letter that is due now, once, and returns how many: for the loop above, tests and commands.
pub async fn send_due(app: &App) -> usize {
    let Some(mailer) = app.mailer().cloned() else {
        return 0;
    };
    let mut tried = 0;
    let tenants = match tenants(app).await {
        Ok(tenants) => tenants,
        Err(error) => {
            tracing::error!(
                error = &error as &dyn std::error::Error,
                "letters could not be looked for"
            );
            return 0;
        }
    };
    for tenant in tenants {
        loop {
            let claimed = match claim(app, &tenant).await {
                Ok(claimed) => claimed,
                Err(error) => {
                    tracing::error!(error = &error as &dyn std::error::Error, "letters could not be claimed");
                    break;
                }
            };
            if claimed.is_empty() {
                break;
            }
            let mut tries = JoinSet::new();
            for delivery in claimed {
                let (app, tenant, mailer) = (app.clone(), tenant.clone(), mailer.clone());
                tries.spawn(async move { try_once(&app, &tenant, &mailer, &delivery).await });
                tried += 1;
            }
            while tries.join_next().await.is_some() {}
        }
    }
    tried
}

async fn tenants(app: &App) -> Result<Vec<TenantId>> {
    Ok(app.store().system_read().await?.tenants().await?)
}

/// What a process that was in this place before had in hand is due again at once.
async fn succeed(app: &App) -> Result<()> {
    for tenant in tenants(app).await? {
        let mut tx = app.tenant(&tenant).write().await?;
        tx.see_replica(EMAIL, app.instance(), app.process_now()).await?;
        tx.commit().await?;
    }
    Ok(())
}

async fn claim(app: &App, tenant: &TenantId) -> Result<Vec<ClaimedDelivery>> {
    let (now, process_now) = (app.now(), app.process_now());
    let handle = app.tenant(tenant);
    // Asked without the writer's lock first: an idle system must not disturb those who write.
    if !handle.read().await?.has_due_delivery(EMAIL, now, process_now).await? {
        return Ok(Vec::new());
    }
    let mut tx = handle.write().await?;
    let claimed = tx
        .claim_deliveries(
            EMAIL,
            app.instance(),
            BATCH,
            now,
            process_now,
            process_now.plus_millis(LEASE_MS),
        )
        .await?;
    tx.commit().await?;
    Ok(claimed)
}

async fn try_once(app: &App, tenant: &TenantId, mailer: &Mailer, delivery: &ClaimedDelivery) {
    let outcome = attempt(app, tenant, mailer, delivery).await;
    if let Err(error) = report(app, tenant, &delivery.id, delivery.attempt, &outcome).await {
        // Its lease ends and it is tried again.
        tracing::error!(delivery.id = %delivery.id, error = &error as &dyn std::error::Error, "a letter's fate could not be written");
    }
}

async fn attempt(app: &App, tenant: &TenantId, mailer: &Mailer, delivery: &ClaimedDelivery) -> Outcome {
    let later = |reason: String| Outcome::Later {
        reason,
        is_our_fault: false,
    };
    let composed = match compose::compose(app, tenant, delivery).await {
        Ok(composed) => composed,
        Err(error) if error.is_transient() => return later(error.to_string()),
        Err(error) => return Outcome::Refused(error.to_string()),
    };
    let letter: Box<Letter> = match composed {
        Composed::Letter(letter) => letter,
        Composed::Outdated(why) => return Outcome::Outdated(why),
    };
    match mailer.send(&letter).await {
        Ok(answer) => Outcome::Sent(answer),
        Err(MailError::Transient(reason)) => later(reason),
        Err(MailError::Misconfigured(reason)) => Outcome::Later {
            reason,
            is_our_fault: true,
        },
        Err(MailError::Refused(reason)) => Outcome::Refused(reason),
    }
}

/// One transaction: the letter's fate and what follows from it.
async fn report(app: &App, tenant: &TenantId, id: &OutboxId, attempt: i64, outcome: &Outcome) -> Result<()> {
    let now = app.now();
    let retry_at = now.plus_millis(pause_ms(attempt));
    let is_last = attempt >= MAX_ATTEMPTS;
    let (settled, label) = match outcome {
        Outcome::Sent(answer) => (
            Report::Sent {
                external_ref: answer.clone(),
            },
            "sent",
        ),
        Outcome::Later { reason, .. } if !is_last => (
            Report::RetryAt {
                due_at: retry_at,
                reason: reason.clone(),
            },
            "retrying",
        ),
        Outcome::Later { reason, .. } | Outcome::Refused(reason) => {
            (Report::Rejected { reason: reason.clone() }, "rejected")
        }
        Outcome::Outdated(why) => (
            Report::Rejected {
                reason: (*why).to_owned(),
            },
            "outdated",
        ),
    };
    let guide = settings::guide(app, tenant).await?;
    let mut tx = app.tenant(tenant).write().await?;
    let Some(delivery) = tx.report_delivery(id, app.instance(), &settled, now).await? else {
        return Ok(());
    };
    metrics::counter!("voronka_deliveries_total", "outcome" => label).increment(1);
    let caller = caller(app, tenant);
    match outcome {
        Outcome::Sent(_) => {
            tracing::info!(delivery.id = %id, delivery.kind, attempt, "a letter was taken by the mail server");
            if let (Some(program), Some(client)) = (&delivery.program, &delivery.client) {
                give::handed_over(app, &mut tx, &caller, client, program, "email").await?;
            }
        }
        Outcome::Outdated(why) => {
            tracing::info!(delivery.id = %id, delivery.kind, why, "a letter is not wanted any more");
        }
        Outcome::Later { reason, is_our_fault } if !is_last => {
            tracing::warn!(delivery.id = %id, delivery.kind, reason, attempt, "a letter is tried again later");
            if *is_our_fault && attempt >= PATIENT_ATTEMPTS {
                // Once a day: every letter waits for the same cause.
                let key = format!("mail:{}", now.millis() / DAY_MS);
                let facts = json!({ "reason": reason, "delivery_id": id });
                ask::about_letter(app, &mut tx, &guide, &key, None, &facts, &caller.request_id).await?;
            }
        }
        Outcome::Later { reason, .. } | Outcome::Refused(reason) => {
            tracing::error!(delivery.id = %id, delivery.kind, reason, attempt, "a letter did not arrive");
            let order = match OrderId::parse(&delivery.address) {
                Some(order) => tx.find_order(&order).await?,
                None => None,
            };
            let facts = json!({ "reason": reason, "delivery_id": id, "letter": delivery.kind });
            ask::about_letter(
                app,
                &mut tx,
                &guide,
                id.as_str(),
                order.as_ref(),
                &facts,
                &caller.request_id,
            )
            .await?;
        }
    }
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

fn pause_ms(attempt: i64) -> i64 {
    let noise = u64::from_be_bytes(random_bytes());
    let delay = RETRY.delay_ms(u32::try_from(attempt).unwrap_or(u32::MAX), noise);
    i64::try_from(delay).unwrap_or(i64::MAX)
}

fn caller(app: &App, tenant: &TenantId) -> Caller {
    Caller {
        tenant: tenant.clone(),
        actor: Actor::System,
        role: Role::Admin,
        request_id: app.new_id::<RequestId>(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_try_comes_after_about_a_day() {
        let pauses = |noise: u64| -> u64 { (1..30).map(|attempt| RETRY.delay_ms(attempt, noise)).sum() };
        let hour = 60 * 60_000;
        assert_eq!(MAX_ATTEMPTS, 30);
        assert!(
            pauses(0) > 11 * hour && pauses(1) < 25 * hour,
            "{} to {} ms",
            pauses(0),
            pauses(1)
        );
    }
}
