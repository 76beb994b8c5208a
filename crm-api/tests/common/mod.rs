//! A whole API on a socket of its own, over a database of its own, with a clock that stands until a test moves it.
//!
//! `on_both_databases!(behaviour, …)` runs `async fn behaviour(world: TestWorld)` on SQLite and on PostgreSQL.

#![allow(dead_code, reason = "each test binary uses its own part of the harness")]

pub mod database;
mod walk;

use std::net::SocketAddr;
use std::num::NonZeroU32;

use app::bootstrap::Seed;
use app::{Actor, App, Caller, Clock, Parts, Role};
use crm_api::{ApiState, HttpOptions, TrustedProxies};
use domain::ids::TenantId;
use domain::time::Timestamp;
use reqwest::{Method, RequestBuilder, Response};
use serde_json::Value;
use store::{MasterKeys, Store, Vault};
use tempfile::TempDir;

pub use database::Backend;
pub use walk::Chat;

pub const ADMIN_EMAIL: &str = "owner@example.com";
pub const ADMIN_PASSWORD: &str = "correct horse battery";
pub const BOT_TOKEN: &str = "bot-token-of-the-test-world";
pub const MASTER_KEY: &str = "k1:BwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwc=";
/// 2026-11-20T09:00:00Z, a Friday.
pub const START_MS: i64 = 1_795_165_200_000;

#[macro_export]
macro_rules! on_both_databases {
    ($($behaviour:ident),+ $(,)?) => {
        mod sqlite {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour($crate::common::TestWorld::start($crate::common::Backend::Sqlite).await).await;
            })+
        }
        mod postgres {
            $(#[tokio::test]
            async fn $behaviour() {
                super::$behaviour($crate::common::TestWorld::start($crate::common::Backend::Postgres).await).await;
            })+
        }
    };
}

pub struct Options {
    pub public_url: &'static str,
    pub rate_limit_per_minute: u32,
    pub trusted_proxies: &'static str,
    pub payments: app::pay::Providers,
    pub mail: Option<providers::mail::Mailer>,
}

impl Default for Options {
    fn default() -> Self {
        // Tests ask faster than people; the limit has tests of its own.
        Self {
            public_url: "http://127.0.0.1:8080",
            rate_limit_per_minute: 1_000_000,
            trusted_proxies: "",
            payments: app::pay::Providers::default(),
            mail: None,
        }
    }
}

pub struct TestWorld {
    pub app: App,
    pub clock: Clock,
    pub tenant: TenantId,
    pub base: String,
    pub http: reqwest::Client,
    server: tokio::task::JoinHandle<()>,
    _database: database::Database,
    _folder: TempDir,
}

/// A browser that is signed in.
pub struct Browser {
    pub cookie: String,
    pub csrf_token: String,
    pub user_id: String,
}

impl TestWorld {
    pub async fn start(backend: Backend) -> Self {
        Self::start_with(backend, Options::default()).await
    }

    pub async fn start_with(backend: Backend, options: Options) -> Self {
        let _ = rustls::crypto::ring::default_provider().install_default();
        let folder = tempfile::tempdir().unwrap();
        let database = database::Database::create(backend, folder.path()).await;
        let vault = Vault::new(&MasterKeys::parse(MASTER_KEY).unwrap()).unwrap();
        let clock = Clock::frozen_at(Timestamp::from_millis(START_MS));
        let files = providers::files::FileStore::open(&format!("file:{}/files", folder.path().display())).unwrap();
        let app = App::new(Parts {
            store: Store::open(&database.url, vault).await.unwrap(),
            clock: clock.clone(),
            files,
            llm: Some(providers::llm::Llm::new(providers::http_client(&[]).unwrap())),
            sheets: None,
            payments: options.payments,
            mail: options.mail,
            public_url: options.public_url.parse().unwrap(),
        });
        let seed = Seed {
            admin_email: Some(ADMIN_EMAIL.into()),
            admin_password: Some(ADMIN_PASSWORD.into()),
            bot_token: BOT_TOKEN.into(),
            ..Seed::default()
        };
        let tenant = app::bootstrap::ensure(&app, &seed).await.unwrap();
        let http_options = HttpOptions {
            rate_limit_per_minute: NonZeroU32::new(options.rate_limit_per_minute).unwrap(),
            trusted_proxies: TrustedProxies::parse(options.trusted_proxies).unwrap(),
            ..HttpOptions::default()
        };
        let service = crm_api::router(ApiState::new(app.clone(), http_options))
            .into_make_service_with_connect_info::<SocketAddr>();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let base = format!("http://{}", listener.local_addr().unwrap());
        let server = tokio::spawn(async move { axum::serve(listener, service).await.unwrap() });
        Self {
            app,
            clock,
            tenant,
            base,
            http: reqwest::Client::new(),
            server,
            _database: database,
            _folder: folder,
        }
    }

    pub fn request(&self, method: Method, path: &str) -> RequestBuilder {
        self.http.request(method, format!("{}{path}", self.base))
    }

    pub fn get(&self, path: &str, token: &str) -> RequestBuilder {
        self.request(Method::GET, path).bearer_auth(token)
    }

    pub fn post(&self, path: &str, token: &str, body: &Value) -> RequestBuilder {
        self.request(Method::POST, path).bearer_auth(token).json(body)
    }

