//! What the programs are started with: the environment, completed by `.env`, the kept secrets and, when no Telegram
//! token is configured, by the addresses of the sandbox. Pure: reading and writing happen elsewhere.

use std::collections::BTreeMap;
use std::net::{SocketAddr, ToSocketAddrs as _};

pub type Values = BTreeMap<String, String>;

const HTTP_ADDR: &str = "127.0.0.1:8080";
const BOT_ADDR: &str = "127.0.0.1:8081";
const SANDBOX_ADDR: &str = "127.0.0.1:8090";
const ADMIN_EMAIL: &str = "admin@voronka.local";

/// The token, trainer and spreadsheet that the sandbox knows from birth.
const SANDBOX_TOKEN: &str = "7000000001:SANDBOX-demo-token";
const SANDBOX_TRAINER: &str = "700000001";
/// So are the shop and the terminal of its banks.
const SANDBOX_SHOP: (&str, &str) = ("100500", "test_SANDBOX-demo-secret");
const SANDBOX_TERMINAL: (&str, &str) = ("1699999999999DEMO", "SANDBOX-demo-password");
const SANDBOX_DATA_FILE: &str = "data/sandbox.json";
/// Where its mail catcher listens, and who writes to it.
const SANDBOX_SMTP_ADDR: &str = "127.0.0.1:8025";
const SANDBOX_SENDER: &str = "Voronka <no-reply@voronka.local>";
const SANDBOX_SPREADSHEET: &str = "1VoronkaTemplatesDemo0000000001";

/// glibc keeps what was freed in an arena for each thread; a small machine would rather have it back. Drawing two programmes
/// left crm-api and bot at 87 MB without these and at 65 MB with them.
const ALLOCATOR: [(&str, &str); 4] = [
    ("MALLOC_ARENA_MAX", "1"),
    ("MALLOC_MMAP_THRESHOLD_", "32768"),
    ("MALLOC_TOP_PAD_", "16384"),
    ("MALLOC_TRIM_THRESHOLD_", "65536"),
];

#[derive(Debug, thiserror::Error, PartialEq, Eq)]
#[error("{key} is \"{value}\": expected an address such as 127.0.0.1:8080")]
pub struct BadAddress {
    pub key: &'static str,
    pub value: String,
}

#[derive(Debug)]
pub struct Settings {
    /// Everything the programs receive on top of what they inherit; never an empty value.
    pub values: Values,
    pub http: Listener,
    pub bot: Listener,
    /// Present when the sandbox plays the outside world.
    pub sandbox: Option<Listener>,
    pub admin_email: String,
    /// The generated one-time password; `None` when the owner chose one, which is nobody's to print.
    pub admin_password: Option<String>,
}

/// An address a program listens on, and the key that moves it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Listener {
    pub key: &'static str,
    pub addr: SocketAddr,
}

impl Listener {
    fn new(key: &'static str, configured: Option<&String>, default: &str) -> Result<Self, BadAddress> {
        let value = configured.map_or(default, String::as_str);
        let addr = value.to_socket_addrs().ok().and_then(|mut found| found.next());
        addr.map(|addr| Self { key, addr }).ok_or_else(|| BadAddress {
            key,
            value: value.to_owned(),
        })
    }

    /// The base URL as a program on this machine reaches it: a listener on every address is met on loopback.
    pub fn url(&self) -> String {
        match (self.addr.ip().is_unspecified(), self.addr.is_ipv4()) {
            (true, true) => format!("http://127.0.0.1:{}", self.addr.port()),
            (true, false) => format!("http://[::1]:{}", self.addr.port()),
            (false, _) => format!("http://{}", self.addr),
        }
    }
}

impl Settings {
    /// The environment wins over `.env`, and `.env` over the generated secrets.
    pub fn resolve(environment: Values, env_file: Values, secrets: Values) -> Result<Self, BadAddress> {
        let mut values = configured(environment, env_file);
        let admin_password = if values.contains_key("ADMIN_PASSWORD") {
            None
        } else {
            secrets.get("ADMIN_PASSWORD").cloned()
        };
        for (key, value) in secrets {
            values.entry(key).or_insert(value);
        }

        let http = Listener::new("HTTP_ADDR", values.get("HTTP_ADDR"), HTTP_ADDR)?;
        let bot = Listener::new("BOT_ADDR", values.get("BOT_ADDR"), BOT_ADDR)?;
        let sandbox = if values.contains_key("TELEGRAM_BOT_TOKEN") {
            None
        } else {
            let listener = Listener::new("SANDBOX_ADDR", values.get("SANDBOX_ADDR"), SANDBOX_ADDR)?;
            play_the_outside_world(&mut values, listener);
            Some(listener)
        };
        let mut default = |key: &str, value: String| values.entry(key.to_owned()).or_insert(value).clone();
        default("HTTP_ADDR", http.addr.to_string());
        default("BOT_ADDR", bot.addr.to_string());
        default("CRM_API_URL", http.url());
        default("PUBLIC_URL", http.url());
        if sandbox.is_some() {
            // The played banks send their notifications there.
            default("SANDBOX_PRODUCT_URL", http.url());
        }
        let admin_email = default("ADMIN_EMAIL", ADMIN_EMAIL.to_owned());
        for (key, value) in ALLOCATOR {
            default(key, value.to_owned());
        }
        Ok(Self {
            values,
            http,
            bot,
            sandbox,
            admin_email,
            admin_password,
        })
    }
}

