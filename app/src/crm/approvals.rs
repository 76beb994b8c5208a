//! What a trainer does with a programme through the API: the same decisions as in the chat.

use std::sync::Arc;

use domain::dialogue::approval;
use domain::ids::ProgramId;
use domain::profile::Profile;
use domain::questionnaire::profile;
use programs::matching;
use programs::programme::Scope;
use programs::swap::{self, Alternative};
use programs::templates::Templates;
use serde_json::json;
use store::{Program, Tx};

use crate::access::audit;
use crate::approve_program::{self, Decision};
use crate::caller::Actor;
use crate::revise_program::{self, Made, Revision, Who};
use crate::{App, Caller, Error, Result, refresh_templates, settings};

/// What a choice between exercises or plans needs.
pub(crate) struct Desk {
    pub templates: Arc<Templates>,
    pub profile: Profile,
    pub made: Made,
    pub scope: Scope,
}

impl Desk {
    /// Errors: a conflict `program_not_ready`.
    pub(crate) async fn of(tx: &mut Tx, templates: Arc<Templates>, program: &Program) -> Result<Self> {
        let made = Made::load(tx, &program.id).await?.ok_or_else(not_ready)?;
        Ok(Self {
            templates,
            profile: profile(&tx.answers(&program.questionnaire).await?),
            made,
            scope: if program.scope == "full" {
                Scope::AllTwelveWeeks
            } else {
                Scope::FirstTwoWeeks
            },
        })
    }

    pub(crate) fn alternatives(&self, row_id: &str) -> Vec<Alternative> {
        swap::alternatives(&self.templates, &self.made.programme, &self.profile, row_id)
    }

    /// The variant after this one; behind the last comes the first again. `None`: there is only one.
    pub(crate) fn next_variant(&self) -> Option<u32> {
        let next = self.made.variant + 1;
        if matching::find_variant(&self.templates, &self.profile, self.scope, next).is_ok() {
            return Some(next);
        }
        (self.made.variant > 0).then_some(0)
    }
}

fn not_ready() -> Error {
    Error::conflict("program_not_ready", "this version has no programme yet")
}

/// Lets a waiting version go.
///
/// Errors: `NotFound`; conflicts `program_already_sent`, `program_replaced`, `program_not_ready`.
pub async fn approve(app: &App, caller: &Caller, id: &ProgramId) -> Result<()> {
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let (name, actor) = names(&mut tx, caller).await?;
    let who = Who {
        name: &name,
        actor: &actor,
    };
    let conflict = |code, detail: &str| {
        Err(Error::Conflict {
            code,
            detail: detail.into(),
        })
    };
    match approve_program::decide_in(app, &mut tx, &guide, id, who, &caller.request_id).await? {
        Decision::Sent => {}
        Decision::AlreadySent => return conflict("program_already_sent", "this version has gone to the client"),
        Decision::Replaced => return conflict("program_replaced", "another version takes this one's place"),
        Decision::NotReady => return conflict("program_not_ready", "this version has no document yet"),
    }
    tx.record_audit(&audit(app, caller, "program.approved", id.as_ref(), json!({})))
        .await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// What could stand in a row's place, best first.
///
/// Errors: `NotFound`; a conflict `program_not_ready`.
pub async fn alternatives(app: &App, caller: &Caller, id: &ProgramId, row_id: &str) -> Result<Vec<Alternative>> {
    let templates = refresh_templates::current(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let program = tx.find_program(id).await?.ok_or(Error::NotFound { what: "program" })?;
    Ok(Desk::of(&mut tx, templates, &program).await?.alternatives(row_id))
}

/// Orders a version with another exercise in a row's place.
///
/// Errors: those of [`revise`]; `Invalid` names `row_id` or `exercise_id`.
pub async fn swap(
    app: &App,
    caller: &Caller,
    id: &ProgramId,
    row_id: String,
    exercise_id: String,
) -> Result<ProgramId> {
    let templates = refresh_templates::current(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let program = tx.find_program(id).await?.ok_or(Error::NotFound { what: "program" })?;
    let desk = Desk::of(&mut tx, templates, &program).await?;
    drop(tx);
    swap::swap(
        &desk.templates,
        &desk.made.programme,
        &desk.profile,
        &row_id,
        &exercise_id,
    )
    .map_err(|error| {
        let field = match error {
            swap::SwapError::NoSuchRow { .. } => "row_id",
            swap::SwapError::NotAllowed { .. } => "exercise_id",
        };
        Error::invalid(field, "not_allowed", error.to_string())
    })?;
    revise(app, caller, id, &Revision::Swap { row_id, exercise_id }).await
}

/// Orders the next best plan.
///
/// Errors: those of [`revise`]; a conflict `no_more_variants`.
pub async fn variant(app: &App, caller: &Caller, id: &ProgramId) -> Result<ProgramId> {
    let templates = refresh_templates::current(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let program = tx.find_program(id).await?.ok_or(Error::NotFound { what: "program" })?;
    let number = Desk::of(&mut tx, templates, &program)
        .await?
        .next_variant()
        .ok_or_else(|| {
            Error::conflict(
                "no_more_variants",
                "the templates hold no other variant for these answers",
            )
        })?;
    drop(tx);
    revise(app, caller, id, &Revision::Variant { number }).await
}

/// Orders a version with the trainer's words in it.
///
/// Errors: those of [`revise`]; `Invalid` names `text`.
pub async fn write_note(app: &App, caller: &Caller, id: &ProgramId, text: &str) -> Result<ProgramId> {
    let text = approval::note(text)
        .map_err(|_| Error::invalid("text", "length", format!("1 to {} characters", approval::MAX_NOTE)))?;
    revise(app, caller, id, &Revision::Note { text }).await
}

/// Orders a version that comes from this one.
///
/// Errors: `NotFound`; conflicts `program_decided`, `program_in_work`.
pub async fn revise(app: &App, caller: &Caller, id: &ProgramId, revision: &Revision) -> Result<ProgramId> {
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let program = tx.lock_program(id).await?.ok_or(Error::NotFound { what: "program" })?;
    let (name, actor) = names(&mut tx, caller).await?;
    let who = Who {
        name: &name,
        actor: &actor,
    };
    let next =
        revise_program::revise_in(app, &mut tx, &guide, &program, revision, None, who, &caller.request_id).await?;
    tx.record_audit(&audit(
        app,
        caller,
        "program.ordered",
        next.as_ref(),
        json!({ "from": id, "reason": revision.code() }),
    ))
    .await?;
    tx.commit().await?;
    app.wake_workers();
    app.wake_deliveries();
    Ok(next)
}

/// (the name people read, the actor of the records)
pub(crate) async fn names(tx: &mut Tx, caller: &Caller) -> Result<(String, String)> {
    let actor = caller.actor.to_string();
    let name = match &caller.actor {
        Actor::User(id) => tx.user(id).await?.map(|user| user.name),
        _ => None,
    };
    Ok((name.unwrap_or_else(|| actor.clone()), actor))
}
