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
//! Withdrawn exercises and spared areas come last (see `substitute`): an exercise that must not be given is swapped for
//! an equivalent one or left out, and both are explained. Where that leaves no sound workout ([`LEAST_EXERCISES`]), there
//! is no programme and a person is asked: [`NoMatch::NothingLeft`].
//!
//! [`find_variant`] offers more than the best: first the same plan with equivalent exercises, then the next best plans of
//! the same equipment and level.

mod relaxation;
mod substitute;

use domain::profile::{Equipment, Goal, Level, Place, Profile};

use crate::load::{Load, Met};
use crate::measures::Side;
use crate::programme::{Day, Item, Programme, Week};
use crate::table::{Exercise, Plan, PlanRow, WEEKS, Weeks};
use crate::templates::Templates;

pub use crate::programme::Scope;
pub(crate) use relaxation::quotable;
pub use relaxation::{Conditions, NoMatch, Relaxation};
pub(crate) use substitute::{Rank, is_standing_in, rank};
use substitute::{Resolved, Substitutes};

/// A workout that had more before sparing keeps at least these, or a person has to look.
pub const LEAST_EXERCISES: usize = 3;
/// How many versions a trainer may leaf through.
pub const MOST_VARIANTS: u32 = 6;

/// Finds the programme for `profile`.
/// Errors: [`NoMatch`] if even relaxed nothing fits, or if nothing sound would be left after sparing.
pub fn find(templates: &Templates, profile: &Profile, scope: Scope) -> Result<Programme, NoMatch> {
    find_variant(templates, profile, scope, 0)
}

/// The `variant`th programme for `profile`: 0 is [`find`]'s, each further one differs from all before it.
/// Errors: as [`find`]; [`NoMatch::NoMoreVariants`] behind the last.
pub fn find_variant(
    templates: &Templates,
    profile: &Profile,
    scope: Scope,
    variant: u32,
) -> Result<Programme, NoMatch> {
    let table = templates.plans(profile.sex);
    let wanted = Wanted::of(profile);
    let mut ranked: Vec<(&Plan, Distance)> = table
        .plans
        .iter()
        .enumerate()
        .filter_map(|(index, plan)| Some((plan, wanted.distance(plan, index)?)))
        .collect();
    ranked.sort_by_key(|(_, distance)| *distance);
    let (best, nearest) = ranked.first().copied().ok_or(NoMatch::NoPlan {
        sex: profile.sex,
        level: profile.level,
        goal: profile.goal,
    })?;
    let make = |plan: &Plan, nth| make(templates, &table.sheet, profile, &wanted, plan, scope, nth);
    let first = make(best, 0)?;
    if variant == 0 {
        return Ok(first);
    }
    let mut made = vec![first];
    let siblings = ranked
        .iter()
        .skip(1)
        .filter(|(plan, distance)| {
            (distance.0, distance.1) == (nearest.0, nearest.1)
                && plan.days_per_week >= best.days_per_week.min(wanted.days)
        })
        .map(|(plan, _)| (*plan, 0));
    for (plan, nth) in [(best, 1), (best, 2)].into_iter().chain(siblings) {
        let Ok(next) = make(plan, nth) else { continue };
        if made.iter().any(|earlier| is_same_work(earlier, &next)) {
            continue;
        }
        if made.len() == variant as usize {
            return Ok(next);
        }
        made.push(next);
        if made.len() > MOST_VARIANTS as usize {
            break;
        }
    }
    Err(NoMatch::NoMoreVariants)
}

fn make(
    templates: &Templates,
    sheet: &str,
    profile: &Profile,
    wanted: &Wanted,
    plan: &Plan,
    scope: Scope,
    nth: u8,
) -> Result<Programme, NoMatch> {
    let mut explanation = wanted.explain(plan);
    let days = plan.days_per_week.min(wanted.days);
    let substitutes = Substitutes::new(templates, plan, days, wanted.equipment, &profile.spared_areas, nth);
    let given = |row: &&PlanRow| row.day <= days && (1..=scope.weeks()).any(|week| row.weeks.contains(week));
    explanation.extend(substitutes.explanation(plan.rows.iter().filter(given)));

    let loads = Loads::new(plan, profile);
    let mut weeks = Vec::with_capacity(usize::from(scope.weeks()));
    for number in 1..=scope.weeks() {
        let mut made = Vec::with_capacity(usize::from(days));
        for day in 1..=days {
            let rows = plan
                .rows
                .iter()
                .filter(|row| row.day == day && row.weeks.contains(number));
            let mut asked = 0;
            let items: Vec<Item> = rows
                .inspect(|_| asked += 1)
                .filter_map(|row| {
                    let resolved = substitutes.resolve(row)?;
                    let load = if resolved.is_stand_in {
                        None
                    } else {
                        loads.at(row, number)
                    };
                    Some(item(sheet, row, &resolved, load))
                })
                .collect();
            if items.len() < LEAST_EXERCISES.min(asked) {
                return Err(NoMatch::NothingLeft {
                    areas: profile.spared_areas.clone(),
                });
            }
            made.push(Day { number: day, items });
        }
        weeks.push(Week {
            number,
            is_deload: loads.light_weeks.contains(&number),
            days: made,
        });
    }
    Ok(Programme {
        weeks,
        explanation,
        templates_version: templates.version.clone(),
    })
}

