//! Hard cases of money that no other test here tells whole; docs/cases.md says which test proves which.

use std::collections::BTreeMap;

use app::pay::notify::{self, Received};
use app::settings::payments::{PAYMENTS, PaymentSettings, ReceiptMode};
use bytes::Bytes;
use domain::promo::PromoRefusal;
use store::{PaymentFilter, ReceiptFilter};

use super::schedules::Mortal;
use super::*;

pub(super) const YOOKASSA_ADDRESS: &str = "185.71.76.10";
const MINUTE_MS: i64 = 60_000;

async fn save_settings(shop: &Shop, settings: &PaymentSettings) {
    let mut tx = shop.world.write().await;
    let text = serde_json::to_string(settings).unwrap();
    tx.save_setting(PAYMENTS, &text, 0, NOW).await.unwrap();
    tx.commit().await.unwrap();
}

async fn promo(shop: &Shop, code: &str, discount: Discount, total_limit: Option<u32>) -> StoredPromoCode {
    let promo = StoredPromoCode {
        code: PromoCode {
            id: shop.world.app.new_id(),
            code: code.into(),
            discount,
            starts_at: None,
            ends_at: None,
            total_limit,
            per_client_limit: None,
            is_first_order_only: false,
            products: Vec::new(),
            clients: Vec::new(),
            minimum: None,
            is_active: true,
        },
        label: code.into(),
        batch: None,
        note: String::new(),
        uses: 0,
        created_at: NOW,
        version: 1,
    };
    let mut tx = shop.world.write().await;
    assert!(tx.insert_promo_code(&promo).await.unwrap());
    tx.commit().await.unwrap();
    promo
}

async fn uses(shop: &Shop, code: &str) -> u32 {
    let mut tx = shop.world.read().await;
    tx.promo_code_named(code).await.unwrap().unwrap().uses
}

/// A success as YooKassa tells it.
pub(super) async fn told(shop: &Shop, payment: &Payment) -> Received {
    let id = payment.provider_payment.as_ref().unwrap();
    let body =
        json!({ "type": "notification", "event": "payment.succeeded", "object": { "id": id, "status": "succeeded" } });
    let (app, caller) = (&shop.world.app, &shop.world.caller);
    notify::receive(
        app,
        &caller.tenant,
        "yookassa",
        &Bytes::from(body.to_string()),
        YOOKASSA_ADDRESS.parse().unwrap(),
        &caller.request_id,
    )
    .await
    .unwrap()
}

async fn settled(shop: &Shop, payment: &Payment) -> usize {
    let mut tx = shop.world.read().await;
    let events = tx.payment_events(&payment.id, &ALL).await.unwrap().items;
    events.iter().filter(|event| event.decision == "settle").count()
}

/// Case 7: a fixed 5 000 on 2 900 pays nothing, asks no bank, completes the order, and leaves nothing over.
async fn a_fixed_discount_above_the_price_asks_no_bank_and_leaves_nothing_over(shop: &Shop) {
    let client = a_visitor(shop).await;
    promo(shop, "MINUS5000", Discount::Sum { amount: rub(500_000) }, None).await;
    for used in 1..=2 {
        let order = shop.order(&client, "nutrition", Some("MINUS5000")).await.order;
        assert_eq!((order.total, order.status), (rub(0), OrderStatus::Paid));
        assert_eq!(order.breakdown.discount_total, rub(290_000), "no more than it cost");
        shop.world.run_jobs().await;
        assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
        assert_eq!(uses(shop, "MINUS5000").await, used);
    }
    for bank in [shop.bank.yookassa(), shop.bank.tbank()] {
        assert_eq!(bank.calls().await.unwrap().len(), 0);
    }
    let wallet = Account::wallet(&client, Currency::Rub);
    assert_eq!(shop.world.read().await.balance(&wallet).await.unwrap(), rub(0));
    shop.check_books().await;
}

