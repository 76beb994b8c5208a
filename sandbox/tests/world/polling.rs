use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::{ANNA, JOHN, World};

fn ids(updates: &[Value]) -> Vec<i64> {
    updates
        .iter()
        .filter_map(|update| update["update_id"].as_i64())
        .collect()
}

#[tokio::test]
async fn an_update_stays_until_an_offset_confirms_it() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.sandbox.send_text(ANNA, "/start abc").await?;
    world.sandbox.send_text(ANNA, "два").await?;
    let first = world.updates(0).await?;
    assert_eq!(first.len(), 2);
    assert_eq!(first[0]["message"]["text"], "/start abc");
    assert_eq!(first[0]["message"]["entities"][0]["type"], "bot_command");
    assert_eq!(first[0]["message"]["from"]["language_code"], "ru");
    let seen = ids(&first);
    assert_eq!(ids(&world.updates(0).await?), seen);
    assert_eq!(ids(&world.updates(seen[1]).await?), seen[1..]);
    assert_eq!(ids(&world.updates(0).await?), seen[1..]);
    assert!(world.updates(seen[1] + 1).await?.is_empty());

    for word in ["три", "четыре", "пять"] {
        world.sandbox.send_text(ANNA, word).await?;
    }
    let limited = world.ok("getUpdates", json!({"limit": 1})).await?;
    assert_eq!(limited.as_array().map(Vec::len), Some(1));
    let newest = world.updates(-1).await?;
    assert_eq!(newest.len(), 1);
    assert_eq!(newest[0]["message"]["text"], "пять");
    assert_eq!(world.updates(0).await?.len(), 1);
    Ok(())
}

#[tokio::test]
async fn a_long_poll_wakes_with_the_message() -> anyhow::Result<()> {
    let world = World::start().await?;
    let began = Instant::now();
    let (updates, sent) = tokio::join!(
        world.ok("getUpdates", json!({"timeout": 30})),
        world.sandbox.send_text(ANNA, "привет"),
    );
    sent?;
    assert_eq!(updates?[0]["message"]["text"], "привет");
    assert!(began.elapsed() < Duration::from_secs(10));
    assert_eq!(world.sandbox.connected().await?, "polling");
    Ok(())
}

#[tokio::test]
async fn an_empty_long_poll_ends_with_its_timeout() -> anyhow::Result<()> {
    let world = World::start().await?;
    let began = Instant::now();
    let updates = world.ok("getUpdates", json!({"timeout": 1})).await?;
    assert_eq!(updates, json!([]));
    assert!(began.elapsed() >= Duration::from_secs(1));
    Ok(())
}

#[tokio::test]
async fn a_second_poller_ends_the_first() -> anyhow::Result<()> {
    let world = World::start().await?;
    let first = world.call("getUpdates", json!({"timeout": 30}));
    let second = async {
        // The first is waiting once the sandbox says that somebody polls.
        while world.sandbox.connected().await? != "polling" {
            tokio::task::yield_now().await;
        }
        let answer = world.call("getUpdates", json!({"timeout": 0})).await;
        world.sandbox.send_text(JOHN, "hi").await?;
        answer
    };
    let (first, second) = tokio::join!(first, second);
    let (status, body) = first?;
    assert_eq!(status, 409);
    assert_eq!(
        body["description"],
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running"
    );
    assert_eq!(second?.0, 200);
    Ok(())
}

#[tokio::test]
async fn allowed_updates_are_remembered() -> anyhow::Result<()> {
    let world = World::start().await?;
    world
        .ok("getUpdates", json!({"allowed_updates": ["callback_query"]}))
        .await?;
    world.sandbox.send_text(ANNA, "не нужно").await?;
    assert!(world.updates(0).await?.is_empty());
    world.ok("getUpdates", json!({"allowed_updates": []})).await?;
    world.sandbox.send_text(ANNA, "нужно").await?;
    let updates = world.updates(0).await?;
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0]["message"]["text"], "нужно");
    Ok(())
}

#[tokio::test]
async fn updates_older_than_a_day_are_lost() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.sandbox.send_text(ANNA, "вчерашнее").await?;
    world.sandbox.advance_clock(Duration::from_secs(25 * 3600)).await?;
    world.sandbox.send_text(ANNA, "сегодняшнее").await?;
    let updates = world.updates(0).await?;
    assert_eq!(updates.len(), 1);
    assert_eq!(updates[0]["message"]["text"], "сегодняшнее");
    Ok(())
}

#[tokio::test]
async fn duplicates_come_on_demand() -> anyhow::Result<()> {
    let world = World::start().await?;
    world.sandbox.send_text(ANNA, "раз").await?;
    let first = world.updates(0).await?;
    let next = first[0]["update_id"].as_i64().unwrap_or_default() + 1;
    assert!(world.updates(next).await?.is_empty());
    world.sandbox.repeat_last_update(1).await?;
    assert_eq!(world.updates(next).await?, first);
    assert!(world.updates(next).await?.is_empty());

    world
        .sandbox
        .set_faults(&json!({"telegram": {"duplicate_updates": true}}))
        .await?;
    world.sandbox.send_text(ANNA, "два").await?;
    let twice = world.updates(next).await?;
    assert_eq!(ids(&twice), [next, next]);
    Ok(())
}
