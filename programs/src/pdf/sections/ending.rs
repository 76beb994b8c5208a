//! The last page: closing words, the next step with a button and a QR code, contacts.

use qrcode::{Color, EcLevel, QrCode};

use super::{BODY, CONTENT, Canvas, Document, INK, LEFT, Style, Theme, WHITE, heading, paragraph, section, subheading};
use crate::pdf::NextStep;
use crate::pdf::fonts::Weight;
use crate::pdf::words;

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    // The last words may share a page with the measurements, not with half of themselves.
    let next = if document.next_step.is_some() { 260.0 } else { 0.0 };
    let needed = 160.0 + next + document.brand.contacts.len() as f32 * 17.0;
    if canvas.has_room(needed + 34.0) {
        canvas.y += 34.0;
        heading(canvas, &words::CLOSING);
    } else {
        section(canvas, &words::CLOSING);
    }
    paragraph(canvas, &document.wording.closing, BODY);
    if let Some(closing) = document
        .brand
        .closing
        .as_deref()
        .filter(|closing| !closing.trim().is_empty())
    {
        canvas.y += 8.0;
        paragraph(canvas, closing, BODY);
    }
    canvas.y += 24.0;
    if let Some(next) = &document.next_step {
        next_step(canvas, next, theme);
        canvas.y += 26.0;
    }
    contacts(canvas, document, theme);
}

fn next_step(canvas: &mut Canvas, next: &NextStep, theme: Theme) {
    const PADDING: f32 = 22.0;
    const QR: f32 = 104.0;
    let language = canvas.language();
    let code = QrCode::with_error_correction_level(next.url.as_bytes(), EcLevel::M)
        .ok()
        // A denser code can't be read from paper at this size.
        .filter(|code| code.width() <= 57);
    let width = CONTENT - PADDING * 2.0 - if code.is_some() { QR + 24.0 } else { 0.0 };
    let label = Style::new(Weight::SemiBold, 8.5, 12.0, theme.on_accent_soft);
    let title = Style::new(Weight::Bold, 17.0, 22.0, theme.on_accent);
    let text = Style::new(Weight::Regular, 10.5, 15.5, theme.on_accent);
    let button = Style::new(Weight::SemiBold, 10.5, 30.0, theme.accent_text);
    let title_lines = canvas.wrap(&next.title, title, width);
    let text_lines = canvas.wrap(&next.text, text, width);
    let body = label.leading
        + 6.0
        + title_lines.len() as f32 * title.leading
        + 6.0
        + text_lines.len() as f32 * text.leading
        + 14.0
        + button.leading;
    let height = body.max(if code.is_some() { QR + 18.0 } else { 0.0 }) + PADDING * 2.0;
    canvas.reserve(height);
    let top = canvas.y;
    canvas.card(LEFT, top, CONTENT, height, 12.0, theme.accent);
    let x = LEFT + PADDING;
    let mut y = top + PADDING;
    y += canvas.text(x, y, words::NEXT.get(language), label, width) + 6.0;
    y += canvas.lines(x, y, &title_lines, title) + 6.0;
    y += canvas.lines(x, y, &text_lines, text) + 14.0;
    let caption = words::OPEN.get(language);
    let button_width = canvas.measure(caption, button) + 36.0;
    canvas.card(x, y, button_width, button.leading, 15.0, WHITE);
    canvas.text(x + 18.0, y, caption, button, button_width);
    canvas.link_to_url(x, y, button_width, button.leading, &next.url);
    if let Some(code) = code {
        let left = LEFT + CONTENT - PADDING - QR;
        qr(canvas, &code, left, top + PADDING, QR);
        let style = Style::new(Weight::Regular, 7.5, 10.0, theme.on_accent);
        for (index, line) in canvas
            .wrap(words::SCAN.get(language), style, QR)
            .into_iter()
            .enumerate()
        {
            let line_x = left + (QR - line.width) / 2.0;
            canvas.lines(line_x, top + PADDING + QR + 6.0 + index as f32 * 10.0, &[line], style);
        }
    }
    canvas.y = top + height;
}

fn qr(canvas: &mut Canvas, code: &QrCode, x: f32, y: f32, size: f32) {
    const QUIET: f32 = 8.0;
    canvas.card(x, y, size, size, 6.0, WHITE);
    let width = code.width();
    let side = (size - QUIET * 2.0) / width as f32;
    let colors = code.to_colors();
    let dark = colors
        .iter()
        .enumerate()
        .filter(|(_, color)| **color == Color::Dark)
        .map(|(index, _)| {
            (
                x + QUIET + (index % width) as f32 * side,
                y + QUIET + (index / width) as f32 * side,
            )
        });
    // A hair of overlap hides the seams between modules.
    canvas.squares(dark.collect::<Vec<_>>().into_iter(), side + 0.05, INK);
}

fn contacts(canvas: &mut Canvas, document: &Document, theme: Theme) {
    if document.brand.contacts.is_empty() {
        return;
    }
    subheading(canvas, &words::CONTACTS, 40.0);
    let name = Style::new(Weight::Regular, 10.5, 17.0, INK);
    canvas.y += canvas.text(LEFT, canvas.y, &document.brand.name, name, CONTENT);
    for contact in &document.brand.contacts {
        let style = if contact.url.is_some() {
            name.colored(theme.accent_text)
        } else {
            name
        };
        let lines = canvas.wrap(&contact.text, style, CONTENT);
        canvas.reserve(lines.len() as f32 * style.leading);
        let width = lines.iter().map(|line| line.width).fold(0.0, f32::max);
        let height = canvas.lines(LEFT, canvas.y, &lines, style);
        if let Some(url) = &contact.url {
            canvas.link_to_url(LEFT, canvas.y, width, height, url);
        }
        canvas.y += height;
    }
}
