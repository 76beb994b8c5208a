//! A conversation's turn: what somebody did, recorded, decided and answered in one transaction.
//!
//! Nothing in a turn needs the network, so it is treated in the transaction that receives it; the inbox keeps the raw
//! event under its sender's key, and a repeated event changes nothing.

mod approval;
mod arrival;
mod cards;
mod client;
mod person;
mod purchase;
mod sheet;
mod trainer;

use domain::content::Content;
use domain::ids::{ClientId, RequestId};
use domain::language::Language;
use serde::Serialize;
use store::{NewInboxEvent, Recorded, Tx};

use crate::caller::Caller;
use crate::context::App;
use crate::deliver::{LEASE_MS, Letter, Outgoing, TELEGRAM, prepare, queue};
use crate::error::{Error, Result};
use crate::pay::telegram::{self, PaidBill};
use crate::settings;
use crate::timeline::note;

pub(crate) use person::called;
pub use trainer::send_to_client;

/// Two replicas may meet a newcomer at once; the loser sees them on the second try.
const MEETING_TRIES: u32 = 3;
const MAX_KEY: usize = 200;
const MAX_ADDRESS: usize = 64;
/// Telegram's own limit is 4096 UTF-16 units; a longer text can't come from there.
const MAX_TEXT: usize = 16_384;

