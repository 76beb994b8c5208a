//! Who is at work. A process bears the name `slot#run`: the slot is a place that only one living process can have, such as
//! an address it listens on, and the run tells its processes apart. Whoever comes into a slot succeeds all who were there.

use domain::time::Timestamp;

use crate::dialect::{execute, row, rows, scalar};
use crate::{Result, SystemTx, Tx};

/// Unheard of for this long, a bot is taken for dead and what it held is given to others. Longer than any bot that lives
/// can be silent: one that can't claim holds messages for ten seconds, and its last call may take nine.
pub const GONE_AFTER_MS: i64 = 30_000;
/// A silence of this length interrupts: whoever judges others must have been heard without one for as long as it takes to
/// be gone, or it would take an outage that silenced everybody for the death of the others.
const INTERRUPTED_AFTER_MS: i64 = 15_000;

/// What a sighting found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sighting {
    /// Who shares the messenger's rate limit, the one just seen included.
    pub replicas: i64,
    /// Deliveries that dead replicas held and that are due again.
    pub released: u64,
}

/// The range of names of all who were in this slot, as texts sort; `None` for a name without a slot.
pub(crate) fn predecessors(instance: &str) -> Option<(String, String)> {
    let (slot, _run) = instance.rsplit_once('#')?;
    // '$' follows '#'.
    Some((format!("{slot}#"), format!("{slot}$")))
}

impl Tx {
    /// Notes that a replica is at work, and takes from the dead what they held: from its predecessors in the same slot at
    /// once, from others when they have not been heard of for [`GONE_AFTER_MS`].
    ///
    /// Units: `now` is the machine's time.
    pub async fn see_replica(&mut self, channel: &str, replica: &str, now: Timestamp) -> Result<Sighting> {
        const KNOWN: &str = "SELECT seen_at_ms, heard_since_ms FROM bot_replicas WHERE tenant_id = $1 AND channel = $2 AND replica = $3";
        const SEE: &str = "INSERT INTO bot_replicas (tenant_id, channel, replica, seen_at_ms, heard_since_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant_id, channel, replica) DO UPDATE SET seen_at_ms = excluded.seen_at_ms, \
             heard_since_ms = excluded.heard_since_ms";
        const GONE: &str = "SELECT replica FROM bot_replicas WHERE tenant_id = $1 AND channel = $2 AND (seen_at_ms < $3 OR seen_at_ms > $4) ORDER BY replica";
        const COUNT: &str = "SELECT COUNT(*) FROM bot_replicas WHERE tenant_id = $1 AND channel = $2 AND seen_at_ms >= $3 AND seen_at_ms <= $4";
        let gone_before = now.plus_millis(-GONE_AFTER_MS).millis();
        // Others' clocks may be a little ahead; further ahead was written before the clock jumped back.
        let latest = now.plus_millis(GONE_AFTER_MS).millis();
        let known = row!(self, (i64, i64), KNOWN, self.tenant.as_ref(), channel, replica)?;
        let heard_since = match known {
            Some((seen, since)) if (seen..seen + INTERRUPTED_AFTER_MS).contains(&now.millis()) => since,
            _ => now.millis(),
        };
        execute!(
            self,
            SEE,
            self.tenant.as_ref(),
            channel,
            replica,
            now.millis(),
            heard_since
        )?;
        let mut released = 0;
        if known.is_none() {
            released += self.succeed(channel, replica).await?;
        }
        if heard_since <= gone_before {
            for (gone,) in rows!(
                self,
                (String,),
                GONE,
                self.tenant.as_ref(),
                channel,
                gone_before,
                latest
            )? {
                released += self.bury_replica(channel, &gone).await?;
            }
        }
        let replicas = scalar!(self, i64, COUNT, self.tenant.as_ref(), channel, gone_before, latest)?.unwrap_or(1);
        Ok(Sighting { replicas, released })
    }

    async fn succeed(&mut self, channel: &str, replica: &str) -> Result<u64> {
        const RELEASE: &str = "UPDATE outbox SET state = 'queued', lease_owner = NULL, lease_until_ms = NULL \
             WHERE tenant_id = $1 AND channel = $2 AND state IN ('queued', 'sending') AND state = 'sending' \
             AND lease_owner <> $3 AND lease_owner >= $4 AND lease_owner < $5";
        const FORGET: &str = "DELETE FROM bot_replicas WHERE tenant_id = $1 AND channel = $2 AND replica <> $3 AND replica >= $4 AND replica < $5";
        let Some((first, end)) = predecessors(replica) else {
            return Ok(0);
        };
        execute!(self, FORGET, self.tenant.as_ref(), channel, replica, &first, &end)?;
        execute!(self, RELEASE, self.tenant.as_ref(), channel, replica, &first, &end)
    }

    async fn bury_replica(&mut self, channel: &str, replica: &str) -> Result<u64> {
        const RELEASE: &str = "UPDATE outbox SET state = 'queued', lease_owner = NULL, lease_until_ms = NULL \
             WHERE tenant_id = $1 AND channel = $2 AND state IN ('queued', 'sending') AND state = 'sending' AND lease_owner = $3";
        const FORGET: &str = "DELETE FROM bot_replicas WHERE tenant_id = $1 AND channel = $2 AND replica = $3";
        execute!(self, FORGET, self.tenant.as_ref(), channel, replica)?;
        execute!(self, RELEASE, self.tenant.as_ref(), channel, replica)
    }
}

impl SystemTx {
    /// Ends the leases of idempotency keys that earlier processes in the slot of `instance` held. Returns how many: their
    /// repeated requests need not wait.
    pub async fn release_keys_of_predecessors(&mut self, instance: &str) -> Result<u64> {
        const SQL: &str = "UPDATE idempotency_keys SET lease_until_ms = 0, lease_owner = NULL \
             WHERE body IS NULL AND lease_owner <> $1 AND lease_owner >= $2 AND lease_owner < $3";
        let Some((first, end)) = predecessors(instance) else {
            return Ok(0);
        };
        execute!(self, SQL, instance, first, end)
    }
}
