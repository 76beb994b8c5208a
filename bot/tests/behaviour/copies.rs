//! Photos, voice messages and files of people reach the other side as they are.

use api_types::conversation::{AttachmentKind, Delivery, EventBody, MessageCopy, Outcome};
use serde_json::json;

use crate::support::{ANNA, JOHN, World, content, delivery, with_buttons, world};

fn a_copy(id: &str, message: i64, text: &str, has_caption: bool, text_suffices: bool) -> Delivery {
    let mut card = with_buttons(content(text), &[("Ответить", "reply")]);
    card.copy = Some(MessageCopy {
        address: ANNA.to_string(),
        message_ref: message.to_string(),
        has_caption,
        text_suffices,
    });
    delivery(id, JOHN, card)
}

/// What John was shown: (kind, text, has a button).
async fn shown(w: &World) -> Vec<(String, String, bool)> {
    let messages = w.bot_messages(JOHN).await;
    messages
        .into_iter()
        .map(|message| {
            let has_button = message.button("Ответить").is_some();
            (message.kind, message.text, has_button)
        })
        .collect()
}

fn line(kind: &str, text: &str, has_button: bool) -> (String, String, bool) {
    (kind.to_owned(), text.to_owned(), has_button)
}

#[tokio::test]
async fn what_a_person_sent_arrives_as_itself_with_the_card_as_its_caption() {
    let w = world().await.acquainted().await;
    let photo = w
        .telegram
        .send(ANNA, &json!({"kind": "photo", "text": "колено"}))
        .await
        .unwrap();
    let (kind, caption, message_ref) = w
        .crm
        .until("the photo", |seen| match &seen.events.first()?.body {
            EventBody::Attachment {
                kind,
                caption,
                message_ref,
                ..
            } => Some((*kind, caption.clone(), message_ref.clone())),
            _ => None,
        })
        .await;
    assert_eq!((kind, caption.as_deref()), (AttachmentKind::Photo, Some("колено")));
    assert_eq!(message_ref, photo.message_id.to_string());
    w.crm
        .enqueue([a_copy("c1", photo.message_id, "Анна: колено", true, true)]);
    let sent = w.crm.until_sent("c1").await;
    assert_eq!(shown(&w).await, [line("photo", "Анна: колено", true)]);
    assert_eq!(w.bot_messages(JOHN).await[0].message_id.to_string(), sent);
}

#[tokio::test]
async fn where_there_is_no_caption_the_card_follows_with_the_buttons() {
    let w = world().await.acquainted().await;
    let sticker = w.telegram.send(ANNA, &json!({"kind": "sticker"})).await.unwrap();
    w.crm
        .enqueue([a_copy("c1", sticker.message_id, "Анна: стикер", false, true)]);
    let sent = w.crm.until_sent("c1").await;
    assert_eq!(
        shown(&w).await,
        [line("sticker", "", false), line("text", "Анна: стикер", true)]
    );
    assert_eq!(
        w.bot_messages(JOHN).await[1].message_id.to_string(),
        sent,
        "a reply to the card finds its client"
    );
}

#[tokio::test]
async fn what_cant_be_copied_is_told_in_words_or_refused() {
    let w = world().await.acquainted().await;
    w.crm.enqueue([
        a_copy("gone", 4040, "Анна: фото", true, true),
        a_copy("gone-too", 4040, "Анна: стикер", false, true),
        a_copy("foreign", 4040, "Ольга:", true, false),
    ]);
    w.crm.until_sent("gone").await;
    w.crm.until_sent("gone-too").await;
    assert_eq!(
        shown(&w).await,
        [line("text", "Анна: фото", true), line("text", "Анна: стикер", true)]
    );
    w.crm
        .until("the refusal", |seen| {
            matches!(seen.outcomes("foreign")[..], [Outcome::Rejected { .. }]).then_some(())
        })
        .await;
}
