//! How a person edits a setting: from the version they have seen, audited, in force with the next turn.

use serde::Serialize;
use serde_json::{Value, json};
use store::Tx;

use super::{forget, version_of};
use crate::access::audit;
use crate::{App, Caller, Error, Result};

/// An edit that is under way. What else has to change with the setting goes into `tx`, before the commit.
pub struct Edit<'a> {
    app: &'a App,
    caller: &'a Caller,
    name: &'static str,
    version: i64,
    pub tx: Tx,
}

impl<'a> Edit<'a> {
    /// Opens the transaction. `version` is the one the caller has seen.
    ///
    /// Errors: `VersionConflict` of `what` when it is not current.
    pub async fn open(
        app: &'a App,
        caller: &'a Caller,
        name: &'static str,
        version: i64,
        what: &'static str,
    ) -> Result<Self> {
        let mut tx = app.tenant(&caller.tenant).write().await?;
        if version_of(&mut tx, name).await? != version {
            return Err(Error::VersionConflict { what });
        }
        Ok(Self {
            app,
            caller,
            name,
            version,
            tx,
        })
    }

    /// Writes the value and the audit entry: `details` is an object, the new version comes into it.
    pub async fn save<T: Serialize>(&mut self, value: &T, mut details: Value) -> Result<()> {
        let text = serde_json::to_string(value)
            .map_err(|error| Error::internal(format!("the setting {} can't be written: {error}", self.name)))?;
        self.tx
            .save_setting(self.name, &text, self.version, self.app.now())
            .await?;
        if let Some(details) = details.as_object_mut() {
            details.insert("version".into(), json!(self.next_version()));
        }
        let entry = audit(self.app, self.caller, "settings.saved", self.name, details);
        self.tx.record_audit(&entry).await?;
        Ok(())
    }

    /// Commits, and the next turn sees it. Answers the new version.
    pub async fn commit(self) -> Result<i64> {
        let version = self.next_version();
        self.tx.commit().await?;
        forget(self.app, &self.caller.tenant);
        Ok(version)
    }

    const fn next_version(&self) -> i64 {
        self.version + 1
    }
}
