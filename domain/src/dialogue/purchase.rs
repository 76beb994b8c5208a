//! Buying in the conversation: what its buttons carry, and its screens. What they show is looked up by the application.

mod contact;
mod step;

pub use self::contact::contact;
pub use self::step::{Awaiting, Basket, MAX_ADDONS, Step};
use super::actions::Action;
use super::{Facts, Tariff, screens};
use crate::content::{Activity, Button, Content, Span, Style, rich};
use crate::ids::OrderId;
use crate::language::Language;
use crate::money::{BasisPoints, Money};
use crate::order::OrderStatus;
use crate::plural;
use crate::pricing::{Breakdown, DiscountKind};
use crate::promo::PromoRefusal;
use crate::time::Timestamp;

fn button(label: &str, step: Step) -> Button {
    screens::button(label, &Action::Purchase(step))
}

fn filled(template: &str, values: &[(&str, &str)]) -> String {
    rich(template, values).into_iter().map(|span| span.text).collect()
}

fn plain(text: impl Into<String>) -> Span {
    Span {
        text: text.into(),
        style: Style::Plain,
    }
}

fn bold(text: impl Into<String>) -> Span {
    Span {
        text: text.into(),
        style: Style::Bold,
    }
}

fn months(count: u32, language: Language) -> String {
    let word = match language {
        Language::Ru => plural::russian(u64::from(count), "месяц", "месяца", "месяцев"),
        Language::En => plural::english(u64::from(count), "month", "months"),
    };
    format!("{count} {word}")
}

fn home(facts: &Facts<'_>) -> Vec<Button> {
    vec![screens::button(&facts.texts.button_menu, &Action::Menu)]
}

/// The row of a tariff card that begins its purchase.
pub(super) fn buy_button(facts: &Facts<'_>, tariff: &Tariff) -> Button {
    let label = filled(&facts.texts.button_buy, &[("title", tariff.title.get(facts.language))]);
    let quantity = u32::from(!tariff.is_monthly);
    button(&label, Step::Pick(Basket::of(&tariff.id, quantity)))
}

/// A month's price says so.
pub(super) fn price_of(facts: &Facts<'_>, tariff: &Tariff) -> String {
    let price = tariff.price.format(facts.language);
    match (tariff.is_monthly, facts.language) {
        (false, _) => price,
        (true, Language::Ru) => format!("{price} в месяц"),
        (true, Language::En) => format!("{price} a month"),
    }
}

/// For how many months? `prices`: months, what they cost, and the discount of the package.
pub fn packages(
    facts: &Facts<'_>,
    basket: &Basket,
    title: &str,
    prices: &[(u32, Money, Option<BasisPoints>)],
) -> Content {
    let mut content = facts.content(&facts.texts.packages_title, &[("title", title)]);
    for (count, price, share) in prices {
        let mut label = format!("{} · {}", months(*count, facts.language), price.format(facts.language));
        if let Some(share) = share.filter(|share| share.value() > 0) {
            label = format!("{label} (−{})", share.format(facts.language));
        }
        let chosen = Basket {
            quantity: *count,
            ..basket.clone()
        };
        content = content.with_row(vec![button(&label, Step::Pick(chosen))]);
    }
    content
        .with_row(vec![screens::button(&facts.texts.button_back, &Action::Prices)])
        .with_row(home(facts))
}

/// What goes well with it; asked once. `addons`: short code, title, price.
pub fn addons(facts: &Facts<'_>, basket: &Basket, addons: &[(String, &str, Money)]) -> Content {
    let mut content = facts.content(&facts.texts.addons_title, &[]);
    for (code, title, price) in addons {
        let price = price.format(facts.language);
        let label = filled(&facts.texts.button_addon, &[("title", title), ("sum", &price)]);
        content = content.with_row(vec![button(&label, Step::Pick(basket.with_addon(code)))]);
    }
    let no = if basket.addons.is_empty() {
        &facts.texts.button_no_addons
    } else {
        &facts.texts.button_enough
    };
    content
        .with_row(vec![button(no, Step::Card(basket.clone()))])
        .with_row(vec![screens::button(&facts.texts.button_back, &Action::Prices)])
}

/// A line of an order as it is shown.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CardLine<'a> {
    pub title: &'a str,
    /// What is given, and when.
    pub delivery: &'a str,
    pub quantity: u32,
    pub is_monthly: bool,
    pub list: Money,
}

