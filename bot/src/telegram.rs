//! Calls of the Bot API: teloxide's bot, payloads and types, with the answers read here.
//!
//! teloxide's own reader sleeps ten seconds on every 5xx, forgets `error_code`, and its network errors print the
//! address with the token in it; the first would stop a chat, the second blurs outcomes, the third leaks.

use std::{fmt, time::Duration};

use reqwest::multipart::{Form, Part};
use serde::{Deserialize, Serialize, de::DeserializeOwned};
use serde_json::Value;
use teloxide::{Bot, payloads::SendDocument, requests::Payload};
use thiserror::Error;
use url::Url;

use crate::{config::Config, crm};

/// See `send::HOLD`: a message's fate is known before its lease ends.
const CALL_TIMEOUT: Duration = Duration::from_secs(9);
/// Longer than the lease: this replica knows that it is still at it, and a second one seldom is.
const UPLOAD_TIMEOUT: Duration = Duration::from_secs(90);
/// Longest description of Telegram's that is passed on.
const MAX_DESCRIPTION: usize = 200;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum TelegramError {
    /// 429.
    #[error("Telegram asks to wait {} s", retry_after.as_secs())]
    TooMany { retry_after: Duration },
    /// Any other 4xx: nothing has been done.
    #[error("Telegram refuses: {code} {description}")]
    Refused { code: u16, description: String },
    /// 5xx, a time-out or a broken answer: it may have been done or not.
    #[error("Telegram's answer is unknown: {0}")]
    Unclear(String),
    /// There was no connection, so nothing has been done.
    #[error("Telegram is not reachable: {0}")]
    NotReachable(String),
}

/// The part of a sent message that the bot needs. The whole of it is not read, so that a message of a kind that is
/// new to us doesn't count as unsent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentMessage {
    pub message_id: i64,
    #[serde(default)]
    pub document: Option<SentDocument>,
    /// One picture in several sizes.
    #[serde(default)]
    pub photo: Vec<SentPhoto>,
}

impl SentMessage {
    /// The id of the picture in its largest size.
    pub fn photo_id(&self) -> Option<&str> {
        self.photo
            .iter()
            .max_by_key(|size| u64::from(size.width) * u64::from(size.height))
            .map(|size| size.file_id.as_str())
    }
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentPhoto {
    pub file_id: String,
    #[serde(default)]
    pub width: u32,
    #[serde(default)]
    pub height: u32,
}

#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub struct SentDocument {
    pub file_id: String,
}

#[derive(Deserialize)]
struct Answer<T> {
    ok: bool,
    result: Option<T>,
    error_code: Option<u16>,
    description: Option<String>,
    parameters: Option<AnswerParameters>,
}

#[derive(Deserialize)]
struct AnswerParameters {
    retry_after: Option<u64>,
}

#[derive(Clone)]
pub struct Telegram {
    bot: Bot,
    uploads: reqwest::Client,
}

/// teloxide's own would show the token.
impl fmt::Debug for Telegram {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Telegram").finish_non_exhaustive()
    }
}

impl Telegram {
    /// Errors: the HTTP clients can't be built (no TLS provider installed).
    pub fn new(config: &Config) -> Result<Self, String> {
        let client = teloxide::net::default_reqwest_settings()
            // Every call sets its own; this is only above the longest of them.
            .timeout(UPLOAD_TIMEOUT)
            .pool_max_idle_per_host(crm::IDLE_CONNECTIONS)
            .build()
            .map_err(|_| "the client for Telegram can't be built".to_owned())?;
        let bot = Bot::with_client(config.token.secret.expose(), client).set_api_url(config.telegram_url.clone());
        let uploads = reqwest::Client::builder()
            .connect_timeout(Duration::from_secs(5))
            .pool_max_idle_per_host(crm::IDLE_CONNECTIONS)
            .build()
            .map_err(|_| "the client for uploads can't be built".to_owned())?;
        Ok(Self { bot, uploads })
    }

    pub async fn call<P, T>(&self, payload: &P) -> Result<T, TelegramError>
    where
        P: Payload + Serialize,
        T: DeserializeOwned,
    {
        let body = serde_json::to_vec(payload).map_err(|e| unreadable(&e))?;
        let timeout = CALL_TIMEOUT + payload.timeout_hint().unwrap_or_default();
        let answer = self
            .bot
            .client()
            .post(self.method_url(P::NAME))
            .header("content-type", "application/json")
            .body(body)
            .timeout(timeout)
            .send()
            .await;
        // These are the errors of teloxide's reqwest, another version than ours, hence not `crm::describe`.
        let answer = answer.map_err(|error| {
            if error.is_connect() {
                TelegramError::NotReachable("can't connect".to_owned())
            } else if error.is_timeout() {
                TelegramError::Unclear("no answer in time".to_owned())
            } else {
                TelegramError::Unclear("the connection broke off".to_owned())
            }
        })?;
        let status = answer.status().as_u16();
        let bytes = answer
            .bytes()
            .await
            .map_err(|_| TelegramError::Unclear("the answer broke off".to_owned()))?;
        read(status, &bytes)
    }

