//! A programme in the trainer's hands before it goes out: the card, the lists an exercise is swapped from, and what became
//! of it. Pure: data in, content out.

use super::actions::{TrainerAction, short_code};
use crate::content::{Button, Content, Span, Style, rich};
use crate::ids::ProgramId;
use crate::texts::Texts;

/// Choices on one page of a list: a thumb reaches them without scrolling.
pub const PAGE: usize = 8;
/// Characters of a trainer's note: together with the usual caption it stays under a messenger's limit of 1024.
pub const MAX_NOTE: usize = 500;
/// Lines of a section, and characters of a line, so that the card stays one message.
const MAX_LINES: usize = 8;
const MAX_LINE: usize = 220;
const MAX_LABEL: usize = 48;

/// A programme as its card shows it.
#[derive(Debug, Clone)]
pub struct Review<'a> {
    pub program: &'a ProgramId,
    /// The client's name.
    pub name: &'a str,
    /// (label, value)
    pub facts: Vec<(String, String)>,
    /// (heading, lines); without lines it is left out.
    pub sections: Vec<(String, Vec<String>)>,
    /// When it goes out by itself, ready to show.
    pub until: &'a str,
}

/// What became of a programme that was waiting.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Settled<'a> {
    Sent { who: &'a str, time: &'a str },
    ByClock { time: &'a str },
    Remaking { who: &'a str },
    Replaced { who: &'a str, time: &'a str },
}

impl Review<'_> {
    pub fn card(&self, texts: &Texts) -> Content {
        let mut content = Content::text(rich(&texts.trainer_review, &[("name", self.name)]));
        for (label, value) in &self.facts {
            content.text.push(plain(format!("\n{label}: ")));
            content.text.push(bold(clipped(value, MAX_LINE)));
        }
        for (heading, lines) in self.sections.iter().filter(|(_, lines)| !lines.is_empty()) {
            content.text.push(plain("\n\n".to_owned()));
            content.text.push(bold(heading.clone()));
            for line in lines.iter().take(MAX_LINES) {
                content.text.push(plain(format!("\n• {}", clipped(line, MAX_LINE))));
            }
            if lines.len() > MAX_LINES {
                content.text.push(plain(format!("\n… +{}", lines.len() - MAX_LINES)));
            }
        }
        content.text.push(plain("\n\n".to_owned()));
        content
            .text
            .extend(rich(&texts.trainer_review_until, &[("time", self.until)]));
        let button = |label: &str, action: TrainerAction| vec![Button::action(label, action.to_string())];
        let id = || self.program.clone();
        content
            .with_row(button(&texts.button_approve, TrainerAction::Approve(id())))
            .with_row(button(&texts.button_swap, TrainerAction::SwapDay(id())))
            .with_row(button(&texts.button_variant, TrainerAction::Variant(id())))
            .with_row(button(&texts.button_note, TrainerAction::Note(id())))
    }
}

/// The card after the decision: without buttons.
pub fn settled(texts: &Texts, name: &str, settled: Settled<'_>) -> Content {
    let (template, who, time) = match settled {
        Settled::Sent { who, time } => (&texts.trainer_review_sent, who, time),
        Settled::ByClock { time } => (&texts.trainer_review_by_clock, "", time),
        Settled::Remaking { who } => (&texts.trainer_review_remaking, who, ""),
        Settled::Replaced { who, time } => (&texts.trainer_review_replaced, who, time),
    };
    Content::text(rich(template, &[("name", name), ("who", who), ("time", time)]))
}

/// Which day? `days` are (number, label).
pub fn days(texts: &Texts, program: &ProgramId, name: &str, days: &[(u8, String)]) -> Content {
    let mut content = Content::text(rich(&texts.trainer_swap_day, &[("name", name)]));
    for (day, label) in days {
        let action = TrainerAction::SwapItem {
            program: program.clone(),
            day: *day,
            page: 0,
        };
        content = content.with_row(vec![Button::action(clipped(label, MAX_LABEL), action.to_string())]);
    }
    content.with_row(vec![to_card(texts, program)])
}

