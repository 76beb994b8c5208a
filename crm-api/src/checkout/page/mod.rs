//! The order's page, drawn: readable on a phone, usable without script. Each part of it has a file of its own.

mod afterwards;
mod frame;
mod letters;
mod order;
mod pay_form;

use app::pay::checkout::{ProgramLink, ProgramState, View};
use domain::ids::{Id, OrderId};
use domain::language::Language;
use domain::order::OrderStatus;
use domain::payment::PaymentStatus;

use self::frame::{frame, other_language};
use super::words::{self, say};
use crate::admin_pages::page::escape;

pub(super) use self::frame::note;
pub(super) use self::letters::{asked, dead_link};

/// Looks at the page again while a payment is under way.
pub(super) const FOLLOW_SCRIPT: &str = include_str!("../../../assets/follow.js");

/// What a form that was refused is drawn with: what was typed, and what was wrong.
#[derive(Default)]
pub(super) struct Notes {
    /// Above everything.
    pub(super) alert: Option<String>,
    pub(super) contact: String,
    pub(super) contact_wrong: Option<&'static str>,
    pub(super) offer_wrong: Option<&'static str>,
    pub(super) is_offer_ticked: bool,
    pub(super) wants_saved_method: bool,
    pub(super) provider: Option<String>,
    pub(super) promo: String,
    pub(super) promo_wrong: Option<String>,
}

pub(super) struct Drawing<'a> {
    pub(super) view: &'a View,
    pub(super) language: Language,
    pub(super) notes: Notes,
    pub(super) link: Option<ProgramLink>,
    /// How often the page has refreshed itself.
    pub(super) refreshes: u32,
    /// The payer wants another provider or a promo code although a payment is open.
    pub(super) is_changing: bool,
}

pub(super) fn address(order: &OrderId, tail: &str, language: Language) -> String {
    format!("/checkout/{}{tail}?lang={}", order.as_str(), language.code())
}

/// A page follows its payment for an hour: quickly at first, then ever more slowly. `follow.js` keeps the same pauses.
const fn pause_s(refreshes: u32) -> Option<u32> {
    match refreshes {
        0..20 => Some(4),
        20..50 => Some(15),
        50..100 => Some(60),
        _ => None,
    }
}

/// What the page is about at this moment.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Moment {
    /// The payer has to do something.
    ToPay,
    /// The provider has a payment open.
    Open,
    /// We have asked for a payment, and wait for the provider to know it.
    Opening,
    Confirming,
    Paid,
    Refunded,
    Canceled,
    Expired,
}

/// What a glance should tell, before any word is read. Nothing while there is something to do.
fn mark(moment: Moment) -> String {
    let (class, lines) = match moment {
        Moment::ToPay => return String::new(),
        Moment::Open | Moment::Opening | Moment::Confirming => ("waits", "<path d=\"M12 7v5l3 2\"/>"),
        Moment::Paid => ("paid", "<path d=\"m7 12.5 3.5 3.5L17 9\"/>"),
        Moment::Refunded => ("", "<path d=\"M8 9h6a3 3 0 0 1 0 6H9M8 9l3-3M8 9l3 3\"/>"),
        Moment::Canceled => ("", "<path d=\"m8.5 8.5 7 7m0-7-7 7\"/>"),
        Moment::Expired => ("", "<path d=\"M12 7v5l3 2\"/>"),
    };
    format!(
        "<svg class=\"mark {class}\" viewBox=\"0 0 24 24\" aria-hidden=\"true\"><circle cx=\"12\" cy=\"12\" r=\"12\"/>{lines}</svg>\n"
    )
}

