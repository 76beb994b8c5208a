//! `parse_mode=MarkdownV2` (and the legacy `Markdown`), after the official server's rules and error sentences.

use super::{
    entities::{Entity, EntityKind, FormattedText},
    html::link,
};

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mark {
    Bold,
    Italic,
    Underline,
    Strikethrough,
    Spoiler,
    Code,
    Pre,
    TextUrl,
    CustomEmoji,
    BlockQuote,
}

impl Mark {
    fn server_name(self) -> &'static str {
        match self {
            Self::Bold => "Bold",
            Self::Italic => "Italic",
            Self::Underline => "Underline",
            Self::Strikethrough => "Strikethrough",
            Self::Spoiler => "Spoiler",
            Self::Code => "Code",
            Self::Pre => "PreCode",
            Self::TextUrl => "TextUrl",
            Self::CustomEmoji => "CustomEmoji",
            Self::BlockQuote => "BlockQuote",
        }
    }

    fn end(self) -> &'static str {
        match self {
            Self::Bold => "*",
            Self::Italic => "_",
            Self::Underline => "__",
            Self::Strikethrough => "~",
            Self::Spoiler => "||",
            Self::Code => "`",
            Self::Pre => "```",
            Self::TextUrl | Self::CustomEmoji => "]",
            Self::BlockQuote => "\n",
        }
    }
}

struct Open {
    mark: Mark,
    language: Option<String>,
    offset: usize,
    byte: usize,
    source_byte: usize,
}

struct Parser<'a> {
    source: &'a str,
    at: usize,
    text: String,
    offset: usize,
    entities: Vec<Entity>,
    open: Vec<Open>,
    expandable: bool,
}

impl<'a> Parser<'a> {
    fn new(source: &'a str) -> Self {
        Self {
            source,
            at: 0,
            text: String::new(),
            offset: 0,
            entities: Vec::new(),
            open: Vec::new(),
            expandable: false,
        }
    }

    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn push(&mut self, character: char) {
        self.text.push(character);
        self.offset += character.len_utf16();
    }

    fn begin(&mut self, mark: Mark, marker_length: usize, language: Option<String>) {
        self.open.push(Open {
            mark,
            language,
            offset: self.offset,
            byte: self.text.len(),
            source_byte: self.at,
        });
        self.at += marker_length;
    }

    fn add(&mut self, kind: EntityKind, from: usize) {
        if self.offset > from {
            self.entities.push(Entity {
                kind,
                offset: from,
                length: self.offset - from,
            });
        }
    }

    fn finish(self) -> FormattedText {
        FormattedText {
            text: self.text,
            entities: self.entities,
        }
    }

    /// The address in `(…)` right after `]`; `\` escapes inside. `None` when no parenthesis follows.
    fn address(&mut self) -> Result<Option<String>, String> {
        let Some(inside) = self.rest().strip_prefix('(') else {
            return Ok(None);
        };
        let begin = self.at;
        let mut url = String::new();
        let mut characters = inside.char_indices();
        while let Some((byte, character)) = characters.next() {
            match character {
                ')' => {
                    self.at = begin + 1 + byte + 1;
                    return Ok(Some(url));
                }
                '\\' => match characters.next() {
                    Some((_, escaped)) if escaped.is_ascii() => url.push(escaped),
                    Some((_, other)) => {
                        url.push('\\');
                        url.push(other);
                    }
                    None => url.push('\\'),
                },
                other => url.push(other),
            }
        }
        Err(format!("Can't find end of a URL at byte offset {begin}"))
    }
}

/// Errors: the sentence after `can't parse entities: `.
pub fn parse_v2(source: &str) -> Result<FormattedText, String> {
    let mut parser = Parser::new(source);
    while let Some(character) = parser.rest().chars().next() {
        step_v2(&mut parser, character)?;
    }
    end_quote(&mut parser);
    if let Some(unclosed) = parser.open.last() {
        return Err(format!(
            "Can't find end of {} entity at byte offset {}",
            unclosed.mark.server_name(),
            unclosed.source_byte
        ));
    }
    Ok(parser.finish())
}

