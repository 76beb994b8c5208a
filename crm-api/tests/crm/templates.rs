//! The template tables: where they are, their versions, and the pages about them.

use app::bootstrap::{self, Seed};
use programs::templates::shipped;
use reqwest::multipart::{Form, Part};
use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::common::{ADMIN_EMAIL, ADMIN_PASSWORD, TestWorld, expect_problem};
use crate::desk::{Desk, body, text, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    uploaded_tables_wait_for_a_decision_and_versions_can_be_used_again,
    wrong_cells_are_named_and_nothing_is_kept,
    an_address_without_sheets_is_refused_in_words,
    reports_speak_of_the_version_that_is_asked_for,
    the_pages_stand_behind_a_plain_door,
);

const WOMEN: &str = include_str!("../../../programs/tests/fixtures/Women_12w_2.csv");

async fn send(desk: &Desk<'_>, form: Form) -> Response {
    desk.world
        .request(Method::POST, "/api/templates/upload")
        .bearer_auth(&desk.token)
        .header("accept-language", "ru")
        .multipart(form)
        .send()
        .await
        .unwrap()
}

fn women(csv: impl Into<Vec<u8>>) -> Form {
    Form::new().part("women", Part::bytes(csv.into()).file_name("women.csv"))
}

async fn uploaded_tables_wait_for_a_decision_and_versions_can_be_used_again(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let versions = desk.read("/api/templates").await;
    let first = versions["items"][0].clone();
    assert_eq!(
        (&first["number"], text(&first["source"]), &first["is_in_force"]),
        (&json!(1), "shipped", &json!(true))
    );
    assert_eq!(desk.read("/api/templates/pending").await, json!({ "pending": null }));

    let found = body(send(&desk, women(WOMEN)).await, 200).await;
    assert_eq!(text(&found["outcome"]), "pending");
    assert!(
        text(&found["difference"]["summary"]["ru"]).contains("Убрано"),
        "{found}"
    );
    let id = text(&found["version"]["id"]).to_owned();
    let waiting = desk.read("/api/templates/pending").await;
    assert_eq!(text(&waiting["pending"]["id"]), id);
    assert_eq!(waiting["pending"]["difference"]["is_empty"], false);
    assert_eq!(desk.read("/api/templates/doctor").await["pending"]["id"], id.as_str());

    let used = body(desk.post(&format!("/api/templates/{id}/use"), &json!({})).await, 200).await;
    assert_eq!((&used["is_in_force"], text(&used["state"])), (&json!(true), "used"));
    expect_problem(
        desk.post(&format!("/api/templates/{id}/reject"), &json!({})).await,
        409,
        "not_pending",
    )
    .await;
    let again = body(desk.post(&format!("/api/templates/{id}/use"), &json!({})).await, 200).await;
    assert_eq!(again, used, "a second tap changes nothing");

    // The table comes back as it was sent; the others are those that served.
    let women = desk.get(&format!("/api/templates/{id}/women")).await;
    let disposition = women.headers()["content-disposition"].to_str().unwrap().to_owned();
    assert!(disposition.contains("Women_12w_2.v2.csv"), "{disposition}");
    assert_eq!(women.bytes().await.unwrap(), WOMEN.as_bytes());
    let men = desk
        .get(&format!("/api/templates/{id}/men"))
        .await
        .bytes()
        .await
        .unwrap();
    assert_eq!(men, shipped()[0].csv);

    // Back to the first one; the same file again is the version it was, and waits again.
    let back = body(
        desk.post(&format!("/api/templates/{}/use", text(&first["id"])), &json!({}))
            .await,
        200,
    )
    .await;
    assert_eq!(back["is_in_force"], true);
    let found = body(send(&desk, self::women(WOMEN)).await, 200).await;
    assert_eq!(
        (text(&found["version"]["id"]), text(&found["outcome"])),
        (id.as_str(), "pending")
    );
    let rejected = body(desk.post(&format!("/api/templates/{id}/reject"), &json!({})).await, 200).await;
    assert_eq!(text(&rejected["state"]), "rejected");
    let numbers = desk.walk("/api/templates?limit=1", "id").await;
    assert_eq!(numbers.len(), 2, "one version a content");
    let details = desk.read(&format!("/api/templates/{id}")).await;
    assert_eq!(
        (&details["programs"], &details["difference"]["is_empty"]),
        (&json!(0), &json!(false))
    );
}

