//! `/sandbox/…`: what the pages and the tests use to look at this world and to move it.

use std::{convert::Infallible, time::Duration};

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, Query, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{
        IntoResponse, Response,
        sse::{Event as SseEvent, KeepAlive, Sse},
    },
    routing::{get, post, put},
};
use futures::{Stream, stream};
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    clock::{ClockAction, ClockState},
    events::EventKind,
    faults::FaultsError,
    sheets::MAX_CSV_BYTES,
    telegram::{
        Telegram,
        chat::{BOT_ID, BOT_NAME, BOT_USERNAME, Chat},
        payments::{self, Choice},
        people::{self, NewUser, PersonError, Said},
    },
    world::{Shared, World},
};

const DEFAULT_MESSAGES: usize = 500;
const DEFAULT_CALLS: usize = 200;
const MAX_WAIT_S: u64 = 60;

/// A refusal the pages can show: a status and one sentence.
#[derive(Debug)]
struct Refusal(StatusCode, String);

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        (self.0, Json(json!({"error": self.1}))).into_response()
    }
}

impl From<PersonError> for Refusal {
    fn from(error: PersonError) -> Self {
        let status = match error {
            PersonError::NoSuchUser | PersonError::NoSuchMessage => StatusCode::NOT_FOUND,
            PersonError::Blocked
            | PersonError::NoSuchButton
            | PersonError::NotOwn
            | PersonError::IdTaken
            | PersonError::PaidAlready
            | PersonError::TooFewStars => StatusCode::CONFLICT,
            PersonError::BadText | PersonError::BadContent => StatusCode::UNPROCESSABLE_ENTITY,
        };
        Self(status, error.to_string())
    }
}

impl From<FaultsError> for Refusal {
    fn from(error: FaultsError) -> Self {
        Self(StatusCode::UNPROCESSABLE_ENTITY, error.to_string())
    }
}

fn not_found(what: &str) -> Refusal {
    Refusal(StatusCode::NOT_FOUND, format!("there is no such {what}"))
}

async fn telegram_state(State(sandbox): State<Shared>) -> Json<Value> {
    let world = sandbox.world();
    let telegram = &world.telegram;
    let users: Vec<Value> = telegram.chats.values().map(Chat::user_to_page).collect();
    Json(json!({
        "bot": {"id": BOT_ID, "username": BOT_USERNAME, "first_name": BOT_NAME},
        "connected": telegram.connected(),
        "users": users,
        "last_seq": world.events.latest_seq(),
    }))
}

async fn add_user(State(sandbox): State<Shared>, Json(new): Json<NewUser>) -> Result<Json<Value>, Refusal> {
    Ok(Json(people::add_user(&mut sandbox.world(), new)?))
}

#[derive(Debug, Deserialize)]
struct ChatQuery {
    limit: Option<usize>,
    /// Waits until something newer than this has happened in the chat.
    after_seq: Option<u64>,
    timeout_s: Option<u64>,
}

async fn chat(
    State(sandbox): State<Shared>,
    Path(user_id): Path<i64>,
    Query(query): Query<ChatQuery>,
) -> Result<Json<Value>, Refusal> {
    if let Some(seen) = query.after_seq {
        let mut changes = {
            let world = sandbox.world();
            let chat = world.telegram.chats.get(&user_id);
            chat.ok_or_else(|| not_found("person"))?.signal.subscribe()
        };
        let timeout = Duration::from_secs(query.timeout_s.unwrap_or(25).min(MAX_WAIT_S));
        tokio::select! {
            // Either outcome ends in showing the chat as it is.
            _ = tokio::time::timeout(timeout, changes.wait_for(|seq| *seq > seen)) => {}
            () = sandbox.stop.cancelled() => {}
        }
    }
    let mut world = sandbox.world();
    let commands = {
        let chat = world.telegram.chats.get(&user_id);
        let user = &chat.ok_or_else(|| not_found("person"))?.user;
        world.telegram.commands_for(user)
    };
    let menu_button = world.telegram.menu_button.clone();
    let Telegram { chats, payments, .. } = &mut world.telegram;
    let chat = chats.get_mut(&user_id).ok_or_else(|| not_found("person"))?;
    chat.unread = 0;
    let stars = payments.stars_of(user_id);
    let skip = chat
        .messages
        .len()
        .saturating_sub(query.limit.unwrap_or(DEFAULT_MESSAGES));
    let messages: Vec<Value> = chat
        .messages
        .iter()
        .skip(skip)
        .map(|message| chat.message_to_page(message))
        .collect();
    Ok(Json(json!({
        "messages": messages,
        "typing": chat.typing_now(),
        "commands": commands,
        "reply_keyboard": chat.reply_keyboard,
        "menu_button": chat.menu_button.clone().or(menu_button),
        "blocked": chat.blocked,
        "started": chat.started,
        "callback_answers": chat.callback_answers,
        "stars": stars,
        "last_seq": chat.last_seq,
    })))
}

