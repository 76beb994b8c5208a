//! What the order's page says, in both languages.

use app::pay::checkout::View;
use domain::language::Language;
use domain::payment::{Decline, DeclineAdvice};
use domain::pricing::DiscountKind;
use domain::promo::PromoRefusal;
use domain::time::Timestamp;

pub(super) const fn say(language: Language, ru: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Ru => ru,
        Language::En => en,
    }
}

/// "21.11.2026, 12:00 (MSK)", where the owner lives.
pub(super) fn moment(view: &View, at: Timestamp, language: Language) -> String {
    let local = at.to_utc().with_timezone(&view.zone);
    match language {
        Language::Ru => local.format("%d.%m.%Y, %H:%M (%Z)").to_string().replace("MSK", "МСК"),
        Language::En => local.format("%-d %b %Y, %H:%M (%Z)").to_string(),
    }
}

/// A provider as payers know it, and how they can pay there.
pub(super) fn provider(code: &str, language: Language) -> (String, &'static str) {
    match code {
        "yookassa" => (
            say(language, "ЮKassa", "YooKassa").to_owned(),
            say(
                language,
                "Карта, СБП, SberPay, кошелёк ЮMoney",
                "Card, SBP, SberPay, YooMoney wallet",
            ),
        ),
        "tbank" => (
            say(language, "Т-Банк", "T-Bank").to_owned(),
            say(language, "Карта, СБП, T-Pay", "Card, SBP, T-Pay"),
        ),
        other => (other.to_owned(), ""),
    }
}

pub(super) fn discount(kind: DiscountKind, promo: Option<&str>, language: Language) -> String {
    match (kind, promo) {
        (DiscountKind::Months, _) => {
            say(language, "Скидка за несколько месяцев", "Discount for several months").to_owned()
        }
        (DiscountKind::Personal, _) => say(language, "Ваша личная скидка", "Your personal discount").to_owned(),
        (DiscountKind::Loyalty, _) => say(language, "Скидка за верность", "Loyalty discount").to_owned(),
        (DiscountKind::Promo, Some(code)) => format!("{} {code}", say(language, "Промокод", "Promo code")),
        (DiscountKind::Promo, None) => say(language, "Промокод", "Promo code").to_owned(),
    }
}

pub(super) fn refusal(view: &View, refusal: &PromoRefusal, language: Language) -> String {
    let text = match refusal {
        PromoRefusal::NotYetValid { starts_at } => {
            let from = moment(view, *starts_at, language);
            return match language {
                Language::Ru => format!("Этот промокод начнёт действовать {from}."),
                Language::En => format!("This promo code starts on {from}."),
            };
        }
        PromoRefusal::Expired { ended_at } => {
            let until = moment(view, *ended_at, language);
            return match language {
                Language::Ru => format!("Этот промокод действовал до {until}."),
                Language::En => format!("This promo code ended on {until}."),
            };
        }
        PromoRefusal::BelowMinimum { minimum } => {
            let sum = minimum.format(language);
            return match language {
                Language::Ru => format!("Этот промокод действует для заказов от {sum}."),
                Language::En => format!("This promo code is for orders of {sum} or more."),
            };
        }
        PromoRefusal::Unknown => say(
            language,
            "Такого промокода нет. Проверьте, нет ли опечатки.",
            "There is no such promo code. Is there a typo?",
        ),
        PromoRefusal::OtherClient => say(
            language,
            "Этот промокод именной: он выдан другому человеку.",
            "This promo code was given to somebody else by name.",
        ),
        PromoRefusal::Deactivated => say(
            language,
            "Этот промокод больше не действует.",
            "This promo code is not in use any more.",
        ),
        PromoRefusal::UsedUp => say(
            language,
            "Этот промокод уже использовали столько раз, сколько было можно.",
            "This promo code has been used as often as it may be.",
        ),
        PromoRefusal::UsedByClient => say(
            language,
            "Вы уже использовали этот промокод.",
            "You have used this promo code already.",
        ),
        PromoRefusal::NotFirstOrder => say(
            language,
            "Этот промокод — только для первого заказа.",
            "This promo code is for a first order only.",
        ),
        PromoRefusal::OtherProduct => say(
            language,
            "Этот промокод не для того, что в заказе.",
            "This promo code is not for what is in this order.",
        ),
        PromoRefusal::OtherCurrency => say(
            language,
            "Этот промокод — для другой валюты.",
            "This promo code is for another currency.",
        ),
    };
    text.to_owned()
}

/// Why it did not work, and what helps. `None`: nobody declined anything, we called it off.
pub(super) fn decline<'a>(view: &'a View, decline: &Decline, language: Language) -> Option<&'a str> {
    let texts = view.guide.texts(language);
    match decline.advice {
        DeclineAdvice::TryLater => Some(&texts.decline_try_later),
        DeclineAdvice::CheckCard => Some(&texts.decline_check_card),
        DeclineAdvice::OtherMethod => Some(&texts.decline_other_method),
        DeclineAdvice::TryAgain => Some(&texts.decline_try_again),
        DeclineAdvice::CalledOff => None,
    }
}

/// A field that was refused.
pub(super) fn problem(field: &str, code: &str, language: Language) -> &'static str {
    match (field, code) {
        ("contact", "required") => say(
            language,
            "Оставьте почту или телефон: по закону на них приходит чек.",
            "Leave an e-mail address or a phone number: the receipt goes there.",
        ),
        ("contact", "email") => say(
            language,
            "Это не похоже на почту. Например: anna@mail.ru. Можно оставить поле пустым.",
            "This is no e-mail address. Such as anna@mail.com. The field may stay empty.",
        ),
        ("contact", _) => say(
            language,
            "Это не похоже ни на почту, ни на телефон. Например: anna@mail.ru или +7 912 345-67-89.",
            "This is neither an e-mail address nor a phone number. Such as anna@mail.com or +7 912 345-67-89.",
        ),
        ("offer", "changed") => say(
            language,
            "Пока страница была открыта, условия изменились. Прочитайте их ещё раз и поставьте отметку.",
            "The terms have changed while this page was open. Please read and accept them again.",
        ),
        ("offer", _) => say(
            language,
            "Чтобы оплатить, нужно принять условия оферты.",
            "To pay, please accept the terms.",
        ),
        _ => say(
            language,
            "Проверьте, пожалуйста, что введено.",
            "Please check what you typed.",
        ),
    }
}
