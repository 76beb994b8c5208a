//! What a text from outside must not contain before a client may read it.

use domain::language::Language;
use serde::{Deserialize, Serialize};

use super::numbers::{Facts, unfounded};

/// Why a text is not shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "problem", content = "found", rename_all = "snake_case")]
pub enum TextProblem {
    Empty,
    TooLong,
    WrongLanguage,
    /// A result or a date nobody can promise.
    Promise(String),
    /// Words that belong to a doctor.
    MedicalAdvice(String),
    Link,
    /// Markup, control characters, emoji.
    Markup,
    /// A number the rows don't vouch for.
    Number(String),
    /// Tells to do other than the rows say.
    ContradictsRows(String),
}

impl TextProblem {
    pub fn text(&self, language: Language) -> String {
        let ru = language == Language::Ru;
        match self {
            Self::Empty => if ru { "пусто" } else { "empty" }.to_owned(),
            Self::TooLong => if ru { "слишком длинно" } else { "too long" }.to_owned(),
            Self::WrongLanguage => if ru { "не тот язык" } else { "wrong language" }.to_owned(),
            Self::Promise(found) => {
                if ru {
                    format!("обещание («{found}»)")
                } else {
                    format!("a promise (\"{found}\")")
                }
            }
            Self::MedicalAdvice(found) => {
                if ru {
                    format!("медицинский совет («{found}»)")
                } else {
                    format!("medical advice (\"{found}\")")
                }
            }
            Self::Link => if ru { "ссылка" } else { "a link" }.to_owned(),
            Self::Markup => if ru {
                "разметка или эмодзи"
            } else {
                "markup or emoji"
            }
            .to_owned(),
            Self::Number(found) => {
                if ru {
                    format!("число, которого нет в плане («{found}»)")
                } else {
                    format!("a number that is not in the plan (\"{found}\")")
                }
            }
            Self::ContradictsRows(found) => {
                if ru {
                    format!("спорит с планом («{found}»)")
                } else {
                    format!("contradicts the plan (\"{found}\")")
                }
            }
        }
    }
}

/// Word beginnings; a leading space would not help, words are compared one by one.
const PROMISES: [&str; 18] = [
    "гарант",
    "обеща",
    "обещ",
    "навсегда",
    "чудо",
    "чудес",
    "мгновенн",
    "моментальн",
    "сбросит",
    "скинет",
    "похудеет",
    "guarant",
    "promis",
    "forever",
    "miracl",
    "instant",
    "effortless",
    "overnight",
];
const PROMISE_PHRASES: [&str; 17] = [
    "без усилий",
    "за месяц",
    "за неделю",
    "за пару недель",
    "кг за",
    "килограммов за",
    "идеальное тело",
    "идеальная фигура",
    "тело мечты",
    "in a month",
    "in a week",
    "in weeks",
    "you will lose",
    "perfect body",
    "dream body",
    "lose weight fast",
    "pounds in",
];
const MEDICAL: [&str; 50] = [
    "диагно",
    "лечит",
    "лечен",
    "лечеб",
    "вылеч",
    "излеч",
    "исцел",
    "лекарств",
    "препарат",
    "таблет",
    "пилюл",
    "обезбол",
    "анальг",
    "ибупроф",
    "грыж",
    "артрит",
    "артроз",
    "остеохонд",
    "сколиоз",
    "гиперто",
    "диабет",
    "дозиров",
    "терапи",
    "реабилит",
    "стероид",
    "гормон",
    "бад",
    "протеин",
    "креатин",
    "витамин",
    "антибиот",
    "diagnos",
    "cure",
    "medicat",
    "medicin",
    "painkill",
    "ibuprof",
    "prescri",
    "therap",
    "rehab",
    "hernia",
    "arthrit",
    "diabet",
    "steroid",
    "supplement",
    "protein",
    "creatin",
    "vitamin",
    "hormon",
    "antibiot",
];
const CONTRADICTIONS: [&str; 29] = [
    "лишний подход",
    "дополнительный подход",
    "еще подход",
    "подход сверху",
    "без отдыха",
    "не отдыхайте",
    "до отказа",
    "пропустите упражнение",
    "пропустите подход",
    "замените упражнение",
    "увеличьте число подходов",
    "больше подходов",
    "меньше подходов",
    "больше повторений",
    "меньше повторений",
    "половину веса",
    "своего веса",
    "веса тела",
    "веса своего тела",
    "extra set",
    "another set",
    "more sets",
    "fewer sets",
    "more reps",
    "without rest",
    "no rest",
    "to failure",
    "your body weight",
    "your bodyweight",
];
/// Fine of a walk or a good mood, not of training.
const EVERY_DAY: [&str; 4] = ["каждый день", "ежедневно", "every day", "daily"];
const TRAINING: [&str; 12] = [
    "трен",
    "заним",
    "заняти",
    "упражн",
    "подход",
    "выполн",
    "делай",
    "train",
    "workout",
    "exercis",
    "session",
    "repeat",
];
/// Beginnings of words that name an exercise whatever else they say; each may appear only where the rows have it.
const EXERCISES: [&str; 28] = [
    "берпи",
    "присед",
    "отжим",
    "подтяг",
    "планк",
    "выпад",
    "станова",
    "станово",
    "станову",
    "жим",
    "скручив",
    "прыж",
    "прыг",
    "бег",
    "пробеж",
    "скакалк",
    "burpee",
    "squat",
    "pushup",
    "pullup",
    "plank",
    "lunge",
    "deadlift",
    "crunch",
    "jump",
    "sprint",
    "jogging",
    "kettlebell",
];

