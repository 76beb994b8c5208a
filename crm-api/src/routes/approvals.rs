//! The trainer's decisions about programmes: the same as in the chat.

use api_types::crm::{
    AffectedProgram, Alternative, AlternativeList, AlternativeQuery, AlternativeRelation, NoteRequest, Program,
    ProgramDelivery, ProgramPhoneVersion, ProgramScope, ProgramSettings, RegenerateRequest, Regeneration,
    RegenerationProgress, SwapRequest, VersionedProgramSettings,
};
use api_types::problem::Problem;
use app::crm::{approvals, program_settings, programs as versions};
use app::regenerate_programs::{self, Progress};
use app::settings::programs as rules;
use app::{App, Caller};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, LOCATION};
use domain::ids::{ProgramBatchId, ProgramId};
use domain::time::Timestamp;
use programs::swap::Relation;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_text;
use super::programs::show;
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, Versioned};
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

type Ordered = (StatusCode, [(HeaderName, String); 1], Json<Program>);

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(find_settings, save_settings))
        .routes(routes!(approve))
        .routes(routes!(alternatives))
        .routes(routes!(swap))
        .routes(routes!(variant))
        .routes(routes!(note))
        .routes(routes!(regenerate))
        .routes(routes!(progress))
}

/// Get how programmes are sent
#[utoipa::path(
    get,
    path = "/api/settings/programs",
    tag = "settings",
    responses((status = 200, body = VersionedProgramSettings, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find_settings(
    State(state): State<ApiState>,
    Admin(caller): Admin,
) -> ApiResult<Versioned<VersionedProgramSettings>> {
    let (found, version) = program_settings::find(&state.app, &caller).await?;
    Ok(show_settings(&found, version))
}

/// Say how programmes are sent
///
/// At once, or after the trainer's look. What waits already keeps its promise to the client.
#[utoipa::path(
    put,
    path = "/api/settings/programs",
    tag = "settings",
    params(IfMatch),
    request_body = ProgramSettings,
    responses(
        (status = 200, body = VersionedProgramSettings),
        Invalid,
        IfMatch
    )
)]
async fn save_settings(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    Json(wanted): Json<ProgramSettings>,
) -> ApiResult<Versioned<VersionedProgramSettings>> {
    let wanted = rules::ProgramSettings {
        delivery: match wanted.delivery {
            ProgramDelivery::AtOnce => rules::DeliveryRule::AtOnce,
            ProgramDelivery::AfterApproval => rules::DeliveryRule::AfterApproval,
        },
        scopes: wanted
            .scopes
            .into_iter()
            .map(|scope| match scope {
                ProgramScope::Free => "free".to_owned(),
                ProgramScope::Full => "full".to_owned(),
            })
            .collect(),
        wait_minutes: wanted.wait_minutes,
        phone: match wanted.phone {
            ProgramPhoneVersion::Off => rules::PhoneVersion::Off,
            ProgramPhoneVersion::Button => rules::PhoneVersion::Button,
            ProgramPhoneVersion::Sent => rules::PhoneVersion::Sent,
        },
    };
    let (saved, version) = program_settings::save(&state.app, &caller, version, wanted).await?;
    Ok(show_settings(&saved, version))
}

/// Send a waiting programme
///
/// Of several decisions the first one counts.
#[utoipa::path(
    post,
    path = "/api/programs/{id}/approve",
    tag = "programs",
    params(("id" = String, Path, description = "A version that awaits approval")),
    responses(
        (status = 202, description = "It is on its way"),
        NotFound,
        (status = 409, description = "`program_already_sent`, `program_replaced` or `program_not_ready`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn approve(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
) -> ApiResult<StatusCode> {
    approvals::approve(&state.app, &caller, &id).await?;
    Ok(StatusCode::ACCEPTED)
}

/// List what could replace an exercise
///
/// Only what the client's equipment and spared areas allow.
#[utoipa::path(
    get,
    path = "/api/programs/{id}/alternatives",
    tag = "programs",
    params(("id" = String, Path, description = "The version"), AlternativeQuery),
    responses(
        (status = 200, body = AlternativeList),
        NotFound,
        (status = 409, description = "`program_not_ready`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn alternatives(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
    Query(query): Query<AlternativeQuery>,
) -> ApiResult<Json<AlternativeList>> {
    let found = approvals::alternatives(&state.app, &caller, &id, &query.row_id).await?;
    let items = found
        .into_iter()
        .map(|one| Alternative {
            exercise_id: one.exercise_id,
            name: show_text(one.name),
            relation: match one.relation {
                Relation::Equivalent => AlternativeRelation::Equivalent,
                Relation::Easier => AlternativeRelation::Easier,
                Relation::Harder => AlternativeRelation::Harder,
            },
        })
        .collect();
    Ok(Json(AlternativeList { items }))
}

/// Swap an exercise
///
/// Makes a new version. It takes the place of one that waits; one that was sent stays the client's until the new one goes
/// out, by the setting `programs`.
#[utoipa::path(
    post,
    path = "/api/programs/{id}/swap",
    tag = "programs",
    params(("id" = String, Path, description = "The version")),
    request_body = SwapRequest,
    responses(
        (status = 202, description = "The new version, queued", body = Program),
        NotFound,
        (status = 409, description = "`program_decided`, `program_in_work` or `program_not_ready`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "The exercise does not fit there", body = Problem, content_type = "application/problem+json")
    )
)]
async fn swap(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
    Json(wanted): Json<SwapRequest>,
) -> ApiResult<Ordered> {
    let next = approvals::swap(&state.app, &caller, &id, wanted.row_id, wanted.exercise_id).await?;
    ordered(&state.app, &caller, &next).await
}

/// Make another variant
///
/// The next best plan for the same answers; behind the last one comes the first again.
#[utoipa::path(
    post,
    path = "/api/programs/{id}/variant",
    tag = "programs",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 202, description = "The new version, queued", body = Program),
        NotFound,
        (status = 409, description = "`no_more_variants`, `program_decided`, `program_in_work` or `program_not_ready`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn variant(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
) -> ApiResult<Ordered> {
    let next = approvals::variant(&state.app, &caller, &id).await?;
    ordered(&state.app, &caller, &next).await
}

