//! Who takes the money: a provider is there when both its keys are, and half a pair is a mistake.

use std::sync::Arc;

use app::pay::Providers;
use app::pay::keys::{Field, Maker, Values, WrongField};
use domain::language::Language;
use providers::networks::Networks;
use providers::payments::PaymentProvider;
use providers::payments::tbank::{self, TBank};
use providers::payments::yookassa::{self, YooKassa};
use url::Url;

use super::{Reader, Secret};

/// The payment providers of this installation.
#[derive(Debug, Clone)]
pub struct Payments {
    pub yookassa: Option<YooKassaSettings>,
    pub tbank: Option<TBankSettings>,
    /// Where they are, whoever has keys for them.
    pub addresses: Addresses,
    /// The last part of the notifications' addresses, if they shall not be guessed.
    pub webhook_secret: Option<Secret>,
}

#[derive(Debug, Clone)]
pub struct YooKassaSettings {
    pub shop_id: String,
    pub secret_key: Secret,
}

#[derive(Debug, Clone)]
pub struct TBankSettings {
    pub terminal_key: String,
    pub password: Secret,
}

/// What is not the owner's to enter.
#[derive(Debug, Clone)]
pub struct Addresses {
    pub yookassa_api_url: Url,
    pub yookassa_networks: Networks,
    pub tbank_api_url: Url,
    /// Unless the owner says otherwise with their keys.
    pub tbank_taxation: String,
}

impl Payments {
    pub(super) fn read_with(r: &mut Reader<'_>) -> Option<Self> {
        let addresses = addresses(r);
        let yookassa = yookassa(r);
        let tbank = tbank(r);
        let webhook_secret = r.text("WEBHOOK_SECRET");
        if webhook_secret.as_deref().is_some_and(|secret| !is_path_part(secret)) {
            r.refuse(
                "WEBHOOK_SECRET",
                "16 to 64 Latin letters and digits: it becomes a part of an address.",
            );
        }
        Some(Self {
            yookassa: yookassa?,
            tbank: tbank?,
            addresses: addresses?,
            webhook_secret: webhook_secret.map(Secret::new),
        })
    }

    /// A line for the doctor: who takes payments, and whether real money moves. `None` when nobody does.
    pub fn summary(&self) -> Option<String> {
        let yookassa = self.yookassa.as_ref().map(|shop| {
            let kind = kind(is_test_shop(shop));
            format!("YooKassa, shop {} ({kind})", shop.shop_id)
        });
        let tbank = self.tbank.as_ref().map(|terminal| {
            let kind = kind(is_test_terminal(terminal));
            format!("T-Bank, terminal {} ({kind})", terminal.terminal_key)
        });
        let all: Vec<String> = [yookassa, tbank].into_iter().flatten().collect();
        (!all.is_empty()).then(|| all.join("; "))
    }

    pub fn takes_real_money(&self) -> bool {
        let shop = self.yookassa.as_ref();
        let terminal = self.tbank.as_ref();
        shop.is_some_and(|shop| !is_test_shop(shop)) || terminal.is_some_and(|terminal| !is_test_terminal(terminal))
    }

    /// The adapters, in the order in which they are offered.
    pub fn providers(&self, http: &reqwest::Client) -> Providers {
        let mut all: Vec<Arc<dyn PaymentProvider>> = Vec::new();
        if let Some(shop) = &self.yookassa {
            all.push(self.addresses.yookassa(http, &shop.shop_id, shop.secret_key.reveal()));
        }
        if let Some(terminal) = &self.tbank {
            let (key, password) = (&terminal.terminal_key, terminal.password.reveal());
            all.push(
                self.addresses
                    .tbank(http, key, password, &self.addresses.tbank_taxation),
            );
        }
        let secret = self.webhook_secret.as_ref().map(|secret| secret.reveal().to_owned());
        Providers::new(all)
            .with_makers(self.addresses.makers(http))
            .with_webhook_secret(secret)
    }
}

