use std::time::Duration;

use sandbox::driver::Pressed;
use serde_json::json;

use crate::{ANNA, World, bad_request};

async fn with_button(world: &World) -> anyhow::Result<i64> {
    let markup = json!({"inline_keyboard": [[{"text": "Похудеть", "callback_data": "goal:1"}]]});
    let sent = world
        .ok(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "Цель?", "reply_markup": markup}),
        )
        .await?;
    Ok(sent["message_id"].as_i64().unwrap_or_default())
}

#[tokio::test]
async fn a_pressed_button_is_an_update_and_its_answer_reaches_the_person() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let message_id = with_button(&world).await?;
    let Pressed::Callback(id) = world.sandbox.press_button(ANNA, "Похуд").await? else {
        anyhow::bail!("not a callback");
    };
    let updates = world.updates(0).await?;
    let query = &updates[0]["callback_query"];
    assert_eq!(query["id"], id.as_str());
    assert_eq!(query["data"], "goal:1");
    assert_eq!(query["from"]["id"], ANNA);
    assert_eq!(query["message"]["message_id"], message_id);
    assert_eq!(query["message"]["text"], "Цель?");
    assert!(query["chat_instance"].is_string());

    world
        .ok(
            "answerCallbackQuery",
            json!({"callback_query_id": id, "text": "Записал", "show_alert": true}),
        )
        .await?;
    let answer = world
        .sandbox
        .wait_for_callback_answer(ANNA, &id, Duration::from_secs(5))
        .await?;
    assert_eq!((answer.text.as_str(), answer.show_alert), ("Записал", true));

    let late = bad_request("query is too old and response timeout expired or query ID is invalid");
    for unknown in [id.as_str(), "12345"] {
        let refused = world
            .refused("answerCallbackQuery", json!({"callback_query_id": unknown}))
            .await?;
        assert_eq!(refused, late);
    }
    Ok(())
}

#[tokio::test]
async fn a_button_that_is_gone_can_only_be_pressed_by_force() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let message_id = with_button(&world).await?;
    world
        .ok(
            "editMessageReplyMarkup",
            json!({"chat_id": ANNA, "message_id": message_id}),
        )
        .await?;
    let path = format!("/sandbox/telegram/chats/{ANNA}/callbacks");
    let pressed = world
        .http
        .post(world.url(&path))
        .json(&json!({"message_id": message_id, "data": "goal:1"}))
        .send()
        .await?;
    assert_eq!(pressed.status(), 409);
    world.sandbox.press_stale(ANNA, message_id, "goal:1").await?;
    let updates = world.updates(0).await?;
    assert_eq!(updates[0]["callback_query"]["data"], "goal:1");

    world
        .ok("deleteMessage", json!({"chat_id": ANNA, "message_id": message_id}))
        .await?;
    world.sandbox.press_stale(ANNA, message_id, "goal:1").await?;
    let updates = world.updates(0).await?;
    assert_eq!(updates[1]["callback_query"]["message"]["date"], 0);
    Ok(())
}
