//! Google Sheets as a public CSV source: `export` with its one-time redirect, `gviz`, and the bad days.

use std::{borrow::Cow, collections::HashMap, sync::OnceLock, time::Duration};

use axum::{
    Router,
    extract::{Path, Query, State},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Redirect, Response},
    routing::get,
};
use rust_embed::RustEmbed;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::{faults::SheetsMode, world::Shared};

/// The tables the product ships; read from disk in a debug build, so an edit is served at once.
#[derive(RustEmbed)]
#[folder = "../programs/templates/"]
#[allow_missing = true]
struct Templates;

pub const DEMO_SHEET: &str = "1VoronkaTemplatesDemo0000000001";
const TABS: [(u64, &str); 3] = [(0, "Men_12w_2"), (1, "Women_12w_2"), (2, "exercises")];
const KEPT_TICKETS: usize = 1_000;
/// Google's own limit is larger; nobody needs more here.
pub const MAX_CSV_BYTES: usize = 8 * 1024 * 1024;

const LOGIN_PAGE: &str = "<!DOCTYPE html><html lang=\"en\"><head><title>Google Sheets: Sign-in</title></head>\
    <body><h1>Sign in</h1><p>to continue to Google Sheets</p><form action=\"/google/accounts/signin\"></form></body></html>";
const GONE_PAGE: &str = "<!DOCTYPE html><html><head><title>Page Not Found</title></head>\
    <body><p>Sorry, unable to open the file at this time.</p></body></html>";
const PUBLISHED_PAGE: &str =
    "<!DOCTYPE html><html><head><title>Published</title></head><body><table></table></body></html>";
const ERROR_PAGE: &str = "<!DOCTYPE html><html><head><title>Error</title></head>\
    <body><p>Sorry, something went wrong. Reload?</p></body></html>";

#[derive(Debug, Clone)]
pub struct Tab {
    pub gid: u64,
    pub name: String,
    /// As it was shipped or put.
    pub csv: String,
    /// What `export` gives out and how many rows it has; tables have thousands of rows and change rarely.
    exported: OnceLock<(String, usize)>,
}

impl Tab {
    fn new(gid: u64, name: String, csv: String) -> Self {
        Self {
            gid,
            name,
            csv,
            exported: OnceLock::new(),
        }
    }

    fn replace(&mut self, csv: String) {
        self.csv = csv;
        self.exported = OnceLock::new();
    }

    fn exported(&self) -> &(String, usize) {
        self.exported.get_or_init(|| exported(&self.csv))
    }
}

#[derive(Debug, Clone)]
pub struct Sheet {
    pub id: String,
    pub title: String,
    pub tabs: Vec<Tab>,
}

#[derive(Debug)]
pub struct Sheets {
    sheets: Vec<Sheet>,
    /// One-time addresses that have been given out, with what they lead to.
    tickets: HashMap<String, Ticket>,
    issued: u64,
}

#[derive(Debug, Clone)]
struct Ticket {
    sheet: String,
    gid: u64,
}

#[derive(Debug, Serialize)]
pub struct TabSummary {
    gid: u64,
    name: String,
    /// Without the header.
    rows: usize,
}

fn shipped(gid: u64) -> Option<String> {
    let (_, name) = TABS.iter().find(|(known, _)| *known == gid)?;
    let file = Templates::iter().find(|file| {
        file.strip_suffix(".csv")
            .is_some_and(|stem| stem.eq_ignore_ascii_case(name))
    })?;
    let content: Cow<'static, [u8]> = Templates::get(&file)?.data;
    Some(String::from_utf8_lossy(&content).into_owned())
}

impl Default for Sheets {
    fn default() -> Self {
        let tabs = TABS
            .iter()
            .map(|(gid, name)| Tab::new(*gid, (*name).to_owned(), shipped(*gid).unwrap_or_default()))
            .collect();
        Self {
            sheets: vec![Sheet {
                id: DEMO_SHEET.to_owned(),
                title: "Программы тренировок · Training programmes".to_owned(),
                tabs,
            }],
            tickets: HashMap::new(),
            issued: 0,
        }
    }
}

fn reader(csv: &str) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .from_reader(csv.as_bytes())
}

fn rows(csv: &str) -> Vec<csv::StringRecord> {
    reader(csv).records().filter_map(Result::ok).collect()
}

