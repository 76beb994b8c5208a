//! What people do in Telegram: write, press, edit, block. Each becomes an update for the bot.

use std::time::Instant;

use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::{
    account::PendingCallback,
    chat::{Chat, Content, Message, Role, User, bot_to_wire},
    entities::FormattedText,
    files::{FileKind, Upload},
    keyboard, picture,
    send::{self, MAX_TEXT},
};
use crate::{events::EventKind, world::World};

#[derive(Debug, thiserror::Error)]
pub enum PersonError {
    #[error("there is no such person")]
    NoSuchUser,
    #[error("there is no such message")]
    NoSuchMessage,
    #[error("this person has blocked the bot")]
    Blocked,
    #[error("a message needs 1 to 4096 characters of text")]
    BadText,
    #[error("the message has no such button now")]
    NoSuchButton,
    #[error("only own messages can be edited")]
    NotOwn,
    #[error("this id is taken")]
    IdTaken,
    #[error("the content is not base64")]
    BadContent,
    #[error("this bill is paid")]
    PaidAlready,
    #[error("too few Stars")]
    TooFewStars,
}

#[derive(Debug, Deserialize)]
pub struct NewUser {
    /// Left out, the next free number is taken.
    pub id: Option<i64>,
    pub first_name: String,
    #[serde(default)]
    pub last_name: String,
    pub username: Option<String>,
    pub language_code: Option<String>,
    #[serde(default)]
    pub role: Role,
}

