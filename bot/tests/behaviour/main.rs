//! What the bot does, seen from outside: the sandbox's Telegram on one side, a scripted CRM API on the other.
#![expect(clippy::unwrap_used, clippy::panic, reason = "a test fails by panicking")]

mod albums;
mod conversation;
mod copies;
mod deliveries;
mod faults;
mod payments;
mod process;
mod support;
