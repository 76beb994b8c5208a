//! API keys and what each role may reach.

use reqwest::Method;
use serde_json::{Value, json};

use crate::common::{BOT_TOKEN, Backend, TestWorld, expect_problem};
use crate::on_both_databases;

on_both_databases!(a_key_works_until_it_is_revoked, keys_come_in_pages_newest_first);

async fn a_key_works_until_it_is_revoked(world: TestWorld) {
    let admin = world.sign_in().await;
    let created = admin
        .post(&world, "/api/api-keys", &json!({ "name": " Отчёты ", "role": "admin" }))
        .send()
        .await
        .unwrap();
    assert_eq!(created.status(), 201);
    let created: Value = created.json().await.unwrap();
    let (id, token) = (created["id"].as_str().unwrap(), created["token"].as_str().unwrap());
    assert_eq!(created["name"], "Отчёты");
    let me: Value = world
        .get("/api/auth/me", token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(me, json!({ "role": "admin" }));
    let list: Value = world
        .get("/api/api-keys", token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    assert_eq!(list["items"][0]["id"], id);
    assert!(!list.to_string().contains(token), "a token is shown once");
    for _ in 0..2 {
        let response = world
            .request(Method::DELETE, &format!("/api/api-keys/{id}"))
            .header("cookie", &admin.cookie)
            .header("x-csrf-token", &admin.csrf_token)
            .send()
            .await
            .unwrap();
        assert_eq!(response.status(), 204);
    }
    expect_problem(
        world.get("/api/auth/me", token).send().await.unwrap(),
        401,
        "unauthenticated",
    )
    .await;
}

async fn keys_come_in_pages_newest_first(world: TestWorld) {
    let token = world.admin_token().await;
    for number in 0..5 {
        world.clock.advance_ms(1000);
        let body = json!({ "name": format!("key {number}"), "role": "bot" });
        assert_eq!(
            world
                .post("/api/api-keys", &token, &body)
                .send()
                .await
                .unwrap()
                .status(),
            201
        );
    }
    let mut names = Vec::new();
    let mut path = "/api/api-keys?limit=2".to_owned();
    loop {
        let page: Value = world.get(&path, &token).send().await.unwrap().json().await.unwrap();
        names.extend(
            page["items"]
                .as_array()
                .unwrap()
                .iter()
                .map(|key| key["name"].as_str().unwrap().to_owned()),
        );
        let Some(cursor) = page["next_cursor"].as_str() else {
            break;
        };
        path = format!("/api/api-keys?limit=2&cursor={cursor}");
    }
    assert_eq!(
        names,
        [
            "key 4",
            "key 3",
            "key 2",
            "key 1",
            "key 0",
            "test",
            "Bot (configuration)"
        ]
    );
    for query in [
        "limit=0",
        "limit=201",
        "limit=x",
        "cursor=%00",
        "cursor=!",
        "limit=99999999999999999999",
    ] {
        let response = world
            .get(&format!("/api/api-keys?{query}"), &token)
            .send()
            .await
            .unwrap();
        let problem = expect_problem(response, 422, "validation_failed").await;
        assert_eq!(problem["errors"][0]["field"], query.split('=').next().unwrap());
    }
}

#[tokio::test]
async fn every_route_knows_its_roles() {
    let world = TestWorld::start(Backend::Sqlite).await;
    let admin = world.admin_token().await;
    let (_, operations) = world.operations().await;
    for (method, path, operation) in operations {
        if operation["security"].as_array().unwrap().is_empty() {
            continue;
        }
        let is_bots = path.starts_with("/api/bot/");
        let is_shared = path.starts_with("/api/files/") || path == "/api/payments/create";
        let concrete = path.replace("{id}", "xx_01JD4Z5V8N3C7W9XK2M4P6Q8RT");
        let nobody = world.request(method.clone(), &concrete).send().await.unwrap();
        expect_problem(nobody, 401, "unauthenticated").await;
        let stranger = world
            .request(method.clone(), &concrete)
            .bearer_auth("vk_unknown")
            .send()
            .await
            .unwrap();
        expect_problem(stranger, 401, "unauthenticated").await;
        for (token, may) in [(admin.as_str(), !is_bots), (BOT_TOKEN, is_bots || is_shared)] {
            let status = world
                .request(method.clone(), &concrete)
                .bearer_auth(token)
                .send()
                .await
                .unwrap()
                .status();
            assert_eq!(status == 403, !may, "{method} {path}: {status}");
            assert_ne!(status, 401, "{method} {path}");
        }
    }
}
