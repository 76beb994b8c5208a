//! Tenants. A fresh install has one.

use domain::ids::{Id, TenantId};
use domain::time::Timestamp;

use crate::dialect::{execute, rows};
use crate::{Error, Result, SystemTx};

impl SystemTx {
    /// All tenants, oldest first.
    pub async fn tenants(&mut self) -> Result<Vec<TenantId>> {
        rows!(self, (String,), "SELECT id FROM tenants ORDER BY id")?
            .into_iter()
            .map(|(id,)| TenantId::parse(&id).ok_or_else(|| Error::corrupt("tenants.id", &id)))
            .collect()
    }

    pub async fn insert_tenant(&mut self, id: &TenantId, name: &str, time_zone: &str, now: Timestamp) -> Result<()> {
        const SQL: &str = "INSERT INTO tenants (id, name, time_zone, created_at_ms) VALUES ($1, $2, $3, $4)";
        execute!(self, SQL, id.as_str(), name, time_zone, now.millis())?;
        Ok(())
    }
}
