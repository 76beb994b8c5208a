//! Other exercises by choice, other variants, withdrawn exercises, and how two versions are told apart.

use std::collections::HashSet;

use super::common::{a_profile, all_profiles};
use domain::language::Language;
use domain::profile::{Equipment, Goal, Level, Place, Profile, Sex, SparedArea};
use programs::matching::{self, MOST_VARIANTS, NoMatch, Relaxation, Scope};
use programs::programme::{Programme, changes};
use programs::swap::{SwapError, alternatives, swap};
use programs::templates::{Templates, shipped};

fn a_man_in_a_gym() -> Profile {
    Profile {
        sex: Sex::Male,
        level: Level::Intermediate,
        goal: Goal::Muscle,
        place: Place::Gym,
        equipment: Equipment::Gym,
        ..a_profile()
    }
}

fn whole(templates: &Templates, profile: &Profile) -> Programme {
    matching::find(templates, profile, Scope::AllTwelveWeeks).unwrap()
}

fn check_sound(templates: &Templates, programme: &Programme, profile: &Profile) {
    let allowed = if profile.place == Place::Gym {
        Equipment::Gym
    } else {
        profile.equipment
    };
    for week in &programme.weeks {
        for day in &week.days {
            let names: HashSet<&str> = day.items.iter().map(|item| item.exercise_id.as_str()).collect();
            for item in &day.items {
                let exercise = templates.exercises.find(&item.exercise_id).unwrap();
                assert!(
                    exercise.equipment <= allowed && !exercise.is_withdrawn,
                    "{}",
                    exercise.id
                );
                assert_eq!(exercise.conflicts_with(&profile.spared_areas), None, "{}", exercise.id);
                assert_eq!(exercise.name, item.name);
            }
            assert!(names.len() + 1 >= day.items.len(), "{names:?} in {profile:?}");
        }
    }
}

#[test]
fn every_line_of_every_first_week_has_sound_alternatives() {
    let templates = Templates::shipped().unwrap();
    let (mut lines, mut without) = (0, 0);
    for spared in [vec![], vec![SparedArea::Knees, SparedArea::Wrists]] {
        for profile in all_profiles(&spared) {
            let Ok(programme) = matching::find(&templates, &profile, Scope::FirstTwoWeeks) else {
                continue;
            };
            for day in &programme.weeks[0].days {
                for item in &day.items {
                    let offered = alternatives(&templates, &programme, &profile, &item.row_id);
                    lines += 1;
                    without += usize::from(offered.is_empty());
                    for alternative in &offered {
                        assert!(
                            day.items
                                .iter()
                                .all(|other| other.exercise_id != alternative.exercise_id)
                        );
                    }
                    if let Some(first) = offered.first() {
                        let swapped = swap(&templates, &programme, &profile, &item.row_id, &first.exercise_id).unwrap();
                        check_sound(&templates, &swapped, &profile);
                        assert!(
                            swapped.weeks[0].days[usize::from(day.number) - 1]
                                .items
                                .iter()
                                .any(|line| {
                                    line.row_id == item.row_id
                                        && line.exercise_id == first.exercise_id
                                        && line.sets == item.sets
                                })
                        );
                    }
                }
            }
        }
    }
    assert!(without * 10 < lines, "{without} of {lines} lines have no alternative");
}

#[test]
fn a_swap_reaches_every_week_of_the_workout_and_says_so_once() {
    let templates = Templates::shipped().unwrap();
    let profile = a_man_in_a_gym();
    let programme = whole(&templates, &profile);
    let item = programme.weeks[0].days[0].items[1].clone();
    let to = alternatives(&templates, &programme, &profile, &item.row_id)[0].clone();
    let swapped = swap(&templates, &programme, &profile, &item.row_id, &to.exercise_id).unwrap();
    for week in &swapped.weeks {
        assert!(
            week.days[0]
                .items
                .iter()
                .all(|line| line.exercise_id != item.exercise_id)
        );
    }
    let sentences: Vec<String> = swapped
        .explanation
        .iter()
        .map(|found| found.text(Language::Ru))
        .collect();
    assert_eq!(
        sentences,
        vec![format!("Вместо «{}» будет «{}».", item.name.ru, to.name.ru)]
    );

    let told = changes(&programme, &swapped);
    let texts: Vec<String> = told.iter().map(|change| change.text(Language::Ru)).collect();
    assert_eq!(texts.len(), 1, "{texts:?}");
    assert!(
        texts[0].starts_with("День 1, недели 1–")
            && texts[0].contains(&format!("«{}» → «{}»", item.name.ru, to.name.ru)),
        "{texts:?}"
    );
    assert!(told[0].text(Language::En).contains(&to.name.en));
    assert_eq!(changes(&programme, &programme), Vec::new());

    let back = swap(&templates, &swapped, &profile, &item.row_id, &item.exercise_id).unwrap();
    assert_eq!(
        back, programme,
        "back again everything is as it was, weights and notes too"
    );
}

