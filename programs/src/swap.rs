//! Another exercise in a finished programme, by a person's choice.

use domain::language::{Language, Localized};
use domain::profile::Profile;
use serde::{Deserialize, Serialize};

use crate::matching::{self, Rank, Relaxation, Wanted, is_standing_in};
use crate::programme::{Item, Programme};
use crate::table::{Exercise, ExerciseLibrary, Plan, PlanRow, Reps};
use crate::templates::Templates;

/// How an alternative compares with what it would replace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Relation {
    Equivalent,
    Easier,
    Harder,
}

impl Relation {
    pub const fn text(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Equivalent, Language::Ru) => "такое же",
            (Self::Equivalent, Language::En) => "equal",
            (Self::Easier, Language::Ru) => "легче",
            (Self::Easier, Language::En) => "easier",
            (Self::Harder, Language::Ru) => "сложнее",
            (Self::Harder, Language::En) => "harder",
        }
    }
}

/// What may stand in a line's place.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Alternative {
    pub exercise_id: String,
    pub name: Localized,
    pub relation: Relation,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum SwapError {
    /// The programme has no such line.
    #[error("the programme has no row {row_id}")]
    NoSuchRow { row_id: String },
    /// Not in the library, or not for this client, or already in that workout.
    #[error("{exercise_id} cannot stand in row {row_id}")]
    NotAllowed { row_id: String, exercise_id: String },
}

impl SwapError {
    pub fn text(&self, language: Language) -> String {
        match (self, language) {
            (Self::NoSuchRow { .. }, Language::Ru) => "В этой версии программы такого упражнения уже нет.",
            (Self::NoSuchRow { .. }, Language::En) => "This version of the programme no longer has that exercise.",
            (Self::NotAllowed { .. }, Language::Ru) => {
                "Это упражнение сюда не подходит: нужен другой инвентарь, его просили беречь или оно уже есть в этот день."
            }
            (Self::NotAllowed { .. }, Language::En) => {
                "This exercise does not fit here: it needs other equipment, should be spared, or is in that workout already."
            }
        }
        .to_owned()
    }
}

/// The longest list a person reads on a phone.
const MOST: usize = 12;

/// What could replace the exercise in line `row_id`, best first, at most twelve: what the client's equipment and spared
/// areas allow, measured as the line is, and not in that workout already. Empty if the line doesn't exist.
pub fn alternatives(templates: &Templates, programme: &Programme, profile: &Profile, row_id: &str) -> Vec<Alternative> {
    let Some(place) = Place::of(programme, row_id) else {
        return Vec::new();
    };
    let library = &templates.exercises;
    let Some(current) = library.find(place.exercise_id) else {
        return Vec::new();
    };
    let mut ranked: Vec<(Rank, &Exercise)> = library
        .iter()
        .filter(|candidate| place.admits(templates, programme, profile, candidate))
        .filter_map(|candidate| {
            Some((
                matching::rank(library, current, candidate, &templates.measures)?,
                candidate,
            ))
        })
        .collect();
    ranked.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.id.cmp(&y.id)));
    ranked
        .into_iter()
        .take(MOST)
        .map(|(_, candidate)| Alternative {
            exercise_id: candidate.id.clone(),
            name: candidate.name.clone(),
            relation: relation(library, current, candidate),
        })
        .collect()
}

/// Puts `to_exercise_id` in place of the exercise of line `row_id`: in every week in which that workout has the
/// exercise, so that the client meets one movement throughout. Sets, repetitions and rest stay; the row's weight and note
/// go with the exercise they speak of, and come back if it does.
/// Errors: [`SwapError`] if there is no such line or [`alternatives`] would not allow the exercise (apart from its rank).
pub fn swap(
    templates: &Templates,
    programme: &Programme,
    profile: &Profile,
    row_id: &str,
    to_exercise_id: &str,
) -> Result<Programme, SwapError> {
    let place = Place::of(programme, row_id).ok_or_else(|| SwapError::NoSuchRow {
        row_id: row_id.to_owned(),
    })?;
    let refused = || SwapError::NotAllowed {
        row_id: row_id.to_owned(),
        exercise_id: to_exercise_id.to_owned(),
    };
    let to = templates.exercises.find(to_exercise_id).ok_or_else(refused)?;
    if !place.admits(templates, programme, profile, to) {
        return Err(refused());
    }
    let side = templates.measures.side(to);
    let is_same_version = templates.version == programme.templates_version;
    let mut swapped = programme.clone();
    let mut from: Option<Localized> = None;
    for week in &mut swapped.weeks {
        for day in week.days.iter_mut().filter(|day| day.number == place.day) {
            for item in &mut day.items {
                if item.exercise_id != place.exercise_id {
                    continue;
                }
                from.get_or_insert_with(|| item.name.clone());
                matching::put(item, to, side);
                if is_same_version
                    && let Some((plan, row)) = row_of(templates, profile, &item.row_id)
                    && *row.exercise == *to.id
                {
                    restore(item, plan, row, profile, week.number);
                }
            }
        }
    }
    explain(
        &mut swapped,
        place.exercise_id,
        from.unwrap_or_else(|| Localized::new("", "")),
        to,
    );
    Ok(swapped)
}

