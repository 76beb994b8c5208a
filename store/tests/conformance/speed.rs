//! Lists of a hundred thousand stay as quick as lists of ten, because they read nothing but what they show.
//!
//! PostgreSQL counts the rows each statement touched; SQLite keeps no such counts, so there a page is held against the
//! time one pass over the whole table takes on the same machine. `cargo test -p store speed -- --nocapture` prints the times.

use std::cell::Cell;
use std::time::{Duration, Instant};

use store::{ClientFilter, Cursor, Store};

use crate::world::{NOW, World, eventually, page_after, search, vault};

const CLIENTS: i64 = 100_000;
/// After five times PostgreSQL may keep one plan of a statement for whatever it is asked.
const TIMES: i64 = 12;

/// Written by the database itself. Every tenth client is called Anna, one of ten thousand Zarema.
fn seed(world: &World) -> String {
    let (tenant, [first, second, third]) = (world.tenant.id(), &world.stages);
    let (numbers, pad) = numbers(world, CLIENTS);
    let at = NOW.millis();
    format!(
        "INSERT INTO clients (id, tenant_id, stage_id, display_name, search_text, language, source, utm, needs_trainer, \
             is_reachable, created_at_ms, updated_at_ms, version) \
         SELECT 'cl_' || {pad}, '{tenant}', \
             CASE WHEN n % 100 = 0 THEN '{third}' WHEN n % 3 = 0 THEN '{second}' ELSE '{first}' END, 'Имя', \
             CASE WHEN n % 10000 = 17 THEN 'зарема' WHEN n % 10 = 0 THEN 'анна' WHEN n % 3 = 0 THEN 'екатерина' ELSE 'михаил' END \
                 || ' ' || CASE n % 7 WHEN 0 THEN 'иванова' WHEN 1 THEN 'петрова' WHEN 2 THEN 'смирнов' WHEN 3 THEN 'кузнецова' \
                 WHEN 4 THEN 'попов' WHEN 5 THEN 'соколова' ELSE 'лебедев' END || ' user' || n, \
             'ru', CASE WHEN n % 1000 = 0 THEN 'friend' WHEN n % 2 = 0 THEN 'landing' ELSE 'instagram' END, '{{}}', 0, 1, \
             {at} + n, {at} + n, 1 FROM ({numbers}) AS numbers; \
         INSERT INTO client_tags (tenant_id, tag, client_id) \
         SELECT '{tenant}', CASE WHEN n % 5000 = 0 THEN 'rare' ELSE 'vip' END, 'cl_' || {pad} FROM ({numbers}) AS numbers WHERE n % 20 = 0;"
    )
}

struct Question {
    name: &'static str,
    filter: ClientFilter,
    after: Option<Cursor>,
    /// Rows a page of 50 may read on PostgreSQL; index entries and rows together.
    most_rows: i64,
}

fn questions(world: &World) -> Vec<Question> {
    let ask = |name, filter, most_rows| Question {
        name,
        filter,
        after: None,
        most_rows,
    };
    let everybody = ClientFilter::default;
    let deep = Cursor(format!("cl_{:026}", CLIENTS / 10));
    vec![
        ask("first page", everybody(), 300),
        Question {
            after: Some(deep),
            ..ask("deep page", everybody(), 300)
        },
        ask(
            "stage",
            ClientFilter {
                stage: Some(world.stages[2].clone()),
                ..everybody()
            },
            300,
        ),
        ask(
            "source",
            ClientFilter {
                source: Some("friend".into()),
                ..everybody()
            },
            300,
        ),
        ask(
            "stage and source",
            ClientFilter {
                stage: Some(world.stages[2].clone()),
                source: Some("friend".into()),
                ..everybody()
            },
            300,
        ),
        ask(
            "source nobody came from",
            ClientFilter {
                source: Some("nowhere".into()),
                ..everybody()
            },
            300,
        ),
        ask(
            "stage and source without anybody",
            ClientFilter {
                stage: Some(world.stages[2].clone()),
                source: Some("nowhere".into()),
                ..everybody()
            },
            300,
        ),
        ask(
            "common tag",
            ClientFilter {
                tag: Some("vip".into()),
                ..everybody()
            },
            12_000,
        ),
        ask(
            "rare tag",
            ClientFilter {
                tag: Some("rare".into()),
                ..everybody()
            },
            300,
        ),
        ask("common word", search("анна"), 30_000),
        ask("rare word", search("зарема"), 300),
        ask("word nobody has", search("ыыыы"), 300),
        ask("two words", search("екатерина кузнецова"), 30_000),
        ask(
            "common word of a rare source",
            ClientFilter {
                source: Some("friend".into()),
                ..search("анна")
            },
            30_000,
        ),
        ask(
            "common tag of a rare source",
            ClientFilter {
                source: Some("friend".into()),
                tag: Some("vip".into()),
                ..everybody()
            },
            12_000,
        ),
        ask(
            "rare tag nobody of the stage has",
            ClientFilter {
                stage: Some(world.stages[1].clone()),
                tag: Some("rare".into()),
                source: Some("instagram".into()),
                ..everybody()
            },
            12_000,
        ),
        ask(
            "phone",
            ClientFilter {
                phone: Some("+7 912 345-67-89".into()),
                ..everybody()
            },
            300,
        ),
    ]
}

