//! The funnel from the first word to the PDF, on both databases: people are played by phones that speak to the verbs a
//! bot speaks to.

mod phone;
mod world;

mod bad_days;
mod conversation;
mod programme;
