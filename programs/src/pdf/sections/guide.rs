//! What the client should know before the first workout: the idea, their answers, how to read a table, the warm-up.

use super::{
    BODY, CONTENT, Canvas, Document, INK, LABEL, LEFT, MUTED, SMALL, Style, Theme, WHITE, chapter, heading, paragraph,
    rule, subheading,
};
use crate::labels;
use crate::matching::Relaxation;
use crate::pdf::fonts::Weight;
use crate::pdf::words::{self, Text};
use crate::text::{capitalized, workouts_word, years_word};

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) -> Contents {
    canvas.new_page();
    heading(canvas, &words::ABOUT);
    trainer_note(canvas, document, theme);
    paragraph(canvas, &document.wording.intro, BODY);
    canvas.y += 18.0;
    answers(canvas, document, theme);
    explanation(canvas, document, theme);
    let contents = Contents::reserve(canvas);
    let mut terms = words::LEGEND.to_vec();
    if document.programme.items().any(|(_, _, item)| item.load.is_some()) {
        terms.extend(words::LOAD_LEGEND);
    }
    // The scale explains the legend, so they share a page.
    legend(canvas, &words::HOW_TO_READ, &terms, 250.0, theme);
    scale(canvas, theme);
    warm_up(canvas, theme);
    // With the cards below, so that they are never a page of their own.
    legend(canvas, &words::PROGRESS, &words::PROGRESS_STEPS, 280.0, theme);
    canvas.y += 10.0;
    cool_down_and_care(canvas, theme);
    contents
}

/// The trainer's own words, set apart from ours by a bar of the brand's colour.
fn trainer_note(canvas: &mut Canvas, document: &Document, theme: Theme) {
    const INDENT: f32 = 16.0;
    const STYLE: Style = Style::new(Weight::Medium, 11.0, 17.0, INK);
    let note = document.trainer_note.as_deref().unwrap_or_default();
    let lines: Vec<_> = note
        .lines()
        .flat_map(|line| canvas.wrap(line, STYLE, CONTENT - INDENT))
        .collect();
    if lines.is_empty() {
        return;
    }
    let label = words::TRAINER_NOTE.get(canvas.language());
    canvas.rect(LEFT, canvas.y, 3.0, 17.0, theme.accent);
    let style = Style::new(Weight::SemiBold, 9.0, 17.0, theme.accent_text);
    canvas.y += canvas.text(LEFT + INDENT, canvas.y, label, style, CONTENT);
    for line in lines {
        canvas.reserve(STYLE.leading);
        canvas.rect(LEFT, canvas.y - 0.5, 3.0, STYLE.leading + 0.5, theme.accent);
        canvas.y += canvas.lines(LEFT + INDENT, canvas.y, &[line], STYLE);
    }
    canvas.y += 18.0;
}

/// A place kept for the list of chapters, whose pages are known only at the end.
pub(super) struct Contents {
    page: usize,
    y: f32,
}

impl Contents {
    const CHAPTERS: [Text; 8] = [
        words::HOW_TO_READ,
        words::WARM_UP,
        words::PROGRESS,
        words::PLAN,
        words::TECHNIQUE,
        words::LOG,
        words::NOTES,
        words::CLOSING,
    ];
    const ROW: f32 = 19.0;

    fn reserve(canvas: &mut Canvas) -> Self {
        let rows = Self::CHAPTERS.len().div_ceil(2) as f32 * Self::ROW;
        subheading(canvas, &words::CONTENTS, rows);
        let place = Self {
            page: canvas.current_page(),
            y: canvas.y,
        };
        canvas.y += rows + 22.0;
        place
    }

