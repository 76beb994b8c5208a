//! The messages that carry a programme to its client.

use domain::content::{Activity, Button, Content, FileRef, Span, rich};
use domain::dialogue::actions::Action as Press;
use domain::dialogue::{self, Facts};
use domain::ids::ProgramId;
use domain::language::Language;
use serde_json::json;
use store::{Client, NewFile, Program, StoredFile, Tx};

use crate::access::audit;
use crate::approve_program::with_note;
use crate::caller::Caller;
use crate::context::App;
use crate::deliver::{Letter, address_of, queue};
use crate::error::{Error, Result};
use crate::revise_program::Made;
use crate::settings::programs::{PhoneVersion, ProgramSettings};
use crate::settings::{self, Guide};
use crate::timeline::note;

/// Differences told in a caption; the document shows all of them.
const MAX_TOLD: usize = 5;

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
        .ok_or_else(|| Error::conflict("no_channel", "this client has no chat to send to"))?;
    let content = document_message(&mut tx, &guide, &program, conversation.language).await?;
    let mut letter = Letter::new(&conversation.address, Some(program.client.clone()), "program", content);
    letter.program = Some(program.id.clone());
    queue(app, &mut tx, letter, &caller.request_id).await?;
    let details = json!({ "program_id": program.id, "version": program.version });
    let actor = caller.actor.to_string();
    note(app, &mut tx, &program.client, "program.resent", &actor, details).await?;
    tx.record_audit(&audit(app, caller, "program.resent", program.id.as_ref(), json!({})))
        .await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}

/// The message that carries a version that was let go, with what is new in it and the trainer's words.
/// Errors: a conflict `program_not_ready`.
pub(crate) async fn document_message(
    tx: &mut Tx,
    guide: &Guide,
    program: &Program,
    language: Language,
) -> Result<Content> {
    let file = match &program.file {
        Some(file) if program.status == "ready" => tx.find_file(file).await?,
        _ => None,
    };
    let file = file.ok_or_else(|| Error::Conflict {
        code: "program_not_ready",
        detail: if program.status == "awaiting_approval" {
            "this version awaits approval".into()
        } else {
            "this version has no document yet".into()
        },
    })?;
    let made = Made::load(tx, &program.id).await?;
    let texts = guide.texts(language);
    // What was paid for is the whole of it, and is called so.
    let first = if tx.order_of_program(&program.id).await?.is_some() {
        &texts.program_full_caption
    } else {
        &texts.program_caption
    };
    let mut content = Content::text(match &made {
        Some(made) => caption(made, guide, language, first),
        None => rich(first, &[]),
    });
    if let Some(note) = made.and_then(|made| made.note) {
        with_note(&mut content, guide, language, &note);
    }
    content.file = Some(file_ref(file));
    if program.phone_file.is_some() && ProgramSettings::load(tx).await?.phone == PhoneVersion::Button {
        let press = Press::PhoneVersion(program.id.clone()).to_string();
        content = content.with_row(vec![Button::action(&texts.button_phone, press)]);
    }
    Ok(content)
}

/// `first`: of a version that came after no other.
fn caption(made: &Made, guide: &Guide, language: Language, first: &str) -> Vec<Span> {
    let texts = guide.texts(language);
    let news = made.news.as_deref().unwrap_or_default();
    let mut lines: Vec<String> = news
        .iter()
        .take(MAX_TOLD)
        .map(|line| format!("• {}", line.get(language)))
        .collect();
    if news.len() > MAX_TOLD {
        lines.push(format!("… +{}", news.len() - MAX_TOLD));
    }
    let changes = lines.join("\n");
    match &made.withdrawn {
        Some(exercise) if made.news.is_some() => rich(
            &texts.program_withdrawn_caption,
            &[("exercise", exercise.get(language)), ("changes", &changes)],
        ),
        _ if !news.is_empty() => rich(&texts.program_updated_caption, &[("changes", &changes)]),
        _ => rich(first, &[]),
    }
}

/// The same programme as drawn for a phone; `None` when this version has none, or has not been let go.
pub(crate) async fn phone_message(
    tx: &mut Tx,
    guide: &Guide,
    program: &Program,
    language: Language,
) -> Result<Option<Content>> {
    let file = match &program.phone_file {
        Some(file) if program.status == "ready" => tx.find_file(file).await?,
        _ => None,
    };
    Ok(file.map(|file| {
        let mut content = Content::text(rich(&guide.texts(language).program_phone_caption, &[]));
        content.file = Some(file_ref(file));
        content
    }))
}

pub(crate) fn file_ref(file: StoredFile) -> FileRef {
    FileRef {
        id: file.id.to_string(),
        file_name: file.name,
        mime_type: file.mime_type,
        size: u64::try_from(file.size).unwrap_or_default(),
    }
}

pub(crate) fn new_file_ref(file: &NewFile) -> FileRef {
    FileRef {
        id: file.id.to_string(),
        file_name: file.name.clone(),
        mime_type: file.mime_type.clone(),
        size: u64::try_from(file.size).unwrap_or_default(),
    }
}

/// What follows the free programme.
pub(crate) fn offer(guide: &Guide, client: &Client) -> Content {
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
        has_trainer: true,
        is_quiet: false,
        tariffs: &guide.tariffs,
        sells: false,
        faq: &guide.faq,
        brand: &guide.facts,
    };
    dialogue::offer(&facts)
}

/// What the client sees while the programme is made.
pub(crate) fn in_work(guide: &Guide, language: Language, name: &str) -> Content {
    let mut content = Content::text(rich(&guide.texts(language).generating, &[("name", name)]));
    content.activity = Some(Activity::UploadDocument);
    content
}
