//! A good state of the tables that is not the one in force: taken, or asked about, or turned down.

use domain::content::{Button, Content, rich};
use domain::dialogue::actions::TrainerAction;
use domain::ids::{RequestId, SnapshotId};
use domain::language::Language;
use domain::texts::Texts;
use programs::templates::Difference;
use store::{NewSnapshot, Snapshot, SnapshotState, Tx};

use super::source::TakeChanges;
use crate::context::App;
use crate::deliver::notify_trainers;
use crate::error::{Error, Result};
use crate::settings::Guide;

const DAY_MS: i64 = 24 * 60 * 60_000;

/// A good state with what it changes.
#[derive(Debug, Clone)]
pub(crate) struct Change {
    pub snapshot: NewSnapshot,
    /// The content in force that `difference` was made with.
    pub base: Option<String>,
    pub difference: Difference,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Applied {
    /// It is what serves already.
    Unchanged(Snapshot),
    InForce(Snapshot),
    /// The trainers were asked.
    Pending(Snapshot),
}

impl Applied {
    pub const fn snapshot(&self) -> &Snapshot {
        match self {
            Self::Unchanged(snapshot) | Self::InForce(snapshot) | Self::Pending(snapshot) => snapshot,
        }
    }
}

/// How a decision ended: the first one wins.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Decided {
    /// The number of the version in force now, and of the one before it.
    Used {
        now: i64,
        before: Option<i64>,
    },
    Left,
    /// Somebody decided before.
    Already,
    /// The sheet went on before anybody decided.
    Outdated,
    Unknown,
}

/// Keeps a change and takes it or asks, as the trainer sets it. The caller holds [`Tx::lock_templates`].
///
/// Errors: a conflict `templates_changed` when another version came in force since `change` was made.
pub(crate) async fn apply(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    change: &Change,
    take: TakeChanges,
    by: &str,
    request_id: &RequestId,
) -> Result<Applied> {
    let before = tx.snapshot_in_force().await?;
    if before.as_ref().map(|version| &version.content_hash) != change.base.as_ref() {
        return Err(Error::conflict(
            "templates_changed",
            "another version of the tables came in force meanwhile: look again",
        ));
    }
    let kept = tx.keep_snapshot(&change.snapshot).await?;
    if before.as_ref().is_some_and(|version| version.id == kept.id) {
        // The sheet came back to what serves: nothing is left to decide.
        tx.withdraw_pending().await?;
        return Ok(Applied::Unchanged(kept));
    }
    if take == TakeChanges::AtOnce || change.difference.is_empty() {
        tx.withdraw_pending().await?;
        tx.put_in_force(&kept.id, by, app.now()).await?;
        tracing::info!(version = kept.number, "new templates are in force");
        if !change.difference.is_empty() {
            let undo = before.map(|before| (kept.number, before.number));
            tell_taken(app, tx, guide, change, undo, request_id).await?;
        }
        return Ok(Applied::InForce(reload(tx, &kept.id).await?));
    }
    if kept.state != SnapshotState::Pending {
        tx.set_pending(&kept.id).await?;
        tracing::info!(version = kept.number, "new templates wait for a decision");
        ask(app, tx, guide, change, &kept.id, request_id).await?;
    }
    Ok(Applied::Pending(reload(tx, &kept.id).await?))
}

async fn reload(tx: &mut Tx, id: &SnapshotId) -> Result<Snapshot> {
    tx.find_snapshot(id).await?.ok_or(Error::NotFound { what: "version" })
}

/// The same content is asked about once a day at most, however often a sheet goes to and fro.
fn key(app: &App, what: &str, hash: &str) -> String {
    format!("templates:{what}:{}:{hash}", app.now().millis() / DAY_MS)
}