#[test]
fn what_does_not_fit_is_refused_with_a_reason() {
    let templates = Templates::shipped().unwrap();
    let profile = a_profile();
    let programme = whole(&templates, &profile);
    let row = programme.weeks[0].days[0].items[0].row_id.clone();
    let refused = |to: &str| swap(&templates, &programme, &profile, &row, to).unwrap_err();
    for to in ["barbell_back_squat", "no_such_thing"] {
        assert!(matches!(refused(to), SwapError::NotAllowed { .. }), "{to}");
    }
    let there = programme.weeks[0].days[0].items[1].exercise_id.clone();
    assert!(
        matches!(refused(&there), SwapError::NotAllowed { .. }),
        "twice in a day"
    );
    let error = swap(&templates, &programme, &profile, "Men_12w_2:1", "plank").unwrap_err();
    assert!(matches!(error, SwapError::NoSuchRow { .. }));
    assert!(error.text(Language::Ru).contains("нет") && error.text(Language::En).contains("no longer"));
    assert_eq!(alternatives(&templates, &programme, &profile, "nothing"), Vec::new());
}

#[test]
fn variants_differ_are_sound_and_come_to_an_end() {
    let templates = Templates::shipped().unwrap();
    let mut most = 0;
    for profile in all_profiles(&[]).into_iter().step_by(5) {
        let mut seen: Vec<Programme> = Vec::new();
        for variant in 0..=MOST_VARIANTS + 1 {
            let made = matching::find_variant(&templates, &profile, Scope::FirstTwoWeeks, variant);
            let Ok(programme) = made else {
                assert_eq!(made.unwrap_err(), NoMatch::NoMoreVariants);
                break;
            };
            assert!(variant <= MOST_VARIANTS);
            if variant == 0 {
                assert_eq!(
                    Ok(&programme),
                    matching::find(&templates, &profile, Scope::FirstTwoWeeks).as_ref()
                );
            }
            check_sound(&templates, &programme, &profile);
            assert_eq!(programme.days_per_week(), usize::from(profile.days_per_week));
            for earlier in &seen {
                assert!(
                    !changes(earlier, &programme).is_empty(),
                    "{variant} repeats an earlier one for {profile:?}"
                );
            }
            seen.push(programme);
        }
        assert!(seen.len() >= 2, "{profile:?} has no second variant");
        most = most.max(seen.len());
    }
    assert!(most > 3);
}

#[test]
fn a_withdrawn_exercise_is_never_given() {
    let csv = String::from_utf8(shipped()[2].csv.to_vec()).unwrap();
    let withdrawn = "goblet_squat";
    let lines: Vec<String> = csv
        .lines()
        .map(|line| {
            if line.starts_with("goblet_squat,") {
                format!("{line}да")
            } else {
                line.to_owned()
            }
        })
        .collect();
    let templates = Templates::from_csv(shipped()[0].csv, shipped()[1].csv, lines.join("\n").as_bytes())
        .unwrap_or_else(|e| panic!("{e}"));
    let shipped = Templates::shipped().unwrap();
    let mut used = 0;
    for profile in all_profiles(&[]) {
        let programme = whole(&templates, &profile);
        assert!(!programme.uses(withdrawn));
        check_sound(&templates, &programme, &profile);
        if whole(&shipped, &profile).uses(withdrawn) {
            used += 1;
            assert!(
                programme.explanation.iter().any(|found| matches!(found, Relaxation::Chosen { from_id, .. } | Relaxation::Withdrawn { exercise_id: from_id, .. } if from_id == withdrawn)),
                "{profile:?}"
            );
        }
        for variant in 1..3 {
            if let Ok(programme) = matching::find_variant(&templates, &profile, Scope::AllTwelveWeeks, variant) {
                assert!(!programme.uses(withdrawn));
            }
        }
    }
    assert!(used > 20);
}

