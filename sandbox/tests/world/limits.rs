use serde_json::json;

use crate::{ANNA, World, text};

#[tokio::test]
async fn one_chat_takes_a_burst_and_then_says_when_to_come_back() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let mut passed = 0;
    let refused = loop {
        let (status, body) = world
            .call("sendMessage", json!({"chat_id": ANNA, "text": format!("№ {passed}")}))
            .await?;
        if status != 200 {
            break body;
        }
        passed += 1;
        assert!(passed < 60, "no limit at all");
    };
    assert!(passed >= 20, "{passed}");
    assert_eq!(refused["error_code"], 429);
    let seconds = refused["parameters"]["retry_after"].as_u64().unwrap_or_default();
    assert!(seconds >= 1);
    assert_eq!(
        text(&refused["description"]),
        format!("Too Many Requests: retry after {seconds}")
    );
    // Nothing but messages is counted.
    world.ok("getChat", json!({"chat_id": ANNA})).await?;
    world
        .ok("sendChatAction", json!({"chat_id": ANNA, "action": "typing"}))
        .await?;

    world
        .sandbox
        .set_faults(&json!({"telegram": {"limits": false}}))
        .await?;
    for _ in 0..40 {
        world.say("без границ").await?;
    }
    Ok(())
}

#[tokio::test]
async fn all_chats_together_are_limited_too() -> anyhow::Result<()> {
    let world = World::start().await?;
    let arrivals = (0..150).map(async |number| {
        let user = world
            .sandbox
            .add_user(&format!("Гость {number}"), "ru", "client")
            .await?;
        world.sandbox.send_text(user.id, "/start").await?;
        anyhow::Ok(user.id)
    });
    let people = futures::future::try_join_all(arrivals).await?;
    let sends = people
        .iter()
        .map(|id| world.call("sendMessage", json!({"chat_id": id, "text": "Всем привет"})));
    let statuses: Vec<u16> = futures::future::try_join_all(sends)
        .await?
        .into_iter()
        .map(|(status, _)| status)
        .collect();
    assert!(statuses.contains(&429), "{statuses:?}");
    assert!(statuses.iter().filter(|status| **status == 200).count() >= 30);
    Ok(())
}
