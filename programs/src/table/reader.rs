//! Bytes of a spreadsheet's CSV export to rows of clean cells with known columns.

use super::errors::{Expected, ImportError, ImportErrors, Problem, SizeUnit};

/// Far above the fullest template table (about 2 MB), far below what hurts.
const MAX_BYTES: usize = 32 * 1024 * 1024;
const MAX_ROWS: usize = 100_000;

/// A column the importer knows.
pub(crate) struct Column {
    pub key: &'static str,
    pub title: &'static str,
    /// Other spellings, folded (see [`fold`]).
    pub aliases: &'static [&'static str],
    pub required: bool,
}

pub(crate) struct Sheet {
    name: String,
    /// For each known column: its index in the file and its title there.
    columns: Vec<Option<(usize, String)>>,
    pub rows: Vec<Row>,
}

pub(crate) struct Row {
    /// As the spreadsheet numbers it: the header is usually 1.
    pub number: u32,
    cells: Vec<String>,
}

impl Sheet {
    /// The cleaned text of a cell; empty if the column is absent.
    pub fn cell<'a>(&self, row: &'a Row, column: usize) -> &'a str {
        self.columns
            .get(column)
            .and_then(Option::as_ref)
            .and_then(|(index, _)| row.cells.get(*index))
            .map_or("", String::as_str)
    }

    pub fn error(&self, row: &Row, column: usize, problem: Problem) -> ImportError {
        self.error_at(row.number, column, problem)
    }

    pub fn error_at(&self, row: u32, column: usize, problem: Problem) -> ImportError {
        let found = self.columns.get(column).and_then(Option::as_ref);
        ImportError {
            sheet: self.name.clone(),
            row: Some(row),
            column: found.map(|(_, title)| title.clone()),
            cell: found.map(|(index, _)| format!("{}{row}", letters(*index))),
            problem,
        }
    }

    /// Parses a cell that must not be empty; a failure goes to `errors`.
    pub fn parse<T>(
        &self,
        row: &Row,
        column: usize,
        expected: Expected,
        errors: &mut ImportErrors,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        let value = self.cell(row, column);
        let problem = if value.is_empty() {
            Problem::EmptyCell { expected }
        } else if is_formula_error(value) {
            Problem::FormulaError {
                value: value.to_owned(),
            }
        } else if let Some(parsed) = parse(value) {
            return Some(parsed);
        } else if expected == Expected::Reps && looks_like_date(value) {
            Problem::DateInstead {
                value: value.to_owned(),
            }
        } else {
            Problem::BadValue {
                value: shorten(value),
                expected,
            }
        };
        errors.push(self.error(row, column, problem));
        None
    }

    /// Parses a cell that may be empty.
    pub fn parse_optional<T>(
        &self,
        row: &Row,
        column: usize,
        expected: Expected,
        errors: &mut ImportErrors,
        parse: impl FnOnce(&str) -> Option<T>,
    ) -> Option<T> {
        if self.cell(row, column).is_empty() {
            None
        } else {
            self.parse(row, column, expected, errors, parse)
        }
    }
}

