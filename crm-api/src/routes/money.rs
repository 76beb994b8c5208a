//! Amounts, codes and what is made of them, between the wire and the domain. A new code on either side does not compile.

use api_types::crm as wire;
use domain::language::Localized;
use domain::time::Timestamp;
use serde_json::Value;

use super::clients::show_text;

/// The codes of the domain, by the names the wire has for them.
mod own {
    pub use app::settings::payments::ReceiptMode;
    pub use domain::ledger::{AccountKind, TransferKind};
    pub use domain::money::Currency;
    pub use domain::order::{Grant, OrderStatus, PaymentMode, PaymentSubject, Vat};
    pub use domain::payment::{Concern as PaymentConcern, DeclineAdvice, PaymentStatus};
    pub use domain::pricing::{DiscountKind, Stacking};
    pub use domain::refund::{RefundOrigin, RefundStatus};
    pub use providers::payments::Capture as CaptureMode;
}

macro_rules! shown {
    ($($show:ident: $name:ident { $($variant:ident),+ $(,)? })+) => {$(
        pub(super) const fn $show(value: own::$name) -> wire::$name {
            match value { $(own::$name::$variant => wire::$name::$variant),+ }
        }
    )+};
}

macro_rules! read {
    ($($read:ident: $name:ident { $($variant:ident),+ $(,)? })+) => {$(
        pub(super) const fn $read(value: wire::$name) -> own::$name {
            match value { $(wire::$name::$variant => own::$name::$variant),+ }
        }
    )+};
}

shown! {
    show_currency: Currency { Rub, Usd, Eur, Kzt, Jpy, Kwd, Xtr }
    show_grant: Grant { FullProgram, Coaching, NutritionPlan, ByHand }
    show_vat: Vat {
        None, Zero, Five, Seven, Ten, Twenty, TwentyTwo, FiveOf105, SevenOf107, TenOf110, TwentyOf120, TwentyTwoOf122,
    }
    show_subject: PaymentSubject { Service, Commodity, IntellectualActivity, Payment, Another }
    show_mode: PaymentMode { FullPayment, FullPrepayment }
    show_order_status: OrderStatus { AwaitingPayment, Paid, Fulfilled, Refunded, Canceled, Expired }
    show_discount_kind: DiscountKind { Months, Personal, Loyalty, Promo }
    show_payment_status: PaymentStatus {
        Creating, Pending, WaitingForCapture, Completed, PartiallyRefunded, Refunded, Canceled, Expired,
    }
    show_advice: DeclineAdvice { TryLater, CheckCard, OtherMethod, TryAgain, CalledOff }
    show_concern: PaymentConcern { PaidAfterClosing, OtherAmount, CanceledAfterSuccess, OrderNotWaiting }
    show_refund_status: RefundStatus { Requested, Pending, Succeeded, Failed }
    show_refund_origin: RefundOrigin { Here, Provider }
    show_account_kind: AccountKind { ProviderClearing, Wallet, Revenue, Fees }
    show_transfer_kind: TransferKind { PaymentSucceeded, OrderCharged, RefundSucceeded, ProviderFee, WalletMoved }
    show_capture: CaptureMode { AtOnce, Later }
    show_stacking: Stacking { BestOne, AllInTurn }
    show_receipt_mode: ReceiptMode { Off, Provider, SelfEmployed }
}

read! {
    read_currency: Currency { Rub, Usd, Eur, Kzt, Jpy, Kwd, Xtr }
    read_grant: Grant { FullProgram, Coaching, NutritionPlan, ByHand }
    read_vat: Vat {
        None, Zero, Five, Seven, Ten, Twenty, TwentyTwo, FiveOf105, SevenOf107, TenOf110, TwentyOf120, TwentyTwoOf122,
    }
    read_subject: PaymentSubject { Service, Commodity, IntellectualActivity, Payment, Another }
    read_mode: PaymentMode { FullPayment, FullPrepayment }
    read_order_status: OrderStatus { AwaitingPayment, Paid, Fulfilled, Refunded, Canceled, Expired }
    read_payment_status: PaymentStatus {
        Creating, Pending, WaitingForCapture, Completed, PartiallyRefunded, Refunded, Canceled, Expired,
    }
    read_refund_status: RefundStatus { Requested, Pending, Succeeded, Failed }
    read_account_kind: AccountKind { ProviderClearing, Wallet, Revenue, Fees }
    read_capture: CaptureMode { AtOnce, Later }
    read_stacking: Stacking { BestOne, AllInTurn }
    read_receipt_mode: ReceiptMode { Off, Provider, SelfEmployed }
}

