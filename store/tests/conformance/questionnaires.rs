//! Runs, answers, the time they took and where people stop.

use domain::ids::{FormId, QuestionnaireId};
use domain::questionnaire::Answer;
use store::{DropOff, FormRow, NewClient, QuestionnaireFilter, Tx};
use tokio::task::JoinSet;

use crate::world::{NOW, World, page};

fn chosen(option: &str) -> Answer {
    Answer::Chosen(vec![option.to_owned()])
}

async fn begin(world: &World, tx: &mut Tx, client: &NewClient) -> QuestionnaireId {
    let run = world.id();
    tx.begin_questionnaire(&run, &client.id, 1, NOW).await.unwrap();
    run
}

pub async fn a_client_has_one_open_run(world: &World) {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    let first = begin(world, &mut tx, &client).await;
    let second = begin(world, &mut tx, &client).await;
    assert_eq!(
        tx.find_questionnaire(&first).await.unwrap().unwrap().status,
        "abandoned"
    );
    assert_eq!(tx.latest_questionnaire(&client.id).await.unwrap().unwrap().id, second);
    assert!(
        !tx.complete_questionnaire(&first, false, NOW).await.unwrap(),
        "an abandoned run stays so"
    );
    assert!(
        tx.complete_questionnaire(&second, true, NOW.plus_minutes(4))
            .await
            .unwrap()
    );
    assert!(!tx.complete_questionnaire(&second, false, NOW).await.unwrap());
    let done = tx.find_questionnaire(&second).await.unwrap().unwrap();
    assert_eq!((done.status.as_str(), done.needs_trainer), ("completed", true));
    assert_eq!(done.completed_at, Some(NOW.plus_minutes(4)));
    let third = begin(world, &mut tx, &client).await;
    assert_eq!(
        tx.find_questionnaire(&second).await.unwrap().unwrap().status,
        "completed"
    );
    for (status, expected) in [("in_progress", &third), ("completed", &second), ("abandoned", &first)] {
        let filter = QuestionnaireFilter {
            client: Some(client.id.clone()),
            status: Some(status.to_owned()),
        };
        let found = tx.list_questionnaires(&filter, &page(9)).await.unwrap().items;
        assert_eq!(
            found.iter().map(|run| run.id.clone()).collect::<Vec<_>>(),
            std::slice::from_ref(expected),
            "{status}"
        );
    }
    tx.commit().await.unwrap();

    let mut tasks = JoinSet::new();
    for _ in 0..6 {
        let (tenant, run, client) = (world.tenant.clone(), world.id(), client.id.clone());
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            match tx.begin_questionnaire(&run, &client, 1, NOW).await {
                Ok(()) => tx.commit().await.unwrap(),
                Err(refused) => assert!(refused.is_unique_violation(), "{refused:?}"),
            }
        });
    }
    tasks.join_all().await;
    let open = QuestionnaireFilter {
        client: Some(client.id.clone()),
        status: Some("in_progress".to_owned()),
    };
    let mut tx = world.read().await;
    assert_eq!(tx.list_questionnaires(&open, &page(9)).await.unwrap().items.len(), 1);
}

pub async fn answers_are_kept_and_can_be_dropped(world: &World) {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    let run = begin(world, &mut tx, &client).await;
    for (question, answer) in [
        ("goal", chosen("muscle")),
        ("weight", Answer::Tenths(705)),
        ("injuries", Answer::Skipped),
    ] {
        tx.mark_asked(&run, question, NOW).await.unwrap();
        tx.save_answer(&run, question, &answer, NOW.plus_millis(1))
            .await
            .unwrap();
    }
    tx.save_answer(&run, "goal", &chosen("fat_loss"), NOW.plus_millis(2))
        .await
        .unwrap();
    tx.mark_asked(&run, "goal", NOW.plus_minutes(1)).await.unwrap();
    tx.drop_answer(&run, "injuries").await.unwrap();
    tx.drop_answer(&run, "never asked").await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.read().await;
    let answers = tx.answers(&run).await.unwrap();
    assert_eq!(
        answers.get("goal"),
        Some(&chosen("fat_loss")),
        "the later answer, and asking again keeps it"
    );
    assert_eq!(answers.get("weight"), Some(&Answer::Tenths(705)));
    assert_eq!(answers.len(), 2);
    let stored = tx.stored_answers(&run).await.unwrap();
    let dropped = stored.iter().find(|row| row.question == "injuries").unwrap();
    assert_eq!(
        (dropped.answer.clone(), dropped.answered_at),
        (None, None),
        "that it was asked stays known"
    );
}

