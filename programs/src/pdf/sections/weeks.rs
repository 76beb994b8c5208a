//! The weeks: a heading with the week's focus, then one table a workout.
//!
//! A week starts on a new page unless all of it still fits (or, if it is longer than a page, its first workout); a
//! workout is kept whole if a page can hold it; where it can't, the table's header is repeated. A table has a column of
//! weights if any row of the document has one.

use super::{BODY, CONTENT, Canvas, Document, INK, LABEL, LEFT, MUTED, Style, Theme, rule};
use crate::pdf::canvas::{BOTTOM, Line, TOP};
use crate::pdf::fonts::Weight;
use crate::pdf::{item, words};
use crate::programme::{Day, Item, Week};
use crate::text::capitalized;
use crate::wording::{DayWording, WeekWording};

const TITLE: Style = Style::new(Weight::Bold, 20.0, 26.0, INK);
const NAME: Style = Style::new(Weight::Medium, 10.0, 14.0, INK);
const CUE: Style = Style::new(Weight::Regular, 8.5, 12.0, MUTED);
const CELL: Style = Style::new(Weight::Regular, 10.0, 14.0, INK);
const DAY_TITLE: Style = Style::new(Weight::SemiBold, 11.5, 18.0, INK);
const HEADER: f32 = 18.0;
const WEEK_GAP: f32 = 30.0;

/// How much air a table gets. One choice a document, so that all weeks look alike.
#[derive(Clone, Copy)]
struct Density {
    row_padding: f32,
    day_gap: f32,
}

/// For short weeks, which would leave half of their page white.
const ROOMY: Density = Density {
    row_padding: 8.5,
    day_gap: 26.0,
};
const AIRY: Density = Density {
    row_padding: 5.5,
    day_gap: 18.0,
};
/// For weeks that would otherwise run over their page by a little.
const COMPACT: Density = Density {
    row_padding: 3.4,
    day_gap: 14.0,
};

/// Left edges and widths of the columns.
#[derive(Clone, Copy)]
struct Columns {
    exercise: (f32, f32),
    work: (f32, f32),
    load: Option<(f32, f32)>,
    rest: (f32, f32),
    effort: (f32, f32),
}

const NUMBER: (f32, f32) = (LEFT, 20.0);
const WITHOUT_LOADS: Columns = Columns {
    exercise: (LEFT + 20.0, 262.0),
    work: (LEFT + 296.0, 96.0),
    load: None,
    rest: (LEFT + 392.0, 52.0),
    effort: (LEFT + 444.0, 55.0),
};
const WITH_LOADS: Columns = Columns {
    exercise: (LEFT + 20.0, 200.0),
    work: (LEFT + 228.0, 90.0),
    load: Some((LEFT + 320.0, 76.0)),
    rest: (LEFT + 398.0, 48.0),
    effort: (LEFT + 448.0, 51.0),
};

/// A workout, measured.
struct Block<'a> {
    day: &'a Day,
    title: Vec<Line>,
    rows: Vec<Row<'a>>,
}

struct Row<'a> {
    item: &'a Item,
    name: Vec<Line>,
    cue: Vec<Line>,
}

impl Row<'_> {
    fn height(&self, density: Density) -> f32 {
        self.name.len() as f32 * NAME.leading + self.cue.len() as f32 * CUE.leading + density.row_padding * 2.0
    }
}

impl Block<'_> {
    fn height(&self, density: Density) -> f32 {
        self.head() + self.rows.iter().map(|row| row.height(density)).sum::<f32>()
    }

    fn head(&self) -> f32 {
        self.title.len() as f32 * DAY_TITLE.leading + 4.0 + HEADER
    }
}

/// A week, measured.
struct Sheet<'a> {
    week: &'a Week,
    focus: Vec<Line>,
    blocks: Vec<Block<'a>>,
}

