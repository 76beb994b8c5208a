//! What to measure and for how long.

use std::time::Duration;

use anyhow::{Context as _, bail};

pub const USAGE: &str =
    "usage: bench [--quick] [--only PART]... [--database sqlite|postgres] [--clients N] [--chats N] [--seconds N]

  --quick      a smoke run of about a minute: small lists, short measurements; its figures mean little
  --only       writes, reads, conversation, programmes, wording, payments; may be given several times
  --database   one of the two only
  --clients    the longest list that is measured (1000000)
  --chats      people who walk through the questionnaire at once (200)
  --seconds    how long each round of a throughput measurement runs (2)

PostgreSQL is the server at TEST_POSTGRES_URL; `make bench` starts a durable one.";

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Part {
    Writes,
    Reads,
    Conversation,
    Programmes,
    Wording,
    Payments,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Database {
    Sqlite,
    Postgres,
}

impl Database {
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sqlite => "SQLite",
            Self::Postgres => "PostgreSQL",
        }
    }
}

#[derive(Debug, Clone)]
pub struct Options {
    pub parts: Vec<Part>,
    pub databases: Vec<Database>,
    /// Sizes of the lists, ascending.
    pub list_sizes: Vec<u64>,
    pub chats: usize,
    /// How long a round of a throughput measurement runs.
    pub window: Duration,
    /// What is compared takes turns this often, because the machine is not equally quick all the time.
    pub rounds: usize,
    /// How long each kind of read is repeated.
    pub read_window: Duration,
    pub programmes: usize,
    /// How many programmes an honest and a lying model word.
    pub wordings: usize,
    /// How long notifications come at a steady rate.
    pub hold: Duration,
    /// Payments that wait when the workers begin, in a round.
    pub waiting: u64,
    /// Orders in the books that the doctor looks over; five postings each.
    pub booked_orders: u64,
}

impl Options {
    pub fn parse(arguments: &[String]) -> anyhow::Result<Self> {
        let is_quick = arguments.iter().any(|argument| argument == "--quick");
        let mut options = Self {
            parts: Vec::new(),
            databases: vec![Database::Sqlite, Database::Postgres],
            list_sizes: if is_quick {
                vec![1_000, 10_000]
            } else {
                vec![1_000, 100_000, 1_000_000]
            },
            chats: if is_quick { 20 } else { 200 },
            window: Duration::from_secs(if is_quick { 1 } else { 2 }),
            rounds: if is_quick { 1 } else { 3 },
            read_window: Duration::from_millis(if is_quick { 200 } else { 1_000 }),
            programmes: if is_quick { 10 } else { 200 },
            wordings: if is_quick { 500 } else { 10_000 },
            hold: Duration::from_secs(if is_quick { 5 } else { 60 }),
            waiting: if is_quick { 100 } else { 600 },
            booked_orders: if is_quick { 4_000 } else { 200_000 },
        };
        let mut rest = arguments.iter();
        while let Some(argument) = rest.next() {
            let mut value = || {
                rest.next()
                    .with_context(|| format!("{argument} needs a value\n{USAGE}"))
            };
            match argument.as_str() {
                "--quick" => {}
                "--only" => options.parts.push(match value()?.as_str() {
                    "writes" => Part::Writes,
                    "reads" => Part::Reads,
                    "conversation" => Part::Conversation,
                    "programmes" => Part::Programmes,
                    "wording" => Part::Wording,
                    "payments" => Part::Payments,
                    other => bail!("there is no part {other}\n{USAGE}"),
                }),
                "--database" => {
                    options.databases = vec![match value()?.as_str() {
                        "sqlite" => Database::Sqlite,
                        "postgres" => Database::Postgres,
                        other => bail!("there is no database {other}\n{USAGE}"),
                    }];
                }
                "--clients" => {
                    let most: u64 = value()?.parse().context("--clients is a number")?;
                    options.list_sizes.retain(|size| *size < most);
                    options.list_sizes.push(most);
                }
                "--chats" => options.chats = value()?.parse().context("--chats is a number")?,
                "--seconds" => {
                    options.window = Duration::from_secs(value()?.parse().context("--seconds is a number")?);
                }
                _ => bail!("{USAGE}"),
            }
        }
        if options.parts.is_empty() {
            options.parts = vec![
                Part::Writes,
                Part::Reads,
                Part::Conversation,
                Part::Programmes,
                Part::Wording,
                Part::Payments,
            ];
        }
        Ok(options)
    }
}
