//! The owner's logo: any sensible PNG or JPEG in, a small clean picture out.

use std::fmt;
use std::io::Cursor;

use data_encoding::BASE64;
use domain::language::Language;
use image::codecs::jpeg::JpegEncoder;
use image::codecs::png::{CompressionType, FilterType, PngEncoder};
use image::{DynamicImage, GenericImageView as _, ImageDecoder as _, ImageFormat, ImageReader, Limits};
use serde::{Deserialize, Serialize};

use super::color::{INK, Rgb, WHITE};

/// A logo of the size in which documents show it, without the camera's notes.
///
/// Keep [`Logo::file`], not what was uploaded: it is a few kilobytes and parses again to the same logo. In JSON it is that
/// file in base64.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Logo {
    file: Vec<u8>,
    format: LogoFormat,
    width: u32,
    height: u32,
    background: Background,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogoFormat {
    Png,
    Jpeg,
}

/// What a logo is seen well on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Background {
    /// It brings its own.
    Own,
    Light,
    /// White letters on nothing, drawn for a dark page.
    Dark,
}

/// Why a picture can't be a logo.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum LogoError {
    #[error("the logo's file is empty: please upload it once more")]
    Empty,
    #[error("the file weighs more than {} MB: please save the logo smaller", Logo::MAX_BYTES / 1_000_000)]
    TooHeavy,
    #[error("this is no PNG and no JPEG: please save the logo in one of these formats")]
    UnknownFormat,
    #[error(
        "the picture is {width} × {height} pixels, more than {0} a side: please save the logo smaller",
        Logo::MAX_SIDE
    )]
    TooLarge { width: u32, height: u32 },
    #[error(
        "the picture is {width} × {height} pixels, too small for print: a side needs {0} pixels at least",
        Logo::MIN_SIDE
    )]
    TooSmall { width: u32, height: u32 },
    #[error(
        "the picture is {0} times as long as wide: it would be a thread on the page, please crop it",
        Logo::MAX_RATIO
    )]
    TooLong,
    #[error("the picture is transparent all over: nothing would be seen")]
    Invisible,
    #[error("the file is damaged: please save the logo again and upload it once more")]
    Broken,
}

impl LogoError {
    pub fn text(self, language: Language) -> String {
        match (language, self) {
            (Language::En, error) => error.to_string(),
            (Language::Ru, Self::Empty) => "файл логотипа пустой: загрузите картинку ещё раз".to_owned(),
            (Language::Ru, Self::TooHeavy) => format!(
                "файл тяжелее {} МБ: сохраните логотип поменьше",
                Logo::MAX_BYTES / 1_000_000
            ),
            (Language::Ru, Self::UnknownFormat) => {
                "это не PNG и не JPEG: сохраните логотип в одном из этих форматов".to_owned()
            }
            (Language::Ru, Self::TooLarge { width, height }) => format!(
                "картинка {width} × {height} пикселей, больше {} по стороне: сохраните логотип поменьше",
                Logo::MAX_SIDE
            ),
            (Language::Ru, Self::TooSmall { width, height }) => format!(
                "картинка {width} × {height} пикселей, для печати этого мало: нужно хотя бы {} по каждой стороне",
                Logo::MIN_SIDE
            ),
            (Language::Ru, Self::TooLong) => format!(
                "картинка вытянута больше чем в {} раз, на странице она станет ниткой: обрежьте её",
                Logo::MAX_RATIO
            ),
            (Language::Ru, Self::Invisible) => "картинка полностью прозрачная: на странице её не увидеть".to_owned(),
            (Language::Ru, Self::Broken) => "файл повреждён: сохраните логотип заново и загрузите ещё раз".to_owned(),
        }
    }
}

impl Logo {
    /// Of the uploaded file.
    pub const MAX_BYTES: usize = 4_000_000;
    /// Pixels. Decoding takes four bytes each, so this bounds the memory to 64 MB.
    pub const MAX_SIDE: u32 = 4000;
    pub const MIN_SIDE: u32 = 24;
    /// The longer side by the shorter.
    pub const MAX_RATIO: u32 = 10;
    /// Twice what the largest place for a logo shows at 300 dpi would be waste: documents are sent by the thousand.
    const BOX: (u32, u32) = (720, 260);
    /// A logo heavier than that is a photo and is kept as a JPEG, or made smaller.
    const MAX_KEPT: usize = 90_000;

    /// Reads an uploaded PNG or JPEG, turns it upright and fits it to the page.
    pub fn parse(bytes: &[u8]) -> Result<Self, LogoError> {
        if bytes.is_empty() {
            return Err(LogoError::Empty);
        }
        if bytes.len() > Self::MAX_BYTES {
            return Err(LogoError::TooHeavy);
        }
        let (picture, is_plain_jpeg) = decode(bytes)?;
        let (width, height) = picture.dimensions();
        let rgba = picture.to_rgba8();
        let has_alpha = rgba.pixels().any(|pixel| pixel.0[3] < 250);
        let background = match background(&rgba, has_alpha) {
            Some(background) => background,
            None => return Err(LogoError::Invisible),
        };
        let (most_width, most_height) = Self::BOX;
        let fits = width <= most_width && height <= most_height;
        if is_plain_jpeg && fits && bytes.len() <= Self::MAX_KEPT {
            return Ok(Self {
                file: bytes.to_vec(),
                format: LogoFormat::Jpeg,
                width,
                height,
                background,
            });
        }
        let mut picture = DynamicImage::ImageRgba8(rgba);
        let (mut box_width, mut box_height) = Self::BOX;
        loop {
            if width > box_width || height > box_height {
                picture = shrink(&picture, box_width, box_height);
            }
            let (file, format) = encode(&picture, has_alpha)?;
            // Ever smaller boxes end at a few pixels, and those weigh nothing.
            if file.len() <= Self::MAX_KEPT || box_height < 40 {
                let (width, height) = picture.dimensions();
                return Ok(Self {
                    file,
                    format,
                    width,
                    height,
                    background,
                });
            }
            (box_width, box_height) = (box_width * 3 / 4, box_height * 3 / 4);
        }
    }