impl Sheet<'_> {
    fn head(&self) -> f32 {
        TITLE.leading + 4.0 + self.focus.len() as f32 * BODY.leading + 14.0
    }

    /// The height of the heading and the first `days` workouts.
    fn height(&self, days: usize, density: Density) -> f32 {
        let blocks = self.blocks.iter().take(days);
        self.head() + blocks.map(|block| block.height(density) + density.day_gap).sum::<f32>() - density.day_gap
    }
}

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let usable = BOTTOM - TOP;
    let has_loads = document.programme.items().any(|(_, _, item)| item.load.is_some());
    let columns = if has_loads { WITH_LOADS } else { WITHOUT_LOADS };
    let mut sheets = Vec::with_capacity(document.programme.weeks.len());
    for week in &document.programme.weeks {
        let wording = document.wording.week(week.number);
        let focus = wording.map(|wording| wording.focus.as_str()).unwrap_or_default();
        let focus = canvas.wrap(focus, BODY.colored(MUTED), CONTENT);
        let blocks = week
            .days
            .iter()
            .map(|day| measure(canvas, day, wording, columns))
            .collect();
        sheets.push(Sheet { week, focus, blocks });
    }
    let highest = |density| {
        let heights = sheets.iter().map(|sheet| sheet.height(sheet.blocks.len(), density));
        heights.fold(0.0, f32::max)
    };
    let lowest = sheets.iter().map(|sheet| sheet.height(sheet.blocks.len(), AIRY));
    // Two weeks a page are better than one with air.
    let is_pair = lowest.fold(usable, f32::min) * 2.0 + WEEK_GAP <= usable;
    let density = if highest(ROOMY) <= usable && !is_pair {
        ROOMY
    } else if highest(AIRY) <= usable {
        AIRY
    } else {
        COMPACT
    };
    for (index, sheet) in sheets.iter().enumerate() {
        let all = sheet.height(sheet.blocks.len(), density);
        // A week that needs more than one page anyway may start where its first workout still fits.
        let needed = if all > usable { sheet.height(1, density) } else { all };
        if index > 0 && canvas.y > TOP && canvas.has_room(needed + WEEK_GAP) {
            canvas.y += WEEK_GAP;
        } else {
            canvas.new_page();
        }
        if index == 0 {
            canvas.bookmark(words::PLAN.get(canvas.language()), 0);
            canvas.anchor(words::PLAN.get(canvas.language()));
        }
        let title = format!("{} {}", words::WEEK.get(canvas.language()), sheet.week.number);
        canvas.bookmark(&title, 1);
        canvas.anchor(&anchor(sheet.week.number.into()));
        week_head(canvas, sheet.week, &title, &sheet.focus, theme);
        for (position, block) in sheet.blocks.iter().enumerate() {
            let height = block.height(density);
            if position > 0 {
                canvas.y += density.day_gap;
                if !canvas.has_room(height) && height <= usable {
                    canvas.new_page();
                    continued(canvas, &title);
                }
            }
            draw_block(canvas, block, sheet.week.number, columns, density, theme);
        }
    }
}

/// The name of a week's place.
pub(super) fn anchor(week: usize) -> String {
    format!("week {week}")
}

/// The name of a workout's place.
pub(in crate::pdf) fn day_anchor(week: u8, day: u8) -> String {
    format!("week {week} day {day}")
}

fn week_head(canvas: &mut Canvas, week: &Week, title: &str, focus: &[Line], theme: Theme) {
    let width = canvas.measure(title, TITLE);
    canvas.text(LEFT, canvas.y, title, TITLE, CONTENT);
    if week.is_deload {
        let style = Style::new(Weight::SemiBold, 8.5, 16.0, theme.accent_text);
        let text = words::DELOAD.get(canvas.language());
        let chip = canvas.measure(text, style) + 16.0;
        canvas.card(LEFT + width + 12.0, canvas.y + 6.0, chip, 16.0, 8.0, theme.chip);
        canvas.text(LEFT + width + 20.0, canvas.y + 6.0, text, style, chip);
    }
    canvas.y += TITLE.leading + 4.0;
    canvas.y += canvas.lines(LEFT, canvas.y, focus, BODY.colored(MUTED)) + 14.0;
}

fn continued(canvas: &mut Canvas, title: &str) {
    let text = format!("{title}, {}", words::CONTINUED.get(canvas.language()));
    canvas.text(LEFT, canvas.y, &text, LABEL, CONTENT);
    canvas.y += LABEL.leading + 10.0;
}

