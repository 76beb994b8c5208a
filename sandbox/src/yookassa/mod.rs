//! YooKassa's API v3: payments, refunds, receipts, saved methods, as the fact sheet of the protocol describes them.
//!
//! `http` is the door (credentials, idempotence, faults), `payments`, `refunds`, `receipts` and `methods` are behind it,
//! `payer` is what happens on the hosted page. To play one more call: a line in `http::dispatch` and its function.

pub mod error;
mod http;
mod lists;
mod methods;
pub mod payer;
pub mod payments;
pub mod reasons;
mod receipts;
pub mod refunds;
pub mod view;

use std::collections::{BTreeMap, BTreeSet, HashMap};

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{
    banks::{Bank, cards::Card, courier, courier::Letter, fiscal::Receipt, random_hex},
    world::World,
};
use error::ApiError;
pub use http::routes;

pub const DEMO_SHOP: &str = "100500";
pub const DEMO_SECRET: &str = "test_SANDBOX-demo-secret";

const SECOND_MS: i64 = 1_000;
const DAY_MS: i64 = 24 * 3_600 * SECOND_MS;
/// A key is good for so long, counted from its first use.
pub const KEY_LIFE_MS: i64 = DAY_MS;
/// Time to pay after creation; the same for every method played here.
const PAY_WITHIN_MS: i64 = 3_600 * SECOND_MS;
/// A hold on a card or wallet.
const HOLD_MS: i64 = 7 * DAY_MS;

#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Shop {
    pub secret: String,
    pub name: String,
    pub test: bool,
    /// Where notifications go; empty: the product's usual address.
    pub notification_url: String,
    /// Receipts go through YooKassa, so each payment must bring its data.
    pub fiscalization: bool,
    /// Whether the manager has allowed saved methods.
    pub save_methods: bool,
    /// The commission, for `income_amount`.
    pub fee_basis_points: i64,
    pub itn: String,
}

