//! Chats and payments on disk, so that a restart of the sandbox keeps what the product's database knows of. Optional.

use std::{
    collections::{HashMap, HashSet},
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use bytes::Bytes;

use crate::{
    banks::Banks,
    telegram::{Telegram, TelegramSnapshot},
    world::Shared,
};

/// A burst of messages is written once.
const SETTLE: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum PersistenceError {
    #[error("can't read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("can't write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the chats can't be written as JSON")]
    Snapshot(#[from] serde_json::Error),
}

/// Beside the data file, one file for each that was sent; written once, since they never change.
fn files_folder(data_file: &Path) -> PathBuf {
    data_file.with_extension("files")
}

/// Beside the data file: payments, refunds, receipts and the notifications on their way.
fn banks_file(data_file: &Path) -> PathBuf {
    data_file.with_extension("banks.json")
}

/// `None` when nothing has been saved yet, or what was saved is of another version.
pub async fn load_banks(data_file: &Path) -> Result<Option<Banks>, PersistenceError> {
    let path = banks_file(data_file);
    let bytes = match tokio::fs::read(&path).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(PersistenceError::Read { path, source }),
    };
    match serde_json::from_slice(&bytes) {
        Ok(banks) => Ok(Some(banks)),
        Err(error) => {
            let aside = path.with_extension("unreadable");
            tracing::warn!(%error, path = %aside.display(), "the saved payments can't be read and are put aside");
            let moved = tokio::fs::rename(&path, &aside).await;
            moved.map_err(|source| PersistenceError::Write { path: aside, source })?;
            Ok(None)
        }
    }
}

async fn replace(path: &Path, bytes: Vec<u8>) -> io::Result<()> {
    // A file is either the old world or the new one, never half of each.
    let unfinished = path.with_extension("tmp");
    tokio::fs::write(&unfinished, bytes).await?;
    tokio::fs::rename(&unfinished, path).await
}

/// `None` when nothing has been saved yet.
pub async fn load(path: &Path) -> Result<Option<Telegram>, PersistenceError> {
    let bytes = match tokio::fs::read(path).await {
        Ok(bytes) => bytes,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(source) => {
            return Err(PersistenceError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let snapshot: TelegramSnapshot = match serde_json::from_slice(&bytes) {
        Ok(snapshot) => snapshot,
        // Chats of another version are no reason to keep a newcomer from starting; they are kept for a look.
        Err(error) => {
            let aside = path.with_extension("unreadable");
            tracing::warn!(%error, path = %aside.display(), "the saved chats can't be read and are put aside");
            tokio::fs::rename(path, &aside)
                .await
                .map_err(|source| PersistenceError::Write {
                    path: aside.clone(),
                    source,
                })?;
            return Ok(None);
        }
    };
    let folder = files_folder(path);
    let mut contents = HashMap::new();
    for id in snapshot.files.ids() {
        match tokio::fs::read(folder.join(id)).await {
            Ok(bytes) => {
                contents.insert(id.to_owned(), Bytes::from(bytes));
            }
            Err(error) => tracing::warn!(%error, file.id = id, "a saved file can't be read"),
        }
    }
    Ok(Some(Telegram::restore(snapshot, contents)))
}

async fn save(sandbox: &Shared, path: &Path, written: &mut HashSet<String>) -> Result<(), PersistenceError> {
    let (snapshot, banks, fresh) = {
        let world = sandbox.world();
        let fresh: Vec<(String, Bytes)> = world
            .telegram
            .files
            .all()
            .filter(|file| !written.contains(&file.about.file_id))
            .map(|file| (file.about.file_id.clone(), file.bytes.clone()))
            .collect();
        (world.telegram.snapshot()?, serde_json::to_vec(&world.banks)?, fresh)
    };
    let failed = |source| PersistenceError::Write {
        path: path.to_owned(),
        source,
    };
    let folder = files_folder(path);
    tokio::fs::create_dir_all(&folder).await.map_err(failed)?;
    for (id, bytes) in fresh {
        tokio::fs::write(folder.join(&id), bytes).await.map_err(failed)?;
        written.insert(id);
    }
    replace(&banks_file(path), banks).await.map_err(failed)?;
    replace(path, snapshot).await.map_err(failed)
}

/// The files that are on disk already when they have just been read from there.
pub fn file_ids(telegram: &Telegram) -> HashSet<String> {
    telegram.files.all().map(|file| file.about.file_id.clone()).collect()
}

/// Saves after changes and once more at the end. `written` are the files that need no writing.
pub async fn keep(sandbox: Shared, path: PathBuf, mut written: HashSet<String>) {
    let (mut events, mut updates) = {
        let world = sandbox.world();
        (world.events.changes(), world.telegram.updates.changes())
    };
    let mut stopping = false;
    while !stopping {
        tokio::select! {
            Ok(()) = events.changed() => {}
            Ok(()) = updates.changed() => {}
            () = sandbox.stop.cancelled() => stopping = true,
        }
        if !stopping {
            tokio::select! {
                () = tokio::time::sleep(SETTLE) => {}
                () = sandbox.stop.cancelled() => stopping = true,
            }
        }
        events.borrow_and_update();
        updates.borrow_and_update();
        if let Err(error) = save(&sandbox, &path, &mut written).await {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "the chats are not saved");
        }
    }
}
