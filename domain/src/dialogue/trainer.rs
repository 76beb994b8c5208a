//! The trainer's side of the chat: notices with buttons, and words that go back to a client.

use serde::{Deserialize, Serialize};

use super::actions::TrainerAction;
use crate::content::{Button, Content, MessageCopy, Span, Style, rich};
use crate::ids::{ClientId, ProgramId};
use crate::language::Language;
use crate::texts::Texts;

/// Where the trainer is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum TrainerScene {
    #[default]
    Idle,
    /// The next words go to this client.
    Replying { client: ClientId },
    /// The next words go into this programme.
    Noting { program: ProgramId },
}

/// A client as a notice shows them.
#[derive(Debug, Clone, Copy)]
pub struct Card<'a> {
    pub client: &'a ClientId,
    pub name: &'a str,
    pub username: Option<&'a str>,
    /// Where they came from, ready to show.
    pub source: &'a str,
}

impl Card<'_> {
    fn values(&self) -> Vec<(&'static str, String)> {
        let handle = self
            .username
            .map(|username| format!(" (@{username})"))
            .unwrap_or_default();
        vec![
            ("name", format!("{}{handle}", self.name)),
            ("source", self.source.to_owned()),
        ]
    }

    fn content(&self, template: &str, more: &[(&str, &str)]) -> Content {
        let values = self.values();
        let mut all: Vec<(&str, &str)> = values.iter().map(|(key, value)| (*key, value.as_str())).collect();
        all.extend_from_slice(more);
        Content::text(rich(template, &all))
    }

    fn reply_button(&self, texts: &Texts) -> Button {
        Button::action(
            &texts.button_reply,
            TrainerAction::Reply(self.client.clone()).to_string(),
        )
    }

    pub fn new_lead(&self, texts: &Texts, lead: &crate::ids::LeadId) -> Content {
        let take = Button::action(&texts.button_take, TrainerAction::Take(lead.clone()).to_string());
        self.content(&texts.trainer_new_lead, &[])
            .with_row(vec![self.reply_button(texts), take])
    }

    /// The finished questionnaire on one card: `answers` are (label, value) in the trainer's language.
    pub fn finished(&self, texts: &Texts, answers: &[(String, String)]) -> Content {
        let mut content = self.content(&texts.trainer_finished, &[]);
        for (label, value) in answers {
            content.text.push(Span {
                text: format!("\n{label}: "),
                style: Style::Plain,
            });
            content.text.push(Span {
                text: value.clone(),
                style: Style::Bold,
            });
        }
        content.with_row(vec![self.reply_button(texts)])
    }

    /// Someone should be looked at before training; what exactly is not written down.
    pub fn red_flag(&self, texts: &Texts, run: &crate::ids::QuestionnaireId) -> Content {
        let make = Button::action(
            &texts.button_make_program,
            TrainerAction::MakeProgram(run.clone()).to_string(),
        );
        self.content(&texts.trainer_red_flag, &[])
            .with_row(vec![self.reply_button(texts)])
            .with_row(vec![make])
    }

    pub fn program_failed(&self, texts: &Texts, reason: &str, run: &crate::ids::QuestionnaireId) -> Content {
        let make = Button::action(
            &texts.button_make_program,
            TrainerAction::MakeProgram(run.clone()).to_string(),
        );
        self.content(&texts.trainer_program_failed, &[("reason", reason)])
            .with_row(vec![self.reply_button(texts)])
            .with_row(vec![make])
    }

    /// Words of a client; replying to this message answers them.
    pub fn message(&self, texts: &Texts, words: &str) -> Content {
        self.content(&texts.trainer_message, &[("text", words)])
            .with_row(vec![self.reply_button(texts)])
    }

    /// Something that is not words: the card goes along with it. `kind` is a messenger-neutral code.
    pub fn attachment(
        &self,
        texts: &Texts,
        language: Language,
        kind: &str,
        caption: &str,
        copy: MessageCopy,
    ) -> Content {
        let kind = attachment_name(language, kind);
        let content = self
            .content(&texts.trainer_attachment, &[("kind", kind), ("text", caption)])
            .with_row(vec![self.reply_button(texts)]);
        Content {
            copy: Some(copy),
            ..content
        }
    }
}

/// Whether messages of this kind have a place for words.
pub fn carries_caption(kind: &str) -> bool {
    matches!(kind, "photo" | "video" | "voice" | "document")
}

const fn attachment_name(language: Language, kind: &str) -> &'static str {
    let (ru, en) = match kind.as_bytes() {
        b"photo" => ("фото", "a photo"),
        b"video" => ("видео", "a video"),
        b"video_note" => ("видеосообщение", "a video message"),
        b"voice" => ("голосовое сообщение", "a voice message"),
        b"sticker" => ("стикер", "a sticker"),
        b"document" => ("файл", "a file"),
        b"contact" => ("контакт", "a contact"),
        b"location" => ("место на карте", "a location"),
        _ => ("вложение", "an attachment"),
    };
    match language {
        Language::Ru => ru,
        Language::En => en,
    }
}
