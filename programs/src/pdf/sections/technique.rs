//! How each exercise of the plan is done, in the order of first appearance.

use super::weeks::day_anchor;
use super::{CONTENT, Canvas, Document, INK, LEFT, MUTED, SMALL, Style, Theme, paragraph, rule, section};
use crate::pdf::fonts::Weight;
use crate::pdf::{item, words};
use crate::programme::Item;

const NAME: Style = Style::new(Weight::SemiBold, 10.0, 14.0, INK);
const TEXT: Style = Style::new(Weight::Regular, 9.5, 13.5, INK);
const LINK: Style = Style::new(Weight::Medium, 8.5, 13.0, INK);
const NAME_WIDTH: f32 = 148.0;
const TEXT_X: f32 = LEFT + NAME_WIDTH + 16.0;
const TEXT_WIDTH: f32 = CONTENT - NAME_WIDTH - 16.0;

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let language = canvas.language();
    section(canvas, &words::TECHNIQUE);
    paragraph(canvas, words::TECHNIQUE_HINT.get(language), SMALL);
    canvas.y += 14.0;
    for (week, day, item) in item::exercises(&document.programme) {
        entry(canvas, item, (week, day), theme);
    }
}

fn entry(canvas: &mut Canvas, item: &Item, (week, day): (u8, u8), theme: Theme) {
    let language = canvas.language();
    let name = canvas.wrap(item.name.get(language), NAME, NAME_WIDTH);
    let technique = canvas.wrap(item.technique.get(language), TEXT, TEXT_WIDTH);
    let mistakes = format!("{} {}", words::MISTAKES.get(language), item.mistakes.get(language));
    let mistakes = canvas.wrap(&mistakes, TEXT.colored(MUTED), TEXT_WIDTH);
    let video = item.video.as_deref();
    let left = name.len() as f32 * NAME.leading + 1.0 + if video.is_some() { LINK.leading } else { 0.0 } + LINK.leading;
    let right = (technique.len() + mistakes.len()) as f32 * TEXT.leading + 2.0;
    let height = left.max(right);
    canvas.reserve(height + 10.0);
    canvas.anchor(&item.exercise_id);
    canvas.bookmark(item.name.get(language), 1);
    let top = canvas.y;
    let mut y = top + canvas.lines(LEFT, top, &name, NAME) + 1.0;
    let style = LINK.colored(theme.accent_text);
    if let Some(url) = video {
        let text = words::VIDEO.get(language);
        let width = canvas.measure(text, style);
        canvas.text(LEFT, y, text, style, NAME_WIDTH);
        canvas.link_to_url(LEFT, y, width, style.leading, url);
        y += style.leading;
    }
    let back = format!(
        "← {} {week}, {} {day}",
        words::WEEK.get(language),
        words::DAY.get(language).to_lowercase()
    );
    let width = canvas.measure(&back, style);
    canvas.text(LEFT, y, &back, style, NAME_WIDTH);
    canvas.link_to_anchor(LEFT, y, width, style.leading, &day_anchor(week, day));
    let technique_height = canvas.lines(TEXT_X, top, &technique, TEXT);
    canvas.lines(TEXT_X, top + technique_height + 2.0, &mistakes, TEXT.colored(MUTED));
    canvas.y = top + height + 8.0;
    rule(canvas, LEFT, canvas.y, CONTENT);
    canvas.y += 8.0;
}
