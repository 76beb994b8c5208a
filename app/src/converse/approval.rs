//! The trainer's buttons under a programme that waits, and the words that go into it.

use domain::content::{Content, rich};
use domain::dialogue::actions::{TrainerAction, short_code};
use domain::dialogue::approval::{self, Place};
use domain::dialogue::trainer::TrainerScene;
use domain::ids::ProgramId;
use domain::language::Language;
use domain::texts::Texts;
use programs::programme::Programme;
use store::{Conversation, Program, Tx};

use super::Outcome;
use crate::approve_program::{self, Decision, is_waiting};
use crate::caller::Caller;
use crate::context::App;
use crate::crm::approvals::Desk;
use crate::deliver::Letter;
use crate::error::{Error, Result};
use crate::refresh_templates;
use crate::revise_program::{self, Revision, Who};
use crate::settings::Guide;

/// The version a button is about; `None` for the other buttons of a trainer.
pub(super) const fn program_of(action: &TrainerAction) -> Option<&ProgramId> {
    match action {
        TrainerAction::Approve(program)
        | TrainerAction::Review(program)
        | TrainerAction::SwapDay(program)
        | TrainerAction::SwapItem { program, .. }
        | TrainerAction::SwapFor { program, .. }
        | TrainerAction::Swap { program, .. }
        | TrainerAction::Variant(program)
        | TrainerAction::Note(program) => Some(program),
        _ => None,
    }
}

/// A turn's surroundings.
pub(super) struct Turn<'a> {
    pub app: &'a App,
    pub tx: &'a mut Tx,
    pub caller: &'a Caller,
    pub guide: &'a Guide,
    pub conversation: &'a Conversation,
    /// The trainer's name as the messenger tells it.
    pub who: &'a str,
    pub scene: &'a mut TrainerScene,
    pub outcome: &'a mut Outcome,
    /// The message whose button was pressed.
    pub pressed: Option<&'a str>,
}

impl<'a> Turn<'a> {
    fn texts(&self) -> &'a Texts {
        self.guide.texts(self.conversation.language)
    }

    const fn language(&self) -> Language {
        self.conversation.language
    }

    const fn who(&self) -> Who<'a> {
        Who {
            name: self.who,
            actor: "trainer",
        }
    }

    /// In place of the pressed message, or as a new one when nobody knows which that was.
    fn show(&mut self, program: &Program, content: Content) {
        let mut letter = Letter::new(&self.conversation.address, None, "reply", content);
        letter.about = Some(program.client.clone());
        letter.edit = self.pressed.map(str::to_owned);
        self.outcome.letters.push(letter);
    }

    async fn name(&mut self, program: &Program) -> Result<String> {
        let client = self.tx.find_client(&program.client).await?;
        Ok(client.map(|client| client.display_name).unwrap_or_default())
    }

    async fn desk(&mut self, program: &Program) -> Result<Desk> {
        let templates = refresh_templates::current(self.app, &self.caller.tenant).await?;
        Desk::of(self.tx, templates, program).await
    }

    /// Says why nothing can be decided any more, and shows what has become of the version.
    async fn settled(&mut self, program: &Program) -> Result<()> {
        let texts = self.texts();
        let toast = if program.status == "ready" {
            &texts.trainer_already_sent
        } else {
            &texts.trainer_already_replaced
        };
        self.outcome.toast = Some(toast.clone());
        let card = approve_program::card(self.app, self.tx, self.guide, program, self.language()).await?;
        self.show(program, card);
        Ok(())
    }
}

pub(super) async fn press(turn: &mut Turn<'_>, action: &TrainerAction) -> Result<()> {
    let texts = turn.texts();
    let found = match program_of(action) {
        Some(id) => turn.tx.lock_program(id).await?,
        None => None,
    };
    let Some(program) = found else {
        turn.outcome.toast = Some(texts.stale_button.clone());
        return Ok(());
    };
    if !is_waiting(&program) {
        return turn.settled(&program).await;
    }
    // Another button ends the wait for words.
    if matches!(turn.scene, TrainerScene::Noting { .. }) {
        *turn.scene = TrainerScene::Idle;
    }
    let name = turn.name(&program).await?;
    match action {
        TrainerAction::Approve(id) => {
            let (request_id, who) = (&turn.caller.request_id, turn.who());
            let decision = approve_program::decide_in(turn.app, turn.tx, turn.guide, id, who, request_id).await?;
            turn.outcome.toast = Some(match decision {
                Decision::Sent => texts.trainer_approved.replace("{name}", &name),
                Decision::AlreadySent => texts.trainer_already_sent.clone(),
                Decision::Replaced | Decision::NotReady => texts.trainer_already_replaced.clone(),
            });
        }
        TrainerAction::Review(_) => {
            let card = approve_program::card(turn.app, turn.tx, turn.guide, &program, turn.language()).await?;
            turn.show(&program, card);
        }
        TrainerAction::SwapDay(id) => {
            let desk = turn.desk(&program).await?;
            let days = days(&desk.made.programme, turn.language());
            turn.show(&program, approval::days(texts, id, &name, &days));
        }
        TrainerAction::SwapItem { program: id, day, page } => {
            let desk = turn.desk(&program).await?;
            let items: Vec<String> = lines(&desk.made.programme, *day)
                .map(|line| line.name.get(turn.language()).to_owned())
                .collect();
            turn.show(&program, approval::items(texts, id, &name, *day, &items, *page));
        }
        TrainerAction::SwapFor { day, item, page, .. } => offer(turn, &program, &name, (*day, *item), *page).await?,
        TrainerAction::Swap {
            day, item, exercise, ..
        } => {
            let desk = turn.desk(&program).await?;
            let line = lines(&desk.made.programme, *day).nth(usize::from(*item));
            let chosen = line.and_then(|line| {
                let fits = |one: &programs::swap::Alternative| short_code(&one.exercise_id) == *exercise;
                let one = desk.alternatives(&line.row_id).into_iter().find(fits)?;
                Some(Revision::Swap {
                    row_id: line.row_id.clone(),
                    exercise_id: one.exercise_id,
                })
            });
            match chosen {
                Some(revision) => revise(turn, &program, &revision).await?,
                None => {
                    turn.outcome.toast = Some(texts.trainer_swap_gone.clone());
                    offer(turn, &program, &name, (*day, *item), 0).await?;
                    turn.outcome.toast = Some(texts.trainer_swap_gone.clone());
                }
            }
        }
        TrainerAction::Variant(_) => match turn.desk(&program).await?.next_variant() {
            Some(number) => revise(turn, &program, &Revision::Variant { number }).await?,
            None => turn.outcome.toast = Some(texts.trainer_no_more_variants.clone()),
        },
        TrainerAction::Note(id) => {
            *turn.scene = TrainerScene::Noting { program: id.clone() };
            let most = approval::MAX_NOTE.to_string();
            let ask = rich(&texts.trainer_note_ask, &[("name", &name), ("most", &most)]);
            turn.outcome.say(&turn.conversation.address, None, Content::text(ask));
        }
        // No other button names a version, see `program_of`.
        _ => {}
    }
    Ok(())
}

