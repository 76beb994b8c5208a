//! An installation that sells, with both banks played over their wire protocols, and an administrator at its till.

use std::sync::Arc;

use app::pay::Providers;
use crm_api::config::Addresses;
use providers::networks::Networks;
use providers::payments::tbank::{self, TBank};
use providers::payments::yookassa::{self, YooKassa};
use reqwest::{Method, Response};
use sandbox::driver::ClockAction;
use serde_json::{Value, json};

use crate::common::{Backend, Options, START_MS, TestWorld};
use crate::desk::{body, text};

#[macro_export]
macro_rules! at_both_tills {
    ($($behaviour:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour($crate::till::Till::open($crate::common::Backend::Sqlite).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour($crate::till::Till::open($crate::common::Backend::Postgres).await).await;
            })+
        }
    };
}

pub struct Till {
    pub world: TestWorld,
    pub bank: sandbox::Running,
    pub token: String,
    keys: std::sync::atomic::AtomicU32,
}

impl Till {
    pub async fn open(backend: Backend) -> Self {
        Self::open_with(backend, None).await
    }

    pub async fn open_with(backend: Backend, secret: Option<&str>) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = sandbox::Config {
            smtp_addr: None,
            ..sandbox::Config::default()
        };
        let bank = sandbox::start(config).await.unwrap();
        bank.move_clock(&ClockAction::Set { now_ms: START_MS }).await.unwrap();
        bank.move_clock(&ClockAction::Freeze).await.unwrap();
        let client = || providers::http_client(&[]).unwrap();
        let yookassa = YooKassa::new(
            client(),
            yookassa::Config {
                shop_id: "100500".into(),
                secret_key: "test_SANDBOX-demo-secret".into(),
                api_url: bank.url("/yookassa/v3").parse().unwrap(),
                networks: Networks::parse(yookassa::NETWORKS).unwrap(),
            },
        );
        let tbank = TBank::new(
            client(),
            tbank::Config {
                terminal_key: "1699999999999DEMO".into(),
                password: "SANDBOX-demo-password".into(),
                api_url: bank.url("/tbank/v2").parse().unwrap(),
                taxation: "usn_income".into(),
            },
        );
        let payments =
            Providers::new(vec![Arc::new(yookassa), Arc::new(tbank)]).with_webhook_secret(secret.map(str::to_owned));
        // The banks' addresses are what the hop in front of us says they are.
        let options = Options {
            payments,
            trusted_proxies: "127.0.0.1",
            ..Options::default()
        };
        let world = TestWorld::start_with(backend, options).await;
        let token = world.admin_token().await;
        Self {
            world,
            bank,
            token,
            keys: std::sync::atomic::AtomicU32::new(0),
        }
    }

    /// Nobody has keys yet, and the owner may enter them.
    pub async fn open_without_keys(backend: Backend) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let config = sandbox::Config {
            smtp_addr: None,
            ..sandbox::Config::default()
        };
        let bank = sandbox::start(config).await.unwrap();
        bank.move_clock(&ClockAction::Set { now_ms: START_MS }).await.unwrap();
        bank.move_clock(&ClockAction::Freeze).await.unwrap();
        let makers = addresses(&bank).makers(&providers::http_client(&[]).unwrap());
        let options = Options {
            payments: Providers::new(Vec::new()).with_makers(makers),
            trusted_proxies: "127.0.0.1",
            ..Options::default()
        };
        let world = TestWorld::start_with(backend, options).await;
        let token = world.admin_token().await;
        Self {
            world,
            bank,
            token,
            keys: std::sync::atomic::AtomicU32::new(0),
        }
    }

    pub async fn get(&self, path: &str) -> Response {
        self.world.get(path, &self.token).send().await.unwrap()
    }

    pub async fn read(&self, path: &str) -> Value {
        body(self.get(path).await, 200).await
    }

    /// Under a key of its own.
    pub async fn post(&self, path: &str, sent: &Value) -> Response {
        let number = self.keys.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        self.post_as(&self.token, path, &format!("key-{number}"), sent).await
    }

    pub async fn post_as(&self, token: &str, path: &str, key: &str, sent: &Value) -> Response {
        let request = self.world.post(path, token, sent).header("idempotency-key", key);
        request.send().await.unwrap()
    }

    pub async fn put(&self, path: &str, version: i64, sent: &Value) -> Response {
        let request = self.world.request(Method::PUT, path).bearer_auth(&self.token);
        let request = request.header("if-match", format!("\"{version}\""));
        request.json(sent).send().await.unwrap()
    }

    pub async fn client(&self, name: &str) -> String {
        let made = body(self.post("/api/clients", &json!({ "name": name })).await, 201).await;
        text(&made["id"]).to_owned()
    }

    pub async fn product(&self, code: &str, minor: i64) -> String {
        let made = body(self.post("/api/products", &a_product(code, minor)).await, 201).await;
        text(&made["id"]).to_owned()
    }

    /// An order of one piece that waits for its payment.
    pub async fn order(&self, client: &str, product: &str, promo: Option<&str>) -> Value {
        let wanted = json!({ "client_id": client, "items": [{ "product_id": product }], "promo_code": promo });
        body(self.post("/api/orders", &wanted).await, 201).await
    }

    /// A fresh client's order over 1 000.00 RUB.
    pub async fn an_order(&self) -> Value {
        let client = self.client("Анна").await;
        let product = match self.read("/api/products").await["items"]
            .as_array()
            .unwrap()
            .iter()
            .find(|item| item["code"] == "thing")
        {
            Some(known) => text(&known["id"]).to_owned(),
            None => self.product("thing", 100_000).await,
        };
        self.order(&client, &product, None).await
    }

    pub async fn start(&self, order: &Value, provider: &str) -> Value {
        let wanted = json!({ "order_id": order["id"], "provider": provider });
        body(self.post("/api/payments/create", &wanted).await, 200).await
    }

    /// Paid in cash.
    pub async fn take_cash(&self, order: &Value) -> Value {
        let wanted = json!({ "order_id": order["id"], "note": "наличными" });
        body(self.post("/api/payments/manual", &wanted).await, 201).await
    }

    pub async fn status_of(&self, kind: &str, thing: &Value) -> String {
        let found = self.read(&format!("/api/{kind}/{}", text(&thing["id"]))).await;
        text(&found["status"]).to_owned()
    }

    /// A notification as YooKassa sends it, from one of its addresses.
    pub async fn tell(&self, path: &str, from: &str, sent: &Value) -> Response {
        let request = self.world.request(Method::POST, path).header("x-forwarded-for", from);
        request.json(sent).send().await.unwrap()
    }

    pub async fn run_jobs(&self) {
        self.world.run_due_jobs().await;
    }
}

pub fn addresses(bank: &sandbox::Running) -> Addresses {
    Addresses {
        yookassa_api_url: bank.url("/yookassa/v3").parse().unwrap(),
        yookassa_networks: Networks::parse(yookassa::NETWORKS).unwrap(),
        tbank_api_url: bank.url("/tbank/v2").parse().unwrap(),
        tbank_taxation: "usn_income".to_owned(),
    }
}

pub const YOOKASSA: &str = "185.71.76.5";

pub fn succeeded(provider_payment: &Value) -> Value {
    json!({ "type": "notification", "event": "payment.succeeded", "object": { "id": provider_payment, "status": "succeeded" } })
}

pub fn a_product(code: &str, minor: i64) -> Value {
    json!({
        "code": code,
        "title": { "ru": "Разбор техники", "en": "Technique review" },
        "delivery": { "ru": "Тренер пишет в течение дня", "en": "The trainer writes within a day" },
        "grants": ["by_hand"],
        "price": rub(minor),
    })
}

pub fn rub(minor: i64) -> Value {
    json!({ "amount_minor": minor, "currency": "RUB" })
}
