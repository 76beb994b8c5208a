//! The trainer's turn: words that go to a client, buttons of notices, the list of leads.

use domain::content::{Button, Content, MessageCopy, Span, Style, rich};
use domain::dialogue::actions::TrainerAction;
use domain::dialogue::trainer::{TrainerScene, carries_caption};
use domain::ids::ClientId;
use domain::language::Language;
use domain::time::Timestamp;
use serde_json::json;
use store::{Conversation, ConversationUpdate, NewMessage, Tx};

use super::person::{display_name, known_as};
use super::{Body, Inbound, Outcome, approval, note};
use crate::access::audit;
use crate::caller::Caller;
use crate::context::App;
use crate::deliver::{Letter, TELEGRAM, address_of, queue};
use crate::error::{Error, Result};
use crate::generate_program;
use crate::held_notices;
use crate::settings::{self, Guide};

/// While a person talks with a client, the bot keeps its remarks to itself for this long.
const QUIET_MS: i64 = 30 * 60_000;
/// Notices that came while the trainer's chat was not open yet are sent when it opens.
const REVIVED_MS: i64 = 3 * 24 * 60 * 60_000;
const LISTED_LEADS: u32 = 10;

pub(super) async fn turn(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    conversation: &Conversation,
    inbound: &Inbound,
) -> Result<Outcome> {
    let now = app.now();
    let language = match (&inbound.body, &inbound.person.language_code) {
        // The trainer's chat speaks as the trainer's messenger does, from each /start on.
        (Body::Start { .. }, Some(tag)) => Language::from_ietf(tag),
        _ => conversation.language,
    };
    let texts = guide.texts(language);
    let mut scene: TrainerScene = serde_json::from_str(&conversation.scene).unwrap_or_default();
    let mut outcome = Outcome::default();
    let address = &inbound.address;
    if conversation.blocked_at.is_some() && inbound.body != Body::Blocked {
        tx.set_blocked(TELEGRAM, address, None).await?;
        tx.revive_address(TELEGRAM, address, now.plus_millis(-REVIVED_MS), now)
            .await?;
    }
    match &inbound.body {
        Body::Blocked => tx.set_blocked(TELEGRAM, address, Some(now)).await?,
        Body::Unblocked | Body::Edited { .. } | Body::Paid(_) | Body::GivenBack { .. } => {}
        Body::Start { payload } => {
            let template = if payload.is_some() {
                &texts.trainer_linked
            } else {
                &texts.trainer_hello
            };
            outcome.say(address, None, Content::text(rich(template, &[])));
        }
        Body::Command { name } if name == "leads" => {
            let content = leads(tx, guide, conversation).await?;
            outcome.say(address, None, content);
        }
        Body::Command { name } => {
            if name == "cancel" {
                scene = TrainerScene::Idle;
            }
            outcome.say(address, None, Content::text(rich(&texts.trainer_help, &[])));
        }
        Body::Action { action, message_ref } => match TrainerAction::parse(action) {
            Some(decision) if approval::program_of(&decision).is_some() => {
                let who = display_name(&inbound.person);
                let mut turn = approval::Turn {
                    app,
                    tx,
                    caller,
                    guide,
                    conversation,
                    who: &who,
                    scene: &mut scene,
                    outcome: &mut outcome,
                    pressed: message_ref.as_deref(),
                };
                approval::press(&mut turn, &decision).await?;
            }
            _ => press(app, tx, caller, guide, conversation, action, &mut scene, &mut outcome).await?,
        },
        Body::Text { text, reply_to, .. } => {
            let client = find_addressee(tx, &scene, address, reply_to.as_deref()).await?;
            if let (None, TrainerScene::Noting { program }) = (&client, scene.clone()) {
                let who = display_name(&inbound.person);
                let mut turn = approval::Turn {
                    app,
                    tx,
                    caller,
                    guide,
                    conversation,
                    who: &who,
                    scene: &mut scene,
                    outcome: &mut outcome,
                    pressed: None,
                };
                approval::take_note(&mut turn, &program, text).await?;
                remember(tx, conversation, language, inbound, &scene, now).await?;
                return Ok(outcome);
            }
            let sent_to = match &client {
                Some(client) => send(app, tx, caller, guide, client, Words::only(text), "trainer").await?,
                None => None,
            };
            let content = match sent_to {
                Some(name) => {
                    scene = TrainerScene::Idle;
                    rich(&texts.trainer_reply_sent, &[("name", &name)])
                }
                None => rich(&texts.trainer_reply_unknown, &[]),
            };
            outcome.tell(address, client, Content::text(content));
        }
        Body::Attachment {
            kind,
            caption,
            message_ref,
            reply_to,
        } => {
            let client = find_addressee(tx, &scene, address, reply_to.as_deref()).await?;
            let copy = MessageCopy {
                address: address.clone(),
                message_ref: message_ref.clone(),
                has_caption: carries_caption(kind),
                text_suffices: false,
            };
            let words = Words {
                text: caption.as_deref().unwrap_or_default(),
                attachment: Some((kind, copy)),
            };
            let sent_to = match &client {
                Some(client) => send(app, tx, caller, guide, client, words, "trainer").await?,
                None => None,
            };
            let content = match sent_to {
                Some(name) => {
                    scene = TrainerScene::Idle;
                    rich(&texts.trainer_reply_sent, &[("name", &name)])
                }
                None => rich(&texts.trainer_reply_unknown, &[]),
            };
            outcome.tell(address, client, Content::text(content));
        }
    }
    // What came while no trainer's chat was there goes to the first who shows up.
    if !matches!(inbound.body, Body::Blocked | Body::Unblocked) {
        let held = held_notices::hand_over(app, tx, guide, address, language).await?;
        outcome.letters.extend(held);
    }
    remember(tx, conversation, language, inbound, &scene, now).await?;
    Ok(outcome)
}

