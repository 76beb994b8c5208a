//! Programmes: looking, downloading, making anew, sending again.

use reqwest::redirect::Policy;
use serde_json::{Value, json};

use crate::common::{BOT_TOKEN, Chat, TestWorld, expect_problem};
use crate::desk::{Desk, body, text};
use crate::on_both_databases;

on_both_databases!(
    a_programme_is_looked_at_and_downloaded,
    a_programme_is_made_anew_and_sent_again,
    a_programme_that_is_not_ready_has_no_document,
    a_programme_of_another_tenant_does_not_exist,
);

async fn finished(world: &TestWorld, address: &str) {
    Chat::new(address).walk_to_the_end(world).await;
}

async fn newest(desk: &Desk<'_>) -> Value {
    desk.read("/api/programs").await["items"][0].clone()
}

/// The kinds of what a bot can send now.
async fn claimed(world: &TestWorld) -> String {
    let claim = json!({ "replica": "desk", "limit": 50, "wait_ms": 0 });
    body(
        world
            .post("/api/bot/deliveries/claim", BOT_TOKEN, &claim)
            .send()
            .await
            .unwrap(),
        200,
    )
    .await
    .to_string()
}

async fn a_programme_is_looked_at_and_downloaded(world: TestWorld) {
    let desk = Desk::of(&world).await;
    finished(&world, "901").await;
    world.run_due_jobs().await;
    let program = newest(&desk).await;
    assert_eq!(
        (
            text(&program["status"]),
            text(&program["scope"]),
            program["version"].as_i64()
        ),
        ("ready", "free", Some(1))
    );
    assert_eq!(text(&program["wording"]), "plain");

    let path = format!("/api/programs/{}", text(&program["id"]));
    let details = desk.read(&path).await;
    assert_eq!(details["versions"], json!([program]));
    assert!(
        details["content"]["programme"].is_object() && details["report"]["relaxations"].is_array(),
        "{details:#}"
    );

    let plain = reqwest::Client::builder().redirect(Policy::none()).build().unwrap();
    let there = plain
        .get(format!("{}{path}/file", world.base))
        .bearer_auth(&desk.token)
        .send()
        .await
        .unwrap();
    assert_eq!(there.status(), 302);
    assert!(
        there.headers()["location"]
            .to_str()
            .unwrap()
            .starts_with("/api/files/fl_")
    );
    let file = desk.get(&format!("{path}/file")).await;
    assert_eq!(
        (file.status().as_u16(), file.headers()["content-type"].to_str().unwrap()),
        (200, "application/pdf")
    );
    assert!(
        file.headers()["content-disposition"]
            .to_str()
            .unwrap()
            .starts_with("attachment")
    );
    assert!(file.bytes().await.unwrap().starts_with(b"%PDF"));

    let client = text(&program["client_id"]);
    assert_eq!(
        desk.read(&format!("/api/programs?client={client}&status=ready")).await["items"],
        json!([program])
    );
    assert_eq!(
        desk.read(&format!("/api/programs?client={client}&status=failed")).await["items"],
        json!([])
    );
    expect_problem(desk.get("/api/programs?status=done").await, 422, "validation_failed").await;
}

async fn a_programme_is_made_anew_and_sent_again(world: TestWorld) {
    let desk = Desk::of(&world).await;
    finished(&world, "911").await;
    world.run_due_jobs().await;
    let first = newest(&desk).await;
    let path = format!("/api/programs/{}", text(&first["id"]));
    world.clock.advance_ms(1_000);

    let response = desk.post(&format!("{path}/regenerate"), &json!({})).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let queued = body(response, 202).await;
    assert_eq!(
        (
            text(&queued["status"]),
            queued["version"].as_i64(),
            text(&queued["reason"])
        ),
        ("queued", Some(2), "regenerated")
    );
    expect_problem(
        desk.post(&format!("{path}/regenerate"), &json!({})).await,
        409,
        "program_in_work",
    )
    .await;
    world.run_due_jobs().await;
    let second = desk.read(&location).await;
    assert_eq!(second["status"], "ready");
    let versions: Vec<i64> = second["versions"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| it["version"].as_i64().unwrap())
        .collect();
    assert_eq!(versions, [2, 1]);

    claimed(&world).await;
    world.clock.advance_ms(600_000);
    assert_eq!(desk.post(&format!("{path}/resend"), &json!({})).await.status(), 202);
    assert!(claimed(&world).await.contains("application/pdf"));
}

async fn a_programme_that_is_not_ready_has_no_document(world: TestWorld) {
    let desk = Desk::of(&world).await;
    finished(&world, "921").await;
    let path = format!("/api/programs/{}", text(&newest(&desk).await["id"]));
    let details = desk.read(&path).await;
    assert!(details["content"].is_null() && details["has_file"] == false);
    expect_problem(desk.get(&format!("{path}/file")).await, 409, "program_not_ready").await;
    expect_problem(
        desk.post(&format!("{path}/resend"), &json!({})).await,
        409,
        "program_not_ready",
    )
    .await;
}

async fn a_programme_of_another_tenant_does_not_exist(world: TestWorld) {
    let desk = Desk::of(&world).await;
    finished(&world, "931").await;
    let known = format!("/api/programs/{}", text(&newest(&desk).await["id"]));
    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    for (desk, path) in [(&stranger, known.as_str()), (&desk, "/api/programs/nonsense")] {
        expect_problem(desk.get(path).await, 404, "not_found").await;
        expect_problem(desk.get(&format!("{path}/file")).await, 404, "not_found").await;
        expect_problem(
            desk.post(&format!("{path}/regenerate"), &json!({})).await,
            404,
            "not_found",
        )
        .await;
        expect_problem(desk.post(&format!("{path}/resend"), &json!({})).await, 404, "not_found").await;
    }
    assert_eq!(stranger.read("/api/programs").await["items"], json!([]));
}
