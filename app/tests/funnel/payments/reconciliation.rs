//! The books beside the banks: refunds made in a cabinet, and what the comparison of the night finds and mends.

use app::pay::reconcile::{self, Report};
use domain::ids::OrderId;
use domain::payment::Observation;
use domain::reconciliation::{Gap, Outcome, RunStatus};
use domain::refund::RefundOrigin;
use providers::payments::Seen;
use store::{Refund, RefundFilter};

use super::schedules::Mortal;
use super::*;

const BANKS: [&str; 2] = ["yookassa", "tbank"];

fn bank<'a>(shop: &'a Shop, provider: &str) -> sandbox::driver::BankDriver<'a> {
    if provider == "tbank" {
        shop.bank.tbank()
    } else {
        shop.bank.yookassa()
    }
}

/// Compares with both banks to the end; YooKassa's report first.
async fn night(shop: &Shop) -> Vec<Report> {
    let (app, admin) = (&shop.world.app, shop.admin());
    let begun = reconcile::start(app, &admin, None, None).await.unwrap();
    for _ in 0..20 {
        shop.world.run_jobs().await;
        shop.advance_minutes(1).await;
    }
    let mut reports = Vec::new();
    for run in begun {
        let report = reconcile::find(app, &admin, &run.id).await.unwrap();
        assert_eq!(report.run.status, RunStatus::Done, "{report:?}");
        reports.push(report);
    }
    reports
}

fn found(reports: &[Report]) -> Vec<(Gap, Outcome)> {
    let all = reports.iter().flat_map(|report| &report.differences);
    all.map(|one| (one.gap, one.outcome)).collect()
}

async fn open_tasks(shop: &Shop) -> Vec<String> {
    let tasks = shop.world.read().await.list_tasks(Some(false), &ALL).await.unwrap();
    tasks.items.into_iter().map(|task| task.kind).collect()
}

async fn refunds(shop: &Shop, order: &Order) -> Vec<Refund> {
    let filter = RefundFilter {
        order: Some(order.id.clone()),
        status: None,
    };
    shop.world.read().await.list_refunds(&filter, &ALL).await.unwrap().items
}

async fn a_sale(shop: &Shop, client: &ClientId, provider: &str) -> (Order, Payment) {
    let order = shop.order(client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, provider).await;
    shop.bank_pays(&payment).await;
    assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
    shop.world.run_jobs().await;
    (order, shop.find_payment(&payment).await)
}

async fn a_refund_from_the_cabinet_is_booked_when_the_bank_is_asked(shop: &Shop) {
    let (mut anna, client) = a_reader(shop).await;
    for (number, provider) in BANKS.into_iter().enumerate() {
        let (order, payment) = a_sale(shop, &client, provider).await;
        let id = payment.provider_payment.as_ref().unwrap();
        if provider == "yookassa" {
            bank(shop, provider).refund(id, Some(90_000)).await.unwrap();
            shop.look(&payment).await;
            shop.world.run_jobs().await;
            let after = shop.find_payment(&payment).await;
            assert_eq!(
                (after.status, after.refunded),
                (PaymentStatus::PartiallyRefunded, rub(90_000))
            );
            shop.check_books().await;
        }
        bank(shop, provider).refund(id, None).await.unwrap();
        shop.look(&payment).await;
        shop.world.run_jobs().await;
        shop.look(&payment).await;
        shop.world.run_jobs().await;
        let made = refunds(shop, &order).await;
        assert!(
            made.iter().all(|refund| refund.origin == RefundOrigin::Provider),
            "{made:?}"
        );
        assert_eq!(made.len(), 2 - number, "{provider}: each once");
        assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Refunded);
        assert_eq!(shop.find_order(&order).await.status, OrderStatus::Refunded);
        assert_eq!(
            open_tasks(shop).await,
            Vec::<String>::new(),
            "nobody writes a plan for money that went back"
        );
        shop.check_books().await;
    }
    anna.refresh().await;
    assert_eq!(anna.count("возврат"), 3, "the client hears of each");
}

