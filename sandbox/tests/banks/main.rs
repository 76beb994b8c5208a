//! What the played banks and the mail server promise, seen from outside: raw requests made by hand after the fact sheets.

#![expect(clippy::indexing_slicing, reason = "a test fails by panicking")]

mod ears;
mod faults;
mod forms;
mod mail;
mod notifications;
mod restart;
mod tbank;
mod tbank_money;
mod yookassa;
mod yookassa_lists;
mod yookassa_receipts;

use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::{Context, ensure};
use data_encoding::HEXLOWER;
use reqwest::Method;
use sandbox::{Config, Running};
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub const SHOP: &str = "100500";
pub const SECRET: &str = "test_SANDBOX-demo-secret";
pub const TERMINAL: &str = "1699999999999DEMO";
pub const PASSWORD: &str = "SANDBOX-demo-password";

static KEYS: AtomicU64 = AtomicU64::new(1);

/// A key no test has used before.
pub fn fresh_key() -> String {
    format!("key-{}", KEYS.fetch_add(1, Ordering::Relaxed))
}

/// A sandbox of its own and a product that speaks to it without any library.
pub struct World {
    pub sandbox: Running,
    pub http: reqwest::Client,
}

impl World {
    pub async fn start() -> anyhow::Result<Self> {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> anyhow::Result<Self> {
        let sandbox = sandbox::start(config).await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { sandbox, http })
    }

    /// A call of API v3 with the demo shop's credentials; a POST carries `key`.
    pub async fn yoo(
        &self,
        method: Method,
        path: &str,
        key: &str,
        body: Option<&Value>,
    ) -> anyhow::Result<(u16, Value)> {
        let mut request = self
            .http
            .request(method.clone(), self.sandbox.url(&format!("/yookassa/v3/{path}")))
            .basic_auth(SHOP, Some(SECRET));
        if method == Method::POST {
            request = request.header("Idempotence-Key", key);
        }
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request.send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    pub async fn yoo_get(&self, path: &str) -> anyhow::Result<Value> {
        let (status, body) = self.yoo(Method::GET, path, "", None).await?;
        ensure!(status == 200, "{path}: {status} {body}");
        Ok(body)
    }

    pub async fn yoo_post(&self, path: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        self.yoo(Method::POST, path, &fresh_key(), Some(body)).await
    }

    pub async fn yoo_ok(&self, path: &str, body: &Value) -> anyhow::Result<Value> {
        let (status, answer) = self.yoo_post(path, body).await?;
        ensure!(status == 200, "{path}: {status} {answer}");
        Ok(answer)
    }

    /// A new payment of 4990.00, changed by `patch`; its id.
    pub async fn yoo_payment(&self, patch: Value) -> anyhow::Result<String> {
        let answer = self.yoo_ok("payments", &payment(patch)).await?;
        answer["id"]
            .as_str()
            .map(str::to_owned)
            .context("a payment without an id")
    }

    /// A call of EACQ v2, signed.
    pub async fn t(&self, method: &str, fields: Value) -> anyhow::Result<Value> {
        let (status, body) = self.t_raw(method, &signed(fields, PASSWORD)).await?;
        ensure!(status == 200, "{method}: {status} {body}");
        Ok(body)
    }

    pub async fn t_raw(&self, method: &str, body: &Value) -> anyhow::Result<(u16, Value)> {
        let url = self.sandbox.url(&format!("/tbank/v2/{method}"));
        let response = self.http.post(url).json(body).send().await?;
        let status = response.status().as_u16();
        let text = response.text().await?;
        Ok((status, serde_json::from_str(&text).unwrap_or(Value::Null)))
    }

    pub async fn t_ok(&self, method: &str, fields: Value) -> anyhow::Result<Value> {
        let answer = self.t(method, fields).await?;
        ensure!(
            answer["Success"] == true && answer["ErrorCode"] == "0",
            "{method}: {answer}"
        );
        Ok(answer)
    }

    /// A new payment of 4990.00 with `patch`; its PaymentId.
    pub async fn t_payment(&self, patch: Value) -> anyhow::Result<String> {
        let mut fields = json!({"Amount": 499_000, "OrderId": fresh_key()});
        merge(&mut fields, patch);
        let answer = self.t_ok("Init", fields).await?;
        answer["PaymentId"]
            .as_str()
            .map(str::to_owned)
            .context("a payment without an id")
    }

    /// The code of a refusal.
    pub async fn t_code(&self, method: &str, fields: Value) -> anyhow::Result<String> {
        let answer = self.t(method, fields).await?;
        ensure!(answer["Success"] == false, "{method} was not refused: {answer}");
        Ok(answer["ErrorCode"].as_str().unwrap_or_default().to_owned())
    }
}

pub fn merge(body: &mut Value, patch: Value) {
    let (Some(fields), Value::Object(patch)) = (body.as_object_mut(), patch) else {
        return;
    };
    for (name, value) in patch {
        if value.is_null() {
            fields.remove(&name);
        } else {
            fields.insert(name, value);
        }
    }
}

/// A whole request for a one-stage payment with redirect.
pub fn payment(patch: Value) -> Value {
    let mut body = json!({
        "amount": {"value": "4990.00", "currency": "RUB"}, "capture": true,
        "confirmation": {"type": "redirect", "return_url": "https://school.example/return/42"},
        "description": "Курс «Старт», заказ 42", "metadata": {"order_id": "42"},
    });
    merge(&mut body, patch);
    body
}

/// The token by the rule of the fact sheet, written here a third time.
pub fn token(body: &Value, password: &str) -> String {
    let mut pairs = vec![("Password".to_owned(), password.to_owned())];
    for (name, value) in body.as_object().into_iter().flatten() {
        match value {
            Value::String(text) if name != "Token" => pairs.push((name.clone(), text.clone())),
            Value::Number(_) | Value::Bool(_) => pairs.push((name.clone(), value.to_string())),
            _ => {}
        }
    }
    pairs.sort();
    let joined: String = pairs.into_iter().map(|(_, value)| value).collect();
    HEXLOWER.encode(&Sha256::digest(joined.as_bytes()))
}

pub fn signed(fields: Value, password: &str) -> Value {
    let mut body = json!({"TerminalKey": TERMINAL});
    merge(&mut body, fields);
    let token = token(&body, password);
    merge(&mut body, json!({"Token": token}));
    body
}
