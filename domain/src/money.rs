//! Money: integer minor units with their currency. No floats, no silent overflow.
//!
//! Rounding happens in two places only: [`Money::percent`] and [`Money::from_decimal_rounded`], both half up
//! (docs/decisions/0008-money.md).

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::profile::coded_enum;

coded_enum! {
    /// ISO 4217 code.
    Currency {
        Rub => "RUB",
        Usd => "USD",
        Eur => "EUR",
        Kzt => "KZT",
        Jpy => "JPY",
        Kwd => "KWD",
        /// Telegram Stars; the code Telegram uses for them.
        Xtr => "XTR",
    }
}

impl Currency {
    /// Digits after the decimal point (ISO 4217).
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Jpy | Self::Xtr => 0,
            Self::Kwd => 3,
            Self::Rub | Self::Usd | Self::Eur | Self::Kzt => 2,
        }
    }

    const fn symbol(self) -> &'static str {
        match self {
            Self::Rub => "₽",
            Self::Usd => "$",
            Self::Eur => "€",
            Self::Kzt => "₸",
            Self::Jpy => "¥",
            Self::Kwd => "KWD",
            Self::Xtr => "⭐",
        }
    }

    const fn scale(self) -> i64 {
        10_i64.pow(self.decimals())
    }
}

/// Hundredths of a percent: 1500 is 15 %.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct BasisPoints(u16);

impl BasisPoints {
    pub const HUNDRED_PERCENT: Self = Self(10_000);

    /// `None` above 100 %.
    pub const fn new(value: u16) -> Option<Self> {
        if value <= Self::HUNDRED_PERCENT.0 {
            Some(Self(value))
        } else {
            None
        }
    }

    pub const fn value(self) -> u16 {
        self.0
    }

    /// "15 %" or "12,5 %" as its language writes it.
    pub fn format(self, language: Language) -> String {
        let (whole, fraction) = (self.0 / 100, self.0 % 100);
        let point = match language {
            Language::Ru => ',',
            Language::En => '.',
        };
        let fraction = match fraction {
            0 => String::new(),
            tenths if tenths.is_multiple_of(10) => format!("{point}{}", tenths / 10),
            hundredths => format!("{point}{hundredths:02}"),
        };
        match language {
            Language::Ru => format!("{whole}{fraction}\u{a0}%"),
            Language::En => format!("{whole}{fraction}%"),
        }
    }
}

impl<'de> Deserialize<'de> for BasisPoints {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        Self::new(u16::deserialize(deserializer)?)
            .ok_or_else(|| serde::de::Error::custom("more than 100 %: 10000 basis points at most"))
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum MoneyError {
    #[error("{left} and {right} don't add up: two currencies")]
    TwoCurrencies { left: Currency, right: Currency },
    #[error("an amount is too large to be counted")]
    Overflow,
    #[error("nothing to split by: no weights, or only zeros")]
    NoWeights,
    #[error("not an amount in {0}")]
    NotAnAmount(Currency),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Money {
    /// Minor units of `currency`.
    #[serde(rename = "amount_minor")]
    pub minor: i64,
    pub currency: Currency,
}

impl Money {
    pub const fn new(minor: i64, currency: Currency) -> Self {
        Self { minor, currency }
    }

    pub const fn zero(currency: Currency) -> Self {
        Self::new(0, currency)
    }

    pub const fn is_zero(self) -> bool {
        self.minor == 0
    }

    pub const fn is_positive(self) -> bool {
        self.minor > 0
    }

    /// Errors: [`MoneyError::TwoCurrencies`], [`MoneyError::Overflow`].
    pub fn checked_add(self, other: Self) -> Result<Self, MoneyError> {
        let minor = self.minor_of(other)?;
        let sum = self.minor.checked_add(minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(sum, self.currency))
    }

    /// Errors: [`MoneyError::TwoCurrencies`], [`MoneyError::Overflow`].
    pub fn checked_sub(self, other: Self) -> Result<Self, MoneyError> {
        let minor = self.minor_of(other)?;
        let difference = self.minor.checked_sub(minor).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(difference, self.currency))
    }

    /// Errors: [`MoneyError::Overflow`].
    pub fn checked_times(self, count: u32) -> Result<Self, MoneyError> {
        let product = self.minor.checked_mul(i64::from(count)).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(product, self.currency))
    }