/// The lines and the price with what made it: the discounts that count and their names. What lost is not shown.
pub fn breakdown(facts: &Facts<'_>, lines: &[CardLine<'_>], price: &Breakdown) -> Vec<Span> {
    let language = facts.language;
    let mut spans = Vec::new();
    for line in lines {
        let count = match (line.is_monthly, line.quantity) {
            (true, count) => format!(", {}", months(count, language)),
            (false, 1) => String::new(),
            (false, count) => format!(" × {count}"),
        };
        spans.push(plain(format!(
            "\n{}{count} — {}",
            line.title,
            line.list.format(language)
        )));
    }
    let mut has_discount = false;
    for candidate in price.applied().filter(|candidate| candidate.amount.is_positive()) {
        has_discount = true;
        let name = match candidate.kind {
            DiscountKind::Months => &facts.texts.discount_months,
            DiscountKind::Personal => &facts.texts.discount_personal,
            DiscountKind::Loyalty => &facts.texts.discount_loyalty,
            DiscountKind::Promo => &facts.texts.discount_promo,
        };
        let share = candidate
            .basis_points
            .map(|share| format!(" {}", share.format(language)))
            .unwrap_or_default();
        spans.push(plain(format!(
            "\n{name}{share}: −{}",
            candidate.amount.format(language)
        )));
    }
    if price.raised_from.is_some() {
        spans.push(plain(format!("\n{}", facts.texts.price_raised)));
    }
    if has_discount || lines.len() > 1 {
        spans.push(plain("\n"));
    }
    let total = price.total.format(language);
    spans.push(bold(filled(&facts.texts.order_total, &[("sum", &total)])));
    spans
}

