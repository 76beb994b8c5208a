//! A table of plans, `Men_12w_2` or `Women_12w_2`: rows grouped by whom they are for.

use std::collections::HashMap;
use std::sync::Arc;

use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Place};

use crate::labels;
use crate::load::LoadRule;
use crate::text::days_word;

use super::errors::{Expected, ImportError, ImportErrors, Problem};
use super::exercises::{ExerciseLibrary, text};
use super::reader::{self, Column};
use super::shared::Shared;
use super::values::{self, Reps, Weeks};

/// All plans of one sheet, in the order in which they first appear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanTable {
    pub sheet: String,
    pub plans: Vec<Plan>,
    /// How many empty cells took the value above them, as merged cells leave them.
    pub filled_cells: u32,
    /// Title and letter of the exercise column, for errors that only the library can find.
    exercise_column: (String, String),
}

/// Twelve weeks for everybody who fits `levels` × `goals` with this place, equipment and frequency.
/// Every workout 1..=`days_per_week` of every week 1..=12 is present.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    pub levels: Vec<Level>,
    pub goals: Vec<Goal>,
    pub place: Place,
    pub equipment: Equipment,
    pub days_per_week: u8,
    /// Sorted by day, then order, then row.
    pub rows: Vec<PlanRow>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PlanRow {
    /// As the spreadsheet numbers it.
    pub row: u32,
    pub weeks: Weeks,
    pub day: u8,
    pub order: u8,
    /// The exercise's id; in a table that is not linked yet, what the cell says.
    pub exercise: Arc<str>,
    pub sets: u8,
    pub reps: Reps,
    pub rest_seconds: u16,
    pub intensity: Option<Arc<str>>,
    pub notes: Option<Arc<str>>,
    /// The note for English readers.
    pub notes_en: Option<Arc<str>>,
    pub video: Option<Arc<str>>,
    pub load: Option<LoadRule>,
}

const LEVEL: usize = 0;
const GOAL: usize = 1;
const PLACE: usize = 2;
const EQUIPMENT: usize = 3;
const DAYS_PER_WEEK: usize = 4;
const WEEK: usize = 5;
const DAY: usize = 6;
const ORDER: usize = 7;
const EXERCISE: usize = 8;
const SETS: usize = 9;
const REPS: usize = 10;
const REST: usize = 11;
const INTENSITY: usize = 12;
const NOTES: usize = 13;
const VIDEO: usize = 14;
const LOAD: usize = 15;
const NOTES_EN: usize = 16;

const COLUMNS: [Column; 17] = [
    Column {
        key: "level",
        title: "Уровень",
        aliases: &["опыт"],
        required: true,
    },
    Column {
        key: "goal",
        title: "Цель",
        aliases: &[],
        required: true,
    },
    Column {
        key: "place",
        title: "Место",
        aliases: &["место тренировок"],
        required: true,
    },
    Column {
        key: "equipment",
        title: "Инвентарь",
        aliases: &["оборудование"],
        required: true,
    },
    Column {
        key: "days_per_week",
        title: "Дней в неделю",
        aliases: &["частота"],
        required: true,
    },
    Column {
        key: "week",
        title: "Неделя",
        aliases: &["недели", "weeks"],
        required: true,
    },
    Column {
        key: "day",
        title: "День",
        aliases: &["тренировка"],
        required: true,
    },
    Column {
        key: "order",
        title: "№",
        aliases: &["номер", "n", "порядок"],
        required: true,
    },
    Column {
        key: "exercise",
        title: "Упражнение",
        aliases: &[],
        required: true,
    },
    Column {
        key: "sets",
        title: "Подходы",
        aliases: &["подходов"],
        required: true,
    },
    Column {
        key: "reps",
        title: "Повторы",
        aliases: &["повторения", "повторений"],
        required: true,
    },
    Column {
        key: "rest_seconds",
        title: "Отдых, сек",
        aliases: &["отдых", "отдых с", "отдых секунд", "rest"],
        required: true,
    },
    Column {
        key: "intensity",
        title: "Интенсивность",
        aliases: &["rpe"],
        required: true,
    },
    Column {
        key: "notes",
        title: "Заметки",
        aliases: &["комментарий", "примечания"],
        required: true,
    },
    Column {
        key: "video",
        title: "Видео",
        aliases: &["ссылка"],
        required: true,
    },
    Column {
        key: "load",
        title: "Вес",
        aliases: &["нагрузка", "рабочий вес", "weight"],
        required: false,
    },
    Column {
        key: "notes_en",
        title: "Заметки по-английски",
        aliases: &["английские заметки", "notes in english", "english notes"],
        required: false,
    },
];

/// What makes rows one plan.
#[derive(Clone, PartialEq, Eq, Hash)]
struct Key {
    levels: Vec<Level>,
    goals: Vec<Goal>,
    place: Place,
    equipment: Equipment,
    days_per_week: u8,
}

