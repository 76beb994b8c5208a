//! Another version of a programme: what is asked for, and what comes of it before a word is drawn.

use std::collections::BTreeSet;

use domain::ids::{ProgramBatchId, ProgramId, RequestId};
use domain::language::{Language, Localized};
use domain::profile::Profile;
use programs::matching;
use programs::programme::{Change, changes};
use programs::programme::{Programme, Scope};
use programs::swap;
use programs::templates::Templates;
use programs::wording::Wording;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Action, Lineage, NewProgram, Program, ProgramFilter, Tx};

use crate::approve_program::{self, Outlook};
use crate::context::App;
use crate::error::{Error, Result};
use crate::generate_program;
use crate::settings::Guide;

/// What a version does differently from the one it comes from.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Revision {
    /// The same answers, today's templates.
    Regenerate,
    Swap {
        row_id: String,
        exercise_id: String,
    },
    Variant {
        number: u32,
    },
    Note {
        text: String,
    },
    /// Nobody is to be given this exercise any more.
    Withdrawn {
        exercise_id: String,
    },
}

impl Revision {
    /// The version's `reason`.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Regenerate => "regenerated",
            Self::Swap { .. } => "swap",
            Self::Variant { .. } => "variant",
            Self::Note { .. } => "note",
            Self::Withdrawn { .. } => "withdrawn",
        }
    }
}

/// What a version holds besides its files; sealed JSON. Fields may be missing in versions of earlier releases.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Made {
    pub programme: Programme,
    pub wording: Wording,
    #[serde(default)]
    pub variant: u32,
    /// The trainer's own words.
    #[serde(default)]
    pub note: Option<String>,
    /// Against the version it comes from.
    #[serde(default)]
    pub changes: Vec<Localized>,
    /// Against the version the client has, if there is one.
    #[serde(default)]
    pub news: Option<Vec<Localized>>,
    /// The exercise that is not given any more, if that is why this version was made.
    #[serde(default)]
    pub withdrawn: Option<Localized>,
}

impl Made {
    pub async fn load(tx: &mut Tx, id: &ProgramId) -> Result<Option<Self>> {
        let Some((content, _)) = tx.program_details(id).await? else {
            return Ok(None);
        };
        serde_json::from_str(&content)
            .map(Some)
            .map_err(|error| Error::internal(format!("the contents of {id} can't be read: {error}")))
    }

    /// Each exercise once.
    pub fn exercises(&self) -> Vec<&str> {
        let found: BTreeSet<&str> = self
            .programme
            .items()
            .map(|(_, _, item)| item.exercise_id.as_str())
            .collect();
        found.into_iter().collect()
    }
}

/// A version before its words.
pub(crate) struct Draft {
    pub programme: Programme,
    pub variant: u32,
    pub note: Option<String>,
    pub withdrawn: Option<Localized>,
}

/// Orders a version that comes from `parent`. While the parent waits for approval, the new version takes its place, and of
/// several at once only the first one is ordered.
///
/// Errors: conflicts `program_decided` (the parent was sent or replaced meanwhile), `program_in_work`, `program_not_ready`.
#[expect(clippy::too_many_arguments, reason = "one order's whole context")]
pub(crate) async fn revise_in(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    parent: &Program,
    revision: &Revision,
    batch: Option<ProgramBatchId>,
    who: Who<'_>,
    request_id: &RequestId,
) -> Result<ProgramId> {
    let now = app.now();
    let client = tx
        .find_client(&parent.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let id: ProgramId = app.new_id();
    match (parent.status.as_str(), revision) {
        ("awaiting_approval" | "ready", _) | ("failed" | "superseded", Revision::Regenerate) => {}
        ("queued", _) => return Err(in_work()),
        _ => return Err(decided()),
    }
    // Whatever of this client waits for approval gives its place to the new version, and its promise with it.
    let waiting = match parent.status.as_str() {
        "awaiting_approval" => Some(parent.clone()),
        _ => only(tx, parent, "awaiting_approval").await?,
    };
    if waiting.is_none() && only(tx, parent, "queued").await?.is_some() {
        return Err(in_work());
    }
    let new = NewProgram {
        id: id.clone(),
        client: client.id.clone(),
        questionnaire: parent.questionnaire.clone(),
        scope: if parent.scope == "full" { "full" } else { "free" },
        language: client.language,
        reason: revision.code().to_owned(),
        now,
    };
    if let Some(waiting) = &waiting
        && !tx.begin_succession(&waiting.id, &id, who.name, now).await?
    {
        return Err(decided());
    }
    tx.insert_program(&new).await?;
    let lineage = Lineage {
        parent: Some(parent.id.clone()),
        revision: Some(
            serde_json::to_string(revision)
                .map_err(|error| Error::internal(format!("a revision can't be written: {error}")))?,
        ),
        approve_by: waiting.as_ref().and_then(|waiting| waiting.approve_by),
        batch,
    };
    tx.derive_program(&id, &lineage).await?;
    generate_program::enqueue(app, tx, &id, request_id).await?;
    let action = Action {
        id: app.new_id(),
        kind: "program.ordered".into(),
        actor: who.actor.to_owned(),
        details: json!({ "program_id": id, "from": parent.id, "reason": revision.code() }).to_string(),
        at: now,
    };
    tx.insert_action(&client.id, &action).await?;
    if let Some(waiting) = &waiting {
        approve_program::update_cards(app, tx, guide, &waiting.id, request_id).await?;
    }
    Ok(id)
}

/// The newest version of the same client and scope in this state.
async fn only(tx: &mut Tx, program: &Program, status: &str) -> Result<Option<Program>> {
    let filter = ProgramFilter {
        client: Some(program.client.clone()),
        status: Some(status.into()),
    };
    let page = store::PageRequest { limit: 20, after: None };
    let found = tx.list_programs(&filter, &page).await?.items;
    Ok(found.into_iter().find(|other| other.scope == program.scope))
}

/// Who decides: the name people read, and the actor of the records.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Who<'a> {
    pub name: &'a str,
    pub actor: &'a str,
}

