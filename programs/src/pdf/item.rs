//! A workout's line as it is shown, on paper and on a phone alike.

use domain::language::Language;

use super::words;
use crate::load::{Implement, kilograms};
use crate::programme::{Item, Programme};

/// `3 × 8–12`.
pub(super) fn sets_reps(item: &Item, language: Language) -> String {
    format!("{} × {}", item.sets, item.reps_text(language))
}

/// `≈ 40 кг` or `≈ 2 × 10 кг`; what is more to say about it is in the hint and in the legend.
pub(super) fn load(item: &Item, language: Language) -> Option<String> {
    let load = item.load.as_ref()?;
    let weight = kilograms(load.decikg, language);
    Some(match load.implement {
        Implement::Dumbbells => format!("≈ 2 × {weight}"),
        Implement::Barbell | Implement::Dumbbell | Implement::Kettlebell | Implement::Machine => format!("≈ {weight}"),
    })
}

/// `RPE 6–7`, or a dash for none.
pub(super) fn effort(item: &Item) -> String {
    item.intensity
        .as_deref()
        .map_or("—".to_owned(), |effort| effort.replace('-', "–"))
}

/// The row's note, the step of its weight and the wording's cue as one small text; empty if there is nothing to say.
pub(super) fn hint(item: &Item, cue: &str, language: Language) -> String {
    let step = item.load.as_ref().and_then(|load| load.add_decikg).map(|add| {
        let add = kilograms(add, language);
        format!("{} +{add}", words::ALL_REPS_DONE.get(language))
    });
    let parts = [item.note_text(language), step.unwrap_or_default(), cue.to_owned()];
    let mut hint = String::new();
    for part in parts.iter().map(|part| part.trim()).filter(|part| !part.is_empty()) {
        if !hint.is_empty() {
            hint.push_str(if hint.ends_with(['.', '!', '?', '…']) {
                " "
            } else {
                ". "
            });
        }
        hint.push_str(part);
    }
    hint
}

/// The programme's exercises, each where it first appears: week, day, line.
pub(super) fn exercises(programme: &Programme) -> Vec<(u8, u8, &Item)> {
    let mut found: Vec<(u8, u8, &Item)> = Vec::new();
    for (week, day, item) in programme.items() {
        if !found.iter().any(|(_, _, other)| other.exercise_id == item.exercise_id) {
            found.push((week.number, day.number, item));
        }
    }
    found
}