pub fn add_user(world: &mut World, new: NewUser) -> Result<Value, PersonError> {
    let id = match new.id {
        Some(id) if world.telegram.chats.contains_key(&id) => return Err(PersonError::IdTaken),
        Some(id) => id,
        None => world.telegram.new_user_id(),
    };
    let chat = Chat::new(User {
        id,
        first_name: new.first_name,
        last_name: new.last_name,
        username: new.username.filter(|name| !name.is_empty()),
        language_code: new.language_code.unwrap_or_else(|| "ru".to_owned()),
        role: new.role,
    });
    let page = chat.user_to_page();
    world.telegram.chats.insert(id, chat);
    world.emit(id, EventKind::User, Map::from_iter([("user".into(), page.clone())]));
    Ok(page)
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SaidKind {
    #[default]
    Text,
    Photo,
    Voice,
    Sticker,
    Document,
    Contact,
}

#[derive(Debug, Default, Deserialize)]
pub struct Said {
    #[serde(default)]
    pub text: String,
    #[serde(default)]
    pub kind: SaidKind,
    pub reply_to_message_id: Option<i64>,
    /// For documents and photos; a small sample is sent when left out.
    pub content_base64: Option<String>,
    pub file_name: Option<String>,
    pub mime_type: Option<String>,
}

pub fn say(world: &mut World, user_id: i64, said: &Said) -> Result<Value, PersonError> {
    let chat = world.telegram.chats.get(&user_id).ok_or(PersonError::NoSuchUser)?;
    if chat.blocked {
        return Err(PersonError::Blocked);
    }
    if let Some(id) = said.reply_to_message_id
        && chat.message(id).is_none()
    {
        return Err(PersonError::NoSuchMessage);
    }
    let contact = Content::Contact {
        phone_number: "+79161234567".to_owned(),
        first_name: chat.user.first_name.clone(),
    };
    let mut body = FormattedText::with_entities(&said.text, &Value::Null);
    body.detect();
    if body.len_utf16() > MAX_TEXT || (said.kind == SaidKind::Text && body.is_empty()) {
        return Err(PersonError::BadText);
    }
    let content = match said.kind {
        SaidKind::Text => Content::Text,
        SaidKind::Contact => contact,
        SaidKind::Photo => attach(world, FileKind::Photo, said, "photo.png", picture::sample())?,
        SaidKind::Voice => attach(world, FileKind::Voice, said, "voice.ogg", b"OggS".to_vec())?,
        SaidKind::Sticker => attach(world, FileKind::Sticker, said, "sticker.png", picture::sample())?,
        SaidKind::Document => attach(
            world,
            FileKind::Document,
            said,
            "document.txt",
            "Пример документа\n".as_bytes().to_vec(),
        )?,
    };
    let at_ms = world.clock.now_ms();
    let message_id = world.telegram.new_message_id();
    let chat = world.telegram.chats.get_mut(&user_id).ok_or(PersonError::NoSuchUser)?;
    chat.started = true;
    let mut message = Message::new(message_id, false, at_ms, content, body);
    message.reply_to = said.reply_to_message_id;
    let wire = chat.message_to_wire(&message);
    let page = chat.message_to_page(&message);
    chat.push(message);
    let keyboard_used = chat.reply_keyboard.take_if(|keyboard| keyboard.one_time).is_some();
    world.emit(
        user_id,
        EventKind::Message,
        Map::from_iter([("message".into(), page.clone())]),
    );
    if keyboard_used {
        world.emit(
            user_id,
            EventKind::Keyboard,
            Map::from_iter([("reply_keyboard".into(), Value::Null)]),
        );
    }
    enqueue(world, "message", wire, (user_id, false));
    Ok(page)
}

fn attach(
    world: &mut World,
    kind: FileKind,
    said: &Said,
    default_name: &str,
    sample: Vec<u8>,
) -> Result<Content, PersonError> {
    let bytes = match &said.content_base64 {
        Some(encoded) => data_encoding::BASE64
            .decode(encoded.as_bytes())
            .map_err(|_| PersonError::BadContent)?,
        None => sample,
    };
    let file = world.telegram.files.store(
        kind,
        Upload {
            file_name: Some(said.file_name.clone().unwrap_or_else(|| default_name.to_owned())),
            mime_type: said.mime_type.clone(),
            bytes: bytes.into(),
        },
    );
    Ok(send::content(kind, file))
}

pub fn edit(world: &mut World, user_id: i64, message_id: i64, text: &str) -> Result<Value, PersonError> {
    let now_ms = world.clock.now_ms();
    let chat = world.telegram.chats.get_mut(&user_id).ok_or(PersonError::NoSuchUser)?;
    if chat.blocked {
        return Err(PersonError::Blocked);
    }
    let message = chat.message_mut(message_id).ok_or(PersonError::NoSuchMessage)?;
    if message.from_bot {
        return Err(PersonError::NotOwn);
    }
    let mut body = FormattedText::with_entities(text, &Value::Null);
    body.detect();
    if body.is_empty() || body.len_utf16() > MAX_TEXT {
        return Err(PersonError::BadText);
    }
    message.body = body;
    message.edited_at_ms = Some(now_ms);
    let message = chat.message(message_id).ok_or(PersonError::NoSuchMessage)?;
    let wire = chat.message_to_wire(message);
    let page = chat.message_to_page(message);
    world.emit(
        user_id,
        EventKind::Edited,
        Map::from_iter([("message".into(), page.clone())]),
    );
    enqueue(world, "edited_message", wire, (user_id, false));
    Ok(page)
}

/// Returns the id of the callback query. `force` presses a button that is no longer there, as a slow client may.
pub fn press(world: &mut World, user_id: i64, message_id: i64, data: &str, force: bool) -> Result<String, PersonError> {
    let id = world.telegram.new_callback_id();
    let chat = world.telegram.chats.get_mut(&user_id).ok_or(PersonError::NoSuchUser)?;
    if chat.blocked {
        return Err(PersonError::Blocked);
    }
    let message = chat.message(message_id);
    let present = message
        .and_then(|message| message.inline_keyboard.as_ref())
        .is_some_and(|keyboard| keyboard::has_callback(keyboard, data));
    if !present && !force {
        return Err(if message.is_none() {
            PersonError::NoSuchMessage
        } else {
            PersonError::NoSuchButton
        });
    }
    // A message that is gone is sent as inaccessible, with the date 0.
    let message = match message {
        Some(message) => chat.message_to_wire(message),
        None => json!({"chat": chat.user.chat_to_wire(), "message_id": message_id, "date": 0}),
    };
    let query = json!({
        "id": id,
        "from": chat.user.to_wire(),
        "message": message,
        "chat_instance": format!("-{}", user_id.unsigned_abs().wrapping_mul(2_654_435_761)),
        "data": data,
    });
    world.telegram.remember_callback(
        &id,
        PendingCallback {
            chat_id: user_id,
            pressed_at: Instant::now(),
        },
    );
    enqueue(world, "callback_query", query, (user_id, true));
    Ok(id)
}

pub fn block(world: &mut World, user_id: i64, blocked: bool) -> Result<Value, PersonError> {
    let now_ms = world.clock.now_ms();
    let chat = world.telegram.chats.get_mut(&user_id).ok_or(PersonError::NoSuchUser)?;
    let changed = chat.blocked != blocked;
    chat.blocked = blocked;
    let page = chat.user_to_page();
    if changed {
        let (old, new) = if blocked {
            ("member", "kicked")
        } else {
            ("kicked", "member")
        };
        let status = |status: &str| {
            let mut member = json!({"user": bot_to_wire(), "status": status});
            if let (true, Some(fields)) = (status == "kicked", member.as_object_mut()) {
                fields.insert("until_date".into(), json!(0));
            }
            member
        };
        let update = json!({
            "chat": chat.user.chat_to_wire(),
            "from": chat.user.to_wire(),
            "date": now_ms.div_euclid(1000),
            "old_chat_member": status(old),
            "new_chat_member": status(new),
        });
        let started = chat.started;
        world.emit(
            user_id,
            EventKind::User,
            Map::from_iter([("user".into(), page.clone())]),
        );
        // Somebody who has never met the bot can hide it, but the bot hears nothing of it.
        if started {
            enqueue(world, "my_chat_member", update, (user_id, false));
        }
    }
    Ok(page)
}

pub(super) fn enqueue(world: &mut World, kind: &str, payload: Value, lane: (i64, bool)) {
    let at_ms = world.clock.now_ms();
    let copies = if world.faults.telegram.duplicate_updates { 2 } else { 1 };
    world.telegram.updates.enqueue(kind, payload, lane, at_ms, copies);
}