fn measure<'a>(canvas: &mut Canvas, day: &'a Day, wording: Option<&WeekWording>, columns: Columns) -> Block<'a> {
    let language = canvas.language();
    let wording: Option<&DayWording> = wording.and_then(|wording| wording.day(day.number));
    let label = format!("{} {}", words::DAY.get(language), day.number);
    let title = match wording
        .map(|wording| wording.title.trim())
        .filter(|title| !title.is_empty())
    {
        Some(title) => format!("{label}  ·  {}", capitalized(title)),
        None => label,
    };
    let rows = day
        .items
        .iter()
        .map(|item| {
            let name = canvas.wrap(item.name.get(language), NAME, columns.exercise.1);
            let cue = wording.map(|wording| wording.cue(&item.row_id)).unwrap_or_default();
            let hint = item::hint(item, cue, language);
            // Below the numbers there is nothing, so a hint may run under them.
            let cue = canvas.wrap(&hint, CUE, LEFT + CONTENT - columns.exercise.0);
            Row { item, name, cue }
        })
        .collect();
    Block {
        day,
        title: canvas.wrap(&title, DAY_TITLE, CONTENT),
        rows,
    }
}

/// Only a workout that no page could hold breaks, between its rows and under a repeated header.
fn draw_block(canvas: &mut Canvas, block: &Block<'_>, week: u8, columns: Columns, density: Density, theme: Theme) {
    let label = format!("{} {}", words::DAY.get(canvas.language()), block.day.number);
    canvas.bookmark(&label, 2);
    canvas.anchor(&day_anchor(week, block.day.number));
    canvas.y += canvas.lines(LEFT, canvas.y, &block.title, DAY_TITLE) + 4.0;
    header(canvas, columns, theme);
    for (index, row) in block.rows.iter().enumerate() {
        if !canvas.has_room(row.height(density)) {
            canvas.new_page();
            continued(canvas, &label);
            header(canvas, columns, theme);
        }
        draw_row(canvas, row, index + 1, columns, density, theme);
        if index + 1 < block.rows.len() {
            rule(canvas, LEFT, canvas.y - 0.3, CONTENT);
        }
    }
}

fn header(canvas: &mut Canvas, columns: Columns, theme: Theme) {
    let language = canvas.language();
    canvas.card(LEFT - 8.0, canvas.y, CONTENT + 16.0, HEADER, 4.0, theme.tint);
    let style = Style::new(Weight::Medium, 8.0, HEADER, theme.accent_text);
    let load = columns.load.map(|column| (column, words::LOAD));
    let shown = [
        Some((columns.exercise, words::EXERCISE)),
        Some((columns.work, words::SETS_REPS)),
        load,
        Some((columns.rest, words::REST)),
        Some((columns.effort, words::INTENSITY)),
    ];
    for ((x, width), text) in shown.into_iter().flatten() {
        for line in canvas.wrap_to(text.get(language), style, width, 1) {
            canvas.lines(x, canvas.y, &[line], style);
        }
    }
    canvas.y += HEADER;
}

fn draw_row(canvas: &mut Canvas, row: &Row<'_>, number: usize, columns: Columns, density: Density, theme: Theme) {
    let (exercise, work, rest, effort) = (columns.exercise, columns.work, columns.rest, columns.effort);
    let language = canvas.language();
    let top = canvas.y + density.row_padding;
    canvas.text(
        NUMBER.0,
        top,
        &number.to_string(),
        CELL.colored(theme.accent_text),
        NUMBER.1,
    );
    let name_height = canvas.lines(exercise.0, top, &row.name, NAME);
    canvas.link_to_anchor(exercise.0, top, exercise.1, name_height, &row.item.exercise_id);
    let strong = Style::new(Weight::SemiBold, 10.0, 14.0, INK);
    canvas.text(work.0, top, &item::sets_reps(row.item, language), strong, work.1 + 10.0);
    if let (Some((x, width)), Some(load)) = (columns.load, item::load(row.item, language)) {
        for line in canvas.wrap_to(&load, strong, width, 1) {
            canvas.lines(x, top, &[line], strong);
        }
    }
    canvas.text(rest.0, top, &row.item.rest_text(language), CELL, rest.1 + 6.0);
    for line in canvas.wrap_to(&item::effort(row.item), CELL, effort.1, 1) {
        canvas.lines(effort.0, top, &[line], CELL);
    }
    // Last, so that a row's numbers follow its name also for those who copy or listen to the text.
    canvas.lines(exercise.0, top + name_height, &row.cue, CUE);
    canvas.y += row.height(density);
}
