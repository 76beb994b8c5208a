//! What every answer has in common.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{BOT_TOKEN, Backend, TestWorld, expect_problem};
use crate::on_both_databases;

on_both_databases!(
    a_request_id_travels_into_the_jobs_it_causes,
    the_process_says_that_it_lives_and_is_ready,
    figures_are_counted_by_route_template,
);

#[tokio::test]
async fn an_unknown_address_is_a_problem() {
    let world = TestWorld::start(Backend::Sqlite).await;
    for path in [
        "/api/nothing",
        "/nothing",
        "/api/clients/../..",
        "/api/%00",
        "/api/clients/%FF",
    ] {
        let response = world
            .request(Method::GET, path)
            .bearer_auth(world.admin_token().await)
            .send()
            .await
            .unwrap();
        expect_problem(response, 404, "not_found").await;
    }
}

#[tokio::test]
async fn a_wrong_method_is_a_problem_that_names_the_right_ones() {
    let world = TestWorld::start(Backend::Sqlite).await;
    let response = world.request(Method::PUT, "/api/auth/sign-in").send().await.unwrap();
    assert_eq!(response.headers()["allow"], "POST");
    expect_problem(response, 405, "method_not_allowed").await;
}

#[tokio::test]
async fn a_request_id_of_our_form_is_kept_and_any_other_replaced() {
    let world = TestWorld::start(Backend::Sqlite).await;
    let ours = "rq_01JD4Z5V8N3C7W9XK2M4P6Q8RT";
    let sent = [ours, "rq_short", "42", "rq_01JD4Z5V8N3C7W9XK2M4P6Q8RT; drop"];
    for id in sent {
        let response = world
            .request(Method::GET, "/healthz")
            .header("x-request-id", id)
            .send()
            .await
            .unwrap();
        let answered = response.headers()["x-request-id"].to_str().unwrap().to_owned();
        assert_eq!(answered == id, id == ours, "{id} became {answered}");
        assert!(answered.starts_with("rq_") && answered.len() == ours.len());
    }
}

#[tokio::test]
async fn answers_can_not_be_framed_sniffed_or_kept() {
    let world = TestWorld::start(Backend::Sqlite).await;
    let response = world.request(Method::GET, "/api/auth/me").send().await.unwrap();
    let headers = response.headers();
    assert_eq!(headers["x-content-type-options"], "nosniff");
    assert_eq!(headers["x-frame-options"], "DENY");
    assert_eq!(headers["cache-control"], "no-store");
    assert!(
        headers["content-security-policy"]
            .to_str()
            .unwrap()
            .contains("frame-ancestors 'none'")
    );
    assert!(
        !headers.contains_key("strict-transport-security"),
        "plain http must not promise https"
    );
    expect_problem(response, 401, "unauthenticated").await;
}

async fn a_request_id_travels_into_the_jobs_it_causes(world: TestWorld) {
    let request_id = crate::common::Chat::new("7001").walk_to_the_end(&world).await;
    let token = world.admin_token().await;
    let jobs: Value = world
        .get("/api/jobs", &token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let job = jobs["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|job| job["kind"] == "generate_program")
        .unwrap()
        .clone();
    assert_eq!(job["request_id"], request_id.as_str(), "{jobs}");
}

async fn the_process_says_that_it_lives_and_is_ready(world: TestWorld) {
    let healthy = world.request(Method::GET, "/healthz").send().await.unwrap();
    assert_eq!(
        (healthy.status().as_u16(), healthy.text().await.unwrap().as_str()),
        (200, "ok")
    );
    let ready = world.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 200);
    assert_eq!(
        ready.json::<Value>().await.unwrap(),
        json!({ "database": "ok", "workers": "ok" })
    );
    world.app.store().close().await;
    let ready = world.request(Method::GET, "/readyz").send().await.unwrap();
    assert_eq!(ready.status(), 503);
    assert_eq!(ready.json::<Value>().await.unwrap()["database"], "not ready");
    let response = world.get("/api/bot/profile", BOT_TOKEN).send().await.unwrap();
    assert_eq!(response.headers()["retry-after"], "1");
    let problem = expect_problem(response, 503, "database_busy").await;
    assert!(!problem.to_string().contains("pool"), "causes stay inside: {problem}");
}

async fn figures_are_counted_by_route_template(world: TestWorld) {
    let path = "/api/jobs/jb_01JD4Z5V8N3C7W9XK2M4P6Q8RT/replay";
    let response = world
        .post(path, &world.admin_token().await, &json!({}))
        .send()
        .await
        .unwrap();
    expect_problem(response, 404, "not_found").await;
    let figures = world
        .request(Method::GET, "/metrics")
        .send()
        .await
        .unwrap()
        .text()
        .await
        .unwrap();
    let line = figures
        .lines()
        .find(|line| line.starts_with("http_requests_total") && line.contains("/api/jobs/{id}/replay"));
    assert!(
        line.is_some_and(|line| line.contains("status=\"404\"") && line.contains("method=\"POST\"")),
        "{figures}"
    );
    assert!(figures.contains("http_request_duration_seconds_bucket"), "{figures}");
    assert!(figures.contains("voronka_jobs{state=\"dead\"} 0"), "{figures}");
    assert!(
        !figures.contains("jb_01JD4Z5V8N3C7W9XK2M4P6Q8RT"),
        "ids would make a series each"
    );
}
