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
            Self::Days { wanted, used, plan } => {
                let (wanted_days, used_days) = (days_word(*wanted, language), days_word(*used, language));
                match (ru, plan > used) {
                    (true, true) => format!(
                        "Вы просили {wanted} {wanted_days} в неделю. Взяли план на {plan} и оставили первые {used}: нагрузка распределена так, что это удобно."
                    ),
                    (true, false) => format!(
                        "Вы просили {wanted} {wanted_days} в неделю, а самый подходящий план рассчитан на {used} {used_days}. В остальные дни гуляйте и отдыхайте."
                    ),
                    (false, true) => format!(
                        "You asked for {wanted} {wanted_days} a week. We took a plan for {plan} and kept its first {used}."
                    ),
                    (false, false) => format!(
                        "You asked for {wanted} {wanted_days} a week; the plan that suits you best has {used} {used_days}. Walk and rest on the others."
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

/// A name that stands between «» may hold only the inner kind of quotes.
fn quotable(name: &str) -> String {
    name.replace('«', "„").replace('»', "“").replace('"', "'")
}

/// Why there is no programme. A person has to look.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum NoMatch {
    #[error("no plan for {sex}, {level}, {goal}, even relaxed")]
    NoPlan { sex: Sex, level: Level, goal: Goal },
    #[error("a workout is empty once {} spared", areas.iter().map(|area| area.code()).collect::<Vec<_>>().join(", "))]
    NothingLeft { areas: Vec<SparedArea> },
}

impl NoMatch {
    pub fn text(&self, language: Language) -> String {
        let text = match (self, language) {
            (Self::NoPlan { .. }, Language::Ru) => "В таблице нет плана, который подошёл бы по уровню и инвентарю.",
            (Self::NoPlan { .. }, Language::En) => "The table has no plan that suits the level and the equipment.",
            (Self::NothingLeft { .. }, Language::Ru) => {
                "После исключения упражнений, которых нужно избегать, одна из тренировок остаётся пустой: нужен взгляд тренера."
            }
            (Self::NothingLeft { .. }, Language::En) => {
                "Once the exercises to avoid are left out, a workout is empty: a trainer should look."
            }
        };
        text.to_owned()
    }
}
