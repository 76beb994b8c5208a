//! Receipts of 54-FZ to their registration, and incomes of a self-employed seller.

use app::crm::payments as till;
use app::crm::{payments::WantedIncomes, tasks};
use app::pay::{incomes, receipts};
use app::settings::payments::{PAYMENTS, PaymentSettings, ReceiptMode};
use domain::order::{PaymentMode, Vat};
use serde_json::Value;
use store::{Receipt, ReceiptFilter, Refund};

use super::*;

on_both!(in crate::payments::Shop;
    a_delivered_prepayment_is_closed_once_at_yookassa,
    a_delivered_prepayment_is_closed_once_at_tbank,
    a_lost_answer_is_looked_up_where_it_can_be_and_told_where_it_can_not,
    a_receipt_the_register_refuses_becomes_a_task_and_is_asked_for_again,
    what_went_back_before_is_not_closed_and_what_goes_back_after_was_given,
    what_a_person_gives_is_closed_when_they_have_given_it,
    an_income_waits_until_it_is_registered_and_the_client_gets_its_link,
    the_owner_is_reminded_of_incomes_once_a_day,
);

pub(super) async fn set(shop: &Shop, settings: &PaymentSettings) {
    let mut tx = shop.world.write().await;
    let version = tx
        .find_setting(PAYMENTS)
        .await
        .unwrap()
        .map_or(0, |setting| setting.version);
    tx.save_setting(PAYMENTS, &serde_json::to_string(settings).unwrap(), version, NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
}

pub(super) async fn with_receipts(shop: &Shop, code: &str) {
    let settings = PaymentSettings {
        receipts: ReceiptMode::Provider,
        ..PaymentSettings::default()
    };
    set(shop, &settings).await;
    let mut product = shop.product(code).await;
    product.tax.mode = PaymentMode::FullPrepayment;
    product.tax.vat = Vat::TwentyTwoOf122;
    let mut tx = shop.world.write().await;
    assert!(tx.save_product(&product).await.unwrap());
    tx.commit().await.unwrap();
}

pub(super) async fn agreed(shop: &Shop, order: &Order) {
    let mut tx = shop.world.write().await;
    assert!(
        tx.accept_offer(&order.id, Some("anna@example.com"), "hash", NOW)
            .await
            .unwrap()
    );
    tx.commit().await.unwrap();
}

/// Bought, and not delivered yet.
pub(super) async fn bought(shop: &Shop, client: &ClientId, code: &str, provider: &str) -> (Order, Payment) {
    let order = shop.order(client, code, None).await.order;
    agreed(shop, &order).await;
    let payment = shop.start_payment(&order, provider).await;
    shop.bank_pays(&payment).await;
    assert_eq!(shop.look(&payment).await, PaymentStatus::Completed);
    (order, payment)
}

pub(super) async fn deliver(shop: &Shop, anna: &mut Phone<'_>, order: &Order) {
    shop.world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(shop.find_order(order).await.status, OrderStatus::Fulfilled);
}

pub(super) async fn receipts_of(shop: &Shop, order: &Order) -> Vec<Receipt> {
    let filter = ReceiptFilter {
        order: Some(order.id.clone()),
        ..ReceiptFilter::default()
    };
    shop.world
        .read()
        .await
        .list_receipts(&filter, &ALL)
        .await
        .unwrap()
        .items
}

pub(super) async fn one(shop: &Shop, order: &Order, kind: &str) -> Receipt {
    let mut all = receipts_of(shop, order).await;
    all.retain(|receipt| receipt.kind == kind);
    assert_eq!(all.len(), 1, "{all:?}");
    all.remove(0)
}

pub(super) async fn at_bank(shop: &Shop, provider: &str) -> Vec<Value> {
    match provider {
        "tbank" => shop.bank.tbank().receipts().await.unwrap(),
        _ => shop.bank.yookassa().receipts().await.unwrap(),
    }
}

/// Mode and rate of a receipt's first line, in the words of its bank.
fn first_line(receipt: &Value) -> (String, String) {
    let line = receipt["data"]["items"]
        .get(0)
        .or_else(|| receipt["data"]["Items"].get(0))
        .unwrap();
    let text = |names: [&str; 2]| {
        let found = names.into_iter().map(|name| &line[name]).find(|value| !value.is_null());
        found.unwrap().to_string().trim_matches('"').to_owned()
    };
    (text(["payment_mode", "PaymentMethod"]), text(["vat_code", "Tax"]))
}

async fn closed_once(shop: &Shop, provider: &str, rates: [&str; 2], status_at_end: &str) {
    with_receipts(shop, "program_12w").await;
    let (mut anna, client) = a_reader(shop).await;
    let (order, _) = bought(shop, &client, "program_12w", provider).await;
    let first = at_bank(shop, provider).await;
    assert_eq!(first.len(), 1, "nothing is closed before it is given");
    assert_eq!(
        first_line(&first[0]),
        ("full_prepayment".to_owned(), rates[0].to_owned())
    );
    deliver(shop, &mut anna, &order).await;
    for _ in 0..3 {
        shop.world.run_jobs().await;
        anna.refresh().await;
    }
    let given = at_bank(shop, provider).await;
    assert_eq!(given.len(), 2, "{given:?}");
    assert_eq!(
        (&given[1]["closing"], &given[1]["total"]),
        (&json!(true), &json!(499_000))
    );
    assert_eq!(first_line(&given[1]), ("full_payment".to_owned(), rates[1].to_owned()));
    let closing = one(shop, &order, "closing").await;
    assert_eq!(
        (closing.status.as_str(), closing.amount, closing.attempts),
        ("sent", rub(499_000), 1)
    );
    // The register is asked after a while.
    shop.advance_minutes(5).await;
    shop.world.run_jobs().await;
    assert_eq!(one(shop, &order, "closing").await.status, status_at_end);
    assert_eq!(
        one(shop, &order, "payment").await.status,
        if provider == "tbank" {
            "with_payment"
        } else {
            "registered"
        }
    );
    assert_eq!(shop.tasks().await, Vec::<String>::new());
    shop.check_books().await;
}

async fn a_delivered_prepayment_is_closed_once_at_yookassa(shop: &Shop) {
    closed_once(shop, "yookassa", ["12", "11"], "registered").await;
}

/// T-Bank tells nobody whether a receipt was registered.
async fn a_delivered_prepayment_is_closed_once_at_tbank(shop: &Shop) {
    closed_once(shop, "tbank", ["vat122", "vat22"], "sent").await;
}

async fn a_lost_answer_is_looked_up_where_it_can_be_and_told_where_it_can_not(shop: &Shop) {
    with_receipts(shop, "program_12w").await;
    let (mut anna, client) = a_reader(shop).await;
    for (provider, bank, call) in [
        ("yookassa", shop.bank.yookassa(), "create_receipt"),
        ("tbank", shop.bank.tbank(), "SendClosingReceipt"),
    ] {
        let (order, _) = bought(shop, &client, "program_12w", provider).await;
        bank.set_faults(&json!({ "drop_response": { "next": 1 }, "only_calls": [call] }))
            .await
            .unwrap();
        deliver(shop, &mut anna, &order).await;
        shop.world.run_jobs().await;
        for _ in 0..4 {
            shop.advance_minutes(10).await;
            shop.world.run_jobs().await;
        }
        let closing = one(shop, &order, "closing").await;
        assert_eq!(at_bank(shop, provider).await.len(), 2, "{provider}: given once");
        if provider == "yookassa" {
            assert_eq!(closing.status, "registered", "{closing:?}");
            assert_eq!(shop.tasks().await, Vec::<String>::new());
        } else {
            assert_eq!(
                (closing.status.as_str(), closing.failure.as_deref()),
                ("failed", Some("unknown"))
            );
            assert_eq!(shop.tasks().await, ["receipt_failed"]);
            // The person has seen in the bank's account that it was given.
            let (app, caller) = (&shop.world.app, shop.admin());
            for _ in 0..2 {
                let told = incomes::register(app, &caller, &closing.id, Some("4711"), None)
                    .await
                    .unwrap();
                assert_eq!(told.status, "registered");
            }
            let again = receipts::retry(app, &caller, &closing.id).await;
            assert!(matches!(
                again,
                Err(Error::Conflict {
                    code: "receipt_not_failed",
                    ..
                })
            ));
        }
        bank.set_faults(&json!({ "only_calls": [] })).await.unwrap();
    }
    shop.check_books().await;
}

async fn a_receipt_the_register_refuses_becomes_a_task_and_is_asked_for_again(shop: &Shop) {
    with_receipts(shop, "program_12w").await;
    let (mut anna, client) = a_reader(shop).await;
    let (order, _) = bought(shop, &client, "program_12w", "yookassa").await;
    shop.bank
        .yookassa()
        .set_faults(&json!({ "fail_receipt": { "next": 1 } }))
        .await
        .unwrap();
    deliver(shop, &mut anna, &order).await;
    shop.world.run_jobs().await;
    shop.advance_minutes(5).await;
    shop.world.run_jobs().await;
    let closing = one(shop, &order, "closing").await;
    assert_eq!(
        (closing.status.as_str(), closing.failure.as_deref()),
        ("failed", Some("canceled"))
    );
    assert_eq!(shop.tasks().await, ["receipt_failed"]);
    let task = shop
        .world
        .read()
        .await
        .list_tasks(None, &ALL)
        .await
        .unwrap()
        .items
        .remove(0);
    let facts: Value = serde_json::from_str(&task.facts).unwrap();
    assert_eq!(
        (&facts["kind"], &facts["code"]),
        (&json!("closing"), &json!("canceled"))
    );
    assert_eq!(task.order.as_ref(), Some(&order.id));
    receipts::retry(&shop.world.app, &shop.admin(), &closing.id)
        .await
        .unwrap();
    shop.world.run_jobs().await;
    shop.advance_minutes(5).await;
    shop.world.run_jobs().await;
    let closing = one(shop, &order, "closing").await;
    assert_eq!((closing.status.as_str(), closing.attempts), ("registered", 2));
    assert_eq!(at_bank(shop, "yookassa").await.len(), 3, "paid, refused, closed");
    shop.check_books().await;
}

pub(super) async fn gives_back(shop: &Shop, payment: &Payment, minor: i64) -> Refund {
    let asked = refund::request(&shop.world.app, &shop.admin(), &payment.id, Some(rub(minor)), "переезд")
        .await
        .unwrap();
    shop.world.run_jobs().await;
    let mut tx = shop.world.read().await;
    let refund = tx.find_refund(&asked.id).await.unwrap().unwrap();
    assert_eq!(refund.status, RefundStatus::Succeeded);
    refund
}

async fn what_went_back_before_is_not_closed_and_what_goes_back_after_was_given(shop: &Shop) {
    with_receipts(shop, "program_12w").await;
    let (mut anna, client) = a_reader(shop).await;
    for provider in ["yookassa", "tbank"] {
        let (order, payment) = bought(shop, &client, "program_12w", provider).await;
        gives_back(shop, &payment, 99_000).await;
        deliver(shop, &mut anna, &order).await;
        shop.world.run_jobs().await;
        assert_eq!(one(shop, &order, "closing").await.amount, rub(400_000));
        gives_back(shop, &payment, 400_000).await;
        let given = at_bank(shop, provider).await;
        let seen: Vec<(i64, String, bool)> = given
            .iter()
            .map(|receipt| {
                let is_refund = receipt["kind"] == "refund";
                (receipt["total"].as_i64().unwrap(), first_line(receipt).0, is_refund)
            })
            .collect();
        let (ahead, full) = ("full_prepayment".to_owned(), "full_payment".to_owned());
        let expected = [
            (499_000, ahead.clone(), false),
            (99_000, ahead, true),
            (400_000, full.clone(), false),
            (400_000, full, true),
        ];
        assert_eq!(seen, expected, "{provider}");
        // All of it back before it is given: there is nothing to close.
        let (order, payment) = bought(shop, &client, "nutrition", provider).await;
        gives_back(shop, &payment, order.total.minor).await;
        shop.world.run_jobs().await;
        assert!(
            receipts_of(shop, &order)
                .await
                .iter()
                .all(|receipt| receipt.kind != "closing")
        );
    }
    shop.check_books().await;
}

async fn what_a_person_gives_is_closed_when_they_have_given_it(shop: &Shop) {
    with_receipts(shop, "nutrition").await;
    let client = a_visitor(shop).await;
    let (order, _) = bought(shop, &client, "nutrition", "yookassa").await;
    shop.world.run_jobs().await;
    assert_eq!(shop.find_order(&order).await.status, OrderStatus::Fulfilled);
    assert_eq!(at_bank(shop, "yookassa").await.len(), 1, "the plan is not written yet");
    let task = shop
        .world
        .read()
        .await
        .list_tasks(None, &ALL)
        .await
        .unwrap()
        .items
        .remove(0);
    for _ in 0..2 {
        tasks::done(&shop.world.app, &shop.admin(), &task.id).await.unwrap();
        shop.world.run_jobs().await;
    }
    assert_eq!(at_bank(shop, "yookassa").await.len(), 2);
    assert_eq!(one(shop, &order, "closing").await.status, "sent");
    shop.check_books().await;
}

pub(super) async fn self_employed(shop: &Shop) {
    let settings = PaymentSettings {
        receipts: ReceiptMode::SelfEmployed,
        ..PaymentSettings::default()
    };
    set(shop, &settings).await;
}

/// From now on YooKassa's shop is none for trying.
pub(super) async fn real_money(shop: &Shop) {
    let shop_is = json!({ "test": false });
    shop.bank.yookassa().set_account("100500", &shop_is).await.unwrap();
}

pub(super) async fn waiting(shop: &Shop, status: &str) -> Vec<till::Income> {
    let wanted = WantedIncomes {
        status: Some(status),
        ..WantedIncomes::default()
    };
    till::list_incomes(&shop.world.app, &shop.admin(), &wanted, &ALL)
        .await
        .unwrap()
        .items
}

async fn an_income_waits_until_it_is_registered_and_the_client_gets_its_link(shop: &Shop) {
    self_employed(shop).await;
    real_money(shop).await;
    let mut anna = Phone::new(&shop.world, "101", "Анна", "ru");
    anna.start(None).await;
    let client = shop.only_client().await;
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    for _ in 0..3 {
        shop.look(&payment).await;
    }
    assert_eq!(
        at_bank(shop, "yookassa").await.len(),
        0,
        "no receipt goes through the bank"
    );
    let mut incomes_now = waiting(shop, "by_hand").await;
    assert_eq!(incomes_now.len(), 1, "heard three times, it is one income");
    let income = incomes_now.remove(0);
    assert_eq!(
        (income.receipt.amount, income.client.as_ref()),
        (order.total, Some(&client))
    );
    assert_eq!(income.body.what, "План питания");
    // 11:06 in UTC is the same day in Moscow.
    assert_eq!(income.body.date.unwrap().to_string(), "2026-11-18");
    let (app, admin) = (&shop.world.app, shop.admin());
    let company = incomes::Payer {
        kind: incomes::PayerKind::Company,
        name: Some("ООО «Ромашка»".into()),
        tax_number: None,
    };
    let refused = incomes::set_payer(app, &admin, &income.receipt.id, company.clone()).await;
    assert!(matches!(refused, Err(Error::Invalid(_))), "a company has a tax number");
    let company = incomes::Payer {
        tax_number: Some("7707083893".into()),
        ..company
    };
    incomes::set_payer(app, &admin, &income.receipt.id, company.clone())
        .await
        .unwrap();
    let link = "https://lknpd.nalog.ru/api/v1/receipt/1/20abc/print";
    for wrong in ["http://lknpd.nalog.ru/1", "javascript:alert(1)", "чек"] {
        let refused = incomes::register(app, &admin, &income.receipt.id, None, Some(wrong)).await;
        assert!(matches!(refused, Err(Error::Invalid(_))), "{wrong}");
    }
    for number in ["20abc", "another"] {
        let told = incomes::register(app, &admin, &income.receipt.id, Some(number), Some(link))
            .await
            .unwrap();
        assert_eq!(
            told.provider_receipt.as_deref(),
            Some("20abc"),
            "nothing is registered twice"
        );
    }
    anna.refresh().await;
    assert_eq!(anna.count("чек на"), 1);
    let late = incomes::set_payer(app, &admin, &income.receipt.id, incomes::Payer::default()).await;
    assert!(matches!(
        late,
        Err(Error::Conflict {
            code: "receipt_not_by_hand",
            ..
        })
    ));
    assert_eq!(waiting(shop, "by_hand").await.len(), 0);
    assert_eq!(waiting(shop, "registered").await.len(), 1);

    gives_back(shop, &payment, 100_000).await;
    let back = waiting(shop, "by_hand").await.remove(0);
    assert_eq!(
        (back.receipt.kind.as_str(), back.receipt.amount),
        ("income_refund", rub(100_000))
    );
    assert_eq!(back.body.cancels.as_ref(), Some(&income.receipt.id));
    let left = order.total.checked_sub(rub(100_000)).unwrap();
    assert_eq!((back.body.remains, back.body.payer), (Some(left), company));
    let mut tx = shop.world.read().await;
    let audit = tx.audit_of(income.receipt.id.as_str(), 10).await.unwrap();
    assert_eq!(
        audit.iter().filter(|deed| deed.action == "receipt.registered").count(),
        1
    );
    drop(tx);
    let yesterday = WantedIncomes {
        before: Some("2026-11-18".parse().unwrap()),
        ..WantedIncomes::default()
    };
    assert_eq!(
        till::list_incomes(app, &admin, &yesterday, &ALL)
            .await
            .unwrap()
            .items
            .len(),
        0
    );
    let today = WantedIncomes {
        since: Some("2026-11-18".parse().unwrap()),
        before: Some("2026-11-19".parse().unwrap()),
        ..WantedIncomes::default()
    };
    assert_eq!(
        till::list_incomes(app, &admin, &today, &ALL).await.unwrap().items.len(),
        2
    );
    shop.check_books().await;
}

async fn the_owner_is_reminded_of_incomes_once_a_day(shop: &Shop) {
    self_employed(shop).await;
    real_money(shop).await;
    let mut trainer = Phone::new(&shop.world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let client = a_visitor(shop).await;
    let remind = async |trainer: &mut Phone<'_>| {
        incomes::tick(&shop.world.app).await.unwrap();
        shop.world.run_jobs().await;
        trainer.refresh().await;
        trainer.count("Не зарегистрировано")
    };
    assert_eq!(remind(&mut trainer).await, 0, "nothing waits");
    let order = shop.order(&client, "nutrition", None).await.order;
    let payment = shop.start_payment(&order, "yookassa").await;
    shop.bank_pays(&payment).await;
    shop.look(&payment).await;
    assert_eq!(remind(&mut trainer).await, 1);
    shop.advance_minutes(60).await;
    assert_eq!(remind(&mut trainer).await, 1, "once a day");
    // 03:06 in Moscow: nobody is woken.
    shop.advance_minutes(12 * 60).await;
    assert_eq!(remind(&mut trainer).await, 1, "not at night");
    shop.advance_minutes(9 * 60).await;
    assert_eq!(remind(&mut trainer).await, 2, "the next day again");
    let income = waiting(shop, "by_hand").await.remove(0);
    incomes::register(&shop.world.app, &shop.admin(), &income.receipt.id, None, None)
        .await
        .unwrap();
    shop.advance_minutes(24 * 60).await;
    assert_eq!(remind(&mut trainer).await, 2, "nothing waits any more");
}
