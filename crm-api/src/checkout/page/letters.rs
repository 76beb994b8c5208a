//! What an order's pages say of letters: where one was sent, how to get another one.

use app::mail::Again;
use app::pay::checkout::View;
use domain::language::Language;

use super::frame::{frame, other_language};
use super::{Drawing, address};
use crate::admin_pages::page::escape;
use crate::checkout::words::say;

/// The form that sends the newest letter once more, to the address given at the checkout and to no other.
fn form(view: &View, language: Language, class: &str) -> String {
    format!(
        "<form method=\"post\" action=\"{}\"><button class=\"{class}\">{}</button></form>\n",
        escape(&address(&view.order.id, "/letter", language)),
        say(language, "Прислать письмо ещё раз", "Send the letter once more")
    )
}

fn home(view: &View, language: Language) -> String {
    format!(
        "<p><a class=\"second\" href=\"{}\">{}</a></p>\n",
        escape(&address(&view.order.id, "", language)),
        say(language, "К заказу", "To the order")
    )
}

fn page(view: &View, language: Language, title: &str, words: &str, ways: &str) -> String {
    let main = format!(
        "<h1>{}</h1>\n<p class=\"lead\" role=\"status\">{}</p>\n<div class=\"pay\">\n{ways}</div>\n",
        escape(title),
        escape(words)
    );
    let (_, other) = other_language(language);
    let elsewhere = address(&view.order.id, "", other);
    frame(&view.guide.brand, language, title, "", &elsewhere, &main, None)
}

/// A link to the programme that ran out or is not ours: what to do now.
pub(in crate::checkout) fn dead_link(view: &View, language: Language) -> String {
    let (words, ways) = if view.gets_letters {
        (
            say(
                language,
                "Ссылки на программу живут 7 дней. Новую даст страница заказа, или пришлём письмо на тот же адрес.",
                "Links to a programme live for 7 days. The order's page has a fresh one, or we send a letter to the same address.",
            ),
            format!("{}{}", home(view, language), form(view, language, "second")),
        )
    } else {
        (
            say(
                language,
                "Ссылки на программу живут 7 дней. На странице заказа есть новая.",
                "Links to a programme live for 7 days. The order's page has a fresh one.",
            ),
            home(view, language),
        )
    };
    let title = say(language, "Ссылка устарела", "This link ran out");
    page(view, language, title, words, &ways)
}

/// What came of the wish for another letter.
pub(in crate::checkout) fn asked(view: &View, language: Language, again: Again) -> String {
    let (title, words) = match again {
        Again::Queued => (
            say(language, "Письмо отправлено", "The letter is on its way"),
            say(
                language,
                "Оно придёт на адрес, который указали при оплате, обычно за минуту. Не видно? Загляните в «Спам».",
                "It goes to the address given at the checkout and usually takes a minute. Not there? Have a look at the spam folder.",
            ),
        ),
        Again::TooSoon => (
            say(language, "Письмо уже отправляли", "A letter was sent already"),
            say(
                language,
                "Загляните в почту и в «Спам». Следующее можно попросить через 10 минут, за день их бывает не больше шести.",
                "Have a look at your mail and the spam folder. You may ask for the next one in 10 minutes, and for six a day at most.",
            ),
        ),
        Again::Never => (
            say(language, "Письмо отправить некуда", "There is nowhere to write to"),
            say(
                language,
                "У этого заказа нет почты или писать пока не о чем. Всё, что есть, на странице заказа.",
                "This order has no e-mail address, or there is nothing to write yet. All there is is on the order's page.",
            ),
        ),
    };
    page(view, language, title, words, &home(view, language))
}

impl Drawing<'_> {
    /// Below what comes next, once it is paid.
    pub(super) fn letter(&self) -> String {
        if !self.view.gets_letters {
            return String::new();
        }
        format!(
            "<p class=\"small\">{}</p>\n{}",
            self.say(
                "Письмо с этими же ссылками мы отправили на адрес, указанный при оплате.",
                "A letter with the same links went to the address given at the checkout."
            ),
            form(self.view, self.language, "second")
        )
    }
}
