//! The template tables: looked at in Google Sheets, kept as numbered versions, with the shipped ones behind them.
//!
//! A look that finds a good change takes it or asks the trainers, as the tenant sets it. A bad day of the sheet changes
//! nothing for clients: the version in force serves, and the trainers are told what is wrong.

pub mod change;
mod kept;
mod source;

use domain::content::{Content, rich};
use domain::ids::TenantId;
use domain::language::Language;
use programs::table::ImportErrors;
use programs::templates::Templates;
use providers::sheets::{SheetAddress, Sheets};
use sha2::{Digest, Sha256};
use store::{NewSnapshot, Packed, SheetLook, SnapshotTables, Tx};

use crate::context::App;
use crate::deliver::notify_trainers;
use crate::error::{Error, Result};
use crate::settings::{self, Guide, TEMPLATES};
use crate::work::Task;
use change::Change;

pub use kept::current;
pub(crate) use kept::{Cache, ensure_shipped, in_force, templates_of};
pub use source::{Table, TakeChanges, TemplateSource, TemplateTables, Trouble};

pub const JOB: &str = "refresh_templates";

/// How many wrong cells a notice names; the rest is one page away.
const NAMED_ERRORS: usize = 5;
/// Somebody who edits faster than three rounds of reading is looked at again later.
const ROUNDS: usize = 3;
/// The same trouble is told again after a day.
const TOLD_AGAIN_MS: i64 = 24 * 60 * 60_000;
/// Other trouble than the one told before waits for this long: cells are wrong for a moment while somebody edits.
const TOLD_ANEW_MS: i64 = 10 * 60_000;
/// An outage of Google that is shorter is nobody's business.
const OUTAGE_MS: i64 = 60 * 60_000;
/// Versions that nobody needs are kept this long.
const KEPT_MS: i64 = 180 * 24 * 60 * 60_000;
/// Versions forgotten in one go.
const PURGED: u32 = 50;

/// The three tables as they were at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Raw {
    pub men: Vec<u8>,
    pub women: Vec<u8>,
    pub exercises: Vec<u8>,
}

impl Raw {
    pub(crate) fn hash(&self) -> String {
        let mut hash = Sha256::new();
        for table in [&self.men, &self.women, &self.exercises] {
            hash.update((table.len() as u64).to_be_bytes());
            hash.update(table);
        }
        data_encoding::HEXLOWER.encode(&hash.finalize())
    }

    fn pack(&self) -> SnapshotTables {
        SnapshotTables {
            men: Packed::of(&self.men),
            women: Packed::of(&self.women),
            exercises: Packed::of(&self.exercises),
        }
    }
}

/// What a look at the sheet found.
pub(crate) enum Seen {
    /// The same bytes as at the look before.
    Same,
    /// Somebody is editing right now.
    Moving,
    Away(Trouble),
    Wrong {
        hash: String,
        errors: ImportErrors,
    },
    Good {
        hash: String,
        change: Box<Change>,
    },
}

/// The job: one look.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let mut tx = app.tenant(&task.tenant).read().await?;
    let (source, version) = read_source(&mut tx).await?;
    let look = tx.sheet_look().await?;
    drop(tx);
    let (Some(sheets), Some(tables)) = (app.sheets(), &source.tables) else {
        let mut tx = app.tenant(&task.tenant).write().await?;
        tx.finish_job(&task.lease, app.now()).await?;
        tx.commit().await?;
        return Ok(());
    };
    // After an outage the sheet is read as if for the first time: what was wrong with it before is not known any more.
    let known = match trouble_of(&look)? {
        Some(Trouble::Away { .. }) => None,
        _ => look.content_hash.as_deref(),
    };
    let seen = see(app, &task.tenant, sheets, tables, known, "system").await?;
    let guide = settings::guide(app, &task.tenant).await?;
    let now = app.now();
    let mut tx = app.tenant(&task.tenant).write().await?;
    tx.lock_templates().await?;
    // Another sheet was set meanwhile: what was seen belongs to the old one.
    let is_current = read_source(&mut tx).await?.1 == version;
    if is_current {
        match settle(app, &mut tx, &guide, task, &source, seen).await {
            // The next look finds what came in force meanwhile.
            Err(Error::Conflict { code, .. }) => {
                tracing::info!(code, "the tables changed while they were looked at");
                drop(tx);
                tx = app.tenant(&task.tenant).write().await?;
            }
            other => other?,
        }
    }
    tx.finish_job(&task.lease, now).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// The setting and its version; the default and 0 as long as nothing was saved.
