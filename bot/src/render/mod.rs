//! From content to Telegram's messages. Pure: the same content always gives the same parts.

mod keyboard;
mod text;

use api_types::conversation::{Content, FileRef, Invoice, Language, MessageCopy, Progress, Span, Style};
use teloxide::types::{InlineKeyboardMarkup, ReplyMarkup};
use thiserror::Error;

pub use text::{CAPTION_LIMIT, Styled, TEXT_LIMIT};

/// One message of Telegram's.
#[derive(Debug, Clone, PartialEq)]
pub enum Part {
    Text {
        text: Styled,
        markup: Option<ReplyMarkup>,
    },
    Document {
        file: FileRef,
        /// Empty: no caption.
        caption: Styled,
        markup: Option<ReplyMarkup>,
    },
    /// Somebody's message, passed on as it is.
    Copy {
        from: MessageCopy,
        /// In place of its own; empty: it keeps its own.
        caption: Styled,
        markup: Option<ReplyMarkup>,
    },
    /// A bill that Telegram lets people pay.
    Invoice {
        invoice: Box<Invoice>,
        markup: InlineKeyboardMarkup,
    },
    /// One to ten pictures as one album; it can carry no buttons.
    Album {
        pictures: Vec<FileRef>,
        /// Under the first picture; empty: no caption.
        caption: Styled,
    },
}

/// Telegram shows ten pictures together, no more.
const MAX_ALBUM: usize = 10;

/// Content that no message can show; repeating won't help.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum Unrenderable {
    #[error("a button's action has {0} bytes, 1 to 64 are allowed")]
    ActionLength(usize),
    #[error("a button's link is not an http, https or tg address")]
    ButtonUrl,
    #[error("a button has no label")]
    NoLabel,
    #[error("{0} buttons are too many for one message")]
    TooManyButtons(usize),
    #[error("there is nothing to show")]
    Empty,
}

/// Shapes: at least one part, unless the content is nothing but an activity; buttons or keyboard hang on the last one.
/// A document carries its text as a caption if it fits there, otherwise the text follows in messages of its own. So does an
/// album, unless there are buttons: they need a text to stand under. A copied message carries the text if its kind can.
pub fn render(content: &Content) -> Result<Vec<Part>, Unrenderable> {
    if let Some(invoice) = &content.invoice {
        return Ok(vec![Part::Invoice {
            invoice: Box::new(invoice.clone()),
            markup: keyboard::under_invoice(&invoice.button, content)?,
        }]);
    }
    let mut spans: Vec<Span> = content.progress.iter().filter_map(progress_line).collect();
    spans.extend_from_slice(&content.text);
    let text = Styled::from_spans(&spans);
    let markup = keyboard::markup(content)?;

    let mut parts = Vec::new();
    let mut texts = Vec::new();
    let is_caption = content.file.is_none() && markup.is_none() && text.len_utf16() <= CAPTION_LIMIT;
    for (at, pictures) in content.album.chunks(MAX_ALBUM).enumerate() {
        let caption = if is_caption && at == 0 {
            text.split(CAPTION_LIMIT).pop().unwrap_or_default()
        } else {
            Styled::default()
        };
        parts.push(Part::Album {
            pictures: pictures.to_vec(),
            caption,
        });
    }
    if let Some(copy) = &content.copy {
        let fits = copy.has_caption && text.len_utf16() <= CAPTION_LIMIT;
        let caption = if fits {
            text.split(CAPTION_LIMIT).pop().unwrap_or_default()
        } else {
            texts = text.split(TEXT_LIMIT);
            Styled::default()
        };
        parts.push(Part::Copy {
            from: copy.clone(),
            caption,
            markup: None,
        });
    } else if let Some(file) = &content.file {
        let fits = text.len_utf16() <= CAPTION_LIMIT;
        let caption = if fits {
            text.split(CAPTION_LIMIT).pop().unwrap_or_default()
        } else {
            texts = text.split(TEXT_LIMIT);
            Styled::default()
        };
        parts.push(Part::Document {
            file: file.clone(),
            caption,
            markup: None,
        });
    } else if parts.is_empty() || !is_caption {
        texts = text.split(TEXT_LIMIT);
    }
    parts.extend(texts.into_iter().map(|text| Part::Text { text, markup: None }));

    match parts.last_mut() {
        Some(
            Part::Text { markup: last, .. } | Part::Document { markup: last, .. } | Part::Copy { markup: last, .. },
        ) => {
            *last = markup;
        }
        Some(Part::Album { .. }) if markup.is_none() => {}
        Some(Part::Album { .. }) => return Err(Unrenderable::Empty),
        None if content.activity.is_some() && markup.is_none() => {}
        // A bill was rendered by itself, above.
        Some(Part::Invoice { .. }) | None => return Err(Unrenderable::Empty),
    }
    Ok(parts)
}

