//! Questionnaires: runs, the form, where people stop.

use api_types::crm::{
    Answered, DropOffQuery, DropOffReport, Form, QuestionDropOff, Questionnaire, QuestionnaireDetails,
    QuestionnaireQuery, QuestionnaireStatus, RawAnswer, VersionedForm,
};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::questionnaires::{self, CurrentForm};
use axum::extract::State;
use domain::ids::QuestionnaireId;
use domain::questionnaire::Answer;
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_text;
use super::form::{read_form, show_question};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, PathId, Query, Versioned};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::{Invalid, NotFound};
use crate::state::ApiState;

/// What the drop-off looks at without `since`.
const MONTH_MS: i64 = 30 * 24 * 60 * 60 * 1000;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(list))
        .routes(routes!(find))
        .routes(routes!(form, save_form))
        .routes(routes!(drop_off))
}

/// List questionnaires
///
/// Newest first.
#[utoipa::path(
    get,
    path = "/api/questionnaires",
    tag = "questionnaires",
    params(QuestionnaireQuery),
    responses((status = 200, body = Page<Questionnaire>), Invalid)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<QuestionnaireQuery>,
) -> ApiResult<Json<Page<Questionnaire>>> {
    let page = paging::request(&PageQuery {
        limit: query.limit,
        cursor: query.cursor,
    })?;
    let status = query.status.map(status_code);
    let found = questionnaires::list(&state.app, &caller, query.client.as_deref(), status, &page).await?;
    Ok(Json(paging::page(found, |run| show(&run))))
}

/// Get a questionnaire
///
/// Every question of today's form with its answer, if it has one, and the questions that were removed since.
#[utoipa::path(
    get,
    path = "/api/questionnaires/{id}",
    tag = "questionnaires",
    params(("id" = String, Path, description = "The questionnaire")),
    responses((status = 200, body = QuestionnaireDetails), NotFound)
)]
async fn find(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<QuestionnaireId>,
) -> ApiResult<Json<QuestionnaireDetails>> {
    let run = questionnaires::find(&state.app, &caller, &id).await?;
    let questions = run.questions.into_iter().map(show_answered).collect();
    Ok(Json(QuestionnaireDetails {
        questionnaire: show(&run.questionnaire),
        questions,
    }))
}

/// Get the form
#[utoipa::path(
    get,
    path = "/api/questionnaires/form",
    tag = "questionnaires",
    responses((status = 200, body = VersionedForm, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn form(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Versioned<VersionedForm>> {
    Ok(versioned(questionnaires::form(&state.app, &caller).await?))
}

/// Save the form
///
/// As its next version. People in the middle go on with the new questions and keep their answers.
#[utoipa::path(
    put,
    path = "/api/questionnaires/form",
    tag = "questionnaires",
    params(IfMatch),
    request_body = Form,
    responses(
        (status = 200, body = VersionedForm),
        (status = 422, description = "The wrong question is named as `questions/<place>`", body = Problem, content_type = "application/problem+json"),
        IfMatch
    )
)]
async fn save_form(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    Json(form): Json<Form>,
) -> ApiResult<Versioned<VersionedForm>> {
    Ok(versioned(
        questionnaires::save_form(&state.app, &caller, version, read_form(form)).await?,
    ))
}

/// See where people stop
///
/// Question by question, in the form's order.
#[utoipa::path(
    get,
    path = "/api/questionnaires/drop-off",
    tag = "questionnaires",
    params(DropOffQuery),
    responses((status = 200, body = DropOffReport))
)]
async fn drop_off(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<DropOffQuery>,
) -> ApiResult<Json<DropOffReport>> {
    let since = query
        .since
        .map_or_else(|| state.app.now().plus_millis(-MONTH_MS), Timestamp::from_utc);
    let rows = questionnaires::drop_off(&state.app, &caller, since).await?;
    let questions = rows
        .into_iter()
        .map(|(row, label)| QuestionDropOff {
            id: row.question,
            label: show_text(label),
            asked: row.asked,
            answered: row.answered,
            dropped: row.dropped,
            average_ms: row.average_ms,
        })
        .collect();
    Ok(Json(DropOffReport {
        since: since.to_utc(),
        questions,
    }))
}

const fn status_code(status: QuestionnaireStatus) -> &'static str {
    match status {
        QuestionnaireStatus::InProgress => "in_progress",
        QuestionnaireStatus::Completed => "completed",
        QuestionnaireStatus::Abandoned => "abandoned",
    }
}

fn show(run: &store::Questionnaire) -> Questionnaire {
    Questionnaire {
        id: run.id.to_string(),
        client_id: run.client.to_string(),
        status: match run.status.as_str() {
            "completed" => QuestionnaireStatus::Completed,
            "abandoned" => QuestionnaireStatus::Abandoned,
            _ => QuestionnaireStatus::InProgress,
        },
        form_version: run.form_version,
        needs_trainer: run.needs_trainer,
        started_at: run.started_at.to_utc(),
        completed_at: run.completed_at.map(Timestamp::to_utc),
    }
}

fn show_answered(question: questionnaires::Answered) -> Answered {
    Answered {
        id: question.id,
        text: show_text(question.text),
        label: show_text(question.label),
        is_removed: question.is_removed,
        answer: question.words.map(show_text),
        raw: question.raw.map(|answer| match answer {
            Answer::Chosen(options) => RawAnswer::Chosen(options),
            Answer::Tenths(tenths) => RawAnswer::Tenths(tenths),
            Answer::Skipped => RawAnswer::Skipped,
        }),
        asked_at: question.asked_at.map(Timestamp::to_utc),
        answered_at: question.answered_at.map(Timestamp::to_utc),
        spent_ms: question.spent_ms,
    }
}

fn versioned(current: CurrentForm) -> Versioned<VersionedForm> {
    Versioned {
        version: current.version,
        body: VersionedForm {
            version: current.version,
            author: current.author,
            created_at: current.created_at.to_utc(),
            questions: current.form.questions.into_iter().map(show_question).collect(),
        },
    }
}
