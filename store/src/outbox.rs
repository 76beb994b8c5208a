//! Messages on their way out: in order for each address, leased to one sender at a time.

use domain::ids::{ClientId, Id, OutboxId, ProgramId, RequestId};
use domain::time::Timestamp;
use domain::work::DeliveryState;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows, scalar};
use crate::{Backend, Error, PageOf, PageRequest, Result, Tx};

/// No lease is longer. One that ends later was given before the clock jumped back, and its holder's word is worth nothing.
pub const MAX_LEASE_MS: i64 = 10 * 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewDelivery {
    pub id: OutboxId,
    pub channel: String,
    pub address: String,
    /// The client it is sent to.
    pub client: Option<ClientId>,
    /// The client it is about: a notice to the trainer.
    pub about: Option<ClientId>,
    pub program: Option<ProgramId>,
    /// What it is, for people: `reply`, `program`, `notice`, …
    pub kind: &'static str,
    /// Makes a second one with the same key vanish.
    pub dedupe_key: Option<String>,
    /// Content as JSON.
    pub content: String,
    pub is_step: bool,
    pub edit_ref: Option<String>,
    pub retire_ref: Option<String>,
    pub due_at: Timestamp,
    /// Leased at birth to the replica that asked, if nothing waits before it.
    pub leased_to: Option<(String, Timestamp)>,
    pub request_id: RequestId,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClaimedDelivery {
    pub id: OutboxId,
    pub channel: String,
    pub address: String,
    pub content: String,
    pub edit_ref: Option<String>,
    pub retire_ref: Option<String>,
    /// 1 for the first try.
    pub attempt: i64,
    pub lease_until: Timestamp,
}

/// What became of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Report {
    Sent { external_ref: String },
    Unreachable { reason: String },
    Rejected { reason: String },
    RetryAt { due_at: Timestamp, reason: String },
}

/// The row behind a report, as far as anything hangs on it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReportedDelivery {
    pub id: OutboxId,
    pub channel: String,
    pub address: String,
    pub client: Option<ClientId>,
    pub about: Option<ClientId>,
    pub program: Option<ProgramId>,
    pub kind: String,
    pub content: String,
    pub is_step: bool,
    pub attempts: i64,
}

