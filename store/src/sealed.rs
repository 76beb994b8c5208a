//! Every sealed column, and bringing what is sealed under an old master key under the newest one.
//!
//! A column that holds sealed values belongs on [`SEALED_COLUMNS`]: what is not on it stays under its old key for ever. A
//! test compares the list with the schema.

use domain::fold::phone_digits;
use sqlx::AssertSqlSafe;

use crate::dialect::{execute, row, rows, scalar};
use crate::vault::VaultError;
use crate::{Error, Result, Store};

/// Where sealed values are, what they are bound to, and which index goes with them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealedColumn {
    pub table: &'static str,
    pub column: &'static str,
    /// The name that is authenticated with the value.
    place: &'static str,
    key: Key,
    index: Option<BlindIndex>,
}

/// What tells the rows of a table apart, and which of it a value is bound to.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Key {
    /// Unique over all tenants, and the owner.
    Id,
    /// Unique within a tenant, and the owner.
    One(&'static str),
    /// Two columns are unique within a tenant; the second is the owner.
    Second(&'static str, &'static str),
    /// Two columns are unique within a tenant; the owner is both of them with a slash between.
    Both(&'static str, &'static str),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct BlindIndex {
    column: &'static str,
    /// How a value is written before it is looked up.
    spelling: Spelling,
    /// Looked up before anybody knows the tenant.
    is_of_no_tenant: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Spelling {
    AsIs,
    Email,
    Phone,
}

impl Spelling {
    fn of(self, value: &str) -> Option<String> {
        match self {
            Self::AsIs => Some(value.to_owned()),
            Self::Email => Some(email_spelling(value)),
            Self::Phone => phone_digits(value),
        }
    }
}

/// The one spelling under which an e-mail address is looked up.
pub(crate) fn email_spelling(email: &str) -> String {
    email.trim().to_lowercase()
}

const fn sealed(table: &'static str, column: &'static str, place: &'static str, key: Key) -> SealedColumn {
    SealedColumn {
        table,
        column,
        place,
        key,
        index: None,
    }
}

const fn indexed(column: SealedColumn, index: &'static str, spelling: Spelling, is_of_no_tenant: bool) -> SealedColumn {
    SealedColumn {
        index: Some(BlindIndex {
            column: index,
            spelling,
            is_of_no_tenant,
        }),
        ..column
    }
}

/// All of them. The failures of signing in have an index without a value; those are forgotten within a day.
pub const SEALED_COLUMNS: [SealedColumn; 24] = [
    indexed(
        sealed("users", "email_sealed", "users.email", Key::Id),
        "email_index",
        Spelling::AsIs,
        true,
    ),
    sealed("settings", "value_sealed", "settings.value", Key::One("name")),
    indexed(
        sealed("clients", "phone_sealed", "clients.phone", Key::Id),
        "phone_index",
        Spelling::Phone,
        false,
    ),
    indexed(
        sealed("clients", "email_sealed", "clients.email", Key::Id),
        "email_index",
        Spelling::Email,
        false,
    ),
    sealed("clients", "notes_sealed", "clients.notes", Key::Id),
    sealed("client_actions", "details_sealed", "client_actions.details", Key::Id),
    sealed(
        "conversations",
        "scene_sealed",
        "conversations.scene",
        Key::Second("channel", "address"),
    ),
    sealed("messages", "body_sealed", "messages.body", Key::Id),
    sealed(
        "questionnaire_answers",
        "value_sealed",
        "questionnaire_answers.value",
        Key::Both("questionnaire_id", "question_id"),
    ),
    sealed(
        "training_programs",
        "program_sealed",
        "training_programs.program",
        Key::Id,
    ),
    sealed(
        "training_programs",
        "report_sealed",
        "training_programs.report",
        Key::Id,
    ),
    sealed(
        "training_programs",
        "revision_sealed",
        "training_programs.revision",
        Key::Id,
    ),
    sealed(
        "inbox",
        "body_sealed",
        "inbox.body",
        Key::Second("source", "dedupe_key"),
    ),
    sealed("outbox", "content_sealed", "outbox.content", Key::Id),
    sealed("held_notices", "body_sealed", "held_notices.body", Key::Id),
    sealed(
        "client_discounts",
        "note_sealed",
        "client_discounts.note",
        Key::One("client_id"),
    ),
    sealed("orders", "contact_sealed", "orders.contact", Key::Id),
    sealed("payments", "note_sealed", "payments.note", Key::Id),
    sealed("refunds", "reason_sealed", "refunds.reason", Key::Id),
    sealed("receipts", "body_sealed", "receipts.body", Key::Id),
    sealed("tasks", "facts_sealed", "tasks.facts", Key::Id),
    sealed("saved_methods", "token_sealed", "saved_methods.token", Key::Id),
    sealed("order_costs", "note_sealed", "order_costs.note", Key::Id),
    sealed(
        "idempotency_keys",
        "body",
        "idempotency_keys.body",
        Key::Both("principal", "idempotency_key"),
    ),
];

/// How far a walk over a column has come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ResealCursor {
    tenant: String,
    first: String,
    second: String,
}

/// What one batch did.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Resealed {
    pub changed: u64,
    /// Values that no key opens; they stay as they are.
    pub unreadable: u64,
    /// Where to go on; `None` at the end of the column.
    pub next: Option<ResealCursor>,
}

/// How many values of a column are under which key of `MASTER_KEY`, in its order, and how many under none of them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyUse {
    pub by_key: Vec<(String, i64)>,
    pub unknown: i64,
}

#[derive(sqlx::FromRow)]
struct SealedRow {
    tenant_id: String,
    first: String,
    second: String,
    sealed: Vec<u8>,
}

