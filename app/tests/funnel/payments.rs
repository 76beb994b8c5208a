//! Paying, with both banks played over their wire protocols: what is bought is given once, and the books are right.

mod cases;
mod parts;
mod purchase;
mod receipts;
mod reconciliation;
mod saved;
mod schedules;
mod telegram;

use std::sync::Arc;

use app::pay::observe::{self, Source};
use app::pay::place::{self, Basket};
use app::pay::{Providers, expire, follow, open, refund};
use app::{Actor, Caller, Error, Role};
use domain::ids::{ClientId, Id, UserId};
use domain::language::Language;
use domain::ledger::{Account, AccountKind};
use domain::money::{BasisPoints, Currency, Money};
use domain::order::OrderStatus;
use domain::payment::{Concern, DeclineAdvice, PaymentStatus};
use domain::pipeline::StageKind;
use domain::promo::{Discount, PromoCode};
use domain::refund::RefundStatus;
use providers::networks::Networks;
use providers::payments::tbank::{self, TBank};
use providers::payments::yookassa::{self, YooKassa};
use sandbox::driver::{ClockAction, MoneyState};
use serde_json::json;
use store::{Backend, ClientFilter, Order, PageRequest, Payment, Product, StoredPromoCode};

use crate::phone::Phone;
use crate::world::{NOW, NOWHERE, TRAINER, World, on_both};

const ALL: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

fn rub(minor: i64) -> Money {
    Money::new(minor, Currency::Rub)
}

/// An installation that sells, and the banks it sells through. Their clocks go together.
struct Shop {
    world: World,
    bank: sandbox::Running,
}

impl Shop {
    async fn start(backend: Backend) -> Self {
        Self::open_at(backend, NOWHERE).await
    }

