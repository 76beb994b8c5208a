//! One workout a page: as high as the screen, or higher where there is more to say, never broken.

use super::{CONTENT, Canvas, Document, INK, LABEL, LEFT, MUTED, SCREEN, SMALL, Style, Theme, WIDTH, pill, rule};
use crate::pdf::canvas::Line;
use crate::pdf::fonts::Weight;
use crate::pdf::sections::day_anchor;
use crate::pdf::{item, words};
use crate::programme::{Day, Item, Week};
use crate::text::capitalized;
use crate::wording::WeekWording;

const TITLE: Style = Style::new(Weight::Bold, 23.0, 28.0, INK);
const NAME: Style = Style::new(Weight::SemiBold, 16.0, 21.0, INK);
const WORK: Style = Style::new(Weight::Bold, 16.0, 22.0, INK);
const HINT: Style = Style::new(Weight::Regular, 13.0, 18.0, MUTED);
const NAV: f32 = 52.0;

struct Row<'a> {
    item: &'a Item,
    name: Vec<Line>,
    work: Vec<Line>,
    hint: Vec<Line>,
}

impl Row<'_> {
    fn height(&self) -> f32 {
        self.name.len() as f32 * NAME.leading
            + self.work.len() as f32 * WORK.leading
            + SMALL.leading
            + self.hint.len() as f32 * HINT.leading
    }
}

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let pages: Vec<(&Week, &Day)> = document
        .programme
        .weeks
        .iter()
        .flat_map(|week| week.days.iter().map(move |day| (week, day)))
        .collect();
    for (index, (week, day)) in pages.iter().enumerate() {
        canvas.new_page();
        let wording = document.wording.week(week.number);
        workout(canvas, week, day, wording, theme);
        let before = index.checked_sub(1).and_then(|index| pages.get(index));
        navigation(canvas, before, pages.get(index + 1), week.number, theme);
    }
}

fn workout(canvas: &mut Canvas, week: &Week, day: &Day, wording: Option<&WeekWording>, theme: Theme) {
    let language = canvas.language();
    let week_title = format!("{} {}", words::WEEK.get(language), week.number);
    let day_title = format!("{} {}", words::DAY.get(language), day.number);
    let is_first = week.days.first().is_some_and(|first| first.number == day.number);
    if is_first {
        canvas.bookmark(&week_title, 0);
        canvas.anchor(&format!("week {}", week.number));
    }
    canvas.bookmark(&day_title, 1);
    canvas.anchor(&day_anchor(week.number, day.number));

    let style = Style::new(Weight::SemiBold, 13.0, 20.0, theme.accent_text);
    let mut above = format!("{week_title}  ·  {day_title}");
    if week.is_deload {
        above = format!("{above}  ·  {}", words::DELOAD.get(language));
    }
    canvas.y += canvas.text(LEFT, canvas.y, &above, style, CONTENT) + 2.0;
    let day_words = wording.and_then(|wording| wording.day(day.number));
    let title = day_words
        .map(|words| words.title.trim())
        .filter(|title| !title.is_empty())
        .map_or(day_title, capitalized);
    let lines = canvas.wrap_to(&title, TITLE, CONTENT, 6);
    canvas.y += canvas.lines(LEFT, canvas.y, &lines, TITLE) + 4.0;
    // What the week is about is said once.
    let focus = wording.filter(|_| is_first).map(|wording| wording.focus.as_str());
    let focus = canvas.wrap(focus.unwrap_or_default(), SMALL, CONTENT);
    if !focus.is_empty() {
        canvas.y += canvas.lines(LEFT, canvas.y, &focus, SMALL) + 4.0;
    }
    canvas.y += 6.0;

    let rows: Vec<Row<'_>> = day
        .items
        .iter()
        .map(|item| {
            let cue = day_words.map(|words| words.cue(&item.row_id)).unwrap_or_default();
            let mut work = item::sets_reps(item, language);
            if let Some(load) = item::load(item, language) {
                work = format!("{work}  ·  {load}");
            }
            Row {
                item,
                name: canvas.wrap(item.name.get(language), NAME, CONTENT - INDENT),
                work: canvas.wrap(&work, WORK, CONTENT - INDENT),
                hint: canvas.wrap(&item::hint(item, cue, language), HINT, CONTENT - INDENT),
            }
        })
        .collect();
    let content: f32 = rows.iter().map(Row::height).sum();
    let free = SCREEN.bottom - NAV - canvas.y - content;
    let padding = (free / (rows.len().max(1) as f32 * 2.0)).clamp(6.0, 14.0);
    for (index, row) in rows.iter().enumerate() {
        rule(canvas);
        draw_row(canvas, row, index + 1, padding, theme);
    }
}

