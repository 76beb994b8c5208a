//! The environment as one typed struct. What is wrong is told all at once, each in a sentence that names its key.

mod mail;
mod payments;

use std::fmt;
use std::net::SocketAddr;
use std::num::NonZeroU32;
use std::path::PathBuf;

use app::settings::wording::Provider;
use providers::llm::Dialect;
use store::MasterKeys;
use thiserror::Error;
use url::Url;

pub use self::mail::Mail;
pub use self::payments::{Addresses, Payments};
use crate::TrustedProxies;
use crate::telemetry::LogFormat;

/// A bot's token that is shorter could be guessed.
const MIN_TOKEN_LENGTH: usize = 16;

/// The scheduler's library talks about itself at every start.
const DEFAULT_FILTER: &str = "info,tokio_cron_scheduler=warn";

/// A value that must not show up in logs.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(String);

impl Secret {
    pub fn new(text: impl Into<String>) -> Self {
        Self(text.into())
    }

    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("***")
    }
}

#[derive(Debug, Clone)]
pub struct Config {
    pub database_url: Secret,
    pub http_addr: SocketAddr,
    pub public_url: Url,
    pub master_keys: MasterKeys,
    pub storage_url: String,
    pub crm_api_token: Secret,
    pub admin_email: String,
    /// Needed at the first start only.
    pub admin_password: Option<Secret>,
    pub trainer_telegram_ids: Vec<i64>,
    pub llm: Option<LlmSettings>,
    pub payments: Payments,
    /// `None`: no letters are written.
    pub mail: Option<Mail>,
    pub sheets_base_url: Url,
    pub sheets_templates_id: Option<String>,
    pub clock_url: Option<Url>,
    pub rate_limit_per_minute: NonZeroU32,
    pub trusted_proxies: TrustedProxies,
    pub has_demo_data: bool,
    pub extra_root_certs: Option<PathBuf>,
    /// The bot's own; here only the doctor looks at its form.
    pub telegram_bot_token: Option<Secret>,
    pub logs: LogSettings,
}

#[derive(Debug, Clone)]
pub struct LogSettings {
    pub format: LogFormat,
    /// `RUST_LOG`.
    pub filter: String,
}

#[derive(Debug, Clone)]
pub enum LlmSettings {
    /// OpenAI and ProxyAPI.
    OpenAi {
        provider: Provider,
        base_url: Option<String>,
        api_key: Secret,
        model: Option<String>,
    },
    /// YandexGPT by its own API or in compatibility mode.
    Yandex {
        provider: Provider,
        base_url: Option<String>,
        api_key: Secret,
        folder_id: String,
        model: Option<String>,
    },
}

/// Everything that is wrong with the environment, a sentence each.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{}", .0.join("\n"))]
pub struct ConfigErrors(pub Vec<String>);

/// Reads keys and collects what is wrong with them.
struct Reader<'a> {
    get: &'a dyn Fn(&str) -> Option<String>,
    wrong: Vec<String>,
}

impl Reader<'_> {
    /// Trimmed; an empty value counts as absent.
    fn text(&self, key: &str) -> Option<String> {
        (self.get)(key)
            .map(|value| value.trim().to_owned())
            .filter(|value| !value.is_empty())
    }

    fn refuse(&mut self, key: &str, sentence: impl fmt::Display) {
        self.wrong.push(format!("{key}: {sentence}"));
    }

    fn required(&mut self, key: &str, hint: &str) -> Option<String> {
        let value = self.text(key);
        if value.is_none() {
            self.refuse(key, format_args!("is missing; {hint}."));
        }
        value
    }

    fn parsed<T>(&mut self, key: &str, default: &str, hint: &str, parse: impl Fn(&str) -> Option<T>) -> Option<T> {
        let value = self.text(key);
        let parsed = parse(value.as_deref().unwrap_or(default));
        if parsed.is_none() {
            self.refuse(key, format_args!("{hint}."));
        }
        parsed
    }

    fn web_address(&mut self, key: &str, default: &str) -> Option<Url> {
        self.parsed(key, default, "is not an address such as https://example.com", |text| {
            Url::parse(text)
                .ok()
                .filter(|url| matches!(url.scheme(), "http" | "https") && url.has_host())
        })
    }
}

