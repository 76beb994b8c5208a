//! Clients: finding, entering, editing, tagging.

use std::collections::HashMap;

use domain::fold::{fold, phone_digits};
use domain::ids::{ClientId, Id, StageId, UserId};
use domain::language::Language;
use domain::pipeline::StageKind;
use domain::time::Timestamp;
use serde_json::json;
use store::{Client, ClientFilter, ClientUpdate, NewClient, NewLead, NewMove, Origin, PageOf, PageRequest, Stage, Tx};

use super::contact::{self, Checks};
use super::{check_cursor, note, parse_id, wrong_cursor};
use crate::access::audit;
use crate::{App, Caller, Error, Result};

/// A trigram index finds nothing shorter.
const MIN_WORD_CHARS: usize = 3;
/// More words than a name has only cost time.
const MAX_WORDS: usize = 8;
/// A client with more tags than this has none that mean anything.
const MAX_TAGS: usize = 50;

/// A client with what stands beside it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientView {
    pub client: Client,
    pub stage: Stage,
    pub tags: Vec<String>,
}

/// What to look for, as it was typed.
#[derive(Debug, Clone, Default)]
pub struct Search {
    pub words: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub stage: Option<String>,
    pub source: Option<String>,
    pub tag: Option<String>,
    pub created_from: Option<Timestamp>,
    /// Exclusive.
    pub created_before: Option<Timestamp>,
}

/// A client entered by hand.
#[derive(Debug, Clone, Default)]
pub struct Draft {
    pub name: String,
    pub username: Option<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub notes: Option<String>,
    pub language: Option<Language>,
    pub source: Option<String>,
    pub stage: Option<String>,
}

/// What to change: `None` stays, `Some(None)` clears.
#[derive(Debug, Clone, Default)]
pub struct Edit {
    pub name: Option<Option<String>>,
    pub username: Option<Option<String>>,
    pub phone: Option<Option<String>>,
    pub email: Option<Option<String>>,
    pub notes: Option<Option<String>>,
    pub language: Option<Option<Language>>,
    pub owner: Option<Option<String>>,
}

impl Edit {
    fn changed_fields(&self) -> Vec<&'static str> {
        [
            ("name", self.name.is_some()),
            ("username", self.username.is_some()),
            ("phone", self.phone.is_some()),
            ("email", self.email.is_some()),
            ("notes", self.notes.is_some()),
            ("language", self.language.is_some()),
            ("owner", self.owner.is_some()),
        ]
        .into_iter()
        .filter_map(|(field, is_changed)| is_changed.then_some(field))
        .collect()
    }
}

/// Newest first.
///
/// Errors: `Invalid` names `q` (`search_too_short`), `phone`, `stage`, `tag` or `cursor`.
pub async fn list(app: &App, caller: &Caller, search: &Search, page: &PageRequest) -> Result<PageOf<ClientView>> {
    let filter = filter(search)?;
    if filter.words.is_empty() {
        check_cursor::<ClientId>(page)?;
    } else if page
        .after
        .as_ref()
        .is_some_and(|cursor| cursor.0.parse::<i64>().is_err())
    {
        return Err(wrong_cursor());
    }
    let mut tx = app.tenant(&caller.tenant).read().await?;
    let found = tx.list_clients(&filter, page).await?;
    let items = views(&mut tx, found.items).await?;
    Ok(PageOf {
        items,
        next: found.next,
    })
}

