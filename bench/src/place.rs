//! A fresh database of either kind, and the installation in it.

use std::path::Path;
use std::str::FromStr as _;
use std::sync::atomic::{AtomicU64, Ordering};

use anyhow::Context as _;
use app::bootstrap::{self, Seed};
use app::{Actor, App, Caller, Clock, Parts, Role};
use domain::ids::{ApiKeyId, Id as _, RequestId};
use providers::files::FileStore;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::{SqliteConnectOptions, SqliteJournalMode, SqliteSynchronous};
use sqlx::{AssertSqlSafe, ConnectOptions as _, Connection as _, PgConnection, SqliteConnection};
use store::{MasterKeys, Store, Vault};
use tempfile::TempDir;

use crate::options::Database;

pub const MASTER_KEY: &str = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
pub const BOT_TOKEN: &str = "a-token-of-the-bot-that-is-long-enough-0000";
pub const ADMIN_EMAIL: &str = "admin@bench.local";
pub const ADMIN_PASSWORD: &str = "a-long-password-of-the-bench";
/// The trainer who is told of every newcomer.
pub const TRAINER: i64 = 700_000_001;

static DATABASES: AtomicU64 = AtomicU64::new(0);

/// A database of its own; gone with [`Place::remove`].
#[derive(Debug)]
pub struct Place {
    pub database: Database,
    pub url: String,
    pub folder: TempDir,
    made: Option<(PgConnectOptions, String)>,
}

/// One connection past the product, to measure the database alone and to count.
#[derive(Debug)]
pub enum Bare {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

/// Where the PostgreSQL server is. Errors: a sentence that says how to get one.
pub fn server() -> anyhow::Result<String> {
    std::env::var("TEST_POSTGRES_URL")
        .context("TEST_POSTGRES_URL is not set: run `make bench`, or `scripts/with-postgres.sh --durable cargo run --profile bench -p bench`")
}

impl Place {
    pub async fn make(database: Database) -> anyhow::Result<Self> {
        let folder = tempfile::Builder::new().prefix("voronka-bench.").tempdir()?;
        let (url, made) = match database {
            Database::Sqlite => (format!("sqlite://{}", folder.path().join("voronka.db").display()), None),
            Database::Postgres => {
                let server = PgConnectOptions::from_str(&server()?)?;
                let name = format!(
                    "bench_{}_{}",
                    std::process::id(),
                    DATABASES.fetch_add(1, Ordering::Relaxed)
                );
                let mut connection = PgConnection::connect_with(&server).await?;
                sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
                    .execute(&mut connection)
                    .await?;
                let user = server.get_username();
                let url = format!(
                    "postgres://{user}@{}:{}/{name}?sslmode=disable",
                    server.get_host(),
                    server.get_port()
                );
                (url, Some((server, name)))
            }
        };
        Ok(Self {
            database,
            url,
            folder,
            made,
        })
    }

    pub async fn remove(self) -> anyhow::Result<()> {
        if let Some((server, name)) = self.made {
            let mut connection = PgConnection::connect_with(&server).await?;
            let sql = format!("DROP DATABASE {name} WITH (FORCE)");
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await?;
        }
        Ok(())
    }

    /// The same durability as the product's own connections.
    pub async fn bare(&self) -> anyhow::Result<Bare> {
        Ok(match self.database {
            Database::Sqlite => Bare::Sqlite(sqlite_options(&self.url)?.connect().await?),
            Database::Postgres => Bare::Postgres(
                PgConnectOptions::from_str(&self.url)?
                    .disable_statement_logging()
                    .connect()
                    .await?,
            ),
        })
    }

    /// The product in this process, with `url` in place of the database's own address if given.
    pub async fn open(&self, url: Option<&str>) -> anyhow::Result<App> {
        self.open_with(url, app::pay::Providers::default()).await
    }

    /// The same with somebody who takes payments.
    pub async fn open_with(&self, url: Option<&str>, payments: app::pay::Providers) -> anyhow::Result<App> {
        let vault = Vault::new(&MasterKeys::parse(MASTER_KEY)?)?;
        Ok(App::new(Parts {
            store: Store::open(url.unwrap_or(&self.url), vault).await?,
            clock: Clock::system(),
            files: FileStore::open(&self.files())?,
            llm: None,
            sheets: None,
            payments,
            mail: None,
            public_url: "http://127.0.0.1:8080".parse()?,
        }))
    }

    pub fn files(&self) -> String {
        format!("file:{}", self.folder.path().join("files").display())
    }

    pub fn folder(&self) -> &Path {
        self.folder.path()
    }
}

fn sqlite_options(url: &str) -> anyhow::Result<SqliteConnectOptions> {
    Ok(SqliteConnectOptions::from_str(url)?
        .create_if_missing(true)
        .journal_mode(SqliteJournalMode::Wal)
        .synchronous(SqliteSynchronous::Full)
        .foreign_keys(true)
        .busy_timeout(std::time::Duration::from_secs(10))
        .pragma("cache_size", "-2000")
        .pragma("temp_store", "memory")
        .disable_statement_logging())
}

/// Tenant, stages, questionnaire, tariffs, administrator, trainer; the caller is the bot.
pub async fn settle(app: &App) -> anyhow::Result<Caller> {
    let seed = Seed {
        admin_email: Some(ADMIN_EMAIL.to_owned()),
        admin_password: Some(ADMIN_PASSWORD.to_owned()),
        bot_token: BOT_TOKEN.to_owned(),
        trainer_addresses: vec![TRAINER.to_string()],
        ..Seed::default()
    };
    let tenant = bootstrap::ensure(app, &seed).await?;
    Ok(Caller {
        tenant,
        actor: Actor::Key(ApiKeyId::from_parts(1, [1; 10])),
        role: Role::Bot,
        request_id: RequestId::from_parts(1, [2; 10]),
    })
}

impl Bare {
    pub async fn execute(&mut self, sql: String) -> anyhow::Result<u64> {
        let sql = AssertSqlSafe(sql);
        Ok(match self {
            Self::Sqlite(connection) => sqlx::query(sql).execute(connection).await?.rows_affected(),
            Self::Postgres(connection) => sqlx::query(sql).execute(connection).await?.rows_affected(),
        })
    }

    /// Several statements, without parameters.
    pub async fn script(&mut self, sql: &'static str) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop)?,
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.map(drop)?,
        }
        Ok(())
    }

    pub async fn number(&mut self, sql: &str) -> anyhow::Result<i64> {
        let sql = AssertSqlSafe(sql.to_owned());
        Ok(match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_one(connection).await?,
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(connection).await?,
        })
    }

    /// Pairs of texts.
    pub async fn texts(&mut self, sql: &'static str) -> anyhow::Result<Vec<(String, String)>> {
        Ok(match self {
            Self::Sqlite(connection) => sqlx::query_as(sql).fetch_all(connection).await?,
            Self::Postgres(connection) => sqlx::query_as(sql).fetch_all(connection).await?,
        })
    }

    pub async fn count(&mut self, table: &str) -> anyhow::Result<u64> {
        let rows = self
            .number(&format!("SELECT CAST(COUNT(*) AS BIGINT) FROM {table}"))
            .await?;
        Ok(u64::try_from(rows)?)
    }

    pub async fn close(self) -> anyhow::Result<()> {
        match self {
            Self::Sqlite(connection) => connection.close().await?,
            Self::Postgres(connection) => connection.close().await?,
        }
        Ok(())
    }
}