/// As `export` writes it: quotes only where needed, CRLF, rows of equal width. Also counts the rows under the header.
fn exported(csv: &str) -> (String, usize) {
    let rows = rows(csv);
    let width = rows.iter().map(csv::StringRecord::len).max().unwrap_or(0);
    let mut writer = csv::WriterBuilder::new()
        .terminator(csv::Terminator::CRLF)
        .flexible(true)
        .from_writer(Vec::new());
    for row in &rows {
        let missing = width.saturating_sub(row.len());
        let cells = row.iter().chain(std::iter::repeat_n("", missing));
        if let Err(error) = writer.write_record(cells) {
            tracing::warn!(%error, "a row of a sheet can't be written");
        }
    }
    let text = writer
        .into_inner()
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        // The last line of an export has no line end.
        .map(|text| text.trim_end_matches("\r\n").to_owned())
        .unwrap_or_default();
    (text, rows.len().saturating_sub(1))
}

/// As `gviz` writes it: everything quoted, LF, and the minority type of a column gone.
fn queried(csv: &str) -> String {
    let rows = rows(csv);
    let width = rows.iter().map(csv::StringRecord::len).max().unwrap_or(0);
    let is_number = |cell: &str| cell.parse::<i64>().is_ok();
    let numeric: Vec<bool> = (0..width)
        .map(|column| {
            let cells = rows.iter().skip(1).filter_map(|row| row.get(column));
            let (numbers, texts): (Vec<&str>, Vec<&str>) =
                cells.filter(|cell| !cell.is_empty()).partition(|cell| is_number(cell));
            numbers.len() > texts.len()
        })
        .collect();
    let mut out = String::new();
    for (number, row) in rows.iter().enumerate() {
        let cells: Vec<String> = numeric
            .iter()
            .enumerate()
            .map(|(column, wants_number)| {
                let cell = row.get(column).unwrap_or_default();
                let kept = number == 0 || is_number(cell) == *wants_number;
                format!("\"{}\"", if kept { cell } else { "" }.replace('"', "\"\""))
            })
            .collect();
        out.push_str(&cells.join(","));
        out.push('\n');
    }
    out
}

impl Sheets {
    pub fn summary(&self) -> Value {
        self.sheets
            .iter()
            .map(|sheet| {
                let tabs: Vec<TabSummary> = sheet
                    .tabs
                    .iter()
                    .map(|tab| TabSummary {
                        gid: tab.gid,
                        name: tab.name.clone(),
                        rows: tab.exported().1,
                    })
                    .collect();
                json!({"id": sheet.id, "title": sheet.title, "tabs": tabs})
            })
            .collect()
    }

    fn sheet(&self, id: &str) -> Option<&Sheet> {
        self.sheets.iter().find(|sheet| sheet.id == id)
    }

    pub fn tab(&self, id: &str, gid: u64) -> Option<&Tab> {
        self.sheet(id)?.tabs.iter().find(|tab| tab.gid == gid)
    }

    /// Replaces a tab's content; an unknown sheet or tab is made.
    pub fn put(&mut self, id: &str, gid: u64, name: Option<String>, csv: String) {
        let position = match self.sheets.iter().position(|sheet| sheet.id == id) {
            Some(position) => position,
            None => {
                self.sheets.push(Sheet {
                    id: id.to_owned(),
                    title: id.to_owned(),
                    tabs: Vec::new(),
                });
                self.sheets.len().saturating_sub(1)
            }
        };
        let Some(sheet) = self.sheets.get_mut(position) else {
            return;
        };
        match sheet.tabs.iter_mut().find(|tab| tab.gid == gid) {
            Some(tab) => {
                tab.replace(csv);
                if let Some(name) = name {
                    tab.name = name;
                }
            }
            None => {
                let name = name.unwrap_or_else(|| format!("Sheet{gid}"));
                sheet.tabs.push(Tab::new(gid, name, csv));
            }
        }
    }

    /// Returns whether there was something shipped to put back.
    pub fn reset(&mut self, id: &str, gid: u64) -> bool {
        match shipped(gid) {
            Some(csv) if id == DEMO_SHEET => {
                self.put(id, gid, None, csv);
                true
            }
            _ => false,
        }
    }