/// Longest text a place can show well, in characters.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limit(pub usize);

/// Checks one text. `None` means it may be shown.
pub(super) fn problem(text: &str, language: Language, limit: Limit, facts: &Facts<'_>) -> Option<TextProblem> {
    let text = text.trim();
    if text.is_empty() {
        return Some(TextProblem::Empty);
    }
    if text.chars().count() > limit.0 {
        return Some(TextProblem::TooLong);
    }
    if has_link(text) {
        return Some(TextProblem::Link);
    }
    if text.chars().any(is_odd) || text.contains("**") || text.contains("](") {
        return Some(TextProblem::Markup);
    }
    let folded = fold(text);
    let words: Vec<&str> = folded.split(' ').collect();
    let word = |stems: &[&str]| {
        words
            .iter()
            .find(|word| stems.iter().any(|stem| word.starts_with(stem)))
            .map(|word| (*word).to_owned())
    };
    let padded = format!(" {folded} ");
    let phrase = |phrases: &[&str]| {
        phrases
            .iter()
            .find(|phrase| padded.contains(&format!(" {phrase}")))
            .map(|phrase| (*phrase).to_owned())
    };
    if let Some(found) = word(&PROMISES).or_else(|| phrase(&PROMISE_PHRASES)) {
        return Some(TextProblem::Promise(found));
    }
    if let Some(found) = word(&MEDICAL) {
        return Some(TextProblem::MedicalAdvice(found));
    }
    if let Some(found) = phrase(&CONTRADICTIONS).or_else(|| daily_training(text)) {
        return Some(TextProblem::ContradictsRows(found));
    }
    if let Some(found) = other_exercise(&folded, facts.names) {
        return Some(TextProblem::ContradictsRows(found));
    }
    if let Some(found) = unfounded(text, facts) {
        return Some(TextProblem::Number(found));
    }
    if !is_in_language(text, language) {
        return Some(TextProblem::WrongLanguage);
    }
    None
}

/// A sentence that wants training on every day.
fn daily_training(text: &str) -> Option<String> {
    text.split(['.', '!', '?', ';', ':']).find_map(|sentence| {
        let folded = format!(" {} ", fold(sentence));
        let found = EVERY_DAY.iter().find(|phrase| folded.contains(&format!(" {phrase}")))?;
        folded
            .split(' ')
            .any(|word| TRAINING.iter().any(|stem| word.starts_with(stem)))
            .then(|| (*found).to_owned())
    })
}

/// The first exercise named that the rows don't have here. Both texts are folded, `names` also by [`joined`].
fn other_exercise(text: &str, names: &str) -> Option<String> {
    joined(text)
        .split(' ')
        .find(|word| {
            EXERCISES
                .iter()
                .find(|stem| word.starts_with(*stem))
                .is_some_and(|stem| !names.contains(stem))
        })
        .map(str::to_owned)
}

/// "Push-up" is two words once folded.
pub(super) fn joined(folded: &str) -> String {
    folded.replace("push up", "pushup").replace("pull up", "pullup")
}

