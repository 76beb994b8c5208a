//! From what Telegram delivers to what the CRM understands. Pure.

use api_types::conversation::{AttachmentKind, Channel, Event, EventBody, Person};
use teloxide::types::{
    CallbackQuery, CallbackQueryId, ChatMemberUpdated, MediaKind, Message, MessageCommon, MessageId, MessageKind,
    Update, UpdateKind, User,
};

/// A deep link's payload has 64 letters at most; a typed "/start …" may be longer and is cut here.
const MAX_PAYLOAD: usize = 256;
const MAX_COMMAND: usize = 32;

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Parsed {
    pub content: Result<Event, Ignored>,
    /// A pressed button: Telegram wants an answer to it, whatever it means.
    pub callback: Option<CallbackQueryId>,
}

/// Why an update is nobody's business.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ignored {
    NotPrivate,
    /// A service message, an edit without text, a kind of update we didn't ask for.
    NothingSaid,
    /// Telegram sent something that teloxide can't read.
    Unreadable,
}

/// `bot_id` makes the key unique over bots, `replica` says who asks.
pub fn parse(update: &Update, bot_id: u64, replica: &str) -> Parsed {
    let event = |address: String, person: Person, body: EventBody| Event {
        key: format!("telegram:{bot_id}:{}", update.id.0),
        channel: Channel::Telegram,
        address,
        person,
        replica: replica.to_owned(),
        body,
    };
    let mut callback = None;
    let content = match &update.kind {
        UpdateKind::Message(message) => said(message),
        UpdateKind::EditedMessage(message) => edited(message),
        UpdateKind::CallbackQuery(query) => {
            callback = Some(query.id.clone());
            pressed(query)
        }
        UpdateKind::MyChatMember(change) => membership(change),
        UpdateKind::Error(_) => Err(Ignored::Unreadable),
        _ => Err(Ignored::NothingSaid),
    };
    Parsed {
        content: content.map(|(address, person, body)| event(address, person, body)),
        callback,
    }
}

type Happening = (String, Person, EventBody);

fn said(message: &Message) -> Result<Happening, Ignored> {
    if !message.chat.is_private() {
        return Err(Ignored::NotPrivate);
    }
    let body = match &message.kind {
        MessageKind::Common(common) => common_body(message.id, common)?,
        // `Empty` is teloxide's word for a kind it doesn't know yet; the person did send something.
        MessageKind::SuccessfulPayment(paid) => EventBody::Paid {
            currency: paid.successful_payment.currency.clone(),
            amount_minor: paid.successful_payment.total_amount.into(),
            payload: paid.successful_payment.invoice_payload.clone(),
            charge: paid.successful_payment.telegram_payment_charge_id.0.clone(),
            provider_charge: paid.successful_payment.provider_payment_charge_id.clone(),
        },
        MessageKind::RefundedPayment(back) => EventBody::GivenBack {
            charge: back.refunded_payment.telegram_payment_charge_id.0.clone(),
        },
        MessageKind::Dice(_) | MessageKind::Empty {} => attachment(AttachmentKind::Other, None, message.id, None),
        _ => return Err(Ignored::NothingSaid),
    };
    Ok((message.chat.id.to_string(), speaker(message), body))
}

/// Service messages may be the bot's own; then the chat says whose it is.
fn speaker(message: &Message) -> Person {
    match message.from.as_ref().filter(|user| !user.is_bot) {
        Some(user) => person(Some(user)),
        None => Person {
            first_name: message.chat.first_name().unwrap_or_default().to_owned(),
            last_name: message.chat.last_name().map(str::to_owned),
            username: message.chat.username().map(str::to_owned),
            language_code: None,
        },
    }
}

fn common_body(id: MessageId, common: &MessageCommon) -> Result<EventBody, Ignored> {
    use AttachmentKind as Kind;
    let reply_to = common.reply_to_message.as_ref().map(|m| reference(m.id));
    let (kind, caption) = match &common.media_kind {
        MediaKind::Text(media) => {
            return Ok(command(&media.text).unwrap_or_else(|| EventBody::Text {
                text: media.text.clone(),
                message_ref: reference(id),
                reply_to,
            }));
        }
        MediaKind::Migration(_) => return Err(Ignored::NothingSaid),
        MediaKind::Photo(media) => (Kind::Photo, media.caption.clone()),
        MediaKind::Video(media) => (Kind::Video, media.caption.clone()),
        MediaKind::Animation(media) => (Kind::Video, media.caption.clone()),
        MediaKind::VideoNote(_) => (Kind::VideoNote, None),
        MediaKind::Voice(media) => (Kind::Voice, media.caption.clone()),
        MediaKind::Document(media) => (Kind::Document, media.caption.clone()),
        MediaKind::Audio(media) => (Kind::Document, media.caption.clone()),
        MediaKind::Sticker(_) => (Kind::Sticker, None),
        MediaKind::Contact(_) => (Kind::Contact, None),
        MediaKind::Location(_) | MediaKind::Venue(_) => (Kind::Location, None),
        _ => (Kind::Other, None),
    };
    Ok(attachment(kind, caption, id, reply_to))
}

