//! Compares an LLM's answer with the rows and keeps only what can be trusted.
//!
//! The answer must repeat every week, day and exercise with its sets, repetitions and rest. The repeated numbers are never
//! shown, they only prove that the text speaks of the right thing: where they differ, the text there is replaced by the
//! plain one. Every remaining text is scanned on its own. What comes out has exactly the programme's shape.

use domain::language::Language;
use domain::profile::Profile;
use serde_json::Value;

use super::numbers::Facts;
use super::scan::{Limit, fold, joined, problem};
use super::verdict::{Checked, Reason, TextPlace, Verdict};
use super::{Cue, DayWording, WeekWording, Wording, plain};
use crate::programme::{Day, Item, Programme, Week};
use crate::table::Reps;

const INTRO: Limit = Limit(1000);
const FOCUS: Limit = Limit(300);
const TITLE: Limit = Limit(60);
const CUE: Limit = Limit(180);
const CLOSING: Limit = Limit(700);
/// An honest answer for twelve weeks of four days is under 100 KB.
const LARGEST_ANSWER: usize = 1024 * 1024;
/// More reasons than a person reads.
const MOST_REASONS: usize = 200;

/// Checks `answer_text`, the raw text of an LLM's answer (see [`super::answer_schema`]), in `language`.
/// Never fails: whatever can't be used is replaced by [`plain`] and named in the verdict.
pub fn check(programme: &Programme, profile: &Profile, language: Language, answer_text: &str) -> Checked {
    let wording = plain(programme, profile, language);
    let rejected = |wording, reason| Checked {
        wording,
        verdict: Verdict::Rejected { reasons: vec![reason] },
    };
    if answer_text.len() > LARGEST_ANSWER {
        return rejected(wording, Reason::AnswerTooLarge);
    }
    let Some(answer) = parse(answer_text) else {
        return rejected(wording, Reason::BrokenJson);
    };
    let names = names(programme.items().map(|(_, _, item)| item), language);
    let mut checker = Checker {
        programme,
        names: &names,
        language,
        weeks: programme.weeks.len().try_into().unwrap_or(u8::MAX),
        days_per_week: programme.days_per_week().try_into().unwrap_or(u8::MAX),
        kept: 0,
        reasons: Vec::new(),
    };
    let wording = checker.wording(&answer, wording);
    let Checker { kept, mut reasons, .. } = checker;
    reasons.truncate(MOST_REASONS);
    let verdict = match (kept, reasons.is_empty()) {
        (_, true) => Verdict::Accepted,
        (0, false) => Verdict::Rejected { reasons },
        (_, false) => Verdict::PartlyReplaced { reasons },
    };
    Checked { wording, verdict }
}

/// The JSON object in the text; a fence or a sentence around it is forgiven, since models add them against all requests.
fn parse(text: &str) -> Option<Value> {
    let object = text.get(text.find('{')?..=text.rfind('}')?)?;
    serde_json::from_str(object).ok().filter(Value::is_object)
}

struct Checker<'a> {
    programme: &'a Programme,
    names: &'a str,
    language: Language,
    weeks: u8,
    days_per_week: u8,
    /// How many of the LLM's texts are shown.
    kept: u32,
    reasons: Vec<Reason>,
}

impl<'a> Checker<'a> {
    fn wording(&mut self, answer: &Value, plain: Wording) -> Wording {
        let facts = self.facts(None, None);
        let intro = self.text(answer.get("intro"), plain.intro, INTRO, &facts, || TextPlace::Intro);
        let closing = self.text(answer.get("closing"), plain.closing, CLOSING, &facts, || {
            TextPlace::Closing
        });
        let answered = Numbered::of(answer.get("weeks"), "week");
        let programme = self.programme;
        let weeks = programme
            .weeks
            .iter()
            .zip(plain.weeks)
            .map(|(week, plain)| match answered.find(week.number) {
                Some(value) => self.week(week, value, plain),
                None => {
                    self.reasons.push(Reason::Missing {
                        week: week.number,
                        day: None,
                        id: None,
                    });
                    plain
                }
            })
            .collect();
        self.invented(&answered, programme.weeks.iter().map(|week| week.number), "week", None);
        Wording { intro, weeks, closing }
    }

