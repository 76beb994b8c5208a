//! The door of `/tbank/v2`: the token of each request, and the faults in the doorway.

use axum::{
    Json, Router,
    extract::{DefaultBodyLimit, Path, State},
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use bytes::Bytes;
use serde_json::{Map, Value, json};

use super::{cards, error::Refusal, payments, receipts, refunds, token};
use crate::{
    banks::{
        self, Bank,
        journal::{Exchange, hang_up},
        switches::Mishap,
    },
    world::{Shared, World},
};

const MAX_BODY_BYTES: usize = 1024 * 1024;
const MAX_TERMINAL_KEY: usize = 64;

/// A request whose token was right.
pub struct Request {
    pub terminal: String,
    pub fields: Map<String, Value>,
    pub base_url: String,
}

impl Request {
    /// The text of a field, also when it came as a number; empty is none.
    pub fn text(&self, name: &str) -> Option<String> {
        let spelled = match self.fields.get(name)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            _ => return None,
        };
        (!spelled.is_empty()).then_some(spelled)
    }

    pub fn required(&self, name: &str) -> Result<String, Refusal> {
        self.text(name).ok_or_else(|| Refusal::empty(name))
    }

    /// An optional sum in kopecks.
    pub fn kopecks(&self, name: &str) -> Result<Option<i64>, Refusal> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(_) => {
                let text = self.text(name).unwrap_or_default();
                let digits = text.len() <= 10 && text.bytes().all(|byte| byte.is_ascii_digit());
                let parsed = text.parse().ok().filter(|_| digits);
                parsed.map(Some).ok_or_else(|| Refusal::format(name))
            }
        }
    }

    pub fn object(&self, name: &str) -> Result<Option<&Value>, Refusal> {
        match self.fields.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(value) if value.is_object() => Ok(Some(value)),
            Some(_) => Err(Refusal::format(name)),
        }
    }
}

/// Methods that only look.
fn changes(method: &str) -> bool {
    !matches!(method, "GetState" | "CheckOrder" | "GetCardList" | "GetCustomer")
}

fn is_known(method: &str) -> bool {
    matches!(
        method,
        "Init"
            | "GetState"
            | "CheckOrder"
            | "Confirm"
            | "Cancel"
            | "Charge"
            | "GetCardList"
            | "RemoveCard"
            | "AddCustomer"
            | "GetCustomer"
            | "RemoveCustomer"
            | "SendClosingReceipt"
    )
}

fn execute(world: &mut World, method: &str, request: &Request) -> Result<Value, Refusal> {
    match method {
        "Init" => payments::init(world, request),
        "GetState" => payments::get_state(world, request),
        "CheckOrder" => payments::check_order(world, request),
        "Confirm" => payments::confirm(world, request),
        "Charge" => payments::charge(world, request),
        "Cancel" => refunds::cancel(world, request),
        "GetCardList" => cards::list(world, request),
        "RemoveCard" => cards::remove(world, request),
        "AddCustomer" => cards::add_customer(world, request),
        "GetCustomer" => cards::get_customer(world, request),
        "RemoveCustomer" => cards::remove_customer(world, request),
        "SendClosingReceipt" => receipts::close(world, request),
        _ => Err(Refusal::new("9999", "Метод не поддерживается.")),
    }
}

fn check(world: &World, fields: Map<String, Value>, base_url: String) -> Result<Request, Refusal> {
    let terminal = fields
        .get("TerminalKey")
        .and_then(Value::as_str)
        .unwrap_or_default()
        .to_owned();
    if terminal.is_empty() {
        return Err(Refusal::empty("TerminalKey"));
    }
    if terminal.len() > MAX_TERMINAL_KEY {
        return Err(Refusal::new("210", "Поле TerminalKey слишком длинное."));
    }
    let known = world.banks.tbank.terminals.get(&terminal);
    let known = known.ok_or_else(|| Refusal::new("205", "Неверный токен. Терминал не найден."))?;
    if !token::is_right(&fields, &known.password) {
        return Err(Refusal::token());
    }
    Ok(Request {
        terminal,
        fields,
        base_url,
    })
}

