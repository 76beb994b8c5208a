//! A programme in the trainer's hands: pictures, buttons, several trainers, the clock.

mod desk;

use app::converse::Body;
use app::settings::programs::{DeliveryRule, PROGRAMS, ProgramSettings};
use domain::ids::{Id, ProgramId};

use self::desk::{SECOND, admin, albums, approval_is_on, look, press, say, statuses, tap, timeline, versions, waiting};
use crate::phone::Phone;
use crate::world::{TRAINER, World, on_both};

async fn the_trainer_sees_pages_and_sends(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    assert_eq!(anna.documents(), 0);
    assert_eq!(anna.count("просматривает её перед отправкой"), 1);
    let promise = anna.texts().into_iter().find(|text| text.contains("не позже")).unwrap();
    assert!(promise.contains("МСК"), "{promise}");
    let pages = albums(&trainer);
    assert_eq!(pages.len(), 1);
    assert!((2..=10).contains(&pages[0].album.len()), "{}", pages[0].album.len());
    assert!(
        pages[0]
            .album
            .iter()
            .all(|page| page.mime_type == "image/png" && page.size > 1_000)
    );
    let card = trainer.last().plain_text();
    for words in [
        "Программа на проверку: Анна",
        "Снизить вес",
        "3 дня",
        "уйдёт сама",
        "Версия: 1",
    ] {
        assert!(card.contains(words), "«{words}» in {card}");
    }
    let mut tx = world.read().await;
    let page = tx
        .find_file(&domain::ids::FileId::parse(&pages[0].album[0].id).unwrap())
        .await
        .unwrap()
        .unwrap();
    assert!(page.external_ids.contains("tg-"), "a picture is uploaded once");
    drop(tx);

    press(&mut trainer, "Отправить").await;
    assert!(trainer.toasts.last().unwrap().contains("Анна"));
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1);
    assert_eq!(anna.count("Это первые две недели"), 1, "the offer follows");
    assert!(
        trainer
            .last()
            .plain_text()
            .contains("Программа отправлена: Анна\nОльга")
    );
    assert!(trainer.last().buttons.is_empty());
    let program = versions(world).await.remove(0);
    assert_eq!(
        (program.status.as_str(), program.decided_by.as_deref()),
        ("ready", Some("Ольга"))
    );
    assert!(program.delivered_at.is_some());
    assert_eq!(
        timeline(world).await,
        [
            "program.ready",
            "program.awaiting_approval",
            "program.approved",
            "program.delivered"
        ]
    );

    world.advance_minutes(24 * 60);
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1, "the clock comes too late");
    press(&mut anna, "Версия для телефона").await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 2);
    assert_eq!(anna.count("Та же программа для телефона"), 1);
}

async fn of_two_trainers_the_first_decides_and_the_other_sees_it(world: &World) {
    let mut tx = world.write().await;
    let second = store::NewConversation {
        channel: "telegram".into(),
        address: SECOND.into(),
        client: None,
        is_trainer: true,
        language: domain::language::Language::En,
        known_as: "Ivan\n".into(),
        now: world.app.now(),
    };
    tx.insert_conversation(&second).await.unwrap();
    tx.commit().await.unwrap();
    let (mut anna, mut olga) = waiting(world).await;
    let mut ivan = Phone::new(world, SECOND, "Ivan", "en");
    // His card was sent while nobody looked; his phone shows it by its place.
    let program = versions(world).await.remove(0);
    let cards = world
        .read()
        .await
        .approval_cards("telegram", &program.id)
        .await
        .unwrap();
    assert_eq!(cards.len(), 2);
    let his = cards.into_iter().find(|(address, _)| address == SECOND).unwrap().1;

    press(&mut olga, "Отправить").await;
    tap(&mut ivan, his.clone(), format!("ok:{}", program.id)).await;
    tap(&mut ivan, his.clone(), format!("vr:{}", program.id)).await;
    look(&mut [&mut anna, &mut olga, &mut ivan]).await;
    assert_eq!(anna.documents(), 1);
    assert_eq!(ivan.toasts.len(), 2);
    assert!(ivan.toasts[0].contains("already gone"), "{:?}", ivan.toasts);
    let seen = ivan.screen.iter().find(|(message_ref, _)| *message_ref == his).unwrap();
    assert!(
        seen.1.plain_text().contains("Programme sent: Анна\nОльга"),
        "{:?}",
        ivan.texts()
    );
    assert!(seen.1.buttons.is_empty());
    assert_eq!(statuses(world).await, ["ready"]);
}

