//! How much one caller may ask.

use futures::future::join_all;
use reqwest::Method;

use crate::common::{BOT_TOKEN, Backend, Options, TestWorld, expect_problem};

const LIMIT: u32 = 20;

async fn limited(trusted_proxies: &'static str) -> TestWorld {
    TestWorld::start_with(
        Backend::Sqlite,
        Options {
            rate_limit_per_minute: LIMIT,
            trusted_proxies,
            ..Options::default()
        },
    )
    .await
}

#[tokio::test]
async fn a_principal_over_the_limit_is_told_when_to_come_back() {
    let world = limited("").await;
    let (busy, calm) = (world.admin_token().await, world.admin_token().await);
    let answers = join_all((0..LIMIT * 2).map(|_| world.get("/api/auth/me", &busy).send())).await;
    let mut refused = 0;
    for answer in answers {
        let answer = answer.unwrap();
        if answer.status() == 200 {
            continue;
        }
        let after_s: u64 = answer.headers()["retry-after"].to_str().unwrap().parse().unwrap();
        assert!((1..=60).contains(&after_s));
        expect_problem(answer, 429, "rate_limited").await;
        refused += 1;
    }
    // A minute's allowance flows back while we ask.
    assert!((LIMIT - 3..=LIMIT).contains(&refused), "{refused}");
    assert_eq!(
        world.get("/api/auth/me", &calm).send().await.unwrap().status(),
        200,
        "others are not concerned"
    );
    assert_eq!(
        world.request(Method::GET, "/healthz").send().await.unwrap().status(),
        200
    );
}

#[tokio::test]
async fn the_bot_speaks_for_everybody_and_is_not_limited() {
    let world = limited("").await;
    let answers = join_all((0..LIMIT * 2).map(|_| world.get("/api/bot/profile", BOT_TOKEN).send())).await;
    assert!(answers.into_iter().all(|answer| answer.unwrap().status() == 200));
}

#[tokio::test]
async fn strangers_are_counted_by_address() {
    let world = limited("").await;
    let answers = join_all((0..LIMIT * 2).map(|_| world.get("/api/auth/me", "vk_guess").send())).await;
    let refused = answers
        .into_iter()
        .filter(|answer| answer.as_ref().unwrap().status() == 429)
        .count();
    assert!(refused >= LIMIT as usize - 3, "{refused}");
    // Saying to be somebody else does not help…
    let forged = world
        .get("/api/auth/me", "vk_guess")
        .header("x-forwarded-for", "203.0.113.9")
        .send()
        .await
        .unwrap();
    assert_eq!(forged.status(), 429);
}

#[tokio::test]
async fn behind_a_trusted_proxy_each_client_has_a_limit_of_its_own() {
    let world = limited("127.0.0.0/8").await;
    let ask = |address: &'static str| {
        let world = &world;
        async move {
            world
                .get("/api/auth/me", "vk_guess")
                .header("x-forwarded-for", address)
                .send()
                .await
                .unwrap()
                .status()
        }
    };
    let busy = join_all((0..LIMIT * 2).map(|_| ask("203.0.113.9"))).await;
    assert!(busy.iter().any(|status| *status == 429));
    assert_eq!(ask("203.0.113.10").await, 401);
}
