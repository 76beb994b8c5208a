//! Sealing of columns that can harm: XChaCha20-Poly1305 under keys derived from a master key, and keyed blind indexes
//! for exact look-up.
//!
//! A sealed value is `1 | length of key id | key id | nonce (24) | cipher text and tag`. The tenant, the column and the
//! row's id are authenticated with it, so a value copied into another row does not open.

use std::fmt;
use std::sync::Arc;

use chacha20poly1305::aead::{Aead, KeyInit, Payload};
use chacha20poly1305::{Key, XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64, BASE64URL_NOPAD, HEXLOWER};
use hkdf::Hkdf;
use hmac::{Hmac, Mac};
use sha2::Sha256;
use thiserror::Error;
use zeroize::Zeroizing;

const FORMAT: u8 = 1;
const NONCE_LENGTH: usize = 24;
/// 128 bits of a blind index: collisions are out of reach, and it is half as long.
const INDEX_BYTES: usize = 16;

#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum VaultError {
    #[error("MASTER_KEY must look like k1:<base64 of 32 bytes>; several, separated by commas, the first one seals")]
    BadMasterKey,
    #[error("it was sealed under the master key {0}, which MASTER_KEY does not hold")]
    UnknownKey(String),
    #[error("it is damaged or was moved from another row")]
    Damaged,
    #[error("the system has no random numbers")]
    NoRandom,
}

/// The parsed `MASTER_KEY`: the first seals, all open.
#[derive(Clone)]
pub struct MasterKeys(Vec<(String, Zeroizing<[u8; 32]>)>);

impl fmt::Debug for MasterKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_list().entries(self.0.iter().map(|(id, _)| id)).finish()
    }
}

impl MasterKeys {
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let keys = text
            .split(',')
            .map(|part| {
                let (id, key) = part.trim().split_once(':').ok_or(VaultError::BadMasterKey)?;
                let is_name = (1..=16).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
                let bytes = Zeroizing::new(BASE64.decode(key.as_bytes()).map_err(|_| VaultError::BadMasterKey)?);
                let key: [u8; 32] = bytes.as_slice().try_into().map_err(|_| VaultError::BadMasterKey)?;
                if is_name {
                    Ok((id.to_owned(), Zeroizing::new(key)))
                } else {
                    Err(VaultError::BadMasterKey)
                }
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self(keys))
    }
}

/// Seals and opens. Cheap to clone.
#[derive(Clone)]
pub struct Vault(Arc<Inner>);

struct Inner {
    ciphers: Vec<(String, XChaCha20Poly1305)>,
    index_keys: Vec<Zeroizing<[u8; 32]>>,
    link_keys: Vec<Zeroizing<[u8; 32]>>,
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault").finish_non_exhaustive()
    }
}

impl Vault {
    /// Errors: [`VaultError::BadMasterKey`] when `keys` is empty.
    pub fn new(keys: &MasterKeys) -> Result<Self, VaultError> {
        if keys.0.is_empty() {
            return Err(VaultError::BadMasterKey);
        }
        let mut ciphers = Vec::new();
        let mut index_keys = Vec::new();
        let mut link_keys = Vec::new();
        for (id, master) in &keys.0 {
            let derivation = Hkdf::<Sha256>::new(None, master.as_slice());
            let derive = |purpose: &[u8]| {
                let mut key = Zeroizing::new([0_u8; 32]);
                derivation
                    .expand(purpose, key.as_mut_slice())
                    .map_err(|_| VaultError::BadMasterKey)?;
                Ok::<_, VaultError>(key)
            };
            let seal_key = derive(b"voronka column seal v1")?;
            let cipher_key = Key::try_from(seal_key.as_slice()).map_err(|_| VaultError::BadMasterKey)?;
            ciphers.push((id.clone(), XChaCha20Poly1305::new(&cipher_key)));
            index_keys.push(derive(b"voronka blind index v1")?);
            link_keys.push(derive(b"voronka link signature v1")?);
        }
        Ok(Self(Arc::new(Inner {
            ciphers,
            index_keys,
            link_keys,
        })))
    }

    /// The id of the key that seals now.
    pub fn current_key(&self) -> &str {
        self.0.ciphers.first().map_or("", |(id, _)| id.as_str())
    }

    /// The ids of all keys, the one that seals first.
    pub fn keys(&self) -> impl Iterator<Item = &str> {
        self.0.ciphers.iter().map(|(id, _)| id.as_str())
    }

    /// What every value sealed under this key begins with.
    pub(crate) fn prefix(&self, key: &str) -> Vec<u8> {
        let length = u8::try_from(key.len()).unwrap_or(u8::MAX);
        [&[FORMAT, length], key.as_bytes()].concat()
    }

    pub(crate) fn seal(&self, tenant: &str, place: &str, owner: &str, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (id, cipher) = self.0.ciphers.first().ok_or(VaultError::BadMasterKey)?;
        let mut nonce = [0_u8; NONCE_LENGTH];
        getrandom::fill(&mut nonce).map_err(|_| VaultError::NoRandom)?;
        let aad = associated(tenant, place, owner);
        let sealed = cipher
            .encrypt(&XNonce::from(nonce), Payload { msg: plain, aad: &aad })
            .map_err(|_| VaultError::Damaged)?;
        let mut out = Vec::with_capacity(2 + id.len() + NONCE_LENGTH + sealed.len());
        out.push(FORMAT);
        out.push(u8::try_from(id.len()).map_err(|_| VaultError::BadMasterKey)?);
        out.extend_from_slice(id.as_bytes());
        out.extend_from_slice(&nonce);
        out.extend_from_slice(&sealed);
        Ok(out)
    }