impl SealedColumn {
    fn owner(&self, row: &SealedRow) -> String {
        match self.key {
            Key::Id | Key::One(_) => row.first.clone(),
            Key::Second(..) => row.second.clone(),
            Key::Both(..) => format!("{}/{}", row.first, row.second),
        }
    }

    /// The key's columns as SQL, padded to two.
    const fn columns(&self) -> (&'static str, &'static str) {
        match self.key {
            Key::Id => ("id", "''"),
            Key::One(first) => (first, "''"),
            Key::Second(first, second) | Key::Both(first, second) => (first, second),
        }
    }
}

impl Store {
    /// Seals the next values of a column anew that are not under the newest key, with their blind index. Safe beside a
    /// running system: they are read without a lock, and each is written only if it is still what was read.
    ///
    /// Shapes: at most `limit` rows are looked at and written, in one short transaction.
    pub async fn reseal_batch(
        &self,
        column: &SealedColumn,
        after: Option<&ResealCursor>,
        limit: u32,
    ) -> Result<Resealed> {
        let old = self.read_old(column, after, limit).await?;
        let Some(last) = old.last() else {
            return Ok(Resealed::default());
        };
        let mut done = Resealed {
            next: (old.len() == usize::try_from(limit).unwrap_or(usize::MAX)).then(|| ResealCursor {
                tenant: last.tenant_id.clone(),
                first: last.first.clone(),
                second: last.second.clone(),
            }),
            ..Resealed::default()
        };
        let mut tx = self.system().await?;
        for row in &old {
            let owner = column.owner(row);
            let plain = match self.vault.open(&row.tenant_id, column.place, &owner, &row.sealed) {
                Ok(plain) => plain,
                Err(VaultError::NoRandom) => return Err(VaultError::NoRandom.into()),
                Err(error) => {
                    tracing::error!(table = column.table, column = column.column, row = owner, %error, "a sealed value does not open");
                    done.unreadable += 1;
                    continue;
                }
            };
            let fresh = self.vault.seal(&row.tenant_id, column.place, &owner, &plain)?;
            let index = match &column.index {
                Some(index) => {
                    let text = std::str::from_utf8(&plain).map_err(|_| Error::corrupt(column.place, &owner))?;
                    let tenant = if index.is_of_no_tenant { "" } else { &row.tenant_id };
                    index
                        .spelling
                        .of(text)
                        .map(|spelling| self.vault.index(tenant, column.place, &spelling))
                }
                None => None,
            };
            let set_index = column
                .index
                .map(|index| format!(", {} = $6", index.column))
                .unwrap_or_default();
            let (first, second) = column.columns();
            let (table, name) = (column.table, column.column);
            let sql = format!(
                "UPDATE {table} SET {name} = $1{set_index} WHERE tenant_id = $2 AND {first} = $3 AND {second} = $4 AND {name} = $5"
            );
            let sql = AssertSqlSafe(sql.as_str());
            let (tenant, sealed) = (&row.tenant_id, &row.sealed);
            done.changed += if column.index.is_some() {
                execute!(tx, sql, fresh, tenant, &row.first, &row.second, sealed, index)?
            } else {
                execute!(tx, sql, fresh, tenant, &row.first, &row.second, sealed)?
            };
        }
        tx.commit().await?;
        Ok(done)
    }

    async fn read_old(
        &self,
        column: &SealedColumn,
        after: Option<&ResealCursor>,
        limit: u32,
    ) -> Result<Vec<SealedRow>> {
        let newest = self.vault.prefix(self.vault.current_key());
        let (first, second) = column.columns();
        let (table, sealed, length) = (column.table, column.column, newest.len());
        let from = format!(
            "SELECT tenant_id, {first} AS first, {second} AS second, {sealed} AS sealed FROM {table} \
             WHERE {sealed} IS NOT NULL AND substr({sealed}, 1, {length}) <> $1"
        );
        let start = ResealCursor::default();
        let after = after.unwrap_or(&start);
        let mut tx = self.system_read().await?;
        if column.key == Key::Id {
            let sql = format!("{from} AND id > $2 ORDER BY id LIMIT $3");
            let sql = AssertSqlSafe(sql.as_str());
            return rows!(tx, SealedRow, sql, newest, &after.first, i64::from(limit));
        }
        let sql = format!("{from} AND (tenant_id, {first}, {second}) > ($2, $3, $4) ORDER BY 1, 2, 3 LIMIT $5");
        let sql = AssertSqlSafe(sql.as_str());
        rows!(
            tx,
            SealedRow,
            sql,
            newest,
            &after.tenant,
            &after.first,
            &after.second,
            i64::from(limit)
        )
    }

    /// Counts a column's values by the key they are sealed under. Reads the whole column.
    pub async fn key_use(&self, column: &SealedColumn) -> Result<KeyUse> {
        let (table, sealed) = (column.table, column.column);
        let mut tx = self.system_read().await?;
        let total = format!("SELECT COUNT({sealed}) FROM {table}");
        let total = scalar!(tx, i64, AssertSqlSafe(total.as_str()))?.unwrap_or_default();
        let mut by_key = Vec::new();
        for key in self.vault.keys() {
            let prefix = self.vault.prefix(key);
            let sql = format!(
                "SELECT COUNT(*) FROM {table} WHERE substr({sealed}, 1, {}) = $1",
                prefix.len()
            );
            let found = row!(tx, (i64,), AssertSqlSafe(sql.as_str()), prefix)?.map_or(0, |(count,)| count);
            by_key.push((key.to_owned(), found));
        }
        let known: i64 = by_key.iter().map(|(_, count)| count).sum();
        Ok(KeyUse {
            by_key,
            unknown: total - known,
        })
    }
}
