//! The short version for a phone's screen, from the same words as the long one.

use super::Document;
use super::canvas::{Canvas, Paper, Style};
use super::color::INK;
use super::fonts::Weight;

/// As narrow as a phone (9 : 19.5): at full width a point is about a point of the screen.
pub(super) const SCREEN: Paper = Paper {
    width: 360.0,
    height: 780.0,
    top: 28.0,
    bottom: 740.0,
};

pub(super) fn draw(canvas: &mut Canvas, document: &Document) {
    canvas.bookmark(&document.title, 0);
    let style = Style::new(Weight::Regular, 15.0, 22.0, INK);
    canvas.y += canvas.text(24.0, canvas.y, &document.title, style, 312.0);
}
