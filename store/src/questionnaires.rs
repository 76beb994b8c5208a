//! Forms, runs and answers.

use domain::ids::{ClientId, FormId, Id, QuestionnaireId};
use domain::questionnaire::{Answer, Answers};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows};
use crate::keyset::Statement;
use crate::{Error, PageOf, PageRequest, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FormRow {
    pub id: FormId,
    pub version: i64,
    /// The form as JSON.
    pub definition: String,
    pub author: String,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Questionnaire {
    pub id: QuestionnaireId,
    pub client: ClientId,
    /// `in_progress`, `completed` or `abandoned`.
    pub status: String,
    pub form_version: i64,
    pub needs_trainer: bool,
    pub started_at: Timestamp,
    pub completed_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredAnswer {
    pub question: String,
    /// `None`: asked and not answered.
    pub answer: Option<Answer>,
    pub asked_at: Timestamp,
    pub answered_at: Option<Timestamp>,
    /// Milliseconds between being asked and answering, over all times it was asked.
    pub spent_ms: i64,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QuestionnaireFilter {
    pub client: Option<ClientId>,
    pub status: Option<String>,
}

/// How a question fares: how many were asked, how many answered, where they stopped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DropOff {
    pub question: String,
    pub asked: i64,
    pub answered: i64,
    /// Runs that stand at this question and were never finished.
    pub dropped: i64,
    pub average_ms: i64,
}

#[derive(sqlx::FromRow)]
struct QuestionnaireRow {
    id: String,
    client_id: String,
    status: String,
    form_version: i64,
    needs_trainer: i64,
    started_at_ms: i64,
    completed_at_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct AnswerRow {
    question_id: String,
    value_sealed: Option<Vec<u8>>,
    asked_at_ms: i64,
    answered_at_ms: Option<i64>,
    spent_ms: i64,
}

const SELECT: &str = "SELECT id, client_id, status, form_version, needs_trainer, started_at_ms, completed_at_ms \
     FROM questionnaires WHERE tenant_id = $1";
const VALUE: &str = "questionnaire_answers.value";

impl TryFrom<QuestionnaireRow> for Questionnaire {
    type Error = Error;

    fn try_from(row: QuestionnaireRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        Ok(Self {
            id: QuestionnaireId::parse(&row.id).ok_or_else(|| corrupt("questionnaires.id"))?,
            client: ClientId::parse(&row.client_id).ok_or_else(|| corrupt("questionnaires.client_id"))?,
            status: row.status,
            form_version: row.form_version,
            needs_trainer: row.needs_trainer != 0,
            started_at: Timestamp::from_millis(row.started_at_ms),
            completed_at: row.completed_at_ms.map(Timestamp::from_millis),
        })
    }
}

/// The place a sealed answer is bound to.
fn owner(run: &QuestionnaireId, question: &str) -> String {
    format!("{run}/{question}")
}

fn form_row((id, version, definition, author, at): (String, i64, String, String, i64)) -> Result<FormRow> {
    Ok(FormRow {
        id: FormId::parse(&id).ok_or_else(|| Error::corrupt("questionnaire_forms.id", &id))?,
        version,
        definition,
        author,
        created_at: Timestamp::from_millis(at),
    })
}

impl Tx {
    /// The form in force: the newest version.
    pub async fn current_form(&mut self) -> Result<Option<FormRow>> {
        const SQL: &str = "SELECT id, version, definition, author, created_at_ms FROM questionnaire_forms \
             WHERE tenant_id = $1 ORDER BY version DESC LIMIT 1";
        row!(self, (String, i64, String, String, i64), SQL, self.tenant.as_ref())?
            .map(form_row)
            .transpose()
    }

    /// An earlier version of the form.
    pub async fn form_of_version(&mut self, version: i64) -> Result<Option<FormRow>> {
        const SQL: &str = "SELECT id, version, definition, author, created_at_ms FROM questionnaire_forms \
             WHERE tenant_id = $1 AND version = $2";
        row!(
            self,
            (String, i64, String, String, i64),
            SQL,
            self.tenant.as_ref(),
            version
        )?
        .map(form_row)
        .transpose()
    }

    /// Saves the next version. Errors: a unique violation when somebody else saved it first.
    pub async fn insert_form(&mut self, form: &FormRow) -> Result<()> {
        const SQL: &str = "INSERT INTO questionnaire_forms (id, tenant_id, version, definition, author, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6)";
        execute!(
            self,
            SQL,
            form.id.as_str(),
            self.tenant.as_ref(),
            form.version,
            &form.definition,
            &form.author,
            form.created_at.millis()
        )?;
        Ok(())
    }

    /// Ends an open run, if there is one, and begins another.
    pub async fn begin_questionnaire(
        &mut self,
        id: &QuestionnaireId,
        client: &ClientId,
        form_version: i64,
        now: Timestamp,
    ) -> Result<()> {
        const END: &str = "UPDATE questionnaires SET status = 'abandoned' \
             WHERE tenant_id = $1 AND client_id = $2 AND status = 'in_progress'";
        const BEGIN: &str = "INSERT INTO questionnaires (id, tenant_id, client_id, status, form_version, needs_trainer, started_at_ms) \
             VALUES ($1, $2, $3, 'in_progress', $4, 0, $5)";
        execute!(self, END, self.tenant.as_ref(), client.as_str())?;
        execute!(
            self,
            BEGIN,
            id.as_str(),
            self.tenant.as_ref(),
            client.as_str(),
            form_version,
            now.millis()
        )?;
        Ok(())
    }

    pub async fn complete_questionnaire(
        &mut self,
        id: &QuestionnaireId,
        needs_trainer: bool,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE questionnaires SET status = 'completed', needs_trainer = $1, completed_at_ms = $2 \
             WHERE tenant_id = $3 AND id = $4 AND status = 'in_progress'";
        Ok(execute!(
            self,
            SQL,
            i64::from(needs_trainer),
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )? == 1)
    }

    pub async fn find_questionnaire(&mut self, id: &QuestionnaireId) -> Result<Option<Questionnaire>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            QuestionnaireRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(Questionnaire::try_from)
        .transpose()
    }

    /// The run a client is in or finished last.
    pub async fn latest_questionnaire(&mut self, client: &ClientId) -> Result<Option<Questionnaire>> {
        let sql = format!("{SELECT} AND client_id = $2 ORDER BY seq DESC LIMIT 1");
        row!(
            self,
            QuestionnaireRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            client.as_str()
        )?
        .map(Questionnaire::try_from)
        .transpose()
    }

    /// Newest first.
    pub async fn list_questionnaires(
        &mut self,
        filter: &QuestionnaireFilter,
        page: &PageRequest,
    ) -> Result<PageOf<Questionnaire>> {
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
        let found: Vec<QuestionnaireRow> = self.fetch_page(statement, page).await?;
        let runs = found
            .into_iter()
            .map(Questionnaire::try_from)
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(runs, page, |run| run.id.to_string()))
    }

    /// The question is on the screen: its time runs from now. An answer it already has stays.
    pub async fn mark_asked(&mut self, run: &QuestionnaireId, question: &str, now: Timestamp) -> Result<()> {
        const SQL: &str = "INSERT INTO questionnaire_answers (tenant_id, questionnaire_id, question_id, asked_at_ms, spent_ms) \
             VALUES ($1, $2, $3, $4, 0) \
             ON CONFLICT (tenant_id, questionnaire_id, question_id) DO UPDATE SET asked_at_ms = excluded.asked_at_ms";
        execute!(self, SQL, self.tenant.as_ref(), run.as_str(), question, now.millis())?;
        Ok(())
    }

    /// Answering again without being asked again adds the time since the last answer, not since the question.
    pub async fn save_answer(
        &mut self,
        run: &QuestionnaireId,
        question: &str,
        answer: &Answer,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO questionnaire_answers (tenant_id, questionnaire_id, question_id, value_sealed, asked_at_ms, answered_at_ms, spent_ms) \
             VALUES ($1, $2, $3, $4, $5, $5, 0) \
             ON CONFLICT (tenant_id, questionnaire_id, question_id) DO UPDATE SET value_sealed = excluded.value_sealed, \
             spent_ms = questionnaire_answers.spent_ms + CASE \
                 WHEN excluded.answered_at_ms <= questionnaire_answers.asked_at_ms THEN 0 \
                 WHEN excluded.answered_at_ms <= questionnaire_answers.answered_at_ms THEN 0 \
                 WHEN questionnaire_answers.answered_at_ms > questionnaire_answers.asked_at_ms \
                 THEN excluded.answered_at_ms - questionnaire_answers.answered_at_ms \
                 ELSE excluded.answered_at_ms - questionnaire_answers.asked_at_ms END, \
             answered_at_ms = excluded.answered_at_ms";
        let owner = owner(run, question);
        let plain = serde_json::to_vec(answer).map_err(|_| Error::corrupt(VALUE, &owner))?;
        let sealed = self.seal(VALUE, &owner, &plain)?;
        execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            run.as_str(),
            question,
            sealed,
            now.millis()
        )?;
        Ok(())
    }

    /// Forgets an answer; that the question was asked stays known.
    pub async fn drop_answer(&mut self, run: &QuestionnaireId, question: &str) -> Result<()> {
        const SQL: &str = "UPDATE questionnaire_answers SET value_sealed = NULL, answered_at_ms = NULL \
             WHERE tenant_id = $1 AND questionnaire_id = $2 AND question_id = $3";
        execute!(self, SQL, self.tenant.as_ref(), run.as_str(), question)?;
        Ok(())
    }

    /// Every question that was asked, in the order it last was.
    pub async fn stored_answers(&mut self, run: &QuestionnaireId) -> Result<Vec<StoredAnswer>> {
        const SQL: &str = "SELECT question_id, value_sealed, asked_at_ms, answered_at_ms, spent_ms FROM questionnaire_answers \
             WHERE tenant_id = $1 AND questionnaire_id = $2 ORDER BY asked_at_ms, question_id";
        let found = rows!(self, AnswerRow, SQL, self.tenant.as_ref(), run.as_str())?;
        found
            .into_iter()
            .map(|row| {
                let owner = owner(run, &row.question_id);
                let answer = row
                    .value_sealed
                    .map(|sealed| {
                        let plain = self.open(VALUE, &owner, &sealed)?;
                        serde_json::from_slice(&plain).map_err(|_| Error::corrupt(VALUE, &owner))
                    })
                    .transpose()?;
                Ok(StoredAnswer {
                    question: row.question_id,
                    answer,
                    asked_at: Timestamp::from_millis(row.asked_at_ms),
                    answered_at: row.answered_at_ms.map(Timestamp::from_millis),
                    spent_ms: row.spent_ms,
                })
            })
            .collect()
    }

    pub async fn answers(&mut self, run: &QuestionnaireId) -> Result<Answers> {
        let stored = self.stored_answers(run).await?;
        Ok(stored
            .into_iter()
            .filter_map(|row| row.answer.map(|answer| (row.question, answer)))
            .collect())
    }

    /// Per question, over runs that began since `since`. The average is cut to whole milliseconds: AVG is rounded by one
    /// database and cut by the other, so the sum is divided here as integers.
    pub async fn drop_off(&mut self, since: Timestamp) -> Result<Vec<DropOff>> {
        const SQL: &str = "SELECT a.question_id, COUNT(*), CAST(COUNT(a.answered_at_ms) AS BIGINT), \
             CAST(SUM(CASE WHEN a.answered_at_ms IS NULL AND q.status <> 'completed' THEN 1 ELSE 0 END) AS BIGINT), \
             CAST(COALESCE(SUM(CASE WHEN a.answered_at_ms IS NULL THEN 0 ELSE a.spent_ms END), 0) AS BIGINT) \
                 / CASE COUNT(a.answered_at_ms) WHEN 0 THEN 1 ELSE COUNT(a.answered_at_ms) END \
             FROM questionnaire_answers a JOIN questionnaires q ON q.id = a.questionnaire_id \
             WHERE a.tenant_id = $1 AND q.started_at_ms >= $2 GROUP BY a.question_id ORDER BY a.question_id";
        let found = rows!(
            self,
            (String, i64, i64, i64, i64),
            SQL,
            self.tenant.as_ref(),
            since.millis()
        )?;
        Ok(found
            .into_iter()
            .map(|(question, asked, answered, dropped, average_ms)| DropOff {
                question,
                asked,
                answered,
                dropped,
                average_ms,
            })
            .collect())
    }
}
