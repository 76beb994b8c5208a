//! An installation that sells, its banks, and a browser without script.

use std::sync::Arc;
use std::time::{Duration, Instant};

use app::pay::Providers;
use app::pay::place::{self, Basket};
use app::settings::Brand;
use app::settings::payments::{PaymentSettings, ReceiptMode};
use app::{Actor, Caller, Role};
use domain::ids::ClientId;
use domain::language::Language;
use domain::money::BasisPoints;
use domain::promo::{Discount, PromoCode};
use providers::mail::{MailConfig, Mailer, Protection};
use providers::networks::Networks;
use providers::payments::tbank::{self, TBank};
use providers::payments::yookassa::{self, YooKassa};
use reqwest::header::{HeaderMap, LOCATION};
use sandbox::driver::{ClockAction, MoneyState};
use serde_json::{Value, json};
use store::{ClientFilter, Order, PageRequest, Payment, PaymentFilter, StoredPromoCode};

use crate::common::{Backend, Chat, Options, START_MS, TestWorld};

const ALL: PageRequest = PageRequest {
    limit: 100,
    after: None,
};
/// Pages ask a provider every few seconds at most.
const PATIENCE: Duration = Duration::from_secs(20);

pub struct Shop {
    pub world: TestWorld,
    pub bank: sandbox::Running,
    http: reqwest::Client,
}

/// What a browser got.
pub struct Page {
    pub status: u16,
    pub headers: HeaderMap,
    pub text: String,
}

impl Page {
    pub fn has(&self, words: &str) -> bool {
        self.text.replace('\u{a0}', " ").contains(words)
    }

    pub fn location(&self) -> String {
        assert_eq!(self.status, 303, "{}", self.text);
        self.headers[LOCATION].to_str().unwrap().to_owned()
    }

    /// What stands between two texts.
    pub fn between(&self, before: &str, after: &str) -> Option<String> {
        let (_, rest) = self.text.split_once(before)?;
        let (found, _) = rest.split_once(after)?;
        Some(found.replace("&amp;", "&"))
    }

    /// The hash of the offer as it stands on the page.
    pub fn offer(&self) -> String {
        self.between("name=\"offer\" value=\"", "\"").unwrap()
    }
}

impl Shop {
    pub async fn open(backend: Backend) -> Self {
        Self::open_with(backend, false).await
    }

    /// One that writes letters.
    pub async fn open_writing(backend: Backend) -> Self {
        Self::open_with(backend, true).await
    }

    async fn open_with(backend: Backend, writes_letters: bool) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let bank = sandbox::start(sandbox::Config {
            smtp_addr: sandbox::Config::default().smtp_addr.filter(|_| writes_letters),
            ..sandbox::Config::default()
        })
        .await
        .unwrap();
        let mail = bank.smtp_addr.map(|smtp| {
            Mailer::new(&MailConfig {
                host: smtp.ip().to_string(),
                port: smtp.port(),
                protection: Protection::None,
                credentials: None,
                from: "no-reply@voronka.example".into(),
                roots: Vec::new(),
            })
            .unwrap()
        });
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
        let options = Options {
            payments: Providers::new(vec![Arc::new(yookassa), Arc::new(tbank)]),
            mail,
            ..Options::default()
        };
        let world = TestWorld::start_with(backend, options).await;
        let brand = Brand {
            telegram_bot_username: Some("voronka_test_bot".into()),
            ..Brand::default()
        };
        let mut tx = world.app.tenant(&world.tenant).write().await.unwrap();
        tx.save_setting("brand", &serde_json::to_string(&brand).unwrap(), 1, world.app.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        Self {
            world,
            bank,
            http: reqwest::Client::builder()
                .redirect(reqwest::redirect::Policy::none())
                .build()
                .unwrap(),
        }
    }

    pub async fn advance_minutes(&self, minutes: i64) {
        self.world.clock.advance_ms(minutes * 60_000);
        self.bank
            .move_clock(&ClockAction::Advance { ms: minutes * 60_000 })
            .await
            .unwrap();
    }

    pub fn payer(&self) -> Caller {
        Caller {
            actor: Actor::Client,
            role: Role::Bot,
            ..self.world.caller(&self.world.tenant)
        }
    }

    /// Somebody who said hello in Telegram.
    pub async fn a_visitor(&self) -> ClientId {
        let mut chat = Chat::new("101");
        chat.send(&self.world, json!({ "type": "start", "payload": null }))
            .await;
        self.only_client().await
    }

    /// Somebody who answered every question.
    pub async fn a_reader(&self) -> ClientId {
        Chat::new("101").walk_to_the_end(&self.world).await;
        self.world.run_due_jobs().await;
        self.only_client().await
    }

    async fn only_client(&self) -> ClientId {
        let mut tx = self.world.app.tenant(&self.world.tenant).read().await.unwrap();
        let mut clients = tx.list_clients(&ClientFilter::default(), &ALL).await.unwrap().items;
        assert_eq!(clients.len(), 1);
        clients.remove(0).id
    }

    pub async fn order(&self, client: &ClientId, code: &str) -> Order {
        let mut tx = self.world.app.tenant(&self.world.tenant).read().await.unwrap();
        let products = tx.products().await.unwrap();
        drop(tx);
        let product = products.into_iter().find(|product| product.code == code).unwrap();
        let basket = Basket {
            client: client.clone(),
            items: vec![(product.id, 1)],
            promo: None,
            channel: "telegram",
            language: Language::Ru,
        };
        place::place(&self.world.app, &self.payer(), &basket)
            .await
            .unwrap()
            .order
    }

