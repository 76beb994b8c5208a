//! Equivalents for exercises that must not be given: withdrawn ones, and those a client should spare themselves.
//!
//! A stand-in trains the same pattern, needs no more equipment than there is, conflicts with no spared area, is not
//! withdrawn, is measured the same way (repetitions or time, so that the row's numbers keep their meaning) and isn't in
//! that workout in the same weeks already.
//! The row's own easier variant comes first, then exercises of the same pattern by shared muscles, equipment and further
//! easier variants, then those of a kindred pattern that share a muscle. The choice is made once per workout, so a client
//! meets the same stand-in every week.
//!
//! A variant of a plan (`nth` above 0) also swaps what could stay, for the `nth` equivalent that trains the same pattern
//! and main muscle with the same equipment, is no harder, and isn't in that workout in any week.

use std::collections::{BTreeMap, BTreeSet};

use domain::profile::{Equipment, SparedArea};

use super::Relaxation;
use crate::measures::{Measures, Side};
use crate::table::{Exercise, ExerciseLibrary, Pattern, Plan, PlanRow, Weeks};
use crate::templates::Templates;

pub(super) struct Substitutes<'a> {
    library: &'a ExerciseLibrary,
    /// By workout and the exercise's id.
    choices: BTreeMap<(u8, &'a str), Choice<'a>>,
}

pub(crate) struct Resolved<'a> {
    pub exercise: &'a Exercise,
    pub is_stand_in: bool,
    /// How a stand-in's repetitions are counted, in place of the row's note.
    pub side: Option<Side>,
}

#[derive(Clone, Copy)]
enum Why {
    Spared(SparedArea),
    Withdrawn,
    Variant,
}

struct Choice<'a> {
    side: Option<Side>,
    original: &'a Exercise,
    why: Why,
    stand_in: Option<&'a Exercise>,
}

impl<'a> Substitutes<'a> {
    pub fn new(
        templates: &'a Templates,
        plan: &'a Plan,
        days: u8,
        equipment: Equipment,
        spared: &[SparedArea],
        nth: u8,
    ) -> Self {
        let library = &templates.exercises;
        let mut choices = BTreeMap::new();
        if spared.is_empty() && !library.has_withdrawn() && nth == 0 {
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
            let mut seen = BTreeSet::new();
            for (row, exercise) in rows {
                if !seen.insert(exercise.id.as_str()) {
                    continue;
                }
                let weeks = done.get(exercise.id.as_str()).copied().unwrap_or_default();
                let can_stand = |candidate: &&Exercise| {
                    is_standing_in(candidate, allowed, spared, measures, row.reps.is_time())
                        && done
                            .get(candidate.id.as_str())
                            .is_none_or(|taken| !taken.overlaps(weeks))
                };
                let mut ranked: Vec<(Rank, &Exercise)> = library
                    .iter()
                    .filter(can_stand)
                    .filter_map(|candidate| Some((rank(library, exercise, candidate, measures)?, candidate)))
                    .collect();
                ranked.sort_by(|(a, x), (b, y)| a.cmp(b).then_with(|| x.id.cmp(&y.id)));
                let (why, stand_in) = if exercise.is_withdrawn {
                    (Why::Withdrawn, ranked.first())
                } else if let Some(area) = exercise.conflicts_with(spared) {
                    (Why::Spared(area), ranked.first())
                } else if let Some(at) = nth.checked_sub(1) {
                    let equal = ranked.iter().filter(|(rank, candidate)| {
                        rank.is_equal(exercise, candidate) && !done.contains_key(candidate.id.as_str())
                    });
                    match equal.into_iter().nth(at.into()) {
                        Some(found) => (Why::Variant, Some(found)),
                        None => continue,
                    }
                } else {
                    continue;
                };
                let stand_in = stand_in.map(|(_, exercise)| *exercise);
                if let Some(found) = stand_in {
                    let taken = done.entry(&found.id).or_default();
                    *taken = taken.union(weeks);
                }
                choices.insert(
                    (day, exercise.id.as_str()),
                    Choice {
                        side: stand_in.and_then(|found| measures.side(found)),
                        original: exercise,
                        why,
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
                side: None,
            }),
            Some(choice) => choice.stand_in.map(|exercise| Resolved {
                exercise,
                is_stand_in: true,
                side: choice.side,
            }),
        }
    }

    /// Each swap and each omission among `rows`, once, in their order.
    pub fn explanation<'r>(&self, rows: impl Iterator<Item = &'r PlanRow>) -> Vec<Relaxation> {
        let mut explanation: Vec<Relaxation> = Vec::new();
        for row in rows {
            let choice = self
                .library
                .find(&row.exercise)
                .and_then(|exercise| self.choices.get(&(row.day, exercise.id.as_str())));
            if let Some(relaxation) = choice.map(Choice::explain)
                && !explanation.contains(&relaxation)
            {
                explanation.push(relaxation);
            }
        }
        explanation
    }
}

