//! Invented clients, many and quickly: rows of five hundred a statement, past the product's verbs but with its rules
//! (ids by time, folded search text, counts of the stages).

use std::collections::HashMap;

use anyhow::{Context as _, ensure};
use domain::fold::fold;
use domain::ids::{ClientId, Id as _, StageId};
use domain::language::Language;
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;
use store::{NewClient, Origin, Tenant};

use crate::options::Database;
use crate::place::{Bare, Place};

/// A name of every twentieth client.
pub const COMMON_WORDS: [&str; 3] = ["анна", "мария", "сергей"];
pub const RARE_WORD: &str = "ржевусский";
/// So many have that surname, however many clients there are.
pub const RARE_ROWS: u64 = 8;
pub const TAG: &str = "vip";
/// One of so many has the tag.
const TAG_EVERY: u64 = 50;
/// Real phones, sealed and indexed by the store itself.
const PHONES: u64 = 64;

const FIRST_NAMES: [&str; 20] = [
    "Анна",
    "Мария",
    "Сергей",
    "Ольга",
    "Иван",
    "Елена",
    "Дмитрий",
    "Наталья",
    "Алексей",
    "Татьяна",
    "Андрей",
    "Ирина",
    "Пётр",
    "Светлана",
    "Михаил",
    "Юлия",
    "Николай",
    "Екатерина",
    "Павел",
    "Ксения",
];
const ROOTS: [&str; 25] = [
    "Иван",
    "Петр",
    "Смирн",
    "Кузнец",
    "Попов",
    "Васильев",
    "Соколов",
    "Михайл",
    "Новик",
    "Федор",
    "Мороз",
    "Волк",
    "Алексеев",
    "Лебедев",
    "Семен",
    "Егор",
    "Павл",
    "Козл",
    "Степан",
    "Никола",
    "Орл",
    "Андреев",
    "Макар",
    "Никит",
    "Захар",
];
const ENDINGS: [&str; 8] = ["ов", "ев", "ин", "ский", "енко", "ова", "ева", "ко"];
/// (source, share of a thousand)
const SOURCES: [(&str, u64); 5] = [
    ("telegram", 500),
    ("vk", 250),
    ("instagram", 150),
    ("site", 90),
    ("youtube", 10),
];
/// Shares of a thousand that stand in the stages, in order; the rest stands in the last one.
const STAGES: [u64; 4] = [600, 200, 100, 50];

const ROWS: usize = 500;
/// Rows a commit.
const BATCH: u64 = 50_000;
const COLUMNS: [&str; 14] = [
    "id",
    "tenant_id",
    "stage_id",
    "display_name",
    "username",
    "search_text",
    "language",
    "phone_index",
    "source",
    "utm",
    "needs_trainer",
    "is_reachable",
    "created_at_ms",
    "updated_at_ms",
];
const START_MS: u64 = 1_700_000_000_000;
/// A million clients came over two years.
const STEP_MS: u64 = 63_000;

#[derive(Debug, Default)]
pub struct Seeded {
    pub clients: u64,
    pub tagged: u64,
    pub phones: Vec<String>,
    ids: Vec<String>,
}

struct Row {
    id: ClientId,
    stage: StageId,
    name: String,
    username: Option<String>,
    phone_index: Option<String>,
    source: &'static str,
    at: i64,
}

