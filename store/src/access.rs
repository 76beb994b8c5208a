//! Users, their sessions, API keys and failed guesses.
//!
//! A token is never stored, only its SHA-256; an e-mail address is sealed and found through its blind index, which is
//! the same for all tenants, since a sign-in does not name its tenant.

use domain::ids::{ApiKeyId, Id, TenantId, UserId};
use domain::time::Timestamp;

use crate::dialect::{execute, row, scalar};
use crate::{Error, PageOf, PageRequest, Result, SystemTx, Tx};

const EMAIL: &str = "users.email";

#[derive(Debug, Clone)]
pub struct NewUser<'a> {
    pub id: &'a UserId,
    pub name: &'a str,
    /// Trimmed and in lower case.
    pub email: &'a str,
    pub password_hash: &'a str,
    pub role: &'a str,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct User {
    pub id: UserId,
    pub name: String,
    pub email: String,
    pub role: String,
    pub created_at: Timestamp,
    pub disabled_at: Option<Timestamp>,
}

/// What a sign-in is checked against.
#[derive(Clone)]
pub struct SignInSubject {
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub password_hash: String,
    pub is_disabled: bool,
}

#[derive(Debug, Clone)]
pub struct NewSession<'a> {
    pub token_hash: &'a str,
    pub user_id: &'a UserId,
    pub csrf_token: &'a str,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
}

#[derive(Clone)]
pub struct Session {
    pub tenant_id: TenantId,
    pub user_id: UserId,
    pub role: String,
    pub csrf_token: String,
    pub created_at: Timestamp,
    pub expires_at: Timestamp,
    pub is_user_disabled: bool,
}

#[derive(Debug, Clone)]
pub struct NewApiKey<'a> {
    pub id: &'a ApiKeyId,
    pub name: &'a str,
    pub token_hash: &'a str,
    pub role: &'a str,
    pub created_at: Timestamp,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApiKey {
    pub id: ApiKeyId,
    pub tenant_id: TenantId,
    pub name: String,
    pub role: String,
    pub created_at: Timestamp,
    pub revoked_at: Option<Timestamp>,
}

/// Failed guesses so far, by who is guessed or from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq, sqlx::FromRow)]
pub struct SignInFailures {
    pub failures: i64,
    pub last_failed_at_ms: i64,
}

