//! Bills that are paid inside the messenger, and why one may not be paid.

use super::actions::Action;
use super::purchase::Step;
use super::{Facts, screens};
use crate::content::{Content, Invoice, rich};
use crate::ids::{OrderId, PaymentId};
use crate::money::{Currency, Money};
use crate::pre_checkout::Refusal;
use crate::texts::Texts;

/// Telegram's limits.
const MAX_TITLE: usize = 32;
const MAX_DESCRIPTION: usize = 255;

/// What is billed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Bill<'a> {
    pub payment: &'a PaymentId,
    pub order: &'a OrderId,
    /// What was bought, as one line.
    pub what: &'a str,
    /// The order's price.
    pub price: Money,
    /// What is to be paid, maybe in Stars.
    pub amount: Money,
    pub provider_data: Option<&'a str>,
    pub needs_email: bool,
    /// The client may choose between ways to pay.
    pub has_other_way: bool,
}

pub fn bill(facts: &Facts<'_>, bill: &Bill<'_>) -> Content {
    let texts = facts.texts;
    let (sum, price) = (bill.amount.format(facts.language), bill.price.format(facts.language));
    let filled = |template: &str| -> String {
        let values = [("what", bill.what), ("sum", &*sum), ("price", &*price)];
        rich(template, &values).into_iter().map(|span| span.text).collect()
    };
    let description = filled(match bill.amount.currency {
        Currency::Xtr => &texts.invoice_stars,
        _ => &texts.invoice_card,
    });
    let button = |label: &str, step: Step| screens::button(label, &Action::Purchase(step));
    let mut content = Content {
        invoice: Some(Invoice {
            title: brief(bill.what, MAX_TITLE),
            description: brief(&description, MAX_DESCRIPTION),
            payload: bill.payment.to_string(),
            amount: bill.amount,
            button: filled(&texts.button_pay),
            provider_data: bill.provider_data.map(str::to_owned),
            needs_email: bill.needs_email,
        }),
        ..Content::default()
    };
    if bill.has_other_way {
        content = content.with_row(vec![button(&texts.button_other_way, Step::Link(bill.order.clone()))]);
    }
    content.with_row(vec![button(
        &texts.button_cancel_order,
        Step::Cancel(bill.order.clone()),
    )])
}

/// In the place of the question how to pay: the bill stands below.
pub fn sent(facts: &Facts<'_>) -> Content {
    facts.content(&facts.texts.invoice_sent, &[])
}

/// What the payer reads over the bill that may not be paid.
pub fn refusal(texts: &Texts, refusal: Refusal) -> &str {
    match refusal {
        Refusal::Unknown => &texts.precheckout_unknown,
        Refusal::OtherPayer => &texts.precheckout_other_payer,
        Refusal::AlreadyPaid => &texts.precheckout_paid,
        Refusal::Closed => &texts.precheckout_closed,
        Refusal::SwitchedOff => &texts.precheckout_off,
        Refusal::Changed => &texts.precheckout_changed,
    }
}

/// Never empty, for Telegram refuses a bill without a name.
fn brief(text: &str, most: usize) -> String {
    let text = text.trim();
    if text.is_empty() {
        return "—".to_owned();
    }
    if text.chars().count() <= most {
        return text.to_owned();
    }
    let cut: String = text.chars().take(most.saturating_sub(1)).collect();
    format!("{}…", cut.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_name_fits_telegrams_bill() {
        let long = "Программа тренировок на двенадцать недель";
        assert_eq!(brief(long, MAX_TITLE), "Программа тренировок на двенадц…");
        assert_eq!(brief(long, MAX_TITLE).chars().count(), MAX_TITLE);
        assert_eq!(brief(" План питания ", MAX_TITLE), "План питания");
        assert_eq!(brief(" ", MAX_TITLE), "—");
    }
}
