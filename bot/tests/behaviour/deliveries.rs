//! What the CRM wants shown: splitting, editing, buttons, keyboards, files.

use api_types::conversation::{Button, Outcome, Press, Span, Style};
use sandbox::driver::Pressed;

use crate::support::{ANNA, WAIT, content, delivery, pdf, text, with_buttons, world};

#[tokio::test]
async fn claimed_deliveries_go_out_in_order_and_are_reported() {
    let w = world().await.acquainted().await;
    w.crm
        .enqueue((0..30).map(|n| text(&format!("d{n}"), ANNA, &n.to_string())));
    w.crm.until_sent("d29").await;
    let expected: Vec<String> = (0..30).map(|n| n.to_string()).collect();
    assert_eq!(w.bot_texts(ANNA).await, expected);
    let reported: Vec<String> = w.crm.seen().results.iter().map(|r| r.id.clone()).collect();
    assert_eq!(reported, (0..30).map(|n| format!("d{n}")).collect::<Vec<_>>());
}

#[tokio::test]
async fn a_long_text_arrives_whole_in_parts_with_the_buttons_at_the_end() {
    let w = world().await.acquainted().await;
    let paragraph = "Разминка и суставы. ".repeat(20);
    let long = vec![paragraph.trim_end(); 30].join("\n\n");
    w.crm.enqueue([delivery(
        "d1",
        ANNA,
        with_buttons(content(&long), &[("Готово", "done")]),
    )]);
    let last = w.crm.until_sent("d1").await;
    let messages = w.bot_messages(ANNA).await;
    assert!(messages.len() > 2);
    assert_eq!(
        messages
            .iter()
            .map(|m| m.text.as_str())
            .collect::<Vec<_>>()
            .join("\n\n"),
        long
    );
    let (end, before) = messages.split_last().unwrap();
    assert!(before.iter().all(|m| m.inline_keyboard.is_none()));
    assert_eq!(
        end.message_id.to_string(),
        last,
        "the message with the buttons is the one to refer to"
    );
    assert!(end.button("Готово").is_some());
}

#[tokio::test]
async fn styles_arrive_as_entities_and_names_are_not_markup() {
    let w = world().await.acquainted().await;
    let mut card = content("");
    card.text = vec![
        Span {
            text: "💪 ".to_owned(),
            style: Style::Plain,
        },
        Span {
            text: "<b>Анна</b> & *Ко*".to_owned(),
            style: Style::Bold,
        },
        Span {
            text: " и ".to_owned(),
            style: Style::Plain,
        },
        Span {
            text: "сайт".to_owned(),
            style: Style::Link {
                url: "https://example.com/?a=1&b=2".to_owned(),
            },
        },
    ];
    w.crm.enqueue([delivery("d1", ANNA, card)]);
    w.crm.until_sent("d1").await;
    let message = w.bot_messages(ANNA).await.pop().unwrap();
    assert_eq!(message.text, "💪 <b>Анна</b> & *Ко* и сайт");
    assert!(
        message.html.contains("<b>&lt;b&gt;Анна&lt;/b&gt; &amp; *Ко*</b>"),
        "{}",
        message.html
    );
    assert!(
        message.html.contains("https://example.com/?a=1&amp;b=2"),
        "{}",
        message.html
    );
}

#[tokio::test]
async fn an_edit_of_the_same_counts_as_sent() {
    let w = world().await.acquainted().await;
    w.crm.enqueue([text("d1", ANNA, "Меню")]);
    let shown = w.crm.until_sent("d1").await;
    let mut again = text("d2", ANNA, "Меню");
    again.edit = Some(shown.clone());
    w.crm.enqueue([again]);
    assert_eq!(w.crm.until_sent("d2").await, shown);
    assert_eq!(w.bot_messages(ANNA).await.len(), 1);
}

#[tokio::test]
async fn what_cant_be_edited_is_sent_anew() {
    let w = world().await.acquainted().await;
    let mut lost = text("d1", ANNA, "Новое");
    lost.edit = Some("4040".to_owned());
    let mut foreign = text("d2", ANNA, "Ещё");
    foreign.edit = Some("not-a-number".to_owned());
    w.crm.enqueue([lost, foreign]);
    w.crm.until_sent("d2").await;
    assert_eq!(w.bot_texts(ANNA).await, ["Новое", "Ещё"]);
}

#[tokio::test]
async fn retiring_takes_the_buttons_off_the_old_message() {
    let w = world().await.acquainted().await;
    w.crm
        .enqueue([delivery("q1", ANNA, with_buttons(content("Вопрос"), &[("Да", "yes")]))]);
    let old = w.crm.until_sent("q1").await;
    let mut next = delivery("q2", ANNA, with_buttons(content("Другой"), &[("Нет", "no")]));
    next.retire = Some(old.clone());
    let mut nothing_there = text("q3", ANNA, "Третий");
    nothing_there.retire = Some("99999".to_owned());
    w.crm.enqueue([next, nothing_there]);
    w.crm.until_sent("q3").await;
    w.telegram
        .wait_in_chat(ANNA, WAIT, |chat| {
            let message = chat.messages.iter().find(|m| m.message_id.to_string() == old)?;
            (message.buttons().count() == 0).then_some(())
        })
        .await
        .unwrap();
    let messages = w.bot_messages(ANNA).await;
    assert!(
        messages.iter().any(|m| m.button("Нет").is_some()),
        "only the old ones go"
    );
}

