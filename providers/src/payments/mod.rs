//! Payment providers. One module each, wire types included; one conformance suite that every one passes
//! (`providers/tests/payments`). `docs/providers.md` tells how to add one.
//!
//! An adapter translates and judges, it keeps nothing: whatever moves money has an intent in the database before it is
//! called, and carries a key that stays the same however often it is tried.

// No floats near money.
#![deny(clippy::disallowed_types, clippy::float_arithmetic)]

pub mod tbank;
pub mod yookassa;

use std::net::IpAddr;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use domain::fiscal::FiscalNumbers;
use domain::language::Language;
use domain::money::{Currency, Money};
use domain::order::TaxTreatment;
use domain::payment::Observation;
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use url::Url;

/// What to take, made from the order and the committed intent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Intent {
    /// Ours, and the stem of every idempotency key.
    pub payment: String,
    pub order: String,
    /// When the intent was committed: no provider can know it longer.
    pub created_at: Timestamp,
    pub amount: Money,
    /// What the payer reads; adapters shorten it to what their provider takes.
    pub description: String,
    pub language: Language,
    /// Where the payer's browser goes afterwards. A return is never a proof of payment.
    pub return_url: Url,
    /// Where the provider may tell us, if it takes an address with each payment.
    pub notification_url: Option<Url>,
    /// The provider's own deadline for the payer, where it takes one.
    pub expires_at: Option<Timestamp>,
    /// Take the money at once, or hold it until it is captured.
    pub capture: Capture,
    /// Ask to keep the payer's method for later charges.
    pub save_method: bool,
    /// Every earlier try of this intent is over, and its answer was lost: what it may have opened was shown to nobody.
    /// Only then may a provider that never tells a link twice call it off and make another one.
    pub is_lost: bool,
    /// Who the payer is to the provider: opaque, stable for a client.
    pub customer: String,
    pub receipt: Option<Receipt>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Capture {
    AtOnce,
    Later,
}

/// What the tax receipt says (54-FZ). The lines add up to the amount that moves.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    pub contact: Contact,
    pub lines: Vec<ReceiptLine>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Contact {
    Email(String),
    /// Digits with a leading `+`.
    Phone(String),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReceiptLine {
    pub title: String,
    /// Of the whole line: quantity is always one, so that no rounding comes between.
    pub amount: Money,
    pub tax: TaxTreatment,
}

/// A payment as its provider knows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Seen {
    /// The provider's own id.
    pub id: String,
    pub observation: Observation,
    /// Where the payer pays, while they still may.
    pub pay_url: Option<Url>,
    /// The reference we gave it: our payment's id, if the provider tells.
    pub reference: Option<String>,
    pub amount: Money,
    /// Given back so far, if the provider tells with the payment.
    pub refunded: Option<Money>,
    pub is_test: bool,
    pub saved_method: Option<SavedMethod>,
}

/// A way to charge the same payer again.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SavedMethod {
    /// The provider's token; it is a secret.
    pub token: String,
    /// What the payer recognises: `•••• 4477`.
    pub title: String,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundIntent {
    /// Ours, and the idempotency key.
    pub refund: String,
    /// The provider's id of the payment.
    pub payment: String,
    pub amount: Money,
    /// Whether this gives back the whole payment at once: its receipt is the payment's own.
    pub is_whole: bool,
    pub reason: String,
    pub receipt: Option<Receipt>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundSeen {
    /// The provider's own id, where refunds have one.
    pub id: Option<String>,
    pub state: RefundState,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RefundState {
    Pending,
    Succeeded,
    /// Refused for good: the provider's code.
    Failed {
        code: String,
    },
}

/// Which receipt is asked about, by the provider's own ids.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReceiptOf<'a> {
    Payment {
        payment: &'a str,
    },
    Refund {
        payment: &'a str,
        refund: &'a str,
    },
    /// What [`PaymentProvider::close_receipt`] answered.
    Closing {
        payment: &'a str,
        receipt: Option<&'a str>,
    },
}

/// How far a receipt is on its way to the tax office.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptState {
    Pending,
    Registered {
        /// The provider's own id.
        receipt: Option<String>,
        numbers: Option<FiscalNumbers>,
    },
    /// It will never be.
    Failed {
        code: String,
    },
}

