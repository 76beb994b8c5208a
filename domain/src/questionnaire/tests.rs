use proptest::prelude::*;

use super::*;

fn choice(id: &str, label: &str) -> Choice {
    Choice {
        id: id.into(),
        label: Localized::new(label, label),
        is_red_flag: false,
        is_none: false,
    }
}

fn question(id: &str, kind: Kind) -> Question {
    Question {
        id: id.into(),
        kind,
        text: Localized::new(id, id),
        label: Localized::new(id, id),
        why: None,
        is_optional: false,
        when: None,
    }
}

fn weight() -> Question {
    question(
        "weight",
        Kind::Number(NumberKind {
            unit: Unit::Kilograms,
            min_tenths: 300,
            max_tenths: 3000,
            allows_fraction: true,
        }),
    )
}

fn height() -> Question {
    question(
        "height",
        Kind::Number(NumberKind {
            unit: Unit::Centimetres,
            min_tenths: 1200,
            max_tenths: 2300,
            allows_fraction: false,
        }),
    )
}

fn age() -> Question {
    question(
        "age",
        Kind::Number(NumberKind {
            unit: Unit::Years,
            min_tenths: 140,
            max_tenths: 900,
            allows_fraction: false,
        }),
    )
}

fn place_form() -> Form {
    let place = question(
        "place",
        Kind::Choice {
            options: vec![choice("home", "Дома"), choice("gym", "В зале")],
        },
    );
    let mut equipment = question(
        "equipment",
        Kind::Choice {
            options: vec![choice("none", "Ничего"), choice("basic", "Гантели")],
        },
    );
    equipment.when = Some(Condition {
        question: "place".into(),
        any_of: vec!["home".into()],
    });
    Form {
        questions: vec![place, equipment, weight()],
    }
}

fn chosen(id: &str) -> Answer {
    Answer::Chosen(vec![id.into()])
}

#[test]
fn numbers_are_understood_as_people_type_them() {
    for (text, tenths) in [
        ("72", 720),
        ("72 кг", 720),
        ("72,5", 725),
        ("72.5kg", 725),
        (" ~80 кг. ", 800),
        ("72,55", 725),
    ] {
        assert_eq!(weight().parse_typed(text), Ok(Answer::Tenths(tenths)), "{text}");
    }
    for (text, tenths) in [
        ("175", 1750),
        ("175см", 1750),
        ("1,75", 1750),
        ("1.75 м", 1750),
        ("175 cm", 1750),
    ] {
        assert_eq!(height().parse_typed(text), Ok(Answer::Tenths(tenths)), "{text}");
    }
    assert_eq!(age().parse_typed("31 год"), Ok(Answer::Tenths(310)));
}

#[test]
fn a_wrong_number_says_what_is_wrong() {
    assert_eq!(weight().parse_typed("сто"), Err(Refusal::NotANumber));
    assert_eq!(
        weight().parse_typed("-5"),
        Err(Refusal::OutOfRange {
            min_tenths: 300,
            max_tenths: 3000
        })
    );
    assert_eq!(age().parse_typed("72,5"), Err(Refusal::NotWhole));
    assert_eq!(weight().parse_typed("72 фунта"), Err(Refusal::NotANumber));
    assert_eq!(weight().parse_typed("99999999999999999999"), Err(Refusal::NotANumber));
}

#[test]
fn an_option_is_understood_by_label_place_or_beginning() {
    let form = place_form();
    let place = form.question("place").unwrap();
    for text in ["Дома", "дома!", "1", "дом"] {
        assert_eq!(place.parse_typed(text), Ok(chosen("home")), "{text}");
    }
    assert_eq!(place.parse_typed("на улице"), Err(Refusal::NotAnOption));
    assert_eq!(place.parse_typed("7"), Err(Refusal::NotAnOption));
}

