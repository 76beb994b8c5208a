//! Entering, reading and tagging clients.

use domain::ids::Id;
use reqwest::Method;
use serde_json::json;

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, Person, body, text, texts, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    a_client_entered_by_hand_stands_in_the_first_stage_with_an_open_lead,
    every_wrong_field_is_named_at_once,
    a_name_may_be_long_and_strange,
    tags_are_put_on_and_taken_off,
    what_does_not_exist_is_not_found,
    an_administrator_writes_to_a_client_in_the_chat,
);

async fn a_client_entered_by_hand_stands_in_the_first_stage_with_an_open_lead(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let new = json!({
        "name": "  Анна Петрова ", "username": "@anna_p", "phone": "+7 912 345-67-89", "email": "Anna@Example.ru",
        "notes": "Пришла от Игоря.\nЛюбит бегать.", "source": "друзья"
    });
    let response = desk.post("/api/clients", &new).await;
    let (location, tag) = (
        response.headers()["location"].clone(),
        response.headers()["etag"].clone(),
    );
    let client = body(response, 201).await;
    assert_eq!(client["name"], "Анна Петрова");
    assert_eq!(client["username"], "anna_p");
    assert_eq!(client["phone"], "+7 912 345-67-89");
    assert_eq!(client["notes"], "Пришла от Игоря.\nЛюбит бегать.");
    assert_eq!(client["language"], "ru");
    assert_eq!(client["stage"]["kind"], "first_contact");
    assert_eq!(client["source"], "друзья");
    assert_eq!(client["created_at"], "2026-11-20T09:00:00Z");
    assert_eq!(tag, format!("\"{}\"", client["version"]));

    assert_eq!(desk.read(location.to_str().unwrap()).await, client);
    let leads = desk.read(&format!("/api/leads?client={}", text(&client["id"]))).await;
    assert_eq!(leads["items"][0]["status"], "new");
    assert_eq!(leads["items"][0]["client_name"], "Анна Петрова");

    let line = desk
        .read(&format!("/api/clients/{}/timeline", text(&client["id"])))
        .await;
    let mut kinds: Vec<String> = line["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| {
            entry["kind"]
                .as_str()
                .unwrap_or_else(|| text(&entry["type"]))
                .to_owned()
        })
        .collect();
    kinds.sort();
    assert_eq!(kinds, ["client.created", "lead.created", "move"]);

    let mut tx = world.app.tenant(&world.tenant).read().await.unwrap();
    let audit = tx.audit_of(text(&client["id"]), 10).await.unwrap();
    assert_eq!(
        audit.iter().map(|entry| entry.action.as_str()).collect::<Vec<_>>(),
        ["client.created"]
    );
}

async fn every_wrong_field_is_named_at_once(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let wrong = json!({ "name": " ", "phone": "12345", "email": "anna", "username": "имя" });
    let problem = expect_problem(desk.post("/api/clients", &wrong).await, 422, "validation_failed").await;
    let fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    assert_eq!(fields, ["name", "username", "phone", "email"]);

    let unknown = json!({ "name": "Анна", "stage_id": "st_00000000000000000000000000" });
    let problem = expect_problem(desk.post("/api/clients", &unknown).await, 422, "validation_failed").await;
    assert_eq!(
        wrong_fields(&problem),
        [("stage_id".to_owned(), "not_found".to_owned())]
    );

    expect_problem(
        desk.post("/api/clients", &json!({ "name": "Анна", "phnoe": "1" }))
            .await,
        422,
        "validation_failed",
    )
    .await;
    assert_eq!(
        desk.read("/api/clients").await["items"],
        json!([]),
        "nothing was kept of them"
    );
}

async fn a_name_may_be_long_and_strange(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for name in ["О'Нил \"Ё\" 🙂", "محمد عبد الله", &"я".repeat(300)] {
        assert_eq!(desk.client(name).await["name"], name);
    }
    let problem = desk.post("/api/clients", &json!({ "name": "я".repeat(301) })).await;
    expect_problem(problem, 422, "validation_failed").await;
}

