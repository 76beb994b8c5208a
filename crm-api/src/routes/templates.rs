//! The template tables: where they are, their versions, what they give to whom.

use api_types::crm::{
    CoverageTotals, FoundOutcome, FoundTemplates, PendingTemplates, TakeChanges, TemplateCoverage, TemplateDifference, TemplateHealth,
    TemplateLinks, TemplateReportQuery, TemplateSettings, TemplateState, TemplateTrouble, TemplateTryOut,
    TemplateUpload, TemplateVersion, TemplateVersionDetails, TemplateVersionSource, TryOutQuery,
    VersionedTemplateSettings, WrongCell,
};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::templates::reports::{self, Health, Which};
use app::crm::templates::{self, Found, MAX_TABLE_BYTES, Refusal, SourceView, Upload, WantedSource};
use app::Caller;
use app::refresh_templates::change::Applied;
use app::refresh_templates::{self, Table, Trouble};
use axum::extract::{DefaultBodyLimit, FromRequest as _, Multipart, Request, State};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use domain::ids::SnapshotId;
use domain::language::{Language, Localized};
use domain::time::Timestamp;
use programs::table::{ImportError, ImportErrors};
use programs::templates::Difference;
use serde_json::Value;
use store::{Snapshot, SnapshotState};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_text;
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, UPLOAD_LIMIT, Versioned};
use crate::paging;
use crate::problem::{ApiError, ApiResult};
use crate::speech;
use crate::state::ApiState;

