//! Paying inside Telegram: bills, the question before the money is taken, Stars and what became of them.
//!
//! Names of errors are those of the MTProto methods behind the Bot API (`messages.sendMedia`,
//! `messages.setBotPrecheckoutResults`, `payments.refundStarsCharge`), which the server passes on.

use std::{
    collections::{BTreeMap, HashMap},
    time::{Duration, Instant},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    chat::{Content, Message, bot_to_wire},
    entities::FormattedText,
    error::ApiError,
    keyboard::{Button, ButtonAction, Markup},
    methods::{Draft, markup, open_chat, post, reply_target, spend},
    params::Params,
    people::{PersonError, enqueue},
};
use crate::{events::EventKind, world::World};

/// The bank everybody has connected in BotFather.
pub const PROVIDER_TOKEN: &str = "401643678:TEST:sandbox-bank";
pub const STARS: &str = "XTR";
/// Telegram cancels a payment whose question nobody answers. Real time, since a person waits.
const ANSWER_WITHIN: Duration = Duration::from_secs(10);
const FIRST_STARS: i64 = 100_000;
const MAX_TITLE: usize = 32;
const MAX_DESCRIPTION: usize = 255;
const MAX_PAYLOAD_BYTES: usize = 128;
/// About the limits of `currencies.json`, which follow the rates.
const CARD_AMOUNTS: std::ops::RangeInclusive<i64> = 6_000..=100_000_000;
const STAR_AMOUNTS: std::ops::RangeInclusive<i64> = 1..=100_000;
const CURRENCIES: [&str; 6] = ["RUB", "USD", "EUR", "KZT", "JPY", "KWD"];
const MAX_TRANSACTIONS: i64 = 100;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    pub title: String,
    pub description: String,
    pub payload: String,
    pub currency: String,
    pub total_amount: i64,
    pub start_parameter: String,
    pub provider_data: Option<String>,
    pub is_paid: bool,
}

impl Invoice {
    /// Nobody but the payer's bank sees `payload` and `provider_data`.
    pub fn to_wire(&self) -> Value {
        json!({
            "title": self.title, "description": self.description, "start_parameter": self.start_parameter,
            "currency": self.currency, "total_amount": self.total_amount,
        })
    }

    pub fn to_page(&self) -> Value {
        let mut page = self.to_wire();
        if let Some(fields) = page.as_object_mut() {
            fields.insert("paid".into(), json!(self.is_paid));
        }
        page
    }
}

/// A payment that was taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Charge {
    pub id: String,
    /// Empty for Stars.
    pub provider_id: String,
    pub user_id: i64,
    pub payload: String,
    pub title: String,
    pub currency: String,
    pub total_amount: i64,
    pub at_ms: i64,
    pub refunded_at_ms: Option<i64>,
}

impl Charge {
    pub fn successful(&self) -> Value {
        json!({
            "currency": self.currency, "total_amount": self.total_amount, "invoice_payload": self.payload,
            "telegram_payment_charge_id": self.id, "provider_payment_charge_id": self.provider_id,
        })
    }

    /// As the server tells it: without the bank's id when there is none.
    pub fn refunded(&self) -> Value {
        json!({
            "currency": self.currency, "total_amount": self.total_amount, "invoice_payload": self.payload,
            "telegram_payment_charge_id": self.id,
        })
    }
}

/// What the person chose on the pay sheet. Whoever closes it sends nothing at all.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Choice {
    #[default]
    Pay,
    /// The bank says no after the bot has said yes.
    Decline,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum State {
    Asked,
    Paid {
        charge: String,
    },
    /// The bot said no.
    Refused {
        reason: String,
    },
    Declined,
}

/// A question to the bot and what came of it.
#[derive(Debug, Clone)]
struct Checkout {
    user_id: i64,
    message_id: i64,
    choice: Choice,
    asked_at: Instant,
    state: State,
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Payments {
    /// Stars of people; whoever is not here has [`FIRST_STARS`].
    balances: BTreeMap<i64, i64>,
    charges: Vec<Charge>,
    next: u64,
    #[serde(skip)]
    checkouts: HashMap<String, Checkout>,
}

impl Payments {
    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next
    }

    pub fn stars_of(&self, user_id: i64) -> i64 {
        self.balances.get(&user_id).copied().unwrap_or(FIRST_STARS)
    }

