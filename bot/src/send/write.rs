//! Writing one delivery into its chat: edit or send, split or attach, retry while it makes sense.

use std::{borrow::Cow, future::Future, sync::Arc, time::Duration};

use api_types::conversation::{Activity, Delivery, FileRef, MessageCopy, Outcome};
use reqwest::multipart::Part as FormPart;
use serde_json::Value;
use teloxide::{
    payloads::{CopyMessage, EditMessageReplyMarkup, EditMessageText, SendDocument, SendMessage, setters::*},
    types::{ChatId, FileId, InlineKeyboardMarkup, InputFile, LinkPreviewOptions, MessageId, ReplyMarkup},
};
use tokio::time::Instant;
use tracing::debug;

use super::{
    Inner,
    ledger::HalfSent,
    limiter::Urgency,
    outcome::{Verdict, retry_after, retry_later, verdict},
};
use crate::{
    backoff::Backoff,
    crm::CrmError,
    render::{self, Part, Styled},
    telegram::{SentMessage, TelegramError},
};

/// Taking old buttons off is a courtesy: it doesn't wait longer than this for its turn.
const RETIRE_PATIENCE: Duration = Duration::from_secs(5);
/// Tries in a row for what can't have been done or may safely be done twice, before the CRM is asked to wait.
const QUICK_TRIES: u32 = 2;

/// Where a delivery goes and how long it may try.
#[derive(Debug, Clone, Copy)]
pub(super) struct Aim {
    pub(super) chat: ChatId,
    pub(super) urgency: Urgency,
    pub(super) until: Instant,
    pub(super) attempt: u32,
    /// Doing it twice is the same as once.
    pub(super) is_repeatable: bool,
    /// How many messages the rate limit counts.
    pub(super) messages: u32,
}

impl Inner {
    /// Its fate; everything in here may be repeated after a crash.
    pub(super) async fn deliver(self: &Arc<Self>, delivery: &Delivery, urgency: Urgency, until: Instant) -> Outcome {
        if let Some(back) = &delivery.content.give_back {
            return self.give_back(back, delivery.attempt).await;
        }
        if let Some(list) = delivery.content.list_stars {
            return self.list_stars(list, delivery.attempt).await;
        }
        let Ok(chat) = delivery.address.parse() else {
            return rejected("the address is not a chat id");
        };
        let parts = match render::render(&delivery.content) {
            Ok(parts) => parts,
            Err(problem) => return rejected(&problem.to_string()),
        };
        self.activities.stop(chat);
        let aim = Aim {
            chat: ChatId(chat),
            urgency,
            until,
            attempt: delivery.attempt,
            is_repeatable: false,
            messages: 1,
        };
        if let Some(old) = delivery
            .retire
            .as_ref()
            .filter(|old| Some(*old) != delivery.edit.as_ref())
        {
            self.retire(aim, old);
        }
        let outcome = self.show(delivery, &parts, aim).await.unwrap_or_else(|fate| fate);
        if let (Outcome::Sent { .. }, Some(activity)) = (&outcome, delivery.content.activity) {
            self.activities.start(chat, activity);
        }
        outcome
    }

    async fn show(self: &Arc<Self>, delivery: &Delivery, parts: &[Part], aim: Aim) -> Result<Outcome, Outcome> {
        let mut half = self.ledger.half_sent(&delivery.id);
        if let Some(target) = &delivery.edit
            && half.parts == 0
        {
            if let Some(outcome) = self.edit(target, parts, aim).await? {
                return Ok(outcome);
            }
            self.retire(aim, target);
        }
        for (at, part) in parts.iter().enumerate().skip(half.parts) {
            if let Part::Album { pictures, caption } = part {
                let sent = self.send_album(pictures, caption, aim).await?;
                half.album_file_ids.extend(sent.file_ids);
                half = HalfSent {
                    parts: at + 1,
                    message_ref: sent.message_ref,
                    ..half
                };
            } else {
                let sent = match (self.send(part, aim).await, part) {
                    // What can't be passed on is told of.
                    (Err(Outcome::Rejected { reason }), Part::Copy { from, caption, markup }) if from.text_suffices => {
                        debug!(
                            delivery = delivery.id,
                            reason, "a message can't be copied, its text goes alone"
                        );
                        if at + 1 < parts.len() {
                            continue;
                        }
                        let text = Part::Text {
                            text: caption.clone(),
                            markup: markup.clone(),
                        };
                        self.send(&text, aim).await?
                    }
                    (sent, _) => sent?,
                };
                half = HalfSent {
                    parts: at + 1,
                    message_ref: sent.message_id.to_string(),
                    external_file_id: sent.document.map(|document| document.file_id).or(half.external_file_id),
                    ..half
                };
            }
            if half.parts < parts.len() {
                self.ledger.remember_half_sent(&delivery.id, half.clone());
            }
        }
        let known = delivery
            .content
            .file
            .as_ref()
            .and_then(|file| file.external_file_id.as_ref());
        let album = &delivery.content.album;
        let are_known = album
            .iter()
            .map(|picture| picture.external_file_id.as_ref())
            .eq(half.album_file_ids.iter().map(Some));
        // Fewer ids than pictures would be kept for the wrong ones.
        let is_news = half.album_file_ids.len() == album.len() && !are_known;
        Ok(Outcome::Sent {
            message_ref: half.message_ref,
            external_file_id: half.external_file_id.filter(|id| Some(id) != known),
            album_file_ids: if is_news { half.album_file_ids } else { Vec::new() },
        })
    }

