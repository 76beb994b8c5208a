//! What comes from outside is taken once, however often it is repeated.

use store::{NewInboxEvent, Old, Recorded};
use tokio::task::JoinSet;

use crate::world::{NOW, World};

fn event(world: &World, key: &str) -> NewInboxEvent {
    NewInboxEvent {
        source: "telegram".to_owned(),
        dedupe_key: key.to_owned(),
        body: b"{}".to_vec(),
        request_id: world.id(),
        now: NOW,
    }
}

pub async fn of_many_duplicates_at_once_exactly_one_is_new(world: &World) {
    for round in 0..5 {
        let mut tasks = JoinSet::new();
        for copy in 0..10 {
            let (tenant, event) = (world.tenant.clone(), event(world, &format!("update-{round}")));
            let client = world.a_client();
            tasks.spawn(async move {
                let mut tx = tenant.write().await.unwrap();
                let recorded = tx.record(&event).await.unwrap();
                if recorded == Recorded::New {
                    tx.insert_client(&client).await.unwrap();
                }
                // One of them gives up half way: its key is free again.
                if copy == 0 {
                    return Recorded::Duplicate;
                }
                tx.commit().await.unwrap();
                recorded
            });
        }
        let recorded = tasks.join_all().await;
        assert_eq!(
            recorded
                .into_iter()
                .filter(|recorded| *recorded == Recorded::New)
                .count(),
            1
        );
    }
    assert_eq!(world.read().await.count_clients().await.unwrap(), 5);
    let mut tx = world.write().await;
    let elsewhere = NewInboxEvent {
        source: "payments".to_owned(),
        ..event(world, "update-0")
    };
    assert_eq!(
        tx.record(&elsewhere).await.unwrap(),
        Recorded::New,
        "each sender has its own keys"
    );
}

pub async fn many_together_are_recorded_as_one_by_one(world: &World) {
    let events = |keys: &[&str]| keys.iter().map(|key| event(world, key)).collect::<Vec<_>>();
    let mut tx = world.write().await;
    tx.record(&event(world, "known")).await.unwrap();
    tx.commit().await.unwrap();
    let mut tx = world.write().await;
    let recorded = tx.record_all(&events(&["a", "known", "b", "a"])).await.unwrap();
    let (new, old) = (Recorded::New, Recorded::Duplicate);
    assert_eq!(recorded, [new, old, new, old], "of two in one call the first is new");
    assert_eq!(tx.record_all(&[]).await.unwrap(), []);
    tx.commit().await.unwrap();
    let mut tx = world.write().await;
    assert_eq!(tx.record_all(&events(&["b", "c"])).await.unwrap(), [old, new]);
    drop(tx);
    let mut tx = world.write().await;
    assert_eq!(tx.record_all(&events(&["c"])).await.unwrap(), [new], "it was given up");
}

pub async fn an_old_event_can_be_forgotten(world: &World) {
    let mut tx = world.write().await;
    tx.record(&event(world, "old")).await.unwrap();
    let young = NewInboxEvent {
        now: NOW.plus_minutes(5),
        ..event(world, "young")
    };
    tx.record(&young).await.unwrap();
    tx.commit().await.unwrap();
    let mut system = world.store.system().await.unwrap();
    assert_eq!(system.purge(Old::Inbox, NOW.plus_minutes(5), 9).await.unwrap(), 1);
    system.commit().await.unwrap();
    let mut tx = world.write().await;
    assert_eq!(tx.record(&event(world, "old")).await.unwrap(), Recorded::New);
    assert_eq!(tx.record(&event(world, "young")).await.unwrap(), Recorded::Duplicate);
}