/// The one place that names adapters.
impl Addresses {
    fn yookassa(&self, http: &reqwest::Client, shop_id: &str, secret_key: &str) -> Arc<dyn PaymentProvider> {
        Arc::new(YooKassa::new(
            http.clone(),
            yookassa::Config {
                shop_id: shop_id.to_owned(),
                secret_key: secret_key.to_owned(),
                api_url: self.yookassa_api_url.clone(),
                networks: self.yookassa_networks.clone(),
            },
        ))
    }

    fn tbank(
        &self,
        http: &reqwest::Client,
        terminal_key: &str,
        password: &str,
        taxation: &str,
    ) -> Arc<dyn PaymentProvider> {
        Arc::new(TBank::new(
            http.clone(),
            tbank::Config {
                terminal_key: terminal_key.to_owned(),
                password: password.to_owned(),
                api_url: self.tbank_api_url.clone(),
                taxation: taxation.to_owned(),
            },
        ))
    }

    /// What an owner may enter keys for.
    pub fn makers(&self, http: &reqwest::Client) -> Vec<Arc<dyn Maker>> {
        let (addresses, http) = (self.clone(), http.clone());
        vec![
            Arc::new(YooKassaMaker {
                addresses: addresses.clone(),
                http: http.clone(),
            }),
            Arc::new(TBankMaker { addresses, http }),
        ]
    }
}

#[derive(Debug)]
struct YooKassaMaker {
    addresses: Addresses,
    http: reqwest::Client,
}

impl Maker for YooKassaMaker {
    fn code(&self) -> &'static str {
        yookassa::CODE
    }

    fn title(&self, language: Language) -> &'static str {
        yookassa::title(language)
    }

    fn fields(&self) -> &'static [Field] {
        &[
            Field {
                name: "shop_id",
                is_secret: false,
                is_required: true,
            },
            Field {
                name: "secret_key",
                is_secret: true,
                is_required: true,
            },
        ]
    }

    fn make(&self, values: &Values) -> Result<Arc<dyn PaymentProvider>, Vec<WrongField>> {
        let (shop_id, secret_key) = (text(values, "shop_id"), text(values, "secret_key"));
        let mut wrong = Vec::new();
        if !is_shop_id(shop_id) {
            wrong.push(("shop_id", SHOP_ID.to_owned()));
        }
        if !is_secret_key(secret_key) {
            wrong.push(("secret_key", SECRET_KEY.to_owned()));
        }
        if wrong.is_empty() {
            Ok(self.addresses.yookassa(&self.http, shop_id, secret_key))
        } else {
            Err(wrong)
        }
    }
}

#[derive(Debug)]
struct TBankMaker {
    addresses: Addresses,
    http: reqwest::Client,
}

impl Maker for TBankMaker {
    fn code(&self) -> &'static str {
        tbank::CODE
    }

    fn title(&self, language: Language) -> &'static str {
        tbank::title(language)
    }

    fn fields(&self) -> &'static [Field] {
        &[
            Field {
                name: "terminal_key",
                is_secret: false,
                is_required: true,
            },
            Field {
                name: "password",
                is_secret: true,
                is_required: true,
            },
            Field {
                name: "taxation",
                is_secret: false,
                is_required: false,
            },
        ]
    }

    fn make(&self, values: &Values) -> Result<Arc<dyn PaymentProvider>, Vec<WrongField>> {
        let (terminal_key, password) = (text(values, "terminal_key"), text(values, "password"));
        let taxation = values.get("taxation").unwrap_or(&self.addresses.tbank_taxation);
        let mut wrong = Vec::new();
        if !is_terminal_key(terminal_key) {
            wrong.push(("terminal_key", TERMINAL_KEY.to_owned()));
        }
        if !is_visible(password) {
            wrong.push(("password", PASSWORD.to_owned()));
        }
        if !tbank::TAXATIONS.contains(&taxation) {
            wrong.push(("taxation", TAXATION.to_owned()));
        }
        if wrong.is_empty() {
            Ok(self.addresses.tbank(&self.http, terminal_key, password, taxation))
        } else {
            Err(wrong)
        }
    }
}

fn text<'a>(values: &'a Values, name: &str) -> &'a str {
    values.get(name).unwrap_or_default()
}

