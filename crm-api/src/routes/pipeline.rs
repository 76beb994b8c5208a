//! The pipeline: stages, board, moves of several clients.

use api_types::crm::{
    Board, BoardColumn, BoardQuery, BulkMoveRequest, BulkMoved, Client, NewStage, Stage, StageKind as WireKind,
    StageList, StagePatch,
};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::moves;
use app::crm::stages::{self, Edit};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, LOCATION};
use domain::ids::StageId;
use domain::pipeline::StageKind;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::{read_text, show as show_client, show_text};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, Versioned};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

/// Enough to fill a column of a screen.
const COLUMN_LIMIT: u32 = 20;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list_stages, create_stage))
        .routes(routes!(find_stage, update_stage))
        .routes(routes!(stage_clients))
        .routes(routes!(board))
        .routes(routes!(move_several))
}

/// List the stages
///
/// In order, archived ones left out.
#[utoipa::path(get, path = "/api/pipeline/stages", tag = "pipeline", responses((status = 200, body = StageList)))]
async fn list_stages(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Json<StageList>> {
    let items = stages::list(&state.app, &caller).await?.into_iter().map(show).collect();
    Ok(Json(StageList { items }))
}

/// Add a stage
#[utoipa::path(
    post,
    path = "/api/pipeline/stages",
    tag = "pipeline",
    request_body(content = NewStage, example = json!({ "kind": "deciding", "title": { "ru": "Ждут зарплату", "en": "Waiting for payday" }, "position": 3 })),
    responses(
        (status = 201, body = Stage),
        (status = 409, description = "`too_many_stages`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn create_stage(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(new): Json<NewStage>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Versioned<Stage>)> {
    let stage = stages::create(
        &state.app,
        &caller,
        read_kind(new.kind),
        read_text(new.title),
        new.position,
    )
    .await?;
    let location = format!("/api/pipeline/stages/{}", stage.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], versioned(stage)))
}

/// Get a stage
#[utoipa::path(
    get,
    path = "/api/pipeline/stages/{id}",
    tag = "pipeline",
    params(("id" = String, Path, description = "The stage")),
    responses(
        (status = 200, body = Stage, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        NotFound
    )
)]
async fn find_stage(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<StageId>,
) -> ApiResult<Versioned<Stage>> {
    Ok(versioned(stages::find(&state.app, &caller, &id).await?))
}

/// Rename, move or archive a stage
///
/// Its kind stays: automations hang on it. Only an empty stage can be archived.
#[utoipa::path(
    patch,
    path = "/api/pipeline/stages/{id}",
    tag = "pipeline",
    params(("id" = String, Path, description = "The stage"), IfMatch),
    request_body(content = StagePatch, example = json!({ "title": { "ru": "Думают", "en": "Thinking" }, "position": 2 })),
    responses(
        (status = 200, body = Stage),
        NotFound,
        (status = 409, description = "`stage_not_empty`, or `stage_needed` by new clients", body = Problem, content_type = "application/problem+json"),
        Invalid,
        IfMatch
    )
)]
async fn update_stage(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<StageId>,
    IfMatch(version): IfMatch,
    Json(patch): Json<StagePatch>,
) -> ApiResult<Versioned<Stage>> {
    let edit = Edit {
        title: patch.title.map(read_text),
        place: patch.position,
        archive: patch.archived,
    };
    Ok(versioned(
        stages::update(&state.app, &caller, &id, version, &edit).await?,
    ))
}

/// List the clients of a stage
///
/// Newest first: the next pages of a column of the board.
#[utoipa::path(
    get,
    path = "/api/pipeline/stages/{id}/clients",
    tag = "pipeline",
    params(("id" = String, Path, description = "The stage"), PageQuery),
    responses((status = 200, body = Page<Client>), NotFound)
)]
async fn stage_clients(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<StageId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Client>>> {
    let found = stages::clients(&state.app, &caller, &id, &paging::request(&query)?).await?;
    Ok(Json(paging::page(found, show_client)))
}

/// Get the board
///
/// Every stage with its total and its first clients.
#[utoipa::path(get, path = "/api/pipeline/board", tag = "pipeline", params(BoardQuery), responses((status = 200, body = Board)))]
async fn board(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<BoardQuery>,
) -> ApiResult<Json<Board>> {
    let page = paging::request(&PageQuery {
        limit: query.limit.or(Some(COLUMN_LIMIT)),
        cursor: None,
    })?;
    let columns = stages::board(&state.app, &caller, page.limit).await?;
    let columns = columns
        .into_iter()
        .map(|column| BoardColumn {
            stage: show(column.stage),
            total: column.total,
            clients: paging::page(column.clients, show_client),
        })
        .collect();
    Ok(Json(Board { columns }))
}

/// Move several clients
///
/// All of them, or none: one unknown client and nobody moves.
#[utoipa::path(
    post,
    path = "/api/pipeline/moves",
    tag = "pipeline",
    request_body = BulkMoveRequest,
    responses(
        (status = 200, body = BulkMoved),
        (status = 409, description = "`stage_archived`, or `moved_meanwhile` by somebody else", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "Unknown clients are named as `client_ids/<place>`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn move_several(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(request): Json<BulkMoveRequest>,
) -> ApiResult<Json<BulkMoved>> {
    let done = moves::many(
        &state.app,
        &caller,
        &request.client_ids,
        &request.stage_id,
        request.reason.as_deref(),
    )
    .await?;
    Ok(Json(BulkMoved {
        moved: done.moved,
        unchanged: done.unchanged,
    }))
}

const fn read_kind(kind: WireKind) -> StageKind {
    match kind {
        WireKind::FirstContact => StageKind::FirstContact,
        WireKind::Consultation => StageKind::Consultation,
        WireKind::Deciding => StageKind::Deciding,
        WireKind::Purchased => StageKind::Purchased,
        WireKind::Active => StageKind::Active,
        WireKind::Completed => StageKind::Completed,
        WireKind::Inactive => StageKind::Inactive,
    }
}

pub(super) const fn show_kind(kind: StageKind) -> WireKind {
    match kind {
        StageKind::FirstContact => WireKind::FirstContact,
        StageKind::Consultation => WireKind::Consultation,
        StageKind::Deciding => WireKind::Deciding,
        StageKind::Purchased => WireKind::Purchased,
        StageKind::Active => WireKind::Active,
        StageKind::Completed => WireKind::Completed,
        StageKind::Inactive => WireKind::Inactive,
    }
}

fn versioned(stage: store::Stage) -> Versioned<Stage> {
    Versioned {
        version: stage.version,
        body: show(stage),
    }
}

fn show(stage: store::Stage) -> Stage {
    Stage {
        id: stage.id.to_string(),
        kind: show_kind(stage.kind),
        title: show_text(stage.title),
        position: stage.position,
        version: stage.version,
    }
}
