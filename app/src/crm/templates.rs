//! The template tables: where they are kept, which version serves, and what a change would change.

pub mod reports;

use std::time::Duration;

use domain::ids::{RequestId, SnapshotId};
use domain::language::Language;
use programs::table::ImportErrors;
use programs::templates::Difference;
use providers::sheets::{AddressError, Document, Pasted, SheetAddress};
use serde_json::json;
use store::{PageOf, PageRequest, SheetLook, Snapshot, SnapshotState};

use super::check_cursor;
use crate::access::audit;
use crate::refresh_templates::change::{self, Applied};
use crate::refresh_templates::{
    self, JOB, Raw, Seen, Table, TakeChanges, TemplateSource, TemplateTables, Trouble, in_force, read_source, see,
    templates_of, weigh,
};
use crate::settings::{self, TEMPLATES};
use crate::work;
use crate::{App, Caller, Error, FieldProblem, Result};

/// Whoever saves an address waits for the answer: shorter than a request may take.
const PROBE: Duration = Duration::from_secs(25);
/// A table of 20,000 rows is about 2 MB.
pub const MAX_TABLE_BYTES: usize = 8 * 1024 * 1024;

/// The setting as it is shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceView {
    pub source: TemplateSource,
    /// Where a person opens each table; `None` without a sheet.
    pub links: Option<[String; 3]>,
    pub version: i64,
    /// What saving found; `None` where nothing was looked at.
    pub found: Option<Found>,
}

/// What becomes of tables that were just read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    pub applied: Applied,
    pub difference: Difference,
}

/// The addresses as somebody pasted them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedSource {
    /// The document; tables may name a tab of it by number.
    pub address: Option<String>,
    pub men: Option<String>,
    pub women: Option<String>,
    pub exercises: Option<String>,
    pub take_changes: TakeChanges,
}

/// Why tables were not taken.
#[derive(Debug)]
pub enum Refusal {
    Cells(ImportErrors),
    Away(Trouble),
    Other(Error),
}

impl From<Error> for Refusal {
    fn from(error: Error) -> Self {
        Self::Other(error)
    }
}

impl From<store::Error> for Refusal {
    fn from(error: store::Error) -> Self {
        Self::Other(error.into())
    }
}

/// The setting and its version; 0 as long as nothing was saved.
pub async fn find_source(app: &App, caller: &Caller) -> Result<SourceView> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let (source, version) = read_source(&mut tx).await?;
    Ok(view(app, source, version, None))
}

fn view(app: &App, source: TemplateSource, version: i64, found: Option<Found>) -> SourceView {
    let links = source.tables.as_ref().zip(app.sheets()).map(|(tables, sheets)| {
        [&tables.men, &tables.women, &tables.exercises].map(|table| table.web_address(sheets.base_url()))
    });
    SourceView {
        source,
        links,
        version,
        found,
    }
}