async fn remember(
    tx: &mut Tx,
    conversation: &Conversation,
    language: Language,
    inbound: &Inbound,
    scene: &TrainerScene,
    now: Timestamp,
) -> Result<()> {
    let update = ConversationUpdate {
        language,
        known_as: known_as(&inbound.person),
        scene: serde_json::to_string(scene).map_err(|error| Error::internal(error.to_string()))?,
        quiet_until: conversation.quiet_until,
    };
    tx.update_conversation(TELEGRAM, &inbound.address, &update, now).await?;
    Ok(())
}

/// A reply to a message is for the client that message is about, or for nobody: never for the one chosen before.
async fn find_addressee(
    tx: &mut Tx,
    scene: &TrainerScene,
    address: &str,
    reply_to: Option<&str>,
) -> Result<Option<ClientId>> {
    match (reply_to, scene) {
        (Some(message_ref), _) => Ok(tx.client_of_notice(TELEGRAM, address, message_ref).await?),
        (None, TrainerScene::Replying { client }) => Ok(Some(client.clone())),
        (None, TrainerScene::Idle | TrainerScene::Noting { .. }) => Ok(None),
    }
}

#[expect(clippy::too_many_arguments, reason = "one turn's whole context, used by each button")]
async fn press(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    conversation: &Conversation,
    action: &str,
    scene: &mut TrainerScene,
    outcome: &mut Outcome,
) -> Result<()> {
    let texts = guide.texts(conversation.language);
    let name_of = |client: Option<store::Client>| client.map(|client| client.display_name).unwrap_or_default();
    match TrainerAction::parse(action) {
        Some(TrainerAction::Reply(client)) => {
            let name = name_of(tx.find_client(&client).await?);
            *scene = TrainerScene::Replying { client: client.clone() };
            outcome.tell(
                &conversation.address,
                Some(client),
                Content::text(rich(&texts.trainer_reply_ask, &[("name", &name)])),
            );
        }
        Some(TrainerAction::Take(lead)) => {
            if let Some(found) = tx.find_lead(&lead).await?
                && tx.take_lead(&lead, "trainer").await?
            {
                note(
                    app,
                    tx,
                    &found.client,
                    "lead.taken",
                    "trainer",
                    json!({ "lead_id": lead }),
                )
                .await?;
                outcome.toast = Some(texts.trainer_taken.replace("{name}", &found.client_name));
            }
        }
        Some(TrainerAction::MakeProgram(run)) => {
            if let Some(questionnaire) = tx.find_questionnaire(&run).await?
                && let Some(client) = tx.find_client(&questionnaire.client).await?
            {
                let queued = store::ProgramFilter {
                    client: Some(client.id.clone()),
                    status: Some("queued".into()),
                };
                let page = store::PageRequest { limit: 1, after: None };
                let ready = store::ProgramFilter {
                    client: Some(client.id.clone()),
                    status: Some("ready".into()),
                };
                let newest = tx.list_programs(&ready, &page).await?.items.into_iter().next();
                if newest.is_some_and(|program| program.questionnaire == run) {
                    outcome.toast = Some(texts.trainer_program_exists.replace("{name}", &client.display_name));
                    return Ok(());
                }
                let waiting = store::ProgramFilter {
                    status: Some("awaiting_approval".into()),
                    ..queued.clone()
                };
                if tx.list_programs(&queued, &page).await?.items.is_empty()
                    && tx.list_programs(&waiting, &page).await?.items.is_empty()
                {
                    generate_program::order_in(app, tx, &run, &client, "trainer", &caller.request_id).await?;
                    note(
                        app,
                        tx,
                        &client.id,
                        "program.ordered",
                        "trainer",
                        json!({ "questionnaire_id": run }),
                    )
                    .await?;
                    outcome.has_jobs = true;
                }
                outcome.toast = Some(texts.trainer_program_ordered.replace("{name}", &client.display_name));
            }
        }
        Some(
            action @ (TrainerAction::UseTemplates(_)
            | TrainerAction::LeaveTemplates(_)
            | TrainerAction::RestoreTemplates { .. }),
        ) => super::sheet::press(app, tx, caller, guide, conversation, &action, outcome).await?,
        Some(_) | None => outcome.toast = Some(texts.stale_button.clone()),
    }
    Ok(())
}

