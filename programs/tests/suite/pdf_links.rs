//! Where links and bookmarks lead, as poppler follows them.

use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Place, Profile, Sex};
use programs::matching::Scope;
use programs::pdf::{self, Contact, Document, Rendered};

use super::common::a_profile;
use super::pdf::{document, flat, poppler, text};

struct Link {
    page: usize,
    text: String,
    goal: String,
}

/// The text of a tag's inside, without tags in it.
fn plain(html: &str) -> String {
    let mut out = String::new();
    let mut is_tag = false;
    for c in html.chars() {
        match c {
            '<' => is_tag = true,
            '>' => is_tag = false,
            c if !is_tag => out.push(c),
            _ => {}
        }
    }
    flat(&out.replace("&quot;", "\"").replace("&#39;", "'").replace("&amp;", "&"))
}

fn links(rendered: &Rendered) -> Vec<Link> {
    let xml = poppler("pdftohtml", &["-xml", "-i", "-zoom", "1"], rendered);
    let mut links = Vec::new();
    for (page, part) in xml.split("<page number=").enumerate().skip(1) {
        for tag in part.split("<a href=\"").skip(1) {
            let (goal, rest) = tag.split_once('"').unwrap();
            let text = rest.split_once('>').unwrap().1.split("</a>").next().unwrap();
            links.push(Link {
                page,
                text: plain(text),
                goal: goal.to_owned(),
            });
        }
    }
    links
}

fn page_text(rendered: &Rendered, page: usize) -> String {
    let number = page.to_string();
    flat(&poppler("pdftotext", &["-raw", "-f", &number, "-l", &number], rendered))
}

fn a_long_one(language: Language) -> Document {
    let profile = Profile {
        sex: Sex::Male,
        level: Level::Advanced,
        goal: Goal::Muscle,
        place: Place::Gym,
        equipment: Equipment::Gym,
        days_per_week: 4,
        ..a_profile()
    };
    document(&profile, Scope::AllTwelveWeeks, language, "Пётр")
}

#[test]
fn every_exercise_leads_to_its_technique_and_back_to_its_workout() {
    for language in Language::ALL {
        let document = a_long_one(language);
        for render in [pdf::render, pdf::render_phone] {
            let rendered = render(&document).unwrap();
            let links = links(&rendered);
            let inner: Vec<(&Link, usize)> = links
                .iter()
                .filter_map(|link| Some((link, link.goal.split_once('#')?.1.parse().ok()?)))
                .collect();
            let pages: Vec<String> = text(&rendered).split('\u{c}').map(flat).collect();
            let mut seen = std::collections::BTreeSet::new();
            for (_, _, item) in document.programme.items() {
                if !seen.insert(&item.exercise_id) {
                    continue;
                }
                let (name, technique) = (item.name.get(language), item.technique.get(language));
                let first_words = technique.split_whitespace().take(3).collect::<Vec<_>>().join(" ");
                // A long name wraps, so its first word is looked for.
                let word = name.split_whitespace().next().unwrap();
                let to_technique = inner.iter().any(|(link, goal)| {
                    link.text.contains(word) && link.page < *goal && pages[goal - 1].contains(&first_words)
                });
                assert!(to_technique, "{name} leads to its technique");
            }
            let back: Vec<&(&Link, usize)> = inner.iter().filter(|(link, _)| link.text.contains('←')).collect();
            assert!(back.len() >= seen.len(), "{} ways back for {}", back.len(), seen.len());
            for (link, goal) in back {
                assert!(*goal < link.page, "{} goes back", link.text);
            }
        }
    }
}

#[test]
fn bookmarks_name_every_week_workout_and_exercise() {
    let document = a_long_one(Language::Ru);
    for (render, weeks_are) in [
        (pdf::render as fn(&Document) -> _, "children"),
        (pdf::render_phone, "top"),
    ] {
        let rendered = render(&document).unwrap();
        let xml = poppler("pdftohtml", &["-xml", "-i"], &rendered);
        let outline = xml.split_once("<outline>").unwrap().1;
        let titles: Vec<String> = outline
            .split("<item ")
            .skip(1)
            .map(|item| plain(item.split_once('>').unwrap().1.split("</item>").next().unwrap()))
            .collect();
        for week in 1..=12 {
            assert!(titles.contains(&format!("Неделя {week}")), "{weeks_are}: {titles:?}");
        }
        assert_eq!(titles.iter().filter(|title| *title == "День 4").count(), 12);
        let exercise = document.programme.weeks[0].days[0].items[0].name.get(Language::Ru);
        assert!(titles.iter().any(|title| title == exercise));
        for chapter in ["Как читать план", "Техника упражнений", "Напоследок"] {
            assert!(titles.iter().any(|title| title == chapter), "{chapter}");
        }
    }
}

#[test]
fn the_list_of_contents_tells_the_right_pages() {
    let rendered = pdf::render(&a_long_one(Language::En)).unwrap();
    let about = page_text(&rendered, 2);
    for chapter in ["How to do the exercises", "Training log", "Notes", "Before you go"] {
        let after = about.split_once(&format!("{chapter} ")).unwrap().1;
        let page: usize = after.split_whitespace().next().unwrap().parse().unwrap();
        assert!(
            page_text(&rendered, page).contains(chapter),
            "{chapter} is on page {page}"
        );
    }
}

#[test]
fn contacts_as_the_owner_writes_them_become_links() {
    let mut document = a_long_one(Language::Ru);
    document.brand.contacts = [
        "Телефон: 8 900 123-45-67",
        "@anna_coach",
        "anna@example.org",
        "тренер.рф/план",
        "Без звонков после 21:00",
    ]
    .map(Contact::parse)
    .to_vec();
    for render in [pdf::render, pdf::render_phone] {
        let rendered = render(&document).unwrap();
        let urls = poppler("pdfinfo", &["-url"], &rendered);
        for url in [
            "tel:+79001234567",
            "https://t.me/anna_coach",
            "mailto:anna@example.org",
            "https://xn--e1aaxkdh.xn--p1ai/%D0%BF%D0%BB%D0%B0%D0%BD",
        ] {
            assert!(urls.contains(url), "{url}: {urls}");
        }
        let text = flat(&poppler("pdftotext", &["-raw"], &rendered));
        assert!(text.contains("Без звонков после 21:00"));
    }
}
