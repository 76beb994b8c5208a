//! Money that is taken inside Telegram: Stars, and cards through the bank connected in BotFather.
//!
//! The bot is the only one who speaks with Telegram, so nothing here calls anybody. A bill goes out through the outbox
//! ([`bill`]); Telegram's last question before it takes the money is answered from what is committed ([`ask`]); the payment
//! itself comes as an event and is settled like any other provider's ([`paid`]); Stars go back by a delivery of their own
//! ([`give_back`]), and by another one the bot reads out Telegram's list of them ([`list`]).

mod ask;
mod bill;
mod give_back;
mod list;
mod paid;

pub use ask::{Question, pre_checkout};
pub(crate) use bill::{Wish, ways, write};
pub(super) use give_back::request;
pub(super) use list::ask_for_stars;
pub use list::{Direction, StarTransaction};
pub(crate) use paid::heard;
pub(super) use paid::{Heard, settle};

use domain::content::Content;
use domain::ids::{Id, PaymentId, RefundId, RequestId};
use serde::{Deserialize, Serialize};
use store::{ReportedDelivery, Tx};

use crate::context::App;
use crate::deliver::Fate;
use crate::error::Result;
use crate::settings::telegram::TelegramPayments;
use crate::work::{self, Task};

/// Telegram Stars; stable, as every provider's code.
pub const STARS: &str = "stars";
/// A card inside Telegram.
pub const CARD: &str = "telegram";

pub const JOB: &str = "telegram_payment";

/// Kinds of deliveries.
const BILL: &str = "bill";
const GIVE_BACK: &str = "stars_back";

/// A payment inside Telegram, as the bot reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct PaidBill {
    pub currency: String,
    pub amount_minor: i64,
    pub payload: String,
    /// Telegram's id of it: one charge, one payment.
    pub charge: String,
    /// The bank's id of it; empty for Stars.
    pub provider_charge: String,
}

/// What a bot's report of a delivery leads to.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
enum Payload {
    BillRefused { payment_id: PaymentId, reason: String },
    GivenBack { refund_id: RefundId, charge: String },
    NotGivenBack { refund_id: RefundId, reason: String },
}

/// Whether Telegram takes the money; then there is nobody to call.
pub fn is_native(provider: &str) -> bool {
    matches!(provider, STARS | CARD)
}

/// The bank's token for a bill. It is added when a bill is handed out, so that the queue never holds it and a new token
/// serves bills that wait.
pub(crate) async fn token_for(tx: &mut Tx, content: &Content) -> Result<Option<String>> {
    match &content.invoice {
        Some(invoice) if invoice.amount.currency != domain::money::Currency::Xtr => {
            let settings = TelegramPayments::load(tx).await?;
            Ok(Some(settings.provider_token.reveal().to_owned()))
        }
        _ => Ok(None),
    }
}

/// A bot has told what became of a bill, or of Stars that were to go back. What touches money is a job: it locks its order,
/// and a report speaks of many.
pub(crate) async fn reported(
    app: &App,
    tx: &mut Tx,
    delivery: &ReportedDelivery,
    fate: &Fate,
    request_id: &RequestId,
) -> Result<()> {
    if delivery.kind == list::LIST {
        return list::reported(app, tx, delivery, fate, request_id).await;
    }
    let refused = match fate {
        Fate::Sent { .. } | Fate::StarsListed { .. } => None,
        Fate::Rejected { reason } | Fate::Unreachable { reason } => Some(reason.clone()),
        Fate::RetryLater { .. } => return Ok(()),
    };
    let read = || serde_json::from_str::<Content>(&delivery.content).unwrap_or_default();
    let payload = match (delivery.kind.as_str(), refused, fate) {
        (BILL, None, Fate::Sent { message_ref, .. }) => {
            if let Some(payment) = bill_of(&read()) {
                tx.telegram_invoice_sent(&payment, message_ref).await?;
            }
            return Ok(());
        }
        (BILL, Some(reason), _) => match bill_of(&read()) {
            Some(payment_id) => Payload::BillRefused { payment_id, reason },
            None => return Ok(()),
        },
        (GIVE_BACK, refused, _) => {
            let (Some(refund_id), Some(back)) = (give_back::refund_of(&delivery.address), read().give_back) else {
                return Ok(());
            };
            match refused {
                None => Payload::GivenBack {
                    refund_id,
                    charge: back.charge,
                },
                Some(reason) => Payload::NotGivenBack { refund_id, reason },
            }
        }
        _ => return Ok(()),
    };
    let key = format!("{JOB}:{}", delivery.id);
    tx.enqueue_job(&work::job(app, JOB, Some(key), &payload, request_id)?)
        .await?;
    Ok(())
}

fn bill_of(content: &Content) -> Option<PaymentId> {
    PaymentId::parse(&content.invoice.as_ref()?.payload)
}

/// The job.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    match task.payload()? {
        Payload::BillRefused { payment_id, reason } => bill::refused(app, task, &payment_id, &reason).await?,
        Payload::GivenBack { refund_id, charge } => give_back::done(app, task, &refund_id, Ok(charge)).await?,
        Payload::NotGivenBack { refund_id, reason } => give_back::done(app, task, &refund_id, Err(reason)).await?,
    }
    task.finish(app).await
}