async fn an_exercise_is_swapped_by_buttons(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    let shown = trainer.screen.len();
    press(&mut trainer, "Заменить упражнение").await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(trainer.screen.len(), shown, "the lists stand in the card's place");
    assert!(trainer.last().plain_text().contains("В какой день?"));
    press(&mut trainer, "День 2").await;
    look(&mut [&mut anna, &mut trainer]).await;
    let first = trainer.last().buttons[0][0].label.clone();
    press(&mut trainer, &first).await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert!(
        trainer.last().plain_text().contains(&first),
        "{:?}",
        trainer.last().plain_text()
    );
    press(&mut trainer, "К карточке").await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert!(trainer.last().plain_text().contains("Программа на проверку"));
    press(&mut trainer, "Заменить упражнение").await;
    look(&mut [&mut anna, &mut trainer]).await;
    press(&mut trainer, "День 2").await;
    look(&mut [&mut anna, &mut trainer]).await;
    press(&mut trainer, &first).await;
    look(&mut [&mut anna, &mut trainer]).await;
    let choice = trainer.last().buttons[0][0].label.clone();
    let chosen = choice.split(" · ").next().unwrap().to_owned();
    let (message_ref, action) = trainer.button(&choice);
    tap(&mut trainer, message_ref.clone(), action.clone()).await;
    tap(&mut trainer, message_ref, action).await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(
        trainer.toasts,
        ["Переделываю программу", "Эту версию уже заменяет другая"]
    );
    assert!(trainer.last().plain_text().contains("Переделываю программу: Анна"));
    assert_eq!(
        statuses(world).await,
        ["awaiting_approval", "queued"],
        "two taps order one version"
    );

    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(statuses(world).await, ["superseded", "awaiting_approval"]);
    assert_eq!(trainer.count("Заменена новой версией: Анна"), 1);
    assert_eq!(albums(&trainer).len(), 2, "the new version has its own pages");
    let card = trainer.last().plain_text();
    assert!(card.contains("Что изменилось") && card.contains(&chosen), "{card}");
    assert_eq!(anna.count("просматривает"), 1, "the client is promised once");
    let both = versions(world).await;
    assert_eq!(both[1].parent.as_ref(), Some(&both[0].id));
    assert_eq!(both[1].approve_by, both[0].approve_by, "a promise stays");

    press(&mut trainer, "Отправить").await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1);
    let details = world.read().await.program_details(&both[1].id).await.unwrap().unwrap();
    assert!(details.0.contains(&chosen));
}

async fn a_note_goes_into_the_document_and_its_message(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    press(&mut trainer, "Написать слово").await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert!(trainer.last().plain_text().contains("слово от себя"));
    say(&mut trainer, &"я".repeat(501)).await;
    assert!(
        trainer.last().plain_text().contains("501"),
        "{:?}",
        trainer.last().plain_text()
    );
    trainer.act(Body::Command { name: "cancel".into() }).await;
    say(&mut trainer, "Не то").await;
    assert_eq!(
        statuses(world).await,
        ["awaiting_approval"],
        "cancelled words go nowhere"
    );
    press(&mut trainer, "Написать слово").await;
    say(&mut trainer, "Анна, начните с малого!").await;
    assert!(trainer.last().plain_text().contains("Записал"));
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert!(trainer.last().plain_text().contains("Анна, начните с малого!"));
    press(&mut trainer, "Отправить").await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1);
    assert_eq!(anna.count("Ольга: Анна, начните с малого!"), 1, "{:?}", anna.texts());
}

async fn another_variant_is_the_next_best_plan(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    press(&mut trainer, "Другой вариант").await;
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(statuses(world).await, ["superseded", "awaiting_approval"]);
    let both = versions(world).await;
    assert_eq!(both[1].reason, "variant");
    assert!(trainer.last().plain_text().contains("Что изменилось"));
    press(&mut trainer, "Отправить").await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1);
}

async fn nobody_waits_longer_than_promised(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    world.advance_minutes(119);
    assert_eq!(world.run_jobs().await, 0);
    world.advance_minutes(2);
    assert_eq!(world.run_jobs().await, 1);
    assert_eq!(world.run_jobs().await, 0);
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1);
    assert!(trainer.last().plain_text().contains("Программа ушла сама: Анна"));
    let program = versions(world).await.remove(0);
    assert_eq!(program.decided_by.as_deref(), Some("clock"));
    press_stale(&mut trainer, &program.id).await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1);
    assert!(timeline(world).await.contains(&"program.released".to_owned()));
}