    /// `None`: this message can't be changed so, a new one must be sent.
    async fn edit(&self, target: &str, parts: &[Part], aim: Aim) -> Result<Option<Outcome>, Outcome> {
        let (Ok(message), true, [Part::Text { text, markup }]) =
            (target.parse::<i32>(), render::fits_an_edit(parts), parts)
        else {
            return Ok(None);
        };
        let mut payload = EditMessageText::new(aim.chat, MessageId(message), &text.text)
            .entities(text.entities.iter().cloned())
            .link_preview_options(no_preview());
        // Without buttons the edit takes the old ones off by itself.
        if let Some(ReplyMarkup::InlineKeyboard(buttons)) = markup {
            payload = payload.reply_markup(buttons.clone());
        }
        let aim = Aim {
            is_repeatable: true,
            ..aim
        };
        match self.write(aim, || self.telegram.call::<_, Value>(&payload)).await {
            Ok(_) | Err(Verdict::NotModified) => Ok(Some(Outcome::Sent {
                message_ref: target.to_owned(),
                external_file_id: None,
                album_file_ids: Vec::new(),
            })),
            Err(Verdict::CannotEdit) => Ok(None),
            Err(verdict) => Err(fate(verdict)),
        }
    }

    async fn send(&self, part: &Part, aim: Aim) -> Result<SentMessage, Outcome> {
        match part {
            Part::Text { text, markup } => {
                let mut payload = SendMessage::new(aim.chat, &text.text)
                    .entities(text.entities.iter().cloned())
                    .link_preview_options(no_preview());
                payload.reply_markup.clone_from(markup);
                self.write(aim, || self.telegram.call(&payload)).await.map_err(fate)
            }
            Part::Document { file, caption, markup } => self.send_document(file, caption, markup.as_ref(), aim).await,
            Part::Copy { from, caption, markup } => self.copy(from, caption, markup.as_ref(), aim).await,
            Part::Invoice { invoice, markup } => self.send_invoice(invoice, markup, aim).await,
            Part::Album { .. } => Err(rejected("an album is sent by itself")),
        }
    }

    async fn copy(
        &self,
        from: &MessageCopy,
        caption: &Styled,
        markup: Option<&ReplyMarkup>,
        aim: Aim,
    ) -> Result<SentMessage, Outcome> {
        let (Ok(chat), Ok(message)) = (from.address.parse(), from.message_ref.parse()) else {
            return Err(rejected("what is to be copied is not a message of Telegram's"));
        };
        let mut payload = CopyMessage::new(aim.chat, ChatId(chat), MessageId(message));
        if !caption.text.is_empty() {
            payload = payload
                .caption(&caption.text)
                .caption_entities(caption.entities.iter().cloned());
        }
        payload.reply_markup = markup.cloned();
        self.write(aim, || self.telegram.call(&payload)).await.map_err(fate)
    }

    async fn send_document(
        &self,
        file: &FileRef,
        caption: &Styled,
        markup: Option<&ReplyMarkup>,
        aim: Aim,
    ) -> Result<SentMessage, Outcome> {
        let payload = |id: &str| {
            let mut payload = SendDocument::new(aim.chat, InputFile::file_id(FileId(id.to_owned())));
            if !caption.text.is_empty() {
                payload = payload
                    .caption(&caption.text)
                    .caption_entities(caption.entities.iter().cloned());
            }
            payload.reply_markup = markup.cloned();
            payload
        };
        if let Some(id) = &file.external_file_id {
            let payload = payload(id);
            match self.write(aim, || self.telegram.call(&payload)).await {
                Err(Verdict::FileRefused) => debug!(file = file.id, "the known file id is refused, uploading"),
                result => return result.map_err(fate),
            }
        }
        self.activities.start(aim.chat.0, Activity::UploadDocument);
        let payload = payload("");
        let sent = self.write(aim, || self.upload(&payload, file)).await.map_err(fate);
        self.activities.stop(aim.chat.0);
        sent
    }

