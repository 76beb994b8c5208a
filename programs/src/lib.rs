//! Training programmes: from tables of templates and a client's answers to a document worth keeping.
//!
//! Everything here is pure: bytes and values in, values out; no files, no network, no clock.
//!
//! ```text
//! CSV bytes ─► table ─► templates ─┐
//!                                  ├─► matching ─► Programme ─┬─► wording (request, check, plain) ─┐
//! Profile ─────────────────────────┘                          └────────────────────────────────────┴─► pdf
//! ```
//!
//! [`templates::Templates::shipped`] is the set that comes with the product; [`matching::find`] makes a
//! [`programme::Programme`]; [`wording::plain`] words it without an LLM and [`wording::check`] decides what of an LLM's
//! answer may be shown; [`pdf::render`] draws it. [`swap`] puts another exercise in, [`programme::changes`] tells two
//! versions apart, [`templates::difference`] two sets of tables, and [`coverage`] with [`report`] shows what a set of
//! tables gives to whom.

pub mod coverage;
pub mod matching;
pub mod pdf;
pub mod programme;
pub mod report;
pub mod swap;
pub mod table;
pub mod templates;
pub mod wording;

mod changes;
mod difference;
mod labels;
mod load;
mod measures;
mod notes;
mod text;
