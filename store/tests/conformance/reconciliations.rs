//! Comparisons with providers, what they mend, and that none of it reaches another tenant.

use domain::ids::{DifferenceId, PaymentId, ReconciliationId};
use domain::money::Currency;
use domain::reconciliation::{Gap, Outcome, RunStatus, Stage};
use store::{Difference, NewReconciliation, NewTask, Tx};

use crate::shop::{PRICE, PROVIDER, Sale, a_refund, a_sale, an_order, rub, settle};
use crate::world::{NOW, World, page};

fn a_run(world: &World) -> NewReconciliation {
    NewReconciliation {
        id: world.id(),
        provider: PROVIDER.to_owned(),
        actor: "system".to_owned(),
        since: NOW.plus_minutes(-60),
        stage: Stage::Payments,
        now: NOW,
    }
}

fn a_difference(world: &World, payment: &PaymentId, outcome: Outcome) -> Difference {
    Difference {
        id: world.id::<DifferenceId>(),
        day: "2026-11-21".to_owned(),
        gap: Gap::BehindHere,
        outcome,
        payment: Some(payment.clone()),
        provider_payment: Some("yk-1".to_owned()),
        facts: "{}".to_owned(),
        at: NOW,
    }
}

/// A sale that is paid, as its provider knows it.
async fn a_paid_sale(world: &World) -> Sale {
    let sale = a_sale(world).await;
    let mut tx = world.write().await;
    assert!(tx.open_payment(&sale.payment.id, "yk-1", None, None).await.unwrap());
    settle(world, &mut tx, &sale).await;
    tx.commit().await.unwrap();
    sale
}

pub async fn a_comparison_goes_step_by_step_and_ends_once(world: &World) {
    let sale = a_paid_sale(world).await;
    let run = a_run(world);
    let mut tx = world.write().await;
    assert!(tx.insert_reconciliation(&run).await.unwrap());
    let second = NewReconciliation {
        id: world.id(),
        ..run.clone()
    };
    assert!(!tx.insert_reconciliation(&second).await.unwrap(), "one at a time");
    assert!(
        tx.advance_reconciliation(&run.id, 0, Stage::Refunds, Some("next"))
            .await
            .unwrap()
    );
    assert!(
        !tx.advance_reconciliation(&run.id, 0, Stage::Ours, None).await.unwrap(),
        "a step is written once"
    );
    let found = tx.find_reconciliation(&run.id).await.unwrap().unwrap();
    assert_eq!(
        (found.stage, found.place.as_deref(), found.step),
        (Stage::Refunds, Some("next"), 1)
    );
    tx.count_reconciled(&run.id, "2026-11-21", 2, 1).await.unwrap();
    tx.count_reconciled(&run.id, "2026-11-21", 3, 0).await.unwrap();
    let mended = a_difference(world, &sale.payment.id, Outcome::Mended);
    assert!(tx.insert_difference(&run.id, "behind_here:a", &mended).await.unwrap());
    let again = a_difference(world, &sale.payment.id, Outcome::Mended);
    assert!(!tx.insert_difference(&run.id, "behind_here:a", &again).await.unwrap());
    let asked = a_difference(world, &sale.payment.id, Outcome::Task);
    assert!(tx.insert_difference(&run.id, "behind_here:b", &asked).await.unwrap());
    let days = tx.reconciled_days(&run.id).await.unwrap();
    let day = &days[0];
    assert_eq!(
        (days.len(), day.checked, day.others, day.mended, day.tasks),
        (1, 5, 1, 1, 1)
    );
    assert_eq!(tx.differences(&run.id, &page(9)).await.unwrap().items, [asked, mended]);
    assert!(tx.finish_reconciliation(&run.id, None, NOW).await.unwrap());
    assert!(!tx.finish_reconciliation(&run.id, Some("x"), NOW).await.unwrap());
    assert!(!tx.advance_reconciliation(&run.id, 1, Stage::Ours, None).await.unwrap());
    assert!(
        tx.insert_reconciliation(&second).await.unwrap(),
        "the next one may begin"
    );
    let done = tx
        .latest_reconciliation(PROVIDER, RunStatus::Done)
        .await
        .unwrap()
        .unwrap();
    assert_eq!(done.id, run.id);
    let found = tx.reconciliation_done_before(PROVIDER, &second.id).await.unwrap();
    assert_eq!(found.map(|found| found.id), Some(run.id.clone()));
    assert_eq!(tx.reconciliation_done_before(PROVIDER, &run.id).await.unwrap(), None);
    let listed = tx.list_reconciliations(Some(PROVIDER), &page(9)).await.unwrap().items;
    let ids: Vec<&ReconciliationId> = listed.iter().map(|run| &run.id).collect();
    assert_eq!(ids, [&second.id, &run.id]);
}

