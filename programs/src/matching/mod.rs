//! From a client's answers to the plan that fits them best, with every departure explained. Pure and deterministic.
//!
//! The order of relaxations, from the first given up to the last:
//!
//! 1. **days**: another frequency of the same plan; the nearest, and of two equally near the fuller one, whose last
//!    workouts are left out;
//! 2. **goal**: its neighbours in the order of [`goal_neighbours`];
//! 3. **level**: an easier one first; a harder one only by one step;
//! 4. **equipment**: downwards only (gym → dumbbells and bands → none), so that nobody is asked for what they lack.
//!
//! So a plan for other days is taken before one for another goal, and so on; the last resort is a wrong equipment.
//! Among equally good plans the more specific one wins (fewer levels and goals named), then the earlier one in the table.
//! Sex is never relaxed: the two tables are different products.
//!
//! Spared areas come last (see `substitute`): an exercise that should be spared is swapped for an equivalent one or
//! left out, and both are explained.

mod relaxation;
mod substitute;

use domain::profile::{Equipment, Goal, Level, Place, Profile};

use crate::programme::{Day, Item, Programme, Week};
use crate::table::{Plan, PlanRow};
use crate::templates::Templates;

pub use crate::programme::Scope;
pub use relaxation::{NoMatch, Relaxation};
use substitute::{Resolved, Substitutes};

/// Finds the programme for `profile`.
/// Errors: [`NoMatch`] if even relaxed nothing fits, or if nothing would be left after sparing.
pub fn find(templates: &Templates, profile: &Profile, scope: Scope) -> Result<Programme, NoMatch> {
    let table = templates.plans(profile.sex);
    let wanted = Wanted::of(profile);
    let (plan, _) = table
        .plans
        .iter()
        .enumerate()
        .filter_map(|(index, plan)| Some((plan, wanted.distance(plan, index)?)))
        .min_by_key(|(_, distance)| *distance)
        .ok_or(NoMatch::NoPlan {
            sex: profile.sex,
            level: profile.level,
            goal: profile.goal,
        })?;

    let mut explanation = wanted.explain(plan);
    let days = plan.days_per_week.min(wanted.days);
    let substitutes = Substitutes::new(templates, plan, days, wanted.equipment, &profile.spared_areas);
    let given = |row: &&PlanRow| row.day <= days && (1..=scope.weeks()).any(|week| row.weeks.contains(week));
    explanation.extend(substitutes.explanation(plan.rows.iter().filter(given)));

    let mut weeks = Vec::with_capacity(usize::from(scope.weeks()));
    for number in 1..=scope.weeks() {
        let days: Vec<Day> = (1..=days)
            .map(|day| Day {
                number: day,
                items: plan
                    .rows
                    .iter()
                    .filter(|row| row.day == day && row.weeks.contains(number))
                    .filter_map(|row| {
                        substitutes
                            .resolve(row)
                            .map(|resolved| item(&table.sheet, row, &resolved))
                    })
                    .collect(),
            })
            .collect();
        if days.iter().any(|day| day.items.is_empty()) {
            return Err(NoMatch::NothingLeft {
                areas: profile.spared_areas.clone(),
            });
        }
        weeks.push(Week {
            number,
            is_deload: is_deload(plan, number),
            days,
        });
    }
    Ok(Programme {
        weeks,
        explanation,
        templates_version: templates.version.clone(),
    })
}

fn item(sheet: &str, row: &PlanRow, resolved: &Resolved<'_>) -> Item {
    let Resolved {
        exercise,
        is_stand_in,
        note,
    } = *resolved;
    Item {
        row_id: format!("{sheet}:{}", row.row),
        exercise_id: exercise.id.clone(),
        name: exercise.name.clone(),
        pattern: exercise.pattern.code().to_owned(),
        sets: row.sets,
        reps: row.reps.to_string(),
        rest_seconds: row.rest_seconds,
        intensity: row.intensity.clone(),
        // A row's note and video speak of the row's own exercise.
        notes: if is_stand_in {
            note.map(str::to_owned)
        } else {
            row.notes.clone()
        },
        technique: exercise.technique.clone(),
        mistakes: exercise.mistakes.clone(),
        video: row
            .video
            .clone()
            .filter(|_| !is_stand_in)
            .or_else(|| exercise.video.clone()),
    }
}

