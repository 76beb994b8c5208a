//! The cover: the brand's colour, the title, the shape of the weeks ahead, and whose programme it is.

use super::{CONTENT, Canvas, Document, HEIGHT, INK, LABEL, LEFT, MUTED, Style, Theme, WHITE, WIDTH, weeks};
use crate::labels;
use crate::pdf::fonts::Weight;
use crate::pdf::{plate, words};
use crate::programme::Programme;
use crate::table::WEEKS;
use crate::text::{capitalized, date, weeks_word, workouts_word};

/// Where the coloured block ends.
const HORIZON: f32 = 548.0;

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let language = canvas.language();
    let soft = theme.on_accent_soft;
    canvas.bookmark(&document.title, 0);
    // Over the edges, so that rounding leaves no white hair along them.
    canvas.rect(-2.0, -2.0, WIDTH + 4.0, HORIZON + 2.0, theme.accent);

    let brand = Style::new(Weight::SemiBold, 12.0, 16.0, theme.on_accent);
    let beside = match &document.brand.logo {
        Some(logo) => {
            let width = plate::draw(canvas, logo, theme, (LEFT, 38.0), (190.0, 44.0));
            // A wide logo is the name, drawn.
            (!plate::is_wordmark(logo)).then_some(width + 14.0)
        }
        None => Some(0.0),
    };
    if let Some(beside) = beside {
        for line in canvas.wrap_to(&document.brand.name, brand, CONTENT - 150.0 - beside, 1) {
            canvas.lines(LEFT + beside, 52.0, &[line], brand);
        }
    }
    let small = Style::new(Weight::Regular, 9.5, 16.0, soft);
    canvas.text_right(WIDTH - LEFT, 52.0, &date(document.generated_on, language), small, 140.0);

    let title = Style::new(Weight::Bold, 40.0, 47.0, theme.on_accent).tracked(-0.015);
    let lines = canvas.wrap_to(&document.title, title, CONTENT - 40.0, 4);
    let height = canvas.lines(LEFT, 118.0, &lines, title);
    let days = u8::try_from(document.programme.days_per_week()).unwrap_or(u8::MAX);
    let weeks = document.scope.weeks();
    let summary = format!(
        "{weeks} {}  ·  {days} {} {}",
        weeks_word(weeks, language),
        workouts_word(days, language),
        words::PER_WEEK.get(language)
    );
    canvas.text(
        LEFT,
        118.0 + height + 12.0,
        &summary,
        Style::new(Weight::Medium, 14.0, 20.0, soft),
        CONTENT,
    );

    bars(canvas, &document.programme, theme);

    let mut y = HORIZON + 38.0;
    canvas.text(LEFT, y, words::FOR_WHOM.get(language), LABEL, CONTENT);
    y += 15.0;
    y += name(canvas, &document.client_name, y) + 22.0;

    let profile = &document.profile;
    let facts = [
        (words::GOAL, labels::goal(profile.goal, language)),
        (words::LEVEL, labels::level(profile.level, language)),
        (words::PLACE, labels::place(profile.place, language)),
    ];
    let width = CONTENT / 3.0;
    for (index, (label, value)) in facts.into_iter().enumerate() {
        let x = LEFT + index as f32 * width;
        canvas.rect(x, y, 22.0, 2.0, theme.accent);
        canvas.text(x, y + 9.0, label.get(language), LABEL, width - 12.0);
        let style = Style::new(Weight::SemiBold, 11.5, 15.0, INK);
        canvas.text(x, y + 22.0, &capitalized(value), style, width - 12.0);
    }

    let contacts: Vec<&str> = document
        .brand
        .contacts
        .iter()
        .map(|contact| contact.text.as_str())
        .collect();
    let style = Style::new(Weight::Regular, 9.0, 13.0, MUTED);
    for line in canvas.wrap_to(&contacts.join("   ·   "), style, CONTENT, 1) {
        canvas.lines(LEFT, HEIGHT - 58.0, &[line], style);
    }
}

/// The name as large as it fits in two lines.
fn name(canvas: &mut Canvas, name: &str, y: f32) -> f32 {
    let shown = canvas.wrap(name, Style::new(Weight::Bold, 10.0, 12.0, INK), CONTENT);
    let name = if shown.is_empty() {
        words::FOR_YOU.get(canvas.language())
    } else {
        name
    };
    for size in [30.0, 24.0, 19.0] {
        let style = Style::new(Weight::Bold, size, size * 1.2, INK);
        let lines = canvas.wrap(name, style, CONTENT);
        if lines.len() == 1 || (size < 25.0 && lines.len() == 2) {
            return canvas.lines(LEFT, y, &lines, style);
        }
    }
    let style = Style::new(Weight::Bold, 16.0, 20.0, INK);
    let lines = canvas.wrap_to(name, style, CONTENT, 3);
    canvas.lines(LEFT, y, &lines, style)
}

/// Twelve bars, one a week, as high as the week's sets; weeks that are not in this document are hinted at.
fn bars(canvas: &mut Canvas, programme: &Programme, theme: Theme) {
    const LOW: f32 = 44.0;
    const HIGH: f32 = 168.0;
    const GAP: f32 = 9.0;
    /// The usual wave of a programme, for the weeks that are not given.
    const WAVE: [f32; 12] = [0.45, 0.5, 0.58, 0.25, 0.6, 0.68, 0.76, 0.32, 0.8, 0.9, 1.0, 0.4];
    let sets: Vec<u32> = programme
        .weeks
        .iter()
        .map(|week| {
            week.days
                .iter()
                .flat_map(|day| &day.items)
                .map(|item| u32::from(item.sets))
                .sum()
        })
        .collect();
    let is_whole = sets.len() == usize::from(WEEKS);
    let (least, most) = (
        sets.iter().min().copied().unwrap_or(0),
        sets.iter().max().copied().unwrap_or(0),
    );
    let width = (CONTENT - GAP * 11.0) / 12.0;
    for (index, wave) in WAVE.iter().enumerate() {
        let share = match sets.get(index) {
            Some(sets) if is_whole && most > least => (sets - least) as f32 / (most - least) as f32,
            _ => *wave,
        };
        let is_given = index < sets.len();
        let height = LOW + share * (HIGH - LOW);
        let x = LEFT + index as f32 * (width + GAP);
        let is_deload = programme.weeks.get(index).is_some_and(|week| week.is_deload);
        let color = match (is_given, is_deload) {
            (true, false) => theme.on_accent,
            (true, true) => theme.accent.mix(theme.on_accent, 60),
            (false, _) => theme.accent.mix(theme.on_accent, 18),
        };
        canvas.card(x, HORIZON - height, width, height + 12.0, 6.0, color);
        if is_given {
            let label = (index + 1).to_string();
            let ink = if is_deload {
                color.as_background().1
            } else {
                theme.accent
            };
            let number = Style::new(Weight::SemiBold, 9.0, 12.0, ink);
            let text_width = canvas.measure(&label, number);
            canvas.text(
                x + (width - text_width) / 2.0,
                HORIZON - height + 9.0,
                &label,
                number,
                width,
            );
            canvas.link_to_anchor(x, HORIZON - height, width, height, &weeks::anchor(index + 1));
        }
    }
    canvas.rect(-2.0, HORIZON, WIDTH + 4.0, 14.0, WHITE);
}
