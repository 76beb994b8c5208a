//! Signing in, staying in, signing out.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{ADMIN_EMAIL, ADMIN_PASSWORD, Backend, Options, TestWorld, expect_problem};
use crate::on_both_databases;

const MINUTE_MS: i64 = 60_000;
const HOUR_MS: i64 = 60 * MINUTE_MS;

on_both_databases!(
    a_session_shows_who_is_signed_in_until_they_sign_out,
    a_session_slides_for_twelve_hours_and_ends_after_thirty_days,
    what_changes_something_needs_the_csrf_token,
    wrong_guesses_are_slowed_down_more_and_more,
    guesses_in_parallel_are_counted_one_after_another,
    a_new_password_ends_all_other_sessions,
);

async fn a_session_shows_who_is_signed_in_until_they_sign_out(world: TestWorld) {
    let response = world
        .sign_in_with(&format!("  {} ", ADMIN_EMAIL.to_uppercase()), ADMIN_PASSWORD)
        .await;
    let cookie = response.headers()["set-cookie"].to_str().unwrap().to_owned();
    for attribute in ["HttpOnly", "SameSite=Lax", "Path=/", "Max-Age=2592000"] {
        assert!(cookie.contains(attribute), "{cookie}");
    }
    assert!(
        !cookie.contains("Secure"),
        "over plain http a browser would drop it: {cookie}"
    );
    let browser = world.browser_of(response).await;
    let me: Value = browser
        .get(&world, "/api/auth/me")
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    let user = json!({ "id": browser.user_id, "name": "Administrator", "email": ADMIN_EMAIL });
    assert_eq!(
        me,
        json!({ "user": user, "role": "admin", "csrf_token": browser.csrf_token })
    );
    let out = browser
        .post(&world, "/api/auth/sign-out", &json!({}))
        .send()
        .await
        .unwrap();
    assert_eq!(out.status(), 204);
    assert!(out.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));
    let response = browser.get(&world, "/api/auth/me").send().await.unwrap();
    assert_eq!(response.headers()["www-authenticate"], "Bearer");
    expect_problem(response, 401, "unauthenticated").await;
}

async fn a_session_slides_for_twelve_hours_and_ends_after_thirty_days(world: TestWorld) {
    let idle = world.sign_in().await;
    world.clock.advance_ms(11 * HOUR_MS);
    assert_eq!(idle.get(&world, "/api/auth/me").send().await.unwrap().status(), 200);
    world.clock.advance_ms(11 * HOUR_MS);
    assert_eq!(idle.get(&world, "/api/auth/me").send().await.unwrap().status(), 200);
    world.clock.advance_ms(12 * HOUR_MS);
    assert_eq!(idle.get(&world, "/api/auth/me").send().await.unwrap().status(), 401);
    let busy = world.sign_in().await;
    let mut hours = 0;
    while busy.get(&world, "/api/auth/me").send().await.unwrap().status() == 200 {
        world.clock.advance_ms(10 * HOUR_MS);
        hours += 10;
        assert!(hours < 24 * 40, "a session must not live for ever");
    }
    assert_eq!(hours, 24 * 30);
}

async fn what_changes_something_needs_the_csrf_token(world: TestWorld) {
    let browser = world.sign_in().await;
    let other = world.sign_in().await;
    let body = json!({ "name": "panel", "role": "admin" });
    for token in [None, Some(""), Some("wrong"), Some(other.csrf_token.as_str())] {
        let mut request = world
            .request(Method::POST, "/api/api-keys")
            .header("cookie", &browser.cookie)
            .json(&body);
        if let Some(token) = token {
            request = request.header("x-csrf-token", token);
        }
        expect_problem(request.send().await.unwrap(), 403, "csrf_token_missing").await;
    }
    assert_eq!(
        browser
            .post(&world, "/api/api-keys", &body)
            .send()
            .await
            .unwrap()
            .status(),
        201
    );
    assert_eq!(
        world
            .post("/api/api-keys", &world.admin_token().await, &body)
            .send()
            .await
            .unwrap()
            .status(),
        201
    );
}

