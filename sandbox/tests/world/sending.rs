use serde_json::json;

use crate::{ANNA, JOHN, World, bad_request, text};

#[tokio::test]
async fn a_message_comes_back_and_is_seen_in_the_chat() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let sent = world
        .ok(
            "SendMessage",
            json!({
                "chat_id": ANNA, "text": "<b>Привет</b>, Анна 😀", "parse_mode": "HTML",
                "reply_markup": {"inline_keyboard": [[
                    {"text": "Да", "callback_data": "yes"}, {"text": "Сайт", "url": "https://example.com/a"},
                ]]},
            }),
        )
        .await?;
    assert_eq!(sent["text"], "Привет, Анна 😀");
    assert_eq!(sent["entities"], json!([{"type": "bold", "offset": 0, "length": 6}]));
    assert_eq!(sent["chat"]["id"], ANNA);
    assert_eq!(sent["chat"]["type"], "private");
    assert_eq!(sent["from"]["is_bot"], true);
    assert_eq!(sent["reply_markup"]["inline_keyboard"][0][0]["callback_data"], "yes");

    let chat = world.sandbox.chat(ANNA).await?;
    let last = chat.messages.last().cloned();
    let last = last.ok_or_else(|| anyhow::anyhow!("an empty chat"))?;
    assert_eq!(last.html, "<b>Привет</b>, Анна 😀");
    assert_eq!(
        last.button("Да").and_then(|button| button.data.clone()),
        Some("yes".to_owned())
    );
    assert_eq!(
        last.button("Сайт").map(|button| button.kind.clone()),
        Some("url".to_owned())
    );
    Ok(())
}

#[tokio::test]
async fn query_form_and_multipart_say_the_same_as_json() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let markup = r#"{"inline_keyboard":[[{"text":"A","callback_data":"a"}]]}"#;
    let query = [("chat_id", "100001"), ("text", "из запроса"), ("reply_markup", markup)];
    let by_query = world.http.get(world.method("sendmessage")).query(&query).send().await?;
    assert_eq!(by_query.status(), 200);
    let by_form = world.http.post(world.method("SENDMESSAGE")).form(&query).send().await?;
    assert_eq!(by_form.status(), 200);
    let form = query
        .iter()
        .fold(reqwest::multipart::Form::new(), |form, (name, value)| {
            form.text(*name, *value)
        });
    let (status, body) = world.upload("SendMessage", form).await?;
    assert_eq!(status, 200);
    assert_eq!(body["result"]["reply_markup"]["inline_keyboard"][0][0]["text"], "A");
    Ok(())
}

#[tokio::test]
async fn text_is_1_to_4096_utf16_units_after_parsing() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let send = async |source: String| {
        world
            .call(
                "sendMessage",
                json!({"chat_id": ANNA, "text": source, "parse_mode": "HTML"}),
            )
            .await
    };
    assert_eq!(send("я".repeat(4096)).await?.0, 200);
    assert_eq!(send(format!("<b>{}</b>", "я".repeat(4096))).await?.0, 200);
    assert_eq!(send("😀".repeat(2048)).await?.0, 200);
    for long in ["я".repeat(4097), "😀".repeat(2049)] {
        let (_, body) = send(long).await?;
        assert_eq!(body["description"], "Bad Request: message is too long");
    }
    for empty in ["", "  \n ", "<b></b>"] {
        let (status, body) = send(empty.to_owned()).await?;
        assert_eq!(
            (status, text(&body["description"])),
            bad_request("message text is empty")
        );
    }
    Ok(())
}

#[tokio::test]
async fn bad_markup_and_unknown_modes_are_refused() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    for (mode, source, detail) in [
        (
            "HTML",
            "a<br>b",
            "can't parse entities: Unsupported start tag \"br\" at byte offset 1",
        ),
        (
            "MarkdownV2",
            "5.5",
            "can't parse entities: Character '.' is reserved and must be escaped with the preceding '\\'",
        ),
        (
            "Markdown",
            "a_b",
            "can't parse entities: Can't find end of the entity starting at byte offset 1",
        ),
        ("BBCode", "a", "unsupported parse_mode"),
    ] {
        let refused = world
            .refused(
                "sendMessage",
                json!({"chat_id": ANNA, "text": source, "parse_mode": mode}),
            )
            .await?;
        assert_eq!(refused, bad_request(detail));
    }
    Ok(())
}

#[tokio::test]
async fn explicit_entities_are_taken() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let entities = json!([{"type": "italic", "offset": 3, "length": 2}]);
    let sent = world
        .ok(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "😀 да", "entities": entities}),
        )
        .await?;
    assert_eq!(sent["entities"], entities);
    Ok(())
}

#[tokio::test]
async fn only_those_who_pressed_start_can_be_written_to() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let send = async |chat_id: i64| {
        world
            .refused("sendMessage", json!({"chat_id": chat_id, "text": "Привет"}))
            .await
    };
    assert_eq!(
        send(JOHN).await?,
        (403, "Forbidden: bot can't initiate conversation with a user".to_owned())
    );
    assert_eq!(send(42).await?, bad_request("chat not found"));
    assert_eq!(send(-100_123).await?, bad_request("chat not found"));
    world.sandbox.set_blocked(ANNA, true).await?;
    assert_eq!(
        send(ANNA).await?,
        (403, "Forbidden: bot was blocked by the user".to_owned())
    );
    assert_eq!(
        world
            .refused("sendChatAction", json!({"chat_id": ANNA, "action": "typing"}))
            .await?
            .0,
        403
    );
    world.sandbox.set_blocked(ANNA, false).await?;
    world.say("С возвращением").await?;
    Ok(())
}

