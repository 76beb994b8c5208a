//! Who may have how much back, and until when.

use serde::{Deserialize, Serialize};

use crate::money::{BasisPoints, Money, MoneyError};
use crate::payment::PaymentStatus;
use crate::profile::coded_enum;
use crate::time::Timestamp;

coded_enum! {
    RefundStatus {
        /// The sum is reserved; whether the provider knows the refund is not known yet.
        Requested => "requested",
        Pending => "pending",
        Succeeded => "succeeded",
        /// The provider refused for good; the reservation is lifted and a person is told.
        Failed => "failed",
    }
}

impl RefundStatus {
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Requested | Self::Pending)
    }
}

coded_enum! {
    /// Where it was made.
    RefundOrigin {
        Here => "here",
        /// In the provider's own cabinet: it is booked when we hear of it.
        Provider => "provider",
    }
}

/// Who asks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefundBy {
    /// The client, within the window the owner allows.
    Client {
        window_ms: i64,
    },
    Administrator,
}

/// A payment as a refund sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Refundable {
    pub status: PaymentStatus,
    pub amount: Money,
    /// Given back already.
    pub refunded: Money,
    /// Promised to refunds that are under way.
    pub reserved: Money,
    pub paid_at: Option<Timestamp>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, thiserror::Error)]
#[serde(tag = "reason", rename_all = "snake_case")]
pub enum RefundRefusal {
    #[error("nothing was paid")]
    NotPaid,
    #[error("the time for a refund without a talk is over")]
    WindowOver { ended_at: Timestamp },
    #[error("everything was given back or is on its way")]
    NothingLeft,
    #[error("more than is left")]
    TooMuch { left: Money },
    #[error("a refund is more than nothing")]
    NotPositive,
    #[error("another currency than the payment's")]
    OtherCurrency,
    #[error("the provider says that nothing more went back than is known here")]
    NotThere,
    #[error("the provider is still giving it back; ask again when that has ended")]
    NotEnded,
    #[error("the provider says that another sum went back")]
    OtherSum,
}

impl RefundRefusal {
    /// The stable code of the refusal.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::NotPaid => "refund_not_paid",
            Self::WindowOver { .. } => "refund_window_over",
            Self::NothingLeft => "refund_nothing_left",
            Self::TooMuch { .. } => "refund_too_much",
            Self::NotPositive => "refund_not_positive",
            Self::OtherCurrency => "refund_other_currency",
            Self::NotThere => "refund_not_there",
            Self::NotEnded => "refund_not_ended",
            Self::OtherSum => "refund_other_sum",
        }
    }
}

impl Refundable {
    /// What can still be given back.
    pub fn left(&self) -> Result<Money, MoneyError> {
        self.amount.checked_sub(self.refunded)?.checked_sub(self.reserved)
    }
}

/// The sum to give back: what was asked for, or all that is left.
///
/// The window is open from the payment up to, but not including, its end.
pub fn check(
    payment: &Refundable,
    wanted: Option<Money>,
    by: RefundBy,
    now: Timestamp,
) -> Result<Money, RefundRefusal> {
    let paid_at = payment
        .paid_at
        .filter(|_| payment.status.is_paid())
        .ok_or(RefundRefusal::NotPaid)?;
    if let RefundBy::Client { window_ms } = by {
        let ended_at = paid_at.plus_millis(window_ms);
        if now >= ended_at {
            return Err(RefundRefusal::WindowOver { ended_at });
        }
    }
    let left = payment.left().map_err(|_| RefundRefusal::OtherCurrency)?;
    if !left.is_positive() {
        return Err(RefundRefusal::NothingLeft);
    }
    let wanted = wanted.unwrap_or(left);
    if wanted.currency != left.currency {
        return Err(RefundRefusal::OtherCurrency);
    }
    if !wanted.is_positive() {
        return Err(RefundRefusal::NotPositive);
    }
    if wanted.minor > left.minor {
        return Err(RefundRefusal::TooMuch { left });
    }
    Ok(wanted)
}

/// What a provider says of money that went back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum GoneBack {
    /// So much in all.
    Sum(Money),
    /// Something, and less than the payment: it keeps the sum to itself.
    Part,
    /// It is on its way, and nobody knows whether it arrives.
    UnderWay,
}

/// The sum of a refund that a person has made in the provider's own cabinet, beside what the provider says of it.
pub fn check_recorded(
    payment: &Refundable,
    amount: Money,
    there: GoneBack,
    now: Timestamp,
) -> Result<Money, RefundRefusal> {
    let amount = check(payment, Some(amount), RefundBy::Administrator, now)?;
    // Of a hold that was taken in part the whole is told.
    let unknown_here = |there: Money| {
        let there = there.minor.min(payment.amount.minor);
        there.saturating_sub(payment.refunded.minor)
    };
    match there {
        GoneBack::UnderWay => Err(RefundRefusal::NotEnded),
        GoneBack::Sum(sum) if unknown_here(sum) <= 0 => Err(RefundRefusal::NotThere),
        GoneBack::Sum(sum) if unknown_here(sum) != amount.minor => Err(RefundRefusal::OtherSum),
        GoneBack::Part if unknown_here(payment.amount) == amount.minor => Err(RefundRefusal::OtherSum),
        GoneBack::Sum(_) | GoneBack::Part => Ok(amount),
    }
}

