//! Training programmes and their versions.

use domain::ids::{ClientId, FileId, Id, ProgramId, QuestionnaireId};
use domain::language::Language;
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, scalar};
use crate::keyset::Statement;
use crate::{Error, PageOf, PageRequest, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewProgram {
    pub id: ProgramId,
    pub client: ClientId,
    pub questionnaire: QuestionnaireId,
    /// `free` or `full`.
    pub scope: &'static str,
    pub language: Language,
    /// Why this version was made: `questionnaire`, `trainer`, `regenerated`, `swap`, `variant`, `note`, `withdrawn`.
    pub reason: String,
    pub now: Timestamp,
}

/// What a finished version holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReadyProgram {
    pub file: FileId,
    pub template_hash: String,
    /// `llm`, `llm_corrected` or `plain`.
    pub wording: &'static str,
    /// The matched rows and their words, as JSON.
    pub program: String,
    /// How it came about: relaxations, what the checker changed, what the LLM answered; JSON.
    pub report: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Program {
    pub id: ProgramId,
    pub client: ClientId,
    pub questionnaire: QuestionnaireId,
    /// From 1 for each client.
    pub version: i64,
    pub scope: String,
    /// `queued`, `awaiting_approval`, `ready`, `failed`, or `superseded`: another version took its place unseen.
    pub status: String,
    pub language: Language,
    pub reason: String,
    pub template_hash: Option<String>,
    pub wording: Option<String>,
    pub file: Option<FileId>,
    pub error: Option<String>,
    pub created_at: Timestamp,
    pub ready_at: Option<Timestamp>,
    pub delivered_at: Option<Timestamp>,
    /// The version it was derived from.
    pub parent: Option<ProgramId>,
    /// The version being made in place of this one.
    pub successor: Option<ProgramId>,
    /// When it goes out without a decision.
    pub approve_by: Option<Timestamp>,
    /// Who let it go: a name, an actor, or `clock`.
    pub decided_by: Option<String>,
    pub decided_at: Option<Timestamp>,
    pub phone_file: Option<FileId>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ProgramFilter {
    pub client: Option<ClientId>,
    pub status: Option<String>,
}

#[derive(sqlx::FromRow)]
struct ProgramRow {
    id: String,
    client_id: String,
    questionnaire_id: String,
    version: i64,
    scope: String,
    status: String,
    language: String,
    reason: String,
    template_hash: Option<String>,
    wording: Option<String>,
    file_id: Option<String>,
    error: Option<String>,
    created_at_ms: i64,
    ready_at_ms: Option<i64>,
    delivered_at_ms: Option<i64>,
    parent_id: Option<String>,
    successor_id: Option<String>,
    approve_by_ms: Option<i64>,
    decided_by: Option<String>,
    decided_at_ms: Option<i64>,
    phone_file_id: Option<String>,
}

const SELECT: &str = "SELECT id, client_id, questionnaire_id, version, scope, status, language, reason, template_hash, wording, \
     file_id, error, created_at_ms, ready_at_ms, delivered_at_ms, parent_id, successor_id, approve_by_ms, decided_by, \
     decided_at_ms, phone_file_id FROM training_programs WHERE tenant_id = $1";

impl TryFrom<ProgramRow> for Program {
    type Error = Error;

    fn try_from(row: ProgramRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        Ok(Self {
            id: ProgramId::parse(&row.id).ok_or_else(|| corrupt("training_programs.id"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt("training_programs.client_id"))?,
            questionnaire: QuestionnaireId::parse(&row.questionnaire_id)
                .ok_or_else(|| corrupt("training_programs.questionnaire_id"))?,
            language: Language::parse(&row.language).ok_or_else(|| corrupt("training_programs.language"))?,
            file: row.file_id.as_deref().and_then(FileId::parse),
            version: row.version,
            scope: row.scope,
            status: row.status,
            reason: row.reason,
            template_hash: row.template_hash,
            wording: row.wording,
            error: row.error,
            created_at: Timestamp::from_millis(row.created_at_ms),
            ready_at: row.ready_at_ms.map(Timestamp::from_millis),
            delivered_at: row.delivered_at_ms.map(Timestamp::from_millis),
            parent: row.parent_id.as_deref().and_then(ProgramId::parse),
            successor: row.successor_id.as_deref().and_then(ProgramId::parse),
            approve_by: row.approve_by_ms.map(Timestamp::from_millis),
            decided_by: row.decided_by,
            decided_at: row.decided_at_ms.map(Timestamp::from_millis),
            phone_file: row.phone_file_id.as_deref().and_then(FileId::parse),
        })
    }
}

impl Tx {
    /// Adds the client's next version. Its number is taken under the client's conversation lock or write lock;
    /// the schema refuses a number used twice.
    pub async fn insert_program(&mut self, new: &NewProgram) -> Result<i64> {
        const NEXT: &str =
            "SELECT COALESCE(MAX(version), 0) + 1 FROM training_programs WHERE tenant_id = $1 AND client_id = $2";
        const SQL: &str = "INSERT INTO training_programs (id, tenant_id, client_id, questionnaire_id, version, scope, status, language, reason, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, 'queued', $7, $8, $9)";
        let version = scalar!(self, i64, NEXT, self.tenant.as_ref(), new.client.as_str())?.unwrap_or(1);
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.client.as_str(),
            new.questionnaire.as_str(),
            version,
            new.scope,
            new.language.code(),
            &new.reason,
            new.now.millis()
        )?;
        Ok(version)
    }

    /// Returns false when the version is no longer queued.
    pub async fn ready_program(&mut self, id: &ProgramId, ready: &ReadyProgram, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE training_programs SET status = 'ready', file_id = $1, template_hash = $2, wording = $3, \
             program_sealed = $4, report_sealed = $5, ready_at_ms = $6, error = NULL \
             WHERE tenant_id = $7 AND id = $8 AND status IN ('queued', 'failed')";
        let program = self.seal("training_programs.program", id.as_str(), ready.program.as_bytes())?;
        let report = self.seal("training_programs.report", id.as_str(), ready.report.as_bytes())?;
        let changed = execute!(
            self,
            SQL,
            ready.file.as_str(),
            &ready.template_hash,
            ready.wording,
            program,
            report,
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    pub async fn fail_program(&mut self, id: &ProgramId, error: &str) -> Result<bool> {
        const SQL: &str = "UPDATE training_programs SET status = 'failed', error = $1 \
             WHERE tenant_id = $2 AND id = $3 AND status = 'queued'";
        Ok(execute!(self, SQL, error, self.tenant.as_ref(), id.as_str())? == 1)
    }

    /// Returns whether this was the first delivery.
    pub async fn mark_program_delivered(&mut self, id: &ProgramId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE training_programs SET delivered_at_ms = $1 \
             WHERE tenant_id = $2 AND id = $3 AND delivered_at_ms IS NULL";
        Ok(execute!(self, SQL, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }

    pub async fn find_program(&mut self, id: &ProgramId) -> Result<Option<Program>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            ProgramRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(Program::try_from)
        .transpose()
    }

    /// Loads a version and keeps every other decision about it away until the transaction ends.
    pub async fn lock_program(&mut self, id: &ProgramId) -> Result<Option<Program>> {
        let lock = self.link.choose("", " FOR UPDATE");
        let sql = format!("{SELECT} AND id = $2{lock}");
        row!(
            self,
            ProgramRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(Program::try_from)
        .transpose()
    }

    /// (matched rows, report) of a ready version, as JSON texts.
    pub async fn program_details(&mut self, id: &ProgramId) -> Result<Option<(String, String)>> {
        const SQL: &str = "SELECT program_sealed, report_sealed FROM training_programs \
             WHERE tenant_id = $1 AND id = $2 AND program_sealed IS NOT NULL AND report_sealed IS NOT NULL";
        row!(self, (Vec<u8>, Vec<u8>), SQL, self.tenant.as_ref(), id.as_str())?
            .map(|(program, report)| {
                Ok((
                    self.open_text("training_programs.program", id.as_str(), &program)?,
                    self.open_text("training_programs.report", id.as_str(), &report)?,
                ))
            })
            .transpose()
    }

    /// The newest version that is ready.
    pub async fn latest_ready_program(&mut self, client: &ClientId) -> Result<Option<Program>> {
        let sql = format!("{SELECT} AND client_id = $2 AND status = 'ready' ORDER BY version DESC LIMIT 1");
        row!(
            self,
            ProgramRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            client.as_str()
        )?
        .map(Program::try_from)
        .transpose()
    }

    /// Newest first.
    pub async fn list_programs(&mut self, filter: &ProgramFilter, page: &PageRequest) -> Result<PageOf<Program>> {
        let mut statement = Statement::new(SELECT);
        let columns = match &filter.client {
            // A client has few: their own index finds them, whatever their status.
            Some(client) => {
                statement.compare("status", "=", filter.status.clone());
                vec![("client_id", client.to_string())]
            }
            None => filter.status.iter().map(|status| ("status", status.clone())).collect(),
        };
        statement.walk(&columns, "id", String::new());
        let found: Vec<ProgramRow> = self.fetch_page(statement, page).await?;
        let programs = found.into_iter().map(Program::try_from).collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(programs, page, |program| program.id.to_string()))
    }
}
