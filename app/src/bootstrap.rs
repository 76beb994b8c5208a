//! What a fresh installation needs before anybody can use it. Safe to run at every start.

use domain::ids::TenantId;
use domain::language::Language;
use domain::language::Localized;
use domain::order::{PaymentMode, PaymentSubject, TaxTreatment, Vat};
use domain::pipeline::StageKind;
use store::{FormRow, NewConversation, Product, Stage, Tx};

use crate::access;
use crate::context::App;
use crate::deliver::TELEGRAM;
use crate::error::{Error, Result};
use crate::refresh_templates::{self, TakeChanges, TemplateSource, TemplateTables};
use crate::settings::wording::WordingSetting;
use crate::settings::{self, BRAND, Brand, TEMPLATES, WORDING};

mod demo;

/// What the environment seeds at the first start.
#[derive(Debug, Clone, Default)]
pub struct Seed {
    pub time_zone: String,
    pub admin_email: Option<String>,
    /// Needed until there is an administrator.
    pub admin_password: Option<String>,
    pub bot_token: String,
    pub trainer_addresses: Vec<String>,
    pub telegram_bot_username: Option<String>,
    pub templates_spreadsheet_id: Option<String>,
    /// Who words programmes; `None`: nobody.
    pub wording: Option<WordingSetting>,
    pub demo_data: bool,
}

/// Brings the installation to a usable state and returns its tenant.
///
/// Errors: wrong fields named after the environment's keys.
pub async fn ensure(app: &App, seed: &Seed) -> Result<TenantId> {
    let tenant = first_tenant(app, seed).await?;
    let mut tx = app.tenant(&tenant).write().await?;
    tx.lock_installation().await?;
    let is_fresh = tx.stages().await?.is_empty();
    if is_fresh {
        stages(app, &mut tx).await?;
        form(app, &mut tx).await?;
        products(app, &mut tx).await?;
    }
    settings(app, &mut tx, seed).await?;
    refresh_templates::ensure_shipped(app, &mut tx).await?;
    trainers(app, &mut tx, seed).await?;
    tx.commit().await?;
    if let (Some(email), Some(password)) = (&seed.admin_email, &seed.admin_password) {
        access::ensure_admin(app, &tenant, email, password).await?;
    }
    access::ensure_bot_token(app, &tenant, &seed.bot_token).await?;
    if seed.demo_data && is_fresh {
        demo::fill(app, &tenant).await?;
    }
    settings::forget(app, &tenant);
    Ok(tenant)
}

async fn first_tenant(app: &App, seed: &Seed) -> Result<TenantId> {
    let mut tx = app.store().system().await?;
    tx.lock_installation().await?;
    if let Some(tenant) = tx.tenants().await?.into_iter().next() {
        return Ok(tenant);
    }
    let tenant: TenantId = app.new_id();
    let zone = if seed.time_zone.is_empty() {
        "Europe/Moscow"
    } else {
        &seed.time_zone
    };
    tx.insert_tenant(&tenant, "Voronka", zone, app.now()).await?;
    tx.commit().await?;
    Ok(tenant)
}

async fn stages(app: &App, tx: &mut Tx) -> Result<()> {
    for (position, kind) in StageKind::ALL.iter().copied().enumerate() {
        let (ru, en) = kind.default_titles();
        let stage = Stage {
            id: app.new_id(),
            kind,
            title: Localized::new(ru, en),
            position: i64::try_from(position).unwrap_or(i64::MAX),
            version: 1,
            archived_at: None,
        };
        tx.insert_stage(&stage).await?;
    }
    Ok(())
}

async fn form(app: &App, tx: &mut Tx) -> Result<()> {
    settings::shipped_form()?
        .validate()
        .map_err(|error| Error::internal(format!("the shipped form: {error}")))?;
    let row = FormRow {
        id: app.new_id(),
        version: 1,
        definition: settings::shipped_form_json().to_owned(),
        author: "system".into(),
        created_at: app.now(),
    };
    tx.insert_form(&row).await?;
    Ok(())
}

async fn products(app: &App, tx: &mut Tx) -> Result<()> {
    for (position, tariff) in settings::shipped_tariffs()?.into_iter().enumerate() {
        let product = Product {
            id: app.new_id(),
            code: tariff.code,
            title: tariff.title,
            description: tariff.description,
            delivery: tariff.delivery,
            grants: tariff.grants,
            price: tariff.price,
            is_addon: tariff.is_addon,
            is_monthly: false,
            tax: TaxTreatment {
                vat: Vat::None,
                subject: PaymentSubject::Service,
                mode: PaymentMode::FullPayment,
            },
            active_from: None,
            active_to: None,
            position: i64::try_from(position).unwrap_or(i64::MAX),
            archived_at: None,
            packages: Vec::new(),
            version: 0,
        };
        tx.save_product(&product).await?;
    }
    Ok(())
}

/// The environment only seeds: a setting that exists belongs to the administrator.
async fn settings(app: &App, tx: &mut Tx, seed: &Seed) -> Result<()> {
    let now = app.now();
    let write = |value: serde_json::Result<String>| value.map_err(|error| Error::internal(error.to_string()));
    if tx.find_setting(BRAND).await?.is_none() {
        let brand = Brand {
            telegram_bot_username: seed.telegram_bot_username.clone(),
            ..Brand::default()
        };
        tx.save_setting(BRAND, &write(serde_json::to_string(&brand))?, 0, now)
            .await?;
    }
    if let Some(wording) = &seed.wording
        && tx.find_setting(WORDING).await?.is_none()
    {
        tx.save_setting(WORDING, &write(serde_json::to_string(wording))?, 0, now)
            .await?;
    }
    if let Some(spreadsheet_id) = &seed.templates_spreadsheet_id
        && tx.find_setting(TEMPLATES).await?.is_none()
    {
        let sheets = TemplateSource {
            tables: Some(TemplateTables::of_spreadsheet(spreadsheet_id)),
            take_changes: TakeChanges::default(),
        };
        tx.save_setting(TEMPLATES, &write(serde_json::to_string(&sheets))?, 0, now)
            .await?;
    }
    Ok(())
}

async fn trainers(app: &App, tx: &mut Tx, seed: &Seed) -> Result<()> {
    for address in &seed.trainer_addresses {
        let conversation = NewConversation {
            channel: TELEGRAM.to_owned(),
            address: address.clone(),
            client: None,
            is_trainer: true,
            language: Language::Ru,
            known_as: String::new(),
            now: app.now(),
        };
        let is_client = !tx.insert_conversation(&conversation).await?
            && tx
                .lock_conversation(TELEGRAM, address)
                .await?
                .is_some_and(|known| !known.is_trainer);
        // Somebody pressed Start to learn their id before the owner wrote it down.
        if is_client {
            tx.make_trainer(TELEGRAM, address, app.now()).await?;
        }
    }
    Ok(())
}