pub async fn what_had_a_part_in_the_time_is_compared_once(world: &World) {
    let sale = a_paid_sale(world).await;
    let id = &sale.payment.id;
    let mut tx = world.write().await;
    let due = async |tx: &mut Tx, since, begun, after: Option<&str>| {
        tx.payments_to_reconcile(PROVIDER, since, begun, after, 9)
            .await
            .unwrap()
    };
    assert_eq!(due(&mut tx, NOW, NOW, None).await, std::slice::from_ref(id));
    assert_eq!(due(&mut tx, NOW, NOW, Some(id.as_ref())).await, []);
    assert_eq!(
        due(&mut tx, NOW.plus_minutes(1), NOW, None).await,
        [],
        "nothing happened to it since"
    );
    assert!(tx.mark_reconciled(id, NOW, NOW.plus_minutes(1)).await.unwrap());
    assert!(!tx.mark_reconciled(id, NOW, NOW.plus_minutes(1)).await.unwrap());
    assert_eq!(due(&mut tx, NOW, NOW, None).await, []);
    let later = NOW.plus_minutes(60);
    assert_eq!(
        due(&mut tx, NOW, later, None).await,
        std::slice::from_ref(id),
        "the next comparison sees it again"
    );
    // A refund brings an old payment back.
    let refund = a_refund(world, &sale, 10_000);
    assert!(tx.insert_refund(&refund).await.unwrap());
    let refund = tx.find_refund(&refund.id).await.unwrap().unwrap();
    assert!(tx.succeed_refund(&refund, Some("rf-1"), later).await.unwrap());
    assert_eq!(
        due(&mut tx, later, later.plus_minutes(1), None).await,
        std::slice::from_ref(id)
    );
    let known = tx.refund_of_provider(id, "rf-1").await.unwrap().unwrap();
    assert_eq!(known.id, refund.id);
    assert_eq!(tx.refund_of_provider(id, "rf-2").await.unwrap(), None);
}

