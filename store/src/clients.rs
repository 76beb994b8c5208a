//! Clients: lists of a million as quick as lists of ten.

use domain::fold::{fold, phone_digits};
use domain::ids::{ClientId, Id, StageId, UserId};
use domain::language::Language;
use domain::time::Timestamp;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows, scalar};
use crate::pipeline::shard_of;
use crate::sealed::email_spelling;
use crate::{Backend, Error, Result, Tx};

/// Where somebody first came from; never changed afterwards.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Origin {
    pub source: String,
    pub campaign: Option<String>,
    /// UTM marks as a JSON object.
    pub utm: String,
    pub referrer: Option<String>,
    pub payload: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewClient {
    pub id: ClientId,
    pub stage: StageId,
    pub display_name: String,
    pub username: Option<String>,
    pub language: Language,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub origin: Origin,
    pub now: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Client {
    pub id: ClientId,
    pub stage: StageId,
    pub display_name: String,
    pub username: Option<String>,
    pub language: Language,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub notes: Option<String>,
    pub origin: Origin,
    pub needs_trainer: bool,
    pub is_reachable: bool,
    pub owner: Option<UserId>,
    pub created_at: Timestamp,
    pub updated_at: Timestamp,
    pub version: i64,
}

/// The fields a person edits; everything is written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientUpdate {
    pub display_name: String,
    pub username: Option<String>,
    pub language: Language,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub notes: Option<String>,
    pub owner: Option<UserId>,
}

#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ClientFilter {
    /// Words of at least three letters in name or username, all of them.
    pub words: Vec<String>,
    pub phone: Option<String>,
    pub email: Option<String>,
    pub stage: Option<StageId>,
    pub source: Option<String>,
    pub tag: Option<String>,
    pub created_from: Option<Timestamp>,
    /// Exclusive.
    pub created_before: Option<Timestamp>,
}

#[derive(sqlx::FromRow)]
pub(crate) struct ClientRow {
    pub(crate) seq: i64,
    pub(crate) id: String,
    stage_id: String,
    display_name: String,
    username: Option<String>,
    language: String,
    phone_sealed: Option<Vec<u8>>,
    email_sealed: Option<Vec<u8>>,
    notes_sealed: Option<Vec<u8>>,
    source: String,
    campaign: Option<String>,
    utm: String,
    referrer: Option<String>,
    start_payload: Option<String>,
    needs_trainer: i64,
    is_reachable: i64,
    owner_id: Option<String>,
    created_at_ms: i64,
    updated_at_ms: i64,
    version: i64,
}

pub(crate) const COLUMNS: &str = "c.seq, c.id, c.stage_id, c.display_name, c.username, c.language, c.phone_sealed, c.email_sealed, \
     c.notes_sealed, c.source, c.campaign, c.utm, c.referrer, c.start_payload, c.needs_trainer, c.is_reachable, c.owner_id, \
     c.created_at_ms, c.updated_at_ms, c.version";

fn search_text(name: &str, username: Option<&str>) -> String {
    fold(&format!("{name} {}", username.unwrap_or_default()))
}

