//! Payments.

use api_types::crm::{
    CaptureQuery, ManualPayment, NewPayment, NewRefund, Payment, PaymentDetails, PaymentEvent, PaymentQuery,
    RecordedRefund, Refund, RefundProposal, RefundProposalQuery, UsePayment,
};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::payments::{self, PaymentView};
use app::pay::{cabinet, hold, refund};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::PaymentId;
use domain::money::{BasisPoints, Money};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::money::{read_money, read_payment_status, show_json, show_money, show_payment, show_refund};
use crate::auth::{Admin, Anyone};
use crate::extract::{Json, PathId, Query};
use crate::idempotent::Keyed;
use crate::paging;
use crate::problem::{ApiError, ApiResult};
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(check))
        .routes(routes!(enter))
        .routes(routes!(request_refund))
        .routes(routes!(record_refund))
        .routes(routes!(propose_refund))
        .routes(routes!(capture))
        .routes(routes!(reuse))
        .routes(routes!(release))
}

/// What the bot may ask for too.
pub fn shared_router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(create))
}

/// List payments
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/payments",
    tag = "payments",
    params(PaymentQuery),
    responses((status = 200, body = Page<Payment>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<PaymentQuery>,
) -> ApiResult<Json<Page<Payment>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let status = query.status.map(read_payment_status);
    let (client, order) = (query.client.as_deref(), query.order.as_deref());
    let found = payments::list(&state.app, &caller, client, order, status, &page).await?;
    Ok(Json(paging::page(found, show_payment)))
}

/// Get a payment
///
/// With everything that was seen of it.
#[utoipa::path(
    get,
    path = "/api/payments/{id}",
    tag = "payments",
    params(("id" = String, Path, description = "The payment")),
    responses((status = 200, body = PaymentDetails))
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PaymentId>,
) -> ApiResult<Json<PaymentDetails>> {
    Ok(Json(show(payments::find(&state.app, &caller, &id).await?)))
}

/// Start a payment
///
/// Or get the live one: an order has one at most, whoever asks and however often. `pay_url` is where the client pays; it
/// is absent while the provider does not answer, and a job goes on. Choosing another provider closes the first payment.
#[utoipa::path(
    post,
    path = "/api/payments/create",
    tag = "payments",
    params(Keyed),
    request_body = NewPayment,
    responses(
        (status = 200, body = Payment),
        (
            status = 409,
            description = "`order_not_payable`, `order_costs_nothing`, `contact_needed`, `provider_missing`, `provider_refused`",
            body = Problem,
            content_type = "application/problem+json"
        ),
        Invalid
    )
)]
async fn create(
    State(state): State<ApiState>,
    Anyone(who): Anyone,
    _: Keyed,
    Json(new): Json<NewPayment>,
) -> ApiResult<Json<Payment>> {
    let payment = payments::start(&state.app, &who.caller, &new.order_id, new.provider.as_deref()).await?;
    Ok(Json(show_payment(payment)))
}

/// Ask the provider now
///
/// What it says is carried out at once, as a notification would be.
#[utoipa::path(
    post,
    path = "/api/payments/{id}/check",
    tag = "payments",
    params(("id" = String, Path, description = "The payment")),
    responses(
        (status = 200, body = PaymentDetails),
        (status = 503, description = "The provider is away: `unavailable`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn check(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PaymentId>,
) -> ApiResult<Json<PaymentDetails>> {
    Ok(Json(show(payments::check(&state.app, &caller, &id).await?)))
}

/// Enter a payment by hand
///
/// Cash or a transfer you have taken: the order is paid at once. A payment that is under way at a provider is called off.
#[utoipa::path(
    post,
    path = "/api/payments/manual",
    tag = "payments",
    params(("Idempotency-Key" = String, Header, description = "Needed: the same key enters one payment")),
    request_body = ManualPayment,
    responses(
        (status = 201, body = Payment),
        (status = 409, description = "`order_not_payable`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn enter(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    _: Keyed,
    Json(new): Json<ManualPayment>,
) -> ApiResult<(StatusCode, Json<Payment>)> {
    let amount = new.amount.map(read_money);
    let payment = payments::enter(&state.app, &caller, &new.order_id, amount, &new.note).await?;
    Ok((StatusCode::CREATED, Json(show_payment(payment))))
}

/// Give money back
///
/// All that is left, or a part. The sum is reserved at once; look at `GET /api/refunds/{id}` for its fate. Books, order and
/// receipt follow when the provider has done it.
#[utoipa::path(
    post,
    path = "/api/payments/{id}/refund",
    tag = "payments",
    params(
        ("id" = String, Path, description = "The payment"),
        ("Idempotency-Key" = String, Header, description = "Needed: the same key gives back once")
    ),
    request_body = NewRefund,
    responses(
        (status = 201, body = Refund),
        (
            status = 409,
            description = "`refund_not_paid`, `refund_nothing_left`, `refund_too_much`, `refund_not_positive`, `refund_other_currency`, `refund_under_way`",
            body = Problem,
            content_type = "application/problem+json"
        ),
        Invalid
    )
)]
async fn request_refund(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PaymentId>,
    _: Keyed,
    Json(new): Json<NewRefund>,
) -> ApiResult<(StatusCode, Json<Refund>)> {
    let amount = new.amount.map(read_money);
    let refund = refund::request(&state.app, &caller, &id, amount, &new.reason).await?;
    Ok((StatusCode::CREATED, Json(show_refund(refund))))
}

