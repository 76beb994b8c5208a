//! Somebody buys on the site: letters go to the address they gave, and the link of their order leads them into the bot.

mod ahead;
mod joining;
mod letters;
mod short;

use std::sync::Arc;

use app::crm::clients;
use app::pay::place::{self, Basket};
use app::pay::{Providers, follow, open, site_link};
use app::{Actor, Caller, Role, converse, mail, settings};
use domain::ids::{ClientId, Id, UserId};
use domain::language::Language;
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;
use providers::mail::{MailConfig, Mailer, Protection};
use providers::networks::Networks;
use providers::payments::yookassa::{self, YooKassa};
use sandbox::driver::ClockAction;
use serde_json::{Value, json};
use store::{Backend, ClientFilter, Order, PageRequest};

use crate::phone::Phone;
use crate::world::{NOW, World};

pub const ALL: PageRequest = PageRequest {
    limit: 100,
    after: None,
};
const SENDER: &str = "Студия <no-reply@voronka.example>";

/// An installation that sells on the web, its bank and the mail server behind it. Their clocks go together.
pub struct Site {
    pub world: World,
    pub bank: sandbox::Running,
    http: reqwest::Client,
}

impl Site {
    pub async fn start(backend: Backend) -> Self {
        let bank = sandbox::start(sandbox::Config::default()).await.unwrap();
        bank.move_clock(&ClockAction::Set { now_ms: NOW.millis() })
            .await
            .unwrap();
        bank.move_clock(&ClockAction::Freeze).await.unwrap();
        let yookassa = YooKassa::new(
            providers::http_client(&[]).unwrap(),
            yookassa::Config {
                shop_id: "100500".into(),
                secret_key: "test_SANDBOX-demo-secret".into(),
                api_url: bank.url("/yookassa/v3").parse().unwrap(),
                networks: Networks::parse(yookassa::NETWORKS).unwrap(),
            },
        );
        let _ = rustls::crypto::ring::default_provider().install_default();
        let smtp = bank.smtp_addr.unwrap();
        let mailer = Mailer::new(&MailConfig {
            host: smtp.ip().to_string(),
            port: smtp.port(),
            protection: Protection::None,
            credentials: Some(("voronka".into(), "secret".into())),
            from: SENDER.into(),
            roots: Vec::new(),
        })
        .unwrap();
        let payments = Providers::new(vec![Arc::new(yookassa)]);
        let site = Self {
            world: World::start_writing(backend, payments, mailer).await,
            bank,
            http: providers::http_client(&[]).unwrap(),
        };
        converse::identify(&site.world.app, &site.world.caller, "voronka_test_bot")
            .await
            .unwrap();
        site
    }

    pub async fn stop(self) {
        self.bank.shutdown().await;
        self.world.stop().await;
    }

    pub async fn advance_minutes(&self, minutes: i64) {
        self.world.advance_minutes(minutes);
        let ms = minutes * 60_000;
        self.bank.move_clock(&ClockAction::Advance { ms }).await.unwrap();
    }

    pub fn admin(&self) -> Caller {
        Caller {
            actor: Actor::User(UserId::from_parts(1, [1; 10])),
            role: Role::Admin,
            ..self.world.caller.clone()
        }
    }

    pub fn payer(&self) -> Caller {
        Caller {
            actor: Actor::Client,
            ..self.world.caller.clone()
        }
    }

    /// Somebody whom only the site knows.
    pub async fn buyer(&self, name: &str) -> ClientId {
        let draft = clients::Draft {
            name: name.into(),
            email: Some("anna@example.com".into()),
            source: Some("site".into()),
            ..clients::Draft::default()
        };
        let made = clients::create(&self.world.app, &self.admin(), &draft).await.unwrap();
        made.client.id
    }

    /// An order with the address its buyer gave.
    pub async fn order(&self, client: &ClientId, code: &str) -> Order {
        self.order_in(client, code, Language::Ru).await
    }

