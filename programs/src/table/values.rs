//! What the cells hold: small vocabularies and ranges, understood in English and Russian.

use std::fmt;

use domain::profile::{Equipment, Goal, Level, Place, SparedArea};

use super::WEEKS;
use super::reader::fold;

/// A set of weeks out of 1 to 12.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Weeks(u16);

impl Weeks {
    pub fn contains(self, week: u8) -> bool {
        (1..=WEEKS).contains(&week) && self.0 & (1 << week) != 0
    }

    pub fn iter(self) -> impl Iterator<Item = u8> {
        (1..=WEEKS).filter(move |week| self.contains(*week))
    }

    pub(crate) const fn union(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }

    pub(crate) const fn overlaps(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// `5`, `1-3`, `4;8;12`, and lists of ranges.
    pub(crate) fn parse(cell: &str) -> Option<Self> {
        let mut bits = 0u16;
        for part in cell.split([';', ',']).map(str::trim).filter(|part| !part.is_empty()) {
            let (from, to) = parse_range(part)?;
            if from < 1 || to > u16::from(WEEKS) {
                return None;
            }
            for week in from..=to {
                bits |= 1 << week;
            }
        }
        (bits != 0).then_some(Self(bits))
    }
}

/// As [`Weeks::parse`] reads it: `1-3;5`.
impl fmt::Display for Weeks {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut written = false;
        for from in self.iter().filter(|week| !self.contains(week - 1)) {
            let to = (from..=WEEKS)
                .take_while(|week| self.contains(*week))
                .last()
                .unwrap_or(from);
            if written {
                f.write_str(";")?;
            }
            written = true;
            if from == to {
                write!(f, "{from}")?;
            } else {
                write!(f, "{from}-{to}")?;
            }
        }
        Ok(())
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum RepsUnit {
    Times,
    Seconds,
    Minutes,
}

/// How much one set is: repetitions or a time, one number or a range. `Display` gives the canonical form of the
/// contract: `8`, `8-12`, `30 s`, `2 min`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Reps {
    pub min: u16,
    pub max: u16,
    pub unit: RepsUnit,
}

impl Reps {
    pub fn parse(cell: &str) -> Option<Self> {
        let cell = cell.trim().to_lowercase();
        let digits_end = cell.rfind(|c: char| c.is_ascii_digit())? + 1;
        let (numbers, unit) = (
            cell.get(..digits_end)?,
            cell.get(digits_end..)?.trim().trim_end_matches('.'),
        );
        // Spreadsheets like to write whole numbers as "8,0".
        let numbers = numbers
            .strip_suffix(",0")
            .or_else(|| numbers.strip_suffix(".0"))
            .unwrap_or(numbers);
        let unit = match unit {
            "" | "повт" | "повторов" | "повторений" | "раз" | "reps" => RepsUnit::Times,
            "s" | "sec" | "seconds" | "с" | "сек" | "секунд" => RepsUnit::Seconds,
            "min" | "minutes" | "м" | "мин" | "минут" | "минуты" => RepsUnit::Minutes,
            _ => return None,
        };
        let (min, max) = parse_range(numbers)?;
        let limit = match unit {
            RepsUnit::Times => 1..=100,
            RepsUnit::Seconds => 5..=600,
            RepsUnit::Minutes => 1..=60,
        };
        (limit.contains(&min) && limit.contains(&max)).then_some(Self { min, max, unit })
    }

    pub const fn is_time(self) -> bool {
        !matches!(self.unit, RepsUnit::Times)
    }
}

impl fmt::Display for Reps {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.min == self.max {
            write!(f, "{}", self.min)?;
        } else {
            write!(f, "{}-{}", self.min, self.max)?;
        }
        match self.unit {
            RepsUnit::Times => Ok(()),
            RepsUnit::Seconds => f.write_str(" s"),
            RepsUnit::Minutes => f.write_str(" min"),
        }
    }
}

