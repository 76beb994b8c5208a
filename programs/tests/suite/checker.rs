//! An LLM may help with words. It may not change, drop, invent, promise or prescribe.

use std::sync::OnceLock;

use super::common::{a_profile, honest_answer};
use domain::language::Language;
use domain::profile::{Equipment, Level, Place, Profile, Sex};
use programs::matching::{self, Scope};
use programs::programme::Programme;
use programs::templates::Templates;
use programs::wording::{self, Checked, Reason, TextPlace, TextProblem, Verdict, Wording};
use proptest::prelude::*;
use serde_json::{Value, json};

fn programme() -> &'static (Profile, Programme) {
    static MADE: OnceLock<(Profile, Programme)> = OnceLock::new();
    MADE.get_or_init(|| {
        let profile = a_profile();
        let programme = matching::find(&Templates::shipped().unwrap(), &profile, Scope::FirstTwoWeeks).unwrap();
        (profile, programme)
    })
}

fn check(answer: &Value, language: Language) -> Checked {
    let (profile, programme) = programme();
    wording::check(programme, profile, language, &answer.to_string())
}

fn honest(language: Language) -> Value {
    honest_answer(&programme().1, language)
}

fn plain(language: Language) -> Wording {
    let (profile, programme) = programme();
    wording::plain(programme, profile, language)
}

fn reasons(answer: &Value) -> Vec<Reason> {
    check(answer, Language::Ru).verdict.reasons().to_vec()
}

#[test]
fn an_honest_answer_is_taken_whole() {
    for language in Language::ALL {
        let answer = honest(language);
        let checked = check(&answer, language);
        assert_eq!(checked.verdict, Verdict::Accepted);
        assert_eq!(Value::from(checked.wording.intro), answer["intro"]);
        assert_eq!(
            Value::from(checked.wording.weeks[1].days[2].cues[0].text.clone()),
            answer["weeks"][1]["days"][2]["exercises"][0]["cue"]
        );
    }
}

#[test]
fn a_fence_around_the_json_is_forgiven() {
    let (profile, programme) = programme();
    let fenced = format!("Вот программа:\n```json\n{}\n```", honest(Language::Ru));
    assert_eq!(
        wording::check(programme, profile, Language::Ru, &fenced).verdict,
        Verdict::Accepted
    );
}

#[test]
fn a_changed_number_or_name_is_named_and_its_text_replaced() {
    for (field, value) in [
        ("sets", json!(9)),
        ("reps", json!("20-25")),
        ("rest_seconds", json!(5)),
        ("exercise", json!("Жим лёжа на луне")),
    ] {
        let mut answer = honest(Language::Ru);
        answer["weeks"][0]["days"][0]["exercises"][0][field] = value;
        let checked = check(&answer, Language::Ru);
        let Verdict::PartlyReplaced { reasons } = checked.verdict else {
            unreachable!("{field}")
        };
        assert!(
            matches!(&reasons[..], [Reason::Changed { week: 1, day: 1, field: found, .. }] if found == field),
            "{reasons:?}"
        );
        assert!(reasons[0].text(Language::Ru).contains(field));
        assert_eq!(
            checked.wording.weeks[0].days[0].cues[0],
            plain(Language::Ru).weeks[0].days[0].cues[0]
        );
    }
}