fn filter(search: &Search) -> Result<ClientFilter> {
    let words = match &search.words {
        None => Vec::new(),
        Some(text) => {
            let folded = fold(text);
            let words: Vec<String> = folded
                .split(' ')
                .filter(|word| word.chars().count() >= MIN_WORD_CHARS)
                .take(MAX_WORDS)
                .map(str::to_owned)
                .collect();
            if words.is_empty() {
                return Err(Error::invalid(
                    "q",
                    "search_too_short",
                    format!("a search needs a word of at least {MIN_WORD_CHARS} letters"),
                ));
            }
            words
        }
    };
    let phone = match &search.phone {
        Some(phone) if phone_digits(phone).is_none() => {
            return Err(Error::invalid(
                "phone",
                "invalid",
                "a phone is searched as a whole: 10 to 15 digits",
            ));
        }
        phone => phone.clone(),
    };
    Ok(ClientFilter {
        words,
        phone,
        email: search.email.clone(),
        stage: search
            .stage
            .as_deref()
            .map(|id| parse_id::<StageId>("stage", id))
            .transpose()?,
        source: search.source.clone(),
        tag: search.tag.as_deref().map(|tag| tag.trim().to_lowercase()),
        created_from: search.created_from,
        created_before: search.created_before,
    })
}

/// Errors: `NotFound`.
pub async fn find(app: &App, caller: &Caller, id: &ClientId) -> Result<ClientView> {
    let mut tx = app.tenant(&caller.tenant).read().await?;
    view(&mut tx, id).await
}

/// Enters a client by hand, with an open lead, in the wanted stage.
///
/// Errors: `Invalid` with every wrong field; `Conflict` `no_stage` when the pipeline has no first stage.
pub async fn create(app: &App, caller: &Caller, draft: &Draft) -> Result<ClientView> {
    let mut checks = Checks::default();
    let name = checks.take("name", contact::name(&draft.name));
    let username = checks.take_some("username", draft.username.as_deref(), contact::username);
    let phone = checks.take_some("phone", draft.phone.as_deref(), contact::phone);
    let email = checks.take_some("email", draft.email.as_deref(), contact::email);
    let notes = checks.take_some("notes", draft.notes.as_deref(), contact::notes);
    let source = checks.take_some("source", draft.source.as_deref(), contact::source);
    checks.done()?;
    let wanted = draft
        .stage
        .as_deref()
        .map(|id| parse_id::<StageId>("stage_id", id))
        .transpose()?;

    let now = app.now();
    let id: ClientId = app.new_id();
    let source = source.unwrap_or_else(|| "manual".to_owned());
    let language = draft.language.unwrap_or_default();
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let stage = first_stage(&mut tx, wanted.as_ref()).await?;
    let new = NewClient {
        id: id.clone(),
        stage: stage.id.clone(),
        display_name: name.clone(),
        username: username.clone(),
        language,
        phone: phone.clone(),
        email: email.clone(),
        origin: Origin {
            source: source.clone(),
            utm: "{}".to_owned(),
            ..Origin::default()
        },
        now,
    };
    tx.insert_client(&new).await?;
    if notes.is_some() {
        let update = ClientUpdate {
            display_name: name,
            username,
            language,
            phone,
            email,
            notes,
            owner: None,
        };
        tx.update_client(&id, 1, &update, now).await?;
    }
    tx.insert_move(&NewMove {
        id: app.new_id(),
        client: id.clone(),
        from: None,
        to: stage.id.clone(),
        actor: caller.actor.to_string(),
        reason: String::new(),
        now,
    })
    .await?;
    let lead = NewLead {
        id: app.new_id(),
        client: id.clone(),
        source,
        now,
    };
    tx.insert_lead(&lead).await?;
    note(app, &mut tx, caller, &id, "client.created", &json!({ "by": "hand" })).await?;
    note(
        app,
        &mut tx,
        caller,
        &id,
        "lead.created",
        &json!({ "lead_id": lead.id }),
    )
    .await?;
    tx.record_audit(&audit(
        app,
        caller,
        "client.created",
        id.as_ref(),
        json!({ "lead_id": lead.id }),
    ))
    .await?;
    // Somebody may have archived the stage while this waited for it.
    ensure_in_use(&mut tx, &stage.id).await?;
    let view = view(&mut tx, &id).await?;
    tx.commit().await?;
    Ok(view)
}