#[derive(sqlx::FromRow)]
struct UserRow {
    id: String,
    name: String,
    email_sealed: Vec<u8>,
    role: String,
    created_at_ms: i64,
    disabled_at_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct SubjectRow {
    tenant_id: String,
    id: String,
    password_hash: String,
    disabled_at_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct SessionRow {
    tenant_id: String,
    user_id: String,
    role: String,
    csrf_token: String,
    created_at_ms: i64,
    expires_at_ms: i64,
    disabled_at_ms: Option<i64>,
}

#[derive(sqlx::FromRow)]
struct KeyRow {
    id: String,
    tenant_id: String,
    name: String,
    role: String,
    created_at_ms: i64,
    revoked_at_ms: Option<i64>,
}

impl Tx {
    /// Errors: a unique violation when the e-mail address is taken, by whichever tenant.
    pub async fn insert_user(&mut self, user: &NewUser<'_>) -> Result<()> {
        const SQL: &str =
            "INSERT INTO users (id, tenant_id, name, email_sealed, email_index, password_hash, role, created_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
        let sealed = self.seal(EMAIL, user.id.as_str(), user.email.as_bytes())?;
        let index = self.vault.index("", EMAIL, user.email);
        execute!(
            self,
            SQL,
            user.id.as_str(),
            self.tenant.as_str(),
            user.name,
            sealed,
            index,
            user.password_hash,
            user.role,
            user.created_at.millis(),
        )?;
        Ok(())
    }

    pub async fn has_users(&mut self) -> Result<bool> {
        const SQL: &str = "SELECT id FROM users WHERE tenant_id = $1 LIMIT 1";
        Ok(scalar!(self, String, SQL, self.tenant.as_str())?.is_some())
    }

    pub async fn user(&mut self, id: &UserId) -> Result<Option<User>> {
        const SQL: &str = "SELECT id, name, email_sealed, role, created_at_ms, disabled_at_ms FROM users
            WHERE tenant_id = $1 AND id = $2";
        let found = row!(self, UserRow, SQL, self.tenant.as_str(), id.as_str())?;
        found.map(|row| self.read_user(row)).transpose()
    }

    pub async fn password_hash(&mut self, id: &UserId) -> Result<Option<String>> {
        const SQL: &str = "SELECT password_hash FROM users WHERE tenant_id = $1 AND id = $2";
        scalar!(self, String, SQL, self.tenant.as_str(), id.as_str())
    }

    pub async fn set_password_hash(&mut self, id: &UserId, password_hash: &str) -> Result<()> {
        const SQL: &str = "UPDATE users SET password_hash = $3 WHERE tenant_id = $1 AND id = $2";
        execute!(self, SQL, self.tenant.as_str(), id.as_str(), password_hash)?;
        Ok(())
    }

    pub async fn insert_session(&mut self, session: &NewSession<'_>) -> Result<()> {
        const SQL: &str =
            "INSERT INTO sessions (token_hash, tenant_id, user_id, csrf_token, created_at_ms, expires_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6)";
        execute!(
            self,
            SQL,
            session.token_hash,
            self.tenant.as_str(),
            session.user_id.as_str(),
            session.csrf_token,
            session.created_at.millis(),
            session.expires_at.millis(),
        )?;
        Ok(())
    }

    pub async fn delete_session(&mut self, token_hash: &str) -> Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE tenant_id = $1 AND token_hash = $2";
        execute!(self, SQL, self.tenant.as_str(), token_hash)?;
        Ok(())
    }

    /// Signs a user out everywhere.
    pub async fn delete_sessions_of(&mut self, user: &UserId) -> Result<()> {
        const SQL: &str = "DELETE FROM sessions WHERE tenant_id = $1 AND user_id = $2";
        execute!(self, SQL, self.tenant.as_str(), user.as_str())?;
        Ok(())
    }

    /// Errors: a unique violation when the token is known already.
    pub async fn insert_api_key(&mut self, key: &NewApiKey<'_>) -> Result<()> {
        const SQL: &str = "INSERT INTO api_keys (id, tenant_id, name, token_hash, role, created_at_ms)
            VALUES ($1, $2, $3, $4, $5, $6)";
        execute!(
            self,
            SQL,
            key.id.as_str(),
            self.tenant.as_str(),
            key.name,
            key.token_hash,
            key.role,
            key.created_at.millis()
        )?;
        Ok(())
    }

    /// Newest first, revoked ones included.
    pub async fn api_keys(&mut self, request: &PageRequest) -> Result<PageOf<ApiKey>> {
        const SQL: &str = "SELECT id, tenant_id, name, role, created_at_ms, revoked_at_ms FROM api_keys
            WHERE tenant_id = $1";
        let found: Vec<KeyRow> = self.newest(SQL, &[], "id", request).await?;
        let keys = found.into_iter().map(read_key).collect::<Result<Vec<_>>>()?;
        Ok(PageOf::cut(keys, request, |key| key.id.to_string()))
    }

    /// How many keys of a role are valid.
    pub async fn count_api_keys(&mut self, role: &str) -> Result<i64> {
        const SQL: &str = "SELECT CAST(COUNT(*) AS BIGINT) FROM api_keys WHERE tenant_id = $1 AND role = $2 AND revoked_at_ms IS NULL";
        Ok(scalar!(self, i64, SQL, self.tenant.as_str(), role)?.unwrap_or_default())
    }

    /// `false` when this tenant has no such key; revoking twice keeps the first time.
    pub async fn revoke_api_key(&mut self, id: &ApiKeyId, now: Timestamp) -> Result<bool> {
        const SQL: &str =
            "UPDATE api_keys SET revoked_at_ms = COALESCE(revoked_at_ms, $3) WHERE tenant_id = $1 AND id = $2";
        Ok(execute!(self, SQL, self.tenant.as_str(), id.as_str(), now.millis())? == 1)
    }

    fn read_user(&self, row: UserRow) -> Result<User> {
        Ok(User {
            email: self.open_text(EMAIL, &row.id, &row.email_sealed)?,
            id: UserId::parse(&row.id).ok_or_else(|| Error::corrupt("users.id", &row.id))?,
            name: row.name,
            role: row.role,
            created_at: Timestamp::from_millis(row.created_at_ms),
            disabled_at: row.disabled_at_ms.map(Timestamp::from_millis),
        })
    }
}

impl SystemTx {
    /// Shapes: `email` is trimmed and in lower case.
    pub async fn sign_in_subject(&mut self, email: &str) -> Result<Option<SignInSubject>> {
        const SQL: &str = "SELECT tenant_id, id, password_hash, disabled_at_ms FROM users WHERE email_index = $1";
        for index in self.vault.indexes("", EMAIL, email) {
            if let Some(row) = row!(self, SubjectRow, SQL, index)? {
                return Ok(Some(SignInSubject {
                    tenant_id: tenant(&row.tenant_id, "users.tenant_id")?,
                    user_id: UserId::parse(&row.id).ok_or_else(|| Error::corrupt("users.id", &row.id))?,
                    password_hash: row.password_hash,
                    is_disabled: row.disabled_at_ms.is_some(),
                }));
            }
        }
        Ok(None)
    }

