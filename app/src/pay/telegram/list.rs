//! Telegram's own list of the bot's Stars, for the comparison of the night. It is asked for by a delivery that shows nobody
//! anything; the bot's report of it is the page.

use domain::content::{Content, ListStars};
use domain::ids::{Id, ReconciliationId, RequestId};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use store::{ReportedDelivery, Tx};

use crate::context::App;
use crate::deliver::{Fate, Letter, queue};
use crate::error::Result;
use crate::pay::reconcile::{self, Told};

/// Kind of deliveries.
pub(super) const LIST: &str = "stars_list";
const ADDRESS: &str = "stars-list:";
/// As many as Telegram tells at once.
const PAGE: u8 = 100;

/// Whether Stars came or went.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Direction {
    In,
    Out,
}

/// A line of Telegram's list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StarTransaction {
    /// A payment and its refund have the same.
    pub charge: String,
    pub direction: Direction,
    /// Whole Stars.
    pub amount: i64,
    pub at: Timestamp,
    /// Who paid a bill, or was given its Stars back; `None`: it is about something else, a withdrawal or an advertisement.
    pub payer: Option<String>,
    /// What the bill carried.
    pub payload: Option<String>,
}

/// Asks the bot for the page at `offset`, in the name of a step of a comparison.
pub(in crate::pay) async fn ask_for_stars(
    app: &App,
    tx: &mut Tx,
    run: &ReconciliationId,
    step: u32,
    offset: u32,
    request_id: &RequestId,
) -> Result<()> {
    let content = Content {
        list_stars: Some(ListStars { offset, limit: PAGE }),
        ..Content::default()
    };
    let mut letter = Letter::new(&format!("{ADDRESS}{run}:{step}"), None, LIST, content);
    letter.dedupe_key = Some(format!("{LIST}:{run}:{step}"));
    queue(app, tx, letter, request_id).await?;
    Ok(())
}

/// The step of a comparison that such a delivery is for.
fn step_of(address: &str) -> Option<(ReconciliationId, u32)> {
    let (run, step) = address.strip_prefix(ADDRESS)?.rsplit_once(':')?;
    Some((ReconciliationId::parse(run)?, step.parse().ok()?))
}

/// The bot has told what is on the page, or that it can't be read.
pub(super) async fn reported(
    app: &App,
    tx: &mut Tx,
    delivery: &ReportedDelivery,
    fate: &Fate,
    request_id: &RequestId,
) -> Result<()> {
    let told = match fate {
        Fate::StarsListed { transactions } => Told::Listed(transactions.clone()),
        Fate::Rejected { reason } | Fate::Unreachable { reason } => Told::Refused(reason.clone()),
        Fate::Sent { .. } => Told::Refused("the bot took the question for a message".to_owned()),
        Fate::RetryLater { .. } => return Ok(()),
    };
    match step_of(&delivery.address) {
        Some((run, step)) => reconcile::told(app, tx, &run, step, told, request_id).await,
        None => Ok(()),
    }
}
