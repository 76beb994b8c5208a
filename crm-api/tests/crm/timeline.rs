//! What happened with a client, page by page.

use serde_json::json;

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, Person, text, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    everything_that_happened_is_one_list,
    pages_of_a_timeline_miss_and_repeat_nothing
);

async fn everything_that_happened_is_one_list(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let link = json!({ "token": "vesna", "source": "instagram", "utm": { "utm_medium": "story" } });
    assert_eq!(desk.post("/api/links", &link).await.status(), 201);
    let mut anna = Person::new("601");
    anna.start(&world, Some("vesna")).await;
    world.clock.advance_ms(1_000);
    anna.walk_until_asked(&world, "sex").await;
    world.clock.advance_ms(1_000);

    let client = desk.read("/api/clients").await["items"][0].clone();
    assert_eq!(
        (text(&client["source"]), text(&client["utm"]["utm_medium"])),
        ("instagram", "story")
    );
    let line = desk
        .read(&format!("/api/clients/{}/timeline?limit=200", text(&client["id"])))
        .await;
    let entries = line["items"].as_array().unwrap();
    for kind in ["action", "move", "message", "consent", "touch"] {
        assert!(
            entries.iter().any(|entry| entry["type"] == kind),
            "no {kind} in {line:#}"
        );
    }
    let times: Vec<&str> = entries.iter().map(|entry| text(&entry["at"])).collect();
    assert!(times.is_sorted_by(|newer, older| newer >= older), "{times:?}");
    let touch = entries.iter().find(|entry| entry["type"] == "touch").unwrap();
    assert_eq!(
        (text(&touch["payload"]), text(&touch["source"])),
        ("vesna", "instagram")
    );
    let consent = entries
        .iter()
        .find(|entry| entry["type"] == "consent" && entry["kind"] == "personal_data")
        .unwrap();
    assert_eq!(consent["is_granted"], true);
}

async fn pages_of_a_timeline_miss_and_repeat_nothing(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let client = desk.client("Анна").await;
    let path = format!("/api/clients/{}", text(&client["id"]));
    let stages = desk.stages().await;
    let mut version = client["version"].as_i64().unwrap();
    for round in 1..8_usize {
        world.clock.advance_ms(10);
        let step = json!({ "stage_id": stages[round % stages.len()]["id"] });
        assert_eq!(desk.post(&format!("{path}/move"), &step).await.status(), 200);
        version += 1;
        let edit = json!({ "notes": format!("Заметка {round}") });
        assert_eq!(desk.patch(&path, version, &edit).await.status(), 200);
        version += 1;
    }
    let whole = desk.walk(&format!("{path}/timeline?limit=200"), "id").await;
    assert_eq!(whole.len(), 2 + 1 + 14);
    for limit in [1, 2, 3, 5, 16, 17] {
        assert_eq!(
            desk.walk(&format!("{path}/timeline?limit={limit}"), "id").await,
            whole,
            "pages of {limit}"
        );
    }
    let problem = expect_problem(
        desk.get(&format!("{path}/timeline?cursor=bm9uc2Vuc2U")).await,
        422,
        "validation_failed",
    )
    .await;
    assert_eq!(wrong_fields(&problem)[0].0, "cursor");
}