fn is_test_shop(shop: &YooKassaSettings) -> bool {
    shop.secret_key.reveal().starts_with("test_")
}

fn is_test_terminal(terminal: &TBankSettings) -> bool {
    terminal.terminal_key.ends_with("DEMO")
}

const fn kind(is_test: bool) -> &'static str {
    if is_test { "test" } else { "real money" }
}

/// Both or none. `Some(None)`: the provider is not configured.
fn pair(r: &mut Reader<'_>, id: &'static str, secret: &'static str) -> Option<Option<(String, String)>> {
    match (r.text(id), r.text(secret)) {
        (None, None) => Some(None),
        (Some(one), Some(other)) => Some(Some((one, other))),
        (Some(_), None) => {
            r.refuse(secret, format_args!("is missing; {id} is set and needs it."));
            None
        }
        (None, Some(_)) => {
            r.refuse(id, format_args!("is missing; {secret} is set and needs it."));
            None
        }
    }
}

fn addresses(r: &mut Reader<'_>) -> Option<Addresses> {
    let yookassa_api_url = r.web_address("YOOKASSA_API_URL", yookassa::API_URL);
    let yookassa_networks = r.parsed(
        "YOOKASSA_NETWORKS",
        &yookassa::NETWORKS.join(","),
        "must be networks such as 185.71.76.0/27 or addresses, separated by commas",
        |text| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Networks::parse(parts).ok()
        },
    );
    let tbank_api_url = r.web_address("TBANK_API_URL", tbank::API_URL);
    let tbank_taxation = r.parsed("TBANK_TAXATION", "usn_income", TAXATION, |text| {
        tbank::TAXATIONS.contains(&text).then(|| text.to_owned())
    });
    Some(Addresses {
        yookassa_api_url: yookassa_api_url?,
        yookassa_networks: yookassa_networks?,
        tbank_api_url: tbank_api_url?,
        tbank_taxation: tbank_taxation?,
    })
}

fn yookassa(r: &mut Reader<'_>) -> Option<Option<YooKassaSettings>> {
    let Some((shop_id, secret_key)) = pair(r, "YOOKASSA_SHOP_ID", "YOOKASSA_SECRET_KEY")? else {
        return Some(None);
    };
    let (is_shop, is_key) = (is_shop_id(&shop_id), is_secret_key(&secret_key));
    if !is_shop {
        r.refuse("YOOKASSA_SHOP_ID", format_args!("{SHOP_ID}."));
    }
    if !is_key {
        r.refuse("YOOKASSA_SECRET_KEY", format_args!("{SECRET_KEY}."));
    }
    (is_shop && is_key).then(|| {
        Some(YooKassaSettings {
            shop_id,
            secret_key: Secret::new(secret_key),
        })
    })
}

fn tbank(r: &mut Reader<'_>) -> Option<Option<TBankSettings>> {
    let Some((terminal_key, password)) = pair(r, "TBANK_TERMINAL_KEY", "TBANK_PASSWORD")? else {
        return Some(None);
    };
    let (is_terminal, is_password) = (is_terminal_key(&terminal_key), is_visible(&password));
    if !is_terminal {
        r.refuse("TBANK_TERMINAL_KEY", format_args!("{TERMINAL_KEY}."));
    }
    if !is_password {
        r.refuse("TBANK_PASSWORD", format_args!("{PASSWORD}."));
    }
    (is_terminal && is_password).then(|| {
        Some(TBankSettings {
            terminal_key,
            password: Secret::new(password),
        })
    })
}

const SHOP_ID: &str = "must be the shop's number, such as 100500";
const SECRET_KEY: &str = "must begin with test_ or live_, as the shop's account shows it";
const TERMINAL_KEY: &str = "must be letters and digits such as 1699999999999DEMO, as the terminal's page shows it";
const PASSWORD: &str = "must be visible ASCII characters without spaces";
const TAXATION: &str = "must be osn, usn_income, usn_income_outcome, esn or patent";

fn is_shop_id(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit())
}

fn is_secret_key(text: &str) -> bool {
    ["test_", "live_"].iter().any(|kind| text.starts_with(kind)) && is_visible(text)
}

