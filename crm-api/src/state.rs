//! What every handler can reach.

use std::num::NonZeroU32;
use std::sync::Arc;
use std::time::Duration;

use app::App;
use domain::ids::TenantId;
use tokio::sync::OnceCell;
use tokio::task::AbortHandle;
use tokio_util::sync::CancellationToken;

use crate::client_address::TrustedProxies;
use crate::metrics::Recorder;
use crate::problem::ApiResult;
use crate::rate_limit::{DEFAULT_PER_MINUTE, RateLimit};

/// A page that refreshes itself must not become a flood at the provider.
const PAYMENT_ASK_PERIOD: Duration = Duration::from_secs(3);

/// Two thousand a second from one address: no provider comes faster, and each costs one short transaction.
const NOTIFICATIONS_PER_MINUTE: NonZeroU32 = match NonZeroU32::new(120_000) {
    Some(limit) => limit,
    None => NonZeroU32::MIN,
};

/// Cheap to clone.
#[derive(Clone)]
pub struct ApiState {
    pub app: App,
    pub(crate) http: Arc<Http>,
}

/// What belongs to HTTP alone.
pub(crate) struct Http {
    /// Whether people reach us over TLS.
    pub(crate) is_secure: bool,
    pub(crate) proxies: TrustedProxies,
    pub(crate) rate_limit: RateLimit,
    /// How often an order's page may ask the provider.
    pub(crate) payment_asks: RateLimit,
    /// Of payment providers, by address.
    pub(crate) notifications: RateLimit,
    /// Whose providers these are.
    seller: OnceCell<TenantId>,
    pub(crate) recorder: Recorder,
    pub(crate) openapi: bytes::Bytes,
    /// Cancelled when the process is about to end: long polls answer at once.
    pub(crate) shutdown: CancellationToken,
    workers: Vec<AbortHandle>,
}

#[derive(Debug)]
pub struct HttpOptions {
    /// Requests a minute that one principal or address may make.
    pub rate_limit_per_minute: NonZeroU32,
    pub trusted_proxies: TrustedProxies,
    /// Background tasks of this process; when one of them ends, the process is not ready any more.
    pub workers: Vec<AbortHandle>,
    /// Ends long polls when the process is about to end.
    pub shutdown: CancellationToken,
}

impl Default for HttpOptions {
    fn default() -> Self {
        Self {
            rate_limit_per_minute: DEFAULT_PER_MINUTE,
            trusted_proxies: TrustedProxies::default(),
            workers: Vec::new(),
            shutdown: CancellationToken::new(),
        }
    }
}

impl ApiState {
    pub fn new(app: App, options: HttpOptions) -> Self {
        let http = Http {
            is_secure: app.public_url().scheme() == "https",
            proxies: options.trusted_proxies,
            rate_limit: RateLimit::per_minute(options.rate_limit_per_minute),
            payment_asks: RateLimit::one_each(PAYMENT_ASK_PERIOD),
            notifications: RateLimit::per_minute(NOTIFICATIONS_PER_MINUTE),
            seller: OnceCell::new(),
            recorder: Recorder::install(),
            openapi: crate::openapi::document_json().into(),
            shutdown: options.shutdown,
            workers: options.workers,
        };
        Self {
            app,
            http: Arc::new(http),
        }
    }

    /// The tenant whose payment providers the environment configures: the first one.
    pub(crate) async fn seller(&self) -> ApiResult<TenantId> {
        let find = || async {
            let tenants = self.app.store().system_read().await?.tenants().await?;
            tenants
                .into_iter()
                .next()
                .ok_or_else(|| app::Error::internal("there is no tenant yet"))
        };
        Ok(self.http.seller.get_or_try_init(find).await?.clone())
    }

    pub(crate) fn are_workers_alive(&self) -> bool {
        self.http.workers.iter().all(|worker| !worker.is_finished())
    }
}
