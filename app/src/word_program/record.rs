//! What was sent to a model, what came back, what the checker changed, what it cost: for the trainer to see.

use domain::language::{Language, Localized};
use programs::wording::{Reason, TextPlace, Verdict, Wording};
use providers::llm::{self, Completion};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::parts::{self, Part};

/// Longer than any honest answer; the rest of a rambling one helps nobody.
const MAX_KEPT_ANSWER_CHARS: usize = 200_000;
const MAX_TEXT_CHARS: usize = 2_000;

/// Kept sealed with a version. Fields may be missing in records of earlier releases.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Record {
    /// `accepted`, `partly_replaced`, `rejected` or `plain`.
    pub verdict: String,
    /// Provider and model as they were asked for; `None`: nobody was asked.
    pub model: Option<String>,
    /// The model as the server names it.
    pub answered_by: Option<String>,
    pub parts: Vec<AskedPart>,
    /// Every text that is not the model's, and why.
    pub replaced: Vec<Replaced>,
    /// The same reasons as sentences in the programme's language.
    pub reasons: Vec<String>,
    /// Why there is no answer, or none to a part.
    pub error: Option<Failure>,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
    /// Millionths of the currency's unit.
    pub cost_micros: i64,
    pub currency: String,
    pub duration_ms: u64,
    /// One question and one answer, as earlier releases kept them.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub request: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub answer: Option<String>,
}

/// What was said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Request {
    pub system: String,
    /// De-identified by construction.
    pub user: Value,
}

/// Some of the weeks: the question, the answer, every request it took.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskedPart {
    pub weeks: Vec<u8>,
    pub request: Request,
    /// Raw, also where it could not be used.
    pub answer: Option<String>,
    pub error: Option<Failure>,
    pub attempts: Vec<AttemptRecord>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AttemptRecord {
    /// `first`, `other_form`, `retry` or `repair`.
    pub reason: String,
    /// `json_schema`, `json_schema_bare`, `json_object` or `text`.
    pub form: String,
    pub error: Option<String>,
    pub prompt_tokens: u64,
    pub answer_tokens: u64,
    pub duration_ms: u64,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Failure {
    pub code: String,
    pub message: Localized,
    /// Only the owner can mend it.
    #[serde(default)]
    pub is_for_the_owner: bool,
}

impl Failure {
    fn of(error: &llm::Error) -> Self {
        Self {
            code: error.code().to_owned(),
            message: Localized::new(error.text(Language::Ru), error.text(Language::En)),
            is_for_the_owner: error.is_for_the_owner(),
        }
    }

    pub fn text(&self, language: Language) -> String {
        self.message.get(language).to_owned()
    }
}

/// A line of the document that says our words in place of the model's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// `intro`, `focus`, `title`, `cue`, `closing`, or `line` for an exercise whose numbers differ, `none` for the whole.
    pub place: String,
    pub week: Option<u8>,
    pub day: Option<u8>,
    /// The row.
    pub id: Option<String>,
    /// `None`: it said nothing there.
    pub model_text: Option<String>,
    /// `None`: nothing of it is shown.
    pub shown_text: Option<String>,
    pub reason: Localized,
}

impl AskedPart {
    pub(super) fn of(part: &Part, request: Request, completion: &Completion) -> Self {
        let answer = match &completion.outcome {
            Ok(answer) => Some(answer.text.as_str()),
            Err(_) => completion.unusable.as_deref(),
        };
        Self {
            weeks: part.weeks(),
            request,
            answer: answer.map(|text| cut(text, MAX_KEPT_ANSWER_CHARS)),
            error: completion.outcome.as_ref().err().map(Failure::of),
            attempts: completion
                .attempts
                .iter()
                .map(|attempt| AttemptRecord {
                    reason: attempt.reason.code().to_owned(),
                    form: attempt.form.to_owned(),
                    error: attempt.error.as_ref().map(|error| error.code().to_owned()),
                    prompt_tokens: attempt.tokens.prompt,
                    answer_tokens: attempt.tokens.answer,
                    duration_ms: u64::try_from(attempt.took.as_millis()).unwrap_or(u64::MAX),
                })
                .collect(),
        }
    }
}

impl Record {
    /// Nobody was asked.
    pub(super) fn plain() -> Self {
        Self {
            verdict: "plain".into(),
            ..Self::default()
        }
    }

    pub fn was_asked(&self) -> bool {
        !self.parts.is_empty()
    }

