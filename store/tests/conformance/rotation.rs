//! A new master key: everything moves under it, beside a running system, and the old one can go.

use std::collections::BTreeSet;

use store::{Backend, ClientFilter, MasterKeys, SEALED_COLUMNS, Store, Vault};

use crate::world::{MASTER_KEY, World, page};

const NEW_KEY: &str = "k9:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";

async fn open_with(world: &World, keys: &str) -> Store {
    let vault = Vault::new(&MasterKeys::parse(keys).unwrap()).unwrap();
    Store::open(&world.url, vault).await.unwrap()
}

/// Seals everything anew in small bites. Returns (sealed anew, unreadable).
async fn rotate(store: &Store, bite: u32) -> (u64, u64) {
    let (mut changed, mut unreadable) = (0, 0);
    for column in &SEALED_COLUMNS {
        let mut after = None;
        loop {
            let batch = store.reseal_batch(column, after.as_ref(), bite).await.unwrap();
            changed += batch.changed;
            unreadable += batch.unreadable;
            after = batch.next;
            if after.is_none() {
                break;
            }
        }
    }
    (changed, unreadable)
}

async fn left_under_the_old_key(store: &Store) -> i64 {
    let mut left = 0;
    for column in &SEALED_COLUMNS {
        let found = store.key_use(column).await.unwrap();
        assert_eq!(found.unknown, 0, "{column:?}");
        left += found.by_key[1..].iter().map(|(_, count)| count).sum::<i64>();
    }
    left
}

pub async fn after_a_rotation_the_old_key_can_go(world: &World) {
    let client = crate::secrecy::write_secrets(world).await;
    let both = format!("{NEW_KEY},{MASTER_KEY}");
    let store = open_with(world, &both).await;
    let before = left_under_the_old_key(&store).await;
    assert!(before >= 13, "{before} values of the furnished database are sealed");
    let (changed, unreadable) = rotate(&store, 1).await;
    assert_eq!((i64::try_from(changed).unwrap(), unreadable), (before, 0));
    assert_eq!(left_under_the_old_key(&store).await, 0);
    assert_eq!(rotate(&store, 9).await, (0, 0), "a second time there is nothing to do");
    store.close().await;

    let store = open_with(world, NEW_KEY).await;
    let mut tx = store.tenant(world.tenant.id()).read().await.unwrap();
    let found = tx.find_client(&client.id).await.unwrap().unwrap();
    assert_eq!((found.phone, found.email), (client.phone.clone(), client.email.clone()));
    for filter in [
        ClientFilter {
            phone: client.phone.clone(),
            ..ClientFilter::default()
        },
        ClientFilter {
            email: client.email.clone(),
            ..ClientFilter::default()
        },
    ] {
        let found = tx.list_clients(&filter, &page(9)).await.unwrap().items;
        assert_eq!(found.len(), 1, "found by an index of the new key: {filter:?}");
    }
    assert_eq!(tx.list_messages(&client.id, &page(9)).await.unwrap().items.len(), 2);
    assert!(tx.find_setting("telegram").await.unwrap().is_some());
    drop(tx);
    let mut system = store.system_read().await.unwrap();
    let owner = system.sign_in_subject("owner.secret@example.com").await.unwrap();
    assert!(owner.is_some(), "the owner can sign in");
    drop(system);
    store.close().await;
}

pub async fn a_rotation_undoes_no_write_that_comes_between(world: &World) {
    let clients = [world.some_client().await, world.some_client().await];
    let old = world.store.clone();
    let store = open_with(world, &format!("{NEW_KEY},{MASTER_KEY}")).await;
    // A process of the old release goes on writing while the rotation walks.
    let writer = async {
        for round in 0..60_i64 {
            for client in &clients {
                let update = store::ClientUpdate {
                    display_name: client.display_name.clone(),
                    username: None,
                    language: client.language,
                    phone: Some(format!("+7912000{round:04}")),
                    email: None,
                    notes: Some(round.to_string()),
                    owner: None,
                };
                let mut tx = old.tenant(world.tenant.id()).write().await.unwrap();
                tx.update_client(&client.id, round + 1, &update, crate::world::NOW)
                    .await
                    .unwrap();
                tx.commit().await.unwrap();
            }
        }
    };
    let rotation = async {
        for _ in 0..20 {
            rotate(&store, 1).await;
        }
    };
    tokio::join!(writer, rotation);
    rotate(&store, 5).await;
    assert_eq!(left_under_the_old_key(&store).await, 0);
    let mut tx = store.tenant(world.tenant.id()).read().await.unwrap();
    for client in &clients {
        let found = tx.find_client(&client.id).await.unwrap().unwrap();
        assert_eq!(
            (found.phone.as_deref(), found.notes.as_deref()),
            (Some("+79120000059"), Some("59"))
        );
        let filter = ClientFilter {
            phone: Some("+79120000059".to_owned()),
            ..ClientFilter::default()
        };
        assert_eq!(tx.list_clients(&filter, &page(9)).await.unwrap().items.len(), 2);
    }
    drop(tx);
    store.close().await;
}

pub async fn what_no_key_opens_is_counted_and_left_alone(world: &World) {
    crate::secrecy::write_secrets(world).await;
    let store = open_with(world, NEW_KEY).await;
    let (changed, unreadable) = rotate(&store, 7).await;
    assert_eq!(changed, 0);
    assert!(unreadable >= 13);
    let mut unknown = 0;
    for column in &SEALED_COLUMNS {
        unknown += store.key_use(column).await.unwrap().unknown;
    }
    assert_eq!(u64::try_from(unknown).unwrap(), unreadable);
    store.close().await;
    let mut tx = world.read().await;
    assert!(
        tx.find_setting("telegram").await.unwrap().is_some(),
        "nothing was spoiled"
    );
}

#[tokio::test]
async fn every_sealed_column_of_both_schemas_is_on_the_list() {
    let listed: BTreeSet<String> = SEALED_COLUMNS
        .iter()
        .map(|column| format!("{}.{}", column.table, column.column))
        .collect();
    for (backend, sql) in [
        (
            Backend::Sqlite,
            "SELECT t.name || '.' || c.name FROM sqlite_schema t JOIN pragma_table_info(t.name) c WHERE t.type = 'table' \
             AND (c.name LIKE '%\\_sealed' ESCAPE '\\' OR t.name || '.' || c.name = 'idempotency_keys.body')",
        ),
        (
            Backend::Postgres,
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' \
             AND (column_name LIKE '%\\_sealed' OR table_name || '.' || column_name = 'idempotency_keys.body')",
        ),
    ] {
        let world = World::open(backend).await;
        let mut raw = world.raw().await;
        let found: BTreeSet<String> = raw.texts(sql).await.into_iter().collect();
        assert_eq!(found, listed, "{backend:?}");
        raw.close().await;
        world.close().await;
    }
}