fn attachment(kind: AttachmentKind, caption: Option<String>, id: MessageId, reply_to: Option<String>) -> EventBody {
    EventBody::Attachment {
        kind,
        caption,
        message_ref: reference(id),
        reply_to,
    }
}

/// `/name`, `/name@bot`, `/start payload`. Anything else that starts with a slash is text.
fn command(text: &str) -> Option<EventBody> {
    let (head, rest) = match text.split_once(char::is_whitespace) {
        Some((head, rest)) => (head, rest.trim()),
        None => (text, ""),
    };
    let name = head.strip_prefix('/')?;
    let name = name.split_once('@').map_or(name, |(name, _bot)| name);
    if name.is_empty() || name.len() > MAX_COMMAND || !name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_') {
        return None;
    }
    let name = name.to_ascii_lowercase();
    if name == "start" {
        let payload: String = rest.chars().take(MAX_PAYLOAD).collect();
        return Some(EventBody::Start {
            payload: Some(payload).filter(|p| !p.is_empty()),
        });
    }
    Some(EventBody::Command { name })
}

fn edited(message: &Message) -> Result<Happening, Ignored> {
    if !message.chat.is_private() {
        return Err(Ignored::NotPrivate);
    }
    let text = message.text().ok_or(Ignored::NothingSaid)?;
    let body = EventBody::EditedText {
        text: text.to_owned(),
        message_ref: reference(message.id),
    };
    Ok((message.chat.id.to_string(), person(message.from.as_ref()), body))
}

fn pressed(query: &CallbackQuery) -> Result<Happening, Ignored> {
    let action = query.data.clone().ok_or(Ignored::NothingSaid)?;
    // Without its message (too old for Telegram to show) the button can only come from a private chat with us,
    // whose id is the person's.
    let address = match &query.message {
        Some(message) if !message.chat().is_private() => return Err(Ignored::NotPrivate),
        Some(message) => message.chat().id.to_string(),
        None => query.from.id.to_string(),
    };
    let body = EventBody::Action {
        action,
        message_ref: query.message.as_ref().map(|m| reference(m.id())),
    };
    Ok((address, person(Some(&query.from)), body))
}

/// In a private chat Telegram sends this when the person blocks or unblocks the bot.
fn membership(change: &ChatMemberUpdated) -> Result<Happening, Ignored> {
    if !change.chat.is_private() {
        return Err(Ignored::NotPrivate);
    }
    let body = match (change.old_chat_member.is_banned(), change.new_chat_member.is_banned()) {
        (_, true) => EventBody::Blocked,
        (true, false) => EventBody::Unblocked,
        (false, false) => return Err(Ignored::NothingSaid),
    };
    Ok((change.chat.id.to_string(), person(Some(&change.from)), body))
}

fn person(user: Option<&User>) -> Person {
    user.map(|user| Person {
        first_name: user.first_name.clone(),
        last_name: user.last_name.clone().filter(|name| !name.is_empty()),
        username: user.username.clone(),
        language_code: user.language_code.clone(),
    })
    .unwrap_or_default()
}

