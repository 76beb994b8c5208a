//! Incomes, costs and saved cards from the outside.

use reqwest::Method;
use serde_json::{Value, json};

use crate::at_both_tills;
use crate::common::expect_problem;
use crate::desk::{body, text};
use crate::till::{Till, rub};

at_both_tills!(
    incomes_are_listed_downloaded_and_registered_once,
    a_fair_refund_is_explained,
    a_clients_cards_are_listed_and_forgotten,
);

fn settings(receipts: &str) -> Value {
    json!({
        "order_minutes": 60, "refund_window_minutes": 60, "capture": "at_once", "stacking": "best_one",
        "receipts": receipts, "providers": [], "save_methods": true,
    })
}

async fn incomes_are_listed_downloaded_and_registered_once(till: Till) {
    body(
        till.put("/api/settings/payments", 0, &settings("self_employed")).await,
        200,
    )
    .await;
    let order = till.an_order().await;
    let payment = till.take_cash(&order).await;
    let refund = format!("/api/payments/{}/refund", text(&payment["id"]));
    body(
        till.post(&refund, &json!({ "amount": rub(30_000), "reason": "часть" }))
            .await,
        201,
    )
    .await;
    till.run_jobs().await;
    let waiting = till.read("/api/incomes?status=waiting&limit=1").await;
    let back = &waiting["items"][0];
    assert_eq!((text(&back["kind"]), &back["amount"]), ("refund", &rub(30_000)));
    assert_eq!(back["remains"], rub(70_000));
    let next = text(&waiting["next_cursor"]);
    let rest = till
        .read(&format!("/api/incomes?status=waiting&limit=1&cursor={next}"))
        .await;
    let income = &rest["items"][0];
    assert_eq!((text(&income["kind"]), &income["amount"]), ("income", &rub(100_000)));
    assert_eq!(
        (&income["id"], &income["client_id"]),
        (&back["cancels"], &order["client_id"])
    );
    assert_eq!(
        (text(&income["service"]), text(&income["payer"]["kind"])),
        ("Разбор техники", "person")
    );
    assert_eq!(rest["next_cursor"], Value::Null);

    let payer = format!("/api/incomes/{}/payer", text(&income["id"]));
    let put = async |sent: Value| till.put(&payer, 1, &sent).await;
    expect_problem(put(json!({ "kind": "company" })).await, 422, "validation_failed").await;
    let company = json!({ "kind": "company", "name": "ООО «Ромашка»", "tax_number": "7707083893" });
    assert_eq!(body(put(company.clone()).await, 200).await, company);

    let registered = format!("/api/receipts/{}/registered", text(&income["id"]));
    let link = "https://lknpd.nalog.ru/api/v1/receipt/1/20abc/print";
    let bad = till.post(&registered, &json!({ "link": "nalog" })).await;
    expect_problem(bad, 422, "validation_failed").await;
    for _ in 0..2 {
        let sent = json!({ "number": "20abc", "link": link });
        let done = body(till.post(&registered, &sent).await, 200).await;
        assert_eq!((text(&done["status"]), text(&done["link"])), ("registered", link));
    }
    expect_problem(put(company).await, 409, "receipt_not_by_hand").await;
    let retry = till.post(&registered.replace("registered", "retry"), &json!({})).await;
    expect_problem(retry, 409, "receipt_not_failed").await;
    assert_eq!(
        till.read("/api/incomes?status=waiting").await["items"]
            .as_array()
            .unwrap()
            .len(),
        1
    );

    let table = till.get("/api/incomes/export.csv").await;
    assert_eq!(table.headers()["content-type"], "text/csv; charset=utf-8");
    let table = table.text().await.unwrap();
    let lines: Vec<&str> = table.lines().collect();
    assert_eq!(lines.len(), 3, "{table}");
    assert!(
        lines[1].contains("refund,waiting,Разбор техники,300.00,RUB,person"),
        "{table}"
    );
    assert!(
        lines[2].contains("income,registered,Разбор техники,1000.00,RUB,company,ООО «Ромашка»,7707083893"),
        "{table}"
    );
    let tomorrow = till.read("/api/incomes?since=2040-01-01").await;
    assert_eq!(tomorrow["items"], json!([]));
    expect_problem(till.get("/api/incomes?since=вчера").await, 422, "validation_failed").await;
}