async fn say(
    State(sandbox): State<Shared>,
    Path(user_id): Path<i64>,
    Json(said): Json<Said>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(people::say(&mut sandbox.world(), user_id, &said)?))
}

#[derive(Debug, Deserialize)]
struct Edit {
    message_id: i64,
    text: String,
}

async fn edit(
    State(sandbox): State<Shared>,
    Path(user_id): Path<i64>,
    Json(edit): Json<Edit>,
) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    Ok(Json(people::edit(&mut world, user_id, edit.message_id, &edit.text)?))
}

#[derive(Debug, Deserialize)]
struct Press {
    message_id: i64,
    data: String,
    #[serde(default)]
    force: bool,
}

async fn press(
    State(sandbox): State<Shared>,
    Path(user_id): Path<i64>,
    Json(press): Json<Press>,
) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    let id = people::press(&mut world, user_id, press.message_id, &press.data, press.force)?;
    Ok(Json(json!({"callback_query_id": id})))
}

#[derive(Debug, Deserialize)]
struct Pay {
    message_id: i64,
    #[serde(default)]
    choice: Choice,
    #[serde(default)]
    force: bool,
}

async fn pay(
    State(sandbox): State<Shared>,
    Path(user_id): Path<i64>,
    Json(pay): Json<Pay>,
) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    let id = payments::press_pay(&mut world, user_id, pay.message_id, pay.choice, pay.force)?;
    Ok(Json(json!({"pre_checkout_query_id": id})))
}

async fn checkout(State(sandbox): State<Shared>, Path(id): Path<String>) -> Result<Json<Value>, Refusal> {
    let found = payments::checkout(&sandbox.world(), &id);
    Ok(Json(found.ok_or_else(|| not_found("payment"))?))
}

#[derive(Debug, Deserialize)]
struct Stars {
    stars: i64,
}

async fn set_stars(State(sandbox): State<Shared>, Path(user_id): Path<i64>, Json(wanted): Json<Stars>) -> Json<Value> {
    let mut world = sandbox.world();
    world.telegram.payments.set_stars(user_id, wanted.stars);
    Json(json!({"stars": wanted.stars}))
}

async fn charges(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!(sandbox.world().telegram.payments.charges()))
}

#[derive(Debug, Deserialize)]
struct Block {
    blocked: bool,
}

async fn block(
    State(sandbox): State<Shared>,
    Path(user_id): Path<i64>,
    Json(block): Json<Block>,
) -> Result<Json<Value>, Refusal> {
    Ok(Json(people::block(&mut sandbox.world(), user_id, block.blocked)?))
}

#[derive(Debug, Deserialize)]
struct FileQuery {
    download: Option<String>,
}

async fn file(
    State(sandbox): State<Shared>,
    Path(file_id): Path<String>,
    Query(query): Query<FileQuery>,
) -> Result<Response, Refusal> {
    let (bytes, name, mime) = {
        let world = sandbox.world();
        let file = world.telegram.files.get(&file_id).ok_or_else(|| not_found("file"))?;
        let name = file.about.file_name.clone().unwrap_or_else(|| "file".to_owned());
        (file.bytes.clone(), name, file.about.mime_type.clone())
    };
    let kind = if query.download.as_deref() == Some("1") {
        "attachment"
    } else {
        "inline"
    };
    let encoded = percent_encode(&name);
    let disposition = format!("{kind}; filename*=UTF-8''{encoded}");
    let mut response = bytes.into_response();
    let headers = response.headers_mut();
    // A page of somebody else's making must not run on this origin.
    let safe_mime = if mime.starts_with("text/") || mime.starts_with("image/svg") {
        "text/plain; charset=utf-8"
    } else {
        mime.as_str()
    };
    for (name, value) in [
        (header::CONTENT_DISPOSITION, disposition.as_str()),
        (header::CONTENT_TYPE, safe_mime),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ] {
        if let Ok(value) = HeaderValue::from_str(value) {
            headers.insert(name, value);
        }
    }
    Ok(response)
}

