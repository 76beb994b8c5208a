//! What the bot is told at its start: one struct, read once from the environment, refused in one sentence.

use std::{fmt, net::SocketAddr};

use thiserror::Error;
use url::Url;

/// A value that must not reach a log: `Debug` hides it.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(value: impl Into<String>) -> Self {
        Self(value.into())
    }

    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret(…)")
    }
}

/// The token BotFather gives: `<bot id>:<letters>`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BotToken {
    /// Part of every event's key, so that two bots never share one.
    pub bot_id: u64,
    pub secret: Secret,
}

/// How updates arrive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Mode {
    Polling,
    Webhook { url: Url, secret: Secret },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogFormat {
    Text,
    Json,
}

#[derive(Debug, Clone)]
pub struct Config {
    /// `TELEGRAM_BOT_TOKEN`, required.
    pub token: BotToken,
    /// `TELEGRAM_API_URL`, `https://api.telegram.org`.
    pub telegram_url: Url,
    /// `TELEGRAM_MODE`, `polling`; `webhook` needs `TELEGRAM_WEBHOOK_URL` and `TELEGRAM_WEBHOOK_SECRET`.
    pub mode: Mode,
    /// `TELEGRAM_RATE_PER_SECOND`, 30: messages a second over all chats; 0 switches this process's own limits off.
    pub rate_per_second: u32,
    /// `BOT_ADDR`, `127.0.0.1:8081`: health, metrics and the webhook.
    pub addr: SocketAddr,
    /// `CRM_API_URL`, `http://127.0.0.1:8080`.
    pub crm_url: Url,
    /// `CRM_API_TOKEN`, required.
    pub crm_token: Secret,
    /// `LOG_FORMAT`, `text` or `json`.
    pub log_format: LogFormat,
    /// `RUST_LOG`, `info`: a filter of tracing-subscriber.
    pub log_filter: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ConfigError {
    #[error("{key} is not set: {hint}")]
    Missing { key: &'static str, hint: &'static str },
    /// Never carries the value: it may be a secret in the wrong place.
    #[error("{key} can't be used: {problem}")]
    Invalid { key: &'static str, problem: String },
}

impl ConfigError {
    fn invalid(key: &'static str, problem: impl Into<String>) -> Self {
        Self::Invalid {
            key,
            problem: problem.into(),
        }
    }

    pub fn key(&self) -> &'static str {
        match self {
            Self::Missing { key, .. } | Self::Invalid { key, .. } => key,
        }
    }
}

impl Config {
    /// Errors: the first key that is missing or wrong.
    pub fn from_env() -> Result<Self, ConfigError> {
        Self::from_lookup(|key| std::env::var(key).ok())
    }

    /// The same from any source of values; an empty value counts as absent.
    pub fn from_lookup(lookup: impl Fn(&str) -> Option<String>) -> Result<Self, ConfigError> {
        let get = |key: &str| lookup(key).map(|v| v.trim().to_owned()).filter(|v| !v.is_empty());
        let or = |key: &str, default: &str| get(key).unwrap_or_else(|| default.to_owned());

        let token = parse_token(&get("TELEGRAM_BOT_TOKEN").ok_or(ConfigError::Missing {
            key: "TELEGRAM_BOT_TOKEN",
            hint: "ask @BotFather for one, or start the sandbox and take the one it prints",
        })?)?;
        let crm_token = get("CRM_API_TOKEN").ok_or(ConfigError::Missing {
            key: "CRM_API_TOKEN",
            hint: "give the bot the same service token that the CRM API was started with",
        })?;
        if !crm_token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(ConfigError::invalid(
                "CRM_API_TOKEN",
                "it must be printable ASCII without spaces",
            ));
        }
        let addr = or("BOT_ADDR", "127.0.0.1:8081")
            .parse()
            .map_err(|_| ConfigError::invalid("BOT_ADDR", "it must be an address with a port, like 127.0.0.1:8081"))?;
        let rate_per_second = or("TELEGRAM_RATE_PER_SECOND", "30")
            .parse()
            .ok()
            .filter(|rate| *rate <= 1000)
            .ok_or_else(|| {
                ConfigError::invalid(
                    "TELEGRAM_RATE_PER_SECOND",
                    "it must be a whole number from 0 (no limit) to 1000",
                )
            })?;
        let log_format = match or("LOG_FORMAT", "text").as_str() {
            "text" => LogFormat::Text,
            "json" => LogFormat::Json,
            _ => return Err(ConfigError::invalid("LOG_FORMAT", "it must be text or json")),
        };

        Ok(Self {
            token,
            telegram_url: parse_url("TELEGRAM_API_URL", &or("TELEGRAM_API_URL", "https://api.telegram.org"))?,
            mode: parse_mode(&or("TELEGRAM_MODE", "polling"), get)?,
            rate_per_second,
            addr,
            crm_url: parse_url("CRM_API_URL", &or("CRM_API_URL", "http://127.0.0.1:8080"))?,
            crm_token: Secret(crm_token),
            log_format,
            log_filter: or("RUST_LOG", "info"),
        })
    }
}

fn parse_token(value: &str) -> Result<BotToken, ConfigError> {
    let is_token_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
    value
        .split_once(':')
        .filter(|(_, letters)| !letters.is_empty() && letters.bytes().all(is_token_letter))
        .and_then(|(id, _)| id.parse().ok())
        .map(|bot_id| BotToken {
            bot_id,
            secret: Secret::new(value),
        })
        .ok_or_else(|| {
            ConfigError::invalid(
                "TELEGRAM_BOT_TOKEN",
                "it must look like 123456789:AAE-letters_and-digits",
            )
        })
}