/// `8`, `8-12`, `8–12`; the left must not exceed the right.
fn parse_range(text: &str) -> Option<(u16, u16)> {
    let mut parts = text
        .split(['-', '–', '—', '−'])
        .map(|part| part.trim().parse::<u16>().ok());
    let from = parts.next()??;
    let to = match parts.next() {
        Some(to) => to?,
        None => from,
    };
    (parts.next().is_none() && from <= to).then_some((from, to))
}

/// A whole number within `limits`, also with a unit behind it ("90 сек").
pub(crate) fn number(cell: &str, limits: std::ops::RangeInclusive<u16>, units: &[&str]) -> Option<u16> {
    let cell = cell.trim().to_lowercase();
    let bare = units.iter().find_map(|unit| cell.strip_suffix(unit)).unwrap_or(&cell);
    // Thousands may be set apart by a thin or a no-break space, plain by now.
    let bare = &bare.replace(' ', "");
    // Spreadsheets like to write whole numbers as "3,0".
    let bare = bare
        .strip_suffix(",0")
        .or_else(|| bare.strip_suffix(".0"))
        .unwrap_or(bare);
    bare.parse().ok().filter(|value| limits.contains(value))
}

const LEVELS: &[(&str, Level)] = &[
    ("beginner", Level::Beginner),
    ("новичок", Level::Beginner),
    ("начинающий", Level::Beginner),
    ("начальный", Level::Beginner),
    ("intermediate", Level::Intermediate),
    ("средний", Level::Intermediate),
    ("advanced", Level::Advanced),
    ("продвинутый", Level::Advanced),
    ("опытный", Level::Advanced),
];
const GOALS: &[(&str, Goal)] = &[
    ("fat loss", Goal::FatLoss),
    ("похудение", Goal::FatLoss),
    ("снижение веса", Goal::FatLoss),
    ("muscle", Goal::Muscle),
    ("масса", Goal::Muscle),
    ("мышцы", Goal::Muscle),
    ("набор массы", Goal::Muscle),
    ("strength", Goal::Strength),
    ("сила", Goal::Strength),
    ("health", Goal::Health),
    ("здоровье", Goal::Health),
];
const PLACES: &[(&str, Place)] = &[
    ("home", Place::Home),
    ("дом", Place::Home),
    ("дома", Place::Home),
    ("gym", Place::Gym),
    ("зал", Place::Gym),
    ("в зале", Place::Gym),
    ("тренажерный зал", Place::Gym),
];
const EQUIPMENT: &[(&str, Equipment)] = &[
    ("none", Equipment::None),
    ("нет", Equipment::None),
    ("без инвентаря", Equipment::None),
    ("basic", Equipment::Basic),
    ("базовый", Equipment::Basic),
    ("гантели и резинки", Equipment::Basic),
    ("гантели", Equipment::Basic),
    ("gym", Equipment::Gym),
    ("зал", Equipment::Gym),
    ("тренажеры", Equipment::Gym),
];
const AREAS: &[(&str, SparedArea)] = &[
    ("knees", SparedArea::Knees),
    ("колени", SparedArea::Knees),
    ("lower back", SparedArea::LowerBack),
    ("поясница", SparedArea::LowerBack),
    ("shoulders", SparedArea::Shoulders),
    ("плечи", SparedArea::Shoulders),
    ("neck", SparedArea::Neck),
    ("шея", SparedArea::Neck),
    ("wrists", SparedArea::Wrists),
    ("запястья", SparedArea::Wrists),
];

fn one<T: Copy>(cell: &str, words: &[(&str, T)]) -> Option<T> {
    let folded = fold(cell);
    words.iter().find(|(word, _)| *word == folded).map(|(_, value)| *value)
}

/// One or several values with `;`, sorted, without repeats.
pub(crate) fn several<T: Ord>(cell: &str, parse: impl Fn(&str) -> Option<T>) -> Option<Vec<T>> {
    let mut values = Vec::new();
    for part in cell
        .split([';', ',', '|', '/'])
        .map(str::trim)
        .filter(|part| !part.is_empty())
    {
        values.push(parse(part)?);
    }
    values.sort_unstable();
    values.dedup();
    (!values.is_empty()).then_some(values)
}

