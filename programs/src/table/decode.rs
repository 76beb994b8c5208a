//! Bytes of an uploaded file to text, or what the file is instead of a table.

use std::borrow::Cow;

use super::errors::Problem;

/// Reads UTF-8 and UTF-16, with and without a byte order mark, and windows-1251 as Excel writes it in Russia.
/// Errors: what came instead of a table.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>, Problem> {
    if let Some(other) = other_kind(bytes) {
        return Err(other);
    }
    let text = if let Some((encoding, mark)) = encoding_rs::Encoding::for_bom(bytes) {
        encoding.decode_without_bom_handling_and_without_replacement(bytes.get(mark..).unwrap_or_default())
    } else if let Some(encoding) = unmarked_utf16(bytes) {
        encoding.decode_without_bom_handling_and_without_replacement(bytes)
    } else if let Ok(text) = std::str::from_utf8(bytes) {
        Some(Cow::Borrowed(text))
    } else {
        encoding_rs::WINDOWS_1251
            .decode_without_bom_handling_and_without_replacement(bytes)
            .filter(|text| is_russian(text))
    };
    let text = text.ok_or(Problem::NotUtf8)?;
    if text.contains('\0') {
        return Err(Problem::NotUtf8);
    }
    if is_html(&text) {
        return Err(Problem::Html);
    }
    if text.trim_start_matches('\u{feff}').trim().is_empty() {
        return Err(Problem::Empty);
    }
    Ok(text)
}

/// Files that people upload by mistake, by their first bytes.
fn other_kind(bytes: &[u8]) -> Option<Problem> {
    const OLD_OFFICE: &[u8] = &[0xd0, 0xcf, 0x11, 0xe0];
    if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(OLD_OFFICE) {
        Some(Problem::Workbook)
    } else if bytes.starts_with(b"%PDF-") {
        Some(Problem::Pdf)
    } else if bytes.starts_with(b"\x89PNG") || bytes.starts_with(&[0xff, 0xd8, 0xff]) {
        Some(Problem::Picture)
    } else {
        None
    }
}

/// In UTF-16 every second byte of Latin and Russian text is 0 or 4, bytes that no other encoding of such text has.
fn unmarked_utf16(bytes: &[u8]) -> Option<&'static encoding_rs::Encoding> {
    const LOOKED_AT: usize = 4096;
    let head = bytes.get(..bytes.len().min(LOOKED_AT)).unwrap_or_default();
    let high = |odd: usize| {
        head.iter()
            .skip(odd)
            .step_by(2)
            .filter(|byte| matches!(byte, 0 | 4))
            .count()
    };
    let (even, odd) = (high(0), high(1));
    if head.len() < 8 || even.max(odd) * 5 < head.len() * 2 {
        None
    } else if odd > even {
        Some(encoding_rs::UTF_16LE)
    } else {
        Some(encoding_rs::UTF_16BE)
    }
}

/// Any bytes decode as windows-1251; a Russian table is mostly small Russian letters then, other encodings are not.
fn is_russian(text: &str) -> bool {
    let (mut usual, mut unusual) = (0u32, 0u32);
    for c in text.chars().filter(|c| !c.is_ascii()) {
        match c {
            'а'..='я' | 'ё' => usual += 2,
            'А'..='Я' | 'Ё' | '№' | '«' | '»' | '–' | '—' | '\u{a0}' | '…' | '×' => usual += 1,
            _ => unusual += 3,
        }
    }
    // In KOI8-R read as windows-1251 capitals and small letters change places.
    let small = text.chars().filter(|c| matches!(c, 'а'..='я')).count();
    let capitals = text.chars().filter(|c| matches!(c, 'А'..='Я')).count();
    usual > unusual && small >= capitals
}

fn is_html(text: &str) -> bool {
    let start: String = text
        .trim_start_matches('\u{feff}')
        .trim_start()
        .chars()
        .take(512)
        .collect::<String>()
        .to_ascii_lowercase();
    start.starts_with('<')
        || start.contains("<html")
        || start.contains("<!doctype")
        // What a private sheet's query answers, whatever was asked for.
        || start.contains("google.visualization.query.setresponse")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encodings_of_spreadsheets_are_told_apart() {
        let text = "Уровень;Цель;Подходы\nновичок;сила;3\n";
        let (cp1251, _, _) = encoding_rs::WINDOWS_1251.encode(text);
        assert_eq!(decode(&cp1251).unwrap(), text);
        let little: Vec<u8> = text.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let big: Vec<u8> = text.encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(decode(&little).unwrap(), text);
        assert_eq!(decode(&big).unwrap(), text);
        assert_eq!(decode(&[&[0xff, 0xfe], &little[..]].concat()).unwrap(), text);
        assert_eq!(decode(&[&[0xfe, 0xff], &big[..]].concat()).unwrap(), text);
        assert_eq!(decode(&[&[0xef, 0xbb, 0xbf], text.as_bytes()].concat()).unwrap(), text);
        let (koi8, _, _) = encoding_rs::KOI8_R.encode(text);
        assert_eq!(decode(&koi8).unwrap_err(), Problem::NotUtf8);
    }
}