async fn wrong_cells_are_named_and_nothing_is_kept(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let spoiled = WOMEN.replacen("10-12", "12.окт", 1);
    let problem = expect_problem(send(&desk, women(spoiled)).await, 422, "wrong_cells").await;
    let (field, code) = wrong_fields(&problem).remove(0);
    assert!(field.starts_with("Women_12w_2!") && field.ends_with('2'), "{field}");
    assert_eq!(code, "wrong_cell");
    let message = text(&problem["errors"][0]["message"]);
    assert!(message.contains("строка 2") && message.contains("дату"), "{message}");

    expect_problem(send(&desk, women(Vec::new())).await, 422, "validation_failed").await;
    let strange = Form::new().part("boys", Part::bytes(b"a,b".to_vec()));
    expect_problem(send(&desk, strange).await, 422, "validation_failed").await;
    let twice = women(WOMEN).part("women", Part::bytes(WOMEN.as_bytes().to_vec()));
    expect_problem(send(&desk, twice).await, 422, "validation_failed").await;
    expect_problem(
        send(&desk, women(vec![b'a'; 9 * 1024 * 1024])).await,
        413,
        "payload_too_large",
    )
    .await;
    let html = women("<!DOCTYPE html><html>");
    expect_problem(send(&desk, html).await, 422, "wrong_cells").await;
    let json = desk.post("/api/templates/upload", &json!({})).await;
    expect_problem(json, 415, "unsupported_media_type").await;
    assert_eq!(desk.read("/api/templates").await["items"].as_array().unwrap().len(), 1);
}

async fn an_address_without_sheets_is_refused_in_words(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let response = desk.get("/api/settings/templates").await;
    assert_eq!(response.headers()["etag"], "\"0\"");
    let setting = body(response, 200).await;
    assert_eq!(
        (text(&setting["take_changes"]), &setting["tables"]),
        ("after_approval", &Value::Null)
    );
    let wanted = json!({ "take_changes": "at_once" });
    let saved = body(desk.put("/api/settings/templates", 0, &wanted).await, 200).await;
    assert_eq!(
        (&saved["version"], text(&saved["take_changes"])),
        (&json!(1), "at_once")
    );
    expect_problem(
        desk.put("/api/settings/templates", 0, &wanted).await,
        412,
        "version_conflict",
    )
    .await;
    // This installation has no way to Google at all.
    let sheet = json!({ "address": "https://docs.google.com/spreadsheets/d/1VoronkaTemplatesDemo0000000001" });
    expect_problem(desk.put("/api/settings/templates", 1, &sheet).await, 409, "no_sheets").await;
    expect_problem(desk.post("/api/templates/look", &json!({})).await, 409, "no_sheet").await;
    let found = body(send(&desk, women(WOMEN)).await, 200).await;
    assert_eq!(text(&found["outcome"]), "in_force", "taken at once");
}

async fn reports_speak_of_the_version_that_is_asked_for(world: TestWorld) {
    let desk = Desk::of(&world).await;
    body(send(&desk, women(WOMEN)).await, 200).await;
    let coverage = desk.read("/api/templates/coverage").await;
    assert_eq!(coverage["cells"].as_array().unwrap().len(), 216);
    assert_eq!(coverage["totals"], json!({ "exact": 216, "relaxed": 0, "nothing": 0 }));
    let waiting = desk.read("/api/templates/coverage?version=pending").await;
    assert!(
        waiting["totals"]["relaxed"].as_u64().unwrap() > 0,
        "{}",
        waiting["totals"]
    );
    let tried = desk.read("/api/templates/try-out?clients=20&seed=3").await;
    assert_eq!(tried["clients"].as_array().unwrap().len(), 20);
    assert_eq!(
        tried,
        desk.read("/api/templates/try-out?clients=20&seed=3").await,
        "the same people"
    );
    for wrong in ["clients=0", "clients=1001", "version=newest", "seed=-1", "client=5"] {
        let response = desk.get(&format!("/api/templates/try-out?{wrong}")).await;
        expect_problem(response, 422, "validation_failed").await;
    }
    let unknown = "/api/templates/coverage?version=sn_01JD4Z5V8N3C7W9XK2M4P6Q8RT";
    expect_problem(desk.get(unknown).await, 404, "not_found").await;
}