    /// Ten percent off.
    pub async fn promo_code(&self, code: &str, is_active: bool) {
        let promo = StoredPromoCode {
            code: PromoCode {
                id: self.world.app.new_id(),
                code: code.into(),
                discount: Discount::Percent {
                    basis_points: BasisPoints::new(1000).unwrap(),
                },
                starts_at: None,
                ends_at: None,
                total_limit: None,
                per_client_limit: Some(1),
                is_first_order_only: false,
                products: Vec::new(),
                clients: Vec::new(),
                minimum: None,
                is_active,
            },
            label: code.into(),
            batch: None,
            note: String::new(),
            uses: 0,
            created_at: self.world.app.now(),
            version: 1,
        };
        let mut tx = self.world.app.tenant(&self.world.tenant).write().await.unwrap();
        assert!(tx.insert_promo_code(&promo).await.unwrap());
        tx.commit().await.unwrap();
    }

    /// The provider gives the tax receipt, so it has to know where to send it.
    pub async fn give_receipts(&self) {
        let settings = PaymentSettings {
            receipts: ReceiptMode::Provider,
            ..PaymentSettings::default()
        };
        let text = serde_json::to_string(&settings).unwrap();
        let mut tx = self.world.app.tenant(&self.world.tenant).write().await.unwrap();
        tx.save_setting("payments", &text, 0, self.world.app.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }

    pub async fn payments(&self, order: &Order) -> Vec<Payment> {
        let filter = PaymentFilter {
            order: Some(order.id.clone()),
            ..PaymentFilter::default()
        };
        let mut tx = self.world.app.tenant(&self.world.tenant).read().await.unwrap();
        tx.list_payments(&filter, &ALL).await.unwrap().items
    }

    pub async fn find(&self, order: &Order) -> Order {
        let mut tx = self.world.app.tenant(&self.world.tenant).read().await.unwrap();
        tx.find_order(&order.id).await.unwrap().unwrap()
    }

    /// The payer pays on the bank's page.
    pub async fn bank_pays(&self, payment: &Payment) {
        let id = payment.provider_payment.as_ref().unwrap();
        let paid = match payment.provider.as_str() {
            "tbank" => self.bank.tbank().pay(id).await.unwrap(),
            _ => self.bank.yookassa().pay(id).await.unwrap(),
        };
        assert_eq!(paid.state, MoneyState::Paid);
    }

    /// Somebody whom only the site knows.
    pub async fn a_stranger(&self) -> ClientId {
        let admin = Caller {
            actor: Actor::System,
            role: Role::Admin,
            ..self.payer()
        };
        let draft = app::crm::clients::Draft {
            name: "Анна Петрова".into(),
            source: Some("site".into()),
            ..app::crm::clients::Draft::default()
        };
        app::crm::clients::create(&self.world.app, &admin, &draft)
            .await
            .unwrap()
            .client
            .id
    }

    /// What the mail server took so far, oldest first, after everything that is due was sent.
    pub async fn letters(&self) -> Vec<Value> {
        app::mail::send_due(&self.world.app).await;
        let get = async |path: &str| -> Value {
            self.http
                .get(self.bank.url(path))
                .send()
                .await
                .unwrap()
                .json()
                .await
                .unwrap()
        };
        let list = get("/sandbox/mail").await;
        let mut letters = Vec::new();
        for letter in list["mails"].as_array().unwrap() {
            letters.push(get(&format!("/sandbox/mail/{}", letter["id"])).await);
        }
        letters
    }

    pub async fn head(&self, path: &str) -> u16 {
        let asked = self
            .http
            .head(format!("{}{path}", self.world.base))
            .send()
            .await
            .unwrap();
        asked.status().as_u16()
    }

    pub async fn get(&self, path: &str) -> Page {
        let answer = self
            .http
            .get(format!("{}{path}", self.world.base))
            .send()
            .await
            .unwrap();
        page(answer).await
    }

    /// Whether somebody else's page is there.
    pub async fn get_elsewhere(&self, address: &str) -> u16 {
        self.http.get(address).send().await.unwrap().status().as_u16()
    }

    /// A form of our own page, as a browser of today sends it.
    pub async fn post(&self, path: &str, form: &[(&str, &str)]) -> Page {
        self.post_from("same-origin", "null", path, form).await
    }

    pub async fn post_from(&self, site: &str, origin: &str, path: &str, form: &[(&str, &str)]) -> Page {
        let answer = self
            .http
            .post(format!("{}{path}", self.world.base))
            .header("sec-fetch-site", site)
            .header("origin", origin)
            .form(form)
            .send()
            .await
            .unwrap();
        page(answer).await
    }

    /// Looks at a page until it says something, as the page's own refresh does.
    pub async fn wait_for(&self, path: &str, words: &str) -> Page {
        let started = Instant::now();
        loop {
            let page = self.get(path).await;
            if page.has(words) {
                return page;
            }
            assert!(started.elapsed() < PATIENCE, "«{words}» never came: {}", page.text);
            tokio::time::sleep(Duration::from_millis(200)).await;
        }
    }
}

async fn page(answer: reqwest::Response) -> Page {
    Page {
        status: answer.status().as_u16(),
        headers: answer.headers().clone(),
        text: String::from_utf8_lossy(&answer.bytes().await.unwrap()).into_owned(),
    }
}
