//! Tenants. A fresh install has one.

use domain::ids::{Id, OrderId, TenantId};
use domain::time::Timestamp;

use crate::dialect::{Link, execute, rows, scalar};
use crate::{Error, Result, SystemTx, Tx};

/// Two processes that start on an empty PostgreSQL must not both furnish it. SQLite's write lock sees to it alone.
const INSTALLATION_LOCK: &str = "SELECT CAST(1 AS BIGINT) FROM (SELECT pg_advisory_xact_lock(7000001)) AS installation";

impl Tx {
    /// Keeps every other process from furnishing the installation until this transaction ends.
    pub async fn lock_installation(&mut self) -> Result<()> {
        if matches!(self.link, Link::Postgres(_)) {
            scalar!(self, i64, INSTALLATION_LOCK)?;
        }
        Ok(())
    }

    /// The tenant's IANA time zone.
    pub async fn time_zone(&mut self) -> Result<String> {
        const SQL: &str = "SELECT time_zone FROM tenants WHERE id = $1";
        let zone = scalar!(self, String, SQL, self.tenant.as_ref())?;
        zone.ok_or_else(|| Error::corrupt("tenants.time_zone", self.tenant.as_ref()))
    }
}

impl SystemTx {
    /// As [`Tx::lock_installation`].
    pub async fn lock_installation(&mut self) -> Result<()> {
        if matches!(self.link, Link::Postgres(_)) {
            scalar!(self, i64, INSTALLATION_LOCK)?;
        }
        Ok(())
    }

    /// All tenants, oldest first.
    pub async fn tenants(&mut self) -> Result<Vec<TenantId>> {
        rows!(self, (String,), "SELECT id FROM tenants ORDER BY id")?
            .into_iter()
            .map(|(id,)| TenantId::parse(&id).ok_or_else(|| Error::corrupt("tenants.id", &id)))
            .collect()
    }

    /// Whose order this is: its page's address names the order alone.
    pub async fn tenant_of_order(&mut self, order: &OrderId) -> Result<Option<TenantId>> {
        const SQL: &str = "SELECT tenant_id FROM orders WHERE id = $1";
        scalar!(self, String, SQL, order.as_str())?
            .map(|id| TenantId::parse(&id).ok_or_else(|| Error::corrupt("orders.tenant_id", order.as_str())))
            .transpose()
    }

    pub async fn insert_tenant(&mut self, id: &TenantId, name: &str, time_zone: &str, now: Timestamp) -> Result<()> {
        const SQL: &str = "INSERT INTO tenants (id, name, time_zone, created_at_ms) VALUES ($1, $2, $3, $4)";
        execute!(self, SQL, id.as_str(), name, time_zone, now.millis())?;
        Ok(())
    }
}
