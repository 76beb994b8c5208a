//! Background work that needs a person: dead jobs and stuck messages.

use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::operate;
use axum::extract::State;
use axum::http::StatusCode;
use chrono::{DateTime, Utc};
use domain::ids::{JobId, OutboxId};
use domain::work::JobState;
use serde::{Deserialize, Serialize};
use store::{Job, StuckDelivery};
use utoipa::{IntoParams, ToSchema};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Admin;
use crate::extract::{Json, PathId, Query};
use crate::paging;
use crate::problem::{ApiError, ApiResult};
use crate::refusals::NotFound;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_jobs))
        .routes(routes!(replay_job))
        .routes(routes!(stuck_deliveries))
        .routes(routes!(replay_delivery))
}

#[derive(Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
struct JobFilter {
    /// `queued`, `running`, `done` or `dead`.
    state: Option<String>,
}

#[derive(Serialize, ToSchema)]
struct JobView {
    id: String,
    kind: String,
    state: String,
    attempts: u32,
    max_attempts: u32,
    /// Why the last try failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    /// The request that caused it.
    request_id: String,
    created_at: DateTime<Utc>,
    due_at: DateTime<Utc>,
}

#[derive(Serialize, ToSchema)]
struct StuckDeliveryView {
    id: String,
    channel: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    client_id: Option<String>,
    kind: String,
    state: String,
    attempts: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    last_error: Option<String>,
    created_at: DateTime<Utc>,
}

/// List jobs
///
/// Newest first.
#[utoipa::path(get, path = "/api/jobs", tag = "operations", responses((status = 200, body = Page<JobView>)))]
async fn list_jobs(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(filter): Query<JobFilter>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<JobView>>> {
    let wanted = filter
        .state
        .map(|code| {
            JobState::parse(&code)
                .ok_or_else(|| ApiError::invalid("state", "unknown", "there is no such state of a job"))
        })
        .transpose()?;
    let jobs = operate::list_jobs(&state.app, &caller, wanted, &paging::request(&query)?).await?;
    Ok(Json(paging::page(jobs, show_job)))
}

/// Replay a dead job
#[utoipa::path(
    post,
    path = "/api/jobs/{id}/replay",
    tag = "operations",
    params(("id" = String, Path, description = "The job")),
    responses(
        (status = 200, body = JobView),
        NotFound,
        (status = 409, description = "It is not dead", body = Problem, content_type = "application/problem+json")
    )
)]
async fn replay_job(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<JobId>,
) -> ApiResult<Json<JobView>> {
    operate::replay_job(&state.app, &caller, &id)
        .await
        .map(show_job)
        .map(Json)
        .map_err(Into::into)
}

/// List stuck deliveries
///
/// Messages that were refused, reach nobody, or were tried more than three times; newest first.
#[utoipa::path(get, path = "/api/deliveries/stuck", tag = "operations", responses((status = 200, body = Page<StuckDeliveryView>)))]
async fn stuck_deliveries(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<StuckDeliveryView>>> {
    let stuck = operate::stuck_deliveries(&state.app, &caller, &paging::request(&query)?).await?;
    Ok(Json(paging::page(stuck, show_delivery)))
}

/// Try a delivery again
#[utoipa::path(
    post,
    path = "/api/deliveries/{id}/replay",
    tag = "operations",
    params(("id" = String, Path, description = "The delivery")),
    responses((status = 204), NotFound)
)]
async fn replay_delivery(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<OutboxId>,
) -> ApiResult<StatusCode> {
    operate::replay_delivery(&state.app, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn show_job(job: Job) -> JobView {
    JobView {
        id: job.id.to_string(),
        kind: job.kind,
        state: job.state.code().to_owned(),
        attempts: job.attempts,
        max_attempts: job.max_attempts,
        last_error: job.last_error,
        request_id: job.request_id,
        created_at: job.created_at.to_utc(),
        due_at: job.due_at.to_utc(),
    }
}

fn show_delivery(delivery: StuckDelivery) -> StuckDeliveryView {
    StuckDeliveryView {
        id: delivery.id.to_string(),
        channel: delivery.channel,
        client_id: delivery.client.map(|id| id.to_string()),
        kind: delivery.kind,
        state: delivery.state.code().to_owned(),
        attempts: u32::try_from(delivery.attempts).unwrap_or_default(),
        last_error: delivery.last_error,
        created_at: delivery.created_at.to_utc(),
    }
}
