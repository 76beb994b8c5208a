//! Formatted text: a plain string with entities whose offsets count UTF-16 code units, as on the wire.

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::{html, markdown};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum EntityKind {
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Spoiler,
    Blockquote,
    ExpandableBlockquote,
    Code,
    Pre {
        #[serde(default, skip_serializing_if = "Option::is_none")]
        language: Option<String>,
    },
    TextLink {
        url: String,
    },
    TextMention {
        user_id: i64,
    },
    CustomEmoji {
        custom_emoji_id: String,
    },
    BotCommand,
    Url,
    Mention,
    Hashtag,
    Email,
    PhoneNumber,
    Cashtag,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entity {
    #[serde(flatten)]
    pub kind: EntityKind,
    /// UTF-16 code units from the start of the text.
    pub offset: usize,
    /// UTF-16 code units.
    pub length: usize,
}

impl Entity {
    pub fn end(&self) -> usize {
        self.offset.saturating_add(self.length)
    }

    fn to_wire(&self) -> Value {
        match &self.kind {
            EntityKind::TextMention { user_id } => json!({
                "type": "text_mention", "offset": self.offset, "length": self.length,
                "user": {"id": user_id, "is_bot": false, "first_name": "User"},
            }),
            _ => serde_json::to_value(self).unwrap_or_default(),
        }
    }
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormattedText {
    pub text: String,
    pub entities: Vec<Entity>,
}

pub fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ParseMode {
    Html,
    MarkdownV2,
    Markdown,
}

impl ParseMode {
    /// Names are case-insensitive on the server; an unknown one is an error there too.
    pub fn named(name: &str) -> Option<Self> {
        match name.to_ascii_lowercase().as_str() {
            "html" => Some(Self::Html),
            "markdownv2" => Some(Self::MarkdownV2),
            "markdown" => Some(Self::Markdown),
            _ => None,
        }
    }
}

impl FormattedText {
    pub fn plain(text: impl Into<String>) -> Self {
        Self {
            text: text.into(),
            entities: Vec::new(),
        }
    }

    /// Errors: the sentence after `can't parse entities: ` of the Bot API.
    pub fn parse(source: &str, mode: ParseMode) -> Result<Self, String> {
        let mut parsed = match mode {
            ParseMode::Html => html::parse(source)?,
            ParseMode::MarkdownV2 => markdown::parse_v2(source)?,
            ParseMode::Markdown => markdown::parse_legacy(source)?,
        };
        parsed.tidy();
        Ok(parsed)
    }

    /// Takes the `entities` parameter of a request; what is out of range or unknown is left out, as the server does.
    pub fn with_entities(text: &str, entities: &Value) -> Self {
        let length = utf16_len(text);
        let entities = entities
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|entity| {
                let mut raw = entity.clone();
                let user_id = entity
                    .get("user")
                    .and_then(|user| user.get("id"))
                    .and_then(Value::as_i64);
                if let (Some(user_id), Some(fields)) = (user_id, raw.as_object_mut()) {
                    fields.insert("user_id".into(), json!(user_id));
                }
                serde_json::from_value::<Entity>(raw).ok()
            })
            .filter(|entity| {
                entity.length > 0
                    && entity
                        .offset
                        .checked_add(entity.length)
                        .is_some_and(|end| end <= length)
            })
            .collect();
        let mut made = Self {
            text: text.to_owned(),
            entities,
        };
        made.tidy();
        made
    }

    pub fn len_utf16(&self) -> usize {
        utf16_len(&self.text)
    }

    pub fn is_empty(&self) -> bool {
        self.text.is_empty()
    }

    pub fn entities_to_wire(&self) -> Value {
        self.entities.iter().map(Entity::to_wire).collect()
    }

    /// Telegram cuts white space from both ends and orders entities by offset, the longer first.
    fn tidy(&mut self) {
        let kept = self.text.trim_end().len();
        self.text.truncate(kept);
        let trimmed = self.text.trim_start();
        let cut = utf16_len(&self.text) - utf16_len(trimmed);
        self.text = trimmed.to_owned();
        let length = utf16_len(&self.text);
        for entity in &mut self.entities {
            let end = entity.end().saturating_sub(cut).min(length);
            entity.offset = entity.offset.saturating_sub(cut).min(length);
            entity.length = end.saturating_sub(entity.offset);
        }
        self.entities.retain(|entity| entity.length > 0);
        self.entities
            .sort_by_key(|entity| (entity.offset, usize::MAX - entity.length));
    }

    /// Adds what the clients and servers of Telegram find by themselves: commands, addresses, mentions.
    pub fn detect(&mut self) {
        let mut found = Vec::new();
        let mut offset = 0;
        let mut word = String::new();
        let mut word_offset = 0;
        for character in self.text.chars().chain(std::iter::once(' ')) {
            if character.is_whitespace() {
                if let Some(entity) = recognise(&word, word_offset) {
                    found.push(entity);
                }
                word.clear();
            } else {
                if word.is_empty() {
                    word_offset = offset;
                }
                word.push(character);
            }
            offset += character.len_utf16();
        }
        found.retain(|new| {
            !self.entities.iter().any(|old| {
                let opaque = matches!(
                    old.kind,
                    EntityKind::Code
                        | EntityKind::Pre { .. }
                        | EntityKind::TextLink { .. }
                        | EntityKind::TextMention { .. }
                        | EntityKind::Url
                        | EntityKind::BotCommand
                        | EntityKind::Mention
                        | EntityKind::Email
                );
                opaque && old.offset < new.end() && new.offset < old.end()
            })
        });
        self.entities.append(&mut found);
        self.entities
            .sort_by_key(|entity| (entity.offset, usize::MAX - entity.length));
    }
}

fn recognise(word: &str, offset: usize) -> Option<Entity> {
    let bare = word.trim_end_matches(['.', ',', '!', '?', ':', ';', ')', '»', '"']);
    let kind = if bare.starts_with("http://") || bare.starts_with("https://") {
        EntityKind::Url
    } else if let Some(command) = bare.strip_prefix('/') {
        let name = command.split('@').next().unwrap_or_default();
        let valid = !name.is_empty()
            && name.len() <= 32
            && name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_');
        valid.then_some(EntityKind::BotCommand)?
    } else if let Some(name) = bare.strip_prefix('@') {
        let valid = (4..=32).contains(&name.len())
            && name
                .chars()
                .all(|character| character.is_ascii_alphanumeric() || character == '_');
        valid.then_some(EntityKind::Mention)?
    } else {
        let (name, host) = bare.split_once('@')?;
        let valid =
            !name.is_empty() && host.contains('.') && !host.starts_with('.') && bare.is_ascii() && !host.contains('@');
        valid.then_some(EntityKind::Email)?
    };
    Some(Entity {
        kind,
        offset,
        length: utf16_len(bare),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn detects_commands_and_addresses_but_not_inside_code() {
        let mut text = FormattedText::plain("/start abc 😀 https://example.com/x, a@b.ru");
        text.detect();
        let kinds: Vec<_> = text
            .entities
            .iter()
            .map(|entity| (entity.kind.clone(), entity.offset, entity.length))
            .collect();
        assert_eq!(
            kinds,
            [
                (EntityKind::BotCommand, 0, 6),
                (EntityKind::Url, 14, 21),
                (EntityKind::Email, 37, 6)
            ]
        );
        let mut code = FormattedText::parse("<code>/start</code> /help", ParseMode::Html).unwrap();
        code.detect();
        assert_eq!(code.entities.len(), 2);
    }

    #[test]
    fn white_space_at_the_ends_is_cut_and_offsets_follow() {
        let text = FormattedText::parse("\n <b> x</b>\n", ParseMode::Html).unwrap();
        assert_eq!(text.text, "x");
        assert_eq!(
            text.entities,
            [Entity {
                kind: EntityKind::Bold,
                offset: 0,
                length: 1
            }]
        );
    }

    #[test]
    fn explicit_entities_out_of_range_are_left_out() {
        let text = FormattedText::with_entities(
            "привет",
            &json!([
                {"type": "bold", "offset": 0, "length": 6},
                {"type": "italic", "offset": 5, "length": 9},
                {"type": "text_link", "offset": 0, "length": 1, "url": "https://a.ru"},
                {"type": "of_the_future", "offset": 0, "length": 1},
            ]),
        );
        assert_eq!(text.entities.len(), 2);
    }
}
