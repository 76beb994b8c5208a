//! `parse_mode=HTML`: the rules and the error sentences follow `parse_html` of the official server.

use super::entities::{Entity, EntityKind, FormattedText};

const TAGS: [&str; 16] = [
    "a",
    "b",
    "strong",
    "i",
    "em",
    "s",
    "strike",
    "del",
    "u",
    "ins",
    "tg-spoiler",
    "tg-emoji",
    "span",
    "pre",
    "code",
    "blockquote",
];

struct Open {
    tag: String,
    argument: String,
    /// UTF-16 offset and byte offset in the output where the tag began.
    offset: usize,
    byte: usize,
}

/// A reader over the source that hands out characters with their byte offsets.
struct Reader<'a> {
    source: &'a str,
    at: usize,
}

impl<'a> Reader<'a> {
    fn rest(&self) -> &'a str {
        self.source.get(self.at..).unwrap_or_default()
    }

    fn peek(&self) -> Option<char> {
        self.rest().chars().next()
    }

    fn next(&mut self) -> Option<char> {
        let character = self.peek()?;
        self.at += character.len_utf8();
        Some(character)
    }

    fn take_while(&mut self, wanted: impl Fn(char) -> bool) -> &'a str {
        let rest = self.rest();
        let end = rest.find(|character| !wanted(character)).unwrap_or(rest.len());
        self.at += end;
        rest.get(..end).unwrap_or_default()
    }

    fn skip_spaces(&mut self) {
        self.take_while(char::is_whitespace);
    }

    /// Reads `&lt;` and friends; anything else that begins with `&` stays as it is.
    fn character_reference(&mut self) -> Option<char> {
        let rest = self.rest().strip_prefix('&')?;
        let (name_length, character) = if let Some(number) = rest.strip_prefix('#') {
            let (digits, radix, prefix) = match number.strip_prefix('x') {
                Some(hex) => (hex, 16, 2),
                None => (number, 10, 1),
            };
            let end = digits
                .find(|character: char| !character.is_digit(radix))
                .unwrap_or(digits.len());
            let code = u32::from_str_radix(digits.get(..end)?, radix).ok()?;
            (prefix + end, char::from_u32(code).filter(|code| *code != '\0')?)
        } else {
            let end = rest
                .find(|character: char| !character.is_ascii_alphabetic())
                .unwrap_or(rest.len());
            let character = match rest.get(..end)? {
                "lt" => '<',
                "gt" => '>',
                "amp" => '&',
                "quot" => '"',
                _ => return None,
            };
            (end, character)
        };
        let semicolon = usize::from(rest.get(name_length..)?.starts_with(';'));
        self.at += 1 + name_length + semicolon;
        Some(character)
    }
}

/// Errors: the sentence after `can't parse entities: `.
pub fn parse(source: &str) -> Result<FormattedText, String> {
    let mut reader = Reader { source, at: 0 };
    let mut text = String::new();
    let mut offset = 0;
    let mut entities = Vec::new();
    let mut open: Vec<Open> = Vec::new();

    while let Some(character) = reader.peek() {
        if character != '<' {
            let character = match reader.character_reference() {
                Some(decoded) => decoded,
                None => {
                    reader.next();
                    character
                }
            };
            text.push(character);
            offset += character.len_utf16();
            continue;
        }
        let begin = reader.at;
        reader.next();
        if reader.peek() == Some('/') {
            reader.next();
            let Some(opened) = open.pop() else {
                return Err(format!("Unexpected end tag at byte offset {begin}"));
            };
            let name = reader
                .take_while(|next| !next.is_whitespace() && next != '>')
                .to_ascii_lowercase();
            reader.skip_spaces();
            if reader.next() != Some('>') {
                return Err(format!("Unclosed end tag at byte offset {begin}"));
            }
            if !name.is_empty() && name != opened.tag {
                return Err(format!(
                    "Unmatched end tag at byte offset {begin}, expected \"</{}>\", found \"</{name}>\"",
                    opened.tag
                ));
            }
            if offset > opened.offset {
                let inner = text.get(opened.byte..).unwrap_or_default();
                if let Some(kind) = entity_kind(&opened.tag, &opened.argument, inner) {
                    entities.push(Entity {
                        kind,
                        offset: opened.offset,
                        length: offset - opened.offset,
                    });
                }
            }
        } else {
            let (tag, argument) = start_tag(&mut reader, begin)?;
            open.push(Open {
                tag,
                argument,
                offset,
                byte: text.len(),
            });
        }
    }
    if let Some(unclosed) = open.last() {
        return Err(format!(
            "Can't find end tag corresponding to start tag \"{}\"",
            unclosed.tag
        ));
    }
    Ok(FormattedText {
        text,
        entities: merge_pre_and_code(entities),
    })
}

