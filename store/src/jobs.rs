//! Jobs: leased, retried, dead-lettered, and finished in the transaction that does their work.

use domain::ids::{Id, JobId, RequestId, TenantId};
use domain::time::Timestamp;
use domain::work::JobState;
use sqlx::AssertSqlSafe;

use crate::dialect::{Link, execute, row, rows, scalar};
use crate::outbox::MAX_LEASE_MS;
use crate::replicas::predecessors;
use crate::{Error, PageOf, PageRequest, Result, SystemTx, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewJob {
    pub id: JobId,
    pub kind: &'static str,
    /// Makes a second one with the same key vanish, also after the first is done.
    pub unique_key: Option<String>,
    /// JSON; ids only, never personal data.
    pub payload: String,
    pub due_at: Timestamp,
    pub max_attempts: u32,
    pub request_id: RequestId,
    pub now: Timestamp,
}

impl NewJob {
    /// "At once" is written as zero: a clock that jumps back must not make it wait.
    const fn written_due(&self) -> i64 {
        if self.due_at.millis() <= self.now.millis() {
            0
        } else {
            self.due_at.millis()
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Job {
    pub id: JobId,
    pub tenant: TenantId,
    pub kind: String,
    pub payload: String,
    pub state: JobState,
    /// Tries begun, this one included.
    pub attempts: u32,
    pub max_attempts: u32,
    pub last_error: Option<String>,
    pub request_id: String,
    pub created_at: Timestamp,
    pub due_at: Timestamp,
}

/// The right to finish one try of a job.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JobLease {
    pub job: JobId,
    pub owner: String,
    pub attempt: u32,
}

#[derive(sqlx::FromRow)]
struct JobRow {
    id: String,
    tenant_id: String,
    kind: String,
    payload: String,
    state: String,
    attempts: i64,
    max_attempts: i64,
    last_error: Option<String>,
    request_id: String,
    created_at_ms: i64,
    due_at_ms: i64,
}

const COLUMNS: &str =
    "id, tenant_id, kind, payload, state, attempts, max_attempts, last_error, request_id, created_at_ms, due_at_ms";

impl TryFrom<JobRow> for Job {
    type Error = Error;

    fn try_from(row: JobRow) -> Result<Self> {
        let corrupt = |place| Error::corrupt(place, &row.id);
        Ok(Self {
            id: JobId::parse(&row.id).ok_or_else(|| corrupt("jobs.id"))?,
            tenant: TenantId::parse(&row.tenant_id).ok_or_else(|| corrupt("jobs.tenant_id"))?,
            state: JobState::parse(&row.state).ok_or_else(|| corrupt("jobs.state"))?,
            attempts: u32::try_from(row.attempts).map_err(|_| corrupt("jobs.attempts"))?,
            max_attempts: u32::try_from(row.max_attempts).map_err(|_| corrupt("jobs.max_attempts"))?,
            kind: row.kind,
            payload: row.payload,
            last_error: row.last_error,
            request_id: row.request_id,
            created_at: Timestamp::from_millis(row.created_at_ms),
            due_at: Timestamp::from_millis(row.due_at_ms.max(row.created_at_ms)),
        })
    }
}

/// Which jobs a worker is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum JobKinds {
    All,
    Only(&'static [&'static str]),
    Except(&'static [&'static str]),
}

impl JobKinds {
    /// A condition to put behind others. Kinds are words of the program itself.
    fn condition(self) -> String {
        let quoted = |kinds: &[&str]| format!("'{}'", kinds.join("', '"));
        match self {
            Self::All => String::new(),
            Self::Only(kinds) => format!(" AND kind IN ({})", quoted(kinds)),
            Self::Except(kinds) => format!(" AND kind NOT IN ({})", quoted(kinds)),
        }
    }
}

/// What may be taken. A lease that ends beyond any lease was given before the machine's clock jumped back, and its holder's
/// word is worth nothing.
fn due(now: &str, process_now: &str) -> String {
    format!(
        "state IN ('queued', 'running') AND due_at_ms <= {now} \
         AND (state = 'queued' OR lease_until_ms <= {process_now} OR lease_until_ms > {process_now} + {MAX_LEASE_MS})"
    )
}

