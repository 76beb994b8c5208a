//! Numbers hidden in free text: digits and number words, each with what it counts.
//!
//! A number may be shown only if it counts something the rows state and says the same. "Up to 12 repetitions" passes for a
//! row of 8-12; "12 kg", "three more sets" and "90 degrees" do not: nothing in the rows vouches for them.

use crate::table::{Reps, RepsUnit};

/// What the rows state at the place where a text stands.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    pub sets: Option<u8>,
    pub reps: Option<Reps>,
    pub rest_seconds: Option<u16>,
    pub intensity: Option<&'a str>,
    pub weeks: u8,
    pub days_per_week: u8,
    pub week: Option<u8>,
    pub day: Option<u8>,
    /// The folded names of the exercises that may be spoken of, with a space around each word.
    pub names: &'a str,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Unit {
    Sets,
    Times,
    Seconds,
    Minutes,
    Weeks,
    Days,
    /// Kilograms, percents, months and the like: no row states them. Weights come from the client's body weight, which
    /// no text from outside may guess at.
    Other,
}

/// The first number in `text` that the rows don't vouch for.
pub(super) fn unfounded(text: &str, facts: &Facts<'_>) -> Option<String> {
    if let Some(odd) = text.chars().find(|c| c.is_numeric() && !c.is_ascii_digit()) {
        return Some(odd.to_string());
    }
    let tokens = tokenize(text);
    let mut index = 0;
    while let Some(token) = tokens.get(index) {
        let previous = index.checked_sub(1).and_then(|before| tokens.get(before));
        match token {
            Token::Number { from, to, text } => {
                let stated = previous
                    .and_then(Token::word)
                    .is_some_and(|word| follows_name(word, *from, *to, facts))
                    || unit_at(&tokens, index + 1).is_some_and(|unit| facts.state(unit, *from, *to));
                if !stated {
                    return Some(text.clone());
                }
            }
            Token::OddNumber(text) => return Some(text.clone()),
            Token::Word(word) => {
                if is_roman(word) || MULTIPLIERS.iter().any(|stem| word.starts_with(stem)) {
                    return Some(word.clone());
                }
                if let Some((value, length)) = spelled(&tokens, index) {
                    // "Одну ногу", "two dumbbells" count things of the exercise itself; more than two of anything has to
                    // be something the rows state.
                    let unit = unit_at(&tokens, index + length).or_else(|| unit_at(&tokens, index + length + 1));
                    let is_founded = match unit {
                        Some(unit) => value.is_some_and(|value| facts.state(unit, value, value)),
                        None => value.is_none_or(|value| value <= 2),
                    };
                    if !is_founded {
                        return Some(word.clone());
                    }
                    index += length;
                    continue;
                }
            }
        }
        index += 1;
    }
    None
}

impl Facts<'_> {
    fn state(&self, unit: Unit, from: u16, to: u16) -> bool {
        let is = |value: u16| from == value && to == value;
        let reps_are = |unit: RepsUnit| {
            self.reps.is_some_and(|reps| {
                reps.unit == unit && ((from, to) == (reps.min, reps.max) || is(reps.min) || is(reps.max))
            })
        };
        match unit {
            Unit::Sets => self.sets.is_some_and(|sets| is(sets.into())),
            Unit::Times => reps_are(RepsUnit::Times),
            Unit::Seconds => reps_are(RepsUnit::Seconds) || self.rest_seconds.is_some_and(is),
            Unit::Minutes => {
                reps_are(RepsUnit::Minutes)
                    || self
                        .rest_seconds
                        .is_some_and(|rest| rest.is_multiple_of(60) && is(rest / 60))
            }
            Unit::Weeks => is(self.weeks.into()),
            Unit::Days => is(self.days_per_week.into()),
            Unit::Other => false,
        }
    }
}

/// "Неделя 3", "day 2", "RPE 7": the number names something instead of counting it.
fn follows_name(word: &str, from: u16, to: u16, facts: &Facts<'_>) -> bool {
    let is = |value: Option<u8>| from == to && value.map(u16::from) == Some(from);
    if word.starts_with("недел") || word == "week" {
        return is(facts.week);
    }
    if matches!(word, "день" | "day" | "тренировка" | "workout") {
        return is(facts.day);
    }
    word == "rpe"
        && facts.intensity.is_some_and(|intensity| {
            tokenize(intensity)
                .iter()
                .any(|token| matches!(token, Token::Number { from: a, to: b, .. } if (*a, *b) == (from, to)))
        })
}

