//! Fetching what the CRM wants sent without being asked: reminders, replies of the trainer, documents.

use std::time::Duration;

use api_types::conversation::ClaimRequest;
use tokio_util::sync::CancellationToken;
use tracing::{info, warn};

use crate::{
    backoff::Backoff,
    crm::Crm,
    send::{Sender, Urgency},
};

/// The CRM answers at once when there is something, and after this when there is nothing.
const WAIT_MS: u32 = 25_000;
const MAX_CLAIM: usize = 100;

/// Deliveries to hold: about two seconds of sending, so that their leases don't run out in our queue.
pub fn room(rate_per_second: u32) -> usize {
    match rate_per_second {
        0 => 1000,
        rate => usize::try_from(rate).unwrap_or(usize::MAX).saturating_mul(2).max(20),
    }
}

pub async fn run(crm: &Crm, sender: &Sender, replica: &str, room: usize, stop: &CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(200), Duration::from_secs(5));
    loop {
        let work = async {
            sender.below(room).await;
            let limit = room.saturating_sub(sender.waiting()).clamp(1, MAX_CLAIM);
            let request = ClaimRequest {
                replica: replica.to_owned(),
                limit: u32::try_from(limit).unwrap_or(1),
                wait_ms: WAIT_MS,
            };
            crm.claim(&request).await
        };
        let result = tokio::select! {
            result = work => result,
            () = stop.cancelled() => return,
        };
        let wait = match result {
            Ok(reply) => {
                if backoff.tries() > 0 {
                    info!("the CRM API answers again");
                    backoff.reset();
                }
                sender.share_rate(reply.replicas);
                sender.accept(reply.deliveries, Urgency::Queue);
                continue;
            }
            Err(error) => {
                if backoff.tries().is_multiple_of(10) {
                    warn!(%error, "nothing can be claimed; trying again");
                }
                backoff.next_wait()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}
