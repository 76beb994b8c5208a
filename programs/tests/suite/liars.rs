//! Thousands of lying answers, not one wrong number.

use std::collections::BTreeMap;

use super::common::{all_profiles, honest_answer};
use super::liar::{self, Lie};
use domain::language::Language;
use programs::matching::{self, Scope};
use programs::templates::Templates;
use programs::wording::{self, Verdict};

#[test]
fn no_lie_of_two_thousand_reaches_a_client() {
    let templates = Templates::shipped().unwrap();
    let profiles = all_profiles(&[]);
    let mut told: BTreeMap<Lie, usize> = BTreeMap::new();
    // `make bench` does this ten thousand times and for all twelve weeks.
    for seed in 0..2_000_u64 {
        let profile = &profiles[seed as usize * 7 % profiles.len()];
        let language = Language::ALL[seed as usize % 2];
        let other = Language::ALL[(seed as usize + 1) % 2];
        let programme = matching::find(&templates, profile, Scope::FirstTwoWeeks).unwrap();
        let honest = honest_answer(&programme, language);
        let truth = honest.to_string();
        let lie = liar::lie(&programme, language, &honest, &honest_answer(&programme, other), seed);
        let checked = wording::check(&programme, profile, language, &lie.answer);
        let wrong = liar::wrong(&programme, &lie, &checked.wording);
        assert_eq!(wrong, 0, "{:?} of seed {seed}: {:?}", lie.lie, lie.sentences);
        if lie.answer != truth {
            assert_ne!(
                checked.verdict,
                Verdict::Accepted,
                "{:?} of seed {seed} went unnoticed",
                lie.lie
            );
        }
        *told.entry(lie.lie).or_default() += 1;
    }
    assert_eq!(told.len(), liar::LIES.len(), "every kind of lie was told: {told:?}");
}

#[test]
fn honest_answers_for_every_combination_are_accepted() {
    let templates = Templates::shipped().unwrap();
    for profile in all_profiles(&[]) {
        let programme = matching::find(&templates, &profile, Scope::AllTwelveWeeks).unwrap();
        for language in Language::ALL {
            let answer = honest_answer(&programme, language).to_string();
            let checked = wording::check(&programme, &profile, language, &answer);
            assert_eq!(checked.verdict, Verdict::Accepted, "{profile:?}");
        }
    }
}

#[test]
fn a_request_gives_no_body_weight_away() {
    let templates = Templates::shipped().unwrap();
    for profile in all_profiles(&[]) {
        let programme = matching::find(&templates, &profile, Scope::FirstTwoWeeks).unwrap();
        for language in Language::ALL {
            let sent = serde_json::to_string(&wording::request(&programme, &profile, language)).unwrap();
            for (_, _, item) in programme.items() {
                if let Some(load) = item.load_text(language) {
                    assert!(!sent.contains(&load), "{load} left for {profile:?}");
                }
            }
            assert!(!sent.contains("load") && !sent.contains("weight_decikg"));
        }
    }
}
