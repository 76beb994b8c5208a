//! Killed bots, blocked chats, clocks that jump.

use app::converse::Body;
use app::deliver::Fate;

use crate::phone::Phone;
use crate::world::{TRAINER, World, on_both};

async fn a_bot_killed_after_each_step_loses_no_answer_and_repeats_no_question(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    let steps: &[(&str, &str)] = &[
        ("press", "Бесплатная программа"),
        ("press", "Согласен"),
        ("press", "Нет, только программу"),
        ("press", "Женский"),
        ("say", "31"),
        ("press", "Новичок"),
        ("press", "Снизить вес"),
        ("say", "168"),
        ("say", "72"),
        ("press", "В основном сижу"),
        ("press", "В зале"),
        ("press", "3 дня"),
        ("press", "Ничего"),
        ("press", "Готово"),
        ("press", "Нет, всё в порядке"),
    ];
    anna.start(None).await;
    for (kind, words) in steps {
        let body = match *kind {
            "press" => {
                let (message_ref, action) = anna.button(words);
                Body::Action {
                    action,
                    message_ref: Some(message_ref),
                }
            }
            _ => Body::Text {
                text: (*words).to_owned(),
                message_ref: world.number().to_string(),
                reply_to: None,
            },
        };
        let event = anna.event(body);
        let lost = anna.receive(&event).await;
        assert!(!lost.deliveries.is_empty());
        // The bot dies here: nothing was sent, nothing reported. The next one gets the same update again…
        let elsewhere = app::converse::Inbound {
            replica: "bot-2".into(),
            ..event.clone()
        };
        let again = anna.receive(&elsewhere).await;
        assert!(again.duplicate && again.deliveries.is_empty());
        assert!(
            world.claim("bot-2").await.is_empty(),
            "the dead bot's lease still holds"
        );
        // … and, when the lease has ended, what was not sent.
        world.advance_minutes(1);
        let before = anna.screen.len();
        anna.refresh().await;
        assert!(anna.screen.len() <= before + lost.deliveries.len());
    }
    assert!(
        anna.last().plain_text().contains("Проверьте"),
        "{:?}",
        anna.last().plain_text()
    );
    for question in ["Ваш пол?", "Сколько вам лет?", "Какой у вас рост?"] {
        assert!(
            anna.count(question) <= 1,
            "{question} is asked once: {:#?}",
            anna.texts()
        );
    }
}

async fn an_answer_lost_on_the_way_is_given_again_to_the_bot_that_asks_again(world: &World) {
    let anna = Phone::new(world, "101", "Анна", "ru");
    let hello = anna.event(Body::Start { payload: None });
    let lost = anna.receive(&hello).await.deliveries;
    let again = anna.receive(&hello).await;
    assert!(again.duplicate);
    let ids = |deliveries: &[app::deliver::Outgoing]| deliveries.iter().map(|one| one.id.clone()).collect::<Vec<_>>();
    assert_eq!(ids(&again.deliveries), ids(&lost));
}

async fn what_fails_keeps_its_place_in_the_chat(world: &World) {
    let anna = Phone::new(world, "101", "Анна", "ru");
    let hello = anna.event(Body::Start { payload: None });
    let first = anna.receive(&hello).await.deliveries;
    assert_eq!(first.len(), 2);
    world
        .report(
            "bot-1",
            &first[0],
            Fate::RetryLater {
                after_ms: 60_000,
                reason: "429".into(),
            },
        )
        .await;
    world
        .report(
            "bot-1",
            &first[1],
            Fate::RetryLater {
                after_ms: 0,
                reason: "behind it".into(),
            },
        )
        .await;
    let help = anna.event(Body::Command { name: "help".into() });
    assert!(
        anna.receive(&help).await.deliveries.is_empty(),
        "the answer waits its turn"
    );
    assert!(
        world.claim("bot-1").await.iter().all(|one| one.address != "101"),
        "nothing overtakes the first"
    );
    world.advance_minutes(2);
    let order = world.deliver_to("bot-1", "101").await;
    assert_eq!(order.len(), 3);
    assert_eq!((&order[0].id, &order[1].id), (&first[0].id, &first[1].id));
}

async fn blocking_is_a_state_and_coming_back_ends_it(world: &World) {
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.start(None).await;
    anna.act(Body::Blocked).await;
    let find = async || {
        let page = store::PageRequest { limit: 10, after: None };
        world
            .read()
            .await
            .list_clients(&store::ClientFilter::default(), &page)
            .await
            .unwrap()
            .items
            .remove(0)
    };
    assert!(!find().await.is_reachable);
    app::converse::send_to_client(&world.app, &world.caller, &find().await.id, "Как дела?")
        .await
        .unwrap();
    let claimed = world.claim("bot-1").await;
    let to_anna = claimed.iter().find(|one| one.address == "101").unwrap();
    world
        .report(
            "bot-1",
            to_anna,
            Fate::Unreachable {
                reason: "Forbidden: bot was blocked by the user".into(),
            },
        )
        .await;
    trainer.refresh().await;
    assert_eq!(
        trainer.count("заблокировал"),
        1,
        "the trainer hears that the reply did not arrive"
    );
    anna.start(None).await;
    assert!(find().await.is_reachable);
}

async fn notices_wait_for_a_trainer_who_has_not_opened_the_chat_yet(world: &World) {
    let anna = Phone::new(world, "101", "Анна", "ru");
    let hello = anna.event(Body::Start { payload: None });
    anna.receive(&hello).await;
    let claimed = world.claim("bot-1").await;
    let notice = claimed.iter().find(|one| one.address == TRAINER).unwrap();
    world
        .report(
            "bot-1",
            notice,
            Fate::Unreachable {
                reason: "bot can't initiate conversation with a user".into(),
            },
        )
        .await;
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    assert_eq!(trainer.count("Новый клиент"), 1);
}

async fn a_clock_that_jumps_sends_nobody_anything_twice(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    world.run_jobs().await;
    anna.refresh().await;
    let seen = anna.screen.len();
    for minutes in [-60, 60 * 24 * 40, -60 * 24 * 40, 60] {
        world.advance_minutes(minutes);
        app::schedule::enqueue(&world.app, app::schedule::PURGE_JOB, 3_600_000)
            .await
            .unwrap();
        world.run_jobs().await;
        anna.refresh().await;
    }
    assert_eq!(anna.screen.len(), seen);
    assert_eq!(anna.documents(), 1);
    anna.start(None).await;
    assert_eq!(anna.count("С возвращением"), 1, "life goes on after the jumps");
}

async fn a_clock_that_jumps_back_does_not_hold_messages_of_a_dead_bot_back(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    let hello = anna.event(Body::Start { payload: None });
    let lost = anna.receive(&hello).await.deliveries;
    assert_eq!(lost.len(), 2);
    world.advance_minutes(-60);
    anna.refresh().await;
    assert_eq!(anna.screen.len(), 2);
}

on_both!(
    an_answer_lost_on_the_way_is_given_again_to_the_bot_that_asks_again,
    a_clock_that_jumps_back_does_not_hold_messages_of_a_dead_bot_back,
    a_bot_killed_after_each_step_loses_no_answer_and_repeats_no_question,
    what_fails_keeps_its_place_in_the_chat,
    blocking_is_a_state_and_coming_back_ends_it,
    notices_wait_for_a_trainer_who_has_not_opened_the_chat_yet,
    a_clock_that_jumps_sends_nobody_anything_twice,
);
