//! Promo codes: what they take off, and each reason why one can't be used.

use serde::{Deserialize, Serialize};

use crate::ids::{ClientId, ProductId, PromoCodeId};
use crate::money::{BasisPoints, Money};
use crate::time::Timestamp;

/// What a discount takes off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Discount {
    Percent { basis_points: BasisPoints },
    Sum { amount: Money },
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromoCode {
    pub id: PromoCodeId,
    /// As [`normalize`] writes it.
    pub code: String,
    pub discount: Discount,
    /// From this instant on.
    pub starts_at: Option<Timestamp>,
    /// Up to, but not including, this instant.
    pub ends_at: Option<Timestamp>,
    pub total_limit: Option<u32>,
    pub per_client_limit: Option<u32>,
    pub is_first_order_only: bool,
    /// Empty: for everything.
    pub products: Vec<ProductId>,
    /// Empty: for everybody.
    pub clients: Vec<ClientId>,
    /// Of what the code applies to, before discounts.
    pub minimum: Option<Money>,
    pub is_active: bool,
}

/// What has happened with a code so far. A use is counted from the order's reservation on.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct PromoUse {
    pub total: u32,
    pub by_client: u32,
    /// The client's orders that were paid before.
    pub paid_orders: u32,
}

/// Why a code is not taken; each is a sentence of its own for the person who typed it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum PromoRefusal {
    Unknown,
    /// It was given to somebody else by name.
    OtherClient,
    Deactivated,
    NotYetValid {
        starts_at: Timestamp,
    },
    Expired {
        ended_at: Timestamp,
    },
    UsedUp,
    UsedByClient,
    NotFirstOrder,
    OtherProduct,
    BelowMinimum {
        minimum: Money,
    },
    OtherCurrency,
}

impl PromoRefusal {
    /// The stable code of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Unknown => "promo_unknown",
            Self::OtherClient => "promo_other_client",
            Self::Deactivated => "promo_deactivated",
            Self::NotYetValid { .. } => "promo_not_yet_valid",
            Self::Expired { .. } => "promo_expired",
            Self::UsedUp => "promo_used_up",
            Self::UsedByClient => "promo_used_by_client",
            Self::NotFirstOrder => "promo_first_order_only",
            Self::OtherProduct => "promo_other_product",
            Self::BelowMinimum { .. } => "promo_below_minimum",
            Self::OtherCurrency => "promo_other_currency",
        }
    }
}

/// A code as it is compared: people type spaces, small letters and Cyrillic letters that look Latin.
pub fn normalize(typed: &str) -> String {
    typed
        .chars()
        .filter(|character| !character.is_whitespace() && !matches!(character, '\u{200b}' | '\u{feff}'))
        .flat_map(char::to_uppercase)
        .map(|character| match character {
            'А' => 'A',
            'В' => 'B',
            'Е' => 'E',
            'К' => 'K',
            'М' => 'M',
            'Н' => 'H',
            'О' => 'O',
            'Р' => 'P',
            'С' => 'C',
            'Т' => 'T',
            'У' => 'Y',
            'Х' => 'X',
            other => other,
        })
        .collect()
}

impl PromoCode {
    /// Whether the code may be used at `now` by `client`, money aside.
    pub fn check(&self, client: Option<&ClientId>, used: PromoUse, now: Timestamp) -> Result<(), PromoRefusal> {
        if !self.clients.is_empty() && !client.is_some_and(|client| self.clients.contains(client)) {
            return Err(PromoRefusal::OtherClient);
        }
        if !self.is_active {
            return Err(PromoRefusal::Deactivated);
        }
        if let Some(starts_at) = self.starts_at.filter(|starts_at| now < *starts_at) {
            return Err(PromoRefusal::NotYetValid { starts_at });
        }
        if let Some(ended_at) = self.ends_at.filter(|ends_at| now >= *ends_at) {
            return Err(PromoRefusal::Expired { ended_at });
        }
        if self.total_limit.is_some_and(|limit| used.total >= limit) {
            return Err(PromoRefusal::UsedUp);
        }
        if self.per_client_limit.is_some_and(|limit| used.by_client >= limit) {
            return Err(PromoRefusal::UsedByClient);
        }
        if self.is_first_order_only && used.paid_orders > 0 {
            return Err(PromoRefusal::NotFirstOrder);
        }
        Ok(())
    }

    pub fn applies_to(&self, product: &ProductId) -> bool {
        self.products.is_empty() || self.products.contains(product)
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::ids::Id;

    pub(crate) fn a_code(discount: Discount) -> PromoCode {
        PromoCode {
            id: PromoCodeId::from_parts(1, [1; 10]),
            code: "START".into(),
            discount,
            starts_at: None,
            ends_at: None,
            total_limit: None,
            per_client_limit: None,
            is_first_order_only: false,
            products: Vec::new(),
            clients: Vec::new(),
            minimum: None,
            is_active: true,
        }
    }

    pub(crate) fn percent(basis_points: u16) -> Discount {
        Discount::Percent {
            basis_points: BasisPoints::new(basis_points).unwrap(),
        }
    }

    #[test]
    fn every_reason_has_its_own_name() {
        let now = Timestamp::from_millis(1_000);
        let client = ClientId::from_parts(1, [1; 10]);
        let plain = a_code(percent(1_000));
        let used = |total, by_client, paid_orders| PromoUse {
            total,
            by_client,
            paid_orders,
        };
        let check = |code: &PromoCode, used: PromoUse| code.check(Some(&client), used, now).err().map(|why| why.code());
        assert_eq!(check(&plain, used(9, 9, 9)), None);
        let cases = [
            (
                PromoCode {
                    is_active: false,
                    ..plain.clone()
                },
                used(0, 0, 0),
                "promo_deactivated",
            ),
            (
                PromoCode {
                    starts_at: Some(now.plus_millis(1)),
                    ..plain.clone()
                },
                used(0, 0, 0),
                "promo_not_yet_valid",
            ),
            (
                PromoCode {
                    ends_at: Some(now),
                    ..plain.clone()
                },
                used(0, 0, 0),
                "promo_expired",
            ),
            (
                PromoCode {
                    total_limit: Some(2),
                    ..plain.clone()
                },
                used(2, 0, 0),
                "promo_used_up",
            ),
            (
                PromoCode {
                    per_client_limit: Some(1),
                    ..plain.clone()
                },
                used(1, 1, 0),
                "promo_used_by_client",
            ),
            (
                PromoCode {
                    is_first_order_only: true,
                    ..plain.clone()
                },
                used(0, 0, 1),
                "promo_first_order_only",
            ),
            (
                PromoCode {
                    clients: vec![ClientId::from_parts(2, [2; 10])],
                    ..plain.clone()
                },
                used(0, 0, 0),
                "promo_other_client",
            ),
        ];
        for (code, used, expected) in cases {
            assert_eq!(check(&code, used), Some(expected));
        }
        let open = PromoCode {
            starts_at: Some(now),
            ends_at: Some(now.plus_millis(1)),
            ..plain
        };
        assert_eq!(
            check(&open, used(0, 0, 0)),
            None,
            "valid from its first instant to its last"
        );
    }

    #[test]
    fn a_code_is_found_however_it_was_typed() {
        for typed in ["START", " start ", "s t a r t", "START\u{a0}", "\u{feff}Start"] {
            assert_eq!(normalize(typed), "START", "{typed}");
        }
        assert_eq!(
            normalize("тест"),
            normalize("TECT"),
            "look-alike letters are one letter"
        );
        assert_eq!(normalize("Скидка"), normalize("СКИДКА"));
    }
}
