//! `Idempotency-Key` (case 19).

use domain::ids::{ApiKeyId, Id};
use reqwest::Response;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{IdempotencyClaim, KeyLease};

use crate::common::{TestWorld, expect_problem};
use crate::on_both_databases;

const PATH: &str = "/api/api-keys";
/// A little more than the lease of a request.
const LEASE_MS: i64 = 61_000;

on_both_databases!(
    the_same_request_gets_the_same_answer_byte_for_byte,
    an_error_is_repeated_as_well,
    a_key_stands_for_one_request,
    of_many_in_parallel_one_executes,
    one_killed_before_its_effect_is_done_at_the_retry,
    one_killed_after_its_effect_is_not_done_twice,
    keys_of_different_principals_do_not_meet,
    a_key_must_be_visible_ascii,
    old_keys_are_forgotten_after_two_days,
);

async fn post(world: &TestWorld, token: &str, key: &str, body: &Value) -> Response {
    world
        .post(PATH, token, body)
        .header("idempotency-key", key)
        .send()
        .await
        .unwrap()
}

async fn count(world: &TestWorld, token: &str, name: &str) -> usize {
    let keys: Value = world
        .get("/api/api-keys?limit=200", token)
        .send()
        .await
        .unwrap()
        .json()
        .await
        .unwrap();
    keys["items"]
        .as_array()
        .unwrap()
        .iter()
        .filter(|key| key["name"] == name)
        .count()
}

async fn the_same_request_gets_the_same_answer_byte_for_byte(world: TestWorld) {
    let token = world.admin_token().await;
    let body = json!({ "name": "panel", "role": "admin" });
    let first = post(&world, &token, "order-1", &body).await;
    assert_eq!(first.status(), 201);
    assert!(!first.headers().contains_key("idempotent-replayed"));
    let (media_type, first) = (first.headers()["content-type"].clone(), first.bytes().await.unwrap());
    for _ in 0..2 {
        world.clock.advance_ms(24 * 60 * 60 * 1000 / 3);
        let again = post(&world, &token, "order-1", &body).await;
        assert_eq!(again.status(), 201);
        assert_eq!(again.headers()["idempotent-replayed"], "true");
        assert_eq!(again.headers()["content-type"], media_type);
        assert_eq!(again.bytes().await.unwrap(), first);
    }
    assert_eq!(count(&world, &token, "panel").await, 1);
}

async fn an_error_is_repeated_as_well(world: TestWorld) {
    let token = world.admin_token().await;
    let body = json!({ "name": "   ", "role": "admin" });
    let first = post(&world, &token, "order-2", &body).await;
    assert_eq!(first.status(), 422);
    let first = first.bytes().await.unwrap();
    let again = post(&world, &token, "order-2", &body).await;
    assert_eq!(
        (
            again.status().as_u16(),
            again.headers()["content-type"].to_str().unwrap()
        ),
        (422, "application/problem+json")
    );
    assert_eq!(again.bytes().await.unwrap(), first);
}

async fn a_key_stands_for_one_request(world: TestWorld) {
    let token = world.admin_token().await;
    assert_eq!(
        post(&world, &token, "order-3", &json!({ "name": "one", "role": "admin" }))
            .await
            .status(),
        201
    );
    let other_body = post(&world, &token, "order-3", &json!({ "name": "two", "role": "admin" })).await;
    expect_problem(other_body, 422, "idempotency_key_reused").await;
    let body = json!({ "name": "one", "role": "admin" });
    let other_route = world
        .post("/api/auth/sign-out", &token, &body)
        .header("idempotency-key", "order-3")
        .send()
        .await
        .unwrap();
    expect_problem(other_route, 422, "idempotency_key_reused").await;
    assert_eq!(count(&world, &token, "two").await, 0);
}

async fn of_many_in_parallel_one_executes(world: TestWorld) {
    let token = world.admin_token().await;
    let body = json!({ "name": "parallel", "role": "bot" });
    let answers = futures::future::join_all((0..20).map(|_| post(&world, &token, "order-4", &body))).await;
    let mut bodies = std::collections::BTreeSet::new();
    for answer in answers {
        match answer.status().as_u16() {
            201 => {
                bodies.insert(answer.text().await.unwrap());
            }
            409 => {
                assert!(answer.headers().contains_key("retry-after"));
                expect_problem(answer, 409, "request_in_progress").await;
            }
            status => panic!("{status}: {}", answer.text().await.unwrap()),
        }
    }
    assert_eq!(bodies.len(), 1, "all who got an answer got the same one");
    assert_eq!(count(&world, &token, "parallel").await, 1);
}

