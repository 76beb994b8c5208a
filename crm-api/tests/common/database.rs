//! A database for one test.

use std::path::Path;

use sqlx::{Connection, Executor, PgConnection};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    Sqlite,
    Postgres,
}

pub struct Database {
    pub url: String,
    /// (server, name) of what has to be dropped at the end.
    on_server: Option<(String, String)>,
}

impl Database {
    pub async fn create(backend: Backend, folder: &Path) -> Self {
        if backend == Backend::Sqlite {
            return Self {
                url: format!("sqlite://{}/test.db", folder.display()),
                on_server: None,
            };
        }
        let Ok(server) = std::env::var("TEST_POSTGRES_URL") else {
            panic!("TEST_POSTGRES_URL is not set: run the tests with scripts/with-postgres.sh cargo test");
        };
        let name = format!(
            "test_{}",
            data_encoding::HEXLOWER.encode(&app::clock::random_bytes::<8>())
        );
        let mut connection = PgConnection::connect(&server)
            .await
            .expect("the server of TEST_POSTGRES_URL must answer");
        connection
            .execute(sqlx::AssertSqlSafe(format!("CREATE DATABASE {name}")))
            .await
            .unwrap();
        connection.close().await.unwrap();
        let (base, _) = server.rsplit_once('/').expect("TEST_POSTGRES_URL must name a database");
        Self {
            url: format!("{base}/{name}"),
            on_server: Some((server, name)),
        }
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let Some((server, name)) = self.on_server.take() else {
            return;
        };
        // A destructor can't wait for a future on the test's own runtime.
        let dropping = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
            runtime.block_on(async {
                let mut connection = PgConnection::connect(&server).await.map_err(std::io::Error::other)?;
                let sql = sqlx::AssertSqlSafe(format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
                connection.execute(sql).await.map(|_| ()).map_err(std::io::Error::other)
            })
        });
        match dropping.join() {
            Ok(Ok(())) => {}
            // The server goes away with the test run, and what stayed behind with it.
            Ok(Err(error)) => tracing::warn!(%error, "a test database stays behind"),
            Err(_) => tracing::warn!("a test database stays behind"),
        }
    }
}
