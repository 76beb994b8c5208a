//! What an owner may change, and the shipped defaults behind it: brand, texts, questions, prices.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use domain::dialogue::{BrandFacts, FaqItem, Tariff};
use domain::ids::{FormId, TenantId};
use domain::language::{Language, Localized};
use domain::questionnaire::Form;
use domain::texts::Texts;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use tokio::time::Instant;

use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};

pub(crate) mod edit;
pub mod payments;
pub mod programs;
pub mod telegram;
pub mod wording;

use wording::WordingSetting;

const TEXTS_RU: &str = include_str!("../../assets/texts/ru.json");
const TEXTS_EN: &str = include_str!("../../assets/texts/en.json");
const QUESTIONNAIRE: &str = include_str!("../../assets/questionnaire.json");
const FAQ: &str = include_str!("../../assets/faq.json");
const TARIFFS: &str = include_str!("../../assets/tariffs.json");

/// A change made on another replica is seen after this long; one made here at once.
const KEPT_FOR: Duration = Duration::from_secs(2);

/// Names of settings.
pub const BRAND: &str = "brand";
pub const BRAND_LOGO: &str = "brand_logo";
pub const FAQ_NAME: &str = "faq";
pub const TEMPLATES: &str = "templates";
pub const WORDING: &str = "wording";

/// Who sells; the setting `brand`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Brand {
    pub name: String,
    pub trainer: String,
    pub contacts: Localized,
    pub privacy_url: String,
    pub terms_url: String,
    pub reply_hours: u32,
    /// `#rrggbb`, for documents.
    pub accent: String,
    pub telegram_bot_username: Option<String>,
    /// The owner's words at the end of documents; empty: none.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub closing: Localized,
    /// On the cover; empty: the usual one.
    #[serde(default, skip_serializing_if = "is_empty")]
    pub document_title: Localized,
}

/// A replica of the release before refuses fields it does not know, so those that say nothing are left out.
const fn is_empty(text: &Localized) -> bool {
    text.ru.is_empty() && text.en.is_empty()
}

/// The owner's logo; the setting `brand_logo`, a version of its own beside the brand's.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BrandLogo {
    /// The picture as documents show it; `None`: taken away.
    pub file: Option<domain::ids::FileId>,
}

impl Default for Brand {
    fn default() -> Self {
        Self {
            name: "Voronka".into(),
            trainer: "Ольга".into(),
            contacts: Localized::new(
                "Телефон: +7 900 000-00-00\nПочта: hello@example.com",
                "Phone: +7 900 000-00-00\nE-mail: hello@example.com",
            ),
            privacy_url: "https://example.com/privacy".into(),
            terms_url: "https://example.com/terms".into(),
            reply_hours: 4,
            accent: "#1f7a5c".into(),
            telegram_bot_username: None,
            closing: Localized::default(),
            document_title: Localized::default(),
        }
    }
}

impl Brand {
    pub fn facts(&self) -> BrandFacts {
        BrandFacts {
            name: self.name.clone(),
            trainer: self.trainer.clone(),
            contacts: self.contacts.clone(),
            privacy_url: self.privacy_url.clone(),
            terms_url: self.terms_url.clone(),
            reply_hours: self.reply_hours,
        }
    }
}

/// Shipped tariffs, for a fresh install.
#[derive(Debug, Clone, Deserialize)]
pub struct ShippedTariff {
    pub code: String,
    pub title: Localized,
    pub description: Localized,
    pub delivery: Localized,
    pub grants: Vec<domain::order::Grant>,
    /// Also offered as an addition to other orders; sold on its own all the same.
    pub is_addon: bool,
    pub price: domain::money::Money,
}

/// Everything a conversation is led by, loaded together.
#[derive(Debug, Clone)]
pub struct Guide {
    texts_ru: Texts,
    texts_en: Texts,
    pub form: Form,
    pub form_version: i64,
    pub brand: Brand,
    pub facts: BrandFacts,
    pub faq: Vec<FaqItem>,
    pub tariffs: Vec<Tariff>,
    pub wording: WordingSetting,
    pub telegram_payments: telegram::TelegramPayments,
    /// Where the owner's logo is kept.
    pub logo: Option<store::StoredFile>,
}

impl Guide {
    pub const fn texts(&self, language: Language) -> &Texts {
        match language {
            Language::Ru => &self.texts_ru,
            Language::En => &self.texts_en,
        }
    }
}

/// Guides of tenants, for as long as they are fresh.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<TenantId, (Instant, Arc<Guide>)>>);

impl Cache {
    fn get(&self, tenant: &TenantId) -> Option<Arc<Guide>> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.get(tenant)
            .filter(|(since, _)| since.elapsed() < KEPT_FOR)
            .map(|(_, guide)| Arc::clone(guide))
    }

    fn put(&self, tenant: &TenantId, guide: Arc<Guide>) {
        self.0
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .insert(tenant.clone(), (Instant::now(), guide));
    }

    fn forget(&self, tenant: &TenantId) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(tenant);
    }
}

/// After a change of settings, texts, questions or prices: the next turn sees it.
pub fn forget(app: &App, tenant: &TenantId) {
    app.texts().forget(tenant);
}

