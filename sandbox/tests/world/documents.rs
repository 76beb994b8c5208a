use reqwest::multipart::{Form, Part};
use serde_json::json;

use crate::{ANNA, TRAINER, World, bad_request, text};

const PDF: &[u8] = b"%PDF-1.7 pretended";

fn png() -> Vec<u8> {
    b"\x89PNG\r\n\x1a\nrest".to_vec()
}

#[tokio::test]
async fn an_uploaded_document_can_be_downloaded_and_sent_again_by_id() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    // As teloxide sends it: the parameter points at a part of its own, which has no type.
    let form = Form::new()
        .text("chat_id", ANNA.to_string())
        .text("document", "attach://part1")
        .text("caption", "Ваша <b>программа</b>")
        .text("parse_mode", "HTML")
        .part("part1", Part::bytes(PDF).file_name("Программа Анны.pdf"));
    let (status, body) = world.upload("SendDocument", form).await?;
    assert_eq!(status, 200, "{body}");
    let document = &body["result"]["document"];
    assert_eq!(document["file_name"], "Программа Анны.pdf");
    assert_eq!(document["mime_type"], "application/pdf");
    assert_eq!(document["file_size"], PDF.len());
    assert_eq!(body["result"]["caption"], "Ваша программа");
    let file_id = text(&document["file_id"]);

    let again = world
        .ok("sendDocument", json!({"chat_id": ANNA, "document": file_id}))
        .await?;
    assert_eq!(again["document"]["file_id"], file_id);

    let file = world.ok("getFile", json!({"file_id": file_id})).await?;
    let path = text(&file["file_path"]);
    for path in [path.clone(), path.replace('/', "%2F")] {
        let url = world.url(&format!("/file/bot123456:TEST-token/{path}"));
        assert_eq!(world.http.get(url).send().await?.bytes().await?, PDF);
    }

    assert_eq!(world.sandbox.file_bytes(&file_id).await?, PDF);
    let opened = world
        .http
        .get(world.url(&format!("/sandbox/telegram/files/{file_id}")))
        .send()
        .await?;
    assert_eq!(opened.headers()["content-type"], "application/pdf");
    let disposition = opened.headers()["content-disposition"].to_str()?;
    assert!(
        disposition.starts_with("inline; filename*=UTF-8''%D0%9F"),
        "{disposition}"
    );
    let saved = world
        .http
        .get(world.url(&format!("/sandbox/telegram/files/{file_id}?download=1")))
        .send()
        .await?;
    assert!(
        saved.headers()["content-disposition"]
            .to_str()?
            .starts_with("attachment")
    );
    Ok(())
}

#[tokio::test]
async fn file_ids_are_good_for_their_kind_only() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let photo = Form::new()
        .text("chat_id", ANNA.to_string())
        .part("photo", Part::bytes(png()).file_name("a.png"));
    let (status, body) = world.upload("sendPhoto", photo).await?;
    assert_eq!(status, 200, "{body}");
    let photo_id = text(&body["result"]["photo"][0]["file_id"]);
    world
        .ok("sendPhoto", json!({"chat_id": ANNA, "photo": photo_id}))
        .await?;
    for (document, detail) in [
        (photo_id.as_str(), "can't use file of type Photo as Document"),
        ("BQACnonsense", "wrong file identifier/HTTP URL specified"),
        ("https://example.com/a.pdf", "failed to get HTTP URL content"),
    ] {
        let refused = world
            .refused("sendDocument", json!({"chat_id": ANNA, "document": document}))
            .await?;
        assert_eq!(refused, bad_request(detail));
    }
    assert_eq!(
        world.refused("sendDocument", json!({"chat_id": ANNA})).await?,
        bad_request("there is no document in the request")
    );
    let text_as_photo = Form::new()
        .text("chat_id", ANNA.to_string())
        .part("photo", Part::bytes(&b"text"[..]).file_name("a.png"));
    let (_, body) = world.upload("sendPhoto", text_as_photo).await?;
    assert_eq!(body["description"], "Bad Request: IMAGE_PROCESS_FAILED");
    assert_eq!(world.refused("getFile", json!({"file_id": "nonsense"})).await?.0, 400);
    Ok(())
}

#[tokio::test]
async fn sizes_are_limited() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let document = |size: usize, caption: usize| {
        Form::new()
            .text("chat_id", ANNA.to_string())
            .text("caption", "я".repeat(caption))
            .part("document", Part::bytes(vec![7; size]).file_name("a.bin"))
    };
    let (status, body) = world.upload("sendDocument", document(21 * 1024 * 1024, 1024)).await?;
    assert_eq!(status, 200, "{body}");
    let file_id = text(&body["result"]["document"]["file_id"]);
    assert_eq!(
        world.refused("getFile", json!({"file_id": file_id})).await?,
        bad_request("file is too big")
    );
    let (status, body) = world.upload("sendDocument", document(50 * 1024 * 1024 + 1, 0)).await?;
    assert_eq!(
        (status, text(&body["description"])),
        (413, "Request Entity Too Large".to_owned())
    );
    let (_, body) = world.upload("sendDocument", document(1, 1025)).await?;
    assert_eq!(body["description"], "Bad Request: message caption is too long");
    let (_, body) = world.upload("sendDocument", document(0, 0)).await?;
    assert_eq!(body["description"], "Bad Request: file must be non-empty");
    Ok(())
}

