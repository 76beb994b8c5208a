use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use axum::{
    Json, Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::{Value, json};
use tokio::{
    net::TcpListener,
    sync::{Barrier, mpsc},
    time::timeout,
};

use crate::{ANNA, JOHN, World, bad_request};

const SOON: Duration = Duration::from_secs(20);

/// What the bot's end heard: the secret and the update.
type Heard = (Option<String>, Value);

#[derive(Clone)]
struct Bot {
    heard: mpsc::UnboundedSender<Heard>,
    /// Statuses for the next answers; 200 afterwards.
    answers: Arc<Mutex<VecDeque<StatusCode>>>,
    /// Holds every answer until as many deliveries are there at once.
    together: Option<Arc<Barrier>>,
    reply: Value,
}

async fn hear(State(bot): State<Bot>, headers: HeaderMap, Json(update): Json<Value>) -> Response {
    let secret = headers
        .get("x-telegram-bot-api-secret-token")
        .and_then(|value| value.to_str().ok())
        .map(str::to_owned);
    let told = bot.heard.send((secret, update));
    if let Some(together) = &bot.together {
        together.wait().await;
    }
    let next = bot.answers.lock().unwrap_or_else(PoisonError::into_inner).pop_front();
    let status = if told.is_err() {
        StatusCode::GONE
    } else {
        next.unwrap_or(StatusCode::OK)
    };
    (status, Json(bot.reply)).into_response()
}

struct Ears {
    url: String,
    heard: mpsc::UnboundedReceiver<Heard>,
}

impl Ears {
    async fn open(answers: &[StatusCode], together: Option<usize>, reply: Value) -> anyhow::Result<Self> {
        let (sender, heard) = mpsc::unbounded_channel();
        let bot = Bot {
            heard: sender,
            answers: Arc::new(Mutex::new(answers.iter().copied().collect())),
            together: together.map(|count| Arc::new(Barrier::new(count))),
            reply,
        };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let app = Router::new().route("/hook", post(hear)).with_state(bot);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, heard })
    }

    async fn next(&mut self) -> anyhow::Result<Heard> {
        timeout(SOON, self.heard.recv())
            .await
            .context("nothing was delivered")?
            .context("the bot is gone")
    }
}

#[tokio::test]
async fn updates_are_posted_with_the_secret() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ears = Ears::open(&[], None, json!({})).await?;
    world.sandbox.send_text(ANNA, "до вебхука").await?;
    world
        .ok(
            "setWebhook",
            json!({"url": ears.url, "secret_token": "s3cret_-", "allowed_updates": ["message"], "max_connections": 5}),
        )
        .await?;
    let (secret, update) = ears.next().await?;
    assert_eq!(secret.as_deref(), Some("s3cret_-"));
    assert_eq!(update["message"]["text"], "до вебхука");
    let said = world.sandbox.send_text(ANNA, "после").await?;
    assert_eq!(ears.next().await?.1["message"]["message_id"], said.message_id);
    world.sandbox.repeat_last_update(1).await?;
    assert_eq!(ears.next().await?.1["message"]["message_id"], said.message_id);

    let info = world.ok("getWebhookInfo", json!({})).await?;
    assert_eq!(info["url"], ears.url.as_str());
    assert_eq!(info["max_connections"], 5);
    assert_eq!(info["allowed_updates"], json!(["message"]));
    assert_eq!(world.sandbox.connected().await?, "webhook");

    let (status, description) = world.refused("getUpdates", json!({})).await?;
    assert_eq!(status, 409);
    assert!(description.starts_with("Conflict: can't use getUpdates method while webhook is active"));
    world.ok("deleteWebhook", json!({"drop_pending_updates": true})).await?;
    assert_eq!(world.ok("getWebhookInfo", json!({})).await?["url"], "");
    assert!(world.updates(0).await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn a_failed_delivery_is_repeated_and_keeps_the_order_of_its_chat() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ears = Ears::open(&[StatusCode::INTERNAL_SERVER_ERROR], None, json!({})).await?;
    world.ok("setWebhook", json!({"url": ears.url})).await?;
    world.sandbox.send_text(ANNA, "раз").await?;
    let (_, first) = ears.next().await?;
    world.sandbox.send_text(ANNA, "два").await?;
    world.sandbox.send_text(JOHN, "meanwhile").await?;
    let mut annas = Vec::new();
    let mut johns = 0;
    for _ in 0..3 {
        let (_, update) = ears.next().await?;
        if update["message"]["chat"]["id"] == JOHN {
            johns += 1;
        } else {
            annas.push(update);
        }
    }
    assert_eq!(johns, 1);
    assert_eq!(annas[0]["update_id"], first["update_id"]);
    assert_eq!(annas[1]["message"]["text"], "два");
    let info = world.ok("getWebhookInfo", json!({})).await?;
    assert!(
        info["last_error_message"]
            .as_str()
            .is_some_and(|message| message.contains("500"))
    );
    Ok(())
}

#[tokio::test]
async fn several_chats_are_delivered_at_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut ears = Ears::open(&[], Some(2), json!({})).await?;
    world
        .ok("setWebhook", json!({"url": ears.url, "max_connections": 2}))
        .await?;
    world.sandbox.send_text(ANNA, "привет").await?;
    world.sandbox.send_text(JOHN, "hello").await?;
    ears.next().await?;
    ears.next().await?;
    // Both answers were held until the second delivery came, so they were under way together.
    let pending = async {
        while world.ok("getWebhookInfo", json!({})).await?["pending_update_count"] != 0 {
            tokio::task::yield_now().await;
        }
        anyhow::Ok(())
    };
    timeout(SOON, pending).await?
}

#[tokio::test]
async fn the_answer_may_hold_a_call() -> anyhow::Result<()> {
    let world = World::start().await?;
    let reply = json!({"method": "sendMessage", "chat_id": ANNA, "text": "сразу"});
    let mut ears = Ears::open(&[], None, reply).await?;
    world.ok("setWebhook", json!({"url": ears.url})).await?;
    world.sandbox.send_text(ANNA, "/start").await?;
    ears.next().await?;
    world
        .sandbox
        .wait_for_message(ANNA, SOON, |message| message.text == "сразу")
        .await?;
    Ok(())
}

#[tokio::test]
async fn addresses_and_secrets_are_checked() -> anyhow::Result<()> {
    let world = World::start().await?;
    for (params, detail) in [
        (
            json!({"url": "http://example.com/hook"}),
            "bad webhook: An HTTPS URL must be provided for webhook",
        ),
        (json!({"url": "nonsense"}), "bad webhook: invalid webhook URL specified"),
        (
            json!({"url": "https://example.com/hook", "secret_token": "a b"}),
            "secret token contains unallowed characters",
        ),
    ] {
        assert_eq!(world.refused("setWebhook", params).await?, bad_request(detail));
    }
    Ok(())
}
