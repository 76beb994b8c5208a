//! Processes die and others go on: what the dead held is free, what the living hold is theirs.

use domain::time::Timestamp;
use store::{ClaimedDelivery, GONE_AFTER_MS, IdempotencyClaim, KeyLease, Sighting};

use crate::world::{NOW, World};

const HOUR_MS: i64 = 60 * 60_000;

async fn see(world: &World, replica: &str, now: Timestamp) -> Sighting {
    let mut tx = world.write().await;
    let sighting = tx.see_replica("telegram", replica, now).await.unwrap();
    tx.commit().await.unwrap();
    sighting
}

/// Claims with a lease that does not end by itself while the test lasts.
async fn claim(world: &World, replica: &str, now: Timestamp) -> Vec<ClaimedDelivery> {
    let mut tx = world.write().await;
    let claimed = tx
        .claim_deliveries("telegram", replica, 9, now, now, now.plus_minutes(9))
        .await
        .unwrap();
    tx.commit().await.unwrap();
    claimed
}

async fn enqueue(world: &World, addresses: &[&str]) {
    let mut tx = world.write().await;
    for address in addresses {
        tx.enqueue_delivery(&world.a_delivery(address)).await.unwrap();
    }
    tx.commit().await.unwrap();
}

fn after(seconds: i64) -> Timestamp {
    NOW.plus_millis(seconds * 1_000)
}

pub async fn a_successor_gets_at_once_what_its_predecessor_held(world: &World) {
    see(world, "bot@one#1", NOW).await;
    see(world, "bot@two#7", NOW).await;
    enqueue(world, &["1"]).await;
    assert_eq!(claim(world, "bot@one#1", NOW).await.len(), 1);
    enqueue(world, &["2"]).await;
    assert_eq!(claim(world, "bot@two#7", NOW).await.len(), 1);
    // The first is killed; a process starts in its place.
    let sighting = see(world, "bot@one#2", after(1)).await;
    assert_eq!(
        (sighting.released, sighting.replicas),
        (1, 2),
        "it counts in its predecessor's stead"
    );
    let taken = claim(world, "bot@one#2", after(1)).await;
    assert_eq!(taken.len(), 1);
    assert_eq!((taken[0].address.as_str(), taken[0].attempt), ("1", 2));
    assert_eq!(see(world, "bot@one#2", after(2)).await.released, 0);
    assert!(
        claim(world, "bot@one#2", after(2)).await.is_empty(),
        "the other one's stays with it"
    );
}

pub async fn names_that_begin_alike_are_different_slots(world: &World) {
    for replica in ["bot@one#1", "bot@on#1", "bot@one2#1", "bot@one", "plain"] {
        see(world, replica, NOW).await;
        enqueue(world, &[replica]).await;
        assert_eq!(claim(world, replica, NOW).await.len(), 1, "{replica}");
    }
    assert_eq!(see(world, "bot@one#2", NOW).await.released, 1);
    assert_eq!(see(world, "plain2", NOW).await.released, 0);
}

pub async fn nothing_is_taken_from_a_living_replica(world: &World) {
    enqueue(world, &["1"]).await;
    assert_eq!(claim(world, "bot@one#1", NOW).await.len(), 1);
    // Both give signs of life; the second one claims again and again.
    for second in (0..=120).step_by(5) {
        assert_eq!(see(world, "bot@one#1", after(second)).await.released, 0);
        let sighting = see(world, "bot@two#1", after(second)).await;
        assert_eq!((sighting.released, sighting.replicas), (0, 2), "after {second} s");
        assert!(claim(world, "bot@two#1", after(second)).await.is_empty());
    }
}

pub async fn what_a_silent_replica_held_goes_to_one_that_lives(world: &World) {
    see(world, "bot@one#1", NOW).await;
    enqueue(world, &["1"]).await;
    assert_eq!(claim(world, "bot@one#1", NOW).await.len(), 1);
    let gone_s = GONE_AFTER_MS / 1_000;
    for second in (0..=gone_s).step_by(5) {
        assert_eq!(
            see(world, "bot@two#1", after(second)).await.released,
            0,
            "after {second} s"
        );
    }
    let sighting = see(world, "bot@two#1", after(gone_s + 1)).await;
    assert_eq!((sighting.released, sighting.replicas), (1, 1));
    assert_eq!(claim(world, "bot@two#1", after(gone_s + 1)).await.len(), 1);
}

