//! Questions people ask before they start.

use api_types::crm::{FaqItem, FaqList, VersionedFaq};
use app::crm::faq;
use axum::extract::State;
use domain::dialogue;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::{read_text, show_text};
use crate::auth::Admin;
use crate::extract::{IfMatch, Json, Versioned};
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(find, save))
}

/// Get the questions and answers
#[utoipa::path(
    get,
    path = "/api/settings/faq",
    tag = "settings",
    responses((status = 200, body = VersionedFaq, headers(("ETag" = String, description = "The version, for `If-Match`"))))
)]
async fn find(State(state): State<ApiState>, Admin(caller): Admin) -> ApiResult<Versioned<VersionedFaq>> {
    let (items, version) = faq::find(&state.app, &caller).await?;
    Ok(show(items, version))
}

/// Save the questions and answers
///
/// Each question is a button in the bot, in this order. The next press shows it.
#[utoipa::path(
    put,
    path = "/api/settings/faq",
    tag = "settings",
    params(IfMatch),
    request_body = FaqList,
    responses(
        (status = 200, body = VersionedFaq),
        Invalid,
        IfMatch
    )
)]
async fn save(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    IfMatch(version): IfMatch,
    Json(wanted): Json<FaqList>,
) -> ApiResult<Versioned<VersionedFaq>> {
    let items = wanted
        .items
        .into_iter()
        .map(|item| dialogue::FaqItem {
            question: read_text(item.question),
            answer: read_text(item.answer),
        })
        .collect();
    let (saved, version) = faq::save(&state.app, &caller, version, items).await?;
    Ok(show(saved, version))
}

fn show(items: Vec<dialogue::FaqItem>, version: i64) -> Versioned<VersionedFaq> {
    let items = items
        .into_iter()
        .map(|item| FaqItem {
            question: show_text(item.question),
            answer: show_text(item.answer),
        })
        .collect();
    Versioned {
        version,
        body: VersionedFaq { version, items },
    }
}