    /// `public_url`: where the banks find it.
    async fn open_at(backend: Backend, public_url: &str) -> Self {
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

    async fn stop(self) {
        self.bank.shutdown().await;
        self.world.stop().await;
    }

    async fn advance_minutes(&self, minutes: i64) {
        self.world.advance_minutes(minutes);
        self.bank
            .move_clock(&ClockAction::Advance { ms: minutes * 60_000 })
            .await
            .unwrap();
    }

    fn admin(&self) -> Caller {
        Caller {
            actor: Actor::User(UserId::from_parts(1, [1; 10])),
            role: Role::Admin,
            ..self.world.caller.clone()
        }
    }

    fn client_caller(&self) -> Caller {
        Caller {
            actor: Actor::Client,
            ..self.world.caller.clone()
        }
    }

    async fn only_client(&self) -> ClientId {
        let mut tx = self.world.read().await;
        let mut clients = tx.list_clients(&ClientFilter::default(), &ALL).await.unwrap().items;
        assert_eq!(clients.len(), 1);
        clients.remove(0).id
    }

    async fn product(&self, code: &str) -> Product {
        let products = self.world.read().await.products().await.unwrap();
        products.into_iter().find(|product| product.code == code).unwrap()
    }

    async fn order(&self, client: &ClientId, code: &str, promo: Option<&str>) -> place::Placed {
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

    async fn start_payment(&self, order: &Order, provider: &str) -> Payment {
        open::start(&self.world.app, &self.client_caller(), &order.id, provider)
            .await
            .unwrap()
    }

    async fn look(&self, payment: &Payment) -> PaymentStatus {
        follow::ask_now(&self.world.app, &self.client_caller(), &payment.id)
            .await
            .unwrap()
    }

    async fn bank_pays(&self, payment: &Payment) {
        let id = payment.provider_payment.as_ref().unwrap();
        let state = match payment.provider.as_str() {
            "tbank" => self.bank.tbank().pay(id).await.unwrap().state,
            _ => self.bank.yookassa().pay(id).await.unwrap().state,
        };
        assert_eq!(state, MoneyState::Paid);
    }

    async fn find_order(&self, order: &Order) -> Order {
        self.world.read().await.find_order(&order.id).await.unwrap().unwrap()
    }

    async fn find_payment(&self, payment: &Payment) -> Payment {
        self.world
            .read()
            .await
            .find_payment(&payment.id)
            .await
            .unwrap()
            .unwrap()
    }

    async fn tasks(&self) -> Vec<String> {
        let tasks = self.world.read().await.list_tasks(None, &ALL).await.unwrap().items;
        tasks.into_iter().map(|task| task.kind).collect()
    }

    /// The books agree with themselves, and with what the banks say they took and gave back.
    async fn check_books(&self) {
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

    async fn stage(&self, client: &ClientId) -> StageKind {
        let mut tx = self.world.read().await;
        let client = tx.find_client(client).await.unwrap().unwrap();
        tx.find_stage(&client.stage).await.unwrap().unwrap().kind
    }
}

/// Somebody with finished answers and their free programme.
async fn a_reader(shop: &Shop) -> (Phone<'_>, ClientId) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    shop.world.run_jobs().await;
    anna.refresh().await;
    let client = shop.only_client().await;
    (anna, client)
}

/// Somebody who only said hello.
async fn a_visitor(shop: &Shop) -> ClientId {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    shop.only_client().await
}

async fn a_paid_programme_arrives_by_itself_and_the_books_are_right(shop: &Shop, provider: &str) {
    let (mut anna, client) = a_reader(shop).await;
    let mut trainer = Phone::new(&shop.world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let order = shop.order(&client, "program_12w", None).await.order;
    assert_eq!(order.total, rub(499_000));
    let payment = shop.start_payment(&order, provider).await;
    assert_eq!(payment.status, PaymentStatus::Pending);
    assert!(payment.pay_url.is_some());
    assert_eq!(shop.stage(&client).await, StageKind::Deciding);
    assert_eq!(shop.look(&payment).await, PaymentStatus::Pending);
    shop.bank_pays(&payment).await;
    assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
    assert_eq!(shop.stage(&client).await, StageKind::Purchased);
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.count("оплата прошла"), 1);
    assert_eq!(anna.documents(), 2, "the free one, and now the whole one");
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    assert_eq!(shop.stage(&client).await, StageKind::Active);
    trainer.refresh().await;
    let program = shop
        .world
        .read()
        .await
        .latest_ready_program(&client)
        .await
        .unwrap()
        .unwrap();
    assert_eq!((program.scope.as_str(), program.reason.as_str()), ("full", "paid"));
    let mut tx = shop.world.read().await;
    let revenue = tx.balances(AccountKind::Revenue, &ALL).await.unwrap().items;
    assert_eq!((revenue.len(), revenue[0].balance), (1, rub(-499_000)));
    drop(tx);
    shop.check_books().await;
}

async fn bought_through_yookassa(shop: &Shop) {
    a_paid_programme_arrives_by_itself_and_the_books_are_right(shop, "yookassa").await;
}

async fn bought_through_tbank(shop: &Shop) {
    a_paid_programme_arrives_by_itself_and_the_books_are_right(shop, "tbank").await;
}

async fn a_success_told_seven_times_settles_once(shop: &Shop) {
    let (mut anna, client) = a_reader(shop).await;
    let order = shop.order(&client, "program_12w", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    let provider = shop.world.app.payment_providers().find("yookassa").unwrap();
    let seen = provider
        .status(payment.provider_payment.as_ref().unwrap())
        .await
        .unwrap();
    for _ in 0..7 {
        let (app, caller) = (&shop.world.app, &shop.world.caller);
        let status = observe::apply(
            app,
            &caller.tenant,
            &payment.id,
            &seen,
            Source::Notification,
            &caller.request_id,
        )
        .await
        .unwrap();
        assert_eq!(status, PaymentStatus::Completed);
    }
    shop.look(&payment).await;
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!((anna.count("оплата прошла"), anna.documents()), (1, 2));
    let mut tx = shop.world.read().await;
    let moves = tx.list_moves(&client, &ALL).await.unwrap().items.len();
    let events = tx.payment_events(&payment.id, &ALL).await.unwrap().items;
    assert_eq!(events.iter().filter(|event| event.decision == "settle").count(), 1);
    assert_eq!(events.len(), 1 + 7, "opened once; what changed nothing is kept, too");
    drop(tx);
    shop.check_books().await;
    assert_eq!(
        moves,
        shop.world
            .read()
            .await
            .list_moves(&client, &ALL)
            .await
            .unwrap()
            .items
            .len()
    );
}

async fn a_decline_is_explained_and_the_second_try_may_be_elsewhere(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let first = shop.start_payment(&order, "yookassa").await;
    let again = shop.start_payment(&order, "yookassa").await;
    assert_eq!(again.id, first.id, "two taps and two tabs are one payment");
    shop.bank
        .yookassa()
        .decline(first.provider_payment.as_ref().unwrap(), "insufficient_funds")
        .await
        .unwrap();
    assert_eq!(shop.look(&first).await, PaymentStatus::Canceled);
    let decline = shop.find_payment(&first).await.decline.unwrap();
    assert_eq!(
        (decline.code.as_str(), decline.advice),
        ("insufficient_funds", DeclineAdvice::TryLater)
    );
    let second = shop.start_payment(&order, "tbank").await;
    assert_ne!(second.id, first.id);
    shop.bank_pays(&second).await;
    assert_eq!(shop.look(&second).await, PaymentStatus::Completed);
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    assert_eq!(shop.tasks().await, ["give_by_hand"], "a person writes the plan");
    shop.check_books().await;
}

async fn money_that_came_while_nobody_listened_is_found_by_the_next_poll(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.advance_minutes(5).await;
    assert_eq!(follow::tick(&shop.world.app).await.unwrap(), 1);
    assert_eq!(
        follow::tick(&shop.world.app).await.unwrap(),
        0,
        "another replica ticks in vain"
    );
    shop.world.run_jobs().await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Completed);
    shop.check_books().await;
}

async fn an_answer_that_never_came_is_looked_up_not_guessed(shop: &Shop) {
    for (provider, bank) in [("yookassa", shop.bank.yookassa()), ("tbank", shop.bank.tbank())] {
        let client = match shop
            .world
            .read()
            .await
            .list_clients(&ClientFilter::default(), &ALL)
            .await
            .unwrap()
            .items
            .first()
        {
            Some(client) => client.id.clone(),
            None => a_visitor(shop).await,
        };
        let order = shop.order(&client, "nutrition", None).await.order;
        bank.set_faults(&json!({ "drop_response": { "next": 1 } }))
            .await
            .unwrap();
        let payment = shop.start_payment(&order, provider).await;
        assert_eq!(payment.status, PaymentStatus::Creating, "{provider}: nobody knows yet");
        shop.advance_minutes(1).await;
        shop.world.run_jobs().await;
        let payment = shop.find_payment(&payment).await;
        assert_eq!(payment.status, PaymentStatus::Pending, "{provider}");
        // T-Bank tells a link once: the lost one is called off before there is another.
        let there = bank.payments().await.unwrap();
        let open = there.iter().filter(|payment| payment.status != "CANCELED").count();
        assert_eq!(open, 1, "{provider}: one to pay at, not two");
        assert!(payment.pay_url.is_some(), "{provider}: the payer needs a link");
        shop.bank_pays(&payment).await;
        assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
    }
    shop.check_books().await;
}

async fn a_payment_after_the_order_expired_is_real_money(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "tbank").await;
    // The link lives on at the bank although the order is over here: its own deadline is moved.
    let id = payment.provider_payment.clone().unwrap();
    shop.world.advance_minutes(24 * 60);
    assert_eq!(expire::tick(&shop.world.app).await.unwrap(), 1);
    shop.bank
        .tbank()
        .set_faults(&json!({ "server_error": { "next": 5 } }))
        .await
        .unwrap();
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Expired);
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Expired);
    shop.bank
        .tbank()
        .set_faults(&json!({ "server_error": { "next": 0 } }))
        .await
        .unwrap();
    shop.bank.tbank().pay(&id).await.unwrap();
    assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
    let settled = shop.find_payment(&payment).await;
    assert_eq!(settled.concern, Some(Concern::PaidAfterClosing));
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    let mut tasks = shop.tasks().await;
    tasks.sort_unstable();
    assert_eq!(tasks, ["give_by_hand", "paid_after_closing"]);
    shop.check_books().await;
}

