//! The embedded fonts and shaping with them: text to glyphs with their widths.
//!
//! Inter draws Latin and Cyrillic in four weights; a name in Hebrew or Arabic letters falls back to Noto. A character that
//! none of them has (an emoji) is left out rather than drawn as a box.

use std::collections::HashMap;
use std::rc::Rc;
use std::sync::OnceLock;

use krilla::text::Font;
use rustybuzz::ttf_parser::GlyphId;
use rustybuzz::{Direction, Face, ShapePlan, UnicodeBuffer, script};

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Weight {
    Regular,
    Medium,
    SemiBold,
    Bold,
}

/// An index into [`Fonts`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) struct FontId(usize);

pub(super) struct Fonts(Vec<Typeface>);

struct Typeface {
    face: Face<'static>,
    font: Font,
    /// Plans are costly to make and depend on font and script only.
    latin: ShapePlan,
    cyrillic: ShapePlan,
    right_to_left: Option<ShapePlan>,
}

static FILES: [&[u8]; 6] = [
    include_bytes!("../../../assets/fonts/Inter-Regular.ttf"),
    include_bytes!("../../../assets/fonts/Inter-Medium.ttf"),
    include_bytes!("../../../assets/fonts/Inter-SemiBold.ttf"),
    include_bytes!("../../../assets/fonts/Inter-Bold.ttf"),
    include_bytes!("../../../assets/fonts/NotoSansHebrew-Regular.ttf"),
    include_bytes!("../../../assets/fonts/NotoSansArabic-Regular.ttf"),
];
const HEBREW: FontId = FontId(4);
const ARABIC: FontId = FontId(5);

/// The fonts, parsed on first use; `None` only if an embedded file were broken.
pub(super) fn fonts() -> Option<&'static Fonts> {
    static PARSED: OnceLock<Option<Fonts>> = OnceLock::new();
    PARSED
        .get_or_init(|| {
            FILES
                .iter()
                .enumerate()
                .map(|(index, file)| Typeface::parse(file, index))
                .collect::<Option<_>>()
                .map(Fonts)
        })
        .as_ref()
}

impl Typeface {
    fn parse(file: &'static [u8], index: usize) -> Option<Self> {
        let face = Face::from_slice(file, 0)?;
        let plan = |direction, script| ShapePlan::new(&face, direction, Some(script), None, &[]);
        let right_to_left = match FontId(index) {
            HEBREW => Some(plan(Direction::RightToLeft, script::HEBREW)),
            ARABIC => Some(plan(Direction::RightToLeft, script::ARABIC)),
            _ => None,
        };
        Some(Self {
            latin: plan(Direction::LeftToRight, script::LATIN),
            cyrillic: plan(Direction::LeftToRight, script::CYRILLIC),
            right_to_left,
            font: Font::new(file.into(), 0)?,
            face,
        })
    }
}

impl Fonts {
    pub fn font(&self, id: FontId) -> Option<Font> {
        self.0.get(id.0).map(|typeface| typeface.font.clone())
    }

    fn has(&self, id: FontId, c: char) -> bool {
        self.0
            .get(id.0)
            .and_then(|typeface| typeface.face.glyph_index(c))
            .is_some_and(|glyph| glyph != GlyphId(0))
    }

    /// The font to draw `c` with.
    fn choose(&self, weight: Weight, c: char) -> Option<FontId> {
        let inter = FontId(match weight {
            Weight::Regular => 0,
            Weight::Medium => 1,
            Weight::SemiBold => 2,
            Weight::Bold => 3,
        });
        if is_invisible(c) {
            return None;
        }
        [inter, HEBREW, ARABIC].into_iter().find(|id| self.has(*id, c))
    }
}

/// Marks that change direction or join glyphs: they have no shape of their own, and in a name they only do harm.
const fn is_invisible(c: char) -> bool {
    matches!(
        c,
        '\u{ad}' | '\u{61c}' | '\u{180e}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{fff9}'..='\u{fffc}' | '\u{e0000}'..='\u{e0fff}'
    ) || c.is_ascii_control()
        || matches!(c, '\u{80}'..='\u{9f}')
}

/// A glyph, in fractions of the font size.
#[derive(Debug, Clone)]
pub(super) struct Glyph {
    pub id: u32,
    pub advance: f32,
    pub x_offset: f32,
    pub y_offset: f32,
    /// The bytes of the run's text it stands for.
    pub from: usize,
    pub to: usize,
}

/// Glyphs of one font.
#[derive(Debug)]
pub(super) struct Run {
    pub font: FontId,
    pub glyphs: Vec<Glyph>,
    pub text: String,
}

/// What stands between two spaces. Empty `runs` if nothing of it can be drawn.
#[derive(Debug)]
pub(super) struct Word {
    pub runs: Vec<Run>,
    /// In fractions of the font size.
    pub width: f32,
    pub is_right_to_left: bool,
    /// How many characters are drawn.
    pub chars: usize,
}

impl Word {
    pub fn text(&self) -> String {
        self.runs.iter().map(|run| run.text.as_str()).collect()
    }
}