    pub async fn order_in(&self, client: &ClientId, code: &str, language: Language) -> Order {
        let products = self.world.read().await.products().await.unwrap();
        let product = products.into_iter().find(|product| product.code == code).unwrap();
        let basket = Basket {
            client: client.clone(),
            items: vec![(product.id, 1)],
            promo: None,
            channel: "site",
            language,
        };
        let placed = place::place(&self.world.app, &self.payer(), &basket).await.unwrap();
        let mut tx = self.world.write().await;
        assert!(
            tx.accept_offer(&placed.order.id, Some("anna@example.com"), "hash", NOW)
                .await
                .unwrap()
        );
        tx.commit().await.unwrap();
        self.find(&placed.order).await
    }

    pub async fn pay(&self, order: &Order) {
        let payment = open::start(&self.world.app, &self.payer(), &order.id, "yookassa")
            .await
            .unwrap();
        let id = payment.provider_payment.as_ref().unwrap();
        self.bank.yookassa().pay(id).await.unwrap();
        let status = follow::ask_now(&self.world.app, &self.payer(), &payment.id)
            .await
            .unwrap();
        assert_eq!(status, PaymentStatus::Completed);
        self.world.run_jobs().await;
    }

    pub async fn paid(&self, client: &ClientId, code: &str) -> Order {
        let order = self.order(client, code).await;
        self.pay(&order).await;
        self.find(&order).await
    }

    pub async fn find(&self, order: &Order) -> Order {
        self.world.read().await.find_order(&order.id).await.unwrap().unwrap()
    }

    pub async fn is_fulfilled(&self, order: &Order) -> bool {
        self.find(order).await.status == OrderStatus::Fulfilled
    }

    /// The bot's address as the order's page shows it.
    pub async fn bot_address(&self, order: &Order) -> String {
        let guide = settings::guide(&self.world.app, self.world.tenant()).await.unwrap();
        site_link::bot_address(&self.world.app, self.world.tenant(), order, &guide.brand)
            .await
            .unwrap()
            .unwrap()
    }

    pub async fn token(&self, order: &Order) -> String {
        let address = self.bot_address(order).await;
        let token = address.strip_prefix("https://t.me/voronka_test_bot?start=").unwrap();
        assert!(
            token.len() <= 64
                && token
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte))
        );
        token.to_owned()
    }

    pub async fn send_letters(&self) -> usize {
        mail::send_due(&self.world.app).await
    }

    /// Everything the mail server took, oldest first.
    pub async fn letters(&self) -> Vec<Value> {
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

    pub async fn mail_faults(&self, faults: &Value) {
        self.bank.set_faults(&json!({ "mail": faults })).await.unwrap();
    }

    pub async fn clients(&self) -> usize {
        let mut tx = self.world.read().await;
        tx.list_clients(&ClientFilter::default(), &ALL)
            .await
            .unwrap()
            .items
            .len()
    }

    pub async fn tasks(&self) -> Vec<store::Task> {
        self.world.read().await.list_tasks(None, &ALL).await.unwrap().items
    }
}

/// The rest of the questionnaire, from the question about consent on.
pub async fn answer_everything(phone: &mut Phone<'_>) {
    phone.press("Согласен").await;
    phone.press("Нет, только программу").await;
    phone.press("Женский").await;
    phone.say("31").await;
    phone.press("Новичок").await;
    phone.press("Снизить вес").await;
    phone.say("168").await;
    phone.say("72").await;
    phone.press("В основном сижу").await;
    phone.press("Дома").await;
    phone.press("Гантели").await;
    phone.press("3 дня").await;
    phone.press("Колени").await;
    phone.press("Готово").await;
    phone.press("Нет, всё в порядке").await;
    phone.press("Всё верно").await;
}

pub fn header<'a>(letter: &'a Value, name: &str) -> &'a str {
    let headers = letter["headers"].as_array().unwrap();
    headers
        .iter()
        .find(|header| header["name"].as_str().unwrap().eq_ignore_ascii_case(name))
        .and_then(|header| header["value"].as_str())
        .unwrap_or_else(|| panic!("no {name} in {headers:?}"))
}