    /// The file to keep: a PNG or JPEG of at most 720 × 260 pixels.
    pub fn file(&self) -> &[u8] {
        &self.file
    }

    pub const fn format(&self) -> LogoFormat {
        self.format
    }

    /// Pixels.
    pub const fn size(&self) -> (u32, u32) {
        (self.width, self.height)
    }

    /// Width by height.
    pub(super) fn ratio(&self) -> f32 {
        self.width as f32 / self.height as f32
    }

    pub(super) const fn background(&self) -> Background {
        self.background
    }
}

/// The picture upright, and whether the file is a JPEG that needs no cleaning.
fn decode(bytes: &[u8]) -> Result<(DynamicImage, bool), LogoError> {
    let format = match image::guess_format(bytes) {
        Ok(format @ (ImageFormat::Png | ImageFormat::Jpeg)) => format,
        _ => return Err(LogoError::UnknownFormat),
    };
    // The size is asked for before anything is decoded: a small file may unfold to gigabytes.
    let reader = ImageReader::with_format(Cursor::new(bytes), format);
    let (width, height) = reader.into_dimensions().map_err(|_| LogoError::Broken)?;
    if width > Logo::MAX_SIDE || height > Logo::MAX_SIDE {
        return Err(LogoError::TooLarge { width, height });
    }
    if width < Logo::MIN_SIDE || height < Logo::MIN_SIDE {
        return Err(LogoError::TooSmall { width, height });
    }
    if width.max(height) > width.min(height) * Logo::MAX_RATIO {
        return Err(LogoError::TooLong);
    }
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(200_000_000);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(|_| LogoError::Broken)?;
    let orientation = decoder.orientation().map_err(|_| LogoError::Broken)?;
    let has_notes = !matches!(decoder.exif_metadata(), Ok(None));
    let is_rgb = decoder.original_color_type() == image::ExtendedColorType::Rgb8;
    let mut picture = DynamicImage::from_decoder(decoder).map_err(|_| LogoError::Broken)?;
    picture.apply_orientation(orientation);
    Ok((picture, format == ImageFormat::Jpeg && !has_notes && is_rgb))
}

/// `None` if nothing of the picture can be seen.
fn background(rgba: &image::RgbaImage, has_alpha: bool) -> Option<Background> {
    if !has_alpha {
        return Some(Background::Own);
    }
    let (mut opaque, mut on_white, mut on_ink) = (0_u64, 0_u64, 0_u64);
    for pixel in rgba.pixels() {
        let [red, green, blue, alpha] = pixel.0;
        if alpha > 60 {
            let color = Rgb(red, green, blue);
            opaque += 1;
            on_white += u64::from(color.contrast(WHITE) >= 1.8);
            on_ink += u64::from(color.contrast(INK) >= 1.8);
        }
    }
    if opaque * 500 < u64::from(rgba.width()) * u64::from(rgba.height()) {
        return None;
    }
    Some(if on_ink > on_white {
        Background::Dark
    } else {
        Background::Light
    })
}

fn shrink(picture: &DynamicImage, width: u32, height: u32) -> DynamicImage {
    picture.resize(width, height, image::imageops::FilterType::Lanczos3)
}

fn encode(picture: &DynamicImage, has_alpha: bool) -> Result<(Vec<u8>, LogoFormat), LogoError> {
    let mut png = Vec::new();
    let encoder = PngEncoder::new_with_quality(&mut png, CompressionType::Best, FilterType::Adaptive);
    let written = if has_alpha {
        picture.to_rgba8().write_with_encoder(encoder)
    } else {
        picture.to_rgb8().write_with_encoder(encoder)
    };
    written.map_err(|_| LogoError::Broken)?;
    if png.len() <= Logo::MAX_KEPT || has_alpha {
        return Ok((png, LogoFormat::Png));
    }
    let mut jpeg = Vec::new();
    let encoder = JpegEncoder::new_with_quality(&mut jpeg, 88);
    picture
        .to_rgb8()
        .write_with_encoder(encoder)
        .map_err(|_| LogoError::Broken)?;
    Ok((jpeg, LogoFormat::Jpeg))
}

impl fmt::Debug for Logo {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Logo")
            .field("format", &self.format)
            .field("size", &(self.width, self.height))
            .field("bytes", &self.file.len())
            .field("background", &self.background)
            .finish()
    }
}

impl From<Logo> for String {
    fn from(logo: Logo) -> Self {
        BASE64.encode(&logo.file)
    }
}

impl TryFrom<String> for Logo {
    type Error = LogoError;

    fn try_from(text: String) -> Result<Self, LogoError> {
        let bytes = BASE64
            .decode(text.trim().as_bytes())
            .map_err(|_| LogoError::UnknownFormat)?;
        Self::parse(&bytes)
    }
}