/// Shapes words and remembers them: tables repeat the same few words on every page.
pub(super) struct Shaper {
    fonts: &'static Fonts,
    cache: HashMap<(Weight, String), Rc<Word>>,
}

impl Shaper {
    pub fn new(fonts: &'static Fonts) -> Self {
        Self {
            fonts,
            cache: HashMap::new(),
        }
    }

    pub const fn fonts(&self) -> &'static Fonts {
        self.fonts
    }

    pub fn word(&mut self, weight: Weight, text: &str) -> Rc<Word> {
        if let Some(word) = self.cache.get(&(weight, text.to_owned())) {
            return Rc::clone(word);
        }
        let word = Rc::new(self.shape(weight, text));
        self.cache.insert((weight, text.to_owned()), Rc::clone(&word));
        word
    }

    fn shape(&self, weight: Weight, text: &str) -> Word {
        let mut pieces: Vec<(FontId, String)> = Vec::new();
        for c in text.chars() {
            let Some(font) = self.fonts.choose(weight, c) else {
                continue;
            };
            match pieces.last_mut() {
                Some((last, piece)) if *last == font => piece.push(c),
                _ => pieces.push((font, c.to_string())),
            }
        }
        let is_right_to_left = pieces.iter().any(|(font, _)| *font == HEBREW || *font == ARABIC);
        if is_right_to_left {
            pieces.reverse();
        }
        let mut width = 0.0;
        let mut chars = 0;
        let mut runs = Vec::with_capacity(pieces.len());
        for (font, piece) in pieces {
            chars += piece.chars().count();
            let Some(typeface) = self.fonts.0.get(font.0) else {
                continue;
            };
            let glyphs = shape_run(typeface, &piece);
            width += glyphs.iter().map(|glyph| glyph.advance).sum::<f32>();
            runs.push(Run {
                font,
                glyphs,
                text: piece,
            });
        }
        Word {
            runs,
            width,
            is_right_to_left,
            chars,
        }
    }
}

fn shape_run(typeface: &Typeface, text: &str) -> Vec<Glyph> {
    let mut buffer = UnicodeBuffer::new();
    buffer.push_str(text);
    let is_cyrillic = text.chars().any(|c| matches!(c, '\u{400}'..='\u{52f}'));
    let (plan, direction, script) = match &typeface.right_to_left {
        Some(plan) => {
            let is_hebrew = text
                .chars()
                .any(|c| matches!(c, '\u{590}'..='\u{5ff}' | '\u{fb1d}'..='\u{fb4f}'));
            (
                plan,
                Direction::RightToLeft,
                if is_hebrew { script::HEBREW } else { script::ARABIC },
            )
        }
        None if is_cyrillic => (&typeface.cyrillic, Direction::LeftToRight, script::CYRILLIC),
        None => (&typeface.latin, Direction::LeftToRight, script::LATIN),
    };
    buffer.set_direction(direction);
    buffer.set_script(script);
    // A plan serves one script only; the rare run that none was made for is shaped without one.
    let is_planned = typeface.right_to_left.is_none() || plan_script(typeface) == Some(script);
    let shaped = if is_planned {
        rustybuzz::shape_with_plan(&typeface.face, plan, buffer)
    } else {
        rustybuzz::shape(&typeface.face, &[], buffer)
    };
    let em = typeface.face.units_per_em() as f32;
    let mut starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    starts.push(text.len());
    starts.sort_unstable();
    starts.dedup();
    shaped
        .glyph_infos()
        .iter()
        .zip(shaped.glyph_positions())
        .map(|(info, position)| {
            let from = info.cluster as usize;
            let to = starts.iter().copied().find(|start| *start > from).unwrap_or(text.len());
            Glyph {
                id: info.glyph_id,
                advance: position.x_advance as f32 / em,
                x_offset: position.x_offset as f32 / em,
                y_offset: position.y_offset as f32 / em,
                from,
                to,
            }
        })
        .collect()
}

fn plan_script(typeface: &Typeface) -> Option<rustybuzz::Script> {
    let has = |c| typeface.face.glyph_index(c).is_some();
    if has('א') {
        Some(script::HEBREW)
    } else if has('ب') {
        Some(script::ARABIC)
    } else {
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_letter_of_both_languages_has_a_glyph_and_an_emoji_is_left_out() {
        let mut shaper = Shaper::new(fonts().unwrap());
        let all = "АБВГДЕЁЖЗИЙКЛМНОПРСТУФХЦЧШЩЪЫЬЭЮЯабвгдеёжзийклмнопрстуфхцчшщъыьэюяABCZabcz0123456789«»„“—–…№×·•₽°";
        assert_eq!(shaper.word(Weight::Regular, all).text(), all);
        assert_eq!(shaper.word(Weight::Bold, "Анна🦊👩‍🚀").text(), "Анна");
        assert_eq!(shaper.word(Weight::Regular, "\u{202e}🦊").text(), "");
    }

    #[test]
    fn right_to_left_letters_are_drawn() {
        let mut shaper = Shaper::new(fonts().unwrap());
        for name in ["יעל", "محمد"] {
            let word = shaper.word(Weight::SemiBold, name);
            assert_eq!(word.text(), name);
            assert!(word.is_right_to_left && word.width > 0.5);
        }
    }
}
