//! What a person has to do, with the facts on it.

use domain::ids::{ClientId, Id, OrderId, PaymentId, RefundId, TaskId};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, scalar};
use crate::{Error, PageOf, PageRequest, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewTask {
    pub id: TaskId,
    pub kind: String,
    /// One task for one cause, however often the cause is seen.
    pub dedupe_key: String,
    pub client: Option<ClientId>,
    pub order: Option<OrderId>,
    pub payment: Option<PaymentId>,
    pub refund: Option<RefundId>,
    /// JSON.
    pub facts: String,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Task {
    pub id: TaskId,
    pub kind: String,
    pub is_done: bool,
    pub client: Option<ClientId>,
    pub order: Option<OrderId>,
    pub payment: Option<PaymentId>,
    pub refund: Option<RefundId>,
    /// JSON.
    pub facts: String,
    pub done_by: Option<String>,
    pub created_at: Timestamp,
    pub done_at: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
struct TaskRow {
    id: String,
    kind: String,
    status: String,
    client_id: Option<String>,
    order_id: Option<String>,
    payment_id: Option<String>,
    refund_id: Option<String>,
    facts_sealed: Vec<u8>,
    done_by: Option<String>,
    created_at_ms: i64,
    done_at_ms: Option<i64>,
}

const FACTS: &str = "tasks.facts";
const SELECT: &str = "SELECT id, kind, status, client_id, order_id, payment_id, refund_id, facts_sealed, done_by, created_at_ms, done_at_ms \
     FROM tasks WHERE tenant_id = $1";

impl Tx {
    fn task(&self, row: TaskRow) -> Result<Task> {
        Ok(Task {
            id: TaskId::parse(&row.id).ok_or_else(|| Error::corrupt("tasks.id", &row.id))?,
            facts: self.open_text(FACTS, &row.id, &row.facts_sealed)?,
            kind: row.kind,
            is_done: row.status == "done",
            client: row.client_id.as_deref().and_then(ClientId::parse),
            order: row.order_id.as_deref().and_then(OrderId::parse),
            payment: row.payment_id.as_deref().and_then(PaymentId::parse),
            refund: row.refund_id.as_deref().and_then(RefundId::parse),
            done_by: row.done_by,
            created_at: Timestamp::from_millis(row.created_at_ms),
            done_at: row.done_at_ms.map(Timestamp::from_millis),
        })
    }

    /// Returns false when the cause has its task already.
    pub async fn insert_task(&mut self, new: &NewTask) -> Result<bool> {
        const SQL: &str = "INSERT INTO tasks (id, tenant_id, kind, status, dedupe_key, client_id, order_id, payment_id, refund_id, facts_sealed, \
             created_at_ms) VALUES ($1, $2, $3, 'open', $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (tenant_id, dedupe_key) DO NOTHING";
        let facts = self.seal(FACTS, new.id.as_str(), new.facts.as_bytes())?;
        let inserted = execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            &new.kind,
            &new.dedupe_key,
            new.client.as_ref().map(Id::as_str),
            new.order.as_ref().map(Id::as_str),
            new.payment.as_ref().map(Id::as_str),
            new.refund.as_ref().map(Id::as_str),
            facts,
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    pub async fn find_task(&mut self, id: &TaskId) -> Result<Option<Task>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            TaskRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(|row| self.task(row))
        .transpose()
    }

    /// Newest first: open ones, done ones, or all.
    pub async fn list_tasks(&mut self, is_done: Option<bool>, page: &PageRequest) -> Result<PageOf<Task>> {
        let status = is_done.map(|is_done| if is_done { "done" } else { "open" });
        let columns: Vec<(&str, String)> = status.map(|status| ("status", status.to_owned())).into_iter().collect();
        let found: Vec<TaskRow> = self.newest(SELECT, &columns, "id", page).await?;
        let tasks = found
            .into_iter()
            .map(|row| self.task(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(tasks, page, |task| task.id.to_string()))
    }

    /// What was to be done for an order is not wanted any more. Returns how many tasks ended.
    pub async fn finish_tasks_of_order(
        &mut self,
        order: &OrderId,
        kind: &str,
        by: &str,
        now: Timestamp,
    ) -> Result<u64> {
        const SQL: &str = "UPDATE tasks SET status = 'done', done_by = $1, done_at_ms = $2 \
             WHERE tenant_id = $3 AND order_id = $4 AND kind = $5 AND status = 'open'";
        execute!(self, SQL, by, now.millis(), self.tenant.as_ref(), order.as_str(), kind)
    }

    /// What a cause asks for now; `None` when that is done, or was never asked.
    pub async fn open_task_of_cause(&mut self, dedupe_key: &str) -> Result<Option<Task>> {
        let sql = format!("{SELECT} AND dedupe_key = $2 AND status = 'open'");
        row!(
            self,
            TaskRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            dedupe_key
        )?
        .map(|row| self.task(row))
        .transpose()
    }

    /// Writes the facts of a task anew, as JSON: something was found out since.
    pub async fn set_task_facts(&mut self, id: &TaskId, facts: &str) -> Result<()> {
        const SQL: &str = "UPDATE tasks SET facts_sealed = $1 WHERE tenant_id = $2 AND id = $3";
        let facts = self.seal(FACTS, id.as_str(), facts.as_bytes())?;
        execute!(self, SQL, facts, self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// What was done may have to be done again one day: its cause makes a new task then.
    pub async fn free_task_key(&mut self, id: &TaskId) -> Result<()> {
        const SQL: &str = "UPDATE tasks SET dedupe_key = dedupe_key || ':' || id WHERE tenant_id = $1 AND id = $2 AND status = 'done'";
        execute!(self, SQL, self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }

    /// How many tasks of a kind wait for a person.
    pub async fn open_tasks(&mut self, kind: &str) -> Result<u32> {
        const SQL: &str = "SELECT COUNT(*) FROM tasks WHERE tenant_id = $1 AND status = 'open' AND kind = $2";
        let count = scalar!(self, i64, SQL, self.tenant.as_ref(), kind)?.unwrap_or_default();
        Ok(u32::try_from(count).unwrap_or(u32::MAX))
    }

    /// Whether something is still to be done for an order.
    pub async fn has_open_task_of_order(&mut self, order: &OrderId, kind: &str) -> Result<bool> {
        const SQL: &str =
            "SELECT id FROM tasks WHERE tenant_id = $1 AND status = 'open' AND order_id = $2 AND kind = $3 LIMIT 1";
        Ok(row!(self, (String,), SQL, self.tenant.as_ref(), order.as_str(), kind)?.is_some())
    }

    /// Returns false when it was done before.
    pub async fn finish_task(&mut self, id: &TaskId, by: &str, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE tasks SET status = 'done', done_by = $1, done_at_ms = $2 WHERE tenant_id = $3 AND id = $4 AND status = 'open'";
        Ok(execute!(self, SQL, by, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }
}
