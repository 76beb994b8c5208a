//! Tables as wholes: what changed between two sets, who gets what, and the pages that show it.

use domain::language::Language;
use domain::profile::Sex;
use programs::coverage::{self, Outcome, TriedResult};
use programs::report;
use programs::templates::{Templates, difference, shipped};

fn sparse() -> Templates {
    Templates::from_csv(
        include_bytes!("../fixtures/Men_12w_2.csv"),
        include_bytes!("../fixtures/Women_12w_2.csv"),
        shipped()[2].csv,
    )
    .unwrap_or_else(|errors| panic!("{errors}"))
}

fn edited(edit: impl Fn(String) -> String) -> Templates {
    let men = edit(include_str!("../fixtures/Men_12w_2.csv").to_owned());
    Templates::from_csv(
        men.as_bytes(),
        include_bytes!("../fixtures/Women_12w_2.csv"),
        shipped()[2].csv,
    )
    .unwrap_or_else(|errors| panic!("{errors}"))
}

#[test]
fn the_same_tables_in_another_order_are_no_difference() {
    let turned = edited(|csv| {
        let mut lines: Vec<&str> = csv.lines().collect();
        lines[1..].reverse();
        lines.join("\n")
    });
    let found = difference(&sparse(), &turned);
    assert!(found.is_empty(), "{found:?}");
    assert_eq!(found.summary(Language::Ru), "Ничего не изменилось.");
    assert_eq!(found.summary(Language::En), "Nothing has changed.");
}

#[test]
fn a_changed_cell_is_named_with_its_row_and_values() {
    let old = sparse();
    let row = include_str!("../fixtures/Men_12w_2.csv")
        .lines()
        .nth(1)
        .unwrap()
        .to_owned();
    let mut cells: Vec<&str> = row.split(',').collect();
    cells[9] = "9";
    let changed = cells.join(",");
    let new = edited(|csv| csv.replacen(&row, &changed, 1));
    let found = difference(&old, &new);
    assert_eq!(found.plans_changed.len(), 1);
    let change = &found.plans_changed[0];
    assert_eq!(change.name.sheet, "Men_12w_2");
    assert_eq!(change.rows.len(), 1);
    let row = &change.rows[0];
    assert_eq!((row.old_row, row.new_row), (Some(2), Some(2)));
    assert_eq!(row.cells.len(), 1);
    assert_eq!((row.cells[0].column.as_str(), row.cells[0].to.as_str()), ("sets", "9"));
    let summary = found.summary(Language::Ru);
    assert!(
        summary.starts_with("Изменено: 1 план (Men_12w_2: ") && summary.contains("1 строка"),
        "{summary}"
    );
    assert!(found.summary(Language::En).starts_with("Changed: 1 plan ("));
    assert!(serde_json::to_string(&found).unwrap().contains("\"column\":\"sets\""));
}

#[test]
fn plans_and_exercises_that_come_or_go_are_counted() {
    let old = sparse();
    let new = edited(|csv| {
        csv.lines()
            .filter(|line| !line.starts_with("advanced,strength,gym"))
            .map(|line| format!("{line}\n"))
            .collect()
    });
    let found = difference(&old, &new);
    assert!(!found.plans_removed.is_empty() && found.plans_added.is_empty());
    let back = difference(&new, &old);
    assert_eq!(back.plans_added, found.plans_removed);

    let library = String::from_utf8(shipped()[2].csv.to_vec()).unwrap();
    let withdrawn: Vec<String> = library
        .lines()
        .map(|line| {
            if line.starts_with("cat_cow,") {
                format!("{line}yes")
            } else {
                line.to_owned()
            }
        })
        .collect();
    let new = Templates::from_csv(shipped()[0].csv, shipped()[1].csv, withdrawn.join("\n").as_bytes()).unwrap();
    let found = difference(&Templates::shipped().unwrap(), &new);
    assert_eq!(found.exercises_changed.len(), 1);
    assert!(found.exercises_changed[0].is_newly_withdrawn);
    assert_eq!(found.summary(Language::Ru), "Отозвано: 1 упражнение («„Кошка“»)");
    // Two hundred plans at once still make a short message.
    let summary = difference(&sparse(), &Templates::shipped().unwrap()).summary(Language::Ru);
    assert!(summary.chars().count() < 1000, "{summary}");
}

