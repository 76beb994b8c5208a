//! Pages of drawing operations, and their translation into a PDF.
//!
//! Sections draw onto pages here; only [`Canvas::finish`] talks to the PDF library. Keeping the pages as data first is what
//! lets a link point forward and a footer know the number of pages. Units: points (1/72 inch), y grows downwards.

use std::collections::HashMap;
use std::rc::Rc;

use domain::language::Language;
use krilla::Document as Pdf;
use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::destination::{Destination, XyzDestination};
use krilla::geom::{Path, PathBuilder, Point, Rect};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::text::{GlyphId, KrillaGlyph};

use super::color::Rgb;
use super::fonts::{FontId, Fonts, Shaper, Weight, Word};
use super::{PdfError, Rendered};
use krilla::metadata::Metadata;

/// A4.
pub(super) const WIDTH: f32 = 595.28;
pub(super) const HEIGHT: f32 = 841.89;
pub(super) const LEFT: f32 = 48.0;
pub(super) const TOP: f32 = 54.0;
pub(super) const CONTENT: f32 = WIDTH - 2.0 * LEFT;
/// Below it only the footer stands.
pub(super) const BOTTOM: f32 = HEIGHT - 62.0;

/// How a text looks. Units: points; `tracking` in fractions of the size.
#[derive(Debug, Clone, Copy)]
pub(super) struct Style {
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
pub(super) struct Line {
    words: Vec<Rc<Word>>,
    pub width: f32,
}

enum Op {
    Shape {
        path: Path,
        color: Rgb,
    },
    Text {
        x: f32,
        y: f32,
        font: FontId,
        size: f32,
        color: Rgb,
        glyphs: Vec<KrillaGlyph>,
        text: String,
    },
}

enum Goal {
    Url(String),
    Anchor(String),
}

#[derive(Default)]
struct Page {
    ops: Vec<Op>,
    links: Vec<(Rect, Goal)>,
}

struct Bookmark {
    title: String,
    depth: u8,
    page: usize,
    y: f32,
}

pub(super) struct Canvas {
    shaper: Shaper,
    language: Language,
    pages: Vec<Page>,
    /// The page drawn on.
    current: usize,
    /// Where the next block starts.
    pub y: f32,
    anchors: HashMap<String, (usize, f32)>,
    bookmarks: Vec<Bookmark>,
}

impl Canvas {
    pub fn new(fonts: &'static Fonts, language: Language) -> Self {
        Self {
            shaper: Shaper::new(fonts),
            language,
            pages: vec![Page::default()],
            current: 0,
            y: TOP,
            anchors: HashMap::new(),
            bookmarks: Vec::new(),
        }
    }

    pub const fn language(&self) -> Language {
        self.language
    }

    pub fn page_count(&self) -> usize {
        self.pages.len()
    }

    /// Starts a fresh page.
    pub fn new_page(&mut self) {
        self.pages.push(Page::default());
        self.current = self.pages.len() - 1;
        self.y = TOP;
    }

    /// Draws onto an earlier page, e.g. its footer.
    pub fn on_page(&mut self, page: usize, draw: impl FnOnce(&mut Self)) {
        let back = std::mem::replace(&mut self.current, page);
        draw(self);
        self.current = back;
    }

    pub fn has_room(&self, height: f32) -> bool {
        self.y + height <= BOTTOM
    }

    /// Makes sure that `height` fits below, on a new page if need be.
    pub fn reserve(&mut self, height: f32) {
        if !self.has_room(height) && self.y > TOP {
            self.new_page();
        }
    }

    fn page(&mut self) -> Option<&mut Page> {
        self.pages.get_mut(self.current)
    }

    pub fn bookmark(&mut self, title: &str, depth: u8) {
        let (page, y) = (self.current, self.y);
        self.bookmarks.push(Bookmark {
            title: title.to_owned(),
            depth,
            page,
            y,
        });
    }

    /// Names the current place so that links can lead here.
    pub fn anchor(&mut self, name: &str) {
        self.anchors.insert(name.to_owned(), (self.current, self.y));
    }

