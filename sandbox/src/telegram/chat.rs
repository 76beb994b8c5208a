//! People, their private chats with the bot, and the messages in them.

use std::{collections::VecDeque, time::Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use tokio::sync::watch;

use super::{
    entities::FormattedText,
    files::FileRef,
    keyboard::{self, InlineKeyboard, ReplyKeyboard},
    limits::Bucket,
    payments::{Charge, Invoice},
    render,
};

pub const BOT_ID: i64 = 7_000_000_001;
pub const BOT_USERNAME: &str = "voronka_bot";
pub const BOT_NAME: &str = "Voronka";

/// Older messages leave the chat's memory; nobody scrolls that far in a sandbox.
const MAX_MESSAGES: usize = 1_000;
const KEPT_CALLBACK_ANSWERS: usize = 20;
/// Telegram shows a chat action for five seconds at most.
const TYPING_SECONDS: u64 = 5;

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    #[default]
    Client,
    Trainer,
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct User {
    pub id: i64,
    pub first_name: String,
    #[serde(default)]
    pub last_name: String,
    #[serde(default)]
    pub username: Option<String>,
    #[serde(default)]
    pub language_code: String,
    #[serde(default)]
    pub role: Role,
}

impl User {
    /// As in `from` of an update.
    pub fn to_wire(&self) -> Value {
        let mut wire = self.name_fields();
        wire.insert("is_bot".into(), json!(false));
        if !self.language_code.is_empty() {
            wire.insert("language_code".into(), json!(self.language_code));
        }
        Value::Object(wire)
    }

    /// As in `chat` of a message.
    pub fn chat_to_wire(&self) -> Value {
        let mut wire = self.name_fields();
        wire.insert("type".into(), json!("private"));
        Value::Object(wire)
    }

    fn name_fields(&self) -> Map<String, Value> {
        let mut fields = Map::new();
        fields.insert("id".into(), json!(self.id));
        fields.insert("first_name".into(), json!(self.first_name));
        if !self.last_name.is_empty() {
            fields.insert("last_name".into(), json!(self.last_name));
        }
        if let Some(username) = &self.username {
            fields.insert("username".into(), json!(username));
        }
        fields
    }
}

pub fn bot_to_wire() -> Value {
    json!({"id": BOT_ID, "is_bot": true, "first_name": BOT_NAME, "username": BOT_USERNAME})
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Content {
    Text,
    Document(FileRef),
    Photo(FileRef),
    Voice(FileRef),
    Sticker(FileRef),
    Contact {
        phone_number: String,
        first_name: String,
    },
    Invoice(Invoice),
    /// Service messages about money.
    SuccessfulPayment(Charge),
    RefundedPayment(Charge),
}

impl Content {
    pub fn kind(&self) -> &'static str {
        match self {
            Self::Text => "text",
            Self::Document(_) => "document",
            Self::Photo(_) => "photo",
            Self::Voice(_) => "voice",
            Self::Sticker(_) => "sticker",
            Self::Contact { .. } => "contact",
            Self::Invoice(_) => "invoice",
            Self::SuccessfulPayment(_) => "successful_payment",
            Self::RefundedPayment(_) => "refunded_payment",
        }
    }
}

#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Message {
    pub message_id: i64,
    pub from_bot: bool,
    pub at_ms: i64,
    pub edited_at_ms: Option<i64>,
    pub deleted: bool,
    pub reply_to: Option<i64>,
    pub content: Content,
    /// The text, or the caption of a file.
    pub body: FormattedText,
    pub inline_keyboard: Option<InlineKeyboard>,
    pub media_group_id: Option<String>,
    /// The name of who wrote it first, when it was forwarded.
    pub forwarded_from: Option<String>,
}

impl Message {
    pub fn new(message_id: i64, from_bot: bool, at_ms: i64, content: Content, body: FormattedText) -> Self {
        Self {
            message_id,
            from_bot,
            at_ms,
            edited_at_ms: None,
            deleted: false,
            reply_to: None,
            content,
            body,
            inline_keyboard: None,
            media_group_id: None,
            forwarded_from: None,
        }
    }

