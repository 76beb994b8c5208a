//! What to know before the first workout, then the list of all workouts.

use super::{
    BODY, CONTENT, Canvas, Document, INK, LABEL, LEFT, SMALL, Style, Theme, WHITE, heading, paragraph, section,
    subheading,
};
use crate::matching::Relaxation;
use crate::pdf::fonts::Weight;
use crate::pdf::sections::day_anchor;
use crate::pdf::words::{self, Text};

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    canvas.new_page();
    heading(canvas, &words::ABOUT);
    trainer_note(canvas, document, theme);
    paragraph(canvas, &document.wording.intro, BODY);
    canvas.y += 20.0;
    explanation(canvas, document, theme);
    plan(canvas, document, theme);
    // What belongs together is scrolled through, not turned over.
    section(canvas, &words::HOW_TO_READ);
    canvas.on_one_page(|canvas| {
        terms(canvas, &words::LEGEND, theme);
        if document.programme.items().any(|(_, _, item)| item.load.is_some()) {
            terms(canvas, &words::LOAD_LEGEND, theme);
        }
        scale(canvas, theme);
    });
    section(canvas, &words::WARM_UP);
    canvas.on_one_page(|canvas| {
        terms(canvas, &words::WARM_UP_STEPS, theme);
        let language = canvas.language();
        for (title, text) in [
            (words::COOL_DOWN, words::COOL_DOWN_TEXT),
            (words::CARE, words::CARE_TEXT),
        ] {
            canvas.y += 8.0;
            subheading(canvas, title.get(language), 66.0);
            paragraph(canvas, text.get(language), BODY);
        }
    });
    section(canvas, &words::PROGRESS);
    terms(canvas, &words::PROGRESS_STEPS, theme);
}

fn trainer_note(canvas: &mut Canvas, document: &Document, theme: Theme) {
    const INDENT: f32 = 14.0;
    const STYLE: Style = Style::new(Weight::Medium, 15.0, 22.0, INK);
    let note = document.trainer_note.as_deref().unwrap_or_default();
    let lines: Vec<_> = note
        .lines()
        .flat_map(|line| canvas.wrap(line, STYLE, CONTENT - INDENT))
        .collect();
    if lines.is_empty() {
        return;
    }
    let label = words::TRAINER_NOTE.get(canvas.language());
    canvas.rect(LEFT, canvas.y, 3.0, 20.0, theme.accent);
    let style = Style::new(Weight::SemiBold, 12.0, 20.0, theme.accent_text);
    canvas.y += canvas.text(LEFT + INDENT, canvas.y, label, style, CONTENT);
    for line in lines {
        canvas.reserve(STYLE.leading);
        canvas.rect(LEFT, canvas.y - 0.5, 3.0, STYLE.leading + 0.5, theme.accent);
        canvas.y += canvas.lines(LEFT + INDENT, canvas.y, &[line], STYLE);
    }
    canvas.y += 20.0;
}

fn explanation(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let language = canvas.language();
    let all = &document.programme.explanation;
    if all.is_empty() {
        return;
    }
    subheading(canvas, words::ADJUSTED.get(language), 44.0);
    // The long version lists every swap; here one line says how many there are and in which place to look.
    let (swaps, others): (Vec<&Relaxation>, Vec<&Relaxation>) = all
        .iter()
        .partition(|relaxation| matches!(relaxation, Relaxation::Swapped { .. }));
    let few = if swaps.len() > 3 { Vec::new() } else { swaps.clone() };
    let mut sentences: Vec<String> = others.iter().chain(&few).map(|one| one.text(language)).collect();
    if few.is_empty() && !swaps.is_empty() {
        sentences.push(words::MANY_SWAPS.get(language).to_owned());
    }
    for sentence in sentences {
        let lines = canvas.wrap(&sentence, BODY, CONTENT - 16.0);
        canvas.reserve(lines.len() as f32 * BODY.leading);
        canvas.card(LEFT + 2.0, canvas.y + 8.5, 5.0, 5.0, 2.5, theme.accent);
        canvas.y += canvas.lines(LEFT + 16.0, canvas.y, &lines, BODY) + 6.0;
    }
    canvas.y += 14.0;
}

