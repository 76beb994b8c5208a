//! What is shown to a person, without a word about the messenger that shows it.

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::money::Money;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Content {
    pub text: Vec<Span>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub buttons: Vec<Vec<Button>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Progress>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file: Option<FileRef>,
    /// Pictures shown together; buttons beside them stand under the text.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub album: Vec<FileRef>,
    /// A message of somebody's that goes along with the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub copy: Option<MessageCopy>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keyboard: Vec<Vec<String>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub activity: Option<Activity>,
    /// A bill that the messenger itself lets people pay; it stands in the place of the text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub invoice: Option<Invoice>,
    /// No message at all: the messenger gives its own currency back to somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub give_back: Option<GiveBack>,
    /// No message at all either: the messenger's own list of its currency is read out to us.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub list_stars: Option<ListStars>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invoice {
    /// At most 32 characters.
    pub title: String,
    /// At most 255 characters.
    pub description: String,
    /// Ours; it comes back with the payment.
    pub payload: String,
    pub amount: Money,
    /// On the button that pays; it stands above all others.
    pub button: String,
    /// What the bank behind the messenger wants to know, in its own form, as JSON text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub provider_data: Option<String>,
    /// The payer leaves an e-mail address, and the bank gets it.
    #[serde(default)]
    pub needs_email: bool,
}

/// Of a payment in the messenger's own currency; always all of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct GiveBack {
    /// The account that paid.
    pub payer: String,
    /// The messenger's id of the payment.
    pub charge: String,
}

/// A page of the list, which is told oldest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListStars {
    /// Lines to leave out.
    pub offset: u32,
    pub limit: u8,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Span {
    pub text: String,
    #[serde(default)]
    pub style: Style,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Style {
    #[default]
    Plain,
    Bold,
    Italic,
    Code,
    Link {
        url: String,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Button {
    pub label: String,
    pub press: Press,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Press {
    Action { action: String },
    Url { url: String },
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Progress {
    pub current: u32,
    pub total: u32,
    pub language: Language,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    pub id: String,
    pub file_name: String,
    pub mime_type: String,
    pub size: u64,
}

/// A message that came from outside and is passed on as it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MessageCopy {
    pub address: String,
    pub message_ref: String,
    /// Messages of this kind can carry a caption.
    pub has_caption: bool,
    /// When it can't be passed on, the text alone will do.
    pub text_suffices: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Activity {
    Typing,
    UploadDocument,
}

impl Button {
    pub fn action(label: impl Into<String>, action: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            press: Press::Action { action: action.into() },
        }
    }

    pub fn url(label: impl Into<String>, url: impl Into<String>) -> Self {
        Self {
            label: label.into(),
            press: Press::Url { url: url.into() },
        }
    }
}

impl Content {
    pub fn text(spans: Vec<Span>) -> Self {
        Self {
            text: spans,
            ..Self::default()
        }
    }

    pub fn with_row(mut self, row: Vec<Button>) -> Self {
        self.buttons.push(row);
        self
    }

    #[must_use]
    pub fn without_empty_rows(mut self) -> Self {
        self.buttons.retain(|row| !row.is_empty());
        self
    }

    /// The text alone, as the timeline and the message log keep it.
    pub fn plain_text(&self) -> String {
        self.text.iter().map(|span| span.text.as_str()).collect()
    }
}

/// Renders a text of the catalogue: `*bold*`, `_italic_`, `[label](url)` and `{placeholder}`.
///
/// Values are put in after the mark-up is understood, so what a person typed can never become mark-up.
/// An unknown placeholder stays visible: a wrong text should be seen, not vanish.
pub fn rich(template: &str, values: &[(&str, &str)]) -> Vec<Span> {
    let mut spans = Vec::new();
    let mut rest = template;
    let mut plain = String::new();
    while let Some(character) = rest.chars().next() {
        if let Some((span, after)) = styled(rest) {
            if !plain.is_empty() {
                spans.push(Span {
                    text: substitute(&std::mem::take(&mut plain), values),
                    style: Style::Plain,
                });
            }
            let style = match span.style {
                Style::Link { url } => Style::Link {
                    url: substitute(&url, values),
                },
                other => other,
            };
            spans.push(Span {
                text: substitute(&span.text, values),
                style,
            });
            rest = after;
        } else {
            plain.push(character);
            rest = rest.get(character.len_utf8()..).unwrap_or_default();
        }
    }
    if !plain.is_empty() {
        spans.push(Span {
            text: substitute(&plain, values),
            style: Style::Plain,
        });
    }
    spans
}

fn styled(text: &str) -> Option<(Span, &str)> {
    let delimited = |mark: char, style: Style| -> Option<(Span, &str)> {
        let (inside, after) = text.strip_prefix(mark)?.split_once(mark)?;
        let is_phrase =
            !inside.is_empty() && !inside.contains('\n') && !inside.starts_with(' ') && !inside.ends_with(' ');
        is_phrase.then(|| {
            (
                Span {
                    text: inside.to_owned(),
                    style,
                },
                after,
            )
        })
    };
    match text.chars().next()? {
        '*' => delimited('*', Style::Bold),
        '_' => delimited('_', Style::Italic),
        '[' => {
            let (label, rest) = text.strip_prefix('[')?.split_once("](")?;
            let (url, after) = rest.split_once(')')?;
            let is_link = !label.contains(['\n', '[']) && !url.contains(char::is_whitespace);
            is_link.then(|| {
                (
                    Span {
                        text: label.to_owned(),
                        style: Style::Link { url: url.to_owned() },
                    },
                    after,
                )
            })
        }
        _ => None,
    }
}

fn substitute(text: &str, values: &[(&str, &str)]) -> String {
    let mut result = String::with_capacity(text.len());
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('{') {
        result.push_str(before);
        let known = after.split_once('}').and_then(|(name, tail)| {
            values
                .iter()
                .find(|(key, _)| *key == name)
                .map(|(_, value)| (*value, tail))
        });
        match known {
            Some((value, tail)) => {
                result.push_str(value);
                rest = tail;
            }
            None => {
                result.push('{');
                rest = after;
            }
        }
    }
    result.push_str(rest);
    result
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn plain(text: &str) -> Span {
        Span {
            text: text.into(),
            style: Style::Plain,
        }
    }

    #[test]
    fn markup_becomes_spans() {
        assert_eq!(
            rich(
                "Привет, *{name}*! [Документ]({url})",
                &[("name", "Анна"), ("url", "https://a.b")]
            ),
            [
                plain("Привет, "),
                Span {
                    text: "Анна".into(),
                    style: Style::Bold
                },
                plain("! "),
                Span {
                    text: "Документ".into(),
                    style: Style::Link {
                        url: "https://a.b".into()
                    }
                },
            ]
        );
    }

    #[test]
    fn what_a_person_typed_never_becomes_markup() {
        assert_eq!(
            rich("{name}", &[("name", "*Bob* {name} [x](y)")]),
            [plain("*Bob* {name} [x](y)")]
        );
    }

    #[test]
    fn lone_marks_and_unknown_placeholders_stay_visible() {
        assert_eq!(rich("3 * 4 {nope} _", &[]), [plain("3 * 4 {nope} _")]);
    }

    proptest! {
        #[test]
        fn any_template_and_value_renders(template in ".{0,80}", value in ".{0,40}") {
            let spans = rich(&template, &[("name", &value)]);
            let are_whole = spans.iter().all(|span| !span.text.is_empty() || template.contains("{name}"));
            prop_assert!(are_whole);
        }
    }
}