impl Config {
    /// Errors: every wrong or missing key at once.
    pub fn from_env() -> Result<Self, ConfigErrors> {
        Self::read(&|key| std::env::var(key).ok())
    }

    /// Errors: every wrong or missing key at once.
    pub fn read(get: &dyn Fn(&str) -> Option<String>) -> Result<Self, ConfigErrors> {
        let mut reader = Reader { get, wrong: Vec::new() };
        let r = &mut reader;
        let database_url = r.parsed(
            "DATABASE_URL",
            "sqlite://data/voronka.db",
            "must look like sqlite://data/voronka.db or postgres://user:password@host:5432/name",
            |text| {
                ["sqlite:", "postgres:", "postgresql:"]
                    .iter()
                    .any(|scheme| text.starts_with(scheme))
                    .then(|| Secret::new(text))
            },
        );
        let http_addr = r.parsed(
            "HTTP_ADDR",
            "127.0.0.1:8080",
            "is not an address with a port such as 127.0.0.1:8080",
            |text| text.parse().ok(),
        );
        let public_url = r.web_address("PUBLIC_URL", "http://127.0.0.1:8080");
        let key_hint = "make one with: echo \"k1:$(head -c 32 /dev/urandom | base64)\"";
        let master_keys = r
            .required("MASTER_KEY", key_hint)
            .and_then(|text| match MasterKeys::parse(&text) {
                Ok(keys) => Some(keys),
                Err(_) => {
                    let form =
                        "must look like k1:<base64 of 32 bytes>; several are separated by commas, the first one seals.";
                    r.refuse("MASTER_KEY", form);
                    None
                }
            });
        let storage_url = r.parsed(
            "STORAGE_URL",
            "file:data/files",
            "must look like file:data/files",
            |text| {
                text.strip_prefix("file:")
                    .is_some_and(|folder| !folder.is_empty())
                    .then(|| text.to_owned())
            },
        );
        let crm_api_token = bot_token(r);
        let admin_email = r.parsed(
            "ADMIN_EMAIL",
            "admin@voronka.local",
            "is not an e-mail address",
            |text| {
                let (name, host) = text.split_once('@')?;
                (!name.is_empty() && !host.is_empty() && !text.contains(char::is_whitespace)).then(|| text.to_owned())
            },
        );
        let admin_password = r.text("ADMIN_PASSWORD").map(Secret::new);
        if admin_password
            .as_ref()
            .is_some_and(|password| password.reveal().chars().count() < app::access::MIN_PASSWORD_CHARS)
        {
            r.refuse(
                "ADMIN_PASSWORD",
                format_args!("must have at least {} characters.", app::access::MIN_PASSWORD_CHARS),
            );
        }
        let trainer_telegram_ids = r.parsed(
            "TRAINER_TELEGRAM_IDS",
            "",
            "must be numbers separated by commas, such as 123456789",
            |text| {
                let ids = text.split(',').map(str::trim).filter(|id| !id.is_empty());
                ids.map(|id| id.parse::<i64>().ok()).collect::<Option<Vec<_>>>()
            },
        );
        let llm = llm(r);
        let payments = Payments::read_with(r);
        let mail = Mail::read_with(r);
        let sheets_base_url = r.web_address("SHEETS_BASE_URL", "https://docs.google.com");
        let sheets_templates_id = r.text("SHEETS_TEMPLATES_ID");
        let clock_url = match r.text("CLOCK_URL") {
            Some(text) => r.web_address("CLOCK_URL", &text),
            None => None,
        };
        let rate_limit_per_minute = r.parsed(
            "RATE_LIMIT_PER_MINUTE",
            "600",
            "must be a whole number from 1",
            |text| text.parse().ok(),
        );
        let trusted_proxies = r.parsed(
            "TRUSTED_PROXIES",
            "",
            "must be addresses or networks such as 10.0.0.0/8, separated by commas",
            |text| TrustedProxies::parse(text).ok(),
        );
        let has_demo_data = r.parsed("DEMO_DATA", "false", "must be true or false", |text| text.parse().ok());
        let extra_root_certs = r.text("EXTRA_ROOT_CERTS").map(PathBuf::from);
        let telegram_bot_token = r.text("TELEGRAM_BOT_TOKEN").map(Secret::new);
        let logs = LogSettings::read_with(r);
        let complete = (|| {
            Some(Self {
                database_url: database_url?,
                http_addr: http_addr?,
                public_url: public_url?,
                master_keys: master_keys?,
                storage_url: storage_url?,
                crm_api_token: crm_api_token?,
                admin_email: admin_email?,
                admin_password,
                trainer_telegram_ids: trainer_telegram_ids?,
                llm: llm?,
                payments: payments?,
                mail: mail?,
                sheets_base_url: sheets_base_url?,
                sheets_templates_id,
                clock_url,
                rate_limit_per_minute: rate_limit_per_minute?,
                trusted_proxies: trusted_proxies?,
                has_demo_data: has_demo_data?,
                extra_root_certs,
                telegram_bot_token,
                logs: logs?,
            })
        })();
        match complete {
            Some(config) if reader.wrong.is_empty() => Ok(config),
            _ => Err(ConfigErrors(reader.wrong)),
        }
    }
}