fn unit_at(tokens: &[Token], index: usize) -> Option<Unit> {
    let word = tokens.get(index)?.word()?;
    let per_week = |at: usize| {
        let next = |step: usize| tokens.get(at + step).and_then(Token::word).unwrap_or_default();
        (next(1) == "в" && next(2).starts_with("недел")) || (matches!(next(1), "a" | "per") && next(2) == "week")
    };
    let starts = |stems: &[&str]| stems.iter().any(|stem| word.starts_with(stem));
    if matches!(word, "раз" | "раза" | "time" | "times") {
        return Some(if per_week(index) { Unit::Days } else { Unit::Times });
    }
    if starts(&["подход", "сет"]) || matches!(word, "set" | "sets") {
        Some(Unit::Sets)
    } else if starts(&["повтор", "repetition"]) || matches!(word, "rep" | "reps") {
        Some(Unit::Times)
    } else if starts(&["секунд", "second"]) || matches!(word, "сек" | "с" | "s" | "sec") {
        Some(Unit::Seconds)
    } else if starts(&["минут", "minute"]) || matches!(word, "мин" | "min") {
        Some(Unit::Minutes)
    } else if starts(&["недел", "week"]) {
        Some(Unit::Weeks)
    } else if starts(&["трениров", "workout", "session"]) || matches!(word, "день" | "дня" | "дней" | "day" | "days")
    {
        Some(Unit::Days)
    } else if starts(&OTHER_UNITS)
        || matches!(
            word,
            "кг" | "kg" | "lb" | "lbs" | "см" | "cm" | "км" | "km" | "год" | "лет"
        )
    {
        Some(Unit::Other)
    } else {
        None
    }
}

const OTHER_UNITS: [&str; 22] = [
    "килограмм",
    "кило",
    "грамм",
    "фунт",
    "пуд",
    "kilo",
    "gram",
    "pound",
    "процент",
    "percent",
    "градус",
    "degree",
    "калори",
    "ккал",
    "calor",
    "kcal",
    "сантиметр",
    "метр",
    "месяц",
    "month",
    "час",
    "hour",
];

/// `xii`: a number in disguise. Single letters are words of their own.
fn is_roman(word: &str) -> bool {
    word.len() > 1 && word.chars().all(|c| matches!(c, 'i' | 'v' | 'x'))
}

#[derive(Debug)]
enum Token {
    Word(String),
    Number {
        from: u16,
        to: u16,
        text: String,
    },
    /// Decimals, percents, glued or endless digits: never something a row states.
    OddNumber(String),
}

impl Token {
    fn word(&self) -> Option<&str> {
        match self {
            Self::Word(word) => Some(word),
            _ => None,
        }
    }
}

fn tokenize(text: &str) -> Vec<Token> {
    let chars: Vec<char> = text
        .to_lowercase()
        .chars()
        .map(|c| if c == 'ё' { 'е' } else { c })
        .collect();
    let at = |index: usize| chars.get(index).copied().unwrap_or(' ');
    let mut tokens = Vec::new();
    let mut index = 0;
    while index < chars.len() {
        let start = index;
        if at(index).is_ascii_digit() {
            let is_joint = |c: char| matches!(c, '.' | ',' | '-' | '–' | '—' | '−' | ':' | '/' | '×' | '*');
            while at(index).is_ascii_digit() || (is_joint(at(index)) && at(index + 1).is_ascii_digit()) {
                index += 1;
            }
            let number: String = chars.get(start..index).unwrap_or_default().iter().collect();
            let sign = matches!(at(start.wrapping_sub(1)), '+' | '-' | '−' | '~' | '≈' | '$' | '€' | '₽');
            let tail = matches!(at(index), '%' | '°' | '+' | '$' | '€' | '₽' | '/') || at(index).is_alphabetic();
            // "12-недельная" is twelve weeks; other letters glued to digits are not ours.
            if at(index) == '-' && at(index + 1).is_alphabetic() {
                index += 1;
            }
            let mut parts = number.split(['-', '–', '—', '−']).map(|part| part.parse::<u16>().ok());
            let token = match (parts.next().flatten(), parts.next(), parts.next()) {
                (Some(from), None, _) if !sign && !tail => Token::Number {
                    from,
                    to: from,
                    text: number,
                },
                (Some(from), Some(Some(to)), None) if !sign && !tail => Token::Number { from, to, text: number },
                _ => Token::OddNumber(number),
            };
            tokens.push(token);
        } else if at(index).is_alphabetic() {
            while at(index).is_alphabetic() {
                index += 1;
            }
            tokens.push(Token::Word(
                chars.get(start..index).unwrap_or_default().iter().collect(),
            ));
        } else {
            index += 1;
        }
    }
    tokens
}

/// Words that multiply without saying what.
const MULTIPLIERS: [&str; 11] = [
    "дважды",
    "трижды",
    "вдвое",
    "втрое",
    "удво",
    "полтор",
    "полминут",
    "twice",
    "thrice",
    "double",
    "triple",
];

