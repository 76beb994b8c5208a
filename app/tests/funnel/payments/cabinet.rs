//! What went back in T-Bank's own cabinet, and nobody says how much: a task asks for the sum, a person enters it.

use app::pay::cabinet;
use domain::refund::RefundOrigin;
use store::{Refund, Task};

use super::receipts::{bought, one, with_receipts};
use super::*;

on_both!(in crate::payments::Shop;
    a_part_is_entered_with_its_sum,
    what_the_bank_contradicts_is_not_entered,
    what_needs_no_person_is_not_entered,
    a_second_part_is_entered_beside_the_first,
    the_rest_ends_the_task_by_itself,
    what_is_on_its_way_there_is_no_task_yet,
);

async fn differences(shop: &Shop) -> Vec<Task> {
    let tasks = shop.world.read().await.list_tasks(None, &ALL).await.unwrap().items;
    tasks.into_iter().filter(|task| task.kind == "difference").collect()
}

async fn record(shop: &Shop, payment: &Payment, minor: i64) -> app::Result<Refund> {
    cabinet::record(
        &shop.world.app,
        &shop.admin(),
        &payment.id,
        rub(minor),
        "вернули в кабинете",
    )
    .await
}

async fn refused(shop: &Shop, payment: &Payment, minor: i64) -> &'static str {
    match record(shop, payment, minor).await {
        Err(Error::Conflict { code, .. }) => code,
        other => panic!("{other:?}"),
    }
}

/// Asks the bank, and does what follows from its answer.
async fn ask(shop: &Shop, payment: &Payment) {
    shop.look(payment).await;
    shop.world.run_jobs().await;
}

async fn paid(shop: &Shop, client: &ClientId, provider: &str) -> (Order, Payment) {
    let order = shop.order(client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, provider).await;
    shop.bank_pays(&payment).await;
    assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
    shop.world.run_jobs().await;
    (order, payment)
}

fn at_bank(payment: &Payment) -> &str {
    payment.provider_payment.as_deref().unwrap()
}

async fn a_part_is_entered_with_its_sum(shop: &Shop) {
    with_receipts(shop, "nutrition").await;
    let (mut anna, client) = a_reader(shop).await;
    let (order, payment) = bought(shop, &client, "nutrition", "tbank").await;
    shop.world.run_jobs().await;
    shop.bank.tbank().refund(at_bank(&payment), Some(50_000)).await.unwrap();
    ask(shop, &payment).await;
    let task = differences(shop).await.remove(0);
    assert_eq!((task.is_done, task.payment.as_ref()), (false, Some(&payment.id)));

    let refund = record(shop, &payment, 50_000).await.unwrap();
    let actor = shop.admin().actor.to_string();
    assert_eq!(
        (refund.status, refund.origin, refund.amount),
        (RefundStatus::Succeeded, RefundOrigin::Provider, rub(50_000))
    );
    assert_eq!(
        (refund.actor.as_str(), refund.reason.as_str()),
        (actor.as_str(), "вернули в кабинете")
    );
    let task = differences(shop).await.remove(0);
    assert_eq!((task.is_done, task.done_by), (true, Some(actor)));
    let after = shop.find_payment(&payment).await;
    assert_eq!(
        (after.status, after.refunded, after.reserved),
        (PaymentStatus::PartiallyRefunded, rub(50_000), rub(0))
    );
    // Whether the bank's register gave a receipt, nobody tells: as for each refund of a cabinet.
    let receipt = one(shop, &order, "refund").await;
    assert_eq!((receipt.status.as_str(), receipt.amount), ("by_hand", rub(50_000)));
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.count("возврат"), 1, "the client hears of it");
    let mut tx = shop.world.read().await;
    let deeds = tx.audit_of(refund.id.as_str(), 10).await.unwrap();
    assert_eq!(
        deeds.iter().map(|deed| deed.action.as_str()).collect::<Vec<_>>(),
        ["refund.recorded"]
    );
    drop(tx);
    ask(shop, &payment).await;
    assert_eq!(differences(shop).await.len(), 1, "what is known is not asked for again");
    shop.check_books().await;
}