    fn week(&mut self, week: &Week, answer: &Value, plain: WeekWording) -> WeekWording {
        let facts = self.facts(Some(week.number), None);
        let focus = self.text(answer.get("focus"), plain.focus, FOCUS, &facts, || TextPlace::Focus {
            week: week.number,
        });
        let answered = Numbered::of(answer.get("days"), "day");
        let days = week
            .days
            .iter()
            .zip(plain.days)
            .map(|(day, plain)| match answered.find(day.number) {
                Some(value) => self.day(week, day, value, plain),
                None => {
                    self.reasons.push(Reason::Missing {
                        week: week.number,
                        day: Some(day.number),
                        id: None,
                    });
                    plain
                }
            })
            .collect();
        self.invented(
            &answered,
            week.days.iter().map(|day| day.number),
            "day",
            Some(week.number),
        );
        WeekWording {
            week: week.number,
            focus,
            days,
        }
    }

    fn day(&mut self, week: &Week, day: &Day, answer: &Value, plain: DayWording) -> DayWording {
        let names = names(day.items.iter(), self.language);
        let facts = Facts {
            names: &names,
            ..self.facts(Some(week.number), Some(day.number))
        };
        let place = || TextPlace::Title {
            week: week.number,
            day: day.number,
        };
        let title = self.text(answer.get("title"), plain.title, TITLE, &facts, place);
        let answered: Vec<&Value> = answer
            .get("exercises")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .collect();
        let id_of = |value: &&&Value, id: &str| value.get("id").and_then(Value::as_str) == Some(id);
        let cues = day
            .items
            .iter()
            .zip(plain.cues)
            .map(|(item, plain)| {
                let found: Vec<&Value> = answered
                    .iter()
                    .filter(|value| id_of(value, &item.row_id))
                    .copied()
                    .collect();
                match found.as_slice() {
                    [value] => self.cue(week, day, item, value, &names, plain),
                    [] => {
                        self.reasons.push(Reason::Missing {
                            week: week.number,
                            day: Some(day.number),
                            id: Some(item.row_id.clone()),
                        });
                        plain
                    }
                    _ => {
                        self.reasons.push(Reason::Invented {
                            what: item.row_id.clone(),
                        });
                        plain
                    }
                }
            })
            .collect();
        for value in answered {
            let id = value.get("id").and_then(Value::as_str).unwrap_or_default();
            if !day.items.iter().any(|item| item.row_id == id) {
                let name = value.get("exercise").and_then(Value::as_str).unwrap_or(id);
                let what: String = name.chars().take(80).collect();
                self.reasons.push(Reason::Invented { what });
            }
        }
        DayWording {
            day: day.number,
            title,
            cues,
        }
    }

    fn cue(&mut self, week: &Week, day: &Day, item: &Item, answer: &Value, names: &str, plain: Cue) -> Cue {
        let reps = Reps::parse(&item.reps);
        let field = |name: &str| answer.get(name).map(as_text).unwrap_or_default();
        let same_reps = Reps::parse(&field("reps")).is_some_and(|got| Some(got) == reps);
        let same_name = fold_name(&field("exercise")) == fold_name(item.name.get(self.language));
        let fields = [
            ("exercise", item.name.get(self.language).to_owned(), same_name),
            ("sets", item.sets.to_string(), field("sets") == item.sets.to_string()),
            ("reps", item.reps.clone(), same_reps),
            (
                "rest_seconds",
                item.rest_seconds.to_string(),
                field("rest_seconds") == item.rest_seconds.to_string(),
            ),
        ];
        let mut is_same = true;
        for (name, expected, same) in fields {
            if !same {
                is_same = false;
                self.reasons.push(Reason::Changed {
                    week: week.number,
                    day: day.number,
                    id: item.row_id.clone(),
                    field: name.to_owned(),
                    expected,
                    got: field(name).chars().take(80).collect(),
                });
            }
        }
        if !is_same {
            return plain;
        }
        let facts = Facts {
            sets: Some(item.sets),
            reps,
            rest_seconds: Some(item.rest_seconds),
            intensity: item.intensity.as_deref(),
            names,
            ..self.facts(Some(week.number), Some(day.number))
        };
        // Having nothing to say about an exercise is fine.
        if answer
            .get("cue")
            .and_then(Value::as_str)
            .is_some_and(|cue| cue.trim().is_empty())
        {
            return plain;
        }
        let place = || TextPlace::Cue {
            week: week.number,
            day: day.number,
            id: item.row_id.clone(),
        };
        Cue {
            text: self.text(answer.get("cue"), plain.text, CUE, &facts, place),
            id: plain.id,
        }
    }

