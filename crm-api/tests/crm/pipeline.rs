//! Stages, the board, moves.

use serde_json::{Value, json};

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, body, text, texts, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    a_fresh_install_has_a_stage_of_each_kind,
    stages_are_added_renamed_and_reordered,
    only_an_empty_stage_is_archived,
    two_editors_of_a_stage,
    a_client_is_moved_and_the_history_says_so,
    the_board_counts_everybody_and_shows_the_first,
    several_clients_move_together_or_not_at_all,
    crossing_moves_of_the_same_clients_keep_the_counts_right,
    stages_of_another_tenant_do_not_exist,
);

fn totals(board: &Value) -> Vec<(String, i64)> {
    let columns = board["columns"].as_array().unwrap().iter();
    let counted = columns.map(|column| {
        (
            text(&column["stage"]["kind"]).to_owned(),
            column["total"].as_i64().unwrap(),
        )
    });
    counted.filter(|(_, total)| *total != 0).collect()
}

async fn titles(desk: &Desk<'_>) -> Vec<String> {
    desk.stages()
        .await
        .iter()
        .map(|stage| text(&stage["title"]["ru"]).to_owned())
        .collect()
}

async fn a_fresh_install_has_a_stage_of_each_kind(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let stages = desk.stages().await;
    let kinds: Vec<&str> = stages.iter().map(|stage| text(&stage["kind"])).collect();
    assert_eq!(
        kinds,
        [
            "first_contact",
            "consultation",
            "deciding",
            "purchased",
            "active",
            "completed",
            "inactive"
        ]
    );
    assert_eq!(
        stages[0]["title"],
        json!({ "ru": "Первичный контакт", "en": "First contact" })
    );
}

async fn stages_are_added_renamed_and_reordered(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let before = titles(&desk).await;
    let new =
        json!({ "kind": "deciding", "title": { "ru": "Ждут зарплату", "en": "Waiting for payday" }, "position": 3 });
    let response = desk.post("/api/pipeline/stages", &new).await;
    let location = response.headers()["location"].to_str().unwrap().to_owned();
    let stage = body(response, 201).await;
    assert_eq!(stage["position"], 3);
    assert_eq!(desk.read(&location).await, stage);
    let mut expected = before.clone();
    expected.insert(3, "Ждут зарплату".into());
    assert_eq!(titles(&desk).await, expected);

    let rename = json!({ "title": { "ru": "Думают", "en": "Thinking" }, "position": 0 });
    let moved = body(
        desk.patch(&location, stage["version"].as_i64().unwrap(), &rename).await,
        200,
    )
    .await;
    assert_eq!(
        (moved["position"].as_i64().unwrap(), text(&moved["title"]["en"])),
        (0, "Thinking")
    );
    assert_eq!(desk.read(&location).await, moved);
    let mut expected = before;
    expected.insert(0, "Думают".into());
    assert_eq!(titles(&desk).await, expected);
    let far = body(
        desk.patch(
            &location,
            moved["version"].as_i64().unwrap(),
            &json!({ "position": 99 }),
        )
        .await,
        200,
    )
    .await;
    assert_eq!(far["position"], 7);

    for wrong in [
        json!({ "kind": "won", "title": { "ru": "А" } }),
        json!({ "kind": "active", "title": { "ru": " " } }),
    ] {
        expect_problem(
            desk.post("/api/pipeline/stages", &wrong).await,
            422,
            "validation_failed",
        )
        .await;
    }
    let kind = desk
        .patch(
            &location,
            far["version"].as_i64().unwrap(),
            &json!({ "kind": "active" }),
        )
        .await;
    expect_problem(kind, 422, "validation_failed").await;
}

async fn only_an_empty_stage_is_archived(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let (deciding, inactive) = (desk.stage("deciding").await, desk.stage("inactive").await);
    let path = format!("/api/pipeline/stages/{}", text(&deciding["id"]));
    let client = desk
        .client_with(json!({ "name": "Анна", "stage_id": deciding["id"] }))
        .await;
    let archive = json!({ "archived": true });
    expect_problem(desk.patch(&path, 1, &archive).await, 409, "stage_not_empty").await;

    let leave = format!("/api/clients/{}/move", text(&client["id"]));
    body(desk.post(&leave, &json!({ "stage_id": inactive["id"] })).await, 200).await;
    body(desk.patch(&path, 1, &archive).await, 200).await;
    expect_problem(desk.get(&path).await, 404, "not_found").await;
    assert_eq!(desk.stages().await.len(), 6);
    let back = json!({ "stage_id": deciding["id"] });
    expect_problem(desk.post(&leave, &back).await, 409, "stage_archived").await;
    let bulk = json!({ "client_ids": [client["id"]], "stage_id": deciding["id"] });
    expect_problem(desk.post("/api/pipeline/moves", &bulk).await, 409, "stage_archived").await;
    let new = json!({ "name": "Борис", "stage_id": deciding["id"] });
    expect_problem(desk.post("/api/clients", &new).await, 409, "stage_archived").await;

    let first = desk.stage("first_contact").await;
    let path = format!("/api/pipeline/stages/{}", text(&first["id"]));
    expect_problem(desk.patch(&path, 1, &archive).await, 409, "stage_needed").await;
}

