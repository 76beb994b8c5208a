//! What people and messengers do to a conversation.

use app::converse::Body;
use store::{ClientFilter, DeepLink, FormRow, PageRequest};

use crate::phone::Phone;
use crate::world::{TRAINER, World, on_both};

const ALL: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

async fn clients(world: &World) -> Vec<store::Client> {
    world
        .read()
        .await
        .list_clients(&ClientFilter::default(), &ALL)
        .await
        .unwrap()
        .items
}

async fn the_first_touch_is_kept_and_later_ones_are_recorded(world: &World) {
    let mut tx = world.write().await;
    for (token, source, campaign) in [("vk_may", "vk", "may"), ("site_june", "site", "june")] {
        let link = DeepLink {
            token: token.into(),
            purpose: "source".into(),
            source: source.into(),
            campaign: Some(campaign.into()),
            utm: format!("{{\"utm_source\":\"{source}\"}}"),
            referrer: None,
            created_at: world.app.now(),
            expires_at: None,
            used_at: None,
        };
        tx.insert_link(&link).await.unwrap();
    }
    tx.commit().await.unwrap();
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.start(Some("vk_may")).await;
    anna.start(Some("site_june")).await;
    anna.start(Some("<garbage>; DROP TABLE clients")).await;
    anna.start(Some("unknown_token")).await;
    let client = clients(world).await.remove(0);
    assert_eq!(
        (client.origin.source.as_str(), client.origin.campaign.as_deref()),
        ("vk", Some("may"))
    );
    let touches = world.read().await.touches_of(&client.id).await.unwrap();
    let sources: Vec<&str> = touches.iter().map(|touch| touch.origin.source.as_str()).collect();
    assert_eq!(sources, ["vk", "site", "telegram"]);
}

async fn two_replicas_that_meet_a_newcomer_at_once_make_one_client(world: &World) {
    let phones: Vec<Phone<'_>> = (0..8).map(|_| Phone::new(world, "101", "Анна", "ru")).collect();
    let events: Vec<_> = phones
        .iter()
        .map(|phone| phone.event(Body::Start { payload: None }))
        .collect();
    let meetings = phones.iter().zip(&events).map(|(phone, event)| phone.receive(event));
    futures::future::join_all(meetings).await;
    assert_eq!(clients(world).await.len(), 1);
    let totals: i64 = world
        .read()
        .await
        .stage_totals()
        .await
        .unwrap()
        .iter()
        .map(|total| total.clients)
        .sum();
    assert_eq!(totals, 1);
}

async fn an_update_that_comes_twice_changes_nothing(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_first_question().await;
    let (message_ref, action) = anna.button("Женский");
    let event = anna.event(Body::Action {
        action,
        message_ref: Some(message_ref),
    });
    let answers = futures::future::join_all((0..4).map(|_| anna.receive(&event))).await;
    assert_eq!(answers.iter().filter(|answer| !answer.duplicate).count(), 1);
    let mut sent: Vec<_> = answers
        .iter()
        .flat_map(|answer| &answer.deliveries)
        .map(|one| one.id.clone())
        .collect();
    sent.dedup();
    assert_eq!(sent.len(), 1, "one message, however often it is told");
}

async fn two_answers_in_the_same_second_count_once(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_first_question().await;
    let (message_ref, female) = anna.button("Женский");
    let (_, male) = anna.button("Мужской");
    let first = anna.event(Body::Action {
        action: female,
        message_ref: Some(message_ref.clone()),
    });
    let second = anna.event(Body::Action {
        action: male,
        message_ref: Some(message_ref),
    });
    let (first, second) = tokio::join!(anna.receive(&first), anna.receive(&second));
    let toasts = [&first, &second].iter().filter(|answer| answer.toast.is_some()).count();
    assert_eq!(toasts, 1, "one of them is told that the button no longer works");
    let shown = [&first, &second].into_iter().flat_map(|answer| &answer.deliveries);
    for outgoing in shown {
        assert!(
            outgoing.edit.is_some(),
            "the next question stands where the pressed one stood, not twice"
        );
    }
    let client = clients(world).await.remove(0);
    let mut tx = world.read().await;
    let run = tx.latest_questionnaire(&client.id).await.unwrap().unwrap();
    assert_eq!(tx.answers(&run.id).await.unwrap().len(), 1);
}

async fn words_reach_the_trainer_and_the_reply_comes_back(world: &World) {
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let anna = Phone::new(world, "101", "Анна", "ru");
    let hello = anna.event(Body::Start { payload: None });
    anna.receive(&hello).await;
    let question = anna.event(Body::Text {
        text: "Можно заниматься вечером?".into(),
        message_ref: "5".into(),
        reply_to: None,
    });
    anna.receive(&question).await;
    trainer.refresh().await;
    assert_eq!(trainer.count("Новый клиент"), 1);
    let (notice, _) = trainer
        .screen
        .iter()
        .find(|(_, content)| content.plain_text().contains("вечером"))
        .cloned()
        .unwrap();
    let message_ref = world.number().to_string();
    let reply = trainer.event(Body::Text {
        text: "Да, конечно!".into(),
        message_ref,
        reply_to: Some(notice),
    });
    let answer = trainer.receive(&reply).await;
    assert!(answer.deliveries[0].content.plain_text().contains("Анна"));
    // What Anna's phone was not shown yet goes first: its leases have to end.
    world.advance_minutes(1);
    let delivered = world.deliver_to("bot-2", "101").await;
    let to_anna: Vec<String> = delivered.iter().map(|one| one.content.plain_text()).collect();
    assert!(
        to_anna
            .iter()
            .any(|text| text.contains("Ольга") && text.contains("Да, конечно!")),
        "{to_anna:?}"
    );
    let client = clients(world).await.remove(0);
    let thread = world.read().await.list_messages(&client.id, &ALL).await.unwrap().items;
    assert!(
        thread
            .iter()
            .any(|message| message.author == "trainer" && message.text == "Да, конечно!")
    );
}

