//! Incomes of a self-employed seller.

use api_types::crm::{Income, IncomeKind, IncomePayer, IncomeQuery, IncomeStatus, PayerKind};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::Caller;
use app::crm::payments::{self, WantedIncomes};
use app::pay::incomes::{self, Body, Payer};
use axum::extract::State;
use axum::response::Response;
use domain::ids::ReceiptId;
use domain::time::Timestamp;
use futures::Stream;
use store::{Cursor, PageRequest};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::money::show_money;
use crate::auth::Admin;
use crate::csv;
use crate::extract::{Json, PathId, Query};
use crate::paging;
use crate::problem::{ApiError, ApiResult};
use crate::refusals::Invalid;
use crate::state::ApiState;

/// Rows a page of the export; each page is a short transaction of its own.
const EXPORT_PAGE: u32 = 200;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(export))
        .routes(routes!(set_payer))
}

/// List incomes to register
///
/// Of a self-employed seller, newest first, with what is entered in «Мой налог». `POST /api/receipts/{id}/registered` says that
/// one is. Payments made with a provider's test keys are left out; `test=true` lists them alone.
#[utoipa::path(
    get,
    path = "/api/incomes",
    tag = "payments",
    params(IncomeQuery),
    responses((status = 200, body = Page<Income>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<IncomeQuery>,
) -> ApiResult<Json<Page<Income>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor.clone(),
    })?;
    let found = payments::list_incomes(&state.app, &caller, &wanted(&query), &page).await?;
    Ok(Json(paging::page(found, show)))
}

/// Download incomes
///
/// The same as a table (CSV in UTF-8), with the same filters.
#[utoipa::path(
    get,
    path = "/api/incomes/export.csv",
    tag = "payments",
    params(IncomeQuery),
    responses(
        (status = 200, description = "The table", body = String, content_type = "text/csv"),
        Invalid
    )
)]
async fn export(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<IncomeQuery>,
) -> ApiResult<Response> {
    let titles = [
        "date",
        "kind",
        "status",
        "service",
        "amount",
        "currency",
        "payer",
        "payer_name",
        "payer_tax_number",
        "remains",
        "number",
        "link",
        "order",
        "id",
    ];
    // What is wrong with the question is told before the table begins.
    let first = PageRequest { limit: 1, after: None };
    payments::list_incomes(&state.app, &caller, &wanted(&query), &first).await?;
    csv::download("incomes.csv", &titles, rows(state, caller, query))
}

/// The table's lines, a page at a time.
fn rows(state: ApiState, caller: Caller, query: IncomeQuery) -> impl Stream<Item = ApiResult<String>> + Send + 'static {
    let first: Option<Option<Cursor>> = Some(None);
    futures::stream::try_unfold(
        (state, caller, query, first),
        |(state, caller, query, place)| async move {
            let Some(after) = place else {
                return Ok::<_, ApiError>(None);
            };
            let page = PageRequest {
                limit: EXPORT_PAGE,
                after,
            };
            let found = payments::list_incomes(&state.app, &caller, &wanted(&query), &page).await?;
            let lines: String = found.items.into_iter().map(|income| line(&show(income))).collect();
            let next = found.next.map(Some);
            Ok(Some((lines, (state, caller, query, next))))
        },
    )
}

fn line(income: &Income) -> String {
    let kind = match income.kind {
        IncomeKind::Income => "income",
        IncomeKind::Refund => "refund",
    };
    let status = match income.status {
        IncomeStatus::Waiting => "waiting",
        IncomeStatus::Registered => "registered",
    };
    let payer = match income.payer.kind {
        PayerKind::Person => "person",
        PayerKind::Company => "company",
    };
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    let decimal = |money: api_types::crm::Money| super::money::read_money(money).to_decimal();
    let currency = super::money::read_money(income.amount).currency;
    csv::row([
        income.date.map(|date| date.to_string()).unwrap_or_default().as_str(),
        kind,
        status,
        &income.service,
        &decimal(income.amount),
        currency.code(),
        payer,
        &text(&income.payer.name),
        &text(&income.payer.tax_number),
        &income.remains.map(decimal).unwrap_or_default(),
        &text(&income.number),
        &text(&income.link),
        &income.order_id,
        &income.id,
    ])
}

/// Say who has paid
///
/// A company's income is registered with its name and tax number. As long as it waits.
#[utoipa::path(
    put,
    path = "/api/incomes/{id}/payer",
    tag = "payments",
    params(("id" = String, Path, description = "The income")),
    request_body = IncomePayer,
    responses(
        (status = 200, body = IncomePayer),
        (status = 409, description = "`receipt_not_by_hand`: it is registered", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn set_payer(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ReceiptId>,
    Json(wanted): Json<IncomePayer>,
) -> ApiResult<Json<IncomePayer>> {
    let payer = Payer {
        kind: match wanted.kind {
            PayerKind::Person => incomes::PayerKind::Person,
            PayerKind::Company => incomes::PayerKind::Company,
        },
        name: wanted.name,
        tax_number: wanted.tax_number,
    };
    let receipt = incomes::set_payer(&state.app, &caller, &id, payer).await?;
    Ok(Json(show_payer(Body::of(&receipt)?.payer)))
}

fn wanted(query: &IncomeQuery) -> WantedIncomes<'_> {
    WantedIncomes {
        order: query.order.as_deref(),
        status: query.status.map(|status| match status {
            IncomeStatus::Waiting => app::pay::receipts::BY_HAND,
            IncomeStatus::Registered => app::pay::receipts::REGISTERED,
        }),
        since: query.since,
        before: query.before,
        is_test: query.test.unwrap_or_default(),
    }
}

fn show_payer(payer: Payer) -> IncomePayer {
    IncomePayer {
        kind: match payer.kind {
            incomes::PayerKind::Person => PayerKind::Person,
            incomes::PayerKind::Company => PayerKind::Company,
        },
        name: payer.name,
        tax_number: payer.tax_number,
    }
}

fn show(income: payments::Income) -> Income {
    let payments::Income { receipt, client, body } = income;
    Income {
        id: receipt.id.to_string(),
        kind: if receipt.kind == incomes::INCOME_REFUND {
            IncomeKind::Refund
        } else {
            IncomeKind::Income
        },
        status: if receipt.status == app::pay::receipts::REGISTERED {
            IncomeStatus::Registered
        } else {
            IncomeStatus::Waiting
        },
        amount: show_money(receipt.amount),
        date: body.date,
        service: body.what,
        payer: show_payer(body.payer),
        client_id: client.map(|id| id.to_string()),
        order_id: receipt.order.to_string(),
        payment_id: receipt.payment.map(|id| id.to_string()),
        refund_id: receipt.refund.map(|id| id.to_string()),
        cancels: body.cancels.map(|id| id.to_string()),
        remains: body.remains.map(show_money),
        number: receipt.provider_receipt,
        link: receipt.link,
        is_test: receipt.is_test,
        created_at: receipt.created_at.to_utc(),
        registered_at: receipt.finished_at.map(Timestamp::to_utc),
    }
}