#[test]
fn what_is_missing_or_invented_is_found() {
    let mut answer = honest(Language::Ru);
    let exercises = answer["weeks"][0]["days"][0]["exercises"].as_array_mut().unwrap();
    let dropped = exercises.remove(1);
    assert!(reasons(&answer).iter().any(
        |reason| matches!(reason, Reason::Missing { week: 1, day: Some(1), id: Some(id) } if dropped["id"] == **id)
    ));

    let mut answer = honest(Language::Ru);
    answer["weeks"].as_array_mut().unwrap().remove(1);
    assert!(reasons(&answer).contains(&Reason::Missing {
        week: 2,
        day: None,
        id: None
    }));

    let mut answer = honest(Language::Ru);
    answer["weeks"][0]["days"][0]["exercises"]
        .as_array_mut()
        .unwrap()
        .push(json!({ "id": "r999", "exercise": "Берпи", "sets": 9, "reps": "50", "rest_seconds": 0, "cue": "Ещё!" }));
    let checked = check(&answer, Language::Ru);
    assert!(checked.verdict.reasons().contains(&Reason::Invented {
        what: "Берпи".to_owned()
    }));
    assert_eq!(
        checked.wording.weeks[0].days[0].cues.len(),
        programme().1.weeks[0].days[0].items.len()
    );

    let mut answer = honest(Language::Ru);
    let week = answer["weeks"][0].clone();
    answer["weeks"].as_array_mut().unwrap().push(week);
    assert!(reasons(&answer).contains(&Reason::Invented {
        what: "week 1".to_owned()
    }));
}

#[test]
fn an_answer_in_the_other_language_is_rejected_whole() {
    let checked = check(&honest(Language::En), Language::Ru);
    assert!(matches!(checked.verdict, Verdict::Rejected { .. }));
    assert_eq!(checked.wording, plain(Language::Ru));
}

#[test]
fn broken_json_is_rejected_and_the_plain_wording_goes_out() {
    let (profile, programme) = programme();
    let whole = honest(Language::Ru).to_string();
    let mut middle = whole.len() / 2;
    while !whole.is_char_boundary(middle) {
        middle += 1;
    }
    for text in [
        "",
        "Извините, не могу.",
        "[]",
        "{",
        "null",
        "{\"intro\": ",
        &whole[..middle],
    ] {
        let checked = wording::check(programme, profile, Language::Ru, text);
        assert_eq!(
            checked.verdict,
            Verdict::Rejected {
                reasons: vec![Reason::BrokenJson]
            },
            "{text:.40}"
        );
        assert_eq!(checked.wording, plain(Language::Ru));
    }
    let huge = "x".repeat(2 * 1024 * 1024);
    let checked = wording::check(programme, profile, Language::Ru, &huge);
    assert_eq!(
        checked.verdict,
        Verdict::Rejected {
            reasons: vec![Reason::AnswerTooLarge]
        }
    );
    let checked = wording::check(programme, profile, Language::Ru, "{}");
    assert!(matches!(checked.verdict, Verdict::Rejected { .. }));
    let nested = format!("{{\"intro\":{}1{}}}", "[".repeat(5000), "]".repeat(5000));
    let checked = wording::check(programme, profile, Language::Ru, &nested);
    assert_eq!(
        checked.verdict,
        Verdict::Rejected {
            reasons: vec![Reason::BrokenJson]
        }
    );
}

#[test]
fn promises_advice_links_and_numbers_in_the_texts_are_replaced() {
    for text in [
        "Гарантируем результат уже скоро.",
        "Вы станете легче: -10 кг за месяц.",
        "Эта программа лечит спину.",
        "Примите обезболивающее перед тренировкой.",
        "Подробности на https://example.org",
        "Пишите @coach в Telegram",
        "Сделайте ещё 5 подходов сверху.",
        "Отдыхайте по 10 секунд.",
        "Делайте пять подходов каждый раз.",
        "Тренируйтесь каждый день без отдыха.",
        "<b>Вперёд</b>",
        "",
    ] {
        let mut answer = honest(Language::Ru);
        answer["intro"] = text.into();
        answer["weeks"][0]["focus"] = text.into();
        let checked = check(&answer, Language::Ru);
        assert_eq!(checked.wording.intro, plain(Language::Ru).intro, "{text}");
        assert_eq!(
            checked.wording.weeks[0].focus,
            plain(Language::Ru).weeks[0].focus,
            "{text}"
        );
        assert!(matches!(checked.verdict, Verdict::PartlyReplaced { .. }), "{text}");
    }
    let mut answer = honest(Language::En);
    answer["closing"] = "Results are guaranteed.".into();
    let checked = check(&answer, Language::En);
    assert!(checked.verdict.reasons().iter().any(|reason| matches!(
        reason,
        Reason::Text {
            place: TextPlace::Closing,
            problem: TextProblem::Promise(_)
        }
    )));
    let mut answer = honest(Language::Ru);
    answer["weeks"][0]["days"][0]["title"] = "Очень ".repeat(50).into();
    assert!(matches!(
        reasons(&answer)[..],
        [Reason::Text {
            problem: TextProblem::TooLong,
            ..
        }]
    ));
}