/// Reads a table of plans; `sheet` is the name used in errors and row ids.
/// Errors: every wrong cell, two rows in one place, missing workouts; at most [`super::MAX_ERRORS`].
pub fn import_plans(csv: &[u8], sheet: &str) -> Result<PlanTable, ImportErrors> {
    let mut table = reader::read(csv, sheet, &COLUMNS)?;
    let filled_cells = fill_merged(&mut table);
    let mut errors = ImportErrors::default();
    let mut plans: Vec<Plan> = Vec::new();
    let mut index: HashMap<Key, usize> = HashMap::new();
    let mut shared = Shared::default();
    for row in &table.rows {
        let errors = &mut errors;
        let levels = table.parse(row, LEVEL, Expected::Levels, errors, values::levels);
        let goals = table.parse(row, GOAL, Expected::Goals, errors, values::goals);
        let place = table.parse(row, PLACE, Expected::Place, errors, values::place);
        let equipment = table.parse(row, EQUIPMENT, Expected::Equipment, errors, |cell| {
            // A gym offers everything and a home is no gym, whatever the cell says.
            values::equipment(cell)
                .filter(|value| place.is_none_or(|p| (p == Place::Gym) == (*value == Equipment::Gym)))
        });
        let days_per_week = table.parse(row, DAYS_PER_WEEK, Expected::DaysPerWeek, errors, |cell| {
            values::number(cell, 2..=4, &[])
        });
        let weeks = table.parse(row, WEEK, Expected::Weeks, errors, Weeks::parse);
        let last_day = days_per_week.unwrap_or(4);
        let day = table.parse(row, DAY, Expected::Day, errors, |cell| {
            values::number(cell, 1..=last_day, &[])
        });
        let order = table.parse(row, ORDER, Expected::Order, errors, |cell| {
            values::number(cell, 1..=30, &[])
        });
        let exercise = table.parse(row, EXERCISE, Expected::ShortText, errors, |cell| text(cell, 100));
        let sets = table.parse(row, SETS, Expected::Sets, errors, |cell| {
            values::number(cell, 1..=10, &[])
        });
        let reps = table.parse(row, REPS, Expected::Reps, errors, Reps::parse);
        let rest = table.parse(row, REST, Expected::Rest, errors, |cell| {
            values::number(cell, 0..=300, &["сек.", "сек", "sec", "s", "с"])
        });
        let intensity = table.parse_optional(row, INTENSITY, Expected::ShortText, errors, |cell| text(cell, 40));
        let notes = table.parse_optional(row, NOTES, Expected::ShortText, errors, |cell| text(cell, 300));
        let notes_en = table.parse_optional(row, NOTES_EN, Expected::ShortText, errors, |cell| text(cell, 300));
        let video = table.parse_optional(row, VIDEO, Expected::Url, errors, values::https_url);
        let load = table.parse_optional(row, LOAD, Expected::Load, errors, LoadRule::parse);
        let (Some(levels), Some(goals), Some(place), Some(equipment), Some(days_per_week)) =
            (levels, goals, place, equipment, days_per_week)
        else {
            continue;
        };
        let (Some(weeks), Some(day), Some(order), Some(exercise), Some(sets), Some(reps), Some(rest_seconds)) =
            (weeks, day, order, exercise, sets, reps, rest)
        else {
            continue;
        };
        let key = Key {
            levels,
            goals,
            place,
            equipment,
            days_per_week: days_per_week as u8,
        };
        let position = *index.entry(key.clone()).or_insert_with(|| {
            plans.push(Plan {
                levels: key.levels,
                goals: key.goals,
                place: key.place,
                equipment: key.equipment,
                days_per_week: key.days_per_week,
                rows: Vec::new(),
            });
            plans.len() - 1
        });
        if let Some(plan) = plans.get_mut(position) {
            plan.rows.push(PlanRow {
                row: row.number,
                weeks,
                day: day as u8,
                order: order as u8,
                exercise: shared.text(&exercise),
                sets: sets as u8,
                reps,
                rest_seconds,
                intensity: intensity.as_deref().map(|text| shared.text(text)),
                notes: notes.as_deref().map(|text| shared.text(text)),
                notes_en: notes_en.as_deref().map(|text| shared.text(text)),
                video: video.as_deref().map(|text| shared.text(text)),
                load,
            });
        }
    }
    // Holes are only worth naming once every cell is understood: a refused row is itself a hole.
    let sound = errors.errors.is_empty();
    for plan in &mut plans {
        plan.rows.sort_by_key(|row| (row.day, row.order, row.row));
        plan.rows.shrink_to_fit();
        if sound {
            check_places(plan, &table, &mut errors);
        }
    }
    let exercise_column = table
        .rows
        .first()
        .map(|row| table.error(row, EXERCISE, Problem::Empty))
        .and_then(|probe| {
            let letters = probe.cell?.trim_end_matches(|c: char| c.is_ascii_digit()).to_owned();
            Some((probe.column?, letters))
        })
        .unwrap_or_default();
    errors.into_result(PlanTable {
        sheet: sheet.to_owned(),
        plans,
        filled_cells,
        exercise_column,
    })
}

