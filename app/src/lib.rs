//! The verbs: one function per use-case, each opening the one transaction it needs, and the workers that run jobs later.

// No floats near money.
#![deny(clippy::disallowed_types, clippy::float_arithmetic)]

pub mod access;
pub mod approve_program;
pub mod bootstrap;
pub mod caller;
pub mod clock;
pub mod context;
pub mod converse;
mod credentials;
pub mod crm;
pub mod deliver;
mod draw_program;
pub mod error;
pub mod generate_program;
mod held_notices;
mod keep_program;
pub mod mail;
mod merge_clients;
pub mod operate;
pub mod pay;
pub mod refresh_templates;
pub mod regenerate_programs;
pub mod revise_program;
pub mod rotate_keys;
pub mod schedule;
pub mod send_program;
pub mod settings;
mod timeline;
pub mod word_program;
pub mod work;

pub use caller::{Actor, Caller, Role};
pub use clock::Clock;
pub use context::{App, Parts};
pub use error::{Error, FieldProblem, Result};