async fn the_pages_stand_behind_a_plain_door(world: TestWorld) {
    let seed = Seed {
        bot_token: "x".repeat(40),
        ..Seed::default()
    };
    bootstrap::ensure(&world.app, &seed).await.unwrap();
    let browser = reqwest::Client::builder()
        .redirect(reqwest::redirect::Policy::none())
        .build()
        .unwrap();
    let page = format!("{}/admin/templates/coverage", world.base);
    let turned_away = browser.get(&page).header("accept-language", "en").send().await.unwrap();
    assert_eq!(turned_away.status(), 303);
    let door = turned_away.headers()["location"].to_str().unwrap().to_owned();
    assert_eq!(door, "/admin/sign-in?next=%2Fadmin%2Ftemplates%2Fcoverage&lang=en");
    let form = browser.get(format!("{}{door}", world.base)).send().await.unwrap();
    let policy = form.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.starts_with("default-src 'none'; style-src 'sha256-"), "{policy}");
    let cookie = cookie_of(&form);
    let html = form.text().await.unwrap();
    assert!(html.contains("lang=\"en\"") && html.contains("Sign in"), "{html}");
    let token = html
        .split("name=\"form_token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap();
    let enter = async |cookie: &str, token: &str, password: &str, next: &str| {
        browser
            .post(format!("{}/admin/sign-in?lang=en", world.base))
            .header("cookie", cookie)
            .form(&[
                ("email", ADMIN_EMAIL),
                ("password", password),
                ("form_token", token),
                ("next", next),
            ])
            .send()
            .await
            .unwrap()
    };
    let next = "/admin/templates/coverage";
    assert_eq!(
        enter("", token, ADMIN_PASSWORD, next).await.status(),
        403,
        "another site's form"
    );
    assert_eq!(enter(&cookie, "other", ADMIN_PASSWORD, next).await.status(), 403);
    let wrong = enter(&cookie, token, "a wrong password", next).await;
    assert_eq!(wrong.status(), 401);
    assert!(
        wrong
            .text()
            .await
            .unwrap()
            .contains("The e-mail or the password is wrong.")
    );
    let entered = enter(&cookie, token, ADMIN_PASSWORD, "https://evil.example/").await;
    assert_eq!(
        (
            entered.status().as_u16(),
            entered.headers()["location"].to_str().unwrap()
        ),
        (303, next)
    );
    let session = cookie_of(&entered);

    let show = async |path: &str| {
        let response = browser
            .get(format!("{}{path}", world.base))
            .header("cookie", &session)
            .send()
            .await
            .unwrap();
        (response.status().as_u16(), response.text().await.unwrap())
    };
    let (status, coverage) = show("/admin/templates/coverage").await;
    assert_eq!(status, 200);
    assert!(
        coverage.contains("Что получат клиенты") && coverage.contains("Служит сейчас · 1"),
        "Russian by default"
    );
    let (status, tried) = show("/admin/templates/try-out?clients=12&lang=en").await;
    assert_eq!(status, 200);
    assert!(tried.contains("A try-out with invented clients") && !tried.contains("<script"));
    assert_eq!(show("/admin/templates/try-out?clients=many").await.0, 422);
    let (status, nothing) = show("/admin/templates/coverage?version=pending&lang=en").await;
    assert_eq!(status, 404);
    assert!(nothing.contains("no change waits"), "{nothing}");

    let token = coverage
        .split("name=\"csrf_token\" value=\"")
        .nth(1)
        .unwrap()
        .split('"')
        .next()
        .unwrap()
        .to_owned();
    let leave = async |token: &str| {
        browser
            .post(format!("{}/admin/sign-out", world.base))
            .header("cookie", &session)
            .form(&[("csrf_token", token)])
            .send()
            .await
            .unwrap()
            .status()
            .as_u16()
    };
    assert_eq!(leave("guessed").await, 403);
    assert_eq!(leave(&token).await, 303);
    assert_eq!(show("/admin/templates/coverage").await.0, 303, "the session is over");
    // A bot's token opens no page.
    let bot = browser
        .get(&page)
        .bearer_auth(crate::common::BOT_TOKEN)
        .send()
        .await
        .unwrap();
    assert_eq!(bot.status(), 303);
}

fn cookie_of(response: &Response) -> String {
    let header = response.headers()["set-cookie"].to_str().unwrap();
    header.split(';').next().unwrap().to_owned()
}
