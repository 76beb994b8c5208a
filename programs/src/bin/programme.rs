//! Answers in, a programme's PDF out: for trainers who want to look and for tests.
//!
//! ```text
//! programme answers.json out.pdf [--scope free|full] [--lang ru|en]
//! ```
//!
//! `answers.json` (or `-` for standard input) is a profile as the API knows it, with an optional `name`, `brand` and
//! `next_step`:
//!
//! ```json
//! { "name": "Анна", "sex": "female", "age_years": 31, "level": "beginner", "goal": "fat_loss", "height_cm": 168,
//!   "weight_decikg": 725, "lifestyle": "sedentary", "place": "home", "equipment": "basic", "days_per_week": 3,
//!   "spared_areas": ["knees"] }
//! ```

use std::io::Read as _;
use std::process::ExitCode;

use domain::language::Language;
use domain::profile::Profile;
use programs::matching;
use programs::pdf::{self, Brand, Document, NextStep, Rgb};
use programs::programme::Scope;
use programs::templates::Templates;
use programs::wording;

#[derive(serde::Deserialize)]
struct Answers {
    #[serde(default)]
    name: String,
    brand: Option<Brand>,
    next_step: Option<NextStep>,
    #[serde(flatten)]
    profile: Profile,
}

struct Arguments {
    answers: String,
    output: String,
    scope: Scope,
    language: Language,
}

const USAGE: &str = "usage: programme answers.json|- out.pdf [--scope free|full] [--lang ru|en]";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    match parse(&arguments).and_then(|arguments| make(&arguments)) {
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
    let (mut paths, mut scope, mut language) = (Vec::new(), Scope::FirstTwoWeeks, Language::Ru);
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        match argument.as_str() {
            "--scope" => {
                scope = match rest.next().map(String::as_str) {
                    Some("free") => Scope::FirstTwoWeeks,
                    Some("full") => Scope::AllTwelveWeeks,
                    other => return Err(format!("--scope is free or full, not {other:?}\n{USAGE}")),
                };
            }
            "--lang" => {
                let code = rest.next().map(String::as_str).unwrap_or_default();
                language = Language::parse(code).ok_or_else(|| format!("--lang is ru or en, not {code:?}\n{USAGE}"))?;
            }
            flag if flag.starts_with("--") => return Err(format!("unknown option {flag}\n{USAGE}")),
            path => paths.push(path.to_owned()),
        }
    }
    match <[String; 2]>::try_from(paths) {
        Ok([answers, output]) => Ok(Arguments {
            answers,
            output,
            scope,
            language,
        }),
        Err(_) => Err(USAGE.to_owned()),
    }
}

fn make(arguments: &Arguments) -> Result<String, String> {
    let json = if arguments.answers == "-" {
        let mut text = String::new();
        std::io::stdin().read_to_string(&mut text).map(|_| text)
    } else {
        std::fs::read_to_string(&arguments.answers)
    };
    let json = json.map_err(|error| format!("cannot read {}: {error}", arguments.answers))?;
    let answers: Answers =
        serde_json::from_str(&json).map_err(|error| format!("the answers are not right: {error}"))?;
    let templates = Templates::shipped().map_err(|errors| errors.summary(arguments.language))?;
    let programme = matching::find(&templates, &answers.profile, arguments.scope)
        .map_err(|reason| reason.text(arguments.language))?;
    let wording = wording::plain(&programme, &answers.profile, arguments.language);
    let explanation: Vec<String> = programme
        .explanation
        .iter()
        .map(|relaxation| relaxation.text(arguments.language))
        .collect();
    let document = Document {
        title: Document::default_title(arguments.language).to_owned(),
        language: arguments.language,
        client_name: answers.name,
        profile: answers.profile,
        programme,
        wording,
        brand: answers.brand.unwrap_or_else(|| Brand {
            name: "Voronka".to_owned(),
            accent: Rgb(15, 118, 110),
            contacts: Vec::new(),
            closing: None,
            logo: None,
        }),
        generated_on: today(),
        next_step: answers.next_step,
        scope: arguments.scope,
        trainer_note: None,
    };
    let rendered = pdf::render(&document).map_err(|error| error.to_string())?;
    std::fs::write(&arguments.output, &rendered.bytes)
        .map_err(|error| format!("cannot write {}: {error}", arguments.output))?;
    let mut message = format!(
        "{}: {} pages, {} bytes",
        arguments.output,
        rendered.page_count,
        rendered.bytes.len()
    );
    for sentence in explanation {
        message.push_str("\n  ");
        message.push_str(&sentence);
    }
    Ok(message)
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command of its own, outside the process whose clock tests move"
)]
fn today() -> chrono::NaiveDate {
    chrono::Utc::now().date_naive()
}

#[expect(clippy::print_stdout, reason = "a command speaks to its user here")]
fn say(message: &str) {
    println!("{message}");
}

#[expect(clippy::print_stderr, reason = "a command complains to its user here")]
fn complain(message: &str) {
    eprintln!("{message}");
}
