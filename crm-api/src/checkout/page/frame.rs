//! What stands around every page: the seller above, the documents below, the other language.

use app::settings::Brand;
use domain::language::Language;

use crate::admin_pages::page::{PAGE_STYLE, escape};
use crate::checkout::words::say;

const STYLE: &str = include_str!("../../../assets/checkout.css");

pub(super) fn bot_link(brand: &Brand) -> Option<String> {
    brand
        .telegram_bot_username
        .as_deref()
        .map(|bot| format!("https://t.me/{}", bot.trim_start_matches('@')))
}

pub(super) fn other_language(language: Language) -> (&'static str, Language) {
    match language {
        Language::Ru => ("English", Language::En),
        Language::En => ("Русский", Language::Ru),
    }
}

/// A page that only says something: there is no such order, a link ran out.
pub(in crate::checkout) fn note(
    brand: &Brand,
    language: Language,
    title: &str,
    words: &str,
    way: Option<(&str, &str)>,
) -> String {
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

pub(super) fn frame(
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
