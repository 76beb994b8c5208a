//! Messages on their way out: queued with their cause, claimed by a bot, settled by its report.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::content::Content;
use domain::ids::{ClientId, FileId, Id, OutboxId, ProgramId, RequestId, TenantId};
use domain::language::Language;
use domain::time::Timestamp;
use serde_json::json;
use store::{Action, ClaimedDelivery, Conversation, NewDelivery, Report, ReportedDelivery, Tx};

use crate::approve_program;
use crate::caller::Caller;
use crate::context::App;
use crate::error::{Error, Result};
use crate::held_notices;
use crate::pay::telegram::StarTransaction;
use crate::pay::{give, messages, telegram};
use crate::settings::{self, Guide};

/// What bots claim; letters go beside it ([`crate::mail`]).
pub const TELEGRAM: &str = "telegram";

/// Long enough for an upload over a slow line, short enough that a killed bot's messages don't stay away for long.
pub(crate) const LEASE_MS: i64 = 20_000;
const MAX_CLAIM: u32 = 100;
const MAX_WAIT: Duration = Duration::from_secs(30);
/// Others' commits and leases that run out are seen after this long at the latest.
const LOOK_AGAIN: Duration = Duration::from_secs(1);
/// After this many tries a person has to look.
const MAX_ATTEMPTS: i64 = 50;

/// A delivery as a bot gets it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outgoing {
    pub id: OutboxId,
    pub address: String,
    pub content: Content,
    /// The messenger's own id of the file in `content`, if it was uploaded before.
    pub external_file_id: Option<String>,
    /// The same for the album's pictures, in their order.
    pub album_file_ids: Vec<Option<String>>,
    /// For a bill: the bank behind the messenger, kept out of the queue.
    pub provider_token: Option<String>,
    pub edit: Option<String>,
    pub retire: Option<String>,
    pub attempt: u32,
    pub lease_until: Timestamp,
}

/// What a bot says of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fate {
    Sent {
        message_ref: String,
        external_file_id: Option<String>,
        /// Of an album that was uploaded, in the order of its pictures.
        album_file_ids: Vec<String>,
    },
    /// The list that was asked for in place of a message.
    StarsListed {
        transactions: Vec<StarTransaction>,
    },
    Unreachable {
        reason: String,
    },
    Rejected {
        reason: String,
    },
    RetryLater {
        after_ms: u64,
        reason: String,
    },
}

/// A message to queue; the rest of its row is known to [`queue`].
#[derive(Debug, Clone)]
pub(crate) struct Letter {
    pub address: String,
    pub client: Option<ClientId>,
    pub about: Option<ClientId>,
    pub program: Option<ProgramId>,
    pub kind: &'static str,
    pub dedupe_key: Option<String>,
    pub content: Content,
    pub is_step: bool,
    pub edit: Option<String>,
    pub retire: Option<String>,
    pub leased_to: Option<(String, Timestamp)>,
}

impl Letter {
    pub(crate) fn new(address: &str, client: Option<ClientId>, kind: &'static str, content: Content) -> Self {
        Self {
            address: address.to_owned(),
            client,
            about: None,
            program: None,
            kind,
            dedupe_key: None,
            content,
            is_step: false,
            edit: None,
            retire: None,
            leased_to: None,
        }
    }
}

/// Queues a message in the transaction of its cause. `None` when its dedupe key was used before.
pub(crate) async fn queue(app: &App, tx: &mut Tx, letter: Letter, request_id: &RequestId) -> Result<Option<OutboxId>> {
    let now = app.now();
    let id: OutboxId = app.new_id();
    let delivery = NewDelivery {
        id: id.clone(),
        channel: TELEGRAM.to_owned(),
        address: letter.address,
        client: letter.client,
        about: letter.about,
        program: letter.program,
        kind: letter.kind,
        dedupe_key: letter.dedupe_key,
        content: serde_json::to_string(&letter.content)
            .map_err(|error| Error::internal(format!("a message can't be written: {error}")))?,
        is_step: letter.is_step,
        edit_ref: letter.edit,
        retire_ref: letter.retire,
        due_at: now,
        leased_to: letter.leased_to,
        request_id: request_id.clone(),
        now,
    };
    Ok(tx.enqueue_delivery(&delivery).await?.then_some(id))
}