async fn a_fair_refund_is_explained(till: Till) {
    let order = till.an_order().await;
    let path = format!("/api/orders/{}", text(&order["id"]));
    expect_problem(
        till.get(&format!("{path}/refund-proposal")).await,
        409,
        "refund_not_paid",
    )
    .await;
    let payment = till.take_cash(&order).await;
    till.run_jobs().await;
    let cost = json!({ "amount": rub(12_000), "note": "Аренда зала" });
    let cost = body(till.post(&format!("{path}/costs"), &cost).await, 201).await;
    let fair = till.read(&format!("{path}/refund-proposal")).await;
    assert_eq!(
        fair,
        json!({
            "payment_id": payment["id"],
            "left": rub(100_000),
            "proposed": rub(88_000),
            "lines": [
                { "kind": "paid", "title": { "ru": "Оплачено", "en": "Paid" }, "amount": rub(100_000) },
                { "kind": "cost", "title": { "ru": "Аренда зала", "en": "Аренда зала" }, "amount": rub(-12_000) },
            ],
        })
    );
    let half = till
        .read(&format!("{path}/refund-proposal?delivered_basis_points=5000"))
        .await;
    assert_eq!(half["proposed"], rub(38_000));
    let wrong = till
        .get(&format!("{path}/refund-proposal?delivered_basis_points=10001"))
        .await;
    expect_problem(wrong, 422, "validation_failed").await;
    let gone = format!("/api/order-costs/{}", text(&cost["id"]));
    for status in [204, 404] {
        let answer = till
            .world
            .request(Method::DELETE, &gone)
            .bearer_auth(&till.token)
            .send()
            .await
            .unwrap();
        assert_eq!(answer.status(), status);
    }
    assert_eq!(till.read(&format!("{path}/costs")).await["items"], json!([]));
}

async fn a_clients_cards_are_listed_and_forgotten(till: Till) {
    body(till.put("/api/settings/payments", 0, &settings("off")).await, 200).await;
    let order = till.an_order().await;
    let id: domain::ids::OrderId = domain::ids::Id::parse(text(&order["id"])).unwrap();
    let mut tx = till.world.app.tenant(&till.world.tenant).write().await.unwrap();
    tx.wish_saved_method(&id, true).await.unwrap();
    tx.commit().await.unwrap();
    let payment = till.start(&order, "yookassa").await;
    till.bank
        .yookassa()
        .pay(text(&payment["provider_payment_id"]))
        .await
        .unwrap();
    body(
        till.post(&format!("/api/payments/{}/check", text(&payment["id"])), &json!({}))
            .await,
        200,
    )
    .await;
    let list = format!("/api/clients/{}/payment-methods", text(&order["client_id"]));
    let kept = till.read(&list).await;
    let method = &kept["items"][0];
    assert_eq!(
        (&method["payment_id"], &method["forgotten_at"]),
        (&payment["id"], &Value::Null)
    );
    assert!(method.get("token").is_none(), "{method}");
    let path = format!("/api/payment-methods/{}", text(&method["id"]));
    for _ in 0..2 {
        let answer = till
            .world
            .request(Method::DELETE, &path)
            .bearer_auth(&till.token)
            .send()
            .await
            .unwrap();
        assert!(body(answer, 200).await["forgotten_at"].is_string());
    }
    let again = till.read(&list).await;
    assert_eq!(again["items"].as_array().unwrap().len(), 1, "the row is the proof");
}
