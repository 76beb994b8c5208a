//! The conversation: what the bot tells, what it is to send, what became of that.

use std::time::Duration;

use api_types::conversation::{
    BotIdentity, BotProfile, ClaimReply, ClaimRequest, Event, EventReply, PreCheckout, PreCheckoutReply, ResultsRequest,
};
use app::pay::telegram::{self, Question};
use app::{converse, deliver};
use axum::extract::State;
use axum::http::StatusCode;
use domain::ids::{Id, OutboxId};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::auth::Bot;
use crate::bot;
use crate::extract::Json;
use crate::problem::{ApiError, ApiResult};
use crate::refusals::Invalid;
use crate::state::ApiState;

/// A replica's name stands in leases.
const MAX_REPLICA_LENGTH: usize = 200;
/// Several claims' worth of results.
const MAX_RESULTS: usize = 500;

pub fn router() -> OpenApiRouter<ApiState> {
    OpenApiRouter::new()
        .routes(routes!(receive))
        .routes(routes!(pre_checkout))
        .routes(routes!(claim))
        .routes(routes!(report))
        .routes(routes!(profile))
        .routes(routes!(identify))
}

/// Tell what happened
///
/// Safe to repeat: the event's key makes a second one harmless.
#[utoipa::path(post, path = "/api/bot/events", tag = "bot", request_body = Event, responses((status = 200, body = EventReply)))]
async fn receive(
    State(state): State<ApiState>,
    Bot(caller): Bot,
    Json(event): Json<Event>,
) -> ApiResult<Json<EventReply>> {
    check_replica(&event.replica)?;
    let reply = converse::receive(&state.app, &caller, &bot::event(event)).await?;
    Ok(Json(bot::reply(reply)))
}

/// Ask whether a bill may be paid
///
/// Answered from what is committed, without waiting for anybody who writes: the messenger gives ten seconds in all. A yes
/// is no payment.
#[utoipa::path(
    post,
    path = "/api/bot/pre-checkout",
    tag = "bot",
    request_body = PreCheckout,
    responses((status = 200, body = PreCheckoutReply), Invalid)
)]
async fn pre_checkout(
    State(state): State<ApiState>,
    Bot(caller): Bot,
    Json(asked): Json<PreCheckout>,
) -> ApiResult<Json<PreCheckoutReply>> {
    let asked = Question {
        payer: asked.payer,
        language_code: asked.language_code,
        payload: asked.payload,
        currency: asked.currency,
        amount_minor: asked.amount_minor,
    };
    let reason = telegram::pre_checkout(&state.app, &caller, &asked).await?;
    Ok(Json(PreCheckoutReply {
        may_pay: reason.is_none(),
        reason,
    }))
}

/// Claim what is to be sent
///
/// Waits up to `wait_ms` for something to come.
#[utoipa::path(
    post,
    path = "/api/bot/deliveries/claim",
    tag = "bot",
    request_body = ClaimRequest,
    responses((status = 200, body = ClaimReply), Invalid)
)]
async fn claim(
    State(state): State<ApiState>,
    Bot(caller): Bot,
    Json(request): Json<ClaimRequest>,
) -> ApiResult<Json<ClaimReply>> {
    check_replica(&request.replica)?;
    let replicas = deliver::see(&state.app, &caller, &request.replica).await?;
    let wait = Duration::from_millis(request.wait_ms.into());
    let claimed = tokio::select! {
        claimed = deliver::claim(&state.app, &caller, &request.replica, request.limit, wait) => claimed?,
        // What was leased in this very moment is due again when its lease ends.
        () = state.http.shutdown.cancelled() => Vec::new(),
    };
    Ok(Json(ClaimReply {
        deliveries: claimed.into_iter().map(bot::delivery).collect(),
        replicas,
    }))
}

/// Report what became of deliveries
///
/// Repeating a report changes nothing.
#[utoipa::path(
    post,
    path = "/api/bot/deliveries/results",
    tag = "bot",
    request_body = ResultsRequest,
    responses((status = 204), Invalid)
)]
async fn report(
    State(state): State<ApiState>,
    Bot(caller): Bot,
    Json(request): Json<ResultsRequest>,
) -> ApiResult<StatusCode> {
    check_replica(&request.replica)?;
    if request.results.len() > MAX_RESULTS {
        return Err(ApiError::invalid(
            "/results",
            "too_many",
            format!("at most {MAX_RESULTS} results at once"),
        ));
    }
    let fates = request
        .results
        .into_iter()
        .enumerate()
        .map(|(index, result)| {
            let id = OutboxId::parse(&result.id).ok_or_else(|| {
                ApiError::invalid(format!("/results/{index}/id"), "invalid", "not the id of a delivery")
            })?;
            Ok((id, bot::fate(result.outcome)))
        })
        .collect::<ApiResult<Vec<_>>>()?;
    deliver::report(&state.app, &caller, &request.replica, &fates).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// What the messenger's menus should hold
#[utoipa::path(get, path = "/api/bot/profile", tag = "bot", responses((status = 200, body = BotProfile)))]
async fn profile(State(state): State<ApiState>, Bot(caller): Bot) -> ApiResult<Json<BotProfile>> {
    let profile = converse::profile(&state.app, &caller).await?;
    Ok(Json(bot::profile(profile)))
}

/// Say who the bot is
///
/// Links to the bot are made from it. Saying it again changes nothing.
#[utoipa::path(
    put,
    path = "/api/bot/identity",
    tag = "bot",
    request_body = BotIdentity,
    responses((status = 204), Invalid)
)]
async fn identify(
    State(state): State<ApiState>,
    Bot(caller): Bot,
    Json(identity): Json<BotIdentity>,
) -> ApiResult<StatusCode> {
    converse::identify(&state.app, &caller, &identity.username).await?;
    Ok(StatusCode::NO_CONTENT)
}

fn check_replica(replica: &str) -> ApiResult<()> {
    if replica.is_empty() || replica.len() > MAX_REPLICA_LENGTH {
        return Err(ApiError::invalid(
            "/replica",
            "length",
            format!("1 to {MAX_REPLICA_LENGTH} bytes"),
        ));
    }
    Ok(())
}
