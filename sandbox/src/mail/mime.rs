//! Reading a mail: headers, nested parts, encodings. What can't be read is shown as it is, never refused.

use data_encoding::{BASE64, Specification};

const MAX_DEPTH: usize = 10;

#[derive(Debug, Default)]
pub struct Part {
    /// Decoded, in order.
    pub headers: Vec<(String, String)>,
    /// `text/plain` and the like, in small letters.
    pub kind: String,
    content_type: String,
    pub parts: Vec<Part>,
    /// The content with its transfer encoding undone.
    pub bytes: Vec<u8>,
}

impl Part {
    pub fn header(&self, name: &str) -> Option<&str> {
        let found = self.headers.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        found.map(|(_, value)| value.as_str())
    }

    pub fn is_attachment(&self) -> bool {
        self.header("content-disposition")
            .is_some_and(|value| value.trim_start().to_ascii_lowercase().starts_with("attachment"))
    }

    pub fn file_name(&self) -> Option<String> {
        let disposition = self.header("content-disposition").unwrap_or_default();
        parameter(disposition, "filename").or_else(|| parameter(&self.content_type, "name"))
    }

    pub fn text(&self) -> String {
        match parameter(&self.content_type, "charset")
            .map(|charset| charset.to_ascii_lowercase())
            .as_deref()
        {
            Some("iso-8859-1" | "latin1") => self.bytes.iter().copied().map(char::from).collect(),
            _ => String::from_utf8_lossy(&self.bytes).into_owned(),
        }
    }

    /// The parts that hold something, in order.
    pub fn leaves(&self) -> Vec<&Part> {
        if self.parts.is_empty() {
            return vec![self];
        }
        self.parts.iter().flat_map(Part::leaves).collect()
    }
}

pub fn read(raw: &[u8]) -> Part {
    read_part(raw, 0)
}

/// The end of the headers and the beginning of the body.
fn split(raw: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    for line in raw.split_inclusive(|byte| *byte == b'\n') {
        if line == b"\r\n" || line == b"\n" {
            let (head, body) = raw.split_at(at);
            return (head, body.get(line.len()..).unwrap_or_default());
        }
        at += line.len();
    }
    (raw, &[])
}

fn read_part(raw: &[u8], depth: usize) -> Part {
    let (head, body) = split(raw);
    let headers = read_headers(&String::from_utf8_lossy(head));
    let mut part = Part {
        headers,
        ..Part::default()
    };
    part.content_type = part.header("content-type").unwrap_or("text/plain").to_owned();
    part.kind = part
        .content_type
        .split(';')
        .next()
        .unwrap_or_default()
        .trim()
        .to_ascii_lowercase();
    let boundary = parameter(&part.content_type, "boundary");
    match boundary.filter(|_| part.kind.starts_with("multipart/") && depth < MAX_DEPTH) {
        Some(boundary) => {
            part.parts = pieces(body, &boundary)
                .into_iter()
                .map(|piece| read_part(&piece, depth + 1))
                .collect();
        }
        None => {
            let encoding = part
                .header("content-transfer-encoding")
                .unwrap_or_default()
                .trim()
                .to_ascii_lowercase();
            part.bytes = decode(body, &encoding);
        }
    }
    part
}

fn pieces(body: &[u8], boundary: &str) -> Vec<Vec<u8>> {
    let opening = format!("--{boundary}");
    let closing = format!("--{boundary}--");
    let mut pieces = Vec::new();
    let mut current: Option<Vec<u8>> = None;
    for line in body.split_inclusive(|byte| *byte == b'\n') {
        let text = line.trim_ascii_end();
        if text == closing.as_bytes() || text == opening.as_bytes() {
            pieces.extend(current.take().map(without_last_break));
            if text == closing.as_bytes() {
                return pieces;
            }
            current = Some(Vec::new());
        } else if let Some(current) = &mut current {
            current.extend_from_slice(line);
        }
    }
    pieces.extend(current);
    pieces
}

/// The line break before a boundary belongs to the boundary.
fn without_last_break(mut piece: Vec<u8>) -> Vec<u8> {
    if piece.last() == Some(&b'\n') {
        piece.pop();
        if piece.last() == Some(&b'\r') {
            piece.pop();
        }
    }
    piece
}

