//! Questions people ask before they start, and the owner's answers; the bot shows them as buttons.

use domain::dialogue::FaqItem;
use domain::language::Localized;
use serde_json::json;

use super::contact::Checks;
use crate::settings::edit::Edit;
use crate::settings::{self, FAQ_NAME};
use crate::{App, Caller, Result};

/// A list longer than that is no help on a phone.
const MAX_ITEMS: usize = 20;
/// A button wider than this is cut by the messenger.
const MAX_QUESTION_CHARS: usize = 60;
const MAX_ANSWER_CHARS: usize = 3_000;

/// The list in force and its version; 0 while the shipped one serves.
pub async fn find(app: &App, caller: &Caller) -> Result<(Vec<FaqItem>, i64)> {
    let (saved, version) = settings::find(app, caller, FAQ_NAME).await?;
    let items = match saved {
        Some(items) => items,
        None => settings::shipped_faq()?,
    };
    Ok((items, version))
}

/// Saves the list, if `version` is still current; an empty one hides the questions. The next press shows it.
///
/// Errors: `VersionConflict`; `Invalid` with every wrong field.
pub async fn save(app: &App, caller: &Caller, version: i64, items: Vec<FaqItem>) -> Result<(Vec<FaqItem>, i64)> {
    let items = checked(items)?;
    let mut edit = Edit::open(app, caller, FAQ_NAME, version, "faq").await?;
    edit.save(&items, json!({ "items": items.len() })).await?;
    Ok((items, edit.commit().await?))
}

fn checked(items: Vec<FaqItem>) -> Result<Vec<FaqItem>> {
    let mut checks = Checks::default();
    if items.len() > MAX_ITEMS {
        checks.add("items", "length", format!("{MAX_ITEMS} questions at most"));
    }
    let items = items
        .into_iter()
        .enumerate()
        .map(|(index, item)| FaqItem {
            question: text(
                &mut checks,
                &format!("items/{index}/question"),
                &item.question,
                MAX_QUESTION_CHARS,
                false,
            ),
            answer: text(
                &mut checks,
                &format!("items/{index}/answer"),
                &item.answer,
                MAX_ANSWER_CHARS,
                true,
            ),
        })
        .collect();
    checks.done()?;
    Ok(items)
}

fn text(checks: &mut Checks, field: &str, text: &Localized, max_chars: usize, has_lines: bool) -> Localized {
    let text = Localized::new(text.ru.trim(), text.en.trim());
    if text.ru.is_empty() {
        checks.add(&format!("{field}/ru"), "required", "people read this in Russian first");
    }
    for (language, text) in [("ru", &text.ru), ("en", &text.en)] {
        if text.chars().count() > max_chars {
            checks.add(
                &format!("{field}/{language}"),
                "length",
                format!("{max_chars} characters at most"),
            );
        }
        let is_wrong = |letter: char| letter.is_control() && !(has_lines && letter == '\n');
        if text.chars().any(is_wrong) {
            checks.add(
                &format!("{field}/{language}"),
                "invalid_character",
                "must have no control characters",
            );
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Error;

    #[test]
    fn the_shipped_questions_are_sound_and_wrong_ones_name_their_place() {
        assert!(checked(settings::shipped_faq().unwrap()).is_ok());
        let item = |question: &str, answer: &str| FaqItem {
            question: Localized::new(question, ""),
            answer: Localized::new(answer, "\u{7}"),
        };
        let Err(Error::Invalid(fields)) = checked(vec![item(&"я".repeat(61), "да"), item("?", " ")]) else {
            panic!("four places are wrong")
        };
        let fields: Vec<_> = fields.iter().map(|field| field.field.as_str()).collect();
        assert_eq!(
            fields,
            [
                "items/0/question/ru",
                "items/0/answer/en",
                "items/1/answer/ru",
                "items/1/answer/en"
            ]
        );
    }
}
