//! What an administrator does with clients, leads, the pipeline, programmes and questionnaires.
//!
//! One file a subject, one function a route. Each change writes three things in one transaction: the row, a line of the
//! client's timeline where there is a client, and the audit entry. Rules of the conversation and of making a programme
//! live in their own verbs; nothing here knows HTTP.

pub mod approvals;
pub mod brand;
pub mod clients;
pub(crate) mod contact;
pub mod faq;
pub mod leads;
pub mod ledger;
pub mod links;
pub mod moves;
pub mod orders;
pub mod payment_settings;
pub mod payments;
pub mod preview;
pub mod products;
pub mod program_settings;
pub mod programs;
pub mod promo_codes;
pub mod questionnaires;
pub mod stages;
pub mod tasks;
pub mod telegram_payments;
pub mod templates;
pub mod texts;
pub mod timeline;
pub mod wording;

use domain::ids::{ClientId, Id};
use serde_json::Value;
use store::{PageRequest, Tx};

use crate::{App, Caller, Error, Result};

/// What `caller` did, as a line of a client's timeline.
async fn note(app: &App, tx: &mut Tx, caller: &Caller, client: &ClientId, kind: &str, details: &Value) -> Result<()> {
    crate::timeline::note(app, tx, client, kind, &caller.actor.to_string(), details.clone()).await
}

/// Errors: `Invalid` names `cursor` when it is not one of a list ordered by ids of this kind.
pub(crate) fn check_cursor<T: Id>(page: &PageRequest) -> Result<()> {
    match &page.after {
        Some(cursor) if T::parse(&cursor.0).is_none() => Err(wrong_cursor()),
        _ => Ok(()),
    }
}

fn wrong_cursor() -> Error {
    Error::invalid("cursor", "invalid", "pass next_cursor of the page before, unchanged")
}

/// Errors: `Invalid` names `field` when the text is no id of this kind.
fn parse_id<T: Id>(field: &str, text: &str) -> Result<T> {
    T::parse(text).ok_or_else(|| Error::invalid(field, "not_found", "there is nothing with this id"))
}
