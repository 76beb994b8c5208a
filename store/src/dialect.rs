//! Every real difference between the two databases, with its reason.
//!
//! - SQLite has one writer: a pool of one for writing and `BEGIN IMMEDIATE`, so that the lock is waited for at the start
//!   instead of failing in the middle; a pool of readers beside it. PostgreSQL locks the rows that are read for change
//!   (`FOR UPDATE`) and lets claimers pass each other's rows (`SKIP LOCKED`); SQLite knows neither and needs neither.
//! - Full-text search: FTS5 trigrams on SQLite, `pg_trgm` on PostgreSQL.
//! - Everything else is one text: `$1` parameters, BIGINT, TEXT ids, explicit order, no `now()`.

use std::str::FromStr;
use std::time::Duration;

use sqlx::postgres::{PgConnectOptions, PgPool, PgPoolOptions};
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqlitePoolOptions, SqliteSynchronous};
use sqlx::{ConnectOptions, Connection as _, Postgres, Sqlite, Transaction};

use crate::{Error, Pools, Result};

/// More readers than cores gain nothing on an embedded database.
const SQLITE_READERS: u32 = 4;
/// Kilobytes of pages the writer keeps (negative means that), SQLite's own default: behind it stands the system's page
/// cache, which takes memory from nobody who needs it.
const SQLITE_CACHE: &str = "-2000";
/// The same for each reader: the upper levels of the indexes.
const SQLITE_READER_CACHE: &str = "-500";
/// Statements a reader keeps prepared; a conversation and the workers need fewer.
const SQLITE_READER_STATEMENTS: usize = 40;
/// Rows on their way from SQLite's thread: a whole page of a list, so that the thread never waits for its reader.
const SQLITE_ROWS: usize = 256;
/// Enough to keep two to eight cores busy; PostgreSQL's own default allows 100 for everybody together.
const POSTGRES_CONNECTIONS: u32 = 16;
const ACQUIRE_TIMEOUT: Duration = Duration::from_secs(30);
/// A connection that rested longer is asked whether it still lives; asking each time would cost a round trip a transaction.
const RESTED: Duration = Duration::from_secs(1);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

