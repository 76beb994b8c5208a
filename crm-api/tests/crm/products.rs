//! The catalogue, and what a client always gets off.

use reqwest::Method;
use serde_json::json;

use crate::at_both_tills;
use crate::common::expect_problem;
use crate::desk::{body, text, wrong_fields};
use crate::till::{Till, a_product, rub};

at_both_tills!(
    a_product_is_added_changed_and_archived,
    wrong_products_are_refused_field_by_field,
    a_clients_discount_is_set_and_taken_away,
);

async fn a_product_is_added_changed_and_archived(till: Till) {
    let made = body(till.post("/api/products", &a_product("review", 150_000)).await, 201).await;
    let path = format!("/api/products/{}", text(&made["id"]));
    assert_eq!(
        (
            made["version"].as_i64(),
            made["is_on_sale"].as_bool(),
            text(&made["tax"]["vat"])
        ),
        (Some(1), Some(true), "none")
    );
    expect_problem(
        till.post("/api/products", &a_product("review", 1)).await,
        409,
        "code_taken",
    )
    .await;

    let mut changed = a_product("review", 180_000);
    changed["is_monthly"] = json!(true);
    changed["packages"] = json!([{ "months": 6, "basis_points": 2000 }, { "months": 3, "basis_points": 1000 }]);
    expect_problem(till.put(&path, 7, &changed).await, 412, "version_conflict").await;
    let saved = body(till.put(&path, 1, &changed).await, 200).await;
    assert_eq!(
        (saved["price"].clone(), saved["version"].as_i64()),
        (rub(180_000), Some(2))
    );
    assert_eq!(saved["packages"][0]["months"], 3, "the fewest months first");
    changed["code"] = json!("other");
    let problem = expect_problem(till.put(&path, 2, &changed).await, 422, "validation_failed").await;
    assert_eq!(wrong_fields(&problem), [("code".to_owned(), "immutable".to_owned())]);

    let request = till
        .world
        .request(Method::POST, &format!("{path}/archive"))
        .bearer_auth(&till.token);
    let archived = body(request.header("if-match", "\"2\"").send().await.unwrap(), 200).await;
    assert!(archived["archived_at"].is_string() && archived["is_on_sale"] == false);
    let client = till.client("Анна").await;
    let basket = json!({ "client_id": client, "items": [{ "product_id": made["id"] }] });
    let problem = expect_problem(till.post("/api/orders/quote", &basket).await, 422, "validation_failed").await;
    assert_eq!(
        wrong_fields(&problem),
        [("items/0".to_owned(), "not_on_sale".to_owned())]
    );
    let listed = till.read("/api/products").await;
    assert_eq!(listed["items"][0]["id"], made["id"], "the archive is listed too");
    assert_eq!(listed["items"][0]["packages"][1]["basis_points"], 2000);
}

async fn wrong_products_are_refused_field_by_field(till: Till) {
    let wrong = json!({
        "code": "С пробелом", "title": { "ru": " " }, "delivery": { "ru": "" }, "grants": [], "price": rub(-1),
        "packages": [{ "months": 1, "basis_points": 10001 }],
        "active_from": "2026-12-01T00:00:00Z", "active_to": "2026-11-01T00:00:00Z",
    });
    let problem = expect_problem(till.post("/api/products", &wrong).await, 422, "validation_failed").await;
    let mut fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    let expected = [
        "active_to",
        "code",
        "delivery",
        "grants",
        "packages",
        "packages/0/basis_points",
        "packages/0/months",
        "price/amount_minor",
        "title",
    ];
    assert_eq!(fields, expected);
    let mut monthly = a_product("x", 1);
    monthly["is_monthly"] = json!(true);
    monthly["is_addon"] = json!(true);
    let problem = expect_problem(till.post("/api/products", &monthly).await, 422, "validation_failed").await;
    assert_eq!(
        wrong_fields(&problem),
        [("is_addon".to_owned(), "not_allowed".to_owned())]
    );
    let mut misspelled = a_product("x", 1);
    misspelled["pirce"] = json!(1);
    expect_problem(till.post("/api/products", &misspelled).await, 422, "validation_failed").await;
}

async fn a_clients_discount_is_set_and_taken_away(till: Till) {
    let path = format!("/api/clients/{}/discount", till.client("Анна").await);
    let none = till.read(&path).await;
    assert!(none["basis_points"].is_null() && none["version"] == 0);
    let wanted = json!({ "basis_points": 1500, "note": "подруга" });
    let saved = body(till.put(&path, 0, &wanted).await, 200).await;
    assert_eq!(
        (saved["basis_points"].as_i64(), saved["version"].as_i64()),
        (Some(1500), Some(1))
    );
    expect_problem(till.put(&path, 0, &wanted).await, 412, "version_conflict").await;
    let wrong = json!({ "basis_points": 10001, "ends_at": "2020-01-01T00:00:00Z" });
    let problem = expect_problem(till.put(&path, 1, &wrong).await, 422, "validation_failed").await;
    assert_eq!(wrong_fields(&problem).len(), 2);
    let take_away = |version: &'static str| {
        let request = till.world.request(Method::DELETE, &path).bearer_auth(&till.token);
        request.header("if-match", version).send()
    };
    expect_problem(take_away("\"9\"").await.unwrap(), 412, "version_conflict").await;
    assert_eq!(take_away("\"1\"").await.unwrap().status(), 204);
    assert_eq!(
        take_away("\"1\"").await.unwrap().status(),
        204,
        "what is away stays away"
    );
    assert!(till.read(&path).await["basis_points"].is_null());
}