/// Saves where the tables are and how their changes are taken. Other tables than before are read at once.
///
/// Errors: `Invalid` with every address that is not understood, in `language`; `VersionConflict`; wrong cells and sheets
/// that can't be read, with nothing saved.
pub async fn save_source(
    app: &App,
    caller: &Caller,
    version: i64,
    wanted: &WantedSource,
    language: Language,
) -> Result<SourceView, Refusal> {
    let source = TemplateSource {
        tables: understand(app, wanted, language)?,
        take_changes: wanted.take_changes,
    };
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let (before, found_version) = read_source(&mut tx).await?;
    drop(tx);
    if found_version != version {
        return Err(Error::VersionConflict { what: "setting" }.into());
    }
    let by = caller.actor.to_string();
    let change = match (&source.tables, app.sheets()) {
        (Some(tables), Some(sheets)) if before.tables.as_ref() != Some(tables) => {
            let seen = tokio::time::timeout(PROBE, see(app, &caller.tenant, sheets, tables, None, &by)).await;
            match seen.unwrap_or_else(|_| Ok(Seen::Away(slow())))? {
                Seen::Good { hash, change } => Some((hash, change)),
                Seen::Wrong { errors, .. } => return Err(Refusal::Cells(errors)),
                Seen::Away(trouble) => return Err(Refusal::Away(trouble)),
                Seen::Same | Seen::Moving => {
                    return Err(Error::conflict(
                        "sheet_is_edited",
                        "somebody is editing the sheet right now: save again when they are done",
                    )
                    .into());
                }
            }
        }
        _ => None,
    };
    let guide = settings::guide(app, &caller.tenant).await?;
    let value = serde_json::to_string(&source)
        .map_err(|error| Error::internal(format!("the setting can't be written: {error}")))?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.lock_templates().await?;
    tx.save_setting(TEMPLATES, &value, version, app.now()).await?;
    let found = match change {
        Some((hash, change)) => {
            let mut look = tx.sheet_look().await?;
            refresh_templates::well(app, &mut tx, &guide, &caller.request_id, &mut look, hash).await?;
            tx.save_sheet_look(&look).await?;
            let take = source.take_changes;
            let applied = change::apply(app, &mut tx, &guide, &change, take, &by, &caller.request_id).await?;
            Some(Found {
                applied,
                difference: change.difference,
            })
        }
        None if source.tables.is_none() => {
            // Trouble of a sheet that is not used any more is nobody's.
            tx.save_sheet_look(&SheetLook::default()).await?;
            None
        }
        None => None,
    };
    let details = json!({ "version": version + 1, "has_sheet": source.tables.is_some() });
    tx.record_audit(&audit(app, caller, "settings.saved", TEMPLATES, details))
        .await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(view(app, source, version + 1, found))
}

fn slow() -> Trouble {
    Trouble::away(Table::Men, &providers::sheets::Error::Timeout)
}

/// The addresses as places. `None`: no sheet at all.
fn understand(app: &App, wanted: &WantedSource, language: Language) -> Result<Option<TemplateTables>> {
    let tables = [
        (Table::Men, &wanted.men),
        (Table::Women, &wanted.women),
        (Table::Exercises, &wanted.exercises),
    ];
    let is_blank = |text: &Option<String>| text.as_deref().is_none_or(|text| text.trim().is_empty());
    if is_blank(&wanted.address) && tables.iter().all(|(_, text)| is_blank(text)) {
        return Ok(None);
    }
    let Some(sheets) = app.sheets() else {
        return Err(Error::conflict(
            "no_sheets",
            "this installation has no access to Google Sheets: upload the tables instead",
        ));
    };
    let mut problems: Vec<FieldProblem> = Vec::new();
    let mut refuse = |field: &'static str, error: AddressError| {
        problems.push(FieldProblem::new(field, error.code(), error.message(language)));
    };
    let document = match wanted.address.as_deref().filter(|text| !text.trim().is_empty()) {
        None => None,
        Some(text) => match Pasted::parse(text, sheets.base_url()) {
            Ok(pasted) => Some(pasted.document),
            Err(error) => {
                refuse("address", error);
                // One wrong address is said once; its tabs are looked at as if it were right.
                Some(Document::Shared("0".repeat(MIN_ID)))
            }
        },
    };
    let mut read = Vec::new();
    for (table, text) in tables {
        match SheetAddress::of_table(
            text.as_deref().unwrap_or_default(),
            document.as_ref(),
            sheets.base_url(),
        ) {
            Ok(address) => read.push((table, address)),
            Err(error) => refuse(table.code(), error),
        }
    }
    let mut doubles = Vec::new();
    for (index, (table, address)) in read.iter().enumerate() {
        if let Some((earlier, _)) = read.iter().take(index).find(|(_, known)| known == address) {
            doubles.push((*table, *earlier));
        }
    }
    for (table, earlier) in doubles {
        let message = match language {
            Language::Ru => format!(
                "Это тот же лист, что и «{}». Откройте нужный лист и скопируйте его адрес: в нём есть gid= и число.",
                earlier.sheet()
            ),
            Language::En => format!(
                "This is the same tab as \"{}\". Open the right tab and copy its address: it has gid= and a number.",
                earlier.sheet()
            ),
        };
        problems.push(FieldProblem::new(table.code(), "same_tab", message));
    }
    if !problems.is_empty() {
        return Err(Error::Invalid(problems));
    }
    let mut read = read.into_iter().map(|(_, address)| address);
    match (read.next(), read.next(), read.next()) {
        (Some(men), Some(women), Some(exercises)) => Ok(Some(TemplateTables { men, women, exercises })),
        _ => Err(Error::internal("three tables were understood")),
    }
}

