//! An installation that sells, with both banks beside it.

use std::sync::Arc;

use app::pay::place::{self, Basket};
use app::pay::{Providers, follow, open};
use app::{Actor, Caller, Role};
use domain::ids::{ClientId, Id, UserId};
use domain::language::Language;
use domain::ledger::Account;
use domain::money::{Currency, Money};
use domain::payment::PaymentStatus;
use domain::pipeline::StageKind;
use providers::networks::Networks;
use providers::payments::tbank::{self, TBank};
use providers::payments::yookassa::{self, YooKassa};
use sandbox::driver::{ClockAction, MoneyState};
use store::{Backend, ClientFilter, Order, PageRequest, Payment, Product};

use crate::phone::Phone;
use crate::world::{NOW, NOWHERE, World};

pub const ALL: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

pub fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub)
}

/// An installation that sells, and the banks it sells through. Their clocks go together.
pub struct Shop {
    pub world: World,
    pub bank: sandbox::Running,
}

impl Shop {
    pub async fn start(backend: Backend) -> Self {
        Self::open_at(backend, NOWHERE).await
    }

    /// `public_url`: where the banks find it.
    pub async fn open_at(backend: Backend, public_url: &str) -> Self {
        let bank = sandbox::start(sandbox::Config {
            smtp_addr: None,
            ..sandbox::Config::default()
        })
        .await
        .unwrap();
        bank.move_clock(&ClockAction::Set { now_ms: NOW.millis() })
            .await
            .unwrap();
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
        let payments = Providers::new(vec![Arc::new(yookassa), Arc::new(tbank)]);
        Self {
            world: World::start_selling(backend, payments, public_url).await,
            bank,
        }
    }

    pub async fn stop(self) {
        self.bank.shutdown().await;
        self.world.stop().await;
    }

    pub async fn advance_minutes(&self, minutes: i64) {
        self.world.advance_minutes(minutes);
        self.bank
            .move_clock(&ClockAction::Advance { ms: minutes * 60_000 })
            .await
            .unwrap();
    }

    pub fn admin(&self) -> Caller {
        Caller {
            actor: Actor::User(UserId::from_parts(1, [1; 10])),
            role: Role::Admin,
            ..self.world.caller.clone()
        }
    }

    pub fn client_caller(&self) -> Caller {
        Caller {
            actor: Actor::Client,
            ..self.world.caller.clone()
        }
    }

    pub async fn only_client(&self) -> ClientId {
        let mut tx = self.world.read().await;
        let mut clients = tx.list_clients(&ClientFilter::default(), &ALL).await.unwrap().items;
        assert_eq!(clients.len(), 1);
        clients.remove(0).id
    }

    pub async fn product(&self, code: &str) -> Product {
        let products = self.world.read().await.products().await.unwrap();
        products.into_iter().find(|product| product.code == code).unwrap()
    }

    pub async fn order(&self, client: &ClientId, code: &str, promo: Option<&str>) -> place::Placed {
        let basket = Basket {
            client: client.clone(),
            items: vec![(self.product(code).await.id, 1)],
            promo: promo.map(str::to_owned),
            channel: "telegram",
            language: Language::Ru,
        };
        place::place(&self.world.app, &self.client_caller(), &basket)
            .await
            .unwrap()
    }

    pub async fn start_payment(&self, order: &Order, provider: &str) -> Payment {
        open::start(&self.world.app, &self.client_caller(), &order.id, provider)
            .await
            .unwrap()
    }

    pub async fn look(&self, payment: &Payment) -> PaymentStatus {
        follow::ask_now(&self.world.app, &self.client_caller(), &payment.id)
            .await
            .unwrap()
    }

    pub async fn bank_pays(&self, payment: &Payment) {
        let id = payment.provider_payment.as_ref().unwrap();
        let state = match payment.provider.as_str() {
            "tbank" => self.bank.tbank().pay(id).await.unwrap().state,
            _ => self.bank.yookassa().pay(id).await.unwrap().state,
        };
        assert_eq!(state, MoneyState::Paid);
    }

    pub async fn find_order(&self, order: &Order) -> Order {
        self.world.read().await.find_order(&order.id).await.unwrap().unwrap()
    }

    pub async fn find_payment(&self, payment: &Payment) -> Payment {
        self.world
            .read()
            .await
            .find_payment(&payment.id)
            .await
            .unwrap()
            .unwrap()
    }

    pub async fn tasks(&self) -> Vec<String> {
        let tasks = self.world.read().await.list_tasks(None, &ALL).await.unwrap().items;
        tasks.into_iter().map(|task| task.kind).collect()
    }

    /// The books agree with themselves, and with what the banks say they took and gave back.
    pub async fn check_books(&self) {
        let mut tx = self.world.read().await;
        assert_eq!(tx.check_books().await.unwrap(), []);
        let total: i64 = tx
            .trial_balance()
            .await
            .unwrap()
            .iter()
            .map(|(_, money)| money.minor)
            .sum();
        assert_eq!(total, 0);
        for (code, bank) in [("yookassa", self.bank.yookassa()), ("tbank", self.bank.tbank())] {
            let (mut taken, mut back) = (0, 0);
            for payment in bank.payments().await.unwrap() {
                taken += payment.paid_minor;
                back += payment.refunded_minor;
            }
            let clearing = tx
                .balance(&Account::provider_clearing(code, Currency::Rub))
                .await
                .unwrap();
            let fees = tx.balance(&Account::fees(code, Currency::Rub)).await.unwrap();
            if clearing.minor + fees.minor != taken - back {
                let ours = tx
                    .list_payments(&store::PaymentFilter::default(), &ALL)
                    .await
                    .unwrap()
                    .items;
                let refunds = tx
                    .list_refunds(&store::RefundFilter::default(), &ALL)
                    .await
                    .unwrap()
                    .items;
                let (theirs, given) = (bank.payments().await.unwrap(), bank.refunds().await.unwrap());
                panic!(
                    "{code}: {clearing:?} and {fees:?} here, {taken} - {back} there\n{ours:#?}\n{refunds:#?}\n{theirs:#?}\n{given:#?}"
                );
            }
        }
    }

    pub async fn stage(&self, client: &ClientId) -> StageKind {
        let mut tx = self.world.read().await;
        let client = tx.find_client(client).await.unwrap().unwrap();
        tx.find_stage(&client.stage).await.unwrap().unwrap().kind
    }
}

/// Somebody with finished answers and their free programme.
pub async fn a_reader(shop: &Shop) -> (Phone<'_>, ClientId) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    shop.world.run_jobs().await;
    anna.refresh().await;
    let client = shop.only_client().await;
    (anna, client)
}

/// Somebody who only said hello.
pub async fn a_visitor(shop: &Shop) -> ClientId {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    shop.only_client().await
}
