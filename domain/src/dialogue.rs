//! The conversation with a client as a pure function: where they are, what they did → what to say and what to record.

pub mod actions;
pub mod approval;
pub mod bill;
pub mod methods;
pub mod paying;
pub mod purchase;
mod questions;
mod screens;
pub mod site;
pub mod trainer;

use serde::{Deserialize, Serialize};

use crate::content::{Content, rich};
use crate::fold::fold;
use crate::language::{Language, Localized};
use crate::money::Money;
use crate::profile::coded_enum;
use crate::questionnaire::{Answer, Answers, Form};
use crate::texts::Texts;
use actions::Action;
pub use screens::offer;

/// Where a client is. Kept as data in the CRM, never in a bot.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(tag = "type", rename_all = "snake_case")]
pub enum Scene {
    #[default]
    Idle,
    Consent,
    Marketing,
    Question {
        id: String,
        /// Ticked so far in a question of many.
        #[serde(default)]
        picked: Vec<String>,
    },
    Summary,
    /// Something is in the basket.
    Purchase {
        basket: purchase::Basket,
        /// As it was typed.
        #[serde(default)]
        promo: Option<String>,
        #[serde(default)]
        awaiting: Option<purchase::Awaiting>,
    },
}

coded_enum! {
    /// Documents of consent; each is a record of its own (152-FZ).
    ConsentKind { PersonalData => "personal_data", Marketing => "marketing" }
}

/// What the client did, as far as the dialogue cares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Input<'a> {
    Start,
    /// [`Input::Start`] by the link of an order of the site.
    FromSite {
        outlook: site::Outlook,
        what: &'a str,
    },
    Command(&'a str),
    Text(&'a str),
    /// An earlier message was edited.
    Edited,
    /// A button's action.
    Action(&'a str),
    /// Something that is not words.
    Attachment,
}

/// Everything the dialogue may look at.
#[derive(Debug, Clone, Copy)]
pub struct Facts<'a> {
    pub language: Language,
    /// Texts in `language`.
    pub texts: &'a Texts,
    pub form: &'a Form,
    pub run: Option<Run<'a>>,
    /// The tag a run would get if one began now.
    pub fresh_tag: &'a str,
    pub name: &'a str,
    pub is_new: bool,
    pub has_consent: bool,
    /// `None` until asked.
    pub marketing: Option<bool>,
    pub has_program: bool,
    /// Somebody is there to read what is passed on.
    pub has_trainer: bool,
    /// A person is talking with the client: automatic "passed on" notes keep quiet.
    pub is_quiet: bool,
    /// What is on sale.
    pub tariffs: &'a [Tariff],
    /// Somebody takes money here: a tariff can be bought.
    pub sells: bool,
    pub faq: &'a [FaqItem],
    pub brand: &'a BrandFacts,
}

/// The latest run of the questionnaire.
#[derive(Debug, Clone, Copy)]
pub struct Run<'a> {
    /// Short mark in every button of this run, so that buttons of another one are known as stale.
    pub tag: &'a str,
    pub answers: &'a Answers,
    pub is_complete: bool,
}

/// A price card as it is shown.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Tariff {
    pub id: crate::ids::ProductId,
    pub title: Localized,
    pub description: Localized,
    /// What exactly is given, and when.
    pub delivery: Localized,
    pub price: Money,
    /// The price is a month's.
    pub is_monthly: bool,
    /// Also offered as an addition to another order.
    pub is_addon: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FaqItem {
    pub question: Localized,
    pub answer: Localized,
}

/// Who sells: put into texts as `{brand}`, `{trainer}`, `{contacts}`, `{privacy_url}`, `{terms_url}`, `{hours}`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct BrandFacts {
    pub name: String,
    pub trainer: String,
    pub contacts: Localized,
    pub privacy_url: String,
    pub terms_url: String,
    /// Within how many hours the trainer usually answers.
    pub reply_hours: u32,
}

/// Something to record in the same transaction as the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    SetLanguage(Language),
    Consent {
        kind: ConsentKind,
        granted: bool,
    },
    /// Ends the open run, if any, and begins one with the fresh tag.
    BeginRun,
    Answer {
        question: String,
        answer: Answer,
    },
    DropAnswers(Vec<String>),
    /// The question is on the screen now: its time starts.
    Asked(String),
    CompleteRun,
    ResendProgram,
    /// The phone version of this programme, if it is the client's.
    SendPhoneVersion(crate::ids::ProgramId),
    /// The client's words go to the trainer.
    PassOn,
    /// A button of a purchase was pressed; the application knows what stands behind it.
    Purchase(purchase::Step),
    /// The words a purchase waited for.
    PurchaseWords(String),
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Reply {
    pub content: Content,
    /// Change the pressed message instead of sending a new one.
    pub in_place: bool,
    /// The buttons of this message are where the client is now; they go when the step changes.
    pub is_step: bool,
}

