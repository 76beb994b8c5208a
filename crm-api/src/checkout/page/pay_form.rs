//! Paying: the contact for the receipt, the provider, the offer, and the button that leads on.

use domain::language::Language;

use super::{Drawing, address, words};
use crate::admin_pages::page::escape;

impl Drawing<'_> {
    fn pay_label(&self) -> String {
        let sum = self.view.due.format(self.language);
        match self.language {
            Language::Ru => format!("Оплатить {sum}"),
            Language::En => format!("Pay {sum}"),
        }
    }

    pub(super) fn pay_on(&self) -> String {
        let provider = self.view.live.as_ref().map_or("", |live| live.provider.as_str());
        format!(
            "<form method=\"post\" action=\"{}\"><input type=\"hidden\" name=\"provider\" value=\"{}\">\
             <button class=\"go\">{}</button></form>\n",
            escape(&address(&self.view.order.id, "/pay", self.language)),
            escape(provider),
            escape(&self.pay_label())
        )
    }

    pub(super) fn pay_form(&self) -> String {
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
        if view.needs_contact() || view.offers_letters() {
            form.push_str(&self.contact());
        }
        form.push_str(&self.providers());
        if view.needs_acceptance() {
            form.push_str(&self.acceptance());
        }
        if view.settings.save_methods {
            form.push_str(&self.saving());
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
        let is_needed = self.view.needs_contact();
        let (described, invalid, wrong) = match notes.contact_wrong {
            Some(wrong) => (
                "contact-wrong contact-hint",
                " aria-invalid=\"true\"",
                format!("<p class=\"wrong\" id=\"contact-wrong\">{}</p>", escape(wrong)),
            ),
            None => ("contact-hint", "", String::new()),
        };
        format!(
            "<div class=\"field\"><label for=\"contact\">{name}</label><input type=\"text\" inputmode=\"email\" id=\"contact\" \
             name=\"contact\" value=\"{value}\" maxlength=\"254\" autocomplete=\"email\" {required}\
             aria-describedby=\"{described}\"{invalid}>{wrong}<p class=\"hint\" id=\"contact-hint\">{hint}</p></div>\n",
            name = if is_needed {
                self.say("Почта или телефон", "E-mail or phone")
            } else {
                self.say("Почта (необязательно)", "E-mail (optional)")
            },
            value = escape(&notes.contact),
            required = if is_needed { "required " } else { "" },
            hint = match (is_needed, self.view.writes_letters) {
                (true, false) => self.say(
                    "Сюда придёт чек, и ничего больше.",
                    "The receipt goes there, and nothing else."
                ),
                (true, true) => self.say(
                    "Сюда придёт чек, а на почту ещё и программа. Никакой рекламы.",
                    "The receipt goes there, to an e-mail address the programme as well. No advertising."
                ),
                (false, _) => self.say(
                    "Пришлём письмо о заказе и программу. Никакой рекламы.",
                    "A letter about the order and the programme go there. No advertising."
                ),
            },
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

    /// Never ticked beforehand: only the payer's own wish counts.
    fn saving(&self) -> String {
        let checked = if self.notes.wants_saved_method { " checked" } else { "" };
        format!(
            "<div><label class=\"tick\"><input type=\"checkbox\" id=\"save\" name=\"save\" value=\"1\"{checked}><span>{}</span></label></div>\n",
            self.say(
                "Сохранить карту для следующих оплат (необязательно). Удалить её можно в боте в любой момент.",
                "Keep my card for later payments (optional). I can remove it in the bot at any time."
            )
        )
    }

    fn acceptance(&self) -> String {
        let terms = escape(&self.view.guide.brand.terms_url);
        let wrong = self
            .notes
            .offer_wrong
            .map(|wrong| format!("<p class=\"wrong\" id=\"offer-wrong\">{}</p>", escape(wrong)))
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
            "<div><label class=\"tick\"><input type=\"checkbox\" id=\"offer\" name=\"offer\" value=\"{}\" required{checked}{invalid}>\
             <span>{words}</span></label>{wrong}</div>\n",
            self.view.offer_hash(self.language)
        )
    }
}
