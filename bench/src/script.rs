//! The statements of one newcomer, as the product sent them, ready to be sent again for other people.

use std::collections::HashMap;
use std::str::FromStr as _;

use anyhow::{Context as _, ensure};
use app::{App, Caller};
use domain::ids::Id as _;
use sqlx::postgres::PgConnectOptions;

use super::come;
use crate::options::Database;
use crate::place::{self, Place};
use crate::wire::{Recorder, Statement, Value};

/// The counter that makes a text somebody else's: this many digits.
pub const DIGITS: usize = 12;
const TRIES: u32 = 5;
/// Newcomers before the recording: caches are filled, statements are prepared on every connection.
const WARM_UP: usize = 20;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    Fixed(Value),
    /// Differs for every newcomer: this, then the counter.
    Unique(String),
    /// The row of a stage's count that this newcomer falls into: one of 16.
    Shard,
}

#[derive(Debug, Clone)]
pub struct Line {
    pub sql: String,
    pub slots: Vec<Slot>,
}

#[derive(Debug, Clone)]
pub struct Script {
    pub lines: Vec<Line>,
    tenant: String,
    stages: Vec<String>,
}

/// Records two newcomers on PostgreSQL; where they differ is what changes from one to the next.
pub async fn listen() -> anyhow::Result<Script> {
    let place = Place::make(Database::Postgres).await?;
    let options = PgConnectOptions::from_str(&place.url)?;
    let upstream = format!("{}:{}", options.get_host(), options.get_port());
    let recorder = Recorder::start(upstream.clone()).await?;
    let app = place
        .open(Some(&place.url.replace(&upstream, &recorder.address)))
        .await?;
    let caller = place::settle(&app).await?;
    for _ in 0..WARM_UP {
        come(&app, &caller).await?;
    }
    let mut pair = None;
    for _ in 0..TRIES {
        recorder.take();
        come(&app, &caller).await?;
        let first = recorder.take();
        come(&app, &caller).await?;
        let second = recorder.take();
        // A cache that ran out between the two says more than the other.
        let is_alike = first.len() == second.len() && first.iter().zip(&second).all(|(a, b)| a.sql == b.sql);
        if is_alike {
            pair = Some((first, second));
            break;
        }
    }
    let (first, second) = pair.context("two newcomers in a row never had the same statements")?;
    let script = Script {
        lines: compare(&first, &second),
        tenant: caller.tenant.as_str().to_owned(),
        stages: stages(&app, &caller).await?,
    };
    ensure!(script.inserts() > 0, "the recording holds no insert");
    app.store().close().await;
    place.remove().await?;
    Ok(script)
}

async fn stages(app: &App, caller: &Caller) -> anyhow::Result<Vec<String>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    Ok(tx
        .stages()
        .await?
        .into_iter()
        .map(|stage| stage.id.as_str().to_owned())
        .collect())
}

fn compare(first: &[Statement], second: &[Statement]) -> Vec<Line> {
    let mut unique: HashMap<&str, String> = HashMap::new();
    for (a, b) in first.iter().zip(second) {
        for (a, b) in a.values.iter().zip(&b.values) {
            if let (Value::Text(a), Value::Text(b)) = (a, b)
                && a != b
            {
                let kept = if a.is_ascii() && a.len() > DIGITS + 3 {
                    a.len() - DIGITS
                } else {
                    a.len()
                };
                unique.insert(a, a.get(..kept).unwrap_or_default().to_owned());
            }
        }
    }
    first
        .iter()
        .map(|statement| {
            let is_count = statement.sql.starts_with("INSERT INTO stage_counts");
            let slot = |(at, value): (usize, &Value)| match value {
                Value::Int(_) if is_count && at == 2 => Slot::Shard,
                Value::Text(text) => match unique.get(text.as_str()) {
                    Some(prefix) => Slot::Unique(prefix.clone()),
                    None => Slot::Fixed(value.clone()),
                },
                value => Slot::Fixed(value.clone()),
            };
            Line {
                sql: statement.sql.clone(),
                slots: statement.values.iter().enumerate().map(slot).collect(),
            }
        })
        .collect()
}

impl Script {
    pub fn statements(&self) -> usize {
        self.lines.len()
    }

    pub fn inserts(&self) -> usize {
        self.lines.iter().filter(|line| line.sql.starts_with("INSERT")).count()
    }

    /// The same for another installation: its tenant and its stages.
    pub async fn moved_to(&self, app: &App, caller: &Caller) -> anyhow::Result<Self> {
        let (tenant, stages) = (caller.tenant.as_str().to_owned(), stages(app, caller).await?);
        let mut there: HashMap<&str, &str> = HashMap::from([(self.tenant.as_str(), tenant.as_str())]);
        there.extend(
            self.stages
                .iter()
                .map(String::as_str)
                .zip(stages.iter().map(String::as_str)),
        );
        let lines = self
            .lines
            .iter()
            .map(|line| {
                let slots = line.slots.iter().map(|slot| match slot {
                    Slot::Fixed(Value::Text(text)) => match there.get(text.as_str()) {
                        Some(text) => Slot::Fixed(Value::Text((*text).to_owned())),
                        None => slot.clone(),
                    },
                    slot => slot.clone(),
                });
                Line {
                    sql: line.sql.clone(),
                    slots: slots.collect(),
                }
            })
            .collect();
        Ok(Self { lines, tenant, stages })
    }

    /// For pgbench: literals in the text, the counter `:n` in what is unique.
    pub fn for_pgbench(&self) -> String {
        let mut text = String::from("\\set c :c + 1\n\\set n :base + :client_id * 100000000 + :c\n");
        for line in &self.lines {
            let mut sql = String::new();
            let mut rest = line.sql.as_str();
            while let Some(at) = rest.find('$') {
                let (head, tail) = rest.split_at(at);
                sql.push_str(head);
                let digits = tail.bytes().skip(1).take_while(u8::is_ascii_digit).count();
                let place: usize = tail
                    .get(1..=digits)
                    .and_then(|text| text.parse().ok())
                    .unwrap_or_default();
                sql.push_str(
                    &place
                        .checked_sub(1)
                        .and_then(|at| line.slots.get(at))
                        .map(literal)
                        .unwrap_or_default(),
                );
                rest = tail.get(1 + digits..).unwrap_or_default();
            }
            sql.push_str(rest);
            text.push_str(sql.trim_end_matches(';'));
            text.push_str(";\n");
        }
        text
    }
}

/// pgbench looks for `:name` inside quotes as well, so no colon stands in a literal.
fn quoted(text: &str) -> String {
    format!(
        "E'{}'",
        text.replace('\\', "\\\\").replace('\'', "''").replace(':', "\\x3a")
    )
}

fn literal(slot: &Slot) -> String {
    match slot {
        Slot::Fixed(Value::Null) => "NULL".to_owned(),
        Slot::Fixed(Value::Int(number)) => number.to_string(),
        Slot::Fixed(Value::Text(text)) => quoted(text),
        Slot::Fixed(Value::Bytes(bytes)) => format!("'\\x{}'", data_encoding::HEXLOWER.encode(bytes)),
        Slot::Unique(prefix) => format!("({} || lpad(:n::text, {DIGITS}, '0'))", quoted(prefix)),
        Slot::Shard => "(:c::bigint % 16)".to_owned(),
    }
}