impl Tx {
    /// Returns false when a job with the same unique key exists, in whatever state.
    pub async fn enqueue_job(&mut self, new: &NewJob) -> Result<bool> {
        const SQL: &str = "INSERT INTO jobs (id, tenant_id, kind, unique_key, payload, state, due_at_ms, attempts, max_attempts, request_id, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, 'queued', $6, 0, $7, $8, $9) ON CONFLICT (tenant_id, unique_key) DO NOTHING";
        let inserted = execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.kind,
            new.unique_key.as_deref(),
            &new.payload,
            new.written_due(),
            i64::from(new.max_attempts),
            new.request_id.as_ref(),
            new.now.millis()
        )?;
        Ok(inserted == 1)
    }

    /// [`Self::enqueue_job`] of many; one round trip on PostgreSQL. SQLite has none to save.
    pub async fn enqueue_jobs(&mut self, jobs: &[NewJob]) -> Result<()> {
        const SQL: &str = "INSERT INTO jobs (tenant_id, id, kind, unique_key, payload, due_at_ms, max_attempts, request_id, created_at_ms, state, attempts) \
             SELECT $1, job.*, 'queued', 0 FROM UNNEST($2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[], $7::bigint[], $8::text[], $9::bigint[]) AS job \
             ON CONFLICT (tenant_id, unique_key) DO NOTHING";
        if matches!(self.link, Link::Sqlite(_)) || jobs.len() < 2 {
            for job in jobs {
                self.enqueue_job(job).await?;
            }
            return Ok(());
        }
        let Link::Postgres(tx) = &mut self.link else {
            return Ok(());
        };
        let texts = |of: fn(&NewJob) -> &str| jobs.iter().map(of).collect::<Vec<_>>();
        let numbers = |of: fn(&NewJob) -> i64| jobs.iter().map(of).collect::<Vec<_>>();
        sqlx::query(SQL)
            .bind(self.tenant.as_ref())
            .bind(texts(|job| job.id.as_str()))
            .bind(texts(|job| job.kind))
            .bind(jobs.iter().map(|job| job.unique_key.as_deref()).collect::<Vec<_>>())
            .bind(texts(|job| &job.payload))
            .bind(numbers(NewJob::written_due))
            .bind(numbers(|job| i64::from(job.max_attempts)))
            .bind(texts(|job| job.request_id.as_ref()))
            .bind(numbers(|job| job.now.millis()))
            .execute(&mut **tx)
            .await?;
        Ok(())
    }

    /// Ends a job in the transaction that did its work: both happen or neither.
    /// Errors: [`Error::LeaseLost`] when somebody else took the job over; commit nothing then.
    pub async fn finish_job(&mut self, lease: &JobLease, now: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE jobs SET state = 'done', finished_at_ms = $1, lease_owner = NULL, lease_until_ms = NULL, last_error = NULL \
             WHERE tenant_id = $2 AND id = $3 AND state = 'running' AND lease_owner = $4 AND attempts = $5";
        let done = execute!(
            self,
            SQL,
            now.millis(),
            self.tenant.as_ref(),
            lease.job.as_str(),
            &lease.owner,
            i64::from(lease.attempt)
        )?;
        if done == 1 {
            Ok(())
        } else {
            Err(Error::LeaseLost {
                id: lease.job.to_string(),
            })
        }
    }

    /// Ends a job that can't be done, in the transaction that tells people so.
    pub async fn bury_job(&mut self, lease: &JobLease, error: &str, now: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE jobs SET state = 'dead', finished_at_ms = $1, lease_owner = NULL, lease_until_ms = NULL, last_error = $6 \
             WHERE tenant_id = $2 AND id = $3 AND state = 'running' AND lease_owner = $4 AND attempts = $5";
        let done = execute!(
            self,
            SQL,
            now.millis(),
            self.tenant.as_ref(),
            lease.job.as_str(),
            &lease.owner,
            i64::from(lease.attempt),
            error
        )?;
        if done == 1 {
            Ok(())
        } else {
            Err(Error::LeaseLost {
                id: lease.job.to_string(),
            })
        }
    }

    /// Newest first.
    pub async fn list_jobs(&mut self, state: Option<JobState>, page: &PageRequest) -> Result<PageOf<Job>> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE tenant_id = $1");
        let columns: Vec<_> = state
            .map(|state| ("state", state.code().to_owned()))
            .into_iter()
            .collect();
        let found: Vec<JobRow> = self.newest(&sql, &columns, "id", page).await?;
        let jobs = found.into_iter().map(Job::try_from).collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(jobs, page, |job| job.id.to_string()))
    }

    pub async fn find_job(&mut self, id: &JobId) -> Result<Option<Job>> {
        let sql = format!("SELECT {COLUMNS} FROM jobs WHERE tenant_id = $1 AND id = $2");
        row!(
            self,
            JobRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?
        .map(Job::try_from)
        .transpose()
    }

    /// Lets a dead job begin anew. Returns false when it is not dead.
    pub async fn replay_job(&mut self, id: &JobId, now: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE jobs SET state = 'queued', attempts = 0, due_at_ms = $1, finished_at_ms = NULL \
             WHERE tenant_id = $2 AND id = $3 AND state = 'dead'";
        Ok(execute!(self, SQL, now.millis(), self.tenant.as_ref(), id.as_str())? == 1)
    }
}

