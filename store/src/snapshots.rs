//! Versions of the template tables: numbered good states, one of them in force; the rest is history one can go back to.

use std::io::{Read as _, Write as _};

use domain::ids::{Id, SnapshotId};
use domain::time::Timestamp;
use flate2::Compression;
use flate2::read::GzDecoder;
use flate2::write::GzEncoder;

use crate::dialect::{execute, row, rows, scalar};
use crate::page::BEYOND_ALL_IDS;
use crate::{Error, PageOf, PageRequest, Result, Tx};

/// What a gzip stream begins with; no table does.
const GZIP: [u8; 2] = [0x1f, 0x8b];

/// A table as it is kept: packed, because a day of edits makes many versions of megabytes.
///
/// Packing and unpacking are work for a thread of their own.
#[derive(Clone, PartialEq, Eq)]
pub struct Packed(Vec<u8>);

impl Packed {
    pub fn of(csv: &[u8]) -> Self {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        let packed = encoder.write_all(csv).and_then(|()| encoder.finish());
        // Writing into memory does not fail; the plain bytes are as good.
        Self(packed.unwrap_or_else(|_| csv.to_vec()))
    }

    /// The table's bytes. Errors: [`Error::Corrupt`] when they can't be unpacked.
    pub fn open(&self) -> Result<Vec<u8>> {
        if !self.0.starts_with(&GZIP) {
            return Ok(self.0.clone());
        }
        let mut csv = Vec::new();
        GzDecoder::new(self.0.as_slice())
            .read_to_end(&mut csv)
            .map_err(|_| Error::corrupt("template_snapshots.csv", "a packed table"))?;
        Ok(csv)
    }
}

impl std::fmt::Debug for Packed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} packed bytes", self.0.len())
    }
}

/// The three tables of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SnapshotTables {
    pub men: Packed,
    pub women: Packed,
    pub exercises: Packed,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewSnapshot {
    pub id: SnapshotId,
    /// `sheet`, `upload` or `shipped`.
    pub source: &'static str,
    /// Who brought it: as [`crate::AuditEntry::actor`].
    pub author: String,
    pub content_hash: String,
    pub tables: SnapshotTables,
    pub now: Timestamp,
}

/// A version without its tables.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Snapshot {
    pub id: SnapshotId,
    /// Counts from 1 within the tenant.
    pub number: i64,
    pub source: String,
    pub author: String,
    pub state: SnapshotState,
    pub content_hash: String,
    pub taken_at: Timestamp,
    pub decided_by: Option<String>,
    pub decided_at: Option<Timestamp>,
    /// `None`: not in force.
    pub in_force_since: Option<Timestamp>,
}

/// What became of a version.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SnapshotState {
    /// Seen, and nothing was decided about it; also one that the sheet went on from before anybody decided.
    Kept,
    /// Waits for a decision.
    Pending,
    /// Is or was in force.
    Used,
    Rejected,
}

impl SnapshotState {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Pending => "pending",
            Self::Used => "used",
            Self::Rejected => "rejected",
        }
    }

    fn parse(code: &str) -> Option<Self> {
        [Self::Kept, Self::Pending, Self::Used, Self::Rejected]
            .into_iter()
            .find(|state| state.code() == code)
    }
}

/// What the last look at the sheet showed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SheetLook {
    pub looked_at: Option<Timestamp>,
    /// Of the tables as they were read last, good or bad.
    pub content_hash: Option<String>,
    /// When the sheet was last without fault.
    pub well_at: Option<Timestamp>,
    /// JSON; `None` while all is well.
    pub trouble: Option<String>,
    pub trouble_since: Option<Timestamp>,
    /// When the trainers were told of the present trouble.
    pub told_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct SnapshotRow {
    id: String,
    number: i64,
    source: String,
    author: String,
    state: String,
    content_hash: String,
    taken_at_ms: i64,
    decided_by: Option<String>,
    decided_at_ms: Option<i64>,
    in_force_since_ms: Option<i64>,
}

