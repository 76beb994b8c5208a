//! What is forgotten, and what is kept however old it is.

use domain::time::Timestamp;
use store::{Old, Report};

use crate::world::{NOW, World};

async fn gone(world: &World, what: Old, before: Timestamp, limit: u32) -> u64 {
    let mut system = world.store.system().await.unwrap();
    let gone = system.purge(what, before, limit).await.unwrap();
    system.commit().await.unwrap();
    gone
}

pub async fn what_did_not_arrive_is_kept_apart_from_what_did(world: &World) {
    let sent = Report::Sent {
        external_ref: "1".into(),
    };
    let refused = Report::Rejected { reason: "bad".into() };
    let unreachable = Report::Unreachable {
        reason: "blocked".into(),
    };
    let mut tx = world.write().await;
    for (address, report) in [
        ("1", Some(&sent)),
        ("2", Some(&refused)),
        ("3", Some(&unreachable)),
        ("4", None),
    ] {
        let delivery = store::NewDelivery {
            leased_to: Some(("w".into(), NOW.plus_minutes(1))),
            ..world.a_delivery(address)
        };
        tx.enqueue_delivery(&delivery).await.unwrap();
        if let Some(report) = report {
            let settled = tx.report_delivery(&delivery.id, "w", report, NOW).await.unwrap();
            assert!(settled.is_some());
        }
    }
    tx.commit().await.unwrap();
    let later = NOW.plus_minutes(1);
    assert_eq!(gone(world, Old::RefusedDeliveries, NOW, 9).await, 0, "not old yet");
    assert_eq!(gone(world, Old::SentDeliveries, later, 9).await, 1);
    assert_eq!(gone(world, Old::RefusedDeliveries, later, 9).await, 2);
    let mut raw = world.raw().await;
    assert_eq!(
        raw.number("SELECT COUNT(*) FROM outbox").await,
        1,
        "what still waits stays, however old"
    );
    raw.close().await;
}

pub async fn the_oldest_go_first_and_never_more_than_asked(world: &World) {
    let mut tx = world.write().await;
    for minute in 0..5 {
        let event = store::NewInboxEvent {
            source: "telegram".into(),
            dedupe_key: format!("key-{minute}"),
            body: b"{}".to_vec(),
            request_id: world.id(),
            now: NOW.plus_minutes(minute),
        };
        tx.record(&event).await.unwrap();
    }
    tx.commit().await.unwrap();
    let before = NOW.plus_minutes(4);
    assert_eq!(gone(world, Old::Inbox, before, 3).await, 3);
    let mut raw = world.raw().await;
    let left = raw.texts("SELECT dedupe_key FROM inbox ORDER BY dedupe_key").await;
    assert_eq!(left, ["key-3", "key-4"]);
    raw.close().await;
    assert_eq!(gone(world, Old::Inbox, before, 3).await, 1);
    assert_eq!(gone(world, Old::Inbox, before, 3).await, 0);
}

pub async fn ended_sessions_and_old_guesses_go(world: &World) {
    let mut system = world.store.system().await.unwrap();
    system.count_sign_in_guess("old", NOW).await.unwrap();
    system.count_sign_in_guess("young", NOW.plus_minutes(2)).await.unwrap();
    system.commit().await.unwrap();
    assert_eq!(gone(world, Old::SignInFailures, NOW.plus_minutes(1), 9).await, 1);
    assert_eq!(gone(world, Old::Sessions, NOW, 9).await, 0);
}
