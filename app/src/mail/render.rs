//! A letter as text and as HTML: one column, no pictures, readable in the dark.
//!
//! Tables and styles on the elements are what mail programs agree on. Those that know more follow the colours of the system
//! by the classes.

use domain::content::{Span, Style};
use domain::language::Language;

/// What a letter shows, from top to bottom.
#[derive(Debug, Clone, Default)]
pub(super) struct Page {
    pub language: Option<Language>,
    pub subject: String,
    /// Who writes.
    pub brand: String,
    pub parts: Vec<Part>,
    /// Below the line: why this came, the seller, documents.
    pub footer: Vec<Vec<Span>>,
}

#[derive(Debug, Clone)]
pub(super) enum Part {
    Words(Vec<Span>),
    /// What is bought: name and sum a row, and the sum of all.
    Order {
        rows: Vec<(String, String)>,
        total: (String, String),
    },
    /// The one thing to do.
    Go {
        label: String,
        url: String,
    },
    /// Another way, smaller.
    Link {
        label: String,
        url: String,
    },
    Small(Vec<Span>),
}

const INK: &str = "#1d2524";
const MUTED: &str = "#5c6967";
const LINE: &str = "#dfe3df";
const GOOD: &str = "#0f6d5f";
const FONT: &str = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans',Arial,sans-serif";
const DARK: &str = "@media (prefers-color-scheme: dark) {\
    .paper { background: #131817 !important; } \
    .card { background: #1b2221 !important; border-color: #303a38 !important; } \
    .ink { color: #e9eeec !important; } .muted, .muted a { color: #9eaba8 !important; } \
    .line { border-color: #303a38 !important; } .link { color: #7ad3bd !important; } \
    .go { background: #7ad3bd !important; color: #10201c !important; } }";

impl Page {
    pub(super) fn text(&self) -> String {
        let mut blocks: Vec<String> = Vec::new();
        for part in &self.parts {
            blocks.push(match part {
                Part::Words(spans) | Part::Small(spans) => plain(spans),
                Part::Order { rows, total } => rows
                    .iter()
                    .chain([total])
                    .map(|(name, sum)| format!("{name}: {sum}"))
                    .collect::<Vec<_>>()
                    .join("\n"),
                Part::Go { label, url } | Part::Link { label, url } => format!("{label}:\n{url}"),
            });
        }
        let footer: Vec<String> = self.footer.iter().map(|spans| plain(spans)).collect();
        blocks.push(format!("-- \n{}\n{}", self.brand, footer.join("\n")));
        blocks.join("\n\n")
    }

    pub(super) fn html(&self) -> String {
        let mut body = format!(
            "<p class=\"ink\" style=\"margin:0 0 20px;font-weight:700;font-size:17px;color:{INK}\">{}</p>\n",
            escape(&self.brand)
        );
        for part in &self.parts {
            body.push_str(&self.part(part));
        }
        let footer: String = self
            .footer
            .iter()
            .map(|spans| format!("<p style=\"margin:0 0 8px\">{}</p>\n", marked(spans, "")))
            .collect();
        let language = self.language.unwrap_or(Language::Ru).code();
        format!(
            "<!doctype html>\n<html lang=\"{language}\">\n<head>\n<meta charset=\"utf-8\">\n\
             <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n\
             <meta name=\"color-scheme\" content=\"light dark\">\n\
             <meta name=\"supported-color-schemes\" content=\"light dark\">\n<title>{title}</title>\n\
             <style>\n:root {{ color-scheme: light dark; supported-color-schemes: light dark; }}\n{DARK}\n</style>\n</head>\n\
             <body class=\"paper\" style=\"margin:0;padding:0;background:#fbfaf7\">\n\
             <table role=\"presentation\" class=\"paper\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" \
             style=\"background:#fbfaf7\"><tr><td align=\"center\" style=\"padding:24px 12px\">\n\
             <table role=\"presentation\" class=\"card\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" \
             style=\"max-width:560px;background:#ffffff;border:1px solid {LINE};border-radius:16px\"><tr>\
             <td class=\"ink\" align=\"left\" style=\"padding:28px 24px 12px;{FONT};font-size:16px;line-height:1.5;color:{INK}\">\n\
             {body}</td></tr></table>\n\
             <table role=\"presentation\" width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"max-width:560px\">\
             <tr><td class=\"muted\" align=\"left\" style=\"padding:16px 24px;{FONT};font-size:13px;line-height:1.45;color:{MUTED}\">\n\
             {footer}</td></tr></table>\n</td></tr></table>\n</body>\n</html>\n",
            title = escape(&self.subject),
        )
    }

