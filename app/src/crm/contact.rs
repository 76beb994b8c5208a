//! Checks of what a person types about a client. All wrong fields are reported together.

use domain::fold::phone_digits;

use crate::{Error, FieldProblem, Result};

/// Longer than any name people have; a messenger's first and last name together stay under 150.
pub(super) const MAX_NAME_CHARS: usize = 300;
const MAX_USERNAME_CHARS: usize = 64;
const MAX_PHONE_CHARS: usize = 40;
const MAX_EMAIL_BYTES: usize = 254;
const MAX_NOTES_CHARS: usize = 10_000;
const MAX_SOURCE_CHARS: usize = 64;
const MAX_TITLE_CHARS: usize = 60;
const MAX_TAG_CHARS: usize = 40;
const MAX_REASON_CHARS: usize = 500;

/// Collects wrong fields.
#[derive(Debug, Default)]
pub(super) struct Checks(Vec<FieldProblem>);

type Checked<T = String> = std::result::Result<T, (&'static str, String)>;

impl Checks {
    /// Takes a checked value, or notes what is wrong with the field; the value is not used then.
    pub fn take<T: Default>(&mut self, field: &str, checked: Checked<T>) -> T {
        checked.unwrap_or_else(|(code, message)| {
            self.0.push(FieldProblem::new(field, code, message));
            T::default()
        })
    }

    /// [`Checks::take`] for a value that may be absent.
    pub fn take_some<T: Default>(
        &mut self,
        field: &str,
        value: Option<&str>,
        check: impl Fn(&str) -> Checked<T>,
    ) -> Option<T> {
        value.map(|value| self.take(field, check(value)))
    }

    pub fn add(&mut self, field: &str, code: &'static str, message: impl Into<String>) {
        self.0.push(FieldProblem::new(field, code, message));
    }

    /// How many fields are wrong so far.
    pub const fn count(&self) -> usize {
        self.0.len()
    }

    /// Errors: `Invalid` with everything that was noted.
    pub fn done(self) -> Result<()> {
        if self.0.is_empty() {
            Ok(())
        } else {
            Err(Error::Invalid(self.0))
        }
    }
}

/// Outer white space goes; control characters never get in.
fn text(value: &str, max_chars: usize) -> Checked {
    let value = value.trim();
    let length = value.chars().count();
    if length == 0 || length > max_chars {
        return Err(("length", format!("needs 1 to {max_chars} characters")));
    }
    if value.chars().any(char::is_control) {
        return Err((
            "invalid_character",
            "must be one line without control characters".into(),
        ));
    }
    Ok(value.to_owned())
}

pub(super) fn name(value: &str) -> Checked {
    text(value, MAX_NAME_CHARS)
}

/// The `@` people type before it is left out.
pub(super) fn username(value: &str) -> Checked {
    let value = value.trim();
    let value = value.strip_prefix('@').unwrap_or(value);
    let is_username = (1..=MAX_USERNAME_CHARS).contains(&value.len())
        && value
            .chars()
            .all(|letter| letter.is_ascii_alphanumeric() || matches!(letter, '_' | '.'));
    if is_username {
        Ok(value.to_owned())
    } else {
        Err((
            "invalid",
            format!("a username has 1 to {MAX_USERNAME_CHARS} of A-Z, a-z, 0-9, _ and ."),
        ))
    }
}

/// Kept as typed: only the search index folds it.
pub(crate) fn phone(value: &str) -> Checked {
    let value = value.trim();
    let is_spelled_well = value.chars().count() <= MAX_PHONE_CHARS
        && value
            .chars()
            .all(|letter| letter.is_ascii_digit() || matches!(letter, '+' | '-' | '(' | ')' | ' ' | '.'));
    if is_spelled_well && phone_digits(value).is_some() {
        Ok(value.to_owned())
    } else {
        Err((
            "invalid",
            "a phone has 10 to 15 digits, such as +7 912 345-67-89".into(),
        ))
    }
}

pub(crate) fn email(value: &str) -> Checked {
    let value = value.trim();
    let (local, host) = value.rsplit_once('@').unwrap_or_default();
    let is_address = !local.is_empty()
        && !local.contains('@')
        && host.contains('.')
        && !host.starts_with('.')
        && !host.ends_with('.')
        && value.len() <= MAX_EMAIL_BYTES
        && !value
            .chars()
            .any(|letter| letter.is_whitespace() || letter.is_control());
    if is_address {
        Ok(value.to_owned())
    } else {
        Err(("invalid", "not an e-mail address".into()))
    }
}

/// Several lines are fine.
pub(super) fn notes(value: &str) -> Checked {
    let length = value.trim().chars().count();
    if length == 0 || length > MAX_NOTES_CHARS {
        return Err((
            "length",
            format!("needs 1 to {MAX_NOTES_CHARS} characters; null clears"),
        ));
    }
    Ok(value.trim().to_owned())
}

/// A short name of a brand or a person.
pub(super) fn title(value: &str) -> Checked {
    text(value, MAX_TITLE_CHARS)
}

pub(super) fn source(value: &str) -> Checked {
    text(value, MAX_SOURCE_CHARS)
}

/// Lower case, so that "VIP" and "vip" are one tag.
pub(super) fn tag(value: &str) -> Checked {
    text(value, MAX_TAG_CHARS).map(|tag| tag.to_lowercase())
}

/// An absent reason is an empty one.
pub(super) fn reason(value: Option<&str>) -> Checked {
    match value.map(str::trim) {
        None | Some("") => Ok(String::new()),
        Some(value) => text(value, MAX_REASON_CHARS),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_people_type_is_understood_or_refused() {
        assert_eq!(username("@anna_p").unwrap(), "anna_p");
        assert_eq!(phone(" +7 (912) 345-67-89 ").unwrap(), "+7 (912) 345-67-89");
        assert_eq!(email("Anna@Example.ru").unwrap(), "Anna@Example.ru");
        assert_eq!(tag(" ВИП ").unwrap(), "вип");
        for wrong in ["12345", "восемь 912", "+7 912 345-67-89 доб. 3"] {
            assert!(phone(wrong).is_err(), "{wrong}");
        }
        for wrong in ["anna", "a@b", "a@@b.ru", "a b@c.ru", "@c.ru", "a@.ru"] {
            assert!(email(wrong).is_err(), "{wrong}");
        }
        assert!(name(" \n ").is_err() && name(&"я".repeat(301)).is_err() && name("a\u{7}b").is_err());
        assert!(name(&"я".repeat(300)).is_ok());
    }

    #[test]
    fn all_wrong_fields_are_told_together() {
        let mut checks = Checks::default();
        checks.take("name", name(""));
        checks.take_some("phone", Some("1"), phone);
        checks.take_some("email", None, email);
        let Err(Error::Invalid(fields)) = checks.done() else {
            panic!("two fields are wrong")
        };
        assert_eq!(
            fields.iter().map(|field| field.field.as_str()).collect::<Vec<_>>(),
            ["name", "phone"]
        );
    }
}
