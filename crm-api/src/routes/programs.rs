//! Training programmes.

use api_types::crm::{Program, ProgramDetails, ProgramQuery, ProgramScope, ProgramStatus};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::programs;
use app::{generate_program, send_program};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, LOCATION};
use domain::ids::ProgramId;
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::{show_language, show_text};
use crate::auth::Admin;
use crate::extract::{Json, PathId, Query};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(file))
        .routes(routes!(regenerate))
        .routes(routes!(resend))
}

/// List programmes
///
/// Newest first; each version is one row.
#[utoipa::path(
    get,
    path = "/api/programs",
    tag = "programs",
    params(ProgramQuery),
    responses((status = 200, body = Page<Program>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<ProgramQuery>,
) -> ApiResult<Json<Page<Program>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let status = query.status.map(status_code);
    let found = programs::list(&state.app, &caller, query.client.as_deref(), status, &page).await?;
    Ok(Json(paging::page(found, show)))
}

/// Get a programme
///
/// One version with how it came about, and the client's other versions.
#[utoipa::path(
    get,
    path = "/api/programs/{id}",
    tag = "programs",
    params(("id" = String, Path, description = "The version")),
    responses((status = 200, body = ProgramDetails), NotFound)
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
) -> ApiResult<Json<ProgramDetails>> {
    let view = programs::find(&state.app, &caller, &id).await?;
    Ok(Json(ProgramDetails {
        program: show(view.program),
        changes: view.changes.into_iter().map(show_text).collect(),
        note: view.note,
        content: view.content,
        report: view.report,
        versions: view.versions.into_iter().map(show).collect(),
    }))
}

/// Download a programme
///
/// Leads to the PDF under `/api/files`.
#[utoipa::path(
    get,
    path = "/api/programs/{id}/file",
    tag = "programs",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 302, description = "To the document", headers(("Location" = String, description = "`/api/files/{id}`"))),
        NotFound,
        (status = 409, description = "`program_not_ready`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn file(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1])> {
    let file = programs::file(&state.app, &caller, &id).await?;
    Ok((StatusCode::FOUND, [(LOCATION, format!("/api/files/{file}"))]))
}

/// Make a new version
///
/// From the same answers and today's templates. It goes the way of the setting `programs`: to the client, or to the
/// trainer first.
#[utoipa::path(
    post,
    path = "/api/programs/{id}/regenerate",
    tag = "programs",
    params(("id" = String, Path, description = "Any version")),
    responses(
        (status = 202, description = "The new version, queued", body = Program),
        NotFound,
        (status = 409, description = "`program_in_work`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn regenerate(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Json<Program>)> {
    let fresh = generate_program::order(&state.app, &caller, &id).await?;
    let view = programs::find(&state.app, &caller, &fresh).await?;
    Ok((
        StatusCode::ACCEPTED,
        [(LOCATION, format!("/api/programs/{fresh}"))],
        Json(show(view.program)),
    ))
}

/// Send a version again
#[utoipa::path(
    post,
    path = "/api/programs/{id}/resend",
    tag = "programs",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 202, description = "It is on its way"),
        NotFound,
        (status = 409, description = "`program_not_ready`, or `no_channel`: the client has no chat", body = Problem, content_type = "application/problem+json")
    )
)]
async fn resend(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
) -> ApiResult<StatusCode> {
    send_program::resend(&state.app, &caller, &id).await?;
    Ok(StatusCode::ACCEPTED)
}

const fn status_code(status: ProgramStatus) -> &'static str {
    match status {
        ProgramStatus::Queued => "queued",
        ProgramStatus::AwaitingApproval => "awaiting_approval",
        ProgramStatus::Superseded => "superseded",
        ProgramStatus::Ready => "ready",
        ProgramStatus::Failed => "failed",
    }
}

pub(super) fn show(program: store::Program) -> Program {
    Program {
        id: program.id.to_string(),
        client_id: program.client.to_string(),
        questionnaire_id: program.questionnaire.to_string(),
        version: program.version,
        scope: if program.scope == "full" {
            ProgramScope::Full
        } else {
            ProgramScope::Free
        },
        status: match program.status.as_str() {
            "ready" => ProgramStatus::Ready,
            "failed" => ProgramStatus::Failed,
            "awaiting_approval" => ProgramStatus::AwaitingApproval,
            "superseded" => ProgramStatus::Superseded,
            _ => ProgramStatus::Queued,
        },
        language: show_language(program.language),
        reason: program.reason,
        wording: program.wording,
        template_hash: program.template_hash,
        error: program.error,
        has_file: program.file.is_some(),
        created_at: program.created_at.to_utc(),
        ready_at: program.ready_at.map(Timestamp::to_utc),
        delivered_at: program.delivered_at.map(Timestamp::to_utc),
        parent_id: program.parent.map(|id| id.to_string()),
        successor_id: program.successor.map(|id| id.to_string()),
        approve_by: program.approve_by.map(Timestamp::to_utc),
        decided_by: program.decided_by,
        decided_at: program.decided_at.map(Timestamp::to_utc),
        has_phone_version: program.phone_file.is_some(),
    }
}
