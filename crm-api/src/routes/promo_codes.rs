//! Promo codes.

use api_types::crm::{
    NewPromoBatch, NewPromoCode, PromoBatch, PromoCode, PromoDiscount, PromoEdit, PromoExportQuery, PromoQuery,
    PromoReport, PromoSum, PromoTerms,
};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::Caller;
use app::crm::promo_codes::{self, Batch, Terms, WantedDiscount};
use axum::extract::State;
use axum::http::StatusCode;
use axum::response::Response;
use domain::ids::PromoCodeId;
use domain::promo::Discount;
use domain::time::Timestamp;
use futures::Stream;
use store::{Cursor, PageRequest, StoredPromoCode};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::money::{read_money, show_money};
use crate::auth::Admin;
use crate::csv;
use crate::extract::{IfMatch, Json, PathId, Query, Versioned};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

/// Rows a page of an export; each page is a short transaction of its own.
const EXPORT_PAGE: u32 = 500;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(generate))
        .routes(routes!(export))
        .routes(routes!(find, save))
        .routes(routes!(deactivate))
        .routes(routes!(report))
}

/// List promo codes
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/promocodes",
    tag = "promocodes",
    params(PromoQuery),
    responses((status = 200, body = Page<PromoCode>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<PromoQuery>,
) -> ApiResult<Json<Page<PromoCode>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let found = promo_codes::list(&state.app, &caller, query.batch.as_deref(), &page).await?;
    Ok(Json(paging::page(found, show)))
}

/// Create a promo code
#[utoipa::path(
    post,
    path = "/api/promocodes",
    tag = "promocodes",
    request_body = NewPromoCode,
    responses(
        (status = 201, body = PromoCode),
        (status = 409, description = "`code_taken`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn create(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(new): Json<NewPromoCode>,
) -> ApiResult<(StatusCode, Versioned<PromoCode>)> {
    let promo = promo_codes::create(&state.app, &caller, &new.code, &read(new.terms)).await?;
    Ok((StatusCode::CREATED, versioned(promo)))
}

/// Generate many codes
///
/// All of the same terms, each of its own random characters.
#[utoipa::path(
    post,
    path = "/api/promocodes/generate",
    tag = "promocodes",
    request_body = NewPromoBatch,
    responses(
        (status = 201, body = PromoBatch),
        (status = 409, description = "`batch_taken`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn generate(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(new): Json<NewPromoBatch>,
) -> ApiResult<(StatusCode, Json<PromoBatch>)> {
    let batch = Batch {
        name: new.batch,
        count: new.count,
        prefix: new.prefix,
        length: new.length,
        terms: read(new.terms),
    };
    let codes = promo_codes::generate(&state.app, &caller, &batch).await?;
    let name = batch.name.trim().to_owned();
    let query = url::form_urlencoded::Serializer::new(String::new())
        .append_pair("batch", &name)
        .finish();
    let body = PromoBatch {
        batch: name,
        codes,
        csv_url: format!("/api/promocodes/export.csv?{query}"),
    };
    Ok((StatusCode::CREATED, Json(body)))
}

/// Download promo codes
///
/// As a table (CSV in UTF-8), newest first.
#[utoipa::path(
    get,
    path = "/api/promocodes/export.csv",
    tag = "promocodes",
    params(PromoExportQuery),
    responses((status = 200, description = "The table", body = String, content_type = "text/csv"))
)]
async fn export(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<PromoExportQuery>,
) -> ApiResult<Response> {
    let titles = [
        "code",
        "batch",
        "discount",
        "uses",
        "total_limit",
        "is_active",
        "starts_at",
        "ends_at",
        "note",
    ];
    csv::download("promocodes.csv", &titles, rows(state, caller, query.batch))
}

/// The table's lines, a page at a time.
fn rows(
    state: ApiState,
    caller: Caller,
    batch: Option<String>,
) -> impl Stream<Item = ApiResult<String>> + Send + 'static {
    let first: Option<Option<Cursor>> = Some(None);
    futures::stream::try_unfold(
        (state, caller, batch, first),
        |(state, caller, batch, place)| async move {
            let Some(after) = place else { return Ok(None) };
            let page = PageRequest {
                limit: EXPORT_PAGE,
                after,
            };
            let found = promo_codes::list(&state.app, &caller, batch.as_deref(), &page).await?;
            let lines: String = found.items.iter().map(line).collect();
            let next = found.next.map(Some);
            Ok(Some((lines, (state, caller, batch, next))))
        },
    )
}

