//! What a person has to do.

use api_types::crm::{Task, TaskQuery, TaskStatus};
use api_types::page::{Page, PageQuery};
use app::crm::tasks;
use app::pay::ask::Matter;
use axum::extract::State;
use domain::ids::TaskId;
use domain::language::Localized;
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_text;
use super::money::show_json;
use crate::auth::Admin;
use crate::extract::{Json, PathId, Query};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(done))
}

/// List tasks
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/tasks",
    tag = "tasks",
    params(TaskQuery),
    responses((status = 200, body = Page<Task>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<TaskQuery>,
) -> ApiResult<Json<Page<Task>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let is_done = query.status.map(|status| status == TaskStatus::Done);
    let found = tasks::list(&state.app, &caller, is_done, &page).await?;
    Ok(Json(paging::page(found, show)))
}

/// Get a task
#[utoipa::path(
    get,
    path = "/api/tasks/{id}",
    tag = "tasks",
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, body = Task))
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<TaskId>,
) -> ApiResult<Json<Task>> {
    Ok(Json(show(tasks::find(&state.app, &caller, &id).await?)))
}

/// Say that it is done
///
/// Saying it again changes nothing.
#[utoipa::path(
    post,
    path = "/api/tasks/{id}/done",
    tag = "tasks",
    params(("id" = String, Path, description = "The task")),
    responses((status = 200, body = Task))
)]
async fn done(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<TaskId>,
) -> ApiResult<Json<Task>> {
    Ok(Json(show(tasks::done(&state.app, &caller, &id).await?)))
}

fn show(task: store::Task) -> Task {
    let words = Matter::parse(&task.kind).map_or_else(|| Localized::new(&task.kind, &task.kind), Matter::words);
    Task {
        id: task.id.to_string(),
        words: show_text(words),
        kind: task.kind,
        status: if task.is_done {
            TaskStatus::Done
        } else {
            TaskStatus::Open
        },
        client_id: task.client.map(|id| id.to_string()),
        order_id: task.order.map(|id| id.to_string()),
        payment_id: task.payment.map(|id| id.to_string()),
        refund_id: task.refund.map(|id| id.to_string()),
        facts: show_json(&task.facts),
        created_at: task.created_at.to_utc(),
        done_at: task.done_at.map(Timestamp::to_utc),
        done_by: task.done_by,
    }
}