async fn ours_and_the_cabinets_refund_are_never_taken_for_each_other(shop: &Shop) {
    let client = a_visitor(shop).await;
    let (order, payment) = a_sale(shop, &client, "yookassa").await;
    let id = payment.provider_payment.as_ref().unwrap();
    // Ours is done there and its answer is lost; meanwhile somebody gives the same sum back in the cabinet.
    shop.bank
        .yookassa()
        .set_faults(&json!({ "drop_response": { "next": 1 } }))
        .await
        .unwrap();
    refund::request(&shop.world.app, &shop.admin(), &payment.id, Some(rub(50_000)), "часть")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    shop.bank.yookassa().refund(id, Some(50_000)).await.unwrap();
    shop.look(&payment).await;
    for _ in 0..5 {
        shop.world.run_jobs().await;
        shop.advance_minutes(2).await;
    }
    let mut origins: Vec<_> = refunds(shop, &order).await.into_iter().map(|one| one.origin).collect();
    origins.sort_by_key(|origin| origin.code());
    assert_eq!(origins, [RefundOrigin::Here, RefundOrigin::Provider]);
    assert_eq!(shop.find_payment(&payment).await.refunded, rub(100_000));
    assert_eq!(found(&night(shop).await), []);
    shop.check_books().await;
}

async fn a_part_that_a_bank_keeps_to_itself_becomes_one_task(shop: &Shop) {
    let client = a_visitor(shop).await;
    let (_, payment) = a_sale(shop, &client, "tbank").await;
    let id = payment.provider_payment.as_ref().unwrap();
    shop.bank.tbank().refund(id, Some(50_000)).await.unwrap();
    let task = (Gap::RefundMissingHere, Outcome::Task);
    assert_eq!(found(&night(shop).await), [task]);
    let tasks = shop
        .world
        .read()
        .await
        .list_tasks(Some(false), &ALL)
        .await
        .unwrap()
        .items;
    let difference = tasks.iter().find(|task| task.kind == "difference").unwrap();
    assert_eq!(difference.payment.as_ref(), Some(&payment.id));
    app::crm::tasks::done(&shop.world.app, &shop.admin(), &difference.id)
        .await
        .unwrap();
    night(shop).await;
    assert!(
        !open_tasks(shop).await.contains(&"difference".to_owned()),
        "what was seen to stays so"
    );
    shop.bank.tbank().refund(id, None).await.unwrap();
    assert_eq!(found(&night(shop).await), [(Gap::RefundMissingHere, Outcome::Mended)]);
    assert_eq!(shop.find_payment(&payment).await.refunded, rub(290_000));
    shop.check_books().await;
}

async fn the_night_finds_the_refund_of_an_old_payment(shop: &Shop) {
    let client = a_visitor(shop).await;
    let (order, payment) = a_sale(shop, &client, "yookassa").await;
    shop.advance_minutes(20 * 24 * 60).await;
    let id = payment.provider_payment.as_ref().unwrap();
    shop.bank.yookassa().refund(id, Some(40_000)).await.unwrap();
    let reports = night(shop).await;
    assert_eq!(found(&reports), [(Gap::RefundMissingHere, Outcome::Mended)]);
    assert_eq!(
        reports[0].days.iter().map(|day| (day.checked, day.mended)).max(),
        Some((1, 1))
    );
    assert_eq!(refunds(shop, &order).await[0].amount, rub(40_000));
    assert_eq!(found(&night(shop).await), [], "mended is mended");
    shop.check_books().await;
}

async fn the_night_settles_what_nobody_has_told(shop: &Shop) {
    let client = a_visitor(shop).await;
    for provider in BANKS {
        let order = shop.order(&client, "nutrition", None).await.order;
        let payment = shop.start_payment(&order, provider).await;
        shop.bank_pays(&payment).await;
        let reports = night(shop).await;
        assert_eq!(found(&reports), [(Gap::BehindHere, Outcome::Mended)], "{provider}");
        assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
        let checked: u64 = reports
            .iter()
            .flat_map(|report| &report.days)
            .map(|day| day.checked)
            .sum();
        assert!(checked >= 1, "{reports:?}");
    }
    shop.check_books().await;
}