/// Write a note
///
/// Makes a new version with the trainer's words in the document and in its message.
#[utoipa::path(
    post,
    path = "/api/programs/{id}/note",
    tag = "programs",
    params(("id" = String, Path, description = "The version")),
    request_body = NoteRequest,
    responses(
        (status = 202, description = "The new version, queued", body = Program),
        NotFound,
        (status = 409, description = "`program_decided` or `program_in_work`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn note(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramId>,
    Json(wanted): Json<NoteRequest>,
) -> ApiResult<Ordered> {
    let next = approvals::write_note(&state.app, &caller, &id, &wanted.text).await?;
    ordered(&state.app, &caller, &next).await
}

/// Replace a withdrawn exercise for everybody
///
/// Makes a new version for each client whose newest one has the exercise, with an equivalent in its place. `dry_run` only
/// tells who that would be.
#[utoipa::path(
    post,
    path = "/api/programs/regenerate",
    tag = "programs",
    request_body = RegenerateRequest,
    responses(
        (status = 200, description = "A dry run, or nobody has it", body = Regeneration),
        (status = 202, description = "Under way", body = Regeneration),
        Invalid
    )
)]
async fn regenerate(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(wanted): Json<RegenerateRequest>,
) -> ApiResult<(StatusCode, Json<Regeneration>)> {
    let found = regenerate_programs::start(&state.app, &caller, &wanted.exercise_id, wanted.dry_run).await?;
    let status = if found.batch.is_some() {
        StatusCode::ACCEPTED
    } else {
        StatusCode::OK
    };
    let regeneration = Regeneration {
        id: found.batch.map(|id| id.to_string()),
        count: found.count,
        items: found
            .affected
            .into_iter()
            .map(|one| AffectedProgram {
                client_id: one.client.to_string(),
                client_name: one.client_name,
                program_id: one.program.to_string(),
            })
            .collect(),
    };
    Ok((status, Json(regeneration)))
}

/// Get how far a regeneration is
#[utoipa::path(
    get,
    path = "/api/programs/regenerations/{id}",
    tag = "programs",
    params(("id" = String, Path, description = "The regeneration")),
    responses((status = 200, body = RegenerationProgress), NotFound)
)]
async fn progress(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProgramBatchId>,
) -> ApiResult<Json<RegenerationProgress>> {
    let Progress { batch, versions } = regenerate_programs::progress(&state.app, &caller, &id).await?;
    let count = |status: &str| {
        let found = versions.iter().find(|(name, _)| name == status);
        found.map_or(0, |(_, count)| *count)
    };
    Ok(Json(RegenerationProgress {
        id: batch.id.to_string(),
        total: batch.total,
        queued: count("queued"),
        awaiting_approval: count("awaiting_approval"),
        ready: count("ready"),
        failed: count("failed"),
        superseded: count("superseded"),
        exercise_id: batch.exercise,
        started_by: batch.started_by,
        created_at: batch.created_at.to_utc(),
        ordered_at: batch.ordered_at.map(Timestamp::to_utc),
    }))
}

async fn ordered(app: &App, caller: &Caller, id: &ProgramId) -> ApiResult<Ordered> {
    let view = versions::find(app, caller, id).await?;
    Ok((
        StatusCode::ACCEPTED,
        [(LOCATION, format!("/api/programs/{id}"))],
        Json(show(view.program)),
    ))
}

fn show_settings(found: &rules::ProgramSettings, version: i64) -> Versioned<VersionedProgramSettings> {
    let settings = ProgramSettings {
        delivery: match found.delivery {
            rules::DeliveryRule::AtOnce => ProgramDelivery::AtOnce,
            rules::DeliveryRule::AfterApproval => ProgramDelivery::AfterApproval,
        },
        scopes: found
            .scopes
            .iter()
            .map(|scope| match scope.as_str() {
                "full" => ProgramScope::Full,
                _ => ProgramScope::Free,
            })
            .collect(),
        wait_minutes: found.wait_minutes,
        phone: match found.phone {
            rules::PhoneVersion::Off => ProgramPhoneVersion::Off,
            rules::PhoneVersion::Button => ProgramPhoneVersion::Button,
            rules::PhoneVersion::Sent => ProgramPhoneVersion::Sent,
        },
    };
    Versioned {
        version,
        body: VersionedProgramSettings { version, settings },
    }
}