/// RFC 8187 `ext-value`.
fn percent_encode(name: &str) -> String {
    name.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

#[derive(Debug, Deserialize)]
struct EventsQuery {
    after: Option<u64>,
}

async fn events(
    State(sandbox): State<Shared>,
    Query(query): Query<EventsQuery>,
    headers: HeaderMap,
) -> Sse<impl Stream<Item = Result<SseEvent, Infallible>>> {
    let resumed = headers
        .get("last-event-id")
        .and_then(|id| id.to_str().ok())
        .and_then(|id| id.parse().ok());
    let (changes, latest) = {
        let world = sandbox.world();
        (world.events.changes(), world.events.latest_seq())
    };
    let after = resumed.or(query.after).unwrap_or(0);
    let seen = if after == 0 { latest } else { after };
    let stop = sandbox.stop.clone();
    let batches = stream::unfold((sandbox, changes, seen), async |(sandbox, mut changes, seen)| {
        loop {
            changes.borrow_and_update();
            let fresh = sandbox.world().events.after(seen);
            if let Some(last) = fresh.last() {
                let seen = last.seq;
                return Some((fresh, (sandbox, changes, seen)));
            }
            changes.changed().await.ok()?;
        }
    });
    let events = futures::StreamExt::flat_map(batches, |fresh| {
        stream::iter(
            fresh
                .into_iter()
                .map(|event| Ok(SseEvent::default().id(event.seq.to_string()).data(event.body))),
        )
    });
    // A stream that never ends would hold up the shutdown of the server.
    let events = futures::StreamExt::take_until(events, async move { stop.cancelled().await });
    Sse::new(events).keep_alive(KeepAlive::default())
}

#[derive(Debug, Deserialize)]
struct Repeat {
    #[serde(default = "one")]
    count: usize,
}

fn one() -> usize {
    1
}

async fn repeat(State(sandbox): State<Shared>, Json(repeat): Json<Repeat>) -> Json<Value> {
    let mut world = sandbox.world();
    let to_webhook = world.telegram.webhook.is_set();
    let repeated = world.telegram.updates.repeat(repeat.count, to_webhook);
    Json(json!({"repeated": repeated}))
}

async fn reset(State(sandbox): State<Shared>) -> Json<Value> {
    let mut world = sandbox.world();
    world.telegram.reset_chats();
    world.llm.exchanges.clear();
    world.banks.reset();
    world.mail.reset();
    world.faults = crate::faults::Faults::default();
    emit_faults(&mut world);
    let users: Vec<(i64, Value)> = world
        .telegram
        .chats
        .values()
        .map(|chat| (chat.user.id, chat.user_to_page()))
        .collect();
    for (id, user) in users {
        world.emit(id, EventKind::User, Map::from_iter([("user".into(), user)]));
    }
    Json(json!({"ok": true}))
}

fn emit_faults(world: &mut World) -> Value {
    let faults = json!(world.faults);
    let payload = Map::from_iter([("faults".to_owned(), faults.clone())]);
    world.emit(0, EventKind::Faults, payload);
    faults
}

async fn faults(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!(sandbox.world().faults))
}

async fn set_faults(State(sandbox): State<Shared>, Json(patch): Json<Value>) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    world.faults = world.faults.merged(&patch)?;
    Ok(Json(emit_faults(&mut world)))
}

#[derive(Debug, Deserialize)]
struct ClockQuery {
    after: Option<u64>,
    timeout_s: Option<u64>,
}

async fn clock(State(sandbox): State<Shared>, Query(query): Query<ClockQuery>) -> Json<ClockState> {
    if let Some(seen) = query.after {
        let mut changes = sandbox.world().clock.changes();
        let timeout = Duration::from_secs(query.timeout_s.unwrap_or(25).min(MAX_WAIT_S));
        tokio::select! {
            // Either outcome ends in telling the time.
            _ = tokio::time::timeout(timeout, changes.wait_for(|version| *version > seen)) => {}
            () = sandbox.stop.cancelled() => {}
        }
    }
    Json(sandbox.world().clock.state())
}

async fn move_clock(State(sandbox): State<Shared>, Json(action): Json<ClockAction>) -> Json<ClockState> {
    let mut world = sandbox.world();
    world.clock.apply(&action);
    let state = world.clock.state();
    let payload = Map::from_iter([("clock".to_owned(), json!(state))]);
    world.emit(0, EventKind::Clock, payload);
    Json(state)
}

