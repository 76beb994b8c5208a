//! Deep links into the bot.

use api_types::crm::{DeepLink, LinkPurpose, NewLink};
use api_types::page::{Page, PageQuery};
use api_types::problem::Problem;
use app::crm::links::{self, Draft, LinkView};
use axum::extract::State;
use axum::http::StatusCode;
use domain::time::Timestamp;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_utm;
use crate::auth::Admin;
use crate::extract::{Json, Query};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::Invalid;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list, create))
}

/// List deep links
///
/// Newest first, used and expired ones included.
#[utoipa::path(get, path = "/api/links", tag = "links", params(PageQuery), responses((status = 200, body = Page<DeepLink>)))]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<DeepLink>>> {
    let found = links::list(&state.app, &caller, &paging::request(&query)?).await?;
    Ok(Json(paging::page(found, show)))
}

/// Make a deep link
///
/// Of purpose `source`: who comes by it is marked with its source, campaign and UTM. Of purpose `trainer`: the chat that
/// opens it becomes the trainer's; it works once, within 24 hours.
#[utoipa::path(
    post,
    path = "/api/links",
    tag = "links",
    request_body(content = NewLink, example = json!({ "source": "instagram", "campaign": "весна 2026", "utm": { "utm_medium": "story" } })),
    responses(
        (status = 201, body = DeepLink),
        (status = 409, description = "`token_taken`", body = Problem, content_type = "application/problem+json"),
        Invalid
    )
)]
async fn create(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    Json(new): Json<NewLink>,
) -> ApiResult<(StatusCode, Json<DeepLink>)> {
    let draft = Draft {
        is_trainer: new.purpose == LinkPurpose::Trainer,
        token: new.token,
        source: new.source,
        campaign: new.campaign,
        utm: new.utm,
        referrer: new.referrer,
        expires_at: new.expires_at.map(Timestamp::from_utc),
    };
    let view = links::create(&state.app, &caller, &draft).await?;
    Ok((StatusCode::CREATED, Json(show(view))))
}

fn show(view: LinkView) -> DeepLink {
    let link = view.link;
    DeepLink {
        token: link.token,
        purpose: if link.purpose == links::TRAINER {
            LinkPurpose::Trainer
        } else {
            LinkPurpose::Source
        },
        source: link.source,
        campaign: link.campaign,
        utm: show_utm(&link.utm),
        referrer: link.referrer,
        url: view.url,
        created_at: link.created_at.to_utc(),
        expires_at: link.expires_at.map(Timestamp::to_utc),
        used_at: link.used_at.map(Timestamp::to_utc),
    }
}