pub async fn money_is_counted_by_its_order_and_moves_whole(world: &World) {
    let sale = a_paid_sale(world).await;
    let (id, order) = (&sale.payment.id, &sale.order.id);
    let other = an_order(world, &sale.client, &sale.product);
    let strangers = a_sale(world).await.order;
    let mut tx = world.write().await;
    tx.insert_order(&other).await.unwrap();
    assert_eq!(tx.money_of_order(order, Currency::Rub).await.unwrap(), PRICE);
    assert!(!tx.has_foreign_money(order, Currency::Rub).await.unwrap());
    assert!(tx.has_foreign_money(order, Currency::Usd).await.unwrap());
    assert!(
        !tx.move_payment(id, &strangers.id).await.unwrap(),
        "another client's order"
    );
    assert!(tx.move_payment(id, &other.id).await.unwrap());
    assert_eq!(tx.money_of_order(order, Currency::Rub).await.unwrap(), rub(0));
    assert_eq!(tx.money_of_order(&other.id, Currency::Rub).await.unwrap(), PRICE);
    assert!(tx.postpone_order(&other.id, NOW.plus_minutes(9)).await.unwrap());
    assert!(!tx.postpone_order(order, NOW).await.unwrap(), "it is paid");
    let before = tx.find_order(&other.id).await.unwrap().unwrap();
    let lines = tx.order_lines(&before).await.unwrap();
    tx.reduce_order(&before, &lines, &[rub(30_000)]).await.unwrap();
    let after = tx.find_order(&other.id).await.unwrap().unwrap();
    assert_eq!((after.total, after.expires_at), (rub(70_000), NOW.plus_minutes(9)));
    assert_eq!(tx.order_lines(&after).await.unwrap()[0].total, rub(70_000));
    let mut stray = sale.payment.clone();
    stray.id = world.id();
    assert!(
        !tx.insert_stray_payment(&stray, "yk-1").await.unwrap(),
        "the provider's id is known"
    );
    assert!(tx.insert_stray_payment(&stray, "yk-2").await.unwrap());
    assert_eq!(
        tx.payment_of_provider(PROVIDER, "yk-2").await.unwrap(),
        Some(stray.id.clone())
    );
    tx.know_test(id).await.unwrap();
    assert!(tx.find_payment(id).await.unwrap().unwrap().is_test);
}

pub async fn a_part_of_a_hold_is_decided_once(world: &World) {
    let sale = a_sale(world).await;
    let id = &sale.payment.id;
    let mut tx = world.write().await;
    assert!(!tx.decide_capture(id, rub(1)).await.unwrap(), "nothing is held");
    assert!(tx.open_payment(id, "yk-1", None, None).await.unwrap());
    assert!(tx.hold_payment(id).await.unwrap());
    assert!(!tx.decide_capture(id, rub(PRICE.minor + 1)).await.unwrap());
    assert!(tx.decide_capture(id, rub(40_000)).await.unwrap());
    assert!(tx.decide_capture(id, rub(40_000)).await.unwrap());
    assert!(!tx.decide_capture(id, rub(50_000)).await.unwrap());
    assert_eq!(tx.find_payment(id).await.unwrap().unwrap().capture, Some(rub(40_000)));
}

pub async fn a_finished_tasks_key_is_kept_or_freed(world: &World) {
    let task = NewTask {
        id: world.id(),
        kind: "misconfigured".to_owned(),
        dedupe_key: "misconfigured:yookassa".to_owned(),
        client: None,
        order: None,
        payment: None,
        refund: None,
        facts: "{}".to_owned(),
        now: NOW,
    };
    let again = NewTask {
        id: world.id(),
        ..task.clone()
    };
    let mut tx = world.write().await;
    assert!(tx.insert_task(&task).await.unwrap());
    tx.free_task_key(&task.id).await.unwrap();
    assert!(!tx.insert_task(&again).await.unwrap(), "an open task keeps its key");
    assert_eq!(tx.open_tasks("misconfigured").await.unwrap(), 1);
    let open = tx.open_task_of_cause(&task.dedupe_key).await.unwrap().unwrap();
    assert_eq!((open.id, open.facts.as_str()), (task.id.clone(), "{}"));
    tx.set_task_facts(&task.id, "{\"mended\":true}").await.unwrap();
    assert!(tx.finish_task(&task.id, "us_1", NOW).await.unwrap());
    assert_eq!(tx.open_task_of_cause(&task.dedupe_key).await.unwrap(), None);
    let done = tx.find_task(&task.id).await.unwrap().unwrap();
    assert_eq!(done.facts, "{\"mended\":true}");
    assert!(!tx.insert_task(&again).await.unwrap(), "a fact stays seen to");
    tx.free_task_key(&task.id).await.unwrap();
    assert!(tx.insert_task(&again).await.unwrap(), "a state may come back");
    assert_eq!(tx.open_tasks("misconfigured").await.unwrap(), 1);
}