async fn sheets(State(sandbox): State<Shared>) -> Json<Value> {
    Json(sandbox.world().sheets.summary())
}

async fn sheet_csv(State(sandbox): State<Shared>, Path((id, gid)): Path<(String, u64)>) -> Result<Response, Refusal> {
    let world = sandbox.world();
    let tab = world.sheets.tab(&id, gid).ok_or_else(|| not_found("sheet"))?;
    Ok(([(header::CONTENT_TYPE, "text/csv; charset=utf-8")], tab.csv.clone()).into_response())
}

#[derive(Debug, Deserialize)]
struct SheetName {
    name: Option<String>,
}

async fn put_sheet_csv(
    State(sandbox): State<Shared>,
    Path((id, gid)): Path<(String, u64)>,
    Query(name): Query<SheetName>,
    csv: String,
) -> Json<Value> {
    let mut world = sandbox.world();
    world.sheets.put(&id, gid, name.name, csv);
    Json(world.sheets.summary())
}

async fn reset_sheet(
    State(sandbox): State<Shared>,
    Path((id, gid)): Path<(String, u64)>,
) -> Result<Json<Value>, Refusal> {
    let mut world = sandbox.world();
    if !world.sheets.reset(&id, gid) {
        return Err(not_found("shipped sheet"));
    }
    Ok(Json(world.sheets.summary()))
}

async fn llm_requests(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!(sandbox.world().llm.exchanges))
}

#[derive(Debug, Deserialize)]
struct CallsQuery {
    limit: Option<usize>,
}

async fn calls(State(sandbox): State<Shared>, Query(query): Query<CallsQuery>) -> Json<Value> {
    let world = sandbox.world();
    let calls = &world.telegram.calls;
    let skip = calls.len().saturating_sub(query.limit.unwrap_or(DEFAULT_CALLS));
    Json(calls.iter().skip(skip).map(|call| json!(call)).collect())
}

async fn links(State(sandbox): State<Shared>) -> Json<Value> {
    Json(json!({"links": sandbox.world().links}))
}

async fn put_links(State(sandbox): State<Shared>, Json(links): Json<Value>) -> Json<Value> {
    let mut world = sandbox.world();
    world.links = match links {
        Value::Array(links) => links,
        other => other
            .get("links")
            .and_then(Value::as_array)
            .cloned()
            .unwrap_or_default(),
    };
    Json(json!({"links": world.links}))
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/sandbox/telegram/state", get(telegram_state))
        .route("/sandbox/telegram/users", post(add_user))
        .route("/sandbox/telegram/chats/{user_id}", get(chat))
        .route(
            "/sandbox/telegram/chats/{user_id}/messages",
            // Documents come as base64 in the JSON.
            post(say).layer(DefaultBodyLimit::max(70 * 1024 * 1024)),
        )
        .route("/sandbox/telegram/chats/{user_id}/edit", post(edit))
        .route("/sandbox/telegram/chats/{user_id}/callbacks", post(press))
        .route("/sandbox/telegram/chats/{user_id}/block", post(block))
        .route("/sandbox/telegram/chats/{user_id}/pay", post(pay))
        .route("/sandbox/telegram/chats/{user_id}/stars", put(set_stars))
        .route("/sandbox/telegram/checkouts/{id}", get(checkout))
        .route("/sandbox/telegram/charges", get(charges))
        .route("/sandbox/telegram/files/{file_id}", get(file))
        .route("/sandbox/telegram/updates/repeat", post(repeat))
        .route("/sandbox/telegram/requests", get(calls))
        .route("/sandbox/events", get(events))
        .route("/sandbox/reset", post(reset))
        .route("/sandbox/faults", get(faults).put(set_faults))
        .route("/sandbox/clock", get(clock).post(move_clock))
        .route("/sandbox/sheets", get(sheets))
        .route(
            "/sandbox/sheets/{id}/{gid}",
            get(sheet_csv).merge(put(put_sheet_csv).layer(DefaultBodyLimit::max(MAX_CSV_BYTES))),
        )
        .route("/sandbox/sheets/{id}/{gid}/reset", post(reset_sheet))
        .route("/sandbox/llm/requests", get(llm_requests))
        .route("/sandbox/links", get(links).put(put_links))
}
