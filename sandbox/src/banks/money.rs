//! Kopecks, and their two spellings.

/// `"4990.00"` → 499000. At most two digits after the dot; `None` for anything else, negative sums included.
pub fn from_decimal(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "00"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if !digits(whole) || !digits(fraction) || fraction.len() > 2 {
        return None;
    }
    let hundredths: i64 = fraction.parse().ok()?;
    let hundredths = if fraction.len() == 1 {
        hundredths * 10
    } else {
        hundredths
    };
    whole.parse::<i64>().ok()?.checked_mul(100)?.checked_add(hundredths)
}

/// 499000 → `"4990.00"`.
pub fn to_decimal(kopecks: i64) -> String {
    let sign = if kopecks < 0 { "-" } else { "" };
    let kopecks = kopecks.unsigned_abs();
    format!("{sign}{}.{:02}", kopecks / 100, kopecks % 100)
}

/// A quantity in thousandths: `"1.5"` → 1500. At most three digits after the dot.
pub fn thousandths(text: &str) -> Option<i64> {
    let (whole, fraction) = text.split_once('.').unwrap_or((text, "0"));
    let digits = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    let fraction = fraction.trim_end_matches('0');
    if !digits(whole) || !(fraction.is_empty() || digits(fraction)) || fraction.len() > 3 {
        return None;
    }
    let part: i64 = format!("{fraction:0<3}").parse().ok()?;
    whole.parse::<i64>().ok()?.checked_mul(1000)?.checked_add(part)
}

/// The line total of `quantity` thousandths at `price`, half away from zero.
pub fn line_total(price: i64, quantity: i64) -> Option<i64> {
    let product = i128::from(price).checked_mul(i128::from(quantity))?;
    i64::try_from((product + 500).div_euclid(1000)).ok()
}

/// `basis_points` of `amount`, half up: a commission.
pub fn share(amount: i64, basis_points: i64) -> i64 {
    i64::try_from((i128::from(amount) * i128::from(basis_points) + 5000).div_euclid(10_000)).unwrap_or(amount)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn spellings_that_are_no_amount() {
        for text in [
            "",
            ".",
            "1.",
            ".5",
            "1.005",
            "-1.00",
            "1,00",
            "1e2",
            "1 000.00",
            "９.00",
            "99999999999999999999",
        ] {
            assert_eq!(from_decimal(text), None, "{text}");
        }
        assert_eq!(from_decimal("2"), Some(200));
        assert_eq!(from_decimal("2.0"), Some(200));
        assert_eq!(thousandths("1.0001"), None);
        assert_eq!(thousandths("1.50000"), Some(1500));
    }

    #[test]
    fn lines_are_rounded_half_away_from_zero() {
        assert_eq!(line_total(33_33, 1500), Some(50_00));
        assert_eq!(line_total(1, 500), Some(1));
        assert_eq!(line_total(1, 499), Some(0));
    }

    proptest! {
        #[test]
        fn both_spellings_say_the_same(kopecks in 0_i64..1_000_000_000_000) {
            prop_assert_eq!(from_decimal(&to_decimal(kopecks)), Some(kopecks));
        }
    }
}