impl Drawing<'_> {
    fn say(&self, ru: &'static str, en: &'static str) -> &'static str {
        say(self.language, ru, en)
    }

    fn moment(&self) -> Moment {
        let view = self.view;
        match view.order.status {
            OrderStatus::Paid | OrderStatus::Fulfilled => Moment::Paid,
            OrderStatus::Refunded => Moment::Refunded,
            OrderStatus::Canceled => Moment::Canceled,
            OrderStatus::Expired => Moment::Expired,
            OrderStatus::AwaitingPayment => match view.live.as_ref().map(|live| live.status) {
                Some(PaymentStatus::WaitingForCapture) => Moment::Confirming,
                _ if !view.is_payable() => Moment::Expired,
                _ if self.is_changing => Moment::ToPay,
                Some(PaymentStatus::Creating) => Moment::Opening,
                Some(_) => Moment::Open,
                None => Moment::ToPay,
            },
        }
    }

    pub(super) fn draw(&self) -> String {
        let moment = self.moment();
        let (title, lead) = self.headline(moment);
        let refresh = self.refresh(moment);
        let problems = self.problems();
        let mut main = format!("{}<h1>{}</h1>\n{problems}", mark(moment), escape(title));
        if !lead.is_empty() {
            main.push_str(&format!("<p class=\"lead\" role=\"status\">{}</p>\n", escape(&lead)));
        }
        if let Some(alert) = self.alert(moment) {
            main.push_str(&format!("<div class=\"alert\" role=\"alert\">{alert}</div>\n"));
        }
        main.push_str("<div class=\"columns two\">\n");
        let (order, action) = (self.order(moment), self.action(moment, refresh.is_none()));
        // What is bought comes before paying for it; afterwards what comes next matters more.
        let (first, second) = if moment == Moment::ToPay {
            (order, action)
        } else {
            (action, order)
        };
        main.push_str(&first);
        main.push_str(&second);
        main.push_str("</div>\n");
        // With script the page looks again by itself and changes only when there is something new: focus and place stay.
        let head = refresh
            .map(|(pause, next)| {
                format!(
                    "<noscript><meta http-equiv=\"refresh\" content=\"{pause};url={}\"></noscript>\n\
                     <script>{FOLLOW_SCRIPT}</script>\n",
                    escape(&next)
                )
            })
            .unwrap_or_default();
        let tab = if problems.is_empty() {
            title.to_owned()
        } else {
            format!("{}: {title}", self.say("Ошибка", "Error"))
        };
        let (_, other) = other_language(self.language);
        let elsewhere = address(&self.view.order.id, "", other);
        let number = self.view.order.id.as_str();
        let short = number.get(number.len().saturating_sub(6)..).unwrap_or(number);
        frame(
            &self.view.guide.brand,
            self.language,
            &tab,
            &head,
            &elsewhere,
            &main,
            Some(short),
        )
    }

    /// What was filled in wrong, each with the way to its field. It has the focus: on a phone the fields are further down.
    fn problems(&self) -> String {
        let notes = &self.notes;
        let found = [
            ("code", notes.promo_wrong.as_deref()),
            ("contact", notes.contact_wrong),
            ("offer", notes.offer_wrong),
        ];
        let lines: String = found
            .into_iter()
            .filter_map(|(field, wrong)| Some((field, wrong?)))
            .map(|(field, wrong)| format!("<li><a href=\"#{field}\">{}</a></li>", escape(wrong)))
            .collect();
        if lines.is_empty() {
            return lines;
        }
        format!(
            "<div class=\"alert\" role=\"alert\" tabindex=\"-1\" autofocus><p><strong>{}</strong></p><ul>{lines}</ul></div>\n",
            self.say("Так пока не получится:", "That does not work yet:")
        )
    }

    fn headline(&self, moment: Moment) -> (&'static str, String) {
        let trainer = &self.view.guide.brand.trainer;
        match moment {
            Moment::ToPay => {
                let until = words::moment(self.view, self.view.order.expires_at, self.language);
                let lead = match self.language {
                    Language::Ru => format!("Цена сохраняется за вами до {until}."),
                    Language::En => format!("This price is yours until {until}."),
                };
                (self.say("Оплата заказа", "Pay for your order"), lead)
            }
            Moment::Open => (
                self.say("Ждём оплату", "Waiting for your payment"),
                self.say(
                    "Уже заплатили? Ничего делать не нужно: как только банк подтвердит, страница обновится сама.",
                    "Paid already? There is nothing to do: this page changes by itself once the bank confirms.",
                )
                .to_owned(),
            ),
            Moment::Opening => (
                self.say("Готовим оплату", "Preparing your payment"),
                self.say(
                    "Банк отвечает дольше обычного. Страница обновится сама, второй раз платить не придётся.",
                    "The bank takes longer than usual. This page changes by itself, and you won't pay twice.",
                )
                .to_owned(),
            ),
            Moment::Confirming => (
                self.say("Деньги получены, подтверждаем", "Money received, confirming"),
                self.say(
                    "Осталось подтверждение банка. Обычно это меньше минуты.",
                    "Only the bank's confirmation is missing. That usually takes less than a minute.",
                )
                .to_owned(),
            ),
            Moment::Paid => (
                self.say("Оплачено, спасибо!", "Paid, thank you!"),
                self.view
                    .order
                    .paid_at
                    .map(|at| {
                        let at = words::moment(self.view, at, self.language);
                        match self.language {
                            Language::Ru => format!("Оплата прошла {at}."),
                            Language::En => format!("Your payment went through on {at}."),
                        }
                    })
                    .unwrap_or_default(),
            ),
            Moment::Refunded => (
                self.say("Деньги возвращены", "Your money was returned"),
                self.say(
                    "Банк зачисляет возврат обычно за 1–3 дня. Заказ закрыт.",
                    "Banks usually take 1 to 3 days to book it. This order is closed.",
                )
                .to_owned(),
            ),
            Moment::Canceled if self.view.successor.is_some() => (
                self.say("Этот заказ заменён новым", "A new order stands in for this one"),
                String::new(),
            ),
            Moment::Canceled => (
                self.say("Заказ отменён", "This order was called off"),
                match self.language {
                    Language::Ru => format!("Деньги не списаны. Если это ошибка, {trainer} поможет."),
                    Language::En => format!("Nothing was charged. If that is a mistake, {trainer} will help."),
                },
            ),
            Moment::Expired => (
                self.say("Время на оплату вышло", "The time to pay is over"),
                self.say(
                    "Деньги не списаны. Если вы успели заплатить, мы это увидим, и заказ будет выполнен.",
                    "Nothing was charged. If you did pay in time, we will see it and the order will be fulfilled.",
                )
                .to_owned(),
            ),
        }
    }

    fn alert(&self, moment: Moment) -> Option<String> {
        if let Some(alert) = &self.notes.alert {
            return Some(format!("<p>{}</p>", escape(alert)));
        }
        if moment != Moment::ToPay || self.is_changing {
            return None;
        }
        let payment = self.view.payment.as_ref()?;
        let advice = match (payment.status, &payment.decline) {
            (PaymentStatus::Canceled, Some(decline)) => words::decline(self.view, decline, self.language)?,
            (PaymentStatus::Expired, _) => self.say(
                "Ссылка на оплату устарела. Начните оплату заново.",
                "The payment link ran out. Please start again.",
            ),
            _ => return None,
        };
        let title = self.say("Оплата не прошла.", "The payment did not go through.");
        Some(format!("<p><strong>{title}</strong> {}</p>", escape(advice)))
    }

    /// Seconds until the next look, and its address.
    fn refresh(&self, moment: Moment) -> Option<(u32, String)> {
        let follows = match moment {
            Moment::Open | Moment::Opening | Moment::Confirming => true,
            Moment::Paid => matches!(self.view.program, ProgramState::Making | ProgramState::Reviewing),
            _ => false,
        };
        let pause = pause_s(self.refreshes).filter(|_| follows)?;
        let next = format!(
            "{}&n={}",
            address(&self.view.order.id, "", self.language),
            self.refreshes.saturating_add(1)
        );
        Some((pause, next))
    }

    fn action(&self, moment: Moment, is_still: bool) -> String {
        let mut text = String::from("<section class=\"card pay\">\n");
        match moment {
            Moment::ToPay => text.push_str(&self.pay_form()),
            Moment::Open => {
                text.push_str(&self.pay_on());
                let change = format!("{}&change=1", address(&self.view.order.id, "", self.language));
                text.push_str(&format!(
                    "<p><a href=\"{}\">{}</a></p>\n",
                    escape(&change),
                    self.say("Промокод или другой способ оплаты", "Promo code or another way to pay")
                ));
            }
            Moment::Opening | Moment::Confirming => text.push_str(&format!(
                "<p>{}</p>\n",
                self.say(
                    "Эту страницу можно закрыть и открыть снова.",
                    "You may close this page and open it again."
                )
            )),
            Moment::Paid => text.push_str(&self.next_steps()),
            Moment::Refunded => text.push_str(&format!(
                "<p>{}</p>\n",
                self.say(
                    "Остались вопросы? Напишите нам: контакты внизу страницы.",
                    "Any questions? Write to us: the contacts are at the bottom of this page."
                )
            )),
            Moment::Canceled | Moment::Expired => text.push_str(&self.once_more(moment)),
        }
        let may_follow = matches!(moment, Moment::Open | Moment::Opening | Moment::Confirming);
        if is_still && may_follow {
            text.push_str(&format!(
                "<a class=\"second\" href=\"{}\">{}</a>\n",
                escape(&address(&self.view.order.id, "", self.language)),
                self.say("Проверить оплату", "Check my payment")
            ));
        }
        if moment != Moment::ToPay && moment != Moment::Open {
            text.push_str(&self.to_bot());
        }
        if moment == Moment::Paid {
            text.push_str(&self.letter());
        }
        text.push_str("</section>\n");
        text
    }
}
