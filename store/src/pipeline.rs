//! Stages, counts and the history of moves.

use domain::ids::{ClientId, Id, MoveId, StageId};
use domain::language::Localized;
use domain::pipeline::StageKind;
use domain::time::Timestamp;

use crate::dialect::{execute, row, rows};
use crate::{Error, PageOf, PageRequest, Result, Tx};

/// Counts are spread over this many rows a stage.
const SHARDS: u8 = 16;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stage {
    pub id: StageId,
    pub kind: StageKind,
    pub title: Localized,
    pub position: i64,
    pub version: i64,
    pub archived_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StageTotal {
    pub stage: StageId,
    pub clients: i64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewMove {
    pub id: MoveId,
    pub client: ClientId,
    pub from: Option<StageId>,
    pub to: StageId,
    pub actor: String,
    pub reason: String,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Move {
    pub id: MoveId,
    pub from: Option<StageId>,
    pub to: StageId,
    pub actor: String,
    pub reason: String,
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct StageRow {
    id: String,
    kind: String,
    title_ru: String,
    title_en: String,
    position: i64,
    version: i64,
    archived_at_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct MoveRow {
    id: String,
    from_stage_id: Option<String>,
    to_stage_id: String,
    actor: String,
    reason: String,
    at_ms: i64,
}

/// Which shard of a stage's count a client belongs to: by the last, random character of the id.
pub(crate) fn shard_of(client: &ClientId) -> i64 {
    i64::from(client.as_str().bytes().last().unwrap_or_default() % SHARDS)
}

impl TryFrom<StageRow> for Stage {
    type Error = Error;

    fn try_from(row: StageRow) -> Result<Self> {
        Ok(Self {
            id: StageId::parse(&row.id).ok_or_else(|| Error::corrupt("pipeline_stages.id", &row.id))?,
            kind: StageKind::parse(&row.kind).ok_or_else(|| Error::corrupt("pipeline_stages.kind", &row.id))?,
            title: Localized::new(row.title_ru, row.title_en),
            position: row.position,
            version: row.version,
            archived_at: row.archived_at_ms.map(Timestamp::from_millis),
        })
    }
}

impl TryFrom<MoveRow> for Move {
    type Error = Error;

    fn try_from(row: MoveRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        Ok(Self {
            id: MoveId::parse(&row.id).ok_or_else(|| corrupt("client_pipelines.id"))?,
            from: row.from_stage_id.as_deref().and_then(StageId::parse),
            to: StageId::parse(&row.to_stage_id).ok_or_else(|| corrupt("client_pipelines.to_stage_id"))?,
            actor: row.actor,
            reason: row.reason,
            at: Timestamp::from_millis(row.at_ms),
        })
    }
}

impl Tx {
    /// Every stage that is not archived, in order.
    pub async fn stages(&mut self) -> Result<Vec<Stage>> {
        const SQL: &str = "SELECT id, kind, title_ru, title_en, position, version, archived_at_ms FROM pipeline_stages \
             WHERE tenant_id = $1 AND archived_at_ms IS NULL ORDER BY position, id";
        rows!(self, StageRow, SQL, self.tenant.as_ref())?
            .into_iter()
            .map(Stage::try_from)
            .collect()
    }

    pub async fn find_stage(&mut self, id: &StageId) -> Result<Option<Stage>> {
        const SQL: &str = "SELECT id, kind, title_ru, title_en, position, version, archived_at_ms FROM pipeline_stages \
             WHERE tenant_id = $1 AND id = $2";
        row!(self, StageRow, SQL, self.tenant.as_ref(), id.as_str())?
            .map(Stage::try_from)
            .transpose()
    }

    /// The first stage of a kind: where automations move clients to.
    pub async fn stage_of_kind(&mut self, kind: StageKind) -> Result<Option<Stage>> {
        const SQL: &str = "SELECT id, kind, title_ru, title_en, position, version, archived_at_ms FROM pipeline_stages \
             WHERE tenant_id = $1 AND kind = $2 AND archived_at_ms IS NULL ORDER BY position, id LIMIT 1";
        row!(self, StageRow, SQL, self.tenant.as_ref(), kind.code())?
            .map(Stage::try_from)
            .transpose()
    }

    pub async fn insert_stage(&mut self, stage: &Stage) -> Result<()> {
        const SQL: &str = "INSERT INTO pipeline_stages (id, tenant_id, kind, title_ru, title_en, position, version) \
             VALUES ($1, $2, $3, $4, $5, $6, 1)";
        execute!(
            self,
            SQL,
            stage.id.as_str(),
            self.tenant.as_ref(),
            stage.kind.code(),
            &stage.title.ru,
            &stage.title.en,
            stage.position
        )?;
        Ok(())
    }

    /// Errors: [`Error::VersionConflict`] when `stage.version` is no longer current.
    pub async fn update_stage(&mut self, stage: &Stage) -> Result<()> {
        const SQL: &str = "UPDATE pipeline_stages SET title_ru = $1, title_en = $2, position = $3, archived_at_ms = $4, \
             version = version + 1 WHERE tenant_id = $5 AND id = $6 AND version = $7";
        let changed = execute!(
            self,
            SQL,
            &stage.title.ru,
            &stage.title.en,
            stage.position,
            stage.archived_at.map(Timestamp::millis),
            self.tenant.as_ref(),
            stage.id.as_str(),
            stage.version
        )?;
        if changed == 1 {
            Ok(())
        } else {
            Err(Error::VersionConflict { what: "stage" })
        }
    }

    /// How many clients stand in each stage. Never counts rows.
    pub async fn stage_totals(&mut self) -> Result<Vec<StageTotal>> {
        const SQL: &str = "SELECT stage_id, CAST(SUM(clients) AS BIGINT) FROM stage_counts WHERE tenant_id = $1 \
             GROUP BY stage_id ORDER BY stage_id";
        rows!(self, (String, i64), SQL, self.tenant.as_ref())?
            .into_iter()
            .map(|(id, clients)| {
                let stage = StageId::parse(&id).ok_or_else(|| Error::corrupt("stage_counts.stage_id", &id))?;
                Ok(StageTotal { stage, clients })
            })
            .collect()
    }

    pub(crate) async fn add_to_stage(&mut self, stage: &StageId, shard: i64, clients: i64) -> Result<()> {
        const SQL: &str = "INSERT INTO stage_counts (tenant_id, stage_id, shard, clients) VALUES ($1, $2, $3, $4) \
             ON CONFLICT (tenant_id, stage_id, shard) DO UPDATE SET clients = stage_counts.clients + excluded.clients";
        execute!(self, SQL, self.tenant.as_ref(), stage.as_str(), shard, clients)?;
        Ok(())
    }

    /// Moves a client and writes the history. Returns whether the client stood in `from` and has moved.
    pub async fn move_client(&mut self, step: &NewMove) -> Result<bool> {
        const SQL: &str = "UPDATE clients SET stage_id = $1, updated_at_ms = $2, version = version + 1 \
             WHERE tenant_id = $3 AND id = $4 AND stage_id = $5";
        if let Some(from) = &step.from {
            let moved = execute!(
                self,
                SQL,
                step.to.as_str(),
                step.now.millis(),
                self.tenant.as_ref(),
                step.client.as_str(),
                from.as_str()
            )?;
            if moved == 0 {
                return Ok(false);
            }
            let shard = shard_of(&step.client);
            // Always in the same order: two moves in opposite directions would wait for each other's row forever.
            let mut changes = [(from, -1), (&step.to, 1)];
            changes.sort();
            for (stage, clients) in changes {
                self.add_to_stage(stage, shard, clients).await?;
            }
        }
        self.insert_move(step).await?;
        Ok(true)
    }

    /// Writes a history row alone: for a client that was just inserted into its first stage.
    pub async fn insert_move(&mut self, step: &NewMove) -> Result<()> {
        const SQL: &str = "INSERT INTO client_pipelines (id, tenant_id, client_id, from_stage_id, to_stage_id, actor, reason, at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        execute!(
            self,
            SQL,
            step.id.as_str(),
            self.tenant.as_ref(),
            step.client.as_str(),
            step.from.as_ref().map(StageId::as_str),
            step.to.as_str(),
            &step.actor,
            &step.reason,
            step.now.millis()
        )?;
        Ok(())
    }

    /// The moves of a client, newest first, at most 200.
    pub async fn moves_of(&mut self, client: &ClientId) -> Result<Vec<Move>> {
        const SQL: &str = "SELECT id, from_stage_id, to_stage_id, actor, reason, at_ms FROM client_pipelines \
             WHERE tenant_id = $1 AND client_id = $2 ORDER BY id DESC LIMIT 200";
        rows!(self, MoveRow, SQL, self.tenant.as_ref(), client.as_str())?
            .into_iter()
            .map(Move::try_from)
            .collect()
    }

    /// The moves of a client, newest first.
    pub async fn list_moves(&mut self, client: &ClientId, page: &PageRequest) -> Result<PageOf<Move>> {
        const SQL: &str =
            "SELECT id, from_stage_id, to_stage_id, actor, reason, at_ms FROM client_pipelines WHERE tenant_id = $1";
        let of_client = [("client_id", client.to_string())];
        let found: Vec<MoveRow> = self.newest(SQL, &of_client, "id", page).await?;
        let moves = found.into_iter().map(Move::try_from).collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(moves, page, |step| step.id.to_string()))
    }

    /// [`Tx::stages`], held until the end of the transaction: nobody else edits a stage or adds a client to one meanwhile.
    pub async fn lock_stages(&mut self) -> Result<Vec<Stage>> {
        // SQLite's writer is alone anyway; on PostgreSQL this also waits for inserts that refer to a stage.
        let sql = self.link.choose(
            "SELECT id, kind, title_ru, title_en, position, version, archived_at_ms FROM pipeline_stages \
             WHERE tenant_id = $1 AND archived_at_ms IS NULL ORDER BY position, id",
            "SELECT id, kind, title_ru, title_en, position, version, archived_at_ms FROM pipeline_stages \
             WHERE tenant_id = $1 AND archived_at_ms IS NULL ORDER BY position, id FOR UPDATE",
        );
        rows!(self, StageRow, sql, self.tenant.as_ref())?
            .into_iter()
            .map(Stage::try_from)
            .collect()
    }

    /// Puts a stage at another place. Its version stays: making room for a neighbour is no edit of this stage.
    pub async fn place_stage(&mut self, id: &StageId, position: i64) -> Result<()> {
        const SQL: &str = "UPDATE pipeline_stages SET position = $1 WHERE tenant_id = $2 AND id = $3";
        execute!(self, SQL, position, self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }
}
