//! Small habits of the two languages: plural forms, capitals, dates.

use chrono::{Datelike, NaiveDate};
use domain::language::Language;

/// The Russian form for a count: 1 неделя, 2 недели, 5 недель.
pub(crate) fn plural_ru<'a>(count: u32, one: &'a str, few: &'a str, many: &'a str) -> &'a str {
    match (count % 10, count % 100) {
        (_, 11..=14) => many,
        (1, _) => one,
        (2..=4, _) => few,
        _ => many,
    }
}

fn plural(count: u32, language: Language, ru: [&'static str; 3], en: [&'static str; 2]) -> &'static str {
    let [one, few, many] = ru;
    let [single, several] = en;
    match language {
        Language::Ru => plural_ru(count, one, few, many),
        Language::En => {
            if count == 1 {
                single
            } else {
                several
            }
        }
    }
}

pub(crate) fn days_word(count: u8, language: Language) -> &'static str {
    plural(count.into(), language, ["день", "дня", "дней"], ["day", "days"])
}

pub(crate) fn weeks_word(count: u8, language: Language) -> &'static str {
    plural(
        count.into(),
        language,
        ["неделя", "недели", "недель"],
        ["week", "weeks"],
    )
}

pub(crate) fn workouts_word(count: u8, language: Language) -> &'static str {
    plural(
        count.into(),
        language,
        ["тренировка", "тренировки", "тренировок"],
        ["workout", "workouts"],
    )
}

pub(crate) fn years_word(count: u8, language: Language) -> &'static str {
    plural(count.into(), language, ["год", "года", "лет"], ["year", "years"])
}

pub(crate) fn plans_word(count: u32, language: Language) -> &'static str {
    plural(count, language, ["план", "плана", "планов"], ["plan", "plans"])
}

pub(crate) fn rows_word(count: u32, language: Language) -> &'static str {
    plural(count, language, ["строка", "строки", "строк"], ["row", "rows"])
}

pub(crate) fn exercises_word(count: u32, language: Language) -> &'static str {
    plural(
        count,
        language,
        ["упражнение", "упражнения", "упражнений"],
        ["exercise", "exercises"],
    )
}

pub(crate) fn capitalized(text: &str) -> String {
    let mut chars = text.chars();
    chars
        .next()
        .map(|first| first.to_uppercase().chain(chars).collect())
        .unwrap_or_default()
}

/// `20 ноября 2026 г.` or `20 November 2026`.
pub(crate) fn date(date: NaiveDate, language: Language) -> String {
    const RU: [&str; 12] = [
        "января",
        "февраля",
        "марта",
        "апреля",
        "мая",
        "июня",
        "июля",
        "августа",
        "сентября",
        "октября",
        "ноября",
        "декабря",
    ];
    const EN: [&str; 12] = [
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ];
    let month = |names: [&'static str; 12]| names.get(date.month0() as usize).copied().unwrap_or_default();
    match language {
        Language::Ru => format!("{} {} {} г.", date.day(), month(RU), date.year()),
        Language::En => format!("{} {} {}", date.day(), month(EN), date.year()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn russian_counts_take_their_forms() {
        let weeks: Vec<&str> = [1, 2, 5, 11, 12, 21, 22].map(|n| weeks_word(n, Language::Ru)).to_vec();
        assert_eq!(
            weeks,
            ["неделя", "недели", "недель", "недель", "недель", "неделя", "недели"]
        );
    }
}
