//! The real program: refused settings, kill -9, SIGTERM, the webhook, health.

use std::{
    io::Read,
    net::TcpListener,
    process::{Child, Command, Stdio},
    time::{Duration, Instant},
};

use api_types::conversation::{EventBody, Outcome};
use sandbox::Running;
use serde_json::json;

use crate::support::{ANNA, Crm, WAIT, bot_texts, crm::TOKEN, eventually, settings, telegram, text};

/// Killed when the test ends, however it ends.
struct Program(Child);

impl Program {
    fn start(telegram: &Running, crm: &Crm, more: &[(&str, &str)]) -> Self {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bot"));
        command
            .env_clear()
            .envs(settings(telegram, &crm.url))
            .envs(more.iter().copied());
        Self(command.stdout(Stdio::null()).spawn().unwrap())
    }

    /// As the power cut does it.
    fn kill(mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }

    fn terminate(mut self) -> (Option<i32>, Duration) {
        let start = Instant::now();
        let status = Command::new("kill")
            .args(["-TERM", &self.0.id().to_string()])
            .status()
            .unwrap();
        assert!(status.success());
        (self.0.wait().unwrap().code(), start.elapsed())
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.0.kill().ok();
        self.0.wait().ok();
    }
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

fn echo(crm: &Crm) {
    crm.on_event(|event| match &event.body {
        EventBody::Text { text: said, .. } => vec![text(&format!("d{said}"), ANNA, &format!("ответ {said}"))],
        _ => Vec::new(),
    });
}

#[test]
fn wrong_settings_are_refused_with_the_key_and_code_2() {
    let run = |more: &[(&str, &str)]| {
        let mut command = Command::new(env!("CARGO_BIN_EXE_bot"));
        let base = [
            ("TELEGRAM_BOT_TOKEN", "42:hidden-letters"),
            ("CRM_API_TOKEN", "hidden-service"),
        ];
        let output = command
            .env_clear()
            .envs(base)
            .envs(more.iter().copied())
            .output()
            .unwrap();
        let sentence = String::from_utf8(output.stderr).unwrap();
        assert!(!sentence.contains("hidden"), "{sentence}");
        (output.status.code(), sentence)
    };
    for (key, value) in [
        ("TELEGRAM_BOT_TOKEN", ""),
        ("CRM_API_TOKEN", ""),
        ("TELEGRAM_MODE", "pigeon"),
        ("CRM_API_URL", "nowhere"),
        ("RUST_LOG", "bot=loudly"),
    ] {
        let (code, sentence) = run(&[(key, value)]);
        assert_eq!(code, Some(2), "{key}");
        assert!(
            sentence.contains(key) && sentence.trim_end().lines().count() == 1,
            "{sentence}"
        );
    }
}

#[tokio::test]
async fn killed_between_the_crm_and_the_confirmation_nothing_is_lost_or_doubled() {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    echo(&crm);
    // The CRM takes the event, but its answer is so slow that the bot dies before it.
    crm.change(|seen| seen.slow = Duration::from_millis(400));
    let first = Program::start(&telegram, &crm, &[]);
    telegram.send_text(ANNA, "1").await.unwrap();
    crm.until("the event", |seen| seen.events.first().map(drop)).await;
    first.kill();
    crm.change(|seen| seen.slow = Duration::ZERO);

    let _second = Program::start(&telegram, &crm, &[]);
    let keys = crm
        .until("the event again", |seen| {
            (seen.events.len() >= 2).then(|| seen.events.iter().map(|e| e.key.clone()).collect::<Vec<_>>())
        })
        .await;
    assert_eq!(keys[0], keys[1], "the same key, so the CRM knows it");
    // The answer of the first time was leased to the dead replica; the CRM hands it out again when that lease ends.
    crm.enqueue([text("d1", ANNA, "ответ 1")]);
    crm.until_sent("d1").await;
    telegram.send_text(ANNA, "2").await.unwrap();
    crm.until_sent("d2").await;
    assert_eq!(bot_texts(&telegram, ANNA).await, ["ответ 1", "ответ 2"]);
}

#[tokio::test]
async fn killed_after_every_step_of_a_conversation_each_answer_counts_once() {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    echo(&crm);
    for step in 1..=4 {
        let bot = Program::start(&telegram, &crm, &[]);
        telegram.send_text(ANNA, &step.to_string()).await.unwrap();
        crm.until_sent(&format!("d{step}")).await;
        bot.kill();
    }
    let _bot = Program::start(&telegram, &crm, &[]);
    telegram.send_text(ANNA, "5").await.unwrap();
    crm.until_sent("d5").await;
    let expected: Vec<String> = (1..=5).map(|step| format!("ответ {step}")).collect();
    assert_eq!(bot_texts(&telegram, ANNA).await, expected);
}

#[tokio::test]
async fn sigterm_finishes_what_is_in_hand_and_exits_cleanly() {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    echo(&crm);
    let bot = Program::start(&telegram, &crm, &[]);
    telegram.send_text(ANNA, "0").await.unwrap();
    crm.until_sent("d0").await;
    telegram
        .set_faults(&json!({"telegram": {"slow_ms": 700}}))
        .await
        .unwrap();
    crm.enqueue((1..=3).map(|n| text(&format!("q{n}"), ANNA, &n.to_string())));
    eventually("sending has begun", || async {
        let calls = telegram.requests().await.unwrap();
        (calls.iter().filter(|call| call.method == "sendMessage").count() >= 2 || crm.seen().sent("q1").is_some())
            .then_some(())
    })
    .await;
    let (code, took) = tokio::task::spawn_blocking(move || bot.terminate()).await.unwrap();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(9), "{took:?}");
    for id in ["q1", "q2", "q3"] {
        assert!(crm.seen().sent(id).is_some(), "{id} was in hand");
    }
    assert_eq!(bot_texts(&telegram, ANNA).await, ["ответ 0", "1", "2", "3"]);
}

