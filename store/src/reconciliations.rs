//! Comparisons of the books with a provider: how far one is, what was compared, what differed.

use domain::ids::{DifferenceId, Id, PaymentId, ReconciliationId};
use domain::reconciliation::{Gap, Outcome, RunStatus, Stage};
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows};
use crate::keyset::Statement;
use crate::{Error, PageOf, PageRequest, Result, Tx};

/// A payment that was begun so long before the window may still have been paid within it: a hold lasts a week.
const HELD_AT_MOST_MS: i64 = 9 * 24 * 60 * 60_000;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewReconciliation {
    pub id: ReconciliationId,
    pub provider: String,
    pub actor: String,
    pub since: Timestamp,
    pub stage: Stage,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reconciliation {
    pub id: ReconciliationId,
    pub provider: String,
    pub status: RunStatus,
    pub actor: String,
    pub since: Timestamp,
    pub stage: Stage,
    /// Where the stage goes on: a provider's cursor or our last payment.
    pub place: Option<String>,
    /// Counts up with each step that was written.
    pub step: u32,
    pub failure: Option<String>,
    pub created_at: Timestamp,
    pub finished_at: Option<Timestamp>,
}

/// One day of a comparison.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReconciledDay {
    /// `2026-11-21`, in the tenant's time zone.
    pub day: String,
    pub checked: u64,
    /// Payments of other systems of the same shop.
    pub others: u64,
    pub mended: u64,
    pub tasks: u64,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    pub id: DifferenceId,
    pub day: String,
    pub gap: Gap,
    pub outcome: Outcome,
    pub payment: Option<PaymentId>,
    pub provider_payment: Option<String>,
    /// JSON.
    pub facts: String,
    pub at: Timestamp,
}

#[derive(sqlx::FromRow)]
struct RunRow {
    id: String,
    provider: String,
    status: String,
    actor: String,
    since_ms: i64,
    stage: String,
    place: Option<String>,
    step: i64,
    failure: Option<String>,
    created_at_ms: i64,
    finished_at_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct DifferenceRow {
    id: String,
    day: String,
    kind: String,
    outcome: String,
    payment_id: Option<String>,
    provider_payment_id: Option<String>,
    facts: String,
    at_ms: i64,
}

const SELECT: &str = "SELECT id, provider, status, actor, since_ms, stage, place, step, failure, created_at_ms, finished_at_ms \
     FROM reconciliations WHERE tenant_id = $1";

impl TryFrom<RunRow> for Reconciliation {
    type Error = Error;