async fn an_order_paid_twice_keeps_the_second_sum_in_the_wallet(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let first = shop.start_payment(&order, "yookassa").await;
    let second = shop.start_payment(&order, "tbank").await;
    assert_eq!(
        shop.find_payment(&first).await.status,
        PaymentStatus::Canceled,
        "one is live"
    );
    shop.bank_pays(&second).await;
    assert_eq!(shop.look(&second).await, PaymentStatus::Completed);
    shop.bank_pays(&first).await;
    assert_eq!(shop.look(&first).await, PaymentStatus::Completed);
    let wallet = Account::wallet(&client, Currency::Rub);
    let held = shop.world.read().await.balance(&wallet).await.unwrap();
    assert_eq!(held, rub(-290_000), "we owe it to the client");
    assert!(shop.tasks().await.contains(&"paid_twice".to_owned()));
    shop.check_books().await;
    let back = refund::request(&shop.world.app, &shop.admin(), &first.id, None, "оплачено дважды")
        .await
        .unwrap();
    assert!(back.parts.is_empty(), "no product gives it up");
    shop.world.run_jobs().await;
    let mut tx = shop.world.read().await;
    assert_eq!(
        tx.find_refund(&back.id).await.unwrap().unwrap().status,
        RefundStatus::Succeeded
    );
    assert_eq!(tx.balance(&wallet).await.unwrap(), rub(0));
    drop(tx);
    assert_eq!(
        shop.find_order(&order).await.status,
        OrderStatus::Fulfilled,
        "the order stands"
    );
    shop.check_books().await;
}