/// One page of a provider's own list, for reconciliation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listing {
    pub payments: Vec<Listed>,
    pub next: Option<String>,
}

/// A payment in a provider's list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    pub seen: Seen,
    /// Our order's id, if the provider tells what we gave it.
    pub order: Option<String>,
    pub created_at: Option<Timestamp>,
}

/// A refund as its provider knows it, whoever made it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedRefund {
    pub id: String,
    /// The provider's id of the payment.
    pub payment: String,
    /// Our refund's id, if it was made here.
    pub reference: Option<String>,
    pub amount: Money,
    pub state: RefundState,
    pub created_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundListing {
    pub refunds: Vec<ListedRefund>,
    pub next: Option<String>,
}

/// A request that claims to come from a provider, untouched.
#[derive(Debug, Clone, Copy)]
pub struct RawNotification<'a> {
    pub body: &'a Bytes,
    /// The sender as the trusted hop saw it.
    pub peer: IpAddr,
}

/// A notification that passed its check. Only [`PaymentProvider::verify`] makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified {
    /// The same for each delivery of the same fact.
    pub dedupe_key: String,
    pub about: About,
}

/// What a notification is about. It is a hint: the provider is asked before anything is believed, where it can be asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum About {
    Payment {
        provider_payment: String,
    },
    Refund {
        provider_payment: String,
        provider_refund: Option<String>,
    },
    /// What a cash register made of a receipt. Nobody can be asked about that: it is believed as the provider signed it.
    Receipt {
        provider_payment: String,
        told: ToldReceipt,
    },
    /// Something we have no use for; it is kept and acknowledged.
    Nothing,
}

/// A receipt as a notification tells of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldReceipt {
    /// Of money that went back.
    pub is_refund: bool,
    pub amount: Money,
    /// Whether something on it was paid ahead, which tells a payment's receipt from the one that closes it. `None`: it does
    /// not say.
    pub is_prepaid: Option<bool>,
    pub fate: ReceiptFate,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "fate", rename_all = "snake_case")]
pub enum ReceiptFate {
    Registered {
        numbers: FiscalNumbers,
        /// Where its buyer sees it.
        link: Option<Url>,
    },
    /// The provider's code.
    Failed { code: String },
}

/// Why a notification is not believed. Never tells the sender which check failed.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Rejected {
    #[error("the sender's address is not one of the provider's")]
    ForeignAddress,
    #[error("the signature does not fit")]
    BadSignature,
    #[error("it is for another shop")]
    OtherShop,
    #[error("it can't be read")]
    Unreadable,
}

/// What the provider wants to hear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Acknowledgement {
    pub content_type: &'static str,
    pub body: &'static str,
}

/// What a provider can do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Capabilities {
    pub holds: bool,
    pub saves_methods: bool,
    /// Whether an open payment can be called off.
    pub cancels_pending: bool,
    /// Whether payments can be listed for reconciliation.
    pub lists: bool,
    /// How long the same key is safe to repeat; afterwards a payment is looked up first.
    pub key_lifetime: Option<Duration>,
}