    fn issue(&mut self, ticket: Ticket) -> String {
        if self.tickets.len() >= KEPT_TICKETS {
            self.tickets.clear();
        }
        self.issued += 1;
        let mut secret = [0u8; 12];
        // A predictable address is still one-time, which is all that matters here.
        if let Err(error) = getrandom::fill(&mut secret) {
            tracing::debug!(%error, "no random bytes for a one-time address");
        }
        let name = format!("doc-{:x}-{}", self.issued, data_encoding::HEXLOWER.encode(&secret));
        self.tickets.insert(name.clone(), ticket);
        name
    }
}

fn html(status: StatusCode, page: &'static str) -> Response {
    (status, [(header::CONTENT_TYPE, "text/html; charset=utf-8")], page).into_response()
}

fn csv_file(name: &str, csv: String) -> Response {
    let disposition = format!("attachment; filename=\"{name}.csv\"");
    (
        [
            (header::CONTENT_TYPE, "text/csv".to_owned()),
            (header::CONTENT_DISPOSITION, disposition),
            (
                header::CACHE_CONTROL,
                "no-cache, no-store, max-age=0, must-revalidate".to_owned(),
            ),
        ],
        csv,
    )
        .into_response()
}

/// Redirects of Google are absolute; the host is the one the client used.
fn absolute(headers: &HeaderMap, path: &str) -> String {
    let host = headers
        .get(header::HOST)
        .and_then(|host| host.to_str().ok())
        .unwrap_or("127.0.0.1");
    format!("http://{host}{path}")
}

/// Where a bad day ends before any content; `None` when the sheet answers.
async fn bad_day(sandbox: &Shared, headers: &HeaderMap) -> Option<Response> {
    let faults = sandbox.world().faults.sheets.clone();
    match faults.mode {
        SheetsMode::Gone => Some(html(StatusCode::NOT_FOUND, GONE_PAGE)),
        SheetsMode::Error => Some(html(StatusCode::INTERNAL_SERVER_ERROR, ERROR_PAGE)),
        SheetsMode::Private => {
            Some(Redirect::temporary(&absolute(headers, "/google/accounts/ServiceLogin")).into_response())
        }
        SheetsMode::Slow => {
            tokio::time::sleep(Duration::from_millis(faults.slow_ms)).await;
            None
        }
        SheetsMode::Ok | SheetsMode::Html => None,
    }
}

#[derive(Debug, Deserialize)]
struct ExportQuery {
    format: Option<String>,
    gid: Option<String>,
}

/// `sheet=` is ignored here, as at Google: without `gid` comes the first tab.
async fn export(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<ExportQuery>,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = bad_day(&sandbox, &headers).await {
        return response;
    }
    let location = {
        let mut world = sandbox.world();
        let Some(sheet) = world.sheets.sheet(&id) else {
            return html(StatusCode::NOT_FOUND, GONE_PAGE);
        };
        let wanted = match query.gid.as_deref() {
            None | Some("") => sheet.tabs.first().map(|tab| tab.gid),
            Some(gid) => gid
                .parse()
                .ok()
                .filter(|gid| sheet.tabs.iter().any(|tab| tab.gid == *gid)),
        };
        let Some(gid) = wanted.filter(|_| query.format.as_deref() == Some("csv")) else {
            return html(StatusCode::BAD_REQUEST, ERROR_PAGE);
        };
        world.sheets.issue(Ticket { sheet: id, gid })
    };
    Redirect::temporary(&absolute(&headers, &format!("/google/content/{location}"))).into_response()
}

async fn content(State(sandbox): State<Shared>, Path(name): Path<String>) -> Response {
    let mut world = sandbox.world();
    let Some(ticket) = world.sheets.tickets.remove(&name) else {
        return html(StatusCode::NOT_FOUND, GONE_PAGE);
    };
    if world.faults.sheets.mode == SheetsMode::Html {
        return html(StatusCode::OK, LOGIN_PAGE);
    }
    match world.sheets.tab(&ticket.sheet, ticket.gid) {
        Some(tab) => csv_file(&tab.name, tab.exported().0.clone()),
        None => html(StatusCode::NOT_FOUND, GONE_PAGE),
    }
}

#[derive(Debug, Deserialize)]
struct QueryQuery {
    tqx: Option<String>,
    sheet: Option<String>,
    gid: Option<String>,
}