async fn first_stage(tx: &mut Tx, wanted: Option<&StageId>) -> Result<Stage> {
    match wanted {
        Some(id) => tx
            .find_stage(id)
            .await?
            .ok_or_else(|| Error::invalid("stage_id", "not_found", "there is no such stage")),
        None => tx.stage_of_kind(StageKind::FirstContact).await?.ok_or_else(|| {
            Error::conflict(
                "no_stage",
                "the pipeline has no stage of kind first_contact to begin in",
            )
        }),
    }
}

/// Errors: `Conflict` `stage_archived`.
pub(super) async fn ensure_in_use(tx: &mut Tx, stage: &StageId) -> Result<()> {
    let stage = tx.find_stage(stage).await?.ok_or(Error::NotFound { what: "stage" })?;
    if stage.archived_at.is_some() {
        return Err(Error::conflict("stage_archived", "this stage is archived"));
    }
    Ok(())
}

/// Writes what a person edited, if `version` is still current.
///
/// Errors: `NotFound`; `VersionConflict`; `Invalid` with every wrong field.
pub async fn update(app: &App, caller: &Caller, id: &ClientId, version: i64, edit: &Edit) -> Result<ClientView> {
    let fields = edit.changed_fields();
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let client = tx.find_client(id).await?.ok_or(Error::NotFound { what: "client" })?;
    if client.version != version {
        return Err(Error::VersionConflict { what: "client" });
    }
    let update = merge(&mut tx, &client, edit).await?;
    if !fields.is_empty() {
        tx.update_client(id, version, &update, app.now()).await?;
        note(app, &mut tx, caller, id, "client.updated", &json!({ "fields": fields })).await?;
        tx.record_audit(&audit(
            app,
            caller,
            "client.updated",
            id.as_ref(),
            json!({ "fields": fields }),
        ))
        .await?;
    }
    let view = view(&mut tx, id).await?;
    tx.commit().await?;
    Ok(view)
}

async fn merge(tx: &mut Tx, client: &Client, edit: &Edit) -> Result<ClientUpdate> {
    let mut checks = Checks::default();
    let mut text = |field: &str, edit: &Option<Option<String>>, now: &Option<String>, check: fn(&str) -> _| match edit {
        None => now.clone(),
        Some(value) => checks.take_some(field, value.as_deref(), check),
    };
    let username = text("username", &edit.username, &client.username, contact::username);
    let phone = text("phone", &edit.phone, &client.phone, contact::phone);
    let email = text("email", &edit.email, &client.email, contact::email);
    let notes = text("notes", &edit.notes, &client.notes, contact::notes);
    let display_name = match &edit.name {
        None => client.display_name.clone(),
        Some(name) => checks.take("name", contact::name(name.as_deref().unwrap_or_default())),
    };
    if edit.language == Some(None) {
        checks.add("language", "required", "a client has a language: ru or en");
    }
    let owner = match &edit.owner {
        None => client.owner.clone(),
        Some(None) => None,
        Some(Some(owner)) => {
            let user = match UserId::parse(owner) {
                Some(id) => tx.user(&id).await?.map(|user| user.id),
                None => None,
            };
            if user.is_none() {
                checks.add("owner", "not_found", "there is no such user");
            }
            user
        }
    };
    checks.done()?;
    Ok(ClientUpdate {
        display_name,
        username,
        language: edit.language.flatten().unwrap_or(client.language),
        phone,
        email,
        notes,
        owner,
    })
}

/// Puts a tag on a client; one that is there already stays.
///
/// Errors: `NotFound`; `Invalid` names `tag`; `Conflict` `too_many_tags`.
pub async fn add_tag(app: &App, caller: &Caller, id: &ClientId, tag: &str) -> Result<ClientView> {
    let tag = checked_tag(tag)?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let view = view(&mut tx, id).await?;
    if view.tags.contains(&tag) {
        return Ok(view);
    }
    if view.tags.len() >= MAX_TAGS {
        return Err(Error::conflict(
            "too_many_tags",
            format!("a client has {MAX_TAGS} tags at most"),
        ));
    }
    tx.add_tag(id, &tag).await?;
    change_tags(app, caller, tx, id, "client.tagged", &tag).await
}