/// What the owner configured, before anything is generated. An empty value is an absent one.
pub fn configured(environment: Values, env_file: Values) -> Values {
    let mut values = env_file;
    values.extend(environment);
    values.retain(|_, value| !value.is_empty());
    values
}

fn play_the_outside_world(values: &mut Values, listener: Listener) {
    let url = listener.url();
    // A token of the sandbox opens no other door, so these go together whatever was configured.
    values.insert("TELEGRAM_BOT_TOKEN".to_owned(), SANDBOX_TOKEN.to_owned());
    values.insert("TELEGRAM_API_URL".to_owned(), url.clone());

    // The rest is played only where the owner configured nothing, so that a real LLM can be tried from the chat page.
    const LLM: [&str; 5] = [
        "LLM_PROVIDER",
        "OPENAI_API_KEY",
        "OPENAI_BASE_URL",
        "YANDEX_API_KEY",
        "YANDEX_LLM_URL",
    ];
    if !LLM.iter().any(|key| values.contains_key(*key)) {
        values.insert("LLM_PROVIDER".to_owned(), "openai".to_owned());
        values.insert("OPENAI_API_KEY".to_owned(), "sandbox".to_owned());
        values.insert("OPENAI_BASE_URL".to_owned(), format!("{url}/openai/v1"));
        values.insert("YANDEX_LLM_URL".to_owned(), format!("{url}/yandex"));
    }
    if !values.contains_key("SHEETS_BASE_URL") && !values.contains_key("SHEETS_TEMPLATES_ID") {
        values.insert("SHEETS_BASE_URL".to_owned(), format!("{url}/google"));
        values.insert("SHEETS_TEMPLATES_ID".to_owned(), SANDBOX_SPREADSHEET.to_owned());
    }
    let mut bank = |id: &str, secret: &str, address: &str, account: (&str, &str), path: &str| {
        if ![id, secret, address].iter().any(|key| values.contains_key(*key)) {
            values.insert(id.to_owned(), account.0.to_owned());
            values.insert(secret.to_owned(), account.1.to_owned());
            values.insert(address.to_owned(), format!("{url}{path}"));
        }
    };
    bank(
        "YOOKASSA_SHOP_ID",
        "YOOKASSA_SECRET_KEY",
        "YOOKASSA_API_URL",
        SANDBOX_SHOP,
        "/yookassa/v3",
    );
    bank(
        "TBANK_TERMINAL_KEY",
        "TBANK_PASSWORD",
        "TBANK_API_URL",
        SANDBOX_TERMINAL,
        "/tbank",
    );
    catch_mail(values);
    let mut default = |key: &str, value: String| {
        values.entry(key.to_owned()).or_insert(value);
    };
    // The played banks stand behind a proxy of their own: it names their true addresses.
    default("TRUSTED_PROXIES", "127.0.0.1,::1".to_owned());
    default("SANDBOX_ADDR", listener.addr.to_string());
    // The clients' chats live as long as the clients in the database do.
    default("SANDBOX_DATA_FILE", SANDBOX_DATA_FILE.to_owned());
    default("CLOCK_URL", format!("{url}/sandbox/clock"));
    default("TRAINER_TELEGRAM_IDS", SANDBOX_TRAINER.to_owned());
    default("DEMO_DATA", "true".to_owned());
    // Every request is a line of the log; a first look at the product should not drown in them.
    default(
        "RUST_LOG",
        "info,crm_api::observe=warn,tokio_cron_scheduler=warn".to_owned(),
    );
}