    fn try_from(row: RunRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        Ok(Self {
            id: ReconciliationId::parse(&row.id).ok_or_else(|| corrupt("reconciliations.id"))?,
            status: RunStatus::parse(&row.status).ok_or_else(|| corrupt("reconciliations.status"))?,
            stage: Stage::parse(&row.stage).ok_or_else(|| corrupt("reconciliations.stage"))?,
            step: u32::try_from(row.step).map_err(|_| corrupt("reconciliations.step"))?,
            provider: row.provider,
            actor: row.actor,
            since: Timestamp::from_millis(row.since_ms),
            place: row.place,
            failure: row.failure,
            created_at: Timestamp::from_millis(row.created_at_ms),
            finished_at: row.finished_at_ms.map(Timestamp::from_millis),
        })
    }
}

impl Tx {
    /// Begins a comparison. Returns false while another one with the same provider is under way.
    pub async fn insert_reconciliation(&mut self, new: &NewReconciliation) -> Result<bool> {
        const SQL: &str = "INSERT INTO reconciliations (id, tenant_id, provider, status, actor, since_ms, stage, step, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, 0, $8) ON CONFLICT (tenant_id, provider) WHERE finished_at_ms IS NULL DO NOTHING";
        let inserted = execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            &new.provider,
            RunStatus::Running.code(),
            &new.actor,
            new.since.millis(),
            new.stage.code(),
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    pub async fn find_reconciliation(&mut self, id: &ReconciliationId) -> Result<Option<Reconciliation>> {
        let sql = format!("{SELECT} AND id = $2");
        row!(
            self,
            RunRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(Reconciliation::try_from)
        .transpose()
    }

    /// The newest comparison with a provider that stands at `status`.
    pub async fn latest_reconciliation(&mut self, provider: &str, status: RunStatus) -> Result<Option<Reconciliation>> {
        let sql = format!("{SELECT} AND provider = $2 AND status = $3 ORDER BY id DESC LIMIT 1");
        row!(
            self,
            RunRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            provider,
            status.code()
        )?
        .map(Reconciliation::try_from)
        .transpose()
    }

    /// The newest comparison with a provider that was done to the end before another one began.
    pub async fn reconciliation_done_before(
        &mut self,
        provider: &str,
        id: &ReconciliationId,
    ) -> Result<Option<Reconciliation>> {
        let sql = format!("{SELECT} AND provider = $2 AND status = $3 AND id < $4 ORDER BY id DESC LIMIT 1");
        row!(
            self,
            RunRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            provider,
            RunStatus::Done.code(),
            id.as_str()
        )?
        .map(Reconciliation::try_from)
        .transpose()
    }

    /// Newest first.
    pub async fn list_reconciliations(
        &mut self,
        provider: Option<&str>,
        page: &PageRequest,
    ) -> Result<PageOf<Reconciliation>> {
        let columns: Vec<(&str, String)> = provider.map(|code| ("provider", code.to_owned())).into_iter().collect();
        let found: Vec<RunRow> = self.newest(SELECT, &columns, "id", page).await?;
        let runs = found
            .into_iter()
            .map(Reconciliation::try_from)
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(runs, page, |run| run.id.to_string()))
    }

    /// A step is written. Returns false when somebody else has written it, or the comparison has ended.
    pub async fn advance_reconciliation(
        &mut self,
        id: &ReconciliationId,
        step: u32,
        stage: Stage,
        place: Option<&str>,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE reconciliations SET stage = $1, place = $2, step = step + 1 \
             WHERE tenant_id = $3 AND id = $4 AND step = $5 AND finished_at_ms IS NULL";
        let changed = execute!(
            self,
            SQL,
            stage.code(),
            place,
            self.tenant.as_ref(),
            id.as_str(),
            i64::from(step)
        )?;
        Ok(changed == 1)
    }

    /// Returns false when it had ended before.
    pub async fn finish_reconciliation(
        &mut self,
        id: &ReconciliationId,
        failure: Option<&str>,
        now: Timestamp,
    ) -> Result<bool> {
        const SQL: &str = "UPDATE reconciliations SET status = $1, failure = $2, finished_at_ms = $3 \
             WHERE tenant_id = $4 AND id = $5 AND finished_at_ms IS NULL";
        let status = if failure.is_some() {
            RunStatus::Failed
        } else {
            RunStatus::Done
        };
        let changed = execute!(
            self,
            SQL,
            status.code(),
            failure,
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(changed == 1)
    }

    /// Adds to what was compared of a day.
    pub async fn count_reconciled(
        &mut self,
        run: &ReconciliationId,
        day: &str,
        checked: u64,
        others: u64,
    ) -> Result<()> {
        const SQL: &str = "INSERT INTO reconciliation_days (tenant_id, reconciliation_id, day, checked, others) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant_id, reconciliation_id, day) DO UPDATE SET \
             checked = reconciliation_days.checked + excluded.checked, others = reconciliation_days.others + excluded.others";
        let count = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
        execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            run.as_str(),
            day,
            count(checked),
            count(others)
        )?;
        Ok(())
    }

    /// Returns false when this comparison has found it before.
    pub async fn insert_difference(
        &mut self,
        run: &ReconciliationId,
        key: &str,
        difference: &Difference,
    ) -> Result<bool> {
        const SQL: &str = "INSERT INTO reconciliation_differences (id, tenant_id, reconciliation_id, day, kind, dedupe_key, outcome, payment_id, \
             provider_payment_id, facts, at_ms) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11) \
             ON CONFLICT (tenant_id, reconciliation_id, dedupe_key) DO NOTHING";
        let inserted = execute!(
            self,
            SQL,
            difference.id.as_str(),
            self.tenant.as_ref(),
            run.as_str(),
            &difference.day,
            difference.gap.code(),
            key,
            difference.outcome.code(),
            difference.payment.as_ref().map(Id::as_str),
            difference.provider_payment.as_deref(),
            &difference.facts,
            difference.at.millis()
        )?;
        Ok(inserted == 1)
    }

    /// Newest first.
    pub async fn differences(&mut self, run: &ReconciliationId, page: &PageRequest) -> Result<PageOf<Difference>> {
        const SQL: &str = "SELECT id, day, kind, outcome, payment_id, provider_payment_id, facts, at_ms FROM reconciliation_differences \
             WHERE tenant_id = $1";
        let mut statement = Statement::new(SQL);
        statement.walk(&[("reconciliation_id", run.to_string())], "id", String::new());
        let found: Vec<DifferenceRow> = self.fetch_page(statement, page).await?;
        let differences = found
            .into_iter()
            .map(|row| {
                let corrupt = |place| Error::corrupt(place, &row.id);
                Ok(Difference {
                    id: DifferenceId::parse(&row.id).ok_or_else(|| corrupt("reconciliation_differences.id"))?,
                    gap: Gap::parse(&row.kind).ok_or_else(|| corrupt("reconciliation_differences.kind"))?,
                    outcome: Outcome::parse(&row.outcome)
                        .ok_or_else(|| corrupt("reconciliation_differences.outcome"))?,
                    payment: row.payment_id.as_deref().and_then(PaymentId::parse),
                    day: row.day,
                    provider_payment: row.provider_payment_id,
                    facts: row.facts,
                    at: Timestamp::from_millis(row.at_ms),
                })
            })
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(differences, page, |difference| difference.id.to_string()))
    }

