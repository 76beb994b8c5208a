//! Why a programme is not exactly what was asked for, as data and as a sentence.

use domain::language::{Language, Localized};
use domain::profile::{Equipment, Goal, Level, Place, Sex, SparedArea};
use serde::{Deserialize, Serialize};

use crate::labels;
use crate::text::days_word;

/// One departure from the answers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Relaxation {
    /// The client trains `used` days; `plan` is what the plan was written for (its last workouts are left out).
    Days {
        wanted: u8,
        used: u8,
        plan: u8,
        /// For what there was no plan; unknown in what was kept before this was.
        #[serde(default)]
        conditions: Option<Conditions>,
    },
    Goal {
        wanted: Goal,
        used: Goal,
    },
    Level {
        wanted: Level,
        used: Level,
    },
    Equipment {
        wanted_place: Place,
        wanted: Equipment,
        used: Equipment,
    },
    /// An exercise gave way to an equivalent one that spares `area`.
    Swapped {
        area: SparedArea,
        from_id: String,
        from: Localized,
        to_id: String,
        to: Localized,
    },
    /// Another exercise by a person's choice, as a variant, or because the first is no longer given.
    Chosen {
        from_id: String,
        from: Localized,
        to_id: String,
        to: Localized,
    },
    /// An exercise that is no longer given and has no equivalent.
    Withdrawn {
        exercise_id: String,
        exercise: Localized,
    },
    /// An exercise that should be spared and has no equivalent.
    Dropped {
        area: SparedArea,
        exercise_id: String,
        exercise: Localized,
    },
}

impl Relaxation {
    /// A friendly sentence for the client and the trainer.
    pub fn text(&self, language: Language) -> String {
        let ru = language == Language::Ru;
        match self {
            Self::Days {
                wanted,
                used,
                plan,
                conditions,
            } => {
                let at = conditions.map(|at| at.text(language)).unwrap_or_default();
                let (wanted_days, plan_days) = (days_word(*wanted, language), days_word(*plan, language));
                let left_out = numbers(*used + 1..=*plan);
                match (ru, plan > used, *plan == *used + 1) {
                    (true, true, true) => format!(
                        "Готового плана на {wanted} {wanted_days}{at} пока нет: взяли план на {plan} {plan_days} и убрали тренировку {left_out}."
                    ),
                    (true, true, false) => format!(
                        "Готового плана на {wanted} {wanted_days}{at} пока нет: взяли план на {plan} {plan_days} и убрали тренировки {left_out}."
                    ),
                    (true, false, _) => format!(
                        "Готового плана на {wanted} {wanted_days}{at} пока нет: взяли план на {plan} {plan_days}. В остальные дни гуляйте и отдыхайте."
                    ),
                    (false, true, true) => format!(
                        "There is no plan for {wanted} {wanted_days}{at} yet: we took one for {plan} {plan_days} and left out workout {left_out}."
                    ),
                    (false, true, false) => format!(
                        "There is no plan for {wanted} {wanted_days}{at} yet: we took one for {plan} {plan_days} and left out workouts {left_out}."
                    ),
                    (false, false, _) => format!(
                        "There is no plan for {wanted} {wanted_days}{at} yet: we took one for {plan} {plan_days}. Walk and rest on the others."
                    ),
                }
            }
            Self::Goal { wanted, used } => {
                let (wanted, used) = (labels::goal(*wanted, language), labels::goal(*used, language));
                if ru {
                    format!(
                        "Для цели «{wanted}» с вашими условиями отдельного плана пока нет, поэтому взяли близкий: «{used}»."
                    )
                } else {
                    format!(
                        "There is no separate plan for \"{wanted}\" in your conditions yet, so we took a close one: \"{used}\"."
                    )
                }
            }
            Self::Level { wanted, used } => {
                let (wanted, used) = (labels::level(*wanted, language), labels::level(*used, language));
                if ru {
                    format!(
                        "Вместо уровня «{wanted}» взяли план уровня «{used}»: нагрузку подберите по ощущениям, шкала RPE поможет."
                    )
                } else {
                    format!(
                        "Instead of the level \"{wanted}\" we took a plan for \"{used}\": let the RPE scale set the load."
                    )
                }
            }
            Self::Equipment {
                wanted_place,
                wanted,
                used,
            } => {
                let (wanted, used) = (labels::equipment(*wanted, language), labels::equipment(*used, language));
                let place = labels::place_where(*wanted_place, language);
                if ru {
                    format!(
                        "Отдельного плана {place} с инвентарём «{wanted}» пока нет, взяли тот, для которого хватит меньшего: «{used}»."
                    )
                } else {
                    format!(
                        "There is no separate plan {place} with \"{wanted}\" yet, so we took one that needs less: \"{used}\"."
                    )
                }
            }
            Self::Swapped { area, from, to, .. } => {
                let (from, to) = (quotable(from.get(language)), quotable(to.get(language)));
                let area = labels::spared_area(*area, language);
                if ru {
                    format!("Бережём {area}: вместо «{from}» будет «{to}».")
                } else {
                    format!("To spare your {area}: \"{to}\" instead of \"{from}\".")
                }
            }
            Self::Chosen { from, to, .. } => {
                let (from, to) = (quotable(from.get(language)), quotable(to.get(language)));
                if ru {
                    format!("Вместо «{from}» будет «{to}».")
                } else {
                    format!("\"{to}\" instead of \"{from}\".")
                }
            }
            Self::Withdrawn { exercise, .. } => {
                let exercise = quotable(exercise.get(language));
                if ru {
                    format!("«{exercise}» больше не даём, равной замены для него нет.")
                } else {
                    format!("\"{exercise}\" is no longer given and nothing equal could replace it.")
                }
            }
            Self::Dropped { area, exercise, .. } => {
                let (area, exercise) = (labels::spared_area(*area, language), quotable(exercise.get(language)));
                if ru {
                    format!("Бережём {area}: «{exercise}» убрали, равной замены для него нет.")
                } else {
                    format!("To spare your {area}: \"{exercise}\" is left out, nothing equal could replace it.")
                }
            }
        }
    }
}

