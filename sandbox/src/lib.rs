//! The outside world on loopback: Telegram with people in it, two banks, a mail server, Google Sheets, LLM back
//! ends, and a clock that moves.
//!
//! It speaks the real wire protocols, written here a second time on purpose: a mistake shared with the product's adapters
//! would pass every test. Nothing of the product may be imported. To play one more outside system: a module with its
//! `routes`, its state in `World`, its switches in `faults`, a page in `assets`.

pub mod banks;
mod clock;
mod control;
pub mod driver;
mod events;
mod faults;
mod llm;
mod mail;
mod pages;
mod persistence;
mod sheets;
mod tbank;
pub mod telegram;
mod world;
mod yookassa;

use std::{net::SocketAddr, ops::Deref, path::PathBuf, sync::Arc, time::Duration};

use anyhow::Context;
use axum::{
    Router,
    extract::DefaultBodyLimit,
    routing::{any, get},
    serve::ListenerExt,
};
use tokio::{net::TcpListener, task::JoinHandle};
use tokio_util::sync::CancellationToken;

pub use driver::Driver;
pub use faults::LlmMode;
pub use llm::words::answer as word_programme;
pub use sheets::DEMO_SHEET;

use telegram::webhook;
use world::{Sandbox, Shared, World};

/// Open connections get this long to finish when the sandbox stops.
const SHUTDOWN_GRACE: Duration = Duration::from_secs(2);

#[derive(Debug, Clone)]
pub struct Config {
    /// Port 0 takes a free one.
    pub addr: SocketAddr,
    /// `None` accepts any well-formed token.
    pub bot_token: Option<String>,
    /// Where chats and payments are kept over a restart; `None` keeps them in memory only.
    pub data_file: Option<PathBuf>,
    /// Where the mail catcher listens; `None` means there is none. Port 0 takes a free one.
    pub smtp_addr: Option<SocketAddr>,
    /// Where the product listens: the banks send notifications there unless an account says otherwise.
    pub product_url: Option<String>,
    /// How a browser reaches the sandbox, where it isn't the address the product uses.
    pub public_url: Option<String>,
}

impl Default for Config {
    /// Free ports on loopback, any token, nothing on disk, no product to notify.
    fn default() -> Self {
        Self {
            addr: SocketAddr::from(([127, 0, 0, 1], 0)),
            bot_token: None,
            data_file: None,
            smtp_addr: Some(SocketAddr::from(([127, 0, 0, 1], 0))),
            product_url: None,
            public_url: None,
        }
    }
}

/// A sandbox that serves until `shutdown`. What a test does with it is in [`Driver`], which this derefs to.
#[derive(Debug)]
pub struct Running {
    pub addr: SocketAddr,
    /// `None` when the mail catcher is off or its port was taken.
    pub smtp_addr: Option<SocketAddr>,
    driver: Driver,
    stop: CancellationToken,
    tasks: Vec<JoinHandle<()>>,
}

impl Running {
    pub fn base_url(&self) -> String {
        format!("http://{}", self.addr)
    }

    pub fn driver(&self) -> &Driver {
        &self.driver
    }

    pub async fn shutdown(mut self) {
        self.stop.cancel();
        for mut task in std::mem::take(&mut self.tasks) {
            if tokio::time::timeout(SHUTDOWN_GRACE, &mut task).await.is_err() {
                task.abort();
            }
        }
    }
}

/// A test that ends early leaves no server behind.
impl Drop for Running {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Deref for Running {
    type Target = Driver;

    fn deref(&self) -> &Driver {
        &self.driver
    }
}

fn router(sandbox: Shared) -> Router {
    Router::new()
        .merge(control::routes())
        .merge(sheets::routes())
        .merge(llm::routes())
        .merge(banks::control::routes())
        .merge(banks::hosted::routes())
        .merge(yookassa::routes())
        .merge(tbank::routes())
        .merge(mail::routes())
        .merge(pages::routes())
        .route("/healthz", get(async || "ok"))
        .route("/file/{token}/{*path}", get(telegram::http::download))
        .route(
            "/{token}/{method}",
            any(telegram::http::call).layer(DefaultBodyLimit::max(telegram::params::MAX_BODY_BYTES)),
        )
        .with_state(sandbox)
}

/// Two sandboxes on one machine want the same port; the second one goes without mail and says so.
async fn mail_door(addr: Option<SocketAddr>) -> Option<TcpListener> {
    match TcpListener::bind(addr?).await {
        Ok(listener) => Some(listener),
        Err(error) => {
            tracing::warn!(%error, addr = ?addr, "the mail catcher can't listen; no mail is caught");
            None
        }
    }
}

/// Starts serving and returns at once. The port is open when this returns.
pub async fn start(config: Config) -> anyhow::Result<Running> {
    driver::install_crypto();
    let mut world = World::default();
    if let Some(path) = &config.data_file
        && let Some(telegram) = persistence::load(path).await?
    {
        world.telegram = telegram;
    }
    if let Some(path) = &config.data_file
        && let Some(banks) = persistence::load_banks(path).await?
    {
        world.banks = banks;
        world.banks.post.recover();
    }
    world.banks.product_url = config.product_url;
    world.banks.public_url = config.public_url;
    let mail_door = mail_door(config.smtp_addr).await;
    let smtp_addr = mail_door.as_ref().and_then(|door| door.local_addr().ok());
    world.mail.addr = smtp_addr.map(|addr| addr.to_string());
    let on_disk = persistence::file_ids(&world.telegram);
    let http = reqwest::Client::builder()
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .context("the sender of webhooks can't be made")?;
    let stop = CancellationToken::new();
    let sandbox = Arc::new(Sandbox::new(world, config.bot_token, stop.clone(), http));

    let listener = TcpListener::bind(config.addr)
        .await
        .with_context(|| format!("can't listen on {}", config.addr))?;
    let addr = listener.local_addr().context("the listener has no address")?;
    let listener = listener.tap_io(|stream| {
        if let Err(error) = stream.set_nodelay(true) {
            tracing::debug!(%error, "a connection stays with Nagle's algorithm");
        }
    });

    let mut tasks = vec![
        tokio::spawn(webhook::deliver(Arc::clone(&sandbox))),
        tokio::spawn(banks::courier::run(Arc::clone(&sandbox))),
    ];
    if let Some(door) = mail_door {
        tasks.push(tokio::spawn(mail::serve(Arc::clone(&sandbox), door)));
    }
    if let Some(path) = config.data_file {
        tasks.push(tokio::spawn(persistence::keep(Arc::clone(&sandbox), path, on_disk)));
    }
    let app = router(sandbox);
    let stopping = stop.clone();
    tasks.push(tokio::spawn(async move {
        let served = axum::serve(listener, app)
            .with_graceful_shutdown(stopping.cancelled_owned())
            .await;
        if let Err(error) = served {
            tracing::error!(%error, "the sandbox stopped serving");
        }
    }));
    let driver = Driver::new(&format!("http://{addr}"))?;
    Ok(Running {
        addr,
        smtp_addr,
        driver,
        stop,
        tasks,
    })
}