    pub fn set_stars(&mut self, user_id: i64, stars: i64) {
        self.balances.insert(user_id, stars);
    }

    fn add_stars(&mut self, user_id: i64, stars: i64) {
        let balance = self.stars_of(user_id).saturating_add(stars);
        self.balances.insert(user_id, balance);
    }

    pub fn charges(&self) -> &[Charge] {
        &self.charges
    }

    /// What the bot has earned in Stars and not given back.
    fn bot_stars(&self) -> i64 {
        let kept = |charge: &&Charge| charge.currency == STARS && charge.refunded_at_ms.is_none();
        self.charges.iter().filter(kept).map(|charge| charge.total_amount).sum()
    }
}

/// A parameter nobody may leave out; said as the server says it.
fn required<'a>(params: &'a Params, name: &str) -> Result<&'a str, ApiError> {
    params
        .str(name)
        .filter(|text| !text.is_empty())
        .ok_or_else(|| ApiError::bad_request(format!("parameter \"{name}\" is required")))
}

fn bill(params: &Params) -> Result<Invoice, ApiError> {
    let title = required(params, "title")?;
    let description = required(params, "description")?;
    let payload = required(params, "payload")?;
    let currency = required(params, "currency")?;
    let token = params.str("provider_token").unwrap_or_default();
    let prices = params.json("prices")?;
    let prices = prices
        .as_array()
        .ok_or_else(|| ApiError::bad_request("can't parse prices JSON object"))?;
    if payload.len() > MAX_PAYLOAD_BYTES {
        return Err(ApiError::bad_request("INVOICE_PAYLOAD_INVALID"));
    }
    // Which error names a long title is not documented.
    if title.chars().count() > MAX_TITLE || description.chars().count() > MAX_DESCRIPTION {
        return Err(ApiError::bad_request("MEDIA_INVALID"));
    }
    let mut total: i64 = 0;
    for price in prices {
        let amount = price.get("amount").and_then(Value::as_i64);
        let label = price.get("label").and_then(Value::as_str).unwrap_or_default();
        let (Some(amount), false) = (amount, label.is_empty()) else {
            return Err(ApiError::bad_request("can't parse labeled price"));
        };
        total = total.saturating_add(amount);
    }
    let amounts = if currency == STARS {
        if prices.len() != 1 {
            return Err(ApiError::bad_request("STARS_INVOICE_INVALID"));
        }
        if !token.is_empty() {
            return Err(ApiError::bad_request("PAYMENT_PROVIDER_INVALID"));
        }
        STAR_AMOUNTS
    } else {
        if !CURRENCIES.contains(&currency) {
            return Err(ApiError::bad_request("CURRENCY_INVALID"));
        }
        if token != PROVIDER_TOKEN {
            return Err(ApiError::bad_request("PAYMENT_PROVIDER_INVALID"));
        }
        CARD_AMOUNTS
    };
    if !amounts.contains(&total) {
        return Err(ApiError::bad_request("CURRENCY_TOTAL_AMOUNT_INVALID"));
    }
    let provider_data = params.str("provider_data").filter(|data| !data.is_empty());
    if let Some(data) = provider_data
        && serde_json::from_str::<Value>(data).is_err()
    {
        return Err(ApiError::bad_request("DATA_JSON_INVALID"));
    }
    Ok(Invoice {
        title: title.to_owned(),
        description: description.to_owned(),
        payload: payload.to_owned(),
        currency: currency.to_owned(),
        total_amount: total,
        start_parameter: params.str("start_parameter").unwrap_or_default().to_owned(),
        provider_data: provider_data.map(str::to_owned),
        is_paid: false,
    })
}

pub fn send_invoice(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    let chat_id = open_chat(world, params)?.user.id;
    let invoice = bill(params)?;
    let keyboard = match markup(params)? {
        // The clients make one themselves.
        None => vec![vec![Button {
            text: "Pay".to_owned(),
            action: ButtonAction::Pay,
        }]],
        Some(Markup::Inline(keyboard)) => {
            let first = keyboard.first().and_then(|row| row.first());
            if first.is_none_or(|button| button.action != ButtonAction::Pay) {
                return Err(ApiError::bad_request("REPLY_MARKUP_BUY_EMPTY"));
            }
            keyboard
        }
        Some(_) => return Err(ApiError::bad_request("inline keyboard expected")),
    };
    let mut draft = Draft::new(Content::Invoice(invoice), FormattedText::default());
    draft.markup = Some(Markup::Inline(keyboard));
    draft.reply_to = reply_target(open_chat(world, params)?, params)?;
    spend(world, chat_id, 1)?;
    post(world, chat_id, draft)
}

