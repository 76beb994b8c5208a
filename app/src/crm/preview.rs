//! A programme from answers, to look at: nothing about anybody is stored.

use domain::language::Language;
use domain::profile::{Equipment, Place, Profile};
use programs::matching;
use programs::pdf;
use programs::programme::Scope;
use programs::wording;
use serde_json::json;

use super::contact::{Checks, MAX_NAME_CHARS};
use super::wording::{WITHIN_A_REQUEST, busy};
use crate::access::audit;
use crate::draw_program::{self, Sheet};
use crate::settings::wording::Provider;
use crate::word_program::record::Record;
use crate::word_program::{ask, keep_cost};
use crate::{App, Caller, Error, Result, refresh_templates, settings};

const MAX_PAGES: u32 = 40;
const WIDTHS_PX: std::ops::RangeInclusive<u32> = 200..=1600;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// For print and desk.
    Pdf,
    /// For a phone.
    Phone,
    /// Pictures of the first pages.
    Pages {
        is_phone: bool,
        max_pages: u32,
        width_px: u32,
    },
}

#[derive(Debug, Clone, PartialEq)]
pub struct Wanted {
    pub profile: Profile,
    pub name: String,
    pub language: Language,
    pub scope: Scope,
    pub format: Format,
    /// The model's words in place of the plain ones.
    pub is_worded_by_model: bool,
}

#[derive(Debug, Clone, PartialEq)]
pub struct Preview {
    pub pdf: Vec<u8>,
    pub page_count: usize,
    /// PNG files; empty unless pictures were asked for.
    pub pages: Vec<Vec<u8>>,
    pub file_name: String,
    /// What was done differently from the answers.
    pub explanation: Vec<String>,
    pub record: Record,
}

/// Errors: `Invalid` with every wrong field; a conflict `no_programme` when nothing fits, or `wording_off`;
/// `TooManyAttempts` while others draw.
pub async fn make(app: &App, caller: &Caller, wanted: Wanted) -> Result<Preview> {
    let wanted = checked(wanted)?;
    let guide = settings::guide(app, &caller.tenant).await?;
    if wanted.is_worded_by_model && (guide.wording.provider == Provider::Off || app.llm().is_none()) {
        return Err(Error::conflict(
            "wording_off",
            "no language model is chosen: ask for the plain wording",
        ));
    }
    let _place = app.previews().try_acquire().map_err(|_| busy())?;
    let templates = refresh_templates::current(app, &caller.tenant).await?;
    let (language, scope, profile) = (wanted.language, wanted.scope, wanted.profile);
    let programme = matching::find(&templates, &profile, scope)
        .map_err(|reason| Error::conflict("no_programme", reason.text(language)))?;
    let (words, record) = if wanted.is_worded_by_model {
        let within = guide.wording.deadline().min(WITHIN_A_REQUEST);
        ask(app, &guide.wording, within, &programme, &profile, language).await
    } else {
        (
            wording::plain(&programme, &profile, language),
            Record {
                verdict: "plain".into(),
                ..Record::default()
            },
        )
    };
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let zone: chrono_tz::Tz = tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow);
    drop(tx);
    let explanation = programme.explanation.iter().map(|step| step.text(language)).collect();
    let weeks = programme.weeks.len();
    let file_name = file_name(&wanted.name, &guide.brand.name, language, weeks);
    let sheet = Sheet {
        language,
        client_name: wanted.name,
        profile,
        programme,
        words,
        scope,
        zone,
    };
    let document = draw_program::branded(app, &guide, sheet).await?;
    let format = wanted.format;
    let (rendered, pages) = tokio::task::spawn_blocking(move || draw(&document, format))
        .await
        .map_err(|_| Error::internal("drawing the PDF broke off"))??;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    keep_cost(app, &mut tx, &guide.wording, None, "preview", &record).await?;
    let details =
        json!({ "weeks": weeks, "language": language.code(), "pages": rendered.page_count, "verdict": record.verdict });
    tx.record_audit(&audit(app, caller, "program.previewed", "preview", details))
        .await?;
    tx.commit().await?;
    Ok(Preview {
        pdf: rendered.bytes,
        page_count: rendered.page_count,
        pages,
        file_name,
        explanation,
        record,
    })
}

/// CPU work: off the async threads.
fn draw(document: &pdf::Document, format: Format) -> Result<(pdf::Rendered, Vec<Vec<u8>>)> {
    let is_phone = matches!(format, Format::Phone | Format::Pages { is_phone: true, .. });
    let rendered = if is_phone {
        pdf::render_phone(document)
    } else {
        pdf::render(document)
    };
    let rendered = rendered.map_err(|error| Error::internal(format!("the PDF could not be drawn: {error}")))?;
    let pages = match format {
        Format::Pages {
            max_pages, width_px, ..
        } => pdf::preview::pages(
            &rendered.bytes,
            usize::try_from(max_pages).unwrap_or(usize::MAX),
            width_px,
        )
        .map_err(|error| Error::internal(format!("the pages could not be drawn: {error}")))?,
        _ => Vec::new(),
    };
    Ok((rendered, pages))
}

/// This file goes to whoever asked and is kept nowhere, so it may carry the name.
fn file_name(name: &str, brand: &str, language: Language, weeks: usize) -> String {
    let usual = draw_program::file_name(brand, language, weeks);
    let name = draw_program::plain(name, 40);
    if name.is_empty() {
        usual
    } else {
        format!("{name} - {usual}")
    }
}

/// The same bounds as the questionnaire's.
fn checked(mut wanted: Wanted) -> Result<Wanted> {
    let mut checks = Checks::default();
    wanted.name = wanted.name.trim().to_owned();
    if wanted.name.chars().count() > MAX_NAME_CHARS {
        checks.add("name", "length", format!("{MAX_NAME_CHARS} characters at most"));
    }
    let profile = &mut wanted.profile;
    let mut within = |field: &str, value: u16, least: u16, most: u16| {
        if !(least..=most).contains(&value) {
            checks.add(field, "out_of_range", format!("{least} to {most}"));
        }
    };
    within("profile/age_years", profile.age_years.into(), 14, 90);
    within("profile/height_cm", profile.height_cm, 120, 230);
    within("profile/weight_decikg", profile.weight_decikg, 300, 3000);
    within("profile/days_per_week", profile.days_per_week.into(), 2, 4);
    let is_gym = profile.place == Place::Gym;
    if is_gym != (profile.equipment == Equipment::Gym) {
        checks.add(
            "profile/equipment",
            "invalid",
            if is_gym {
                "in a gym it is gym"
            } else {
                "at home it is none or basic"
            },
        );
    }
    profile.spared_areas.sort_unstable();
    profile.spared_areas.dedup();
    if let Format::Pages {
        max_pages, width_px, ..
    } = wanted.format
    {
        if !(1..=MAX_PAGES).contains(&max_pages) {
            checks.add("max_pages", "out_of_range", format!("1 to {MAX_PAGES}"));
        }
        if !WIDTHS_PX.contains(&width_px) {
            let (least, most) = (WIDTHS_PX.start(), WIDTHS_PX.end());
            checks.add("width_px", "out_of_range", format!("{least} to {most}"));
        }
    }
    checks.done()?;
    Ok(wanted)
}