/// The trainer's next words after "write a note".
pub(super) async fn take_note(turn: &mut Turn<'_>, id: &ProgramId, words: &str) -> Result<()> {
    let texts = turn.texts();
    let text = match approval::note(words) {
        Ok(text) => text,
        Err(length) => {
            let (length, most) = (length.to_string(), approval::MAX_NOTE.to_string());
            let say = rich(&texts.trainer_note_length, &[("length", &length), ("most", &most)]);
            turn.outcome.say(&turn.conversation.address, None, Content::text(say));
            return Ok(());
        }
    };
    *turn.scene = TrainerScene::Idle;
    let program = turn.tx.lock_program(id).await?;
    let answer = match &program {
        Some(program) if is_waiting(program) => {
            revise(turn, program, &Revision::Note { text }).await?;
            turn.outcome.toast = None;
            &texts.trainer_note_taken
        }
        Some(program) if program.status == "ready" => &texts.trainer_already_sent,
        _ => &texts.trainer_already_replaced,
    };
    turn.outcome
        .say(&turn.conversation.address, None, Content::text(rich(answer, &[])));
    Ok(())
}

async fn revise(turn: &mut Turn<'_>, program: &Program, revision: &Revision) -> Result<()> {
    let texts = turn.texts();
    let (who, request_id) = (turn.who(), &turn.caller.request_id);
    let ordered =
        revise_program::revise_in(turn.app, turn.tx, turn.guide, program, revision, None, who, request_id).await;
    turn.outcome.toast = Some(match ordered {
        Ok(_) => {
            turn.outcome.has_jobs = true;
            texts.trainer_remaking.clone()
        }
        Err(Error::Conflict {
            code: "program_in_work",
            ..
        }) => texts.trainer_busy.clone(),
        Err(Error::Conflict { .. }) => texts.trainer_already_replaced.clone(),
        Err(error) => return Err(error),
    });
    Ok(())
}

/// What could stand in the place of one line; the day's list again when there is nothing.
async fn offer(turn: &mut Turn<'_>, program: &Program, name: &str, (day, item): (u8, u8), page: u8) -> Result<()> {
    let texts = turn.texts();
    let language = turn.language();
    let desk = turn.desk(program).await?;
    let Some(line) = lines(&desk.made.programme, day).nth(usize::from(item)) else {
        turn.outcome.toast = Some(texts.stale_button.clone());
        return Ok(());
    };
    let exercise = line.name.get(language);
    let offered: Vec<(String, String)> = desk
        .alternatives(&line.row_id)
        .into_iter()
        .map(|one| {
            let label = format!("{} · {}", one.name.get(language), one.relation.text(language));
            (one.exercise_id, label)
        })
        .collect();
    if offered.is_empty() {
        turn.outcome.toast = Some(texts.trainer_swap_none.replace("{exercise}", exercise));
        return Ok(());
    }
    let place = Place {
        program: &program.id,
        name,
        day,
        item,
        exercise,
    };
    let content = approval::alternatives(texts, place, &offered, page);
    turn.show(program, content);
    Ok(())
}

/// Every workout's number with its label.
fn days(programme: &Programme, language: Language) -> Vec<(u8, String)> {
    (1..=u8::try_from(programme.days_per_week()).unwrap_or(u8::MAX))
        .map(|day| {
            let names: Vec<&str> = lines(programme, day).map(|line| line.name.get(language)).collect();
            let label = match language {
                Language::Ru => format!("День {day}: {}", names.join(", ")),
                Language::En => format!("Day {day}: {}", names.join(", ")),
            };
            (day, label)
        })
        .collect()
}

/// The exercises of a workout, each once over all weeks, in their order: a swap concerns every week.
fn lines(programme: &Programme, day: u8) -> impl Iterator<Item = &programs::programme::Item> {
    let mut seen = std::collections::BTreeSet::new();
    programme
        .items()
        .filter(move |(_, one, _)| one.number == day)
        .map(|(_, _, item)| item)
        .filter(move |item| seen.insert(item.exercise_id.as_str()))
}
