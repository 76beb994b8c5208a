//! The methods of the Bot API by name, and what sending, editing and deleting share.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::{
    account,
    chat::{Chat, Content, Message},
    edit,
    entities::{FormattedText, ParseMode},
    error::ApiError,
    keyboard::{self, Markup},
    limits::{self, Bucket},
    params::Params,
    payments, send, webhook,
};
use crate::{events::EventKind, world::World};

/// `method` in lower case: the server doesn't care about the case of names.
pub fn execute(world: &mut World, method: &str, params: &mut Params) -> Result<Value, ApiError> {
    match method {
        "getme" => Ok(account::get_me()),
        "logout"
        | "close"
        | "setmyname"
        | "setmydescription"
        | "setmyshortdescription"
        | "setmydefaultadministratorrights"
        | "setmessagereaction"
        | "pinchatmessage"
        | "unpinchatmessage"
        | "unpinallchatmessages" => Ok(json!(true)),
        "getmyname" => Ok(json!({"name": super::chat::BOT_NAME})),
        "getmydescription" => Ok(json!({"description": ""})),
        "getmyshortdescription" => Ok(json!({"short_description": ""})),
        "setwebhook" => webhook::set(world, params),
        "deletewebhook" => webhook::delete(world, params),
        "getwebhookinfo" => Ok(webhook::info(world)),
        "sendmessage" => send::message(world, params),
        "senddocument" => send::document(world, params),
        "sendphoto" => send::photo(world, params),
        "sendvoice" => send::voice(world, params),
        "sendsticker" => send::sticker(world, params),
        "sendmediagroup" => send::media_group(world, params),
        "sendchataction" => send::chat_action(world, params),
        "copymessage" => send::copy(world, params),
        "forwardmessage" => send::forward(world, params),
        "editmessagetext" => edit::text(world, params),
        "editmessagecaption" => edit::caption(world, params),
        "editmessagereplymarkup" => edit::reply_markup(world, params),
        "deletemessage" => edit::delete(world, params),
        "deletemessages" => edit::delete_many(world, params),
        "answercallbackquery" => account::answer_callback_query(world, params),
        "sendinvoice" => payments::send_invoice(world, params),
        "answerprecheckoutquery" => payments::answer_pre_checkout_query(world, params),
        "refundstarpayment" => payments::refund_star_payment(world, params),
        "getmystarbalance" => Ok(payments::star_balance(world)),
        "getstartransactions" => payments::star_transactions(world, params),
        "getfile" => account::get_file(world, params),
        "getchat" => account::get_chat(world, params),
        "getchatmember" => account::get_chat_member(world, params),
        "getchatmembercount" => account::chat_id(world, params).map(|_| json!(2)),
        "setmycommands" => account::set_my_commands(world, params),
        "getmycommands" => account::get_my_commands(world, params),
        "deletemycommands" => account::delete_my_commands(world, params),
        "setchatmenubutton" => account::set_chat_menu_button(world, params),
        "getchatmenubutton" => account::get_chat_menu_button(world, params),
        _ => {
            tracing::warn!(method, "the sandbox doesn't play this method");
            Err(ApiError::new(404, "Not Found: method not found"))
        }
    }
}

/// Calls that leave something in a chat; fault counters count these.
pub fn writes(method: &str) -> bool {
    method != "sendchataction"
        && ["send", "edit", "delete", "copy", "forward"]
            .iter()
            .any(|prefix| method.starts_with(prefix))
        && !matches!(method, "deletewebhook" | "deletemycommands")
}

/// A chat the bot may write to.
pub fn open_chat<'a>(world: &'a mut World, params: &Params) -> Result<&'a mut Chat, ApiError> {
    let chat_id = account::chat_id(world, params)?;
    let chat = world
        .telegram
        .chats
        .get_mut(&chat_id)
        .ok_or_else(|| ApiError::bad_request("chat not found"))?;
    if !chat.started {
        return Err(ApiError::forbidden("bot can't initiate conversation with a user"));
    }
    if chat.blocked {
        return Err(ApiError::forbidden("bot was blocked by the user"));
    }
    Ok(chat)
}

