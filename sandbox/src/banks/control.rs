//! `/sandbox/banks/…`: what the pages and the tests use to look at the banks and to move them.

use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::StatusCode,
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::{Value, json};

use super::{
    Bank, courier, hosted,
    switches::Forgery,
    view::{Act, ActError, MoneyState, PaymentView, RefundView, Totals},
};
use crate::{
    tbank,
    world::{Shared, World},
    yookassa,
};

const DEFAULT_LIMIT: usize = 200;
const MAX_WAIT_S: u64 = 60;

#[derive(Debug)]
enum Refusal {
    NotFound(&'static str),
    Conflict(String),
    Invalid(String),
    Act(ActError),
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        let (status, text) = match self {
            Self::NotFound(what) => (StatusCode::NOT_FOUND, format!("there is no such {what}")),
            Self::Conflict(why) => (StatusCode::CONFLICT, why),
            Self::Invalid(why) => (StatusCode::UNPROCESSABLE_ENTITY, why),
            Self::Act(error) => return error.into_response(),
        };
        (status, Json(json!({"error": text}))).into_response()
    }
}

impl From<ActError> for Refusal {
    fn from(error: ActError) -> Self {
        Self::Act(error)
    }
}

fn payment(world: &World, bank: Bank, id: &str) -> Result<PaymentView, Refusal> {
    let found = match bank {
        Bank::YooKassa => {
            let payment = world.banks.yookassa.payments.get(id);
            payment.map(|payment| yookassa::view::payment(world, payment))
        }
        Bank::TBank => {
            let payment = id.parse().ok().and_then(|id: u64| world.banks.tbank.payments.get(&id));
            payment.map(tbank::view::payment)
        }
    };
    found.ok_or(Refusal::NotFound("payment"))
}

pub fn payments(world: &World, bank: Bank) -> Vec<PaymentView> {
    match bank {
        Bank::YooKassa => yookassa::view::payments(world),
        Bank::TBank => tbank::view::payments(world),
    }
}

fn refunds(world: &World, bank: Bank) -> Vec<RefundView> {
    match bank {
        Bank::YooKassa => yookassa::view::refunds(world),
        Bank::TBank => tbank::view::refunds(world),
    }
}

fn totals(world: &World, bank: Bank) -> Totals {
    let mut totals = Totals::default();
    for payment in payments(world, bank) {
        totals.payments += 1;
        totals.paid += u64::from(payment.paid_minor > 0);
        totals.paid_minor += payment.paid_minor;
        totals.refunded_minor += payment.refunded_minor;
        if payment.state == MoneyState::Held {
            totals.held_minor += payment.amount_minor;
        }
    }
    totals
}

#[derive(Debug, Deserialize)]
struct Limit {
    limit: Option<usize>,
}

fn last<T>(mut all: Vec<T>, limit: Option<usize>) -> Vec<T> {
    let skip = all.len().saturating_sub(limit.unwrap_or(usize::MAX));
    all.split_off(skip)
}

async fn overview(State(sandbox): State<Shared>) -> Json<Value> {
    let mut world = sandbox.world();
    super::tick(&mut world);
    let banks = &world.banks;
    let waiting = banks
        .post
        .all()
        .filter(|one| one.fate == courier::Fate::Waiting)
        .count();
    Json(json!({
        "yookassa": {
            "accounts": banks.yookassa.shops, "totals": totals(&world, Bank::YooKassa),
            "notification_url": banks.notification_url(Bank::YooKassa, None), "api_path": "/yookassa/v3",
        },
        "tbank": {
            "accounts": banks.tbank.terminals, "totals": totals(&world, Bank::TBank),
            "notification_url": banks.notification_url(Bank::TBank, None), "api_path": "/tbank/v2",
        },
        "notifications_waiting": waiting,
    }))
}

/// Changes fields of an account, or opens a new one with the usual settings.
fn merged<T: Serialize + DeserializeOwned + Default>(known: Option<&T>, patch: &Value) -> Result<T, Refusal> {
    let invalid = |error: serde_json::Error| Refusal::Invalid(error.to_string());
    let mut state = match known {
        Some(known) => serde_json::to_value(known),
        None => serde_json::to_value(T::default()),
    }
    .map_err(invalid)?;
    let patch = patch
        .as_object()
        .ok_or_else(|| Refusal::Invalid("an object is expected".to_owned()))?;
    if let Some(fields) = state.as_object_mut() {
        for (name, value) in patch {
            fields.insert(name.clone(), value.clone());
        }
    }
    serde_json::from_value(state).map_err(invalid)
}

