//! What people do becomes events; what the CRM answers becomes messages.

use std::time::Duration;

use api_types::conversation::{
    Activity, AttachmentKind, BotProfile, Command, CommandList, EventBody, EventReply, Language, Outcome, Progress,
};
use serde_json::json;

use crate::support::{ANNA, Answer, JOHN, WAIT, content, delivery, text, with_buttons, world};

#[tokio::test]
async fn start_is_posted_and_its_answer_sent_and_reported() {
    let w = world().await;
    w.crm.on_event(|event| match &event.body {
        EventBody::Start { .. } => vec![text("d1", ANNA, "Здравствуйте, Анна!")],
        _ => Vec::new(),
    });
    w.telegram.send_text(ANNA, "/start src-vk_7").await.unwrap();

    let message = w.telegram.wait_for_message(ANNA, WAIT, |_| true).await.unwrap();
    assert_eq!(message.text, "Здравствуйте, Анна!");
    assert_eq!(w.crm.until_sent("d1").await, message.message_id.to_string());
    let event = w.crm.seen().events[0].clone();
    assert!(event.key.starts_with("telegram:7000000001:"), "{}", event.key);
    assert_eq!(event.address, ANNA.to_string());
    assert_eq!(event.person.first_name, "Анна");
    assert_eq!(event.person.language_code.as_deref(), Some("ru"));
    assert_eq!(
        event.body,
        EventBody::Start {
            payload: Some("src-vk_7".to_owned())
        }
    );
}

#[tokio::test]
async fn every_kind_of_happening_reaches_the_crm_in_order() {
    let w = world().await;
    let t = &w.telegram;
    t.send_text(ANNA, "/start").await.unwrap();
    let said = t.send_text(ANNA, "72,5").await.unwrap();
    t.edit_text(ANNA, said.message_id, "73").await.unwrap();
    t.send_text(ANNA, "/menu").await.unwrap();
    for kind in ["photo", "voice", "sticker", "document", "contact"] {
        t.send(ANNA, &json!({"kind": kind})).await.unwrap();
    }
    t.reply(ANNA, said.message_id, "это про вес").await.unwrap();
    t.set_blocked(ANNA, true).await.unwrap();
    t.set_blocked(ANNA, false).await.unwrap();

    let bodies: Vec<EventBody> = w
        .crm
        .until("twelve events", |seen| {
            (seen.events.len() >= 12).then(|| seen.events.clone())
        })
        .await
        .into_iter()
        .map(|event| event.body)
        .collect();
    let said = said.message_id.to_string();
    assert_eq!(bodies[0], EventBody::Start { payload: None });
    assert_eq!(
        bodies[1],
        EventBody::Text {
            text: "72,5".to_owned(),
            message_ref: said.clone(),
            reply_to: None
        }
    );
    assert_eq!(
        bodies[2],
        EventBody::EditedText {
            text: "73".to_owned(),
            message_ref: said.clone()
        }
    );
    assert_eq!(
        bodies[3],
        EventBody::Command {
            name: "menu".to_owned()
        }
    );
    let kinds: Vec<_> = bodies[4..9]
        .iter()
        .map(|body| match body {
            EventBody::Attachment { kind, .. } => *kind,
            other => panic!("{other:?}"),
        })
        .collect();
    use AttachmentKind as Kind;
    assert_eq!(
        kinds,
        [Kind::Photo, Kind::Voice, Kind::Sticker, Kind::Document, Kind::Contact]
    );
    assert!(matches!(&bodies[9], EventBody::Text { reply_to: Some(to), .. } if *to == said));
    assert_eq!(bodies[10..], [EventBody::Blocked, EventBody::Unblocked]);
}

#[tokio::test]
async fn a_pressed_button_is_answered_with_the_crms_notice_and_edits_in_place() {
    let w = world().await;
    w.crm.on_event(|event| match &event.body {
        EventBody::Start { .. } => {
            let question = with_buttons(content("Ваш пол?"), &[("Женский", "sex:f"), ("Мужской", "sex:m")]);
            Answer::from(vec![delivery("q1", ANNA, question)])
        }
        EventBody::Action { message_ref, .. } => {
            let mut next = delivery("q2", ANNA, with_buttons(content("Возраст?"), &[("← Назад", "back")]));
            next.edit.clone_from(message_ref);
            Answer::Reply(EventReply {
                toast: Some("Записано".to_owned()),
                deliveries: vec![next],
                ..EventReply::default()
            })
        }
        _ => Answer::from(Vec::new()),
    });
    w.telegram.send_text(ANNA, "/start").await.unwrap();
    let question = w
        .telegram
        .wait_for_message(ANNA, WAIT, |m| m.button("Женский").is_some())
        .await
        .unwrap();
    let query = w.telegram.press(ANNA, question.message_id, "sex:f").await.unwrap();

    let answer = w.telegram.wait_for_callback_answer(ANNA, &query, WAIT).await.unwrap();
    assert_eq!(answer.text, "Записано");
    let edited = w
        .telegram
        .wait_for_message(ANNA, WAIT, |m| m.text == "Возраст?")
        .await
        .unwrap();
    assert_eq!(edited.message_id, question.message_id, "changed in place");
    assert!(edited.edited && edited.button("Назад").is_some() && edited.button("Женский").is_none());
    assert_eq!(w.crm.until_sent("q2").await, question.message_id.to_string());
}

