//! Two administrators at the same thing.

use reqwest::Method;
use serde_json::json;

use crate::common::{TestWorld, expect_problem};
use crate::desk::{Desk, body, text, wrong_fields};
use crate::on_both_databases;

on_both_databases!(
    the_second_of_two_editors_is_told_and_loses_nothing,
    an_edit_without_a_version_is_refused,
    an_edit_changes_what_it_names_and_null_clears,
    a_wrong_edit_changes_nothing,
    an_owner_is_a_user_of_this_installation,
);

async fn the_second_of_two_editors_is_told_and_loses_nothing(world: TestWorld) {
    let (olga, igor) = (Desk::of(&world).await, Desk::of(&world).await.another().await);
    let client = olga.client("Анна").await;
    let path = format!("/api/clients/{}", text(&client["id"]));
    let version = client["version"].as_i64().unwrap();

    let saved = olga.patch(&path, version, &json!({ "notes": "Звонила в среду" })).await;
    let tag = saved.headers()["etag"].to_str().unwrap().to_owned();
    let saved = body(saved, 200).await;
    assert_eq!(tag, format!("\"{}\"", saved["version"]));
    assert_ne!(saved["version"], client["version"]);
    expect_problem(
        igor.patch(&path, version, &json!({ "notes": "Не берёт трубку" })).await,
        412,
        "version_conflict",
    )
    .await;
    assert_eq!(igor.read(&path).await["notes"], "Звонила в среду");

    let fresh = saved["version"].as_i64().unwrap();
    let both = body(
        igor.patch(&path, fresh, &json!({ "phone": "+7 912 345-67-89" })).await,
        200,
    )
    .await;
    assert_eq!(
        (text(&both["notes"]), text(&both["phone"])),
        ("Звонила в среду", "+7 912 345-67-89")
    );

    // At the same moment: one of them wins, the other is told.
    let now = both["version"].as_i64().unwrap();
    let (one, other) = (json!({ "name": "Анна П." }), json!({ "name": "Анна К." }));
    let (first, second) = tokio::join!(olga.patch(&path, now, &one), igor.patch(&path, now, &other));
    let mut statuses = [first.status().as_u16(), second.status().as_u16()];
    statuses.sort_unstable();
    assert_eq!(statuses, [200, 412]);
}

async fn an_edit_without_a_version_is_refused(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let client = desk.client("Анна").await;
    let path = format!("/api/clients/{}", text(&client["id"]));
    let edit = json!({ "name": "Другая" });
    let bare = world
        .request(Method::PATCH, &path)
        .bearer_auth(&desk.token)
        .json(&edit)
        .send()
        .await
        .unwrap();
    expect_problem(bare, 428, "version_required").await;
    for tag in ["7", "*", "\"seven\""] {
        let request = world
            .request(Method::PATCH, &path)
            .bearer_auth(&desk.token)
            .header("if-match", tag)
            .json(&edit);
        expect_problem(request.send().await.unwrap(), 400, "malformed_request").await;
    }
    assert_eq!(desk.read(&path).await["name"], "Анна");
}

async fn an_edit_changes_what_it_names_and_null_clears(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let new = json!({ "name": "Анна", "phone": "+7 912 345-67-89", "email": "a@b.ru", "username": "anna" });
    let client = desk.client_with(new).await;
    let path = format!("/api/clients/{}", text(&client["id"]));
    let version = client["version"].as_i64().unwrap();
    let edit = json!({ "phone": null, "username": "@anna_p", "language": "en" });
    let after = body(desk.patch(&path, version, &edit).await, 200).await;
    assert!(after["phone"].is_null());
    assert_eq!(
        (
            text(&after["username"]),
            text(&after["email"]),
            text(&after["language"])
        ),
        ("anna_p", "a@b.ru", "en")
    );
    assert_eq!(
        desk.read("/api/clients?phone=89123456789").await["items"],
        json!([]),
        "a cleared phone is not found"
    );

    let untouched = body(
        desk.patch(&path, after["version"].as_i64().unwrap(), &json!({})).await,
        200,
    )
    .await;
    assert_eq!(untouched, after, "an empty edit is none");

    let line = desk.read(&format!("{path}/timeline")).await;
    let edits: Vec<_> = line["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|entry| entry["kind"] == "client.updated")
        .collect();
    assert_eq!(edits.len(), 1);
    assert_eq!(edits[0]["details"]["fields"], json!(["username", "phone", "language"]));
    assert!(text(&edits[0]["actor"]).starts_with("ak_"), "{}", edits[0]);
}

async fn a_wrong_edit_changes_nothing(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let client = desk.client("Анна").await;
    let path = format!("/api/clients/{}", text(&client["id"]));
    let version = client["version"].as_i64().unwrap();
    let wrong = json!({ "name": null, "phone": "1", "language": null, "notes": "Хорошая заметка" });
    let problem = expect_problem(desk.patch(&path, version, &wrong).await, 422, "validation_failed").await;
    let mut fields: Vec<String> = wrong_fields(&problem).into_iter().map(|(field, _)| field).collect();
    fields.sort();
    assert_eq!(fields, ["language", "name", "phone"]);
    assert_eq!(desk.read(&path).await, client);
}

async fn an_owner_is_a_user_of_this_installation(world: TestWorld) {
    let desk = Desk::of(&world).await;
    let client = desk.client("Анна").await;
    let path = format!("/api/clients/{}", text(&client["id"]));
    let version = client["version"].as_i64().unwrap();
    let user = world.sign_in().await.user_id;
    let owned = body(desk.patch(&path, version, &json!({ "owner": user })).await, 200).await;
    assert_eq!(owned["owner"], user);
    let version = owned["version"].as_i64().unwrap();
    for owner in ["us_00000000000000000000000000", "me"] {
        let problem = expect_problem(
            desk.patch(&path, version, &json!({ "owner": owner })).await,
            422,
            "validation_failed",
        )
        .await;
        assert_eq!(wrong_fields(&problem), [("owner".to_owned(), "not_found".to_owned())]);
    }
    assert!(body(desk.patch(&path, version, &json!({ "owner": null })).await, 200).await["owner"].is_null());
}
