//! Another version for everybody whose programme has a withdrawn exercise: a job that orders them page by page.

use domain::ids::{ClientId, ProgramBatchId, ProgramId};
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::ProgramBatch;

use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::crm::approvals;
use crate::error::{Error, Result};
use crate::revise_program::{self, Made, Revision, Who};
use crate::settings;
use crate::work::{self, Task};

/// The job.
pub const JOB: &str = "regenerate_programs";
/// Versions ordered in one transaction: a writer that lets others in.
const ORDERED_AT_ONCE: u32 = 25;
/// Clients named in the answer; the count is whole.
const LISTED: u32 = 100;
const INDEXED_AT_ONCE: u32 = 50;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    batch_id: ProgramBatchId,
    exercise_id: String,
    started_by: String,
    actor: String,
    /// The last version of the page before.
    after: String,
}

/// Who would get another version, or gets one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Affected {
    pub client: ClientId,
    pub client_name: String,
    /// The version that has the exercise.
    pub program: ProgramId,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Regeneration {
    /// `None` for a dry run, and when there is nobody.
    pub batch: Option<ProgramBatchId>,
    pub count: i64,
    /// The first of them.
    pub affected: Vec<Affected>,
}

/// How far a regeneration is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Progress {
    pub batch: ProgramBatch,
    /// (status, versions)
    pub versions: Vec<(String, i64)>,
}

/// Finds everybody whose newest version has the exercise and, unless it is a dry run, orders another version for each. Each
/// goes the way of the approval setting; the message to the client says why.
///
/// Errors: `Invalid` names `exercise_id`.
pub async fn start(app: &App, caller: &Caller, exercise_id: &str, is_dry_run: bool) -> Result<Regeneration> {
    if exercise_id.is_empty() || exercise_id.len() > 200 {
        return Err(Error::invalid("exercise_id", "length", "1 to 200 characters"));
    }
    index_older(app, caller).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let count = tx.count_exercise_users(exercise_id).await?;
    let mut affected = Vec::new();
    for (client, program) in tx.exercise_users(exercise_id, "", LISTED).await? {
        let name = tx.find_client(&client).await?.map(|client| client.display_name);
        affected.push(Affected {
            client,
            client_name: name.unwrap_or_default(),
            program,
        });
    }
    if is_dry_run || count == 0 {
        return Ok(Regeneration {
            batch: None,
            count,
            affected,
        });
    }
    let (started_by, actor) = approvals::names(&mut tx, caller).await?;
    let batch = ProgramBatch {
        id: app.new_id(),
        exercise: exercise_id.to_owned(),
        total: count,
        started_by: started_by.clone(),
        created_at: app.now(),
        ordered_at: None,
    };
    tx.insert_program_batch(&batch).await?;
    let payload = Payload {
        batch_id: batch.id.clone(),
        exercise_id: exercise_id.to_owned(),
        started_by,
        actor,
        after: String::new(),
    };
    let key = format!("{JOB}:{}:", batch.id);
    tx.enqueue_job(&work::job(app, JOB, Some(key), &payload, &caller.request_id)?)
        .await?;
    let details = json!({ "exercise_id": exercise_id, "clients": count });
    tx.record_audit(&audit(app, caller, "programs.regenerated", batch.id.as_ref(), details))
        .await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(Regeneration {
        batch: Some(batch.id),
        count,
        affected,
    })
}

/// Errors: `NotFound`.
pub async fn progress(app: &App, caller: &Caller, id: &ProgramBatchId) -> Result<Progress> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let batch = tx
        .find_program_batch(id)
        .await?
        .ok_or(Error::NotFound { what: "regeneration" })?;
    let versions = tx.program_batch_progress(id).await?;
    Ok(Progress { batch, versions })
}

/// One page of clients in one transaction, which also queues the next page: killed anywhere, it goes on where it was.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let payload: Payload = task.payload()?;
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    let page = tx
        .exercise_users(&payload.exercise_id, &payload.after, ORDERED_AT_ONCE)
        .await?;
    let who = Who {
        name: &payload.started_by,
        actor: &payload.actor,
    };
    let revision = Revision::Withdrawn {
        exercise_id: payload.exercise_id.clone(),
    };
    let mut last = None;
    for (_, program) in page {
        last = Some(program.clone());
        let Some(program) = tx.lock_program(&program).await? else {
            continue;
        };
        let batch = Some(payload.batch_id.clone());
        let ordered =
            revise_program::revise_in(app, &mut tx, &guide, &program, &revision, batch, who, &task.request_id).await;
        match ordered {
            Ok(_) => {}
            // Decided or replaced in between: that one is somebody else's work now.
            Err(Error::Conflict { code, .. }) => {
                tracing::info!(program.id = %program.id, code, "a version is not regenerated");
            }
            Err(error) => return Err(error),
        }
    }
    match last {
        Some(program) => {
            let next = Payload {
                after: program.to_string(),
                ..payload
            };
            let key = format!("{JOB}:{}:{}", next.batch_id, next.after);
            tx.enqueue_job(&work::job(app, JOB, Some(key), &next, &task.request_id)?)
                .await?;
        }
        None => tx.finish_program_batch(&payload.batch_id, app.now()).await?,
    }
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(())
}

/// Versions of earlier releases don't say which exercises they use: they are opened once.
async fn index_older(app: &App, caller: &Caller) -> Result<()> {
    let mut after = String::new();
    loop {
        let mut tx = app.tenant(&caller.tenant).write().await?;
        let page = tx.unindexed_programs(&after, INDEXED_AT_ONCE).await?;
        let Some(last) = page.last() else {
            return Ok(());
        };
        after = last.to_string();
        for id in &page {
            if let Some(made) = Made::load(&mut tx, id).await? {
                tx.index_exercises(id, &made.exercises()).await?;
            }
        }
        tx.commit().await?;
    }
}