async fn ask(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    change: &Change,
    id: &SnapshotId,
    request_id: &RequestId,
) -> Result<()> {
    let key = key(app, "ask", &change.snapshot.content_hash);
    notify_trainers(app, tx, None, "notice", Some(&key), request_id, |language| {
        let texts = guide.texts(language);
        let summary = change.difference.summary(language);
        let mut content = Content::text(rich(&texts.trainer_sheet_changed, &[("summary", &summary)])).with_row(vec![
            Button::action(
                &texts.button_sheet_use,
                TrainerAction::UseTemplates(id.clone()).to_string(),
            ),
            Button::action(
                &texts.button_sheet_leave,
                TrainerAction::LeaveTemplates(id.clone()).to_string(),
            ),
        ]);
        // Telegram refuses buttons that lead to this machine itself.
        if app.public_url().scheme() == "https"
            && let Ok(mut page) = app.public_url().join("/admin/templates/coverage")
        {
            page.set_query(Some(&format!("version=pending&lang={}", language.code())));
            content = content.with_row(vec![Button::url(&texts.button_sheet_look, page.as_str())]);
        }
        content
    })
    .await?;
    Ok(())
}

async fn tell_taken(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    change: &Change,
    undo: Option<(i64, i64)>,
    request_id: &RequestId,
) -> Result<()> {
    let key = key(app, "taken", &change.snapshot.content_hash);
    notify_trainers(app, tx, None, "notice", Some(&key), request_id, |language| {
        let texts = guide.texts(language);
        let summary = change.difference.summary(language);
        let content = Content::text(rich(&texts.trainer_sheet_taken, &[("summary", &summary)]));
        with_undo(content, texts, undo)
    })
    .await?;
    Ok(())
}

/// A button that brings the version before back, as long as nothing else came in force since.
pub(crate) fn with_undo(content: Content, texts: &Texts, undo: Option<(i64, i64)>) -> Content {
    let Some((now, before)) = undo else { return content };
    content.with_row(vec![Button::action(
        &texts.button_sheet_undo,
        TrainerAction::RestoreTemplates { now, before }.to_string(),
    )])
}

/// Uses or leaves a waiting version. The caller holds [`Tx::lock_templates`].
pub(crate) async fn decide(app: &App, tx: &mut Tx, id: &SnapshotId, uses: bool, by: &str) -> Result<Decided> {
    let Some(version) = tx.find_snapshot(id).await? else {
        return Ok(Decided::Unknown);
    };
    match version.state {
        SnapshotState::Pending => {}
        SnapshotState::Kept => return Ok(Decided::Outdated),
        SnapshotState::Used | SnapshotState::Rejected => return Ok(Decided::Already),
    }
    if uses {
        let before = tx.snapshot_in_force().await?;
        tx.put_in_force(id, by, app.now()).await?;
        Ok(Decided::Used {
            now: version.number,
            before: before.map(|before| before.number),
        })
    } else {
        tx.reject_pending(id, by, app.now()).await?;
        Ok(Decided::Left)
    }
}

/// Brings version `before` back if `now` still serves. The caller holds [`Tx::lock_templates`].
pub(crate) async fn restore(app: &App, tx: &mut Tx, now: i64, before: i64, by: &str) -> Result<Decided> {
    let in_force = tx.snapshot_in_force().await?;
    let Some(in_force) = in_force.filter(|version| version.number == now) else {
        return Ok(Decided::Already);
    };
    let Some(version) = tx.snapshot_of_number(before).await? else {
        return Ok(Decided::Unknown);
    };
    tx.put_in_force(&version.id, by, app.now()).await?;
    Ok(Decided::Used {
        now: version.number,
        before: Some(in_force.number),
    })
}

/// What a trainer reads after a button: in the chat, or for a moment over it.
pub(crate) fn answer(texts: &Texts, decided: &Decided) -> Result<Content, String> {
    match decided {
        Decided::Used { now, before } => {
            let number = now.to_string();
            let content = Content::text(rich(&texts.trainer_sheet_used, &[("number", &number)]));
            Ok(with_undo(content, texts, before.map(|before| (*now, before))))
        }
        Decided::Left => Ok(Content::text(rich(&texts.trainer_sheet_left, &[]))),
        Decided::Already => Err(texts.trainer_sheet_decided.clone()),
        Decided::Outdated => Err(texts.trainer_sheet_outdated.clone()),
        Decided::Unknown => Err(texts.stale_button.clone()),
    }
}

/// What is wrong, for the trainers.
pub(crate) fn trouble_notice(guide: &Guide, language: Language, text: &str) -> Content {
    Content::text(rich(&guide.texts(language).trainer_sheet_trouble, &[("trouble", text)]))
}