async fn two_editors_of_a_stage(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let stage = desk.stage("deciding").await;
    let path = format!("/api/pipeline/stages/{}", text(&stage["id"]));
    // Making room for a neighbour is no edit of this stage.
    let new = json!({ "kind": "deciding", "title": { "ru": "Новый", "en": "New" }, "position": 0 });
    body(desk.post("/api/pipeline/stages", &new).await, 201).await;
    body(
        desk.patch(&path, 1, &json!({ "title": { "ru": "Думают", "en": "Thinking" } }))
            .await,
        200,
    )
    .await;
    expect_problem(
        desk.patch(&path, 1, &json!({ "title": { "ru": "Решают", "en": "" } }))
            .await,
        412,
        "version_conflict",
    )
    .await;
    assert_eq!(desk.read(&path).await["title"]["ru"], "Думают");
}

async fn a_client_is_moved_and_the_history_says_so(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let client = desk.client("Анна").await;
    let (first, active) = (desk.stage("first_contact").await, desk.stage("active").await);
    let path = format!("/api/clients/{}", text(&client["id"]));
    world.clock.advance_ms(1_000);
    let step = json!({ "stage_id": active["id"], "reason": "Оплатила наличными" });
    let moved = body(desk.post(&format!("{path}/move"), &step).await, 200).await;
    assert_eq!(moved["stage"]["kind"], "active");
    let again = body(desk.post(&format!("{path}/move"), &step).await, 200).await;
    assert_eq!(again, moved, "moving to where it stands changes nothing");

    let line = desk.read(&format!("{path}/timeline")).await;
    let newest = &line["items"][0];
    assert_eq!(
        (text(&newest["type"]), text(&newest["reason"])),
        ("move", "Оплатила наличными")
    );
    assert_eq!(
        (&newest["from_stage_id"], &newest["to_stage_id"]),
        (&first["id"], &active["id"])
    );
    let mut tx = world.app.tenant(&world.tenant).read().await.unwrap();
    let audit = tx.audit_of(text(&client["id"]), 10).await.unwrap();
    assert_eq!(audit.iter().filter(|entry| entry.action == "client.moved").count(), 1);

    for stage in ["st_00000000000000000000000000", "nowhere"] {
        let problem = desk.post(&format!("{path}/move"), &json!({ "stage_id": stage })).await;
        let problem = expect_problem(problem, 422, "validation_failed").await;
        assert_eq!(
            wrong_fields(&problem),
            [("stage_id".to_owned(), "not_found".to_owned())]
        );
    }
    let long = json!({ "stage_id": first["id"], "reason": "я".repeat(501) });
    expect_problem(
        desk.post(&format!("{path}/move"), &long).await,
        422,
        "validation_failed",
    )
    .await;
}

async fn the_board_counts_everybody_and_shows_the_first(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let active = desk.stage("active").await;
    for number in 0..5 {
        desk.client_with(json!({ "name": format!("Активный {number}"), "stage_id": active["id"] }))
            .await;
        world.clock.advance_ms(1);
    }
    let anna = desk.client("Анна").await;
    let board = desk.read("/api/pipeline/board?limit=2").await;
    assert_eq!(board["columns"].as_array().unwrap().len(), 7);
    assert_eq!(
        totals(&board),
        [("first_contact".to_owned(), 1), ("active".to_owned(), 5)]
    );
    let column = board["columns"]
        .as_array()
        .unwrap()
        .iter()
        .find(|column| column["stage"]["kind"] == "active")
        .unwrap();
    assert_eq!(texts(&column["clients"]["items"], "name"), ["Активный 4", "Активный 3"]);

    let next = text(&column["clients"]["next_cursor"]);
    let rest = desk
        .walk(
            &format!("/api/pipeline/stages/{}/clients?limit=2", text(&active["id"])),
            "name",
        )
        .await;
    assert_eq!(rest.len(), 5);
    let page = desk
        .read(&format!(
            "/api/pipeline/stages/{}/clients?limit=9&cursor={next}",
            text(&active["id"])
        ))
        .await;
    assert_eq!(
        texts(&page["items"], "name"),
        ["Активный 2", "Активный 1", "Активный 0"]
    );

    let step = json!({ "stage_id": active["id"] });
    body(
        desk.post(&format!("/api/clients/{}/move", text(&anna["id"])), &step)
            .await,
        200,
    )
    .await;
    assert_eq!(
        totals(&desk.read("/api/pipeline/board").await),
        [("active".to_owned(), 6)]
    );
    expect_problem(desk.get("/api/pipeline/board?limit=0").await, 422, "validation_failed").await;
}

