//! Keyset pages on the wire: `?limit=&cursor=` in, `items` and `next_cursor` out.

use api_types::page::{Page, PageQuery};
use data_encoding::BASE64URL_NOPAD;
use store::{Cursor, PageOf, PageRequest};

use crate::problem::{ApiError, ApiResult};

const DEFAULT_LIMIT: u32 = 50;
/// A page must stay quick to fetch and to show.
const MAX_LIMIT: u32 = 200;

/// Errors: a problem that names `limit` or `cursor`.
pub fn request(query: &PageQuery) -> ApiResult<PageRequest> {
    let limit = query.limit.unwrap_or(DEFAULT_LIMIT);
    if !(1..=MAX_LIMIT).contains(&limit) {
        return Err(ApiError::invalid(
            "limit",
            "out_of_range",
            format!("a page has 1 to {MAX_LIMIT} rows"),
        ));
    }
    let after = query.cursor.as_deref().map(decode).transpose()?;
    Ok(PageRequest { limit, after })
}

pub fn page<T, U>(found: PageOf<T>, show: impl FnMut(T) -> U) -> Page<U> {
    Page {
        items: found.items.into_iter().map(show).collect(),
        next_cursor: found.next.map(|cursor| BASE64URL_NOPAD.encode(cursor.0.as_bytes())),
    }
}

/// Opaque, so that nobody builds on what stands in it.
fn decode(text: &str) -> ApiResult<Cursor> {
    BASE64URL_NOPAD
        .decode(text.as_bytes())
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .filter(|key| !key.contains('\0'))
        .map(Cursor)
        .ok_or_else(|| ApiError::invalid("cursor", "invalid", "pass next_cursor of the page before, unchanged"))
}
