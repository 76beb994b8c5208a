//! The frame that both reports share: one self-contained page, light and dark, narrow and wide.

use domain::language::Language;

const STYLE: &str = include_str!("page.css");

/// A page around `body`, which is HTML already; `title` is plain text.
pub(super) fn page(title: &str, lead: &str, body: &str, language: Language) -> String {
    let (lang, title) = (language.code(), escape(title));
    format!(
        "<!doctype html>\n<html lang=\"{lang}\">\n<head>\n<meta charset=\"utf-8\">\n\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
         <meta name=\"color-scheme\" content=\"light dark\">\n\
         <meta name=\"robots\" content=\"noindex\">\n\
         <title>{title}</title>\n<style>\n{STYLE}</style>\n</head>\n<body>\n<main>\n\
         <header>\n<h1>{title}</h1>\n<p class=\"lead\">{}</p>\n</header>\n{body}</main>\n</body>\n</html>\n",
        escape(lead)
    )
}

/// A figure with what it counts.
pub(super) fn figure(value: &str, label: &str, class: &str) -> String {
    format!(
        "<div class=\"figure {class}\"><dt>{}</dt><dd>{}</dd></div>\n",
        escape(label),
        escape(value)
    )
}

pub(super) fn figures(figures: &[String]) -> String {
    format!("<dl class=\"figures\">\n{}</dl>\n", figures.concat())
}

pub(super) fn escape(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            c => out.push(c),
        }
    }
    out
}

pub(super) const fn pick<'a>(language: Language, ru: &'a str, en: &'a str) -> &'a str {
    match language {
        Language::Ru => ru,
        Language::En => en,
    }
}