fn read_headers(head: &str) -> Vec<(String, String)> {
    let mut unfolded: Vec<String> = Vec::new();
    for line in head.lines() {
        match unfolded.last_mut() {
            Some(last) if line.starts_with([' ', '\t']) => {
                last.push(' ');
                last.push_str(line.trim_start());
            }
            _ => unfolded.push(line.to_owned()),
        }
    }
    let fields = unfolded.iter().filter_map(|line| line.split_once(':'));
    fields
        .map(|(name, value)| (name.trim().to_owned(), decode_words(value.trim())))
        .collect()
}

fn decode(body: &[u8], encoding: &str) -> Vec<u8> {
    match encoding {
        "base64" => base64(body).unwrap_or_else(|| body.to_vec()),
        "quoted-printable" => quoted_printable(body, false),
        _ => body.to_vec(),
    }
}

fn base64(text: &[u8]) -> Option<Vec<u8>> {
    let mut lenient = Specification::new();
    lenient
        .symbols
        .push_str("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/");
    lenient.padding = Some('=');
    lenient.ignore.push_str(" \r\n\t");
    let encoding = lenient.encoding().unwrap_or(BASE64);
    encoding.decode(text).ok()
}

fn quoted_printable(text: &[u8], is_header: bool) -> Vec<u8> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match first {
            b'_' if is_header => decoded.push(b' '),
            b'=' => match after {
                [b'\r', b'\n', tail @ ..] | [b'\n', tail @ ..] => rest = tail,
                [high, low, tail @ ..] => {
                    let digits = [*high, *low];
                    match std::str::from_utf8(&digits)
                        .ok()
                        .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                    {
                        Some(byte) => {
                            decoded.push(byte);
                            rest = tail;
                        }
                        None => decoded.push(b'='),
                    }
                }
                _ => decoded.push(b'='),
            },
            other => decoded.push(*other),
        }
    }
    decoded
}

/// RFC 2047: `=?utf-8?B?…?=`. White space between two encoded words vanishes.
fn decode_words(value: &str) -> String {
    let mut text = String::new();
    let mut rest = value;
    let mut after_word = false;
    while let Some(start) = rest.find("=?") {
        let (before, word) = rest.split_at(start);
        let Some((bytes, tail)) = encoded_word(word) else {
            text.push_str(before);
            text.push_str("=?");
            rest = word.get(2..).unwrap_or_default();
            after_word = false;
            continue;
        };
        if !(after_word && before.trim().is_empty()) {
            text.push_str(before);
        }
        text.push_str(&String::from_utf8_lossy(&bytes));
        rest = tail;
        after_word = true;
    }
    text.push_str(rest);
    text
}

fn encoded_word(word: &str) -> Option<(Vec<u8>, &str)> {
    let mut fields = word.strip_prefix("=?")?.splitn(3, '?');
    let (_charset, encoding, rest) = (fields.next()?, fields.next()?, fields.next()?);
    let (content, tail) = rest.split_once("?=")?;
    let bytes = match encoding {
        "B" | "b" => base64(content.as_bytes())?,
        "Q" | "q" => quoted_printable(content.as_bytes(), true),
        _ => return None,
    };
    Some((bytes, tail))
}

