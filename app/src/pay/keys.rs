//! Whose keys serve: those an owner has saved, before those of the environment.
//!
//! The setting `payment_keys` is sealed like every setting. It is read anew every two seconds, so a change is in force on
//! every replica without a restart.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::ids::TenantId;
use domain::language::Language;
use providers::payments::PaymentProvider;
use serde::{Deserialize, Serialize};
use store::Tx;
use tokio::time::Instant;

use super::Providers;
use crate::context::App;
use crate::error::{Error, Result};
use crate::settings;

/// The setting's name.
pub const PAYMENT_KEYS: &str = "payment_keys";

/// A change made on another replica is seen after this long; one made here at once.
const KEPT_FOR: Duration = Duration::from_secs(2);

/// One thing an owner enters to let a provider work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Field {
    /// As the API names it.
    pub name: &'static str,
    pub is_secret: bool,
    pub is_required: bool,
}

/// What was entered, by the field's name. Secrets among it: it has no `Debug` of its own.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Values(pub BTreeMap<String, String>);

impl std::fmt::Debug for Values {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_set().entries(self.0.keys()).finish()
    }
}

impl Values {
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str)
    }
}

/// The saved keys by the provider's code.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct PaymentKeys(pub BTreeMap<String, Values>);

/// A field and a sentence about it.
pub type WrongField = (&'static str, String);

/// Makes an adapter of what an owner has entered.
pub trait Maker: Send + Sync + std::fmt::Debug {
    fn code(&self) -> &'static str;

    fn title(&self, language: Language) -> &'static str;

    fn fields(&self) -> &'static [Field];

    /// Errors: every field of a wrong form.
    fn make(&self, values: &Values) -> Result<Arc<dyn PaymentProvider>, Vec<WrongField>>;
}

/// Tenants' providers, for as long as they are fresh.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<TenantId, (Instant, Arc<Providers>)>>);

impl Cache {
    fn get(&self, tenant: &TenantId) -> Option<Arc<Providers>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(tenant)
            .filter(|(since, _)| since.elapsed() < KEPT_FOR)
            .map(|(_, providers)| Arc::clone(providers))
    }

    fn put(&self, tenant: &TenantId, providers: Arc<Providers>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant.clone(), (Instant::now(), providers));
    }
}

/// After a change of the keys: the next payment sees it.
pub(crate) fn forget(app: &App, tenant: &TenantId) {
    let mut kept = app.payment_keys().0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.remove(tenant);
}

/// The tenant's providers. Not within a transaction: [`providers_in`] is for that.
pub async fn providers(app: &App, tenant: &TenantId) -> Result<Arc<Providers>> {
    if let Some(kept) = app.payment_keys().get(tenant) {
        return Ok(kept);
    }
    let mut tx = app.tenant(tenant).read().await?;
    providers_in(app, &mut tx).await
}

/// The same where a transaction is at hand.
pub(crate) async fn providers_in(app: &App, tx: &mut Tx) -> Result<Arc<Providers>> {
    let tenant = tx.tenant_id().clone();
    if let Some(kept) = app.payment_keys().get(&tenant) {
        return Ok(kept);
    }
    let keys: PaymentKeys = settings::read(tx, PAYMENT_KEYS).await?.unwrap_or_default();
    let providers = Arc::new(app.payment_providers().with_keys(&keys));
    app.payment_keys().put(&tenant, Arc::clone(&providers));
    Ok(providers)
}

/// Codes of the providers whose keys are saved.
pub async fn saved(app: &App, tenant: &TenantId) -> Result<Vec<&'static str>> {
    let mut tx = app.tenant(tenant).read().await?;
    let keys: PaymentKeys = settings::read(&mut tx, PAYMENT_KEYS).await?.unwrap_or_default();
    let makers = app.payment_providers().makers().iter();
    Ok(makers
        .map(|maker| maker.code())
        .filter(|code| keys.0.contains_key(*code))
        .collect())
}

/// The provider of a payment. Errors: a conflict `provider_missing` when it is not configured any more.
pub(crate) async fn provider(app: &App, tenant: &TenantId, code: &str) -> Result<Arc<dyn PaymentProvider>> {
    let found = providers(app, tenant).await?;
    named(&found, code)
}

/// The same where a transaction is at hand.
pub(crate) async fn provider_in(app: &App, tx: &mut Tx, code: &str) -> Result<Arc<dyn PaymentProvider>> {
    let found = providers_in(app, tx).await?;
    named(&found, code)
}

fn named(providers: &Providers, code: &str) -> Result<Arc<dyn PaymentProvider>> {
    providers.find(code).cloned().ok_or_else(|| {
        Error::conflict(
            "provider_missing",
            format!("the payment provider {code} is not configured"),
        )
    })
}

impl Providers {
    /// What an owner may enter keys for.
    #[must_use]
    pub fn with_makers(mut self, makers: Vec<Arc<dyn Maker>>) -> Self {
        self.makers = makers;
        self
    }

    pub fn makers(&self) -> &[Arc<dyn Maker>] {
        &self.makers
    }

    /// Saved keys win over the environment's; a provider that has neither is not there. Keys that can't be used any more
    /// take their provider away: money must not go to another shop by mistake.
    fn with_keys(&self, keys: &PaymentKeys) -> Self {
        let mut all = self.all.clone();
        for maker in &self.makers {
            let Some(values) = keys.0.get(maker.code()) else {
                continue;
            };
            let place = all.iter().position(|provider| provider.code() == maker.code());
            match (maker.make(values), place) {
                (Ok(made), Some(place)) => {
                    if let Some(old) = all.get_mut(place) {
                        *old = made;
                    }
                }
                (Ok(made), None) => all.push(made),
                (Err(wrong), place) => {
                    let fields: Vec<&str> = wrong.iter().map(|(field, _)| *field).collect();
                    tracing::error!(provider = maker.code(), ?fields, "saved keys can't be used");
                    if let Some(place) = place {
                        all.remove(place);
                    }
                }
            }
        }
        Self { all, ..self.clone() }
    }
}
