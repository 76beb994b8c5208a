//! Our books beside a provider's: what differs, and whether a rule can mend it.

use crate::money::Money;
use crate::payment::{Observation, PaymentStatus};
use crate::profile::coded_enum;

coded_enum! {
    RunStatus {
        Running => "running",
        Done => "done",
        /// The provider could not be asked to the end.
        Failed => "failed",
    }
}

coded_enum! {
    /// What is compared, in this order.
    Stage {
        /// The provider's list of payments.
        Payments => "payments",
        /// The provider's list of refunds.
        Refunds => "refunds",
        /// Our payments that no list has shown, asked for one by one.
        Ours => "ours",
    }
}

coded_enum! {
    /// What became of a difference.
    Outcome {
        Mended => "mended",
        /// Only a person can tell what is right.
        Task => "task",
    }
}

coded_enum! {
    /// How the two differ.
    Gap {
        /// The provider was further than we: paid, held, called off or run out.
        BehindHere => "behind_here",
        /// A payment in the name of an order of ours that was unknown here.
        MissingHere => "missing_here",
        /// A second payment for one that is paid.
        PaidTwice => "paid_twice",
        /// Money is held there for something that does not wait for it.
        HeldThere => "held_there",
        /// Paid here, not there.
        NotPaidThere => "not_paid_there",
        OtherAmount => "other_amount",
        /// Given back there, in its own cabinet.
        RefundMissingHere => "refund_missing_here",
        /// Given back here, not there.
        RefundMissingThere => "refund_missing_there",
    }
}

/// A payment here, after everything that the provider says has been carried out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Ours {
    pub status: PaymentStatus,
    pub amount: Money,
    pub refunded: Money,
    /// Promised to refunds under way, which may be done there already.
    pub reserved: Money,
}

/// The same payment there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Theirs<'a> {
    pub observation: &'a Observation,
    pub refunded: Option<Money>,
    /// Whether an absent `refunded` means that a part went back, and nobody says how much.
    pub hides_parts: bool,
}

/// What still differs.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Left {
    NotPaidThere,
    OtherAmount {
        theirs: Money,
    },
    /// `None`: something, nobody says how much.
    RefundMissingHere {
        amount: Option<Money>,
    },
    RefundMissingThere {
        amount: Money,
    },
}

impl Left {
    pub const fn gap(self) -> Gap {
        match self {
            Self::NotPaidThere => Gap::NotPaidThere,
            Self::OtherAmount { .. } => Gap::OtherAmount,
            Self::RefundMissingHere { .. } => Gap::RefundMissingHere,
            Self::RefundMissingThere { .. } => Gap::RefundMissingThere,
        }
    }
}

/// Compares a payment that has the same id on both sides. What is not paid here can't differ any more: a success would have
/// been carried out.
pub fn compare(ours: &Ours, theirs: &Theirs<'_>) -> Vec<Left> {
    if !ours.status.is_paid() {
        return Vec::new();
    }
    let Observation::Succeeded { amount, .. } = theirs.observation else {
        return vec![Left::NotPaidThere];
    };
    let mut left = Vec::new();
    if *amount != ours.amount {
        left.push(Left::OtherAmount { theirs: *amount });
    }
    let known = ours.refunded.minor.saturating_add(ours.reserved.minor);
    match theirs.refunded {
        Some(there) if there.currency != ours.refunded.currency => {}
        Some(there) if there.minor > known => left.push(Left::RefundMissingHere {
            amount: Some(Money::new(there.minor.saturating_sub(known), there.currency)),
        }),
        Some(there) if there.minor < ours.refunded.minor => left.push(Left::RefundMissingThere {
            amount: Money::new(ours.refunded.minor.saturating_sub(there.minor), there.currency),
        }),
        None if theirs.hides_parts && known == 0 => left.push(Left::RefundMissingHere { amount: None }),
        Some(_) | None => {}
    }
    left
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::money::Currency;
    use crate::payment::{Decline, DeclineAdvice};

    const fn rub(minor: i64) -> Money {
        Money::new(minor, Currency::Rub)
    }

    fn ours(status: PaymentStatus, refunded: i64, reserved: i64) -> Ours {
        Ours {
            status,
            amount: rub(1_000),
            refunded: rub(refunded),
            reserved: rub(reserved),
        }
    }

    fn found(ours: &Ours, observation: &Observation, refunded: Option<i64>, hides_parts: bool) -> Vec<Left> {
        let theirs = Theirs {
            observation,
            refunded: refunded.map(rub),
            hides_parts,
        };
        compare(ours, &theirs)
    }

    #[test]
    fn what_differs_is_named_and_nothing_else() {
        use PaymentStatus as S;
        let paid = Observation::Succeeded {
            amount: rub(1_000),
            fee: None,
        };
        let less = Observation::Succeeded {
            amount: rub(10),
            fee: None,
        };
        let canceled = Observation::Canceled {
            decline: Decline {
                code: "canceled".into(),
                advice: DeclineAdvice::CalledOff,
            },
        };
        let missing_here = |amount: Option<i64>| Left::RefundMissingHere {
            amount: amount.map(rub),
        };
        let table = [
            (ours(S::Completed, 0, 0), &paid, Some(0), vec![]),
            (ours(S::Completed, 0, 0), &paid, None, vec![]),
            (
                ours(S::Completed, 0, 0),
                &paid,
                Some(300),
                vec![missing_here(Some(300))],
            ),
            // It may be the one that is under way here.
            (ours(S::Completed, 0, 300), &paid, Some(300), vec![]),
            (
                ours(S::Completed, 0, 300),
                &paid,
                Some(500),
                vec![missing_here(Some(200))],
            ),
            (ours(S::PartiallyRefunded, 300, 0), &paid, Some(300), vec![]),
            (
                ours(S::PartiallyRefunded, 300, 0),
                &paid,
                Some(100),
                vec![Left::RefundMissingThere { amount: rub(200) }],
            ),
            (
                ours(S::Completed, 0, 0),
                &less,
                Some(0),
                vec![Left::OtherAmount { theirs: rub(10) }],
            ),
            (ours(S::Completed, 0, 0), &canceled, None, vec![Left::NotPaidThere]),
            (
                ours(S::Refunded, 1_000, 0),
                &Observation::Pending,
                None,
                vec![Left::NotPaidThere],
            ),
            (ours(S::Canceled, 0, 0), &canceled, None, vec![]),
            (ours(S::Pending, 0, 0), &Observation::Pending, None, vec![]),
        ];
        for (ours, observation, refunded, expected) in table {
            assert_eq!(
                found(&ours, observation, refunded, false),
                expected,
                "{ours:?} {observation:?} {refunded:?}"
            );
        }
    }

    #[test]
    fn a_provider_that_hides_parts_is_asked_by_a_person() {
        let paid = Observation::Succeeded {
            amount: rub(1_000),
            fee: None,
        };
        use PaymentStatus as S;
        let unclear = vec![Left::RefundMissingHere { amount: None }];
        assert_eq!(found(&ours(S::Completed, 0, 0), &paid, None, true), unclear);
        assert_eq!(found(&ours(S::PartiallyRefunded, 1, 0), &paid, None, true), []);
        assert_eq!(found(&ours(S::Completed, 0, 1), &paid, None, true), []);
        assert_eq!(found(&ours(S::Completed, 0, 0), &paid, Some(0), true), []);
    }
}