impl SnapshotRow {
    fn read(self) -> Result<Snapshot> {
        Ok(Snapshot {
            id: SnapshotId::parse(&self.id).ok_or_else(|| Error::corrupt("template_snapshots.id", &self.id))?,
            state: SnapshotState::parse(&self.state)
                .ok_or_else(|| Error::corrupt("template_snapshots.state", &self.id))?,
            number: self.number,
            source: self.source,
            author: self.author,
            content_hash: self.content_hash,
            taken_at: Timestamp::from_millis(self.taken_at_ms),
            decided_by: self.decided_by,
            decided_at: self.decided_at_ms.map(Timestamp::from_millis),
            in_force_since: self.in_force_since_ms.map(Timestamp::from_millis),
        })
    }
}

#[derive(sqlx::FromRow)]
struct TablesRow {
    men_csv: Vec<u8>,
    women_csv: Vec<u8>,
    exercises_csv: Vec<u8>,
}

#[derive(sqlx::FromRow)]
struct LookRow {
    looked_at_ms: i64,
    content_hash: Option<String>,
    well_at_ms: Option<i64>,
    trouble: Option<String>,
    trouble_since_ms: Option<i64>,
    told_at_ms: Option<i64>,
}

macro_rules! select {
    ($rest:literal) => {
        concat!(
            "SELECT id, number, source, author, state, content_hash, taken_at_ms, decided_by, decided_at_ms, in_force_since_ms \
             FROM template_snapshots WHERE tenant_id = $1 ",
            $rest
        )
    };
}

impl Tx {
    /// Lets nobody else change which version is in force or pending until this transaction ends.
    pub async fn lock_templates(&mut self) -> Result<()> {
        const SQL: &str = "INSERT INTO template_sheets (tenant_id, looked_at_ms) VALUES ($1, 0) \
             ON CONFLICT (tenant_id) DO UPDATE SET tenant_id = excluded.tenant_id";
        execute!(self, SQL, self.tenant.as_ref())?;
        Ok(())
    }

