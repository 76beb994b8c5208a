//! Buying in the conversation: what its buttons carry, and its screens. What they show is looked up by the application.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::actions::{Action, short_code};
use super::{Facts, Tariff, screens};
use crate::content::{Activity, Button, Content, Span, Style, rich};
use crate::ids::{Id, OrderId, ProductId, SavedMethodId};
use crate::language::Language;
use crate::money::{BasisPoints, Money};
use crate::order::OrderStatus;
use crate::plural;
use crate::pricing::{Breakdown, DiscountKind};
use crate::promo::PromoRefusal;
use crate::time::Timestamp;

/// A button has room for so many.
pub const MAX_ADDONS: usize = 3;
const MAX_QUANTITY: u32 = 120;
const MAX_CONTACT_CHARS: usize = 100;

/// What is being bought. Products go by the [`short_code`] of their ids: a button has 64 bytes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Basket {
    pub product: String,
    /// Months for what is sold by the month; 0: not chosen yet.
    pub quantity: u32,
    #[serde(default)]
    pub addons: Vec<String>,
}

/// The typed words that are waited for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Awaiting {
    Promo,
    Contact,
}

/// What a button of a purchase does.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Step {
    /// Into the basket: the package and the add-ons may still have to be chosen.
    Pick(Basket),
    /// Nothing more: show the order.
    Card(Basket),
    EnterPromo(Basket),
    EnterContact(Basket),
    /// Agreed at this total, in minor units.
    Pay {
        basket: Basket,
        total: i64,
    },
    /// The link to the payment, new or once more.
    Link(OrderId),
    /// Through this provider.
    Via {
        order: OrderId,
        provider: String,
    },
    /// "I have paid".
    Check(OrderId),
    Purchases,
    Order(OrderId),
    Cancel(OrderId),
    Refund(OrderId),
    RefundYes(OrderId),
    /// The saved cards.
    Methods,
    ForgetMethod(SavedMethodId),
}

impl Basket {
    pub fn of(product: &ProductId, quantity: u32) -> Self {
        Self {
            product: short_code(product.as_str()),
            quantity,
            addons: Vec::new(),
        }
    }

    #[must_use]
    pub fn with_addon(&self, addon: &str) -> Self {
        let mut basket = self.clone();
        if !basket.addons.iter().any(|known| known == addon) {
            basket.addons.push(addon.to_owned());
        }
        basket
    }

    fn parse(text: &str) -> Option<Self> {
        let mut parts = text.split('.');
        let code = |part: &str| {
            (part.len() == 8 && part.bytes().all(|byte| byte.is_ascii_hexdigit())).then(|| part.to_owned())
        };
        let product = code(parts.next()?)?;
        let quantity = parts
            .next()?
            .parse()
            .ok()
            .filter(|quantity| *quantity <= MAX_QUANTITY)?;
        let addons: Vec<String> = parts.map(code).collect::<Option<_>>()?;
        (addons.len() <= MAX_ADDONS).then_some(Self {
            product,
            quantity,
            addons,
        })
    }
}

impl fmt::Display for Basket {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}", self.product, self.quantity)?;
        self.addons.iter().try_for_each(|addon| write!(f, ".{addon}"))
    }
}

impl Step {
    pub(super) fn parse(parts: &[&str]) -> Option<Self> {
        Some(match parts {
            ["bp", basket] => Self::Pick(Basket::parse(basket)?),
            ["bc", basket] => Self::Card(Basket::parse(basket)?),
            ["bo", basket] => Self::EnterPromo(Basket::parse(basket)?),
            ["be", basket] => Self::EnterContact(Basket::parse(basket)?),
            ["by", basket, total] => Self::Pay {
                basket: Basket::parse(basket)?,
                total: total.parse().ok()?,
            },
            ["bl", order] => Self::Link(OrderId::parse(order)?),
            ["bv", order, provider] => Self::Via {
                order: OrderId::parse(order)?,
                provider: (*provider).to_owned(),
            },
            ["bk", order] => Self::Check(OrderId::parse(order)?),
            ["buys"] => Self::Purchases,
            ["bi", order] => Self::Order(OrderId::parse(order)?),
            ["bx", order] => Self::Cancel(OrderId::parse(order)?),
            ["br", order] => Self::Refund(OrderId::parse(order)?),
            ["br", order, "yes"] => Self::RefundYes(OrderId::parse(order)?),
            ["cards"] => Self::Methods,
            ["cf", method] => Self::ForgetMethod(SavedMethodId::parse(method)?),
            _ => return None,
        })
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Pick(basket) => write!(f, "bp:{basket}"),
            Self::Card(basket) => write!(f, "bc:{basket}"),
            Self::EnterPromo(basket) => write!(f, "bo:{basket}"),
            Self::EnterContact(basket) => write!(f, "be:{basket}"),
            Self::Pay { basket, total } => write!(f, "by:{basket}:{total}"),
            Self::Link(order) => write!(f, "bl:{order}"),
            Self::Via { order, provider } => write!(f, "bv:{order}:{provider}"),
            Self::Check(order) => write!(f, "bk:{order}"),
            Self::Purchases => f.write_str("buys"),
            Self::Order(order) => write!(f, "bi:{order}"),
            Self::Cancel(order) => write!(f, "bx:{order}"),
            Self::Refund(order) => write!(f, "br:{order}"),
            Self::RefundYes(order) => write!(f, "br:{order}:yes"),
            Self::Methods => f.write_str("cards"),
            Self::ForgetMethod(method) => write!(f, "cf:{method}"),
        }
    }
}

