//! A programme from answers to a PDF in the chat: match, word, check, draw, keep, send.

use domain::content::{Content, rich};
use domain::dialogue::trainer::Card;
use domain::ids::{OrderId, ProgramId, QuestionnaireId, RequestId};
use domain::language::Language;
use domain::questionnaire::profile;
use domain::time::Timestamp;
use programs::programme::{Programme, Scope};
use programs::wording::Wording;
use serde::{Deserialize, Serialize};
use serde_json::json;
use store::{Action, Client, NewProgram, Program, ReadyProgram, Tx};

use crate::approve_program;
use crate::caller::Caller;
use crate::context::App;
use crate::converse::called;
use crate::crm::approvals;
use crate::deliver::{Letter, address_of, notify_trainers, queue};
use crate::draw_program::document;
use crate::error::{Error, Result};
use crate::keep_program::{Kept, draw, keep_all};
use crate::mail::letters;
use crate::pay::give;
use crate::refresh_templates;
use crate::revise_program::{self, Draft, Made, Revision};
use crate::settings::programs::{PhoneVersion, ProgramSettings};
use crate::settings::{self, Guide};
use crate::word_program::word;
use crate::work::{self, Task};

pub const JOB: &str = "generate_program";

/// A model is asked at most this long; the plain wording is ready behind it. The adapter's own deadline is shorter.
const TRIES: u32 = 6;

#[derive(Debug, Serialize, Deserialize)]
struct Payload {
    program_id: ProgramId,
}

/// Orders a version in the transaction of its cause; the job is woken after the commit by whoever commits.
pub(crate) async fn order_in(
    app: &App,
    tx: &mut Tx,
    questionnaire: &QuestionnaireId,
    client: &Client,
    reason: &str,
    request_id: &RequestId,
) -> Result<ProgramId> {
    if let Some(paid_for) = give::program_in(app, tx, questionnaire, client, request_id).await? {
        return Ok(paid_for);
    }
    let id: ProgramId = app.new_id();
    let new = NewProgram {
        id: id.clone(),
        client: client.id.clone(),
        questionnaire: questionnaire.clone(),
        scope: "free",
        language: client.language,
        reason: reason.to_owned(),
        now: app.now(),
    };
    tx.insert_program(&new).await?;
    enqueue(app, tx, &id, request_id).await?;
    Ok(id)
}

/// The programme of all twelve weeks that an order gives, in the transaction of its cause.
pub(crate) async fn order_paid_in(
    app: &App,
    tx: &mut Tx,
    questionnaire: &QuestionnaireId,
    client: &Client,
    order: &OrderId,
    request_id: &RequestId,
) -> Result<ProgramId> {
    let id: ProgramId = app.new_id();
    let new = NewProgram {
        id: id.clone(),
        client: client.id.clone(),
        questionnaire: questionnaire.clone(),
        scope: "full",
        language: client.language,
        reason: "paid".to_owned(),
        now: app.now(),
    };
    tx.insert_program(&new).await?;
    tx.link_program_to_order(&id, order).await?;
    enqueue(app, tx, &id, request_id).await?;
    Ok(id)
}

/// The job that makes a version.
pub(crate) async fn enqueue(app: &App, tx: &mut Tx, id: &ProgramId, request_id: &RequestId) -> Result<()> {
    let payload = Payload { program_id: id.clone() };
    let mut job = work::job(app, JOB, Some(format!("program:{id}")), &payload, request_id)?;
    job.max_attempts = TRIES;
    tx.enqueue_job(&job).await?;
    Ok(())
}

/// A new version of an existing programme, from the same answers and today's templates.
///
/// Errors: [`Error::NotFound`]; a conflict `program_in_work` while a version of this client is being made.
pub async fn order(app: &App, caller: &Caller, program: &ProgramId) -> Result<ProgramId> {
    approvals::revise(app, caller, program, &Revision::Regenerate).await
}

