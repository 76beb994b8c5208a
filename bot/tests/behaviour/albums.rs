//! Pictures shown together: as one group, by known ids, on bad days.

use api_types::conversation::{Content, FileRef, Outcome};
use serde_json::json;

use crate::support::{ANNA, World, content, delivery, text, with_buttons, world};

fn page(at: usize, known: Option<&str>) -> FileRef {
    FileRef {
        id: format!("page_{at}"),
        file_name: format!("page-{at}.png"),
        mime_type: "image/png".to_owned(),
        size: 8,
        external_file_id: known.map(str::to_owned),
    }
}

fn album(pages: usize) -> Content {
    Content {
        album: (0..pages).map(|at| page(at, None)).collect(),
        ..content("Анна, версия 1")
    }
}

async fn with_pages() -> World {
    let w = world().await.acquainted().await;
    w.crm.change(|seen| {
        for at in 0..10 {
            seen.files.insert(format!("page_{at}"), picture(at));
        }
    });
    w
}

/// What Telegram takes for a PNG.
fn picture(at: usize) -> Vec<u8> {
    [b"\x89PNG\r\n\x1a\n", at.to_string().as_bytes()].concat()
}

fn sent_ids(w: &World, id: &str) -> Vec<String> {
    match w.crm.seen().outcomes(id)[..] {
        [Outcome::Sent { album_file_ids, .. }] => album_file_ids.clone(),
        ref other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn pages_arrive_as_one_album_in_their_order_and_then_the_card() {
    let w = with_pages().await;
    let card = with_buttons(content("Карточка"), &[("Отправить", "ok")]);
    w.crm
        .enqueue([delivery("pages", ANNA, album(10)), delivery("card", ANNA, card)]);
    let first = w.crm.until_sent("pages").await;
    w.crm.until_sent("card").await;
    let messages = w.bot_messages(ANNA).await;
    assert_eq!(messages.len(), 11);
    assert_eq!(messages[0].message_id.to_string(), first);
    assert_eq!(messages[0].text, "Анна, версия 1");
    let group = messages[0].media_group_id.clone().unwrap();
    for (at, message) in messages[..10].iter().enumerate() {
        assert_eq!(message.media_group_id.as_deref(), Some(group.as_str()));
        let photo = &message.photo.as_ref().unwrap().file_id;
        let bytes = w.telegram.file_bytes(photo).await.unwrap();
        assert_eq!(bytes, picture(at));
    }
    assert!(messages[10].button("Отправить").is_some());
    let ids = sent_ids(&w, "pages");
    assert_eq!(ids.len(), 10);

    // The next trainer gets the same pictures without an upload.
    let mut again = album(10);
    for (page, id) in again.album.iter_mut().zip(&ids) {
        page.external_file_id = Some(id.clone());
    }
    w.crm.enqueue([delivery("again", ANNA, again.clone())]);
    w.crm.until_sent("again").await;
    assert_eq!(w.crm.seen().file_reads, 10);
    assert!(sent_ids(&w, "again").is_empty(), "nothing new to remember");

    again.album[3].external_file_id = Some("AgADforgotten".to_owned());
    w.crm.enqueue([delivery("mended", ANNA, again)]);
    w.crm.until_sent("mended").await;
    assert_eq!(w.crm.seen().file_reads, 20, "a refused id is uploaded anew");
    assert_eq!(sent_ids(&w, "mended").len(), 10);
}

#[tokio::test]
async fn one_page_is_a_photo() {
    let w = with_pages().await;
    w.crm.enqueue([delivery("d1", ANNA, album(1))]);
    w.crm.until_sent("d1").await;
    let message = w.bot_messages(ANNA).await.pop().unwrap();
    assert_eq!(message.text, "Анна, версия 1");
    assert!(message.photo.is_some() && message.media_group_id.is_none());
    let ids = sent_ids(&w, "d1");
    assert_eq!(ids.len(), 1);
    let mut again = album(1);
    again.album[0].external_file_id = Some(ids[0].clone());
    w.crm.enqueue([delivery("d2", ANNA, again)]);
    w.crm.until_sent("d2").await;
    assert_eq!(w.crm.seen().file_reads, 1);
}

#[tokio::test]
async fn a_pause_before_an_album_costs_nobody_a_page_and_repeats_none() {
    let w = with_pages().await;
    w.telegram
        .set_faults(&json!({ "telegram": {"too_many_requests_next": 1, "retry_after_s": 1} }))
        .await
        .unwrap();
    w.crm
        .enqueue([delivery("d1", ANNA, album(5)), text("d2", ANNA, "дальше")]);
    w.crm.until_sent("d2").await;
    let messages = w.bot_messages(ANNA).await;
    assert_eq!(messages.iter().filter(|m| m.photo.is_some()).count(), 5);
    assert_eq!(messages.len(), 6);
}

#[tokio::test]
async fn a_page_the_crm_doesnt_have_rejects_the_album_and_the_chat_goes_on() {
    let w = with_pages().await;
    w.crm.change(|seen| {
        seen.files.remove("page_2");
    });
    w.crm
        .enqueue([delivery("d1", ANNA, album(4)), text("d2", ANNA, "дальше")]);
    w.crm.until_sent("d2").await;
    assert!(matches!(w.crm.seen().outcomes("d1")[..], [Outcome::Rejected { .. }]));
    assert_eq!(w.bot_texts(ANNA).await, ["дальше"]);
}
