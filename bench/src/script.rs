//! What the product said to PostgreSQL for one person, ready to be said again for others.

use std::collections::HashMap;

use app::{App, Caller};
use domain::ids::Id as _;

use crate::wire::{Statement, Value};

/// The counter that makes a text somebody else's: this many digits.
pub const DIGITS: usize = 12;

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Slot {
    Fixed(Value),
    /// Differs for everybody: this, then the counter.
    Unique(String),
    /// The row of a count or a balance that somebody falls into: one of 16.
    Shard,
}

#[derive(Debug, Clone)]
pub struct Line {
    pub sql: String,
    pub slots: Vec<Slot>,
}

#[derive(Debug, Clone, Default)]
pub struct Script {
    pub lines: Vec<Line>,
}

/// Ids of one installation that another has, too, under other names.
#[derive(Debug, Clone)]
pub struct Names(Vec<String>);

impl Names {
    pub async fn of(app: &App, caller: &Caller) -> anyhow::Result<Self> {
        let mut tx = app.tenant(&caller.tenant).read().await?;
        let mut names = vec![caller.tenant.as_str().to_owned()];
        names.extend(tx.stages().await?.iter().map(|stage| stage.id.as_str().to_owned()));
        names.extend(
            tx.products()
                .await?
                .iter()
                .map(|product| product.id.as_str().to_owned()),
        );
        Ok(Self(names))
    }
}

/// Where two recordings of the same acts differ is what changes from one person to the next. A text that differs is the
/// same slot in every act, so that what one act writes the next one finds.
///
/// Shapes: for each act what was said for the first and for the second person, the same statements in the same order.
pub fn compare(acts: &[(Vec<Statement>, Vec<Statement>)]) -> Vec<Script> {
    let mut unique: HashMap<&str, String> = HashMap::new();
    // Ids that were made within one millisecond differ in their last characters only.
    let mut taken: HashMap<String, usize> = HashMap::new();
    for (first, second) in acts {
        for (a, b) in first.iter().zip(second) {
            for (a, b) in a.values.iter().zip(&b.values) {
                if let (Value::Text(a), Value::Text(b)) = (a, b)
                    && a != b
                    && !unique.contains_key(a.as_str())
                {
                    let kept = if a.is_ascii() && a.len() > DIGITS + 3 {
                        a.len() - DIGITS
                    } else {
                        a.len()
                    };
                    let mut prefix = a.get(..kept).unwrap_or_default().to_owned();
                    let before = taken.entry(prefix.clone()).or_default();
                    if *before > 0 {
                        prefix.truncate(prefix.len().saturating_sub(2));
                        prefix.push_str(&format!("{before:02}"));
                    }
                    *before += 1;
                    unique.insert(a, prefix);
                }
            }
        }
    }
    acts.iter()
        .map(|(first, _)| Script {
            lines: first.iter().map(|statement| line(statement, &unique)).collect(),
        })
        .collect()
}

fn line(statement: &Statement, unique: &HashMap<&str, String>) -> Line {
    let mut slots: Vec<Slot> = statement
        .values
        .iter()
        .map(|value| match value {
            Value::Text(text) => match unique.get(text.as_str()) {
                Some(prefix) => Slot::Unique(prefix.clone()),
                None => Slot::Fixed(value.clone()),
            },
            value => Slot::Fixed(value.clone()),
        })
        .collect();
    let sql = statement.sql.as_str();
    // (where the shard stands, whose it is): somebody's own account has one row, the others are spread.
    let places = if sql.starts_with("INSERT INTO stage_counts") || sql.starts_with("INSERT INTO ledger_balances") {
        Some((2, 1))
    } else if sql.starts_with("UPDATE ledger_balances") {
        Some((3, 2))
    } else {
        None
    };
    if let Some((shard, owner)) = places
        && matches!(slots.get(owner), Some(Slot::Fixed(_)))
        && let Some(slot) = slots.get_mut(shard)
    {
        *slot = Slot::Shard;
    }
    Line {
        sql: statement.sql.clone(),
        slots,
    }
}

impl Script {
    pub fn statements(&self) -> usize {
        self.lines.len()
    }

    pub fn inserts(&self) -> usize {
        self.lines.iter().filter(|line| line.sql.starts_with("INSERT")).count()
    }

    pub fn commits(&self) -> usize {
        self.lines.iter().filter(|line| line.sql == "COMMIT").count()
    }

    /// One after the other.
    pub fn then(mut self, other: &Self) -> Self {
        self.lines.extend(other.lines.iter().cloned());
        self
    }

    /// The transactions that hold a statement of which one of these is the beginning; everything else is left out.
    pub fn only(&self, beginnings: &[&str]) -> Self {
        let mut lines = Vec::new();
        let mut rest = self.lines.as_slice();
        while let Some(begin) = rest.iter().position(|line| line.sql == "BEGIN") {
            let tail = rest.get(begin..).unwrap_or_default();
            let end = tail
                .iter()
                .position(|line| matches!(line.sql.as_str(), "COMMIT" | "ROLLBACK"))
                .map_or(tail.len(), |end| end + 1);
            let (transaction, after) = tail.split_at(end);
            let is_wanted = |line: &Line| beginnings.iter().any(|wanted| line.sql.starts_with(wanted));
            if transaction.iter().any(is_wanted) {
                lines.extend(transaction.iter().cloned());
            }
            rest = after;
        }
        Self { lines }
    }

    /// The same for another installation.
    pub fn moved(&self, from: &Names, to: &Names) -> Self {
        let renamed = |text: &str| {
            let pairs = from.0.iter().zip(&to.0);
            pairs.fold(text.to_owned(), |text, (from, to)| text.replace(from.as_str(), to))
        };
        let lines = self.lines.iter().map(|line| Line {
            sql: line.sql.clone(),
            slots: line
                .slots
                .iter()
                .map(|slot| match slot {
                    Slot::Fixed(Value::Text(text)) => Slot::Fixed(Value::Text(renamed(text))),
                    Slot::Unique(prefix) => Slot::Unique(renamed(prefix)),
                    slot => slot.clone(),
                })
                .collect(),
        });
        Self { lines: lines.collect() }
    }

    /// For pgbench: literals in the text, the counter `:n` in what is unique.
    pub fn for_pgbench(&self) -> String {
        let mut text = String::from("\\set c :c + 1\n\\set n :base + :client_id * 10000000 + :c\n");
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
