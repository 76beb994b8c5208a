//! The page on which an order is paid, as a browser without script meets it, with both banks and on both databases.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod bad_forms;
mod letters;
mod pages;
mod shop;