fn start_tag(reader: &mut Reader<'_>, begin: usize) -> Result<(String, String), String> {
    let unclosed = || format!("Unclosed start tag at byte offset {begin}");
    let tag = reader
        .take_while(|next| !next.is_whitespace() && next != '>')
        .to_ascii_lowercase();
    if reader.peek().is_none() {
        return Err(unclosed());
    }
    if !TAGS.contains(&tag.as_str()) {
        return Err(format!("Unsupported start tag \"{tag}\" at byte offset {begin}"));
    }
    let mut argument = String::new();
    loop {
        reader.skip_spaces();
        if reader.peek() == Some('>') {
            break;
        }
        let name = reader
            .take_while(|next| !next.is_whitespace() && next != '=' && next != '>')
            .to_ascii_lowercase();
        if name.is_empty() {
            if reader.peek().is_none() {
                return Err(unclosed());
            }
            return Err(format!(
                "Empty attribute name in the tag \"{tag}\" at byte offset {begin}"
            ));
        }
        reader.skip_spaces();
        if reader.peek() != Some('=') {
            if reader.peek().is_none() {
                return Err(unclosed());
            }
            if tag == "blockquote" && name == "expandable" {
                argument = "expandable".to_owned();
            }
            continue;
        }
        reader.next();
        reader.skip_spaces();
        let value = attribute_value(reader).ok_or_else(unclosed)?;
        match (tag.as_str(), name.as_str()) {
            ("a", "href") | ("tg-emoji", "emoji-id") => argument = value,
            ("code", "class") => {
                if let Some(language) = value.strip_prefix("language-") {
                    argument = language.to_owned();
                }
            }
            ("span", "class") => argument = value,
            ("blockquote", "expandable") => argument = "expandable".to_owned(),
            _ => {}
        }
    }
    reader.next();
    if tag == "span" && argument != "tg-spoiler" {
        return Err(format!(
            "Tag \"span\" must have class \"tg-spoiler\" at byte offset {begin}"
        ));
    }
    Ok((tag, argument))
}

fn attribute_value(reader: &mut Reader<'_>) -> Option<String> {
    let quote = reader.peek()?;
    if quote != '"' && quote != '\'' {
        let value = reader.take_while(|next| !next.is_whitespace() && next != '>');
        reader.peek()?;
        return Some(value.to_owned());
    }
    reader.next();
    let mut value = String::new();
    loop {
        if let Some(decoded) = reader.character_reference() {
            value.push(decoded);
            continue;
        }
        match reader.next()? {
            end if end == quote => return Some(value),
            character => value.push(character),
        }
    }
}

fn entity_kind(tag: &str, argument: &str, inner: &str) -> Option<EntityKind> {
    Some(match tag {
        "b" | "strong" => EntityKind::Bold,
        "i" | "em" => EntityKind::Italic,
        "u" | "ins" => EntityKind::Underline,
        "s" | "strike" | "del" => EntityKind::Strikethrough,
        "tg-spoiler" | "span" => EntityKind::Spoiler,
        "blockquote" if argument.is_empty() => EntityKind::Blockquote,
        "blockquote" => EntityKind::ExpandableBlockquote,
        "pre" => EntityKind::Pre { language: None },
        // Kept as `pre` with a language until the enclosing <pre> is known.
        "code" if !argument.is_empty() => EntityKind::Pre {
            language: Some(argument.to_owned()),
        },
        "code" => EntityKind::Code,
        "tg-emoji" => EntityKind::CustomEmoji {
            custom_emoji_id: argument.to_owned(),
        },
        "a" => return link(if argument.is_empty() { inner } else { argument }),
        _ => return None,
    })
}

