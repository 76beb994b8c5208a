//! The command line.

use std::path::PathBuf;

use domain::language::Language;
use programs::programme::Scope;

pub const USAGE: &str = "\
usage: programme ANSWERS OUT [options]
       programme --make N [--seed S] DIR [options]

ANSWERS  a JSON file: one client's answers, a list of them, or one a line (JSON Lines); - reads standard input
OUT      a .pdf for one client; a directory for several

  --scope free|full  the first two weeks (default) or all twelve
  --lang ru|en       the documents' language (default ru)
  --phone            the version for a phone's screen instead of A4
  --png DIR          pictures of the pages as well
  --logo FILE        a PNG or JPEG for all documents
  --templates DIR    Men_12w_2.csv, Women_12w_2.csv and exercises.csv from there instead of the shipped ones
  --make N           invent N clients, spread over all answers
  --seed S           the same seed invents the same clients (default 1)";

pub enum Command {
    Help,
    Make(Options),
}

pub struct Options {
    pub source: Source,
    pub output: PathBuf,
    pub scope: Scope,
    pub language: Language,
    pub is_phone: bool,
    pub pictures: Option<PathBuf>,
    pub logo: Option<PathBuf>,
    pub templates: Option<PathBuf>,
}

pub enum Source {
    /// A path, or `-`.
    Answers(String),
    Invented {
        count: usize,
        seed: u64,
    },
}

/// More documents than anybody looks at; protects from a slip of the finger.
const MAX_INVENTED: usize = 100_000;

pub fn parse(arguments: &[String]) -> Result<Command, String> {
    let (mut scope, mut language, mut is_phone) = (Scope::FirstTwoWeeks, Language::Ru, false);
    let (mut pictures, mut logo, mut templates) = (None, None, None);
    let (mut count, mut seed) = (None, None);
    let mut paths: Vec<String> = Vec::new();
    let mut rest = arguments.iter();
    while let Some(argument) = rest.next() {
        let mut value = |what: &str| {
            rest.next()
                .filter(|value| !value.starts_with("--"))
                .cloned()
                .ok_or_else(|| format!("{argument} needs {what}"))
        };
        match argument.as_str() {
            "--help" | "-h" => return Ok(Command::Help),
            "--phone" => is_phone = true,
            "--scope" => {
                scope = match value("free or full")?.as_str() {
                    "free" => Scope::FirstTwoWeeks,
                    "full" => Scope::AllTwelveWeeks,
                    other => return Err(format!("--scope is free or full, not {other:?}")),
                };
            }
            "--lang" => {
                let code = value("ru or en")?;
                language = Language::parse(&code).ok_or_else(|| format!("--lang is ru or en, not {code:?}"))?;
            }
            "--png" => pictures = Some(PathBuf::from(value("a directory")?)),
            "--logo" => logo = Some(PathBuf::from(value("a PNG or JPEG file")?)),
            "--templates" => templates = Some(PathBuf::from(value("a directory")?)),
            "--make" => {
                let text = value("a number")?;
                let number = text.parse().ok().filter(|number| (1..=MAX_INVENTED).contains(number));
                count = Some(number.ok_or_else(|| format!("--make is 1 to {MAX_INVENTED}, not {text:?}"))?);
            }
            "--seed" => {
                let text = value("a number")?;
                seed = Some(text.parse().map_err(|_| format!("--seed is a number, not {text:?}"))?);
            }
            flag if flag.starts_with("--") => return Err(format!("there is no option {flag}")),
            path => paths.push(path.to_owned()),
        }
    }
    let (source, output) = match (count, paths.as_slice()) {
        (Some(count), [output]) => {
            let seed = seed.unwrap_or(1);
            (Source::Invented { count, seed }, output.clone())
        }
        (None, _) if seed.is_some() => return Err("--seed is for --make".to_owned()),
        (None, [answers, output]) => (Source::Answers(answers.clone()), output.clone()),
        (Some(_), _) => return Err("--make wants one directory to write to".to_owned()),
        (None, _) => return Err("two paths are needed: the answers and where to write".to_owned()),
    };
    Ok(Command::Make(Options {
        source,
        output: PathBuf::from(output),
        scope,
        language,
        is_phone,
        pictures,
        logo,
        templates,
    }))
}
