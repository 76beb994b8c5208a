//! Equivalents for exercises that a client should spare themselves.
//!
//! A stand-in trains the same pattern, needs no more equipment than there is, conflicts with no spared area, is measured
//! the same way (repetitions or time, so that the row's numbers keep their meaning) and isn't in that workout in the same weeks already.
//! The row's own easier variant comes first, then exercises of the same pattern by shared muscles, equipment and further
//! easier variants, then those of a kindred pattern that share a muscle. The choice is made once per workout, so a client
//! meets the same stand-in every week.

use std::collections::BTreeMap;

use domain::profile::{Equipment, SparedArea};

use super::Relaxation;
use crate::measures::Measures;
use crate::table::{Exercise, ExerciseLibrary, Pattern, Plan, PlanRow, Weeks};
use crate::templates::Templates;

pub(super) struct Substitutes<'a> {
    library: &'a ExerciseLibrary,
    /// By workout and the exercise's id.
    choices: BTreeMap<(u8, &'a str), Choice<'a>>,
}

pub(super) struct Resolved<'a> {
    pub exercise: &'a Exercise,
    pub is_stand_in: bool,
    /// A stand-in's own note, in place of the row's.
    pub note: Option<&'a str>,
}

struct Choice<'a> {
    /// "На каждую ногу", where the stand-in is done one side at a time.
    note: Option<&'a str>,
    original: &'a Exercise,
    area: SparedArea,
    stand_in: Option<&'a Exercise>,
}

impl<'a> Substitutes<'a> {
    pub fn new(
        templates: &'a Templates,
        plan: &'a Plan,
        days: u8,
        equipment: Equipment,
        spared: &[SparedArea],
    ) -> Self {
        let library = &templates.exercises;
        let mut choices = BTreeMap::new();
        if spared.is_empty() {
            return Self { library, choices };
        }
        let measures = &templates.measures;
        let allowed = equipment.min(plan.equipment);
        for day in 1..=days {
            let rows: Vec<(&PlanRow, &Exercise)> = plan
                .rows
                .iter()
                .filter(|row| row.day == day)
                .filter_map(|row| Some((row, library.find(&row.exercise)?)))
                .collect();
            // In which weeks each exercise is done that day, stand-ins included.
            let mut done: BTreeMap<&str, Weeks> = BTreeMap::new();
            for (row, exercise) in &rows {
                let weeks = done.entry(&exercise.id).or_default();
                *weeks = weeks.union(row.weeks);
            }
            for (row, exercise) in rows {
                let Some(area) = exercise.conflicts_with(spared) else {
                    continue;
                };
                if choices.contains_key(&(day, exercise.id.as_str())) {
                    continue;
                }
                let weeks = done.get(exercise.id.as_str()).copied().unwrap_or_default();
                let stand_in = library
                    .iter()
                    .filter(|candidate| {
                        candidate.equipment <= allowed
                            && candidate.conflicts_with(spared).is_none()
                            && done
                                .get(candidate.id.as_str())
                                .is_none_or(|taken| !taken.overlaps(weeks))
                            && measures.allows(candidate, row.reps.is_time())
                    })
                    .filter_map(|candidate| Some((rank(library, exercise, candidate, measures)?, candidate)))
                    .min_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.id.cmp(&y.id)))
                    .map(|(_, candidate)| candidate);
                if let Some(found) = stand_in {
                    let taken = done.entry(&found.id).or_default();
                    *taken = taken.union(weeks);
                }
                let note = stand_in.and_then(|found| measures.side_note(found));
                choices.insert(
                    (day, exercise.id.as_str()),
                    Choice {
                        note,
                        original: exercise,
                        area,
                        stand_in,
                    },
                );
            }
        }
        Self { library, choices }
    }

    /// What to do for a row; `None` if it is left out.
    pub fn resolve(&self, row: &PlanRow) -> Option<Resolved<'a>> {
        let exercise = self.library.find(&row.exercise)?;
        match self.choices.get(&(row.day, exercise.id.as_str())) {
            None => Some(Resolved {
                exercise,
                is_stand_in: false,
                note: None,
            }),
            Some(choice) => choice.stand_in.map(|exercise| Resolved {
                exercise,
                is_stand_in: true,
                note: choice.note,
            }),
        }
    }

    /// Each swap and each omission among `rows`, once, in their order.
    pub fn explanation<'r>(&self, rows: impl Iterator<Item = &'r PlanRow>) -> Vec<Relaxation> {
        let mut explanation: Vec<Relaxation> = Vec::new();
        for row in rows {
            let Some(exercise) = self.library.find(&row.exercise) else {
                continue;
            };
            let Some(choice) = self.choices.get(&(row.day, exercise.id.as_str())) else {
                continue;
            };
            let relaxation = match choice.stand_in {
                Some(stand_in) => Relaxation::Swapped {
                    area: choice.area,
                    from_id: choice.original.id.clone(),
                    from: choice.original.name.clone(),
                    to_id: stand_in.id.clone(),
                    to: stand_in.name.clone(),
                },
                None => Relaxation::Dropped {
                    area: choice.area,
                    exercise_id: choice.original.id.clone(),
                    exercise: choice.original.name.clone(),
                },
            };
            if !explanation.contains(&relaxation) {
                explanation.push(relaxation);
            }
        }
        explanation
    }
}