#[tokio::test]
async fn sigterm_gives_back_what_cant_be_finished_in_time() {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    echo(&crm);
    let bot = Program::start(&telegram, &crm, &[]);
    telegram.send_text(ANNA, "0").await.unwrap();
    crm.until_sent("d0").await;
    let flood = json!({"telegram": {"too_many_requests_next": 1, "retry_after_s": 9}});
    telegram.set_faults(&flood).await.unwrap();
    crm.enqueue([text("q1", ANNA, "1"), text("q2", ANNA, "2")]);
    eventually("the flood", || async {
        let calls = telegram.requests().await.unwrap();
        calls.iter().any(|call| call.status == 429).then_some(())
    })
    .await;
    let (code, took) = tokio::task::spawn_blocking(move || bot.terminate()).await.unwrap();
    assert_eq!(code, Some(0));
    assert!(took < Duration::from_secs(9), "{took:?}");
    for id in ["q1", "q2"] {
        let given_back = matches!(crm.seen().outcomes(id)[..], [Outcome::RetryLater { .. }]);
        assert!(given_back, "{id}: another replica takes it at once");
    }
}

/// Even the most talkative log knows no token, no name and no word that was said.
#[tokio::test]
async fn logs_hold_no_secrets_and_no_personal_data() {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    for format in ["text", "json"] {
        crm.on_event(move |_| vec![text(format, ANNA, "ответ-тайна")]);
        let mut command = Command::new(env!("CARGO_BIN_EXE_bot"));
        command.env_clear().envs(settings(&telegram, &crm.url));
        command.envs([("RUST_LOG", "trace"), ("LOG_FORMAT", format)]);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        let read = |mut pipe: Box<dyn Read + Send>| {
            std::thread::spawn(move || {
                let mut text = String::new();
                pipe.read_to_string(&mut text).unwrap();
                text
            })
        };
        let out = read(Box::new(child.stdout.take().unwrap()));
        let err = read(Box::new(child.stderr.take().unwrap()));
        telegram.send_text(ANNA, &format!("тайна-{format}")).await.unwrap();
        crm.until_sent(format).await;
        Program(child).terminate();
        let log = out.join().unwrap() + &err.join().unwrap();
        assert!(log.contains("the bot has stopped"), "{log}");
        for private in ["test-token", TOKEN, "Анна", "тайна"] {
            assert!(!log.contains(private), "{private} is in the log");
        }
    }
}