async fn a_client_may_change_their_mind_for_an_hour(shop: &Shop) {
    let client = a_visitor(shop).await;
    for (minutes, provider) in [(59, "yookassa"), (60, "tbank")] {
        let order = shop.order(&client, "nutrition", None).await.order;
        let payment = shop.start_payment(&order, provider).await;
        shop.bank_pays(&payment).await;
        shop.look(&payment).await;
        shop.advance_minutes(minutes).await;
        let asked = refund::request(&shop.world.app, &shop.client_caller(), &payment.id, None, "").await;
        if minutes < 60 {
            asked.unwrap();
            shop.world.run_jobs().await;
            assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
            assert_eq!(shop.find_order(&order).await.status, OrderStatus::Refunded);
        } else {
            let Err(Error::Conflict { code, .. }) = asked else {
                panic!("the window is over")
            };
            assert_eq!(code, "refund_window_over");
            refund::request(&shop.world.app, &shop.admin(), &payment.id, Some(rub(100_000)), "часть")
                .await
                .unwrap();
            shop.world.run_jobs().await;
            let payment = shop.find_payment(&payment).await;
            assert_eq!(
                (payment.status, payment.refunded),
                (PaymentStatus::PartiallyRefunded, rub(100_000))
            );
        }
        shop.check_books().await;
    }
}

