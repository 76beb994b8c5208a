//! Files that bots and people have sent, by file id.

use std::collections::{HashMap, VecDeque};

use bytes::Bytes;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::error::ApiError;

/// Old files go when all together weigh more than this: a long benchmark must not eat the machine.
const MAX_STORED_BYTES: usize = 512 * 1024 * 1024;
/// `getFile` of the cloud server refuses more.
pub const MAX_DOWNLOAD_BYTES: usize = 20 * 1024 * 1024;
/// Uploads by bots; photos have a limit of their own.
pub const MAX_UPLOAD_BYTES: usize = 50 * 1024 * 1024;
pub const MAX_PHOTO_BYTES: usize = 10 * 1024 * 1024;

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FileKind {
    Document,
    Photo,
    Voice,
    Sticker,
}

impl FileKind {
    fn server_name(self) -> &'static str {
        match self {
            Self::Document => "Document",
            Self::Photo => "Photo",
            Self::Voice => "VoiceNote",
            Self::Sticker => "Sticker",
        }
    }

    fn id_prefix(self) -> &'static str {
        match self {
            Self::Document => "BQACAgIAAxkB",
            Self::Photo => "AgACAgIAAxkB",
            Self::Voice => "AwACAgIAAxkB",
            Self::Sticker => "CAACAgIAAxkB",
        }
    }

    fn folder(self) -> &'static str {
        match self {
            Self::Document => "documents",
            Self::Photo => "photos",
            Self::Voice => "voice",
            Self::Sticker => "stickers",
        }
    }
}

/// What a message remembers of its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FileRef {
    pub file_id: String,
    pub unique_id: String,
    pub file_name: Option<String>,
    pub mime_type: String,
    pub size: usize,
}

#[derive(Debug, Clone)]
pub struct StoredFile {
    pub kind: FileKind,
    pub about: FileRef,
    pub path: String,
    pub bytes: Bytes,
}

#[derive(Debug, Default)]
pub struct Files {
    by_id: HashMap<String, StoredFile>,
    by_path: HashMap<String, String>,
    order: VecDeque<String>,
    stored_bytes: usize,
    next: u64,
}

/// An upload as it came in a multipart body.
#[derive(Debug, Clone)]
pub struct Upload {
    pub file_name: Option<String>,
    pub mime_type: Option<String>,
    pub bytes: Bytes,
}

impl Files {
    pub fn store(&mut self, kind: FileKind, upload: Upload) -> FileRef {
        self.next += 1;
        let number = self.next;
        let extension = upload
            .file_name
            .as_deref()
            .and_then(|name| name.rsplit_once('.'))
            .map(|(_, extension)| extension.to_ascii_lowercase())
            .filter(|extension| extension.chars().all(|character| character.is_ascii_alphanumeric()));
        let mime_type = upload
            .mime_type
            .filter(|mime| mime != "application/octet-stream")
            .unwrap_or_else(|| guess_mime(extension.as_deref()).to_owned());
        let about = FileRef {
            file_id: format!("{}{number:016}{:08x}", kind.id_prefix(), upload.bytes.len()),
            unique_id: format!("AgAD{number:010}"),
            file_name: upload.file_name,
            mime_type,
            size: upload.bytes.len(),
        };
        let path = match extension {
            Some(extension) => format!("{}/file_{number}.{extension}", kind.folder()),
            None => format!("{}/file_{number}", kind.folder()),
        };
        self.insert(StoredFile {
            kind,
            about: about.clone(),
            path,
            bytes: upload.bytes,
        });
        about
    }

    fn insert(&mut self, file: StoredFile) {
        self.stored_bytes += file.bytes.len();
        self.order.push_back(file.about.file_id.clone());
        self.by_path.insert(file.path.clone(), file.about.file_id.clone());
        self.by_id.insert(file.about.file_id.clone(), file);
        while self.stored_bytes > MAX_STORED_BYTES {
            let Some(oldest) = self.order.pop_front() else {
                break;
            };
            if let Some(gone) = self.by_id.remove(&oldest) {
                self.by_path.remove(&gone.path);
                self.stored_bytes -= gone.bytes.len();
            }
        }
    }

    pub fn get(&self, file_id: &str) -> Option<&StoredFile> {
        self.by_id.get(file_id)
    }

