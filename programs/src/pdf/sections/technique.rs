//! How each exercise of the plan is done, in the order of first appearance.

use super::{CONTENT, Canvas, Document, INK, LEFT, MUTED, SMALL, Style, Theme, paragraph, rule, section};
use crate::pdf::fonts::Weight;
use crate::pdf::words;
use crate::programme::Item;

const NAME: Style = Style::new(Weight::SemiBold, 10.0, 14.0, INK);
const TEXT: Style = Style::new(Weight::Regular, 9.5, 13.5, INK);
const NAME_WIDTH: f32 = 148.0;
const TEXT_X: f32 = LEFT + NAME_WIDTH + 16.0;
const TEXT_WIDTH: f32 = CONTENT - NAME_WIDTH - 16.0;

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let language = canvas.language();
    section(canvas, &words::TECHNIQUE);
    paragraph(canvas, words::TECHNIQUE_HINT.get(language), SMALL);
    canvas.y += 14.0;
    let mut seen: Vec<&Item> = Vec::new();
    for (_, _, item) in document.programme.items() {
        if !seen.iter().any(|other| other.exercise_id == item.exercise_id) {
            seen.push(item);
        }
    }
    for item in seen {
        entry(canvas, item, theme);
    }
}

fn entry(canvas: &mut Canvas, item: &Item, theme: Theme) {
    let language = canvas.language();
    let name = canvas.wrap(item.name.get(language), NAME, NAME_WIDTH);
    let technique = canvas.wrap(item.technique.get(language), TEXT, TEXT_WIDTH);
    let mistakes = format!("{} {}", words::MISTAKES.get(language), item.mistakes.get(language));
    let mistakes = canvas.wrap(&mistakes, TEXT.colored(MUTED), TEXT_WIDTH);
    let video = item.video.as_deref();
    let left = name.len() as f32 * NAME.leading + if video.is_some() { 15.0 } else { 0.0 };
    let right = (technique.len() + mistakes.len()) as f32 * TEXT.leading + 2.0;
    let height = left.max(right);
    canvas.reserve(height + 10.0);
    canvas.anchor(&item.exercise_id);
    let top = canvas.y;
    let name_height = canvas.lines(LEFT, top, &name, NAME);
    if let Some(url) = video {
        let style = Style::new(Weight::Medium, 8.5, 13.0, theme.accent_text);
        let text = words::VIDEO.get(language);
        let width = canvas.measure(text, style);
        canvas.text(LEFT, top + name_height + 1.0, text, style, NAME_WIDTH);
        canvas.link_to_url(LEFT, top + name_height + 1.0, width, 13.0, url);
    }
    let technique_height = canvas.lines(TEXT_X, top, &technique, TEXT);
    canvas.lines(TEXT_X, top + technique_height + 2.0, &mistakes, TEXT.colored(MUTED));
    canvas.y = top + height + 8.0;
    rule(canvas, LEFT, canvas.y, CONTENT);
    canvas.y += 8.0;
}
