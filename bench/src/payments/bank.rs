//! A bank that speaks YooKassa's wire and takes no time: it keeps nothing, because a payment's id says everything. What is
//! asked about has been paid.

use std::time::{Duration, Instant};

use anyhow::bail;
use axum::extract::Path;
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

use crate::process::{free_address, http};

/// The hidden first argument that makes this program the bank.
pub const CHILD: &str = "--serve-bank";
const START: Duration = Duration::from_secs(10);

/// The bank's id of one of our payments.
pub fn id_of(payment: &str, minor: i64) -> String {
    format!("b-{minor}-{payment}")
}

pub async fn serve(address: &str) -> anyhow::Result<()> {
    let router = Router::new()
        .route("/healthz", get(async || "ok"))
        .route("/v3/payments", post(create))
        .route("/v3/payments/{id}", get(status));
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

/// As a process of its own; it ends with the returned child.
pub async fn start() -> anyhow::Result<(Child, String)> {
    let address = free_address()?;
    let child = Command::new(std::env::current_exe()?)
        .args([CHILD, &address])
        .kill_on_drop(true)
        .spawn()?;
    let http = http()?;
    let until = Instant::now() + START;
    while http.get(format!("http://{address}/healthz")).send().await.is_err() {
        if Instant::now() > until {
            bail!("the bank does not answer");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    Ok((child, address))
}

fn amount(minor: i64) -> Value {
    json!({ "value": format!("{}.{:02}", minor / 100, minor % 100), "currency": "RUB" })
}

async fn create(Json(wanted): Json<Value>) -> Result<Json<Value>, StatusCode> {
    let text = |pointer: &str| wanted.pointer(pointer).and_then(Value::as_str).map(str::to_owned);
    let (value, payment) = text("/amount/value")
        .zip(text("/metadata/payment_id"))
        .ok_or(StatusCode::BAD_REQUEST)?;
    let minor: i64 = value.replace('.', "").parse().map_err(|_| StatusCode::BAD_REQUEST)?;
    let id = id_of(&payment, minor);
    let url = format!("https://bank.example/pay/{id}");
    Ok(Json(object(
        &id,
        &payment,
        minor,
        "pending",
        &json!({ "type": "redirect", "confirmation_url": url }),
    )))
}

async fn status(Path(id): Path<String>) -> Result<Json<Value>, StatusCode> {
    let mut parts = id.splitn(3, '-');
    let (Some("b"), Some(minor), Some(payment)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(StatusCode::NOT_FOUND);
    };
    let minor = minor.parse().map_err(|_| StatusCode::NOT_FOUND)?;
    Ok(Json(object(&id, payment, minor, "succeeded", &Value::Null)))
}

fn object(id: &str, payment: &str, minor: i64, status: &str, confirmation: &Value) -> Value {
    let is_paid = status == "succeeded";
    let mut object = json!({
        "id": id,
        "status": status,
        "paid": is_paid,
        "amount": amount(minor),
        "created_at": "2026-11-21T09:00:00.000Z",
        "test": true,
        "refundable": is_paid,
        "recipient": { "account_id": "100500", "gateway_id": "1005007" },
        "metadata": { "payment_id": payment },
        "payment_method": {
            "type": "bank_card",
            "id": id,
            "saved": false,
            "title": "Bank card *4477",
            "card": { "first6": "555555", "last4": "4477", "expiry_year": "2030", "expiry_month": "12", "card_type": "MasterCard" },
        },
    });
    let fields = object.as_object_mut();
    if let (Some(fields), true) = (fields, is_paid) {
        fields.insert("income_amount".into(), amount(minor - minor * 28 / 1000));
        fields.insert("refunded_amount".into(), amount(0));
        fields.insert("captured_at".into(), json!("2026-11-21T09:01:00.000Z"));
    } else if let Some(fields) = object.as_object_mut() {
        fields.insert("confirmation".into(), confirmation.clone());
    }
    object
}

/// What the bank sends about a payment, about a kilobyte.
pub fn notification(event: &str, id: &str, payment: &str, minor: i64) -> Vec<u8> {
    let object = object(id, payment, minor, "succeeded", &Value::Null);
    json!({ "type": "notification", "event": event, "object": object })
        .to_string()
        .into_bytes()
}
