//! A payment's life, and what an observation of the provider means for it.
//!
//! Transitions only go forward. What a provider tells twice, late or in the wrong order is recorded and changes nothing;
//! a success is real money whenever it comes.

use serde::{Deserialize, Serialize};

use crate::money::Money;
use crate::profile::coded_enum;
use crate::time::Timestamp;

coded_enum! {
    PaymentStatus {
        /// The intent is committed; whether the provider knows it is not known yet.
        Creating => "creating",
        Pending => "pending",
        WaitingForCapture => "waiting_for_capture",
        Completed => "completed",
        PartiallyRefunded => "partially_refunded",
        Refunded => "refunded",
        Canceled => "canceled",
        Expired => "expired",
    }
}

impl PaymentStatus {
    /// An order has at most one live payment.
    pub const fn is_live(self) -> bool {
        matches!(self, Self::Creating | Self::Pending | Self::WaitingForCapture)
    }

    /// Whether money came in, whatever became of it.
    pub const fn is_paid(self) -> bool {
        matches!(self, Self::Completed | Self::PartiallyRefunded | Self::Refunded)
    }
}

/// What a provider says of a payment right now, in our words.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Observation {
    /// The person has not paid yet.
    Pending,
    /// The sum is held; it is ours only after a capture.
    Held {
        amount: Money,
    },
    Succeeded {
        amount: Money,
        /// What the provider keeps, once it tells.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        fee: Option<Money>,
    },
    Canceled {
        decline: Decline,
    },
    /// The person did not pay in time.
    Expired,
}

/// Why a payment was declined: the provider's own code, and what may be done about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decline {
    /// As the provider writes it: `insufficient_funds`, `1051`.
    pub code: String,
    pub advice: DeclineAdvice,
}

impl Decline {
    /// Ended by us or at our wish; `code` says why.
    pub fn called_off(code: impl Into<String>) -> Self {
        Self {
            code: code.into(),
            advice: DeclineAdvice::CalledOff,
        }
    }
}

coded_enum! {
    /// What helps against a decline.
    DeclineAdvice {
        /// Money or a limit is short: later, or another card.
        TryLater => "try_later",
        /// Something is wrong with the card or its data.
        CheckCard => "check_card",
        /// This card won't work here.
        OtherMethod => "other_method",
        /// The bank or the provider had a bad moment.
        TryAgain => "try_again",
        /// The payment was called off by us.
        CalledOff => "called_off",
    }
}

/// What must become of a payment. Nothing has happened yet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Decision {
    /// Known already, or older than what is known.
    Nothing,
    /// The provider knows it; the person may pay.
    Open,
    /// The sum is held: capture it, or let a person decide.
    Hold,
    /// Money is in.
    Settle {
        amount: Money,
        fee: Option<Money>,
        concern: Option<Concern>,
    },
    Close {
        status: PaymentStatus,
        decline: Option<Decline>,
    },
    /// We closed it, the provider holds money for it: give it back.
    Release,
    /// Facts that can't both be true: a person has to look.
    Ask(Concern),
}

coded_enum! {
    /// Why a person should look at a payment.
    Concern {
        /// Paid after we had canceled or expired it.
        PaidAfterClosing => "paid_after_closing",
        /// Another sum or currency than agreed.
        OtherAmount => "other_amount",
        /// The provider calls off what it had called paid.
        CanceledAfterSuccess => "canceled_after_success",
        /// A success for an order that is paid, or no longer wanted.
        OrderNotWaiting => "order_not_waiting",
    }
}

/// What `seen` means for a payment of `expected` that stands at `status`.
pub fn decide(status: PaymentStatus, expected: Money, seen: &Observation) -> Decision {
    use PaymentStatus as S;
    match (status, seen) {
        (S::Creating, Observation::Pending) => Decision::Open,
        (S::Creating | S::Pending, Observation::Held { amount }) if *amount == expected => Decision::Hold,
        (S::Creating | S::Pending | S::WaitingForCapture, Observation::Held { amount }) if *amount != expected => {
            Decision::Ask(Concern::OtherAmount)
        }
        (S::Canceled | S::Expired, Observation::Held { .. }) => Decision::Release,
        (S::Creating | S::Pending | S::WaitingForCapture, Observation::Succeeded { amount, fee }) => Decision::Settle {
            amount: *amount,
            fee: *fee,
            concern: (*amount != expected).then_some(Concern::OtherAmount),
        },
        (S::Canceled | S::Expired, Observation::Succeeded { amount, fee }) => Decision::Settle {
            amount: *amount,
            fee: *fee,
            concern: Some(if *amount == expected {
                Concern::PaidAfterClosing
            } else {
                Concern::OtherAmount
            }),
        },
        (S::Creating | S::Pending | S::WaitingForCapture, Observation::Canceled { decline }) => Decision::Close {
            status: S::Canceled,
            decline: Some(decline.clone()),
        },
        (S::Creating | S::Pending | S::WaitingForCapture, Observation::Expired) => Decision::Close {
            status: S::Expired,
            decline: None,
        },
        (S::Completed | S::PartiallyRefunded, Observation::Canceled { .. }) => {
            Decision::Ask(Concern::CanceledAfterSuccess)
        }
        (S::Pending | S::WaitingForCapture | S::Canceled | S::Expired, Observation::Pending)
        | (S::WaitingForCapture, Observation::Held { .. })
        | (S::Creating | S::Pending, Observation::Held { .. })
        | (S::Canceled | S::Expired, Observation::Canceled { .. } | Observation::Expired)
        | (
            S::Completed | S::PartiallyRefunded | S::Refunded,
            Observation::Pending | Observation::Held { .. } | Observation::Succeeded { .. } | Observation::Expired,
        )
        | (S::Refunded, Observation::Canceled { .. }) => Decision::Nothing,
    }
}

