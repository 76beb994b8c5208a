//! What a version gives to whom, and the sheet's state of health.

use std::sync::Arc;

use domain::ids::{Id, SnapshotId};
use programs::coverage::{self, Cell, Coverage, Outcome, TryOut};
use programs::templates::Templates;
use store::{SheetLook, Snapshot};
use tokio::sync::Semaphore;

use super::NO_VERSION;
use crate::refresh_templates::{Trouble, current, read_source, templates_of, trouble_of};
use crate::{App, Caller, Error, Result};

/// One at a time: a report takes a core for a while, and clients' programmes come first.
static COMPUTING: Semaphore = Semaphore::const_new(1);
pub const MAX_CLIENTS: usize = 1_000;

/// Which version is looked at.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Which {
    #[default]
    InForce,
    Pending,
    Version(SnapshotId),
}

impl Which {
    /// `in_force`, `pending` or a version's id.
    ///
    /// Errors: `Invalid` names `version`.
    pub fn parse(text: Option<&str>) -> Result<Self> {
        match text {
            None | Some("" | "in_force") => Ok(Self::InForce),
            Some("pending") => Ok(Self::Pending),
            Some(id) => SnapshotId::parse(id)
                .map(Self::Version)
                .ok_or_else(|| Error::invalid("version", "invalid", "in_force, pending or a version's id")),
        }
    }
}

/// Everything a person should know of the tables.
#[derive(Debug, Clone, PartialEq)]
pub struct Health {
    pub has_sheet: bool,
    pub look: SheetLook,
    pub trouble: Option<Trouble>,
    pub in_force: Option<Snapshot>,
    /// The version in force was made for an older program: the shipped tables stand in for it.
    pub is_unreadable: bool,
    pub pending: Option<Snapshot>,
    /// Combinations of answers that nothing fits.
    pub holes: Vec<Cell>,
    pub totals: coverage::Totals,
}

async fn pick(app: &App, caller: &Caller, which: &Which) -> Result<(Option<Snapshot>, Arc<Templates>)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let version = match which {
        Which::InForce => {
            let version = tx.snapshot_in_force().await?;
            drop(tx);
            return Ok((version, current(app, &caller.tenant).await?));
        }
        Which::Pending => tx
            .pending_snapshot()
            .await?
            .ok_or(Error::NotFound { what: "waiting change" })?,
        Which::Version(id) => tx.find_snapshot(id).await?.ok_or(NO_VERSION)?,
    };
    drop(tx);
    let templates = templates_of(app, &caller.tenant, &version).await?;
    Ok((Some(version), templates))
}

/// Every combination of answers and what it gets.
///
/// Errors: `NotFound`; a conflict `version_unreadable`.
pub async fn coverage(app: &App, caller: &Caller, which: &Which) -> Result<(Option<Snapshot>, Arc<Coverage>)> {
    let (version, templates) = pick(app, caller, which).await?;
    let cache = &app.templates().coverages;
    if let Some(known) = cache.get(&templates.version) {
        return Ok((version, known));
    }
    let permit = COMPUTING
        .acquire()
        .await
        .map_err(|_| Error::internal("reports are closed"))?;
    // Somebody who asked at the same time was faster.
    if let Some(known) = cache.get(&templates.version) {
        return Ok((version, known));
    }
    let hash = templates.version.clone();
    let computed = tokio::task::spawn_blocking(move || coverage::matrix(&templates))
        .await
        .map_err(|_| Error::internal("computing the coverage broke off"))?;
    drop(permit);
    Ok((version, cache.put_report(hash, computed)))
}

/// Invented clients and what each would get.
///
/// Errors: as [`coverage`]; `Invalid` names `clients`.
pub async fn try_out(
    app: &App,
    caller: &Caller,
    which: &Which,
    clients: usize,
    seed: u64,
) -> Result<(Option<Snapshot>, Arc<TryOut>)> {
    if !(1..=MAX_CLIENTS).contains(&clients) {
        return Err(Error::invalid(
            "clients",
            "out_of_range",
            format!("1 to {MAX_CLIENTS} clients"),
        ));
    }
    let (version, templates) = pick(app, caller, which).await?;
    let cache = &app.templates().try_outs;
    let key = (templates.version.clone(), clients, seed);
    if let Some(known) = cache.get(&key) {
        return Ok((version, known));
    }
    let permit = COMPUTING
        .acquire()
        .await
        .map_err(|_| Error::internal("reports are closed"))?;
    let computed = tokio::task::spawn_blocking(move || coverage::try_out(&templates, clients, seed))
        .await
        .map_err(|_| Error::internal("trying the templates out broke off"))?;
    drop(permit);
    Ok((version, cache.put_report(key, computed)))
}

/// Wrong cells, holes, and what waits.
pub async fn health(app: &App, caller: &Caller) -> Result<Health> {
    let (in_force, coverage) = coverage(app, caller, &Which::InForce).await?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let look = tx.sheet_look().await?;
    let holes = coverage
        .cells
        .iter()
        .filter(|cell| matches!(cell.result, Outcome::Nothing { .. }))
        .cloned()
        .collect();
    Ok(Health {
        has_sheet: read_source(&mut tx).await?.0.tables.is_some(),
        trouble: trouble_of(&look)?,
        look,
        is_unreadable: in_force
            .as_ref()
            .is_some_and(|version| version.content_hash != coverage.templates_version),
        in_force,
        pending: tx.pending_snapshot().await?,
        holes,
        totals: coverage.totals(),
    })
}