fn is_any(cell: &str) -> bool {
    matches!(fold(cell).as_str(), "any" | "all" | "любой" | "любая" | "все" | "всем")
}

pub(crate) fn levels(cell: &str) -> Option<Vec<Level>> {
    if is_any(cell) {
        Some(Level::ALL.to_vec())
    } else {
        several(cell, |part| one(part, LEVELS))
    }
}

pub(crate) fn goals(cell: &str) -> Option<Vec<Goal>> {
    if is_any(cell) {
        Some(Goal::ALL.to_vec())
    } else {
        several(cell, |part| one(part, GOALS))
    }
}

pub(crate) fn place(cell: &str) -> Option<Place> {
    one(cell, PLACES)
}

pub(crate) fn equipment(cell: &str) -> Option<Equipment> {
    one(cell, EQUIPMENT)
}

pub(crate) fn areas(cell: &str) -> Option<Vec<SparedArea>> {
    several(cell, |part| one(part, AREAS))
}

pub(crate) fn yes_or_no(cell: &str) -> Option<bool> {
    match fold(cell).as_str() {
        "yes" | "true" | "да" | "истина" | "x" | "х" | "1" => Some(true),
        "no" | "false" | "нет" | "ложь" | "0" | "" => Some(false),
        _ => None,
    }
}

pub(crate) fn https_url(cell: &str) -> Option<String> {
    const LONGEST: usize = 500;
    let ok = cell.len() <= LONGEST
        && cell.strip_prefix("https://").is_some_and(|rest| rest.contains('.'))
        && !cell.contains(|c: char| c.is_whitespace() || c.is_control() || matches!(c, '<' | '>' | '"'));
    ok.then(|| cell.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reps_are_counts_ranges_or_times() {
        for (cell, canonical) in [
            ("8", "8"),
            ("8-12", "8-12"),
            ("8 – 12", "8-12"),
            ("30 s", "30 s"),
            ("30 сек.", "30 s"),
            ("30-45 сек", "30-45 s"),
            ("2 min", "2 min"),
            ("12 повторений", "12"),
            ("8,0", "8"),
        ] {
            assert_eq!(Reps::parse(cell).unwrap().to_string(), canonical, "{cell}");
        }
        for cell in ["", "AMRAP", "12-8", "0", "8-12-15", "999", "1 s", "-8", "8.5", "восемь"] {
            assert_eq!(Reps::parse(cell), None, "{cell}");
        }
    }

    #[test]
    fn weeks_are_single_ranges_or_lists() {
        assert_eq!(Weeks::parse("1-3").unwrap().iter().collect::<Vec<_>>(), vec![1, 2, 3]);
        assert_eq!(
            Weeks::parse("4;8;12").unwrap().iter().collect::<Vec<_>>(),
            vec![4, 8, 12]
        );
        assert_eq!(
            Weeks::parse("1-2, 5").unwrap().iter().collect::<Vec<_>>(),
            vec![1, 2, 5]
        );
        for cell in ["0", "13", "1-13", "", ";", "3-1", "первая"] {
            assert_eq!(Weeks::parse(cell), None, "{cell}");
        }
    }

    #[test]
    fn russian_words_mean_the_same_as_the_keys() {
        assert_eq!(
            levels("Новичок; СРЕДНИЙ"),
            Some(vec![Level::Beginner, Level::Intermediate])
        );
        assert_eq!(goals("Сила"), Some(vec![Goal::Strength]));
        assert_eq!(goals("любая"), Some(Goal::ALL.to_vec()));
        assert_eq!(equipment("Гантели и резинки"), Some(Equipment::Basic));
        assert_eq!(number("90 сек", 0..=300, &["сек"]), Some(90));
        assert_eq!(number("3,0", 1..=10, &[]), Some(3));
    }
}
