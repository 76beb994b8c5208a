//! Formatted text as safe markup for the chat page.

use super::entities::{Entity, EntityKind, FormattedText};

/// Markup that a page may put into `innerHTML`: every character of the text escaped, only known tags around it.
pub fn html(formatted: &FormattedText) -> String {
    let mut html = String::with_capacity(formatted.text.len() + 32);
    let mut opens: Vec<&Entity> = formatted.entities.iter().collect();
    opens.sort_by_key(|entity| (entity.offset, usize::MAX - entity.length));
    let mut opens = opens.into_iter().peekable();
    let mut stack: Vec<(&Entity, &'static str)> = Vec::new();
    let mut offset = 0;
    for character in formatted.text.chars() {
        close_ended(&mut html, &mut stack, offset, &formatted.text);
        while let Some(entity) = opens.next_if(|entity| entity.offset <= offset) {
            if entity.end() > offset {
                stack.push((entity, open_tag(&mut html, entity, &formatted.text)));
            }
        }
        match character {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            '\n' if !inside_pre(&stack) => html.push_str("<br>"),
            other => html.push(other),
        }
        offset += character.len_utf16();
    }
    while let Some((_, close)) = stack.pop() {
        html.push_str(close);
    }
    html
}

fn inside_pre(stack: &[(&Entity, &'static str)]) -> bool {
    stack
        .iter()
        .any(|(entity, _)| matches!(entity.kind, EntityKind::Pre { .. }))
}

/// Entities may overlap without nesting; what has not ended yet is closed and opened again.
fn close_ended(html: &mut String, stack: &mut Vec<(&Entity, &'static str)>, offset: usize, text: &str) {
    let Some(first_ended) = stack.iter().position(|(entity, _)| entity.end() <= offset) else {
        return;
    };
    let closing: Vec<_> = stack.drain(first_ended..).collect();
    for (_, close) in closing.iter().rev() {
        html.push_str(close);
    }
    for (entity, _) in closing {
        if entity.end() > offset {
            stack.push((entity, open_tag(html, entity, text)));
        }
    }
}

fn open_tag(html: &mut String, entity: &Entity, text: &str) -> &'static str {
    let (open, close): (&str, &'static str) = match &entity.kind {
        EntityKind::Bold => ("<b>", "</b>"),
        EntityKind::Italic => ("<i>", "</i>"),
        EntityKind::Underline => ("<u>", "</u>"),
        EntityKind::Strikethrough => ("<s>", "</s>"),
        EntityKind::Spoiler => ("<span class=\"spoiler\">", "</span>"),
        EntityKind::Blockquote => ("<blockquote>", "</blockquote>"),
        EntityKind::ExpandableBlockquote => ("<blockquote class=\"expandable\">", "</blockquote>"),
        EntityKind::Code => ("<code>", "</code>"),
        EntityKind::Pre { .. } => ("<pre>", "</pre>"),
        EntityKind::TextLink { url } => {
            push_link(html, url);
            return "</a>";
        }
        EntityKind::Url => {
            push_link(html, covered(text, entity));
            return "</a>";
        }
        EntityKind::BotCommand => {
            html.push_str("<a class=\"command\" href=\"#\" data-command=\"");
            push_escaped(html, covered(text, entity));
            html.push_str("\">");
            return "</a>";
        }
        EntityKind::TextMention { .. } | EntityKind::Mention => ("<span class=\"mention\">", "</span>"),
        EntityKind::CustomEmoji { .. }
        | EntityKind::Hashtag
        | EntityKind::Email
        | EntityKind::PhoneNumber
        | EntityKind::Cashtag => ("<span>", "</span>"),
    };
    html.push_str(open);
    close
}

fn covered<'a>(text: &'a str, entity: &Entity) -> &'a str {
    let byte_at = |wanted: usize| {
        let mut offset = 0;
        text.char_indices()
            .find_map(|(byte, character)| {
                let here = (offset >= wanted).then_some(byte);
                offset += character.len_utf16();
                here
            })
            .unwrap_or(text.len())
    };
    text.get(byte_at(entity.offset)..byte_at(entity.end()))
        .unwrap_or_default()
}

fn push_link(html: &mut String, url: &str) {
    let safe = ["http://", "https://", "tg://", "ton://"]
        .iter()
        .any(|scheme| url.to_ascii_lowercase().starts_with(scheme));
    html.push_str("<a href=\"");
    push_escaped(html, if safe { url } else { "#" });
    html.push_str("\" target=\"_blank\" rel=\"noopener noreferrer\">");
}

fn push_escaped(html: &mut String, value: &str) {
    for character in value.chars() {
        match character {
            '<' => html.push_str("&lt;"),
            '>' => html.push_str("&gt;"),
            '&' => html.push_str("&amp;"),
            '"' => html.push_str("&quot;"),
            '\'' => html.push_str("&#39;"),
            other => html.push(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rendering_escapes_text_and_survives_overlaps() {
        let text = FormattedText {
            text: "a<b>c\nd".into(),
            entities: vec![
                Entity {
                    kind: EntityKind::Bold,
                    offset: 0,
                    length: 3,
                },
                Entity {
                    kind: EntityKind::Italic,
                    offset: 2,
                    length: 4,
                },
            ],
        };
        assert_eq!(html(&text), "<b>a&lt;<i>b</i></b><i>&gt;c<br></i>d");
        let evil = FormattedText {
            text: "x".into(),
            entities: vec![Entity {
                kind: EntityKind::TextLink {
                    url: "javascript:alert(1)".into(),
                },
                offset: 0,
                length: 1,
            }],
        };
        assert!(html(&evil).starts_with("<a href=\"#\""));
    }
}
