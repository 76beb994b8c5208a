//! Answers in, a document out; the brand on it.

use std::time::Duration;

use data_encoding::BASE64;
use reqwest::Method;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::common::{BOT_TOKEN, TestWorld, expect_problem};
use crate::desk::{Desk, Person, body, text, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    answers_become_a_document_and_nothing_is_kept,
    wrong_answers_are_named,
    a_model_words_a_preview_when_it_is_asked_to,
    two_are_drawn_at_a_time,
    a_logo_comes_and_goes,
    questions_are_the_owners,
    closing_words_and_title_are_the_owners,
);

const PREVIEW: &str = "/api/programs/preview";

fn answers() -> Value {
    json!({
        "profile": {
            "sex": "female", "age_years": 31, "level": "beginner", "goal": "fat_loss", "height_cm": 168,
            "weight_decikg": 725, "lifestyle": "sedentary", "place": "home", "equipment": "basic", "days_per_week": 3,
            "spared_areas": ["knees"]
        },
        "name": "Анна"
    })
}

#[expect(clippy::needless_pass_by_value, reason = "a literal stands at each call")]
fn with(changes: Value) -> Value {
    let mut answers = answers();
    for (name, value) in changes.as_object().unwrap() {
        answers[name] = value.clone();
    }
    answers
}

/// A real picture: the first page of a preview.
async fn a_picture(desk: &Desk<'_>) -> Vec<u8> {
    let wanted = with(json!({ "format": "pages", "max_pages": 1, "width_px": 200 }));
    let pages = body(desk.post(PREVIEW, &wanted).await, 200).await;
    BASE64
        .decode(text(&pages["pages"][0]["data_base64"]).as_bytes())
        .unwrap()
}

async fn answers_become_a_document_and_nothing_is_kept(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for (format, scope) in [("pdf", "free"), ("pdf", "full"), ("phone", "free")] {
        let wanted = with(json!({ "format": format, "scope": scope, "language": "en" }));
        let response = desk.post(PREVIEW, &wanted).await;
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "application/pdf");
        assert_eq!(response.headers()["cache-control"], "no-store");
        let name = response.headers()["content-disposition"].to_str().unwrap().to_owned();
        assert!(name.contains("Anna") && name.contains("filename*="), "{name}");
        assert!(response.bytes().await.unwrap().starts_with(b"%PDF"));
    }
    for format in ["pages", "phone_pages"] {
        let wanted = with(json!({ "format": format, "max_pages": 2, "width_px": 300 }));
        let answer = body(desk.post(PREVIEW, &wanted).await, 200).await;
        assert_eq!(answer["pages"].as_array().unwrap().len(), 2);
        assert!(answer["page_count"].as_u64().unwrap() > 2);
        let png = BASE64
            .decode(text(&answer["pages"][1]["data_base64"]).as_bytes())
            .unwrap();
        assert!(png.starts_with(b"\x89PNG"));
        assert!(answer["explanation"].is_array());
        assert_eq!(answer["wording"]["verdict"], "plain");
    }
    for list in ["/api/clients", "/api/programs", "/api/questionnaires", "/api/leads"] {
        assert_eq!(desk.read(list).await["items"], json!([]), "{list}");
    }
    let bot = world.post(PREVIEW, BOT_TOKEN, &answers()).send().await.unwrap();
    expect_problem(bot, 403, "forbidden").await;
}

async fn wrong_answers_are_named(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let mut wrong = answers();
    wrong["profile"]["age_years"] = json!(5);
    wrong["profile"]["height_cm"] = json!(20);
    wrong["profile"]["weight_decikg"] = json!(1);
    wrong["profile"]["days_per_week"] = json!(7);
    wrong["profile"]["equipment"] = json!("gym");
    wrong["name"] = json!("я".repeat(301));
    wrong["format"] = json!("pages");
    wrong["max_pages"] = json!(500);
    let problem = expect_problem(desk.post(PREVIEW, &wrong).await, 422, "validation_failed").await;
    let fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    assert_eq!(
        fields,
        [
            "name",
            "profile/age_years",
            "profile/height_cm",
            "profile/weight_decikg",
            "profile/days_per_week",
            "profile/equipment",
            "max_pages"
        ]
    );
    for (pointer, value) in [("goal", json!("fame")), ("place", json!(1)), ("shoe_size", json!(38))] {
        let mut wrong = answers();
        wrong["profile"][pointer] = value;
        let problem = expect_problem(desk.post(PREVIEW, &wrong).await, 422, "validation_failed").await;
        assert!(wrong_fields(&problem)[0].0.starts_with("/profile"), "{problem}");
    }
    let unknown = with(json!({ "colour": "red" }));
    expect_problem(desk.post(PREVIEW, &unknown).await, 422, "validation_failed").await;
    let model = with(json!({ "wording": "model" }));
    expect_problem(desk.post(PREVIEW, &model).await, 409, "wording_off").await;
}