    /// The smaller of two amounts of one currency.
    pub fn at_most(self, other: Self) -> Result<Self, MoneyError> {
        let minor = self.minor_of(other)?;
        Ok(Self::new(self.minor.min(minor), self.currency))
    }

    /// Sums up; nothing is zero.
    pub fn sum(currency: Currency, amounts: impl IntoIterator<Item = Self>) -> Result<Self, MoneyError> {
        amounts.into_iter().try_fold(Self::zero(currency), Self::checked_add)
    }

    fn minor_of(self, other: Self) -> Result<i64, MoneyError> {
        if self.currency == other.currency {
            Ok(other.minor)
        } else {
            Err(MoneyError::TwoCurrencies {
                left: self.currency,
                right: other.currency,
            })
        }
    }

    /// A share of the amount, half up (away from zero for debts): 10 % of 99.99 is 10.00, 33 % of 0.01 is 0.00.
    pub fn percent(self, share: BasisPoints) -> Self {
        let product = i128::from(self.minor) * i128::from(share.value());
        let half = i128::from(BasisPoints::HUNDRED_PERCENT.value() / 2);
        let rounded = (product.abs() + half) / i128::from(BasisPoints::HUNDRED_PERCENT.value()) * product.signum();
        // A share of at most 100 % is never larger than the amount itself.
        Self::new(i64::try_from(rounded).unwrap_or(self.minor), self.currency)
    }

    /// Splits over `weights` without losing a minor unit: largest remainder, ties to the left.
    ///
    /// Shapes: one part per weight, order kept. Errors: [`MoneyError::NoWeights`].
    pub fn split(self, weights: &[u64]) -> Result<Vec<Self>, MoneyError> {
        let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
        if total == 0 {
            return Err(MoneyError::NoWeights);
        }
        let magnitude = u128::from(self.minor.unsigned_abs());
        let mut parts: Vec<u128> = Vec::with_capacity(weights.len());
        let mut remainders: Vec<(usize, u128)> = Vec::with_capacity(weights.len());
        for (index, weight) in weights.iter().enumerate() {
            let product = magnitude * u128::from(*weight);
            parts.push(product / total);
            remainders.push((index, product % total));
        }
        let given: u128 = parts.iter().sum();
        remainders.sort_by(|left, right| right.1.cmp(&left.1).then(left.0.cmp(&right.0)));
        let missing = usize::try_from(magnitude - given).map_err(|_| MoneyError::Overflow)?;
        for (index, _) in remainders.into_iter().take(missing) {
            if let Some(part) = parts.get_mut(index) {
                *part += 1;
            }
        }
        let sign = i128::from(self.minor.signum());
        parts
            .into_iter()
            .map(|part| {
                let minor = i128::try_from(part).map_err(|_| MoneyError::Overflow)? * sign;
                let minor = i64::try_from(minor).map_err(|_| MoneyError::Overflow)?;
                Ok(Self::new(minor, self.currency))
            })
            .collect()
    }

    /// Equal parts, the first ones a minor unit larger: 100.00 among 3 is 33.34, 33.33, 33.33.
    pub fn split_evenly(self, parts: usize) -> Result<Vec<Self>, MoneyError> {
        self.split(&vec![1; parts])
    }

    /// As providers write it: `"4990.00"` for roubles, `"1500"` for yen. Never a thousands separator.
    pub fn to_decimal(self) -> String {
        let scale = self.currency.scale().unsigned_abs();
        let sign = if self.minor < 0 { "-" } else { "" };
        let magnitude = self.minor.unsigned_abs();
        match self.currency.decimals() as usize {
            0 => format!("{sign}{magnitude}"),
            width => format!("{sign}{}.{:0width$}", magnitude / scale, magnitude % scale),
        }
    }

    /// Reads what [`Self::to_decimal`] writes; `"2"` and `"2.0"` are fine, a fraction finer than the currency's is not.
    pub fn from_decimal(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (minor, rest) = read_decimal(text, currency)?;
        if rest.bytes().any(|digit| digit != b'0') {
            return Err(MoneyError::NotAnAmount(currency));
        }
        Ok(Self::new(minor, currency))
    }

