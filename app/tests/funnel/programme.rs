//! From the finished questionnaire to the document in the chat.

use domain::pipeline::{LeadStatus, StageKind};
use store::{ClientFilter, PageRequest, ProgramFilter};

use crate::phone::Phone;
use crate::world::{TRAINER, World, on_both};

const ALL: PageRequest = PageRequest {
    limit: 100,
    after: None,
};

async fn a_newcomer_gets_a_personal_programme(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    assert!(
        anna.last().plain_text().contains("72,5 кг"),
        "{:?}",
        anna.last().plain_text()
    );
    anna.press("Всё верно").await;
    assert!(anna.count("Собираю вашу программу") == 1);
    assert_eq!(anna.documents(), 0);

    assert_eq!(world.run_jobs().await, 1);
    anna.refresh().await;
    assert_eq!(anna.documents(), 1);
    assert_eq!(anna.count("Это первые две недели"), 1, "the offer follows");

    let mut tx = world.read().await;
    let clients = tx.list_clients(&ClientFilter::default(), &ALL).await.unwrap().items;
    assert_eq!(clients.len(), 1);
    let client = &clients[0];
    assert_eq!(
        tx.find_stage(&client.stage).await.unwrap().unwrap().kind,
        StageKind::Consultation
    );
    let lead = tx.open_lead_of(&client.id).await.unwrap().unwrap();
    assert_eq!(lead.status, LeadStatus::Qualified);
    let program = tx.latest_ready_program(&client.id).await.unwrap().unwrap();
    assert!(program.delivered_at.is_some());
    let file = tx.find_file(program.file.as_ref().unwrap()).await.unwrap().unwrap();
    let bytes = world.app.files().get(&file.storage_key).await.unwrap().unwrap();
    assert!(bytes.starts_with(b"%PDF"));
    assert!(
        file.external_ids.contains("tg-"),
        "the messenger's own id is kept for the next time"
    );
    let consents = tx.consents_of(&client.id).await.unwrap();
    assert_eq!(consents.len(), 2);
    drop(tx);

    trainer.start(None).await;
    let kinds: Vec<String> = world
        .read()
        .await
        .list_actions(&client.id, &ALL)
        .await
        .unwrap()
        .items
        .into_iter()
        .rev()
        .map(|action| action.kind)
        .collect();
    assert_eq!(
        kinds,
        [
            "lead.created",
            "consent",
            "consent",
            "questionnaire.started",
            "questionnaire.completed",
            "program.ready",
            "program.delivered"
        ]
    );
}

async fn an_impatient_client_is_not_asked_everything_again(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    anna.say("Меню").await;
    anna.press("Бесплатная программа").await;
    assert!(
        anna.last().plain_text().contains("ещё в работе"),
        "{:?}",
        anna.last().plain_text()
    );
    assert_eq!(world.run_jobs().await, 1);
    anna.refresh().await;
    assert_eq!(anna.documents(), 1);
}

async fn the_programme_can_be_sent_again_by_its_file_id(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    world.run_jobs().await;
    anna.refresh().await;
    let inbound = anna.event(app::converse::Body::Command { name: "program".into() });
    anna.receive(&inbound).await;
    let claimed = world.claim("bot-2").await;
    assert_eq!(claimed.len(), 1);
    assert!(
        claimed[0]
            .external_file_id
            .as_deref()
            .is_some_and(|id| id.starts_with("tg-"))
    );
}

async fn a_red_flag_goes_to_the_trainer_who_decides(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    anna.walk_to_summary("Да, есть").await;
    let inbound = {
        let (message_ref, action) = anna.button("Всё верно");
        anna.event(app::converse::Body::Action {
            action,
            message_ref: Some(message_ref),
        })
    };
    let answer = anna.receive(&inbound).await;
    for outgoing in answer.deliveries {
        anna.show(&outgoing).await;
    }
    assert_eq!(world.run_jobs().await, 0, "nothing is sent by itself");
    assert_eq!(anna.count("сначала посмотрит"), 1);
    trainer.refresh().await;
    trainer.press("Собрать программу").await;
    trainer.press("Собрать программу").await;
    assert_eq!(world.run_jobs().await, 1, "two presses order one programme");
    anna.refresh().await;
    assert_eq!(anna.documents(), 1);
    let mut tx = world.read().await;
    let client = tx
        .list_clients(&ClientFilter::default(), &ALL)
        .await
        .unwrap()
        .items
        .remove(0);
    assert!(client.needs_trainer);
}

async fn a_worker_that_dies_in_the_middle_costs_nobody_a_programme_and_sends_none_twice(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    let now = world.app.now();
    let mut system = world.app.store().system().await.unwrap();
    let taken = system
        .claim_jobs("a worker that dies", 10, now, now, now.plus_minutes(1))
        .await
        .unwrap();
    system.commit().await.unwrap();
    assert_eq!(taken.len(), 1);
    assert_eq!(world.run_jobs().await, 0, "the lease holds");
    world.advance_minutes(2);
    assert_eq!(world.run_jobs().await, 1);
    world.advance_minutes(60 * 24);
    assert_eq!(world.run_jobs().await, 0);
    anna.refresh().await;
    assert_eq!(anna.documents(), 1);
    let programs = world
        .read()
        .await
        .list_programs(&ProgramFilter::default(), &ALL)
        .await
        .unwrap()
        .items;
    assert_eq!(programs.len(), 1);
}

async fn a_programme_that_fails_for_good_is_told_to_both_and_can_be_replayed(world: &World) {
    let mut anna = Phone::new(world, "101", "Анна", "ru");
    let mut trainer = Phone::new(world, TRAINER, "Ольга", "ru");
    trainer.start(None).await;
    anna.walk_to_summary("Нет, всё в порядке").await;
    anna.press("Всё верно").await;
    // The store of files is gone: its folder became a file.
    let broken = world.break_files();
    for _ in 0..8 {
        world.run_jobs().await;
        world.advance_minutes(60);
    }
    anna.refresh().await;
    trainer.refresh().await;
    assert_eq!(anna.documents(), 0);
    assert_eq!(anna.count("автоматически собрать программу не получилось"), 1);
    let mut tx = world.read().await;
    let dead = tx
        .list_jobs(Some(domain::work::JobState::Dead), &ALL)
        .await
        .unwrap()
        .items;
    assert_eq!(dead.len(), 1);
    assert!(
        !tx.doctor(world.app.now()).await.unwrap().is_empty(),
        "the doctor sees it"
    );
    drop(tx);
    world.mend_files(broken);
    let mut tx = world.write().await;
    assert!(tx.replay_job(&dead[0].id, world.app.now()).await.unwrap());
    tx.commit().await.unwrap();
    assert_eq!(world.run_jobs().await, 1);
    anna.refresh().await;
    assert_eq!(anna.documents(), 1);
}

on_both!(
    an_impatient_client_is_not_asked_everything_again,
    a_newcomer_gets_a_personal_programme,
    the_programme_can_be_sent_again_by_its_file_id,
    a_red_flag_goes_to_the_trainer_who_decides,
    a_worker_that_dies_in_the_middle_costs_nobody_a_programme_and_sends_none_twice,
    a_programme_that_fails_for_good_is_told_to_both_and_can_be_replayed,
);
