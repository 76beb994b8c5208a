//! The order's page, drawn: readable on a phone, without script.

use app::pay::checkout::{ProgramLink, ProgramState, View};
use app::settings::Brand;
use domain::ids::{Id, OrderId};
use domain::language::Language;
use domain::order::{Grant, OrderStatus};
use domain::payment::PaymentStatus;

use super::words::{self, say};
use crate::admin_pages::page::{PAGE_STYLE, escape};

const STYLE: &str = include_str!("../../assets/checkout.css");

/// What a form that was refused is drawn with: what was typed, and what was wrong.
#[derive(Default)]
pub(super) struct Notes {
    /// Above everything.
    pub(super) alert: Option<String>,
    pub(super) contact: String,
    pub(super) contact_wrong: Option<&'static str>,
    pub(super) offer_wrong: Option<&'static str>,
    pub(super) is_offer_ticked: bool,
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

pub(super) fn bot_link(brand: &Brand) -> Option<String> {
    brand
        .telegram_bot_username
        .as_deref()
        .map(|bot| format!("https://t.me/{}", bot.trim_start_matches('@')))
}

/// A page follows its payment for an hour: quickly at first, then ever more slowly.
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
        let mut main = format!("<h1>{}</h1>\n", escape(title));
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
        let head = refresh
            .map(|(pause, next)| {
                format!(
                    "<meta http-equiv=\"refresh\" content=\"{pause};url={}\">\n",
                    escape(&next)
                )
            })
            .unwrap_or_default();
        let (_, other) = other_language(self.language);
        let elsewhere = address(&self.view.order.id, "", other);
        let number = self.view.order.id.as_str();
        let short = number.get(number.len().saturating_sub(6)..).unwrap_or(number);
        frame(
            &self.view.guide.brand,
            self.language,
            title,
            &head,
            &elsewhere,
            &main,
            Some(short),
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
            Moment::Paid => self.view.program == ProgramState::Making,
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

    fn order(&self, moment: Moment) -> String {
        let view = self.view;
        let mut text = format!(
            "<section class=\"card\" aria-labelledby=\"what\"><h2 id=\"what\">{}</h2>\n<ul class=\"lines\">\n",
            self.say("Ваш заказ", "Your order")
        );
        for line in &view.lines {
            let count = match (line.is_monthly, line.quantity, self.language) {
                (true, months, Language::Ru) => format!(" · {months}\u{a0}мес."),
                (true, 1, Language::En) => " · 1\u{a0}month".to_owned(),
                (true, months, Language::En) => format!(" · {months}\u{a0}months"),
                (false, 1, _) => String::new(),
                (false, pieces, _) => format!(" × {pieces}"),
            };
            text.push_str(&format!(
                "<li><div class=\"name\"><span>{}{count}</span><span>{}</span></div><p>{}</p></li>\n",
                escape(line.title.get(self.language)),
                escape(&line.list.format(self.language)),
                escape(line.delivery.get(self.language))
            ));
        }
        text.push_str("</ul>\n<dl class=\"sums\">\n");
        let breakdown = &view.order.breakdown;
        let mut row = |class: &str, name: &str, sum: &str| {
            text.push_str(&format!(
                "<div class=\"{class}\"><dt>{}</dt><dd>{}</dd></div>\n",
                escape(name),
                escape(sum)
            ));
        };
        if !breakdown.discount_total.is_zero() {
            row(
                "",
                self.say("Цена", "Price"),
                &breakdown.list_total.format(self.language),
            );
            for candidate in breakdown.applied() {
                let mut name = words::discount(candidate.kind, view.promo.as_deref(), self.language);
                if let Some(share) = candidate.basis_points {
                    name.push_str(&format!(", {}", share.format(self.language)));
                }
                let sum = format!("−{}", candidate.amount.format(self.language));
                row("off", &name, &sum);
            }
        }
        row(
            "total",
            match moment {
                Moment::Paid | Moment::Refunded => self.say("Оплачено", "Paid"),
                Moment::Canceled | Moment::Expired => self.say("Итого", "Total"),
                _ => self.say("К оплате", "To pay"),
            },
            &breakdown.total.format(self.language),
        );
        text.push_str("</dl>\n");
        if breakdown.raised_from.is_some() {
            text.push_str(&format!(
                "<p class=\"small\">{}</p>\n",
                self.say(
                    "Это наименьшая сумма, которую принимает банк.",
                    "This is the smallest sum the bank takes."
                )
            ));
        }
        if moment == Moment::ToPay {
            text.push_str(&self.promo());
        }
        text.push_str("</section>\n");
        text
    }

    fn promo(&self) -> String {
        let notes = &self.notes;
        let (open, invalid, wrong) = match &notes.promo_wrong {
            Some(wrong) => (
                " open",
                " aria-invalid=\"true\" aria-describedby=\"promo-wrong\" autofocus",
                format!(
                    "<p class=\"wrong\" id=\"promo-wrong\" role=\"alert\">{}</p>",
                    escape(wrong)
                ),
            ),
            None => ("", "", String::new()),
        };
        format!(
            "<details{open}><summary>{ask}</summary><form class=\"promo\" method=\"post\" action=\"{action}\">\
             <label>{name}<input type=\"text\" name=\"code\" value=\"{value}\" maxlength=\"64\" autocomplete=\"off\" \
             autocapitalize=\"characters\" spellcheck=\"false\" required{invalid}></label>\
             <button class=\"second\">{apply}</button></form>{wrong}</details>\n",
            ask = self.say("У меня есть промокод", "I have a promo code"),
            action = escape(&address(&self.view.order.id, "/promo", self.language)),
            name = self.say("Промокод", "Promo code"),
            value = escape(&notes.promo),
            apply = self.say("Применить", "Apply"),
        )
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
        text.push_str("</section>\n");
        text
    }

    fn pay_label(&self) -> String {
        let sum = self.view.order.total.format(self.language);
        match self.language {
            Language::Ru => format!("Оплатить {sum}"),
            Language::En => format!("Pay {sum}"),
        }
    }

    fn pay_on(&self) -> String {
        let provider = self.view.live.as_ref().map_or("", |live| live.provider.as_str());
        format!(
            "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"provider\" value=\"{}\">\
             <button class=\"go\">{}</button></form>\n",
            escape(&address(&self.view.order.id, "/pay", self.language)),
            escape(provider),
            escape(&self.pay_label())
        )
    }

    fn pay_form(&self) -> String {
        let view = self.view;
        if view.providers.is_empty() {
            return format!(
                "<p>{}</p>\n{}",
                self.say(
                    "Оплата на сайте сейчас выключена. Напишите нам, и мы подскажем, как заплатить.",
                    "Paying here is switched off right now. Write to us, and we will tell you how to pay."
                ),
                self.to_bot()
            );
        }
        let mut form = format!(
            "<form method=\"post\" action=\"{}\">\n",
            escape(&address(&view.order.id, "/pay", self.language))
        );
        if view.needs_contact() {
            form.push_str(&self.contact());
        }
        form.push_str(&self.providers());
        if view.needs_acceptance() {
            form.push_str(&self.acceptance());
        }
        form.push_str(&format!(
            "<button class=\"go\">{}</button>\n</form>\n",
            escape(&self.pay_label())
        ));
        let minutes = view.settings.refund_window_minutes;
        let refund = match self.language {
            Language::Ru => format!(
                "Оплата идёт на защищённой странице банка: данные карты мы не видим. Передумаете в течение {minutes} мин \
                 после оплаты — вернём всё, позже — за вычетом уже сделанного."
            ),
            Language::En => format!(
                "You pay on the bank's own secure page: we never see your card. Change your mind within {minutes} min and \
                 we return everything; later, all but what was already done."
            ),
        };
        form.push_str(&format!("<p class=\"small\">{}</p>\n", escape(&refund)));
        form
    }

    fn contact(&self) -> String {
        let notes = &self.notes;
        let (invalid, wrong) = match notes.contact_wrong {
            Some(wrong) => (
                " aria-invalid=\"true\" autofocus",
                format!(
                    "<span class=\"wrong\" id=\"contact-wrong\" role=\"alert\">{}</span>",
                    escape(wrong)
                ),
            ),
            None => ("", String::new()),
        };
        format!(
            "<label class=\"field\">{name}<input type=\"text\" inputmode=\"email\" name=\"contact\" value=\"{value}\" \
             maxlength=\"254\" autocomplete=\"email\" required aria-describedby=\"contact-hint contact-wrong\"{invalid}>\
             {wrong}<span class=\"hint\" id=\"contact-hint\">{hint}</span></label>\n",
            name = self.say("Почта или телефон", "E-mail or phone"),
            value = escape(&notes.contact),
            hint = self.say(
                "Сюда придёт чек, и ничего больше.",
                "The receipt goes there, and nothing else."
            ),
        )
    }

    fn providers(&self) -> String {
        let codes = &self.view.providers;
        let before = self
            .notes
            .provider
            .as_deref()
            .or_else(|| self.view.live.as_ref().map(|live| live.provider.as_str()));
        let chosen = codes
            .iter()
            .find(|code| before == Some(**code))
            .or_else(|| codes.first())
            .copied()
            .unwrap_or_default();
        if codes.len() == 1 {
            return format!(
                "<input type=\"hidden\" name=\"provider\" value=\"{}\">\n",
                escape(chosen)
            );
        }
        let mut text = format!(
            "<fieldset><legend>{}</legend>\n",
            self.say("Как заплатить", "How to pay")
        );
        for code in codes {
            let (title, ways) = words::provider(code, self.language);
            let checked = if *code == chosen { " checked" } else { "" };
            text.push_str(&format!(
                "<label class=\"choice\"><input type=\"radio\" name=\"provider\" value=\"{}\" required{checked}>\
                 <span>{}<small>{}</small></span></label>\n",
                escape(code),
                escape(&title),
                escape(ways)
            ));
        }
        text.push_str("</fieldset>\n");
        text
    }

    fn acceptance(&self) -> String {
        let terms = escape(&self.view.guide.brand.terms_url);
        let wrong = self
            .notes
            .offer_wrong
            .map(|wrong| {
                format!(
                    "<p class=\"wrong\" id=\"offer-wrong\" role=\"alert\">{}</p>",
                    escape(wrong)
                )
            })
            .unwrap_or_default();
        let invalid = if wrong.is_empty() {
            ""
        } else {
            " aria-invalid=\"true\" aria-describedby=\"offer-wrong\""
        };
        let checked = if self.notes.is_offer_ticked { " checked" } else { "" };
        let words = match self.language {
            Language::Ru => format!(
                "Принимаю условия <a href=\"{terms}\" target=\"_blank\" rel=\"noopener noreferrer\">оферты</a>: что, когда и за сколько, как описано в заказе"
            ),
            Language::En => format!(
                "I accept the <a href=\"{terms}\" target=\"_blank\" rel=\"noopener noreferrer\">terms of sale</a>: what, when and at what price, as the order says"
            ),
        };
        format!(
            "<div><label class=\"tick\"><input type=\"checkbox\" name=\"offer\" value=\"{}\" required{checked}{invalid}>\
             <span>{words}</span></label>{wrong}</div>\n",
            self.view.offer_hash(self.language)
        )
    }

    fn next_steps(&self) -> String {
        let view = self.view;
        let brand = &view.guide.brand;
        let mut text = format!("<h2>{}</h2>\n", self.say("Что дальше", "What comes next"));
        match &view.program {
            ProgramState::NotBought => {}
            ProgramState::Ready(_) => {
                if let Some(link) = &self.link {
                    let address = format!(
                        "{}&until={}&signature={}",
                        address(&view.order.id, "/program", self.language),
                        link.until.millis(),
                        link.signature
                    );
                    text.push_str(&format!(
                        "<p>{}</p>\n<a class=\"go\" href=\"{}\">{}</a>\n<p class=\"small\">{}</p>\n",
                        self.say("Ваша программа готова.", "Your programme is ready."),
                        escape(&address),
                        self.say("Скачать программу (PDF)", "Download the programme (PDF)"),
                        self.say(
                            "Ссылка работает 7 дней; на этой странице всегда есть новая.",
                            "The link works for 7 days; this page always has a fresh one."
                        )
                    ));
                }
            }
            ProgramState::Making => text.push_str(&format!(
                "<p>{}</p>\n",
                self.say(
                    "Собираем вашу программу, обычно это пара минут. Она появится здесь и придёт в Telegram.",
                    "Your programme is being made, usually within two minutes. It appears here and comes to Telegram."
                )
            )),
            ProgramState::NeedsAnswers => text.push_str(&format!(
                "<p>{}</p>\n",
                self.say(
                    "Чтобы собрать программу, нужны ответы на несколько вопросов: это три минуты в боте.",
                    "To make your programme we need a few answers: three minutes in the bot."
                )
            )),
        }
        if [Grant::Coaching, Grant::NutritionPlan, Grant::ByHand]
            .into_iter()
            .any(|grant| view.gives(grant))
        {
            let hours = brand.reply_hours;
            let words = match self.language {
                Language::Ru => format!("{} напишет вам, обычно в течение {hours} ч.", brand.trainer),
                Language::En => format!("{} will write to you, usually within {hours} h.", brand.trainer),
            };
            text.push_str(&format!("<p>{}</p>\n", escape(&words)));
        }
        text
    }

    fn once_more(&self, moment: Moment) -> String {
        if let Some(successor) = &self.view.successor {
            return format!(
                "<a class=\"go\" href=\"{}\">{}</a>\n",
                escape(&address(successor, "", self.language)),
                self.say("Перейти к новому заказу", "Go to the new order")
            );
        }
        if moment == Moment::Canceled
            && self
                .view
                .payment
                .as_ref()
                .is_some_and(|payment| payment.status.is_paid())
        {
            return String::new();
        }
        format!(
            "<p>{}</p>\n<form method=\"post\" action=\"{}\"><button class=\"go\">{}</button></form>\n",
            self.say(
                "То же самое можно заказать ещё раз по сегодняшней цене.",
                "You can order the same once more at today's price."
            ),
            escape(&address(&self.view.order.id, "/again", self.language)),
            self.say("Заказать ещё раз", "Order again")
        )
    }

    fn to_bot(&self) -> String {
        let title = if self.view.program == ProgramState::NeedsAnswers {
            self.say("Ответить в боте", "Answer in the bot")
        } else {
            self.say("Открыть бот в Telegram", "Open the bot in Telegram")
        };
        bot_link(&self.view.guide.brand)
            .map(|link| format!("<a class=\"second\" href=\"{}\">{title}</a>\n", escape(&link)))
            .unwrap_or_default()
    }
}

fn other_language(language: Language) -> (&'static str, Language) {
    match language {
        Language::Ru => ("English", Language::En),
        Language::En => ("Русский", Language::Ru),
    }
}

/// A page that only says something: there is no such order, a link ran out.
pub(super) fn note(brand: &Brand, language: Language, title: &str, words: &str, way: Option<(&str, &str)>) -> String {
    let mut main = format!("<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", escape(title), escape(words));
    if let Some((address, title)) = way {
        main.push_str(&format!(
            "<p><a class=\"second\" href=\"{}\">{}</a></p>\n",
            escape(address),
            escape(title)
        ));
    }
    if let Some(link) = bot_link(brand) {
        let title = say(language, "Открыть бот в Telegram", "Open the bot in Telegram");
        main.push_str(&format!(
            "<p><a class=\"second\" href=\"{}\">{title}</a></p>\n",
            escape(&link)
        ));
    }
    let (_, other) = other_language(language);
    frame(
        brand,
        language,
        title,
        "",
        &format!("?lang={}", other.code()),
        &main,
        None,
    )
}

fn frame(
    brand: &Brand,
    language: Language,
    title: &str,
    head: &str,
    elsewhere: &str,
    main: &str,
    number: Option<&str>,
) -> String {
    let (other, code) = other_language(language);
    let contacts = brand
        .contacts
        .get(language)
        .lines()
        .map(escape)
        .collect::<Vec<_>>()
        .join("<br>");
    let number = number
        .map(|number| {
            format!(
                "<p>{} …{}</p>\n",
                say(language, "Номер заказа", "Order number"),
                escape(number)
            )
        })
        .unwrap_or_default();
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n<meta name=\"robots\" content=\"noindex\">\n{head}\
         <title>{title} — {name}</title>\n<style>\n{PAGE_STYLE}{STYLE}</style>\n</head>\n<body>\n\
         <header class=\"top\"><strong>{name}</strong><a href=\"{elsewhere}\" lang=\"{code}\" hreflang=\"{code}\">{other}</a></header>\n\
         <main>\n{main}</main>\n<footer><div>\n<p>{seller}: {name}, {trainer}<br>{contacts}</p>\n{number}\
         <nav aria-label=\"{documents}\"><a href=\"{terms}\" rel=\"noopener noreferrer\">{terms_title}</a>\
         <a href=\"{privacy}\" rel=\"noopener noreferrer\">{privacy_title}</a></nav>\n</div></footer>\n</body>\n</html>\n",
        lang = language.code(),
        title = escape(title),
        name = escape(&brand.name),
        elsewhere = escape(elsewhere),
        code = code.code(),
        seller = say(language, "Продавец", "Seller"),
        trainer = escape(&brand.trainer),
        documents = say(language, "Документы", "Documents"),
        terms = escape(&brand.terms_url),
        terms_title = say(language, "Оферта", "Terms of sale"),
        privacy = escape(&brand.privacy_url),
        privacy_title = say(language, "Персональные данные", "Personal data"),
    )
}