/// The job.
pub async fn run(app: &App, task: &Task) -> Result<()> {
    let Payload { program_id } = task.payload()?;
    let outcome = make(app, task, &program_id).await;
    match outcome {
        Err(error) if is_final(&error, task) => give_up_for_sure(app, task, &program_id, &error).await,
        other => other,
    }
}

/// For a job whose workers died again and again.
pub(crate) async fn abandon(app: &App, task: &Task, error: &Error) -> Result<()> {
    let Payload { program_id } = task.payload()?;
    give_up_for_sure(app, task, &program_id, error).await
}

/// Giving up must be told. When even that meets a busy database, the job keeps its lease to the end and is taken up again.
async fn give_up_for_sure(app: &App, task: &Task, program_id: &ProgramId, error: &Error) -> Result<()> {
    match give_up(app, task, program_id, error).await {
        Err(again) if again.is_transient() => {
            tracing::warn!(
                error = &again as &dyn std::error::Error,
                "giving up could not be written; it is tried again"
            );
            Err(Error::Store(store::Error::LeaseLost {
                id: task.lease.job.to_string(),
            }))
        }
        other => other,
    }
}

fn is_final(error: &Error, task: &Task) -> bool {
    match error {
        Error::Store(store::Error::LeaseLost { .. }) => false,
        error => !error.is_transient() || task.is_last_attempt,
    }
}

async fn make(app: &App, task: &Task, program_id: &ProgramId) -> Result<()> {
    let mut tx = app.tenant(&task.tenant).read().await?;
    let program = tx
        .find_program(program_id)
        .await?
        .ok_or(Error::NotFound { what: "program" })?;
    let client = tx
        .find_client(&program.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let profile = profile(&tx.answers(&program.questionnaire).await?);
    let zone: chrono_tz::Tz = tx.time_zone().await?.parse().unwrap_or(chrono_tz::Europe::Moscow);
    let rules = ProgramSettings::load(&mut tx).await?;
    let source = Source::load(&mut tx, &program).await?;
    drop(tx);
    let guide = settings::guide(app, &task.tenant).await?;
    let templates = refresh_templates::current(app, &task.tenant).await?;
    let scope = if program.scope == "full" {
        Scope::AllTwelveWeeks
    } else {
        Scope::FirstTwoWeeks
    };
    let draft = revise_program::draft(
        &templates,
        &profile,
        scope,
        source.parent.clone(),
        source.revision.as_ref(),
    )?;
    let (words, wording, report) = match source.same_words(&draft, program.language) {
        Some(kept) => kept,
        None => {
            let language = program.language;
            let (words, provenance) = word(app, task, &guide, program_id, &draft.programme, &profile, language).await;
            let report = serde_json::to_string(&provenance).map_err(|error| Error::internal(error.to_string()))?;
            (words, provenance.wording_code(), report)
        }
    };
    let mut document = document(
        app,
        &guide,
        &client,
        &program,
        &profile,
        draft.programme.clone(),
        words.clone(),
        scope,
        zone,
    )
    .await?;
    document.trainer_note.clone_from(&draft.note);
    let approve_by = approve_by(app, &rules, &program);
    let drawn = draw(document, rules.phone != PhoneVersion::Off, approve_by.is_some()).await?;
    let kept = keep_all(app, &guide.brand.name, &program, drawn).await?;
    let made = source.complete(draft, words);
    let ready = ReadyProgram {
        file: kept.file.id.clone(),
        template_hash: templates.version.clone(),
        wording,
        program: serde_json::to_string(&made).map_err(|error| Error::internal(error.to_string()))?,
        report,
    };
    let order = HandOver {
        guide: &guide,
        client: &client,
        program: &program,
        kept: &kept,
        made: &made,
        ready: &ready,
        approve_by,
    };
    hand_over(app, task, &order).await
}

/// Until when the trainer may look; `None`: it goes out at once. A promise once made to the client stays, even when it is
/// over: then the clock lets the version go as soon as it is there.
fn approve_by(app: &App, rules: &ProgramSettings, program: &Program) -> Option<Timestamp> {
    let usual = app.now().plus_minutes(i64::from(rules.wait_minutes));
    rules
        .needs_approval(&program.scope)
        .then(|| program.approve_by.unwrap_or(usual))
}

struct HandOver<'a> {
    guide: &'a Guide,
    client: &'a Client,
    program: &'a Program,
    kept: &'a Kept,
    made: &'a Made,
    ready: &'a ReadyProgram,
    approve_by: Option<Timestamp>,
}

