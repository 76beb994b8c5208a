//! The client of the CRM API's conversation routes. Everything it sends may be repeated: the API dedupes by key or id.

use std::{
    sync::{
        Arc,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    time::Duration,
};

use api_types::{
    conversation::{
        BotIdentity, BotProfile, Channel, ClaimReply, ClaimRequest, Event, EventReply, PreCheckout, PreCheckoutReply,
        ResultsRequest,
    },
    problem::Problem,
};
use reqwest::{Client, Method, RequestBuilder, Response, StatusCode};
use serde::{Serialize, de::DeserializeOwned};
use thiserror::Error;
use tokio::sync::Semaphore;
use url::Url;

use crate::config::Secret;

/// Events in flight at once: enough to keep many chats moving, little enough not to flood the API.
const MAX_IN_FLIGHT: usize = 24;
/// Connections kept for the next call: each holds some 85 KB, and one more is made in a moment.
pub const IDLE_CONNECTIONS: usize = 4;
const CALL_TIMEOUT: Duration = Duration::from_secs(15);
/// On top of the wait that a claim asks for.
const CLAIM_MARGIN: Duration = Duration::from_secs(10);
/// The whole download of a document; Telegram takes 50 MB at most.
const FILE_TIMEOUT: Duration = Duration::from_secs(90);

#[derive(Debug, Error)]
pub enum CrmError {
    /// Worth another try: not reachable, too slow, broken, or not set up to serve us (then a person must mend it).
    #[error("the CRM API is not available: {0}")]
    Unavailable(String),
    /// 500 or no answer in time for this very request; others may pass.
    #[error("the CRM API failed on this request: {0}")]
    Failed(String),
    /// Refused for good: repeating won't help.
    #[error("the CRM API refused: {status} {code}")]
    Refused {
        status: u16,
        /// The problem's code, with the request id that the API's log knows it by.
        code: String,
    },
}

#[derive(Debug, Clone)]
pub struct Crm {
    client: Client,
    base: Url,
    token: Secret,
    in_flight: Arc<Semaphore>,
    answers: Arc<AtomicBool>,
    events_taken: Arc<AtomicU64>,
}

impl Crm {
    /// Errors: the HTTP client can't be built (no TLS provider installed).
    pub fn new(base: Url, token: Secret) -> Result<Self, reqwest::Error> {
        let client = Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .pool_idle_timeout(Duration::from_secs(60))
            .pool_max_idle_per_host(IDLE_CONNECTIONS)
            .tcp_nodelay(true)
            .build()?;
        Ok(Self {
            client,
            base,
            token,
            in_flight: Arc::new(Semaphore::new(MAX_IN_FLIGHT)),
            answers: Arc::default(),
            events_taken: Arc::default(),
        })
    }

    /// Whether the last call reached a CRM API that answers.
    pub fn answers(&self) -> bool {
        self.answers.load(Ordering::Relaxed)
    }

    /// How many events it has taken so far: tells an API that fails on one event from one that fails.
    pub fn events_taken(&self) -> u64 {
        self.events_taken.load(Ordering::Relaxed)
    }

    pub async fn post_event(&self, event: &Event) -> Result<EventReply, CrmError> {
        let _permit = self.in_flight.acquire().await;
        let reply = self.post(&["api", "bot", "events"], event, CALL_TIMEOUT).await?;
        self.events_taken.fetch_add(1, Ordering::Relaxed);
        Ok(reply)
    }

    /// Past the queue of events: somebody's payment waits. Whoever calls sets the limit.
    pub async fn pre_checkout(&self, asked: &PreCheckout) -> Result<PreCheckoutReply, CrmError> {
        self.post(&["api", "bot", "pre-checkout"], asked, CALL_TIMEOUT).await
    }

    pub async fn claim(&self, request: &ClaimRequest) -> Result<ClaimReply, CrmError> {
        let timeout = Duration::from_millis(request.wait_ms.into()) + CLAIM_MARGIN;
        self.post(&["api", "bot", "deliveries", "claim"], request, timeout)
            .await
    }

    pub async fn report(&self, request: &ResultsRequest) -> Result<(), CrmError> {
        let route = ["api", "bot", "deliveries", "results"];
        let request = self.request(Method::POST, &route).json(request);
        self.send(request.timeout(CALL_TIMEOUT)).await?;
        Ok(())
    }

    /// Tells the CRM the bot's own name.
    pub async fn identify(&self, username: &str) -> Result<(), CrmError> {
        let identity = BotIdentity {
            channel: Channel::Telegram,
            username: username.to_owned(),
        };
        let request = self.request(Method::PUT, &["api", "bot", "identity"]);
        self.send(request.json(&identity).timeout(CALL_TIMEOUT)).await?;
        Ok(())
    }

    pub async fn profile(&self) -> Result<BotProfile, CrmError> {
        let response = self
            .send(
                self.request(Method::GET, &["api", "bot", "profile"])
                    .timeout(CALL_TIMEOUT),
            )
            .await?;
        read_json(response).await
    }

    /// The bytes of a stored file, to be streamed on.
    pub async fn file(&self, id: &str) -> Result<Response, CrmError> {
        let request = self.request(Method::GET, &["api", "files", id]);
        self.send_for(request.timeout(FILE_TIMEOUT), NotFound::TheThing).await
    }

    async fn post<T: DeserializeOwned>(
        &self,
        route: &[&str],
        body: &impl Serialize,
        timeout: Duration,
    ) -> Result<T, CrmError> {
        let request = self.request(Method::POST, route).json(body);
        read_json(self.send(request.timeout(timeout)).await?).await
    }

    /// Segments are escaped, so an opaque id can't walk to another route.
    fn request(&self, method: Method, route: &[&str]) -> RequestBuilder {
        let mut url = self.base.clone();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments.pop_if_empty().extend(route);
        }
        self.client.request(method, url).bearer_auth(self.token.expose())
    }

    async fn send(&self, request: RequestBuilder) -> Result<Response, CrmError> {
        self.send_for(request, NotFound::TheRoute).await
    }

    async fn send_for(&self, request: RequestBuilder, not_found: NotFound) -> Result<Response, CrmError> {
        let result = match request.send().await {
            Err(error) => Err(unavailable(&error)),
            Ok(response) if response.status().is_success() => Ok(response),
            Ok(response) => Err(refusal(response, not_found).await),
        };
        let answers = !matches!(result, Err(CrmError::Unavailable(_)));
        self.answers.store(answers, Ordering::Relaxed);
        result
    }
}

