//! Pictures of a document's pages, e.g. for the trainer who looks at a programme in Telegram before it goes out.

use std::collections::HashMap;

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::peniko::ImageAlphaType;
use hayro::{PixmapSettings, RenderCache, RenderSettings};

/// Pictures wider than that would only weigh more: no screen shows them.
pub const MAX_WIDTH_PX: u32 = 2400;
const MAX_HEIGHT_PX: f32 = 12_000.0;

#[derive(Debug, thiserror::Error)]
pub enum PreviewError {
    #[error("the document could not be read as a PDF")]
    Unreadable,
    #[error("a page picture is 16 to {MAX_WIDTH_PX} pixels wide, not {0}")]
    Width(u32),
    #[error("page {page} could not be drawn")]
    Page { page: usize },
}

/// The first `max_pages` pages as PNG files, each `width_px` wide and as high as the page is.
///
/// Only for our own documents: fonts that a PDF doesn't embed are not drawn. CPU work of some milliseconds a page: call it
/// off the async threads.
pub fn pages(pdf: &[u8], max_pages: usize, width_px: u32) -> Result<Vec<Vec<u8>>, PreviewError> {
    if !(16..=MAX_WIDTH_PX).contains(&width_px) {
        return Err(PreviewError::Width(width_px));
    }
    let pdf = Pdf::new(pdf.to_vec()).map_err(|_| PreviewError::Unreadable)?;
    let cache = RenderCache::new();
    let interpreter = InterpreterSettings::default();
    // Hinting and a page scaled by a fraction make letters dance; smooth outlines are truer to the paper.
    let render = RenderSettings {
        hinting: false,
        force_image_interpolation: true,
        ..RenderSettings::default()
    };
    let mut pictures = Vec::new();
    for (index, page) in pdf.pages().iter().take(max_pages).enumerate() {
        let failed = PreviewError::Page { page: index + 1 };
        let (width, height) = page.render_dimensions();
        // A hair more, because the renderer cuts fractions of a pixel off.
        let scale = (width_px as f32 + 0.01) / width;
        if !scale.is_finite() || scale <= 0.0 || height * scale > MAX_HEIGHT_PX {
            return Err(failed);
        }
        let settings = PixmapSettings {
            x_scale: scale,
            y_scale: scale,
            bg_color: WHITE,
        };
        let pixmap = hayro::render(page, &cache, &interpreter, &render, &settings);
        let (width, height) = (u32::from(pixmap.width()), u32::from(pixmap.height()));
        let pixels = pixmap.take_rgba8(ImageAlphaType::AlphaPremultiplied);
        pictures.push(encode(&pixels, width, height).ok_or(failed)?);
    }
    Ok(pictures)
}

/// Pages are mostly flat colour, which PNG keeps sharp, and with a palette very small: a page has some hundred shades,
/// all but a few of them from the smooth edges of letters. A page with a photo gets no palette.
fn encode(rgba: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
    let palette = Palette::of(rgba);
    let mut file = Vec::new();
    let mut encoder = png::Encoder::new(&mut file, width, height);
    encoder.set_depth(png::BitDepth::Eight);
    encoder.set_compression(png::Compression::Balanced);
    let data = match palette {
        Some(palette) => {
            encoder.set_color(png::ColorType::Indexed);
            encoder.set_palette(palette.colors);
            // Neighbouring numbers of a palette mean nothing to each other.
            encoder.set_filter(png::Filter::NoFilter);
            let mut last = (None, 0);
            let index = |pixel: &[u8]| {
                let color = color_of(pixel);
                if last.0 != Some(color) {
                    last = (Some(color), palette.indexes.get(&color).copied().unwrap_or(0));
                }
                last.1
            };
            rgba.chunks_exact(4).map(index).collect()
        }
        None => {
            encoder.set_color(png::ColorType::Rgb);
            let mut rgb = Vec::with_capacity(rgba.len() / 4 * 3);
            for pixel in rgba.chunks_exact(4) {
                // Six bits a channel look the same and weigh a fifth less.
                rgb.extend(pixel.iter().take(3).map(|channel| (channel & 0xfc) | (channel >> 6)));
            }
            rgb
        }
    };
    let mut writer = encoder.write_header().ok()?;
    writer.write_image_data(&data).ok()?;
    writer.finish().ok()?;
    Some(file)
}

/// At most 256 colours, and which of them stands for each colour of the page.
struct Palette {
    /// Red, green, blue, red, …
    colors: Vec<u8>,
    indexes: HashMap<u32, u8>,
}

/// The page is opaque, so the fourth channel says nothing.
fn color_of(pixel: &[u8]) -> u32 {
    pixel
        .iter()
        .take(3)
        .fold(0, |color, channel| (color << 8) | u32::from(*channel))
}

impl Palette {
    /// `None` if a few shades would be seen as steps.
    fn of(rgba: &[u8]) -> Option<Self> {
        const MOST: usize = 256;
        let mut counts: HashMap<u32, u32> = HashMap::new();
        let mut run = (0, 0_u32);
        for pixel in rgba.chunks_exact(4) {
            let color = color_of(pixel);
            if color == run.0 {
                run.1 += 1;
            } else {
                *counts.entry(run.0).or_default() += run.1;
                run = (color, 1);
            }
        }
        *counts.entry(run.0).or_default() += run.1;
        // In a fixed order, so that the same page is the same file.
        let mut by_count: Vec<(u32, u32)> = counts.into_iter().filter(|(_, count)| *count > 0).collect();
        by_count.sort_unstable_by_key(|(color, count)| (std::cmp::Reverse(*count), *color));
        // Shades that differ in the last bits only share one place: the most frequent one's, so areas keep theirs exactly.
        [0, 2, 3].into_iter().find_map(|dropped_bits| {
            let mut places: HashMap<u32, u8> = HashMap::new();
            let mut colors = Vec::new();
            let mut indexes = HashMap::with_capacity(by_count.len());
            for (color, _) in &by_count {
                let mask = (0xff_u32 >> dropped_bits << dropped_bits) * 0x01_0101;
                let place = match places.get(&(color & mask)) {
                    Some(place) => *place,
                    None => {
                        let place = u8::try_from(places.len()).ok().filter(|_| places.len() < MOST)?;
                        places.insert(color & mask, place);
                        colors.extend(color.to_be_bytes().into_iter().skip(1));
                        place
                    }
                };
                indexes.insert(*color, place);
            }
            Some(Self { colors, indexes })
        })
    }
}
