//! Why a verb did not happen.

use thiserror::Error;

pub type Result<T, E = Error> = std::result::Result<T, E>;

/// One wrong field, named as the request names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FieldProblem {
    pub field: String,
    pub code: &'static str,
    pub message: String,
}

impl FieldProblem {
    pub fn new(field: impl Into<String>, code: &'static str, message: impl Into<String>) -> Self {
        Self {
            field: field.into(),
            code,
            message: message.into(),
        }
    }
}

#[derive(Debug, Error)]
pub enum Error {
    /// Also for what belongs to another tenant.
    #[error("{what} not found")]
    NotFound { what: &'static str },
    #[error("the request has wrong fields")]
    Invalid(Vec<FieldProblem>),
    /// The request is well-formed but the state of things forbids it. `code` is stable, `detail` is for a person.
    #[error("{detail}")]
    Conflict { code: &'static str, detail: String },
    /// `If-Match` named an older version.
    #[error("{what} was changed by somebody else")]
    VersionConflict { what: &'static str },
    #[error("sign in first")]
    Unauthenticated,
    #[error("not allowed")]
    Forbidden,
    #[error("too many attempts, try again in {after_s} s")]
    TooManyAttempts { after_s: u64 },
    #[error(transparent)]
    Store(store::Error),
    /// Something outside (files, a provider) is away; trying again later may help.
    #[error("{what} is not available")]
    Unavailable {
        what: &'static str,
        #[source]
        source: Box<dyn std::error::Error + Send + Sync>,
    },
    /// A broken promise of our own; the cause goes to the log.
    #[error("{what}")]
    Internal { what: String },
}

impl From<store::Error> for Error {
    fn from(error: store::Error) -> Self {
        match error {
            store::Error::VersionConflict { what } => Self::VersionConflict { what },
            other => Self::Store(other),
        }
    }
}

impl Error {
    pub fn invalid(field: &str, code: &'static str, message: impl Into<String>) -> Self {
        Self::Invalid(vec![FieldProblem::new(field, code, message)])
    }

    pub fn conflict(code: &'static str, detail: impl Into<String>) -> Self {
        Self::Conflict {
            code,
            detail: detail.into(),
        }
    }

    pub fn internal(what: impl Into<String>) -> Self {
        Self::Internal { what: what.into() }
    }

    /// Whether the same work may succeed later.
    pub fn is_transient(&self) -> bool {
        match self {
            Self::Store(error) => error.is_transient(),
            Self::Unavailable { .. } => true,
            _ => false,
        }
    }
}