async fn read_json<T: DeserializeOwned>(response: Response) -> Result<T, CrmError> {
    response.json().await.map_err(|error| unavailable(&error))
}

fn unavailable(error: &reqwest::Error) -> CrmError {
    if error.is_timeout() && !error.is_connect() {
        return CrmError::Failed(describe(error));
    }
    CrmError::Unavailable(describe(error))
}

/// What went wrong, without the address: addresses may carry secrets.
pub fn describe(error: &reqwest::Error) -> String {
    let kind = if error.is_timeout() {
        "no answer in time"
    } else if error.is_connect() {
        "can't connect"
    } else if error.is_decode() {
        "an answer that can't be read"
    } else if error.is_body() {
        "the transfer broke off"
    } else {
        "the request failed"
    };
    kind.to_owned()
}

/// What a 404 says is missing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum NotFound {
    TheRoute,
    TheThing,
}

/// 401, 403 and the 404 of a route are about our settings, not about this request, so they count as unavailable: an
/// update is not thrown away because somebody mistyped a token.
async fn refusal(response: Response, not_found: NotFound) -> CrmError {
    let status = response.status();
    let code = match response.json::<Problem>().await {
        Ok(Problem {
            code,
            request_id: Some(id),
            ..
        }) => format!("{code} ({id})"),
        Ok(problem) => problem.code,
        Err(_) => "no_problem_body".to_owned(),
    };
    match status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => CrmError::Unavailable(format!(
            "it answers {}: check that CRM_API_TOKEN is the service token of that API",
            status.as_u16()
        )),
        StatusCode::NOT_FOUND if not_found == NotFound::TheRoute => {
            CrmError::Unavailable("it answers 404: check CRM_API_URL".to_owned())
        }
        StatusCode::REQUEST_TIMEOUT | StatusCode::TOO_EARLY | StatusCode::TOO_MANY_REQUESTS => {
            CrmError::Unavailable(format!("it answers {}", status.as_u16()))
        }
        StatusCode::INTERNAL_SERVER_ERROR => CrmError::Failed(code),
        _ if status.is_client_error() => CrmError::Refused {
            status: status.as_u16(),
            code,
        },
        _ => CrmError::Unavailable(format!("it answers {}", status.as_u16())),
    }
}
