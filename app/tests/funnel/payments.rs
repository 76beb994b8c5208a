//! Paying, with both banks played over their wire protocols: what is bought is given once, and the books are right.

mod cabinet;
mod cases;
mod crowd;
mod fiscal;
mod messages;
mod parts;
mod purchase;
mod receipts;
mod reconciliation;
mod saved;
mod schedules;
mod shop;
mod telegram;
mod trial;
mod waiting;

use app::Error;
use app::pay::observe::{self, Source};
use app::pay::{expire, follow, open, refund};
use domain::ids::{ClientId, Id};
use domain::ledger::{Account, AccountKind};
use domain::money::{BasisPoints, Currency, Money};
use domain::order::OrderStatus;
use domain::payment::{Concern, DeclineAdvice, PaymentStatus};
use domain::pipeline::StageKind;
use domain::promo::{Discount, PromoCode};
use domain::refund::RefundStatus;
use sandbox::driver::MoneyState;
use serde_json::json;
use store::{ClientFilter, Order, Payment, StoredPromoCode};

use self::shop::{ALL, Shop, a_reader, a_visitor, rub};
use crate::phone::Phone;
use crate::world::{NOW, TRAINER, on_both};

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
