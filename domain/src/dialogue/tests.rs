use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::content::Press;

fn texts(language: Language) -> Texts {
    let source = match language {
        Language::Ru => include_str!("../../../assets/texts/ru.json"),
        Language::En => include_str!("../../../assets/texts/en.json"),
    };
    serde_json::from_str(source).unwrap()
}

/// A client and the CRM in miniature: applies effects the way the application does.
struct Chat {
    language: Language,
    texts: [Texts; 2],
    form: Form,
    scene: Scene,
    run: Option<(String, Answers, bool)>,
    runs_begun: u32,
    has_consent: bool,
    marketing: Option<bool>,
    effects: Vec<Effect>,
    screen: Vec<Content>,
    brand: BrandFacts,
    sells: bool,
}

impl Chat {
    fn new() -> Self {
        let form: Form = serde_json::from_str(include_str!("../../../assets/questionnaire.json")).unwrap();
        form.validate().unwrap();
        Self {
            language: Language::Ru,
            texts: [texts(Language::Ru), texts(Language::En)],
            form,
            scene: Scene::Idle,
            run: None,
            runs_begun: 0,
            has_consent: false,
            marketing: None,
            effects: Vec::new(),
            screen: Vec::new(),
            brand: BrandFacts {
                trainer: "Ольга".into(),
                reply_hours: 4,
                ..BrandFacts::default()
            },
            sells: false,
        }
    }

    fn send(&mut self, input: &Input<'_>) -> Turn {
        let fresh = format!("{:06}", self.runs_begun + 1);
        let facts = Facts {
            language: self.language,
            texts: &self.texts[usize::from(self.language == Language::En)],
            form: &self.form,
            run: self.run.as_ref().map(|(tag, answers, is_complete)| Run {
                tag,
                answers,
                is_complete: *is_complete,
            }),
            fresh_tag: &fresh,
            name: "Анна",
            is_new: self.effects.is_empty(),
            has_consent: self.has_consent,
            marketing: self.marketing,
            has_program: self.run.as_ref().is_some_and(|run| run.2),
            has_trainer: true,
            is_quiet: false,
            tariffs: &[],
            sells: self.sells,
            faq: &[],
            brand: &self.brand,
        };
        let turn = respond(&self.scene, &facts, input);
        self.scene = turn.scene.clone();
        for effect in &turn.effects {
            match effect {
                Effect::Consent {
                    kind: ConsentKind::PersonalData,
                    granted,
                } => self.has_consent = *granted,
                Effect::Consent {
                    kind: ConsentKind::Marketing,
                    granted,
                } => self.marketing = Some(*granted),
                Effect::BeginRun => {
                    self.runs_begun += 1;
                    self.run = Some((fresh.clone(), Answers::new(), false));
                }
                Effect::Answer { question, answer } => {
                    if let Some((_, answers, _)) = &mut self.run {
                        answers.insert(question.clone(), answer.clone());
                    }
                }
                Effect::DropAnswers(ids) => {
                    if let Some((_, answers, _)) = &mut self.run {
                        answers.retain(|id, _| !ids.contains(id));
                    }
                }
                Effect::CompleteRun => {
                    if let Some(run) = &mut self.run {
                        run.2 = true;
                    }
                }
                Effect::SetLanguage(language) => self.language = *language,
                Effect::Asked(_) | Effect::ResendProgram | Effect::SendPhoneVersion(_) | Effect::PassOn => {}
                Effect::Purchase(_) | Effect::PurchaseWords(_) => {}
            }
        }
        self.effects.extend(turn.effects.clone());
        self.screen
            .extend(turn.replies.iter().map(|reply| reply.content.clone()));
        turn
    }

    fn say(&mut self, text: &str) -> Turn {
        self.send(&Input::Text(text))
    }

    /// Presses the newest button whose label contains `label`.
    fn press(&mut self, label: &str) -> Turn {
        let action = self
            .screen
            .iter()
            .rev()
            .flat_map(|content| content.buttons.iter().flatten())
            .find_map(|button| match &button.press {
                Press::Action { action } if button.label.contains(label) => Some(action.clone()),
                _ => None,
            })
            .unwrap_or_else(|| panic!("no button {label}"));
        self.send(&Input::Action(&action))
    }

    fn walk_to_first_question(&mut self) {
        self.send(&Input::Start);
        self.press("Бесплатная программа");
        self.press("Согласен");
        self.press("Нет, только программу");
    }

    fn walk_to_summary(&mut self) {
        self.walk_to_first_question();
        self.press("Женский");
        self.say("31");
        self.press("Новичок");
        self.press("Снизить вес");
        self.say("1,68 м");
        self.say("72,5 кг");
        self.press("В основном сижу");
        self.press("Дома");
        self.press("Гантели");
        self.press("3 дня");
        self.press("Колени");
        self.press("Готово");
        self.press("Нет, всё в порядке");
    }

