//! A client's turn: facts are loaded, the dialogue decides, effects and replies are written.

use domain::content::{Content, MessageCopy, rich};
use domain::dialogue::trainer::{Card, carries_caption};
use domain::dialogue::{self, ConsentKind, Effect, Facts, Input, Run, Scene, Turn};
use domain::ids::{Id, QuestionnaireId};
use domain::language::Language;
use domain::pipeline::Trigger;
use domain::questionnaire::{Answers, needs_trainer};
use domain::time::Timestamp;
use serde_json::json;
use sha2::{Digest, Sha256};
use store::{Client, Consent, ConversationUpdate, NewMessage, Questionnaire, Tx};

use super::arrival::{self, Arrival};
use super::person::{Meeting, called, known_as};
use super::purchase::Desk;
use super::{Body, Inbound, Outcome, advance_stage, note};
use crate::caller::Caller;
use crate::context::App;
use crate::deliver::{Letter, TELEGRAM, notify_trainers};
use crate::error::{Error, Result};
use crate::generate_program;
use crate::pay::keys;
use crate::send_program;
use crate::settings::Guide;

/// After an automatic "passed on" the bot does not repeat it for this long.
const QUIET_AFTER_NOTE_MS: i64 = 10 * 60_000;
/// Buttons of a run carry this many last characters of its id.
const TAG_LENGTH: usize = 6;

/// Everything about the client that a turn looks at and that its effects change.
struct Dossier {
    client: Client,
    language: Language,
    run: Option<Questionnaire>,
    tag: String,
    answers: Answers,
    has_consent: bool,
    marketing: Option<bool>,
    has_program: bool,
    has_trainer: bool,
    is_new: bool,
    is_quiet: bool,
    sells: bool,
}

fn tag(id: &QuestionnaireId) -> String {
    let text = id.as_str();
    text.get(text.len().saturating_sub(TAG_LENGTH)..)
        .unwrap_or_default()
        .to_owned()
}

impl Dossier {
    async fn load(app: &App, tx: &mut Tx, meeting: &Meeting, now: Timestamp) -> Result<Self> {
        let client = meeting
            .client
            .clone()
            .ok_or_else(|| Error::internal("a client's chat without a client"))?;
        let run = tx
            .latest_questionnaire(&client.id)
            .await?
            .filter(|run| run.status != "abandoned");
        let answers = match &run {
            Some(run) => tx.answers(&run.id).await?,
            None => Answers::new(),
        };
        Ok(Self {
            language: meeting.conversation.language,
            tag: run.as_ref().map(|run| tag(&run.id)).unwrap_or_default(),
            run,
            answers,
            has_consent: tx.current_consent(&client.id, ConsentKind::PersonalData).await? == Some(true),
            marketing: tx.current_consent(&client.id, ConsentKind::Marketing).await?,
            has_program: tx.latest_ready_program(&client.id).await?.is_some(),
            has_trainer: true,
            is_new: meeting.is_new,
            is_quiet: meeting.conversation.quiet_until > now,
            sells: !keys::providers_in(app, tx).await?.all().is_empty(),
            client,
        })
    }

    fn facts<'a>(&'a self, guide: &'a Guide, fresh_tag: &'a str, language: Language) -> Facts<'a> {
        Facts {
            language,
            texts: guide.texts(language),
            form: &guide.form,
            run: self.run.as_ref().map(|run| Run {
                tag: &self.tag,
                answers: &self.answers,
                is_complete: run.status == "completed",
            }),
            fresh_tag,
            name: called(&self.client.display_name),
            is_new: self.is_new,
            has_consent: self.has_consent,
            marketing: self.marketing,
            has_program: self.has_program,
            has_trainer: self.has_trainer,
            is_quiet: self.is_quiet,
            tariffs: &guide.tariffs,
            sells: self.sells,
            faq: &guide.faq,
            brand: &guide.facts,
        }
    }
}