    /// A line for the list of chats.
    pub fn preview(&self) -> String {
        if !self.body.is_empty() {
            return self.body.text.chars().take(80).collect();
        }
        match &self.content {
            Content::Document(file) => format!("📎 {}", file.file_name.as_deref().unwrap_or("file")),
            Content::Photo(_) => "🖼".to_owned(),
            Content::Voice(_) => "🎤".to_owned(),
            Content::Sticker(_) => "💪".to_owned(),
            Content::Contact { phone_number, .. } => format!("👤 {phone_number}"),
            Content::Invoice(invoice) => format!("🧾 {}", invoice.title),
            Content::SuccessfulPayment(charge) => format!("✅ {}", charge.title),
            Content::RefundedPayment(charge) => format!("↩ {}", charge.title),
            Content::Text => String::new(),
        }
    }
}

#[derive(Debug, Serialize, Deserialize)]
pub struct Chat {
    pub user: User,
    /// A bot may write only to those who have written first.
    pub started: bool,
    pub blocked: bool,
    pub messages: VecDeque<Message>,
    pub reply_keyboard: Option<ReplyKeyboard>,
    pub menu_button: Option<Value>,
    pub unread: u32,
    #[serde(skip)]
    pub last_seq: u64,
    #[serde(skip)]
    pub signal: watch::Sender<u64>,
    #[serde(skip)]
    pub typing: Option<(String, Instant)>,
    #[serde(skip)]
    pub callback_answers: VecDeque<Value>,
    #[serde(skip)]
    pub bucket: Option<Bucket>,
}

impl Chat {
    pub fn new(user: User) -> Self {
        Self {
            user,
            started: false,
            blocked: false,
            messages: VecDeque::new(),
            reply_keyboard: None,
            menu_button: None,
            unread: 0,
            last_seq: 0,
            signal: watch::Sender::default(),
            typing: None,
            callback_answers: VecDeque::new(),
            bucket: None,
        }
    }

    /// Empties the chat as if the person had never met the bot.
    pub fn clear(&mut self) {
        let cleared = Self::new(self.user.clone());
        let seq = self.last_seq;
        let signal = std::mem::take(&mut self.signal);
        *self = cleared;
        self.last_seq = seq;
        self.signal = signal;
    }

    pub fn push(&mut self, message: Message) {
        if message.from_bot {
            self.unread = self.unread.saturating_add(1);
            self.typing = None;
        } else {
            self.unread = 0;
        }
        self.messages.push_back(message);
        if self.messages.len() > MAX_MESSAGES {
            self.messages.pop_front();
        }
    }

    fn position(&self, message_id: i64) -> Option<usize> {
        self.messages
            .binary_search_by_key(&message_id, |message| message.message_id)
            .ok()
    }

    /// A message that still exists.
    pub fn message(&self, message_id: i64) -> Option<&Message> {
        self.messages
            .get(self.position(message_id)?)
            .filter(|message| !message.deleted)
    }

    pub fn message_mut(&mut self, message_id: i64) -> Option<&mut Message> {
        let position = self.position(message_id)?;
        self.messages.get_mut(position).filter(|message| !message.deleted)
    }

    pub fn answer_callback(&mut self, answer: Value) {
        self.callback_answers.push_back(answer);
        if self.callback_answers.len() > KEPT_CALLBACK_ANSWERS {
            self.callback_answers.pop_front();
        }
    }

    pub fn typing_now(&self) -> Option<&str> {
        self.typing
            .as_ref()
            .filter(|(_, since)| since.elapsed().as_secs() < TYPING_SECONDS)
            .map(|(action, _)| action.as_str())
    }

    /// The Message object of the Bot API.
    pub fn message_to_wire(&self, message: &Message) -> Value {
        let mut wire = self.shallow_message(message);
        if let (Some(reply), Some(fields)) = (message.reply_to.and_then(|id| self.message(id)), wire.as_object_mut()) {
            fields.insert("reply_to_message".into(), self.shallow_message(reply));
        }
        wire
    }

