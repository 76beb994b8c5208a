//! Questionnaires: answers, the form edited under people, drop-off.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, Person, body, text, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    a_finished_questionnaire_shows_every_answer,
    people_in_the_middle_finish_an_edited_form,
    the_form_is_edited_by_one_at_a_time,
    a_wrong_form_names_the_question,
    the_drop_off_shows_where_people_stop,
    a_questionnaire_of_another_tenant_does_not_exist,
);

async fn only_run(desk: &Desk<'_>) -> Value {
    let runs = desk.read("/api/questionnaires").await;
    assert_eq!(runs["items"].as_array().unwrap().len(), 1);
    desk.read(&format!("/api/questionnaires/{}", text(&runs["items"][0]["id"])))
        .await
}

fn question<'v>(run: &'v Value, id: &str) -> &'v Value {
    let questions = run["questions"].as_array().unwrap();
    questions
        .iter()
        .find(|question| question["id"] == id)
        .unwrap_or_else(|| panic!("no {id} in {run:#}"))
}

/// The form without what the answer adds to it.
async fn form(desk: &Desk<'_>) -> (Value, i64) {
    let response = desk.get("/api/questionnaires/form").await;
    let tag = response.headers()["etag"].to_str().unwrap().to_owned();
    let form = body(response, 200).await;
    assert_eq!(tag, format!("\"{}\"", form["version"]));
    (
        json!({ "questions": form["questions"] }),
        form["version"].as_i64().unwrap(),
    )
}

async fn a_finished_questionnaire_shows_every_answer(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let mut anna = Person::new("801");
    anna.start(&world, None).await;
    anna.walk_until_asked(&world, "weight").await;
    world.clock.advance_ms(7_000);
    anna.walk_to_the_end(&world).await;
    let run = only_run(&desk).await;
    assert_eq!(run["status"], "completed");
    assert_eq!(
        question(&run, "weight")["answer"],
        json!({ "ru": "72,5 кг", "en": "72.5 kg" })
    );
    assert_eq!(
        question(&run, "weight")["raw"],
        json!({ "type": "tenths", "value": 725 })
    );
    assert_eq!(question(&run, "weight")["spent_ms"], 7_000);
    assert_eq!(question(&run, "sex")["answer"]["ru"], "Женский");
    assert_eq!(
        question(&run, "sex")["raw"],
        json!({ "type": "chosen", "value": ["female"] })
    );
    assert!(
        run["questions"]
            .as_array()
            .unwrap()
            .iter()
            .all(|question| question["is_removed"] == false)
    );

    let client = text(&run["client_id"]).to_owned();
    assert_eq!(
        desk.read(&format!("/api/clients/{client}")).await["stage"]["kind"],
        "consultation"
    );
    let listed = desk
        .read(&format!("/api/questionnaires?client={client}&status=completed"))
        .await;
    assert_eq!(listed["items"][0]["id"], run["id"]);
    assert_eq!(
        desk.read("/api/questionnaires?status=in_progress").await["items"],
        json!([])
    );
    assert_eq!(
        desk.read(&format!("/api/leads?client={client}")).await["items"][0]["status"],
        "qualified"
    );
}

async fn people_in_the_middle_finish_an_edited_form(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let (mut early, mut late) = (Person::new("811"), Person::new("812"));
    early.start(&world, None).await;
    early.walk_until_asked(&world, "sex").await;
    late.start(&world, None).await;
    late.walk_until_asked(&world, "lifestyle").await;

    let (mut form, version) = form(&desk).await;
    let questions = form["questions"].as_array_mut().unwrap();
    // The question on the screen goes away, an answered one changes its words, an answer's option goes, a new one comes.
    questions.retain(|question| question["id"] != "lifestyle");
    let sex = questions.iter_mut().find(|question| question["id"] == "sex").unwrap();
    sex["text"] = json!({ "ru": "Кто вы?", "en": "Who are you?" });
    let goal = questions.iter_mut().find(|question| question["id"] == "goal").unwrap();
    goal["kind"]["options"]
        .as_array_mut()
        .unwrap()
        .retain(|option| option["id"] != "fat_loss");
    questions.push(json!({
        "id": "sleep", "text": { "ru": "Сколько вы спите?", "en": "How much do you sleep?" }, "label": { "ru": "Сон", "en": "Sleep" },
        "kind": { "type": "choice", "options": [
            { "id": "little", "label": { "ru": "Мало", "en": "Little" } }, { "id": "enough", "label": { "ru": "Хватает", "en": "Enough" } }
        ] }
    }));
    body(desk.put("/api/questionnaires/form", version, &form).await, 200).await;

    early.walk_to_the_end(&world).await;
    late.walk_to_the_end(&world).await;
    let runs = desk.read("/api/questionnaires?status=completed").await;
    assert_eq!(runs["items"].as_array().unwrap().len(), 2, "both finished");
    for run in runs["items"].as_array().unwrap() {
        let run = desk.read(&format!("/api/questionnaires/{}", text(&run["id"]))).await;
        assert_eq!(
            question(&run, "sleep")["raw"],
            json!({ "type": "chosen", "value": ["little"] })
        );
        assert_eq!(question(&run, "sex")["text"]["ru"], "Кто вы?");
        assert!(
            question(&run, "goal")["answer"]["ru"]
                .as_str()
                .is_some_and(|words| !words.is_empty()),
            "asked anew"
        );
        let removed: Vec<&Value> = run["questions"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|it| it["is_removed"] == true)
            .collect();
        for question in removed {
            assert_eq!((text(&question["id"]), question["raw"].is_null()), ("lifestyle", true));
            assert!(
                text(&question["text"]["ru"]).chars().count() > 10,
                "its words are still known: {question}"
            );
        }
    }
    world.run_due_jobs().await;
    assert_eq!(
        desk.read("/api/programs?status=ready").await["items"]
            .as_array()
            .unwrap()
            .len(),
        2,
        "both have a programme"
    );
}