async fn a_payment_unknown_here_is_found_by_the_name_it_carries(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let yookassa = shop.bank.yookassa();
    let nobodys: OrderId = shop.world.app.new_id();
    for metadata in [
        json!({ "order_id": order.id }),
        json!({ "order_id": nobodys }),
        json!({ "invoice": "another system" }),
    ] {
        let made = yookassa.create_payment(290_000, &metadata).await.unwrap();
        yookassa.pay(&made.id).await.unwrap();
    }
    let reports = night(shop).await;
    let mut gaps = found(&reports);
    gaps.sort_by_key(|(_, outcome)| outcome.code());
    assert_eq!(
        gaps,
        [(Gap::MissingHere, Outcome::Mended), (Gap::MissingHere, Outcome::Task)]
    );
    assert_eq!(reports[0].days.iter().map(|day| day.others).sum::<u64>(), 1);
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    let mut tasks = open_tasks(shop).await;
    tasks.sort_unstable();
    assert_eq!(tasks, ["give_by_hand", "paid_after_closing", "unknown_payment"]);
    assert_eq!(
        found(&night(shop).await).len(),
        1,
        "the stranger's is asked about once, and shown each night"
    );
    assert_eq!(open_tasks(shop).await.len(), 3);
}

async fn a_second_payment_under_one_name_is_in_the_books(shop: &Shop) {
    let client = a_visitor(shop).await;
    let (order, payment) = a_sale(shop, &client, "yookassa").await;
    let metadata = json!({ "payment_id": payment.id, "order_id": order.id });
    let twin = shop.bank.yookassa().create_payment(290_000, &metadata).await.unwrap();
    shop.bank.yookassa().pay(&twin.id).await.unwrap();
    assert_eq!(found(&night(shop).await), [(Gap::PaidTwice, Outcome::Task)]);
    let wallet = Account::wallet(&client, Currency::Rub);
    assert_eq!(shop.world.read().await.balance(&wallet).await.unwrap(), rub(-290_000));
    assert!(open_tasks(shop).await.contains(&"paid_twice".to_owned()));
    shop.check_books().await;
    // Whichever of them goes back: the spare money goes first, and the order stands.
    refund::request(&shop.world.app, &shop.admin(), &payment.id, None, "оплачено дважды")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    assert_eq!(shop.world.read().await.balance(&wallet).await.unwrap(), rub(0));
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    shop.check_books().await;
}

async fn what_is_paid_here_alone_is_a_persons_matter(shop: &Shop) {
    let client = a_visitor(shop).await;
    for provider in BANKS {
        let order = shop.order(&client, "nutrition", None).await.order;
        let payment = shop.start_payment(&order, provider).await;
        let seen = Seen {
            id: payment.provider_payment.clone().unwrap(),
            observation: Observation::Succeeded {
                amount: payment.amount,
                fee: None,
            },
            pay_url: None,
            reference: None,
            amount: payment.amount,
            refunded: None,
            is_test: true,
            saved_method: None,
        };
        let caller = &shop.world.caller;
        let (tenant, request_id) = (&caller.tenant, &caller.request_id);
        observe::apply(&shop.world.app, tenant, &payment.id, &seen, Source::Poll, request_id)
            .await
            .unwrap();
        let reports = night(shop).await;
        let of_it = |report: &&Report| report.run.provider == provider;
        let report = reports.iter().find(of_it).unwrap();
        assert_eq!(
            found(std::slice::from_ref(report)),
            [(Gap::NotPaidThere, Outcome::Task)],
            "{provider}"
        );
    }
    let differences = open_tasks(shop)
        .await
        .iter()
        .filter(|kind| *kind == "difference")
        .count();
    assert_eq!(differences, 2);
}

