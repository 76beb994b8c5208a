//! A programme that waits for its trainer: shown as pictures with buttons, let go by a press, by the API or by the clock.
//!
//! Each decision is a conditional update of the version's row in the transaction that queues what follows from it, so two
//! trainers, a double tap and the deadline may meet: one of them counts, the others see what it did.

use std::collections::BTreeMap;

use chrono::Datelike;
use domain::content::{Content, Span, Style, rich};
use domain::dialogue::approval::{Review, Settled, settled};
use domain::ids::{ProgramId, RequestId};
use domain::language::{Language, Localized};
use domain::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use store::{Client, NewFile, Program, ReportedDelivery, Tx};

use crate::context::App;
use crate::converse::called;
use crate::deliver::{Letter, TELEGRAM, address_of, notify_trainers, queue};
use crate::error::{Error, Result};
use crate::mail::letters;
use crate::revise_program::{self, Made, Who};
use crate::send_program::{self, new_file_ref};
use crate::settings::programs::{PhoneVersion, ProgramSettings};
use crate::settings::{self, Guide};
use crate::timeline::note;
use crate::work::{self, Task};

/// The job that lets a version go when its time has come.
pub const RELEASE_JOB: &str = "release_program";
/// Written where a person's name would stand.
pub const CLOCK: &str = "clock";
/// A promise to a client is kept even if the database is away for a day.
const RELEASE_TRIES: u32 = 120;
/// The kinds of messages to a trainer.
const CARD: &str = "approval";
const PAGES: &str = "approval_pages";
const CARD_CHANGE: &str = "approval_change";

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    program_id: ProgramId,
}

/// What came of somebody's wish to let a version go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Decision {
    Sent,
    AlreadySent,
    /// Another version takes its place, or took it.
    Replaced,
    /// There is nothing to send yet, or it failed.
    NotReady,
}

/// Why a card is shown (again).
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outlook<'a> {
    Fresh,
    Failed { reason: &'a str },
}

/// A version that was just made waits: for its trainer until `approve_by`, then for nobody. In the transaction that made it.
#[expect(clippy::too_many_arguments, reason = "everything a waiting version is shown by")]
pub(crate) async fn begin(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    client: &Client,
    program: &Program,
    approve_by: Timestamp,
    pages: &[NewFile],
    request_id: &RequestId,
) -> Result<()> {
    if !tx.await_approval(&program.id, approve_by).await? {
        return Err(Error::internal("a version that was just made can't wait for approval"));
    }
    let waiting = Program {
        status: "awaiting_approval".into(),
        approve_by: Some(approve_by),
        ..program.clone()
    };
    schedule_release(app, tx, &waiting, None, request_id).await?;
    note(
        app,
        tx,
        &client.id,
        "program.awaiting_approval",
        "system",
        json!({
            "program_id": program.id, "version": program.version, "approve_by": approve_by.to_rfc3339(),
        }),
    )
    .await?;
    // Told once: a version made in place of another one keeps its promise.
    if program.approve_by.is_none()
        && let Some(conversation) = address_of(tx, &client.id).await?
    {
        let language = conversation.language;
        let time = clock_text(tx, approve_by, app.now(), language).await?;
        let content = Content::text(rich(
            &guide.texts(language).program_reviewing,
            &[
                ("name", called(&client.display_name)),
                ("trainer", guide.facts.trainer.as_str()),
                ("time", time.as_str()),
            ],
        ));
        let mut letter = Letter::new(&conversation.address, Some(client.id.clone()), "reply", content);
        letter.dedupe_key = Some(format!("reviewing:{}", program.id));
        queue(app, tx, letter, request_id).await?;
    }
    show_pages(app, tx, guide, client, program, pages, request_id).await?;
    show_again(app, tx, guide, &waiting, Outlook::Fresh, request_id).await
}

/// One job a version; `after` is the failed successor that gave its place back.
pub(crate) async fn schedule_release(
    app: &App,
    tx: &mut Tx,
    program: &Program,
    after: Option<&ProgramId>,
    request_id: &RequestId,
) -> Result<()> {
    let Some(approve_by) = program.approve_by else {
        return Ok(());
    };
    let key = match after {
        None => format!("release:{}", program.id),
        Some(failed) => format!("release:{}:{failed}", program.id),
    };
    let payload = Payload {
        program_id: program.id.clone(),
    };
    let mut job = work::job(app, RELEASE_JOB, Some(key), &payload, request_id)?;
    job.due_at = approve_by;
    job.max_attempts = RELEASE_TRIES;
    tx.enqueue_job(&job).await?;
    Ok(())
}

