//! Who speaks: a known chat, or a newcomer who becomes a client with a lead in the first stage.

use domain::dialogue::trainer::Card;
use domain::ids::{Id, LeadId};
use domain::language::Language;
use domain::pipeline::StageKind;
use serde_json::json;
use store::{Client, Conversation, DeepLink, NewClient, NewConversation, NewLead, NewMove, NewTouch, Origin, Tx};

use super::arrival::{self, Arrival};
use super::{Body, Inbound, Person, note};
use crate::caller::Caller;
use crate::context::App;
use crate::deliver::{TELEGRAM, notify_trainers};
use crate::error::{Error, Result};
use crate::pay::site_link;
use crate::settings::Guide;

/// Telegram allows 64 for each of two names; whatever is longer is cut, not refused.
const MAX_NAME: usize = 200;
const MAX_PAYLOAD: usize = 64;

pub(super) struct Meeting {
    pub conversation: Conversation,
    /// `None` only in a trainer's chat.
    pub client: Option<Client>,
    pub is_new: bool,
    /// They came by the link of an order of the site.
    pub arrival: Option<Arrival>,
}

/// What the messenger says of somebody, to notice when it says something else.
pub(super) fn known_as(person: &Person) -> String {
    format!(
        "{}\n{}",
        display_name(person),
        person.username.as_deref().unwrap_or_default()
    )
}

/// How a client is spoken to: by the first of their names.
pub(crate) fn called(display_name: &str) -> &str {
    display_name.split_whitespace().next().unwrap_or(display_name)
}

pub(super) fn display_name(person: &Person) -> String {
    let joined = match &person.last_name {
        Some(last) => format!("{} {last}", person.first_name),
        None => person.first_name.clone(),
    };
    let clean: String = joined
        .chars()
        .filter(|character| !character.is_control())
        .take(MAX_NAME)
        .collect();
    let clean = clean.trim();
    match (clean.is_empty(), &person.username) {
        (false, _) => clean.to_owned(),
        (true, Some(username)) => username.chars().take(MAX_NAME).collect(),
        (true, None) => "—".to_owned(),
    }
}

/// A payload only if it could have come from a link of ours; anything else is survived and forgotten.
fn payload(inbound: &Inbound) -> Option<&str> {
    match &inbound.body {
        Body::Start { payload: Some(payload) } => Some(payload.as_str()).filter(|text| {
            (1..=MAX_PAYLOAD).contains(&text.len())
                && text
                    .bytes()
                    .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'_' | b'-'))
        }),
        _ => None,
    }
}

fn origin(link: Option<&DeepLink>, payload: Option<&str>) -> Origin {
    match link {
        Some(link) => Origin {
            source: link.source.clone(),
            campaign: link.campaign.clone(),
            utm: link.utm.clone(),
            referrer: link.referrer.clone(),
            payload: payload.map(str::to_owned),
        },
        None => Origin {
            source: TELEGRAM.to_owned(),
            utm: "{}".to_owned(),
            payload: payload.map(str::to_owned),
            ..Origin::default()
        },
    }
}

/// Finds or makes the conversation and its client.
pub(super) async fn meet(app: &App, tx: &mut Tx, caller: &Caller, guide: &Guide, inbound: &Inbound) -> Result<Meeting> {
    let now = app.now();
    let payload = payload(inbound);
    let known = tx.lock_conversation(TELEGRAM, &inbound.address).await?;
    if let Some(token) = payload.filter(|text| site_link::is_token(text)) {
        // The token is nobody's business afterwards: it goes into no touch.
        return if known.as_ref().is_some_and(|conversation| conversation.is_trainer) {
            greet(app, tx, caller, guide, inbound, known, None, None).await
        } else {
            arrival::meet(app, tx, caller, guide, inbound, known, token).await
        };
    }
    let link = match payload {
        Some(token) => tx.find_link(token, now).await?,
        None => None,
    };
    if let Some(link) = &link
        && link.purpose == "trainer"
        && tx.use_link(&link.token, now).await?
    {
        return become_trainer(app, tx, inbound, known).await;
    }
    greet(app, tx, caller, guide, inbound, known, link.as_ref(), payload).await
}

/// A newcomer is welcomed; of somebody known the name is kept current and the touch recorded.
#[expect(
    clippy::too_many_arguments,
    reason = "everything that is known of somebody who speaks"
)]
pub(super) async fn greet(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    inbound: &Inbound,
    known: Option<Conversation>,
    link: Option<&DeepLink>,
    payload: Option<&str>,
) -> Result<Meeting> {
    let now = app.now();
    let Some(conversation) = known else {
        return welcome(app, tx, caller, guide, inbound, link, payload).await;
    };
    let client = match &conversation.client {
        Some(id) => tx.find_client(id).await?,
        None => None,
    };
    let Some(client) = client else {
        return if conversation.is_trainer {
            Ok(Meeting {
                conversation,
                client: None,
                is_new: false,
                arrival: None,
            })
        } else {
            Err(Error::internal(format!(
                "the chat {} has no client",
                conversation.address
            )))
        };
    };
    if conversation.is_trainer {
        return Ok(Meeting {
            conversation,
            client: Some(client),
            is_new: false,
            arrival: None,
        });
    }
    let mut client = client;
    if known_as(&inbound.person) != conversation.known_as {
        let name = display_name(&inbound.person);
        tx.rename_client(&client.id, &name, inbound.person.username.as_deref(), now)
            .await?;
        client.display_name = name;
        client.username.clone_from(&inbound.person.username);
    }
    if payload.is_some() {
        let touch = NewTouch {
            id: app.new_id(),
            client: client.id.clone(),
            channel: TELEGRAM.to_owned(),
            origin: origin(link, payload),
            now,
        };
        tx.insert_touch(&touch).await?;
    }
    if conversation.blocked_at.is_some() && inbound.body != Body::Blocked {
        tx.set_blocked(TELEGRAM, &inbound.address, None).await?;
        tx.set_client_flags(&client.id, None, Some(true), now).await?;
        note(app, tx, &client.id, "client.reachable", "client", json!({})).await?;
    }
    Ok(Meeting {
        conversation,
        client: Some(client),
        is_new: false,
        arrival: None,
    })
}