pub(super) const fn show_money(money: domain::money::Money) -> wire::Money {
    wire::Money {
        amount_minor: money.minor,
        currency: show_currency(money.currency),
    }
}

pub(super) const fn read_money(money: wire::Money) -> domain::money::Money {
    domain::money::Money::new(money.amount_minor, read_currency(money.currency))
}

pub(super) const fn show_tax(tax: domain::order::TaxTreatment) -> wire::TaxTreatment {
    wire::TaxTreatment {
        vat: show_vat(tax.vat),
        subject: show_subject(tax.subject),
        mode: show_mode(tax.mode),
    }
}

pub(super) const fn read_tax(tax: wire::TaxTreatment) -> domain::order::TaxTreatment {
    domain::order::TaxTreatment {
        vat: read_vat(tax.vat),
        subject: read_subject(tax.subject),
        mode: read_mode(tax.mode),
    }
}

/// JSON that was stored as text.
pub(super) fn show_json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or(Value::Null)
}

pub(super) fn show_breakdown(breakdown: domain::pricing::Breakdown) -> wire::Breakdown {
    wire::Breakdown {
        list_total: show_money(breakdown.list_total),
        discount_total: show_money(breakdown.discount_total),
        total: show_money(breakdown.total),
        candidates: breakdown.candidates.into_iter().map(show_candidate).collect(),
        raised_from: breakdown.raised_from.map(show_money),
    }
}

fn show_candidate(candidate: domain::pricing::Candidate) -> wire::DiscountCandidate {
    use domain::pricing::Outcome;
    let (outcome, lost_to, refusal) = match candidate.outcome {
        Outcome::Applied => (wire::DiscountOutcome::Applied, None, None),
        Outcome::Lost { to } => (wire::DiscountOutcome::Lost, Some(show_discount_kind(to)), None),
        Outcome::Refused { refusal } => (wire::DiscountOutcome::Refused, None, Some(show_refusal(&refusal))),
    };
    wire::DiscountCandidate {
        kind: show_discount_kind(candidate.kind),
        title: show_text(title_of(candidate.kind)),
        amount: show_money(candidate.amount),
        outcome,
        lost_to,
        refusal,
        basis_points: candidate.basis_points.map(domain::money::BasisPoints::value),
        promo_code_id: candidate.promo_code.map(|id| id.to_string()),
    }
}

fn title_of(kind: domain::pricing::DiscountKind) -> Localized {
    use domain::pricing::DiscountKind as Kind;
    let (ru, en) = match kind {
        Kind::Months => ("Несколько месяцев сразу", "Several months at once"),
        Kind::Personal => ("Личная скидка", "Personal discount"),
        Kind::Loyalty => ("Скидка за верность", "Loyalty discount"),
        Kind::Promo => ("Промокод", "Promo code"),
    };
    Localized::new(ru, en)
}

pub(super) fn show_refusal(refusal: &domain::promo::PromoRefusal) -> wire::PromoRefusal {
    use domain::promo::PromoRefusal as Own;
    let mut shown = wire::PromoRefusal {
        code: refusal.code().to_owned(),
        starts_at: None,
        ended_at: None,
        minimum: None,
    };
    match refusal {
        Own::NotYetValid { starts_at } => shown.starts_at = Some(starts_at.to_utc()),
        Own::Expired { ended_at } => shown.ended_at = Some(ended_at.to_utc()),
        Own::BelowMinimum { minimum } => shown.minimum = Some(show_money(*minimum)),
        Own::Unknown
        | Own::OtherClient
        | Own::Deactivated
        | Own::UsedUp
        | Own::UsedByClient
        | Own::NotFirstOrder
        | Own::OtherProduct
        | Own::OtherCurrency => {}
    }
    shown
}