/// One transaction: the version is ready, waits or goes out, and the job is done.
async fn hand_over(app: &App, task: &Task, order: &HandOver<'_>) -> Result<()> {
    let HandOver {
        client,
        program,
        kept,
        ready,
        ..
    } = *order;
    let now = app.now();
    let mut tx = app.tenant(&task.tenant).write().await?;
    // Two versions of a client that become ready at the same instant must see each other.
    tx.lock_programs_of(&client.id).await?;
    for file in kept.files() {
        tx.insert_file(file).await?;
    }
    if tx.ready_program(&program.id, ready, now).await? {
        tx.index_exercises(&program.id, &order.made.exercises()).await?;
        if let Some(phone) = &kept.phone {
            tx.keep_phone_version(&program.id, &phone.id).await?;
        }
        let action = Action {
            id: app.new_id(),
            kind: "program.ready".into(),
            actor: "system".into(),
            details: json!({
                "program_id": program.id,
                "version": program.version,
                "wording": ready.wording,
                "parent_id": program.parent,
                "changes": order.made.changes,
            })
            .to_string(),
            at: now,
        };
        tx.insert_action(&client.id, &action).await?;
        let fresh = Program {
            status: "ready".into(),
            file: Some(kept.file.id.clone()),
            phone_file: kept.phone.as_ref().map(|file| file.id.clone()),
            ..program.clone()
        };
        deliver(app, &mut tx, order, &fresh, &task.request_id).await?;
    }
    tx.finish_job(&task.lease, now).await?;
    tx.commit().await?;
    app.wake_deliveries();
    app.wake_workers();
    Ok(())
}

/// Whatever of this client still waits gives way; then the new version waits itself or goes out.
async fn deliver(app: &App, tx: &mut Tx, order: &HandOver<'_>, fresh: &Program, request_id: &RequestId) -> Result<()> {
    let HandOver {
        guide, client, kept, ..
    } = *order;
    let now = app.now();
    if order.approve_by.is_some()
        && let Some(newer) = tx.newer_program(&client.id, &fresh.scope, fresh.version).await?
    {
        tx.supersede_program(&fresh.id, &newer, now).await?;
        return Ok(());
    }
    for older in tx.supersede_older(&client.id, &fresh.id, fresh.version, now).await? {
        approve_program::update_cards(app, tx, guide, &older, request_id).await?;
    }
    match order.approve_by {
        Some(until) => approve_program::begin(app, tx, guide, client, fresh, until, &kept.pages, request_id).await,
        None => approve_program::send(app, tx, guide, client, fresh, request_id).await,
    }
}

/// Where a version comes from, as far as making it needs to know.
struct Source {
    revision: Option<Revision>,
    parent: Option<Made>,
    parent_wording: Option<String>,
    parent_report: Option<String>,
    parent_language: Option<Language>,
    /// What the client has already.
    seen: Option<Programme>,
}

impl Source {
    async fn load(tx: &mut Tx, program: &Program) -> Result<Self> {
        let revision = tx.program_revision(&program.id).await?;
        let mut source = Self {
            revision: revision
                .map(|json| serde_json::from_str(&json))
                .transpose()
                .map_err(|error| Error::internal(format!("the revision of {} can't be read: {error}", program.id)))?,
            parent: None,
            parent_wording: None,
            parent_report: None,
            parent_language: None,
            seen: None,
        };
        if let Some(id) = &program.parent
            && let Some(parent) = tx.find_program(id).await?
        {
            source.parent_report = tx.program_details(id).await?.map(|(_, report)| report);
            source.parent = Made::load(tx, id).await?;
            source.parent_wording = parent.wording;
            source.parent_language = Some(parent.language);
        }
        if let Some(id) = revise_program::seen_before(tx, program).await? {
            source.seen = Made::load(tx, &id).await?.map(|made| made.programme);
        }
        Ok(source)
    }