async fn set_account(
    State(sandbox): State<Shared>,
    Path((bank, account)): Path<(Bank, String)>,
    Json(patch): Json<Value>,
) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    let settings = match bank {
        Bank::YooKassa => {
            let shop = merged(world.banks.yookassa.shops.get(&account), &patch)?;
            let settings = json!(shop);
            world.banks.yookassa.shops.insert(account.clone(), shop);
            settings
        }
        Bank::TBank => {
            let terminal = merged(world.banks.tbank.terminals.get(&account), &patch)?;
            let settings = json!(terminal);
            world.banks.tbank.terminals.insert(account.clone(), terminal);
            settings
        }
    };
    super::tell(&mut world, bank, "account", &account);
    Ok(Json(settings))
}

async fn list_payments(
    State(sandbox): State<Shared>,
    Path(bank): Path<Bank>,
    Query(query): Query<Limit>,
) -> Json<Vec<PaymentView>> {
    let mut world = sandbox.world();
    super::tick(&mut world);
    Json(last(payments(&world, bank), query.limit))
}

async fn one_payment(
    State(sandbox): State<Shared>,
    Path((bank, id)): Path<(Bank, String)>,
) -> Result<Json<PaymentView>, Refusal> {
    let mut world = sandbox.world();
    super::tick(&mut world);
    payment(&world, bank, &id).map(Json)
}

#[derive(Debug, Deserialize)]
struct NewPayment {
    amount_minor: i64,
    account: Option<String>,
    description: Option<String>,
    metadata: Option<Value>,
}

/// YooKassa only: at T-Bank everything begins with Init.
async fn new_payment(
    State(sandbox): State<Shared>,
    Path(bank): Path<Bank>,
    Json(new): Json<NewPayment>,
) -> Result<Json<PaymentView>, Refusal> {
    if bank != Bank::YooKassa {
        return Err(Refusal::Invalid("a payment at T-Bank begins with Init".to_owned()));
    }
    if new.amount_minor <= 0 {
        return Err(Refusal::Invalid("a payment is more than nothing".to_owned()));
    }
    let mut world = sandbox.world();
    let shop = new.account.unwrap_or_else(|| yookassa::DEMO_SHOP.to_owned());
    let id = yookassa::payments::create_by_hand(&mut world, &shop, new.amount_minor, new.description, new.metadata);
    payment(&world, bank, &id).map(Json)
}

async fn act(
    State(sandbox): State<Shared>,
    Path((bank, id)): Path<(Bank, String)>,
    Json(asked): Json<Act>,
) -> Result<Json<PaymentView>, Refusal> {
    let mut world = sandbox.world();
    super::tick(&mut world);
    hosted::act(&mut world, bank, &id, &asked)?;
    payment(&world, bank, &id).map(Json)
}

async fn notify(
    State(sandbox): State<Shared>,
    Path((bank, id)): Path<(Bank, String)>,
) -> Result<Json<PaymentView>, Refusal> {
    let mut world = sandbox.world();
    let view = payment(&world, bank, &id)?;
    let sent = match bank {
        Bank::YooKassa => yookassa::view::notify_again(&mut world, &id),
        Bank::TBank => id.parse().is_ok_and(|id| tbank::view::notify_again(&mut world, id)),
    };
    if !sent {
        return Err(Refusal::Conflict("the bank sends nothing about this state".to_owned()));
    }
    Ok(Json(view))
}

#[derive(Debug, Deserialize)]
struct Forge {
    kind: Forgery,
}

async fn forge(
    State(sandbox): State<Shared>,
    Path((bank, id)): Path<(Bank, String)>,
    Json(forge): Json<Forge>,
) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    let number = match bank {
        Bank::YooKassa => yookassa::view::forge(&mut world, &id, forge.kind),
        Bank::TBank => id
            .parse()
            .ok()
            .and_then(|id| tbank::view::forge(&mut world, id, forge.kind)),
    };
    let number = number.ok_or(Refusal::NotFound("payment"))?;
    let forged = world.banks.post.get(number).map(courier::to_page);
    Ok(Json(json!(forged)))
}

#[derive(Debug, Deserialize)]
struct NewRefund {
    amount_minor: Option<i64>,
}