/// Letters go to the catcher, unless the owner named a server of their own or switched the catcher off.
fn catch_mail(values: &mut Values) {
    let catcher = values
        .get("SANDBOX_SMTP_ADDR")
        .map_or(SANDBOX_SMTP_ADDR, String::as_str)
        .rsplit_once(':')
        .map(|(host, port)| (host.to_owned(), port.to_owned()));
    let is_configured = ["SMTP_HOST", "SMTP_FROM"].iter().any(|key| values.contains_key(*key));
    if let (Some((host, port)), false) = (catcher, is_configured) {
        values.insert("SMTP_HOST".to_owned(), host);
        values.insert("SMTP_PORT".to_owned(), port);
        values.insert("SMTP_TLS".to_owned(), "none".to_owned());
        values.insert("SMTP_FROM".to_owned(), SANDBOX_SENDER.to_owned());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn values(pairs: &[(&str, &str)]) -> Values {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn secrets() -> Values {
        values(&[
            ("ADMIN_PASSWORD", "abcd-efgh-jkmn-pqrs"),
            ("CRM_API_TOKEN", "kept"),
            ("MASTER_KEY", "k1:kept"),
        ])
    }

    #[test]
    fn without_a_token_the_sandbox_plays_the_outside_world() {
        let settings = Settings::resolve(Values::new(), Values::new(), secrets()).unwrap();
        assert_eq!(settings.sandbox.unwrap().url(), "http://127.0.0.1:8090");
        let expected = values(&[
            ("ADMIN_EMAIL", "admin@voronka.local"),
            ("ADMIN_PASSWORD", "abcd-efgh-jkmn-pqrs"),
            ("BOT_ADDR", "127.0.0.1:8081"),
            ("CLOCK_URL", "http://127.0.0.1:8090/sandbox/clock"),
            ("CRM_API_TOKEN", "kept"),
            ("CRM_API_URL", "http://127.0.0.1:8080"),
            ("DEMO_DATA", "true"),
            ("HTTP_ADDR", "127.0.0.1:8080"),
            ("LLM_PROVIDER", "openai"),
            ("MALLOC_ARENA_MAX", "1"),
            ("MALLOC_MMAP_THRESHOLD_", "32768"),
            ("MALLOC_TOP_PAD_", "16384"),
            ("MALLOC_TRIM_THRESHOLD_", "65536"),
            ("MASTER_KEY", "k1:kept"),
            ("OPENAI_API_KEY", "sandbox"),
            ("OPENAI_BASE_URL", "http://127.0.0.1:8090/openai/v1"),
            ("PUBLIC_URL", "http://127.0.0.1:8080"),
            ("RUST_LOG", "info,crm_api::observe=warn,tokio_cron_scheduler=warn"),
            ("SANDBOX_ADDR", "127.0.0.1:8090"),
            ("SANDBOX_DATA_FILE", "data/sandbox.json"),
            ("SANDBOX_PRODUCT_URL", "http://127.0.0.1:8080"),
            ("SHEETS_BASE_URL", "http://127.0.0.1:8090/google"),
            ("SHEETS_TEMPLATES_ID", "1VoronkaTemplatesDemo0000000001"),
            ("SMTP_FROM", "Voronka <no-reply@voronka.local>"),
            ("SMTP_HOST", "127.0.0.1"),
            ("SMTP_PORT", "8025"),
            ("SMTP_TLS", "none"),
            ("TBANK_API_URL", "http://127.0.0.1:8090/tbank"),
            ("TBANK_PASSWORD", "SANDBOX-demo-password"),
            ("TBANK_TERMINAL_KEY", "1699999999999DEMO"),
            ("TELEGRAM_API_URL", "http://127.0.0.1:8090"),
            ("TELEGRAM_BOT_TOKEN", "7000000001:SANDBOX-demo-token"),
            ("TRAINER_TELEGRAM_IDS", "700000001"),
            ("TRUSTED_PROXIES", "127.0.0.1,::1"),
            ("YANDEX_LLM_URL", "http://127.0.0.1:8090/yandex"),
            ("YOOKASSA_API_URL", "http://127.0.0.1:8090/yookassa/v3"),
            ("YOOKASSA_SECRET_KEY", "test_SANDBOX-demo-secret"),
            ("YOOKASSA_SHOP_ID", "100500"),
        ]);
        assert_eq!(settings.values, expected);
        assert_eq!(settings.admin_password.as_deref(), Some("abcd-efgh-jkmn-pqrs"));
    }

    #[test]
    fn a_real_token_brings_no_sandbox_and_no_demo_data() {
        let env_file = values(&[("TELEGRAM_BOT_TOKEN", "123:real")]);
        let settings = Settings::resolve(Values::new(), env_file, secrets()).unwrap();
        assert!(settings.sandbox.is_none());
        for key in [
            "TELEGRAM_API_URL",
            "OPENAI_BASE_URL",
            "CLOCK_URL",
            "DEMO_DATA",
            "SHEETS_BASE_URL",
            "YOOKASSA_SHOP_ID",
            "TBANK_TERMINAL_KEY",
            "TRUSTED_PROXIES",
            "SMTP_HOST",
        ] {
            assert!(!settings.values.contains_key(key), "{key}");
        }
        assert_eq!(settings.values["TELEGRAM_BOT_TOKEN"], "123:real");
    }

    #[test]
    fn the_environment_wins_over_the_file_and_the_file_over_the_generated() {
        let environment = values(&[("CRM_API_TOKEN", "environment"), ("MASTER_KEY", "")]);
        let env_file = values(&[
            ("CRM_API_TOKEN", "file"),
            ("MASTER_KEY", "k1:file"),
            ("ADMIN_PASSWORD", "chosen"),
        ]);
        let settings = Settings::resolve(environment, env_file, secrets()).unwrap();
        assert_eq!(settings.values["CRM_API_TOKEN"], "environment");
        // An empty value in the environment unsets nothing quietly: it counts as absent after the merge.
        assert_eq!(settings.values["MASTER_KEY"], "k1:kept");
        assert_eq!(settings.values["ADMIN_PASSWORD"], "chosen");
        assert_eq!(settings.admin_password, None);
    }

    #[test]
    fn a_configured_llm_or_sheet_is_left_alone_in_the_sandbox() {
        let env_file = values(&[
            ("OPENAI_API_KEY", "real"),
            ("SHEETS_TEMPLATES_ID", "mine"),
            ("TELEGRAM_API_URL", "https://api.telegram.org"),
        ]);
        let settings = Settings::resolve(Values::new(), env_file, secrets()).unwrap();
        assert_eq!(settings.values["OPENAI_API_KEY"], "real");
        assert!(!settings.values.contains_key("OPENAI_BASE_URL"));
        assert!(!settings.values.contains_key("SHEETS_BASE_URL"));
        assert_eq!(settings.values["TELEGRAM_API_URL"], "http://127.0.0.1:8090");
    }

    #[test]
    fn a_configured_bank_is_left_alone_in_the_sandbox() {
        let env_file = values(&[("YOOKASSA_SHOP_ID", "200600"), ("YOOKASSA_SECRET_KEY", "test_mine")]);
        let settings = Settings::resolve(Values::new(), env_file, secrets()).unwrap();
        assert_eq!(settings.values["YOOKASSA_SHOP_ID"], "200600");
        assert!(!settings.values.contains_key("YOOKASSA_API_URL"));
        assert_eq!(settings.values["TBANK_API_URL"], "http://127.0.0.1:8090/tbank");
    }

    #[test]
    fn letters_go_to_the_catcher_or_to_a_server_of_ones_own() {
        let of = |pairs: &[(&str, &str)]| {
            Settings::resolve(Values::new(), values(pairs), secrets())
                .unwrap()
                .values
        };
        let moved = of(&[("SANDBOX_SMTP_ADDR", "127.0.0.1:9025")]);
        assert_eq!(
            (moved["SMTP_HOST"].as_str(), moved["SMTP_PORT"].as_str()),
            ("127.0.0.1", "9025")
        );
        assert!(!of(&[("SANDBOX_SMTP_ADDR", "0")]).contains_key("SMTP_HOST"));
        let own = of(&[("SMTP_HOST", "smtp.example.com"), ("SMTP_FROM", "me@example.com")]);
        assert_eq!(own["SMTP_HOST"], "smtp.example.com");
        assert!(!own.contains_key("SMTP_PORT") && !own.contains_key("SMTP_TLS"));
    }

    #[test]
    fn addresses_move_with_their_keys_and_wrong_ones_are_named() {
        let env_file = values(&[("HTTP_ADDR", "0.0.0.0:9000"), ("SANDBOX_ADDR", "127.0.0.1:9090")]);
        let settings = Settings::resolve(Values::new(), env_file, secrets()).unwrap();
        assert_eq!(settings.values["CRM_API_URL"], "http://127.0.0.1:9000");
        assert_eq!(settings.values["CLOCK_URL"], "http://127.0.0.1:9090/sandbox/clock");

        let error = Settings::resolve(Values::new(), values(&[("BOT_ADDR", "8081")]), secrets()).unwrap_err();
        assert_eq!(error.key, "BOT_ADDR");
    }
}
