use std::time::Duration;

use serde_json::json;

use crate::{ANNA, World, bad_request};

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly the \
                            same as a current content and reply markup of the message";

#[tokio::test]
async fn text_and_keyboard_are_edited_in_place() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let id = world.say("раз").await?;
    let markup = json!({"inline_keyboard": [[{"text": "A", "callback_data": "a"}]]});
    let edited = world
        .ok(
            "editMessageText",
            json!({"chat_id": ANNA, "message_id": id, "text": "два", "reply_markup": markup}),
        )
        .await?;
    assert_eq!(edited["text"], "два");
    assert!(edited["edit_date"].is_i64());
    let again = json!({"chat_id": ANNA, "message_id": id, "text": "два", "reply_markup": markup});
    assert_eq!(
        world.refused("editMessageText", again).await?,
        bad_request(NOT_MODIFIED)
    );

    let bare = json!({"chat_id": ANNA, "message_id": id});
    world.ok("editMessageReplyMarkup", bare.clone()).await?;
    assert_eq!(
        world.refused("editMessageReplyMarkup", bare).await?,
        bad_request(NOT_MODIFIED)
    );
    let shown = world.sandbox.messages(ANNA).await?;
    let last = shown.last().cloned();
    assert_eq!(
        last.map(|message| (message.text, message.edited, message.inline_keyboard)),
        Some(("два".into(), true, None))
    );
    Ok(())
}

#[tokio::test]
async fn what_cannot_be_edited() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let own = world.sandbox.send_text(ANNA, "моё").await?.message_id;
    let id = world.say("бота").await?;
    let edit = async |message_id: i64, text: &str| {
        world
            .refused(
                "editMessageText",
                json!({"chat_id": ANNA, "message_id": message_id, "text": text}),
            )
            .await
    };
    assert_eq!(edit(own, "x").await?, bad_request("message can't be edited"));
    assert_eq!(edit(9999, "x").await?, bad_request("message to edit not found"));
    assert_eq!(edit(id, &"я".repeat(4097)).await?, bad_request("MESSAGE_TOO_LONG"));
    assert_eq!(edit(id, " ").await?, bad_request("message text is empty"));
    let caption = json!({"chat_id": ANNA, "message_id": id, "caption": "x"});
    assert_eq!(
        world.refused("editMessageCaption", caption).await?,
        bad_request("there is no caption in the message to edit")
    );
    Ok(())
}

#[tokio::test]
async fn messages_are_deleted_within_two_days() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let id = world.say("лишнее").await?;
    let this = json!({"chat_id": ANNA, "message_id": id});
    world.ok("deleteMessage", this.clone()).await?;
    assert_eq!(
        world.refused("deleteMessage", this).await?,
        bad_request("message to delete not found")
    );
    let chat = world.sandbox.chat(ANNA).await?;
    assert!(chat.visible().all(|message| message.message_id != id));
    assert!(
        chat.messages
            .iter()
            .any(|message| message.message_id == id && message.deleted)
    );

    let old = world.say("старое").await?;
    world.sandbox.advance_clock(Duration::from_secs(49 * 3600)).await?;
    let refused = world
        .refused("deleteMessage", json!({"chat_id": ANNA, "message_id": old}))
        .await?;
    assert_eq!(refused, bad_request("message can't be deleted for everyone"));
    let fresh = world.say("свежее").await?;
    world
        .ok(
            "deleteMessages",
            json!({"chat_id": ANNA, "message_ids": [fresh, 777_777]}),
        )
        .await?;
    assert!(
        world
            .sandbox
            .chat(ANNA)
            .await?
            .visible()
            .all(|message| message.message_id != fresh)
    );
    Ok(())
}
