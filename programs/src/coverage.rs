//! What a set of tables gives to whom: every combination of answers, and a crowd of invented clients.

use domain::profile::{Equipment, Goal, Level, Lifestyle, Place, Profile, Sex, SparedArea};
use serde::{Deserialize, Serialize};

use crate::matching::{self, NoMatch, Relaxation, Scope};
use crate::programme::{Day, Programme};
use crate::table::{Reps, RepsUnit};
use crate::templates::Templates;

/// Every combination of sex, level, goal, place with equipment, and days a week, in that order.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    /// See [`Templates::version`].
    pub templates_version: String,
    pub cells: Vec<Cell>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cell {
    pub sex: Sex,
    pub level: Level,
    pub goal: Goal,
    pub place: Place,
    pub equipment: Equipment,
    pub days_per_week: u8,
    pub result: Outcome,
    /// What sparing one area does, for each area that does something; empty if nothing fits anyway.
    pub spared: Vec<SparedOutcome>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum Outcome {
    /// `relaxations` is empty for an exact match.
    Fits {
        relaxations: Vec<Relaxation>,
    },
    Nothing {
        why: NoMatch,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SparedOutcome {
    pub area: SparedArea,
    pub swapped: usize,
    pub dropped: usize,
    /// Too little is left: the trainer is asked.
    pub asks_trainer: bool,
}

/// How many combinations got what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Totals {
    pub exact: usize,
    pub relaxed: usize,
    pub nothing: usize,
}

impl Coverage {
    pub fn totals(&self) -> Totals {
        let mut totals = Totals::default();
        for cell in &self.cells {
            match &cell.result {
                Outcome::Fits { relaxations } if relaxations.is_empty() => totals.exact += 1,
                Outcome::Fits { .. } => totals.relaxed += 1,
                Outcome::Nothing { .. } => totals.nothing += 1,
            }
        }
        totals
    }
}

/// Where people train and with what, as matching knows it.
pub(crate) const SETUPS: [(Place, Equipment); 3] = [
    (Place::Home, Equipment::None),
    (Place::Home, Equipment::Basic),
    (Place::Gym, Equipment::Gym),
];

/// Matches every combination of answers, and each once more for every single area to spare.
/// About 1 300 programmes: some hundred milliseconds of one core.
pub fn matrix(templates: &Templates) -> Coverage {
    let mut cells = Vec::new();
    for sex in Sex::ALL {
        for level in Level::ALL {
            for goal in Goal::ALL {
                for (place, equipment) in SETUPS {
                    for days_per_week in 2..=4 {
                        let profile = Profile {
                            sex: *sex,
                            age_years: 35,
                            level: *level,
                            goal: *goal,
                            height_cm: 172,
                            weight_decikg: 720,
                            lifestyle: Lifestyle::Moderate,
                            place,
                            equipment,
                            days_per_week,
                            spared_areas: Vec::new(),
                        };
                        cells.push(cell(templates, &profile));
                    }
                }
            }
        }
    }
    Coverage {
        templates_version: templates.version.clone(),
        cells,
    }
}

fn cell(templates: &Templates, profile: &Profile) -> Cell {
    let result = match matching::find(templates, profile, Scope::AllTwelveWeeks) {
        Ok(programme) => Outcome::Fits {
            relaxations: programme.explanation,
        },
        Err(why) => Outcome::Nothing { why },
    };
    let spared = match result {
        Outcome::Nothing { .. } => Vec::new(),
        Outcome::Fits { .. } => SparedArea::ALL
            .iter()
            .filter_map(|area| spared(templates, profile, *area))
            .collect(),
    };
    Cell {
        sex: profile.sex,
        level: profile.level,
        goal: profile.goal,
        place: profile.place,
        equipment: profile.equipment,
        days_per_week: profile.days_per_week,
        result,
        spared,
    }
}

fn spared(templates: &Templates, profile: &Profile, area: SparedArea) -> Option<SparedOutcome> {
    let profile = Profile {
        spared_areas: vec![area],
        ..profile.clone()
    };
    let Ok(programme) = matching::find(templates, &profile, Scope::AllTwelveWeeks) else {
        return Some(SparedOutcome {
            area,
            swapped: 0,
            dropped: 0,
            asks_trainer: true,
        });
    };
    let count = |is_it: fn(&Relaxation) -> bool| programme.explanation.iter().filter(|found| is_it(found)).count();
    let swapped = count(|found| matches!(found, Relaxation::Swapped { .. }));
    let dropped = count(|found| matches!(found, Relaxation::Dropped { .. }));
    (swapped + dropped > 0).then_some(SparedOutcome {
        area,
        swapped,
        dropped,
        asks_trainer: false,
    })
}

/// Invented clients and what each would get.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct TryOut {
    pub templates_version: String,
    pub seed: u64,
    pub clients: Vec<Tried>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tried {
    /// From 1.
    pub number: u32,
    pub profile: Profile,
    pub result: TriedResult,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum TriedResult {
    Made(Box<Made>),
    /// The trainer is asked.
    Stopped {
        why: NoMatch,
    },
}

/// A programme in figures.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Made {
    /// The exercises of the first workout, as names to glance at.
    pub first_workout: Vec<domain::language::Localized>,
    pub fewest_exercises: usize,
    pub most_exercises: usize,
    /// Of one workout, with the warm-up.
    pub shortest_minutes: u32,
    pub longest_minutes: u32,
    /// Of the first week and of the fullest.
    pub first_week_sets: u32,
    pub most_week_sets: u32,
    /// How many lines of the first week name a weight.
    pub loads: usize,
    pub explanation: Vec<Relaxation>,
}

/// Runs `clients` invented people through the tables. Every sex, level, goal and place with equipment comes up before
/// any combination repeats; the rest is spread by `seed`, so the same seed gives the same people.
pub fn try_out(templates: &Templates, clients: usize, seed: u64) -> TryOut {
    let mut dice = Dice(seed);
    let mut deck: Vec<(Sex, Level, Goal, (Place, Equipment))> = Vec::new();
    let mut tried = Vec::with_capacity(clients);
    for number in 1..=clients {
        if deck.is_empty() {
            deck = full_deck();
            dice.shuffle(&mut deck);
        }
        let Some(card) = deck.pop() else { break };
        let profile = invent(&mut dice, card);
        let result = match matching::find(templates, &profile, Scope::AllTwelveWeeks) {
            Ok(programme) => TriedResult::Made(Box::new(figures(programme))),
            Err(why) => TriedResult::Stopped { why },
        };
        tried.push(Tried {
            number: u32::try_from(number).unwrap_or(u32::MAX),
            profile,
            result,
        });
    }
    TryOut {
        templates_version: templates.version.clone(),
        seed,
        clients: tried,
    }
}

fn full_deck() -> Vec<(Sex, Level, Goal, (Place, Equipment))> {
    let mut deck = Vec::new();
    for sex in Sex::ALL {
        for level in Level::ALL {
            for goal in Goal::ALL {
                deck.extend(SETUPS.map(|setup| (*sex, *level, *goal, setup)));
            }
        }
    }
    deck
}

fn invent(dice: &mut Dice, (sex, level, goal, (place, equipment)): (Sex, Level, Goal, (Place, Equipment))) -> Profile {
    let (heights, indexes) = match sex {
        Sex::Male => (166..=194, 21..=32),
        Sex::Female => (152..=180, 19..=31),
    };
    let height_cm = dice.between(heights);
    let index = u32::from(dice.between(indexes));
    let weight = index * u32::from(height_cm) * u32::from(height_cm) / 1000;
    let spared_count = match dice.below(10) {
        0..=5 => 0,
        6..=8 => 1,
        _ => 2,
    };
    let mut areas = SparedArea::ALL.to_vec();
    dice.shuffle(&mut areas);
    areas.truncate(spared_count);
    areas.sort_unstable();
    Profile {
        sex,
        age_years: u8::try_from(dice.between(18..=68)).unwrap_or(35),
        level,
        goal,
        height_cm,
        weight_decikg: u16::try_from(weight).unwrap_or(700),
        lifestyle: match dice.below(3) {
            0 => Lifestyle::Sedentary,
            1 => Lifestyle::Moderate,
            _ => Lifestyle::Active,
        },
        place,
        equipment,
        days_per_week: u8::try_from(dice.between(2..=4)).unwrap_or(3),
        spared_areas: areas,
    }
}

fn figures(programme: Programme) -> Made {
    let days = || programme.weeks.iter().flat_map(|week| &week.days);
    let counts = || days().map(|day| day.items.len());
    let minutes = || days().map(workout_minutes);
    let sets = || {
        programme.weeks.iter().map(|week| {
            let items = week.days.iter().flat_map(|day| &day.items);
            items.map(|item| u32::from(item.sets)).sum::<u32>()
        })
    };
    let first = programme.weeks.first();
    Made {
        first_workout: first
            .and_then(|week| week.days.first())
            .map(|day| day.items.iter().map(|item| item.name.clone()).collect())
            .unwrap_or_default(),
        fewest_exercises: counts().min().unwrap_or_default(),
        most_exercises: counts().max().unwrap_or_default(),
        shortest_minutes: minutes().min().unwrap_or_default(),
        longest_minutes: minutes().max().unwrap_or_default(),
        first_week_sets: sets().next().unwrap_or_default(),
        most_week_sets: sets().max().unwrap_or_default(),
        loads: first.map_or(0, |week| {
            let items = week.days.iter().flat_map(|day| &day.items);
            items.filter(|item| item.load.is_some()).count()
        }),
        explanation: programme.explanation,
    }
}

/// About how long a workout takes, warm-up included: four seconds a repetition, the rests, and a minute to change.
pub fn workout_minutes(day: &Day) -> u32 {
    const WARM_UP: u32 = 8 * 60;
    const CHANGE: u32 = 60;
    const REPETITION: u32 = 4;
    let seconds: u32 = day
        .items
        .iter()
        .map(|item| {
            let one = Reps::parse(&item.reps).map_or(40, |reps| {
                let middle = u32::from(reps.min + reps.max) / 2;
                match reps.unit {
                    RepsUnit::Times => middle * REPETITION,
                    RepsUnit::Seconds => middle,
                    RepsUnit::Minutes => middle * 60,
                }
            });
            let sides = if item.is_one_sided() { 2 } else { 1 };
            u32::from(item.sets) * (one * sides + u32::from(item.rest_seconds)) + CHANGE
        })
        .sum();
    (WARM_UP + seconds).div_ceil(60)
}

/// SplitMix64 (Steele, Lea, Flood, 2014): small, and the same everywhere.
struct Dice(u64);

impl Dice {
    fn roll(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    fn below(&mut self, limit: u64) -> u64 {
        self.roll() % limit.max(1)
    }

    fn between(&mut self, range: std::ops::RangeInclusive<u16>) -> u16 {
        let span = u64::from(range.end() - range.start()) + 1;
        range.start() + u16::try_from(self.below(span)).unwrap_or_default()
    }

    fn shuffle<T>(&mut self, values: &mut [T]) {
        for index in (1..values.len()).rev() {
            let other = usize::try_from(self.below(index as u64 + 1)).unwrap_or_default();
            values.swap(index, other);
        }
    }
}