async fn several_clients_move_together_or_not_at_all(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let mut ids = Vec::new();
    for name in ["Анна", "Борис", "Вера"] {
        ids.push(desk.client(name).await["id"].clone());
    }
    let (active, inactive) = (desk.stage("active").await, desk.stage("inactive").await);
    let mut with_unknown = ids.clone();
    with_unknown.insert(1, json!("cl_00000000000000000000000000"));
    with_unknown.push(json!("nonsense"));
    let problem = desk
        .post(
            "/api/pipeline/moves",
            &json!({ "client_ids": with_unknown, "stage_id": active["id"] }),
        )
        .await;
    let problem = expect_problem(problem, 422, "validation_failed").await;
    let fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["client_ids/1", "client_ids/4"]);
    assert_eq!(
        totals(&desk.read("/api/pipeline/board").await),
        [("first_contact".to_owned(), 3)]
    );

    let all =
        json!({ "client_ids": [ids[0], ids[1], ids[0], ids[2]], "stage_id": active["id"], "reason": "Набор группы" });
    assert_eq!(
        body(desk.post("/api/pipeline/moves", &all).await, 200).await,
        json!({ "moved": 3, "unchanged": 0 })
    );
    assert_eq!(
        body(desk.post("/api/pipeline/moves", &all).await, 200).await,
        json!({ "moved": 0, "unchanged": 3 })
    );
    assert_eq!(
        totals(&desk.read("/api/pipeline/board").await),
        [("active".to_owned(), 3)]
    );

    let many: Vec<Value> = (0..101).map(|_| ids[0].clone()).collect();
    for wrong in [json!([]), json!(many)] {
        let problem = desk
            .post(
                "/api/pipeline/moves",
                &json!({ "client_ids": wrong, "stage_id": inactive["id"] }),
            )
            .await;
        expect_problem(problem, 422, "validation_failed").await;
    }
}

async fn crossing_moves_of_the_same_clients_keep_the_counts_right(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let mut ids = Vec::new();
    for number in 0..12 {
        ids.push(desk.client(&format!("Клиент {number}")).await["id"].clone());
    }
    let stages = desk.stages().await;
    let mut running = Vec::new();
    for round in 0..12_usize {
        let request = json!({ "client_ids": ids, "stage_id": stages[round % 3]["id"] });
        running.push(world.post("/api/pipeline/moves", &desk.token, &request).send());
        ids.reverse();
    }
    for response in futures::future::join_all(running).await {
        // A move that lost too often says so and may be repeated; it never half happens.
        assert!(matches!(response.unwrap().status().as_u16(), 200 | 409 | 503));
    }
    let board = desk.read("/api/pipeline/board?limit=50").await;
    for column in board["columns"].as_array().unwrap() {
        let shown = i64::try_from(column["clients"]["items"].as_array().unwrap().len()).unwrap();
        assert_eq!(column["total"], shown, "{}", column["stage"]["kind"]);
    }
    let total: i64 = totals(&board).iter().map(|(_, total)| total).sum();
    assert_eq!(total, 12);
}

async fn stages_of_another_tenant_do_not_exist(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let (stage, client) = (desk.stage("active").await, desk.client("Анна").await);
    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    assert!(stranger.stages().await.is_empty());
    assert_eq!(stranger.read("/api/pipeline/board").await["columns"], json!([]));
    let path = format!("/api/pipeline/stages/{}", text(&stage["id"]));
    expect_problem(stranger.get(&path).await, 404, "not_found").await;
    expect_problem(stranger.get(&format!("{path}/clients")).await, 404, "not_found").await;
    expect_problem(
        stranger.patch(&path, 1, &json!({ "archived": true })).await,
        404,
        "not_found",
    )
    .await;
    let bulk = json!({ "client_ids": [client["id"]], "stage_id": stage["id"] });
    expect_problem(
        stranger.post("/api/pipeline/moves", &bulk).await,
        422,
        "validation_failed",
    )
    .await;
    expect_problem(
        stranger.post("/api/clients", &json!({ "name": "Чужой" })).await,
        409,
        "no_stage",
    )
    .await;
}
