//! Snapshots of the template tables: the last good one serves when the sheet can't.

use domain::ids::{Id, SnapshotId};
use domain::time::Timestamp;

use crate::dialect::{execute, row, scalar};
use crate::{Error, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    pub id: SnapshotId,
    /// `sheet` or `shipped`.
    pub source: &'static str,
    pub content_hash: String,
    pub men: Vec<u8>,
    pub women: Vec<u8>,
    pub exercises: Vec<u8>,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub id: SnapshotId,
    pub source: String,
    pub content_hash: String,
    pub men: Vec<u8>,
    pub women: Vec<u8>,
    pub exercises: Vec<u8>,
    pub taken_at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct SnapshotRow {
    id: String,
    source: String,
    content_hash: String,
    men_csv: Vec<u8>,
    women_csv: Vec<u8>,
    exercises_csv: Vec<u8>,
    taken_at_ms: i64,
}

impl Tx {
    /// Keeps a good state of the tables. Content seen before becomes the newest again.
    pub async fn keep_snapshot(&mut self, new: &NewSnapshot) -> Result<()> {
        const SQL: &str = "INSERT INTO template_snapshots (id, tenant_id, source, content_hash, men_csv, women_csv, exercises_csv, taken_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (tenant_id, content_hash) DO UPDATE SET taken_at_ms = excluded.taken_at_ms, source = excluded.source";
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.source,
            &new.content_hash,
            new.men.as_slice(),
            new.women.as_slice(),
            new.exercises.as_slice(),
            new.now.millis()
        )?;
        Ok(())
    }

    /// The content hash of the newest snapshot: cheap to ask before loading it.
    pub async fn latest_snapshot_hash(&mut self) -> Result<Option<String>> {
        const SQL: &str = "SELECT content_hash FROM template_snapshots WHERE tenant_id = $1 ORDER BY taken_at_ms DESC, id DESC LIMIT 1";
        scalar!(self, String, SQL, self.tenant.as_ref())
    }

    pub async fn latest_snapshot(&mut self) -> Result<Option<Snapshot>> {
        const SQL: &str = "SELECT id, source, content_hash, men_csv, women_csv, exercises_csv, taken_at_ms FROM template_snapshots \
             WHERE tenant_id = $1 ORDER BY taken_at_ms DESC, id DESC LIMIT 1";
        row!(self, SnapshotRow, SQL, self.tenant.as_ref())?
            .map(|row| {
                Ok(Snapshot {
                    id: SnapshotId::parse(&row.id).ok_or_else(|| Error::corrupt("template_snapshots.id", &row.id))?,
                    source: row.source,
                    content_hash: row.content_hash,
                    men: row.men_csv,
                    women: row.women_csv,
                    exercises: row.exercises_csv,
                    taken_at: Timestamp::from_millis(row.taken_at_ms),
                })
            })
            .transpose()
    }
}
