//! One dialogue, many updates at once: they go one after the other.

use domain::language::Language;
use store::{ConversationUpdate, NewClient, NewConversation};
use tokio::task::JoinSet;

use crate::world::{NOW, World};

fn conversation(client: Option<&NewClient>, address: &str) -> NewConversation {
    NewConversation {
        channel: "telegram".to_owned(),
        address: address.to_owned(),
        client: client.map(|client| client.id.clone()),
        is_trainer: false,
        language: Language::Ru,
        known_as: "Anna".to_owned(),
        now: NOW,
    }
}

fn scene(scene: &str) -> ConversationUpdate {
    ConversationUpdate {
        language: Language::Ru,
        scene: scene.to_owned(),
        known_as: "Anna".to_owned(),
        quiet_until: NOW,
    }
}

pub async fn two_writers_of_one_conversation_go_one_after_the_other(world: &World) {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    assert!(
        tx.insert_conversation(&conversation(Some(&client), "42"))
            .await
            .unwrap()
    );
    tx.update_conversation("telegram", "42", &scene("0"), NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    let mut tasks = JoinSet::new();
    for _ in 0..12 {
        let tenant = world.tenant.clone();
        tasks.spawn(async move {
            for _ in 0..5 {
                let mut tx = tenant.write().await.unwrap();
                let found = tx.lock_conversation("telegram", "42").await.unwrap().unwrap();
                let count: u32 = found.scene.parse().unwrap();
                tokio::task::yield_now().await;
                let next = scene(&(count + 1).to_string());
                tx.update_conversation("telegram", "42", &next, NOW).await.unwrap();
                tx.commit().await.unwrap();
            }
        });
    }
    while let Some(done) = tasks.join_next().await {
        done.unwrap();
    }
    let mut tx = world.write().await;
    let found = tx.lock_conversation("telegram", "42").await.unwrap().unwrap();
    assert_eq!(found.scene, "60", "no turn was lost");

    // Whoever comes while the lock is held sees what its holder wrote.
    let waiting = tokio::spawn({
        let tenant = world.tenant.clone();
        async move {
            let mut tx = tenant.write().await.unwrap();
            tx.lock_conversation("telegram", "42").await.unwrap().unwrap().scene
        }
    });
    world.until_somebody_waits_for_a_lock().await;
    tx.update_conversation("telegram", "42", &scene("mine"), NOW)
        .await
        .unwrap();
    tx.commit().await.unwrap();
    assert_eq!(waiting.await.unwrap(), "mine");
}

pub async fn of_many_beginnings_exactly_one_counts(world: &World) {
    let mut tasks = JoinSet::new();
    for _ in 0..8 {
        let (tenant, client) = (world.tenant.clone(), world.a_client());
        tasks.spawn(async move {
            let mut tx = tenant.write().await.unwrap();
            tx.insert_client(&client).await.unwrap();
            let is_first = tx
                .insert_conversation(&conversation(Some(&client), "42"))
                .await
                .unwrap();
            if is_first {
                tx.commit().await.unwrap();
            }
            is_first
        });
    }
    assert_eq!(
        tasks.join_all().await.into_iter().filter(|is_first| *is_first).count(),
        1
    );
    assert_eq!(world.read().await.count_clients().await.unwrap(), 1);
}

pub async fn a_conversation_remembers_where_it_stands(world: &World) {
    let client = world.some_client().await;
    let mut tx = world.write().await;
    tx.insert_conversation(&conversation(Some(&client), "42"))
        .await
        .unwrap();
    tx.insert_conversation(&conversation(Some(&client), "43"))
        .await
        .unwrap();
    tx.insert_conversation(&conversation(None, "7")).await.unwrap();
    let update = ConversationUpdate {
        language: Language::En,
        scene: r#"{"at":"goal"}"#.to_owned(),
        known_as: "Anna".to_owned(),
        quiet_until: NOW.plus_minutes(1),
    };
    tx.update_conversation("telegram", "42", &update, NOW.plus_minutes(2))
        .await
        .unwrap();
    tx.set_step_ref("telegram", "42", Some("900")).await.unwrap();
    tx.set_blocked("telegram", "42", Some(NOW)).await.unwrap();
    let found = tx.lock_conversation("telegram", "42").await.unwrap().unwrap();
    assert_eq!(
        (found.language, found.scene.as_str()),
        (update.language, update.scene.as_str())
    );
    assert_eq!((found.step_ref.as_deref(), found.blocked_at), (Some("900"), Some(NOW)));
    assert_eq!(found.quiet_until, update.quiet_until);
    tx.set_blocked("telegram", "42", None).await.unwrap();
    tx.set_step_ref("telegram", "42", None).await.unwrap();
    tx.quiet_conversations(&client.id, NOW.plus_minutes(60)).await.unwrap();
    let chats = tx.conversations_of(&client.id).await.unwrap();
    assert_eq!(
        chats.iter().map(|chat| chat.address.as_str()).collect::<Vec<_>>(),
        ["42", "43"]
    );
    assert!(
        chats
            .iter()
            .all(|chat| chat.quiet_until == NOW.plus_minutes(60) && chat.blocked_at.is_none())
    );
    assert!(tx.trainer_conversations().await.unwrap().is_empty());
    tx.make_trainer("telegram", "7", NOW).await.unwrap();
    let trainers = tx.trainer_conversations().await.unwrap();
    assert_eq!(trainers.len(), 1);
    assert!(trainers[0].is_trainer && trainers[0].client.is_none() && trainers[0].scene.is_empty());
}