    pub fn link_to_anchor(&mut self, x: f32, y: f32, width: f32, height: f32, name: &str) {
        self.link(x, y, width, height, Goal::Anchor(name.to_owned()));
    }

    /// Only web, mail and Telegram addresses become links; anything else stays plain text.
    pub fn link_to_url(&mut self, x: f32, y: f32, width: f32, height: f32, url: &str) {
        let is_safe = ["https://", "http://", "mailto:", "tel:", "tg://"]
            .iter()
            .any(|scheme| url.starts_with(scheme));
        if is_safe && url.len() < 2000 && !url.chars().any(|c| c.is_control() || c.is_whitespace()) {
            self.link(x, y, width, height, Goal::Url(url.to_owned()));
        }
    }

    fn link(&mut self, x: f32, y: f32, width: f32, height: f32, goal: Goal) {
        if let (Some(rect), Some(page)) = (Rect::from_xywh(x, y, width, height), self.page()) {
            page.links.push((rect, goal));
        }
    }

    pub fn rect(&mut self, x: f32, y: f32, width: f32, height: f32, color: Rgb) {
        if let Some(rect) = Rect::from_xywh(x, y, width, height) {
            let mut path = PathBuilder::new();
            path.push_rect(rect);
            self.shape(path, color);
        }
    }

    /// A rectangle with round corners.
    pub fn card(&mut self, x: f32, y: f32, width: f32, height: f32, radius: f32, color: Rgb) {
        // The handle length that makes a Bézier curve look like a quarter of a circle.
        const KAPPA: f32 = 0.552_285;
        let (right, bottom, r) = (x + width, y + height, radius.min(width / 2.0).min(height / 2.0));
        let k = r * (1.0 - KAPPA);
        let mut path = PathBuilder::new();
        path.move_to(x + r, y);
        path.line_to(right - r, y);
        path.cubic_to(right - k, y, right, y + k, right, y + r);
        path.line_to(right, bottom - r);
        path.cubic_to(right, bottom - k, right - k, bottom, right - r, bottom);
        path.line_to(x + r, bottom);
        path.cubic_to(x + k, bottom, x, bottom - k, x, bottom - r);
        path.line_to(x, y + r);
        path.cubic_to(x, y + k, x + k, y, x + r, y);
        path.close();
        self.shape(path, color);
    }

    /// Many small squares as one shape, for a QR code.
    pub fn squares(&mut self, squares: impl Iterator<Item = (f32, f32)>, side: f32, color: Rgb) {
        let mut path = PathBuilder::new();
        for (x, y) in squares {
            if let Some(rect) = Rect::from_xywh(x, y, side, side) {
                path.push_rect(rect);
            }
        }
        self.shape(path, color);
    }

    fn shape(&mut self, path: PathBuilder, color: Rgb) {
        if let (Some(path), Some(page)) = (path.finish(), self.page()) {
            page.ops.push(Op::Shape { path, color });
        }
    }

    fn space(&mut self, style: Style) -> f32 {
        (self.shaper.word(style.weight, " ").width + style.tracking) * style.size
    }

    fn width_of(word: &Word, style: Style) -> f32 {
        let glyphs: usize = word.runs.iter().map(|run| run.glyphs.len()).sum();
        (word.width + glyphs as f32 * style.tracking) * style.size
    }

