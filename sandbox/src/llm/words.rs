//! The sentences of the pretended model: chosen by a hash of what they speak about, so the same programme always reads
//! the same. No sentence holds a number, a promise or medical advice; an honest model would be trusted with these.

use serde_json::{Map, Value, json};

use crate::faults::LlmMode;

#[derive(Clone, Copy)]
struct Voice {
    intro_goal: &'static [(&'static str, &'static str)],
    intro_start: &'static [&'static str],
    intro_way: &'static [&'static str],
    focus: &'static [&'static str],
    title: &'static [&'static str],
    cue: &'static [&'static str],
    closing: &'static [&'static str],
}

const RUSSIAN: Voice = Voice {
    intro_goal: &[
        (
            "fat_loss",
            "Эта программа собрана под вашу цель: стать легче и выносливее, не изматывая себя.",
        ),
        (
            "muscle",
            "Эта программа собрана под вашу цель: прибавить в мышцах спокойно и последовательно.",
        ),
        (
            "strength",
            "Эта программа собрана под вашу цель: стать сильнее в главных движениях.",
        ),
        (
            "",
            "Эта программа собрана под вашу цель: чувствовать себя бодро и двигаться легко каждый день.",
        ),
    ],
    intro_start: &[
        "Начните с удобного темпа: первые занятия нужны, чтобы познакомиться с движениями.",
        "В начале не гонитесь за весом, пусть сначала привыкнет техника.",
        "Первые занятия проведите внимательно и не спеша, так тело лучше запомнит движения.",
    ],
    intro_way: &[
        "Записывайте, как прошло занятие, и хвалите себя за каждое сделанное дело.",
        "Если день выдался тяжёлым, сделайте спокойнее, но сделайте.",
        "Держитесь плана, а он постепенно поведёт вас вперёд.",
    ],
    focus: &[
        "На этой неделе учимся слышать своё тело и держать ровный темп.",
        "Неделя спокойной уверенности: движения знакомы, теперь делаем их чище.",
        "Сейчас важнее всего ритм: занятия в свои дни и честный отдых между ними.",
        "Внимание к дыханию и осанке, остальное придёт следом.",
        "Закрепляем то, что уже получается, и добавляем немного старания.",
        "Неделя без спешки: каждое повторение делаем так, будто его снимают на видео.",
    ],
    title: &[
        "Уверенный старт",
        "Сила и баланс",
        "Крепкая основа",
        "Ровный ритм",
        "Тело в работе",
        "Спокойная мощь",
        "Лёгкость движений",
        "Собранность и тонус",
    ],
    cue: &[
        "Держите спину длинной и дышите ровно, без рывков.",
        "Опускайтесь медленно, а поднимайтесь собранно и на выдохе.",
        "Плечи вниз, взгляд вперёд, движение начинайте мягко.",
        "Почувствуйте опору под ногами и не торопите последние повторения.",
        "Живот подтянут, шея свободна, темп такой, чтобы можно было говорить.",
        "Пусть движение будет чистым: лучше чуть меньше усилия, чем потерянная форма.",
        "Выдыхайте на усилии и возвращайтесь в исходное положение под контролем.",
        "Двигайтесь по всей удобной амплитуде и задержитесь на миг в конце.",
        "Работайте так, чтобы оставалось немного сил про запас.",
        "Следите за коленями и локтями: они идут туда же, куда носки и запястья.",
    ],
    closing: &[
        "Вы уже сделали главный шаг. Двигайтесь в своём темпе и пишите тренеру, если что-то непонятно.",
        "Спасибо, что заботитесь о себе. Возвращайтесь к плану даже после пропусков, он вас дождётся.",
        "Пусть занятия станут вашим временем для себя. Тренер рядом и ответит на любой вопрос.",
    ],
};