async fn a_comparison_that_is_killed_goes_on(shop: &Shop) {
    let client = a_visitor(shop).await;
    let mut sales = Vec::new();
    for _ in 0..12 {
        let order = shop.order(&client, "nutrition", None).await.order;
        let payment = shop.start_payment(&order, "tbank").await;
        shop.bank_pays(&payment).await;
        sales.push(payment);
    }
    let (app, admin) = (&shop.world.app, shop.admin());
    let begun = reconcile::start(app, &admin, Some("tbank"), None).await.unwrap();
    let again = reconcile::start(app, &admin, Some("tbank"), None).await;
    assert!(
        matches!(
            again,
            Err(Error::Conflict {
                code: "reconciliation_under_way",
                ..
            })
        ),
        "{again:?}"
    );
    for polls in (40..400).step_by(40) {
        Mortal::after(polls, app::work::run_due_jobs(app)).await;
        shop.advance_minutes(2).await;
    }
    for _ in 0..5 {
        shop.world.run_jobs().await;
        shop.advance_minutes(2).await;
    }
    let report = reconcile::find(app, &admin, &begun[0].id).await.unwrap();
    assert_eq!(report.run.status, RunStatus::Done, "{report:?}");
    assert_eq!(
        report.days.iter().map(|day| day.checked).sum::<u64>(),
        12,
        "each once: {report:?}"
    );
    for payment in &sales {
        assert_eq!(shop.find_payment(payment).await.status, PaymentStatus::Completed);
    }
    shop.check_books().await;
}

async fn every_replica_ticks_and_each_night_is_compared_once(shop: &Shop) {
    let app = &shop.world.app;
    for _ in 0..3 {
        reconcile::tick(app).await.unwrap();
    }
    shop.world.run_jobs().await;
    let runs = || async {
        let all = reconcile::list(app, &shop.admin(), None, &ALL).await.unwrap().items;
        all.len()
    };
    assert_eq!(runs().await, 2, "one a provider");
    let (standing, open) = reconcile::standing(app, shop.world.tenant()).await.unwrap();
    assert!(
        standing.iter().all(|one| one.last.is_some() && one.failure.is_none()),
        "{standing:?}"
    );
    assert_eq!(open, 0);
    shop.advance_minutes(24 * 60).await;
    reconcile::tick(app).await.unwrap();
    shop.world.run_jobs().await;
    assert_eq!(runs().await, 4);
}

async fn a_night_the_bank_is_away_is_told_and_made_up_for(shop: &Shop) {
    let client = a_visitor(shop).await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    let away = json!({ "refuse": { "percent": 100 }, "only_calls": ["list_payments", "get_payment"] });
    shop.bank.yookassa().set_faults(&away).await.unwrap();
    reconcile::start(&shop.world.app, &shop.admin(), Some("yookassa"), None)
        .await
        .unwrap();
    shop.world.run_jobs().await;
    let (standing, _) = reconcile::standing(&shop.world.app, shop.world.tenant()).await.unwrap();
    assert!(standing[0].failure.is_some(), "{standing:?}");
    assert!(open_tasks(shop).await.contains(&"unreconciled".to_owned()));
    shop.bank.clear_faults().await.unwrap();
    shop.advance_minutes(6 * 24 * 60).await;
    night(shop).await;
    assert_eq!(shop.find_payment(&payment).await.status, PaymentStatus::Completed);
    let tasks = unreconciled(shop).await;
    assert_eq!((tasks.len(), tasks[0].is_done), (1, true), "it is in order again");
    assert_eq!(tasks[0].done_by.as_deref(), Some("system"));
    let facts: serde_json::Value = serde_json::from_str(&tasks[0].facts).unwrap();
    assert!(facts["settled"]["reconciliation_id"].is_string(), "{facts}");
}

async fn unreconciled(shop: &Shop) -> Vec<store::Task> {
    let tasks = shop.world.read().await.list_tasks(None, &ALL).await.unwrap().items;
    tasks.into_iter().filter(|task| task.kind == "unreconciled").collect()
}

