//! The Telegram world on disk, so that a restart of the sandbox keeps the chats. Optional.

use std::{
    io,
    path::{Path, PathBuf},
    time::Duration,
};

use crate::{
    telegram::{Telegram, TelegramSnapshot},
    world::Shared,
};

/// A burst of messages is written once.
const SETTLE: Duration = Duration::from_millis(500);

#[derive(Debug, thiserror::Error)]
pub enum PersistenceError {
    #[error("can't read {}", path.display())]
    Read { path: PathBuf, source: io::Error },
    #[error("{} is not a saved sandbox", path.display())]
    Parse { path: PathBuf, source: serde_json::Error },
    #[error("can't write {}", path.display())]
    Write { path: PathBuf, source: io::Error },
    #[error("the chats can't be written as JSON")]
    Snapshot(#[from] serde_json::Error),
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
    let snapshot: TelegramSnapshot = serde_json::from_slice(&bytes).map_err(|source| PersistenceError::Parse {
        path: path.to_owned(),
        source,
    })?;
    Ok(Some(Telegram::restore(snapshot)))
}

async fn save(sandbox: &Shared, path: &Path) -> Result<(), PersistenceError> {
    let snapshot = sandbox.world().telegram.snapshot()?;
    let failed = |source| PersistenceError::Write {
        path: path.to_owned(),
        source,
    };
    if let Some(folder) = path.parent() {
        tokio::fs::create_dir_all(folder).await.map_err(failed)?;
    }
    // A file is either the old world or the new one, never half of each.
    let unfinished = path.with_extension("tmp");
    tokio::fs::write(&unfinished, snapshot.to_string())
        .await
        .map_err(failed)?;
    tokio::fs::rename(&unfinished, path).await.map_err(failed)
}

/// Saves after changes and once more at the end.
pub async fn keep(sandbox: Shared, path: PathBuf) {
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
        if let Err(error) = save(&sandbox, &path).await {
            tracing::error!(%error, source = ?std::error::Error::source(&error), "the chats are not saved");
        }
    }
}
