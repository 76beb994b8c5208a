//! The template tables: looked at in Google Sheets, kept as snapshots, with the shipped ones behind them.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use domain::content::{Content, Span, Style};
use domain::ids::TenantId;
use domain::language::Language;
use programs::templates::Templates;
use providers::sheets::{SheetAddress, Sheets};
use sha2::{Digest, Sha256};
use store::NewSnapshot;

use crate::context::App;
use crate::deliver::notify_trainers;
use crate::error::{Error, Result};
use crate::settings::{self, TEMPLATES, TemplateSheets};
use crate::work::Task;

pub const JOB: &str = "refresh_templates";

/// How many wrong cells a notice names; the rest is one sheet doctor away.
const NAMED_ERRORS: usize = 5;

/// Parsed templates of tenants, by the hash of their content.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<HashMap<TenantId, (String, Arc<Templates>)>>);

/// The templates in force: the newest good snapshot, else the shipped ones.
pub async fn current(app: &App, tenant: &TenantId) -> Result<Arc<Templates>> {
    let mut tx = app.tenant(tenant).read().await?;
    let Some(hash) = tx.latest_snapshot_hash().await? else {
        return shipped();
    };
    if let Some((known, templates)) = app
        .templates()
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(tenant)
        && *known == hash
    {
        return Ok(Arc::clone(templates));
    }
    let Some(snapshot) = tx.latest_snapshot().await? else {
        return shipped();
    };
    drop(tx);
    let parsed = parse(snapshot.men, snapshot.women, snapshot.exercises).await?;
    let Ok(templates) = parsed else {
        // It was good when it was kept; a newer program that reads more strictly must not leave clients without one.
        tracing::warn!(snapshot.id = %snapshot.id, "a kept snapshot can't be read any more; the shipped templates serve");
        return shipped();
    };
    let templates = Arc::new(templates);
    let mut cache = app.templates().0.lock().unwrap_or_else(PoisonError::into_inner);
    cache.insert(tenant.clone(), (hash, Arc::clone(&templates)));
    Ok(templates)
}

fn shipped() -> Result<Arc<Templates>> {
    Templates::shipped().map_err(|_| Error::internal("the shipped templates can't be read"))
}

type Parsed = std::result::Result<Templates, programs::table::ImportErrors>;

/// Off the async threads: three tables of thousands of rows.
async fn parse(men: Vec<u8>, women: Vec<u8>, exercises: Vec<u8>) -> Result<Parsed> {
    tokio::task::spawn_blocking(move || Templates::from_csv(&men, &women, &exercises))
        .await
        .map_err(|_| Error::internal("reading the templates broke off"))
}

/// Looks at the sheet. A bad day of the sheet changes nothing for clients: the last good snapshot serves, the trainer is
/// told once what is wrong.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let mut tx = app.tenant(&task.tenant).read().await?;
    let address: Option<TemplateSheets> = settings::read(&mut tx, TEMPLATES).await?;
    drop(tx);
    let (Some(sheets), Some(address)) = (app.sheets(), address) else {
        return finish(app, task, None, None).await;
    };
    let [men, women, exercises] = match fetch(sheets, &address).await {
        Ok(tables) => tables,
        Err(error) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                "the sheet of templates can't be read"
            );
            let is_worth_a_word = !matches!(
                error,
                providers::sheets::Error::Timeout
                    | providers::sheets::Error::Unreachable(_)
                    | providers::sheets::Error::Busy(_)
            );
            return finish(
                app,
                task,
                None,
                is_worth_a_word.then(|| Trouble::both(&error.to_string())),
            )
            .await;
        }
    };
    match parse(men.clone(), women.clone(), exercises.clone()).await? {
        Ok(templates) => {
            let snapshot = NewSnapshot {
                id: app.new_id(),
                source: "sheet",
                content_hash: templates.version.clone(),
                men,
                women,
                exercises,
                now: app.now(),
            };
            finish(app, task, Some(snapshot), None).await
        }
        Err(errors) => {
            tracing::warn!(errors = errors.errors.len(), "the sheet of templates has wrong cells");
            let list = |language: Language| {
                errors
                    .errors
                    .iter()
                    .take(NAMED_ERRORS)
                    .map(|error| error.message(language))
                    .collect::<Vec<_>>()
                    .join("\n")
            };
            finish(
                app,
                task,
                None,
                Some(Trouble {
                    ru: list(Language::Ru),
                    en: list(Language::En),
                }),
            )
            .await
        }
    }
}

/// What is wrong with the sheet, in both languages.
struct Trouble {
    ru: String,
    en: String,
}

impl Trouble {
    fn both(text: &str) -> Self {
        Self {
            ru: text.to_owned(),
            en: text.to_owned(),
        }
    }

    fn content(&self, language: Language) -> Content {
        let (title, body, tail) = match language {
            Language::Ru => (
                "⚠️ Таблица программ с ошибкой",
                &self.ru,
                "Клиентам служит последняя исправная версия.",
            ),
            Language::En => (
                "⚠️ The table of programmes has an error",
                &self.en,
                "Clients get the last good version.",
            ),
        };
        Content::text(vec![
            Span {
                text: title.to_owned(),
                style: Style::Bold,
            },
            Span {
                text: format!("\n\n{body}\n\n{tail}"),
                style: Style::Plain,
            },
        ])
    }
}

async fn fetch(
    sheets: &Sheets,
    address: &TemplateSheets,
) -> std::result::Result<[Vec<u8>; 3], providers::sheets::Error> {
    let tab = |gid| SheetAddress {
        spreadsheet_id: address.spreadsheet_id.clone(),
        gid,
    };
    let men = sheets.fetch(&tab(address.men_gid)).await?;
    let women = sheets.fetch(&tab(address.women_gid)).await?;
    let exercises = sheets.fetch(&tab(address.exercises_gid)).await?;
    Ok([men.to_vec(), women.to_vec(), exercises.to_vec()])
}

async fn finish(app: &App, task: &Task, snapshot: Option<NewSnapshot>, trouble: Option<Trouble>) -> Result<()> {
    let now = app.now();
    let mut tx = app.tenant(&task.tenant).write().await?;
    if let Some(snapshot) = &snapshot
        && tx.latest_snapshot_hash().await?.as_deref() != Some(snapshot.content_hash.as_str())
    {
        tx.keep_snapshot(snapshot).await?;
        tracing::info!(hash = snapshot.content_hash, "new templates are in force");
    }
    if let Some(trouble) = &trouble {
        // The same trouble is told once a day.
        let digest = data_encoding::HEXLOWER.encode(&Sha256::digest(trouble.en.as_bytes()));
        let day = now.millis() / 86_400_000;
        let key = format!("templates:{day}:{digest}");
        notify_trainers(app, &mut tx, None, "notice", Some(&key), &task.request_id, |language| {
            trouble.content(language)
        })
        .await?;
    }
    tx.finish_job(&task.lease, now).await?;
    tx.commit().await?;
    if trouble.is_some() {
        app.wake_deliveries();
    }
    Ok(())
}
