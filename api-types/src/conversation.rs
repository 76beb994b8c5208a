//! The conversation between a messenger's bot and the CRM.
//!
//! A bot turns what its messenger delivers into an [`Event`], posts it, and renders the [`Delivery`]s it gets back or
//! claims later. The dialogue's state, its texts and its rules live in the CRM: a bot knows its messenger and this file.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// `POST /api/bot/events`. Safe to repeat: `key` makes a second delivery harmless.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Unique for this happening at its sender: `telegram:<bot id>:<update id>`.
    pub key: String,
    pub channel: Channel,
    /// Where answers go: the chat id in its messenger.
    pub address: String,
    pub person: Person,
    /// The replica that asks; deliveries in the answer are leased to it.
    pub replica: String,
    pub body: EventBody,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    Telegram,
}

/// Who speaks, as the messenger tells it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Person {
    pub first_name: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_name: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub username: Option<String>,
    /// IETF tag of the messenger's interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EventBody {
    /// `/start`, with the deep link's payload if there was one (raw, not yet trusted).
    Start { payload: Option<String> },
    /// Any other slash command, without the slash.
    Command { name: String },
    Text {
        text: String,
        message_ref: String,
        /// The message this one answers (Telegram "reply").
        reply_to: Option<String>,
    },
    /// The person edited an earlier message.
    EditedText { text: String, message_ref: String },
    /// A button under one of our messages.
    Action {
        action: String,
        message_ref: Option<String>,
    },
    Attachment {
        kind: AttachmentKind,
        caption: Option<String>,
        message_ref: String,
        reply_to: Option<String>,
    },
    /// The person blocked the bot.
    Blocked,
    /// The person unblocked the bot.
    Unblocked,
    /// A bill was paid inside the messenger. Only this is the proof; the charge is its identity.
    Paid {
        currency: String,
        /// Minor units of `currency`; whole Stars for `XTR`.
        amount_minor: i64,
        /// What the bill carried, raw.
        payload: String,
        charge: String,
        /// The same at the bank behind the messenger; empty for Stars.
        provider_charge: String,
    },
    /// The messenger gave a payment in its own currency back.
    GivenBack { charge: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum AttachmentKind {
    Photo,
    Video,
    /// A round video, which has no caption.
    VideoNote,
    Voice,
    Sticker,
    Document,
    Contact,
    Location,
    Other,
}

/// The answer to an [`Event`].
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EventReply {
    /// The event had been taken before; whatever it caused is delivered once, through the first answer or the queue.
    pub duplicate: bool,
    /// For an [`EventBody::Action`]: a short notice to show over the pressed button, at most 200 characters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub toast: Option<String>,
    /// To be sent now, in this order, and reported.
    pub deliveries: Vec<Delivery>,
}

/// One message on its way to a person. Leased to one replica until `lease_until`; report its fate before that.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Delivery {
    pub id: String,
    pub channel: Channel,
    pub address: String,
    pub content: Content,
    /// Change this message in place if the messenger still can; send a new one if not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edit: Option<String>,
    /// Take the buttons off this earlier message of ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retire: Option<String>,
    /// 1 for the first try.
    pub attempt: u32,
    pub lease_until: DateTime<Utc>,
}

/// What to show, without a word about how: the bot chooses layout and splitting.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Content {
    /// Runs of text; lines are separated by `\n` inside them.
    pub text: Vec<Span>,
    /// Rows of buttons under the message.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    /// Place in a sequence, shown as "3 of 9" above the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileRef>,
    /// Pictures shown together, above the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub album: Vec<FileRef>,
    /// Somebody's own message, passed on as it is: a photo, a voice message. The text goes with it as its caption where
    /// that can be, behind it otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<MessageCopy>,
    /// The persistent keyboard under the input line; pressing sends the label as text. Ignored beside `buttons`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyboard: Vec<Vec<String>>,
    /// More is being prepared: show activity until the next delivery to this address, for a minute at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<Activity>,
    /// A bill that the messenger itself lets people pay; it stands in the place of the text, buttons under it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Invoice>,
    /// No message at all: a payment in the messenger's own currency is given back. The delivery's address is no chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_back: Option<GiveBack>,
    /// No message at all either: the messenger's list of its own currency is read and reported. The address is no chat.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_stars: Option<ListStars>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Invoice {
    /// At most 32 characters.
    pub title: String,
    /// At most 255 characters.
    pub description: String,
    /// At most 128 bytes; comes back with the payment.
    pub payload: String,
    pub currency: String,
    /// Minor units of `currency`; whole Stars for `XTR`.
    pub amount_minor: i64,
    /// The label of the button that pays.
    pub button: String,
    /// The bank behind the messenger; absent for Stars. It is a secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_token: Option<String>,
    /// JSON text for that bank.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_data: Option<String>,
    /// The payer leaves an e-mail address, and the bank gets it.
    #[serde(default)]
    pub needs_email: bool,
}

