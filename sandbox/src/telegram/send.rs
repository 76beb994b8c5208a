//! Methods that put messages into a chat.

use std::time::Instant;

use serde_json::{Map, Value, json};

use super::{
    account,
    chat::{BOT_NAME, Content},
    entities::FormattedText,
    error::ApiError,
    files::{FileKind, FileRef, MAX_PHOTO_BYTES, Upload},
    methods::{Draft, formatted, formatted_from, markup, open_chat, post, reply_target, spend},
    params::Params,
};
use crate::{events::EventKind, world::World};

/// UTF-16 code units after the markup is parsed.
pub const MAX_TEXT: usize = 4096;
pub const MAX_CAPTION: usize = 1024;
const MAX_ALBUM: usize = 10;

const CHAT_ACTIONS: [&str; 11] = [
    "typing",
    "upload_photo",
    "record_video",
    "upload_video",
    "record_voice",
    "upload_voice",
    "upload_document",
    "choose_sticker",
    "find_location",
    "record_video_note",
    "upload_video_note",
];

pub fn message(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    let chat_id = open_chat(world, params)?.user.id;
    let body = formatted(params, "text", "entities")?;
    if body.is_empty() {
        return Err(ApiError::bad_request("message text is empty"));
    }
    if body.len_utf16() > MAX_TEXT {
        return Err(ApiError::bad_request("message is too long"));
    }
    finish(world, params, chat_id, Content::Text, body)
}

fn finish(
    world: &mut World,
    params: &Params,
    chat_id: i64,
    content: Content,
    body: FormattedText,
) -> Result<Value, ApiError> {
    let mut draft = Draft::new(content, body);
    draft.markup = markup(params)?;
    draft.reply_to = reply_target(open_chat(world, params)?, params)?;
    spend(world, chat_id, 1)?;
    post(world, chat_id, draft)
}

pub fn caption(params: &Params) -> Result<FormattedText, ApiError> {
    let body = formatted(params, "caption", "caption_entities")?;
    if body.len_utf16() > MAX_CAPTION {
        return Err(ApiError::bad_request("message caption is too long"));
    }
    Ok(body)
}

/// The file of a request: uploaded now, or known by its id.
enum Source {
    Upload(Upload),
    Known(FileRef),
}

fn source(world: &World, params: &mut Params, name: &str, kind: FileKind) -> Result<Source, ApiError> {
    let reference = params.str(name).map(str::to_owned);
    source_by_reference(world, params, name, reference.as_deref(), kind)
}

fn source_by_reference(
    world: &World,
    params: &mut Params,
    name: &str,
    reference: Option<&str>,
    kind: FileKind,
) -> Result<Source, ApiError> {
    let upload = match reference {
        Some(reference) if reference.starts_with("attach://") => params.take_upload(reference),
        Some(reference) if !reference.is_empty() => {
            return world.telegram.files.reuse(reference, kind).map(Source::Known);
        }
        _ => params.take_upload(name),
    };
    let upload = upload.ok_or_else(|| ApiError::bad_request(format!("there is no {name} in the request")))?;
    if upload.bytes.is_empty() {
        return Err(ApiError::bad_request("file must be non-empty"));
    }
    if kind == FileKind::Photo {
        if upload.bytes.len() > MAX_PHOTO_BYTES {
            return Err(ApiError::bad_request("file is too big"));
        }
        if !is_picture(&upload.bytes) {
            return Err(ApiError::bad_request("IMAGE_PROCESS_FAILED"));
        }
    }
    Ok(Source::Upload(upload))
}

fn is_picture(bytes: &[u8]) -> bool {
    let webp = bytes.starts_with(b"RIFF") && bytes.get(8..12) == Some(b"WEBP");
    webp || [&b"\x89PNG"[..], b"\xff\xd8\xff", b"GIF8", b"BM"]
        .iter()
        .any(|magic| bytes.starts_with(magic))
}

fn stored(world: &mut World, kind: FileKind, source: Source) -> FileRef {
    match source {
        Source::Known(file) => file,
        Source::Upload(upload) => world.telegram.files.store(kind, upload),
    }
}

fn file_message(world: &mut World, params: &mut Params, name: &str, kind: FileKind) -> Result<Value, ApiError> {
    let chat_id = open_chat(world, params)?.user.id;
    let body = if kind == FileKind::Sticker {
        FormattedText::default()
    } else {
        caption(params)?
    };
    let file = source(world, params, name, kind)?;
    let mut draft = Draft::new(Content::Text, body);
    draft.markup = markup(params)?;
    draft.reply_to = reply_target(open_chat(world, params)?, params)?;
    spend(world, chat_id, 1)?;
    let file = stored(world, kind, file);
    draft.content = content(kind, file);
    post(world, chat_id, draft)
}

pub fn content(kind: FileKind, file: FileRef) -> Content {
    match kind {
        FileKind::Document => Content::Document(file),
        FileKind::Photo => Content::Photo(file),
        FileKind::Voice => Content::Voice(file),
        FileKind::Sticker => Content::Sticker(file),
    }
}