/// A refund from the bank's cabinet.
async fn refund_payment(
    State(sandbox): State<Shared>,
    Path((bank, id)): Path<(Bank, String)>,
    Json(new): Json<NewRefund>,
) -> Result<Json<PaymentView>, Refusal> {
    let mut world = sandbox.world();
    payment(&world, bank, &id)?;
    let made = match bank {
        Bank::YooKassa => yookassa::refunds::create_by_hand(&mut world, &id, new.amount_minor).ok(),
        Bank::TBank => {
            let id = id.parse().map_err(|_| Refusal::NotFound("payment"))?;
            tbank::refunds::create_by_hand(&mut world, id, new.amount_minor)
        }
    };
    made.ok_or_else(|| Refusal::Conflict("there is not so much to give back".to_owned()))?;
    payment(&world, bank, &id).map(Json)
}

async fn list_refunds(
    State(sandbox): State<Shared>,
    Path(bank): Path<Bank>,
    Query(query): Query<Limit>,
) -> Json<Vec<RefundView>> {
    Json(last(refunds(&sandbox.world(), bank), query.limit))
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "snake_case")]
enum RefundEnd {
    Succeed,
    Fail,
}

#[derive(Debug, Deserialize)]
struct SettleRefund {
    action: RefundEnd,
    /// YooKassa's `cancellation_details.reason`.
    reason: Option<String>,
}

async fn settle_refund(
    State(sandbox): State<Shared>,
    Path((bank, id)): Path<(Bank, String)>,
    Json(settle): Json<SettleRefund>,
) -> Result<Json<RefundView>, Refusal> {
    let mut world = sandbox.world();
    let known = refunds(&world, bank).into_iter().find(|refund| refund.id == id);
    if known.ok_or(Refusal::NotFound("refund"))?.status != "pending" {
        return Err(Refusal::Conflict("the refund is past that".to_owned()));
    }
    match (bank, settle.action) {
        (Bank::YooKassa, RefundEnd::Succeed) => yookassa::refunds::succeed(&mut world, &id),
        (Bank::YooKassa, RefundEnd::Fail) => {
            let reason = settle.reason.as_deref().unwrap_or("general_decline");
            yookassa::refunds::fail(&mut world, &id, reason);
        }
        (Bank::TBank, RefundEnd::Succeed) => tbank::refunds::succeed(&mut world, &id),
        (Bank::TBank, RefundEnd::Fail) => tbank::refunds::fail(&mut world, &id),
    }
    let settled = refunds(&world, bank).into_iter().find(|refund| refund.id == id);
    settled.map(Json).ok_or(Refusal::NotFound("refund"))
}

async fn list_receipts(
    State(sandbox): State<Shared>,
    Path(bank): Path<Bank>,
    Query(query): Query<Limit>,
) -> Json<Value> {
    let world = sandbox.world();
    let all = match bank {
        Bank::YooKassa => &world.banks.yookassa.receipts,
        Bank::TBank => &world.banks.tbank.receipts,
    };
    let skip = all.len().saturating_sub(query.limit.unwrap_or(usize::MAX));
    Json(all.iter().skip(skip).map(|receipt| json!(receipt)).collect())
}

async fn list_methods(State(sandbox): State<Shared>, Path(bank): Path<Bank>) -> Json<Value> {
    let world = sandbox.world();
    let methods: Vec<Value> = match bank {
        Bank::YooKassa => world
            .banks
            .yookassa
            .methods
            .values()
            .filter(|method| method.saved || method.return_url.is_some())
            .map(|method| json!({
                "id": method.id, "account": method.shop, "customer": method.customer, "card": method.card,
                "active": method.status == "active" && method.saved, "declines": method.declines,
            }))
            .collect(),
        Bank::TBank => world
            .banks
            .tbank
            .cards
            .values()
            .map(|card| json!({
                "id": card.rebill_id.to_string(), "account": card.terminal, "customer": card.customer_key,
                "card": card.card, "active": !card.removed, "declines": card.declines, "card_id": card.id.to_string(),
            }))
            .collect(),
    };
    Json(json!(methods))
}

#[derive(Debug, Deserialize)]
struct ChangeMethod {
    /// Charges are declined for this reason or code; null takes it back.
    declines: Option<String>,
}

async fn change_method(
    State(sandbox): State<Shared>,
    Path((bank, id)): Path<(Bank, String)>,
    Json(change): Json<ChangeMethod>,
) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    let slot = match bank {
        Bank::YooKassa => world
            .banks
            .yookassa
            .methods
            .get_mut(&id)
            .map(|method| &mut method.declines),
        Bank::TBank => {
            let cards = &mut world.banks.tbank.cards;
            id.parse()
                .ok()
                .and_then(|id: u64| cards.get_mut(&id))
                .map(|card| &mut card.declines)
        }
    };
    *slot.ok_or(Refusal::NotFound("method"))? = change.declines.clone();
    Ok(Json(json!({"id": id, "declines": change.declines})))
}