/// Takes a tag off a client; one that is not there is no error.
///
/// Errors: `NotFound`; `Invalid` names `tag`.
pub async fn remove_tag(app: &App, caller: &Caller, id: &ClientId, tag: &str) -> Result<ClientView> {
    let tag = checked_tag(tag)?;
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let view = view(&mut tx, id).await?;
    if !view.tags.contains(&tag) {
        return Ok(view);
    }
    tx.remove_tag(id, &tag).await?;
    change_tags(app, caller, tx, id, "client.untagged", &tag).await
}

fn checked_tag(tag: &str) -> Result<String> {
    let mut checks = Checks::default();
    let tag = checks.take("tag", contact::tag(tag));
    checks.done()?;
    Ok(tag)
}

async fn change_tags(
    app: &App,
    caller: &Caller,
    mut tx: Tx,
    id: &ClientId,
    what: &str,
    tag: &str,
) -> Result<ClientView> {
    note(app, &mut tx, caller, id, what, &json!({ "tag": tag })).await?;
    tx.record_audit(&audit(app, caller, what, id.as_ref(), json!({})))
        .await?;
    let view = view(&mut tx, id).await?;
    tx.commit().await?;
    Ok(view)
}

/// Errors: `NotFound`.
pub(super) async fn view(tx: &mut Tx, id: &ClientId) -> Result<ClientView> {
    let client = tx.find_client(id).await?.ok_or(Error::NotFound { what: "client" })?;
    let stage = stage_of(tx, &client).await?;
    let tags = tx.tags_of(id).await?;
    Ok(ClientView { client, stage, tags })
}

async fn stage_of(tx: &mut Tx, client: &Client) -> Result<Stage> {
    tx.find_stage(&client.stage)
        .await?
        .ok_or_else(|| Error::internal(format!("client {} stands in a stage that does not exist", client.id)))
}

/// A page of clients with their stages and tags: two queries more, however many clients.
pub(super) async fn views(tx: &mut Tx, clients: Vec<Client>) -> Result<Vec<ClientView>> {
    let mut stages: HashMap<StageId, Stage> = tx
        .stages()
        .await?
        .into_iter()
        .map(|stage| (stage.id.clone(), stage))
        .collect();
    let ids: Vec<ClientId> = clients.iter().map(|client| client.id.clone()).collect();
    let mut tags: HashMap<String, Vec<String>> = HashMap::new();
    for (client, tag) in tx.tags_of_each(&ids).await? {
        tags.entry(client).or_default().push(tag);
    }
    let mut views = Vec::with_capacity(clients.len());
    for client in clients {
        let stage = match stages.get(&client.stage) {
            Some(stage) => stage.clone(),
            None => {
                let stage = stage_of(tx, &client).await?;
                stages.insert(stage.id.clone(), stage.clone());
                stage
            }
        };
        let tags = tags.remove(client.id.as_str()).unwrap_or_default();
        views.push(ClientView { client, stage, tags });
    }
    Ok(views)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_search_keeps_the_words_the_index_can_find() {
        let search = Search {
            words: Some("  Ли-Пётр, О'Нил ".into()),
            ..Search::default()
        };
        assert_eq!(filter(&search).unwrap().words, ["петр", "нил"]);
        for short in ["", "ан", "🙂", "% _"] {
            let search = Search {
                words: Some(short.into()),
                ..Search::default()
            };
            let Err(Error::Invalid(fields)) = filter(&search) else {
                panic!("{short} is too short")
            };
            assert_eq!(fields[0].code, "search_too_short");
        }
    }
}