/// The person presses "Pay": the bot is asked. `force` pays a bill that is paid already, as a second phone may.
pub fn press_pay(
    world: &mut World,
    user_id: i64,
    message_id: i64,
    choice: Choice,
    force: bool,
) -> Result<String, PersonError> {
    let chat = world.telegram.chats.get(&user_id).ok_or(PersonError::NoSuchUser)?;
    if chat.blocked {
        return Err(PersonError::Blocked);
    }
    let message = chat.message(message_id).ok_or(PersonError::NoSuchMessage)?;
    let Content::Invoice(invoice) = &message.content else {
        return Err(PersonError::NoSuchButton);
    };
    if invoice.is_paid && !force {
        return Err(PersonError::PaidAlready);
    }
    if invoice.currency == STARS && world.telegram.payments.stars_of(user_id) < invoice.total_amount {
        return Err(PersonError::TooFewStars);
    }
    let mut query = json!({
        "from": chat.user.to_wire(),
        "currency": invoice.currency,
        "total_amount": invoice.total_amount,
        "invoice_payload": invoice.payload,
    });
    let id = format!("44{:017}", world.telegram.payments.number());
    if let Some(fields) = query.as_object_mut() {
        fields.insert("id".into(), json!(id));
    }
    let checkout = Checkout {
        user_id,
        message_id,
        choice,
        asked_at: Instant::now(),
        state: State::Asked,
    };
    world.telegram.payments.checkouts.insert(id.clone(), checkout);
    enqueue(world, "pre_checkout_query", query, (user_id, true));
    Ok(id)
}

/// What became of a payment, as its page follows it.
pub fn checkout(world: &World, id: &str) -> Option<Value> {
    let checkout = world.telegram.payments.checkouts.get(id)?;
    Some(match &checkout.state {
        State::Asked if checkout.asked_at.elapsed() >= ANSWER_WITHIN => json!({"state": "timed_out"}),
        State::Asked => json!({"state": "asked"}),
        State::Paid { charge } => json!({"state": "paid", "charge": charge}),
        State::Refused { reason } => json!({"state": "refused", "reason": reason}),
        State::Declined => json!({"state": "declined"}),
    })
}

pub fn answer_pre_checkout_query(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let id = params.str("pre_checkout_query_id").unwrap_or_default().to_owned();
    let is_yes = params.bool("ok");
    let reason = params.str("error_message").unwrap_or_default().to_owned();
    if !is_yes && reason.is_empty() {
        return Err(ApiError::bad_request("ERROR_TEXT_EMPTY"));
    }
    let late = || ApiError::bad_request("query is too old and response timeout expired or query ID is invalid");
    let known = world.telegram.payments.checkouts.get_mut(&id).ok_or_else(late)?;
    if known.state != State::Asked || known.asked_at.elapsed() >= ANSWER_WITHIN {
        return Err(late());
    }
    if !is_yes {
        known.state = State::Refused { reason };
        return Ok(json!(true));
    }
    if known.choice == Choice::Decline {
        known.state = State::Declined;
        return Ok(json!(true));
    }
    let checkout = known.clone();
    let charge = take(world, &checkout).ok_or_else(late)?;
    if let Some(known) = world.telegram.payments.checkouts.get_mut(&id) {
        known.state = State::Paid { charge };
    }
    Ok(json!(true))
}

/// The money is taken: the bill is marked, the chat has a service message, the bot is told.
fn take(world: &mut World, checkout: &Checkout) -> Option<String> {
    let at_ms = world.clock.now_ms();
    let user_id = checkout.user_id;
    let number = world.telegram.payments.number();
    let chat = world.telegram.chats.get_mut(&user_id)?;
    let message = chat.message_mut(checkout.message_id)?;
    let Content::Invoice(invoice) = &mut message.content else {
        return None;
    };
    invoice.is_paid = true;
    let is_stars = invoice.currency == STARS;
    let charge = Charge {
        id: if is_stars {
            format!("stx{user_id}_{number:012}")
        } else {
            format!("{user_id}_card_{number:012}")
        },
        provider_id: if is_stars {
            String::new()
        } else {
            format!("2f4c0e5a-000f-5000-9000-{number:012}")
        },
        user_id,
        payload: invoice.payload.clone(),
        title: invoice.title.clone(),
        currency: invoice.currency.clone(),
        total_amount: invoice.total_amount,
        at_ms,
        refunded_at_ms: None,
    };
    let message = chat.message(checkout.message_id)?;
    let bill = chat.message_to_page(message);
    let payments = &mut world.telegram.payments;
    if is_stars {
        payments.add_stars(user_id, -charge.total_amount);
    }
    payments.charges.push(charge.clone());
    world.emit(user_id, EventKind::Edited, Map::from_iter([("message".into(), bill)]));
    say(world, user_id, false, Content::SuccessfulPayment(charge.clone()));
    Some(charge.id)
}

