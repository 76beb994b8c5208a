//! What is bought and what it costs, with the field for a promo code.

use domain::language::Language;

use super::{Drawing, Moment, address, words};
use crate::admin_pages::page::escape;

impl Drawing<'_> {
    pub(super) fn order(&self, moment: Moment) -> String {
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
                let mut name = words::discount(candidate.kind, view.promo_label.as_deref(), self.language);
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
        if let Some(payment) = view.payment.as_ref().filter(|payment| payment.refunded.is_positive()) {
            row(
                "",
                self.say("Возвращено", "Returned"),
                &payment.refunded.format(self.language),
            );
        }
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
                " aria-invalid=\"true\" aria-describedby=\"code-wrong\"",
                format!("<p class=\"wrong\" id=\"code-wrong\">{}</p>", escape(wrong)),
            ),
            None => ("", "", String::new()),
        };
        format!(
            "<details{open}><summary>{ask}</summary><form class=\"promo\" method=\"post\" action=\"{action}\">\
             <div class=\"field\"><label for=\"code\">{name}</label><input type=\"text\" id=\"code\" name=\"code\" \
             value=\"{value}\" maxlength=\"64\" autocomplete=\"off\" autocapitalize=\"characters\" spellcheck=\"false\" \
             required{invalid}></div><button class=\"second\">{apply}</button></form>{wrong}</details>\n",
            ask = if self.view.promo.is_some() {
                self.say("У меня есть другой промокод", "I have another promo code")
            } else {
                self.say("У меня есть промокод", "I have a promo code")
            },
            action = escape(&address(&self.view.order.id, "/promo", self.language)),
            name = self.say("Промокод", "Promo code"),
            value = escape(&notes.promo),
            apply = self.say("Применить", "Apply"),
        )
    }
}
