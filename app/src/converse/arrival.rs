//! A buyer of the site comes in by the link of their order: the client of the order and the person in Telegram become one.
//!
//! Whoever holds a link that nobody used may use it; then it is bound to their chat. A client who is in Telegram already is
//! never given to another chat, whatever link it shows.

use domain::content::{Button, Content, rich};
use domain::dialogue::actions::TrainerAction;
use domain::dialogue::site::Outlook;
use domain::ids::{ClientId, OrderId};
use domain::language::Language;
use domain::order::OrderStatus;
use serde_json::json;
use store::{BotLink, Conversation, NewConversation, Order, Tx};

use super::person::{self, Meeting, known_as};
use super::{Inbound, note};
use crate::caller::Caller;
use crate::context::App;
use crate::deliver::{TELEGRAM, notify_trainers};
use crate::error::{Error, Result};
use crate::merge_clients;
use crate::pay::checkout::{self, ProgramState};
use crate::pay::{give, site_link, titles};
use crate::settings::Guide;

/// What became of a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Arrival {
    Joined(OrderId),
    Expired,
    Used,
    Unknown,
}

/// Meets somebody who shows a token. Only [`Arrival::Joined`] changes anything that a plain `/start` would not.
pub(super) async fn meet(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    inbound: &Inbound,
    known: Option<Conversation>,
    token: &str,
) -> Result<Meeting> {
    let address = inbound.address.as_str();
    let found = tx.lock_bot_link(&site_link::hash(token)).await?;
    let arrival = match &found {
        None => Arrival::Unknown,
        Some(link) if link.used_by.as_deref().is_some_and(|by| by != address) => Arrival::Used,
        Some(link) if link.used_at.is_none() && link.expires_at <= app.now() => Arrival::Expired,
        Some(link) => join(app, tx, caller, guide, inbound, known.as_ref(), link).await?,
    };
    let is_newcomer = known.is_none();
    let known = match (&arrival, known) {
        (Arrival::Joined(_), _) => tx.lock_conversation(TELEGRAM, address).await?,
        (_, known) => known,
    };
    let mut meeting = person::greet(app, tx, caller, guide, inbound, known, None, None).await?;
    meeting.is_new = is_newcomer;
    meeting.arrival = Some(arrival);
    Ok(meeting)
}

async fn join(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    inbound: &Inbound,
    known: Option<&Conversation>,
    link: &BotLink,
) -> Result<Arrival> {
    let missing = || Error::NotFound { what: "order" };
    let order = tx.find_order(&link.order).await?.ok_or_else(missing)?;
    // An order placed for somebody who has been found out to be another one meanwhile is that one's.
    let buyer = tx
        .merged_into(&order.client)
        .await?
        .unwrap_or_else(|| order.client.clone());
    let chats = tx.conversations_of(&buyer).await?;
    let mut chats = chats.iter().filter(|chat| chat.channel == TELEGRAM);
    let is_theirs = chats.clone().any(|chat| chat.address == inbound.address);
    if !is_theirs && chats.next().is_some() {
        return Ok(Arrival::Used);
    }
    if order.client != buyer {
        tx.merge_client(&order.client, &buyer, app.now()).await?;
    }
    let client = match known.and_then(|chat| chat.client.clone()) {
        Some(known) if is_theirs => known,
        Some(known) => {
            merge_clients::merge_in(app, tx, caller, &buyer, &known, &order.id).await?;
            known
        }
        None => {
            begin(app, tx, inbound, &buyer).await?;
            buyer.clone()
        }
    };
    if !tx.use_bot_link(link, &inbound.address, app.now()).await? {
        return Ok(Arrival::Joined(order.id));
    }
    let details = json!({ "order_id": order.id, "channel": TELEGRAM });
    note(app, tx, &client, "client.joined", "client", details).await?;
    tell_trainers(app, tx, caller, guide, &client, &order).await?;
    let client = tx
        .find_client(&client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    give::joined(app, tx, guide, &client, &caller.request_id).await?;
    Ok(Arrival::Joined(order.id))
}

/// The buyer's first chat: they keep the name and the language they have.
async fn begin(app: &App, tx: &mut Tx, inbound: &Inbound, buyer: &ClientId) -> Result<()> {
    let now = app.now();
    let missing = || Error::NotFound { what: "client" };
    let client = tx.find_client(buyer).await?.ok_or_else(missing)?;
    let new = NewConversation {
        channel: TELEGRAM.to_owned(),
        address: inbound.address.clone(),
        client: Some(buyer.clone()),
        is_trainer: false,
        language: client.language,
        known_as: known_as(&inbound.person),
        now,
    };
    if !tx.insert_conversation(&new).await? {
        return Err(Error::conflict(
            "met_elsewhere",
            "another replica met this person first",
        ));
    }
    let is_nameless = !client.display_name.chars().any(char::is_alphabetic);
    let name = if is_nameless {
        person::display_name(&inbound.person)
    } else {
        client.display_name.clone()
    };
    tx.rename_client(buyer, &name, inbound.person.username.as_deref(), now)
        .await?;
    tx.set_client_flags(buyer, None, Some(true), now).await?;
    Ok(())
}

async fn tell_trainers(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    client: &ClientId,
    order: &Order,
) -> Result<()> {
    let lines = tx.order_lines(order).await?;
    let name = tx
        .find_client(client)
        .await?
        .map(|client| client.display_name)
        .unwrap_or_default();
    let key = format!("joined:{}", order.id);
    notify_trainers(
        app,
        tx,
        Some(client),
        "notice",
        Some(&key),
        &caller.request_id,
        |language| {
            let texts = guide.texts(language);
            Content::text(rich(
                &texts.trainer_joined,
                &[("name", &name), ("what", &titles(&lines, language))],
            ))
            .with_row(vec![Button::action(
                &texts.button_reply,
                TrainerAction::Reply(client.clone()).to_string(),
            )])
        },
    )
    .await?;
    Ok(())
}

/// What the dialogue has to know: how the order stands, and the titles of what was bought.
pub(super) async fn outlook(tx: &mut Tx, arrival: &Arrival, language: Language) -> Result<(Outlook, String)> {
    let order = match arrival {
        Arrival::Expired => return Ok((Outlook::LinkExpired, String::new())),
        Arrival::Used => return Ok((Outlook::LinkUsed, String::new())),
        Arrival::Unknown => return Ok((Outlook::LinkUnknown, String::new())),
        Arrival::Joined(order) => tx.find_order(order).await?.ok_or(Error::NotFound { what: "order" })?,
    };
    let lines = tx.order_lines(&order).await?;
    let what = titles(&lines, language);
    if !matches!(order.status, OrderStatus::Paid | OrderStatus::Fulfilled) {
        return Ok((Outlook::Closed, what));
    }
    let outlook = match checkout::program_of(tx, &order, &lines).await? {
        ProgramState::NeedsAnswers => Outlook::NeedsAnswers,
        ProgramState::Making | ProgramState::Reviewing => Outlook::Making,
        ProgramState::NotBought | ProgramState::WithTrainer | ProgramState::Ready(_) => Outlook::Given,
    };
    Ok((outlook, what))
}