pub async fn a_hundred_thousand_clients_are_listed_as_quickly_as_ten(world: &World) {
    let mut raw = world.raw().await;
    raw.execute(&seed(world)).await;
    // PostgreSQL gathers statistics by itself. SQLite does not and nobody does it for it, so there it must go without.
    if world.is_postgres() {
        raw.execute("VACUUM ANALYZE clients").await;
        raw.execute("ANALYZE client_tags").await;
    }
    let whole_pass = fastest(5, async || {
        raw.number("SELECT COUNT(*) FROM clients WHERE utm || referrer IS NOT NULL OR search_text LIKE '%nobody%'")
            .await;
    })
    .await;
    println!("{:?}: one pass over all clients {whole_pass:?}", world.store.backend());
    for question in questions(world) {
        let mut tx = world.read().await;
        let took = fastest(9, async || {
            tx.list_clients(&question.filter, &page_after(50, question.after.clone()))
                .await
                .unwrap();
        })
        .await;
        drop(tx);
        println!("{:?}: {} {took:?}", world.store.backend(), question.name);
        assert!(
            took < whole_pass.max(Duration::from_millis(8)),
            "{} takes {took:?}, a pass over everybody {whole_pass:?}",
            question.name
        );
    }
    raw.close().await;
    if world.is_postgres() {
        world.store.close().await;
        for question in questions(world) {
            let filter = &question.filter;
            let read = rows_read_by(world, async |store| {
                let mut tx = store.tenant(world.tenant.id()).read().await.unwrap();
                for _ in 0..TIMES {
                    tx.list_clients(filter, &page_after(50, question.after.clone()))
                        .await
                        .unwrap();
                }
            })
            .await;
            println!("{} reads {read} rows in {TIMES} times", question.name);
            assert!(
                read <= question.most_rows * TIMES,
                "{} reads {read} rows",
                question.name
            );
        }
    }
}

/// How many rows PostgreSQL fetched from tables for what a store of its own does.
pub async fn rows_read_by(world: &World, work: impl AsyncFnOnce(&Store)) -> i64 {
    let before = rows_read(world).await;
    let store = Store::open(&world.url, vault()).await.unwrap();
    work(&store).await;
    store.close().await;
    rows_read(world).await - before
}

/// A connection tells its counts when it ends, so all others must have ended.
async fn rows_read(world: &World) -> i64 {
    let mut raw = world.raw().await;
    let others = "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() \
                  AND backend_type = 'client backend' AND pid <> pg_backend_pid()";
    eventually("all other connections have ended", async || {
        raw.number(others).await == 0
    })
    .await;
    let read = raw
        .number(
            "SELECT CAST(SUM(seq_tup_read + COALESCE(idx_tup_fetch, 0)) AS BIGINT) FROM pg_stat_user_tables \
             WHERE relname IN ('clients', 'client_tags', 'jobs', 'outbox', 'leads', 'questionnaires', 'training_programs', 'client_actions', 'messages')",
        )
        .await;
    raw.close().await;
    read
}

