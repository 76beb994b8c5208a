//! What came from outside, raw and once.

use std::collections::HashSet;

use domain::ids::RequestId;
use domain::time::Timestamp;

use crate::dialect::{Link, execute};
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

    /// [`Self::record`] of many, in their order; one round trip on PostgreSQL. SQLite has none to save.
    pub async fn record_all(&mut self, events: &[NewInboxEvent]) -> Result<Vec<Recorded>> {
        const SQL: &str = "INSERT INTO inbox (tenant_id, source, dedupe_key, body_sealed, request_id, received_at_ms) \
             SELECT $1, event.* FROM UNNEST($2::text[], $3::text[], $4::bytea[], $5::text[], $6::bigint[]) AS event \
             ON CONFLICT (tenant_id, source, dedupe_key) DO NOTHING RETURNING source, dedupe_key";
        if matches!(self.link, Link::Sqlite(_)) || events.len() < 2 {
            let mut all = Vec::with_capacity(events.len());
            for event in events {
                all.push(self.record(event).await?);
            }
            return Ok(all);
        }
        let sealed: Vec<Vec<u8>> = events
            .iter()
            .map(|event| self.seal("inbox.body", &event.dedupe_key, &event.body))
            .collect::<Result<_>>()?;
        let Link::Postgres(tx) = &mut self.link else {
            return Ok(Vec::new());
        };
        let texts = |of: fn(&NewInboxEvent) -> &str| events.iter().map(of).collect::<Vec<_>>();
        let mut new: HashSet<(String, String)> = sqlx::query_as(SQL)
            .bind(self.tenant.as_ref())
            .bind(texts(|event| &event.source))
            .bind(texts(|event| &event.dedupe_key))
            .bind(sealed)
            .bind(texts(|event| event.request_id.as_ref()))
            .bind(events.iter().map(|event| event.now.millis()).collect::<Vec<_>>())
            .fetch_all(&mut **tx)
            .await?
            .into_iter()
            .collect();
        // Of two in one call the first is the new one.
        Ok(events
            .iter()
            .map(
                |event| match new.remove(&(event.source.clone(), event.dedupe_key.clone())) {
                    true => Recorded::New,
                    false => Recorded::Duplicate,
                },
            )
            .collect())
    }
}
