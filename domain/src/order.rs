//! An order: what was agreed, at the price as it was agreed.

use serde::{Deserialize, Serialize};

use crate::profile::coded_enum;

coded_enum! {
    OrderStatus {
        AwaitingPayment => "awaiting_payment",
        Paid => "paid",
        /// Everything that was bought is given or under way to the client for good.
        Fulfilled => "fulfilled",
        /// Everything was given back.
        Refunded => "refunded",
        Canceled => "canceled",
        /// Nobody paid in time; its promo code is free again.
        Expired => "expired",
    }
}

impl OrderStatus {
    /// Whether a new payment may be started for it.
    pub const fn is_payable(self) -> bool {
        matches!(self, Self::AwaitingPayment)
    }
}

coded_enum! {
    /// What a product gives.
    Grant {
        /// The programme of all twelve weeks.
        FullProgram => "full_program",
        /// A person's work: the trainer gets a task and leads.
        Coaching => "coaching",
        NutritionPlan => "nutrition_plan",
        /// Something else that a person hands over.
        ByHand => "by_hand",
    }
}

coded_enum! {
    /// The rate of VAT on a line of the receipt, as the law names it; each provider has its own spelling.
    Vat {
        None => "none",
        Zero => "0",
        Five => "5",
        Seven => "7",
        Ten => "10",
        Twenty => "20",
        TwentyTwo => "22",
        FiveOf105 => "5/105",
        SevenOf107 => "7/107",
        TenOf110 => "10/110",
        TwentyOf120 => "20/120",
        TwentyTwoOf122 => "22/122",
    }
}

coded_enum! {
    /// What is paid for (54-FZ, tag 1212).
    PaymentSubject {
        Service => "service",
        Commodity => "commodity",
        IntellectualActivity => "intellectual_activity",
        Payment => "payment",
        Another => "another",
    }
}

coded_enum! {
    /// When it is given, seen from the payment (54-FZ, tag 1214).
    PaymentMode {
        FullPayment => "full_payment",
        /// Given later: a closing receipt follows.
        FullPrepayment => "full_prepayment",
    }
}

/// What the tax receipt says of a product.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct TaxTreatment {
    pub vat: Vat,
    pub subject: PaymentSubject,
    pub mode: PaymentMode,
}

impl TaxTreatment {
    /// As it stands on a receipt once the thing is given: paid in full, and the rate itself in place of its share of a sum
    /// paid ahead (22/122 becomes 22 %).
    #[must_use]
    pub const fn given(self) -> Self {
        let vat = match self.vat {
            Vat::FiveOf105 => Vat::Five,
            Vat::SevenOf107 => Vat::Seven,
            Vat::TenOf110 => Vat::Ten,
            Vat::TwentyOf120 => Vat::Twenty,
            Vat::TwentyTwoOf122 => Vat::TwentyTwo,
            other => other,
        };
        Self {
            vat,
            subject: self.subject,
            mode: PaymentMode::FullPayment,
        }
    }
}
