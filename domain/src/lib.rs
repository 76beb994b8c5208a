//! What the business means: money, ids, states and decisions. Pure: no I/O, no clock, no random source;
//! `now` and fresh ids are arguments.

pub mod language;
pub mod profile;
