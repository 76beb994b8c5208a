//! Putting the rooms together, and taking them apart in order.

use std::{net::SocketAddr, sync::Arc, time::Duration};

use teloxide::payloads::GetMe;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use tracing::{error, info, warn};

use crate::{
    backoff::Backoff,
    claim,
    config::{Config, Mode},
    crm::Crm,
    http::{self, Health},
    profile,
    receive::{self, Intake, polling, webhook},
    replica::replica_name,
    send::{self, Sender},
    status::Status,
    telegram::{Telegram, TelegramError},
};

/// After this what waits to be sent is given back to the CRM instead.
const SEND_GRACE: Duration = Duration::from_secs(5);
/// The whole shutdown; then whatever is left is left to the leases.
const SHUTDOWN: Duration = Duration::from_secs(8);

#[derive(Debug, Error)]
pub enum RunError {
    #[error("the bot can't listen on BOT_ADDR {addr}: {source}")]
    Listen { addr: SocketAddr, source: std::io::Error },
    #[error("{0}")]
    Client(String),
    #[error("the bot's server failed: {0}")]
    Serve(#[source] std::io::Error),
}

/// Serves until `stop` is cancelled, then finishes what is in hand.
pub async fn run(config: Config, stop: CancellationToken) -> Result<(), RunError> {
    let listener = listen(config.addr).await?;
    serve(config, listener, stop).await
}

/// Opens BOT_ADDR; apart from [`serve`] for those who want to know the port.
pub async fn listen(addr: SocketAddr) -> Result<TcpListener, RunError> {
    TcpListener::bind(addr)
        .await
        .map_err(|source| RunError::Listen { addr, source })
}

pub async fn serve(config: Config, listener: TcpListener, stop: CancellationToken) -> Result<(), RunError> {
    let telegram = Telegram::new(&config).map_err(RunError::Client)?;
    let crm = Crm::new(config.crm_url.clone(), config.crm_token.clone())
        .map_err(|_| RunError::Client("the client for the CRM API can't be built".to_owned()))?;
    let status = Arc::new(Status::default());
    let addr = listener.local_addr().map_err(|source| RunError::Listen {
        addr: config.addr,
        source,
    })?;
    let replica = replica_name(addr);
    let tracker = TaskTracker::new();
    let give_back = CancellationToken::new();
    let sender = Sender::new(send::Parts {
        telegram: telegram.clone(),
        crm: crm.clone(),
        replica: replica.clone(),
        rate_per_second: config.rate_per_second,
        status: Arc::clone(&status),
        tracker: tracker.clone(),
        give_back: give_back.clone(),
    });
    let intake = Intake::new(receive::Parts {
        telegram: telegram.clone(),
        crm: crm.clone(),
        sender: sender.clone(),
        bot_id: config.token.bot_id,
        replica: replica.clone(),
        status: Arc::clone(&status),
        tracker: tracker.clone(),
        stop: stop.clone(),
    });

    let mut app = http::router(Health {
        status: Arc::clone(&status),
        crm: crm.clone(),
        sender: sender.clone(),
    });
    if let Mode::Webhook { url, secret } = &config.mode {
        app = app.merge(webhook::router(url.path(), secret.clone(), intake.clone()));
    }
    let serving = CancellationToken::new();
    let server = axum::serve(listener, app).with_graceful_shutdown(serving.clone().cancelled_owned());
    let server = tokio::spawn(async move { server.await });
    info!(
        replica,
        mode = if config.mode == Mode::Polling {
            "polling"
        } else {
            "webhook"
        },
        "the bot starts"
    );

    let loops = TaskTracker::new();
    loops.spawn({
        let (telegram, status, stop) = (telegram.clone(), Arc::clone(&status), stop.clone());
        async move { introduce(&telegram, &status, &stop).await }
    });
    loops.spawn({
        let (telegram, stop) = (telegram.clone(), stop.clone());
        async move {
            match config.mode {
                Mode::Polling => polling::run(&telegram, &intake, &stop).await,
                Mode::Webhook { url, secret } => webhook::register(&telegram, &url, &secret, &stop).await,
            }
        }
    });
    loops.spawn({
        let (crm, sender, stop) = (crm.clone(), sender.clone(), stop.clone());
        let room = claim::room(config.rate_per_second);
        async move { claim::run(&crm, &sender, &replica, room, &stop).await }
    });
    loops.spawn({
        let stop = stop.clone();
        async move { profile::keep_fresh(&telegram, &crm, &stop).await }
    });

    stop.cancelled().await;
    info!(waiting = sender.waiting(), "the bot stops: finishing what is in hand");
    loops.close();
    tracker.close();
    let finish = async {
        let in_time = tokio::time::timeout(SEND_GRACE, async {
            loops.wait().await;
            tracker.wait().await;
        });
        if in_time.await.is_err() {
            give_back.cancel();
            tracker.wait().await;
        }
        serving.cancel();
        server.await
    };
    match tokio::time::timeout(SHUTDOWN, finish).await {
        Ok(Ok(Ok(()))) => info!("the bot has stopped"),
        Ok(Ok(Err(source))) => return Err(RunError::Serve(source)),
        Ok(Err(_)) => error!("the bot's server ended badly"),
        Err(_) => warn!("not everything in hand could be finished; the leases will end"),
    }
    Ok(())
}

/// Asks Telegram who we are, until it says so.
async fn introduce(telegram: &Telegram, status: &Status, stop: &CancellationToken) {
    let mut backoff = Backoff::new(Duration::from_millis(500), Duration::from_secs(30));
    loop {
        match telegram.call::<_, serde_json::Value>(&GetMe::new()).await {
            Ok(_) => {
                status.set_telegram_knows_us();
                info!("Telegram knows this bot");
                return;
            }
            Err(error @ TelegramError::Refused { code: 401 | 404, .. }) => {
                error!(%error, "Telegram doesn't know this bot: check TELEGRAM_BOT_TOKEN and TELEGRAM_API_URL");
            }
            Err(error) => warn!(%error, "Telegram doesn't answer yet"),
        }
        tokio::select! {
            () = tokio::time::sleep(backoff.next_wait()) => {}
            () = stop.cancelled() => return,
        }
    }
}