    pub fn draw(&self, canvas: &mut Canvas, theme: Theme) {
        const GAP: f32 = 24.0;
        const WIDTH: f32 = (CONTENT - GAP) / 2.0;
        let style = Style::new(Weight::Regular, 10.0, Self::ROW, INK);
        let number = style.colored(theme.accent_text);
        canvas.on_page(self.page, |canvas| {
            let half = Self::CHAPTERS.len().div_ceil(2);
            for (index, chapter) in Self::CHAPTERS.iter().enumerate() {
                let title = chapter.get(canvas.language());
                let Some(page) = canvas.page_of(title) else { continue };
                let x = LEFT + (index / half) as f32 * (WIDTH + GAP);
                let y = self.y + (index % half) as f32 * Self::ROW;
                canvas.text(x, y, title, style, WIDTH - 30.0);
                canvas.text_right(x + WIDTH, y, &page.to_string(), number, 30.0);
                rule(canvas, x, y + Self::ROW - 0.6, WIDTH);
                canvas.link_to_anchor(x, y, WIDTH, Self::ROW, title);
            }
        });
    }
}

fn answers(canvas: &mut Canvas, document: &Document, theme: Theme) {
    const COLUMNS: usize = 3;
    const PADDING: f32 = 16.0;
    const ROW: f32 = 38.0;
    let language = canvas.language();
    let profile = &document.profile;
    let days = u8::try_from(document.programme.days_per_week()).unwrap_or(u8::MAX);
    let weight = match (profile.weight_decikg / 10, profile.weight_decikg % 10) {
        (whole, 0) => whole.to_string(),
        (whole, tenth) => match language {
            domain::language::Language::Ru => format!("{whole},{tenth}"),
            domain::language::Language::En => format!("{whole}.{tenth}"),
        },
    };
    let mut facts: Vec<(Text, String)> = vec![
        (words::GOAL, capitalized(labels::goal(profile.goal, language))),
        (words::LEVEL, capitalized(labels::level(profile.level, language))),
        (
            words::DAYS,
            format!(
                "{days} {} {}",
                workouts_word(days, language),
                words::PER_WEEK.get(language)
            ),
        ),
        (words::PLACE, capitalized(labels::place(profile.place, language))),
        (
            words::EQUIPMENT,
            capitalized(labels::equipment(profile.equipment, language)),
        ),
        (
            words::LIFESTYLE,
            capitalized(labels::lifestyle(profile.lifestyle, language)),
        ),
        (words::SEX, capitalized(labels::sex(profile.sex, language))),
        (
            words::AGE,
            format!("{} {}", profile.age_years, years_word(profile.age_years, language)),
        ),
        (
            words::HEIGHT,
            format!(
                "{} {}  ·  {weight} {}",
                profile.height_cm,
                words::CM.get(language),
                words::KG.get(language)
            ),
        ),
    ];
    if let Some((label, _)) = facts.last_mut() {
        *label = Text("Рост и вес", "Height and weight");
    }
    if !profile.spared_areas.is_empty() {
        let areas: Vec<&str> = profile
            .spared_areas
            .iter()
            .map(|area| labels::spared_area(*area, language))
            .collect();
        facts.push((words::SPARE, capitalized(&areas.join(", "))));
    }
    let name_style = Style::new(Weight::SemiBold, 10.0, 14.0, INK);
    let name = canvas.wrap_to(&document.client_name, name_style, CONTENT - PADDING * 2.0, 8);
    let name_height = if name.is_empty() {
        0.0
    } else {
        name.len() as f32 * name_style.leading + 22.0
    };
    let rows = facts.len().div_ceil(COLUMNS);
    let height = name_height + rows as f32 * ROW + PADDING * 2.0 - 8.0;
    subheading(canvas, &words::YOUR_ANSWERS, height);
    let top = canvas.y;
    canvas.card(LEFT, top, CONTENT, height, 8.0, theme.tint);
    let mut y = top + PADDING;
    if !name.is_empty() {
        canvas.text(LEFT + PADDING, y, words::NAME.get(language), LABEL, CONTENT);
        canvas.lines(LEFT + PADDING, y + 12.0, &name, name_style);
        y += name_height;
    }
    let width = (CONTENT - PADDING * 2.0) / COLUMNS as f32;
    for (index, (label, value)) in facts.iter().enumerate() {
        let x = LEFT + PADDING + (index % COLUMNS) as f32 * width;
        let row_y = y + (index / COLUMNS) as f32 * ROW;
        canvas.text(x, row_y, label.get(language), LABEL, width);
        let style = Style::new(Weight::SemiBold, 10.0, 14.0, INK);
        for line in canvas.wrap_to(value, style, width - 8.0, 1) {
            canvas.lines(x, row_y + 12.0, &[line], style);
        }
    }
    canvas.y = top + height + 20.0;
}