/// A week is a deload if it asks for fewer sets than the week before it and ends a block of four.
fn is_deload(plan: &Plan, week: u8) -> bool {
    let sets = |number: u8| -> u32 {
        plan.rows
            .iter()
            .filter(|row| row.weeks.contains(number))
            .map(|row| u32::from(row.sets))
            .sum()
    };
    week.is_multiple_of(4) && sets(week) < sets(week - 1)
}

/// What the client asked for, made consistent.
struct Wanted {
    level: Level,
    goal: Goal,
    place: Place,
    equipment: Equipment,
    days: u8,
    asked_days: u8,
}

/// Compared left to right: what stands first is given up last.
type Distance = (usize, usize, usize, usize, usize, usize);

impl Wanted {
    fn of(profile: &Profile) -> Self {
        let equipment = match (profile.place, profile.equipment) {
            (Place::Gym, _) => Equipment::Gym,
            // Nobody has a whole gym at home; dumbbells and bands are the nearest thing that plans know.
            (Place::Home, Equipment::Gym) => Equipment::Basic,
            (Place::Home, equipment) => equipment,
        };
        Self {
            level: profile.level,
            goal: profile.goal,
            place: profile.place,
            equipment,
            days: profile.days_per_week.clamp(2, 4),
            asked_days: profile.days_per_week,
        }
    }

    /// How far a plan is from the wish; `None` if it must not be offered.
    fn distance(&self, plan: &Plan, index: usize) -> Option<Distance> {
        let equipment = EQUIPMENT_DOWN
            .iter()
            .skip_while(|e| **e != self.equipment)
            .position(|e| *e == plan.equipment)?;
        let level = level_preference(self.level)
            .iter()
            .position(|level| plan.levels.contains(level))?;
        let goal = goal_preference(self.goal)
            .iter()
            .position(|goal| plan.goals.contains(goal))?;
        let days = days_preference(self.days)
            .iter()
            .position(|days| *days == plan.days_per_week)?;
        Some((
            equipment,
            level,
            goal,
            days,
            plan.levels.len() * plan.goals.len(),
            index,
        ))
    }

    fn explain(&self, plan: &Plan) -> Vec<Relaxation> {
        let mut explanation = Vec::new();
        if plan.days_per_week != self.asked_days {
            explanation.push(Relaxation::Days {
                wanted: self.asked_days,
                used: plan.days_per_week.min(self.days),
                plan: plan.days_per_week,
            });
        }
        let goal = goal_preference(self.goal)
            .into_iter()
            .find(|goal| plan.goals.contains(goal));
        if let Some(used) = goal.filter(|used| *used != self.goal) {
            explanation.push(Relaxation::Goal {
                wanted: self.goal,
                used,
            });
        }
        let level = level_preference(self.level)
            .iter()
            .copied()
            .find(|level| plan.levels.contains(level));
        if let Some(used) = level.filter(|used| *used != self.level) {
            explanation.push(Relaxation::Level {
                wanted: self.level,
                used,
            });
        }
        if plan.equipment != self.equipment {
            explanation.push(Relaxation::Equipment {
                wanted_place: self.place,
                wanted: self.equipment,
                used: plan.equipment,
            });
        }
        explanation
    }
}

const EQUIPMENT_DOWN: [Equipment; 3] = [Equipment::Gym, Equipment::Basic, Equipment::None];

const fn level_preference(level: Level) -> &'static [Level] {
    match level {
        Level::Beginner => &[Level::Beginner, Level::Intermediate],
        Level::Intermediate => &[Level::Intermediate, Level::Beginner, Level::Advanced],
        Level::Advanced => &[Level::Advanced, Level::Intermediate, Level::Beginner],
    }
}

/// Goals whose training is nearest to `goal`'s, nearest first.
pub const fn goal_neighbours(goal: Goal) -> [Goal; 3] {
    match goal {
        Goal::FatLoss => [Goal::Health, Goal::Muscle, Goal::Strength],
        Goal::Muscle => [Goal::Strength, Goal::Health, Goal::FatLoss],
        Goal::Strength => [Goal::Muscle, Goal::Health, Goal::FatLoss],
        Goal::Health => [Goal::FatLoss, Goal::Muscle, Goal::Strength],
    }
}

const fn goal_preference(goal: Goal) -> [Goal; 4] {
    let [first, second, third] = goal_neighbours(goal);
    [goal, first, second, third]
}

const fn days_preference(days: u8) -> [u8; 3] {
    match days {
        0..=2 => [2, 3, 4],
        3 => [3, 4, 2],
        _ => [4, 3, 2],
    }
}