async fn wrong_guesses_are_slowed_down_more_and_more(world: TestWorld) {
    for _ in 0..5 {
        let wrong = expect_problem(
            world.sign_in_with(ADMIN_EMAIL, "wrong password").await,
            401,
            "unauthenticated",
        )
        .await;
        assert!(
            wrong["detail"].is_null(),
            "nothing may tell a wrong password from an unknown address"
        );
    }
    let mut waits = Vec::new();
    for _ in 0..12 {
        let response = world.sign_in_with(ADMIN_EMAIL, ADMIN_PASSWORD).await;
        let after_s: i64 = response.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        expect_problem(response, 429, "too_many_attempts").await;
        waits.push(after_s);
        world.clock.advance_ms(after_s * 1000);
        expect_problem(
            world.sign_in_with(ADMIN_EMAIL, "wrong password").await,
            401,
            "unauthenticated",
        )
        .await;
    }
    assert_eq!(waits, [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]);
    // The lock of the address holds for everybody, the lock of the peer for every address.
    expect_problem(
        world.sign_in_with("somebody@example.com", "any password").await,
        429,
        "too_many_attempts",
    )
    .await;
    world.clock.advance_ms(15 * MINUTE_MS);
    assert_eq!(world.sign_in_with(ADMIN_EMAIL, ADMIN_PASSWORD).await.status(), 200);
}

async fn guesses_in_parallel_are_counted_one_after_another(world: TestWorld) {
    let guesses = (0..30).map(|_| world.sign_in_with(ADMIN_EMAIL, "wrong password"));
    let answers = futures::future::join_all(guesses).await;
    let looked_at = answers.iter().filter(|answer| answer.status() == 401).count();
    assert_eq!(looked_at, 5, "only the free guesses may be looked at");
    assert!(
        answers
            .iter()
            .all(|answer| matches!(answer.status().as_u16(), 401 | 429))
    );
}

async fn a_new_password_ends_all_other_sessions(world: TestWorld) {
    let (mine, stolen) = (world.sign_in().await, world.sign_in().await);
    let change = |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    let short = mine
        .post(&world, "/api/auth/password", &change(ADMIN_PASSWORD, "short"))
        .send()
        .await
        .unwrap();
    assert_eq!(
        expect_problem(short, 422, "validation_failed").await["errors"][0]["field"],
        "new_password"
    );
    let wrong = mine
        .post(
            &world,
            "/api/auth/password",
            &change("wrong password", "another long one"),
        )
        .send()
        .await
        .unwrap();
    assert_eq!(
        expect_problem(wrong, 422, "validation_failed").await["errors"][0]["field"],
        "current_password"
    );
    let changed = mine
        .post(
            &world,
            "/api/auth/password",
            &change(ADMIN_PASSWORD, "another long one"),
        )
        .send()
        .await
        .unwrap();
    let fresh = world.browser_of(changed).await;
    assert_eq!(fresh.get(&world, "/api/auth/me").send().await.unwrap().status(), 200);
    for old in [mine, stolen] {
        assert_eq!(old.get(&world, "/api/auth/me").send().await.unwrap().status(), 401);
    }
    assert_eq!(world.sign_in_with(ADMIN_EMAIL, ADMIN_PASSWORD).await.status(), 401);
    assert_eq!(world.sign_in_with(ADMIN_EMAIL, "another long one").await.status(), 200);
}

#[tokio::test]
async fn over_https_the_cookie_is_secure() {
    let options = Options {
        public_url: "https://crm.example.com",
        ..Options::default()
    };
    let world = TestWorld::start_with(Backend::Sqlite, options).await;
    let response = world.sign_in_with(ADMIN_EMAIL, ADMIN_PASSWORD).await;
    assert!(response.headers()["set-cookie"].to_str().unwrap().contains("; Secure"));
    assert!(response.headers().contains_key("strict-transport-security"));
}
