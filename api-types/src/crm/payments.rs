//! Payments, refunds, receipts, and how money is taken.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::{IntoParams, ToSchema};

use super::{Localized, Money};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Payment {
    #[schema(example = "py_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub order_id: String,
    pub client_id: String,
    /// `yookassa`, `tbank`, …; `manual` for cash and transfers entered by hand.
    #[schema(example = "yookassa")]
    pub provider: String,
    pub status: PaymentStatus,
    pub amount: Money,
    pub refunded: Money,
    /// Promised to refunds under way.
    pub reserved: Money,
    /// What the provider keeps, once it has told.
    pub fee: Option<Money>,
    /// The provider's own id.
    pub provider_payment_id: Option<String>,
    /// Where the person pays, while they still may.
    pub pay_url: Option<String>,
    /// Made with the provider's test keys: nobody has really paid.
    pub is_test: bool,
    pub decline: Option<Decline>,
    /// Why a person should look at it.
    pub concern: Option<PaymentConcern>,
    /// How it was paid by hand.
    pub note: Option<String>,
    /// Who started it: a user's or key's id, `client` or `system`.
    pub actor: String,
    pub created_at: DateTime<Utc>,
    pub paid_at: Option<DateTime<Utc>>,
    pub closed_at: Option<DateTime<Utc>>,
    pub version: i64,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentStatus {
    /// Whether the provider knows it is not known yet.
    Creating,
    Pending,
    /// The sum is held on the card: capture or release it.
    WaitingForCapture,
    Completed,
    PartiallyRefunded,
    Refunded,
    Canceled,
    Expired,
}

/// Why the provider declined.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Decline {
    /// As the provider writes it.
    #[schema(example = "insufficient_funds")]
    pub code: String,
    pub advice: DeclineAdvice,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum DeclineAdvice {
    /// Money or a limit is short: later, or another card.
    TryLater,
    /// Something is wrong with the card or its data.
    CheckCard,
    /// This card won't work here.
    OtherMethod,
    /// The bank or the provider had a bad moment.
    TryAgain,
    /// It was called off by us.
    CalledOff,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PaymentConcern {
    /// Paid after it had been canceled or had expired.
    PaidAfterClosing,
    /// Another sum or currency than agreed.
    OtherAmount,
    /// The provider calls off what it had called paid.
    CanceledAfterSuccess,
    /// A success for an order that is paid already, or no longer wanted.
    OrderNotWaiting,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentDetails {
    #[serde(flatten)]
    pub payment: Payment,
    /// Everything that was seen of it, also what changed nothing; newest first, the last hundred.
    pub events: Vec<PaymentEvent>,
    /// Newest first.
    pub refunds: Vec<Refund>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PaymentEvent {
    pub id: String,
    /// `created`, `notification`, `poll`, `administrator` or `reconciliation`.
    #[schema(example = "notification")]
    pub source: String,
    /// What the provider said, in our words.
    #[schema(value_type = Object)]
    pub seen: Value,
    /// What it led to: `open`, `hold`, `settle`, `close`, `release`, `ask` or `nothing`.
    #[schema(example = "settle")]
    pub decision: String,
    pub request_id: String,
    pub at: DateTime<Utc>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct PaymentQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// A client's id.
    pub client: Option<String>,
    /// An order's id.
    pub order: Option<String>,
    pub status: Option<PaymentStatus>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewPayment {
    #[schema(example = "or_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub order_id: String,
    /// Absent: the first one that is offered.
    #[serde(default)]
    #[schema(example = "yookassa")]
    pub provider: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ManualPayment {
    #[schema(example = "or_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub order_id: String,
    /// What really came; absent: what the order costs.
    #[serde(default)]
    pub amount: Option<Money>,
    /// How it was paid.
    #[schema(example = "Наличными на тренировке")]
    pub note: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UsePayment {
    /// The order it shall serve.
    #[schema(example = "or_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub order_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewRefund {
    /// Absent: everything that is left.
    #[serde(default)]
    pub amount: Option<Money>,
    #[schema(example = "Клиентка переехала")]
    pub reason: String,
}

/// A refund that was made in the provider's own cabinet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordedRefund {
    /// As the cabinet shows it.
    pub amount: Money,
    #[schema(example = "Вернули половину в кабинете банка")]
    pub reason: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Refund {
    #[schema(example = "rf_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub payment_id: String,
    pub order_id: String,
    pub client_id: String,
    pub amount: Money,
    pub status: RefundStatus,
    pub reason: String,
    pub actor: String,
    pub origin: RefundOrigin,
    pub provider_refund_id: Option<String>,
    /// Why the provider refused, in its own code.
    pub failure: Option<String>,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// Where it was made.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundOrigin {
    Here,
    /// In the provider's own cabinet.
    Provider,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct CaptureQuery {
    /// How much of the hold is taken, in minor units of its currency; all of it when absent.
    #[param(minimum = 1)]
    pub amount_minor: Option<i64>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum RefundStatus {
    /// The sum is reserved; whether the provider knows the refund is not known yet.
    Requested,
    Pending,
    Succeeded,
    /// Refused for good; the sum is free again and a task tells a person.
    Failed,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RefundQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// An order's id.
    pub order: Option<String>,
    pub status: Option<RefundStatus>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct RefundProposalQuery {
    /// How much of it was delivered, in hundredths of a percent; 0 when absent.
    #[param(minimum = 0, maximum = 10_000)]
    pub delivered_basis_points: Option<u16>,
    /// Proven costs, in minor units of the payment's currency; 0 when absent.
    #[param(minimum = 0)]
    pub costs_minor: Option<i64>,
}

/// What would be fair: the payment without the delivered part and without proven costs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct RefundProposal {
    /// What can be given back at most.
    pub left: Money,
    pub proposed: Money,
}

/// A tax receipt, or an income that a self-employed seller registers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Receipt {
    #[schema(example = "rc_01KB3SK7ZQ4T9XW2M5N8R6V0YD")]
    pub id: String,
    pub order_id: String,
    pub payment_id: Option<String>,
    pub refund_id: Option<String>,
    /// `payment`, `refund` or `closing` of a cash register; `income` or `income_refund` of «Мой налог».
    #[schema(example = "closing")]
    pub kind: String,
    pub status: ReceiptStatus,
    pub amount: Money,
    /// What is on it.
    #[schema(value_type = Object)]
    pub body: Value,
    /// The provider's id, or the number in «Мой налог».
    pub provider_receipt_id: Option<String>,
    /// Where the client sees it.
    pub link: Option<String>,
    /// What the cash register has written on it, where the provider tells.
    pub fiscal: Option<FiscalNumbers>,
    /// Of a payment made with a provider's test keys.
    pub is_test: bool,
    /// The provider's reason; `unknown`: its answer was lost, and only a person can see whether it was given.
    pub failure: Option<String>,
    /// How often the provider was asked to give it.
    pub attempts: u32,
    pub created_at: DateTime<Utc>,
    pub finished_at: Option<DateTime<Utc>>,
}

/// The numbers by which anybody finds a receipt at the tax office.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FiscalNumbers {
    /// Of the fiscal storage (ФН).
    #[schema(example = "9288000100115785")]
    pub storage: String,
    /// Of the document in it (ФД).
    #[schema(example = "8571")]
    pub document: String,
    /// Its fiscal sign (ФП).
    #[schema(example = "2617603921")]
    pub attribute: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptStatus {
    Queued,
    /// The provider is being asked for it.
    Sending,
    /// The provider has taken it; some never tell whether it was registered.
    Sent,
    /// The provider gives it with the payment or the refund.
    WithPayment,
    Registered,
    Failed,
    /// A person registers it, in «Мой налог» or at their own cash register.
    ByHand,
    /// Not needed any more: everything went back before.
    Canceled,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
pub struct ReceiptQuery {
    /// Rows a page, 1 to 200; 50 when absent.
    #[param(minimum = 1, maximum = 200)]
    pub limit: Option<u32>,
    /// `next_cursor` of the page before.
    pub cursor: Option<String>,
    /// An order's id.
    pub order: Option<String>,
    /// `by_hand`: the queue of what a person registers.
    pub status: Option<ReceiptStatus>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RegisteredReceipt {
    /// The number of the receipt in «Мой налог».
    #[serde(default)]
    #[schema(example = "20abc1def2")]
    pub number: Option<String>,
    /// Its address there; the client of an income gets it in their chat.
    #[serde(default)]
    #[schema(example = "https://lknpd.nalog.ru/api/v1/receipt/500100732259/20abc1def2/print")]
    pub link: Option<String>,
}

const fn three() -> u32 {
    3
}

/// How money is taken.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PaymentSettings {
    /// How long an order waits for its payment.
    #[schema(minimum = 10, maximum = 43_200)]
    pub order_minutes: u32,
    /// How long a client may take their money back without asking; 0: never.
    #[schema(minimum = 0, maximum = 43_200)]
    pub refund_window_minutes: u32,
    pub capture: CaptureMode,
    pub stacking: Stacking,
    pub receipts: ReceiptMode,
    /// Codes of providers in the order in which they are offered; empty: all that are configured.
    pub providers: Vec<String>,
    /// Whether payers may have their card kept for later charges.
    #[serde(default)]
    pub save_methods: bool,
    /// How many days back the books are compared with the providers each night; 3 when absent.
    #[serde(default = "three")]
    #[schema(minimum = 1, maximum = 31)]
    pub reconcile_days: u32,
    /// Write-only: keys by the provider's code, each with its fields of `configured_providers`. They are tried at the provider
    /// before they are kept. Absent stays, `null` takes the saved ones away: then those of the environment serve.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    #[schema(example = json!({ "yookassa": { "shop_id": "100500", "secret_key": "test_…" } }))]
    pub keys: BTreeMap<String, Option<BTreeMap<String, String>>>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct VersionedPaymentSettings {
    /// The same number as in `ETag`; 0 as long as nothing was saved.
    pub version: i64,
    #[serde(flatten)]
    pub settings: PaymentSettings,
    /// What this installation speaks with, whether it has keys or not.
    pub configured_providers: Vec<ConfiguredProvider>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ConfiguredProvider {
    #[schema(example = "yookassa")]
    pub code: String,
    pub title: Localized,
    /// Whether there are keys, so that it can take payments.
    pub is_ready: bool,
    /// Whether money can be held and taken later.
    pub can_hold: bool,
    /// Whether a payer's card can be kept.
    pub can_save_methods: bool,
    pub keys_from: KeySource,
    pub key_fields: Vec<KeyField>,
}

/// Whose keys serve.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum KeySource {
    None,
    Environment,
    /// Saved here; they win over the environment.
    Settings,
}

/// One thing that is entered to let a provider work.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct KeyField {
    #[schema(example = "secret_key")]
    pub name: String,
    pub is_secret: bool,
    pub is_required: bool,
    /// What was saved; of a secret only its last four characters: `••••1234`.
    #[schema(example = "••••1234")]
    pub shown: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CaptureMode {
    AtOnce,
    /// Money is held until you take it or let it go.
    Later,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Stacking {
    /// The best single discount applies.
    BestOne,
    /// Each takes its share of what the earlier ones left.
    AllInTurn,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ReceiptMode {
    /// Not through Voronka.
    Off,
    /// The provider gives one with each payment and refund (54-FZ).
    Provider,
    /// Incomes are listed for registering in «Мой налог».
    SelfEmployed,
}
