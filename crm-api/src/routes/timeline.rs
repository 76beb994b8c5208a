//! What happened with a client.

use api_types::crm::{ClientMessage, MessageAuthor, MessageDirection, TimelineEntry, TimelineEvent};
use api_types::page::{Page, PageQuery};
use app::crm::timeline::{self, Entry};
use axum::extract::State;
use domain::ids::ClientId;
use store::Message;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::clients::show_utm;
use crate::auth::Admin;
use crate::extract::{Json, PathId, Query};
use crate::paging;
use crate::problem::ApiResult;
use crate::refusals::NotFound;
use crate::state::ApiState;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new().routes(routes!(list))
}

/// List what happened with a client
///
/// Actions, moves, messages, consents and touches as one list, newest first.
#[utoipa::path(
    get,
    path = "/api/clients/{id}/timeline",
    tag = "clients",
    params(("id" = String, Path, description = "The client"), PageQuery),
    responses((status = 200, body = Page<TimelineEntry>), NotFound)
)]
async fn list(
    State(state): State<ApiState>,
    Admin(caller): Admin,
    PathId(id): PathId<ClientId>,
    Query(query): Query<PageQuery>,
) -> ApiResult<Json<Page<TimelineEntry>>> {
    let found = timeline::list(&state.app, &caller, &id, &paging::request(&query)?).await?;
    Ok(Json(paging::page(found, show)))
}

fn show(entry: Entry) -> TimelineEntry {
    let id = entry.id().to_owned();
    let at = entry.at().to_utc();
    let event = match entry {
        Entry::Action(action) => TimelineEvent::Action {
            kind: action.kind,
            actor: action.actor,
            details: serde_json::from_str(&action.details).unwrap_or_default(),
        },
        Entry::Move(step) => TimelineEvent::Move {
            from_stage_id: step.from.map(|stage| stage.to_string()),
            to_stage_id: step.to.to_string(),
            actor: step.actor,
            reason: step.reason,
        },
        Entry::Message(message) => TimelineEvent::Message {
            direction: direction(&message),
            author: author(&message),
            channel: message.channel,
            text: message.text,
        },
        Entry::Consent(consent) => TimelineEvent::Consent {
            kind: consent.kind.code().to_owned(),
            is_granted: consent.is_granted,
            channel: consent.channel,
            text_hash: consent.text_hash,
            text_language: consent.text_language,
        },
        Entry::Touch(touch) => TimelineEvent::Touch {
            channel: touch.channel,
            source: touch.origin.source,
            campaign: touch.origin.campaign,
            utm: show_utm(&touch.origin.utm),
            referrer: touch.origin.referrer,
            payload: touch.origin.payload,
        },
    };
    TimelineEntry { id, at, event }
}

pub(super) fn show_message(message: Message) -> ClientMessage {
    ClientMessage {
        id: message.id.to_string(),
        direction: direction(&message),
        author: author(&message),
        channel: message.channel,
        text: message.text,
        at: message.at.to_utc(),
    }
}

fn direction(message: &Message) -> MessageDirection {
    if message.direction == "in" {
        MessageDirection::In
    } else {
        MessageDirection::Out
    }
}

fn author(message: &Message) -> MessageAuthor {
    match message.author.as_str() {
        "client" => MessageAuthor::Client,
        "trainer" => MessageAuthor::Trainer,
        _ => MessageAuthor::Bot,
    }
}