#[test]
fn a_verdict_can_be_stored_and_read_back() {
    let mut answer = honest(Language::Ru);
    answer["intro"] = "Гарантируем.".into();
    answer["weeks"][0]["days"][0]["exercises"][0]["sets"] = json!(9);
    let checked = check(&answer, Language::Ru);
    let stored = serde_json::to_string(&checked).unwrap();
    assert_eq!(serde_json::from_str::<Checked>(&stored).unwrap(), checked);
}

#[test]
fn only_deidentified_fields_leave() {
    let profile = Profile {
        sex: Sex::Male,
        age_years: 37,
        weight_decikg: 913,
        height_cm: 187,
        level: Level::Advanced,
        place: Place::Gym,
        equipment: Equipment::Gym,
        ..a_profile()
    };
    let programme = matching::find(&Templates::shipped().unwrap(), &profile, Scope::AllTwelveWeeks).unwrap();
    let request = serde_json::to_value(wording::request(&programme, &profile, Language::Ru)).unwrap();
    assert_eq!(
        request["client"],
        json!({ "sex": "male", "age_band": "35-44", "goal": "fat_loss", "level": "advanced", "place": "gym" })
    );
    let text = request.to_string();
    assert!(!text.contains("187") && !text.contains("913") && !text.contains("\"37\""));
    assert_eq!(request["weeks"].as_array().unwrap().len(), 12);
    assert_eq!(request["task"], "word_programme");
}

#[test]
fn the_schema_is_strict_and_describes_an_honest_answer() {
    fn conforms(schema: &Value, value: &Value) -> bool {
        match schema["type"].as_str().unwrap() {
            "object" => {
                assert_eq!(schema["additionalProperties"], false);
                let properties = schema["properties"].as_object().unwrap();
                let value = value.as_object().unwrap();
                properties.len() == value.len()
                    && schema["required"].as_array().unwrap().len() == properties.len()
                    && properties
                        .iter()
                        .all(|(key, schema)| value.get(key).is_some_and(|value| conforms(schema, value)))
            }
            "array" => value
                .as_array()
                .unwrap()
                .iter()
                .all(|value| conforms(&schema["items"], value)),
            "string" => value.is_string(),
            "integer" => value.is_u64(),
            _ => false,
        }
    }
    assert!(conforms(&wording::answer_schema(), &honest(Language::Ru)));
    for language in Language::ALL {
        assert!(wording::system_prompt(language).contains("JSON"));
    }
}

/// All texts of a wording.
fn texts(wording: &Wording) -> Vec<&str> {
    let mut texts = vec![wording.intro.as_str(), wording.closing.as_str()];
    for week in &wording.weeks {
        texts.push(&week.focus);
        for day in &week.days {
            texts.push(&day.title);
            texts.extend(day.cues.iter().map(|cue| cue.text.as_str()));
        }
    }
    texts
}

/// The places of all leaves of a JSON value.
fn leaves(value: &Value, path: &str, found: &mut Vec<String>) {
    match value {
        Value::Object(map) => {
            for (key, value) in map {
                leaves(value, &format!("{path}/{key}"), found);
            }
        }
        Value::Array(list) => {
            for (index, value) in list.iter().enumerate() {
                leaves(value, &format!("{path}/{index}"), found);
            }
        }
        _ => found.push(path.to_owned()),
    }
}