pub fn document(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    file_message(world, params, "document", FileKind::Document)
}

pub fn photo(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    file_message(world, params, "photo", FileKind::Photo)
}

pub fn voice(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    file_message(world, params, "voice", FileKind::Voice)
}

pub fn sticker(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    file_message(world, params, "sticker", FileKind::Sticker)
}

pub fn media_group(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    let chat_id = open_chat(world, params)?.user.id;
    let media = params.json("media")?;
    let items = media
        .as_array()
        .ok_or_else(|| ApiError::bad_request("can't parse media JSON object"))?;
    if items.is_empty() {
        return Err(ApiError::bad_request("there are no messages to send"));
    }
    if items.len() > MAX_ALBUM {
        return Err(ApiError::bad_request("Too much messages to send as an album"));
    }
    let mut album = Vec::with_capacity(items.len());
    for item in items {
        let field = |name: &str| item.get(name).and_then(Value::as_str);
        let kind = match field("type") {
            Some("photo") => FileKind::Photo,
            Some("document") => FileKind::Document,
            _ => return Err(ApiError::bad_request("media type is not supported in the album")),
        };
        let entities = item.get("caption_entities").cloned().unwrap_or_default();
        let body = formatted_from(field("caption").unwrap_or_default(), field("parse_mode"), &entities)?;
        if body.len_utf16() > MAX_CAPTION {
            return Err(ApiError::bad_request("message caption is too long"));
        }
        let file = source_by_reference(world, params, "media", field("media"), kind)?;
        album.push((kind, file, body));
    }
    let first_kind = album.first().map(|(kind, ..)| *kind);
    if album.iter().any(|(kind, ..)| Some(*kind) != first_kind) {
        return Err(ApiError::bad_request("document can't be mixed with other media types"));
    }
    let reply_to = reply_target(open_chat(world, params)?, params)?;
    spend(world, chat_id, u64::try_from(album.len()).unwrap_or(1))?;
    let group = world.telegram.new_media_group_id();
    let mut sent = Vec::with_capacity(album.len());
    for (kind, file, body) in album {
        let file = stored(world, kind, file);
        let mut draft = Draft::new(content(kind, file), body);
        draft.reply_to = reply_to;
        draft.media_group_id = Some(group.clone());
        sent.push(post(world, chat_id, draft)?);
    }
    Ok(Value::Array(sent))
}

pub fn chat_action(world: &mut World, params: &Params) -> Result<Value, ApiError> {
    let action = params.str("action").unwrap_or_default().to_owned();
    if !CHAT_ACTIONS.contains(&action.as_str()) {
        return Err(ApiError::bad_request("wrong parameter action in request"));
    }
    let chat = open_chat(world, params)?;
    let chat_id = chat.user.id;
    chat.typing = Some((action.clone(), Instant::now()));
    world.emit(
        chat_id,
        EventKind::Typing,
        Map::from_iter([("typing".into(), json!(action))]),
    );
    Ok(json!(true))
}

/// The original of `copyMessage` and `forwardMessage`, which may lie in another chat.
fn original(world: &World, params: &Params, missing: &str) -> Result<(String, Content, FormattedText), ApiError> {
    let from = params
        .i64("from_chat_id")
        .ok_or_else(|| ApiError::bad_request("chat not found"))?;
    let chat = world
        .telegram
        .chats
        .get(&from)
        .ok_or_else(|| ApiError::bad_request("chat not found"))?;
    let message = account::message_id(params)
        .ok()
        .and_then(|id| chat.message(id))
        .ok_or_else(|| ApiError::bad_request(missing))?;
    if matches!(
        message.content,
        Content::Invoice(_) | Content::SuccessfulPayment(_) | Content::RefundedPayment(_)
    ) {
        return Err(ApiError::bad_request("message can't be copied"));
    }
    let author = if message.from_bot {
        BOT_NAME.to_owned()
    } else {
        chat.user.first_name.clone()
    };
    Ok((author, message.content.clone(), message.body.clone()))
}

pub fn copy(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    let chat_id = open_chat(world, params)?.user.id;
    let (_, content, mut body) = original(world, params, "message to copy not found")?;
    // A new caption is taken where there can be one, and silently ignored elsewhere, as Telegram does it.
    let has_caption = matches!(content, Content::Document(_) | Content::Photo(_) | Content::Voice(_));
    if params.fields.contains_key("caption") && has_caption {
        body = caption(params)?;
    }
    let sent = finish(world, params, chat_id, content, body)?;
    Ok(json!({"message_id": sent.get("message_id")}))
}

pub fn forward(world: &mut World, params: &mut Params) -> Result<Value, ApiError> {
    let chat_id = open_chat(world, params)?.user.id;
    let (author, content, body) = original(world, params, "message to forward not found")?;
    let mut draft = Draft::new(content, body);
    draft.forwarded_from = Some(author);
    spend(world, chat_id, 1)?;
    post(world, chat_id, draft)
}
