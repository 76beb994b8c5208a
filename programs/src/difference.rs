//! What a new set of tables has otherwise than the old: shown to a trainer before it is used.

use std::collections::BTreeMap;
use std::sync::Arc;

use domain::language::{Language, Localized};
use serde::{Deserialize, Serialize};

use crate::matching::quotable;
use crate::table::{Exercise, Plan, PlanRow, PlanTable};
use crate::templates::Templates;
use crate::text::{exercises_word, plans_word, rows_word};

#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Difference {
    pub plans_added: Vec<PlanName>,
    pub plans_removed: Vec<PlanName>,
    pub plans_changed: Vec<PlanChange>,
    pub exercises_added: Vec<ExerciseName>,
    pub exercises_removed: Vec<ExerciseName>,
    pub exercises_changed: Vec<ExerciseChange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanName {
    pub sheet: String,
    /// `beginner / fat_loss / home / basic / 3`.
    pub plan: String,
    /// For whom it is, in words.
    pub title: Localized,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PlanChange {
    #[serde(flatten)]
    pub name: PlanName,
    pub rows: Vec<RowChange>,
}

/// A row that came, went or changed. Rows that only moved within the sheet are no change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RowChange {
    /// The row's number in the old sheet and in the new one.
    pub old_row: Option<u32>,
    pub new_row: Option<u32>,
    pub day: u8,
    /// The exercise's id in the new sheet, or in the old one if it went.
    pub exercise: String,
    /// What changed; empty for a row that came or went.
    pub cells: Vec<CellChange>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CellChange {
    /// The column's key.
    pub column: String,
    pub from: String,
    pub to: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExerciseName {
    pub id: String,
    pub name: Localized,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ExerciseChange {
    pub id: String,
    pub name: Localized,
    /// It is no longer given to anybody: programmes that use it may be made anew.
    pub is_newly_withdrawn: bool,
    pub cells: Vec<CellChange>,
}

/// Compares two sets of tables by content: the order of rows and their numbers don't matter.
pub fn difference(old: &Templates, new: &Templates) -> Difference {
    let mut difference = Difference::default();
    for (before, after) in [(&old.men, &new.men), (&old.women, &new.women)] {
        tables(&mut difference, before, after);
    }
    for exercise in new.exercises.iter() {
        match old.exercises.iter().find(|before| before.id == exercise.id) {
            None => difference.exercises_added.push(name_of(exercise)),
            Some(before) => {
                let cells = changed(&exercise_cells(before), &exercise_cells(exercise));
                if !cells.is_empty() {
                    difference.exercises_changed.push(ExerciseChange {
                        id: exercise.id.clone(),
                        name: exercise.name.clone(),
                        is_newly_withdrawn: exercise.is_withdrawn && !before.is_withdrawn,
                        cells,
                    });
                }
            }
        }
    }
    for exercise in old.exercises.iter() {
        if !new.exercises.iter().any(|after| after.id == exercise.id) {
            difference.exercises_removed.push(name_of(exercise));
        }
    }
    difference
}

fn tables(difference: &mut Difference, old: &PlanTable, new: &PlanTable) {
    let by_label = |table: &PlanTable| -> BTreeMap<String, Plan> {
        table.plans.iter().map(|plan| (plan.label(), plan.clone())).collect()
    };
    let (before, after) = (by_label(old), by_label(new));
    let name = |label: &String, plan: &Plan| PlanName {
        sheet: new.sheet.clone(),
        plan: label.clone(),
        title: Localized::new(plan.title(Language::Ru), plan.title(Language::En)),
    };
    for (label, plan) in &after {
        match before.get(label) {
            None => difference.plans_added.push(name(label, plan)),
            Some(earlier) => {
                let rows = rows(earlier, plan);
                if !rows.is_empty() {
                    difference.plans_changed.push(PlanChange {
                        name: name(label, plan),
                        rows,
                    });
                }
            }
        }
    }
    let gone = before.iter().filter(|(label, _)| !after.contains_key(*label));
    difference
        .plans_removed
        .extend(gone.map(|(label, plan)| name(label, plan)));
}

fn rows(old: &Plan, new: &Plan) -> Vec<RowChange> {
    let mut left: Vec<(&PlanRow, Cells)> = old.rows.iter().map(|row| (row, row_cells(row))).collect();
    let mut unmatched: Vec<(&PlanRow, Cells)> = Vec::new();
    for row in &new.rows {
        let cells = row_cells(row);
        match left
            .iter()
            .position(|(before, other)| before.day == row.day && *other == cells)
        {
            Some(index) => drop(left.remove(index)),
            None => unmatched.push((row, cells)),
        }
    }
    let mut changes = Vec::new();
    for (row, cells) in unmatched {
        // The same place in the workout in some of the same weeks, the same exercise before another one.
        let twin = left
            .iter()
            .enumerate()
            .filter(|(_, (before, _))| {
                before.day == row.day && before.order == row.order && before.weeks.overlaps(row.weeks)
            })
            .min_by_key(|(_, (before, _))| before.exercise != row.exercise)
            .map(|(index, _)| index);
        let before = twin.map(|index| left.remove(index));
        changes.push(RowChange {
            old_row: before.as_ref().map(|(before, _)| before.row),
            new_row: Some(row.row),
            day: row.day,
            exercise: row.exercise.to_string(),
            cells: before.map(|(_, before)| changed(&before, &cells)).unwrap_or_default(),
        });
    }
    changes.extend(left.into_iter().map(|(row, _)| RowChange {
        old_row: Some(row.row),
        new_row: None,
        day: row.day,
        exercise: row.exercise.to_string(),
        cells: Vec::new(),
    }));
    changes
}

/// Values by column key, in the order of the columns.
type Cells = Vec<(&'static str, String)>;

fn changed(old: &Cells, new: &Cells) -> Vec<CellChange> {
    old.iter()
        .zip(new)
        .filter(|((_, from), (_, to))| from != to)
        .map(|((column, from), (_, to))| CellChange {
            column: (*column).to_owned(),
            from: from.clone(),
            to: to.clone(),
        })
        .collect()
}

fn row_cells(row: &PlanRow) -> Cells {
    let text = |value: &Option<Arc<str>>| value.as_deref().unwrap_or_default().to_owned();
    vec![
        ("week", row.weeks.to_string()),
        ("order", row.order.to_string()),
        ("exercise", row.exercise.to_string()),
        ("sets", row.sets.to_string()),
        ("reps", row.reps.to_string()),
        ("rest_seconds", row.rest_seconds.to_string()),
        ("intensity", text(&row.intensity)),
        ("notes", text(&row.notes)),
        ("video", text(&row.video)),
        ("load", row.load.map(|rule| rule.to_string()).unwrap_or_default()),
        ("notes_en", text(&row.notes_en)),
    ]
}

fn exercise_cells(exercise: &Exercise) -> Cells {
    let text = |value: &Option<String>| value.clone().unwrap_or_default();
    let list = |codes: Vec<&str>| codes.join(";");
    vec![
        ("name_ru", exercise.name.ru.clone()),
        ("name_en", exercise.name.en.clone()),
        (
            "muscles",
            list(exercise.muscles.iter().map(|muscle| muscle.code()).collect()),
        ),
        ("pattern", exercise.pattern.code().to_owned()),
        ("equipment", exercise.equipment.code().to_owned()),
        ("technique_ru", exercise.technique.ru.clone()),
        ("technique_en", exercise.technique.en.clone()),
        ("mistakes_ru", exercise.mistakes.ru.clone()),
        ("mistakes_en", exercise.mistakes.en.clone()),
        ("easier", text(&exercise.easier)),
        ("harder", text(&exercise.harder)),
        (
            "contraindications",
            list(exercise.contraindications.iter().map(|area| area.code()).collect()),
        ),
        ("video", text(&exercise.video)),
        ("withdrawn", if exercise.is_withdrawn { "yes" } else { "" }.to_owned()),
    ]
}

fn name_of(exercise: &Exercise) -> ExerciseName {
    ExerciseName {
        id: exercise.id.clone(),
        name: exercise.name.clone(),
    }
}

impl Difference {
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// A few lines for a message: how much, with the first names.
    pub fn summary(&self, language: Language) -> String {
        let ru = language == Language::Ru;
        if self.is_empty() {
            return if ru {
                "Ничего не изменилось."
            } else {
                "Nothing has changed."
            }
            .to_owned();
        }
        let mut lines = Vec::new();
        let mut line = |count: usize, word: &dyn Fn(u32) -> &'static str, verb: &str, names: Vec<String>| {
            if count > 0 {
                let counted = format!("{count} {}", word(u32::try_from(count).unwrap_or(u32::MAX)));
                lines.push(format!("{verb} {counted}{}", examples(&names, language)));
            }
        };
        let pick = |russian: &'static str, english: &'static str| if ru { russian } else { english };
        let plans = |count| plans_word(count, language);
        let exercises = |count| exercises_word(count, language);
        let of_plans = |names: &[PlanName]| {
            names
                .iter()
                .map(|name| format!("{}: {}", name.sheet, name.title.get(language)))
                .collect()
        };
        let of_exercises = |names: &[ExerciseName]| names.iter().map(|found| quoted(&found.name, language)).collect();
        line(
            self.plans_added.len(),
            &plans,
            pick("Добавлено:", "Added:"),
            of_plans(&self.plans_added),
        );
        line(
            self.plans_removed.len(),
            &plans,
            pick("Убрано:", "Removed:"),
            of_plans(&self.plans_removed),
        );
        line(
            self.plans_changed.len(),
            &plans,
            pick("Изменено:", "Changed:"),
            self.plans_changed
                .iter()
                .map(|change| {
                    let rows = change.rows.len();
                    let word = rows_word(u32::try_from(rows).unwrap_or(u32::MAX), language);
                    format!(
                        "{}: {}, {rows} {word}",
                        change.name.sheet,
                        change.name.title.get(language)
                    )
                })
                .collect(),
        );
        let added = of_exercises(&self.exercises_added);
        line(
            self.exercises_added.len(),
            &exercises,
            pick("Добавлено:", "Added:"),
            added,
        );
        let removed = of_exercises(&self.exercises_removed);
        line(
            self.exercises_removed.len(),
            &exercises,
            pick("Убрано:", "Removed:"),
            removed,
        );
        let (withdrawn, changed): (Vec<_>, Vec<_>) = self
            .exercises_changed
            .iter()
            .partition(|change| change.is_newly_withdrawn);
        let names = |of: &[&ExerciseChange]| of.iter().map(|change| quoted(&change.name, language)).collect();
        line(
            withdrawn.len(),
            &exercises,
            pick("Отозвано:", "Withdrawn:"),
            names(&withdrawn),
        );
        line(
            changed.len(),
            &exercises,
            pick("Изменено:", "Changed:"),
            names(&changed),
        );
        lines.join("\n")
    }
}

fn quoted(name: &Localized, language: Language) -> String {
    let name = quotable(name.get(language));
    match language {
        Language::Ru => format!("«{name}»"),
        Language::En => format!("\"{name}\""),
    }
}

/// ` (first, second, third…)`.
fn examples(names: &[String], language: Language) -> String {
    const SHOWN: usize = 3;
    if names.is_empty() {
        return String::new();
    }
    let mut list: Vec<String> = names.iter().take(SHOWN).cloned().collect();
    if names.len() > SHOWN {
        list.push(match language {
            Language::Ru => format!("и ещё {}", names.len() - SHOWN),
            Language::En => format!("and {} more", names.len() - SHOWN),
        });
    }
    format!(" ({})", list.join("; "))
}
