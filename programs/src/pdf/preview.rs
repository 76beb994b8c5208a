//! Pictures of a document's pages, e.g. for the trainer who looks at a programme in Telegram before it goes out.

use hayro::hayro_interpret::InterpreterSettings;
use hayro::hayro_syntax::Pdf;
use hayro::vello_cpu::color::palette::css::WHITE;
use hayro::vello_cpu::peniko::ImageAlphaType;
use hayro::{PixmapSettings, RenderCache, RenderSettings};
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{ExtendedColorType, ImageEncoder as _};

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

/// Pages are mostly flat colour, which PNG keeps sharp and small.
fn encode(rgba: &[u8], width: u32, height: u32) -> Option<Vec<u8>> {
    // The page is opaque, so the fourth channel says nothing.
    let rgb: Vec<u8> = rgba
        .chunks_exact(4)
        .filter_map(|pixel| pixel.first_chunk::<3>())
        .flatten()
        .copied()
        .collect();
    let mut file = Vec::new();
    PngEncoder::new_with_quality(&mut file, CompressionType::Default, FilterType::Adaptive)
        .write_image(&rgb, width, height, ExtendedColorType::Rgb8)
        .ok()?;
    Some(file)
}