    pub fn at_path(&self, path: &str) -> Option<&StoredFile> {
        self.by_path.get(path).and_then(|id| self.by_id.get(id))
    }

    /// A file id is good only for the kind it was given out for.
    pub fn reuse(&self, file_id: &str, kind: FileKind) -> Result<FileRef, ApiError> {
        let lower = file_id.to_ascii_lowercase();
        if lower.starts_with("http://") || lower.starts_with("https://") {
            // The sandbox reaches nothing outside, which to a bot looks like an address that can't be fetched.
            return Err(ApiError::bad_request("failed to get HTTP URL content"));
        }
        let file = self
            .get(file_id)
            .ok_or_else(|| ApiError::bad_request("wrong file identifier/HTTP URL specified"))?;
        if file.kind != kind {
            return Err(ApiError::bad_request(format!(
                "can't use file of type {} as {}",
                file.kind.server_name(),
                kind.server_name()
            )));
        }
        Ok(file.about.clone())
    }

    /// What is known of the files; their bytes are kept apart, since they never change.
    pub fn snapshot(&self) -> FilesSnapshot {
        FilesSnapshot {
            next: self.next,
            files: self
                .order
                .iter()
                .filter_map(|id| self.by_id.get(id))
                .map(|file| FileSnapshot {
                    kind: file.kind,
                    about: file.about.clone(),
                    path: file.path.clone(),
                })
                .collect(),
        }
    }

    pub fn all(&self) -> impl Iterator<Item = &StoredFile> {
        self.by_id.values()
    }

    /// Files without `bytes` are left out.
    pub fn restore(snapshot: FilesSnapshot, mut bytes: HashMap<String, Bytes>) -> Self {
        let mut files = Self {
            next: snapshot.next,
            ..Self::default()
        };
        for saved in snapshot.files {
            match bytes.remove(&saved.about.file_id) {
                Some(bytes) => files.insert(StoredFile {
                    kind: saved.kind,
                    about: saved.about,
                    path: saved.path,
                    bytes,
                }),
                None => tracing::warn!(file.id = saved.about.file_id, "a saved file is missing"),
            }
        }
        files
    }
}

#[derive(Debug, Default, Serialize, Deserialize)]
pub struct FilesSnapshot {
    next: u64,
    files: Vec<FileSnapshot>,
}

impl FilesSnapshot {
    pub fn ids(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.about.file_id.as_str())
    }
}

#[derive(Debug, Serialize, Deserialize)]
struct FileSnapshot {
    kind: FileKind,
    about: FileRef,
    path: String,
}

impl FileRef {
    pub fn document(&self) -> Value {
        json!({
            "file_id": self.file_id, "file_unique_id": self.unique_id,
            "file_name": self.file_name.as_deref().unwrap_or("file"),
            "mime_type": self.mime_type, "file_size": self.size,
        })
    }

    pub fn photo_sizes(&self) -> Value {
        json!([{
            "file_id": self.file_id, "file_unique_id": self.unique_id,
            "width": 640, "height": 480, "file_size": self.size,
        }])
    }

    pub fn voice(&self) -> Value {
        json!({
            "file_id": self.file_id, "file_unique_id": self.unique_id,
            "duration": 3, "mime_type": self.mime_type, "file_size": self.size,
        })
    }

    pub fn sticker(&self) -> Value {
        json!({
            "file_id": self.file_id, "file_unique_id": self.unique_id, "type": "regular",
            "width": 512, "height": 512, "is_animated": false, "is_video": false,
            "emoji": "💪", "file_size": self.size,
        })
    }
}

pub fn guess_mime(extension: Option<&str>) -> &'static str {
    match extension {
        Some("pdf") => "application/pdf",
        Some("png") => "image/png",
        Some("jpg" | "jpeg") => "image/jpeg",
        Some("webp") => "image/webp",
        Some("svg") => "image/svg+xml",
        Some("txt" | "log") => "text/plain",
        Some("csv") => "text/csv",
        Some("html") => "text/html; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("js" | "mjs") => "text/javascript; charset=utf-8",
        Some("json") => "application/json",
        Some("ico") => "image/x-icon",
        Some("woff2") => "font/woff2",
        Some("ogg" | "oga") => "audio/ogg",
        Some("zip") => "application/zip",
        _ => "application/octet-stream",
    }
}