/// A service message, on the page and to the bot.
fn say(world: &mut World, user_id: i64, from_bot: bool, content: Content) {
    let at_ms = world.clock.now_ms();
    let message_id = world.telegram.new_message_id();
    let Some(chat) = world.telegram.chats.get_mut(&user_id) else {
        return;
    };
    let message = Message::new(message_id, from_bot, at_ms, content, FormattedText::default());
    let (wire, page) = (chat.message_to_wire(&message), chat.message_to_page(&message));
    chat.push(message);
    world.emit(user_id, EventKind::Message, Map::from_iter([("message".into(), page)]));
    enqueue(world, "message", wire, (user_id, false));
}

pub fn refund_star_payment(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let charge_id = params.str("telegram_payment_charge_id").unwrap_or_default();
    if charge_id.is_empty() {
        return Err(ApiError::bad_request("CHARGE_ID_EMPTY"));
    }
    let user_id = params
        .i64("user_id")
        .filter(|id| world.telegram.chats.contains_key(id))
        .ok_or_else(|| ApiError::bad_request("USER_ID_INVALID"))?;
    let now_ms = world.clock.now_ms();
    let payments = &mut world.telegram.payments;
    let charge = payments
        .charges
        .iter_mut()
        .find(|charge| charge.id == charge_id && charge.user_id == user_id && charge.currency == STARS)
        .ok_or_else(|| ApiError::bad_request("CHARGE_NOT_FOUND"))?;
    if charge.refunded_at_ms.is_some() {
        return Err(ApiError::bad_request("CHARGE_ALREADY_REFUNDED"));
    }
    charge.refunded_at_ms = Some(now_ms);
    let charge = charge.clone();
    payments.add_stars(user_id, charge.total_amount);
    say(world, user_id, true, Content::RefundedPayment(charge));
    Ok(json!(true))
}

pub fn star_balance(world: &World) -> Value {
    json!({"amount": world.telegram.payments.bot_stars()})
}

/// Oldest first, a payment and its refund apart, as the server lists them.
pub fn star_transactions(world: &World, params: &Params) -> Result<Value, ApiError> {
    let offset = params.i64("offset").unwrap_or(0);
    let limit = params.i64("limit").unwrap_or(MAX_TRANSACTIONS);
    let (Ok(offset), true) = (usize::try_from(offset), (1..=MAX_TRANSACTIONS).contains(&limit)) else {
        return Err(ApiError::bad_request("invalid offset or limit specified"));
    };
    let mut all: Vec<(i64, Value)> = Vec::new();
    let payments = &world.telegram.payments;
    for charge in payments.charges.iter().filter(|charge| charge.currency == STARS) {
        let chat = world.telegram.chats.get(&charge.user_id);
        let user = chat.map_or_else(bot_to_wire, |chat| chat.user.to_wire());
        let partner = json!({
            "type": "user", "transaction_type": "invoice_payment", "user": user, "invoice_payload": charge.payload,
        });
        let line = |side: &str, at_ms: i64| json!({"id": charge.id, "amount": charge.total_amount, "date": at_ms.div_euclid(1000), side: partner});
        all.push((charge.at_ms, line("source", charge.at_ms)));
        if let Some(at_ms) = charge.refunded_at_ms {
            all.push((at_ms, line("receiver", at_ms)));
        }
    }
    all.sort_by_key(|(at_ms, _)| *at_ms);
    let limit = usize::try_from(limit).unwrap_or(100);
    let page: Vec<Value> = all.into_iter().skip(offset).take(limit).map(|(_, line)| line).collect();
    Ok(json!({"transactions": page}))
}
