//! T-Bank's internet acquiring, EACQ v2, as the fact sheet of the protocol describes it.
//!
//! `http` is the door (token, faults), `payments`, `cards` and `receipts` are behind it, `payer` is what happens on the
//! hosted page. To play one more method: a line in `http::execute` and its function.

mod cards;
pub mod error;
mod http;
pub mod payer;
pub mod payments;
mod receipts;
pub mod refunds;
pub mod token;
pub mod view;

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{
    banks::{Bank, cards::Card, courier, courier::Letter, fiscal::Receipt, tell},
    clock::real_ms,
    world::World,
};
pub use http::routes;

pub const DEMO_TERMINAL: &str = "1699999999999DEMO";
pub const DEMO_PASSWORD: &str = "SANDBOX-demo-password";

const MINUTE_MS: i64 = 60_000;
const DAY_MS: i64 = 24 * 60 * MINUTE_MS;
/// The authorisation day counts, so a hold lives seven days at most.
const HOLD_MS: i64 = 7 * DAY_MS;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Terminal {
    pub password: String,
    pub name: String,
    /// Where notifications go when Init names no address; empty: the product's usual one.
    pub notification_url: String,
    pub success_url: String,
    pub fail_url: String,
    /// What an Init without `PayType` means.
    pub two_stage: bool,
    /// A cash register is attached: each payment must bring its receipt.
    pub cash_register: bool,
    pub charge_enabled: bool,
    /// One `OrderId` may own several payments, as long as none is paid.
    pub repeat_orders: bool,
    /// `REJECTED` is also told of a try after which the payer may try again.
    pub notify_failed_tries: bool,
    pub notify_expired: bool,
    /// Fiscal notifications: `Status: "RECEIPT"`.
    pub notify_receipts: bool,
    pub link_minutes: i64,
    /// Tries on the form before the payment is rejected for good.
    pub tries: u32,
}

impl Default for Terminal {
    fn default() -> Self {
        Self {
            password: DEMO_PASSWORD.to_owned(),
            name: "Voronka Demo".to_owned(),
            notification_url: String::new(),
            success_url: String::new(),
            fail_url: String::new(),
            two_stage: false,
            cash_register: false,
            charge_enabled: true,
            repeat_orders: false,
            notify_failed_tries: false,
            notify_expired: false,
            notify_receipts: false,
            link_minutes: 1_440,
            tries: 3,
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "SCREAMING_SNAKE_CASE")]
pub enum Status {
    New,
    FormShowed,
    #[serde(rename = "3DS_CHECKING")]
    ThreeDsChecking,
    Authorized,
    Confirmed,
    Canceled,
    DeadlineExpired,
    Rejected,
    Reversed,
    PartialReversed,
    AsyncRefunding,
    Refunded,
    PartialRefunded,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::New => "NEW",
            Self::FormShowed => "FORM_SHOWED",
            Self::ThreeDsChecking => "3DS_CHECKING",
            Self::Authorized => "AUTHORIZED",
            Self::Confirmed => "CONFIRMED",
            Self::Canceled => "CANCELED",
            Self::DeadlineExpired => "DEADLINE_EXPIRED",
            Self::Rejected => "REJECTED",
            Self::Reversed => "REVERSED",
            Self::PartialReversed => "PARTIAL_REVERSED",
            Self::AsyncRefunding => "ASYNC_REFUNDING",
            Self::Refunded => "REFUNDED",
            Self::PartialRefunded => "PARTIAL_REFUNDED",
        }
    }

    pub fn awaits_payer(self) -> bool {
        matches!(self, Self::New | Self::FormShowed | Self::ThreeDsChecking)
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Payment {
    pub id: u64,
    pub terminal: String,
    pub order_id: String,
    pub status: Status,
    /// As asked for in Init.
    pub amount: i64,
    /// Authorised and neither taken nor released.
    pub held: i64,
    pub captured: i64,
    pub refunded: i64,
    pub description: Option<String>,
    pub customer_key: Option<String>,
    pub recurrent: bool,
    pub two_stage: bool,
    pub language: String,
    pub notification_url: Option<String>,
    pub success_url: Option<String>,
    pub fail_url: Option<String>,
    pub data: Map<String, Value>,
    pub receipt: Option<Value>,
    pub created_at_ms: i64,
    pub expires_at_ms: i64,
    pub hold_until_ms: Option<i64>,
    pub failed_tries: u32,
    /// What the last try failed with; `0` when nothing has.
    pub error_code: String,
    pub card: Option<Card>,
    pub card_id: Option<u64>,
    pub rebill_id: Option<u64>,
    pub pay_path: String,
}

/// A card of a customer; `rebill_id` when it may be charged without him.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct SavedCard {
    pub id: u64,
    pub terminal: String,
    pub customer_key: String,
    pub card: Card,
    pub rebill_id: u64,
    /// Removed cards stay in the list with status `D`.
    pub removed: bool,
    /// Charges of it are declined with this code until it is taken back.
    pub declines: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    Pending,
    Succeeded,
    Canceled,
}