/// A base address: http or https, no query; a path is kept (a proxy may serve under one), its last slash is not.
fn parse_url(key: &'static str, value: &str) -> Result<Url, ConfigError> {
    let wrong = || ConfigError::invalid(key, "it must be an address like https://example.com");
    let mut url = Url::parse(value).map_err(|_| wrong())?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() || url.query().is_some() {
        return Err(wrong());
    }
    url.set_fragment(None);
    let path = url.path().trim_end_matches('/').to_owned();
    url.set_path(&path);
    Ok(url)
}

fn parse_mode(mode: &str, get: impl Fn(&str) -> Option<String>) -> Result<Mode, ConfigError> {
    match mode {
        "polling" => Ok(Mode::Polling),
        "webhook" => {
            let url = get("TELEGRAM_WEBHOOK_URL").ok_or(ConfigError::Missing {
                key: "TELEGRAM_WEBHOOK_URL",
                hint: "webhook mode needs the public address that Telegram calls, path included",
            })?;
            let url = parse_url("TELEGRAM_WEBHOOK_URL", &url)?;
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"/-_.~".contains(&b);
            if matches!(url.path(), "" | "/" | "/healthz" | "/readyz" | "/metrics") || !url.path().bytes().all(is_plain)
            {
                return Err(ConfigError::invalid(
                    "TELEGRAM_WEBHOOK_URL",
                    "it needs a path of its own, like https://example.com/telegram/webhook",
                ));
            }
            let secret = get("TELEGRAM_WEBHOOK_SECRET").ok_or(ConfigError::Missing {
                key: "TELEGRAM_WEBHOOK_SECRET",
                hint: "webhook mode needs a secret that proves that a call comes from Telegram",
            })?;
            // The alphabet and the upper bound are Telegram's (setWebhook), the lower one is ours.
            let is_secret_letter = |b: u8| b.is_ascii_alphanumeric() || b == b'_' || b == b'-';
            if !(16..=256).contains(&secret.len()) || !secret.bytes().all(is_secret_letter) {
                return Err(ConfigError::invalid(
                    "TELEGRAM_WEBHOOK_SECRET",
                    "it must be 16 to 256 of A-Z, a-z, 0-9, _ and -",
                ));
            }
            Ok(Mode::Webhook {
                url,
                secret: Secret(secret),
            })
        }
        _ => Err(ConfigError::invalid("TELEGRAM_MODE", "it must be polling or webhook")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(changes: &[(&str, &str)]) -> Result<Config, ConfigError> {
        let base = [
            ("TELEGRAM_BOT_TOKEN", "42:secret-letters"),
            ("CRM_API_TOKEN", "service-secret"),
        ];
        Config::from_lookup(|key| {
            changes
                .iter()
                .chain(&base)
                .find(|(k, _)| *k == key)
                .map(|(_, v)| (*v).to_owned())
        })
    }

    #[test]
    fn defaults_need_only_two_secrets() {
        let config = config(&[]).unwrap();
        assert_eq!(config.token.bot_id, 42);
        assert_eq!(config.telegram_url.as_str(), "https://api.telegram.org/");
        assert_eq!(config.crm_url.as_str(), "http://127.0.0.1:8080/");
        assert_eq!(config.mode, Mode::Polling);
        assert_eq!(config.addr.port(), 8081);
        assert_eq!(config.rate_per_second, 30);
    }

    #[test]
    fn a_wrong_value_is_refused_in_a_sentence_with_its_key() {
        for (key, value) in [
            ("TELEGRAM_BOT_TOKEN", ""),
            ("TELEGRAM_BOT_TOKEN", "no-colon"),
            ("TELEGRAM_BOT_TOKEN", "42:with/slash"),
            ("CRM_API_TOKEN", ""),
            ("CRM_API_TOKEN", "with space"),
            ("CRM_API_URL", "ftp://x"),
            ("TELEGRAM_API_URL", "not an address"),
            ("TELEGRAM_MODE", "pigeon"),
            ("TELEGRAM_RATE_PER_SECOND", "-1"),
            ("BOT_ADDR", "localhost"),
            ("LOG_FORMAT", "xml"),
        ] {
            let error = config(&[(key, value)]).expect_err(key);
            assert_eq!(error.key(), key);
            assert!(error.to_string().starts_with(key), "{error}");
            assert!(
                value.is_empty() || !error.to_string().contains(value),
                "the value leaks: {error}"
            );
        }
    }

    #[test]
    fn webhook_mode_needs_address_path_and_secret() {
        let mode = ("TELEGRAM_MODE", "webhook");
        let url = ("TELEGRAM_WEBHOOK_URL", "https://example.com/tg/hook");
        let secret = ("TELEGRAM_WEBHOOK_SECRET", "sixteen-letters-or-more");
        assert_eq!(config(&[mode, secret]).unwrap_err().key(), "TELEGRAM_WEBHOOK_URL");
        assert_eq!(config(&[mode, url]).unwrap_err().key(), "TELEGRAM_WEBHOOK_SECRET");
        let root = ("TELEGRAM_WEBHOOK_URL", "https://example.com/");
        assert_eq!(config(&[mode, root, secret]).unwrap_err().key(), "TELEGRAM_WEBHOOK_URL");
        let short = ("TELEGRAM_WEBHOOK_SECRET", "short");
        assert_eq!(
            config(&[mode, url, short]).unwrap_err().key(),
            "TELEGRAM_WEBHOOK_SECRET"
        );
        assert!(matches!(
            config(&[mode, url, secret]).unwrap().mode,
            Mode::Webhook { .. }
        ));
    }

    #[test]
    fn debug_shows_no_secret() {
        let shown = format!("{:?}", config(&[]).unwrap());
        assert!(
            !shown.contains("secret-letters") && !shown.contains("service-secret"),
            "{shown}"
        );
    }
}