pub async fn another_tenants_comparisons_are_out_of_reach(world: &World) {
    let sale = a_paid_sale(world).await;
    let (id, order) = (&sale.payment.id, &sale.order.id);
    let run = a_run(world);
    let mut tx = world.write().await;
    assert!(tx.insert_reconciliation(&run).await.unwrap());
    tx.count_reconciled(&run.id, "2026-11-21", 1, 0).await.unwrap();
    let difference = a_difference(world, id, Outcome::Task);
    assert!(tx.insert_difference(&run.id, "k", &difference).await.unwrap());
    let refund = a_refund(world, &sale, 10);
    assert!(tx.insert_refund(&refund).await.unwrap());
    assert!(tx.open_refund(&refund.id, "rf-1").await.unwrap());
    tx.commit().await.unwrap();
    let own = world.read().await.find_payment(id).await.unwrap();
    let mut tx = world.other.write().await.unwrap();
    assert_eq!(tx.find_reconciliation(&run.id).await.unwrap(), None);
    assert_eq!(
        tx.latest_reconciliation(PROVIDER, RunStatus::Running).await.unwrap(),
        None
    );
    assert_eq!(
        tx.reconciliation_done_before(PROVIDER, &world.id()).await.unwrap(),
        None
    );
    assert_eq!(tx.list_reconciliations(None, &page(9)).await.unwrap().items, []);
    assert_eq!(tx.reconciled_days(&run.id).await.unwrap(), []);
    assert_eq!(tx.differences(&run.id, &page(9)).await.unwrap().items, []);
    assert!(!tx.advance_reconciliation(&run.id, 0, Stage::Ours, None).await.unwrap());
    assert!(!tx.finish_reconciliation(&run.id, None, NOW).await.unwrap());
    let since = NOW.plus_minutes(-60);
    assert_eq!(
        tx.payments_to_reconcile(PROVIDER, since, NOW, None, 9).await.unwrap(),
        []
    );
    assert!(!tx.mark_reconciled(id, NOW, NOW).await.unwrap());
    assert_eq!(tx.refund_of_provider(id, "rf-1").await.unwrap(), None);
    assert!(!tx.decide_capture(id, rub(1)).await.unwrap());
    assert!(!tx.move_payment(id, order).await.unwrap());
    assert_eq!(tx.money_of_order(order, Currency::Rub).await.unwrap(), rub(0));
    assert!(!tx.has_foreign_money(order, Currency::Usd).await.unwrap());
    assert!(!tx.postpone_order(order, NOW).await.unwrap());
    tx.know_test(id).await.unwrap();
    tx.question_receipt(&refund.id).await.unwrap();
    assert_eq!(tx.open_tasks("held").await.unwrap(), 0);
    let mut whole = world.read().await.find_order(order).await.unwrap().unwrap();
    let lines = world.read().await.order_lines(&whole).await.unwrap();
    tx.reduce_order(&whole, &lines, &[rub(1)]).await.unwrap();
    let task = NewTask {
        id: world.id(),
        kind: "held".to_owned(),
        dedupe_key: "held".to_owned(),
        client: None,
        order: None,
        payment: None,
        refund: None,
        facts: "{}".to_owned(),
        now: NOW,
    };
    assert!(tx.insert_task(&task).await.unwrap());
    tx.commit().await.unwrap();
    let mut tx = world.write().await;
    tx.free_task_key(&task.id).await.unwrap();
    assert_eq!(tx.open_tasks("held").await.unwrap(), 0);
    tx.commit().await.unwrap();
    let after = world.read().await.find_order(order).await.unwrap().unwrap();
    whole.version = after.version;
    assert_eq!(after, whole);
    assert_eq!(world.read().await.find_payment(id).await.unwrap(), own);
    let mut system = world.store.system_read().await.unwrap();
    assert!(system.tenant_of_payment(id).await.unwrap().is_some());
    assert_eq!(system.tenant_of_payment(&world.id()).await.unwrap(), None);
}