const ENGLISH: Voice = Voice {
    intro_goal: &[
        (
            "fat_loss",
            "This programme is built around your goal: to feel lighter and fitter without wearing yourself out.",
        ),
        (
            "muscle",
            "This programme is built around your goal: to build muscle calmly and steadily.",
        ),
        (
            "strength",
            "This programme is built around your goal: to get stronger in the movements that matter.",
        ),
        (
            "",
            "This programme is built around your goal: to feel awake and move easily every day.",
        ),
    ],
    intro_start: &[
        "Start at a comfortable pace: the first sessions are for getting to know the movements.",
        "Do not chase the weight at first, let the technique settle in.",
        "Take the first sessions slowly and with care, so the body remembers the movements.",
    ],
    intro_way: &[
        "Write down how each session went and give yourself credit for what you have done.",
        "If the day has been hard, do it gently, but do it.",
        "Stay with the plan and let it lead you forward step by step.",
    ],
    focus: &[
        "This week is about listening to your body and keeping an even pace.",
        "A week of calm confidence: the movements are familiar, now make them cleaner.",
        "Rhythm matters most now: sessions on their days and honest rest between them.",
        "Mind your breathing and posture, the rest will follow.",
        "We settle what already works and add a little more care.",
        "A week without hurry: do each repetition as if it were being filmed.",
    ],
    title: &[
        "A steady start",
        "Strength and balance",
        "Solid ground",
        "Even rhythm",
        "Body at work",
        "Quiet power",
        "Easy movement",
        "Focus and tone",
    ],
    cue: &[
        "Keep your back long and breathe evenly, without jerks.",
        "Lower slowly, then rise with control as you breathe out.",
        "Shoulders down, eyes forward, begin the movement softly.",
        "Feel the floor under your feet and do not rush the last repetitions.",
        "Belly firm, neck free, at a pace at which you could still talk.",
        "Keep it clean: a little less effort is better than lost form.",
        "Breathe out on the effort and return under control.",
        "Move through the whole comfortable range and pause for a moment at the end.",
        "Work so that a little strength is left in reserve.",
        "Watch your knees and elbows: they follow your toes and wrists.",
    ],
    closing: &[
        "You have already taken the main step. Move at your own pace and write to your coach if anything is unclear.",
        "Thank you for looking after yourself. Come back to the plan even after a break, it will wait for you.",
        "Let these sessions be your own time. Your coach is near and will answer any question.",
    ],
};

/// FNV-1a over the parts; stable over releases, unlike the standard hasher.
pub fn fingerprint(parts: &[&str]) -> u64 {
    parts
        .iter()
        .flat_map(|part| part.bytes().chain(std::iter::once(0)))
        .fold(0xcbf2_9ce4_8422_2325, |hash, byte| {
            (hash ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3)
        })
}

