//! The two schemas are one: the same migrations, tables, columns, uniqueness rules and indexes.
//!
//! Known differences: SQLite searches with the virtual table `clients_search`, PostgreSQL with the index
//! `clients_by_search_text`.

use std::collections::BTreeSet;
use std::path::Path;

use store::Backend;

use crate::world::{Raw, World};

async fn both(sqlite: &str, postgres: &str) -> (BTreeSet<String>, BTreeSet<String>) {
    let mut answers = Vec::new();
    for (backend, sql) in [(Backend::Sqlite, sqlite), (Backend::Postgres, postgres)] {
        let world = World::open(backend).await;
        let mut raw: Raw = world.raw().await;
        answers.push(raw.texts(sql).await.into_iter().collect::<BTreeSet<_>>());
        raw.close().await;
        world.close().await;
    }
    let postgres = answers.pop().unwrap();
    (answers.pop().unwrap(), postgres)
}

fn assert_same(what: &str, (sqlite, postgres): (BTreeSet<String>, BTreeSet<String>)) {
    assert!(!sqlite.is_empty());
    let only_sqlite: Vec<_> = sqlite.difference(&postgres).collect();
    let only_postgres: Vec<_> = postgres.difference(&sqlite).collect();
    assert!(
        only_sqlite.is_empty() && only_postgres.is_empty(),
        "{what} only in SQLite: {only_sqlite:?}; only in PostgreSQL: {only_postgres:?}"
    );
}

#[test]
fn both_folders_hold_the_same_migrations() {
    let names = |backend: &str| -> BTreeSet<String> {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
            .join("../migrations")
            .join(backend);
        std::fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    };
    assert_same("migrations", (names("sqlite"), names("postgres")));
}

#[tokio::test]
async fn both_databases_have_the_same_columns() {
    let found = both(
        "SELECT t.name || '.' || c.name || ' ' || \
         CASE c.type WHEN 'INTEGER' THEN 'bigint' WHEN 'BLOB' THEN 'bytea' ELSE lower(c.type) END || \
         CASE WHEN c.\"notnull\" = 1 THEN ' not null' ELSE '' END \
         FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND t.name NOT LIKE 'clients_search%' AND t.name <> '_sqlx_migrations'",
        "SELECT table_name || '.' || column_name || ' ' || data_type || CASE is_nullable WHEN 'NO' THEN ' not null' ELSE '' END \
         FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> '_sqlx_migrations'",
    )
    .await;
    assert_same("columns", found);
}

#[tokio::test]
async fn both_databases_have_the_same_uniqueness_rules() {
    // Table, columns in order, and the condition of a partial rule.
    let found = both(
        "SELECT t.name || ' (' || (SELECT group_concat(c.name, ', ') FROM \
             (SELECT i.name FROM pragma_index_info(x.name) i ORDER BY i.seqno) c) || ')' || \
             CASE x.partial WHEN 1 THEN ' where ' || \
                 (SELECT replace(substr(s.sql, instr(s.sql, ' WHERE ') + 7), '''', '') FROM sqlite_schema s WHERE s.name = x.name) \
             ELSE '' END \
         FROM sqlite_schema t JOIN pragma_index_list(t.name) x \
         WHERE t.type = 'table' AND x.\"unique\" = 1 AND t.name <> '_sqlx_migrations' AND t.name NOT LIKE 'clients_search%' \
         UNION SELECT t.name || ' (' || c.name || ')' FROM sqlite_schema t JOIN pragma_table_info(t.name) c \
         WHERE t.type = 'table' AND c.pk = 1 AND t.name NOT LIKE 'clients_search%' AND t.name <> '_sqlx_migrations' \
             AND NOT EXISTS (SELECT 1 FROM pragma_index_list(t.name) x WHERE x.origin = 'pk')",
        "SELECT c.relname || ' (' || (SELECT string_agg(a.attname, ', ' ORDER BY k.place) \
             FROM unnest(x.indkey::int[]) WITH ORDINALITY k (number, place) \
             JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum = k.number) || ')' || \
             COALESCE(' where ' || regexp_replace(pg_get_expr(x.indpred, c.oid), '[()'']|::text', '', 'g'), '') \
         FROM pg_index x JOIN pg_class c ON c.oid = x.indrelid \
         WHERE x.indisunique AND c.relnamespace = 'public'::regnamespace AND c.relname <> '_sqlx_migrations'",
    )
    .await;
    assert!(
        found
            .0
            .contains("leads (tenant_id, client_id) where closed_at_ms IS NULL"),
        "{:?}",
        found.0
    );
    assert_same("uniqueness rules", found);
}

#[tokio::test]
async fn both_databases_have_the_same_indexes() {
    let found = both(
        "SELECT name FROM sqlite_schema WHERE type = 'index' AND sql IS NOT NULL",
        "SELECT c.relname::text FROM pg_index x JOIN pg_class c ON c.oid = x.indexrelid \
         WHERE c.relnamespace = 'public'::regnamespace AND c.relname <> 'clients_by_search_text' \
             AND NOT EXISTS (SELECT 1 FROM pg_constraint k WHERE k.conindid = c.oid)",
    )
    .await;
    assert_same("indexes", found);
}

#[tokio::test]
async fn both_databases_have_the_same_references() {
    let found = both(
        "SELECT t.name || '.' || f.\"from\" || ' -> ' || f.\"table\" || '.' || f.\"to\" FROM sqlite_schema t \
         JOIN pragma_foreign_key_list(t.name) f WHERE t.type = 'table'",
        "SELECT c.relname || '.' || a.attname || ' -> ' || p.relname || '.' || b.attname FROM pg_constraint k \
         JOIN pg_class c ON c.oid = k.conrelid JOIN pg_class p ON p.oid = k.confrelid \
         CROSS JOIN unnest(k.conkey, k.confkey) AS pair (own, foreign_key) \
         JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = pair.own \
         JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = pair.foreign_key WHERE k.contype = 'f'",
    )
    .await;
    assert_same("references", found);
}

#[tokio::test]
async fn texts_sort_by_their_bytes_whatever_the_servers_language() {
    let world = World::open(Backend::Postgres).await;
    let mut raw = world.raw().await;
    let others = raw
        .texts(
            "SELECT table_name || '.' || column_name FROM information_schema.columns WHERE table_schema = 'public' \
             AND table_name <> '_sqlx_migrations' AND data_type = 'text' AND collation_name IS DISTINCT FROM 'C'",
        )
        .await;
    assert_eq!(
        others,
        Vec::<String>::new(),
        "these compare by language, so a page could lose rows"
    );
    raw.close().await;
    world.close().await;
}

#[tokio::test]
async fn sqlite_tables_are_strict() {
    let world = World::open(Backend::Sqlite).await;
    let mut raw = world.raw().await;
    let loose = raw
        .texts(
            "SELECT name FROM pragma_table_list WHERE schema = 'main' AND type = 'table' AND strict = 0 \
             AND name NOT LIKE 'sqlite_%' AND name <> '_sqlx_migrations'",
        )
        .await;
    assert_eq!(loose, Vec::<String>::new());
    raw.close().await;
    world.close().await;
}