/// Spends `messages` of both rate limits, unless they are switched off.
pub fn spend(world: &mut World, chat_id: i64, messages: u64) -> Result<(), ApiError> {
    if !world.faults.telegram.limits {
        return Ok(());
    }
    let now = Instant::now();
    let telegram = &mut world.telegram;
    let overall = telegram.overall.get_or_insert_with(|| Bucket::overall(now));
    match telegram.chats.get_mut(&chat_id) {
        Some(chat) => {
            let bucket = chat.bucket.get_or_insert_with(|| Bucket::chat(now));
            limits::take(bucket, overall, messages, now)
        }
        None => Ok(()),
    }
}

/// Text with its entities from `text_name`, `parse_mode` and `entities_name`.
pub fn formatted(params: &Params, text_name: &str, entities_name: &str) -> Result<FormattedText, ApiError> {
    let source = params.str(text_name).unwrap_or_default();
    formatted_from(source, params.str("parse_mode"), &params.json(entities_name)?)
}

pub fn formatted_from(source: &str, parse_mode: Option<&str>, entities: &Value) -> Result<FormattedText, ApiError> {
    let mut text = match parse_mode.filter(|mode| !mode.is_empty()) {
        Some(name) => {
            let mode = ParseMode::named(name).ok_or_else(|| ApiError::bad_request("unsupported parse_mode"))?;
            FormattedText::parse(source, mode)
                .map_err(|why| ApiError::bad_request(format!("can't parse entities: {why}")))?
        }
        None => FormattedText::with_entities(source, entities),
    };
    text.detect();
    Ok(text)
}

pub fn markup(params: &Params) -> Result<Option<Markup>, ApiError> {
    keyboard::parse(&params.json("reply_markup")?)
}

/// The message answered to, when it exists; `allow_sending_without_reply` forgives that it doesn't.
pub fn reply_target(chat: &Chat, params: &Params) -> Result<Option<i64>, ApiError> {
    let reply = params.json("reply_parameters")?;
    let wanted = reply
        .get("message_id")
        .and_then(Value::as_i64)
        .or_else(|| params.i64("reply_to_message_id"));
    let Some(message_id) = wanted else {
        return Ok(None);
    };
    if chat.message(message_id).is_some() {
        return Ok(Some(message_id));
    }
    let forgiven = reply
        .get("allow_sending_without_reply")
        .and_then(Value::as_bool)
        .unwrap_or_else(|| params.bool("allow_sending_without_reply"));
    if forgiven {
        Ok(None)
    } else {
        Err(ApiError::bad_request("message to be replied not found"))
    }
}

/// A message of the bot before it has an id.
pub struct Draft {
    pub content: Content,
    pub body: FormattedText,
    pub markup: Option<Markup>,
    pub reply_to: Option<i64>,
    pub media_group_id: Option<String>,
    pub forwarded_from: Option<String>,
}

impl Draft {
    pub fn new(content: Content, body: FormattedText) -> Self {
        Self {
            content,
            body,
            markup: None,
            reply_to: None,
            media_group_id: None,
            forwarded_from: None,
        }
    }
}

/// Puts the message into the chat, tells the page, and returns it as the Bot API does.
pub fn post(world: &mut World, chat_id: i64, draft: Draft) -> Result<Value, ApiError> {
    let at_ms = world.clock.now_ms();
    let message_id = world.telegram.new_message_id();
    let chat = world
        .telegram
        .chats
        .get_mut(&chat_id)
        .ok_or_else(|| ApiError::bad_request("chat not found"))?;
    let mut message = Message::new(message_id, true, at_ms, draft.content, draft.body);
    message.reply_to = draft.reply_to;
    message.media_group_id = draft.media_group_id;
    message.forwarded_from = draft.forwarded_from;
    let mut keyboard_changed = false;
    match draft.markup {
        Some(Markup::Inline(keyboard)) => message.inline_keyboard = Some(keyboard),
        Some(Markup::Reply(keyboard)) => {
            keyboard_changed = true;
            chat.reply_keyboard = Some(keyboard);
        }
        Some(Markup::Remove) => keyboard_changed = chat.reply_keyboard.take().is_some(),
        Some(Markup::ForceReply) | None => {}
    }
    let wire = chat.message_to_wire(&message);
    let page = chat.message_to_page(&message);
    let keyboard = json!(chat.reply_keyboard);
    chat.push(message);
    world.emit(chat_id, EventKind::Message, Map::from_iter([("message".into(), page)]));
    if keyboard_changed {
        world.emit(
            chat_id,
            EventKind::Keyboard,
            Map::from_iter([("reply_keyboard".into(), keyboard)]),
        );
    }
    Ok(wire)
}