async fn what_the_bank_contradicts_is_not_entered(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "tbank").await;
    assert_eq!(refused(shop, &payment, 50_000).await, "refund_not_paid");
    shop.bank_pays(&payment).await;
    ask(shop, &payment).await;
    assert_eq!(refused(shop, &payment, 50_000).await, "refund_not_there");

    let bank = shop.bank.tbank();
    bank.set_faults(&json!({ "pending_refund": { "next": 1 } }))
        .await
        .unwrap();
    bank.refund(at_bank(&payment), Some(50_000)).await.unwrap();
    assert_eq!(refused(shop, &payment, 50_000).await, "refund_not_ended");
    let waiting = bank.refunds().await.unwrap().remove(0);
    bank.settle_refund(&waiting.id, true).await.unwrap();

    for (minor, code) in [
        (290_001, "refund_too_much"),
        (290_000, "refund_other_sum"),
        (0, "refund_not_positive"),
        (-1, "refund_not_positive"),
    ] {
        assert_eq!(refused(shop, &payment, minor).await, code, "{minor}");
    }
    let (app, admin) = (&shop.world.app, shop.admin());
    let euros = Money::new(50_000, Currency::Eur);
    let refusal = cabinet::record(app, &admin, &payment.id, euros, "в евро").await;
    assert!(
        matches!(
            refusal,
            Err(Error::Conflict {
                code: "refund_other_currency",
                ..
            })
        ),
        "{refusal:?}"
    );
    let speechless = cabinet::record(app, &admin, &payment.id, rub(50_000), " ").await;
    assert!(matches!(speechless, Err(Error::Invalid(_))), "{speechless:?}");
    let away = json!({ "server_error": { "percent": 100 }, "only_calls": ["GetState"] });
    bank.set_faults(&away).await.unwrap();
    let away = record(shop, &payment, 50_000).await;
    assert!(matches!(away, Err(Error::Unavailable { .. })), "{away:?}");
    shop.bank.clear_faults().await.unwrap();
    // Nothing was written by any of them.
    assert_eq!(shop.find_payment(&payment).await.refunded, rub(0));
    record(shop, &payment, 50_000).await.unwrap();
    shop.check_books().await;

    // The bank tells the sum when all went back.
    bank.refund(at_bank(&payment), None).await.unwrap();
    assert_eq!(refused(shop, &payment, 100_000).await, "refund_other_sum");
    record(shop, &payment, 240_000).await.unwrap();
    assert_eq!(refused(shop, &payment, 1).await, "refund_nothing_left");
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Refunded);
    shop.check_books().await;
}

async fn what_needs_no_person_is_not_entered(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let cash = open::enter_by_hand(&shop.world.app, &shop.admin(), &order.id, None, "наличные")
        .await
        .unwrap();
    assert_eq!(refused(shop, &cash, 50_000).await, "refund_no_cabinet");
    let (_, payment) = paid(shop, &client, "yookassa").await;
    shop.bank
        .yookassa()
        .refund(at_bank(&payment), Some(50_000))
        .await
        .unwrap();
    assert_eq!(refused(shop, &payment, 50_000).await, "refund_told_by_provider");
    ask(shop, &payment).await;
    assert_eq!(
        shop.find_payment(&payment).await.refunded,
        rub(50_000),
        "asked, it tells"
    );

    // One of ours is under way, and could be what the bank speaks of.
    let (_, payment) = paid(shop, &client, "tbank").await;
    let bank = shop.bank.tbank();
    bank.refund(at_bank(&payment), Some(50_000)).await.unwrap();
    refund::request(&shop.world.app, &shop.admin(), &payment.id, Some(rub(20_000)), "часть")
        .await
        .unwrap();
    assert_eq!(refused(shop, &payment, 50_000).await, "refund_under_way");
    shop.world.run_jobs().await;
    record(shop, &payment, 50_000).await.unwrap();
    assert_eq!(shop.find_payment(&payment).await.refunded, rub(70_000));
    assert_eq!(bank.payment(at_bank(&payment)).await.unwrap().refunded_minor, 70_000);
}

async fn a_second_part_is_entered_beside_the_first(shop: &Shop) {
    let client = a_visitor(shop).await;
    let (order, payment) = paid(shop, &client, "tbank").await;
    for minor in [50_000, 60_000] {
        shop.bank.tbank().refund(at_bank(&payment), Some(minor)).await.unwrap();
        record(shop, &payment, minor).await.unwrap();
        shop.check_books().await;
    }
    assert_eq!(shop.find_payment(&payment).await.refunded, rub(110_000));
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
}

async fn the_rest_ends_the_task_by_itself(shop: &Shop) {
    let client = a_visitor(shop).await;
    let (order, payment) = paid(shop, &client, "tbank").await;
    let bank = shop.bank.tbank();
    bank.refund(at_bank(&payment), Some(50_000)).await.unwrap();
    ask(shop, &payment).await;
    assert!(!differences(shop).await.remove(0).is_done);
    bank.refund(at_bank(&payment), None).await.unwrap();
    ask(shop, &payment).await;
    let task = differences(shop).await.remove(0);
    assert_eq!((task.is_done, task.done_by.as_deref()), (true, Some("system")));
    assert!(task.facts.contains("settled"), "why stands on it: {}", task.facts);
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Refunded);
    shop.check_books().await;
}

async fn what_is_on_its_way_there_is_no_task_yet(shop: &Shop) {
    let client = a_visitor(shop).await;
    let (_, payment) = paid(shop, &client, "tbank").await;
    let bank = shop.bank.tbank();
    bank.set_faults(&json!({ "pending_refund": { "next": 1 } }))
        .await
        .unwrap();
    bank.refund(at_bank(&payment), Some(50_000)).await.unwrap();
    ask(shop, &payment).await;
    assert_eq!(differences(shop).await.len(), 0);
    let waiting = bank.refunds().await.unwrap().remove(0);
    bank.settle_refund(&waiting.id, true).await.unwrap();
    shop.advance_minutes(10).await;
    ask(shop, &payment).await;
    assert_eq!(differences(shop).await.len(), 1, "it has arrived");
}