const INDENT: f32 = 30.0;

fn draw_row(canvas: &mut Canvas, row: &Row<'_>, number: usize, padding: f32, theme: Theme) {
    let language = canvas.language();
    let top = canvas.y;
    let x = LEFT + INDENT;
    let mut y = top + padding;
    canvas.text(LEFT, y, &number.to_string(), NAME.colored(theme.accent_text), INDENT);
    y += canvas.lines(x, y, &row.name, NAME);
    y += canvas.lines(x, y, &row.work, WORK.colored(theme.accent_text));
    let rest = format!(
        "{} {}  ·  {}",
        words::REST.get(language).to_lowercase(),
        row.item.rest_text(language),
        item::effort(row.item)
    );
    for line in canvas.wrap_to(&capitalized(&rest), SMALL, CONTENT - INDENT, 1) {
        canvas.lines(x, y, &[line], SMALL);
    }
    y += SMALL.leading;
    y += canvas.lines(x, y, &row.hint, HINT);
    // A finger needs more than a line of text: the whole row leads to the technique.
    canvas.link_to_anchor(LEFT, top, CONTENT, y + padding - top, &row.item.exercise_id);
    canvas.y = y + padding;
}

/// To the workout before, to the list, to the next one; at the bottom of the page however high it is.
fn navigation(
    canvas: &mut Canvas,
    before: Option<&(&Week, &Day)>,
    after: Option<&(&Week, &Day)>,
    week: u8,
    theme: Theme,
) {
    let language = canvas.language();
    canvas.stretch_to(canvas.y + NAV);
    let y = canvas.page_height() - 92.0;
    let label = |other: &(&Week, &Day)| {
        // The week is named where it is another one.
        let day = format!("{} {}", words::DAY.get(language), other.1.number);
        if other.0.number == week {
            day
        } else {
            format!("{} {}", words::WEEK.get(language), other.0.number)
        }
    };
    let colors = (theme.chip, theme.accent_text);
    if let Some(other) = before {
        let width = pill(canvas, (LEFT, y), &format!("← {}", label(other)), colors, 150.0);
        canvas.link_to_anchor(LEFT, y, width, 38.0, &day_anchor(other.0.number, other.1.number));
    }
    let (text, goal) = match after {
        Some(other) => (label(other), day_anchor(other.0.number, other.1.number)),
        None => {
            let closing = words::CLOSING.get(language);
            (closing.to_owned(), closing.to_owned())
        }
    };
    let text = format!("{text} →");
    let style = Style::new(Weight::SemiBold, 14.0, 38.0, INK);
    let width = canvas.measure(&text, style) + 32.0;
    let x = WIDTH - LEFT - width;
    pill(canvas, (x, y), &text, (theme.accent, theme.on_accent), 180.0);
    canvas.link_to_anchor(x, y, width, 38.0, &goal);
    let plan = words::PLAN.get(language);
    let style = LABEL.colored(theme.accent_text);
    let y = canvas.page_height() - 34.0;
    let width = canvas.measure(plan, style);
    canvas.text(LEFT, y, plan, style, CONTENT);
    canvas.link_to_anchor(LEFT, y - 8.0, width, 32.0, plan);
}
