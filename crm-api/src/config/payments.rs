//! Who takes the money: a provider is there when both its keys are, and half a pair is a mistake.

use std::sync::Arc;

use app::pay::Providers;
use providers::networks::Networks;
use providers::payments::PaymentProvider;
use providers::payments::tbank::{self, TBank};
use providers::payments::yookassa::{self, YooKassa};
use url::Url;

use super::{Reader, Secret};

/// The payment providers of this installation.
#[derive(Debug, Clone, Default)]
pub struct Payments {
    pub yookassa: Option<YooKassaSettings>,
    pub tbank: Option<TBankSettings>,
    /// The last part of the notifications' addresses, if they shall not be guessed.
    pub webhook_secret: Option<Secret>,
}

#[derive(Debug, Clone)]
pub struct YooKassaSettings {
    pub shop_id: String,
    pub secret_key: Secret,
    pub api_url: Url,
    pub networks: Networks,
}

#[derive(Debug, Clone)]
pub struct TBankSettings {
    pub terminal_key: String,
    pub password: Secret,
    pub api_url: Url,
    pub taxation: String,
}

impl Payments {
    pub(super) fn read_with(r: &mut Reader<'_>) -> Option<Self> {
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

    /// The adapters, in the order in which they are offered. The one place that names them.
    pub fn providers(&self, http: &reqwest::Client) -> Providers {
        let mut all: Vec<Arc<dyn PaymentProvider>> = Vec::new();
        if let Some(shop) = &self.yookassa {
            all.push(Arc::new(YooKassa::new(
                http.clone(),
                yookassa::Config {
                    shop_id: shop.shop_id.clone(),
                    secret_key: shop.secret_key.reveal().to_owned(),
                    api_url: shop.api_url.clone(),
                    networks: shop.networks.clone(),
                },
            )));
        }
        if let Some(terminal) = &self.tbank {
            all.push(Arc::new(TBank::new(
                http.clone(),
                tbank::Config {
                    terminal_key: terminal.terminal_key.clone(),
                    password: terminal.password.reveal().to_owned(),
                    api_url: terminal.api_url.clone(),
                    taxation: terminal.taxation.clone(),
                },
            )));
        }
        let secret = self.webhook_secret.as_ref().map(|secret| secret.reveal().to_owned());
        Providers::new(all).with_webhook_secret(secret)
    }
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

fn yookassa(r: &mut Reader<'_>) -> Option<Option<YooKassaSettings>> {
    let keys = pair(r, "YOOKASSA_SHOP_ID", "YOOKASSA_SECRET_KEY");
    let api_url = r.web_address("YOOKASSA_API_URL", yookassa::API_URL);
    let networks = r.parsed(
        "YOOKASSA_NETWORKS",
        &yookassa::NETWORKS.join(","),
        "must be networks such as 185.71.76.0/27 or addresses, separated by commas",
        |text| {
            let parts = text.split(',').map(str::trim).filter(|part| !part.is_empty());
            Networks::parse(parts).ok()
        },
    );
    let Some((shop_id, secret_key)) = keys? else {
        return Some(None);
    };
    let is_shop = shop_id.bytes().all(|byte| byte.is_ascii_digit());
    if !is_shop {
        r.refuse("YOOKASSA_SHOP_ID", "must be the shop's number, such as 100500.");
    }
    let is_key = ["test_", "live_"].iter().any(|kind| secret_key.starts_with(kind)) && is_visible(&secret_key);
    if !is_key {
        r.refuse(
            "YOOKASSA_SECRET_KEY",
            "must begin with test_ or live_, as the shop's account shows it.",
        );
    }
    if !is_shop || !is_key {
        return None;
    }
    Some(Some(YooKassaSettings {
        shop_id,
        secret_key: Secret::new(secret_key),
        api_url: api_url?,
        networks: networks?,
    }))
}

fn tbank(r: &mut Reader<'_>) -> Option<Option<TBankSettings>> {
    let keys = pair(r, "TBANK_TERMINAL_KEY", "TBANK_PASSWORD");
    let api_url = r.web_address("TBANK_API_URL", tbank::API_URL);
    let taxation = r.parsed(
        "TBANK_TAXATION",
        "usn_income",
        "must be osn, usn_income, usn_income_outcome, esn or patent",
        |text| tbank::TAXATIONS.contains(&text).then(|| text.to_owned()),
    );
    let Some((terminal_key, password)) = keys? else {
        return Some(None);
    };
    let is_terminal = terminal_key.len() <= 64 && terminal_key.bytes().all(|byte| byte.is_ascii_alphanumeric());
    if !is_terminal {
        r.refuse(
            "TBANK_TERMINAL_KEY",
            "must be letters and digits such as 1699999999999DEMO, as the terminal's page shows it.",
        );
    }
    let is_password = is_visible(&password);
    if !is_password {
        r.refuse("TBANK_PASSWORD", "must be visible ASCII characters without spaces.");
    }
    if !is_terminal || !is_password {
        return None;
    }
    Some(Some(TBankSettings {
        terminal_key,
        password: Secret::new(password),
        api_url: api_url?,
        taxation: taxation?,
    }))
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
        let shop = config.payments.yookassa.as_ref().unwrap();
        assert_eq!(shop.api_url.as_str(), "https://api.yookassa.ru/v3");
        assert!(shop.networks.contain("185.71.76.10".parse().unwrap()));
        assert!(!shop.networks.contain("127.0.0.1".parse().unwrap()));
        assert_eq!(config.payments.tbank.as_ref().unwrap().taxation, "usn_income");
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