pub(super) fn show_line(line: store::OrderLine) -> wire::OrderLine {
    wire::OrderLine {
        product_id: line.product.to_string(),
        title: show_text(line.title),
        delivery: show_text(line.delivery),
        grants: line.grants.into_iter().map(show_grant).collect(),
        quantity: line.quantity,
        is_monthly: line.is_monthly,
        unit_price: show_money(line.unit_price),
        list: show_money(line.list),
        discount: show_money(line.discount),
        total: show_money(line.total),
        refunded: show_money(line.refunded),
        tax: show_tax(line.tax),
    }
}

pub(super) fn show_payment(payment: store::Payment) -> wire::Payment {
    wire::Payment {
        id: payment.id.to_string(),
        order_id: payment.order.to_string(),
        client_id: payment.client.to_string(),
        provider: payment.provider,
        // A dead link helps nobody.
        pay_url: payment.pay_url.filter(|_| payment.status.is_live()),
        status: show_payment_status(payment.status),
        amount: show_money(payment.amount),
        refunded: show_money(payment.refunded),
        reserved: show_money(payment.reserved),
        fee: payment.fee.map(show_money),
        provider_payment_id: payment.provider_payment,
        is_test: payment.is_test,
        decline: payment.decline.map(|decline| wire::Decline {
            code: decline.code,
            advice: show_advice(decline.advice),
        }),
        concern: payment.concern.map(show_concern),
        note: payment.note,
        actor: payment.actor,
        created_at: payment.created_at.to_utc(),
        paid_at: payment.paid_at.map(Timestamp::to_utc),
        closed_at: payment.closed_at.map(Timestamp::to_utc),
        version: payment.version,
    }
}

pub(super) fn show_refund(refund: store::Refund) -> wire::Refund {
    wire::Refund {
        id: refund.id.to_string(),
        payment_id: refund.payment.to_string(),
        order_id: refund.order.to_string(),
        client_id: refund.client.to_string(),
        amount: show_money(refund.amount),
        status: show_refund_status(refund.status),
        reason: refund.reason,
        actor: refund.actor,
        origin: show_refund_origin(refund.origin),
        provider_refund_id: refund.provider_refund,
        failure: refund.failure,
        created_at: refund.created_at.to_utc(),
        finished_at: refund.finished_at.map(Timestamp::to_utc),
    }
}

pub(super) fn show_receipt(receipt: store::Receipt) -> wire::Receipt {
    wire::Receipt {
        id: receipt.id.to_string(),
        order_id: receipt.order.to_string(),
        payment_id: receipt.payment.map(|id| id.to_string()),
        refund_id: receipt.refund.map(|id| id.to_string()),
        kind: receipt.kind,
        status: match receipt.status.as_str() {
            "sending" => wire::ReceiptStatus::Sending,
            "sent" => wire::ReceiptStatus::Sent,
            "canceled" => wire::ReceiptStatus::Canceled,
            "with_payment" => wire::ReceiptStatus::WithPayment,
            "registered" => wire::ReceiptStatus::Registered,
            "failed" => wire::ReceiptStatus::Failed,
            "by_hand" => wire::ReceiptStatus::ByHand,
            _ => wire::ReceiptStatus::Queued,
        },
        amount: show_money(receipt.amount),
        body: show_json(&receipt.body),
        provider_receipt_id: receipt.provider_receipt,
        link: receipt.link,
        fiscal: receipt.fiscal.map(|fiscal| wire::FiscalNumbers {
            storage: fiscal.storage,
            document: fiscal.document,
            attribute: fiscal.attribute,
        }),
        is_test: receipt.is_test,
        failure: receipt.failure,
        attempts: receipt.attempts,
        created_at: receipt.created_at.to_utc(),
        finished_at: receipt.finished_at.map(Timestamp::to_utc),
    }
}

pub(super) const fn read_receipt_status(status: wire::ReceiptStatus) -> &'static str {
    match status {
        wire::ReceiptStatus::Queued => "queued",
        wire::ReceiptStatus::Sending => "sending",
        wire::ReceiptStatus::Sent => "sent",
        wire::ReceiptStatus::Canceled => "canceled",
        wire::ReceiptStatus::WithPayment => "with_payment",
        wire::ReceiptStatus::Registered => "registered",
        wire::ReceiptStatus::Failed => "failed",
        wire::ReceiptStatus::ByHand => "by_hand",
    }
}
