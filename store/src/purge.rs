//! What grows old and is forgotten, in small bites: on SQLite every writer waits for a long DELETE.

use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::execute;
use crate::{Result, SystemTx};

/// Rows that nobody will ask for again.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Old {
    /// What came from outside: old enough, its sender repeats it no more.
    Inbox,
    /// What was told the client stays in `messages`.
    SentDeliveries,
    /// Refused or unreachable: nobody looked at them or tried them again in all that time.
    RefusedDeliveries,
    /// Dead jobs stay until a person has seen them.
    DoneJobs,
    /// Those whose work is under way at `process_now`, the machine's time, stay.
    IdempotencyKeys {
        process_now: Timestamp,
    },
    /// Sessions that ended.
    Sessions,
    SignInFailures,
}

impl SystemTx {
    /// Forgets at most `limit` of what is older than `before`, the oldest first. Answers how many.
    pub async fn purge(&mut self, what: Old, before: Timestamp, limit: u32) -> Result<u64> {
        let (table, key, age, and) = match what {
            Old::Inbox => ("inbox", "tenant_id, source, dedupe_key", "received_at_ms", ""),
            Old::SentDeliveries => ("outbox", "seq", "finished_at_ms", " AND state = 'sent'"),
            Old::RefusedDeliveries => (
                "outbox",
                "seq",
                "finished_at_ms",
                " AND state IN ('rejected', 'unreachable')",
            ),
            Old::DoneJobs => ("jobs", "id", "finished_at_ms", " AND state = 'done'"),
            Old::IdempotencyKeys { .. } => (
                "idempotency_keys",
                "tenant_id, principal, idempotency_key",
                "started_at_ms",
                " AND (body IS NOT NULL OR lease_until_ms < $2)",
            ),
            Old::Sessions => ("sessions", "token_hash", "expires_at_ms", ""),
            Old::SignInFailures => ("sign_in_failures", "subject", "last_failed_at_ms", ""),
        };
        let sql = format!(
            "DELETE FROM {table} WHERE ({key}) IN (SELECT {key} FROM {table} WHERE {age} < $1{and} ORDER BY {age} LIMIT {limit})"
        );
        let sql = AssertSqlSafe(sql.as_str());
        match what {
            Old::IdempotencyKeys { process_now } => execute!(self, sql, before.millis(), process_now.millis()),
            _ => execute!(self, sql, before.millis()),
        }
    }
}