/// Reads the header and the rows that are not blank.
pub(crate) fn read(bytes: &[u8], name: &str, known: &[Column]) -> Result<Sheet, ImportErrors> {
    let refuse = |problem| ImportErrors::one(ImportError::of_sheet(name, problem));
    if bytes.len() > MAX_BYTES {
        return Err(refuse(Problem::TooLarge {
            limit: MAX_BYTES as u32,
            unit: SizeUnit::Bytes,
        }));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| refuse(Problem::NotUtf8))?;
    let text = text.trim_start_matches('\u{feff}');
    if text.trim().is_empty() {
        return Err(refuse(Problem::Empty));
    }
    if is_html(text) {
        return Err(refuse(Problem::Html));
    }
    if text.contains('\0') {
        return Err(refuse(Problem::NotUtf8));
    }

    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(delimiter(text))
        .from_reader(text.as_bytes());
    let numbers = row_numbers(text);
    let mut numbers = numbers.into_iter();
    let mut rows = Vec::new();
    for record in reader.records() {
        let number = numbers.next().unwrap_or_default();
        let record = record.map_err(|_| {
            let mut error = ImportError::of_sheet(name, Problem::BrokenCsv);
            error.row = Some(number);
            ImportErrors::one(error)
        })?;
        let cells: Vec<String> = record.iter().map(clean).collect();
        if cells.iter().all(String::is_empty) {
            continue;
        }
        if rows.len() > MAX_ROWS {
            return Err(refuse(Problem::TooLarge {
                limit: MAX_ROWS as u32,
                unit: SizeUnit::Rows,
            }));
        }
        rows.push(Row { number, cells });
    }
    let mut rows = rows.into_iter();
    let header = rows.next().ok_or_else(|| refuse(Problem::Empty))?;
    let columns = find_columns(&header, name, known)?;
    let rows: Vec<Row> = rows.collect();
    if rows.is_empty() {
        return Err(refuse(Problem::Empty));
    }
    Ok(Sheet {
        name: name.to_owned(),
        columns,
        rows,
    })
}

fn find_columns(header: &Row, name: &str, known: &[Column]) -> Result<Vec<Option<(usize, String)>>, ImportErrors> {
    let titles: Vec<String> = header.cells.iter().map(|title| fold(title)).collect();
    let mut errors = ImportErrors::default();
    let mut columns = Vec::with_capacity(known.len());
    for column in known {
        let (key, title) = (fold(column.key), fold(column.title));
        let mut found = titles.iter().enumerate().filter(|(_, candidate)| {
            **candidate == key || **candidate == title || column.aliases.contains(&candidate.as_str())
        });
        let first = found.next().map(|(index, _)| index);
        if let (Some(_), Some((second, _))) = (first, found.next()) {
            let mut error = ImportError::of_sheet(
                name,
                Problem::DuplicateColumn {
                    key: column.key.to_owned(),
                },
            );
            error.row = Some(header.number);
            error.cell = Some(format!("{}{}", letters(second), header.number));
            errors.push(error);
        }
        if first.is_none() && column.required {
            let mut error = ImportError::of_sheet(
                name,
                Problem::MissingColumn {
                    key: column.key.to_owned(),
                    title: column.title.to_owned(),
                },
            );
            error.row = Some(header.number);
            errors.push(error);
        }
        columns.push(first.map(|index| (index, header.cells.get(index).cloned().unwrap_or_default())));
    }
    errors.into_result(columns)
}

/// A cell without the invisible characters that spreadsheets and phones put into it.
fn clean(cell: &str) -> String {
    let spaced: String = cell
        .chars()
        .filter(|c| !matches!(c, '\u{200b}'..='\u{200f}' | '\u{2060}' | '\u{feff}' | '\u{ad}'))
        .map(|c| if c.is_whitespace() || c.is_control() { ' ' } else { c })
        .collect();
    let mut out = String::with_capacity(spaced.len());
    for word in spaced.split(' ').filter(|word| !word.is_empty()) {
        if !out.is_empty() {
            out.push(' ');
        }
        out.push_str(word);
    }
    out
}

/// Letters and digits only, lower case, `ё` as `е`: "Отдых, сек" and "отдых сек" are one title.
pub(crate) fn fold(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars().flat_map(char::to_lowercase) {
        let c = if c == 'ё' { 'е' } else { c };
        if c.is_alphanumeric() || c == '№' {
            out.push(c);
        } else if !out.is_empty() && !out.ends_with(' ') {
            out.push(' ');
        }
    }
    out.truncate(out.trim_end().len());
    out
}

