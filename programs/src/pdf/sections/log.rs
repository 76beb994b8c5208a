//! Tables to fill in by hand: one a workout with a column a week, and the weekly measurements.

use super::{
    CONTENT, Canvas, Document, INK, LABEL, LEFT, LINE, SMALL, Style, Theme, WHITE, paragraph, section, subheading,
};
use crate::pdf::color::MUTED;
use crate::pdf::fonts::Weight;
use crate::pdf::{item, words};
use crate::programme::{Item, Programme, Week};

/// Nine and a half millimetres: room for handwriting under the plan.
const ROW: f32 = 27.0;
/// Weeks beside each other: more would make cells too narrow for a pen.
const WEEKS_A_TABLE: usize = 4;
const HEADER: f32 = 18.0;
const PLAN: Style = Style::new(Weight::Regular, 7.0, 9.0, MUTED);
const NAME: Style = Style::new(Weight::Regular, 8.5, 10.5, INK);

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let language = canvas.language();
    section(canvas, &words::LOG);
    paragraph(canvas, words::LOG_HINT.get(language), SMALL);
    canvas.y += 12.0;
    for weeks in document.programme.weeks.chunks(WEEKS_A_TABLE) {
        for day in 1..=document.programme.days_per_week() {
            workout(canvas, weeks, day, theme);
            canvas.y += 14.0;
        }
    }
    measures(canvas, &document.programme, theme);
}

/// The lines of a week's workout.
fn items(week: &Week, day: usize) -> impl Iterator<Item = &Item> {
    week.days
        .iter()
        .filter(move |candidate| usize::from(candidate.number) == day)
        .flat_map(|day| &day.items)
}

/// The exercises of a workout over some weeks, each once, in the order of first appearance.
fn exercises(weeks: &[Week], day: usize) -> Vec<&Item> {
    let mut found: Vec<&Item> = Vec::new();
    for item in weeks.iter().flat_map(|week| items(week, day)) {
        if !found.iter().any(|other| other.exercise_id == item.exercise_id) {
            found.push(item);
        }
    }
    found
}

fn workout(canvas: &mut Canvas, weeks: &[Week], day: usize, theme: Theme) {
    let language = canvas.language();
    let count = weeks.len().max(1) as f32;
    let cell = (336.0 / count).clamp(27.0, 120.0);
    let first = LEFT + CONTENT - cell * count;
    let name_width = first - LEFT - 10.0;
    let exercises = exercises(weeks, day);
    let height = 18.0 + HEADER + exercises.len() as f32 * ROW;
    canvas.reserve(height.min(600.0));
    let style = Style::new(Weight::SemiBold, 11.0, 18.0, INK);
    let mut title = format!("{} {day}", words::DAY.get(language));
    if let (Some(from), Some(to)) = (weeks.first(), weeks.last()) {
        let range = format!("{} {}–{}", words::WEEKS.get(language), from.number, to.number);
        title.push_str("  ·  ");
        title.push_str(&range.to_lowercase());
    }
    canvas.y += canvas.text(LEFT, canvas.y, &title, style, CONTENT);
    header(canvas, weeks, first, cell, theme);
    for item in exercises {
        if !canvas.has_room(ROW) {
            canvas.new_page();
            header(canvas, weeks, first, cell, theme);
        }
        let lines = canvas.wrap_to(item.name.get(language), NAME, name_width, 2);
        let top = canvas.y + (ROW - lines.len() as f32 * NAME.leading) / 2.0;
        canvas.lines(LEFT, top, &lines, NAME);
        let planned: Vec<Option<&Item>> = weeks
            .iter()
            .map(|week| items(week, day).find(|other| other.exercise_id == item.exercise_id))
            .collect();
        let open: Vec<bool> = planned.iter().map(Option::is_some).collect();
        cells(canvas, first, cell, &open);
        for (index, item) in planned.iter().enumerate() {
            if let Some(item) = item {
                let mut plan = item::sets_reps(item, language);
                if let Some(load) = item::load(item, language) {
                    plan = format!("{plan}  {load}");
                }
                let x = first + index as f32 * cell + 4.0;
                for line in canvas.wrap_to(&plan, PLAN, cell - 6.0, 1) {
                    canvas.lines(x, canvas.y + 2.0, &[line], PLAN);
                }
            }
        }
        canvas.y += ROW;
    }
}

fn header(canvas: &mut Canvas, weeks: &[Week], first: f32, cell: f32, theme: Theme) {
    let language = canvas.language();
    let style = Style::new(Weight::Medium, 8.0, HEADER, theme.accent_text);
    canvas.card(LEFT - 8.0, canvas.y, CONTENT + 16.0, HEADER, 4.0, theme.tint);
    canvas.text(LEFT, canvas.y, words::EXERCISE.get(language), style, 120.0);
    for (index, week) in weeks.iter().enumerate() {
        let text = if cell > 60.0 {
            format!("{} {}", words::WEEK.get(language), week.number)
        } else {
            week.number.to_string()
        };
        let width = canvas.measure(&text, style);
        canvas.text(
            first + index as f32 * cell + (cell - width) / 2.0,
            canvas.y,
            &text,
            style,
            cell,
        );
    }
    canvas.y += HEADER;
}

/// One row of cells to write in; those that are not `open` are grey. The lines lie on top of the fills, inside the row,
/// so that no neighbour paints over them.
fn cells(canvas: &mut Canvas, first: f32, width: f32, open: &[bool]) {
    const HAIR: f32 = 0.6;
    for (index, _) in open.iter().enumerate().filter(|(_, is_open)| !**is_open) {
        canvas.rect(first + index as f32 * width, canvas.y, width, ROW, WHITE.mix(LINE, 60));
    }
    for index in 0..=open.len() {
        canvas.rect(first + index as f32 * width - HAIR / 2.0, canvas.y, HAIR, ROW, LINE);
    }
    canvas.rect(LEFT, canvas.y + ROW - HAIR, CONTENT, HAIR, LINE);
}

fn measures(canvas: &mut Canvas, programme: &Programme, theme: Theme) {
    const WEEK: f32 = 60.0;
    let language = canvas.language();
    let rows = programme.weeks.len();
    subheading(canvas, &words::MEASURES, 20.0 + HEADER + rows as f32 * ROW);
    paragraph(canvas, words::MEASURES_HINT.get(language), SMALL);
    canvas.y += 8.0;
    let width = (CONTENT - WEEK) / words::MEASURE_COLUMNS.len() as f32;
    let style = Style::new(Weight::Medium, 8.0, HEADER, theme.accent_text);
    canvas.card(LEFT - 8.0, canvas.y, CONTENT + 16.0, HEADER, 4.0, theme.tint);
    canvas.text(LEFT, canvas.y, words::WEEK.get(language), style, WEEK);
    for (index, column) in words::MEASURE_COLUMNS.iter().enumerate() {
        canvas.text(
            LEFT + WEEK + index as f32 * width + 4.0,
            canvas.y,
            column.get(language),
            style,
            width,
        );
    }
    canvas.y += HEADER;
    for week in &programme.weeks {
        canvas.text(
            LEFT,
            canvas.y + (ROW - LABEL.leading) / 2.0,
            &week.number.to_string(),
            LABEL.colored(MUTED),
            WEEK,
        );
        cells(canvas, LEFT + WEEK, width, &[true; words::MEASURE_COLUMNS.len()]);
        canvas.y += ROW;
    }
}
