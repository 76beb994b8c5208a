//! The program is killed in the middle of its work (case 19): whoever repeats a request with its key loses nothing and does
//! nothing twice.

use std::process::Stdio;
use std::time::Duration;

use reqwest::Client;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::common::MASTER_KEY;
use crate::common::database::{Backend, Database};

const TOKEN: &str = "token-of-the-bot-for-tests";
const PASSWORD: &str = "correct horse battery";
const PATIENCE: Duration = Duration::from_secs(60);
const WRITERS: usize = 8;
/// How many requests are answered before the program is killed.
const ANSWERED: usize = 40;

async fn started(folder: &std::path::Path, url: &str, port: u16) -> Child {
    let mut child = Command::new(env!("CARGO_BIN_EXE_crm-api"))
        .arg("serve")
        .env_clear()
        .current_dir(folder)
        .envs([
            ("MASTER_KEY", MASTER_KEY),
            ("CRM_API_TOKEN", TOKEN),
            ("ADMIN_PASSWORD", PASSWORD),
            ("DATABASE_URL", url),
            ("HTTP_ADDR", &format!("127.0.0.1:{port}")),
            ("RATE_LIMIT_PER_MINUTE", "100000"),
        ])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let listening = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            if line.contains("the CRM API listens") {
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return true;
            }
        }
        false
    };
    assert!(tokio::time::timeout(PATIENCE, listening).await.unwrap(), "it starts");
    child
}

async fn sign_in(base: &str) -> (Client, String) {
    let answer = Client::new()
        .post(format!("{base}/api/auth/sign-in"))
        .json(&json!({ "email": "admin@voronka.local", "password": PASSWORD }))
        .send()
        .await
        .unwrap();
    assert_eq!(answer.status(), 200);
    let cookie = answer.headers()["set-cookie"].to_str().unwrap();
    let cookie = cookie.split(';').next().unwrap().parse().unwrap();
    let headers = reqwest::header::HeaderMap::from_iter([(reqwest::header::COOKIE, cookie)]);
    let http = Client::builder().default_headers(headers).build().unwrap();
    let body: Value = answer.json().await.unwrap();
    (http, body["csrf_token"].as_str().unwrap().to_owned())
}

/// Makes a client under this key. `None`: no answer came.
async fn make(http: &Client, base: &str, csrf: &str, key: &str) -> Option<(u16, Value)> {
    let answer = http
        .post(format!("{base}/api/clients"))
        .header("x-csrf-token", csrf)
        .header("idempotency-key", key)
        .json(&json!({ "name": key, "language": "ru" }))
        .send()
        .await
        .ok()?;
    let status = answer.status().as_u16();
    Some((status, answer.json().await.ok()?))
}

async fn survives(url: &str, folder: &std::path::Path) {
    // Under the ports that the kernel hands out, so that nobody takes it while the program is dead.
    let port = 10_000 + u16::try_from(std::process::id() % 8_000).unwrap() + u16::from(url.starts_with("postgres"));
    let base = format!("http://127.0.0.1:{port}");
    let mut first = started(folder, url, port).await;
    let (http, csrf) = sign_in(&base).await;
    let mut writers = tokio::task::JoinSet::new();
    let (answered, mut seen) = tokio::sync::mpsc::unbounded_channel();
    for writer in 0..WRITERS {
        let (http, base, csrf, answered) = (http.clone(), base.clone(), csrf.clone(), answered.clone());
        writers.spawn(async move {
            for number in 0.. {
                let key = format!("writer{writer}-{number}");
                let answer = make(&http, &base, &csrf, &key).await;
                let is_dead = answer.is_none();
                answered.send((key, answer)).unwrap();
                if is_dead {
                    return;
                }
            }
        });
    }
    drop(answered);
    let mut requests = Vec::new();
    while let Some(request) = seen.recv().await {
        requests.push(request);
        if requests.len() == ANSWERED {
            // SIGKILL, while every writer waits for an answer.
            first.kill().await.unwrap();
        }
    }
    let cut_off = requests.iter().filter(|(_, answer)| answer.is_none()).count();
    assert!(cut_off > 0, "somebody was cut off");
    let _second = started(folder, url, port).await;
    let begun = std::time::Instant::now();
    let (http, csrf) = sign_in(&base).await;
    for (key, before) in &requests {
        let (status, body) = make(&http, &base, &csrf, key).await.unwrap();
        match before {
            Some((status_before, body_before)) => {
                assert_eq!((status, &body), (*status_before, body_before), "{key}: the same answer");
            }
            None => assert!(
                status == 201 || (status == 409 && body["code"] == "answer_lost"),
                "{key}: made now, or told that it was done: {status} {body}"
            ),
        }
    }
    assert!(
        begun.elapsed() < Duration::from_secs(30),
        "nobody waited for a dead process's lease: {:?}",
        begun.elapsed()
    );
    for (key, _) in &requests {
        let found: Value = http
            .get(format!("{base}/api/clients?q={key}&limit=50"))
            .send()
            .await
            .unwrap()
            .json()
            .await
            .unwrap();
        let count = found["items"]
            .as_array()
            .unwrap_or_else(|| panic!("{key}: {found}"))
            .iter()
            .filter(|client| client["name"] == key.as_str())
            .count();
        assert_eq!(count, 1, "{key} exists once");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_in_the_middle_of_posts_on_sqlite() {
    let folder = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/voronka.db", folder.path().display());
    survives(&url, folder.path()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn killed_in_the_middle_of_posts_on_postgresql() {
    let folder = tempfile::tempdir().unwrap();
    let database = Database::create(Backend::Postgres, folder.path()).await;
    survives(&database.url, folder.path()).await;
}
