//! The mail catcher: whatever is sent over SMTP lands here and goes nowhere.

pub mod faults;
mod mime;
mod smtp;

use std::collections::VecDeque;
use std::time::Duration;

use axum::{
    Json, Router,
    extract::{Path, Query, State},
    http::{HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse, Response},
    routing::get,
};
use bytes::Bytes;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use crate::{
    events::EventKind,
    world::{Shared, World},
};
use mime::Part;
pub use smtp::serve;

const KEPT_MAILS: usize = 500;
const MAX_WAIT_S: u64 = 60;

/// One mail as it came over the wire, with what can be read of it.
#[derive(Debug, Clone)]
pub struct Mail {
    pub id: u64,
    pub at_ms: i64,
    /// The envelope: who it was from and for, whatever the headers say.
    pub from: String,
    pub to: Vec<String>,
    /// The user of AUTH, when there was one.
    pub user: Option<String>,
    pub raw: Bytes,
    pub headers: Vec<(String, String)>,
    pub text: Option<String>,
    pub html: Option<String>,
    pub attachments: Vec<Attachment>,
}

#[derive(Debug, Clone)]
pub struct Attachment {
    pub name: String,
    pub mime: String,
    pub content_id: Option<String>,
    pub bytes: Vec<u8>,
}

#[derive(Debug, Default)]
pub struct Mailbox {
    pub mails: VecDeque<Mail>,
    last_id: u64,
    /// Where the catcher listens.
    pub addr: Option<String>,
}

impl Mailbox {
    pub fn reset(&mut self) {
        self.mails.clear();
    }

    fn get(&self, id: u64) -> Option<&Mail> {
        self.mails.iter().find(|mail| mail.id == id)
    }
}

/// Keeps a mail that has come in whole.
fn keep(world: &mut World, from: String, to: Vec<String>, user: Option<String>, raw: Vec<u8>) -> u64 {
    let message = mime::read(&raw);
    let mut text = None;
    let mut html = None;
    let mut attachments = Vec::new();
    for part in message.leaves() {
        let is_body = !part.is_attachment();
        match part.kind.as_str() {
            "text/plain" if is_body && text.is_none() => text = Some(part.text()),
            "text/html" if is_body && html.is_none() => html = Some(part.text()),
            _ => attachments.push(attachment(part)),
        }
    }
    let mailbox = &mut world.mail;
    mailbox.last_id += 1;
    let id = mailbox.last_id;
    let mail = Mail {
        id,
        at_ms: world.clock.now_ms(),
        from,
        to,
        user,
        headers: message.headers.clone(),
        raw: Bytes::from(raw),
        text,
        html,
        attachments,
    };
    mailbox.mails.push_back(mail);
    if mailbox.mails.len() > KEPT_MAILS {
        mailbox.mails.pop_front();
    }
    world.emit(0, EventKind::Mail, Map::from_iter([("id".to_owned(), json!(id))]));
    id
}

fn attachment(part: &Part) -> Attachment {
    Attachment {
        name: part.file_name().unwrap_or_else(|| "file".to_owned()),
        mime: part.kind.clone(),
        content_id: part
            .header("content-id")
            .map(|id| id.trim_matches(['<', '>']).to_owned()),
        bytes: part.bytes.clone(),
    }
}

fn summary(mail: &Mail) -> Value {
    let header = |name: &str| {
        let found = mail.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.clone())
    };
    json!({
        "id": mail.id, "at_ms": mail.at_ms, "envelope_from": mail.from, "envelope_to": mail.to, "user": mail.user,
        "from": header("from"), "to": header("to"), "subject": header("subject").unwrap_or_default(),
        "size": mail.raw.len(), "has_html": mail.html.is_some(),
        "attachments": mail.attachments.iter().enumerate().map(|(number, file)| json!({
            "number": number, "name": file.name, "mime": file.mime, "size": file.bytes.len(), "content_id": file.content_id,
        })).collect::<Vec<_>>(),
    })
}

fn whole(mail: &Mail) -> Value {
    let mut whole = summary(mail);
    if let Some(fields) = whole.as_object_mut() {
        let headers: Vec<Value> = mail
            .headers
            .iter()
            .map(|(name, value)| json!({"name": name, "value": value}))
            .collect();
        fields.insert("headers".into(), json!(headers));
        fields.insert("text".into(), json!(mail.text));
        fields.insert("html".into(), json!(mail.html));
    }
    whole
}

#[derive(Debug, Deserialize)]
struct ListQuery {
    /// Part of an address of the envelope.
    to: Option<String>,
    /// Only mails with a greater id; with `timeout_s` waits for one.
    after: Option<u64>,
    timeout_s: Option<u64>,
}

