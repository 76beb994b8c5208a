//! The limit of the web framework: a route that reads and writes the conversation's JSON and does nothing else.

use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail};
use api_types::conversation::{Channel, Event, EventBody, EventReply, Person};
use axum::routing::{get, post};
use axum::{Json, Router};
use tokio::process::Command;

use crate::figures::{Timings, repeat};
use crate::process::{free_address, http};

/// The hidden first argument that makes this program the child.
pub const CHILD: &str = "--serve-bare-route";
const START: Duration = Duration::from_secs(10);

pub async fn serve(address: &str) -> anyhow::Result<()> {
    let router = Router::new().route("/healthz", get(async || "ok")).route(
        "/events",
        post(async |Json(_): Json<Event>| Json(EventReply::default())),
    );
    let listener = tokio::net::TcpListener::bind(address).await?;
    axum::serve(listener, router).await?;
    Ok(())
}

pub async fn measure(workers: usize, window: Duration) -> anyhow::Result<Timings> {
    let address = free_address()?;
    let mut child = Command::new(std::env::current_exe()?)
        .args([CHILD, &address])
        .kill_on_drop(true)
        .spawn()?;
    let http = http()?;
    let until = Instant::now() + START;
    while http.get(format!("http://{address}/healthz")).send().await.is_err() {
        if Instant::now() > until {
            bail!("the bare route does not answer");
        }
        tokio::time::sleep(Duration::from_millis(20)).await;
    }
    let url: Arc<str> = format!("http://{address}/events").into();
    let event = Arc::new(Event {
        key: "telegram:7000000001:1".to_owned(),
        channel: Channel::Telegram,
        address: "8000000001".to_owned(),
        person: Person {
            first_name: "Анна".to_owned(),
            ..Person::default()
        },
        replica: "bench".to_owned(),
        body: EventBody::Start { payload: None },
    });
    let timings = repeat(workers, window, move |_| {
        let (http, url, event) = (http.clone(), Arc::clone(&url), Arc::clone(&event));
        async move {
            http.post(&*url)
                .json(&*event)
                .send()
                .await?
                .error_for_status()?
                .bytes()
                .await?;
            Ok(())
        }
    })
    .await?;
    child.kill().await.context("the bare route does not end")?;
    Ok(timings)
}