const FIRST_POLL_MS: i64 = 15_000;
const LONGEST_POLL_MS: i64 = 5 * 60_000;

/// When an unsettled payment is asked about again: soon at first, then every five minutes.
pub fn next_poll(now: Timestamp, polls: u32) -> Timestamp {
    let factor = 1_i64.checked_shl(polls.min(10)).unwrap_or(i64::MAX);
    now.plus_millis(FIRST_POLL_MS.saturating_mul(factor).min(LONGEST_POLL_MS))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::money::Currency;

    const AGREED: Money = Money::new(499_000, Currency::Rub);
    const LESS: Money = Money::new(4_990, Currency::Rub);

    fn declined() -> Decline {
        Decline {
            code: "insufficient_funds".into(),
            advice: DeclineAdvice::TryLater,
        }
    }

    fn observations() -> [Observation; 5] {
        [
            Observation::Pending,
            Observation::Held { amount: AGREED },
            Observation::Succeeded {
                amount: AGREED,
                fee: None,
            },
            Observation::Canceled { decline: declined() },
            Observation::Expired,
        ]
    }

    /// Every state with everything that can be seen.
    #[test]
    fn the_table_of_a_payment() {
        use PaymentStatus as S;
        let settle = |concern| Decision::Settle {
            amount: AGREED,
            fee: None,
            concern,
        };
        let canceled = || Decision::Close {
            status: S::Canceled,
            decline: Some(declined()),
        };
        let expired = || Decision::Close {
            status: S::Expired,
            decline: None,
        };
        let nothing = || Decision::Nothing;
        let late = Some(Concern::PaidAfterClosing);
        let ask = || Decision::Ask(Concern::CanceledAfterSuccess);
        let table = [
            (
                S::Creating,
                [Decision::Open, Decision::Hold, settle(None), canceled(), expired()],
            ),
            (
                S::Pending,
                [nothing(), Decision::Hold, settle(None), canceled(), expired()],
            ),
            (
                S::WaitingForCapture,
                [nothing(), nothing(), settle(None), canceled(), expired()],
            ),
            (S::Completed, [nothing(), nothing(), nothing(), ask(), nothing()]),
            (
                S::PartiallyRefunded,
                [nothing(), nothing(), nothing(), ask(), nothing()],
            ),
            (S::Refunded, [nothing(), nothing(), nothing(), nothing(), nothing()]),
            (
                S::Canceled,
                [nothing(), Decision::Release, settle(late), nothing(), nothing()],
            ),
            (
                S::Expired,
                [nothing(), Decision::Release, settle(late), nothing(), nothing()],
            ),
        ];
        assert_eq!(table.len(), S::ALL.len());
        for (status, expected) in table {
            for (seen, expected) in observations().iter().zip(expected) {
                assert_eq!(decide(status, AGREED, seen), expected, "{status} on {seen:?}");
            }
        }
    }

    #[test]
    fn another_amount_is_never_taken_silently() {
        let paid = Observation::Succeeded {
            amount: LESS,
            fee: None,
        };
        for status in [PaymentStatus::Pending, PaymentStatus::Canceled] {
            let Decision::Settle { amount, concern, .. } = decide(status, AGREED, &paid) else {
                panic!("money is money");
            };
            assert_eq!((amount, concern), (LESS, Some(Concern::OtherAmount)));
        }
        let held = Observation::Held { amount: LESS };
        for status in [
            PaymentStatus::Creating,
            PaymentStatus::Pending,
            PaymentStatus::WaitingForCapture,
        ] {
            assert_eq!(decide(status, AGREED, &held), Decision::Ask(Concern::OtherAmount));
        }
    }

    fn after(status: PaymentStatus, decision: &Decision) -> PaymentStatus {
        match decision {
            Decision::Open => PaymentStatus::Pending,
            Decision::Hold => PaymentStatus::WaitingForCapture,
            Decision::Settle { .. } => PaymentStatus::Completed,
            Decision::Close { status, .. } => *status,
            Decision::Nothing | Decision::Release | Decision::Ask(_) => status,
        }
    }

    proptest! {
        /// Notifications and polls in any order and number: money is booked exactly once if it ever came, and never
        /// otherwise.
        #[test]
        fn a_success_settles_once_whatever_else_is_told(order in prop::collection::vec(0_usize..5, 0..40)) {
            let all = observations();
            let mut status = PaymentStatus::Creating;
            let mut settled = 0;
            for index in &order {
                let decision = decide(status, AGREED, &all[*index]);
                settled += usize::from(matches!(decision, Decision::Settle { .. }));
                status = after(status, &decision);
            }
            prop_assert_eq!(settled, usize::from(order.contains(&2)));
            prop_assert_eq!(status.is_paid(), order.contains(&2));
        }
    }

    #[test]
    fn an_unsettled_payment_is_asked_about_at_least_every_five_minutes() {
        let now = Timestamp::from_millis(0);
        let waits: Vec<i64> = (0..8).map(|polls| next_poll(now, polls).millis() / 1_000).collect();
        assert_eq!(waits, [15, 30, 60, 120, 240, 300, 300, 300]);
        assert_eq!(next_poll(now, u32::MAX).millis(), 300_000);
    }
}
