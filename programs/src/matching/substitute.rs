//! Equivalents for exercises that a client should spare themselves.
//!
//! A stand-in trains the same pattern, needs no more equipment than there is, conflicts with no spared area, is measured
//! the same way (repetitions or time, so that the row's numbers keep their meaning) and isn't in that workout already.
//! The row's own easier variant comes first, then exercises of the same pattern by shared muscles, then those of a kindred
//! pattern that share a muscle. The choice is made once per workout, so a client meets the same stand-in every week.

use std::collections::{BTreeMap, BTreeSet};

use domain::profile::{Equipment, SparedArea};

use super::Relaxation;
use crate::table::{Exercise, ExerciseLibrary, Pattern, Plan, PlanRow};
use crate::templates::Templates;

pub(super) struct Substitutes<'a> {
    library: &'a ExerciseLibrary,
    /// By workout and the exercise's id.
    choices: BTreeMap<(u8, &'a str), Choice<'a>>,
}

struct Choice<'a> {
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
        if !spared.is_empty() {
            let timed = Measures::of(templates);
            for day in 1..=days {
                let rows: Vec<(&PlanRow, &Exercise)> = plan
                    .rows
                    .iter()
                    .filter(|row| row.day == day)
                    .filter_map(|row| Some((row, library.find(&row.exercise)?)))
                    .collect();
                let mut used: BTreeSet<&str> = rows.iter().map(|(_, exercise)| exercise.id.as_str()).collect();
                for (row, exercise) in rows {
                    let Some(area) = exercise.conflicts_with(spared) else {
                        continue;
                    };
                    if choices.contains_key(&(day, exercise.id.as_str())) {
                        continue;
                    }
                    let allowed = equipment.min(plan.equipment);
                    let stand_in = library
                        .iter()
                        .filter(|candidate| {
                            candidate.equipment <= allowed
                                && candidate.conflicts_with(spared).is_none()
                                && !used.contains(candidate.id.as_str())
                                && timed.allows(candidate, row.reps.is_time())
                        })
                        .filter_map(|candidate| Some((rank(library, exercise, candidate, &timed)?, candidate)))
                        .min_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.id.cmp(&y.id)))
                        .map(|(_, candidate)| candidate);
                    used.extend(stand_in.map(|found| found.id.as_str()));
                    choices.insert(
                        (day, exercise.id.as_str()),
                        Choice {
                            original: exercise,
                            area,
                            stand_in,
                        },
                    );
                }
            }
        }
        Self { library, choices }
    }

    /// The exercise to do for a row and whether it is a stand-in; `None` if the row is left out.
    pub fn resolve(&self, row: &PlanRow) -> Option<(&'a Exercise, bool)> {
        let exercise = self.library.find(&row.exercise)?;
        match self.choices.get(&(row.day, exercise.id.as_str())) {
            None => Some((exercise, false)),
            Some(choice) => choice.stand_in.map(|stand_in| (stand_in, true)),
        }
    }

    /// Each swap and each omission once, in the order of the workouts.
    pub fn explanation(&self) -> Vec<Relaxation> {
        let mut explanation: Vec<Relaxation> = Vec::new();
        for choice in self.choices.values() {
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

/// How good a stand-in is, smaller is better; `None` if it is no equivalent.
fn rank(
    library: &ExerciseLibrary,
    exercise: &Exercise,
    candidate: &Exercise,
    measures: &Measures<'_>,
) -> Option<(usize, usize, usize, usize)> {
    let shared = exercise
        .muscles
        .iter()
        .filter(|muscle| candidate.muscles.contains(muscle))
        .count();
    let missing = exercise.muscles.len() - shared;
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
    // Steps down the chain of easier variants; a harder one or a stranger comes after all of them.
    let easier = std::iter::successors(exercise.easier.as_deref().and_then(|id| library.find(id)), |step| {
        step.easier.as_deref().and_then(|id| library.find(id))
    })
    .take(10)
    .position(|step| step.id == candidate.id)
    .unwrap_or(10);
    let harder = usize::from(exercise.harder.as_deref() == Some(candidate.id.as_str()));
    let unknown_measure = usize::from(!measures.knows(candidate));
    Some((kinship, easier + harder, missing, unknown_measure))
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

/// How the templates measure each exercise: by repetitions, by time, or both.
struct Measures<'a> {
    by_time: BTreeSet<&'a str>,
    by_reps: BTreeSet<&'a str>,
}

impl<'a> Measures<'a> {
    fn of(templates: &'a Templates) -> Self {
        let mut measures = Self {
            by_time: BTreeSet::new(),
            by_reps: BTreeSet::new(),
        };
        for table in [&templates.men, &templates.women] {
            for row in table.plans.iter().flat_map(|plan| &plan.rows) {
                let set = if row.reps.is_time() {
                    &mut measures.by_time
                } else {
                    &mut measures.by_reps
                };
                if let Some(exercise) = templates.exercises.find(&row.exercise) {
                    set.insert(&exercise.id);
                }
            }
        }
        measures
    }

    fn knows(&self, exercise: &Exercise) -> bool {
        self.by_time.contains(exercise.id.as_str()) || self.by_reps.contains(exercise.id.as_str())
    }

    /// An exercise no row uses is measured as its pattern usually is.
    fn allows(&self, exercise: &Exercise, is_time: bool) -> bool {
        if !self.knows(exercise) {
            return is_time == matches!(exercise.pattern, Pattern::Cardio | Pattern::Mobility | Pattern::Carry);
        }
        if is_time {
            self.by_time.contains(exercise.id.as_str())
        } else {
            self.by_reps.contains(exercise.id.as_str())
        }
    }
}
