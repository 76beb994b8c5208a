//! What every verb works with.

use std::sync::{Arc, OnceLock};

use domain::ids::{Id, TenantId};
use domain::time::Timestamp;
use providers::files::FileStore;
use providers::llm::Llm;
use providers::mail::Mailer;
use providers::sheets::Sheets;
use store::{Store, Tenant};
use tokio::sync::{Notify, Semaphore};

use crate::clock::Clock;

/// The parts a process is composed of; `main` makes them from its configuration.
#[derive(Debug)]
pub struct Parts {
    pub store: Store,
    pub clock: Clock,
    pub files: FileStore,
    /// The way out to language models; whom to ask is a setting. `None`: programmes go out in the plain wording.
    pub llm: Option<Llm>,
    /// `None`: the shipped templates serve.
    pub sheets: Option<Sheets>,
    pub payments: crate::pay::Providers,
    /// `None`: no letters are written, and none are promised.
    pub mail: Option<Mailer>,
    /// Where the outside world finds us, for links in messages.
    pub public_url: url::Url,
}

/// Drawing is work for a core; the rest of the process wants one as well.
const PREVIEWS: usize = 2;

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct App(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    parts: Parts,
    jobs: Notify,
    long_jobs: Notify,
    deliveries: Notify,
    templates: crate::refresh_templates::Cache,
    texts: crate::settings::Cache,
    logos: crate::draw_program::Logos,
    previews: Semaphore,
    replicas: crate::deliver::Replicas,
    credentials: crate::credentials::Cache,
    payment_keys: crate::pay::keys::Cache,
    intake: crate::pay::intake::Intake,
    instance: OnceLock<String>,
}

impl App {
    pub fn new(parts: Parts) -> Self {
        Self(Arc::new(Inner {
            parts,
            jobs: Notify::new(),
            long_jobs: Notify::new(),
            deliveries: Notify::new(),
            templates: crate::refresh_templates::Cache::default(),
            texts: crate::settings::Cache::default(),
            logos: crate::draw_program::Logos::default(),
            previews: Semaphore::new(PREVIEWS),
            replicas: crate::deliver::Replicas::default(),
            credentials: crate::credentials::Cache::default(),
            payment_keys: crate::pay::keys::Cache::default(),
            intake: crate::pay::intake::Intake::default(),
            instance: OnceLock::new(),
        }))
    }

    pub fn store(&self) -> &Store {
        &self.0.parts.store
    }

    pub fn tenant(&self, id: &TenantId) -> Tenant {
        self.0.parts.store.tenant(id)
    }

    pub fn clock(&self) -> &Clock {
        &self.0.parts.clock
    }

    pub fn now(&self) -> Timestamp {
        self.0.parts.clock.now()
    }

    /// The machine's time, for leases and signs of life; see [`Clock`].
    pub fn process_now(&self) -> Timestamp {
        self.0.parts.clock.process_now()
    }

    /// The name of this process in its leases: a mere random one unless it has taken a slot ([`crate::work::take_slot`]).
    pub fn instance(&self) -> &str {
        self.0.instance.get_or_init(crate::work::random_run)
    }

    /// False when this process has a name already.
    pub(crate) fn set_instance(&self, name: String) -> bool {
        self.0.instance.set(name).is_ok()
    }

    pub fn new_id<T: Id>(&self) -> T {
        self.0.parts.clock.new_id()
    }

    pub fn files(&self) -> &FileStore {
        &self.0.parts.files
    }

    pub fn llm(&self) -> Option<&Llm> {
        self.0.parts.llm.as_ref()
    }

    pub fn sheets(&self) -> Option<&Sheets> {
        self.0.parts.sheets.as_ref()
    }

    /// Those the environment has keys for; a tenant's own are found by [`crate::pay::keys::providers`].
    pub fn payment_providers(&self) -> &crate::pay::Providers {
        &self.0.parts.payments
    }

    pub fn mailer(&self) -> Option<&Mailer> {
        self.0.parts.mail.as_ref()
    }

    pub fn public_url(&self) -> &url::Url {
        &self.0.parts.public_url
    }

    pub(crate) fn templates(&self) -> &crate::refresh_templates::Cache {
        &self.0.templates
    }

    pub(crate) fn replicas(&self) -> &crate::deliver::Replicas {
        &self.0.replicas
    }

    pub(crate) fn credentials(&self) -> &crate::credentials::Cache {
        &self.0.credentials
    }

    pub(crate) fn payment_keys(&self) -> &crate::pay::keys::Cache {
        &self.0.payment_keys
    }

    pub(crate) fn logos(&self) -> &crate::draw_program::Logos {
        &self.0.logos
    }

    /// A place for each preview that may be drawn at the same time.
    pub(crate) fn previews(&self) -> &Semaphore {
        &self.0.previews
    }

    pub(crate) fn texts(&self) -> &crate::settings::Cache {
        &self.0.texts
    }

    pub(crate) fn intake(&self) -> &crate::pay::intake::Intake {
        &self.0.intake
    }

    /// Tells the workers of this process that a job was committed.
    pub fn wake_workers(&self) {
        self.0.jobs.notify_one();
        self.0.long_jobs.notify_one();
    }

    /// Tells waiting bots that something was queued for them.
    pub fn wake_deliveries(&self) {
        self.0.deliveries.notify_waiters();
    }

    pub(crate) fn jobs_signal(&self) -> &Notify {
        &self.0.jobs
    }

    pub(crate) fn long_jobs_signal(&self) -> &Notify {
        &self.0.long_jobs
    }

    pub(crate) fn deliveries_signal(&self) -> &Notify {
        &self.0.deliveries
    }
}
