//! Refunds and receipts.

use api_types::crm::{Receipt, ReceiptQuery, Refund, RefundQuery, RegisteredReceipt};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::payments;
use app::pay::{incomes, receipts};
use axum::extract::State;
use domain::ids::{ReceiptId, RefundId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::money::{read_receipt_status, read_refund_status, show_receipt, show_refund};
use crate::auth::Admin;
use crate::extract::{Json, PathId, Query};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(list_receipts))
        .routes(routes!(register))
        .routes(routes!(retry))
}

/// List refunds
///
/// Newest first. `POST /api/payments/{id}/refund` makes one.
#[utoipa::path(
    get,
    path = "/api/refunds",
    tag = "payments",
    params(RefundQuery),
    responses((status = 200, body = Page<Refund>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<RefundQuery>,
) -> ApiResult<Json<Page<Refund>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let status = query.status.map(read_refund_status);
    let found = payments::list_refunds(&state.app, &caller, query.order.as_deref(), status, &page).await?;
    Ok(Json(paging::page(found, show_refund)))
}

/// Get a refund
#[utoipa::path(
    get,
    path = "/api/refunds/{id}",
    tag = "payments",
    params(("id" = String, Path, description = "The refund")),
    responses((status = 200, body = Refund))
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<RefundId>,
) -> ApiResult<Json<Refund>> {
    Ok(Json(show_refund(
        payments::find_refund(&state.app, &caller, &id).await?,
    )))
}

/// List receipts
///
/// Newest first: those of payments and refunds, those that close a prepayment, and incomes of a self-employed seller.
#[utoipa::path(
    get,
    path = "/api/receipts",
    tag = "payments",
    params(ReceiptQuery),
    responses((status = 200, body = Page<Receipt>), Invalid)
)]
async fn list_receipts(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<ReceiptQuery>,
) -> ApiResult<Json<Page<Receipt>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let status = query.status.map(read_receipt_status);
    let found = payments::list_receipts(&state.app, &caller, query.order.as_deref(), status, &page).await?;
    Ok(Json(paging::page(found, show_receipt)))
}

/// Say that it is registered
///
/// In «Мой налог» or at your own cash register, with its number and link if you like: the client of an income gets the link in
/// their chat. Saying it again changes nothing.
#[utoipa::path(
    post,
    path = "/api/receipts/{id}/registered",
    tag = "payments",
    params(("id" = String, Path, description = "The receipt")),
    request_body = RegisteredReceipt,
    responses(
        (status = 200, body = Receipt),
        (status = 409, description = "`receipt_not_by_hand`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn register(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ReceiptId>,
    Json(registered): Json<RegisteredReceipt>,
) -> ApiResult<Json<Receipt>> {
    let (number, link) = (registered.number.as_deref(), registered.link.as_deref());
    let receipt = incomes::register(&state.app, &caller, &id, number, link).await?;
    Ok(Json(show_receipt(receipt)))
}

/// Ask for a closing receipt once more
///
/// One that failed: you have mended the cause, or seen in the provider's account that it was not given.
#[utoipa::path(
    post,
    path = "/api/receipts/{id}/retry",
    tag = "payments",
    params(("id" = String, Path, description = "The receipt")),
    responses(
        (status = 200, body = Receipt),
        (status = 409, description = "`receipt_not_failed`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn retry(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ReceiptId>,
) -> ApiResult<Json<Receipt>> {
    Ok(Json(show_receipt(receipts::retry(&state.app, &caller, &id).await?)))
}
