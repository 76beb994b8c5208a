//! The words around the numbers: from us (plain) or from an LLM (checked). Numbers always come from the rows.

mod check;
mod numbers;
mod plain;
mod request;
mod scan;
mod verdict;

use serde::{Deserialize, Serialize};

pub(crate) use scan::is_in_language;

pub use check::check;
pub use plain::plain;
pub use request::{LlmRequest, answer_schema, request, system_prompt};
pub use scan::TextProblem;
pub use verdict::{Checked, Reason, TextPlace, Verdict};

/// All texts of one programme in one language. It carries no sets, repetitions or rests.
/// Shapes: the same weeks, days and items, in the same order, as the programme it was made for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wording {
    pub intro: String,
    pub weeks: Vec<WeekWording>,
    pub closing: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct WeekWording {
    pub week: u8,
    pub focus: String,
    pub days: Vec<DayWording>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DayWording {
    pub day: u8,
    pub title: String,
    pub cues: Vec<Cue>,
}

/// A short hint for one line of a workout, beside the row's own note; empty where there is nothing to say.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cue {
    /// The item's `row_id`.
    pub id: String,
    pub text: String,
}

impl Wording {
    pub fn week(&self, number: u8) -> Option<&WeekWording> {
        self.weeks.iter().find(|week| week.week == number)
    }
}

impl WeekWording {
    pub fn day(&self, number: u8) -> Option<&DayWording> {
        self.days.iter().find(|day| day.day == number)
    }
}

impl DayWording {
    pub fn cue(&self, row_id: &str) -> &str {
        self.cues
            .iter()
            .find(|cue| cue.id == row_id)
            .map_or("", |cue| cue.text.as_str())
    }
}
