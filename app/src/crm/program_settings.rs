//! How programmes reach clients: at once, or after the trainer's look.

use serde_json::json;

use super::contact::Checks;
use crate::settings;
use crate::settings::edit::Edit;
use crate::settings::programs::{MAX_WAIT_MINUTES, PROGRAMS, ProgramSettings};
use crate::{App, Caller, Result};

/// The setting and its version; 0 as long as nothing was saved.
pub async fn find(app: &App, caller: &Caller) -> Result<(ProgramSettings, i64)> {
    let (saved, version) = settings::find(app, caller, PROGRAMS).await?;
    Ok((saved.unwrap_or_default(), version))
}

/// Saves it, if `version` is still current. What waits for approval already keeps its promise to the client.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(app: &App, caller: &Caller, version: i64, wanted: ProgramSettings) -> Result<(ProgramSettings, i64)> {
    let wanted = checked(wanted)?;
    let mut edit = Edit::open(app, caller, PROGRAMS, version, "programs").await?;
    let details = json!({ "delivery": wanted.delivery, "wait_minutes": wanted.wait_minutes });
    edit.save(&wanted, details).await?;
    Ok((wanted, edit.commit().await?))
}

fn checked(mut wanted: ProgramSettings) -> Result<ProgramSettings> {
    let mut checks = Checks::default();
    wanted.scopes.sort_unstable();
    wanted.scopes.dedup();
    if wanted
        .scopes
        .iter()
        .any(|scope| !matches!(scope.as_str(), "free" | "full"))
    {
        checks.add("scopes", "invalid", "free, full, or both");
    }
    if !(1..=MAX_WAIT_MINUTES).contains(&wanted.wait_minutes) {
        checks.add(
            "wait_minutes",
            "out_of_range",
            format!("1 to {MAX_WAIT_MINUTES} minutes"),
        );
    }
    checks.done()?;
    Ok(wanted)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn a_wait_without_end_is_refused() {
        assert!(checked(ProgramSettings::default()).is_ok());
        let wrong = ProgramSettings {
            scopes: vec!["gold".into()],
            wait_minutes: 0,
            ..ProgramSettings::default()
        };
        let Err(Error::Invalid(fields)) = checked(wrong) else {
            panic!("two fields are wrong")
        };
        assert_eq!(
            fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(),
            ["scopes", "wait_minutes"]
        );
    }
}
