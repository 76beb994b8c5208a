//! A CRM API that plays a script over the real contract: it dedupes by key, queues, leases and takes reports.

use std::{
    collections::{HashMap, HashSet, VecDeque},
    sync::{Arc, Mutex, MutexGuard},
    time::Duration,
};

use api_types::conversation::{
    BotProfile, ClaimReply, ClaimRequest, Delivery, DeliveryResult, Event, EventReply, Outcome, PreCheckout,
    PreCheckoutReply, ResultsRequest,
};
use axum::{
    Json, Router,
    body::Bytes,
    extract::{Path, Request, State},
    http::{StatusCode, header},
    middleware::{Next, from_fn_with_state},
    response::{IntoResponse, Response},
    routing::{get, post, put},
};
use tokio::{net::TcpListener, sync::watch, time::Instant};

pub const TOKEN: &str = "crm-service-token";
/// Longer than anything a test waits for; a failing test ends by it.
const DEADLINE: Duration = Duration::from_secs(25);

type Script = Box<dyn FnMut(&Event) -> Answer + Send>;

pub enum Answer {
    Reply(EventReply),
    Status(u16),
}

impl From<Vec<Delivery>> for Answer {
    fn from(deliveries: Vec<Delivery>) -> Self {
        Self::Reply(EventReply {
            deliveries,
            ..EventReply::default()
        })
    }
}

#[derive(Default)]
pub struct Seen {
    /// Every post, repeated ones too.
    pub events: Vec<Event>,
    pub results: Vec<DeliveryResult>,
    pub file_reads: usize,
    pub claims: usize,
    /// Every question before a payment, repeated ones too.
    pub questions: Vec<PreCheckout>,
    /// Why nobody may pay; `None`: everybody may.
    pub may_not_pay: Option<String>,
    /// So many questions hang before one is answered.
    pub hanging_questions: usize,
    known: HashSet<String>,
    script: Option<Script>,
    queue: VecDeque<Delivery>,
    given: HashMap<String, Delivery>,
    pub files: HashMap<String, Vec<u8>>,
    pub profile: BotProfile,
    /// Every route answers with this.
    pub away: Option<u16>,
    /// Reports only.
    pub deaf: bool,
    pub slow: Duration,
}

impl Seen {
    pub fn outcomes(&self, id: &str) -> Vec<&Outcome> {
        self.results.iter().filter(|r| r.id == id).map(|r| &r.outcome).collect()
    }

    pub fn sent(&self, id: &str) -> Option<String> {
        self.results.iter().find_map(|result| match &result.outcome {
            Outcome::Sent { message_ref, .. } if result.id == id => Some(message_ref.clone()),
            _ => None,
        })
    }

    fn give(&mut self, deliveries: &[Delivery]) {
        for delivery in deliveries {
            self.given.insert(delivery.id.clone(), delivery.clone());
        }
    }
}

#[derive(Clone)]
pub struct Crm {
    pub url: String,
    seen: Arc<Mutex<Seen>>,
    changed: watch::Sender<()>,
}

impl Crm {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let seen: Arc<Mutex<Seen>> = Arc::default();
        let changed = watch::Sender::new(());
        let shared = (Arc::clone(&seen), changed.clone());
        let app = Router::new()
            .route("/api/bot/events", post(event))
            .route("/api/bot/pre-checkout", post(pre_checkout))
            .route("/api/bot/deliveries/claim", post(claim))
            .route("/api/bot/deliveries/results", post(results))
            .route("/api/bot/profile", get(profile))
            .route("/api/bot/identity", put(async || StatusCode::NO_CONTENT))
            .route("/api/files/{id}", get(file))
            .layer(from_fn_with_state(shared.clone(), gate))
            .with_state(shared);
        tokio::spawn(async move { axum::serve(listener, app).await.unwrap() });
        Self { url, seen, changed }
    }

    pub fn on_event<A: Into<Answer>>(&self, mut script: impl FnMut(&Event) -> A + Send + 'static) {
        self.change(|seen| seen.script = Some(Box::new(move |event| script(event).into())));
    }

    /// To be claimed.
    pub fn enqueue(&self, deliveries: impl IntoIterator<Item = Delivery>) {
        self.change(|seen| seen.queue.extend(deliveries));
    }

    pub fn change(&self, change: impl FnOnce(&mut Seen)) {
        change(&mut self.seen());
        self.changed.send_replace(());
    }

    pub fn seen(&self) -> MutexGuard<'_, Seen> {
        self.seen.lock().unwrap()
    }

    /// Waits until `look` finds something.
    pub async fn until<T>(&self, what: &str, mut look: impl FnMut(&Seen) -> Option<T>) -> T {
        let mut changes = self.changed.subscribe();
        let wait = async {
            loop {
                if let Some(found) = look(&self.seen()) {
                    return found;
                }
                changes.changed().await.unwrap();
            }
        };
        match tokio::time::timeout(DEADLINE, wait).await {
            Ok(found) => found,
            Err(_) => {
                let seen = self.seen();
                panic!(
                    "the CRM never saw: {what}; events {:?}; results {:?}",
                    seen.events, seen.results
                )
            }
        }
    }

    pub async fn until_sent(&self, id: &str) -> String {
        self.until(&format!("{id} sent"), |seen| seen.sent(id)).await
    }
}

