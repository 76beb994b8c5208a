//! The version for a phone's screen.

use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Place, Profile, Sex, SparedArea};
use programs::matching::Scope;
use programs::pdf::{self, Rendered};

use super::common::a_profile;
use super::pdf::{document, flat, poppler, text};

fn strong() -> Profile {
    Profile {
        sex: Sex::Male,
        level: Level::Advanced,
        goal: Goal::Strength,
        place: Place::Gym,
        equipment: Equipment::Gym,
        days_per_week: 4,
        spared_areas: vec![SparedArea::Shoulders],
        ..a_profile()
    }
}

#[test]
fn every_workout_is_one_page_with_all_its_lines() {
    for (profile, language) in [(a_profile(), Language::Ru), (strong(), Language::En)] {
        let document = document(&profile, Scope::AllTwelveWeeks, language, "Анна");
        let rendered = pdf::render_phone(&document).unwrap();
        let text = text(&rendered);
        let pages: Vec<String> = text.split('\u{c}').map(flat).collect();
        let (week_word, day_word) = match language {
            Language::Ru => ("Неделя", "День"),
            Language::En => ("Week", "Day"),
        };
        for week in &document.programme.weeks {
            for day in &week.days {
                let head = format!("{week_word} {} · {day_word} {}", week.number, day.number);
                let own: Vec<&String> = pages
                    .iter()
                    .filter(|page| {
                        page.strip_prefix(&head)
                            .is_some_and(|rest| !rest.starts_with(|c: char| c.is_ascii_digit()))
                    })
                    .collect();
                assert_eq!(own.len(), 1, "{head}");
                let mut rest = own[0].as_str();
                for item in &day.items {
                    let line = format!(
                        "{} {} × {}",
                        item.name.get(language),
                        item.sets,
                        item.reps_text(language)
                    );
                    let at = rest.find(&line).unwrap_or_else(|| panic!("{head}: {line} in {rest}"));
                    rest = &rest[at + line.len()..];
                    let rest_time = item.rest_text(language);
                    assert!(rest.contains(&rest_time), "{head}: {line}: {rest_time}");
                }
            }
        }
    }
}

fn sizes(rendered: &Rendered) -> Vec<(f32, f32)> {
    let last = rendered.page_count.to_string();
    poppler("pdfinfo", &["-f", "1", "-l", &last], rendered)
        .lines()
        .filter(|line| line.starts_with("Page ") && line.contains("size:"))
        .map(|line| {
            let numbers: Vec<f32> = line.split_whitespace().filter_map(|word| word.parse().ok()).collect();
            (numbers[numbers.len() - 2], numbers[numbers.len() - 1])
        })
        .collect()
}

#[test]
fn pages_are_a_phones_screen_and_letters_are_large_enough() {
    for language in Language::ALL {
        let mut document = document(&strong(), Scope::AllTwelveWeeks, language, &"Имя Фамилия ".repeat(20));
        document.trainer_note = Some("Берегите плечи и пишите, если что-то непонятно. ".repeat(12));
        let rendered = pdf::render_phone(&document).unwrap();
        let sizes = sizes(&rendered);
        assert_eq!(sizes.len(), rendered.page_count);
        for (width, height) in sizes {
            assert!(
                width == 360.0 && (780.0..1300.0).contains(&height),
                "{width} × {height}"
            );
        }
        let xml = poppler("pdftohtml", &["-xml", "-i", "-zoom", "1"], &rendered);
        let fonts: Vec<f32> = xml
            .split("<fontspec ")
            .skip(1)
            .map(|font| {
                font.split("size=\"")
                    .nth(1)
                    .unwrap()
                    .split('"')
                    .next()
                    .unwrap()
                    .parse()
                    .unwrap()
            })
            .collect();
        assert!(!fonts.is_empty());
        assert!(fonts.iter().all(|size| *size >= 11.0), "{fonts:?}");
        let boxes = poppler("pdftotext", &["-bbox"], &rendered);
        for line in boxes.lines().filter(|line| line.contains("<word ")) {
            let attribute = |name: &str| -> f32 {
                let start = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
                line[start..].split('"').next().unwrap().parse().unwrap()
            };
            assert!(attribute("xMin") >= 18.0 && attribute("xMax") <= 342.0, "{line}");
        }
    }
}

#[test]
fn the_short_version_says_the_same_words_and_stays_small() {
    let mut document = document(&strong(), Scope::AllTwelveWeeks, Language::Ru, "Пётр");
    document.trainer_note = Some("Рад, что вы с нами.\nНачните с лёгкого веса.".to_owned());
    document.brand.closing = Some("До встречи на тренировке!".to_owned());
    let (paper, phone) = (pdf::render(&document).unwrap(), pdf::render_phone(&document).unwrap());
    assert!(phone.bytes.len() < 600_000, "{}", phone.bytes.len());
    for rendered in [&paper, &phone] {
        let text = flat(&text(rendered));
        for sentence in [
            document.wording.intro.as_str(),
            document.wording.closing.as_str(),
            "От тренера лично вам Рад, что вы с нами. Начните с лёгкого веса.",
            "До встречи на тренировке!",
            "Разминка перед каждой тренировкой",
            "+7 900 000-00-00",
        ] {
            assert!(text.contains(sentence), "{sentence}");
        }
        let load = document
            .programme
            .items()
            .find_map(|(_, _, item)| item.load_text(Language::Ru));
        let load = load.unwrap().split(',').next().unwrap().replace(" с грифом", "");
        assert!(text.contains(&load), "{load}");
    }
    let fonts = poppler("pdffonts", &[], &phone);
    for line in fonts.lines().skip(2) {
        assert!(line.contains("CID TrueType") && line.contains("yes yes yes"), "{line}");
    }
    let info = poppler("pdfinfo", &[], &phone);
    assert!(
        info.contains(&document.title) && info.contains("Студия «Север»"),
        "{info}"
    );
    assert!(String::from_utf8_lossy(&phone.bytes).contains("/Lang"));
}