async fn become_trainer(app: &App, tx: &mut Tx, inbound: &Inbound, known: Option<Conversation>) -> Result<Meeting> {
    let now = app.now();
    if known.is_none() {
        let new = NewConversation {
            channel: TELEGRAM.to_owned(),
            address: inbound.address.clone(),
            client: None,
            is_trainer: true,
            language: Language::from_ietf(inbound.person.language_code.as_deref().unwrap_or_default()),
            known_as: known_as(&inbound.person),
            now,
        };
        tx.insert_conversation(&new).await?;
    }
    tx.make_trainer(TELEGRAM, &inbound.address, now).await?;
    let conversation = tx
        .lock_conversation(TELEGRAM, &inbound.address)
        .await?
        .ok_or_else(|| Error::internal("a conversation vanished while it was made"))?;
    Ok(Meeting {
        conversation,
        client: None,
        is_new: true,
        arrival: None,
    })
}

/// Client, lead, first stage, first touch and the trainer's notice, all at once.
async fn welcome(
    app: &App,
    tx: &mut Tx,
    caller: &Caller,
    guide: &Guide,
    inbound: &Inbound,
    link: Option<&DeepLink>,
    payload: Option<&str>,
) -> Result<Meeting> {
    let now = app.now();
    let stage = tx
        .stage_of_kind(StageKind::FirstContact)
        .await?
        .ok_or_else(|| Error::internal("the pipeline has no first stage"))?;
    let language = Language::from_ietf(inbound.person.language_code.as_deref().unwrap_or_default());
    let origin = origin(link, payload);
    let new = NewClient {
        id: app.new_id(),
        stage: stage.id.clone(),
        display_name: display_name(&inbound.person),
        username: inbound.person.username.clone(),
        language,
        phone: None,
        email: None,
        origin: origin.clone(),
        now,
    };
    tx.insert_client(&new).await?;
    let conversation = NewConversation {
        channel: TELEGRAM.to_owned(),
        address: inbound.address.clone(),
        client: Some(new.id.clone()),
        is_trainer: false,
        language,
        known_as: known_as(&inbound.person),
        now,
    };
    if !tx.insert_conversation(&conversation).await? {
        // Dropping the transaction undoes the client just made; the next try finds the one of the other replica.
        return Err(Error::conflict(
            "met_elsewhere",
            "another replica met this person first",
        ));
    }
    let lead = NewLead {
        id: app.new_id::<LeadId>(),
        client: new.id.clone(),
        source: origin.source.clone(),
        now,
    };
    tx.insert_lead(&lead).await?;
    let step = NewMove {
        id: app.new_id(),
        client: new.id.clone(),
        from: None,
        to: stage.id,
        actor: "system".to_owned(),
        reason: "Contacted".to_owned(),
        now,
    };
    tx.insert_move(&step).await?;
    let touch = NewTouch {
        id: app.new_id(),
        client: new.id.clone(),
        channel: TELEGRAM.to_owned(),
        origin: origin.clone(),
        now,
    };
    tx.insert_touch(&touch).await?;
    note(
        app,
        tx,
        &new.id,
        "lead.created",
        "client",
        json!({ "lead_id": lead.id.as_str(), "source": origin.source }),
    )
    .await?;
    let source = match (&origin.campaign, link) {
        (Some(campaign), _) => Some(format!("{}, {campaign}", origin.source)),
        (None, Some(_)) => Some(origin.source.clone()),
        (None, None) => None,
    };
    notify_trainers(app, tx, Some(&new.id), "notice", None, &caller.request_id, |language| {
        let texts = guide.texts(language);
        let card = Card {
            client: &new.id,
            name: &new.display_name,
            username: new.username.as_deref(),
            source: source.as_deref().unwrap_or(&texts.trainer_source_unknown),
        };
        card.new_lead(texts, &lead.id)
    })
    .await?;
    let conversation = tx
        .lock_conversation(TELEGRAM, &inbound.address)
        .await?
        .ok_or_else(|| Error::internal("a conversation vanished while it was made"))?;
    let client = tx
        .find_client(&new.id)
        .await?
        .ok_or_else(|| Error::internal("a client vanished while it was made"))?;
    Ok(Meeting {
        conversation,
        client: Some(client),
        is_new: true,
        arrival: None,
    })
}