/// How good a stand-in is, smaller is better, compared field by field.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
struct Rank {
    kinship: usize,
    is_no_easier_variant: bool,
    missing_muscles: usize,
    equipment_steps: u8,
    steps_down: usize,
    is_harder: bool,
    is_unknown: bool,
}

/// `None` if the candidate is no equivalent.
fn rank(library: &ExerciseLibrary, exercise: &Exercise, candidate: &Exercise, measures: &Measures) -> Option<Rank> {
    const FAR: usize = 10;
    let shared = exercise
        .muscles
        .iter()
        .filter(|muscle| candidate.muscles.contains(muscle))
        .count();
    let kinship = if candidate.pattern == exercise.pattern {
        0
    } else {
        let position = kin(exercise.pattern)
            .iter()
            .position(|pattern| *pattern == candidate.pattern)?;
        if shared == 0 {
            return None;
        }
        position + 1
    };
    let easier = |of: &Exercise| of.easier.as_deref().and_then(|id| library.find(id));
    let steps_down = std::iter::successors(easier(exercise), |step| easier(step))
        .take(FAR)
        .position(|step| step.id == candidate.id)
        .unwrap_or(FAR);
    Some(Rank {
        kinship,
        is_no_easier_variant: steps_down > 0,
        missing_muscles: exercise.muscles.len() - shared,
        equipment_steps: steps(candidate.equipment).abs_diff(steps(exercise.equipment)),
        steps_down,
        is_harder: exercise.harder.as_deref() == Some(candidate.id.as_str()),
        is_unknown: !measures.knows(candidate),
    })
}

const fn steps(equipment: Equipment) -> u8 {
    match equipment {
        Equipment::None => 0,
        Equipment::Basic => 1,
        Equipment::Gym => 2,
    }
}

/// Patterns that train much of the same, nearest first.
const fn kin(pattern: Pattern) -> &'static [Pattern] {
    match pattern {
        Pattern::Squat => &[Pattern::Lunge, Pattern::Glute, Pattern::Hinge],
        Pattern::Lunge => &[Pattern::Squat, Pattern::Glute, Pattern::Hinge],
        Pattern::Hinge => &[Pattern::Glute, Pattern::Lunge, Pattern::Squat],
        Pattern::Glute => &[Pattern::Hinge, Pattern::Lunge],
        Pattern::PushHorizontal => &[Pattern::PushVertical, Pattern::IsolationArms],
        Pattern::PushVertical => &[Pattern::IsolationShoulders, Pattern::PushHorizontal],
        Pattern::PullHorizontal => &[Pattern::PullVertical],
        Pattern::PullVertical => &[Pattern::PullHorizontal],
        Pattern::Carry => &[Pattern::Core],
        Pattern::IsolationShoulders => &[Pattern::PushVertical],
        Pattern::Core | Pattern::Cardio | Pattern::Mobility | Pattern::IsolationArms | Pattern::Calf => &[],
    }
}