    pub(crate) fn open(&self, tenant: &str, place: &str, owner: &str, sealed: &[u8]) -> Result<Vec<u8>, VaultError> {
        let (key_id, rest) = split_key_id(sealed).ok_or(VaultError::Damaged)?;
        let (nonce, body) = rest.split_at_checked(NONCE_LENGTH).ok_or(VaultError::Damaged)?;
        let nonce: [u8; NONCE_LENGTH] = nonce.try_into().map_err(|_| VaultError::Damaged)?;
        let cipher = self
            .0
            .ciphers
            .iter()
            .find(|(id, _)| id.as_bytes() == key_id)
            .map(|(_, cipher)| cipher)
            .ok_or_else(|| VaultError::UnknownKey(String::from_utf8_lossy(key_id).into_owned()))?;
        let aad = associated(tenant, place, owner);
        cipher
            .decrypt(&XNonce::from(nonce), Payload { msg: body, aad: &aad })
            .map_err(|_| VaultError::Damaged)
    }

    /// The blind index to store: keyed by the current master key.
    pub(crate) fn index(&self, tenant: &str, place: &str, value: &str) -> String {
        self.indexes(tenant, place, value)
            .into_iter()
            .next()
            .unwrap_or_default()
    }

    /// The blind indexes a value may have been stored under, newest key first.
    pub(crate) fn indexes(&self, tenant: &str, place: &str, value: &str) -> Vec<String> {
        self.0
            .index_keys
            .iter()
            .filter_map(|key| {
                let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_slice()).ok()?;
                mac.update(&associated(tenant, place, value));
                let digest = mac.finalize().into_bytes();
                digest.get(..INDEX_BYTES).map(|bytes| HEXLOWER.encode(bytes))
            })
            .collect()
    }
}

impl crate::Tenant {
    /// What a link of ours carries to prove itself: HMAC-SHA256 in base64url, under the current master key. `place` names
    /// what kind of link it is.
    pub fn sign_link(&self, place: &str, owner: &str) -> String {
        let macs = self.link_macs(place, owner);
        macs.into_iter()
            .next()
            .map(|mac| BASE64URL_NOPAD.encode(&mac.finalize().into_bytes()))
            .unwrap_or_default()
    }

    /// Whether [`Self::sign_link`] made this under any of the master keys. In constant time.
    pub fn is_own_link(&self, place: &str, owner: &str, signature: &str) -> bool {
        BASE64URL_NOPAD.decode(signature.as_bytes()).is_ok_and(|signature| {
            self.link_macs(place, owner)
                .into_iter()
                .any(|mac| mac.verify_slice(&signature).is_ok())
        })
    }

    fn link_macs(&self, place: &str, owner: &str) -> Vec<Hmac<Sha256>> {
        let keys = &self.store.vault.0.link_keys;
        keys.iter()
            .filter_map(|key| {
                let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key.as_slice()).ok()?;
                mac.update(&associated(self.id.as_ref(), place, owner));
                Some(mac)
            })
            .collect()
    }
}

fn split_key_id(sealed: &[u8]) -> Option<(&[u8], &[u8])> {
    let (&[format, length], rest) = sealed.split_first_chunk::<2>()?;
    (format == FORMAT).then_some(())?;
    rest.split_at_checked(usize::from(length))
}

/// Length-prefixed, so that no two triples read the same.
fn associated(tenant: &str, place: &str, owner: &str) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(tenant.len() + place.len() + owner.len() + 24);
    for part in [tenant, place, owner] {
        bytes.extend_from_slice(&(part.len() as u64).to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn vault(keys: &str) -> Vault {
        Vault::new(&MasterKeys::parse(keys).unwrap()).unwrap()
    }

    fn key(id: &str, fill: u8) -> String {
        format!("{id}:{}", BASE64.encode(&[fill; 32]))
    }

    proptest! {
        #[test]
        fn what_is_sealed_opens_only_in_its_place(plain: Vec<u8>, tenant in "[a-z]{1,5}", owner in "[a-z]{1,5}") {
            let vault = vault(&key("k1", 1));
            let sealed = vault.seal(&tenant, "clients.phone", &owner, &plain).unwrap();
            prop_assert_eq!(vault.open(&tenant, "clients.phone", &owner, &sealed).unwrap(), plain);
            prop_assert_eq!(vault.open(&tenant, "clients.email", &owner, &sealed), Err(VaultError::Damaged));
            prop_assert_eq!(vault.open(&tenant, "clients.phone", "other-owner", &sealed), Err(VaultError::Damaged));
        }

        #[test]
        fn any_bytes_open_or_are_refused(bytes: Vec<u8>) {
            prop_assert!(vault(&key("k1", 1)).open("t", "p", "o", &bytes).is_err());
        }
    }

    #[test]
    fn after_rotation_old_values_open_and_new_ones_use_the_new_key() {
        let old = vault(&key("k1", 1));
        let sealed = old.seal("t", "p", "o", b"+7 912").unwrap();
        let rotated = vault(&format!("{},{}", key("k2", 2), key("k1", 1)));
        assert_eq!(rotated.open("t", "p", "o", &sealed).unwrap(), b"+7 912");
        let fresh = rotated.seal("t", "p", "o", b"+7 912").unwrap();
        assert_eq!(
            old.open("t", "p", "o", &fresh),
            Err(VaultError::UnknownKey("k2".into()))
        );
        assert!(rotated.indexes("t", "p", "v").contains(&old.index("t", "p", "v")));
    }

    #[test]
    fn a_wrong_master_key_is_refused_with_a_sentence() {
        for text in ["", "k1", "k1:short", "k!:AAAA", &BASE64.encode(&[1; 32])] {
            assert_eq!(MasterKeys::parse(text).err(), Some(VaultError::BadMasterKey), "{text}");
        }
    }
}
