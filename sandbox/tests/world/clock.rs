use std::time::Duration;

use sandbox::driver::{ClockAction, ClockState};

use crate::{ANNA, World};

#[tokio::test]
async fn the_clock_stops_moves_and_goes_on() -> anyhow::Result<()> {
    let world = World::start().await?;
    let start = world.sandbox.clock().await?;
    assert!(!start.frozen && start.offset_ms.abs() < 1000);
    let frozen = world.sandbox.move_clock(&ClockAction::Freeze).await?;
    assert!(frozen.frozen && frozen.version > start.version);
    let moved = world.sandbox.advance_clock(Duration::from_secs(3600)).await?;
    assert_eq!(moved.now_ms, frozen.now_ms + 3_600_000);
    let resumed = world.sandbox.move_clock(&ClockAction::Resume).await?;
    assert!(!resumed.frozen && resumed.now_ms >= moved.now_ms);
    let set = world
        .sandbox
        .move_clock(&ClockAction::Set {
            now_ms: 1_900_000_000_000,
        })
        .await?;
    assert!((set.now_ms - 1_900_000_000_000).abs() < 1000);
    let said = world.sandbox.send_text(ANNA, "из будущего").await?;
    assert!(said.at_ms >= 1_900_000_000_000);
    assert_eq!(world.updates(0).await?[0]["message"]["date"], said.at_ms / 1000);
    let reset = world.sandbox.move_clock(&ClockAction::Reset).await?;
    assert!(reset.offset_ms.abs() < 1000);
    Ok(())
}

#[tokio::test]
async fn a_watcher_hears_of_a_change_at_once() -> anyhow::Result<()> {
    let world = World::start().await?;
    let version = world.sandbox.clock().await?.version;
    let url = world.url(&format!("/sandbox/clock?after={version}&timeout_s=30"));
    let (heard, moved) = tokio::join!(
        async { anyhow::Ok(world.http.get(url).send().await?.json::<ClockState>().await?) },
        world.sandbox.advance_clock(Duration::from_secs(60)),
    );
    let (heard, moved) = (heard?, moved?);
    assert_eq!(heard.version, moved.version);
    let url = world.url(&format!("/sandbox/clock?after={}&timeout_s=0", moved.version));
    let unchanged: ClockState = world.http.get(url).send().await?.json().await?;
    assert_eq!(unchanged.version, moved.version);
    Ok(())
}
