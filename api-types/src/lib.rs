//! Requests and responses of the CRM API: what travels between crm-api, the bot and, through OpenAPI, the panel.
//!
//! Times are RFC 3339 in UTC, money is integer minor units with its currency, ids are opaque prefixed texts.

pub mod conversation;
pub mod crm;

pub mod page;
pub mod problem;
