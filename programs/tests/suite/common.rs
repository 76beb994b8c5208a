//! People and answers for the tests.

use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Lifestyle, Place, Profile, Sex, SparedArea};
use programs::programme::Programme;
use serde_json::{Value, json};

pub fn a_profile() -> Profile {
    Profile {
        sex: Sex::Female,
        age_years: 31,
        level: Level::Beginner,
        goal: Goal::FatLoss,
        height_cm: 168,
        weight_decikg: 725,
        lifestyle: Lifestyle::Sedentary,
        place: Place::Home,
        equipment: Equipment::Basic,
        days_per_week: 3,
        spared_areas: Vec::new(),
    }
}

/// Every combination of the answers that matching looks at, for one choice of spared areas.
pub fn all_profiles(spared: &[SparedArea]) -> Vec<Profile> {
    let places = [
        (Place::Home, Equipment::None),
        (Place::Home, Equipment::Basic),
        (Place::Gym, Equipment::Gym),
    ];
    let mut profiles = Vec::new();
    for sex in Sex::ALL {
        for level in Level::ALL {
            for goal in Goal::ALL {
                for (place, equipment) in places {
                    for days_per_week in 2..=4 {
                        profiles.push(Profile {
                            sex: *sex,
                            level: *level,
                            goal: *goal,
                            place,
                            equipment,
                            days_per_week,
                            spared_areas: spared.to_vec(),
                            ..a_profile()
                        });
                    }
                }
            }
        }
    }
    profiles
}

/// What a good LLM answers: the numbers repeated, honest words without numbers.
pub fn honest_answer(programme: &Programme, language: Language) -> Value {
    let (intro, focus, title, cue, closing) = match language {
        Language::Ru => (
            "Вы начинаете спокойно и уверенно. Каждая тренировка делает вас крепче.",
            "Держим ровный темп и следим за дыханием.",
            "Ноги и спина",
            "Двигайтесь плавно, не задерживайте дыхание.",
            "Вы справитесь. Пишите, если будут вопросы.",
        ),
        Language::En => (
            "You start calmly and with confidence. Every workout makes you stronger.",
            "We keep an even pace and watch the breath.",
            "Legs and back",
            "Move smoothly and keep breathing.",
            "You can do it. Write to us with any question.",
        ),
    };
    let weeks: Vec<Value> = programme
        .weeks
        .iter()
        .map(|week| {
            let days: Vec<Value> = week
                .days
                .iter()
                .map(|day| {
                    let exercises: Vec<Value> = day
                        .items
                        .iter()
                        .map(|item| {
                            json!({
                                "id": item.row_id, "exercise": item.name.get(language), "sets": item.sets,
                                "reps": item.reps, "rest_seconds": item.rest_seconds, "cue": cue,
                            })
                        })
                        .collect();
                    json!({ "day": day.number, "title": title, "exercises": exercises })
                })
                .collect();
            json!({ "week": week.number, "focus": focus, "days": days })
        })
        .collect();
    json!({ "intro": intro, "weeks": weeks, "closing": closing })
}
