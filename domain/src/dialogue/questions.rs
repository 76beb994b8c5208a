//! Consent, the questions one by one, the summary.

use super::actions::Action;
use super::screens::button;
use super::{ConsentKind, Effect, Facts, Run, Scene, Turn, pass_on, screens, stale};
use crate::content::{Button, Content, Progress, Span, Style};
use crate::questionnaire::{Answer, Answers, Kind, Question, Refusal};

/// Options whose labels are longer than this get a row each.
const SHORT_LABEL: usize = 16;
/// A typed answer this long, or with a question mark, that fits no option is a question to the trainer.
const LONG_ANSWER: usize = 60;

/// Towards the programme from wherever the client is: consent, then the questions, then the summary.
pub(super) fn proceed(facts: &Facts<'_>, in_place: bool) -> Turn {
    if !facts.has_consent {
        return Turn::new(Scene::Consent).step(consent_step(facts), in_place);
    }
    if facts.marketing.is_none() {
        return Turn::new(Scene::Marketing).step(marketing_step(facts), in_place);
    }
    match facts.run {
        Some(run) if !run.is_complete => advance(facts, run.tag, run.answers, Turn::default(), in_place),
        Some(_) if facts.has_program => {
            let content = facts
                .content(&facts.texts.already_have, &[])
                .with_row(vec![button(&facts.texts.button_my_program, &Action::MyProgram)])
                .with_row(vec![
                    button(&facts.texts.button_restart, &Action::Restart),
                    button(&facts.texts.button_menu, &Action::Menu),
                ]);
            Turn::new(Scene::Idle).step(content, in_place)
        }
        Some(_) => {
            let content = facts
                .content(&facts.texts.program_pending, &[])
                .with_row(vec![button(&facts.texts.button_ask_trainer, &Action::AskTrainer)])
                .with_row(vec![button(&facts.texts.button_menu, &Action::Menu)]);
            Turn::new(Scene::Idle).step(content, in_place)
        }
        None => begin(facts, Turn::default(), in_place),
    }
}

pub(super) fn begin(facts: &Facts<'_>, mut turn: Turn, in_place: bool) -> Turn {
    turn.effects.push(Effect::BeginRun);
    advance(facts, facts.fresh_tag, &Answers::new(), turn, in_place)
}

fn consent_step(facts: &Facts<'_>) -> Content {
    facts
        .content(&facts.texts.consent, &[])
        .with_row(vec![button(&facts.texts.button_agree, &Action::Consent(true))])
        .with_row(vec![button(&facts.texts.button_decline, &Action::Consent(false))])
}

fn marketing_step(facts: &Facts<'_>) -> Content {
    facts
        .content(&facts.texts.marketing, &[])
        .with_row(vec![button(
            &facts.texts.button_marketing_yes,
            &Action::Marketing(true),
        )])
        .with_row(vec![button(
            &facts.texts.button_marketing_no,
            &Action::Marketing(false),
        )])
}

pub(super) fn consent(facts: &Facts<'_>, granted: bool) -> Turn {
    let record = Effect::Consent {
        kind: ConsentKind::PersonalData,
        granted,
    };
    if !granted {
        let content = facts
            .content(&facts.texts.consent_declined, &[])
            .with_row(vec![button(&facts.texts.button_agree, &Action::Consent(true))])
            .with_row(vec![button(&facts.texts.button_menu, &Action::Menu)]);
        return Turn::new(Scene::Idle).effect(record).step(content, true);
    }
    let known = Facts {
        has_consent: true,
        ..*facts
    };
    let mut turn = proceed(&known, true);
    if !facts.has_consent {
        turn.effects.insert(0, record);
    }
    turn
}

pub(super) fn marketing(scene: &Scene, facts: &Facts<'_>, granted: bool) -> Turn {
    let known = Facts {
        marketing: Some(granted),
        ..*facts
    };
    let record = Effect::Consent {
        kind: ConsentKind::Marketing,
        granted,
    };
    let is_change = facts.marketing != Some(granted);
    let mut turn = if *scene == Scene::Marketing {
        proceed(&known, true)
    } else {
        let note = if granted {
            &facts.texts.marketing_on
        } else {
            &facts.texts.marketing_off
        };
        screens::settings(scene, &known, true).toast(note)
    };
    if is_change {
        turn.effects.insert(0, record);
    }
    turn
}