fn wording(outside: &sandbox::Running, deadline_seconds: u16) -> Value {
    json!({
        "provider": "openai", "base_url": outside.url("/openai/v1"), "api_key": "sk-preview-0123456789",
        "deadline_seconds": deadline_seconds, "answer_tokens": 8000,
        "price": { "currency": "RUB", "prompt_micros_per_1000": 1, "answer_micros_per_1000": 1 },
    })
}

async fn a_model_words_a_preview_when_it_is_asked_to(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let outside = sandbox::start(sandbox::Config::default()).await.unwrap();
    body(desk.put("/api/settings/wording", 0, &wording(&outside, 20)).await, 200).await;
    let wanted = with(json!({ "wording": "model", "format": "pages", "max_pages": 1, "width_px": 200 }));
    let answer = body(desk.post(PREVIEW, &wanted).await, 200).await;
    assert_eq!(answer["wording"]["verdict"], "accepted");
    let requests = outside.llm_requests().await.unwrap();
    assert_eq!(requests.len(), 1);
    assert!(!requests[0]["request_body"].to_string().contains("Анна"));
    body(
        desk.post(PREVIEW, &with(json!({ "format": "pages", "max_pages": 1 })))
            .await,
        200,
    )
    .await;
    assert_eq!(outside.llm_requests().await.unwrap().len(), 1, "plain asks nobody");
    assert_eq!(desk.read("/api/wording/costs").await["months"][0]["count"], 1);
    outside.shutdown().await;
}

async fn two_are_drawn_at_a_time(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let outside = sandbox::start(sandbox::Config::default()).await.unwrap();
    body(desk.put("/api/settings/wording", 0, &wording(&outside, 5)).await, 200).await;
    outside
        .set_faults(&json!({ "llm": { "mode": "stall" } }))
        .await
        .unwrap();
    let slow = with(json!({ "wording": "model" }));
    let waiting = async {
        let deadline = Instant::now() + Duration::from_secs(20);
        while outside.llm_requests().await.unwrap().len() < 2 {
            assert!(Instant::now() < deadline, "the model was never asked");
            tokio::task::yield_now().await;
        }
        desk.post(PREVIEW, &answers()).await
    };
    let (first, second, third) = tokio::join!(desk.post(PREVIEW, &slow), desk.post(PREVIEW, &slow), waiting);
    assert_eq!(third.headers()["retry-after"], "2");
    expect_problem(third, 429, "too_many_attempts").await;
    for response in [first, second] {
        assert_eq!(response.status(), 200, "the plain wording comes in time");
        assert!(response.bytes().await.unwrap().starts_with(b"%PDF"));
    }
    assert_eq!(desk.post(PREVIEW, &answers()).await.status(), 200);
    outside.shutdown().await;
}

async fn a_logo_comes_and_goes(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let path = "/api/settings/brand/logo";
    let none = desk.read(path).await;
    assert_eq!((none["version"].as_i64(), &none["file_id"]), (Some(0), &Value::Null));
    let without = desk.post(PREVIEW, &answers()).await.bytes().await.unwrap();

    let upload = async |version: i64, kind: &str, bytes: Vec<u8>| {
        world
            .request(Method::PUT, path)
            .bearer_auth(&desk.token)
            .header("if-match", format!("\"{version}\""))
            .header("content-type", kind)
            .body(bytes)
            .send()
            .await
            .unwrap()
    };
    let picture = a_picture(&desk).await;
    let saved = body(upload(0, "image/png", picture.clone()).await, 200).await;
    assert_eq!(
        (saved["version"].as_i64(), text(&saved["mime_type"])),
        (Some(1), "image/png")
    );
    assert_eq!(desk.read(path).await, saved);
    let file = desk.get(text(&saved["url"])).await;
    assert_eq!(file.headers()["content-type"], "image/png");
    assert!(file.bytes().await.unwrap().starts_with(b"\x89PNG"));
    let with_logo = desk.post(PREVIEW, &answers()).await.bytes().await.unwrap();
    assert!(with_logo.len() > without.len() + 500, "the logo is on paper");

    expect_problem(upload(0, "image/png", picture.clone()).await, 412, "version_conflict").await;
    expect_problem(
        upload(1, "text/plain", picture.clone()).await,
        415,
        "unsupported_media_type",
    )
    .await;
    let problem = expect_problem(
        upload(1, "image/png", b"<svg/>".to_vec()).await,
        422,
        "validation_failed",
    )
    .await;
    assert_eq!(
        wrong_fields(&problem),
        [("logo".to_owned(), "unknown_format".to_owned())]
    );
    expect_problem(
        upload(1, "image/png", vec![0; 4_000_001]).await,
        413,
        "payload_too_large",
    )
    .await;
    let bare = world
        .request(Method::PUT, path)
        .bearer_auth(&desk.token)
        .header("content-type", "image/png")
        .body(picture);
    expect_problem(bare.send().await.unwrap(), 428, "version_required").await;

    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    assert_eq!(stranger.read(path).await["file_id"], Value::Null);
    expect_problem(stranger.get(text(&saved["url"])).await, 404, "not_found").await;

    let gone = world
        .request(Method::DELETE, path)
        .bearer_auth(&desk.token)
        .header("if-match", "\"1\"")
        .send()
        .await
        .unwrap();
    assert_eq!(gone.status(), 204);
    let none = desk.read(path).await;
    assert_eq!((none["version"].as_i64(), &none["file_id"]), (Some(2), &Value::Null));
    let again = desk.post(PREVIEW, &answers()).await.bytes().await.unwrap();
    assert!(again.len() + 500 < with_logo.len());
}

