//! Leads.

use api_types::crm::{Lead, LeadPatch, LeadQuery, LeadStatus as WireStatus, TakeQuery};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::leads;
use axum::extract::State;
use domain::ids::LeadId;
use domain::pipeline::LeadStatus;
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, Versioned};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(find, update))
        .routes(routes!(take))
}

/// List leads
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/leads",
    tag = "leads",
    params(LeadQuery),
    responses((status = 200, body = Page<Lead>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<LeadQuery>,
) -> ApiResult<Json<Page<Lead>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let status = query.status.map(read_status);
    let found = leads::list(&state.app, &caller, status, query.client.as_deref(), &page).await?;
    Ok(Json(paging::page(found, show)))
}

/// Get a lead
#[utoipa::path(
    get,
    path = "/api/leads/{id}",
    tag = "leads",
    params(("id" = String, Path, description = "The lead")),
    responses(
        (status = 200, body = Lead, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        NotFound
    )
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<LeadId>,
) -> ApiResult<Versioned<Lead>> {
    Ok(versioned(leads::find(&state.app, &caller, &id).await?))
}

/// Set a lead's status
///
/// `lost` closes it; any other status opens a closed one again, if the client has no other open lead.
#[utoipa::path(
    patch,
    path = "/api/leads/{id}",
    tag = "leads",
    params(("id" = String, Path, description = "The lead"), IfMatch),
    request_body = LeadPatch,
    responses(
        (status = 200, body = Lead),
        NotFound,
        (status = 409, description = "`open_lead_exists`", body = Problem, content_type = "application/problem+json"),
        IfMatch
    )
)]
async fn update(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<LeadId>,
    IfMatch(version): IfMatch,
    Json(patch): Json<LeadPatch>,
) -> ApiResult<Versioned<Lead>> {
    Ok(versioned(
        leads::set_status(&state.app, &caller, &id, version, read_status(patch.status)).await?,
    ))
}

/// Take a lead
///
/// You work with it from now on; a new lead is in progress then. Taking your own again changes nothing.
#[utoipa::path(
    post,
    path = "/api/leads/{id}/take",
    tag = "leads",
    params(("id" = String, Path, description = "The lead"), TakeQuery),
    responses(
        (status = 200, body = Lead),
        NotFound,
        (status = 409, description = "`lead_taken` by somebody else, or `lead_closed`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn take(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<LeadId>,
    Query(query): Query<TakeQuery>,
) -> ApiResult<Versioned<Lead>> {
    Ok(versioned(leads::take(&state.app, &caller, &id, query.force).await?))
}

const fn read_status(status: WireStatus) -> LeadStatus {
    match status {
        WireStatus::New => LeadStatus::New,
        WireStatus::InProgress => LeadStatus::InProgress,
        WireStatus::Qualified => LeadStatus::Qualified,
        WireStatus::Lost => LeadStatus::Lost,
    }
}

const fn show_status(status: LeadStatus) -> WireStatus {
    match status {
        LeadStatus::New => WireStatus::New,
        LeadStatus::InProgress => WireStatus::InProgress,
        LeadStatus::Qualified => WireStatus::Qualified,
        LeadStatus::Lost => WireStatus::Lost,
    }
}

fn versioned(lead: store::Lead) -> Versioned<Lead> {
    Versioned {
        version: lead.version,
        body: show(lead),
    }
}

fn show(lead: store::Lead) -> Lead {
    Lead {
        id: lead.id.to_string(),
        client_id: lead.client.to_string(),
        client_name: lead.client_name,
        status: show_status(lead.status),
        source: lead.source,
        taken_by: lead.taken_by,
        created_at: lead.created_at.to_utc(),
        qualified_at: lead.qualified_at.map(Timestamp::to_utc),
        closed_at: lead.closed_at.map(Timestamp::to_utc),
        version: lead.version,
    }
}