/// Which exercise of the day? `items` in their order.
pub fn items(texts: &Texts, program: &ProgramId, name: &str, day: u8, items: &[String], page: u8) -> Content {
    let number = day.to_string();
    let mut content = Content::text(rich(&texts.trainer_swap_item, &[("name", name), ("day", &number)]));
    for (item, label) in on_page(items, page) {
        let action = TrainerAction::SwapFor {
            program: program.clone(),
            day,
            item,
            page: 0,
        };
        content = content.with_row(vec![Button::action(clipped(label, MAX_LABEL), action.to_string())]);
    }
    let turn = |page| TrainerAction::SwapItem {
        program: program.clone(),
        day,
        page,
    };
    let back = TrainerAction::SwapDay(program.clone());
    content
        .with_row(pager(items.len(), page, turn))
        .with_row(vec![back_to(texts, &back), to_card(texts, program)])
        .without_empty_rows()
}

/// What is swapped, for [`alternatives`].
#[derive(Debug, Clone, Copy)]
pub struct Place<'a> {
    pub program: &'a ProgramId,
    pub name: &'a str,
    pub day: u8,
    pub item: u8,
    /// The exercise's name.
    pub exercise: &'a str,
}

/// What instead? `offered` are (exercise id, label).
pub fn alternatives(texts: &Texts, place: Place<'_>, offered: &[(String, String)], page: u8) -> Content {
    let Place {
        program,
        name,
        day,
        item,
        exercise,
    } = place;
    let number = day.to_string();
    let mut content = Content::text(rich(
        &texts.trainer_swap_for,
        &[("name", name), ("day", &number), ("exercise", exercise)],
    ));
    for (_, (id, label)) in on_page(offered, page) {
        let action = TrainerAction::Swap {
            program: program.clone(),
            day,
            item,
            exercise: short_code(id),
        };
        content = content.with_row(vec![Button::action(clipped(label, MAX_LABEL), action.to_string())]);
    }
    let turn = |page| TrainerAction::SwapFor {
        program: program.clone(),
        day,
        item,
        page,
    };
    let back = TrainerAction::SwapItem {
        program: program.clone(),
        day,
        page: 0,
    };
    content
        .with_row(pager(offered.len(), page, turn))
        .with_row(vec![back_to(texts, &back), to_card(texts, program)])
        .without_empty_rows()
}

/// The trainer's words if they fit.
/// Errors: their length, when they are empty or over [`MAX_NOTE`] characters.
pub fn note(words: &str) -> Result<String, usize> {
    let clean: String = words
        .trim()
        .chars()
        .filter(|letter| *letter == '\n' || !letter.is_control())
        .collect();
    let length = clean.chars().count();
    if (1..=MAX_NOTE).contains(&length) {
        Ok(clean)
    } else {
        Err(length)
    }
}

/// With their numbers in the whole list; a page past the end shows the last one.
fn on_page<T>(all: &[T], page: u8) -> impl Iterator<Item = (u8, &T)> {
    let last = all.len().saturating_sub(1) / PAGE;
    let start = usize::from(page).min(last) * PAGE;
    all.iter()
        .enumerate()
        .skip(start)
        .take(PAGE)
        .filter_map(|(number, one)| Some((u8::try_from(number).ok()?, one)))
}

fn pager(length: usize, page: u8, action: impl Fn(u8) -> TrainerAction) -> Vec<Button> {
    let last = u8::try_from(length.saturating_sub(1) / PAGE).unwrap_or(u8::MAX);
    let page = page.min(last);
    let mut row = Vec::new();
    if page > 0 {
        row.push(Button::action("‹‹", action(page - 1).to_string()));
    }
    if page < last {
        row.push(Button::action("››", action(page + 1).to_string()));
    }
    row
}

fn to_card(texts: &Texts, program: &ProgramId) -> Button {
    Button::action(
        &texts.button_to_card,
        TrainerAction::Review(program.clone()).to_string(),
    )
}

fn back_to(texts: &Texts, action: &TrainerAction) -> Button {
    Button::action(&texts.button_back, action.to_string())
}

const fn plain(text: String) -> Span {
    Span {
        text,
        style: Style::Plain,
    }
}

const fn bold(text: String) -> Span {
    Span {
        text,
        style: Style::Bold,
    }
}

