//! Cards as a payer types them: checked, masked and never kept whole.

use serde::{Deserialize, Serialize};

/// What the form sends.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default)]
pub struct TypedCard {
    pub number: String,
    /// `MM/YY`.
    pub expiry: String,
    pub csc: String,
}

/// What is kept of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Card {
    pub first6: String,
    pub last4: String,
    pub expiry_month: String,
    /// Four digits.
    pub expiry_year: String,
    pub brand: String,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum CardError {
    #[error("card_number")]
    Number,
    #[error("card_expiry")]
    Expiry,
    #[error("card_csc")]
    Csc,
}

/// The digits of a typed number, whatever stands between them.
pub fn digits(number: &str) -> String {
    number.chars().filter(char::is_ascii_digit).collect()
}

fn passes_luhn(digits: &str) -> bool {
    let sum: u32 = digits
        .bytes()
        .rev()
        .enumerate()
        .map(|(place, byte)| {
            let digit = u32::from(byte.saturating_sub(b'0'));
            match place % 2 {
                0 => digit,
                _ if digit > 4 => digit * 2 - 9,
                _ => digit * 2,
            }
        })
        .sum();
    sum.is_multiple_of(10)
}

fn brand(digits: &str) -> &'static str {
    match digits.as_bytes() {
        [b'2', b'2', b'0', b'0'..=b'4', ..] => "Mir",
        [b'4', ..] => "Visa",
        [b'5', b'1'..=b'5', ..] => "MasterCard",
        [b'5' | b'6', ..] => "Maestro",
        _ => "Unknown",
    }
}

impl TypedCard {
    /// A slip of the fingers is shown beside its field; it is no attempt to pay.
    pub fn check(&self) -> Result<Card, CardError> {
        let number = digits(&self.number);
        if !(13..=19).contains(&number.len()) || !passes_luhn(&number) {
            return Err(CardError::Number);
        }
        let expiry = digits(&self.expiry);
        let (month, year) = expiry
            .split_at_checked(2)
            .filter(|(_, year)| year.len() == 2)
            .ok_or(CardError::Expiry)?;
        if !matches!(month.parse::<u8>(), Ok(1..=12)) {
            return Err(CardError::Expiry);
        }
        if !(3..=4).contains(&self.csc.len()) || digits(&self.csc) != self.csc {
            return Err(CardError::Csc);
        }
        let (_, last4) = number.split_at(number.len() - 4);
        let (first6, _) = number.split_at(6);
        Ok(Card {
            first6: first6.to_owned(),
            last4: last4.to_owned(),
            expiry_month: month.to_owned(),
            expiry_year: format!("20{year}"),
            brand: brand(&number).to_owned(),
        })
    }
}

impl Card {
    pub fn title(&self) -> String {
        format!("{} *{}", self.brand, self.last4)
    }

    /// `220138******0013`, as T-Bank writes it.
    pub fn mask(&self) -> String {
        format!("{}******{}", self.first6, self.last4)
    }

    /// `MMYY`.
    pub fn short_expiry(&self) -> String {
        format!("{}{}", self.expiry_month, self.expiry_year.get(2..).unwrap_or_default())
    }
}