fn is_terminal_key(text: &str) -> bool {
    (1..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

fn is_path_part(text: &str) -> bool {
    (16..=64).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_alphanumeric())
}

/// What a copied line break or quotation mark of another alphabet is not.
fn is_visible(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::super::tests::read;

    const SHOP: [(&str, &str); 2] = [("YOOKASSA_SHOP_ID", "100500"), ("YOOKASSA_SECRET_KEY", "test_hush")];
    const TERMINAL: [(&str, &str); 2] = [("TBANK_TERMINAL_KEY", "1699999999999DEMO"), ("TBANK_PASSWORD", "hush!")];

    fn http() -> reqwest::Client {
        let _ = rustls::crypto::ring::default_provider().install_default();
        providers::http_client(&[]).unwrap()
    }

    fn refusal(values: &[(&str, &str)]) -> String {
        read(values).unwrap_err().to_string()
    }

    #[test]
    fn without_keys_nobody_takes_payments() {
        let config = read(&[]).unwrap();
        assert_eq!(config.payments.summary(), None);
        assert!(config.payments.providers(&http()).all().is_empty());
    }

    #[test]
    fn a_pair_is_enough_and_the_rest_has_defaults() {
        let config = read(&[SHOP, TERMINAL].concat()).unwrap();
        let codes: Vec<&str> = config
            .payments
            .providers(&http())
            .all()
            .iter()
            .map(|one| one.code())
            .collect();
        assert_eq!(codes, ["yookassa", "tbank"]);
        let addresses = &config.payments.addresses;
        assert_eq!(addresses.yookassa_api_url.as_str(), "https://api.yookassa.ru/v3");
        assert!(addresses.yookassa_networks.contain("185.71.76.10".parse().unwrap()));
        assert!(!addresses.yookassa_networks.contain("127.0.0.1".parse().unwrap()));
        assert_eq!(addresses.tbank_taxation, "usn_income");
        let summary = config.payments.summary().unwrap();
        assert_eq!(
            summary,
            "YooKassa, shop 100500 (test); T-Bank, terminal 1699999999999DEMO (test)"
        );
        assert!(!config.payments.takes_real_money());
        let live = read(&[SHOP[0], ("YOOKASSA_SECRET_KEY", "live_x")]).unwrap();
        assert!(live.payments.summary().unwrap().contains("real money"));
        assert!(live.payments.takes_real_money());
    }

    #[test]
    fn half_a_pair_names_the_missing_key() {
        for (given, missing) in [
            (SHOP[0], "YOOKASSA_SECRET_KEY"),
            (SHOP[1], "YOOKASSA_SHOP_ID"),
            (TERMINAL[0], "TBANK_PASSWORD"),
            (TERMINAL[1], "TBANK_TERMINAL_KEY"),
        ] {
            let sentence = format!("{missing}: is missing; {} is set and needs it.", given.0);
            assert_eq!(refusal(&[given]), sentence);
        }
    }

    #[test]
    fn wrong_forms_are_named_with_their_key() {
        for (key, value) in [
            ("YOOKASSA_SHOP_ID", "my shop"),
            ("YOOKASSA_SECRET_KEY", "hush"),
            ("YOOKASSA_API_URL", "yookassa.ru"),
            ("WEBHOOK_SECRET", "short"),
            ("YOOKASSA_NETWORKS", "185.71.76.0/99"),
            ("TBANK_TERMINAL_KEY", "1699 DEMO"),
            ("TBANK_PASSWORD", "пароль"),
            ("TBANK_API_URL", "ftp://bank"),
            ("TBANK_TAXATION", "usn"),
        ] {
            let all: Vec<_> = [SHOP, TERMINAL]
                .concat()
                .into_iter()
                .filter(|(other, _)| *other != key)
                .chain([(key, value)])
                .collect();
            let told = refusal(&all);
            assert!(
                told.starts_with(&format!("{key}: ")) && told.lines().count() == 1,
                "{told}"
            );
            assert!(!told.contains("hush"), "{told}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let shown = format!("{:?}", read(&[SHOP, TERMINAL].concat()).unwrap());
        assert!(!shown.contains("hush"), "{shown}");
    }
}