/// A number that looks random and is the same in every run (splitmix64).
fn mixed(number: u64) -> u64 {
    let mut z = number
        .wrapping_mul(0x9E37_79B9_7F4A_7C15)
        .wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

fn pick<T>(from: &[T], number: u64) -> Option<&T> {
    let length = u64::try_from(from.len()).ok()?;
    from.get(usize::try_from(number.checked_rem(length)?).ok()?)
}

fn id(number: u64) -> ClientId {
    let [a, b, c, d, e, f, g, h] = mixed(number ^ 0xABCD).to_be_bytes();
    ClientId::from_parts(START_MS + number * STEP_MS, [0, 0, a, b, c, d, e, f, g, h])
}

/// Which of the shares of a thousand the dice fell into; one past the last if into none.
fn share<const N: usize>(shares: [u64; N], dice: u64) -> usize {
    let mut left = dice % 1000;
    for (at, share) in shares.into_iter().enumerate() {
        if left < share {
            return at;
        }
        left -= share;
    }
    N
}

fn row(number: u64, stages: &[StageId]) -> anyhow::Result<Row> {
    let dice = mixed(number);
    let at_stage = share(STAGES, dice >> 8);
    let at_source = share(SOURCES.map(|(_, share)| share), dice >> 20);
    let first = pick(&FIRST_NAMES, dice >> 32).copied().unwrap_or_default();
    // The rare ones all stand among the first thousand.
    let (first, surname) = if number % 125 == 62 && number < 125 * RARE_ROWS {
        ("Анна", "Ржевусский".to_owned())
    } else {
        let (root, ending) = (pick(&ROOTS, dice >> 40).copied(), pick(&ENDINGS, dice >> 48).copied());
        (
            first,
            format!("{}{}", root.unwrap_or_default(), ending.unwrap_or_default()),
        )
    };
    Ok(Row {
        id: id(number),
        stage: stages
            .get(at_stage)
            .or(stages.last())
            .context("the pipeline has no stages")?
            .clone(),
        name: format!("{first} {surname}"),
        username: (!dice.is_multiple_of(3)).then(|| format!("user{number}")),
        phone_index: (dice % 10 < 3).then(|| format!("{:016x}{:016x}", dice, mixed(dice))),
        source: SOURCES.get(at_source).map_or("telegram", |(source, _)| source),
        at: i64::try_from(START_MS + number * STEP_MS)?,
    })
}

impl Seeded {
    /// Adds clients until there are `size`.
    pub async fn fill(&mut self, place: &Place, tenant: &Tenant, size: u64) -> anyhow::Result<()> {
        let mut tx = tenant.read().await?;
        let stages: Vec<StageId> = tx.stages().await?.into_iter().map(|stage| stage.id).collect();
        drop(tx);
        if self.clients == 0 {
            self.phones(tenant, &stages).await?;
        }
        let mut bare = place.bare().await?;
        if place.database == Database::Sqlite {
            // The rows are as invented as their durability; what is measured afterwards only reads.
            bare.script("PRAGMA synchronous = OFF; PRAGMA cache_size = -400000; PRAGMA wal_autocheckpoint = 100000")
                .await?;
        }
        // Indexes are quicker to build at once than to keep while so many rows come.
        let aside = if size - self.clients > BATCH {
            put_indexes_aside(&mut bare).await?
        } else {
            Vec::new()
        };
        let mut counts: HashMap<(StageId, u8), i64> = HashMap::new();
        let mut tags: Vec<String> = Vec::new();
        while self.clients < size {
            let until = (self.clients + BATCH).min(size);
            bare.script("BEGIN").await?;
            while self.clients < until {
                let end = (self.clients + ROWS as u64).min(until);
                let rows = (self.clients..end)
                    .map(|number| row(number, &stages))
                    .collect::<anyhow::Result<Vec<_>>>()?;
                for (number, row) in (self.clients..end).zip(&rows) {
                    let shard = row.id.as_str().bytes().last().unwrap_or_default() % 16;
                    *counts.entry((row.stage.clone(), shard)).or_default() += 1;
                    if number % TAG_EVERY == 7 {
                        tags.push(row.id.as_str().to_owned());
                    }
                    self.ids.push(row.id.as_str().to_owned());
                }
                insert(&mut bare, tenant.id().as_ref(), &rows).await?;
                self.clients = end;
            }
            bare.script("COMMIT").await?;
        }
        for sql in aside {
            bare.execute(sql).await?;
        }
        self.tagged += u64::try_from(tags.len())?;
        self.finish(&mut bare, tenant.id().as_ref(), counts, &tags).await?;
        bare.close().await
    }

    async fn finish(
        &mut self,
        bare: &mut Bare,
        tenant: &str,
        counts: HashMap<(StageId, u8), i64>,
        tags: &[String],
    ) -> anyhow::Result<()> {
        bare.script("BEGIN").await?;
        for some in tags.chunks(ROWS) {
            let rows: Vec<String> = some.iter().map(|id| format!("('{tenant}', '{TAG}', '{id}')")).collect();
            bare.execute(format!(
                "INSERT INTO client_tags (tenant_id, tag, client_id) VALUES {}",
                rows.join(", ")
            ))
            .await?;
        }
        for ((stage, shard), clients) in counts {
            bare.execute(format!(
                "INSERT INTO stage_counts (tenant_id, stage_id, shard, clients) VALUES ('{tenant}', '{stage}', {shard}, {clients}) \
                 ON CONFLICT (tenant_id, stage_id, shard) DO UPDATE SET clients = stage_counts.clients + excluded.clients"
            ))
            .await?;
        }
        bare.script("COMMIT").await?;
        match bare {
            // What autovacuum does by itself after a while.
            Bare::Postgres(_) => {
                for table in ["clients", "client_tags", "stage_counts"] {
                    bare.execute(format!("VACUUM (ANALYZE) {table}")).await?;
                }
                bare.script("CHECKPOINT").await?;
            }
            // The product gathers no statistics on SQLite, so none are gathered here.
            Bare::Sqlite(_) => bare.script("PRAGMA wal_checkpoint(TRUNCATE)").await?,
        }
        let rows = bare.count("clients").await?;
        let counted = bare
            .number("SELECT CAST(SUM(clients) AS BIGINT) FROM stage_counts")
            .await?;
        ensure!(
            rows == self.clients && counted == i64::try_from(rows)?,
            "{} clients were made, {rows} are there, the stages count {counted}",
            self.clients
        );
        Ok(())
    }

    /// The oldest clients come through the store, because only it can seal their phones.
    async fn phones(&mut self, tenant: &Tenant, stages: &[StageId]) -> anyhow::Result<()> {
        let mut tx = tenant.write().await?;
        for number in 0..PHONES {
            let row = row(number, stages)?;
            let phone = format!("+7912{:07}", 1_000_000 + number);
            let new = NewClient {
                id: row.id,
                stage: row.stage,
                display_name: row.name,
                username: row.username,
                language: Language::Ru,
                phone: Some(phone.clone()),
                email: None,
                origin: Origin {
                    source: row.source.to_owned(),
                    utm: "{}".to_owned(),
                    ..Origin::default()
                },
                now: Timestamp::from_millis(row.at),
            };
            self.ids.push(new.id.as_str().to_owned());
            tx.insert_client(&new).await?;
            self.phones.push(phone);
        }
        tx.commit().await?;
        self.clients = PHONES;
        Ok(())
    }

    /// Places all over the middle of the list.
    pub fn deep_cursors(&self) -> Vec<String> {
        let (from, step) = (self.ids.len() / 4, (self.ids.len() / 2 / 32).max(1));
        self.ids.iter().skip(from).step_by(step).take(32).cloned().collect()
    }
}

/// Drops what hangs on the clients and returns how to make it again.
async fn put_indexes_aside(bare: &mut Bare) -> anyhow::Result<Vec<String>> {
    let mut again = Vec::new();
    let kinds = match bare {
        Bare::Sqlite(_) => {
            again.push("INSERT INTO clients_search (clients_search) VALUES ('rebuild')".to_owned());
            [
                ("TRIGGER", "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'clients' AND type = 'trigger'"),
                ("INDEX", "SELECT name, sql FROM sqlite_master WHERE tbl_name = 'clients' AND type = 'index' AND sql IS NOT NULL"),
            ]
            .to_vec()
        }
        Bare::Postgres(_) => vec![(
            "INDEX",
            "SELECT CAST(indexname AS TEXT), indexdef FROM pg_indexes WHERE tablename = 'clients' AND indexdef LIKE 'CREATE INDEX%'",
        )],
    };
    for (kind, sql) in kinds {
        for (name, definition) in bare.texts(sql).await? {
            bare.execute(format!("DROP {kind} {name}")).await?;
            again.push(definition);
        }
    }
    Ok(again)
}

async fn insert(bare: &mut Bare, tenant: &str, rows: &[Row]) -> anyhow::Result<()> {
    // SQLite looks for the names of parameters one by one, which takes longest of all; unnamed ones have none.
    let is_named = matches!(bare, Bare::Postgres(_));
    let name = |place: usize| if is_named { format!("${place}") } else { "?".to_owned() };
    let places: Vec<String> = (0..rows.len())
        .map(|at| {
            let row: Vec<String> = (1..=COLUMNS.len())
                .map(|column| name(at * COLUMNS.len() + column))
                .collect();
            format!("({}, 1)", row.join(", "))
        })
        .collect();
    let sql = format!(
        "INSERT INTO clients ({}, version) VALUES {}",
        COLUMNS.join(", "),
        places.join(", ")
    );
    macro_rules! fill {
        ($connection:expr) => {{
            let mut query = sqlx::query(AssertSqlSafe(sql));
            for row in rows {
                let search = fold(&format!("{} {}", row.name, row.username.as_deref().unwrap_or_default()));
                query = query
                    .bind(row.id.as_str())
                    .bind(tenant)
                    .bind(row.stage.as_str())
                    .bind(&row.name);
                query = query
                    .bind(row.username.as_deref())
                    .bind(search)
                    .bind("ru")
                    .bind(row.phone_index.as_deref());
                query = query
                    .bind(row.source)
                    .bind("{}")
                    .bind(0_i64)
                    .bind(1_i64)
                    .bind(row.at)
                    .bind(row.at);
            }
            query.execute($connection).await?;
        }};
    }
    match bare {
        Bare::Sqlite(connection) => fill!(&mut *connection),
        Bare::Postgres(connection) => fill!(&mut *connection),
    }
    Ok(())
}