    fn answers(&self) -> &Answers {
        &self.run.as_ref().unwrap().1
    }
}

#[test]
fn from_start_to_a_finished_questionnaire() {
    let mut chat = Chat::new();
    chat.walk_to_summary();
    assert_eq!(chat.scene, Scene::Summary);
    assert_eq!(chat.answers().len(), 12);
    let turn = chat.press("Всё верно");
    assert!(turn.effects.contains(&Effect::CompleteRun));
    let consent = chat.effects.iter().position(|effect| {
        matches!(
            effect,
            Effect::Consent {
                kind: ConsentKind::PersonalData,
                ..
            }
        )
    });
    let first_question = chat
        .effects
        .iter()
        .position(|effect| matches!(effect, Effect::Asked(_)));
    assert!(consent < first_question, "consent comes before the first question");
    assert!(chat.effects.contains(&Effect::Consent {
        kind: ConsentKind::Marketing,
        granted: false
    }));
}

#[test]
fn without_consent_nothing_is_asked() {
    let mut chat = Chat::new();
    chat.send(&Input::Start);
    chat.press("Бесплатная программа");
    let turn = chat.press("Не согласен");
    assert_eq!(turn.scene, Scene::Idle);
    assert!(!chat.effects.iter().any(|effect| matches!(effect, Effect::Asked(_))));
}

#[test]
fn start_in_the_middle_loses_nothing() {
    let mut chat = Chat::new();
    chat.walk_to_first_question();
    chat.press("Женский");
    chat.say("31");
    for _ in 0..2 {
        chat.send(&Input::Start);
        assert!(chat.screen.last().unwrap().plain_text().contains("вопросе 3 из"));
    }
    chat.press("Продолжить");
    assert_eq!(
        chat.scene,
        Scene::Question {
            id: "level".into(),
            picked: Vec::new()
        }
    );
    assert_eq!(chat.answers().len(), 2);
}

#[test]
fn an_edit_in_the_summary_asks_only_what_depends_on_it() {
    let mut chat = Chat::new();
    chat.walk_to_summary();
    chat.press("✏️ Место");
    chat.press("В зале");
    assert_eq!(chat.scene, Scene::Summary);
    assert!(!chat.answers().contains_key("equipment"));
    chat.press("✏️ Место");
    chat.press("Дома");
    assert_eq!(
        chat.scene,
        Scene::Question {
            id: "equipment".into(),
            picked: Vec::new()
        }
    );
    chat.press("Ничего нет");
    assert_eq!(chat.scene, Scene::Summary);
}

#[test]
fn back_keeps_the_answer_until_a_new_one_is_given() {
    let mut chat = Chat::new();
    chat.walk_to_first_question();
    chat.press("Женский");
    chat.press("Назад");
    assert_eq!(
        chat.scene,
        Scene::Question {
            id: "sex".into(),
            picked: Vec::new()
        }
    );
    chat.press("Мужской");
    assert_eq!(chat.answers().get("sex"), Some(&Answer::Chosen(vec!["male".into()])));
    assert_eq!(
        chat.scene,
        Scene::Question {
            id: "age".into(),
            picked: Vec::new()
        }
    );
}

#[test]
fn the_second_of_two_taps_in_the_same_second_changes_nothing() {
    let mut chat = Chat::new();
    chat.walk_to_first_question();
    let button = "q:000001:sex:female";
    chat.send(&Input::Action(button));
    let before = chat.answers().clone();
    let turn = chat.send(&Input::Action("q:000001:sex:male"));
    assert_eq!(chat.answers(), &before);
    assert!(turn.toast.is_some());
    assert_eq!(
        chat.scene,
        Scene::Question {
            id: "age".into(),
            picked: Vec::new()
        }
    );
}

#[test]
fn a_button_of_another_run_is_explained_and_the_current_step_shown() {
    let mut chat = Chat::new();
    chat.walk_to_first_question();
    let turn = chat.send(&Input::Action("q:999999:sex:male"));
    assert!(turn.effects.is_empty());
    assert!(turn.toast.is_some());
    assert!(turn.replies.last().unwrap().content.progress.is_some());
}