/// The order before it is agreed. `note`: what has just happened.
pub fn card(
    facts: &Facts<'_>,
    basket: &Basket,
    lines: &[CardLine<'_>],
    price: &Breakdown,
    contact: Option<&str>,
    has_promo: bool,
    note: Option<String>,
) -> Content {
    let mut content = Content::default();
    if let Some(note) = note {
        content.text.push(plain(format!("{note}\n\n")));
    }
    content.text.extend(facts.content(&facts.texts.order_card, &[]).text);
    content.text.push(plain("\n"));
    content.text.extend(breakdown(facts, lines, price));
    for line in lines {
        content.text.push(plain(format!("\n\n{}", line.delivery)));
    }
    if let Some(contact) = contact {
        let receipt = filled(&facts.texts.order_contact, &[("contact", contact)]);
        content.text.push(plain(format!("\n\n{receipt}")));
    }
    content.text.push(plain("\n\n"));
    content.text.extend(offer_acceptance(facts));
    let total = price.total.format(facts.language);
    let pay = if price.total.is_zero() {
        facts.texts.button_take_free.clone()
    } else {
        filled(&facts.texts.button_pay, &[("sum", &total)])
    };
    let promo = if has_promo {
        &facts.texts.button_other_promo
    } else {
        &facts.texts.button_promo
    };
    let mut content = content
        .with_row(vec![button(
            &pay,
            Step::Pay {
                basket: basket.clone(),
                total: price.total.minor,
            },
        )])
        .with_row(vec![button(promo, Step::EnterPromo(basket.clone()))]);
    if contact.is_some() {
        content = content.with_row(vec![button(
            &facts.texts.button_contact,
            Step::EnterContact(basket.clone()),
        )]);
    }
    content.with_row(vec![screens::button(&facts.texts.button_leave_order, &Action::Prices)])
}

/// The sentence that is agreed to by paying.
pub fn offer_acceptance(facts: &Facts<'_>) -> Vec<Span> {
    facts.content(&facts.texts.offer_acceptance, &[]).text
}

/// Words are asked for: a code or a contact. `refusal` says why the last ones did not do.
pub fn ask(facts: &Facts<'_>, basket: &Basket, awaiting: Awaiting, refusal: Option<String>) -> Content {
    let question = match awaiting {
        Awaiting::Promo => &facts.texts.promo_ask,
        Awaiting::Contact => &facts.texts.contact_ask,
    };
    let mut content = Content::default();
    if let Some(refusal) = refusal {
        content.text.push(plain(format!("{refusal}\n\n")));
    }
    content.text.extend(facts.content(question, &[]).text);
    content.with_row(vec![button(&facts.texts.button_to_order, Step::Card(basket.clone()))])
}

/// Why a code is not taken, in words. `day` writes an instant as a day of the reader's calendar.
pub fn promo_refusal(facts: &Facts<'_>, refusal: &PromoRefusal, day: impl Fn(Timestamp) -> String) -> String {
    let texts = facts.texts;
    match refusal {
        PromoRefusal::Unknown => texts.promo_unknown.clone(),
        PromoRefusal::OtherClient => texts.promo_other_client.clone(),
        PromoRefusal::Deactivated => texts.promo_deactivated.clone(),
        PromoRefusal::NotYetValid { starts_at } => filled(&texts.promo_not_yet_valid, &[("day", &day(*starts_at))]),
        PromoRefusal::Expired { ended_at } => filled(&texts.promo_expired, &[("day", &day(*ended_at))]),
        PromoRefusal::UsedUp => texts.promo_used_up.clone(),
        PromoRefusal::UsedByClient => texts.promo_used_by_client.clone(),
        PromoRefusal::NotFirstOrder => texts.promo_first_order_only.clone(),
        PromoRefusal::OtherProduct => texts.promo_other_product.clone(),
        PromoRefusal::BelowMinimum { minimum } => {
            filled(&texts.promo_below_minimum, &[("sum", &minimum.format(facts.language))])
        }
        PromoRefusal::OtherCurrency => texts.promo_other_currency.clone(),
    }
}

/// Through whom? `providers`: code and title.
pub fn ways(facts: &Facts<'_>, order: &OrderId, providers: &[(&str, &str)]) -> Content {
    let mut content = facts.content(&facts.texts.pay_how, &[]);
    for (code, title) in providers {
        let step = Step::Via {
            order: order.clone(),
            provider: (*code).to_owned(),
        };
        content = content.with_row(vec![button(title, step)]);
    }
    content.with_row(vec![button(
        &facts.texts.button_cancel_order,
        Step::Cancel(order.clone()),
    )])
}

/// The link is on its way.
pub fn preparing(facts: &Facts<'_>) -> Content {
    let mut content = facts.content(&facts.texts.link_preparing, &[]);
    content.activity = Some(Activity::Typing);
    content
}

/// The pay button.
pub fn link(facts: &Facts<'_>, order: &OrderId, total: Money, url: &str, has_other_way: bool) -> Content {
    let sum = total.format(facts.language);
    let mut last = vec![button(&facts.texts.button_cancel_order, Step::Cancel(order.clone()))];
    if has_other_way {
        last.insert(0, button(&facts.texts.button_other_way, Step::Link(order.clone())));
    }
    facts
        .content(&facts.texts.pay_link, &[("sum", &sum)])
        .with_row(vec![Button::url(
            filled(&facts.texts.button_pay, &[("sum", &sum)]),
            url,
        )])
        .with_row(vec![button(&facts.texts.button_paid, Step::Check(order.clone()))])
        .with_row(last)
}

/// A word about an order, with the way on.
pub fn about_order(facts: &Facts<'_>, template: &str, order: &OrderId, is_payable: bool) -> Content {
    let content = facts.content(template, &[]);
    if is_payable {
        content
            .with_row(vec![button(&facts.texts.button_paid, Step::Check(order.clone()))])
            .with_row(vec![button(&facts.texts.button_link_again, Step::Link(order.clone()))])
    } else {
        content
            .with_row(vec![button(&facts.texts.button_purchases, Step::Purchases)])
            .with_row(home(facts))
    }
}

/// A purchase as the list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Purchase {
    pub order: OrderId,
    pub what: String,
    pub total: Money,
    pub status: OrderStatus,
}

fn status<'a>(facts: &Facts<'a>, status: OrderStatus) -> &'a str {
    let texts = facts.texts;
    match status {
        OrderStatus::AwaitingPayment => &texts.status_awaiting,
        OrderStatus::Paid => &texts.status_paid,
        OrderStatus::Fulfilled => &texts.status_fulfilled,
        OrderStatus::Refunded => &texts.status_refunded,
        OrderStatus::Canceled => &texts.status_canceled,
        OrderStatus::Expired => &texts.status_expired,
    }
}