/// Where and with what a client trains.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Conditions {
    pub place: Place,
    pub equipment: Equipment,
}

impl Conditions {
    /// " дома с гантелями и резинками", to be put behind a number of days.
    const fn text(self, language: Language) -> &'static str {
        match (self.place, self.equipment, language) {
            (Place::Gym, _, Language::Ru) => " в зале",
            (Place::Gym, _, Language::En) => " in a gym",
            (Place::Home, Equipment::None, Language::Ru) => " дома без инвентаря",
            (Place::Home, Equipment::None, Language::En) => " at home without equipment",
            (Place::Home, _, Language::Ru) => " дома с гантелями и резинками",
            (Place::Home, _, Language::En) => " at home with dumbbells and bands",
        }
    }
}

/// `3, 4`.
fn numbers(range: std::ops::RangeInclusive<u8>) -> String {
    range.map(|number| number.to_string()).collect::<Vec<_>>().join(", ")
}

/// A name that stands between «» may hold only the inner kind of quotes.
pub(crate) fn quotable(name: &str) -> String {
    name.replace('«', "„").replace('»', "“").replace('"', "'")
}

/// Why there is no programme. A person has to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoMatch {
    #[error("no plan for {sex}, {level}, {goal}, even relaxed")]
    NoPlan { sex: Sex, level: Level, goal: Goal },
    #[error("no sound workout is left once {} spared", areas.iter().map(|area| area.code()).collect::<Vec<_>>().join(", "))]
    NothingLeft { areas: Vec<SparedArea> },
    #[error("there are no more variants")]
    NoMoreVariants,
}

impl NoMatch {
    pub fn text(&self, language: Language) -> String {
        let text = match (self, language) {
            (Self::NoPlan { .. }, Language::Ru) => "В таблице нет плана, который подошёл бы по уровню и инвентарю.",
            (Self::NoPlan { .. }, Language::En) => "The table has no plan that suits the level and the equipment.",
            (Self::NothingLeft { .. }, Language::Ru) => {
                "Если убрать упражнения, которых нужно избегать, в одной из тренировок почти ничего не остаётся: нужен взгляд тренера."
            }
            (Self::NothingLeft { .. }, Language::En) => {
                "Once the exercises to avoid are left out, almost nothing remains of a workout: a trainer should look."
            }
            (Self::NoMoreVariants, Language::Ru) => "Других вариантов для этих ответов в таблице нет.",
            (Self::NoMoreVariants, Language::En) => "The tables hold no other variant for these answers.",
        };
        text.to_owned()
    }
}
