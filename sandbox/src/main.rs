//! The sandbox as a process. Environment: `SANDBOX_ADDR` (default 127.0.0.1:8090), `SANDBOX_BOT_TOKEN` (default: any),
//! `SANDBOX_DATA_FILE` (default: chats live in memory), `SANDBOX_SMTP_ADDR` (default 127.0.0.1:8025; `0`: no mail),
//! `SANDBOX_PRODUCT_URL` (default http://127.0.0.1:8080), `SANDBOX_PUBLIC_URL` (default: as the product calls), `RUST_LOG`.

use std::{env, net::SocketAddr, path::PathBuf};

use anyhow::Context;
use sandbox::Config;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;

const DEFAULT_ADDR: &str = "127.0.0.1:8090";
const DEFAULT_SMTP_ADDR: &str = "127.0.0.1:8025";
const DEFAULT_PRODUCT_URL: &str = "http://127.0.0.1:8080";

/// An empty variable is the same as none, as in an `.env` file that lists every key.
fn setting(name: &str) -> Option<String> {
    env::var(name).ok().filter(|value| !value.trim().is_empty())
}

/// `0` and `off` mean none.
fn smtp_addr(text: &str) -> anyhow::Result<Option<SocketAddr>> {
    if matches!(text, "0" | "off") {
        return Ok(None);
    }
    let addr = text.parse();
    let addr =
        addr.with_context(|| format!("SANDBOX_SMTP_ADDR must be an address like {DEFAULT_SMTP_ADDR}, it is {text:?}"))?;
    Ok(Some(addr))
}

#[tokio::main]
async fn main() -> anyhow::Result<()> {
    tracing_subscriber::fmt()
        .with_env_filter(EnvFilter::try_from_default_env().unwrap_or_else(|_| EnvFilter::new("info")))
        .init();
    let addr = setting("SANDBOX_ADDR").unwrap_or_else(|| DEFAULT_ADDR.to_owned());
    let addr: SocketAddr = addr
        .parse()
        .with_context(|| format!("SANDBOX_ADDR must be an address like {DEFAULT_ADDR}, it is {addr:?}"))?;
    let smtp_addr = smtp_addr(&setting("SANDBOX_SMTP_ADDR").unwrap_or_else(|| DEFAULT_SMTP_ADDR.to_owned()))?;
    let running = sandbox::start(Config {
        addr,
        bot_token: setting("SANDBOX_BOT_TOKEN"),
        data_file: setting("SANDBOX_DATA_FILE").map(PathBuf::from),
        smtp_addr,
        product_url: Some(setting("SANDBOX_PRODUCT_URL").unwrap_or_else(|| DEFAULT_PRODUCT_URL.to_owned())),
        public_url: setting("SANDBOX_PUBLIC_URL"),
    })
    .await?;
    tracing::info!(url = running.base_url(), "the sandbox is open");

    let mut terminate = signal(SignalKind::terminate()).context("can't listen for SIGTERM")?;
    tokio::select! {
        _ = terminate.recv() => {}
        interrupted = tokio::signal::ctrl_c() => interrupted.context("can't listen for ctrl-c")?,
    }
    tracing::info!("the sandbox closes");
    running.shutdown().await;
    Ok(())
}
