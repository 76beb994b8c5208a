//! Everything a client sees outside the questionnaire.

use super::actions::Action;
use super::{Effect, Facts, Scene, Turn, purchase};
use crate::content::{Button, Content, Span, Style};
use crate::language::Language;

pub(super) fn button(label: &str, action: &Action<'_>) -> Button {
    Button::action(label, action.to_string())
}

/// The one persistent way home.
pub(super) fn home_keyboard(facts: &Facts<'_>) -> Vec<Vec<String>> {
    vec![vec![facts.texts.button_menu.clone()]]
}

pub(super) fn start(facts: &Facts<'_>) -> Turn {
    let open_run = facts.run.filter(|run| !run.is_complete && facts.has_consent);
    if let Some(run) = open_run {
        let at = facts.form.next(run.answers).map_or("", |question| question.id.as_str());
        let (place, total) = facts.form.progress(run.answers, at);
        let content = facts
            .content(
                &facts.texts.resume_offer,
                &[("place", &place.to_string()), ("total", &total.to_string())],
            )
            .with_row(vec![button(&facts.texts.button_continue, &Action::Continue)])
            .with_row(vec![
                button(&facts.texts.button_restart, &Action::Restart),
                button(&facts.texts.button_menu, &Action::Menu),
            ]);
        return Turn::new(Scene::Idle).step(content, false);
    }
    let template = if facts.is_new {
        &facts.texts.greeting
    } else {
        &facts.texts.greeting_back
    };
    let mut greeting = facts.content(template, &[]);
    greeting.keyboard = home_keyboard(facts);
    let mut turn = Turn::new(Scene::Idle).say(greeting);
    turn.replies.append(&mut menu(&Scene::Idle, facts, false).replies);
    turn
}

/// The menu leaves the questionnaire where it is: "continue" leads back into it.
pub(super) fn menu(_scene: &Scene, facts: &Facts<'_>, in_place: bool) -> Turn {
    let is_open = facts.run.is_some_and(|run| !run.is_complete);
    let mut content = facts.content(&facts.texts.menu_title, &[]);
    if is_open && facts.has_consent {
        content = content.with_row(vec![button(&facts.texts.button_continue, &Action::Continue)]);
    } else if facts.has_program {
        content = content.with_row(vec![button(&facts.texts.button_my_program, &Action::MyProgram)]);
    } else {
        content = content.with_row(vec![button(&facts.texts.button_free, &Action::Free)]);
    }
    let other = match facts.language {
        Language::Ru => Language::En,
        Language::En => Language::Ru,
    };
    content = content.with_row(vec![
        button(&facts.texts.button_prices, &Action::Prices),
        button(&facts.texts.button_faq, &Action::Faq),
    ]);
    if facts.sells {
        let purchases = Action::Purchase(purchase::Step::Purchases);
        content = content.with_row(vec![button(&facts.texts.button_purchases, &purchases)]);
    }
    content = content
        .with_row(vec![
            button(&facts.texts.button_contacts, &Action::Contacts),
            button(&facts.texts.button_settings, &Action::Settings),
        ])
        .with_row(vec![button(language_name(other), &Action::Language(other))]);
    Turn::new(Scene::Idle).step(content, in_place)
}

const fn language_name(language: Language) -> &'static str {
    match language {
        Language::Ru => "🇷🇺 Русский",
        Language::En => "🇬🇧 English",
    }
}

fn home(facts: &Facts<'_>) -> Vec<Button> {
    vec![button(&facts.texts.button_menu, &Action::Menu)]
}

pub(super) fn settings(scene: &Scene, facts: &Facts<'_>, in_place: bool) -> Turn {
    let (label, action) = match facts.marketing {
        Some(true) => (&facts.texts.button_marketing_off, Action::Marketing(false)),
        _ => (&facts.texts.button_marketing_on, Action::Marketing(true)),
    };
    let mut content = facts.content(&facts.texts.settings_title, &[]).with_row(
        Language::ALL
            .into_iter()
            .map(|language| button(language_name(language), &Action::Language(language)))
            .collect(),
    );
    if facts.has_consent {
        content = content.with_row(vec![button(label, &action)]);
    }
    if facts.run.is_some_and(|run| run.is_complete) {
        content = content.with_row(vec![button(&facts.texts.button_restart, &Action::Restart)]);
    }
    Turn::new(scene.clone()).step(content.with_row(home(facts)), in_place)
}

