//! SMTP spoken by hand.

use std::time::Duration;

use anyhow::{Context, ensure};
use sandbox::Config;
use serde_json::{Value, json};
use tokio::{
    io::{AsyncBufReadExt, AsyncWriteExt, BufReader},
    net::TcpStream,
};

use crate::{World, ears::SOON};

struct Client(BufReader<TcpStream>);

impl Client {
    async fn connect(world: &World) -> anyhow::Result<Self> {
        let addr = world.sandbox.smtp_addr.context("there is no mail server")?;
        Ok(Self(BufReader::new(TcpStream::connect(addr).await?)))
    }

    /// The last line of an answer.
    async fn answer(&mut self) -> anyhow::Result<String> {
        loop {
            let mut line = String::new();
            ensure!(self.0.read_line(&mut line).await? > 0, "the server hung up");
            if line.as_bytes().get(3) == Some(&b' ') {
                return Ok(line.trim_end().to_owned());
            }
        }
    }

    async fn say(&mut self, line: &str) -> anyhow::Result<String> {
        self.0.write_all(format!("{line}\r\n").as_bytes()).await?;
        self.answer().await
    }

    async fn expect(&mut self, line: &str, code: &str) -> anyhow::Result<()> {
        let answer = self.say(line).await?;
        ensure!(answer.starts_with(code), "{line}: {answer}");
        Ok(())
    }

    async fn greeted(world: &World) -> anyhow::Result<Self> {
        let mut client = Self::connect(world).await?;
        ensure!(client.answer().await?.starts_with("220"));
        client.expect("EHLO test", "250").await?;
        Ok(client)
    }

    async fn send(&mut self, to: &str, content: &str) -> anyhow::Result<String> {
        self.expect("MAIL FROM:<shop@example.ru> SIZE=100", "250").await?;
        self.expect(&format!("RCPT TO:<{to}>"), "250").await?;
        self.expect("DATA", "354").await?;
        self.say(&format!("{content}\r\n.")).await
    }
}

const LETTER: &str = "From: =?utf-8?B?0KjQutC+0LvQsA==?= <shop@example.ru>\r\nTo: anna@example.ru\r\n\
    Subject: =?UTF-8?Q?=D0=92=D0=B0=D1=88=D0=B0_=D0=BF=D1=80=D0=BE=D0=B3=D1=80=D0=B0=D0=BC=D0=BC=D0=B0?=\r\n\
    MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=\"b1\"\r\n\r\n--b1\r\n\
    Content-Type: multipart/alternative; boundary=\"b2\"\r\n\r\n--b2\r\nContent-Type: text/plain; charset=utf-8\r\n\r\n\
    Здравствуйте!\r\n..точка в начале\r\n--b2\r\nContent-Type: text/html; charset=utf-8\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nPGI+0J/RgNC40LLQtdGCPC9iPjxzY3JpcHQ+MTwvc2NyaXB0Pg==\r\n--b2--\r\n--b1\r\n\
    Content-Type: application/pdf\r\nContent-Disposition: attachment; filename*=utf-8''%D0%BF%D0%BB%D0%B0%D0%BD.pdf\r\n\
    Content-Transfer-Encoding: base64\r\n\r\nJVBERi0=\r\n--b1--\r\n";

#[tokio::test]
async fn a_letter_is_caught_read_and_shown() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut client = Client::greeted(&world).await?;
    client.expect("AUTH PLAIN AHNob3AAc2VjcmV0", "235").await?;
    ensure!(client.send("anna@example.ru", LETTER).await?.starts_with("250"));
    client.expect("QUIT", "221").await?;

    let mail = world.sandbox.wait_for_mail("anna@example.ru", 0, SOON).await?;
    assert_eq!(mail["subject"], "Ваша программа");
    assert_eq!(mail["from"], "Школа <shop@example.ru>");
    assert_eq!(
        (&mail["envelope_to"], &mail["user"]),
        (&json!(["anna@example.ru"]), &json!("shop"))
    );
    assert_eq!(mail["text"], "Здравствуйте!\r\n.точка в начале");
    assert_eq!(mail["attachments"][0]["name"], "план.pdf");
    let id = mail["id"].as_u64().unwrap_or_default();
    let get = |path: String| world.http.get(world.sandbox.url(&path)).send();
    let html = get(format!("/sandbox/mail/{id}/html")).await?;
    let policy = html.headers()["content-security-policy"].to_str()?.to_owned();
    assert!(policy.starts_with("sandbox") && !policy.contains("allow-scripts"));
    assert!(html.text().await?.contains("<b>Привет</b>"));
    let file = get(format!("/sandbox/mail/{id}/attachments/0")).await?;
    assert_eq!(file.bytes().await?.as_ref(), b"%PDF-");
    assert!(
        get(format!("/sandbox/mail/{id}/raw"))
            .await?
            .text()
            .await?
            .contains("boundary=\"b1\"")
    );
    assert_eq!(get("/sandbox/mail/99".to_owned()).await?.status(), 404);
    world.http.delete(world.sandbox.url("/sandbox/mail")).send().await?;
    assert!(world.sandbox.mails("").await?.is_empty());
    Ok(())
}

