//! What can go wrong with the database.

use thiserror::Error;

use crate::migrate::SchemaError;
use crate::vault::VaultError;

pub type Result<T, E = Error> = std::result::Result<T, E>;

#[derive(Debug, Error)]
pub enum Error {
    #[error("the database refused a statement")]
    Database(#[from] sqlx::Error),
    #[error("DATABASE_URL: {0}")]
    Address(String),
    #[error(transparent)]
    Schema(#[from] SchemaError),
    #[error("a value could not be sealed")]
    Vault(#[from] VaultError),
    #[error("{place} of {id} could not be opened: {source}")]
    Sealed {
        place: &'static str,
        id: String,
        source: VaultError,
    },
    #[error("{place} of {id} holds something that can't be read")]
    Corrupt { place: &'static str, id: String },
    /// Somebody else changed the row since it was read.
    #[error("{what} was changed by somebody else")]
    VersionConflict { what: &'static str },
    /// A wallet would hold less than nothing: the transaction must not be committed.
    #[error("{account} would be overdrawn")]
    Overdrawn { account: String },
    /// The lease ran out and somebody else may have taken the work over: nothing was written.
    #[error("the lease of {id} is no longer held")]
    LeaseLost { id: String },
}

impl Error {
    pub(crate) fn corrupt(place: &'static str, id: &str) -> Self {
        Self::Corrupt {
            place,
            id: id.to_owned(),
        }
    }

    /// Whether the same work may succeed when tried again: lost connections, deadlocks, a busy lock.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Database(sqlx::Error::Database(error)) => {
                matches!(
                    error.code().as_deref(),
                    Some("40001" | "40P01" | "55P03" | "57P01" | "57P02" | "57P03" | "53300" | "5" | "6" | "517")
                )
            }
            Self::Database(error) => {
                matches!(
                    error,
                    sqlx::Error::Io(_)
                        | sqlx::Error::BeginFailed
                        | sqlx::Error::PoolTimedOut
                        | sqlx::Error::PoolClosed
                        | sqlx::Error::WorkerCrashed
                )
            }
            _ => false,
        }
    }

    /// Whether a uniqueness rule of the schema refused the row: somebody else was first.
    pub fn is_unique_violation(&self) -> bool {
        matches!(self, Self::Database(sqlx::Error::Database(error)) if error.is_unique_violation())
    }
}
