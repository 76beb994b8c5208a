//! The crate from the outside: tables in, programmes and documents out.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod checker;
mod command;
mod common;
mod every_combination;
mod import;
mod import_files;
mod liar;
mod liars;
mod loads;
mod pdf;
mod pdf_links;
mod pdf_logo;
mod pdf_phone;
mod pdf_preview;
mod relaxations;
mod swaps;
mod whole_tables;
