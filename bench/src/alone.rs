//! The database alone: a loop on one connection for SQLite, pgbench for PostgreSQL.

use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use anyhow::{Context as _, bail, ensure};
use sqlx::{AssertSqlSafe, SqliteConnection};
use tokio::process::Command;

use crate::figures::rate;
use crate::place::{Bare, Place};
use crate::script::{DIGITS, Script, Slot};
use crate::wire::Value;

static BASE: AtomicU64 = AtomicU64::new(1);
const BASE_STEP: u64 = 1_000_000_000;

/// Numbers that nobody else counts with: so that no two runs ever make the same people.
pub fn base() -> u64 {
    BASE.fetch_add(1, Ordering::Relaxed) * BASE_STEP
}

#[derive(Debug, Clone, Copy)]
pub enum Amount {
    Window(Duration),
    /// So many by each of those at work.
    Each(u64),
}

/// One row a commit: what the disk and the database's log allow.
pub async fn one_row_commits(place: &Place, bare: &mut Bare, workers: usize, window: Duration) -> anyhow::Result<f64> {
    const BODY: &str =
        "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567890123456789";
    let before = bare.count("bench_commits").await?;
    let (done, whole) = match bare {
        Bare::Sqlite(connection) => {
            let (start, base) = (Instant::now(), base());
            let mut done = 0;
            while start.elapsed() < window {
                sqlx::query("INSERT INTO bench_commits (id, body) VALUES ($1, $2)")
                    .bind(i64::try_from(base + done)?)
                    .bind(BODY)
                    .execute(&mut *connection)
                    .await?;
                done += 1;
            }
            (done, start.elapsed())
        }
        Bare::Postgres(_) => {
            let script = format!(
                "\\set c :c + 1\n\\set n :base + :client_id * 10000000 + :c\nINSERT INTO bench_commits (id, body) VALUES (:n, '{BODY}');\n"
            );
            pgbench(place, &script, workers, Amount::Window(window), base()).await?
        }
    };
    let grown = bare.count("bench_commits").await? - before;
    ensure!(grown == done, "{done} rows were committed, {grown} are there");
    Ok(rate(done, whole))
}

/// The script's statements, in transactions as the product has them. `base` names the people: what one script made for
/// them another one finds under the same base. Answers how often it was done, and in which time.
pub async fn statements(
    place: &Place,
    bare: &mut Bare,
    script: &Script,
    workers: usize,
    amount: Amount,
    base: u64,
) -> anyhow::Result<(u64, Duration)> {
    match bare {
        Bare::Sqlite(connection) => on_sqlite(connection, script, amount, base).await,
        Bare::Postgres(_) => pgbench(place, &script.for_pgbench(), workers, amount, base).await,
    }
}

async fn on_sqlite(
    connection: &mut SqliteConnection,
    script: &Script,
    amount: Amount,
    base: u64,
) -> anyhow::Result<(u64, Duration)> {
    let texts: Vec<&'static str> = script.lines.iter().map(|line| for_sqlite(&line.sql)).collect();
    let start = Instant::now();
    let mut done = 0;
    let goes_on = |done: u64| match amount {
        Amount::Window(window) => start.elapsed() < window,
        Amount::Each(count) => done < count,
    };
    while goes_on(done) {
        let number = base + done;
        for (sql, line) in texts.iter().zip(&script.lines) {
            let mut query = sqlx::query(AssertSqlSafe(*sql));
            for slot in &line.slots {
                query = match slot {
                    Slot::Fixed(Value::Null) => query.bind(None::<String>),
                    Slot::Fixed(Value::Int(value)) => query.bind(value),
                    Slot::Fixed(Value::Text(text)) => query.bind(text.as_str()),
                    Slot::Fixed(Value::Bytes(bytes)) => query.bind(bytes.as_slice()),
                    Slot::Unique(prefix) => query.bind(format!("{prefix}{number:0DIGITS$}")),
                    Slot::Shard => query.bind(i64::try_from(number % 16)?),
                };
            }
            if sql.starts_with("SELECT") {
                query.fetch_all(&mut *connection).await?;
            } else {
                query.execute(&mut *connection).await?;
            }
        }
        done += 1;
    }
    Ok((done, start.elapsed()))
}

/// The differences between the statements of the two databases. A handful of texts for the life of the process.
fn for_sqlite(sql: &str) -> &'static str {
    let text = match sql {
        "BEGIN" => "BEGIN IMMEDIATE".to_owned(),
        sql => sql.replace(" FOR UPDATE SKIP LOCKED", "").replace(" FOR UPDATE", ""),
    };
    Box::leak(text.into_boxed_str())
}

fn find_pgbench() -> anyhow::Result<PathBuf> {
    let versions = std::fs::read_dir("/usr/lib/postgresql").into_iter().flatten().flatten();
    let mut found: Vec<PathBuf> = versions
        .map(|version| version.path().join("bin/pgbench"))
        .filter(|path| path.is_file())
        .collect();
    found.sort();
    Ok(found.pop().unwrap_or_else(|| PathBuf::from("pgbench")))
}

/// Transactions done and the time they took.
async fn pgbench(
    place: &Place,
    script: &str,
    workers: usize,
    amount: Amount,
    base: u64,
) -> anyhow::Result<(u64, Duration)> {
    let file = place.folder().join("pgbench.sql");
    std::fs::write(&file, script)?;
    let amount = match amount {
        Amount::Window(window) => format!("--time={}", window.as_secs().max(1)),
        Amount::Each(count) => format!("--transactions={count}"),
    };
    let output = Command::new(find_pgbench()?)
        .args(["--no-vacuum", "--protocol=prepared", "--define=c=0"])
        .arg(format!("--define=base={base}"))
        .arg(format!("--client={workers}"))
        .arg(format!("--jobs={}", workers.min(2)))
        .arg(amount)
        .arg(format!("--file={}", file.display()))
        .arg(&place.url)
        .output()
        .await
        .context("pgbench can't be started; it comes with PostgreSQL's own packages")?;
    let text = String::from_utf8_lossy(&output.stdout);
    let after = |key: &str| {
        text.lines()
            .find_map(|line| line.trim().strip_prefix(key))
            .and_then(|rest| rest.split(|c: char| !(c.is_ascii_digit() || c == '.')).next())
    };
    let done = after("number of transactions actually processed: ").and_then(|number| number.parse::<u64>().ok());
    let tps = after("tps = ").and_then(|number| number.parse::<f64>().ok());
    match (output.status.success(), done, tps) {
        (true, Some(done), Some(tps)) if tps > 0.0 => Ok((done, Duration::from_secs_f64(done as f64 / tps))),
        _ => bail!("pgbench failed:\n{text}\n{}", String::from_utf8_lossy(&output.stderr)),
    }
}
