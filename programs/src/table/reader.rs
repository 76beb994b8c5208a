//! Bytes of a spreadsheet's CSV export to rows of clean cells with known columns.

use std::borrow::Cow;
use std::sync::Arc;

use super::decode::decode;
use super::errors::{Expected, ImportError, ImportErrors, Problem, SizeUnit};
use super::shared::Shared;
use super::similar::nearest;

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
    cells: Vec<Arc<str>>,
}

impl Sheet {
    /// The cleaned text of a cell; empty if the column is absent.
    pub fn cell<'a>(&self, row: &'a Row, column: usize) -> &'a str {
        self.columns
            .get(column)
            .and_then(Option::as_ref)
            .and_then(|(index, _)| row.cells.get(*index))
            .map_or("", AsRef::as_ref)
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

    /// Copies the value above into an empty cell of each of `columns`, as a merged cell would show it: only in a row
    /// that follows the one above directly and for which `continues(above, row)` holds. Returns how many were filled.
    pub fn fill_down(&mut self, columns: &[usize], continues: impl Fn(&Self, &Row, &Row) -> bool) -> u32 {
        let mut filled = 0;
        let mut rows = std::mem::take(&mut self.rows);
        for index in 1..rows.len() {
            let (before, rest) = rows.split_at_mut(index);
            let (Some(above), Some(row)) = (before.last(), rest.first_mut()) else {
                continue;
            };
            if row.number != above.number + 1 || !continues(self, above, row) {
                continue;
            }
            for column in columns {
                let value: Arc<str> = self.cell(above, *column).into();
                let at = self
                    .columns
                    .get(*column)
                    .and_then(Option::as_ref)
                    .map(|(index, _)| *index);
                if let Some(at) = at
                    && !value.is_empty()
                {
                    if row.cells.len() <= at {
                        row.cells.resize(at + 1, Arc::from(""));
                    }
                    if let Some(cell) = row.cells.get_mut(at).filter(|cell| cell.is_empty()) {
                        *cell = value;
                        filled += 1;
                    }
                }
            }
        }
        self.rows = rows;
        filled
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
        } else if expected.is_numeric() && looks_like_date(value) {
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
    let text = decode(bytes).map_err(refuse)?;
    let text = text.trim_start_matches('\u{feff}');
    let (text, separator) = declared_separator(text);
    let separator = separator.unwrap_or_else(|| delimiter(text));

    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .delimiter(separator)
        .from_reader(text.as_bytes());
    let numbered = row_numbers(text, separator.into());
    if let Some(row) = numbered.unclosed {
        let mut error = ImportError::of_sheet(name, Problem::BrokenCsv);
        error.row = Some(row);
        return Err(ImportErrors::one(error));
    }
    let mut numbers = numbered.rows.into_iter();
    let mut rows = Vec::new();
    let mut shared = Shared::default();
    for record in reader.records() {
        let number = numbers.next().unwrap_or_default();
        let record = record.map_err(|_| {
            let mut error = ImportError::of_sheet(name, Problem::BrokenCsv);
            error.row = Some(number);
            ImportErrors::one(error)
        })?;
        let cells: Vec<Arc<str>> = record.iter().map(|cell| shared.text(&clean(cell))).collect();
        if cells.iter().all(|cell| cell.is_empty()) {
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
    let at = header_index(&rows, known).ok_or_else(|| refuse(Problem::NoTitles))?;
    let mut rows = rows.into_iter().skip(at);
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

impl Column {
    /// `folded` is a title, see [`fold`].
    fn is_titled(&self, folded: &str) -> bool {
        self.spellings().any(|spelling| spelling == folded)
    }

    fn spellings(&self) -> impl Iterator<Item = Cow<'static, str>> {
        [Cow::Owned(fold(self.key)), Cow::Owned(fold(self.title))]
            .into_iter()
            .chain(self.aliases.iter().copied().map(Cow::Borrowed))
    }
}

/// Which row holds the titles: people like to put a heading or an empty line above them.
fn header_index(rows: &[Row], known: &[Column]) -> Option<usize> {
    const LOOKED_AT: usize = 10;
    let titles = |row: &Row| {
        let folded: Vec<String> = row.cells.iter().map(|cell| fold(cell)).collect();
        known
            .iter()
            .filter(|column| folded.iter().any(|title| column.is_titled(title)))
            .count()
    };
    let counts: Vec<usize> = rows.iter().take(LOOKED_AT).map(titles).collect();
    let most = counts.iter().copied().max().filter(|most| *most > 0)?;
    counts.iter().position(|count| *count == most)
}

fn find_columns(header: &Row, name: &str, known: &[Column]) -> Result<Vec<Option<(usize, String)>>, ImportErrors> {
    let titles: Vec<String> = header.cells.iter().map(|title| fold(title)).collect();
    let mut errors = ImportErrors::default();
    let mut columns = Vec::with_capacity(known.len());
    for column in known {
        let mut found = titles
            .iter()
            .enumerate()
            .filter(|(_, candidate)| column.is_titled(candidate));
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
            let unknown = titles
                .iter()
                .filter(|title| !known.iter().any(|column| column.is_titled(title)))
                .map(String::as_str);
            let similar = unknown.clone().find(|title| {
                let spellings: Vec<Cow<'_, str>> = column.spellings().collect();
                nearest(title, spellings.iter().map(AsRef::as_ref)).is_some()
            });
            let at = similar.and_then(|similar| titles.iter().position(|title| title == similar));
            let mut error = ImportError::of_sheet(
                name,
                Problem::MissingColumn {
                    key: column.key.to_owned(),
                    title: column.title.to_owned(),
                    similar: at.and_then(|at| header.cells.get(at)).map(ToString::to_string),
                },
            );
            error.row = Some(header.number);
            error.cell = at.map(|at| format!("{}{}", letters(at), header.number));
            errors.push(error);
        }
        columns.push(first.map(|index| {
            (
                index,
                header.cells.get(index).map(ToString::to_string).unwrap_or_default(),
            )
        }));
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

struct RowNumbers {
    rows: Vec<u32>,
    /// Where a quote opens that never closes.
    unclosed: Option<u32>,
}

/// The spreadsheet's number of each record the CSV reader will yield. It skips blank lines silently, and a quoted cell
/// may span lines, so neither its record count nor its line count is the number a person sees.
fn row_numbers(text: &str, separator: char) -> RowNumbers {
    let mut rows = Vec::new();
    let (mut number, mut quoted, mut blank) = (1u32, false, true);
    let mut at_start = true;
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        if quoted {
            // Two quotes are one; a single one closes the cell.
            if c == '"' && chars.next_if_eq(&'"').is_none() {
                quoted = false;
            }
            continue;
        }
        match c {
            '"' if at_start => {
                quoted = true;
                blank = false;
                at_start = false;
            }
            '\n' | '\r' => {
                if c == '\r' {
                    chars.next_if_eq(&'\n');
                }
                if !blank {
                    rows.push(number);
                }
                number += 1;
                blank = true;
                at_start = true;
            }
            c => {
                blank = false;
                at_start = c == separator;
            }
        }
    }
    if !blank {
        rows.push(number);
    }
    RowNumbers {
        rows,
        unclosed: quoted.then_some(number),
    }
}

/// Excel's own first line, `sep=;`. Its row stays counted: the text keeps the line's end.
fn declared_separator(text: &str) -> (&str, Option<u8>) {
    let declared = text.strip_prefix("sep=").and_then(|rest| {
        let separator = rest.bytes().next().filter(|byte| matches!(byte, b',' | b';' | b'\t'))?;
        Some((rest.get(1..)?, separator))
    });
    match declared {
        Some((rest, separator)) if rest.starts_with(['\r', '\n']) => (rest, Some(separator)),
        _ => (text, None),
    }
}

fn is_formula_error(value: &str) -> bool {
    (value.starts_with('#') && value.chars().nth(1).is_some_and(char::is_alphabetic))
        || value
            .strip_prefix("Err:")
            .is_some_and(|code| code.parse::<u16>().is_ok())
        || value == "Loading..."
        || value == "Загрузка..."
}

fn looks_like_date(value: &str) -> bool {
    // The day's number as Excel keeps it: these are the years 2009 to 2064.
    if value
        .parse::<u32>()
        .is_ok_and(|serial| (40_000..60_000).contains(&serial))
    {
        return true;
    }
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
        let numbers = |text| row_numbers(text, ',').rows;
        assert_eq!(numbers("a\n\n\"two\nlines\",x\r\nb\r\n"), vec![1, 3, 4]);
        assert_eq!(
            numbers("5\" bar,x\nb\n"),
            vec![1, 2],
            "a quote inside a cell is a letter"
        );
        assert_eq!(row_numbers("a\n\"b\nc\n", ',').unclosed, Some(2));
    }

    #[test]
    fn titles_are_compared_without_case_punctuation_and_yo() {
        assert_eq!(fold(" Отдых,\u{a0}СЕК. "), "отдых сек");
        assert_eq!(fold("rest_seconds"), fold("Rest seconds"));
    }
}
