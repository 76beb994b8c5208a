//! The template tables: where they are, their versions, what they give to whom.

mod show;

use api_types::crm::{
    FoundTemplates, PendingTemplates, TakeChanges, TemplateCoverage, TemplateHealth, TemplateReportQuery,
    TemplateSettings, TemplateTryOut, TemplateUpload, TemplateVersion, TemplateVersionDetails, TryOutQuery,
    VersionedTemplateSettings,
};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::Caller;
use app::crm::templates::reports::{self, Which};
use app::crm::templates::{self, MAX_TABLE_BYTES, Upload, WantedSource};
use app::refresh_templates::{self, Table};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::SnapshotId;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::show::{refuse, show_difference, show_found, show_health, show_source, show_totals, show_version, values};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, UPLOAD_LIMIT, Versioned};
use crate::paging;
use crate::problem::{ApiError, ApiResult};
use crate::refusals::{Invalid, NotFound};
use crate::speech;
use crate::state::ApiState;

const DEFAULT_CLIENTS: u32 = 200;
const DEFAULT_SEED: u32 = 1;

pub fn router() -> OpenApiRouter<ApiState> {
    let upload = OpenApiRouter::new()
        .routes(routes!(upload))
        .layer(DefaultBodyLimit::max(UPLOAD_LIMIT));
    OpenApiRouter::new()
        .routes(routes!(find_source, save_source))
        .routes(routes!(look))
        .routes(routes!(list))
        .routes(routes!(pending))
        .routes(routes!(coverage))
        .routes(routes!(try_out))
        .routes(routes!(doctor))
        .routes(routes!(find))
        .routes(routes!(men))
        .routes(routes!(women))
        .routes(routes!(exercises))
        .routes(routes!(use_version))
        .routes(routes!(reject))
        .merge(upload)
}

/// Get where the tables are
#[utoipa::path(
    get,
    path = "/api/settings/templates",
    tag = "templates",
    responses((status = 200, body = VersionedTemplateSettings, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find_source(
    State(state): State<ApiState>,
    Admin(caller): Admin,
) -> ApiResult<Versioned<VersionedTemplateSettings>> {
    let found = templates::find_source(&state.app, &caller).await?;
    show_source(found)
}

/// Say where the tables are
///
/// A sheet that was not set before is read at once: with wrong cells or unreadable nothing is saved, otherwise `found`
/// says what it changes and whether that serves already or waits for a decision. Messages follow `Accept-Language`.
#[utoipa::path(
    put,
    path = "/api/settings/templates",
    tag = "templates",
    params(IfMatch),
    request_body = TemplateSettings,
    responses(
        (status = 200, body = VersionedTemplateSettings),
        (status = 409, description = "`sheet_is_edited`, `templates_changed`, `no_sheets`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`validation_failed`: an address is not understood; `wrong_cells`; `sheet_unreadable`", body = Problem, content_type = "application/problem+json"),
        IfMatch
    )
)]
async fn save_source(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    headers: HeaderMap,
    Json(wanted): Json<TemplateSettings>,
) -> ApiResult<Versioned<VersionedTemplateSettings>> {
    let language = speech::of_api(&headers);
    let wanted = WantedSource {
        address: wanted.address,
        men: wanted.men,
        women: wanted.women,
        exercises: wanted.exercises,
        take_changes: match wanted.take_changes {
            TakeChanges::AtOnce => refresh_templates::TakeChanges::AtOnce,
            TakeChanges::AfterApproval => refresh_templates::TakeChanges::AfterApproval,
        },
    };
    let saved = templates::save_source(&state.app, &caller, version, &wanted, language)
        .await
        .map_err(|refusal| refuse(refusal, language))?;
    show_source(saved)
}

