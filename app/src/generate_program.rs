//! A programme from answers to a PDF in the chat: match, word, check, draw, keep, send.

use bytes::Bytes;
use domain::content::{Activity, Content, FileRef, rich};
use domain::dialogue::{self, Facts, trainer::Card};
use domain::ids::{FileId, ProgramId, QuestionnaireId, RequestId};
use domain::language::Language;
use domain::questionnaire::profile;
use programs::matching;
use programs::pdf;
use programs::programme::Scope;
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use store::{Action, Client, NewFile, NewProgram, Program, ReadyProgram, Tx};

use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::converse::called;
use crate::deliver::{Letter, address_of, notify_trainers, queue};
use crate::draw_program::document;
use crate::error::{Error, Result};
use crate::refresh_templates;
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
    let mut job = work::job(
        app,
        JOB,
        Some(format!("program:{id}")),
        &Payload { program_id: id.clone() },
        request_id,
    )?;
    job.max_attempts = TRIES;
    tx.enqueue_job(&job).await?;
    Ok(id)
}

/// A new version of an existing programme, from the same answers and today's templates.
///
/// Errors: [`Error::NotFound`]; a conflict `program_in_work` while a version of this client is being made.
pub async fn order(app: &App, caller: &Caller, program: &ProgramId) -> Result<ProgramId> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let program = tx
        .find_program(program)
        .await?
        .ok_or(Error::NotFound { what: "program" })?;
    let client = tx
        .find_client(&program.client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    let filter = store::ProgramFilter {
        client: Some(client.id.clone()),
        status: Some("queued".into()),
    };
    let page = store::PageRequest { limit: 1, after: None };
    if !tx.list_programs(&filter, &page).await?.items.is_empty() {
        return Err(Error::Conflict {
            code: "program_in_work",
            detail: "a version for this client is being made; wait for it".into(),
        });
    }
    let id = order_in(
        app,
        &mut tx,
        &program.questionnaire,
        &client,
        "regenerated",
        &caller.request_id,
    )
    .await?;
    let action = Action {
        id: app.new_id(),
        kind: "program.ordered".into(),
        actor: caller.actor.to_string(),
        details: json!({ "program_id": id, "from": program.id }).to_string(),
        at: app.now(),
    };
    tx.insert_action(&client.id, &action).await?;
    tx.record_audit(&audit(
        app,
        caller,
        "program.ordered",
        id.as_ref(),
        json!({ "from": program.id }),
    ))
    .await?;
    tx.commit().await?;
    app.wake_workers();
    Ok(id)
}

