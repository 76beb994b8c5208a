//! What happened beside us, from the outside: refunds of a bank's cabinet, what a cash register did, money that was none.

use serde_json::{Value, json};

use crate::at_both_tills;
use crate::common::{BOT_TOKEN, expect_problem};
use crate::desk::{body, text};
use crate::till::{Till, rub};

at_both_tills!(
    a_refund_of_the_banks_cabinet_is_entered_once,
    what_the_bank_says_otherwise_is_refused,
    a_registers_word_reaches_its_receipt,
    what_was_paid_with_test_keys_is_shown_as_such,
);

const TBANK: &str = "91.194.226.1";
const TERMINAL: &str = "1699999999999DEMO";
const WEBHOOK: &str = "/api/payments/webhook/tinkoff";

fn settings(receipts: &str) -> Value {
    json!({
        "order_minutes": 60, "refund_window_minutes": 60, "capture": "at_once", "stacking": "best_one",
        "receipts": receipts, "providers": [],
    })
}

async fn with_receipts(till: &Till, receipts: &str) {
    body(till.put("/api/settings/payments", 0, &settings(receipts)).await, 200).await;
}

/// An order of 1 000.00 RUB that is paid there, and known to be paid here.
async fn paid(till: &Till, provider: &str) -> (Value, Value) {
    let order = till.an_order().await;
    let path = format!("/api/orders/{}", text(&order["id"]));
    let contact = till
        .world
        .request(reqwest::Method::PATCH, &path)
        .bearer_auth(&till.token);
    let contact = contact
        .header("if-match", format!("\"{}\"", order["version"]))
        .json(&json!({ "contact": "anna@example.com" }));
    body(contact.send().await.unwrap(), 200).await;
    let payment = till.start(&order, provider).await;
    let id = text(&payment["provider_payment_id"]);
    match provider {
        "tbank" => till.bank.tbank().pay(id).await.unwrap(),
        _ => till.bank.yookassa().pay(id).await.unwrap(),
    };
    check(till, &payment).await;
    (order, payment)
}

async fn check(till: &Till, payment: &Value) {
    let path = format!("/api/payments/{}/check", text(&payment["id"]));
    body(till.post(&path, &json!({})).await, 200).await;
    till.run_jobs().await;
}

fn recording(payment: &Value) -> String {
    format!("/api/payments/{}/record-refund", text(&payment["id"]))
}

fn made(minor: i64) -> Value {
    json!({ "amount": rub(minor), "reason": "вернули в кабинете банка" })
}

async fn tasks(till: &Till, kind: &str) -> Vec<Value> {
    let all = till.read("/api/tasks").await;
    let items = all["items"].as_array().unwrap();
    items.iter().filter(|task| task["kind"] == kind).cloned().collect()
}

async fn receipts(till: &Till, order: &Value, kind: &str) -> Vec<Value> {
    let all = till.read(&format!("/api/receipts?order={}", text(&order["id"]))).await;
    let items = all["items"].as_array().unwrap();
    items
        .iter()
        .filter(|receipt| receipt["kind"] == kind)
        .cloned()
        .collect()
}

async fn a_refund_of_the_banks_cabinet_is_entered_once(till: Till) {
    with_receipts(&till, "provider").await;
    let (order, payment) = paid(&till, "tbank").await;
    let id = text(&payment["provider_payment_id"]);
    till.bank.tbank().refund(id, Some(30_000)).await.unwrap();
    // The comparison of the night, begun by hand.
    body(
        till.post("/api/payments/reconcile", &json!({ "provider": "tbank" }))
            .await,
        202,
    )
    .await;
    till.run_jobs().await;
    let task = tasks(&till, "difference").await.remove(0);
    assert_eq!((text(&task["status"]), &task["payment_id"]), ("open", &payment["id"]));
    assert_eq!(text(&task["facts"]["gap"]), "refund_missing_here");

    let path = recording(&payment);
    let entered = till.post_as(&till.token, &path, "cabinet-1", &made(30_000)).await;
    let refund = body(entered, 201).await;
    assert_eq!(
        (text(&refund["status"]), text(&refund["origin"]), &refund["amount"]),
        ("succeeded", "provider", &rub(30_000))
    );
    let again = till.post_as(&till.token, &path, "cabinet-1", &made(30_000)).await;
    assert_eq!(again.headers()["idempotent-replayed"], "true");
    assert_eq!(body(again, 201).await["id"], refund["id"], "one key is one refund");
    let other = till.post_as(&till.token, &path, "cabinet-1", &made(20_000)).await;
    assert_eq!(other.status(), 422, "the same key with other words");

    let seen = till.read(&format!("/api/payments/{}", text(&payment["id"]))).await;
    assert_eq!(
        (
            text(&seen["status"]),
            &seen["refunded"],
            seen["refunds"].as_array().unwrap().len()
        ),
        ("partially_refunded", &rub(30_000), 1)
    );
    let task = tasks(&till, "difference").await.remove(0);
    assert_eq!((text(&task["status"]), &task["done_by"]), ("done", &refund["actor"]));
    let trial = till.read("/api/ledger/trial-balance").await;
    assert_eq!(trial["is_balanced"], true);
    let clearing = till.read("/api/ledger/accounts?kind=provider_clearing").await;
    assert_eq!(clearing["items"][0]["balance"], rub(70_000));
    // As with each refund of a cabinet, a person sees there whether it has a receipt.
    let receipt = receipts(&till, &order, "refund").await.remove(0);
    assert_eq!(
        (text(&receipt["status"]), &receipt["refund_id"]),
        ("by_hand", &refund["id"])
    );

    body(
        till.post("/api/payments/reconcile", &json!({ "provider": "tbank" }))
            .await,
        202,
    )
    .await;
    till.run_jobs().await;
    let reports = till.read("/api/payments/reconciliations?provider=tbank").await;
    assert_eq!(
        reports["items"][0]["differences"],
        json!([]),
        "nothing differs any more"
    );
}

