//! What was spent on an order, and what would be fair to give back of it.

use api_types::crm::{
    NewOrderCost, OrderCost, OrderCostList, OrderRefundProposal, OrderRefundQuery, ProposalLine, ProposalLineKind,
};
use api_types::problem::Problem;
use app::pay::costs::{self, Because};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{OrderCostId, OrderId};
use domain::money::BasisPoints;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_text;
use super::money::{read_money, show_money};
use crate::auth::Admin;
use crate::extract::{Json, PathId, Query};
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list, log))
        .routes(routes!(remove))
        .routes(routes!(propose))
}

/// List what was spent on an order
#[utoipa::path(
    get,
    path = "/api/orders/{id}/costs",
    tag = "orders",
    params(("id" = String, Path, description = "The order")),
    responses((status = 200, body = OrderCostList), NotFound)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<OrderId>,
) -> ApiResult<Json<OrderCostList>> {
    let found = costs::list(&state.app, &caller, &id).await?;
    Ok(Json(OrderCostList {
        items: found.into_iter().map(show).collect(),
    }))
}

/// Note what was spent on an order
///
/// Proven costs are kept from a refund's proposed sum.
#[utoipa::path(
    post,
    path = "/api/orders/{id}/costs",
    tag = "orders",
    params(("id" = String, Path, description = "The order")),
    request_body = NewOrderCost,
    responses((status = 201, body = OrderCost), Invalid)
)]
async fn log(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<OrderId>,
    Json(new): Json<NewOrderCost>,
) -> ApiResult<(StatusCode, Json<OrderCost>)> {
    let cost = costs::log(&state.app, &caller, &id, read_money(new.amount), &new.note).await?;
    Ok((StatusCode::CREATED, Json(show(cost))))
}

/// Take back a cost
///
/// One that was noted by mistake; the audit log keeps that it was.
#[utoipa::path(
    delete,
    path = "/api/order-costs/{id}",
    tag = "orders",
    params(("id" = String, Path, description = "The cost")),
    responses((status = 204, description = "It is gone"), NotFound)
)]
async fn remove(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<OrderCostId>,
) -> ApiResult<StatusCode> {
    costs::remove(&state.app, &caller, &id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What would be fair to give back
///
/// Of what was paid the client pays only for what was delivered and for logged costs. A programme counts as delivered when it
/// was sent, a month's work by the day, everything else when the task to give it is done; say `delivered_basis_points` if you
/// know better. `POST /api/payments/{id}/refund` gives it back.
#[utoipa::path(
    get,
    path = "/api/orders/{id}/refund-proposal",
    tag = "orders",
    params(("id" = String, Path, description = "The order"), OrderRefundQuery),
    responses(
        (status = 200, body = OrderRefundProposal),
        (status = 409, description = "`refund_not_paid`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn propose(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<OrderId>,
    Query(query): Query<OrderRefundQuery>,
) -> ApiResult<Json<OrderRefundProposal>> {
    let wrong = || app::Error::invalid("delivered_basis_points", "out_of_range", "0 to 10000");
    let delivered = query
        .delivered_basis_points
        .map(|share| BasisPoints::new(share).ok_or_else(wrong))
        .transpose()?;
    let fair = costs::fair(&state.app, &caller, &id, delivered).await?;
    Ok(Json(OrderRefundProposal {
        payment_id: fair.payment.to_string(),
        left: show_money(fair.left),
        proposed: show_money(fair.proposed),
        lines: fair
            .steps
            .into_iter()
            .map(|step| ProposalLine {
                kind: match step.because {
                    Because::Paid => ProposalLineKind::Paid,
                    Because::Delivered => ProposalLineKind::Delivered,
                    Because::Cost => ProposalLineKind::Cost,
                    Because::Refunded => ProposalLineKind::Refunded,
                },
                title: show_text(step.title),
                amount: show_money(step.amount),
            })
            .collect(),
    }))
}

fn show(cost: store::OrderCost) -> OrderCost {
    OrderCost {
        id: cost.id.to_string(),
        order_id: cost.order.to_string(),
        amount: show_money(cost.amount),
        note: cost.note,
        actor: cost.actor,
        created_at: cost.created_at.to_utc(),
    }
}
