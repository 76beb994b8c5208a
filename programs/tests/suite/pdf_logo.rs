//! Logos of every shape, good and bad.

use std::io::Cursor;

use domain::language::Language;
use image::{DynamicImage, ImageFormat, Rgb, RgbImage, Rgba, RgbaImage};
use programs::matching::Scope;
use programs::pdf::{self, Logo, LogoError, LogoFormat, Rgb as Accent, preview};

use super::common::a_profile;
use super::pdf::{document, flat, poppler, text};

fn file(picture: impl Into<DynamicImage>, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.into().write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A disc on nothing.
fn disc(width: u32, height: u32, color: [u8; 3]) -> RgbaImage {
    RgbaImage::from_fn(width, height, |x, y| {
        let dx = (x as f32 / width as f32 - 0.5) * 2.0;
        let dy = (y as f32 / height as f32 - 0.5) * 2.0;
        let [red, green, blue] = color;
        Rgba([red, green, blue, if dx * dx + dy * dy < 1.0 { 255 } else { 0 }])
    })
}

/// Colours everywhere, as in a photo.
fn noise(width: u32, height: u32) -> RgbImage {
    RgbImage::from_fn(width, height, |x, y| {
        let value = (x * 7919 + y * 104_729).wrapping_mul(2_654_435_761);
        Rgb([(value >> 8) as u8, (value >> 16) as u8, (value >> 24) as u8])
    })
}

#[test]
fn logos_of_every_shape_stand_on_the_cover() {
    let accents = [Accent(15, 118, 110), Accent(255, 240, 150), Accent(0, 0, 0)];
    let logos = [
        (
            "a square with transparency",
            file(disc(512, 512, [200, 30, 60]), ImageFormat::Png),
        ),
        ("a wide one", file(disc(1600, 320, [20, 30, 60]), ImageFormat::Png)),
        ("a tall one", file(disc(120, 900, [20, 30, 60]), ImageFormat::Png)),
        (
            "white letters for a dark page",
            file(disc(300, 300, [255, 255, 255]), ImageFormat::Png),
        ),
        ("a photo", file(noise(1500, 1000), ImageFormat::Jpeg)),
        ("a photo as PNG", file(noise(900, 900), ImageFormat::Png)),
        (
            "a small one",
            file(RgbImage::from_pixel(24, 24, Rgb([9, 9, 200])), ImageFormat::Png),
        ),
    ];
    for ((what, bytes), accent) in logos.into_iter().zip(accents.into_iter().cycle()) {
        let logo = Logo::parse(&bytes).unwrap_or_else(|error| panic!("{what}: {error}"));
        let (width, height) = logo.size();
        assert!(
            width <= 720 && height <= 260 && logo.file().len() <= 90_000,
            "{what}: {logo:?}"
        );
        assert_eq!(
            Logo::parse(logo.file()).unwrap(),
            logo,
            "{what}: the kept file is the same logo"
        );
        let mut document = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, "Анна");
        document.brand.accent = accent;
        let without = pdf::render(&document).unwrap();
        document.brand.logo = Some(logo.clone());
        for render in [pdf::render, pdf::render_phone] {
            let rendered = render(&document).unwrap();
            let images = poppler("pdfimages", &["-list"], &rendered);
            let on_cover = images
                .lines()
                .skip(2)
                .filter(|line| line.trim_start().starts_with("1 "))
                .count();
            assert!(on_cover >= 1, "{what}: {images}");
            assert!(rendered.bytes.len() < 250_000, "{what}: {}", rendered.bytes.len());
            assert!(flat(&text(&rendered)).contains("Студия «Север»"), "{what}");
        }
        let picture = |bytes: &[u8]| preview::pages(bytes, 1, 400).unwrap();
        let with = pdf::render(&document).unwrap();
        assert_ne!(
            picture(&with.bytes),
            picture(&without.bytes),
            "{what} is seen on {accent:?}"
        );
    }
}