impl LogSettings {
    fn read_with(r: &mut Reader<'_>) -> Option<Self> {
        let format = r.parsed("LOG_FORMAT", "text", "must be text or json", LogFormat::parse)?;
        let filter = r.parsed(
            "RUST_LOG",
            DEFAULT_FILTER,
            "must look like info or info,sqlx=warn",
            |text| {
                tracing_subscriber::EnvFilter::try_new(text)
                    .ok()
                    .map(|_| text.to_owned())
            },
        )?;
        Some(Self { format, filter })
    }
}

fn bot_token(r: &mut Reader<'_>) -> Option<Secret> {
    let token = r.required(
        "CRM_API_TOKEN",
        "make one with: head -c 32 /dev/urandom | base64 | tr -d '/+='",
    )?;
    if token.len() < MIN_TOKEN_LENGTH || !token.bytes().all(|byte| byte.is_ascii_graphic()) {
        let sentence = format!("must have at least {MIN_TOKEN_LENGTH} visible ASCII characters and no spaces.");
        r.refuse("CRM_API_TOKEN", sentence);
        return None;
    }
    Some(Secret::new(token))
}

/// `Some(None)`: programmes go out in the plain wording. Addresses and models that are absent are the provider's usual ones.
fn llm(r: &mut Reader<'_>) -> Option<Option<LlmSettings>> {
    let name = r.text("LLM_PROVIDER").unwrap_or_else(|| "none".to_owned());
    let model = r.text("LLM_MODEL");
    let provider = match name.as_str() {
        "none" => return Some(None),
        "openai" => Provider::Openai,
        "proxyapi" => Provider::Proxyapi,
        "yandex" => Provider::Yandex,
        "yandex_openai" => Provider::YandexOpenai,
        _ => {
            r.refuse(
                "LLM_PROVIDER",
                "must be none, openai, proxyapi, yandex or yandex_openai.",
            );
            return None;
        }
    };
    let usual = provider.dialect().map(Dialect::usual_base_url).unwrap_or_default();
    let address = |r: &mut Reader<'_>, key: &str| match r.text(key) {
        Some(_) => r
            .web_address(key, usual)
            .map(|url| Some(url.as_str().trim_end_matches('/').to_owned())),
        None => Some(None),
    };
    if matches!(provider, Provider::Openai | Provider::Proxyapi) {
        let api_key = r.required("OPENAI_API_KEY", &format!("LLM_PROVIDER={name} needs the key"));
        let base_url = address(r, "OPENAI_BASE_URL");
        return Some(Some(LlmSettings::OpenAi {
            provider,
            base_url: base_url?,
            api_key: Secret::new(api_key?),
            model,
        }));
    }
    let api_key = r.required(
        "YANDEX_API_KEY",
        &format!("LLM_PROVIDER={name} needs the service account's key"),
    );
    let folder_id = r.required("YANDEX_FOLDER_ID", &format!("LLM_PROVIDER={name} needs the folder"));
    let base_url = address(r, "YANDEX_LLM_URL");
    Some(Some(LlmSettings::Yandex {
        provider,
        base_url: base_url?,
        api_key: Secret::new(api_key?),
        folder_id: folder_id?,
        model,
    }))
}