async fn tags_are_put_on_and_taken_off(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let (anna, _) = (desk.client("Анна").await, desk.client("Борис").await);
    let path = format!("/api/clients/{}/tags", text(&anna["id"]));
    // "ВИП", "VIP Москва"
    for tag in [
        "%D0%92%D0%98%D0%9F",
        "VIP%20%D0%9C%D0%BE%D1%81%D0%BA%D0%B2%D0%B0",
        "%D0%B2%D0%B8%D0%BF",
    ] {
        body(desk.bare(Method::PUT, &format!("{path}/{tag}")).await, 200).await;
    }
    let tagged = desk.read(&format!("/api/clients/{}", text(&anna["id"]))).await;
    assert_eq!(tagged["tags"], json!(["vip москва", "вип"]));
    let found = desk.read("/api/clients?tag=%D0%92%D0%98%D0%9F").await;
    assert_eq!(texts(&found["items"], "name"), ["Анна"]);
    assert_eq!(found["items"][0]["tags"], json!(["vip москва", "вип"]));

    let client = body(
        desk.bare(Method::DELETE, &format!("{path}/%D0%B2%D0%B8%D0%BF")).await,
        200,
    )
    .await;
    assert_eq!(client["tags"], json!(["vip москва"]));
    body(desk.bare(Method::DELETE, &format!("{path}/never")).await, 200).await;
    let long = "x".repeat(41);
    expect_problem(
        desk.bare(Method::PUT, &format!("{path}/{long}")).await,
        422,
        "validation_failed",
    )
    .await;
}

async fn what_does_not_exist_is_not_found(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let client = desk.client("Анна").await;
    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    let missing = world.app.new_id::<domain::ids::ClientId>();
    let known = text(&client["id"]).to_owned();
    for (desk, id) in [
        (&desk, missing.as_str()),
        (&desk, "nonsense"),
        (&desk, "ld_00000000000000000000000000"),
        (&stranger, &known),
    ] {
        let path = format!("/api/clients/{id}");
        expect_problem(desk.get(&path).await, 404, "not_found").await;
        expect_problem(
            desk.patch(&path, 1, &json!({ "name": "Чужой" })).await,
            404,
            "not_found",
        )
        .await;
        expect_problem(desk.get(&format!("{path}/timeline")).await, 404, "not_found").await;
        expect_problem(desk.get(&format!("{path}/messages")).await, 404, "not_found").await;
        expect_problem(
            desk.post(&format!("{path}/messages"), &json!({ "text": "Привет" }))
                .await,
            404,
            "not_found",
        )
        .await;
        expect_problem(
            desk.bare(Method::PUT, &format!("{path}/tags/vip")).await,
            404,
            "not_found",
        )
        .await;
        expect_problem(
            desk.bare(Method::DELETE, &format!("{path}/tags/vip")).await,
            404,
            "not_found",
        )
        .await;
    }
    assert_eq!(stranger.read("/api/clients").await["items"], json!([]));
    assert_eq!(stranger.read("/api/leads").await["items"], json!([]));
    assert_eq!(
        desk.read(&format!("/api/clients/{known}")).await,
        client,
        "nobody changed it"
    );
}

async fn an_administrator_writes_to_a_client_in_the_chat(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let by_hand = desk.client("Без чата").await;
    let path = format!("/api/clients/{}/messages", text(&by_hand["id"]));
    expect_problem(
        desk.post(&path, &json!({ "text": "Здравствуйте!" })).await,
        409,
        "no_channel",
    )
    .await;

    Person::new("501").start(&world, None).await;
    let anna = desk.read("/api/clients?q=%D0%90%D0%BD%D0%BD%D0%B0").await["items"][0].clone();
    let path = format!("/api/clients/{}/messages", text(&anna["id"]));
    expect_problem(desk.post(&path, &json!({ "text": "" })).await, 422, "validation_failed").await;
    let sent = desk
        .post(&path, &json!({ "text": "Анна, посмотрел ваши ответы." }))
        .await;
    assert_eq!(sent.status(), 202);
    let messages = desk.read(&path).await;
    let mine = messages["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|message| message["author"] == "trainer")
        .unwrap();
    assert_eq!(
        (text(&mine["text"]), text(&mine["direction"])),
        ("Анна, посмотрел ваши ответы.", "out")
    );

    let claim = json!({ "replica": "desk", "limit": 10, "wait_ms": 0 });
    let claimed = body(
        world
            .post("/api/bot/deliveries/claim", crate::common::BOT_TOKEN, &claim)
            .send()
            .await
            .unwrap(),
        200,
    )
    .await;
    assert!(claimed.to_string().contains("посмотрел ваши ответы"), "{claimed}");
}
