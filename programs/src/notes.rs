//! The trainer's notes on a row in the reader's language. The tables hold them in Russian; the sentences of the shipped
//! ones are translated here, so that an English reader learns that the repetitions are for each leg.

use domain::language::Language;

use crate::wording::is_in_language;

/// What of `note` a reader of `language` can be shown: sentences without a translation are left out.
pub(crate) fn note_in(note: &str, language: Language) -> String {
    let mut shown: Vec<&str> = Vec::new();
    for sentence in note.split(". ").map(|sentence| sentence.trim().trim_end_matches('.')) {
        if sentence.is_empty() {
            continue;
        }
        if is_in_language(sentence, language) {
            shown.push(sentence);
        } else if language == Language::En
            && let Some((_, english)) = ENGLISH.iter().find(|(russian, _)| *russian == sentence)
        {
            shown.push(english);
        }
    }
    shown.join(". ")
}

const ENGLISH: [(&str, &str); 33] = [
    ("На каждую ногу", "Each leg"),
    ("На каждую сторону", "Each side"),
    ("На каждую руку", "Each arm"),
    ("Лёгкая неделя: вес меньше на 10–15 %", "Light week: 10–15% less weight"),
    (
        "Лёгкая неделя: заканчивайте подход с большим запасом",
        "Light week: end each set with plenty left",
    ),
    (
        "Лёгкая неделя: натяжение резинки слабее",
        "Light week: less tension on the band",
    ),
    (
        "Лёгкая неделя: гравитрон помогает больше",
        "Light week: let the machine help more",
    ),
    (
        "Нет надёжного стола — тяга полотенца с упором в стопы",
        "No sturdy table: row a towel looped around your feet",
    ),
    (
        "Локти у рёбер — пауза 2 секунды",
        "Elbows at the ribs, pause for 2 seconds",
    ),
    (
        "С напарником или с упорами, замки надеты",
        "With a spotter or safety bars, collars on",
    ),
    (
        "Верх диапазона во всех подходах — прибавьте 1–2 кг",
        "Top of the range in every set: add 1–2 kg",
    ),
    (
        "Верх диапазона во всех подходах — прибавьте 2,5 кг",
        "Top of the range in every set: add 2.5 kg",
    ),
    (
        "Между отрезками крутите без усилия",
        "Pedal without effort between the intervals",
    ),
    (
        "Между отрезками гребите совсем легко",
        "Row very lightly between the intervals",
    ),
    (
        "Между отрезками двигайтесь спокойно",
        "Move calmly between the intervals",
    ),
    (
        "Сравните с первой неделей: повторы, рабочий вес, самочувствие",
        "Compare with the first week: reps, working weight, how you feel",
    ),
    (
        "Сравните с первой неделей: повторы и самочувствие",
        "Compare with the first week: reps and how you feel",
    ),
    (
        "Вниз 4 секунды, внизу пауза 1 секунда",
        "4 seconds down, 1 second pause at the bottom",
    ),
    (
        "Вниз 4 секунды, внизу пауза 2 секунды",
        "4 seconds down, 2 seconds pause at the bottom",
    ),
    (
        "Вниз 3 секунды, внизу пауза 1 секунда",
        "3 seconds down, 1 second pause at the bottom",
    ),
    ("Вниз 4 секунды, вверх без рывка", "4 seconds down, up without a jerk"),
    (
        "Вверху пауза 2 секунды, вниз 3 секунды",
        "2 seconds pause at the top, 3 seconds down",
    ),
    (
        "Не хватает повторов — доделайте в гравитроне",
        "Short of reps: finish on the assisted machine",
    ),
    (
        "Каждый повтор начинайте с полной остановки на полу",
        "Start every rep from a full stop on the floor",
    ),
    ("Стойте рядом с опорой", "Stand next to a support"),
    (
        "Подберите вес с запасом в 3 повтора",
        "Choose a weight that leaves 3 reps",
    ),
    ("Оставьте запас в 3 повтора", "Leave 3 reps in reserve"),
    (
        "Первая неделя — техника: останавливайтесь, пока ещё легко",
        "The first week is for technique: stop while it is still easy",
    ),
    (
        "Упоры рамы — чуть ниже нижней точки",
        "Safety bars just below your lowest point",
    ),
    (
        "Получились все повторы — прибавьте по одному в подходе",
        "All reps done: add one to each set",
    ),
    (
        "Столько повторов, сколько держите спуск",
        "As many reps as you can lower with control",
    ),
    (
        "Начинается самый тяжёлый блок: высыпайтесь, лишних подходов не добавляйте",
        "The hardest block begins: sleep well, add no extra sets",
    ),
    (
        "Отягощение — если без него выходит 8 чистых повторов",
        "Add load if you manage 8 clean reps without it",
    ),
];

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn known_sentences_are_translated_and_unknown_ones_left_out() {
        assert_eq!(
            note_in("На каждую ногу. Стойте рядом с опорой", Language::En),
            "Each leg. Stand next to a support"
        );
        assert_eq!(note_in("На каждую ногу. Что-то новое", Language::En), "Each leg");
        assert_eq!(note_in("На каждую ногу", Language::Ru), "На каждую ногу");
        assert_eq!(note_in("", Language::Ru), "");
    }
}