/// Case 8: fifty at once for the last use; an order nobody pays frees it when it ends.
async fn of_fifty_at_once_one_gets_the_last_use_and_it_comes_back(shop: &Shop) {
    let client = a_visitor(shop).await;
    let discount = Discount::Percent {
        basis_points: BasisPoints::new(2_000).unwrap(),
    };
    promo(shop, "LAST", discount, Some(1)).await;
    let placed = futures::future::join_all((0..50).map(|_| shop.order(&client, "nutrition", Some("LAST")))).await;
    let (won, lost): (Vec<_>, Vec<_>) = placed.into_iter().partition(|placed| placed.refusal.is_none());
    assert_eq!((won.len(), lost.len()), (1, 49));
    assert_eq!(won[0].order.total, rub(232_000));
    for placed in &lost {
        assert_eq!(placed.refusal, Some(PromoRefusal::UsedUp));
        assert_eq!(placed.order.total, rub(290_000), "the order stands at its price");
    }
    assert_eq!(uses(shop, "LAST").await, 1);
    shop.advance_minutes(24 * 60).await;
    while expire::tick(&shop.world.app).await.unwrap() > 0 {
        shop.world.run_jobs().await;
    }
    assert_eq!(shop.find_order(&won[0].order).await.status, OrderStatus::Expired);
    assert_eq!(uses(shop, "LAST").await, 0, "free again");
    let next = shop.order(&client, "nutrition", Some("LAST")).await;
    assert_eq!((next.refusal, next.order.total), (None, rub(232_000)));
    shop.check_books().await;
}

/// Case 9: seven notifications are one settlement, one receipt, one message, one programme, one move.
async fn a_success_told_seven_times_does_everything_once(shop: &Shop) {
    save_settings(
        shop,
        &PaymentSettings {
            receipts: ReceiptMode::SelfEmployed,
            ..PaymentSettings::default()
        },
    )
    .await;
    let (mut anna, client) = a_reader(shop).await;
    let order = shop.order(&client, "program_12w", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    for number in 0..7 {
        let received = told(shop, &payment).await;
        assert!(matches!(received, Received::Kept(_)), "{received:?}");
        if number % 2 == 1 {
            shop.world.run_jobs().await;
        }
        // Past the inbox, which knows a repetition by its name.
        assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
    }
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(settled(shop, &payment).await, 1);
    assert_eq!((anna.count("оплата прошла"), anna.documents()), (1, 2));
    let mut tx = shop.world.read().await;
    let filter = ReceiptFilter {
        order: Some(order.id.clone()),
        ..ReceiptFilter::default()
    };
    assert_eq!(tx.list_receipts(&filter, &ALL).await.unwrap().items.len(), 1);
    let purchased = tx.list_moves(&client, &ALL).await.unwrap().items;
    let mut into: BTreeMap<String, usize> = BTreeMap::new();
    for step in &purchased {
        *into.entry(step.to.to_string()).or_default() += 1;
    }
    assert!(into.values().all(|times| *times == 1), "{into:?}");
    drop(tx);
    shop.check_books().await;
}

/// What a kill may leave behind is taken up by a successor: leases end, jobs that stood behind become due.
async fn a_successor_goes_on(shop: &Shop) {
    shop.advance_minutes(1).await;
    follow::tick(&shop.world.app).await.unwrap();
    shop.world.run_jobs().await;
}

/// Case 11: killed at each single await of opening, settling and giving: before the call, after the call and before the
/// commit, after the commit and before the delivery. One payment there, one here, one programme.
async fn killed_at_every_step_there_is_one_of_everything(shop: &Shop, provider: &str) {
    let (mut anna, client) = a_reader(shop).await;
    let (app, caller) = (shop.world.app.clone(), shop.client_caller());
    let mut documents = 1;
    let (mut bought, mut kills) = (0, 0);
    for polls in 1.. {
        // A whole programme takes its time, so most buy what a person writes.
        let code = if polls % 16 == 0 { "program_12w" } else { "nutrition" };
        let order = shop.order(&client, code, None).await.order;
        let opening = Mortal::after(polls, open::start(&app, &caller, &order.id, provider)).await;
        a_successor_goes_on(shop).await;
        let mut live = shop.world.read().await.live_payment_of(&order.id).await.unwrap();
        if live.is_none() {
            // Killed before the intent was committed: the client presses once more.
            live = Some(shop.start_payment(&order, provider).await);
        }
        let payment = shop.find_payment(&live.unwrap()).await;
        assert_eq!(payment.status, PaymentStatus::Pending, "after {polls} polls");
        shop.bank_pays(&payment).await;
        let settling = Mortal::after(polls, follow::ask_now(&app, &caller, &payment.id)).await;
        let giving = Mortal::after(polls, app::work::run_due_jobs(&app)).await;
        a_successor_goes_on(shop).await;
        shop.look(&payment).await;
        shop.world.run_jobs().await;
        anna.refresh().await;
        bought += 1;
        documents += usize::from(code == "program_12w");
        let at = format!("{provider}, killed after {polls} polls");
        assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled, "{at}");
        assert_eq!(settled(shop, &payment).await, 1, "{at}");
        assert_eq!(anna.documents(), documents, "{at}");
        let ours = PaymentFilter {
            order: Some(order.id.clone()),
            ..PaymentFilter::default()
        };
        let ours = shop.world.read().await.list_payments(&ours, &ALL).await.unwrap().items;
        assert_eq!(ours.len(), 1, "{at}");
        let ended = [opening.is_some(), settling.is_some(), giving.is_some()];
        kills += ended.iter().filter(|is_whole| !**is_whole).count();
        if ended == [true; 3] {
            break;
        }
    }
    assert!(kills > 4, "only {kills} kills: nothing was cut off");
    let bank = shop.bank.bank(match provider {
        "tbank" => sandbox::driver::Bank::TBank,
        _ => sandbox::driver::Bank::YooKassa,
    });
    let paid = bank.payments().await.unwrap();
    let paid = paid.iter().filter(|payment| payment.paid_minor > 0).count();
    assert_eq!(paid, bought, "one payment an order");
    assert_eq!(anna.count("оплата прошла"), paid, "each told once");
    shop.check_books().await;
}