    /// As [`Self::from_decimal`], but rounds a finer fraction half up: `"1.005"` is 1.01.
    pub fn from_decimal_rounded(text: &str, currency: Currency) -> Result<Self, MoneyError> {
        let (minor, rest) = read_decimal(text, currency)?;
        let up = i64::from(rest.bytes().next().is_some_and(|digit| digit >= b'5'));
        let step = if text.starts_with('-') { -up } else { up };
        let minor = minor.checked_add(step).ok_or(MoneyError::Overflow)?;
        Ok(Self::new(minor, currency))
    }

    /// "12 900 ₽", "12 900,50 ₽" or "₽12,900.50": whole units lose their zero fraction, nothing is rounded.
    pub fn format(self, language: Language) -> String {
        let scale = 10_u64.pow(self.currency.decimals());
        let magnitude = self.minor.unsigned_abs();
        let (whole, fraction) = (magnitude / scale, magnitude % scale);
        let (separator, point) = match language {
            Language::Ru => ('\u{a0}', ','),
            Language::En => (',', '.'),
        };
        let mut text = String::new();
        let digits = whole.to_string();
        for (index, digit) in digits.chars().enumerate() {
            if index > 0 && (digits.len() - index).is_multiple_of(3) {
                text.push(separator);
            }
            text.push(digit);
        }
        if fraction > 0 {
            text.push(point);
            text.push_str(&format!(
                "{fraction:0width$}",
                width = self.currency.decimals() as usize
            ));
        }
        let sign = if self.minor < 0 { "−" } else { "" };
        match language {
            Language::Ru => format!("{sign}{text}\u{a0}{}", self.currency.symbol()),
            Language::En => format!("{sign}{}{text}", self.currency.symbol()),
        }
    }
}