    /// Breaks a text into lines no wider than `width`. A word too wide for a line is cut; a short Russian preposition or
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
                let is_short = word.chars <= 2 && word.text().chars().all(char::is_alphabetic);
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
            if Self::width_of(&longer, style) > width && piece.chars().count() > 1 {
                piece.pop();
                pieces.push(std::mem::take(&mut piece));
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
        let mut x = x;
        let mut pending: Option<(FontId, f32, Vec<KrillaGlyph>, String)> = None;
        let mut ops = Vec::new();
        let mut flush = |pending: &mut Option<(FontId, f32, Vec<KrillaGlyph>, String)>| {
            if let Some((font, x, glyphs, text)) = pending.take() {
                ops.push(Op::Text {
                    x,
                    y,
                    font,
                    size: style.size,
                    color: style.color,
                    glyphs,
                    text,
                });
            }
        };
        let words = visual_order(&line.words);
        for (index, word) in words.iter().enumerate() {
            let gap = (index > 0).then_some(&space);
            for run in gap.into_iter().chain([word]).flat_map(|word| &word.runs) {
                if pending.as_ref().is_some_and(|(font, ..)| *font != run.font) {
                    flush(&mut pending);
                }
                let (_, _, glyphs, text) = pending.get_or_insert_with(|| (run.font, x, Vec::new(), String::new()));
                let offset = text.len();
                text.push_str(&run.text);
                for glyph in &run.glyphs {
                    let advance = glyph.advance + style.tracking;
                    x += advance * style.size;
                    glyphs.push(KrillaGlyph {
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
        flush(&mut pending);
        if let Some(page) = self.page() {
            page.ops.append(&mut ops);
        }
    }

    /// Writes the PDF.
    pub fn finish(self, metadata: Metadata) -> Result<Rendered, PdfError> {
        let mut pdf = Pdf::new();
        pdf.set_metadata(metadata);
        let fonts = self.shaper.fonts();
        let page_count = self.pages.len();
        for page in self.pages {
            let settings =
                PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| PdfError::Write("page size".to_owned()))?;
            let mut target = pdf.start_page_with(settings);
            let mut surface = target.surface();
            for op in page.ops {
                draw(&mut surface, fonts, op);
            }
            surface.finish();
            for (rect, goal) in page.links {
                let goal = match goal {
                    Goal::Url(url) => Some(Target::Action(Action::Link(LinkAction::new(url)))),
                    Goal::Anchor(name) => self.anchors.get(&name).map(|(page, y)| {
                        let point = Point::from_xy(0.0, (y - 12.0).max(0.0));
                        Target::Destination(Destination::Xyz(XyzDestination::new(*page, point)))
                    }),
                };
                if let Some(goal) = goal {
                    target.add_annotation(Annotation::new_link(LinkAnnotation::new(rect, goal), None));
                }
            }
            target.finish();
        }
        pdf.set_outline(outline(&self.bookmarks));
        let bytes = pdf.finish().map_err(|error| PdfError::Write(format!("{error:?}")))?;
        Ok(Rendered { bytes, page_count })
    }
}

/// Words in the order in which they stand from left to right: neighbours written right to left swap places.
fn visual_order(words: &[Rc<Word>]) -> Vec<Rc<Word>> {
    let mut ordered = Vec::with_capacity(words.len());
    for group in words.chunk_by(|a, b| a.is_right_to_left == b.is_right_to_left) {
        if group.first().is_some_and(|word| word.is_right_to_left) {
            ordered.extend(group.iter().rev().cloned());
        } else {
            ordered.extend(group.iter().cloned());
        }
    }
    ordered
}

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, op: Op) {
    match op {
        Op::Shape { path, color } => {
            surface.set_fill(Some(fill(color)));
            surface.draw_path(&path);
        }
        Op::Text {
            x,
            y,
            font,
            size,
            color,
            glyphs,
            text,
        } => {
            if let Some(font) = fonts.font(font) {
                surface.set_fill(Some(fill(color)));
                surface.draw_glyphs(Point::from_xy(x, y), &glyphs, font, &text, size, false);
            }
        }
    }
}

fn fill(Rgb(red, green, blue): Rgb) -> Fill {
    Fill {
        paint: rgb::Color::new(red, green, blue).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::NonZero,
    }
}

fn outline(bookmarks: &[Bookmark]) -> Outline {
    let node = |bookmark: &Bookmark| {
        let point = Point::from_xy(0.0, (bookmark.y - 12.0).max(0.0));
        OutlineNode::new(bookmark.title.clone(), XyzDestination::new(bookmark.page, point))
    };
    let mut outline = Outline::new();
    let mut parent: Option<OutlineNode> = None;
    for bookmark in bookmarks {
        match (&mut parent, bookmark.depth) {
            (Some(parent), 1..) => parent.push_child(node(bookmark)),
            _ => {
                if let Some(done) = parent.replace(node(bookmark)) {
                    outline.push_child(done);
                }
            }
        }
    }
    if let Some(done) = parent {
        outline.push_child(done);
    }
    outline
}