    /// Sends `file` as the document of `payload`, whose own `document` is left out.
    pub async fn upload(&self, payload: &SendDocument, file: Part) -> Result<SentMessage, TelegramError> {
        let mut form = Form::new();
        let fields = match serde_json::to_value(payload).map_err(|e| unreadable(&e))? {
            Value::Object(fields) => fields,
            _ => serde_json::Map::new(),
        };
        for (name, value) in fields {
            form = match value {
                _ if name == "document" => form,
                Value::Null => form,
                Value::String(text) => form.text(name, text),
                // In a form, whatever has structure travels as its JSON text.
                other => form.text(name, other.to_string()),
            };
        }
        self.post_form(SendDocument::NAME, form.part("document", file)).await
    }

    /// Calls `method` with a form: structured values travel as their JSON text, files as parts.
    pub async fn post_form<T: DeserializeOwned>(&self, method: &str, form: Form) -> Result<T, TelegramError> {
        let url = self.method_url(method);
        let request = self.uploads.post(url).multipart(form).timeout(UPLOAD_TIMEOUT);
        let answer = request.send().await.map_err(|error| {
            if error.is_connect() {
                TelegramError::NotReachable(crm::describe(&error))
            } else {
                TelegramError::Unclear(crm::describe(&error))
            }
        })?;
        let status = answer.status().as_u16();
        let bytes = answer
            .bytes()
            .await
            .map_err(|_| TelegramError::Unclear("the answer broke off".to_owned()))?;
        read(status, &bytes)
    }

    fn method_url(&self, name: &str) -> Url {
        let mut url = self.bot.api_url();
        // Telegram's documentation spells `sendMessage`, teloxide's names start with a capital.
        let mut letters = name.chars();
        let method: String = letters
            .next()
            .map(|first| first.to_ascii_lowercase())
            .into_iter()
            .chain(letters)
            .collect();
        if let Ok(mut segments) = url.path_segments_mut() {
            segments
                .pop_if_empty()
                .push(&format!("bot{}", self.bot.token()))
                .push(&method);
        }
        url
    }
}

fn unreadable(error: &serde_json::Error) -> TelegramError {
    TelegramError::Refused {
        code: 400,
        description: format!("the request can't be written as JSON ({:?})", error.classify()),
    }
}

fn read<T: DeserializeOwned>(status: u16, bytes: &[u8]) -> Result<T, TelegramError> {
    let Ok(answer) = serde_json::from_slice::<Answer<T>>(bytes) else {
        // A proxy's page, or a result of an unknown shape; a 4xx still says that nothing was done.
        return Err(if (400..500).contains(&status) && status != 429 {
            TelegramError::Refused {
                code: status,
                description: "an answer that is not Telegram's".to_owned(),
            }
        } else {
            TelegramError::Unclear(format!("status {status} with a body that can't be read"))
        });
    };
    if let (true, Some(result)) = (answer.ok, answer.result) {
        return Ok(result);
    }
    let code = answer.error_code.unwrap_or(status);
    let description: String = answer
        .description
        .unwrap_or_default()
        .chars()
        .take(MAX_DESCRIPTION)
        .collect();
    if let Some(seconds) = answer.parameters.and_then(|p| p.retry_after) {
        return Err(TelegramError::TooMany {
            retry_after: Duration::from_secs(seconds),
        });
    }
    match code {
        429 => Err(TelegramError::TooMany {
            retry_after: Duration::from_secs(5),
        }),
        400..=499 => Err(TelegramError::Refused { code, description }),
        _ => Err(TelegramError::Unclear(format!("{code} {description}"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_no_token() {
        rustls::crypto::ring::default_provider().install_default().ok();
        let config = Config::from_lookup(|key| match key {
            "TELEGRAM_BOT_TOKEN" => Some("42:hidden-letters".to_owned()),
            "CRM_API_TOKEN" => Some("x".to_owned()),
            _ => None,
        });
        let shown = format!("{:?}", Telegram::new(&config.unwrap()).unwrap());
        assert!(!shown.contains("hidden"), "{shown}");
    }

    #[test]
    fn answers_are_told_apart() {
        let sent: SentMessage = read(200, br#"{"ok":true,"result":{"message_id":7,"from_the_future":{}}}"#).unwrap();
        assert_eq!(sent.message_id, 7);
        let error = |status, body: &str| read::<SentMessage>(status, body.as_bytes()).unwrap_err();
        assert_eq!(
            error(
                429,
                r#"{"ok":false,"error_code":429,"description":"Too Many Requests: retry after 17","parameters":{"retry_after":17}}"#
            ),
            TelegramError::TooMany {
                retry_after: Duration::from_secs(17)
            }
        );
        assert!(matches!(
            error(
                403,
                r#"{"ok":false,"error_code":403,"description":"Forbidden: bot was blocked by the user"}"#
            ),
            TelegramError::Refused { code: 403, .. }
        ));
        assert!(matches!(error(502, "<html>"), TelegramError::Unclear(_)));
        assert!(matches!(error(200, "<html>"), TelegramError::Unclear(_)));
        assert!(matches!(
            error(413, "Request Entity Too Large"),
            TelegramError::Refused { code: 413, .. }
        ));
        assert!(matches!(
            error(500, r#"{"ok":false,"error_code":500,"description":"Internal"}"#),
            TelegramError::Unclear(_)
        ));
    }
}
