//! Money: integer minor units with their currency. No floats, no silent overflow.

use serde::{Deserialize, Serialize};

use crate::language::Language;
use crate::profile::coded_enum;

coded_enum! {
    /// ISO 4217 code.
    Currency { Rub => "RUB", Usd => "USD", Eur => "EUR", Kzt => "KZT", Jpy => "JPY", Kwd => "KWD" }
}

impl Currency {
    /// Digits after the decimal point (ISO 4217).
    pub const fn decimals(self) -> u32 {
        match self {
            Self::Jpy => 0,
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
        }
    }
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

#[cfg(test)]
mod tests {
    use super::*;

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
