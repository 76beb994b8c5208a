//! Methods about the bot itself, its menus, and what it may ask about people and files.

use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{
    chat::{BOT_ID, Chat, bot_to_wire},
    error::ApiError,
    files::MAX_DOWNLOAD_BYTES,
    params::Params,
};
use crate::{events::EventKind, world::World};

const MAX_COMMANDS: usize = 100;
const MAX_COMMAND_DESCRIPTION: usize = 256;
const MAX_CALLBACK_ANSWER: usize = 200;
/// Nothing is documented; practice says seconds. Real time, since a person waits for it.
const CALLBACK_LIFE: Duration = Duration::from_secs(60);

pub fn get_me() -> Value {
    let mut me = bot_to_wire();
    if let Some(fields) = me.as_object_mut() {
        fields.insert("can_join_groups".into(), json!(true));
        for name in [
            "can_read_all_group_messages",
            "supports_inline_queries",
            "can_connect_to_business",
            "has_main_web_app",
        ] {
            fields.insert(name.into(), json!(false));
        }
    }
    me
}

/// The private chat a call means; anything else doesn't exist in this world.
pub fn chat_id(world: &World, params: &Params) -> Result<i64, ApiError> {
    if !params.fields.contains_key("chat_id") {
        return Err(ApiError::bad_request("chat_id is empty"));
    }
    params
        .i64("chat_id")
        .filter(|id| world.telegram.chats.contains_key(id))
        .ok_or_else(|| ApiError::bad_request("chat not found"))
}

pub fn message_id(params: &Params) -> Result<i64, ApiError> {
    params
        .i64("message_id")
        .filter(|id| *id > 0)
        .ok_or_else(|| ApiError::bad_request("message identifier is not specified"))
}

fn known_chat<'a>(world: &'a World, params: &Params) -> Result<&'a Chat, ApiError> {
    let id = chat_id(world, params)?;
    world
        .telegram
        .chats
        .get(&id)
        .filter(|chat| chat.started)
        .ok_or_else(|| ApiError::bad_request("chat not found"))
}

pub fn get_chat(world: &World, params: &Params) -> Result<Value, ApiError> {
    let chat = known_chat(world, params)?;
    let mut wire = chat.user.chat_to_wire();
    if let Some(fields) = wire.as_object_mut() {
        fields.insert("accent_color_id".into(), json!(0));
        fields.insert("max_reaction_count".into(), json!(11));
        fields.insert(
            "accepted_gift_types".into(),
            json!({
                "unlimited_gifts": false, "limited_gifts": false, "unique_gifts": false,
                "premium_subscription": false, "gifts_from_channels": false,
            }),
        );
    }
    Ok(wire)
}

pub fn get_chat_member(world: &World, params: &Params) -> Result<Value, ApiError> {
    let chat = known_chat(world, params)?;
    let user_id = params
        .i64("user_id")
        .ok_or_else(|| ApiError::bad_request("invalid user_id specified"))?;
    if user_id == BOT_ID {
        return Ok(json!({"user": bot_to_wire(), "status": "member"}));
    }
    if user_id == chat.user.id {
        return Ok(json!({"user": chat.user.to_wire(), "status": "member"}));
    }
    Err(ApiError::bad_request("user not found"))
}

pub fn get_file(world: &World, params: &Params) -> Result<Value, ApiError> {
    let file = params
        .str("file_id")
        .and_then(|id| world.telegram.files.get(id))
        .ok_or_else(|| ApiError::bad_request("wrong file_id or the file is temporarily unavailable"))?;
    if file.about.size > MAX_DOWNLOAD_BYTES {
        return Err(ApiError::bad_request("file is too big"));
    }
    Ok(json!({
        "file_id": file.about.file_id, "file_unique_id": file.about.unique_id,
        "file_size": file.about.size, "file_path": file.path,
    }))
}

/// A pressed button that waits for its answer.
#[derive(Debug, Clone)]
pub struct PendingCallback {
    pub chat_id: i64,
    pub pressed_at: Instant,
}

impl PendingCallback {
    pub fn is_alive(&self) -> bool {
        self.pressed_at.elapsed() < CALLBACK_LIFE
    }
}

pub fn answer_callback_query(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let id = params.str("callback_query_id").unwrap_or_default().to_owned();
    let text = params.str("text").unwrap_or_default().to_owned();
    if text.chars().count() > MAX_CALLBACK_ANSWER {
        return Err(ApiError::bad_request("MESSAGE_TOO_LONG"));
    }
    let pending = world
        .telegram
        .callbacks
        .remove(&id)
        .filter(PendingCallback::is_alive)
        .ok_or_else(|| ApiError::bad_request("query is too old and response timeout expired or query ID is invalid"))?;
    let answer = Map::from_iter([
        ("callback_query_id".to_owned(), json!(id)),
        ("text".to_owned(), json!(text)),
        ("show_alert".to_owned(), json!(params.bool("show_alert"))),
    ]);
    if let Some(chat) = world.telegram.chats.get_mut(&pending.chat_id) {
        chat.answer_callback(Value::Object(answer.clone()));
    }
    world.emit(pending.chat_id, EventKind::CallbackAnswer, answer);
    Ok(json!(true))
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Command {
    pub command: String,
    pub description: String,
}

/// Whom a list of commands is for; the narrowest list wins.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum Scope {
    Default,
    AllPrivateChats,
    Chat(i64),
    /// Scopes of groups, which this world hasn't got; kept so that they can be read back.
    Other(String),
}