/// As long as an id has to be.
const MIN_ID: usize = 20;

/// Looks at the sheet soon, without waiting for the next tick.
///
/// Errors: a conflict `no_sheet` when none is set.
pub async fn look(app: &App, caller: &Caller) -> Result<()> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    if read_source(&mut tx).await?.0.tables.is_none() {
        return Err(Error::conflict(
            "no_sheet",
            "no sheet is set; PUT /api/settings/templates sets one",
        ));
    }
    let job = work::job(app, JOB, None, &json!({}), &caller.request_id)?;
    tx.enqueue_job(&job).await?;
    tx.record_audit(&audit(app, caller, "templates.looked_at", TEMPLATES, json!({})))
        .await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(())
}

/// Newest first.
///
/// Errors: `Invalid` names `cursor`.
pub async fn list(app: &App, caller: &Caller, page: &PageRequest) -> Result<PageOf<Snapshot>> {
    check_cursor::<SnapshotId>(page)?;
    Ok(app.tenant(&caller.tenant).read().await?.list_snapshots(page).await?)
}

/// A version, how many programmes were made from it, and what it has otherwise than the one in force.
///
/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &SnapshotId) -> Result<(Snapshot, i64, Option<Difference>)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let version = tx.find_snapshot(id).await?.ok_or(NO_VERSION)?;
    let programs = tx.programs_of_content(&version.content_hash).await?;
    drop(tx);
    let difference = match difference_to(app, caller, &version).await {
        Ok(difference) => Some(difference),
        Err(Error::Conflict { .. }) => None,
        Err(error) => return Err(error),
    };
    Ok((version, programs, difference))
}

const NO_VERSION: Error = Error::NotFound { what: "version" };

/// What would change if this version served.
async fn difference_to(app: &App, caller: &Caller, version: &Snapshot) -> Result<Difference> {
    let (_, serving) = in_force(app, &caller.tenant).await?;
    let other = templates_of(app, &caller.tenant, version).await?;
    tokio::task::spawn_blocking(move || programs::templates::difference(&serving, &other))
        .await
        .map_err(|_| Error::internal("comparing the templates broke off"))
}

/// The version that waits for a decision and what it would change.
///
/// Errors: a conflict `version_unreadable` for one that a stricter program can't read any more.
pub async fn pending(app: &App, caller: &Caller) -> Result<Option<(Snapshot, Difference)>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let Some(version) = tx.pending_snapshot().await? else {
        return Ok(None);
    };
    drop(tx);
    let difference = difference_to(app, caller, &version).await?;
    Ok(Some((version, difference)))
}

/// One table of a version as CSV.
///
/// Errors: `NotFound`.
pub async fn table(app: &App, caller: &Caller, id: &SnapshotId, table: Table) -> Result<(Snapshot, Vec<u8>)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let version = tx.find_snapshot(id).await?.ok_or(NO_VERSION)?;
    let tables = tx.snapshot_tables(id).await?.ok_or(NO_VERSION)?;
    drop(tx);
    let packed = match table {
        Table::Men => tables.men,
        Table::Women => tables.women,
        Table::Exercises => tables.exercises,
    };
    let csv = tokio::task::spawn_blocking(move || packed.open())
        .await
        .map_err(|_| Error::internal("unpacking a table broke off"))??;
    Ok((version, csv))
}