#[test]
fn what_is_not_an_answer_gets_a_kind_re_ask() {
    let mut chat = Chat::new();
    chat.walk_to_first_question();
    chat.press("Женский");
    for (input, words) in [
        ("сто", "цифрами"),
        ("-5", "от 14"),
        ("72,5", "целое"),
        ("1000", "от 14"),
    ] {
        let turn = chat.say(input);
        let said: String = turn.replies.iter().map(|reply| reply.content.plain_text()).collect();
        assert!(said.contains(words), "{input}: {said}");
        assert!(turn.effects.is_empty());
    }
    let turn = chat.send(&Input::Attachment);
    assert!(turn.replies[0].content.plain_text().contains("словами"));
    let turn = chat.send(&Input::Edited);
    assert!(turn.effects.is_empty() && !turn.replies.is_empty());
    chat.say("31");
    assert_eq!(
        chat.scene,
        Scene::Question {
            id: "level".into(),
            picked: Vec::new()
        }
    );
}

#[test]
fn a_question_to_the_trainer_in_the_middle_is_passed_on() {
    let mut chat = Chat::new();
    chat.walk_to_first_question();
    let turn = chat.say("А можно тренироваться вечером?");
    assert_eq!(turn.effects, [Effect::PassOn]);
    assert!(turn.replies.last().unwrap().content.progress.is_some());
}

#[test]
fn free_text_outside_the_questions_reaches_the_trainer() {
    let mut chat = Chat::new();
    chat.send(&Input::Start);
    let turn = chat.say("Сколько стоит разбор техники?");
    assert_eq!(turn.effects, [Effect::PassOn]);
    assert!(turn.replies[0].content.plain_text().contains("Ольга"));
}

#[test]
fn a_button_may_be_typed() {
    let mut chat = Chat::new();
    chat.send(&Input::Start);
    let turn = chat.say("  тарифы!");
    assert!(turn.effects.is_empty(), "it is not passed on to the trainer");
    assert!(turn.replies[0].content.plain_text().contains("Тарифы"));
}

#[test]
fn the_form_may_change_under_somebody() {
    let mut chat = Chat::new();
    chat.walk_to_first_question();
    chat.press("Женский");
    chat.form
        .questions
        .retain(|question| question.id != "age" && question.id != "level");
    let turn = chat.say("31");
    assert!(!turn.replies.is_empty());
    assert_eq!(
        chat.scene,
        Scene::Question {
            id: "goal".into(),
            picked: Vec::new()
        }
    );
    chat.press("Снизить вес");
    assert!(chat.answers().contains_key("goal"));
}

#[test]
fn both_languages_hold_the_same_placeholders() {
    let placeholders = |text: &str| -> BTreeSet<String> {
        text.split('{')
            .skip(1)
            .filter_map(|rest| rest.split_once('}').map(|(name, _)| name.to_owned()))
            .collect()
    };
    let (ru, en) = (texts(Language::Ru), texts(Language::En));
    for key in Texts::KEYS {
        let (ru, en) = (ru.get(key).unwrap(), en.get(key).unwrap());
        assert!(!ru.trim().is_empty() && !en.trim().is_empty(), "{key} is empty");
        assert_eq!(placeholders(ru), placeholders(en), "{key}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]

    /// Whatever a client does, in any order, the dialogue answers, keeps answers sound and never shows a button too long.
    #[test]
    fn any_walk_is_answered(steps in proptest::collection::vec((0u8..10, 0usize..12, ".{0,12}"), 1..60)) {
        let mut chat = Chat::new();
        for (kind, index, words) in steps {
            let buttons: Vec<String> = chat.screen.iter().rev().take(4)
                .flat_map(|content| content.buttons.iter().flatten())
                .filter_map(|button| match &button.press { Press::Action { action } => Some(action.clone()), Press::Url { .. } => None })
                .collect();
            let turn = match kind {
                0 => chat.send(&Input::Start),
                1 => chat.say(&words),
                2 => chat.say("31"),
                3 => chat.send(&Input::Attachment),
                4 => chat.send(&Input::Command("cancel")),
                _ => match buttons.get(index) {
                    Some(action) => chat.send(&Input::Action(action)),
                    None => chat.send(&Input::Action("free")),
                },
            };
            for reply in &turn.replies {
                prop_assert!(!reply.content.plain_text().trim().is_empty());
                for button in reply.content.buttons.iter().flatten() {
                    if let Press::Action { action } = &button.press {
                        prop_assert!(action.len() <= 64 && Action::parse(action).is_some(), "{}", action);
                    }
                }
            }
            if let Some((_, answers, is_complete)) = &chat.run {
                for (id, answer) in answers {
                    prop_assert!(chat.form.question(id).is_some_and(|question| question.accepts(answer)));
                }
                if *is_complete {
                    prop_assert!(chat.form.next(answers).is_none());
                }
                let withdrew = chat.effects.iter().any(|effect| matches!(effect, Effect::Consent { granted: false, .. }));
                prop_assert!(chat.has_consent || answers.is_empty() || withdrew);
            }
        }
    }
}
