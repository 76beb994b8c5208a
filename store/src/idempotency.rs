//! Answers kept under the caller's own key, so that a repeated request gets the first one's answer and does nothing.
//!
//! A request claims its key with a lease, works, and stores its answer. One that is killed before it changed anything
//! is simply done again after the lease. One that is killed after its change was committed left a mark in the same
//! transaction (see [`Tx::record_audit`](crate::Tx::record_audit)): its retry is told so instead of doing it again.

use domain::ids::Id;
use domain::time::Timestamp;

use crate::dialect::{execute, row};
use crate::outbox::MAX_LEASE_MS;
use crate::{Error, Result, Tx};

/// Stands in `status` for "took effect, the answer is not stored yet" (102 Processing).
const EFFECT_MARK: i64 = 102;

tokio::task_local! {
    static CURRENT: (String, String);
}

/// What became of an attempt to claim a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IdempotencyClaim {
    /// The key is ours until the lease ends: do the work, then store the answer or release the key.
    Claimed,
    /// Somebody works on it; their lease ends in this time at the latest.
    InProgress {
        lease_ms: i64,
    },
    /// The key belongs to another request.
    Mismatch,
    Answered(StoredResponse),
    /// An earlier try took effect and was killed before its answer was stored.
    AnswerLost,
}

/// Who works on a request and how long nobody else may, by the machine's time.
#[derive(Debug, Clone, Copy)]
pub struct KeyLease<'a> {
    pub owner: &'a str,
    pub now: Timestamp,
    pub until: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredResponse {
    pub status: u16,
    /// The headers that belong to the answer itself (`etag`, `location`, …), not to the connection.
    pub headers: Vec<(String, String)>,
    #[serde(skip)]
    pub body: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    request_hash: String,
    status: Option<i64>,
    body: Option<Vec<u8>>,
    lease_until_ms: i64,
}

/// Runs `work` as the request that holds this key: its transactions leave the mark.
pub async fn holding_key<F: Future>(principal: &str, key: &str, work: F) -> F::Output {
    CURRENT.scope((principal.to_owned(), key.to_owned()), work).await
}

pub(crate) async fn mark_effect(tx: &mut Tx) -> Result<()> {
    const SQL: &str = "UPDATE idempotency_keys SET status = $4
        WHERE tenant_id = $1 AND principal = $2 AND idempotency_key = $3 AND status IS NULL";
    let Ok((principal, key)) = CURRENT.try_with(Clone::clone) else {
        return Ok(());
    };
    execute!(tx, SQL, tx.tenant.as_str(), principal, key, EFFECT_MARK)?;
    Ok(())
}