/// A link that is no address makes no entity; the text stays. `tg://user?id=` mentions a person.
pub fn link(address: &str) -> Option<EntityKind> {
    if let Some(id) = address.strip_prefix("tg://user?id=") {
        return id.parse().ok().map(|user_id| EntityKind::TextMention { user_id });
    }
    normal_url(address).map(|url| EntityKind::TextLink { url })
}

/// An address as Telegram's clients accept it: http, https, ton or tg, a host with a dot, a scheme added when missing.
pub fn normal_url(address: &str) -> Option<String> {
    let address = address.trim();
    let lower = address.to_ascii_lowercase();
    if lower.starts_with("tg://") || lower.starts_with("ton://") {
        return (address.len() > 6).then(|| address.to_owned());
    }
    let full = if lower.contains("://") {
        address.to_owned()
    } else {
        format!("http://{address}")
    };
    let parsed = url::Url::parse(&full).ok()?;
    let host = parsed.host_str()?;
    let acceptable = matches!(parsed.scheme(), "http" | "https")
        && host.contains('.')
        && !host.ends_with('.')
        && !full.contains(char::is_whitespace);
    acceptable.then_some(full)
}

/// `<pre><code class="language-x">` over one range is one `pre` entity with a language.
fn merge_pre_and_code(entities: Vec<Entity>) -> Vec<Entity> {
    let mut merged: Vec<Entity> = Vec::with_capacity(entities.len());
    for entity in entities {
        let same_range = |other: &Entity| {
            other.offset == entity.offset
                && other.length == entity.length
                && matches!(other.kind, EntityKind::Pre { language: Some(_) })
        };
        match entity.kind {
            EntityKind::Pre { language: None } if merged.iter().any(same_range) => {}
            _ => merged.push(entity),
        }
    }
    let enclosed: Vec<bool> = merged
        .iter()
        .map(|code| {
            code.kind != EntityKind::Code
                || !merged.iter().any(|pre| {
                    matches!(pre.kind, EntityKind::Pre { .. }) && pre.offset <= code.offset && code.end() <= pre.end()
                })
        })
        .collect();
    merged
        .into_iter()
        .zip(enclosed)
        .filter_map(|(entity, keep)| keep.then_some(entity))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bold(offset: usize, length: usize) -> Entity {
        Entity {
            kind: EntityKind::Bold,
            offset,
            length,
        }
    }

    #[test]
    fn offsets_count_utf16_units() {
        let parsed = parse("😀<b>да</b> &lt;&amp;&#33;&copy;").unwrap();
        assert_eq!(parsed.text, "😀да <&!&copy;");
        assert_eq!(parsed.entities, [bold(2, 2)]);
    }

    #[test]
    fn bad_markup_is_refused_in_the_servers_words() {
        for (source, error) in [
            ("<br>", "Unsupported start tag \"br\" at byte offset 0"),
            ("a<b>x", "Can't find end tag corresponding to start tag \"b\""),
            ("</b>", "Unexpected end tag at byte offset 0"),
            (
                "<b>x</i>",
                "Unmatched end tag at byte offset 4, expected \"</b>\", found \"</i>\"",
            ),
            ("1 < 2", "Unsupported start tag \"\" at byte offset 2"),
            ("x <b", "Unclosed start tag at byte offset 2"),
            (
                "<span>x</span>",
                "Tag \"span\" must have class \"tg-spoiler\" at byte offset 0",
            ),
        ] {
            assert_eq!(parse(source).unwrap_err(), error, "{source}");
        }
    }

    #[test]
    fn links_mentions_code_and_quotes_become_entities() {
        let parsed = parse(concat!(
            "<a href=\"https://a.ru/?x=1&amp;y=2\">a</a><a href='tg://user?id=7'>b</a>",
            "<pre><code class=\"language-rust\">c</code></pre><blockquote expandable>d</blockquote>",
            "<a href=\"nowhere\">e</a><tg-spoiler>f</tg-spoiler>"
        ))
        .unwrap();
        let kinds: Vec<_> = parsed.entities.into_iter().map(|entity| entity.kind).collect();
        assert_eq!(
            kinds,
            [
                EntityKind::TextLink {
                    url: "https://a.ru/?x=1&y=2".into()
                },
                EntityKind::TextMention { user_id: 7 },
                EntityKind::Pre {
                    language: Some("rust".into())
                },
                EntityKind::ExpandableBlockquote,
                EntityKind::Spoiler,
            ]
        );
    }
}
