//! Where files lie: a folder, later an S3 bucket, behind one store.

use std::path::Path;
use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path as Key;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};
use thiserror::Error;

#[derive(Debug, Error)]
pub enum Error {
    #[error("STORAGE_URL: {0}")]
    Address(String),
    #[error("the file store could not {what}")]
    Store {
        what: &'static str,
        #[source]
        source: object_store::Error,
    },
}

/// Cheap to clone.
#[derive(Debug, Clone)]
pub struct FileStore {
    store: Arc<dyn ObjectStore>,
}

impl FileStore {
    /// Opens `file:path` (the folder is made if missing).
    ///
    /// Errors: a sentence that names what is wrong with the address or the folder.
    pub fn open(storage_url: &str) -> Result<Self, Error> {
        let folder = storage_url
            .strip_prefix("file://")
            .or_else(|| storage_url.strip_prefix("file:"))
            .filter(|folder| !folder.is_empty())
            .ok_or_else(|| Error::Address("must look like file:data/files".into()))?;
        let unusable = |reason: String| Error::Address(format!("the folder {folder} can't be used: {reason}"));
        std::fs::create_dir_all(Path::new(folder)).map_err(|error| unusable(error.to_string()))?;
        let store = LocalFileSystem::new_with_prefix(folder)
            .map_err(|error| unusable(error.to_string()))?
            .with_fsync(true);
        Ok(Self { store: Arc::new(store) })
    }

    /// Keeps bytes under a key. Keys are content-addressed or carry an id, so writing one again is harmless.
    pub async fn put(&self, key: &str, bytes: Bytes) -> Result<(), Error> {
        let options = PutOptions {
            mode: PutMode::Overwrite,
            ..PutOptions::default()
        };
        self.store
            .put_opts(&Key::from(key), PutPayload::from_bytes(bytes), options)
            .await
            .map_err(|source| Error::Store {
                what: "write a file",
                source,
            })?;
        Ok(())
    }

    /// `None` when there is nothing under the key.
    pub async fn get(&self, key: &str) -> Result<Option<Bytes>, Error> {
        let missing = |source| match source {
            object_store::Error::NotFound { .. } => Ok(None),
            source => Err(Error::Store {
                what: "read a file",
                source,
            }),
        };
        match self.store.get(&Key::from(key)).await {
            Ok(found) => found.bytes().await.map(Some).or_else(missing),
            Err(error) => missing(error),
        }
    }

    /// Writes, reads and removes a small file: whether the store can be worked with.
    pub async fn probe(&self) -> Result<(), Error> {
        const KEY: &str = "probe";
        self.put(KEY, Bytes::from_static(b"voronka")).await?;
        self.get(KEY).await?;
        self.store.delete(&Key::from(KEY)).await.map_err(|source| Error::Store {
            what: "remove a file",
            source,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_kept_comes_back() {
        let folder = tempfile::tempdir().unwrap();
        let store = FileStore::open(&format!("file:{}/deep/files", folder.path().display())).unwrap();
        store.probe().await.unwrap();
        store.put("programs/a.pdf", Bytes::from_static(b"%PDF")).await.unwrap();
        store.put("programs/a.pdf", Bytes::from_static(b"%PDF")).await.unwrap();
        assert_eq!(
            store.get("programs/a.pdf").await.unwrap().as_deref(),
            Some(b"%PDF".as_slice())
        );
        assert_eq!(store.get("programs/b.pdf").await.unwrap(), None);
    }

    #[test]
    fn a_wrong_address_names_the_key() {
        for address in ["", "s3://bucket", "file:"] {
            let error = FileStore::open(address).unwrap_err().to_string();
            assert!(error.starts_with("STORAGE_URL"), "{error}");
        }
    }
}
