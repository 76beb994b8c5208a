use std::time::{Duration, Instant};

use serde_json::json;

use crate::{ANNA, World};

#[tokio::test]
async fn refusals_are_counted_down_and_touch_only_writing_calls() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world
        .sandbox
        .set_faults(&json!({"telegram": {"too_many_requests_next": 1, "retry_after_s": 7, "server_error_next": 1}}))
        .await?;
    world.ok("getMe", json!({})).await?;
    world.ok("getUpdates", json!({})).await?;
    world
        .ok("sendChatAction", json!({"chat_id": ANNA, "action": "typing"}))
        .await?;
    let message = json!({"chat_id": ANNA, "text": "привет"});
    let (status, body) = world.call("sendMessage", message.clone()).await?;
    assert_eq!((status, &body["parameters"]["retry_after"]), (429, &json!(7)));
    assert_eq!(world.call("sendMessage", message.clone()).await?.0, 500);
    world.ok("sendMessage", message).await?;
    let said: Vec<_> = world.sandbox.messages(ANNA).await?;
    assert_eq!(said.iter().filter(|message| message.is_from_bot()).count(), 1);
    Ok(())
}

#[tokio::test]
async fn the_effect_can_happen_without_its_answer() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world
        .sandbox
        .set_faults(&json!({"telegram": {"error_after_effect_next": 1, "drop_response_next": 1}}))
        .await?;
    let message = json!({"chat_id": ANNA, "text": "сделано"});
    assert_eq!(world.call("sendMessage", message.clone()).await?.0, 500);
    assert!(
        world
            .http
            .post(world.method("sendMessage"))
            .json(&message)
            .send()
            .await
            .is_err()
    );
    let said = world.sandbox.messages(ANNA).await?;
    assert_eq!(said.iter().filter(|message| message.text == "сделано").count(), 2);
    let calls = world.sandbox.requests().await?;
    let statuses: Vec<u16> = calls
        .iter()
        .filter(|call| call.method == "sendMessage")
        .map(|call| call.status)
        .collect();
    assert_eq!(statuses, [500, 200]);
    Ok(())
}

#[tokio::test]
async fn counters_can_be_narrowed_to_methods() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world
        .sandbox
        .set_faults(&json!({"telegram": {"server_error_next": 1, "only_methods": ["getMe"]}}))
        .await?;
    world.say("не задет").await?;
    assert_eq!(world.call("GetMe", json!({})).await?.0, 500);
    world.ok("getMe", json!({})).await?;
    Ok(())
}

#[tokio::test]
async fn slowness_is_felt() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world.sandbox.set_faults(&json!({"telegram": {"slow_ms": 300}})).await?;
    let began = Instant::now();
    world.say("медленно").await?;
    assert!(began.elapsed() >= Duration::from_millis(300));
    Ok(())
}

#[tokio::test]
async fn a_misspelt_switch_is_refused() -> anyhow::Result<()> {
    let world = World::start().await?;
    let error = world.sandbox.set_faults(&json!({"telegram": {"slowms": 5}})).await;
    assert!(error.is_err_and(|error| error.to_string().contains("telegram.slowms")));
    assert!(
        world
            .sandbox
            .set_faults(&json!({"llm": {"mode": "angry"}}))
            .await
            .is_err()
    );
    let cleared = world.sandbox.clear_faults().await?;
    assert_eq!(cleared["llm"]["mode"], "ok");
    assert_eq!(cleared["telegram"]["limits"], true);
    Ok(())
}
