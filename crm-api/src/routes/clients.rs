//! Clients: finding, entering, editing, tagging, moving, and writing to them.

use std::collections::BTreeMap;

use api_types::conversation::Language as WireLanguage;
use api_types::crm::{
    Client, ClientMessage, ClientPatch, ClientQuery, Localized, MoveRequest, NewClient, NewMessage, StageRef,
};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::converse;
use app::crm::clients::{self, ClientView, Draft, Edit, Search};
use app::crm::{moves, timeline};
use axum::extract::State;
use axum::http::StatusCode;
use axum::http::header::{HeaderName, LOCATION};
use domain::ids::{ClientId, Id};
use domain::language::Language;
use domain::time::Timestamp;
use serde::Deserialize;
use store::Stage;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::pipeline::show_kind;
use super::timeline::show_message;
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, PathParts, Query, Versioned};
use crate::paging;
use crate::problem::{ApiError, ApiResult};
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(find, update))
        .routes(routes!(add_tag, remove_tag))
        .routes(routes!(move_to_stage))
        .routes(routes!(list_messages, send_message))
}

/// List clients
///
/// Newest first; filters narrow together. A search with `q` walks an index of three-letter pieces, so that parts of words
/// are found as well.
#[utoipa::path(
    get,
    path = "/api/clients",
    tag = "clients",
    params(ClientQuery),
    responses(
        (status = 200, body = Page<Client>),
        (status = 422, description = "A filter can't be used, such as `search_too_short`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<ClientQuery>,
) -> ApiResult<Json<Page<Client>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let search = Search {
        words: query.q,
        phone: query.phone,
        email: query.email,
        stage: query.stage,
        source: query.source,
        tag: query.tag,
        created_from: query.created_from.map(Timestamp::from_utc),
        created_before: query.created_before.map(Timestamp::from_utc),
    };
    let found = clients::list(&state.app, &caller, &search, &page).await?;
    Ok(Json(paging::page(found, show)))
}

/// Enter a client by hand
///
/// With an open lead, in the wanted stage or the first one.
#[utoipa::path(
    post,
    path = "/api/clients",
    tag = "clients",
    request_body = NewClient,
    responses(
        (status = 201, body = Client),
        Invalid
    )
)]
async fn create(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(new): Json<NewClient>,
) -> ApiResult<(StatusCode, [(HeaderName, String); 1], Versioned<Client>)> {
    let draft = Draft {
        name: new.name,
        username: new.username,
        phone: new.phone,
        email: new.email,
        notes: new.notes,
        language: new.language.map(read_language),
        source: new.source,
        stage: new.stage_id,
    };
    let view = clients::create(&state.app, &caller, &draft).await?;
    let location = format!("/api/clients/{}", view.client.id);
    Ok((StatusCode::CREATED, [(LOCATION, location)], versioned(view)))
}

/// Get a client
#[utoipa::path(
    get,
    path = "/api/clients/{id}",
    tag = "clients",
    params(("id" = String, Path, description = "The client")),
    responses(
        (status = 200, body = Client, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        NotFound
    )
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
) -> ApiResult<Versioned<Client>> {
    Ok(versioned(clients::find(&state.app, &caller, &id).await?))
}

/// Edit a client
///
/// Fields that are absent stay, `null` clears.
#[utoipa::path(
    patch,
    path = "/api/clients/{id}",
    tag = "clients",
    params(("id" = String, Path, description = "The client"), IfMatch),
    request_body(content = ClientPatch, example = json!({ "phone": "+7 912 345-67-89", "notes": null })),
    responses(
        (status = 200, body = Client),
        NotFound,
        Invalid,
        IfMatch
    )
)]
async fn update(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
    IfMatch(version): IfMatch,
    Json(patch): Json<ClientPatch>,
) -> ApiResult<Versioned<Client>> {
    let edit = Edit {
        name: patch.name,
        username: patch.username,
        phone: patch.phone,
        email: patch.email,
        notes: patch.notes,
        language: patch.language.map(|language| language.map(read_language)),
        owner: patch.owner,
    };
    Ok(versioned(
        clients::update(&state.app, &caller, &id, version, &edit).await?,
    ))
}

#[derive(Deserialize)]
struct TagPath {
    id: String,
    tag: String,
}

impl TagPath {
    fn client(&self) -> ApiResult<ClientId> {
        ClientId::parse(&self.id).ok_or_else(ApiError::not_found)
    }
}

/// Tag a client
///
/// Tags are lower case, 1 to 40 characters; one that is there already stays.
#[utoipa::path(
    put,
    path = "/api/clients/{id}/tags/{tag}",
    tag = "clients",
    params(("id" = String, Path, description = "The client"), ("tag" = String, Path, description = "The tag", example = "vip")),
    responses(
        (status = 200, body = Client),
        NotFound,
        Invalid
    )
)]
async fn add_tag(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathParts(path): PathParts<TagPath>,
) -> ApiResult<Versioned<Client>> {
    Ok(versioned(
        clients::add_tag(&state.app, &caller, &path.client()?, &path.tag).await?,
    ))
}