#[tokio::test]
async fn a_document_is_uploaded_once_and_then_sent_by_its_id() {
    let w = world().await.acquainted().await;
    w.crm.change(|seen| {
        seen.files.insert("file_1".to_owned(), b"%PDF-".to_vec());
    });
    let mut programme = with_buttons(content("Ваша программа"), &[("Спасибо", "thanks")]);
    programme.file = Some(pdf(None));
    w.crm.enqueue([delivery("d1", ANNA, programme.clone())]);
    w.crm.until_sent("d1").await;
    let message = w.bot_messages(ANNA).await.pop().unwrap();
    let document = message.document.clone().unwrap();
    assert_eq!(document.file_name, "Программа Анны.pdf");
    assert_eq!(document.mime_type, "application/pdf");
    assert_eq!(message.text, "Ваша программа");
    assert!(message.button("Спасибо").is_some());
    assert_eq!(w.telegram.file_bytes(&document.file_id).await.unwrap(), b"%PDF-");
    let known = match w.crm.seen().outcomes("d1")[..] {
        [
            Outcome::Sent {
                external_file_id: Some(id),
                ..
            },
        ] => id.clone(),
        ref other => panic!("{other:?}"),
    };

    programme.file = Some(pdf(Some(&known)));
    w.crm.enqueue([delivery("d2", ANNA, programme.clone())]);
    w.crm.until_sent("d2").await;
    assert_eq!(w.crm.seen().file_reads, 1, "not read again");

    programme.file = Some(pdf(Some("AgADforgotten")));
    w.crm.enqueue([delivery("d3", ANNA, programme)]);
    w.crm.until_sent("d3").await;
    assert_eq!(w.crm.seen().file_reads, 2, "a refused id is uploaded anew");
    assert!(matches!(
        w.crm.seen().outcomes("d3")[..],
        [Outcome::Sent {
            external_file_id: Some(_),
            ..
        }]
    ));
    let documents = w.bot_messages(ANNA).await;
    assert_eq!(documents.iter().filter(|m| m.document.is_some()).count(), 3);
}

#[tokio::test]
async fn a_file_the_crm_doesnt_have_is_rejected_and_the_chat_goes_on() {
    let w = world().await.acquainted().await;
    let mut programme = content("Ваша программа");
    programme.file = Some(pdf(None));
    w.crm
        .enqueue([delivery("d1", ANNA, programme), text("d2", ANNA, "дальше")]);
    w.crm.until_sent("d2").await;
    assert!(matches!(w.crm.seen().outcomes("d1")[..], [Outcome::Rejected { .. }]));
}

#[tokio::test]
async fn what_no_message_can_show_is_rejected_at_once() {
    let w = world().await.acquainted().await;
    let long_action = with_buttons(content("?"), &[("Да", &"ж".repeat(33))]);
    let mut nowhere = text("d3", ANNA, "?");
    nowhere.address = "not-a-chat".to_owned();
    w.crm.enqueue([
        delivery("d1", ANNA, long_action),
        delivery("d2", ANNA, content(" ")),
        nowhere,
        text("d4", ANNA, "дальше"),
    ]);
    w.crm.until_sent("d4").await;
    for id in ["d1", "d2", "d3"] {
        w.crm
            .until(id, |seen| {
                matches!(seen.outcomes(id)[..], [Outcome::Rejected { .. }]).then_some(())
            })
            .await;
    }
    assert_eq!(w.bot_texts(ANNA).await, ["дальше"]);
}

#[tokio::test]
async fn keyboards_and_links_can_be_pressed() {
    let w = world().await.acquainted().await;
    let mut menu = content("Меню");
    menu.keyboard = vec![vec!["💪 Бесплатная программа".to_owned(), "Цены".to_owned()]];
    let mut pay = content("Оплата");
    pay.buttons = vec![vec![Button {
        label: "Открыть".to_owned(),
        press: Press::Url {
            url: "https://example.com/pay".to_owned(),
        },
    }]];
    w.crm.enqueue([delivery("d1", ANNA, menu), delivery("d2", ANNA, pay)]);
    w.crm.until_sent("d2").await;
    let keyboard = w.telegram.chat(ANNA).await.unwrap().reply_keyboard.unwrap();
    assert_eq!(
        keyboard.rows,
        [["💪 Бесплатная программа"], ["Цены"]],
        "a long label gets a row of its own"
    );
    assert!(keyboard.resize && !keyboard.one_time);
    assert!(matches!(
        w.telegram.press_button(ANNA, "Цены").await.unwrap(),
        Pressed::Text(_)
    ));
    assert_eq!(
        w.telegram.press_button(ANNA, "Открыть").await.unwrap(),
        Pressed::Url("https://example.com/pay".to_owned())
    );
}

#[tokio::test]
async fn a_delivery_leased_twice_is_shown_once() {
    let w = world().await.acquainted().await;
    w.crm.change(|seen| seen.deaf = true);
    w.crm.enqueue([text("d1", ANNA, "один раз")]);
    w.telegram.wait_for_message(ANNA, WAIT, |_| true).await.unwrap();
    // The report can't be brought home, the lease ends, and the CRM hands the delivery out again.
    w.crm
        .enqueue([text("d1", ANNA, "один раз"), text("d2", ANNA, "следующее")]);
    w.telegram
        .wait_for_message(ANNA, WAIT, |m| m.text == "следующее")
        .await
        .unwrap();
    w.crm.change(|seen| seen.deaf = false);
    w.crm.until_sent("d1").await;
    w.crm.until_sent("d2").await;
    assert_eq!(w.bot_texts(ANNA).await, ["один раз", "следующее"]);
}