/// Tells every trainer, each in the language of their chat; while there is none, the notice waits for the first. Returns
/// how many were told.
pub(crate) async fn notify_trainers(
    app: &App,
    tx: &mut Tx,
    about: Option<&ClientId>,
    kind: &'static str,
    dedupe_key: Option<&str>,
    request_id: &RequestId,
    content: impl Fn(Language) -> Content,
) -> Result<usize> {
    let trainers = tx.trainer_conversations().await?;
    if trainers.is_empty() {
        tracing::warn!(
            kind,
            "no trainer's chat is linked: the notice is kept for the first one"
        );
        held_notices::hold(app, tx, about, kind, content).await?;
        return Ok(0);
    }
    for trainer in &trainers {
        let mut letter = Letter::new(&trainer.address, None, kind, content(trainer.language));
        letter.about = about.cloned();
        letter.dedupe_key = dedupe_key.map(|key| format!("{key}:{}", trainer.address));
        queue(app, tx, letter, request_id).await?;
    }
    Ok(trainers.len())
}

/// Where a client is written to: the chat used last that can be reached.
pub(crate) async fn address_of(tx: &mut Tx, client: &ClientId) -> Result<Option<Conversation>> {
    let conversations = tx.conversations_of(client).await?;
    Ok(conversations
        .into_iter()
        .find(|conversation| conversation.channel == TELEGRAM && !conversation.is_trainer))
}

/// How often a replica's sign of life is written.
const COUNT_AGAIN: Duration = Duration::from_secs(5);

/// How many replicas were counted lately, by tenant and replica.
#[derive(Debug, Default)]
pub(crate) struct Replicas(Mutex<HashMap<(TenantId, String), (tokio::time::Instant, u32)>>);

/// A sign of life of a bot: takes from dead ones what they held, and tells how many bots share the messenger's rate limit
/// with this one, itself included.
pub async fn see(app: &App, caller: &Caller, replica: &str) -> Result<u32> {
    let key = (caller.tenant.clone(), replica.to_owned());
    let known = app
        .replicas()
        .0
        .lock()
        .unwrap_or_else(PoisonError::into_inner)
        .get(&key)
        .copied();
    if let Some((counted, count)) = known
        && counted.elapsed() < COUNT_AGAIN
    {
        return Ok(count);
    }
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let sighting = tx.see_replica(TELEGRAM, replica, app.process_now()).await?;
    tx.commit().await?;
    if sighting.released > 0 {
        tracing::info!(
            replica,
            deliveries = sighting.released,
            "what a dead bot had in its hands goes out again"
        );
        app.wake_deliveries();
    }
    let count = u32::try_from(sighting.replicas).unwrap_or(1).max(1);
    let mut kept = app.replicas().0.lock().unwrap_or_else(PoisonError::into_inner);
    kept.retain(|_, (counted, _)| counted.elapsed() < 6 * COUNT_AGAIN);
    kept.insert(key, (tokio::time::Instant::now(), count));
    Ok(count)
}

/// Leases what is due to a bot, waiting up to `wait` for something to come.
pub async fn claim(app: &App, caller: &Caller, replica: &str, limit: u32, wait: Duration) -> Result<Vec<Outgoing>> {
    if !(1..=MAX_CLAIM).contains(&limit) {
        return Err(Error::invalid("limit", "out_of_range", "must be between 1 and 100"));
    }
    let deadline = tokio::time::Instant::now() + wait.min(MAX_WAIT);
    loop {
        let signal = app.deliveries_signal().notified();
        tokio::pin!(signal);
        signal.as_mut().enable();
        // Whoever waits here lives: a bot that dies hangs up, and its claim with it.
        see(app, caller, replica).await?;
        let claimed = claim_now(app, caller, replica, limit).await?;
        if !claimed.is_empty() || tokio::time::Instant::now() >= deadline {
            return Ok(claimed);
        }
        tokio::select! {
            () = &mut signal => {}
            () = app.clock().moved() => {}
            () = tokio::time::sleep(LOOK_AGAIN) => {}
            () = tokio::time::sleep_until(deadline) => {}
        }
    }
}

async fn claim_now(app: &App, caller: &Caller, replica: &str, limit: u32) -> Result<Vec<Outgoing>> {
    let (now, process_now) = (app.now(), app.process_now());
    let tenant = app.tenant(&caller.tenant);
    // Asked without the writer's lock first: waiting bots must not disturb those who write.
    if !tenant
        .read()
        .await?
        .has_due_delivery(TELEGRAM, now, process_now)
        .await?
    {
        return Ok(Vec::new());
    }
    let mut tx = tenant.write().await?;
    let claimed = tx
        .claim_deliveries(
            TELEGRAM,
            replica,
            limit,
            now,
            process_now,
            process_now.plus_millis(LEASE_MS),
        )
        .await?;
    let outgoing = prepare(app, &mut tx, claimed).await?;
    tx.commit().await?;
    Ok(outgoing)
}