/// Look at the sheet now
///
/// Without waiting for the next tick, which comes every two minutes.
#[utoipa::path(
    post,
    path = "/api/templates/look",
    tag = "templates",
    responses(
        (status = 202, description = "It is looked at; `GET /api/templates/doctor` says what was seen"),
        (status = 409, description = "`no_sheet`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn look(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<StatusCode> {
    templates::look(&state.app, &caller).await?;
    Ok(StatusCode::ACCEPTED)
}

/// List the versions
///
/// Newest first; one of them is in force.
#[utoipa::path(
    get,
    path = "/api/templates",
    tag = "templates",
    params(PageQuery),
    responses((status = 200, body = Page<TemplateVersion>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<TemplateVersion>>> {
    let page = paging::request(&query)?;
    let found = templates::list(&state.app, &caller, &page).await?;
    Ok(Json(paging::page(found, show_version)))
}

/// Get a version
#[utoipa::path(
    get,
    path = "/api/templates/{id}",
    tag = "templates",
    params(("id" = String, Path, description = "The version")),
    responses((status = 200, body = TemplateVersionDetails), NotFound)
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<SnapshotId>,
) -> ApiResult<Json<TemplateVersionDetails>> {
    let (version, programs, difference) = templates::find(&state.app, &caller, &id).await?;
    Ok(Json(TemplateVersionDetails {
        version: show_version(version),
        programs,
        difference: difference.as_ref().map(show_difference).transpose()?,
    }))
}

/// Download the men's plans
#[utoipa::path(
    get,
    path = "/api/templates/{id}/men",
    tag = "templates",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 200, description = "CSV in UTF-8", content_type = "text/csv"),
        NotFound
    )
)]
async fn men(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<SnapshotId>,
) -> ApiResult<Response> {
    download(&state, &caller, &id, Table::Men).await
}

/// Download the women's plans
#[utoipa::path(
    get,
    path = "/api/templates/{id}/women",
    tag = "templates",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 200, description = "CSV in UTF-8", content_type = "text/csv"),
        NotFound
    )
)]
async fn women(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<SnapshotId>,
) -> ApiResult<Response> {
    download(&state, &caller, &id, Table::Women).await
}

/// Download the exercise library
#[utoipa::path(
    get,
    path = "/api/templates/{id}/exercises",
    tag = "templates",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 200, description = "CSV in UTF-8", content_type = "text/csv"),
        NotFound
    )
)]
async fn exercises(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<SnapshotId>,
) -> ApiResult<Response> {
    download(&state, &caller, &id, Table::Exercises).await
}

async fn download(state: &ApiState, caller: &Caller, id: &SnapshotId, table: Table) -> ApiResult<Response> {
    let (version, csv) = templates::table(&state.app, caller, id, table).await?;
    let name = format!("attachment; filename=\"{}.v{}.csv\"", table.sheet(), version.number);
    let disposition = HeaderValue::try_from(name).map_err(|error| ApiError::internal().with_cause(error))?;
    let mut headers = HeaderMap::new();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    headers.insert(CONTENT_DISPOSITION, disposition);
    Ok((headers, csv).into_response())
}

/// Get the waiting change
///
/// `null` when nothing waits for a decision.
#[utoipa::path(get, path = "/api/templates/pending", tag = "templates", responses((status = 200, body = PendingTemplates)))]
async fn pending(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Json<PendingTemplates>> {
    let pending = match templates::pending(&state.app, &caller).await? {
        None => None,
        Some((version, difference)) => Some(TemplateVersionDetails {
            version: show_version(version),
            programs: 0,
            difference: Some(show_difference(&difference)?),
        }),
    };
    Ok(Json(PendingTemplates { pending }))
}

/// Use a version
///
/// The waiting one, or an older one again. The one it replaces stays and can be used again in its turn.
#[utoipa::path(
    post,
    path = "/api/templates/{id}/use",
    tag = "templates",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 200, description = "It is in force", body = TemplateVersion),
        NotFound,
        (status = 409, description = "`version_unreadable`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn use_version(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<SnapshotId>,
) -> ApiResult<Json<TemplateVersion>> {
    let version = templates::use_version(&state.app, &caller, &id).await?;
    Ok(Json(show_version(version)))
}

/// Reject the waiting change
///
/// What serves goes on serving; the same content is not asked about again until the sheet shows something else.
#[utoipa::path(
    post,
    path = "/api/templates/{id}/reject",
    tag = "templates",
    params(("id" = String, Path, description = "The version")),
    responses(
        (status = 200, body = TemplateVersion),
        NotFound,
        (status = 409, description = "`not_pending`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn reject(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<SnapshotId>,
) -> ApiResult<Json<TemplateVersion>> {
    let version = templates::reject(&state.app, &caller, &id).await?;
    Ok(Json(show_version(version)))
}

/// Upload tables
///
/// CSV files in the fields `men`, `women` and `exercises`, one or all three, 8 MiB each at most; the others come from the
/// version in force. They are read as the sheet is, and taken or asked about as the setting says.
#[utoipa::path(
    post,
    path = "/api/templates/upload",
    tag = "templates",
    request_body(content = TemplateUpload, content_type = "multipart/form-data"),
    responses(
        (status = 200, body = FoundTemplates),
        (status = 409, description = "`templates_changed`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`wrong_cells`, or a field is not known", body = Problem, content_type = "application/problem+json")
    )
)]
async fn upload(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    request: Request,
) -> ApiResult<Json<FoundTemplates>> {
    let language = speech::of_api(request.headers());
    let form = Multipart::from_request(request, &state).await.map_err(|_| {
        ApiError::unsupported_media_type("send the tables as multipart/form-data with the fields men, women, exercises")
    })?;
    let tables = read_tables(form).await?;
    let found = templates::upload(&state.app, &caller, tables)
        .await
        .map_err(|refusal| refuse(refusal, language))?;
    Ok(Json(show_found(&found)?))
}