/// Take a tag off a client
#[utoipa::path(
    delete,
    path = "/api/clients/{id}/tags/{tag}",
    tag = "clients",
    params(("id" = String, Path, description = "The client"), ("tag" = String, Path, description = "The tag")),
    responses((status = 200, body = Client), NotFound)
)]
async fn remove_tag(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathParts(path): PathParts<TagPath>,
) -> ApiResult<Versioned<Client>> {
    Ok(versioned(
        clients::remove_tag(&state.app, &caller, &path.client()?, &path.tag).await?,
    ))
}

/// Move a client to a stage
///
/// From anywhere to anywhere; the move stands in the history.
#[utoipa::path(
    post,
    path = "/api/clients/{id}/move",
    tag = "pipeline",
    params(("id" = String, Path, description = "The client")),
    request_body = MoveRequest,
    responses(
        (status = 200, body = Client),
        NotFound,
        (status = 409, description = "`stage_archived`, or `moved_meanwhile` by somebody else", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn move_to_stage(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
    Json(request): Json<MoveRequest>,
) -> ApiResult<Versioned<Client>> {
    let view = moves::one(&state.app, &caller, &id, &request.stage_id, request.reason.as_deref()).await?;
    Ok(versioned(view))
}

/// List the messages with a client
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/clients/{id}/messages",
    tag = "clients",
    params(("id" = String, Path, description = "The client"), PageQuery),
    responses((status = 200, body = Page<ClientMessage>), NotFound)
)]
async fn list_messages(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<ClientMessage>>> {
    let found = timeline::messages(&state.app, &caller, &id, &paging::request(&query)?).await?;
    Ok(Json(paging::page(found, show_message)))
}

/// Write to a client
///
/// In the trainer's name, to the messenger the client wrote from. The bot stays quiet for a while afterwards.
#[utoipa::path(
    post,
    path = "/api/clients/{id}/messages",
    tag = "clients",
    params(("id" = String, Path, description = "The client")),
    request_body = NewMessage,
    responses(
        (status = 202, description = "It is on its way"),
        NotFound,
        (status = 409, description = "`no_channel`: the client has no chat", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn send_message(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
    Json(message): Json<NewMessage>,
) -> ApiResult<StatusCode> {
    converse::send_to_client(&state.app, &caller, &id, &message.text).await?;
    Ok(StatusCode::ACCEPTED)
}

pub(super) const fn read_language(language: WireLanguage) -> Language {
    match language {
        WireLanguage::Ru => Language::Ru,
        WireLanguage::En => Language::En,
    }
}

pub(super) const fn show_language(language: Language) -> WireLanguage {
    match language {
        Language::Ru => WireLanguage::Ru,
        Language::En => WireLanguage::En,
    }
}

pub(super) fn show_text(text: domain::language::Localized) -> Localized {
    Localized {
        ru: text.ru,
        en: text.en,
    }
}

pub(super) fn read_text(text: Localized) -> domain::language::Localized {
    domain::language::Localized::new(text.ru, text.en)
}

/// UTM marks are kept as a JSON object; anything else in it than texts is left out.
pub(super) fn show_utm(utm: &str) -> BTreeMap<String, String> {
    let marks: BTreeMap<String, serde_json::Value> = serde_json::from_str(utm).unwrap_or_default();
    marks
        .into_iter()
        .filter_map(|(name, value)| value.as_str().map(|value| (name, value.to_owned())))
        .collect()
}

fn versioned(view: ClientView) -> Versioned<Client> {
    Versioned {
        version: view.client.version,
        body: show(view),
    }
}

pub(super) fn show(view: ClientView) -> Client {
    let client = view.client;
    Client {
        id: client.id.to_string(),
        name: client.display_name,
        username: client.username,
        phone: client.phone,
        email: client.email,
        notes: client.notes,
        language: show_language(client.language),
        owner: client.owner.map(|owner| owner.to_string()),
        stage: show_stage_ref(view.stage),
        tags: view.tags,
        source: client.origin.source,
        campaign: client.origin.campaign,
        utm: show_utm(&client.origin.utm),
        referrer: client.origin.referrer,
        start_payload: client.origin.payload,
        needs_trainer: client.needs_trainer,
        is_reachable: client.is_reachable,
        created_at: client.created_at.to_utc(),
        updated_at: client.updated_at.to_utc(),
        version: client.version,
    }
}

fn show_stage_ref(stage: Stage) -> StageRef {
    StageRef {
        id: stage.id.to_string(),
        kind: show_kind(stage.kind),
        title: show_text(stage.title),
    }
}
