//! Pictures as one album: `sendMediaGroup` for two to ten, `sendPhoto` for one.
//!
//! An album is one call, so it arrives whole or not at all; only an answer that got lost makes it come twice.

use api_types::conversation::{Activity, FileRef, Outcome};
use reqwest::multipart::{Form, Part};
use serde_json::{Map, Value};
use tracing::debug;

use super::{
    Inner,
    outcome::Verdict,
    write::{Aim, fate, rejected, safe_name},
};
use crate::{
    crm::CrmError,
    render::Styled,
    telegram::{SentMessage, TelegramError},
};

/// All pictures of an album are in memory at once while they are uploaded.
const MAX_BYTES: usize = 30 * 1024 * 1024;

pub(super) struct SentAlbum {
    /// The first of its messages.
    pub(super) message_ref: String,
    /// In the order of the pictures; empty if Telegram's answer names fewer than there are.
    pub(super) file_ids: Vec<String>,
}

impl Inner {
    pub(super) async fn send_album(
        &self,
        pictures: &[FileRef],
        caption: &Styled,
        aim: Aim,
    ) -> Result<SentAlbum, Outcome> {
        let aim = Aim {
            messages: u32::try_from(pictures.len()).unwrap_or(1),
            ..aim
        };
        if pictures.iter().any(|picture| picture.external_file_id.is_some()) {
            match self.write(aim, || self.post_album(pictures, caption, aim, true)).await {
                Err(Verdict::FileRefused) => debug!("a known picture is refused, uploading all of them"),
                result => return shown(&result.map_err(fate)?, pictures.len()),
            }
        }
        self.activities.start(aim.chat.0, Activity::UploadDocument);
        let sent = self.write(aim, || self.post_album(pictures, caption, aim, false)).await;
        self.activities.stop(aim.chat.0);
        shown(&sent.map_err(fate)?, pictures.len())
    }

    async fn post_album(
        &self,
        pictures: &[FileRef],
        caption: &Styled,
        aim: Aim,
        by_known_ids: bool,
    ) -> Result<Vec<SentMessage>, TelegramError> {
        let mut form = Form::new().text("chat_id", aim.chat.0.to_string());
        let mut media = Vec::with_capacity(pictures.len());
        let mut left = MAX_BYTES;
        let is_alone = pictures.len() == 1;
        for (at, picture) in pictures.iter().enumerate() {
            let name = if is_alone {
                "photo".to_owned()
            } else {
                format!("page{at}")
            };
            let mut item = Map::new();
            item.insert("type".to_owned(), "photo".into());
            match &picture.external_file_id {
                Some(id) if by_known_ids => {
                    item.insert("media".to_owned(), id.as_str().into());
                    if is_alone {
                        form = form.text(name, id.clone());
                    }
                }
                _ => {
                    let part = Part::bytes(self.picture(picture, &mut left).await?)
                        .file_name(safe_name(&picture.file_name))
                        .mime_str(&picture.mime_type)
                        .map_err(|_| unsendable("the picture's type is not a MIME type"))?;
                    item.insert("media".to_owned(), format!("attach://{name}").into());
                    form = form.part(name, part);
                }
            }
            if at == 0 && !caption.text.is_empty() {
                let entities = serde_json::to_value(&caption.entities).unwrap_or_default();
                if is_alone {
                    form = form
                        .text("caption", caption.text.clone())
                        .text("caption_entities", entities.to_string());
                }
                item.insert("caption".to_owned(), caption.text.as_str().into());
                item.insert("caption_entities".to_owned(), entities);
            }
            media.push(Value::Object(item));
        }
        if is_alone {
            let sent: SentMessage = self.telegram.post_form("SendPhoto", form).await?;
            return Ok(vec![sent]);
        }
        let form = form.text("media", Value::Array(media).to_string());
        self.telegram.post_form("SendMediaGroup", form).await
    }

    async fn picture(&self, picture: &FileRef, left: &mut usize) -> Result<Vec<u8>, TelegramError> {
        let response = self.crm.file(&picture.id).await.map_err(|error| match error {
            CrmError::Refused { status, code } => {
                unsendable(&format!("the CRM doesn't give a picture: {status} {code}"))
            }
            other => TelegramError::NotReachable(other.to_string()),
        })?;
        let bytes = response
            .bytes()
            .await
            .map_err(|error| TelegramError::NotReachable(crate::crm::describe(&error)))?;
        *left = left
            .checked_sub(bytes.len())
            .ok_or_else(|| unsendable("the album is too large"))?;
        Ok(bytes.into())
    }
}

fn unsendable(description: &str) -> TelegramError {
    TelegramError::Refused {
        code: 400,
        description: description.to_owned(),
    }
}

fn shown(sent: &[SentMessage], pictures: usize) -> Result<SentAlbum, Outcome> {
    let Some(first) = sent.first() else {
        return Err(rejected("Telegram took an album and names no message of it"));
    };
    let file_ids: Vec<String> = sent
        .iter()
        .filter_map(|one| one.photo_id().map(str::to_owned))
        .collect();
    Ok(SentAlbum {
        message_ref: first.message_id.to_string(),
        file_ids: if file_ids.len() == pictures {
            file_ids
        } else {
            Vec::new()
        },
    })
}