    /// The days of a comparison, oldest first, with what became of the differences found in each.
    pub async fn reconciled_days(&mut self, run: &ReconciliationId) -> Result<Vec<ReconciledDay>> {
        const SQL: &str = "SELECT day, CAST(SUM(checked) AS BIGINT), CAST(SUM(others) AS BIGINT), CAST(SUM(mended) AS BIGINT), \
                 CAST(SUM(tasks) AS BIGINT) FROM ( \
                 SELECT day, checked, others, 0 AS mended, 0 AS tasks FROM reconciliation_days \
                     WHERE tenant_id = $1 AND reconciliation_id = $2 \
                 UNION ALL SELECT day, 0, 0, CASE outcome WHEN 'mended' THEN 1 ELSE 0 END, CASE outcome WHEN 'task' THEN 1 ELSE 0 END \
                     FROM reconciliation_differences WHERE tenant_id = $1 AND reconciliation_id = $2 \
             ) days GROUP BY day ORDER BY day";
        let count = |number: i64| number.unsigned_abs();
        let found = rows!(
            self,
            (String, i64, i64, i64, i64),
            SQL,
            self.tenant.as_ref(),
            run.as_str()
        )?;
        Ok(found
            .into_iter()
            .map(|(day, checked, others, mended, tasks)| ReconciledDay {
                day,
                checked: count(checked),
                others: count(others),
                mended: count(mended),
                tasks: count(tasks),
            })
            .collect())
    }

    /// Our payments of a provider that had a part in the time since `since` (begun, paid, closed or given back in it) and were
    /// not compared since `begun`, in the order of their ids after `after`.
    pub async fn payments_to_reconcile(
        &mut self,
        provider: &str,
        since: Timestamp,
        begun: Timestamp,
        after: Option<&str>,
        limit: u32,
    ) -> Result<Vec<PaymentId>> {
        const SQL: &str = "SELECT p.id FROM payments p WHERE p.tenant_id = $1 AND p.provider = $2 AND p.id > $3 \
             AND (p.reconciled_at_ms IS NULL OR p.reconciled_at_ms < $5) \
             AND ((p.id > $6 AND (p.created_at_ms >= $4 OR p.paid_at_ms >= $4 OR p.closed_at_ms >= $4)) \
                 OR EXISTS (SELECT 1 FROM refunds r WHERE r.tenant_id = $1 AND r.payment_id = p.id AND r.finished_at_ms >= $4)) \
             ORDER BY p.id LIMIT $7";
        let oldest = since.plus_millis(-HELD_AT_MOST_MS).millis().unsigned_abs();
        let oldest = PaymentId::from_parts(oldest, [0; 10]);
        rows!(
            self,
            (String,),
            SQL,
            self.tenant.as_ref(),
            provider,
            after.unwrap_or_default(),
            since.millis(),
            begun.millis(),
            oldest.as_str(),
            i64::from(limit)
        )?
        .into_iter()
        .map(|(id,)| PaymentId::parse(&id).ok_or_else(|| Error::corrupt("payments.id", &id)))
        .collect()
    }

    /// A payment was compared with its provider. Returns false when it was before, since `begun`.
    pub async fn mark_reconciled(&mut self, payment: &PaymentId, begun: Timestamp, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE payments SET reconciled_at_ms = $1 WHERE tenant_id = $2 AND id = $3 \
             AND (reconciled_at_ms IS NULL OR reconciled_at_ms < $4)";
        // A clock that jumps back must not make a comparison go round for ever.
        let at = now.max(begun).millis();
        let marked = execute!(self, SQL, at, self.tenant.as_ref(), payment.as_str(), begun.millis())?;
        Ok(marked == 1)
    }
}
