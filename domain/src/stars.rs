//! What an order costs in Telegram Stars.

use crate::money::{Currency, Money};

/// More is not offered: it would rather be a mistake in the rate than a price.
pub const MOST: i64 = 100_000;

/// The price in Stars: as many as bring the seller at least `total`, when a hundred of them bring `hundred`.
///
/// Stars have no fraction, so the price is rounded up to a whole one; the seller never gets less than agreed, and the buyer
/// never pays more than one Star above it. `None`: nothing to pay, another currency than the rate's, a rate of nothing, or
/// more Stars than [`MOST`].
pub fn price(total: Money, hundred: Money) -> Option<Money> {
    let is_priced = total.is_positive() && hundred.is_positive() && total.currency == hundred.currency;
    if !is_priced || total.currency == Currency::Xtr {
        return None;
    }
    let (parts, of) = (i128::from(total.minor) * 100, i128::from(hundred.minor));
    let stars = i64::try_from((parts + of - 1) / of).ok()?;
    (stars <= MOST).then_some(Money::new(stars, Currency::Xtr))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const fn rub(minor: i64) -> Money {
        Money::new(minor, Currency::Rub)
    }

    const fn stars(count: i64) -> Option<Money> {
        Some(Money::new(count, Currency::Xtr))
    }

    #[test]
    fn a_part_of_a_star_is_a_whole_one() {
        // 1.80 ₽ for one Star.
        assert_eq!(price(rub(499_000), rub(18_000)), stars(2_773));
        assert_eq!(price(rub(18_000), rub(18_000)), stars(100));
        assert_eq!(price(rub(18_001), rub(18_000)), stars(101));
        assert_eq!(price(rub(1), rub(18_000)), stars(1));
    }

    #[test]
    fn what_has_no_price_in_stars_is_not_offered_for_them() {
        let euro = Money::new(5_000, Currency::Eur);
        assert_eq!(price(rub(0), rub(18_000)), None);
        assert_eq!(price(rub(100), rub(0)), None);
        assert_eq!(price(euro, rub(18_000)), None);
        assert_eq!(price(Money::new(5, Currency::Xtr), Money::new(5, Currency::Xtr)), None);
        assert_eq!(price(rub(i64::MAX), rub(1)), None, "rather a mistake than a price");
    }

    proptest! {
        #[test]
        fn the_seller_gets_at_least_the_price_and_less_than_a_star_more(
            total in 1_i64..10_000_000, hundred in 10_000_i64..100_000,
        ) {
            if let Some(stars) = price(rub(total), rub(hundred)) {
                prop_assert!(stars.minor * hundred >= total * 100);
                prop_assert!((stars.minor - 1) * hundred < total * 100);
            }
        }
    }
}
