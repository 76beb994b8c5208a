//! Text on a canvas: breaking it into lines, measuring and drawing them.

use std::rc::Rc;

use krilla::text::{GlyphId, KrillaGlyph};

use super::{Canvas, Op};
use crate::pdf::color::Rgb;
use crate::pdf::fonts::{FontId, Weight, Word};

/// How a text looks. Units: points; `tracking` in fractions of the size.
#[derive(Debug, Clone, Copy)]
pub(in crate::pdf) struct Style {
    pub weight: Weight,
    pub size: f32,
    pub leading: f32,
    pub color: Rgb,
    pub tracking: f32,
}

impl Style {
    pub const fn new(weight: Weight, size: f32, leading: f32, color: Rgb) -> Self {
        Self {
            weight,
            size,
            leading,
            color,
            tracking: 0.0,
        }
    }

    pub const fn tracked(self, tracking: f32) -> Self {
        Self { tracking, ..self }
    }

    pub const fn colored(self, color: Rgb) -> Self {
        Self { color, ..self }
    }
}

/// Words that fit one line.
#[derive(Debug, Clone, Default)]
pub(in crate::pdf) struct Line {
    words: Vec<Rc<Word>>,
    pub width: f32,
}

impl Canvas {
    fn space(&mut self, style: Style) -> f32 {
        (self.shaper.word(style.weight, " ").width + style.tracking) * style.size
    }

    fn width_of(word: &Word, style: Style) -> f32 {
        let glyphs: usize = word.runs.iter().map(|run| run.glyphs.len()).sum();
        (word.width + glyphs as f32 * style.tracking) * style.size
    }

    /// Breaks a text into lines no wider than `width`. A word too wide for a line is cut, after a hyphen if it has one; a short Russian preposition or
    /// conjunction stays with the word after it.
    pub fn wrap(&mut self, text: &str, style: Style, width: f32) -> Vec<Line> {
        let space = self.space(style);
        let mut lines: Vec<Line> = Vec::new();
        let mut line = Line::default();
        let mut glue = 0;
        for text in text
            .split([' ', '\n', '\t', '\r', '\u{2028}', '\u{2029}'])
            .filter(|word| !word.is_empty())
        {
            for (word, is_cut) in self.fitting(text, style, width) {
                let word_width = Self::width_of(&word, style);
                let next = line.width + if line.words.is_empty() || is_cut { 0.0 } else { space } + word_width;
                if !line.words.is_empty() && (next > width || is_cut) {
                    // The short words that must not end a line move down together.
                    let keep = line.words.len() - glue.min(line.words.len() - 1);
                    let moved = if is_cut { Vec::new() } else { line.words.split_off(keep) };
                    lines.push(Self::measured(std::mem::take(&mut line.words), style, space));
                    line = Self::measured(moved, style, space);
                    glue = 0;
                }
                // Russian leaves "не", "и", "в" at no line's end; English minds only "a" and "I".
                let is_short = match word.chars {
                    1 => word.text().chars().all(char::is_alphabetic),
                    2 => word
                        .text()
                        .chars()
                        .all(|c| matches!(c, 'а'..='я' | 'А'..='Я' | 'ё' | 'Ё')),
                    _ => false,
                };
                glue = if is_short { glue + 1 } else { 0 };
                line.words.push(word);
                line = Self::measured(line.words, style, space);
            }
        }
        if !line.words.is_empty() {
            lines.push(line);
        }
        lines
    }

    fn measured(words: Vec<Rc<Word>>, style: Style, space: f32) -> Line {
        let gaps = words.len().saturating_sub(1) as f32 * space;
        let width = words.iter().map(|word| Self::width_of(word, style)).sum::<f32>() + gaps;
        Line { words, width }
    }

    /// The word, or its pieces if it is too wide for any line; the flag marks a piece that continues the one before.
    fn fitting(&mut self, text: &str, style: Style, width: f32) -> Vec<(Rc<Word>, bool)> {
        let word = self.shaper.word(style.weight, text);
        if word.chars == 0 {
            return Vec::new();
        }
        if Self::width_of(&word, style) <= width {
            return vec![(word, false)];
        }
        let mut pieces = Vec::new();
        let mut piece = String::new();
        for c in text.chars() {
            piece.push(c);
            let longer = self.shaper.word(style.weight, &piece);
            if Self::width_of(&longer, style) > width && piece.chars().count() > 1 && !is_mark(c) {
                piece.pop();
                // A hyphen, or what parts an address, is the better place to break.
                let break_at = piece
                    .char_indices()
                    .rev()
                    .find(|(_, c)| matches!(c, '-' | '‐' | '–' | '/' | '@' | '.' | '_'))
                    .map(|(at, c)| at + c.len_utf8())
                    .filter(|end| *end < piece.len());
                let next = break_at.map(|end| piece.split_off(end)).unwrap_or_default();
                pieces.push(std::mem::replace(&mut piece, next));
                piece.push(c);
            }
        }
        pieces.push(piece);
        pieces
            .iter()
            .map(|piece| self.shaper.word(style.weight, piece))
            .filter(|word| word.chars > 0)
            .enumerate()
            .map(|(index, word)| (word, index > 0))
            .collect()
    }

