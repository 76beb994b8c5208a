//! Composition: from a configuration to a process that answers, works in the background, and ends cleanly.

use std::net::SocketAddr;
use std::time::Duration;

use anyhow::Context as _;
use app::bootstrap::Seed;
use app::settings::wording::{ApiKey, WordingSetting};
use app::{App, Clock, Parts};
use providers::files::FileStore;
use providers::llm::Llm;
use providers::mail::Mailer;
use providers::sheets::{Sheets, SheetsConfig};
use store::{Store, Vault};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::config::{Config, ConfigErrors, LlmSettings};
use crate::{ApiState, HttpOptions, router};

/// Requests and jobs in hand get this long to end.
const DRAIN: Duration = Duration::from_secs(10);
const SHEET_DEADLINE: Duration = Duration::from_secs(20);

/// Serves until a signal says stop.
///
/// Errors: what keeps the process from starting; [`ConfigErrors`] when it is the configuration.
pub async fn run(config: Config) -> anyhow::Result<()> {
    let stop = stop_signal().context("signals can't be heard")?;
    let shutdown = CancellationToken::new();
    let clock = Clock::system();
    let app = compose(&config, clock.clone()).await?;
    if let Some(url) = &config.clock_url {
        let http = providers::http_client(&[]).context("the HTTP client can't be made")?;
        if !clock.read_once(url, &http).await {
            tracing::warn!("the followed clock does not answer yet; the system's time serves until it does");
        }
    }
    seed(&config, &app).await?;
    let listener = TcpListener::bind(config.http_addr).await.map_err(|error| {
        ConfigErrors(vec![format!(
            "HTTP_ADDR: {} can't be listened on: {error}.",
            config.http_addr
        )])
    })?;
    let address = listener.local_addr().context("the socket has no address")?;
    if let Some(slot) = crate::slot::of(address) {
        app::work::take_slot(&app, &slot)
            .await
            .context("what the process before left behind could not be taken over")?;
    }
    let mut background = tokio::task::JoinSet::new();
    if let Some(url) = config.clock_url.clone() {
        let http = providers::http_client(&[]).context("the HTTP client can't be made")?;
        let closing = shutdown.clone();
        background.spawn(async move {
            tokio::select! {
                () = clock.follow(url, http) => {}
                () = closing.cancelled() => {}
            }
        });
    }
    let scheduler = (app.clone(), shutdown.clone());
    let scheduler = background.spawn(async move {
        if let Err(error) = app::schedule::run(scheduler.0, scheduler.1).await {
            tracing::error!(%error, "the scheduler could not be started");
        }
    });
    let workers = background.spawn(app::work::run(app.clone(), shutdown.clone()));
    background.spawn(app::mail::run(app.clone(), shutdown.clone()));
    let options = HttpOptions {
        rate_limit_per_minute: config.rate_limit_per_minute,
        trusted_proxies: config.trusted_proxies.clone(),
        workers: vec![workers, scheduler],
        shutdown: shutdown.clone(),
    };
    let service = router(ApiState::new(app.clone(), options)).into_make_service_with_connect_info::<SocketAddr>();
    tracing::info!(%address, public_url = %config.public_url, "the CRM API listens");
    let closing = shutdown.clone();
    let server = axum::serve(listener, service).with_graceful_shutdown(async move { closing.cancelled().await });
    let mut server = tokio::spawn(async move { server.await });
    let outcome = tokio::select! {
        () = stop => {
            tracing::info!("stopping: no new requests, what is in hand may end");
            shutdown.cancel();
            // Requests and jobs drain at the same time: both have the same seconds.
            let drained = async {
                let served = (&mut server).await;
                while background.join_next().await.is_some() {}
                served
            };
            match tokio::time::timeout(DRAIN, drained).await {
                Ok(served) => served.context("the server stopped")?.context("the server failed"),
                Err(_) => {
                    tracing::warn!("some work did not end in time; it is taken up at the next start");
                    Ok(())
                }
            }
        }
        ended = &mut server => ended.context("the server stopped")?.context("the server failed"),
    };
    app.store().close().await;
    tracing::info!("stopped");
    outcome
}

/// Brings the schema up to date.
///
/// Errors: as [`run`].
pub async fn migrate(config: &Config) -> anyhow::Result<()> {
    let store = open_store(config).await?;
    store.close().await;
    tracing::info!("the schema is up to date");
    Ok(())
}

/// Opens everything the verbs work with.
///
/// Errors: as [`run`].
pub async fn compose(config: &Config, clock: Clock) -> anyhow::Result<App> {
    let roots = extra_roots(config)?;
    let http = providers::http_client(&roots).context("the HTTP client can't be made")?;
    let files = FileStore::open(&config.storage_url).map_err(|error| ConfigErrors(vec![error.to_string()]))?;
    let store = open_store(config).await?;
    let llm = Some(Llm::new(http.clone()));
    let payments = config.payments.providers(&http);
    let mail = mailer(config)?;
    let sheets = Sheets::new(SheetsConfig {
        base_url: config.sheets_base_url.clone(),
        deadline: SHEET_DEADLINE,
        http,
    });
    Ok(App::new(Parts {
        store,
        clock,
        files,
        llm,
        sheets: Some(sheets),
        payments,
        mail,
        public_url: config.public_url.clone(),
    }))
}

