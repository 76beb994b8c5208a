//! A spreadsheet that answers badly, over HTTP: nothing but a table is ever taken for one.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::time::Duration;

use axum::Router;
use axum::body::Body;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Redirect, Response};
use axum::routing::get;
use futures::StreamExt as _;
use providers::sheets::{Document, Error, SheetAddress, Sheets, SheetsConfig};

const ID: &str = "1VoronkaTemplatesDemo0000000001";

fn csv(body: impl Into<Body>) -> Response {
    ([("content-type", "text/csv; charset=utf-8")], body.into()).into_response()
}

async fn answer(axum::extract::RawQuery(query): axum::extract::RawQuery) -> Response {
    let gid = query
        .unwrap_or_default()
        .rsplit("gid=")
        .next()
        .unwrap_or_default()
        .to_owned();
    match gid.split('&').next().unwrap_or_default() {
        "0" => csv("a,b\r\n1,2"),
        "1" => csv("\u{feff}  <!DOCTYPE html><html>"),
        "2" => ([("content-type", "text/html")], "<html>Sign in</html>").into_response(),
        "3" => ([("content-type", "application/json")], "{}").into_response(),
        "4" => Redirect::temporary("https://evil.example/table.csv").into_response(),
        "5" => Redirect::temporary("http://docs.google.com.evil.example/table.csv").into_response(),
        "6" => Redirect::temporary("https://accounts.google.com/ServiceLogin").into_response(),
        "7" => Redirect::temporary("/spreadsheets/d/1VoronkaTemplatesDemo0000000001/export?gid=7").into_response(),
        "8" => StatusCode::TOO_MANY_REQUESTS.into_response(),
        "9" => StatusCode::SERVICE_UNAVAILABLE.into_response(),
        "10" => StatusCode::GONE.into_response(),
        "11" => StatusCode::FORBIDDEN.into_response(),
        // Without end and without a length.
        "12" => {
            let rows = futures::stream::repeat(Ok::<_, std::convert::Infallible>("1,2\r\n".repeat(10_000)));
            csv(Body::from_stream(rows.take(100_000)))
        }
        "14" => {
            tokio::time::sleep(Duration::from_secs(30)).await;
            csv("late")
        }
        "15" => (StatusCode::TEMPORARY_REDIRECT, "without an address").into_response(),
        _ => StatusCode::BAD_REQUEST.into_response(),
    }
}

async fn published(axum::extract::RawQuery(query): axum::extract::RawQuery) -> Response {
    assert_eq!(query.as_deref(), Some("gid=7&single=true&output=csv"));
    csv("published")
}

async fn start() -> Sheets {
    let _ = rustls::crypto::ring::default_provider().install_default();
    let router = Router::new()
        .route("/spreadsheets/d/{id}/export", get(answer))
        .route("/spreadsheets/d/e/{id}/pub", get(published));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
    Sheets::new(SheetsConfig {
        base_url,
        deadline: Duration::from_secs(4),
        http: providers::http_client(&[]).unwrap(),
    })
}

fn tab(gid: u64) -> SheetAddress {
    SheetAddress {
        document: Document::Shared(ID.to_owned()),
        gid,
    }
}

#[tokio::test]
async fn a_table_comes_as_it_is_and_everything_else_is_an_error_with_its_own_words() {
    let sheets = start().await;
    assert_eq!(sheets.fetch(&tab(0)).await.unwrap(), "a,b\r\n1,2");
    for (gid, code, is_transient) in [
        (1, "not_public", false),
        (2, "not_public", false),
        (3, "not_a_table", false),
        (4, "foreign_redirect", false),
        (5, "foreign_redirect", false),
        (6, "not_public", false),
        (7, "not_a_table", false),
        (8, "busy", true),
        (9, "busy", true),
        (10, "not_found", false),
        (11, "not_public", false),
        (12, "too_large", false),
        (14, "timeout", true),
        (15, "not_a_table", false),
        (99, "not_found", false),
    ] {
        let error = sheets.fetch(&tab(gid)).await.unwrap_err();
        assert_eq!(
            (error.code(), error.is_transient()),
            (code, is_transient),
            "tab {gid}: {error}"
        );
    }
}

#[tokio::test]
async fn a_published_document_is_asked_for_in_its_own_way() {
    let sheets = start().await;
    let address = SheetAddress {
        document: Document::Published("2PACX-1vVoronkaTemplatesDemo0001".to_owned()),
        gid: 7,
    };
    assert_eq!(sheets.fetch(&address).await.unwrap(), "published");
}

#[tokio::test]
async fn nobody_at_home_is_an_outage() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base_url = format!("http://{}", listener.local_addr().unwrap()).parse().unwrap();
    drop(listener);
    let _ = rustls::crypto::ring::default_provider().install_default();
    let sheets = Sheets::new(SheetsConfig {
        base_url,
        deadline: Duration::from_secs(4),
        http: providers::http_client(&[]).unwrap(),
    });
    let error = sheets.fetch(&tab(0)).await.unwrap_err();
    assert!(matches!(error, Error::Unreachable(_)) && error.is_transient());
}