/// A merged cell is exported as one value and empty cells below. Whom a plan is for may be filled in wherever a row has an
/// exercise; week and day only while the numbering of the workout goes on, so that a forgotten number is never guessed.
fn fill_merged(table: &mut reader::Sheet) -> u32 {
    let has_work = |table: &reader::Sheet, row: &reader::Row| {
        [EXERCISE, SETS, REPS]
            .iter()
            .all(|column| !table.cell(row, *column).is_empty())
    };
    let whom = table.fill_down(&[LEVEL, GOAL, PLACE, EQUIPMENT, DAYS_PER_WEEK], |table, _, row| {
        has_work(table, row)
    });
    let when = table.fill_down(&[WEEK, DAY], |table, above, row| {
        let order = |row| values::number(table.cell(row, ORDER), 1..=30, &[]);
        let same_plan = [LEVEL, GOAL, PLACE, EQUIPMENT, DAYS_PER_WEEK]
            .iter()
            .all(|column| table.cell(above, *column) == table.cell(row, *column));
        has_work(table, row) && same_plan && order(above).is_some_and(|before| order(row) == Some(before + 1))
    });
    whom + when
}

fn check_places(plan: &Plan, table: &reader::Sheet, errors: &mut ImportErrors) {
    let mut taken: HashMap<(u8, u8, u8), u32> = HashMap::new();
    let mut reported = 0;
    for row in &plan.rows {
        for week in row.weeks.iter() {
            if let Some(first_row) = taken.insert((week, row.day, row.order), row.row)
                && first_row != reported
            {
                reported = first_row;
                let problem = Problem::DuplicatePlace {
                    week,
                    day: row.day,
                    order: row.order,
                    first_row,
                };
                errors.push(table.error_at(row.row, ORDER, problem));
            }
        }
    }
    for week in 1..=super::WEEKS {
        for day in 1..=plan.days_per_week {
            if !plan.rows.iter().any(|row| row.day == day && row.weeks.contains(week)) {
                let first = plan.rows.iter().map(|row| row.row).min().unwrap_or_default();
                errors.push(table.error_at(
                    first,
                    WEEK,
                    Problem::MissingWorkout {
                        plan: plan.label(),
                        week,
                        day,
                    },
                ));
            }
        }
    }
}

impl Plan {
    /// For whom the plan is, in words: "начинающий, сила, зал, 4 дня".
    pub fn title(&self, language: Language) -> String {
        let any = |ru: &str, en: &str| match language {
            Language::Ru => ru.to_owned(),
            Language::En => en.to_owned(),
        };
        let levels: Vec<&str> = self
            .levels
            .iter()
            .map(|level| labels::level(*level, language))
            .collect();
        let goals: Vec<&str> = self.goals.iter().map(|goal| labels::goal(*goal, language)).collect();
        let mut parts = Vec::new();
        parts.push(if levels.len() == Level::ALL.len() {
            any("любой уровень", "any level")
        } else {
            levels.join(" / ")
        });
        parts.push(if goals.len() == Goal::ALL.len() {
            any("любая цель", "any goal")
        } else {
            goals.join(" / ")
        });
        parts.push(labels::place(self.place, language).to_owned());
        if self.place == Place::Home {
            parts.push(labels::equipment(self.equipment, language).to_owned());
        }
        parts.push(format!(
            "{} {}",
            self.days_per_week,
            days_word(self.days_per_week, language)
        ));
        parts.join(", ")
    }

    /// The plan's place in the table, in its own words: `beginner / fat_loss / home / basic / 3`.
    pub fn label(&self) -> String {
        let levels: Vec<&str> = self.levels.iter().map(|level| level.code()).collect();
        let goals: Vec<&str> = self.goals.iter().map(|goal| goal.code()).collect();
        format!(
            "{} / {} / {} / {} / {}",
            levels.join(";"),
            goals.join(";"),
            self.place,
            self.equipment,
            self.days_per_week
        )
    }
}

impl PlanTable {
    /// Puts the exercise's id in place of whatever name a row uses. Errors: rows that name an exercise the library lacks,
    /// or one that needs more than the plan's equipment.
    pub(crate) fn link(&mut self, library: &ExerciseLibrary, errors: &mut ImportErrors) {
        let (title, letters) = &self.exercise_column;
        let mut shared = Shared::default();
        for plan in &mut self.plans {
            for row in &mut plan.rows {
                let problem = match library.find(&row.exercise) {
                    None => Problem::UnknownExercise {
                        similar: library.nearest(&row.exercise).map(|found| found.name.clone()),
                        value: row.exercise.to_string(),
                    },
                    Some(found) if found.equipment > plan.equipment => Problem::ExerciseNeedsMore {
                        exercise: found.name.ru.clone(),
                    },
                    Some(found) => {
                        row.exercise = shared.text(&found.id);
                        continue;
                    }
                };
                errors.push(ImportError {
                    sheet: self.sheet.clone(),
                    row: Some(row.row),
                    column: Some(title.clone()),
                    cell: Some(format!("{letters}{}", row.row)),
                    problem,
                });
            }
        }
    }
}
