//! The page that shows every combination of answers and what it gets.

use std::collections::BTreeMap;

use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Place, Sex, SparedArea};

use super::page::{escape, figure, figures, page, pick};
use crate::coverage::{Cell, Coverage, Outcome, SETUPS};
use crate::labels;
use crate::text::capitalized;

/// One page with every combination of answers and what it gets. Self-contained: no script, nothing from elsewhere.
pub fn coverage_page(coverage: &Coverage, title: &str, language: Language) -> String {
    let totals = coverage.totals();
    let all = coverage.cells.len();
    let lead = match language {
        Language::Ru => format!(
            "Все {all} сочетаний пола, уровня, цели, места и числа дней и план, который достанется каждому. Версия таблиц {}.",
            version(&coverage.templates_version)
        ),
        Language::En => format!(
            "All {all} combinations of sex, level, goal, place and days, and the plan each of them gets. Version of the tables {}.",
            version(&coverage.templates_version)
        ),
    };
    let mut body = figures(&[
        figure(
            &totals.exact.to_string(),
            pick(language, "точный план", "an exact plan"),
            "good",
        ),
        figure(
            &totals.relaxed.to_string(),
            pick(language, "близкий план", "a close plan"),
            if totals.relaxed > 0 { "soft" } else { "" },
        ),
        figure(
            &totals.nothing.to_string(),
            pick(language, "ничего не подошло", "nothing fits"),
            if totals.nothing > 0 { "bad" } else { "" },
        ),
    ]);
    body.push_str(&legend(language));
    for sex in Sex::ALL {
        body.push_str(&format!("<h2>{}</h2>\n", escape(women_or_men(*sex, language))));
        body.push_str(&matrix(coverage, *sex, language));
    }
    body.push_str(&departures(coverage, language));
    body.push_str(&sparing(coverage, language));
    page(title, &lead, &body, language)
}

pub(super) fn version(hash: &str) -> String {
    hash.chars().take(8).collect()
}

const fn women_or_men(sex: Sex, language: Language) -> &'static str {
    match sex {
        Sex::Male => pick(language, "Мужчины", "Men"),
        Sex::Female => pick(language, "Женщины", "Women"),
    }
}

const fn setup(place: Place, equipment: Equipment, language: Language) -> &'static str {
    match (place, equipment) {
        (Place::Gym, _) => pick(language, "Зал", "Gym"),
        (Place::Home, Equipment::None) => pick(language, "Дом, без инвентаря", "Home, no equipment"),
        (Place::Home, _) => pick(language, "Дом, гантели и резинки", "Home, dumbbells and bands"),
    }
}

struct Mark {
    class: &'static str,
    sign: &'static str,
    words: &'static str,
}

const fn mark_of(outcome: &Outcome, language: Language) -> Mark {
    match outcome {
        Outcome::Fits { relaxations } if relaxations.is_empty() => Mark {
            class: "good",
            sign: "✓",
            words: pick(language, "точный план", "an exact plan"),
        },
        Outcome::Fits { .. } => Mark {
            class: "soft",
            sign: "≈",
            words: pick(language, "близкий план", "a close plan"),
        },
        Outcome::Nothing { .. } => Mark {
            class: "bad",
            sign: "✕",
            words: pick(
                language,
                "ничего не подошло, нужен тренер",
                "nothing fits, the trainer is asked",
            ),
        },
    }
}

fn chip(mark: &Mark) -> String {
    // The sign is for eyes, the words for ears.
    format!(
        "<span class=\"chip {}\" title=\"{words}\" role=\"img\" aria-label=\"{words}\">{}</span>",
        mark.class,
        mark.sign,
        words = escape(mark.words)
    )
}

fn legend(language: Language) -> String {
    let outcomes = [
        Outcome::Fits {
            relaxations: Vec::new(),
        },
        Outcome::Nothing {
            why: crate::matching::NoMatch::NoMoreVariants,
        },
    ];
    let close = Mark {
        class: "soft",
        sign: "≈",
        words: pick(language, "близкий план", "a close plan"),
    };
    let mut marks: Vec<Mark> = outcomes.iter().map(|outcome| mark_of(outcome, language)).collect();
    marks.insert(1, close);
    let items: String = marks
        .iter()
        .map(|mark| format!("<li>{} {}</li>\n", chip(mark), escape(mark.words)))
        .collect();
    format!("<ul class=\"legend\">\n{items}</ul>\n")
}