pub(super) fn confirm_restart(scene: &Scene, facts: &Facts<'_>) -> Turn {
    let content = facts
        .content(&facts.texts.restart_confirm, &[])
        .with_row(vec![button(&facts.texts.button_restart_yes, &Action::RestartYes)])
        .with_row(vec![button(&facts.texts.button_continue, &Action::Continue)])
        .with_row(home(facts));
    Turn::new(scene.clone()).step(content, true)
}

pub(super) fn my_program(scene: &Scene, facts: &Facts<'_>) -> Turn {
    let turn = Turn::new(scene.clone());
    if facts.has_program {
        return turn.effect(Effect::ResendProgram).toast(&facts.texts.program_again);
    }
    let content = facts
        .content(&facts.texts.program_none, &[])
        .with_row(vec![button(&facts.texts.button_free, &Action::Free)])
        .with_row(home(facts));
    turn.step(content, false)
}

pub(super) fn prices(scene: &Scene, facts: &Facts<'_>) -> Turn {
    if facts.tariffs.is_empty() {
        let content = facts.content(&facts.texts.prices_empty, &[]).with_row(home(facts));
        return Turn::new(scene.clone()).step(content, true);
    }
    let mut content = facts.content(&facts.texts.prices_title, &[]);
    let plain = |text: String| Span {
        text,
        style: Style::Plain,
    };
    for tariff in facts.tariffs {
        content.text.push(plain("\n\n".to_owned()));
        content.text.push(Span {
            text: tariff.title.get(facts.language).to_owned(),
            style: Style::Bold,
        });
        content.text.push(plain(" — ".to_owned()));
        content.text.push(Span {
            text: purchase::price_of(facts, tariff),
            style: Style::Bold,
        });
        content
            .text
            .push(plain(format!("\n{}", tariff.description.get(facts.language))));
        if facts.sells {
            content
                .text
                .push(plain(format!("\n{}", tariff.delivery.get(facts.language))));
            if tariff.is_addon && facts.tariffs.iter().any(|other| !other.is_addon) {
                content.text.push(plain(format!("\n{}", facts.texts.tariff_addon)));
            }
            content = content.with_row(vec![purchase::buy_button(facts, tariff)]);
        }
    }
    content.text.push(plain("\n\n".to_owned()));
    let footer = if facts.sells {
        &facts.texts.prices_footer_buy
    } else {
        &facts.texts.prices_footer
    };
    content.text.extend(facts.content(footer, &[]).text);
    let content = content
        .with_row(vec![button(&facts.texts.button_ask_trainer, &Action::AskTrainer)])
        .with_row(home(facts));
    Turn::new(scene.clone()).step(content, true)
}

pub(super) fn faq(scene: &Scene, facts: &Facts<'_>) -> Turn {
    let mut content = facts.content(&facts.texts.faq_title, &[]);
    for (index, item) in facts.faq.iter().enumerate() {
        content = content.with_row(vec![button(item.question.get(facts.language), &Action::FaqItem(index))]);
    }
    let content = content
        .with_row(vec![button(&facts.texts.button_ask_trainer, &Action::AskTrainer)])
        .with_row(home(facts));
    Turn::new(scene.clone()).step(content, true)
}

pub(super) fn faq_item(scene: &Scene, facts: &Facts<'_>, index: usize) -> Turn {
    let Some(item) = facts.faq.get(index) else {
        return faq(scene, facts);
    };
    let mut content = Content::text(vec![
        Span {
            text: item.question.get(facts.language).to_owned(),
            style: Style::Bold,
        },
        Span {
            text: format!("\n\n{}", item.answer.get(facts.language)),
            style: Style::Plain,
        },
    ]);
    content = content.with_row(vec![
        button(&facts.texts.button_back, &Action::Faq),
        button(&facts.texts.button_menu, &Action::Menu),
    ]);
    Turn::new(scene.clone()).step(content, true)
}

pub(super) fn contacts(scene: &Scene, facts: &Facts<'_>) -> Turn {
    let content = facts
        .content(&facts.texts.contacts, &[])
        .with_row(vec![button(&facts.texts.button_ask_trainer, &Action::AskTrainer)])
        .with_row(home(facts));
    Turn::new(scene.clone()).step(content, true)
}

/// Sent beside the finished programme: what comes next.
pub fn offer(facts: &Facts<'_>) -> Content {
    facts
        .content(&facts.texts.offer, &[])
        .with_row(vec![button(&facts.texts.button_prices, &Action::Prices)])
        .with_row(vec![button(&facts.texts.button_ask_trainer, &Action::AskTrainer)])
        .with_row(home(facts))
}
