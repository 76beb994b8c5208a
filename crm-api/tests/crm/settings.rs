//! The brand and the words.

use reqwest::Method;
use serde_json::json;

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, Person, body, text, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    the_brand_is_edited_by_one_at_a_time,
    the_next_message_says_it_in_the_owners_words
);

async fn the_brand_is_edited_by_one_at_a_time(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let response = desk.get("/api/settings/brand").await;
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    let mut brand = body(response, 200).await;
    let version = brand["version"].as_i64().unwrap();
    assert_eq!(tag, format!("\"{version}\""));
    brand.as_object_mut().unwrap().remove("version");
    brand["trainer"] = json!("Мария");
    let saved = body(desk.put("/api/settings/brand", version, &brand).await, 200).await;
    assert_eq!(
        (text(&saved["trainer"]), saved["version"].as_i64().unwrap()),
        ("Мария", version + 1)
    );
    expect_problem(
        desk.put("/api/settings/brand", version, &brand).await,
        412,
        "version_conflict",
    )
    .await;
    let bare = world
        .request(Method::PUT, "/api/settings/brand")
        .bearer_auth(&desk.token)
        .json(&brand);
    expect_problem(bare.send().await.unwrap(), 428, "version_required").await;

    brand["reply_hours"] = json!(0);
    brand["privacy_url"] = json!("javascript:alert(1)");
    let problem = expect_problem(
        desk.put("/api/settings/brand", version + 1, &brand).await,
        422,
        "validation_failed",
    )
    .await;
    assert_eq!(wrong_fields(&problem).len(), 2);
    assert_eq!(desk.read("/api/settings/brand").await, saved);
}

async fn the_next_message_says_it_in_the_owners_words(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let all = desk.read("/api/texts").await;
    let greeting = all["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|text| text["key"] == "greeting")
        .unwrap()
        .clone();
    assert_eq!(greeting["own"], json!({}));
    assert_eq!(desk.read("/api/texts/greeting").await, greeting);
    let version = greeting["version"].as_i64().unwrap();

    let mine = json!({ "ru": "Салют, {name}! Рад встрече." });
    let saved = body(desk.put("/api/texts/greeting", version, &mine).await, 200).await;
    assert_eq!(saved["own"], json!({ "ru": "Салют, {name}! Рад встрече." }));
    assert_eq!(saved["default"], greeting["default"]);
    expect_problem(
        desk.put("/api/texts/greeting", version, &mine).await,
        412,
        "version_conflict",
    )
    .await;

    let mut person = Person::new("701");
    let words = person.send(&world, json!({ "type": "start", "payload": null })).await;
    assert!(words.contains("Салют, Анна! Рад встрече."), "{words}");

    let version = saved["version"].as_i64().unwrap();
    let problem = desk
        .put(
            "/api/texts/greeting",
            version,
            &json!({ "ru": "Привет, {nmae}", "en": "" }),
        )
        .await;
    let problem = expect_problem(problem, 422, "validation_failed").await;
    let wrong = [
        ("ru".to_owned(), "unknown_placeholder".to_owned()),
        ("en".to_owned(), "length".to_owned()),
    ];
    assert_eq!(wrong_fields(&problem), wrong);
    let back = body(
        desk.put("/api/texts/greeting", version, &json!({ "ru": null })).await,
        200,
    )
    .await;
    assert_eq!(back, greeting, "the shipped words are back");
    expect_problem(desk.get("/api/texts/nothing").await, 404, "not_found").await;
}
