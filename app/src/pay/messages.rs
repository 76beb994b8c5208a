//! The messages in a client's chat that ask for money: once that is over they say how it ended and ask no more.
//!
//! Whoever changes what can be paid calls [`refresh`] in the same transaction: it compares what each message of the order
//! says with what it should say by now, and queues the changes. A message that was on its way at that moment is looked at
//! again when it has arrived ([`arrived`]).
//!
//! Messages are found by their keys, which begin with the order's id; the key of a change is that of its message with a
//! suffix.

use std::collections::{BTreeMap, BTreeSet};

use domain::content::Content;
use domain::dialogue::paying::{self, Ended};
use domain::ids::{Id, OrderId, PaymentId, RequestId};
use domain::language::Language;
use domain::order::OrderStatus;
use domain::payment::{DeclineAdvice, PaymentStatus};
use domain::work::DeliveryState;
use serde::{Deserialize, Serialize};
use store::{ChatMessage, Conversation, Order, ReportedDelivery, Tx};

use super::tell;
use crate::context::App;
use crate::deliver::{Letter, TELEGRAM, queue};
use crate::error::{Error, Result};
use crate::settings::{self, Guide};
use crate::work::{self, Task};

pub const JOB: &str = "retire_pay_buttons";

/// The kind of every message about money, for people.
pub(super) const KIND: &str = "payment";
const CHANGE: char = '#';
const LINK: &str = "link";

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    order_id: OrderId,
}

/// The key of a message about an order.
pub(super) fn key(order: &OrderId, what: &str) -> String {
    format!("{order}:{what}")
}

/// The key of a message with the link of a payment; `wish` tells one from the next.
pub(super) fn link_key(payment: &PaymentId, wish: &str) -> String {
    format!("{LINK}:{payment}:{wish}")
}

/// A bot has sent a message that asks for money: what happened on its way is seen to. A job, because that locks the order,
/// and a report speaks of many.
pub(crate) async fn arrived(app: &App, tx: &mut Tx, sent: &ReportedDelivery, request_id: &RequestId) -> Result<()> {
    if sent.kind != KIND {
        return Ok(());
    }
    let content: Content = serde_json::from_str(&sent.content).unwrap_or_default();
    let Some(order_id) = paying::asks_for(&content) else {
        return Ok(());
    };
    let key = format!("{JOB}:{}", sent.id);
    let job = work::job(app, JOB, Some(key), &Payload { order_id }, request_id)?;
    tx.enqueue_job(&job).await?;
    Ok(())
}

/// The job.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { order_id } = task.payload()?;
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    if let Some(order) = tx.lock_order(&order_id).await? {
        refresh(app, &mut tx, &guide, &order, None, &task.request_id).await?;
    }
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// Changes every message that asks for the order's money to what is true by now. The order is locked by the caller, who has
/// written what happened. `answered`: the message whose button was pressed, which the turn itself writes over.
///
/// Saying the same again changes nothing.
pub(crate) async fn refresh(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    order: &Order,
    answered: Option<&str>,
    request_id: &RequestId,
) -> Result<()> {
    let mut chats = tx.conversations_of(&order.client).await?;
    chats.retain(|chat| chat.channel == TELEGRAM && !chat.is_trainer);
    if chats.is_empty() {
        return Ok(());
    }
    let order = tx
        .find_order(&order.id)
        .await?
        .ok_or(Error::NotFound { what: "order" })?;
    // The newest of each message that was sent for the order, by its key.
    let mut own: BTreeMap<String, ChatMessage> = BTreeMap::new();
    for message in tx.messages_keyed(TELEGRAM, &key(&order.id, "")).await? {
        let name = message.key.as_deref().and_then(|key| key.split(CHANGE).next());
        own.insert(name.unwrap_or_default().to_owned(), message);
    }
    let mut seen = BTreeSet::new();
    for (name, message) in own {
        let is_there = !matches!(message.state, DeliveryState::Rejected | DeliveryState::Unreachable);
        let Some(message_ref) = message.message_ref.clone().filter(|_| is_there) else {
            continue;
        };
        seen.insert((message.address.clone(), message_ref.clone()));
        if Some(message_ref.as_str()) == answered {
            continue;
        }
        let standing = match tx.newest_of_message(TELEGRAM, &message.address, &message_ref).await? {
            // A turn of the conversation was written over it, and is left alone unless it asks for the same money.
            Some(other) if other.seq > message.seq => match silenced(&order, &other) {
                Some(_) => other,
                None => continue,
            },
            _ => message,
        };
        let language = language_in(&chats, &standing.address, order.language);
        if let Some(content) = wanted(tx, guide, &order, &name, &standing, language).await? {
            let key = format!("{name}{CHANGE}{}", standing.seq);
            write_over(
                app,
                tx,
                &order,
                &standing.address,
                &message_ref,
                key,
                content,
                request_id,
            )
            .await?;
        }
    }
    // And the step where the conversation stands: an order with its buttons, the question how to pay.
    for chat in &chats {
        let Some(step) = chat.step_ref.as_deref().filter(|step| Some(*step) != answered) else {
            continue;
        };
        if seen.contains(&(chat.address.clone(), step.to_owned())) {
            continue;
        }
        let standing = tx.newest_of_message(TELEGRAM, &chat.address, step).await?;
        if let Some((before, content)) = standing.and_then(|it| silenced(&order, &it).map(|content| (it, content))) {
            let key = key(&order.id, &format!("step{CHANGE}{}", before.seq));
            write_over(app, tx, &order, &chat.address, step, key, content, request_id).await?;
        }
    }
    Ok(())
}

