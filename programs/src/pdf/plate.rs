//! The logo in its place, on whatever it is seen well on.

use super::canvas::Canvas;
use super::color::{INK, WHITE};
use super::logo::{Background, Logo};
use super::sections::Theme;

/// So wide that it must be a name written out.
pub(super) fn is_wordmark(logo: &Logo) -> bool {
    logo.ratio() > 2.2
}

/// Draws the logo onto the accent's area, as large as it fits `most` (width and height); gives the width taken.
pub(super) fn draw(canvas: &mut Canvas, logo: &Logo, theme: Theme, at: (f32, f32), most: (f32, f32)) -> f32 {
    const PADDING: f32 = 6.0;
    let plate = match logo.background() {
        Background::Own | Background::Light => Some(WHITE),
        Background::Dark if theme.on_accent == WHITE => None,
        Background::Dark => Some(INK),
    };
    let padding = if plate.is_some() { PADDING } else { 0.0 };
    let (most_width, most_height) = (most.0 - padding * 2.0, most.1 - padding * 2.0);
    let scale = (most_width / logo.ratio()).min(most_height);
    let (width, height) = (scale * logo.ratio(), scale);
    if let Some(color) = plate {
        canvas.card(at.0, at.1, width + padding * 2.0, height + padding * 2.0, 7.0, color);
    }
    canvas.logo(at.0 + padding, at.1 + padding, width, height, logo);
    width + padding * 2.0
}