/// What the environment gives the first start. Errors: `ADMIN_PASSWORD` is missing while nobody can sign in.
async fn seed(config: &Config, app: &App) -> anyhow::Result<()> {
    if config.admin_password.is_none() && !app::access::is_anybody_known(app).await? {
        let sentence = "ADMIN_PASSWORD: is missing; the first start makes the administrator ADMIN_EMAIL with it.";
        return Err(ConfigErrors(vec![sentence.to_owned()]).into());
    }
    let seed = Seed {
        time_zone: String::new(),
        admin_email: Some(config.admin_email.clone()),
        admin_password: config
            .admin_password
            .as_ref()
            .map(|password| password.reveal().to_owned()),
        bot_token: config.crm_api_token.reveal().to_owned(),
        trainer_addresses: config.trainer_telegram_ids.iter().map(ToString::to_string).collect(),
        telegram_bot_username: None,
        templates_spreadsheet_id: config.sheets_templates_id.clone(),
        wording: config.llm.as_ref().map(wording),
        demo_data: config.has_demo_data,
    };
    app::bootstrap::ensure(app, &seed)
        .await
        .context("the installation could not be prepared")?;
    Ok(())
}

async fn open_store(config: &Config) -> anyhow::Result<Store> {
    let vault = Vault::new(&config.master_keys)?;
    Store::open(config.database_url.reveal(), vault)
        .await
        .map_err(|error| match error {
            // Already a sentence that names the key.
            store::Error::Address(_) => ConfigErrors(vec![error.to_string()]).into(),
            other => anyhow::Error::new(other).context("DATABASE_URL: the database can't be used"),
        })
}

/// The way out for letters, if one is configured. Errors: a sentence that names the key.
pub(crate) fn mailer(config: &Config) -> Result<Option<Mailer>, ConfigErrors> {
    match &config.mail {
        Some(mail) => Ok(Some(mail.mailer(extra_pem(config)?.into_iter().collect())?)),
        None => Ok(None),
    }
}

fn extra_pem(config: &Config) -> Result<Option<Vec<u8>>, ConfigErrors> {
    let Some(path) = &config.extra_root_certs else {
        return Ok(None);
    };
    let pem = std::fs::read(path).map_err(|error| {
        ConfigErrors(vec![format!(
            "EXTRA_ROOT_CERTS: {} can't be read: {error}.",
            path.display()
        )])
    })?;
    Ok(Some(pem))
}

fn extra_roots(config: &Config) -> anyhow::Result<Vec<reqwest::Certificate>> {
    let (Some(path), Some(pem)) = (&config.extra_root_certs, extra_pem(config)?) else {
        return Ok(Vec::new());
    };
    let refuse = |reason: String| ConfigErrors(vec![format!("EXTRA_ROOT_CERTS: {} {reason}.", path.display())]);
    let roots =
        reqwest::Certificate::from_pem_bundle(&pem).map_err(|_| refuse("holds no certificates in PEM form".into()))?;
    if roots.is_empty() {
        return Err(refuse("holds no certificates in PEM form".into()).into());
    }
    Ok(roots)
}

/// What `LLM_PROVIDER` and its keys say, as the setting of the first start.
fn wording(settings: &LlmSettings) -> WordingSetting {
    let (provider, base_url, api_key, model, folder_id) = match settings {
        LlmSettings::OpenAi {
            provider,
            base_url,
            api_key,
            model,
        } => (*provider, base_url, api_key, model, ""),
        LlmSettings::Yandex {
            provider,
            base_url,
            api_key,
            folder_id,
            model,
        } => (*provider, base_url, api_key, model, folder_id.as_str()),
    };
    WordingSetting {
        provider,
        base_url: base_url.clone(),
        model: model.clone(),
        api_key: ApiKey::new(api_key.reveal()),
        folder_id: folder_id.to_owned(),
        ..WordingSetting::default()
    }
}

/// SIGTERM from a supervisor, Ctrl-C from a person. Heard from the call on, not from the first poll of the answer:
/// a signal that comes while the process is still starting must stop it cleanly as well.
///
/// Errors: signals can't be heard.
fn stop_signal() -> std::io::Result<impl Future<Output = ()>> {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        let mut terminate = signal(SignalKind::terminate())?;
        let mut interrupt = signal(SignalKind::interrupt())?;
        Ok(async move {
            tokio::select! {
                _ = terminate.recv() => {}
                _ = interrupt.recv() => {}
            }
        })
    }
    #[cfg(not(unix))]
    Ok(async {
        if let Err(error) = tokio::signal::ctrl_c().await {
            tracing::error!(%error, "signals can't be heard");
        }
    })
}
