//! The stages of the pipeline and the board.

use domain::ids::{ClientId, StageId};
use domain::language::Localized;
use domain::pipeline::StageKind;
use serde_json::json;
use store::{ClientFilter, PageOf, PageRequest, Stage, Tx};

use super::check_cursor;
use super::clients::{ClientView, views};
use crate::access::audit;
use crate::{App, Caller, Error, FieldProblem, Result};

/// A board wider than this can't be looked at.
pub const MAX_STAGES: usize = 50;
const MAX_TITLE_CHARS: usize = 60;

/// A stage with its first clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub stage: Stage,
    /// Clients in the stage, those beyond the page included.
    pub total: i64,
    pub clients: PageOf<ClientView>,
}

/// What to change: `None` stays.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub title: Option<Localized>,
    /// Place from 0.
    pub place: Option<u32>,
    pub archive: bool,
}

/// Every stage in use, in order.
pub async fn list(app: &App, caller: &Caller) -> Result<Vec<Stage>> {
    Ok(app.tenant(&caller.tenant).read().await?.stages().await?)
}

/// Errors: `NotFound`, also for an archived one.
pub async fn find(app: &App, caller: &Caller, id: &StageId) -> Result<Stage> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    in_use(&mut tx, id).await
}

async fn in_use(tx: &mut Tx, id: &StageId) -> Result<Stage> {
    let stage = tx.find_stage(id).await?.filter(|stage| stage.archived_at.is_none());
    stage.ok_or(Error::NotFound { what: "stage" })
}

/// Adds a stage at a place, at the end without one.
///
/// Errors: `Invalid` names the title; `Conflict` `too_many_stages`.
pub async fn create(
    app: &App,
    caller: &Caller,
    kind: StageKind,
    title: Localized,
    place: Option<u32>,
) -> Result<Stage> {
    let title = checked_title(&title)?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let mut stages = tx.lock_stages().await?;
    if stages.len() >= MAX_STAGES {
        return Err(Error::conflict(
            "too_many_stages",
            format!("a pipeline has {MAX_STAGES} stages at most"),
        ));
    }
    let last = stages.iter().map(|stage| stage.position).max().unwrap_or(-1);
    let stage = Stage {
        id: app.new_id(),
        kind,
        title,
        position: last + 1,
        version: 1,
        archived_at: None,
    };
    tx.insert_stage(&stage).await?;
    stages.push(stage.clone());
    if let Some(place) = place {
        reorder(&mut tx, &mut stages, &stage.id, place).await?;
    }
    tx.record_audit(&audit(
        app,
        caller,
        "stage.created",
        stage.id.as_ref(),
        json!({ "kind": kind }),
    ))
    .await?;
    let stage = in_use(&mut tx, &stage.id).await?;
    tx.commit().await?;
    Ok(stage)
}

/// Renames, moves or archives a stage, if `version` is still current.
///
/// Errors: `NotFound`; `VersionConflict`; `Invalid` names the title; `Conflict` `stage_not_empty` or `stage_needed` (the
/// only one of kind `first_contact`: new clients need it).
pub async fn update(app: &App, caller: &Caller, id: &StageId, version: i64, edit: &Edit) -> Result<Stage> {
    let title = edit.title.as_ref().map(checked_title).transpose()?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let mut stages = tx.lock_stages().await?;
    let mut stage = stages
        .iter()
        .find(|stage| stage.id == *id)
        .cloned()
        .ok_or(Error::NotFound { what: "stage" })?;
    if stage.version != version {
        return Err(Error::VersionConflict { what: "stage" });
    }
    if edit.archive {
        ensure_unneeded(&mut tx, &stages, &stage).await?;
        stage.archived_at = Some(app.now());
        stages.retain(|other| other.id != *id);
    } else if let Some(place) = edit.place {
        reorder(&mut tx, &mut stages, id, place).await?;
        stage.position = stages
            .iter()
            .position(|other| other.id == *id)
            .map_or(stage.position, position);
    }
    let mut changed: Vec<&str> = Vec::new();
    if let Some(title) = title {
        stage.title = title;
        changed.push("title");
    }
    if edit.place.is_some() {
        changed.push("position");
    }
    if edit.archive {
        changed.push("archived");
    }
    if changed.is_empty() {
        return Ok(stage);
    }
    tx.update_stage(&stage).await?;
    tx.record_audit(&audit(
        app,
        caller,
        "stage.updated",
        id.as_ref(),
        json!({ "fields": changed }),
    ))
    .await?;
    tx.commit().await?;
    Ok(Stage {
        version: version + 1,
        ..stage
    })
}

