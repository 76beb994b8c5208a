//! Documents, read back by poppler: an independent reader, the one most phones' and desktops' viewers are measured by.

use std::process::Command;
use std::time::{Duration, Instant};

use chrono::NaiveDate;
use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Place, Profile, Sex, SparedArea};
use programs::matching::{self, Scope};
use programs::pdf::{self, Brand, Contact, Document, NextStep, Rendered, Rgb};
use programs::templates::Templates;
use programs::wording;
use proptest::prelude::*;

use super::common::a_profile;

pub(super) fn document(profile: &Profile, scope: Scope, language: Language, name: &str) -> Document {
    let programme = matching::find(&Templates::shipped().unwrap(), profile, scope).unwrap();
    let wording = wording::plain(&programme, profile, language);
    let (next_title, next_text) = match language {
        Language::Ru => (
            "Полная программа на двенадцать недель",
            "С прогрессией, тренером на связи и разбором техники.",
        ),
        Language::En => (
            "The whole twelve weeks",
            "With progression, a coach at hand and technique reviews.",
        ),
    };
    Document {
        title: Document::default_title(language).to_owned(),
        language,
        client_name: name.to_owned(),
        profile: profile.clone(),
        programme,
        wording,
        brand: Brand {
            name: "Студия «Север»".to_owned(),
            accent: Rgb(15, 118, 110),
            contacts: vec![
                Contact {
                    text: "+7 900 000-00-00".to_owned(),
                    url: Some("tel:+79000000000".to_owned()),
                },
                Contact {
                    text: "example.org".to_owned(),
                    url: Some("https://example.org".to_owned()),
                },
            ],
            closing: None,
            logo: None,
        },
        generated_on: NaiveDate::from_ymd_opt(2026, 11, 20).unwrap(),
        next_step: Some(NextStep {
            title: next_title.to_owned(),
            text: next_text.to_owned(),
            url: "https://example.org/checkout/abc123".to_owned(),
        }),
        scope,
        trainer_note: None,
    }
}

/// Runs a poppler tool on the PDF and gives its output.
pub(super) fn poppler(tool: &str, arguments: &[&str], rendered: &Rendered) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("programme.pdf");
    std::fs::write(&path, &rendered.bytes).unwrap();
    let mut command = Command::new(tool);
    command.args(arguments).arg(&path);
    match tool {
        "pdftotext" => {
            command.arg("-");
        }
        // Without this it makes a file; with it the name in links is the PDF's own.
        "pdftohtml" => {
            command.args(["-stdout"]);
        }
        _ => {}
    }
    let output = command.output().unwrap_or_else(|error| {
        panic!("{tool} is needed to read PDFs back: apt-get install -y poppler-utils ({error})")
    });
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success() && complaints.is_empty(), "{tool}: {complaints}");
    String::from_utf8(output.stdout).unwrap()
}

pub(super) fn text(rendered: &Rendered) -> String {
    poppler("pdftotext", &["-raw"], rendered)
}