/// An upload may take its time; nobody else shall begin it meanwhile.
const UPLOAD_LEASE_MS: i64 = 120_000;

pub(crate) async fn prepare(app: &App, tx: &mut Tx, claimed: Vec<ClaimedDelivery>) -> Result<Vec<Outgoing>> {
    let now = app.now();
    let mut outgoing = Vec::with_capacity(claimed.len());
    for delivery in claimed {
        let content: Content = match serde_json::from_str(&delivery.content) {
            Ok(content) => content,
            // One message of a shape nobody knows must not silence every chat.
            Err(error) => {
                tracing::error!(delivery.id = %delivery.id, %error, "a message can't be read and is put aside");
                tx.reject_unreadable(delivery.id.as_str(), "its content can't be read", now)
                    .await?;
                continue;
            }
        };
        let mut lease_until = delivery.lease_until;
        let mut external_file_id = None;
        if let Some(file) = content.file.as_ref().and_then(|file| FileId::parse(&file.id)) {
            external_file_id = external_ids(tx, &file)
                .await?
                .and_then(|ids| ids.get(TELEGRAM).cloned());
            lease_until = app.process_now().plus_millis(UPLOAD_LEASE_MS);
            tx.extend_delivery(&delivery.id, lease_until).await?;
        }
        let mut album_file_ids = Vec::with_capacity(content.album.len());
        for picture in &content.album {
            let known = match FileId::parse(&picture.id) {
                Some(file) => external_ids(tx, &file).await?,
                None => None,
            };
            album_file_ids.push(known.and_then(|ids| ids.get(TELEGRAM).cloned()));
        }
        if !content.album.is_empty() {
            lease_until = app.process_now().plus_millis(UPLOAD_LEASE_MS);
            tx.extend_delivery(&delivery.id, lease_until).await?;
        }
        outgoing.push(Outgoing {
            id: delivery.id,
            address: delivery.address,
            external_file_id,
            album_file_ids,
            provider_token: telegram::token_for(tx, &content).await?,
            content,
            edit: delivery.edit_ref,
            retire: delivery.retire_ref,
            attempt: u32::try_from(delivery.attempt).unwrap_or(u32::MAX),
            lease_until,
        });
    }
    Ok(outgoing)
}

async fn external_ids(tx: &mut Tx, file: &FileId) -> Result<Option<BTreeMap<String, String>>> {
    Ok(tx
        .find_file(file)
        .await?
        .map(|file| serde_json::from_str(&file.external_ids).unwrap_or_default()))
}

