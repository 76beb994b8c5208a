//! Who may come in: sign-in with throttled guesses, sessions, and what the first start seeds.

mod keys;
mod passwords;

use std::net::IpAddr;

use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use domain::ids::{RequestId, TenantId, UserId};
use domain::time::Timestamp;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};
use store::{AuditEntry, NewSession, NewUser, Old, Session, User};
use zeroize::Zeroizing;

pub use self::keys::{create_api_key, ensure_bot_token, list_api_keys, revoke_api_key};
pub use self::passwords::MIN_PASSWORD_CHARS;

use crate::clock::random_bytes;
use crate::credentials::Credential;
use crate::{Actor, App, Caller, Error, Result, Role, schedule};

/// A session ends after this time without a request…
const SESSION_IDLE_MS: i64 = 12 * 60 * 60 * 1000;
/// …and after this time in any case.
const SESSION_MAX_MS: i64 = 30 * 24 * 60 * 60 * 1000;
/// A session's end is moved at most this often: not every read must become a write.
const SESSION_TOUCH_MS: i64 = 5 * 60 * 1000;
/// So many wrong guesses are free; then each one doubles the wait.
const FREE_FAILURES: i64 = 5;
const MAX_LOCK_S: u64 = 15 * 60;
/// Failures older than this are forgotten.
const FAILURES_KEPT_MS: i64 = 24 * 60 * 60 * 1000;
/// Answers under an idempotency key are kept a little over the promised day.
const IDEMPOTENCY_KEPT_MS: i64 = 48 * 60 * 60 * 1000;
const MAX_NAME_CHARS: usize = 100;
/// Somebody whose session or token is valid.
#[derive(Debug, Clone)]
pub struct Authenticated {
    pub caller: Caller,
    /// `None` for a token.
    pub session: Option<SessionHandle>,
}

/// A live session, without its token.
#[derive(Clone)]
pub struct SessionHandle {
    pub user_id: UserId,
    pub csrf_token: String,
    token_hash: String,
}

impl std::fmt::Debug for SessionHandle {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("SessionHandle")
            .field("user_id", &self.user_id)
            .finish_non_exhaustive()
    }
}

/// A fresh session; the only moment its token is known.
pub struct SignedIn {
    pub user: User,
    pub token: Zeroizing<String>,
    pub csrf_token: String,
    /// The session's latest possible end.
    pub ends_at: Timestamp,
}

/// Signs a person in.
///
/// Errors: `Unauthenticated` for an unknown address and a wrong password alike, `TooManyAttempts` while the address or
/// the peer is locked (the password is not looked at then).
pub async fn sign_in(app: &App, email: &str, password: &str, peer: IpAddr, request_id: RequestId) -> Result<SignedIn> {
    let email = normalized(email);
    let by_email = format!("email:{email}");
    let by_peer = format!("peer:{peer}");
    // The guess is counted before it is looked at: a thousand at once are counted one after another.
    let peer_failures = count_guess(app, &[&by_email, &by_peer])
        .await?
        .pop()
        .unwrap_or_default();
    let mut tx = app.store().system_read().await?;
    let subject = tx.sign_in_subject(&email).await?;
    drop(tx);
    let hash = subject
        .as_ref()
        .map_or(passwords::NOBODY, |subject| subject.password_hash.as_str())
        .to_owned();
    let is_right = passwords::verify(password, hash).await?;
    let Some(subject) = subject.filter(|subject| is_right && !subject.is_disabled) else {
        return Err(Error::Unauthenticated);
    };
    let mut tx = app.store().system().await?;
    tx.set_sign_in_failures(&by_email, 0).await?;
    tx.set_sign_in_failures(&by_peer, peer_failures).await?;
    tx.commit().await?;
    let caller = Caller {
        tenant: subject.tenant_id,
        actor: Actor::User(subject.user_id.clone()),
        role: Role::Admin,
        request_id,
    };
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let user = tx.user(&subject.user_id).await?.ok_or(Error::Unauthenticated)?;
    let signed_in = open_session(app, &mut tx, user).await?;
    tx.record_audit(&audit(
        app,
        &caller,
        "user.signed_in",
        signed_in.user.id.as_ref(),
        json!({}),
    ))
    .await?;
    tx.commit().await?;
    Ok(signed_in)
}

