//! What the checker found, as data and as sentences for the trainer.

use domain::language::Language;
use serde::{Deserialize, Serialize};

use super::Wording;
use super::scan::TextProblem;

/// The wording to show and how much of it is the LLM's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Checked {
    pub wording: Wording,
    pub verdict: Verdict,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "verdict", rename_all = "snake_case")]
pub enum Verdict {
    Accepted,
    /// Some texts are plain, the rest are the LLM's.
    PartlyReplaced {
        reasons: Vec<Reason>,
    },
    /// All texts are plain.
    Rejected {
        reasons: Vec<Reason>,
    },
}

impl Verdict {
    pub fn reasons(&self) -> &[Reason] {
        match self {
            Self::Accepted => &[],
            Self::PartlyReplaced { reasons } | Self::Rejected { reasons } => reasons,
        }
    }
}

/// What was wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum Reason {
    /// Not JSON, or not an object.
    BrokenJson,
    AnswerTooLarge,
    /// The answer lacks a week, a day of it, or an exercise.
    Missing {
        week: u8,
        day: Option<u8>,
        id: Option<String>,
    },
    /// The answer has something the programme lacks.
    Invented {
        what: String,
    },
    /// A repeated value differs from the row's.
    Changed {
        week: u8,
        day: u8,
        id: String,
        field: String,
        expected: String,
        got: String,
    },
    Text {
        place: TextPlace,
        #[serde(flatten)]
        problem: TextProblem,
    },
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "place", rename_all = "snake_case")]
pub enum TextPlace {
    Intro,
    Focus { week: u8 },
    Title { week: u8, day: u8 },
    Cue { week: u8, day: u8, id: String },
    Closing,
}

impl Reason {
    /// A sentence for the trainer.
    pub fn text(&self, language: Language) -> String {
        let ru = language == Language::Ru;
        match self {
            Self::BrokenJson => if ru {
                "Ответ не разобрать: это не JSON."
            } else {
                "The answer is not readable JSON."
            }
            .to_owned(),
            Self::AnswerTooLarge => if ru {
                "Ответ слишком большой."
            } else {
                "The answer is too large."
            }
            .to_owned(),
            Self::Missing { week, day, id } => {
                let place = place(ru, *week, *day, id.as_deref());
                if ru {
                    format!("Пропущено: {place}.")
                } else {
                    format!("Missing: {place}.")
                }
            }
            Self::Invented { what } => {
                if ru {
                    format!("Выдумано: {what}.")
                } else {
                    format!("Invented: {what}.")
                }
            }
            Self::Changed {
                week,
                day,
                id,
                field,
                expected,
                got,
            } => {
                let place = place(ru, *week, Some(*day), Some(id));
                if ru {
                    format!("Изменено поле {field} ({place}): «{got}» вместо «{expected}».")
                } else {
                    format!("Changed {field} ({place}): \"{got}\" instead of \"{expected}\".")
                }
            }
            Self::Text { place: at, problem } => {
                let at = match (at, ru) {
                    (TextPlace::Intro, true) => "вступление".to_owned(),
                    (TextPlace::Intro, false) => "intro".to_owned(),
                    (TextPlace::Closing, true) => "завершение".to_owned(),
                    (TextPlace::Closing, false) => "closing".to_owned(),
                    (TextPlace::Focus { week }, _) => place(ru, *week, None, None),
                    (TextPlace::Title { week, day }, _) => place(ru, *week, Some(*day), None),
                    (TextPlace::Cue { week, day, id }, _) => place(ru, *week, Some(*day), Some(id)),
                };
                let problem = problem.text(language);
                if ru {
                    format!("Текст заменён ({at}): {problem}.")
                } else {
                    format!("Text replaced ({at}): {problem}.")
                }
            }
        }
    }
}

fn place(ru: bool, week: u8, day: Option<u8>, id: Option<&str>) -> String {
    let mut out = if ru {
        format!("неделя {week}")
    } else {
        format!("week {week}")
    };
    if let Some(day) = day {
        out.push_str(&if ru {
            format!(", день {day}")
        } else {
            format!(", day {day}")
        });
    }
    if let Some(id) = id {
        out.push_str(&format!(", {id}"));
    }
    out
}