/// The next question, or the summary when nothing is left to ask.
fn advance(facts: &Facts<'_>, tag: &str, answers: &Answers, turn: Turn, in_place: bool) -> Turn {
    match facts.form.next(answers) {
        Some(question) => ask(facts, tag, answers, question, turn, in_place),
        None => {
            let step = summary(facts, tag, answers);
            Turn {
                scene: Scene::Summary,
                ..turn
            }
            .step(step, in_place)
        }
    }
}

fn ask(facts: &Facts<'_>, tag: &str, answers: &Answers, question: &Question, turn: Turn, in_place: bool) -> Turn {
    let picked = match (answers.get(&question.id), &question.kind) {
        (Some(Answer::Chosen(chosen)), Kind::Choices { .. }) => chosen.clone(),
        _ => Vec::new(),
    };
    let step = question_step(facts, tag, answers, question, &picked);
    let scene = Scene::Question {
        id: question.id.clone(),
        picked,
    };
    Turn { scene, ..turn }
        .effect(Effect::Asked(question.id.clone()))
        .step(step, in_place)
}

fn question_step(facts: &Facts<'_>, tag: &str, answers: &Answers, question: &Question, picked: &[String]) -> Content {
    let (current, total) = facts.form.progress(answers, &question.id);
    let mut content = Content::text(vec![Span {
        text: question.text.get(facts.language).to_owned(),
        style: Style::Bold,
    }]);
    content.progress = Some(Progress {
        current,
        total,
        language: facts.language,
    });
    let hint = match &question.kind {
        Kind::Number(number) => Some(facts.content(
            &facts.texts.hint_range,
            &[
                (
                    "min",
                    &question.describe(&Answer::Tenths(number.min_tenths), facts.language),
                ),
                (
                    "max",
                    &question.describe(&Answer::Tenths(number.max_tenths), facts.language),
                ),
            ],
        )),
        Kind::Choices { .. } => Some(facts.content(&facts.texts.hint_many, &[])),
        Kind::Choice { .. } => None,
    };
    if let Some(hint) = hint {
        content.text.push(Span {
            text: "\n\n".to_owned(),
            style: Style::Plain,
        });
        content.text.extend(hint.text);
    }
    let options: Vec<Button> = question
        .options()
        .iter()
        .map(|option| {
            let is_picked = picked.contains(&option.id);
            let label = option.label.get(facts.language);
            let label = if is_picked {
                format!("✅ {label}")
            } else {
                label.to_owned()
            };
            button(
                &label,
                &Action::Answer {
                    tag,
                    question: &question.id,
                    option: &option.id,
                },
            )
        })
        .collect();
    content.buttons = rows(options);
    if matches!(question.kind, Kind::Choices { .. }) {
        content.buttons.push(vec![button(
            &facts.texts.button_done,
            &Action::Done {
                tag,
                question: &question.id,
            },
        )]);
    }
    let mut navigation = vec![button(
        &facts.texts.button_back,
        &Action::Back {
            tag,
            question: &question.id,
        },
    )];
    if question.why.is_some() {
        navigation.push(button(
            &facts.texts.button_why,
            &Action::Why {
                tag,
                question: &question.id,
            },
        ));
    }
    if question.is_optional {
        navigation.push(button(
            &facts.texts.button_skip,
            &Action::Skip {
                tag,
                question: &question.id,
            },
        ));
    }
    content.with_row(navigation)
}

fn rows(buttons: Vec<Button>) -> Vec<Vec<Button>> {
    let is_short = buttons.iter().all(|button| button.label.chars().count() <= SHORT_LABEL);
    let per_row = if is_short { 2 } else { 1 };
    let mut rows: Vec<Vec<Button>> = Vec::new();
    for button in buttons {
        match rows.last_mut() {
            Some(row) if row.len() < per_row => row.push(button),
            _ => rows.push(vec![button]),
        }
    }
    rows
}