async fn killed_at_every_step_with_yookassa(shop: &Shop) {
    killed_at_every_step_there_is_one_of_everything(shop, "yookassa").await;
}

async fn killed_at_every_step_with_tbank(shop: &Shop) {
    killed_at_every_step_there_is_one_of_everything(shop, "tbank").await;
}

/// The calls that open a payment: which, and under which key.
async fn openings(shop: &Shop) -> Vec<(String, Option<String>)> {
    let calls = shop.bank.yookassa().calls().await.unwrap();
    calls
        .iter()
        .map(|call| {
            let key = call["key"].as_str().map(str::to_owned);
            (call["call"].as_str().unwrap().to_owned(), key)
        })
        .collect()
}

/// Case 12: a lost answer, a 500 and a 202 are "nobody knows": the same key again, and nothing is called failed.
async fn an_unknown_outcome_is_asked_again_under_the_same_key(shop: &Shop) {
    let client = a_visitor(shop).await;
    for fault in ["drop_response", "error_after_effect", "processing", "server_error"] {
        let before = openings(shop).await.len();
        let order = shop.order(&client, "nutrition", None).await.order;
        shop.bank
            .yookassa()
            .set_faults(&json!({ fault: { "next": 1 } }))
            .await
            .unwrap();
        let payment = shop.start_payment(&order, "yookassa").await;
        assert_eq!(payment.status, PaymentStatus::Creating, "{fault}: nobody knows yet");
        shop.advance_minutes(1).await;
        shop.world.run_jobs().await;
        let payment = shop.find_payment(&payment).await;
        assert_eq!(payment.status, PaymentStatus::Pending, "{fault}");
        let keys: Vec<_> = openings(shop).await.split_off(before);
        let keys: Vec<_> = keys.into_iter().filter(|(call, _)| call == "create_payment").collect();
        assert!(keys.len() >= 2, "{fault}: {keys:?}");
        assert!(
            keys.iter()
                .all(|(_, key)| key.is_some() && key.as_deref() == keys[0].1.as_deref()),
            "{fault}: one key: {keys:?}"
        );
    }
    assert_eq!(shop.bank.yookassa().payments().await.unwrap().len(), 4, "none twice");
    shop.check_books().await;
}

/// Case 12: a day later the key means nothing any more, so the payment is looked up before anything is sent.
async fn after_a_keys_life_the_payment_is_looked_up_first(shop: &Shop) {
    save_settings(
        shop,
        &PaymentSettings {
            order_minutes: 3 * 24 * 60,
            ..PaymentSettings::default()
        },
    )
    .await;
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let bank = shop.bank.yookassa();
    bank.set_faults(&json!({ "drop_response": { "next": 1 } }))
        .await
        .unwrap();
    let payment = shop.start_payment(&order, "yookassa").await;
    assert_eq!(payment.status, PaymentStatus::Creating);
    // It took the money, and nobody here heard of it for a day.
    let theirs = bank.payments().await.unwrap().remove(0);
    bank.pay(&theirs.id).await.unwrap();
    let before = openings(shop).await.len();
    shop.advance_minutes(25 * 60).await;
    shop.world.run_jobs().await;
    let calls = openings(shop).await.split_off(before);
    assert!(!calls.is_empty(), "somebody asked");
    assert!(calls.iter().all(|(call, _)| call != "create_payment"), "{calls:?}");
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Completed);
    assert_eq!(bank.payments().await.unwrap().len(), 1);
    shop.check_books().await;
}

