//! Orders: the price explained, kept, and called off.

use reqwest::Method;
use serde_json::{Value, json};

use crate::at_both_tills;
use crate::common::expect_problem;
use crate::desk::{body, text, wrong_fields};
use crate::till::{Till, a_product, rub};

at_both_tills!(
    the_best_discount_wins_and_the_others_are_named,
    an_order_keeps_what_was_agreed,
    an_order_that_costs_nothing_is_paid_at_once,
    a_repeated_order_is_the_first_one,
);

async fn the_best_discount_wins_and_the_others_are_named(till: Till) {
    let client = till.client("Анна").await;
    body(
        till.put(
            &format!("/api/clients/{client}/discount"),
            0,
            &json!({ "basis_points": 1500 }),
        )
        .await,
        200,
    )
    .await;
    let mut product = a_product("month", 100_000);
    product["is_monthly"] = json!(true);
    product["packages"] = json!([{ "months": 3, "basis_points": 1000 }]);
    let product = body(till.post("/api/products", &product).await, 201).await;
    let promo = json!({ "code": "BEST", "terms": { "discount": { "type": "percent", "basis_points": 2000 } } });
    let promo = body(till.post("/api/promocodes", &promo).await, 201).await;
    let basket = json!({
        "client_id": client, "items": [{ "product_id": product["id"], "quantity": 3 }], "promo_code": "best",
    });
    let quote = body(till.post("/api/orders/quote", &basket).await, 200).await;
    let breakdown = &quote["breakdown"];
    assert_eq!(
        (breakdown["list_total"].clone(), breakdown["total"].clone()),
        (rub(300_000), rub(240_000))
    );
    let seen: Vec<(&str, &str, &Value, i64)> = breakdown["candidates"]
        .as_array()
        .unwrap()
        .iter()
        .map(|one| {
            (
                text(&one["kind"]),
                text(&one["outcome"]),
                &one["lost_to"],
                one["amount"]["amount_minor"].as_i64().unwrap(),
            )
        })
        .collect();
    let lost = json!("promo");
    let expected = [
        ("months", "lost", &lost, 30_000),
        ("personal", "lost", &lost, 45_000),
        ("promo", "applied", &Value::Null, 60_000),
    ];
    assert_eq!(seen, expected);
    assert_eq!(breakdown["candidates"][2]["title"]["ru"], "Промокод");
    assert_eq!(
        till.read("/api/orders").await["items"],
        json!([]),
        "a question writes nothing"
    );
    assert_eq!(
        till.read(&format!("/api/promocodes/{}", text(&promo["id"]))).await["uses"],
        0
    );
}

async fn an_order_keeps_what_was_agreed(till: Till) {
    let order = till.an_order().await;
    assert_eq!(
        (text(&order["status"]), text(&order["channel"])),
        ("awaiting_payment", "admin")
    );
    assert!(text(&order["checkout_url"]).ends_with(&format!("/checkout/{}", text(&order["id"]))));
    let product = text(&order["lines"][0]["product_id"]);
    body(
        till.put(&format!("/api/products/{product}"), 1, &a_product("thing", 999_900))
            .await,
        200,
    )
    .await;
    let path = format!("/api/orders/{}", text(&order["id"]));
    let kept = till.read(&path).await;
    assert_eq!(
        (kept["total"].clone(), kept["lines"].clone()),
        (rub(100_000), order["lines"].clone())
    );

    let contact = |version: i64, contact: &str| {
        let request = till.world.request(Method::PATCH, &path).bearer_auth(&till.token);
        request
            .header("if-match", format!("\"{version}\""))
            .json(&json!({ "contact": contact }))
            .send()
    };
    let problem = expect_problem(contact(1, "nowhere@").await.unwrap(), 422, "validation_failed").await;
    assert_eq!(wrong_fields(&problem), [("contact".to_owned(), "invalid".to_owned())]);
    let told = body(contact(1, "anna@example.com").await.unwrap(), 200).await;
    assert_eq!(
        (text(&told["contact"]), told["version"].as_i64()),
        ("anna@example.com", Some(2))
    );
    expect_problem(contact(1, "b@example.com").await.unwrap(), 412, "version_conflict").await;

    let canceled = body(till.post(&format!("{path}/cancel"), &json!({})).await, 200).await;
    assert_eq!(text(&canceled["status"]), "canceled");
    expect_problem(
        till.post(&format!("{path}/cancel"), &json!({})).await,
        409,
        "order_not_payable",
    )
    .await;
    let client = text(&order["client_id"]);
    let of_client = till.read(&format!("/api/orders?client={client}&status=canceled")).await;
    assert_eq!(of_client["items"].as_array().unwrap().len(), 1);
    let waiting = till.read("/api/orders?status=awaiting_payment").await;
    assert_eq!(waiting["items"], json!([]));
}

async fn an_order_that_costs_nothing_is_paid_at_once(till: Till) {
    let gift = json!({ "code": "GIFT", "terms": { "discount": { "type": "sum", "amount": rub(50_000) } } });
    body(till.post("/api/promocodes", &gift).await, 201).await;
    let (client, product) = (till.client("Анна").await, till.product("small", 30_000).await);
    let order = till.order(&client, &product, Some("GIFT")).await;
    assert_eq!((order["total"].clone(), order["payments"].clone()), (rub(0), json!([])));
    assert!(["paid", "fulfilled"].contains(&text(&order["status"])), "{order}");
    assert!(till.bank.yookassa().payments().await.unwrap().is_empty());
    let wanted = json!({ "order_id": order["id"] });
    expect_problem(
        till.post("/api/payments/create", &wanted).await,
        409,
        "order_not_payable",
    )
    .await;
}

async fn a_repeated_order_is_the_first_one(till: Till) {
    let (client, product) = (till.client("Анна").await, till.product("thing", 100_000).await);
    let wanted = json!({ "client_id": client, "items": [{ "product_id": product }] });
    let unnamed = till
        .world
        .post("/api/orders", &till.token, &wanted)
        .send()
        .await
        .unwrap();
    expect_problem(unnamed, 400, "idempotency_key_required").await;
    let mut answers = Vec::new();
    for _ in 0..2 {
        let answer = till.post_as(&till.token, "/api/orders", "once", &wanted).await;
        assert_eq!(answer.status(), 201);
        answers.push(answer.bytes().await.unwrap());
    }
    assert_eq!(answers[0], answers[1], "byte for byte");
    assert_eq!(till.read("/api/orders").await["items"].as_array().unwrap().len(), 1);
    let other = json!({ "client_id": client, "items": [{ "product_id": product, "quantity": 2 }] });
    let reused = till.post_as(&till.token, "/api/orders", "once", &other).await;
    expect_problem(reused, 422, "idempotency_key_reused").await;
    let broken = json!({ "client_id": client, "items": [] });
    let mut errors = Vec::new();
    for _ in 0..2 {
        let answer = till.post_as(&till.token, "/api/orders", "wrong", &broken).await;
        assert_eq!(answer.status(), 422);
        errors.push(answer.bytes().await.unwrap());
    }
    assert_eq!(errors[0], errors[1], "stored errors too");
}