async fn get_totals(State(sandbox): State<Shared>, Path(bank): Path<Bank>) -> Json<Totals> {
    let mut world = sandbox.world();
    super::tick(&mut world);
    Json(totals(&world, bank))
}

#[derive(Debug, Deserialize)]
struct NotificationsQuery {
    bank: Option<Bank>,
    payment_id: Option<String>,
    limit: Option<usize>,
}

async fn notifications(State(sandbox): State<Shared>, Query(query): Query<NotificationsQuery>) -> Json<Value> {
    let world = sandbox.world();
    let wanted = |one: &&courier::Notification| {
        query.bank.is_none_or(|bank| bank == one.bank)
            && query.payment_id.as_ref().is_none_or(|id| *id == one.payment_id)
    };
    let mut rows: Vec<Value> = world
        .banks
        .post
        .all()
        .rev()
        .filter(wanted)
        .take(query.limit.unwrap_or(DEFAULT_LIMIT))
        .map(courier::to_page)
        .collect();
    rows.reverse();
    Json(json!(rows))
}

async fn repeat(State(sandbox): State<Shared>, Path(id): Path<u64>) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    let now_ms = world.clock.now_ms();
    let again = world
        .banks
        .post
        .repeat(id, now_ms)
        .ok_or(Refusal::NotFound("notification"))?;
    Ok(Json(json!(world.banks.post.get(again).map(courier::to_page))))
}

#[derive(Debug, Deserialize)]
struct Wait {
    timeout_s: Option<u64>,
}

/// Waits until no notification is under way or due now.
async fn quiet(State(sandbox): State<Shared>, Query(query): Query<Wait>) -> Json<Value> {
    let mut changes = sandbox.world().banks.post.changes();
    let is_quiet = || {
        let world = sandbox.world();
        world.banks.post.is_quiet(world.clock.now_ms())
    };
    let wait = async {
        while !is_quiet() {
            if changes.changed().await.is_err() {
                return;
            }
        }
    };
    let timeout = Duration::from_secs(query.timeout_s.unwrap_or(25).min(MAX_WAIT_S));
    tokio::select! {
        // Either outcome ends in saying how it is.
        _ = tokio::time::timeout(timeout, wait) => {}
        () = sandbox.stop.cancelled() => {}
    }
    Json(json!({"quiet": is_quiet()}))
}

async fn calls(State(sandbox): State<Shared>, Path(bank): Path<Bank>, Query(query): Query<Limit>) -> Json<Value> {
    let world = sandbox.world();
    let mut rows: Vec<Value> = world
        .banks
        .calls
        .exchanges
        .iter()
        .rev()
        .filter(|call| call.bank == bank)
        .take(query.limit.unwrap_or(DEFAULT_LIMIT))
        .map(|call| json!(call))
        .collect();
    rows.reverse();
    Json(json!(rows))
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/sandbox/banks", get(overview))
        .route("/sandbox/banks/notifications", get(notifications))
        .route("/sandbox/banks/notifications/{id}/repeat", post(repeat))
        .route("/sandbox/banks/quiet", get(quiet))
        .route("/sandbox/banks/{bank}/accounts/{account}", put(set_account))
        .route("/sandbox/banks/{bank}/payments", get(list_payments).post(new_payment))
        .route("/sandbox/banks/{bank}/payments/{id}", get(one_payment))
        .route("/sandbox/banks/{bank}/payments/{id}/act", post(act))
        .route("/sandbox/banks/{bank}/payments/{id}/notify", post(notify))
        .route("/sandbox/banks/{bank}/payments/{id}/forge", post(forge))
        .route("/sandbox/banks/{bank}/payments/{id}/refund", post(refund_payment))
        .route("/sandbox/banks/{bank}/refunds", get(list_refunds))
        .route("/sandbox/banks/{bank}/refunds/{id}", post(settle_refund))
        .route("/sandbox/banks/{bank}/receipts", get(list_receipts))
        .route("/sandbox/banks/{bank}/methods", get(list_methods))
        .route("/sandbox/banks/{bank}/methods/{id}", put(change_method))
        .route("/sandbox/banks/{bank}/totals", get(get_totals))
        .route("/sandbox/banks/{bank}/calls", get(calls))
}
