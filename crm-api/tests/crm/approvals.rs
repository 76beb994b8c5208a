//! The trainer's decisions by the API.

use serde_json::{Value, json};

use crate::common::{Chat, TestWorld, expect_problem};
use crate::desk::{Desk, body, text};
use crate::on_both_databases;

on_both_databases!(
    a_waiting_programme_is_worked_on_and_sent,
    a_withdrawn_exercise_is_found_before_it_is_replaced,
);

async fn newest(desk: &Desk<'_>) -> Value {
    desk.read("/api/programs").await["items"][0].clone()
}

async fn a_waiting_programme_is_worked_on_and_sent(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let mut rule = desk.read("/api/settings/programs").await;
    assert_eq!(
        rule,
        json!({ "version": 0, "delivery": "at_once", "scopes": ["free", "full"], "wait_minutes": 120, "phone": "button" })
    );
    rule.as_object_mut().unwrap().remove("version");
    rule["delivery"] = json!("after_approval");
    rule["wait_minutes"] = json!(0);
    let refused = expect_problem(
        desk.put("/api/settings/programs", 0, &rule).await,
        422,
        "validation_failed",
    )
    .await;
    assert!(refused.to_string().contains("wait_minutes"), "{refused:#}");
    rule["wait_minutes"] = json!(30);
    let saved = body(desk.put("/api/settings/programs", 0, &rule).await, 200).await;
    assert_eq!(
        (saved["version"].as_i64(), &saved["wait_minutes"]),
        (Some(1), &json!(30))
    );
    expect_problem(
        desk.put("/api/settings/programs", 0, &rule).await,
        412,
        "version_conflict",
    )
    .await;

    Chat::new("951").walk_to_the_end(&world).await;
    let path = format!("/api/programs/{}", text(&newest(&desk).await["id"]));
    expect_problem(
        desk.post(&format!("{path}/approve"), &json!({})).await,
        409,
        "program_not_ready",
    )
    .await;
    world.run_due_jobs().await;
    let waiting = desk.read(&path).await;
    assert_eq!(waiting["status"], "awaiting_approval");
    assert!(waiting["approve_by"].is_string() && waiting["has_phone_version"] == true);
    expect_problem(
        desk.post(&format!("{path}/resend"), &json!({})).await,
        409,
        "program_not_ready",
    )
    .await;

    let row = waiting["content"]["programme"]["weeks"][0]["days"][0]["items"][0].clone();
    let row_id = text(&row["row_id"]);
    let offered = desk.read(&format!("{path}/alternatives?row_id={row_id}")).await;
    let exercise = text(&offered["items"][0]["exercise_id"]).to_owned();
    let wrong = json!({ "row_id": row_id, "exercise_id": "levitation" });
    expect_problem(
        desk.post(&format!("{path}/swap"), &wrong).await,
        422,
        "validation_failed",
    )
    .await;
    let right = json!({ "row_id": row_id, "exercise_id": exercise });
    let second = body(desk.post(&format!("{path}/swap"), &right).await, 202).await;
    assert_eq!((text(&second["status"]), text(&second["reason"])), ("queued", "swap"));
    expect_problem(
        desk.post(&format!("{path}/variant"), &json!({})).await,
        409,
        "program_decided",
    )
    .await;
    expect_problem(
        desk.post(&format!("{path}/approve"), &json!({})).await,
        409,
        "program_replaced",
    )
    .await;
    world.run_due_jobs().await;
    let path = format!("/api/programs/{}", text(&second["id"]));
    let swapped = desk.read(&path).await;
    assert_eq!(swapped["parent_id"], waiting["id"]);
    assert_eq!(swapped["approve_by"], waiting["approve_by"]);
    let changes = swapped["changes"].to_string();
    assert!(changes.contains(text(&offered["items"][0]["name"]["ru"])), "{changes}");
    assert!(changes.contains(text(&offered["items"][0]["name"]["en"])), "{changes}");

    let too_long = json!({ "text": "я".repeat(501) });
    expect_problem(
        desk.post(&format!("{path}/note"), &too_long).await,
        422,
        "validation_failed",
    )
    .await;
    assert_eq!(desk.post(&format!("{path}/approve"), &json!({})).await.status(), 202);
    expect_problem(
        desk.post(&format!("{path}/approve"), &json!({})).await,
        409,
        "program_already_sent",
    )
    .await;
    // What was sent can be worked on, too: the new version waits, the sent one stays the client's.
    let third = body(
        desk.post(&format!("{path}/note"), &json!({ "text": "Держитесь!" }))
            .await,
        202,
    )
    .await;
    world.run_due_jobs().await;
    let noted = desk.read(&format!("/api/programs/{}", text(&third["id"]))).await;
    assert_eq!(
        (text(&noted["status"]), text(&noted["note"])),
        ("awaiting_approval", "Держитесь!")
    );
    assert_eq!(desk.read(&path).await["status"], "ready");
    world.clock.advance_ms(31 * 60_000);
    world.run_due_jobs().await;
    let released = desk.read(&format!("/api/programs/{}", text(&third["id"]))).await;
    assert_eq!(
        (text(&released["status"]), text(&released["decided_by"])),
        ("ready", "clock")
    );

    let stranger = Desk {
        world: &world,
        token: world.token_of(&world.another_tenant().await, app::Role::Admin).await,
    };
    for verb in ["approve", "variant"] {
        let answer = stranger.post(&format!("{path}/{verb}"), &json!({})).await;
        expect_problem(answer, 404, "not_found").await;
    }
}

async fn a_withdrawn_exercise_is_found_before_it_is_replaced(world: TestWorld) {
    let desk = Desk::of(&world).await;
    Chat::new("961").walk_to_the_end(&world).await;
    world.run_due_jobs().await;
    let path = format!("/api/programs/{}", text(&newest(&desk).await["id"]));
    let program = desk.read(&path).await;
    let row = &program["content"]["programme"]["weeks"][0]["days"][0]["items"][0];
    let wanted = json!({ "exercise_id": row["exercise_id"], "dry_run": true });
    let dry = body(desk.post("/api/programs/regenerate", &wanted).await, 200).await;
    assert_eq!((dry["count"].as_i64(), &dry["id"]), (Some(1), &Value::Null));
    assert_eq!(dry["items"][0]["program_id"], program["id"]);
    let nobody = json!({ "exercise_id": "levitation" });
    assert_eq!(
        body(desk.post("/api/programs/regenerate", &nobody).await, 200).await["count"],
        0
    );
    let wanted = json!({ "exercise_id": row["exercise_id"] });
    let run = body(desk.post("/api/programs/regenerate", &wanted).await, 202).await;
    world.run_due_jobs().await;
    let progress = desk
        .read(&format!("/api/programs/regenerations/{}", text(&run["id"])))
        .await;
    assert_eq!(
        (&progress["total"], &progress["ready"], &progress["queued"]),
        (&json!(1), &json!(1), &json!(0))
    );
    let replaced = desk
        .read(&format!("/api/programs/{}", text(&newest(&desk).await["id"])))
        .await;
    assert_eq!(
        (text(&replaced["reason"]), &replaced["parent_id"]),
        ("withdrawn", &program["id"])
    );
    assert!(
        !replaced["content"]["programme"]
            .to_string()
            .contains(&format!("\"exercise_id\":{}", row["exercise_id"]))
    );
}
