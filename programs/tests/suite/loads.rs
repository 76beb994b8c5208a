//! Weights: sound for everybody, lighter in light weeks, and never where the feeling should decide.

use std::collections::HashMap;

use super::common::{a_profile, all_profiles};
use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Place, Profile, Sex, SparedArea};
use programs::matching::{self, Scope};
use programs::programme::{Implement, Load, Programme};
use programs::templates::{Templates, shipped};

fn bodies() -> [(u16, u16); 6] {
    // Height in centimetres and weight in tenths of a kilogram, from the lightest to the heaviest people we expect.
    [(150, 450), (160, 520), (168, 725), (178, 820), (185, 1000), (195, 1400)]
}

fn loads(programme: &Programme) -> impl Iterator<Item = (u8, bool, &str, Load)> {
    programme.items().filter_map(|(week, _, item)| {
        item.load
            .map(|load| (week.number, week.is_deload, item.exercise_id.as_str(), load))
    })
}

/// What a careful coach would still sign, tenths of a kilogram.
fn heaviest(implement: Implement, profile: &Profile) -> u16 {
    let is_woman = profile.sex == Sex::Female;
    let by_level = |beginner: u16, middle: u16, advanced: u16| match profile.level {
        Level::Beginner => beginner,
        Level::Intermediate => middle,
        Level::Advanced => advanced,
    };
    let of_man = match implement {
        Implement::Barbell => by_level(800, 1250, 1600),
        Implement::Dumbbells => by_level(180, 300, 400),
        Implement::Dumbbell | Implement::Kettlebell => by_level(220, 340, 440),
        Implement::Machine => by_level(900, 1400, 1900),
    };
    if is_woman { of_man * 4 / 5 } else { of_man }
}

#[test]
fn every_weight_of_every_combination_is_one_a_coach_would_sign() {
    let templates = Templates::shipped().unwrap();
    let mut counted = 0;
    for answers in all_profiles(&[]) {
        for (height_cm, weight_decikg) in bodies() {
            for age_years in [34, 60] {
                let profile = Profile {
                    height_cm,
                    weight_decikg,
                    age_years,
                    ..answers.clone()
                };
                let programme = matching::find(&templates, &profile, Scope::AllTwelveWeeks).unwrap();
                for (week, _, exercise, load) in loads(&programme) {
                    counted += 1;
                    let context = || format!("{exercise} {load:?} in week {week} for {profile:?}");
                    assert!(
                        load.decikg <= heaviest(load.implement, &profile),
                        "too heavy: {}",
                        context()
                    );
                    // Nobody is sent under a bar heavier than twice themselves.
                    assert!(load.decikg <= weight_decikg * 2, "{}", context());
                    let exists = match load.implement {
                        Implement::Barbell => load.decikg >= 200 && load.decikg.is_multiple_of(25),
                        Implement::Dumbbells | Implement::Dumbbell => {
                            load.decikg >= 10 && load.decikg.is_multiple_of(10)
                        }
                        Implement::Kettlebell => load.decikg >= 40,
                        Implement::Machine => load.decikg == 25 || load.decikg.is_multiple_of(50),
                    };
                    assert!(exists, "no such weight: {}", context());
                    if profile.place == Place::Home {
                        assert!(load.decikg <= 200, "nobody has that at home: {}", context());
                    }
                }
            }
        }
    }
    assert!(counted > 50_000, "only {counted} weights were looked at");
}

#[test]
fn light_weeks_are_lighter_and_a_block_never_goes_backwards() {
    let templates = Templates::shipped().unwrap();
    for profile in all_profiles(&[]) {
        let profile = Profile {
            height_cm: 178,
            weight_decikg: 800,
            ..profile
        };
        let programme = matching::find(&templates, &profile, Scope::AllTwelveWeeks).unwrap();
        for block in programme.weeks.chunks(4) {
            // The last weight of each exercise and workout in this block, with its repetitions.
            let mut before: HashMap<(u8, &str), (u16, &str)> = HashMap::new();
            for week in block {
                for day in &week.days {
                    for item in &day.items {
                        let Some(load) = item.load else { continue };
                        let key = (day.number, item.exercise_id.as_str());
                        if let Some((last, reps)) = before.get(&key) {
                            let context = format!("{} week {} {profile:?}", item.exercise_id, week.number);
                            if week.is_deload {
                                assert!(
                                    load.decikg < *last || load.decikg == 200,
                                    "{} after {last}: {context}",
                                    load.decikg
                                );
                            } else if *reps == item.reps {
                                assert!(load.decikg >= *last, "{} after {last}: {context}", load.decikg);
                            }
                        }
                        before.insert(key, (load.decikg, &item.reps));
                    }
                }
            }
        }
    }
}

