//! Deep links.

use serde_json::json;

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, body, text, texts, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    a_link_marks_where_people_come_from,
    a_trainers_link_is_made_up_and_short_lived,
    wrong_links_are_refused,
    links_have_pages,
);

async fn a_link_marks_where_people_come_from(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let new = json!({ "source": "instagram", "campaign": "весна 2026", "utm": { "utm_medium": "story" }, "expires_at": "2026-12-31T00:00:00Z" });
    let link = body(desk.post("/api/links", &new).await, 201).await;
    assert_eq!(text(&link["token"]).len(), 12);
    assert_eq!(
        (text(&link["purpose"]), text(&link["campaign"])),
        ("source", "весна 2026")
    );
    assert!(link["url"].is_null(), "nobody told the bot's name yet");

    let brand = desk.read("/api/settings/brand").await;
    let mut named = brand.clone();
    named.as_object_mut().unwrap().remove("version");
    named["telegram_bot_username"] = json!("@coach_bot");
    body(
        desk.put("/api/settings/brand", brand["version"].as_i64().unwrap(), &named)
            .await,
        200,
    )
    .await;
    let listed = desk.read("/api/links").await["items"][0].clone();
    assert_eq!(
        listed["url"],
        format!("https://t.me/coach_bot?start={}", text(&link["token"]))
    );
}

async fn a_trainers_link_is_made_up_and_short_lived(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let link = body(desk.post("/api/links", &json!({ "purpose": "trainer" })).await, 201).await;
    assert_eq!(
        (text(&link["purpose"]), text(&link["expires_at"])),
        ("trainer", "2026-11-21T09:00:00Z")
    );
    let problem = desk
        .post("/api/links", &json!({ "purpose": "trainer", "token": "guessable" }))
        .await;
    let problem = expect_problem(problem, 422, "validation_failed").await;
    assert_eq!(wrong_fields(&problem), [("token".to_owned(), "not_allowed".to_owned())]);
}

async fn wrong_links_are_refused(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let wrong =
        json!({ "token": "с пробелом", "source": "", "utm": { "a b": "1" }, "expires_at": "2020-01-01T00:00:00Z" });
    let problem = expect_problem(desk.post("/api/links", &wrong).await, 422, "validation_failed").await;
    let mut fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(fields, ["expires_at", "source", "token", "utm/a b"]);
    let good = json!({ "token": "vesna", "source": "vk" });
    assert_eq!(desk.post("/api/links", &good).await.status(), 201);
    expect_problem(desk.post("/api/links", &good).await, 409, "token_taken").await;
}

async fn links_have_pages(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for token in ["a1", "b2", "c3"] {
        assert_eq!(
            desk.post("/api/links", &json!({ "token": token, "source": "vk" }))
                .await
                .status(),
            201
        );
    }
    world.clock.advance_ms(1);
    for token in ["d4", "e5"] {
        assert_eq!(
            desk.post("/api/links", &json!({ "token": token, "source": "vk" }))
                .await
                .status(),
            201
        );
    }
    assert_eq!(
        desk.walk("/api/links?limit=2", "token").await,
        ["d4", "e5", "a1", "b2", "c3"]
    );
    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    assert!(texts(&stranger.read("/api/links").await["items"], "token").is_empty());
    expect_problem(desk.get("/api/links?cursor=0YQ").await, 422, "validation_failed").await;
}
