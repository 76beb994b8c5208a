//! Programmes and their versions, to look at.

use domain::ids::{ClientId, FileId, ProgramId};
use domain::language::Localized;
use serde_json::Value;
use store::{PageOf, PageRequest, Program, ProgramFilter};

use super::{check_cursor, parse_id};
use crate::{App, Caller, Error, Result};

/// A client with more versions than this shows the newest of them.
const MAX_VERSIONS: u32 = 100;

/// A version with everything that is known about how it came about.
#[derive(Debug, Clone, PartialEq)]
pub struct ProgramView {
    pub program: Program,
    /// The matched rows and their words; `None` until it is ready.
    pub content: Option<Value>,
    pub report: Option<Value>,
    /// What differs from the version it comes from.
    pub changes: Vec<Localized>,
    /// The trainer's words in it.
    pub note: Option<String>,
    /// The client's versions, newest first.
    pub versions: Vec<Program>,
}

/// Newest first.
///
/// Errors: `Invalid` names `client` or `cursor`.
pub async fn list(
    app: &App,
    caller: &Caller,
    client: Option<&str>,
    status: Option<&str>,
    page: &PageRequest,
) -> Result<PageOf<Program>> {
    check_cursor::<ProgramId>(page)?;
    let client = client.map(|id| parse_id::<ClientId>("client", id)).transpose()?;
    let filter = ProgramFilter {
        client,
        status: status.map(str::to_owned),
    };
    Ok(app
        .tenant(&caller.tenant)
        .read()
        .await?
        .list_programs(&filter, page)
        .await?)
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &ProgramId) -> Result<ProgramView> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let program = tx
        .find_program(id)
        .await?
        .ok_or(Error::NotFound { what: "programme" })?;
    let (content, report) = match tx.program_details(id).await? {
        Some((content, report)) => (Some(json(&content, id)?), Some(json(&report, id)?)),
        None => (None, None),
    };
    let filter = ProgramFilter {
        client: Some(program.client.clone()),
        status: None,
    };
    let versions = tx
        .list_programs(
            &filter,
            &PageRequest {
                limit: MAX_VERSIONS,
                after: None,
            },
        )
        .await?
        .items;
    let field = |name: &str| content.as_ref().and_then(|content: &Value| content.get(name)).cloned();
    let changes = field("changes").and_then(|value| serde_json::from_value(value).ok());
    let note = field("note").and_then(|value| serde_json::from_value(value).ok());
    Ok(ProgramView {
        changes: changes.unwrap_or_default(),
        note,
        program,
        content,
        report,
        versions,
    })
}

fn json(text: &str, id: &ProgramId) -> Result<Value> {
    serde_json::from_str(text).map_err(|error| Error::internal(format!("the contents of {id} can't be read: {error}")))
}

/// The document of a version.
///
/// Errors: `NotFound`; `Conflict` `program_not_ready`.
pub async fn file(app: &App, caller: &Caller, id: &ProgramId) -> Result<FileId> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let program = tx
        .find_program(id)
        .await?
        .ok_or(Error::NotFound { what: "programme" })?;
    program.file.ok_or_else(|| Error::Conflict {
        code: "program_not_ready",
        detail: format!("this version has no document: it is {}", program.status),
    })
}
