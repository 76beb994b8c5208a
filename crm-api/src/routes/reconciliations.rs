//! The books beside the providers'.

use api_types::crm as wire;
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::pay::reconcile::{self, Report};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::ReconciliationId;
use domain::reconciliation::{Gap, Outcome, RunStatus};
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::money::show_json;
use crate::auth::Admin;
use crate::extract::{Json, PathId, Query};
use crate::idempotent::Keyed;
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(start))
}

/// List comparisons with the providers
///
/// Newest first, each with its report. One is made every night.
#[utoipa::path(
    get,
    path = "/api/payments/reconciliations",
    tag = "payments",
    params(wire::ReconciliationQuery),
    responses(
        (status = 200, body = Page<wire::Reconciliation>),
        Invalid
    )
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<wire::ReconciliationQuery>,
) -> ApiResult<Json<Page<wire::Reconciliation>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let found = reconcile::list(&state.app, &caller, query.provider.as_deref(), &page).await?;
    Ok(Json(paging::page(found, show)))
}

/// Get a comparison
#[utoipa::path(
    get,
    path = "/api/payments/reconciliations/{id}",
    tag = "payments",
    params(("id" = String, Path, description = "The comparison")),
    responses((status = 200, body = wire::Reconciliation))
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ReconciliationId>,
) -> ApiResult<Json<wire::Reconciliation>> {
    Ok(Json(show(reconcile::find(&state.app, &caller, &id).await?)))
}

/// Compare now
///
/// With one provider or with each. What a rule is sure of is mended, the rest becomes a task. It goes on in the background:
/// look at `GET /api/payments/reconciliations/{id}`.
#[utoipa::path(
    post,
    path = "/api/payments/reconcile",
    tag = "payments",
    params(("Idempotency-Key" = String, Header, description = "Needed: the same key begins one comparison")),
    request_body = wire::NewReconciliation,
    responses(
        (status = 202, body = wire::ReconciliationList),
        (status = 409, description = "`reconciliation_under_way`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn start(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    _: Keyed,
    Json(new): Json<wire::NewReconciliation>,
) -> ApiResult<(StatusCode, Json<wire::ReconciliationList>)> {
    let begun = reconcile::start(&state.app, &caller, new.provider.as_deref(), new.days).await?;
    let items = begun
        .into_iter()
        .map(|run| {
            show(Report {
                run,
                days: Vec::new(),
                differences: Vec::new(),
            })
        })
        .collect();
    Ok((StatusCode::ACCEPTED, Json(wire::ReconciliationList { items })))
}

fn show(report: Report) -> wire::Reconciliation {
    let run = report.run;
    wire::Reconciliation {
        id: run.id.to_string(),
        provider: run.provider,
        status: match run.status {
            RunStatus::Running => wire::ReconciliationStatus::Running,
            RunStatus::Done => wire::ReconciliationStatus::Done,
            RunStatus::Failed => wire::ReconciliationStatus::Failed,
        },
        actor: run.actor,
        since: run.since.to_utc(),
        failure: run.failure,
        days: report
            .days
            .into_iter()
            .map(|day| wire::ReconciledDay {
                day: day.day,
                checked: day.checked,
                others: day.others,
                mended: day.mended,
                tasks: day.tasks,
            })
            .collect(),
        differences: report.differences.into_iter().map(show_difference).collect(),
        created_at: run.created_at.to_utc(),
        finished_at: run.finished_at.map(Timestamp::to_utc),
    }
}

fn show_difference(difference: store::Difference) -> wire::Difference {
    wire::Difference {
        id: difference.id.to_string(),
        day: difference.day,
        kind: match difference.gap {
            Gap::BehindHere => wire::DifferenceKind::BehindHere,
            Gap::MissingHere => wire::DifferenceKind::MissingHere,
            Gap::PaidTwice => wire::DifferenceKind::PaidTwice,
            Gap::HeldThere => wire::DifferenceKind::HeldThere,
            Gap::NotPaidThere => wire::DifferenceKind::NotPaidThere,
            Gap::OtherAmount => wire::DifferenceKind::OtherAmount,
            Gap::RefundMissingHere => wire::DifferenceKind::RefundMissingHere,
            Gap::RefundMissingThere => wire::DifferenceKind::RefundMissingThere,
        },
        outcome: match difference.outcome {
            Outcome::Mended => wire::DifferenceOutcome::Mended,
            Outcome::Task => wire::DifferenceOutcome::Task,
        },
        payment_id: difference.payment.map(|id| id.to_string()),
        provider_payment_id: difference.provider_payment,
        facts: show_json(&difference.facts),
        at: difference.at.to_utc(),
    }
}