/// An e-mail address or a phone number for the receipt, as it is kept: `+79001234567`. `None` for neither.
pub fn contact(typed: &str) -> Option<String> {
    let typed = typed.trim();
    if typed.chars().count() > MAX_CONTACT_CHARS {
        return None;
    }
    if let Some((name, host)) = typed.split_once('@') {
        let is_clean = |part: &str| {
            !part.is_empty()
                && part
                    .chars()
                    .all(|character| character.is_ascii_alphanumeric() || "._%+-".contains(character))
        };
        let is_host = is_clean(host)
            && host.contains('.')
            && host.split('.').all(|label| !label.is_empty())
            && host.rsplit('.').next().is_some_and(|zone| zone.len() >= 2);
        return (is_clean(name) && is_host).then(|| typed.to_lowercase());
    }
    let is_phone = typed
        .chars()
        .all(|character| character.is_ascii_digit() || " +-()\u{a0}".contains(character));
    let digits: String = typed.chars().filter(char::is_ascii_digit).collect();
    if !is_phone {
        return None;
    }
    // Russians write 8 for +7, or leave it out.
    match (digits.len(), digits.strip_prefix('8')) {
        (11, Some(rest)) => Some(format!("+7{rest}")),
        (10, _) if digits.starts_with('9') => Some(format!("+7{digits}")),
        (11..=15, None) => Some(format!("+{digits}")),
        (12..=15, Some(_)) => Some(format!("+{digits}")),
        _ => None,
    }
}

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
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_contact_is_an_address_or_a_phone_and_nothing_else() {
        for (typed, kept) in [
            (" Anna@Example.com ", Some("anna@example.com")),
            ("8 (900) 123-45-67", Some("+79001234567")),
            ("+7 900 123 45 67", Some("+79001234567")),
            ("9001234567", Some("+79001234567")),
            ("+49 170 1234567", Some("+491701234567")),
            ("anna@example", None),
            ("anna@@example.com", None),
            ("a b@example.com", None),
            ("anna@.com", None),
            ("12345", None),
            ("позвоните мне", None),
            ("", None),
        ] {
            assert_eq!(contact(typed).as_deref(), kept, "{typed}");
        }
    }

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

    #[test]
    fn foreign_and_broken_baskets_are_nobodys() {
        for wire in [
            "bp:",
            "bp:xyz.1",
            "bp:0123abcd",
            "bp:0123abcd.121",
            "by:0123abcd.1:much",
            "bl:py_1",
            "br:x:yes",
        ] {
            assert_eq!(Action::parse(wire), None, "{wire}");
        }
    }

    proptest! {
        #[test]
        fn every_step_fits_a_button_and_reads_back(
            kind in 0_usize..13, product in "[0-9a-f]{8}", quantity in 0_u32..=120,
            addons in prop::collection::vec("[0-9a-f]{8}", 0..=MAX_ADDONS), total in 0_i64..1_000_000_000_000,
            time in 0_u64..1 << 47, random: [u8; 10],
        ) {
            let basket = Basket { product, quantity, addons };
            let order = OrderId::from_parts(time, random);
            let step = match kind {
                0 => Step::Pick(basket),
                1 => Step::Card(basket),
                2 => Step::EnterPromo(basket),
                3 => Step::EnterContact(basket),
                4 => Step::Pay { basket, total },
                5 => Step::Link(order),
                6 => Step::Via { order, provider: "yookassa".into() },
                7 => Step::Check(order),
                8 => Step::Purchases,
                9 => Step::Order(order),
                10 => Step::Cancel(order),
                11 => Step::Refund(order),
                _ => Step::RefundYes(order),
            };
            let wire = step.to_string();
            prop_assert!(wire.len() <= 64, "{wire}");
            prop_assert_eq!(Action::parse(&wire), Some(Action::Purchase(step)));
        }
    }
}
