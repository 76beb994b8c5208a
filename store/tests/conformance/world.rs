//! A fresh database with two tenants, and builders with sensible defaults.

use std::path::{Path, PathBuf};
use std::str::FromStr;
use std::sync::atomic::{AtomicU64, Ordering};

use domain::ids::{Id, ProductId, RequestId, StageId, TenantId};
use domain::language::{Language, Localized};
use domain::money::{Currency, Money};
use domain::order::{Grant, PaymentMode, PaymentSubject, TaxTreatment, Vat};
use domain::pipeline::StageKind;
use domain::time::Timestamp;
use sqlx::postgres::PgConnectOptions;
use sqlx::sqlite::SqliteConnectOptions;
use sqlx::{AssertSqlSafe, Connection, PgConnection, SqliteConnection};
use store::{
    Backend, ClientFilter, Cursor, MasterKeys, NewClient, NewDelivery, NewJob, NewMove, Origin, PageRequest, Product,
    Stage, Store, Tenant, Tx, Vault,
};
use tempfile::TempDir;

/// The clock of the tests begins here.
pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
pub const MASTER_KEY: &str = "k1:AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=";
const OTHER_MASTER_KEY: &str = "k1:AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI=";

static DATABASES: AtomicU64 = AtomicU64::new(0);

pub struct World {
    pub store: Store,
    pub url: String,
    pub tenant: Tenant,
    pub other: Tenant,
    /// Of `tenant`, in order.
    pub stages: [StageId; 3],
    pub other_stage: StageId,
    place: Place,
    next: AtomicU64,
}

pub enum Place {
    Folder(TempDir),
    Database {
        server: Box<PgConnectOptions>,
        name: String,
    },
}

/// A connection beside the store, for what an outsider could do.
pub enum Raw {
    Sqlite(SqliteConnection),
    Postgres(PgConnection),
}

pub fn vault() -> Vault {
    Vault::new(&MasterKeys::parse(MASTER_KEY).unwrap()).unwrap()
}

pub fn vault_of_somebody_else() -> Vault {
    Vault::new(&MasterKeys::parse(OTHER_MASTER_KEY).unwrap()).unwrap()
}

/// The address of the test server, whose databases may be made and dropped at will.
pub fn postgres_server() -> String {
    std::env::var("TEST_POSTGRES_URL").unwrap_or_else(|_| {
        panic!(
            "these tests need a PostgreSQL server: run `make test` or `scripts/with-postgres.sh cargo test -p store`"
        )
    })
}

/// Well spread bytes of a number (splitmix64).
pub fn scramble(number: u64) -> u64 {
    let mut mixed = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    mixed ^ (mixed >> 31)
}

impl Place {
    /// A place for one database and the address it has.
    pub async fn make(backend: Backend) -> (Self, String) {
        match backend {
            Backend::Sqlite => {
                let folder = tempfile::tempdir().unwrap();
                let url = format!("sqlite://{}", folder.path().join("voronka.db").display());
                (Self::Folder(folder), url)
            }
            Backend::Postgres => {
                let url = postgres_server();
                let server = Box::new(PgConnectOptions::from_str(&url).unwrap());
                let name = format!(
                    "store_test_{}_{}",
                    std::process::id(),
                    DATABASES.fetch_add(1, Ordering::Relaxed)
                );
                let mut connection = PgConnection::connect_with(&server).await.unwrap();
                let sql = format!("CREATE DATABASE {name}");
                sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
                let (head, tail) = url.split_once("://").unwrap();
                let host = tail.split(['/', '?']).next().unwrap();
                (
                    Self::Database {
                        server,
                        name: name.clone(),
                    },
                    format!("{head}://{host}/{name}"),
                )
            }
        }
    }

    pub async fn remove(self) {
        match self {
            Self::Folder(folder) => folder.close().unwrap(),
            Self::Database { server, name } => {
                let mut connection = PgConnection::connect_with(&server).await.unwrap();
                let sql = format!("DROP DATABASE {name} WITH (FORCE)");
                sqlx::query(AssertSqlSafe(sql)).execute(&mut connection).await.unwrap();
                connection.close().await.unwrap();
            }
        }
    }
}

impl Raw {
    pub async fn connect(url: &str) -> Self {
        if url.starts_with("sqlite:") {
            let options = SqliteConnectOptions::from_str(url).unwrap();
            Self::Sqlite(SqliteConnection::connect_with(&options).await.unwrap())
        } else {
            Self::Postgres(PgConnection::connect(url).await.unwrap())
        }
    }