async fn press_stale(trainer: &mut Phone<'_>, id: &ProgramId) {
    let message_ref = trainer.screen.last().unwrap().0.clone();
    for action in ["ok", "vr", "nt", "sw", "rv"] {
        tap(trainer, message_ref.clone(), format!("{action}:{id}")).await;
        assert!(trainer.toasts.last().unwrap().contains("уже ушла"), "{action}");
    }
}

async fn the_clock_and_a_press_at_the_same_instant_send_once(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    world.advance_minutes(121);
    let id = versions(world).await.remove(0).id;
    let (message_ref, action) = trainer.button("Отправить");
    let event = trainer.event(Body::Action {
        action,
        message_ref: Some(message_ref),
    });
    let admin = admin(world);
    let (_, _, by_api) = tokio::join!(
        trainer.receive(&event),
        world.run_jobs(),
        app::crm::approvals::approve(&world.app, &admin, &id),
    );
    drop(by_api);
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1);
    assert_eq!(anna.count("Это первые две недели"), 1);
    let decided = timeline(world)
        .await
        .into_iter()
        .filter(|kind| matches!(kind.as_str(), "program.approved" | "program.released"))
        .count();
    assert_eq!(decided, 1);
}

async fn a_swap_that_is_made_at_the_deadline_goes_out_instead(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    world.advance_minutes(119);
    press(&mut trainer, "Другой вариант").await;
    world.advance_minutes(5);
    // Both the making of the new version and the release of the old one are due now.
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1, "one of them goes out");
    assert_eq!(statuses(world).await, ["superseded", "ready"]);
    assert_eq!(versions(world).await[1].decided_by.as_deref(), Some("clock"));
}

async fn a_new_version_that_fails_gives_its_place_back(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    press(&mut trainer, "Другой вариант").await;
    let broken = world.break_files();
    for _ in 0..8 {
        world.run_jobs().await;
        world.advance_minutes(10);
    }
    look(&mut [&mut anna, &mut trainer]).await;
    world.mend_files(broken);
    assert_eq!(statuses(world).await, ["awaiting_approval", "failed"]);
    assert_eq!(trainer.count("Новая версия не получилась: Анна"), 1);
    assert_eq!(anna.count("не получилось"), 0, "the client is told nothing of it");
    world.advance_minutes(120);
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1, "the promise is kept");
    assert_eq!(statuses(world).await, ["ready", "failed"]);
}

async fn a_trainer_who_left_holds_nothing_up(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    trainer.act(Body::Blocked).await;
    world.advance_minutes(121);
    world.run_jobs().await;
    look(&mut [&mut anna]).await;
    assert_eq!(anna.documents(), 1);
}

async fn regenerated_while_it_waits_the_client_gets_one(world: &World) {
    let (mut anna, mut trainer) = waiting(world).await;
    let id = versions(world).await.remove(0).id;
    let next = app::generate_program::order(&world.app, &admin(world), &id)
        .await
        .unwrap();
    let (message_ref, _) = trainer.button("Отправить");
    tap(&mut trainer, message_ref, format!("ok:{id}")).await;
    assert_eq!(trainer.toasts.last().unwrap(), "Эту версию уже заменяет другая");
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 0);
    app::crm::approvals::approve(&world.app, &admin(world), &next)
        .await
        .unwrap();
    let again = app::crm::approvals::approve(&world.app, &admin(world), &next)
        .await
        .unwrap_err();
    assert!(
        matches!(
            again,
            app::Error::Conflict {
                code: "program_already_sent",
                ..
            }
        ),
        "{again:?}"
    );
    let old = app::crm::approvals::approve(&world.app, &admin(world), &id)
        .await
        .unwrap_err();
    assert!(
        matches!(
            old,
            app::Error::Conflict {
                code: "program_replaced",
                ..
            }
        ),
        "{old:?}"
    );
    world.advance_minutes(500);
    world.run_jobs().await;
    look(&mut [&mut anna, &mut trainer]).await;
    assert_eq!(anna.documents(), 1);
}