fn explanation(canvas: &mut Canvas, document: &Document, theme: Theme) {
    let all = &document.programme.explanation;
    if all.is_empty() {
        return;
    }
    let language = canvas.language();
    let style = Style::new(Weight::Regular, 10.0, 15.0, INK);
    subheading(canvas, &words::ADJUSTED, 30.0);
    for relaxation in all
        .iter()
        .filter(|relaxation| !matches!(relaxation, Relaxation::Swapped { .. }))
    {
        let lines = canvas.wrap(&relaxation.text(language), style, CONTENT - 16.0);
        canvas.reserve(lines.len() as f32 * style.leading);
        canvas.card(LEFT + 2.0, canvas.y + 5.5, 4.0, 4.0, 2.0, theme.accent);
        canvas.y += canvas.lines(LEFT + 16.0, canvas.y, &lines, style) + 3.0;
    }
    for area in &document.profile.spared_areas {
        let swaps: Vec<(&str, &str)> = all
            .iter()
            .filter_map(|relaxation| match relaxation {
                Relaxation::Swapped {
                    area: spared, from, to, ..
                } if spared == area => Some((from.get(language), to.get(language))),
                _ => None,
            })
            .collect();
        swapped(canvas, labels::spared_area(*area, language), &swaps, theme);
    }
    canvas.y += 16.0;
}

/// Swaps as a small table: what gave way on the left, what is done instead on the right.
fn swapped(canvas: &mut Canvas, area: &str, swaps: &[(&str, &str)], theme: Theme) {
    const HALF: f32 = CONTENT / 2.0;
    if swaps.is_empty() {
        return;
    }
    let language = canvas.language();
    let style = Style::new(Weight::Regular, 9.5, 13.5, INK);
    let label = Style::new(Weight::Medium, 9.5, 15.0, theme.accent_text);
    canvas.reserve(label.leading + 6.0 + style.leading);
    let title = format!("{} {area}", words::SWAPS.get(language));
    canvas.y += canvas.text(LEFT, canvas.y, &title, label, CONTENT) + 2.0;
    for (from, to) in swaps {
        let from = canvas.wrap(from, style.colored(MUTED), HALF - 24.0);
        let to = canvas.wrap(to, style, HALF);
        let height = from.len().max(to.len()) as f32 * style.leading;
        canvas.reserve(height);
        canvas.lines(LEFT, canvas.y, &from, style.colored(MUTED));
        canvas.text(
            LEFT + HALF - 20.0,
            canvas.y,
            "→",
            style.colored(theme.accent_text),
            20.0,
        );
        canvas.lines(LEFT + HALF, canvas.y, &to, style);
        canvas.y += height + 2.0;
    }
    canvas.y += 6.0;
}

/// Terms with their explanations, two beside each other.
fn legend(canvas: &mut Canvas, title: &Text, terms: &[(Text, Text)], needed: f32, theme: Theme) {
    const GAP: f32 = 20.0;
    let language = canvas.language();
    let width = (CONTENT - GAP) / 2.0;
    let term = Style::new(Weight::SemiBold, 10.0, 15.0, theme.accent_text);
    chapter(canvas, title, needed);
    for pair in terms.chunks(2) {
        let mut tallest: f32 = 0.0;
        for (index, (title, text)) in pair.iter().enumerate() {
            let x = LEFT + index as f32 * (width + GAP);
            let mut height = canvas.text(x, canvas.y, title.get(language), term, width);
            height += canvas.text(x, canvas.y + height, text.get(language), SMALL, width);
            tallest = tallest.max(height);
        }
        canvas.y += tallest + 7.0;
    }
}

