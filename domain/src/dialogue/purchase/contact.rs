//! Where the receipt goes, as people type it.

const MAX_CONTACT_CHARS: usize = 100;

/// An e-mail address or a phone number for the receipt, as it is kept: `+79001234567`. `None` for neither.
pub fn contact(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.chars().count() > MAX_CONTACT_CHARS {
        return None;
    }
    if let Some((name, host)) = typed.split_once('@') {
        let is_clean = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || "._%+-".contains(character))
        };
        let is_host = is_clean(host)
            && host.contains('.')
            && host.split('.').all(|label| !label.is_empty())
            && host.rsplit('.').next().is_some_and(|zone| zone.len() >= 2);
        return (is_clean(name) && is_host).then(|| typed.to_lowercase());
    }
    let is_phone = typed
        .chars()
        .all(|character| character.is_ascii_digit() || " +-()\u{a0}".contains(character));
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    if !is_phone {
        return None;
    }
    // Russians write 8 for +7, or leave it out.
    match (digits.len(), digits.strip_prefix('8')) {
        (11, Some(rest)) => Some(format!("+7{rest}")),
        (10, _) if digits.starts_with('9') => Some(format!("+7{digits}")),
        (11..=15, None) => Some(format!("+{digits}")),
        (12..=15, Some(_)) => Some(format!("+{digits}")),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_contact_is_an_address_or_a_phone_and_nothing_else() {
        for (typed, kept) in [
            (" Anna@Example.com ", Some("anna@example.com")),
            ("8 (900) 123-45-67", Some("+79001234567")),
            ("+7 900 123 45 67", Some("+79001234567")),
            ("9001234567", Some("+79001234567")),
            ("+49 170 1234567", Some("+491701234567")),
            ("anna@example", None),
            ("anna@@example.com", None),
            ("a b@example.com", None),
            ("anna@.com", None),
            ("12345", None),
            ("позвоните мне", None),
            ("", None),
        ] {
            assert_eq!(contact(typed).as_deref(), kept, "{typed}");
        }
    }
}
