//! Files: what is stored where. The bytes live in the file store.

use domain::ids::{FileId, Id};
use domain::time::Timestamp;

use crate::dialect::{execute, row};
use crate::{Error, Result, Tx};

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewFile {
    pub id: FileId,
    /// The name people see.
    pub name: String,
    pub mime_type: String,
    pub size: i64,
    /// Hex.
    pub sha256: String,
    pub storage_key: String,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredFile {
    pub id: FileId,
    pub name: String,
    pub mime_type: String,
    pub size: i64,
    pub sha256: String,
    pub storage_key: String,
    /// JSON object: a messenger's own id of the file, by channel.
    pub external_ids: String,
}

#[derive(sqlx::FromRow)]
struct FileRow {
    id: String,
    name: String,
    mime_type: String,
    size: i64,
    sha256: String,
    storage_key: String,
    external_ids: String,
}

impl Tx {
    pub async fn insert_file(&mut self, new: &NewFile) -> Result<()> {
        const SQL: &str = "INSERT INTO files (id, tenant_id, name, mime_type, size, sha256, storage_key, external_ids, created_at_ms) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, '{}', $8)";
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            &new.name,
            &new.mime_type,
            new.size,
            &new.sha256,
            &new.storage_key,
            new.now.millis()
        )?;
        Ok(())
    }

    pub async fn find_file(&mut self, id: &FileId) -> Result<Option<StoredFile>> {
        const SQL: &str = "SELECT id, name, mime_type, size, sha256, storage_key, external_ids FROM files \
             WHERE tenant_id = $1 AND id = $2";
        row!(self, FileRow, SQL, self.tenant.as_ref(), id.as_str())?
            .map(|row| {
                Ok(StoredFile {
                    id: FileId::parse(&row.id).ok_or_else(|| Error::corrupt("files.id", &row.id))?,
                    name: row.name,
                    mime_type: row.mime_type,
                    size: row.size,
                    sha256: row.sha256,
                    storage_key: row.storage_key,
                    external_ids: row.external_ids,
                })
            })
            .transpose()
    }

    pub async fn set_file_external_ids(&mut self, id: &FileId, external_ids: &str) -> Result<()> {
        const SQL: &str = "UPDATE files SET external_ids = $1 WHERE tenant_id = $2 AND id = $3";
        execute!(self, SQL, external_ids, self.tenant.as_ref(), id.as_str())?;
        Ok(())
    }
}