/// A text without line breaks and double spaces, to look for sentences that wrap.
pub(super) fn flat(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

#[test]
fn both_languages_and_scopes_read_back_whole_and_in_order() {
    for (language, plan, technique, log) in [
        (Language::Ru, "Неделя 1", "Техника упражнений", "Дневник тренировок"),
        (Language::En, "Week 1", "How to do the exercises", "Training log"),
    ] {
        for scope in [Scope::FirstTwoWeeks, Scope::AllTwelveWeeks] {
            let document = document(&a_profile(), scope, language, "Анна Сергеевна");
            let rendered = pdf::render(&document).unwrap();
            let info = poppler("pdfinfo", &[], &rendered);
            assert!(info.contains(Document::default_title(language)), "{info}");
            assert!(
                info.contains("A4") && info.contains(&format!("Pages:           {}", rendered.page_count)),
                "{info}"
            );

            let text = text(&rendered);
            let flat = flat(&text);
            assert!(flat.contains("Анна Сергеевна"));
            for sentence in [&document.wording.intro, &document.wording.closing] {
                assert!(flat.contains(sentence.as_str()), "{sentence}");
            }
            for (week, _, item) in document.programme.items() {
                let work = format!("{} × {}", item.sets, item.reps_text(language));
                let name = item.name.get(language);
                assert!(flat.contains(&format!("{name} ")), "week {}: {name}", week.number);
                assert!(flat.contains(&work), "week {}: {work}", week.number);
            }
            // Chapters and weeks stand in the order in which they are read.
            let at = |needle: &str| flat.find(needle).unwrap_or_else(|| panic!("no {needle:?}"));
            let last_week = format!(
                "{} {}",
                if language == Language::Ru {
                    "Неделя"
                } else {
                    "Week"
                },
                scope.weeks()
            );
            // The list of contents has named them before.
            let chapter = |title: &str| flat.rfind(title).unwrap_or_else(|| panic!("no {title:?}"));
            assert!(at(plan) < at(&last_week) && at(&last_week) < chapter(technique));
            assert!(chapter(technique) < chapter(log));
        }
    }
}

#[test]
fn every_row_extracts_as_one_line_with_its_numbers() {
    let document = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, "Анна");
    let text = text(&pdf::render(&document).unwrap());
    let lines: Vec<String> = text.lines().map(flat).collect();
    for (_, day, item) in document.programme.items() {
        let (name, reps) = (item.name.get(Language::Ru), item.reps_text(Language::Ru));
        let effort = item.intensity.as_deref().unwrap_or("—").replace('-', "–");
        let load = item.load_text(Language::Ru).unwrap_or_default();
        let load = load.split(',').next().unwrap().replace(" с грифом", "");
        let numbers = flat(&format!(
            "{} × {reps} {load} {} {effort}",
            item.sets,
            item.rest_text(Language::Ru)
        ));
        let found = lines.iter().any(|line| line.contains(name) && line.ends_with(&numbers));
        assert!(found, "day {}: {name} {numbers}", day.number);
    }
}

#[test]
fn fonts_are_embedded_and_subset() {
    let rendered = pdf::render(&document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, "Анна")).unwrap();
    let fonts = poppler("pdffonts", &[], &rendered);
    let lines: Vec<&str> = fonts.lines().skip(2).collect();
    assert!(!lines.is_empty());
    for line in lines {
        // name, type, encoding, emb, sub, uni
        assert!(line.contains("Inter") && line.contains("yes yes yes"), "{line}");
    }
}

#[test]
fn difficult_names_leave_the_document_whole() {
    let long = "Александра-Мария ".repeat(18);
    let unbroken = "Ы".repeat(300);
    for (name, readable) in [
        ("Анна \"Аня\" О'Нил «Буря»", "Анна \"Аня\" О'Нил «Буря»"),
        ("🦊 Лиса 👩‍🚀", "Лиса"),
        ("🦊🎉", "О программе"),
        ("", "О программе"),
        ("   \u{202e}\u{200f}\n\t ", "О программе"),
        ("יעל כהן", "יעל"),
        ("محمد علي", "О программе"),
        ("Anna יעל Петрова", "Петрова"),
        ("<script>alert(1)</script>", "<script>alert(1)</script>"),
        ("\\(обратная) косая\\", "\\(обратная)"),
        (long.trim(), "Александра-Мария Александра-Мария"),
        (&unbroken, "ЫЫЫЫЫЫЫЫЫЫ"),
        ("A\u{0}B\u{7}C", "ABC"),
        ("Андре\u{301}й Ё́лкин", "лкин"),
        ("é̵̡̢̧͓̖͎̣̤̘̗͇̰", "О программе"),
    ] {
        let document = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, name);
        for render in [pdf::render, pdf::render_phone] {
            let text = flat(&text(&render(&document).unwrap()));
            // A narrow page may break a word that is all signs.
            let close = |text: &str| text.replace(' ', "");
            assert!(close(&text).contains(&close(readable)), "{name:?}");
            let is_whole = text.contains("Техника упражнений") && text.contains("Напоследок");
            assert!(is_whole, "{name:?}");
        }
    }
    // A long name is complete in the client's data, even where the cover shortens it.
    let rendered = pdf::render(&document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, long.trim())).unwrap();
    assert!(flat(&text(&rendered)).contains(long.trim()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 40, ..ProptestConfig::default() })]

    #[test]
    fn any_text_at_all_can_be_a_name_a_title_or_a_hint(name in any::<String>(), title in "\\PC{0,80}", hint in "[א-תء-يa-zА-я0-9 \u{300}-\u{36f}🦊]{0,120}") {
        let mut document = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, &name);
        document.title = title;
        document.wording.weeks[0].days[0].cues[0].text = hint;
        let rendered = pdf::render(&document).unwrap();
        prop_assert!(rendered.page_count > 5);
        let rendered = pdf::render_phone(&document).unwrap();
        prop_assert!(rendered.page_count > 5);
    }
}

