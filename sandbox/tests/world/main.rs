//! What the sandbox promises, seen from outside: raw HTTP as a bot, a browser or a product would send it.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "a test fails by panicking")]

mod callbacks;
mod clock;
mod documents;
mod editing;
mod events;
mod faults;
mod formatting;
mod limits;
mod llm;
mod menus;
mod payments;
mod people;
mod polling;
mod restart;
mod sending;
mod sheets;
mod webhooks;

use anyhow::{Context, ensure};
use reqwest::multipart::Form;
use sandbox::{Config, Running};
use serde_json::{Value, json};

pub const ANNA: i64 = 100_001;
pub const JOHN: i64 = 100_002;
pub const TRAINER: i64 = 700_000_001;

/// A sandbox of its own and a bot that speaks to it without any library.
pub struct World {
    pub sandbox: Running,
    pub http: reqwest::Client,
}

/// `(status, description)` of a refusal.
pub type Refusal = (u16, String);

impl World {
    pub async fn start() -> anyhow::Result<Self> {
        Self::with(Config::default()).await
    }

    pub async fn with(config: Config) -> anyhow::Result<Self> {
        let sandbox = sandbox::start(config).await?;
        let http = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self { sandbox, http })
    }

    /// A world in which Anna has pressed Start and the update is out of the way.
    pub async fn with_anna() -> anyhow::Result<Self> {
        let world = Self::start().await?;
        world.sandbox.send_text(ANNA, "/start").await?;
        world.ok("getUpdates", json!({"offset": -1})).await?;
        world.ok("getUpdates", json!({"offset": i32::MAX})).await?;
        Ok(world)
    }

    pub fn url(&self, path: &str) -> String {
        self.sandbox.url(path)
    }

    pub fn method(&self, method: &str) -> String {
        self.url(&format!("/bot123456:TEST-token/{method}"))
    }

    pub async fn call(&self, method: &str, params: Value) -> anyhow::Result<(u16, Value)> {
        let response = self.http.post(self.method(method)).json(&params).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await?))
    }

    pub async fn ok(&self, method: &str, params: Value) -> anyhow::Result<Value> {
        let (status, body) = self.call(method, params).await?;
        ensure!(status == 200 && body["ok"] == true, "{method}: {status} {body}");
        Ok(body["result"].clone())
    }

    pub async fn refused(&self, method: &str, params: Value) -> anyhow::Result<Refusal> {
        let (status, body) = self.call(method, params).await?;
        ensure!(
            body["ok"] == false && body["error_code"] == status,
            "{method}: {status} {body}"
        );
        Ok((status, text(&body["description"])))
    }

    pub async fn upload(&self, method: &str, form: Form) -> anyhow::Result<(u16, Value)> {
        let response = self.http.post(self.method(method)).multipart(form).send().await?;
        let status = response.status().as_u16();
        Ok((status, response.json().await?))
    }

    /// A message of the bot to Anna; returns its id.
    pub async fn say(&self, message: &str) -> anyhow::Result<i64> {
        let sent = self
            .ok("sendMessage", json!({"chat_id": ANNA, "text": message}))
            .await?;
        sent["message_id"].as_i64().context("a message without an id")
    }

    pub async fn updates(&self, offset: i64) -> anyhow::Result<Vec<Value>> {
        let updates = self.ok("getUpdates", json!({"offset": offset})).await?;
        Ok(updates.as_array().cloned().unwrap_or_default())
    }
}

pub fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}

pub fn bad_request(detail: &str) -> Refusal {
    (400, format!("Bad Request: {detail}"))
}