async fn ensure_unneeded(tx: &mut Tx, stages: &[Stage], stage: &Stage) -> Result<()> {
    let is_last_of_kind = stages.iter().filter(|other| other.kind == stage.kind).count() == 1;
    if stage.kind == StageKind::FirstContact && is_last_of_kind {
        return Err(Error::conflict(
            "stage_needed",
            "new clients begin in this stage: add another of kind first_contact first",
        ));
    }
    let clients = total_of(tx, &stage.id).await?;
    if clients > 0 {
        return Err(Error::conflict(
            "stage_not_empty",
            format!("move its clients elsewhere first: {clients} stand here"),
        ));
    }
    Ok(())
}

/// Puts one stage at a place and lets the others make room; only those whose place changes are written.
async fn reorder(tx: &mut Tx, stages: &mut Vec<Stage>, id: &StageId, place: u32) -> Result<()> {
    let Some(from) = stages.iter().position(|stage| stage.id == *id) else {
        return Ok(());
    };
    let stage = stages.remove(from);
    let place = usize::try_from(place).unwrap_or(usize::MAX).min(stages.len());
    stages.insert(place, stage);
    for (at, stage) in stages.iter().enumerate() {
        if stage.position != position(at) {
            tx.place_stage(&stage.id, position(at)).await?;
        }
    }
    Ok(())
}

fn position(at: usize) -> i64 {
    i64::try_from(at).unwrap_or(i64::MAX)
}

fn checked_title(title: &Localized) -> Result<Localized> {
    let title = Localized::new(title.ru.trim(), title.en.trim());
    let mut wrong = Vec::new();
    if title.ru.is_empty() {
        wrong.push(FieldProblem::new("title/ru", "required", "a stage has a Russian title"));
    }
    for (field, text) in [("title/ru", &title.ru), ("title/en", &title.en)] {
        if text.chars().count() > MAX_TITLE_CHARS || text.chars().any(char::is_control) {
            wrong.push(FieldProblem::new(
                field,
                "length",
                format!("a title is one line of {MAX_TITLE_CHARS} characters at most"),
            ));
        }
    }
    if wrong.is_empty() {
        Ok(title)
    } else {
        Err(Error::Invalid(wrong))
    }
}

async fn total_of(tx: &mut Tx, stage: &StageId) -> Result<i64> {
    let totals = tx.stage_totals().await?;
    Ok(totals
        .into_iter()
        .find(|total| total.stage == *stage)
        .map_or(0, |total| total.clients))
}

/// All stages with their totals and first clients. Totals are read from counters: a million clients cost no more than ten.
pub async fn board(app: &App, caller: &Caller, limit: u32) -> Result<Vec<Column>> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let totals = tx.stage_totals().await?;
    let page = PageRequest { limit, after: None };
    let mut columns = Vec::new();
    for stage in tx.stages().await? {
        let total = totals
            .iter()
            .find(|total| total.stage == stage.id)
            .map_or(0, |total| total.clients);
        let clients = clients_of(&mut tx, &stage.id, &page).await?;
        columns.push(Column { stage, total, clients });
    }
    Ok(columns)
}

/// One column of the board, page by page.
///
/// Errors: `NotFound`; `Invalid` names `cursor`.
pub async fn clients(app: &App, caller: &Caller, id: &StageId, page: &PageRequest) -> Result<PageOf<ClientView>> {
    check_cursor::<ClientId>(page)?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    in_use(&mut tx, id).await?;
    clients_of(&mut tx, id, page).await
}

async fn clients_of(tx: &mut Tx, stage: &StageId, page: &PageRequest) -> Result<PageOf<ClientView>> {
    let filter = ClientFilter {
        stage: Some(stage.clone()),
        ..ClientFilter::default()
    };
    let found = tx.list_clients(&filter, page).await?;
    let items = views(tx, found.items).await?;
    Ok(PageOf {
        items,
        next: found.next,
    })
}
