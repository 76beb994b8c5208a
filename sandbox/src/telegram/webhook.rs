//! `setWebhook` and the deliverer behind it: parallel over chats, retried with growing pauses.

use std::{
    collections::{HashMap, HashSet},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use tokio::task::JoinSet;

use super::{
    error::ApiError,
    params::Params,
    updates::{self, Lane, Update},
};
use crate::world::{Shared, World};

const DEFAULT_CONNECTIONS: usize = 40;
/// What a local Bot API server allows; the cloud stops at 100.
const MAX_CONNECTIONS: i64 = 100_000;
const FIRST_RETRY: Duration = Duration::from_secs(1);
const LONGEST_RETRY: Duration = Duration::from_secs(60);
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(3600);
const ANSWER_DEADLINE: Duration = Duration::from_secs(60);
const MAX_SECRET: usize = 256;

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Target {
    pub url: String,
    secret: Option<String>,
    max_connections: usize,
    /// Deliveries begun for an older address don't count for this one.
    #[serde(skip)]
    generation: u64,
}

#[derive(Debug, Default)]
struct LaneState {
    busy: bool,
    retry_at: Option<Instant>,
    pause: Duration,
}

#[derive(Debug, Default)]
pub struct Webhook {
    target: Option<Target>,
    generation: u64,
    in_flight: usize,
    lanes: HashMap<Lane, LaneState>,
    last_error: Option<(i64, String)>,
}

impl Webhook {
    pub fn is_set(&self) -> bool {
        self.target.is_some()
    }

    /// The address as it outlives a restart.
    pub fn target(&self) -> Option<&Target> {
        self.target.as_ref()
    }

    pub fn restore(target: Option<Target>) -> Self {
        Self {
            target,
            ..Self::default()
        }
    }

    fn replace(&mut self, target: Option<Target>) {
        self.target = target;
        self.lanes.clear();
        self.in_flight = 0;
        self.last_error = None;
    }
}

/// Plain http on a loopback address is allowed, as with a local Bot API server.
fn acceptable(url: &str) -> Result<(), ApiError> {
    let parsed =
        url::Url::parse(url).map_err(|_| ApiError::bad_request("bad webhook: invalid webhook URL specified"))?;
    let local = parsed
        .host_str()
        .is_some_and(|host| host == "localhost" || host.starts_with("127.") || host == "[::1]" || !host.contains('.'));
    match parsed.scheme() {
        "https" => Ok(()),
        "http" if local => Ok(()),
        _ => Err(ApiError::bad_request(
            "bad webhook: An HTTPS URL must be provided for webhook",
        )),
    }
}

pub fn set(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let url = params.str("url").unwrap_or_default().trim().to_owned();
    if url.is_empty() {
        return delete(world, params);
    }
    acceptable(&url)?;
    let secret = params
        .str("secret_token")
        .filter(|secret| !secret.is_empty())
        .map(str::to_owned);
    let valid_secret = secret.as_ref().is_none_or(|secret| {
        secret.len() <= MAX_SECRET
            && secret
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || matches!(character, '_' | '-'))
    });
    if !valid_secret {
        return Err(ApiError::bad_request("secret token contains unallowed characters"));
    }
    let max_connections = params.i64("max_connections").map_or(DEFAULT_CONNECTIONS, |wanted| {
        usize::try_from(wanted.clamp(1, MAX_CONNECTIONS)).unwrap_or(DEFAULT_CONNECTIONS)
    });
    updates::remember_allowed(world, params)?;
    let telegram = &mut world.telegram;
    telegram.updates.abort_poll(updates::TERMINATED_BY_WEBHOOK);
    if params.bool("drop_pending_updates") {
        telegram.updates.clear();
    }
    for update in &mut telegram.updates.pending {
        update.in_flight = false;
    }
    telegram.webhook.generation += 1;
    let generation = telegram.webhook.generation;
    telegram.webhook.replace(Some(Target {
        url,
        secret,
        max_connections,
        generation,
    }));
    telegram.updates.wake();
    Ok(json!(true))
}

pub fn delete(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let telegram = &mut world.telegram;
    telegram.webhook.generation += 1;
    telegram.webhook.replace(None);
    if params.bool("drop_pending_updates") {
        telegram.updates.clear();
    }
    for update in &mut telegram.updates.pending {
        update.in_flight = false;
    }
    telegram.updates.wake();
    Ok(json!(true))
}

pub fn info(world: &World) -> Value {
    let telegram = &world.telegram;
    let mut info = json!({
        "url": telegram.webhook.target.as_ref().map_or("", |target| target.url.as_str()),
        "has_custom_certificate": false,
        "pending_update_count": telegram.updates.pending.len(),
    });
    if let Some(fields) = info.as_object_mut() {
        if let Some(target) = &telegram.webhook.target {
            fields.insert("max_connections".into(), json!(target.max_connections));
        }
        if let Some((at_ms, message)) = &telegram.webhook.last_error {
            fields.insert("last_error_date".into(), json!(at_ms.div_euclid(1000)));
            fields.insert("last_error_message".into(), json!(message));
        }
        if let Some(allowed) = &telegram.updates.allowed {
            fields.insert("allowed_updates".into(), json!(allowed));
        }
    }
    info
}

struct Claim {
    ready: Vec<(Target, Update)>,
    /// When the next lane may try again.
    wake_at: Option<Instant>,
}

