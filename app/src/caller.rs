//! Who asks: every verb knows its tenant, its actor and the request it belongs to.

use std::fmt;

use domain::ids::{ApiKeyId, RequestId, TenantId, UserId};

/// What somebody may do. Rights are checked where a request enters, by role.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// Everything in the tenant.
    Admin,
    /// The bot's service token: the conversation and its files, nothing else.
    Bot,
}

impl Role {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Admin => "admin",
            Self::Bot => "bot",
        }
    }

    pub fn parse(code: &str) -> Option<Self> {
        [Self::Admin, Self::Bot].into_iter().find(|role| role.code() == code)
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Actor {
    User(UserId),
    Key(ApiKeyId),
    /// A job or a rule of the system.
    System,
    /// The client themselves, through a messenger.
    Client,
    /// The trainer, through a messenger.
    Trainer,
}

impl fmt::Display for Actor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::User(id) => write!(f, "{id}"),
            Self::Key(id) => write!(f, "{id}"),
            Self::System => f.write_str("system"),
            Self::Client => f.write_str("client"),
            Self::Trainer => f.write_str("trainer"),
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Caller {
    pub tenant: TenantId,
    pub actor: Actor,
    pub role: Role,
    /// Travels into jobs and outgoing messages, so that one search shows the whole life of a request.
    pub request_id: RequestId,
}
