//! The books beside the banks' from the outside: started, read, told apart by tenant and key.

use serde_json::json;

use crate::at_both_tills;
use crate::common::expect_problem;
use crate::desk::{body, text};
use crate::till::{Till, rub};

at_both_tills!(
    a_comparison_is_started_once_and_read,
    a_part_of_a_hold_is_taken_by_its_sum,
    a_payment_that_is_spare_serves_another_order,
);

async fn a_comparison_is_started_once_and_read(till: Till) {
    let payment = till.start(&till.an_order().await, "yookassa").await;
    till.bank
        .yookassa()
        .pay(text(&payment["provider_payment_id"]))
        .await
        .unwrap();
    let path = "/api/payments/reconcile";
    for wrong in [
        json!({ "provider": "nobody" }),
        json!({ "days": 0 }),
        json!({ "day": 1 }),
    ] {
        let refused = till.post(path, &wrong).await;
        assert!([400, 422].contains(&refused.status().as_u16()), "{wrong}");
    }
    let begun = body(till.post(path, &json!({})).await, 202).await;
    let runs = begun["items"].as_array().unwrap();
    let providers: Vec<&str> = runs.iter().map(|run| text(&run["provider"])).collect();
    assert_eq!(providers, ["yookassa", "tbank"]);
    assert!(runs.iter().all(|run| run["status"] == "running"), "{begun}");
    expect_problem(till.post(path, &json!({})).await, 409, "reconciliation_under_way").await;
    till.run_jobs().await;
    let report = till
        .read(&format!("/api/payments/reconciliations/{}", text(&runs[0]["id"])))
        .await;
    assert_eq!(text(&report["status"]), "done", "{report}");
    assert_eq!(
        (&report["days"][0]["checked"], &report["days"][0]["mended"]),
        (&json!(1), &json!(1))
    );
    let difference = &report["differences"][0];
    assert_eq!(
        (text(&difference["kind"]), text(&difference["outcome"])),
        ("behind_here", "mended")
    );
    assert_eq!(difference["payment_id"], payment["id"]);
    assert_eq!(difference["facts"]["theirs"]["amount"], rub(100_000));
    let listed = till.read("/api/payments/reconciliations?provider=yookassa").await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 1);
    assert_eq!(till.status_of("payments", &payment).await, "completed");
    let missing = till
        .get("/api/payments/reconciliations/rn_00000000000000000000000000")
        .await;
    expect_problem(missing, 404, "not_found").await;
}

async fn a_part_of_a_hold_is_taken_by_its_sum(till: Till) {
    let later = json!({
        "order_minutes": 60, "refund_window_minutes": 60, "capture": "later", "stacking": "best_one", "receipts": "off",
        "providers": [], "reconcile_days": 7,
    });
    let saved = body(till.put("/api/settings/payments", 0, &later).await, 200).await;
    assert_eq!(saved["reconcile_days"], 7);
    for provider in ["yookassa", "tbank"] {
        let order = till.an_order().await;
        let payment = till.start(&order, provider).await;
        let id = text(&payment["provider_payment_id"]);
        match provider {
            "tbank" => till.bank.tbank().pay(id).await.unwrap(),
            _ => till.bank.yookassa().pay(id).await.unwrap(),
        };
        let path = format!("/api/payments/{}", text(&payment["id"]));
        body(till.post(&format!("{path}/check"), &json!({})).await, 200).await;
        let capture = |minor: i64| format!("{path}/capture?amount_minor={minor}");
        expect_problem(till.post(&capture(100_001), &json!({})).await, 422, "validation_failed").await;
        let taken = body(till.post(&capture(60_000), &json!({})).await, 200).await;
        assert_eq!(
            (text(&taken["status"]), &taken["amount"]),
            ("completed", &rub(60_000)),
            "{provider}"
        );
        let order = till.read(&format!("/api/orders/{}", text(&order["id"]))).await;
        assert_eq!(order["total"], rub(60_000), "{provider}: it costs what was taken");
    }
}

async fn a_payment_that_is_spare_serves_another_order(till: Till) {
    let order = till.an_order().await;
    let first = till.start(&order, "yookassa").await;
    let second = till.start(&order, "tbank").await;
    till.bank
        .yookassa()
        .pay(text(&first["provider_payment_id"]))
        .await
        .unwrap();
    till.bank
        .tbank()
        .pay(text(&second["provider_payment_id"]))
        .await
        .unwrap();
    for payment in [&second, &first] {
        let check = format!("/api/payments/{}/check", text(&payment["id"]));
        body(till.post(&check, &json!({})).await, 200).await;
    }
    let lines = till.read(&format!("/api/orders/{}", text(&order["id"]))).await;
    let product = text(&lines["lines"][0]["product_id"]);
    let next = till.order(text(&order["client_id"]), product, None).await;
    let path = format!("/api/payments/{}/use", text(&first["id"]));
    expect_problem(
        till.post(&path, &json!({ "order_id": "nothing" })).await,
        422,
        "validation_failed",
    )
    .await;
    let moved = body(till.post(&path, &json!({ "order_id": next["id"] })).await, 200).await;
    assert_eq!(moved["order_id"], next["id"]);
    till.run_jobs().await;
    assert!(["paid", "fulfilled"].contains(&till.status_of("orders", &next).await.as_str()));
    let again = till.post(&path, &json!({ "order_id": order["id"] })).await;
    expect_problem(again, 409, "order_not_payable").await;
}
