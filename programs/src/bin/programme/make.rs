//! Making the documents, one or many, and telling what came out.

use std::collections::BTreeMap;
use std::fs;
use std::io::{IsTerminal as _, Read as _, Write as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use domain::language::Language;
use programs::matching;
use programs::pdf::{self, Brand, Document, Logo, NextStep, Rgb, preview};
use programs::templates::{EXERCISES_SHEET, MEN_SHEET, Templates, WOMEN_SHEET};
use programs::wording;

use crate::answers::{self, Client, Clients};
use crate::options::{Options, Source};
use crate::{complain, say};

/// As wide as a phone's screen is dense.
const PICTURE_WIDTH_PX: u32 = 1080;

/// A document that was made.
struct Made {
    pages: usize,
    bytes: usize,
    took: Duration,
    pictures: usize,
    /// What was relaxed: the sentences, and their kinds for the totals.
    explanation: Vec<(String, String)>,
}

/// Whether every client got a document. An error is what kept all of them from it.
pub fn run(options: &Options) -> Result<bool, String> {
    let templates = templates(options)?;
    let Clients { clients, is_list } = match &options.source {
        Source::Answers(path) => answers::read(&text(path)?).map_err(|reason| format!("{path}: {reason}"))?,
        Source::Invented { count, seed } => Clients {
            clients: answers::invent(&templates, *count, *seed),
            is_list: true,
        },
    };
    let logo = match &options.logo {
        Some(path) => Some(logo(path, options.language)?),
        None => None,
    };
    let is_folder = is_list || options.output.is_dir() || options.output.to_string_lossy().ends_with('/');
    if is_folder {
        if options.output.is_file() || options.output.extension().is_some_and(|kind| kind == "pdf") {
            return Err(format!(
                "{}: {} documents need a directory, not a file",
                options.output.display(),
                clients.len()
            ));
        }
        create(&options.output)?;
    }
    if let Some(folder) = &options.pictures {
        create(folder)?;
    }
    let mut rows = Vec::with_capacity(clients.len());
    let begin = Instant::now();
    for (index, client) in clients.iter().enumerate() {
        let (path, stem) = if is_folder {
            let stem = stem(index + 1, clients.len(), &client.name);
            (options.output.join(format!("{stem}.pdf")), stem)
        } else {
            let stem = options
                .output
                .file_stem()
                .unwrap_or_default()
                .to_string_lossy()
                .into_owned();
            (options.output.clone(), stem)
        };
        let made = one(client, &templates, logo.as_ref(), options, &path, &stem)?;
        rows.push((path, made));
        progress(index + 1, clients.len());
    }
    let failed = rows.iter().filter(|(_, made)| made.is_err()).count();
    match rows.as_slice() {
        [(path, made)] if !is_folder => single(path, made),
        rows => table(rows, begin.elapsed()),
    }
    Ok(failed == 0)
}

/// The outer error is the disk's and ends the run; the inner one is this client's.
fn one(
    client: &Client,
    templates: &Templates,
    logo: Option<&Logo>,
    options: &Options,
    path: &Path,
    stem: &str,
) -> Result<Result<Made, String>, String> {
    let begin = Instant::now();
    let document = match document(client, templates, logo, options) {
        Ok(document) => document,
        Err(reason) => return Ok(Err(reason)),
    };
    let rendered = if options.is_phone {
        pdf::render_phone(&document)
    } else {
        pdf::render(&document)
    };
    let rendered = match rendered {
        Ok(rendered) => rendered,
        Err(error) => return Ok(Err(error.to_string())),
    };
    let took = begin.elapsed();
    fs::write(path, &rendered.bytes).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
    let mut pictures = 0;
    if let Some(folder) = &options.pictures {
        let pages = preview::pages(&rendered.bytes, usize::MAX, PICTURE_WIDTH_PX).map_err(|error| error.to_string())?;
        pictures = pages.len();
        for (index, picture) in pages.iter().enumerate() {
            let path = folder.join(format!("{stem}-{:02}.png", index + 1));
            fs::write(&path, picture).map_err(|error| format!("cannot write {}: {error}", path.display()))?;
        }
    }
    let explanation = document.programme.explanation.iter().map(|relaxation| {
        let value = serde_json::to_value(relaxation).unwrap_or_default();
        let kind = value.get("kind").and_then(|kind| kind.as_str()).unwrap_or_default();
        (relaxation.text(options.language), kind.to_owned())
    });
    Ok(Ok(Made {
        pages: rendered.page_count,
        bytes: rendered.bytes.len(),
        took,
        pictures,
        explanation: explanation.collect(),
    }))
}

fn document(
    client: &Client,
    templates: &Templates,
    logo: Option<&Logo>,
    options: &Options,
) -> Result<Document, String> {
    let language = options.language;
    let programme =
        matching::find(templates, &client.profile, options.scope).map_err(|reason| reason.text(language))?;
    let wording = wording::plain(&programme, &client.profile, language);
    let mut brand = client.brand.clone().unwrap_or_else(|| Brand {
        name: "Voronka".to_owned(),
        accent: Rgb(15, 118, 110),
        contacts: Vec::new(),
        closing: None,
        logo: None,
    });
    if let Some(logo) = logo {
        brand.logo = Some(logo.clone());
    }
    Ok(Document {
        title: Document::default_title(language).to_owned(),
        language,
        client_name: client.name.clone(),
        profile: client.profile.clone(),
        programme,
        wording,
        brand,
        generated_on: today(),
        next_step: client.next_step.clone().filter(|next: &NextStep| !next.url.is_empty()),
        scope: options.scope,
        trainer_note: client.trainer_note.clone(),
    })
}

fn templates(options: &Options) -> Result<Arc<Templates>, String> {
    let summary = |errors: &programs::table::ImportErrors| errors.summary(options.language);
    let Some(folder) = &options.templates else {
        return Templates::shipped().map_err(|errors| summary(&errors));
    };
    let table = |sheet: &str| {
        let path = folder.join(format!("{sheet}.csv"));
        fs::read(&path).map_err(|error| format!("cannot read {}: {error}", path.display()))
    };
    let (men, women, exercises) = (table(MEN_SHEET)?, table(WOMEN_SHEET)?, table(EXERCISES_SHEET)?);
    Templates::from_csv(&men, &women, &exercises)
        .map(Arc::new)
        .map_err(|errors| summary(&errors))
}

fn logo(path: &Path, language: Language) -> Result<Logo, String> {
    let bytes = fs::read(path).map_err(|error| format!("cannot read {}: {error}", path.display()))?;
    Logo::parse(&bytes).map_err(|error| format!("{}: {}", path.display(), error.text(language)))
}

fn text(path: &str) -> Result<String, String> {
    let mut bytes = Vec::new();
    let read = if path == "-" {
        std::io::stdin().read_to_end(&mut bytes).map(|_| ())
    } else {
        fs::read(path).map(|file| bytes = file)
    };
    read.map_err(|error| format!("cannot read {path}: {error}"))?;
    String::from_utf8(bytes).map_err(|error| {
        let read = error
            .as_bytes()
            .get(..error.utf8_error().valid_up_to())
            .unwrap_or_default();
        let line = read.iter().filter(|byte| **byte == b'\n').count() + 1;
        format!("{path}: line {line}: this is no UTF-8 text")
    })
}

fn create(folder: &Path) -> Result<(), String> {
    fs::create_dir_all(folder).map_err(|error| format!("cannot make the directory {}: {error}", folder.display()))
}

/// `007-анна-смирнова`: in order, and found by name.
fn stem(number: usize, count: usize, name: &str) -> String {
    let digits = count.to_string().len().max(2);
    let mut slug = String::new();
    for c in name.to_lowercase().chars().take(40) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    let slug = slug.trim_end_matches('-');
    if slug.is_empty() {
        format!("{number:0digits$}")
    } else {
        format!("{number:0digits$}-{slug}")
    }
}

/// A counter that overwrites itself, for people; nothing in a log.
fn progress(done: usize, of: usize) {
    let mut stderr = std::io::stderr();
    if of > 1 && stderr.is_terminal() {
        let end = if done == of { "\n" } else { "" };
        let _ = write!(stderr, "\r{done} / {of}{end}");
    }
}

fn single(path: &Path, made: &Result<Made, String>) {
    match made {
        Ok(made) => {
            let mut message = format!("{}: {} pages, {} bytes", path.display(), made.pages, made.bytes);
            if made.pictures > 0 {
                message.push_str(&format!(", {} pictures", made.pictures));
            }
            for (sentence, _) in &made.explanation {
                message.push_str("\n  ");
                message.push_str(sentence);
            }
            say(&message);
        }
        Err(reason) => complain(reason),
    }
}

fn table(rows: &[(PathBuf, Result<Made, String>)], took: Duration) {
    say("  pages      KB      ms  relaxed  document");
    let mut kinds: BTreeMap<&str, usize> = BTreeMap::new();
    for (path, made) in rows {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        match made {
            Ok(made) => {
                for (_, kind) in &made.explanation {
                    *kinds.entry(kind).or_default() += 1;
                }
                say(&format!(
                    "{:7} {:7.1} {:7.1} {:8}  {name}",
                    made.pages,
                    made.bytes as f64 / 1024.0,
                    milliseconds(made.took),
                    made.explanation.len()
                ));
            }
            Err(reason) => say(&format!("      -       -       -        -  {name}: {reason}")),
        }
    }
    let made: Vec<&Made> = rows.iter().filter_map(|(_, made)| made.as_ref().ok()).collect();
    let mut times: Vec<Duration> = made.iter().map(|made| made.took).collect();
    times.sort_unstable();
    let at = |share: usize| {
        milliseconds(
            times
                .get(times.len().saturating_sub(1) * share / 100)
                .copied()
                .unwrap_or_default(),
        )
    };
    let largest = made.iter().map(|made| made.bytes).max().unwrap_or(0);
    say(&format!(
        "\n{} of {} documents in {:.1} s: half of them within {:.1} ms, the slowest {:.1} ms, the largest {:.0} KB",
        made.len(),
        rows.len(),
        took.as_secs_f64(),
        at(50),
        at(100),
        largest as f64 / 1024.0
    ));
    let plain = made.iter().filter(|made| made.explanation.is_empty()).count();
    let mut told = vec![format!("exactly as asked: {plain}")];
    told.extend(kinds.iter().map(|(kind, count)| format!("{kind}: {count}")));
    say(&told.join(", "));
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

#[expect(
    clippy::disallowed_methods,
    reason = "a command of its own, outside the process whose clock tests move"
)]
fn today() -> chrono::NaiveDate {
    chrono::Utc::now().date_naive()
}
