//! Money that comes in parts, waits on a card, or serves another order; and orders that wait for it.

use app::pay::{funds, hold};
use app::settings::payments::{PAYMENTS, PaymentSettings};
use providers::payments::Capture;

use super::*;

const BANKS: [&str; 2] = ["yookassa", "tbank"];

pub(super) async fn hold_money(shop: &Shop) {
    let settings = PaymentSettings {
        capture: Capture::Later,
        ..PaymentSettings::default()
    };
    let mut tx = shop.world.write().await;
    let text = serde_json::to_string(&settings).unwrap();
    tx.save_setting(PAYMENTS, &text, 0, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

/// A sale whose money is held on the card.
async fn held(shop: &Shop, client: &ClientId, provider: &str) -> (Order, Payment) {
    let order = shop.order(client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, provider).await;
    let id = payment.provider_payment.as_ref().unwrap();
    match provider {
        "tbank" => shop.bank.tbank().pay(id).await.unwrap(),
        _ => shop.bank.yookassa().pay(id).await.unwrap(),
    };
    assert_eq!(shop.look(&payment).await, PaymentStatus::WaitingForCapture);
    (order, shop.find_payment(&payment).await)
}

async fn wallet(shop: &Shop, client: &ClientId) -> i64 {
    let wallet = Account::wallet(client, Currency::Rub);
    -shop.world.read().await.balance(&wallet).await.unwrap().minor
}

async fn open_tasks(shop: &Shop) -> Vec<String> {
    let tasks = shop.world.read().await.list_tasks(Some(false), &ALL).await.unwrap();
    tasks.items.into_iter().map(|task| task.kind).collect()
}

async fn what_is_short_is_paid_by_a_second_payment(shop: &Shop) {
    let (mut anna, client) = a_reader(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let app = &shop.world.app;
    let first = open::enter_by_hand(app, &shop.admin(), &order.id, Some(rub(100_000)), "наличными")
        .await
        .unwrap();
    assert_eq!(first.status, PaymentStatus::Completed);
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::AwaitingPayment);
    assert_eq!(
        (wallet(shop, &client).await, open_tasks(shop).await),
        (100_000, vec!["other_amount".to_owned()])
    );
    anna.refresh().await;
    assert_eq!(anna.count("осталось"), 1, "the client hears what is left");
    let second = shop.start_payment(&order, "yookassa").await;
    assert_eq!(second.amount, rub(190_000), "the rest, and no more");
    shop.bank_pays(&second).await;
    assert_eq!(shop.look(&second).await, PaymentStatus::Completed);
    assert_eq!(shop.find_payment(&second).await.concern, None);
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    assert_eq!(
        (wallet(shop, &client).await, open_tasks(shop).await),
        (0, vec!["give_by_hand".to_owned()])
    );
    shop.check_books().await;
    for payment in [&second, &first] {
        refund::request(app, &shop.admin(), &payment.id, None, "передумал")
            .await
            .unwrap();
        shop.world.run_jobs().await;
        shop.check_books().await;
    }
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Refunded);
    assert_eq!(wallet(shop, &client).await, 0);
}

async fn what_is_short_when_the_order_ends_can_go_back(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let app = &shop.world.app;
    let first = open::enter_by_hand(app, &shop.admin(), &order.id, Some(rub(100_000)), "наличными")
        .await
        .unwrap();
    shop.advance_minutes(25 * 60).await;
    expire::tick(app).await.unwrap();
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Expired);
    assert_eq!(
        open_tasks(shop).await,
        ["other_amount", "other_amount"],
        "it came short, and it ended"
    );
    refund::request(app, &shop.admin(), &first.id, None, "не пришёл")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    assert_eq!(shop.find_payment(&first).await.status, PaymentStatus::Refunded);
    assert_eq!(wallet(shop, &client).await, 0);
    shop.check_books().await;
}

async fn what_came_twice_serves_the_next_order(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let first = shop.start_payment(&order, "yookassa").await;
    let second = shop.start_payment(&order, "tbank").await;
    for payment in [&second, &first] {
        shop.bank_pays(payment).await;
        assert_eq!(shop.look(payment).await, PaymentStatus::Completed);
    }
    let app = &shop.world.app;
    let next = shop.order(&client, "nutrition", None).await.order;
    let moved = funds::reuse(app, &shop.admin(), &first.id, &next.id).await.unwrap();
    assert_eq!((&moved.order, moved.concern), (&next.id, None));
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&next).await.status, OrderStatus::Fulfilled);
    assert_eq!(wallet(shop, &client).await, 0);
    assert!(!open_tasks(shop).await.contains(&"paid_twice".to_owned()));
    let third = shop.order(&client, "nutrition", None).await.order;
    let refused = funds::reuse(app, &shop.admin(), &first.id, &third.id).await;
    assert!(
        matches!(
            refused,
            Err(Error::Conflict {
                code: "payment_in_use",
                ..
            })
        ),
        "{refused:?}"
    );
    refund::request(app, &shop.admin(), &first.id, None, "передумал")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&next).await.status, OrderStatus::Refunded);
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    shop.check_books().await;
}