fn lie() -> impl Strategy<Value = Value> {
    prop_oneof![
        (0u32..1000).prop_map(Value::from),
        (1u32..100, 1u32..100).prop_map(|(from, to)| format!("{from}-{to}").into()),
        (
            0u32..500,
            prop::sample::select(vec![
                "подходов",
                "повторений",
                "кг",
                "секунд",
                "минут",
                "раз в неделю",
                "%",
                ""
            ])
        )
            .prop_map(|(number, unit)| format!("Сделайте {number} {unit} и отдохните").into()),
        (0u32..50, prop::sample::select(vec!["sets", "reps", "kg", "weeks"]))
            .prop_map(|(number, unit)| format!("Сделайте {number} {unit}").into()),
        prop::sample::select(vec!["сорок", "двадцать пять", "пару"])
            .prop_map(|number| format!("Сделайте {number} тяжёлых подходов").into()),
        Just(Value::Null),
        Just(json!([])),
        Just(json!({ "a": 1 })),
        "\\PC{0,40}".prop_map(Value::from),
    ]
}

proptest! {
    #[test]
    fn no_mutation_of_an_answer_lets_a_number_through(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), lie()), 1..6)
    ) {
        let original = honest(Language::Ru);
        let mut places = Vec::new();
        leaves(&original, "", &mut places);
        let mut answer = original.clone();
        for (place, value) in mutations {
            let place: &String = place.get(&places);
            *answer.pointer_mut(place).unwrap() = value;
        }
        let checked = check(&answer, Language::Ru);
        let expected = plain(Language::Ru);
        prop_assert_eq!(checked.wording.weeks.len(), expected.weeks.len());
        prop_assert_eq!(texts(&checked.wording).len(), texts(&expected).len());
        // The honest and the plain texts hold no digit, so whatever digit is left came from a lie and must happen to be
        // true where it stands.
        let is_true = |text: &str, stated: &[String]| {
            ["кг", "%", "kg", "сорок", "двадцать пять", "пару"].iter().all(|word| !text.contains(word) || !text.contains("Сделайте"))
                && text
                    .split(|c: char| !c.is_ascii_digit())
                    .filter(|number| !number.is_empty())
                    .all(|number| stated.iter().any(|value| value == number))
        };
        let (_, programme) = programme();
        let of_programme = [programme.weeks.len().to_string(), programme.days_per_week().to_string()];
        let (intro, closing) = (&checked.wording.intro, &checked.wording.closing);
        prop_assert!(is_true(intro, &of_programme) && is_true(closing, &of_programme), "{} {}", intro, closing);
        for (week, day, item) in programme.items() {
            let texts = checked.wording.week(week.number).unwrap();
            let of_week = [&of_programme[..], &[week.number.to_string(), day.number.to_string()]].concat();
            prop_assert!(is_true(&texts.focus, &of_week), "{}", texts.focus);
            let texts = texts.day(day.number).unwrap();
            prop_assert!(is_true(&texts.title, &of_week), "{}", texts.title);
            let mut of_row = vec![item.sets.to_string(), item.rest_seconds.to_string(), (item.rest_seconds / 60).to_string()];
            of_row.extend(item.reps.split(['-', ' ']).map(str::to_owned));
            of_row.extend(of_week);
            let cue = texts.cue(&item.row_id);
            prop_assert!(is_true(cue, &of_row), "{} for {:?}", cue, item);
        }
        let is_changed = answer != original;
        if !is_changed {
            prop_assert_eq!(checked.verdict, Verdict::Accepted);
        }
    }

    #[test]
    fn no_text_at_all_breaks_the_checker(text in "\\PC{0,200}") {
        let (profile, programme) = programme();
        let checked = wording::check(programme, profile, Language::Ru, &text);
        prop_assert_eq!(texts(&checked.wording).len(), texts(&plain(Language::Ru)).len());
    }
}
