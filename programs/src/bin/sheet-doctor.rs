//! Looks a trainer's tables over without a server: what is wrong with them, or who gets what.
//!
//! ```text
//! sheet-doctor [men.csv women.csv exercises.csv] [--html DIR] [--clients N] [--lang ru|en]
//! ```
//!
//! Without tables it looks at those that come with the product. With `--html` it writes `coverage.html` and
//! `try-out.html` into DIR.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use domain::language::Language;
use programs::coverage::{self, TriedResult};
use programs::report;
use programs::templates::{Templates, difference};

const USAGE: &str = "usage: sheet-doctor [men.csv women.csv exercises.csv] [--html DIR] [--clients N] [--lang ru|en]";
/// The same people every time, so that two looks at one sheet can be compared.
const SEED: u64 = 2026;

struct Arguments {
    tables: Vec<String>,
    html: Option<String>,
    clients: usize,
    language: Language,
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments).and_then(|arguments| examine(&arguments)) {
        Ok(message) => {
            say(&message);
            ExitCode::SUCCESS
        }
        Err(message) => {
            complain(&message);
            ExitCode::FAILURE
        }
    }
}

fn parse(arguments: &[String]) -> Result<Arguments, String> {
    let mut parsed = Arguments {
        tables: Vec::new(),
        html: None,
        clients: 200,
        language: Language::Ru,
    };
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = || {
            rest.next()
                .cloned()
                .ok_or_else(|| format!("{argument} needs a value\n{USAGE}"))
        };
        match argument.as_str() {
            "--html" => parsed.html = Some(value()?),
            "--clients" => {
                parsed.clients = value()?
                    .parse()
                    .map_err(|_| format!("--clients is a number\n{USAGE}"))?;
            }
            "--lang" => {
                let code = value()?;
                parsed.language =
                    Language::parse(&code).ok_or_else(|| format!("--lang is ru or en, not {code:?}\n{USAGE}"))?;
            }
            flag if flag.starts_with("--") => return Err(format!("unknown option {flag}\n{USAGE}")),
            path => parsed.tables.push(path.to_owned()),
        }
    }
    Ok(parsed)
}

fn examine(arguments: &Arguments) -> Result<String, String> {
    let language = arguments.language;
    let shipped = Templates::shipped().map_err(|errors| errors.summary(language))?;
    let templates = match arguments.tables.as_slice() {
        [] => Arc::clone(&shipped),
        [men, women, exercises] => {
            let [men, women, exercises] = [read(men)?, read(women)?, read(exercises)?];
            Templates::from_csv(&men, &women, &exercises)
                .map(Arc::new)
                .map_err(|errors| errors.summary(language))?
        }
        _ => return Err(USAGE.to_owned()),
    };
    let coverage = coverage::matrix(&templates);
    let tried = coverage::try_out(&templates, arguments.clients, SEED);
    let totals = coverage.totals();
    let stopped = tried
        .clients
        .iter()
        .filter(|client| matches!(client.result, TriedResult::Stopped { .. }))
        .count();
    let filled = templates.men.filled_cells + templates.women.filled_cells;
    let changed = difference(&shipped, &templates).summary(language);
    let clients = tried.clients.len();
    let mut message = match language {
        Language::Ru => format!(
            "Таблицы в порядке, версия {}.\nСочетаний ответов: точный план {}, близкий {}, ничего не подошло {}.\nПробных клиентов {clients}, из них к тренеру {stopped}.\nПустых ячеек, заполненных сверху (объединённые ячейки): {filled}.\nПо сравнению с таблицами, что идут в комплекте:\n{changed}",
            templates.version, totals.exact, totals.relaxed, totals.nothing,
        ),
        Language::En => format!(
            "The tables are in order, version {}.\nCombinations of answers: an exact plan {}, a close one {}, nothing fits {}.\nInvented clients {clients}, of them to the trainer {stopped}.\nEmpty cells filled from above (merged cells): {filled}.\nCompared with the tables that come with the product:\n{changed}",
            templates.version, totals.exact, totals.relaxed, totals.nothing,
        ),
    };
    if let Some(directory) = &arguments.html {
        let directory = Path::new(directory);
        std::fs::create_dir_all(directory).map_err(|error| format!("cannot make {}: {error}", directory.display()))?;
        let titles = match language {
            Language::Ru => ["Кто что получит", "Проба на выдуманных клиентах"],
            Language::En => ["Who gets what", "A try-out with invented clients"],
        };
        let [coverage_title, tried_title] = titles;
        for (name, page) in [
            (
                "coverage.html",
                report::coverage_page(&coverage, coverage_title, language),
            ),
            ("try-out.html", report::try_out_page(&tried, tried_title, language)),
        ] {
            let path = directory.join(name);
            std::fs::write(&path, page).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
            message.push_str(&format!("\n{}", path.display()));
        }
    }
    Ok(message)
}

fn read(path: &str) -> Result<Vec<u8>, String> {
    std::fs::read(path).map_err(|error| format!("cannot read {path}: {error}"))
}

#[expect(clippy::print_stdout, reason = "a command speaks to its user here")]
fn say(message: &str) {
    println!("{message}");
}

#[expect(clippy::print_stderr, reason = "a command complains to its user here")]
fn complain(message: &str) {
    eprintln!("{message}");
}
