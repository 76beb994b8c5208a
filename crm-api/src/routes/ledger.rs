//! The books, for reading.

use api_types::crm::{
    AccountQuery, LedgerAccount, Statement, StatementEntry, StatementQuery, TrialBalance, TrialBalanceRow,
};
use api_types::page::{Page, PageQuery};
use app::Caller;
use app::crm::ledger;
use axum::extract::State;
use axum::response::Response;
use data_encoding::BASE64URL_NOPAD;
use domain::ids::ClientId;
use domain::ledger::AccountKind;
use domain::money::Currency;
use futures::Stream;
use store::{Cursor, JournalRow, PageRequest, account_id};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::money::{read_account_kind, read_currency, show_account_kind, show_money, show_transfer_kind};
use crate::auth::Admin;
use crate::csv;
use crate::extract::{Json, PathId, PathParts, Query};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

/// Rows a page of the export; each page is a short transaction of its own.
const EXPORT_PAGE: u32 = 1_000;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(entries))
        .routes(routes!(statement))
        .routes(routes!(trial_balance))
        .routes(routes!(export))
}

/// List accounts of a kind
///
/// With their balances, by id.
#[utoipa::path(
    get,
    path = "/api/ledger/accounts",
    tag = "ledger",
    params(AccountQuery),
    responses((status = 200, body = Page<LedgerAccount>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<AccountQuery>,
) -> ApiResult<Json<Page<LedgerAccount>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let kind = query.kind.map_or(AccountKind::ProviderClearing, read_account_kind);
    let found = ledger::accounts(&state.app, &caller, kind, &page).await?;
    Ok(Json(paging::page(found, |found| LedgerAccount {
        id: account_id(&found.account),
        kind: show_account_kind(found.account.kind),
        owner: found.account.owner,
        balance: show_money(found.balance),
    })))
}

/// An account's statement
///
/// Newest first, each entry with the balance after it.
#[utoipa::path(
    get,
    path = "/api/ledger/accounts/{id}/entries",
    tag = "ledger",
    params(("id" = String, Path, description = "The account", example = "provider_clearing:yookassa:RUB"), PageQuery),
    responses((status = 200, body = Statement), Invalid)
)]
async fn entries(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathParts(id): PathParts<String>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Statement>> {
    let page = paging::request(&query)?;
    Ok(Json(show(ledger::statement(&state.app, &caller, &id, &page).await?)))
}

/// A client's statement
///
/// What they paid and what it was used for, from their side: positive is money they have with us.
#[utoipa::path(
    get,
    path = "/api/clients/{id}/statement",
    tag = "ledger",
    params(("id" = String, Path, description = "The client"), StatementQuery),
    responses((status = 200, body = Statement), Invalid)
)]
async fn statement(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
    Query(query): Query<StatementQuery>,
) -> ApiResult<Json<Statement>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let currency = query.currency.map_or(Currency::Rub, read_currency);
    let found = ledger::statement_of_client(&state.app, &caller, &id, currency, &page).await?;
    Ok(Json(show(found)))
}

/// The trial balance
#[utoipa::path(get, path = "/api/ledger/trial-balance", tag = "ledger", responses((status = 200, body = TrialBalance)))]
async fn trial_balance(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Json<TrialBalance>> {
    let found = ledger::trial_balance(&state.app, &caller).await?;
    Ok(Json(TrialBalance {
        is_balanced: found.totals.iter().all(|total| total.is_zero()),
        totals: found.totals.into_iter().map(show_money).collect(),
        items: found
            .rows
            .into_iter()
            .map(|(kind, balance)| TrialBalanceRow {
                kind: show_account_kind(kind),
                balance: show_money(balance),
            })
            .collect(),
    }))
}

/// Download the journal
///
/// Every posting, oldest first, as a table (CSV in UTF-8). It is streamed: its size does not matter.
#[utoipa::path(
    get,
    path = "/api/ledger/export.csv",
    tag = "ledger",
    responses((status = 200, description = "The table", body = String, content_type = "text/csv"))
)]
async fn export(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Response> {
    let titles = [
        "at", "transfer", "kind", "cause", "debit", "credit", "amount", "currency",
    ];
    csv::download("ledger.csv", &titles, rows(state, caller))
}

/// The table's lines, a page at a time.
fn rows(state: ApiState, caller: Caller) -> impl Stream<Item = ApiResult<String>> + Send + 'static {
    let first: Option<Option<Cursor>> = Some(None);
    futures::stream::try_unfold((state, caller, first), |(state, caller, place)| async move {
        let Some(after) = place else { return Ok(None) };
        let page = PageRequest {
            limit: EXPORT_PAGE,
            after,
        };
        let found = ledger::journal(&state.app, &caller, &page).await?;
        let lines: String = found.items.iter().map(line).collect();
        let next = found.next.map(Some);
        Ok(Some((lines, (state, caller, next))))
    })
}

fn line(row: &JournalRow) -> String {
    let (kind, cause) = parts_of(&row.transfer_key);
    csv::row([
        row.at.to_utc().to_rfc3339().as_str(),
        row.transfer.as_ref(),
        kind,
        cause,
        &row.debit,
        &row.credit,
        &row.amount.to_decimal(),
        row.amount.currency.code(),
    ])
}

/// A transfer's key is its kind and what caused it: `payment_succeeded:py_…`.
fn parts_of(key: &str) -> (&str, &str) {
    key.split_once(':').unwrap_or((key, ""))
}

fn show(statement: ledger::Statement) -> Statement {
    Statement {
        account_id: statement.account_id,
        balance: show_money(statement.balance),
        items: statement
            .entries
            .into_iter()
            .map(|line| StatementEntry {
                transfer_id: line.entry.transfer.to_string(),
                kind: show_transfer_kind(line.entry.kind),
                cause: parts_of(&line.entry.transfer_key).1.to_owned(),
                counterpart: line.entry.counterpart,
                amount: show_money(line.entry.amount),
                balance: show_money(line.balance),
                at: line.entry.at.to_utc(),
            })
            .collect(),
        next_cursor: statement.next.map(|cursor| BASE64URL_NOPAD.encode(cursor.0.as_bytes())),
    }
}