#[test]
fn an_edit_asks_again_only_what_depends_on_it() {
    let form = place_form();
    let mut answers = Answers::from([
        ("place".to_owned(), chosen("home")),
        ("equipment".to_owned(), chosen("basic")),
        ("weight".to_owned(), Answer::Tenths(700)),
    ]);
    assert_eq!(form.next(&answers), None);
    answers.insert("place".into(), chosen("gym"));
    assert_eq!(form.orphaned(&answers), ["equipment"]);
    answers.remove("equipment");
    assert_eq!(form.next(&answers), None);
    answers.insert("place".into(), chosen("home"));
    assert_eq!(
        form.next(&answers).map(|question| question.id.as_str()),
        Some("equipment")
    );
}

#[test]
fn questions_removed_added_or_changed_in_the_middle_strand_nobody() {
    let mut form = place_form();
    let answers = Answers::from([
        ("place".to_owned(), chosen("home")),
        ("equipment".to_owned(), chosen("basic")),
    ]);
    form.questions.retain(|question| question.id != "equipment");
    form.questions.insert(1, age());
    assert_eq!(form.next(&answers).map(|question| question.id.as_str()), Some("age"));
    if let Some(Kind::Choice { options }) = form.questions.first_mut().map(|question| &mut question.kind) {
        options.retain(|option| option.id != "home");
    }
    assert_eq!(form.next(&answers).map(|question| question.id.as_str()), Some("place"));
}

#[test]
fn none_of_these_excludes_the_others() {
    let mut none = choice("nothing", "Ничего");
    none.is_none = true;
    let spare = question(
        "spare",
        Kind::Choices {
            options: vec![choice("knees", "Колени"), choice("neck", "Шея"), none],
        },
    );
    let picked = spare.toggle(&[], "knees");
    let picked = spare.toggle(&picked, "neck");
    assert_eq!(picked, ["knees", "neck"]);
    assert_eq!(spare.toggle(&picked, "nothing"), ["nothing"]);
    assert_eq!(spare.toggle(&["nothing".to_owned()], "knees"), ["knees"]);
    assert_eq!(spare.toggle(&picked, "knees"), ["neck"]);
    assert_eq!(
        spare.parse_typed("колени, шея"),
        Ok(Answer::Chosen(vec!["knees".into(), "neck".into()]))
    );
}

#[test]
fn an_unsound_form_is_refused_with_the_question_named() {
    assert_eq!(Form::default().validate(), Err(FormError::Empty));
    let mut form = place_form();
    form.questions.swap(0, 1);
    assert_eq!(form.validate(), Err(FormError::BadCondition("equipment".into())));
    let twice = Form {
        questions: vec![weight(), weight()],
    };
    assert_eq!(twice.validate(), Err(FormError::DuplicateId("weight".into())));
    assert_eq!(place_form().validate(), Ok(()));
}

#[test]
fn a_red_flag_is_seen() {
    let mut heart = choice("yes", "Да");
    heart.is_red_flag = true;
    let form = Form {
        questions: vec![question(
            "health",
            Kind::Choice {
                options: vec![heart, choice("no", "Нет")],
            },
        )],
    };
    assert!(needs_trainer(
        &form,
        &Answers::from([("health".to_owned(), chosen("yes"))])
    ));
    assert!(!needs_trainer(
        &form,
        &Answers::from([("health".to_owned(), chosen("no"))])
    ));
}

proptest! {
    #[test]
    fn whatever_is_typed_is_answered_or_refused_but_within_range(text in ".{0,30}") {
        for question in [weight(), height(), age()] {
            if let Ok(answer) = question.parse_typed(&text) {
                prop_assert!(question.accepts(&answer));
            }
        }
    }

    #[test]
    fn every_run_ends_however_it_is_answered(picks in proptest::collection::vec(0usize..2, 3)) {
        let form = place_form();
        let mut answers = Answers::new();
        let mut asked = 0;
        while let Some(question) = form.next(&answers) {
            let answer = match question.options().get(picks.get(asked).copied().unwrap_or(0)) {
                Some(option) => chosen(&option.id),
                None => Answer::Tenths(700),
            };
            answers.insert(question.id.clone(), answer);
            asked += 1;
            prop_assert!(asked <= form.questions.len());
        }
    }
}