fn percent_decoded(text: &str) -> String {
    let mut bytes = Vec::new();
    let mut rest = text.as_bytes();
    while let Some((first, after)) = rest.split_first() {
        rest = after;
        match (first, after) {
            (b'%', [high, low, tail @ ..]) => {
                let digits = [*high, *low];
                match std::str::from_utf8(&digits)
                    .ok()
                    .and_then(|digits| u8::from_str_radix(digits, 16).ok())
                {
                    Some(byte) => {
                        bytes.push(byte);
                        rest = tail;
                    }
                    None => bytes.push(b'%'),
                }
            }
            _ => bytes.push(*first),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// A parameter of a structured header, RFC 2231's pieces and `name*=utf-8''…` included.
fn parameter(header: &str, name: &str) -> Option<String> {
    let mut pieces: Vec<(usize, String)> = Vec::new();
    for (key, value) in parameters(header) {
        let key = key.to_ascii_lowercase();
        if key == name {
            return Some(value);
        }
        let Some(suffix) = key.strip_prefix(name).and_then(|rest| rest.strip_prefix('*')) else {
            continue;
        };
        let (number, is_encoded) = match suffix.strip_suffix('*') {
            Some(number) => (number, true),
            None => (suffix, suffix.is_empty()),
        };
        let value = if is_encoded {
            let text = value.splitn(3, '\'').nth(2).unwrap_or(&value);
            percent_decoded(text)
        } else {
            value
        };
        pieces.push((number.parse().unwrap_or(0), value));
    }
    pieces.sort_by_key(|(number, _)| *number);
    (!pieces.is_empty()).then(|| pieces.into_iter().map(|(_, piece)| piece).collect())
}

/// `name=value` pairs after the first semicolon; values may be quoted.
fn parameters(header: &str) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let mut rest = header.split_once(';').map_or("", |(_, rest)| rest);
    while let Some((name, tail)) = rest.split_once('=') {
        let name = name.trim_matches([' ', '\t', ';']).to_owned();
        let tail = tail.trim_start();
        let (value, after) = match tail.strip_prefix('"') {
            Some(quoted) => {
                let mut value = String::new();
                let mut end = quoted.len();
                let mut escaped = false;
                for (at, character) in quoted.char_indices() {
                    match character {
                        '\\' if !escaped => escaped = true,
                        '"' if !escaped => {
                            end = at + 1;
                            break;
                        }
                        character => {
                            value.push(character);
                            escaped = false;
                        }
                    }
                }
                (value, quoted.get(end..).unwrap_or_default())
            }
            None => {
                let (value, after) = tail.split_once(';').unwrap_or((tail, ""));
                (value.trim().to_owned(), after)
            }
        };
        found.push((name, value));
        rest = after.trim_start_matches([' ', '\t', ';']);
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_in_headers_are_decoded() {
        for (raw, plain) in [
            ("=?utf-8?B?0J7Qv9C70LDRgtCw?= =?UTF-8?Q?_=D0=BF?=", "Оплата п"),
            ("Re: =?utf-8?q?a=3Fb?= end", "Re: a?b end"),
            ("a =? b", "a =? b"),
            ("plain", "plain"),
        ] {
            assert_eq!(decode_words(raw), plain);
        }
    }

    #[test]
    fn parameters_come_quoted_plain_and_in_pieces() {
        assert_eq!(
            parameter("a/b; charset=utf-8; name=\"x;\\\"y\"", "name").unwrap(),
            "x;\"y"
        );
        assert_eq!(
            parameter("attachment; filename*=utf-8''%D0%BF.pdf", "filename").unwrap(),
            "п.pdf"
        );
        let pieces = "attachment; filename*0*=utf-8''%D0%BF; filename*1=\".pdf\"";
        assert_eq!(parameter(pieces, "filename").unwrap(), "п.pdf");
        assert_eq!(parameter("text/plain", "charset"), None);
    }

    #[test]
    fn nested_parts_are_found_in_order() {
        let raw = "Content-Type: multipart/mixed; boundary=\"o\"\r\n\r\n--o\r\n\
            Content-Type: multipart/alternative; boundary=i\r\n\r\n\
            --i\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Transfer-Encoding: quoted-printable\r\n\r\n\
            =D0=9F=\r\n!\r\n--i\r\nContent-Type: text/html\r\n\r\n<b>П</b>\r\n--i--\r\n--o\r\n\
            Content-Type: application/pdf\r\nContent-Disposition: attachment; filename=a.pdf\r\n\
            Content-Transfer-Encoding: base64\r\n\r\nJVBE\r\nRg==\r\n--o--\r\n";
        let message = read(raw.as_bytes());
        let leaves = message.leaves();
        assert_eq!(
            leaves.iter().map(|part| part.kind.as_str()).collect::<Vec<_>>(),
            ["text/plain", "text/html", "application/pdf"]
        );
        assert_eq!(leaves[0].text(), "П!");
        assert_eq!(leaves[1].text(), "<b>П</b>");
        assert!(leaves[2].is_attachment());
        assert_eq!(leaves[2].file_name().unwrap(), "a.pdf");
        assert_eq!(leaves[2].bytes, b"%PDF");
    }

    #[test]
    fn nonsense_is_read_as_it_stands() {
        for raw in [
            "",
            "\r\n",
            "no headers at all",
            "A: b",
            "Content-Type: multipart/mixed\r\n\r\nx",
            "\0\u{fffd}:\r\n\r\n=",
        ] {
            read(raw.as_bytes());
        }
    }
}
