//! Programmes a second on one core, and the memory that takes: a child process of its own, so that its peak is its own.

use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, ensure};
use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Lifestyle, Place, Profile, Sex, SparedArea};
use programs::pdf::{self, Brand, Contact, Document, NextStep, Rgb};
use programs::programme::Scope;
use programs::templates::Templates;
use programs::{matching, wording};
use serde_json::{Value, json};
use tokio::process::Command;

use crate::figures::Timings;
use crate::options::Options;
use crate::process::kilobytes;
use crate::table::{Report, p50_p99, per_second, tell, thousands};

/// The hidden first argument that makes this program the child.
pub const CHILD: &str = "--make-programmes";

pub async fn measure(options: &Options, report: &mut Report) -> anyhow::Result<()> {
    report.section("Programmes (match, plain wording, PDF; one thread)".to_owned());
    for (scope, name) in [("free", "2 weeks"), ("full", "12 weeks")] {
        let output = Command::new(std::env::current_exe()?)
            .args([CHILD, scope, &options.programmes.to_string()])
            .output()
            .await?;
        ensure!(
            output.status.success(),
            "making programmes failed:\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
        let made: Value = serde_json::from_slice(&output.stdout)?;
        let number = |key: &str| {
            made.get(key)
                .and_then(Value::as_f64)
                .with_context(|| format!("no {key} was told"))
        };
        let times = made
            .get("times_us")
            .and_then(Value::as_array)
            .context("no times were told")?;
        let times: Vec<Duration> = times
            .iter()
            .filter_map(Value::as_u64)
            .map(Duration::from_micros)
            .collect();
        ensure!(times.len() == options.programmes, "not all programmes were made");
        let whole = times.iter().sum();
        let timings = Timings::new(times, whole);
        report.plain(
            format!("{name}: a second and core"),
            per_second(timings.per_second()),
            "",
        );
        report.plain(format!("{name}: time of one"), p50_p99(&timings), "< 50 ms");
        report.plain(
            format!("{name}: of it match / wording / PDF"),
            format!(
                "{:.2} / {:.2} / {:.2} ms",
                number("match_ms")?,
                number("wording_ms")?,
                number("pdf_ms")?
            ),
            "",
        );
        report.plain(
            format!("{name}: the first one, fonts and tables read"),
            format!("{:.1} ms", number("first_ms")?),
            "",
        );
        report.plain(
            format!("{name}: document"),
            format!(
                "{:.0} KB, {:.0} pages at most",
                number("largest_bytes")? / 1024.0,
                number("most_pages")?
            ),
            if scope == "full" { "< 600 KB" } else { "" },
        );
        report.plain(
            format!("{name}: peak memory of the process"),
            format!("{} MB", thousands(number("peak_kb")? / 1024.0)),
            "",
        );
    }
    Ok(())
}

/// Makes `count` programmes one after another and tells the times as JSON.
pub fn child(scope: &str, count: usize) -> anyhow::Result<()> {
    let scope = if scope == "full" {
        Scope::AllTwelveWeeks
    } else {
        Scope::FirstTwoWeeks
    };
    let begin = Instant::now();
    make(scope, 0)?;
    let first = begin.elapsed();
    let mut times = Vec::with_capacity(count);
    let mut shares = [Duration::ZERO; 3];
    let (mut largest, mut most_pages) = (0, 0);
    for number in 1..=count {
        let begin = Instant::now();
        let made = make(scope, number)?;
        times.push(u64::try_from(begin.elapsed().as_micros())?);
        for (sum, share) in shares.iter_mut().zip(made.shares) {
            *sum += share;
        }
        largest = largest.max(made.bytes);
        most_pages = most_pages.max(made.pages);
    }
    let status = std::fs::read_to_string("/proc/self/status")?;
    let [matching, wording, pdf] = shares.map(|share| share.as_secs_f64() * 1000.0 / count.max(1) as f64);
    let told = json!({
        "first_ms": first.as_secs_f64() * 1000.0,
        "times_us": times,
        "match_ms": matching,
        "wording_ms": wording,
        "pdf_ms": pdf,
        "largest_bytes": largest,
        "most_pages": most_pages,
        "peak_kb": kilobytes(&status, "VmHWM:"),
    });
    tell(&told.to_string());
    Ok(())
}

struct Made {
    shares: [Duration; 3],
    bytes: usize,
    pages: usize,
}

fn make(scope: Scope, number: usize) -> anyhow::Result<Made> {
    let profile = profile(number);
    let language = if number.is_multiple_of(5) {
        Language::En
    } else {
        Language::Ru
    };
    let begin = Instant::now();
    let templates =
        Templates::shipped().map_err(|errors| anyhow!("the shipped templates: {}", errors.summary(Language::En)))?;
    let programme = matching::find(&templates, &profile, scope).map_err(|error| anyhow!(error.text(Language::En)))?;
    let matched = begin.elapsed();
    let words = wording::plain(&programme, &profile, language);
    let worded = begin.elapsed();
    let document = Document {
        title: Document::default_title(language).to_owned(),
        language,
        client_name: "Анна Смирнова".to_owned(),
        profile,
        programme,
        wording: words,
        brand: Brand {
            name: "Voronka".to_owned(),
            accent: Rgb(15, 118, 110),
            contacts: vec![Contact {
                text: "@trainer".to_owned(),
                url: Some("https://t.me/trainer".to_owned()),
            }],
            closing: None,
            logo: None,
        },
        generated_on: chrono::NaiveDate::from_ymd_opt(2026, 11, 20).context("no such day")?,
        next_step: Some(NextStep {
            title: "Продолжим вместе?".to_owned(),
            text: "Двенадцать недель с поддержкой тренера.".to_owned(),
            url: "https://t.me/voronka_bot".to_owned(),
        }),
        scope,
        trainer_note: None,
    };
    let rendered = pdf::render(&document)?;
    ensure!(rendered.bytes.starts_with(b"%PDF-"), "no PDF came out");
    let shares = [
        matched,
        worded.saturating_sub(matched),
        begin.elapsed().saturating_sub(worded),
    ];
    Ok(Made {
        shares,
        bytes: rendered.bytes.len(),
        pages: rendered.page_count,
    })
}

/// Walks through the answers, so that every plan has its turn.
pub fn profile(number: usize) -> Profile {
    fn pick<T: Copy>(from: &[T], at: usize, or: T) -> T {
        from.get(at % from.len().max(1)).copied().unwrap_or(or)
    }
    let equipment = pick(Equipment::ALL, number / 24, Equipment::None);
    Profile {
        sex: pick(Sex::ALL, number, Sex::Female),
        age_years: 20 + u8::try_from(number % 45).unwrap_or_default(),
        level: pick(Level::ALL, number / 2, Level::Beginner),
        goal: pick(Goal::ALL, number / 6, Goal::Health),
        height_cm: 150 + u16::try_from(number % 45).unwrap_or_default(),
        weight_decikg: 500 + u16::try_from(number % 600).unwrap_or_default(),
        lifestyle: pick(Lifestyle::ALL, number, Lifestyle::Moderate),
        place: if equipment == Equipment::Gym {
            Place::Gym
        } else {
            Place::Home
        },
        equipment,
        days_per_week: 2 + u8::try_from(number % 3).unwrap_or_default(),
        spared_areas: if number.is_multiple_of(3) {
            vec![SparedArea::Knees]
        } else {
            Vec::new()
        },
    }
}