/// A number spelled from `index`: its value (`None` if it is no whole number) and how many words it takes.
fn spelled(tokens: &[Token], index: usize) -> Option<(Option<u16>, usize)> {
    let word_at = |at: usize| tokens.get(at).and_then(Token::word);
    let mut sum: u16 = 0;
    let mut length = 0;
    while let Some(value) = word_at(index + length).and_then(word_value) {
        sum = value.saturating_add(sum);
        length += 1;
    }
    if length > 0 {
        return Some((Some(sum), length));
    }
    matches!(
        word_at(index)?,
        "пару" | "пара" | "парочку" | "couple" | "half" | "dozen" | "десяток" | "дюжину"
    )
    .then_some((None, 1))
}

fn word_value(word: &str) -> Option<u16> {
    const STEMS: [(&str, u16); 37] = [
        ("одиннадцат", 11),
        ("двенадцат", 12),
        ("тринадцат", 13),
        ("четырнадцат", 14),
        ("пятнадцат", 15),
        ("шестнадцат", 16),
        ("семнадцат", 17),
        ("восемнадцат", 18),
        ("девятнадцат", 19),
        ("двадцат", 20),
        ("тридцат", 30),
        ("пятьдесят", 50),
        ("шестьдесят", 60),
        ("семьдесят", 70),
        ("восемьдесят", 80),
        ("девяност", 90),
        ("сорок", 40),
        ("четыр", 4),
        ("eleven", 11),
        ("twelve", 12),
        ("thirteen", 13),
        ("fourteen", 14),
        ("fifteen", 15),
        ("sixteen", 16),
        ("seventeen", 17),
        ("eighteen", 18),
        ("nineteen", 19),
        ("twenty", 20),
        ("thirty", 30),
        ("forty", 40),
        ("fifty", 50),
        ("sixty", 60),
        ("seventy", 70),
        ("eighty", 80),
        ("ninety", 90),
        ("hundred", 100),
        ("двухнедельн", 2),
    ];
    match word {
        "ноль" | "zero" => Some(0),
        "один" | "одна" | "одно" | "одну" | "одного" | "одной" | "one" => Some(1),
        "два" | "две" | "двух" | "двум" | "двумя" | "two" => Some(2),
        "три" | "трех" | "трем" | "тремя" | "three" => Some(3),
        "four" => Some(4),
        "пять" | "пяти" | "пятью" | "five" => Some(5),
        "шесть" | "шести" | "шестью" | "six" => Some(6),
        "семь" | "семи" | "семью" | "seven" => Some(7),
        "восемь" | "восьми" | "восемью" | "eight" => Some(8),
        "девять" | "девяти" | "девятью" | "nine" => Some(9),
        "десять" | "десяти" | "десятью" | "ten" => Some(10),
        "сто" | "ста" => Some(100),
        _ => STEMS
            .iter()
            .find(|(stem, _)| word.starts_with(stem))
            .map(|(_, value)| *value),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn facts() -> Facts<'static> {
        Facts {
            sets: Some(3),
            reps: Reps::parse("8-12"),
            rest_seconds: Some(120),
            intensity: Some("RPE 6-7"),
            weeks: 12,
            days_per_week: 3,
            week: Some(2),
            day: Some(1),
            names: "",
        }
    }

    #[test]
    fn numbers_that_repeat_the_rows_may_stay() {
        for text in [
            "Держите спину ровно.",
            "Сделайте 3 подхода по 8-12 повторений.",
            "Отдыхайте 120 секунд или 2 минуты.",
            "Тренируйтесь 3 раза в неделю.",
            "12-недельная программа.",
            "Неделя 2, день 1.",
            "Держите RPE 6-7.",
            "Три подхода, до двенадцати повторений.",
            "Поднимите одну ногу, возьмите две гантели.",
            "Do 3 sets of 8-12 reps, 3 times a week for twelve weeks.",
            "Lift one leg at a time.",
        ] {
            assert_eq!(unfounded(text, &facts()), None, "{text}");
        }
    }

    #[test]
    fn every_other_number_is_found() {
        for text in [
            "Сделайте 4 подхода.",
            "Сделайте четыре подхода.",
            "По 15 повторений.",
            "8-15 повторений",
            "Отдых 90 секунд.",
            "Возьмите 10 кг.",
            "Угол 90°",
            "Минус 5 за месяц",
            "RPE 9",
            "Неделя 5",
            "2,5 подхода",
            "на 20% больше",
            "Ⅻ недель",
            "٣ подхода",
            "Сделайте вдвое больше.",
            "пару подходов",
            "двадцать пять повторений",
            "пять тяжёлых подходов",
            "4 sets",
            "five sets",
            "twenty reps",
            "half a minute",
            "3x12",
            "3×12 повторений",
            "train twice a day",
            "99999999999 повторений",
            "Возьмите сорок килограммов.",
            "Добавьте десять процентов.",
            "За два месяца вы изменитесь.",
            "Three more exercises",
            "XII недель",
            "Load fifty kilos.",
        ] {
            assert!(unfounded(text, &facts()).is_some(), "{text}");
        }
    }
}
