//! Secrets that nobody configured: made once, at the first start, and kept in `data/secrets.env` for the owner only.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};

use data_encoding::{BASE64, BASE64URL_NOPAD};

use crate::env_file::{self, EnvFileError};

#[derive(Debug, thiserror::Error)]
pub enum SecretsError {
    #[error(transparent)]
    File(#[from] EnvFileError),
    #[error("cannot write {path}: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the operating system gave no random bytes: {0}")]
    Random(getrandom::Error),
}

type Generate = fn() -> Result<String, getrandom::Error>;

/// What a fresh install cannot do without, and how each is made.
const GENERATED: [(&str, Generate); 4] = [
    // Format of the store: key name, colon, base64 of 32 bytes; the first of a comma list seals.
    ("MASTER_KEY", || Ok(format!("k1:{}", BASE64.encode(&random::<32>()?)))),
    ("CRM_API_TOKEN", || Ok(BASE64URL_NOPAD.encode(&random::<32>()?))),
    ("ADMIN_PASSWORD", readable_password),
    // Telegram allows A-Z, a-z, 0-9, _ and - here, which is this alphabet exactly.
    ("TELEGRAM_WEBHOOK_SECRET", || {
        Ok(BASE64URL_NOPAD.encode(&random::<24>()?))
    }),
];

/// Returns the kept secrets, completed by new ones for those keys that neither the file nor the configuration has.
/// Creates `data/` (0700) and `data/secrets.env` (0600); an existing secret is never replaced.
pub fn load_or_create(
    data: &Path,
    is_configured: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, String>, SecretsError> {
    let path = data.join("secrets.env");
    let mut secrets = env_file::read(&path)?;
    let mut is_changed = false;
    for (key, generate) in GENERATED {
        if !is_configured(key) && !secrets.contains_key(key) {
            secrets.insert(key.to_owned(), generate().map_err(SecretsError::Random)?);
            is_changed = true;
        }
    }
    if is_changed {
        write(data, &path, &secrets).map_err(|source| SecretsError::Write { path, source })?;
    }
    Ok(secrets)
}

/// The new file replaces the old one in one step, so a crash leaves a whole file: without `MASTER_KEY` the sealed
/// columns of the database could never be read again.
fn write(data: &Path, path: &Path, secrets: &BTreeMap<String, String>) -> std::io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(data)?;
    let mut text = String::from(
        "# Made at the first start. Keep a copy of this file with your backups: without MASTER_KEY the personal\n\
         # data in the database cannot be read. A value in .env or in the environment wins over the one here.\n",
    );
    for (key, value) in secrets {
        text.push_str(&format!("{key}={value}\n"));
    }
    let draft = data.join("secrets.env.new");
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&draft)?;
    file.set_permissions(std::fs::Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    std::fs::rename(&draft, path)?;
    std::fs::File::open(data)?.sync_all()
}

fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Four groups of four, without letters and digits that look alike: 80 bits that can be read aloud and typed.
fn readable_password() -> Result<String, getrandom::Error> {
    // 32 symbols, so five bits of a random byte choose each of them equally often.
    const SYMBOLS: &[u8; 32] = b"abcdefghjkmnpqrstuvwxyz023456789";
    let mut password = String::new();
    for (position, byte) in random::<16>()?.into_iter().enumerate() {
        if position > 0 && position % 4 == 0 {
            password.push('-');
        }
        password.extend(SYMBOLS.get(usize::from(byte & 31)).map(|symbol| char::from(*symbol)));
    }
    Ok(password)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_made_once_and_kept_for_the_owner_only() {
        let folder = tempfile::tempdir().unwrap();
        let data = folder.path().join("data");
        let first = load_or_create(&data, |_| false).unwrap();
        let second = load_or_create(&data, |_| false).unwrap();
        assert_eq!(first, second);
        let mode = |path: &Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(&data), mode(&data.join("secrets.env"))), (0o700, 0o600));

        let key = first["MASTER_KEY"].strip_prefix("k1:").unwrap();
        assert_eq!(BASE64.decode(key.as_bytes()).unwrap().len(), 32);
        assert_eq!(
            BASE64URL_NOPAD.decode(first["CRM_API_TOKEN"].as_bytes()).unwrap().len(),
            32
        );
    }

    #[test]
    fn a_configured_secret_is_not_made_and_a_missing_one_joins_the_kept_ones() {
        let folder = tempfile::tempdir().unwrap();
        let first = load_or_create(folder.path(), |key| key == "MASTER_KEY").unwrap();
        assert!(!first.contains_key("MASTER_KEY"));
        let second = load_or_create(folder.path(), |_| false).unwrap();
        assert!(second.contains_key("MASTER_KEY"));
        assert_eq!(first["CRM_API_TOKEN"], second["CRM_API_TOKEN"]);
    }

    #[test]
    fn a_password_has_four_readable_groups_and_never_repeats() {
        let passwords: std::collections::BTreeSet<String> = (0..200).map(|_| readable_password().unwrap()).collect();
        assert_eq!(passwords.len(), 200);
        for password in passwords {
            let groups: Vec<&str> = password.split('-').collect();
            assert!(
                groups.len() == 4 && groups.iter().all(|group| group.len() == 4),
                "{password}"
            );
            assert!(!password.contains(['l', 'i', 'o', '1']), "{password}");
        }
    }
}
