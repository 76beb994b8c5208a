//! What differs between two versions of a programme, told once for all the weeks it concerns.

use std::collections::BTreeMap;

use domain::language::{Language, Localized};
use serde::{Deserialize, Serialize};

use crate::matching::quotable;
use crate::programme::{Item, Load, Programme};

/// One difference in one line of a workout, or in the programme's shape.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Change {
    /// The workout's number; none where weeks as a whole differ.
    pub day: Option<u8>,
    /// In which weeks, ascending.
    pub weeks: Vec<u8>,
    pub what: What,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "what", rename_all = "snake_case")]
pub enum What {
    WeeksAdded,
    WeeksRemoved,
    DayAdded,
    DayRemoved,
    /// Nothing of the workout is left.
    DayRewritten,
    ExerciseAdded {
        exercise: Localized,
    },
    ExerciseRemoved {
        exercise: Localized,
    },
    ExerciseReplaced {
        from: Localized,
        to: Localized,
    },
    Sets {
        exercise: Localized,
        from: u8,
        to: u8,
    },
    /// Canonical, see [`Item::reps`].
    Reps {
        exercise: Localized,
        from: String,
        to: String,
    },
    Rest {
        exercise: Localized,
        from: u16,
        to: u16,
    },
    Intensity {
        exercise: Localized,
        from: Option<String>,
        to: Option<String>,
    },
    Load {
        exercise: Localized,
        from: Option<Load>,
        to: Option<Load>,
    },
}

/// What `new` has otherwise than `old`: by workout, then in the order of its lines. Texts around the rows (notes,
/// technique) are not compared.
pub fn changes(old: &Programme, new: &Programme) -> Vec<Change> {
    let mut found = Found::default();
    for week in &new.weeks {
        match old.weeks.iter().find(|before| before.number == week.number) {
            None => found.add(None, week.number, What::WeeksAdded),
            Some(before) => {
                for day in &week.days {
                    match before.days.iter().find(|earlier| earlier.number == day.number) {
                        None => found.add(Some(day.number), week.number, What::DayAdded),
                        Some(earlier) => lines(&mut found, week.number, day.number, &earlier.items, &day.items),
                    }
                }
                for day in &before.days {
                    if !week.days.iter().any(|later| later.number == day.number) {
                        found.add(Some(day.number), week.number, What::DayRemoved);
                    }
                }
            }
        }
    }
    for week in &old.weeks {
        if !new.weeks.iter().any(|later| later.number == week.number) {
            found.add(None, week.number, What::WeeksRemoved);
        }
    }
    found.sorted()
}

#[derive(Default)]
struct Found(Vec<Change>);

impl Found {
    fn add(&mut self, day: Option<u8>, week: u8, what: What) {
        match self
            .0
            .iter_mut()
            .find(|change| change.day == day && change.what == what)
        {
            Some(change) => change.weeks.push(week),
            None => self.0.push(Change {
                day,
                weeks: vec![week],
                what,
            }),
        }
    }

    fn sorted(mut self) -> Vec<Change> {
        // Stable: within a workout the order of its lines stays.
        self.0.sort_by_key(|change| change.day);
        self.0
    }
}

fn lines(found: &mut Found, week: u8, day: u8, old: &[Item], new: &[Item]) {
    let mut add = |what| found.add(Some(day), week, what);
    // A line is the same row, or the same exercise under another row.
    let mut left: BTreeMap<usize, &Item> = old.iter().enumerate().collect();
    let mut take = |is_it: &dyn Fn(&Item) -> bool| {
        let index = left.iter().find(|(_, item)| is_it(item)).map(|(index, _)| *index)?;
        left.remove(&index)
    };
    let mut pairs: Vec<(Option<&Item>, &Item)> = new
        .iter()
        .map(|item| (take(&|before| before.row_id == item.row_id), item))
        .collect();
    for (before, item) in &mut pairs {
        if before.is_none() {
            *before = take(&|earlier| earlier.exercise_id == item.exercise_id);
        }
    }
    if pairs.iter().all(|(before, _)| before.is_none()) && !old.is_empty() {
        add(What::DayRewritten);
        return;
    }
    for (before, item) in pairs {
        let exercise = || item.name.clone();
        let Some(before) = before else {
            add(What::ExerciseAdded { exercise: exercise() });
            continue;
        };
        let is_replaced = before.exercise_id != item.exercise_id;
        if is_replaced {
            add(What::ExerciseReplaced {
                from: before.name.clone(),
                to: exercise(),
            });
        }
        if before.sets != item.sets {
            add(What::Sets {
                exercise: exercise(),
                from: before.sets,
                to: item.sets,
            });
        }
        if before.reps != item.reps {
            add(What::Reps {
                exercise: exercise(),
                from: before.reps.clone(),
                to: item.reps.clone(),
            });
        }
        if before.rest_seconds != item.rest_seconds {
            add(What::Rest {
                exercise: exercise(),
                from: before.rest_seconds,
                to: item.rest_seconds,
            });
        }
        if before.intensity != item.intensity {
            add(What::Intensity {
                exercise: exercise(),
                from: before.intensity.clone(),
                to: item.intensity.clone(),
            });
        }
        // Another exercise has another weight; that needs no sentence of its own.
        if before.load != item.load && !is_replaced {
            add(What::Load {
                exercise: exercise(),
                from: before.load,
                to: item.load,
            });
        }
    }
    for item in left.into_values() {
        add(What::ExerciseRemoved {
            exercise: item.name.clone(),
        });
    }
}