#[tokio::test]
async fn the_webhook_works_with_the_secret_and_only_with_it() {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    echo(&crm);
    let port = free_port();
    let secret = "a-webhook-secret-0123456789";
    let url = format!("http://127.0.0.1:{port}/telegram/hook");
    let addr = format!("127.0.0.1:{port}");
    let more = [
        ("TELEGRAM_MODE", "webhook"),
        ("TELEGRAM_WEBHOOK_URL", url.as_str()),
        ("TELEGRAM_WEBHOOK_SECRET", secret),
        ("BOT_ADDR", addr.as_str()),
    ];
    let _bot = Program::start(&telegram, &crm, &more);
    eventually("the webhook is set", || async {
        (telegram.connected().await.unwrap() == "webhook").then_some(())
    })
    .await;
    telegram.send_text(ANNA, "1").await.unwrap();
    crm.until_sent("d1").await;

    let http = reqwest::Client::new();
    let forged = json!({"update_id": 77, "message": {"message_id": 1, "date": 1, "text": "forged",
        "from": {"id": ANNA, "is_bot": false, "first_name": "A"},
        "chat": {"id": ANNA, "type": "private", "first_name": "A"}}});
    for wrong in [None, Some(""), Some("a-webhook-secret-0123456788"), Some("a-webhook")] {
        let mut request = http.post(&url).json(&forged);
        if let Some(wrong) = wrong {
            request = request.header("X-Telegram-Bot-Api-Secret-Token", wrong);
        }
        assert_eq!(request.send().await.unwrap().status(), 401, "{wrong:?}");
    }
    telegram.send_text(ANNA, "2").await.unwrap();
    crm.until_sent("d2").await;
    assert_eq!(crm.seen().events.len(), 2, "the forged one went nowhere");

    // What can't be understood is acknowledged, or Telegram would repeat it for a day.
    let odd = http
        .post(&url)
        .header("X-Telegram-Bot-Api-Secret-Token", secret)
        .body("{}");
    assert_eq!(odd.send().await.unwrap().status(), 200);
}

#[tokio::test]
async fn in_webhook_mode_the_answer_to_telegram_waits_for_the_crm() {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    echo(&crm);
    crm.change(|seen| seen.away = Some(503));
    let port = free_port();
    let url = format!("http://127.0.0.1:{port}/telegram/hook");
    let addr = format!("127.0.0.1:{port}");
    let more = [
        ("TELEGRAM_MODE", "webhook"),
        ("TELEGRAM_WEBHOOK_URL", url.as_str()),
        ("TELEGRAM_WEBHOOK_SECRET", "a-webhook-secret-0123456789"),
        ("BOT_ADDR", addr.as_str()),
    ];
    let bot = Program::start(&telegram, &crm, &more);
    eventually("the webhook is set", || async {
        (telegram.connected().await.unwrap() == "webhook").then_some(())
    })
    .await;
    telegram.send_text(ANNA, "1").await.unwrap();
    telegram
        .wait_in_chat(ANNA, WAIT, |chat| chat.typing.is_some().then_some(()))
        .await
        .unwrap();
    bot.kill();
    crm.change(|seen| seen.away = None);
    let _bot = Program::start(&telegram, &crm, &more);
    crm.until_sent("d1").await;
    assert_eq!(bot_texts(&telegram, ANNA).await, ["ответ 1"]);
}

#[tokio::test]
async fn ready_only_when_telegram_and_the_crm_answer() {
    let telegram = telegram().await;
    let crm = Crm::start().await;
    crm.change(|seen| seen.away = Some(503));
    let addr = format!("127.0.0.1:{}", free_port());
    let _bot = Program::start(&telegram, &crm, &[("BOT_ADDR", &addr), ("LOG_FORMAT", "json")]);
    let http = reqwest::Client::new();
    let get = |path: &'static str| {
        let request = http.get(format!("http://{addr}{path}"));
        async move { request.send().await.ok() }
    };
    eventually("the server is up", || async {
        get("/healthz").await.filter(|r| r.status() == 200).map(drop)
    })
    .await;
    eventually("not ready", || async {
        get("/readyz").await.filter(|r| r.status() == 503).map(drop)
    })
    .await;
    crm.change(|seen| seen.away = None);
    eventually("ready", || async {
        get("/readyz").await.filter(|r| r.status() == 200).map(drop)
    })
    .await;
    let metrics = get("/metrics").await.unwrap().text().await.unwrap();
    assert!(metrics.contains("bot_updates_total"), "{metrics}");
}
