//! The last question of a messenger before it takes the money: may this bill be paid, now, by this person?
//!
//! Pure, because the answer has to be there within seconds whatever else goes on. A yes promises nothing: only the payment
//! itself is money.

use crate::money::Money;
use crate::order::OrderStatus;
use crate::payment::PaymentStatus;
use crate::time::Timestamp;

/// Everything the answer depends on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill<'a> {
    pub status: PaymentStatus,
    pub amount: Money,
    pub order: OrderStatus,
    pub expires_at: Timestamp,
    /// Whose chat the bill was sent to.
    pub address: &'a str,
    /// The owner takes money this way.
    pub is_switched_on: bool,
    /// The use of the promo code is still the order's.
    pub holds_promo: bool,
}

/// What the messenger says is about to be paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Offer<'a> {
    pub payer: &'a str,
    /// `None`: a currency nobody here knows.
    pub amount: Option<Money>,
}

/// Why not, in the order in which it is looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Refusal {
    /// No such bill: forged, or another installation's.
    Unknown,
    OtherPayer,
    AlreadyPaid,
    /// The order or the bill is closed, or its time is over.
    Closed,
    SwitchedOff,
    /// Another sum or currency than agreed, or a discount that is somebody else's by now.
    Changed,
}

impl Refusal {
    pub const fn code(self) -> &'static str {
        match self {
            Self::Unknown => "unknown",
            Self::OtherPayer => "other_payer",
            Self::AlreadyPaid => "already_paid",
            Self::Closed => "closed",
            Self::SwitchedOff => "switched_off",
            Self::Changed => "changed",
        }
    }
}

pub fn check(bill: &Bill<'_>, offer: &Offer<'_>, now: Timestamp) -> Result<(), Refusal> {
    if bill.address != offer.payer {
        return Err(Refusal::OtherPayer);
    }
    if bill.status.is_paid() || matches!(bill.order, OrderStatus::Paid | OrderStatus::Fulfilled) {
        return Err(Refusal::AlreadyPaid);
    }
    if !bill.status.is_live() || !bill.order.is_payable() || now >= bill.expires_at {
        return Err(Refusal::Closed);
    }
    if !bill.is_switched_on {
        return Err(Refusal::SwitchedOff);
    }
    if offer.amount != Some(bill.amount) || !bill.holds_promo {
        return Err(Refusal::Changed);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    const NOW: Timestamp = Timestamp::from_millis(1_000);
    const STARS: Money = Money::new(2_773, Currency::Xtr);

    const BILL: Bill<'_> = Bill {
        status: PaymentStatus::Pending,
        amount: STARS,
        order: OrderStatus::AwaitingPayment,
        expires_at: Timestamp::from_millis(1_001),
        address: "101",
        is_switched_on: true,
        holds_promo: true,
    };
    const OFFER: Offer<'_> = Offer {
        payer: "101",
        amount: Some(STARS),
    };

    #[test]
    fn what_stands_as_it_was_agreed_may_be_paid() {
        assert_eq!(check(&BILL, &OFFER, NOW), Ok(()));
    }

    #[test]
    fn whatever_is_not_so_any_more_has_its_own_reason() {
        let bill = |change: fn(&mut Bill<'_>)| {
            let mut bill = BILL;
            change(&mut bill);
            check(&bill, &OFFER, NOW)
        };
        assert_eq!(bill(|bill| bill.address = "102"), Err(Refusal::OtherPayer));
        assert_eq!(
            bill(|bill| bill.status = PaymentStatus::Completed),
            Err(Refusal::AlreadyPaid)
        );
        assert_eq!(
            bill(|bill| bill.order = OrderStatus::Fulfilled),
            Err(Refusal::AlreadyPaid)
        );
        assert_eq!(bill(|bill| bill.status = PaymentStatus::Canceled), Err(Refusal::Closed));
        assert_eq!(bill(|bill| bill.order = OrderStatus::Expired), Err(Refusal::Closed));
        assert_eq!(bill(|bill| bill.expires_at = NOW), Err(Refusal::Closed));
        assert_eq!(bill(|bill| bill.is_switched_on = false), Err(Refusal::SwitchedOff));
        assert_eq!(bill(|bill| bill.holds_promo = false), Err(Refusal::Changed));
        for amount in [
            None,
            Some(Money::new(2_772, Currency::Xtr)),
            Some(Money::new(2_773, Currency::Rub)),
        ] {
            assert_eq!(check(&BILL, &Offer { amount, ..OFFER }, NOW), Err(Refusal::Changed));
        }
    }
}
