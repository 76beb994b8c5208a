//! What a person has to do.

use domain::ids::TaskId;
use serde_json::json;
use store::{PageOf, PageRequest, Task};

use super::{check_cursor, note};
use crate::access::audit;
use crate::{App, Caller, Error, Result};

/// Newest first: open ones, done ones, or all.
///
/// Errors: `Invalid` names `cursor`.
pub async fn list(app: &App, caller: &Caller, is_done: Option<bool>, page: &PageRequest) -> Result<PageOf<Task>> {
    check_cursor::<TaskId>(page)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx.list_tasks(is_done, page).await?)
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &TaskId) -> Result<Task> {
    app.tenant(&caller.tenant)
        .read()
        .await?
        .find_task(id)
        .await?
        .ok_or(Error::NotFound { what: "task" })
}

/// Done, by whoever says so. Saying it again changes nothing.
///
/// Errors: `NotFound`.
pub async fn done(app: &App, caller: &Caller, id: &TaskId) -> Result<Task> {
    let missing = || Error::NotFound { what: "task" };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let task = tx.find_task(id).await?.ok_or_else(missing)?;
    if !tx.finish_task(id, &caller.actor.to_string(), app.now()).await? {
        return Ok(task);
    }
    let details = json!({ "task_id": id, "kind": task.kind });
    if let Some(client) = &task.client {
        note(app, &mut tx, caller, client, "task.done", &details).await?;
    }
    tx.record_audit(&audit(app, caller, "task.done", id.as_ref(), details))
        .await?;
    let task = tx.find_task(id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    Ok(task)
}