/// An edit can change text and inline buttons, nothing else.
pub fn fits_an_edit(parts: &[Part]) -> bool {
    matches!(
        parts,
        [Part::Text {
            markup: None | Some(ReplyMarkup::InlineKeyboard(_)),
            ..
        }]
    )
}

const BAR_CELLS: u32 = 12;

/// `▰▰▰▱▱▱▱▱▱  Вопрос 3 из 9` above the text; a cell a step while they are few.
fn progress_line(progress: &Progress) -> Option<Span> {
    let total = progress.total;
    if total == 0 {
        return None;
    }
    let current = progress.current.clamp(1, total);
    let cells = total.min(BAR_CELLS);
    // Rounded down, so that it is full at the last step only; the first step shows already.
    let filled = (u64::from(current) * u64::from(cells) / u64::from(total)).max(1);
    let bar: String = (1..=u64::from(cells))
        .map(|cell| if cell <= filled { '▰' } else { '▱' })
        .collect();
    let label = match progress.language {
        Language::Ru => format!("Вопрос {current} из {total}"),
        Language::En => format!("Question {current} of {total}"),
    };
    Some(Span {
        text: format!("{bar}  {label}\n\n"),
        style: Style::Plain,
    })
}

#[cfg(test)]
mod tests {
    use api_types::conversation::{Activity, Button, Press};

    use super::*;

    fn plain(text: &str) -> Span {
        Span {
            text: text.to_owned(),
            style: Style::Plain,
        }
    }

    fn file() -> FileRef {
        FileRef {
            id: "file_1".to_owned(),
            file_name: "Программа Анны.pdf".to_owned(),
            mime_type: "application/pdf".to_owned(),
            size: 10,
            external_file_id: None,
        }
    }

    fn buttons() -> Vec<Vec<Button>> {
        vec![vec![Button {
            label: "Дальше".to_owned(),
            press: Press::Action {
                action: "next".to_owned(),
            },
        }]]
    }

