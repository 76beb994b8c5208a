//! The last screen: closing words, the next step as a button, contacts a finger can hit.

use super::{BODY, CONTENT, Canvas, Document, INK, LEFT, Style, Theme, WHITE, paragraph, rule, section, subheading};
use crate::pdf::NextStep;
use crate::pdf::fonts::Weight;
use crate::pdf::words;

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let language = canvas.language();
    section(canvas, &words::CLOSING);
    paragraph(canvas, &document.wording.closing, BODY);
    if let Some(closing) = document.brand.closing.as_deref() {
        canvas.y += 8.0;
        paragraph(canvas, closing, BODY);
    }
    canvas.y += 24.0;
    if let Some(next) = &document.next_step {
        next_step(canvas, next, theme);
        canvas.y += 28.0;
    }
    if document.brand.contacts.is_empty() {
        return;
    }
    subheading(canvas, words::CONTACTS.get(language), 60.0);
    canvas.y += canvas.text(LEFT, canvas.y, &document.brand.name, BODY, CONTENT) + 6.0;
    for contact in &document.brand.contacts {
        let style = Style::new(
            Weight::Medium,
            15.0,
            22.0,
            if contact.url.is_some() { theme.accent_text } else { INK },
        );
        let lines = canvas.wrap(&contact.text, style, CONTENT);
        let height = lines.len() as f32 * style.leading + 16.0;
        canvas.reserve(height);
        rule(canvas);
        canvas.lines(LEFT, canvas.y + 8.0, &lines, style);
        if let Some(url) = &contact.url {
            canvas.link_to_url(LEFT, canvas.y, CONTENT, height, url);
        }
        canvas.y += height;
    }
}

fn next_step(canvas: &mut Canvas, next: &NextStep, theme: Theme) {
    const PADDING: f32 = 20.0;
    let language = canvas.language();
    let width = CONTENT - PADDING * 2.0;
    let label = Style::new(Weight::SemiBold, 12.0, 18.0, theme.on_accent_soft);
    let title = Style::new(Weight::Bold, 20.0, 25.0, theme.on_accent);
    let text = Style::new(Weight::Regular, 15.0, 21.0, theme.on_accent);
    let button = Style::new(Weight::SemiBold, 16.0, 46.0, theme.accent_text);
    let title_lines = canvas.wrap_to(&next.title, title, width, 8);
    let text_lines = canvas.wrap_to(&next.text, text, width, 14);
    let height = PADDING * 2.0
        + label.leading
        + 4.0
        + title_lines.len() as f32 * title.leading
        + 8.0
        + text_lines.len() as f32 * text.leading
        + 18.0
        + button.leading;
    canvas.reserve(height);
    let top = canvas.y;
    canvas.card(LEFT, top, CONTENT, height, 16.0, theme.accent);
    let x = LEFT + PADDING;
    let mut y = top + PADDING;
    y += canvas.text(x, y, words::NEXT.get(language), label, width) + 4.0;
    y += canvas.lines(x, y, &title_lines, title) + 8.0;
    y += canvas.lines(x, y, &text_lines, text) + 18.0;
    canvas.card(x, y, width, button.leading, button.leading / 2.0, WHITE);
    let caption = words::OPEN.get(language);
    let caption_width = canvas.measure(caption, button);
    canvas.text(x + (width - caption_width) / 2.0, y, caption, button, width);
    canvas.link_to_url(x, y, width, button.leading, &next.url);
    canvas.y = top + height;
}
