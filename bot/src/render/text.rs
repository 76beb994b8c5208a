//! Styled text with its entities, counted as Telegram counts: in UTF-16 units.

use std::ops::Range;

use api_types::conversation::{Span, Style};
use teloxide::types::{MessageEntity, MessageEntityKind};
use url::Url;

pub const TEXT_LIMIT: usize = 4096;
pub const CAPTION_LIMIT: usize = 1024;

/// Shapes: entities lie inside the text, don't overlap and are in order. Units: UTF-16.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Styled {
    pub text: String,
    pub entities: Vec<MessageEntity>,
}

impl Styled {
    pub fn from_spans(spans: &[Span]) -> Self {
        let mut styled = Self::default();
        let mut offset = 0;
        for span in spans {
            let length = utf16_len(&span.text);
            styled.text.push_str(&span.text);
            if length > 0
                && let Some(kind) = entity_kind(&span.style)
            {
                styled.entities.push(MessageEntity::new(kind, offset, length));
            }
            offset += length;
        }
        styled
    }

    pub fn len_utf16(&self) -> usize {
        utf16_len(&self.text)
    }

    /// Cuts at paragraphs, else lines, else words, else letters. White space at the cuts and at both ends goes, as
    /// Telegram would strip it anyway and move the entities.
    /// Shapes: no part is empty or longer than `limit`; no part at all if there is nothing but white space.
    pub fn split(&self, limit: usize) -> Vec<Self> {
        let mut parts = Vec::new();
        let mut start = skip_blank(&self.text, 0);
        while start < self.text.len() {
            let rest = self.text.get(start..).unwrap_or_default();
            let cut = start + cut_point(rest, limit);
            let piece = self.text.get(start..cut).unwrap_or_default();
            let end = start + piece.trim_end().len();
            if end > start {
                parts.push(self.slice(start..end));
            }
            start = skip_blank(&self.text, cut);
        }
        parts
    }

    /// `range` in bytes, on borders of letters.
    fn slice(&self, range: Range<usize>) -> Self {
        let text = self.text.get(range.clone()).unwrap_or_default().to_owned();
        let from = utf16_len(self.text.get(..range.start).unwrap_or_default());
        let to = from + utf16_len(&text);
        let entities = self.entities.iter().filter_map(|entity| {
            let start = entity.offset.max(from);
            let end = (entity.offset + entity.length).min(to);
            (start < end).then(|| MessageEntity::new(entity.kind.clone(), start - from, end - start))
        });
        Self {
            entities: entities.collect(),
            text,
        }
    }
}

fn entity_kind(style: &Style) -> Option<MessageEntityKind> {
    match style {
        Style::Plain => None,
        Style::Bold => Some(MessageEntityKind::Bold),
        Style::Italic => Some(MessageEntityKind::Italic),
        Style::Code => Some(MessageEntityKind::Code),
        // A link that isn't one is better shown as plain text than not at all.
        Style::Link { url } => Url::parse(url).ok().map(|url| MessageEntityKind::TextLink { url }),
    }
}

fn utf16_len(text: &str) -> usize {
    text.chars().map(char::len_utf16).sum()
}

fn skip_blank(text: &str, from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    from + (rest.len() - rest.trim_start().len())
}

