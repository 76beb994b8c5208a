//! Colours of the page, derived from the brand's one accent.

use serde::{Deserialize, Serialize};

/// A colour, 8 bits a channel; its text form is `#0f766e`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Rgb(pub u8, pub u8, pub u8);

/// The contrast that WCAG 2.2 asks of small text (1.4.3, AA).
const READABLE: f32 = 4.5;

pub(super) const WHITE: Rgb = Rgb(255, 255, 255);
pub(super) const INK: Rgb = Rgb(24, 28, 34);
pub(super) const MUTED: Rgb = Rgb(98, 106, 118);
pub(super) const LINE: Rgb = Rgb(223, 227, 232);

impl Rgb {
    /// `#0f766e`, with or without the `#`.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('#').unwrap_or(text);
        if digits.len() != 6 || !digits.is_ascii() {
            return None;
        }
        let channel = |from: usize| u8::from_str_radix(digits.get(from..from + 2)?, 16).ok();
        Some(Self(channel(0)?, channel(2)?, channel(4)?))
    }

    /// `share` percent of `other`, the rest of `self`.
    pub(super) fn mix(self, other: Self, share: u16) -> Self {
        let blend = |a: u8, b: u8| ((u16::from(a) * (100 - share) + u16::from(b) * share + 50) / 100) as u8;
        Self(blend(self.0, other.0), blend(self.1, other.1), blend(self.2, other.2))
    }

    fn luminance(self) -> f32 {
        let linear = |channel: u8| {
            let value = f32::from(channel) / 255.0;
            if value <= 0.04045 {
                value / 12.92
            } else {
                ((value + 0.055) / 1.055).powf(2.4)
            }
        };
        0.2126 * linear(self.0) + 0.7152 * linear(self.1) + 0.0722 * linear(self.2)
    }

    /// WCAG contrast ratio, 1 to 21.
    pub(super) fn contrast(self, other: Self) -> f32 {
        let (a, b) = (self.luminance() + 0.05, other.luminance() + 0.05);
        if a > b { a / b } else { b / a }
    }

    /// The colour itself, or darkened until text in it reads well on the light `background`.
    pub(super) fn readable_on(self, background: Self) -> Self {
        (0..=20)
            .map(|step| self.mix(INK, step * 5))
            .find(|color| color.contrast(background) >= READABLE)
            .unwrap_or(INK)
    }

    /// The colour as a background and the text on it. White text is what brands expect, so a colour that nearly carries
    /// it is darkened a little; a pale one keeps its shade and gets dark text.
    pub(super) fn as_background(self) -> (Self, Self) {
        if self.contrast(WHITE) >= 3.5 {
            (self.readable_on(WHITE), WHITE)
        } else {
            (self, INK)
        }
    }

    /// This background's text colour softened towards it, as far as small print stays readable.
    pub(super) fn soft_text(self, text: Self) -> Self {
        (0..=5)
            .map(|step| self.mix(text, 75 + step * 5))
            .find(|color| color.contrast(self) >= READABLE)
            .unwrap_or(text)
    }
}

impl TryFrom<String> for Rgb {
    type Error = String;

    fn try_from(text: String) -> Result<Self, String> {
        Self::parse(&text).ok_or_else(|| format!("{text:?} is no colour like #0f766e"))
    }
}

impl From<Rgb> for String {
    fn from(Rgb(red, green, blue): Rgb) -> Self {
        format!("#{red:02x}{green:02x}{blue:02x}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_stays_readable_with_any_accent() {
        let steps = (0..=255).step_by(15);
        for (red, green) in steps
            .clone()
            .flat_map(|red| steps.clone().map(move |green| (red, green)))
        {
            for blue in steps.clone() {
                let accent = Rgb(red, green, blue);
                let tint = WHITE.mix(accent, 14);
                assert!(accent.readable_on(tint).contrast(tint) >= 4.5, "{accent:?} as text");
                let (background, text) = accent.as_background();
                assert!(background.contrast(text) >= 4.5, "{accent:?} as a background");
                assert!(
                    background.contrast(background.soft_text(text)) >= 4.5,
                    "{accent:?}, softened"
                );
            }
        }
        assert_eq!(Rgb::parse("#12345"), None);
        assert_eq!(Rgb::parse("ёжики"), None);
    }
}
