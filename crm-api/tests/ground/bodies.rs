//! Bodies nobody should send (case 21): a 4xx problem each, never a 5xx, never a panic.

use reqwest::{Method, Response};
use serde_json::{Value, json};

use crate::common::{BOT_TOKEN, TestWorld};
use crate::on_both_databases;

on_both_databases!(
    every_route_that_takes_a_body_refuses_bad_ones_kindly,
    query_strings_are_no_way_around
);

struct Abuse {
    name: &'static str,
    content_type: &'static str,
    encoding: Option<&'static str>,
    body: Vec<u8>,
    statuses: &'static [u16],
}

fn abuses() -> Vec<Abuse> {
    let json = |name, body: &[u8], statuses| Abuse {
        name,
        content_type: "application/json",
        encoding: None,
        body: body.to_vec(),
        statuses,
    };
    let typed = |name, content_type, statuses| Abuse {
        name,
        content_type,
        encoding: None,
        body: b"{}".to_vec(),
        statuses,
    };
    let deep = [vec![b'['; 100_000], vec![b']'; 100_000]].concat();
    let deep_objects = [br#"{"a":"#.repeat(50_000), b"1".to_vec(), vec![b'}'; 50_000]].concat();
    vec![
        json("nothing", b"", &[400]),
        json("ten megabytes", &vec![b' '; 10 * 1024 * 1024], &[413]),
        json(
            "ten megabytes of text",
            format!("{{\"name\":\"{}\"}}", "a".repeat(10 * 1024 * 1024)).as_bytes(),
            &[413],
        ),
        json("cut off", b"{\"name\": \"a", &[400]),
        json("two values", b"{} {}", &[400]),
        json("deep arrays", &deep, &[400]),
        json("deep objects", &deep_objects, &[400]),
        json("windows-1251", b"{\"name\": \"\xcf\xf0\xe8\xe2\xe5\xf2\"}", &[400]),
        json("utf-16", b"\xff\xfe{\x00}\x00", &[400]),
        json("a lone surrogate", br#"{"name": "\ud800"}"#, &[400]),
        json("a surrogate as bytes", b"{\"name\": \"\xed\xa0\x80\"}", &[400]),
        json("NUL in a text", br#"{"name": "a\u0000b"}"#, &[422]),
        json("NUL in a name", br#"{"a\u0000": 1}"#, &[422]),
        json("NUL as a byte", b"{\"name\": \"a\x00b\"}", &[400]),
        json("a number past i64", br#"{"name": 9223372036854775808}"#, &[422]),
        json("a number past u64", br#"{"name": 99999999999999999999999}"#, &[422]),
        json("a number past f64", br#"{"name": 1e999}"#, &[400]),
        json("not a number", br#"{"name": NaN}"#, &[400]),
        json("null", b"null", &[422]),
        json("an array", b"[]", &[422]),
        json("a text", b"\"text\"", &[422]),
        json(
            "a list in every field",
            br#"{"name": [], "role": [], "key": {}, "email": [[]], "text": {}}"#,
            &[422],
        ),
        typed("a form", "application/x-www-form-urlencoded", &[415]),
        typed("plain text", "text/plain", &[415]),
        typed("another charset", "application/json; charset=windows-1251", &[415]),
        typed("no type at all", "", &[415]),
        Abuse {
            name: "packed",
            content_type: "application/json",
            encoding: Some("gzip"),
            body: b"\x1f\x8b\x08".to_vec(),
            statuses: &[415],
        },
    ]
}

async fn every_route_that_takes_a_body_refuses_bad_ones_kindly(world: TestWorld) {
    let admin = world.admin_token().await;
    let (document, operations) = world.operations().await;
    let mut routes = 0;
    for (method, path, operation) in operations {
        let Some(schema) = operation.pointer("/requestBody/content/application~1json/schema") else {
            continue;
        };
        routes += 1;
        let path = crate::common::with_well_formed_ids(&path);
        let token = if path.starts_with("/api/bot/") {
            BOT_TOKEN
        } else {
            &admin
        };
        // A route where every field may be left out takes `{…}` with unknown fields only.
        let is_lenient = required_fields(&document, schema).is_empty();
        for abuse in abuses() {
            let response = send(&world, &method, &path, token, &abuse).await;
            let (status, what) = (response.status().as_u16(), format!("{}: {method} {path}", abuse.name));
            let problem: Value = response
                .json()
                .await
                .unwrap_or_else(|error| panic!("{what}: {status} {error}"));
            assert!((400..500).contains(&status), "{what}: {problem}");
            assert_eq!(problem["status"], status, "{what}: {problem}");
            let may_be_unseen = is_lenient || status == 404;
            assert!(abuse.statuses.contains(&status) || may_be_unseen, "{what}: {problem}");
        }
    }
    assert!(routes > 5, "only {routes} routes take a body");
}

async fn send(world: &TestWorld, method: &Method, path: &str, token: &str, abuse: &Abuse) -> Response {
    let mut request = world
        .request(method.clone(), path)
        .bearer_auth(token)
        .header("if-match", "\"1\"")
        .body(abuse.body.clone());
    if *method == Method::POST {
        request = request.header(
            "idempotency-key",
            data_encoding::HEXLOWER.encode(&app::clock::random_bytes::<8>()),
        );
    }
    if !abuse.content_type.is_empty() {
        request = request.header("content-type", abuse.content_type);
    }
    if let Some(encoding) = abuse.encoding {
        request = request.header("content-encoding", encoding);
    }
    request.send().await.unwrap()
}

fn required_fields(document: &Value, schema: &Value) -> Vec<Value> {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    schema["required"].as_array().cloned().unwrap_or_default()
}

async fn query_strings_are_no_way_around(world: TestWorld) {
    let admin = world.admin_token().await;
    let (_, operations) = world.operations().await;
    let values = [
        "%00",
        "a%00b",
        "%ff%fe",
        "99999999999999999999",
        "-1",
        "%ED%A0%80",
        "'%20OR%201=1--",
        "%F0%9F%92%AA",
    ];
    for (method, path, operation) in operations {
        if method != Method::GET || path.contains('{') || path.starts_with("/api/bot/") {
            continue;
        }
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for parameter in parameters.iter().filter(|parameter| parameter["in"] == "query") {
            let name = parameter["name"].as_str().unwrap();
            for value in values {
                let response = world
                    .get(&format!("{path}?{name}={value}"), &admin)
                    .send()
                    .await
                    .unwrap();
                let status = response.status().as_u16();
                assert!(
                    status < 500,
                    "{path}?{name}={value}: {status} {}",
                    response.text().await.unwrap()
                );
            }
        }
    }
    let one = json!({ "name": "x", "role": "admin" });
    let response = world.post("/api/api-keys?name=%00", &admin, &one).send().await.unwrap();
    assert_eq!(response.status(), 201, "what nobody reads harms nobody");
}
