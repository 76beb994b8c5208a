//! What becomes of a version before its client sees it: it is derived, awaits a decision, is let go or replaced. And which
//! exercises a version uses.
//!
//! Every decision is one conditional `UPDATE` of the version's row: of two at the same instant exactly one counts.

use domain::ids::{ClientId, Id, ProgramBatchId, ProgramId};
use domain::time::Timestamp;

use crate::dialect::{execute, row, rows, scalar};
use crate::{Error, Result, Tx};

/// Where a version comes from.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Lineage {
    pub parent: Option<ProgramId>,
    /// What is to be done differently, as JSON.
    pub revision: Option<String>,
    /// A promise already made to the client.
    pub approve_by: Option<Timestamp>,
    pub batch: Option<ProgramBatchId>,
}

/// A regeneration for many clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProgramBatch {
    pub id: ProgramBatchId,
    pub exercise: String,
    /// Clients found when it began.
    pub total: i64,
    pub started_by: String,
    pub created_at: Timestamp,
    /// When the last version was ordered.
    pub ordered_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct BatchRow {
    id: String,
    exercise_id: String,
    total: i64,
    started_by: String,
    created_at_ms: i64,
    ordered_at_ms: Option<i64>,
}

const REVISION: &str = "training_programs.revision";

/// The newest version of a client and scope that was sent or is about to be, and that uses the exercise.
const USERS: &str = "FROM program_exercises e JOIN training_programs p ON p.id = e.program_id \
     WHERE e.tenant_id = $1 AND e.exercise_id = $2 AND p.tenant_id = $1 AND p.status IN ('ready', 'awaiting_approval') \
     AND p.successor_id IS NULL AND NOT EXISTS (SELECT 1 FROM training_programs n WHERE n.tenant_id = $1 \
         AND n.client_id = p.client_id AND n.scope = p.scope AND n.version > p.version AND n.status IN ('ready', 'awaiting_approval', 'queued'))";