#[tokio::test]
async fn inline_buttons_are_checked() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let with = async |button: serde_json::Value| {
        let markup = json!({"inline_keyboard": [[button]]});
        world
            .call(
                "sendMessage",
                json!({"chat_id": ANNA, "text": "x", "reply_markup": markup}),
            )
            .await
    };
    assert_eq!(
        with(json!({"text": "a", "callback_data": "я".repeat(32)})).await?.0,
        200
    );
    assert_eq!(
        with(json!({"text": "a", "web_app": {"url": "https://a.ru"}})).await?.0,
        200
    );
    assert_eq!(with(json!({"text": "a", "copy_text": {"text": "PROMO"}})).await?.0, 200);
    assert_eq!(
        with(json!({"text": "a", "url": "http://127.0.0.1:8080/x"})).await?.0,
        200
    );
    for (button, detail) in [
        (
            json!({"text": "a", "callback_data": "я".repeat(33)}),
            "BUTTON_DATA_INVALID",
        ),
        (json!({"text": "a", "callback_data": ""}), "BUTTON_DATA_INVALID"),
        (
            json!({"text": "a"}),
            "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard",
        ),
        (
            json!({"text": "a", "url": "http://localhost/"}),
            "inline keyboard button URL 'http://localhost/' is invalid: Wrong HTTP URL",
        ),
        (
            json!({"text": "a", "web_app": {"url": "http://a.ru"}}),
            "inline keyboard button Web App URL 'http://a.ru' is invalid: Only HTTPS links are allowed",
        ),
    ] {
        let (status, body) = with(button).await?;
        assert_eq!((status, text(&body["description"])), bad_request(detail));
    }
    let many: Vec<_> = (0..101)
        .map(|n| json!([{"text": "a", "callback_data": n.to_string()}]))
        .collect();
    let refused = world
        .refused(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "x", "reply_markup": {"inline_keyboard": many}}),
        )
        .await?;
    assert_eq!(refused, bad_request("reply markup is too long"));
    Ok(())
}

#[tokio::test]
async fn replies_point_at_a_message_that_exists() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let asked = world.sandbox.send_text(ANNA, "Можно вопрос?").await?;
    let reply = json!({"message_id": asked.message_id});
    let sent = world
        .ok(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "Да", "reply_parameters": reply}),
        )
        .await?;
    assert_eq!(sent["reply_to_message"]["text"], "Можно вопрос?");
    let shown = world.sandbox.messages(ANNA).await?;
    let quoted = shown.last().and_then(|message| message.reply_to.clone());
    assert_eq!(quoted.map(|quoted| quoted.text), Some("Можно вопрос?".to_owned()));

    let lost = json!({"message_id": 9999});
    let refused = world
        .refused(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "Да", "reply_parameters": lost}),
        )
        .await?;
    assert_eq!(refused, bad_request("message to be replied not found"));
    let forgiven = json!({"message_id": 9999, "allow_sending_without_reply": true});
    world
        .ok(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "Да", "reply_parameters": forgiven}),
        )
        .await?;
    Ok(())
}

#[tokio::test]
async fn a_reply_keyboard_stays_until_it_is_removed() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    let keyboard = json!({"keyboard": [[{"text": "Меню"}, "Помощь"]], "resize_keyboard": true});
    world
        .ok(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "a", "reply_markup": keyboard}),
        )
        .await?;
    world.say("b").await?;
    let shown = world.sandbox.chat(ANNA).await?.reply_keyboard;
    assert_eq!(
        shown.map(|keyboard| (keyboard.rows, keyboard.resize)),
        Some((vec![vec!["Меню".to_owned(), "Помощь".to_owned()]], true))
    );
    world
        .ok(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "c", "reply_markup": {"remove_keyboard": true}}),
        )
        .await?;
    assert!(world.sandbox.chat(ANNA).await?.reply_keyboard.is_none());

    let once = json!({"keyboard": [[{"text": "Меню"}]], "one_time_keyboard": true});
    world
        .ok(
            "sendMessage",
            json!({"chat_id": ANNA, "text": "d", "reply_markup": once}),
        )
        .await?;
    world.sandbox.send_text(ANNA, "Меню").await?;
    assert!(world.sandbox.chat(ANNA).await?.reply_keyboard.is_none());
    Ok(())
}

#[tokio::test]
async fn a_chat_action_shows_until_the_message_comes() -> anyhow::Result<()> {
    let world = World::with_anna().await?;
    world
        .ok("sendChatAction", json!({"chat_id": ANNA, "action": "upload_document"}))
        .await?;
    assert_eq!(
        world.sandbox.chat(ANNA).await?.typing.as_deref(),
        Some("upload_document")
    );
    world.say("готово").await?;
    assert_eq!(world.sandbox.chat(ANNA).await?.typing, None);
    assert_eq!(
        world
            .refused("sendChatAction", json!({"chat_id": ANNA, "action": "sing"}))
            .await?
            .0,
        400
    );
    Ok(())
}

#[tokio::test]
async fn tokens_and_methods_that_are_wrong() -> anyhow::Result<()> {
    let config = sandbox::Config {
        bot_token: Some("7:right".to_owned()),
        ..sandbox::Config::default()
    };
    let world = World::with(config).await?;
    for (path, status, description) in [
        ("/bot7:right/getMe", 200, ""),
        ("/bot7:wrong/getMe", 401, "Unauthorized"),
        ("/botnonsense/getMe", 404, "Not Found"),
        ("/bot7:right/makeCoffee", 404, "Not Found: method not found"),
    ] {
        let response = world.http.get(world.url(path)).send().await?;
        assert_eq!(response.status(), status, "{path}");
        let body: serde_json::Value = response.json().await?;
        assert_eq!(text(&body["description"]), description, "{path}");
    }
    Ok(())
}
