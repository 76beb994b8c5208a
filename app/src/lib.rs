//! The verbs: one function per use-case, each opening the one transaction it needs, and the workers that run jobs later.

pub mod access;
pub mod bootstrap;
pub mod caller;
pub mod clock;
pub mod context;
pub mod converse;
pub mod crm;
pub mod deliver;
mod draw_program;
pub mod error;
pub mod generate_program;
pub mod operate;
pub mod refresh_templates;
pub mod schedule;
pub mod settings;
mod word_program;
pub mod work;

pub use caller::{Actor, Caller, Role};
pub use clock::Clock;
pub use context::{App, Parts};
pub use error::{Error, FieldProblem, Result};