/// Most letters belong to the language's script; a Russian text may hold "RPE", an English one no Cyrillic word.
pub(crate) fn is_in_language(text: &str, language: Language) -> bool {
    let (mut cyrillic, mut latin, mut other) = (0u32, 0u32, 0u32);
    for c in text.chars().filter(|c| c.is_alphabetic()) {
        match c {
            '\u{400}'..='\u{4ff}' => cyrillic += 1,
            'a'..='z' | 'A'..='Z' | '\u{c0}'..='\u{24f}' => latin += 1,
            _ => other += 1,
        }
    }
    let all = cyrillic + latin + other;
    all > 0
        && match language {
            Language::Ru => cyrillic * 10 >= all * 7,
            Language::En => latin * 100 >= all * 95,
        }
}

pub(super) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        let c = if c == 'ё' { 'е' } else { c };
        if c.is_alphanumeric() {
            out.push(c);
        } else if !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.trim().to_owned()
}

fn has_link(text: &str) -> bool {
    let lower = text.to_lowercase();
    const MARKS: [&str; 12] = [
        "http", "www.", "://", "t.me", ".ru", ".com", ".org", ".net", ".рф", ".me/", "@", "tg:",
    ];
    MARKS.iter().any(|mark| lower.contains(mark))
}

/// Nothing a sentence of ours needs: controls, markup, invisible characters, symbols outside the usual punctuation.
fn is_odd(c: char) -> bool {
    if c.is_alphanumeric() || c == ' ' {
        return false;
    }
    !matches!(
        c,
        '.' | ','
            | ';'
            | ':'
            | '!'
            | '?'
            | '-'
            | '–'
            | '—'
            | '−'
            | '('
            | ')'
            | '"'
            | '\''
            | '«'
            | '»'
            | '“'
            | '”'
            | '„'
            | '‘'
            | '’'
            | '…'
            | '%'
            | '+'
            | '/'
            | '*'
            | '×'
            | '°'
            | '~'
            | '№'
            | '\u{a0}'
            | '\n'
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(text: &str, language: Language) -> Option<TextProblem> {
        problem(
            text,
            language,
            Limit(300),
            &Facts {
                weeks: 12,
                days_per_week: 3,
                ..Facts::default()
            },
        )
    }

    #[test]
    fn honest_sentences_pass() {
        for text in [
            "Держите спину ровной, дышите спокойно.",
            "Если что-то болит, остановитесь и напишите тренеру.",
            "Пусть будет легко двигаться каждый день.",
        ] {
            assert_eq!(found(text, Language::Ru), None, "{text}");
        }
        assert_eq!(found("Keep your back long and breathe calmly.", Language::En), None);
    }

    #[test]
    fn promises_advice_links_and_the_wrong_language_do_not() {
        for text in [
            "Гарантируем результат.",
            "Вы сбросите лишнее.",
            "Минус 10 кг за месяц!",
            "-10 кг за месяц",
        ] {
            assert!(
                matches!(
                    found(text, Language::Ru),
                    Some(TextProblem::Promise(_) | TextProblem::Number(_))
                ),
                "{text}"
            );
        }
        assert!(matches!(
            found("Results are guaranteed.", Language::En),
            Some(TextProblem::Promise(_))
        ));
        assert!(matches!(
            found("Это лечит спину.", Language::Ru),
            Some(TextProblem::MedicalAdvice(_))
        ));
        assert!(matches!(
            found("Take painkillers first.", Language::En),
            Some(TextProblem::MedicalAdvice(_))
        ));
        assert_eq!(found("Смотрите t.me/coach", Language::Ru), Some(TextProblem::Link));
        assert_eq!(
            found("Keep your back straight.", Language::Ru),
            Some(TextProblem::WrongLanguage)
        );
        assert_eq!(
            found("Держите спину ровно.", Language::En),
            Some(TextProblem::WrongLanguage)
        );
        assert_eq!(found("Вперёд 💪", Language::Ru), Some(TextProblem::Markup));
        assert_eq!(found("<b>Вперёд</b>", Language::Ru), Some(TextProblem::Markup));
        assert_eq!(found("  ", Language::Ru), Some(TextProblem::Empty));
        for text in [
            "Тренируйтесь каждый день.",
            "Добавьте бёрпи в конце.",
            "Возьмите половину веса тела.",
        ] {
            assert!(
                matches!(found(text, Language::Ru), Some(TextProblem::ContradictsRows(_))),
                "{text}"
            );
        }
        assert!(matches!(
            found("Finish with a few push-ups.", Language::En),
            Some(TextProblem::ContradictsRows(_))
        ));
        assert!(matches!(
            found("Сделайте лишний подход.", Language::Ru),
            Some(TextProblem::ContradictsRows(_))
        ));
    }
}
