//! Keyset pages: the next page begins after the last row seen, however many rows there are before it.

/// Where the next page begins: the sort key of the last row. Opaque outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Cursor(pub String);

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageRequest {
    /// Rows a page.
    pub limit: u32,
    pub after: Option<Cursor>,
}

#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PageOf<T> {
    pub items: Vec<T>,
    pub next: Option<Cursor>,
}

impl PageRequest {
    /// One row more than asked for tells whether there is a next page.
    pub(crate) const fn fetch(&self) -> i64 {
        self.limit as i64 + 1
    }
}

impl<T> PageOf<T> {
    /// `rows` were fetched with [`PageRequest::fetch`]; `key` gives the sort key of a row.
    pub(crate) fn cut(mut rows: Vec<T>, request: &PageRequest, key: impl Fn(&T) -> String) -> Self {
        let limit = request.limit as usize;
        let is_more = rows.len() > limit;
        rows.truncate(limit);
        let next = if is_more {
            rows.last().map(|row| Cursor(key(row)))
        } else {
            None
        };
        Self { items: rows, next }
    }
}

/// Sorts before every id when descending: where the first page begins.
pub(crate) const BEYOND_ALL_IDS: &str = "~";