    /// Streams the bytes from the CRM to Telegram; each try reads them anew.
    async fn upload(&self, payload: &SendDocument, file: &FileRef) -> Result<SentMessage, TelegramError> {
        let bytes = self.crm.file(&file.id).await.map_err(|error| match error {
            CrmError::Refused { status, code } => TelegramError::Refused {
                code: 400,
                description: format!("the CRM doesn't give the file: {status} {code}"),
            },
            other => TelegramError::NotReachable(other.to_string()),
        })?;
        let part = match bytes.content_length() {
            Some(length) => FormPart::stream_with_length(bytes, length),
            None => FormPart::stream(bytes),
        };
        let part = part
            .file_name(safe_name(&file.file_name))
            .mime_str(&file.mime_type)
            .map_err(|_| TelegramError::Refused {
                code: 400,
                description: "the file's type is not a MIME type".to_owned(),
            })?;
        self.telegram.upload(payload, part).await
    }

    /// One call under the rate limit. Pauses that Telegram asks for are waited out while the delivery is ours; longer
    /// ones are given back to the CRM.
    pub(super) async fn write<T, F>(&self, aim: Aim, mut call: impl FnMut() -> F) -> Result<T, Verdict>
    where
        F: Future<Output = Result<T, TelegramError>>,
    {
        let mut quick = Backoff::new(Duration::from_millis(400), Duration::from_secs(2));
        loop {
            let turn = self
                .limiter
                .acquire_many(aim.chat.0, aim.messages, aim.urgency, aim.until);
            let turn = tokio::select! {
                turn = turn => turn,
                () = self.give_back.cancelled() => Err(Instant::now()),
            };
            if let Err(opens) = turn {
                let wait = opens.saturating_duration_since(Instant::now());
                return Err(Verdict::Final(retry_after(
                    wait,
                    "no room under the rate limit in time",
                )));
            }
            let permit = self.in_flight.acquire().await;
            let error = match call().await {
                Ok(done) => return Ok(done),
                Err(error) => error,
            };
            drop(permit);
            let is_harmless = match error {
                TelegramError::NotReachable(_) => true,
                TelegramError::Unclear(_) => aim.is_repeatable,
                _ => false,
            };
            if is_harmless && quick.tries() < QUICK_TRIES && !self.give_back.is_cancelled() {
                tokio::time::sleep(quick.next_wait()).await;
                continue;
            }
            match verdict(&error, aim.attempt) {
                Verdict::Wait(pause) => {
                    self.status.floods.add();
                    self.limiter.flooded(aim.chat.0, pause);
                    if Instant::now() + pause > aim.until {
                        return Err(Verdict::Final(retry_after(pause, "Telegram asks to wait")));
                    }
                }
                verdict => return Err(verdict),
            }
        }
    }

    /// Takes the buttons off an old message, beside everything else; nobody is told if that fails.
    fn retire(self: &Arc<Self>, aim: Aim, target: &str) {
        let Ok(message) = target.parse::<i32>() else {
            return;
        };
        let inner = Arc::clone(self);
        self.tracker.spawn(async move {
            let until = Instant::now() + RETIRE_PATIENCE;
            if inner.limiter.acquire(aim.chat.0, Urgency::Queue, until).await.is_err() {
                return;
            }
            let none: [[_; 0]; 0] = [];
            let payload =
                EditMessageReplyMarkup::new(aim.chat, MessageId(message)).reply_markup(InlineKeyboardMarkup::new(none));
            if let Err(error) = inner.telegram.call::<_, Value>(&payload).await {
                if let TelegramError::TooMany { retry_after } = error {
                    inner.limiter.flooded(aim.chat.0, retry_after);
                }
                debug!(%error, "old buttons stay");
            }
        });
    }
}

/// Answers that only mean something for an edit or a file id are refusals anywhere else.
pub(super) fn fate(verdict: Verdict) -> Outcome {
    match verdict {
        Verdict::Final(outcome) => outcome,
        Verdict::Wait(pause) => retry_after(pause, "Telegram asks to wait"),
        Verdict::FileRefused => rejected("Telegram refuses the file"),
        Verdict::NotModified | Verdict::CannotEdit => retry_later(1, "an unexpected answer of Telegram's".to_owned()),
    }
}

pub(super) fn rejected(reason: &str) -> Outcome {
    Outcome::Rejected {
        reason: reason.to_owned(),
    }
}

/// Links in our texts are for pressing; a preview would push the buttons off the screen.
fn no_preview() -> LinkPreviewOptions {
    LinkPreviewOptions {
        is_disabled: true,
        url: None,
        prefer_small_media: false,
        prefer_large_media: false,
        show_above_text: false,
    }
}

/// A name that travels in a header and lands on a phone's disk.
pub(super) fn safe_name(name: &str) -> Cow<'static, str> {
    let clean: String = name
        .chars()
        .map(|letter| match letter {
            '/' | '\\' | '"' | ':' | '*' | '?' | '<' | '>' | '|' => '_',
            other if other.is_control() => '_',
            other => other,
        })
        .collect();
    if clean.trim().is_empty() {
        return Cow::Borrowed("document");
    }
    Cow::Owned(clean)
}
