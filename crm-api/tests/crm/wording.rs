//! Who words programmes: the setting, a trial, what is kept, what it cost.

use std::io::Write;
use std::sync::{Arc, Mutex};

use reqwest::Method;
use sandbox::Running;
use serde_json::{Value, json};

use crate::common::{BOT_TOKEN, Chat, TestWorld, expect_problem};
use crate::desk::{Desk, body, text, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    the_setting_is_edited_and_its_key_never_comes_back,
    a_key_goes_only_where_it_was_meant_to_go,
    a_trial_shows_what_a_model_would_say_and_cost,
    a_programme_shows_how_it_got_its_words,
    nothing_of_it_is_shown_to_strangers_or_the_bot,
);

const KEY: &str = "sk-do-not-show-me-7890";

async fn sandbox() -> Running {
    sandbox::start(sandbox::Config::default()).await.unwrap()
}

fn settings(outside: &Running) -> Value {
    json!({
        "provider": "proxyapi",
        "base_url": outside.url("/proxyapi/openai/v1"),
        "model": null,
        "api_key": KEY,
        "temperature_millis": 300,
        "extra_prompt": "Пиши тепло.",
        "deadline_seconds": 20,
        "answer_tokens": 8000,
        "price": { "currency": "RUB", "prompt_micros_per_1000": 150_000, "answer_micros_per_1000": 600_000 },
    })
}

async fn misbehave(outside: &Running, mode: &str) {
    outside
        .set_faults(&json!({ "reset": true, "llm": { "mode": mode } }))
        .await
        .unwrap();
}

async fn the_setting_is_edited_and_its_key_never_comes_back(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let outside = sandbox().await;
    let path = "/api/settings/wording";
    let fresh = desk.read(path).await;
    assert_eq!((text(&fresh["provider"]), fresh["version"].as_i64()), ("off", Some(0)));
    assert_eq!(fresh["has_api_key"], false);

    let response = desk.put(path, 0, &settings(&outside)).await;
    assert_eq!(response.headers()["etag"], "\"1\"");
    let saved = body(response, 200).await;
    assert_eq!(
        (saved["has_api_key"].as_bool(), text(&saved["api_key_last4"])),
        (Some(true), "7890")
    );
    assert_eq!(text(&saved["model_in_force"]), "gpt-4o-mini");
    assert!(saved.get("api_key").is_none());
    let shown = desk.get(path).await.text().await.unwrap();
    assert!(!shown.contains(KEY) && !shown.contains("do-not-show"), "{shown}");
    assert_eq!(serde_json::from_str::<Value>(&shown).unwrap(), saved);

    expect_problem(desk.put(path, 0, &settings(&outside)).await, 412, "version_conflict").await;
    let bare = world
        .request(Method::PUT, path)
        .bearer_auth(&desk.token)
        .json(&settings(&outside));
    expect_problem(bare.send().await.unwrap(), 428, "version_required").await;

    let mut wrong = settings(&outside);
    wrong["deadline_seconds"] = json!(1);
    wrong["price"]["currency"] = json!("рубли");
    let problem = expect_problem(desk.put(path, 1, &wrong).await, 422, "validation_failed").await;
    let fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["deadline_seconds", "price/currency"]);
    assert!(!problem.to_string().contains(KEY));
    wrong = settings(&outside);
    wrong["temprature_millis"] = json!(1);
    expect_problem(desk.put(path, 1, &wrong).await, 422, "validation_failed").await;
    assert_eq!(desk.read(path).await, saved, "nothing of that was taken");

    // Without the key it stays, with null it goes.
    let mut same = settings(&outside);
    same.as_object_mut().unwrap().remove("api_key");
    same["extra_prompt"] = json!("");
    let kept = body(desk.put(path, 1, &same).await, 200).await;
    assert_eq!(text(&kept["api_key_last4"]), "7890");
    same["provider"] = json!("off");
    same["api_key"] = Value::Null;
    let gone = body(desk.put(path, 2, &same).await, 200).await;
    assert_eq!(
        (gone["has_api_key"].as_bool(), &gone["api_key_last4"]),
        (Some(false), &Value::Null)
    );
    outside.shutdown().await;
}