/// The dialogue's whole answer.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Turn {
    pub scene: Scene,
    pub effects: Vec<Effect>,
    pub replies: Vec<Reply>,
    pub toast: Option<String>,
}

impl Turn {
    fn new(scene: Scene) -> Self {
        Self {
            scene,
            ..Self::default()
        }
    }

    fn say(mut self, content: Content) -> Self {
        self.replies.push(Reply {
            content,
            in_place: false,
            is_step: false,
        });
        self
    }

    fn step(mut self, content: Content, in_place: bool) -> Self {
        self.replies.push(Reply {
            content,
            in_place,
            is_step: true,
        });
        self
    }

    fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    fn toast(mut self, text: &str) -> Self {
        self.toast = Some(text.chars().take(200).collect());
        self
    }
}

impl Facts<'_> {
    /// A text of the catalogue with the brand's and the client's words put in.
    fn content(&self, template: &str, values: &[(&str, &str)]) -> Content {
        let hours = self.brand.reply_hours.to_string();
        let mut all = vec![
            ("name", self.name),
            ("brand", self.brand.name.as_str()),
            ("trainer", self.brand.trainer.as_str()),
            ("contacts", self.brand.contacts.get(self.language)),
            ("privacy_url", self.brand.privacy_url.as_str()),
            ("terms_url", self.brand.terms_url.as_str()),
            ("hours", hours.as_str()),
        ];
        all.extend_from_slice(values);
        Content::text(rich(template, &all))
    }
}

/// Decides the next turn. Pure and total: any input in any scene gets an answer.
pub fn respond(scene: &Scene, facts: &Facts<'_>, input: &Input<'_>) -> Turn {
    match input {
        Input::Start => screens::start(facts),
        Input::FromSite { outlook, what } => site::arrive(facts, *outlook, what),
        Input::Command(name) => command(scene, facts, name),
        Input::Action(text) => match Action::parse(text) {
            Some(action) => act(scene, facts, &action),
            None => stale(scene, facts),
        },
        Input::Text(text) if is_menu_label(facts, text) => screens::menu(scene, facts, false),
        Input::Text(text) => match scene {
            Scene::Question { id, .. } => questions::typed(scene, facts, id, text),
            Scene::Purchase { awaiting: Some(_), .. } => {
                Turn::new(scene.clone()).effect(Effect::PurchaseWords((*text).to_owned()))
            }
            _ => match typed_button(facts, text) {
                Some(action) => act(scene, facts, &action),
                None => pass_on(scene, facts),
            },
        },
        Input::Edited => match scene {
            Scene::Question { .. } => Turn::new(scene.clone()).say(facts.content(&facts.texts.edited_notice, &[])),
            _ => Turn::new(scene.clone()),
        },
        Input::Attachment => match scene {
            Scene::Question { .. } => {
                questions::current(scene, facts, Some(facts.content(&facts.texts.words_needed, &[])))
            }
            _ => pass_on(scene, facts),
        },
    }
}

fn is_menu_label(facts: &Facts<'_>, text: &str) -> bool {
    let wanted = fold(text);
    wanted == fold(&facts.texts.button_menu) || matches!(wanted.as_str(), "меню" | "menu")
}

/// A button's label typed instead of pressed: "тарифы" is not a letter to the trainer.
fn typed_button<'a>(facts: &Facts<'_>, text: &str) -> Option<Action<'a>> {
    let wanted = fold(text);
    let texts = facts.texts;
    [
        (&texts.button_prices, Action::Prices),
        (&texts.button_faq, Action::Faq),
        (&texts.button_contacts, Action::Contacts),
        (&texts.button_settings, Action::Settings),
        (&texts.button_free, Action::Free),
        (&texts.button_my_program, Action::MyProgram),
        (&texts.button_purchases, Action::Purchase(purchase::Step::Purchases)),
    ]
    .into_iter()
    .find(|(label, _)| fold(label) == wanted)
    .map(|(_, action)| action)
}