fn claim(world: &mut World) -> Claim {
    let now_ms = world.clock.now_ms();
    let telegram = &mut world.telegram;
    let mut claim = Claim {
        ready: Vec::new(),
        wake_at: None,
    };
    let Some(target) = telegram.webhook.target.clone() else {
        return claim;
    };
    telegram.updates.drop_expired(now_ms);
    let now = Instant::now();
    let mut passed_over: HashSet<Lane> = HashSet::new();
    for update in &mut telegram.updates.pending {
        if telegram.webhook.in_flight >= target.max_connections {
            break;
        }
        if update.in_flight || passed_over.contains(&update.lane) {
            passed_over.insert(update.lane);
            continue;
        }
        let lane = telegram.webhook.lanes.entry(update.lane).or_default();
        if lane.busy {
            passed_over.insert(update.lane);
            continue;
        }
        if let Some(retry_at) = lane.retry_at.filter(|retry_at| *retry_at > now) {
            claim.wake_at = Some(claim.wake_at.map_or(retry_at, |soonest| soonest.min(retry_at)));
            passed_over.insert(update.lane);
            continue;
        }
        lane.busy = true;
        update.in_flight = true;
        telegram.webhook.in_flight += 1;
        claim.ready.push((target.clone(), update.clone()));
    }
    claim
}

enum Delivery {
    Done(Option<Value>),
    Failed { why: String, retry_after: Option<Duration> },
}

async fn post(http: &reqwest::Client, target: &Target, update: &Update) -> Delivery {
    let mut request = http
        .post(&target.url)
        .timeout(ANSWER_DEADLINE)
        .json(update.body.as_ref());
    if let Some(secret) = &target.secret {
        request = request.header("X-Telegram-Bot-Api-Secret-Token", secret);
    }
    match request.send().await {
        Ok(answer) if answer.status().is_success() => Delivery::Done(answer.json().await.ok()),
        Ok(answer) => {
            let retry_after = answer
                .headers()
                .get("retry-after")
                .and_then(|value| value.to_str().ok())
                .and_then(|value| value.parse().ok())
                .map(|seconds| Duration::from_secs(seconds).min(LONGEST_RETRY_AFTER));
            Delivery::Failed {
                why: format!("Wrong response from the webhook: {}", answer.status()),
                retry_after,
            }
        }
        Err(error) => Delivery::Failed {
            why: if error.is_timeout() {
                "Read timeout expired".to_owned()
            } else {
                "Connection refused".to_owned()
            },
            retry_after: None,
        },
    }
}

fn settle(world: &mut World, target: &Target, update: &Update, delivery: &Delivery) {
    let now_ms = world.clock.now_ms();
    let telegram = &mut world.telegram;
    if telegram.webhook.generation != target.generation {
        return;
    }
    telegram.webhook.in_flight = telegram.webhook.in_flight.saturating_sub(1);
    match delivery {
        Delivery::Done(_) => {
            telegram.webhook.lanes.remove(&update.lane);
            telegram.updates.note_delivered(update);
            if let Some(position) = telegram
                .updates
                .pending
                .iter()
                .position(|pending| pending.key == update.key)
            {
                telegram.updates.pending.remove(position);
            }
        }
        Delivery::Failed { why, retry_after } => {
            let lane = telegram.webhook.lanes.entry(update.lane).or_default();
            lane.busy = false;
            lane.pause = if lane.pause.is_zero() {
                FIRST_RETRY
            } else {
                (lane.pause * 2).min(LONGEST_RETRY)
            };
            lane.retry_at = Some(Instant::now() + retry_after.unwrap_or(lane.pause));
            telegram.webhook.last_error = Some((now_ms, why.clone()));
            for pending in &mut telegram.updates.pending {
                if pending.key == update.key {
                    pending.in_flight = false;
                }
            }
        }
    }
    telegram.updates.wake();
}

/// The answer's body may hold one call; its own outcome is told to nobody.
fn run_reply(world: &mut World, reply: &Value) {
    let Some(fields) = reply.as_object() else {
        return;
    };
    let Some(method) = fields.get("method").and_then(Value::as_str) else {
        return;
    };
    let mut params = Params {
        fields: fields.clone(),
        ..Params::default()
    };
    if let Err(error) = super::methods::execute(world, &method.to_ascii_lowercase(), &mut params) {
        tracing::warn!(method, %error, "a call in the answer of the webhook failed");
    }
}

/// Runs until the sandbox stops.
pub async fn deliver(sandbox: Shared) {
    let mut changes = sandbox.world().telegram.updates.changes();
    let mut deliveries = JoinSet::new();
    loop {
        changes.borrow_and_update();
        let claimed = claim(&mut sandbox.world());
        for (target, update) in claimed.ready {
            let http = sandbox.http.clone();
            let sandbox = Shared::clone(&sandbox);
            deliveries.spawn(async move {
                let delivery = post(&http, &target, &update).await;
                let mut world = sandbox.world();
                settle(&mut world, &target, &update, &delivery);
                if let Delivery::Done(Some(reply)) = &delivery {
                    run_reply(&mut world, reply);
                }
            });
        }
        let retry = claimed.wake_at.unwrap_or_else(|| Instant::now() + LONGEST_RETRY);
        tokio::select! {
            changed = changes.changed() => {
                if changed.is_err() {
                    return;
                }
            }
            Some(_) = deliveries.join_next(), if !deliveries.is_empty() => {}
            () = tokio::time::sleep_until(retry.into()) => {}
            () = sandbox.stop.cancelled() => return,
        }
    }
}
