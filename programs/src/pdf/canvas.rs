//! Pages of drawing operations, and their translation into a PDF.
//!
//! Sections draw onto pages here; only [`Canvas::finish`] talks to the PDF library. Keeping the pages as data first is what
//! lets a link point forward and a footer know the number of pages. Units: points (1/72 inch), y grows downwards.

mod typesetting;

use std::collections::HashMap;

use domain::language::Language;
use krilla::Document as Pdf;
use krilla::action::{Action, LinkAction};
use krilla::annotation::{Annotation, LinkAnnotation, Target};
use krilla::color::rgb;
use krilla::destination::{Destination, XyzDestination};
use krilla::geom::{Path, PathBuilder, Point, Rect, Size, Transform};
use krilla::image::Image;
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule};
use krilla::surface::Surface;
use krilla::text::KrillaGlyph;

use url::Url;

use super::color::Rgb;
use super::fonts::{FontId, Fonts, Shaper};
use super::logo::{Logo, LogoFormat};
use super::{PdfError, Rendered};
use krilla::metadata::Metadata;

pub(super) use typesetting::{Line, Style};

/// A4.
pub(super) const WIDTH: f32 = 595.28;
pub(super) const HEIGHT: f32 = 841.89;
pub(super) const LEFT: f32 = 48.0;
pub(super) const TOP: f32 = 54.0;
pub(super) const CONTENT: f32 = WIDTH - 2.0 * LEFT;
/// Below it only the footer stands.
pub(super) const BOTTOM: f32 = HEIGHT - 62.0;

/// What is drawn on.
#[derive(Debug, Clone, Copy)]
pub(super) struct Paper {
    pub width: f32,
    pub height: f32,
    /// Where blocks start and end.
    pub top: f32,
    pub bottom: f32,
}

pub(super) const A4: Paper = Paper {
    width: WIDTH,
    height: HEIGHT,
    top: TOP,
    bottom: BOTTOM,
};

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
    Picture {
        rect: Rect,
        picture: Image,
    },
}

enum Goal {
    Url(String),
    Anchor(String),
}

struct Page {
    height: f32,
    ops: Vec<Op>,
    links: Vec<(Rect, Goal)>,
}

impl Page {
    const fn new(height: f32) -> Self {
        Self {
            height,
            ops: Vec::new(),
            links: Vec::new(),
        }
    }
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
    paper: Paper,
    pages: Vec<Page>,
    /// The page drawn on.
    current: usize,
    /// Whether everything goes onto the page drawn on, however long it gets.
    is_endless: bool,
    /// Where the next block starts.
    pub y: f32,
    anchors: HashMap<String, (usize, f32)>,
    bookmarks: Vec<Bookmark>,
}

