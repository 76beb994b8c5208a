//! Methods that change or remove messages which are already in a chat.

use serde_json::{Map, Value, json};

use super::{
    account::message_id,
    chat::{Content, Message},
    entities::FormattedText,
    error::ApiError,
    keyboard::{InlineKeyboard, Markup},
    methods::{formatted, markup, open_chat, spend},
    params::Params,
    send::{MAX_TEXT, caption as parse_caption},
};
use crate::{events::EventKind, world::World};

const NOT_MODIFIED: &str = "message is not modified: specified new message content and reply markup are exactly \
                            the same as a current content and reply markup of the message";
/// Sandbox time.
const DELETABLE_MS: i64 = 48 * 60 * 60 * 1000;
const MAX_DELETED_AT_ONCE: usize = 100;

fn editable<'a>(world: &'a mut World, params: &Params) -> Result<(i64, &'a Message), ApiError> {
    let chat = open_chat(world, params)?;
    let message = chat
        .message(message_id(params)?)
        .ok_or_else(|| ApiError::bad_request("message to edit not found"))?;
    if !message.from_bot {
        return Err(ApiError::bad_request("message can't be edited"));
    }
    Ok((chat.user.id, message))
}

/// An edit without a keyboard takes the present one away.
fn new_keyboard(params: &Params) -> Result<Option<InlineKeyboard>, ApiError> {
    match markup(params)? {
        None => Ok(None),
        Some(Markup::Inline(keyboard)) => Ok(Some(keyboard)),
        Some(_) => Err(ApiError::bad_request("inline keyboard expected")),
    }
}

fn apply(
    world: &mut World,
    chat_id: i64,
    message_id: i64,
    body: Option<FormattedText>,
    keyboard: Option<InlineKeyboard>,
) -> Result<Value, ApiError> {
    spend(world, chat_id, 1)?;
    let now_ms = world.clock.now_ms();
    let missing = || ApiError::bad_request("message to edit not found");
    let chat = world.telegram.chats.get_mut(&chat_id).ok_or_else(missing)?;
    let message = chat.message_mut(message_id).ok_or_else(missing)?;
    if let Some(body) = body {
        message.body = body;
        // A change of the keyboard alone leaves no "edited" mark in the clients.
        message.edited_at_ms = Some(now_ms);
    }
    message.inline_keyboard = keyboard;
    let message = chat.message(message_id).ok_or_else(missing)?;
    let wire = chat.message_to_wire(message);
    let page = chat.message_to_page(message);
    world.emit(chat_id, EventKind::Edited, Map::from_iter([("message".into(), page)]));
    Ok(wire)
}

pub fn text(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let body = formatted(params, "text", "entities")?;
    let keyboard = new_keyboard(params)?;
    let (chat_id, message) = editable(world, params)?;
    if message.content != Content::Text {
        return Err(ApiError::bad_request("there is no text in the message to edit"));
    }
    if body.is_empty() {
        return Err(ApiError::bad_request("message text is empty"));
    }
    if body.len_utf16() > MAX_TEXT {
        return Err(ApiError::bad_request("MESSAGE_TOO_LONG"));
    }
    if message.body == body && message.inline_keyboard == keyboard {
        return Err(ApiError::bad_request(NOT_MODIFIED));
    }
    let id = message.message_id;
    apply(world, chat_id, id, Some(body), keyboard)
}

pub fn caption(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let body = parse_caption(params)?;
    let keyboard = new_keyboard(params)?;
    let (chat_id, message) = editable(world, params)?;
    if matches!(
        message.content,
        Content::Text
            | Content::Sticker(_)
            | Content::Contact { .. }
            | Content::Invoice(_)
            | Content::SuccessfulPayment(_)
            | Content::RefundedPayment(_)
    ) {
        return Err(ApiError::bad_request("there is no caption in the message to edit"));
    }
    if message.body == body && message.inline_keyboard == keyboard {
        return Err(ApiError::bad_request(NOT_MODIFIED));
    }
    let id = message.message_id;
    apply(world, chat_id, id, Some(body), keyboard)
}

pub fn reply_markup(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let keyboard = new_keyboard(params)?;
    let (chat_id, message) = editable(world, params)?;
    if message.inline_keyboard == keyboard {
        return Err(ApiError::bad_request(NOT_MODIFIED));
    }
    let id = message.message_id;
    apply(world, chat_id, id, None, keyboard)
}

fn remove(world: &mut World, chat_id: i64, message_id: i64) -> Result<(), ApiError> {
    let now_ms = world.clock.now_ms();
    let message = world
        .telegram
        .chats
        .get_mut(&chat_id)
        .and_then(|chat| chat.message_mut(message_id))
        .ok_or_else(|| ApiError::bad_request("message to delete not found"))?;
    if now_ms.saturating_sub(message.at_ms) > DELETABLE_MS {
        return Err(ApiError::bad_request("message can't be deleted for everyone"));
    }
    message.deleted = true;
    world.emit(
        chat_id,
        EventKind::Deleted,
        Map::from_iter([("message_id".into(), json!(message_id))]),
    );
    Ok(())
}

pub fn delete(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let chat_id = open_chat(world, params)?.user.id;
    remove(world, chat_id, message_id(params)?)?;
    Ok(json!(true))
}

/// Messages that are not there are passed over in silence.
pub fn delete_many(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let chat_id = open_chat(world, params)?.user.id;
    let ids: Vec<i64> = params
        .json("message_ids")?
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_i64)
        .collect();
    if ids.is_empty() {
        return Err(ApiError::bad_request("message identifiers are not specified"));
    }
    if ids.len() > MAX_DELETED_AT_ONCE {
        return Err(ApiError::bad_request("too many message identifiers specified"));
    }
    for id in ids {
        if let Err(error) = remove(world, chat_id, id) {
            tracing::debug!(%error, "a message of a bulk deletion stays");
        }
    }
    Ok(json!(true))
}
