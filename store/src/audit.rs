//! Who did what, when: kept for every change a person or a key makes.

use domain::ids::{AuditId, Id, RequestId};
use domain::time::Timestamp;

use crate::dialect::{execute, rows};
use crate::{Error, Result, Tx, idempotency};

/// One deed. Details name fields and ids, never personal data.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditEntry {
    pub id: AuditId,
    /// A user's or key's id, or the kind of actor (`system`, `client`, `trainer`).
    pub actor: String,
    /// What was done, past tense and dotted: `client.moved`, `api_key.revoked`.
    pub action: String,
    pub object_id: String,
    pub details: serde_json::Value,
    pub request_id: RequestId,
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct AuditRow {
    id: String,
    actor: String,
    action: String,
    object_id: String,
    details: String,
    request_id: String,
    at_ms: i64,
}

impl Tx {
    /// Writes the deed down in the transaction that does it. Under an idempotency key this also marks the request as
    /// having taken effect, so that a retry after a crash can't do it twice.
    pub async fn record_audit(&mut self, entry: &AuditEntry) -> Result<()> {
        const SQL: &str = "INSERT INTO audit_log (id, tenant_id, actor, action, object_id, details, request_id, at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        execute!(
            self,
            SQL,
            entry.id.as_str(),
            self.tenant.as_str(),
            entry.actor.as_str(),
            entry.action.as_str(),
            entry.object_id.as_str(),
            entry.details.to_string(),
            entry.request_id.as_str(),
            entry.at.millis(),
        )?;
        idempotency::mark_effect(self).await
    }

    /// What happened to one thing, newest first, at most `limit` deeds.
    pub async fn audit_of(&mut self, object_id: &str, limit: i64) -> Result<Vec<AuditEntry>> {
        const SQL: &str = "SELECT id, actor, action, object_id, details, request_id, at_ms FROM audit_log
            WHERE tenant_id = $1 AND object_id = $2 ORDER BY id DESC LIMIT $3";
        rows!(self, AuditRow, SQL, self.tenant.as_str(), object_id, limit)?
            .into_iter()
            .map(read)
            .collect()
    }
}

fn read(row: AuditRow) -> Result<AuditEntry> {
    let corrupt = |column| Error::corrupt(column, &row.id);
    Ok(AuditEntry {
        id: AuditId::parse(&row.id).ok_or_else(|| corrupt("audit_log.id"))?,
        details: serde_json::from_str(&row.details).map_err(|_| corrupt("audit_log.details"))?,
        request_id: RequestId::parse(&row.request_id).ok_or_else(|| corrupt("audit_log.request_id"))?,
        at: Timestamp::from_millis(row.at_ms),
        actor: row.actor,
        action: row.action,
        object_id: row.object_id,
    })
}