fn list_now(world: &World, query: &ListQuery) -> Vec<Value> {
    let wanted = |mail: &&Mail| {
        mail.id > query.after.unwrap_or(0)
            && query.to.as_ref().is_none_or(|part| {
                mail.to
                    .iter()
                    .any(|to| to.to_lowercase().contains(&part.to_lowercase()))
            })
    };
    world.mail.mails.iter().filter(wanted).map(summary).collect()
}

async fn list(State(sandbox): State<Shared>, Query(query): Query<ListQuery>) -> Json<Value> {
    let mut changes = sandbox.world().events.changes();
    let mut found = list_now(&sandbox.world(), &query);
    if let Some(seconds) = query.timeout_s {
        let wait = async {
            loop {
                changes.borrow_and_update();
                let fresh = list_now(&sandbox.world(), &query);
                if !fresh.is_empty() || changes.changed().await.is_err() {
                    return fresh;
                }
            }
        };
        let timeout = Duration::from_secs(seconds.min(MAX_WAIT_S));
        tokio::select! {
            fresh = tokio::time::timeout(timeout, wait) => found = fresh.unwrap_or_default(),
            () = sandbox.stop.cancelled() => {}
        }
    }
    let world = sandbox.world();
    Json(json!({"smtp_addr": world.mail.addr, "mails": found}))
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, Json(json!({"error": "there is no such mail"}))).into_response()
}

fn with_headers(body: impl IntoResponse, headers: &[(HeaderName, &str)]) -> Response {
    let mut response = body.into_response();
    for (name, value) in headers {
        if let Ok(value) = HeaderValue::from_str(value) {
            response.headers_mut().insert(name.clone(), value);
        }
    }
    response
}

async fn one(State(sandbox): State<Shared>, Path(id): Path<u64>) -> Response {
    sandbox
        .world()
        .mail
        .get(id)
        .map_or_else(missing, |mail| Json(whole(mail)).into_response())
}

async fn raw(State(sandbox): State<Shared>, Path(id): Path<u64>) -> Response {
    sandbox.world().mail.get(id).map_or_else(missing, |mail| {
        let headers = [
            (header::CONTENT_TYPE, "text/plain; charset=utf-8"),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        with_headers(mail.raw.clone(), &headers)
    })
}

/// The HTML of a mail for a frame: it runs no script, sends no form and asks nobody for pictures.
async fn html(State(sandbox): State<Shared>, Path(id): Path<u64>) -> Response {
    let found = {
        let world = sandbox.world();
        world.mail.get(id).and_then(|mail| {
            let inline = mail.attachments.iter().enumerate().filter_map(|(number, file)| {
                Some((
                    format!("cid:{}", file.content_id.as_ref()?),
                    format!("/sandbox/mail/{id}/attachments/{number}"),
                ))
            });
            Some(inline.fold(mail.html.clone()?, |html, (cid, path)| html.replace(&cid, &path)))
        })
    };
    found.map_or_else(missing, |html| {
        let policy = "sandbox allow-popups; default-src 'none'; img-src 'self' data:; style-src 'unsafe-inline'";
        let headers = [
            (header::CONTENT_TYPE, "text/html; charset=utf-8"),
            (header::CONTENT_SECURITY_POLICY, policy),
            (header::REFERRER_POLICY, "no-referrer"),
        ];
        with_headers(html, &headers)
    })
}

async fn attached(State(sandbox): State<Shared>, Path((id, number)): Path<(u64, usize)>) -> Response {
    let world = sandbox.world();
    let file = world.mail.get(id).and_then(|mail| mail.attachments.get(number));
    file.map_or_else(missing, |file| {
        let encoded: String = url::form_urlencoded::byte_serialize(file.name.as_bytes()).collect();
        let disposition = format!("attachment; filename*=UTF-8''{}", encoded.replace('+', "%20"));
        // Of somebody else's making: pictures and papers are shown as they are, nothing else is.
        let safe = file.mime.starts_with("image/") && !file.mime.contains("svg") || file.mime == "application/pdf";
        let mime = if safe {
            file.mime.as_str()
        } else {
            "application/octet-stream"
        };
        let headers = [
            (header::CONTENT_TYPE, mime),
            (header::CONTENT_DISPOSITION, disposition.as_str()),
            (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        ];
        with_headers(file.bytes.clone(), &headers)
    })
}

async fn clear(State(sandbox): State<Shared>) -> Json<Value> {
    let mut world = sandbox.world();
    world.mail.reset();
    world.emit(0, EventKind::Mail, Map::new());
    Json(json!({"ok": true}))
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/sandbox/mail", get(list).delete(clear))
        .route("/sandbox/mail/{id}", get(one))
        .route("/sandbox/mail/{id}/raw", get(raw))
        .route("/sandbox/mail/{id}/html", get(html))
        .route("/sandbox/mail/{id}/attachments/{number}", get(attached))
}
