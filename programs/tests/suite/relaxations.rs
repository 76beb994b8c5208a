//! Where the tables have holes, the nearest plan is taken and every departure is explained.

use super::common::a_profile;
use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Place, Profile, Sex, SparedArea};
use programs::matching::{self, Conditions, NoMatch, Relaxation, Scope};
use programs::templates::{Templates, shipped};

/// Tables with few plans: home without anything for three days, home with dumbbells for two (beginners) and three, gym
/// for three (up to intermediate) and, for men, four days of strength or muscle for the advanced.
fn sparse() -> Templates {
    let exercises = shipped().iter().find(|table| table.sheet == "exercises").unwrap().csv;
    Templates::from_csv(
        include_bytes!("../fixtures/Men_12w_2.csv"),
        include_bytes!("../fixtures/Women_12w_2.csv"),
        exercises,
    )
    .unwrap_or_else(|errors| panic!("{errors}"))
}

fn explained(profile: &Profile) -> Vec<Relaxation> {
    matching::find(&sparse(), profile, Scope::FirstTwoWeeks)
        .unwrap()
        .explanation
}

fn days(wanted: u8, used: u8, plan: u8, equipment: Equipment) -> Relaxation {
    Relaxation::Days {
        wanted,
        used,
        plan,
        conditions: Some(Conditions {
            place: Place::Home,
            equipment,
        }),
    }
}

#[test]
fn days_are_given_up_first() {
    let profile = Profile {
        days_per_week: 2,
        equipment: Equipment::None,
        ..a_profile()
    };
    assert_eq!(explained(&profile), vec![days(2, 2, 3, Equipment::None)]);
    let programme = matching::find(&sparse(), &profile, Scope::AllTwelveWeeks).unwrap();
    assert_eq!(programme.days_per_week(), 2, "the third workout is left out");
    assert!(
        programme
            .weeks
            .iter()
            .all(|week| week.is_deload == (week.number % 4 == 0))
    );
}

#[test]
fn a_rarer_plan_is_offered_when_there_is_no_fuller_one() {
    let profile = Profile {
        days_per_week: 4,
        ..a_profile()
    };
    assert_eq!(explained(&profile), vec![days(4, 3, 3, Equipment::Basic)]);
}

#[test]
fn an_exact_plan_wins_over_a_general_one() {
    assert_eq!(explained(&a_profile()), Vec::new());
    assert_eq!(
        explained(&Profile {
            days_per_week: 2,
            ..a_profile()
        }),
        Vec::new()
    );
}

#[test]
fn the_goal_gives_way_before_the_level() {
    let profile = Profile {
        sex: Sex::Male,
        level: Level::Advanced,
        goal: Goal::FatLoss,
        place: Place::Gym,
        equipment: Equipment::Gym,
        days_per_week: 4,
        ..a_profile()
    };
    assert_eq!(
        explained(&profile),
        vec![Relaxation::Goal {
            wanted: Goal::FatLoss,
            used: Goal::Muscle
        }]
    );
}

#[test]
fn an_easier_level_is_taken_before_less_equipment() {
    let men = Profile {
        sex: Sex::Female,
        level: Level::Advanced,
        place: Place::Gym,
        equipment: Equipment::Gym,
        days_per_week: 3,
        ..a_profile()
    };
    assert_eq!(explained(&men), Vec::new());
    let intermediate = Profile {
        level: Level::Intermediate,
        ..men
    };
    assert_eq!(explained(&intermediate), Vec::new());
}

#[test]
fn a_home_gym_is_treated_as_dumbbells_and_bands() {
    let profile = Profile {
        equipment: Equipment::Gym,
        ..a_profile()
    };
    assert_eq!(explained(&profile), Vec::new());
}

#[test]
fn knees_are_spared_by_an_equivalent_with_no_more_equipment() {
    let profile = Profile {
        spared_areas: vec![SparedArea::Knees],
        ..a_profile()
    };
    let explanation = explained(&profile);
    assert!(
        explanation
            .iter()
            .any(|relaxation| matches!(relaxation, Relaxation::Swapped { .. })),
        "{explanation:?}"
    );
    for relaxation in explanation {
        for (language, word) in [(Language::Ru, "колени"), (Language::En, "knees")] {
            assert!(
                relaxation.text(language).contains(word),
                "{}",
                relaxation.text(language)
            );
        }
    }
}

#[test]
fn a_table_without_a_fitting_plan_says_so_in_both_languages() {
    let only_advanced = include_str!("../fixtures/Men_12w_2.csv")
        .lines()
        .filter(|line| line.starts_with("level") || line.starts_with("advanced"))
        .collect::<Vec<_>>()
        .join("\n");
    let exercises = shipped().iter().find(|table| table.sheet == "exercises").unwrap().csv;
    let templates = Templates::from_csv(only_advanced.as_bytes(), only_advanced.as_bytes(), exercises).unwrap();
    let beginner = Profile {
        place: Place::Gym,
        equipment: Equipment::Gym,
        ..a_profile()
    };
    let error = matching::find(&templates, &beginner, Scope::FirstTwoWeeks).unwrap_err();
    assert!(matches!(error, NoMatch::NoPlan { .. }));
    assert!(error.text(Language::Ru).contains("нет плана") && error.text(Language::En).contains("no plan"));
}