#[test]
fn where_sparing_leaves_no_sound_workout_the_trainer_is_asked() {
    let templates = Templates::shipped().unwrap();
    let (mut made, mut asked) = (0, 0);
    for (index, first) in SparedArea::ALL.iter().enumerate() {
        for second in &SparedArea::ALL[index + 1..] {
            // All of them are checked against the rows elsewhere.
            for profile in all_profiles(&[*first, *second]).into_iter().step_by(5) {
                match matching::find(&templates, &profile, Scope::AllTwelveWeeks) {
                    Ok(programme) => {
                        made += 1;
                        check_sound(&templates, &programme, &profile);
                        for (_, day, _) in programme.items() {
                            assert!(day.items.len() >= matching::LEAST_EXERCISES, "{profile:?}");
                        }
                    }
                    Err(NoMatch::NothingLeft { areas }) => {
                        asked += 1;
                        assert_eq!(areas, profile.spared_areas);
                    }
                    Err(other) => panic!("{other}: {profile:?}"),
                }
            }
        }
    }
    assert!(asked * 20 < made, "{asked} of {made} pairs go to the trainer");
    // A library without the gentle exercises leaves nothing for aching shoulders and wrists.
    let csv = String::from_utf8(shipped()[2].csv.to_vec()).unwrap();
    let strict: String = csv
        .lines()
        .enumerate()
        .map(|(row, line)| {
            if row > 0 {
                let record = csv::ReaderBuilder::new()
                    .has_headers(false)
                    .from_reader(line.as_bytes())
                    .records()
                    .next()
                    .unwrap()
                    .unwrap();
                let mut all: Vec<String> = record.iter().map(str::to_owned).collect();
                all[12] = "shoulders".to_owned();
                let mut writer = csv::Writer::from_writer(Vec::new());
                writer.write_record(&all).unwrap();
                String::from_utf8(writer.into_inner().unwrap()).unwrap()
            } else {
                format!("{line}\n")
            }
        })
        .collect();
    let templates =
        Templates::from_csv(shipped()[0].csv, shipped()[1].csv, strict.as_bytes()).unwrap_or_else(|e| panic!("{e}"));
    let profile = Profile {
        spared_areas: vec![SparedArea::Shoulders],
        ..a_profile()
    };
    let error = matching::find(&templates, &profile, Scope::FirstTwoWeeks).unwrap_err();
    assert!(matches!(error, NoMatch::NothingLeft { .. }));
    assert!(error.text(Language::Ru).contains("тренера") && error.text(Language::En).contains("trainer"));
}

#[test]
fn versions_are_told_apart_line_by_line() {
    let templates = Templates::shipped().unwrap();
    let programme = whole(&templates, &a_man_in_a_gym());
    let mut later = programme.clone();
    for week in &mut later.weeks[5..7] {
        let item = &mut week.days[1].items[0];
        item.sets += 1;
        item.rest_seconds += 30;
    }
    later.weeks[0].days[2].items.remove(1);
    let ru: Vec<String> = changes(&programme, &later)
        .iter()
        .map(|change| change.text(Language::Ru))
        .collect();
    assert_eq!(ru.len(), 3, "{ru:?}");
    assert!(
        ru.iter()
            .any(|text| text.starts_with("День 2, недели 6–7:") && text.contains("подходы")),
        "{ru:?}"
    );
    assert!(ru.iter().any(|text| text.contains("отдых")), "{ru:?}");
    assert!(
        ru.iter().any(|text| text.starts_with("День 3, неделя 1: убрано «")),
        "{ru:?}"
    );
    let free = matching::find(&templates, &a_man_in_a_gym(), Scope::FirstTwoWeeks).unwrap();
    let en: Vec<String> = changes(&free, &programme)
        .iter()
        .map(|change| change.text(Language::En))
        .collect();
    assert_eq!(en, vec!["Weeks 3–12: added.".to_owned()]);
    let stored = serde_json::to_string(&changes(&programme, &later)).unwrap();
    assert!(stored.contains("\"what\":\"sets\""), "{stored}");
}

#[test]
fn a_programme_kept_by_an_earlier_release_reads_back() {
    let templates = Templates::shipped().unwrap();
    let programme = whole(&templates, &a_man_in_a_gym());
    let mut stored = serde_json::to_value(&programme).unwrap();
    for week in stored["weeks"].as_array_mut().unwrap() {
        for day in week["days"].as_array_mut().unwrap() {
            for item in day["items"].as_array_mut().unwrap() {
                let item = item.as_object_mut().unwrap();
                item.remove("load");
                item.remove("notes_en");
            }
        }
    }
    let old: Programme = serde_json::from_value(stored).unwrap();
    assert!(old.items().all(|(_, _, item)| item.load.is_none()));
    let days = serde_json::json!({ "kind": "days", "wanted": 3, "used": 3, "plan": 4 });
    let relaxation: Relaxation = serde_json::from_value(days).unwrap();
    assert_eq!(
        relaxation.text(Language::Ru),
        "Готового плана на 3 дня пока нет: взяли план на 4 дня и убрали тренировку 4."
    );
}