async fn an_order_waits_as_long_as_its_hold(shop: &Shop) {
    hold_money(shop).await;
    let client = a_visitor(shop).await;
    for provider in BANKS {
        let (order, payment) = held(shop, &client, provider).await;
        shop.advance_minutes(5 * 24 * 60).await;
        expire::tick(&shop.world.app).await.unwrap();
        shop.world.run_jobs().await;
        assert_eq!(
            shop.find_order(&order).await.status,
            OrderStatus::AwaitingPayment,
            "{provider}"
        );
        let taken = hold::capture(&shop.world.app, &shop.admin(), &payment.id, None)
            .await
            .unwrap();
        assert_eq!(taken.status, PaymentStatus::Completed, "{provider}");
        shop.world.run_jobs().await;
        assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
        assert!(
            !open_tasks(shop).await.contains(&"held".to_owned()),
            "{provider}: it is decided"
        );
        shop.check_books().await;
        let (order, payment) = held(shop, &client, provider).await;
        hold::release(&shop.world.app, &shop.admin(), &payment.id)
            .await
            .unwrap();
        shop.world.run_jobs().await;
        assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Canceled);
        assert_eq!(
            shop.find_order(&order).await.status,
            OrderStatus::AwaitingPayment,
            "it may be paid again"
        );
        shop.advance_minutes(25 * 60).await;
        expire::tick(&shop.world.app).await.unwrap();
        shop.world.run_jobs().await;
        assert_eq!(shop.find_order(&order).await.status, OrderStatus::Expired);
    }
    shop.check_books().await;
}

async fn a_part_of_a_hold_is_what_the_order_costs(shop: &Shop) {
    hold_money(shop).await;
    let client = a_visitor(shop).await;
    let app = &shop.world.app;
    for provider in BANKS {
        let (order, payment) = held(shop, &client, provider).await;
        let too_much = hold::capture(app, &shop.admin(), &payment.id, Some(rub(290_001))).await;
        assert!(matches!(too_much, Err(Error::Invalid(_))), "{too_much:?}");
        let bank = match provider {
            "tbank" => shop.bank.tbank(),
            _ => shop.bank.yookassa(),
        };
        // The answer is lost: what was decided is what is booked, however it is heard of.
        bank.set_faults(&json!({ "drop_response": { "next": 1 } }))
            .await
            .unwrap();
        hold::capture(app, &shop.admin(), &payment.id, Some(rub(200_000)))
            .await
            .unwrap();
        let another = hold::capture(app, &shop.admin(), &payment.id, Some(rub(100_000))).await;
        assert!(another.is_err(), "{provider}: one sum is taken");
        shop.look(&payment).await;
        shop.world.run_jobs().await;
        let after = shop.find_payment(&payment).await;
        assert_eq!(
            (after.status, after.amount),
            (PaymentStatus::Completed, rub(200_000)),
            "{provider}"
        );
        let bought = shop.find_order(&order).await;
        assert_eq!((bought.status, bought.total), (OrderStatus::Fulfilled, rub(200_000)));
        assert_eq!(wallet(shop, &client).await, 0);
        shop.check_books().await;
        refund::request(app, &shop.admin(), &payment.id, None, "передумал")
            .await
            .unwrap();
        shop.world.run_jobs().await;
        assert_eq!(
            shop.find_order(&order).await.status,
            OrderStatus::Refunded,
            "{provider}"
        );
        shop.check_books().await;
    }
}

async fn whoever_begins_in_the_last_minute_has_time_to_pay(shop: &Shop) {
    let client = a_visitor(shop).await;
    for provider in BANKS {
        let order = shop.order(&client, "nutrition", None).await.order;
        shop.advance_minutes(24 * 60 - 1).await;
        shop.world.app.clock().advance_ms(30_000);
        let payment = shop.start_payment(&order, provider).await;
        assert_eq!(payment.status, PaymentStatus::Pending, "{provider}");
        assert!(payment.is_test, "{provider}: the bank says it is a trial");
        shop.advance_minutes(10).await;
        expire::tick(&shop.world.app).await.unwrap();
        shop.world.run_jobs().await;
        shop.bank_pays(&payment).await;
        assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
        assert_eq!(shop.find_payment(&payment).await.concern, None, "{provider}");
        shop.world.run_jobs().await;
        assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    }
    assert!(!open_tasks(shop).await.contains(&"misconfigured".to_owned()));
    shop.check_books().await;
}

async fn every_programme_that_waits_for_answers_is_made(shop: &Shop) {
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let client = shop.only_client().await;
    let mut orders = Vec::new();
    for _ in 0..2 {
        let order = shop.order(&client, "program_12w", None).await.order;
        let payment = shop.start_payment(&order, "tbank").await;
        shop.bank_pays(&payment).await;
        shop.look(&payment).await;
        shop.world.run_jobs().await;
        orders.push(order);
    }
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    shop.world.run_jobs().await;
    for order in &orders {
        let has_program = shop.world.read().await.has_program_of_order(&order.id).await.unwrap();
        assert!(has_program, "{}", order.id);
    }
    shop.check_books().await;
}

on_both!(in crate::payments::Shop;
    what_is_short_is_paid_by_a_second_payment,
    what_is_short_when_the_order_ends_can_go_back,
    what_came_twice_serves_the_next_order,
    an_order_waits_as_long_as_its_hold,
    a_part_of_a_hold_is_what_the_order_costs,
    whoever_begins_in_the_last_minute_has_time_to_pay,
    every_programme_that_waits_for_answers_is_made,
);