async fn a_refund_whose_answer_was_lost_is_one_refund(shop: &Shop) {
    let client = a_visitor(shop).await;
    for (provider, bank) in [("yookassa", shop.bank.yookassa()), ("tbank", shop.bank.tbank())] {
        let order = shop.order(&client, "nutrition", None).await.order;
        let payment = shop.start_payment(&order, provider).await;
        shop.bank_pays(&payment).await;
        shop.look(&payment).await;
        bank.set_faults(&json!({ "drop_response": { "next": 1 } }))
            .await
            .unwrap();
        let back = refund::request(&shop.world.app, &shop.admin(), &payment.id, Some(rub(90_000)), "часть")
            .await
            .unwrap();
        shop.world.run_jobs().await;
        let refund = shop.world.read().await.find_refund(&back.id).await.unwrap().unwrap();
        assert!(refund.status.is_live(), "{provider}: nobody knows yet");
        shop.advance_minutes(20).await;
        shop.world.run_jobs().await;
        let refund = shop.world.read().await.find_refund(&back.id).await.unwrap().unwrap();
        assert_eq!(refund.status, RefundStatus::Succeeded, "{provider}");
        let given: i64 = bank
            .payments()
            .await
            .unwrap()
            .iter()
            .map(|payment| payment.refunded_minor)
            .sum();
        assert_eq!(given, 90_000, "{provider}: once");
    }
    shop.check_books().await;
}

async fn a_whole_discount_needs_no_bank(shop: &Shop) {
    let client = a_visitor(shop).await;
    let promo = StoredPromoCode {
        code: PromoCode {
            id: shop.world.app.new_id(),
            code: "GIFT".into(),
            discount: Discount::Percent {
                basis_points: BasisPoints::HUNDRED_PERCENT,
            },
            starts_at: None,
            ends_at: None,
            total_limit: Some(1),
            per_client_limit: None,
            is_first_order_only: false,
            products: Vec::new(),
            clients: Vec::new(),
            minimum: None,
            is_active: true,
        },
        label: "gift".into(),
        batch: None,
        note: String::new(),
        uses: 0,
        created_at: NOW,
        version: 1,
    };
    let mut tx = shop.world.write().await;
    assert!(tx.insert_promo_code(&promo).await.unwrap());
    tx.commit().await.unwrap();
    let placed = shop.order(&client, "nutrition", Some(" gift ")).await;
    assert_eq!((placed.order.status, placed.refusal), (OrderStatus::Paid, None));
    assert_eq!(placed.order.total, rub(0));
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&placed.order).await.status, OrderStatus::Fulfilled);
    assert_eq!(shop.bank.yookassa().calls().await.unwrap().len(), 0);
    let again = shop.order(&client, "nutrition", Some("GIFT")).await;
    assert_eq!(again.refusal.map(|why| why.code()), Some("promo_used_up"));
    assert_eq!(again.order.total, rub(290_000), "the order stands without it");
    shop.check_books().await;
}

async fn an_order_nobody_pays_ends_and_frees_its_code(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.advance_minutes(24 * 60).await;
    assert_eq!(expire::tick(&shop.world.app).await.unwrap(), 1);
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Expired);
    assert!(!shop.find_payment(&payment).await.status.is_live());
    let refused = open::start(&shop.world.app, &shop.client_caller(), &order.id, "yookassa").await;
    assert!(matches!(
        refused,
        Err(Error::Conflict {
            code: "order_not_payable",
            ..
        })
    ));
    shop.check_books().await;
}

async fn cash_is_paid_when_it_is_entered(shop: &Shop) {
    let (mut anna, client) = a_reader(shop).await;
    let order = shop.order(&client, "program_12w", None).await.order;
    let refused = open::enter_by_hand(&shop.world.app, &shop.admin(), &order.id, None, " ").await;
    assert!(matches!(refused, Err(Error::Invalid(_))));
    let payment = open::enter_by_hand(&shop.world.app, &shop.admin(), &order.id, None, "наличные в зале")
        .await
        .unwrap();
    assert_eq!(
        (payment.status, payment.provider.as_str()),
        (PaymentStatus::Completed, "manual")
    );
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.documents(), 2);
    refund::request(&shop.world.app, &shop.admin(), &payment.id, None, "вернули наличными")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Refunded);
    shop.check_books().await;
}