#[test]
fn names_written_right_to_left_extract_in_their_order() {
    // Poppler marks the direction of such words and guesses the gaps around them, so only letters are compared.
    let letters = |text: &str| -> String { text.chars().filter(|c| c.is_alphabetic()).collect() };
    for name in ["محمد", "يعقوب صنوع", "יעל כהן", "Anna יעל כהן Петрова"] {
        let document = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, name);
        for render in [pdf::render, pdf::render_phone] {
            let text = poppler("pdftotext", &["-f", "1", "-l", "1"], &render(&document).unwrap());
            assert!(letters(&text).contains(&letters(name)), "{name}: {text}");
        }
    }
}

#[test]
fn odd_texts_from_settings_and_tables_do_not_break_the_page() {
    let mut document = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, "Анна");
    document.title = "Оченьдлинноеслово".repeat(40);
    document.brand.name = "Студия ".repeat(100);
    document.brand.contacts = vec![Contact {
        text: "x".repeat(400),
        url: Some("javascript:alert(1)".to_owned()),
    }];
    document.brand.closing = Some("Спасибо! ".repeat(400));
    document.next_step = Some(NextStep {
        title: "Дальше ".repeat(30),
        text: "Слова ".repeat(200),
        url: format!("https://example.org/{}", "a".repeat(1500)),
    });
    document.wording.weeks[0].days[0].title = "Заголовок ".repeat(40);
    document.wording.weeks[0].days[0].cues[0].text = "Подсказка ".repeat(400);
    let rendered = pdf::render(&document).unwrap();
    let text = flat(&text(&rendered));
    assert!(text.contains("Напоследок") && text.contains("Спасибо! Спасибо!"));
    assert!(
        !String::from_utf8_lossy(&rendered.bytes).contains("javascript:"),
        "an unsafe address is no link"
    );
}

#[test]
fn no_page_shows_text_outside_its_margins() {
    let profile = Profile {
        sex: Sex::Male,
        level: Level::Advanced,
        goal: Goal::Muscle,
        place: Place::Gym,
        equipment: Equipment::Gym,
        days_per_week: 4,
        spared_areas: vec![SparedArea::LowerBack, SparedArea::Wrists],
        ..a_profile()
    };
    for language in Language::ALL {
        let document = document(&profile, Scope::AllTwelveWeeks, language, &"Имя Фамилия ".repeat(25));
        let rendered = pdf::render(&document).unwrap();
        let boxes = poppler("pdftotext", &["-bbox"], &rendered);
        let attribute = |line: &str, name: &str| -> f32 {
            let start = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
            line[start..].split('"').next().unwrap().parse().unwrap()
        };
        let mut words = 0;
        for line in boxes.lines().filter(|line| line.contains("<word ")) {
            words += 1;
            assert!(
                attribute(line, "xMin") >= 46.0 && attribute(line, "xMax") <= 595.28 - 40.0,
                "{line}"
            );
            assert!(
                attribute(line, "yMin") >= 30.0 && attribute(line, "yMax") <= 841.89 - 20.0,
                "{line}"
            );
        }
        assert!(words > 1000);
    }
}