fn told(result: Result<Value, Refusal>, terminal: &Value) -> Value {
    match result {
        Ok(value) => value,
        Err(refusal) => {
            let mut body = refusal.body();
            if let (Some(fields), true) = (body.as_object_mut(), terminal.is_string()) {
                fields.insert("TerminalKey".into(), terminal.clone());
            }
            body
        }
    }
}

async fn call(State(sandbox): State<Shared>, Path(method): Path<String>, headers: HeaderMap, body: Bytes) -> Response {
    if !is_known(&method) {
        return StatusCode::NOT_FOUND.into_response();
    }
    answer(&sandbox, &method, &headers, &body).await
}

async fn close(State(sandbox): State<Shared>, headers: HeaderMap, body: Bytes) -> Response {
    answer(&sandbox, "SendClosingReceipt", &headers, &body).await
}

async fn answer(sandbox: &Shared, method: &str, headers: &HeaderMap, body: &Bytes) -> Response {
    let parsed: Option<Map<String, Value>> = serde_json::from_slice(body).ok();
    let base_url = banks::hosted::base_url(sandbox, headers);
    let (pause, mishap) = sandbox.world().faults.tbank.meet(method, changes(method));
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let answer = {
        let mut world = sandbox.world();
        banks::tick(&mut world);
        let request = Value::Object(parsed.clone().unwrap_or_default());
        let terminal = request.get("TerminalKey").cloned().unwrap_or_default();
        let refusal = match mishap {
            Some(Mishap::Refuse) => Some(Refusal::token()),
            Some(Mishap::Processing) => Some(Refusal::new("9999", "Попробуйте повторить попытку позже.")),
            _ => None,
        };
        let run = || {
            let fields = parsed.ok_or_else(|| Refusal::new("211", "Тело запроса не является JSON-объектом."))?;
            let request = check(&world, fields, base_url)?;
            execute(&mut world, method, &request)
        };
        let answer = match (mishap, refusal) {
            (_, Some(refusal)) => Some((200, told(Err(refusal), &terminal))),
            (Some(Mishap::DropRequest), _) => None,
            (Some(Mishap::TooManyRequests), _) => Some((429, json!({}))),
            (Some(Mishap::ServerError), _) => Some((500, json!({}))),
            (Some(Mishap::ErrorAfterEffect), _) => {
                // What came of it is told to nobody.
                drop(run());
                Some((500, json!({})))
            }
            (Some(Mishap::DropResponse | Mishap::Hang(_)), _) => {
                drop(run());
                None
            }
            _ => Some((200, told(run(), &terminal))),
        };
        let at_ms = world.clock.now_ms();
        world.banks.calls.note(Exchange {
            at_ms,
            bank: Bank::TBank,
            call: method.to_owned(),
            path: format!("v2/{method}"),
            key: None,
            request,
            status: answer.as_ref().map(|(status, _)| *status),
            answer: answer.as_ref().map(|(_, body)| body.clone()).unwrap_or_default(),
            fault: mishap.map(Mishap::name),
        });
        answer
    };
    if let Some(Mishap::Hang(length)) = mishap {
        tokio::select! {
            () = tokio::time::sleep(length) => {}
            () = sandbox.stop.cancelled() => {}
        }
    }
    match answer {
        Some((status, body)) => {
            let status = StatusCode::from_u16(status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
            (status, Json(body)).into_response()
        }
        None => hang_up(),
    }
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/tbank/v2/{method}", post(call))
        .route("/tbank/cashbox/SendClosingReceipt", post(close))
        // The same under the versioned base, for those who know only one.
        .route("/tbank/v2/cashbox/SendClosingReceipt", post(close))
        .layer(DefaultBodyLimit::max(MAX_BODY_BYTES))
}