fn choose(from: &[&'static str], parts: &[&str]) -> &'static str {
    let length = u64::try_from(from.len()).unwrap_or(1).max(1);
    // The low bits of FNV are the weakest.
    let index = (fingerprint(parts) >> 16) % length;
    usize::try_from(index)
        .ok()
        .and_then(|index| from.get(index))
        .copied()
        .unwrap_or_default()
}

/// The user message as the product writes it, or nothing when it is something else.
fn programme(prompt: &str) -> Option<Value> {
    let parsed: Value = serde_json::from_str(prompt.trim()).ok()?;
    (parsed.get("task").and_then(Value::as_str) == Some("word_programme")).then_some(parsed)
}

fn is_english(programme: &Value) -> bool {
    programme.get("language").and_then(Value::as_str) == Some("en")
}

/// The content of the answer: JSON text for a programme, a polite sentence for anything else.
pub fn answer(prompt: &str, mode: LlmMode) -> String {
    let Some(programme) = programme(prompt) else {
        return "Здравствуйте! Спасибо за вопрос. Лучше всего на него ответит ваш тренер. \
                Hello! Thank you for your question, your coach is the best person to answer it."
            .to_owned();
    };
    let english = is_english(&programme) || mode == LlmMode::English;
    let mut worded = word(&programme, if english { ENGLISH } else { RUSSIAN });
    match mode {
        LlmMode::WrongNumbers => spoil_numbers(&mut worded),
        LlmMode::MissingExercise => drop_exercise(&mut worded),
        LlmMode::InventedExercise => invent_exercise(&mut worded, english),
        LlmMode::Promises => say_everywhere(
            &mut worded,
            if english {
                "You will lose weight fast, we guarantee it."
            } else {
                "Вы точно похудеете за месяц, мы это гарантируем."
            },
        ),
        LlmMode::MedicalAdvice => say_everywhere(
            &mut worded,
            if english {
                "If it hurts, take ibuprofen and carry on with the therapy."
            } else {
                "Если болит, примите ибупрофен и продолжайте лечение."
            },
        ),
        _ => {}
    }
    let text = worded.to_string();
    if matches!(mode, LlmMode::BrokenJson | LlmMode::CutOff) {
        let half = text.chars().count() / 2;
        return text.chars().take(half).collect();
    }
    text
}

pub fn refusal(prompt: &str) -> String {
    match programme(prompt) {
        Some(programme) if is_english(&programme) => "I'm sorry, I can't help with that.".to_owned(),
        _ => "Я не могу обсуждать эту тему. Давайте поговорим о чём-нибудь другом.".to_owned(),
    }
}

fn list<'a>(of: &'a Value, name: &str) -> impl Iterator<Item = &'a Value> {
    of.get(name).and_then(Value::as_array).into_iter().flatten()
}

fn word(programme: &Value, voice: Voice) -> Value {
    let client = programme.get("client").cloned().unwrap_or_default();
    let about = client.to_string();
    let goal = client.get("goal").and_then(Value::as_str).unwrap_or_default();
    let goal_sentence = voice
        .intro_goal
        .iter()
        .find(|(known, _)| *known == goal)
        .or_else(|| voice.intro_goal.last())
        .map_or("", |(_, sentence)| *sentence);
    let weeks: Vec<Value> = list(programme, "weeks")
        .map(|week| {
            let number = week.get("week").cloned().unwrap_or_default();
            let key = number.to_string();
            let days: Vec<Value> = list(week, "days").map(|day| word_day(day, &key, voice)).collect();
            json!({"week": number, "focus": choose(voice.focus, &["focus", &key, goal]), "days": days})
        })
        .collect();
    json!({
        "intro": format!(
            "{goal_sentence} {} {}",
            choose(voice.intro_start, &["start", &about]),
            choose(voice.intro_way, &["way", &about]),
        ),
        "weeks": weeks,
        "closing": choose(voice.closing, &["closing", &about]),
    })
}

fn word_day(day: &Value, week: &str, voice: Voice) -> Value {
    let number = day.get("day").cloned().unwrap_or_default();
    let key = number.to_string();
    let exercises: Vec<Value> = list(day, "exercises")
        .map(|exercise| {
            let name = exercise.get("exercise").and_then(Value::as_str).unwrap_or_default();
            let mut worded: Map<String, Value> = ["id", "exercise", "sets", "reps", "rest_seconds"]
                .into_iter()
                .filter_map(|field| Some((field.to_owned(), exercise.get(field)?.clone())))
                .collect();
            worded.insert("cue".into(), json!(choose(voice.cue, &["cue", name, week, &key])));
            Value::Object(worded)
        })
        .collect();
    json!({
        "day": number,
        "title": choose(voice.title, &["title", week, &key]),
        "exercises": exercises,
    })
}

/// Every list of exercises in the answer.
fn days_of(worded: &mut Value) -> impl Iterator<Item = &mut Vec<Value>> {
    worded
        .get_mut("weeks")
        .and_then(Value::as_array_mut)
        .into_iter()
        .flatten()
        .filter_map(|week| week.get_mut("days").and_then(Value::as_array_mut))
        .flatten()
        .filter_map(|day| day.get_mut("exercises").and_then(Value::as_array_mut))
}