    pub async fn execute(&mut self, sql: &str) {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => drop(sqlx::raw_sql(sql).execute(connection).await.unwrap()),
            Self::Postgres(connection) => drop(sqlx::raw_sql(sql).execute(connection).await.unwrap()),
        }
    }

    /// Whether the database refuses a statement.
    pub async fn refuses(&mut self, sql: &str) -> bool {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::raw_sql(sql).execute(connection).await.is_err(),
            Self::Postgres(connection) => sqlx::raw_sql(sql).execute(connection).await.is_err(),
        }
    }

    /// The first column of every row; it must be a text.
    pub async fn texts(&mut self, sql: &str) -> Vec<String> {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_all(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_all(connection).await.unwrap(),
        }
    }

    /// The one value of a query; it must be a BIGINT.
    pub async fn number(&mut self, sql: &str) -> i64 {
        let sql = AssertSqlSafe(sql.to_owned());
        match self {
            Self::Sqlite(connection) => sqlx::query_scalar(sql).fetch_one(connection).await.unwrap(),
            Self::Postgres(connection) => sqlx::query_scalar(sql).fetch_one(connection).await.unwrap(),
        }
    }

    pub async fn close(self) {
        match self {
            Self::Sqlite(connection) => connection.close().await.unwrap(),
            Self::Postgres(connection) => connection.close().await.unwrap(),
        }
    }
}

impl World {
    pub async fn open(backend: Backend) -> Self {
        let (place, url) = Place::make(backend).await;
        let store = Store::open(&url, vault()).await.unwrap();
        let tenant_id = TenantId::from_parts(1, [1; 10]);
        let other_id = TenantId::from_parts(2, [2; 10]);
        let mut system = store.system().await.unwrap();
        for id in [&tenant_id, &other_id] {
            system.insert_tenant(id, "Студия", "Europe/Moscow", NOW).await.unwrap();
        }
        system.commit().await.unwrap();
        let world = Self {
            tenant: store.tenant(&tenant_id),
            other: store.tenant(&other_id),
            stages: [1, 2, 3].map(|number| StageId::from_parts(number, [3; 10])),
            other_stage: StageId::from_parts(4, [4; 10]),
            store,
            url,
            place,
            next: AtomicU64::new(1),
        };
        let mut tx = world.write().await;
        for (stage, kind) in
            world
                .stages
                .iter()
                .zip([StageKind::FirstContact, StageKind::Consultation, StageKind::Purchased])
        {
            tx.insert_stage(&a_stage(stage, kind)).await.unwrap();
        }
        tx.commit().await.unwrap();
        let mut tx = world.other.write().await.unwrap();
        tx.insert_stage(&a_stage(&world.other_stage, StageKind::FirstContact))
            .await
            .unwrap();
        tx.commit().await.unwrap();
        world
    }

    pub async fn close(self) {
        self.store.close().await;
        self.place.remove().await;
    }

    /// A product nobody has seen before, not yet saved.
    pub fn a_product(&self) -> Product {
        let id: ProductId = self.id();
        Product {
            code: format!("product_{id}"),
            id,
            title: Localized::new("Программа", "Programme"),
            description: Localized::new("", ""),
            delivery: Localized::new("Сразу", "At once"),
            grants: vec![Grant::FullProgram],
            price: Money::new(499_000, Currency::Rub),
            is_addon: false,
            is_monthly: false,
            tax: TaxTreatment {
                vat: Vat::None,
                subject: PaymentSubject::Service,
                mode: PaymentMode::FullPayment,
            },
            active_from: None,
            active_to: None,
            position: 1,
            archived_at: None,
            packages: Vec::new(),
            version: 0,
        }
    }

    pub fn is_postgres(&self) -> bool {
        self.store.backend() == Backend::Postgres
    }

    /// The folder of a SQLite file.
    pub fn folder(&self) -> Option<PathBuf> {
        match &self.place {
            Place::Folder(folder) => Some(Path::to_path_buf(folder.path())),
            Place::Database { .. } => None,
        }
    }

    pub async fn raw(&self) -> Raw {
        Raw::connect(&self.url).await
    }

    pub async fn write(&self) -> Tx {
        self.tenant.write().await.unwrap()
    }

    pub async fn read(&self) -> Tx {
        self.tenant.read().await.unwrap()
    }