/// The RPE scale as six boxes that get darker.
fn scale(canvas: &mut Canvas, theme: Theme) {
    const GAP: f32 = 6.0;
    const HEIGHT: f32 = 52.0;
    let language = canvas.language();
    canvas.reserve(HEIGHT + 20.0);
    let width = (CONTENT - GAP * 5.0) / 6.0;
    for (index, (value, text)) in words::RPE_SCALE.iter().enumerate() {
        let x = LEFT + index as f32 * (width + GAP);
        let (color, ink) = WHITE.mix(theme.accent, 12 + index as u16 * 17).as_background();
        canvas.card(x, canvas.y, width, HEIGHT, 6.0, color);
        let number = Style::new(Weight::Bold, 13.0, 16.0, ink);
        canvas.text(x + 9.0, canvas.y + 8.0, &format!("RPE {value}"), number, width);
        let style = Style::new(Weight::Regular, 7.8, 10.0, ink);
        canvas.text(x + 9.0, canvas.y + 26.0, text.get(language), style, width - 14.0);
    }
    canvas.y += HEIGHT + 18.0;
}

fn warm_up(canvas: &mut Canvas, theme: Theme) {
    const TERM: f32 = 84.0;
    let language = canvas.language();
    chapter(canvas, &words::WARM_UP, 120.0);
    for (index, (term, text)) in words::WARM_UP_STEPS.iter().enumerate() {
        let style = Style::new(Weight::Regular, 10.0, 15.0, INK);
        let lines = canvas.wrap(text.get(language), style, CONTENT - TERM - 26.0);
        let height = (lines.len() as f32 * style.leading).max(17.0);
        canvas.reserve(height);
        canvas.card(LEFT, canvas.y - 0.5, 16.0, 16.0, 8.0, theme.accent);
        let number = Style::new(Weight::SemiBold, 8.5, 15.0, theme.on_accent);
        let label = (index + 1).to_string();
        let label_width = canvas.measure(&label, number);
        canvas.text(LEFT + (16.0 - label_width) / 2.0, canvas.y, &label, number, 16.0);
        let term_style = Style::new(Weight::Medium, 10.0, 15.0, MUTED);
        canvas.text(LEFT + 26.0, canvas.y, term.get(language), term_style, TERM);
        canvas.lines(LEFT + 26.0 + TERM, canvas.y, &lines, style);
        canvas.y += height + 4.0;
    }
    canvas.y += 12.0;
}

fn cool_down_and_care(canvas: &mut Canvas, theme: Theme) {
    const GAP: f32 = 16.0;
    const PADDING: f32 = 12.0;
    let language = canvas.language();
    let width = (CONTENT - GAP) / 2.0;
    let style = Style::new(Weight::Regular, 9.5, 14.0, INK);
    let title = Style::new(Weight::SemiBold, 10.5, 16.0, theme.accent_text);
    let cards = [
        (words::COOL_DOWN, words::COOL_DOWN_TEXT),
        (words::CARE, words::CARE_TEXT),
    ]
    .map(|(title, text)| (title, canvas.wrap(text.get(language), style, width - PADDING * 2.0)));
    let tallest = cards.iter().map(|(_, lines)| lines.len()).max().unwrap_or(0) as f32 * style.leading;
    let height = tallest + 20.0 + PADDING * 2.0;
    canvas.reserve(height);
    for (index, (heading, lines)) in cards.iter().enumerate() {
        let x = LEFT + index as f32 * (width + GAP);
        canvas.card(x, canvas.y, width, height, 8.0, theme.tint);
        canvas.text(
            x + PADDING,
            canvas.y + PADDING,
            heading.get(language),
            title,
            width - PADDING * 2.0,
        );
        canvas.lines(x + PADDING, canvas.y + PADDING + 20.0, lines, style);
    }
    canvas.y += height;
}
