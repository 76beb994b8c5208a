//! The catalogue, and what a client always gets off.

use api_types::crm::{ClientDiscount, NewClientDiscount, Package, Product, ProductContent};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::products::{self, Draft};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{ClientId, ProductId};
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::{read_text, show_text};
use super::money::{read_grant, read_money, read_tax, show_grant, show_money, show_tax};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, Versioned};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(find, save))
        .routes(routes!(archive))
        .routes(routes!(restore))
        .routes(routes!(find_discount, save_discount, delete_discount))
}

/// List products
///
/// Newest first, archived ones included.
#[utoipa::path(get, path = "/api/products", tag = "products", params(PageQuery), responses((status = 200, body = Page<Product>)))]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<Product>>> {
    let found = products::list(&state.app, &caller, &paging::request(&query)?).await?;
    let now = state.app.now();
    Ok(Json(paging::page(found, |product| show(product, now))))
}

/// Add a product
#[utoipa::path(
    post,
    path = "/api/products",
    tag = "products",
    request_body = ProductContent,
    responses(
        (status = 201, body = Product),
        (status = 409, description = "`code_taken`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn create(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(wanted): Json<ProductContent>,
) -> ApiResult<(StatusCode, Versioned<Product>)> {
    let product = products::create(&state.app, &caller, read(wanted)).await?;
    Ok((StatusCode::CREATED, versioned(&state, product)))
}

/// Get a product
#[utoipa::path(
    get,
    path = "/api/products/{id}",
    tag = "products",
    params(("id" = String, Path, description = "The product")),
    responses(
        (status = 200, body = Product, headers(("ETag" = String, description = "The version, for `If-Match`"))),
        NotFound
    )
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProductId>,
) -> ApiResult<Versioned<Product>> {
    let product = products::find(&state.app, &caller, &id).await?;
    Ok(versioned(&state, product))
}

/// Save a product
///
/// Whole: what is absent is empty. Orders that were placed keep what was agreed.
#[utoipa::path(
    put,
    path = "/api/products/{id}",
    tag = "products",
    params(("id" = String, Path, description = "The product"), IfMatch),
    request_body = ProductContent,
    responses(
        (status = 200, body = Product),
        NotFound,
        Invalid,
        IfMatch
    )
)]
async fn save(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProductId>,
    IfMatch(version): IfMatch,
    Json(wanted): Json<ProductContent>,
) -> ApiResult<Versioned<Product>> {
    let product = products::save(&state.app, &caller, &id, version, read(wanted)).await?;
    Ok(versioned(&state, product))
}

/// Archive a product
///
/// Nobody can buy it any more; orders that name it go on.
#[utoipa::path(
    post,
    path = "/api/products/{id}/archive",
    tag = "products",
    params(("id" = String, Path, description = "The product"), IfMatch),
    responses(
        (status = 200, body = Product),
        IfMatch
    )
)]
async fn archive(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProductId>,
    IfMatch(version): IfMatch,
) -> ApiResult<Versioned<Product>> {
    let product = products::set_archived(&state.app, &caller, &id, version, true).await?;
    Ok(versioned(&state, product))
}

/// Restore a product
///
/// Back from the archive.
#[utoipa::path(
    post,
    path = "/api/products/{id}/restore",
    tag = "products",
    params(("id" = String, Path, description = "The product"), IfMatch),
    responses(
        (status = 200, body = Product),
        IfMatch
    )
)]
async fn restore(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ProductId>,
    IfMatch(version): IfMatch,
) -> ApiResult<Versioned<Product>> {
    let product = products::set_archived(&state.app, &caller, &id, version, false).await?;
    Ok(versioned(&state, product))
}

/// Get a client's discount
#[utoipa::path(
    get,
    path = "/api/clients/{id}/discount",
    tag = "products",
    params(("id" = String, Path, description = "The client")),
    responses((status = 200, body = ClientDiscount, headers(("ETag" = String, description = "The version, for `If-Match`; 0 as long as there is none"))))
)]
async fn find_discount(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
) -> ApiResult<Versioned<ClientDiscount>> {
    Ok(show_discount(products::find_discount(&state.app, &caller, &id).await?))
}