    fn shallow_message(&self, message: &Message) -> Value {
        let mut wire = Map::new();
        wire.insert("message_id".into(), json!(message.message_id));
        wire.insert("date".into(), json!(message.at_ms.div_euclid(1000)));
        wire.insert("chat".into(), self.user.chat_to_wire());
        let from = if message.from_bot {
            bot_to_wire()
        } else {
            self.user.to_wire()
        };
        wire.insert("from".into(), from);
        if let Some(edited) = message.edited_at_ms {
            wire.insert("edit_date".into(), json!(edited.div_euclid(1000)));
        }
        if let Some(group) = &message.media_group_id {
            wire.insert("media_group_id".into(), json!(group));
        }
        if let Some(name) = &message.forwarded_from {
            wire.insert(
                "forward_origin".into(),
                json!({
                    "type": "hidden_user", "sender_user_name": name,
                    "date": message.at_ms.div_euclid(1000),
                }),
            );
        }
        let (text, entities) = match &message.content {
            Content::Text => ("text", "entities"),
            _ => ("caption", "caption_entities"),
        };
        if !message.body.is_empty() {
            wire.insert(text.into(), json!(message.body.text));
            if !message.body.entities.is_empty() {
                wire.insert(entities.into(), message.body.entities_to_wire());
            }
        }
        match &message.content {
            // What is about money is added below.
            Content::Text | Content::Invoice(_) | Content::SuccessfulPayment(_) | Content::RefundedPayment(_) => {}
            Content::Document(file) => {
                wire.insert("document".into(), file.document());
            }
            Content::Photo(file) => {
                wire.insert("photo".into(), file.photo_sizes());
            }
            Content::Voice(file) => {
                wire.insert("voice".into(), file.voice());
            }
            Content::Sticker(file) => {
                wire.insert("sticker".into(), file.sticker());
            }
            Content::Contact {
                phone_number,
                first_name,
            } => {
                wire.insert(
                    "contact".into(),
                    json!({
                        "phone_number": phone_number, "first_name": first_name,
                        "user_id": self.user.id,
                    }),
                );
            }
        }
        let about_money = match &message.content {
            Content::Invoice(invoice) => Some(("invoice", invoice.to_wire())),
            Content::SuccessfulPayment(charge) => Some(("successful_payment", charge.successful())),
            Content::RefundedPayment(charge) => Some(("refunded_payment", charge.refunded())),
            _ => None,
        };
        if let Some((name, value)) = about_money {
            wire.insert(name.into(), value);
        }
        if let Some(keyboard) = &message.inline_keyboard {
            wire.insert("reply_markup".into(), keyboard::inline_to_wire(keyboard));
        }
        Value::Object(wire)
    }

    /// The message as the chat page shows it.
    pub fn message_to_page(&self, message: &Message) -> Value {
        let rendered = render::html(&message.body);
        let is_text = matches!(message.content, Content::Text);
        let reply_to = message
            .reply_to
            .and_then(|id| self.message(id))
            .map(|reply| json!({"message_id": reply.message_id, "text": reply.preview()}));
        let mut page = json!({
            "message_id": message.message_id,
            "from": if message.from_bot { "bot" } else { "user" },
            "at_ms": message.at_ms,
            "edited": message.edited_at_ms.is_some(),
            "deleted": message.deleted,
            "reply_to": reply_to,
            "html": if is_text { rendered.as_str() } else { "" },
            "text": message.body.text,
            "kind": message.content.kind(),
            "document": null,
            "photo": null,
            "caption_html": if is_text { "" } else { rendered.as_str() },
            "inline_keyboard": message.inline_keyboard.as_ref().map(keyboard::inline_to_page),
            "media_group_id": message.media_group_id,
            "forwarded_from": message.forwarded_from,
        });
        if let Some(fields) = page.as_object_mut() {
            match &message.content {
                Content::Document(file) => {
                    fields.insert("document".into(), file.document());
                }
                Content::Photo(file) => {
                    fields.insert("photo".into(), json!({"file_id": file.file_id}));
                }
                Content::Voice(file) => {
                    fields.insert("voice".into(), json!({"file_id": file.file_id}));
                }
                Content::Sticker(file) => {
                    fields.insert("sticker".into(), json!({"file_id": file.file_id, "emoji": "💪"}));
                }
                Content::Contact {
                    phone_number,
                    first_name,
                } => {
                    fields.insert(
                        "contact".into(),
                        json!({"phone_number": phone_number, "first_name": first_name}),
                    );
                }
                Content::Invoice(invoice) => {
                    fields.insert("invoice".into(), invoice.to_page());
                }
                Content::SuccessfulPayment(charge) | Content::RefundedPayment(charge) => {
                    fields.insert("charge".into(), json!(charge));
                }
                Content::Text => {}
            }
        }
        page
    }

    pub fn user_to_page(&self) -> Value {
        let last = self.messages.iter().rev().find(|message| !message.deleted);
        json!({
            "id": self.user.id,
            "first_name": self.user.first_name,
            "last_name": self.user.last_name,
            "username": self.user.username,
            "language_code": self.user.language_code,
            "role": self.user.role,
            "blocked": self.blocked,
            "started": self.started,
            "last_text": last.map(Message::preview).unwrap_or_default(),
            "last_at_ms": last.map_or(0, |message| message.at_ms),
            "unread": self.unread,
        })
    }
}