/// What an administrator is proposed: the payment without the part that was delivered and without proven costs, as the law
/// on consumer protection has it (a client may leave at any time and pays only for what was really spent).
/// Never below zero nor above what is left.
pub fn propose(payment: &Refundable, delivered: BasisPoints, costs: Money) -> Result<Money, MoneyError> {
    let kept = payment.amount.percent(delivered).checked_add(costs)?;
    let fair = payment
        .amount
        .checked_sub(kept)?
        .checked_sub(payment.refunded)?
        .checked_sub(payment.reserved)?;
    let left = payment.left()?;
    Ok(Money::new(fair.minor.clamp(0, left.minor.max(0)), fair.currency))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;

    const HOUR_MS: i64 = 3_600_000;
    const PAID_AT: Timestamp = Timestamp::from_millis(1_000_000);

    fn rub(minor: i64) -> Money {
        Money::new(minor, Currency::Rub)
    }

    fn paid(amount: i64, refunded: i64, reserved: i64) -> Refundable {
        Refundable {
            status: PaymentStatus::Completed,
            amount: rub(amount),
            refunded: rub(refunded),
            reserved: rub(reserved),
            paid_at: Some(PAID_AT),
        }
    }

    #[test]
    fn a_client_may_change_their_mind_for_an_hour() {
        let by = RefundBy::Client { window_ms: HOUR_MS };
        let payment = paid(100_000, 0, 0);
        let last_moment = PAID_AT.plus_millis(HOUR_MS - 1);
        let ended_at = PAID_AT.plus_millis(HOUR_MS);
        assert_eq!(check(&payment, None, by, last_moment), Ok(rub(100_000)));
        assert_eq!(
            check(&payment, None, by, ended_at),
            Err(RefundRefusal::WindowOver { ended_at })
        );
        assert_eq!(
            check(&payment, None, RefundBy::Administrator, ended_at),
            Ok(rub(100_000))
        );
    }

    #[test]
    fn refunds_never_exceed_the_payment() {
        let ask = |payment: &Refundable, wanted| check(payment, Some(wanted), RefundBy::Administrator, PAID_AT);
        assert_eq!(ask(&paid(100_000, 0, 0), rub(70_000)), Ok(rub(70_000)));
        assert_eq!(
            ask(&paid(100_000, 0, 70_000), rub(70_000)),
            Err(RefundRefusal::TooMuch { left: rub(30_000) }),
            "a second one at the same time may take the rest"
        );
        assert_eq!(ask(&paid(100_000, 70_000, 0), rub(30_000)), Ok(rub(30_000)));
        assert_eq!(
            ask(&paid(100_000, 70_000, 30_000), rub(1)),
            Err(RefundRefusal::NothingLeft)
        );
        assert_eq!(ask(&paid(100_000, 0, 0), rub(0)), Err(RefundRefusal::NotPositive));
        assert_eq!(
            ask(&paid(100_000, 0, 0), Money::new(1, Currency::Eur)),
            Err(RefundRefusal::OtherCurrency)
        );
        let open = Refundable {
            status: PaymentStatus::Pending,
            paid_at: None,
            ..paid(100_000, 0, 0)
        };
        assert_eq!(ask(&open, rub(1)), Err(RefundRefusal::NotPaid));
    }

    #[test]
    fn a_refund_of_the_cabinet_fits_what_the_provider_says() {
        use GoneBack::{Part, Sum, UnderWay};
        let record = |payment: Refundable, minor, there| check_recorded(&payment, rub(minor), there, PAID_AT);
        assert_eq!(record(paid(100_000, 0, 0), 30_000, Part), Ok(rub(30_000)));
        assert_eq!(record(paid(100_000, 20_000, 0), 30_000, Part), Ok(rub(30_000)));
        assert_eq!(
            record(paid(100_000, 0, 0), 100_000, Sum(rub(100_000))),
            Ok(rub(100_000))
        );
        assert_eq!(
            record(paid(100_000, 60_000, 0), 40_000, Sum(rub(100_000))),
            Ok(rub(40_000))
        );
        // Of a hold that was taken in part the whole is told.
        assert_eq!(record(paid(60_000, 0, 0), 60_000, Sum(rub(100_000))), Ok(rub(60_000)));
        for (payment, minor, there, refusal) in [
            (paid(100_000, 0, 0), 30_000, Sum(rub(0)), RefundRefusal::NotThere),
            (
                paid(100_000, 30_000, 0),
                30_000,
                Sum(rub(30_000)),
                RefundRefusal::NotThere,
            ),
            (paid(100_000, 0, 0), 30_000, UnderWay, RefundRefusal::NotEnded),
            (paid(100_000, 0, 0), 30_000, Sum(rub(100_000)), RefundRefusal::OtherSum),
            (paid(100_000, 0, 0), 100_000, Part, RefundRefusal::OtherSum),
            (paid(100_000, 70_000, 0), 30_000, Part, RefundRefusal::OtherSum),
            (
                paid(100_000, 80_000, 0),
                30_000,
                Part,
                RefundRefusal::TooMuch { left: rub(20_000) },
            ),
            (paid(100_000, 0, 0), 0, Part, RefundRefusal::NotPositive),
        ] {
            assert_eq!(
                record(payment, minor, there),
                Err(refusal),
                "{payment:?} {minor} {there:?}"
            );
        }
    }

    #[test]
    fn what_was_delivered_and_proven_costs_stay() {
        let half = BasisPoints::new(5_000).unwrap();
        let none = BasisPoints::new(0).unwrap();
        assert_eq!(
            propose(&paid(100_000, 0, 0), none, rub(0)),
            Ok(rub(100_000)),
            "nothing started: everything back"
        );
        assert_eq!(propose(&paid(100_000, 0, 0), half, rub(10_000)), Ok(rub(40_000)));
        assert_eq!(propose(&paid(100_000, 45_000, 0), half, rub(10_000)), Ok(rub(0)));
        assert_eq!(propose(&paid(100_000, 0, 0), half, rub(90_000)), Ok(rub(0)));
    }
}