pub fn purchases(facts: &Facts<'_>, all: &[Purchase]) -> Content {
    if all.is_empty() {
        return facts
            .content(&facts.texts.purchases_empty, &[])
            .with_row(vec![screens::button(&facts.texts.button_prices, &Action::Prices)])
            .with_row(home(facts));
    }
    let mut content = facts.content(&facts.texts.purchases_title, &[]);
    for purchase in all {
        let label = format!("{} · {}", purchase.what, status(facts, purchase.status));
        content = content.with_row(vec![button(&label, Step::Order(purchase.order.clone()))]);
    }
    content.with_row(home(facts))
}

/// What can be done with an order.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Possible {
    pub pay: bool,
    pub program: bool,
    pub refund: bool,
}

pub fn order(
    facts: &Facts<'_>,
    purchase: &Purchase,
    lines: &[CardLine<'_>],
    price: &Breakdown,
    possible: Possible,
) -> Content {
    let mut content = Content::text(vec![bold(status(facts, purchase.status)), plain("\n")]);
    content.text.extend(breakdown(facts, lines, price));
    let id = &purchase.order;
    if possible.pay {
        let sum = purchase.total.format(facts.language);
        let pay = filled(&facts.texts.button_pay, &[("sum", &sum)]);
        content = content
            .with_row(vec![button(&pay, Step::Link(id.clone()))])
            .with_row(vec![
                button(&facts.texts.button_paid, Step::Check(id.clone())),
                button(&facts.texts.button_cancel_order, Step::Cancel(id.clone())),
            ]);
    }
    if possible.program {
        content = content.with_row(vec![screens::button(
            &facts.texts.button_my_program,
            &Action::MyProgram,
        )]);
    }
    if possible.refund {
        content = content.with_row(vec![button(&facts.texts.button_refund, Step::Refund(id.clone()))]);
    }
    content.with_row(vec![
        button(&facts.texts.button_back, Step::Purchases),
        screens::button(&facts.texts.button_menu, &Action::Menu),
    ])
}

/// Asked once before money goes back.
pub fn confirm_refund(facts: &Facts<'_>, purchase: &Purchase) -> Content {
    let sum = purchase.total.format(facts.language);
    facts
        .content(&facts.texts.refund_ask, &[("what", &purchase.what), ("sum", &sum)])
        .with_row(vec![button(
            &facts.texts.button_refund_yes,
            Step::RefundYes(purchase.order.clone()),
        )])
        .with_row(vec![button(
            &facts.texts.button_back,
            Step::Order(purchase.order.clone()),
        )])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_refusal_of_a_code_has_a_sentence_of_its_own() {
        let form = crate::questionnaire::Form::default();
        for language in Language::ALL {
            let source = match language {
                Language::Ru => include_str!("../../../assets/texts/ru.json"),
                Language::En => include_str!("../../../assets/texts/en.json"),
            };
            let texts: crate::texts::Texts = serde_json::from_str(source).unwrap();
            let facts = Facts {
                language,
                texts: &texts,
                form: &form,
                run: None,
                fresh_tag: "",
                name: "Анна",
                is_new: false,
                has_consent: true,
                marketing: None,
                has_program: false,
                has_trainer: true,
                is_quiet: false,
                tariffs: &[],
                sells: true,
                faq: &[],
                brand: &super::super::BrandFacts::default(),
            };
            let at = Timestamp::from_millis(0);
            let minimum = Money::new(500_000, crate::money::Currency::Rub);
            let sentences: std::collections::BTreeSet<String> = [
                PromoRefusal::Unknown,
                PromoRefusal::OtherClient,
                PromoRefusal::Deactivated,
                PromoRefusal::NotYetValid { starts_at: at },
                PromoRefusal::Expired { ended_at: at },
                PromoRefusal::UsedUp,
                PromoRefusal::UsedByClient,
                PromoRefusal::NotFirstOrder,
                PromoRefusal::OtherProduct,
                PromoRefusal::BelowMinimum { minimum },
                PromoRefusal::OtherCurrency,
            ]
            .iter()
            .map(|refusal| promo_refusal(&facts, refusal, |_| "01.12.2026".into()))
            .collect();
            assert_eq!(sentences.len(), 11);
            let is_filled = |words: &str| sentences.iter().any(|sentence| sentence.contains(words));
            assert!(is_filled("01.12.2026") && is_filled(&minimum.format(language)));
            assert!(!is_filled("{"), "{sentences:?}");
        }
    }
}
