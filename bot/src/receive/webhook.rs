//! The route that Telegram calls. It answers 200 only after the CRM has taken the update; anything else makes Telegram
//! deliver it again.
//!
//! teloxide's own webhook router answers before anything is safe and compares the secret letter by letter.

use std::time::Duration;

use axum::{
    Router,
    body::Bytes,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, StatusCode},
    routing::post,
};
use subtle::ConstantTimeEq;
use teloxide::{payloads::SetWebhook, types::Update};
use tokio_util::sync::CancellationToken;
use tracing::{error, info, warn};
use url::Url;

use super::{ALLOWED_UPDATES, Intake, Taken};
use crate::{
    backoff::Backoff,
    config::Secret,
    telegram::{Telegram, TelegramError},
};

const SECRET_HEADER: &str = "x-telegram-bot-api-secret-token";
/// The largest update is far below this.
const MAX_BODY: usize = 256 * 1024;
/// Telegram's own patience is about a minute; then it repeats.
const PATIENCE: Duration = Duration::from_secs(25);
/// Parallel calls that Telegram may make; 100 is its maximum.
const MAX_CONNECTIONS: u8 = 100;

#[derive(Debug, Clone)]
struct Door {
    intake: Intake,
    secret: Secret,
}

pub fn router(path: &str, secret: Secret, intake: Intake) -> Router {
    Router::new()
        .route(path, post(receive))
        .layer(DefaultBodyLimit::max(MAX_BODY))
        .with_state(Door { intake, secret })
}

async fn receive(State(door): State<Door>, headers: HeaderMap, body: Bytes) -> StatusCode {
    let given = headers.get(SECRET_HEADER).map_or(&b""[..], |value| value.as_bytes());
    if !bool::from(given.ct_eq(door.secret.expose().as_bytes())) {
        warn!("a call to the webhook without the right secret is refused");
        return StatusCode::UNAUTHORIZED;
    }
    let Ok(update) = serde_json::from_slice::<Update>(&body) else {
        // Repeating wouldn't make it readable.
        warn!("an update that can't be read is skipped");
        return StatusCode::OK;
    };
    match door.intake.accept(&update, Some(PATIENCE)).await {
        Ok(Taken::Yes) => StatusCode::OK,
        Ok(Taken::NotYet) | Err(_) => StatusCode::SERVICE_UNAVAILABLE,
    }
}

/// Tells Telegram where to deliver; tried until it works. Every replica says the same, so any number may run.
pub async fn register(telegram: &Telegram, url: &Url, secret: &Secret, stop: &CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    let mut payload = SetWebhook::new(url.clone());
    payload.secret_token = Some(secret.expose().to_owned());
    payload.allowed_updates = Some(ALLOWED_UPDATES.to_vec());
    payload.max_connections = Some(MAX_CONNECTIONS);
    loop {
        let wait = match telegram.call::<_, bool>(&payload).await {
            Ok(_) => {
                info!("Telegram delivers to the webhook");
                return;
            }
            Err(TelegramError::TooMany { retry_after }) => retry_after,
            Err(error @ TelegramError::Refused { .. }) => {
                error!(%error, "Telegram refuses the webhook: check TELEGRAM_WEBHOOK_URL and TELEGRAM_BOT_TOKEN");
                backoff.next_wait()
            }
            Err(error) => {
                warn!(%error, "the webhook isn't set yet");
                backoff.next_wait()
            }
        };
        tokio::select! {
            () = tokio::time::sleep(wait) => {}
            () = stop.cancelled() => return,
        }
    }
}