#[test]
fn a_logo_survives_json() {
    let logo = Logo::parse(&file(disc(400, 200, [200, 30, 60]), ImageFormat::Png)).unwrap();
    let json = serde_json::to_string(&logo).unwrap();
    assert_eq!(serde_json::from_str::<Logo>(&json).unwrap(), logo);
    assert!(serde_json::from_str::<Logo>("\"bm8gcGljdHVyZQ==\"").is_err());
    assert!(serde_json::from_str::<Logo>("\"not base64!\"").is_err());
}

#[test]
fn a_photo_is_turned_upright_and_loses_the_cameras_notes() {
    let jpeg = file(noise(300, 100), ImageFormat::Jpeg);
    // An Exif block that says: turn a quarter to the right; and, in a real photo, where it was taken.
    let mut exif = b"\xff\xe1\x00\x22Exif\0\0II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0".to_vec();
    let mut turned = jpeg[..2].to_vec();
    turned.append(&mut exif);
    turned.extend_from_slice(&jpeg[2..]);
    let logo = Logo::parse(&turned).unwrap();
    let (width, height) = logo.size();
    assert!(height > width, "{width} × {height}");
    assert!(!logo.file().windows(4).any(|bytes| bytes == b"Exif"));
    // A clean one of the right size is kept as it is: every saving costs a little quality.
    let small = file(noise(120, 60), ImageFormat::Jpeg);
    let kept = Logo::parse(&small).unwrap();
    assert_eq!((kept.file(), kept.format()), (small.as_slice(), LogoFormat::Jpeg));
}

#[test]
fn what_is_no_logo_is_refused_in_a_sentence() {
    let png = file(disc(400, 400, [1, 2, 3]), ImageFormat::Png);
    let mut flipped = png.clone();
    let middle = flipped.len() / 2;
    flipped[middle] ^= 0xff;
    // A header that promises a gigantic picture in a hundred bytes.
    let mut bomb = png.clone();
    bomb[16..24].copy_from_slice(&[0, 1, 0, 0, 0, 1, 0, 0]);
    for (what, bytes, expected) in [
        ("nothing", Vec::new(), LogoError::Empty),
        ("a heavy file", vec![0; 4_000_001], LogoError::TooHeavy),
        (
            "a text",
            b"<svg xmlns='http://www.w3.org/2000/svg'/>".to_vec(),
            LogoError::UnknownFormat,
        ),
        ("a GIF", b"GIF89a\x10\0\x10\0".to_vec(), LogoError::UnknownFormat),
        ("half a PNG", png[..png.len() / 2].to_vec(), LogoError::Broken),
        ("a PNG with a wrong byte", flipped, LogoError::Broken),
        ("only a PNG's beginning", png[..12].to_vec(), LogoError::Broken),
        (
            "a JPEG's beginning",
            b"\xff\xd8\xff\xe0\0\x10JFIF\0".to_vec(),
            LogoError::Broken,
        ),
        (
            "a dot",
            file(RgbImage::new(1, 1), ImageFormat::Png),
            LogoError::TooSmall { width: 1, height: 1 },
        ),
        (
            "a thread",
            file(RgbImage::new(1200, 60), ImageFormat::Png),
            LogoError::TooLong,
        ),
        (
            "nothing to see",
            file(RgbaImage::new(300, 300), ImageFormat::Png),
            LogoError::Invisible,
        ),
    ] {
        let error = Logo::parse(&bytes).expect_err(what);
        assert_eq!(error, expected, "{what}");
        for language in Language::ALL {
            let sentence = error.text(language);
            assert!(sentence.split_whitespace().count() > 3, "{what}: {sentence}");
        }
    }
    assert!(
        matches!(Logo::parse(&bomb), Err(LogoError::TooLarge { .. } | LogoError::Broken)),
        "a bomb is not unfolded"
    );
}