impl RefundStatus {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Refund {
    pub id: String,
    pub terminal: String,
    pub payment_id: u64,
    pub amount: i64,
    pub status: RefundStatus,
    pub receipt: Option<Value>,
    pub created_at_ms: i64,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct TBank {
    pub terminals: BTreeMap<String, Terminal>,
    pub payments: BTreeMap<u64, Payment>,
    pub cards: BTreeMap<u64, SavedCard>,
    /// `(terminal, CustomerKey)` → e-mail and phone.
    pub customers: BTreeMap<String, Value>,
    pub refunds: Vec<Refund>,
    pub receipts: Vec<Receipt>,
    /// Answers of Cancel by `payment:ExternalRequestId`.
    pub cancels: BTreeMap<String, Value>,
    pub last_id: u64,
    pub deadlines: BTreeSet<(i64, u64)>,
}

impl Default for TBank {
    fn default() -> Self {
        Self {
            terminals: BTreeMap::from([(DEMO_TERMINAL.to_owned(), Terminal::default())]),
            payments: BTreeMap::new(),
            cards: BTreeMap::new(),
            customers: BTreeMap::new(),
            refunds: Vec::new(),
            receipts: Vec::new(),
            cancels: BTreeMap::new(),
            // A product's database outlives this process: numbers of an earlier one must not come again.
            last_id: u64::try_from(real_ms()).unwrap_or_default(),
            deadlines: BTreeSet::new(),
        }
    }
}

impl TBank {
    pub fn reset(&mut self) {
        *self = Self {
            terminals: std::mem::take(&mut self.terminals),
            last_id: self.last_id,
            ..Self::default()
        };
    }

    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(at_ms, _)| *at_ms)
    }

    fn next_id(&mut self) -> u64 {
        self.last_id += 1;
        self.last_id
    }
}

/// Links and holds that ran out.
pub fn tick(world: &mut World) {
    let now_ms = world.clock.now_ms();
    loop {
        let bank = &mut world.banks.tbank;
        if bank.deadlines.first().is_none_or(|(at_ms, _)| *at_ms > now_ms) {
            return;
        }
        let Some((at_ms, id)) = bank.deadlines.pop_first() else {
            return;
        };
        let Some(payment) = bank.payments.get_mut(&id) else {
            continue;
        };
        if payment.status.awaits_payer() && payment.expires_at_ms <= at_ms {
            payments::expire(world, id);
        } else if payment.hold_until_ms.is_some_and(|until| until <= at_ms) && payment.held > 0 {
            payment.held = 0;
            payment.status = Status::Reversed;
            notify(world, id, Status::Reversed, None);
        }
    }
}

/// The signed body of a notification about a payment.
pub fn notification_body(world: &World, payment: &Payment, status: Status, amount: Option<i64>) -> Map<String, Value> {
    let failed = matches!(status, Status::Rejected | Status::DeadlineExpired);
    let code = if failed && payment.error_code == "0" {
        "1005"
    } else {
        payment.error_code.as_str()
    };
    let mut fields = Map::from_iter([
        ("TerminalKey".to_owned(), json!(payment.terminal)),
        ("OrderId".to_owned(), json!(payment.order_id)),
        ("Success".to_owned(), json!(!failed)),
        ("Status".to_owned(), json!(status.name())),
        ("PaymentId".to_owned(), json!(payment.id)),
        ("ErrorCode".to_owned(), json!(if failed { code } else { "0" })),
        ("Amount".to_owned(), json!(amount.unwrap_or(payment.amount))),
    ]);
    if let Some(rebill_id) = payment.rebill_id {
        fields.insert("RebillId".into(), json!(rebill_id));
    }
    if let Some(card) = &payment.card {
        fields.insert("CardId".into(), json!(payment.card_id.unwrap_or_default()));
        fields.insert("Pan".into(), json!(card.mask()));
        fields.insert("ExpDate".into(), json!(card.short_expiry()));
    }
    if !payment.data.is_empty() {
        fields.insert("Data".into(), json!(payment.data));
    }
    let password = password(world, &payment.terminal);
    let token = token::sign(&fields, &password);
    fields.insert("Token".into(), json!(token));
    fields
}

pub fn password(world: &World, terminal: &str) -> String {
    let terminal = world.banks.tbank.terminals.get(terminal);
    terminal.map(|terminal| terminal.password.clone()).unwrap_or_default()
}

pub fn letter(world: &World, payment: &Payment, event: &str, body: &Map<String, Value>) -> Letter {
    let own = world.banks.tbank.terminals.get(&payment.terminal);
    let own = payment
        .notification_url
        .as_ref()
        .or(own.map(|terminal| &terminal.notification_url));
    Letter {
        bank: Bank::TBank,
        event: event.to_owned(),
        payment_id: payment.id.to_string(),
        url: world.banks.notification_url(Bank::TBank, own),
        body: json!(body).to_string(),
    }
}

/// Tells the shop of a status; `amount` is the operation's where it isn't the whole.
pub fn notify(world: &mut World, id: u64, status: Status, amount: Option<i64>) {
    let Some(payment) = world.banks.tbank.payments.get(&id) else {
        return;
    };
    let body = notification_body(world, payment, status, amount);
    let letter = letter(world, payment, status.name(), &body);
    view::forge_by_chance(world, id);
    courier::announce(world, &letter);
    tell(world, Bank::TBank, "payment", &id.to_string());
}