#[test]
fn the_shipped_tables_leave_no_hole() {
    let coverage = coverage::matrix(&Templates::shipped().unwrap());
    assert_eq!(coverage.cells.len(), 216);
    let totals = coverage.totals();
    assert_eq!((totals.exact, totals.relaxed, totals.nothing), (216, 0, 0));
}

#[test]
fn holes_of_a_small_table_are_seen() {
    let coverage = coverage::matrix(&sparse());
    let totals = coverage.totals();
    assert!(totals.relaxed > 100, "{totals:?}");
    assert_eq!(totals.exact + totals.relaxed + totals.nothing, 216);
    assert!(coverage.cells.iter().any(|cell| {
        cell.sex == Sex::Male && matches!(&cell.result, Outcome::Fits { relaxations } if !relaxations.is_empty())
    }));
}

#[test]
fn two_hundred_invented_clients_are_the_same_for_the_same_seed() {
    let templates = Templates::shipped().unwrap();
    let tried = coverage::try_out(&templates, 200, 7);
    assert_eq!(tried, coverage::try_out(&templates, 200, 7));
    assert_ne!(tried.clients, coverage::try_out(&templates, 200, 8).clients);
    assert_eq!(tried.clients.len(), 200);
    let mut kinds: Vec<String> = tried
        .clients
        .iter()
        .map(|client| {
            let profile = &client.profile;
            format!(
                "{} {} {} {}",
                profile.sex, profile.level, profile.goal, profile.equipment
            )
        })
        .collect();
    kinds.sort();
    kinds.dedup();
    assert_eq!(kinds.len(), 72, "every sex, level, goal and place comes up");
    for client in &tried.clients {
        if let TriedResult::Made(made) = &client.result {
            assert!(made.fewest_exercises >= 3, "{client:?}");
            assert!(
                (20..=80).contains(&made.shortest_minutes) && made.longest_minutes <= 80,
                "{client:?}"
            );
            assert!(made.most_week_sets <= 110, "{client:?}");
        }
    }
}

#[test]
fn pages_are_whole_safe_and_in_their_language() {
    let templates = sparse();
    let coverage = coverage::matrix(&templates);
    let tried = coverage::try_out(&templates, 50, 1);
    for language in Language::ALL {
        let title = "<Покрытие> & \"таблиц\"";
        for page in [
            report::coverage_page(&coverage, title, language),
            report::try_out_page(&tried, title, language),
        ] {
            assert!(page.starts_with("<!doctype html>") && page.trim_end().ends_with("</html>"));
            assert!(page.contains(&format!("<html lang=\"{}\">", language.code())));
            assert!(page.contains("&lt;Покрытие&gt; &amp; &quot;таблиц&quot;"));
            for foreign in ["<script", "http://", "https://", "src=", "@import", "url("] {
                assert!(!page.contains(foreign), "{foreign}");
            }
            for tag in [
                "table", "tr", "td", "th", "details", "ul", "li", "dl", "div", "span", "p",
            ] {
                let (open, close) = (
                    page.matches(&format!("<{tag}>")).count() + page.matches(&format!("<{tag} ")).count(),
                    page.matches(&format!("</{tag}>")).count(),
                );
                assert_eq!(open, close, "<{tag}>");
            }
            if language == Language::En {
                let body = page
                    .split("<main>")
                    .nth(1)
                    .unwrap()
                    .replace("&lt;Покрытие&gt;", "")
                    .replace("таблиц", "");
                assert!(
                    !body.contains(|c: char| ('а'..='я').contains(&c)),
                    "Russian words in an English page"
                );
            }
        }
    }
}
