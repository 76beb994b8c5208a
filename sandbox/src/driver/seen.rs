//! What the driver sees: the JSON of `/sandbox/…` as types of its own.

use serde::{Deserialize, Serialize};
use serde_json::Value;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    pub first_name: String,
    pub last_name: String,
    pub username: Option<String>,
    pub language_code: String,
    pub role: String,
    pub blocked: bool,
    pub started: bool,
    pub last_text: String,
    pub last_at_ms: i64,
    pub unread: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub text: String,
    /// `callback`, `url`, `web_app`, `copy` or `other`.
    pub kind: String,
    pub data: Option<String>,
    pub url: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    pub file_id: String,
    pub file_name: String,
    pub mime_type: String,
    pub file_size: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileId {
    pub file_id: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Quoted {
    pub message_id: i64,
    pub text: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    pub message_id: i64,
    /// `bot` or `user`.
    pub from: String,
    pub at_ms: i64,
    pub edited: bool,
    pub deleted: bool,
    pub reply_to: Option<Quoted>,
    pub html: String,
    /// The text, or the caption of a file.
    pub text: String,
    pub kind: String,
    pub document: Option<Document>,
    pub photo: Option<FileId>,
    pub caption_html: String,
    pub inline_keyboard: Option<Vec<Vec<Button>>>,
    pub media_group_id: Option<String>,
    #[serde(default)]
    pub invoice: Option<Bill>,
}

/// A bill in a chat.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Bill {
    pub title: String,
    pub description: String,
    pub start_parameter: String,
    pub currency: String,
    pub total_amount: i64,
    pub paid: bool,
}

/// A payment Telegram has taken.
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

/// What became of a pressed "Pay".
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Checkout {
    Asked,
    /// Nobody answered within ten seconds.
    TimedOut,
    Paid {
        charge: String,
    },
    /// The bot said no.
    Refused {
        reason: String,
    },
    /// The bank said no.
    Declined,
}

impl Message {
    pub fn is_from_bot(&self) -> bool {
        self.from == "bot"
    }

    pub fn buttons(&self) -> impl Iterator<Item = &Button> {
        self.inline_keyboard.iter().flatten().flatten()
    }

    /// The first button whose label contains `label`.
    pub fn button(&self, label: &str) -> Option<&Button> {
        self.buttons().find(|button| button.text.contains(label))
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub command: String,
    pub description: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyKeyboard {
    pub rows: Vec<Vec<String>>,
    pub resize: bool,
    pub one_time: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CallbackAnswer {
    pub callback_query_id: String,
    pub text: String,
    pub show_alert: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Chat {
    pub messages: Vec<Message>,
    pub typing: Option<String>,
    pub commands: Vec<Command>,
    pub reply_keyboard: Option<ReplyKeyboard>,
    pub menu_button: Option<Value>,
    pub blocked: bool,
    pub started: bool,
    /// The last twenty.
    pub callback_answers: Vec<CallbackAnswer>,
    #[serde(default)]
    pub stars: i64,
    pub last_seq: u64,
}

impl Chat {
    /// What a person sees: messages that have not been deleted.
    pub fn visible(&self) -> impl DoubleEndedIterator<Item = &Message> {
        self.messages.iter().filter(|message| !message.deleted)
    }
}

/// One call of the Bot API as the journal keeps it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Call {
    pub at_ms: i64,
    /// As the client spelt it.
    pub method: String,
    pub chat_id: Option<i64>,
    pub params: Value,
    pub status: u16,
    pub error: Option<String>,
}

/// What pressing a label did.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Pressed {
    /// An inline button; the id of the callback query.
    Callback(String),
    /// A reply-keyboard button, which writes its own label.
    Text(Box<Message>),
    /// An address a person would now open.
    Url(String),
}
