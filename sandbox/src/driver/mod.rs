//! Moves a sandbox over HTTP, in this process or another: what people do, the clock, the faults, and waiting for effects.

mod banks;
mod seen;
mod telegram_payments;

use std::time::Duration;

use anyhow::{Context, bail, ensure};
use reqwest::{Method, StatusCode};
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

pub use banks::{Bank, BankDriver, Forgery, MoneyState, PaymentView, RefundView, Totals};

pub use crate::clock::{ClockAction, ClockState};
pub use seen::{
    Bill, Button, Call, CallbackAnswer, Charge, Chat, Checkout, Command, Document, FileId, Message, Pressed, Quoted,
    ReplyKeyboard, User,
};

/// One long poll of a chat; a wait is made of as many as its deadline allows.
const POLL: Duration = Duration::from_secs(20);
/// How long a button may take to appear before `press_button` gives up.
const BUTTON_DEADLINE: Duration = Duration::from_secs(10);

/// reqwest is built without a default TLS provider; whoever comes first installs it.
pub(crate) fn install_crypto() {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        tracing::trace!("the TLS provider was installed before");
    }
}

#[derive(Debug, Clone)]
pub struct Driver {
    base_url: String,
    http: reqwest::Client,
}

impl Driver {
    /// `base_url` like `http://127.0.0.1:8090`.
    pub fn new(base_url: &str) -> anyhow::Result<Self> {
        install_crypto();
        let http = reqwest::Client::builder()
            .no_proxy()
            .build()
            .context("the driver's HTTP client can't be made")?;
        Ok(Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            http,
        })
    }

    pub fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base_url)
    }

    async fn call<T: DeserializeOwned>(&self, method: Method, path: &str, body: Option<&Value>) -> anyhow::Result<T> {
        let mut request = self.http.request(method, self.url(path));
        if let Some(body) = body {
            request = request.json(body);
        }
        let response = request
            .send()
            .await
            .with_context(|| format!("the sandbox doesn't answer at {path}"))?;
        let status = response.status();
        let text = response.text().await?;
        ensure!(status.is_success(), "{path} answered {status}: {text}");
        serde_json::from_str(&text).with_context(|| format!("{path} answered something else: {text}"))
    }

    async fn read<T: DeserializeOwned>(&self, path: &str) -> anyhow::Result<T> {
        self.call(Method::GET, path, None).await
    }

    async fn post<T: DeserializeOwned>(&self, path: &str, body: &Value) -> anyhow::Result<T> {
        self.call(Method::POST, path, Some(body)).await
    }

    pub async fn users(&self) -> anyhow::Result<Vec<User>> {
        let state: Value = self.read("/sandbox/telegram/state").await?;
        Ok(serde_json::from_value(state.get("users").cloned().unwrap_or_default())?)
    }

    /// `polling`, `webhook` or `none`.
    pub async fn connected(&self) -> anyhow::Result<String> {
        let state: Value = self.read("/sandbox/telegram/state").await?;
        Ok(state
            .get("connected")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned())
    }

    /// A new person; `language_code` like `ru` or `en`, `role` is `client` or `trainer`.
    pub async fn add_user(&self, first_name: &str, language_code: &str, role: &str) -> anyhow::Result<User> {
        let body = json!({"first_name": first_name, "language_code": language_code, "role": role});
        self.post("/sandbox/telegram/users", &body).await
    }

    pub async fn send_text(&self, user: i64, text: &str) -> anyhow::Result<Message> {
        self.send(user, &json!({"text": text})).await
    }

    pub async fn reply(&self, user: i64, reply_to_message_id: i64, text: &str) -> anyhow::Result<Message> {
        self.send(user, &json!({"text": text, "reply_to_message_id": reply_to_message_id}))
            .await
    }

    /// Any message of the contract: `{text?, kind?, reply_to_message_id?, content_base64?, file_name?, mime_type?}`.
    pub async fn send(&self, user: i64, message: &Value) -> anyhow::Result<Message> {
        self.post(&format!("/sandbox/telegram/chats/{user}/messages"), message)
            .await
    }

    pub async fn edit_text(&self, user: i64, message_id: i64, text: &str) -> anyhow::Result<Message> {
        let body = json!({"message_id": message_id, "text": text});
        self.post(&format!("/sandbox/telegram/chats/{user}/edit"), &body).await
    }

    /// Presses an inline button that is there now; returns the callback query's id.
    pub async fn press(&self, user: i64, message_id: i64, data: &str) -> anyhow::Result<String> {
        self.press_body(user, &json!({"message_id": message_id, "data": data}))
            .await
    }

    /// Presses a button even if it is gone, as a client with an old screen does.
    pub async fn press_stale(&self, user: i64, message_id: i64, data: &str) -> anyhow::Result<String> {
        self.press_body(user, &json!({"message_id": message_id, "data": data, "force": true}))
            .await
    }

    async fn press_body(&self, user: i64, body: &Value) -> anyhow::Result<String> {
        let answer: Value = self
            .post(&format!("/sandbox/telegram/chats/{user}/callbacks"), body)
            .await?;
        Ok(answer
            .get("callback_query_id")
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned())
    }

    /// Waits for a button whose label contains `label`, newest message first, then the reply keyboard, and presses it.
    pub async fn press_button(&self, user: i64, label: &str) -> anyhow::Result<Pressed> {
        let found = |chat: &Chat| {
            let inline = chat.visible().rev().find_map(|message| {
                let button = message.button(label)?;
                Some((Some(message.message_id), button.clone()))
            });
            inline.or_else(|| {
                let text = chat
                    .reply_keyboard
                    .iter()
                    .flat_map(|keyboard| keyboard.rows.iter().flatten())
                    .find(|text| text.contains(label))?;
                let button = Button {
                    text: text.clone(),
                    kind: "text".to_owned(),
                    data: None,
                    url: None,
                };
                Some((None, button))
            })
        };
        let (message_id, button) = self
            .wait_in_chat(user, BUTTON_DEADLINE, found)
            .await
            .with_context(|| format!("no button with {label:?}"))?;
        match (message_id, button.data, button.url) {
            (Some(message_id), Some(data), _) => Ok(Pressed::Callback(self.press(user, message_id, &data).await?)),
            (_, _, Some(url)) => Ok(Pressed::Url(url)),
            _ => Ok(Pressed::Text(Box::new(self.send_text(user, &button.text).await?))),
        }
    }

    pub async fn set_blocked(&self, user: i64, blocked: bool) -> anyhow::Result<User> {
        self.post(
            &format!("/sandbox/telegram/chats/{user}/block"),
            &json!({"blocked": blocked}),
        )
        .await
    }

    pub async fn chat(&self, user: i64) -> anyhow::Result<Chat> {
        self.read(&format!("/sandbox/telegram/chats/{user}")).await
    }

    /// All messages, deleted ones included.
    pub async fn messages(&self, user: i64) -> anyhow::Result<Vec<Message>> {
        Ok(self.chat(user).await?.messages)
    }

    /// 0 in an empty chat. Handy as the mark for `wait_for_message_after`.
    pub async fn last_message_id(&self, user: i64) -> anyhow::Result<i64> {
        let messages = self.messages(user).await?;
        Ok(messages.last().map_or(0, |message| message.message_id))
    }

    pub async fn callback_answers(&self, user: i64) -> anyhow::Result<Vec<CallbackAnswer>> {
        Ok(self.chat(user).await?.callback_answers)
    }

    /// Waits until `wanted` finds something in the chat; nothing is polled, the sandbox holds the request.
    /// Errors: when `deadline` passes, with the last messages in the error's text.
    pub async fn wait_in_chat<T>(
        &self,
        user: i64,
        deadline: Duration,
        wanted: impl Fn(&Chat) -> Option<T>,
    ) -> anyhow::Result<T> {
        let until = Instant::now() + deadline;
        let mut chat = self.chat(user).await?;
        loop {
            if let Some(found) = wanted(&chat) {
                return Ok(found);
            }
            let left = until.saturating_duration_since(Instant::now());
            if left.is_zero() {
                let start = chat.messages.len().saturating_sub(8);
                let seen: Vec<String> = chat
                    .messages
                    .iter()
                    .skip(start)
                    .map(|message| {
                        let labels: Vec<&str> = message.buttons().map(|button| button.text.as_str()).collect();
                        format!(
                            "#{} {} {}: {:?} {labels:?}",
                            message.message_id, message.from, message.kind, message.text
                        )
                    })
                    .collect();
                bail!(
                    "waited {deadline:?} in the chat of {user} in vain; last seen:\n{}",
                    seen.join("\n")
                );
            }
            let wait_s = left.min(POLL).as_millis().div_ceil(1000);
            let path = format!(
                "/sandbox/telegram/chats/{user}?after_seq={}&timeout_s={wait_s}",
                chat.last_seq
            );
            // The sandbox waits in whole seconds; the deadline may be shorter.
            match tokio::time::timeout(left, self.read(&path)).await {
                Ok(fresh) => chat = fresh?,
                Err(_) => chat = self.chat(user).await?,
            }
        }
    }

    /// The newest visible message of the bot that `wanted` accepts, waiting for it up to `deadline`.
    pub async fn wait_for_message(
        &self,
        user: i64,
        deadline: Duration,
        wanted: impl Fn(&Message) -> bool,
    ) -> anyhow::Result<Message> {
        self.wait_for_message_after(user, 0, deadline, wanted).await
    }

    /// The same among messages with an id above `after`.
    pub async fn wait_for_message_after(
        &self,
        user: i64,
        after: i64,
        deadline: Duration,
        wanted: impl Fn(&Message) -> bool,
    ) -> anyhow::Result<Message> {
        self.wait_in_chat(user, deadline, |chat| {
            chat.visible()
                .rev()
                .take_while(|message| message.message_id > after)
                .find(|message| message.is_from_bot() && wanted(message))
                .cloned()
        })
        .await
    }

    /// Waits until the bot has answered a pressed button.
    pub async fn wait_for_callback_answer(
        &self,
        user: i64,
        callback_query_id: &str,
        deadline: Duration,
    ) -> anyhow::Result<CallbackAnswer> {
        self.wait_in_chat(user, deadline, |chat| {
            chat.callback_answers
                .iter()
                .find(|answer| answer.callback_query_id == callback_query_id)
                .cloned()
        })
        .await
    }

    pub async fn file_bytes(&self, file_id: &str) -> anyhow::Result<Vec<u8>> {
        let response = self
            .http
            .get(self.url(&format!("/sandbox/telegram/files/{file_id}")))
            .send()
            .await?;
        ensure!(
            response.status() == StatusCode::OK,
            "no file {file_id}: {}",
            response.status()
        );
        Ok(response.bytes().await?.to_vec())
    }

    /// The last Bot API calls, oldest first; polls that brought nothing are left out.
    pub async fn requests(&self) -> anyhow::Result<Vec<Call>> {
        self.read("/sandbox/telegram/requests?limit=1000").await
    }

    /// The last fifty LLM exchanges, oldest first.
    pub async fn llm_requests(&self) -> anyhow::Result<Vec<Value>> {
        self.read("/sandbox/llm/requests").await
    }

    /// Merges a patch like `{"telegram": {"slow_ms": 200}}`; returns all the switches.
    pub async fn set_faults(&self, patch: &Value) -> anyhow::Result<Value> {
        self.call(Method::PUT, "/sandbox/faults", Some(patch)).await
    }

    pub async fn clear_faults(&self) -> anyhow::Result<Value> {
        self.set_faults(&json!({"reset": true})).await
    }

    /// Delivers the last `count` delivered updates once more.
    pub async fn repeat_last_update(&self, count: usize) -> anyhow::Result<()> {
        let _: Value = self
            .post("/sandbox/telegram/updates/repeat", &json!({"count": count}))
            .await?;
        Ok(())
    }

    pub async fn reset(&self) -> anyhow::Result<()> {
        let _: Value = self.post("/sandbox/reset", &json!({})).await?;
        Ok(())
    }

    pub async fn clock(&self) -> anyhow::Result<ClockState> {
        self.read("/sandbox/clock").await
    }

    pub async fn move_clock(&self, action: &ClockAction) -> anyhow::Result<ClockState> {
        self.post("/sandbox/clock", &json!(action)).await
    }

    pub async fn advance_clock(&self, by: Duration) -> anyhow::Result<ClockState> {
        let ms = i64::try_from(by.as_millis()).unwrap_or(i64::MAX);
        self.move_clock(&ClockAction::Advance { ms }).await
    }

    /// Replaces a tab of a sheet; unknown sheets and tabs are made.
    pub async fn put_sheet(&self, sheet: &str, gid: u64, csv: &str) -> anyhow::Result<()> {
        let response = self
            .http
            .put(self.url(&format!("/sandbox/sheets/{sheet}/{gid}")))
            .header("content-type", "text/csv")
            .body(csv.to_owned())
            .send()
            .await?;
        ensure!(
            response.status().is_success(),
            "the sheet is not taken: {}",
            response.status()
        );
        Ok(())
    }

    pub async fn reset_sheet(&self, sheet: &str, gid: u64) -> anyhow::Result<()> {
        let _: Value = self
            .post(&format!("/sandbox/sheets/{sheet}/{gid}/reset"), &json!({}))
            .await?;
        Ok(())
    }
}
