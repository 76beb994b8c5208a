//! What a person has to do.

use domain::ids::TaskId;
use serde_json::json;
use store::{PageOf, PageRequest, Task};

use super::{check_cursor, note};
use crate::access::audit;
use crate::pay::ask::Matter;
use crate::pay::receipts;
use crate::pay::refund::given_by_hand_in;
use crate::settings;
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

/// Done, by whoever says so. Saying it again changes nothing. Money that a person had to give back counts as given back.
///
/// Errors: `NotFound`.
pub async fn done(app: &App, caller: &Caller, id: &TaskId) -> Result<Task> {
    let missing = || Error::NotFound { what: "task" };
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let task = tx.find_task(id).await?.ok_or_else(missing)?;
    // Before the task: whoever delivers the order looks at its tasks with the order in hand.
    if let Some(order) = &task.order {
        tx.lock_order(order).await?;
    }
    if !tx.finish_task(id, &caller.actor.to_string(), app.now()).await? {
        return Ok(task);
    }
    if Matter::parse(&task.kind).is_some_and(Matter::may_return) {
        tx.free_task_key(id).await?;
    }
    if let (Some(Matter::GiveBackAtBank), Some(refund)) = (Matter::parse(&task.kind), &task.refund) {
        given_by_hand_in(app, &mut tx, &guide, refund, &caller.request_id).await?;
    }
    let details = json!({ "task_id": id, "kind": task.kind });
    if let Some(client) = &task.client {
        note(app, &mut tx, caller, client, "task.done", &details).await?;
    }
    tx.record_audit(&audit(app, caller, "task.done", id.as_ref(), details))
        .await?;
    if let Some(order) = &task.order {
        receipts::given(app, &mut tx, order, &caller.request_id).await?;
    }
    let task = tx.find_task(id).await?.ok_or_else(missing)?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(task)
}