async fn gviz(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<QueryQuery>,
    headers: HeaderMap,
) -> Response {
    let mode = sandbox.world().faults.sheets.mode;
    if mode == SheetsMode::Private {
        return script(&json!({
            "version": "0.6", "reqId": "0", "status": "error",
            "errors": [{"reason": "access_denied", "message": "ACCESS_DENIED", "detailed_message": "Access denied"}],
        }));
    }
    if let Some(response) = bad_day(&sandbox, &headers).await {
        return response;
    }
    if mode == SheetsMode::Html {
        return html(StatusCode::OK, LOGIN_PAGE);
    }
    let world = sandbox.world();
    let Some(sheet) = world.sheets.sheet(&id) else {
        return html(StatusCode::NOT_FOUND, GONE_PAGE);
    };
    let by_name = query
        .sheet
        .as_deref()
        .and_then(|name| sheet.tabs.iter().find(|tab| tab.name == name));
    let by_gid = query
        .gid
        .as_deref()
        .and_then(|gid| gid.parse().ok())
        .and_then(|gid: u64| sheet.tabs.iter().find(|tab| tab.gid == gid));
    // An unknown name silently gives the first tab.
    let Some(tab) = by_name.or(by_gid).or_else(|| sheet.tabs.first()) else {
        return html(StatusCode::NOT_FOUND, GONE_PAGE);
    };
    if query.tqx.as_deref().is_some_and(|tqx| tqx.contains("out:csv")) {
        csv_file("data", queried(&tab.csv))
    } else {
        script(&json!({"version": "0.6", "reqId": "0", "status": "ok", "table": {"cols": [], "rows": []}}))
    }
}

/// What "Publish to web" calls a document; it has nothing to do with sharing.
const PUBLISHED_PREFIX: &str = "2PACX-";

#[derive(Debug, Deserialize)]
struct PubQuery {
    gid: Option<u64>,
    output: Option<String>,
}

/// A published document: its own id, the same redirect. A page unless CSV is asked for.
async fn published(
    State(sandbox): State<Shared>,
    Path(id): Path<String>,
    Query(query): Query<PubQuery>,
    headers: HeaderMap,
) -> Response {
    if let Some(response) = bad_day(&sandbox, &headers).await {
        return response;
    }
    let location = {
        let mut world = sandbox.world();
        let sheet = id
            .strip_prefix(PUBLISHED_PREFIX)
            .and_then(|id| world.sheets.sheet(id))
            .map(|sheet| (sheet.id.clone(), sheet.tabs.first().map_or(0, |tab| tab.gid)));
        let Some((sheet, first)) = sheet else {
            return html(StatusCode::NOT_FOUND, GONE_PAGE);
        };
        if query.output.as_deref() != Some("csv") {
            return html(StatusCode::OK, PUBLISHED_PAGE);
        }
        world.sheets.issue(Ticket {
            sheet,
            gid: query.gid.unwrap_or(first),
        })
    };
    Redirect::temporary(&absolute(&headers, &format!("/google/content/{location}"))).into_response()
}

fn script(answer: &Value) -> Response {
    (
        [(header::CONTENT_TYPE, "text/javascript; charset=utf-8")],
        format!("/*O_o*/\ngoogle.visualization.Query.setResponse({answer});"),
    )
        .into_response()
}

pub fn routes() -> Router<Shared> {
    Router::new()
        .route("/google/spreadsheets/d/{id}/export", get(export))
        .route("/google/spreadsheets/d/{id}/gviz/tq", get(gviz))
        .route("/google/spreadsheets/d/e/{id}/pub", get(published))
        .route("/google/content/{name}", get(content))
        .route(
            "/google/accounts/ServiceLogin",
            get(async || html(StatusCode::OK, LOGIN_PAGE)),
        )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn export_quotes_only_what_needs_it() {
        assert_eq!(
            exported("a,b\n\"x, y\",\"say \"\"hi\"\"\"\nz\n"),
            ("a,b\r\n\"x, y\",\"say \"\"hi\"\"\"\r\nz,".to_owned(), 2)
        );
    }

    #[test]
    fn gviz_quotes_everything_and_eats_the_minority_type() {
        assert_eq!(
            queried("a,b\n1,x\n2,3\nнет,y\n"),
            "\"a\",\"b\"\n\"1\",\"x\"\n\"2\",\"\"\n\"\",\"y\"\n"
        );
    }
}
