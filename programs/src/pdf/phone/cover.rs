//! The first screen: the brand's colour, the title, and whose programme it is.

use super::{CONTENT, Canvas, Document, H2, HEIGHT, INK, LABEL, LEFT, SCREEN, Style, Theme, WHITE, WIDTH};
use crate::labels;
use crate::pdf::fonts::Weight;
use crate::pdf::{plate, words};
use crate::text::{capitalized, date, weeks_word, workouts_word};

pub(super) fn draw(canvas: &mut Canvas, document: &Document, theme: Theme) {
    const PADDING: f32 = 20.0;
    let language = canvas.language();
    canvas.bookmark(&document.title, 0);
    // Over the edges, so that rounding leaves no white hair along them.
    canvas.rect(-2.0, -2.0, WIDTH + 4.0, HEIGHT + 4.0, theme.accent);

    let mut y = 40.0;
    let brand = Style::new(Weight::SemiBold, 15.0, 20.0, theme.on_accent);
    let mut is_named = false;
    if let Some(logo) = &document.brand.logo {
        plate::draw(canvas, logo, theme, (LEFT, y), (220.0, 56.0));
        y += 68.0;
        is_named = plate::is_wordmark(logo);
    }
    if !is_named {
        let lines = canvas.wrap_to(&document.brand.name, brand, CONTENT, 2);
        y += canvas.lines(LEFT, y, &lines, brand);
    }
    y += 56.0;
    // A longer title gets smaller letters, not a word cut in two.
    let title = [34.0, 28.0, 22.0]
        .map(|size| Style::new(Weight::Bold, size, size * 1.2, theme.on_accent).tracked(-0.01))
        .into_iter()
        .find(|style| {
            let widest = document
                .title
                .split_whitespace()
                .map(|word| canvas.measure(word, *style));
            widest.fold(0.0, f32::max) <= CONTENT
        })
        .unwrap_or(Style::new(Weight::Bold, 22.0, 27.0, theme.on_accent));
    let lines = canvas.wrap_to(&document.title, title, CONTENT, 5);
    y += canvas.lines(LEFT, y, &lines, title) + 14.0;
    let days = u8::try_from(document.programme.days_per_week()).unwrap_or(u8::MAX);
    let weeks = document.scope.weeks();
    let soft = Style::new(Weight::Medium, 16.0, 23.0, theme.on_accent_soft);
    for line in [
        format!("{weeks} {}", weeks_word(weeks, language)),
        format!(
            "{days} {} {}",
            workouts_word(days, language),
            words::PER_WEEK.get(language)
        ),
    ] {
        y += canvas.text(LEFT, y, &line, soft, CONTENT);
    }

    let width = CONTENT - PADDING * 2.0;
    let name = name(canvas, &document.client_name, width);
    let profile = &document.profile;
    let facts = [
        (words::GOAL, labels::goal(profile.goal, language)),
        (words::LEVEL, labels::level(profile.level, language)),
        (words::PLACE, labels::place(profile.place, language)),
    ];
    let name_height = name.0.len() as f32 * name.1.leading;
    let card = PADDING * 2.0 + LABEL.leading + 2.0 + name_height + 14.0 + facts.len() as f32 * 26.0;
    // At the bottom, unless a long title has come down to it.
    y = (y + 30.0).max(SCREEN.bottom - card - 4.0);
    canvas.card(LEFT, y, CONTENT, card, 16.0, WHITE);
    let x = LEFT + PADDING;
    let bottom = y + card;
    y += PADDING;
    y += canvas.text(x, y, words::FOR_WHOM.get(language), LABEL, width) + 2.0;
    y += canvas.lines(x, y, &name.0, name.1) + 14.0;
    for (label, value) in facts {
        canvas.text(x, y, label.get(language), LABEL, 90.0);
        let style = Style::new(Weight::SemiBold, 14.0, 18.0, INK);
        canvas.text(x + 92.0, y - 1.0, &capitalized(value), style, width - 92.0);
        y += 26.0;
    }
    canvas.text(
        LEFT,
        bottom + 16.0,
        &date(document.generated_on, language),
        LABEL.colored(theme.on_accent_soft),
        CONTENT,
    );
}

/// The name as large as it fits in a few lines.
fn name(canvas: &mut Canvas, name: &str, width: f32) -> (Vec<crate::pdf::canvas::Line>, Style) {
    let shown = canvas.wrap(name, H2, width);
    let name = if shown.is_empty() {
        words::FOR_YOU.get(canvas.language())
    } else {
        name
    };
    for size in [26.0, 21.0] {
        let style = Style::new(Weight::Bold, size, size * 1.22, INK);
        let lines = canvas.wrap(name, style, width);
        if lines.len() <= 2 {
            return (lines, style);
        }
    }
    let style = Style::new(Weight::Bold, 17.0, 21.0, INK);
    (canvas.wrap_to(name, style, width, 4), style)
}
