//! From answers to what a programme needs.

use super::{Answer, Answers, Form};
use crate::profile::{Equipment, Goal, Level, Lifestyle, Place, Profile, Sex, SparedArea};

/// Reads the well-known question ids. A question the owner removed leaves a cautious default, so that a shorter form
/// still ends in a programme: the lighter level, the broadest goal, no equipment, few days.
pub fn profile(answers: &Answers) -> Profile {
    let chosen = |id: &str| match answers.get(id) {
        Some(Answer::Chosen(options)) => options.as_slice(),
        _ => &[],
    };
    let one = |id: &str| chosen(id).first().map_or("", String::as_str);
    let tenths = |id: &str| match answers.get(id) {
        Some(Answer::Tenths(tenths)) => Some(*tenths),
        _ => None,
    };
    let place = Place::parse(one("place")).unwrap_or(Place::Home);
    Profile {
        sex: Sex::parse(one("sex")).unwrap_or(Sex::Female),
        age_years: tenths("age")
            .and_then(|value| u8::try_from(value / 10).ok())
            .unwrap_or(30),
        level: Level::parse(one("level")).unwrap_or(Level::Beginner),
        goal: Goal::parse(one("goal")).unwrap_or(Goal::Health),
        height_cm: tenths("height")
            .and_then(|value| u16::try_from(value / 10).ok())
            .unwrap_or(170),
        weight_decikg: tenths("weight")
            .and_then(|value| u16::try_from(value).ok())
            .unwrap_or(700),
        lifestyle: Lifestyle::parse(one("lifestyle")).unwrap_or(Lifestyle::Moderate),
        place,
        equipment: match place {
            Place::Gym => Equipment::Gym,
            Place::Home => Equipment::parse(one("equipment"))
                .filter(|kind| *kind != Equipment::Gym)
                .unwrap_or(Equipment::None),
        },
        days_per_week: one("days")
            .parse()
            .ok()
            .filter(|days| (2..=4).contains(days))
            .unwrap_or(3),
        spared_areas: chosen("spare").iter().filter_map(|id| SparedArea::parse(id)).collect(),
    }
}

/// Whether any chosen option is a red flag. Only this fact is stored, not which one (152-FZ: no diagnoses).
pub fn needs_trainer(form: &Form, answers: &Answers) -> bool {
    answers.iter().any(|(id, answer)| match (form.question(id), answer) {
        (Some(question), Answer::Chosen(chosen)) => question
            .options()
            .iter()
            .any(|option| option.is_red_flag && chosen.contains(&option.id)),
        _ => false,
    })
}