#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Nothing happened there; the same call may succeed later.
    #[error("{provider} is busy or away")]
    Transient {
        provider: &'static str,
        retry_after: Option<Duration>,
    },
    /// It may have happened: look it up, or repeat with the same key. Never try another way.
    #[error("{provider} did not say whether it did it")]
    Unknown { provider: &'static str },
    /// Keys, rights or settings: only the owner can mend it.
    #[error("{provider} does not accept us: {code}")]
    Misconfigured { provider: &'static str, code: String },
    /// It refuses this call for good; nothing happened there.
    #[error("{provider} refused: {code}")]
    Refused { provider: &'static str, code: String },
    #[error("{provider} knows no such thing")]
    NotFound { provider: &'static str },
}

#[async_trait]
pub trait PaymentProvider: Send + Sync + std::fmt::Debug {
    /// Stable: in the database, in addresses, in the books.
    fn code(&self) -> &'static str;

    /// What a payer is shown.
    fn title(&self, language: Language) -> &'static str;

    fn capabilities(&self) -> Capabilities;

    /// The least it takes.
    fn minimum(&self, currency: Currency) -> Option<Money>;

    /// Opens a payment. Repeating it with the same intent is safe within [`Capabilities::key_lifetime`]: it answers the same
    /// payment, or [`Error::Unknown`] while the link of an earlier try may still be on its way to the payer.
    async fn create(&self, intent: &Intent) -> Result<Seen, Error>;

    /// Finds a payment by our own id, after an unknown outcome. `Ok(None)`: the provider never heard of it, so that it may
    /// be created again.
    async fn find(&self, intent: &Intent) -> Result<Option<Seen>, Error>;

    /// A payment as it stands now.
    async fn status(&self, provider_payment: &str) -> Result<Seen, Error>;

    /// Takes money that is held; `key` is ours and stable.
    async fn capture(
        &self,
        provider_payment: &str,
        amount: Money,
        key: &str,
        receipt: Option<&Receipt>,
    ) -> Result<Seen, Error>;

    /// Gives held money back, or calls an open payment off where that can be done.
    async fn cancel(&self, provider_payment: &str, key: &str) -> Result<Seen, Error>;

    async fn refund(&self, intent: &RefundIntent) -> Result<RefundSeen, Error>;

    /// A refund as it stands now; by its own id where it has one, else from the payment.
    async fn refund_status(&self, intent: &RefundIntent, provider_refund: Option<&str>) -> Result<RefundSeen, Error>;

    /// Charges a saved method without the payer.
    async fn charge_saved(&self, intent: &Intent, token: &str) -> Result<Seen, Error>;

    /// Gives the closing receipt of a prepayment, once the service is given. Answers the provider's receipt id.
    ///
    /// After [`Error::Unknown`] it is repeated only where [`PaymentProvider::remembers_closing_receipts`].
    async fn close_receipt(
        &self,
        provider_payment: &str,
        receipt: &Receipt,
        key: &str,
    ) -> Result<Option<String>, Error>;

    /// Whether a closing receipt that was asked for twice is given once.
    fn remembers_closing_receipts(&self) -> bool {
        false
    }

    /// How far a receipt is. `Ok(None)`: the provider tells nobody.
    async fn receipt_state(&self, _of: ReceiptOf<'_>) -> Result<Option<ReceiptState>, Error> {
        Ok(None)
    }

    /// Whether its keys are accepted: asks for something that changes nothing.
    ///
    /// Errors: [`Error::Misconfigured`] when they are not; [`Error::Transient`] when nobody can tell now.
    async fn probe(&self) -> Result<(), Error> {
        match self.status("0").await {
            Ok(_) | Err(Error::NotFound { .. } | Error::Refused { .. }) => Ok(()),
            Err(error) => Err(error),
        }
    }

    /// Payments created since `since`, for reconciliation; empty where a provider has no list.
    async fn list(&self, since: Timestamp, cursor: Option<&str>) -> Result<Listing, Error>;

    /// Refunds made since `since`, by anybody. `Ok(None)`: it lists none; then only [`Seen::refunded`] counts.
    async fn list_refunds(&self, _since: Timestamp, _cursor: Option<&str>) -> Result<Option<RefundListing>, Error> {
        Ok(None)
    }

    /// All refunds of one payment, whoever made them. `Ok(None)` as in [`PaymentProvider::list_refunds`].
    async fn refunds_of(&self, _provider_payment: &str) -> Result<Option<Vec<ListedRefund>>, Error> {
        Ok(None)
    }

    /// Whether it keeps parts to itself: a payment that was taken or given back in part is told without its sum
    /// ([`Seen::refunded`] is absent then, [`Seen::amount`] is what was agreed).
    fn hides_parts(&self) -> bool {
        false
    }

    /// Whether money of a payment is on its way back there, and nobody knows yet whether it arrives. Asked where
    /// [`PaymentProvider::hides_parts`].
    async fn is_giving_back(&self, _provider_payment: &str) -> Result<bool, Error> {
        Ok(false)
    }

    /// Whether a notification is genuine. There is no default: a provider without a check does not compile.
    fn verify(&self, raw: RawNotification<'_>) -> Result<Verified, Rejected>;

    fn acknowledgement(&self) -> Acknowledgement;
}
