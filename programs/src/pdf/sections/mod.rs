//! The document, section by section, in the order in which it is read.

mod cover;
mod ending;
mod guide;
mod log;
mod technique;
mod weeks;

use super::Document;
use super::canvas::{CONTENT, Canvas, HEIGHT, LEFT, Style, WIDTH};
use super::color::{INK, LINE, MUTED, Rgb, WHITE};
use super::fonts::Weight;
use super::words::Text;

/// The accent in the shades the page needs.
#[derive(Clone, Copy)]
pub(super) struct Theme {
    pub accent: Rgb,
    /// For text on white.
    pub accent_text: Rgb,
    /// For text on the accent.
    pub on_accent: Rgb,
    /// A background that hardly shows.
    pub tint: Rgb,
}

pub(super) const H1: Style = Style::new(Weight::Bold, 22.0, 28.0, INK);
pub(super) const H2: Style = Style::new(Weight::SemiBold, 12.5, 18.0, INK);
pub(super) const BODY: Style = Style::new(Weight::Regular, 10.5, 16.0, INK);
pub(super) const SMALL: Style = Style::new(Weight::Regular, 9.0, 13.0, MUTED);
pub(super) const LABEL: Style = Style::new(Weight::Medium, 8.0, 11.0, MUTED);

pub(super) fn draw(canvas: &mut Canvas, document: &Document) {
    let accent = document.brand.accent;
    let theme = Theme {
        accent,
        accent_text: accent.readable_on_white(),
        on_accent: accent.text_on(),
        tint: WHITE.mix(accent, 7),
    };
    cover::draw(canvas, document, theme);
    guide::draw(canvas, document, theme);
    weeks::draw(canvas, document, theme);
    technique::draw(canvas, document, theme);
    log::draw(canvas, document, theme);
    ending::draw(canvas, document, theme);
    footers(canvas, document);
}

/// A section's title on a fresh page, with its bookmark.
fn section(canvas: &mut Canvas, title: &Text) {
    canvas.new_page();
    heading(canvas, title);
}

fn heading(canvas: &mut Canvas, title: &Text) {
    let title = title.get(canvas.language());
    canvas.bookmark(title, 0);
    canvas.y += canvas.text(LEFT, canvas.y, title, H1, CONTENT) + 10.0;
}

/// A smaller heading, kept together with `needed` points of what follows.
fn subheading(canvas: &mut Canvas, title: &Text, needed: f32) {
    canvas.reserve(H2.leading + 8.0 + needed);
    canvas.y += canvas.text(LEFT, canvas.y, title.get(canvas.language()), H2, CONTENT) + 6.0;
}

/// A paragraph over the full width that may go on over a page's end.
fn paragraph(canvas: &mut Canvas, text: &str, style: Style) {
    for line in canvas.wrap(text, style, CONTENT) {
        canvas.reserve(style.leading);
        canvas.y += canvas.lines(LEFT, canvas.y, &[line], style);
    }
}

fn rule(canvas: &mut Canvas, x: f32, y: f32, width: f32) {
    canvas.rect(x, y, width, 0.6, LINE);
}

fn footers(canvas: &mut Canvas, document: &Document) {
    let count = canvas.page_count();
    for page in 1..count {
        canvas.on_page(page, |canvas| {
            let y = HEIGHT - 40.0;
            let owner = [document.brand.name.trim(), document.client_name.trim()]
                .into_iter()
                .filter(|part| !part.is_empty())
                .collect::<Vec<_>>()
                .join("  ·  ");
            for line in canvas.wrap_to(&owner, LABEL, CONTENT - 80.0, 1) {
                canvas.lines(LEFT, y, &[line], LABEL);
            }
            canvas.text_right(WIDTH - LEFT, y, &format!("{} / {count}", page + 1), LABEL, 70.0);
        });
    }
}
