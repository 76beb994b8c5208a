//! Notices for a trainer that came while no trainer's chat was linked.

use domain::ids::{ClientId, Id, OutboxId};
use domain::time::Timestamp;

use crate::dialect::{execute, rows, scalar};
use crate::{Error, Result, SystemTx, Tx};

/// So many of the newest are kept for one tenant.
const MOST: i64 = 1_000;
const BODY: &str = "held_notices.body";

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewHeldNotice {
    pub id: OutboxId,
    pub about: Option<ClientId>,
    /// As of a delivery.
    pub kind: &'static str,
    /// What to show, as JSON; its shape is the sender's business.
    pub body: String,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldNotice {
    pub about: Option<ClientId>,
    pub kind: String,
    pub body: String,
    pub created_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct HeldRow {
    id: String,
    about_client_id: Option<String>,
    kind: String,
    body_sealed: Vec<u8>,
    created_at_ms: i64,
}

impl Tx {
    pub async fn hold_notice(&mut self, new: &NewHeldNotice) -> Result<()> {
        const INSERT: &str = "INSERT INTO held_notices (id, tenant_id, about_client_id, kind, body_sealed, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)";
        const FORGET: &str = "DELETE FROM held_notices WHERE tenant_id = $1 AND id <= \
             (SELECT id FROM held_notices WHERE tenant_id = $1 ORDER BY id DESC LIMIT 1 OFFSET $2)";
        let body = self.seal(BODY, new.id.as_str(), new.body.as_bytes())?;
        execute!(
            self,
            INSERT,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.about.as_ref().map(ClientId::as_str),
            new.kind,
            body,
            new.now.millis()
        )?;
        execute!(self, FORGET, self.tenant.as_ref(), MOST)?;
        Ok(())
    }

    pub async fn count_held_notices(&mut self) -> Result<i64> {
        const SQL: &str = "SELECT COUNT(*) FROM held_notices WHERE tenant_id = $1";
        Ok(scalar!(self, i64, SQL, self.tenant.as_ref())?.unwrap_or_default())
    }

    /// Takes all that are not older than `since` out of the store, oldest first; older ones are forgotten.
    pub async fn take_held_notices(&mut self, since: Timestamp) -> Result<Vec<HeldNotice>> {
        const SQL: &str = "DELETE FROM held_notices WHERE tenant_id = $1 \
             RETURNING id, about_client_id, kind, body_sealed, created_at_ms";
        let mut found = rows!(self, HeldRow, SQL, self.tenant.as_ref())?;
        found.sort_by(|left, right| left.id.cmp(&right.id));
        found
            .into_iter()
            .filter(|row| row.created_at_ms >= since.millis())
            .map(|row| {
                Ok(HeldNotice {
                    body: self.open_text(BODY, &row.id, &row.body_sealed)?,
                    about: row
                        .about_client_id
                        .as_deref()
                        .map(|id| {
                            ClientId::parse(id).ok_or_else(|| Error::corrupt("held_notices.about_client_id", &row.id))
                        })
                        .transpose()?,
                    kind: row.kind,
                    created_at: Timestamp::from_millis(row.created_at_ms),
                })
            })
            .collect()
    }
}

impl SystemTx {
    /// Forgets those nobody will want to read any more.
    pub async fn purge_held_notices(&mut self, before: Timestamp) -> Result<u64> {
        execute!(
            self,
            "DELETE FROM held_notices WHERE created_at_ms < $1",
            before.millis()
        )
    }
}
