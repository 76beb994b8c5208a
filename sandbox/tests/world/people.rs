use serde_json::json;

use crate::{ANNA, World};

#[tokio::test]
async fn the_seeded_people_are_there_and_new_ones_can_come() -> anyhow::Result<()> {
    let world = World::start().await?;
    let users = world.sandbox.users().await?;
    let seeded: Vec<_> = users
        .iter()
        .map(|user| {
            (
                user.id,
                user.first_name.as_str(),
                user.language_code.as_str(),
                user.role.as_str(),
            )
        })
        .collect();
    assert_eq!(
        seeded,
        [
            (100_001, "Анна", "ru", "client"),
            (100_002, "John", "en", "client"),
            (700_000_001, "Тренер Ольга", "ru", "trainer"),
        ]
    );
    let first = world.sandbox.add_user("Пётр", "ru", "client").await?;
    let second = world.sandbox.add_user("Mary", "en", "client").await?;
    assert!(first.id > 100_002 && second.id > first.id);
    world.sandbox.send_text(first.id, "привет").await?;
    let updates = world.updates(0).await?;
    assert_eq!(updates[0]["message"]["from"]["first_name"], "Пётр");
    Ok(())
}

#[tokio::test]
async fn blocking_is_told_to_the_bot() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    assert!(world.sandbox.set_blocked(ANNA, true).await?.blocked);
    assert!(world.sandbox.send_text(ANNA, "не уйдёт").await.is_err());
    world.sandbox.set_blocked(ANNA, true).await?;
    world.sandbox.set_blocked(ANNA, false).await?;
    let updates = world.updates(0).await?;
    assert_eq!(updates.len(), 2);
    let status = |index: usize, side: &str| updates[index]["my_chat_member"][side]["status"].clone();
    assert_eq!(
        (status(0, "old_chat_member"), status(0, "new_chat_member")),
        (json!("member"), json!("kicked"))
    );
    assert_eq!(
        (status(1, "old_chat_member"), status(1, "new_chat_member")),
        (json!("kicked"), json!("member"))
    );
    Ok(())
}

#[tokio::test]
async fn a_person_edits_and_replies() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let asked = world.say("Ваш вес?").await?;
    let said = world.sandbox.reply(ANNA, asked, "72").await?;
    world.sandbox.edit_text(ANNA, said.message_id, "72,5 кг").await?;
    let updates = world.updates(0).await?;
    assert_eq!(updates[0]["message"]["reply_to_message"]["message_id"], asked);
    assert_eq!(updates[1]["edited_message"]["text"], "72,5 кг");
    assert!(updates[1]["edited_message"]["edit_date"].is_i64());
    assert!(world.sandbox.edit_text(ANNA, asked, "чужое").await.is_err());
    Ok(())
}

#[tokio::test]
async fn people_send_more_than_text() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    for kind in ["photo", "voice", "sticker", "document", "contact"] {
        let said = world.sandbox.send(ANNA, &json!({"kind": kind})).await?;
        assert_eq!(said.kind, kind);
    }
    let updates = world.updates(0).await?;
    let message = |index: usize| &updates[index]["message"];
    let photo = message(0)["photo"][0]["file_id"].as_str().unwrap_or_default();
    assert!(world.sandbox.file_bytes(photo).await?.starts_with(b"\x89PNG"));
    assert!(message(1)["voice"]["duration"].is_i64());
    assert_eq!(message(2)["sticker"]["type"], "regular");
    assert_eq!(message(3)["document"]["mime_type"], "text/plain");
    assert_eq!(message(4)["contact"]["user_id"], ANNA);
    Ok(())
}

#[tokio::test]
async fn a_reset_empties_chats_and_faults() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world.say("привет").await?;
    world.sandbox.set_faults(&json!({"telegram": {"slow_ms": 5}})).await?;
    world.sandbox.reset().await?;
    assert!(world.sandbox.messages(ANNA).await?.is_empty());
    assert_eq!(
        world
            .refused("sendMessage", json!({"chat_id": ANNA, "text": "x"}))
            .await?
            .0,
        403
    );
    let faults = world.sandbox.set_faults(&json!({})).await?;
    assert_eq!(faults["telegram"]["slow_ms"], 0);
    Ok(())
}
