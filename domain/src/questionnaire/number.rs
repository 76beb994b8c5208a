//! Numbers as people type them: "72 кг", "72,5", "175см", "1,75 м".

use super::{NumberKind, Refusal, Unit};
use crate::language::Language;
use crate::plural;

impl NumberKind {
    pub(super) fn check(&self, tenths: i64) -> Result<i64, Refusal> {
        if !self.allows_fraction && tenths % 10 != 0 {
            return Err(Refusal::NotWhole);
        }
        if !(self.min_tenths..=self.max_tenths).contains(&tenths) {
            return Err(Refusal::OutOfRange {
                min_tenths: self.min_tenths,
                max_tenths: self.max_tenths,
            });
        }
        Ok(tenths)
    }

    pub(super) fn parse(&self, text: &str) -> Result<i64, Refusal> {
        let text = text.trim().replace(['\u{a0}', '\u{202f}'], " ").to_lowercase();
        let text = text.trim_start_matches(['~', '≈']).trim_start();
        let split = text
            .find(|c: char| !(c.is_ascii_digit() || matches!(c, '.' | ',' | '-' | '+' | '−')))
            .unwrap_or(text.len());
        let (digits, suffix) = text.split_at(split);
        let suffix = suffix.trim().trim_end_matches('.');
        let hundredths = parse_hundredths(digits).ok_or(Refusal::NotANumber)?;
        let is_metres = self.unit == Unit::Centimetres
            && (matches!(suffix, "м" | "m" | "метр" | "метра")
                || (suffix.is_empty() && (50..=272).contains(&hundredths) && digits.contains(['.', ','])));
        let tenths = if is_metres {
            hundredths.checked_mul(10).ok_or(Refusal::NotANumber)?
        } else {
            if !self.unit.knows_suffix(suffix) {
                return Err(Refusal::NotANumber);
            }
            // A second digit after the point is below what is kept; "72,55" is more exact than a bathroom scale.
            hundredths / 10
        };
        self.check(tenths)
    }

    pub(super) fn describe(&self, tenths: i64, language: Language) -> String {
        let number = format_tenths(tenths, language);
        let whole = u64::try_from(tenths / 10).unwrap_or_default();
        match (self.unit, language) {
            (Unit::Years, Language::Ru) => format!("{number} {}", plural::russian(whole, "год", "года", "лет")),
            (Unit::Years, Language::En) => format!("{number} {}", plural::english(whole, "year", "years")),
            (Unit::Centimetres, Language::Ru) => format!("{number} см"),
            (Unit::Centimetres, Language::En) => format!("{number} cm"),
            (Unit::Kilograms, Language::Ru) => format!("{number} кг"),
            (Unit::Kilograms, Language::En) => format!("{number} kg"),
            (Unit::None, _) => number,
        }
    }
}

impl Unit {
    fn knows_suffix(self, suffix: &str) -> bool {
        let known: &[&str] = match self {
            Self::Years => &[
                "",
                "год",
                "года",
                "лет",
                "г",
                "л",
                "years",
                "year",
                "y",
                "yo",
                "years old",
            ],
            Self::Centimetres => &[
                "",
                "см",
                "cm",
                "сантиметров",
                "сантиметра",
                "сантиметр",
                "centimetres",
                "centimeters",
            ],
            Self::Kilograms => &["", "кг", "kg", "kgs", "килограмм", "килограммов", "килограмма", "кило"],
            Self::None => &[""],
        };
        known.contains(&suffix)
    }
}

/// "72,5" → 7250. At most two digits after the point, one point, optional sign.
fn parse_hundredths(digits: &str) -> Option<i64> {
    let digits = digits.trim_end_matches(['.', ',']);
    let (is_negative, digits) = match digits.strip_prefix(['-', '−']) {
        Some(rest) => (true, rest),
        None => (false, digits.strip_prefix('+').unwrap_or(digits)),
    };
    let (whole, fraction) = digits.split_once(['.', ',']).unwrap_or((digits, ""));
    let is_number = !whole.is_empty()
        && whole.len() <= 6
        && fraction.len() <= 2
        && whole.bytes().chain(fraction.bytes()).all(|byte| byte.is_ascii_digit());
    if !is_number {
        return None;
    }
    let whole: i64 = whole.parse().ok()?;
    let fraction: i64 = format!("{fraction:0<2}").parse().ok()?;
    let hundredths = whole * 100 + fraction;
    Some(if is_negative { -hundredths } else { hundredths })
}

/// "72,5", "72.5", "72".
pub fn format_tenths(tenths: i64, language: Language) -> String {
    let (whole, fraction) = (tenths / 10, (tenths % 10).abs());
    let point = match language {
        Language::Ru => ',',
        Language::En => '.',
    };
    if fraction == 0 {
        whole.to_string()
    } else {
        format!("{whole}{point}{fraction}")
    }
}
