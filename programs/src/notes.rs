//! The trainer's note on a row in the reader's language.

use domain::language::Language;

use crate::measures::Side;
use crate::wording::is_in_language;

/// What of a note a reader of `language` can be shown. Without a note of its own an English reader gets those sentences
/// of the other that are in English, and still learns that repetitions are for each leg.
pub(crate) fn note_in(note: Option<&str>, english: Option<&str>, language: Language) -> String {
    if language == Language::En
        && let Some(english) = english
    {
        return english.to_owned();
    }
    let mut shown: Vec<&str> = Vec::new();
    let sentences = note.unwrap_or_default().split(". ");
    for sentence in sentences.map(|sentence| sentence.trim().trim_end_matches('.')) {
        if sentence.is_empty() {
            continue;
        }
        if is_in_language(sentence, language) {
            shown.push(sentence);
        } else if language == Language::En
            && let Some(side) = Side::ALL.iter().find(|side| side.ru == sentence)
        {
            shown.push(side.en);
        }
    }
    shown.join(". ")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_reader_gets_what_they_can_read() {
        let text = "На каждую ногу. Стойте рядом с опорой";
        let russian = Some(text);
        assert_eq!(note_in(russian, None, Language::En), "Each leg");
        assert_eq!(
            note_in(russian, Some("Stay near a wall"), Language::En),
            "Stay near a wall"
        );
        assert_eq!(note_in(russian, Some("Stay near a wall"), Language::Ru), text);
        assert_eq!(note_in(Some("Keep calm"), None, Language::En), "Keep calm");
        assert_eq!(note_in(None, None, Language::Ru), "");
    }
}
