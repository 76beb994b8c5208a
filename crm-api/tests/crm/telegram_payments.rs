//! The switches of paying inside Telegram, and the question before a payment.

use serde_json::{Value, json};

use crate::common::{BOT_TOKEN, TestWorld, expect_problem};
use crate::desk::{Desk, body, text, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    the_switches_are_off_at_first_and_the_token_never_shows,
    a_question_about_a_bill_nobody_knows_is_answered_no_in_the_payers_language,
);

const PATH: &str = "/api/settings/telegram-payments";
const TOKEN: &str = "401643678:TEST:sandbox-bank-9d3f";

fn wanted(stars: bool, cards: bool) -> Value {
    json!({ "stars": stars, "hundred_stars": { "amount_minor": 18_000, "currency": "RUB" }, "cards": cards })
}

fn names(problem: &Value) -> Vec<String> {
    let mut names: Vec<String> = wrong_fields(problem).into_iter().map(|(field, _)| field).collect();
    names.sort_unstable();
    names
}

async fn the_switches_are_off_at_first_and_the_token_never_shows(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let at_first = desk.read(PATH).await;
    assert_eq!(
        (&at_first["stars"], &at_first["cards"], &at_first["version"]),
        (&json!(false), &json!(false), &json!(0))
    );
    assert!(text(&at_first["notice"]["ru"]).contains("только за звёзды"));
    assert!(text(&at_first["notice"]["en"]).contains("Stars only"));

    let problem = expect_problem(desk.put(PATH, 0, &wanted(true, true)).await, 422, "validation_failed").await;
    assert_eq!(names(&problem), ["provider_token"]);
    let mut with_token = wanted(true, true);
    with_token["provider_token"] = json!(TOKEN);
    let saved = body(desk.put(PATH, 0, &with_token).await, 200).await;
    assert_eq!(
        (&saved["has_provider_token"], &saved["is_test"]),
        (&json!(true), &json!(true))
    );
    assert_eq!(text(&saved["provider_token_last4"]), "9d3f");
    // Left out it stays.
    let saved = body(desk.put(PATH, 1, &wanted(false, true)).await, 200).await;
    assert_eq!(saved["has_provider_token"], true);
    expect_problem(desk.put(PATH, 1, &wanted(true, true)).await, 412, "version_conflict").await;
    let shown = desk.read(PATH).await.to_string();
    assert!(!shown.contains("sandbox-bank"), "{shown}");
    let mut gone = wanted(true, false);
    gone["provider_token"] = Value::Null;
    let saved = body(desk.put(PATH, 2, &gone).await, 200).await;
    assert_eq!(saved["has_provider_token"], false);

    let mut wrong = wanted(true, false);
    wrong["hundred_stars"] = json!({ "amount_minor": 5, "currency": "XTR" });
    wrong["tax_system"] = json!(7);
    wrong["provider_token"] = json!("secret");
    let problem = expect_problem(desk.put(PATH, 3, &wrong).await, 422, "validation_failed").await;
    assert_eq!(names(&problem), ["hundred_stars", "provider_token", "tax_system"]);
}

async fn a_question_about_a_bill_nobody_knows_is_answered_no_in_the_payers_language(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let question = |language: &str, payload: &str| {
        json!({
            "payer": "101", "language_code": language, "payload": payload, "currency": "XTR", "amount_minor": 100,
        })
    };
    for (language, words) in [("ru", "Деньги не списаны"), ("en", "You were not charged")] {
        for payload in ["pm_forged", "", "py_01KB3SK7ZQ4T9XW2M5N8R6V0YD"] {
            let asked = question(language, payload);
            let answer = world
                .post("/api/bot/pre-checkout", BOT_TOKEN, &asked)
                .send()
                .await
                .unwrap();
            let answer = body(answer, 200).await;
            assert_eq!(answer["may_pay"], false);
            assert!(text(&answer["reason"]).contains(words), "{answer}");
        }
    }
    let stranger = world.post("/api/bot/pre-checkout", &desk.token, &question("ru", "x"));
    expect_problem(stranger.send().await.unwrap(), 403, "forbidden").await;
}