#[tokio::test]
async fn a_slow_crm_doesnt_leave_a_button_spinning() {
    let w = world().await;
    w.crm.on_event(|event| match &event.body {
        EventBody::Start { .. } => {
            Answer::from(vec![delivery("q1", ANNA, with_buttons(content("?"), &[("Да", "yes")]))])
        }
        _ => Answer::Reply(EventReply {
            toast: Some("поздно".to_owned()),
            ..EventReply::default()
        }),
    });
    w.telegram.send_text(ANNA, "/start").await.unwrap();
    let question = w
        .telegram
        .wait_for_message(ANNA, WAIT, |m| m.button("Да").is_some())
        .await
        .unwrap();
    w.crm.change(|seen| seen.slow = Duration::from_secs(3));
    let query = w.telegram.press(ANNA, question.message_id, "yes").await.unwrap();
    let answer = w
        .telegram
        .wait_for_callback_answer(ANNA, &query, Duration::from_millis(2500))
        .await
        .unwrap();
    assert_eq!(answer.text, "", "answered empty, in time");
    w.crm
        .until("the action", |seen| {
            seen.events
                .iter()
                .find(|e| matches!(e.body, EventBody::Action { .. }))
                .map(drop)
        })
        .await;
    w.crm.change(|seen| seen.slow = Duration::ZERO);
    // A later event of the same chat has been treated, so a second answer would have been seen.
    w.telegram.send_text(ANNA, "дальше").await.unwrap();
    w.crm
        .until("the text", |seen| {
            seen.events
                .iter()
                .find(|e| matches!(e.body, EventBody::Text { .. }))
                .map(drop)
        })
        .await;
    let answers = w.telegram.callback_answers(ANNA).await.unwrap();
    assert_eq!(answers.iter().filter(|a| a.callback_query_id == query).count(), 1);
}

#[tokio::test]
async fn a_duplicate_update_is_posted_under_the_same_key_and_answered_once() {
    let w = world().await;
    w.crm.on_event(|event| match &event.body {
        EventBody::Text { text: said, .. } => vec![text(&format!("d-{said}"), ANNA, &format!("Вы сказали {said}"))],
        _ => Vec::new(),
    });
    w.telegram.send_text(ANNA, "раз").await.unwrap();
    w.crm.until_sent("d-раз").await;
    w.telegram.repeat_last_update(1).await.unwrap();
    w.telegram.send_text(ANNA, "два").await.unwrap();
    w.crm.until_sent("d-два").await;
    let seen = w.crm.seen().events.clone();
    assert_eq!(seen.len(), 3);
    assert_eq!(seen[0].key, seen[1].key);
    let texts = w.bot_texts(ANNA).await;
    assert_eq!(texts, ["Вы сказали раз", "Вы сказали два"]);
}

#[tokio::test]
async fn messages_of_one_chat_keep_their_order_and_chats_dont_wait_for_each_other() {
    let w = world().await;
    w.telegram
        .set_faults(&json!({"telegram": {"slow_ms": 60}}))
        .await
        .unwrap();
    w.crm.on_event(|event| {
        let EventBody::Text { text: said, .. } = &event.body else {
            return Vec::new();
        };
        let chat = event.address.parse().unwrap();
        let id = |part: u32| format!("{chat}-{said}-{part}");
        (1..=3)
            .map(|part| text(&id(part), chat, &format!("{said}.{part}")))
            .collect()
    });
    for said in 1..=4 {
        w.telegram.send_text(ANNA, &said.to_string()).await.unwrap();
        w.telegram.send_text(JOHN, &said.to_string()).await.unwrap();
    }
    for chat in [ANNA, JOHN] {
        w.crm.until_sent(&format!("{chat}-4-3")).await;
        let expected: Vec<String> = (1..=4)
            .flat_map(|said| (1..=3).map(move |part| format!("{said}.{part}")))
            .collect();
        assert_eq!(w.bot_texts(chat).await, expected);
    }
}