impl Tx {
    /// Shapes: `request_hash` covers method, path and body.
    /// Units: `now` is the product's time, by which keys grow old; the lease is of the machine's.
    pub async fn claim_idempotency_key(
        &mut self,
        principal: &str,
        key: &str,
        request_hash: &str,
        now: Timestamp,
        lease: &KeyLease<'_>,
    ) -> Result<IdempotencyClaim> {
        const INSERT: &str = "INSERT INTO idempotency_keys
            (tenant_id, principal, idempotency_key, request_hash, started_at_ms, lease_until_ms, lease_owner)
            VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id, principal, idempotency_key) DO NOTHING";
        // A write that changes nothing locks the row, on both databases.
        const LOCK: &str = "UPDATE idempotency_keys SET lease_until_ms = lease_until_ms
            WHERE tenant_id = $1 AND principal = $2 AND idempotency_key = $3
            RETURNING request_hash, status, body, lease_until_ms";
        const TAKE_OVER: &str = "UPDATE idempotency_keys SET lease_until_ms = $4, lease_owner = $5
            WHERE tenant_id = $1 AND principal = $2 AND idempotency_key = $3";
        let tenant = self.tenant.clone();
        let tenant = tenant.as_str();
        let inserted = execute!(
            self,
            INSERT,
            tenant,
            principal,
            key,
            request_hash,
            now.millis(),
            lease.until.millis(),
            lease.owner
        )?;
        if inserted == 1 {
            return Ok(IdempotencyClaim::Claimed);
        }
        let Some(found) = row!(self, KeyRow, LOCK, tenant, principal, key)? else {
            // Released between the two statements: the next try finds it free.
            return Ok(IdempotencyClaim::InProgress { lease_ms: 0 });
        };
        if found.request_hash != request_hash {
            return Ok(IdempotencyClaim::Mismatch);
        }
        if let Some(sealed) = &found.body {
            return self
                .open_response(principal, key, sealed)
                .map(IdempotencyClaim::Answered);
        }
        let lease_ms = Timestamp::from_millis(found.lease_until_ms).millis_since(lease.now);
        // A lease beyond any other was given before the machine's clock jumped back.
        if (1..=MAX_LEASE_MS).contains(&lease_ms) {
            return Ok(IdempotencyClaim::InProgress { lease_ms });
        }
        if found.status == Some(EFFECT_MARK) {
            return Ok(IdempotencyClaim::AnswerLost);
        }
        execute!(
            self,
            TAKE_OVER,
            tenant,
            principal,
            key,
            lease.until.millis(),
            lease.owner
        )?;
        Ok(IdempotencyClaim::Claimed)
    }

    /// Keeps the answer; from now on it is given to every repetition.
    pub async fn store_idempotent_response(
        &mut self,
        principal: &str,
        key: &str,
        response: &StoredResponse,
    ) -> Result<()> {
        const SQL: &str = "UPDATE idempotency_keys SET status = $4, content_type = $5, body = $6
            WHERE tenant_id = $1 AND principal = $2 AND idempotency_key = $3";
        let owner = owner(principal, key);
        let mut plain = serde_json::to_vec(response).map_err(|_| Error::corrupt("idempotency_keys.body", &owner))?;
        plain.push(b'\n');
        plain.extend_from_slice(&response.body);
        let sealed = self.seal("idempotency_keys.body", &owner, &plain)?;
        let content_type = response
            .headers
            .iter()
            .find(|(name, _)| name == "content-type")
            .map(|(_, value)| value.as_str());
        execute!(
            self,
            SQL,
            self.tenant.as_str(),
            principal,
            key,
            i64::from(response.status),
            content_type,
            sealed
        )?;
        Ok(())
    }

    /// Gives a key back whose request failed before it changed anything; the next try works afresh. One that left its
    /// mark keeps it.
    pub async fn release_idempotency_key(&mut self, principal: &str, key: &str) -> Result<()> {
        const RELEASE: &str = "DELETE FROM idempotency_keys
            WHERE tenant_id = $1 AND principal = $2 AND idempotency_key = $3 AND status IS NULL";
        const END_LEASE: &str = "UPDATE idempotency_keys SET lease_until_ms = 0
            WHERE tenant_id = $1 AND principal = $2 AND idempotency_key = $3 AND body IS NULL";
        let released = execute!(self, RELEASE, self.tenant.as_str(), principal, key)?;
        if released == 0 {
            execute!(self, END_LEASE, self.tenant.as_str(), principal, key)?;
        }
        Ok(())
    }

    fn open_response(&self, principal: &str, key: &str, sealed: &[u8]) -> Result<StoredResponse> {
        let owner = owner(principal, key);
        let plain = self.open("idempotency_keys.body", &owner, sealed)?;
        let corrupt = || Error::corrupt("idempotency_keys.body", &owner);
        // JSON has no raw line feed, so the first one ends it.
        let end = plain.iter().position(|byte| *byte == b'\n').ok_or_else(corrupt)?;
        let (head, body) = plain.split_at_checked(end).ok_or_else(corrupt)?;
        let response: StoredResponse = serde_json::from_slice(head).map_err(|_| corrupt())?;
        Ok(StoredResponse {
            body: body.get(1..).unwrap_or_default().to_vec(),
            ..response
        })
    }
}

fn owner(principal: &str, key: &str) -> String {
    format!("{principal}/{key}")
}
