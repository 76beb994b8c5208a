//! What the business means: money, ids, states and decisions. Pure: no I/O, no clock, no random source;
//! `now` and fresh ids are arguments.

pub mod backoff;
pub mod content;
pub mod dialogue;
pub mod fold;

pub mod ids;
pub mod language;
pub mod money;
pub mod pipeline;
pub mod plural;
pub mod profile;
pub mod questionnaire;
pub mod texts;
pub mod time;
pub mod work;
