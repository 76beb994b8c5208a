//! The funnel from the first word to the PDF, on both databases: people are played by phones that speak to the verbs a
//! bot speaks to.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test fails by panicking"
)]

mod phone;
mod world;

mod approval;
mod bad_days;
mod conversation;
mod payments;
mod programme;
mod sheet;
mod site;
mod wording;