fn summary(facts: &Facts<'_>, tag: &str, answers: &Answers) -> Content {
    let mut content = facts.content(&facts.texts.summary_title, &[]);
    let mut edits = Vec::new();
    for question in facts.form.applicable(answers) {
        let Some(answer) = answers.get(&question.id) else {
            continue;
        };
        let label = question.label.get(facts.language);
        content.text.push(Span {
            text: format!("\n{label}: "),
            style: Style::Plain,
        });
        content.text.push(Span {
            text: question.describe(answer, facts.language),
            style: Style::Bold,
        });
        edits.push(button(
            &format!("✏️ {label}"),
            &Action::Edit {
                tag,
                question: &question.id,
            },
        ));
    }
    content
        .buttons
        .push(vec![button(&facts.texts.button_all_right, &Action::Confirm { tag })]);
    content.buttons.append(&mut rows(edits));
    content
}

/// Shows the current step again, after an optional remark.
pub(super) fn current(scene: &Scene, facts: &Facts<'_>, remark: Option<Content>) -> Turn {
    let mut turn = Turn::new(scene.clone());
    if let Some(remark) = remark {
        turn = turn.say(remark);
    }
    match (scene, facts.run) {
        (Scene::Consent, _) => turn.step(consent_step(facts), false),
        (Scene::Marketing, _) => turn.step(marketing_step(facts), false),
        (Scene::Question { id, picked }, Some(run)) if !run.is_complete => match facts.form.question(id) {
            Some(question) => turn.step(question_step(facts, run.tag, run.answers, question, picked), false),
            None => advance(facts, run.tag, run.answers, turn, false),
        },
        (Scene::Summary, Some(run)) if !run.is_complete => advance(facts, run.tag, run.answers, turn, false),
        _ => {
            let mut menu = screens::menu(&Scene::Idle, facts, false);
            turn.replies.append(&mut menu.replies);
            Turn {
                scene: Scene::Idle,
                ..turn
            }
        }
    }
}

/// The open run and the question, if a button with this mark may still act on it.
fn open<'a>(scene: &Scene, facts: &Facts<'a>, tag: &str, question: &str) -> Option<(Run<'a>, &'a Question)> {
    let run = facts
        .run
        .filter(|run| !run.is_complete && run.tag == tag && facts.has_consent)?;
    let is_here = match scene {
        Scene::Question { id, .. } => id == question,
        _ => facts.form.next(run.answers).is_some_and(|next| next.id == question),
    };
    let asked = facts.form.question(question)?;
    is_here.then_some((run, asked))
}

fn record(facts: &Facts<'_>, run: &Run<'_>, question: &Question, answer: Answer, in_place: bool) -> Turn {
    let mut answers = run.answers.clone();
    answers.insert(question.id.clone(), answer.clone());
    let mut turn = Turn::default().effect(Effect::Answer {
        question: question.id.clone(),
        answer,
    });
    let orphaned = facts.form.orphaned(&answers);
    if !orphaned.is_empty() {
        answers.retain(|id, _| !orphaned.contains(id));
        turn = turn.effect(Effect::DropAnswers(orphaned));
    }
    advance(facts, run.tag, &answers, turn, in_place)
}

pub(super) fn tapped(scene: &Scene, facts: &Facts<'_>, tag: &str, question: &str, option: &str) -> Turn {
    let Some((run, asked)) = open(scene, facts, tag, question) else {
        return stale(scene, facts);
    };
    if !asked.options().iter().any(|known| known.id == option) {
        return current(scene, facts, None).toast(&facts.texts.stale_button);
    }
    match &asked.kind {
        Kind::Choices { .. } => {
            let picked = match scene {
                Scene::Question { picked, .. } => asked.toggle(picked, option),
                _ => asked.toggle(&[], option),
            };
            let step = question_step(facts, run.tag, run.answers, asked, &picked);
            Turn::new(Scene::Question {
                id: question.to_owned(),
                picked,
            })
            .step(step, true)
        }
        _ => record(facts, &run, asked, Answer::Chosen(vec![option.to_owned()]), true),
    }
}

pub(super) fn done(scene: &Scene, facts: &Facts<'_>, tag: &str, question: &str) -> Turn {
    let Some((run, asked)) = open(scene, facts, tag, question) else {
        return stale(scene, facts);
    };
    let picked = match scene {
        Scene::Question { picked, .. } => picked.clone(),
        _ => Vec::new(),
    };
    if picked.is_empty() {
        return Turn::new(scene.clone()).toast(&facts.texts.refusal_pick_one);
    }
    record(facts, &run, asked, Answer::Chosen(picked), true)
}