    /// Counts up: later ids are greater ones.
    pub fn tick(&self) -> u64 {
        self.next.fetch_add(1, Ordering::Relaxed)
    }

    pub fn id<I: Id>(&self) -> I {
        let number = self.tick();
        self.id_at(NOW.plus_millis(i64::try_from(number).unwrap()))
    }

    pub fn id_at<I: Id>(&self, at: Timestamp) -> I {
        let mixed = scramble(self.tick()).to_le_bytes();
        let [a, b, c, d, e, f, g, h] = mixed;
        I::from_parts(u64::try_from(at.millis()).unwrap(), [a, b, c, d, e, f, g, h, a, b])
    }

    pub fn a_client(&self) -> NewClient {
        let number = i64::try_from(self.tick()).unwrap();
        self.a_client_of(NOW.plus_millis(number))
    }

    pub fn a_client_of(&self, at: Timestamp) -> NewClient {
        NewClient {
            id: self.id_at(at),
            stage: self.stages[0].clone(),
            display_name: "Анна".to_owned(),
            username: None,
            language: Language::Ru,
            phone: None,
            email: None,
            origin: Origin {
                source: "instagram".to_owned(),
                utm: "{}".to_owned(),
                ..Origin::default()
            },
            now: at,
        }
    }

    pub async fn insert(&self, client: &NewClient) {
        let mut tx = self.write().await;
        tx.insert_client(client).await.unwrap();
        tx.commit().await.unwrap();
    }

    /// An inserted client.
    pub async fn some_client(&self) -> NewClient {
        let client = self.a_client();
        self.insert(&client).await;
        client
    }

    pub fn a_job(&self) -> NewJob {
        NewJob {
            id: self.id(),
            kind: "make_program",
            unique_key: None,
            payload: "{}".to_owned(),
            due_at: NOW,
            max_attempts: 5,
            request_id: self.id::<RequestId>(),
            now: NOW,
        }
    }

    pub fn a_delivery(&self, address: &str) -> NewDelivery {
        NewDelivery {
            id: self.id(),
            channel: "telegram".to_owned(),
            address: address.to_owned(),
            client: None,
            about: None,
            program: None,
            kind: "reply",
            dedupe_key: None,
            content: r#"{"text":"Привет"}"#.to_owned(),
            is_step: false,
            edit_ref: None,
            retire_ref: None,
            due_at: NOW,
            leased_to: None,
            request_id: self.id::<RequestId>(),
            now: NOW,
        }
    }

    pub fn a_move(&self, client: &NewClient, from: &StageId, to: &StageId) -> NewMove {
        NewMove {
            id: self.id(),
            client: client.id.clone(),
            from: Some(from.clone()),
            to: to.clone(),
            actor: "us_1".to_owned(),
            reason: "manual".to_owned(),
            now: NOW,
        }
    }

    /// Waits until one transaction waits for a lock that another holds. SQLite's writers wait for their turn before they
    /// begin, so there is nothing to see.
    pub async fn until_somebody_waits_for_a_lock(&self) {
        if self.store.backend() == Backend::Sqlite {
            return;
        }
        let mut raw = self.raw().await;
        eventually("somebody waits for a lock", async || {
            raw.number(
                "SELECT COUNT(*) FROM pg_stat_activity WHERE datname = current_database() AND wait_event_type = 'Lock'",
            )
            .await
                > 0
        })
        .await;
        raw.close().await;
    }
}

/// Asks again and again, for half a minute at most.
pub async fn eventually(what: &str, mut is_so: impl AsyncFnMut() -> bool) {
    let begun = std::time::Instant::now();
    while !is_so().await {
        assert!(begun.elapsed().as_secs() < 30, "still not so after 30 seconds: {what}");
        tokio::task::yield_now().await;
    }
}

pub fn a_stage(id: &StageId, kind: StageKind) -> Stage {
    let (ru, en) = kind.default_titles();
    Stage {
        id: id.clone(),
        kind,
        title: Localized::new(ru, en),
        position: 1,
        version: 1,
        archived_at: None,
    }
}

pub fn page(limit: u32) -> PageRequest {
    PageRequest { limit, after: None }
}

pub fn page_after(limit: u32, after: Option<Cursor>) -> PageRequest {
    PageRequest { limit, after }
}

/// What somebody types into the search field.
pub fn search(text: &str) -> ClientFilter {
    ClientFilter {
        words: domain::fold::fold(text).split(' ').map(str::to_owned).collect(),
        ..ClientFilter::default()
    }
}