pub(crate) async fn read_source(tx: &mut Tx) -> Result<(TemplateSource, i64)> {
    let (saved, version) = settings::read_versioned(tx, TEMPLATES).await?;
    Ok((saved.unwrap_or_default(), version))
}

/// What is wrong with the sheet, as the last look left it.
pub fn trouble_of(look: &SheetLook) -> Result<Option<Trouble>> {
    look.trouble
        .as_deref()
        .map(serde_json::from_str)
        .transpose()
        .map_err(|error| Error::internal(format!("the last look at the sheet can't be read: {error}")))
}

/// Reads the sheet and finds out what it changes. Writes nothing.
pub(crate) async fn see(
    app: &App,
    tenant: &TenantId,
    sheets: &Sheets,
    tables: &TemplateTables,
    known: Option<&str>,
    author: &str,
) -> Result<Seen> {
    let raw = match read_whole(sheets, tables, known).await {
        Ok(Some(raw)) => raw,
        Ok(None) => return Ok(Seen::Moving),
        Err((table, error)) => {
            tracing::warn!(
                error = &error as &dyn std::error::Error,
                table = table.code(),
                "the sheet of templates can't be read"
            );
            return Ok(Seen::Away(Trouble::away(table, &error)));
        }
    };
    let hash = raw.hash();
    if known == Some(hash.as_str()) {
        return Ok(Seen::Same);
    }
    Ok(match weigh(app, tenant, raw, "sheet", author).await? {
        Ok(change) => Seen::Good {
            hash,
            change: Box::new(change),
        },
        Err(errors) => {
            tracing::warn!(errors = errors.errors.len(), "the sheet of templates has wrong cells");
            Seen::Wrong { hash, errors }
        }
    })
}

/// Reads until two rounds give the same, so that the three tables belong together. `None`: they never did.
async fn read_whole(
    sheets: &Sheets,
    tables: &TemplateTables,
    known: Option<&str>,
) -> Result<Option<Raw>, (Table, providers::sheets::Error)> {
    let mut last = read_once(sheets, tables).await?;
    if known == Some(last.hash().as_str()) {
        return Ok(Some(last));
    }
    for _ in 0..ROUNDS {
        let again = read_once(sheets, tables).await?;
        if again == last {
            return Ok(Some(last));
        }
        last = again;
    }
    Ok(None)
}

async fn read_once(sheets: &Sheets, tables: &TemplateTables) -> Result<Raw, (Table, providers::sheets::Error)> {
    let (men, women, exercises) = tokio::try_join!(
        read_table(sheets, Table::Men, &tables.men),
        read_table(sheets, Table::Women, &tables.women),
        read_table(sheets, Table::Exercises, &tables.exercises),
    )?;
    Ok(Raw { men, women, exercises })
}

async fn read_table(
    sheets: &Sheets,
    table: Table,
    address: &SheetAddress,
) -> Result<Vec<u8>, (Table, providers::sheets::Error)> {
    let bytes = sheets.fetch(address).await.map_err(|error| (table, error))?;
    Ok(bytes.to_vec())
}

/// Parses tables and compares them with the version in force. The inner error: the wrong cells.
pub(crate) async fn weigh(
    app: &App,
    tenant: &TenantId,
    raw: Raw,
    source: &'static str,
    author: &str,
) -> Result<Result<Change, ImportErrors>> {
    let (base, serving) = in_force(app, tenant).await?;
    // Off the async threads: three tables of thousands of rows.
    let weighed = tokio::task::spawn_blocking(move || {
        let templates = Templates::from_csv(&raw.men, &raw.women, &raw.exercises)?;
        let difference = programs::templates::difference(&serving, &templates);
        let packed = raw.pack();
        Ok((templates, difference, packed))
    })
    .await
    .map_err(|_| Error::internal("reading the templates broke off"))?;
    Ok(weighed.map(|(templates, difference, tables)| Change {
        snapshot: NewSnapshot {
            id: app.new_id(),
            source,
            author: author.to_owned(),
            content_hash: templates.version.clone(),
            tables,
            now: app.now(),
        },
        base: base.map(|version| version.content_hash),
        difference,
    }))
}

