//! How to reach the trainer: a line of text, and the address it leads to if it is one.

use serde::{Deserialize, Serialize};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    pub text: String,
    pub url: Option<String>,
}

impl Contact {
    /// Reads a line as the owner wrote it: a phone number, an e-mail, a web address or a Telegram name become links.
    /// Words before a colon stay text: "Телеграм: @anna".
    pub fn parse(line: &str) -> Self {
        let text = line.trim();
        let value = text
            .rsplit_once(": ")
            .map_or(text, |(_, value)| value)
            .trim_end_matches(['.', ',', ';']);
        let url = [web, telegram, mail, phone].into_iter().find_map(|read| read(value));
        Self {
            text: text.to_owned(),
            url,
        }
    }
}

fn web(value: &str) -> Option<String> {
    let is_one_word = !value.contains(char::is_whitespace);
    let lower = value.to_lowercase();
    if lower.starts_with("https://") || lower.starts_with("http://") {
        return is_one_word.then(|| value.to_owned());
    }
    let host = lower.split(['/', '?', '#']).next()?;
    let (name, zone) = host.rsplit_once('.')?;
    let is_host = is_one_word
        && !name.is_empty()
        && zone.chars().count() >= 2
        && zone.chars().all(char::is_alphabetic)
        && name.split('.').all(|part| !part.is_empty())
        && name.chars().all(|c| c.is_alphanumeric() || matches!(c, '.' | '-'));
    is_host.then(|| format!("https://{value}"))
}

/// `@name`; five to thirty-two letters, digits and underscores are what Telegram allows.
fn telegram(value: &str) -> Option<String> {
    let name = value.strip_prefix('@')?;
    let is_name = (4..=32).contains(&name.len())
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_');
    is_name.then(|| format!("https://t.me/{name}"))
}

fn mail(value: &str) -> Option<String> {
    let (name, host) = value.split_once('@')?;
    let is_name = !name.is_empty()
        && name
            .chars()
            .all(|c| c.is_ascii_alphanumeric() || matches!(c, '.' | '_' | '-' | '+'));
    (is_name && web(host).is_some()).then(|| format!("mailto:{value}"))
}

/// Seven to fifteen digits, as numbers of the world have.
fn phone(value: &str) -> Option<String> {
    let is_number = value
        .chars()
        .all(|c| c.is_ascii_digit() || matches!(c, '+' | '-' | '–' | '(' | ')' | ' ' | '\u{a0}'));
    let digits: String = value.chars().filter(char::is_ascii_digit).collect();
    if !is_number || !(7..=15).contains(&digits.len()) {
        return None;
    }
    let has_plus = value.starts_with('+');
    // A Russian number as people write it at home: 8 900 … is +7 900 …
    Some(match digits.strip_prefix('8') {
        Some(rest) if !has_plus && digits.len() == 11 => format!("tel:+7{rest}"),
        _ if has_plus || digits.len() > 10 => format!("tel:+{digits}"),
        _ => format!("tel:{digits}"),
    })
}

#[cfg(test)]
mod tests {
    use super::Contact;

    #[test]
    fn a_line_becomes_the_link_it_means() {
        for (line, url) in [
            ("+7 (900) 123-45-67", Some("tel:+79001234567")),
            ("8 900 123 45 67", Some("tel:+79001234567")),
            ("Телефон: +44 20 7946 0958", Some("tel:+442079460958")),
            ("@anna_coach", Some("https://t.me/anna_coach")),
            ("Телеграм: @anna_coach.", Some("https://t.me/anna_coach")),
            ("anna@example.org", Some("mailto:anna@example.org")),
            ("example.org/training?a=1", Some("https://example.org/training?a=1")),
            ("https://t.me/anna", Some("https://t.me/anna")),
            ("пример.рф", Some("https://пример.рф")),
            ("Санкт-Петербург, Невский, 1", None),
            ("Пн–Пт 9.00–18.00", None),
            ("с 9.00 до 18.00", None),
            ("2026", None),
            ("@", None),
            ("javascript:alert(1)", None),
            ("", None),
        ] {
            assert_eq!(Contact::parse(line).url.as_deref(), url, "{line}");
        }
    }
}
