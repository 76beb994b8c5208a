//! Folding of text for search and for understanding what people type. Databases fold ASCII only; this folds letters.

/// Lower case, ё→е, every run of characters that are neither letters nor digits becomes one space, ends trimmed.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    let mut gap = false;
    for character in text.chars().flat_map(char::to_lowercase) {
        let character = if character == 'ё' { 'е' } else { character };
        if character.is_alphanumeric() {
            if gap && !folded.is_empty() {
                folded.push(' ');
            }
            gap = false;
            folded.push(character);
        } else if !is_combining(character) {
            gap = true;
        }
    }
    folded
}

const fn is_combining(character: char) -> bool {
    matches!(character, '\u{300}'..='\u{36f}')
}

/// Digits only, the Russian trunk "8" as the country code "7": `+7 (912) 345-67-89` and `8 912 345 67 89` are one phone.
/// Returns `None` for anything that has not 10 to 15 digits.
pub fn phone_digits(text: &str) -> Option<String> {
    let digits: String = text.chars().filter(char::is_ascii_digit).collect();
    match digits.len() {
        10 if digits.starts_with('9') => Some(format!("7{digits}")),
        11 if digits.starts_with('8') && !text.trim_start().starts_with('+') => Some(format!("7{}", &digits[1..])),
        10..=15 => Some(digits),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn search_text_is_folded_beyond_ascii() {
        assert_eq!(fold("  Пётр  О'Нил_🙂 "), "петр о нил");
        assert_eq!(fold("ANNA.Demo"), "anna demo");
    }

    #[test]
    fn one_phone_in_several_spellings() {
        for spelling in ["+7 (912) 345-67-89", "8 912 345 67 89", "9123456789", "79123456789"] {
            assert_eq!(phone_digits(spelling).as_deref(), Some("79123456789"), "{spelling}");
        }
        assert_eq!(phone_digits("12345"), None);
        assert_eq!(phone_digits("+86 139 1099 8888").as_deref(), Some("8613910998888"));
    }
}