pub async fn sign_out(app: &App, who: &Authenticated) -> Result<()> {
    let Some(session) = &who.session else { return Ok(()) };
    let mut tx = app.tenant(&who.caller.tenant).write().await?;
    tx.delete_session(&session.token_hash).await?;
    tx.record_audit(&audit(
        app,
        &who.caller,
        "user.signed_out",
        session.user_id.as_ref(),
        json!({}),
    ))
    .await?;
    tx.commit().await?;
    app.credentials().forget_session(&session.token_hash);
    Ok(())
}

/// Errors: `Unauthenticated` when the session is unknown, over, or its user disabled.
pub async fn authenticate_session(app: &App, token: &str, request_id: RequestId) -> Result<Authenticated> {
    let token_hash = token_hash(token);
    let now = app.now();
    let is_valid = |session: &Session| session.expires_at > now && !session.is_user_disabled;
    let session = match app.credentials().get(&token_hash) {
        Ok(Credential::Session(session)) => Some(session).filter(is_valid),
        Ok(Credential::Key(_)) => None,
        Err(before) => {
            let session = app.store().system_read().await?.session(&token_hash).await?;
            let session = session.filter(is_valid);
            if let Some(session) = &session {
                let credential = Credential::Session(session.clone());
                app.credentials().put(token_hash.clone(), credential, before);
            }
            session
        }
    };
    let mut session = session.ok_or(Error::Unauthenticated)?;
    let end = session_end(session.created_at, now);
    if end.millis_since(session.expires_at) > SESSION_TOUCH_MS {
        let before = app.credentials().touch();
        let mut tx = app.store().system().await?;
        tx.extend_session(&token_hash, end).await?;
        tx.commit().await?;
        session.expires_at = end;
        let credential = Credential::Session(session.clone());
        app.credentials().put(token_hash.clone(), credential, before);
    }
    let role = role_of(&session.role)?;
    let caller = Caller {
        tenant: session.tenant_id,
        actor: Actor::User(session.user_id.clone()),
        role,
        request_id,
    };
    let session = SessionHandle {
        user_id: session.user_id,
        csrf_token: session.csrf_token,
        token_hash,
    };
    Ok(Authenticated {
        caller,
        session: Some(session),
    })
}

/// Errors: `Unauthenticated` when the token is unknown or revoked.
pub async fn authenticate_token(app: &App, token: &str, request_id: RequestId) -> Result<Authenticated> {
    let token_hash = token_hash(token);
    let key = match app.credentials().get(&token_hash) {
        Ok(Credential::Key(key)) => Some(key),
        Ok(Credential::Session(_)) => None,
        Err(before) => {
            let key = app.store().system_read().await?.api_key(&token_hash).await?;
            let key = key.filter(|key| key.revoked_at.is_none());
            if let Some(key) = &key {
                app.credentials().put(token_hash, Credential::Key(key.clone()), before);
            }
            key
        }
    };
    let key = key.ok_or(Error::Unauthenticated)?;
    let role = role_of(&key.role)?;
    let caller = Caller {
        tenant: key.tenant_id,
        actor: Actor::Key(key.id),
        role,
        request_id,
    };
    Ok(Authenticated { caller, session: None })
}

/// The person behind a session; `None` for a token.
pub async fn who_is(app: &App, who: &Authenticated) -> Result<Option<User>> {
    let Some(session) = &who.session else { return Ok(None) };
    Ok(app
        .tenant(&who.caller.tenant)
        .read()
        .await?
        .user(&session.user_id)
        .await?)
}

