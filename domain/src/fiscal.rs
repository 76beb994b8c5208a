//! What a cash register writes on a receipt (54-FZ).

use serde::{Deserialize, Serialize};

/// Longer numbers are nobody's: a storage has sixteen digits, the others ten at most.
const MAX_DIGITS: usize = 20;

/// The three numbers by which anybody finds a receipt at the tax office, each of digits.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FiscalNumbers {
    /// Of the fiscal storage in the register (ФН).
    pub storage: String,
    /// Of the document in it (ФД).
    pub document: String,
    /// The fiscal sign of the document (ФП).
    pub attribute: String,
}

impl FiscalNumbers {
    /// `None`: one of them is no number.
    pub fn new(storage: &str, document: &str, attribute: &str) -> Option<Self> {
        let is_number =
            |text: &str| (1..=MAX_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
        [storage, document, attribute].into_iter().all(is_number).then(|| Self {
            storage: storage.to_owned(),
            document: document.to_owned(),
            attribute: attribute.to_owned(),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_digits_are_numbers() {
        assert!(FiscalNumbers::new("9288000100115785", "118", "173423614").is_some());
        for wrong in ["", "-1", "1.0", "12a", "<b>", "123456789012345678901"] {
            assert_eq!(FiscalNumbers::new("9288000100115785", wrong, "1"), None, "{wrong}");
        }
    }
}