/// Compares with one bank, `days` back or as far as a night goes.
async fn compared(shop: &Shop, provider: &str, days: Option<u32>) {
    reconcile::start(&shop.world.app, &shop.admin(), Some(provider), days)
        .await
        .unwrap();
    for _ in 0..20 {
        shop.world.run_jobs().await;
        shop.advance_minutes(1).await;
    }
}

async fn a_task_about_missing_nights_ends_when_nothing_is_missing_and_no_sooner(shop: &Shop) {
    compared(shop, "yookassa", None).await;
    compared(shop, "tbank", None).await;
    shop.advance_minutes(24 * 60).await;
    let away = json!({ "refuse": { "percent": 100 }, "only_calls": ["list_payments", "get_payment"] });
    shop.bank.yookassa().set_faults(&away).await.unwrap();
    for _ in 0..2 {
        compared(shop, "yookassa", None).await;
        shop.advance_minutes(5 * 24 * 60).await;
    }
    let open = async || {
        let tasks = unreconciled(shop).await;
        tasks.iter().filter(|task| !task.is_done).count()
    };
    assert_eq!(open().await, 1, "one while it lasts");
    shop.bank.clear_faults().await.unwrap();
    compared(shop, "tbank", None).await;
    assert_eq!(open().await, 1, "another bank's comparison says nothing of this one");
    compared(shop, "yookassa", Some(1)).await;
    assert_eq!(open().await, 1, "the days before are still missing");
    compared(shop, "yookassa", None).await;
    assert_eq!(open().await, 0, "the night has made up for all of them");
    // It may happen again.
    shop.bank.yookassa().set_faults(&away).await.unwrap();
    compared(shop, "yookassa", None).await;
    assert_eq!((open().await, unreconciled(shop).await.len()), (1, 2));
}

async fn a_state_that_returns_is_a_new_task_and_a_fact_is_not(shop: &Shop) {
    let client = a_visitor(shop).await;
    let misconfigured = || async {
        let tasks = shop.world.read().await.list_tasks(None, &ALL).await.unwrap().items;
        tasks
            .into_iter()
            .filter(|task| task.kind == "misconfigured")
            .collect::<Vec<_>>()
    };
    shop.bank
        .yookassa()
        .set_faults(&json!({ "refuse": { "percent": 100 } }))
        .await
        .unwrap();
    for expected in [1, 1] {
        let order = shop.order(&client, "nutrition", None).await.order;
        let refused = open::start(&shop.world.app, &shop.client_caller(), &order.id, "yookassa").await;
        assert!(refused.is_err());
        assert_eq!(misconfigured().await.len(), expected, "one while it lasts");
    }
    let task = misconfigured().await.remove(0);
    app::crm::tasks::done(&shop.world.app, &shop.admin(), &task.id)
        .await
        .unwrap();
    let order = shop.order(&client, "nutrition", None).await.order;
    let refused = open::start(&shop.world.app, &shop.client_caller(), &order.id, "yookassa").await;
    assert!(refused.is_err());
    assert_eq!(misconfigured().await.len(), 2, "it has come back");
}

on_both!(in crate::payments::Shop;
    a_refund_from_the_cabinet_is_booked_when_the_bank_is_asked,
    ours_and_the_cabinets_refund_are_never_taken_for_each_other,
    a_part_that_a_bank_keeps_to_itself_becomes_one_task,
    the_night_finds_the_refund_of_an_old_payment,
    the_night_settles_what_nobody_has_told,
    a_payment_unknown_here_is_found_by_the_name_it_carries,
    a_second_payment_under_one_name_is_in_the_books,
    what_is_paid_here_alone_is_a_persons_matter,
    a_comparison_that_is_killed_goes_on,
    every_replica_ticks_and_each_night_is_compared_once,
    a_night_the_bank_is_away_is_told_and_made_up_for,
    a_task_about_missing_nights_ends_when_nothing_is_missing_and_no_sooner,
    a_state_that_returns_is_a_new_task_and_a_fact_is_not,
);