fn line(promo: &StoredPromoCode) -> String {
    let code = &promo.code;
    let discount = match code.discount {
        Discount::Percent { basis_points } => basis_points.format(domain::language::Language::En),
        Discount::Sum { amount } => format!("{} {}", amount.to_decimal(), amount.currency),
    };
    let time = |at: Option<Timestamp>| at.map(|at| at.to_utc().to_rfc3339()).unwrap_or_default();
    csv::row([
        promo.label.as_str(),
        promo.batch.as_deref().unwrap_or_default(),
        &discount,
        &promo.uses.to_string(),
        &code.total_limit.map(|limit| limit.to_string()).unwrap_or_default(),
        if code.is_active { "yes" } else { "no" },
        &time(code.starts_at),
        &time(code.ends_at),
        &promo.note,
    ])
}

/// Get a promo code
#[utoipa::path(
    get,
    path = "/api/promocodes/{id}",
    tag = "promocodes",
    params(("id" = String, Path, description = "The promo code")),
    responses((status = 200, body = PromoCode, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PromoCodeId>,
) -> ApiResult<Versioned<PromoCode>> {
    Ok(versioned(promo_codes::find(&state.app, &caller, &id).await?))
}

/// Save a promo code
///
/// Everything but the code itself. Orders that were placed keep their price.
#[utoipa::path(
    put,
    path = "/api/promocodes/{id}",
    tag = "promocodes",
    params(("id" = String, Path, description = "The promo code"), IfMatch),
    request_body = PromoEdit,
    responses(
        (status = 200, body = PromoCode),
        Invalid,
        IfMatch
    )
)]
async fn save(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PromoCodeId>,
    IfMatch(version): IfMatch,
    Json(wanted): Json<PromoEdit>,
) -> ApiResult<Versioned<PromoCode>> {
    let is_active = wanted.is_active;
    let saved = promo_codes::save(&state.app, &caller, &id, version, &read(wanted.terms), is_active).await?;
    Ok(versioned(saved))
}

/// Deactivate a promo code
///
/// At once, whoever edits it. Orders that have reserved a use keep their price. Doing it again changes nothing.
#[utoipa::path(
    post,
    path = "/api/promocodes/{id}/deactivate",
    tag = "promocodes",
    params(("id" = String, Path, description = "The promo code")),
    responses((status = 200, body = PromoCode))
)]
async fn deactivate(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PromoCodeId>,
) -> ApiResult<Versioned<PromoCode>> {
    Ok(versioned(promo_codes::deactivate(&state.app, &caller, &id).await?))
}

/// How a promo code did
#[utoipa::path(
    get,
    path = "/api/promocodes/{id}/report",
    tag = "promocodes",
    params(("id" = String, Path, description = "The promo code")),
    responses((status = 200, body = PromoReport))
)]
async fn report(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PromoCodeId>,
) -> ApiResult<Json<PromoReport>> {
    let report = promo_codes::report(&state.app, &caller, &id).await?;
    Ok(Json(PromoReport {
        reserved: report.reserved,
        used: report.used,
        released: report.released,
        sums: report
            .sums
            .into_iter()
            .map(|sum| PromoSum {
                discount: show_money(sum.discount),
                revenue: show_money(sum.revenue),
            })
            .collect(),
    }))
}

fn read(terms: PromoTerms) -> Terms {
    Terms {
        discount: match terms.discount {
            PromoDiscount::Percent { basis_points } => WantedDiscount::Percent(basis_points),
            PromoDiscount::Sum { amount } => WantedDiscount::Sum(read_money(amount)),
        },
        starts_at: terms.starts_at.map(Timestamp::from_utc),
        ends_at: terms.ends_at.map(Timestamp::from_utc),
        total_limit: terms.total_limit,
        per_client_limit: terms.per_client_limit,
        is_first_order_only: terms.is_first_order_only,
        products: terms.products,
        clients: terms.clients,
        minimum: terms.minimum.map(read_money),
        note: terms.note,
    }
}

fn versioned(promo: StoredPromoCode) -> Versioned<PromoCode> {
    Versioned {
        version: promo.version,
        body: show(promo),
    }
}

fn show(promo: StoredPromoCode) -> PromoCode {
    let code = promo.code;
    PromoCode {
        id: code.id.to_string(),
        code: promo.label,
        batch: promo.batch,
        terms: PromoTerms {
            discount: match code.discount {
                Discount::Percent { basis_points } => PromoDiscount::Percent {
                    basis_points: basis_points.value(),
                },
                Discount::Sum { amount } => PromoDiscount::Sum {
                    amount: show_money(amount),
                },
            },
            starts_at: code.starts_at.map(Timestamp::to_utc),
            ends_at: code.ends_at.map(Timestamp::to_utc),
            total_limit: code.total_limit,
            per_client_limit: code.per_client_limit,
            is_first_order_only: code.is_first_order_only,
            products: code.products.iter().map(ToString::to_string).collect(),
            clients: code.clients.iter().map(ToString::to_string).collect(),
            minimum: code.minimum.map(show_money),
            note: promo.note,
        },
        is_active: code.is_active,
        uses: promo.uses,
        created_at: promo.created_at.to_utc(),
        version: promo.version,
    }
}