/// Errors: `Invalid` names `email`, `name` or `password`; `Conflict` `email_taken`.
pub async fn create_user(app: &App, caller: &Caller, name: &str, email: &str, password: &str) -> Result<UserId> {
    let email = normalized(email);
    let (local, host) = email.split_once('@').unwrap_or_default();
    if local.is_empty() || host.is_empty() || email.chars().any(char::is_whitespace) || email.len() > 254 {
        return Err(Error::invalid("email", "invalid", "not an e-mail address"));
    }
    check_name(name)?;
    passwords::check("password", password)?;
    let hash = passwords::hash(password).await?;
    let id: UserId = app.new_id();
    let mut tx = app.tenant(&caller.tenant).write().await?;
    let user = NewUser {
        id: &id,
        name: name.trim(),
        email: &email,
        password_hash: &hash,
        role: Role::Admin.code(),
        created_at: app.now(),
    };
    tx.insert_user(&user).await.map_err(|error| {
        if error.is_unique_violation() {
            Error::conflict("email_taken", "somebody signs in with this e-mail address already")
        } else {
            error.into()
        }
    })?;
    tx.record_audit(&audit(app, caller, "user.created", id.as_ref(), json!({})))
        .await?;
    tx.commit().await?;
    Ok(id)
}

/// Sets a new password, ends all sessions of the user and opens a fresh one.
///
/// Errors: `Invalid` names `current_password` or `new_password`; `Forbidden` for a token; `TooManyAttempts`.
pub async fn change_password(app: &App, who: &Authenticated, current: &str, new: &str) -> Result<SignedIn> {
    let session = who.session.as_ref().ok_or(Error::Forbidden)?;
    passwords::check("new_password", new)?;
    let subject = format!("password:{}", session.user_id);
    count_guess(app, &[&subject]).await?;
    let tenant = app.tenant(&who.caller.tenant);
    let known = tenant
        .read()
        .await?
        .password_hash(&session.user_id)
        .await?
        .ok_or(Error::Unauthenticated)?;
    if !passwords::verify(current, known.clone()).await? {
        return Err(Error::invalid(
            "current_password",
            "wrong",
            "this is not your current password",
        ));
    }
    let fresh = passwords::hash(new).await?;
    let mut system = app.store().system().await?;
    system.set_sign_in_failures(&subject, 0).await?;
    system.commit().await?;
    let mut tx = tenant.write().await?;
    if tx.password_hash(&session.user_id).await?.as_deref() != Some(known.as_str()) {
        return Err(Error::VersionConflict { what: "the password" });
    }
    tx.set_password_hash(&session.user_id, &fresh).await?;
    tx.delete_sessions_of(&session.user_id).await?;
    let user = tx.user(&session.user_id).await?.ok_or(Error::Unauthenticated)?;
    let signed_in = open_session(app, &mut tx, user).await?;
    tx.record_audit(&audit(
        app,
        &who.caller,
        "user.password_changed",
        session.user_id.as_ref(),
        json!({}),
    ))
    .await?;
    tx.commit().await?;
    app.credentials().forget_user(&session.user_id);
    Ok(signed_in)
}

/// Whether some tenant has a user: whether this installation was started before.
pub async fn is_anybody_known(app: &App) -> Result<bool> {
    let tenants = app.store().system_read().await?.tenants().await?;
    for tenant in tenants {
        if app.tenant(&tenant).read().await?.has_users().await? {
            return Ok(true);
        }
    }
    Ok(false)
}

/// The first start's administrator: made when the tenant has no user yet. Answers whether it was.
///
/// Errors: `Invalid` names `email` or `password`.
pub async fn ensure_admin(app: &App, tenant: &TenantId, email: &str, password: &str) -> Result<bool> {
    if app.tenant(tenant).read().await?.has_users().await? {
        return Ok(false);
    }
    match create_user(app, &by_system(app, tenant), "Administrator", email, password).await {
        Ok(_) => Ok(true),
        // Another replica starts at the same time and was faster.
        Err(Error::Conflict { .. }) => Ok(false),
        Err(error) => Err(error),
    }
}

/// Forgets ended sessions, old failures and old idempotency keys.
pub async fn purge(app: &App) -> Result<()> {
    let keys = Old::IdempotencyKeys {
        process_now: app.process_now(),
    };
    schedule::forget(app, Old::Sessions, 0).await?;
    schedule::forget(app, Old::SignInFailures, FAILURES_KEPT_MS).await?;
    schedule::forget(app, keys, IDEMPOTENCY_KEPT_MS).await?;
    Ok(())
}