/// An event as a messenger's bot reports it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Inbound {
    /// Unique at its sender.
    pub key: String,
    pub address: String,
    pub person: Person,
    /// The replica that asks; what is answered at once is leased to it.
    pub replica: String,
    pub body: Body,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Person {
    pub first_name: String,
    pub last_name: Option<String>,
    pub username: Option<String>,
    pub language_code: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub enum Body {
    Start {
        payload: Option<String>,
    },
    Command {
        name: String,
    },
    Text {
        text: String,
        message_ref: String,
        reply_to: Option<String>,
    },
    Edited {
        text: String,
        message_ref: String,
    },
    Action {
        action: String,
        message_ref: Option<String>,
    },
    Attachment {
        kind: &'static str,
        caption: Option<String>,
        message_ref: String,
        reply_to: Option<String>,
    },
    Blocked,
    Unblocked,
    /// A bill was paid inside the messenger.
    Paid(PaidBill),
    /// The messenger gave a payment in its own currency back.
    GivenBack {
        charge: String,
    },
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Answer {
    pub duplicate: bool,
    pub toast: Option<String>,
    pub deliveries: Vec<Outgoing>,
}

/// One command list for the messenger's menu.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CommandList {
    /// `None`: for everybody who reads another language.
    pub language: Option<Language>,
    /// `None`: every private chat.
    pub address: Option<String>,
    /// (name, description)
    pub commands: Vec<(&'static str, String)>,
}

/// Takes one event. Safe to repeat: a second time nothing happens, and `duplicate` says so.
pub async fn receive(app: &App, caller: &Caller, inbound: &Inbound) -> Result<Answer> {
    check(inbound)?;
    let mut tries = 0;
    loop {
        tries += 1;
        match turn(app, caller, inbound).await {
            Err(Error::Store(error))
                if tries < MEETING_TRIES && (error.is_unique_violation() || error.is_transient()) => {}
            Err(Error::Conflict {
                code: "met_elsewhere" | crate::pay::place::RACED,
                ..
            }) if tries < MEETING_TRIES => {}
            // Somebody changed the client beside this turn: their payment came, or a trainer wrote a note.
            Err(Error::VersionConflict { .. }) if tries < MEETING_TRIES => {}
            // Never a refusal: the bot would take it as final and forget the event.
            Err(
                error @ Error::Conflict {
                    code: "met_elsewhere" | crate::pay::place::RACED,
                    ..
                },
            ) => {
                return Err(Error::Unavailable {
                    what: "the conversation",
                    source: Box::new(error),
                });
            }
            Err(Error::Store(error)) if error.is_unique_violation() => {
                return Err(Error::Unavailable {
                    what: "the conversation",
                    source: Box::new(error),
                });
            }
            other => return other,
        }
    }
}

fn check(inbound: &Inbound) -> Result<()> {
    let too_long = |field: &str| Err(Error::invalid(field, "too_long", "is longer than any messenger sends"));
    if inbound.key.is_empty() || inbound.key.len() > MAX_KEY {
        return Err(Error::invalid("key", "out_of_range", "must be 1 to 200 bytes"));
    }
    if inbound.address.is_empty() || inbound.address.len() > MAX_ADDRESS {
        return Err(Error::invalid("address", "out_of_range", "must be 1 to 64 bytes"));
    }
    let words = match &inbound.body {
        Body::Text { text, .. } | Body::Edited { text, .. } => text,
        Body::Attachment {
            caption: Some(caption), ..
        } => caption,
        _ => "",
    };
    if words.len() > MAX_TEXT {
        too_long("body.text")
    } else {
        Ok(())
    }
}

async fn turn(app: &App, caller: &Caller, inbound: &Inbound) -> Result<Answer> {
    let now = app.now();
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let event = NewInboxEvent {
        source: TELEGRAM.to_owned(),
        dedupe_key: inbound.key.clone(),
        body: serde_json::to_vec(inbound)
            .map_err(|error| Error::internal(format!("an event can't be kept: {error}")))?,
        request_id: caller.request_id.clone(),
        now,
    };
    if tx.record(&event).await? == Recorded::Duplicate {
        metrics::counter!("voronka_inbox_total", "source" => TELEGRAM, "outcome" => "duplicate").increment(1);
        drop(tx);
        return again(app, caller, inbound).await;
    }
    let conversation = person::meet(app, &mut tx, caller, &guide, inbound).await?;
    let is_busy = tx.is_address_busy(TELEGRAM, &inbound.address).await?;
    let is_about_money = matches!(inbound.body, Body::Paid(_) | Body::GivenBack { .. });
    let mut outcome = if is_about_money {
        telegram::heard(app, &mut tx, &guide, inbound, &caller.request_id).await?;
        Outcome {
            has_jobs: true,
            ..Outcome::default()
        }
    } else if conversation.conversation.is_trainer {
        trainer::turn(app, &mut tx, caller, &guide, &conversation.conversation, inbound).await?
    } else {
        client::turn(app, &mut tx, caller, &guide, &conversation, inbound).await?
    };
    let lease_until = app.process_now().plus_millis(LEASE_MS);
    let mut deliveries = Vec::with_capacity(outcome.letters.len());
    for mut letter in std::mem::take(&mut outcome.letters) {
        // Something older still waits for this address: then these wait behind it instead of overtaking.
        letter.leased_to = (!is_busy).then(|| (inbound.replica.clone(), lease_until));
        let outgoing = Outgoing {
            id: app.new_id(),
            address: letter.address.clone(),
            content: letter.content.clone(),
            external_file_id: None,
            album_file_ids: Vec::new(),
            provider_token: None,
            edit: letter.edit.clone(),
            retire: letter.retire.clone(),
            attempt: 1,
            lease_until,
        };
        // A document is handed out by the claim, which knows the messenger's own id of it.
        if letter.content.file.is_some() || !letter.content.album.is_empty() {
            letter.leased_to = None;
        }
        let is_leased = letter.leased_to.is_some();
        if let Some(id) = queue(app, &mut tx, letter, &caller.request_id).await?
            && is_leased
        {
            deliveries.push(Outgoing { id, ..outgoing });
        }
    }
    tx.commit().await?;
    metrics::counter!("voronka_inbox_total", "source" => TELEGRAM, "outcome" => "taken").increment(1);
    app.wake_deliveries();
    if outcome.has_jobs {
        app.wake_workers();
    }
    Ok(Answer {
        duplicate: false,
        toast: outcome.toast,
        deliveries,
    })
}

/// The same event once more: what this replica was given for the chat and has not reported. A bot that has it in hand knows
/// it by its id; one whose answer got lost on the way would wait for the lease to end without it.
async fn again(app: &App, caller: &Caller, inbound: &Inbound) -> Result<Answer> {
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let in_hand = tx
        .deliveries_in_hand(TELEGRAM, &inbound.address, &inbound.replica)
        .await?;
    let deliveries = prepare(app, &mut tx, in_hand).await?;
    tx.commit().await?;
    Ok(Answer {
        duplicate: true,
        toast: None,
        deliveries,
    })
}

/// What a turn leaves to be sent.
#[derive(Debug, Default)]
struct Outcome {
    /// To the one who spoke, in order.
    letters: Vec<Letter>,
    toast: Option<String>,
    has_jobs: bool,
}

impl Outcome {
    /// To the trainer, about a client: a reply to it is for them.
    fn tell(&mut self, address: &str, about: Option<ClientId>, content: Content) {
        let mut letter = Letter::new(address, None, "reply", content);
        letter.about = about;
        self.letters.push(letter);
    }

    fn say(&mut self, address: &str, client: Option<&ClientId>, content: Content) {
        self.letters
            .push(Letter::new(address, client.cloned(), "reply", content));
    }
}

/// The command lists of the bot: per language for everybody, and the trainers' own.
pub async fn profile(app: &App, caller: &Caller) -> Result<Vec<CommandList>> {
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let for_clients = |language| {
        let texts = guide.texts(language);
        vec![
            ("start", texts.command_start.clone()),
            ("menu", texts.command_menu.clone()),
            ("help", texts.command_help.clone()),
            ("settings", texts.command_settings.clone()),
            ("cancel", texts.command_cancel.clone()),
            ("privacy", texts.command_privacy.clone()),
            ("terms", texts.command_terms.clone()),
            ("paysupport", texts.command_paysupport.clone()),
        ]
    };
    let mut lists = vec![
        CommandList {
            language: None,
            address: None,
            commands: for_clients(Language::En),
        },
        CommandList {
            language: Some(Language::Ru),
            address: None,
            commands: for_clients(Language::Ru),
        },
        CommandList {
            language: Some(Language::En),
            address: None,
            commands: for_clients(Language::En),
        },
    ];
    for trainer in tx.trainer_conversations().await? {
        let texts = guide.texts(trainer.language);
        lists.push(CommandList {
            language: None,
            address: Some(trainer.address),
            commands: vec![
                ("leads", texts.command_leads.clone()),
                ("help", texts.command_help.clone()),
                ("cancel", texts.command_cancel.clone()),
            ],
        });
    }
    Ok(lists)
}

/// Learns the bot's own name, from which links to it are made.
///
/// Errors: wrong fields for a name no messenger gives.
pub async fn identify(app: &App, caller: &Caller, username: &str) -> Result<()> {
    let is_name = (1..=64).contains(&username.len())
        && username
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    if !is_name {
        return Err(Error::invalid(
            "username",
            "invalid",
            "must be 1 to 64 of a-z, A-Z, 0-9 and _",
        ));
    }
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let (brand, version) = settings::read_versioned::<settings::Brand>(&mut tx, settings::BRAND).await?;
    let brand = brand.unwrap_or_default();
    if brand.telegram_bot_username.as_deref() == Some(username) {
        return Ok(());
    }
    let brand = settings::Brand {
        telegram_bot_username: Some(username.to_owned()),
        ..brand
    };
    let value = serde_json::to_string(&brand).map_err(|error| Error::internal(error.to_string()))?;
    tx.save_setting(settings::BRAND, &value, version, app.now()).await?;
    tx.commit().await?;
    settings::forget(app, &caller.tenant);
    Ok(())
}

/// Moves a client along the pipeline if the rules say so.
pub(crate) async fn advance_stage(
    app: &App,
    tx: &mut Tx,
    client: &store::Client,
    trigger: domain::pipeline::Trigger,
    request_id: &RequestId,
) -> Result<()> {
    let Some(from) = tx.find_stage(&client.stage).await? else {
        return Ok(());
    };
    let Some(kind) = domain::pipeline::automatic_move(from.kind, trigger) else {
        return Ok(());
    };
    let Some(to) = tx.stage_of_kind(kind).await? else {
        tracing::warn!(kind = kind.code(), request_id = %request_id, "there is no stage of this kind; the client stays");
        return Ok(());
    };
    let step = store::NewMove {
        id: app.new_id(),
        client: client.id.clone(),
        from: Some(from.id),
        to: to.id,
        actor: "system".to_owned(),
        reason: format!("{trigger:?}"),
        now: app.now(),
    };
    tx.move_client(&step).await?;
    Ok(())
}