pub(super) async fn turn(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    meeting: &Meeting,
    inbound: &Inbound,
) -> Result<Outcome> {
    let now = app.now();
    let conversation = &meeting.conversation;
    let mut dossier = Dossier::load(app, tx, meeting, now).await?;
    dossier.sells |= guide.telegram_payments.takes_money();
    let arrived = match &meeting.arrival {
        Some(arrival) => Some(arrival::outlook(tx, arrival, dossier.language).await?),
        None => None,
    };
    let input = match &inbound.body {
        Body::Blocked => {
            blocked(app, tx, &dossier.client, inbound).await?;
            return Ok(Outcome::default());
        }
        // What is about money is heard before anybody's turn.
        Body::Unblocked | Body::Paid(_) | Body::GivenBack { .. } => return Ok(Outcome::default()),
        Body::Start { .. } => match &arrived {
            Some((outlook, what)) => Input::FromSite {
                outlook: *outlook,
                what,
            },
            None => Input::Start,
        },
        Body::Command { name } => Input::Command(name),
        Body::Text { text, .. } => Input::Text(text),
        Body::Edited { .. } => Input::Edited,
        Body::Action { action, .. } => Input::Action(action),
        Body::Attachment { .. } => Input::Attachment,
    };
    log_incoming(app, tx, &dossier.client, inbound).await?;
    // A scene this program does not know (of a newer one) is no reason to lock anybody out.
    let scene: Scene = serde_json::from_str(&conversation.scene).unwrap_or_default();
    if matches!(input, Input::Text(_) | Input::Attachment) && !matches!(scene, Scene::Question { .. }) {
        // These may be passed on, and nobody shall read "passed on" when there is nobody.
        dossier.has_trainer = tx.has_trainer(TELEGRAM).await?;
    }
    let fresh: QuestionnaireId = app.new_id();
    let fresh_tag = tag(&fresh);
    let mut turn = dialogue::respond(&scene, &dossier.facts(guide, &fresh_tag, dossier.language), &input);
    let mut language = dossier.language;
    if let Some(chosen) = turn.effects.iter().find_map(|effect| match effect {
        Effect::SetLanguage(language) => Some(*language),
        _ => None,
    }) {
        language = chosen;
        let effects = std::mem::take(&mut turn.effects);
        turn = Turn {
            effects,
            ..dialogue::after_language_change(&scene, &dossier.facts(guide, &fresh_tag, chosen))
        };
    }
    let mut outcome = Outcome {
        toast: turn.toast.take(),
        // What waited for the buyer to come goes on.
        has_jobs: matches!(meeting.arrival, Some(Arrival::Joined(_))),
        ..Outcome::default()
    };
    let mut quiet_until = conversation.quiet_until;
    let mut extra: Vec<Letter> = Vec::new();
    let effects = std::mem::take(&mut turn.effects);
    for effect in &effects {
        match effect {
            Effect::SetLanguage(language) => tx.set_client_language(&dossier.client.id, *language, now).await?,
            Effect::Consent { kind, granted } => {
                consent(app, tx, guide, &dossier.client, language, *kind, *granted).await?;
            }
            Effect::BeginRun => begin(app, tx, guide, &mut dossier, &fresh, &fresh_tag).await?,
            Effect::Answer { question, answer } => {
                let run = open_run(&dossier)?;
                tx.save_answer(&run, question, answer, now).await?;
                dossier.answers.insert(question.clone(), answer.clone());
            }
            Effect::DropAnswers(questions) => {
                let run = open_run(&dossier)?;
                for question in questions {
                    tx.drop_answer(&run, question).await?;
                    dossier.answers.remove(question);
                }
            }
            Effect::Asked(question) => {
                let run = open_run(&dossier)?;
                tx.mark_asked(&run, question, now).await?;
            }
            Effect::CompleteRun => {
                let content = complete(app, tx, caller, guide, &mut dossier, language).await?;
                extra.push(Letter::new(
                    &inbound.address,
                    Some(dossier.client.id.clone()),
                    "reply",
                    content,
                ));
                outcome.has_jobs = true;
            }
            Effect::ResendProgram => {
                if let Some(program) = tx.latest_ready_program(&dossier.client.id).await? {
                    let content = send_program::document_message(tx, guide, &program, language).await?;
                    let mut letter = Letter::new(&inbound.address, Some(dossier.client.id.clone()), "program", content);
                    letter.program = Some(program.id);
                    extra.push(letter);
                }
            }
            Effect::SendPhoneVersion(id) => {
                if let Some(program) = tx.find_program(id).await?
                    && program.client == dossier.client.id
                    && let Some(content) = send_program::phone_message(tx, guide, &program, language).await?
                {
                    let client = Some(dossier.client.id.clone());
                    extra.push(Letter::new(&inbound.address, client, "program_phone", content));
                } else {
                    outcome.toast = Some(guide.texts(language).stale_button.clone());
                }
            }
            Effect::Purchase(_) | Effect::PurchaseWords(_) => {
                let facts = dossier.facts(guide, "", language);
                let desk = Desk::new(app, caller, guide, facts, &dossier.client, inbound);
                match effect {
                    Effect::Purchase(step) => desk.press(tx, step, &mut turn).await?,
                    Effect::PurchaseWords(words) => desk.typed(tx, words, &mut turn).await?,
                    _ => {}
                }
                outcome.toast = turn.toast.take().or(outcome.toast);
                outcome.has_jobs = true;
            }
            Effect::PassOn => {
                pass_on(app, tx, caller, guide, &dossier.client, inbound).await?;
                if !dossier.is_quiet {
                    quiet_until = now.plus_millis(QUIET_AFTER_NOTE_MS);
                }
            }
        }
    }
    write_replies(
        &mut outcome,
        &turn,
        conversation.step_ref.as_deref(),
        inbound,
        &dossier.client,
    );
    outcome.letters.append(&mut extra);
    log_outgoing(app, tx, &dossier.client, &outcome).await?;
    let update = ConversationUpdate {
        language,
        known_as: known_as(&inbound.person),
        scene: serde_json::to_string(&turn.scene).map_err(|error| Error::internal(error.to_string()))?,
        quiet_until,
    };
    tx.update_conversation(TELEGRAM, &inbound.address, &update, now).await?;
    Ok(outcome)
}