/// Writes what became of deliveries. Repeating a report changes nothing.
pub async fn report(app: &App, caller: &Caller, replica: &str, fates: &[(OutboxId, Fate)]) -> Result<()> {
    see(app, caller, replica).await?;
    let now = app.now();
    let guide = settings::guide(app, &caller.tenant).await?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    for (id, fate) in fates {
        let settled = match fate {
            Fate::Sent { message_ref, .. } => Report::Sent {
                external_ref: message_ref.clone(),
            },
            // It has no message, hence no reference.
            Fate::StarsListed { .. } => Report::Sent {
                external_ref: String::new(),
            },
            Fate::Unreachable { reason } => Report::Unreachable { reason: reason.clone() },
            Fate::Rejected { reason } => Report::Rejected { reason: reason.clone() },
            Fate::RetryLater { after_ms, reason } => {
                let due_at = now.plus_millis(i64::try_from(*after_ms).unwrap_or(i64::MAX));
                Report::RetryAt {
                    due_at,
                    reason: reason.clone(),
                }
            }
        };
        let Some(delivery) = tx.report_delivery(id, replica, &settled, now).await? else {
            continue;
        };
        telegram::reported(app, &mut tx, &delivery, fate, &caller.request_id).await?;
        let outcome = match fate {
            Fate::Sent {
                message_ref,
                external_file_id,
                album_file_ids,
            } => {
                messages::arrived(app, &mut tx, &delivery, &caller.request_id).await?;
                approve_program::card_arrived(app, &mut tx, &guide, &delivery, message_ref, &caller.request_id).await?;
                after_sent(
                    app,
                    &mut tx,
                    caller,
                    &delivery,
                    message_ref,
                    external_file_id.as_deref(),
                    album_file_ids,
                )
                .await?;
                "sent"
            }
            Fate::StarsListed { .. } => "sent",
            Fate::Unreachable { reason } => {
                after_unreachable(app, &mut tx, caller, &guide, &delivery, reason).await?;
                "unreachable"
            }
            Fate::Rejected { reason } => {
                tracing::error!(delivery.id = %delivery.id, delivery.kind, reason, "a message was refused by the messenger");
                if let ("trainer_reply", Some(client)) = (delivery.kind.as_str(), &delivery.client) {
                    tell_of_undelivered(app, &mut tx, caller, client, |language| {
                        &guide.texts(language).trainer_reply_rejected
                    })
                    .await?;
                }
                "rejected"
            }
            Fate::RetryLater { reason, .. } if delivery.attempts >= MAX_ATTEMPTS => {
                tracing::error!(delivery.id = %delivery.id, reason, attempts = delivery.attempts, "a message keeps failing");
                "failing"
            }
            Fate::RetryLater { .. } => "retrying",
        };
        metrics::counter!("voronka_deliveries_total", "outcome" => outcome).increment(1);
    }
    tx.commit().await?;
    // Whatever waited behind these in their chats may go now.
    app.wake_deliveries();
    app.wake_workers();
    Ok(())
}

async fn after_sent(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    delivery: &ReportedDelivery,
    message_ref: &str,
    external_file_id: Option<&str>,
    album_file_ids: &[String],
) -> Result<()> {
    if delivery.is_step {
        tx.set_step_ref(&delivery.channel, &delivery.address, Some(message_ref))
            .await?;
        tx.retire_in_next_step(&delivery.channel, &delivery.address, message_ref)
            .await?;
    }
    if external_file_id.is_some() || !album_file_ids.is_empty() {
        let content: Content = serde_json::from_str(&delivery.content).unwrap_or_default();
        let sent = content.file.iter().zip(external_file_id);
        let pictures = content.album.iter().zip(album_file_ids.iter().map(String::as_str));
        for (file, external) in sent.chain(pictures) {
            let Some(file) = FileId::parse(&file.id) else {
                continue;
            };
            let mut ids = external_ids(tx, &file).await?.unwrap_or_default();
            ids.insert(delivery.channel.clone(), external.to_owned());
            let ids = serde_json::to_string(&ids).map_err(|error| Error::internal(error.to_string()))?;
            tx.set_file_external_ids(&file, &ids).await?;
        }
    }
    if let (Some(program), Some(client)) = (&delivery.program, &delivery.client) {
        give::handed_over(app, tx, caller, client, program, &delivery.channel).await?;
    }
    Ok(())
}

/// "Blocked the bot" is a state of the client, not an error.
async fn after_unreachable(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    delivery: &ReportedDelivery,
    reason: &str,
) -> Result<()> {
    let now = app.now();
    tx.set_blocked(&delivery.channel, &delivery.address, Some(now)).await?;
    tx.give_up_address(&delivery.channel, &delivery.address, reason, now)
        .await?;
    let Some(client) = &delivery.client else {
        return Ok(());
    };
    tx.set_client_flags(client, None, Some(false), now).await?;
    let action = Action {
        id: app.new_id(),
        kind: "client.unreachable".to_owned(),
        actor: caller.actor.to_string(),
        details: json!({ "reason": reason, "message": delivery.kind }).to_string(),
        at: now,
    };
    tx.insert_action(client, &action).await?;
    if delivery.kind != "trainer_reply" {
        return Ok(());
    }
    tell_of_undelivered(app, tx, caller, client, |language| {
        &guide.texts(language).trainer_reply_unreachable
    })
    .await
}

/// A trainer's own words did not arrive: they should know.
async fn tell_of_undelivered<'a>(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    client: &ClientId,
    template: impl Fn(Language) -> &'a str,
) -> Result<()> {
    let name = tx
        .find_client(client)
        .await?
        .map(|client| client.display_name)
        .unwrap_or_default();
    notify_trainers(app, tx, Some(client), "notice", None, &caller.request_id, |language| {
        Content::text(domain::content::rich(template(language), &[("name", &name)]))
    })
    .await?;
    Ok(())
}