#[derive(Debug)]
pub(crate) enum Link {
    Sqlite(Transaction<'static, Sqlite>),
    Postgres(Transaction<'static, Postgres>),
}

impl Link {
    pub(crate) async fn commit(self) -> Result<()> {
        match self {
            Self::Sqlite(tx) => tx.commit().await?,
            Self::Postgres(tx) => tx.commit().await?,
        }
        Ok(())
    }

    /// Picks the text for this database; both are written next to each other at the call.
    pub(crate) const fn choose<'a>(&self, sqlite: &'a str, postgres: &'a str) -> &'a str {
        match self {
            Self::Sqlite(_) => sqlite,
            Self::Postgres(_) => postgres,
        }
    }
}

pub(crate) async fn connect(url: &str) -> Result<Pools> {
    if url.starts_with("sqlite:") {
        let options = SqliteConnectOptions::from_str(url)
            .map_err(|_| Error::Address("not a SQLite address; it looks like sqlite://data/voronka.db".into()))?;
        // Each connection would get an empty database of its own, and all of them would be gone at the next start.
        if options.get_filename().as_os_str().is_empty() || url.contains(":memory:") || url.contains("mode=memory") {
            return Err(Error::Address(
                "SQLite needs a file; an address looks like sqlite://data/voronka.db".into(),
            ));
        }
        let options = options
            .create_if_missing(true)
            .journal_mode(SqliteJournalMode::Wal)
            .synchronous(SqliteSynchronous::Full)
            .foreign_keys(true)
            .busy_timeout(Duration::from_secs(10))
            .pragma("cache_size", SQLITE_CACHE)
            .row_buffer_size(SQLITE_ROWS)
            .pragma("temp_store", "memory")
            .disable_statement_logging();
        if let Some(folder) = options.get_filename().parent()
            && !folder.as_os_str().is_empty()
        {
            std::fs::create_dir_all(folder)
                .map_err(|error| Error::Address(format!("the folder {} can't be made: {error}", folder.display())))?;
        }
        let write = SqlitePoolOptions::new()
            .max_connections(1)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(options.clone())
            .await
            .map_err(|error| unusable("the SQLite file", &error))?;
        let read = SqlitePoolOptions::new()
            .max_connections(SQLITE_READERS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .connect_with(
                options
                    .read_only(true)
                    .create_if_missing(false)
                    .pragma("cache_size", SQLITE_READER_CACHE)
                    .statement_cache_capacity(SQLITE_READER_STATEMENTS),
            )
            .await
            .map_err(|error| unusable("the SQLite file", &error))?;
        return Ok(Pools::Sqlite { write, read });
    }
    if url.starts_with("postgres:") || url.starts_with("postgresql:") {
        let options = PgConnectOptions::from_str(url)
            .map_err(|_| {
                Error::Address("not a PostgreSQL address; it looks like postgres://user:password@host/name".into())
            })?
            .application_name("voronka")
            .disable_statement_logging();
        let pool = PgPoolOptions::new()
            .max_connections(POSTGRES_CONNECTIONS)
            .acquire_timeout(ACQUIRE_TIMEOUT)
            .test_before_acquire(false)
            .before_acquire(|connection, resting| {
                Box::pin(async move {
                    if resting.idle_for > RESTED {
                        connection.ping().await?;
                    }
                    Ok(true)
                })
            })
            .connect_with(options)
            .await
            .map_err(|error| unusable("the PostgreSQL database", &error))?;
        return Ok(Pools::Postgres(pool));
    }
    Err(Error::Address("must begin with sqlite:// or postgres://".into()))
}

/// The driver's words name files, hosts and databases, never the password.
fn unusable(what: &str, error: &sqlx::Error) -> Error {
    Error::Address(match error {
        sqlx::Error::PoolTimedOut => format!("{what} did not answer within {} seconds", ACQUIRE_TIMEOUT.as_secs()),
        error => format!("{what} can't be opened: {error}"),
    })
}

pub(crate) async fn begin(pools: &Pools, writes: bool) -> Result<Link> {
    Ok(match pools {
        Pools::Sqlite { write, .. } if writes => Link::Sqlite(write.begin_with("BEGIN IMMEDIATE").await?),
        Pools::Sqlite { read, .. } => Link::Sqlite(read.begin().await?),
        Pools::Postgres(pool) => Link::Postgres(begin_on_postgres(pool).await?),
    })
}

/// A connection that the server cut while it rested is found out at its first word. Nothing was asked on it, so another
/// takes its place: a server that was restarted costs nobody their work, and no worker the wait for its own lease.
async fn begin_on_postgres(pool: &PgPool) -> Result<Transaction<'static, Postgres>, sqlx::Error> {
    let mut dead = 0;
    loop {
        match pool.begin().await {
            Err(error) if dead < POSTGRES_CONNECTIONS && is_cut(&error) => dead += 1,
            begun => return begun,
        }
    }
}

/// The connection is gone, or the server says goodbye to all.
fn is_cut(error: &sqlx::Error) -> bool {
    match error {
        sqlx::Error::Io(_) => true,
        sqlx::Error::Database(error) => matches!(error.code().as_deref(), Some("57P01" | "57P02")),
        _ => false,
    }
}

/// Runs one expression on whichever connection the transaction holds.
macro_rules! on {
    ($tx:expr, $connection:ident => $body:expr) => {
        match &mut $tx.link {
            $crate::dialect::Link::Sqlite(tx) => {
                let $connection = &mut **tx;
                $body
            }
            $crate::dialect::Link::Postgres(tx) => {
                let $connection = &mut **tx;
                $body
            }
        }
    };
}

/// `execute!(tx, SQL, values…)` → rows affected.
macro_rules! execute {
    ($tx:expr, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::dialect::on!($tx, connection => {
            sqlx::query($sql)$(.bind($value))*.execute(connection).await.map(|done| done.rows_affected())
        })
        .map_err($crate::Error::from)
    };
}

/// `rows!(tx, Row, SQL, values…)` → all rows.
macro_rules! rows {
    ($tx:expr, $row:ty, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::dialect::on!($tx, connection => {
            sqlx::query_as::<_, $row>($sql)$(.bind($value))*.fetch_all(connection).await
        })
        .map_err($crate::Error::from)
    };
}

/// `row!(tx, Row, SQL, values…)` → the row, if there is one.
macro_rules! row {
    ($tx:expr, $row:ty, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::dialect::on!($tx, connection => {
            sqlx::query_as::<_, $row>($sql)$(.bind($value))*.fetch_optional(connection).await
        })
        .map_err($crate::Error::from)
    };
}

/// `scalar!(tx, Type, SQL, values…)` → the first column of the first row, if there is one.
macro_rules! scalar {
    ($tx:expr, $value_type:ty, $sql:expr $(, $value:expr)* $(,)?) => {
        $crate::dialect::on!($tx, connection => {
            sqlx::query_scalar::<_, $value_type>($sql)$(.bind($value))*.fetch_optional(connection).await
        })
        .map_err($crate::Error::from)
    };
}

pub(crate) use {execute, on, row, rows, scalar};