/// Every week with its workouts, each a button.
fn plan(canvas: &mut Canvas, document: &Document, theme: Theme) {
    const ROW: f32 = 50.0;
    const GAP: f32 = 8.0;
    const TITLE: f32 = 104.0;
    let language = canvas.language();
    let days = document.programme.days_per_week().max(1) as f32;
    let width = (CONTENT - TITLE - GAP * (days - 1.0)) / days;
    if canvas.has_room(70.0 + ROW * document.programme.weeks.len().min(4) as f32) {
        heading(canvas, &words::PLAN);
    } else {
        section(canvas, &words::PLAN);
    }
    for week in &document.programme.weeks {
        canvas.reserve(ROW);
        let y = canvas.y;
        let title = format!("{} {}", words::WEEK.get(language), week.number);
        let style = Style::new(Weight::SemiBold, 15.0, 20.0, INK);
        let top = if week.is_deload { y + 2.0 } else { y + 10.0 };
        canvas.text(LEFT, top, &title, style, TITLE);
        if week.is_deload {
            canvas.text(LEFT, top + 20.0, words::DELOAD.get(language), LABEL, TITLE);
        }
        for (index, day) in week.days.iter().enumerate() {
            let x = LEFT + TITLE + index as f32 * (width + GAP);
            canvas.card(x, y, width, ROW - 10.0, 10.0, theme.chip);
            let style = Style::new(Weight::SemiBold, 15.0, ROW - 10.0, theme.accent_text);
            let label = day.number.to_string();
            let label_width = canvas.measure(&label, style);
            canvas.text(x + (width - label_width) / 2.0, y, &label, style, width);
            canvas.link_to_anchor(x, y, width, ROW - 10.0, &day_anchor(week.number, day.number));
        }
        canvas.y += ROW;
    }
}

fn terms(canvas: &mut Canvas, terms: &[(Text, Text)], theme: Theme) {
    let language = canvas.language();
    let term = Style::new(Weight::SemiBold, 15.0, 22.0, theme.accent_text);
    for (title, text) in terms {
        let lines = canvas.wrap(text.get(language), SMALL.colored(INK), CONTENT);
        canvas.reserve(term.leading + lines.len() as f32 * SMALL.leading + 12.0);
        canvas.y += canvas.text(LEFT, canvas.y, title.get(language), term, CONTENT);
        canvas.y += canvas.lines(LEFT, canvas.y, &lines, SMALL.colored(INK)) + 12.0;
    }
}

/// The RPE scale as rows that get darker.
fn scale(canvas: &mut Canvas, theme: Theme) {
    const ROW: f32 = 34.0;
    let language = canvas.language();
    canvas.reserve(ROW * words::RPE_SCALE.len() as f32 + 10.0);
    canvas.y += 6.0;
    for (index, (value, text)) in words::RPE_SCALE.iter().enumerate() {
        let (color, ink) = WHITE.mix(theme.accent, 12 + index as u16 * 17).as_background();
        canvas.card(LEFT, canvas.y, CONTENT, ROW - 4.0, 7.0, color);
        let number = Style::new(Weight::Bold, 14.0, ROW - 4.0, ink);
        canvas.text(LEFT + 12.0, canvas.y, &format!("RPE {value}"), number, 80.0);
        let style = Style::new(Weight::Regular, 13.0, ROW - 4.0, ink);
        for line in canvas.wrap_to(text.get(language), style, CONTENT - 100.0, 1) {
            canvas.lines(LEFT + 90.0, canvas.y, &[line], style);
        }
        canvas.y += ROW;
    }
}
