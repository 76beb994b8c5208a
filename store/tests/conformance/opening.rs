//! Opening: once, twice, too old, and at an address that can't be meant.

use store::{Error, SchemaError, Store};

use crate::world::{World, postgres_server, vault};

pub async fn opening_twice_is_harmless(world: &World) {
    let client = world.some_client().await;
    let second = Store::open(&world.url, vault()).await.unwrap();
    second.ping().await.unwrap();
    let mut tx = second.tenant(world.tenant.id()).read().await.unwrap();
    assert!(tx.find_client(&client.id).await.unwrap().is_some());
    drop(tx);
    // Both write; neither fails because of the other.
    let later = world.a_client();
    let mut tx = second.tenant(world.tenant.id()).write().await.unwrap();
    tx.insert_client(&later).await.unwrap();
    tx.commit().await.unwrap();
    second.close().await;
    assert!(world.read().await.find_client(&later.id).await.unwrap().is_some());
    if let Some(folder) = world.folder() {
        for _ in 0..200 {
            world.some_client().await;
        }
        world.store.close().await;
        let log = std::fs::metadata(folder.join("voronka.db-wal")).map_or(0, |file| file.len());
        assert_eq!(log, 0, "a closed database is one file");
    }
    let again = Store::open(&world.url, vault()).await.unwrap();
    let mut tx = again.tenant(world.tenant.id()).read().await.unwrap();
    assert!(tx.find_client(&client.id).await.unwrap().is_some());
    drop(tx);
    again.close().await;
}

pub async fn a_database_of_a_newer_version_is_refused(world: &World) {
    world.store.close().await;
    let mut raw = world.raw().await;
    raw.execute(
        "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) \
         SELECT 9999, 'from the future', success, checksum, execution_time FROM _sqlx_migrations WHERE version = 1",
    )
    .await;
    raw.close().await;
    let refused = Store::open(&world.url, vault()).await.unwrap_err();
    assert!(
        matches!(refused, Error::Schema(SchemaError::Newer(9999))),
        "{refused:?}"
    );
    let sentence = refused.to_string();
    assert!(
        sentence.contains("newer version") && sentence.contains("9999") && sentence.contains("backup"),
        "{sentence}"
    );
}

pub async fn a_changed_migration_is_refused(world: &World) {
    world.store.close().await;
    let mut raw = world.raw().await;
    let zero = if world.is_postgres() { "'\\x00'::bytea" } else { "x'00'" };
    raw.execute(&format!(
        "UPDATE _sqlx_migrations SET checksum = {zero} WHERE version = 1"
    ))
    .await;
    raw.close().await;
    let refused = Store::open(&world.url, vault()).await.unwrap_err();
    assert!(matches!(refused, Error::Schema(SchemaError::Changed(1))), "{refused:?}");
}

pub async fn a_dropped_transaction_never_happened(world: &World) {
    let (kept, lost) = (world.a_client(), world.a_client());
    let mut tx = world.write().await;
    tx.insert_client(&lost).await.unwrap();
    drop(tx);
    let mut tx = world.write().await;
    tx.insert_client(&kept).await.unwrap();
    // Readers don't wait for a writer and don't see what it has not committed.
    assert_eq!(world.read().await.find_client(&kept.id).await.unwrap(), None);
    tx.commit().await.unwrap();
    let mut tx = world.read().await;
    assert!(tx.find_client(&kept.id).await.unwrap().is_some());
    assert_eq!(tx.find_client(&lost.id).await.unwrap(), None);
    assert_eq!(tx.count_clients().await.unwrap(), 1);
}

/// The sentence and its causes, as an operator reads them in the log.
async fn refusal(url: &str) -> String {
    let refused = Store::open(url, vault())
        .await
        .expect_err(&format!("{url} can't be opened"));
    let mut text = refused.to_string();
    let mut cause = std::error::Error::source(&refused);
    while let Some(inner) = cause {
        text.push_str(": ");
        text.push_str(&inner.to_string());
        cause = inner.source();
    }
    text
}

#[tokio::test]
async fn a_wrong_address_is_refused_with_a_sentence_that_names_the_key() {
    let folder = tempfile::tempdir().unwrap();
    let folder = folder.path().display();
    let file = tempfile::NamedTempFile::new().unwrap();
    let file = file.path().display();
    for url in [
        String::new(),
        "voronka.db".to_owned(),
        "mysql://localhost/voronka".to_owned(),
        "postgres".to_owned(),
        "sqlite::memory:".to_owned(),
        "sqlite://:memory:".to_owned(),
        "sqlite:".to_owned(),
        "sqlite://".to_owned(),
        "sqlite://a.db?mode=memory".to_owned(),
        "sqlite://a.db?colour=red".to_owned(),
        format!("sqlite://{folder}"),
        format!("sqlite://{file}/voronka.db"),
        "postgres://localhost:port/voronka".to_owned(),
        "postgres://[::1/voronka".to_owned(),
        "postgres://nobody.invalid/voronka".to_owned(),
        format!("{}_that_is_not_there", postgres_server()),
    ] {
        let sentence = refusal(&url).await;
        assert!(
            sentence.starts_with("DATABASE_URL: "),
            "{url} is refused with: {sentence}"
        );
    }
}

#[tokio::test]
async fn a_file_that_is_no_database_is_refused_and_left_alone() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("notes.txt");
    let text = "These are notes, not a database.\n".repeat(40);
    std::fs::write(&path, &text).unwrap();
    let sentence = refusal(&format!("sqlite://{}", path.display())).await;
    assert!(
        sentence.starts_with("DATABASE_URL: ") && sentence.contains("not a database"),
        "{sentence}"
    );
    assert_eq!(std::fs::read_to_string(&path).unwrap(), text);
}

#[tokio::test]
async fn a_password_is_not_shown_when_an_address_is_refused() {
    for url in [
        "postgres://anna:hunter2@nobody.invalid/voronka",
        "postgres://anna:hunter2@localhost:port/voronka",
    ] {
        let sentence = refusal(url).await;
        assert!(!sentence.contains("hunter2"), "{sentence}");
    }
}

#[tokio::test]
async fn the_folder_of_a_new_database_is_made() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("data/of/today/voronka.db");
    let store = Store::open(&format!("sqlite://{}", path.display()), vault())
        .await
        .unwrap();
    store.close().await;
    assert!(path.exists());
}
