//! The program itself: what it refuses at start, how it stops, what its commands say.

use std::path::Path;
use std::process::{Output, Stdio};
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, Command};

use crate::common::MASTER_KEY;

const PATIENCE: Duration = Duration::from_secs(30);

fn program(folder: &Path, words: &[&str], environment: &[(&str, &str)]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_crm-api"));
    command
        .args(words)
        .env_clear()
        .current_dir(folder)
        .envs([
            ("MASTER_KEY", MASTER_KEY),
            ("CRM_API_TOKEN", "token-of-the-bot-for-tests"),
            ("HTTP_ADDR", "127.0.0.1:0"),
        ])
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    command
}

async fn run(folder: &Path, words: &[&str], environment: &[(&str, &str)]) -> (Option<i32>, String) {
    let output: Output = tokio::time::timeout(PATIENCE, program(folder, words, environment).output())
        .await
        .unwrap()
        .unwrap();
    let text = String::from_utf8(output.stdout).unwrap() + &String::from_utf8(output.stderr).unwrap();
    (output.status.code(), text)
}

async fn started(folder: &Path, environment: &[(&str, &str)]) -> (Child, String) {
    let mut child = program(folder, &["serve"], environment).spawn().unwrap();
    let mut lines = BufReader::new(child.stderr.take().unwrap()).lines();
    let mut seen = String::new();
    let listening = async {
        while let Some(line) = lines.next_line().await.unwrap() {
            seen.push_str(&line);
            seen.push('\n');
            if line.contains("the CRM API listens") {
                // Somebody must go on reading, or a full pipe would stop the program.
                tokio::spawn(async move { while let Ok(Some(_)) = lines.next_line().await {} });
                return true;
            }
        }
        false
    };
    let is_listening = tokio::time::timeout(PATIENCE, listening).await.unwrap();
    assert!(is_listening, "{seen}");
    (child, seen)
}

fn terminate(child: &Child) {
    let id = nix::unistd::Pid::from_raw(i32::try_from(child.id().unwrap()).unwrap());
    nix::sys::signal::kill(id, nix::sys::signal::Signal::SIGTERM).unwrap();
}

#[tokio::test]
async fn a_wrong_configuration_is_refused_with_every_key_named_at_once() {
    let folder = tempfile::tempdir().unwrap();
    let wrong = [
        ("MASTER_KEY", "k1:short"),
        ("DATABASE_URL", "oracle://x"),
        ("RATE_LIMIT_PER_MINUTE", "many"),
    ];
    let (code, text) = run(folder.path(), &[], &wrong).await;
    assert_eq!(code, Some(2), "{text}");
    for (key, _) in wrong {
        assert!(text.lines().any(|line| line.starts_with(&format!("{key}:"))), "{text}");
    }
}

#[tokio::test]
async fn what_only_shows_at_start_is_refused_the_same_way() {
    let folder = tempfile::tempdir().unwrap();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    let password = ("ADMIN_PASSWORD", "correct horse");
    let cases: [(&str, &[(&str, &str)]); 3] = [
        ("ADMIN_PASSWORD:", &[]),
        ("HTTP_ADDR:", &[password, ("HTTP_ADDR", &address)]),
        ("EXTRA_ROOT_CERTS:", &[password, ("EXTRA_ROOT_CERTS", "nowhere.pem")]),
    ];
    for (key, environment) in cases {
        let (code, text) = run(folder.path(), &["serve"], environment).await;
        assert_eq!(code, Some(2), "{key} {text}");
        assert!(text.lines().any(|line| line.starts_with(key)), "{text}");
    }
}

#[tokio::test]
async fn it_serves_stops_on_a_signal_and_starts_again_without_the_password() {
    let folder = tempfile::tempdir().unwrap();
    for environment in [&[("ADMIN_PASSWORD", "correct horse")][..], &[][..]] {
        let (mut child, log) = started(folder.path(), environment).await;
        assert!(
            !log.contains("correct horse") && !log.contains("token-of-the-bot"),
            "{log}"
        );
        terminate(&child);
        let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
        assert!(status.success(), "{status}");
    }
    let (code, text) = run(folder.path(), &["doctor"], &[("TELEGRAM_BOT_TOKEN", "123:x")]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(
        text.contains("WRONG   bot: TELEGRAM_BOT_TOKEN") && text.contains("1 thing is wrong."),
        "{text}"
    );
    let (code, text) = run(folder.path(), &["doctor"], &[]).await;
    assert_eq!(code, Some(0), "{text}");
    assert!(text.contains("All is well."), "{text}");
    let other_key = "k1:CQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQkJCQk=";
    let (code, text) = run(folder.path(), &["doctor"], &[("MASTER_KEY", other_key)]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("WRONG   master key"), "{text}");
}

#[tokio::test]
async fn a_bot_that_waits_for_messages_does_not_hold_up_the_stop() {
    let folder = tempfile::tempdir().unwrap();
    let (mut child, log) = started(folder.path(), &[("ADMIN_PASSWORD", "correct horse")]).await;
    let address = log
        .split("address=")
        .nth(1)
        .unwrap()
        .split_whitespace()
        .next()
        .unwrap()
        .to_owned();
    let waiting = reqwest::Client::new()
        .post(format!("http://{address}/api/bot/deliveries/claim"))
        .bearer_auth("token-of-the-bot-for-tests")
        .json(&serde_json::json!({ "replica": "test", "limit": 10, "wait_ms": 30_000 }));
    let waiting = tokio::spawn(waiting.send());
    // The claim is under way as soon as a later request on another connection has been served.
    let probe = reqwest::get(format!("http://{address}/readyz")).await.unwrap();
    assert_eq!(probe.status(), 200);
    let asked = std::time::Instant::now();
    terminate(&child);
    let status = tokio::time::timeout(PATIENCE, child.wait()).await.unwrap().unwrap();
    assert!(status.success(), "{status}");
    assert!(asked.elapsed() < Duration::from_secs(8), "{:?}", asked.elapsed());
    // Either it was answered empty-handed, or it had not yet got through.
    if let Ok(response) = waiting.await.unwrap() {
        assert_eq!(
            response.json::<serde_json::Value>().await.unwrap()["deliveries"],
            serde_json::json!([])
        );
    }
}

#[tokio::test]
async fn a_database_of_a_newer_version_is_refused_in_a_sentence() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = run(folder.path(), &["migrate"], &[]).await;
    assert_eq!(code, Some(0), "{text}");
    use sqlx::{Connection, Executor};
    let url = format!("sqlite://{}/data/voronka.db", folder.path().display());
    let mut connection = sqlx::SqliteConnection::connect(&url).await.unwrap();
    let newer = "INSERT INTO _sqlx_migrations (version, description, success, checksum, execution_time) VALUES (9999, 'newer', 1, x'00', 0)";
    connection.execute(newer).await.unwrap();
    connection.close().await.unwrap();
    let (code, text) = run(folder.path(), &["serve"], &[("ADMIN_PASSWORD", "correct horse")]).await;
    assert_eq!(code, Some(1), "{text}");
    assert!(text.contains("newer version of Voronka"), "{text}");
}

#[tokio::test]
async fn an_unknown_command_shows_how_to_use_it() {
    let folder = tempfile::tempdir().unwrap();
    let (code, text) = run(folder.path(), &["dance"], &[]).await;
    assert_eq!(code, Some(2));
    assert!(text.contains("usage: crm-api"), "{text}");
}
