//! How programmes reach clients: at once, or after the trainer's look.

use serde_json::json;

use super::contact::Checks;
use crate::access::audit;
use crate::settings::programs::{MAX_WAIT_MINUTES, PROGRAMS, ProgramSettings};
use crate::settings::{self};
use crate::{App, Caller, Error, Result};

/// The setting and its version; 0 as long as nothing was saved.
pub async fn find(app: &App, caller: &Caller) -> Result<(ProgramSettings, i64)> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let version = tx.find_setting(PROGRAMS).await?.map_or(0, |setting| setting.version);
    Ok((ProgramSettings::load(&mut tx).await?, version))
}

/// Saves it, if `version` is still current. What waits for approval already keeps its promise to the client.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(app: &App, caller: &Caller, version: i64, wanted: ProgramSettings) -> Result<(ProgramSettings, i64)> {
    let wanted = checked(wanted)?;
    let value = serde_json::to_string(&wanted)
        .map_err(|error| Error::internal(format!("the setting can't be written: {error}")))?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let before = tx.find_setting(PROGRAMS).await?.map_or(0, |setting| setting.version);
    if before != version {
        return Err(Error::VersionConflict { what: "programs" });
    }
    tx.save_setting(PROGRAMS, &value, version, app.now()).await?;
    tx.record_audit(&audit(
        app,
        caller,
        "settings.saved",
        PROGRAMS,
        json!({ "version": version + 1, "delivery": wanted.delivery, "wait_minutes": wanted.wait_minutes }),
    ))
    .await?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok((wanted, version + 1))
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