/// Whether two programmes ask for the same exercises, sets and repetitions.
fn is_same_work(one: &Programme, other: &Programme) -> bool {
    let work = |programme: &Programme| -> Vec<(u8, u8, String, u8, String)> {
        programme
            .items()
            .map(|(week, day, item)| {
                (
                    week.number,
                    day.number,
                    item.exercise_id.clone(),
                    item.sets,
                    item.reps.clone(),
                )
            })
            .collect()
    };
    work(one) == work(other)
}

fn item(sheet: &str, row: &PlanRow, resolved: &Resolved<'_>, load: Option<Load>) -> Item {
    let exercise = resolved.exercise;
    let mut item = Item {
        row_id: row_id(sheet, row),
        exercise_id: exercise.id.clone(),
        name: exercise.name.clone(),
        pattern: exercise.pattern.code().to_owned(),
        sets: row.sets,
        reps: row.reps.to_string(),
        rest_seconds: row.rest_seconds,
        intensity: row.intensity.as_deref().map(str::to_owned),
        notes: row.notes.as_deref().map(str::to_owned),
        notes_en: row.notes_en.as_deref().map(str::to_owned),
        load,
        technique: exercise.technique.clone(),
        mistakes: exercise.mistakes.clone(),
        video: row.video.as_deref().or(exercise.video.as_deref()).map(str::to_owned),
    };
    if resolved.is_stand_in {
        put(&mut item, exercise, resolved.side);
    }
    item
}

pub(crate) fn row_id(sheet: &str, row: &PlanRow) -> String {
    format!("{sheet}:{}", row.row)
}

/// Puts another exercise into a line. A row's note, video and weight speak of the row's own exercise and go.
pub(crate) fn put(item: &mut Item, exercise: &Exercise, side: Option<Side>) {
    item.exercise_id.clone_from(&exercise.id);
    item.name.clone_from(&exercise.name);
    exercise.pattern.code().clone_into(&mut item.pattern);
    item.notes = side.map(|side| side.ru.to_owned());
    item.notes_en = side.map(|side| side.en.to_owned());
    item.load = None;
    item.technique.clone_from(&exercise.technique);
    item.mistakes.clone_from(&exercise.mistakes);
    item.video.clone_from(&exercise.video);
}

/// The weights of one plan for one client.
pub(crate) struct Loads<'a> {
    plan: &'a Plan,
    profile: &'a Profile,
    light_weeks: Vec<u8>,
}

impl<'a> Loads<'a> {
    pub fn new(plan: &'a Plan, profile: &'a Profile) -> Self {
        Self {
            plan,
            profile,
            light_weeks: (1..=WEEKS).filter(|week| is_deload(plan, *week)).collect(),
        }
    }

    /// The weight a row's rule gives in a week.
    pub fn at(&self, row: &PlanRow, week: u8) -> Option<Load> {
        let rule = row.load?;
        let met = self
            .plan
            .rows
            .iter()
            .filter(|other| other.day == row.day && other.exercise == row.exercise)
            .fold(Weeks::default(), |met, other| met.union(other.weeks));
        let block_of = |week: u8| (week - 1) / 4;
        let is_light = |week: &u8| self.light_weeks.contains(week);
        let before = || met.iter().filter(|earlier| *earlier < week);
        let weeks = before().filter(|week| !is_light(week)).count();
        let mut blocks: Vec<u8> = before().map(block_of).filter(|block| *block < block_of(week)).collect();
        blocks.dedup();
        rule.load(
            self.profile,
            &self.plan.levels,
            Met {
                weeks: weeks.try_into().unwrap_or(u16::MAX),
                blocks: blocks.len().try_into().unwrap_or(u16::MAX),
                is_deload: is_light(&week),
            },
        )
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
pub(crate) struct Wanted {
    level: Level,
    goal: Goal,
    place: Place,
    pub equipment: Equipment,
    days: u8,
    asked_days: u8,
}

/// Compared left to right: what stands first is given up last.
type Distance = (usize, usize, usize, usize, usize, usize);

impl Wanted {
    pub fn of(profile: &Profile) -> Self {
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
                conditions: Some(Conditions {
                    place: self.place,
                    equipment: self.equipment,
                }),
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