impl Change {
    /// `День 2, недели 1–4: «Отжимания» → «Жим лёжа».`
    pub fn text(&self, language: Language) -> String {
        let weeks = weeks(&self.weeks, language);
        let what = self.what.text(language);
        match (self.day, language) {
            (None, _) => format!("{}: {what}.", crate::text::capitalized(&weeks)),
            (Some(day), Language::Ru) => format!("День {day}, {weeks}: {what}."),
            (Some(day), Language::En) => format!("Day {day}, {weeks}: {what}."),
        }
    }
}

impl What {
    fn text(&self, language: Language) -> String {
        let ru = language == Language::Ru;
        let name = |exercise: &Localized| match language {
            Language::Ru => format!("«{}»", quotable(exercise.get(language))),
            Language::En => format!("\"{}\"", quotable(exercise.get(language))),
        };
        let none = if ru { "нет" } else { "none" };
        let or_none = |value: &Option<String>| value.clone().unwrap_or_else(|| none.to_owned()).replace('-', "–");
        let weight = |load: &Option<Load>| {
            load.map_or_else(
                || if ru { "по ощущениям" } else { "by feel" }.to_owned(),
                |load| load.text(language),
            )
        };
        match self {
            Self::WeeksAdded => if ru { "добавлено" } else { "added" }.to_owned(),
            Self::WeeksRemoved => if ru { "убрано" } else { "removed" }.to_owned(),
            Self::DayAdded => if ru {
                "тренировка добавлена"
            } else {
                "workout added"
            }
            .to_owned(),
            Self::DayRemoved => if ru {
                "тренировка убрана"
            } else {
                "workout removed"
            }
            .to_owned(),
            Self::DayRewritten => if ru {
                "тренировка составлена заново"
            } else {
                "a new workout"
            }
            .to_owned(),
            Self::ExerciseAdded { exercise } => {
                format!("{} {}", if ru { "добавлено" } else { "added" }, name(exercise))
            }
            Self::ExerciseRemoved { exercise } => {
                format!("{} {}", if ru { "убрано" } else { "removed" }, name(exercise))
            }
            Self::ExerciseReplaced { from, to } => format!("{} → {}", name(from), name(to)),
            Self::Sets { exercise, from, to } => {
                format!(
                    "{}, {} {from} → {to}",
                    name(exercise),
                    if ru { "подходы" } else { "sets" }
                )
            }
            Self::Reps { exercise, from, to } => format!(
                "{}, {} {} → {}",
                name(exercise),
                if ru { "повторы" } else { "reps" },
                crate::programme::reps_text(from, language),
                crate::programme::reps_text(to, language),
            ),
            Self::Rest { exercise, from, to } => format!(
                "{}, {} {} → {}",
                name(exercise),
                if ru { "отдых" } else { "rest" },
                crate::programme::rest_text(*from, language),
                crate::programme::rest_text(*to, language),
            ),
            Self::Intensity { exercise, from, to } => format!(
                "{}, {} {} → {}",
                name(exercise),
                if ru { "усилие" } else { "effort" },
                or_none(from),
                or_none(to),
            ),
            Self::Load { exercise, from, to } => format!(
                "{}, {} {} → {}",
                name(exercise),
                if ru { "вес" } else { "weight" },
                weight(from),
                weight(to),
            ),
        }
    }
}

/// `неделя 3`, `недели 1–4, 6`.
fn weeks(numbers: &[u8], language: Language) -> String {
    let mut ranges: Vec<(u8, u8)> = Vec::new();
    for number in numbers {
        match ranges.last_mut() {
            Some((_, to)) if *to + 1 == *number => *to = *number,
            _ => ranges.push((*number, *number)),
        }
    }
    let list: Vec<String> = ranges
        .iter()
        .map(|(from, to)| {
            if from == to {
                from.to_string()
            } else {
                format!("{from}–{to}")
            }
        })
        .collect();
    let word = match (numbers.len() == 1, language) {
        (true, Language::Ru) => "неделя",
        (false, Language::Ru) => "недели",
        (true, Language::En) => "week",
        (false, Language::En) => "weeks",
    };
    format!("{word} {}", list.join(", "))
}
