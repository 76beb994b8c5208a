use std::time::{Duration, Instant};

use reqwest::Method;
use serde_json::{Value, json};

use crate::{PASSWORD, World, fresh_key, payment, signed};

#[tokio::test]
async fn yookassa_refuses_before_doing_anything() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let faults = json!({"refuse": {"next": 1}, "too_many_requests": {"next": 1}, "server_error": {"next": 1}});
    bank.set_faults(&faults).await?;
    let mut seen = Vec::new();
    let key = fresh_key();
    for _ in 0..4 {
        seen.push(
            world
                .yoo(Method::POST, "payments", &key, Some(&payment(json!({}))))
                .await?,
        );
    }
    let statuses: Vec<u16> = seen.iter().map(|(status, _)| *status).collect();
    assert_eq!(statuses, [401, 429, 500, 200]);
    assert_eq!(seen[1].1["code"], "too_many_requests");
    assert_eq!(seen[2].1["code"], "internal_server_error");
    assert_eq!(bank.payments().await?.len(), 1);
    let calls = bank.calls().await?;
    let blamed: Vec<_> = calls.iter().map(|call| call["fault"].as_str()).collect();
    assert_eq!(
        blamed,
        [Some("refuse"), Some("too_many_requests"), Some("server_error"), None]
    );
    Ok(())
}

#[tokio::test]
async fn yookassa_does_it_and_answers_otherwise() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let body = payment(json!({}));
    for (switch, status) in [("processing", 202), ("error_after_effect", 500)] {
        bank.set_faults(&json!({switch: {"next": 1}})).await?;
        let key = fresh_key();
        let before = bank.payments().await?.len();
        let (told, answer) = world.yoo(Method::POST, "payments", &key, Some(&body)).await?;
        assert_eq!(told, status);
        if status == 202 {
            assert_eq!(
                (&answer["type"], &answer["retry_after"]),
                (&json!("processing"), &json!(1_800))
            );
        }
        assert_eq!(bank.payments().await?.len(), before + 1);
        // The same key finds what was done.
        assert_eq!(world.yoo(Method::POST, "payments", &key, Some(&body)).await?.0, 200);
        assert_eq!(bank.payments().await?.len(), before + 1);
    }
    Ok(())
}

#[tokio::test]
async fn a_cut_or_silent_connection_leaves_the_payment_behind() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let body = payment(json!({}));
    for (switch, made) in [("drop_request", 0), ("drop_response", 1), ("hang", 1)] {
        bank.set_faults(&json!({switch: {"next": 1}, "hang_ms": 50})).await?;
        let key = fresh_key();
        let before = bank.payments().await?.len();
        assert!(
            world.yoo(Method::POST, "payments", &key, Some(&body)).await.is_err(),
            "{switch}"
        );
        assert_eq!(bank.payments().await?.len(), before + made, "{switch}");
        assert_eq!(world.yoo(Method::POST, "payments", &key, Some(&body)).await?.0, 200);
        assert_eq!(bank.payments().await?.len(), before + 1, "{switch}");
    }
    Ok(())
}

#[tokio::test]
async fn silence_lasts_as_long_as_was_asked() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.sandbox.tbank().set_faults(&json!({"hang": {"next": 1}})).await?;
    let url = world.sandbox.url("/tbank/v2/Init");
    let body = signed(json!({"Amount": 1000, "OrderId": "o1"}), PASSWORD);
    let waited = world
        .http
        .post(url)
        .json(&body)
        .timeout(Duration::from_millis(300))
        .send()
        .await;
    assert!(waited.is_err_and(|error| error.is_timeout()));
    let order = world.t_ok("CheckOrder", json!({"OrderId": "o1"})).await?;
    assert_eq!(
        order["Payments"][0]["Status"], "NEW",
        "the order is found though nobody was told"
    );
    Ok(())
}