/// More sentences than this fit no screen; the doctor lists them all.
const LISTED_CELLS: usize = 50;
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
    params(("If-Match" = String, Header, description = "The `ETag` you have seen")),
    request_body = TemplateSettings,
    responses(
        (status = 200, body = VersionedTemplateSettings),
        (status = 409, description = "`sheet_is_edited`, `templates_changed`, `no_sheets`", body = Problem, content_type = "application/problem+json"),
        (status = 412, description = "Somebody else was faster: `version_conflict`", body = Problem, content_type = "application/problem+json"),
        (status = 422, description = "`validation_failed`: an address is not understood; `wrong_cells`; `sheet_unreadable`", body = Problem, content_type = "application/problem+json"),
        (status = 428, description = "`If-Match` is missing", body = Problem, content_type = "application/problem+json")
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
    responses((status = 200, body = Page<TemplateVersion>), (status = 422, body = Problem, content_type = "application/problem+json"))
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
    responses((status = 200, body = TemplateVersionDetails), (status = 404, body = Problem, content_type = "application/problem+json"))
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
        (status = 404, body = Problem, content_type = "application/problem+json")
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
        (status = 404, body = Problem, content_type = "application/problem+json")
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
        (status = 404, body = Problem, content_type = "application/problem+json")
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
        (status = 404, body = Problem, content_type = "application/problem+json"),
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
        (status = 404, body = Problem, content_type = "application/problem+json"),
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
        (status = 422, body = Problem, content_type = "application/problem+json")
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
        (status = 422, body = Problem, content_type = "application/problem+json")
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

fn refuse(refusal: Refusal, language: Language) -> ApiError {
    match refusal {
        Refusal::Cells(errors) => {
            let mut problem = ApiError::new(
                StatusCode::UNPROCESSABLE_ENTITY,
                "wrong_cells",
                "The tables have wrong cells",
            );
            for error in errors.errors.iter().take(LISTED_CELLS) {
                problem = problem.with_field(place(error), "wrong_cell", error.message(language));
            }
            problem.with_detail(Trouble::Cells { errors }.text(language, 3))
        }
        Refusal::Away(trouble) => ApiError::new(
            StatusCode::UNPROCESSABLE_ENTITY,
            "sheet_unreadable",
            "The sheet can't be read",
        )
        .with_detail(trouble.text(language, LISTED_CELLS)),
        Refusal::Other(error) => error.into(),
    }
}

/// As a spreadsheet names it: `Men_12w_2!J12`.
fn place(error: &ImportError) -> String {
    match (&error.cell, error.row) {
        (Some(cell), _) => format!("{}!{cell}", error.sheet),
        (None, Some(row)) => format!("{}!{row}:{row}", error.sheet),
        (None, None) => error.sheet.clone(),
    }
}

fn show_source(view: SourceView) -> ApiResult<Versioned<VersionedTemplateSettings>> {
    let body = VersionedTemplateSettings {
        version: view.version,
        tables: view
            .links
            .map(|[men, women, exercises]| TemplateLinks { men, women, exercises }),
        take_changes: match view.source.take_changes {
            refresh_templates::TakeChanges::AtOnce => TakeChanges::AtOnce,
            refresh_templates::TakeChanges::AfterApproval => TakeChanges::AfterApproval,
        },
        found: view.found.as_ref().map(show_found).transpose()?,
    };
    Ok(Versioned {
        version: view.version,
        body,
    })
}

fn show_found(found: &Found) -> ApiResult<FoundTemplates> {
    Ok(FoundTemplates {
        outcome: match &found.applied {
            Applied::Unchanged(_) => FoundOutcome::Unchanged,
            Applied::InForce(_) => FoundOutcome::InForce,
            Applied::Pending(_) => FoundOutcome::Pending,
        },
        version: show_version(found.applied.snapshot().clone()),
        difference: show_difference(&found.difference)?,
    })
}

fn show_difference(difference: &Difference) -> ApiResult<TemplateDifference> {
    Ok(TemplateDifference {
        is_empty: difference.is_empty(),
        summary: show_text(Localized::new(
            difference.summary(Language::Ru),
            difference.summary(Language::En),
        )),
        details: value(difference)?,
    })
}

fn show_version(version: Snapshot) -> TemplateVersion {
    TemplateVersion {
        id: version.id.to_string(),
        number: version.number,
        source: match version.source.as_str() {
            "upload" => TemplateVersionSource::Upload,
            "shipped" => TemplateVersionSource::Shipped,
            _ => TemplateVersionSource::Sheet,
        },
        state: match version.state {
            SnapshotState::Kept => TemplateState::Kept,
            SnapshotState::Pending => TemplateState::Pending,
            SnapshotState::Used => TemplateState::Used,
            SnapshotState::Rejected => TemplateState::Rejected,
        },
        is_in_force: version.in_force_since.is_some(),
        in_force_since: version.in_force_since.map(Timestamp::to_utc),
        content_hash: version.content_hash,
        author: version.author,
        taken_at: version.taken_at.to_utc(),
        decided_by: version.decided_by,
        decided_at: version.decided_at.map(Timestamp::to_utc),
    }
}

const fn show_totals(totals: programs::coverage::Totals) -> CoverageTotals {
    CoverageTotals {
        exact: totals.exact,
        relaxed: totals.relaxed,
        nothing: totals.nothing,
    }
}

fn show_health(health: Health) -> ApiResult<TemplateHealth> {
    let mut warnings = Vec::new();
    if health.is_unreadable {
        warnings.push(Localized::new(
            "Служащая версия сделана для более старой программы и не читается: вместо неё служат встроенные таблицы.",
            "The version in force was made for an older program and can't be read: the shipped tables stand in for it.",
        ));
    }
    if let Some(pending) = &health.pending {
        warnings.push(Localized::new(
            format!("Версия {} ждёт решения тренера.", pending.number),
            format!("Version {} waits for the trainer's decision.", pending.number),
        ));
    }
    if !health.has_sheet {
        warnings.push(Localized::new(
            "Google Таблица не подключена: служат загруженные или встроенные таблицы.",
            "No Google spreadsheet is set: uploaded or shipped tables serve.",
        ));
    }
    if health.totals.relaxed > 0 {
        warnings.push(Localized::new(
            format!(
                "Сочетаний ответов без точного плана: {}; они получают ближайший.",
                health.totals.relaxed
            ),
            format!(
                "Combinations of answers without an exact plan: {}; they get the nearest one.",
                health.totals.relaxed
            ),
        ));
    }
    let trouble = health.trouble.map(|trouble| TemplateTrouble {
        since: health.look.trouble_since.map(Timestamp::to_utc),
        message: show_text(Localized::new(
            trouble.text(Language::Ru, LISTED_CELLS),
            trouble.text(Language::En, LISTED_CELLS),
        )),
        code: match &trouble {
            Trouble::Away { code, .. } => code.clone(),
            Trouble::Cells { .. } => "wrong_cells".to_owned(),
        },
        truncated: matches!(&trouble, Trouble::Cells { errors } if errors.truncated),
        cells: match &trouble {
            Trouble::Away { .. } => Vec::new(),
            Trouble::Cells { errors } => show_cells(errors),
        },
    });
    Ok(TemplateHealth {
        is_well: trouble.is_none() && health.holes.is_empty() && health.pending.is_none() && !health.is_unreadable,
        has_sheet: health.has_sheet,
        looked_at: health.look.looked_at.map(Timestamp::to_utc),
        well_at: health.look.well_at.map(Timestamp::to_utc),
        trouble,
        in_force: health.in_force.map(show_version),
        pending: health.pending.map(show_version),
        coverage: show_totals(health.totals),
        holes: values(&health.holes)?,
        warnings: warnings.into_iter().map(show_text).collect(),
    })
}

fn show_cells(errors: &ImportErrors) -> Vec<WrongCell> {
    errors
        .errors
        .iter()
        .map(|error| WrongCell {
            sheet: error.sheet.clone(),
            row: error.row,
            column: error.column.clone(),
            cell: error.cell.clone(),
            // The tag of the problem is its code.
            code: serde_json::to_value(&error.problem)
                .ok()
                .and_then(|problem| Some(problem.get("code")?.as_str()?.to_owned()))
                .unwrap_or_default(),
            message: show_text(Localized::new(error.message(Language::Ru), error.message(Language::En))),
        })
        .collect()
}

fn value(of: &impl serde::Serialize) -> ApiResult<Value> {
    serde_json::to_value(of).map_err(|error| ApiError::internal().with_cause(error))
}

fn values<T: serde::Serialize>(of: &[T]) -> ApiResult<Vec<Value>> {
    of.iter().map(value).collect()
}