fn command(scene: &Scene, facts: &Facts<'_>, name: &str) -> Turn {
    let say = |template: &str| Turn::new(scene.clone()).say(facts.content(template, &[]));
    match name {
        "menu" => screens::menu(scene, facts, false),
        "help" => say(&facts.texts.help),
        "settings" => screens::settings(scene, facts, false),
        "cancel" => {
            let mut turn = screens::menu(&Scene::Idle, facts, false);
            if matches!(scene, Scene::Question { .. } | Scene::Summary) {
                let note = facts.content(&facts.texts.cancelled, &[]);
                turn.replies.insert(
                    0,
                    Reply {
                        content: note,
                        in_place: false,
                        is_step: false,
                    },
                );
            }
            turn
        }
        "privacy" => say(&facts.texts.privacy),
        "terms" => say(&facts.texts.terms),
        "paysupport" => say(&facts.texts.paysupport),
        "program" | "programme" => screens::my_program(scene, facts),
        _ => say(&facts.texts.unknown_command),
    }
}

fn act(scene: &Scene, facts: &Facts<'_>, action: &Action<'_>) -> Turn {
    match action {
        Action::Menu => screens::menu(scene, facts, true),
        Action::Free | Action::Continue => questions::proceed(facts, true),
        Action::Answers => questions::proceed(facts, false),
        Action::Restart => screens::confirm_restart(scene, facts),
        Action::RestartYes => match (facts.has_consent, facts.marketing) {
            (true, Some(_)) => questions::begin(facts, Turn::default(), true),
            _ => questions::proceed(facts, true),
        },
        Action::MyProgram => screens::my_program(scene, facts),
        Action::Prices => screens::prices(scene, facts),
        Action::Faq => screens::faq(scene, facts),
        Action::FaqItem(index) => screens::faq_item(scene, facts, *index),
        Action::Contacts => screens::contacts(scene, facts),
        // Out of a question, so that the next words are a letter and not an answer; "continue" leads back.
        Action::AskTrainer => Turn::new(Scene::Idle).say(facts.content(&facts.texts.ask_trainer, &[])),
        Action::Settings => screens::settings(scene, facts, true),
        Action::Language(language) => Turn::new(scene.clone()).effect(Effect::SetLanguage(*language)),
        Action::Consent(granted) => questions::consent(facts, *granted),
        Action::Marketing(granted) => questions::marketing(scene, facts, *granted),
        Action::Answer { tag, question, option } => questions::tapped(scene, facts, tag, question, option),
        Action::Done { tag, question } => questions::done(scene, facts, tag, question),
        Action::Skip { tag, question } => questions::skip(scene, facts, tag, question),
        Action::Back { tag, question } => questions::back(scene, facts, tag, question),
        Action::Why { tag, question } => questions::why(scene, facts, tag, question),
        Action::Edit { tag, question } => questions::edit(scene, facts, tag, question),
        Action::Confirm { tag } => questions::confirm(scene, facts, tag),
        Action::PhoneVersion(program) => Turn::new(scene.clone())
            .effect(Effect::SendPhoneVersion(program.clone()))
            .toast(&facts.texts.program_phone_coming),
        Action::Purchase(step) => Turn::new(scene.clone()).effect(Effect::Purchase(step.clone())),
    }
}

/// An old or foreign button: say so and show where the client is now.
fn stale(scene: &Scene, facts: &Facts<'_>) -> Turn {
    let turn = match scene {
        Scene::Idle | Scene::Purchase { .. } => screens::menu(scene, facts, false),
        _ => questions::current(scene, facts, None),
    };
    turn.toast(&facts.texts.stale_button)
}

/// Words outside a question: to the trainer, with an honest note unless a person is already talking.
fn pass_on(scene: &Scene, facts: &Facts<'_>) -> Turn {
    let turn = Turn::new(scene.clone()).effect(Effect::PassOn);
    if facts.is_quiet {
        turn
    } else {
        let text = if facts.has_trainer {
            &facts.texts.passed_on
        } else {
            &facts.texts.kept_for_trainer
        };
        turn.say(facts.content(text, &[]))
    }
}

/// The turn after the language has changed, with `facts` already in the new language.
pub fn after_language_change(scene: &Scene, facts: &Facts<'_>) -> Turn {
    let mut note = facts.content(&facts.texts.language_changed, &[]);
    note.keyboard = screens::home_keyboard(facts);
    let turn = Turn::new(scene.clone()).say(note);
    let mut shown = match scene {
        Scene::Idle | Scene::Purchase { .. } => screens::menu(scene, facts, false),
        _ => questions::current(scene, facts, None),
    };
    let mut replies = turn.replies;
    replies.append(&mut shown.replies);
    Turn { replies, ..shown }
}

#[cfg(test)]
mod tests;