fn step_v2(parser: &mut Parser<'_>, character: char) -> Result<(), String> {
    let rest = parser.rest();
    if character == '\\' {
        let mut following = rest.chars().skip(1);
        if let Some(escaped) = following.next().filter(|next| ('\u{1}'..='~').contains(next)) {
            parser.push(escaped);
            parser.at += 2;
            return Ok(());
        }
    }
    let top = parser.open.last().map(|open| open.mark);
    if matches!(top, Some(Mark::Code | Mark::Pre)) && character != '`' {
        parser.push(character);
        parser.at += character.len_utf8();
        return Ok(());
    }
    if character == '\n' && top == Some(Mark::BlockQuote) {
        if rest.get(1..).is_some_and(|next| next.starts_with('>')) {
            parser.push('\n');
            parser.at += 2;
        } else {
            end_quote(parser);
            parser.push('\n');
            parser.at += 1;
        }
        return Ok(());
    }
    // `||` at the very end of a quotation makes it expandable instead of opening a spoiler.
    if top == Some(Mark::BlockQuote)
        && rest.starts_with("||")
        && rest
            .get(2..)
            .is_some_and(|after| after.is_empty() || after.starts_with('\n'))
    {
        parser.expandable = true;
        parser.at += 2;
        return Ok(());
    }
    if let Some(mark) = top.filter(|mark| *mark != Mark::BlockQuote) {
        let ends = match mark {
            Mark::Italic => rest.starts_with('_') && !rest.starts_with("__"),
            other => rest.starts_with(other.end()),
        };
        if ends {
            return end_mark(parser, mark);
        }
    }
    if matches!(top, Some(Mark::Code | Mark::Pre)) {
        parser.push(character);
        parser.at += 1;
        return Ok(());
    }
    let line_start = parser.text.is_empty() || parser.text.ends_with('\n');
    match character {
        '*' if rest.starts_with("**>") && parser.open.is_empty() && line_start => {
            parser.begin(Mark::BlockQuote, 3, None);
        }
        '_' if rest.starts_with("__") => parser.begin(Mark::Underline, 2, None),
        '_' => parser.begin(Mark::Italic, 1, None),
        '*' => parser.begin(Mark::Bold, 1, None),
        '~' => parser.begin(Mark::Strikethrough, 1, None),
        '|' if rest.starts_with("||") => parser.begin(Mark::Spoiler, 2, None),
        '[' => parser.begin(Mark::TextUrl, 1, None),
        '!' if rest.starts_with("![") => parser.begin(Mark::CustomEmoji, 2, None),
        '`' if rest.starts_with("```") => {
            let (language, length) = pre_language(rest.get(3..).unwrap_or_default());
            parser.begin(Mark::Pre, 3 + length, language);
        }
        '`' => parser.begin(Mark::Code, 1, None),
        '>' if parser.open.is_empty() && line_start => parser.begin(Mark::BlockQuote, 1, None),
        ']' | '(' | ')' | '>' | '#' | '+' | '-' | '=' | '|' | '{' | '}' | '.' | '!' => {
            return Err(format!(
                "Character '{character}' is reserved and must be escaped with the preceding '\\'"
            ));
        }
        other => {
            parser.push(other);
            parser.at += other.len_utf8();
        }
    }
    Ok(())
}

/// A language name stands between the back-ticks and the line's end.
fn pre_language(after: &str) -> (Option<String>, usize) {
    let end = after
        .find(|next: char| next.is_whitespace() || next == '`')
        .unwrap_or(after.len());
    let rest = after.get(end..).unwrap_or_default();
    let newline = usize::from(rest.starts_with('\n'));
    if end > 0 && newline == 1 {
        (after.get(..end).map(str::to_owned), end + newline)
    } else if end == 0 {
        (None, newline)
    } else {
        (None, 0)
    }
}

fn end_quote(parser: &mut Parser<'_>) {
    if parser.open.last().map(|open| open.mark) != Some(Mark::BlockQuote) {
        return;
    }
    if let Some(quote) = parser.open.pop() {
        let kind = if parser.expandable {
            EntityKind::ExpandableBlockquote
        } else {
            EntityKind::Blockquote
        };
        parser.expandable = false;
        parser.add(kind, quote.offset);
    }
}

fn end_mark(parser: &mut Parser<'_>, mark: Mark) -> Result<(), String> {
    let Some(opened) = parser.open.pop() else {
        return Ok(());
    };
    parser.at += mark.end().len();
    let kind = match mark {
        Mark::Bold => EntityKind::Bold,
        Mark::Italic => EntityKind::Italic,
        Mark::Underline => EntityKind::Underline,
        Mark::Strikethrough => EntityKind::Strikethrough,
        Mark::Spoiler => EntityKind::Spoiler,
        Mark::Code => EntityKind::Code,
        Mark::Pre => EntityKind::Pre {
            language: opened.language,
        },
        Mark::BlockQuote => EntityKind::Blockquote,
        Mark::TextUrl => {
            let address = match parser.address()? {
                Some(address) => address,
                None => parser.text.get(opened.byte..).unwrap_or_default().to_owned(),
            };
            match link(&address) {
                Some(kind) => kind,
                None => return Ok(()),
            }
        }
        Mark::CustomEmoji => {
            let begin = parser.at;
            let id = parser
                .address()?
                .and_then(|address| address.strip_prefix("tg://emoji?id=").map(str::to_owned))
                .ok_or_else(|| format!("Custom emoji entity must contain a tg://emoji URL at byte offset {begin}"))?;
            EntityKind::CustomEmoji { custom_emoji_id: id }
        }
    };
    parser.add(kind, opened.offset);
    Ok(())
}