fn clipped(text: &str, most: usize) -> String {
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let mut short: String = text.chars().take(most.saturating_sub(1)).collect();
    short.push('…');
    short
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::content::Press;
    use crate::ids::Id;

    fn texts() -> Texts {
        serde_json::from_str(include_str!("../../../assets/texts/ru.json")).unwrap()
    }

    fn actions(content: &Content) -> Vec<TrainerAction> {
        let pressed = content.buttons.iter().flatten().map(|button| match &button.press {
            Press::Action { action } => TrainerAction::parse(action).unwrap(),
            Press::Url { .. } => panic!("no links here"),
        });
        pressed.collect()
    }

    #[test]
    fn the_card_offers_every_decision_and_stays_one_message() {
        let program = ProgramId::from_parts(1, [7; 10]);
        let long = "очень длинное объяснение ".repeat(40);
        let review = Review {
            program: &program,
            name: "Анна",
            facts: vec![("Цель".into(), "Снижение веса".into()); 6],
            sections: vec![
                ("Почему так".into(), vec![long.clone(); 30]),
                ("Пусто".into(), Vec::new()),
            ],
            until: "14:05",
        };
        let card = review.card(&texts());
        let text = card.plain_text();
        assert!(text.chars().count() < 4096, "{}", text.chars().count());
        assert!(text.contains("… +22") && text.contains("14:05") && !text.contains("Пусто"));
        let id = || program.clone();
        assert_eq!(
            actions(&card),
            [
                TrainerAction::Approve(id()),
                TrainerAction::SwapDay(id()),
                TrainerAction::Variant(id()),
                TrainerAction::Note(id())
            ]
        );
    }

    #[test]
    fn long_lists_have_pages_and_every_choice_is_on_exactly_one() {
        let program = ProgramId::from_parts(1, [7; 10]);
        for length in [1, 8, 9, 30] {
            let all: Vec<(String, String)> = (0..length)
                .map(|n| (format!("exercise_{n}"), format!("Упражнение {n}")))
                .collect();
            let place = Place {
                program: &program,
                name: "Анна",
                day: 2,
                item: 3,
                exercise: "Присед",
            };
            let mut seen = Vec::new();
            let mut page = Some(0);
            while let Some(now) = page.take() {
                let content = alternatives(&texts(), place, &all, now);
                assert!(content.buttons.iter().flatten().count() <= PAGE + 4);
                for action in actions(&content) {
                    match action {
                        TrainerAction::Swap {
                            exercise, day, item, ..
                        } => {
                            assert_eq!((day, item), (2, 3));
                            seen.push(exercise);
                        }
                        TrainerAction::SwapFor { page: other, .. } if other == now + 1 => page = Some(other),
                        _ => {}
                    }
                }
            }
            let wanted: Vec<String> = all.iter().map(|(id, _)| short_code(id)).collect();
            assert_eq!(seen, wanted);
        }
        let labels: Vec<String> = (0..10).map(|n| format!("Упражнение {n}")).collect();
        let past = items(&texts(), &program, "Анна", 1, &labels, 200);
        assert!(
            past.buttons
                .iter()
                .flatten()
                .any(|button| button.label == "Упражнение 9")
        );
    }

    #[test]
    fn a_note_is_short_and_clean() {
        assert_eq!(note("  Держитесь!\u{7} \n"), Ok("Держитесь!".to_owned()));
        assert_eq!(note(" \n "), Err(0));
        assert_eq!(
            note(&"я".repeat(MAX_NOTE)).map(|text| text.chars().count()),
            Ok(MAX_NOTE)
        );
        assert_eq!(note(&"я".repeat(MAX_NOTE + 1)), Err(MAX_NOTE + 1));
    }

    #[test]
    fn what_was_decided_has_no_buttons_left() {
        for outcome in [
            Settled::Sent {
                who: "Ольга",
                time: "14:05",
            },
            Settled::ByClock { time: "14:05" },
            Settled::Remaking { who: "Ольга" },
            Settled::Replaced {
                who: "Ольга",
                time: "14:05",
            },
        ] {
            let content = settled(&texts(), "Анна", outcome);
            assert!(content.buttons.is_empty());
            let text = content.plain_text();
            assert!(text.contains("Анна") && !text.contains('{'), "{text}");
        }
    }
}
