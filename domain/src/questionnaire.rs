//! The questionnaire: questions are data an owner edits, answers are data keyed by question id.
//!
//! A run is never tied to a version of the form. What to ask next is computed from the form as it is now and the answers
//! as they are, so questions may be added, changed and removed while people are in the middle: everyone can finish.

mod number;
mod to_profile;

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use to_profile::{needs_trainer, profile};

use crate::fold::fold;
use crate::language::{Language, Localized};

/// Questions in the order they are asked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct Form {
    pub questions: Vec<Question>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Question {
    /// Stable key of the answer: 1 to 20 of `[a-z0-9_]`.
    pub id: String,
    pub kind: Kind,
    pub text: Localized,
    /// One word or two for the summary: "Вес".
    pub label: Localized,
    /// Shown on "why do you ask?".
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<Localized>,
    #[serde(default)]
    pub is_optional: bool,
    /// Asked only when another answer says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<Condition>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Kind {
    /// One of several.
    Choice {
        options: Vec<Choice>,
    },
    /// Any number of several; an option marked `is_none` excludes the others.
    Choices {
        options: Vec<Choice>,
    },
    Number(NumberKind),
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choice {
    /// 1 to 20 of `[a-z0-9_]`.
    pub id: String,
    pub label: Localized,
    /// Choosing it is a reason to involve the trainer before training.
    #[serde(default)]
    pub is_red_flag: bool,
    /// "None of these".
    #[serde(default)]
    pub is_none: bool,
}

/// A number with one digit after the point at most. Units: tenths of `unit`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NumberKind {
    pub unit: Unit,
    pub min_tenths: i64,
    pub max_tenths: i64,
    pub allows_fraction: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Unit {
    Years,
    Centimetres,
    Kilograms,
    None,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Condition {
    pub question: String,
    pub any_of: Vec<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", content = "value", rename_all = "snake_case")]
pub enum Answer {
    /// Option ids.
    Chosen(Vec<String>),
    Tenths(i64),
    Skipped,
}

pub type Answers = BTreeMap<String, Answer>;

/// Why an answer was not taken.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum Refusal {
    #[error("not a number")]
    NotANumber,
    #[error("a whole number is needed")]
    NotWhole,
    #[error("out of range {min_tenths}..={max_tenths} tenths")]
    OutOfRange { min_tenths: i64, max_tenths: i64 },
    #[error("not one of the options")]
    NotAnOption,
    #[error("the question may not be skipped")]
    Required,
}

/// What is wrong with a form somebody wants to save.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum FormError {
    #[error("the form has no questions")]
    Empty,
    #[error("question {0}: the id must be 1 to 20 of a-z, 0-9 and _")]
    BadId(String),
    #[error("question {0}: the id is used twice")]
    DuplicateId(String),
    #[error("question {0}: a text or a label is missing")]
    MissingText(String),
    #[error("question {0}: between 1 and 12 options with distinct ids and labels are needed")]
    BadOptions(String),
    #[error("question {0}: the range is empty")]
    BadRange(String),
    #[error("question {0}: its condition must name options of an earlier choice question")]
    BadCondition(String),
}

impl Form {
    /// Errors: the first thing wrong, naming the question.
    pub fn validate(&self) -> Result<(), FormError> {
        if self.questions.is_empty() {
            return Err(FormError::Empty);
        }
        for (index, question) in self.questions.iter().enumerate() {
            let id = || question.id.clone();
            let earlier = self.questions.get(..index).unwrap_or_default();
            if !is_key(&question.id) {
                return Err(FormError::BadId(id()));
            }
            if earlier.iter().any(|other| other.id == question.id) {
                return Err(FormError::DuplicateId(id()));
            }
            if question.text.get(Language::Ru).trim().is_empty() || question.label.get(Language::Ru).trim().is_empty() {
                return Err(FormError::MissingText(id()));
            }
            match &question.kind {
                Kind::Choice { options } | Kind::Choices { options } => {
                    let are_sound = (1..=12).contains(&options.len())
                        && options.iter().enumerate().all(|(at, option)| {
                            is_key(&option.id)
                                && !option.label.get(Language::Ru).trim().is_empty()
                                && !options.iter().skip(at + 1).any(|other| other.id == option.id)
                        });
                    if !are_sound {
                        return Err(FormError::BadOptions(id()));
                    }
                }
                Kind::Number(number) if number.min_tenths > number.max_tenths => return Err(FormError::BadRange(id())),
                Kind::Number(_) => {}
            }
            if let Some(condition) = &question.when {
                let is_sound = earlier.iter().any(|other| {
                    other.id == condition.question
                        && !condition.any_of.is_empty()
                        && condition
                            .any_of
                            .iter()
                            .all(|wanted| other.options().iter().any(|option| option.id == *wanted))
                });
                if !is_sound {
                    return Err(FormError::BadCondition(id()));
                }
            }
        }
        Ok(())
    }

    pub fn question(&self, id: &str) -> Option<&Question> {
        self.questions.iter().find(|question| question.id == id)
    }

    /// The questions that apply to somebody who gave `answers`, in order.
    pub fn applicable<'a>(&'a self, answers: &'a Answers) -> impl Iterator<Item = &'a Question> {
        self.questions.iter().filter(|question| self.applies(question, answers))
    }

    fn applies(&self, question: &Question, answers: &Answers) -> bool {
        let Some(condition) = &question.when else { return true };
        let Some(asked) = self.question(&condition.question) else {
            return false;
        };
        let chose = matches!(answers.get(&condition.question),
            Some(Answer::Chosen(chosen)) if chosen.iter().any(|option| condition.any_of.contains(option)));
        chose && self.applies(asked, answers)
    }

    /// The first applicable question without an answer the form of today accepts.
    pub fn next<'a>(&'a self, answers: &'a Answers) -> Option<&'a Question> {
        self.applicable(answers)
            .find(|question| !answers.get(&question.id).is_some_and(|answer| question.accepts(answer)))
    }

    /// The applicable question before `id`; `None` at the first.
    pub fn previous<'a>(&'a self, answers: &'a Answers, id: &str) -> Option<&'a Question> {
        let mut previous = None;
        for question in self.applicable(answers) {
            if question.id == id {
                return previous;
            }
            previous = Some(question);
        }
        previous
    }

    /// (place from 1, how many). Questions that may still appear or vanish make the total an honest estimate.
    pub fn progress(&self, answers: &Answers, id: &str) -> (u32, u32) {
        let total = self.applicable(answers).count();
        let place = self
            .applicable(answers)
            .position(|question| question.id == id)
            .map_or(total, |at| at + 1);
        (
            u32::try_from(place).unwrap_or(u32::MAX),
            u32::try_from(total.max(place)).unwrap_or(u32::MAX),
        )
    }

    /// Answers that no longer belong to anything asked, after an edit: to be dropped, so that only they are asked again
    /// should they become applicable later.
    pub fn orphaned(&self, answers: &Answers) -> Vec<String> {
        answers
            .keys()
            .filter(|id| {
                self.question(id)
                    .is_some_and(|question| !self.applies(question, answers))
            })
            .cloned()
            .collect()
    }
}

impl Question {
    pub fn options(&self) -> &[Choice] {
        match &self.kind {
            Kind::Choice { options } | Kind::Choices { options } => options,
            Kind::Number(_) => &[],
        }
    }

    /// Whether a stored answer still makes sense: options may have been removed, ranges changed.
    pub fn accepts(&self, answer: &Answer) -> bool {
        match (&self.kind, answer) {
            (_, Answer::Skipped) => self.is_optional,
            (Kind::Choice { options }, Answer::Chosen(chosen)) => {
                chosen.len() == 1 && chosen.iter().all(|id| options.iter().any(|option| option.id == *id))
            }
            (Kind::Choices { options }, Answer::Chosen(chosen)) => {
                !chosen.is_empty() && chosen.iter().all(|id| options.iter().any(|option| option.id == *id))
            }
            (Kind::Number(number), Answer::Tenths(tenths)) => number.check(*tenths).is_ok(),
            _ => false,
        }
    }

    /// Understands an answer typed by a person: a number with or without its unit, an option by its label or place.
    pub fn parse_typed(&self, text: &str) -> Result<Answer, Refusal> {
        match &self.kind {
            Kind::Number(number) => number.parse(text).map(Answer::Tenths),
            Kind::Choice { options } => find_option(options, text)
                .map(|option| Answer::Chosen(vec![option.id.clone()]))
                .ok_or(Refusal::NotAnOption),
            Kind::Choices { options } => {
                let chosen: Option<Vec<String>> = match find_option(options, text) {
                    Some(option) => Some(vec![option.id.clone()]),
                    None => text
                        .split([',', ';'])
                        .filter(|part| !part.trim().is_empty())
                        .map(|part| find_option(options, part).map(|option| option.id.clone()))
                        .collect(),
                };
                chosen
                    .filter(|ids| !ids.is_empty())
                    .map(Answer::Chosen)
                    .ok_or(Refusal::NotAnOption)
            }
        }
    }

    /// The answer as a person would say it: "Женский", "72,5 кг", "Колени, поясница".
    pub fn describe(&self, answer: &Answer, language: Language) -> String {
        match (answer, &self.kind) {
            (Answer::Chosen(chosen), _) => self
                .options()
                .iter()
                .filter(|option| chosen.contains(&option.id))
                .map(|option| option.label.get(language))
                .collect::<Vec<_>>()
                .join(", "),
            (Answer::Tenths(tenths), Kind::Number(number)) => number.describe(*tenths, language),
            _ => "—".to_owned(),
        }
    }

    /// Toggles an option of a [`Kind::Choices`] question; "none of these" and the others exclude each other.
    pub fn toggle(&self, picked: &[String], option_id: &str) -> Vec<String> {
        let is_none = |id: &str| self.options().iter().any(|option| option.id == id && option.is_none);
        if picked.iter().any(|id| id == option_id) {
            return picked.iter().filter(|id| *id != option_id).cloned().collect();
        }
        if is_none(option_id) {
            return vec![option_id.to_owned()];
        }
        let mut now: Vec<String> = picked.iter().filter(|id| !is_none(id)).cloned().collect();
        now.push(option_id.to_owned());
        now
    }
}

fn is_key(id: &str) -> bool {
    (1..=20).contains(&id.len())
        && id
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_')
}

/// By label in any language, by its place ("2"), or by a beginning that only one label has.
fn find_option<'a>(options: &'a [Choice], text: &str) -> Option<&'a Choice> {
    let wanted = fold(text);
    if wanted.is_empty() {
        return None;
    }
    let labels = |option: &'a Choice| [fold(&option.label.ru), fold(&option.label.en)];
    if let Some(option) = options.iter().find(|option| labels(option).contains(&wanted)) {
        return Some(option);
    }
    if let Ok(place) = wanted.parse::<usize>() {
        return place.checked_sub(1).and_then(|index| options.get(index));
    }
    let mut beginning = options
        .iter()
        .filter(|option| wanted.chars().count() >= 3 && labels(option).iter().any(|label| label.starts_with(&wanted)));
    let first = beginning.next()?;
    beginning.next().is_none().then_some(first)
}

#[cfg(test)]
mod tests;