async fn a_buyer_without_answers_is_asked_for_them_and_then_gets_the_whole_programme(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let client = shop.only_client().await;
    let order = shop.order(&client, "program_12w", None).await.order;
    let payment = shop.start_payment(&order, "tbank").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.count("нужны ответы"), 1);
    assert_eq!(anna.documents(), 0);
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.documents(), 1, "the whole one, and no free one beside it");
    let program = shop
        .world
        .read()
        .await
        .latest_ready_program(&client)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(program.scope, "full");
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    assert_eq!(shop.stage(&client).await, StageKind::Active);
    shop.check_books().await;
}

async fn money_given_back_stops_what_was_not_given_yet(shop: &Shop) {
    let (mut anna, client) = a_reader(shop).await;
    let order = shop.order(&client, "coaching_3m", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    refund::request(&shop.world.app, &shop.client_caller(), &payment.id, None, "")
        .await
        .unwrap();
    let again = refund::request(&shop.world.app, &shop.admin(), &payment.id, Some(rub(1)), "ещё").await;
    assert!(again.is_err(), "one at a time");
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Refunded);
    assert_eq!(anna.documents(), 1, "the free one only");
    let open = shop
        .world
        .read()
        .await
        .list_tasks(Some(false), &ALL)
        .await
        .unwrap()
        .items;
    assert_eq!(open.len(), 0, "nobody works for money that went back: {open:?}");
    shop.check_books().await;
}

async fn cash_does_not_come_back_by_a_button(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = open::enter_by_hand(&shop.world.app, &shop.admin(), &order.id, None, "наличные")
        .await
        .unwrap();
    let refused = refund::request(&shop.world.app, &shop.client_caller(), &payment.id, None, "").await;
    assert!(
        matches!(
            refused,
            Err(Error::Conflict {
                code: "refund_by_hand",
                ..
            })
        ),
        "{refused:?}"
    );
    let offered = refund::refundable_by_client(&shop.world.app, shop.world.tenant(), &order.id)
        .await
        .unwrap();
    assert_eq!(offered, None);
    shop.check_books().await;
}

async fn once_paid_no_other_link_takes_the_money_again(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let first = shop.start_payment(&order, "yookassa").await;
    let second = shop.start_payment(&order, "tbank").await;
    shop.bank_pays(&first).await;
    shop.look(&first).await;
    assert_eq!(shop.find_payment(&first).await.status, PaymentStatus::Completed);
    assert_eq!(shop.find_payment(&second).await.status, PaymentStatus::Canceled);
    shop.world.run_jobs().await;
    let theirs = shop.bank.tbank().payments().await.unwrap();
    assert!(
        theirs.iter().all(|payment| payment.state == MoneyState::Canceled),
        "{theirs:?}"
    );
    shop.check_books().await;
}

on_both!(in crate::payments::Shop;
    bought_through_yookassa,
    bought_through_tbank,
    a_success_told_seven_times_settles_once,
    a_decline_is_explained_and_the_second_try_may_be_elsewhere,
    money_that_came_while_nobody_listened_is_found_by_the_next_poll,
    an_answer_that_never_came_is_looked_up_not_guessed,
    a_payment_after_the_order_expired_is_real_money,
    an_order_paid_twice_keeps_the_second_sum_in_the_wallet,
    a_client_may_change_their_mind_for_an_hour,
    a_refund_whose_answer_was_lost_is_one_refund,
    a_whole_discount_needs_no_bank,
    an_order_nobody_pays_ends_and_frees_its_code,
    cash_is_paid_when_it_is_entered,
    a_buyer_without_answers_is_asked_for_them_and_then_gets_the_whole_programme,
    money_given_back_stops_what_was_not_given_yet,
    cash_does_not_come_back_by_a_button,
    once_paid_no_other_link_takes_the_money_again,
);
