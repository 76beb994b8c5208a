//! The short version for a phone's screen, from the same words as the long one: what to know, one workout a page, how the
//! exercises are done, what comes next. What needs paper (the log, the notes) stays in the long one.

mod cover;
mod days;
mod ending;
mod guide;
mod technique;

use super::Document;
use super::canvas::{Canvas, Paper, Style};
use super::color::{INK, LINE, MUTED, Rgb, WHITE};
use super::fonts::Weight;
use super::sections::Theme;
use super::words::{self, Text};

/// As narrow as a phone (9 : 19.5): at full width a point is about a point of the screen, so nothing is smaller than 12.
pub(super) const SCREEN: Paper = Paper {
    width: WIDTH,
    height: HEIGHT,
    top: 30.0,
    bottom: HEIGHT - 58.0,
};
const WIDTH: f32 = 360.0;
const HEIGHT: f32 = 780.0;
const LEFT: f32 = 22.0;
const CONTENT: f32 = WIDTH - 2.0 * LEFT;

const H1: Style = Style::new(Weight::Bold, 26.0, 32.0, INK);
const H2: Style = Style::new(Weight::SemiBold, 17.0, 23.0, INK);
const BODY: Style = Style::new(Weight::Regular, 15.0, 22.0, INK);
const SMALL: Style = Style::new(Weight::Regular, 13.5, 19.0, MUTED);
const LABEL: Style = Style::new(Weight::Medium, 12.0, 16.0, MUTED);

pub(super) fn draw(canvas: &mut Canvas, document: &Document) {
    let theme = Theme::new(document.brand.accent);
    cover::draw(canvas, document, theme);
    guide::draw(canvas, document, theme);
    let days = canvas.page_count();
    days::draw(canvas, document, theme);
    let after_days = canvas.page_count();
    technique::draw(canvas, document, theme);
    ending::draw(canvas, document, theme);
    footers(canvas, theme, days..after_days);
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
    canvas.y += canvas.text(LEFT, canvas.y, title, H1, CONTENT) + 12.0;
}

/// A smaller heading, kept together with `needed` points of what follows.
fn subheading(canvas: &mut Canvas, title: &str, needed: f32) {
    let lines = canvas.wrap(title, H2, CONTENT);
    canvas.reserve(lines.len() as f32 * H2.leading + 6.0 + needed);
    canvas.y += canvas.lines(LEFT, canvas.y, &lines, H2) + 6.0;
}

/// Paragraphs that may go on over a page's end.
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

fn rule(canvas: &mut Canvas) {
    canvas.rect(LEFT, canvas.y, CONTENT, 0.8, LINE);
}

/// A text on a round plate that leads somewhere; gives its width.
fn pill(canvas: &mut Canvas, at: (f32, f32), text: &str, colors: (Rgb, Rgb), most: f32) -> f32 {
    const HEIGHT: f32 = 38.0;
    let style = Style::new(Weight::SemiBold, 14.0, HEIGHT, colors.1);
    let lines = canvas.wrap_to(text, style, most - 32.0, 1);
    let width = lines.first().map_or(0.0, |line| line.width) + 32.0;
    canvas.card(at.0, at.1, width, HEIGHT, HEIGHT / 2.0, colors.0);
    canvas.lines(at.0 + 16.0, at.1, &lines, style);
    width
}

/// The page's number and the way back to the list of workouts; workouts have their own ways at the bottom, above it.
fn footers(canvas: &mut Canvas, theme: Theme, days: std::ops::Range<usize>) {
    let count = canvas.page_count();
    for page in 1..count {
        canvas.on_page(page, |canvas| {
            let y = canvas.page_height() - 34.0;
            if !days.contains(&page) {
                let text = words::PLAN.get(canvas.language());
                let style = LABEL.colored(theme.accent_text);
                let width = canvas.measure(text, style);
                canvas.text(LEFT, y, text, style, CONTENT);
                canvas.link_to_anchor(LEFT, y - 8.0, width, 32.0, text);
            }
            canvas.text_right(WIDTH - LEFT, y, &format!("{} / {count}", page + 1), LABEL, 90.0);
        });
    }
}