#[tokio::test]
async fn an_event_the_crm_refuses_doesnt_block_its_chat() {
    let w = world().await;
    w.crm.on_event(|event| match &event.body {
        EventBody::Text { text: said, .. } if said == "яд" => Answer::Status(422),
        EventBody::Text { .. } => Answer::from(vec![text("d1", ANNA, "жив")]),
        _ => Answer::from(Vec::new()),
    });
    w.telegram.send_text(ANNA, "яд").await.unwrap();
    w.telegram.send_text(ANNA, "вода").await.unwrap();
    w.crm.until_sent("d1").await;
    assert_eq!(w.crm.seen().events.len(), 2, "the refused one is not tried again");
}

#[tokio::test]
async fn typing_is_shown_until_the_next_delivery() {
    let w = world().await.acquainted().await;
    let mut soon = content("Собираю программу…");
    soon.activity = Some(Activity::Typing);
    w.crm.enqueue([delivery("d1", ANNA, soon)]);
    w.telegram
        .wait_in_chat(ANNA, WAIT, |chat| {
            (chat.typing.as_deref() == Some("typing")).then_some(())
        })
        .await
        .unwrap();
    w.crm.until_sent("d1").await;
    w.crm.enqueue([text("d2", ANNA, "Готово")]);
    w.crm.until_sent("d2").await;
    let actions = |calls: &[sandbox::driver::Call]| calls.iter().filter(|c| c.method == "sendChatAction").count();
    let before = actions(&w.telegram.requests().await.unwrap());
    tokio::time::sleep(Duration::from_millis(4500)).await;
    assert_eq!(
        actions(&w.telegram.requests().await.unwrap()),
        before,
        "no more typing after the answer"
    );
}

#[tokio::test]
async fn menus_come_from_the_crm_for_each_language_and_for_the_trainer() {
    let w = world().await;
    let trainer = 700_000_001;
    let list = |language, address: Option<i64>, name: &str, description: &str| CommandList {
        language,
        address: address.map(|id| id.to_string()),
        commands: vec![Command {
            name: name.to_owned(),
            description: description.to_owned(),
        }],
    };
    w.crm.change(|seen| {
        seen.profile = BotProfile {
            command_lists: vec![
                list(None, None, "menu", "Menu"),
                list(Some(Language::Ru), None, "menu", "Меню"),
                list(None, Some(trainer), "leads", "Заявки"),
            ],
        }
    });
    w.bot.shutdown().await;
    let _bot = crate::support::Bot::start(&w.telegram, &w.crm, |_| {}).await;
    w.telegram
        .wait_in_chat(ANNA, WAIT, |chat| {
            chat.commands.iter().find(|c| c.description == "Меню").map(drop)
        })
        .await
        .unwrap();
    w.telegram
        .wait_in_chat(JOHN, WAIT, |chat| {
            chat.commands.iter().find(|c| c.description == "Menu").map(drop)
        })
        .await
        .unwrap();
    w.telegram
        .wait_in_chat(trainer, WAIT, |chat| {
            chat.commands.iter().find(|c| c.command == "leads").map(drop)
        })
        .await
        .unwrap();
}

#[tokio::test]
async fn a_question_shows_its_progress_in_the_persons_language() {
    let w = world().await.acquainted().await;
    let question = |id: &str, chat, language| {
        let mut question = with_buttons(content("?"), &[("1", "a"), ("2", "b")]);
        question.progress = Some(Progress {
            current: 3,
            total: 9,
            language,
        });
        delivery(id, chat, question)
    };
    w.crm
        .enqueue([question("ru", ANNA, Language::Ru), question("en", JOHN, Language::En)]);
    let ru = w.telegram.wait_for_message(ANNA, WAIT, |_| true).await.unwrap();
    assert_eq!(ru.text, "▰▰▰▱▱▱▱▱▱  Вопрос 3 из 9\n\n?");
    let en = w.telegram.wait_for_message(JOHN, WAIT, |_| true).await.unwrap();
    assert_eq!(en.text, "▰▰▰▱▱▱▱▱▱  Question 3 of 9\n\n?");
}

#[tokio::test]
async fn a_blocked_person_is_reported_as_unreachable() {
    let w = world().await;
    w.telegram.send_text(ANNA, "/start").await.unwrap();
    w.telegram.set_blocked(ANNA, true).await.unwrap();
    w.crm.enqueue([text("d1", ANNA, "Вы ещё с нами?")]);
    w.crm
        .until("d1 unreachable", |seen| {
            matches!(seen.outcomes("d1")[..], [Outcome::Unreachable { .. }]).then_some(())
        })
        .await;
}
