//! Reply markup: what a bot may hang under a message, checked as the server checks it.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{error::ApiError, html::normal_url};

/// In practice more are refused; the number is not documented.
const MAX_INLINE_BUTTONS: usize = 100;
const MAX_CALLBACK_DATA_BYTES: usize = 64;
const MAX_COPY_TEXT: usize = 256;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ButtonAction {
    Callback(String),
    Url(String),
    WebApp(String),
    Copy(String),
    /// Pays the bill it stands under.
    Pay,
    /// Kinds the chat page has no use for; kept as sent.
    Other(Map<String, Value>),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub text: String,
    pub action: ButtonAction,
}

pub type InlineKeyboard = Vec<Vec<Button>>;

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReplyKeyboard {
    pub rows: Vec<Vec<String>>,
    pub resize: bool,
    pub one_time: bool,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Markup {
    Inline(InlineKeyboard),
    Reply(ReplyKeyboard),
    Remove,
    ForceReply,
}

fn cant_parse(detail: &str) -> ApiError {
    ApiError::bad_request(format!("can't parse inline keyboard button: {detail}"))
}

/// `None` when no markup was given at all; an empty inline keyboard is the same as none.
pub fn parse(markup: &Value) -> Result<Option<Markup>, ApiError> {
    let Some(fields) = markup.as_object() else {
        if markup.is_null() {
            return Ok(None);
        }
        return Err(ApiError::bad_request("object expected as reply markup"));
    };
    if let Some(rows) = fields.get("inline_keyboard") {
        let keyboard = inline(rows)?;
        return Ok((!keyboard.is_empty()).then_some(Markup::Inline(keyboard)));
    }
    let flag = |name: &str| fields.get(name).and_then(Value::as_bool).unwrap_or(false);
    if let Some(rows) = fields.get("keyboard") {
        let rows = rows
            .as_array()
            .ok_or_else(|| ApiError::bad_request("field \"keyboard\" of the ReplyKeyboardMarkup must be an Array"))?
            .iter()
            .map(|row| row.as_array().into_iter().flatten().map(reply_button).collect())
            .collect::<Result<Vec<Vec<String>>, _>>()?;
        return Ok(Some(Markup::Reply(ReplyKeyboard {
            rows,
            resize: flag("resize_keyboard"),
            one_time: flag("one_time_keyboard"),
        })));
    }
    if flag("remove_keyboard") {
        return Ok(Some(Markup::Remove));
    }
    Ok(flag("force_reply").then_some(Markup::ForceReply))
}

fn reply_button(button: &Value) -> Result<String, ApiError> {
    button
        .as_str()
        .or_else(|| button.get("text").and_then(Value::as_str))
        .filter(|text| !text.is_empty())
        .map(str::to_owned)
        .ok_or_else(|| ApiError::bad_request("can't parse keyboard button: text must be non-empty"))
}

fn inline(rows: &Value) -> Result<InlineKeyboard, ApiError> {
    let rows = rows.as_array().ok_or_else(|| {
        ApiError::bad_request("field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays")
    })?;
    let mut keyboard = Vec::with_capacity(rows.len());
    for row in rows {
        let buttons = row
            .as_array()
            .ok_or_else(|| {
                ApiError::bad_request(
                    "field \"inline_keyboard\" of the InlineKeyboardMarkup must be an Array of Arrays",
                )
            })?
            .iter()
            .map(inline_button)
            .collect::<Result<Vec<_>, _>>()?;
        if !buttons.is_empty() {
            keyboard.push(buttons);
        }
    }
    if keyboard.iter().map(Vec::len).sum::<usize>() > MAX_INLINE_BUTTONS {
        return Err(ApiError::bad_request("reply markup is too long"));
    }
    Ok(keyboard)
}

fn inline_button(button: &Value) -> Result<Button, ApiError> {
    let field = |name: &str| button.get(name);
    let text = field("text").and_then(Value::as_str).unwrap_or_default().to_owned();
    if text.is_empty() {
        return Err(cant_parse("Field \"text\" must be of type String"));
    }
    let action = if let Some(data) = field("callback_data").and_then(Value::as_str) {
        if data.is_empty() || data.len() > MAX_CALLBACK_DATA_BYTES {
            return Err(ApiError::bad_request("BUTTON_DATA_INVALID"));
        }
        ButtonAction::Callback(data.to_owned())
    } else if let Some(url) = field("url").and_then(Value::as_str) {
        ButtonAction::Url(normal_url(url).ok_or_else(|| wrong_url(url, "URL", "Wrong HTTP URL"))?)
    } else if let Some(app) = field("web_app") {
        let url = app.get("url").and_then(Value::as_str).unwrap_or_default();
        ButtonAction::WebApp(web_app_url(url)?)
    } else if let Some(copy) = field("copy_text") {
        let copied = copy.get("text").and_then(Value::as_str).unwrap_or_default();
        if !(1..=MAX_COPY_TEXT).contains(&copied.chars().count()) {
            return Err(ApiError::bad_request("BUTTON_COPY_TEXT_INVALID"));
        }
        ButtonAction::Copy(copied.to_owned())
    } else if field("pay").and_then(Value::as_bool) == Some(true) {
        ButtonAction::Pay
    } else {
        let mut other = button.as_object().cloned().unwrap_or_default();
        other.remove("text");
        let known = [
            "login_url",
            "switch_inline_query",
            "switch_inline_query_current_chat",
            "switch_inline_query_chosen_chat",
            "callback_game",
        ];
        if !known.iter().any(|name| other.contains_key(*name)) {
            return Err(cant_parse("Text buttons are unallowed in the inline keyboard"));
        }
        ButtonAction::Other(other)
    };
    Ok(Button { text, action })
}

fn wrong_url(url: &str, what: &str, why: &str) -> ApiError {
    ApiError::bad_request(format!("inline keyboard button {what} '{url}' is invalid: {why}"))
}

/// Mini Apps need https; plain http on a loopback address is let through, as in Telegram's test environment.
fn web_app_url(url: &str) -> Result<String, ApiError> {
    let full = normal_url(url).ok_or_else(|| wrong_url(url, "Web App URL", "Wrong HTTP URL"))?;
    if full.starts_with("https://") || full.starts_with("http://127.") {
        return Ok(full);
    }
    Err(wrong_url(url, "Web App URL", "Only HTTPS links are allowed"))
}

impl Button {
    fn to_wire(&self) -> Value {
        let mut wire = match &self.action {
            ButtonAction::Callback(data) => Map::from_iter([("callback_data".into(), json!(data))]),
            ButtonAction::Url(url) => Map::from_iter([("url".into(), json!(url))]),
            ButtonAction::WebApp(url) => Map::from_iter([("web_app".into(), json!({"url": url}))]),
            ButtonAction::Copy(text) => Map::from_iter([("copy_text".into(), json!({"text": text}))]),
            ButtonAction::Pay => Map::from_iter([("pay".into(), json!(true))]),
            ButtonAction::Other(fields) => fields.clone(),
        };
        wire.insert("text".into(), json!(self.text));
        Value::Object(wire)
    }

    fn to_page(&self) -> Value {
        match &self.action {
            ButtonAction::Callback(data) => {
                json!({"text": self.text, "kind": "callback", "data": data})
            }
            ButtonAction::Url(url) => json!({"text": self.text, "kind": "url", "url": url}),
            ButtonAction::WebApp(url) => json!({"text": self.text, "kind": "web_app", "url": url}),
            ButtonAction::Copy(text) => json!({"text": self.text, "kind": "copy", "data": text}),
            ButtonAction::Pay => json!({"text": self.text, "kind": "pay"}),
            ButtonAction::Other(_) => json!({"text": self.text, "kind": "other"}),
        }
    }
}

/// `{"inline_keyboard": …}` as in a Message of the Bot API.
pub fn inline_to_wire(keyboard: &InlineKeyboard) -> Value {
    let rows: Vec<Vec<Value>> = keyboard
        .iter()
        .map(|row| row.iter().map(Button::to_wire).collect())
        .collect();
    json!({ "inline_keyboard": rows })
}

pub fn inline_to_page(keyboard: &InlineKeyboard) -> Value {
    keyboard
        .iter()
        .map(|row| row.iter().map(Button::to_page).collect::<Value>())
        .collect()
}

pub fn has_callback(keyboard: &InlineKeyboard, data: &str) -> bool {
    keyboard
        .iter()
        .flatten()
        .any(|button| matches!(&button.action, ButtonAction::Callback(own) if own == data))
}
