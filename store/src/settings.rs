//! What an administrator may change: sealed values by name, and the owner's own words.

use domain::language::Language;
use domain::time::Timestamp;

use crate::dialect::{execute, row, rows};
use crate::{Error, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    /// JSON.
    pub value: String,
    pub version: i64,
}

impl Tx {
    pub async fn find_setting(&mut self, name: &str) -> Result<Option<Setting>> {
        const SQL: &str = "SELECT value_sealed, version FROM settings WHERE tenant_id = $1 AND name = $2";
        row!(self, (Vec<u8>, i64), SQL, self.tenant.as_ref(), name)?
            .map(|(sealed, version)| {
                Ok(Setting {
                    value: self.open_text("settings.value", name, &sealed)?,
                    version,
                })
            })
            .transpose()
    }

    /// Writes a setting. `version` is the one that was read, 0 for a new one.
    /// Errors: [`Error::VersionConflict`] when somebody else was first.
    pub async fn save_setting(&mut self, name: &str, value: &str, version: i64, now: Timestamp) -> Result<()> {
        const SQL: &str = "INSERT INTO settings (tenant_id, name, value_sealed, version, updated_at_ms) VALUES ($1, $2, $3, 1, $4) \
             ON CONFLICT (tenant_id, name) DO UPDATE SET value_sealed = excluded.value_sealed, \
             version = settings.version + 1, updated_at_ms = excluded.updated_at_ms WHERE settings.version = $5";
        let sealed = self.seal("settings.value", name, value.as_bytes())?;
        let changed = execute!(self, SQL, self.tenant.as_ref(), name, sealed, now.millis(), version)?;
        if changed == 1 {
            Ok(())
        } else {
            Err(Error::VersionConflict { what: "setting" })
        }
    }

    /// (name, language, text) of every text the owner has replaced.
    pub async fn text_overrides(&mut self) -> Result<Vec<(String, Language, String)>> {
        const SQL: &str =
            "SELECT name, language, body FROM message_templates WHERE tenant_id = $1 ORDER BY name, language";
        rows!(self, (String, String, String), SQL, self.tenant.as_ref())?
            .into_iter()
            .map(|(name, language, body)| {
                let language =
                    Language::parse(&language).ok_or_else(|| Error::corrupt("message_templates.language", &name))?;
                Ok((name, language, body))
            })
            .collect()
    }

    pub async fn save_text(&mut self, name: &str, language: Language, body: &str, now: Timestamp) -> Result<()> {
        const SQL: &str = "INSERT INTO message_templates (tenant_id, name, language, body, updated_at_ms) VALUES ($1, $2, $3, $4, $5) \
             ON CONFLICT (tenant_id, name, language) DO UPDATE SET body = excluded.body, updated_at_ms = excluded.updated_at_ms";
        execute!(
            self,
            SQL,
            self.tenant.as_ref(),
            name,
            language.code(),
            body,
            now.millis()
        )?;
        Ok(())
    }

    /// Brings the shipped text back.
    pub async fn forget_text(&mut self, name: &str, language: Language) -> Result<()> {
        const SQL: &str = "DELETE FROM message_templates WHERE tenant_id = $1 AND name = $2 AND language = $3";
        execute!(self, SQL, self.tenant.as_ref(), name, language.code())?;
        Ok(())
    }
}