    pub fn caller(&self, tenant: &TenantId) -> Caller {
        Caller {
            tenant: tenant.clone(),
            actor: Actor::System,
            role: Role::Admin,
            request_id: self.app.new_id(),
        }
    }

    /// An administrator's API key of this world's tenant.
    pub async fn admin_token(&self) -> String {
        self.token_of(&self.tenant, Role::Admin).await
    }

    pub async fn token_of(&self, tenant: &TenantId, role: Role) -> String {
        let (_, token) = app::access::create_api_key(&self.app, &self.caller(tenant), "test", role)
            .await
            .unwrap();
        token.to_string()
    }

    /// A second tenant in the same database, empty.
    pub async fn another_tenant(&self) -> TenantId {
        let tenant: TenantId = self.app.new_id();
        let mut tx = self.app.store().system().await.unwrap();
        tx.insert_tenant(&tenant, "Other", "Europe/Moscow", self.app.now())
            .await
            .unwrap();
        tx.commit().await.unwrap();
        tenant
    }

    pub async fn sign_in_with(&self, email: &str, password: &str) -> Response {
        let body = serde_json::json!({ "email": email, "password": password });
        self.request(Method::POST, "/api/auth/sign-in")
            .json(&body)
            .send()
            .await
            .unwrap()
    }

    pub async fn sign_in(&self) -> Browser {
        self.browser_of(self.sign_in_with(ADMIN_EMAIL, ADMIN_PASSWORD).await)
            .await
    }

    /// What a browser keeps of a successful sign-in.
    pub async fn browser_of(&self, response: Response) -> Browser {
        assert_eq!(response.status(), 200);
        let header = response.headers()["set-cookie"].to_str().unwrap().to_owned();
        let cookie = header.split(';').next().unwrap().to_owned();
        let me: Value = response.json().await.unwrap();
        Browser {
            cookie,
            csrf_token: me["csrf_token"].as_str().unwrap().to_owned(),
            user_id: me["user"]["id"].as_str().unwrap().to_owned(),
        }
    }

    /// Does the background work that is due now.
    pub async fn run_due_jobs(&self) -> usize {
        app::work::run_due_jobs(&self.app).await
    }

    /// All operations of the OpenAPI document: (method, path, operation).
    pub async fn operations(&self) -> (Value, Vec<(Method, String, Value)>) {
        let document: Value = self
            .request(Method::GET, "/api/openapi.json")
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let mut operations = Vec::new();
        for (path, item) in document["paths"].as_object().unwrap() {
            for (method, operation) in item.as_object().unwrap() {
                let method = Method::from_bytes(method.to_uppercase().as_bytes()).unwrap();
                operations.push((method, path.clone(), operation.clone()));
            }
        }
        (document, operations)
    }
}

impl Drop for TestWorld {
    fn drop(&mut self) {
        self.server.abort();
    }
}

impl Browser {
    pub fn get(&self, world: &TestWorld, path: &str) -> RequestBuilder {
        world.request(Method::GET, path).header("cookie", &self.cookie)
    }

    pub fn post(&self, world: &TestWorld, path: &str, body: &Value) -> RequestBuilder {
        world
            .request(Method::POST, path)
            .header("cookie", &self.cookie)
            .header("x-csrf-token", &self.csrf_token)
            .json(body)
    }
}

/// A path whose ids name nothing but have the right form: what is refused then is not the path.
pub fn with_well_formed_ids(path: &str) -> String {
    const PREFIXES: [(&str, &str); 17] = [
        ("clients", "cl"),
        ("leads", "ld"),
        ("programs", "pg"),
        ("questionnaires", "qn"),
        ("jobs", "jb"),
        ("api-keys", "ak"),
        ("pipeline", "st"),
        ("templates", "sn"),
        ("files", "fl"),
        ("deliveries", "ob"),
        ("products", "pr"),
        ("promocodes", "pc"),
        ("orders", "or"),
        ("payments", "py"),
        ("refunds", "rf"),
        ("receipts", "rc"),
        ("tasks", "tk"),
    ];
    let resource = path.trim_start_matches("/api/").split('/').next().unwrap_or_default();
    let prefix = PREFIXES
        .iter()
        .find(|(name, _)| *name == resource)
        .map_or("xx", |(_, prefix)| prefix);
    path.replace("{id}", &format!("{prefix}_01JD4Z5V8N3C7W9XK2M4P6Q8RT"))
}

/// Asserts that an answer is a problem of this status and code, and gives it back.
pub async fn expect_problem(response: Response, status: u16, code: &str) -> Value {
    let (got, content_type) = (
        response.status().as_u16(),
        response.headers().get("content-type").cloned(),
    );
    let request_id = response.headers().get("x-request-id").cloned();
    let text = response.text().await.unwrap();
    assert_eq!(got, status, "{text}");
    assert_eq!(content_type.unwrap(), "application/problem+json", "{text}");
    let problem: Value = serde_json::from_str(&text).unwrap();
    assert_eq!(problem["code"], code, "{text}");
    assert_eq!(problem["status"], status, "{text}");
    assert_eq!(problem["type"], format!("/problems/{code}"), "{text}");
    assert_eq!(
        problem["request_id"].as_str(),
        request_id.as_ref().and_then(|id| id.to_str().ok()),
        "{text}"
    );
    problem
}
