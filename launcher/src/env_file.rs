//! The `.env` file: lines of `KEY=VALUE`, nothing cleverer. A value is taken as it stands (no `$` expansion:
//! passwords contain dollars), with one pair of surrounding quotes removed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

#[derive(Debug, thiserror::Error)]
pub enum EnvFileError {
    #[error("cannot read {path}: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("{path}, line {line}: expected KEY=VALUE, a # comment or an empty line")]
    Line { path: PathBuf, line: usize },
}

/// Reads the file; a missing one is an empty one. Empty values are left out: `KEY=` means "not configured".
pub fn read(path: &Path) -> Result<BTreeMap<String, String>, EnvFileError> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(BTreeMap::new()),
        Err(source) => {
            return Err(EnvFileError::Read {
                path: path.to_owned(),
                source,
            });
        }
    };
    let mut values = BTreeMap::new();
    for (index, line) in text.trim_start_matches('\u{feff}').lines().enumerate() {
        let line = line.trim();
        if line.is_empty() || line.starts_with('#') {
            continue;
        }
        let (key, value) = parse(line).ok_or_else(|| EnvFileError::Line {
            path: path.to_owned(),
            line: index.saturating_add(1),
        })?;
        if !value.is_empty() {
            values.insert(key.to_owned(), value.to_owned());
        }
    }
    Ok(values)
}

fn parse(line: &str) -> Option<(&str, &str)> {
    let (key, value) = line.strip_prefix("export ").unwrap_or(line).split_once('=')?;
    let (key, value) = (key.trim(), value.trim());
    let is_name = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    let unquoted = ['"', '\'']
        .into_iter()
        .find_map(|quote| value.strip_prefix(quote)?.strip_suffix(quote))
        // An unquoted value ends at a comment, as in a shell.
        .unwrap_or_else(|| value.split_once(" #").map_or(value, |(value, _)| value.trim_end()));
    is_name.then_some((key, unquoted))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read_text(text: &str) -> Result<BTreeMap<String, String>, EnvFileError> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join(".env");
        std::fs::write(&path, text).unwrap();
        read(&path)
    }

    #[test]
    fn values_are_taken_as_they_stand() {
        let text = "\u{feff}# comment\n\nA=1\nexport B = two words \nC=\"quoted # kept\"\nD='$dollar'\nE=k1:ab+/==\r\nF=x # why\nG=\n";
        let values = read_text(text).unwrap();
        let expected = [
            ("A", "1"),
            ("B", "two words"),
            ("C", "quoted # kept"),
            ("D", "$dollar"),
            ("E", "k1:ab+/=="),
            ("F", "x"),
        ];
        assert_eq!(
            values.iter().map(|(k, v)| (k.as_str(), v.as_str())).collect::<Vec<_>>(),
            expected
        );
    }

    #[test]
    fn a_line_that_is_no_setting_is_named() {
        let error = read_text("A=1\nwhat is this\n").unwrap_err().to_string();
        assert!(error.contains("line 2"), "{error}");
    }

    #[test]
    fn a_missing_file_is_an_empty_one() {
        assert!(read(Path::new("no/such/file")).unwrap().is_empty());
    }
}