/// Bytes of `text` that go into this part: all of it if it fits, else up to the best border in its second half.
fn cut_point(text: &str, limit: usize) -> usize {
    let mut units = 0;
    let (mut paragraph, mut line, mut word) = (None, None, None);
    let mut letter_end = 0;
    let mut previous = ' ';
    for (at, letter) in text.char_indices() {
        // A border is judged where it begins, so that the white space itself need not fit.
        if units * 2 >= limit && letter.is_whitespace() {
            word = Some(at);
            if letter == '\n' {
                line = Some(at);
                if previous == '\n' {
                    paragraph = Some(at);
                }
            }
        }
        units += letter.len_utf16();
        if units > limit {
            let at_least = text.chars().next().map_or(0, char::len_utf8);
            return paragraph.or(line).or(word).unwrap_or(letter_end).max(at_least);
        }
        letter_end = at + letter.len_utf8();
        previous = letter;
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn span(text: &str, style: Style) -> Span {
        Span {
            text: text.to_owned(),
            style,
        }
    }

    #[test]
    fn offsets_count_utf16_units() {
        let styled = Styled::from_spans(&[
            span("💪 Привет, ", Style::Plain),
            span("Анна", Style::Bold),
            span("! ", Style::Plain),
            span(
                "сайт",
                Style::Link {
                    url: "https://example.com".to_owned(),
                },
            ),
            span(
                "?",
                Style::Link {
                    url: "nonsense".to_owned(),
                },
            ),
        ]);
        assert_eq!(styled.text, "💪 Привет, Анна! сайт?");
        let places: Vec<_> = styled.entities.iter().map(|e| (e.offset, e.length)).collect();
        assert_eq!(places, [(11, 4), (17, 4)]);
    }

    #[test]
    fn cuts_prefer_paragraphs_then_lines_then_words() {
        let texts = |text: &str, limit| -> Vec<String> {
            let styled = Styled::from_spans(&[span(text, Style::Plain)]);
            styled.split(limit).into_iter().map(|part| part.text).collect()
        };
        assert_eq!(texts("один два\n\nтри четыре", 15), ["один два", "три четыре"]);
        assert_eq!(texts("один два\nтри четыре", 15), ["один два", "три четыре"]);
        assert_eq!(texts("один два три четыре", 15), ["один два три", "четыре"]);
        assert_eq!(texts("нетпробелов", 4), ["нетп", "робе", "лов"]);
        assert_eq!(texts("💪💪💪", 3), ["💪", "💪", "💪"], "a surrogate pair is never torn");
        assert_eq!(texts("  весь  ", 100), ["весь"]);
        assert_eq!(texts(" \n ", 100), [] as [&str; 0]);
    }

    #[test]
    fn a_long_bold_run_stays_bold_in_every_part() {
        let styled = Styled::from_spans(&[span("a ", Style::Plain), span(&"жир ".repeat(2000), Style::Bold)]);
        let parts = styled.split(TEXT_LIMIT);
        assert_eq!(parts.len(), 2);
        for part in &parts {
            let [bold] = &part.entities[..] else { panic!("{part:?}") };
            assert_eq!(bold.offset + bold.length, part.len_utf16());
        }
        assert_eq!((parts[0].entities[0].offset, parts[1].entities[0].offset), (2, 0));
    }

    fn any_span() -> impl Strategy<Value = Span> {
        let letters = prop_oneof![
            4 => prop::sample::select(vec!["а", "b", "слово", "💪", "👩‍🚀", "\u{202e}x", "é"]),
            2 => Just(" "),
            1 => prop::sample::select(vec!["\n", "\n\n", "\t"]),
        ];
        let text = prop::collection::vec(letters, 0..12).prop_map(|letters| letters.concat());
        let style = prop::sample::select(vec![Style::Plain, Style::Bold, Style::Italic, Style::Code]);
        (text, style).prop_map(|(text, style)| Span { text, style })
    }

    /// What a person sees: each letter that is not white space with its style.
    fn letters(styled: &Styled) -> Vec<(u16, Option<MessageEntityKind>)> {
        styled
            .text
            .encode_utf16()
            .enumerate()
            .map(|(at, unit)| {
                let kind = styled
                    .entities
                    .iter()
                    .find(|e| (e.offset..e.offset + e.length).contains(&at))
                    .map(|e| e.kind.clone());
                (unit, kind)
            })
            .filter(|(unit, _)| !char::from_u32(u32::from(*unit)).is_some_and(char::is_whitespace))
            .collect()
    }

    proptest! {
        #[test]
        fn splitting_loses_nothing_and_fits(spans in prop::collection::vec(any_span(), 0..20), limit in 2usize..60) {
            let whole = Styled::from_spans(&spans);
            let parts = whole.split(limit);
            for part in &parts {
                prop_assert!(part.len_utf16() <= limit);
                prop_assert!(!part.text.trim().is_empty());
                prop_assert_eq!(part.text.trim(), &part.text);
                let mut end = 0;
                for entity in &part.entities {
                    prop_assert!(entity.length > 0 && entity.offset >= end);
                    end = entity.offset + entity.length;
                }
                prop_assert!(end <= part.len_utf16());
            }
            let shown: Vec<_> = parts.iter().flat_map(letters).collect();
            prop_assert_eq!(shown, letters(&whole));
        }
    }
}