async fn questions_are_the_owners(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let path = "/api/settings/faq";
    let shipped = desk.read(path).await;
    assert_eq!(shipped["version"], 0);
    assert!(!shipped["items"].as_array().unwrap().is_empty());
    let mine = json!({ "items": [
        { "question": { "ru": "А если я устану?", "en": "What if I get tired?" }, "answer": { "ru": "Отдохните.", "en": "Rest." } },
    ] });
    let saved = body(desk.put(path, 0, &mine).await, 200).await;
    assert_eq!((saved["version"].as_i64(), &saved["items"]), (Some(1), &mine["items"]));
    expect_problem(desk.put(path, 0, &mine).await, 412, "version_conflict").await;

    let mut person = Person::new("731");
    person.start(&world, None).await;
    let claim = json!({ "type": "action", "action": "faq", "message_ref": null });
    person.send(&world, claim).await;
    let words = person
        .send(
            &world,
            json!({ "type": "action", "action": "faq:0", "message_ref": null }),
        )
        .await;
    assert!(
        words.contains("А если я устану?") && words.contains("Отдохните."),
        "{words}"
    );

    let wrong = json!({ "items": [{ "question": { "ru": "", "en": "x" }, "answer": { "ru": "я".repeat(3001) } }] });
    let problem = expect_problem(desk.put(path, 1, &wrong).await, 422, "validation_failed").await;
    let expected = [
        ("items/0/question/ru".to_owned(), "required".to_owned()),
        ("items/0/answer/ru".to_owned(), "length".to_owned()),
    ];
    assert_eq!(wrong_fields(&problem), expected);
}

async fn closing_words_and_title_are_the_owners(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let mut brand = desk.read("/api/settings/brand").await;
    let version = brand["version"].as_i64().unwrap();
    assert_eq!(brand["closing"], json!({ "ru": "", "en": "" }));
    brand.as_object_mut().unwrap().remove("version");
    // As the release before knew it: the new fields are absent.
    let mut old = brand.clone();
    old.as_object_mut().unwrap().remove("closing");
    old.as_object_mut().unwrap().remove("document_title");
    let saved = body(desk.put("/api/settings/brand", version, &old).await, 200).await;
    assert_eq!(saved["closing"], json!({ "ru": "", "en": "" }));
    brand["closing"] = json!({ "ru": "До встречи в зале!\nВаша Ольга", "en": "See you!" });
    brand["document_title"] = json!({ "ru": "Ваш план от Ольги", "en": "" });
    let saved = body(desk.put("/api/settings/brand", version + 1, &brand).await, 200).await;
    assert_eq!(saved["closing"], brand["closing"]);
    let pdf = desk.post(PREVIEW, &answers()).await.bytes().await.unwrap();
    // The title in a PDF's properties is UTF-16 in hex or raw; the reader of the texts is elsewhere.
    assert!(pdf.starts_with(b"%PDF"));
    brand["closing"]["ru"] = json!("я".repeat(601));
    brand["document_title"]["ru"] = json!("две\nстроки");
    let problem = expect_problem(
        desk.put("/api/settings/brand", version + 2, &brand).await,
        422,
        "validation_failed",
    )
    .await;
    let fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["closing/ru", "document_title/ru"]);
}
