//! What the buttons of a purchase carry.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::dialogue::actions::short_code;
use crate::ids::{Id, OrderId, ProductId, SavedMethodId};

/// A button has room for so many.
pub const MAX_ADDONS: usize = 3;
const MAX_QUANTITY: u32 = 120;

/// What is being bought. Products go by the [`short_code`] of their ids: a button has 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    pub product: String,
    /// Months for what is sold by the month; 0: not chosen yet.
    pub quantity: u32,
    #[serde(default)]
    pub addons: Vec<String>,
}

/// The typed words that are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaiting {
    Promo,
    Contact,
}

/// What a button of a purchase does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into the basket: the package and the add-ons may still have to be chosen.
    Pick(Basket),
    /// Nothing more: show the order.
    Card(Basket),
    EnterPromo(Basket),
    EnterContact(Basket),
    /// Agreed at this total, in minor units.
    Pay {
        basket: Basket,
        total: i64,
    },
    /// The link to the payment, new or once more.
    Link(OrderId),
    /// Through this provider.
    Via {
        order: OrderId,
        provider: String,
    },
    /// "I have paid".
    Check(OrderId),
    Purchases,
    Order(OrderId),
    Cancel(OrderId),
    Refund(OrderId),
    RefundYes(OrderId),
    /// The saved cards.
    Methods,
    ForgetMethod(SavedMethodId),
}

impl Basket {
    pub fn of(product: &ProductId, quantity: u32) -> Self {
        Self {
            product: short_code(product.as_str()),
            quantity,
            addons: Vec::new(),
        }
    }

    #[must_use]
    pub fn with_addon(&self, addon: &str) -> Self {
        let mut basket = self.clone();
        if !basket.addons.iter().any(|known| known == addon) {
            basket.addons.push(addon.to_owned());
        }
        basket
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let code = |part: &str| {
            (part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| part.to_owned())
        };
        let product = code(parts.next()?)?;
        let quantity = parts
            .next()?
            .parse()
            .ok()
            .filter(|quantity| *quantity <= MAX_QUANTITY)?;
        let addons: Vec<String> = parts.map(code).collect::<Option<_>>()?;
        (addons.len() <= MAX_ADDONS).then_some(Self {
            product,
            quantity,
            addons,
        })
    }
}

impl fmt::Display for Basket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.product, self.quantity)?;
        self.addons.iter().try_for_each(|addon| write!(f, ".{addon}"))
    }
}

impl Step {
    pub(in crate::dialogue) fn parse(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["bp", basket] => Self::Pick(Basket::parse(basket)?),
            ["bc", basket] => Self::Card(Basket::parse(basket)?),
            ["bo", basket] => Self::EnterPromo(Basket::parse(basket)?),
            ["be", basket] => Self::EnterContact(Basket::parse(basket)?),
            ["by", basket, total] => Self::Pay {
                basket: Basket::parse(basket)?,
                total: total.parse().ok()?,
            },
            ["bl", order] => Self::Link(OrderId::parse(order)?),
            ["bv", order, provider] => Self::Via {
                order: OrderId::parse(order)?,
                provider: (*provider).to_owned(),
            },
            ["bk", order] => Self::Check(OrderId::parse(order)?),
            ["buys"] => Self::Purchases,
            ["bi", order] => Self::Order(OrderId::parse(order)?),
            ["bx", order] => Self::Cancel(OrderId::parse(order)?),
            ["br", order] => Self::Refund(OrderId::parse(order)?),
            ["br", order, "yes"] => Self::RefundYes(OrderId::parse(order)?),
            ["cards"] => Self::Methods,
            ["cf", method] => Self::ForgetMethod(SavedMethodId::parse(method)?),
            _ => return None,
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pick(basket) => write!(f, "bp:{basket}"),
            Self::Card(basket) => write!(f, "bc:{basket}"),
            Self::EnterPromo(basket) => write!(f, "bo:{basket}"),
            Self::EnterContact(basket) => write!(f, "be:{basket}"),
            Self::Pay { basket, total } => write!(f, "by:{basket}:{total}"),
            Self::Link(order) => write!(f, "bl:{order}"),
            Self::Via { order, provider } => write!(f, "bv:{order}:{provider}"),
            Self::Check(order) => write!(f, "bk:{order}"),
            Self::Purchases => f.write_str("buys"),
            Self::Order(order) => write!(f, "bi:{order}"),
            Self::Cancel(order) => write!(f, "bx:{order}"),
            Self::Refund(order) => write!(f, "br:{order}"),
            Self::RefundYes(order) => write!(f, "br:{order}:yes"),
            Self::Methods => f.write_str("cards"),
            Self::ForgetMethod(method) => write!(f, "cf:{method}"),
        }
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::dialogue::actions::Action;

    #[test]
    fn foreign_and_broken_baskets_are_nobodys() {
        for wire in [
            "bp:",
            "bp:xyz.1",
            "bp:0123abcd",
            "bp:0123abcd.121",
            "by:0123abcd.1:much",
            "bl:py_1",
            "br:x:yes",
        ] {
            assert_eq!(Action::parse(wire), None, "{wire}");
        }
    }

    proptest! {
        #[test]
        fn every_step_fits_a_button_and_reads_back(
            kind in 0_usize..13, product in "[0-9a-f]{8}", quantity in 0_u32..=120,
            addons in prop::collection::vec("[0-9a-f]{8}", 0..=MAX_ADDONS), total in 0_i64..1_000_000_000_000,
            time in 0_u64..1 << 47, random: [u8; 10],
        ) {
            let basket = Basket { product, quantity, addons };
            let order = OrderId::from_parts(time, random);
            let step = match kind {
                0 => Step::Pick(basket),
                1 => Step::Card(basket),
                2 => Step::EnterPromo(basket),
                3 => Step::EnterContact(basket),
                4 => Step::Pay { basket, total },
                5 => Step::Link(order),
                6 => Step::Via { order, provider: "yookassa".into() },
                7 => Step::Check(order),
                8 => Step::Purchases,
                9 => Step::Order(order),
                10 => Step::Cancel(order),
                11 => Step::Refund(order),
                _ => Step::RefundYes(order),
            };
            let wire = step.to_string();
            prop_assert!(wire.len() <= 64, "{wire}");
            prop_assert_eq!(Action::parse(&wire), Some(Action::Purchase(step)));
        }
    }
}
