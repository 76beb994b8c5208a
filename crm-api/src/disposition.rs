//! What a downloaded file is called.

use axum::http::HeaderValue;

/// A name in Latin letters for old programs, the real one as RFC 5987 says.
pub(crate) fn attachment(name: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(disposition("attachment", name)).ok()
}

/// The same, for what a browser may show by itself.
pub(crate) fn inline(name: &str) -> Option<HeaderValue> {
    HeaderValue::try_from(disposition("inline", name)).ok()
}

fn disposition(kind: &str, name: &str) -> String {
    let mut plain = String::new();
    for letter in name.chars() {
        match latin(letter) {
            Some(letters) => plain.push_str(letters),
            None if letter.is_ascii_alphanumeric() || matches!(letter, '.' | '-' | '_' | ' ' | ',') => {
                plain.push(letter);
            }
            None => plain.push('_'),
        }
    }
    let mut encoded = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || matches!(byte, b'.' | b'-' | b'_') {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    format!("{kind}; filename=\"{plain}\"; filename*=UTF-8''{encoded}")
}

/// Russian in Latin letters, as passports write it.
fn latin(letter: char) -> Option<&'static str> {
    const LOWER: [(&str, &str); 33] = [
        ("а", "a"),
        ("б", "b"),
        ("в", "v"),
        ("г", "g"),
        ("д", "d"),
        ("е", "e"),
        ("ё", "e"),
        ("ж", "zh"),
        ("з", "z"),
        ("и", "i"),
        ("й", "i"),
        ("к", "k"),
        ("л", "l"),
        ("м", "m"),
        ("н", "n"),
        ("о", "o"),
        ("п", "p"),
        ("р", "r"),
        ("с", "s"),
        ("т", "t"),
        ("у", "u"),
        ("ф", "f"),
        ("х", "kh"),
        ("ц", "ts"),
        ("ч", "ch"),
        ("ш", "sh"),
        ("щ", "shch"),
        ("ъ", ""),
        ("ы", "y"),
        ("ь", ""),
        ("э", "e"),
        ("ю", "iu"),
        ("я", "ia"),
    ];
    const UPPER: [(&str, &str); 33] = [
        ("А", "A"),
        ("Б", "B"),
        ("В", "V"),
        ("Г", "G"),
        ("Д", "D"),
        ("Е", "E"),
        ("Ё", "E"),
        ("Ж", "Zh"),
        ("З", "Z"),
        ("И", "I"),
        ("Й", "I"),
        ("К", "K"),
        ("Л", "L"),
        ("М", "M"),
        ("Н", "N"),
        ("О", "O"),
        ("П", "P"),
        ("Р", "R"),
        ("С", "S"),
        ("Т", "T"),
        ("У", "U"),
        ("Ф", "F"),
        ("Х", "Kh"),
        ("Ц", "Ts"),
        ("Ч", "Ch"),
        ("Ш", "Sh"),
        ("Щ", "Shch"),
        ("Ъ", ""),
        ("Ы", "Y"),
        ("Ь", ""),
        ("Э", "E"),
        ("Ю", "Iu"),
        ("Я", "Ia"),
    ];
    LOWER
        .iter()
        .chain(&UPPER)
        .find(|(russian, _)| russian.starts_with(letter))
        .map(|(_, latin)| *latin)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_russian_name_survives_and_nothing_escapes_the_quotes() {
        assert_eq!(
            disposition("attachment", "План \"А\".pdf"),
            "attachment; filename=\"Plan _A_.pdf\"; filename*=UTF-8''%D0%9F%D0%BB%D0%B0%D0%BD%20%22%D0%90%22.pdf"
        );
        assert!(attachment("Щёлково, 12 недель\r\n💪.pdf").is_some());
    }
}
