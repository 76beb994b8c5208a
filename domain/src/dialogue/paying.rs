//! Messages that ask for money, once that is over: they say how it ended and ask no more.

use super::actions::Action;
use super::purchase::Step;
use crate::content::{Button, Content, Press, rich};
use crate::ids::OrderId;
use crate::texts::Texts;

/// What became of the payment behind a link, as its message tells it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ended<'a> {
    /// The order is paid, through this link or another way.
    Paid { what: &'a str, sum: &'a str },
    /// Money came through this link, less than the order costs.
    Came { sum: &'a str },
    /// The bank holds the money until somebody decides.
    Held { sum: &'a str },
    /// The link is dead and the order still waits. `again`: whoever wants to pay opens the payment anew from here.
    Over { again: Option<&'a OrderId> },
    /// Nobody pays for this order any more.
    Closed,
}

/// What stands in the place of a link.
pub fn ended(texts: &Texts, how: Ended<'_>) -> Content {
    match how {
        Ended::Paid { what, sum } => Content::text(rich(&texts.link_paid, &[("what", what), ("sum", sum)])),
        Ended::Came { sum } => Content::text(rich(&texts.link_came, &[("sum", sum)])),
        Ended::Held { sum } => Content::text(rich(&texts.link_held, &[("sum", sum)])),
        Ended::Over { again: None } => Content::text(rich(&texts.link_over, &[])),
        Ended::Over { again: Some(order) } => {
            Content::text(rich(&texts.link_over, &[])).with_row(vec![Button::action(
                &texts.button_link_again,
                Action::Purchase(Step::Link(order.clone())).to_string(),
            )])
        }
        Ended::Closed => Content::text(rich(&texts.order_closed, &[])),
    }
}

/// The order a button serves to pay for, or to call off before it is paid.
fn order_of(button: &Button) -> Option<OrderId> {
    let Press::Action { action } = &button.press else {
        return None;
    };
    match Action::parse(action)? {
        Action::Purchase(Step::Link(order) | Step::Via { order, .. } | Step::Check(order) | Step::Cancel(order)) => {
            Some(order)
        }
        _ => None,
    }
}

/// The order whose payment a message asks for. `None`: it asks for none.
pub fn asks_for(content: &Content) -> Option<OrderId> {
    content.buttons.iter().flatten().find_map(order_of)
}

/// The same words without the buttons that ask for a payment.
#[must_use]
pub fn silenced(mut content: Content) -> Content {
    for row in &mut content.buttons {
        row.retain(|button| order_of(button).is_none());
    }
    content.without_empty_rows()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ids::Id;
    use crate::language::Language;
    use crate::money::{Currency, Money};

    fn texts(language: Language) -> Texts {
        serde_json::from_str(match language {
            Language::Ru => include_str!("../../../assets/texts/ru.json"),
            Language::En => include_str!("../../../assets/texts/en.json"),
        })
        .unwrap()
    }

    #[test]
    fn only_a_dead_link_of_an_order_that_waits_leads_anywhere() {
        let order = OrderId::from_parts(1, [1; 10]);
        for language in Language::ALL {
            let texts = texts(language);
            let sum = Money::new(290_000, Currency::Rub).format(language);
            for how in [
                Ended::Paid {
                    what: "План",
                    sum: &sum,
                },
                Ended::Came { sum: &sum },
                Ended::Held { sum: &sum },
                Ended::Over { again: None },
                Ended::Closed,
            ] {
                let content = ended(&texts, how);
                assert!(content.buttons.is_empty(), "{content:?}");
                assert!(!content.plain_text().contains('{'), "{content:?}");
            }
            let again = ended(&texts, Ended::Over { again: Some(&order) });
            assert_eq!(asks_for(&again), Some(order.clone()));
        }
    }

    #[test]
    fn what_asks_for_money_loses_its_buttons_and_keeps_its_words_and_the_way_home() {
        let order = OrderId::from_parts(1, [1; 10]);
        let texts = texts(Language::Ru);
        let action = |step| Action::Purchase(step).to_string();
        let asking = Content::text(rich("Оплаты пока нет", &[]))
            .with_row(vec![Button::action(
                &texts.button_paid,
                action(Step::Check(order.clone())),
            )])
            .with_row(vec![
                Button::action(&texts.button_link_again, action(Step::Link(order.clone()))),
                Button::action(&texts.button_menu, Action::Menu.to_string()),
            ]);
        assert_eq!(asks_for(&asking), Some(order));
        let silent = silenced(asking);
        assert_eq!(asks_for(&silent), None);
        assert_eq!(silent.plain_text(), "Оплаты пока нет");
        let labels: Vec<&str> = silent
            .buttons
            .iter()
            .flatten()
            .map(|button| button.label.as_str())
            .collect();
        assert_eq!(labels, [texts.button_menu.as_str()]);
    }
}