/// Sends a ready version to its client again.
pub async fn resend(app: &App, caller: &Caller, program: &ProgramId) -> Result<()> {
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let program = tx
        .find_program(program)
        .await?
        .ok_or(Error::NotFound { what: "program" })?;
    let conversation = address_of(&mut tx, &program.client)
        .await?
        .ok_or_else(|| Error::Conflict {
            code: "no_channel",
            detail: "this client has no chat to send to".into(),
        })?;
    let content = document_message(&mut tx, &guide, &program, conversation.language).await?;
    let mut letter = Letter::new(&conversation.address, Some(program.client.clone()), "program", content);
    letter.program = Some(program.id.clone());
    queue(app, &mut tx, letter, &caller.request_id).await?;
    let action = Action {
        id: app.new_id(),
        kind: "program.resent".into(),
        actor: caller.actor.to_string(),
        details: json!({ "program_id": program.id, "version": program.version }).to_string(),
        at: app.now(),
    };
    tx.insert_action(&program.client, &action).await?;
    tx.record_audit(&audit(app, caller, "program.resent", program.id.as_ref(), json!({})))
        .await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// The message that carries a ready programme. Errors: a conflict `program_not_ready`.
pub(crate) async fn document_message(
    tx: &mut Tx,
    guide: &Guide,
    program: &Program,
    language: Language,
) -> Result<Content> {
    let file = match &program.file {
        Some(file) => tx.find_file(file).await?,
        None => None,
    };
    let file = file.ok_or_else(|| Error::Conflict {
        code: "program_not_ready",
        detail: "this version has no document yet".into(),
    })?;
    let mut content = Content::text(rich(&guide.texts(language).program_caption, &[]));
    content.file = Some(FileRef {
        id: file.id.to_string(),
        file_name: file.name,
        mime_type: file.mime_type,
        size: u64::try_from(file.size).unwrap_or_default(),
    });
    Ok(content)
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
    drop(tx);
    let guide = settings::guide(app, &task.tenant).await?;
    let templates = refresh_templates::current(app, &task.tenant).await?;
    let scope = if program.scope == "full" {
        Scope::AllTwelveWeeks
    } else {
        Scope::FirstTwoWeeks
    };
    let programme = matching::find(&templates, &profile, scope)
        .map_err(|error| Error::internal(format!("no programme fits: {error}")))?;
    let (words, provenance) = word(app, &programme, &profile, program.language).await;
    let document = document(
        app,
        &guide,
        &client,
        &program,
        &profile,
        programme.clone(),
        words.clone(),
        scope,
        zone,
    );
    let rendered = tokio::task::spawn_blocking(move || pdf::render(&document))
        .await
        .map_err(|_| Error::internal("drawing the PDF broke off"))?
        .map_err(|error| Error::internal(format!("the PDF could not be drawn: {error}")))?;
    let file = keep(app, &program, rendered.bytes).await?;
    let ready = ReadyProgram {
        file: file.id.clone(),
        template_hash: templates.version.clone(),
        wording: match provenance.verdict.as_str() {
            "accepted" => "llm",
            "partly_replaced" => "llm_corrected",
            _ => "plain",
        },
        program: json!({ "programme": programme, "wording": words }).to_string(),
        report: serde_json::to_string(&provenance).map_err(|error| Error::internal(error.to_string()))?,
    };
    hand_over(app, task, &guide, &client, &program, &file, &ready).await
}

/// Bytes first, row later: bytes nobody points at are harmless, a row without bytes is not. Each try has a key of its own,
/// so that a worker that lost its lease can't change what another one committed.
async fn keep(app: &App, program: &Program, bytes: Vec<u8>) -> Result<NewFile> {
    let id: FileId = app.new_id();
    let storage_key = format!("programs/{}/{id}.pdf", program.id);
    let sha256 = data_encoding::HEXLOWER.encode(&Sha256::digest(&bytes));
    let size = i64::try_from(bytes.len()).unwrap_or(i64::MAX);
    app.files()
        .put(&storage_key, Bytes::from(bytes))
        .await
        .map_err(|source| Error::Unavailable {
            what: "the file store",
            source: Box::new(source),
        })?;
    let name = match program.language {
        Language::Ru => format!(
            "Программа тренировок, {} недели.pdf",
            if program.scope == "full" { "12" } else { "2" }
        ),
        Language::En => format!(
            "Training programme, {} weeks.pdf",
            if program.scope == "full" { "12" } else { "2" }
        ),
    };
    Ok(NewFile {
        id,
        name: if program.scope == "full" {
            name.replace("12 недели", "12 недель")
        } else {
            name
        },
        mime_type: "application/pdf".into(),
        size,
        sha256,
        storage_key,
        now: app.now(),
    })
}

/// One transaction: the version is ready, its messages are queued, the job is done.
async fn hand_over(
    app: &App,
    task: &Task,
    guide: &Guide,
    client: &Client,
    program: &Program,
    file: &NewFile,
    ready: &ReadyProgram,
) -> Result<()> {
    let now = app.now();
    let mut tx = app.tenant(&task.tenant).write().await?;
    tx.insert_file(file).await?;
    if tx.ready_program(&program.id, ready, now).await? {
        let action = Action {
            id: app.new_id(),
            kind: "program.ready".into(),
            actor: "system".into(),
            details: json!({ "program_id": program.id, "version": program.version, "wording": ready.wording })
                .to_string(),
            at: now,
        };
        tx.insert_action(&client.id, &action).await?;
        if let Some(conversation) = address_of(&mut tx, &client.id).await? {
            let fresh = Program {
                file: Some(file.id.clone()),
                ..program.clone()
            };
            let content = document_message(&mut tx, guide, &fresh, program.language).await?;
            let mut letter = Letter::new(&conversation.address, Some(client.id.clone()), "program", content);
            letter.program = Some(program.id.clone());
            letter.dedupe_key = Some(format!("program:{}", program.id));
            queue(app, &mut tx, letter, &task.request_id).await?;
            let mut letter = Letter::new(
                &conversation.address,
                Some(client.id.clone()),
                "offer",
                offer(guide, client),
            );
            letter.dedupe_key = Some(format!("offer:{}", program.id));
            queue(app, &mut tx, letter, &task.request_id).await?;
        }
    }
    tx.finish_job(&task.lease, now).await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

fn offer(guide: &Guide, client: &Client) -> Content {
    let facts = Facts {
        language: client.language,
        texts: guide.texts(client.language),
        form: &guide.form,
        run: None,
        fresh_tag: "",
        name: &client.display_name,
        is_new: false,
        has_consent: true,
        marketing: None,
        has_program: true,
        is_quiet: false,
        tariffs: &guide.tariffs,
        faq: &guide.faq,
        brand: &guide.facts,
    };
    dialogue::offer(&facts)
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
        if let Some(conversation) = address_of(&mut tx, &client.id).await? {
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

/// What the client sees while the programme is made.
pub(crate) fn in_work(guide: &Guide, language: Language, name: &str) -> Content {
    let mut content = Content::text(rich(&guide.texts(language).generating, &[("name", name)]));
    content.activity = Some(Activity::UploadDocument);
    content
}