/// Where a line stands.
struct Place<'a> {
    exercise_id: &'a str,
    day: u8,
    is_time: bool,
}

impl<'a> Place<'a> {
    fn of(programme: &'a Programme, row_id: &str) -> Option<Self> {
        let (_, day, item) = programme.items().find(|(_, _, item)| item.row_id == row_id)?;
        Some(Self {
            exercise_id: &item.exercise_id,
            day: day.number,
            is_time: Reps::parse(&item.reps).is_some_and(Reps::is_time),
        })
    }

    fn admits(&self, templates: &Templates, programme: &Programme, profile: &Profile, candidate: &Exercise) -> bool {
        let allowed = Wanted::of(profile).equipment;
        let is_there = |items: &[Item], id: &str| items.iter().any(|item| item.exercise_id == id);
        is_standing_in(
            candidate,
            allowed,
            &profile.spared_areas,
            &templates.measures,
            self.is_time,
        ) && candidate.id != self.exercise_id
            && !programme
                .weeks
                .iter()
                .flat_map(|week| week.days.iter().filter(|day| day.number == self.day))
                .any(|day| is_there(&day.items, self.exercise_id) && is_there(&day.items, &candidate.id))
    }
}

fn relation(library: &ExerciseLibrary, current: &Exercise, candidate: &Exercise) -> Relation {
    // Longer than any chain of variants; a loop in a sheet must not hang us.
    const FAR: usize = 10;
    let leads = |from: &Exercise, to: &str, next: fn(&Exercise) -> Option<&str>| {
        std::iter::successors(Some(from), |step| next(step).and_then(|id| library.find(id)))
            .skip(1)
            .take(FAR)
            .any(|step| step.id == to)
    };
    let easier = |exercise: &Exercise, to: &str| leads(exercise, to, |step| step.easier.as_deref());
    let harder = |exercise: &Exercise, to: &str| leads(exercise, to, |step| step.harder.as_deref());
    if easier(current, &candidate.id) || harder(candidate, &current.id) {
        Relation::Easier
    } else if harder(current, &candidate.id) || easier(candidate, &current.id) {
        Relation::Harder
    } else {
        Relation::Equivalent
    }
}

fn row_of<'t>(templates: &'t Templates, profile: &Profile, row_id: &str) -> Option<(&'t Plan, &'t PlanRow)> {
    let table = templates.plans(profile.sex);
    let number: u32 = row_id.strip_prefix(&table.sheet)?.strip_prefix(':')?.parse().ok()?;
    table
        .plans
        .iter()
        .find_map(|plan| Some((plan, plan.rows.iter().find(|row| row.row == number)?)))
}

/// The row's own exercise has come back, and with it what the row says of it.
fn restore(item: &mut Item, plan: &Plan, row: &PlanRow, profile: &Profile, week: u8) {
    item.notes = row.notes.as_deref().map(str::to_owned);
    item.notes_en = row.notes_en.as_deref().map(str::to_owned);
    item.load = matching::Loads::new(plan, profile).at(row, week);
    if row.video.is_some() {
        item.video = row.video.as_deref().map(str::to_owned);
    }
}

/// A second change of mind leaves one sentence, a full circle none.
fn explain(programme: &mut Programme, from_id: &str, from: Localized, to: &Exercise) {
    let earlier = programme
        .explanation
        .iter()
        .rposition(|relaxation| matches!(relaxation, Relaxation::Chosen { to_id, .. } if to_id == from_id))
        .map(|index| programme.explanation.remove(index));
    let (from_id, from) = match earlier {
        Some(Relaxation::Chosen { from_id, from, .. }) => (from_id, from),
        _ => (from_id.to_owned(), from),
    };
    if from_id != to.id {
        programme.explanation.push(Relaxation::Chosen {
            from_id,
            from,
            to_id: to.id.clone(),
            to: to.name.clone(),
        });
    }
}
