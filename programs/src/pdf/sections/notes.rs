//! Lines to write on.

use super::{CONTENT, Canvas, LEFT, LINE, SMALL, heading, paragraph, section};
use crate::pdf::canvas::BOTTOM;
use crate::pdf::words;

/// As far apart as in a school notebook.
const LINE_GAP: f32 = 25.0;

/// The rest of the page if it holds a few thoughts, or a page of its own.
pub(super) fn draw(canvas: &mut Canvas) {
    if canvas.has_room(34.0 + 60.0 + LINE_GAP * 6.0) {
        canvas.y += 34.0;
        heading(canvas, &words::NOTES);
    } else {
        section(canvas, &words::NOTES);
    }
    let hint = words::NOTES_HINT.get(canvas.language());
    paragraph(canvas, hint, SMALL);
    canvas.y += 4.0;
    while canvas.y + LINE_GAP <= BOTTOM {
        canvas.y += LINE_GAP;
        canvas.rect(LEFT, canvas.y, CONTENT, 0.6, LINE);
    }
}