#[test]
fn more_experience_or_a_bigger_body_never_means_less() {
    let templates = Templates::shipped().unwrap();
    let heaviest = |profile: &Profile| -> u16 {
        let programme = matching::find(&templates, profile, Scope::AllTwelveWeeks).unwrap();
        loads(&programme)
            .filter(|(_, _, _, load)| load.implement == Implement::Barbell)
            .map(|(_, _, _, load)| load.decikg)
            .max()
            .unwrap_or_default()
    };
    for sex in Sex::ALL {
        let at = |level, weight_decikg| {
            heaviest(&Profile {
                sex: *sex,
                level,
                goal: Goal::Strength,
                place: Place::Gym,
                equipment: Equipment::Gym,
                height_cm: 175,
                weight_decikg,
                ..a_profile()
            })
        };
        assert!(at(Level::Beginner, 700) <= at(Level::Intermediate, 700));
        assert!(at(Level::Intermediate, 700) <= at(Level::Advanced, 700));
        assert!(at(Level::Advanced, 600) <= at(Level::Advanced, 800));
        assert_eq!(
            at(Level::Advanced, 900),
            at(Level::Advanced, 1300),
            "extra kilos don't lift"
        );
    }
}

#[test]
fn the_young_the_old_and_stand_ins_get_no_number() {
    let templates = Templates::shipped().unwrap();
    for age_years in [15, 17, 65, 79] {
        let profile = Profile {
            age_years,
            ..a_profile()
        };
        let programme = matching::find(&templates, &profile, Scope::AllTwelveWeeks).unwrap();
        assert_eq!(loads(&programme).count(), 0, "at {age_years}");
    }
    let profile = Profile {
        place: Place::Gym,
        equipment: Equipment::Gym,
        spared_areas: vec![SparedArea::Knees],
        ..a_profile()
    };
    let programme = matching::find(&templates, &profile, Scope::AllTwelveWeeks).unwrap();
    let table = templates.plans(profile.sex);
    for (_, _, item) in programme.items() {
        let number: u32 = item.row_id.split(':').next_back().unwrap().parse().unwrap();
        let row = table
            .plans
            .iter()
            .flat_map(|plan| &plan.rows)
            .find(|row| row.row == number)
            .unwrap();
        if *row.exercise != *item.exercise_id {
            assert_eq!(item.load, None, "{} stands in for {}", item.exercise_id, row.exercise);
        }
    }
}

#[test]
fn main_lifts_have_weights_in_both_languages() {
    let templates = Templates::shipped().unwrap();
    let profile = Profile {
        sex: Sex::Male,
        level: Level::Intermediate,
        goal: Goal::Strength,
        place: Place::Gym,
        equipment: Equipment::Gym,
        height_cm: 180,
        weight_decikg: 800,
        ..a_profile()
    };
    let programme = matching::find(&templates, &profile, Scope::AllTwelveWeeks).unwrap();
    let squat = programme
        .items()
        .find(|(_, _, item)| item.exercise_id == "barbell_back_squat")
        .unwrap()
        .2;
    let (ru, en) = (
        squat.load_text(Language::Ru).unwrap(),
        squat.load_text(Language::En).unwrap(),
    );
    assert!(ru.starts_with("≈ ") && ru.contains("кг с грифом"), "{ru}");
    assert!(en.starts_with("≈ ") && en.contains("kg with the bar"), "{en}");
    let used: Vec<Implement> = loads(&programme).map(|(_, _, _, load)| load.implement).collect();
    for implement in [Implement::Barbell, Implement::Dumbbells, Implement::Machine] {
        assert!(used.contains(&implement), "{implement:?}");
    }
}

#[test]
fn a_wrong_rule_is_named_by_its_cell() {
    let csv = String::from_utf8(shipped()[0].csv.to_vec()).unwrap();
    let broken = csv.replacen("barbell ", "barbel ", 1);
    let row = csv
        .lines()
        .position(|line| line.contains("barbell 3") || line.contains("barbell 4") || line.contains(",barbell "))
        .unwrap();
    let errors = programs::table::import_plans(broken.as_bytes(), "Men_12w_2").unwrap_err();
    let error = &errors.errors[0];
    assert_eq!(
        (error.row, error.column.as_deref()),
        (Some(row as u32 + 1), Some("load"))
    );
    assert!(
        error.message(Language::Ru).contains("штанга 40%"),
        "{}",
        error.message(Language::Ru)
    );
}
