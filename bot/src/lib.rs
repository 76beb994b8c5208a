//! The Telegram bot: it knows Telegram and the CRM API, and nothing else.
//!
//! ```text
//! Telegram ─► receive ─► parse ─► crm (POST /api/bot/events) ─► send ─► render ─► Telegram
//!                        claim ─► crm (POST /api/bot/deliveries/claim) ─► send
//!                                                                         └─► report to the crm
//! ```
//!
//! It holds no state of a dialogue: kill it at any moment, start any number of it. An update is confirmed to Telegram
//! only after the CRM has taken it; a message's fate is reported as soon as it is known.

pub mod backoff;
pub mod claim;
pub mod config;
pub mod crm;
pub mod http;
pub mod lanes;
pub mod log;
pub mod parse;
pub mod profile;
pub mod receive;
pub mod render;
pub mod replica;
pub mod run;
pub mod send;
pub mod status;
pub mod telegram;

pub use config::{Config, ConfigError};
pub use run::{RunError, listen, run, serve};