async fn the_form_is_edited_by_one_at_a_time(world: TestWorld) {
    let (olga, igor) = (Desk::of(&world).await, Desk::of(&world).await);
    let (mut form, version) = form(&olga).await;
    form["questions"][0]["label"]["ru"] = json!("Кто");
    let saved = body(olga.put("/api/questionnaires/form", version, &form).await, 200).await;
    assert_eq!(
        (&saved["version"], &saved["questions"]),
        (&json!(version + 1), &form["questions"])
    );
    expect_problem(
        igor.put("/api/questionnaires/form", version, &form).await,
        412,
        "version_conflict",
    )
    .await;
    let bare = world
        .request(Method::PUT, "/api/questionnaires/form")
        .bearer_auth(&olga.token)
        .json(&form);
    expect_problem(bare.send().await.unwrap(), 428, "version_required").await;
    let (one, other) = tokio::join!(
        olga.put("/api/questionnaires/form", version + 1, &form),
        igor.put("/api/questionnaires/form", version + 1, &form)
    );
    let mut statuses = [one.status().as_u16(), other.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

async fn a_wrong_form_names_the_question(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let (good, version) = form(&desk).await;
    let wrong = |edit: &dyn Fn(&mut Vec<Value>)| {
        let mut form = good.clone();
        edit(form["questions"].as_array_mut().unwrap());
        form
    };
    let cases: [(Value, &str, &str); 7] = [
        (wrong(&|questions| questions.clear()), "questions", "empty"),
        (
            wrong(&|questions| questions[2]["id"] = json!("Bad Id")),
            "questions/2",
            "bad_id",
        ),
        (
            wrong(&|questions| {
                let first = questions[0].clone();
                questions.push(first);
            }),
            "questions/12",
            "duplicate_id",
        ),
        (
            wrong(&|questions| questions[1]["text"]["ru"] = json!(" ")),
            "questions/1",
            "missing_text",
        ),
        (
            wrong(&|questions| questions[0]["kind"]["options"] = json!([])),
            "questions/0",
            "bad_options",
        ),
        (
            wrong(&|questions| questions[1]["kind"]["min_tenths"] = json!(9_999)),
            "questions/1",
            "bad_range",
        ),
        (
            wrong(&|questions| questions[0]["when"] = json!({ "question": "place", "any_of": ["home"] })),
            "questions/0",
            "bad_condition",
        ),
    ];
    for (form, field, code) in cases {
        let problem = expect_problem(
            desk.put("/api/questionnaires/form", version, &form).await,
            422,
            "validation_failed",
        )
        .await;
        assert_eq!(wrong_fields(&problem), [(field.to_owned(), code.to_owned())]);
    }
    let typo = wrong(&|questions| questions[0]["optional"] = json!(true));
    let problem = expect_problem(
        desk.put("/api/questionnaires/form", version, &typo).await,
        422,
        "validation_failed",
    )
    .await;
    assert!(wrong_fields(&problem)[0].0.starts_with("/questions/0"), "{problem}");
    assert_eq!(desk.read("/api/questionnaires/form").await["version"], version);
}

async fn the_drop_off_shows_where_people_stop(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let mut stays = Person::new("821");
    stays.start(&world, None).await;
    stays.walk_to_the_end(&world).await;
    let mut leaves = Person::new("822");
    leaves.start(&world, None).await;
    leaves.walk_until_asked(&world, "height").await;

    let report = desk.read("/api/questionnaires/drop-off").await;
    let rows = report["questions"].as_array().unwrap();
    assert_eq!(rows[0]["id"], "sex", "in the form's order");
    let row = |id: &str| rows.iter().find(|row| row["id"] == id).unwrap();
    assert_eq!(
        (
            row("goal")["asked"].as_i64(),
            row("goal")["answered"].as_i64(),
            row("goal")["dropped"].as_i64()
        ),
        (Some(2), Some(2), Some(0))
    );
    assert_eq!(
        (
            row("height")["asked"].as_i64(),
            row("height")["answered"].as_i64(),
            row("height")["dropped"].as_i64()
        ),
        (Some(2), Some(1), Some(1))
    );
    assert_eq!(row("height")["label"]["ru"], "Рост");
    assert_eq!(row("weight")["asked"], 1);
    assert_eq!(
        desk.read("/api/questionnaires/drop-off?since=2026-11-21T00:00:00Z")
            .await["questions"],
        json!([])
    );
    expect_problem(
        desk.get("/api/questionnaires/drop-off?since=week").await,
        422,
        "validation_failed",
    )
    .await;
}

async fn a_questionnaire_of_another_tenant_does_not_exist(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let mut anna = Person::new("831");
    anna.start(&world, None).await;
    anna.walk_until_asked(&world, "age").await;
    let path = format!("/api/questionnaires/{}", text(&only_run(&desk).await["id"]));
    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    expect_problem(stranger.get(&path).await, 404, "not_found").await;
    assert_eq!(stranger.read("/api/questionnaires").await["items"], json!([]));
    expect_problem(desk.get("/api/questionnaires/nonsense").await, 404, "not_found").await;
}