/// The legacy mode: four marks, no nesting.
pub fn parse_legacy(source: &str) -> Result<FormattedText, String> {
    let mut parser = Parser::new(source);
    while let Some(character) = parser.rest().chars().next() {
        let rest = parser.rest();
        let escaped = rest
            .chars()
            .nth(1)
            .filter(|next| character == '\\' && matches!(next, '_' | '*' | '`' | '['));
        if let Some(escaped) = escaped {
            parser.push(escaped);
            parser.at += 2;
            continue;
        }
        let mark = match character {
            '_' => Mark::Italic,
            '*' => Mark::Bold,
            '`' if rest.starts_with("```") => Mark::Pre,
            '`' => Mark::Code,
            '[' => Mark::TextUrl,
            other => {
                parser.push(other);
                parser.at += other.len_utf8();
                continue;
            }
        };
        legacy_entity(&mut parser, mark)?;
    }
    Ok(parser.finish())
}

fn legacy_entity(parser: &mut Parser<'_>, mark: Mark) -> Result<(), String> {
    let begin = parser.at;
    let marker = if mark == Mark::TextUrl { "[" } else { mark.end() };
    let inside = parser.rest().get(marker.len()..).unwrap_or_default();
    let length = inside
        .find(mark.end())
        .ok_or_else(|| format!("Can't find end of the entity starting at byte offset {begin}"))?;
    let from = parser.offset;
    let content = inside.get(..length).unwrap_or_default();
    for character in content.chars() {
        parser.push(character);
    }
    parser.at += marker.len() + length + mark.end().len();
    let kind = match mark {
        Mark::Italic => EntityKind::Italic,
        Mark::Bold => EntityKind::Bold,
        Mark::Code => EntityKind::Code,
        Mark::Pre => EntityKind::Pre { language: None },
        _ => match parser.address()?.as_deref().and_then(link) {
            Some(kind) => kind,
            None => return Ok(()),
        },
    };
    parser.add(kind, from);
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn kinds(source: &str) -> Vec<(EntityKind, usize, usize)> {
        let mut entities = parse_v2(source).unwrap().entities;
        entities.sort_by_key(|entity| (entity.offset, usize::MAX - entity.length));
        entities
            .into_iter()
            .map(|entity| (entity.kind, entity.offset, entity.length))
            .collect()
    }

    #[test]
    fn marks_nest_and_escapes_are_taken_off() {
        let parsed = parse_v2(r"*жирный _и_* 5\.5 __под__ ~нет~ ||тайна|| `a.b` \\").unwrap();
        assert_eq!(parsed.text, r"жирный и 5.5 под нет тайна a.b \");
        assert_eq!(kinds("*a _b_*"), [(EntityKind::Bold, 0, 3), (EntityKind::Italic, 2, 1)]);
    }

    #[test]
    fn links_code_blocks_and_quotes() {
        assert_eq!(
            kinds(r"[a](https://x.ru/\)y)"),
            [(
                EntityKind::TextLink {
                    url: "https://x.ru/)y".into()
                },
                0,
                1
            )]
        );
        assert_eq!(
            kinds("```rust\nfn\n```"),
            [(
                EntityKind::Pre {
                    language: Some("rust".into())
                },
                0,
                3
            )]
        );
        assert_eq!(kinds(">a\n>b\nc"), [(EntityKind::Blockquote, 0, 3)]);
        assert_eq!(kinds(">a||"), [(EntityKind::ExpandableBlockquote, 0, 1)]);
    }

    #[test]
    fn reserved_characters_are_refused_in_the_servers_words() {
        for (source, error) in [
            (
                "5.5",
                "Character '.' is reserved and must be escaped with the preceding '\\'",
            ),
            ("a *b", "Can't find end of Bold entity at byte offset 2"),
            ("[a](https://x.ru", "Can't find end of a URL at byte offset 3"),
        ] {
            assert_eq!(parse_v2(source).unwrap_err(), error, "{source}");
        }
    }

    #[test]
    fn legacy_mode_knows_four_marks() {
        let parsed = parse_legacy(r"*a* _b_ `c` [d](https://x.ru) snake\_case").unwrap();
        assert_eq!(parsed.text, "a b c d snake_case");
        assert_eq!(parsed.entities.len(), 4);
        assert!(parse_legacy("snake_case").is_err());
    }
}