/// The separator that the first non-empty line uses most, outside quotes.
fn delimiter(text: &str) -> u8 {
    let header = text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
    let mut counts = [(b',', 0u32), (b';', 0), (b'\t', 0)];
    let mut quoted = false;
    for byte in header.bytes() {
        if byte == b'"' {
            quoted = !quoted;
        } else if !quoted {
            for (candidate, count) in &mut counts {
                *count += u32::from(*candidate == byte);
            }
        }
    }
    counts
        .iter()
        .rev()
        .max_by_key(|(_, count)| *count)
        .map_or(b',', |(candidate, _)| *candidate)
}

/// The spreadsheet's number of each record the CSV reader will yield. It skips blank lines silently, and a quoted cell
/// may span lines, so neither its record count nor its line count is the number a person sees.
fn row_numbers(text: &str) -> Vec<u32> {
    let mut numbers = Vec::new();
    let (mut number, mut quoted, mut blank) = (1u32, false, true);
    let mut previous = '\n';
    for c in text.chars() {
        match c {
            '"' => {
                quoted = !quoted;
                blank = false;
            }
            '\n' if !quoted && previous == '\r' => {}
            '\n' | '\r' if !quoted => {
                if !blank {
                    numbers.push(number);
                }
                number += 1;
                blank = true;
            }
            _ => blank = false,
        }
        previous = c;
    }
    if !blank {
        numbers.push(number);
    }
    numbers
}

fn is_html(text: &str) -> bool {
    let start: String = text
        .trim_start()
        .chars()
        .take(512)
        .collect::<String>()
        .to_ascii_lowercase();
    start.starts_with('<') || start.contains("<html") || start.contains("<!doctype")
}

fn is_formula_error(value: &str) -> bool {
    (value.starts_with('#') && value.chars().nth(1).is_some_and(char::is_alphabetic))
        || value == "Loading..."
        || value == "Загрузка..."
}

fn looks_like_date(value: &str) -> bool {
    let parts: Vec<&str> = value.split(['.', '/', '-']).collect();
    if parts.len() >= 2 && value.contains(['.', '/']) && parts.iter().all(|part| part.parse::<u16>().is_ok()) {
        return true;
    }
    if parts.len() == 3 && parts.iter().all(|part| part.parse::<u16>().is_ok()) {
        return true;
    }
    const MONTHS: [&str; 24] = [
        "янв", "фев", "мар", "апр", "май", "июн", "июл", "авг", "сен", "окт", "ноя", "дек", "jan", "feb", "mar", "apr",
        "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec",
    ];
    let folded = fold(value);
    folded
        .split(' ')
        .any(|word| MONTHS.iter().any(|month| word.starts_with(month)))
}

fn shorten(value: &str) -> String {
    const LONGEST: usize = 60;
    if value.chars().count() <= LONGEST {
        return value.to_owned();
    }
    let mut short: String = value.chars().take(LONGEST).collect();
    short.push('…');
    short
}

/// `0` is A, `25` is Z, `26` is AA.
fn letters(index: usize) -> String {
    let mut out = Vec::new();
    let mut rest = index + 1;
    while rest > 0 {
        let digit = (rest - 1) % 26;
        out.push(char::from(b'A' + digit as u8));
        rest = (rest - 1) / 26;
    }
    out.iter().rev().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_lettered_as_a_spreadsheet_letters_them() {
        assert_eq!(letters(0), "A");
        assert_eq!(letters(25), "Z");
        assert_eq!(letters(26), "AA");
        assert_eq!(letters(52), "BA");
    }

    #[test]
    fn rows_are_numbered_as_a_person_sees_them() {
        assert_eq!(row_numbers("a\n\n\"two\nlines\",x\r\nb\r\n"), vec![1, 3, 4]);
    }

    #[test]
    fn titles_are_compared_without_case_punctuation_and_yo() {
        assert_eq!(fold(" Отдых,\u{a0}СЕК. "), "отдых сек");
        assert_eq!(fold("rest_seconds"), fold("Rest seconds"));
    }
}