impl Choice<'_> {
    fn explain(&self) -> Relaxation {
        let (from_id, from) = (self.original.id.clone(), self.original.name.clone());
        match (self.why, self.stand_in) {
            (Why::Spared(area), Some(to)) => Relaxation::Swapped {
                area,
                from_id,
                from,
                to_id: to.id.clone(),
                to: to.name.clone(),
            },
            (Why::Spared(area), None) => Relaxation::Dropped {
                area,
                exercise_id: from_id,
                exercise: from,
            },
            (Why::Withdrawn | Why::Variant, Some(to)) => Relaxation::Chosen {
                from_id,
                from,
                to_id: to.id.clone(),
                to: to.name.clone(),
            },
            (Why::Withdrawn | Why::Variant, None) => Relaxation::Withdrawn {
                exercise_id: from_id,
                exercise: from,
            },
        }
    }
}

/// Whether an exercise may be given at all to somebody with `allowed` equipment and `spared` areas in a row measured in
/// time or not.
pub(crate) fn is_standing_in(
    candidate: &Exercise,
    allowed: Equipment,
    spared: &[SparedArea],
    measures: &Measures,
    is_time: bool,
) -> bool {
    !candidate.is_withdrawn
        && candidate.equipment <= allowed
        && candidate.conflicts_with(spared).is_none()
        && measures.allows(candidate, is_time)
}

/// How good a stand-in is, smaller is better, compared field by field.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Rank {
    kinship: usize,
    is_no_easier_variant: bool,
    /// Who spares themselves, or meets an exercise unasked, should not get a harder one if there is another.
    is_harder: bool,
    missing_muscles: usize,
    equipment_steps: u8,
    steps_down: usize,
    is_unknown: bool,
}

impl Rank {
    /// Trains the same with the same things and is no harder.
    fn is_equal(&self, exercise: &Exercise, candidate: &Exercise) -> bool {
        self.kinship == 0
            && self.equipment_steps == 0
            && !self.is_harder
            && exercise.muscles.first() == candidate.muscles.first()
            && candidate.easier.as_deref() != Some(exercise.id.as_str())
    }
}

/// `None` if the candidate is no equivalent.
pub(crate) fn rank(
    library: &ExerciseLibrary,
    exercise: &Exercise,
    candidate: &Exercise,
    measures: &Measures,
) -> Option<Rank> {
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
    let harder = |of: &Exercise| of.harder.as_deref().and_then(|id| library.find(id));
    let is_harder = std::iter::successors(harder(exercise), |step| harder(step))
        .take(FAR)
        .any(|step| step.id == candidate.id);
    Some(Rank {
        kinship,
        is_no_easier_variant: steps_down > 0,
        missing_muscles: exercise.muscles.len() - shared,
        equipment_steps: steps(candidate.equipment).abs_diff(steps(exercise.equipment)),
        steps_down,
        is_harder,
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