    /// The one the owner can mend counts more than one that passes.
    pub(super) fn note_failure(&mut self, error: &llm::Error) {
        let has_better = self
            .error
            .as_ref()
            .is_some_and(|known| known.is_for_the_owner || !error.is_for_the_owner());
        if !has_better {
            self.error = Some(Failure::of(error));
        }
    }

    /// Takes over what the checker found in `answer`.
    pub(super) fn judge(&mut self, verdict: &Verdict, answer: &str, shown: &Wording, language: Language) {
        self.verdict = match verdict {
            Verdict::Accepted => "accepted",
            Verdict::PartlyReplaced { .. } => "partly_replaced",
            Verdict::Rejected { .. } => "rejected",
        }
        .into();
        let said = parts::object(answer).unwrap_or_default();
        let reasons = verdict.reasons();
        self.reasons = reasons.iter().map(|reason| reason.text(language)).collect();
        self.replaced = reasons.iter().map(|reason| replaced(reason, &said, shown)).collect();
    }
}

fn cut(text: &str, chars: usize) -> String {
    text.chars().take(chars).collect()
}

fn replaced(reason: &Reason, said: &Value, shown: &Wording) -> Replaced {
    let (place, week, day, id) = match reason {
        Reason::BrokenJson | Reason::AnswerTooLarge | Reason::Invented { .. } => ("none", None, None, None),
        Reason::Missing { week, day, id } => {
            let place = match (day, id) {
                (None, _) => "focus",
                (Some(_), None) => "title",
                (Some(_), Some(_)) => "line",
            };
            (place, Some(*week), *day, id.clone())
        }
        Reason::Changed { week, day, id, .. } => ("line", Some(*week), Some(*day), Some(id.clone())),
        Reason::Text { place, .. } => match place {
            TextPlace::Intro => ("intro", None, None, None),
            TextPlace::Closing => ("closing", None, None, None),
            TextPlace::Focus { week } => ("focus", Some(*week), None, None),
            TextPlace::Title { week, day } => ("title", Some(*week), Some(*day), None),
            TextPlace::Cue { week, day, id } => ("cue", Some(*week), Some(*day), Some(id.clone())),
        },
    };
    let model_text = match reason {
        Reason::Invented { what } => Some(what.clone()),
        _ => model_text(said, place, week, day, id.as_deref()),
    };
    Replaced {
        model_text: model_text.map(|text| cut(&text, MAX_TEXT_CHARS)),
        shown_text: shown_text(shown, place, week, day, id.as_deref()),
        place: place.to_owned(),
        week,
        day,
        id,
        reason: Localized::new(reason.text(Language::Ru), reason.text(Language::En)),
    }
}

/// The element of the list `name` whose `key` is this number.
fn numbered<'a>(value: &'a Value, name: &str, key: &str, number: Option<u8>) -> Option<&'a Value> {
    let number = u64::from(number?);
    value
        .get(name)?
        .as_array()?
        .iter()
        .find(|element| element.get(key).and_then(Value::as_u64) == Some(number))
}

fn model_text(said: &Value, place: &str, week: Option<u8>, day: Option<u8>, id: Option<&str>) -> Option<String> {
    let week_said = numbered(said, "weeks", "week", week);
    let day_said = week_said.and_then(|value| numbered(value, "days", "day", day));
    let line = day_said
        .and_then(|value| value.get("exercises")?.as_array())
        .and_then(|lines| lines.iter().find(|line| super::field(line, "id") == id));
    let text = match place {
        "intro" | "closing" => super::field(said, place)?.to_owned(),
        "focus" => super::field(week_said?, "focus")?.to_owned(),
        "title" => super::field(day_said?, "title")?.to_owned(),
        "cue" => super::field(line?, "cue")?.to_owned(),
        // The whole line: the numbers are what is wrong with it.
        "line" => line?.to_string(),
        _ => return None,
    };
    Some(text)
}

fn shown_text(shown: &Wording, place: &str, week: Option<u8>, day: Option<u8>, id: Option<&str>) -> Option<String> {
    let week_shown = || shown.weeks.iter().find(|shown| Some(shown.week) == week);
    let day_shown = || week_shown()?.days.iter().find(|shown| Some(shown.day) == day);
    match place {
        "intro" => Some(shown.intro.clone()),
        "closing" => Some(shown.closing.clone()),
        "focus" => week_shown().map(|week| week.focus.clone()),
        "title" => day_shown().map(|day| day.title.clone()),
        "cue" | "line" => day_shown()?
            .cues
            .iter()
            .find(|cue| Some(cue.id.as_str()) == id)
            .map(|cue| cue.text.clone()),
        _ => None,
    }
}