#[cfg(test)]
mod tests {
    use std::collections::HashMap;

    use super::*;

    const KEY: &str = "k1:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";

    pub(super) fn read(values: &[(&str, &str)]) -> Result<Config, ConfigErrors> {
        let mut all = HashMap::from([("MASTER_KEY", KEY), ("CRM_API_TOKEN", "0123456789abcdef0123")]);
        all.extend(values.iter().copied());
        Config::read(&|key| all.get(key).map(|value| (*value).to_owned()))
    }

    #[test]
    fn two_secrets_are_enough_and_the_rest_has_defaults() {
        let config = read(&[]).unwrap();
        assert_eq!(config.http_addr.to_string(), "127.0.0.1:8080");
        assert_eq!(config.database_url.reveal(), "sqlite://data/voronka.db");
        assert!(config.llm.is_none() && config.clock_url.is_none() && !config.has_demo_data);
    }

    #[test]
    fn everything_that_is_wrong_is_named_at_once() {
        let errors = read(&[
            ("MASTER_KEY", "short"),
            ("CRM_API_TOKEN", ""),
            ("DATABASE_URL", "mysql://x"),
            ("HTTP_ADDR", "localhost"),
            ("PUBLIC_URL", "example.com"),
            ("ADMIN_EMAIL", "nobody"),
            ("ADMIN_PASSWORD", "short"),
            ("TRAINER_TELEGRAM_IDS", "12,x"),
            ("LLM_PROVIDER", "yandex"),
            ("CLOCK_URL", "soon"),
            ("RATE_LIMIT_PER_MINUTE", "0"),
            ("TRUSTED_PROXIES", "proxy"),
            ("DEMO_DATA", "maybe"),
            ("LOG_FORMAT", "xml"),
            ("STORAGE_URL", "s3://bucket"),
        ])
        .unwrap_err();
        let keys: Vec<&str> = errors
            .0
            .iter()
            .map(|sentence| sentence.split(':').next().unwrap())
            .collect();
        let expected = [
            "DATABASE_URL",
            "HTTP_ADDR",
            "PUBLIC_URL",
            "MASTER_KEY",
            "STORAGE_URL",
            "CRM_API_TOKEN",
            "ADMIN_EMAIL",
            "ADMIN_PASSWORD",
            "TRAINER_TELEGRAM_IDS",
            "YANDEX_API_KEY",
            "YANDEX_FOLDER_ID",
            "CLOCK_URL",
            "RATE_LIMIT_PER_MINUTE",
            "TRUSTED_PROXIES",
            "DEMO_DATA",
            "LOG_FORMAT",
        ];
        assert_eq!(keys, expected);
        assert!(
            errors
                .0
                .iter()
                .all(|sentence| sentence.ends_with('.') || sentence.contains("make one with")),
            "{errors}"
        );
    }

    #[test]
    fn secrets_do_not_show_in_debug_output() {
        let config = read(&[
            ("ADMIN_PASSWORD", "correct horse"),
            ("DATABASE_URL", "postgres://me:hush@host/db"),
        ])
        .unwrap();
        let shown = format!("{config:?}");
        for secret in ["correct horse", "hush", "0123456789abcdef", "AAAAAAAA"] {
            assert!(!shown.contains(secret), "{shown}");
        }
    }
}