    fn part(&self, part: &Part) -> String {
        match part {
            Part::Words(spans) => format!("<p style=\"margin:0 0 16px\">{}</p>\n", marked(spans, "link")),
            Part::Small(spans) => format!(
                "<p class=\"muted\" style=\"margin:0 0 16px;font-size:14px;color:{MUTED}\">{}</p>\n",
                marked(spans, "link")
            ),
            Part::Order { rows, total } => {
                let row = |(name, sum): &(String, String), style: &str| {
                    format!(
                        "<tr><td class=\"ink line\" style=\"{style};color:{INK}\">{}</td>\
                         <td class=\"ink line\" align=\"right\" style=\"{style};color:{INK};white-space:nowrap;padding-left:16px\">{}</td></tr>\n",
                        escape(name),
                        escape(sum)
                    )
                };
                let lines: String = rows.iter().map(|line| row(line, "padding:4px 0")).collect();
                let last = format!("padding:10px 0 4px;font-weight:700;border-top:1px solid {LINE}");
                format!(
                    "<table width=\"100%\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"margin:0 0 16px;font-size:16px;line-height:1.5\">\n{lines}{}</table>\n",
                    row(total, &last)
                )
            }
            Part::Go { label, url } => format!(
                "<table role=\"presentation\" cellpadding=\"0\" cellspacing=\"0\" border=\"0\" style=\"margin:4px 0 16px\"><tr><td>\
                 <a class=\"go\" href=\"{}\" style=\"display:inline-block;background:{GOOD};color:#ffffff;text-decoration:none;\
                 font-weight:600;border-radius:12px;padding:13px 22px\">{}</a></td></tr></table>\n",
                escape(url),
                escape(label)
            ),
            Part::Link { label, url } => format!(
                "<p style=\"margin:0 0 16px\"><a class=\"link\" href=\"{}\" style=\"color:{GOOD}\">{}</a></p>\n",
                escape(url),
                escape(label)
            ),
        }
    }
}

fn plain(spans: &[Span]) -> String {
    spans
        .iter()
        .map(|span| match &span.style {
            Style::Link { url } => format!("{}: {url}", span.text),
            _ => span.text.clone(),
        })
        .collect()
}

fn marked(spans: &[Span], link_class: &str) -> String {
    spans
        .iter()
        .map(|span| {
            let text = escape(&span.text).replace('\n', "<br>");
            match &span.style {
                Style::Plain => text,
                Style::Bold => format!("<strong>{text}</strong>"),
                Style::Italic => format!("<em>{text}</em>"),
                Style::Code => format!("<code>{text}</code>"),
                Style::Link { url } if is_web(url) => {
                    let colour = if link_class.is_empty() { "inherit" } else { GOOD };
                    format!(
                        "<a class=\"{link_class}\" href=\"{}\" style=\"color:{colour}\">{text}</a>",
                        escape(url)
                    )
                }
                Style::Link { .. } => text,
            }
        })
        .collect()
}

/// An owner's text may hold any address; a letter leads to web pages only.
fn is_web(url: &str) -> bool {
    url.starts_with("https://") || url.starts_with("http://")
}

fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            '\'' => escaped.push_str("&#39;"),
            other => escaped.push(other),
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_person_is_called_never_becomes_markup() {
        let page = Page {
            subject: "<script>".into(),
            brand: "A & B".into(),
            parts: vec![
                Part::Words(domain::content::rich(
                    "Привет, *{name}*!",
                    &[("name", "<img src=x onerror=\"1\">")],
                )),
                Part::Words(domain::content::rich(
                    "[сюда]({url})",
                    &[("url", "javascript:alert(1)")],
                )),
                Part::Go {
                    label: "Go".into(),
                    url: "https://a.example/?a=1&b=\"".into(),
                },
            ],
            ..Page::default()
        };
        let html = page.html();
        assert!(
            !html.contains("<img") && !html.contains("<script") && !html.contains("javascript:"),
            "{html}"
        );
        assert!(html.contains("&lt;img src=x") && html.contains("A &amp; B"), "{html}");
        assert!(html.contains("href=\"https://a.example/?a=1&amp;b=&quot;\""), "{html}");
        assert!(
            page.text().contains("Привет, <img src=x onerror=\"1\">!"),
            "{}",
            page.text()
        );
    }
}