async fn leads(tx: &mut Tx, guide: &Guide, conversation: &Conversation) -> Result<Content> {
    let texts = guide.texts(conversation.language);
    let mut content = Content::text(vec![Span {
        text: texts.command_leads.clone(),
        style: Style::Bold,
    }]);
    for lead in tx.newest_leads(LISTED_LEADS).await? {
        content.text.push(Span {
            text: format!("\n• {} — {}", lead.client_name, lead.source),
            style: Style::Plain,
        });
        let label = format!(
            "{}: {}",
            texts.button_reply,
            lead.client_name.chars().take(24).collect::<String>()
        );
        content = content.with_row(vec![Button::action(
            label,
            TrainerAction::Reply(lead.client.clone()).to_string(),
        )]);
    }
    Ok(content)
}

/// What a person sends to a client.
#[derive(Debug)]
struct Words<'a> {
    /// The caption, when something goes along.
    text: &'a str,
    /// Its kind, and where it stands.
    attachment: Option<(&'a str, MessageCopy)>,
}

impl<'a> Words<'a> {
    const fn only(text: &'a str) -> Self {
        Self { text, attachment: None }
    }

    /// As the message log keeps it.
    fn logged(&self) -> String {
        match &self.attachment {
            Some((kind, _)) => format!("[{kind}] {}", self.text),
            None => self.text.to_owned(),
        }
    }
}

/// Queues a person's words to a client. Returns the client's name, `None` when there is nowhere to send.
async fn send(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    client: &ClientId,
    words: Words<'_>,
    author: &'static str,
) -> Result<Option<String>> {
    let now = app.now();
    // Somebody who turned out to be another one is written to as that one.
    let merged = tx.merged_into(client).await?;
    let client = merged.as_ref().unwrap_or(client);
    let (Some(found), Some(to)) = (tx.find_client(client).await?, address_of(tx, client).await?) else {
        return Ok(None);
    };
    let trainer = guide.facts.trainer.as_str();
    let text = words.logged();
    let mut content = Content::text(rich(
        &guide.texts(to.language).trainer_says,
        &[("trainer", trainer), ("text", words.text)],
    ));
    content.copy = words.attachment.map(|(_, copy)| copy);
    let letter = Letter::new(&to.address, Some(client.clone()), "trainer_reply", content);
    let outbox = queue(app, tx, letter, &caller.request_id).await?;
    let message = NewMessage {
        id: app.new_id(),
        client: client.clone(),
        channel: to.channel.clone(),
        direction: "out",
        author,
        text,
        outbox,
        external_ref: None,
        now,
    };
    tx.insert_message(&message).await?;
    tx.quiet_conversations(client, now.plus_millis(QUIET_MS)).await?;
    Ok(Some(found.display_name))
}

/// An administrator writes to a client.
///
/// Errors: [`Error::NotFound`]; a conflict `no_channel` when the client has no chat; wrong fields for an empty text or one
/// over 4,000 characters.
pub async fn send_to_client(app: &App, caller: &Caller, client: &ClientId, text: &str) -> Result<()> {
    if text.trim().is_empty() || text.chars().count() > 4_000 {
        return Err(Error::invalid("text", "out_of_range", "must be 1 to 4000 characters"));
    }
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    tx.find_client(client)
        .await?
        .ok_or(Error::NotFound { what: "client" })?;
    if send(app, &mut tx, caller, &guide, client, Words::only(text), "trainer")
        .await?
        .is_none()
    {
        return Err(Error::conflict("no_channel", "this client has no chat to write to"));
    }
    tx.record_audit(&audit(app, caller, "message.sent", client.as_ref(), json!({})))
        .await?;
    tx.commit().await?;
    app.wake_deliveries();
    Ok(())
}
