//! The schema's versions. Migrations run by themselves at start and only go forward.

use sqlx::migrate::{MigrateError, Migrator};
use thiserror::Error;

use crate::{Pools, Result, Store};

static SQLITE: Migrator = sqlx::migrate!("../migrations/sqlite");
static POSTGRES: Migrator = sqlx::migrate!("../migrations/postgres");

#[derive(Debug, Error)]
pub enum SchemaError {
    #[error(
        "the database was made by a newer version of Voronka (its schema has version {0}, unknown here): \
         start that version or newer, or restore a backup from before the upgrade"
    )]
    Newer(i64),
    #[error(
        "migration {0} of the database differs from the one in this program: the program or the database was tampered with"
    )]
    Changed(i64),
    #[error("the schema could not be brought up to date")]
    Failed(#[source] MigrateError),
}

pub(crate) async fn run(store: &Store) -> Result<()> {
    let outcome = match &store.pools {
        Pools::Sqlite { write, .. } => SQLITE.run(write).await,
        Pools::Postgres(pool) => POSTGRES.run(pool).await,
    };
    outcome.map_err(|error| match error {
        MigrateError::VersionMissing(version) => SchemaError::Newer(version),
        MigrateError::VersionMismatch(version) => SchemaError::Changed(version),
        other => SchemaError::Failed(other),
    })?;
    Ok(())
}