/// Case 13: paid after the client had called the order off.
async fn a_payment_after_the_order_was_canceled_is_real_money(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    expire::cancel(&shop.world.app, &shop.client_caller(), &order.id)
        .await
        .unwrap();
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Canceled);
    // YooKassa can't call an open payment off: its page stays open.
    shop.world.run_jobs().await;
    shop.bank_pays(&payment).await;
    assert!(matches!(told(shop, &payment).await, Received::Kept(_)));
    shop.world.run_jobs().await;
    let after = shop.find_payment(&payment).await;
    assert_eq!(
        (after.status, after.concern),
        (PaymentStatus::Completed, Some(Concern::PaidAfterClosing))
    );
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    assert!(shop.tasks().await.contains(&"paid_after_closing".to_owned()));
    shop.check_books().await;
}

/// Case 17: to the millisecond.
async fn the_refund_window_ends_to_the_millisecond(shop: &Shop) {
    let client = a_visitor(shop).await;
    for (elapsed_ms, is_allowed) in [(60 * MINUTE_MS - 1, true), (60 * MINUTE_MS, false)] {
        let order = shop.order(&client, "nutrition", None).await.order;
        let payment = shop.start_payment(&order, "yookassa").await;
        shop.bank_pays(&payment).await;
        shop.look(&payment).await;
        shop.world.app.clock().advance_ms(elapsed_ms);
        let asked = refund::request(&shop.world.app, &shop.client_caller(), &payment.id, None, "").await;
        if is_allowed {
            asked.unwrap();
        } else {
            let refused = asked.unwrap_err();
            assert!(
                matches!(&refused, Error::Conflict { code: "refund_window_over", detail } if !detail.is_empty()),
                "{refused:?}"
            );
            refund::request(&shop.world.app, &shop.admin(), &payment.id, None, "по просьбе")
                .await
                .unwrap();
        }
        shop.world.run_jobs().await;
        assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
    }
    shop.check_books().await;
}

/// Case 17: the answer to a refund got lost, its notification came first.
async fn a_refund_told_before_its_answer_is_one_refund(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    let bank = shop.bank.yookassa();
    bank.set_faults(&json!({ "drop_response": { "next": 1 } }))
        .await
        .unwrap();
    let asked = refund::request(&shop.world.app, &shop.admin(), &payment.id, Some(rub(90_000)), "часть")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    let theirs = bank.refunds().await.unwrap();
    assert_eq!(theirs.len(), 1, "it was made, and nobody heard of it");
    let body = json!({
        "type": "notification", "event": "refund.succeeded",
        "object": { "id": theirs[0].id, "payment_id": payment.provider_payment, "status": "succeeded" },
    });
    let (app, caller, body) = (&shop.world.app, &shop.world.caller, Bytes::from(body.to_string()));
    for _ in 0..2 {
        let received = notify::receive(
            app,
            &caller.tenant,
            "yookassa",
            &body,
            YOOKASSA_ADDRESS.parse().unwrap(),
            &caller.request_id,
        );
        assert!(matches!(received.await.unwrap(), Received::Kept(_)));
        shop.world.run_jobs().await;
    }
    let ours = shop.world.read().await.find_refund(&asked.id).await.unwrap().unwrap();
    assert_eq!(ours.status, RefundStatus::Succeeded);
    shop.advance_minutes(120).await;
    shop.world.run_jobs().await;
    assert_eq!(bank.refunds().await.unwrap().len(), 1);
    assert_eq!(shop.find_payment(&payment).await.refunded, rub(90_000));
    shop.check_books().await;
}

