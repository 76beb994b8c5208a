//! `bot`: see the crate's documentation; every setting is an environment variable described in `bot::config`.

use std::process::ExitCode;

use bot::{Config, ConfigError};
use tokio_util::sync::CancellationToken;

/// A setting is missing or wrong; another start will not help until a person mends it.
const EXIT_CONFIG: u8 = 2;

#[tokio::main]
async fn main() -> ExitCode {
    if rustls::crypto::ring::default_provider().install_default().is_err() {
        complain("the TLS provider is installed twice");
        return ExitCode::FAILURE;
    }
    let config = match Config::from_env().and_then(|config| bot::log::start(&config).map(|()| config)) {
        Ok(config) => config,
        Err(error) => return refuse(&error),
    };
    let stop = CancellationToken::new();
    tokio::spawn({
        let stop = stop.clone();
        async move {
            wait_for_signal().await;
            stop.cancel();
        }
    });
    match bot::run(config, stop).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            tracing::error!(%error, "the bot can't run");
            ExitCode::FAILURE
        }
    }
}

/// SIGTERM from a supervisor, ctrl-c from a person.
async fn wait_for_signal() {
    let interrupt = tokio::signal::ctrl_c();
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let Ok(mut terminate) = signal(SignalKind::terminate()) {
            tokio::select! {
                _ = interrupt => {}
                _ = terminate.recv() => {}
            }
            return;
        }
    }
    interrupt.await.ok();
}

fn refuse(error: &ConfigError) -> ExitCode {
    complain(&error.to_string());
    ExitCode::from(EXIT_CONFIG)
}

#[expect(clippy::print_stderr, reason = "there is no log yet, and a person reads this")]
fn complain(sentence: &str) {
    eprintln!("bot: {sentence}");
}