/// The job: the time is up.
pub async fn release(app: &App, task: &Task) -> Result<()> {
    let Payload { program_id } = task.payload()?;
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    let who = Who {
        name: CLOCK,
        actor: "system",
    };
    decide_in(app, &mut tx, &guide, &program_id, who, &task.request_id).await?;
    tx.finish_job(&task.lease, app.now()).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// Lets a waiting version go, if nobody decided before. Errors: [`Error::NotFound`].
pub(crate) async fn decide_in(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    id: &ProgramId,
    who: Who<'_>,
    request_id: &RequestId,
) -> Result<Decision> {
    let program = tx.lock_program(id).await?.ok_or(Error::NotFound { what: "program" })?;
    if !tx.decide_program(id, who.name, app.now()).await? {
        return Ok(match program.status.as_str() {
            "ready" => Decision::AlreadySent,
            "awaiting_approval" | "superseded" => Decision::Replaced,
            _ => Decision::NotReady,
        });
    }
    let client = tx
        .find_client(&program.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let kind = if who.name == CLOCK {
        "program.released"
    } else {
        "program.approved"
    };
    let details = json!({ "program_id": id, "version": program.version, "by": who.name });
    note(app, tx, &client.id, kind, who.actor, details).await?;
    let released = Program {
        status: "ready".into(),
        ..program
    };
    send(app, tx, guide, &client, &released, request_id).await?;
    update_cards(app, tx, guide, id, request_id).await?;
    Ok(Decision::Sent)
}

/// Queues everything the client gets with a version, once whoever asks. In the transaction that lets it go.
pub(crate) async fn send(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    client: &Client,
    program: &Program,
    request_id: &RequestId,
) -> Result<()> {
    letters::ready(app, tx, program, request_id).await?;
    let Some(conversation) = address_of(tx, &client.id).await? else {
        return Ok(());
    };
    let once = |kind, key: String, content| {
        let mut letter = Letter::new(&conversation.address, Some(client.id.clone()), kind, content);
        letter.dedupe_key = Some(key);
        letter
    };
    let id = &program.id;
    let content = send_program::document_message(tx, guide, program, program.language).await?;
    let mut letter = once("program", format!("program:{id}"), content);
    letter.program = Some(id.clone());
    queue(app, tx, letter, request_id).await?;
    if ProgramSettings::load(tx).await?.phone == PhoneVersion::Sent
        && let Some(content) = send_program::phone_message(tx, guide, program, program.language).await?
    {
        queue(
            app,
            tx,
            once("program_phone", format!("phone:{id}"), content),
            request_id,
        )
        .await?;
    }
    // Whoever had a programme before has seen the offer, and whoever paid has what it offers.
    if revise_program::seen_before(tx, program).await?.is_none() && tx.order_of_program(id).await?.is_none() {
        let offer = once("offer", format!("offer:{id}"), send_program::offer(guide, client));
        queue(app, tx, offer, request_id).await?;
    }
    Ok(())
}

async fn show_pages(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    client: &Client,
    program: &Program,
    pages: &[NewFile],
    request_id: &RequestId,
) -> Result<()> {
    // Notices are held for the first trainer to come; pages without the card that belongs to them would only puzzle.
    if tx.trainer_conversations().await?.is_empty() {
        return Ok(());
    }
    let version = program.version.to_string();
    let document = match &program.file {
        Some(file) if pages.is_empty() => tx.find_file(file).await?,
        _ => None,
    };
    let key = format!("{PAGES}:{}", program.id);
    notify_trainers(app, tx, Some(&client.id), PAGES, Some(&key), request_id, |language| {
        let mut content = Content::text(rich(
            &guide.texts(language).trainer_review_pages,
            &[("name", client.display_name.as_str()), ("version", version.as_str())],
        ));
        content.album = pages.iter().map(new_file_ref).collect();
        // Without pictures the document itself is better than nothing.
        content.file = document.clone().map(send_program::file_ref);
        content
    })
    .await?;
    Ok(())
}

/// The card in every trainer's chat, below everything else there.
pub(crate) async fn show_again(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    program: &Program,
    outlook: Outlook<'_>,
    request_id: &RequestId,
) -> Result<()> {
    let facts = Facts::load(app, tx, guide, program).await?;
    for trainer in tx.trainer_conversations().await? {
        if let Outlook::Failed { reason } = outlook {
            let content = Content::text(rich(
                &guide.texts(trainer.language).trainer_review_failed,
                &[("name", facts.name.as_str()), ("reason", reason)],
            ));
            let mut letter = Letter::new(&trainer.address, None, "notice", content);
            letter.about = Some(program.client.clone());
            queue(app, tx, letter, request_id).await?;
        }
        let mut letter = Letter::new(&trainer.address, None, CARD, facts.card(guide, trainer.language));
        letter.about = Some(program.client.clone());
        letter.program = Some(program.id.clone());
        letter.dedupe_key = match outlook {
            Outlook::Fresh => Some(format!("{CARD}:{}:{}", program.id, trainer.address)),
            Outlook::Failed { .. } => None,
        };
        queue(app, tx, letter, request_id).await?;
    }
    Ok(())
}

/// Changes the cards that have arrived to what has become of the version. Those on their way are changed when they arrive,
/// see [`card_arrived`].
pub(crate) async fn update_cards(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    id: &ProgramId,
    request_id: &RequestId,
) -> Result<()> {
    let Some(program) = tx.find_program(id).await? else {
        return Ok(());
    };
    let cards = tx.approval_cards(TELEGRAM, id).await?;
    if cards.is_empty() {
        return Ok(());
    }
    let languages: BTreeMap<String, Language> = tx
        .trainer_conversations()
        .await?
        .into_iter()
        .map(|trainer| (trainer.address, trainer.language))
        .collect();
    for (address, message_ref) in cards {
        // Who is no trainer any more is told nothing.
        let Some(language) = languages.get(&address) else {
            continue;
        };
        let content = card(app, tx, guide, &program, *language).await?;
        change_card(app, tx, &program, &address, &message_ref, content, request_id).await?;
    }
    Ok(())
}

/// A card reached its chat: if the version was decided meanwhile, it is changed at once.
pub(crate) async fn card_arrived(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    delivery: &ReportedDelivery,
    message_ref: &str,
    request_id: &RequestId,
) -> Result<()> {
    let (CARD, Some(id)) = (delivery.kind.as_str(), &delivery.program) else {
        return Ok(());
    };
    // The lock lets a decision that is being written now see this card, or this see the decision.
    let Some(program) = tx.lock_program(id).await? else {
        return Ok(());
    };
    if is_waiting(&program) {
        return Ok(());
    }
    let trainers = tx.trainer_conversations().await?;
    let Some(trainer) = trainers.iter().find(|trainer| trainer.address == delivery.address) else {
        return Ok(());
    };
    let content = card(app, tx, guide, &program, trainer.language).await?;
    change_card(app, tx, &program, &delivery.address, message_ref, content, request_id).await
}

async fn change_card(
    app: &App,
    tx: &mut Tx,
    program: &Program,
    address: &str,
    message_ref: &str,
    content: Content,
    request_id: &RequestId,
) -> Result<()> {
    let mut letter = Letter::new(address, None, CARD_CHANGE, content);
    letter.about = Some(program.client.clone());
    letter.edit = Some(message_ref.to_owned());
    queue(app, tx, letter, request_id).await?;
    Ok(())
}

pub(crate) fn is_waiting(program: &Program) -> bool {
    program.status == "awaiting_approval" && program.successor.is_none()
}

/// The card of a version as it stands now.
pub(crate) async fn card(
    app: &App,
    tx: &mut Tx,
    guide: &Guide,
    program: &Program,
    language: Language,
) -> Result<Content> {
    if is_waiting(program) {
        return Ok(Facts::load(app, tx, guide, program).await?.card(guide, language));
    }
    let name = tx
        .find_client(&program.client)
        .await?
        .map(|client| client.display_name)
        .unwrap_or_default();
    let time = match program.decided_at {
        Some(at) => clock_text(tx, at, app.now(), language).await?,
        None => String::new(),
    };
    let who = program.decided_by.as_deref().unwrap_or_default();
    let outcome = match program.status.as_str() {
        "ready" if who == CLOCK => Settled::ByClock { time: &time },
        "ready" => Settled::Sent { who, time: &time },
        "awaiting_approval" => Settled::Remaking { who },
        _ => Settled::Replaced { who, time: &time },
    };
    Ok(settled(guide.texts(language), &name, outcome))
}

/// Everything a card tells, loaded once for all languages.
struct Facts {
    program: ProgramId,
    name: String,
    version: i64,
    /// (label, value) of the answers that matter here.
    answers: Vec<(Localized, Localized)>,
    note: Option<String>,
    changes: Vec<Localized>,
    reasons: Vec<Localized>,
    checked: Vec<Localized>,
    needs_trainer: bool,
    until: Localized,
}

impl Facts {
    async fn load(app: &App, tx: &mut Tx, guide: &Guide, program: &Program) -> Result<Self> {
        let client = tx
            .find_client(&program.client)
            .await?
            .ok_or(Error::NotFound { what: "client" })?;
        let answers = tx.answers(&program.questionnaire).await?;
        let shown = guide
            .form
            .applicable(&answers)
            .filter(|question| SHOWN.contains(&question.id.as_str()))
            .filter_map(|question| {
                let answer = answers.get(&question.id)?;
                let value = Localized::new(
                    question.describe(answer, Language::Ru),
                    question.describe(answer, Language::En),
                );
                Some((question.label.clone(), value))
            })
            .collect();
        let made = Made::load(tx, &program.id).await?;
        let report = tx.program_details(&program.id).await?.map(|(_, report)| report);
        let report: Value = report
            .and_then(|report| serde_json::from_str(&report).ok())
            .unwrap_or_default();
        let (now, until) = (app.now(), program.approve_by.unwrap_or_default());
        Ok(Self {
            program: program.id.clone(),
            name: client.display_name,
            version: program.version,
            answers: shown,
            reasons: made
                .iter()
                .flat_map(|made| &made.programme.explanation)
                .map(|step| Localized::new(step.text(Language::Ru), step.text(Language::En)))
                .collect(),
            note: made.as_ref().and_then(|made| made.note.clone()),
            changes: made.map(|made| made.changes).unwrap_or_default(),
            checked: checked(&report),
            needs_trainer: client.needs_trainer,
            until: Localized::new(
                clock_text(tx, until, now, Language::Ru).await?,
                clock_text(tx, until, now, Language::En).await?,
            ),
        })
    }

    fn card(&self, guide: &Guide, language: Language) -> Content {
        let texts = guide.texts(language);
        let told = |lines: &[Localized]| lines.iter().map(|line| line.get(language).to_owned()).collect();
        let mut facts = vec![(texts.label_version.clone(), self.version.to_string())];
        facts.extend(
            self.answers
                .iter()
                .map(|(label, value)| (label.get(language).to_owned(), value.get(language).to_owned())),
        );
        let warnings = if self.needs_trainer {
            vec![texts.trainer_review_flagged.clone()]
        } else {
            Vec::new()
        };
        Review {
            program: &self.program,
            name: &self.name,
            facts,
            sections: vec![
                (texts.label_warnings.clone(), warnings),
                (texts.label_note.clone(), self.note.iter().cloned().collect()),
                (texts.label_changes.clone(), told(&self.changes)),
                (texts.label_reasons.clone(), told(&self.reasons)),
                (texts.label_checked.clone(), told(&self.checked)),
            ],
            until: self.until.get(language),
        }
        .card(texts)
    }
}

/// The answers a trainer judges a programme by.
const SHOWN: [&str; 8] = ["goal", "level", "place", "equipment", "days", "spare", "age", "weight"];

/// What the checker put in place of the model's words, and why the model said nothing.
fn checked(report: &Value) -> Vec<Localized> {
    let both = |value: Option<&Value>| -> Option<Localized> { serde_json::from_value(value?.clone()).ok() };
    let replaced = report.get("replaced").and_then(Value::as_array).into_iter().flatten();
    let mut lines: Vec<Localized> = replaced.filter_map(|one| both(one.get("reason"))).collect();
    lines.extend(both(report.get("error").and_then(|error| error.get("message"))));
    lines
}

/// "14:05 МСК" today, "21.11, 09:10 МСК" on another day.
pub(crate) async fn clock_text(tx: &mut Tx, at: Timestamp, now: Timestamp, language: Language) -> Result<String> {
    let zone: chrono_tz::Tz = tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow);
    let (at, today) = (at.to_utc().with_timezone(&zone), now.to_utc().with_timezone(&zone));
    let day = if at.date_naive() == today.date_naive() {
        String::new()
    } else {
        match language {
            Language::Ru => format!("{:02}.{:02}, ", at.day(), at.month()),
            Language::En => at.format("%-d %b, ").to_string(),
        }
    };
    let place = match (zone, language) {
        (chrono_tz::Europe::Moscow, Language::Ru) => "МСК".to_owned(),
        _ => at.format("%Z").to_string(),
    };
    Ok(format!("{day}{} {place}", at.format("%H:%M")))
}

/// The trainer's own words under the message that carries a version.
pub(crate) fn with_note(content: &mut Content, guide: &Guide, language: Language, note: &str) {
    content.text.push(Span {
        text: "\n\n".to_owned(),
        style: Style::Plain,
    });
    let trainer = guide.facts.trainer.as_str();
    content.text.extend(rich(
        &guide.texts(language).program_note,
        &[("trainer", trainer), ("note", note)],
    ));
}
