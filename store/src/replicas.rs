//! The bots that are at work: they share one rate limit of their messenger.

use domain::time::Timestamp;

use crate::dialect::{execute, scalar};
use crate::{Result, Tx};

impl Tx {
    /// Notes that a replica claims, forgets those unseen since `since`, and counts who is left, this one included.
    pub async fn see_replica(&mut self, channel: &str, replica: &str, since: Timestamp, now: Timestamp) -> Result<i64> {
        const SEE: &str = "INSERT INTO bot_replicas (tenant_id, channel, replica, seen_at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant_id, channel, replica) DO UPDATE SET seen_at_ms = excluded.seen_at_ms";
        const FORGET: &str =
            "DELETE FROM bot_replicas WHERE tenant_id = $1 AND channel = $2 AND (seen_at_ms < $3 OR seen_at_ms > $4)";
        const COUNT: &str = "SELECT COUNT(*) FROM bot_replicas WHERE tenant_id = $1 AND channel = $2";
        execute!(self, SEE, self.tenant.as_ref(), channel, replica, now.millis())?;
        execute!(
            self,
            FORGET,
            self.tenant.as_ref(),
            channel,
            since.millis(),
            now.millis()
        )?;
        Ok(scalar!(self, i64, COUNT, self.tenant.as_ref(), channel)?.unwrap_or(1))
    }
}