#[expect(clippy::too_many_arguments, reason = "one message's whole context")]
async fn write_over(
    app: &App,
    tx: &mut Tx,
    order: &Order,
    address: &str,
    message_ref: &str,
    key: String,
    content: Content,
    request_id: &RequestId,
) -> Result<()> {
    let mut letter = Letter::new(address, Some(order.client.clone()), KIND, content);
    letter.edit = Some(message_ref.to_owned());
    letter.dedupe_key = Some(key);
    queue(app, tx, letter, request_id).await?;
    Ok(())
}

/// The same words without asking for the money of an order that nobody can pay for any more. `None`: it asks for nothing.
fn silenced(order: &Order, message: &ChatMessage) -> Option<Content> {
    let content: Content = serde_json::from_str(&message.content).ok()?;
    let asks = !order.status.is_payable() && paying::asks_for(&content).as_ref() == Some(&order.id);
    asks.then(|| paying::silenced(content))
}

fn language_in(chats: &[Conversation], address: &str, otherwise: Language) -> Language {
    chats
        .iter()
        .find(|chat| chat.channel == TELEGRAM && chat.address == address)
        .map_or(otherwise, |chat| chat.language)
}

/// What a message of the order should say. `None`: it may stay as it is.
async fn wanted(
    tx: &mut Tx,
    guide: &Guide,
    order: &Order,
    name: &str,
    message: &ChatMessage,
    language: Language,
) -> Result<Option<Content>> {
    let Some(payment) = payment_of(order, name) else {
        return Ok(silenced(order, message));
    };
    let content = link(tx, guide, order, &payment, language).await?;
    let is_new = |content: &Content| serde_json::from_str::<Content>(&message.content).ok().as_ref() != Some(content);
    Ok(content.filter(is_new))
}

/// What stands in the place of a payment's link. `None`: it may be paid.
async fn link(
    tx: &mut Tx,
    guide: &Guide,
    order: &Order,
    payment: &PaymentId,
    language: Language,
) -> Result<Option<Content>> {
    let texts = guide.texts(language);
    match order.status {
        OrderStatus::Paid | OrderStatus::Fulfilled | OrderStatus::Refunded => {
            let lines = tx.order_lines(order).await?;
            let how = Ended::Paid {
                what: &tell::titles(&lines, language),
                sum: &order.total.format(language),
            };
            return Ok(Some(paying::ended(texts, how)));
        }
        OrderStatus::Canceled | OrderStatus::Expired => return Ok(Some(paying::ended(texts, Ended::Closed))),
        OrderStatus::AwaitingPayment => {}
    }
    let Some(payment) = tx.find_payment(payment).await? else {
        return Ok(None);
    };
    let sum = payment.amount.format(language);
    let how = match payment.status {
        PaymentStatus::Creating | PaymentStatus::Pending => return Ok(None),
        PaymentStatus::WaitingForCapture => Ended::Held { sum: &sum },
        PaymentStatus::Completed | PaymentStatus::PartiallyRefunded | PaymentStatus::Refunded => {
            Ended::Came { sum: &sum }
        }
        PaymentStatus::Canceled | PaymentStatus::Expired => {
            // A decline was told with its reason and a way on; another payment has a message of its own.
            let is_told = payment
                .decline
                .is_some_and(|decline| decline.advice != DeclineAdvice::CalledOff);
            let leads_on = !is_told && tx.live_payment_of(&order.id).await?.is_none();
            Ended::Over {
                again: leads_on.then_some(&order.id),
            }
        }
    };
    Ok(Some(paying::ended(texts, how)))
}

/// The payment whose link a message brought.
fn payment_of(order: &Order, name: &str) -> Option<PaymentId> {
    let rest = name.strip_prefix(key(&order.id, LINK).as_str())?.strip_prefix(':')?;
    PaymentId::parse(rest.split(':').next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_of_a_change_is_in_no_key() {
        let (order, payment) = (OrderId::from_parts(1, [1; 10]), PaymentId::from_parts(1, [2; 10]));
        let own = key(&order, &link_key(&payment, "yookassa:12:7"));
        assert!(!own.contains(CHANGE), "{own}");
    }
}
