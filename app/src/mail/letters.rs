//! Which letters there are, and when they are queued: about an order, to the address its buyer gave, and to nobody else.

use domain::ids::{OrderId, OutboxId, PaymentId, ProgramId, RefundId, RequestId};
use domain::order::OrderStatus;
use domain::time::Timestamp;
use providers::payments::Contact;
use serde::{Deserialize, Serialize};
use store::{NewDelivery, Order, Program, Tx};

use super::EMAIL;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::pay::checkout::{ProgramState, View};
use crate::pay::contact_of;

const MINUTE_MS: i64 = 60_000;
/// Whoever wants a letter once more waits so long for the one before.
const AGAIN_AFTER_MS: i64 = 10 * MINUTE_MS;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// Nobody needs more of them, and a stranger must not fill anybody's mailbox.
const MOST_A_DAY: usize = 6;

/// A letter as its row keeps it: what it is about, not what it says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Kept {
    pub written_at: Timestamp,
    pub about: About,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "letter", rename_all = "snake_case")]
pub(super) enum About {
    Paid,
    Ready {
        program: ProgramId,
    },
    Refunded {
        refund: RefundId,
    },
    /// The money is here, the rest is a person's work.
    ByHand,
    /// Less came than the order costs.
    Short {
        payment: PaymentId,
    },
}

impl About {
    const fn kind(&self) -> &'static str {
        match self {
            Self::Paid => "letter_paid",
            Self::Ready { .. } => "letter_ready",
            Self::Refunded { .. } => "letter_refunded",
            Self::ByHand => "letter_by_hand",
            Self::Short { .. } => "letter_short",
        }
    }
}

/// Whether letters about an order go anywhere.
pub(crate) fn reach(app: &App, order: &Order) -> bool {
    app.mailer().is_some() && matches!(contact_of(order), Some(Contact::Email(_)))
}

/// Queues a letter in the transaction of its cause, once for its key.
async fn queue(
    app: &App,
    tx: &mut Tx,
    order: &Order,
    about: About,
    key: String,
    request_id: &RequestId,
) -> Result<bool> {
    if !reach(app, order) {
        return Ok(false);
    }
    let now = app.now();
    let program = match &about {
        About::Ready { program } => Some(program.clone()),
        _ => None,
    };
    let kind = about.kind();
    let kept = Kept { written_at: now, about };
    let delivery = NewDelivery {
        id: app.new_id::<OutboxId>(),
        channel: EMAIL.to_owned(),
        address: order.id.to_string(),
        client: Some(order.client.clone()),
        about: None,
        program,
        kind,
        dedupe_key: Some(key),
        content: serde_json::to_string(&kept)
            .map_err(|error| Error::internal(format!("a letter can't be kept: {error}")))?,
        is_step: false,
        edit_ref: None,
        retire_ref: None,
        due_at: now,
        leased_to: None,
        request_id: request_id.clone(),
        now,
    };
    Ok(tx.enqueue_delivery(&delivery).await?)
}

pub(crate) async fn paid(app: &App, tx: &mut Tx, order: &Order, request_id: &RequestId) -> Result<()> {
    let key = format!("letter-paid:{}", order.id);
    queue(app, tx, order, About::Paid, key, request_id).await?;
    Ok(())
}

/// A version that was let go, if somebody paid for it.
pub(crate) async fn ready(app: &App, tx: &mut Tx, program: &Program, request_id: &RequestId) -> Result<()> {
    if app.mailer().is_none() {
        return Ok(());
    }
    let Some(order) = tx.order_of_program(&program.id).await? else {
        return Ok(());
    };
    let Some(order) = tx.find_order(&order).await? else {
        return Ok(());
    };
    let about = About::Ready {
        program: program.id.clone(),
    };
    let key = format!("letter-ready:{}", program.id);
    queue(app, tx, &order, about, key, request_id).await?;
    Ok(())
}

pub(crate) async fn refunded(
    app: &App,
    tx: &mut Tx,
    order: &Order,
    refund: &RefundId,
    request_id: &RequestId,
) -> Result<()> {
    let about = About::Refunded { refund: refund.clone() };
    let key = format!("letter-refunded:{refund}");
    queue(app, tx, order, about, key, request_id).await?;
    Ok(())
}

/// What was paid for can't be given by itself.
pub(crate) async fn by_hand(app: &App, tx: &mut Tx, order: &OrderId, request_id: &RequestId) -> Result<()> {
    if app.mailer().is_none() {
        return Ok(());
    }
    let Some(order) = tx.find_order(order).await? else {
        return Ok(());
    };
    let key = format!("letter-by-hand:{}", order.id);
    queue(app, tx, &order, About::ByHand, key, request_id).await?;
    Ok(())
}

/// A payment brought less than the order costs.
pub(crate) async fn short(
    app: &App,
    tx: &mut Tx,
    order: &OrderId,
    payment: &PaymentId,
    request_id: &RequestId,
) -> Result<()> {
    if app.mailer().is_none() {
        return Ok(());
    }
    let Some(order) = tx.find_order(order).await? else {
        return Ok(());
    };
    let about = About::Short {
        payment: payment.clone(),
    };
    let key = format!("letter-short:{payment}");
    queue(app, tx, &order, about, key, request_id).await?;
    Ok(())
}

/// What came of somebody's wish for another letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Again {
    /// It is on its way, to the address given at the checkout.
    Queued,
    /// One was sent just now, or enough of them today.
    TooSoon,
    /// There is nothing to write, nowhere to write to, or no mail server.
    Never,
}

/// Sends the newest letter of an order once more, with fresh links.
pub async fn again(app: &App, caller: &Caller, view: &View) -> Result<Again> {
    let order = &view.order;
    if !reach(app, order) || !matches!(order.status, OrderStatus::Paid | OrderStatus::Fulfilled) {
        return Ok(Again::Never);
    }
    let about = match &view.program {
        ProgramState::Ready(program) => About::Ready {
            program: program.clone(),
        },
        ProgramState::NotBought
        | ProgramState::NeedsAnswers
        | ProgramState::WithTrainer
        | ProgramState::Making
        | ProgramState::Reviewing => About::Paid,
    };
    let now = app.now();
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let most = u32::try_from(MOST_A_DAY).unwrap_or(u32::MAX);
    let sent = tx.letters_of(&order.id, most).await?;
    let within = |ms: i64| {
        sent.iter()
            .filter(|letter| now.millis_since(letter.created_at) < ms)
            .count()
    };
    if within(AGAIN_AFTER_MS) > 0 || within(DAY_MS) >= MOST_A_DAY {
        return Ok(Again::TooSoon);
    }
    let key = format!("letter-again:{}:{}", order.id, now.millis() / AGAIN_AFTER_MS);
    let is_queued = queue(app, &mut tx, order, about, key, &caller.request_id).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(if is_queued { Again::Queued } else { Again::TooSoon })
}
