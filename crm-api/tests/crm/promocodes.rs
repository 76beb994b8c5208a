//! Promo codes.

use serde_json::{Value, json};

use crate::at_both_tills;
use crate::common::expect_problem;
use crate::desk::{body, text, wrong_fields};
use crate::till::{Till, rub};

at_both_tills!(
    a_code_is_created_used_reported_and_deactivated,
    each_refusal_has_a_code_of_its_own,
    many_codes_are_made_at_once_and_downloaded,
    wrong_terms_are_refused_field_by_field,
);

fn percent(basis_points: u16) -> Value {
    json!({ "discount": { "type": "percent", "basis_points": basis_points } })
}

async fn promo(till: &Till, code: &str, terms: Value) -> Value {
    body(
        till.post("/api/promocodes", &json!({ "code": code, "terms": terms }))
            .await,
        201,
    )
    .await
}

async fn a_code_is_created_used_reported_and_deactivated(till: Till) {
    let made = promo(&till, "ВЕСНА-20", percent(2000)).await;
    let path = format!("/api/promocodes/{}", text(&made["id"]));
    let again = json!({ "code": "весна-20", "terms": percent(1000) });
    expect_problem(till.post("/api/promocodes", &again).await, 409, "code_taken").await;

    let (client, product) = (till.client("Анна").await, till.product("thing", 100_000).await);
    let order = till.order(&client, &product, Some("  весна - 20 ")).await;
    assert_eq!(
        (order["total"].clone(), order["promo_code_id"].clone()),
        (rub(80_000), made["id"].clone())
    );
    assert_eq!(till.read(&format!("{path}/report")).await["reserved"], 1);
    till.take_cash(&order).await;
    let report = till.read(&format!("{path}/report")).await;
    let sums = json!([{ "discount": rub(20_000), "revenue": rub(80_000) }]);
    assert_eq!((report["used"].as_i64(), report["sums"].clone()), (Some(1), sums));

    let seen = till.read(&path).await;
    let edit = json!({ "is_active": true, "terms": { "discount": { "type": "sum", "amount": rub(50_000) }, "total_limit": 5 } });
    let saved = body(till.put(&path, seen["version"].as_i64().unwrap(), &edit).await, 200).await;
    assert_eq!(
        (saved["terms"]["total_limit"].as_i64(), saved["uses"].as_i64()),
        (Some(5), Some(1))
    );
    for _ in 0..2 {
        let off = body(till.post(&format!("{path}/deactivate"), &json!({})).await, 200).await;
        assert_eq!(off["is_active"], false);
    }
    let refused = till.order(&client, &product, Some("ВЕСНА-20")).await;
    assert_eq!(
        (text(&refused["promo_refusal"]["code"]), refused["total"].clone()),
        ("promo_deactivated", rub(100_000))
    );
}

async fn each_refusal_has_a_code_of_its_own(till: Till) {
    let (client, other) = (till.client("Анна").await, till.client("Борис").await);
    let (product, another) = (till.product("thing", 100_000).await, till.product("other", 1).await);
    let mut codes = vec![("NOSUCH", "promo_unknown")];
    for (code, refusal, extra) in [
        ("OVER", "promo_expired", json!({ "ends_at": "2026-11-19T00:00:00Z" })),
        (
            "SOON",
            "promo_not_yet_valid",
            json!({ "starts_at": "2026-12-01T00:00:00Z" }),
        ),
        ("ELSE", "promo_other_product", json!({ "products": [another] })),
        ("THEIRS", "promo_other_client", json!({ "clients": [other] })),
        ("BIG", "promo_below_minimum", json!({ "minimum": rub(200_000) })),
        ("ONCE", "promo_used_up", json!({ "total_limit": 1 })),
    ] {
        let mut terms = percent(1000);
        terms
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        promo(&till, code, terms).await;
        codes.push((code, refusal));
    }
    let first = till.order(&other, &product, Some("ONCE")).await;
    assert!(first["promo_refusal"].is_null());
    for (code, refusal) in codes {
        let basket = json!({ "client_id": client, "items": [{ "product_id": product }], "promo_code": code });
        let quote = body(till.post("/api/orders/quote", &basket).await, 200).await;
        assert_eq!(text(&quote["promo_refusal"]["code"]), refusal, "{code}");
        assert_eq!(quote["breakdown"]["total"], rub(100_000));
    }
    let path = format!("/api/orders/{}/cancel", text(&first["id"]));
    body(till.post(&path, &json!({})).await, 200).await;
    let again = till.order(&client, &product, Some("once")).await;
    assert_eq!(again["total"], rub(90_000), "an abandoned checkout frees the use");
}

async fn many_codes_are_made_at_once_and_downloaded(till: Till) {
    let mut terms = percent(500);
    terms["note"] = json!("=HYPERLINK(\"x\")");
    let wanted = json!({ "batch": "Выставка, осень", "count": 60, "prefix": "FIT-", "length": 8, "terms": terms });
    let made = body(till.post("/api/promocodes/generate", &wanted).await, 201).await;
    let codes = made["codes"].as_array().unwrap();
    assert_eq!(codes.len(), 60);
    assert!(
        codes
            .iter()
            .all(|code| text(code).starts_with("FIT-") && !text(code)[4..].contains(['0', 'O', '1', 'I', 'L']))
    );
    expect_problem(till.post("/api/promocodes/generate", &wanted).await, 409, "batch_taken").await;
    promo(&till, "ALONE", percent(100)).await;

    let csv_url = text(&made["csv_url"]);
    let listed = till.read(&csv_url.replace("/export.csv", "")).await;
    assert_eq!(listed["items"].as_array().unwrap().len(), 50);
    assert!(listed["next_cursor"].is_string());
    let table = till.get(csv_url).await;
    assert_eq!(table.headers()["content-type"], "text/csv; charset=utf-8");
    let table = table.text().await.unwrap();
    assert_eq!(table.lines().count(), 61);
    assert!(
        table.contains("\"'=HYPERLINK(\"\"x\"\")\"") && !table.contains("ALONE"),
        "{table}"
    );

    let mut short = wanted.clone();
    short["batch"] = json!("другая");
    short["length"] = json!(4);
    short["count"] = json!(1000);
    let problem = expect_problem(
        till.post("/api/promocodes/generate", &short).await,
        422,
        "validation_failed",
    )
    .await;
    assert_eq!(wrong_fields(&problem), [("length".to_owned(), "too_short".to_owned())]);
}

async fn wrong_terms_are_refused_field_by_field(till: Till) {
    let wrong = json!({ "code": "a b", "terms": {
        "discount": { "type": "sum", "amount": rub(0) }, "total_limit": 0, "products": ["pr_x"],
        "clients": ["cl_01JD4Z5V8N3C7W9XK2M4P6Q8RT"],
        "starts_at": "2026-12-01T00:00:00Z", "ends_at": "2026-11-01T00:00:00Z",
    } });
    let problem = expect_problem(till.post("/api/promocodes", &wrong).await, 422, "validation_failed").await;
    let mut fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    let expected = [
        "code",
        "terms/clients",
        "terms/discount/amount/amount_minor",
        "terms/ends_at",
        "terms/products/0",
        "terms/total_limit",
    ];
    assert_eq!(fields, expected);
}