/// Case 18: a notification and a poll at the same moment.
async fn a_notification_and_a_poll_at_the_same_moment_settle_once(shop: &Shop) {
    let client = a_visitor(shop).await;
    for _ in 0..5 {
        let order = shop.order(&client, "nutrition", None).await.order;
        let payment = shop.start_payment(&order, "yookassa").await;
        shop.bank_pays(&payment).await;
        told(shop, &payment).await;
        let app = &shop.world.app;
        let caller = shop.client_caller();
        let (seen, _, also) = tokio::join!(
            follow::ask_now(app, &caller, &payment.id),
            app::work::run_due_jobs(app),
            follow::ask_now(app, &caller, &payment.id),
        );
        assert_eq!(
            (seen.unwrap(), also.unwrap()),
            (PaymentStatus::Completed, PaymentStatus::Completed)
        );
        shop.world.run_jobs().await;
        assert_eq!(settled(shop, &payment).await, 1);
    }
    shop.check_books().await;
}

/// Case 29, as far as messages go out by themselves today: the clock jumps back an hour and forward forty days over a
/// purchase, an order nobody pays and a programme. Nobody hears anything twice.
async fn a_clock_that_jumps_tells_nobody_anything_twice(shop: &Shop) {
    let (mut anna, client) = a_reader(shop).await;
    let mut trainer = Phone::new(&shop.world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let bought = shop.order(&client, "program_12w", None).await.order;
    let payment = shop.start_payment(&bought, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    shop.world.run_jobs().await;
    let left = shop.order(&client, "nutrition", None).await.order;
    shop.start_payment(&left, "tbank").await;
    anna.refresh().await;
    trainer.refresh().await;
    let heard = |phone: &Phone<'_>| phone.texts().len();
    let before = (heard(&anna), heard(&trainer), anna.documents());
    for minutes in [-60, 60, 40 * 24 * 60, -60, 60] {
        // The bank's clock is its own.
        shop.world.advance_minutes(minutes);
        follow::tick(&shop.world.app).await.unwrap();
        expire::tick(&shop.world.app).await.unwrap();
        app::schedule::enqueue(&shop.world.app, app::schedule::PURGE_JOB, 60 * MINUTE_MS)
            .await
            .unwrap();
        shop.world.run_jobs().await;
        anna.refresh().await;
        trainer.refresh().await;
    }
    assert_eq!((heard(&anna), heard(&trainer), anna.documents()), before);
    assert_eq!(shop.find_order(&bought).await.status, OrderStatus::Fulfilled);
    assert_eq!(shop.find_order(&left).await.status, OrderStatus::Expired);
    shop.check_books().await;
}

/// Case 11, the last resort: a job with money whose workers die each time ends, and a person hears of it.
async fn work_that_kills_its_workers_is_told_to_a_person(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    for number in 0..app::work::DEFAULT_ATTEMPTS + app::work::MORE_AFTER_DEATHS {
        let (now, process_now) = (shop.world.app.now(), shop.world.app.process_now());
        let until = process_now.plus_millis(20_000);
        let mut tx = shop.world.app.store().system().await.unwrap();
        let owner = format!("a worker that dies, {number}");
        let claimed = tx.claim_jobs(&owner, 100, now, process_now, until).await.unwrap();
        tx.commit().await.unwrap();
        assert!(claimed.iter().any(|job| job.kind == app::pay::give::JOB), "{claimed:?}");
        shop.world.app.clock().advance_ms(20_001);
    }
    shop.world.run_jobs().await;
    assert_eq!(shop.tasks().await, ["stuck"]);
    assert_eq!(
        shop.find_order(&order).await.status,
        OrderStatus::Paid,
        "it waits to be replayed"
    );
}

on_both!(in crate::payments::Shop;
    a_fixed_discount_above_the_price_asks_no_bank_and_leaves_nothing_over,
    of_fifty_at_once_one_gets_the_last_use_and_it_comes_back,
    a_success_told_seven_times_does_everything_once,
    killed_at_every_step_with_yookassa,
    killed_at_every_step_with_tbank,
    an_unknown_outcome_is_asked_again_under_the_same_key,
    after_a_keys_life_the_payment_is_looked_up_first,
    a_payment_after_the_order_was_canceled_is_real_money,
    the_refund_window_ends_to_the_millisecond,
    a_refund_told_before_its_answer_is_one_refund,
    a_notification_and_a_poll_at_the_same_moment_settle_once,
    a_clock_that_jumps_tells_nobody_anything_twice,
    work_that_kills_its_workers_is_told_to_a_person,
);