pub(super) fn skip(scene: &Scene, facts: &Facts<'_>, tag: &str, question: &str) -> Turn {
    let Some((run, asked)) = open(scene, facts, tag, question) else {
        return stale(scene, facts);
    };
    if !asked.is_optional {
        return Turn::new(scene.clone()).toast(&facts.texts.refusal_required);
    }
    record(facts, &run, asked, Answer::Skipped, true)
}

pub(super) fn back(scene: &Scene, facts: &Facts<'_>, tag: &str, question: &str) -> Turn {
    let Some((run, _)) = open(scene, facts, tag, question) else {
        return stale(scene, facts);
    };
    match facts.form.previous(run.answers, question) {
        Some(previous) => ask(facts, run.tag, run.answers, previous, Turn::default(), true),
        None => screens::menu(scene, facts, true),
    }
}

pub(super) fn why(scene: &Scene, facts: &Facts<'_>, tag: &str, question: &str) -> Turn {
    let Some((_, asked)) = open(scene, facts, tag, question) else {
        return stale(scene, facts);
    };
    let text = asked
        .why
        .as_ref()
        .map_or(facts.texts.why_missing.as_str(), |why| why.get(facts.language));
    Turn::new(scene.clone()).say(Content::text(vec![Span {
        text: text.to_owned(),
        style: Style::Italic,
    }]))
}

pub(super) fn edit(scene: &Scene, facts: &Facts<'_>, tag: &str, question: &str) -> Turn {
    let run = facts.run.filter(|run| !run.is_complete && run.tag == tag);
    match (run, facts.form.question(question)) {
        (Some(run), Some(asked)) => ask(facts, run.tag, run.answers, asked, Turn::default(), true),
        _ => stale(scene, facts),
    }
}

pub(super) fn confirm(scene: &Scene, facts: &Facts<'_>, tag: &str) -> Turn {
    let Some(run) = facts.run.filter(|run| !run.is_complete && run.tag == tag) else {
        return stale(scene, facts);
    };
    if facts.form.next(run.answers).is_some() {
        return advance(facts, run.tag, run.answers, Turn::default(), true);
    }
    let mut kept = summary(facts, run.tag, run.answers);
    kept.buttons.clear();
    Turn::new(Scene::Idle).effect(Effect::CompleteRun).step(kept, true)
}

pub(super) fn typed(scene: &Scene, facts: &Facts<'_>, id: &str, text: &str) -> Turn {
    let open_run = facts.run.filter(|run| !run.is_complete && facts.has_consent);
    let (Some(run), Some(asked)) = (open_run, facts.form.question(id)) else {
        return current(scene, facts, None);
    };
    let refusal = match asked.parse_typed(text) {
        Ok(answer) => return record(facts, &run, asked, answer, false),
        Err(refusal) => refusal,
    };
    if text.contains('?') || text.chars().count() > LONG_ANSWER {
        let mut turn = pass_on(scene, facts);
        let mut again = current(scene, facts, None);
        turn.replies.append(&mut again.replies);
        return Turn {
            scene: again.scene,
            ..turn
        };
    }
    current(scene, facts, Some(explain(facts, asked, &refusal)))
}

fn explain(facts: &Facts<'_>, question: &Question, refusal: &Refusal) -> Content {
    let texts = facts.texts;
    match refusal {
        Refusal::NotANumber => facts.content(&texts.refusal_not_a_number, &[]),
        Refusal::NotWhole => facts.content(&texts.refusal_not_whole, &[]),
        Refusal::OutOfRange { min_tenths, max_tenths } => facts.content(
            &texts.refusal_range,
            &[
                ("min", &question.describe(&Answer::Tenths(*min_tenths), facts.language)),
                ("max", &question.describe(&Answer::Tenths(*max_tenths), facts.language)),
            ],
        ),
        Refusal::NotAnOption => facts.content(&texts.refusal_option, &[]),
        Refusal::Required => facts.content(&texts.refusal_required, &[]),
    }
}
