//! Orders.

use api_types::crm::{Basket, BasketItem, NewOrder, Order, OrderDetails, OrderPatch, OrderQuery, Quote};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::App;
use app::crm::orders::{self, OrderView, Wanted};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::OrderId;
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::money::{
    read_order_status, show_breakdown, show_line, show_money, show_order_status, show_payment, show_receipt,
    show_refund, show_refusal,
};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, Versioned};
use crate::idempotent::Keyed;
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(quote))
        .routes(routes!(find, update))
        .routes(routes!(cancel))
}

/// List orders
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/orders",
    tag = "orders",
    params(OrderQuery),
    responses((status = 200, body = Page<Order>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<OrderQuery>,
) -> ApiResult<Json<Page<Order>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let status = query.status.map(read_order_status);
    let found = orders::list(&state.app, &caller, query.client.as_deref(), status, &page).await?;
    Ok(Json(paging::page(found, |order| show(&state.app, order))))
}

/// Place an order for a client
///
/// At today's price, which it keeps. A promo code that can't be used is refused by name in `promo_refusal`, and the order
/// placed without it. An order that costs nothing is paid at once. Send `checkout_url` to the client, or take the payment
/// yourself with `POST /api/payments/manual`.
#[utoipa::path(
    post,
    path = "/api/orders",
    tag = "orders",
    params(("Idempotency-Key" = String, Header, description = "Needed: the same key places one order")),
    request_body = NewOrder,
    responses(
        (status = 201, body = OrderDetails),
        Invalid
    )
)]
async fn create(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    _: Keyed,
    Json(new): Json<NewOrder>,
) -> ApiResult<(StatusCode, Versioned<OrderDetails>)> {
    let wanted = read(new.client_id, new.items, new.promo_code);
    let view = orders::create(&state.app, &caller, &wanted, new.contact.as_deref()).await?;
    Ok((StatusCode::CREATED, versioned(&state.app, view)))
}

/// Ask what it would cost
///
/// Nothing is written or reserved.
#[utoipa::path(
    post,
    path = "/api/orders/quote",
    tag = "orders",
    request_body = Basket,
    responses((status = 200, body = Quote), Invalid)
)]
async fn quote(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(basket): Json<Basket>,
) -> ApiResult<Json<Quote>> {
    let wanted = read(basket.client_id, basket.items, basket.promo_code);
    let quote = orders::quote(&state.app, &caller, &wanted).await?;
    Ok(Json(Quote {
        lines: quote.lines.into_iter().map(show_line).collect(),
        breakdown: show_breakdown(quote.breakdown),
        promo_refusal: quote.refusal.as_ref().map(show_refusal),
    }))
}

/// Get an order
///
/// With its lines, the price explained, and the newest hundred of its payments, refunds and receipts.
#[utoipa::path(
    get,
    path = "/api/orders/{id}",
    tag = "orders",
    params(("id" = String, Path, description = "The order")),
    responses((status = 200, body = OrderDetails, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<OrderId>,
) -> ApiResult<Versioned<OrderDetails>> {
    let view = orders::find(&state.app, &caller, &id).await?;
    Ok(versioned(&state.app, view))
}

/// Say where the receipt goes
///
/// As long as the order waits for its payment.
#[utoipa::path(
    patch,
    path = "/api/orders/{id}",
    tag = "orders",
    params(("id" = String, Path, description = "The order"), IfMatch),
    request_body = OrderPatch,
    responses(
        (status = 200, body = OrderDetails),
        (status = 409, description = "`order_not_payable`", body = Problem, content_type = "application/problem+json"),
        Invalid,
        IfMatch
    )
)]
async fn update(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<OrderId>,
    IfMatch(version): IfMatch,
    Json(patch): Json<OrderPatch>,
) -> ApiResult<Versioned<OrderDetails>> {
    let view = orders::set_contact(&state.app, &caller, &id, version, &patch.contact).await?;
    Ok(versioned(&state.app, view))
}

/// Cancel an order
///
/// One that nobody has paid: its payment is called off, its promo code is free again. Money that comes all the same is
/// booked, and a task tells a person.
#[utoipa::path(
    post,
    path = "/api/orders/{id}/cancel",
    tag = "orders",
    params(("id" = String, Path, description = "The order")),
    responses(
        (status = 200, body = OrderDetails),
        (status = 409, description = "`order_not_payable`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn cancel(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<OrderId>,
) -> ApiResult<Versioned<OrderDetails>> {
    let view = orders::cancel(&state.app, &caller, &id).await?;
    Ok(versioned(&state.app, view))
}

fn read(client: String, items: Vec<BasketItem>, promo: Option<String>) -> Wanted {
    Wanted {
        client,
        items: items.into_iter().map(|item| (item.product_id, item.quantity)).collect(),
        promo: promo.filter(|code| !code.trim().is_empty()),
    }
}

fn versioned(app: &App, view: OrderView) -> Versioned<OrderDetails> {
    let breakdown = show_breakdown(view.order.breakdown.clone());
    Versioned {
        version: view.order.version,
        body: OrderDetails {
            order: show(app, view.order),
            lines: view.lines.into_iter().map(show_line).collect(),
            breakdown,
            payments: view.payments.into_iter().map(show_payment).collect(),
            refunds: view.refunds.into_iter().map(show_refund).collect(),
            receipts: view.receipts.into_iter().map(show_receipt).collect(),
            promo_refusal: view.refusal.as_ref().map(show_refusal),
        },
    }
}

fn show(app: &App, order: store::Order) -> Order {
    Order {
        checkout_url: app::pay::order_url(app, &order.id).map_or_else(|_| String::new(), |url| url.to_string()),
        id: order.id.to_string(),
        client_id: order.client.to_string(),
        status: show_order_status(order.status),
        channel: order.channel,
        language: order.language.code().to_owned(),
        total: show_money(order.total),
        promo_code_id: order.promo_code.map(|id| id.to_string()),
        contact: order.contact,
        offer_accepted_at: order.offer_accepted_at.map(Timestamp::to_utc),
        created_at: order.created_at.to_utc(),
        expires_at: order.expires_at.to_utc(),
        paid_at: order.paid_at.map(Timestamp::to_utc),
        fulfilled_at: order.fulfilled_at.map(Timestamp::to_utc),
        closed_at: order.closed_at.map(Timestamp::to_utc),
        version: order.version,
    }
}
