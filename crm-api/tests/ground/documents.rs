//! The description of the API and the page that shows it.

use reqwest::Method;
use serde_json::Value;

use crate::common::{Backend, TestWorld};

#[test]
fn the_checked_in_description_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/openapi.json");
    let checked_in = std::fs::read_to_string(path).unwrap_or_default();
    // Not assert_eq: two documents of thousands of lines help nobody.
    assert!(
        checked_in == crm_api::openapi::document_json(),
        "docs/openapi.json is out of date; refresh it with: cargo run -p crm-api -- openapi > docs/openapi.json"
    );
}

#[tokio::test]
async fn the_page_and_the_description_are_served_without_a_sign_in_or_a_foreign_host() {
    let world = TestWorld::start(Backend::Sqlite).await;
    let response = world.request(Method::GET, "/api/openapi.json").send().await.unwrap();
    let document: Value = response.json().await.unwrap();
    assert_eq!(document["openapi"], "3.1.0");
    let page = world.request(Method::GET, "/api/docs").send().await.unwrap();
    assert_eq!(page.headers()["content-type"], "text/html; charset=utf-8");
    assert!(
        page.headers()["content-security-policy"]
            .to_str()
            .unwrap()
            .starts_with("default-src 'self'")
    );
    let mut texts = vec![page.text().await.unwrap()];
    for asset in ["/api/docs/docs.js", "/api/docs/docs.css"] {
        assert!(texts[0].contains(asset));
        let response = world.request(Method::GET, asset).send().await.unwrap();
        assert_eq!(response.status(), 200);
        texts.push(response.text().await.unwrap());
    }
    for text in texts {
        assert!(
            !text.contains("http://") && !text.contains("https://"),
            "a foreign host: {text}"
        );
    }
}

#[tokio::test]
async fn answers_are_packed_for_those_who_ask() {
    let world = TestWorld::start(Backend::Sqlite).await;
    let plain = reqwest::Client::builder().no_gzip().build().unwrap();
    let request = plain
        .get(format!("{}/api/openapi.json", world.base))
        .header("accept-encoding", "gzip");
    let response = request.send().await.unwrap();
    assert_eq!(response.headers()["content-encoding"], "gzip");
}