/// Edits what was pressed, or sends anew and takes the buttons off the step before.
fn write_replies(outcome: &mut Outcome, turn: &Turn, step_ref: Option<&str>, inbound: &Inbound, client: &Client) {
    let pressed = match &inbound.body {
        Body::Action { message_ref, .. } => message_ref.as_deref(),
        _ => None,
    };
    let mut to_retire = step_ref.or(pressed);
    // Pressed twice, or pressed where the step already stands: it is shown there again, not a second time below.
    let is_shown_already = pressed.is_some() && pressed == step_ref && turn.replies.len() == 1;
    for reply in &turn.replies {
        let mut letter = Letter::new(
            &inbound.address,
            Some(client.id.clone()),
            "reply",
            reply.content.clone(),
        );
        letter.is_step = reply.is_step;
        if pressed.is_some() && (reply.in_place || (reply.is_step && is_shown_already)) {
            letter.edit = pressed.map(str::to_owned);
        } else if reply.is_step {
            letter.retire = to_retire.take().map(str::to_owned);
        }
        outcome.letters.push(letter);
    }
}

fn open_run(dossier: &Dossier) -> Result<QuestionnaireId> {
    dossier
        .run
        .as_ref()
        .map(|run| run.id.clone())
        .ok_or_else(|| Error::internal("the dialogue answered a question of no questionnaire"))
}

async fn begin(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    dossier: &mut Dossier,
    fresh: &QuestionnaireId,
    fresh_tag: &str,
) -> Result<()> {
    let now = app.now();
    tx.begin_questionnaire(fresh, &dossier.client.id, guide.form_version, now)
        .await?;
    note(
        app,
        tx,
        &dossier.client.id,
        "questionnaire.started",
        "client",
        json!({ "questionnaire_id": fresh }),
    )
    .await?;
    dossier.run = Some(Questionnaire {
        id: fresh.clone(),
        client: dossier.client.id.clone(),
        status: "in_progress".into(),
        form_version: guide.form_version,
        needs_trainer: false,
        started_at: now,
        completed_at: None,
    });
    dossier.tag = fresh_tag.to_owned();
    dossier.answers = Answers::new();
    Ok(())
}

/// The document that was shown is what was agreed to: its hash goes into the record.
async fn consent(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    client: &Client,
    language: Language,
    kind: ConsentKind,
    is_granted: bool,
) -> Result<()> {
    let now = app.now();
    let texts = guide.texts(language);
    let shown = match kind {
        ConsentKind::PersonalData => format!("{}\n{}", texts.consent, guide.brand.privacy_url),
        ConsentKind::Marketing => texts.marketing.clone(),
    };
    let record = Consent {
        id: app.new_id(),
        client: client.id.clone(),
        kind,
        is_granted,
        text_hash: data_encoding::HEXLOWER.encode(&Sha256::digest(shown.as_bytes())),
        text_language: language.code().to_owned(),
        channel: TELEGRAM.to_owned(),
        at: now,
    };
    tx.insert_consent(&record).await?;
    note(
        app,
        tx,
        &client.id,
        "consent",
        "client",
        json!({ "kind": kind.code(), "granted": is_granted }),
    )
    .await
}

