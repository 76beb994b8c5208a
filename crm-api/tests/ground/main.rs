//! The API's ground, from the outside: problems, sign-in, limits, idempotency, tenants, documents.

#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

#[path = "../common/mod.rs"]
mod common;

mod bodies;
mod documents;
mod http;
mod idempotency;
mod keys;
mod killed;
mod limits;
mod process;
mod sessions;
mod tenants;