async fn a_key_goes_only_where_it_was_meant_to_go(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let outside = sandbox().await;
    let elsewhere = sandbox().await;
    let path = "/api/settings/wording";
    body(desk.put(path, 0, &settings(&outside)).await, 200).await;
    let mut moved = settings(&elsewhere);
    moved.as_object_mut().unwrap().remove("api_key");
    let problem = expect_problem(desk.put(path, 1, &moved).await, 422, "validation_failed").await;
    assert_eq!(wrong_fields(&problem), [("api_key".to_owned(), "required".to_owned())]);
    let trial = desk
        .post("/api/settings/wording/try", &json!({ "settings": moved }))
        .await;
    expect_problem(trial, 422, "validation_failed").await;
    assert!(elsewhere.llm_requests().await.unwrap().is_empty());
    outside.shutdown().await;
    elsewhere.shutdown().await;
}

async fn a_trial_shows_what_a_model_would_say_and_cost(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let outside = sandbox().await;
    let path = "/api/settings/wording/try";
    expect_problem(desk.post(path, &json!({})).await, 409, "wording_off").await;

    let answer = desk.post(path, &json!({ "settings": settings(&outside) })).await;
    let trial = body(answer, 200).await;
    assert_eq!(text(&trial["verdict"]), "accepted", "{:#}", trial["replaced"]);
    assert_eq!(text(&trial["model"]), "proxyapi/gpt-4o-mini");
    assert!(text(&trial["wording"]["intro"]).chars().count() > 20);
    let (prompt, answer) = (
        trial["prompt_tokens"].as_i64().unwrap(),
        trial["answer_tokens"].as_i64().unwrap(),
    );
    assert_eq!(trial["cost_micros"], (prompt * 150_000 + answer * 600_000 + 500) / 1000);
    assert_eq!(trial["requests"], 1);
    assert!(text(&trial["parts"][0]["system"]).contains("Пиши тепло."));
    assert_eq!(
        desk.read("/api/settings/wording").await["version"],
        0,
        "a trial saves nothing"
    );

    misbehave(&outside, "wrong_numbers").await;
    let trial = body(
        desk.post(path, &json!({ "settings": settings(&outside), "language": "en" }))
            .await,
        200,
    )
    .await;
    assert_eq!(text(&trial["verdict"]), "partly_replaced");
    let line = trial["replaced"]
        .as_array()
        .unwrap()
        .iter()
        .find(|replaced| replaced["place"] == "line")
        .unwrap();
    assert!(text(&line["model_text"]).contains("sets"));
    assert!(text(&line["reason"]["ru"]).contains("Изменено") && text(&line["reason"]["en"]).contains("Changed"));

    for (mode, code) in [("no_money", "no_money"), ("bad_key", "denied")] {
        misbehave(&outside, mode).await;
        let answer = desk.post(path, &json!({ "settings": settings(&outside) })).await;
        let answer = answer.text().await.unwrap();
        assert!(!answer.contains(KEY));
        let trial: Value = serde_json::from_str(&answer).unwrap();
        assert_eq!(
            (text(&trial["verdict"]), text(&trial["error"]["code"])),
            ("plain", code)
        );
        assert!(!text(&trial["error"]["message"]["ru"]).is_empty());
        assert!(!text(&trial["error"]["message"]["en"]).is_empty());
    }
    let costs = desk.read("/api/wording/costs").await;
    let month = &costs["months"][0];
    assert_eq!(
        (text(&month["month"]), text(&month["currency"]), month["count"].as_i64()),
        ("2026-11", "RUB", Some(4))
    );
    assert_eq!(
        (
            month["accepted"].as_i64(),
            month["partly_replaced"].as_i64(),
            month["plain"].as_i64()
        ),
        (Some(1), Some(1), Some(2))
    );
    assert_eq!(month["share_basis_points"]["plain"], 5000);
    assert!(month["cost_micros"].as_i64().unwrap() > 0);
    expect_problem(desk.get("/api/wording/costs?months=0").await, 422, "validation_failed").await;
    outside.shutdown().await;
}