/// Set a client's discount
///
/// It competes with the other discounts of an order; the best one applies.
#[utoipa::path(
    put,
    path = "/api/clients/{id}/discount",
    tag = "products",
    params(("id" = String, Path, description = "The client"), IfMatch),
    request_body = NewClientDiscount,
    responses(
        (status = 200, body = ClientDiscount),
        Invalid,
        IfMatch
    )
)]
async fn save_discount(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
    IfMatch(version): IfMatch,
    Json(wanted): Json<NewClientDiscount>,
) -> ApiResult<Versioned<ClientDiscount>> {
    let ends_at = wanted.ends_at.map(Timestamp::from_utc);
    let note = wanted.note.as_deref();
    let saved = products::save_discount(&state.app, &caller, &id, version, wanted.basis_points, note, ends_at).await?;
    Ok(show_discount(Some(saved)))
}

/// Take a client's discount away
#[utoipa::path(
    delete,
    path = "/api/clients/{id}/discount",
    tag = "products",
    params(("id" = String, Path, description = "The client"), IfMatch),
    responses(
        (status = 204, description = "There is none any more"),
        IfMatch
    )
)]
async fn delete_discount(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
    IfMatch(version): IfMatch,
) -> ApiResult<StatusCode> {
    products::delete_discount(&state.app, &caller, &id, version).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn read(wanted: ProductContent) -> Draft {
    Draft {
        code: wanted.code,
        title: read_text(wanted.title),
        description: read_text(wanted.description),
        delivery: read_text(wanted.delivery),
        grants: wanted.grants.into_iter().map(read_grant).collect(),
        price: read_money(wanted.price),
        is_addon: wanted.is_addon,
        is_monthly: wanted.is_monthly,
        packages: wanted
            .packages
            .into_iter()
            .map(|package| (package.months, package.basis_points))
            .collect(),
        tax: read_tax(wanted.tax),
        active_from: wanted.active_from.map(Timestamp::from_utc),
        active_to: wanted.active_to.map(Timestamp::from_utc),
        position: wanted.position,
    }
}

fn versioned(state: &ApiState, product: store::Product) -> Versioned<Product> {
    Versioned {
        version: product.version,
        body: show(product, state.app.now()),
    }
}

fn show(product: store::Product, now: Timestamp) -> Product {
    Product {
        id: product.id.to_string(),
        is_on_sale: product.is_on_sale(now),
        archived_at: product.archived_at.map(Timestamp::to_utc),
        version: product.version,
        content: ProductContent {
            code: product.code,
            title: show_text(product.title),
            description: show_text(product.description),
            delivery: show_text(product.delivery),
            grants: product.grants.into_iter().map(show_grant).collect(),
            price: show_money(product.price),
            is_addon: product.is_addon,
            is_monthly: product.is_monthly,
            packages: product
                .packages
                .into_iter()
                .map(|(months, share)| Package {
                    months,
                    basis_points: share.value(),
                })
                .collect(),
            tax: show_tax(product.tax),
            active_from: product.active_from.map(Timestamp::to_utc),
            active_to: product.active_to.map(Timestamp::to_utc),
            position: product.position,
        },
    }
}

fn show_discount(discount: Option<store::ClientDiscount>) -> Versioned<ClientDiscount> {
    let version = discount.as_ref().map_or(0, |discount| discount.version);
    let body = match discount {
        Some(discount) => ClientDiscount {
            basis_points: Some(discount.basis_points.value()),
            note: discount.note,
            ends_at: discount.ends_at.map(Timestamp::to_utc),
            version,
        },
        None => ClientDiscount {
            basis_points: None,
            note: None,
            ends_at: None,
            version,
        },
    };
    Versioned { version, body }
}
