//! What the business means: money, ids, states and decisions. Pure: no I/O, no clock, no random source;
//! `now` and fresh ids are arguments.

// No floats near money.
#![deny(clippy::disallowed_types, clippy::float_arithmetic)]

pub mod backoff;
pub mod content;
pub mod dialogue;
pub mod fiscal;
pub mod fold;

pub mod ids;
pub mod language;
pub mod ledger;
pub mod money;
pub mod order;
pub mod payment;
pub mod pipeline;
pub mod plural;
pub mod pre_checkout;
pub mod pricing;
pub mod profile;
pub mod promo;
pub mod questionnaire;
pub mod reconciliation;
pub mod refund;
pub mod stars;
pub mod texts;
pub mod time;
pub mod work;