pub async fn claims_do_not_read_what_is_not_due(world: &World) {
    let at = NOW.millis();
    let later = NOW.plus_minutes(60).millis();
    let tenant = world.tenant.id();
    let (numbers, pad) = numbers(world, 20_000);
    let mut raw = world.raw().await;
    // Most are done, some wait for later, twenty are due.
    raw.execute(&format!(
        "INSERT INTO jobs (id, tenant_id, kind, payload, state, due_at_ms, attempts, max_attempts, request_id, created_at_ms) \
         SELECT 'jb_' || {pad}, '{tenant}', 'k', '{{}}', CASE WHEN n % 2 = 0 THEN 'done' ELSE 'queued' END, \
             CASE WHEN n % 1000 = 1 THEN {at} ELSE {later} END, 0, 5, 'r', {at} FROM ({numbers}) AS numbers; \
         INSERT INTO outbox (id, tenant_id, channel, address, kind, content_sealed, is_step, state, due_at_ms, attempts, \
             request_id, created_at_ms) \
         SELECT 'ob_' || {pad}, '{tenant}', 'telegram', CAST(n % 5000 AS TEXT), 'reply', {empty}, 0, \
             CASE WHEN n % 2 = 0 THEN 'sent' ELSE 'queued' END, {later}, 0, 'r', {at} FROM ({numbers}) AS numbers;",
        empty = empty_bytes(world),
    ))
    .await;
    if world.is_postgres() {
        raw.execute("ANALYZE").await;
    }
    for number in 0..20 {
        let mut tx = world.write().await;
        tx.enqueue_delivery(&world.a_delivery(&format!("fresh-{number}")))
            .await
            .unwrap();
        tx.commit().await.unwrap();
    }
    let whole_pass = fastest(5, async || {
        raw.number("SELECT COUNT(*) FROM outbox WHERE kind || request_id = 'nobody'")
            .await;
    })
    .await;
    raw.close().await;
    // Each claim comes when the leases of the one before have just run out.
    let minutes = Cell::new(0);
    let next_now = || NOW.plus_minutes(minutes.replace(minutes.get() + 1));
    let claim_jobs = async |store: &Store| {
        let now = next_now();
        let mut system = store.system().await.unwrap();
        let claimed = system.claim_jobs("w", 50, now, now, now.plus_minutes(1)).await.unwrap();
        system.commit().await.unwrap();
        assert_eq!(claimed.len(), 20);
    };
    let claim_deliveries = async |store: &Store| {
        let now = next_now();
        let mut tx = store.tenant(tenant).write().await.unwrap();
        let claimed = tx
            .claim_deliveries("telegram", "w", 50, now, now, now.plus_minutes(1))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        assert_eq!(claimed.len(), 20);
    };
    let next_time = async |store: &Store| {
        let now = next_now();
        let mut tx = store.tenant(tenant).read().await.unwrap();
        assert!(tx.has_due_delivery("telegram", now, now).await.unwrap());
    };
    let backend = world.store.backend();
    let jobs = fastest(5, async || claim_jobs(&world.store).await).await;
    println!("{backend:?}: claim of 20 jobs among 20 000 {jobs:?}");
    let messages = fastest(5, async || claim_deliveries(&world.store).await).await;
    println!("{backend:?}: claim of 20 messages among 20 000 {messages:?}");
    let next = fastest(5, async || next_time(&world.store).await).await;
    println!("{backend:?}: next time among 20 000 messages {next:?}; one pass over them {whole_pass:?}");
    let patience = whole_pass * 20;
    for took in [jobs, messages, next] {
        assert!(
            took < patience.max(Duration::from_millis(100)),
            "{took:?}, one pass takes {whole_pass:?}"
        );
    }
    if world.is_postgres() {
        world.store.close().await;
        let jobs = rows_read_by(world, claim_jobs).await;
        let messages = rows_read_by(world, claim_deliveries).await;
        println!("the claim of jobs reads {jobs} rows, the claim of messages {messages}");
        assert!(
            jobs <= 200 && messages <= 400,
            "jobs: {jobs} rows, messages: {messages} rows"
        );
    }
}

pub async fn a_long_queue_is_claimed_in_small_bites(world: &World) {
    let (at, tenant) = (NOW.millis(), world.tenant.id());
    let (numbers, pad) = numbers(world, 20_000);
    let mut raw = world.raw().await;
    raw.execute(&format!(
        "INSERT INTO outbox (id, tenant_id, channel, address, kind, content_sealed, is_step, state, due_at_ms, attempts, \
             request_id, created_at_ms) \
         SELECT 'ob_' || {pad}, '{tenant}', 'mail', CAST(n % 5000 AS TEXT), 'reply', {empty}, 0, 'queued', {at}, 0, 'r', {at} \
         FROM ({numbers}) AS numbers",
        empty = empty_bytes(world),
    ))
    .await;
    if world.is_postgres() {
        raw.execute("ANALYZE").await;
    }
    raw.close().await;
    let took = fastest(3, async || {
        let mut tx = world.write().await;
        // The rows above hold no sealed content, so what was claimed can't be read and is put aside, row by row: the claim
        // itself is a part of this.
        let readable = tx
            .claim_deliveries("mail", "w", 50, NOW, NOW, NOW.plus_minutes(1))
            .await
            .unwrap();
        assert!(readable.is_empty());
    })
    .await;
    println!(
        "{:?}: claim of 50 messages out of 20 000 that are due {took:?}",
        world.store.backend()
    );
    assert!(took < Duration::from_secs(1), "{took:?}");
}

/// A query for 1 to `count`, and its number `n` padded to the length of an id.
pub fn numbers(world: &World, count: i64) -> (String, &'static str) {
    if world.is_postgres() {
        (
            format!("SELECT n FROM generate_series(1, {count}) AS n"),
            "lpad(n::text, 26, '0')",
        )
    } else {
        (
            format!(
                "WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c"
            ),
            "printf('%026d', n)",
        )
    }
}

fn empty_bytes(world: &World) -> &'static str {
    if world.is_postgres() { "''::bytea" } else { "x''" }
}

async fn fastest(times: usize, mut work: impl AsyncFnMut()) -> Duration {
    let mut best = Duration::MAX;
    for _ in 0..times {
        let begun = Instant::now();
        work().await;
        best = best.min(begun.elapsed());
    }
    best
}