/// What a deed of `caller` looks like in the audit log.
pub fn audit(app: &App, caller: &Caller, action: &str, object_id: &str, details: Value) -> AuditEntry {
    AuditEntry {
        id: app.new_id(),
        actor: caller.actor.to_string(),
        action: action.to_owned(),
        object_id: object_id.to_owned(),
        details,
        request_id: caller.request_id.clone(),
        at: app.now(),
    }
}

fn by_system(app: &App, tenant: &TenantId) -> Caller {
    Caller {
        tenant: tenant.clone(),
        actor: Actor::System,
        role: Role::Admin,
        request_id: app.new_id(),
    }
}

/// Counts a guess of each subject and answers their failures before it.
///
/// Errors: `TooManyAttempts` while one of them is locked; nothing is counted then.
async fn count_guess(app: &App, subjects: &[&str]) -> Result<Vec<i64>> {
    let now = app.now();
    let mut tx = app.store().system().await?;
    let mut failures = Vec::new();
    for subject in subjects {
        let known = tx.count_sign_in_guess(subject, now).await?;
        let since_ms = now.millis_since(Timestamp::from_millis(known.last_failed_at_ms));
        let left_ms = lock_ms(known.failures).saturating_sub(since_ms);
        if left_ms > 0 {
            return Err(Error::TooManyAttempts {
                after_s: left_ms.unsigned_abs().div_ceil(1000),
            });
        }
        failures.push(known.failures);
    }
    tx.commit().await?;
    Ok(failures)
}

/// 1 s after the fifth failure, then twice as long each time.
fn lock_ms(failures: i64) -> i64 {
    let Some(doublings) = failures.checked_sub(FREE_FAILURES).filter(|doublings| *doublings >= 0) else {
        return 0;
    };
    let doublings = u32::try_from(doublings).unwrap_or(u32::MAX);
    let seconds = 1_u64.checked_shl(doublings).unwrap_or(MAX_LOCK_S).min(MAX_LOCK_S);
    i64::try_from(seconds * 1000).unwrap_or(i64::MAX)
}

async fn open_session(app: &App, tx: &mut store::Tx, user: User) -> Result<SignedIn> {
    let token = Zeroizing::new(BASE64URL_NOPAD.encode(&random_bytes::<32>()));
    let csrf_token = BASE64URL_NOPAD.encode(&random_bytes::<32>());
    let now = app.now();
    let session = NewSession {
        token_hash: &token_hash(&token),
        user_id: &user.id,
        csrf_token: &csrf_token,
        created_at: now,
        expires_at: session_end(now, now),
    };
    tx.insert_session(&session).await?;
    Ok(SignedIn {
        user,
        token,
        csrf_token,
        ends_at: now.plus_millis(SESSION_MAX_MS),
    })
}

fn session_end(created_at: Timestamp, now: Timestamp) -> Timestamp {
    now.plus_millis(SESSION_IDLE_MS)
        .min(created_at.plus_millis(SESSION_MAX_MS))
}

/// A token has 256 random bits, so a plain hash is enough: there is nothing to guess.
fn token_hash(token: &str) -> String {
    HEXLOWER.encode(&Sha256::digest(token.as_bytes()))
}

fn role_of(code: &str) -> Result<Role> {
    Role::parse(code).ok_or_else(|| Error::internal(format!("the role {code} is unknown")))
}

fn normalized(email: &str) -> String {
    email.trim().to_lowercase()
}

fn check_name(name: &str) -> Result<()> {
    let length = name.trim().chars().count();
    if length == 0 || length > MAX_NAME_CHARS {
        return Err(Error::invalid(
            "name",
            "length",
            format!("a name has 1 to {MAX_NAME_CHARS} characters"),
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lock_doubles_from_one_second_to_a_quarter_of_an_hour() {
        let seconds = [0, 4, 5, 6, 7, 14, 15, 80, i64::MAX].map(|failures| lock_ms(failures) / 1000);
        assert_eq!(seconds, [0, 0, 1, 2, 4, 512, 900, 900, 900]);
    }
}