/// The questionnaire is finished: lead qualified, stage moved, trainer told, programme ordered.
async fn complete(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    dossier: &mut Dossier,
    language: Language,
) -> Result<Content> {
    let now = app.now();
    let run = open_run(dossier)?;
    let client = &dossier.client;
    let is_flagged = needs_trainer(&guide.form, &dossier.answers);
    tx.complete_questionnaire(&run, is_flagged, now).await?;
    tx.qualify_lead(&client.id, now).await?;
    tx.set_client_flags(&client.id, Some(is_flagged), None, now).await?;
    advance_stage(app, tx, client, Trigger::QuestionnaireFinished, &caller.request_id).await?;
    note(
        app,
        tx,
        &client.id,
        "questionnaire.completed",
        "client",
        json!({ "questionnaire_id": run, "needs_trainer": is_flagged }),
    )
    .await?;
    let card = Card {
        client: &client.id,
        name: &client.display_name,
        username: client.username.as_deref(),
        source: &client.origin.source,
    };
    notify_trainers(
        app,
        tx,
        Some(&client.id),
        "notice",
        None,
        &caller.request_id,
        |language| {
            let answers: Vec<(String, String)> = guide
                .form
                .applicable(&dossier.answers)
                .filter_map(|question| {
                    let answer = dossier.answers.get(&question.id)?;
                    Some((
                        question.label.get(language).to_owned(),
                        question.describe(answer, language),
                    ))
                })
                .collect();
            card.finished(guide.texts(language), &answers)
        },
    )
    .await?;
    if is_flagged {
        notify_trainers(
            app,
            tx,
            Some(&client.id),
            "notice",
            None,
            &caller.request_id,
            |language| card.red_flag(guide.texts(language), &run),
        )
        .await?;
        let facts = dossier.facts(guide, "", language);
        let hours = guide.facts.reply_hours.to_string();
        return Ok(Content::text(rich(
            &facts.texts.needs_trainer,
            &[
                ("name", facts.name),
                ("trainer", guide.facts.trainer.as_str()),
                ("hours", hours.as_str()),
            ],
        )));
    }
    let client = Client {
        language,
        ..client.clone()
    };
    generate_program::order_in(app, tx, &run, &client, "questionnaire", &caller.request_id).await?;
    Ok(send_program::in_work(guide, language, called(&client.display_name)))
}

async fn pass_on(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    client: &Client,
    inbound: &Inbound,
) -> Result<()> {
    let card = Card {
        client: &client.id,
        name: &client.display_name,
        username: client.username.as_deref(),
        source: &client.origin.source,
    };
    notify_trainers(
        app,
        tx,
        Some(&client.id),
        "notice",
        None,
        &caller.request_id,
        |language| {
            let texts = guide.texts(language);
            match &inbound.body {
                Body::Text { text, .. } => card.message(texts, text),
                Body::Attachment {
                    caption,
                    kind,
                    message_ref,
                    ..
                } => {
                    let copy = MessageCopy {
                        address: inbound.address.clone(),
                        message_ref: message_ref.clone(),
                        has_caption: carries_caption(kind),
                        text_suffices: true,
                    };
                    card.attachment(texts, language, kind, caption.as_deref().unwrap_or_default(), copy)
                }
                _ => card.message(texts, ""),
            }
        },
    )
    .await?;
    Ok(())
}

async fn blocked(app: &App, tx: &mut Tx, client: &Client, inbound: &Inbound) -> Result<()> {
    let now = app.now();
    tx.set_blocked(TELEGRAM, &inbound.address, Some(now)).await?;
    tx.give_up_address(TELEGRAM, &inbound.address, "blocked by the client", now)
        .await?;
    tx.set_client_flags(&client.id, None, Some(false), now).await?;
    note(
        app,
        tx,
        &client.id,
        "client.unreachable",
        "client",
        json!({ "reason": "blocked the bot" }),
    )
    .await
}

async fn log_incoming(app: &App, tx: &mut Tx, client: &Client, inbound: &Inbound) -> Result<()> {
    let (text, message_ref) = match &inbound.body {
        Body::Text { text, message_ref, .. } => (text.clone(), message_ref),
        Body::Edited { text, message_ref } => (format!("✏️ {text}"), message_ref),
        Body::Attachment {
            kind,
            caption,
            message_ref,
            ..
        } => (
            format!("[{kind}] {}", caption.as_deref().unwrap_or_default()),
            message_ref,
        ),
        _ => return Ok(()),
    };
    let message = NewMessage {
        id: app.new_id(),
        client: client.id.clone(),
        channel: TELEGRAM.to_owned(),
        direction: "in",
        author: "client",
        text,
        outbox: None,
        external_ref: Some(message_ref.clone()),
        now: app.now(),
    };
    tx.insert_message(&message).await?;
    Ok(())
}

/// The thread a person reads later: what was sent anew, not every redrawing of a menu.
async fn log_outgoing(app: &App, tx: &mut Tx, client: &Client, outcome: &Outcome) -> Result<()> {
    let texts: Vec<String> = outcome
        .letters
        .iter()
        .filter(|letter| letter.edit.is_none())
        .map(|letter| letter.content.plain_text())
        .collect();
    if texts.is_empty() {
        return Ok(());
    }
    let message = NewMessage {
        id: app.new_id(),
        client: client.id.clone(),
        channel: TELEGRAM.to_owned(),
        direction: "out",
        author: "bot",
        text: texts.join("\n\n"),
        outbox: None,
        external_ref: None,
        now: app.now(),
    };
    tx.insert_message(&message).await?;
    Ok(())
}