#[tokio::test]
async fn an_album_is_several_messages_of_one_group() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let media = json!([
        {"type": "photo", "media": "attach://one", "caption": "Неделя"},
        {"type": "photo", "media": "attach://two"},
    ]);
    let form = Form::new()
        .text("chat_id", ANNA.to_string())
        .text("media", media.to_string())
        .part("one", Part::bytes(png()).file_name("1.png"))
        .part("two", Part::bytes(png()).file_name("2.png"));
    let (status, body) = world.upload("sendMediaGroup", form).await?;
    assert_eq!(status, 200, "{body}");
    let group = text(&body["result"][0]["media_group_id"]);
    assert!(!group.is_empty());
    assert_eq!(body["result"][1]["media_group_id"], group.as_str());
    assert_eq!(body["result"][0]["caption"], "Неделя");
    assert!(body["result"][2].is_null());

    let eleven: Vec<_> = (0..11).map(|_| json!({"type": "photo", "media": "x"})).collect();
    let refused = world
        .refused("sendMediaGroup", json!({"chat_id": ANNA, "media": eleven}))
        .await?;
    assert_eq!(refused, bad_request("Too much messages to send as an album"));
    assert_eq!(
        world
            .refused("sendMediaGroup", json!({"chat_id": ANNA, "media": []}))
            .await?
            .0,
        400
    );
    Ok(())
}

#[tokio::test]
async fn captions_are_edited_and_messages_copied() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world.sandbox.send_text(TRAINER, "/start").await?;
    let voice = world.sandbox.send(ANNA, &json!({"kind": "voice"})).await?;
    let copied = world
        .ok(
            "copyMessage",
            json!({"chat_id": TRAINER, "from_chat_id": ANNA, "message_id": voice.message_id}),
        )
        .await?;
    assert!(copied["message_id"].is_i64());
    assert!(copied["text"].is_null());
    let forwarded = world
        .ok(
            "forwardMessage",
            json!({"chat_id": TRAINER, "from_chat_id": ANNA, "message_id": voice.message_id}),
        )
        .await?;
    assert_eq!(forwarded["forward_origin"]["sender_user_name"], "Анна");
    let shown = world.sandbox.messages(TRAINER).await?;
    assert_eq!(
        shown.last().map(|message| message.kind.clone()),
        Some("voice".to_owned())
    );

    let form = Form::new()
        .text("chat_id", ANNA.to_string())
        .text("caption", "раз")
        .part("document", Part::bytes(PDF).file_name("a.pdf"));
    let (_, body) = world.upload("sendDocument", form).await?;
    let id = body["result"]["message_id"].clone();
    let edited = world
        .ok(
            "editMessageCaption",
            json!({"chat_id": ANNA, "message_id": id, "caption": "два"}),
        )
        .await?;
    assert_eq!(edited["caption"], "два");
    assert_eq!(edited["document"]["file_name"], "a.pdf");
    let refused = world
        .refused(
            "editMessageText",
            json!({"chat_id": ANNA, "message_id": id, "text": "три"}),
        )
        .await?;
    assert_eq!(refused, bad_request("there is no text in the message to edit"));
    Ok(())
}

#[tokio::test]
async fn a_copy_takes_a_new_caption_where_there_can_be_one_and_has_telegrams_limits() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world.sandbox.send_text(TRAINER, "/start").await?;
    let photo = world
        .sandbox
        .send(ANNA, &json!({"kind": "photo", "text": "колено"}))
        .await?;
    let sticker = world.sandbox.send(ANNA, &json!({"kind": "sticker"})).await?;
    let keyboard = json!({"inline_keyboard": [[{"text": "Ответить", "callback_data": "reply"}]]});
    let copy = |id: i64, caption: &str| json!({"chat_id": TRAINER, "from_chat_id": ANNA, "message_id": id, "caption": caption, "reply_markup": keyboard});
    world.ok("copyMessage", copy(photo.message_id, "Анна: колено")).await?;
    world.ok("copyMessage", copy(sticker.message_id, "не видно")).await?;
    let plain = json!({"chat_id": TRAINER, "from_chat_id": ANNA, "message_id": photo.message_id});
    world.ok("copyMessage", plain).await?;
    let shown: Vec<(String, String, bool)> = world
        .sandbox
        .messages(TRAINER)
        .await?
        .into_iter()
        .filter(sandbox::driver::Message::is_from_bot)
        .map(|message| {
            let has_button = message.button("Ответить").is_some();
            (message.kind, message.text, has_button)
        })
        .collect();
    let line = |kind: &str, text: &str, has_button| (kind.to_owned(), text.to_owned(), has_button);
    assert_eq!(
        shown,
        [
            line("photo", "Анна: колено", true),
            line("sticker", "", true),
            line("photo", "колено", false),
        ]
    );
    let refused = world
        .refused("copyMessage", copy(photo.message_id, &"я".repeat(1025)))
        .await?;
    assert_eq!(refused, bad_request("message caption is too long"));
    let refused = world.refused("copyMessage", copy(4040, "x")).await?;
    assert_eq!(refused, bad_request("message to copy not found"));
    Ok(())
}
