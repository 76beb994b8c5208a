//! What came from outside, raw and once.

use domain::ids::RequestId;
use domain::time::Timestamp;

use crate::dialect::execute;
use crate::{Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewInboxEvent {
    /// `telegram`, later a payment provider's endpoint.
    pub source: String,
    /// Unique at its sender.
    pub dedupe_key: String,
    pub body: Vec<u8>,
    pub request_id: RequestId,
    pub now: Timestamp,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Recorded {
    New,
    Duplicate,
}

impl Tx {
    /// Errors: none for a duplicate; that is an outcome.
    pub async fn record(&mut self, event: &NewInboxEvent) -> Result<Recorded> {
        const SQL: &str = "INSERT INTO inbox (tenant_id, source, dedupe_key, body_sealed, request_id, received_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (tenant_id, source, dedupe_key) DO NOTHING";
        let sealed = self.seal("inbox.body", &event.dedupe_key, &event.body)?;
        let inserted = execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            &event.source,
            &event.dedupe_key,
            sealed,
            event.request_id.as_ref(),
            event.now.millis()
        )?;
        Ok(if inserted == 1 {
            Recorded::New
        } else {
            Recorded::Duplicate
        })
    }
}