#[tokio::test]
async fn commands_out_of_order_are_refused_and_the_talk_goes_on() -> anyhow::Result<()> {
    let world = World::start().await?;
    let mut client = Client::connect(&world).await?;
    client.answer().await?;
    for (line, code) in [
        ("MAIL FROM:<a@b.ru>", "503"),
        ("NONSENSE", "500"),
        ("HELO test", "250"),
        ("RCPT TO:<a@b.ru>", "503"),
        ("MAIL FROM: nobody", "501"),
        ("MAIL FROM:<>", "250"),
        ("RCPT TO:<nobody>", "501"),
        ("DATA", "503"),
        ("STARTTLS", "502"),
        ("AUTH CRAM-MD5", "504"),
        ("AUTH LOGIN", "334"),
        ("c2hvcA==", "334"),
        ("c2VjcmV0", "235"),
        ("VRFY a", "252"),
        ("NOOP", "250"),
        ("RSET", "250"),
    ] {
        client.expect(line, code).await?;
    }
    client.send("two@example.ru", "Subject: a\r\n\r\nb").await?;
    client.send("two@example.ru", "Subject: c\r\n\r\nd").await?;
    assert_eq!(world.sandbox.mails("two@").await?.len(), 2);
    Ok(())
}

#[tokio::test]
async fn bad_days_of_a_mail_server() -> anyhow::Result<()> {
    let world = World::start().await?;
    let faults = async |patch: Value| world.sandbox.set_faults(&json!({"mail": patch})).await;
    faults(json!({"busy": {"next": 1}})).await?;
    assert!(Client::connect(&world).await?.answer().await?.starts_with("421"));
    faults(json!({"refuse": {"next": 1}, "defer": {"next": 1}, "refuse_auth": {"next": 1}})).await?;
    let mut client = Client::greeted(&world).await?;
    client.expect("AUTH PLAIN AHNob3AAc2VjcmV0", "535").await?;
    client.expect("MAIL FROM:<a@b.ru>", "250").await?;
    client.expect("RCPT TO:<c@d.ru>", "550").await?;
    client.expect("RCPT TO:<c@d.ru>", "451").await?;
    client.expect("RCPT TO:<c@d.ru>", "250").await?;

    faults(json!({"drop_mail": {"next": 1}})).await?;
    let mut client = Client::greeted(&world).await?;
    assert!(client.send("lost@example.ru", "Subject: x\r\n\r\ny").await.is_err());
    faults(json!({"drop_response": {"next": 1}})).await?;
    let mut client = Client::greeted(&world).await?;
    assert!(client.send("kept@example.ru", "Subject: x\r\n\r\ny").await.is_err());
    world.sandbox.wait_for_mail("kept@example.ru", 0, SOON).await?;
    assert!(world.sandbox.mails("lost@").await?.is_empty());
    faults(json!({"slow_ms": 100})).await?;
    let began = std::time::Instant::now();
    Client::greeted(&world).await?;
    assert!(began.elapsed() >= Duration::from_millis(200));
    Ok(())
}

#[tokio::test]
async fn the_catcher_can_be_off() -> anyhow::Result<()> {
    let config = Config {
        smtp_addr: None,
        ..Config::default()
    };
    let world = World::with(config).await?;
    assert!(world.sandbox.smtp_addr.is_none());
    let list: Value = world
        .http
        .get(world.sandbox.url("/sandbox/mail"))
        .send()
        .await?
        .json()
        .await?;
    assert_eq!(list["smtp_addr"], Value::Null);
    Ok(())
}