impl SystemTx {
    /// [`Self::claim_jobs_of`] every kind.
    pub async fn claim_jobs(
        &mut self,
        owner: &str,
        limit: u32,
        now: Timestamp,
        process_now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<Job>> {
        self.claim_jobs_of(JobKinds::All, owner, limit, now, process_now, lease_until)
            .await
    }

    /// Leases due jobs of any tenant to one worker, oldest first. A job whose lease ran out is due again.
    ///
    /// Units: `now` is the product's time, by which jobs are due; `process_now` and `lease_until` are the machine's.
    pub async fn claim_jobs_of(
        &mut self,
        kinds: JobKinds,
        owner: &str,
        limit: u32,
        now: Timestamp,
        process_now: Timestamp,
        lease_until: Timestamp,
    ) -> Result<Vec<Job>> {
        let lock = self.link.choose("", "FOR UPDATE SKIP LOCKED");
        // What has begun is due whatever the product's clock says later; its lease alone keeps others away.
        let sql = format!(
            "UPDATE jobs SET state = 'running', attempts = attempts + 1, lease_owner = $1, lease_until_ms = $2, due_at_ms = 0 \
             WHERE id IN (SELECT id FROM jobs WHERE {}{} ORDER BY due_at_ms, id LIMIT {limit} {lock}) RETURNING {COLUMNS}",
            due("$3", "$4"),
            kinds.condition()
        );
        let mut jobs = rows!(
            self,
            JobRow,
            AssertSqlSafe(sql.as_str()),
            owner,
            lease_until.millis(),
            now.millis(),
            process_now.millis()
        )?
        .into_iter()
        .map(Job::try_from)
        .collect::<Result<Vec<_>>>()?;
        jobs.sort_by(|left, right| left.id.cmp(&right.id));
        Ok(jobs)
    }

    /// [`Self::has_due_job_of`] any kind.
    pub async fn has_due_job(&mut self, now: Timestamp, process_now: Timestamp) -> Result<bool> {
        self.has_due_job_of(JobKinds::All, now, process_now).await
    }

    /// Whether a job is due now: asked before the writer's lock is taken.
    pub async fn has_due_job_of(&mut self, kinds: JobKinds, now: Timestamp, process_now: Timestamp) -> Result<bool> {
        let sql = format!(
            "SELECT CAST(1 AS BIGINT) WHERE EXISTS (SELECT 1 FROM jobs WHERE {}{})",
            due("$1", "$2"),
            kinds.condition()
        );
        Ok(scalar!(
            self,
            i64,
            AssertSqlSafe(sql.as_str()),
            now.millis(),
            process_now.millis()
        )?
        .is_some())
    }

    /// Gives back what earlier processes in the slot of `instance` hold: whoever bears its name now is their successor, so
    /// none of them can be alive. Returns how many jobs are due again.
    pub async fn release_jobs_of_predecessors(&mut self, instance: &str) -> Result<u64> {
        const SQL: &str = "UPDATE jobs SET state = 'queued', lease_owner = NULL, lease_until_ms = NULL \
             WHERE state = 'running' AND lease_owner <> $1 AND lease_owner >= $2 AND lease_owner < $3";
        let Some((first, end)) = predecessors(instance) else {
            return Ok(0);
        };
        execute!(self, SQL, instance, first, end)
    }

    /// A long try says it still lives. Returns false when the lease is gone.
    pub async fn extend_lease(&mut self, lease: &JobLease, lease_until: Timestamp) -> Result<bool> {
        const SQL: &str = "UPDATE jobs SET lease_until_ms = $1 \
             WHERE id = $2 AND state = 'running' AND lease_owner = $3 AND attempts = $4";
        let kept = execute!(
            self,
            SQL,
            lease_until.millis(),
            lease.job.as_str(),
            &lease.owner,
            i64::from(lease.attempt)
        )?;
        Ok(kept == 1)
    }

    /// A try failed: again at `retry_at`, or never (`None`: dead).
    pub async fn fail_job(
        &mut self,
        lease: &JobLease,
        error: &str,
        retry_at: Option<Timestamp>,
        now: Timestamp,
    ) -> Result<bool> {
        const RETRY: &str = "UPDATE jobs SET state = 'queued', due_at_ms = $1, last_error = $2, lease_owner = NULL, lease_until_ms = NULL \
             WHERE id = $3 AND state = 'running' AND lease_owner = $4 AND attempts = $5";
        const BURY: &str = "UPDATE jobs SET state = 'dead', finished_at_ms = $1, last_error = $2, lease_owner = NULL, lease_until_ms = NULL \
             WHERE id = $3 AND state = 'running' AND lease_owner = $4 AND attempts = $5";
        let (sql, at) = match retry_at {
            Some(at) => (RETRY, at),
            None => (BURY, now),
        };
        let attempt = i64::from(lease.attempt);
        Ok(execute!(self, sql, at.millis(), error, lease.job.as_str(), &lease.owner, attempt)? == 1)
    }

    /// (state, how many) over all tenants.
    pub async fn job_totals(&mut self) -> Result<Vec<(String, i64)>> {
        rows!(
            self,
            (String, i64),
            "SELECT state, COUNT(*) FROM jobs WHERE state <> 'done' GROUP BY state ORDER BY state"
        )
    }
}