/// Lets any version serve: a waiting one, or an older one again. The one it replaces stays and can be brought back.
///
/// Errors: `NotFound`; a conflict `version_unreadable` for one that a stricter program can't read any more.
pub async fn use_version(app: &App, caller: &Caller, id: &SnapshotId) -> Result<Snapshot> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let version = tx.find_snapshot(id).await?.ok_or(NO_VERSION)?;
    drop(tx);
    // Whether it can be read shows before clients depend on it.
    templates_of(app, &caller.tenant, &version).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.lock_templates().await?;
    let before = tx.snapshot_in_force().await?;
    if before.as_ref().is_none_or(|serving| serving.id != *id) {
        tx.put_in_force(id, &caller.actor.to_string(), app.now()).await?;
    }
    let details = json!({
        "number": version.number,
        "before": before.map(|serving| serving.number),
    });
    tx.record_audit(&audit(app, caller, "templates.used", id.as_ref(), details))
        .await?;
    let version = tx.find_snapshot(id).await?.ok_or(NO_VERSION)?;
    tx.commit().await?;
    Ok(version)
}

/// Turns the waiting version down.
///
/// Errors: `NotFound`; a conflict `not_pending` when it does not wait (any more).
pub async fn reject(app: &App, caller: &Caller, id: &SnapshotId) -> Result<Snapshot> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.lock_templates().await?;
    let version = tx.find_snapshot(id).await?.ok_or(NO_VERSION)?;
    if version.state != SnapshotState::Pending {
        return Err(Error::conflict(
            "not_pending",
            "this version does not wait for a decision",
        ));
    }
    tx.reject_pending(id, &caller.actor.to_string(), app.now()).await?;
    tx.record_audit(&audit(app, caller, "templates.rejected", id.as_ref(), json!({})))
        .await?;
    let version = tx.find_snapshot(id).await?.ok_or(NO_VERSION)?;
    tx.commit().await?;
    Ok(version)
}

/// Tables from files, one or all three; the rest comes from the version in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Upload {
    pub men: Option<Vec<u8>>,
    pub women: Option<Vec<u8>>,
    pub exercises: Option<Vec<u8>>,
}

/// Reads uploaded tables and takes them or asks the trainers, as the tenant sets it.
///
/// Errors: `Invalid` without a table; wrong cells, with nothing kept.
pub async fn upload(app: &App, caller: &Caller, upload: Upload) -> Result<Found, Refusal> {
    if upload == Upload::default() {
        return Err(Error::invalid("men", "required", "send one table at least: men, women or exercises").into());
    }
    let raw = complete(app, caller, upload).await?;
    let by = caller.actor.to_string();
    let change = weigh(app, &caller.tenant, raw, "upload", &by)
        .await?
        .map_err(Refusal::Cells)?;
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.lock_templates().await?;
    let take = read_source(&mut tx).await?.0.take_changes;
    let request_id: &RequestId = &caller.request_id;
    let applied = change::apply(app, &mut tx, &guide, &change, take, &by, request_id).await?;
    let version = applied.snapshot();
    let details = json!({ "number": version.number });
    tx.record_audit(&audit(app, caller, "templates.uploaded", version.id.as_ref(), details))
        .await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(Found {
        applied,
        difference: change.difference,
    })
}

async fn complete(app: &App, caller: &Caller, upload: Upload) -> Result<Raw> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let serving = tx.snapshot_in_force().await?;
    let tables = match &serving {
        Some(version) => tx.snapshot_tables(&version.id).await?,
        None => None,
    };
    drop(tx);
    tokio::task::spawn_blocking(move || {
        let [men, women, exercises] = match tables {
            Some(tables) => [tables.men.open()?, tables.women.open()?, tables.exercises.open()?],
            None => match programs::templates::shipped() {
                [men, women, exercises] => [men, women, exercises].map(|table| table.csv.to_vec()),
                _ => return Err(Error::internal("there are three shipped tables")),
            },
        };
        Ok(Raw {
            men: upload.men.unwrap_or(men),
            women: upload.women.unwrap_or(women),
            exercises: upload.exercises.unwrap_or(exercises),
        })
    })
    .await
    .map_err(|_| Error::internal("unpacking the tables broke off"))?
}
