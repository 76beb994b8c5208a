//! Whom a token belongs to, kept for a moment: a page of the panel asks ten things at once, and each would read the same
//! session first.
//!
//! What ends here (a sign-out, a revoked key, a new password) is forgotten at once; what ends on another replica is seen
//! after [`KEPT_FOR`]. Tokens nobody knows are never kept, so guessing fills nothing.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use domain::ids::{ApiKeyId, UserId};
use store::{ApiKey, Session};
use tokio::time::Instant;

/// As for settings: long enough for one click, short enough that nobody notices the other replica.
const KEPT_FOR: Duration = Duration::from_secs(2);
/// More people than this at once are looked up each time.
const MOST: usize = 10_000;

#[derive(Clone)]
pub(crate) enum Credential {
    Session(Session),
    Key(ApiKey),
}

impl std::fmt::Debug for Credential {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Session(_) => "Session",
            Self::Key(_) => "Key",
        })
    }
}

/// By the token's hash.
#[derive(Debug, Default)]
pub(crate) struct Cache(Mutex<Kept>);

#[derive(Debug, Default)]
struct Kept {
    credentials: HashMap<String, (Instant, Credential)>,
    /// Counts what was forgotten: what was read before that must not be put back after it.
    forgotten: u64,
}

/// The state of the cache before a look-up.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Before(u64);

impl Cache {
    /// What is kept, or what [`Cache::put`] wants to know after the look-up.
    pub(crate) fn get(&self, token_hash: &str) -> Result<Credential, Before> {
        let kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        match kept.credentials.get(token_hash) {
            Some((since, credential)) if since.elapsed() < KEPT_FOR => Ok(credential.clone()),
            _ => Err(Before(kept.forgotten)),
        }
    }

    /// What [`Cache::put`] wants to know before a change that replaces what is kept.
    pub(crate) fn touch(&self) -> Before {
        Before(self.0.lock().unwrap_or_else(PoisonError::into_inner).forgotten)
    }

    pub(crate) fn put(&self, token_hash: String, credential: Credential, before: Before) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if kept.forgotten != before.0 {
            return;
        }
        if kept.credentials.len() >= MOST {
            kept.credentials.retain(|_, (since, _)| since.elapsed() < KEPT_FOR);
        }
        if kept.credentials.len() < MOST {
            kept.credentials.insert(token_hash, (Instant::now(), credential));
        }
    }

    pub(crate) fn forget_session(&self, token_hash: &str) {
        self.forget(|hash, _| hash == token_hash);
    }

    pub(crate) fn forget_user(&self, user: &UserId) {
        self.forget(|_, credential| matches!(credential, Credential::Session(session) if session.user_id == *user));
    }

    pub(crate) fn forget_key(&self, id: &ApiKeyId) {
        self.forget(|_, credential| matches!(credential, Credential::Key(key) if key.id == *id));
    }

    fn forget(&self, is_meant: impl Fn(&str, &Credential) -> bool) {
        let mut kept = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        kept.forgotten += 1;
        kept.credentials
            .retain(|hash, (_, credential)| !is_meant(hash, credential));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use domain::ids::Id as _;
    use domain::time::Timestamp;

    fn key(number: u64) -> Credential {
        Credential::Key(ApiKey {
            id: ApiKeyId::from_parts(number, [0; 10]),
            tenant_id: domain::ids::TenantId::from_parts(1, [0; 10]),
            name: "k".into(),
            role: "bot".into(),
            created_at: Timestamp::from_millis(0),
            revoked_at: None,
        })
    }

    #[tokio::test(start_paused = true)]
    async fn it_is_kept_for_two_seconds_and_forgotten_at_once() {
        let cache = Cache::default();
        let before = cache.get("a").unwrap_err();
        cache.put("a".into(), key(1), before);
        cache.put("b".into(), key(2), before);
        assert!(cache.get("a").is_ok() && cache.get("b").is_ok());
        cache.forget_key(&ApiKeyId::from_parts(1, [0; 10]));
        assert!(cache.get("a").is_err() && cache.get("b").is_ok());
        tokio::time::advance(KEPT_FOR).await;
        assert!(cache.get("b").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn what_was_read_before_it_was_revoked_is_not_kept_after() {
        let cache = Cache::default();
        let before = cache.get("a").unwrap_err();
        cache.forget_key(&ApiKeyId::from_parts(1, [0; 10]));
        cache.put("a".into(), key(1), before);
        assert!(cache.get("a").is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn a_crowd_does_not_grow_it_without_bounds() {
        let cache = Cache::default();
        let before = cache.get("a").unwrap_err();
        for number in 0..=MOST {
            cache.put(number.to_string(), key(1), before);
        }
        assert!(cache.get(&MOST.to_string()).is_err());
        tokio::time::advance(KEPT_FOR).await;
        cache.put("later".into(), key(1), before);
        assert!(cache.get("later").is_ok());
    }
}