async fn the_trainers_words_without_an_addressee_go_nowhere(world: &World) {
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    trainer.say("Всем привет").await;
    assert_eq!(trainer.count("Кому это?"), 1);
}

async fn a_reply_to_something_else_does_not_go_to_the_client_chosen_before(world: &World) {
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let anna = Phone::new(world, "101", "Анна", "ru");
    let hello = anna.event(Body::Start { payload: None });
    anna.receive(&hello).await;
    trainer.refresh().await;
    trainer.press("Ответить").await;
    let message_ref = world.number().to_string();
    let reply_to = Some("a message nobody knows".to_owned());
    trainer
        .act(Body::Text {
            text: "Это для Бориса".into(),
            message_ref,
            reply_to,
        })
        .await;
    assert_eq!(trainer.count("Кому это?"), 1);
    trainer.say("А это для Анны").await;
    assert_eq!(trainer.count("Отправлено: Анна"), 1);
}

async fn a_chat_becomes_the_trainers_by_a_link_that_works_once(world: &World) {
    let mut tx = world.write().await;
    let link = DeepLink {
        token: "become".into(),
        purpose: "trainer".into(),
        source: "trainer".into(),
        campaign: None,
        utm: "{}".into(),
        referrer: None,
        created_at: world.app.now(),
        expires_at: None,
        used_at: None,
    };
    tx.insert_link(&link).await.unwrap();
    tx.commit().await.unwrap();
    let mut olga = Phone::new(world, "555", "Ольга", "ru");
    olga.start(Some("become")).await;
    assert_eq!(olga.count("уведомления о клиентах"), 1);
    let mut stranger = Phone::new(world, "666", "Чужой", "ru");
    stranger.start(Some("become")).await;
    assert_eq!(stranger.count("уведомления о клиентах"), 0);
    assert_eq!(world.read().await.trainer_conversations().await.unwrap().len(), 2);
}

async fn questions_edited_under_people_in_the_middle_strand_nobody(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_first_question().await;
    anna.press("Женский").await;
    let mut tx = world.write().await;
    let current = tx.current_form().await.unwrap().unwrap();
    let mut form: domain::questionnaire::Form = serde_json::from_str(&current.definition).unwrap();
    form.questions
        .retain(|question| !["age", "lifestyle", "spare"].contains(&question.id.as_str()));
    let mut added = form.question("days").unwrap().clone();
    added.id = "evenings".into();
    form.questions.insert(1, added);
    let row = FormRow {
        version: current.version + 1,
        id: world.app.new_id(),
        definition: serde_json::to_string(&form).unwrap(),
        ..current
    };
    tx.insert_form(&row).await.unwrap();
    tx.commit().await.unwrap();
    app::settings::forget(&world.app, world.tenant());
    anna.say("31").await;
    anna.press("3 дня").await;
    anna.press("Новичок").await;
    anna.press("Снизить вес").await;
    anna.say("168").await;
    anna.say("72").await;
    anna.press("В зале").await;
    anna.press("3 дня").await;
    anna.press("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.documents(), 1);
}

async fn time_per_question_and_drop_off_are_recorded(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_first_question().await;
    world.advance_minutes(1);
    anna.press("Женский").await;
    world.advance_minutes(2);
    let rows = world
        .read()
        .await
        .drop_off(domain::time::Timestamp::from_millis(0))
        .await
        .unwrap();
    let by = |id: &str| rows.iter().find(|row| row.question == id).cloned().unwrap();
    assert_eq!((by("sex").answered, by("sex").average_ms), (1, 60_000));
    assert_eq!((by("age").asked, by("age").answered, by("age").dropped), (1, 0, 1));
}

async fn english_is_a_choice_that_lasts(world: &World) {
    let mut john = Phone::new(world, "102", "John", "en");
    john.start(None).await;
    assert_eq!(john.count("Hello, John"), 1);
    john.press("Русский").await;
    assert!(john.last().plain_text().contains("Чем помочь"));
    john.press("Бесплатная программа").await;
    assert!(john.last().plain_text().contains("согласие"));
    assert_eq!(clients(world).await[0].language, domain::language::Language::Ru);
}

on_both!(
    a_reply_to_something_else_does_not_go_to_the_client_chosen_before,
    the_first_touch_is_kept_and_later_ones_are_recorded,
    two_replicas_that_meet_a_newcomer_at_once_make_one_client,
    an_update_that_comes_twice_changes_nothing,
    two_answers_in_the_same_second_count_once,
    words_reach_the_trainer_and_the_reply_comes_back,
    the_trainers_words_without_an_addressee_go_nowhere,
    a_chat_becomes_the_trainers_by_a_link_that_works_once,
    questions_edited_under_people_in_the_middle_strand_nobody,
    time_per_question_and_drop_off_are_recorded,
    english_is_a_choice_that_lasts,
);
