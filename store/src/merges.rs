//! A client who turned out to be another one.

use domain::ids::{ClientId, Id};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, rows, scalar};
use crate::{Error, Result, Tx};

/// Tables whose rows go over as they are and are found by their client. Orders before payments, the order in which
/// everybody locks them.
const BY_CLIENT: [(&str, &str); 10] = [
    ("orders", "client_id"),
    ("payments", "client_id"),
    ("saved_methods", "client_id"),
    ("tasks", "client_id"),
    ("leads", "client_id"),
    ("client_actions", "client_id"),
    ("messages", "client_id"),
    ("touches", "client_id"),
    ("consents", "client_id"),
    ("held_notices", "about_client_id"),
];
/// Those that are found by the order they belong to, by the column that names it.
const BY_ORDER: [(&str, &str); 3] = [
    ("promo_code_usages", "order_id"),
    ("refunds", "order_id"),
    ("outbox", "channel = 'email' AND address"),
];

impl Tx {
    /// Who a client turned out to be, if they did.
    pub async fn merged_into(&mut self, client: &ClientId) -> Result<Option<ClientId>> {
        const SQL: &str = "SELECT into_client_id FROM client_merges WHERE tenant_id = $1 AND client_id = $2";
        scalar!(self, String, SQL, self.tenant.as_ref(), client.as_str())?
            .map(|id| ClientId::parse(&id).ok_or_else(|| Error::corrupt("client_merges.into_client_id", &id)))
            .transpose()
    }

    /// What `from` has belongs to `into` from now on. The row of `from` stays, with what the books and the pipeline say of
    /// it: history is never rewritten. Runs of the questionnaire that were not finished stay behind, too.
    ///
    /// Repeated for the same two, it moves what `from` has got since.
    /// Errors: [`Error::VersionConflict`] when `from` is another one already, or one of them is nobody's here.
    pub async fn merge_client(&mut self, from: &ClientId, into: &ClientId, now: Timestamp) -> Result<()> {
        const MERGE: &str = "INSERT INTO client_merges (client_id, tenant_id, into_client_id, at_ms) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (client_id) DO NOTHING";
        // Whoever was found to be `from` before is `into`, too.
        const CHAIN: &str = "UPDATE client_merges SET into_client_id = $1 WHERE tenant_id = $2 AND into_client_id = $3";
        // Both must be this tenant's.
        const KNOWN: &str = "SELECT COUNT(*) FROM clients WHERE tenant_id = $1 AND id IN ($2, $3)";
        const LOCK: &str = "SELECT id FROM orders WHERE tenant_id = $1 AND client_id = $2 ORDER BY id FOR UPDATE";
        const SECOND_LEAD: &str = "UPDATE leads SET status = 'lost', closed_at_ms = $1, version = version + 1 \
             WHERE tenant_id = $2 AND client_id = $3 AND closed_at_ms IS NULL \
             AND EXISTS (SELECT 1 FROM leads o WHERE o.tenant_id = $2 AND o.client_id = $4 AND o.closed_at_ms IS NULL)";
        const RUNS: &str = "UPDATE questionnaires SET client_id = $1 \
             WHERE tenant_id = $2 AND client_id = $3 AND status = 'completed'";
        const VERSIONS: &str =
            "SELECT COALESCE(MAX(version), 0) FROM training_programs WHERE tenant_id = $1 AND client_id = $2";
        const PROGRAMS: &str = "UPDATE training_programs SET client_id = $1, version = version + $2 \
             WHERE tenant_id = $3 AND client_id = $4";
        const TAGS: &str = "INSERT INTO client_tags (tenant_id, tag, client_id) \
             SELECT tenant_id, tag, $1 FROM client_tags WHERE tenant_id = $2 AND client_id = $3 \
             ON CONFLICT (tenant_id, tag, client_id) DO NOTHING";
        let known = scalar!(self, i64, KNOWN, self.tenant.as_ref(), from.as_str(), into.as_str())?;
        let before = self.merged_into(from).await?;
        if known != Some(2) || before.is_some_and(|other| other != *into) {
            return Err(Error::VersionConflict { what: "client" });
        }
        execute!(
            self,
            MERGE,
            from.as_str(),
            self.tenant.as_ref(),
            into.as_str(),
            now.millis()
        )?;
        execute!(self, CHAIN, into.as_str(), self.tenant.as_ref(), from.as_str())?;
        if self.backend() == crate::Backend::Postgres {
            rows!(self, (String,), LOCK, self.tenant.as_ref(), from.as_str())?;
        }
        execute!(
            self,
            SECOND_LEAD,
            now.millis(),
            self.tenant.as_ref(),
            from.as_str(),
            into.as_str()
        )?;
        for (table, order) in BY_ORDER {
            let sql = format!(
                "UPDATE {table} SET client_id = $1 WHERE tenant_id = $2 AND client_id = $3 \
                 AND {order} IN (SELECT id FROM orders WHERE tenant_id = $2 AND client_id = $3)"
            );
            execute!(
                self,
                AssertSqlSafe(sql.as_str()),
                into.as_str(),
                self.tenant.as_ref(),
                from.as_str()
            )?;
        }
        for (table, column) in BY_CLIENT {
            let sql = format!("UPDATE {table} SET {column} = $1 WHERE tenant_id = $2 AND {column} = $3");
            execute!(
                self,
                AssertSqlSafe(sql.as_str()),
                into.as_str(),
                self.tenant.as_ref(),
                from.as_str()
            )?;
        }
        execute!(self, RUNS, into.as_str(), self.tenant.as_ref(), from.as_str())?;
        let newest = scalar!(self, i64, VERSIONS, self.tenant.as_ref(), into.as_str())?.unwrap_or_default();
        execute!(
            self,
            PROGRAMS,
            into.as_str(),
            newest,
            self.tenant.as_ref(),
            from.as_str()
        )?;
        execute!(self, TAGS, into.as_str(), self.tenant.as_ref(), from.as_str())?;
        if self.client_discount(into).await?.is_none()
            && let Some(discount) = self.client_discount(from).await?
        {
            self.save_client_discount(into, &discount, now).await?;
        }
        Ok(())
    }
}