    /// At most `most` lines; what doesn't fit is replaced by an ellipsis.
    pub fn wrap_to(&mut self, text: &str, style: Style, width: f32, most: usize) -> Vec<Line> {
        let mut lines = self.wrap(text, style, width);
        if lines.len() <= most {
            return lines;
        }
        lines.truncate(most);
        let Some(last) = lines.pop() else { return lines };
        let mut kept: Vec<String> = last.words.iter().map(|word| word.text()).collect();
        loop {
            let shortened = format!("{}…", kept.join(" ").trim_end_matches([',', '.', ';', ':', '«', '(']));
            let mut candidate = self.wrap(&shortened, style, width);
            if candidate.len() <= 1 {
                lines.append(&mut candidate);
                return lines;
            }
            let is_emptied = kept.last_mut().is_none_or(|word| {
                word.pop();
                word.is_empty()
            });
            if is_emptied && kept.pop().is_none() {
                return lines;
            }
        }
    }

    /// The width of a text on one line.
    pub fn measure(&mut self, text: &str, style: Style) -> f32 {
        self.wrap(text, style, f32::MAX).first().map_or(0.0, |line| line.width)
    }

    /// Draws lines with their first line's top at `y`; gives the height they take.
    pub fn lines(&mut self, x: f32, y: f32, lines: &[Line], style: Style) -> f32 {
        for (index, line) in lines.iter().enumerate() {
            let top = y + index as f32 * style.leading;
            self.line(x, top, line, style);
        }
        lines.len() as f32 * style.leading
    }

    /// Wraps and draws; gives the height taken.
    pub fn text(&mut self, x: f32, y: f32, text: &str, style: Style, width: f32) -> f32 {
        let lines = self.wrap(text, style, width);
        self.lines(x, y, &lines, style)
    }

    /// Draws a text on one line that ends at `right`, shortened to `width`.
    pub fn text_right(&mut self, right: f32, y: f32, text: &str, style: Style, width: f32) {
        for line in self.wrap_to(text, style, width, 1) {
            self.line(right - line.width, y, &line, style);
        }
    }

    fn line(&mut self, x: f32, top: f32, line: &Line, style: Style) {
        // Inter's x-height sits well in the middle of its line with the baseline this far down.
        let y = top + style.leading / 2.0 + style.size * 0.36;
        let space = self.shaper.word(style.weight, " ");
        let gap = self.space(style);
        let mut pen = Pen {
            x,
            y,
            style,
            pending: None,
            done: Vec::new(),
        };
        let groups = line.words.chunk_by(|a, b| a.is_right_to_left == b.is_right_to_left);
        for (index, group) in groups.enumerate() {
            if group.first().is_some_and(|word| word.is_right_to_left) {
                // Words are drawn in the order in which they are read, each to the left of the one before.
                let width = Self::measured(group.to_vec(), style, gap).width;
                let left = pen.x + if index > 0 { gap } else { 0.0 };
                let mut right = left + width;
                for word in group {
                    let word_width = Self::width_of(word, style);
                    pen.jump(right - word_width);
                    pen.draw(word);
                    right -= word_width + gap;
                }
                pen.jump(left + width);
            } else {
                // Between the two directions a jump, not a space: readers would not know which of them it belongs to.
                if index > 0 {
                    pen.jump(pen.x + gap);
                }
                for (position, word) in group.iter().enumerate() {
                    if position > 0 {
                        pen.draw(&space);
                    }
                    pen.draw(word);
                }
            }
        }
        let mut done = pen.finish();
        if let Some(page) = self.page() {
            page.ops.append(&mut done);
        }
    }
}

/// Accents that sit on the letter before them and must stay with it.
const fn is_mark(c: char) -> bool {
    matches!(c, '\u{300}'..='\u{36f}' | '\u{483}'..='\u{489}' | '\u{591}'..='\u{5c7}' | '\u{64b}'..='\u{65f}')
}

/// Draws words one after another, as few operations as fonts and jumps allow.
struct Pen {
    x: f32,
    y: f32,
    style: Style,
    pending: Option<Pending>,
    done: Vec<Op>,
}

struct Pending {
    font: FontId,
    x: f32,
    glyphs: Vec<KrillaGlyph>,
    text: String,
}

impl Pen {
    fn jump(&mut self, x: f32) {
        self.flush();
        self.x = x;
    }

    fn draw(&mut self, word: &Word) {
        for run in &word.runs {
            if self.pending.as_ref().is_some_and(|pending| pending.font != run.font) {
                self.flush();
            }
            let (font, x) = (run.font, self.x);
            let pending = self.pending.get_or_insert_with(|| Pending {
                font,
                x,
                glyphs: Vec::new(),
                text: String::new(),
            });
            let offset = pending.text.len();
            pending.text.push_str(&run.text);
            for glyph in &run.glyphs {
                let advance = glyph.advance + self.style.tracking;
                self.x += advance * self.style.size;
                pending.glyphs.push(KrillaGlyph {
                    glyph_id: GlyphId::new(glyph.id),
                    text_range: glyph.from + offset..glyph.to + offset,
                    x_advance: advance,
                    x_offset: glyph.x_offset,
                    y_offset: glyph.y_offset,
                    y_advance: 0.0,
                    location: None,
                });
            }
        }
    }

    fn flush(&mut self) {
        if let Some(Pending { font, x, glyphs, text }) = self.pending.take() {
            let Style { size, color, .. } = self.style;
            self.done.push(Op::Text {
                x,
                y: self.y,
                font,
                size,
                color,
                glyphs,
                text,
            });
        }
    }

    fn finish(mut self) -> Vec<Op> {
        self.flush();
        self.done
    }
}
