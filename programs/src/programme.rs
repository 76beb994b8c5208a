//! A programme: the rows a client trains by, week by week, with the reasons for every departure from their answers.

use domain::language::{Language, Localized};
use serde::{Deserialize, Serialize};

pub use crate::changes::{Change, What, changes};
pub use crate::load::{Implement, Load};

use crate::matching::Relaxation;
use crate::measures::Side;
use crate::table::{Reps, RepsUnit};

/// How much of the twelve weeks is given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Scope {
    /// The free start.
    FirstTwoWeeks,
    AllTwelveWeeks,
}

impl Scope {
    pub const fn weeks(self) -> u8 {
        match self {
            Self::FirstTwoWeeks => 2,
            Self::AllTwelveWeeks => crate::table::WEEKS,
        }
    }
}

/// Shapes: `weeks` are 1.. in order; every week has the same number of days, 1.. in order, none of them empty.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Programme {
    pub weeks: Vec<Week>,
    /// What was done differently from the answers, in the order it was decided.
    pub explanation: Vec<Relaxation>,
    /// The version of the templates, see [`crate::templates::Templates::version`].
    pub templates_version: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Week {
    pub number: u8,
    /// A lighter week that lets the body catch up.
    pub is_deload: bool,
    pub days: Vec<Day>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Day {
    pub number: u8,
    pub items: Vec<Item>,
}

/// One line of a workout. Numbers are the source row's; only the exercise may be an equivalent one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Item {
    /// The source row, `Men_12w_2:57`; unique within a day, the same in every week the row covers.
    pub row_id: String,
    pub exercise_id: String,
    pub name: Localized,
    /// The movement pattern's code, see [`crate::table::Pattern`].
    pub pattern: String,
    pub sets: u8,
    /// Canonical: `8`, `8-12`, `30 s`, `2 min`.
    pub reps: String,
    pub rest_seconds: u16,
    pub intensity: Option<String>,
    pub notes: Option<String>,
    /// The note in English, where the table has one.
    #[serde(default)]
    pub notes_en: Option<String>,
    /// What to begin this week with, where the row has a rule and the client's answers allow a number.
    #[serde(default)]
    pub load: Option<Load>,
    pub technique: Localized,
    pub mistakes: Localized,
    pub video: Option<String>,
}

impl Programme {
    pub fn days_per_week(&self) -> usize {
        self.weeks.first().map_or(0, |week| week.days.len())
    }

    /// Whether the client meets this exercise anywhere.
    pub fn uses(&self, exercise_id: &str) -> bool {
        self.items().any(|(_, _, item)| item.exercise_id == exercise_id)
    }

    /// Every line with its week and day.
    pub fn items(&self) -> impl Iterator<Item = (&Week, &Day, &Item)> {
        self.weeks.iter().flat_map(|week| {
            week.days
                .iter()
                .flat_map(move |day| day.items.iter().map(move |item| (week, day, item)))
        })
    }
}

impl Item {
    /// Repetitions or time as a person reads them: `8–12`, `30 сек`.
    pub fn reps_text(&self, language: Language) -> String {
        reps_text(&self.reps, language)
    }

    /// The row's note as far as it can be shown in `language`.
    pub fn note_text(&self, language: Language) -> String {
        crate::notes::note_in(self.notes.as_deref(), self.notes_en.as_deref(), language)
    }

    /// Whether repetitions are counted for one side, so that a set takes twice as long.
    pub fn is_one_sided(&self) -> bool {
        let notes = [&self.notes, &self.notes_en];
        notes.into_iter().flatten().any(|note| Side::named_in(note).is_some())
    }

    /// `≈ 40 кг с грифом`, `≈ 2 × 10 kg`; nothing where the feeling should decide.
    pub fn load_text(&self, language: Language) -> Option<String> {
        self.load.map(|load| load.text(language))
    }

    /// `90 сек`, `2 мин`, or a dash for none.
    pub fn rest_text(&self, language: Language) -> String {
        rest_text(self.rest_seconds, language)
    }
}

pub(crate) fn reps_text(canonical: &str, language: Language) -> String {
    let Some(reps) = Reps::parse(canonical) else {
        return canonical.to_owned();
    };
    let numbers = if reps.min == reps.max {
        reps.min.to_string()
    } else {
        format!("{}–{}", reps.min, reps.max)
    };
    match (reps.unit, language) {
        (RepsUnit::Times, _) => numbers,
        (RepsUnit::Seconds, Language::Ru) => format!("{numbers} сек"),
        (RepsUnit::Seconds, Language::En) => format!("{numbers} s"),
        (RepsUnit::Minutes, Language::Ru) => format!("{numbers} мин"),
        (RepsUnit::Minutes, Language::En) => format!("{numbers} min"),
    }
}

pub(crate) fn rest_text(rest_seconds: u16, language: Language) -> String {
    let (value, ru, en) = match rest_seconds {
        0 => return "—".to_owned(),
        seconds if seconds >= 120 && seconds % 60 == 0 => (seconds / 60, "мин", "min"),
        seconds => (seconds, "сек", "s"),
    };
    let unit = match language {
        Language::Ru => ru,
        Language::En => en,
    };
    format!("{value} {unit}")
}