type Shared = (Arc<Mutex<Seen>>, watch::Sender<()>);

async fn gate(State((seen, _)): State<Shared>, request: Request, next: Next) -> Response {
    let authorized = request
        .headers()
        .get(header::AUTHORIZATION)
        .is_some_and(|value| value.as_bytes() == format!("Bearer {TOKEN}").as_bytes());
    if !authorized {
        return StatusCode::UNAUTHORIZED.into_response();
    }
    let away = seen.lock().unwrap().away;
    if let Some(status) = away {
        return StatusCode::from_u16(status).unwrap().into_response();
    }
    next.run(request).await
}

async fn event(State((seen, changed)): State<Shared>, Json(event): Json<Event>) -> Response {
    let answer = {
        let mut seen = seen.lock().unwrap();
        seen.events.push(event.clone());
        if seen.known.contains(&event.key) {
            Answer::Reply(EventReply {
                duplicate: true,
                ..EventReply::default()
            })
        } else {
            let mut script = seen.script.take();
            let answer = script
                .as_mut()
                .map_or(Answer::from(Vec::new()), |script| script(&event));
            seen.script = script;
            if let Answer::Reply(reply) = &answer {
                seen.known.insert(event.key);
                seen.give(&reply.deliveries);
            }
            answer
        }
    };
    changed.send_replace(());
    // Taken already: whoever dies while waiting for the answer must find it a duplicate later.
    let slow = seen.lock().unwrap().slow;
    tokio::time::sleep(slow).await;
    match answer {
        Answer::Reply(reply) => Json(reply).into_response(),
        Answer::Status(status) => StatusCode::from_u16(status).unwrap().into_response(),
    }
}

async fn pre_checkout(
    State((seen, changed)): State<Shared>,
    Json(question): Json<PreCheckout>,
) -> Json<PreCheckoutReply> {
    let (reason, is_hanging) = {
        let mut seen = seen.lock().unwrap();
        seen.questions.push(question);
        let is_hanging = seen.hanging_questions > 0;
        seen.hanging_questions = seen.hanging_questions.saturating_sub(1);
        (seen.may_not_pay.clone(), is_hanging)
    };
    changed.send_replace(());
    if is_hanging {
        std::future::pending::<()>().await;
    }
    Json(PreCheckoutReply {
        may_pay: reason.is_none(),
        reason,
    })
}

async fn claim(State((seen, changed)): State<Shared>, Json(request): Json<ClaimRequest>) -> Json<ClaimReply> {
    let mut changes = changed.subscribe();
    seen.lock().unwrap().claims += 1;
    let until = Instant::now() + Duration::from_millis(request.wait_ms.into());
    loop {
        {
            let mut seen = seen.lock().unwrap();
            let count = seen.queue.len().min(request.limit as usize);
            let deliveries: Vec<_> = seen.queue.drain(..count).collect();
            if !deliveries.is_empty() {
                seen.give(&deliveries);
                return Json(ClaimReply {
                    deliveries,
                    replicas: 1,
                });
            }
        }
        if tokio::time::timeout_at(until, changes.changed()).await.is_err() {
            return Json(ClaimReply::default());
        }
    }
}

/// What is put off comes back into the queue when its time has come, as the real one does it.
async fn results(State((seen, changed)): State<Shared>, Json(request): Json<ResultsRequest>) -> StatusCode {
    {
        let mut state = seen.lock().unwrap();
        if state.deaf {
            return StatusCode::SERVICE_UNAVAILABLE;
        }
        for result in request.results {
            if let Outcome::RetryLater { after_ms, .. } = &result.outcome
                && let Some(mut delivery) = state.given.get(&result.id).cloned()
            {
                delivery.attempt += 1;
                let (seen, changed, after) = (Arc::clone(&seen), changed.clone(), Duration::from_millis(*after_ms));
                tokio::spawn(async move {
                    tokio::time::sleep(after).await;
                    seen.lock().unwrap().queue.push_back(delivery);
                    changed.send_replace(());
                });
            }
            state.results.push(result);
        }
    }
    changed.send_replace(());
    StatusCode::NO_CONTENT
}

async fn profile(State((seen, _)): State<Shared>) -> Json<BotProfile> {
    Json(seen.lock().unwrap().profile.clone())
}

async fn file(State((seen, changed)): State<Shared>, Path(id): Path<String>) -> Response {
    let bytes = {
        let mut seen = seen.lock().unwrap();
        seen.file_reads += 1;
        seen.files.get(&id).cloned()
    };
    changed.send_replace(());
    match bytes {
        Some(bytes) => Bytes::from(bytes).into_response(),
        None => StatusCode::NOT_FOUND.into_response(),
    }
}
