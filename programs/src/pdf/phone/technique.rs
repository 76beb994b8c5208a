//! How each exercise is done, in the order of first appearance, with the way back to it.

use super::{CONTENT, Canvas, Document, H2, INK, LEFT, MUTED, Style, Theme, rule, section};
use crate::pdf::fonts::Weight;
use crate::pdf::sections::day_anchor;
use crate::pdf::{item, words};

const TEXT: Style = Style::new(Weight::Regular, 14.0, 20.0, INK);

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let language = canvas.language();
    section(canvas, &words::TECHNIQUE);
    let link = Style::new(Weight::SemiBold, 13.0, 26.0, theme.accent_text);
    for (week, day, item) in item::exercises(&document.programme) {
        let name = canvas.wrap(item.name.get(language), H2, CONTENT);
        let technique = canvas.wrap(item.technique.get(language), TEXT, CONTENT);
        let mistakes = format!("{} {}", words::MISTAKES.get(language), item.mistakes.get(language));
        let mistakes = canvas.wrap(&mistakes, TEXT.colored(MUTED), CONTENT);
        let lines = technique.len() + mistakes.len();
        let height = 12.0 + name.len() as f32 * H2.leading + lines as f32 * TEXT.leading + 10.0 + link.leading;
        canvas.reserve(height);
        rule(canvas);
        canvas.y += 12.0;
        canvas.anchor(&item.exercise_id);
        canvas.bookmark(item.name.get(language), 1);
        canvas.y += canvas.lines(LEFT, canvas.y, &name, H2) + 2.0;
        canvas.y += canvas.lines(LEFT, canvas.y, &technique, TEXT) + 4.0;
        canvas.y += canvas.lines(LEFT, canvas.y, &mistakes, TEXT.colored(MUTED));
        let back = format!(
            "← {} {week}, {} {day}",
            words::WEEK.get(language),
            words::DAY.get(language).to_lowercase()
        );
        let mut x = LEFT;
        let width = canvas.measure(&back, link);
        canvas.text(x, canvas.y, &back, link, CONTENT);
        canvas.link_to_anchor(x, canvas.y, width, link.leading, &day_anchor(week, day));
        x += width + 22.0;
        if let Some(url) = &item.video {
            let text = words::VIDEO.get(language);
            let width = canvas.measure(text, link);
            canvas.text(x, canvas.y, text, link, CONTENT);
            canvas.link_to_url(x, canvas.y, width, link.leading, url);
        }
        canvas.y += link.leading + 8.0;
    }
}