impl Tx {
    pub(crate) fn client(&self, row: ClientRow) -> Result<Client> {
        let corrupt = |place: &'static str| Error::corrupt(place, &row.id);
        let open = |place: &'static str, sealed: &Option<Vec<u8>>| {
            sealed
                .as_deref()
                .map(|sealed| self.open_text(place, &row.id, sealed))
                .transpose()
        };
        Ok(Client {
            id: ClientId::parse(&row.id).ok_or_else(|| corrupt("clients.id"))?,
            stage: StageId::parse(&row.stage_id).ok_or_else(|| corrupt("clients.stage_id"))?,
            language: Language::parse(&row.language).ok_or_else(|| corrupt("clients.language"))?,
            phone: open("clients.phone", &row.phone_sealed)?,
            email: open("clients.email", &row.email_sealed)?,
            notes: open("clients.notes", &row.notes_sealed)?,
            owner: row.owner_id.as_deref().and_then(UserId::parse),
            display_name: row.display_name,
            username: row.username,
            origin: Origin {
                source: row.source,
                campaign: row.campaign,
                utm: row.utm,
                referrer: row.referrer,
                payload: row.start_payload,
            },
            needs_trainer: row.needs_trainer != 0,
            is_reachable: row.is_reachable != 0,
            created_at: Timestamp::from_millis(row.created_at_ms),
            updated_at: Timestamp::from_millis(row.updated_at_ms),
            version: row.version,
        })
    }

    fn seal_contact(&self, id: &ClientId, place: &str, value: Option<&str>) -> Result<Option<Vec<u8>>> {
        value
            .map(|value| self.seal(place, id.as_str(), value.as_bytes()))
            .transpose()
    }

    fn phone_index(&self, phone: Option<&str>) -> Option<String> {
        phone
            .and_then(phone_digits)
            .map(|digits| self.vault.index(self.tenant.as_ref(), "clients.phone", &digits))
    }

    fn email_index(&self, email: Option<&str>) -> Option<String> {
        email.map(|email| {
            self.vault
                .index(self.tenant.as_ref(), "clients.email", &email_spelling(email))
        })
    }

    /// Inserts a client into its stage; the stage's count moves with it.
    pub async fn insert_client(&mut self, new: &NewClient) -> Result<()> {
        const SQL: &str = "INSERT INTO clients (id, tenant_id, stage_id, display_name, username, search_text, language, \
             phone_sealed, phone_index, email_sealed, email_index, source, campaign, utm, referrer, start_payload, \
             needs_trainer, is_reachable, created_at_ms, updated_at_ms, version) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, 0, 1, $17, $17, 1)";
        let phone = self.seal_contact(&new.id, "clients.phone", new.phone.as_deref())?;
        let phone_index = self.phone_index(new.phone.as_deref());
        let email = self.seal_contact(&new.id, "clients.email", new.email.as_deref())?;
        let email_index = self.email_index(new.email.as_deref());
        execute!(
            self,
            SQL,
            new.id.as_str(),
            self.tenant.as_ref(),
            new.stage.as_str(),
            &new.display_name,
            new.username.as_deref(),
            search_text(&new.display_name, new.username.as_deref()),
            new.language.code(),
            phone.as_deref(),
            phone_index.as_deref(),
            email.as_deref(),
            email_index.as_deref(),
            &new.origin.source,
            new.origin.campaign.as_deref(),
            &new.origin.utm,
            new.origin.referrer.as_deref(),
            new.origin.payload.as_deref(),
            new.now.millis()
        )?;
        self.add_to_stage(&new.stage, shard_of(&new.id), 1).await
    }

    pub async fn find_client(&mut self, id: &ClientId) -> Result<Option<Client>> {
        let sql = format!("SELECT {COLUMNS} FROM clients c WHERE c.tenant_id = $1 AND c.id = $2");
        let found = row!(
            self,
            ClientRow,
            AssertSqlSafe(sql.as_str()),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        found.map(|row| self.client(row)).transpose()
    }

    /// Writes what a person edited. Errors: [`Error::VersionConflict`] when `version` is no longer current.
    pub async fn update_client(
        &mut self,
        id: &ClientId,
        version: i64,
        update: &ClientUpdate,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "UPDATE clients SET display_name = $1, username = $2, search_text = $3, language = $4, \
             phone_sealed = $5, phone_index = $6, email_sealed = $7, email_index = $8, notes_sealed = $9, owner_id = $10, \
             updated_at_ms = $11, version = version + 1 WHERE tenant_id = $12 AND id = $13 AND version = $14";
        let phone = self.seal_contact(id, "clients.phone", update.phone.as_deref())?;
        let phone_index = self.phone_index(update.phone.as_deref());
        let email = self.seal_contact(id, "clients.email", update.email.as_deref())?;
        let email_index = self.email_index(update.email.as_deref());
        let notes = self.seal_contact(id, "clients.notes", update.notes.as_deref())?;
        let changed = execute!(
            self,
            SQL,
            &update.display_name,
            update.username.as_deref(),
            search_text(&update.display_name, update.username.as_deref()),
            update.language.code(),
            phone.as_deref(),
            phone_index.as_deref(),
            email.as_deref(),
            email_index.as_deref(),
            notes.as_deref(),
            update.owner.as_ref().map(UserId::as_str),
            now.millis(),
            self.tenant.as_ref(),
            id.as_str(),
            version
        )?;
        if changed == 1 {
            Ok(())
        } else {
            Err(Error::VersionConflict { what: "client" })
        }
    }

    /// What the messenger tells of somebody, when it changed.
    pub async fn rename_client(
        &mut self,
        id: &ClientId,
        name: &str,
        username: Option<&str>,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "UPDATE clients SET display_name = $1, username = $2, search_text = $3, updated_at_ms = $4, \
             version = version + 1 WHERE tenant_id = $5 AND id = $6";
        let search = search_text(name, username);
        execute!(
            self,
            SQL,
            name,
            username,
            search,
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(())
    }

    pub async fn set_client_language(&mut self, id: &ClientId, language: Language, now: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE clients SET language = $1, updated_at_ms = $2, version = version + 1 WHERE tenant_id = $3 AND id = $4";
        execute!(
            self,
            SQL,
            language.code(),
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(())
    }

    /// `needs_trainer` is all that is stored of a health flag.
    pub async fn set_client_flags(
        &mut self,
        id: &ClientId,
        needs_trainer: Option<bool>,
        is_reachable: Option<bool>,
        now: Timestamp,
    ) -> Result<()> {
        const SQL: &str = "UPDATE clients SET needs_trainer = COALESCE($1, needs_trainer), \
             is_reachable = COALESCE($2, is_reachable), updated_at_ms = $3, version = version + 1 \
             WHERE tenant_id = $4 AND id = $5";
        let (needs_trainer, is_reachable) = (needs_trainer.map(i64::from), is_reachable.map(i64::from));
        execute!(
            self,
            SQL,
            needs_trainer,
            is_reachable,
            now.millis(),
            self.tenant.as_ref(),
            id.as_str()
        )?;
        Ok(())
    }

    pub async fn add_tag(&mut self, id: &ClientId, tag: &str) -> Result<()> {
        const SQL: &str = "INSERT INTO client_tags (tenant_id, tag, client_id) VALUES ($1, $2, $3) ON CONFLICT (tenant_id, tag, client_id) DO NOTHING";
        execute!(self, SQL, self.tenant.as_ref(), tag, id.as_str())?;
        Ok(())
    }

    pub async fn remove_tag(&mut self, id: &ClientId, tag: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM client_tags WHERE tenant_id = $1 AND tag = $2 AND client_id = $3";
        execute!(self, SQL, self.tenant.as_ref(), tag, id.as_str())?;
        Ok(())
    }

    pub async fn tags_of(&mut self, id: &ClientId) -> Result<Vec<String>> {
        const SQL: &str = "SELECT tag FROM client_tags WHERE tenant_id = $1 AND client_id = $2 ORDER BY tag";
        Ok(rows!(self, (String,), SQL, self.tenant.as_ref(), id.as_str())?
            .into_iter()
            .map(|(tag,)| tag)
            .collect())
    }

    pub async fn count_clients(&mut self) -> Result<i64> {
        const SQL: &str = "SELECT CAST(COALESCE(SUM(clients), 0) AS BIGINT) FROM stage_counts WHERE tenant_id = $1";
        Ok(scalar!(self, i64, SQL, self.tenant.as_ref())?.unwrap_or_default())
    }

    pub(crate) const fn backend(&self) -> Backend {
        match &self.link {
            crate::dialect::Link::Sqlite(_) => Backend::Sqlite,
            crate::dialect::Link::Postgres(_) => Backend::Postgres,
        }
    }

    /// (client, tag) of several clients at once, at most a page of them.
    pub async fn tags_of_each(&mut self, ids: &[ClientId]) -> Result<Vec<(String, String)>> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let places: Vec<String> = (0..ids.len()).map(|at| format!("${}", at + 2)).collect();
        let sql = format!(
            "SELECT client_id, tag FROM client_tags WHERE tenant_id = $1 AND client_id IN ({}) ORDER BY client_id, tag",
            places.join(", ")
        );
        crate::dialect::on!(self, connection => {
            let mut query =
                sqlx::query_as::<_, (String, String)>(AssertSqlSafe(sql.as_str())).bind(self.tenant.as_ref());
            for id in ids {
                query = query.bind(id.as_str());
            }
            query.fetch_all(connection).await
        })
        .map_err(Error::from)
    }
}