fn shipped<T: DeserializeOwned>(name: &str, json: &str) -> Result<T> {
    serde_json::from_str(json).map_err(|error| Error::internal(format!("the shipped {name} can't be read: {error}")))
}

pub fn shipped_texts(language: Language) -> Result<Texts> {
    match language {
        Language::Ru => shipped("texts/ru.json", TEXTS_RU),
        Language::En => shipped("texts/en.json", TEXTS_EN),
    }
}

pub(crate) fn shipped_form() -> Result<Form> {
    shipped("questionnaire.json", QUESTIONNAIRE)
}

pub(crate) fn shipped_faq() -> Result<Vec<FaqItem>> {
    shipped("faq.json", FAQ)
}

pub(crate) fn shipped_tariffs() -> Result<Vec<ShippedTariff>> {
    shipped("tariffs.json", TARIFFS)
}

pub(crate) fn shipped_form_json() -> &'static str {
    QUESTIONNAIRE
}

/// A setting's value, or `None` when it was never saved.
pub async fn read<T: DeserializeOwned>(tx: &mut store::Tx, name: &str) -> Result<Option<T>> {
    Ok(read_versioned(tx, name).await?.0)
}

/// A setting's value and its version; `None` and 0 when it was never saved.
pub async fn read_versioned<T: DeserializeOwned>(tx: &mut store::Tx, name: &str) -> Result<(Option<T>, i64)> {
    let Some(setting) = tx.find_setting(name).await? else {
        return Ok((None, 0));
    };
    let value = serde_json::from_str(&setting.value)
        .map_err(|error| Error::internal(format!("the setting {name} can't be read: {error}")))?;
    Ok((Some(value), setting.version))
}

/// [`read_versioned`] for somebody who asks for nothing else.
pub(crate) async fn find<T: DeserializeOwned>(app: &App, caller: &Caller, name: &str) -> Result<(Option<T>, i64)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    read_versioned(&mut tx, name).await
}

/// A setting's version; 0 as long as it was never saved.
pub(crate) async fn version_of(tx: &mut store::Tx, name: &str) -> Result<i64> {
    Ok(tx.find_setting(name).await?.map_or(0, |setting| setting.version))
}

/// The tenant's guide, from the cache or the database. Not within a transaction: [`guide_in`] is for that.
pub async fn guide(app: &App, tenant: &TenantId) -> Result<Arc<Guide>> {
    if let Some(guide) = app.texts().get(tenant) {
        return Ok(guide);
    }
    let mut tx = app.tenant(tenant).read().await?;
    guide_in(app, &mut tx).await
}

/// The same where a transaction is at hand: as many as there are connections, each waiting for one more, would wait for
/// each other.
pub(crate) async fn guide_in(app: &App, tx: &mut store::Tx) -> Result<Arc<Guide>> {
    let tenant = tx.tenant_id().clone();
    if let Some(guide) = app.texts().get(&tenant) {
        return Ok(guide);
    }
    let mut texts_ru = shipped_texts(Language::Ru)?;
    let mut texts_en = shipped_texts(Language::En)?;
    for (name, language, body) in tx.text_overrides().await? {
        let texts = match language {
            Language::Ru => &mut texts_ru,
            Language::En => &mut texts_en,
        };
        texts.replace(&name, body);
    }
    let (form, form_version) = match tx.current_form().await? {
        Some(row) => {
            let form = serde_json::from_str(&row.definition)
                .map_err(|error| Error::internal(format!("form {} can't be read: {error}", FormId::clone(&row.id))))?;
            (form, row.version)
        }
        None => (shipped_form()?, 0),
    };
    let brand: Brand = read(tx, BRAND).await?.unwrap_or_default();
    let faq = match read(tx, FAQ_NAME).await? {
        Some(faq) => faq,
        None => shipped_faq()?,
    };
    let tariffs = tx
        .products()
        .await?
        .into_iter()
        .filter(|product| product.is_on_sale(app.now()))
        .map(|product| Tariff {
            id: product.id,
            title: product.title,
            description: product.description,
            delivery: product.delivery,
            price: product.price,
            is_monthly: product.is_monthly,
            is_addon: product.is_addon,
        })
        .collect();
    let wording = read(tx, WORDING).await?.unwrap_or_default();
    let telegram_payments = telegram::TelegramPayments::load(tx).await?;
    let logo = match read::<BrandLogo>(tx, BRAND_LOGO).await?.and_then(|logo| logo.file) {
        Some(file) => tx.find_file(&file).await?,
        None => None,
    };
    let facts = brand.facts();
    let guide = Arc::new(Guide {
        texts_ru,
        texts_en,
        form,
        form_version,
        brand,
        facts,
        faq,
        tariffs,
        wording,
        telegram_payments,
        logo,
    });
    app.texts().put(&tenant, Arc::clone(&guide));
    Ok(guide)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_shipped_can_be_read() {
        assert!(shipped_form().unwrap().validate().is_ok());
        assert!(!shipped_faq().unwrap().is_empty());
        assert!(!shipped_tariffs().unwrap().is_empty());
        assert!(shipped_texts(Language::Ru).is_ok() && shipped_texts(Language::En).is_ok());
    }
}
