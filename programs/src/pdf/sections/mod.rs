//! The document, section by section, in the order in which it is read.

mod cover;
mod ending;
mod guide;
mod log;
mod notes;
mod technique;
mod weeks;

use super::Document;
use super::canvas::{CONTENT, Canvas, HEIGHT, LEFT, Style, WIDTH};
use super::color::{INK, LINE, MUTED, Rgb, WHITE};
use super::fonts::Weight;
use super::words::Text;

pub(super) use weeks::day_anchor;

/// The accent in the shades the page needs. Text in and on every one of them has a contrast of 4.5 at least.
#[derive(Clone, Copy)]
pub(super) struct Theme {
    /// For areas.
    pub accent: Rgb,
    /// For text on white, on `tint` and on `chip`.
    pub accent_text: Rgb,
    /// For text on the accent.
    pub on_accent: Rgb,
    /// For quieter text on the accent.
    pub on_accent_soft: Rgb,
    /// A background that hardly shows.
    pub tint: Rgb,
    /// A background that shows a little more.
    pub chip: Rgb,
}

impl Theme {
    pub fn new(brand: Rgb) -> Self {
        let (accent, on_accent) = brand.as_background();
        let chip = WHITE.mix(brand, 14);
        Self {
            accent,
            accent_text: brand.readable_on(chip),
            on_accent,
            on_accent_soft: accent.soft_text(on_accent),
            tint: WHITE.mix(brand, 7),
            chip,
        }
    }
}

pub(super) const H1: Style = Style::new(Weight::Bold, 22.0, 28.0, INK);
pub(super) const H2: Style = Style::new(Weight::SemiBold, 12.5, 18.0, INK);
pub(super) const BODY: Style = Style::new(Weight::Regular, 10.5, 16.0, INK);
pub(super) const SMALL: Style = Style::new(Weight::Regular, 9.0, 13.0, MUTED);
pub(super) const LABEL: Style = Style::new(Weight::Medium, 8.0, 11.0, MUTED);

pub(super) fn draw(canvas: &mut Canvas, document: &Document) {
    let theme = Theme::new(document.brand.accent);
    cover::draw(canvas, document, theme);
    let contents = guide::draw(canvas, document, theme);
    weeks::draw(canvas, document, theme);
    technique::draw(canvas, document, theme);
    log::draw(canvas, document, theme);
    notes::draw(canvas);
    ending::draw(canvas, document, theme);
    // Only now it is known which page each chapter came to.
    contents.draw(canvas, theme);
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
    canvas.anchor(title);
    canvas.y += canvas.text(LEFT, canvas.y, title, H1, CONTENT) + 10.0;
}

/// A chapter's second level: smaller, but with a bookmark of its own.
fn chapter(canvas: &mut Canvas, title: &Text, needed: f32) {
    canvas.reserve(H2.leading + 8.0 + needed);
    let title = title.get(canvas.language());
    canvas.bookmark(title, 1);
    canvas.anchor(title);
    canvas.y += canvas.text(LEFT, canvas.y, title, H2, CONTENT) + 6.0;
}

/// A smaller heading, kept together with `needed` points of what follows.
fn subheading(canvas: &mut Canvas, title: &Text, needed: f32) {
    canvas.reserve(H2.leading + 8.0 + needed);
    canvas.y += canvas.text(LEFT, canvas.y, title.get(canvas.language()), H2, CONTENT) + 6.0;
}

/// Paragraphs over the full width that may go on over a page's end; a line of its own in the text stays one.
fn paragraph(canvas: &mut Canvas, text: &str, style: Style) {
    for (index, part) in text.lines().filter(|line| !line.trim().is_empty()).enumerate() {
        if index > 0 {
            canvas.y += style.leading * 0.4;
        }
        for line in canvas.wrap(part, style, CONTENT) {
            canvas.reserve(style.leading);
            canvas.y += canvas.lines(LEFT, canvas.y, &[line], style);
        }
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
