//! Keyset lists: a walk along an index that already has the order, however many rows there are before and beside it.
//!
//! Neither database may choose another way. PostgreSQL plans a kept statement for values it does not know, and would walk
//! a whole table, newest first, to show that a status is empty: so an equality is written as a range of rows,
//! `(tenant fixed) (status, id) >= ('queued', '') AND (status, id) < ('queued', cursor)`, whose order only the fitting
//! index `(tenant_id, status, id)` has. SQLite has no statistics of its tables and reads the same range.
//!
//! To add a list: an index that ends in the id, and [`Statement::walk`] along exactly its columns after the tenant; what
//! else is asked follows by [`Statement::compare`] before it.

use sqlx::postgres::PgRow;
use sqlx::sqlite::SqliteRow;
use sqlx::{AssertSqlSafe, FromRow};

use crate::page::BEYOND_ALL_IDS;
use crate::{PageRequest, Result, Tx};

/// A statement in the making: `$1` is the tenant, `$2` the cursor, the rest is counted up.
#[derive(Debug, Default)]
pub(crate) struct Statement {
    sql: String,
    bound: Vec<String>,
    is_replanned: bool,
}

impl Statement {
    pub(crate) fn new(sql: &str) -> Self {
        Self {
            sql: sql.to_owned(),
            ..Self::default()
        }
    }

    pub(crate) fn push(&mut self, sql: &str) {
        self.sql.push_str(sql);
    }

    /// Binds a value and returns its place.
    pub(crate) fn bind(&mut self, value: impl Into<String>) -> String {
        self.bound.push(value.into());
        format!("${}", self.bound.len() + 2)
    }

    /// Rows whose `columns` equal the values and whose `id` lies from `lowest` up to the cursor, the highest first.
    pub(crate) fn walk(&mut self, columns: &[(&str, String)], id: &str, lowest: String) {
        let names: Vec<&str> = columns.iter().map(|(name, _)| *name).chain([id]).collect();
        let mut places: Vec<String> = columns.iter().map(|(_, value)| self.bind(value)).collect();
        let (row, values) = (names.join(", "), places.join(", "));
        places.push(self.bind(lowest));
        let comma = if values.is_empty() { "" } else { ", " };
        let order: Vec<String> = names.iter().map(|name| format!("{name} DESC")).collect();
        self.push(&format!(
            " AND ({row}) >= ({}) AND ({row}) < ({values}{comma}$2) ORDER BY {}",
            places.join(", "),
            order.join(", ")
        ));
    }

    pub(crate) fn compare(&mut self, column: &str, operator: &str, value: Option<String>) {
        if let Some(value) = value {
            let place = self.bind(value);
            self.push(&format!(" AND {column} {operator} {place}"));
        }
    }

    pub(crate) fn one_of(&mut self, column: &str, values: Vec<String>) {
        let places: Vec<String> = values.into_iter().map(|value| self.bind(value)).collect();
        self.push(&format!(" AND {column} IN ({})", places.join(", ")));
    }

    /// Planned anew for each set of values, because what is best depends on them.
    pub(crate) fn replan(&mut self) {
        self.is_replanned = true;
    }
}

impl Tx {
    /// The rows of one page of `select` (which ends in conditions), newest first: those whose `columns` equal the values.
    pub(crate) async fn newest<R>(
        &mut self,
        select: &str,
        columns: &[(&str, String)],
        id: &str,
        page: &PageRequest,
    ) -> Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        let mut statement = Statement::new(select);
        statement.walk(columns, id, String::new());
        self.fetch_page(statement, page).await
    }

    /// Errors: as every query; the statement must order by what the cursor holds.
    pub(crate) async fn fetch_page<R>(&mut self, mut statement: Statement, page: &PageRequest) -> Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
    {
        statement.push(&format!(" LIMIT {}", page.fetch()));
        let before = page.after.as_ref().map_or(BEYOND_ALL_IDS, |cursor| cursor.0.as_str());
        self.fetch(statement, before.to_owned()).await
    }

    pub(crate) async fn fetch<R, K>(&mut self, statement: Statement, before: K) -> Result<Vec<R>>
    where
        R: for<'r> FromRow<'r, SqliteRow> + for<'r> FromRow<'r, PgRow> + Send + Unpin,
        K: for<'q> sqlx::Encode<'q, sqlx::Sqlite>
            + sqlx::Type<sqlx::Sqlite>
            + for<'q> sqlx::Encode<'q, sqlx::Postgres>
            + sqlx::Type<sqlx::Postgres>
            + Send
            + 'static,
    {
        let tenant = self.tenant.to_string();
        crate::dialect::on!(self, connection => {
            let mut query = sqlx::query_as::<_, R>(AssertSqlSafe(statement.sql))
                .persistent(!statement.is_replanned)
                .bind(tenant)
                .bind(before);
            for value in statement.bound {
                query = query.bind(value);
            }
            query.fetch_all(connection).await
        })
        .map_err(crate::Error::from)
    }
}
