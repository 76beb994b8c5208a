//! The administrator's routes, from the outside, on both databases.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod desk;
mod till;

mod approvals;
mod cabinet;
mod cases;
mod clients;
mod editors;
mod keys;
mod leads;
mod ledger;
mod links;
mod money;
mod orders;
mod payments;
mod pipeline;
mod previews;
mod products;
mod programs;
mod promocodes;
mod questionnaires;
mod reconciliations;
mod search;
mod settings;
mod telegram_payments;
mod templates;
mod timeline;
mod wording;