/// A page of the list, oldest first; reported as `stars_listed`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ListStars {
    /// Lines to leave out.
    pub offset: u32,
    #[schema(minimum = 1, maximum = 100)]
    pub limit: u8,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum StarDirection {
    In,
    Out,
}

/// A line of the messenger's list of its own currency. None may be left out: the next page begins where this one ends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct StarTransaction {
    /// A payment and its refund have the same.
    pub charge: String,
    pub direction: StarDirection,
    /// Whole Stars.
    pub amount: i64,
    pub at: DateTime<Utc>,
    /// The account that paid a bill or was given its Stars back; absent when it is about anything else, as a withdrawal.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payer: Option<String>,
    /// What the bill carried, raw.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub payload: Option<String>,
}

/// All of a payment goes back; partly can't be.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct GiveBack {
    /// The account that paid.
    pub payer: String,
    pub charge: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Span {
    pub text: String,
    #[serde(default, skip_serializing_if = "Style::is_plain")]
    pub style: Style,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Style {
    #[default]
    Plain,
    Bold,
    Italic,
    Code,
    Link {
        url: String,
    },
}

impl Style {
    pub const fn is_plain(&self) -> bool {
        matches!(self, Self::Plain)
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Button {
    pub label: String,
    pub press: Press,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Press {
    /// Comes back as [`EventBody::Action`]; at most 64 bytes.
    Action {
        action: String,
    },
    Url {
        url: String,
    },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Progress {
    /// From 1.
    pub current: u32,
    pub total: u32,
    /// The label in the person's language, such as "3 из 9", is made by the bot from these and this language.
    pub language: Language,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    #[default]
    Ru,
    En,
}

/// A document to send. Bytes come from `GET /api/files/{id}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct FileRef {
    pub id: String,
    pub file_name: String,
    pub mime_type: String,
    pub size: u64,
    /// The messenger's own id of this file from an earlier upload, if there was one: send by it, upload when refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_file_id: Option<String>,
}

/// A message that the bot received and knows how to pass on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct MessageCopy {
    /// The chat in which it stands.
    pub address: String,
    pub message_ref: String,
    /// Messages of this kind can carry a caption.
    pub has_caption: bool,
    /// When the messenger refuses to pass it on (it was deleted, or is of a kind that can't be), the text alone will do.
    pub text_suffices: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    Typing,
    UploadDocument,
}

/// `POST /api/bot/deliveries/claim`: waits up to `wait_ms` for something to send.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClaimRequest {
    pub replica: String,
    /// 1 to 100.
    pub limit: u32,
    /// 0 to 30000.
    pub wait_ms: u32,
}

/// Several deliveries of one address come in their order; send them one after another and stop at the first failure.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ClaimReply {
    pub deliveries: Vec<Delivery>,
    /// How many bots are at work, this one included: each sends at its share of the messenger's rate. 0 means unknown.
    #[serde(default)]
    pub replicas: u32,
}

/// `POST /api/bot/deliveries/results`
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ResultsRequest {
    pub replica: String,
    pub results: Vec<DeliveryResult>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct DeliveryResult {
    pub id: String,
    pub outcome: Outcome,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Outcome {
    /// Sent, or changed in place (then `message_ref` is the changed message).
    Sent {
        message_ref: String,
        #[serde(default, skip_serializing_if = "Option::is_none")]
        external_file_id: Option<String>,
        /// For an album that was uploaded: the messenger's own ids of its pictures, in their order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        album_file_ids: Vec<String>,
    },
    /// The page that was asked for; an empty one is the end of the list.
    StarsListed { transactions: Vec<StarTransaction> },
    /// The person can't be reached (blocked the bot, deactivated, never started it).
    Unreachable { reason: String },
    /// Refused for good: repeating won't help.
    Rejected { reason: String },
    /// Try again no sooner than in `after_ms`; everything behind it in this address waits too.
    RetryLater { after_ms: u64, reason: String },
}

/// `POST /api/bot/pre-checkout`: the messenger is about to take money and waits a few seconds for a word. Nothing is kept of
/// it, so it may be repeated.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreCheckout {
    /// The account that is about to pay.
    pub payer: String,
    /// IETF tag of the messenger's interface.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub language_code: Option<String>,
    pub payload: String,
    pub currency: String,
    pub amount_minor: i64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct PreCheckoutReply {
    pub may_pay: bool,
    /// Why not, in the payer's language.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// `PUT /api/bot/identity`: who the bot is in its messenger, for links that lead to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BotIdentity {
    pub channel: Channel,
    /// Without the `@`.
    pub username: String,
}

/// `GET /api/bot/profile`: what the messenger's menus should hold.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct BotProfile {
    pub command_lists: Vec<CommandList>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct CommandList {
    /// `None`: the list for everybody who reads another language.
    pub language: Option<Language>,
    /// `None`: every private chat; `Some`: this chat alone (the trainer's).
    pub address: Option<String>,
    pub commands: Vec<Command>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Command {
    pub name: String,
    pub description: String,
}
