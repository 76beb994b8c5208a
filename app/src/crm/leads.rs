//! Leads: who works with whom, and how it stands.

use domain::ids::{ClientId, LeadId};
use domain::pipeline::LeadStatus;
use serde_json::json;
use store::{Lead, LeadFilter, PageOf, PageRequest};

use super::{check_cursor, note, parse_id};
use crate::access::audit;
use crate::{App, Caller, Error, Result};

/// Newest first.
///
/// Errors: `Invalid` names `client` or `cursor`.
pub async fn list(
    app: &App,
    caller: &Caller,
    status: Option<LeadStatus>,
    client: Option<&str>,
    page: &PageRequest,
) -> Result<PageOf<Lead>> {
    check_cursor::<LeadId>(page)?;
    let client = client.map(|id| parse_id::<ClientId>("client", id)).transpose()?;
    Ok(app
        .tenant(&caller.tenant)
        .read()
        .await?
        .list_leads(&LeadFilter { status, client }, page)
        .await?)
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &LeadId) -> Result<Lead> {
    app.tenant(&caller.tenant)
        .read()
        .await?
        .find_lead(id)
        .await?
        .ok_or(Error::NotFound { what: "lead" })
}

/// Sets the status, if `version` is still current. A lost lead may be opened again.
///
/// Errors: `NotFound`; `VersionConflict`; `Conflict` `open_lead_exists` when the client has another open lead by now.
pub async fn set_status(app: &App, caller: &Caller, id: &LeadId, version: i64, status: LeadStatus) -> Result<Lead> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let lead = tx.find_lead(id).await?.ok_or(Error::NotFound { what: "lead" })?;
    if lead.version != version {
        return Err(Error::VersionConflict { what: "lead" });
    }
    if lead.status == status {
        return Ok(lead);
    }
    tx.set_lead_status(id, version, status, app.now())
        .await
        .map_err(|error| {
            if error.is_unique_violation() {
                Error::conflict(
                    "open_lead_exists",
                    "this client has another open lead: work with that one",
                )
            } else {
                error.into()
            }
        })?;
    let details = json!({ "lead_id": id, "from": lead.status, "to": status });
    note(app, &mut tx, caller, &lead.client, "lead.status_changed", &details).await?;
    tx.record_audit(&audit(app, caller, "lead.status_changed", id.as_ref(), details))
        .await?;
    let lead = tx.find_lead(id).await?.ok_or(Error::NotFound { what: "lead" })?;
    tx.commit().await?;
    Ok(lead)
}

/// The caller works with this lead from now on. Taking one's own again changes nothing; `force` takes over another's.
///
/// Errors: `NotFound`; `Conflict` `lead_taken` or `lead_closed`.
pub async fn take(app: &App, caller: &Caller, id: &LeadId, force: bool) -> Result<Lead> {
    let who = caller.actor.to_string();
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let lead = tx.find_lead(id).await?.ok_or(Error::NotFound { what: "lead" })?;
    if lead.closed_at.is_some() {
        return Err(Error::conflict(
            "lead_closed",
            "this lead is closed: open it again first",
        ));
    }
    if lead.taken_by.as_deref() == Some(who.as_str()) {
        return Ok(lead);
    }
    if !tx.take_free_lead(id, &who, force).await? {
        return Err(Error::conflict("lead_taken", "somebody else works with this lead"));
    }
    let details = json!({ "lead_id": id });
    note(app, &mut tx, caller, &lead.client, "lead.taken", &details).await?;
    tx.record_audit(&audit(
        app,
        caller,
        "lead.taken",
        id.as_ref(),
        json!({ "before": lead.taken_by }),
    ))
    .await?;
    let lead = tx.find_lead(id).await?.ok_or(Error::NotFound { what: "lead" })?;
    tx.commit().await?;
    Ok(lead)
}