pub async fn time_is_summed_over_every_asking(world: &World) {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    let run = begin(world, &mut tx, &client).await;
    let at = |seconds: i64| NOW.plus_millis(seconds * 1000);
    tx.mark_asked(&run, "goal", at(0)).await.unwrap();
    tx.save_answer(&run, "goal", &chosen("muscle"), at(10)).await.unwrap();
    // A second tap on the same buttons is not a second asking: it took 12 seconds, not 10 and 12.
    tx.save_answer(&run, "goal", &chosen("strength"), at(12)).await.unwrap();
    tx.mark_asked(&run, "goal", at(100)).await.unwrap();
    tx.save_answer(&run, "goal", &chosen("health"), at(105)).await.unwrap();
    tx.mark_asked(&run, "weight", at(110)).await.unwrap();
    // A clock that goes backwards takes nothing away.
    tx.save_answer(&run, "weight", &Answer::Tenths(700), at(90))
        .await
        .unwrap();
    let stored = tx.stored_answers(&run).await.unwrap();
    let spent: Vec<(&str, i64)> = stored.iter().map(|row| (row.question.as_str(), row.spent_ms)).collect();
    assert_eq!(spent, [("goal", 17_000), ("weight", 0)]);
}

pub async fn drop_off_counts_where_people_stop(world: &World) {
    let mut tx = world.write().await;
    // How many questions each of them answered, and milliseconds for each.
    for (answered, spent_ms, is_finished) in [(2, 1, true), (2, 2, true), (1, 2, false), (0, 0, false)] {
        let client = world.a_client();
        tx.insert_client(&client).await.unwrap();
        let run = begin(world, &mut tx, &client).await;
        for (number, question) in ["goal", "weight"].into_iter().enumerate() {
            if number > answered {
                break;
            }
            tx.mark_asked(&run, question, NOW).await.unwrap();
            if number < answered {
                tx.save_answer(&run, question, &Answer::Skipped, NOW.plus_millis(spent_ms))
                    .await
                    .unwrap();
            }
        }
        if is_finished {
            tx.complete_questionnaire(&run, false, NOW).await.unwrap();
        }
    }
    let row = |question: &str, asked, answered, dropped, average_ms| DropOff {
        question: question.to_owned(),
        asked,
        answered,
        dropped,
        average_ms,
    };
    // The averages are 5/3 and 3/2 milliseconds: cut, on both databases alike.
    assert_eq!(
        tx.drop_off(NOW).await.unwrap(),
        [row("goal", 4, 3, 1, 1), row("weight", 3, 2, 1, 1)]
    );
    assert_eq!(tx.drop_off(NOW.plus_millis(1)).await.unwrap(), []);
}

pub async fn a_form_version_is_saved_once(world: &World) {
    let form = |version: i64| FormRow {
        id: world.id::<FormId>(),
        version,
        definition: format!(r#"{{"version":{version}}}"#),
        author: "us_1".to_owned(),
        created_at: NOW,
    };
    let mut tx = world.write().await;
    assert_eq!(tx.current_form().await.unwrap(), None);
    for version in 1..=3 {
        tx.insert_form(&form(version)).await.unwrap();
    }
    assert_eq!(tx.current_form().await.unwrap().unwrap().definition, r#"{"version":3}"#);
    assert_eq!(
        tx.form_of_version(2).await.unwrap().unwrap().definition,
        r#"{"version":2}"#
    );
    assert_eq!(tx.form_of_version(4).await.unwrap(), None);
    tx.commit().await.unwrap();
    let mut tx = world.write().await;
    let refused = tx.insert_form(&form(3)).await.unwrap_err();
    assert!(refused.is_unique_violation(), "{refused:?}");
}