    /// Keeps a good state of the tables and answers its version; content seen before is the version it was. Needs
    /// [`Tx::lock_templates`], so that numbers don't collide.
    pub async fn keep_snapshot(&mut self, new: &NewSnapshot) -> Result<Snapshot> {
        const SQL: &str = "INSERT INTO template_snapshots (id, tenant_id, number, source, author, state, content_hash, \
             men_csv, women_csv, exercises_csv, taken_at_ms) \
             SELECT $1, $2, COALESCE(MAX(number), 0) + 1, $3, $4, 'kept', $5, $6, $7, $8, $9 \
             FROM template_snapshots WHERE tenant_id = $2 \
             ON CONFLICT (tenant_id, content_hash) DO NOTHING";
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.source,
            &new.author,
            &new.content_hash,
            new.tables.men.0.as_slice(),
            new.tables.women.0.as_slice(),
            new.tables.exercises.0.as_slice(),
            new.now.millis()
        )?;
        self.snapshot_of_content(&new.content_hash)
            .await?
            .ok_or_else(|| Error::corrupt("template_snapshots.content_hash", &new.content_hash))
    }

    pub async fn find_snapshot(&mut self, id: &SnapshotId) -> Result<Option<Snapshot>> {
        const SQL: &str = select!("AND id = $2");
        row!(self, SnapshotRow, SQL, self.tenant.as_ref(), id.as_str())?
            .map(SnapshotRow::read)
            .transpose()
    }

    pub async fn snapshot_of_number(&mut self, number: i64) -> Result<Option<Snapshot>> {
        const SQL: &str = select!("AND number = $2");
        row!(self, SnapshotRow, SQL, self.tenant.as_ref(), number)?
            .map(SnapshotRow::read)
            .transpose()
    }

    pub async fn snapshot_of_content(&mut self, hash: &str) -> Result<Option<Snapshot>> {
        const SQL: &str = select!("AND content_hash = $2");
        row!(self, SnapshotRow, SQL, self.tenant.as_ref(), hash)?
            .map(SnapshotRow::read)
            .transpose()
    }

    /// The version that serves; `None` before the first one was kept.
    pub async fn snapshot_in_force(&mut self) -> Result<Option<Snapshot>> {
        const SQL: &str = select!("AND in_force_since_ms IS NOT NULL");
        row!(self, SnapshotRow, SQL, self.tenant.as_ref())?
            .map(SnapshotRow::read)
            .transpose()
    }

    /// The version that waits for a decision.
    pub async fn pending_snapshot(&mut self) -> Result<Option<Snapshot>> {
        const SQL: &str = select!("AND state = 'pending'");
        row!(self, SnapshotRow, SQL, self.tenant.as_ref())?
            .map(SnapshotRow::read)
            .transpose()
    }

    /// Newest first.
    pub async fn list_snapshots(&mut self, page: &PageRequest) -> Result<PageOf<Snapshot>> {
        const SQL: &str = select!("AND id < $2 ORDER BY id DESC LIMIT $3");
        let after = page.after.as_ref().map_or(BEYOND_ALL_IDS, |cursor| cursor.0.as_str());
        let found = rows!(self, SnapshotRow, SQL, self.tenant.as_ref(), after, page.fetch())?
            .into_iter()
            .map(SnapshotRow::read)
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(found, page, |snapshot| snapshot.id.to_string()))
    }

    pub async fn snapshot_tables(&mut self, id: &SnapshotId) -> Result<Option<SnapshotTables>> {
        const SQL: &str =
            "SELECT men_csv, women_csv, exercises_csv FROM template_snapshots WHERE tenant_id = $1 AND id = $2";
        let found = row!(self, TablesRow, SQL, self.tenant.as_ref(), id.as_str())?;
        Ok(found.map(|row| SnapshotTables {
            men: Packed(row.men_csv),
            women: Packed(row.women_csv),
            exercises: Packed(row.exercises_csv),
        }))
    }

    /// Nothing waits for a decision any more. Answers whether something did.
    pub async fn withdraw_pending(&mut self) -> Result<bool> {
        const SQL: &str = "UPDATE template_snapshots SET state = 'kept' WHERE tenant_id = $1 AND state = 'pending'";
        Ok(execute!(self, SQL, self.tenant.as_ref())? > 0)
    }

    /// Lets a version wait for a decision, in place of the one that did.
    pub async fn set_pending(&mut self, id: &SnapshotId) -> Result<()> {
        const SQL: &str = "UPDATE template_snapshots SET state = 'pending', decided_by = NULL, decided_at_ms = NULL \
             WHERE tenant_id = $1 AND id = $2";
        self.withdraw_pending().await?;
        execute!(self, SQL, self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// Turns a waiting version down. Answers whether it was waiting: the first decision wins.
    pub async fn reject_pending(&mut self, id: &SnapshotId, by: &str, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE template_snapshots SET state = 'rejected', decided_by = $1, decided_at_ms = $2 \
             WHERE tenant_id = $3 AND id = $4 AND state = 'pending'";
        Ok(execute!(self, SQL, by, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Lets a version serve from now on.
    pub async fn put_in_force(&mut self, id: &SnapshotId, by: &str, now: Timestamp) -> Result<()> {
        const RETIRE: &str = "UPDATE template_snapshots SET in_force_since_ms = NULL \
             WHERE tenant_id = $1 AND in_force_since_ms IS NOT NULL AND id <> $2";
        const INSTALL: &str = "UPDATE template_snapshots SET state = 'used', decided_by = $1, decided_at_ms = $2, \
             in_force_since_ms = COALESCE(in_force_since_ms, $2) WHERE tenant_id = $3 AND id = $4";
        execute!(self, RETIRE, self.tenant.as_ref(), id.as_str())?;
        execute!(self, INSTALL, by, now.millis(), self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// What the last look at the sheet showed.
    pub async fn sheet_look(&mut self) -> Result<SheetLook> {
        const SQL: &str = "SELECT looked_at_ms, content_hash, well_at_ms, trouble, trouble_since_ms, told_at_ms \
             FROM template_sheets WHERE tenant_id = $1";
        let found = row!(self, LookRow, SQL, self.tenant.as_ref())?;
        Ok(found.map_or_else(SheetLook::default, |row| SheetLook {
            // The row of a lock alone has never looked.
            looked_at: (row.looked_at_ms > 0).then(|| Timestamp::from_millis(row.looked_at_ms)),
            content_hash: row.content_hash,
            well_at: row.well_at_ms.map(Timestamp::from_millis),
            trouble: row.trouble,
            trouble_since: row.trouble_since_ms.map(Timestamp::from_millis),
            told_at: row.told_at_ms.map(Timestamp::from_millis),
        }))
    }

    pub async fn save_sheet_look(&mut self, look: &SheetLook) -> Result<()> {
        const SQL: &str = "INSERT INTO template_sheets (tenant_id, looked_at_ms, content_hash, well_at_ms, trouble, trouble_since_ms, told_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (tenant_id) DO UPDATE SET looked_at_ms = excluded.looked_at_ms, \
             content_hash = excluded.content_hash, well_at_ms = excluded.well_at_ms, trouble = excluded.trouble, \
             trouble_since_ms = excluded.trouble_since_ms, told_at_ms = excluded.told_at_ms";
        execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            look.looked_at.map_or(0, Timestamp::millis),
            look.content_hash.as_deref(),
            look.well_at.map(Timestamp::millis),
            look.trouble.as_deref(),
            look.trouble_since.map(Timestamp::millis),
            look.told_at.map(Timestamp::millis)
        )?;
        Ok(())
    }

    /// Forgets versions taken before `before` that neither serve nor wait and that no programme was made from, `limit` at
    /// most. Returns how many.
    pub async fn purge_snapshots(&mut self, before: Timestamp, limit: u32) -> Result<u64> {
        const SQL: &str = "DELETE FROM template_snapshots WHERE tenant_id = $1 AND id IN ( \
             SELECT s.id FROM template_snapshots s WHERE s.tenant_id = $1 AND s.taken_at_ms < $2 \
             AND s.in_force_since_ms IS NULL AND s.state <> 'pending' \
             AND (s.decided_at_ms IS NULL OR s.decided_at_ms < $2) \
             AND NOT EXISTS (SELECT 1 FROM training_programs p WHERE p.tenant_id = $1 AND p.template_hash = s.content_hash) \
             ORDER BY s.taken_at_ms LIMIT $3)";
        execute!(self, SQL, self.tenant.as_ref(), before.millis(), i64::from(limit))
    }

    /// How many programmes were made from this content.
    pub async fn programs_of_content(&mut self, hash: &str) -> Result<i64> {
        const SQL: &str =
            "SELECT CAST(COUNT(*) AS BIGINT) FROM training_programs WHERE tenant_id = $1 AND template_hash = $2";
        Ok(scalar!(self, i64, SQL, self.tenant.as_ref(), hash)?.unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_reads_back_also_one_that_was_kept_before_tables_were_packed() {
        let csv = "level,goal\nновичок,сила\n".repeat(500);
        let packed = Packed::of(csv.as_bytes());
        assert!(packed.0.len() < csv.len() / 10);
        assert_eq!(packed.open().unwrap(), csv.as_bytes());
        assert_eq!(Packed(csv.clone().into_bytes()).open().unwrap(), csv.as_bytes());
        assert!(Packed(vec![0x1f, 0x8b, 1, 2]).open().is_err());
    }
}
