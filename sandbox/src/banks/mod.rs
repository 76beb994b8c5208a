//! What both banks have in common: accounts, switches, the post that carries notifications, and the pages of the payer.
//! Their wire protocols are apart, in `yookassa` and `tbank`.

pub mod cards;
pub mod control;
pub mod courier;
pub mod fiscal;
pub mod hosted;
pub mod journal;
pub mod money;

pub mod switches;
pub mod view;

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use crate::{events::EventKind, tbank, tbank::TBank, world::World, yookassa, yookassa::YooKassa};
use courier::Post;
use journal::Journal;

/// The two banks this world plays.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Bank {
    #[serde(rename = "yookassa")]
    YooKassa,
    #[serde(rename = "tbank")]
    TBank,
}

impl Bank {
    pub const ALL: [Self; 2] = [Self::YooKassa, Self::TBank];

    pub fn name(self) -> &'static str {
        match self {
            Self::YooKassa => "yookassa",
            Self::TBank => "tbank",
        }
    }

    /// An address of the networks the real one sends its notifications from.
    pub fn sender(self) -> &'static str {
        match self {
            Self::YooKassa => "185.71.76.10",
            Self::TBank => "91.194.226.10",
        }
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(default)]
pub struct Banks {
    pub yookassa: YooKassa,
    pub tbank: TBank,
    pub post: Post,
    #[serde(skip)]
    pub calls: Journal,
    /// Where the product listens, like `http://127.0.0.1:8080`: the default address of notifications.
    #[serde(skip)]
    pub product_url: Option<String>,
    /// How a browser reaches this sandbox, where it isn't the address the product uses.
    #[serde(skip)]
    pub public_url: Option<String>,
}

impl Banks {
    /// Forgets what happened and keeps who may come in.
    pub fn reset(&mut self) {
        self.yookassa.reset();
        self.tbank.reset();
        self.post.reset();
        self.calls = Journal::default();
    }

    /// The account's own address, or the product's usual one.
    pub fn notification_url(&self, bank: Bank, own: Option<&String>) -> Option<String> {
        let path = match bank {
            Bank::YooKassa => "/api/payments/webhook/yookassa",
            Bank::TBank => "/api/payments/webhook/tinkoff",
        };
        own.filter(|url| !url.is_empty())
            .cloned()
            .or_else(|| Some(format!("{}{path}", self.product_url.as_ref()?.trim_end_matches('/'))))
    }

    /// The soonest moment at which something happens by itself.
    pub fn next_deadline_ms(&self) -> Option<i64> {
        [
            self.yookassa.next_deadline_ms(),
            self.tbank.next_deadline_ms(),
            self.post.next_due_ms(),
        ]
        .into_iter()
        .flatten()
        .min()
    }
}

/// Lets happen what the clock says is over: links and holds that ran out.
pub fn tick(world: &mut World) {
    yookassa::tick(world);
    tbank::tick(world);
}

/// Tells the pages and whoever waits that something about a payment is new.
pub fn tell(world: &mut World, bank: Bank, what: &str, id: &str) {
    let payload = Map::from_iter([
        ("bank".to_owned(), json!(bank)),
        ("what".to_owned(), json!(what)),
        ("id".to_owned(), json!(id)),
    ]);
    world.emit(0, EventKind::Bank, payload);
}

/// An RFC 3339 instant in UTC with milliseconds, as both banks and people read it.
pub fn instant(at_ms: i64) -> String {
    chrono::DateTime::from_timestamp_millis(at_ms)
        .unwrap_or_default()
        .to_rfc3339_opts(chrono::SecondsFormat::Millis, true)
}

/// `None` when the text is no instant with an offset.
pub fn parse_instant(text: &str) -> Option<i64> {
    chrono::DateTime::parse_from_rfc3339(text)
        .ok()
        .map(|at| at.timestamp_millis())
}

/// Lower-case hexadecimal digits nobody can guess.
pub fn random_hex(bytes: usize) -> String {
    let mut raw = vec![0_u8; bytes];
    if let Err(error) = getrandom::fill(&mut raw) {
        tracing::error!(%error, "the machine gives no randomness");
    }
    data_encoding::HEXLOWER.encode(&raw)
}

/// Shaped like a UUID, as error ids and the like are.
pub fn random_uuid() -> String {
    let hex = random_hex(16);
    let part = |from: usize, to: usize| hex.get(from..to).unwrap_or_default();
    format!(
        "{}-{}-{}-{}-{}",
        part(0, 8),
        part(8, 12),
        part(12, 16),
        part(16, 20),
        part(20, 32)
    )
}

/// The text at `name`, also when it is empty; numbers and the like are none.
pub fn text<'a>(body: &'a Value, name: &str) -> Option<&'a str> {
    body.get(name).and_then(Value::as_str)
}

/// Puts `value` under `name` when there is one: absent fields are left out on both wires, never null.
pub fn put(fields: &mut Map<String, Value>, name: &str, value: Option<impl Into<Value>>) {
    if let Some(value) = value {
        fields.insert(name.to_owned(), value.into());
    }
}