#[tokio::test]
async fn tbank_has_the_same_bad_days() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.tbank();
    let init = |order: &str| signed(json!({"Amount": 1000, "OrderId": order}), PASSWORD);
    bank.set_faults(&json!({"refuse": {"next": 1}})).await?;
    assert_eq!(world.t_raw("Init", &init("a")).await?.1["ErrorCode"], "204");
    bank.set_faults(&json!({"processing": {"next": 1}})).await?;
    assert_eq!(world.t_raw("Init", &init("a")).await?.1["ErrorCode"], "9999");
    bank.set_faults(&json!({"too_many_requests": {"next": 1}})).await?;
    assert_eq!(world.t_raw("Init", &init("a")).await?.0, 429);
    bank.set_faults(&json!({"server_error": {"next": 1}})).await?;
    assert_eq!(world.t_raw("Init", &init("a")).await?.0, 500);
    bank.set_faults(&json!({"drop_request": {"next": 1}})).await?;
    assert!(world.t_raw("Init", &init("a")).await.is_err());
    assert!(bank.payments().await?.is_empty());
    bank.set_faults(&json!({"error_after_effect": {"next": 1}})).await?;
    assert_eq!(world.t_raw("Init", &init("a")).await?.0, 500);
    bank.set_faults(&json!({"drop_response": {"next": 1}})).await?;
    assert!(world.t_raw("Init", &init("b")).await.is_err());
    assert_eq!(bank.payments().await?.len(), 2);
    assert_eq!(world.t_raw("Init", &init("b")).await?.1["ErrorCode"], "20");
    Ok(())
}

#[tokio::test]
async fn reads_are_spared_unless_they_are_named() -> anyhow::Result<()> {
    let world = World::start().await?;
    let bank = world.sandbox.yookassa();
    let id = world.yoo_payment(json!({})).await?;
    bank.set_faults(&json!({"server_error": {"next": 1}})).await?;
    world.yoo_get(&format!("payments/{id}")).await?;
    bank.set_faults(&json!({"only_calls": ["get_payment"]})).await?;
    world.yoo_payment(json!({})).await?;
    assert_eq!(
        world.yoo(Method::GET, &format!("payments/{id}"), "", None).await?.0,
        500
    );
    let t = world.sandbox.tbank();
    t.set_faults(&json!({"server_error": {"next": 1}, "only_calls": ["GetState"]}))
        .await?;
    let id = world.t_payment(json!({})).await?;
    assert_eq!(
        world
            .t_raw("GetState", &signed(json!({"PaymentId": id}), PASSWORD))
            .await?
            .0,
        500
    );
    Ok(())
}

#[tokio::test]
async fn chance_follows_its_seed() -> anyhow::Result<()> {
    let run = async |seed: u64| {
        let world = World::start().await?;
        world
            .sandbox
            .yookassa()
            .set_faults(&json!({"server_error": {"percent": 40}, "seed": seed}))
            .await?;
        let mut statuses = Vec::new();
        for _ in 0..30 {
            statuses.push(world.yoo_post("payments", &payment(json!({}))).await?.0);
        }
        anyhow::Ok(statuses)
    };
    let first = run(5).await?;
    assert_eq!(first, run(5).await?);
    assert_ne!(first, run(6).await?);
    assert!(first.contains(&200) && first.contains(&500));
    Ok(())
}

#[tokio::test]
async fn slowness_is_felt_and_a_misspelt_switch_is_refused() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.sandbox.yookassa().set_faults(&json!({"slow_ms": 200})).await?;
    let began = Instant::now();
    world.yoo_get("me").await?;
    assert!(began.elapsed() >= Duration::from_millis(200));
    assert!(
        world
            .sandbox
            .tbank()
            .set_faults(&json!({"loose": {"next": 1}}))
            .await
            .is_err()
    );
    assert!(world.sandbox.tbank().set_faults(&json!({"lose": 1})).await.is_err());
    let cleared: Value = world.sandbox.clear_faults().await?;
    assert_eq!(cleared["yookassa"]["slow_ms"], 0);
    Ok(())
}

#[tokio::test]
async fn links_that_are_born_expired() -> anyhow::Result<()> {
    let world = World::start().await?;
    world
        .sandbox
        .yookassa()
        .set_faults(&json!({"expire_link": {"next": 1}}))
        .await?;
    let id = world.yoo_payment(json!({})).await?;
    assert_eq!(
        world.yoo_get(&format!("payments/{id}")).await?["cancellation_details"]["reason"],
        "expired_on_confirmation"
    );
    let next = world.yoo_payment(json!({})).await?;
    assert_eq!(world.yoo_get(&format!("payments/{next}")).await?["status"], "pending");
    Ok(())
}
