//! The crate from the outside: tables in, programmes and documents out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod checker;
mod common;
mod every_combination;
mod import;
mod pdf;
mod relaxations;