async fn read_tables(mut form: Multipart) -> ApiResult<Upload> {
    let broken = |error: axum::extract::multipart::MultipartError| {
        if error.status() == StatusCode::PAYLOAD_TOO_LARGE {
            ApiError::payload_too_large(UPLOAD_LIMIT)
        } else {
            ApiError::malformed("the form can't be read")
        }
    };
    let mut upload = Upload::default();
    while let Some(field) = form.next_field().await.map_err(broken)? {
        let name = field.name().unwrap_or_default().to_owned();
        let slot = match name.as_str() {
            "men" => &mut upload.men,
            "women" => &mut upload.women,
            "exercises" => &mut upload.exercises,
            _ => {
                return Err(ApiError::invalid(
                    name.replace('\0', ""),
                    "unknown_field",
                    "the fields are men, women and exercises",
                ));
            }
        };
        if slot.is_some() {
            return Err(ApiError::invalid(name, "repeated", "one file a table"));
        }
        let bytes = field.bytes().await.map_err(broken)?;
        if bytes.len() > MAX_TABLE_BYTES {
            return Err(ApiError::payload_too_large(MAX_TABLE_BYTES));
        }
        // A browser sends an empty file for a field that was left alone.
        if !bytes.is_empty() {
            *slot = Some(bytes.to_vec());
        }
    }
    Ok(upload)
}

/// What the tables give to whom
///
/// Every combination of answers: the plan it gets, what is relaxed, or that nothing fits.
#[utoipa::path(
    get,
    path = "/api/templates/coverage",
    tag = "templates",
    params(TemplateReportQuery),
    responses(
        (status = 200, body = TemplateCoverage),
        (status = 404, description = "There is no such version, or nothing waits", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`version_unreadable`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn coverage(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<TemplateReportQuery>,
) -> ApiResult<Json<TemplateCoverage>> {
    let which = Which::parse(query.version.as_deref())?;
    let (version, coverage) = reports::coverage(&state.app, &caller, &which).await?;
    Ok(Json(TemplateCoverage {
        version: version.map(show_version),
        totals: show_totals(coverage.totals()),
        cells: values(&coverage.cells)?,
    }))
}

/// Try the tables out
///
/// Invented clients, spread over all answers, and what each would get.
#[utoipa::path(
    get,
    path = "/api/templates/try-out",
    tag = "templates",
    params(TryOutQuery),
    responses(
        (status = 200, body = TemplateTryOut),
        (status = 404, description = "There is no such version, or nothing waits", body = Problem, content_type = "application/problem+json"),
        (status = 409, description = "`version_unreadable`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn try_out(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<TryOutQuery>,
) -> ApiResult<Json<TemplateTryOut>> {
    let which = Which::parse(query.version.as_deref())?;
    let clients = usize::try_from(query.clients.unwrap_or(DEFAULT_CLIENTS)).unwrap_or(usize::MAX);
    let seed = u64::from(query.seed.unwrap_or(DEFAULT_SEED));
    let (version, tried) = reports::try_out(&state.app, &caller, &which, clients, seed).await?;
    Ok(Json(TemplateTryOut {
        version: version.map(show_version),
        seed: tried.seed,
        clients: values(&tried.clients)?,
    }))
}

/// How the tables are
///
/// Wrong cells of the sheet, holes of the version in force, what waits.
#[utoipa::path(
    get,
    path = "/api/templates/doctor",
    tag = "templates",
    responses((status = 200, body = TemplateHealth))
)]
async fn doctor(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Json<TemplateHealth>> {
    let health = reports::health(&state.app, &caller).await?;
    Ok(Json(show_health(health)?))
}