    fn question(language: Language, current: u32, total: u32) -> String {
        let content = Content {
            text: vec![plain("?")],
            progress: Some(Progress {
                current,
                total,
                language,
            }),
            ..Content::default()
        };
        match render(&content).unwrap().as_slice() {
            [Part::Text { text, .. }] => text.text.clone(),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn progress_stands_above_the_text_in_both_languages() {
        assert_eq!(question(Language::Ru, 3, 9), "▰▰▰▱▱▱▱▱▱  Вопрос 3 из 9\n\n?");
        assert_eq!(question(Language::En, 3, 9), "▰▰▰▱▱▱▱▱▱  Question 3 of 9\n\n?");
        assert_eq!(question(Language::En, 1, 40), "▰▱▱▱▱▱▱▱▱▱▱▱  Question 1 of 40\n\n?");
        assert_eq!(question(Language::Ru, 39, 40), "▰▰▰▰▰▰▰▰▰▰▰▱  Вопрос 39 из 40\n\n?");
        assert_eq!(question(Language::Ru, 12, 5), "▰▰▰▰▰  Вопрос 5 из 5\n\n?");
        assert_eq!(question(Language::Ru, 1, 0), "?");
    }

    #[test]
    fn a_document_carries_a_short_text_and_is_followed_by_a_long_one() {
        let mut content = Content {
            text: vec![plain("Ваша программа")],
            file: Some(file()),
            buttons: buttons(),
            ..Content::default()
        };
        let parts = render(&content).unwrap();
        assert!(
            matches!(&parts[..], [Part::Document { caption, markup: Some(_), .. }] if caption.text == "Ваша программа")
        );

        content.text = vec![plain(&"слово ".repeat(1000))];
        let parts = render(&content).unwrap();
        let [
            Part::Document {
                caption, markup: None, ..
            },
            Part::Text { markup: None, .. },
            Part::Text { markup: Some(_), .. },
        ] = &parts[..]
        else {
            panic!("{parts:?}")
        };
        assert!(caption.text.is_empty());
        assert!(!fits_an_edit(&parts));
    }

    #[test]
    fn an_album_carries_a_short_text_and_buttons_stand_under_a_text_of_their_own() {
        let mut content = Content {
            text: vec![plain("Анна, версия 2")],
            album: vec![file(); 12],
            ..Content::default()
        };
        let parts = render(&content).unwrap();
        let shape: Vec<(usize, &str)> = parts
            .iter()
            .map(|part| match part {
                Part::Album { pictures, caption } => (pictures.len(), caption.text.as_str()),
                other => panic!("{other:?}"),
            })
            .collect();
        assert_eq!(shape, [(10, "Анна, версия 2"), (2, "")]);
        assert!(!fits_an_edit(&parts));

        content.album.truncate(1);
        content.buttons = buttons();
        let parts = render(&content).unwrap();
        assert!(
            matches!(&parts[..], [Part::Album { caption, .. }, Part::Text { markup: Some(_), .. }] if caption.text.is_empty()),
            "{parts:?}"
        );
        content.text = Vec::new();
        assert_eq!(render(&content), Err(Unrenderable::Empty), "buttons need a text");
        content.buttons = Vec::new();
        assert!(matches!(&render(&content).unwrap()[..], [Part::Album { .. }]));
    }

    #[test]
    fn a_copied_message_carries_the_text_if_its_kind_can() {
        let copy = |has_caption| MessageCopy {
            address: "100".to_owned(),
            message_ref: "7".to_owned(),
            has_caption,
            text_suffices: true,
        };
        let mut content = Content {
            text: vec![plain("Анна: фото")],
            copy: Some(copy(true)),
            buttons: buttons(),
            ..Content::default()
        };
        let parts = render(&content).unwrap();
        assert!(
            matches!(&parts[..], [Part::Copy { caption, markup: Some(_), .. }] if caption.text == "Анна: фото"),
            "{parts:?}"
        );
        content.copy = Some(copy(false));
        let parts = render(&content).unwrap();
        assert!(
            matches!(&parts[..], [Part::Copy { caption, markup: None, .. }, Part::Text { markup: Some(_), .. }] if caption.text.is_empty()),
            "{parts:?}"
        );
        content.copy = Some(copy(true));
        content.text = vec![plain(&"слово ".repeat(300))];
        assert!(matches!(
            render(&content).unwrap()[..],
            [Part::Copy { markup: None, .. }, Part::Text { markup: Some(_), .. }]
        ));
    }

    #[test]
    fn only_one_text_with_inline_buttons_can_be_an_edit() {
        let mut content = Content {
            text: vec![plain("?")],
            keyboard: vec![vec!["Меню".to_owned()]],
            ..Content::default()
        };
        assert!(!fits_an_edit(&render(&content).unwrap()));
        content.buttons = buttons();
        assert!(
            fits_an_edit(&render(&content).unwrap()),
            "the keyboard is ignored beside buttons"
        );
    }

    #[test]
    fn nothing_is_refused_but_a_mere_activity_is_not() {
        assert_eq!(render(&Content::default()), Err(Unrenderable::Empty));
        let mut content = Content {
            text: vec![plain(" \n ")],
            ..Content::default()
        };
        assert_eq!(render(&content), Err(Unrenderable::Empty));
        content.activity = Some(Activity::Typing);
        assert_eq!(render(&content), Ok(Vec::new()));
    }
}
