//! Buttons: the rows as given, except where a phone could not show the labels.

use api_types::conversation::{Button, Content, Press};
use teloxide::types::{InlineKeyboardButton, InlineKeyboardMarkup, KeyboardButton, KeyboardMarkup, ReplyMarkup};
use url::Url;

use super::Unrenderable;

/// Telegram's limit for `callback_data`.
const MAX_ACTION_BYTES: usize = 64;
/// Telegram accepts about this many in practice (not documented).
const MAX_BUTTONS: usize = 100;
/// Letters that fit beside each other into the width of a common phone, by the number of buttons in the row.
const LABEL_WIDTHS: [usize; 8] = [usize::MAX, 17, 11, 8, 6, 5, 4, 3];

pub fn markup(content: &Content) -> Result<Option<ReplyMarkup>, Unrenderable> {
    let count = content.buttons.iter().map(Vec::len).sum();
    if count > MAX_BUTTONS {
        return Err(Unrenderable::TooManyButtons(count));
    }
    if count > 0 {
        let mut rows = Vec::new();
        for row in &content.buttons {
            for row in fit(row, |button| &button.label) {
                rows.push(row.iter().map(inline).collect::<Result<Vec<_>, _>>()?);
            }
        }
        return Ok(Some(InlineKeyboardMarkup::new(rows).into()));
    }
    let rows: Vec<Vec<KeyboardButton>> = content
        .keyboard
        .iter()
        .flat_map(|row| fit(row, |label| label))
        .map(|row| row.iter().map(KeyboardButton::new).collect())
        .collect();
    if rows.is_empty() {
        return Ok(None);
    }
    if content.keyboard.iter().flatten().any(|label| label.trim().is_empty()) {
        return Err(Unrenderable::NoLabel);
    }
    Ok(Some(KeyboardMarkup::new(rows).resize_keyboard().persistent().into()))
}

/// The button that pays comes first: Telegram refuses a bill without it.
pub fn under_invoice(label: &str, content: &Content) -> Result<InlineKeyboardMarkup, Unrenderable> {
    if label.trim().is_empty() {
        return Err(Unrenderable::NoLabel);
    }
    let pay = InlineKeyboardMarkup::new([[InlineKeyboardButton::pay(label)]]);
    Ok(match markup(content)? {
        Some(ReplyMarkup::InlineKeyboard(others)) => others
            .inline_keyboard
            .into_iter()
            .fold(pay, InlineKeyboardMarkup::append_row),
        _ => pay,
    })
}

fn inline(button: &Button) -> Result<InlineKeyboardButton, Unrenderable> {
    if button.label.trim().is_empty() {
        return Err(Unrenderable::NoLabel);
    }
    match &button.press {
        Press::Action { action } if (1..=MAX_ACTION_BYTES).contains(&action.len()) => {
            Ok(InlineKeyboardButton::callback(&button.label, action))
        }
        Press::Action { action } => Err(Unrenderable::ActionLength(action.len())),
        Press::Url { url } => Url::parse(url)
            .ok()
            .filter(|url| matches!(url.scheme(), "http" | "https" | "tg"))
            .map(|url| InlineKeyboardButton::url(&button.label, url))
            .ok_or(Unrenderable::ButtonUrl),
    }
}

/// Breaks a row into as few rows as its labels allow, order kept.
fn fit<T>(row: &[T], label: impl Fn(&T) -> &str) -> Vec<&[T]> {
    if row.is_empty() {
        return Vec::new();
    }
    let widest = row.iter().map(|item| width(label(item))).max().unwrap_or(0);
    let most = LABEL_WIDTHS.iter().take_while(|fits| widest <= **fits).count().max(1);
    let rows = row.len().div_ceil(most);
    // Even rows: six buttons of which four would fit become 3 + 3, not 4 + 2.
    row.chunks(row.len().div_ceil(rows)).collect()
}

/// Rough width in letters: pictographs are two wide, joiners and selectors nothing.
fn width(label: &str) -> usize {
    label
        .chars()
        .map(|letter| match u32::from(letter) {
            0x200D | 0xFE0E | 0xFE0F | 0x0300..=0x036F => 0,
            0x2600..=0x27BF | 0x1F000.. => 2,
            _ => 1,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn button(label: &str, action: &str) -> Button {
        Button {
            label: label.to_owned(),
            press: Press::Action {
                action: action.to_owned(),
            },
        }
    }

    fn shape(labels: &[&str]) -> Vec<usize> {
        fit(labels, |label| label).iter().map(|row| row.len()).collect()
    }

    #[test]
    fn rows_stay_as_given_while_a_phone_can_show_them() {
        assert_eq!(shape(&["Мужской", "Женский"]), [2]);
        assert_eq!(shape(&["1", "2", "3", "4", "5", "6", "7", "8"]), [8]);
        assert_eq!(shape(&["← Назад", "Пропустить"]), [2]);
        assert_eq!(shape(&["💪 Набрать мышечную массу", "🔥 Похудеть"]), [1, 1]);
        assert_eq!(shape(&["Понедельник", "Вторник", "Среда", "Четверг"]), [2, 2]);
        assert_eq!(shape(&["a very long label that fills the whole row alone"]), [1]);
    }

    #[test]
    fn actions_are_counted_in_bytes() {
        let content = |action: &str| Content {
            buttons: vec![vec![button("Да", action)]],
            ..Content::default()
        };
        assert!(markup(&content(&"ж".repeat(32))).is_ok());
        assert_eq!(markup(&content(&"ж".repeat(33))), Err(Unrenderable::ActionLength(66)));
        assert_eq!(markup(&content("")), Err(Unrenderable::ActionLength(0)));
    }

    #[test]
    fn links_must_be_links() {
        let content = |url: &str| Content {
            buttons: vec![vec![Button {
                label: "Открыть".to_owned(),
                press: Press::Url { url: url.to_owned() },
            }]],
            ..Content::default()
        };
        assert!(markup(&content("https://example.com/pay?x=1")).is_ok());
        assert_eq!(markup(&content("javascript:alert(1)")), Err(Unrenderable::ButtonUrl));
        assert_eq!(markup(&content("example.com")), Err(Unrenderable::ButtonUrl));
    }
}