/// Enter a refund made in the provider's cabinet
///
/// T-Bank tells of a part that went back there, and not how much it was: a task asks for the sum. Books, order and the client
/// follow as for every refund, and the task is done; whether a receipt was given for it, you see in the cabinet. The bank is
/// asked first, and what it contradicts is refused.
#[utoipa::path(
    post,
    path = "/api/payments/{id}/record-refund",
    tag = "payments",
    params(
        ("id" = String, Path, description = "The payment"),
        ("Idempotency-Key" = String, Header, description = "Needed: the same key enters one refund")
    ),
    request_body = RecordedRefund,
    responses(
        (status = 201, body = Refund),
        (
            status = 409,
            description = "`refund_not_there`: the bank says that nothing more went back; `refund_not_ended`: it is still on its way there; `refund_other_sum`: the bank says all of it went back, or only a part; `refund_told_by_provider`: this provider tells sums by itself; `refund_no_cabinet`; `refund_under_way`, `refund_not_paid`, `refund_nothing_left`, `refund_too_much`, `refund_not_positive`, `refund_other_currency`",
            body = Problem,
            content_type = "application/problem+json"
        ),
        Invalid,
        (status = 503, description = "The provider is away: `unavailable`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn record_refund(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PaymentId>,
    _: Keyed,
    Json(made): Json<RecordedRefund>,
) -> ApiResult<(StatusCode, Json<Refund>)> {
    let amount = read_money(made.amount);
    let refund = cabinet::record(&state.app, &caller, &id, amount, &made.reason).await?;
    Ok((StatusCode::CREATED, Json(show_refund(refund))))
}

/// Ask what would be fair to give back
///
/// The payment without the delivered part and without proven costs, never more than what is left.
#[utoipa::path(
    get,
    path = "/api/payments/{id}/refund-proposal",
    tag = "payments",
    params(("id" = String, Path, description = "The payment"), RefundProposalQuery),
    responses((status = 200, body = RefundProposal), Invalid)
)]
async fn propose_refund(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PaymentId>,
    Query(query): Query<RefundProposalQuery>,
) -> ApiResult<Json<RefundProposal>> {
    let delivered = BasisPoints::new(query.delivered_basis_points.unwrap_or_default()).ok_or_else(|| {
        ApiError::invalid(
            "delivered_basis_points",
            "out_of_range",
            "0 to 10000 hundredths of a percent",
        )
    })?;
    let costs = query.costs_minor.unwrap_or_default();
    if costs < 0 {
        return Err(ApiError::invalid("costs_minor", "out_of_range", "0 or more"));
    }
    let view = payments::find(&state.app, &caller, &id).await?;
    let costs = Money::new(costs, view.payment.amount.currency);
    let proposal = refund::proposal(&state.app, &caller, &id, delivered, Some(costs)).await?;
    Ok(Json(RefundProposal {
        left: show_money(proposal.left),
        proposed: show_money(proposal.proposed),
    }))
}

/// Take held money
///
/// All of it, or a part: the rest goes back to the client at once, and the order costs that much less. When the provider is
/// away the payment still says `waiting_for_capture`, and a job goes on.
#[utoipa::path(
    post,
    path = "/api/payments/{id}/capture",
    tag = "payments",
    params(
        ("id" = String, Path, description = "The payment"),
        Keyed,
        CaptureQuery
    ),
    responses(
        (status = 200, body = Payment),
        (
            status = 409,
            description = "`payment_not_held`, `capture_under_way`, `provider_refused`",
            body = Problem,
            content_type = "application/problem+json"
        ),
        Invalid
    )
)]
async fn capture(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PaymentId>,
    Query(query): Query<CaptureQuery>,
    _: Keyed,
) -> ApiResult<Json<Payment>> {
    let amount = match query.amount_minor {
        Some(minor) => {
            let held = payments::find(&state.app, &caller, &id).await?.payment;
            Some(Money::new(minor, held.amount.currency))
        }
        None => None,
    };
    let payment = hold::capture(&state.app, &caller, &id, amount).await?;
    Ok(Json(show_payment(payment)))
}

/// Let a payment serve another order
///
/// One whose own order does not use it: paid twice, or for an order that ended. An order of the same client that has what it
/// costs with it is paid at once.
#[utoipa::path(
    post,
    path = "/api/payments/{id}/use",
    tag = "payments",
    params(("id" = String, Path, description = "The payment"), Keyed),
    request_body = UsePayment,
    responses(
        (status = 200, body = Payment),
        (
            status = 409,
            description = "`payment_in_use`, `order_not_payable`, `refund_under_way`",
            body = Problem,
            content_type = "application/problem+json"
        ),
        Invalid
    )
)]
async fn reuse(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PaymentId>,
    _: Keyed,
    Json(wanted): Json<UsePayment>,
) -> ApiResult<Json<Payment>> {
    let payment = payments::reuse(&state.app, &caller, &id, &wanted.order_id).await?;
    Ok(Json(show_payment(payment)))
}

/// Let held money go
///
/// The client has it back at once; the order waits for another payment.
#[utoipa::path(
    post,
    path = "/api/payments/{id}/release",
    tag = "payments",
    params(("id" = String, Path, description = "The payment"), Keyed),
    responses(
        (status = 200, body = Payment),
        (status = 409, description = "`payment_not_held`", body = Problem, content_type = "application/problem+json")
    )
)]
async fn release(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<PaymentId>,
    _: Keyed,
) -> ApiResult<Json<Payment>> {
    Ok(Json(show_payment(hold::release(&state.app, &caller, &id).await?)))
}

fn show(view: PaymentView) -> PaymentDetails {
    PaymentDetails {
        payment: show_payment(view.payment),
        events: view
            .events
            .into_iter()
            .map(|event| PaymentEvent {
                id: event.id.to_string(),
                source: event.source,
                seen: show_json(&event.seen),
                decision: event.decision,
                request_id: event.request_id.to_string(),
                at: event.at.to_utc(),
            })
            .collect(),
        refunds: view.refunds.into_iter().map(show_refund).collect(),
    }
}