pub async fn after_an_outage_nobody_is_taken_for_dead(world: &World) {
    for replica in ["bot@one#1", "bot@two#1"] {
        see(world, replica, NOW.plus_millis(-HOUR_MS)).await;
        see(world, replica, NOW).await;
    }
    enqueue(world, &["1"]).await;
    assert_eq!(claim(world, "bot@one#1", NOW).await.len(), 1);
    // Nobody could be heard for five minutes. The second one is back first, the first some seconds later.
    for second in [300, 305] {
        assert_eq!(see(world, "bot@two#1", after(second)).await.released, 0);
    }
    for second in (306..=400).step_by(5) {
        assert_eq!(see(world, "bot@one#1", after(second)).await.released, 0);
        assert_eq!(see(world, "bot@two#1", after(second)).await.released, 0);
    }
}

pub async fn a_restarted_worker_gets_its_jobs_and_keys_back_at_once(world: &World) {
    let mut tx = world.write().await;
    for _ in 0..2 {
        tx.enqueue_job(&world.a_job()).await.unwrap();
    }
    for (owner, key) in [("api@one#1", "a"), ("api@two#1", "b")] {
        let lease = KeyLease {
            owner,
            now: NOW,
            until: NOW.plus_minutes(1),
        };
        let claim = tx
            .claim_idempotency_key("admin", key, "hash", NOW, &lease)
            .await
            .unwrap();
        assert_eq!(claim, IdempotencyClaim::Claimed);
    }
    tx.commit().await.unwrap();
    let mut system = world.store.system().await.unwrap();
    for owner in ["api@one#1", "api@two#1"] {
        let claimed = system
            .claim_jobs(owner, 1, NOW, NOW, NOW.plus_minutes(1))
            .await
            .unwrap();
        assert_eq!(claimed.len(), 1);
    }
    assert_eq!(system.release_jobs_of_predecessors("api@one#2").await.unwrap(), 1);
    assert_eq!(system.release_keys_of_predecessors("api@one#2").await.unwrap(), 1);
    assert_eq!(system.release_jobs_of_predecessors("api@one#2").await.unwrap(), 0);
    let again = system
        .claim_jobs("api@one#2", 9, NOW, NOW, NOW.plus_minutes(1))
        .await
        .unwrap();
    assert_eq!(again.len(), 1, "the other worker's stays with it");
    assert_eq!(again[0].attempts, 2);
    system.commit().await.unwrap();
    let mut tx = world.write().await;
    let lease = KeyLease {
        owner: "api@one#2",
        now: NOW,
        until: NOW.plus_minutes(1),
    };
    let free = tx
        .claim_idempotency_key("admin", "a", "hash", NOW, &lease)
        .await
        .unwrap();
    assert_eq!(free, IdempotencyClaim::Claimed);
    let held = tx
        .claim_idempotency_key("admin", "b", "hash", NOW, &lease)
        .await
        .unwrap();
    assert_eq!(held, IdempotencyClaim::InProgress { lease_ms: 60_000 });
    tx.commit().await.unwrap();
}

pub async fn leases_end_by_the_machines_clock_while_the_products_stands(world: &World) {
    let mut tx = world.write().await;
    tx.enqueue_job(&world.a_job()).await.unwrap();
    tx.enqueue_delivery(&world.a_delivery("1")).await.unwrap();
    tx.commit().await.unwrap();
    let mut counts = Vec::new();
    for second in [0, 19, 20] {
        let (machine, until) = (after(second), after(second + 20));
        let mut system = world.store.system().await.unwrap();
        let jobs = system.claim_jobs("w", 9, NOW, machine, until).await.unwrap();
        system.commit().await.unwrap();
        let mut tx = world.write().await;
        let deliveries = tx
            .claim_deliveries("telegram", "w", 9, NOW, machine, until)
            .await
            .unwrap();
        tx.commit().await.unwrap();
        counts.push((jobs.len(), deliveries.len()));
    }
    assert_eq!(counts, [(1, 1), (0, 0), (1, 1)]);
}

pub async fn the_step_behind_takes_the_buttons_off_the_step_before(world: &World) {
    let step = |name: &str| store::NewDelivery {
        is_step: true,
        retire_ref: Some("10".to_owned()),
        content: name.to_owned(),
        ..world.a_delivery("1")
    };
    let (second, third) = (step("second question"), step("third question"));
    let mut tx = world.write().await;
    for delivery in [&second, &third] {
        tx.enqueue_delivery(delivery).await.unwrap();
    }
    tx.commit().await.unwrap();
    let claimed = claim(world, "w", NOW).await;
    assert_eq!(
        claimed.len(),
        1,
        "nothing goes out with a step before it whose message is not known yet"
    );
    let mut tx = world.write().await;
    let sent = store::Report::Sent {
        external_ref: "11".to_owned(),
    };
    tx.report_delivery(&second.id, "w", &sent, NOW).await.unwrap().unwrap();
    tx.retire_in_next_step("telegram", "1", "11").await.unwrap();
    tx.commit().await.unwrap();
    let claimed = claim(world, "w", NOW).await;
    assert_eq!(claimed[0].retire_ref.as_deref(), Some("11"));
}