fn matrix(coverage: &Coverage, sex: Sex, language: Language) -> String {
    let mut head = String::new();
    let mut days_head = String::new();
    for (place, equipment) in SETUPS {
        head.push_str(&format!(
            "<th scope=\"colgroup\" colspan=\"3\" class=\"group group-start\">{}</th>",
            escape(setup(place, equipment, language))
        ));
        for days in 2..=4 {
            let class = if days == 2 {
                " class=\"mark group-start\""
            } else {
                " class=\"mark\""
            };
            let days_word = pick(language, "дн.", "days");
            days_head.push_str(&format!("<th scope=\"col\"{class}>{days} {days_word}</th>"));
        }
    }
    let mut rows = String::new();
    for level in Level::ALL {
        for goal in Goal::ALL {
            let name = format!(
                "{}, {}",
                capitalized(labels::level(*level, language)),
                labels::goal(*goal, language)
            );
            rows.push_str(&format!("<tr><th scope=\"row\">{}</th>", escape(&name)));
            let cells = coverage
                .cells
                .iter()
                .filter(|cell| cell.sex == sex && cell.level == *level && cell.goal == *goal);
            for cell in cells {
                let class = if cell.days_per_week == 2 {
                    "mark group-start"
                } else {
                    "mark"
                };
                rows.push_str(&format!(
                    "<td class=\"{class}\">{}</td>",
                    chip(&mark_of(&cell.result, language))
                ));
            }
            rows.push_str("</tr>\n");
        }
    }
    let (caption, answers) = (
        women_or_men(sex, language),
        pick(language, "Уровень и цель", "Level and goal"),
    );
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{caption}\">\n<table>\n<thead>\n\
         <tr><th scope=\"col\" rowspan=\"2\">{answers}</th>{head}</tr>\n<tr>{days_head}</tr>\n</thead>\n\
         <tbody>\n{rows}</tbody>\n</table>\n</div>\n",
        caption = escape(caption),
        answers = escape(answers),
    )
}

/// Whom a line speaks of: "Женщины, начинающий, сила, дом, без инвентаря, 4 дня".
fn whom(cell: &Cell, language: Language) -> String {
    format!(
        "{}: {}, {}, {}, {} {}",
        women_or_men(cell.sex, language),
        labels::level(cell.level, language),
        labels::goal(cell.goal, language),
        setup(cell.place, cell.equipment, language).to_lowercase(),
        cell.days_per_week,
        crate::text::days_word(cell.days_per_week, language),
    )
}

/// Where a plan is only close or missing, with the sentence the client reads; the same sentence is told once.
fn departures(coverage: &Coverage, language: Language) -> String {
    let mut by_sentence: BTreeMap<(bool, String), Vec<String>> = BTreeMap::new();
    for cell in &coverage.cells {
        let (is_close, sentence) = match &cell.result {
            Outcome::Fits { relaxations } if relaxations.is_empty() => continue,
            Outcome::Fits { relaxations } => {
                let sentences: Vec<String> = relaxations.iter().map(|found| found.text(language)).collect();
                (true, sentences.join(" "))
            }
            Outcome::Nothing { why } => (false, why.text(language)),
        };
        by_sentence
            .entry((is_close, sentence))
            .or_default()
            .push(whom(cell, language));
    }
    let heading = pick(language, "Где план не точный", "Where a plan is not exact");
    let mut out = format!("<h2>{}</h2>\n", escape(heading));
    if by_sentence.is_empty() {
        let fine = pick(
            language,
            "Таких мест нет: на любое сочетание ответов есть свой план.",
            "Nowhere: every combination of answers has a plan of its own.",
        );
        out.push_str(&format!("<p>{}</p>\n", escape(fine)));
        return out;
    }
    for ((_, sentence), people) in by_sentence {
        let list: String = people
            .iter()
            .map(|person| format!("<li>{}</li>\n", escape(person)))
            .collect();
        out.push_str(&format!(
            "<details{}><summary>{} <span class=\"muted number\">{}</span></summary>\n<ul>\n{list}</ul>\n</details>\n",
            if people.len() <= 3 { " open" } else { "" },
            escape(&sentence),
            people.len(),
        ));
    }
    out
}

/// What wishes to spare a part of the body do to all those plans.
fn sparing(coverage: &Coverage, language: Language) -> String {
    let heading = pick(language, "Если нужно что-то беречь", "When something should be spared");
    let lead = pick(
        language,
        "Сколько сочетаний обходится заменами, где упражнение пришлось убрать и где решает тренер.",
        "How many combinations get by with swaps, where an exercise had to go, and where the trainer decides.",
    );
    let titles = [
        pick(language, "Что бережём", "To spare"),
        pick(language, "Без изменений", "Unchanged"),
        pick(language, "Только замены", "Swaps only"),
        pick(language, "Что-то убрано", "Something left out"),
        pick(language, "Решает тренер", "The trainer decides"),
    ];
    let head: String = titles
        .iter()
        .map(|title| format!("<th scope=\"col\">{}</th>", escape(title)))
        .collect();
    let fitting = coverage
        .cells
        .iter()
        .filter(|cell| matches!(cell.result, Outcome::Fits { .. }))
        .count();
    let rows: String = SparedArea::ALL
        .iter()
        .map(|area| {
            let found: Vec<_> = coverage
                .cells
                .iter()
                .flat_map(|cell| &cell.spared)
                .filter(|outcome| outcome.area == *area)
                .collect();
            let asked = found.iter().filter(|outcome| outcome.asks_trainer).count();
            let dropped = found.iter().filter(|outcome| outcome.dropped > 0).count();
            let counts = [fitting - found.len(), found.len() - asked - dropped, dropped, asked];
            let cells: String = titles
                .iter()
                .skip(1)
                .zip(counts)
                .map(|(title, count)| format!("<td class=\"number\" data-label=\"{}\">{count}</td>", escape(title)))
                .collect();
            let name = capitalized(labels::spared_area(*area, language));
            format!("<tr><th scope=\"row\">{}</th>{cells}</tr>\n", escape(&name))
        })
        .collect();
    format!(
        "<h2>{}</h2>\n<p class=\"muted\">{}</p>\n<div class=\"scroll\">\n<table class=\"cards\">\n<thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n",
        escape(heading),
        escape(lead),
    )
}