impl Default for Shop {
    fn default() -> Self {
        Self {
            secret: DEMO_SECRET.to_owned(),
            name: "Voronka Demo".to_owned(),
            test: true,
            notification_url: String::new(),
            fiscalization: false,
            save_methods: true,
            fee_basis_points: 350,
            itn: "7743013902".to_owned(),
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Status {
    Pending,
    WaitingForCapture,
    Succeeded,
    Canceled,
}

impl Status {
    pub fn name(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::WaitingForCapture => "waiting_for_capture",
            Self::Succeeded => "succeeded",
            Self::Canceled => "canceled",
        }
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cancellation {
    pub party: String,
    pub reason: String,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Payment {
    pub id: String,
    pub shop: String,
    /// Order of creation, since the clock may be moved back.
    pub seq: u64,
    pub status: Status,
    /// What was asked for; after a partial capture what was taken.
    pub amount: i64,
    pub currency: String,
    pub refunded: i64,
    pub description: Option<String>,
    pub metadata: Option<Value>,
    pub capture: bool,
    pub created_at_ms: i64,
    pub captured_at_ms: Option<i64>,
    pub pay_until_ms: i64,
    pub hold_until_ms: Option<i64>,
    /// As it goes out: type, return_url, confirmation_url.
    pub confirmation: Option<Value>,
    pub return_url: Option<String>,
    pub locale: Option<String>,
    pub save_method: bool,
    pub customer: Option<String>,
    pub method_type: String,
    pub method_id: Option<String>,
    pub card: Option<Card>,
    /// A card that waits for its 3-D Secure code.
    pub challenged: Option<Challenge>,
    pub three_ds_applied: bool,
    pub cancellation: Option<Cancellation>,
    pub receipt: Option<Value>,
    pub receipt_registration: Option<String>,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Challenge {
    pub card: Card,
    pub save: bool,
}

impl Payment {
    pub fn refundable(&self) -> i64 {
        match self.status {
            Status::Succeeded => self.amount.saturating_sub(self.refunded),
            _ => 0,
        }
    }
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
    pub shop: String,
    pub seq: u64,
    pub payment_id: String,
    pub status: RefundStatus,
    pub amount: i64,
    pub currency: String,
    pub description: Option<String>,
    pub metadata: Option<Value>,
    pub created_at_ms: i64,
    pub cancellation: Option<Cancellation>,
    pub receipt: Option<Value>,
    pub receipt_registration: Option<String>,
}

/// A payment method: the one of a payment, saved or not, or one bound without charging.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Method {
    pub id: String,
    pub shop: String,
    pub kind: String,
    pub saved: bool,
    /// `pending` until it is confirmed, then `active`; `inactive` when the payer has withdrawn it.
    pub status: String,
    pub card: Option<Card>,
    pub customer: Option<String>,
    pub return_url: Option<String>,
    pub confirmation_url: Option<String>,
    /// Charges of it are declined for this reason until it is taken back.
    pub declines: Option<String>,
    pub created_at_ms: i64,
}

/// What a call has made, so that the same key shows it again as it is then.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Made {
    Payment(String),
    Refund(String),
    Receipt(String),
    Method(String),
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Remembered {
    pub at_ms: i64,
    pub path: String,
    pub body: Value,
    pub outcome: Result<Made, ApiError>,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(default)]
pub struct YooKassa {
    pub shops: BTreeMap<String, Shop>,
    pub payments: BTreeMap<String, Payment>,
    pub refunds: BTreeMap<String, Refund>,
    pub receipts: Vec<Receipt>,
    pub methods: BTreeMap<String, Method>,
    /// By `shop:key`.
    pub keys: HashMap<String, Remembered>,
    pub seq: u64,
    /// Moments at which a payment ends by itself.
    pub deadlines: BTreeSet<(i64, String)>,
}

impl Default for YooKassa {
    fn default() -> Self {
        Self {
            shops: BTreeMap::from([(DEMO_SHOP.to_owned(), Shop::default())]),
            payments: BTreeMap::new(),
            refunds: BTreeMap::new(),
            receipts: Vec::new(),
            methods: BTreeMap::new(),
            keys: HashMap::new(),
            seq: 0,
            deadlines: BTreeSet::new(),
        }
    }
}

impl YooKassa {
    pub fn reset(&mut self) {
        *self = Self {
            shops: std::mem::take(&mut self.shops),
            ..Self::default()
        };
    }

    pub fn next_deadline_ms(&self) -> Option<i64> {
        self.deadlines.first().map(|(at_ms, _)| *at_ms)
    }

    fn next_seq(&mut self) -> u64 {
        self.seq += 1;
        self.seq
    }

    /// Shaped like the service's own: seconds since 2000, then fixed groups that are no RFC 4122 version.
    fn new_id(now_ms: i64, kind: &str) -> String {
        let seconds = (now_ms / SECOND_MS - 946_684_800).rem_euclid(1 << 32);
        format!(
            "{seconds:08x}-{kind}-5{}-9000-{}",
            random_hex(2).split_at(3).0,
            random_hex(6)
        )
    }
}

/// Payments whose time to pay or to capture is over.
pub fn tick(world: &mut World) {
    let now_ms = world.clock.now_ms();
    loop {
        let banks = &mut world.banks.yookassa;
        match banks.deadlines.first() {
            Some((at_ms, _)) if *at_ms <= now_ms => {}
            _ => return,
        }
        let Some((at_ms, id)) = banks.deadlines.pop_first() else {
            return;
        };
        let Some(payment) = banks.payments.get(&id) else {
            continue;
        };
        match payment.status {
            Status::Pending if payment.pay_until_ms <= at_ms => {
                payments::cancel_with(world, &id, "expired_on_confirmation");
            }
            Status::WaitingForCapture if payment.hold_until_ms.is_some_and(|until| until <= at_ms) => {
                payments::cancel_with(world, &id, "expired_on_capture");
            }
            _ => {}
        }
    }
}

fn letter(world: &World, shop: &str, event: &str, payment_id: &str, object: &Value) -> Letter {
    let own = world.banks.yookassa.shops.get(shop).map(|shop| &shop.notification_url);
    Letter {
        bank: Bank::YooKassa,
        event: event.to_owned(),
        payment_id: payment_id.to_owned(),
        url: world.banks.notification_url(Bank::YooKassa, own),
        body: json!({"type": "notification", "event": event, "object": object}).to_string(),
    }
}

/// Sends `event` about a payment with the whole object as it is at this moment.
pub fn notify_payment(world: &mut World, id: &str) {
    let Some(payment) = world.banks.yookassa.payments.get(id) else {
        return;
    };
    let event = format!("payment.{}", payment.status.name());
    let shop = payment.shop.clone();
    let object = payments::to_wire(world, payment);
    let letter = letter(world, &shop, &event, id, &object);
    view::forge_by_chance(world, id);
    courier::announce(world, &letter);
}
