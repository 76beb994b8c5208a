//! Tables for a spreadsheet: RFC 4180 in UTF-8, streamed page by page, with no cell that a spreadsheet would run.

use axum::body::{Body, Bytes};
use axum::http::HeaderValue;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::response::{IntoResponse, Response};
use futures::{Stream, StreamExt as _};

use crate::disposition::attachment;
use crate::problem::{ApiError, ApiResult};

/// Without it a spreadsheet reads Cyrillic letters as something else.
const BYTE_ORDER_MARK: &str = "\u{feff}";

/// One line of a table.
pub(crate) fn row<'a>(cells: impl IntoIterator<Item = &'a str>) -> String {
    let mut line = String::new();
    for (place, cell) in cells.into_iter().enumerate() {
        if place > 0 {
            line.push(',');
        }
        push_cell(&mut line, cell);
    }
    line.push_str("\r\n");
    line
}

/// A cell that begins like a formula gets an apostrophe: a spreadsheet shows it as text then.
fn push_cell(line: &mut String, cell: &str) {
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']);
    if !is_formula && !cell.contains(['"', ',', ';', '\n', '\r']) {
        line.push_str(cell);
        return;
    }
    line.push('"');
    if is_formula {
        line.push('\'');
    }
    line.push_str(&cell.replace('"', "\"\""));
    line.push('"');
}

/// A download whose rows come as they are read. What breaks in the middle ends the connection, so that nobody takes half
/// a table for a whole one.
pub(crate) fn download(
    name: &str,
    titles: &[&str],
    rows: impl Stream<Item = ApiResult<String>> + Send + 'static,
) -> ApiResult<Response> {
    let first = format!("{BYTE_ORDER_MARK}{}", row(titles.iter().copied()));
    let head = futures::stream::once(async move { Ok(Bytes::from(first)) });
    let rows = rows.map(|chunk| {
        chunk.map(Bytes::from).map_err(|error| {
            // Nobody can be answered any more: it goes to the log, and the connection ends.
            let _ = error.into_response();
            std::io::Error::other("a table could not be read to its end")
        })
    });
    let mut response = Body::from_stream(head.chain(rows)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/csv; charset=utf-8"));
    let disposition = attachment(name).ok_or_else(ApiError::internal)?;
    headers.insert(CONTENT_DISPOSITION, disposition);
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_formula_is_text_and_quotes_are_doubled() {
        assert_eq!(row(["a", "b c", ""]), "a,b c,\r\n");
        assert_eq!(row(["=1+1", "-5", "@x"]), "\"'=1+1\",\"'-5\",\"'@x\"\r\n");
        assert_eq!(row(["он сказал \"да\", ушёл"]), "\"он сказал \"\"да\"\", ушёл\"\r\n");
    }
}