/// Changes sets in every second exercise and repetitions in every third: a lie here and there is harder to notice.
fn spoil_numbers(worded: &mut Value) {
    for (number, exercise) in days_of(worded).flatten().enumerate() {
        let Some(fields) = exercise.as_object_mut() else {
            continue;
        };
        if number % 2 == 0 {
            let sets = fields.get("sets").and_then(Value::as_i64).unwrap_or(0);
            fields.insert("sets".into(), json!(sets + 2));
        }
        if number % 3 == 0 {
            fields.insert("reps".into(), json!("25-30"));
        }
    }
}

fn drop_exercise(worded: &mut Value) {
    if let Some(day) = days_of(worded).find(|day| !day.is_empty()) {
        day.remove(day.len() / 2);
    }
}

/// Puts a sentence into every text of the answer.
fn say_everywhere(worded: &mut Value, sentence: &str) {
    match worded {
        Value::Object(fields) => {
            for (name, value) in fields {
                if matches!(name.as_str(), "intro" | "focus" | "title" | "cue" | "closing") {
                    *value = json!(sentence);
                } else {
                    say_everywhere(value, sentence);
                }
            }
        }
        Value::Array(values) => values.iter_mut().for_each(|value| say_everywhere(value, sentence)),
        _ => {}
    }
}

fn invent_exercise(worded: &mut Value, english: bool) {
    if let Some(day) = days_of(worded).next() {
        day.push(json!({
            "id": "x99",
            "exercise": if english { "Backflip" } else { "Сальто назад" },
            "sets": 5,
            "reps": "20",
            "rest_seconds": 10,
            "cue": if english { "Just jump and believe." } else { "Просто прыгните и поверьте в себя." },
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn prompt() -> String {
        json!({
            "task": "word_programme", "language": "ru", "client": {"sex": "female", "goal": "muscle"},
            "weeks": [{"week": 1, "days": [{"day": 1, "exercises": [
                {"id": "r1", "exercise": "Приседания", "sets": 3, "reps": "8-12", "rest_seconds": 90, "notes": "x"},
                {"id": "r2", "exercise": "Планка", "sets": 2, "reps": "30 s", "rest_seconds": 60},
            ]}]}],
        })
        .to_string()
    }

    fn exercises(text: &str) -> Vec<Value> {
        let mut answer: Value = serde_json::from_str(text).unwrap();
        days_of(&mut answer).flatten().map(|one| one.clone()).collect()
    }

    #[test]
    fn an_honest_answer_repeats_every_number_and_never_varies() {
        let text = answer(&prompt(), LlmMode::Ok);
        assert_eq!(text, answer(&prompt(), LlmMode::Ok));
        let exercises = exercises(&text);
        assert_eq!(exercises.len(), 2);
        let first = exercises.first().unwrap();
        assert_eq!(first["sets"], 3);
        assert_eq!(first["reps"], "8-12");
        assert_eq!(first["rest_seconds"], 90);
        assert_eq!(first["exercise"], "Приседания");
        let texts = text.replace("8-12", "").replace("30 s", "");
        assert!(!texts.contains("intensity"));
    }

    #[test]
    fn each_lie_is_the_one_that_was_asked_for() {
        let wrong = exercises(&answer(&prompt(), LlmMode::WrongNumbers));
        assert_eq!(wrong.first().unwrap()["sets"], 5);
        assert_eq!(exercises(&answer(&prompt(), LlmMode::MissingExercise)).len(), 1);
        assert_eq!(exercises(&answer(&prompt(), LlmMode::InventedExercise)).len(), 3);
        assert!(answer(&prompt(), LlmMode::English).contains("goal"));
        let broken = answer(&prompt(), LlmMode::BrokenJson);
        assert!(serde_json::from_str::<Value>(&broken).is_err());
        assert!(answer("привет", LlmMode::Ok).contains("тренер"));
    }
}