#[test]
fn a_workout_that_fits_a_page_is_never_broken() {
    for days_per_week in 2..=4 {
        let profile = Profile {
            days_per_week,
            ..a_profile()
        };
        let document = document(&profile, Scope::AllTwelveWeeks, Language::Ru, "Анна");
        let rendered = pdf::render(&document).unwrap();
        let text = text(&rendered);
        // Each page that shows workouts shows whole ones: as many titles as tables' headers, none twice.
        let mut tables = 0;
        for page in text.split('\u{c}') {
            let titles = page
                .lines()
                .filter(|line| line.starts_with("День ") && line.contains('·') && !line.contains("недели "))
                .count();
            let headers = page
                .lines()
                .filter(|line| flat(line).starts_with("Упражнение Подходы × повторы"))
                .count();
            assert_eq!(titles, headers, "{page}");
            tables += headers;
        }
        assert_eq!(tables, 12 * usize::from(days_per_week));
    }
}

#[test]
fn bookmarks_and_links_lead_through_the_document() {
    let mut with_video = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, "Анна");
    with_video.programme.weeks[0].days[0].items[0].video = Some("https://example.org/video/1".to_owned());
    let rendered = pdf::render(&with_video).unwrap();
    let links = poppler("pdfinfo", &["-url"], &rendered);
    for url in [
        "https://example.org/checkout/abc123",
        "https://example.org/video/1",
        "tel:+79000000000",
    ] {
        assert!(links.contains(url), "{links}");
    }
    let raw = String::from_utf8_lossy(&rendered.bytes);
    assert!(
        raw.contains("/Outlines") && raw.contains("/Dest"),
        "bookmarks and inner links"
    );
    assert!(raw.contains("/Lang"), "the language is stated");
}

#[test]
fn files_are_small_and_the_same_input_gives_the_same_bytes() {
    let free = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, "Анна");
    let whole = document(
        &Profile {
            days_per_week: 4,
            ..a_profile()
        },
        Scope::AllTwelveWeeks,
        Language::Ru,
        "Анна",
    );
    let (small, large) = (pdf::render(&free).unwrap(), pdf::render(&whole).unwrap());
    assert!(small.bytes.len() < 120_000, "{}", small.bytes.len());
    assert!(large.bytes.len() < 600_000, "{}", large.bytes.len());
    assert_eq!(pdf::render(&free).unwrap(), small);
}

#[test]
fn documents_are_drawn_from_many_threads_at_once() {
    let document = document(&a_profile(), Scope::FirstTwoWeeks, Language::Ru, "Анна");
    let expected = pdf::render(&document).unwrap();
    std::thread::scope(|scope| {
        let threads: Vec<_> = (0..4)
            .map(|_| scope.spawn(|| pdf::render(&document).unwrap()))
            .collect();
        for thread in threads {
            assert_eq!(thread.join().unwrap(), expected);
        }
    });
}

/// A guard against the accidentally quadratic; the real figure comes from the benchmark of an optimised build.
#[test]
fn a_document_of_twelve_weeks_is_drawn_quickly() {
    let document = document(
        &Profile {
            days_per_week: 4,
            ..a_profile()
        },
        Scope::AllTwelveWeeks,
        Language::Ru,
        "Анна",
    );
    pdf::render(&document).unwrap();
    let start = Instant::now();
    pdf::render(&document).unwrap();
    assert!(start.elapsed() < Duration::from_secs(5), "{:?}", start.elapsed());
}
