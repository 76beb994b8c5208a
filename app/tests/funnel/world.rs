//! An installation with a clock that stands until it is moved, and no outside world.

use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use app::bootstrap::{self, Seed};
use app::deliver::{self, Fate, Outgoing};
use app::pay::Providers;
use app::{Actor, App, Caller, Clock, Parts, Role};
use domain::ids::{ApiKeyId, Id, RequestId, TenantId};
use domain::time::Timestamp;
use providers::files::FileStore;
use providers::llm::Llm;
use providers::mail::Mailer;
use providers::sheets::Sheets;
use sqlx::postgres::PgConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection};
use store::{Backend, MasterKeys, Store, Vault};
use tempfile::TempDir;

pub const TRAINER: &str = "700";
pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
/// Nobody listens there: what a bank tells a world without a door must not reach a program beside the tests.
pub const NOWHERE: &str = "http://127.0.0.1:9";
const MASTER_KEY: &str = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";

static DATABASES: AtomicU64 = AtomicU64::new(0);

pub struct World {
    pub app: App,
    pub caller: Caller,
    database: Option<(PgConnectOptions, String)>,
    folder: TempDir,
    next: AtomicU64,
}

impl World {
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, None).await
    }

    /// A world whose templates are kept in a spreadsheet.
    pub async fn start_with(backend: Backend, sheets: Option<(Sheets, &str)>) -> Self {
        Self::assemble(backend, sheets, Providers::default(), None, NOWHERE).await
    }

    /// A world that takes money. `public_url`: where the banks find it.
    pub async fn start_selling(backend: Backend, payments: Providers, public_url: &str) -> Self {
        Self::assemble(backend, None, payments, None, public_url).await
    }

    /// A world that takes money and writes letters.
    pub async fn start_writing(backend: Backend, payments: Providers, mailer: Mailer) -> Self {
        Self::assemble(backend, None, payments, Some(mailer), NOWHERE).await
    }

    async fn assemble(
        backend: Backend,
        sheets: Option<(Sheets, &str)>,
        payments: Providers,
        mail: Option<Mailer>,
        public_url: &str,
    ) -> Self {
        let (sheets, spreadsheet) = match sheets {
            Some((sheets, spreadsheet)) => (Some(sheets), Some(spreadsheet.to_owned())),
            None => (None, None),
        };
        // Whoever comes first installs it.
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let (url, database) = match backend {
            Backend::Sqlite => (format!("sqlite://{}", folder.path().join("voronka.db").display()), None),
            Backend::Postgres => {
                let (url, database) = make_database().await;
                (url, Some(database))
            }
        };
        let vault = Vault::new(&MasterKeys::parse(MASTER_KEY).unwrap()).unwrap();
        let app = App::new(Parts {
            store: Store::open(&url, vault).await.unwrap(),
            clock: Clock::frozen_at(NOW),
            files: FileStore::open(&format!("file:{}", folder.path().join("files").display())).unwrap(),
            llm: Some(Llm::new(providers::http_client(&[]).unwrap())),
            sheets,
            payments,
            mail,
            public_url: public_url.parse().unwrap(),
        });
        let seed = Seed {
            bot_token: "a-token-of-the-bot-that-is-long-enough-0000".into(),
            trainer_addresses: vec![TRAINER.into()],
            templates_spreadsheet_id: spreadsheet,
            ..Seed::default()
        };
        let tenant = bootstrap::ensure(&app, &seed).await.unwrap();
        let caller = Caller {
            tenant,
            actor: Actor::Key(ApiKeyId::from_parts(1, [1; 10])),
            role: Role::Bot,
            request_id: RequestId::from_parts(1, [2; 10]),
        };
        Self {
            app,
            caller,
            database,
            folder,
            next: AtomicU64::new(1),
        }
    }

    pub async fn stop(self) {
        self.app.store().close().await;
        if let Some((server, name)) = self.database {
            let mut connection = PgConnection::connect_with(&server).await.unwrap();
            let sql = format!("DROP DATABASE {name} WITH (FORCE)");
            sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
        }
    }

    pub const fn tenant(&self) -> &TenantId {
        &self.caller.tenant
    }

    pub fn number(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn advance_minutes(&self, minutes: i64) {
        self.app.clock().advance_ms(minutes * 60_000);
    }

    /// What a bot would get now.
    pub async fn claim(&self, replica: &str) -> Vec<Outgoing> {
        deliver::claim(&self.app, &self.caller, replica, 100, Duration::ZERO)
            .await
            .unwrap()
    }

    pub async fn report(&self, replica: &str, outgoing: &Outgoing, fate: Fate) {
        deliver::report(&self.app, &self.caller, replica, &[(outgoing.id.clone(), fate)])
            .await
            .unwrap();
    }

    /// Claims and sends until nothing is due; what `address` got, in order. What follows a step waits for its report.
    pub async fn deliver_to(&self, replica: &str, address: &str) -> Vec<Outgoing> {
        let mut delivered = Vec::new();
        loop {
            let claimed = self.claim(replica).await;
            if claimed.is_empty() {
                return delivered;
            }
            for one in claimed {
                let fate = Fate::Sent {
                    message_ref: self.number().to_string(),
                    external_file_id: None,
                    album_file_ids: Vec::new(),
                };
                self.report(replica, &one, fate).await;
                if one.address == address {
                    delivered.push(one);
                }
            }
        }
    }

    pub async fn run_jobs(&self) -> usize {
        app::work::run_due_jobs(&self.app).await
    }

    /// Puts a file where the folder of files was, so that nothing can be kept.
    pub fn break_files(&self) -> std::path::PathBuf {
        let files = self.folder.path().join("files");
        let aside = self.folder.path().join("files-aside");
        std::fs::rename(&files, &aside).unwrap();
        std::fs::write(&files, b"not a folder").unwrap();
        aside
    }

    pub fn mend_files(&self, aside: std::path::PathBuf) {
        let files = self.folder.path().join("files");
        std::fs::remove_file(&files).unwrap();
        std::fs::rename(aside, files).unwrap();
    }

    pub async fn read(&self) -> store::Tx {
        self.app.tenant(self.tenant()).read().await.unwrap()
    }

    pub async fn write(&self) -> store::Tx {
        self.app.tenant(self.tenant()).write().await.unwrap()
    }
}