    /// The words of the parent and how they came about, while they fit: the same rows in the same language.
    fn same_words(&self, draft: &Draft, language: Language) -> Option<(Wording, &'static str, String)> {
        let parent = self.parent.as_ref()?;
        if parent.programme != draft.programme || self.parent_language != Some(language) {
            return None;
        }
        // "The same answers, today's templates" asks for everything anew.
        if matches!(self.revision, Some(Revision::Regenerate)) {
            return None;
        }
        let code = ["llm", "llm_corrected", "plain"]
            .into_iter()
            .find(|code| self.parent_wording.as_deref() == Some(*code))?;
        Some((parent.wording.clone(), code, self.parent_report.clone()?))
    }

    fn complete(self, draft: Draft, wording: Wording) -> Made {
        let told = |old: &Programme| revise_program::told(old, &draft.programme);
        Made {
            changes: self
                .parent
                .as_ref()
                .map(|parent| told(&parent.programme))
                .unwrap_or_default(),
            news: self.seen.as_ref().map(told),
            programme: draft.programme,
            wording,
            variant: draft.variant,
            note: draft.note,
            withdrawn: draft.withdrawn,
        }
    }
}

/// It can't be made: the client hears an honest word, the trainer gets a task, the job lies where it can be replayed.
async fn give_up(app: &App, task: &Task, program_id: &ProgramId, error: &Error) -> Result<()> {
    tracing::error!(error = error as &dyn std::error::Error, program.id = %program_id, "a programme could not be made");
    let now = app.now();
    let guide = settings::guide(app, &task.tenant).await?;
    let mut tx = app.tenant(&task.tenant).write().await?;
    let Some(program) = tx.find_program(program_id).await? else {
        return Err(Error::NotFound { what: "program" });
    };
    let client = tx
        .find_client(&program.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let reason = error.to_string();
    if tx.fail_program(program_id, &reason).await? {
        let action = Action {
            id: app.new_id(),
            kind: "program.failed".into(),
            actor: "system".into(),
            details: json!({ "program_id": program_id, "reason": reason }).to_string(),
            at: now,
        };
        tx.insert_action(&client.id, &action).await?;
        revise_program::give_back(app, &mut tx, &guide, &program, &reason, &task.request_id).await?;
        if program.parent.is_none()
            && let Some(order) = tx.order_of_program(program_id).await?
        {
            letters::by_hand(app, &mut tx, &order, &task.request_id).await?;
        }
        // Whoever waits for no programme, or is to get the one before, is not told of a failure that is ours.
        if program.parent.is_none()
            && let Some(conversation) = address_of(&mut tx, &client.id).await?
        {
            let texts = guide.texts(conversation.language);
            let content = Content::text(rich(
                &texts.program_failed,
                &[
                    ("name", called(&client.display_name)),
                    ("trainer", guide.facts.trainer.as_str()),
                ],
            ));
            let letter = Letter::new(&conversation.address, Some(client.id.clone()), "reply", content);
            queue(app, &mut tx, letter, &task.request_id).await?;
        }
        notify_trainers(
            app,
            &mut tx,
            Some(&client.id),
            "notice",
            None,
            &task.request_id,
            |language| {
                let card = Card {
                    client: &client.id,
                    name: &client.display_name,
                    username: client.username.as_deref(),
                    source: &client.origin.source,
                };
                card.program_failed(guide.texts(language), &reason, &program.questionnaire)
            },
        )
        .await?;
    }
    tx.bury_job(&task.lease, &reason, now).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}
