//! Leads: taking, closing, opening again.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, body, text, texts};
use crate::on_both_databases;

on_both_databases!(
    leads_are_listed_by_status_and_client,
    a_status_is_set_by_whoever_has_seen_it,
    a_lost_lead_opens_again_unless_there_is_another,
    a_lead_is_taken_by_one,
    an_unknown_lead_is_not_found,
);

async fn lead_of(desk: &Desk<'_>, name: &str) -> Value {
    let client = desk.client(name).await;
    desk.read(&format!("/api/leads?client={}", text(&client["id"]))).await["items"][0].clone()
}

fn path(lead: &Value) -> String {
    format!("/api/leads/{}", text(&lead["id"]))
}

fn version(lead: &Value) -> i64 {
    lead["version"].as_i64().unwrap()
}

async fn leads_are_listed_by_status_and_client(world: TestWorld) {
    let desk = Desk::of(&world).await;
    for name in ["Анна", "Борис", "Вера"] {
        lead_of(&desk, name).await;
        world.clock.advance_ms(1);
    }
    assert_eq!(
        desk.walk("/api/leads?limit=2", "client_name").await,
        ["Вера", "Борис", "Анна"]
    );
    let vera = desk.read("/api/leads").await["items"][0].clone();
    body(
        desk.patch(&path(&vera), version(&vera), &json!({ "status": "qualified" }))
            .await,
        200,
    )
    .await;
    assert_eq!(
        texts(&desk.read("/api/leads?status=qualified").await["items"], "client_name"),
        ["Вера"]
    );
    assert_eq!(
        texts(&desk.read("/api/leads?status=new").await["items"], "client_name"),
        ["Борис", "Анна"]
    );
    expect_problem(desk.get("/api/leads?status=won").await, 422, "validation_failed").await;
    expect_problem(desk.get("/api/leads?client=nonsense").await, 422, "validation_failed").await;
}

async fn a_status_is_set_by_whoever_has_seen_it(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let lead = lead_of(&desk, "Анна").await;
    let response = desk
        .patch(&path(&lead), version(&lead), &json!({ "status": "qualified" }))
        .await;
    assert!(response.headers().contains_key("etag"));
    let qualified = body(response, 200).await;
    assert_eq!(
        (text(&qualified["status"]), text(&qualified["qualified_at"])),
        ("qualified", "2026-11-20T09:00:00Z")
    );
    expect_problem(
        desk.patch(&path(&lead), version(&lead), &json!({ "status": "lost" }))
            .await,
        412,
        "version_conflict",
    )
    .await;
    let bare = world
        .request(Method::PATCH, &path(&lead))
        .bearer_auth(&desk.token)
        .json(&json!({ "status": "lost" }));
    expect_problem(bare.send().await.unwrap(), 428, "version_required").await;

    let line = desk
        .read(&format!("/api/clients/{}/timeline", text(&lead["client_id"])))
        .await;
    let change = line["items"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["kind"] == "lead.status_changed")
        .unwrap();
    assert_eq!(
        (text(&change["details"]["from"]), text(&change["details"]["to"])),
        ("new", "qualified")
    );
}

async fn a_lost_lead_opens_again_unless_there_is_another(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let lead = lead_of(&desk, "Анна").await;
    let lost = body(
        desk.patch(&path(&lead), version(&lead), &json!({ "status": "lost" }))
            .await,
        200,
    )
    .await;
    assert_eq!(lost["closed_at"], "2026-11-20T09:00:00Z");
    expect_problem(
        desk.post(&format!("{}/take", path(&lead)), &json!({})).await,
        409,
        "lead_closed",
    )
    .await;
    let open = body(
        desk.patch(&path(&lead), version(&lost), &json!({ "status": "in_progress" }))
            .await,
        200,
    )
    .await;
    assert!(open["closed_at"].is_null());

    let lost = body(
        desk.patch(&path(&lead), version(&open), &json!({ "status": "lost" }))
            .await,
        200,
    )
    .await;
    // The client comes back and a new lead opens.
    let mut tx = world.app.tenant(&world.tenant).write().await.unwrap();
    let client = domain::ids::Id::parse(text(&lead["client_id"])).unwrap();
    let new = store::NewLead {
        id: world.app.new_id(),
        client,
        source: "direct".into(),
        now: world.app.now(),
    };
    tx.insert_lead(&new).await.unwrap();
    tx.commit().await.unwrap();
    let response = desk
        .patch(&path(&lead), version(&lost), &json!({ "status": "new" }))
        .await;
    expect_problem(response, 409, "open_lead_exists").await;
}

async fn a_lead_is_taken_by_one(world: TestWorld) {
    let (olga, igor) = (Desk::of(&world).await, Desk::of(&world).await);
    let lead = lead_of(&olga, "Анна").await;
    let take = format!("{}/take", path(&lead));
    let nothing = json!({});
    let (first, second) = tokio::join!(olga.post(&take, &nothing), igor.post(&take, &nothing));
    let mut statuses = [first.status().as_u16(), second.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 409]);
    let (winner, loser) = if first.status() == 200 {
        (&olga, &igor)
    } else {
        (&igor, &olga)
    };

    let taken = winner.read(&path(&lead)).await;
    assert_eq!(taken["status"], "in_progress");
    let again = body(winner.post(&take, &nothing).await, 200).await;
    assert_eq!(again, taken, "taking it twice changes nothing");
    expect_problem(loser.post(&take, &nothing).await, 409, "lead_taken").await;
    let over = body(loser.post(&format!("{take}?force=true"), &nothing).await, 200).await;
    assert_ne!(over["taken_by"], taken["taken_by"]);
}

async fn an_unknown_lead_is_not_found(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let lead = lead_of(&desk, "Анна").await;
    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    let known = path(&lead);
    for (desk, path) in [
        (&desk, "/api/leads/ld_00000000000000000000000000"),
        (&desk, "/api/leads/7"),
        (&stranger, known.as_str()),
    ] {
        expect_problem(desk.get(path).await, 404, "not_found").await;
        expect_problem(
            desk.patch(path, 1, &json!({ "status": "lost" })).await,
            404,
            "not_found",
        )
        .await;
        expect_problem(desk.post(&format!("{path}/take"), &json!({})).await, 404, "not_found").await;
    }
}
