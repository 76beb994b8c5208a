//! What an LLM is asked and in what form it must answer. Only de-identified fields leave: no name, no contacts, no exact
//! age, no body measures, no spared areas.

use domain::language::Language;
use domain::profile::Profile;
use serde::Serialize;
use serde_json::{Value, json};

use crate::programme::Programme;

/// The user message, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LlmRequest {
    pub task: &'static str,
    pub language: &'static str,
    pub client: LlmClient,
    pub weeks: Vec<LlmWeek>,
}

/// Everything an LLM learns about the person.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LlmClient {
    pub sex: &'static str,
    pub age_band: &'static str,
    pub goal: &'static str,
    pub level: &'static str,
    pub place: &'static str,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LlmWeek {
    pub week: u8,
    pub days: Vec<LlmDay>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LlmDay {
    pub day: u8,
    pub exercises: Vec<LlmExercise>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LlmExercise {
    pub id: String,
    pub exercise: String,
    pub sets: u8,
    pub reps: String,
    pub rest_seconds: u16,
    pub intensity: String,
    pub notes: String,
}

/// The request for `programme`; it serialises to the JSON that is sent and kept.
pub fn request(programme: &Programme, profile: &Profile, language: Language) -> LlmRequest {
    LlmRequest {
        task: "word_programme",
        language: language.code(),
        client: LlmClient {
            sex: profile.sex.code(),
            age_band: profile.age_band(),
            goal: profile.goal.code(),
            level: profile.level.code(),
            place: profile.place.code(),
        },
        weeks: programme
            .weeks
            .iter()
            .map(|week| LlmWeek {
                week: week.number,
                days: week
                    .days
                    .iter()
                    .map(|day| LlmDay {
                        day: day.number,
                        exercises: day
                            .items
                            .iter()
                            .map(|item| LlmExercise {
                                id: item.row_id.clone(),
                                exercise: item.name.get(language).to_owned(),
                                sets: item.sets,
                                reps: item.reps.clone(),
                                rest_seconds: item.rest_seconds,
                                intensity: item.intensity.clone().unwrap_or_default(),
                                notes: item.note_text(language),
                            })
                            .collect(),
                    })
                    .collect(),
            })
            .collect(),
    }
}

/// The system message. It asks for what [`super::check`] will verify; nothing is taken on trust.
pub const fn system_prompt(language: Language) -> &'static str {
    match language {
        Language::Ru => {
            "Ты помогаешь тренеру: пишешь тёплые, простые и честные слова к готовой программе тренировок. \
             Во входном JSON программа: недели, дни, упражнения. Верни только JSON по заданной схеме, без пояснений. \
             Правила. 1. Перенеси каждую неделю, каждый день и каждое упражнение с теми же id, exercise, sets, reps и \
             rest_seconds, ничего не добавляй, не убирай и не меняй. 2. В текстах intro, focus, title, cue и closing пиши \
             по-русски, на «вы», без цифр и чисел. 3. intro: три-четыре предложения о цели и о том, как идти к ней. \
             focus: одно-два предложения о смысле недели. title: два-четыре слова. cue: одна короткая подсказка по \
             технике. closing: два-три предложения поддержки. 4. Не обещай результата и сроков, не давай медицинских \
             советов, не называй диагнозов, лекарств и добавок, не называй весов и упражнений, которых нет в этот день, не \
             ставь ссылок, разметки и эмодзи."
        }
        Language::En => {
            "You help a coach: you write warm, plain and honest words for a finished training programme. The input JSON \
             is the programme: weeks, days, exercises. Return only JSON by the given schema, without explanations. \
             Rules. 1. Carry over every week, every day and every exercise with the same id, exercise, sets, reps and \
             rest_seconds; add nothing, drop nothing, change nothing. 2. Write intro, focus, title, cue and closing in \
             English, to \"you\", without digits or numbers. 3. intro: three or four sentences about the goal and the way \
             to it. focus: one or two sentences about the point of the week. title: two to four words. cue: one short \
             hint on technique. closing: two or three sentences of support. 4. Promise no results or dates, give no \
             medical advice, name no diagnoses, medicines or supplements, no weights and no exercises that are not in that \
             workout, use no links, markup or emoji."
        }
    }
}

/// A strict JSON schema of the answer, for `response_format` and the like.
pub fn answer_schema() -> Value {
    let object = |properties: Value| {
        let required: Vec<String> = properties
            .as_object()
            .map(|map| map.keys().cloned().collect())
            .unwrap_or_default();
        json!({ "type": "object", "additionalProperties": false, "required": required, "properties": properties })
    };
    let list = |items: Value| json!({ "type": "array", "items": items });
    let text = || json!({ "type": "string" });
    let whole = || json!({ "type": "integer" });
    let exercise = object(json!({
        "id": text(), "exercise": text(), "sets": whole(), "reps": text(), "rest_seconds": whole(), "cue": text(),
    }));
    let day = object(json!({ "day": whole(), "title": text(), "exercises": list(exercise) }));
    let week = object(json!({ "week": whole(), "focus": text(), "days": list(day) }));
    object(json!({ "intro": text(), "weeks": list(week), "closing": text() }))
}