/// Claims a key as a process does that is killed right afterwards. Answers the principal.
async fn claim_and_die(world: &TestWorld, token: &str, key: &str, body: &Value, has_effect: bool) -> String {
    let mut hash = Sha256::new();
    hash.update(format!("{PATH}\n{body}").as_bytes());
    let hash = data_encoding::HEXLOWER.encode(&hash.finalize());
    let who = app::access::authenticate_token(&world.app, token, world.app.new_id())
        .await
        .unwrap();
    let principal = who.caller.actor.to_string();
    let (now, tenant) = (world.app.now(), world.app.tenant(&world.tenant));
    let process_now = world.app.process_now();
    let lease = KeyLease {
        owner: "a process that is killed",
        now: process_now,
        until: process_now.plus_millis(60_000),
    };
    let mut tx = tenant.write().await.unwrap();
    let claim = tx
        .claim_idempotency_key(&principal, key, &hash, now, &lease)
        .await
        .unwrap();
    assert_eq!(claim, IdempotencyClaim::Claimed);
    tx.commit().await.unwrap();
    if has_effect {
        let id: ApiKeyId = world.app.new_id();
        store::holding_key(&principal, key, async {
            let mut tx = tenant.write().await.unwrap();
            let deed = app::access::audit(&world.app, &who.caller, "api_key.created", id.as_str(), json!({}));
            tx.record_audit(&deed).await.unwrap();
            tx.commit().await.unwrap();
        })
        .await;
    }
    principal
}

async fn one_killed_before_its_effect_is_done_at_the_retry(world: TestWorld) {
    let token = world.admin_token().await;
    let body = json!({ "name": "killed", "role": "admin" });
    claim_and_die(&world, &token, "order-5", &body, false).await;
    let early = post(&world, &token, "order-5", &body).await;
    assert!(early.headers().contains_key("retry-after"));
    expect_problem(early, 409, "request_in_progress").await;
    world.clock.advance_ms(LEASE_MS);
    assert_eq!(post(&world, &token, "order-5", &body).await.status(), 201);
    assert_eq!(post(&world, &token, "order-5", &body).await.status(), 201);
    assert_eq!(count(&world, &token, "killed").await, 1);
}

async fn one_killed_after_its_effect_is_not_done_twice(world: TestWorld) {
    let token = world.admin_token().await;
    let body = json!({ "name": "once", "role": "admin" });
    claim_and_die(&world, &token, "order-6", &body, true).await;
    expect_problem(post(&world, &token, "order-6", &body).await, 409, "request_in_progress").await;
    world.clock.advance_ms(LEASE_MS);
    for _ in 0..2 {
        expect_problem(post(&world, &token, "order-6", &body).await, 409, "answer_lost").await;
    }
    assert_eq!(count(&world, &token, "once").await, 0, "the retry did nothing");
}

async fn keys_of_different_principals_do_not_meet(world: TestWorld) {
    let (one, two) = (world.admin_token().await, world.admin_token().await);
    let first = post(&world, &one, "1", &json!({ "name": "one", "role": "admin" })).await;
    let second = post(&world, &two, "1", &json!({ "name": "two", "role": "admin" })).await;
    assert_eq!((first.status().as_u16(), second.status().as_u16()), (201, 201));
}

async fn a_key_must_be_visible_ascii(world: TestWorld) {
    let token = world.admin_token().await;
    let body = json!({ "name": "panel", "role": "admin" });
    for key in ["", "a b", "ключ", &"k".repeat(256)] {
        expect_problem(post(&world, &token, key, &body).await, 400, "malformed_request").await;
    }
    assert_eq!(post(&world, &token, &"k".repeat(255), &body).await.status(), 201);
}

async fn old_keys_are_forgotten_after_two_days(world: TestWorld) {
    let token = world.admin_token().await;
    let body = json!({ "name": "daily", "role": "admin" });
    assert_eq!(post(&world, &token, "day", &body).await.status(), 201);
    world.clock.advance_ms(47 * 60 * 60 * 1000);
    app::access::purge(&world.app).await.unwrap();
    assert_eq!(
        post(&world, &token, "day", &body).await.headers()["idempotent-replayed"],
        "true"
    );
    world.clock.advance_ms(2 * 60 * 60 * 1000);
    app::access::purge(&world.app).await.unwrap();
    assert_eq!(post(&world, &token, "day", &body).await.status(), 201);
    assert_eq!(count(&world, &token, "daily").await, 2);
}
