//! A product that listens for notifications and answers as it is told.

use std::{
    collections::VecDeque,
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use anyhow::Context;
use axum::{
    Router,
    extract::State,
    http::{HeaderMap, StatusCode},
    response::{IntoResponse, Response},
    routing::post,
};
use serde_json::Value;
use tokio::{net::TcpListener, sync::mpsc, time::timeout};

pub const SOON: Duration = Duration::from_secs(20);

/// One delivery as it arrived.
#[derive(Debug)]
pub struct Heard {
    pub sender: String,
    pub headers: HeaderMap,
    pub body: Value,
}

#[derive(Clone)]
struct Product {
    heard: mpsc::UnboundedSender<Heard>,
    answers: Arc<Mutex<VecDeque<(u16, &'static str)>>>,
}

pub struct Ears {
    pub url: String,
    heard: mpsc::UnboundedReceiver<Heard>,
}

async fn hear(State(product): State<Product>, headers: HeaderMap, body: String) -> Response {
    let sender = headers
        .get("x-forwarded-for")
        .and_then(|value| value.to_str().ok())
        .unwrap_or_default()
        .to_owned();
    let body = serde_json::from_str(&body).unwrap_or_default();
    let told = product.heard.send(Heard { sender, headers, body });
    if told.is_err() {
        return StatusCode::GONE.into_response();
    }
    let next = product
        .answers
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .pop_front();
    let (status, text) = next.unwrap_or((200, "OK"));
    (StatusCode::from_u16(status).unwrap_or(StatusCode::OK), text).into_response()
}

impl Ears {
    /// Answers in turn what is given, then 200 with `OK`.
    pub async fn open(answers: &[(u16, &'static str)]) -> anyhow::Result<Self> {
        let (sender, heard) = mpsc::unbounded_channel();
        let answers = Arc::new(Mutex::new(answers.iter().copied().collect()));
        let product = Product { heard: sender, answers };
        let listener = TcpListener::bind("127.0.0.1:0").await?;
        let url = format!("http://{}/hook", listener.local_addr()?);
        let app = Router::new().route("/hook", post(hear)).with_state(product);
        tokio::spawn(async move { axum::serve(listener, app).await });
        Ok(Self { url, heard })
    }

    pub async fn next(&mut self) -> anyhow::Result<Heard> {
        timeout(SOON, self.heard.recv())
            .await
            .context("nothing was delivered")?
            .context("the product is gone")
    }

    /// What has arrived so far; for after the post has fallen quiet.
    pub fn drain(&mut self) -> Vec<Heard> {
        std::iter::from_fn(|| self.heard.try_recv().ok()).collect()
    }
}