async fn a_card_on_its_way_arrives_as_what_was_decided(world: &World) {
    approval_is_on(world).await;
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    world.run_jobs().await;
    let id = versions(world).await.remove(0).id;
    app::crm::approvals::approve(&world.app, &admin(world), &id)
        .await
        .unwrap();
    look(&mut [&mut anna, &mut trainer]).await;
    assert!(
        trainer.last().plain_text().contains("Программа отправлена"),
        "{:?}",
        trainer.texts()
    );
    assert_eq!(trainer.count("Программа на проверку"), 0);
    assert_eq!(anna.documents(), 1);
}

async fn a_withdrawn_exercise_is_replaced_for_everybody(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    let mut boris = Phone::new(world, "102", "Борис", "ru");
    for phone in [&mut anna, &mut boris] {
        phone.walk_to_summary("Нет, всё в порядке").await;
        phone.press("Всё верно").await;
        world.run_jobs().await;
        phone.refresh().await;
        assert_eq!(phone.documents(), 1);
    }
    let first = versions(world).await.remove(0);
    let (content, _) = world.read().await.program_details(&first.id).await.unwrap().unwrap();
    let content: serde_json::Value = serde_json::from_str(&content).unwrap();
    let item = &content["programme"]["weeks"][0]["days"][0]["items"][0];
    let exercise = item["exercise_id"].as_str().unwrap().to_owned();
    let admin = admin(world);
    let dry = app::regenerate_programs::start(&world.app, &admin, &exercise, true)
        .await
        .unwrap();
    assert_eq!((dry.count, dry.batch), (2, None));
    assert_eq!(dry.affected.len(), 2);
    assert_eq!(versions(world).await.len(), 2, "a dry run orders nothing");
    let run = app::regenerate_programs::start(&world.app, &admin, &exercise, false)
        .await
        .unwrap();
    let batch = run.batch.unwrap();
    world.run_jobs().await;
    let progress = app::regenerate_programs::progress(&world.app, &admin, &batch)
        .await
        .unwrap();
    assert_eq!(progress.versions, [("ready".to_owned(), 2)]);
    assert_eq!((progress.batch.total, progress.batch.ordered_at.is_some()), (2, true));
    look(&mut [&mut anna, &mut boris]).await;
    for phone in [&anna, &boris] {
        assert_eq!(phone.documents(), 2);
        let name = item["name"]["ru"].as_str().unwrap();
        assert_eq!(
            phone.count(&format!("больше не даём упражнение «{name}»")),
            1,
            "{:?}",
            phone.texts()
        );
        assert_eq!(phone.count("Это первые две недели"), 1, "the offer is not repeated");
    }
    let nobody = app::regenerate_programs::start(&world.app, &admin, &exercise, false)
        .await
        .unwrap();
    assert_eq!((nobody.count, nobody.batch), (0, None));
}

async fn the_setting_is_for_its_scopes_and_can_be_switched_off(world: &World) {
    let admin = admin(world);
    let setting = ProgramSettings {
        delivery: DeliveryRule::AfterApproval,
        scopes: vec!["full".into()],
        ..ProgramSettings::default()
    };
    app::crm::program_settings::save(&world.app, &admin, 0, setting)
        .await
        .unwrap();
    let stale = app::crm::program_settings::save(&world.app, &admin, 0, ProgramSettings::default()).await;
    assert!(matches!(stale, Err(app::Error::VersionConflict { .. })));
    assert!(world.read().await.find_setting(PROGRAMS).await.unwrap().is_some());
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    world.run_jobs().await;
    anna.refresh().await;
    assert_eq!(anna.documents(), 1, "the free one goes at once");
}

on_both!(
    the_trainer_sees_pages_and_sends,
    of_two_trainers_the_first_decides_and_the_other_sees_it,
    an_exercise_is_swapped_by_buttons,
    a_note_goes_into_the_document_and_its_message,
    another_variant_is_the_next_best_plan,
    nobody_waits_longer_than_promised,
    the_clock_and_a_press_at_the_same_instant_send_once,
    a_swap_that_is_made_at_the_deadline_goes_out_instead,
    a_new_version_that_fails_gives_its_place_back,
    a_trainer_who_left_holds_nothing_up,
    regenerated_while_it_waits_the_client_gets_one,
    a_card_on_its_way_arrives_as_what_was_decided,
    a_withdrawn_exercise_is_replaced_for_everybody,
    the_setting_is_for_its_scopes_and_can_be_switched_off,
);