    fn facts(&self, week: Option<u8>, day: Option<u8>) -> Facts<'a> {
        Facts {
            names: self.names,
            weeks: self.weeks,
            days_per_week: self.days_per_week,
            week,
            day,
            ..Facts::default()
        }
    }

    fn text(
        &mut self,
        answer: Option<&Value>,
        plain: String,
        limit: Limit,
        facts: &Facts<'_>,
        place: impl FnOnce() -> TextPlace,
    ) -> String {
        let text = answer.and_then(Value::as_str).unwrap_or_default().trim();
        match problem(text, self.language, limit, facts) {
            None => {
                self.kept += 1;
                text.split_whitespace().collect::<Vec<_>>().join(" ")
            }
            Some(problem) => {
                self.reasons.push(Reason::Text {
                    place: place(),
                    problem,
                });
                plain
            }
        }
    }

    fn invented(&mut self, answered: &Numbered<'_>, known: impl Iterator<Item = u8>, what: &str, week: Option<u8>) {
        let known: Vec<u64> = known.map(u64::from).collect();
        for number in answered.surplus(&known) {
            let what = match week {
                Some(week) => format!("week {week}, {what} {number}"),
                None => format!("{what} {number}"),
            };
            self.reasons.push(Reason::Invented { what });
        }
    }
}

/// A list of objects that carry their number in `key`.
struct Numbered<'a>(Vec<(Option<u64>, &'a Value)>);

impl<'a> Numbered<'a> {
    fn of(list: Option<&'a Value>, key: &str) -> Self {
        let values = list.and_then(Value::as_array).into_iter().flatten();
        Self(
            values
                .map(|value| (value.get(key).and_then(Value::as_u64), value))
                .collect(),
        )
    }

    /// The one element with this number; two claimants are as good as none.
    fn find(&self, number: u8) -> Option<&'a Value> {
        let mut found = self
            .0
            .iter()
            .filter(|(candidate, _)| *candidate == Some(u64::from(number)));
        let first = found.next().map(|(_, value)| *value);
        if found.next().is_some() { None } else { first }
    }

    fn surplus(&self, known: &[u64]) -> Vec<String> {
        let mut seen = Vec::new();
        let mut surplus = Vec::new();
        for (number, _) in &self.0 {
            match number {
                Some(number) if known.contains(number) && !seen.contains(number) => seen.push(*number),
                Some(number) => surplus.push(number.to_string()),
                None => surplus.push("?".to_owned()),
            }
        }
        surplus
    }
}

/// All names in one line, to look words up in.
fn names<'i>(items: impl Iterator<Item = &'i Item>, language: Language) -> String {
    let mut all = String::from(" ");
    for item in items {
        all.push_str(&joined(&fold(item.name.get(language))));
        all.push(' ');
    }
    all
}

fn as_text(value: &Value) -> String {
    match value {
        Value::String(text) => text.trim().to_owned(),
        other => other.to_string(),
    }
}

fn fold_name(name: &str) -> String {
    name.to_lowercase()
        .replace('ё', "е")
        .chars()
        .filter(|c| c.is_alphanumeric())
        .collect()
}
