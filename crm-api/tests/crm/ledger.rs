//! The books from the outside, what a person has to do, and incomes of a self-employed seller.

use serde_json::json;

use crate::at_both_tills;
use crate::common::expect_problem;
use crate::desk::{body, text};
use crate::till::{Till, rub};

at_both_tills!(
    books_tell_what_came_and_what_it_was_for,
    a_task_is_done_once,
    incomes_wait_to_be_registered,
);

async fn books_tell_what_came_and_what_it_was_for(till: Till) {
    let order = till.an_order().await;
    let payment = till.take_cash(&order).await;
    let client = text(&order["client_id"]);
    let first = till.read(&format!("/api/clients/{client}/statement?limit=1")).await;
    assert_eq!(first["balance"], rub(0));
    let charged = &first["items"][0];
    assert_eq!(
        (text(&charged["kind"]), text(&charged["cause"])),
        ("order_charged", text(&order["id"]))
    );
    assert_eq!(
        (charged["amount"].clone(), charged["balance"].clone()),
        (rub(-100_000), rub(0))
    );
    let next = text(&first["next_cursor"]);
    let second = till
        .read(&format!("/api/clients/{client}/statement?limit=1&cursor={next}"))
        .await;
    let paid = &second["items"][0];
    assert_eq!(
        (text(&paid["kind"]), text(&paid["cause"])),
        ("payment_succeeded", text(&payment["id"]))
    );
    assert_eq!(
        (paid["amount"].clone(), paid["balance"].clone()),
        (rub(100_000), rub(100_000))
    );
    assert!(second["next_cursor"].is_null());
    expect_problem(
        till.get(&format!("/api/clients/{client}/statement?cursor=YWJj")).await,
        422,
        "validation_failed",
    )
    .await;

    let accounts = till.read("/api/ledger/accounts?kind=provider_clearing").await;
    let clearing = &accounts["items"][0];
    assert_eq!(
        (text(&clearing["id"]), clearing["balance"].clone()),
        ("provider_clearing:manual:RUB", rub(100_000))
    );
    let entries = till
        .read("/api/ledger/accounts/provider_clearing:manual:RUB/entries")
        .await;
    assert_eq!(
        (entries["balance"].clone(), entries["items"][0]["balance"].clone()),
        (rub(100_000), rub(100_000))
    );
    expect_problem(
        till.get("/api/ledger/accounts/wallet:nobody:RUB/entries").await,
        404,
        "not_found",
    )
    .await;

    let trial = till.read("/api/ledger/trial-balance").await;
    assert_eq!(
        (trial["is_balanced"].as_bool(), trial["totals"].clone()),
        (Some(true), json!([rub(0)]))
    );
    let table = till.get("/api/ledger/export.csv").await;
    assert!(
        table.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .contains("ledger.csv")
    );
    let table = table.text().await.unwrap();
    assert_eq!(table.lines().count(), 3, "{table}");
    assert!(table.contains(",1000.00,RUB\r\n"), "{table}");
}

async fn a_task_is_done_once(till: Till) {
    let order = till.an_order().await;
    till.take_cash(&order).await;
    till.run_jobs().await;
    let tasks = till.read("/api/tasks?status=open").await;
    let task = tasks["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|task| task["kind"] == "give_by_hand")
        .unwrap();
    assert_eq!(task["order_id"], order["id"]);
    let path = format!("/api/tasks/{}", text(&task["id"]));
    let done = body(till.post(&format!("{path}/done"), &json!({})).await, 200).await;
    assert_eq!(text(&done["status"]), "done");
    till.world.clock.advance_ms(1000);
    let again = body(till.post(&format!("{path}/done"), &json!({})).await, 200).await;
    assert_eq!(again["done_at"], done["done_at"]);
    assert_eq!(till.read(&path).await["done_by"], done["done_by"]);
    assert_eq!(till.read("/api/tasks?status=open").await["items"], json!([]));
}

async fn incomes_wait_to_be_registered(till: Till) {
    let wanted = json!({
        "order_minutes": 60, "refund_window_minutes": 60, "capture": "at_once", "stacking": "best_one",
        "receipts": "self_employed", "providers": [],
    });
    body(till.put("/api/settings/payments", 0, &wanted).await, 200).await;
    expect_problem(
        till.put("/api/settings/payments", 0, &wanted).await,
        412,
        "version_conflict",
    )
    .await;
    let order = till.an_order().await;
    till.take_cash(&order).await;
    let queue = till.read("/api/receipts?status=by_hand").await;
    let income = &queue["items"][0];
    assert_eq!(
        (text(&income["kind"]), income["amount"].clone()),
        ("income", rub(100_000))
    );
    let path = format!("/api/receipts/{}/registered", text(&income["id"]));
    for _ in 0..2 {
        let done = body(till.post(&path, &json!({ "number": "20abc" })).await, 200).await;
        assert_eq!(
            (text(&done["status"]), text(&done["provider_receipt_id"])),
            ("registered", "20abc")
        );
    }
    assert_eq!(till.read("/api/receipts?status=by_hand").await["items"], json!([]));
}