impl Canvas {
    pub fn new(fonts: &'static Fonts, language: Language, paper: Paper) -> Self {
        Self {
            shaper: Shaper::new(fonts),
            language,
            paper,
            pages: vec![Page::new(paper.height)],
            current: 0,
            is_endless: false,
            y: paper.top,
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
        self.pages.push(Page::new(self.paper.height));
        self.current = self.pages.len() - 1;
        self.y = self.paper.top;
    }

    /// Draws onto one page, which gets as high as that needs. For screens only.
    pub fn on_one_page(&mut self, draw: impl FnOnce(&mut Self)) {
        let back = std::mem::replace(&mut self.is_endless, true);
        draw(self);
        self.is_endless = back;
        self.stretch_to(self.y);
    }

    /// Makes the page drawn on as high as its content needs, never lower than the paper is. For screens only.
    pub fn stretch_to(&mut self, bottom: f32) {
        let height = bottom + self.paper.height - self.paper.bottom;
        if let Some(page) = self.page() {
            page.height = page.height.max(height);
        }
    }

    /// The height of the page drawn on.
    pub fn page_height(&self) -> f32 {
        self.pages
            .get(self.current)
            .map_or(self.paper.height, |page| page.height)
    }

    /// Draws onto an earlier page, e.g. its footer.
    pub fn on_page(&mut self, page: usize, draw: impl FnOnce(&mut Self)) {
        let back = std::mem::replace(&mut self.current, page);
        draw(self);
        self.current = back;
    }

    pub fn has_room(&self, height: f32) -> bool {
        self.is_endless || self.y + height <= self.paper.bottom
    }

    /// Makes sure that `height` fits below, on a new page if need be.
    pub fn reserve(&mut self, height: f32) {
        if !self.has_room(height) && self.y > self.paper.top {
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

    /// The number of the page a named place is on, from 1.
    pub fn page_of(&self, name: &str) -> Option<usize> {
        self.anchors.get(name).map(|(page, _)| page + 1)
    }

    /// The index of the page drawn on, for [`Canvas::on_page`].
    pub const fn current_page(&self) -> usize {
        self.current
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
            // The format wants ASCII; letters of other alphabets have their forms for hosts and for paths.
            let url = if url.is_ascii() {
                Some(url.to_owned())
            } else {
                Url::parse(url).ok().map(String::from)
            };
            if let Some(url) = url {
                self.link(x, y, width, height, Goal::Url(url));
            }
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

    /// A logo in the given place; nothing if its file can't be read, which [`Logo::parse`] rules out.
    pub fn logo(&mut self, x: f32, y: f32, width: f32, height: f32, logo: &Logo) {
        let file = logo.file().to_vec();
        let picture = match logo.format() {
            LogoFormat::Png => Image::from_png(file.into(), true),
            LogoFormat::Jpeg => Image::from_jpeg(file.into(), true),
        };
        if let (Ok(picture), Some(rect), Some(page)) = (picture, Rect::from_xywh(x, y, width, height), self.page()) {
            page.ops.push(Op::Picture { rect, picture });
        }
    }

    fn shape(&mut self, path: PathBuilder, color: Rgb) {
        if let (Some(path), Some(page)) = (path.finish(), self.page()) {
            page.ops.push(Op::Shape { path, color });
        }
    }

    /// Writes the PDF.
    pub fn finish(self, metadata: Metadata) -> Result<Rendered, PdfError> {
        let mut pdf = Pdf::new();
        pdf.set_metadata(metadata);
        let fonts = self.shaper.fonts();
        let page_count = self.pages.len();
        for page in self.pages {
            let settings = PageSettings::from_wh(self.paper.width, page.height)
                .ok_or_else(|| PdfError::Write("page size".to_owned()))?;
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

fn draw(surface: &mut Surface<'_>, fonts: &Fonts, op: Op) {
    match op {
        Op::Shape { path, color } => {
            surface.set_fill(Some(fill(color)));
            surface.draw_path(&path);
        }
        Op::Picture { rect, picture } => {
            if let Some(size) = Size::from_wh(rect.width(), rect.height()) {
                surface.push_transform(&Transform::from_translate(rect.left(), rect.top()));
                surface.draw_image(picture, size);
                surface.pop();
            }
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
    let mut outline = Outline::new();
    for node in nodes(bookmarks) {
        outline.push_child(node);
    }
    outline
}

/// The bookmarks as a forest: those that are deeper than the one before them belong to it.
fn nodes(bookmarks: &[Bookmark]) -> Vec<OutlineNode> {
    let Some(first) = bookmarks.first() else {
        return Vec::new();
    };
    let families = bookmarks.chunk_by(|_, next| next.depth > first.depth);
    families
        .filter_map(|family| {
            let (parent, children) = family.split_first()?;
            let point = Point::from_xy(0.0, (parent.y - 12.0).max(0.0));
            let mut node = OutlineNode::new(parent.title.clone(), XyzDestination::new(parent.page, point));
            for child in nodes(children) {
                node.push_child(child);
            }
            Some(node)
        })
        .collect()
}