/// A delivery that did not arrive, for a person to look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StuckDelivery {
    pub id: OutboxId,
    pub channel: String,
    pub client: Option<ClientId>,
    pub kind: String,
    pub state: DeliveryState,
    pub attempts: i64,
    pub last_error: Option<String>,
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct ClaimedRow {
    seq: i64,
    id: String,
    channel: String,
    address: String,
    content_sealed: Vec<u8>,
    edit_ref: Option<String>,
    retire_ref: Option<String>,
    attempts: i64,
    lease_until_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct ReportedRow {
    id: String,
    channel: String,
    address: String,
    client_id: Option<String>,
    about_client_id: Option<String>,
    program_id: Option<String>,
    kind: String,
    content_sealed: Vec<u8>,
    is_step: i64,
    attempts: i64,
}

#[derive(sqlx::FromRow)]
struct StuckRow {
    id: String,
    channel: String,
    client_id: Option<String>,
    kind: String,
    state: String,
    attempts: i64,
    last_error: Option<String>,
    created_at_ms: i64,
}

const RETURNING: &str =
    "RETURNING seq, id, channel, address, content_sealed, edit_ref, retire_ref, attempts, lease_until_ms";
const REPORTED: &str =
    "RETURNING id, channel, address, client_id, about_client_id, program_id, kind, content_sealed, is_step, attempts";
const CONTENT: &str = "outbox.content";

/// What may be taken of `$1` tenant and `$2` channel at `$3`, the product's time, and `$4`, the machine's. What follows a
/// step waits until that step's message is known, because it may have to take its buttons off.
///
/// Claims walk `outbox_due` in its order and stop when they have enough, so a delivery also waits for an earlier one of
/// its address that comes later in that order. `OFFSET 0` keeps PostgreSQL from comparing all waiting deliveries with all.
fn due() -> String {
    format!(
        "o.tenant_id = $1 AND o.channel = $2 AND o.due_at_ms <= $3 AND o.state IN ('queued', 'sending') \
         AND (o.state = 'queued' OR o.lease_until_ms <= $4 OR o.lease_until_ms > $4 + {MAX_LEASE_MS}) \
         AND NOT EXISTS (SELECT 1 FROM outbox e WHERE e.tenant_id = $1 AND e.channel = $2 AND e.address = o.address \
             AND e.state IN ('queued', 'sending') AND e.seq < o.seq AND (e.is_step = 1 OR e.due_at_ms > o.due_at_ms \
                 OR (e.state = 'sending' AND e.lease_until_ms > $4 AND e.lease_until_ms <= $4 + {MAX_LEASE_MS})) LIMIT 1 OFFSET 0)"
    )
}

impl Tx {
    fn claimed(&self, row: ClaimedRow) -> Result<ClaimedDelivery> {
        Ok(ClaimedDelivery {
            content: self.open_text(CONTENT, &row.id, &row.content_sealed)?,
            id: OutboxId::parse(&row.id).ok_or_else(|| Error::corrupt("outbox.id", &row.id))?,
            channel: row.channel,
            address: row.address,
            edit_ref: row.edit_ref,
            retire_ref: row.retire_ref,
            attempt: row.attempts,
            lease_until: Timestamp::from_millis(row.lease_until_ms.unwrap_or_default()),
        })
    }

    /// Queues a delivery. Returns false when its dedupe key was used before.
    pub async fn enqueue_delivery(&mut self, new: &NewDelivery) -> Result<bool> {
        const SQL: &str = "INSERT INTO outbox (id, tenant_id, channel, address, client_id, about_client_id, program_id, kind, \
             dedupe_key, content_sealed, is_step, edit_ref, retire_ref, state, due_at_ms, attempts, lease_owner, \
             lease_until_ms, request_id, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20) \
             ON CONFLICT (tenant_id, dedupe_key) DO NOTHING";
        let content = self.seal(CONTENT, new.id.as_str(), new.content.as_bytes())?;
        // "At once" is written as zero: a clock that jumps back must not make it wait.
        let due_at = if new.due_at <= new.now { 0 } else { new.due_at.millis() };
        let (state, attempts) = match new.leased_to {
            Some(_) => (DeliveryState::Sending, 1_i64),
            None => (DeliveryState::Queued, 0),
        };
        let inserted = execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            &new.channel,
            &new.address,
            new.client.as_ref().map(ClientId::as_str),
            new.about.as_ref().map(ClientId::as_str),
            new.program.as_ref().map(ProgramId::as_str),
            new.kind,
            new.dedupe_key.as_deref(),
            content,
            i64::from(new.is_step),
            new.edit_ref.as_deref(),
            new.retire_ref.as_deref(),
            state.code(),
            due_at,
            attempts,
            new.leased_to.as_ref().map(|(owner, _)| owner.as_str()),
            new.leased_to.as_ref().map(|(_, until)| until.millis()),
            new.request_id.as_ref(),
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    /// Whether anything still waits or is being sent for an address.
    pub async fn is_address_busy(&mut self, channel: &str, address: &str) -> Result<bool> {
        const SQL: &str = "SELECT seq FROM outbox WHERE tenant_id = $1 AND channel = $2 AND address = $3 \
             AND state IN ('queued', 'sending') LIMIT 1";
        Ok(scalar!(self, i64, SQL, self.tenant.as_ref(), channel, address)?.is_some())
    }

    /// Leases what is due to one sender. Nothing is taken past an earlier delivery of the same address that waits for
    /// its time or is in somebody's hands.
    ///
    /// Units: `now` is the product's time, by which deliveries are due; `process_now` and `lease_until` are the machine's.
    pub async fn claim_deliveries(
        &mut self,
        channel: &str,
        owner: &str,
        limit: u32,
        now: Timestamp,
        process_now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<ClaimedDelivery>> {
        if self.backend() == Backend::Postgres {
            // One claimer at a time keeps the order within an address; skipping locked rows would break it.
            const LOCK: &str =
                "SELECT CAST(1 AS BIGINT) FROM (SELECT pg_advisory_xact_lock(hashtext($1), hashtext($2))) AS claim";
            scalar!(self, i64, LOCK, self.tenant.as_ref(), channel)?;
        }
        // The state is asked twice: PostgreSQL looks at the outer condition again when it has waited for a row, and a late
        // success that was being reported meanwhile must not be sent again.
        let sql = format!(
            "UPDATE outbox SET state = 'sending', attempts = attempts + 1, lease_owner = $5, lease_until_ms = $6 \
             WHERE state IN ('queued', 'sending') AND seq IN (SELECT o.seq FROM outbox o WHERE {} \
                 ORDER BY o.due_at_ms, o.seq LIMIT {limit}) {RETURNING}",
            due()
        );
        let mut claimed = rows!(
            self,
            ClaimedRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            channel,
            now.millis(),
            process_now.millis(),
            owner,
            lease_until.millis()
        )?;
        claimed.sort_by_key(|row| row.seq);
        let mut good = Vec::with_capacity(claimed.len());
        for row in claimed {
            let id = row.id.clone();
            match self.claimed(row) {
                Ok(delivery) => good.push(delivery),
                // One row nobody can open must not silence every chat.
                Err(error @ (Error::Sealed { .. } | Error::Corrupt { .. })) => {
                    tracing::error!(delivery.id = id, %error, "a message can't be read and is put aside");
                    self.reject_unreadable(&id, &error.to_string(), now).await?;
                }
                Err(error) => return Err(error),
            }
        }
        Ok(good)
    }

    /// Puts aside a delivery whose content can't be read, for a person to look at.
    pub async fn reject_unreadable(&mut self, id: &str, reason: &str, now: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE outbox SET state = 'rejected', finished_at_ms = $1, last_error = $2, lease_owner = NULL, \
             lease_until_ms = NULL WHERE tenant_id = $3 AND id = $4";
        execute!(self, SQL, now.millis(), reason, self.tenant.as_ref(), id)?;
        Ok(())
    }

    /// A longer lease for what takes longer to send.
    pub async fn extend_delivery(&mut self, id: &OutboxId, lease_until: Timestamp) -> Result<()> {
        const SQL: &str =
            "UPDATE outbox SET lease_until_ms = $1 WHERE tenant_id = $2 AND id = $3 AND state = 'sending'";
        execute!(self, SQL, lease_until.millis(), self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// What one sender holds for an address and has not reported yet, in order.
    pub async fn deliveries_in_hand(
        &mut self,
        channel: &str,
        address: &str,
        owner: &str,
    ) -> Result<Vec<ClaimedDelivery>> {
        const SQL: &str = "SELECT seq, id, channel, address, content_sealed, edit_ref, retire_ref, attempts, lease_until_ms \
             FROM outbox WHERE tenant_id = $1 AND channel = $2 AND address = $3 AND state = 'sending' AND lease_owner = $4 ORDER BY seq";
        rows!(self, ClaimedRow, SQL, self.tenant.as_ref(), channel, address, owner)?
            .into_iter()
            .map(|row| self.claimed(row))
            .collect()
    }

    /// Writes what became of a delivery. `None` when it was already settled, or when a failed try is reported by
    /// somebody whose lease is gone. A success counts whoever reports it: the message is out.
    pub async fn report_delivery(
        &mut self,
        id: &OutboxId,
        owner: &str,
        report: &Report,
        now: Timestamp,
    ) -> Result<Option<ReportedDelivery>> {
        let settle = |condition: &str, set: &str| {
            format!(
                "UPDATE outbox SET {set}, lease_owner = NULL, lease_until_ms = NULL \
                 WHERE tenant_id = $1 AND id = $2 AND state IN ('queued', 'sending'){condition} {REPORTED}"
            )
        };
        const MINE: &str = " AND lease_owner = $5";
        let found = match report {
            Report::Sent { external_ref } => {
                let sql = settle(
                    "",
                    "state = 'sent', finished_at_ms = $3, external_ref = $4, last_error = NULL",
                );
                row!(
                    self,
                    ReportedRow,
                    AssertSqlSafe(sql.as_str()),
                    self.tenant.as_ref(),
                    id.as_str(),
                    now.millis(),
                    external_ref
                )?
            }
            Report::Unreachable { reason } => {
                let sql = settle("", "state = 'unreachable', finished_at_ms = $3, last_error = $4");
                row!(
                    self,
                    ReportedRow,
                    AssertSqlSafe(sql.as_str()),
                    self.tenant.as_ref(),
                    id.as_str(),
                    now.millis(),
                    reason
                )?
            }
            Report::Rejected { reason } => {
                let sql = settle(MINE, "state = 'rejected', finished_at_ms = $3, last_error = $4");
                row!(
                    self,
                    ReportedRow,
                    AssertSqlSafe(sql.as_str()),
                    self.tenant.as_ref(),
                    id.as_str(),
                    now.millis(),
                    reason,
                    owner
                )?
            }
            Report::RetryAt { due_at, reason } => {
                let sql = settle(MINE, "state = 'queued', due_at_ms = $3, last_error = $4");
                row!(
                    self,
                    ReportedRow,
                    AssertSqlSafe(sql.as_str()),
                    self.tenant.as_ref(),
                    id.as_str(),
                    due_at.millis(),
                    reason,
                    owner
                )?
            }
        };
        found
            .map(|row| {
                Ok(ReportedDelivery {
                    content: self.open_text(CONTENT, &row.id, &row.content_sealed)?,
                    id: OutboxId::parse(&row.id).ok_or_else(|| Error::corrupt("outbox.id", &row.id))?,
                    channel: row.channel,
                    address: row.address,
                    client: row.client_id.as_deref().and_then(ClientId::parse),
                    about: row.about_client_id.as_deref().and_then(ClientId::parse),
                    program: row.program_id.as_deref().and_then(ProgramId::parse),
                    kind: row.kind,
                    is_step: row.is_step != 0,
                    attempts: row.attempts,
                })
            })
            .transpose()
    }

    /// Everything that still waits for an address nobody can reach any more.
    pub async fn give_up_address(&mut self, channel: &str, address: &str, reason: &str, now: Timestamp) -> Result<u64> {
        const SQL: &str = "UPDATE outbox SET state = 'unreachable', finished_at_ms = $1, last_error = $2, lease_owner = NULL, \
             lease_until_ms = NULL WHERE tenant_id = $3 AND channel = $4 AND address = $5 AND state = 'queued'";
        execute!(self, SQL, now.millis(), reason, self.tenant.as_ref(), channel, address)
    }

    /// The client a message in the trainer's chat is about.
    pub async fn client_of_notice(
        &mut self,
        channel: &str,
        address: &str,
        external_ref: &str,
    ) -> Result<Option<ClientId>> {
        const SQL: &str = "SELECT about_client_id FROM outbox WHERE tenant_id = $1 AND channel = $2 AND address = $3 \
             AND external_ref = $4 AND about_client_id IS NOT NULL ORDER BY seq DESC LIMIT 1";
        let found = scalar!(self, String, SQL, self.tenant.as_ref(), channel, address, external_ref)?;
        Ok(found.as_deref().and_then(ClientId::parse))
    }

    /// Refused, unreachable, or tried more than `attempts` times; newest first.
    pub async fn stuck_deliveries(&mut self, attempts: i64, page: &PageRequest) -> Result<PageOf<StuckDelivery>> {
        // Two lists become one: each has an index of its own, that of all deliveries is too long to look through.
        const COLUMNS: &str = "id, channel, client_id, kind, state, attempts, last_error, created_at_ms";
        let limit = page.fetch();
        let sql = format!(
            "SELECT * FROM (SELECT {COLUMNS} FROM outbox WHERE tenant_id = $1 AND id < $2 AND state IN ('rejected', 'unreachable') \
                 ORDER BY id DESC LIMIT {limit}) AS refused \
             UNION ALL SELECT * FROM (SELECT {COLUMNS} FROM outbox WHERE tenant_id = $1 AND id < $2 AND state IN ('queued', 'sending') \
                 AND attempts > $3 ORDER BY id DESC LIMIT {limit}) AS failing \
             ORDER BY id DESC LIMIT {limit}"
        );
        let after = page
            .after
            .as_ref()
            .map_or(crate::page::BEYOND_ALL_IDS, |cursor| cursor.0.as_str());
        let sql = AssertSqlSafe(sql.as_str());
        let stuck = rows!(self, StuckRow, sql, self.tenant.as_ref(), after, attempts)?
            .into_iter()
            .map(|row| {
                let corrupt = |place| Error::corrupt(place, &row.id);
                Ok(StuckDelivery {
                    id: OutboxId::parse(&row.id).ok_or_else(|| corrupt("outbox.id"))?,
                    channel: row.channel,
                    client: row.client_id.as_deref().and_then(ClientId::parse),
                    kind: row.kind,
                    state: DeliveryState::parse(&row.state).ok_or_else(|| corrupt("outbox.state"))?,
                    attempts: row.attempts,
                    last_error: row.last_error,
                    created_at: Timestamp::from_millis(row.created_at_ms),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(stuck, page, |delivery| delivery.id.to_string()))
    }

    /// Tries a refused delivery again from the beginning.
    pub async fn replay_delivery(&mut self, id: &OutboxId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE outbox SET state = 'queued', due_at_ms = $1, attempts = 0, finished_at_ms = NULL \
             WHERE tenant_id = $2 AND id = $3 AND state IN ('rejected', 'unreachable', 'queued')";
        Ok(execute!(self, SQL, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Whether a claim would find something: asked before the writer's lock is taken.
    pub async fn has_due_delivery(&mut self, channel: &str, now: Timestamp, process_now: Timestamp) -> Result<bool> {
        let sql = format!(
            "SELECT CAST(1 AS BIGINT) WHERE EXISTS (SELECT 1 FROM outbox o WHERE {})",
            due()
        );
        let found = scalar!(
            self,
            i64,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            channel,
            now.millis(),
            process_now.millis()
        )?;
        Ok(found.is_some())
    }

    /// A step was sent as `message_ref`: the step that waits behind it takes its buttons off. It was written when nobody
    /// knew that message yet.
    pub async fn retire_in_next_step(&mut self, channel: &str, address: &str, message_ref: &str) -> Result<()> {
        const SQL: &str = "UPDATE outbox SET retire_ref = $1 WHERE tenant_id = $2 AND channel = $3 AND address = $4 \
             AND state IN ('queued', 'sending') AND is_step = 1";
        execute!(self, SQL, message_ref, self.tenant.as_ref(), channel, address)?;
        Ok(())
    }
}

impl Tx {
    /// What did not reach an address while it was blocked waits again: its owner is back.
    pub async fn revive_address(
        &mut self,
        channel: &str,
        address: &str,
        since: Timestamp,
        now: Timestamp,
    ) -> Result<u64> {
        const SQL: &str = "UPDATE outbox SET state = 'queued', due_at_ms = $1, attempts = 0, finished_at_ms = NULL \
             WHERE tenant_id = $2 AND channel = $3 AND address = $4 AND state = 'unreachable' AND created_at_ms >= $5";
        execute!(
            self,
            SQL,
            now.millis(),
            self.tenant.as_ref(),
            channel,
            address,
            since.millis()
        )
    }
}
