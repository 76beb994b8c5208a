//! The server cuts connections: it was restarted, or somebody ended its sessions.

use std::sync::Arc;
use std::time::Duration;

use store::Store;
use tokio::sync::Barrier;
use tokio::task::JoinSet;

use crate::world::World;

/// As many as the pool keeps.
const AT_ONCE: usize = 16;

/// Each reads on a connection of its own.
async fn all_at_once(store: &Store, world: &World) -> Vec<store::Result<()>> {
    let mut work = JoinSet::new();
    let everybody = Arc::new(Barrier::new(AT_ONCE));
    for _ in 0..AT_ONCE {
        let (tenant, everybody, client) = (store.tenant(world.tenant.id()), everybody.clone(), world.a_client());
        work.spawn(async move {
            let mut tx = tenant.read().await?;
            tx.find_client(&client.id).await?;
            // Whoever fails does not come, and the others don't wait for ever.
            tokio::time::timeout(Duration::from_secs(5), everybody.wait())
                .await
                .ok();
            Ok(())
        });
    }
    work.join_all().await
}

pub async fn connections_that_were_cut_while_they_rested_fail_nobody(world: &World) {
    // On SQLite there is nothing to cut.
    if !world.is_postgres() {
        return;
    }
    for outcome in all_at_once(&world.store, world).await {
        outcome.unwrap();
    }
    let mut raw = world.raw().await;
    raw.execute(
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
         WHERE datname = current_database() AND pid <> pg_backend_pid()",
    )
    .await;
    let outcomes = all_at_once(&world.store, world).await;
    let failed: Vec<_> = outcomes.iter().filter(|outcome| outcome.is_err()).collect();
    assert!(failed.is_empty(), "{failed:?}");
    let client = world.some_client().await;
    assert!(world.read().await.find_client(&client.id).await.unwrap().is_some());
    raw.close().await;
}