impl Tx {
    /// Writes where a version that was just inserted comes from.
    pub async fn derive_program(&mut self, id: &ProgramId, lineage: &Lineage) -> Result<()> {
        const SQL: &str = "UPDATE training_programs SET parent_id = $1, revision_sealed = $2, approve_by_ms = $3, batch_id = $4 \
             WHERE tenant_id = $5 AND id = $6";
        let revision = lineage
            .revision
            .as_ref()
            .map(|revision| self.seal(REVISION, id.as_str(), revision.as_bytes()))
            .transpose()?;
        execute!(
            self,
            SQL,
            lineage.parent.as_ref().map(ProgramId::as_str),
            revision,
            lineage.approve_by.map(Timestamp::millis),
            lineage.batch.as_ref().map(ProgramBatchId::as_str),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(())
    }

    /// What is to be done differently from the parent, as JSON.
    pub async fn program_revision(&mut self, id: &ProgramId) -> Result<Option<String>> {
        const SQL: &str = "SELECT revision_sealed FROM training_programs \
             WHERE tenant_id = $1 AND id = $2 AND revision_sealed IS NOT NULL";
        scalar!(self, Vec<u8>, SQL, self.tenant.as_ref(), id.as_str())?
            .map(|sealed| self.open_text(REVISION, id.as_str(), &sealed))
            .transpose()
    }

    /// A version that was just made waits for a decision, until `approve_by` at most.
    pub async fn await_approval(&mut self, id: &ProgramId, approve_by: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE training_programs SET status = 'awaiting_approval', approve_by_ms = $1 \
             WHERE tenant_id = $2 AND id = $3 AND status = 'ready' AND delivered_at_ms IS NULL AND decided_at_ms IS NULL";
        Ok(execute!(self, SQL, approve_by.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Lets a waiting version go. Returns false when it was decided before, or when another one is made in its place.
    pub async fn decide_program(&mut self, id: &ProgramId, by: &str, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE training_programs SET status = 'ready', decided_by = $1, decided_at_ms = $2 \
             WHERE tenant_id = $3 AND id = $4 AND status = 'awaiting_approval' AND successor_id IS NULL";
        Ok(execute!(self, SQL, by, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Another version is made in place of one that waits. Returns false when somebody decided before.
    pub async fn begin_succession(
        &mut self,
        id: &ProgramId,
        successor: &ProgramId,
        by: &str,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE training_programs SET successor_id = $1, decided_by = $2, decided_at_ms = $3 \
             WHERE tenant_id = $4 AND id = $5 AND status = 'awaiting_approval' AND successor_id IS NULL";
        Ok(execute!(
            self,
            SQL,
            successor.as_str(),
            by,
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )? == 1)
    }

    /// The successor could not be made: what it was to replace waits again. Returns those versions.
    pub async fn cancel_succession(&mut self, successor: &ProgramId) -> Result<Vec<ProgramId>> {
        const SQL: &str = "UPDATE training_programs SET successor_id = NULL, decided_by = NULL, decided_at_ms = NULL \
             WHERE tenant_id = $1 AND successor_id = $2 AND status = 'awaiting_approval' RETURNING id";
        let found = rows!(self, (String,), SQL, self.tenant.as_ref(), successor.as_str())?;
        parsed(found)
    }

    /// Whatever of this client and of the same scope still waits and is older gives way to `by`. Returns those versions.
    pub async fn supersede_older(
        &mut self,
        client: &ClientId,
        by: &ProgramId,
        version: i64,
        now: Timestamp,
    ) -> Result<Vec<ProgramId>> {
        const SQL: &str = "UPDATE training_programs SET status = 'superseded', successor_id = COALESCE(successor_id, $1), \
             decided_at_ms = COALESCE(decided_at_ms, $2) \
             WHERE tenant_id = $3 AND client_id = $4 AND version < $5 AND status = 'awaiting_approval' \
             AND scope = (SELECT n.scope FROM training_programs n WHERE n.tenant_id = $3 AND n.id = $1) RETURNING id";
        let found = rows!(
            self,
            (String,),
            SQL,
            by.as_str(),
            now.millis(),
            self.tenant.as_ref(),
            client.as_str(),
            version
        )?;
        parsed(found)
    }

    /// A version that was made after its successor is not needed any more.
    pub async fn supersede_program(&mut self, id: &ProgramId, by: &ProgramId, now: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE training_programs SET status = 'superseded', successor_id = $1, decided_at_ms = $2 \
             WHERE tenant_id = $3 AND id = $4 AND delivered_at_ms IS NULL";
        execute!(self, SQL, by.as_str(), now.millis(), self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// A newer version of this client and scope that was made already.
    pub async fn newer_program(&mut self, client: &ClientId, scope: &str, version: i64) -> Result<Option<ProgramId>> {
        const SQL: &str = "SELECT id FROM training_programs WHERE tenant_id = $1 AND client_id = $2 AND version > $3 \
             AND scope = $4 AND status IN ('ready', 'awaiting_approval') ORDER BY version DESC LIMIT 1";
        let found = scalar!(self, String, SQL, self.tenant.as_ref(), client.as_str(), version, scope)?;
        Ok(found.as_deref().and_then(ProgramId::parse))
    }

    /// Keeps everybody else from making or deciding a version of this client until the transaction ends.
    pub async fn lock_programs_of(&mut self, client: &ClientId) -> Result<()> {
        let lock = self.link.choose("", " FOR UPDATE");
        let sql = format!("SELECT id FROM training_programs WHERE tenant_id = $1 AND client_id = $2 ORDER BY id{lock}");
        rows!(
            self,
            (String,),
            sqlx::AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            client.as_str()
        )?;
        Ok(())
    }

    pub async fn keep_phone_version(&mut self, id: &ProgramId, file: &domain::ids::FileId) -> Result<()> {
        const SQL: &str = "UPDATE training_programs SET phone_file_id = $1 WHERE tenant_id = $2 AND id = $3";
        execute!(self, SQL, file.as_str(), self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// (address, message) of the cards about a version that have arrived in the trainers' chats.
    pub async fn approval_cards(&mut self, channel: &str, id: &ProgramId) -> Result<Vec<(String, String)>> {
        const SQL: &str = "SELECT address, external_ref FROM outbox WHERE tenant_id = $1 AND program_id = $2 AND channel = $3 \
             AND kind = 'approval' AND state = 'sent' AND external_ref IS NOT NULL ORDER BY seq";
        rows!(self, (String, String), SQL, self.tenant.as_ref(), id.as_str(), channel)
    }

    /// Writes which exercises a version uses; a second time changes nothing.
    pub async fn index_exercises(&mut self, id: &ProgramId, exercises: &[&str]) -> Result<()> {
        const SQL: &str = "INSERT INTO program_exercises (tenant_id, exercise_id, program_id) VALUES ($1, $2, $3) \
             ON CONFLICT (tenant_id, exercise_id, program_id) DO NOTHING";
        for exercise in exercises {
            execute!(self, SQL, self.tenant.as_ref(), *exercise, id.as_str())?;
        }
        Ok(())
    }

    /// Versions with a document whose exercises were not written down: they were made before that was done.
    pub async fn unindexed_programs(&mut self, after: &str, limit: u32) -> Result<Vec<ProgramId>> {
        const SQL: &str = "SELECT id FROM training_programs p WHERE p.tenant_id = $1 AND p.id > $2 AND p.status = 'ready' \
             AND NOT EXISTS (SELECT 1 FROM program_exercises e WHERE e.program_id = p.id) ORDER BY p.id LIMIT $3";
        parsed(rows!(
            self,
            (String,),
            SQL,
            self.tenant.as_ref(),
            after,
            i64::from(limit)
        )?)
    }

    /// How many programmes would get another version if an exercise were withdrawn.
    pub async fn count_exercise_users(&mut self, exercise: &str) -> Result<i64> {
        let sql = format!("SELECT CAST(COUNT(*) AS BIGINT) {USERS}");
        let found = scalar!(
            self,
            i64,
            sqlx::AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            exercise
        )?;
        Ok(found.unwrap_or_default())
    }

    /// Those clients with their versions, in the order of versions, after the version `after`.
    pub async fn exercise_users(
        &mut self,
        exercise: &str,
        after: &str,
        limit: u32,
    ) -> Result<Vec<(ClientId, ProgramId)>> {
        let sql = format!("SELECT p.client_id, p.id {USERS} AND p.id > $3 ORDER BY p.id LIMIT $4");
        rows!(
            self,
            (String, String),
            sqlx::AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            exercise,
            after,
            i64::from(limit)
        )?
        .into_iter()
        .map(|(client, program)| {
            Ok((
                ClientId::parse(&client).ok_or_else(|| Error::corrupt("training_programs.client_id", &client))?,
                ProgramId::parse(&program).ok_or_else(|| Error::corrupt("training_programs.id", &program))?,
            ))
        })
        .collect()
    }

    pub async fn insert_program_batch(&mut self, batch: &ProgramBatch) -> Result<()> {
        const SQL: &str = "INSERT INTO program_batches (id, tenant_id, exercise_id, total, started_by, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)";
        execute!(
            self,
            SQL,
            batch.id.as_str(),
            self.tenant.as_ref(),
            &batch.exercise,
            batch.total,
            &batch.started_by,
            batch.created_at.millis()
        )?;
        Ok(())
    }

    pub async fn find_program_batch(&mut self, id: &ProgramBatchId) -> Result<Option<ProgramBatch>> {
        const SQL: &str = "SELECT id, exercise_id, total, started_by, created_at_ms, ordered_at_ms FROM program_batches \
             WHERE tenant_id = $1 AND id = $2";
        row!(self, BatchRow, SQL, self.tenant.as_ref(), id.as_str())?
            .map(|row| {
                Ok(ProgramBatch {
                    id: ProgramBatchId::parse(&row.id).ok_or_else(|| Error::corrupt("program_batches.id", &row.id))?,
                    exercise: row.exercise_id,
                    total: row.total,
                    started_by: row.started_by,
                    created_at: Timestamp::from_millis(row.created_at_ms),
                    ordered_at: row.ordered_at_ms.map(Timestamp::from_millis),
                })
            })
            .transpose()
    }

    /// Every version of the batch is ordered.
    pub async fn finish_program_batch(&mut self, id: &ProgramBatchId, now: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE program_batches SET ordered_at_ms = $1 WHERE tenant_id = $2 AND id = $3";
        execute!(self, SQL, now.millis(), self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// (status, versions) of a batch.
    pub async fn program_batch_progress(&mut self, id: &ProgramBatchId) -> Result<Vec<(String, i64)>> {
        const SQL: &str = "SELECT status, CAST(COUNT(*) AS BIGINT) FROM training_programs \
             WHERE tenant_id = $1 AND batch_id = $2 GROUP BY status ORDER BY status";
        rows!(self, (String, i64), SQL, self.tenant.as_ref(), id.as_str())
    }
}

fn parsed(found: Vec<(String,)>) -> Result<Vec<ProgramId>> {
    found
        .into_iter()
        .map(|(id,)| ProgramId::parse(&id).ok_or_else(|| Error::corrupt("training_programs.id", &id)))
        .collect()
}
