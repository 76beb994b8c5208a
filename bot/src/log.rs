//! Structured logs: sentences with fields, without names, texts or tokens.

use std::io::IsTerminal;

use tracing_subscriber::{EnvFilter, filter::Directive};

use crate::config::{Config, ConfigError, LogFormat};

/// At debug and below these print addresses, and Telegram's addresses hold the token.
const QUIET: [&str; 8] = [
    "reqwest",
    "hyper",
    "hyper_util",
    "h2",
    "rustls",
    "teloxide",
    "teloxide_core",
    "log",
];

/// Errors: `RUST_LOG` is not a filter. Called once, by a binary.
pub fn start(config: &Config) -> Result<(), ConfigError> {
    let mut filter = EnvFilter::try_new(&config.log_filter).map_err(|_| ConfigError::Invalid {
        key: "RUST_LOG",
        problem: "it must be a log filter like info or bot=debug,info".to_owned(),
    })?;
    for target in QUIET {
        if let Ok(directive) = format!("{target}=warn").parse::<Directive>() {
            filter = filter.add_directive(directive);
        }
    }
    let logs = tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_ansi(std::io::stdout().is_terminal());
    match config.log_format {
        LogFormat::Text => logs.init(),
        LogFormat::Json => logs.json().init(),
    }
    Ok(())
}
