//! Moving clients through the pipeline by hand: anyone anywhere, each move in the history.

use std::collections::BTreeSet;

use domain::ids::{ClientId, Id, StageId};
use serde_json::json;
use store::{NewMove, Tx};

use super::clients::{ClientView, ensure_in_use, view};
use super::contact::{self, Checks};
use super::parse_id;
use crate::access::audit;
use crate::{App, Caller, Error, FieldProblem, Result};

/// One transaction holds the rows of all of them.
const MAX_AT_ONCE: usize = 100;
/// Tries when somebody else moves the same clients at the same moment, or the database breaks a deadlock.
const ATTEMPTS: u32 = 4;

/// How many moved, and how many stood there already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Moved {
    pub moved: usize,
    pub unchanged: usize,
}

/// Moves one client. Moving to where it stands changes nothing.
///
/// Errors: `NotFound`; `Invalid` names `stage_id` or `reason`; `Conflict` `stage_archived` or `moved_meanwhile`.
pub async fn one(app: &App, caller: &Caller, id: &ClientId, stage: &str, reason: Option<&str>) -> Result<ClientView> {
    let (stage, reason) = checked(stage, reason)?;
    let mut attempt = 1;
    loop {
        let mut tx = app.tenant(&caller.tenant).write().await?;
        ensure_stage(&mut tx, &stage).await?;
        let done = match step(app, caller, &mut tx, id, &stage, &reason).await {
            Ok(None) => return Err(Error::NotFound { what: "client" }),
            Ok(Some(_)) => finish(tx, id, &stage).await,
            Err(error) => Err(error),
        };
        match done {
            Err(error) if attempt < ATTEMPTS && is_race(&error) => attempt += 1,
            done => return done.map_err(lost_race),
        }
    }
}

/// Moves several clients: all or none.
///
/// Errors: `Invalid` names `client_ids`, each unknown one as `client_ids/<place>`, `stage_id` or `reason`; `Conflict`
/// `stage_archived` or `moved_meanwhile`.
pub async fn many(app: &App, caller: &Caller, ids: &[String], stage: &str, reason: Option<&str>) -> Result<Moved> {
    if ids.is_empty() || ids.len() > MAX_AT_ONCE {
        return Err(Error::invalid(
            "client_ids",
            "length",
            format!("1 to {MAX_AT_ONCE} clients can be moved at once"),
        ));
    }
    let (stage, reason) = checked(stage, reason)?;
    let mut attempt = 1;
    loop {
        match try_many(app, caller, ids, &stage, &reason).await {
            Err(error) if attempt < ATTEMPTS && is_race(&error) => attempt += 1,
            done => return done.map_err(lost_race),
        }
    }
}

async fn try_many(app: &App, caller: &Caller, ids: &[String], stage: &StageId, reason: &str) -> Result<Moved> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    ensure_stage(&mut tx, stage).await?;
    let mut unknown = Vec::new();
    let mut known = BTreeSet::new();
    for (place, text) in ids.iter().enumerate() {
        let found = match ClientId::parse(text) {
            Some(id) => tx.find_client(&id).await?,
            None => None,
        };
        match found {
            Some(client) => {
                known.insert(client.id);
            }
            None => unknown.push(FieldProblem::new(
                format!("client_ids/{place}"),
                "not_found",
                "there is no such client",
            )),
        }
    }
    if !unknown.is_empty() {
        return Err(Error::Invalid(unknown));
    }
    let mut done = Moved { moved: 0, unchanged: 0 };
    // In the order of ids, so that two people moving the same clients wait for each other instead of locking up.
    for id in &known {
        match step(app, caller, &mut tx, id, stage, reason).await? {
            Some(true) => done.moved += 1,
            Some(false) => done.unchanged += 1,
            None => return Err(Error::NotFound { what: "client" }),
        }
    }
    ensure_in_use(&mut tx, stage).await?;
    tx.commit().await?;
    Ok(done)
}

fn checked(stage: &str, reason: Option<&str>) -> Result<(StageId, String)> {
    let stage = parse_id("stage_id", stage)?;
    let mut checks = Checks::default();
    let reason = checks.take("reason", contact::reason(reason));
    checks.done()?;
    Ok((stage, reason))
}

/// The clients this transaction wants have just been moved by somebody else, or the database asked to try again.
fn is_race(error: &Error) -> bool {
    matches!(error, Error::VersionConflict { .. }) || error.is_transient()
}

/// Whoever moves sends no version, so "your version is old" would make no sense to them.
fn lost_race(error: Error) -> Error {
    match error {
        Error::VersionConflict { .. } => Error::conflict(
            "moved_meanwhile",
            "somebody else is moving the same clients: look again and repeat",
        ),
        error => error,
    }
}

async fn ensure_stage(tx: &mut Tx, stage: &StageId) -> Result<()> {
    match ensure_in_use(tx, stage).await {
        Err(Error::NotFound { .. }) => Err(Error::invalid("stage_id", "not_found", "there is no such stage")),
        other => other,
    }
}

/// Moves a client inside the transaction. `None`: no such client; `Some(false)`: it stands there already.
///
/// Errors: `VersionConflict` when somebody else moved it in this very moment.
async fn step(
    app: &App,
    caller: &Caller,
    tx: &mut Tx,
    id: &ClientId,
    to: &StageId,
    reason: &str,
) -> Result<Option<bool>> {
    let Some(client) = tx.find_client(id).await? else {
        return Ok(None);
    };
    if client.stage == *to {
        return Ok(Some(false));
    }
    let step = NewMove {
        id: app.new_id(),
        client: id.clone(),
        from: Some(client.stage.clone()),
        to: to.clone(),
        actor: caller.actor.to_string(),
        reason: reason.to_owned(),
        now: app.now(),
    };
    if !tx.move_client(&step).await? {
        return Err(Error::VersionConflict { what: "client" });
    }
    let details = json!({ "from": client.stage, "to": to });
    tx.record_audit(&audit(app, caller, "client.moved", id.as_ref(), details))
        .await?;
    Ok(Some(true))
}

async fn finish(mut tx: Tx, id: &ClientId, stage: &StageId) -> Result<ClientView> {
    // Somebody may have archived the stage while this waited for it.
    ensure_in_use(&mut tx, stage).await?;
    let view = view(&mut tx, id).await?;
    tx.commit().await?;
    Ok(view)
}