/// Writes what a look found: a change is taken or asked about, trouble is told.
async fn settle(app: &App, tx: &mut Tx, guide: &Guide, task: &Task, source: &TemplateSource, seen: Seen) -> Result<()> {
    let now = app.now();
    let mut look = tx.sheet_look().await?;
    let old = trouble_of(&look)?;
    match seen {
        Seen::Moving => return Ok(()),
        Seen::Same => {
            if let Some(trouble) = old {
                tell_trouble(app, tx, guide, task, &mut look, None, &trouble).await?;
            } else {
                look.well_at = Some(now);
            }
        }
        Seen::Away(trouble) => tell_trouble(app, tx, guide, task, &mut look, old.as_ref(), &trouble).await?,
        Seen::Wrong { hash, errors } => {
            look.content_hash = Some(hash);
            let trouble = Trouble::Cells { errors };
            tell_trouble(app, tx, guide, task, &mut look, old.as_ref(), &trouble).await?;
        }
        Seen::Good { hash, change } => {
            // What was decided about this content stays decided until the sheet shows something else.
            let is_new = look.content_hash.as_ref() != Some(&hash);
            // Whoever connects a sheet to a fresh installation wants it used.
            let is_first =
                look.well_at.is_none() && tx.pending_snapshot().await?.is_none() && serves_shipped(tx).await?;
            let take = if is_first {
                TakeChanges::AtOnce
            } else {
                source.take_changes
            };
            well(app, tx, guide, &task.request_id, &mut look, hash).await?;
            if is_new {
                change::apply(app, tx, guide, &change, take, "system", &task.request_id).await?;
            }
        }
    }
    look.looked_at = Some(now);
    tx.save_sheet_look(&look).await?;
    Ok(())
}

async fn serves_shipped(tx: &mut Tx) -> Result<bool> {
    Ok(tx
        .snapshot_in_force()
        .await?
        .is_none_or(|version| version.source == "shipped" && version.decided_by.as_deref() == Some("system")))
}

/// The sheet is without fault: whoever was told of trouble is told that it is over.
pub(crate) async fn well(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    request_id: &domain::ids::RequestId,
    look: &mut SheetLook,
    hash: String,
) -> Result<()> {
    if look.trouble.is_some() && look.told_at.is_some() {
        notify_trainers(app, tx, None, "notice", None, request_id, |language| {
            Content::text(rich(&guide.texts(language).trainer_sheet_mended, &[]))
        })
        .await?;
    }
    *look = SheetLook {
        looked_at: Some(app.now()),
        content_hash: Some(hash),
        well_at: Some(app.now()),
        ..SheetLook::default()
    };
    Ok(())
}

/// `old` is the trouble before, `None` when it is the same. Told once a day, other trouble sooner, an outage late.
async fn tell_trouble(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    task: &Task,
    look: &mut SheetLook,
    old: Option<&Trouble>,
    trouble: &Trouble,
) -> Result<()> {
    let now = app.now();
    let is_outage = matches!(trouble, Trouble::Away { is_transient: true, .. });
    let was_outage = matches!(old, Some(Trouble::Away { is_transient: true, .. }));
    let is_other = match old {
        // Timeouts, refusals and 500s of one bad hour are one outage.
        Some(old) => old != trouble && !(is_outage && was_outage),
        None => look.trouble.is_none(),
    };
    if look.trouble.is_none() || is_other {
        look.trouble_since = Some(now);
    }
    look.trouble = Some(
        serde_json::to_string(trouble)
            .map_err(|error| Error::internal(format!("trouble can't be written: {error}")))?,
    );
    // Behind the last telling when the clock jumped back: then it counts as long ago.
    let told_ms = look.told_at.map(|told| now.millis_since(told)).filter(|ms| *ms >= 0);
    let is_due = match told_ms {
        None => true,
        Some(ms) if is_other => ms >= TOLD_ANEW_MS,
        Some(ms) => ms >= TOLD_AGAIN_MS,
    };
    let lasts_ms = look.trouble_since.map_or(0, |since| now.millis_since(since));
    if !is_due || (is_outage && lasts_ms < OUTAGE_MS) {
        return Ok(());
    }
    look.told_at = Some(now);
    notify_trainers(app, tx, None, "notice", None, &task.request_id, |language: Language| {
        change::trouble_notice(guide, language, &trouble.text(language, NAMED_ERRORS))
    })
    .await?;
    Ok(())
}

/// Forgets old versions that neither serve nor wait and that no programme was made from.
pub async fn purge(app: &App, tenant: &TenantId) -> Result<u64> {
    let mut tx = app.tenant(tenant).write().await?;
    let gone = tx.purge_snapshots(app.now().plus_millis(-KEPT_MS), PURGED).await?;
    tx.commit().await?;
    Ok(gone)
}