async fn a_programme_shows_how_it_got_its_words(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let outside = sandbox().await;
    body(desk.put("/api/settings/wording", 0, &settings(&outside)).await, 200).await;
    misbehave(&outside, "invented_exercise").await;
    Chat::new("971").walk_to_the_end(&world).await;
    let path = |program: &Value| format!("/api/programs/{}/wording", text(&program["id"]));
    let program = desk.read("/api/programs").await["items"][0].clone();
    expect_problem(desk.get(&path(&program)).await, 409, "program_not_ready").await;
    world.run_due_jobs().await;
    let program = desk.read("/api/programs").await["items"][0].clone();
    assert_eq!(text(&program["wording"]), "llm_corrected");
    let record = desk.read(&path(&program)).await;
    assert_eq!(text(&record["verdict"]), "partly_replaced");
    let part = &record["parts"][0];
    assert_eq!(part["weeks"], json!([1, 2]));
    assert_eq!(part["request"]["task"], "word_programme");
    assert!(text(&part["answer"]).contains("x99"), "the raw answer is there");
    assert_eq!(part["attempts"][0]["reason"], "first");
    let invented = &record["replaced"][0];
    assert_eq!(
        (text(&invented["model_text"]), &invented["shown_text"]),
        ("Сальто назад", &Value::Null)
    );
    let content = desk.read(&format!("/api/programs/{}", text(&program["id"]))).await["content"].to_string();
    assert!(!content.contains("Сальто"));
    outside.shutdown().await;
}

async fn nothing_of_it_is_shown_to_strangers_or_the_bot(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let outside = sandbox().await;
    body(desk.put("/api/settings/wording", 0, &settings(&outside)).await, 200).await;
    Chat::new("981").walk_to_the_end(&world).await;
    world.run_due_jobs().await;
    let program = desk.read("/api/programs").await["items"][0].clone();
    let path = format!("/api/programs/{}/wording", text(&program["id"]));
    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    expect_problem(stranger.get(&path).await, 404, "not_found").await;
    assert_eq!(stranger.read("/api/settings/wording").await["provider"], "off");
    assert_eq!(stranger.read("/api/wording/costs").await["months"], json!([]));
    for path in [path.as_str(), "/api/settings/wording", "/api/wording/costs"] {
        expect_problem(world.get(path, BOT_TOKEN).send().await.unwrap(), 403, "forbidden").await;
    }
    outside.shutdown().await;
}

/// Everything that is logged on this thread.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A test's runtime has one thread, so the server, the sandbox and the library all log here.
#[tokio::test]
async fn no_log_line_has_the_key_or_what_a_person_answered() {
    let log = Log::default();
    let writer = log.clone();
    let subscriber = tracing_subscriber::fmt()
        .with_max_level(tracing::Level::DEBUG)
        .with_writer(move || writer.clone())
        .finish();
    let _guard = tracing::subscriber::set_default(subscriber);
    let world = TestWorld::start(crate::common::Backend::Sqlite).await;
    let desk = Desk::of(&world).await;
    let outside = sandbox().await;
    body(desk.put("/api/settings/wording", 0, &settings(&outside)).await, 200).await;
    for (number, mode) in ["ok", "no_money", "bad_key", "error", "broken_json", "html"]
        .into_iter()
        .enumerate()
    {
        misbehave(&outside, mode).await;
        Chat::new(&format!("99{number}")).walk_to_the_end(&world).await;
        world.run_due_jobs().await;
        let answer = desk.post("/api/settings/wording/try", &json!({})).await;
        assert_eq!(answer.status(), 200);
    }
    let text = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(
        text.contains("the wording service refuses"),
        "the log knows of the trouble"
    );
    assert!(!text.contains(KEY), "the key is in the log");
    assert!(!text.contains("Анна"), "a name is in the log");
    assert!(!text.contains("word_programme"), "a question is in the log");
    outside.shutdown().await;
}