fn decided() -> Error {
    Error::conflict("program_decided", "this version was sent or replaced meanwhile")
}

fn in_work() -> Error {
    Error::conflict(
        "program_in_work",
        "a version for this client is being made; wait for it",
    )
}

/// What `revision` makes of `parent`. Errors: a conflict `no_programme` with the reason, when nothing fits.
pub(crate) fn draft(
    templates: &Templates,
    profile: &Profile,
    scope: Scope,
    parent: Option<Made>,
    revision: Option<&Revision>,
) -> Result<Draft> {
    let none = |error: &dyn std::fmt::Display| Error::conflict("no_programme", error.to_string());
    let fresh = |parent: Option<Made>, number| {
        Ok(Draft {
            programme: matching::find_variant(templates, profile, scope, number).map_err(|error| none(&error))?,
            variant: number,
            note: parent.and_then(|parent| parent.note),
            withdrawn: None,
        })
    };
    let (Some(revision), Some(parent)) = (revision, parent) else {
        return fresh(None, 0);
    };
    Ok(match revision {
        Revision::Regenerate => return fresh(Some(parent), 0),
        Revision::Variant { number } => return fresh(Some(parent), *number),
        Revision::Swap { row_id, exercise_id } => Draft {
            programme: swap::swap(templates, &parent.programme, profile, row_id, exercise_id)
                .map_err(|error| none(&error))?,
            variant: parent.variant,
            note: parent.note,
            withdrawn: parent.withdrawn,
        },
        Revision::Note { text } => Draft {
            programme: parent.programme,
            variant: parent.variant,
            note: Some(text.clone()),
            withdrawn: parent.withdrawn,
        },
        Revision::Withdrawn { exercise_id } => {
            let name = parent
                .programme
                .items()
                .find(|(_, _, item)| item.exercise_id == *exercise_id)
                .map(|(_, _, item)| item.name.clone());
            Draft {
                programme: without(templates, profile, scope, &parent.programme, exercise_id)
                    .map_err(|error| none(&error))?,
                variant: parent.variant,
                note: parent.note,
                withdrawn: name,
            }
        }
    })
}

/// The programme as it is, with the nearest equivalent wherever the exercise stood; a new match where nothing equals it.
fn without(
    templates: &Templates,
    profile: &Profile,
    scope: Scope,
    programme: &Programme,
    exercise_id: &str,
) -> std::result::Result<Programme, String> {
    let mut changed = programme.clone();
    let row_with = |programme: &Programme| {
        let found = programme.items().find(|(_, _, item)| item.exercise_id == exercise_id);
        found.map(|(_, _, item)| item.row_id.clone())
    };
    while let Some(row_id) = row_with(&changed) {
        let next = swap::alternatives(templates, &changed, profile, &row_id)
            .into_iter()
            .find_map(|one| swap::swap(templates, &changed, profile, &row_id, &one.exercise_id).ok());
        match next {
            // Each swap takes the exercise out of one workout, so this ends; a swap that did not would never.
            Some(next) if count(&next, exercise_id) < count(&changed, exercise_id) => changed = next,
            _ => {
                let found = matching::find(templates, profile, scope).map_err(|error| error.to_string())?;
                return if found.uses(exercise_id) {
                    Err(format!("nothing can stand in for {exercise_id}"))
                } else {
                    Ok(found)
                };
            }
        }
    }
    Ok(changed)
}

fn count(programme: &Programme, exercise_id: &str) -> usize {
    programme
        .items()
        .filter(|(_, _, item)| item.exercise_id == exercise_id)
        .count()
}

/// Both languages of every difference.
pub(crate) fn told(old: &Programme, new: &Programme) -> Vec<Localized> {
    let both = |change: Change| Localized::new(change.text(Language::Ru), change.text(Language::En));
    changes(old, new).into_iter().map(both).collect()
}

/// The version the client has before `program` reaches them: the nearest ancestor that was let go.
pub(crate) async fn seen_before(tx: &mut Tx, program: &Program) -> Result<Option<ProgramId>> {
    let mut next = program.parent.clone();
    // Versions are numbered, so a chain can't be longer than the client's versions.
    for _ in 0..program.version {
        let Some(id) = next else {
            return Ok(None);
        };
        let Some(ancestor) = tx.find_program(&id).await? else {
            return Ok(None);
        };
        if ancestor.status == "ready" {
            return Ok(Some(ancestor.id));
        }
        next = ancestor.parent;
    }
    Ok(None)
}

/// A version that failed gives its place back: what it was to replace waits again, or goes out if its time has passed.
pub(crate) async fn give_back(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    failed: &Program,
    reason: &str,
    request_id: &RequestId,
) -> Result<()> {
    for waiting in tx.cancel_succession(&failed.id).await? {
        let Some(program) = tx.lock_program(&waiting).await? else {
            continue;
        };
        approve_program::schedule_release(app, tx, &program, Some(&failed.id), request_id).await?;
        approve_program::show_again(app, tx, guide, &program, Outlook::Failed { reason }, request_id).await?;
    }
    Ok(())
}