/// Minor units, and the digits beyond them.
fn read_decimal(text: &str, currency: Currency) -> Result<(i64, &str), MoneyError> {
    let wrong = MoneyError::NotAnAmount(currency);
    let digits = text.strip_prefix('-').unwrap_or(text);
    let (whole, fraction) = digits.split_once('.').unwrap_or((digits, ""));
    let is_number = |part: &str| part.bytes().all(|byte| byte.is_ascii_digit());
    if whole.is_empty() || !is_number(whole) || !is_number(fraction) || digits.ends_with('.') {
        return Err(wrong);
    }
    let places = currency.decimals() as usize;
    let (kept, rest) = fraction.split_at(fraction.len().min(places));
    let padded = format!("{whole}{kept:0<places$}");
    let magnitude: i64 = padded.parse().map_err(|_| MoneyError::Overflow)?;
    Ok((if text.starts_with('-') { -magnitude } else { magnitude }, rest))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn rub(minor: i64) -> Money {
        Money::new(minor, Currency::Rub)
    }

    #[test]
    fn shares_are_rounded_half_up() {
        let percent = |minor, share| rub(minor).percent(BasisPoints::new(share).unwrap()).minor;
        assert_eq!(percent(9_999, 1_000), 1_000, "10 % of 99.99");
        assert_eq!(percent(1, 3_300), 0, "33 % of 0.01");
        assert_eq!(percent(1, 5_000), 1, "half of 0.01");
        assert_eq!(percent(-9_999, 1_000), -1_000);
        assert_eq!(percent(i64::MAX, 10_000), i64::MAX);
        assert_eq!(BasisPoints::new(10_001), None);
    }

    #[test]
    fn a_split_loses_nothing_and_its_order_is_stable() {
        let parts = |total: i64, count| -> Vec<i64> {
            rub(total)
                .split_evenly(count)
                .unwrap()
                .into_iter()
                .map(|part| part.minor)
                .collect()
        };
        assert_eq!(parts(10_000, 3), [3_334, 3_333, 3_333]);
        assert_eq!(parts(-10_000, 3), [-3_334, -3_333, -3_333]);
        assert_eq!(parts(100_000, 31).iter().sum::<i64>(), 100_000, "1000.00 over 31 days");
        assert_eq!(rub(100).split(&[]), Err(MoneyError::NoWeights));
        assert_eq!(rub(100).split(&[0, 0]), Err(MoneyError::NoWeights));
    }

    #[test]
    fn two_currencies_never_meet() {
        let euro = Money::new(1, Currency::Eur);
        assert!(matches!(
            rub(1).checked_add(euro),
            Err(MoneyError::TwoCurrencies { .. })
        ));
        assert!(matches!(
            rub(1).checked_sub(euro),
            Err(MoneyError::TwoCurrencies { .. })
        ));
        assert!(matches!(rub(1).at_most(euro), Err(MoneyError::TwoCurrencies { .. })));
        assert_eq!(rub(i64::MAX).checked_add(rub(1)), Err(MoneyError::Overflow));
    }

    #[test]
    fn decimals_are_each_currencys_own() {
        assert_eq!(rub(10_000).to_decimal(), "100.00");
        assert_eq!(rub(-5).to_decimal(), "-0.05");
        assert_eq!(Money::new(100, Currency::Jpy).to_decimal(), "100");
        assert_eq!(Money::new(1_500, Currency::Kwd).to_decimal(), "1.500");
        assert_eq!(Money::from_decimal("2", Currency::Rub), Ok(rub(200)));
        assert_eq!(Money::from_decimal("2.0", Currency::Rub), Ok(rub(200)));
        assert_eq!(Money::from_decimal("1.500", Currency::Rub), Ok(rub(150)));
        assert_eq!(Money::from_decimal_rounded("1.005", Currency::Rub), Ok(rub(101)));
        assert_eq!(Money::from_decimal_rounded("-1.005", Currency::Rub), Ok(rub(-101)));
        for wrong in [
            "",
            ".",
            "1.",
            ".5",
            "1,5",
            "1e3",
            " 1",
            "+1",
            "1.005",
            "١",
            "99999999999999999999",
        ] {
            assert!(Money::from_decimal(wrong, Currency::Rub).is_err(), "{wrong:?}");
        }
    }

    #[test]
    fn a_percentage_reads_as_its_language_writes_it() {
        let share = |value| BasisPoints::new(value).unwrap();
        assert_eq!(share(1_500).format(Language::Ru), "15\u{a0}%");
        assert_eq!(share(1_250).format(Language::Ru), "12,5\u{a0}%");
        assert_eq!(share(1_255).format(Language::En), "12.55%");
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(minor: i64, index in 0..Currency::ALL.len()) {
            let money = Money::new(minor.max(-i64::MAX), Currency::ALL[index]);
            prop_assert_eq!(Money::from_decimal(&money.to_decimal(), money.currency), Ok(money));
        }

        /// A client that forgets or adds a factor of a hundred can't agree with the wire.
        #[test]
        fn a_hundredfold_is_another_amount(minor in 1_i64..1_000_000_000_000) {
            prop_assert_ne!(rub(minor).to_decimal(), rub(minor * 100).to_decimal());
            let digits = rub(minor).to_decimal().replace('.', "");
            prop_assert_eq!(digits.trim_start_matches('0'), minor.to_string());
        }

        #[test]
        fn parts_add_up_and_are_fair(minor: i64, weights in prop::collection::vec(0_u64..1_000_000, 1..40)) {
            prop_assume!(weights.iter().any(|weight| *weight > 0));
            let parts = rub(minor).split(&weights).unwrap();
            prop_assert_eq!(parts.iter().map(|part| i128::from(part.minor)).sum::<i128>(), i128::from(minor));
            let total: u128 = weights.iter().map(|weight| u128::from(*weight)).sum();
            for (part, weight) in parts.iter().zip(&weights) {
                let exact = i128::from(minor) * i128::from(*weight);
                let given = i128::from(part.minor) * i128::try_from(total).unwrap();
                prop_assert!((exact - given).unsigned_abs() < total, "each part is within a minor unit of its share");
            }
        }
    }

    #[test]
    fn money_reads_as_its_language_writes_it() {
        let price = Money::new(1_290_000, Currency::Rub);
        assert_eq!(price.format(Language::Ru), "12\u{a0}900\u{a0}₽");
        assert_eq!(price.format(Language::En), "₽12,900");
        assert_eq!(Money::new(-5, Currency::Rub).format(Language::Ru), "−0,05\u{a0}₽");
        assert_eq!(Money::new(1_234, Currency::Jpy).format(Language::En), "¥1,234");
        assert_eq!(Money::new(1_500, Currency::Kwd).format(Language::Ru), "1,500\u{a0}KWD");
    }
}