fn scope(params: &Params) -> Result<(Scope, String), ApiError> {
    let scope = params.json("scope")?;
    let kind = scope.get("type").and_then(Value::as_str).unwrap_or("default");
    let scope = match kind {
        "default" => Scope::Default,
        "all_private_chats" => Scope::AllPrivateChats,
        "chat" => {
            let id = scope.get("chat_id").and_then(Value::as_i64);
            Scope::Chat(id.ok_or_else(|| ApiError::bad_request("chat not found"))?)
        }
        "all_group_chats" | "all_chat_administrators" | "chat_administrators" | "chat_member" => {
            Scope::Other(scope.to_string())
        }
        _ => return Err(ApiError::bad_request("unsupported BotCommandScope type")),
    };
    let language = params.str("language_code").unwrap_or_default();
    let valid =
        language.is_empty() || (language.len() == 2 && language.chars().all(|letter| letter.is_ascii_lowercase()));
    if !valid {
        return Err(ApiError::bad_request("invalid language code specified"));
    }
    Ok((scope, language.to_owned()))
}

pub fn set_my_commands(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let key = scope(params)?;
    if let Scope::Chat(id) = key.0
        && !world.telegram.chats.contains_key(&id)
    {
        return Err(ApiError::bad_request("chat not found"));
    }
    let list = params.json("commands")?;
    let commands: Vec<Command> =
        serde_json::from_value(list).map_err(|_| ApiError::bad_request("can't parse commands JSON object"))?;
    if commands.len() > MAX_COMMANDS {
        return Err(ApiError::bad_request("too many commands specified"));
    }
    let mut checked = Vec::with_capacity(commands.len());
    for command in commands {
        let name = command.command.trim_start_matches('/').to_owned();
        let valid = (1..=32).contains(&name.len())
            && name
                .chars()
                .all(|letter| letter.is_ascii_lowercase() || letter.is_ascii_digit() || letter == '_');
        if !valid {
            return Err(ApiError::bad_request("BOT_COMMAND_INVALID"));
        }
        if !(1..=MAX_COMMAND_DESCRIPTION).contains(&command.description.chars().count()) {
            return Err(ApiError::bad_request("BOT_COMMAND_DESCRIPTION_INVALID"));
        }
        checked.push(Command {
            command: name,
            description: command.description,
        });
    }
    replace_commands(world, key, checked);
    Ok(json!(true))
}

fn replace_commands(world: &mut World, key: (Scope, String), commands: Vec<Command>) {
    let chat_id = match key.0 {
        Scope::Chat(id) => id,
        _ => 0,
    };
    if commands.is_empty() {
        world.telegram.commands.retain(|(known, _)| *known != key);
    } else {
        match world.telegram.commands.iter_mut().find(|(known, _)| *known == key) {
            Some((_, present)) => *present = commands,
            None => world.telegram.commands.push((key, commands)),
        }
    }
    world.emit(chat_id, EventKind::Commands, Map::new());
}

pub fn get_my_commands(world: &World, params: &Params) -> Result<Value, ApiError> {
    let key = scope(params)?;
    Ok(json!(world.telegram.commands_of(&key).unwrap_or_default()))
}

pub fn delete_my_commands(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let key = scope(params)?;
    replace_commands(world, key, Vec::new());
    Ok(json!(true))
}

pub fn set_chat_menu_button(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let button = params.json("menu_button")?;
    let button = if button.is_null() {
        json!({"type": "default"})
    } else {
        button
    };
    let known = matches!(
        button.get("type").and_then(Value::as_str),
        Some("commands" | "web_app" | "default")
    );
    if !known {
        return Err(ApiError::bad_request("unsupported MenuButton type"));
    }
    if params.i64("chat_id").is_none() {
        world.telegram.menu_button = Some(button);
        return Ok(json!(true));
    }
    let id = chat_id(world, params)?;
    if let Some(chat) = world.telegram.chats.get_mut(&id) {
        chat.menu_button = Some(button);
    }
    world.emit(id, EventKind::Commands, Map::new());
    Ok(json!(true))
}

pub fn get_chat_menu_button(world: &World, params: &Params) -> Result<Value, ApiError> {
    let own = match params.i64("chat_id") {
        Some(_) => {
            let id = chat_id(world, params)?;
            world.telegram.chats.get(&id).and_then(|chat| chat.menu_button.clone())
        }
        None => None,
    };
    Ok(own
        .or_else(|| world.telegram.menu_button.clone())
        .unwrap_or_else(|| json!({"type": "commands"})))
}