async fn what_the_bank_says_otherwise_is_refused(till: Till) {
    let (_, payment) = paid(&till, "tbank").await;
    let path = recording(&payment);
    let refused = async |minor: i64, code: &str| {
        expect_problem(till.post(&path, &made(minor)).await, 409, code).await;
    };
    refused(30_000, "refund_not_there").await;
    let bank = till.bank.tbank();
    bank.refund(text(&payment["provider_payment_id"]), Some(30_000))
        .await
        .unwrap();
    refused(100_001, "refund_too_much").await;
    refused(100_000, "refund_other_sum").await;
    refused(0, "refund_not_positive").await;
    for wrong in [
        json!({ "amount": rub(30_000), "reason": " " }),
        json!({ "amount": rub(30_000) }),
        json!({ "reason": "без суммы" }),
        json!({ "amount": rub(30_000), "reason": "x", "more": 1 }),
    ] {
        let refusal = till.post(&path, &wrong).await;
        assert!([400, 422].contains(&refusal.status().as_u16()), "{wrong}");
    }
    let keyless = till.world.post(&path, &till.token, &made(30_000)).send().await.unwrap();
    expect_problem(keyless, 400, "idempotency_key_required").await;
    let bot = till.post_as(BOT_TOKEN, &path, "bot-1", &made(30_000)).await;
    expect_problem(bot, 403, "forbidden").await;
    let nobodys = path.replace(text(&payment["id"]), "py_01JD4Z5V8N3C7W9XK2M4P6Q8RT");
    expect_problem(till.post(&nobodys, &made(30_000)).await, 404, "not_found").await;
    let away = json!({ "server_error": { "percent": 100 }, "only_calls": ["GetState"] });
    bank.set_faults(&away).await.unwrap();
    expect_problem(till.post(&path, &made(30_000)).await, 503, "unavailable").await;
    till.bank.clear_faults().await.unwrap();
    assert_eq!(
        till.status_of("payments", &payment).await,
        "completed",
        "nothing was written"
    );

    let (_, told) = paid(&till, "yookassa").await;
    let refusal = till.post(&recording(&told), &made(30_000)).await;
    expect_problem(refusal, 409, "refund_told_by_provider").await;
    let cash = till.take_cash(&till.an_order().await).await;
    let refusal = till.post(&recording(&cash), &made(30_000)).await;
    expect_problem(refusal, 409, "refund_no_cabinet").await;
}

async fn a_registers_word_reaches_its_receipt(till: Till) {
    with_receipts(&till, "provider").await;
    let told = json!({ "notify_receipts": true });
    till.bank.tbank().set_account(TERMINAL, &told).await.unwrap();
    let (order, payment) = paid(&till, "tbank").await;
    assert_eq!(
        text(&receipts(&till, &order, "payment").await[0]["status"]),
        "with_payment"
    );
    let sent = till
        .bank
        .notifications(payment["provider_payment_id"].as_str())
        .await
        .unwrap();
    let letter = sent.iter().find(|one| one["body"]["Status"] == "RECEIPT").unwrap()["body"].clone();
    let mut forged = letter.clone();
    forged["Url"] = json!("https://elsewhere.example/");
    expect_problem(till.tell(WEBHOOK, TBANK, &forged).await, 403, "notification_rejected").await;
    for _ in 0..2 {
        let answer = till.tell(WEBHOOK, TBANK, &letter).await;
        assert_eq!(
            (answer.status().as_u16(), answer.text().await.unwrap().as_str()),
            (200, "OK")
        );
        till.run_jobs().await;
    }
    let receipt = receipts(&till, &order, "payment").await.remove(0);
    assert_eq!(
        (text(&receipt["status"]), &receipt["link"], &receipt["is_test"]),
        ("registered", &letter["Url"], &json!(true))
    );
    let number = |name: &str| letter[name].to_string().trim_matches('"').to_owned();
    let fiscal = json!({
        "storage": number("FnNumber"), "document": number("FiscalDocumentNumber"),
        "attribute": number("FiscalDocumentAttribute"),
    });
    assert_eq!(receipt["fiscal"], fiscal);
}

async fn what_was_paid_with_test_keys_is_shown_as_such(till: Till) {
    with_receipts(&till, "self_employed").await;
    let (_, trial) = paid(&till, "yookassa").await;
    let seen = till.read(&format!("/api/payments/{}", text(&trial["id"]))).await;
    assert_eq!(seen["is_test"], true);
    assert_eq!(
        till.read("/api/incomes").await["items"],
        json!([]),
        "nobody registers it"
    );
    let table = till.get("/api/incomes/export.csv").await.text().await.unwrap();
    assert_eq!(table.lines().count(), 1, "{table}");
    let tried = till.read("/api/incomes?test=true").await;
    let income = &tried["items"][0];
    assert_eq!(
        (&income["payment_id"], &income["is_test"]),
        (&trial["id"], &json!(true))
    );

    let shop = json!({ "test": false });
    till.bank.yookassa().set_account("100500", &shop).await.unwrap();
    let (_, real) = paid(&till, "yookassa").await;
    let waiting = till.read("/api/incomes?status=waiting").await;
    assert_eq!(waiting["items"].as_array().unwrap().len(), 1);
    let income = &waiting["items"][0];
    assert_eq!(
        (&income["payment_id"], &income["is_test"]),
        (&real["id"], &json!(false))
    );
    expect_problem(till.get("/api/incomes?test=maybe").await, 422, "validation_failed").await;
}
