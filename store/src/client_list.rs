//! The list of clients: every filter is answered from an index that fits it, however many clients there are.
//!
//! Stages and sources are walked as `keyset.rs` tells. Beside that SQLite has no statistics of its tables (nothing gathers
//! them) and would walk everybody, newest first, to find one phone: so the table that narrows most is named first, and
//! `CROSS JOIN` makes SQLite begin there.

use domain::fold::phone_digits;
use domain::ids::{ClientId, Id};
use domain::time::Timestamp;

use crate::clients::{COLUMNS, ClientRow};
use crate::keyset::Statement;
use crate::page::BEYOND_ALL_IDS;
use crate::{Backend, Client, ClientFilter, Cursor, PageOf, PageRequest, Result, Tx};

/// Where the walk begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Start {
    /// The trigram index.
    Words,
    /// The blind indexes of phone and e-mail address.
    Contact,
    /// The tag's own list.
    Tag,
    /// An index of the clients that already has the order.
    Clients,
}

/// The first id a ULID of this instant could have.
fn id_floor(at: Timestamp) -> String {
    ClientId::from_parts(u64::try_from(at.millis()).unwrap_or_default(), [0; 10]).to_string()
}

/// Where an ordinary page begins: after the cursor, and not after what `created_before` allows.
fn before(after: Option<&str>, filter: &ClientFilter) -> String {
    let after = after.unwrap_or(BEYOND_ALL_IDS).to_owned();
    match filter.created_before.map(id_floor) {
        Some(floor) => floor.min(after),
        None => after,
    }
}

impl ClientFilter {
    fn start(&self) -> Start {
        if !self.words.is_empty() {
            Start::Words
        } else if self.phone.is_some() || self.email.is_some() {
            Start::Contact
        } else if self.tag.is_some() {
            Start::Tag
        } else {
            Start::Clients
        }
    }
}

impl Tx {
    /// Newest first.
    pub async fn list_clients(&mut self, filter: &ClientFilter, page: &PageRequest) -> Result<PageOf<Client>> {
        let start = filter.start();
        let mut statement = Statement::new(&format!("SELECT {COLUMNS} FROM "));
        let after = page.after.as_ref().map(|cursor| cursor.0.as_str());
        let before = before(after, filter);
        let stage = filter.stage.as_ref().map(ToString::to_string);
        let lowest = filter.created_from.map(id_floor);
        self.begin_at(start, filter, &mut statement);
        if start != Start::Clients {
            statement.compare("c.stage_id", "=", stage.clone());
            statement.compare("c.source", "=", filter.source.clone());
        }
        let is_search = start == Start::Words;
        if is_search || start == Start::Contact {
            statement.compare("c.id", ">=", lowest.clone());
            statement.compare("c.id", "<", filter.created_before.map(id_floor));
            if let Some(tag) = &filter.tag {
                let place = statement.bind(tag);
                statement.push(&format!(
                    " AND EXISTS (SELECT 1 FROM client_tags t WHERE t.tenant_id = $1 AND t.tag = {place} AND t.client_id = c.id)"
                ));
            }
        }
        match start {
            Start::Words => {
                let key = if self.backend() == Backend::Sqlite {
                    "s.rowid"
                } else {
                    "c.seq"
                };
                statement.push(&format!(" AND {key} < $2 ORDER BY {key} DESC"));
            }
            Start::Contact => statement.push(" AND c.id < $2 ORDER BY c.id DESC"),
            Start::Tag => {
                let tag = filter.tag.clone().map(|tag| ("t.tag", tag));
                statement.walk(tag.as_slice(), "t.client_id", lowest.unwrap_or_default());
            }
            Start::Clients => {
                let stage = stage.map(|stage| ("c.stage_id", stage));
                let source = filter.source.clone().map(|source| ("c.source", source));
                let columns: Vec<_> = stage.into_iter().chain(source).collect();
                statement.walk(&columns, "c.id", lowest.unwrap_or_default());
            }
        }
        statement.push(&format!(" LIMIT {}", page.fetch()));
        // Whether a word is common decides how it is best found.
        if is_search && self.backend() == Backend::Postgres {
            statement.replan();
        }
        let mut rows: Vec<ClientRow> = if is_search {
            let before: i64 = after.and_then(|cursor| cursor.parse().ok()).unwrap_or(i64::MAX);
            self.fetch(statement, before).await?
        } else {
            self.fetch(statement, before).await?
        };
        let is_more = rows.len() > page.limit as usize;
        rows.truncate(page.limit as usize);
        let next = rows
            .last()
            .filter(|_| is_more)
            .map(|row| if is_search { row.seq.to_string() } else { row.id.clone() });
        let items = rows
            .into_iter()
            .map(|row| self.client(row))
            .collect::<Result<Vec<_>>>()?;
        Ok(PageOf {
            items,
            next: next.map(Cursor),
        })
    }

    /// Writes what follows FROM, with the filters that `start` stands for.
    fn begin_at(&self, start: Start, filter: &ClientFilter, statement: &mut Statement) {
        match start {
            Start::Words => {
                self.find_words(&filter.words, statement);
                self.match_contact("c", filter, statement);
            }
            Start::Contact => {
                statement.push(
                    "clients p CROSS JOIN clients c WHERE c.seq = p.seq AND c.tenant_id = $1 AND p.tenant_id = $1",
                );
                self.match_contact("p", filter, statement);
            }
            Start::Tag => statement.push(
                "client_tags t CROSS JOIN clients c WHERE c.id = t.client_id AND c.tenant_id = $1 AND t.tenant_id = $1",
            ),
            Start::Clients => statement.push("clients c WHERE c.tenant_id = $1"),
        }
    }

    fn find_words(&self, words: &[String], statement: &mut Statement) {
        match self.backend() {
            Backend::Sqlite => {
                let words: Vec<String> = words.iter().map(|word| format!("\"{word}\"")).collect();
                let place = statement.bind(words.join(" AND "));
                // The index is walked newest first, rows are looked up.
                statement.push(&format!(
                    "clients_search s CROSS JOIN clients c WHERE c.seq = s.rowid AND clients_search MATCH {place} AND c.tenant_id = $1"
                ));
            }
            Backend::Postgres => {
                statement.push("clients c WHERE c.tenant_id = $1");
                for word in words {
                    statement.compare("c.search_text", "LIKE", Some(format!("%{word}%")));
                }
            }
        }
    }

    fn match_contact(&self, table: &str, filter: &ClientFilter, statement: &mut Statement) {
        if let Some(phone) = &filter.phone {
            let digits = phone_digits(phone).unwrap_or_default();
            let indexes = self.vault.indexes(self.tenant.as_ref(), "clients.phone", &digits);
            statement.one_of(&format!("{table}.phone_index"), indexes);
        }
        if let Some(email) = &filter.email {
            let indexes = self.vault.indexes(
                self.tenant.as_ref(),
                "clients.email",
                &crate::sealed::email_spelling(email),
            );
            statement.one_of(&format!("{table}.email_index"), indexes);
        }
    }
}