    pub async fn session(&mut self, token_hash: &str) -> Result<Option<Session>> {
        const SQL: &str =
            "SELECT s.tenant_id, s.user_id, u.role, s.csrf_token, s.created_at_ms, s.expires_at_ms, u.disabled_at_ms
            FROM sessions s JOIN users u ON u.id = s.user_id WHERE s.token_hash = $1";
        let Some(row) = row!(self, SessionRow, SQL, token_hash)? else {
            return Ok(None);
        };
        Ok(Some(Session {
            tenant_id: tenant(&row.tenant_id, "sessions.tenant_id")?,
            user_id: UserId::parse(&row.user_id).ok_or_else(|| Error::corrupt("sessions.user_id", &row.user_id))?,
            role: row.role,
            csrf_token: row.csrf_token,
            created_at: Timestamp::from_millis(row.created_at_ms),
            expires_at: Timestamp::from_millis(row.expires_at_ms),
            is_user_disabled: row.disabled_at_ms.is_some(),
        }))
    }

    pub async fn extend_session(&mut self, token_hash: &str, expires_at: Timestamp) -> Result<()> {
        const SQL: &str = "UPDATE sessions SET expires_at_ms = $2 WHERE token_hash = $1 AND expires_at_ms < $2";
        execute!(self, SQL, token_hash, expires_at.millis())?;
        Ok(())
    }

    pub async fn api_key(&mut self, token_hash: &str) -> Result<Option<ApiKey>> {
        const SQL: &str =
            "SELECT id, tenant_id, name, role, created_at_ms, revoked_at_ms FROM api_keys WHERE token_hash = $1";
        row!(self, KeyRow, SQL, token_hash)?.map(read_key).transpose()
    }

    /// Counts one guess and answers how many there had been and when the last was. The row stays locked until the
    /// transaction ends, so guesses in parallel are counted one after another.
    ///
    /// Shapes: `subject` names who is guessed or from where; only its keyed hash is stored.
    pub async fn count_sign_in_guess(&mut self, subject: &str, now: Timestamp) -> Result<SignInFailures> {
        const SQL: &str = "INSERT INTO sign_in_failures (subject, failures, last_failed_at_ms) VALUES ($1, 0, $2)
            ON CONFLICT (subject) DO UPDATE SET failures = sign_in_failures.failures
            RETURNING failures, last_failed_at_ms";
        const COUNT: &str =
            "UPDATE sign_in_failures SET failures = failures + 1, last_failed_at_ms = $2 WHERE subject = $1";
        let subject = self.vault.index("", "sign_in_failures.subject", subject);
        let before = row!(self, SignInFailures, SQL, subject.as_str(), now.millis())?
            .ok_or_else(|| Error::corrupt("sign_in_failures", &subject))?;
        execute!(self, COUNT, subject.as_str(), now.millis())?;
        Ok(before)
    }

    /// Sets a subject's failures back to `failures`; zero forgets it.
    pub async fn set_sign_in_failures(&mut self, subject: &str, failures: i64) -> Result<()> {
        const FORGET: &str = "DELETE FROM sign_in_failures WHERE subject = $1";
        const SET: &str = "UPDATE sign_in_failures SET failures = $2 WHERE subject = $1";
        let subject = self.vault.index("", "sign_in_failures.subject", subject);
        if failures <= 0 {
            execute!(self, FORGET, subject)?;
        } else {
            execute!(self, SET, subject, failures)?;
        }
        Ok(())
    }
}

fn read_key(row: KeyRow) -> Result<ApiKey> {
    Ok(ApiKey {
        id: ApiKeyId::parse(&row.id).ok_or_else(|| Error::corrupt("api_keys.id", &row.id))?,
        tenant_id: tenant(&row.tenant_id, "api_keys.tenant_id")?,
        name: row.name,
        role: row.role,
        created_at: Timestamp::from_millis(row.created_at_ms),
        revoked_at: row.revoked_at_ms.map(Timestamp::from_millis),
    })
}

fn tenant(id: &str, place: &'static str) -> Result<TenantId> {
    TenantId::parse(id).ok_or_else(|| Error::corrupt(place, id))
}
