//! Passwords: what is taken for one, and how they are kept.

use argon2::password_hash::phc::PasswordHash;
use argon2::{Argon2, PasswordHasher, PasswordVerifier};
use tokio::sync::Semaphore;
use zeroize::Zeroizing;

use crate::clock::random_bytes;
use crate::{Error, Result};

pub const MIN_PASSWORD_CHARS: usize = 10;
/// Long enough for any passphrase, short enough to hash.
const MAX_PASSWORD_BYTES: usize = 1024;
/// Each hash takes 19 MiB and a core; more at once would let guesses starve everything else.
static HASHING: Semaphore = Semaphore::const_new(2);
/// Verified against when nobody has that e-mail address, so that the answer takes as long. Nothing hashes to it.
pub(super) const NOBODY: &str =
    "$argon2id$v=19$m=19456,t=2,p=1$AAAAAAAAAAAAAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA";

/// Errors: `Invalid` names `field`.
pub(super) fn check(field: &str, password: &str) -> Result<()> {
    if password.chars().count() < MIN_PASSWORD_CHARS || password.len() > MAX_PASSWORD_BYTES {
        return Err(Error::invalid(
            field,
            "length",
            format!("a password has at least {MIN_PASSWORD_CHARS} characters"),
        ));
    }
    Ok(())
}

pub(super) async fn hash(password: &str) -> Result<String> {
    let password = Zeroizing::new(password.as_bytes().to_vec());
    off_thread(move || {
        let hash: PasswordHash = Argon2::default().hash_password_with_salt(&password, &random_bytes::<16>())?;
        Ok(hash.to_string())
    })
    .await
}

pub(super) async fn verify(password: &str, hash: String) -> Result<bool> {
    if password.len() > MAX_PASSWORD_BYTES {
        return Ok(false);
    }
    let password = Zeroizing::new(password.as_bytes().to_vec());
    off_thread(move || {
        let hash = PasswordHash::new(&hash)?;
        Ok(Argon2::default().verify_password(&password, &hash).is_ok())
    })
    .await
}

/// Hashing takes tens of milliseconds: the threads that serve everybody must not wait for it.
async fn off_thread<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, argon2::password_hash::Error> + Send + 'static,
) -> Result<T> {
    let permit = HASHING
        .acquire()
        .await
        .map_err(|_| Error::internal("the password hasher is closed"))?;
    let outcome = tokio::task::spawn_blocking(work)
        .await
        .map_err(|_| Error::internal("the password hasher stopped"))?;
    drop(permit);
    outcome.map_err(|error| Error::internal(format!("a password could not be hashed: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_password_is_known_again_and_another_is_not() {
        let hash = hash("correct horse").await.unwrap();
        assert!(verify("correct horse", hash.clone()).await.unwrap());
        assert!(!verify("battery staple", hash).await.unwrap());
        assert!(!verify("", NOBODY.to_owned()).await.unwrap());
    }
}
