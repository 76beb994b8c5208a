//! What the owner of an installation looks after: files, work that failed for good, messages that got stuck.

use domain::ids::{FileId, JobId, OutboxId};
use domain::work::JobState;
use serde_json::json;
use store::{Job, PageOf, PageRequest, StoredFile, StuckDelivery};

use crate::access::audit;
use crate::{App, Caller, Error, Result};

/// More tries than this are worth a look.
const SUSPICIOUS_ATTEMPTS: i64 = 3;

pub async fn list_jobs(app: &App, caller: &Caller, state: Option<JobState>, page: &PageRequest) -> Result<PageOf<Job>> {
    Ok(app.tenant(&caller.tenant).read().await?.list_jobs(state, page).await?)
}

/// Lets a dead job begin anew.
///
/// Errors: `NotFound`; `Conflict` `not_dead`.
pub async fn replay_job(app: &App, caller: &Caller, id: &JobId) -> Result<Job> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.find_job(id).await?.ok_or(Error::NotFound { what: "job" })?;
    if !tx.replay_job(id, app.now()).await? {
        return Err(Error::conflict(
            "not_dead",
            "only a job that has failed for good can be replayed",
        ));
    }
    let job = tx.find_job(id).await?.ok_or(Error::NotFound { what: "job" })?;
    tx.record_audit(&audit(
        app,
        caller,
        "job.replayed",
        id.as_ref(),
        json!({ "kind": job.kind }),
    ))
    .await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(job)
}

/// Refused, unreachable, or tried again and again.
pub async fn stuck_deliveries(app: &App, caller: &Caller, page: &PageRequest) -> Result<PageOf<StuckDelivery>> {
    Ok(app
        .tenant(&caller.tenant)
        .read()
        .await?
        .stuck_deliveries(SUSPICIOUS_ATTEMPTS, page)
        .await?)
}

/// Tries a delivery again from the beginning.
///
/// Errors: `NotFound`, also for one that was sent already.
pub async fn replay_delivery(app: &App, caller: &Caller, id: &OutboxId) -> Result<()> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    if !tx.replay_delivery(id, app.now()).await? {
        return Err(Error::NotFound {
            what: "waiting delivery",
        });
    }
    tx.record_audit(&audit(app, caller, "delivery.replayed", id.as_ref(), json!({})))
        .await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// A file with its bytes.
///
/// Errors: `NotFound`; `Unavailable` when the file store is away.
pub async fn read_file(app: &App, caller: &Caller, id: &FileId) -> Result<(StoredFile, Vec<u8>)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let file = tx.find_file(id).await?.ok_or(Error::NotFound { what: "file" })?;
    // Nothing of the network is waited for inside a transaction.
    drop(tx);
    let bytes = app
        .files()
        .get(&file.storage_key)
        .await
        .map_err(|source| Error::Unavailable {
            what: "the file store",
            source: Box::new(source),
        })?
        .ok_or_else(|| Error::internal(format!("the bytes of file {} are gone from the file store", file.id)))?;
    Ok((file, bytes.to_vec()))
}