async fn make_database() -> (String, (PgConnectOptions, String)) {
    let url = std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!("these tests need a PostgreSQL server: run `make test` or `scripts/with-postgres.sh cargo test -p app`")
    });
    let server = PgConnectOptions::from_str(&url).unwrap();
    let name = format!(
        "app_test_{}_{}",
        std::process::id(),
        DATABASES.fetch_add(1, Ordering::Relaxed)
    );
    let mut connection = PgConnection::connect_with(&server).await.unwrap();
    sqlx::query(AssertSqlSafe(format!("CREATE DATABASE {name}")))
        .execute(&mut connection)
        .await
        .unwrap();
    let (head, tail) = url.split_once("://").unwrap();
    let host = tail.split(['/', '?']).next().unwrap();
    (format!("{head}://{host}/{name}"), (server, name))
}

/// Runs each test on both databases: in a world, or `in` another place that starts and stops as a world does.
macro_rules! on_both {
    (in $place:ty; $($name:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $name() {
                let place = <$place>::start(store::Backend::Sqlite).await;
                super::$name(&place).await;
                place.stop().await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $name() {
                let place = <$place>::start(store::Backend::Postgres).await;
                super::$name(&place).await;
                place.stop().await;
            })+
        }
    };
    ($($name:ident),+ $(,)?) => {
        $crate::world::on_both!(in $crate::world::World; $($name),+);
    };
}
pub(crate) use on_both;