fn reference(id: MessageId) -> String {
    id.0.to_string()
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    fn parsed(kind: &str, value: &Value) -> Parsed {
        // From text, as it comes from the wire: teloxide can't read an update out of a `Value`.
        let text = json!({"update_id": 5, kind: value}).to_string();
        let update = serde_json::from_str(&text).unwrap();
        parse(&update, 42, "replica")
    }

    fn body(kind: &str, value: &Value) -> EventBody {
        parsed(kind, value).content.unwrap().body
    }

    fn from() -> Value {
        json!({"id": 100001, "is_bot": false, "first_name": "Анна", "last_name": "", "language_code": "ru"})
    }

    fn message(extra: &Value) -> Value {
        let mut message = json!({
            "message_id": 9, "date": 1_767_225_600, "from": from(),
            "chat": {"id": 100001, "type": "private", "first_name": "Анна"},
        });
        message
            .as_object_mut()
            .unwrap()
            .extend(extra.as_object().unwrap().clone());
        message
    }

    #[test]
    fn commands_and_texts() {
        let of = |text: &str| body("message", &message(&json!({"text": text})));
        let start = |payload: Option<&str>| EventBody::Start {
            payload: payload.map(str::to_owned),
        };
        let command = |name: &str| EventBody::Command { name: name.to_owned() };
        assert_eq!(of("/start"), start(None));
        assert_eq!(of("/start  src-vk_7 "), start(Some("src-vk_7")));
        assert_eq!(of("/START@voronka_bot ab"), start(Some("ab")));
        assert_eq!(of("/menu"), command("menu"));
        assert_eq!(of("/Help@voronka_bot now"), command("help"));
        for text in ["привет", "/привет", "/ menu", "/", "72,5", "http://x/y"] {
            assert_eq!(
                of(text),
                EventBody::Text {
                    text: text.to_owned(),
                    message_ref: "9".to_owned(),
                    reply_to: None
                }
            );
        }
        let EventBody::Start { payload: Some(long) } = of(&format!("/start {}", "я".repeat(5000))) else {
            panic!()
        };
        assert_eq!(long.chars().count(), MAX_PAYLOAD);
    }

    #[test]
    fn an_event_says_who_where_and_which() {
        let event = parsed(
            "message",
            &message(&json!({"text": "да", "reply_to_message": message(&json!({"text": "?"}))})),
        )
        .content
        .unwrap();
        assert_eq!(event.key, "telegram:42:5");
        assert_eq!(event.address, "100001");
        assert_eq!(event.person.first_name, "Анна");
        assert_eq!(event.person.last_name, None);
        assert!(matches!(event.body, EventBody::Text { reply_to: Some(ref m), .. } if m == "9"));
    }

    #[test]
    fn attachments_are_named_not_fetched() {
        let file = json!({"file_id": "f", "file_unique_id": "u", "file_size": 3});
        let photo = json!([{"file_id": "f", "file_unique_id": "u", "file_size": 3, "width": 1, "height": 1}]);
        for (extra, expected) in [
            (json!({"photo": photo, "caption": "вот"}), AttachmentKind::Photo),
            (json!({"document": file}), AttachmentKind::Document),
            (
                json!({"contact": {"phone_number": "+7", "first_name": "А"}}),
                AttachmentKind::Contact,
            ),
            (
                json!({"location": {"latitude": 55.0, "longitude": 37.0}}),
                AttachmentKind::Location,
            ),
            (json!({"something_new": {"x": 1}}), AttachmentKind::Other),
        ] {
            let EventBody::Attachment { kind, caption, .. } = body("message", &message(&extra)) else {
                panic!("{extra}")
            };
            assert_eq!(kind, expected);
            assert_eq!(caption.as_deref(), (expected == AttachmentKind::Photo).then_some("вот"));
        }
    }

    #[test]
    fn buttons_edits_and_blocks() {
        let query = json!({"id": "q1", "from": from(), "chat_instance": "c", "data": "q:sex:f",
                           "message": message(&json!({"text": "?"}))});
        let pressed = parsed("callback_query", &query);
        assert_eq!(pressed.callback, Some(CallbackQueryId("q1".to_owned())));
        assert_eq!(
            pressed.content.unwrap().body,
            EventBody::Action {
                action: "q:sex:f".to_owned(),
                message_ref: Some("9".to_owned())
            }
        );
        assert_eq!(
            body(
                "edited_message",
                &message(&json!({"text": "73", "edit_date": 1_767_225_700}))
            ),
            EventBody::EditedText {
                text: "73".to_owned(),
                message_ref: "9".to_owned()
            }
        );
        let member = |old: Value, new: Value| {
            let bot = json!({"id": 42, "is_bot": true, "first_name": "В"});
            let mut old = old;
            let mut new = new;
            old["user"] = bot.clone();
            new["user"] = bot;
            json!({"chat": {"id": 100001, "type": "private", "first_name": "А"}, "from": from(), "date": 1,
                   "old_chat_member": old, "new_chat_member": new})
        };
        let kicked = json!({"status": "kicked", "until_date": 0});
        let present = json!({"status": "member"});
        assert_eq!(
            body("my_chat_member", &member(present.clone(), kicked.clone())),
            EventBody::Blocked
        );
        assert_eq!(body("my_chat_member", &member(kicked, present)), EventBody::Unblocked);
    }

    #[test]
    fn money_is_told_as_it_came() {
        let paid = json!({"currency": "XTR", "total_amount": 2773, "invoice_payload": "pm_1",
                          "telegram_payment_charge_id": "stx_1", "provider_payment_charge_id": ""});
        assert_eq!(
            body("message", &message(&json!({"successful_payment": paid}))),
            EventBody::Paid {
                currency: "XTR".to_owned(),
                amount_minor: 2773,
                payload: "pm_1".to_owned(),
                charge: "stx_1".to_owned(),
                provider_charge: String::new(),
            }
        );
        let back = json!({"currency": "XTR", "total_amount": 2773, "invoice_payload": "pm_1",
                          "telegram_payment_charge_id": "stx_1"});
        assert_eq!(
            body("message", &message(&json!({"refunded_payment": back}))),
            EventBody::GivenBack {
                charge: "stx_1".to_owned()
            }
        );
    }

    #[test]
    fn what_is_not_ours_is_ignored() {
        let mut group = message(&json!({"text": "/start"}));
        group["chat"] = json!({"id": -100, "type": "supergroup", "title": "Чат"});
        assert_eq!(parsed("message", &group).content, Err(Ignored::NotPrivate));
        assert_eq!(
            parsed("from_the_future", &json!({"x": 1})).content,
            Err(Ignored::Unreadable)
        );
        assert_eq!(
            parsed("message", &json!({"broken": true})).content,
            Err(Ignored::Unreadable)
        );
        let pinned = message(&json!({"pinned_message": message(&json!({"text": "x"}))}));
        assert_eq!(parsed("message", &pinned).content, Err(Ignored::NothingSaid));
    }
}
