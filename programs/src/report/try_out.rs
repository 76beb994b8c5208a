//! The page that shows invented clients and what each would get.

use domain::language::Language;
use domain::profile::Profile;

use super::coverage::version;
use super::page::{escape, figure, figures, page, pick};
use crate::coverage::{Made, Tried, TriedResult, TryOut};
use crate::labels;
use crate::text::{capitalized, days_word, years_word};

/// One page with the invented clients and what each would get. Self-contained: no script, nothing from elsewhere.
pub fn try_out_page(try_out: &TryOut, title: &str, language: Language) -> String {
    let all = try_out.clients.len();
    let lead = match language {
        Language::Ru => format!(
            "{all} выдуманных людей с разными ответами и то, что получил бы каждый. Версия таблиц {}, набор людей № {}.",
            version(&try_out.templates_version),
            try_out.seed
        ),
        Language::En => format!(
            "{all} invented people with different answers, and what each would get. Version of the tables {}, crowd no. {}.",
            version(&try_out.templates_version),
            try_out.seed
        ),
    };
    let made: Vec<&Made> = try_out
        .clients
        .iter()
        .filter_map(|client| match &client.result {
            TriedResult::Made(made) => Some(made.as_ref()),
            TriedResult::Stopped { .. } => None,
        })
        .collect();
    let exact = made.iter().filter(|made| made.explanation.is_empty()).count();
    let shortest = made.iter().map(|made| made.shortest_minutes).min().unwrap_or_default();
    let longest = made.iter().map(|made| made.longest_minutes).max().unwrap_or_default();
    let stopped = all - made.len();
    let minutes = match language {
        Language::Ru => format!("{shortest}–{longest} мин"),
        Language::En => format!("{shortest}–{longest} min"),
    };
    let mut body = figures(&[
        figure(
            &exact.to_string(),
            pick(language, "ровно по ответам", "just as answered"),
            "good",
        ),
        figure(
            &(made.len() - exact).to_string(),
            pick(language, "с заменами", "with departures"),
            "soft",
        ),
        figure(
            &stopped.to_string(),
            pick(language, "решает тренер", "for the trainer to decide"),
            if stopped > 0 { "bad" } else { "" },
        ),
        figure(
            &minutes,
            pick(language, "длятся тренировки", "is how long workouts take"),
            "",
        ),
    ]);
    body.push_str(&table(try_out, language));
    page(title, &lead, &body, language)
}

fn table(try_out: &TryOut, language: Language) -> String {
    let titles = [
        pick(language, "Кто", "Who"),
        pick(language, "Просит", "Asks for"),
        pick(language, "Первая тренировка", "The first workout"),
        pick(language, "Минут", "Minutes"),
        pick(language, "Подходов в неделю", "Sets a week"),
        pick(language, "Что сделано иначе", "What was done differently"),
    ];
    let head: String = titles
        .iter()
        .map(|title| format!("<th scope=\"col\">{}</th>", escape(title)))
        .collect();
    let rows: String = try_out
        .clients
        .iter()
        .map(|client| row(client, &titles, language))
        .collect();
    format!(
        "<div class=\"scroll\" tabindex=\"0\" role=\"region\" aria-label=\"{label}\">\n<table class=\"cards people\">\n\
         <thead><tr>{head}</tr></thead>\n<tbody>\n{rows}</tbody>\n</table>\n</div>\n",
        label = escape(pick(language, "Клиенты", "Clients")),
    )
}

fn row(client: &Tried, titles: &[&str; 6], language: Language) -> String {
    let profile = &client.profile;
    let [_, asks, first, minutes, sets, why] = titles;
    let cell =
        |label: &str, class: &str, html: &str| format!("<td data-label=\"{}\"{class}>{html}</td>", escape(label));
    let cells = match &client.result {
        TriedResult::Made(made) => {
            let names: Vec<String> = made
                .first_workout
                .iter()
                .map(|name| escape(name.get(language)))
                .collect();
            let reasons: String = made
                .explanation
                .iter()
                .map(|found| format!("<li>{}</li>", escape(&found.text(language))))
                .collect();
            let reasons = if reasons.is_empty() {
                format!(
                    "<span class=\"chip good\">{}</span>",
                    pick(language, "ничего", "nothing")
                )
            } else {
                format!("<ul class=\"why\">{reasons}</ul>")
            };
            let number = " class=\"number\"";
            [
                cell(asks, "", &escape(&wish(profile, language))),
                cell(first, "", &names.join(" · ")),
                cell(
                    minutes,
                    number,
                    &format!("{}–{}", made.shortest_minutes, made.longest_minutes),
                ),
                cell(
                    sets,
                    number,
                    &format!("{}–{}", made.first_week_sets, made.most_week_sets),
                ),
                cell(why, "", &reasons),
            ]
            .concat()
        }
        TriedResult::Stopped { why: reason } => {
            let chip = pick(language, "решает тренер", "the trainer decides");
            format!(
                "{}<td colspan=\"4\"><span class=\"chip bad\">{chip}</span> {}</td>",
                cell(asks, "", &escape(&wish(profile, language))),
                escape(&reason.text(language)),
            )
        }
    };
    format!(
        "<tr><th scope=\"row\">{}. {}</th>{cells}</tr>\n",
        client.number,
        escape(&who(profile, language))
    )
}

/// "Женский, 34 года, 168 см, 72,5 кг".
fn who(profile: &Profile, language: Language) -> String {
    let (kilograms, tenths) = (profile.weight_decikg / 10, profile.weight_decikg % 10);
    let years = years_word(profile.age_years, language);
    let sex = match (profile.sex, language) {
        (domain::profile::Sex::Male, Language::Ru) => "Мужчина",
        (domain::profile::Sex::Male, Language::En) => "Man",
        (domain::profile::Sex::Female, Language::Ru) => "Женщина",
        (domain::profile::Sex::Female, Language::En) => "Woman",
    };
    match language {
        Language::Ru => format!(
            "{sex}, {} {years}, {} см, {kilograms},{tenths} кг",
            profile.age_years, profile.height_cm
        ),
        Language::En => format!(
            "{sex}, {} {years}, {} cm, {kilograms}.{tenths} kg",
            profile.age_years, profile.height_cm
        ),
    }
}

fn wish(profile: &Profile, language: Language) -> String {
    let mut wish = format!(
        "{}, {}, {}, {}, {} {}",
        capitalized(labels::goal(profile.goal, language)),
        labels::level(profile.level, language),
        labels::place(profile.place, language),
        labels::equipment(profile.equipment, language),
        profile.days_per_week,
        days_word(profile.days_per_week, language),
    );
    if !profile.spared_areas.is_empty() {
        let areas: Vec<&str> = profile
            .spared_areas
            .iter()
            .map(|area| labels::spared_area(*area, language))
            .collect();
        wish.push_str(&match language {
            Language::Ru => format!("; беречь {}", areas.join(" и ")),
            Language::En => format!("; to spare: {}", areas.join(" and ")),
        });
    }
    wish
}
