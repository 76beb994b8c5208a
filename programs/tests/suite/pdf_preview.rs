//! Pictures of pages, beside those that poppler draws.

use std::process::Command;

use domain::language::Language;
use image::RgbImage;
use programs::matching::Scope;
use programs::pdf::preview::{self, PreviewError};
use programs::pdf::{self, Rendered};

use super::common::a_profile;
use super::pdf::document;

fn drawn_by_poppler(rendered: &Rendered, pages: usize, width: u32) -> Vec<RgbImage> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("programme.pdf");
    std::fs::write(&path, &rendered.bytes).unwrap();
    let status = Command::new("pdftoppm")
        .args([
            "-png",
            "-scale-to-x",
            &width.to_string(),
            "-scale-to-y",
            "-1",
            "-l",
            &pages.to_string(),
        ])
        .arg(&path)
        .arg(folder.path().join("page"))
        .status()
        .unwrap();
    assert!(status.success());
    let mut files: Vec<_> = std::fs::read_dir(folder.path())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .filter(|path| path.extension().is_some_and(|kind| kind == "png"))
        .collect();
    files.sort();
    files.iter().map(|file| image::open(file).unwrap().to_rgb8()).collect()
}

/// Mean difference of a channel, 0 to 255, over the pixels both have.
fn difference(a: &RgbImage, b: &RgbImage) -> f64 {
    let (width, height) = (a.width().min(b.width()), a.height().min(b.height()));
    let mut sum = 0_u64;
    for y in 0..height {
        for x in 0..width {
            let (a, b) = (a.get_pixel(x, y).0, b.get_pixel(x, y).0);
            sum += a.iter().zip(b).map(|(a, b)| u64::from(a.abs_diff(b))).sum::<u64>();
        }
    }
    sum as f64 / f64::from(width * height * 3)
}

#[test]
fn pictures_look_as_another_reader_draws_the_pages() {
    for (language, name) in [(Language::Ru, "Анна Смирнова"), (Language::En, "יעל Anna محمد")] {
        let document = document(&a_profile(), Scope::FirstTwoWeeks, language, name);
        for render in [pdf::render, pdf::render_phone] {
            let rendered = render(&document).unwrap();
            let ours: Vec<RgbImage> = preview::pages(&rendered.bytes, 4, 720)
                .unwrap()
                .iter()
                .map(|file| image::load_from_memory(file).unwrap().to_rgb8())
                .collect();
            let theirs = drawn_by_poppler(&rendered, 4, 720);
            assert_eq!((ours.len(), theirs.len()), (4, 4));
            let other = difference(&ours[0], &theirs[1]);
            assert!(other > 15.0, "another page is told apart: {other}");
            for (page, (ours, theirs)) in ours.iter().zip(&theirs).enumerate() {
                assert!(ours.width() == 720 && ours.height().abs_diff(theirs.height()) <= 1);
                let difference = difference(ours, theirs);
                // What remains are the edges of letters: each reader smooths them in its own way and rounds heights to pixels.
                assert!(difference < 8.0, "page {}: {difference}", page + 1);
                let colors: std::collections::BTreeSet<[u8; 3]> = ours.pixels().map(|pixel| pixel.0).collect();
                assert!(colors.len() > 20, "page {} is not blank", page + 1);
                // The colours of areas are exact, not nearly so.
                assert!(colors.contains(&[255, 255, 255]), "page {}", page + 1);
                assert!(
                    page > 0 || colors.contains(&[15, 118, 110]),
                    "the brand's colour on the cover"
                );
            }
        }
    }
}

#[test]
fn ten_pictures_fit_an_album() {
    let document = document(&a_profile(), Scope::AllTwelveWeeks, Language::Ru, "Анна");
    for render in [pdf::render, pdf::render_phone] {
        let rendered = render(&document).unwrap();
        let pictures = preview::pages(&rendered.bytes, 10, 1080).unwrap();
        assert_eq!(pictures.len(), 10);
        for picture in &pictures {
            assert!(picture.len() < 300_000, "{}", picture.len());
        }
        assert_eq!(
            preview::pages(&rendered.bytes, 10, 1080).unwrap(),
            pictures,
            "the same page, the same file"
        );
    }
}

#[test]
fn what_cannot_be_drawn_is_refused() {
    let rendered = pdf::render(&document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, "")).unwrap();
    assert!(matches!(
        preview::pages(b"no PDF at all", 3, 720),
        Err(PreviewError::Unreadable)
    ));
    assert!(matches!(
        preview::pages(&rendered.bytes, 3, 0),
        Err(PreviewError::Width(0))
    ));
    assert!(matches!(
        preview::pages(&rendered.bytes, 3, 100_000),
        Err(PreviewError::Width(_))
    ));
    assert!(preview::pages(&rendered.bytes, 0, 720).unwrap().is_empty());
    let half = &rendered.bytes[..rendered.bytes.len() / 2];
    // A damaged file gives what is left of it or an error, never a panic.
    let _ = preview::pages(half, 3, 720);
}
